"""Word vectors in whatever format: which one a file has, and which one a name asks for."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xw2v.config import Vectors
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats.arrays import read_numpy_directory, write_numpy_directory
from xw2v.formats.model_directory import is_model, load_word_vectors
from xw2v.formats.tables import read_parquet, write_parquet, write_tensorboard
from xw2v.formats.word2vec import (
    read_glove_text,
    read_word2vec_binary,
    read_word2vec_text,
    write_glove_text,
    write_word2vec_binary,
    write_word2vec_text,
)
from xw2v.vectors import WordVectors

__all__ = [
    "READABLE",
    "WRITABLE",
    "format_of_file",
    "format_of_name",
    "read_vectors",
    "write_vectors",
]

_HEAD = 1 << 16
_GZIP = b"\x1f\x8b"
_NUMBER_BYTES = frozenset(b"0123456789+-.eEnaifINF \r\n\t")


@dataclass(frozen=True)
class _Format:
    """A format of files of vectors."""

    suffixes: tuple[str, ...] = ()
    read: Callable[[Path], WordVectors] | None = None
    write: Callable[[Path, WordVectors, bool], None] | None = None


def _matrix(vectors: WordVectors) -> npt.NDArray[np.float32]:
    return np.asarray(vectors.vectors, np.float32)


_FORMATS: dict[str, _Format] = {
    "model": _Format(read=load_word_vectors),
    "word2vec-text": _Format(
        (".txt", ".vec"),
        read_word2vec_text,
        lambda path, v, _: write_word2vec_text(path, v.index_to_key, _matrix(v)),
    ),
    "word2vec-binary": _Format(
        (".bin",),
        read_word2vec_binary,
        lambda path, v, _: write_word2vec_binary(path, v.index_to_key, _matrix(v)),
    ),
    "glove": _Format(
        (".glove",),
        read_glove_text,
        lambda path, v, _: write_glove_text(path, v.index_to_key, _matrix(v)),
    ),
    "parquet": _Format(
        (".parquet", ".pq"),
        read_parquet,
        lambda path, v, _: write_parquet(path, v.index_to_key, _matrix(v), v.counts),
    ),
    "numpy": _Format(
        (),
        read_numpy_directory,
        lambda path, v, overwrite: write_numpy_directory(
            path, v.index_to_key, _matrix(v), overwrite=overwrite
        ),
    ),
    "tensorboard": _Format(
        (),
        None,
        lambda path, v, overwrite: write_tensorboard(
            path, v.index_to_key, _matrix(v), v.counts, overwrite=overwrite
        ),
    ),
}
READABLE = tuple(name for name, kind in _FORMATS.items() if kind.read is not None)
WRITABLE = tuple(name for name, kind in _FORMATS.items() if kind.write is not None)
# What a file that must not be loaded begins with.
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def read_vectors(
    path: str | PathLike[str],
    format: str | None = None,  # noqa: A002
    vectors: Vectors | None = None,
) -> WordVectors:
    """Read word vectors in any format.

    Parameters
    ----------
    path : path
        A model directory, a directory of NumPy arrays, or a file of vectors: word2vec's text
        (fastText's ``.vec`` is the same) or binary format, GloVe's text, Parquet; text and binary
        also compressed by gzip.
    format : str, optional
        One of `READABLE`; None goes by the content.
    vectors : {"input", "output", "mean", "concat"}, optional
        Which vectors of a model.

    Returns
    -------
    WordVectors

    Raises
    ------
    ModelFileError
        If the file is missing, damaged or of no format that can be read.
    ConfigError
        If `format` is none of these, or `vectors` is given and it is no model.
    """
    path = Path(path)
    name = format_of_file(path) if format is None else format
    if name == "model":
        return load_word_vectors(path, vectors)
    if vectors is not None:
        raise ConfigError(f"vectors={vectors!r} is for models, and {path} is none: leave it out")
    read = _FORMATS[name].read if name in READABLE else None
    if read is None:
        raise ConfigError(f"format must be one of {', '.join(READABLE)}, not {name!r}")
    return read(path)


def write_vectors(
    path: str | PathLike[str],
    vectors: WordVectors,
    format: str | None = None,  # noqa: A002
    *,
    overwrite: bool = False,
) -> None:
    """Write word vectors.

    Parameters
    ----------
    path : path
        A file, or for "numpy" and "tensorboard" a directory.
    vectors : WordVectors
    format : str, optional
        One of `WRITABLE`; None goes by the ending of the name.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    ModelFileError
        If something is there already, the format cannot hold a word, or writing fails.
    ConfigError
        If `format` is none of these, or the name does not tell.
    """
    path = Path(path)
    name = format_of_name(path) if format is None else format
    write = _FORMATS[name].write if name in WRITABLE else None
    if write is None:
        raise ConfigError(f"format must be one of {', '.join(WRITABLE)}, not {name!r}")
    if path.is_file() and not overwrite:
        raise ModelFileError(f"{path} exists already; choose another name or overwrite it")
    write(path, vectors, overwrite)


def format_of_name(path: Path) -> str:
    """Return the format that the ending of a name asks for.

    Raises
    ------
    ConfigError
        If it asks for none.
    """
    name = path.name.lower().removesuffix(".gz")
    for format_name, kind in _FORMATS.items():
        if name.endswith(kind.suffixes):
            return format_name
    endings = ", ".join(suffix for kind in _FORMATS.values() for suffix in kind.suffixes)
    raise ConfigError(
        f"the name {path} does not tell which format to write: end it in one of {endings}, or name "
        f"a format: {', '.join(WRITABLE)}"
    )


def format_of_file(path: Path) -> str:
    """Return the format of a file or directory of vectors, by what is in it.

    Raises
    ------
    ModelFileError
        If it cannot be read, or is of no format that can be.
    """
    if not path.exists():
        return "model"  # reading which tells what an interrupted save has left
    if path.is_dir():
        if is_model(path):
            return "model"
        if (path / "W_in.npy").exists():
            return "numpy"
        raise ModelFileError(
            f"{path} is a directory, but neither an xw2v model nor one with a W_in.npy in it"
        )
    head = _head(path)
    if head.startswith(b"PAR1"):
        return "parquet"
    _refuse_unsafe(path, head)
    first, _, rest = head.partition(b"\n")
    fields = first.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        numbers = rest.partition(b" ")[2][:200]
        is_text = not int(fields[1]) or set(numbers.partition(b"\n")[0]) <= _NUMBER_BYTES
        return "word2vec-text" if is_text else "word2vec-binary"
    return "glove"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith(_GZIP):
            with gzip.open(path) as unpacked:
                head = unpacked.read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(f"cannot read {path}: {reason}") from error
    if not head:
        raise ModelFileError(f"{path} is empty; it holds no vectors")
    return head


def _refuse_unsafe(path: Path, head: bytes) -> None:
    """Raise where loading a file would run what is in it, or it lacks the words."""
    if head.startswith(_PICKLES):
        raise ModelFileError(
            f"{path} is a pickle, which can run anything when it is loaded, so xw2v does not load "
            "it; write it anew where it comes from, in gensim for one by "
            "model.wv.save_word2vec_format('vectors.bin', binary=True)"
        )
    if head.startswith(b"PK\x03\x04"):
        raise ModelFileError(
            f"{path} is a zip archive, as PyTorch's files are, which may hold pickles: save the "
            "vectors as W_in.npy and the words as word_to_id.json in a directory"
        )
    if head.startswith(b"\x93NUMPY"):
        raise ModelFileError(
            f"{path} is a NumPy array without words: name a directory that holds it as W_in.npy, "
            "with the words in word_to_id.json"
        )

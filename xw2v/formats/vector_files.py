"""Word vectors in whatever format: which one a file has, and which one a name asks for."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xw2v.backend import get_device
from xw2v.config import Vectors
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats.arrays import (
    NumpyDirectory,
    load_numpy_directory,
    read_numpy_directory,
    write_numpy_directory,
)
from xw2v.formats.model_directory import SavedModel, is_model, load_model, load_word_vectors
from xw2v.formats.tables import read_parquet, write_parquet, write_tensorboard
from xw2v.formats.text_vectors import as_header
from xw2v.formats.word2vec import (
    read_glove_text,
    read_word2vec_binary,
    read_word2vec_text,
    write_glove_text,
    write_word2vec_binary,
    write_word2vec_text,
)
from xw2v.vectors import WordVectors
from xw2v.vectors.arrays import to_numpy

__all__ = [
    "READABLE",
    "WRITABLE",
    "convert_vectors",
    "format_of_file",
    "format_of_name",
    "load_vectors",
    "read_vectors",
    "write_vectors",
]

# Holds the longest word that the formats of word2vec allow, and more.
_HEAD = 1 << 21
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_NUMBER_BYTES = frozenset(b"0123456789+-.eEnaifINF \r\n\t")


@dataclass(frozen=True)
class _Format:
    """A format of files of vectors."""

    suffixes: tuple[str, ...] = ()
    read: Callable[[Path], WordVectors] | None = None
    write: Callable[[Path, WordVectors, bool], None] | None = None


def _matrix(vectors: WordVectors) -> npt.NDArray[np.float32]:
    return np.asarray(to_numpy(vectors.vectors), np.float32)


def _write_glove(path: Path, vectors: WordVectors) -> None:
    # Nothing but the first word comes first in these files, whatever it looks like.
    first = "".join(vectors.index_to_key[:1])
    head = first.encode(errors="replace")
    if head.startswith(_PARQUET) or _why_unsafe(head) is not None:
        raise ModelFileError(
            f"cannot write {path}: the word {first[:20]!r} at its beginning would make it look "
            "like a file of another kind; put another word first or choose another format"
        )
    write_glove_text(path, vectors.index_to_key, _matrix(vectors))


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
        lambda path, v, _: _write_glove(path, v),
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
_PICKLE = (
    "is a pickle, which can run anything when it is loaded, so xw2v does not load it; write it "
    "anew where it comes from, in gensim for one by "
    "model.wv.save_word2vec_format('vectors.bin', binary=True)"
)
# What files that must not be loaded, or lack the words, begin with.
_UNSAFE = {
    **{b"\x80%c" % protocol: _PICKLE for protocol in range(2, 10)},
    b"PK\x03\x04": "is a zip archive, as PyTorch's files are, which may hold pickles: save the "
    "vectors as W_in.npy and the words as word_to_id.json in a directory",
    b"\x93NUMPY": "is a NumPy array without words: name a directory that holds it as W_in.npy, "
    "with the words in word_to_id.json",
    (793712314).to_bytes(4, "little"): "is a model of fastText, whose words are made of parts; "
    "write its vectors as text, by fastText's bin_to_vec.py, or in gensim by "
    "gensim.models.fasttext.load_facebook_vectors(path).save_word2vec_format('vectors.vec')",
    b"\x89HDF\r\n": "is an HDF5 file: save the vectors as W_in.npy and the words as "
    "word_to_id.json in a directory",
}


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
        Which vectors of a model or a directory of NumPy arrays.

    Returns
    -------
    WordVectors

    Raises
    ------
    ModelFileError
        If the file is missing, damaged or of no format that can be read.
    ConfigError
        If `format` is none of these, or `vectors` is given and the file has only one kind.
    """
    path = Path(path)
    name = format_of_file(path) if format is None else format
    if name == "model":
        return load_word_vectors(path, vectors)
    if name == "numpy":
        return read_numpy_directory(path, vectors)
    if vectors is not None:
        raise ConfigError(f"vectors={vectors!r} is for models, and {path} is none: leave it out")
    read = _FORMATS[name].read if name in READABLE else None
    if read is None:
        raise ConfigError(f"format must be one of {', '.join(READABLE)}, not {name!r}")
    return read(path)


def load_vectors(
    path: str | PathLike[str],
    format: str | None = None,  # noqa: A002
    vectors: Vectors | None = None,
    *,
    device: str = "cpu",
    mmap: bool = True,
    verify: bool = False,
) -> WordVectors:
    """Load word vectors for queries: those of a model within a second, however large it is.

    Parameters
    ----------
    path : path
        A model directory, or a file or directory in any other format that `read_vectors` takes.
    format : str, optional
        One of `READABLE`; None goes by the content.
    vectors : {"input", "output", "mean", "concat"}, optional
        Which vectors of a model or a directory of NumPy arrays.
    device : str
        Where queries are answered: ``"cpu"``, ``"cuda"``, ``"cuda:N"``, or ``"auto"``; see
        `WordVectors.to_device`.
    mmap : bool
        Leave the vectors of a model, or of a directory of NumPy arrays, in their file, mapped to
        memory: they are read as they are asked for, and processes that map the same file share
        the memory. Files in other formats are read as a whole, since their numbers lie between
        the words, or are packed; and so are arrays that are not float32, in rows. Do not
        overwrite a mapped file in place; saving a model with `overwrite` does not, but replaces
        it, which Windows refuses as long as the file is mapped.
    verify : bool
        Check the SHA-256 sum of the file of a model's vectors, which reads all of it. Otherwise
        that file counts as sound if its header agrees with its length, the vocabulary and the
        hyperparameters; sums of the other files are checked anyway. `Word2Vec.load` and
        `read_vectors`, hence conversions, always check all.

    Returns
    -------
    WordVectors

    Raises
    ------
    ModelFileError, ConfigError
        As `read_vectors`. If mapped vectors hold NaN or infinity, the first query that reads
        all of them raises ConfigError.
    DeviceError
        If the device cannot be used, or has not the memory.
    """
    device = get_device(device).name  # before the file is read, not after
    path = Path(path)
    name = format_of_file(path) if format is None else format
    if name == "model":
        loaded = load_word_vectors(path, vectors, mmap=mmap, verify=verify)
    elif name == "numpy":
        loaded = read_numpy_directory(path, vectors, mmap=mmap)
    else:
        loaded = read_vectors(path, name, vectors)
    return loaded if device == "cpu" else loaded.to_device(device)


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


def convert_vectors(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    vectors: Vectors | None = None,
    overwrite: bool = False,
) -> WordVectors:
    """Write vectors in another format.

    From a model, a directory of NumPy arrays gets all that it can hold: both matrices, the
    hyperparameters and the loss of each report, unless `vectors` names some. (The output vectors
    of hierarchical softmax belong to no words, and are left out.)

    Parameters
    ----------
    source, target : path
        As for `read_vectors` and `write_vectors`.
    from_format, to_format : str, optional
        As their `format`.
    vectors : {"input", "output", "mean", "concat"}, optional
        Which vectors of a model or a directory of NumPy arrays.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    WordVectors
        What was written.

    Raises
    ------
    ModelFileError, ConfigError
        As `read_vectors` and `write_vectors`.
    """
    source, target = Path(source), Path(target)
    to = format_of_name(target) if to_format is None else to_format
    kind = format_of_file(source) if from_format is None else from_format
    if to != "numpy" or vectors is not None or kind not in ("model", "numpy"):
        found = read_vectors(source, kind, vectors)
        write_vectors(target, found, to, overwrite=overwrite)
        return found
    whole = load_numpy_directory(source) if kind == "numpy" else _arrays(load_model(source))
    write_numpy_directory(
        target,
        whole.words,
        whole.input_vectors,
        output_vectors=whole.output_vectors,
        config=whole.config,
        loss_history=whole.loss_history,
        overwrite=overwrite,
    )
    return WordVectors(whole.words, whole.input_vectors)


def _arrays(model: SavedModel) -> NumpyDirectory:
    """Return what a directory of NumPy arrays can hold of a model."""
    of_words = model.config.output != "hierarchical"
    return NumpyDirectory(
        words=model.words,
        input_vectors=model.input_vectors,
        output_vectors=model.output_vectors if of_words else None,
        config=model.config.to_dict(),
        loss_history=np.array([r.get("loss", np.nan) for r in model.loss_history], np.float64),
    )


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
    if head.startswith(_PARQUET):
        return "parquet"
    reason = _why_unsafe(head)
    if reason is not None:
        raise ModelFileError(f"{path} {reason}")
    first, _, rest = head.partition(b"\n")
    header = as_header(first)
    if header is None:
        return "glove"
    # The beginning of the first vector. One in binary may hold a newline, and digits before it;
    # only if it is very short it may be nothing but digits, and cannot be told from text.
    numbers = rest.partition(b" ")[2][:200].partition(b"\n")[0]
    is_text = set(numbers) <= _NUMBER_BYTES and len(numbers.split()) >= min(header[1], 2)
    return "word2vec-text" if is_text else "word2vec-binary"


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


def _why_unsafe(head: bytes) -> str | None:
    """Say why a file is not read: loading it could run what is in it, or it lacks the words."""
    # The size of its header and the header; the size may begin as a pickle does.
    if head[2:8] == bytes(6) and head[8:10] == b'{"':
        return "is a safetensors file, which lacks the words: name the directory of the model"
    return next((reason for magic, reason in _UNSAFE.items() if head.startswith(magic)), None)

"""Vectors as plain NumPy arrays: a directory that a few lines of Python read and write.

=====================  ========================================================================
W_in.npy               the vectors of the words, float32, shape (V, D)
W_out.npy              those of the words as they are predicted, of the same shape; optional
word_to_id.json        ``{"word": id}``: the row of each word
id_to_word.json        ``{"id": "word"}``: the same the other way round; a list of the words, by
                       row, is read as well
config.json            a JSON object, the hyperparameters for one; optional
loss_history.npy       the training loss over time, shape (n,); optional
=====================  ========================================================================

Arrays of Python objects would be pickled, and loading a pickle can run anything: they are neither
written nor read.
"""

import json
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from xw2v.atomic import (
    interrupted_overwrites,
    replacing_directory,
    sync_directory,
    sync_file,
    why_not_replaceable,
)
from xw2v.config import Vectors
from xw2v.errors import ModelFileError
from xw2v.formats.json_files import json_bytes
from xw2v.formats.mapped import map_floats
from xw2v.vectors import WordVectors, matrices_needed, word_vector_rows

__all__ = [
    "NumpyDirectory",
    "first_not_finite",
    "load_numpy_directory",
    "matrix_to_write",
    "read_numpy_directory",
    "write_numpy_directory",
]

_INPUT = "W_in.npy"
_OUTPUT = "W_out.npy"
_WORD_TO_ID = "word_to_id.json"
_ID_TO_WORD = "id_to_word.json"
_CONFIG = "config.json"
_LOSS = "loss_history.npy"
_FILES = (_INPUT, _OUTPUT, _WORD_TO_ID, _ID_TO_WORD, _CONFIG, _LOSS)

_NOUN = "directory of NumPy arrays"

# Numbers looked at or converted at once: bounds the memory to some ten MB.
_VALUES_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class NumpyDirectory:
    """All that is in a directory of NumPy arrays.

    Attributes
    ----------
    words : sequence of str
        The V words, by row.
    input_vectors : ndarray, shape (V, D), float32
        W_in.npy.
    output_vectors : ndarray, shape (V, D), float32, or None
        W_out.npy, if it is there.
    config : mapping or None
        config.json, if it is there.
    loss_history : ndarray, shape (n,), float64, or None
        loss_history.npy, if it is there; may hold NaN and infinity.
    """

    words: Sequence[str]
    input_vectors: npt.NDArray[np.float32]
    output_vectors: npt.NDArray[np.float32] | None = None
    config: Mapping[str, Any] | None = None
    loss_history: npt.NDArray[np.float64] | None = None


def write_numpy_directory(
    path: str | PathLike[str],
    words: Sequence[str],
    vectors: npt.ArrayLike,
    *,
    output_vectors: npt.ArrayLike | None = None,
    config: Mapping[str, Any] | None = None,
    loss_history: npt.ArrayLike | None = None,
    overwrite: bool = False,
) -> None:
    """Write vectors as NumPy arrays, with their words in JSON files, in a directory.

    The directory takes its name once it is complete and on the disk.

    Parameters
    ----------
    path : path
        The directory to be. Missing parents are created; a symbolic link is followed.
    words : sequence of str
        V words, each of them once.
    vectors : array_like, shape (V, D)
        Written as float32.
    output_vectors : array_like, shape (V, D), optional
        The vectors of the words as they are predicted; written as float32.
    config : mapping, optional
        What JSON can hold.
    loss_history : array_like, shape (n,), optional
        Written as float64; NaN and infinity are allowed here.
    overwrite : bool
        Whether such a directory that is there may be replaced.

    Raises
    ------
    ModelFileError
        If the shapes disagree, a word occurs twice, a value is NaN or infinite, the
        configuration is nothing that JSON can hold, the name is taken, or writing fails.
    """
    path = Path(path)
    arrays: dict[str, npt.NDArray[np.floating]] = {_INPUT: matrix_to_write(path, words, vectors)}
    if output_vectors is not None:
        arrays[_OUTPUT] = _output_to_write(path, words, output_vectors, arrays[_INPUT].shape)
    if loss_history is not None:
        arrays[_LOSS] = _loss_to_write(path, loss_history)
    texts = {
        _WORD_TO_ID: json_bytes({word: row for row, word in enumerate(words)}),
        _ID_TO_WORD: json_bytes({str(row): word for row, word in enumerate(words)}),
    }
    if config is not None:
        try:
            texts[_CONFIG] = json_bytes(dict(config), indent=2)
        except (TypeError, ValueError, RecursionError) as error:
            raise ModelFileError(
                f"cannot write {path / _CONFIG}: {error}; a configuration holds strings, finite "
                "numbers, booleans, None, and lists and dictionaries of them"
            ) from error
    try:
        resolved = path.resolve()
        reason = why_not_replaceable(
            resolved, _NOUN, is_one=_is_numpy_directory, is_part=_is_ours, overwrite=overwrite
        )
        if reason is not None:
            raise ModelFileError(reason)
        with replacing_directory(resolved) as temporary:
            for name, array in arrays.items():
                with (temporary / name).open("wb") as file:
                    np.save(file, array, allow_pickle=False)
                sync_file(temporary / name)
            for name, text in texts.items():
                (temporary / name).write_bytes(text)
                sync_file(temporary / name)
            sync_directory(temporary)
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}"
        ) from error


def read_numpy_directory(
    path: str | PathLike[str], vectors: Vectors | None = None, *, mmap: bool = False
) -> WordVectors:
    """Read the vectors of a directory of NumPy arrays, and only what they need.

    Parameters
    ----------
    path : path
        Needed are the arrays of the vectors and one of ``word_to_id.json`` and
        ``id_to_word.json``; where both are there, they must agree.
    vectors : {"input", "output", "mean", "concat"}, optional
        Which vectors; None takes ``W_in.npy``, as ``"input"`` does.
    mmap : bool
        Leave arrays of float32 that lie row by row in their files, mapped to memory. NaN and
        infinity are looked for by the first query that reads all vectors; ``"mean"`` and
        ``"concat"`` are computed in memory anyway.

    Returns
    -------
    WordVectors
        Of float32; float16 and float64 arrays are converted. Counts are unknown.

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, the ids are not 0 to V - 1, each of them once, an array
        does not have a row for each word or is not one of floats, or a value is NaN or infinite;
        the message names the file.
    ConfigError
        If there are no such vectors.
    """
    path = Path(path)
    kind = vectors or "input"
    needed = matrices_needed(kind)
    words = _words_of(path)
    mmap = mmap and len(needed) == 1
    W_in = _read_matrix(path / _INPUT, words, mmap=mmap) if "input" in needed else None
    W_out = _read_matrix(path / _OUTPUT, words, mmap=mmap) if "output" in needed else None
    _check_alike(path, W_in, W_out)
    return WordVectors(words, word_vector_rows(W_in, W_out, kind), check_finite=not mmap)


def load_numpy_directory(path: str | PathLike[str]) -> NumpyDirectory:
    """Read everything in a directory of NumPy arrays.

    Parameters
    ----------
    path : path

    Returns
    -------
    NumpyDirectory

    Raises
    ------
    ModelFileError
        As `read_numpy_directory`; and if W_out.npy differs from W_in.npy in shape,
        loss_history.npy is no list of numbers, or config.json no JSON object.
    """
    path = Path(path)
    words = _words_of(path)
    W_in = _read_matrix(path / _INPUT, words)
    W_out = _read_matrix(path / _OUTPUT, words) if (path / _OUTPUT).exists() else None
    _check_alike(path, W_in, W_out)
    return NumpyDirectory(
        words,
        W_in,
        W_out,
        _read_config(path / _CONFIG) if (path / _CONFIG).exists() else None,
        _read_loss(path / _LOSS) if (path / _LOSS).exists() else None,
    )


def matrix_to_write(
    path: Path, words: Sequence[str], vectors: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Return vectors as a float32 matrix, once they and their words are fit to be written.

    Parameters
    ----------
    path : Path
        What is to be written, for messages.
    words : sequence of str
    vectors : array_like

    Returns
    -------
    ndarray, shape (V, D), float32
        Contiguous; the vectors themselves where they are such an array.

    Raises
    ------
    ModelFileError
        If the shapes disagree, a word occurs twice, or a value is NaN or infinite, perhaps only
        as float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        table = np.ascontiguousarray(vectors, dtype=np.float32)
    if table.ndim != 2 or table.shape[0] != len(words):
        raise ModelFileError(
            f"cannot write {path}: {len(words)} words, but vectors of shape {table.shape}"
        )
    twice = _first_duplicate(words)
    if twice is not None:
        raise ModelFileError(
            f"cannot write {path}: the word {words[twice[1]]!r} occurs in rows {twice[0]} and "
            f"{twice[1]}; give each word once"
        )
    row = first_not_finite(table)
    if row is not None:
        raise ModelFileError(
            f"cannot write {path}: the vector of {words[row]!r} holds NaN or infinity; a training "
            "run that diverges leaves that, a lower alpha helps"
        )
    return table


def first_not_finite(table: npt.NDArray[np.floating]) -> int | None:
    """Return the first row of a matrix that holds NaN or infinity, or None."""
    step = max(1, _VALUES_AT_ONCE // max(1, table.shape[1]))
    for start in range(0, len(table), step):
        finite = np.isfinite(table[start : start + step]).all(axis=1)
        if not finite.all():
            return start + int(np.argmin(finite))
    return None


def _first_duplicate(words: Sequence[str]) -> tuple[int, int] | None:
    """Return the rows of a word that occurs twice, or None."""
    if len(set(words)) == len(words):
        return None
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        if rows.setdefault(word, row) != row:
            return rows[word], row
    return None


def _output_to_write(
    path: Path, words: Sequence[str], vectors: npt.ArrayLike, due: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    shape = np.shape(vectors)
    if shape != due:
        raise ModelFileError(
            f"cannot write {path}: output vectors of shape {shape}, but vectors of shape {due}; "
            "those of hierarchical softmax belong to no words: leave them out"
        )
    return matrix_to_write(path / _OUTPUT, words, vectors)


def _loss_to_write(path: Path, loss_history: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        loss = np.asarray(loss_history, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            f"cannot write {path / _LOSS}: {error}; a loss history is a list of numbers"
        ) from error
    if loss.ndim != 1:
        raise ModelFileError(
            f"cannot write {path / _LOSS}: a loss history of shape {loss.shape}; it must be a "
            "list of numbers"
        )
    return loss


def _is_numpy_directory(path: Path) -> bool:
    return (path / _INPUT).is_file()


def _is_ours(name: str) -> bool:
    return name in _FILES


def _words_of(directory: Path) -> list[str]:
    """Read the words by row, from whichever of the two files is there."""
    if not directory.is_dir():
        kind = "is a file, not a directory" if directory.exists() else "does not exist"
        old = interrupted_overwrites(directory, _is_numpy_directory)
        hint = f"; an interrupted overwrite left {', '.join(map(str, old))}" if old else ""
        raise ModelFileError(f"cannot read {directory}: it {kind}{hint}")
    word_to_id, id_to_word = directory / _WORD_TO_ID, directory / _ID_TO_WORD
    found = []
    if word_to_id.exists():
        found.append(_words_by_id(word_to_id, _read_pairs(word_to_id)))
    if id_to_word.exists():
        pairs = [(word, _parsed_id(id_)) for id_, word in _read_pairs(id_to_word, lists=True)]
        found.append(_words_by_id(id_to_word, pairs))
    if not found:
        raise ModelFileError(
            f"cannot read {directory}: it has neither {_WORD_TO_ID} nor {_ID_TO_WORD}, so nothing "
            "tells which row belongs to which word"
        )
    if found[0] != found[-1]:
        raise ModelFileError(
            f"{word_to_id} and {_ID_TO_WORD} next to it disagree{_first_difference(*found)}; "
            "delete the one that is wrong"
        )
    return found[0]


def _first_difference(one: list[str], other: list[str]) -> str:
    if len(one) != len(other):
        return f": {len(one)} words and {len(other)}"
    row = next(row for row, word in enumerate(one) if word != other[row])
    return f" on id {row}: {one[row]!r} and {other[row]!r}"


def _read_json(path: Path, hook: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    """Read a JSON file; the hook makes objects of their members, those of equal names as well."""
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=hook)
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error


def _read_pairs(path: Path, lists: bool = False) -> list[tuple[Any, Any]]:
    """Read the members of a JSON object, or of a list, whose members have numbers for names."""
    # Only the outermost object is handed on as pairs; there should be no other.
    value = _read_json(path, tuple)
    if lists and isinstance(value, list):
        return [(str(number), member) for number, member in enumerate(value)]
    if not isinstance(value, tuple):
        raise ModelFileError(f"{path} is damaged: not a JSON object")
    return list(value)


def _read_config(path: Path) -> dict[str, Any]:
    value = _read_json(path, dict)
    if not isinstance(value, dict):
        raise ModelFileError(f"{path} is damaged: not a JSON object")
    return value


def _parsed_id(text: str) -> Any:
    """Return the number that is written there, or the text itself if it is none."""
    plain = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if plain and str(int(text)) == text else text


def _words_by_id(path: Path, pairs: list[tuple[Any, Any]]) -> list[str]:
    """Return the words in the order of their ids, which must be 0 to V - 1."""
    words: list[str | None] = [None] * len(pairs)
    for word, id_ in pairs:
        if not isinstance(word, str):
            raise ModelFileError(f"{path} is damaged: the word of id {id_!r} is no string")
        if type(id_) is not int:
            raise ModelFileError(f"{path} is damaged: {id_!r}, of {word!r}, is no id")
        if not 0 <= id_ < len(pairs):
            raise ModelFileError(
                f"{path}: {word!r} has the id {id_}; the ids of {len(pairs)} words must be 0 to "
                f"{len(pairs) - 1}, each of them once"
            )
        if words[id_] is not None:
            raise ModelFileError(
                f"{path}: {words[id_]!r} and {word!r} have the same id, {id_}; each word needs one "
                "of its own"
            )
        words[id_] = word
    # As many ids as words, all different and in range: none is missing.
    complete = [word for word in words if word is not None]
    twice = _first_duplicate(complete)
    if twice is not None:
        raise ModelFileError(
            f"{path}: the word {complete[twice[0]]!r} has the ids {twice[0]} and {twice[1]}; each "
            "word may occur once"
        )
    return complete


def _read_matrix(path: Path, words: list[str], *, mmap: bool = False) -> npt.NDArray[np.float32]:
    """Read a matrix that must have a row for each word; a mapped one may hold NaN."""
    matrix = _read_array(
        path, np.float32, lambda shape: _check_rows(path, shape, len(words)), mmap=mmap
    )
    if mmap and not matrix.values.flags.writeable:
        return matrix.values
    row = first_not_finite(matrix.values)
    if row is not None:
        column = int(np.argmin(np.isfinite(matrix.values[row])))
        rows, columns = matrix.values.shape
        place = column * rows + row if matrix.fortran_order else row * columns + column
        raise ModelFileError(
            f"{path}: the vector of {words[row]!r}, row {row}, holds NaN, infinity or a value too "
            f"large for float32, at byte {matrix.start + place * matrix.itemsize}; leave the word "
            "out or train again with a lower alpha"
        )
    return matrix.values


def _check_rows(path: Path, shape: tuple[int, ...], words: int) -> None:
    if len(shape) != 2 or shape[0] != words or shape[1] < 0:
        turned = len(shape) == 2 and shape[1] == words
        raise ModelFileError(
            f"{path}: shape {shape}, where {words} words need a matrix of {words} rows"
            f"{'; save its transpose' if turned else ''}"
        )


def _check_alike(
    directory: Path, W_in: npt.NDArray[np.float32] | None, W_out: npt.NDArray[np.float32] | None
) -> None:
    if W_in is not None and W_out is not None and W_in.shape != W_out.shape:
        raise ModelFileError(
            f"{directory / _OUTPUT}: shape {W_out.shape}, but {_INPUT} next to it has shape "
            f"{W_in.shape}; both must have the same"
        )


def _read_loss(path: Path) -> npt.NDArray[np.float64]:
    def check(shape: tuple[int, ...]) -> None:
        if len(shape) != 1:
            raise ModelFileError(
                f"{path}: shape {shape}, where a loss history is a list of numbers"
            )

    return _read_array(path, np.float64, check, kinds="fiu").values


class _Array(NamedTuple):
    """An array, and how it lies in its file."""

    values: npt.NDArray[Any]
    fortran_order: bool
    start: int
    itemsize: int


def _read_array(
    path: Path,
    dtype: type[np.floating],
    check: Callable[[tuple[int, ...]], None],
    kinds: str = "f",
    *,
    mmap: bool = False,
) -> _Array:
    """Read an array.

    Parameters
    ----------
    path : Path
    dtype : type
        What the numbers become.
    check : callable
        Raises if the shape is wrong.
    kinds : str
        Which kinds of numbers may be in the file.
    mmap : bool
        Map what can be used as it is in the file; that is read-only.
    """
    try:
        with path.open("rb") as file:
            shape, fortran_order, stored = _read_header(path, file)
            _check_type(path, stored, kinds)
            check(shape)
            start = file.tell()
            due = start + math.prod(shape) * stored.itemsize
            length = os.fstat(file.fileno()).st_size
            if length != due:
                cut = "truncated" if length < due else "damaged"
                raise ModelFileError(
                    f"{path} is {cut}: it has {length} bytes where an array of shape {shape} and "
                    f"type {stored} needs {due}; copy or write it again"
                )
            values: npt.NDArray[Any]
            if mmap and not fortran_order and stored == np.dtype("<f4"):
                values = map_floats(file, start, shape)
            else:
                values = _read_values(file, shape, fortran_order, stored, dtype)
            return _Array(values, fortran_order, start, stored.itemsize)
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error


def _read_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read shape, order and type of an array; leaves the file at its values."""
    try:
        with warnings.catch_warnings():
            # NumPy warns of headers that Python 2 wrote, and Python of odd literals.
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                return np.lib.format.read_array_header_1_0(file)
            if version == (2, 0):
                return np.lib.format.read_array_header_2_0(file)
    except OSError:
        raise
    # The header is Python source, of literals only. NumPy tokenizes and evaluates a damaged one,
    # which raises about anything.
    except Exception as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ModelFileError(
            f"{path} is not a NumPy array or is damaged: {reason}; write it anew by "
            "np.save(..., allow_pickle=False)"
        ) from error
    raise ModelFileError(
        f"{path} has version {'.'.join(map(str, version))} of NumPy's format, which arrays of "
        "floats do not need; write it anew by np.save(..., allow_pickle=False)"
    )


def _check_type(path: Path, dtype: np.dtype[Any], kinds: str) -> None:
    if dtype.hasobject:
        raise ModelFileError(
            f"{path} holds Python objects, which are pickled; save it as a float array, by "
            "np.save(path, array.astype(np.float32), allow_pickle=False)"
        )
    if dtype.kind not in kinds:
        raise ModelFileError(
            f"{path} holds {dtype}, not floats; save it as a float array, by "
            "np.save(path, array.astype(np.float32))"
        )


def _read_values(
    file: BinaryIO,
    shape: tuple[int, ...],
    fortran_order: bool,
    stored: np.dtype[Any],
    dtype: type[np.floating],
) -> npt.NDArray[Any]:
    """Read the values of an array as another type, a few of its rows or columns at a time."""
    values = np.empty(shape, dtype)
    if not values.size:
        return values
    lines = values.T if fortran_order else values
    step = max(1, _VALUES_AT_ONCE // lines[0].size)
    for begin in range(0, len(lines), step):
        part = lines[begin : begin + step]
        read = np.fromfile(file, dtype=stored, count=part.size)
        with np.errstate(over="ignore", invalid="ignore"):
            part[...] = read.reshape(part.shape)
    return values

"""The file formats of the original word2vec, which most tools read."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xw2v.atomic import replacing_file
from xw2v.errors import ModelFileError

__all__ = ["write_word2vec_text"]

# Numbers turned into text at once: bounds the memory to some ten MB.
_VALUES_AT_ONCE = 2**19


def write_word2vec_text(
    path: str | PathLike[str], words: Sequence[str], vectors: npt.ArrayLike
) -> None:
    r"""Write vectors in the text format of word2vec.

    The first line is ``V D``; each other line is a word and its D values, separated by single
    spaces. Values have as many digits as it takes to read the same float32 back. The encoding
    is UTF-8. A file of that name is replaced, once the new one is complete.

    Parameters
    ----------
    path : path
    words : sequence of str
        V words.
    vectors : array_like, shape (V, D)
        Written as float32.

    Raises
    ------
    ModelFileError
        If a word is empty or contains white space, which this format cannot hold, the shapes
        disagree, or the file cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.compute as pc  # noqa: PLC0415

    path = Path(path)
    table = np.ascontiguousarray(vectors, dtype=np.float32)
    if table.ndim != 2 or table.shape[0] != len(words):
        raise ModelFileError(
            f"cannot write {path}: {len(words)} words, but vectors of shape {table.shape}"
        )
    _check_words(path, words)
    size = table.shape[1]
    step = max(1, _VALUES_AT_ONCE // max(1, size))
    try:
        with replacing_file(path) as file:
            file.write(f"{len(words)} {size}\n".encode())
            for start in range(0, len(words), step):
                rows = table[start : start + step]
                # Arrow writes the shortest digits that read back the same, some 15 times as
                # fast as NumPy and Python do.
                values = pc.cast(pa.array(rows.ravel()), pa.string())
                offsets = pa.array(size * np.arange(len(rows) + 1, dtype=np.int32))
                numbers = pc.binary_join(pa.ListArray.from_arrays(offsets, values), " ")
                names = pa.array(words[start : start + step], pa.string())
                lines = pc.binary_join_element_wise(names, numbers, " ").to_pylist()
                file.write(("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error


def _check_words(path: Path, words: Sequence[str]) -> None:
    for word in words:
        if word.split() != [word]:
            raise ModelFileError(
                f"cannot write {path}: the word {word!r} "
                f"{'contains white space' if word else 'is empty'}, which the word2vec formats "
                "cannot hold"
            )
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise ModelFileError(
                f"cannot write {path}: the word {word!r} cannot be written as UTF-8"
            ) from error

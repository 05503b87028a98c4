"""The file formats of the original word2vec and of GloVe, which most tools read."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xw2v.errors import ModelFileError
from xw2v.formats.text_vectors import (
    MOST_DIMENSIONS,
    Source,
    Table,
    as_header,
    checked_table,
    opened,
    read_header,
    read_lines,
    write_lines,
    written,
)
from xw2v.vectors import WordVectors

__all__ = [
    "has_word2vec_header",
    "read_glove_text",
    "read_word2vec_binary",
    "read_word2vec_text",
    "write_glove_text",
    "write_word2vec_binary",
    "write_word2vec_text",
]

_BYTES_AT_ONCE = 2**20
_ROWS_AT_ONCE = 1024

# In bytes. What has no space for longer is no binary file of word2vec.
_LONGEST_WORD = 2**20
_LONGEST_FIRST_LINE = 2**26

_VALUE = np.dtype("<f4")


def has_word2vec_header(path: str | PathLike[str]) -> bool:
    """Say whether the first line of a file is ``V D``, as in both formats of word2vec.

    Parameters
    ----------
    path : path
        May be packed with gzip.

    Returns
    -------
    bool
        Whether the line consists of two whole numbers and nothing else.

    Raises
    ------
    ModelFileError
        If the file cannot be read.
    """
    with opened(Path(path)) as source:
        return as_header(source.file.readline(100)) is not None


def read_word2vec_text(path: str | PathLike[str]) -> WordVectors:
    r"""Read vectors in the text format of word2vec, which fastText's ``.vec`` files have as well.

    The first line is ``V D``; each other line is a word and its D values, separated by single
    spaces. One space before the end of the line, as the C tool writes it, and ``\r\n`` do no
    harm. The encoding is UTF-8.

    Parameters
    ----------
    path : path
        May be packed with gzip, whatever its name.

    Returns
    -------
    WordVectors
        Of float32, without counts, which this format does not hold.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is cut off or too long, or a line is not a word and D finite
        numbers, or a word occurs twice; the message names the line.
    """
    path = Path(path)
    with opened(path) as source:
        advice = "if there is none because this is a GloVe file, read it as that (read_glove_text)"
        # A word of one byte, the newline; a space and a digit.
        V, D, _ = read_header(source, 2, 2, advice)
        table = Table(D, V, trusted=source.length is not None)
        read_lines(source, table, D, number=2, spaces=False)
        if len(table) < V:
            raise ModelFileError(
                f"{path}, line {len(table) + 2}: the file ends here, after {len(table)} of the "
                f"{V} words that its header announces; get it again"
            )
        return WordVectors(list(table.rows), table.vectors())


def read_glove_text(path: str | PathLike[str]) -> WordVectors:
    """Read vectors in the text format of GloVe.

    Each line is a word and its D values, separated by single spaces; the first line tells D. As
    some of the published files have words with spaces in them, what comes before the last D
    values is the word, unless it ends in one more number. The encoding is UTF-8.

    Parameters
    ----------
    path : path
        May be packed with gzip, whatever its name.

    Returns
    -------
    WordVectors
        Of float32, without counts, which this format does not hold.

    Raises
    ------
    ModelFileError
        If the file cannot be read, has the header of word2vec, or a line is not a word and D
        finite numbers, or a word occurs twice; the message names the line.
    """
    path = Path(path)
    with opened(path) as source:
        first = source.file.readline(_LONGEST_FIRST_LINE)
        if not first:
            raise ModelFileError(f"{path} is empty: get or write it again")
        if as_header(first):
            raise ModelFileError(
                f"{path}, line 1: {first.decode().strip()!r} is the header of a word2vec file, "
                "which GloVe files do not have; read it as that (read_word2vec_text)"
            )
        D = first.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b" ").count(b" ")
        if D == 0:
            raise ModelFileError(
                f"{path}, line 1: this is not a word and its values with single spaces between "
                "them; check that this is a GloVe file"
            )
        if D > MOST_DIMENSIONS:
            raise ModelFileError(
                f"{path}, line 1: vectors of {D} dimensions are more than this program reads "
                f"({MOST_DIMENSIONS}); check that this is a GloVe file"
            )
        table = Table(D, None, trusted=False)
        read_lines(source, table, D, first=first, number=1, spaces=True)
        return WordVectors(list(table.rows), table.vectors())


def read_word2vec_binary(path: str | PathLike[str]) -> WordVectors:
    """Read vectors in the binary format of word2vec.

    The first line is ``V D``; there follow V times a word, a space, and D little-endian float32
    values, with a newline after them (the C tool) or without (gensim). The encoding is UTF-8.

    Parameters
    ----------
    path : path
        May be packed with gzip, whatever its name.

    Returns
    -------
    WordVectors
        Of float32, without counts, which this format does not hold.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is cut off or too long, a word is empty, not UTF-8 or occurs
        twice, or a value is not finite; the message names the byte, from 0.
    """
    path = Path(path)
    with opened(path) as source:
        advice = "check that this is a binary word2vec file"
        # A word of one byte, the space; four bytes for a value.
        V, D, offset = read_header(source, 2, _VALUE.itemsize, advice)
        table = Table(D, V, trusted=source.length is not None)
        buffer = _Buffer(source, offset)
        for start in range(0, V, _ROWS_AT_ONCE):
            _read_rows(buffer, table, D, min(_ROWS_AT_ONCE, V - start), V)
        if buffer.have(1) and buffer.data[buffer.position] == ord("\n"):
            buffer.position += 1
        if buffer.have(1):
            raise ModelFileError(
                f"{path}, {source.byte(buffer.offset)}: there is more after the {V} words of {D} "
                "dimensions that the header announces, so it is wrong or the file damaged; get "
                "it again"
            )
        return WordVectors(list(table.rows), table.vectors())


class _Buffer:
    """A window on a file: `data` from `position` on is what comes next."""

    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.data = b""
        self.position = 0
        self._start = offset

    @property
    def offset(self) -> int:
        """Where `position` is in the file."""
        return self._start + self.position

    def have(self, count: int) -> bool:
        """Read on until there are `count` bytes, and say whether there are."""
        missing = count - (len(self.data) - self.position)
        if missing <= 0:
            return True
        # In pieces: memory is taken for what is there, not for what should be.
        pieces = [self.data[self.position :]]
        self._start += self.position
        self.position = 0
        while missing > 0 and (piece := self.source.file.read(_BYTES_AT_ONCE)):
            pieces.append(piece)
            missing -= len(piece)
        self.data = b"".join(pieces)
        return missing <= 0

    def find_space(self) -> int | None:
        """Return how many bytes there are before the next space, if there is one before long."""
        length = 256
        while True:
            complete = self.have(length)
            end = self.data.find(b" ", self.position)
            if end >= 0:
                return end - self.position
            if not complete or length > _LONGEST_WORD:
                return None
            length = 2 * (len(self.data) - self.position)


def _read_rows(buffer: _Buffer, table: Table, D: int, count: int, V: int) -> None:
    """Read `count` more words and vectors of a binary file."""
    source = buffer.source
    size = D * _VALUE.itemsize
    words: list[str] = []
    offsets: list[int] = []
    pieces: list[npt.NDArray[np.float32]] = []
    for _ in range(count):
        words.append(_read_word(buffer, len(table) + len(words), V))
        offsets.append(buffer.offset)
        if not buffer.have(size):
            raise ModelFileError(
                f"{source.path}, {source.byte(buffer.offset)}: the file ends within the vector of "
                f"the word {words[-1]!r}; get it again"
            )
        pieces.append(np.frombuffer(buffer.data, _VALUE, D, buffer.position))
        buffer.position += size
        if len(pieces) * size >= _BYTES_AT_ONCE:
            _add_rows(source, table, words, offsets, pieces)
            words, offsets, pieces = [], [], []
    # The last ones, or all: views of what was read, copied many at once.
    _add_rows(source, table, words, offsets, pieces)


def _add_rows(
    source: Source,
    table: Table,
    words: list[str],
    offsets: list[int],
    pieces: list[npt.NDArray[np.float32]],
) -> None:
    if not words:
        return
    rows = table.room(len(words))
    np.stack(pieces, out=rows)
    finite: list[bool] = np.asarray(np.isfinite(rows).all(axis=1)).tolist()
    for word, offset, good in zip(words, offsets, finite, strict=True):
        if not good:
            raise ModelFileError(
                f"{source.path}, {source.byte(offset)}: the vector of the word {word!r} holds NaN "
                "or infinity; the file is damaged or no binary word2vec file: get it again"
            )
        if word in table.rows:
            raise ModelFileError(
                f"{source.path}, {source.byte(offset)}: the word {word!r} before it occurs more "
                "than once; take one of them away"
            )
        table.rows[word] = len(table.rows)


def _read_word(buffer: _Buffer, row: int, V: int) -> str:
    source = buffer.source
    if buffer.have(1) and buffer.data[buffer.position] == ord("\n"):
        buffer.position += 1
    where = f"{source.path}, {source.byte(buffer.offset)}"
    if not buffer.have(1):
        raise ModelFileError(
            f"{where}: the file ends here, after {row} of the {V} words that its header "
            "announces; get it again"
        )
    length = buffer.find_space()
    if length is None or length > _LONGEST_WORD:
        raise ModelFileError(
            f"{where}: no space ends the word that begins here; the file is cut off or no binary "
            "word2vec file: get it again"
        )
    word = buffer.data[buffer.position : buffer.position + length]
    if not word or b"\n" in word:
        raise ModelFileError(
            f"{where}: there is {'a newline in a' if word else 'an empty'} word; the file is "
            "damaged or no binary word2vec file: get it again"
        )
    try:
        text = word.decode()
    except UnicodeDecodeError as error:
        raise ModelFileError(
            f"{where}: the word that begins here is not UTF-8 ({error.reason}); the file is in "
            "another encoding, which has to be converted, or damaged"
        ) from error
    buffer.position += length + 1
    return text


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
        Packed with gzip if the name ends in ``.gz``.
    words : sequence of str
        V words.
    vectors : array_like, shape (V, D)
        Written as float32.

    Raises
    ------
    ModelFileError
        If a word is empty, contains ASCII white space, which this format cannot hold, or occurs
        twice, a value is not finite, the shapes disagree, or the file cannot be written.
    """
    path = Path(path)
    table = checked_table(path, words, vectors)
    with written(path) as file:
        write_lines(file, words, table, header=True)


def write_glove_text(
    path: str | PathLike[str], words: Sequence[str], vectors: npt.ArrayLike
) -> None:
    """Write vectors in the text format of GloVe: as `write_word2vec_text`, without the header.

    Parameters
    ----------
    path : path
        Packed with gzip if the name ends in ``.gz``.
    words : sequence of str
        V words.
    vectors : array_like, shape (V, D)
        Written as float32; neither V nor D is 0, which this format cannot tell.

    Raises
    ------
    ModelFileError
        As `write_word2vec_text`, and if there are no vectors.
    """
    path = Path(path)
    table = checked_table(path, words, vectors)
    if table.size == 0:
        raise ModelFileError(
            f"cannot write {path}: vectors of shape {table.shape} are none, which the GloVe "
            "format cannot hold; give some"
        )
    with written(path) as file:
        write_lines(file, words, table, header=False)


def write_word2vec_binary(
    path: str | PathLike[str], words: Sequence[str], vectors: npt.ArrayLike
) -> None:
    """Write vectors in the binary format of word2vec, as the C tool does.

    The first line is ``V D``; there follow V times a word, a space, D little-endian float32
    values and a newline. The encoding is UTF-8. A file of that name is replaced, once the new
    one is complete.

    Parameters
    ----------
    path : path
        Packed with gzip if the name ends in ``.gz``.
    words : sequence of str
        V words.
    vectors : array_like, shape (V, D)
        Written as float32.

    Raises
    ------
    ModelFileError
        As `write_word2vec_text`, and if a word is longer than a megabyte.
    """
    path = Path(path)
    table = checked_table(path, words, vectors)
    for word in words:
        if len(word.encode()) > _LONGEST_WORD:
            raise ModelFileError(
                f"cannot write {path}: the word {word[:20]!r}... is longer than {_LONGEST_WORD} "
                "bytes; leave it out"
            )
    with written(path) as file:
        file.write(f"{len(words)} {table.shape[1]}\n".encode())
        step = max(1, _BYTES_AT_ONCE // (1 + table.shape[1] * _VALUE.itemsize))
        for start in range(0, len(words), step):
            rows = table[start : start + step].astype(_VALUE, copy=False)
            file.write(
                b"".join(
                    b"%b %b\n" % (word.encode(), row.tobytes())
                    for word, row in zip(words[start : start + step], rows, strict=True)
                )
            )

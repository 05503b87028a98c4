"""What the files of word vectors have in common, and the lines of the text formats.

A line is a word and the D values of its vector, separated by single spaces; a space before the
end of the line, as the C tool of word2vec writes it, and the line ends of Windows do no harm.
Files may be packed with gzip, which their first bytes tell, whatever they are called.
"""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from xw2v.atomic import replacing_file
from xw2v.errors import ModelFileError
from xw2v.formats.arrays import first_not_finite

__all__ = [
    "MOST_DIMENSIONS",
    "Source",
    "Table",
    "as_header",
    "checked_table",
    "joined_rows",
    "opened",
    "read_header",
    "read_lines",
    "write_lines",
    "written",
]

Floats = npt.NDArray[np.float32]

# Numbers turned into text at once: bounds the memory to some ten MB.
_VALUES_AT_ONCE = 2**19

# Bytes read at once.
_BYTES_AT_ONCE = 2**22

# No line is longer, and no vector: what claims to be is no file of vectors, and is not to fill the
# memory, as a packed file of a few kB could.
_LONGEST_ROW = 2**26
MOST_DIMENSIONS = 2**20

# Values allocated before any are seen, where the length of the file cannot vouch for the header.
_VALUES_ON_TRUST = 2**18

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_LEVEL = 6
# (Python takes its time over numbers of thousands of digits, and refuses longer ones.)
_HEADER = re.compile(rb"([0-9]{1,50})[ \t]+([0-9]{1,50})[ \t\r]*\n?")
_LONGEST_HEADER = 100

_NUMBER = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NO_NUMBER = re.compile(rb"[+-]?(nan(\(.*\))?|inf(inity)?)", re.IGNORECASE)
# What the numbers of a line consist of, as far as the fast way goes.
_PLAIN = b"0123456789+-.eE "


@dataclass(frozen=True)
class Source:
    """A file that is being read.

    Attributes
    ----------
    path : Path
        For messages.
    file : file
        Gives the unpacked bytes.
    length : int or None
        Bytes of the file; None where that does not tell how many can be read.
    packed : bool
        Whether it is unpacked on the way.
    """

    path: Path
    file: IO[bytes]
    length: int | None
    packed: bool

    def byte(self, offset: int) -> str:
        """Return the name of a place in the file for people."""
        return f"byte {offset} of the unpacked data" if self.packed else f"byte {offset}"


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file that may be packed with gzip.

    Raises
    ------
    ModelFileError
        If it cannot be read, or the body cannot read it.
    """
    try:
        with path.open("rb") as file:
            if file.peek(2)[:2] == _GZIP_MAGIC:
                with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                    yield Source(path, cast(IO[bytes], unpacked), None, True)
            else:
                status = os.fstat(file.fileno())
                length = status.st_size if stat.S_ISREG(status.st_mode) else None
                yield Source(path, file, length, False)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ModelFileError(
            f"cannot read {path}: its gzip data is damaged or cut off ({error}); get it again"
        ) from error
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name once it is complete, packed if that ends in ``.gz``.

    Raises
    ------
    ModelFileError
        If it cannot be written.
    """
    try:
        with replacing_file(path) as file:
            if path.suffix.lower() == ".gz":
                # Neither a name nor a time in it: the same vectors make the same file.
                with gzip.GzipFile(
                    "", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0
                ) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield file
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error


class Table:
    """Words and their vectors as they come in.

    Parameters
    ----------
    size : int
        D.
    expected : int or None
        V, where it is known.
    trusted : bool
        Whether to take the memory for all of them at once; else it grows with them.

    Attributes
    ----------
    expected : int or None
    rows : dict of str to int
        The row of each word.
    """

    def __init__(self, size: int, expected: int | None, trusted: bool) -> None:
        self.rows: dict[str, int] = {}
        self.expected = expected
        capacity = expected if trusted and expected is not None else 0
        self._vectors: Floats = np.empty((capacity, size), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def room(self, count: int) -> Floats:
        """Return the next `count` rows, uninitialized; the words are to follow."""
        start = len(self.rows)
        if start + count > len(self._vectors):
            size = self._vectors.shape[1]
            capacity = max(start + count, len(self._vectors) * 3 // 2)
            capacity = max(capacity, _VALUES_ON_TRUST // max(1, size))
            if self.expected is not None:
                capacity = max(start + count, min(capacity, self.expected))
            # In place, so that the old rows and the new do not take memory at the same time.
            self._vectors.resize((capacity, size), refcheck=False)
        return self._vectors[start : start + count]

    def vectors(self) -> Floats:
        """Return the rows of the words so far; nothing is to be added any more."""
        if len(self._vectors) > len(self.rows):
            self._vectors.resize((len(self.rows), self._vectors.shape[1]), refcheck=False)
        return self._vectors


def as_header(line: bytes) -> tuple[int, int] | None:
    """Return V and D if a line is a header of word2vec: exactly two whole numbers."""
    match = _HEADER.fullmatch(line)
    return (int(match[1]), int(match[2])) if match else None


def read_header(
    source: Source, row_bytes: int, value_bytes: int, advice: str
) -> tuple[int, int, int]:
    """Read the first line of a file in a format of word2vec, and see whether it can be true.

    Parameters
    ----------
    source : Source
        At its start.
    row_bytes, value_bytes : int
        The least that a row takes beside its values, and a value.
    advice : str
        What to do if there is no header.

    Returns
    -------
    V, D : int
    offset : int
        Where the first word begins; pipes cannot be asked.

    Raises
    ------
    ModelFileError
        If it is no header, or the file is too short for what it promises.
    """
    path = source.path
    line = source.file.readline(_LONGEST_HEADER)
    if not line:
        raise ModelFileError(f"{path} is empty: get or write it again")
    header = as_header(line)
    if header is None:
        raise ModelFileError(
            f"{path}, line 1: this is not a word2vec header, two whole numbers for how many "
            f"words and dimensions there are; {advice}"
        )
    V, D = header
    if D > MOST_DIMENSIONS:
        raise ModelFileError(
            f"{path}, line 1: vectors of {D} dimensions are more than this program reads "
            f"({MOST_DIMENSIONS}); check that this is a word2vec file"
        )
    # The last line need not end in a newline.
    needed = max(0, V * (row_bytes + D * value_bytes) - 1)
    if source.length is not None and needed > source.length - len(line):
        raise ModelFileError(
            f"{path}, line 1: {V} words of {D} dimensions need {needed} bytes or more, but only "
            f"{source.length - len(line)} follow; the file is cut off or its header is wrong: "
            "get it again"
        )
    return V, D, len(line)


def read_lines(
    source: Source, table: Table, size: int, *, first: bytes = b"", number: int, spaces: bool
) -> None:
    """Read the lines of a text format up to the end of the file.

    Parameters
    ----------
    source : Source
    table : Table
        What the words and vectors are added to.
    size : int
        D.
    first : bytes
        What has been read already of these lines.
    number : int
        Which line of the file is the first, from 1.
    spaces : bool
        Whether words may contain single spaces, as some of the published GloVe files do.

    Raises
    ------
    ModelFileError
        If a line is not a word and D finite numbers, or a word occurs twice; the message names
        the line.
    """
    path = source.path
    origin = number - len(table)
    for block in _blocks(source, first, number):
        lines = _lines(block)
        start = len(table)
        expected = table.expected
        if expected is not None and start + len(lines) > expected:
            raise ModelFileError(
                f"{path}, line {origin + expected}: it follows the {expected} words that the "
                "header announces; correct the header or take the line away"
            )
        parsed = _parse(lines, size)
        if parsed is None:
            parsed = _parse_carefully(path, lines, size, origin + start, spaces)
        words, values = parsed
        table.room(len(lines))[:] = values
        table.rows.update(zip(words, range(start, start + len(words)), strict=True))
        if len(table) != start + len(words):
            _complain_of_twice(path, table, words, start, origin)


def _complain_of_twice(path: Path, table: Table, words: list[str], start: int, origin: int) -> None:
    # The rows of the table are those of the last occurrence by now.
    known = {word: row for row, word in enumerate(list(table.rows)[:start])}
    for row, word in enumerate(words, start):
        if word in known:
            raise ModelFileError(
                f"{path}, line {origin + row}: the word {word!r} occurs in line "
                f"{origin + known[word]} already; take one of them away"
            )
        known[word] = row


def _blocks(source: Source, first: bytes, number: int) -> Iterator[bytes]:
    """Yield whole lines, many at once, each with its newline."""
    rest = first
    while chunk := source.file.read(_BYTES_AT_ONCE):
        data = rest + chunk
        end = data.rfind(b"\n") + 1
        if end:
            number += data.count(b"\n")
            yield data[:end]
        rest = data[end:]
        if len(rest) > _LONGEST_ROW:
            raise _too_long(source.path, number)
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _too_long(path: Path, number: int) -> ModelFileError:
    return ModelFileError(
        f"{path}, line {number}: it is longer than {_LONGEST_ROW} bytes, so this is no text file "
        "of vectors; name one"
    )


def _lines(block: bytes) -> list[bytes]:
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if b" \n" in block:
        block = block.replace(b" \n", b"\n")
    return block[:-1].split(b"\n")


def _parse(lines: list[bytes], size: int) -> tuple[list[str], Floats] | None:
    """Parse lines all at once; None if anything about one of them is unusual."""
    if size == 0:
        return None
    parts = [line.partition(b" ") for line in lines]
    numbers = b" ".join([part[2] for part in parts])
    if numbers.translate(None, _PLAIN):
        return None
    if any(part[2].count(b" ") != size - 1 or not part[0] for part in parts):
        return None
    try:
        words = [part[0].decode() for part in parts]
    except UnicodeDecodeError:
        return None
    values = _cast(numbers)
    if values is None or not np.isfinite(values).all():
        return None
    return words, values.reshape(len(lines), size)


def _cast(numbers: bytes) -> Floats | None:
    """Turn ASCII text with a space between numbers into the nearest float32s; None if it cannot."""
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.compute as pc  # noqa: PLC0415

    # Arrow reads some ten times as fast as Python and NumPy, and rounds once only. Its strings
    # lie next to each other without the spaces.
    ends = np.flatnonzero(np.frombuffer(numbers + b" ", dtype=np.uint8) == ord(" "))
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    offsets[1:] = ends - np.arange(len(ends))
    strings = pa.StringArray.from_buffers(
        len(ends), pa.py_buffer(offsets), pa.py_buffer(numbers.translate(None, b" "))
    )
    try:
        values = pc.cast(strings, pa.float32())
    except pa.ArrowInvalid:
        return None
    # Not by to_numpy, which imports pandas where it is installed; that takes longer than reading.
    return np.frombuffer(values.buffers()[1], dtype=np.float32, count=len(ends))


def _parse_carefully(
    path: Path, lines: list[bytes], size: int, number: int, spaces: bool
) -> tuple[list[str], Floats]:
    """Parse lines one by one, and say what is wrong with one that cannot be read."""
    words = []
    table = np.empty((len(lines), size), dtype=np.float32)
    for row, line in enumerate(lines):
        where = f"{path}, line {number + row}"
        if not line:
            raise ModelFileError(f"{where}: it is empty; take it away")
        if line.startswith(b" "):
            raise ModelFileError(f"{where}: it begins with a space, not with a word; correct it")
        word, *fields = line.rsplit(b" ", size)
        _, space, end = word.rpartition(b" ")
        # A number left of the values is one value too many rather than the end of a word.
        if len(fields) < size or (space and not (spaces and _ends_word(end))):
            raise ModelFileError(
                f"{where}: there are {line.count(b' ')} values after the word, not {size}, with "
                "single spaces between them; the file is damaged or cut off: correct or get it "
                "again"
            )
        try:
            words.append(word.decode())
        except UnicodeDecodeError as error:
            raise ModelFileError(
                f"{where}: its word is not UTF-8 ({error.reason}); convert the file to UTF-8"
            ) from error
        table[row] = _numbers(where, fields)
    return words, table


def _ends_word(field: bytes) -> bool:
    return bool(field) and not _NUMBER.fullmatch(field)


def _numbers(where: str, fields: list[bytes]) -> Floats:
    for field in fields:
        if not _NUMBER.fullmatch(field):
            reason = "not a finite number" if _NO_NUMBER.fullmatch(field) else "not a number"
            raise ModelFileError(f"{where}: {_shown(field)} is {reason}; correct it")
    values = np.asarray([_number(field) for field in fields], dtype=np.float32)
    if not np.isfinite(values).all():
        shown = _shown(fields[int(np.argmin(np.isfinite(values)))])
        raise ModelFileError(f"{where}: {shown} is too large for a float32; correct it")
    return values


def _shown(field: bytes) -> str:
    """Return what should be a number for messages; it may be anything, of any length."""
    return repr(field[:40].decode(errors="replace")) + "..." * (len(field) > 40)


def _number(field: bytes) -> np.float32:
    values = _cast(field.lstrip(b"+"))
    if values is not None:
        return np.float32(values[0])
    # What Arrow does not read for its size.
    with np.errstate(over="ignore", under="ignore"):
        return np.float32(float(field))


def checked_table(path: Path, words: Sequence[str], vectors: npt.ArrayLike) -> Floats:
    """Return vectors as float32 if they and their words can be written to a file and read back.

    Raises
    ------
    ModelFileError
        If the shapes disagree, a value is not finite, or a word is empty, contains ASCII white
        space, is not Unicode or occurs twice.
    """
    with np.errstate(over="ignore"):
        table = np.ascontiguousarray(vectors, dtype=np.float32)
    if table.ndim != 2 or table.shape[0] != len(words):
        raise ModelFileError(
            f"cannot write {path}: {len(words)} words, but vectors of shape {table.shape}; give "
            "one row for each word"
        )
    _check_words(path, words)
    row = first_not_finite(table)
    if row is not None:
        raise ModelFileError(
            f"cannot write {path}: the vector of the word {words[row]!r} holds NaN or infinity; "
            "leave it out"
        )
    return table


def _check_words(path: Path, words: Sequence[str]) -> None:
    seen = set()
    for word in words:
        try:
            encoded = word.encode()
        except UnicodeEncodeError as error:
            raise ModelFileError(
                f"cannot write {path}: the word {word!r} cannot be written as UTF-8; leave it out"
            ) from error
        # Of bytes, which means ASCII white space: what ends a word for the C tool, gensim and
        # fastText, whose files do have words with a no-break space in them.
        if encoded.split() != [encoded]:
            raise ModelFileError(
                f"cannot write {path}: the word {word!r} "
                f"{'contains white space' if word else 'is empty'}, which the word2vec formats "
                "cannot hold; leave it out or choose another format"
            )
        if word in seen:
            raise ModelFileError(
                f"cannot write {path}: the word {word!r} occurs more than once; leave one out"
            )
        seen.add(word)


def joined_rows(rows: Floats, separator: str) -> Any:
    """Return the numbers of each row as text.

    Parameters
    ----------
    rows : ndarray, shape (n, D), float32
    separator : str
        What stands between numbers.

    Returns
    -------
    pyarrow.Array of string, shape (n,)
        With as many digits as it takes to read the same float32 back.
    """
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.compute as pc  # noqa: PLC0415

    # Arrow writes the shortest digits that read back the same, some 15 times as fast as NumPy
    # and Python do.
    values = pc.cast(pa.array(rows.ravel()), pa.string())
    offsets = pa.array(rows.shape[1] * np.arange(len(rows) + 1, dtype=np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(offsets, values), separator)


def write_lines(file: BinaryIO, words: Sequence[str], table: Floats, *, header: bool) -> None:
    """Write the lines of a text format.

    Parameters
    ----------
    file : file
    words : sequence of str
    table : ndarray, shape (V, D), float32
        Both as `checked_table` wants them.
    header : bool
        Whether to write the first line of word2vec, ``V D``. If not, see to it that the first
        line does not look like one.
    """
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.compute as pc  # noqa: PLC0415

    size = table.shape[1]
    step = max(1, _VALUES_AT_ONCE // max(1, size))
    if header:
        file.write(f"{len(words)} {size}\n".encode())
    for start in range(0, len(words), step):
        numbers = joined_rows(table[start : start + step], " ")
        names = pa.array(words[start : start + step], pa.string())
        lines = pc.binary_join_element_wise(names, numbers, " ").to_pylist()
        if start == 0 and not header and as_header(lines[0].encode()):
            lines[0] += ".0"
        file.write(("\n".join(lines) + "\n").encode())

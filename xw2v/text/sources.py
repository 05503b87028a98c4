"""Files of text: which ones, and their bytes in blocks."""

import glob
import os
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from xw2v.errors import CorpusError

STDIN = "-"
_BOM = b"\xef\xbb\xbf"
# A block may end after these. Other white space does not matter here, only a file without any
# of these would become a single block.
_CUTS = (b" ", b"\n", b"\t", b"\r")
_LONGEST_BLOCK = 1 << 30


@dataclass(frozen=True)
class Source:
    """One file of text, or standard input.

    Attributes
    ----------
    name : str
        What messages call it.
    path : Path or None
        None is standard input.
    size : int or None
        Bytes, where that is known beforehand.
    """

    name: str
    path: Path | None
    size: int | None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes for reading; operating system errors become CorpusError."""
        try:
            if self.path is not None:
                with self.path.open("rb") as file:
                    yield file
            elif sys.stdin is None:
                raise CorpusError("there is no standard input to read; name a file")
            else:
                yield sys.stdin.buffer
        except OSError as error:
            raise _unreadable(self.name, error) from error


class Block(NamedTuple):
    """Some bytes of a source and where they lie in it."""

    data: bytes
    start: int
    end: int


def find_sources(paths: Sequence[str | os.PathLike[str]]) -> list[Source]:
    """List the files that paths and patterns stand for, all of them checked.

    Parameters
    ----------
    paths : sequence of path-like
        Files, glob patterns (their files are sorted) or ``"-"`` for standard input.

    Returns
    -------
    list of Source

    Raises
    ------
    CorpusError
        If a file is missing or unreadable, or a pattern matches no file.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    sources = [source for path in paths for source in _expand(os.fspath(path))]
    if not sources:
        raise CorpusError("no text files given; name at least one, or - for standard input")
    if sum(source.path is None for source in sources) > 1:
        raise CorpusError("standard input (-) can be read only once; name it once")
    return sources


def _expand(path: str) -> list[Source]:
    if path == STDIN:
        return [Source("standard input", None, None)]
    # A file may be called "notes[1].txt", so the name itself comes before the pattern.
    # (os.path and glob, because pathlib raises PermissionError and wants relative patterns.)
    if not glob.has_magic(path) or os.path.exists(path):  # noqa: PTH110
        return [_check(path)]
    found = glob.glob(path, recursive=True)  # noqa: PTH207
    files = sorted(name for name in found if not os.path.isdir(name))  # noqa: PTH112
    if not files:
        raise CorpusError(f"no file matches {path}; check the pattern and the folder")
    return [_check(file) for file in files]


def _check(name: str) -> Source:
    path = Path(name)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise CorpusError(f"{name} is a directory; name its files, for example {name}/*.txt")
        if not stat.S_ISREG(status.st_mode):
            return Source(name, path, None)  # a pipe may be opened only once
        with path.open("rb"):
            return Source(name, path, status.st_size)
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> CorpusError:
    if isinstance(error, FileNotFoundError):
        return CorpusError(f"{name} does not exist; check the name and the folder")
    if isinstance(error, PermissionError):
        return CorpusError(f"{name} may not be read: permission denied; check its permissions")
    return CorpusError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}")


def read_blocks(source: Source, size: int) -> Generator[Block]:
    """Read a source in blocks that end with white space, so that no word is cut.

    A byte order mark at the beginning is dropped. A newline is added at the end, because the end
    of a file ends a sentence.

    Parameters
    ----------
    source : Source
    size : int
        Bytes to read at a time. A block is about as long, or longer where there is no white
        space to cut after.

    Yields
    ------
    Block
        Its data ends with a space, tab, carriage return or newline.

    Raises
    ------
    CorpusError
        If the source cannot be read, or there is no white space in a gigabyte.
    """
    start = end = 0
    parts: list[bytes] = []
    with source.open() as file:
        while data := file.read(size):
            cut = 1 + max(data.rfind(space) for space in _CUTS)
            parts.append(data[:cut] or data)
            end += cut or len(data)
            if cut:
                yield _block(parts, start, end)
                start = end
                parts = [data[cut:]]
                end += len(data) - cut
            elif end - start > _LONGEST_BLOCK:
                raise CorpusError(
                    f"{source.name}: no white space in {end - start:,} bytes from byte {start:,} "
                    "on; this does not look like text"
                )
    yield _block([*parts, b"\n"], start, end)


def _block(parts: list[bytes], start: int, end: int) -> Block:
    data = b"".join(parts)
    if start == 0 and data.startswith(_BOM):
        return Block(data[len(_BOM) :], len(_BOM), end)
    return Block(data, start, end)

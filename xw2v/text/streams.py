"""Where text comes from: files and standard input, and their bytes in order."""

import io
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from xw2v.errors import CorpusError

__all__ = ["ByteStream", "LocalFile", "Source", "StandardInput", "StoredStream", "unreadable"]


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """One place that text comes from.

    Attributes
    ----------
    name : str
        What messages call it.
    size : int or None
        Bytes as they are stored, where that is known beforehand.
    fingerprint : tuple of str or None
        Differs where the bytes differ, as far as that can be known without reading them. None
        where it cannot.
    """

    # What reading may raise because the bytes cannot be had.
    failures: ClassVar[tuple[type[Exception], ...]] = (OSError,)

    name: str
    size: int | None = None
    fingerprint: tuple[str, ...] | None = None

    @abstractmethod
    def _open(self) -> AbstractContextManager[BinaryIO]: ...

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes as they are stored.

        Raises
        ------
        CorpusError
            If that cannot be done. What reading raises later is the reader's business, see
            StoredStream.
        """
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self._open())
            except self.failures as error:
                raise unreadable(self.name, error) from error
            yield file


@dataclass(frozen=True, kw_only=True)
class LocalFile(Source):
    """A file.

    Attributes
    ----------
    path : Path
        Where it is.
    """

    path: Path

    def _open(self) -> AbstractContextManager[BinaryIO]:
        return self.path.open("rb")


@dataclass(frozen=True, kw_only=True)
class StandardInput(Source):
    """What is piped in."""

    name: str = "standard input"

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        if sys.stdin is None:
            raise CorpusError("there is no standard input to read; name a file")
        yield sys.stdin.buffer


def unreadable(name: str, error: Exception) -> CorpusError:
    """Return the error that a source cannot be read, and why."""
    if isinstance(error, FileNotFoundError):
        return CorpusError(f"{name} does not exist; check the name and the folder")
    if isinstance(error, PermissionError):
        return CorpusError(f"{name} may not be read: permission denied; check its permissions")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return CorpusError(f"{name} cannot be read: {reason}")


class ByteStream(io.RawIOBase, ABC):
    """Bytes in order, of which the next can be looked at before they are read.

    Attributes
    ----------
    position : int
        Bytes that were read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.position = 0
        self._ahead = b""
        self._begin = 0  # of what is not yet read, in _ahead

    @property
    @abstractmethod
    def stored(self) -> int:
        """Bytes of the source, as they are stored, that were taken so far."""

    @abstractmethod
    def _more(self, size: int) -> bytes:
        """Return the next bytes, about `size` of them or all that are left; none at the end."""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end, without reading them."""
        while len(self._ahead) - self._begin < size:
            more = self._more(size)
            if not more:
                break
            self._ahead = self._ahead[self._begin :] + more
            self._begin = 0
        return self._ahead[self._begin : self._begin + size]

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, fewer at the end only; all that are left if negative."""
        wanted = sys.maxsize if size is None or size < 0 else size
        parts = []
        while wanted:
            if self._begin == len(self._ahead):
                self._ahead = self._more(min(wanted, 1 << 24))
                self._begin = 0
                if not self._ahead:
                    break
            part = self._ahead
            if self._begin or len(part) > wanted:
                part = part[self._begin : self._begin + wanted]
            parts.append(part)
            self._begin += len(part)
            wanted -= len(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self.position += len(data)
        return data

    def readable(self) -> bool:
        """Say that this is for reading."""
        return True


class StoredStream(ByteStream):
    """The bytes of a source as they are stored.

    Parameters
    ----------
    source : Source
    file : binary file
        The open source. It is left open.
    """

    def __init__(self, source: Source, file: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._file = file
        self._taken = 0

    @property
    def stored(self) -> int:
        """Bytes taken from the file."""
        return self._taken

    def _more(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except self._source.failures as error:
            raise unreadable(self._source.name, error) from error
        self._taken += len(data)
        return data

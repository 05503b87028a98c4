"""A long array that grows: in memory while it is small, in a temporary file beyond that."""

import errno
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import CorpusError

_Scalar = TypeVar("_Scalar", bound=np.generic)


class Spool(Generic[_Scalar]):
    """Collect arrays end to end.

    The temporary file has no name on POSIX systems and is marked for deletion on Windows, so it
    vanishes however the process ends. Use it as a context manager; what `array` returned stays
    valid afterwards.

    Parameters
    ----------
    dtype : type
        Of the elements.
    memory_bytes : int
        A longer spool goes to a temporary file.
    """

    def __init__(self, dtype: type[_Scalar], memory_bytes: int) -> None:
        self._dtype = np.dtype(dtype)
        self._memory_bytes = memory_bytes
        self._bytes = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._bytes // self._dtype.itemsize

    def close(self) -> None:
        """Free the memory or the temporary file, unless an array still needs it."""
        with suppress(OSError):  # what a full disk had no room for is written now, or never
            self._file.close()

    def append(self, values: NDArray[_Scalar]) -> None:
        """Add an array, shape (n,), of the spool's dtype, at the end.

        Raises
        ------
        CorpusError
            If the temporary file cannot be written.
        """
        with writing():
            self._bytes += self._file.write(values.data)

    def chunks(self, size: int) -> Iterator[NDArray[_Scalar]]:
        """Read everything from the beginning, in read-only arrays of at most `size` elements."""
        for begin in range(0, len(self), size):
            with writing():  # of what has not left the buffer yet
                self._file.seek(begin * self._dtype.itemsize)
                data = self._file.read(size * self._dtype.itemsize)
            yield np.frombuffer(data, self._dtype)

    def overwrite(self, position: int, values: NDArray[_Scalar]) -> None:
        """Replace the elements from `position` on by an array, shape (n,)."""
        with writing():
            self._file.seek(position * self._dtype.itemsize)
            self._file.write(values.data)

    def truncate(self, length: int) -> None:
        """Drop the elements from `length` on."""
        self._bytes = length * self._dtype.itemsize
        with writing():
            self._file.truncate(self._bytes)

    def array(self) -> NDArray[_Scalar]:
        """Return everything as one read-only array, shape (len,)."""
        buffer: Any
        with writing():
            if self._bytes > self._memory_bytes:
                self._file.flush()
                buffer = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            else:
                self._file.seek(0)
                buffer = self._file.read()
        return np.frombuffer(buffer, self._dtype)


def scratch_array(length: int, dtype: type[_Scalar], memory_bytes: int) -> NDArray[_Scalar]:
    """Return an array of zeros, shape (length,), that a long one is a temporary file of.

    Parameters
    ----------
    length : int
    dtype : type
        Of the elements.
    memory_bytes : int
        A longer array lies in a temporary file, which vanishes with the array.

    Raises
    ------
    CorpusError
        If the temporary file cannot be written.
    """
    n_bytes = length * np.dtype(dtype).itemsize
    if n_bytes <= memory_bytes:
        return np.zeros(length, dtype)
    with writing(), tempfile.TemporaryFile() as file:
        file.truncate(n_bytes)
        _reserve(file.fileno(), n_bytes)
        return np.frombuffer(mmap.mmap(file.fileno(), n_bytes), dtype)


def _reserve(file: int, n_bytes: int) -> None:
    """Take room on the disk: were it full, writing to the map would end the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, n_bytes)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some disks cannot do it
                raise


@contextmanager
def writing() -> Iterator[None]:
    """Say what to do where a temporary file cannot be written.

    Raises
    ------
    CorpusError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise CorpusError(
            f"cannot write a temporary file for the text: {error.strerror or error}; "
            "set TMPDIR (TEMP on Windows) to a folder with more room"
        ) from error

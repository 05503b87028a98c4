"""A corpus as token ids."""

import hashlib
import mmap
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["EncodedCorpus"]

_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """The in-vocabulary words of a corpus as ids, sentence after sentence.

    Parameters
    ----------
    ids : ndarray of int32, shape (N,)
        One id for each token that is in the vocabulary. The ids of a large corpus are read-only
        and lie in a file: that of a saved corpus, or a temporary one that vanishes with the last
        array that refers to it.
    starts : ndarray of int64, shape (S + 1,)
        Sentence s is ``ids[starts[s]:starts[s + 1]]``. No sentence is empty: those that lost
        all their words are not listed.
    raw_words : int
        Tokens of the text, before any was dropped for being rare.

    Raises
    ------
    ValueError
        If the shapes, dtypes or numbers do not fit together.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    raw_words: int

    def __post_init__(self) -> None:
        if self.ids.dtype != np.int32 or self.ids.ndim != 1:
            raise ValueError(f"ids must be 1-D int32, not {self.ids.ndim}-D {self.ids.dtype}")
        starts = self.starts
        if starts.dtype != np.int64 or starts.ndim != 1:
            raise ValueError(f"starts must be 1-D int64, not {starts.ndim}-D {starts.dtype}")
        if not starts.size or starts[0] != 0 or starts[-1] != self.ids.size:
            raise ValueError(f"starts must run from 0 to the number of ids, {self.ids.size}")
        if not _rises(starts):
            raise ValueError("starts must rise: no sentence is empty")
        if self.raw_words < self.ids.size:
            raise ValueError(f"raw_words ({self.raw_words}) is less than the number of ids")

    @property
    def n_words(self) -> int:
        """In-vocabulary tokens, N."""
        return self.ids.size

    @property
    def n_sentences(self) -> int:
        """Sentences with at least one in-vocabulary token, S."""
        return self.starts.size - 1

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of ids and starts, 64 hexadecimal digits, however the corpus is stored.

        It is taken of the number of ids and the number of starts, both as little-endian int64,
        and of the two arrays in little-endian order. To ask for it the first time reads all of
        the corpus, piece by piece, which takes a second or a few for each gigabyte.
        """
        digest = hashlib.sha256(np.array([self.ids.size, self.starts.size], "<i8").data)
        for values, dtype in ((self.ids, "<i4"), (self.starts, "<i8")):
            for begin in range(0, values.size, _CHUNK):
                digest.update(np.ascontiguousarray(values[begin : begin + _CHUNK], dtype).data)
                self.release()
        return digest.hexdigest()

    def release(self) -> None:
        """Give back the memory that ids and starts in a file take once they were read.

        They are read again when they are needed; a system that cannot be told so frees the
        memory by itself when it needs it.
        """
        for values in (self.ids, self.starts):
            mapping = _mapping(values)
            if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
                mapping.madvise(mmap.MADV_DONTNEED)


def _rises(starts: NDArray[np.int64]) -> bool:
    """Return whether the numbers rise; in chunks, for there may be more than memory holds."""
    for begin in range(0, starts.size - 1, _CHUNK):
        part = starts[begin : begin + _CHUNK + 1]
        if (part[1:] <= part[:-1]).any():
            return False
    return True


def _mapping(values: NDArray[Any]) -> mmap.mmap | None:
    """Return the memory map of a file that a read-only array lies in, if it does."""
    if values.flags.writeable:
        return None  # what was written to a private map is nowhere else
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None

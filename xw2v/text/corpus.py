"""A corpus as token ids."""

import mmap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["EncodedCorpus"]


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """The in-vocabulary words of a corpus as ids, sentence after sentence.

    Parameters
    ----------
    ids : ndarray of int32, shape (N,)
        One id for each token that is in the vocabulary. The ids of a large corpus are read-only
        and lie in a temporary file that vanishes with the last array that refers to them.
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
        if (starts[1:] <= starts[:-1]).any():
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

    def release(self) -> None:
        """Give back the memory that ids in a file take once they were read.

        They are read again when they are needed; a system that cannot be told so frees the
        memory by itself when it needs it.
        """
        mapping = getattr(self.ids.base, "obj", None)
        if isinstance(mapping, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)

"""The words of a model, by number."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import CorpusError

__all__ = ["Vocabulary"]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words, their numbers and how often each occurs.

    Parameters
    ----------
    words : tuple of str
        V different words by falling count, ties by first appearance in the corpus. The position
        of a word is its id.
    counts : ndarray of int64, shape (V,)
        How often each word occurs in the corpus.

    Raises
    ------
    ValueError
        If the counts are not V falling int64 numbers, or a word occurs twice in `words`.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.counts.dtype != np.int64 or self.counts.shape != (len(self.words),):
            raise ValueError(
                f"counts must be int64 of shape ({len(self.words)},), "
                f"not {self.counts.dtype} of shape {self.counts.shape}"
            )
        if (self.counts[1:] > self.counts[:-1]).any():
            raise ValueError("counts must fall: the most frequent word comes first")
        if len(self.index) != len(self.words):
            raise ValueError("a word occurs twice in words")

    @cached_property
    def index(self) -> dict[str, int]:
        """The id of each word."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of words and counts, 64 hexadecimal digits: equal for equal vocabularies.

        It is taken of the number of words, the length of each in UTF-8 bytes, the counts, these
        all as little-endian int64, and the words one after the other.
        """
        # Halves of surrogate pairs are no UTF-8, but two words never get the same bytes.
        words = [word.encode("utf-8", "surrogatepass") for word in self.words]
        numbers = [len(words), *map(len, words)]
        digest = hashlib.sha256(np.array(numbers, "<i8").data)
        digest.update(np.ascontiguousarray(self.counts, "<i8").data)
        digest.update(b"".join(words))
        return digest.hexdigest()

    @property
    def total(self) -> int:
        """Occurrences of all words together."""
        return int(self.counts.sum())

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def encode(self, tokens: Iterable[str]) -> NDArray[np.int32]:
        """Return the ids of tokens; those that are not in the vocabulary are left out.

        Parameters
        ----------
        tokens : iterable of str
            The words of a text, in order.

        Returns
        -------
        ndarray of int32, shape (n,)
            One id for each token that is in the vocabulary.

        Raises
        ------
        CorpusError
            If `tokens` is one string, not words.
        """
        if isinstance(tokens, str):
            raise CorpusError("encode takes words, not one string: split it first, text.split()")
        index = self.index
        return np.array([index[token] for token in tokens if token in index], dtype=np.int32)

"""How words and candidates for phrases are spelled, and hashes of that."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xw2v.text.candidates import Rows
from xw2v.text.connectors import Connectors

__all__ = ["HashIndex", "SpelledWords", "Speller", "SpellingHashes", "number_blocks"]

_WORDS = 1 << 16  # that are spelled at a time
# A random odd number: spellings are polynomials of it, modulo 2**64.
_BASE = 0x9E6D62D06F6A9A9B
_64_BITS = (1 << 64) - 1


class SpelledWords(Protocol):
    """Words by number."""

    def __len__(self) -> int: ...

    def take(self, ids: NDArray[np.integer], /) -> list[str]:
        """Return the spellings of some of them."""
        ...


def number_blocks(numbers: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield the pieces of an array of numbers whose words are spelled at a time."""
    for begin in range(0, numbers.size, _WORDS):
        yield numbers[begin : begin + _WORDS]


@dataclass(frozen=True, eq=False)
class Speller:
    """Spells candidates."""

    words: SpelledWords
    connectors: Connectors
    delimiter: str

    def __call__(self, rows: Rows) -> list[str]:
        """Return the spelling of each candidate."""
        between = {}
        for node in np.unique(rows.nodes).tolist():
            sequence = np.array(self.connectors.sequence(node), np.int32)
            between[node] = self.delimiter.join(["", *self.words.take(sequence), ""])
        return [
            first + between[node] + second
            for first, node, second in zip(
                self.words.take(rows.first),
                rows.nodes.tolist(),
                self.words.take(rows.second),
                strict=True,
            )
        ]


class SpellingHashes:
    """Hashes of the spellings of words and candidates.

    The hash of a string s is the polynomial of the code points of ``s + delimiter``. Equal
    spellings have equal hashes, and that of a candidate follows from those of its members:
    ``hash(s + delimiter + t) = hash(s) * power(t) + hash(t)``.

    Parameters
    ----------
    speller : Speller
        Knows the words.

    Attributes
    ----------
    words : ndarray of uint64, shape (n,)
        The hash of each word.
    """

    def __init__(self, speller: Speller) -> None:
        words = speller.words
        self.words = np.zeros(len(words), np.uint64)
        self._powers = np.ones(len(words), np.uint64)
        for numbers in number_blocks(np.arange(len(words), dtype=np.int32)):
            hashed = _hash(words.take(numbers), speller.delimiter)
            self.words[numbers], self._powers[numbers] = hashed
        # The same for what is between two words. There are few, so Python's numbers do.
        hashes, powers = [0], [1]
        for parent, word in speller.connectors.parents():
            power = int(self._powers[word])
            hashes.append((hashes[parent] * power + int(self.words[word])) & _64_BITS)
            powers.append(powers[parent] * power & _64_BITS)
        self._node_hashes = np.array(hashes, np.uint64)
        self._node_powers = np.array(powers, np.uint64)

    def of(self, rows: Rows) -> NDArray[np.uint64]:
        """Return the hash of each candidate, shape (r,)."""
        hashes = self.words[rows.first]
        if self._node_hashes.size > 1:
            hashes *= self._node_powers[rows.nodes]
            hashes += self._node_hashes[rows.nodes]
        hashes *= self._powers[rows.second]
        hashes += self.words[rows.second]
        return hashes


def _hash(words: list[str], delimiter: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the hashes and powers of words, see SpellingHashes."""
    text = delimiter.join([*words, ""]).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(text, "<u4").astype(np.uint64)
    lengths = np.array([len(word) for word in words]) + len(delimiter)
    ends = np.cumsum(lengths)
    powers = np.full(int(lengths.max()) + 1, _BASE, np.uint64)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)
    exponents = np.repeat(ends, lengths) - np.arange(1, codes.size + 1)
    return np.add.reduceat(codes * powers[exponents], ends - lengths), powers[lengths]


class HashIndex:
    """Finds the few among many hashes that are in a sorted array of different ones."""

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self._hashes = hashes
        # Most of the others are ruled out by their first bits alone.
        bits = min(max((16 * hashes.size).bit_length(), 8), 26)
        self._shift = np.uint64(64 - bits)
        self._present = np.zeros(1 << bits, np.bool_)
        self._present[hashes >> self._shift] = True

    def find(self, hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which are there, rising, and where in the sorted array."""
        which = np.flatnonzero(self._present[hashes >> self._shift])
        where = np.searchsorted(self._hashes, hashes[which])
        where = np.minimum(where, self._hashes.size - 1)
        same = self._hashes[where] == hashes[which]
        return which[same], where[same]

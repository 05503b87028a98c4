"""Negatives that are not the positive, and not each other: exact, for small vocabularies.

Words that may not be drawn are cut out of the distribution before each draw, so that nothing
has to be drawn again and every device does the same work, in integers.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from numpy.typing import NDArray

from xw2v.sampling.noise import noise_shares

__all__ = ["NoiseIntervals"]

Array = Any

_BITS = 31
_ONE = 1 << _BITS
_MOST_WORDS = 1 << 20  # the rarest word's share is rounded to a multiple of 2**-31


@dataclass(frozen=True)
class NoiseIntervals:
    """The noise distribution as intervals of integers, one after the other from 0.

    Parameters
    ----------
    ends : array, shape (V,), int64
        Word v has the integers from ``ends[v - 1]`` (0 for the first word) up to, but without,
        ``ends[v]``: at least one. The last is at most 2**31.
    """

    ends: Array

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64], ns_exponent: float) -> "NoiseIntervals":
        """Make the intervals of the distribution proportional to ``count ** ns_exponent``.

        Parameters
        ----------
        counts : array, shape (V,), int64
            Occurrences in the corpus, at least 1.
        ns_exponent : float
            1 draws words as often as they occur, 0 all alike.

        Returns
        -------
        NoiseIntervals
            Of NumPy arrays; every word can be drawn, however rare.

        Raises
        ------
        ValueError
            If there are no words, or more than 2**20.
        """
        if not 0 < counts.size <= _MOST_WORDS:
            raise ValueError(
                f"noise intervals are for 1 to {_MOST_WORDS} words, not for {counts.size}"
            )
        # Rounding, and giving a word at least 1, add less than 1 for each word.
        weights = np.rint(noise_shares(counts, ns_exponent) * (_ONE - counts.size))
        return cls(np.cumsum(np.maximum(weights, 1.0).astype(np.int64)))

    def to(self, xp: Any, device: Any = None) -> "NoiseIntervals":
        """Return the same on a device.

        Parameters
        ----------
        xp : namespace
            Whose arrays to make of the NumPy arrays held.
        device : object, optional
            What the namespace calls the device.
        """
        return NoiseIntervals(xp.asarray(self.ends, device=device))

    def check(self, negative: int, exclude_positive: bool) -> None:
        """Raise unless the vocabulary has enough words to draw different ones.

        Parameters
        ----------
        negative : int
            Different words for each positive.
        exclude_positive : bool
            Whether they must differ from the positive as well.

        Raises
        ------
        ValueError
            The message says how many there can be.
        """
        size = self.ends.shape[0]
        most = size - int(exclude_positive)
        if negative > most:
            besides = " besides the positive" if exclude_positive else ""
            raise ValueError(
                f"a vocabulary of size {size} is too small for {negative} different "
                f"negatives{besides}: there can be at most {most}"
            )

    def draw(
        self, bits: Array, positives: Array | None = None, *, replacement: bool = True
    ) -> Array:
        """Draw a word for each random number.

        Probabilities are exact, but for 2**63 numbers not being a multiple of the integers left:
        some of these get one number in 2**32 more than others.

        Parameters
        ----------
        bits : array, shape (..., K), int64
            From `random_bits`.
        positives : array, shape (...), int32, optional
            For each row a word that is not drawn; the others' shares grow in proportion.
        replacement : bool
            Whether a word can be drawn again in the same row. If not, a row's words are drawn
            one after the other, each as if there were none but those not yet drawn.

        Returns
        -------
        array, shape of `bits`, int32

        Raises
        ------
        ValueError
            If the vocabulary has too few words, see `check`.
        """
        xp, device = array_namespace(self.ends), device_of(bits)
        *shape, k = bits.shape
        rows, excluding = math.prod(shape), positives is not None
        self.check(min(k, 1) if replacement else k, excluding)
        flat = xp.reshape(bits, (rows, k))
        # The intervals left are pushed together, which leaves a seam where a word was cut out.
        room = (int(excluding) + (0 if replacement else k), rows, 1)
        seams = xp.zeros(room, dtype=xp.int64, device=device)
        weights = xp.zeros(room, dtype=xp.int64, device=device)
        if excluding:
            seams[0, ...], weights[0, ...] = self._intervals(xp.reshape(positives, (rows, 1)))
        if replacement:
            return xp.reshape(self._pick(flat, seams, weights)[0], bits.shape)
        words = xp.zeros((rows, k), dtype=xp.int32, device=device)
        for i in range(k):
            new = i + int(excluding)
            before = seams[:new, ...]
            word, passed = self._pick(flat[:, i : i + 1], before, weights[:new, ...])
            words[:, i : i + 1] = word
            start, weight = self._intervals(word)
            seam = start - passed
            # The seams behind move up; one at the same place is that of the word just before.
            seams[:new, ...] = before - weight * xp.astype(before > seam, xp.int64)
            seams[new, ...], weights[new, ...] = seam, weight
        return xp.reshape(words, bits.shape)

    def _pick(self, bits: Array, seams: Array, weights: Array) -> tuple[Array, Array]:
        """Return the words that bits (N, C) fall on, and the weight cut out before each.

        `seams` and `weights`, (J, N, 1), are of each row's J excluded words, in any order.
        """
        xp = array_namespace(self.ends)
        left = self.ends[-1] - xp.sum(weights, axis=0)
        # bits / 2**63 * left, rounded down; no product has more than 63 bits.
        place = (bits >> 32) * left
        place += ((bits & 0xFFFFFFFF) * left) >> 32
        place >>= _BITS
        passed = xp.sum(weights * xp.astype(place >= seams, xp.int64), axis=0)
        place = xp.reshape(place + passed, (-1,))
        words = xp.searchsorted(self.ends, place, side="right")
        return xp.reshape(xp.astype(words, xp.int32), bits.shape), passed

    def _intervals(self, words: Array) -> tuple[Array, Array]:
        """Return start and length of each word's interval."""
        xp = array_namespace(self.ends)
        flat = xp.reshape(words, (-1,))
        later = xp.astype(flat > 0, flat.dtype)  # all words but the first start where one ends
        starts = xp.take(self.ends, flat - later, axis=0) * later
        lengths = xp.take(self.ends, flat, axis=0) - starts
        return xp.reshape(starts, words.shape), xp.reshape(lengths, words.shape)

"""The noise distribution that negatives come from, and the subsampling of frequent words.

Both are decided by comparing random integers with integer thresholds made once on the host, so
that every device decides alike.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

__all__ = ["NoiseTable", "keep_thresholds", "noise_shares"]

Array = Any

_BITS = 31
_ONE = 1 << _BITS


def keep_thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.int64]:
    """Return for each word how many of 2**31 equally likely draws keep an occurrence of it.

    The probability is that of word2vec.c: ``min(1, sqrt(t / f) + t / f)`` for a word of corpus
    frequency f (Mikolov's published program; the paper's equation 5 has no second term).

    Parameters
    ----------
    counts : array, shape (V,), int64
        Occurrences in the corpus.
    sample : float
        Threshold t; 0 keeps everything.

    Returns
    -------
    array, shape (V,), int64
        In 0..2**31.
    """
    if sample == 0:
        return np.full(counts.shape, _ONE, dtype=np.int64)
    ratio = sample * counts.sum() / counts
    kept = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return np.asarray(np.ceil(kept * _ONE), dtype=np.int64)


def noise_shares(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.float64]:
    """Return the noise distribution, ``count ** ns_exponent`` divided by its sum.

    Parameters
    ----------
    counts : array, shape (V,), int64
        Occurrences in the corpus, at least 1.
    ns_exponent : float
        Any finite number.

    Returns
    -------
    array, shape (V,), float64
    """
    logs = np.log(counts.astype(np.float64))
    logs -= logs.max() if ns_exponent > 0 else logs.min()
    with np.errstate(over="ignore"):  # to minus infinity: only the largest power is left
        powers = np.exp(ns_exponent * logs)
    return np.asarray(powers / powers.sum())


@dataclass(frozen=True)
class NoiseTable:
    """Walker's alias table: draws words from a given distribution with two look-ups.

    Parameters
    ----------
    thresholds : array, shape (V,), int32
        Word v of V keeps ``thresholds[v] + 1`` of every 2**31 draws that fall on it ...
    aliases : array, shape (V,), int32
        ... and gives the others to word ``aliases[v]``.
    """

    thresholds: Array
    aliases: Array

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64], ns_exponent: float) -> "NoiseTable":
        """Make the table of the distribution proportional to ``count ** ns_exponent``.

        Built by sweeping the words below average and the words above it side by side, a whole
        array at a time (Hübschle-Schneider and Sanders 2019, "Parallel Weighted Random
        Sampling", section 4).

        Parameters
        ----------
        counts : array, shape (V,), int64
            Occurrences in the corpus, at least 1.
        ns_exponent : float
            1 draws words as often as they occur, 0 all alike.

        Returns
        -------
        NoiseTable
            Of NumPy arrays.
        """
        shares = noise_shares(counts, ns_exponent) * counts.size  # 1 is the average
        light = np.flatnonzero(shares < 1.0)
        heavy = np.flatnonzero(shares >= 1.0)
        # What the first k light words lack, and what the first k heavy words have to give.
        lacks = np.cumsum(1.0 - shares[light])
        gives = np.cumsum(shares[heavy] - 1.0)
        last = heavy.size - 1
        aliases = np.arange(counts.size, dtype=np.int32)
        before = np.concatenate(([0.0], lacks[:-1])) if light.size else lacks
        aliases[light] = heavy[np.minimum(np.searchsorted(gives, before), last)]
        # A heavy word that has given too much is filled up by the next one.
        filled = np.searchsorted(lacks, gives, side="right")
        owing = np.append(lacks, np.inf)[filled] - gives
        keeps = shares.copy()
        keeps[heavy] = np.where(np.isfinite(owing), 1.0 - owing, 1.0)
        aliases[heavy[:-1]] = heavy[1:]
        thresholds = np.clip(np.rint(keeps * _ONE) - 1, -1, _ONE - 1).astype(np.int32)
        return cls(thresholds, aliases)

    def to(self, xp: Any, device: Any = None) -> "NoiseTable":
        """Return the same on a device.

        Parameters
        ----------
        xp : namespace
            Whose arrays to make of the NumPy arrays held.
        device : object, optional
            What the namespace calls the device.
        """
        return NoiseTable(
            xp.asarray(self.thresholds, device=device), xp.asarray(self.aliases, device=device)
        )

    def draw(self, bits: Array) -> Array:
        """Draw a word for each random number.

        A word takes few intervals of the numbers, so that evenly spread numbers draw each word
        as often as its share says.

        Parameters
        ----------
        bits : array, int64
            From `random_bits` or `even_bits`.

        Returns
        -------
        array, shape of `bits`, int32
        """
        xp = array_namespace(self.thresholds)
        flat = xp.reshape(bits, (-1,))
        # bits / 2**63 * V in steps of 2**-31: its whole part falls on a word.
        size = self.thresholds.shape[0]
        place = (flat >> 32) * size
        place += ((flat & 0xFFFFFFFF) * size) >> 32
        words = xp.astype(place >> _BITS, xp.int32)
        keep = xp.astype(place & (_ONE - 1), xp.int32) <= xp.take(self.thresholds, words, axis=0)
        return xp.reshape(xp.where(keep, words, xp.take(self.aliases, words, axis=0)), bits.shape)

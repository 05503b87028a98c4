"""Random numbers from a counter, not from a state.

`random_bits` is a pure function of two integers, so that the same draws come out on every
device, with any number of workers, from any point of a run. It is splitmix64 (Steele, Lea and
Flood 2014, "Fast Splittable Pseudorandom Number Generators"): counter k of a stream gives the
k-th output of a generator seeded with the stream's key.
"""

from enum import IntEnum
from typing import Any

__all__ = ["Purpose", "even_bits", "random_below", "random_bits", "stream_key"]

Array = Any

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


class Purpose(IntEnum):
    """What a stream of random numbers is for; part of its key."""

    INITIAL_WEIGHTS = 1
    WORDS = 2  # the low half: which are kept; the high half: their windows
    NEGATIVES = 3
    BLOCK_ORDER = 4


def stream_key(seed: int, purpose: Purpose, *path: int) -> int:
    """Return the 64-bit key of a stream.

    Parameters
    ----------
    seed : int
        The user's seed.
    purpose : Purpose
    *path : int
        What else tells the stream from others: epoch, chunk.

    Returns
    -------
    int
        In 0..2**64-1.
    """
    key = 0
    for part in (seed, int(purpose), *path):
        key = _mix((key + part * _GOLDEN + _GOLDEN) & _MASK)
    return key


def random_bits(key: int, counters: Array) -> Array:
    """Return 63 random bits for each counter.

    Parameters
    ----------
    key : int
        Key of the stream, from `stream_key`.
    counters : array, int64
        Which numbers of the stream to draw, in any order.

    Returns
    -------
    array, shape of `counters`, int64
        Uniform on 0..2**63-1.
    """
    # int64 arithmetic wraps like uint64 in every library (torch has no uint64); only the
    # right shifts, which would bring in copies of the sign, need a mask.
    z = _xor_shift(_sequence(key + _GOLDEN, counters), 30)
    z *= _signed(_MIX_1)
    z = _xor_shift(z, 27)
    z *= _signed(_MIX_2)
    z = _xor_shift(z, 31)
    z &= 0x7FFFFFFFFFFFFFFF
    return z


def even_bits(key: int, counters: Array) -> Array:
    """Return 63 bits for each counter that are spread evenly rather than independently.

    The numbers of consecutive counters are the multiples of the golden ratio, modulo 1 and
    shifted by the key: any n of them fall on an interval of length p about n p times, give or
    take one or two, where independent numbers have a standard deviation of sqrt(n p). Each by
    itself is uniform if the key is. (Kuipers and Niederreiter 1974, "Uniform Distribution of
    Sequences", chapter 2.)

    Parameters
    ----------
    key : int
        Key of the stream, from `stream_key`.
    counters : array, int64
        Which numbers of the stream to return, in any order.

    Returns
    -------
    array, shape of `counters`, int64
        In 0..2**63-1.
    """
    z = _sequence(key, counters)
    z &= 0x7FFFFFFFFFFFFFFF
    return z


def random_below(bits: Array, n: int) -> Array:
    """Return integers in 0..n-1 made of random bits.

    Parameters
    ----------
    bits : array, int64
        At least 31 random bits in the low end; only the lowest 31 are used.
    n : int
        At most 2**31; the bias is below n / 2**31.

    Returns
    -------
    array, shape of `bits`, int64
    """
    return ((bits & 0x7FFFFFFF) * n) >> 31


def _sequence(key: int, counters: Array) -> Array:
    """Return the multiples of the golden ratio of 2**64, shifted by the key, as new int64."""
    z = counters * _signed(_GOLDEN)
    z += _signed(key & _MASK)
    return z


def _xor_shift(z: Array, by: int) -> Array:
    shifted = z >> by
    shifted &= (1 << (64 - by)) - 1
    shifted ^= z
    return shifted


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    return z ^ (z >> 31)

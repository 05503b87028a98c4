"""The counter-based generator against Python's own integers."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from tests import oracle
from tests.conftest import to_host
from xw2v.sampling import Purpose, even_bits, random_below, random_bits, stream_key

KEYS = [
    0,
    1,
    1234567,
    0x7FFFFFFFFFFFFFFF,
    0x8000000000000000,
    0xFFFFFFFFFFFFFFFF,
    0x9E3779B97F4A7C15,
]
UNLIKELY = 1e-4  # the seeds are fixed, so a p-value below this will not come and go


@pytest.fixture(autouse=True)
def _fixed_shapes(fixed_shapes: None) -> None:
    """Drawing has no shape that depends on data."""


def test_the_reference_is_splitmix64() -> None:
    """Outputs of the C program at https://prng.di.unimi.it/splitmix64.c for seed 1234567."""
    assert oracle.splitmix64(1234567, 5) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("key", KEYS)
def test_bits_are_those_of_splitmix64(xp: Any, key: int) -> None:
    bits = random_bits(key, xp.arange(200, dtype=xp.int64))
    assert bits.dtype == xp.int64
    expected = [value & 0x7FFFFFFFFFFFFFFF for value in oracle.splitmix64(key, 200)]
    assert to_host(bits).tolist() == expected


def test_a_number_depends_on_its_counter_alone(xp: Any) -> None:
    counters = np.asarray([[5, 0, 199], [199, 3, 2**40]])
    before = counters.copy()
    ours = xp.asarray(counters, dtype=xp.int64)
    bits = to_host(random_bits(77, ours))
    outputs = oracle.splitmix64(77, 200)
    # Far along the stream: the generator's state moves on by the same constant each time.
    far = oracle.splitmix64((77 + 2**40 * 0x9E3779B97F4A7C15) % 2**64, 1)[0]
    expected = [[outputs[5], outputs[0], outputs[199]], [outputs[199], outputs[3], far]]
    assert bits.tolist() == [[value & 0x7FFFFFFFFFFFFFFF for value in row] for row in expected]
    np.testing.assert_array_equal(to_host(ours), before)


def test_streams_differ_in_every_part_of_their_name() -> None:
    keys = [
        stream_key(seed, purpose, *path)
        for seed, purpose, path in product(
            (0, 1, 2, 2**63 - 1), Purpose, [(), *product(range(4)), *product(range(4), range(4))]
        )
    ]
    assert len(set(keys)) == len(keys)
    assert all(0 <= key < 2**64 for key in keys)
    # Nor is one of them the beginning or a later part of another.
    numbers = np.concatenate([random_bits(key, np.arange(300)) for key in keys])
    assert np.unique(numbers).size == numbers.size


def test_every_bit_is_even_and_uncorrelated_with_the_next_counter() -> None:
    n = 1 << 20
    bits = random_bits(stream_key(3, Purpose.NEGATIVES, 0, 0), np.arange(n))
    for place in range(63):
        ones = (bits >> place) & 1
        assert abs(int(ones.sum()) - n / 2) < 5 * np.sqrt(n) / 2
        changes = int((ones[1:] ^ ones[:-1]).sum())
        assert abs(changes - (n - 1) / 2) < 5 * np.sqrt(n) / 2
    assert bits.min() >= 0


@pytest.mark.parametrize("key", KEYS)
def test_even_bits_are_multiples_of_the_golden_ratio(xp: Any, key: int) -> None:
    counters = [0, 1, 2, 1000, 2**40]
    bits = even_bits(key, xp.asarray(counters, dtype=xp.int64))
    assert bits.dtype == xp.int64
    expected = [(key + k * 0x9E3779B97F4A7C15) % 2**63 for k in counters]
    assert to_host(bits).tolist() == expected


@pytest.mark.parametrize("n", [10, 1000, 100_000])
def test_even_bits_leave_no_interval_out(n: int) -> None:
    """Of n consecutive numbers, any interval has its share within one or two."""
    for first in (0, 12_345):
        bits = even_bits(stream_key(1, Purpose.NEGATIVES), np.arange(first, first + n))
        numbers = np.sort(bits / 2.0**63)
        gaps = np.diff(numbers, append=numbers[0] + 1)
        assert gaps.max() < 4 / n
        assert gaps.min() > 0.2 / n


@pytest.mark.parametrize("n", [1, 2, 3, 5, 1000, 65537])
def test_numbers_below_are_uniform(n: int) -> None:
    bits = random_bits(stream_key(1, Purpose.WORDS, 2), np.arange(1 << 20))
    draws = random_below(bits, n)
    assert draws.min() >= 0
    assert draws.max() == n - 1
    counts = np.bincount(draws, minlength=n)
    if n > 1:
        assert chisquare(counts).pvalue > UNLIKELY


def test_numbers_below_use_the_lowest_31_bits(xp: Any) -> None:
    lowest = [0, 1, 2**30, 2**31 - 1]
    bits = xp.asarray([(5 << 31) + value for value in lowest], dtype=xp.int64)
    for n in (1, 7, 2**31):
        below = to_host(random_below(bits, n)).tolist()
        assert below == [value * n // 2**31 for value in lowest]

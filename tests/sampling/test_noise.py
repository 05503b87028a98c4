"""Negatives follow count ** ns_exponent, kept words their probability."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, chisquare

from tests.conftest import to_host
from tests.synthetic import random_corpus
from xw2v.sampling import (
    NoiseTable,
    Purpose,
    even_bits,
    keep_thresholds,
    random_bits,
    sample_chunk,
    stream_key,
)
from xw2v.sampling.noise import noise_shares

EXPONENTS = [0.75, 0.0, 1.0, -0.5]
DRAWS = 1_200_000
UNLIKELY = 1e-4  # the seeds are fixed, so a p-value below this will not come and go


def falling_counts(size: int) -> NDArray[np.int64]:
    return np.maximum(1_000_000 // np.arange(1, size + 1), 1).astype(np.int64)


def target(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.float64]:
    powers = counts.astype(np.float64) ** ns_exponent
    return np.asarray(powers / powers.sum())


def implied(table: NoiseTable) -> NDArray[np.float64]:
    """The exact probability of each word, from what the fields are said to mean."""
    size, one = table.thresholds.size, 2.0**31
    keeps = (table.thresholds.astype(np.float64) + 1) / one
    shares = keeps / size  # as many of the numbers fall on every word
    np.add.at(shares, table.aliases, (1 - keeps) / size)
    return np.asarray(shares)


COUNTS = [
    *(falling_counts(size) for size in (1, 2, 3, 1000, 30_011)),
    np.asarray([10**12, 1, 1]),
    np.full(64, 7),
    np.asarray([5] * 10 + [4] * 90),
]


@pytest.mark.parametrize("ns_exponent", EXPONENTS)
@pytest.mark.parametrize("counts", COUNTS, ids=lambda counts: f"{counts.size}x{counts[0]}")
def test_table_holds_the_distribution(counts: NDArray[np.int64], ns_exponent: float) -> None:
    table = NoiseTable.from_counts(counts, ns_exponent)
    assert table.thresholds.dtype == table.aliases.dtype == np.int32
    assert ((table.aliases >= 0) & (table.aliases < counts.size)).all()
    np.testing.assert_allclose(implied(table), target(counts, ns_exponent), rtol=0, atol=1e-8)


@pytest.mark.parametrize("ns_exponent", [-40.0, -3.5, -0.5, 0.0, 0.75, 1.0, 2.5, 40.0])
def test_shares_are_powers_divided_by_their_sum(ns_exponent: float) -> None:
    """Of which 2**62 to the 40th is too large for any floating number."""
    counts = np.asarray([2**62, 10**9, 10**9, 1000, 3, 1, 1])
    powers = [Decimal(count) ** Decimal(ns_exponent) for count in counts.tolist()]
    expected = [float(power / sum(powers)) for power in powers]
    np.testing.assert_allclose(noise_shares(counts, ns_exponent), expected, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("ns_exponent", [1e5, 1e300, 1.7e308])
def test_shares_of_exponents_of_any_size(ns_exponent: float) -> None:
    counts = np.asarray([2**62, 2**62, 1000, 3, 2, 2, 2])
    np.testing.assert_array_equal(noise_shares(counts, ns_exponent)[:3], [0.5, 0.5, 0])
    np.testing.assert_allclose(
        noise_shares(counts, -ns_exponent), [0, 0, 0, 0, 1 / 3, 1 / 3, 1 / 3], rtol=1e-15
    )
    same = np.asarray([7, 7, 7, 7])
    for exponent in (ns_exponent, -ns_exponent):
        np.testing.assert_array_equal(noise_shares(same, exponent), [0.25] * 4)


def test_exponents_that_leave_one_word() -> None:
    counts = falling_counts(100)
    first, last = (implied(NoiseTable.from_counts(counts, power)) for power in (1e5, -1e5))
    np.testing.assert_allclose(first[:2], [1, 0], rtol=1e-12)
    np.testing.assert_allclose(last[-2:], [0, 1], rtol=1e-12)


@pytest.mark.parametrize("ns_exponent", EXPONENTS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_draws_follow_the_distribution(size: int, ns_exponent: float) -> None:
    counts = falling_counts(size)
    table = NoiseTable.from_counts(counts, ns_exponent)
    bits = random_bits(stream_key(5, Purpose.NEGATIVES, 1, 2), np.arange(DRAWS))
    draws = table.draw(bits)
    observed = np.bincount(draws, minlength=size)
    if size == 1:
        assert observed.tolist() == [DRAWS]
        return
    expected = DRAWS * target(counts, ns_exponent)
    assert expected.min() > 50
    assert chisquare(observed, expected).pvalue > UNLIKELY


@pytest.mark.parametrize("ns_exponent", EXPONENTS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000, 30_011])
def test_even_numbers_draw_each_word_as_often_as_its_share_says(
    size: int, ns_exponent: float
) -> None:
    """To a fraction of what chance leaves, however rare the word."""
    counts = falling_counts(size)
    table = NoiseTable.from_counts(counts, ns_exponent)
    bits = even_bits(stream_key(5, Purpose.NEGATIVES, 1, 2), np.arange(DRAWS))
    observed = np.bincount(table.draw(bits), minlength=size)
    expected = DRAWS * target(counts, ns_exponent)
    deviations = (observed - expected) ** 2 / expected
    assert deviations.mean() < 0.1  # 1 for independent draws


def test_draws_are_the_same_everywhere(xp: Any, fixed_shapes: None) -> None:
    table = NoiseTable.from_counts(falling_counts(777), 0.75)
    bits = random_bits(8, np.arange(6000)).reshape(20, 300)
    ours = NoiseTable(xp.asarray(table.thresholds), xp.asarray(table.aliases))
    draws = ours.draw(xp.asarray(bits))
    assert draws.dtype == xp.int32
    np.testing.assert_array_equal(to_host(draws), table.draw(bits))


def keep_probabilities(counts: NDArray[np.int64], sample: float) -> NDArray[np.float64]:
    """word2vec.c: (sqrt(f / t) + 1) * t / f."""
    f = counts / counts.sum()
    return np.asarray(np.minimum((np.sqrt(f / sample) + 1) * sample / f, 1.0))


@pytest.mark.parametrize("sample", [1e-5, 1e-3, 0.1, 1.0])
def test_keep_thresholds(sample: float) -> None:
    counts = falling_counts(1000)
    thresholds = keep_thresholds(counts, sample)
    assert thresholds.dtype == np.int64
    expected = keep_probabilities(counts, sample)
    np.testing.assert_allclose(thresholds / 2.0**31, expected, rtol=1e-12, atol=2.0**-31)
    assert thresholds.max() <= 2**31


def test_without_a_sample_everything_is_kept() -> None:
    assert (keep_thresholds(falling_counts(10), 0.0) == 2**31).all()


@pytest.mark.parametrize("sample", [1e-4, 1e-3, 0.05])
def test_words_are_kept_at_their_rates(sample: float) -> None:
    n, size = 1_200_000, 50
    vocabulary, corpus = random_corpus(n, size, sentence=1000)
    chunk = sample_chunk(
        corpus,
        0,
        n,
        thresholds=keep_thresholds(vocabulary.counts, sample),
        window=5,
        shrink_windows=True,
        seed=3,
        epoch=1,
    )
    observed = np.bincount(corpus.ids[chunk.positions], minlength=size)
    share = keep_probabilities(vocabulary.counts, sample)
    always = share == 1
    np.testing.assert_array_equal(observed[always], vocabulary.counts[always])
    share, counts = share[~always], vocabulary.counts[~always]
    deviations = (observed[~always] - counts * share) ** 2 / (counts * share * (1 - share))
    assert chi2.sf(deviations.sum(), deviations.size) > UNLIKELY
    assert len(chunk) == observed.sum()

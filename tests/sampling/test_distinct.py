"""Words drawn are never the positive, never twice, and otherwise as probable as they should be."""

import itertools
import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, chisquare

from tests.conftest import to_host
from xw2v.sampling import NoiseTable, Purpose, random_bits, stream_key
from xw2v.sampling.distinct import NoiseIntervals

UNLIKELY = 1e-4  # the seeds are fixed, so a p-value below this will not come and go
TOP = 2**63 - 1


def intervals(*weights: int) -> NoiseIntervals:
    return NoiseIntervals(np.cumsum(np.asarray(weights, dtype=np.int64)))


def weights_of(noise: NoiseIntervals) -> NDArray[np.int64]:
    return np.asarray(np.diff(noise.ends, prepend=0))


def some_bits(*shape: int, number: int = 1) -> NDArray[np.int64]:
    key = stream_key(7, Purpose.NEGATIVES, number)
    return np.asarray(random_bits(key, np.arange(math.prod(shape))).reshape(shape))


def some_positives(size: int, *shape: int) -> NDArray[np.int32]:
    return (some_bits(*shape, number=2) % size).astype(np.int32)


def falling_counts(size: int) -> NDArray[np.int64]:
    return np.maximum(1_000_000 // np.arange(1, size + 1), 1).astype(np.int64)


def plain_draws(
    weights: list[int], bits: list[int], positive: int | None, *, replacement: bool
) -> list[int]:
    """A row's words by walking over the words left, in Python's integers."""
    excluded = set() if positive is None else {positive}
    words = []
    for number in bits:
        left = [word for word in range(len(weights)) if word not in excluded]
        place = number * sum(weights[word] for word in left) >> 63
        for word in left:
            place -= weights[word]
            if place < 0:
                break
        words.append(word)
        if not replacement:
            excluded.add(word)
    return words


def probability(weights: list[int], words: tuple[int, ...], left: set[int]) -> Fraction:
    """Of drawing these words one after the other from those left, without replacement."""
    p = Fraction(1)
    for word in words:
        p *= Fraction(weights[word], sum(weights[other] for other in left))
        left = left - {word}
    return p


def every_place(size: int) -> NDArray[np.int64]:
    """So many numbers that each of n equal parts has equally many, for every n dividing them."""
    return np.asarray([(2 * i + 1) * 2**62 // size for i in range(size)], dtype=np.int64)


SMALL = [
    ((1, 2, 3), 3),
    ((3, 1, 1, 1), 4),
    ((1, 1, 2, 4), 3),
    ((7, 1, 11), 2),
    ((1, 1, 1, 1, 1), 3),
    ((2, 1, 4, 1, 3), 2),
    ((1, 2, 1, 3, 1, 2), 2),
    ((1, 1, 1, 3, 1, 1), 3),
]


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize(("weights", "k"), SMALL)
def test_all_sequences_have_their_exact_probabilities(
    weights: tuple[int, ...], k: int, exclude: bool
) -> None:
    """A grid of all numbers that matter: frequencies are probabilities, without any tolerance."""
    noise, every = intervals(*weights), set(range(len(weights)))
    for positive in every if exclude else [None]:
        left = every - {positive}
        k = min(k, len(left))
        # At each step, whatever was drawn before, a whole number of grid points for each integer.
        grid = [
            math.lcm(
                *(
                    sum(weights[word] for word in left - set(gone))
                    for gone in itertools.combinations(left, step)
                )
            )
            for step in range(k)
        ]
        assert math.prod(grid) < 100_000
        axes = np.meshgrid(*(every_place(size) for size in grid), indexing="ij")
        bits = np.stack(axes, axis=-1)
        positives = None
        if positive is not None:
            positives = np.full(bits.shape[:-1], positive, dtype=np.int32)
        draws = noise.draw(bits, positives, replacement=False).reshape(-1, k)
        observed = Counter(tuple(row) for row in draws.tolist())
        expected = {
            words: probability(list(weights), words, left)
            for words in itertools.permutations(left, k)
        }
        assert {words: Fraction(n, len(draws)) for words, n in observed.items()} == expected


@pytest.mark.parametrize("weights", [weights for weights, _ in SMALL])
def test_with_replacement_every_draw_has_the_same_exact_distribution(
    weights: tuple[int, ...],
) -> None:
    noise, total = intervals(*weights), sum(weights)
    plain = noise.draw(every_place(total))
    assert np.bincount(plain).tolist() == list(weights)
    for positive, weight in enumerate(weights):
        bits = np.stack([every_place(total - weight)] * 2)
        positives = np.full(2, positive, dtype=np.int32)
        expected = [*weights[:positive], 0, *weights[positive + 1 :]]
        for row in noise.draw(bits, positives):
            assert np.bincount(row, minlength=len(weights)).tolist() == expected


ORACLE = [
    *((counts, power) for counts in ([5, 3], [7] * 3) for power in (0.75, 0.0)),
    *((falling_counts(6).tolist(), power) for power in (0.75, 0.0, 1.0, -0.5, 1000.0, -1000.0)),
    ([2**40, 1, 2**40, 3, 2**20, 1, 1], 0.75),
    ([2**40, 1, 2**40, 3, 2**20, 1, 1], 1.0),
    (falling_counts(40).tolist(), 0.75),
]


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize(("counts", "ns_exponent"), ORACLE)
def test_draws_are_those_of_plain_integers(
    counts: list[int], ns_exponent: float, exclude: bool, replacement: bool
) -> None:
    noise = NoiseIntervals.from_counts(np.asarray(counts, dtype=np.int64), ns_exponent)
    size = len(counts)
    most = size - exclude
    k = min(most, 24) if not replacement else 9
    bits = some_bits(300, k)
    bits[0, :], bits[1, :] = 0, TOP
    bits[2:100, :] = np.where(bits[2:100, :] & 1, bits[2:100, :] % 8, TOP - bits[2:100, :] % 8)
    positives = some_positives(size, 300) if exclude else None
    draws = noise.draw(bits, positives, replacement=replacement)
    weights = weights_of(noise).tolist()
    given = [None] * 300 if positives is None else positives.tolist()
    expected = [
        plain_draws(weights, numbers, positive, replacement=replacement)
        for numbers, positive in zip(bits.tolist(), given, strict=True)
    ]
    np.testing.assert_array_equal(draws, expected)


@pytest.mark.parametrize("weights", [(2**31,), (2**30, 2**30), (1, 2**31 - 2, 1)])
def test_nothing_overflows_at_the_largest_total(weights: tuple[int, ...]) -> None:
    noise = intervals(*weights)
    bits = np.concatenate([some_bits(50), [0, 2**32 - 1, 2**32, 2**62, TOP - 2**32, TOP]])[:, None]
    for replacement in (True, False):
        draws = noise.draw(bits, replacement=replacement)
        expected = [
            plain_draws(list(weights), row, None, replacement=True) for row in bits.tolist()
        ]
        np.testing.assert_array_equal(draws, expected)


def test_at_the_borders_of_intervals() -> None:
    """The first and the last number of each interval, and their neighbours outside it."""
    noise = NoiseIntervals.from_counts(falling_counts(7), 0.75)
    ends, total = noise.ends.tolist(), int(noise.ends[-1])
    first = [-(-end * 2**63 // total) for end in ends[:-1]]
    draws = noise.draw(np.asarray([[number - 1, number] for number in first]))
    np.testing.assert_array_equal(draws, [[word, word + 1] for word in range(6)])


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("size", [2, 3, 25, 300])
def test_never_the_positive_never_twice(size: int, exclude: bool) -> None:
    noise = NoiseIntervals.from_counts(falling_counts(size), 0.75)
    k, rows = min(size - exclude, 24), 2000
    positives = some_positives(size, rows)
    draws = noise.draw(some_bits(rows, k), positives if exclude else None, replacement=False)
    if exclude:
        draws = np.concatenate([draws, positives[:, None]], axis=1)
    assert draws.min() >= 0
    assert draws.max() < size
    assert (np.diff(np.sort(draws, axis=1), axis=1) > 0).all()


def test_never_the_positive_with_replacement() -> None:
    noise = NoiseIntervals.from_counts(np.asarray([10**6, 1, 10**6, 1]), 1.0)
    positives = some_positives(4, 5000)
    draws = noise.draw(some_bits(5000, 20), positives)
    assert not (draws == positives[:, None]).any()
    assert ((draws >= 0) & (draws < 4)).all()


@pytest.mark.parametrize("ns_exponent", [0.75, 0.0, 1.0, -0.5])
def test_frequencies_without_replacement(ns_exponent: float) -> None:
    counts = np.asarray([90, 40, 30, 25, 20, 60])
    noise = NoiseIntervals.from_counts(counts, ns_exponent)
    rows, positive = 200_000, 3
    positives = np.full(rows, positive, dtype=np.int32)
    draws = noise.draw(some_bits(rows, 3), positives, replacement=False)
    observed = Counter(tuple(row) for row in draws.tolist())
    left = set(range(6)) - {positive}
    sequences = list(itertools.permutations(left, 3))
    weights = weights_of(noise).tolist()
    expected = [rows * float(probability(weights, words, left)) for words in sequences]
    assert min(expected) > 50
    assert observed.keys() <= set(sequences)
    assert chisquare([observed[words] for words in sequences], expected).pvalue > UNLIKELY


@pytest.mark.parametrize("ns_exponent", [0.75, 0.0, 1.0, -0.5])
@pytest.mark.parametrize("size", [2, 3, 1000])
def test_plain_draws_are_distributed_like_those_of_the_table(size: int, ns_exponent: float) -> None:
    counts = falling_counts(size)
    ours = NoiseIntervals.from_counts(counts, ns_exponent).draw(some_bits(10**6, number=3))
    table = NoiseTable.from_counts(counts, ns_exponent).draw(some_bits(10**6, number=4))
    drawn = [np.bincount(words, minlength=size) for words in (ours, table)]
    assert chi2_contingency(drawn).pvalue > UNLIKELY


COUNTS = [
    *(falling_counts(size) for size in (1, 2, 3, 1000, 30_011)),
    np.asarray([2**40, 1, 1]),
    np.asarray([2**40, 2**39, 2**40 - 1, 2**10]),
    np.full(64, 7),
    np.full(64, 2**40),
]


@pytest.mark.parametrize("ns_exponent", [0.75, 0.0, 1.0, -0.5, 1000.0, -1000.0, 1e308, -1e308])
@pytest.mark.parametrize("counts", COUNTS, ids=lambda counts: f"{counts.size}x{counts[0]}")
def test_intervals_hold_the_distribution(counts: NDArray[np.int64], ns_exponent: float) -> None:
    noise = NoiseIntervals.from_counts(counts, ns_exponent)
    weights, total = weights_of(noise), int(noise.ends[-1])
    assert noise.ends.dtype == np.int64
    assert weights.min() >= 1
    assert 2**31 - 2 * counts.size <= total <= 2**31
    largest = counts.max() if ns_exponent > 0 else counts.min()
    powers = (counts / largest) ** ns_exponent
    # Each weight is rounded, or raised to 1.
    exact = powers / powers.sum() * (2**31 - counts.size)
    np.testing.assert_allclose(weights, np.maximum(exact, 1), rtol=1e-12, atol=0.51)


@pytest.mark.parametrize("ns_exponent", [1000.0, -1000.0, 1e308, -1e308])
def test_exponents_that_leave_one_word_still_draw_the_others(ns_exponent: float) -> None:
    counts = falling_counts(6)
    noise = NoiseIntervals.from_counts(counts, ns_exponent)
    most = 0 if ns_exponent > 0 else 5
    assert (np.delete(weights_of(noise), most) == 1).all()
    bits = some_bits(100, 6)
    draws = noise.draw(bits, replacement=False)
    assert (draws[:, 0] == most).all()
    assert set(draws[:, 1].tolist()) == set(range(6)) - {most}  # all alike
    assert (np.sort(draws, axis=1) == np.arange(6)).all()


@pytest.mark.parametrize("ns_exponent", [1.0, 0.0, -1000.0])
def test_the_largest_vocabulary(ns_exponent: float) -> None:
    size = 2**20
    noise = NoiseIntervals.from_counts(falling_counts(size), ns_exponent)
    assert weights_of(noise).min() >= 1
    assert 2**31 - 2 * size <= noise.ends[-1] <= 2**31
    np.testing.assert_array_equal(noise.draw(np.asarray([0, TOP])), [0, size - 1])


@pytest.mark.parametrize("size", [0, 2**20 + 1])
def test_vocabularies_that_do_not_fit(size: int) -> None:
    with pytest.raises(ValueError, match=f"for 1 to 1048576 words, not for {size}"):
        NoiseIntervals.from_counts(np.ones(size, dtype=np.int64), 0.75)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("exclude", [False, True])
def test_draws_are_the_same_everywhere(
    xp: Any, fixed_shapes: None, exclude: bool, replacement: bool
) -> None:
    noise = NoiseIntervals.from_counts(falling_counts(77), 0.75)
    bits, positives = some_bits(20, 15, 12), some_positives(77, 20, 15)
    expected = noise.draw(bits, positives if exclude else None, replacement=replacement)
    draws = noise.to(xp, None).draw(
        xp.asarray(bits), xp.asarray(positives) if exclude else None, replacement=replacement
    )
    assert draws.dtype == xp.int32
    assert draws.shape == bits.shape
    np.testing.assert_array_equal(to_host(draws), expected)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize(
    "shape", [(3,), (1,), (0,), (4, 3), (0, 3), (4, 0), (2, 0, 3), (2, 5, 3), (2, 1, 2, 3)]
)
def test_shapes(
    xp: Any, fixed_shapes: None, shape: tuple[int, ...], exclude: bool, replacement: bool
) -> None:
    noise = NoiseIntervals.from_counts(falling_counts(5), 0.75).to(xp)
    bits = some_bits(*shape)
    positives = some_positives(5, *shape[:-1]) if exclude else None
    draws = noise.draw(
        xp.asarray(bits),
        None if positives is None else xp.asarray(positives),
        replacement=replacement,
    )
    assert draws.shape == shape
    assert draws.dtype == xp.int32
    # Rows do not depend on each other.
    for row in np.ndindex(shape[:-1]):
        alone = noise.draw(
            xp.asarray(bits[row]),
            None if positives is None else xp.asarray(positives[row]),
            replacement=replacement,
        )
        np.testing.assert_array_equal(to_host(alone), to_host(draws)[row])


def test_arguments_are_left_alone() -> None:
    noise = NoiseIntervals.from_counts(falling_counts(9), 0.75)
    arguments = some_bits(10, 5), some_positives(9, 10)
    before = [noise.ends.copy(), *(argument.copy() for argument in arguments)]
    for replacement in (True, False):
        noise.draw(*arguments, replacement=replacement)
    for ours, theirs in zip((noise.ends, *arguments), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("exclude", [False, True])
def test_check_says_what_is_too_small(exclude: bool) -> None:
    noise = intervals(1, 2, 3, 4)
    most = 4 - exclude
    noise.check(most, exclude)
    noise.check(0, exclude)
    besides = " besides the positive" if exclude else ""
    message = (
        f"a vocabulary of size 4 is too small for {most + 1} different negatives{besides}: "
        f"there can be at most {most}$"
    )
    with pytest.raises(ValueError, match=message):
        noise.check(most + 1, exclude)
    positives = np.zeros(2, dtype=np.int32) if exclude else None
    with pytest.raises(ValueError, match=message):
        noise.draw(some_bits(2, most + 1), positives, replacement=False)
    assert noise.draw(some_bits(2, most + 1), positives).shape == (2, most + 1)


def test_a_single_word_has_no_other() -> None:
    noise = intervals(5)
    assert noise.draw(some_bits(3, 2)).tolist() == [[0, 0]] * 3
    assert noise.draw(some_bits(3, 1), replacement=False).tolist() == [[0]] * 3
    positives = np.zeros(3, dtype=np.int32)
    assert noise.draw(some_bits(3, 0), positives).shape == (3, 0)
    for replacement in (True, False):
        with pytest.raises(ValueError, match="size 1 is too small"):
            noise.draw(some_bits(3, 2), positives, replacement=replacement)

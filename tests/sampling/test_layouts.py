"""The batches of both layouts: which pairs they hold, and what they weigh."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import to_host
from tests.sampling.test_chunks import KEEP_ALL, expected_contexts, numbered_corpus
from tests.synthetic import random_corpus
from xw2v.kernel import Batch, Term, batch_gradients, scatter_add
from xw2v.sampling import (
    BlockLayout,
    Chunk,
    NoiseTable,
    PairLayout,
    PlannedBatch,
    keep_thresholds,
    sample_chunk,
)
from xw2v.text import EncodedCorpus

Layout = BlockLayout | PairLayout

LENGTHS = [1, 30, 2, 1, 1, 70, 3, 17, 1, 25]
LAYOUTS = [
    BlockLayout(block_size=1, group_blocks=1, interleave=1, shared_negatives=3, negative=2),
    BlockLayout(block_size=4, group_blocks=1, interleave=3, shared_negatives=8, negative=5),
    BlockLayout(block_size=16, group_blocks=4, interleave=4, shared_negatives=32, negative=5),
    BlockLayout(block_size=200, group_blocks=3, interleave=2, shared_negatives=1, negative=1),
    PairLayout(negative=1),
    PairLayout(negative=5),
]


def layout_name(layout: Layout) -> str:
    if isinstance(layout, PairLayout):
        return f"pair-{layout.negative}"
    return f"block-{layout.block_size}x{layout.group_blocks}-{layout.negative}"


every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=layout_name)


def plan(
    layout: Layout,
    corpus: EncodedCorpus,
    thresholds: Any,
    noise: NoiseTable,
    *,
    borders: list[int] | None = None,
    batch_words: int = 64,
    xp: Any = np,
    share: tuple[int, int] = (0, 1),
    **options: Any,
) -> Iterator[tuple[Chunk, PlannedBatch]]:
    """Plan the batches of a whole corpus, or shares of them."""
    options = {"window": 5, "shrink_windows": True, "seed": 1, "epoch": 0, **options}
    seed, epoch = options["seed"], options["epoch"]
    noise = NoiseTable(xp.asarray(noise.thresholds), xp.asarray(noise.aliases))
    borders = borders or [0, corpus.n_words]
    for index, (start, stop) in enumerate(pairwise(borders)):
        chunk = sample_chunk(corpus, start, stop, thresholds=xp.asarray(thresholds), **options)
        for planned in layout.batches(chunk, noise, batch_words, seed, epoch, index, share):
            yield chunk, planned


def numbered(kept: float = 0.7) -> tuple[EncodedCorpus, Any, NoiseTable]:
    """A corpus whose words tell their positions, and noise that is none of its words."""
    corpus = numbered_corpus(LENGTHS)
    n = corpus.n_words
    noise = NoiseTable(np.full(n + 1, -1, np.int32), np.zeros(n + 1, np.int32))  # always word 0
    return corpus, np.full(n + 1, int(kept * KEEP_ALL), dtype=np.int64), noise


def logits(batch: Batch, term: Term) -> Iterator[tuple[int, int, float, float]]:
    """Every logit of a term that is not masked: center, target, label, weight."""
    targets = to_host(term.targets)
    blocks, m = targets.shape
    centers = to_host(batch.centers)[oracle.centers_of(batch, term)]
    shape = (blocks, centers.shape[1], m)
    labels = term.labels if isinstance(term.labels, float) else to_host(term.labels)
    labels, weights = np.broadcast_to(labels, shape), np.broadcast_to(to_host(term.weights), shape)
    for b, i, j in zip(*np.nonzero(weights), strict=True):
        yield (
            int(centers[b, i]),
            int(targets[b, j]),
            float(labels[b, i, j]),
            float(weights[b, i, j]),
        )


@every_layout
@pytest.mark.parametrize("batch_words", [1, 10, 100_000])
@pytest.mark.parametrize("window", [1, 5, 90])
@pytest.mark.parametrize("borders", [None, [0, 40, 50, 151]], ids=["whole", "chunks"])
def test_positive_pairs_are_those_of_plain_loops(
    layout: Layout, borders: list[int] | None, window: int, batch_words: int
) -> None:
    corpus, thresholds, noise = numbered()
    options: Any = {"window": window, "shrink_windows": True, "seed": 6, "epoch": 2}
    expected = expected_contexts(corpus, thresholds, **options)
    pairs: list[tuple[int, int]] = []
    centers: Counter[int] = Counter()
    of_no_weight: Counter[int] = Counter()
    for _, planned in plan(
        layout, corpus, thresholds, noise, borders=borders, batch_words=batch_words, **options
    ):
        batch = planned.batch
        found = [
            (center - 1, target - 1, weight)
            for term in batch.terms
            for center, target, label, weight in logits(batch, term)
            if label == 1
        ]
        assert {weight for *_, weight in found} <= {1.0}
        assert batch.center_weights.sum() == len(found) * (1 + layout.negative)
        pairs += [(center, target) for center, target, _ in found]
        positions = batch.centers - 1
        centers.update(positions[batch.center_weights > 0].tolist())
        of_no_weight.update(positions[batch.center_weights == 0].tolist())
    assert sorted(pairs) == sorted(expected.pairs)
    # Every kept word is a center exactly once. What fills up a group has no weight.
    with_contexts = {center for center, _ in expected.pairs}
    assert centers == Counter(with_contexts)
    assert of_no_weight.keys() >= set(expected.kept) - with_contexts
    if isinstance(layout, PairLayout):
        assert centers + of_no_weight == Counter(expected.kept)


@every_layout
def test_a_pair_has_negative_times_its_weight_in_negatives(layout: Layout) -> None:
    corpus, thresholds, noise = numbered()
    for _, planned in plan(layout, corpus, thresholds, noise, window=4):
        positive: dict[int, float] = defaultdict(float)
        negative: dict[int, float] = defaultdict(float)
        for term in planned.batch.terms:
            for center, target, label, weight in logits(planned.batch, term):
                if label == 1:
                    positive[center] += weight
                else:
                    assert target == 0
                    negative[center] += weight
        assert set(positive) == set(negative)
        for center, weight in positive.items():
            assert negative[center] == pytest.approx(layout.negative * weight, rel=1e-6)


@every_layout
def test_weights_of_rows_are_those_of_their_logits(layout: Layout) -> None:
    corpus, thresholds, noise = numbered()
    for _, planned in plan(layout, corpus, thresholds, noise, window=4):
        batch = planned.batch
        n = batch.centers.shape[0]
        totals = np.zeros(n)
        for term in batch.terms:
            blocks, m = term.targets.shape
            weights = np.broadcast_to(term.weights, (blocks, n // blocks, m))
            assert term.target_weights.shape == term.targets.shape
            np.testing.assert_allclose(term.target_weights, weights.sum(axis=1), rtol=1e-5)
            totals[oracle.centers_of(batch, term)] += weights.sum(axis=2)
        np.testing.assert_allclose(batch.center_weights, totals, rtol=1e-5)


@every_layout
def test_batches_are_the_same_everywhere(layout: Layout, xp: Any) -> None:
    vocabulary, corpus = random_corpus(700, 40, sentence=(1, 2, 30, 9))
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    options: dict[str, Any] = {"borders": [0, 333, 700], "batch_words": 100, "window": 3}
    ours = plan(layout, corpus, thresholds, noise, xp=xp, **options)
    theirs = plan(layout, corpus, thresholds, noise, **options)
    for (chunk, mine), (reference, other) in zip(ours, theirs, strict=True):
        for name in ("tokens", "positions", "left", "right"):
            same_bits(getattr(chunk, name), getattr(reference, name))
        same_bits(mine.batch.centers, other.batch.centers)
        same_bits(mine.batch.center_weights, other.batch.center_weights)
        assert (mine.first_part, mine.parts, mine.done) == (0, other.batch.parts, other.done)
        for term, reference_term in zip(mine.batch.terms, other.batch.terms, strict=True):
            same_bits(term.targets, reference_term.targets)
            same_bits(term.weights, reference_term.weights)
            same_bits(term.target_weights, reference_term.target_weights)
            if isinstance(term.labels, float):
                assert term.labels == reference_term.labels
            else:
                same_bits(term.labels, reference_term.labels)


def same_bits(array: Any, reference: Any) -> None:
    ours, theirs = to_host(array), to_host(reference)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert ours.tobytes() == theirs.tobytes()


def groups(layout: Layout, batch: Batch) -> Iterator[tuple[bytes, ...]]:
    """What a batch is made of: its smallest parts with all that they hold."""
    for i in range(batch.parts):
        part = batch.part(i, i + 1)
        arrays = [part.centers, part.center_weights]
        for term in part.terms:
            arrays += [term.targets, term.weights, term.target_weights]
        yield tuple(np.ascontiguousarray(array).tobytes() for array in arrays)


@every_layout
def test_batch_words_decide_nothing_but_where_batches_end(layout: Layout) -> None:
    vocabulary, corpus = random_corpus(900, 40, sentence=(1, 2, 30, 9))
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    contents, sizes = [], []
    for batch_words in (1, 64, 250, 100_000):
        batches = [
            planned.batch
            for _, planned in plan(
                layout,
                corpus,
                thresholds,
                noise,
                borders=[0, 500, 900],
                batch_words=batch_words,
            )
        ]
        contents.append([group for batch in batches for group in groups(layout, batch)])
        sizes.append(max(batch.centers.shape[0] for batch in batches))
    assert all(content == contents[0] for content in contents)
    for size, batch_words in zip(sizes, (1, 64, 250, 100_000), strict=True):
        assert size <= max(layout.least_words, batch_words)


@every_layout
@pytest.mark.parametrize("batch_words", [1, 64, 250, 100_000])
@pytest.mark.parametrize("window", [1, 5])
def test_the_largest_batch_is_known_beforehand(
    layout: Layout, batch_words: int, window: int
) -> None:
    """Neither more nor less, where the text is long enough for one."""
    vocabulary, corpus = random_corpus(3000, 40)
    thresholds = keep_thresholds(vocabulary.counts, 0.0)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    rows, parts = [], []
    options: Any = {"batch_words": batch_words, "window": window}
    for _, planned in plan(layout, corpus, thresholds, noise, **options):
        targets = sum(term.targets.size for term in planned.batch.terms)
        rows.append(planned.batch.centers.size + targets)
        parts.append(planned.batch.parts)
    if batch_words <= 3000:
        assert max(rows) == layout.rows(batch_words, window)
        assert max(parts) == layout.parts(batch_words)
    else:
        assert max(rows) <= layout.rows(batch_words, window)
        assert max(parts) <= layout.parts(batch_words)


@every_layout
@pytest.mark.parametrize("batch_words", [1, 100, 100_000])
def test_shares_put_together_are_the_whole_batch(layout: Layout, batch_words: int) -> None:
    """However few parts there are to share out, also of a last batch that is smaller."""
    check_shares(layout, batch_words, np)


@every_layout
def test_shares_are_the_same_everywhere(layout: Layout, xp: Any) -> None:
    check_shares(layout, 100, xp)


def check_shares(layout: Layout, batch_words: int, xp: Any) -> None:
    vocabulary, corpus = random_corpus(250, 40, sentence=(1, 2, 30, 9))
    if batch_words == 1 and layout.least_words == 1:
        corpus = EncodedCorpus(corpus.ids[:60], np.asarray([0, 29, 30, 60]), 60)
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    borders = [0, corpus.n_words // 3, corpus.n_words]

    def planned(share: tuple[int, int], namespace: Any) -> list[PlannedBatch]:
        options: Any = {"borders": borders, "batch_words": batch_words, "window": 3}
        batches = plan(layout, corpus, thresholds, noise, xp=namespace, share=share, **options)
        return [batch for _, batch in batches]

    whole = planned((0, 1), np)
    for of in range(1, 6):
        shares = [planned((rank, of), xp) for rank in range(of)]
        for expected, *some in zip(whole, *shares, strict=True):
            first = 0
            for mine in some:
                assert mine.first_part == first
                assert (mine.parts, mine.done) == (expected.batch.parts, expected.done)
                check_share(mine.batch, expected.batch.part(first, first + mine.batch.parts))
                first += mine.batch.parts
            assert first == expected.batch.parts
            sizes = [mine.batch.parts for mine in some]
            assert max(sizes) - min(sizes) <= 1


def check_share(mine: Batch, expected: Batch) -> None:
    same_bits(mine.centers, expected.centers)
    same_bits(mine.center_weights, expected.center_weights)
    for term, reference in zip(mine.terms, expected.terms, strict=True):
        same_bits(term.targets, reference.targets)
        same_bits(term.target_weights, reference.target_weights)
        assert term.interleave == reference.interleave
        if mine.parts:  # of nothing, there may be something to broadcast
            same_bits(term.weights, reference.weights)
            if isinstance(term.labels, float):
                assert term.labels == reference.labels
            else:
                same_bits(term.labels, reference.labels)


def test_pairs_draw_the_same_negatives_whatever_the_borders() -> None:
    vocabulary, corpus = random_corpus(900, 40, sentence=(1, 2, 30, 9))
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    layout = PairLayout(negative=3)

    def content(borders: list[int]) -> Counter[tuple[bytes, ...]]:
        masked: Counter[tuple[bytes, ...]] = Counter()
        for _, planned in plan(layout, corpus, thresholds, noise, borders=borders):
            batch, term = planned.batch, planned.batch.terms[0]
            targets = np.where(term.weights[:, 0, :] > 0, term.targets, -1)
            for center, row in zip(batch.centers, targets, strict=True):
                masked[center.tobytes(), row.tobytes()] += 1
        return masked

    assert content([0, 900]) == content([0, 100, 101, 640, 900])


@every_layout
def test_order_and_negatives_change_with_seed_epoch_and_chunk(layout: Layout) -> None:
    corpus = numbered_corpus([3000])
    thresholds = np.full(3001, KEEP_ALL, dtype=np.int64)
    noise = NoiseTable.from_counts(np.ones(3001, dtype=np.int64), 1.0)
    orders, negatives = [], []
    for seed, epoch, index in ((1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)):
        chunk = sample_chunk(
            corpus,
            0,
            3000,
            thresholds=thresholds,
            window=2,
            shrink_windows=False,
            seed=1,
            epoch=0,
        )
        batches = layout.batches(chunk, noise, 10_000, seed, epoch, index)
        (batch,) = (planned.batch for planned in batches)
        rows = batch.terms[-1].targets
        if isinstance(layout, PairLayout):  # by center, in whatever order they come
            rows = rows[np.argsort(batch.centers), 4:]
        orders.append(batch.centers.tobytes())
        negatives.append(rows.tobytes())
    if isinstance(layout, PairLayout):  # the position in the corpus is all that counts
        assert negatives.pop() == negatives[0]
    assert len(set(negatives)) == len(negatives)
    if not isinstance(layout, BlockLayout) or layout.block_size * layout.group_blocks < 600:
        assert len(set(orders)) == 4


@every_layout
def test_done_is_the_share_of_the_chunk_that_came_before(layout: Layout) -> None:
    vocabulary, corpus = random_corpus(3000, 40)
    thresholds = keep_thresholds(vocabulary.counts, 0.0)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    before = 0
    for chunk, planned in plan(layout, corpus, thresholds, noise, batch_words=200):
        # Groups that are filled up count as whole ones.
        assert planned.done == pytest.approx(before / len(chunk), abs=0.2)
        assert planned.done <= before / len(chunk)
        before += planned.batch.centers.shape[0]


@pytest.mark.parametrize("window", [8_191, 16_383])
@pytest.mark.parametrize(
    "layout",
    [
        BlockLayout(block_size=2, group_blocks=1, interleave=1, shared_negatives=2, negative=1),
        PairLayout(negative=1),
    ],
    ids=layout_name,
)
def test_windows_as_large_as_the_numbers_allow(layout: Layout, window: int) -> None:
    """`sample_chunk` promises windows of up to 16,383 words."""
    n = 2 * window + 10
    corpus = EncodedCorpus(np.zeros(n, dtype=np.int32), np.asarray([0, n]), n)
    chunk = sample_chunk(
        corpus,
        window,
        window + 2,
        thresholds=np.asarray([KEEP_ALL]),
        window=window,
        shrink_windows=False,
        seed=1,
        epoch=0,
    )
    noise = NoiseTable(np.zeros(1, np.int32), np.zeros(1, np.int32))
    (planned,) = layout.batches(chunk, noise, 2, seed=1, epoch=0, index=0)
    np.testing.assert_array_equal(planned.batch.center_weights, 2 * 2 * window)
    for term in planned.batch.terms:
        assert term.weights.min() >= 0


# The expected gradient


def expected_gradients(
    corpus: EncodedCorpus, w_in: Any, w_out: Any, noise: Any, *, window: int, negative: int
) -> tuple[Any, Any]:
    """Of all pairs of the corpus, the negatives' part as an average over their distribution."""
    d_in, d_out = np.zeros_like(w_in), np.zeros_like(w_out)
    sigmoid = 1 / (1 + np.exp(-(w_in @ w_out.T)))
    for start, stop in zip(corpus.starts[:-1], corpus.starts[1:], strict=True):
        for i in range(start, stop):
            for j in range(start, stop):
                if i == j or abs(i - j) > window:
                    continue
                center, context = corpus.ids[i], corpus.ids[j]
                g = sigmoid[center, context] - 1
                d_in[center] += g * w_out[context]
                d_out[context] += g * w_in[center]
                g = negative * noise * sigmoid[center]
                d_in[center] += g @ w_out
                d_out += np.outer(g, w_in[center])
    return d_in, d_out


@pytest.mark.parametrize(
    "layout",
    [
        BlockLayout(block_size=4, group_blocks=2, interleave=2, shared_negatives=6, negative=3),
        BlockLayout(block_size=8, group_blocks=1, interleave=4, shared_negatives=1, negative=3),
        PairLayout(negative=3),
    ],
    ids=layout_name,
)
def test_shared_and_independent_negatives_have_the_same_expected_gradient(
    layout: Layout,
) -> None:
    """Both have the exact one: averages over 3,000 seeds come within 5 standard errors of it.

    The standard errors are below 3% of the part that the negatives have in it, so a wrong weight,
    a wrong distribution or a wrong number of negatives would show.
    """
    seeds, window = 3000, 2
    vocabulary, corpus = random_corpus(40, 5, sentence=(9, 1, 4))
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    shares = vocabulary.counts**0.75 / (vocabulary.counts**0.75).sum()
    rng = np.random.default_rng(0)
    w_in, w_out = rng.standard_normal((2, 5, 3))
    # The positive part is the same for every seed: nothing is subsampled, no window shrinks.
    chunk = sample_chunk(
        corpus,
        0,
        40,
        thresholds=keep_thresholds(vocabulary.counts, 0.0),
        window=window,
        shrink_windows=False,
        seed=1,
        epoch=0,
    )
    samples = np.zeros((seeds, 2, 5, 3))
    for seed in range(seeds):
        for planned in layout.batches(chunk, noise, 100, seed=seed, epoch=0, index=0):
            batch = planned.batch
            gradients = batch_gradients(w_in, w_out, batch)
            scatter_add(samples[seed, 0], batch.centers, gradients.centers)
            for term, rows in zip(batch.terms, gradients.targets, strict=True):
                scatter_add(samples[seed, 1], term.targets.reshape(-1), rows)
    options = {"window": window, "negative": layout.negative}
    exact = np.stack(expected_gradients(corpus, w_in, w_out, shares, **options))
    positive = np.stack(expected_gradients(corpus, w_in, w_out, 0 * shares, **options))
    errors = samples.std(axis=0) / np.sqrt(seeds)
    assert errors.max() < 0.03 * np.abs(exact - positive).max()
    assert (np.abs(samples.mean(axis=0) - exact) < 5 * errors).all()

"""The batches of every layout: which predictions they hold, and what these weigh."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.conftest import to_host
from tests.sampling.planning import (
    ALWAYS_THE_FIRST,
    CBOW,
    LAYOUTS,
    MEAN,
    PATHS,
    SKIPGRAM,
    SUM,
    Maker,
    blocks,
    check_weights,
    contents,
    logits,
    negatives,
    numbered,
    pairs,
    paths,
    plan,
    same_batch,
    same_bits,
    softmax,
    whole,
)
from tests.sampling.test_chunks import KEEP_ALL, expected_contexts, numbered_corpus
from tests.synthetic import random_corpus
from xw2v.kernel import Batch, batch_gradients, scatter_add
from xw2v.sampling import (
    BlockLayout,
    Cbow,
    Layout,
    NegativeOutput,
    PairLayout,
    PlannedBatch,
    keep_thresholds,
    sample_chunk,
)
from xw2v.text import EncodedCorpus

every_layout = pytest.mark.parametrize("name", LAYOUTS)
WITH_NEGATIVES = [name for name in LAYOUTS if "block" in name or "pair" in name]
PAIRS = [name for name in LAYOUTS if "pair" in name]


def negatives_of(layout: Layout) -> int:
    """How many negatives a prediction stands for."""
    output = layout if isinstance(layout, PairLayout) else getattr(layout, "output", None)
    return output.negative if isinstance(output, (PairLayout, NegativeOutput)) else 0


def logits_of_a_prediction(layout: Layout) -> int:
    """What all logits of a prediction weigh; under the softmax, a number that was measured."""
    return 1 + (negatives_of(layout) or 7)


# What is predicted from what


@pytest.mark.parametrize("name", SKIPGRAM)
@pytest.mark.parametrize("batch_words", [1, 100_000])
@pytest.mark.parametrize("window", [1, 5, 90])
@pytest.mark.parametrize("borders", [None, [0, 40, 50, 151]], ids=["whole", "chunks"])
def test_positive_pairs_are_those_of_plain_loops(
    name: str, borders: list[int] | None, window: int, batch_words: int
) -> None:
    corpus, thresholds, counts = numbered()
    layout = LAYOUTS[name](counts, np, 0.75)
    options: Any = {"window": window, "shrink_windows": True, "seed": 6, "epoch": 2}
    expected = expected_contexts(corpus, thresholds, **options)
    found_pairs: list[tuple[int, int]] = []
    centers: Counter[int] = Counter()
    of_no_weight: Counter[int] = Counter()
    options.update(borders=borders, batch_words=batch_words)
    for _, planned in plan(layout, corpus, thresholds, **options):
        batch = whole(planned)
        assert batch.projection is None
        positions = batch.inputs - 1
        found = [
            (int(positions[place]), target - 1)
            for place, target, label, weight in logits(batch)
            if label == 1 and weight == 1
        ]
        assert batch.predictions.sum() == len(found)
        assert batch.input_weights.sum() == len(found) * logits_of_a_prediction(layout)
        found_pairs += found
        centers.update(positions[batch.predictions > 0].tolist())
        of_no_weight.update(positions[batch.predictions == 0].tolist())
    assert sorted(found_pairs) == sorted(expected.pairs)
    # Every kept word is a center exactly once. What fills up a part has no weight.
    with_contexts = {center for center, _ in expected.pairs}
    assert centers == Counter(with_contexts)
    assert of_no_weight.keys() >= set(expected.kept) - with_contexts
    if isinstance(layout, PairLayout):
        assert centers + of_no_weight == Counter(expected.kept)


@pytest.mark.parametrize("name", CBOW)
@pytest.mark.parametrize("batch_words", [1, 100_000])
@pytest.mark.parametrize("window", [1, 5, 90])
def test_each_center_is_predicted_once_by_its_own_contexts(
    name: str, window: int, batch_words: int
) -> None:
    corpus, thresholds, counts = numbered()
    layout = LAYOUTS[name](counts, np, 0.75)
    assert isinstance(layout, (BlockLayout, PairLayout))
    assert layout.cbow is not None
    options: Any = {"window": window, "shrink_windows": True, "seed": 6, "epoch": 2}
    expected = contexts_by_center(corpus, thresholds, **options)
    options.update(borders=[0, 40, 50, 151], batch_words=batch_words)
    centers: list[int] = []
    for _, planned in plan(layout, corpus, thresholds, **options):
        batch = whole(planned)
        predicted = {
            place: target - 1
            for place, target, label, weight in logits(batch)
            if label == 1 and weight == 1
        }
        np.testing.assert_array_equal(np.flatnonzero(batch.predictions), sorted(predicted))
        assert set(batch.predictions.tolist()) <= {0.0, 1.0}
        for place, made_of in enumerate(contents(batch)):
            if place not in predicted:  # a word without contexts, or one that fills up a part
                assert made_of == {}
                continue
            center = predicted[place]
            centers.append(center)
            shares = {int(batch.inputs[at]) - 1: share for at, share in made_of.items()}
            assert len(shares) == len(made_of)
            assert shares == projected(layout.cbow, expected[center])
    assert sorted(centers) == sorted(expected)


def contexts_by_center(
    corpus: EncodedCorpus, thresholds: Any, **options: Any
) -> dict[int, list[int]]:
    """The contexts of each word that has some, all by position."""
    contexts = defaultdict(list)
    for center, context in expected_contexts(corpus, thresholds, **options).pairs:
        contexts[center].append(context)
    return dict(contexts)


def projected(cbow: Cbow, contexts: list[int]) -> dict[int, tuple[float, float]]:
    """What each context word gives to the hidden vector, and gets of its error."""
    forward = float(np.float32(1) / np.float32(len(contexts))) if cbow.mean else 1.0
    return dict.fromkeys(contexts, (forward, forward if cbow.exact else 1.0))


def test_an_undivided_sum_is_the_exact_one() -> None:
    """Each word of a sum gets all of the error anyway."""
    corpus, thresholds, counts = numbered()
    batches = []
    for exact in (True, False):
        make = blocks(4, negatives(5, 8, 2, 3), Cbow(mean=False, exact=exact))
        (planned,) = plan(make(counts, np, 0.75), corpus, thresholds, batch_words=1000)
        batches.append(whole(planned[1]))
    same_batch(*batches)


@every_layout
def test_a_prediction_has_negative_times_its_weight_in_negatives(name: str) -> None:
    corpus, thresholds, counts = numbered()
    layout = LAYOUTS[name](counts, np, ALWAYS_THE_FIRST)
    if name in PATHS or "softmax" in name:
        assert negatives_of(layout) == 0
        return
    for _, planned in plan(layout, corpus, thresholds, window=4):
        batch = whole(planned)
        positive: dict[int, float] = defaultdict(float)
        negative: dict[int, float] = defaultdict(float)
        for place, target, label, weight in logits(batch):
            if label == 1:
                positive[place] += weight
            else:
                assert target == 0 or "distinct" in name
                negative[place] += weight
        assert set(positive) == set(negative) == set(np.flatnonzero(batch.predictions).tolist())
        for place, weight in positive.items():
            assert weight == batch.predictions[place]
            assert negative[place] == pytest.approx(negatives_of(layout) * weight, rel=1e-6)


@every_layout
def test_softmax_is_the_head_of_its_only_term(name: str) -> None:
    corpus, thresholds, counts = numbered()
    for _, planned in plan(LAYOUTS[name](counts, np, 0.75), corpus, thresholds):
        for batch in planned.batches:
            heads = [term.softmax for term in batch.terms]
            assert heads == [True] if "softmax" in name else not any(heads)
            if "softmax" in name:
                assert {label for *_, label, _ in logits(batch)} <= {1.0}


@every_layout
def test_weights_of_rows_are_those_of_their_logits(name: str) -> None:
    corpus, thresholds, counts = numbered()
    for _, planned in plan(LAYOUTS[name](counts, np, 0.75), corpus, thresholds, window=4):
        for batch in planned.batches:
            check_weights(batch)


# The same everywhere, however it is cut


@every_layout
def test_batches_are_the_same_everywhere(name: str, xp: Any) -> None:
    vocabulary, corpus = random_corpus(700, 40, sentence=(1, 2, 30, 9))
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    options: dict[str, Any] = {"borders": [0, 333, 700], "batch_words": 100, "window": 3}
    make = LAYOUTS[name]
    ours = plan(make(vocabulary.counts, xp, 0.75), corpus, thresholds, xp=xp, **options)
    theirs = plan(make(vocabulary.counts, np, 0.75), corpus, thresholds, **options)
    for (chunk, mine), (reference, other) in zip(ours, theirs, strict=True):
        for field in ("tokens", "positions", "left", "right"):
            same_bits(getattr(chunk, field), getattr(reference, field))
        for one, two in zip(mine.batches, other.batches, strict=True):
            same_batch(one, two)
        assert (mine.first_part, mine.parts, mine.done) == (0, other.parts, other.done)
        assert sum(batch.parts for batch in other.batches) == other.parts


def parts_of(planned: PlannedBatch) -> Iterator[Batch]:
    """The smallest parts of a share."""
    for batch in planned.batches:
        for i in range(batch.parts):
            yield batch.part(i, i + 1)


def content(part: Batch) -> tuple[bytes, ...]:
    """All that a part holds."""
    arrays = [part.inputs, part.input_weights, part.predictions]
    if part.projection is not None:
        arrays += [part.projection.forward, part.projection.backward]
    for term in part.terms:
        arrays += [term.targets, np.asarray(term.labels), term.weights, term.target_weights]
        arrays += [] if term.rows is None else [term.rows]
    return tuple(np.ascontiguousarray(array).tobytes() for array in arrays)


@every_layout
def test_batch_words_decide_nothing_but_where_batches_end(name: str) -> None:
    vocabulary, corpus = random_corpus(900, 40, sentence=(1, 2, 30, 9))
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    layout = LAYOUTS[name](vocabulary.counts, np, 0.75)
    contained, sizes = [], []
    for batch_words in (1, 64, 250, 100_000):
        options: Any = {"borders": [0, 500, 900], "batch_words": batch_words}
        batches = [planned for _, planned in plan(layout, corpus, thresholds, **options)]
        contained.append([content(part) for planned in batches for part in parts_of(planned)])
        sizes.append(max(planned.parts for planned in batches) * layout.least_words)
    assert all(each == contained[0] for each in contained)
    for size, batch_words in zip(sizes, (1, 64, 250, 100_000), strict=True):
        assert size <= max(layout.least_words, batch_words)


@every_layout
@pytest.mark.parametrize("batch_words", [1, 250, 100_000])
@pytest.mark.parametrize("window", [1, 5])
def test_the_largest_batch_is_known_beforehand(name: str, batch_words: int, window: int) -> None:
    """Neither more nor less, where the text is long enough for one and shapes are known."""
    vocabulary, corpus = random_corpus(900, 40)
    thresholds = keep_thresholds(vocabulary.counts, 0.0)
    layout = LAYOUTS[name](vocabulary.counts, np, 0.75)
    rows, parts = set(), []
    options: Any = {"batch_words": batch_words, "window": window}
    for _, planned in plan(layout, corpus, thresholds, **options):
        for batch in planned.batches:
            # The targets under a softmax are all words.
            targets = sum(term.targets.size for term in batch.terms if not term.softmax)
            assert (batch.inputs.size + targets) % batch.parts == 0
            rows.add((batch.inputs.size + targets) // batch.parts)
        parts.append(planned.parts)
    if name in PATHS:
        assert max(rows) <= layout.part_rows(window)
    else:
        assert rows == {layout.part_rows(window)}
    if layout.least_words <= batch_words <= 900:
        assert max(parts) == layout.parts(batch_words)
    else:
        assert max(parts) <= layout.parts(batch_words)


@every_layout
@pytest.mark.parametrize("batch_words", [1, 100, 100_000])
def test_shares_put_together_are_the_whole_batch(name: str, batch_words: int) -> None:
    """However few parts there are to share out, also of a last batch that is smaller."""
    check_shares(LAYOUTS[name], batch_words, np, (2, 5))


@every_layout
def test_shares_are_the_same_everywhere(name: str, xp: Any) -> None:
    check_shares(LAYOUTS[name], 100, xp, (3,))


def check_shares(make: Maker, batch_words: int, xp: Any, numbers: tuple[int, ...]) -> None:
    vocabulary, corpus = random_corpus(250, 40, sentence=(1, 2, 30, 9))
    counts = vocabulary.counts
    if batch_words == 1 and make(counts, np, 0.75).least_words == 1:
        corpus = EncodedCorpus(corpus.ids[:60], np.asarray([0, 29, 30, 60]), 60)
    thresholds = keep_thresholds(counts, 0.05)
    borders = [0, corpus.n_words // 3, corpus.n_words]

    def planned(share: tuple[int, int], namespace: Any) -> list[PlannedBatch]:
        options: Any = {"borders": borders, "batch_words": batch_words, "window": 3}
        layout = make(counts, namespace, 0.75)
        batches = plan(layout, corpus, thresholds, xp=namespace, share=share, **options)
        return [batch for _, batch in batches]

    expected_batches = planned((0, 1), np)
    for of in numbers:
        shares = [planned((rank, of), xp) for rank in range(of)]
        for expected, *some in zip(expected_batches, *shares, strict=True):
            parts = list(parts_of(expected))
            sizes: list[int] = []
            for mine in some:
                first = sum(sizes)
                assert mine.first_part == first
                assert (mine.parts, mine.done) == (expected.parts, expected.done)
                for part in parts_of(mine):
                    same_batch(part, parts[first])
                    first += 1
                sizes.append(first - mine.first_part)
            assert sum(sizes) == expected.parts == len(parts)
            assert max(sizes) - min(sizes) <= 1


@every_layout
def test_order_and_negatives_change_with_seed_epoch_and_chunk(name: str) -> None:
    corpus = numbered_corpus([3000])
    thresholds = np.full(3001, KEEP_ALL, dtype=np.int64)
    layout = LAYOUTS[name](np.ones(3001, dtype=np.int64), np, 1.0)
    orders, drawn = [], []
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
        (planned,) = layout.batches(chunk, 10_000, seed, epoch, index)
        first = planned.batches[0]
        orders.append(b"".join(batch.inputs.tobytes() for batch in planned.batches))
        rows = first.terms[-1].targets
        if isinstance(layout, PairLayout):  # by center, in whatever order they come
            positives = 4 if layout.cbow is None else 1
            centers = first.inputs if layout.cbow is None else rows[:, 0]
            rows = rows[np.argsort(centers), positives:]
        drawn.append(rows.tobytes())
    if layout.least_words < 600:
        assert len(set(orders)) == 4
    if name in WITH_NEGATIVES:
        if isinstance(layout, PairLayout):  # the position in the corpus is all that counts
            assert drawn.pop() == drawn[0]
        assert len(set(drawn)) == len(drawn)


@every_layout
def test_done_is_the_share_of_the_chunk_that_came_before(name: str) -> None:
    vocabulary, corpus = random_corpus(3000, 40)
    thresholds = keep_thresholds(vocabulary.counts, 0.0)
    layout = LAYOUTS[name](vocabulary.counts, np, 0.75)
    before = 0
    for chunk, planned in plan(layout, corpus, thresholds, batch_words=200):
        # Parts that are filled up count as whole ones.
        assert planned.done == pytest.approx(before / len(chunk), abs=0.2)
        assert planned.done <= before / len(chunk)
        before += planned.parts * layout.least_words
    assert before >= 3000


@pytest.mark.parametrize("window", [8_191, 16_383])
@pytest.mark.parametrize(
    "make",
    {
        "block": blocks(2, negatives(1, 2, 1, 1)),
        "pair": pairs(1),
        "softmax": blocks(2, softmax()),
        "paths": blocks(2, paths(1, 32)),
        "cbow-block": blocks(2, negatives(1, 2, 1, 1), SUM),
        "cbow-pair": pairs(1, SUM),
    }.items(),
    ids=lambda item: item[0],
)
def test_windows_as_large_as_the_numbers_allow(make: tuple[str, Maker], window: int) -> None:
    """`sample_chunk` promises windows of up to 16,383 words."""
    name, maker = make
    n = 2 * window + 10
    corpus = EncodedCorpus(np.zeros(n, dtype=np.int32), np.asarray([0, n]), n)
    chunk = sample_chunk(
        corpus,
        window,
        window + 2,
        thresholds=np.asarray([KEEP_ALL, KEEP_ALL]),
        window=window,
        shrink_windows=False,
        seed=1,
        epoch=0,
    )
    layout = maker(np.asarray([n, 1]), np, 0.75)
    (planned,) = layout.batches(chunk, 2, seed=1, epoch=0, index=0)
    batch = whole(planned)
    weighs = {"paths": 1, "softmax": 8}.get(name, 2)  # a path of one node
    if "cbow" in name:
        assert batch.predictions.tolist() == [1, 1]
        # A sum over so many words gets the whole error, and every word does.
        assert batch.input_weights.sum() == pytest.approx(2 * weighs * (2 * window) ** 2)
    else:
        assert batch.predictions.sum() == 2 * 2 * window
        assert batch.input_weights.sum() == weighs * 2 * 2 * window
    for term in batch.terms:
        assert term.weights.min() >= 0


# Negatives of their own


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_draw_the_same_negatives_whatever_the_borders(name: str) -> None:
    vocabulary, corpus = random_corpus(900, 40, sentence=(1, 2, 30, 9))
    thresholds = keep_thresholds(vocabulary.counts, 0.05)
    layout = LAYOUTS[name](vocabulary.counts, np, 0.75)

    def masked(borders: list[int]) -> Counter[tuple[bytes, ...]]:
        found: Counter[tuple[bytes, ...]] = Counter()
        for _, planned in plan(layout, corpus, thresholds, borders=borders):
            batch, (term,) = whole(planned), whole(planned).terms
            targets = np.where(term.weights[:, 0, :] > 0, term.targets, -1)
            inputs = np.where(batch.input_weights > 0, batch.inputs, -1)
            for own, row in zip(inputs.reshape(len(targets), -1), targets, strict=True):
                found[own.tobytes(), row.tobytes()] += 1
        return found

    assert masked([0, 900]) == masked([0, 100, 101, 640, 900])


@pytest.mark.parametrize("replacement", [True, False], ids=["again", "once"])
@pytest.mark.parametrize("exclude", [True, False], ids=["others", "all"])
@pytest.mark.parametrize("cbow", [None, MEAN], ids=["skipgram", "cbow"])
def test_exact_negatives(cbow: Cbow | None, exclude: bool, replacement: bool, xp: Any) -> None:
    """Of five words, with four or five negatives: what may not be drawn would be often."""
    vocabulary, corpus = random_corpus(300, 5)
    thresholds = keep_thresholds(vocabulary.counts, 0.0)
    negative = 4 if exclude else 5
    make = pairs(negative, cbow, exclude=exclude, replacement=replacement)
    own_word = repeated = drawn = 0
    ours = plan(make(vocabulary.counts, xp, 0.75), corpus, thresholds, xp=xp, window=2)
    reference = plan(make(vocabulary.counts, np, 0.75), corpus, thresholds, window=2)
    for (_, planned), (_, expected) in zip(ours, reference, strict=True):
        batch = whole(planned)
        same_batch(batch, whole(expected))
        targets = to_host(batch.terms[0].targets)
        n_positives = 4 if cbow is None else 1
        positives, others = targets[:, :n_positives], targets[:, n_positives:]
        others = others.reshape(*positives.shape, negative)
        own_word += int((others == positives[:, :, None]).sum())
        for draws in others.reshape(-1, negative):
            drawn += 1
            repeated += len(set(draws.tolist())) < negative
    assert drawn == 300 * n_positives
    assert (own_word > 0) != exclude
    assert (repeated > 0) == replacement


# The expected gradient


def expected_gradients(
    corpus: EncodedCorpus,
    w_in: Any,
    w_out: Any,
    noise: Any,
    *,
    window: int,
    negative: int,
    cbow: Cbow | None,
) -> tuple[Any, Any]:
    """Of all predictions, the negatives' part as an average over their distribution."""
    d_in, d_out = np.zeros_like(w_in), np.zeros_like(w_out)

    def predict(hidden: Any, word: int) -> Any:
        """Add to the gradient of W_out and return that of the hidden vector."""
        sigmoid = 1 / (1 + np.exp(-(w_out @ hidden)))
        g = negative * noise * sigmoid
        g[word] += sigmoid[word] - 1
        d_out[...] += np.outer(g, hidden)
        return g @ w_out

    for start, stop in zip(corpus.starts[:-1], corpus.starts[1:], strict=True):
        for i in range(start, stop):
            near = range(max(start, i - window), min(stop, i + window + 1))
            contexts = [corpus.ids[j] for j in near if j != i]
            if cbow is None:
                for context in contexts:
                    d_in[corpus.ids[i]] += predict(w_in[corpus.ids[i]], context)
            elif contexts:
                share = 1 / len(contexts) if cbow.mean else 1.0
                hidden = sum(share * w_in[context] for context in contexts)
                error = predict(hidden, corpus.ids[i])
                for context in contexts:
                    d_in[context] += share * error
    return d_in, d_out


@pytest.mark.parametrize(
    ("make", "cbow"),
    [
        pytest.param(blocks(4, negatives(3, 6, 2, 2)), None, id="block-4x2"),
        pytest.param(blocks(8, negatives(3, 1, 1, 4)), None, id="block-8x1"),
        pytest.param(pairs(3), None, id="pair"),
        pytest.param(blocks(4, negatives(3, 6, 2, 2), MEAN), MEAN, id="cbow-block"),
        pytest.param(pairs(3, SUM), SUM, id="cbow-pair"),
    ],
)
def test_shared_and_independent_negatives_have_the_same_expected_gradient(
    make: Maker, cbow: Cbow | None
) -> None:
    """Both have the exact one: averages over 1,500 seeds come within 5 standard errors of it.

    The standard errors are below 4% of the part that the negatives have in it, so a wrong weight,
    a wrong distribution or a wrong number of negatives would show.
    """
    seeds, window = 1500, 2
    vocabulary, corpus = random_corpus(40, 5, sentence=(9, 1, 4))
    shares = vocabulary.counts**0.75 / (vocabulary.counts**0.75).sum()
    layout = make(vocabulary.counts, np, 0.75)
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
        for planned in layout.batches(chunk, 100, seed=seed, epoch=0, index=0):
            batch = whole(planned)
            gradients = batch_gradients(w_in, w_out, batch)
            scatter_add(samples[seed, 0], batch.inputs, gradients.inputs)
            for term, rows in zip(batch.terms, gradients.targets, strict=True):
                scatter_add(samples[seed, 1], term.targets.reshape(-1), rows)
    options: Any = {"window": window, "cbow": cbow}
    exact = np.stack(expected_gradients(corpus, w_in, w_out, shares, negative=3, **options))
    positive = np.stack(expected_gradients(corpus, w_in, w_out, shares, negative=0, **options))
    errors = samples.std(axis=0) / np.sqrt(seeds)
    assert errors.max() < 0.04 * np.abs(exact - positive).max()
    assert (np.abs(samples.mean(axis=0) - exact) < 5 * errors).all()

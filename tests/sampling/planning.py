"""Layouts of every model, the batches that they make of a corpus, and what these hold."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import oracle
from tests.conftest import to_host
from tests.sampling.test_chunks import KEEP_ALL, numbered_corpus
from xw2v.kernel import Batch, Projection, Term
from xw2v.sampling import (
    BlockLayout,
    Cbow,
    Chunk,
    HuffmanTree,
    Layout,
    NegativeOutput,
    NoiseIntervals,
    NoiseTable,
    Output,
    PairLayout,
    PathOutput,
    PlannedBatch,
    SoftmaxOutput,
    sample_chunk,
)
from xw2v.text import EncodedCorpus

Counts = NDArray[np.int64]
Options = dict[str, Any]
OutputMaker = Callable[[Counts, Any, float], Output]
# Of a vocabulary with such counts, on a namespace, with an exponent of the noise.
Maker = Callable[[Counts, Any, float], Layout]

MEAN, SUM, UNDIVIDED = Cbow(mean=True, exact=True), Cbow(mean=False), Cbow(exact=False)
LENGTHS = [1, 30, 2, 1, 1, 70, 3, 17, 1, 25]
ALWAYS_THE_FIRST = 1e6  # an exponent with which noise is always the most frequent word


def negatives(negative: int, shared: int, group_blocks: int, interleave: int) -> OutputMaker:
    def make(counts: Counts, xp: Any, ns_exponent: float) -> Output:
        return NegativeOutput(
            noise=NoiseTable.from_counts(counts, ns_exponent).to(xp),
            negative=negative,
            shared_negatives=shared,
            group_blocks=group_blocks,
            interleave=interleave,
        )

    return make


def paths(part_blocks: int, block_pairs: int) -> OutputMaker:
    def make(counts: Counts, xp: Any, ns_exponent: float) -> Output:
        tree = HuffmanTree.from_counts(counts).to(xp, None)
        return PathOutput(tree=tree, part_blocks=part_blocks, block_pairs=block_pairs)

    return make


def softmax() -> OutputMaker:
    return lambda counts, xp, ns_exponent: SoftmaxOutput()


def blocks(size: int, output: OutputMaker, cbow: Cbow | None = None) -> Maker:
    def make(counts: Counts, xp: Any = np, ns_exponent: float = 0.75) -> Layout:
        return BlockLayout(block_size=size, output=output(counts, xp, ns_exponent), cbow=cbow)

    return make


def pairs(
    negative: int, cbow: Cbow | None = None, *, exclude: bool = False, replacement: bool = True
) -> Maker:
    kind = NoiseIntervals if exclude or not replacement else NoiseTable

    def make(counts: Counts, xp: Any = np, ns_exponent: float = 0.75) -> Layout:
        return PairLayout(
            noise=kind.from_counts(counts, ns_exponent).to(xp),
            negative=negative,
            cbow=cbow,
            exclude_positive=exclude,
            replacement=replacement,
        )

    return make


SKIPGRAM: dict[str, Maker] = {
    "block-1x1": blocks(1, negatives(2, 3, 1, 1)),
    "block-4x2": blocks(4, negatives(5, 6, 2, 2)),
    "block-16x4": blocks(16, negatives(5, 32, 4, 4)),
    "block-200x3": blocks(200, negatives(1, 1, 3, 2)),
    "pair-1": pairs(1),
    "pair-5": pairs(5),
    "pair-distinct": pairs(3, exclude=True, replacement=False),
    "softmax-1": blocks(1, softmax()),
    "softmax-16": blocks(16, softmax()),
}
CBOW: dict[str, Maker] = {
    "cbow-block-1x1": blocks(1, negatives(2, 3, 1, 1), SUM),
    "cbow-block-4x2": blocks(4, negatives(5, 6, 2, 3), MEAN),
    "cbow-block-16x4": blocks(16, negatives(5, 32, 4, 4), UNDIVIDED),
    "cbow-pair-5": pairs(5, MEAN),
    "cbow-pair-sum": pairs(1, SUM),
    "cbow-pair-distinct": pairs(3, UNDIVIDED, exclude=True, replacement=False),
    "cbow-softmax-1": blocks(1, softmax(), UNDIVIDED),
    "cbow-softmax-16": blocks(16, softmax(), MEAN),
}
PATHS: dict[str, Maker] = {
    "paths-3x4": blocks(3, paths(4, 1)),
    "paths-7x3": blocks(7, paths(3, 5)),
    "paths-64x2": blocks(64, paths(2, 32)),
    "cbow-paths-3x4": blocks(3, paths(4, 1), MEAN),
    "cbow-paths-5x4": blocks(5, paths(4, 8), UNDIVIDED),
    "cbow-paths-32x3": blocks(32, paths(3, 32), SUM),
}
LAYOUTS = {**SKIPGRAM, **CBOW, **PATHS}


def plan(
    layout: Layout,
    corpus: EncodedCorpus,
    thresholds: Any,
    *,
    borders: list[int] | None = None,
    batch_words: int = 64,
    xp: Any = np,
    share: tuple[int, int] = (0, 1),
    **options: Any,
) -> Iterator[tuple[Chunk, PlannedBatch]]:
    """Plan the batches of a whole corpus, or shares of them, with a layout of that namespace."""
    options = {"window": 5, "shrink_windows": True, "seed": 1, "epoch": 0, **options}
    seed, epoch = options["seed"], options["epoch"]
    borders = borders or [0, corpus.n_words]
    for index, (start, stop) in enumerate(pairwise(borders)):
        chunk = sample_chunk(corpus, start, stop, thresholds=xp.asarray(thresholds), **options)
        for planned in layout.batches(chunk, batch_words, seed, epoch, index, share):
            yield chunk, planned


def numbered(lengths: list[int] = LENGTHS, kept: float = 0.7) -> tuple[EncodedCorpus, Any, Counts]:
    """A corpus whose words tell their positions, keep thresholds, and counts of its words.

    The counts are made up, those of Zipf's law, so that paths have many lengths.
    """
    corpus = numbered_corpus(lengths)
    n = corpus.n_words
    thresholds = np.full(n + 1, int(kept * KEEP_ALL), dtype=np.int64)
    return corpus, thresholds, (10 * n) // np.arange(1, n + 2)


def whole(part: Any) -> Batch:
    """The one batch of a share that is not several."""
    (batch,) = part.batches
    assert isinstance(batch, Batch)
    return batch


def logits(batch: Batch) -> Iterator[tuple[int, int, float, float]]:
    """Every logit that is not masked: place of the hidden vector, target, label, weight."""
    for term in batch.terms:
        targets, places = to_host(term.targets), oracle.hidden_of(batch, term)
        shape = (*places.shape, targets.shape[1])
        weights = np.broadcast_to(to_host(term.weights), shape)
        labels = np.broadcast_to(
            term.labels if isinstance(term.labels, float) else to_host(term.labels), shape
        )
        for b, i, j in zip(*np.nonzero(weights), strict=True):
            yield (
                int(places[b, i]),
                int(targets[b, j]),
                float(labels[b, i, j]),
                float(weights[b, i, j]),
            )


def contents(batch: Batch) -> list[dict[int, tuple[float, float]]]:
    """What each hidden vector is made of: place of the input, its share forward and backward."""
    inputs, hidden = batch.inputs.shape[0], batch.predictions.shape[0]
    projection = batch.projection
    if projection is None:
        assert inputs == hidden
        return [{place: (1.0, 1.0)} for place in range(hidden)]
    forward, backward = to_host(projection.forward), to_host(projection.backward)
    n, t, m = forward.shape
    assert forward.shape == backward.shape
    assert (n * t, n * m) == (hidden, inputs)
    result: list[dict[int, tuple[float, float]]] = [{} for _ in range(hidden)]
    for b, i, j in zip(*np.nonzero((forward != 0) | (backward != 0)), strict=True):
        result[b * t + i][int(b * m + j)] = (float(forward[b, i, j]), float(backward[b, i, j]))
    return result


def same_bits(array: Any, reference: Any) -> None:
    ours, theirs = to_host(array), to_host(reference)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert ours.tobytes() == theirs.tobytes()


def same_batch(mine: Batch, expected: Batch) -> None:
    """Check that two batches are equal to the last bit."""
    assert mine.parts == expected.parts
    for name in ("inputs", "input_weights", "predictions"):
        same_bits(getattr(mine, name), getattr(expected, name))
    assert (mine.projection is None) == (expected.projection is None)
    if mine.projection is not None and expected.projection is not None:
        for field in fields(Projection):
            same_bits(
                getattr(mine.projection, field.name), getattr(expected.projection, field.name)
            )
    for term, reference in zip(mine.terms, expected.terms, strict=True):
        for field in fields(Term):
            ours, theirs = getattr(term, field.name), getattr(reference, field.name)
            if ours is None or isinstance(ours, (float, int, bool)):
                assert ours == theirs
            elif mine.parts or field.name not in ("labels", "weights"):
                same_bits(ours, theirs)  # of nothing, there may be something to broadcast


def check_weights(batch: Batch) -> None:
    """Check that rows weigh what their logits do.

    Of inputs: what a hidden vector takes from all of them, times what each gets of its error.
    """
    totals = np.zeros(batch.predictions.shape[0])
    for term in batch.terms:
        places = oracle.hidden_of(batch, term)
        shape = (*places.shape, term.targets.shape[1])
        weights = np.broadcast_to(to_host(term.weights), shape)
        target_weights = to_host(term.target_weights)
        assert target_weights.shape == term.targets.shape
        np.testing.assert_allclose(target_weights, weights.sum(axis=1), rtol=1e-5)
        # All words compete under the softmax: a prediction weighs as the module says there.
        np.add.at(totals, places, weights.sum(axis=2) * (8 if term.softmax else 1))
    expected = np.zeros(batch.inputs.shape[0])
    for total, made_of in zip(totals, contents(batch), strict=True):
        taken = sum(forward for forward, _ in made_of.values())
        for place, (_, back) in made_of.items():
            expected[place] += total * taken * back
    np.testing.assert_allclose(to_host(batch.input_weights), expected, rtol=1e-5)

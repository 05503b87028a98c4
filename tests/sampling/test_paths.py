"""Hierarchical softmax: every pair meets every node on its word's path once, and no others."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sampling.planning import (
    MEAN,
    SUM,
    UNDIVIDED,
    Counts,
    blocks,
    check_weights,
    contents,
    logits,
    numbered,
    paths,
    plan,
    same_batch,
)
from tests.sampling.test_chunks import KEEP_ALL, expected_contexts
from tests.synthetic import random_corpus
from xw2v.kernel import Batch
from xw2v.sampling import Cbow, HuffmanTree, Layout, keep_thresholds
from xw2v.text import EncodedCorpus

Text = tuple[EncodedCorpus, Counts]


@dataclass(frozen=True)
class Case:
    """How a text is planned."""

    cbow: Cbow | None = None
    block_size: int = 4
    part_blocks: int = 3
    block_pairs: int = 8
    window: int = 5
    batch_words: int = 64
    kept: float = 1.0

    def layout(self, counts: Counts, xp: Any = np) -> Layout:
        make = blocks(self.block_size, paths(self.part_blocks, self.block_pairs), self.cbow)
        return make(counts, xp, 0.75)

    def thresholds(self, counts: Counts) -> Any:
        return np.full(counts.size, int(self.kept * KEEP_ALL), dtype=np.int64)

    def options(self) -> dict[str, Any]:
        return {"window": self.window, "shrink_windows": True, "seed": 6, "epoch": 2}

    def batches(self, text: Text, xp: Any = np) -> Iterator[Batch]:
        corpus, counts = text
        options: Any = {"batch_words": self.batch_words, "xp": xp, **self.options()}
        for _, planned in plan(self.layout(counts, xp), corpus, self.thresholds(counts), **options):
            yield from planned.batches


def equal_counts(n_words: int, vocabulary: int, sentence: list[int]) -> Text:
    """A text in which each word occurs as often as every other."""
    times = max(1, n_words // vocabulary)
    rng = np.random.default_rng(0)
    ids = rng.permutation(np.repeat(np.arange(vocabulary, dtype=np.int32), times))
    ends = np.cumsum(np.resize(sentence, ids.size))
    starts = np.asarray([0, *ends[ends < ids.size], ids.size])
    return EncodedCorpus(ids, starts, ids.size), np.full(vocabulary, times)


def text_of(kind: str, n_words: int, vocabulary: int, sentence: list[int]) -> Text:
    if kind == "equal":
        return equal_counts(n_words, vocabulary, sentence)
    if kind == "zipf":
        words, corpus = random_corpus(max(n_words, vocabulary), vocabulary, sentence=sentence)
        return corpus, words.counts
    corpus, _, counts = numbered(sentence)
    return corpus, counts if kind == "numbered" else np.ones_like(counts)


def expected_logits(text: Text, case: Case) -> Counter[Any]:
    """Of every prediction each node on the path: what predicts it, the node, the label.

    What predicts is what a hidden vector is made of: words, with their shares forward and back.
    """
    corpus, counts = text
    tree = HuffmanTree.from_counts(counts)
    contexts: dict[int, list[int]] = {}
    options = case.options()
    for center, context in expected_contexts(corpus, case.thresholds(counts), **options).pairs:
        contexts.setdefault(center, []).append(context)
    found: Counter[Any] = Counter()
    for center, around in contexts.items():
        word = int(corpus.ids[center])
        for i in range(int(tree.lengths[word])):
            predicted = int(tree.points[word, i]), 1.0 - float(tree.codes[word, i])
            if case.cbow is None:
                for context in around:
                    found[((int(corpus.ids[context]), (1.0, 1.0)),), *predicted] += 1
            else:
                share = float(np.float32(1) / np.float32(len(around))) if case.cbow.mean else 1.0
                shares = share, share if case.cbow.exact else 1.0
                made_of = sorted((int(corpus.ids[context]), shares) for context in around)
                found[tuple(made_of), *predicted] += 1
    return found


def check(text: Text, case: Case) -> None:
    counts = text[1]
    root, found = counts.size - 2, Counter[Any]()
    part_rows = case.layout(counts).part_rows(case.window)
    for batch in case.batches(text):
        n_hidden = batch.predictions.shape[0]
        predictions = np.zeros(n_hidden)
        hidden = [
            tuple(sorted((int(batch.inputs[at]), shares) for at, shares in made_of.items()))
            for made_of in contents(batch)
        ]
        for place, node, label, weight in logits(batch):
            assert weight == 1
            found[hidden[place], node, label] += 1
            predictions[place] += node == root  # where all paths begin
        np.testing.assert_array_equal(batch.predictions, predictions)
        check_weights(batch)
        assert batch.inputs.size + sum(term.targets.size for term in batch.terms) <= part_rows
        for term in batch.terms:
            assert term.rows is not None
            assert not term.softmax
            assert term.rows.min() >= 0
            assert term.rows.max() < n_hidden
            assert term.targets.min() >= 0
            assert term.targets.max() <= root
            assert term.targets.dtype == np.int32
    assert found == expected_logits(text, case)


@settings(max_examples=120)
@given(
    kind=st.sampled_from(["zipf", "equal", "numbered", "numbered-equal"]),
    n_words=st.integers(1, 120),
    vocabulary=st.sampled_from([2, 3, 4, 7, 40]),
    sentence=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    case=st.builds(
        Case,
        cbow=st.sampled_from([None, None, MEAN, SUM, UNDIVIDED]),
        block_size=st.integers(1, 12),
        part_blocks=st.integers(1, 5),
        block_pairs=st.sampled_from([1, 2, 3, 8, 32, 100]),
        window=st.integers(1, 7),
        batch_words=st.sampled_from([1, 30, 10_000]),
        kept=st.sampled_from([0.3, 0.7, 1.0]),
    ),
)
@example("zipf", 40, 2, [1], Case())  # no contexts at all
@example("equal", 40, 3, [1], Case(cbow=MEAN))
@example("zipf", 40, 7, [9], Case(kept=0.0))
@example("equal", 2, 2, [2], Case(block_size=1, part_blocks=1, block_pairs=1))
@example("equal", 2, 2, [2], Case(cbow=SUM, block_size=1, part_blocks=1, block_pairs=1))
@example("numbered", 1, 2, [100], Case(window=40, block_size=64, part_blocks=2, block_pairs=32))
def test_pairs_meet_the_nodes_on_their_paths(
    kind: str, n_words: int, vocabulary: int, sentence: list[int], case: Case
) -> None:
    """In a numbered text every word is another, so that words tell positions."""
    check(text_of(kind, n_words, vocabulary, sentence), case)


@pytest.mark.parametrize("cbow", [None, MEAN], ids=["skipgram", "cbow"])
@pytest.mark.parametrize("counts", [np.asarray([5, 1]), 2 ** np.arange(30)[::-1]], ids=str)
def test_paths_of_any_length(cbow: Cbow | None, counts: Counts) -> None:
    """Up to one node for each word, where every count is twice the next."""
    ids = np.random.default_rng(0).integers(0, counts.size, 90, dtype=np.int32)
    text = EncodedCorpus(ids, np.asarray([0, 50, 90]), 90), counts
    check(text, Case(cbow=cbow))
    check(text, Case(cbow=cbow, block_pairs=64, block_size=30))


@pytest.mark.parametrize("seed", range(6))
def test_paths_are_the_same_everywhere(seed: int, xp: Any) -> None:
    rng = np.random.default_rng(seed)
    kind = ("zipf", "equal", "numbered")[seed % 3]
    sentence = rng.integers(1, 25, 6).tolist()
    text = text_of(kind, 150, int(rng.choice([2, 3, 30])), sentence)
    case = Case(
        cbow=(None, MEAN, UNDIVIDED)[rng.integers(3)],
        block_size=int(rng.integers(1, 9)),
        part_blocks=int(rng.integers(1, 9)),
        block_pairs=int(rng.choice([1, 5, 32])),
        kept=0.8,
    )
    for mine, expected in zip(case.batches(text, xp), case.batches(text), strict=True):
        same_batch(mine, expected)


@pytest.mark.parametrize("cbow", [None, MEAN], ids=["skipgram", "cbow"])
def test_pairs_share_the_nodes_of_their_paths(cbow: Cbow | None) -> None:
    """In batches of ordinary size; else one could multiply pair by pair."""
    vocabulary, corpus = random_corpus(6000, 1000, seed=3)
    make = blocks(64, paths(32, 32), cbow)
    targets = met = 0
    layout = make(vocabulary.counts, np, 0.75)
    thresholds = keep_thresholds(vocabulary.counts, 0.0)
    for _, planned in plan(layout, corpus, thresholds, batch_words=2048):
        for batch in planned.batches:
            targets += sum(term.targets.size for term in batch.terms)
            met += sum(int(term.weights.sum()) for term in batch.terms)
    assert targets < met / (10 if cbow is None else 2.5)

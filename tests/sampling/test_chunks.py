"""What a chunk keeps of its stretch of text, and how far its windows reach."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from tests import oracle
from tests.conftest import to_host
from tests.synthetic import random_corpus
from xw2v.sampling import (
    PIECE_WORDS,
    Chunk,
    ChunkBuffer,
    Purpose,
    keep_thresholds,
    piece_borders,
    sample_chunk,
    sample_piece,
    stream_key,
)
from xw2v.text import EncodedCorpus

UNLIKELY = 1e-4  # the seeds are fixed, so a p-value below this will not come and go
KEEP_ALL = 2**31


def numbered_corpus(lengths: list[int]) -> EncodedCorpus:
    """Sentences in which every word is another: word p + 1 at position p; word 0 is nowhere."""
    n = sum(lengths)
    starts = np.cumsum([0, *lengths])
    return EncodedCorpus(np.arange(1, n + 1, dtype=np.int32), starts.astype(np.int64), n)


def chunk_contexts(chunk: Chunk) -> oracle.Contexts:
    """The kept words and the pairs of a chunk of a numbered corpus, by position."""
    tokens, positions = to_host(chunk.tokens).tolist(), to_host(chunk.positions).tolist()
    left, right = to_host(chunk.left).tolist(), to_host(chunk.right).tolist()
    c = chunk.window
    assert len(tokens) == len(chunk) + 2 * c
    assert tokens[c : len(tokens) - c] == [position + 1 for position in positions]
    pairs = []
    for i, center in enumerate(positions):
        assert 0 <= left[i] <= c
        assert 0 <= right[i] <= c
        places = [c + i + away for away in range(-left[i], right[i] + 1) if away]
        pairs += [(center, tokens[place] - 1) for place in places]
    return oracle.Contexts(positions, pairs)


def expected_contexts(corpus: EncodedCorpus, thresholds: Any, **options: Any) -> oracle.Contexts:
    return oracle.contexts_of_corpus(
        corpus.ids.tolist(),
        corpus.starts.tolist(),
        thresholds=thresholds.tolist(),
        window=options["window"],
        shrink_windows=options["shrink_windows"],
        key=stream_key(options["seed"], Purpose.WORDS, options["epoch"]),
    )


def check_against_oracle(
    corpus: EncodedCorpus, thresholds: Any, borders: list[int], xp: Any, **options: Any
) -> None:
    expected = expected_contexts(corpus, thresholds, **options)
    found = oracle.Contexts([], [])
    for start, stop in pairwise(borders):
        chunk = sample_chunk(corpus, start, stop, thresholds=xp.asarray(thresholds), **options)
        contexts = chunk_contexts(chunk)
        assert all(start <= position < stop for position in contexts.kept)
        found.kept += contexts.kept
        found.pairs += contexts.pairs
    assert found.kept == expected.kept
    assert sorted(found.pairs) == sorted(expected.pairs)


@settings(max_examples=150)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    window=st.integers(1, 12),
    shrink_windows=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 3),
    kept=st.sampled_from([0.03, 0.3, 0.7, 1.0]),
)
def test_pairs_are_those_of_plain_loops_whatever_the_borders(
    lengths: list[int], cuts: list[float], kept: float, **options: Any
) -> None:
    corpus = numbered_corpus(lengths)
    n = corpus.n_words
    thresholds = np.full(n + 1, int(kept * KEEP_ALL), dtype=np.int64)
    thresholds[::5] = KEEP_ALL // 2  # not all words alike
    borders = sorted({0, n, *(int(cut * n) for cut in cuts)})
    check_against_oracle(corpus, thresholds, borders, np, **options)


@pytest.mark.parametrize("shrink_windows", [True, False])
def test_pairs_on_every_namespace(xp: Any, shrink_windows: bool) -> None:
    corpus = numbered_corpus([1, 30, 2, 1, 1, 300, 3, 17, 1])
    thresholds = np.full(corpus.n_words + 1, KEEP_ALL // 3, dtype=np.int64)
    options = {"window": 4, "shrink_windows": shrink_windows, "seed": 2, "epoch": 1}
    check_against_oracle(corpus, thresholds, [0, 10, 31, 100, 200, 356], xp, **options)


def test_contexts_far_over_the_border_are_found() -> None:
    """Where next to nothing is kept, the nearest context may be thousands of words away."""
    corpus = numbered_corpus([6000])
    thresholds = np.full(corpus.n_words + 1, KEEP_ALL // 500, dtype=np.int64)
    options = {"window": 3, "shrink_windows": False, "seed": 2, "epoch": 0}
    check_against_oracle(corpus, thresholds, [0, 3000, 3001, 6000], np, **options)


@pytest.mark.parametrize("lengths", [[300_000], [70_000, 62_000, 90_000, 78_000]], ids=str)
def test_chunks_as_long_as_those_of_training(lengths: list[int]) -> None:
    corpus = numbered_corpus(lengths)
    thresholds = np.full(corpus.n_words + 1, KEEP_ALL // 40, dtype=np.int64)
    options = {"window": 5, "shrink_windows": True, "seed": 4, "epoch": 0}
    check_against_oracle(corpus, thresholds, [0, 300_000], np, **options)
    check_against_oracle(corpus, thresholds, [0, 17, 200_000, 300_000], np, **options)


def test_chunks_that_keep_nothing() -> None:
    corpus = numbered_corpus([5, 5])
    options = {"window": 3, "shrink_windows": True, "seed": 2, "epoch": 0}
    check_against_oracle(corpus, np.zeros(11, dtype=np.int64), [0, 4, 10], np, **options)


def test_contexts_never_cross_a_sentence() -> None:
    """Said once more without the oracle, on a text of a realistic size."""
    _, corpus = random_corpus(50_000, 300, sentence=(1, 2, 3, 9, 40))
    corpus = EncodedCorpus(np.arange(50_000, dtype=np.int32), corpus.starts, 50_000)
    chunk = sample_chunk(
        corpus,
        12_345,
        40_000,
        thresholds=np.full(50_000, KEEP_ALL // 2),
        window=5,
        shrink_windows=False,
        seed=1,
        epoch=0,
    )
    order = np.arange(len(chunk))
    sentence = np.asarray(np.searchsorted(corpus.starts, chunk.positions, side="right"))
    for reach, side in ((-chunk.left, -1), (chunk.right, 1)):
        last = chunk.tokens[order + chunk.window + reach]
        np.testing.assert_array_equal(np.searchsorted(corpus.starts, last, "right"), sentence)
        # A window that stops short of 5 stops at the end of the sentence or of the text.
        short = np.abs(reach) < chunk.window
        beyond = chunk.tokens[order + chunk.window + reach + side][short]
        other = np.searchsorted(corpus.starts, beyond, "right") != sentence[short]
        np.testing.assert_array_equal(other, True)


@pytest.mark.parametrize("window", [1, 2, 5, 12])
def test_windows_are_uniform(window: int) -> None:
    n = 1_100_000
    corpus = EncodedCorpus(np.zeros(n, dtype=np.int32), np.asarray([0, n]), n)
    chunk = sample_chunk(
        corpus,
        0,
        n,
        thresholds=np.asarray([KEEP_ALL]),
        window=window,
        shrink_windows=True,
        seed=1,
        epoch=0,
    )
    inside = slice(window, n - window)
    left, right = chunk.left[inside], chunk.right[inside]
    np.testing.assert_array_equal(left, right)
    counts = np.bincount(left, minlength=window + 1)
    assert counts[0] == 0
    assert counts.size == window + 1
    if window > 1:
        assert chisquare(counts[1:]).pvalue > UNLIKELY


def test_windows_that_do_not_shrink() -> None:
    n = 1000
    corpus = EncodedCorpus(np.zeros(n, dtype=np.int32), np.asarray([0, n]), n)
    options: dict[str, Any] = {"window": 5, "shrink_windows": False, "seed": 1, "epoch": 0}
    chunk = sample_chunk(corpus, 0, n, thresholds=np.asarray([KEEP_ALL]), **options)
    places = np.arange(n)
    np.testing.assert_array_equal(chunk.left, np.minimum(places, 5))
    np.testing.assert_array_equal(chunk.right, np.minimum(n - 1 - places, 5))


def test_every_epoch_and_seed_draws_anew() -> None:
    vocabulary, corpus = random_corpus(5000, 20)
    thresholds = keep_thresholds(vocabulary.counts, 1e-2)
    chunks = [
        sample_chunk(
            corpus,
            0,
            5000,
            thresholds=thresholds,
            window=5,
            shrink_windows=True,
            seed=seed,
            epoch=epoch,
        )
        for seed, epoch in ((1, 0), (1, 1), (2, 0))
    ]
    kept = {chunk.positions.tobytes() for chunk in chunks}
    assert len(kept) == 3


# Pieces


@pytest.fixture(params=[3, 64])
def piece_words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pieces shorter than windows and sentences, and pieces of a few sentences."""
    words = int(request.param)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", words)
    return words


def same_chunk(chunk: Chunk, expected: Chunk) -> None:
    for name in ("tokens", "positions", "left", "right"):
        ours, theirs = to_host(getattr(chunk, name)), to_host(getattr(expected, name))
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert chunk.window == expected.window
    assert len(chunk) == len(expected)


def piece_corpus() -> tuple[Any, EncodedCorpus]:
    """Of 500 words, frequent ones seldom kept, so that many pieces keep little or nothing."""
    vocabulary, corpus = random_corpus(500, 40, sentence=(1, 2, 30, 9, 70))
    return keep_thresholds(vocabulary.counts, 0.005), corpus


OPTIONS: dict[str, Any] = {"window": 5, "shrink_windows": True, "seed": 3, "epoch": 1}
STRETCHES = [(0, 500), (100, 300), (123, 124), (250, 500), (499, 500), (7, 470)]


def whole_chunks(xp: Any = np) -> list[Chunk]:
    """What the stretches give if each is one piece."""
    thresholds, corpus = piece_corpus()
    assert PIECE_WORDS >= 500
    return [
        sample_piece(corpus, start, stop, thresholds=xp.asarray(thresholds), **OPTIONS)
        for start, stop in STRETCHES
    ]


def test_borders_of_pieces(piece_words: int) -> None:
    for start, stop in [(0, 0), (5, 5), (3, 4), (0, 64), (11, 200), (64, 128)]:
        borders = piece_borders(start, stop)
        assert [i for low, high in borders for i in range(low, high)] == list(range(start, stop))
        lengths = [high - low for low, high in borders]
        assert all(length == piece_words for length in lengths[:-1])
        assert all(0 < length <= piece_words for length in lengths)


def test_the_size_of_pieces_changes_nothing(piece_words: int, xp: Any) -> None:
    thresholds, corpus = piece_corpus()
    for (start, stop), expected in zip(STRETCHES, whole_chunks(), strict=True):
        chunk = sample_chunk(corpus, start, stop, thresholds=xp.asarray(thresholds), **OPTIONS)
        same_chunk(chunk, expected)


def test_pieces_are_put_together_in_any_order(piece_words: int, xp: Any) -> None:
    """By several owners, one chunk after another, longer and shorter ones, in the same memory."""
    thresholds, corpus = piece_corpus()
    thresholds = xp.asarray(thresholds)
    pieces = [
        [
            sample_piece(corpus, *border, thresholds=thresholds, **OPTIONS)
            for border in piece_borders(start, stop)
        ]
        for start, stop in STRETCHES
    ]
    shuffle = random.Random(1).shuffle
    lengths = np.zeros(len(piece_borders(0, 500)), dtype=np.int64)
    buffer = ChunkBuffer(
        500, OPTIONS["window"], lambda shape, dtype: xp.zeros(shape, dtype=dtype), lengths, xp
    )
    for owners in (1, 3):
        for some, expected in zip(pieces, whole_chunks(), strict=True):
            numbers = list(range(len(some)))
            shuffle(numbers)
            for number in numbers:
                buffer.stage(number, some[number])
            owned = [list(range(owner, len(some), owners)) for owner in range(owners)]
            shuffle(owned)
            chunks = []
            for own in owned:
                shuffle(own)
                chunks.append(buffer.assemble(own, len(some)))
            for chunk in chunks:  # each owner has the whole chunk, once all have done their part
                same_chunk(chunk, expected)


def test_pieces_of_the_next_chunk_do_not_disturb_this_one(piece_words: int) -> None:
    """They are staged while the batches of this one are made."""
    thresholds, corpus = piece_corpus()
    n_pieces = len(piece_borders(0, 250))
    lengths = np.zeros(n_pieces, dtype=np.int64)
    buffer = ChunkBuffer(250, OPTIONS["window"], np.zeros, lengths, np)

    def stage(start: int, stop: int) -> Iterator[None]:
        for number, border in enumerate(piece_borders(start, stop)):
            buffer.stage(number, sample_piece(corpus, *border, thresholds=thresholds, **OPTIONS))
            yield

    list(stage(0, 250))
    chunk = buffer.assemble(range(n_pieces), n_pieces)
    expected = sample_piece(corpus, 0, 250, thresholds=thresholds, **OPTIONS)
    for _ in stage(250, 500):
        same_chunk(chunk, expected)
    expected = sample_piece(corpus, 250, 500, thresholds=thresholds, **OPTIONS)
    same_chunk(buffer.assemble(range(n_pieces), n_pieces), expected)


@pytest.mark.parametrize("window", [1, 12])
def test_pairs_over_the_ends_of_pieces(piece_words: int, window: int) -> None:
    """Said once more with the oracle, whose text knows no pieces."""
    corpus = numbered_corpus([1, 30, 2, 1, 1, 140, 3, 17, 1])
    thresholds = np.full(corpus.n_words + 1, KEEP_ALL // 3, dtype=np.int64)
    options = {"window": window, "shrink_windows": True, "seed": 2, "epoch": 1}
    check_against_oracle(corpus, thresholds, [0, 10, 31, 100, 196], np, **options)


def test_a_chunk_of_no_words(xp: Any) -> None:
    thresholds, corpus = piece_corpus()
    chunk = sample_chunk(corpus, 40, 40, thresholds=xp.asarray(thresholds), **OPTIONS)
    assert len(chunk) == 0
    assert chunk.tokens.shape == (2 * OPTIONS["window"],)

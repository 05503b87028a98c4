"""The training loop: determinism, schedule, reports, and staying finite."""

import hashlib
import math
import multiprocessing
import os
import signal
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from tests import oracle
from tests.backend.test_team import helpers
from tests.conftest import needs_fork, to_host
from tests.synthetic import random_corpus, toy_sentences
from xw2v.backend import Profile
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, CorpusError, DeviceError, TrainingError
from xw2v.sampling import Purpose, sample_piece, stream_key
from xw2v.text import EncodedCorpus, Vocabulary, encode_sentences
from xw2v.training import (
    LossRecord,
    Progress,
    TrainingResult,
    initialize,
    learning_rate,
    train,
)

pytestmark = pytest.mark.usefixtures("no_waiting_for_ever")


def config(**options: Any) -> TrainingConfig:
    return TrainingConfig(
        **{"vector_size": 8, "sample": 0.0, "min_count": 1, "workers": 1, "epochs": 2, **options}
    )


def sha256(result: TrainingResult) -> str:
    return hashlib.sha256(result.w_in.tobytes() + result.w_out.tobytes()).hexdigest()


def initial(n_words: int, options: TrainingConfig, xp: Any = np) -> Any:
    """W_in as it begins."""
    w_in = xp.zeros((n_words, options.vector_size), dtype=xp.float32)
    initialize(w_in, options, 0, n_words)
    return w_in


# Determinism


SMALL_BLOCKS = {"block_size": 4, "group_blocks": 2, "interleave": 2, "shared_negatives": 6}


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
@pytest.mark.parametrize("size", [1, 13])
def test_workers_change_no_bit(
    negatives_per: str, size: int, kind_of_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do the pieces that they sample, in three chunks of which the last batch is smaller."""
    vocabulary, corpus = random_corpus(1200, 150, sentence=(1, 30, 7, 500))
    monkeypatch.setattr("xw2v.training.trainer._CHUNK_WORDS", 450)
    options = {
        **SMALL_BLOCKS,
        "negatives_per": negatives_per,
        "vector_size": size,
        "batch_words": 100 if negatives_per == "block" else 40,
        "sample": 0.02,
    }
    expected = train(corpus, vocabulary, config(workers=1, **options))
    assert len(expected.losses) > 10
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 70)
    for workers in (1, 2, 3, 5, 20) if size > 1 else (1, 3):
        result = train(corpus, vocabulary, config(workers=workers, **options))
        np.testing.assert_array_equal(result.w_in, expected.w_in)
        np.testing.assert_array_equal(result.w_out, expected.w_out)
        assert result.losses == expected.losses


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_more_workers_than_parts(
    negatives_per: str, kind_of_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody to have nothing to do is asked for it, but the last batch of a chunk is small."""
    vocabulary, corpus = random_corpus(300, 30)
    monkeypatch.setattr("xw2v.training.trainer._CHUNK_WORDS", 100)
    options = {**SMALL_BLOCKS, "negatives_per": negatives_per, "batch_words": 49}
    results = [
        train(corpus, vocabulary, config(workers=workers, **options)) for workers in (1, 3, 20)
    ]
    assert len({sha256(result) for result in results}) == 1
    assert results[0].losses == results[1].losses == results[2].losses


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_workers_change_no_bit_of_ordinary_batches(
    negatives_per: str, kind_of_workers: None
) -> None:
    """Of a size whose rows make several tiles."""
    vocabulary, corpus = random_corpus(12_000 if negatives_per == "block" else 2000, 300)
    results = [
        train(
            corpus,
            vocabulary,
            config(
                workers=workers,
                negatives_per=negatives_per,
                vector_size=100,
                batch_words=4096 if negatives_per == "block" else 512,
                epochs=1,
                sample=0.01,
            ),
        )
        for workers in (1, 2, 3)
    ]
    assert len({sha256(result) for result in results}) == 1
    assert results[0].losses == results[1].losses == results[2].losses
    assert len(results[0].losses) >= 2


@pytest.mark.parametrize("workers", [1, 3])
def test_a_profile_changes_no_bit(workers: int, kind_of_workers: None) -> None:
    vocabulary, corpus = random_corpus(3000, 100)
    options = config(workers=workers, batch_words=512)
    profile = Profile()
    result = train(corpus, vocabulary, options, profile=profile)
    assert sha256(result) == sha256(train(corpus, vocabulary, options))
    assert set(profile.seconds) == {"plan", "gather", "products", "logits", "scatter", "wait"}
    assert 0 < sum(profile.seconds.values()) < workers * result.seconds


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
@pytest.mark.parametrize("workers", [1, 2])
def test_batches_larger_than_the_text(negatives_per: str, workers: int) -> None:
    """They need no more memory than the text fills, whatever they are called."""
    vocabulary, corpus = random_corpus(500, 30)
    results = [
        train(
            corpus,
            vocabulary,
            config(workers=workers, negatives_per=negatives_per, batch_words=batch_words),
        )
        for batch_words in (10_000, 10**9)
    ]
    assert sha256(results[0]) == sha256(results[1])


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_the_seed_decides(negatives_per: str) -> None:
    vocabulary, corpus = random_corpus(2000, 50)
    first, again, other = (
        train(corpus, vocabulary, config(seed=seed, negatives_per=negatives_per))
        for seed in (1, 1, 2)
    )
    assert sha256(first) == sha256(again)
    assert first.losses == again.losses
    assert sha256(first) != sha256(other)


def test_every_epoch_of_every_seed_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, int]] = []

    def spy(*args: Any, seed: int, epoch: int, **options: Any) -> Any:
        drawn.append((seed, epoch))
        return sample_piece(*args, seed=seed, epoch=epoch, **options)

    monkeypatch.setattr("xw2v.training.trainer.sample_piece", spy)
    vocabulary, corpus = random_corpus(1000, 50)
    train(corpus, vocabulary, config(seed=7, epochs=3))
    assert drawn == [(7, 0), (7, 1), (7, 2)]


def test_every_piece_is_sampled_once_by_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory of this process, where threads can write it down."""
    drawn: list[tuple[int, int, int]] = []

    def spy(corpus: EncodedCorpus, start: int, stop: int, *, epoch: int, **options: Any) -> Any:
        drawn.append((epoch, start, stop))
        return sample_piece(corpus, start, stop, epoch=epoch, **options)

    monkeypatch.setattr("xw2v.backend.team._can_fork", lambda: False)
    monkeypatch.setattr("xw2v.training.trainer.sample_piece", spy)
    monkeypatch.setattr("xw2v.training.trainer._CHUNK_WORDS", 700)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 100)
    vocabulary, corpus = random_corpus(1300, 50)
    train(corpus, vocabulary, config(workers=3, batch_words=64, negatives_per="pair"))
    chunk = [*range(0, 650, 100), *range(650, 1300, 100)]
    expected = [(epoch, start) for epoch in range(2) for start in chunk]
    assert sorted((epoch, start) for epoch, start, _ in drawn) == expected
    assert all(stop in (start + 100, 650, 1300) for _, start, stop in drawn)


def test_texts_of_several_chunks() -> None:
    """More than a million words, next to none of them kept."""
    vocabulary, corpus = random_corpus(1_200_000, 30, sentence=1000)
    seen: list[Progress] = []
    options = config(sample=1e-5, epochs=2, batch_words=1000)
    result = train(corpus, vocabulary, options, on_progress=seen.append)
    words = [progress.words for progress in seen]
    assert words == sorted(words)
    assert {word // 600_000 for word in words} == {0, 1, 2, 3, 4}
    assert np.isfinite(result.w_in).all()
    assert sha256(result) == sha256(train(corpus, vocabulary, options))


# Schedule and reports


def test_learning_rate_falls_linearly() -> None:
    options = config(alpha=0.05, min_alpha=0.01)
    assert learning_rate(options, 0.0) == 0.05
    assert learning_rate(options, 1.0) == pytest.approx(0.01, rel=1e-12)
    assert learning_rate(options, 0.25) == pytest.approx(0.04, rel=1e-12)


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_progress(negatives_per: str) -> None:
    vocabulary, corpus = random_corpus(6400, 50)
    options = config(
        epochs=3, negatives_per=negatives_per, batch_words=64, alpha=0.05, min_alpha=0.01
    )
    seen: list[Progress] = []
    train(corpus, vocabulary, options, on_progress=seen.append)
    assert len(seen) == 3 * 100 + 1  # every batch, and the end
    for before, after in pairwise(seen):
        assert before.words < after.words
        assert before.alpha > after.alpha
        assert before.epoch <= after.epoch
        assert before.seconds <= after.seconds
    for progress in seen:
        assert progress.total_words == 3 * 6400
        assert progress.alpha == pytest.approx(0.05 - 0.04 * progress.words / (3 * 6400), abs=1e-9)
    assert (seen[0].words, seen[0].epoch, seen[0].alpha) == (0, 1, 0.05)
    last = seen[-1]
    assert (last.words, last.epoch) == (last.total_words, 3)
    assert last.alpha == pytest.approx(0.01, rel=1e-12)
    assert {progress.epoch for progress in seen} == {1, 2, 3}
    assert last.loss is not None
    assert last.words_per_second == pytest.approx(last.words / last.seconds)


def test_words_per_second_before_any_time_has_passed() -> None:
    progress = Progress(words=5, total_words=9, epoch=1, alpha=0.1, loss=None, seconds=0.0)
    assert progress.words_per_second == 0.0


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
@pytest.mark.parametrize("negative", [1, 5])
def test_loss_is_the_mean_over_positive_pairs(negatives_per: str, negative: int) -> None:
    """Every logit is 0 at first: each pair and each of its negatives costs log 2."""
    vocabulary, corpus = random_corpus(6400, 50, sentence=(1, 7, 30))
    options = config(negatives_per=negatives_per, negative=negative, batch_words=64, epochs=2)
    losses = train(corpus, vocabulary, options).losses
    assert losses[0].loss == pytest.approx((1 + negative) * math.log(2), rel=1e-5)
    assert losses[0] == LossRecord(0, 0.0, 0.025, losses[0].loss)
    assert len(losses) >= 50
    for record in losses:
        assert record.epoch == record.words / 6400
        assert record.alpha == learning_rate(options, record.words / 12_800)
    assert losses[-1].epoch > 1.9


def test_small_texts_make_a_hundred_updates_an_epoch() -> None:
    """Of the words that subsampling keeps, here one in five; and fifty losses or more."""
    vocabulary, corpus = random_corpus(60_000, 100)
    seen: list[Progress] = []
    options = config(sample=1e-3, epochs=1)
    result = train(corpus, vocabulary, options, on_progress=seen.append)
    assert len(seen) - 1 >= 90  # batches are rounded to whole groups
    assert len(result.losses) >= 50


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_loss_falls(negatives_per: str) -> None:
    vocabulary, corpus = encode_sentences(toy_sentences(1500))
    options = config(negatives_per=negatives_per, vector_size=20, epochs=5)
    losses = [record.loss for record in train(corpus, vocabulary, options).losses]
    quarters = [np.mean(part) for part in np.array_split(losses, 4)]
    assert quarters == sorted(quarters, reverse=True)
    assert quarters[3] < 0.6 * quarters[0]


# Initial parameters


def test_initial_parameters_are_uniform() -> None:
    w_in = initial(11_000, config(vector_size=100))
    assert w_in.dtype == np.float32
    assert np.abs(w_in).max() <= 0.5 / 100
    for columns in (w_in, w_in[:, 0], w_in[:, 49], w_in[:, 50], w_in[:, 99]):
        counts, _ = np.histogram(columns, bins=100, range=(-0.005, 0.005))
        assert counts.sum() == columns.size
        assert chisquare(counts).pvalue > 1e-4
    assert np.unique(w_in[:, :2], axis=0).shape[0] == 11_000  # no piece is drawn twice
    other = initial(11_000, config(vector_size=100, seed=2))
    assert np.mean(other == w_in) < 1e-3


@pytest.mark.parametrize("size", [2, 3, 100, 101])
def test_columns_are_independent(size: int) -> None:
    """Two of them are drawn at once."""
    w_in = initial(20_000, config(vector_size=size))
    correlations = np.corrcoef(w_in.T) - np.eye(size)
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)


@pytest.mark.parametrize("size", [1, 2, 3, 31, 100])
def test_initial_parameters_are_the_same_in_any_shares(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = config(vector_size=size)
    n = 300
    expected = initial(n, options)
    for at_once in (1, 100, 1 << 15):
        monkeypatch.setattr("xw2v.training.trainer._DRAWN_AT_ONCE", at_once)
        for borders in ([0, n], [0, 0, 1, n], [0, 17, 150, 151, 299, n], [0, n, n]):
            parts = np.zeros_like(expected)
            for start, stop in pairwise(borders):
                initialize(parts, options, start, stop)
            np.testing.assert_array_equal(parts, expected)


def test_other_rows_are_left_alone() -> None:
    """In a table in which there may be others between them."""
    table = np.full((10, 2, 5), 7, dtype=np.float32)
    options = config(vector_size=5)
    initialize(table[:, 0, :], options, 3, 6)
    np.testing.assert_array_equal(table[3:6, 0], initial(10, options)[3:6])
    table[3:6, 0] = 7
    assert (table == 7).all()


@pytest.mark.parametrize(("n", "size"), [(20_000, 30), (500, 1), (500, 7), (500, 101)])
def test_initial_parameters_are_the_same_everywhere(
    xp: Any, fixed_shapes: None, n: int, size: int
) -> None:
    options = config(vector_size=size)
    expected = initial(n, options)
    w_in = to_host(initial(n, options, xp))
    assert w_in.dtype == np.float32
    assert w_in.tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_initial_parameters_are_two_from_one_draw(size: int) -> None:
    """The first half of a row from upper bits, the second from lower ones: by plain loops."""
    options = config(vector_size=size, seed=3)
    half = (size + 1) // 2
    draws = oracle.splitmix64(stream_key(3, Purpose.INITIAL_WEIGHTS), 20 * half)
    for row, numbers in enumerate(initial(20, options).tolist()):
        for i, number in enumerate(numbers):
            bits = draws[row * half + i % half] >> (39 if i < half else 15) & 0xFFFFFF
            assert number == np.float32((bits / 2**24 - 0.5) / size)


# Corpora that leave little or nothing to train on


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
@pytest.mark.parametrize("batch_words", [None, 1, 4096])
def test_sentences_of_one_word_teach_nothing(negatives_per: str, batch_words: int | None) -> None:
    vocabulary, corpus = random_corpus(500, 20, sentence=1)
    options = config(negatives_per=negatives_per, batch_words=batch_words, workers=2)
    result = train(corpus, vocabulary, options)
    np.testing.assert_array_equal(result.w_in, initial(20, options))
    assert not result.w_out.any()
    assert result.losses == ()


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_nothing_is_kept(negatives_per: str) -> None:
    vocabulary, corpus = random_corpus(500, 2)
    seen: list[Progress] = []
    options = config(negatives_per=negatives_per, sample=1e-300)
    result = train(corpus, vocabulary, options, on_progress=seen.append)
    np.testing.assert_array_equal(result.w_in, initial(2, options))
    assert [progress.words for progress in seen] == [1000]
    assert result.losses == ()


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
@pytest.mark.parametrize("n_words", [2, 3, 17])
def test_texts_of_a_few_words(negatives_per: str, n_words: int) -> None:
    vocabulary, corpus = random_corpus(n_words, 2)
    result = train(corpus, vocabulary, config(negatives_per=negatives_per, workers=2))
    assert np.isfinite(result.w_in).all()
    assert result.w_out.any()


def test_an_empty_corpus_is_refused() -> None:
    vocabulary = Vocabulary(("a", "b"), np.asarray([2, 1], dtype=np.int64))
    corpus = EncodedCorpus(np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int64), 0)
    with pytest.raises(CorpusError, match="empty"):
        train(corpus, vocabulary, config())


@pytest.mark.parametrize("wrong", [2, -1])
def test_ids_that_are_not_in_the_vocabulary_are_refused(wrong: int) -> None:
    vocabulary = Vocabulary(("a", "b"), np.asarray([2, 1], dtype=np.int64))
    ids = np.asarray([0, 1, wrong, 0], dtype=np.int32)
    corpus = EncodedCorpus(ids, np.asarray([0, 4], dtype=np.int64), 4)
    with pytest.raises(CorpusError, match="vocabulary"):
        train(corpus, vocabulary, config())


@pytest.mark.parametrize(
    ("device", "error"), [("gpu", ConfigError), ("cuda:999", DeviceError)], ids=str
)
def test_devices_that_cannot_be_used(device: str, error: type[Exception]) -> None:
    vocabulary, corpus = random_corpus(100, 10)
    with pytest.raises(error, match="device"):
        train(corpus, vocabulary, config(device=device))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_the_callback_raises_ends_training(workers: int, kind_of_workers: None) -> None:
    vocabulary, corpus = random_corpus(2000, 50)

    def stop(progress: Progress) -> None:
        if progress.words > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            corpus,
            vocabulary,
            config(workers=workers, negatives_per="pair", batch_words=64),
            on_progress=stop,
        )
    assert helpers() == []


def test_nobody_stays_when_training_is_over(kind_of_workers: None) -> None:
    vocabulary, corpus = random_corpus(2000, 50)
    during: list[int] = []
    train(
        corpus,
        vocabulary,
        config(workers=3, negatives_per="pair", batch_words=64),
        on_progress=lambda _: during.append(len(helpers())),
    )
    assert helpers() == []
    assert set(during[:-1]) == {2}


def in_a_helper() -> bool:
    return (
        threading.current_thread() is not threading.main_thread()
        or multiprocessing.parent_process() is not None
    )


def test_what_goes_wrong_in_a_helper_ends_training(
    kind_of_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> Any:
        if in_a_helper():
            raise OSError(5, "cannot read the corpus")
        return sample_piece(*args, **options)

    monkeypatch.setattr("xw2v.training.trainer.sample_piece", broken)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 100)
    vocabulary, corpus = random_corpus(2000, 50)
    with pytest.raises(OSError, match="cannot read the corpus"):
        train(corpus, vocabulary, config(workers=2, negatives_per="pair"))
    assert helpers() == []


@needs_fork
def test_a_helper_that_is_killed_ends_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Linux does where memory runs out."""

    def fatal(*args: Any, **options: Any) -> Any:
        if in_a_helper():
            os.kill(os.getpid(), signal.SIGKILL)
        return sample_piece(*args, **options)

    monkeypatch.setattr("xw2v.training.trainer.sample_piece", fatal)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 100)
    vocabulary, corpus = random_corpus(2000, 50)
    with pytest.raises(TrainingError, match=r"xw2v-1 was killed by signal 9.*min_count"):
        train(corpus, vocabulary, config(workers=2, negatives_per="pair"))
    assert helpers() == []


def test_training_beside_the_main_thread(kind_of_workers: None) -> None:
    """As a program with windows does it."""
    vocabulary, corpus = random_corpus(2000, 50)
    options = config(workers=2, negatives_per="pair")
    results: list[TrainingResult] = []
    thread = threading.Thread(target=lambda: results.append(train(corpus, vocabulary, options)))
    thread.start()
    thread.join()
    assert sha256(results[0]) == sha256(train(corpus, vocabulary, options))

"""The training loop: determinism, schedule, reports, and staying finite."""

import hashlib
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.conftest import to_host
from tests.synthetic import random_corpus, toy_sentences
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, CorpusError, DeviceError
from xw2v.sampling import sample_pieces
from xw2v.text import EncodedCorpus, Vocabulary, encode_sentences
from xw2v.training import (
    LossRecord,
    Progress,
    TrainingResult,
    initial_parameters,
    learning_rate,
    train,
)


def config(**options: Any) -> TrainingConfig:
    return TrainingConfig(
        **{"vector_size": 8, "sample": 0.0, "min_count": 1, "workers": 1, "epochs": 2, **options}
    )


def sha256(result: TrainingResult) -> str:
    return hashlib.sha256(result.w_in.tobytes() + result.w_out.tobytes()).hexdigest()


# Determinism


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_workers_change_no_bit(negatives_per: str) -> None:
    vocabulary, corpus = random_corpus(9000, 200)
    results = [
        train(
            corpus,
            vocabulary,
            config(workers=workers, negatives_per=negatives_per, batch_words=2000, sample=0.01),
        )
        for workers in (1, 2, 3)
    ]
    assert len({sha256(result) for result in results}) == 1
    assert results[0].losses == results[1].losses == results[2].losses
    assert len(results[0].losses) > 2


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
        return sample_pieces(*args, seed=seed, epoch=epoch, **options)

    monkeypatch.setattr("xw2v.training.trainer.sample_pieces", spy)
    vocabulary, corpus = random_corpus(1000, 50)
    train(corpus, vocabulary, config(seed=7, epochs=3))
    assert drawn == [(7, 0), (7, 1), (7, 2)]


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
    options = config(vector_size=100)
    w_in, w_out = initial_parameters(11_000, options, np, "cpu")
    assert w_in.dtype == w_out.dtype == np.float32
    assert w_in.shape == w_out.shape == (11_000, 100)
    assert not w_out.any()
    assert np.abs(w_in).max() <= 0.5 / 100
    counts, _ = np.histogram(w_in, bins=100, range=(-0.005, 0.005))
    assert counts.sum() == w_in.size
    assert chisquare(counts).pvalue > 1e-4
    assert np.unique(w_in[:, :2], axis=0).shape[0] == 11_000  # no piece is drawn twice
    other, _ = initial_parameters(11_000, config(vector_size=100, seed=2), np, "cpu")
    assert np.mean(other == w_in) < 1e-3


def test_initial_parameters_are_the_same_everywhere(xp: Any, fixed_shapes: None) -> None:
    options = config(vector_size=30)
    expected, _ = initial_parameters(20_000, options, np, "cpu")
    parameters = to_host(initial_parameters(20_000, options, xp, None))
    assert parameters[0].tobytes() == expected.tobytes()
    assert not parameters[1].any()


# Corpora that leave little or nothing to train on


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
@pytest.mark.parametrize("batch_words", [None, 1, 4096])
def test_sentences_of_one_word_teach_nothing(negatives_per: str, batch_words: int | None) -> None:
    vocabulary, corpus = random_corpus(500, 20, sentence=1)
    options = config(negatives_per=negatives_per, batch_words=batch_words, workers=2)
    result = train(corpus, vocabulary, options)
    expected, _ = initial_parameters(20, options, np, "cpu")
    np.testing.assert_array_equal(result.w_in, expected)
    assert not result.w_out.any()
    assert result.losses == ()


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
def test_nothing_is_kept(negatives_per: str) -> None:
    vocabulary, corpus = random_corpus(500, 2)
    seen: list[Progress] = []
    options = config(negatives_per=negatives_per, sample=1e-300)
    result = train(corpus, vocabulary, options, on_progress=seen.append)
    np.testing.assert_array_equal(result.w_in, initial_parameters(2, options, np, "cpu")[0])
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


def test_what_the_callback_raises_ends_training() -> None:
    vocabulary, corpus = random_corpus(2000, 50)

    def stop(progress: Progress) -> None:
        if progress.words > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(corpus, vocabulary, config(workers=2), on_progress=stop)

"""The training loop, of every model: determinism, schedule, reports, corpora of hardly anything."""

import hashlib
import math
import multiprocessing
import os
import signal
import threading
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.backend.fakes import fake_cupy
from tests.backend.test_team import helpers
from tests.conftest import needs_fork
from tests.sampling.test_chunks import expected_contexts
from tests.synthetic import random_corpus, toy_sentences
from xw2v.backend import Device, Profile, get_device
from xw2v.backend.ids import StreamedIds
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, CorpusError, DeviceError, TrainingError
from xw2v.kernel import train_step
from xw2v.sampling import HuffmanTree, keep_thresholds, sample_piece
from xw2v.text import EncodedCorpus, Vocabulary, encode_sentences
from xw2v.training import (
    LossRecord,
    Progress,
    TrainingResult,
    initialize,
    learning_rate,
    train,
)
from xw2v.training.choices import choose_batch_words

pytestmark = pytest.mark.usefixtures("no_waiting_for_ever")


MODELS: dict[str, dict[str, Any]] = {
    "block": {},
    "pair": {"negatives_per": "pair"},
    "paths": {"output": "hierarchical"},
    "softmax": {"output": "softmax"},
    "cbow-block": {"model": "cbow"},
    "cbow-pair": {"model": "cbow", "negatives_per": "pair"},
    "cbow-paths": {"model": "cbow", "output": "hierarchical"},
    "cbow-softmax": {"model": "cbow", "output": "softmax"},
}
every_model = pytest.mark.parametrize("model", MODELS)


def config(model: str = "block", **options: Any) -> TrainingConfig:
    small = {"vector_size": 8, "sample": 0.0, "min_count": 1, "workers": 1, "epochs": 2}
    return TrainingConfig(**{**small, **MODELS[model], **options})


def sha256(result: TrainingResult) -> str:
    return hashlib.sha256(result.w_in.tobytes() + result.w_out.tobytes()).hexdigest()


@cache
def toy_corpus() -> tuple[Vocabulary, EncodedCorpus]:
    return encode_sentences(toy_sentences(800))


def initial(n_words: int, options: TrainingConfig, xp: Any = np) -> Any:
    """W_in as it begins."""
    w_in = xp.zeros((n_words, options.vector_size), dtype=xp.float32)
    initialize(w_in, options, 0, n_words)
    return w_in


# Determinism


SMALL_BLOCKS = {"block_size": 4, "group_blocks": 2, "interleave": 2, "shared_negatives": 6}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of every model have several parts, and vocabularies of 150 several blocks."""
    monkeypatch.setattr("xw2v.training.choices._PART_WORDS", 16)
    monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", 32)


def check_workers(
    model: str, numbers: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, **options: Any
) -> TrainingResult:
    """Check that several workers train what one does, who samples the text in other pieces.

    In three chunks, of which the last batch is smaller.
    """
    vocabulary, corpus = random_corpus(800, 150, sentence=(1, 30, 7, 500))
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 300)
    options = {**SMALL_BLOCKS, "batch_words": 40 if "pair" in model else 70, **options}
    expected = train(corpus, vocabulary, config(model, workers=1, **options))
    assert len(expected.losses) > 10
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 70)
    for workers in numbers:
        result = train(corpus, vocabulary, config(model, workers=workers, **options))
        np.testing.assert_array_equal(result.w_in, expected.w_in)
        np.testing.assert_array_equal(result.w_out, expected.w_out)
        assert result.losses == expected.losses
    return expected


@every_model
def test_workers_change_no_bit(
    model: str, kind_of_workers: None, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do the pieces that they sample."""
    result = check_workers(model, (1, 3), monkeypatch, vector_size=13, sample=0.02)
    assert (result.w_in.shape, result.w_out.shape) == ((150, 13), (150 - ("paths" in model), 13))


@every_model
def test_workers_change_no_bit_of_vectors_of_one_number(
    model: str, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xw2v.backend.team._can_fork", lambda: False)
    check_workers(model, (1, 3), monkeypatch, vector_size=1)


@pytest.mark.parametrize("seed", range(len(MODELS)))
def test_workers_change_no_bit_with_any_options(
    seed: int, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each model in turn, all others at random."""
    rng = np.random.default_rng(seed)
    model = list(MODELS)[seed]
    options: dict[str, Any] = {
        "optimizer": str(rng.choice(["sgd", "sgd", "adagrad", "adam"])),
        "schedule": str(rng.choice(["linear", "constant", "cosine"])),
        "frozen": ("w0", "w7") if rng.random() < 0.3 else (),
        "vector_size": int(rng.integers(1, 40)),
        "window": int(rng.integers(1, 9)),
        "negative": int(rng.integers(1, 8)),
        "shared_negatives": int(rng.integers(8, 20)),
        "block_size": int(rng.integers(1, 8)),
        "group_blocks": int(rng.integers(1, 4)),
        "interleave": int(rng.integers(1, 4)),
        "cbow_mean": bool(rng.random() < 0.7),
        "cbow_gradient": str(rng.choice(["exact", "undivided"])),
    }
    if "pair" in model and rng.random() < 0.5:
        options["negatives_exclude_positive"] = options["negatives_without_replacement"] = True
    monkeypatch.setattr("xw2v.backend.team._can_fork", lambda: False)
    check_workers(model, (2, 3), monkeypatch, **options)


@pytest.mark.parametrize("model", ["block", "pair", "paths", "cbow-softmax"])
def test_more_workers_than_parts(
    model: str, kind_of_workers: None, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody to have nothing to do is asked for it, but the last batch of a chunk is small."""
    vocabulary, corpus = random_corpus(200, 30)
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 100)
    options = {**SMALL_BLOCKS, "batch_words": 49}
    results = [
        train(corpus, vocabulary, config(model, workers=workers, **options))
        for workers in (1, 3, 12)
    ]
    assert len({sha256(result) for result in results}) == 1
    assert results[0].losses == results[1].losses == results[2].losses


@pytest.mark.parametrize("model", ["block", "pair", "paths", "cbow-block", "softmax"])
def test_workers_change_no_bit_of_ordinary_batches(model: str, kind_of_workers: None) -> None:
    """Of a size whose rows make several tiles."""
    words, batch_words = {"pair": (2000, 512), "softmax": (3000, 512)}.get(model, (9000, 4096))
    vocabulary, corpus = random_corpus(words, 300)
    options: Any = {"vector_size": 100, "batch_words": batch_words, "epochs": 1, "sample": 0.01}
    results = [
        train(corpus, vocabulary, config(model, workers=workers, **options)) for workers in (1, 3)
    ]
    assert len({sha256(result) for result in results}) == 1
    assert results[0].losses == results[1].losses
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


@every_model
@pytest.mark.parametrize("workers", [1, 2])
def test_batches_larger_than_the_text(model: str, workers: int) -> None:
    """They need no more memory than the text fills, whatever they are called."""
    vocabulary, corpus = random_corpus(500, 30)
    results = [
        train(
            corpus,
            vocabulary,
            config(model, workers=workers, batch_words=batch_words),
        )
        for batch_words in (10_000, 10**9)
    ]
    assert sha256(results[0]) == sha256(results[1])


@every_model
def test_the_seed_decides(model: str) -> None:
    vocabulary, corpus = random_corpus(1000, 50)
    first, again, other = (
        train(corpus, vocabulary, config(model, seed=seed)) for seed in (1, 1, 2)
    )
    assert sha256(first) == sha256(again)
    assert first.losses == again.losses
    assert sha256(first) != sha256(other)


def test_every_epoch_of_every_seed_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, int]] = []

    def spy(*args: Any, seed: int, epoch: int, **options: Any) -> Any:
        drawn.append((seed, epoch))
        return sample_piece(*args, seed=seed, epoch=epoch, **options)

    monkeypatch.setattr("xw2v.training.plan.sample_piece", spy)
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
    monkeypatch.setattr("xw2v.training.plan.sample_piece", spy)
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 700)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 100)
    vocabulary, corpus = random_corpus(1300, 50)
    train(corpus, vocabulary, config(workers=3, batch_words=64, model="pair"))
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


SCHEDULES = {
    "linear": (0.05, 0.04, 0.03, 0.01),
    "constant": (0.05, 0.05, 0.05, 0.05),
    "cosine": (0.05, 0.03 + 0.02 * math.sqrt(0.5), 0.03, 0.01),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule: str) -> None:
    """After nothing, a quarter, half of the text and all of it."""
    options = config(alpha=0.05, min_alpha=0.01, schedule=schedule)
    rates = [learning_rate(options, progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    assert rates == pytest.approx(SCHEDULES[schedule], rel=1e-12)
    assert rates[0] == 0.05
    every = [learning_rate(options, progress) for progress in np.linspace(0, 1, 101)]
    assert every == sorted(every, reverse=True)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_training_follows_its_schedule(schedule: str) -> None:
    vocabulary, corpus = random_corpus(1000, 50)
    options = config(schedule=schedule, alpha=0.05, min_alpha=0.01, batch_words=64)
    seen: list[Progress] = []
    train(corpus, vocabulary, options, on_progress=seen.append)
    assert len(seen) > 10
    for progress in seen:
        assert progress.alpha == learning_rate(options, progress.words / 2000)
    assert seen[-1].alpha == pytest.approx(SCHEDULES[schedule][-1], rel=1e-12)


@every_model
def test_progress(model: str) -> None:
    vocabulary, corpus = random_corpus(6400, 50)
    options = config(model, epochs=3, batch_words=64, alpha=0.05, min_alpha=0.01)
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


@every_model
@pytest.mark.parametrize("negative", [1, 5])
def test_loss_is_the_mean_over_predictions(model: str, negative: int) -> None:
    """Every logit is 0 at first, and costs log 2: a prediction and each of its negatives.

    Or every word is as likely as the others; or every node on the path of a word costs log 2,
    which here, where 64 words are equally frequent, are six.
    """
    n_words, size = 6400, 64
    ids = np.random.default_rng(0).permutation(np.arange(n_words, dtype=np.int32) % size)
    starts = np.unique(np.concatenate((np.arange(0, n_words, 17), [1, 2, n_words])))
    corpus = EncodedCorpus(ids, starts, n_words)
    words = tuple(f"w{i}" for i in range(size))
    vocabulary = Vocabulary(words, np.full(size, n_words // size, dtype=np.int64))
    options = config(model, negative=negative, batch_words=64, epochs=2)
    losses = train(corpus, vocabulary, options).losses
    expected = {"paths": 6 * math.log(2), "softmax": math.log(size)}
    first = expected.get(model.removeprefix("cbow-"), (1 + negative) * math.log(2))
    assert losses[0].loss == pytest.approx(first, rel=1e-5)
    assert losses[0] == LossRecord(0, 0.0, options.alpha or 0.0, losses[0].loss)
    assert len(losses) >= 50
    for record in losses:
        assert record.epoch == record.words / n_words
        assert record.alpha == learning_rate(options, record.words / (2 * n_words))
    assert losses[-1].epoch > 1.9


@pytest.mark.parametrize("model", ["paths", "cbow-paths"])
def test_the_first_loss_of_paths_is_their_mean_length(model: str) -> None:
    """Times log 2: of all that is predicted, as often as it is."""
    vocabulary, corpus = random_corpus(900, 60, sentence=(1, 7, 30))
    options = config(model, batch_words=100_000, epochs=1, sample=0.05)
    contexts = expected_contexts(
        corpus,
        keep_thresholds(vocabulary.counts, 0.05),
        window=options.window,
        shrink_windows=True,
        seed=options.seed,
        epoch=0,
    )
    centers = [center for center, _ in contexts.pairs]
    predicted = corpus.ids[centers if model == "paths" else sorted(set(centers))]
    lengths = HuffmanTree.from_counts(vocabulary.counts).lengths[predicted]
    (record,) = train(corpus, vocabulary, options).losses
    assert record.loss == pytest.approx(lengths.mean() * math.log(2), rel=1e-5)
    assert len(set(lengths.tolist())) > 4


def test_small_texts_make_a_hundred_updates_an_epoch() -> None:
    """Of the words that subsampling keeps, here one in five; and fifty losses or more."""
    vocabulary, corpus = random_corpus(60_000, 100)
    seen: list[Progress] = []
    options = config(sample=1e-3, epochs=1)
    result = train(corpus, vocabulary, options, on_progress=seen.append)
    assert len(seen) - 1 >= 90  # batches are rounded to whole groups
    assert len(result.losses) >= 50


@every_model
def test_loss_falls(model: str) -> None:
    vocabulary, corpus = toy_corpus()
    options = config(model, vector_size=20, epochs=5)
    losses = [record.loss for record in train(corpus, vocabulary, options).losses]
    quarters = [np.mean(part) for part in np.array_split(losses, 4)]
    assert quarters == sorted(quarters, reverse=True)
    assert quarters[3] < 0.8 * quarters[0]


# Other devices


def stand_in(xp: Any, monkeypatch: pytest.MonkeyPatch, kind: type[Device] = Device) -> None:
    """Train on a device that has nothing but a namespace, as a GPU does."""
    device = kind("stand-in", xp, None)
    monkeypatch.setattr("xw2v.training.trainer.get_device", lambda name: device)


def check_parity(
    ours: TrainingResult, expected: TrainingResult, off: float, relative: float
) -> None:
    np.testing.assert_allclose(ours.w_in, expected.w_in, rtol=0, atol=off)
    np.testing.assert_allclose(ours.w_out, expected.w_out, rtol=0, atol=off)
    for record, other in zip(ours.losses, expected.losses, strict=True):
        assert (record.words, record.alpha) == (other.words, other.alpha)
        assert record.loss == pytest.approx(other.loss, rel=relative)


@pytest.mark.parametrize(
    ("model", "optimizer"),
    [
        *((model, "sgd") for model in MODELS),
        *[("block", "adam"), ("cbow-paths", "adagrad"), ("softmax", "adagrad")],
    ],
)
def test_devices_agree_after_a_hundred_steps(
    model: str, optimizer: str, xp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors, whose entries are of order 1, to 5e-5, and losses to 5e-5 of their size.

    Rounding makes 1e-7 of a step, and a hundred steps at most some 1e-5; a wrong weight anywhere
    makes a thousand times as much.
    """
    vocabulary, corpus = random_corpus(1600, 60)
    alpha = 0.05 if optimizer == "sgd" else None
    options = config(model, alpha=alpha, batch_words=32, optimizer=optimizer)
    expected = train(corpus, vocabulary, options)
    stand_in(xp, monkeypatch)
    ours = train(corpus, vocabulary, options)
    assert len(ours.losses) >= 50
    assert np.abs(expected.w_out).max() > 0.05
    check_parity(ours, expected, 5e-5, 5e-5)


# A whole run with array-api-strict would take minutes.
fast_namespaces = pytest.mark.parametrize(
    "xp", ["numpy", pytest.param("cupy", marks=pytest.mark.cuda)], indirect=True
)


@fast_namespaces
@every_model
def test_devices_agree_after_a_whole_run(
    model: str, xp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all options as they are by default, to 1e-4."""
    vocabulary, corpus = toy_corpus()
    options = TrainingConfig(**{"workers": 1, "vector_size": 20, **MODELS[model]})
    expected = train(corpus, vocabulary, options)
    stand_in(xp, monkeypatch)
    # What suits another device would be another model.
    kept = int(vocabulary.counts @ (keep_thresholds(vocabulary.counts, options.sample) / 2**31))
    words = choose_batch_words(options, get_device("cpu"), kept)
    ours = train(corpus, vocabulary, replace(options, batch_words=words))
    check_parity(ours, expected, 1e-4, 1e-4)


@every_model
def test_sums_in_one_order_agree_as_well(
    model: str, xp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary, corpus = random_corpus(500, 60)
    options = config(model, alpha=0.05, batch_words=32, deterministic=True)
    expected = train(corpus, vocabulary, options)
    stand_in(xp, monkeypatch)
    check_parity(train(corpus, vocabulary, options), expected, 5e-5, 5e-5)


class SmallDevice(Device):
    """A device with memory for so many bytes."""

    def free_memory(self) -> int | None:
        return 10**9


@fast_namespaces
@every_model
def test_text_that_is_streamed_changes_no_bit(
    model: str, xp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In three chunks, over two epochs, sums in one order on a GPU too."""
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 600)
    vocabulary, corpus = random_corpus(1600, 60, sentence=(1, 30, 7, 900))
    options = config(model, batch_words=32, deterministic=True, epochs=2)
    stand_in(xp, monkeypatch, SmallDevice)
    ids: list[Any] = []
    of_device = SmallDevice.ids

    def spy(self: Device, *args: Any, **options: Any) -> Any:
        ids.append(of_device(self, *args, **options))
        return ids[-1]

    monkeypatch.setattr(SmallDevice, "ids", spy)
    whole, streamed = (
        train(corpus, vocabulary, replace(options, device_share=share)) for share in (1.0, 0.0)
    )
    assert [isinstance(one, StreamedIds) for one in ids] == [False, True]
    np.testing.assert_array_equal(streamed.w_in, whole.w_in)
    np.testing.assert_array_equal(streamed.w_out, whole.w_out)
    assert streamed.losses == whole.losses


def test_training_on_a_gpu_that_numpy_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is done for a GPU but the work."""
    vocabulary, corpus = toy_corpus()
    options = config(vector_size=20, batch_words=200, workers=1)
    expected = train(corpus, vocabulary, options)
    assert expected.device_memory is None
    fake = fake_cupy(monkeypatch, trains=True)
    ours = train(corpus, vocabulary, replace(options, device="cuda", device_share=0.0))
    check_parity(ours, expected, 1e-4, 1e-4)
    assert ours.device_memory == fake.held


def test_a_gpu_that_fails_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, corpus = toy_corpus()
    fake = fake_cupy(monkeypatch, trains=True)
    step = train_step
    errors = {
        "out of memory on cuda:0: .*a smaller batch_words": fake.out_of_memory("no 5 bytes"),
        "GPU cuda:0 failed: .*--resume": fake.runtime_error("cudaErrorDevicesUnavailable: gone"),
    }
    for message, error in errors.items():
        made: list[int] = []

        def fail(*args: Any, made: list[int] = made, error: Any = error, **options: Any) -> Any:
            made.append(1)
            if len(made) == 5:
                raise error
            return step(*args, **options)

        monkeypatch.setattr("xw2v.backend.steps.train_step", fail)
        with pytest.raises(DeviceError, match=message):
            train(corpus, vocabulary, config(device="cuda", batch_words=100))
        assert len(made) == 5
    assert fake.freed == 1
    # What was tried once may be tried again.
    monkeypatch.setattr("xw2v.backend.steps.train_step", step)
    assert train(corpus, vocabulary, config(device="cuda", batch_words=100)).words > 0


def test_too_little_memory_is_noticed_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vocabulary, corpus = toy_corpus()
    fake_cupy(monkeypatch, trains=True)
    options = config(device="cuda", vector_size=10**8)
    with pytest.raises(DeviceError, match=r"too little memory on cuda:0: 6,144 MiB are free"):
        train(corpus, vocabulary, options)


@pytest.mark.cuda
def test_a_gpu_whose_memory_runs_out(cupy_namespace: Any) -> None:
    """Of which the pool may take no more; then with a smaller batch it goes on."""
    vocabulary, corpus = random_corpus(400_000, 500)
    pool = cupy_namespace.get_default_memory_pool()
    pool.free_all_blocks()
    options = config(device="cuda", vector_size=400, epochs=1, sample=0.0, workers=1)
    pool.set_limit(size=pool.total_bytes() + (200 << 20))
    try:
        with pytest.raises(DeviceError, match="out of memory on cuda:0"):
            train(corpus, vocabulary, replace(options, batch_words=131_072))
        assert train(corpus, vocabulary, replace(options, batch_words=1024)).words == 400_000
    finally:
        pool.set_limit(size=0)


@pytest.mark.cuda
@every_model
def test_a_gpu_gives_the_same_bits_every_time_if_it_is_to(model: str, cupy_namespace: Any) -> None:
    vocabulary, corpus = toy_corpus()
    options = config(model, device="cuda", batch_words=512, deterministic=True, epochs=2)
    first, *others = (train(corpus, vocabulary, options) for _ in range(3))
    for other in others:
        assert other.w_in.tobytes() == first.w_in.tobytes()
        assert other.w_out.tobytes() == first.w_out.tobytes()


# Frozen words


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adam"])
@every_model
def test_frozen_words_stay_as_they_were_initialized(model: str, optimizer: str) -> None:
    """And all others learn, but inner nodes are no words."""
    vocabulary, corpus = random_corpus(600, 30)
    rows = [0, 3, 29]
    others = [row for row in range(30) if row not in rows]
    options = config(model, frozen=("w0", "w3", "w29"), optimizer=optimizer)
    result, begun = train(corpus, vocabulary, options), initial(30, options)
    np.testing.assert_array_equal(result.w_in[rows], begun[rows])
    assert (result.w_in != begun)[others].any(axis=1).all()
    if "paths" in model:
        assert result.w_out.any(axis=1).all()
    else:
        assert not result.w_out[rows].any()
        assert result.w_out[others].any(axis=1).all()


# Corpora that leave little or nothing to train on


@every_model
@pytest.mark.parametrize("batch_words", [None, 1, 4096])
def test_sentences_of_one_word_teach_nothing(model: str, batch_words: int | None) -> None:
    vocabulary, corpus = random_corpus(150, 20, sentence=1)
    options = config(model, batch_words=batch_words, workers=2)
    result = train(corpus, vocabulary, options)
    np.testing.assert_array_equal(result.w_in, initial(20, options))
    assert not result.w_out.any()
    assert result.losses == ()


@every_model
def test_nothing_is_kept(model: str) -> None:
    vocabulary, corpus = random_corpus(500, 2)
    seen: list[Progress] = []
    options = config(model, sample=1e-300)
    result = train(corpus, vocabulary, options, on_progress=seen.append)
    np.testing.assert_array_equal(result.w_in, initial(2, options))
    assert [progress.words for progress in seen] == [1000]
    assert result.losses == ()


@every_model
@pytest.mark.parametrize("n_words", [2, 3, 17])
def test_texts_of_a_few_words(model: str, n_words: int) -> None:
    vocabulary, corpus = random_corpus(n_words, 2)
    result = train(corpus, vocabulary, config(model, workers=2))
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
            config(workers=workers, model="pair", batch_words=64),
            on_progress=stop,
        )
    assert helpers() == []


def test_nobody_stays_when_training_is_over(kind_of_workers: None) -> None:
    vocabulary, corpus = random_corpus(2000, 50)
    during: list[int] = []
    train(
        corpus,
        vocabulary,
        config(workers=3, model="pair", batch_words=64),
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

    monkeypatch.setattr("xw2v.training.plan.sample_piece", broken)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 100)
    vocabulary, corpus = random_corpus(2000, 50)
    with pytest.raises(OSError, match="cannot read the corpus"):
        train(corpus, vocabulary, config(workers=2, model="pair"))
    assert helpers() == []


@needs_fork
def test_a_helper_that_is_killed_ends_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Linux does where memory runs out."""

    def fatal(*args: Any, **options: Any) -> Any:
        if in_a_helper():
            os.kill(os.getpid(), signal.SIGKILL)
        return sample_piece(*args, **options)

    monkeypatch.setattr("xw2v.training.plan.sample_piece", fatal)
    monkeypatch.setattr("xw2v.sampling.chunks.PIECE_WORDS", 100)
    vocabulary, corpus = random_corpus(2000, 50)
    with pytest.raises(TrainingError, match=r"xw2v-1 was killed by signal 9.*min_count"):
        train(corpus, vocabulary, config(workers=2, model="pair"))
    assert helpers() == []


def test_training_beside_the_main_thread(kind_of_workers: None) -> None:
    """As a program with windows does it."""
    vocabulary, corpus = random_corpus(2000, 50)
    options = config(workers=2, model="pair")
    results: list[TrainingResult] = []
    thread = threading.Thread(target=lambda: results.append(train(corpus, vocabulary, options)))
    thread.start()
    thread.join()
    assert sha256(results[0]) == sha256(train(corpus, vocabulary, options))

"""Runs: what callbacks are told and see, and that a run goes on from anywhere as if it had not
been interrupted.
"""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import array_api_compat.numpy as numpy_namespace
import array_api_strict
import numpy as np
import pytest

from tests.synthetic import random_corpus
from tests.training.test_trainer import (
    SMALL_BLOCKS,
    config,
    every_model,
    initial,
    stand_in,
)
from xw2v.config import TrainingConfig
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training import (
    Callback,
    InitialVectors,
    Position,
    Progress,
    Run,
    RunState,
    TrainingResult,
    learning_rate,
    train,
)

pytestmark = pytest.mark.usefixtures("no_waiting_for_ever")

Corpus = tuple[Vocabulary, EncodedCorpus]

OPTIMIZERS = ["sgd", "adagrad", "adam"]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 133 or 134 words, batches of several parts, a loss for every other batch."""
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 150)
    monkeypatch.setattr("xw2v.training.plan._BATCHES_A_LOSS", 2)
    monkeypatch.setattr("xw2v.training.plan._LOSSES_A_RUN", 2)
    monkeypatch.setattr("xw2v.training.choices._PART_WORDS", 16)
    monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", 16)


@pytest.fixture
def only_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are there sooner than processes; that they are the same is tested elsewhere."""
    monkeypatch.setattr("xw2v.backend.team._can_fork", lambda: False)


def small(n_words: int = 400) -> Corpus:
    return random_corpus(n_words, 40, sentence=(1, 30, 7, 90))


def options(model: str = "block", **more: Any) -> TrainingConfig:
    return config(model, **{"batch_words": 70, **SMALL_BLOCKS, **more})


def kept(run: Run) -> RunState:
    """The state of a run that later batches do not change."""
    state = run.state()
    return replace(state, arrays={name: array.copy() for name, array in state.arrays.items()})


class Keeper(Callback):
    """Keeps every state of a run."""

    def __init__(self) -> None:
        self.states: list[RunState] = []

    def on_train_begin(self, run: Run) -> None:
        self.states.append(kept(run))

    def on_batch_end(self, run: Run) -> None:
        self.states.append(kept(run))


def kept_run(
    corpus: Corpus, settings: TrainingConfig, initial: InitialVectors | None = None
) -> tuple[TrainingResult, list[RunState]]:
    """Make a whole run, and keep its states."""
    keeper = Keeper()
    result = train(corpus[1], corpus[0], settings, initial=initial, callbacks=[keeper])
    return result, keeper.states


def check_same(result: TrainingResult, expected: TrainingResult) -> None:
    np.testing.assert_array_equal(result.w_in, expected.w_in)
    np.testing.assert_array_equal(result.w_out, expected.w_out)
    assert result.losses == expected.losses
    assert (result.words, result.stopped) == (expected.words, expected.stopped)


# What callbacks are told


EVENTS = ("on_train_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_train_end")


def listener(told: list[Any], name: str = "", only: Sequence[str] = EVENTS) -> Any:
    """An object with some methods of a callback, which write down that they are called."""

    def method(event: str) -> Any:
        return lambda run: told.append((name, event, run.position) if name else event)

    return SimpleNamespace(**{event: method(event) for event in only})


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("epochs", [1, 3])
def test_events_come_in_order(workers: int, epochs: int, kind_of_workers: None) -> None:
    told: list[Any] = []
    settings = options(workers=workers, epochs=epochs)
    _, states = kept_run(small(), settings)
    train(small()[1], small()[0], settings, callbacks=[listener(told)])
    batches = [state.position.epoch for state in states[:-1]].count(0)
    assert batches > 3
    epoch = ["on_epoch_begin", *["on_batch_end"] * batches, "on_epoch_end"]
    assert told == ["on_train_begin", *epoch * epochs, "on_train_end"]


def test_each_callback_gets_all_of_a_batch_before_the_next_gets_any() -> None:
    told: list[Any] = []
    vocabulary, corpus = small()
    callbacks = [listener(told, "a"), listener(told, "b")]
    train(corpus, vocabulary, options(), callbacks=callbacks)
    groups: list[list[Any]] = []
    for name, event, position in told:
        if not groups or groups[-1][0] != name:
            groups.append([name])
        groups[-1].append((event, position))
    assert [name for name, *_ in groups] == ["a", "b"] * (len(groups) // 2)
    for first, second in zip(groups[::2], groups[1::2], strict=True):
        assert first[1:] == second[1:]
    border = next(position for _, event, position in told if event == "on_epoch_end")
    assert (border.epoch, border.chunk, border.batch, border.words) == (1, 0, 0, 400)
    assert ["a", ("on_batch_end", border), ("on_epoch_end", border)] in groups


def test_callbacks_are_told_that_a_run_goes_on() -> None:
    """That an epoch begins only where one does."""
    vocabulary, corpus = small()
    _, states = kept_run((vocabulary, corpus), options())
    ends = [state.position for state in states]
    for number, state in enumerate(states):
        told: list[Any] = []
        train(corpus, vocabulary, options(), start=state, callbacks=[listener(told, "a")])
        assert [position for _, event, position in told if event == "on_batch_end"] == (
            ends[number + 1 :]
        )
        assert told[0] == ("a", "on_train_begin", ends[number])
        begun = [position.words for _, event, position in told if event == "on_epoch_begin"]
        assert begun == [words for words in (0, 400) if words >= ends[number].words]
        over = [position.words for _, event, position in told if event == "on_epoch_end"]
        assert over == [words for words in (400, 800) if words > ends[number].words]
        assert told[-1] == ("a", "on_train_end", ends[-1])


@pytest.mark.parametrize("event", EVENTS)
def test_callbacks_of_one_method(event: str) -> None:
    told: list[Any] = []
    all_told: list[Any] = []
    vocabulary, corpus = small()
    callbacks = [listener(told, only=[event]), listener(all_told), object(), Callback()]
    train(corpus, vocabulary, options(), callbacks=callbacks)
    assert told == [event] * all_told.count(event)
    assert told


def test_callbacks_of_gensim() -> None:
    callbacks = pytest.importorskip("gensim.models.callbacks", reason="gensim is not installed")
    heard: list[tuple[str, list[str]]] = []

    class Logger(callbacks.CallbackAny2Vec):  # type: ignore[misc, name-defined]
        def on_train_begin(self, model: Any) -> None:
            heard.append(("begin", []))

        def on_epoch_end(self, model: Any) -> None:
            heard.append(("epoch", [word for word, _ in model.wv.most_similar("w1", topn=2)]))

    vocabulary, corpus = small()
    train(corpus, vocabulary, options(), callbacks=[Logger()])
    assert [event for event, _ in heard] == ["begin", "epoch", "epoch"]
    assert all(set(words) <= set(vocabulary.words) - {"w1"} for _, words in heard[1:])
    assert [len(words) for _, words in heard[1:]] == [2, 2]


@pytest.mark.parametrize("event", EVENTS)
def test_what_a_callback_raises_ends_training(event: str, only_threads: None) -> None:
    def fail(run: Run) -> None:
        raise KeyError(event)

    vocabulary, corpus = small()
    with pytest.raises(KeyError, match=event):
        train(corpus, vocabulary, options(workers=2), callbacks=[SimpleNamespace(**{event: fail})])


# What they see


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("vectors", ["input", "output", "mean", "concat"])
def test_vectors_seen_are_a_copy(vectors: str, workers: int, kind_of_workers: None) -> None:
    seen: list[tuple[Any, np.ndarray, np.ndarray]] = []

    def look(run: Run) -> None:
        arrays = kept(run).arrays
        seen.append((run.wv, arrays["input"], arrays["output"]))

    vocabulary, corpus = small()
    settings = options(vectors=vectors, workers=workers)
    result = train(corpus, vocabulary, settings, callbacks=[SimpleNamespace(on_batch_end=look)])
    for wv, w_in, w_out in seen:
        expected = {
            "input": w_in,
            "output": w_out,
            "mean": (w_in + w_out) / 2,
            "concat": np.concatenate((w_in, w_out), axis=1),
        }
        np.testing.assert_array_equal(wv.vectors, expected[vectors])
        assert tuple(wv.index_to_key) == vocabulary.words
        np.testing.assert_array_equal(wv.counts, vocabulary.counts)
    assert len({wv.vectors.tobytes() for wv, _, _ in seen}) == len(seen)
    np.testing.assert_array_equal(seen[-1][1], result.w_in)
    np.testing.assert_array_equal(seen[-1][2], result.w_out)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_vectors_seen_are_the_initial_ones(workers: int, kind_of_workers: None) -> None:
    vocabulary, corpus = small()
    _, states = kept_run((vocabulary, corpus), options(workers=workers, optimizer="adam"))
    first = states[0]
    assert first.position == Position()
    np.testing.assert_array_equal(first.arrays["input"], initial(40, options()))
    assert {name: array.shape for name, array in first.arrays.items()} == {
        **{f"{table}{state}": (40, 8) for table in ("input", "output") for state in ("", ".means")},
        **{f"{table}.squares": (40, 8) for table in ("input", "output")},
        **{f"{table}.steps": (40,) for table in ("input", "output")},
    }
    assert not any(array.any() for name, array in first.arrays.items() if name != "input")
    assert all(array.any() for array in states[-1].arrays.values())


def test_what_a_run_knows_of_itself() -> None:
    vocabulary, corpus = small()
    settings = options()
    reported: list[Progress] = []
    seconds: list[float] = []

    def look(run: Run) -> None:
        assert (run.config, run.vocabulary, run.corpus) == (settings, vocabulary, corpus)
        assert run.epoch == run.position.words / 400
        assert run.progress is reported[-1]
        assert run.progress.words < run.position.words
        assert run.progress.alpha == learning_rate(settings, run.progress.words / 800)
        assert (run.losses, run.evaluations, run.stopped) == (list(run.state().losses), [], None)
        seconds.append(run.seconds)

    train(
        corpus,
        vocabulary,
        settings,
        callbacks=[SimpleNamespace(on_batch_end=look)],
        on_progress=reported.append,
    )
    assert seconds == sorted(seconds)
    assert len(seconds) == len(reported) - 1


def test_time_and_speed_of_a_run_that_goes_on() -> None:
    vocabulary, corpus = small()
    _, states = kept_run((vocabulary, corpus), options())
    state = replace(states[4], seconds=1000.0)
    reported: list[Progress] = []
    result = train(corpus, vocabulary, options(), start=state, on_progress=reported.append)
    assert 1000.0 < result.seconds < 1060.0
    last = reported[-1]
    assert last.resumed_at == state.position.words > 0
    assert last.seconds < 60.0
    assert last.words_per_second == (800 - state.position.words) / last.seconds


# Runs that are stopped


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("after", [0, 3, 5])
def test_a_run_stops_after_the_batch(after: int, workers: int, kind_of_workers: None) -> None:
    """Or before the first one; it is what it is then, and can go on."""
    vocabulary, corpus = small()
    settings = options(workers=workers)
    whole, states = kept_run((vocabulary, corpus), settings)
    keeper = Keeper()

    def stop(run: Run) -> None:
        if run.position.steps == after:
            run.stop("enough")
            run.stop("not this")

    told: list[Any] = []
    callbacks = [
        keeper,
        SimpleNamespace(on_train_begin=stop, on_batch_end=stop),
        listener(told, only=["on_train_end"]),
    ]
    result = train(corpus, vocabulary, settings, callbacks=callbacks)
    assert (result.stopped, result.words) == ("enough", states[after].position.words)
    assert result.losses == states[after].losses
    assert len(keeper.states) == after + 1
    assert told == ["on_train_end"]
    np.testing.assert_array_equal(result.w_in, states[after].arrays["input"])
    np.testing.assert_array_equal(result.w_out, states[after].arrays["output"])
    check_same(train(corpus, vocabulary, settings, start=keeper.states[-1]), whole)


def test_a_run_that_is_not_stopped() -> None:
    vocabulary, corpus = small()
    result = train(corpus, vocabulary, options())
    assert (result.stopped, result.words, result.evaluations) == (None, 800, ())


# Runs that are interrupted


@every_optimizer
@every_model
def test_a_run_goes_on_from_anywhere(model: str, optimizer: str, only_threads: None) -> None:
    """With whatever number of workers: not a bit differs from a run that was not interrupted."""
    corpus = small()
    settings = options(model, optimizer=optimizer, sample=0.02)
    expected, states = kept_run(corpus, settings)
    borders = {(state.position.epoch, state.position.chunk) for state in states}
    assert borders == {(epoch, chunk) for epoch in range(2) for chunk in range(3)} | {(2, 0)}
    assert len(states) > 12
    # Every second place, the others with another optimizer.
    for number in range(OPTIMIZERS.index(optimizer) % 2, len(states), 2):
        state = states[number]
        changed = replace(settings, workers=(1, 2, 1, 3)[number // 2 % 4])
        check_same(train(corpus[1], corpus[0], changed, start=state), expected)


@every_model
def test_a_run_that_is_interrupted_after_every_batch(model: str) -> None:
    corpus = small(200)
    settings = options(model, optimizer="adam")
    expected, states = kept_run(corpus, settings)
    state, result = states[0], None
    for number in range(1, len(states) + 1):
        keeper = Keeper()
        stop = SimpleNamespace(on_batch_end=lambda run: run.stop("interrupted"))
        changed = replace(settings, workers=(1, 2, 1, 1, 3)[number % 5])
        result = train(corpus[1], corpus[0], changed, start=state, callbacks=[keeper, stop])
        state = keeper.states[-1]
        assert state.position == states[min(number, len(states) - 1)].position
        assert state.losses == states[min(number, len(states) - 1)].losses
    assert result is not None
    check_same(result, expected)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 2)])
def test_processes_go_on_where_others_stopped(before: int, after: int) -> None:
    corpus = small()
    expected, states = kept_run(corpus, options("cbow-block", optimizer="adagrad", workers=before))
    changed = options("cbow-block", optimizer="adagrad", workers=after)
    for state in states[::3]:
        check_same(train(corpus[1], corpus[0], changed, start=state), expected)


@every_model
@pytest.mark.parametrize("before", ["here", "there"])
def test_other_devices_go_on_with_what_they_are_given(
    model: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From states of theirs to the last bit, and from ours to what rounding makes of it."""
    corpus = small(200)
    settings = options(model, optimizer="adam", alpha=0.01)
    if before == "here":
        expected, states = kept_run(corpus, settings)
    stand_in(array_api_strict if before == "there" else numpy_namespace, monkeypatch)
    if before == "there":
        expected, states = kept_run(corpus, settings)
    for state in (states[1], states[3], states[-1]):
        result = train(corpus[1], corpus[0], settings, start=state)
        assert [record.words for record in result.losses] == [r.words for r in expected.losses]
        if before == "there":
            check_same(result, expected)
        else:
            np.testing.assert_allclose(result.w_in, expected.w_in, rtol=0, atol=1e-3)
            np.testing.assert_allclose(result.w_out, expected.w_out, rtol=0, atol=1e-3)


@pytest.mark.parametrize("seed", [1, 3])
@pytest.mark.parametrize("model", ["pair", "block", "cbow-paths", "softmax"])
def test_corpora_of_which_chunks_vanish(model: str, seed: int, only_threads: None) -> None:
    """Subsampling leaves a word here and there."""
    corpus = random_corpus(400, 40)
    settings = options(model, sample=1e-6, epochs=6, seed=seed)
    expected, states = kept_run(corpus, settings)
    assert expected.words == 2400
    assert 1 < len({(state.position.epoch, state.position.chunk) for state in states}) < 18
    for number, state in enumerate(states):
        changed = replace(settings, workers=number % 2 + 1)
        check_same(train(corpus[1], corpus[0], changed, start=state), expected)


def test_a_run_without_batches_goes_on() -> None:
    corpus = random_corpus(400, 2)
    told: list[Any] = []
    settings = options(sample=1e-300)
    expected, states = kept_run(corpus, settings)
    assert (len(states), expected.words, expected.losses) == (1, 800, ())
    end = replace(states[0], position=Position(epoch=2, words=800))
    for state in (states[0], end):
        result = train(corpus[1], corpus[0], settings, start=state, callbacks=[listener(told)])
        check_same(result, expected)
    epoch = ["on_epoch_begin", "on_epoch_end"]
    assert told[:6] == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert told[6:] == ["on_train_begin", "on_train_end"]


# Runs that are given more epochs


@every_model
def test_more_epochs(model: str) -> None:
    """Only those to come, at the rates of a run that had them from the beginning."""
    corpus = small()
    _, states = kept_run(corpus, options(model))
    longer = options(model, epochs=4)
    reported: list[Progress] = []
    told: list[Any] = []
    result = train(
        corpus[1],
        corpus[0],
        longer,
        start=states[-1],
        callbacks=[listener(told, "a")],
        on_progress=reported.append,
    )
    assert [progress.words for progress in reported[:1]] == [800]
    assert {progress.epoch for progress in reported} == {3, 4}
    for progress in reported:
        assert progress.alpha == learning_rate(longer, progress.words / 1600)
    begun = [position for _, event, position in told if event == "on_epoch_begin"]
    assert [(position.epoch, position.words) for position in begun] == [(2, 800), (3, 1200)]
    assert result.words == 1600
    assert result.losses[: len(states[-1].losses)] == states[-1].losses
    assert all(record.words >= 800 for record in result.losses[len(states[-1].losses) :])
    assert (result.w_in != states[-1].arrays["input"]).any(axis=1).all()


@every_model
def test_more_epochs_at_a_constant_rate_are_those_of_a_longer_run(model: str) -> None:
    corpus = small()
    short, long = (options(model, epochs=epochs, schedule="constant") for epochs in (2, 4))
    expected = train(corpus[1], corpus[0], long)
    _, states = kept_run(corpus, short)
    for state in (states[-1], states[3]):
        check_same(train(corpus[1], corpus[0], long, start=state), expected)

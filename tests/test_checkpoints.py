"""Runs that are kept: resumed, they end as if nothing had happened, or say why they cannot."""

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.formats.test_checkpoints import sealed, tree
from tests.synthetic import random_corpus
from tests.training.test_trainer import MODELS, SMALL_BLOCKS, config, every_model
from xw2v.checkpoints import Checkpointing, TrainingInterruptedError, interval_of
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, ModelFileError, NewerFormatError, TrainingError
from xw2v.formats import SavedModel, load_model
from xw2v.formats.checkpoints import checkpoint_names, load_checkpoint, read_record
from xw2v.model import train_model
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training import Callback, InitialVectors, Run, RunState, train
from xw2v.training.evaluating import EarlyStopping, Evaluator
from xw2v.training.intervals import Interval

pytestmark = pytest.mark.usefixtures("no_waiting_for_ever")

EVERY_WORDS = 90
EPOCHS = 2
N_WORDS = 400


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three chunks, batches of several parts, a loss of every other batch; no waiting."""
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 150)
    monkeypatch.setattr("xw2v.training.plan._BATCHES_A_LOSS", 2)
    monkeypatch.setattr("xw2v.training.plan._LOSSES_A_RUN", 2)
    monkeypatch.setattr("xw2v.training.choices._PART_WORDS", 16)
    monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", 16)
    monkeypatch.setattr("xw2v.backend.team._can_fork", lambda: False)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class KilledError(Exception):
    """Ends a run as a crash would."""


class Killer(Callback):
    """Ends a run after so many batches, before anybody else hears of them."""

    def __init__(self, batches: int) -> None:
        self._left = batches

    def on_batch_end(self, run: Run) -> None:
        self._left -= 1
        if self._left == 0:
            raise KilledError


class Keeper(Callback):
    """Keeps the state at the end, and counts batches."""

    batches = 0
    state: RunState

    def on_batch_end(self, run: Run) -> None:
        self.batches += 1

    def on_train_end(self, run: Run) -> None:
        state = run.state()
        copies = {name: array.copy() for name, array in state.arrays.items()}
        self.state = replace(state, arrays=copies)


Corpus = tuple[Vocabulary, EncodedCorpus]
CORPUS = random_corpus(N_WORDS, 40, sentence=(1, 30, 7, 90))


def options(model: str = "block", **more: Any) -> TrainingConfig:
    return config(model, **{"batch_words": 40, "epochs": EPOCHS, **SMALL_BLOCKS, **more})


def kept(
    path: Path,
    settings: TrainingConfig | None = None,
    *,
    corpus: Corpus = CORPUS,
    initial: InitialVectors | None = None,
    callbacks: Any = (),
    **checkpointing: Any,
) -> SavedModel:
    """Train with checkpoints in a directory; what is said and what is warned of goes together."""
    if "say" in checkpointing:
        checkpointing["warn"] = checkpointing["say"]
    return train_model(
        *corpus,
        settings or options(),
        initial=initial,
        callbacks=callbacks,
        checkpointing=Checkpointing(directory=path, **{"every": EVERY_WORDS, **checkpointing}),
    )


def killed(path: Path, batches: int, *arguments: Any, callbacks: Any = (), **more: Any) -> None:
    with pytest.raises(KilledError):
        kept(path, *arguments, callbacks=[*callbacks, Killer(batches)], **more)


def begun(path: Path, settings: TrainingConfig | None = None, **more: Any) -> None:
    """Begin a run and end it in the second chunk of the second epoch."""
    asked = [False]

    def ask(run: Run) -> None:
        asked[0] = (run.position.epoch, run.position.chunk, run.position.batch) == (1, 1, 2)

    with pytest.raises(TrainingInterruptedError):
        kept(
            path,
            settings,
            callbacks=[SimpleNamespace(on_batch_end=ask)],
            interrupted=lambda: asked[0],
            **{"every": "epoch", **more},
        )
    assert len(checkpoint_names(path)) == 2


def newest(path: Path) -> Path:
    return path / checkpoint_names(path)[-1]


def check_same(model: SavedModel, expected: SavedModel) -> None:
    np.testing.assert_array_equal(model.input_vectors, expected.input_vectors)
    np.testing.assert_array_equal(model.output_vectors, expected.output_vectors)
    assert model.loss_history == expected.loss_history
    for name in ("evaluations", "stopped", "trained_epochs"):
        assert model.corpus.get(name) == expected.corpus.get(name)


# Runs that are killed


@pytest.mark.parametrize(
    "optimizer",
    [*(pytest.param(name, marks=pytest.mark.slow) for name in ("sgd", "adagrad")), "adam"],
)
@every_model
def test_nothing_differs_after_being_killed(tmp_path: Path, model: str, optimizer: str) -> None:
    """Twice or thrice, at any batch, with other numbers of workers, with evaluations."""
    rng = random.Random(f"{model} {optimizer}")
    settings = options(model, optimizer=optimizer, sample=0.02)
    expected = train_model(*CORPUS, settings, callbacks=[Evaluator(130)])
    assert len(expected.corpus["evaluations"]) > 4
    resumed: list[str] = []
    for kill in range(rng.randint(2, 3)):
        killed(
            tmp_path,
            rng.randint(4, 6),
            replace(settings, workers=rng.choice([1, 2, 3])),
            callbacks=[Evaluator(130)],
            every=rng.choice([EVERY_WORDS, 60]),
            resume=kill > 0,
            say=resumed.append,
        )
    last = kept(
        tmp_path,
        replace(settings, workers=rng.choice([1, 2])),
        callbacks=[Evaluator(130)],
        resume=True,
        say=resumed.append,
    )
    check_same(last, expected)
    assert resumed


@pytest.mark.parametrize("batch", range(1, 20))
def test_a_run_resumes_after_any_batch(tmp_path: Path, batch: int) -> None:
    """With a checkpoint of every batch, only the one that was killed is made again."""
    expected = train_model(*CORPUS, options(optimizer="adam"))
    killed(tmp_path, batch, options(optimizer="adam"), every=1)
    keeper = Keeper()
    model = kept(tmp_path, options(optimizer="adam"), resume=True, callbacks=[keeper])
    check_same(model, expected)
    n_batches = read_record(newest(tmp_path))["position"]["steps"]
    assert keeper.batches == n_batches - (batch - 1)


def test_a_run_that_is_interrupted_each_time(tmp_path: Path) -> None:
    """It ends all the same, and nothing differs."""
    settings = options("cbow-paths", optimizer="adagrad")
    expected = train_model(*CORPUS, settings)
    for times in range(1, 13):
        with pytest.raises(TrainingInterruptedError) as interrupted:
            kept(tmp_path, settings, every=None, resume=times > 1, interrupted=lambda: True)
        path = interrupted.value.path
        assert path == newest(tmp_path) == tmp_path / f"checkpoint-{times:06}"
        assert str(interrupted.value) == f"training was interrupted; {path} holds it"
        assert read_record(path)["position"]["steps"] == times
    check_same(kept(tmp_path, settings, every=None, resume=True), expected)


def test_damaged_checkpoints_are_passed_over(tmp_path: Path) -> None:
    expected = train_model(*CORPUS, options(optimizer="adam"))
    killed(tmp_path, 14, options(optimizer="adam"), keep=3)
    for name in checkpoint_names(tmp_path)[1:]:
        file = tmp_path / name / "state.safetensors"
        file.write_bytes(file.read_bytes()[:-1])
    said: list[str] = []
    model = kept(tmp_path, options(optimizer="adam"), resume=True, say=said.append)
    check_same(model, expected)
    assert [line.partition(" /")[0] for line in said] == ["passing over"] * 2 + ["resuming at"]


@pytest.mark.parametrize("resume", [True, False])
def test_checkpoints_without_which_a_run_begins_anew(tmp_path: Path, resume: bool) -> None:
    said: list[str] = []
    model = kept(tmp_path / "deep/run", resume=resume, say=said.append)
    check_same(model, train_model(*CORPUS, options()))
    assert said == []


def test_all_checkpoints_are_damaged(tmp_path: Path) -> None:
    begun(tmp_path)
    for name in checkpoint_names(tmp_path):
        (tmp_path / name / "SHA256SUMS").unlink()
    said: list[str] = []
    check_same(kept(tmp_path, resume=True, say=said.append), train_model(*CORPUS, options()))
    assert [line.partition(" /")[0] for line in said] == ["passing over"] * 2
    said.clear()
    kept(tmp_path, resume=True, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("resuming at ")


# When checkpoints are written


class Lister(Callback):
    """Looks, before each batch ends, at what the batch before has written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seen: list[list[str]] = []

    def on_batch_end(self, run: Run) -> None:
        self.seen.append(checkpoint_names(self._path))


@pytest.mark.parametrize("keep", [1, 2, 5, 1000])
def test_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    lister = Lister(tmp_path)
    kept(tmp_path, keep=keep, callbacks=[lister])
    for seen in lister.seen:
        assert len(seen) <= keep
    names = checkpoint_names(tmp_path)
    total = EPOCHS * N_WORDS // EVERY_WORDS + 1  # that of the end as well
    assert len(names) == min(keep, total)
    assert names[-1] == f"checkpoint-{total:06}"
    assert names == sorted(names)
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def positions(path: Path) -> list[dict[str, int]]:
    return [read_record(path / name)["position"] for name in checkpoint_names(path)]


def test_each_epoch(tmp_path: Path) -> None:
    kept(tmp_path, every="epoch", keep=9)
    found = positions(tmp_path)
    assert [(one["epoch"], one["chunk"], one["batch"], one["words"]) for one in found] == [
        (1, 0, 0, N_WORDS),
        (2, 0, 0, 2 * N_WORDS),
    ]


def test_each_so_many_words(tmp_path: Path) -> None:
    kept(tmp_path, every=EVERY_WORDS, keep=99)
    words = [one["words"] for one in positions(tmp_path)]
    numbers = [number // EVERY_WORDS for number in words]
    assert numbers[:-1] == list(range(1, EPOCHS * N_WORDS // EVERY_WORDS + 1))
    assert words[-1] == EPOCHS * N_WORDS


@pytest.mark.parametrize("every", ["1000000h", 10**9])
def test_the_last_one_is_written_anyway(tmp_path: Path, every: Any) -> None:
    model = kept(tmp_path, every=every)
    assert len(checkpoint_names(tmp_path)) == 1
    inside = load_model(newest(tmp_path) / "model")
    check_same(inside, replace(model, corpus=inside.corpus))
    assert inside.corpus["trained_epochs"] == EPOCHS


def test_each_so_many_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that a batch takes 4 ms of."""
    now = [0.0]
    monkeypatch.setattr("xw2v.training.intervals.time.monotonic", lambda: now[0])

    class Clock(Callback):
        def on_batch_end(self, run: Run) -> None:
            now[0] += 0.004

    kept(tmp_path, every="0.01s", keep=99, callbacks=[Clock()])
    steps = [one["steps"] for one in positions(tmp_path)]
    assert steps[:-1] == list(range(3, steps[-1], 3))


def test_none_is_written_unless_interrupted(tmp_path: Path) -> None:
    kept(tmp_path / "run", every=None)
    assert not (tmp_path / "run").exists()


def test_the_interval_is_remembered(tmp_path: Path) -> None:
    assert interval_of(tmp_path) is None
    begun(tmp_path, every=EVERY_WORDS, keep=2)
    assert interval_of(tmp_path) == str(EVERY_WORDS)
    before = checkpoint_names(tmp_path)
    kept(tmp_path, every=None, resume=True, keep=99)
    assert len(checkpoint_names(tmp_path)) > len(before) + 1
    assert interval_of(tmp_path) == str(EVERY_WORDS)


@pytest.mark.parametrize("every", ["300h", "0.00001s", "1234567.25s", "epoch", "7"])
def test_every_interval_is_remembered(tmp_path: Path, every: str) -> None:
    kept(tmp_path, every=every, keep=1)
    remembered = interval_of(tmp_path)
    assert remembered is not None
    assert Interval.parse(remembered) == Interval.parse(every)


@pytest.mark.parametrize("every", [7.5, "often", [], {"words": 3}, 10**400], ids=repr)
def test_intervals_that_nobody_asked_for(tmp_path: Path, every: object) -> None:
    kept(tmp_path, keep=1)
    change_record(newest(tmp_path), every=every)
    assert interval_of(tmp_path) is None


def test_an_interrupt_leaves_no_interval(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterruptedError):
        kept(tmp_path, every=None, interrupted=lambda: True)
    assert len(checkpoint_names(tmp_path)) == 1
    assert interval_of(tmp_path) is None


# What cannot be written


def test_training_goes_on_without_checkpoints(tmp_path: Path) -> None:
    """Also where it was to be interrupted, as it would be lost."""
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    model = kept(tmp_path / "file", say=said.append)
    check_same(model, train_model(*CORPUS, options()))
    assert len(said) == EPOCHS * N_WORDS // EVERY_WORDS + 1
    assert all(line.startswith(f"no checkpoint: cannot write {tmp_path}") for line in said)
    said.clear()
    model = kept(tmp_path / "file", every=None, interrupted=lambda: True, say=said.append)
    check_same(model, train_model(*CORPUS, options()))
    assert said[1:] == ["training goes on, so that nothing is lost"]


def test_the_others_stay_where_no_more_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path)
    before = tree(tmp_path)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xw2v.formats.checkpoints.write_sums", full)
    said: list[str] = []
    model = kept(tmp_path, resume=True, say=said.append)
    check_same(model, train_model(*CORPUS, options()))
    assert "No space left on device" in said[-1]
    assert tree(tmp_path) == before


@pytest.mark.filterwarnings("ignore:(invalid|overflow).*:RuntimeWarning")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_that_diverges_stops(tmp_path: Path, optimizer: str) -> None:
    """At the next checkpoint, and the one before it stays."""

    class Diverge(Callback):
        def on_batch_end(self, run: Run) -> None:
            if run.position.steps == 8:
                arrays = run.state().arrays
                arrays["output" if optimizer == "sgd" else "input.squares"][3, 1] = np.inf

    message = r"training has diverged after 0\.\d\d epochs: the vectors hold NaN or infinity"
    with pytest.raises(TrainingError, match=message):
        kept(tmp_path, options(optimizer=optimizer), callbacks=[Diverge()])
    assert load_checkpoint(newest(tmp_path)).record["position"]["steps"] < 8


# Checkpoints of earlier runs


def test_an_earlier_run_is_not_lost(tmp_path: Path) -> None:
    begun(tmp_path)
    with pytest.raises(ModelFileError, match=r"holds the checkpoints of an earlier run; go on"):
        Checkpointing(directory=tmp_path).check()
    Checkpointing(directory=tmp_path, resume=True).check()
    Checkpointing(directory=tmp_path, overwrite=True).check()
    Checkpointing(directory=tmp_path / "nowhere").check()


def test_an_earlier_run_stays_until_there_is_something_better(tmp_path: Path) -> None:
    begun(tmp_path)
    before = checkpoint_names(tmp_path)
    lister = Lister(tmp_path)
    settings = options(seed=5)
    model = kept(tmp_path, settings, overwrite=True, keep=3, callbacks=[lister])
    check_same(model, train_model(*CORPUS, settings))
    assert lister.seen[0] == lister.seen[1] == before
    new = [seen for seen in lister.seen if seen != before]
    assert new
    assert all(set(seen).isdisjoint(before) for seen in new)
    check_same(kept(tmp_path, settings, resume=True), model)


def test_an_earlier_run_goes_at_the_end_of_one_without_checkpoints(tmp_path: Path) -> None:
    """It would be resumed else, though another one has taken its place."""
    begun(tmp_path)
    kept(tmp_path, options(seed=5), every=None, overwrite=True)
    assert checkpoint_names(tmp_path) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"keep": 0}, "keep must be at least 1 checkpoint, not 0"),
        ({"keep": "2"}, "keep must be at least 1 checkpoint, not '2'"),
        ({"every": "often"}, "checkpoint_every must be a number of words, a time such as '10m'"),
        ({"every": 0}, "checkpoint_every must be a number of words"),
        ({"every": -5}, "checkpoint_every must be a number of words"),
    ],
    ids=str,
)
def test_settings_that_cannot_work(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Checkpointing(directory="run", **values)


# More and fewer epochs


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_more_epochs_go_on_from_the_end(tmp_path: Path, optimizer: str) -> None:
    """As `train` does from the state there, with the learning rates of the longer run."""
    keeper = Keeper()
    short, long = options(optimizer=optimizer), options(optimizer=optimizer, epochs=EPOCHS + 2)
    kept(tmp_path, short, callbacks=[keeper])
    expected = train(CORPUS[1], CORPUS[0], long, start=keeper.state)
    model = kept(tmp_path, long, resume=True)
    np.testing.assert_array_equal(model.input_vectors, expected.w_in)
    np.testing.assert_array_equal(model.output_vectors, expected.w_out)
    assert model.loss_history == tuple(map(asdict, expected.losses))
    assert model.config == long
    assert positions(tmp_path)[-1]["words"] == (EPOCHS + 2) * N_WORDS
    with pytest.raises(ConfigError, match=r"since epochs \(4, now 2\) changed: leave that"):
        kept(tmp_path, short, resume=True)


def test_a_run_that_had_ended_has_nothing_to_do(tmp_path: Path) -> None:
    model = kept(tmp_path)
    before = tree(tmp_path)
    keeper = Keeper()
    check_same(kept(tmp_path, resume=True, callbacks=[keeper]), model)
    assert keeper.batches == 0
    assert tree(tmp_path) == before


def stopping(patience: int) -> list[Callback]:
    return [Evaluator(60), EarlyStopping(patience, min_delta=10.0)]


def test_a_run_that_was_stopped_stays_stopped(tmp_path: Path) -> None:
    model = kept(tmp_path, callbacks=stopping(2))
    assert model.corpus["stopped"].startswith("no better evaluation")
    assert model.corpus["trained_epochs"] < 1
    assert positions(tmp_path)[-1]["words"] == model.corpus["trained_epochs"] * N_WORDS
    check_same(kept(tmp_path, resume=True, callbacks=stopping(2)), model)
    patient = kept(tmp_path, resume=True, callbacks=stopping(4))
    assert patient.corpus["trained_epochs"] > model.corpus["trained_epochs"]
    check_same(patient, train_model(*CORPUS, options(), callbacks=stopping(4)))
    without = kept(tmp_path, resume=True)
    assert "stopped" not in without.corpus
    np.testing.assert_array_equal(
        without.input_vectors, train_model(*CORPUS, options()).input_vectors
    )


def test_the_time_adds_up(tmp_path: Path) -> None:
    begun(tmp_path)
    change_record(newest(tmp_path), seconds=1000.0)
    model = kept(tmp_path, resume=True)
    assert 1000 < model.corpus["training_seconds"] < 1060


# What has changed

CHANGES: dict[str, Any] = {
    "window": 3,
    "shrink_windows": False,
    "negative": 3,
    "ns_exponent": 0.5,
    "sample": 0.01,
    "schedule": "constant",
    "alpha": 0.01,
    "min_alpha": 0.001,
    "seed": 2,
    "batch_words": 50,
    "block_size": 8,
    "shared_negatives": 8,
    "group_blocks": 1,
    "interleave": 1,
    "damping": 0.5,
    "frozen": ("w3",),
    "model": "cbow",
    "cbow_mean": False,
    "cbow_gradient": "exact",
    "negatives_per": "pair",
    "epochs": 1,
}
IMPOSSIBLE: dict[str, Any] = {"vector_size": 9, "output": "softmax", "optimizer": "adam"}
HARMLESS: dict[str, Any] = {
    "workers": 2,
    "vectors": "mean",
    "device": "auto",
    "device_share": 0.5,
    "deterministic": True,
    "min_count": 7,
    "max_final_vocab": 40,
    "epochs": EPOCHS + 1,
}
PAIRWISE = {"negatives_exclude_positive": True, "negatives_without_replacement": True}


def test_every_option_is_one_of_these() -> None:
    names = {*CHANGES, *IMPOSSIBLE, *HARMLESS, *PAIRWISE}
    assert names == set(options().to_dict())


@pytest.mark.parametrize("name", CHANGES)
def test_options_that_matter(tmp_path: Path, name: str) -> None:
    begun(tmp_path)
    before = tree(tmp_path)
    # (Another model has another rate by default.)
    changed = replace(options(), **{name: CHANGES[name]})
    with pytest.raises(ConfigError) as refused:
        kept(tmp_path, changed, resume=True)
    old, new = getattr(options(), name), getattr(changed, name)
    assert str(refused.value) == (
        f"{newest(tmp_path)} cannot be resumed, since {name} ({old}, now {new}) changed: leave "
        "that as it was, or resume all the same with --allow-changed"
    )
    assert tree(tmp_path) == before
    said: list[str] = []
    model = kept(tmp_path, changed, resume=True, allow_changed=True, say=said.append)
    assert said[0] == f"resuming although {name} ({old}, now {new}) changed"
    assert np.isfinite(model.input_vectors).all()
    assert model.config == changed


@pytest.mark.parametrize("name", PAIRWISE)
def test_options_of_pairs_that_matter(tmp_path: Path, name: str) -> None:
    begun(tmp_path, options("pair"))
    with pytest.raises(ConfigError, match=rf"since {name} \(False, now True\) changed"):
        kept(tmp_path, options("pair", **{name: True}), resume=True)


@pytest.mark.parametrize("allow", [True, False])
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_options_that_must_stay(tmp_path: Path, name: str, allow: bool) -> None:
    begun(tmp_path)
    old, new = getattr(options(), name), IMPOSSIBLE[name]
    changed = options(**{name: new})
    with pytest.raises(ConfigError, match=rf"cannot be resumed: {name} was {old!r}, not {new!r}"):
        kept(tmp_path, changed, resume=True, allow_changed=allow)


@pytest.mark.parametrize("name", HARMLESS)
def test_options_that_do_not_matter(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path)
    changed = options(**{name: HARMLESS[name]})
    model = kept(tmp_path, changed, resume=True)
    assert model.config == changed
    if name != "epochs":
        check_same(model, train_model(*CORPUS, options()))


def test_several_changes_are_listed(tmp_path: Path) -> None:
    begun(tmp_path)
    message = r"since window \(5, now 3\), seed \(1, now 2\) and damping \(0.2, now 0.0\) changed"
    with pytest.raises(ConfigError, match=message):
        kept(tmp_path, options(window=3, seed=2, damping=0.0), resume=True)


def shuffled(corpus: Corpus, n_words: int | None = None) -> Corpus:
    """The same vocabulary, another text."""
    ids = np.random.default_rng(5).permutation(np.resize(corpus[1].ids, n_words or N_WORDS))
    starts = np.array([0, 11, ids.size])
    return corpus[0], EncodedCorpus(ids.astype(np.int32), starts, ids.size)


@pytest.mark.parametrize("n_words", [100, N_WORDS, 1000])
def test_another_text(tmp_path: Path, n_words: int) -> None:
    """Of whatever length: it is trained from the beginning of an epoch."""
    begun(tmp_path)
    other = shuffled(CORPUS, n_words)
    with pytest.raises(ConfigError, match=r"cannot be resumed, since the text changed: leave"):
        kept(tmp_path, corpus=other, resume=True)
    progress: list[Any] = []
    said: list[str] = []
    checkpointing = Checkpointing(
        directory=tmp_path, every="epoch", resume=True, allow_changed=True, say=said.append
    )
    model = train_model(*other, options(), checkpointing=checkpointing, on_progress=progress.append)
    assert said[0] == "resuming although the text changed"
    assert said[1].endswith("after 1.00 epochs")
    assert progress[0].words == n_words
    assert all(one.resumed_at == n_words for one in progress)
    assert progress[-1].words == progress[-1].total_words == 2 * n_words
    epochs = [record["epoch"] for record in model.loss_history]
    assert epochs == sorted(epochs)
    assert epochs[-1] > 1
    check_same(kept(tmp_path, corpus=other, resume=True), model)


def test_another_text_after_the_end(tmp_path: Path) -> None:
    kept(tmp_path)
    other = shuffled(CORPUS, 1000)
    checkpointing: dict[str, Any] = {"resume": True, "allow_changed": True}
    progress: list[Any] = []
    settings = options(epochs=EPOCHS + 1)
    model = train_model(
        *other,
        settings,
        checkpointing=Checkpointing(directory=tmp_path, **checkpointing),
        on_progress=progress.append,
    )
    assert progress[0].words == EPOCHS * 1000
    assert model.config.epochs == EPOCHS + 1
    assert positions(tmp_path)[-1]["words"] == (EPOCHS + 1) * 1000


def test_other_batches_begin_with_the_chunk(tmp_path: Path) -> None:
    """And what was measured in it before is forgotten."""
    begun(tmp_path)
    place = read_record(newest(tmp_path))["position"]
    begins = N_WORDS + N_WORDS // 3
    assert place["words"] > begins
    progress: list[Any] = []
    checkpointing = Checkpointing(
        directory=tmp_path, every=1, keep=1, resume=True, allow_changed=True
    )
    model = train_model(
        *CORPUS,
        options(batch_words=50),
        callbacks=[Evaluator(60)],
        checkpointing=checkpointing,
        on_progress=progress.append,
    )
    assert progress[0].words == begins
    assert all(one.words_per_second >= 0 for one in progress)
    words = [record["words"] for record in model.loss_history]
    assert words == sorted(set(words))
    evaluated = [one["words"] for one in model.corpus["evaluations"]]
    assert evaluated == sorted(set(evaluated))
    assert kept(tmp_path, options(batch_words=50), resume=True).loss_history == model.loss_history


def test_other_counts(tmp_path: Path) -> None:
    """Of the same words; then it says which options about the vocabulary changed, too."""
    begun(tmp_path)
    vocabulary = Vocabulary(CORPUS[0].words, CORPUS[0].counts + 1)
    message = r"since the counts of words and min_count \(1, now 3\) changed: leave that"
    with pytest.raises(ConfigError, match=message):
        kept(tmp_path, options(min_count=3), corpus=(vocabulary, CORPUS[1]), resume=True)
    kept(tmp_path, corpus=(vocabulary, CORPUS[1]), resume=True, allow_changed=True)


@pytest.mark.parametrize("allow", [True, False])
@pytest.mark.parametrize("words", ["others", "more"])
def test_other_words(tmp_path: Path, words: str, allow: bool) -> None:
    begun(tmp_path)
    names = CORPUS[0].words
    counts = CORPUS[0].counts
    if words == "more":
        vocabulary = Vocabulary((*names, "new"), np.append(counts, 1))
    else:
        vocabulary = Vocabulary(("new", *names[1:]), counts)
    message = rf"its vocabulary has 40 words .* {len(vocabulary)} words; .*--init"
    with pytest.raises(ConfigError, match=message):
        kept(tmp_path, corpus=(vocabulary, CORPUS[1]), resume=True, allow_changed=allow)


def given(value: float = 0.1, frozen: bool = False) -> InitialVectors:
    return InitialVectors(np.array([2, 7]), np.full((2, 8), value, np.float32), frozen=frozen)


@pytest.mark.parametrize("frozen", [True, False])
def test_initial_vectors_are_part_of_a_run(tmp_path: Path, frozen: bool) -> None:
    initial = given(frozen=frozen)
    expected = train_model(*CORPUS, options(), initial=initial)
    begun(tmp_path, initial=initial)
    check_same(kept(tmp_path, initial=given(frozen=frozen), resume=True), expected)
    for other in (None, given(0.2, frozen), given(frozen=not frozen)):
        with pytest.raises(ConfigError, match="since the initial vectors changed"):
            kept(tmp_path, initial=other, resume=True)


def test_another_kind_of_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path)
    record = read_record(newest(tmp_path))
    assert record["run"]["device"] == "cpu"
    change_record(newest(tmp_path), run={**record["run"], "device": "cuda"})
    with pytest.raises(ConfigError, match=r"since device \(cuda, now cpu\) changed"):
        kept(tmp_path, resume=True)
    said: list[str] = []
    kept(tmp_path, resume=True, allow_changed=True, say=said.append)
    assert said[0] == "resuming although device (cuda, now cpu) changed"


def test_other_versions_are_told(tmp_path: Path) -> None:
    begun(tmp_path)
    change_record(newest(tmp_path), versions={"xw2v": "0.0.1", "numpy": "1.99", "machine": "vax"})
    said: list[str] = []
    check_same(kept(tmp_path, resume=True, say=said.append), train_model(*CORPUS, options()))
    assert len(said) == 2
    path = tmp_path / "checkpoint-000002"
    assert said[0].startswith(f"{path} was written with xw2v 0.0.1, numpy 1.99, machine vax, this")
    assert f"numpy {np.__version__}" in said[0]
    assert said[0].endswith("may differ from those of an uninterrupted run")


# What cannot be


def change_record(path: Path, **changes: Any) -> None:
    file = path / "checkpoint.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **changes}))
    sealed(path)


def refused(path: Path, message: str) -> None:
    """Check that a run is not resumed, and that the checkpoint stays."""
    before = tree(path)
    for allow in (False, True):
        with pytest.raises(ModelFileError, match=message):
            kept(path, options(optimizer="adam"), resume=True, allow_changed=allow)
    assert tree(path) == before


@pytest.fixture
def adam(tmp_path: Path) -> Path:
    """Make the checkpoints of a run of Adam."""
    begun(tmp_path, options(optimizer="adam"))
    return tmp_path


PLACES: dict[str, dict[str, Any]] = {
    "epoch below 0": {"epoch": -1},
    "epoch beyond the last": {"epoch": EPOCHS + 1},
    "epoch of 10**30": {"epoch": 10**30},
    "a chunk that is not there": {"chunk": 3},
    "a chunk of 10**30": {"chunk": 10**30},
    "a chunk below 0": {"chunk": -1},
    "a batch that is not there": {"batch": 134},
    "a batch below 0": {"batch": -1},
    "words below 0": {"words": -1},
    "words of another chunk": {"words": 0},
    "words beyond the end": {"words": 10**12},
    "steps below 0": {"steps": -1},
    "steps of 10**30": {"steps": 10**30},
    "the first batch, later": {"batch": 0},
    "the end, later": {"epoch": EPOCHS},
    "half a batch": {"batch": 1.5},
    "a float": {"epoch": 1.0},
    "yes": {"chunk": True},
    "text": {"words": "many"},
    "nothing": {"words": None},
}


@pytest.mark.parametrize("trouble", PLACES)
def test_places_that_are_not_in_the_run(adam: Path, trouble: str) -> None:
    place = read_record(newest(adam))["position"]
    change_record(newest(adam), position={**place, **PLACES[trouble]})
    refused(adam, r"checkpoint\.json is damaged: ")


RECORDS: dict[str, dict[str, Any]] = {
    "no place": {"position": None},
    "a place of nothing": {"position": {}},
    "a list for a place": {"position": [1, 2, 3]},
    "seconds below nothing": {"seconds": None},
    "seconds of text": {"seconds": "1"},
    "seconds of 10**400": {"seconds": 10**400},
    "evaluations of text": {"evaluations": "good"},
    "an evaluation of nothing": {"evaluations": [{}]},
    "no evaluation": {"evaluations": [None]},
    "an evaluation of text": {
        "evaluations": [{"words": "1", "epoch": 0.1, "score": 0, "parts": {}}]
    },
    "parts of text": {"evaluations": [{"words": 1, "epoch": 0.1, "score": 0, "parts": {"a": "b"}}]},
    "a list for parts": {"evaluations": [{"words": 1, "epoch": 0.1, "score": 0, "parts": [1]}]},
    "no run": {"run": None},
    "a run of nothing": {"run": {}},
    "a list for a run": {"run": ["text"]},
    "no versions": {"versions": 3},
}


@pytest.mark.parametrize("trouble", RECORDS)
def test_records_that_say_nothing(adam: Path, trouble: str) -> None:
    change_record(newest(adam), **RECORDS[trouble])
    refused(adam, r"checkpoint\.json is damaged: ")


@pytest.mark.parametrize("name", ["position", "seconds", "evaluations", "run", "versions"])
def test_records_that_lack_something(adam: Path, name: str) -> None:
    file = newest(adam) / "checkpoint.json"
    record = json.loads(file.read_bytes())
    del record[name]
    file.write_text(json.dumps(record))
    sealed(newest(adam))
    refused(adam, rf"checkpoint\.json is damaged: it has no '{name}'")


Arrays = dict[str, np.ndarray]
STATES: dict[str, Callable[[Arrays], Arrays]] = {
    "nothing": lambda arrays: {},
    "one is lacking": lambda arrays: {k: v for k, v in arrays.items() if k != "output.squares"},
    "one too many": lambda arrays: {**arrays, "input.more": np.zeros(1, np.float32)},
    "a table": lambda arrays: {**arrays, "input": np.zeros((40, 8), np.float32)},
    "one row": lambda arrays: {**arrays, "input.means": arrays["input.means"][:1]},
    "one number": lambda arrays: {**arrays, "input.means": np.zeros((), np.float32)},
    "one column": lambda arrays: {**arrays, "input.means": np.zeros((40, 1), np.float32)},
    "rows less": lambda arrays: {**arrays, "output.steps": arrays["output.steps"][1:]},
    "other axes": lambda arrays: {**arrays, "output.means": np.zeros((8, 40), np.float32)},
    "float64": lambda arrays: {**arrays, "input.means": np.zeros((40, 8))},
    "whole numbers": lambda arrays: {**arrays, "input.steps": np.zeros(40, np.int32)},
    "NaN": lambda arrays: {**arrays, "input.steps": np.full(40, np.nan, np.float32)},
}


@pytest.mark.parametrize("trouble", STATES)
def test_states_of_another_run(adam: Path, trouble: str) -> None:
    """With the right sums: what fits by broadcasting would be taken in silence."""
    for name in checkpoint_names(adam)[:-1]:
        shutil.rmtree(adam / name)
    file = newest(adam) / "state.safetensors"
    arrays = STATES[trouble](load_file(file))
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file)
    sealed(newest(adam))
    if trouble in ("float64", "whole numbers", "NaN"):  # which are no state at all
        said: list[str] = []
        kept(adam, options(optimizer="adam"), resume=True, say=said.append)
        assert "state.safetensors: tensor 'input." in said[0]
    else:
        refused(adam, r"is damaged: '\w+(\.\w+)?' of the optimizer's state has shape ")


def test_newer_formats_are_refused(adam: Path) -> None:
    change_record(newest(adam), format_version=77)
    with pytest.raises(NewerFormatError, match="format version 77"):
        kept(adam, options(optimizer="adam"), resume=True)


@pytest.mark.parametrize("model", MODELS)
def test_the_model_inside_is_a_model(tmp_path: Path, model: str) -> None:
    settings = options(model, vectors="input")
    begun_model = tmp_path / "run"
    kept(begun_model, settings, keep=99)
    for name in checkpoint_names(begun_model):
        inside = load_model(begun_model / name / "model")
        assert inside.config == settings
        assert tuple(inside.words) == CORPUS[0].words
        place = read_record(begun_model / name)["position"]
        assert inside.corpus["trained_epochs"] == place["words"] / N_WORDS
        assert inside.corpus["words"] == N_WORDS

"""Runs that can be interrupted: checkpoints are written as a run goes on, and it resumes at one."""

import importlib.metadata
import logging
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from xw2v.backend import get_device
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, ModelFileError, TrainingError
from xw2v.formats import SavedModel
from xw2v.formats.checkpoints import (
    Checkpoint,
    checkpoint_names,
    find_checkpoint,
    read_record,
    remove_checkpoints,
    write_checkpoint,
)
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training import (
    Callback,
    Evaluation,
    InitialVectors,
    LossRecord,
    Position,
    Run,
    RunState,
)
from xw2v.training.choices import choose_optimizer
from xw2v.training.intervals import Interval, Timer
from xw2v.training.plan import chunk_borders

__all__ = [
    "Checkpointer",
    "Checkpointing",
    "TrainingInterruptedError",
    "interval_of",
    "resume_state",
    "saved_model",
]

# Options that change how fast a run is or what is read out of it, not what it computes.
_WITHOUT_EFFECT = ("workers", "vectors", "device", "device_share", "deterministic", "epochs")
# Those whose effect is the vocabulary alone.
_OF_VOCABULARY = ("min_count", "max_final_vocab")
_TABLES = ("input", "output")
_logger = logging.getLogger(__name__)
_LARGEST = 2**63  # of the numbers in a record


class TrainingInterruptedError(TrainingError):
    """A run was asked to end, and is kept in a checkpoint.

    Parameters
    ----------
    path : Path
        The checkpoint.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"training was interrupted; {path} holds it")
        self.path = path


@dataclass(frozen=True, kw_only=True)
class Checkpointing:
    """Whether a run is kept in checkpoints, and begins with one.

    Parameters
    ----------
    directory : path
        Where the checkpoints of the run are, and nothing else.
    every : Interval, int, str or None
        How often they are written, such as ``"10m"``, ``"epoch"`` or 5000000 (words), see
        `xw2v.training.Interval`; None does so only where the run is interrupted, and as often as
        before where a run is resumed.
    keep : int
        How many to keep, the newest ones.
    resume : bool
        Begin where the newest whole checkpoint stands, if there is one. With more epochs than the
        run had, it goes on for longer.
    allow_changed : bool
        Resume although text or options have changed since.
    overwrite : bool
        Begin anew where there are checkpoints of an earlier run, which are removed then.
    interrupted : callable
        Whether the run is to be interrupted now; asked after every batch.
    say, warn : callable
        Take notes for people, a line each: on how things are, and on what went wrong. Python's log
        has them if absent.

    Raises
    ------
    ConfigError
        If a value cannot work.
    """

    directory: str | PathLike[str] = field(kw_only=False)
    every: Interval | int | str | None = "epoch"
    keep: int = 2
    resume: bool = False
    allow_changed: bool = False
    overwrite: bool = False
    interrupted: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = _logger.info
    warn: Callable[[str], None] = _logger.warning

    def __post_init__(self) -> None:
        if not isinstance(self.keep, int) or self.keep < 1:
            raise ConfigError(f"keep must be at least 1 checkpoint, not {self.keep!r}")
        _ = self.interval

    @property
    def path(self) -> Path:
        """The directory."""
        return Path(self.directory)

    @property
    def interval(self) -> Interval | None:
        """How often checkpoints are written."""
        return None if self.every is None else Interval.parse(self.every, "checkpoint_every")

    def check(self) -> None:
        """Raise if checkpoints of an earlier run would be lost, or there can be none.

        Raises
        ------
        ModelFileError
            If so.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ModelFileError(
                f"{self.path} is a file, where checkpoints would be: move it away or choose "
                "another name"
            )
        if not self.resume and not self.overwrite and checkpoint_names(self.path):
            raise ModelFileError(
                f"{self.path} holds the checkpoints of an earlier run; go on with it (--resume), "
                "begin anew (--overwrite), or choose another name"
            )


def interval_of(directory: Path) -> str | None:
    """Return how often the run wrote checkpoints that has them in a directory, as was asked then.

    None if it was not asked to, and only an interrupt left one, or if there is none.
    """
    for name in reversed(checkpoint_names(directory)):
        with suppress(ModelFileError, ConfigError):
            every = read_record(directory / name).get("every")
            return None if every is None else str(Interval.parse(every))
    return None


def saved_model(
    vocabulary: Vocabulary,
    corpus: EncodedCorpus,
    config: TrainingConfig,
    arrays: Mapping[str, Any],
    losses: tuple[LossRecord, ...],
    notes: Mapping[str, Any],
) -> SavedModel:
    """Return the model of what a run has made and what it was made from.

    Parameters
    ----------
    vocabulary, corpus, config
        Those of the run.
    arrays : mapping of str to ndarray
        ``"input"`` and ``"output"``.
    losses : tuple of LossRecord
    notes : mapping
        Plain values to keep with the model.
    """
    return SavedModel(
        words=vocabulary.words,
        counts=vocabulary.counts,
        input_vectors=arrays["input"],
        output_vectors=arrays["output"],
        config=config,
        corpus={
            **notes,
            "words": corpus.n_words,
            "raw_words": corpus.raw_words,
            "sentences": corpus.n_sentences,
        },
        loss_history=tuple(asdict(record) for record in losses),
    )


class Checkpointer(Callback):
    """Writes checkpoints of a run; the last of its callbacks, so that nothing is left out.

    Parameters
    ----------
    settings : Checkpointing
    initial : InitialVectors or None
        What the run began with.
    notes : mapping
        Plain values to keep with the model.
    """

    def __init__(
        self, settings: Checkpointing, initial: InitialVectors | None, notes: Mapping[str, Any]
    ) -> None:
        self._settings, self._initial, self._notes = settings, initial, notes
        self._every = settings.interval
        self._timer = None if self._every is None else Timer(self._every)
        self._steps = -1  # of the newest one
        self._gave_up = False
        # Those of another run of this name go when there is one of this.
        self._others = [] if settings.resume else checkpoint_names(settings.path)

    def on_train_begin(self, run: Run) -> None:
        """Begin to measure the time."""
        self._steps = run.position.steps if self._settings.resume else -1
        if self._settings.resume:  # what was half written or half removed when a run was killed
            remove_checkpoints(self._settings.path, [])
        if self._timer is not None:
            self._timer.start(run)

    def on_batch_end(self, run: Run) -> None:
        """Write a checkpoint if it is time for one, or if the run is to end.

        Raises
        ------
        TrainingInterruptedError
            If it is.
        TrainingError
            If the vectors are not finite any more.
        """
        if self._settings.interrupted() and not self._gave_up:
            path = self._write(run)
            if path is not None:
                raise TrainingInterruptedError(path)
            self._gave_up = True
            self._settings.warn("training goes on, so that nothing is lost")
        elif self._timer is not None and self._timer.due(run):
            self._write(run)

    def on_train_end(self, run: Run) -> None:
        """Write the last checkpoint, which a run of more epochs can go on from."""
        if self._timer is None:
            remove_checkpoints(self._settings.path, self._others)
        elif run.position.steps != self._steps:
            self._write(run)

    def _write(self, run: Run) -> Path | None:
        """Write a checkpoint; return None if that fails, which is no reason to end the run."""
        state, settings = run.state(), self._settings
        if not all(np.isfinite(array).all() for array in state.arrays.values()):
            raise TrainingError(
                f"training has diverged after {run.epoch:.2f} epochs: the vectors hold NaN or "
                "infinity; use a lower alpha"
            )
        notes = {**self._notes, "training_seconds": state.seconds, "trained_epochs": run.epoch}
        model = saved_model(
            run.vocabulary, run.corpus, run.config, state.arrays, state.losses, notes
        )
        checkpoint = Checkpoint(
            model=model,
            arrays={k: v for k, v in state.arrays.items() if k not in _TABLES},
            record={
                "position": asdict(state.position),
                "seconds": state.seconds,
                "evaluations": [asdict(evaluation) for evaluation in state.evaluations],
                "every": None if self._every is None else str(self._every),
                "run": _identity(run.corpus, run.vocabulary, run.config, self._initial),
                "versions": _versions(),
            },
        )
        try:
            path = write_checkpoint(settings.path, checkpoint)
        except ModelFileError as error:
            settings.warn(f"no checkpoint: {error}")
            return None
        self._steps = state.position.steps
        remove_checkpoints(settings.path, self._others)
        self._others = []
        remove_checkpoints(settings.path, checkpoint_names(settings.path)[: -settings.keep])
        return path


def resume_state(
    settings: Checkpointing,
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    initial: InitialVectors | None,
) -> RunState | None:
    """Return where to resume a run.

    Parameters
    ----------
    settings : Checkpointing
    corpus, vocabulary, config, initial
        What is to be trained now.

    Returns
    -------
    RunState or None
        None if there is no whole checkpoint.

    Raises
    ------
    ConfigError
        If the checkpoint is of another corpus, vocabulary or initial vectors, or of other options
        that matter.
    ModelFileError
        If it has a format that this version does not know, or what it says cannot be.
    """
    found = find_checkpoint(settings.path, settings.warn)
    if found is None:
        return None
    path, checkpoint = found
    now = _identity(corpus, vocabulary, config, initial)
    try:
        state = _state(checkpoint)
        then = {name: checkpoint.record["run"][name] for name in now}
        versions = dict(checkpoint.record["versions"])
    except KeyError as error:
        raise ModelFileError(f"{path / 'checkpoint.json'} is damaged: it has no {error}") from error
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{path / 'checkpoint.json'} is damaged: {error}") from error
    options = checkpoint.model.config
    _check_possible(path, checkpoint, vocabulary, config)
    _check_arrays(path, checkpoint)
    same_text = then["text"] == now["text"]
    if not _is_place(state.position, options.epochs, corpus if same_text else None):
        raise ModelFileError(
            f"{path / 'checkpoint.json'} is damaged: the run has no such place, {state.position}"
        )
    changes = _changes(then, now, options, config)
    if changes and not settings.allow_changed:
        raise ConfigError(
            f"{path} cannot be resumed, since {_listed(changes)} changed: leave that as it was, "
            "or resume all the same with --allow-changed"
        )
    if changes:
        settings.say(f"resuming although {_listed(changes)} changed")
        state = _safe(state, corpus, same_text)
    if versions != _versions():
        settings.say(
            f"{path} was written with {_named(versions)}, this is {_named(_versions())}: the "
            "last bits of the vectors may differ from those of an uninterrupted run"
        )
    settings.say(f"resuming at {path}, after {state.position.words / corpus.n_words:.2f} epochs")
    return state


def _state(checkpoint: Checkpoint) -> RunState:
    """Return what a checkpoint says.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it says something else.
    """
    record, model = checkpoint.record, checkpoint.model
    losses: Any = model.loss_history
    position = {one.name: record["position"][one.name] for one in fields(Position)}
    for name, value in position.items():
        if type(value) is not int or not 0 <= value < _LARGEST:
            raise ValueError(f"{name} is {value!r:.40}")
    return RunState(
        position=Position(**position),
        arrays={
            "input": model.input_vectors,
            "output": model.output_vectors,
            **checkpoint.arrays,
        },
        losses=tuple(LossRecord(**loss) for loss in losses),
        evaluations=tuple(map(_evaluation, record["evaluations"])),
        seconds=_number("seconds", record["seconds"]),
    )


def _evaluation(values: Mapping[str, Any]) -> Evaluation:
    one = Evaluation(**values)
    numbers = {"words": one.words, "epoch": one.epoch, "score": one.score, **one.parts}
    for name, value in numbers.items():
        _number(f"{name} of an evaluation", value)
    return one


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise ValueError(f"{name} is {value!r:.40}")
    return float(value)


def _identity(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    initial: InitialVectors | None,
) -> dict[str, Any]:
    """Return what a run's vectors depend on besides the options, which are the model's."""
    return {
        "text": corpus.fingerprint,
        "vocabulary": vocabulary.fingerprint,
        "initial_vectors": None if initial is None else initial.fingerprint,
        "device": get_device(config.device).name.partition(":")[0],
    }


def _check_possible(
    path: Path, checkpoint: Checkpoint, vocabulary: Vocabulary, config: TrainingConfig
) -> None:
    """Raise unless the arrays of a checkpoint are those that the run needs."""
    then = checkpoint.model.config
    for name in ("vector_size", "output", "optimizer"):
        if getattr(then, name) != getattr(config, name):
            raise ConfigError(
                f"{path} cannot be resumed: {name} was {getattr(then, name)!r}, not "
                f"{getattr(config, name)!r}; leave it as it was, or begin a new run"
            )
    if tuple(checkpoint.model.words) != vocabulary.words:
        raise ConfigError(
            f"{path} cannot be resumed: its vocabulary has {len(checkpoint.model.words):,} words "
            f"and is another than that of the text now, {len(vocabulary):,} words; resume with the "
            "same text and options, or train on its vectors with --init"
        )
    if then.output == "hierarchical" and not np.array_equal(
        checkpoint.model.counts, vocabulary.counts
    ):
        raise ConfigError(
            f"{path} cannot be resumed: words have other counts now, which make another tree for "
            "hierarchical softmax; resume with the same text, or train on its vectors with --init"
        )


def _check_arrays(path: Path, checkpoint: Checkpoint) -> None:
    """Raise unless a checkpoint has the state of its optimizer, and nothing else."""
    model = checkpoint.model
    optimizer = choose_optimizer(model.config)
    due = {}
    for table, rows in (("input", model.input_vectors), ("output", model.output_vectors)):
        shapes = optimizer.state(lambda shape: shape, (len(rows), model.config.vector_size))
        for name, shape in zip(optimizer.state_names, shapes, strict=True):
            due[f"{table}.{name}"] = shape
    found = {name: array.shape for name, array in checkpoint.arrays.items()}
    for name in sorted({*due, *found}):
        if found.get(name) != due.get(name):
            raise ModelFileError(
                f"{path} is damaged: {name!r} of the optimizer's state has shape "
                f"{found.get(name, 'none')}, where it should be {due.get(name, 'none')}"
            )


def _is_place(position: Position, epochs: int, corpus: EncodedCorpus | None) -> bool:
    """Say whether a run of so many epochs can have stood there.

    Without the corpus that it had, only what can be said then.
    """
    if position.epoch > epochs:
        return False
    if corpus is None:
        return True
    borders = chunk_borders(corpus.n_words)
    if position.epoch == epochs:
        borders = [0, 1]  # nothing comes but the end
    if position.chunk >= len(borders) - 1:
        return False
    start, stop = borders[position.chunk : position.chunk + 2]
    words = position.words - position.epoch * corpus.n_words
    if position.batch == 0:
        return words == start
    # A batch has a word at least.
    return start <= words < stop and position.batch < stop - start


def _changes(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    options_then: TrainingConfig,
    options_now: TrainingConfig,
) -> list[str]:
    """Say what has changed of what a run's vectors depend on."""
    changes = ["the text"] if then["text"] != now["text"] else []
    of_words = then["vocabulary"] != now["vocabulary"]
    if of_words:
        changes.append("the counts of words")
    if then["initial_vectors"] != now["initial_vectors"]:
        changes.append("the initial vectors")
    if then["device"] != now["device"]:
        changes.append(f"device ({then['device']}, now {now['device']})")
    for name in (one.name for one in fields(TrainingConfig)):
        old, new = getattr(options_then, name), getattr(options_now, name)
        matters = name not in _WITHOUT_EFFECT and (of_words or name not in _OF_VOCABULARY)
        if name == "epochs":
            matters = new < old  # more of them extend the run
        if matters and old != new:
            changes.append(f"{name} ({_shown(old)}, now {_shown(new)})")
    return changes


def _safe(state: RunState, corpus: EncodedCorpus, same_text: bool) -> RunState:
    """Return where to go on if batches are others now: at the beginning of a chunk or an epoch."""
    chunk = state.position.chunk if same_text else 0
    words = state.position.epoch * corpus.n_words + chunk_borders(corpus.n_words)[chunk]
    position = replace(state.position, chunk=chunk, batch=0, words=words)
    epoch = words / corpus.n_words
    return replace(
        state,
        position=position,
        losses=tuple(one for one in state.losses if one.epoch < epoch),
        evaluations=tuple(one for one in state.evaluations if one.epoch <= epoch),
    )


def _listed(changes: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(changes[:-1]), changes[-1]]))


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) < 40 else f"{text[:37]}..."


def _versions() -> dict[str, str]:
    return {
        "xw2v": importlib.metadata.version("xw2v"),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())

"""The options about the course of a run: checkpoints, evaluations, vectors to begin with."""

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from xw2v.checkpoints import Checkpointing, interval_of
from xw2v.cli.fields import GroupedOption
from xw2v.cli.hyperparameters import HYPERPARAMETERS, training_config
from xw2v.cli.interrupts import Interrupts
from xw2v.cli.progress import Display
from xw2v.config import TrainingConfig
from xw2v.continuing import (
    continued_config,
    initial_of_model,
    initial_of_vectors,
    vocabulary_of,
)
from xw2v.errors import ConfigError
from xw2v.formats import SavedModel, is_model, load_model, read_vectors
from xw2v.formats.checkpoints import checkpoint_names, clear_checkpoints
from xw2v.pictures import LossPlotter
from xw2v.text import Vocabulary
from xw2v.training import Evaluation, InitialVectors
from xw2v.training.evaluating import EarlyStopping, Evaluator
from xw2v.training.intervals import Interval
from xw2v.vectors import WordVectors, parse_analogies, parse_pairs

__all__ = ["RunOptions", "Start", "run_options"]

F = TypeVar("F", bound=Callable[..., Any])

_option = partial(click.option, cls=GroupedOption, group="Run")
_file = partial(_option, type=click.Path(path_type=Path), metavar="FILE")
_how_often = partial(_option, type=str)

_OPTIONS = (
    _how_often(
        "--checkpoint-every",
        metavar="N|10m|epoch",
        help="Keep the run in DIR.checkpoints each N words, each 10m (or 90s, 2h), or each epoch.",
    ),
    _option(
        "--keep",
        "keep_checkpoints",
        type=click.IntRange(min=1),
        default=Checkpointing.keep,
        show_default=True,
        help="Checkpoints to keep, the newest ones.",
    ),
    _option(
        "--resume",
        is_flag=True,
        help="Go on with the run whose checkpoints are in DIR.checkpoints, if there are any; with "
        "more --epochs than it had it goes on for longer.",
    ),
    _option(
        "--allow-changed", is_flag=True, help="Resume although the text or options have changed."
    ),
    _option(
        "--init",
        type=click.Path(path_type=Path),
        metavar="MODEL|FILE",
        help="Train on the vectors of a model, whose words are kept and whose options hold where "
        "nothing else is said; or begin with the vectors of a file for the words of the text.",
    ),
    _option("--freeze-init", is_flag=True, help="Leave the vectors of --init as they are."),
    _how_often(
        "--evaluate-every",
        metavar="N|epoch",
        help="Evaluate the vectors each N words or each epoch, with --analogies and --pairs, or "
        "else by the training loss.",
    ),
    _file("--analogies", help="Analogy questions for that, as for `xw2v evaluate`."),
    _file("--pairs", multiple=True, help="Human judgments for that; may be repeated."),
    _how_often(
        "--plot-every",
        metavar="N|10m|epoch",
        help="Draw the loss so far, and evaluations, in DIR.loss.png each N words, each 10m, or "
        "each epoch.",
    ),
    _option(
        "--patience",
        type=click.IntRange(min=1),
        metavar="N",
        help="Stop when N evaluations in a row were no better than the best one before them.",
    ),
)


def run_options(function: F) -> F:
    """Return a command with the options of `RunOptions`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The course of a run, as it was typed; see the help of the options.

    Attributes
    ----------
    checkpoint_every, evaluate_every, plot_every : str or None
        Intervals, to be parsed.
    keep_checkpoints : int
        How many, the newest ones.
    resume, allow_changed : bool
        Whether to go on with a run, and although text or options have changed.
    init : Path or None
        A model, or a file of vectors, to begin with.
    freeze_init : bool
        Whether its vectors are left as they are.
    analogies : Path or None
        Questions for evaluations.
    pairs : tuple of Path
        Human judgments for evaluations.
    patience : int or None
        After how many evaluations that were no better the run is stopped.

    Raises
    ------
    ConfigError
        If an option needs another one.
    """

    checkpoint_every: str | None
    keep_checkpoints: int
    resume: bool
    allow_changed: bool
    init: Path | None
    freeze_init: bool
    evaluate_every: str | None
    analogies: Path | None
    pairs: tuple[Path, ...]
    plot_every: str | None
    patience: int | None

    def __post_init__(self) -> None:
        if self.freeze_init and self.init is None:
            raise ConfigError("--freeze-init needs --init: it says which vectors to leave")
        if self.allow_changed and not self.resume:
            raise ConfigError("--allow-changed is about --resume: give that as well")

    @classmethod
    def take(cls, values: dict[str, Any]) -> Self:
        """Return the options, taken out of all values of the running command."""
        return cls(**{name: values.pop(name) for name in cls.__dataclass_fields__})

    def callbacks(self, out: Path, display: Display) -> list[Any]:
        """Return what evaluates, draws and stops the run; files are read now, before the text."""
        asked = self.analogies is not None or self.pairs or self.patience is not None
        callbacks: list[Any] = []
        if self.evaluate_every is not None or asked:
            callbacks.append(self._evaluator(display))
        if self.plot_every is not None:
            every = Interval.parse(self.plot_every, "--plot-every")
            callbacks.append(LossPlotter(_beside(out, "loss.png"), every, say=display.warn))
        if self.patience is not None:
            callbacks.append(EarlyStopping(self.patience))
        return callbacks

    def _evaluator(self, display: Display) -> Evaluator:
        return Evaluator(
            Interval.parse(self.evaluate_every or "epoch", "--evaluate-every"),
            analogies=None if self.analogies is None else parse_analogies(self.analogies),
            pairs={name: parse_pairs(path) for name, path in _named(self.pairs).items()},
            on_evaluation=lambda one: display.say(_in_words(one)),
        )

    def start(self) -> "Start":
        """Read the vectors to begin with."""
        if self.init is None:
            return Start()
        if is_model(self.init):
            model = load_model(self.init)
            return Start(model=model, base=vocabulary_of(model), frozen=self.freeze_init)
        return Start(vectors=read_vectors(self.init), frozen=self.freeze_init)

    def checkpointing(
        self, out: Path, overwrite: bool, interrupted: Interrupts, display: Display
    ) -> Checkpointing:
        """Return how the run that makes a model is kept.

        Parameters
        ----------
        out : Path
            The directory of the model, beside which checkpoints are.
        overwrite : bool
            Remove those of an earlier run.
        interrupted : Interrupts
            Tells when the run is to end.
        display : Display
            Where warnings are shown.

        Raises
        ------
        ModelFileError
            If there are checkpoints of an earlier run, which would be lost.
        """
        every = self.checkpoint_every
        settings = Checkpointing(
            directory=checkpoints_of(out),
            every=None if every is None else Interval.parse(every, "--checkpoint-every"),
            keep=self.keep_checkpoints,
            resume=self.resume,
            allow_changed=self.allow_changed,
            overwrite=overwrite,
            interrupted=lambda: interrupted.asked,
            say=display.say,
            warn=display.warn,
        )
        settings.check()
        return settings

    def may_overwrite(self, out: Path) -> bool:
        """Return whether the model that is there is of the run that is resumed."""
        return self.resume and bool(checkpoint_names(checkpoints_of(out)))

    def clear(self, settings: Checkpointing) -> None:
        """Remove the checkpoints of a run that is over, unless they were asked for."""
        if settings.every is None and interval_of(settings.path) is None:
            clear_checkpoints(settings.path)


@dataclass(frozen=True, kw_only=True)
class Start:
    """The vectors that a run begins with, if any are given.

    Attributes
    ----------
    model : SavedModel, optional
        A model that is trained on.
    base : Vocabulary, optional
        Its words.
    vectors : WordVectors, optional
        Other vectors.
    frozen : bool
        Whether they stay as they are.
    """

    model: SavedModel | None = None
    base: Vocabulary | None = None
    vectors: WordVectors | None = None
    frozen: bool = False

    def config(self, values: Mapping[str, Any]) -> TrainingConfig:
        """Return the hyperparameters that the running command's values ask for."""
        typed = HYPERPARAMETERS.typed(values)
        with HYPERPARAMETERS.named():
            if self.model is not None:
                return continued_config(self.model.config, typed)
            if self.vectors is not None:
                size = self.vectors.vector_size
                return continued_config(TrainingConfig(vector_size=size), typed)
        return training_config(values)

    def initial(self, vocabulary: Vocabulary, config: TrainingConfig) -> InitialVectors | None:
        """Return the vectors of the words of a text."""
        if self.model is not None:
            return initial_of_model(self.model, vocabulary, config, frozen=self.frozen)
        if self.vectors is not None:
            return initial_of_vectors(self.vectors, vocabulary, frozen=self.frozen)
        return None


def checkpoints_of(out: Path) -> Path:
    """Return where the checkpoints are of the run that makes a model."""
    return _beside(out, "checkpoints")


def _beside(out: Path, ending: str) -> Path:
    # (Of a path such as "." the name is known once it is resolved.)
    out = out if out.name not in ("", "..") else out.resolve()
    return out.with_name(f"{out.name}.{ending}")


def resume_command(arguments: list[str]) -> str:
    """Return the command that goes on with the run that a command began."""
    # (Behind "--" it would be a path.)
    more = [] if "--resume" in arguments else ["--resume"]
    return shlex.join(["xw2v", *arguments[:1], *more, *arguments[1:]])


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Call files by their names, as long as those tell them apart."""
    names = Counter(path.name for path in paths)
    return {
        str(path) if names[path.name] > 1 or path.name == "analogies" else path.name: path
        for path in paths
    }


def _in_words(one: Evaluation) -> str:
    parts = [f"{name} {value:.4f}" for name, value in one.parts.items()]
    return f"evaluated after {one.epoch:.2f} epochs: {', '.join(parts)}"

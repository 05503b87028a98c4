"""A training run under way: where it stands, and those who look on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xw2v.backend import Runner
from xw2v.config import TrainingConfig
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.vectors import WordVectors, matrices_needed, word_vector_rows
from xw2v.vectors.arrays import to_numpy

__all__ = [
    "Callback",
    "Evaluation",
    "LossRecord",
    "Position",
    "Progress",
    "Run",
    "RunState",
]

Array = Any


@dataclass(frozen=True)
class LossRecord:
    """The loss at one moment of a run.

    Parameters
    ----------
    words : int
        Corpus words trained before, over all epochs.
    epoch : float
        The same in epochs.
    alpha : float
        Learning rate.
    loss : float
        Mean loss per positive pair, of one batch, before its update.
    """

    words: int
    epoch: float
    alpha: float
    loss: float


@dataclass(frozen=True)
class Evaluation:
    """How good the vectors were at one moment of a run.

    Parameters
    ----------
    words : int
        Corpus words trained before, over all epochs.
    epoch : float
        The same in epochs.
    score : float
        The more, the better.
    parts : mapping of str to float
        What the score was made of.
    """

    words: int
    epoch: float
    score: float
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Parameters
    ----------
    words, total_words : int
        Corpus words trained, and to be trained, over all epochs.
    epoch : int
        From 1.
    alpha : float
        Learning rate.
    loss : float or None
        The latest measured mean loss per positive pair.
    seconds : float
        Time since training began, or was resumed.
    resumed_at : int
        Words that had been trained when the run was resumed.
    """

    words: int
    total_words: int
    epoch: int
    alpha: float
    loss: float | None
    seconds: float
    resumed_at: int = 0

    @property
    def words_per_second(self) -> float:
        """Corpus words, before subsampling, trained in a second."""
        return (self.words - self.resumed_at) / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Position:
    """A place between two batches of a run.

    Random numbers come from counters, so that this is all there is to know about the batches to
    come.

    Parameters
    ----------
    epoch, chunk, batch : int
        The next batch: its number in the chunk of the corpus, the chunk's in the corpus, and the
        epoch's, all from 0.
    steps : int
        Batches made before, over all epochs.
    words : int
        Corpus words trained before, over all epochs.
    """

    epoch: int = 0
    chunk: int = 0
    batch: int = 0
    steps: int = 0
    words: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class RunState:
    """All that a run needs in order to go on from where it stands.

    Parameters
    ----------
    position : Position
    arrays : mapping of str to array
        ``"input"`` and ``"output"``, shape (V, D), float32, and the state of the optimizer, see
        `xw2v.backend.Runner.arrays`.
    losses : tuple of LossRecord
    evaluations : tuple of Evaluation
    seconds : float
        Time spent on training.
    """

    position: Position
    arrays: Mapping[str, Array]
    losses: tuple[LossRecord, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    seconds: float = 0.0


class Run:
    """A training run, as callbacks see it between two batches.

    Attributes
    ----------
    config : TrainingConfig
    vocabulary : Vocabulary
    corpus : EncodedCorpus
    progress : Progress
    position : Position
    losses : list of LossRecord
    evaluations : list of Evaluation
        Callbacks may add to it.
    stopped : str or None
        Why the run ends before its time, once a callback has called `stop`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        vocabulary: Vocabulary,
        corpus: EncodedCorpus,
        runner: Runner,
        start: RunState | None,
    ) -> None:
        self.config, self.vocabulary, self.corpus = config, vocabulary, corpus
        self._runner = runner
        self.position = Position() if start is None else start.position
        self.losses = [] if start is None else list(start.losses)
        self.evaluations = [] if start is None else list(start.evaluations)
        self.stopped: str | None = None
        self._resumed_at = self.position.words
        self._seconds_before = 0.0 if start is None else start.seconds
        self.update(self.position.words, 0.0, 0.0)

    def update(self, words: int, alpha: float, seconds: float) -> None:
        """Say how far the run has come; the training loop does.

        Parameters
        ----------
        words : int
            Corpus words trained.
        alpha : float
            Learning rate.
        seconds : float
            Since training began, or was resumed.
        """
        n_words, epochs = self.corpus.n_words, self.config.epochs
        self.progress = Progress(
            words=words,
            total_words=n_words * epochs,
            epoch=min(words // n_words + 1, epochs),
            alpha=alpha,
            loss=self.losses[-1].loss if self.losses else None,
            seconds=seconds,
            resumed_at=self._resumed_at,
        )

    @property
    def seconds(self) -> float:
        """Time spent on training, before the run was resumed as well."""
        return self._seconds_before + self.progress.seconds

    @property
    def epoch(self) -> float:
        """Passes over the corpus that are made, with a fraction."""
        return self.position.words / self.corpus.n_words

    @property
    def wv(self) -> WordVectors:
        """The word vectors as they are now, a copy."""
        kind = self.config.vectors
        tables = self._runner.arrays()
        needed = {name: to_numpy(tables[name]) for name in matrices_needed(kind)}
        rows = word_vector_rows(needed.get("input"), needed.get("output"), kind)
        if len(needed) == 1:  # two are put together in memory of their own
            rows = rows.copy()
        return WordVectors(self.vocabulary.words, rows, self.vocabulary.counts)

    def state(self) -> RunState:
        """Return what the run needs in order to go on from here.

        Its arrays are views where they can be: they change with the next batch.
        """
        return RunState(
            position=self.position,
            arrays={name: to_numpy(array) for name, array in self._runner.arrays().items()},
            losses=tuple(self.losses),
            evaluations=tuple(self.evaluations),
            seconds=self.seconds,
        )

    def stop(self, reason: str) -> None:
        """End the run after this batch; the vectors are kept as they are then.

        Parameters
        ----------
        reason : str
            For people.
        """
        self.stopped = self.stopped or reason


class Callback:
    """Looks on while vectors are trained; a base class whose methods do nothing.

    The names are gensim's, whose callbacks will do as well: any object that has some of the
    methods. Each is called with the `Run`, which gives ``run.wv``, the vectors as they are, and
    ``run.stop("why")`` among others. Of several callbacks each gets all that a batch brings before
    the next gets any of it, in their order.
    """

    def on_train_begin(self, run: Run) -> None:
        """Before the first batch, also of a run that is resumed."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, run: Run) -> None:
        """After every batch: some hundreds a second, so do not do much."""

    def on_epoch_end(self, run: Run) -> None:
        """After the last batch of an epoch."""

    def on_train_end(self, run: Run) -> None:
        """After the last batch, also if the run was stopped."""

"""The training loop: chunks of the corpus become batches, batches become steps."""

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.backend import Device, Profile, Runner, Step, Worker, get_device
from xw2v.config import TrainingConfig
from xw2v.errors import CorpusError
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training.initial import InitialVectors, initialize
from xw2v.training.plan import CHUNK_WORDS, Plan
from xw2v.training.run import (
    Evaluation,
    LossRecord,
    Position,
    Progress,
    Run,
    RunState,
)
from xw2v.training.schedule import learning_rate
from xw2v.vectors.arrays import to_numpy

__all__ = ["TrainingResult", "train"]

Array = Any


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), float32
        Input vectors, the ones to keep, and output vectors; on the host. After training by
        several processes they lie in memory that processes forked later share as well.
    losses : tuple of LossRecord
    seconds : float
        Time the training took, reading excluded.
    evaluations : tuple of Evaluation
    words : int
        Corpus words trained, over all epochs.
    stopped : str or None
        Why it ended before its time, if it did.
    device_memory : int or None
        The most bytes of its own memory that the device gave, if it has such.
    """

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    losses: tuple[LossRecord, ...]
    seconds: float
    evaluations: tuple[Evaluation, ...] = ()
    words: int = 0
    stopped: str | None = None
    device_memory: int | None = None


def train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    *,
    initial: InitialVectors | None = None,
    start: RunState | None = None,
    callbacks: Sequence[Any] = (),
    on_progress: Callable[[Progress], None] | None = None,
    profile: Profile | None = None,
) -> TrainingResult:
    """Train vectors.

    The result depends on the corpus, the vocabulary, the configuration and the initial vectors
    alone; on a CPU it is the same to the last bit for any number of workers, and wherever the run
    was interrupted and started again.

    Parameters
    ----------
    corpus : EncodedCorpus
    vocabulary : Vocabulary
        The one that encoded the corpus.
    config : TrainingConfig
    initial : InitialVectors, optional
        Vectors to begin with, in place of random ones.
    start : RunState, optional
        Where an earlier run with the same corpus, vocabulary, configuration and initial vectors
        stood, to go on from there. With more epochs than that one had, the learning rate is from
        here on what it would be in a run of so many epochs.
    callbacks : sequence of Callback
        Look on, and may stop the run.
    on_progress : callable, optional
        Called with a `Progress` after every batch.
    profile : Profile, optional
        Counts where the time goes.

    Returns
    -------
    TrainingResult

    Raises
    ------
    CorpusError
        If the corpus is empty or holds ids that the vocabulary has not.
    DeviceError
        If the device cannot be used, has not the memory, or fails.
    """
    _check_ids(corpus, len(vocabulary))
    device = get_device(config.device)
    with device.errors():
        return _train(
            corpus, vocabulary, config, device, initial, start, callbacks, on_progress, profile
        )


def _train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    device: Device,
    initial: InitialVectors | None,
    start: RunState | None,
    callbacks: Sequence[Any],
    on_progress: Callable[[Progress], None] | None,
    profile: Profile | None,
) -> TrainingResult:
    plan = Plan(corpus, vocabulary, config, device)
    runner = plan.runner(initial)
    if start is not None:
        _restore(runner, start, device)
    run = Run(config, vocabulary, corpus, runner, start)

    def program(
        worker: Worker,
    ) -> Generator[tuple[Step, float | None] | None, None, dict[str, float]]:
        own = None if profile is None else Profile()
        if start is None:
            initialize(runner.w_in, config, *worker.share(len(vocabulary)))
            worker.meet()
            if initial is not None and worker.rank == 0:
                initial.write(runner.w_in, runner.w_out)
        worker.meet()
        yield None
        share = (0, 1) if runner.whole_batches else (worker.rank, worker.size)
        yield from runner.run(plan.steps(worker, share, run.position), worker, own)
        return {} if own is None else own.seconds

    def steps() -> Generator[tuple[Step, float | None] | None, None, None]:
        for seconds in (yield from plan.team.run(program)):
            if profile is not None:
                profile.add(seconds)

    with contextlib.closing(steps()) as made:
        _follow(run, made, callbacks, on_progress)
    w_in, w_out = map(to_numpy, runner.finish())
    return TrainingResult(
        w_in,
        w_out,
        tuple(run.losses),
        run.seconds,
        tuple(run.evaluations),
        run.position.words,
        run.stopped,
        device.peak_memory(),
    )


def _check_ids(corpus: EncodedCorpus, n_words: int) -> None:
    if corpus.n_words == 0:
        raise CorpusError("the corpus is empty: there is nothing to train on")
    for start in range(0, corpus.n_words, CHUNK_WORDS):
        ids = corpus.ids[start : start + CHUNK_WORDS]
        if int(ids.min()) < 0 or int(ids.max()) >= n_words:
            raise CorpusError(
                "the corpus holds ids that the vocabulary has not: was it encoded by it?"
            )
        corpus.release()


def _restore(runner: Runner, start: RunState, device: Device) -> None:
    """Put the arrays of an earlier run in place of a runner's."""
    arrays = runner.arrays()
    for name, array in arrays.items():
        array[...] = device.asarray(start.arrays[name])


def _follow(
    run: Run,
    made: Generator[tuple[Step, float | None] | None, None, None],
    callbacks: Sequence[Any],
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Have a run's steps made, and tell of them."""
    config, n_words = run.config, run.corpus.n_words
    began = time.perf_counter()
    epoch = run.position.epoch  # the one that has been said to begin

    def tell(*events: str) -> None:
        for callback in callbacks:
            for event in events:
                if (method := getattr(callback, event, None)) is not None:
                    method(run)

    def report(words: int, alpha: float) -> None:
        run.update(words, alpha, time.perf_counter() - began)
        if on_progress is not None:
            on_progress(run.progress)

    def begin_epoch() -> None:
        if run.stopped is None and epoch < config.epochs:
            tell("on_epoch_begin")

    next(made)  # the parameters are there
    tell("on_train_begin")
    if run.position.batch == run.position.chunk == 0:
        begin_epoch()
    while run.stopped is None and (one := next(made, None)) is not None:
        step, loss = one
        words, run.position = step.info.words, step.info.then
        if loss is not None:
            run.losses.append(LossRecord(words, words / n_words, step.alpha, loss))
        report(words, step.alpha)
        if run.position.epoch == epoch:
            tell("on_batch_end")
        else:
            epoch = run.position.epoch
            tell("on_batch_end", "on_epoch_end")
            begin_epoch()
    if run.stopped is None:
        total = n_words * config.epochs
        run.position = Position(epoch=config.epochs, steps=run.position.steps, words=total)
        report(total, learning_rate(config, 1.0))
        while epoch < config.epochs:  # of which subsampling left nothing, or not the end
            epoch += 1
            tell("on_epoch_end")
            begin_epoch()
    tell("on_train_end")

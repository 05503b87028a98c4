"""The training loop: chunks of the corpus become batches, batches become steps."""

import contextlib
import itertools
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from numpy.typing import NDArray

from xw2v.backend import Device, Profile, Runner, Step, Worker, get_device
from xw2v.config import TrainingConfig
from xw2v.errors import CorpusError
from xw2v.sampling import (
    ChunkBuffer,
    Purpose,
    keep_thresholds,
    piece_borders,
    random_bits,
    sample_piece,
    stream_key,
)
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training.choices import choose_batch_words, choose_layout, choose_optimizer

__all__ = [
    "LossRecord",
    "Progress",
    "TrainingResult",
    "initialize",
    "learning_rate",
    "train",
]

Array = Any

_CHUNK_WORDS = 1 << 20
_DRAWN_AT_ONCE = 1 << 15  # initial weights, to stay in cache
_BATCHES_A_LOSS = 128  # at most: the loss of so many batches is measured on one of them
_LOSSES_A_RUN = 50  # at least, where there are as many batches


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
        Time since training began.
    """

    words: int
    total_words: int
    epoch: int
    alpha: float
    loss: float | None
    seconds: float

    @property
    def words_per_second(self) -> float:
        """Corpus words, before subsampling, trained in a second."""
        return self.words / self.seconds if self.seconds > 0 else 0.0


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
    """

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    losses: tuple[LossRecord, ...]
    seconds: float


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """Return the learning rate after a share of all corpus words.

    Parameters
    ----------
    config : TrainingConfig
        Of whose `schedule` this is the meaning.
    progress : float
        In 0..1.
    """
    alpha, least = cast(float, config.alpha), config.min_alpha  # None was settled by the check
    if config.schedule == "constant":
        return alpha
    if config.schedule == "cosine":
        # Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
        return least + (alpha - least) * 0.5 * (1.0 + math.cos(math.pi * progress))
    return alpha - (alpha - least) * progress


def initialize(w_in: Array, config: TrainingConfig, start: int, stop: int) -> None:
    """Draw rows of W_in uniformly within 0.5 / D of zero, as word2vec.c does.

    Parameters
    ----------
    w_in : array, shape (V, D), float32
        Changed in place.
    config : TrainingConfig
        Gives the seed.
    start, stop : int
        The rows. What a row gets depends on the seed and its number alone.
    """
    xp, device = array_namespace(w_in), device_of(w_in)
    size = w_in.shape[1]
    half = -(-size // 2)
    key = stream_key(config.seed, Purpose.INITIAL_WEIGHTS)
    step = max(1, _DRAWN_AT_ONCE // half)
    for row in range(start, stop, step):
        end = min(row + step, stop)
        bits = random_bits(key, xp.arange(row * half, end * half, dtype=xp.int64, device=device))
        # 24 bits each: as many as a float32 holds, so nothing is rounded
        columns = [xp.reshape((bits >> by) & 0xFFFFFF, (-1, half)) for by in (39, 15)]
        unit = xp.astype(xp.concat(columns, axis=1)[:, :size], xp.float32) / float(1 << 24)
        w_in[row:end, :] = (unit - 0.5) / size


def train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    profile: Profile | None = None,
) -> TrainingResult:
    """Train vectors.

    The result depends on the corpus, the vocabulary and the configuration alone; on a CPU it is
    the same to the last bit for any number of workers.

    Parameters
    ----------
    corpus : EncodedCorpus
    vocabulary : Vocabulary
        The one that encoded the corpus.
    config : TrainingConfig
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
        If the device cannot be used.
    """
    if corpus.n_words == 0:
        raise CorpusError("the corpus is empty: there is nothing to train on")
    for start in range(0, corpus.n_words, _CHUNK_WORDS):
        ids = corpus.ids[start : start + _CHUNK_WORDS]
        if int(ids.min()) < 0 or int(ids.max()) >= len(vocabulary):
            raise CorpusError(
                "the corpus holds ids that the vocabulary has not: was it encoded by it?"
            )
        corpus.release()
    device = get_device(config.device)
    plan = _Plan(corpus, vocabulary, config, device)
    runner = plan.runner()

    def program(worker: Worker) -> Generator[tuple[Step, float | None], None, dict[str, float]]:
        own = None if profile is None else Profile()
        initialize(runner.w_in, config, *worker.share(len(vocabulary)))
        worker.meet()
        share = (0, 1) if runner.whole_batches else (worker.rank, worker.size)
        yield from runner.run(plan.steps(worker, share), worker, own)
        return {} if own is None else own.seconds

    def run() -> Generator[tuple[Step, float | None], None, None]:
        for seconds in (yield from plan.team.run(program)):
            if profile is not None:
                profile.add(seconds)

    total = corpus.n_words * config.epochs
    losses: list[LossRecord] = []
    began = time.perf_counter()

    def report(words: int, alpha: float) -> None:
        if on_progress is not None:
            on_progress(
                Progress(
                    words=words,
                    total_words=total,
                    epoch=min(words // corpus.n_words + 1, config.epochs),
                    alpha=alpha,
                    loss=losses[-1].loss if losses else None,
                    seconds=time.perf_counter() - began,
                )
            )

    with contextlib.closing(run()) as steps:
        for step, loss in steps:
            words = step.info
            if loss is not None:
                losses.append(LossRecord(words, words / corpus.n_words, step.alpha, loss))
            report(words, step.alpha)
    report(total, learning_rate(config, 1.0))
    seconds = time.perf_counter() - began
    w_in, w_out = map(_to_host, runner.finish())
    return TrainingResult(w_in, w_out, tuple(losses), seconds)


class _Plan:
    """What a corpus is trained with, and in what order: the same for all workers."""

    def __init__(
        self,
        corpus: EncodedCorpus,
        vocabulary: Vocabulary,
        config: TrainingConfig,
        device: Device,
    ) -> None:
        self._corpus, self._vocabulary = corpus, vocabulary
        self._config, self._device = config, device
        xp, handle = device.xp, device.handle
        keep = keep_thresholds(vocabulary.counts, config.sample)
        self._thresholds = xp.asarray(keep, device=handle)
        kept = int(vocabulary.counts @ (keep / 2**31))
        n_chunks = -(-corpus.n_words // _CHUNK_WORDS)
        borders = [corpus.n_words * i // n_chunks for i in range(n_chunks + 1)]
        self._chunks = list(itertools.pairwise(borders))
        longest = max(stop - start for start, stop in self._chunks)
        batch_words = choose_batch_words(config, device, kept)
        self._layout = choose_layout(config, vocabulary.counts, device, batch_words)
        least = self._layout.least_words
        self._batch_words = max(least, min(batch_words, -(-longest // least) * least))
        self.team = device.team(config.workers, self._layout.parts(self._batch_words))
        self.zeros = partial(device.zeros, team=self.team)
        n_batches = config.epochs * kept // self._batch_words
        self._loss_every = max(1, min(_BATCHES_A_LOSS, n_batches // _LOSSES_A_RUN))
        lengths = self.team.zeros(len(piece_borders(0, longest)), np.int64)
        self._buffer = ChunkBuffer(longest, config.window, self.zeros, lengths, xp)

    def runner(self) -> Runner:
        """Return what makes the steps, its parameters zeros."""
        config, layout, n_words = self._config, self._layout, len(self._vocabulary)
        parts = layout.parts(self._batch_words)
        hierarchical = config.output == "hierarchical"
        trainable = None
        if config.frozen:
            trainable = np.ones(n_words, dtype=np.float32)
            trainable[self._vocabulary.encode(config.frozen)] = 0.0
            trainable = self._device.xp.asarray(trainable, device=self._device.handle)
        return self._device.runner(
            n_words,
            config.vector_size,
            team=self.team,
            parts=parts,
            part_rows=layout.part_rows(config.window),
            outputs=n_words - 1 if hierarchical else n_words,
            optimizer=choose_optimizer(config),
            # The inner nodes of a tree are no words.
            trainable=(trainable, None if hierarchical else trainable),
            hidden=parts * layout.least_words if config.output == "softmax" else 0,
        )

    def steps(self, worker: Worker, share: tuple[int, int]) -> Iterator[Step]:
        """Yield the steps of all epochs, with one of so many shares of each batch."""
        config, n_words = self._config, self._corpus.n_words
        stretches = list(itertools.product(range(config.epochs), range(len(self._chunks))))
        stages = (self._stage(epoch, index, worker) for epoch, index in stretches)
        coming = next(stages)
        count = 0
        for epoch, index in stretches:
            deque(coming, maxlen=0)
            worker.meet()
            start, stop = self._chunks[index]
            n_pieces = len(piece_borders(start, stop))
            chunk = self._buffer.assemble(range(worker.rank, n_pieces, worker.size), n_pieces)
            worker.meet()
            coming = next(stages, iter(()))
            for planned in self._layout.batches(
                chunk, self._batch_words, config.seed, epoch, index, share
            ):
                words = epoch * n_words + start + int((stop - start) * planned.done)
                alpha = learning_rate(config, words / (n_words * config.epochs))
                yield Step(
                    batches=planned.batches,
                    first_part=planned.first_part,
                    parts=planned.parts,
                    alpha=alpha,
                    with_loss=count % self._loss_every == 0,
                    info=words,
                )
                count += 1
                next(coming, None)  # no batch waits for the whole of the next chunk
            self._corpus.release()

    def _stage(self, epoch: int, index: int, worker: Worker) -> Iterator[None]:
        """Sample a worker's pieces of a chunk, one at each step of the iterator."""
        borders = piece_borders(*self._chunks[index])
        for number in range(worker.rank, len(borders), worker.size):
            piece = sample_piece(
                self._corpus,
                *borders[number],
                thresholds=self._thresholds,
                window=self._config.window,
                shrink_windows=self._config.shrink_windows,
                seed=self._config.seed,
                epoch=epoch,
            )
            self._buffer.stage(number, piece)
            yield


def _to_host(array: Array) -> NDArray[np.float32]:
    """Copy a device's array to NumPy; a NumPy array is returned as it is."""
    if hasattr(array, "get"):  # CuPy
        array = array.get()
    return np.asarray(array)

"""The training loop: chunks of the corpus become batches, batches become steps."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.backend import Device, Profile, Step, get_device
from xw2v.config import TrainingConfig
from xw2v.errors import CorpusError
from xw2v.sampling import (
    BlockLayout,
    Chunk,
    ChunkBuffer,
    NoiseTable,
    PairLayout,
    Purpose,
    keep_thresholds,
    random_bits,
    sample_pieces,
    stream_key,
)
from xw2v.text import EncodedCorpus, Vocabulary

__all__ = [
    "LossRecord",
    "Progress",
    "TrainingResult",
    "initial_parameters",
    "learning_rate",
    "train",
]

Array = Any

_CHUNK_WORDS = 1 << 20
_UPDATES_AN_EPOCH = 100  # at least, so that small corpora do not train in a few large steps
_ORDINARY_RATE = 0.05  # small vocabularies diverge at 0.2 if damped as at 0.05
_PAIR_LAYOUT_SHRINK = 8  # a center has that many times the targets it has in the block layout
_SHARED_NEGATIVES = 32  # of a group, where the user names no number
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
        Input vectors, the ones to keep, and output vectors; on the host.
    losses : tuple of LossRecord
    seconds : float
        Time the training took, reading excluded.
    """

    w_in: NDArray[np.float32]
    w_out: NDArray[np.float32]
    losses: tuple[LossRecord, ...]
    seconds: float


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """Return the learning rate after a share of all corpus words, falling linearly.

    Parameters
    ----------
    config : TrainingConfig
    progress : float
        In 0..1.
    """
    return config.alpha - (config.alpha - config.min_alpha) * progress


def curvature(config: TrainingConfig, alpha: float) -> float:
    """Return the curvature that damping takes for a unit of weight at a learning rate.

    Curvature grows with the squared length of the vectors, and large rates make long vectors:
    what holds at ordinary rates is raised in proportion above them.

    Parameters
    ----------
    config : TrainingConfig
    alpha : float
        Learning rate.
    """
    return config.damping * max(1.0, alpha / _ORDINARY_RATE)


def initial_parameters(n_words: int, config: TrainingConfig, xp: Any, device: Any) -> Array:
    """Return W_in uniform within 0.5 / D of zero, and W_out zero, as word2vec.c does.

    Parameters
    ----------
    n_words : int
        Rows V.
    config : TrainingConfig
        Gives dimension and seed.
    xp, device : namespace and device of the arrays

    Returns
    -------
    array, shape (2, V, D), float32
        W_in and W_out, the same numbers on every device.
    """
    size = config.vector_size
    key = stream_key(config.seed, Purpose.INITIAL_WEIGHTS)
    parameters = xp.zeros((2, n_words, size), dtype=xp.float32, device=device)
    step = max(1, (1 << 18) // size)
    for row in range(0, n_words, step):
        stop = min(row + step, n_words)
        counters = xp.arange(row * size, stop * size, dtype=xp.int64, device=device)
        # 24 bits: as many as a float32 holds, so nothing is rounded
        unit = xp.astype(random_bits(key, counters) >> 39, xp.float32) / float(1 << 24)
        parameters[0, row:stop, :] = xp.reshape((unit - 0.5) / size, (-1, size))
    return parameters


def train(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    config: TrainingConfig,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    profile: Profile | None = None,
) -> TrainingResult:
    """Train skip-gram vectors with negative sampling.

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
    parameters = initial_parameters(len(vocabulary), config, device.xp, device.handle)
    runner = device.runner(parameters, workers=config.workers, profile=profile)
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

    for step, loss in runner.run(_steps(corpus, vocabulary, config, device)):
        words, pairs = step.info
        if loss is not None and int(pairs) > 0:
            record = LossRecord(words, words / corpus.n_words, step.alpha, loss / int(pairs))
            losses.append(record)
        report(words, step.alpha)
    report(total, learning_rate(config, 1.0))
    seconds = time.perf_counter() - began
    w_in, w_out = _to_host(parameters)
    return TrainingResult(w_in, w_out, tuple(losses), seconds)


def _steps(
    corpus: EncodedCorpus, vocabulary: Vocabulary, config: TrainingConfig, device: Device
) -> Iterator[Step]:
    xp, handle = device.xp, device.handle
    noise = NoiseTable.from_counts(vocabulary.counts, config.ns_exponent)
    noise = NoiseTable(
        xp.asarray(noise.thresholds, device=handle), xp.asarray(noise.aliases, device=handle)
    )
    keep = keep_thresholds(vocabulary.counts, config.sample)
    thresholds = xp.asarray(keep, device=handle)
    n_words = corpus.n_words
    kept = float(vocabulary.counts @ (keep / 2**31))
    layout, batch_words = _layout(config, device, int(kept))
    n_batches = config.epochs * int(kept) // max(batch_words, layout.least_words)
    loss_every = max(1, min(_BATCHES_A_LOSS, n_batches // _LOSSES_A_RUN))
    n_chunks = -(-n_words // _CHUNK_WORDS)
    borders = [n_words * i // n_chunks for i in range(n_chunks + 1)]

    def pieces(epoch: int, index: int) -> Iterator[Chunk]:
        return sample_pieces(
            corpus,
            borders[index],
            borders[index + 1],
            thresholds=thresholds,
            window=config.window,
            shrink_windows=config.shrink_windows,
            seed=config.seed,
            epoch=epoch,
        )

    stretches = list(itertools.product(range(config.epochs), range(n_chunks)))
    # One chunk is put together while the batches of the other are made.
    longest = max(stop - start for start, stop in itertools.pairwise(borders))
    current, upcoming = (ChunkBuffer(longest, config.window, xp, handle) for _ in range(2))
    upcoming.extend(pieces(*stretches[0]))
    count = 0
    for (epoch, index), following in itertools.zip_longest(stretches, stretches[1:]):
        current, upcoming = upcoming, current
        chunk = current.chunk()
        upcoming.clear()
        remaining = iter(()) if following is None else pieces(*following)
        start, stop = borders[index], borders[index + 1]
        for planned in layout.batches(chunk, noise, batch_words, config.seed, epoch, index):
            words = epoch * n_words + start + int((stop - start) * planned.done)
            alpha = learning_rate(config, words / (n_words * config.epochs))
            yield Step(
                batch=planned.batch,
                alpha=alpha,
                damping=curvature(config, alpha),
                with_loss=count % loss_every == 0,
                info=(words, planned.pairs),
            )
            count += 1
            upcoming.extend(itertools.islice(remaining, 1))  # no batch waits for a whole chunk
        upcoming.extend(remaining)
        corpus.release()


def _layout(
    config: TrainingConfig, device: Device, kept: int
) -> tuple[BlockLayout | PairLayout, int]:
    """Return the layout and the centers in a batch, for an epoch of so many centers."""
    paired = config.negatives_per == "pair"
    batch_words = config.batch_words
    if batch_words is None:
        batch_words = device.batch_words // (_PAIR_LAYOUT_SHRINK if paired else 1)
        batch_words = max(1, min(batch_words, kept // _UPDATES_AN_EPOCH))
    if paired:
        return PairLayout(negative=config.negative), batch_words
    group = config.block_size * config.group_blocks
    layout = BlockLayout(
        block_size=config.block_size,
        group_blocks=config.group_blocks,
        interleave=max(1, min(config.interleave, batch_words // group)),
        shared_negatives=config.shared_negatives or max(_SHARED_NEGATIVES, config.negative),
        negative=config.negative,
    )
    return layout, batch_words


def _to_host(array: Array) -> NDArray[np.float32]:
    """Copy a device's array to NumPy; a NumPy array is returned as it is."""
    if hasattr(array, "get"):  # CuPy
        array = array.get()
    return np.asarray(array)

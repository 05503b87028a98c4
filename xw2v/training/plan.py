"""What a corpus is trained with, and in what order."""

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xw2v.backend import Device, Runner, Step, Worker
from xw2v.config import TrainingConfig
from xw2v.sampling import ChunkBuffer, keep_thresholds, piece_borders, sample_piece
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training.choices import choose_batch_words, choose_layout, choose_optimizer
from xw2v.training.initial import InitialVectors
from xw2v.training.memory import (
    MemoryNeeds,
    batch_memory,
    check_memory,
    chunk_memory,
    parameter_memory,
)
from xw2v.training.run import Position
from xw2v.training.schedule import learning_rate

__all__ = ["CHUNK_WORDS", "Place", "Plan", "chunk_borders"]

Array = Any

CHUNK_WORDS = 1 << 20
_BATCHES_A_LOSS = 128  # at most: the loss of so many batches is measured on one of them
_LOSSES_A_RUN = 50  # at least, where there are as many batches


def chunk_borders(n_words: int) -> list[int]:
    """Return where the chunks of a corpus of so many words begin, and where the last one ends."""
    n_chunks = -(-n_words // CHUNK_WORDS)
    return [n_words * i // n_chunks for i in range(n_chunks + 1)]


@dataclass(frozen=True)
class Place:
    """Where in a run a batch stands.

    Parameters
    ----------
    words : int
        Corpus words trained before it, over all epochs.
    then : Position
        Where the run stands after it.
    """

    words: int
    then: Position


class Plan:
    """The batches of a run: the same for all workers.

    Parameters
    ----------
    corpus : EncodedCorpus
    vocabulary : Vocabulary
    config : TrainingConfig
    device : Device

    Attributes
    ----------
    team : Team
        Who works on them.
    """

    def __init__(
        self,
        corpus: EncodedCorpus,
        vocabulary: Vocabulary,
        config: TrainingConfig,
        device: Device,
    ) -> None:
        self._corpus, self._vocabulary = corpus, vocabulary
        self._config, self._device = config, device
        xp = device.xp
        keep = keep_thresholds(vocabulary.counts, config.sample)
        self._thresholds = device.asarray(keep)
        kept = int(vocabulary.counts @ (keep / 2**31))
        # The counts of a model that is trained on are not those of the text alone.
        kept = kept * corpus.n_words // vocabulary.total
        self._total = corpus.n_words * config.epochs
        self._chunks = list(itertools.pairwise(chunk_borders(corpus.n_words)))
        longest = max(stop - start for start, stop in self._chunks)
        batch_words = choose_batch_words(config, device, kept)
        self._layout = choose_layout(config, vocabulary.counts, device, batch_words)
        least = self._layout.least_words
        self._batch_words = max(least, min(batch_words, -(-longest // least) * least))
        self.team = device.team(config.workers, self._layout.parts(self._batch_words))
        self.zeros = partial(device.zeros, team=self.team)
        n_batches = config.epochs * kept // self._batch_words
        self._loss_every = max(1, min(_BATCHES_A_LOSS, n_batches // _LOSSES_A_RUN))
        whole = device.holds(corpus.ids, config.device_share)
        check_memory(self._needs(longest, whole), device.free_memory(), device.name)
        self._ids = device.ids(corpus.ids, self._chunks, whole=whole)
        self._piece_words = None if device.works_in_cache else longest
        lengths = self.team.zeros(len(self._pieces(0, longest)), np.int64)
        self._buffer = ChunkBuffer(
            longest, config.window, self.zeros, lengths, xp, self._piece_words
        )

    def _needs(self, longest: int, whole: bool) -> MemoryNeeds:
        config, layout, outputs = self._config, self._layout, self._outputs
        parameters, state = parameter_memory(
            len(self._vocabulary), outputs, config.vector_size, choose_optimizer(config)
        )
        parts = layout.parts(self._batch_words)
        return MemoryNeeds(
            parameters=parameters,
            optimizer=state,
            text=self._corpus.ids.nbytes if whole else 8 * longest,
            chunk=chunk_memory(longest),
            batch=batch_memory(layout, parts, config.window, config.vector_size),
        )

    @property
    def _outputs(self) -> int:
        """Rows of W_out."""
        return len(self._vocabulary) - (self._config.output == "hierarchical")

    def runner(self, initial: InitialVectors | None) -> Runner:
        """Return what makes the steps, its parameters zeros.

        Parameters
        ----------
        initial : InitialVectors or None
            Says which vectors are not to change, besides those of the configuration.
        """
        config, layout, n_words = self._config, self._layout, len(self._vocabulary)
        parts = layout.parts(self._batch_words)
        hierarchical = config.output == "hierarchical"
        trainable: list[Array | None] = [None, None]
        if config.frozen or (initial is not None and initial.frozen):
            masks = np.ones((2, n_words), dtype=np.float32)
            masks[:, self._vocabulary.encode(config.frozen)] = 0.0
            if initial is not None and initial.frozen:
                masks[0, initial.ids] = 0.0
            trainable = [self._device.asarray(mask) for mask in masks]
            if hierarchical:
                trainable[1] = None  # The inner nodes of a tree are no words.
        return self._device.runner(
            n_words,
            config.vector_size,
            team=self.team,
            parts=parts,
            part_rows=layout.part_rows(config.window),
            outputs=self._outputs,
            optimizer=choose_optimizer(config),
            trainable=(trainable[0], trainable[1]),
            hidden=parts * layout.least_words if config.output == "softmax" else 0,
            ordered=config.deterministic,
        )

    def steps(self, worker: Worker, share: tuple[int, int], start: Position) -> Iterator[Step]:
        """Yield the steps from a position to the end of the last epoch.

        Parameters
        ----------
        worker : Worker
        share : (int, int)
            Which of how many shares of each batch to plan.
        start : Position

        Yields
        ------
        Step
            Its `info` is a `Place`.
        """
        config, n_chunks = self._config, len(self._chunks)
        first = start.epoch * n_chunks + start.chunk
        stretches = [divmod(number, n_chunks) for number in range(first, config.epochs * n_chunks)]
        stages = (self._stage(epoch, index, worker) for epoch, index in stretches)
        coming = next(stages, iter(()))
        begin, count = start.batch, start.steps
        for epoch, index in stretches:
            deque(coming, maxlen=0)
            worker.meet()
            n_pieces = len(self._pieces(*self._chunks[index]))
            chunk = self._buffer.assemble(range(worker.rank, n_pieces, worker.size), n_pieces)
            worker.meet()
            coming = next(stages, iter(()))
            planned = self._layout.batches(
                chunk, self._batch_words, config.seed, epoch, index, share, begin
            )
            for number, batch in enumerate(planned, begin):
                count += 1
                after = (epoch, index, number + 1)
                if batch.then == 1:
                    after = (*divmod(epoch * n_chunks + index + 1, n_chunks), 0)
                place = Place(
                    self._words(epoch, index, batch.done),
                    Position(
                        epoch=after[0],
                        chunk=after[1],
                        batch=after[2],
                        steps=count,
                        words=self._words(epoch, index, batch.then),
                    ),
                )
                yield Step(
                    batches=batch.batches,
                    first_part=batch.first_part,
                    parts=batch.parts,
                    alpha=learning_rate(config, place.words / self._total),
                    with_loss=(count - 1) % self._loss_every == 0,
                    info=place,
                )
                next(coming, None)  # no batch waits for the whole of the next chunk
            begin = 0
            self._corpus.release()

    def _pieces(self, start: int, stop: int) -> list[tuple[int, int]]:
        return piece_borders(start, stop, self._piece_words)

    def _words(self, epoch: int, index: int, share: float) -> int:
        """Return how many corpus words come before a share of a chunk is done."""
        start, stop = self._chunks[index]
        return epoch * self._corpus.n_words + start + int((stop - start) * share)

    def _stage(self, epoch: int, index: int, worker: Worker) -> Iterator[None]:
        """Sample a worker's pieces of a chunk, one at each step of the iterator."""
        borders = self._pieces(*self._chunks[index])
        for number in range(worker.rank, len(borders), worker.size):
            piece = sample_piece(
                self._corpus,
                *borders[number],
                thresholds=self._thresholds,
                window=self._config.window,
                shrink_windows=self._config.shrink_windows,
                seed=self._config.seed,
                epoch=epoch,
                ids=self._ids,
            )
            self._buffer.stage(number, piece)
            yield

"""Output layers of blocks of text: what their hidden vectors are multiplied with.

Each makes the batch of some blocks for skip-gram, where every center predicts its context words,
and for CBOW, where the projection of the context words predicts the center.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel import Batch, Term
from xw2v.sampling.noise import NoiseTable
from xw2v.sampling.random import even_bits
from xw2v.sampling.text_blocks import Cbow, TextBlocks

__all__ = ["NegativeOutput", "Output", "SoftmaxOutput"]

Array = Any

_WORDS_AT_ONCE = 512  # of the vocabulary, that compete with each other: see the kernel
_SOFTMAX_WEIGHT = 8.0  # of a prediction: with 2, small vocabularies diverge


class Output(Protocol):
    """An output layer."""

    @property
    def part_blocks(self) -> int:
        """Blocks in each of the parts into which a batch can be cut."""
        ...

    def part_rows(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return how many inputs and targets a part has at most.

        Parameters
        ----------
        block_size : int
            Centers T in a block.
        window : int
            Largest distance c of a context word.
        cbow : Cbow or None
            None for skip-gram.
        """
        ...

    def part_logits(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return about how many logits a part has; parameters as for `part_rows`."""
        ...

    def batches(
        self, text: TextBlocks, cbow: Cbow | None, numbers: Array, key: int
    ) -> Sequence[Batch]:
        """Make one batch of the blocks of some parts, or where shapes differ one of each part.

        Parameters
        ----------
        text : TextBlocks
        cbow : Cbow or None
            None for skip-gram.
        numbers : array, shape (P,), int64
            Numbers of the parts in their chunk.
        key : int
            Of the chunk's stream of random numbers.
        """
        ...


def _inputs(block_size: int, window: int, cbow: Cbow | None) -> int:
    return block_size if cbow is None else block_size + 2 * window


@dataclass(frozen=True, kw_only=True)
class NegativeOutput:
    """Negative sampling; noise words are shared by groups of blocks.

    For each group S words are drawn; each weighs p K / S for a hidden vector of p predictions,
    which gives the expected gradient of K independent negatives for each prediction.

    Parameters
    ----------
    noise : NoiseTable
    negative : int
        Negatives K that a prediction stands for.
    shared_negatives : int
        Noise words S of a group.
    group_blocks : int
        Blocks G whose number of centers make a group.
    interleave : int
        Groups I that take turns: a group has every I-th center of I G blocks. The more blocks
        its centers come from, the less do its negatives depend on what a text is about.
    """

    noise: NoiseTable
    negative: int
    shared_negatives: int
    group_blocks: int
    interleave: int

    @property
    def part_blocks(self) -> int:
        """Those of the groups that take turns."""
        return self.group_blocks * self.interleave

    def part_rows(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return how many inputs and targets a part has."""
        positives = block_size + 2 * window if cbow is None else block_size
        each = _inputs(block_size, window, cbow) + positives
        return each * self.part_blocks + self.interleave * self.shared_negatives

    def part_logits(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return how many logits a part has: of contexts, or of centers, and of noise words."""
        positives = block_size + 2 * window if cbow is None else 1
        return self.part_blocks * block_size * (positives + self.shared_negatives)

    def batches(
        self, text: TextBlocks, cbow: Cbow | None, numbers: Array, key: int
    ) -> Sequence[Batch]:
        """Make one batch; parameters as for `Output.batches`."""
        xp = array_namespace(text.words)
        parts, turns, shared = numbers.shape[0], self.interleave, self.shared_negatives
        each = xp.arange(turns * shared, dtype=xp.int64, device=device_of(numbers))
        draws = numbers[:, None] * (turns * shared) + each[None, :]
        targets = xp.reshape(self.noise.draw(even_bits(key, draws)), (parts * turns, shared))
        share = self.negative / shared
        predictions = xp.reshape(text.predictions(cbow), (parts, -1, turns))
        # Whole numbers are added up exactly, in whatever order: shares of a batch agree.
        totals = xp.reshape(xp.sum(predictions, axis=1), (parts * turns, 1)) * share
        weights = xp.permute_dims(predictions, (0, 2, 1)) * share
        negatives = Term(
            targets=targets,
            labels=0.0,
            weights=xp.reshape(weights, (parts * turns, -1, 1)),
            target_weights=xp.broadcast_to(totals, targets.shape),
            interleave=turns,
        )
        terms = (text.positives(cbow), negatives)
        return [text.batch(cbow, terms, 1.0 + self.negative, parts)]


@dataclass(frozen=True, kw_only=True)
class SoftmaxOutput:
    """The softmax over the whole vocabulary."""

    @property
    def part_blocks(self) -> int:
        """Every block is a part."""
        return 1

    def part_rows(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return how many inputs a part has; its targets are all words."""
        return _inputs(block_size, window, cbow)

    def part_logits(self, block_size: int, window: int, cbow: Cbow | None) -> int:  # noqa: ARG002
        """Return how many logits a part has at a time: with a block of the vocabulary."""
        return block_size * _WORDS_AT_ONCE

    def batches(
        self,
        text: TextBlocks,
        cbow: Cbow | None,
        numbers: Array,
        key: int,  # noqa: ARG002 - as in the protocol
    ) -> Sequence[Batch]:
        """Make one batch; parameters as for `Output.batches`."""
        terms = (text.positives(cbow, softmax=True),)
        return [text.batch(cbow, terms, _SOFTMAX_WEIGHT, numbers.shape[0])]

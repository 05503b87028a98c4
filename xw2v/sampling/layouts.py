"""How the words of a chunk become batches of matrix products.

Both layouts of skip-gram with negative sampling have the same expected gradient:

- blocks: T consecutive centers against the T + 2c words around them, and against S noise words
  that the G blocks of a group share, each weighing n K / S for a center of n contexts;
- pairs: each center against its 2c context places and K noise words of its own for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel import Batch, Term
from xw2v.sampling.chunks import Chunk
from xw2v.sampling.noise import NoiseTable
from xw2v.sampling.random import Purpose, even_bits, random_bits, stream_key

__all__ = ["BlockLayout", "PairLayout", "PlannedBatch"]

Array = Any

_BATCHES_DRAWN = 8  # whose negatives are drawn at once: many small calls become few
_TABLE_ELEMENTS = 1 << 20  # of the masks of all possible windows, to stay in cache


@dataclass(frozen=True)
class PlannedBatch:
    """A batch, and what is counted about it.

    Parameters
    ----------
    batch : Batch
    pairs : array, shape (), int64
        Positive pairs in it.
    done : float
        Share of the chunk's centers that came before it, in 0..1.
    """

    batch: Batch
    pairs: Array
    done: float


@dataclass(frozen=True, kw_only=True)
class BlockLayout:
    """Blocks of text; negatives shared by groups of blocks.

    Parameters
    ----------
    block_size : int
        Centers T in a block.
    group_blocks : int
        Blocks G whose number of centers make a group.
    interleave : int
        Groups I that take turns: a group has every I-th center of I G blocks. The more blocks
        its centers come from, the less do its negatives depend on what a text is about.
    shared_negatives : int
        Noise words S of a group.
    negative : int
        Negatives K that a positive pair stands for.
    """

    block_size: int
    group_blocks: int
    interleave: int
    shared_negatives: int
    negative: int

    @property
    def least_words(self) -> int:
        """Centers in the smallest batch: the groups that take turns."""
        return self.block_size * self.group_blocks * self.interleave

    def batches(
        self, chunk: Chunk, noise: NoiseTable, batch_words: int, seed: int, epoch: int, index: int
    ) -> Iterator[PlannedBatch]:
        """Plan the batches of a chunk, its blocks in random order.

        Parameters
        ----------
        chunk : Chunk
        noise : NoiseTable
            On the chunk's device.
        batch_words : int
            Centers in a batch, rounded to whole groups.
        seed, epoch, index : int
            What the draws are made from; `index` is the chunk's number.

        Yields
        ------
        PlannedBatch
            Every word of the chunk is a center of just one.
        """
        xp = array_namespace(chunk.tokens)
        device = device_of(chunk.tokens)
        size, width = self.block_size, self.block_size + 2 * chunk.window
        group = size * self.group_blocks
        turns = self.interleave
        n_groups = -(-len(chunk) // (turns * group)) * turns
        padding = n_groups * group - len(chunk)  # centers without contexts: of no weight
        tokens = _pad(chunk.tokens, padding)
        left = xp.reshape(_pad(chunk.left, padding), (-1, size))
        right = xp.reshape(_pad(chunk.right, padding), (-1, size))
        order = xp.argsort(
            random_bits(
                stream_key(seed, Purpose.BLOCK_ORDER, epoch, index),
                xp.arange(n_groups * self.group_blocks, dtype=xp.int64, device=device),
            )
        )
        key = stream_key(seed, Purpose.NEGATIVES, epoch, index)
        within = xp.arange(width, dtype=order.dtype, device=device)
        windows = _Windows(xp, size, chunk.window, device)
        each = xp.ones((1, size), dtype=xp.float32, device=device)
        step = max(1, batch_words // (turns * group)) * turns
        ahead = step * _BATCHES_DRAWN
        for g in range(0, n_groups, step):
            groups = min(step, n_groups - g)
            blocks = order[g * self.group_blocks : (g + groups) * self.group_blocks]
            places = (blocks * size)[:, None] + within[None, :]
            contexts = xp.take(tokens, xp.reshape(places, (-1,)), axis=0)
            contexts = xp.reshape(contexts, (-1, width))
            before = xp.take(left, blocks, axis=0)
            after = xp.take(right, blocks, axis=0)
            mask = windows.mask(before, after)
            both = before + after
            n_contexts = xp.astype(both, xp.float32)
            if g % ahead == 0:
                draws = [min(n, n_groups) * self.shared_negatives for n in (g, g + ahead)]
                bits = even_bits(key, xp.arange(*draws, dtype=xp.int64, device=device))
                drawn = noise.draw(xp.reshape(bits, (-1, self.shared_negatives)))
            negatives = drawn[g % ahead : g % ahead + groups, :]
            share = self.negative / self.shared_negatives
            weights = xp.reshape(n_contexts, (groups // turns, group, turns)) * share
            weights = xp.reshape(xp.permute_dims(weights, (0, 2, 1)), (groups, group, 1))
            batch = Batch(
                centers=xp.reshape(contexts[:, chunk.window : chunk.window + size], (-1,)),
                center_weights=xp.reshape(n_contexts, (-1,)) * (1.0 + self.negative),
                terms=(
                    Term(
                        targets=contexts,
                        labels=1.0,
                        weights=mask,
                        # A sum over the centers; as a product it is several times faster.
                        target_weights=xp.matmul(each, mask)[:, 0, :],
                    ),
                    Term(
                        targets=negatives,
                        labels=0.0,
                        weights=weights,
                        target_weights=xp.broadcast_to(
                            xp.sum(weights, axis=1), (groups, self.shared_negatives)
                        ),
                        interleave=turns,
                    ),
                ),
            )
            yield PlannedBatch(batch, xp.sum(both, dtype=xp.int64), g / n_groups)


@dataclass(frozen=True, kw_only=True)
class PairLayout:
    """Each center by itself, with K negatives of its own for each of its pairs.

    Parameters
    ----------
    negative : int
        Negatives K of a pair.
    """

    negative: int

    @property
    def least_words(self) -> int:
        """Centers in the smallest batch."""
        return 1

    def batches(
        self, chunk: Chunk, noise: NoiseTable, batch_words: int, seed: int, epoch: int, index: int
    ) -> Iterator[PlannedBatch]:
        """Plan the batches of a chunk, its centers in random order.

        Parameters
        ----------
        chunk, noise, batch_words, seed, epoch, index
            As for `BlockLayout.batches`.

        Yields
        ------
        PlannedBatch
            Every word of the chunk is a center of just one.
        """
        xp = array_namespace(chunk.tokens)
        device = device_of(chunk.tokens)
        places = 2 * chunk.window
        draws_per_center = places * self.negative
        order = xp.argsort(
            random_bits(
                stream_key(seed, Purpose.BLOCK_ORDER, epoch, index),
                xp.arange(len(chunk), dtype=xp.int64, device=device),
            )
        )
        key = stream_key(seed, Purpose.NEGATIVES, epoch)
        offsets = _offsets(xp, 1, chunk.window, device)
        aside = xp.asarray(
            [i for i in range(places + 1) if i != chunk.window], dtype=order.dtype, device=device
        )
        offsets = xp.take(xp.reshape(offsets, (-1,)), aside, axis=0)[None, :]
        slots = xp.arange(draws_per_center, dtype=xp.int64, device=device)[None, :]
        labels = xp.concat(
            [
                xp.ones((1, 1, places), dtype=xp.float32, device=device),
                xp.zeros((1, 1, draws_per_center), dtype=xp.float32, device=device),
            ],
            axis=2,
        )
        for c in range(0, len(chunk), batch_words):
            n = min(batch_words, len(chunk) - c)
            some = order[c : c + n]
            before = xp.take(chunk.left, some, axis=0)
            after = xp.take(chunk.right, some, axis=0)
            mask = _within(offsets, before, after)
            both = before + after
            n_contexts = xp.astype(both, xp.float32)
            contexts = xp.reshape(some[:, None] + aside[None, :], (-1,))
            contexts = xp.reshape(xp.take(chunk.tokens, contexts, axis=0), (n, places))
            # Counted by position in the corpus: the draws depend on nothing else.
            draws = xp.take(chunk.positions, some, axis=0)[:, None] * draws_per_center + slots
            negatives = noise.draw(random_bits(key, draws))
            weights = xp.concat([mask, xp.repeat(mask, self.negative, axis=1)], axis=1)
            batch = Batch(
                centers=xp.take(chunk.tokens, some + chunk.window, axis=0),
                center_weights=n_contexts * (1.0 + self.negative),
                terms=(
                    Term(
                        targets=xp.concat([contexts, negatives], axis=1),
                        labels=labels,
                        weights=weights[:, None, :],
                        target_weights=weights,
                    ),
                ),
            )
            yield PlannedBatch(batch, xp.sum(both, dtype=xp.int64), c / len(chunk))


class _Windows:
    """Masks of the context places of blocks of T centers, by look-up where that is possible."""

    def __init__(self, xp: Any, size: int, window: int, device: Any) -> None:
        self._offsets = _offsets(xp, size, window, device)
        self._reaches = window + 1  # 0..c
        self._table: Array | None = None
        n_windows = self._reaches**2
        if n_windows * self._offsets.size <= _TABLE_ELEMENTS:
            numbers = xp.arange(n_windows, dtype=xp.int16, device=device)[:, None]
            every = xp.zeros((n_windows, size), dtype=xp.int16, device=device)
            before, after = numbers // self._reaches + every, numbers % self._reaches + every
            self._table = xp.reshape(self.mask(before, after), (n_windows * size, -1))
            self._places = xp.arange(size, dtype=xp.int32, device=device)[None, :]

    def mask(self, before: Array, after: Array) -> Array:
        """Return (B, T, T + 2c) ones at the contexts of each center, zeros elsewhere.

        `before` and `after`, (B, T), say how many there are to the sides of a center.
        """
        if self._table is None:
            return _within(self._offsets, before, after)
        xp = array_namespace(before)
        rows = xp.astype(before, xp.int32) * self._reaches + after
        rows = rows * before.shape[1] + self._places
        masks = xp.take(self._table, xp.reshape(rows, (-1,)), axis=0)
        return xp.reshape(masks, (*before.shape, -1))


def _within(offsets: Array, before: Array, after: Array) -> Array:
    xp = array_namespace(before)
    mask = (offsets >= -before[..., None]) & (offsets <= after[..., None])
    return xp.astype(mask, xp.float32)


def _offsets(xp: Any, size: int, window: int, device: Any) -> Array:
    """Return (1, T, T + 2c) distances from center to place, c + 1 for the center itself."""
    center = xp.arange(size, dtype=xp.int16, device=device)[:, None] + window
    place = xp.arange(size + 2 * window, dtype=xp.int16, device=device)[None, :]
    away = place - center
    return xp.where(away == 0, xp.asarray(window + 1, dtype=xp.int16, device=device), away)[
        None, :, :
    ]


def _pad(values: Array, n: int) -> Array:
    xp = array_namespace(values)
    return xp.concat([values, xp.zeros(n, dtype=values.dtype, device=device_of(values))])

"""How the words of a chunk become batches of matrix products.

Both layouts of skip-gram with negative sampling have the same expected gradient:

- blocks: T consecutive centers against the T + 2c words around them, and against S noise words
  that the G blocks of a group share, each weighing n K / S for a center of n contexts;
- pairs: each center against its 2c context places and K noise words of its own for each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel import Batch, Term
from xw2v.sampling.chunks import Chunk
from xw2v.sampling.noise import NoiseTable
from xw2v.sampling.random import Purpose, even_bits, random_bits, stream_key

__all__ = ["BlockLayout", "PairLayout", "PlannedBatch"]

Array = Any

_PLANNED_AT_ONCE = 4  # whole batches, or as much of more
_TABLE_ELEMENTS = 1 << 20  # of the masks of all possible windows, to stay in cache


@dataclass(frozen=True)
class PlannedBatch:
    """One worker's share of a batch, and where it stands.

    Parameters
    ----------
    batch : Batch
        The share: some of the batch's parts, or none.
    first_part, parts : int
        How many parts of the batch come before the share, and how many it has in all.
    done : float
        Share of the chunk's centers that came before the batch, in 0..1.
    """

    batch: Batch
    first_part: int
    parts: int
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

    def parts(self, batch_words: int) -> int:
        """Return into how many parts a batch can be cut."""
        return max(1, batch_words // self.least_words)

    def rows(self, batch_words: int, window: int) -> int:
        """Return how many centers and targets a batch has at most."""
        centers = self.parts(batch_words) * self.least_words
        blocks = centers // self.block_size
        groups = blocks // self.group_blocks
        return 2 * centers + blocks * 2 * window + groups * self.shared_negatives

    def batches(
        self,
        chunk: Chunk,
        noise: NoiseTable,
        batch_words: int,
        seed: int,
        epoch: int,
        index: int,
        share: tuple[int, int] = (0, 1),
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
        share : (int, int)
            Which of how many shares of every batch to plan.

        Yields
        ------
        PlannedBatch
            Every word of the chunk is a center of just one.
        """
        xp = array_namespace(chunk.tokens)
        device = device_of(chunk.tokens)
        size, turns = self.block_size, self.interleave
        n_sets = -(-len(chunk) // self.least_words)
        padding = n_sets * self.least_words - len(chunk)  # centers of no contexts and no weight
        padded = Chunk(
            tokens=_pad(chunk.tokens, padding),
            positions=chunk.positions,
            left=xp.reshape(_pad(chunk.left, padding), (-1, size)),
            right=xp.reshape(_pad(chunk.right, padding), (-1, size)),
            window=chunk.window,
        )
        order = _shuffled(n_sets * turns * self.group_blocks, seed, epoch, index, xp, device)
        key = stream_key(seed, Purpose.NEGATIVES, epoch, index)
        windows = _Windows(xp, size, chunk.window, device)
        for stretches in _stretches(n_sets, self.parts(batch_words), share):
            blocks = _numbers(stretches, turns * self.group_blocks, xp, device)
            draws = _numbers(stretches, turns * self.shared_negatives, xp, device)
            negatives = noise.draw(even_bits(key, draws))
            batch = self._plan(
                padded,
                xp.take(order, blocks, axis=0),
                xp.reshape(negatives, (-1, self.shared_negatives)),
                windows,
            )
            yield from _planned(batch, stretches, n_sets)

    def _plan(self, chunk: Chunk, blocks: Array, negatives: Array, windows: "_Windows") -> Batch:
        """Make a batch of some blocks of a padded chunk and of their groups' negatives."""
        xp = array_namespace(blocks)
        size, turns, window = self.block_size, self.interleave, chunk.window
        groups, group = negatives.shape[0], size * self.group_blocks
        within = xp.arange(size + 2 * window, dtype=blocks.dtype, device=device_of(blocks))
        places = xp.reshape((blocks * size)[:, None] + within[None, :], (-1,))
        contexts = xp.reshape(xp.take(chunk.tokens, places, axis=0), (-1, size + 2 * window))
        before = xp.take(chunk.left, blocks, axis=0)
        after = xp.take(chunk.right, blocks, axis=0)
        mask = windows.mask(before, after)
        n_contexts = xp.astype(before + after, xp.float32)
        share = self.negative / self.shared_negatives
        weights = xp.reshape(n_contexts, (groups // turns, group, turns)) * share
        weights = xp.reshape(xp.permute_dims(weights, (0, 2, 1)), (groups, group, 1))
        each = xp.ones((1, size), dtype=xp.float32, device=device_of(blocks))
        return Batch(
            centers=xp.reshape(contexts[:, window : window + size], (-1,)),
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
                    target_weights=xp.broadcast_to(xp.sum(weights, axis=1), negatives.shape),
                    interleave=turns,
                ),
            ),
        )


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

    def parts(self, batch_words: int) -> int:
        """Return into how many parts a batch can be cut."""
        return batch_words

    def rows(self, batch_words: int, window: int) -> int:
        """Return how many centers and targets a batch has at most."""
        return batch_words * (1 + 2 * window * (1 + self.negative))

    def batches(
        self,
        chunk: Chunk,
        noise: NoiseTable,
        batch_words: int,
        seed: int,
        epoch: int,
        index: int,
        share: tuple[int, int] = (0, 1),
    ) -> Iterator[PlannedBatch]:
        """Plan the batches of a chunk, its centers in random order.

        Parameters
        ----------
        chunk, noise, batch_words, seed, epoch, index, share
            As for `BlockLayout.batches`.

        Yields
        ------
        PlannedBatch
            Every word of the chunk is a center of just one.
        """
        xp = array_namespace(chunk.tokens)
        device = device_of(chunk.tokens)
        order = _shuffled(len(chunk), seed, epoch, index, xp, device)
        key = stream_key(seed, Purpose.NEGATIVES, epoch)
        for stretches in _stretches(len(chunk), batch_words, share):
            some = xp.take(order, _numbers(stretches, 1, xp, device), axis=0)
            batch = self._plan(chunk, some, noise, key)
            yield from _planned(batch, stretches, len(chunk))

    def _plan(self, chunk: Chunk, some: Array, noise: NoiseTable, key: int) -> Batch:
        """Make a batch of some centers of a chunk, by their places in it."""
        xp, device = array_namespace(some), device_of(some)
        n, places = some.shape[0], 2 * chunk.window
        draws_per_center = places * self.negative
        aside = [i for i in range(places + 1) if i != chunk.window]
        aside = xp.asarray(aside, dtype=some.dtype, device=device)
        offsets = xp.reshape(_offsets(xp, 1, chunk.window, device), (-1,))
        before = xp.take(chunk.left, some, axis=0)
        after = xp.take(chunk.right, some, axis=0)
        mask = _within(xp.take(offsets, aside, axis=0)[None, :], before, after)
        contexts = xp.reshape(some[:, None] + aside[None, :], (-1,))
        contexts = xp.reshape(xp.take(chunk.tokens, contexts, axis=0), (n, places))
        # Counted by position in the corpus: the draws depend on nothing else.
        slots = xp.arange(draws_per_center, dtype=xp.int64, device=device)[None, :]
        draws = xp.take(chunk.positions, some, axis=0)[:, None] * draws_per_center + slots
        weights = xp.concat([mask, xp.repeat(mask, self.negative, axis=1)], axis=1)
        ones = xp.ones((1, 1, places), dtype=xp.float32, device=device)
        zeros = xp.zeros((1, 1, draws_per_center), dtype=xp.float32, device=device)
        return Batch(
            centers=xp.take(chunk.tokens, some + chunk.window, axis=0),
            center_weights=xp.astype(before + after, xp.float32) * (1.0 + self.negative),
            terms=(
                Term(
                    targets=xp.concat([contexts, noise.draw(random_bits(key, draws))], axis=1),
                    labels=xp.concat([ones, zeros], axis=2),
                    weights=weights[:, None, :],
                    target_weights=weights,
                ),
            ),
        )


class _Stretch(NamedTuple):
    """A share of the batch that begins at part `first` of a chunk and has `parts` of them."""

    first: int
    parts: int
    start: int
    stop: int


def _stretches(n_parts: int, step: int, share: tuple[int, int]) -> Iterator[list[_Stretch]]:
    """Cut the parts of a chunk into batches, and yield the shares of a few of them at a time.

    Planning is many small calls; for the shares of several batches, the smaller the more, they
    take hardly longer than for one.
    """
    rank, of = share
    together = of * _PLANNED_AT_ONCE
    for begin in range(0, n_parts, step * together):
        stretches = []
        for first in range(begin, min(begin + step * together, n_parts), step):
            parts = min(step, n_parts - first)
            start, stop = (first + parts * r // of for r in (rank, rank + 1))
            stretches.append(_Stretch(first, parts, start, stop))
        yield stretches


def _numbers(stretches: list[_Stretch], size: int, xp: Any, device: Any) -> Array:
    """Return the numbers of all things in some stretches, of which every part has `size`."""
    ranges = [(s.start * size, s.stop * size) for s in stretches]
    return xp.concat([xp.arange(*some, dtype=xp.int64, device=device) for some in ranges])


def _shuffled(n: int, seed: int, epoch: int, index: int, xp: Any, device: Any) -> Array:
    """Return the numbers below n in the random order in which a chunk is trained."""
    numbers = xp.arange(n, dtype=xp.int64, device=device)
    return xp.argsort(random_bits(stream_key(seed, Purpose.BLOCK_ORDER, epoch, index), numbers))


def _planned(batch: Batch, stretches: list[_Stretch], n_parts: int) -> Iterator[PlannedBatch]:
    """Cut what was planned at once into the shares of batches."""
    begin = 0
    for first, parts, start, stop in stretches:
        end = begin + stop - start
        yield PlannedBatch(batch.part(begin, end), start - first, parts, first / n_parts)
        begin = end


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
        return xp.reshape(masks, (*before.shape, self._offsets.shape[2]))


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

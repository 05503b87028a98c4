"""How the words of a chunk become batches of matrix products.

- `BlockLayout`: T consecutive centers against what their output layer asks for, blocks in random
  order; every model.
- `PairLayout`: each center by itself, with noise words of its own for every prediction; negative
  sampling in its textbook form. Its expected gradient is that of the blocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel import Batch, Term
from xw2v.sampling.chunks import Chunk
from xw2v.sampling.distinct import NoiseIntervals
from xw2v.sampling.noise import NoiseTable
from xw2v.sampling.outputs import Output
from xw2v.sampling.random import Purpose, random_bits, stream_key
from xw2v.sampling.text_blocks import Cbow, TextBlocks
from xw2v.sampling.windows import Windows, offsets, within

__all__ = ["BlockLayout", "Layout", "PairLayout", "PlannedBatch"]

Array = Any

_PLANNED_AT_ONCE = 4  # whole batches, or as much of more


@dataclass(frozen=True)
class PlannedBatch:
    """One worker's share of a batch, and where it stands.

    Parameters
    ----------
    batches : tuple of Batch
        The share: some of the batch's parts, or none; see `Output.batches`.
    first_part, parts : int
        How many parts of the batch come before the share, and how many it has in all.
    done, then : float
        Share of the chunk's centers that came before the batch, and that will be done after it;
        1 after the last.
    """

    batches: tuple[Batch, ...]
    first_part: int
    parts: int
    done: float
    then: float


class Layout(Protocol):
    """A way of cutting a chunk into batches."""

    @property
    def least_words(self) -> int:
        """Centers in the smallest batch."""
        ...

    def parts(self, batch_words: int) -> int:
        """Return into how many parts a batch can be cut."""
        ...

    def part_rows(self, window: int) -> int:
        """Return how many inputs and targets a part has at most."""
        ...

    def part_logits(self, window: int) -> int:
        """Return about how many logits a part has, those that are masked included."""
        ...

    def batches(
        self,
        chunk: Chunk,
        batch_words: int,
        seed: int,
        epoch: int,
        index: int,
        share: tuple[int, int] = (0, 1),
        begin: int = 0,
    ) -> Iterator[PlannedBatch]:
        """Plan the batches of a chunk in random order.

        Parameters
        ----------
        chunk : Chunk
        batch_words : int
            Centers in a batch, rounded to whole parts.
        seed, epoch, index : int
            What the draws are made from; `index` is the chunk's number.
        share : (int, int)
            Which of how many shares of every batch to plan.
        begin : int
            How many batches to pass over, which were made before.

        Yields
        ------
        PlannedBatch
            Every word of the chunk is a center of just one, if none is passed over.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class BlockLayout:
    """Blocks of text.

    Parameters
    ----------
    block_size : int
        Centers T in a block.
    output : Output
        The output layer.
    cbow : Cbow, optional
        How context words are put together; skip-gram if absent.
    """

    block_size: int
    output: Output
    cbow: Cbow | None = None

    @property
    def least_words(self) -> int:
        """Centers in the smallest batch, a part."""
        return self.block_size * self.output.part_blocks

    def parts(self, batch_words: int) -> int:
        """Return into how many parts a batch can be cut."""
        return max(1, batch_words // self.least_words)

    def part_rows(self, window: int) -> int:
        """Return how many inputs and targets a part has at most."""
        return self.output.part_rows(self.block_size, window, self.cbow)

    def part_logits(self, window: int) -> int:
        """Return about how many logits a part has."""
        return self.output.part_logits(self.block_size, window, self.cbow)

    def batches(
        self,
        chunk: Chunk,
        batch_words: int,
        seed: int,
        epoch: int,
        index: int,
        share: tuple[int, int] = (0, 1),
        begin: int = 0,
    ) -> Iterator[PlannedBatch]:
        """Plan the batches of a chunk, its blocks in random order; see `Layout.batches`."""
        xp = array_namespace(chunk.tokens)
        device = device_of(chunk.tokens)
        size, together = self.block_size, self.output.part_blocks
        n_parts = -(-len(chunk) // self.least_words)
        padding = n_parts * self.least_words - len(chunk)  # centers of no contexts and no weight
        padded = Chunk(
            tokens=_pad(chunk.tokens, padding),
            positions=chunk.positions,
            left=xp.reshape(_pad(chunk.left, padding), (-1, size)),
            right=xp.reshape(_pad(chunk.right, padding), (-1, size)),
            window=chunk.window,
        )
        order = _shuffled(n_parts * together, seed, epoch, index, xp, device)
        key = stream_key(seed, Purpose.NEGATIVES, epoch, index)
        windows = Windows(xp, size, chunk.window, device)
        for stretches in _stretches(n_parts, self.parts(batch_words), share, begin):
            numbers = _numbers(stretches, 1, xp, device)
            batches: Sequence[Batch] = []
            if numbers.shape[0]:
                blocks = _numbers(stretches, together, xp, device)
                text = self._text(padded, xp.take(order, blocks, axis=0), windows)
                batches = self.output.batches(text, self.cbow, numbers, key)
            yield from _planned(batches, stretches, n_parts)

    def _text(self, chunk: Chunk, blocks: Array, windows: Windows) -> TextBlocks:
        """Return some blocks of a padded chunk."""
        xp = array_namespace(blocks)
        width = self.block_size + 2 * chunk.window
        within = xp.arange(width, dtype=blocks.dtype, device=device_of(blocks))
        places = xp.reshape((blocks * self.block_size)[:, None] + within[None, :], (-1,))
        before = xp.take(chunk.left, blocks, axis=0)
        after = xp.take(chunk.right, blocks, axis=0)
        return TextBlocks(
            words=xp.reshape(xp.take(chunk.tokens, places, axis=0), (-1, width)),
            mask=windows.mask(before, after),
            n_contexts=xp.astype(before + after, xp.float32),
            before=before,
            window=chunk.window,
        )


@dataclass(frozen=True, kw_only=True)
class PairLayout:
    """Each center by itself, with K negatives of its own for each prediction.

    Parameters
    ----------
    noise : NoiseTable or NoiseIntervals
        What negatives are drawn from; intervals where `exclude_positive` is true or
        `replacement` is not.
    negative : int
        Negatives K of a prediction.
    cbow : Cbow, optional
        How context words are put together; skip-gram if absent.
    exclude_positive : bool
        Draw no negative that is the word to be predicted.
    replacement : bool
        A prediction may have the same negative twice.
    """

    noise: NoiseTable | NoiseIntervals
    negative: int
    cbow: Cbow | None = None
    exclude_positive: bool = False
    replacement: bool = True

    @property
    def least_words(self) -> int:
        """Centers in the smallest batch."""
        return 1

    def parts(self, batch_words: int) -> int:
        """Return into how many parts a batch can be cut."""
        return batch_words

    def part_rows(self, window: int) -> int:
        """Return how many inputs and targets a part has."""
        inputs = 1 if self.cbow is None else 2 * window
        return inputs + self.part_logits(window)

    def part_logits(self, window: int) -> int:
        """Return how many logits a part has, one for each target."""
        predictions = 2 * window if self.cbow is None else 1
        return predictions * (1 + self.negative)

    def batches(
        self,
        chunk: Chunk,
        batch_words: int,
        seed: int,
        epoch: int,
        index: int,
        share: tuple[int, int] = (0, 1),
        begin: int = 0,
    ) -> Iterator[PlannedBatch]:
        """Plan the batches of a chunk, its centers in random order; see `Layout.batches`."""
        xp = array_namespace(chunk.tokens)
        device = device_of(chunk.tokens)
        order = _shuffled(len(chunk), seed, epoch, index, xp, device)
        key = stream_key(seed, Purpose.NEGATIVES, epoch)
        for stretches in _stretches(len(chunk), batch_words, share, begin):
            some = xp.take(order, _numbers(stretches, 1, xp, device), axis=0)
            batch = self._plan(chunk, some, key)
            yield from _planned([batch], stretches, len(chunk))

    def _plan(self, chunk: Chunk, some: Array, key: int) -> Batch:
        """Make a batch of some centers of a chunk, by their places in it."""
        xp, device = array_namespace(some), device_of(some)
        n, places = some.shape[0], 2 * chunk.window
        aside = [i for i in range(places + 1) if i != chunk.window]
        aside = xp.asarray(aside, dtype=some.dtype, device=device)
        distances = xp.reshape(offsets(xp, 1, chunk.window, device), (-1,))
        before = xp.take(chunk.left, some, axis=0)
        after = xp.take(chunk.right, some, axis=0)
        mask = within(xp.take(distances, aside, axis=0)[None, :], before, after)
        contexts = xp.reshape(some[:, None] + aside[None, :], (-1,))
        contexts = xp.reshape(xp.take(chunk.tokens, contexts, axis=0), (n, places))
        centers = xp.take(chunk.tokens, some + chunk.window, axis=0)
        n_contexts = xp.astype(before + after, xp.float32)
        if self.cbow is None:
            positives, weights = contexts, mask
            predictions = n_contexts
        else:
            predictions = xp.minimum(n_contexts, xp.ones_like(n_contexts))
            positives, weights = centers[:, None], predictions[:, None]
        n_positives = positives.shape[1]
        # Counted by position in the corpus: the draws depend on nothing else.
        slots = n_positives * self.negative
        draws = xp.take(chunk.positions, some, axis=0)[:, None] * slots
        draws = draws + xp.arange(slots, dtype=xp.int64, device=device)[None, :]
        negatives = self._draw(random_bits(key, draws), positives)
        weights = xp.concat([weights, xp.repeat(weights, self.negative, axis=1)], axis=1)
        ones = xp.ones((1, 1, n_positives), dtype=xp.float32, device=device)
        zeros = xp.zeros((1, 1, slots), dtype=xp.float32, device=device)
        term = Term(
            targets=xp.concat([positives, negatives], axis=1),
            labels=xp.concat([ones, zeros], axis=2),
            weights=weights[:, None, :],
            target_weights=weights,
        )
        inputs, projection = centers, None
        input_weights = predictions * (1.0 + self.negative)
        if self.cbow is not None:
            inputs = xp.reshape(contexts, (-1,))
            projection = self.cbow.projection(mask[:, None, :], n_contexts[:, None])
            input_weights = self.cbow.input_weights(
                projection, input_weights[:, None], n_contexts[:, None]
            )
        return Batch(
            inputs=inputs,
            input_weights=input_weights,
            predictions=predictions,
            terms=(term,),
            projection=projection,
            parts=n,
        )

    def _draw(self, bits: Array, positives: Array) -> Array:
        """Draw K negatives for each of the positives, (n, P K), from as many random numbers."""
        if isinstance(self.noise, NoiseTable):
            return self.noise.draw(bits)
        xp = array_namespace(bits)
        words = self.noise.draw(
            xp.reshape(bits, (*positives.shape, self.negative)),
            positives if self.exclude_positive else None,
            replacement=self.replacement,
        )
        return xp.reshape(words, bits.shape)


class _Stretch(NamedTuple):
    """A share of the batch that begins at part `first` of a chunk and has `parts` of them."""

    first: int
    parts: int
    start: int
    stop: int


def _stretches(
    n_parts: int, step: int, share: tuple[int, int], begin: int
) -> Iterator[list[_Stretch]]:
    """Cut the parts of a chunk into batches, and yield the shares of a few of them at a time.

    Planning is many small calls; for the shares of several batches, the smaller the more, they
    take hardly longer than for one.
    """
    rank, of = share
    together = of * _PLANNED_AT_ONCE
    for low in range(begin * step, n_parts, step * together):
        stretches = []
        for first in range(low, min(low + step * together, n_parts), step):
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


def _planned(
    batches: Sequence[Batch], stretches: list[_Stretch], n_parts: int
) -> Iterator[PlannedBatch]:
    """Cut what was planned at once into the shares of batches.

    It is one batch of all the parts, or one for each.
    """
    begin = 0
    for first, parts, start, stop in stretches:
        end = begin + stop - start
        whole = len(batches) == 1
        share = [batches[0].part(begin, end)] if whole else batches[begin:end]
        done, then = first / n_parts, (first + parts) / n_parts
        yield PlannedBatch(tuple(share), start - first, parts, done, then)
        begin = end


def _pad(values: Array, n: int) -> Array:
    xp = array_namespace(values)
    return xp.concat([values, xp.zeros(n, dtype=values.dtype, device=device_of(values))])

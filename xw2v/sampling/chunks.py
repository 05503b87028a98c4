"""A chunk of the corpus, subsampled: the centers of a stretch of text, and their windows.

A chunk is planned at once because subsampling gives arrays whose size depends on the data,
which makes a GPU wait; everything after it has shapes known beforehand.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from numpy.typing import NDArray

from xw2v.sampling.random import Purpose, random_below, random_bits, stream_key
from xw2v.text import EncodedCorpus

__all__ = ["Chunk", "ChunkBuffer", "sample_chunk", "sample_pieces"]

Array = Any

_PIECE_WORDS = 1 << 15  # what is sampled at once: its arrays stay in cache


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The n words of a stretch of text that subsampling kept, in order.

    Parameters
    ----------
    tokens : array, shape (n + 2 c,), int32
        Word ids, with the c = window kept words before the stretch and after it; 0 where there
        are none.
    positions : array, shape (n,), int64
        Where each word stands in the corpus.
    left, right : array, shape (n,), int16
        How many of the words before and after it are context words of each center.
    window : int
        Largest distance c.
    """

    tokens: Array
    positions: Array
    left: Array
    right: Array
    window: int

    def __len__(self) -> int:
        return int(self.positions.shape[0])


class ChunkBuffer:
    """Memory in which pieces are put together to one chunk after another.

    Parameters
    ----------
    capacity : int
        Words in the longest chunk.
    window : int
        Of the chunks.
    xp, device : namespace and device of the arrays
    """

    def __init__(self, capacity: int, window: int, xp: Any, device: Any) -> None:
        self._window = window
        self._tokens = xp.zeros(capacity + 2 * window, dtype=xp.int32, device=device)
        self._positions = xp.empty(capacity, dtype=xp.int64, device=device)
        self._left, self._right = (
            xp.empty(capacity, dtype=xp.int16, device=device) for _ in range(2)
        )
        self._length = 0

    def clear(self) -> None:
        """Begin a new chunk, in the memory of the last one."""
        self._length = 0

    def extend(self, pieces: Iterable[Chunk]) -> None:
        """Put the next pieces, from `sample_pieces`, to the end."""
        window = self._window
        for piece in pieces:
            begin = self._length
            end = self._length = begin + len(piece)
            # The words before a piece are there already, those after it will be written again.
            skip = window if begin else 0
            self._tokens[begin + skip : end + 2 * window] = piece.tokens[skip:]
            self._positions[begin:end] = piece.positions
            self._left[begin:end] = piece.left
            self._right[begin:end] = piece.right

    def chunk(self) -> Chunk:
        """Return all pieces as one chunk: views, valid until `clear`."""
        n = self._length
        return Chunk(
            tokens=self._tokens[: n + 2 * self._window],
            positions=self._positions[:n],
            left=self._left[:n],
            right=self._right[:n],
            window=self._window,
        )


def sample_chunk(
    corpus: EncodedCorpus, start: int, stop: int, *, thresholds: Array, window: int, **options: Any
) -> Chunk:
    """Sample the corpus words `start` to `stop`: the pieces of `sample_pieces`, joined.

    Parameters
    ----------
    corpus, start, stop, thresholds, window, **options
        As for `sample_pieces`.

    Returns
    -------
    Chunk
    """
    xp, device = array_namespace(thresholds), device_of(thresholds)
    buffer = ChunkBuffer(stop - start, window, xp, device)
    options |= {"thresholds": thresholds, "window": window}
    buffer.extend(sample_pieces(corpus, start, stop, **options))
    return buffer.chunk()


def sample_pieces(
    corpus: EncodedCorpus,
    start: int,
    stop: int,
    *,
    thresholds: Array,
    window: int,
    shrink_windows: bool,
    seed: int,
    epoch: int,
) -> Iterator[Chunk]:
    """Subsample the corpus words `start` to `stop` and draw a window for each kept word.

    What is drawn for a word depends on its position in the corpus alone, so contexts reach
    over the ends of a stretch and its size changes nothing but the order of training.

    Parameters
    ----------
    corpus : EncodedCorpus
    start, stop : int
        Positions in the corpus.
    thresholds : array, shape (V,), int64
        From `keep_thresholds`; its namespace and device are those of the result.
    window : int
        Largest distance c, at most 16383.
    shrink_windows : bool
        Draw windows uniformly from 1..c instead of taking c always.
    seed, epoch : int
        What the draws are made from.

    Yields
    ------
    Chunk
        A short stretch at a time, which bounds the memory and the wait for it.
    """
    xp = array_namespace(thresholds)
    device = device_of(thresholds)
    key = stream_key(seed, Purpose.WORDS, epoch)

    def kept(low: int, high: int) -> tuple[Array, Array, Array]:
        ids = xp.asarray(np.asarray(corpus.ids[low:high]), device=device)
        positions = xp.arange(low, high, dtype=xp.int64, device=device)
        bits = random_bits(key, positions)
        (chosen,) = xp.nonzero((bits & 0x7FFFFFFF) < xp.take(thresholds, ids, axis=0))
        return tuple(xp.take(values, chosen, axis=0) for values in (ids, positions, bits))

    def padding(n: int) -> Array:
        return xp.zeros(n, dtype=xp.int32, device=device)

    for low in range(start, stop, _PIECE_WORDS):
        high = min(low + _PIECE_WORDS, stop)
        first, last = _sentence_bounds(corpus.starts, low, high)
        ids, positions, bits = kept(low, high)
        before, before_positions = _reach(kept, first, low, window, backwards=True)
        after, after_positions = _reach(kept, high, last, window, backwards=False)

        # Where the sentence of each center begins and ends, counted in kept words.
        around = xp.concat([before_positions, positions, after_positions])
        inside = corpus.starts[slice(*np.searchsorted(corpus.starts, [low, high], side="right"))]
        cuts = xp.asarray(np.concatenate(([first], inside, [last])).astype(np.int64), device=device)
        borders = xp.searchsorted(around, cuts)
        order = xp.arange(ids.shape[0], dtype=borders.dtype, device=device)
        order += before.shape[0]
        sentence = xp.searchsorted(borders, order, side="right")
        reach = xp.full(order.shape, window, dtype=xp.int64, device=device)
        if shrink_windows:
            reach = random_below(bits >> 32, window) + 1
        left = xp.minimum(reach, order - xp.take(borders, sentence - 1, axis=0))
        right = xp.minimum(reach, xp.take(borders, sentence, axis=0) - 1 - order)

        tokens = [padding(window - before.shape[0]), before, ids]
        tokens += [after, padding(window - after.shape[0])]
        yield Chunk(
            tokens=xp.concat(tokens),
            positions=positions,
            left=xp.astype(left, xp.int16),
            right=xp.astype(right, xp.int16),
            window=window,
        )


def _sentence_bounds(starts: NDArray[np.int64], start: int, stop: int) -> tuple[int, int]:
    """Return where the sentence of word `start` begins and that of word ``stop - 1`` ends."""
    first = starts[np.searchsorted(starts, start, side="right") - 1]
    last = starts[np.searchsorted(starts, stop, side="left")]
    return int(first), int(last)


def _reach(kept: Any, low: int, high: int, count: int, *, backwards: bool) -> tuple[Array, Array]:
    """Return the `count` kept words of low..high nearest to its one end, or all there are."""
    size = 8 * count
    while True:
        size = min(size, high - low)
        ids, positions, _ = kept(high - size, high) if backwards else kept(low, low + size)
        if ids.shape[0] >= count or size == high - low:
            n = ids.shape[0]
            nearest = slice(max(0, n - count), n) if backwards else slice(0, min(count, n))
            return ids[nearest], positions[nearest]
        size *= 4

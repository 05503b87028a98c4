"""A chunk of the corpus, subsampled: the centers of a stretch of text, and their windows.

A chunk is planned at once because subsampling gives arrays whose size depends on the data,
which makes a GPU wait; everything after it has shapes known beforehand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from numpy.typing import NDArray

from xw2v.sampling.random import Purpose, random_below, random_bits, stream_key
from xw2v.text import EncodedCorpus

__all__ = [
    "PIECE_WORDS",
    "Chunk",
    "ChunkBuffer",
    "Ids",
    "piece_borders",
    "sample_chunk",
    "sample_piece",
]

Array = Any

PIECE_WORDS = 1 << 15  # of the corpus: what is sampled at once, so that its arrays stay in cache


class Ids(Protocol):
    """The ids of a corpus, of which slices are arrays of the device that samples them."""

    def __getitem__(self, stretch: slice) -> Array:
        """Return the ids of a stretch, shape (n,), int32; valid until the next is asked for."""
        ...


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
    """Memory in which one chunk after another is put together, its pieces in any order.

    The pieces of a chunk are staged while the batches of the one before are made, and copied
    to their places once the length of each is known.

    Parameters
    ----------
    capacity : int
        Corpus words of the longest chunk.
    window : int
        Of the chunks.
    zeros : callable
        Makes an array from a shape and a dtype, in memory that all who stage pieces see.
    lengths : ndarray of int64, shape (capacity / `piece_words`, rounded up,)
        Zeros, in such memory as well.
    xp : namespace
        Of the arrays.
    piece_words : int, optional
        Corpus words of a piece; `PIECE_WORDS` if absent.
    """

    def __init__(
        self,
        capacity: int,
        window: int,
        zeros: Callable[[tuple[int, ...], Any], Array],
        lengths: NDArray[np.int64],
        xp: Any,
        piece_words: int | None = None,
    ) -> None:
        self._window = window
        self._piece_words = piece_words or PIECE_WORDS
        self._lengths = lengths
        self._head = zeros((window,), xp.int32)  # the words before the first piece
        self._tails = zeros((lengths.size, window), xp.int32)  # those after each
        self._staged, self._placed = (
            Chunk(
                tokens=zeros((capacity + 2 * window,), xp.int32),
                positions=zeros((capacity,), xp.int64),
                left=zeros((capacity,), xp.int16),
                right=zeros((capacity,), xp.int16),
                window=window,
            )
            for _ in range(2)
        )

    def stage(self, number: int, piece: Chunk) -> None:
        """Take a piece of the coming chunk.

        Parameters
        ----------
        number : int
            Which, in order of the text.
        piece : Chunk
        """
        self._lengths[number] = n = len(piece)
        if number == 0:
            self._head[:] = piece.tokens[: self._window]
        self._tails[number, :] = piece.tokens[n + self._window :]
        _copy(piece, 0, self._staged, number * self._piece_words, n)

    def assemble(self, numbers: Iterable[int], n_pieces: int) -> Chunk:
        """Put staged pieces to their places.

        Parameters
        ----------
        numbers : iterable of int
            Which pieces.
        n_pieces : int
            Pieces of the chunk, all of them staged.

        Returns
        -------
        Chunk
            Views, whole once every piece is in its place, and valid until the next is put there.
        """
        window, placed = self._window, self._placed
        ends = np.cumsum(self._lengths[:n_pieces]).tolist() or [0]
        for number in numbers:
            n = int(self._lengths[number])
            begin = ends[number] - n
            _copy(self._staged, number * self._piece_words, placed, begin, n)
            if number == 0:
                placed.tokens[:window] = self._head
            if number == n_pieces - 1:
                placed.tokens[window + begin + n : begin + n + 2 * window] = self._tails[number, :]
        return Chunk(
            tokens=placed.tokens[: ends[-1] + 2 * window],
            positions=placed.positions[: ends[-1]],
            left=placed.left[: ends[-1]],
            right=placed.right[: ends[-1]],
            window=window,
        )


def _copy(source: Chunk, at: int, target: Chunk, to: int, n: int) -> None:
    """Copy n words, without those around them."""
    window = source.window
    target.tokens[window + to : window + to + n] = source.tokens[window + at : window + at + n]
    for name in ("positions", "left", "right"):
        getattr(target, name)[to : to + n] = getattr(source, name)[at : at + n]


def piece_borders(start: int, stop: int, piece_words: int | None = None) -> list[tuple[int, int]]:
    """Cut a stretch of a corpus into the pieces to sample.

    Parameters
    ----------
    start, stop : int
        Positions in the corpus.
    piece_words : int, optional
        How long a piece is; `PIECE_WORDS` if absent.

    Returns
    -------
    list of (int, int)
        Start and stop of each; none is longer than that.
    """
    step = piece_words or PIECE_WORDS
    return [(low, min(low + step, stop)) for low in range(start, stop, step)]


def sample_chunk(
    corpus: EncodedCorpus, start: int, stop: int, *, thresholds: Array, window: int, **options: Any
) -> Chunk:
    """Sample the corpus words `start` to `stop`: the pieces of `sample_piece`, joined.

    Parameters
    ----------
    corpus, start, stop, thresholds, window, **options
        As for `sample_piece`, but the stretch may be of any length.

    Returns
    -------
    Chunk
    """
    xp, device = array_namespace(thresholds), device_of(thresholds)
    borders = piece_borders(start, stop)
    buffer = ChunkBuffer(
        stop - start,
        window,
        lambda shape, dtype: xp.zeros(shape, dtype=dtype, device=device),
        np.zeros(len(borders), dtype=np.int64),
        xp,
    )
    options |= {"thresholds": thresholds, "window": window}
    for number, (low, high) in enumerate(borders):
        buffer.stage(number, sample_piece(corpus, low, high, **options))
    return buffer.assemble(range(len(borders)), len(borders))


def sample_piece(
    corpus: EncodedCorpus,
    start: int,
    stop: int,
    *,
    thresholds: Array,
    window: int,
    shrink_windows: bool,
    seed: int,
    epoch: int,
    ids: Ids | None = None,
) -> Chunk:
    """Subsample the corpus words `start` to `stop` and draw a window for each kept word.

    What is drawn for a word depends on its position in the corpus alone, so contexts reach
    over the ends of a stretch and its size changes nothing but the order of training.

    Parameters
    ----------
    corpus : EncodedCorpus
    start, stop : int
        Positions in the corpus; a short stretch's arrays stay in cache.
    thresholds : array, shape (V,), int64
        From `keep_thresholds`; its namespace and device are those of the result.
    window : int
        Largest distance c, at most 16383.
    shrink_windows : bool
        Draw windows uniformly from 1..c instead of taking c always.
    seed, epoch : int
        What the draws are made from.
    ids : Ids, optional
        The ids of the corpus as they are on the device; copied there from `corpus` if absent.

    Returns
    -------
    Chunk
    """
    xp = array_namespace(thresholds)
    device = device_of(thresholds)
    key = stream_key(seed, Purpose.WORDS, epoch)

    def kept(low: int, high: int) -> tuple[Array, Array, Array]:
        some = np.asarray(corpus.ids[low:high]) if ids is None else ids[low:high]
        words = xp.asarray(some, device=device)
        positions = xp.arange(low, high, dtype=xp.int64, device=device)
        bits = random_bits(key, positions)
        (chosen,) = xp.nonzero((bits & 0x7FFFFFFF) < xp.take(thresholds, words, axis=0))
        return tuple(xp.take(values, chosen, axis=0) for values in (words, positions, bits))

    def padding(n: int) -> Array:
        return xp.zeros(n, dtype=xp.int32, device=device)

    first, last = _sentence_bounds(corpus.starts, start, stop)
    words, positions, bits = kept(start, stop)
    before, before_positions = _reach(kept, first, start, window, backwards=True)
    after, after_positions = _reach(kept, stop, last, window, backwards=False)

    # Where the sentence of each center begins and ends, counted in kept words.
    around = xp.concat([before_positions, positions, after_positions])
    inside = corpus.starts[slice(*np.searchsorted(corpus.starts, [start, stop], side="right"))]
    cuts = xp.asarray(np.concatenate(([first], inside, [last])).astype(np.int64), device=device)
    borders = xp.searchsorted(around, cuts)
    order = xp.arange(words.shape[0], dtype=borders.dtype, device=device)
    order += before.shape[0]
    sentence = xp.searchsorted(borders, order, side="right")
    reach = xp.full(order.shape, window, dtype=xp.int64, device=device)
    if shrink_windows:
        reach = random_below(bits >> 32, window) + 1
    left = xp.minimum(reach, order - xp.take(borders, sentence - 1, axis=0))
    right = xp.minimum(reach, xp.take(borders, sentence, axis=0) - 1 - order)

    tokens = [padding(window - before.shape[0]), before, words]
    tokens += [after, padding(window - after.shape[0])]
    return Chunk(
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
        words, positions, _ = kept(high - size, high) if backwards else kept(low, low + size)
        if words.shape[0] >= count or size == high - low:
            n = words.shape[0]
            nearest = slice(max(0, n - count), n) if backwards else slice(0, min(count, n))
            return words[nearest], positions[nearest]
        size *= 4

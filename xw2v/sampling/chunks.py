"""A chunk of the corpus, subsampled: the centers of a stretch of text, and their windows.

A chunk is planned at once because subsampling gives arrays whose size depends on the data,
which makes a GPU wait; everything after it has shapes known beforehand.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from numpy.typing import NDArray

from xw2v.sampling.random import Purpose, random_below, random_bits, stream_key
from xw2v.text import EncodedCorpus

__all__ = ["Chunk", "sample_chunk"]

Array = Any

_PIECE_WORDS = 1 << 17  # what is sampled at once: bounds the memory that takes


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


def sample_chunk(
    corpus: EncodedCorpus,
    start: int,
    stop: int,
    *,
    thresholds: Array,
    window: int,
    shrink_windows: bool,
    seed: int,
    epoch: int,
) -> Chunk:
    """Subsample the corpus words `start` to `stop` and draw a window for each kept word.

    What is drawn for a word depends on its position in the corpus alone, so contexts reach
    over the ends of a chunk and the chunk size changes nothing but the order of training.

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

    Returns
    -------
    Chunk
    """
    pieces = [
        _sample(
            corpus,
            low,
            min(low + _PIECE_WORDS, stop),
            thresholds=thresholds,
            window=window,
            shrink_windows=shrink_windows,
            seed=seed,
            epoch=epoch,
        )
        for low in range(start, stop, _PIECE_WORDS)
    ]
    if len(pieces) == 1:
        return pieces[0]
    xp = array_namespace(thresholds)
    tokens = [piece.tokens[window : window + len(piece)] for piece in pieces]
    last = pieces[-1].tokens
    return Chunk(
        tokens=xp.concat([pieces[0].tokens[:window], *tokens, last[last.shape[0] - window :]]),
        positions=xp.concat([piece.positions for piece in pieces]),
        left=xp.concat([piece.left for piece in pieces]),
        right=xp.concat([piece.right for piece in pieces]),
        window=window,
    )


def _sample(
    corpus: EncodedCorpus,
    start: int,
    stop: int,
    *,
    thresholds: Array,
    window: int,
    shrink_windows: bool,
    seed: int,
    epoch: int,
) -> Chunk:
    xp = array_namespace(thresholds)
    device = device_of(thresholds)
    key = stream_key(seed, Purpose.SUBSAMPLING, epoch)

    def kept(low: int, high: int) -> tuple[Array, Array]:
        ids = xp.asarray(np.asarray(corpus.ids[low:high]), device=device)
        positions = xp.arange(low, high, dtype=xp.int64, device=device)
        draws = random_bits(key, positions) & 0x7FFFFFFF
        (chosen,) = xp.nonzero(draws < xp.take(thresholds, ids, axis=0))
        return xp.take(ids, chosen, axis=0), xp.take(positions, chosen, axis=0)

    first, last = _sentence_bounds(corpus.starts, start, stop)
    ids, positions = kept(start, stop)
    before, before_positions = _reach(kept, first, start, window, backwards=True)
    after, after_positions = _reach(kept, stop, last, window, backwards=False)

    # Where the sentence of each center begins and ends, counted in kept words.
    around = xp.concat([before_positions, positions, after_positions])
    inside = corpus.starts[slice(*np.searchsorted(corpus.starts, [start, stop], side="right"))]
    cuts = xp.asarray(np.concatenate(([first], inside, [last])).astype(np.int64), device=device)
    borders = xp.searchsorted(around, cuts)
    order = xp.arange(ids.shape[0], dtype=borders.dtype, device=device)
    order += before.shape[0]
    sentence = xp.searchsorted(borders, order, side="right")
    reach = xp.full(order.shape, window, dtype=xp.int64, device=device)
    if shrink_windows:
        bits = random_bits(stream_key(seed, Purpose.WINDOW, epoch), positions)
        reach = random_below(bits, window) + 1
    left = xp.minimum(reach, order - xp.take(borders, sentence - 1, axis=0))
    right = xp.minimum(reach, xp.take(borders, sentence, axis=0) - 1 - order)

    def padding(n: int) -> Array:
        return xp.zeros(n, dtype=xp.int32, device=device)

    pieces = [padding(window - before.shape[0]), before, ids]
    pieces += [after, padding(window - after.shape[0])]
    return Chunk(
        tokens=xp.concat(pieces),
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
        ids, positions = kept(high - size, high) if backwards else kept(low, low + size)
        if ids.shape[0] >= count or size == high - low:
            n = ids.shape[0]
            nearest = slice(max(0, n - count), n) if backwards else slice(0, min(count, n))
            return ids[nearest], positions[nearest]
        size *= 4

"""The nearest vectors to one query, and to many at once.

Scores are cosines. Those of one query take a pass over the vectors, which are read faster than
they are multiplied; many queries share it, as a product of matrices.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, device, is_numpy_array
from threadpoolctl import ThreadpoolController

from xw2v.vectors.arrays import SAFE_NORMS, Array, like, to_numpy, unit_rows

__all__ = ["Table", "cosines", "nearest_rows", "table_of"]

# Scores of a block of queries against a chunk of the vocabulary; 32 MiB of float32 stay near the
# caches of a processor, a GPU wants more at a time.
_ROWS_A_CHUNK = 16_384
_QUERIES_A_BLOCK = 512
_ROWS_A_CHUNK_ELSEWHERE = 131_072
# Bytes of vectors that no cache holds, so that one query takes as long as reading them does.
_READ_FROM_MEMORY = 2**25
# Scores are looked at one by one only where the highest of so many is high enough.
_SCORES_A_BLOCK = 64

_Rows = npt.NDArray[np.int64]
_Scores = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Table:
    """Vectors that are ready to be searched.

    Attributes
    ----------
    vectors : array, shape (V, D)
    scales : array, shape (V,)
        What makes a unit vector of each; 0 for zero vectors.
    """

    vectors: Array
    scales: Array


def table_of(vectors: Array, norms: Array) -> Table:
    """Return the table of `vectors`, shape (V, D), whose lengths are `norms`, shape (V,).

    The vectors are not copied, unless some are so long or so short that a product could overflow
    or vanish: then the table holds unit vectors.
    """
    xp = array_namespace(vectors)
    is_zero = norms == 0
    lowest, highest = SAFE_NORMS
    if bool(xp.all(is_zero | ((norms >= lowest) & (norms <= highest)))):
        return Table(vectors, xp.where(is_zero, norms, 1 / xp.where(is_zero, norms + 1, norms)))
    return Table(unit_rows(vectors), xp.where(is_zero, norms, xp.ones_like(norms)))


def cosines(table: Table, query: npt.NDArray[np.floating], start: int, end: int) -> Array:
    """Return the cosines of a unit vector with some rows.

    Parameters
    ----------
    table : Table
    query : ndarray, shape (D,)
        Of length 1.
    start, end : int
        The rows.

    Returns
    -------
    array, shape (end - start,)
        In the namespace of the table.
    """
    rows = table.vectors[start:end, :]
    column = like(query, rows)
    if is_numpy_array(rows) and rows.nbytes > _READ_FROM_MEMORY and _BLAS.few_threads():
        # Row by row, which reads memory twice as fast as OpenBLAS's product with a vector does in
        # one thread, and no slower than that in two.
        return np.vecdot(rows, column) * table.scales[start:end]
    return (rows @ column) * table.scales[start:end]


class _Blas:
    """How many threads BLAS takes; looking for its libraries takes time, asking them does not."""

    def __init__(self) -> None:
        self._controller: ThreadpoolController | None = None

    def few_threads(self) -> bool:
        if self._controller is None:
            self._controller = ThreadpoolController().select(user_api="blas")
        counts = [library.get_num_threads() for library in self._controller.lib_controllers]
        return max(counts, default=1) <= 2


_BLAS = _Blas()


def nearest_rows(
    table: Table, queries: npt.NDArray[np.floating], start: int, end: int, count: int
) -> tuple[_Rows, _Scores]:
    """Return the rows whose vectors have the highest cosines with each of many queries.

    Parameters
    ----------
    table : Table
    queries : ndarray, shape (Q, D)
        Unit vectors.
    start, end : int
        The rows to search.
    count : int
        How many to find; at most ``end - start``.

    Returns
    -------
    rows : ndarray, shape (Q, count), int64
        Best first; of equal ones the lowest row.
    scores : ndarray, shape (Q, count)
        Their cosines.
    """
    usual = _ROWS_A_CHUNK if is_numpy_array(table.vectors) else _ROWS_A_CHUNK_ELSEWHERE
    chunk = max(usual, count)
    together = max(1, _QUERIES_A_BLOCK * usual // chunk)
    best = _Best(len(queries), count, queries.dtype)
    for first in range(start, end, chunk):
        last = min(first + chunk, end)
        unit = _padded(table.vectors[first:last, :] * table.scales[first:last, None])
        for begin in range(0, len(queries), together):
            block = slice(begin, min(begin + together, len(queries)))
            scores = like(queries[block], unit) @ unit.T
            scores[:, last - first :] = -np.inf
            asked, columns, found = _high_scores(scores, best.bounds(block), count)
            best.add(asked + begin, columns + first, found)
    return best.rows, best.scores


def _padded(rows: Array) -> Array:
    """Return `rows`, shape (n, D), with zero rows after them that make n a multiple of a block."""
    xp = array_namespace(rows)
    missing = -rows.shape[0] % _SCORES_A_BLOCK
    zeros = xp.zeros((missing, rows.shape[1]), dtype=rows.dtype, device=device(rows))
    return xp.concat([rows, zeros]) if missing else rows


class _Best:
    """The best rows that were found for each query so far; -1 where there is none yet."""

    def __init__(self, queries: int, count: int, dtype: npt.DTypeLike) -> None:
        self.rows: _Rows = np.full((queries, count), -1, np.int64)
        self.scores: _Scores = np.full((queries, count), -np.inf, dtype)

    def bounds(self, queries: slice) -> _Scores:
        """Return what a later row must exceed."""
        return self.scores[queries, -1]

    def add(self, asked: _Rows, rows: _Rows, scores: _Scores) -> None:
        """Take in rows, given with the query that each is for."""
        touched = np.unique(asked)
        old = self.rows[touched]
        known = old >= 0
        asked = np.concatenate([np.broadcast_to(touched[:, None], old.shape)[known], asked])
        rows = np.concatenate([old[known], rows])
        scores = np.concatenate([self.scores[touched][known], scores])
        order = np.lexsort((rows, -scores, asked))
        asked, rows, scores = asked[order], rows[order], scores[order]
        places = np.arange(len(asked)) - np.searchsorted(asked, asked)
        kept = places < self.rows.shape[1]
        self.rows[asked[kept], places[kept]] = rows[kept]
        self.scores[asked[kept], places[kept]] = scores[kept]


def _high_scores(scores: Array, bounds: _Scores, count: int) -> tuple[_Rows, _Rows, _Scores]:
    """Return the queries, columns and values of scores that the `count` highest are among.

    Of scores that are no higher than the bound of their query, none is needed. The shape of
    `scores` is (Q, C), where C is a multiple of the size of a block; block j holds the columns j,
    j + C / size, and so on, which makes the maxima quick to find.
    """
    xp = array_namespace(scores)
    asked, width = scores.shape
    blocks = width // _SCORES_A_BLOCK
    maxima = xp.max(xp.reshape(scores, (asked, _SCORES_A_BLOCK, blocks)), axis=1)
    is_high = xp.greater
    if np.isneginf(bounds).any():
        # At the beginning: so many blocks hold a score as high as the count-th highest maximum,
        # and equal ones are needed, too.
        bounds = np.maximum(bounds, _count_th(maxima if count <= blocks else scores, count))
        is_high = xp.greater_equal
    limits = like(bounds, scores)
    queries, block = xp.nonzero(is_high(maxima, limits[:, None]))
    steps = xp.arange(0, width, blocks, dtype=block.dtype, device=device(scores))
    flat = xp.reshape(queries * width + block, (-1, 1)) + steps[None, :]
    values = xp.take(xp.reshape(scores, (-1,)), xp.reshape(flat, (-1,)))
    values = xp.reshape(values, flat.shape)
    which, step = xp.nonzero(is_high(values, xp.take(limits, queries)[:, None]))
    places = to_numpy(xp.take(xp.reshape(flat, (-1,)), which * _SCORES_A_BLOCK + step))
    found = to_numpy(xp.take(xp.reshape(values, (-1,)), which * _SCORES_A_BLOCK + step))
    return places // width, places % width, found


def _count_th(values: Array, count: int) -> _Scores:
    """Return the `count`-th highest value of each row."""
    place = values.shape[1] - count
    if is_numpy_array(values):
        return np.partition(values, place, axis=1)[:, place]
    xp = array_namespace(values)
    return to_numpy(xp.sort(values, axis=1)[:, place])

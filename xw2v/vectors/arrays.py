"""What the queries need of arrays, in whatever Array API namespace the vectors are."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, device, is_cupy_array, is_numpy_array

from xw2v.errors import ConfigError

__all__ = ["Array", "like", "row_norms", "to_numpy", "top_rows", "unit_rows"]

# An array of any Array API namespace: the standard has no type for it yet.
Array: TypeAlias = Any

# Rows that are worked on at once: bounds the temporary arrays.
_ROWS_AT_ONCE = 65_536
# Norms between these come out right from a plain sum of squares, in float32 as well, and so do
# products with unit vectors.
SAFE_NORMS = (1e-15, 1e15)
# Of so many neighboring scores, `top_rows` looks at the highest first.
_SCORES_A_BLOCK = 64


def to_numpy(array: Array) -> npt.NDArray[Any]:
    """Return `array` as a NumPy array, copied only if it is on another device."""
    return np.asarray(array.get() if is_cupy_array(array) else array)


def like(array: npt.NDArray[Any], other: Array) -> Array:
    """Return a NumPy array in the namespace, of the type and on the device of `other`."""
    xp = array_namespace(other)
    return xp.asarray(array, dtype=other.dtype, device=device(other))


def row_norms(vectors: Array) -> Array:
    """Return the lengths of the rows of `vectors`, shape (n, D).

    Returns
    -------
    array, shape (n,)
        Of the type of `vectors`, so that what is too long for that is infinite.

    Raises
    ------
    ConfigError
        If an entry is NaN or infinite.
    """
    xp = array_namespace(vectors)
    count, size = vectors.shape
    norms = xp.zeros((count,), dtype=vectors.dtype, device=device(vectors))
    for start in range(0, count if size else 0, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, count)
        norms[start:end] = _block_norms(vectors[start:end, :])
    return norms


def _block_norms(rows: Array) -> Array:
    xp = array_namespace(rows)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if is_numpy_array(rows):
            norms = np.sqrt(np.vecdot(rows, rows))  # several times as fast as vector_norm
        else:
            norms = xp.linalg.vector_norm(rows, axis=1)
    lowest, highest = SAFE_NORMS
    doubtful = xp.nonzero(~((norms >= lowest) & (norms <= highest)))[0]
    if doubtful.shape[0]:
        few = xp.take(rows, doubtful, axis=0)
        if not bool(xp.all(xp.isfinite(few))):
            raise ConfigError("vectors must be finite: they hold NaN or infinity")
        largest = xp.max(xp.abs(few), axis=1)
        scaled = few / xp.where(largest > 0, largest, xp.ones_like(largest))[:, None]
        where = to_numpy(doubtful)
        exact = to_numpy(xp.linalg.vector_norm(scaled, axis=1)).astype(np.float64)
        host = np.array(to_numpy(norms))
        with np.errstate(over="ignore"):
            host[where] = exact * to_numpy(largest)
        norms = like(host, norms)
    return norms


def unit_rows(vectors: Array) -> Array:
    """Return the rows of `vectors`, shape (n, D), scaled to unit length; zero rows stay zero."""
    xp = array_namespace(vectors)
    unit = xp.empty_like(vectors)
    for start in range(0, vectors.shape[0], _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, vectors.shape[0])
        rows = vectors[start:end, :]
        # Dividing by the largest entry first keeps the squares from over- and underflowing.
        largest = xp.max(xp.abs(rows), axis=1, keepdims=True)
        rows = rows / xp.where(largest > 0, largest, xp.ones_like(largest))
        norms = xp.linalg.vector_norm(rows, axis=1, keepdims=True)
        rows = rows / xp.where(norms > 0, norms, xp.ones_like(norms))
        unit[start:end, :] = rows
    return unit


def top_rows(scores: npt.NDArray[np.floating], count: int) -> list[int]:
    """Return the rows of the `count` highest scores, best first; of equal ones the lowest row."""
    rows = _candidates(scores, count)
    chosen = scores[rows]
    if count < len(rows):
        # A partition takes any of the rows that tie for the last place: choose among them here.
        last = np.partition(chosen, len(rows) - count)[len(rows) - count]
        above = np.flatnonzero(chosen > last)
        kept = np.concatenate([above, np.flatnonzero(chosen == last)[: count - above.size]])
        rows, chosen = rows[kept], chosen[kept]
    order: list[int] = rows[np.argsort(-chosen, kind="stable")].tolist()
    return order


def _candidates(scores: npt.NDArray[np.floating], count: int) -> npt.NDArray[np.intp]:
    """Return, in order, rows that the `count` highest scores are among: a few, of many scores.

    The `count` blocks with the highest maxima hold as many scores that are no lower than the
    lowest of these maxima. To find that takes a fraction of the time of a partition.
    """
    blocks = len(scores) // _SCORES_A_BLOCK
    if count >= blocks:
        return np.arange(len(scores))
    maxima = scores[: blocks * _SCORES_A_BLOCK].reshape(blocks, _SCORES_A_BLOCK).max(axis=1)
    return np.flatnonzero(scores >= np.partition(maxima, blocks - count)[blocks - count])

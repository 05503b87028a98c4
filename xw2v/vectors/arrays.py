"""What the queries need of arrays, in whatever Array API namespace the vectors are."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, is_cupy_array

__all__ = ["Array", "to_numpy", "top_rows", "unit_rows"]

# An array of any Array API namespace: the standard has no type for it yet.
Array: TypeAlias = Any

# Rows that `unit_rows` works on at once: bounds its temporary arrays.
_ROWS_AT_ONCE = 65_536


def to_numpy(array: Array) -> npt.NDArray[Any]:
    """Return `array` as a NumPy array, copied only if it is on another device."""
    return np.asarray(array.get() if is_cupy_array(array) else array)


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
    if count >= scores.shape[0]:
        rows = np.arange(scores.shape[0])
    else:
        # A partition takes any of the rows that tie for the last place: choose among them here.
        last = -np.partition(-scores, count - 1)[count - 1]
        above = np.flatnonzero(scores > last)
        rows = np.concatenate([above, np.flatnonzero(scores == last)[: count - above.size]])
    order: list[int] = rows[np.argsort(-scores[rows], kind="stable")].tolist()
    return order

"""The nearest neighbors of every word at once: the product of all with all, block by block."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Neighborhoods", "nearest_neighbors"]

# Similarities held at once: 64 MiB of float32.
_SCORES_AT_ONCE = 2**24
# Every so many columns share a maximum, which tells whether any of them needs to be looked at.
_GROUP = 64


class Neighborhoods(NamedTuple):
    """The nearest neighbors of n words.

    Attributes
    ----------
    rows : ndarray, shape (n, k), int64
        The neighbors of each word, nearest first.
    similarities : ndarray, shape (n, k), float32
        The cosines, -1 to 1.
    """

    rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float32]


def nearest_neighbors(
    unit_vectors: npt.NDArray[np.float32],
    topn: int = 10,
    on_rows: Callable[[int], None] | None = None,
) -> Neighborhoods:
    """Find the words most similar to each word, itself left out.

    Parameters
    ----------
    unit_vectors : ndarray, shape (n, D), float32
        Rows of length one, or zero.
    topn : int
        How many to find; fewer words than that have all others as neighbors.
    on_rows : callable, optional
        Is told after each block how many words are done.

    Returns
    -------
    Neighborhoods
        With k = min(topn, n - 1). Of equally similar words the one with the lower row comes
        first; which of them take the last places is the same every time, but not defined.
    """
    n = unit_vectors.shape[0]
    k = max(0, min(topn, n - 1))
    found = np.zeros((n, k), dtype=np.int64)
    similarities = np.zeros((n, k), dtype=np.float32)
    if k == 0:
        return Neighborhoods(found, similarities)
    # Columns that are beyond the end belong to no word and are nobody's neighbor.
    groups = -(-n // _GROUP)
    size = max(1, _SCORES_AT_ONCE // (groups * _GROUP))
    scores = np.full((min(size, n), groups * _GROUP), -np.inf, dtype=np.float32)
    for start in range(0, n, size):
        end = min(start + size, n)
        block = scores[: end - start]
        np.matmul(unit_vectors[start:end], unit_vectors.T, out=block[:, :n])
        block[np.arange(end - start), np.arange(start, end)] = -np.inf
        candidates = _candidates(block, groups, k)
        values = np.take_along_axis(block, candidates, axis=1)
        # Stable, by falling similarity, of columns that rise: the order promised above.
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]
        found[start:end] = np.take_along_axis(candidates, order, axis=1)
        similarities[start:end] = np.take_along_axis(values, order, axis=1)
        if on_rows is not None:
            on_rows(end)
    return Neighborhoods(found, similarities)


def _candidates(block: npt.NDArray[np.float32], groups: int, k: int) -> npt.NDArray[np.int64]:
    """Return columns, rising, among which are the k highest of each row."""
    # The k highest lie in the k groups with the highest maxima: for each group in front of that
    # of an entry there is an entry that is as high. Group g is the columns g, g + groups, ...
    maxima = block.reshape(block.shape[0], _GROUP, groups).max(axis=1)
    if k < groups:
        best = np.argpartition(maxima, groups - k, axis=1)[:, -k:]
    else:
        best = np.broadcast_to(np.arange(groups), maxima.shape)
    columns = best[:, None, :] + groups * np.arange(_GROUP)[:, None]
    return np.sort(columns.reshape(block.shape[0], -1), axis=1)

"""Damped accumulation: large batches that move a row as far as small steps would have.

A batch adds up, for one row, updates that sequential SGD would apply one after another, each
seeing the last. Where sequential updates of rate lr meet curvature h, they move the row by
(1 - exp(-c)) / c of their plain sum, with c = lr * (sum of h). A logit of weight w has curvature
w * sigmoid'(z) * |y|^2; this module takes `damping` * w for it, which needs only the weights and
is stable at every batch size and rate.
"""

from typing import Any

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel.rows import scatter_add

__all__ = ["damped_rates", "damping_factor", "row_totals"]

Array = Any

_SMALLEST = 1e-30  # where the factor has long been 1, and 0 / 0 is avoided


def damping_factor(c: Array) -> Array:
    """Return ``(1 - exp(-c)) / c``, which is 1 at c = 0.

    Parameters
    ----------
    c : array, floating
        Rate times accumulated curvature, at least 0.

    Returns
    -------
    array, shape and dtype of `c`
        In 0..1.
    """
    # With h = c / 2 and t = tanh(h) it is t / (h (1 + t)): nothing cancels or overflows.
    xp = array_namespace(c)
    h = xp.maximum(0.5 * c, _SMALLEST)
    t = xp.tanh(h)
    return t / (h * (1.0 + t))


def row_totals(
    ids: Array,
    weights: Array,
    n_rows: int,
    *,
    rows: Array | None = None,
    scratch: Array | None = None,
    ordered: bool = False,
) -> Array:
    """Return for each id the summed weight of all occurrences of that id.

    Parameters
    ----------
    ids : array, shape (N,), integer
        Row numbers, all in 0..n_rows-1.
    weights : array, shape (N,), floating
        Weight of each occurrence.
    n_rows : int
        Rows V of the table that the ids refer to.
    rows : array, shape (R,), integer, optional
        The ids to return totals for; `ids` if absent.
    scratch : array, shape (V,), dtype of `weights`, optional
        Zeros to work in, left as zeros; saves making them. NumPy and CuPy only.
    ordered : bool
        As for `scatter_add`.

    Returns
    -------
    array, shape (N,) or (R,), dtype of `weights`
    """
    xp = array_namespace(ids, weights)
    if scratch is None:
        table = xp.zeros(n_rows, dtype=weights.dtype, device=device_of(weights))
        scatter_add(table, ids, weights, ordered=ordered)
        return xp.take(table, ids if rows is None else rows, axis=0)
    ids = xp.astype(ids, xp.int64)  # what look-ups convert them to, each by itself
    scatter_add(scratch, ids, weights, ordered=ordered)
    totals = xp.take(scratch, ids if rows is None else rows, axis=0)
    scratch[ids] = 0
    return totals


def damped_rates(
    ids: Array,
    weights: Array,
    n_rows: int,
    alpha: float,
    damping: float,
    *,
    scratch: Array | None = None,
    ordered: bool = False,
) -> Array:
    """Return the factor of each gradient in its row's update: ``-alpha * damping_factor``.

    Parameters
    ----------
    ids, weights, n_rows
        As for `row_totals`.
    alpha : float
        Learning rate.
    damping : float
        Curvature taken for a unit of weight; 0 gives ``-alpha`` everywhere, plain sums.
    scratch, ordered
        As for `row_totals`.

    Returns
    -------
    array, shape (N,), dtype of `weights`
        Equal for equal ids.
    """
    totals = row_totals(ids, weights, n_rows, scratch=scratch, ordered=ordered)
    return -alpha * damping_factor((alpha * damping) * totals)

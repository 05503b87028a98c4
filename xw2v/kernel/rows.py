"""Moving rows between a parameter table and a batch: gather and scatter-add.

The Array API standard has no scatter-add, so this one primitive has a body for each backend.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_cupy_array, is_numpy_array
from array_api_compat import device as device_of
from scipy.sparse import csr_array

try:  # adds triplets into an existing array; SciPy's public product can only make a new one
    from scipy.sparse._sparsetools import coo_matmat_dense
except ImportError:  # pragma: no cover - an older or a future SciPy
    coo_matmat_dense = None  # type: ignore[assignment]

__all__ = ["gather", "scatter_add", "summed_rows"]

Array = Any

_ONE_HOT_ELEMENTS = 1 << 24  # bounds the memory of the portable body
_EXACT_NUMBERS = 1 << 24  # the integers that float32 holds


def gather(table: Array, ids: Array, *, out: Array | None = None, xp: Any = None) -> Array:
    """Return ``table[ids]``.

    Parameters
    ----------
    table : array, shape (V, D)
    ids : array, any shape S, integer
        Row numbers, all in 0..V-1: checked by nobody.
    out : array, shape (size of S, D), optional
        NumPy only: where to put the rows.
    xp : namespace, optional
        Of the arrays; found out if absent.

    Returns
    -------
    array, shape (*S, D)
    """
    if xp is None:
        xp = array_namespace(table)
    flat = ids if ids.ndim == 1 else xp.reshape(ids, (-1,))
    if out is None:
        rows = xp.take(table, flat, axis=0)
    else:  # in any mode but "clip", NumPy copies through a buffer
        rows = table.take(flat, axis=0, out=out, mode="clip")
    return rows if ids.ndim == 1 else xp.reshape(rows, (*ids.shape, table.shape[1]))


def scatter_add(
    table: Array,
    ids: Array,
    updates: Array,
    scale: Array | None = None,
    positions: Array | None = None,
    *,
    ordered: bool = False,
) -> Array:
    """Add ``scale[k] * updates[positions[k]]`` to ``table[ids[k]]``, for every k, in place.

    Rows that occur more than once accumulate. On NumPy the additions to a row are made in the
    order of k, so any partition of the k by row gives the same bits.

    Parameters
    ----------
    table : array, shape (V, D) or (V,), floating, C-contiguous
        Changed in place.
    ids : array, shape (N,), integer
        Row numbers, all in 0..V-1.
    updates : array, shape (U, D) or (U,), dtype of `table`
    scale : array, shape (N,), dtype of `table`, optional
        Factor of each update; 1 if absent.
    positions : array, shape (N,), integer, optional
        Row of `updates` that each id takes; ``0..N-1`` if absent.
    ordered : bool
        Add up in an order that is the same every time, where additions at the same time would
        make one of their own: the same device gives the same bits. Slower, but on NumPy, which
        always does.

    Returns
    -------
    array
        `table`.

    Raises
    ------
    ValueError
        On NumPy, if the shapes do not fit, a row number is out of range, or the table is not
        C-contiguous. Elsewhere the namespace decides.
    """
    if is_numpy_array(table):
        _scatter_add_numpy(table, ids, updates, scale, positions)
        return table
    xp = array_namespace(table)
    if positions is not None:
        updates = xp.take(updates, positions, axis=0)
    if scale is not None:
        updates = updates * (scale if updates.ndim == 1 else xp.expand_dims(scale, axis=1))
    if ordered:
        # Of the occurrences of a row all but one add zeros, in whatever order.
        ids, order, first = _sorted(ids, updates.dtype)
        updates = _sums_of_runs(ids, xp.take(updates, order, axis=0), first)
    if is_cupy_array(table):
        xp.add.at(table, ids, updates)
        return table
    rows = xp.arange(table.shape[0], dtype=ids.dtype)[:, None]
    step = max(1, _ONE_HOT_ELEMENTS // max(1, table.shape[0]))
    for start in range(0, ids.shape[0], step):
        some = slice(start, min(start + step, ids.shape[0]))
        one_hot = xp.astype(rows == ids[some][None, :], table.dtype)
        table += xp.matmul(one_hot, updates[some, ...])
    return table


def summed_rows(
    ids: Array,
    updates: Array,
    positions: Array | None = None,
    *,
    scratch: Array | None = None,
    ordered: bool = False,
) -> tuple[Array, Array, Array]:
    """Add up the updates of each row.

    Parameters
    ----------
    ids : array, shape (N,), integer
        Row numbers.
    updates : array, shape (U, D), floating
    positions : array, shape (N,), integer, optional
        Row of `updates` that each id takes; ``0..N-1`` if absent.
    scratch : array, shape (V,), float32, optional
        Of as many as there can be rows, to work in; left as zeros. NumPy only: saves sorting.
    ordered : bool
        As for `scatter_add`.

    Returns
    -------
    rows : array, shape (R,), integer
        Row numbers. On NumPy each occurs once and R is their number; elsewhere, where shapes
        that depend on data make a device wait, R = N and the others of a row are zeros.
    sums : array, shape (R, D)
        Summed updates, zeros for all but one of the occurrences of a row.
    first : array, shape (R,), dtype of `updates`
        1 for that one and 0 for the others.
    """
    if is_numpy_array(ids):
        rows, slots = _numbered(ids, scratch)
        sums = np.zeros((rows.size, updates.shape[1]), dtype=updates.dtype)
        scatter_add(sums, slots, updates, None, positions)
        return rows, sums, np.ones(rows.size, dtype=updates.dtype)
    xp, device = array_namespace(ids), device_of(ids)
    rows, order, first = _sorted(ids, updates.dtype)
    taken = order if positions is None else xp.take(positions, order, axis=0)
    if ordered:
        return rows, _sums_of_runs(rows, xp.take(updates, taken, axis=0), first), first
    sums = xp.zeros((ids.shape[0], updates.shape[1]), dtype=updates.dtype, device=device)
    scatter_add(sums, xp.searchsorted(rows, rows), updates, None, taken)
    return rows, sums, first


def _sorted(ids: Array, dtype: Any) -> tuple[Array, Array, Array]:
    """Return sorted ids, where each comes from, and 1 at the first of equal ones, else 0."""
    xp, device = array_namespace(ids), device_of(ids)
    order = xp.argsort(ids, stable=True)
    rows = xp.take(ids, order, axis=0)
    first = xp.ones(rows.shape, dtype=dtype, device=device)
    if rows.shape[0] > 1:
        first[1:] = xp.astype(rows[1:] != rows[:-1], dtype)
    return rows, order, first


def _sums_of_runs(rows: Array, updates: Array, first: Array) -> Array:
    """Add up the updates of equal rows, which are sorted; all but the first of them get zeros.

    By doubling: after k rounds the sum at a place is that of 2**k places from there on, as far as
    they are of the same row. So the order is that of a tree, whose shape the places decide.
    """
    xp, device = array_namespace(updates), device_of(updates)
    nothing = xp.zeros((), dtype=updates.dtype, device=device)

    def where(condition: Array, values: Array) -> Array:
        return xp.where(condition if values.ndim == 1 else condition[:, None], values, nothing)

    sums, n, reach = updates, rows.shape[0], 1
    while reach < n:
        # As an array of its own: the places that are added to are read as well.
        more = where(rows[reach:] == rows[:-reach], sums[reach:, ...])
        sums = xp.concat([sums[: n - reach, ...] + more, sums[n - reach :, ...]])
        reach *= 2
    return where(first > 0, sums)


def _numbered(ids: Array, scratch: Array | None) -> tuple[Array, Array]:
    """Return every id once, and for each occurrence where among them it is."""
    n = ids.shape[0]
    if scratch is None or n > _EXACT_NUMBERS:
        return np.unique(ids, return_inverse=True)
    index, numbers = ids.astype(np.intp), np.arange(n)
    scratch[index] = numbers  # of several occurrences, the last stays
    last = scratch[index].astype(np.intp)
    scratch[index] = 0.0
    stays = last == numbers
    return ids[stays], (np.cumsum(stays) - 1)[last]


def _scatter_add_numpy(
    table: Array, ids: Array, updates: Array, scale: Array | None, positions: Array | None
) -> None:
    """Multiply by the sparse (V, U) matrix that holds `scale` at ``(ids, positions)``."""
    n = ids.shape[0]
    if scale is None:
        scale = np.ones(n, dtype=table.dtype)
    if positions is None:
        positions = np.arange(updates.shape[0], dtype=ids.dtype)
    if updates.shape[1:] != table.shape[1:] or not n == scale.shape[0] == positions.shape[0]:
        raise ValueError(
            f"shapes do not fit: table {table.shape}, ids {ids.shape}, updates {updates.shape}, "
            f"scale {scale.shape}, positions {positions.shape}"
        )
    if not table.flags.c_contiguous:
        raise ValueError("scatter_add needs a C-contiguous table")
    if n == 0:
        return
    # The fast body would write wherever a wrong number points to.
    _check_range("ids", ids, table.shape[0])
    _check_range("positions", positions, updates.shape[0])
    if table.ndim == 1:
        np.add.at(table, ids.astype(np.intp, copy=False), scale * updates[positions])
        return
    if coo_matmat_dense is not None:
        coo_matmat_dense(
            n, table.shape[1], ids, positions, scale, updates.reshape(-1), table.reshape(-1)
        )
        return
    order = np.argsort(ids, kind="stable")
    rows, starts = np.unique(ids[order], return_index=True)
    entries = (scale[order], positions[order], np.append(starts, n))
    table[rows] += csr_array(entries, shape=(rows.size, updates.shape[0])) @ updates


def _check_range(name: str, numbers: Array, stop: int) -> None:
    unsigned = numbers.view(f"u{numbers.itemsize}")  # in which negative numbers are large
    if unsigned.max() >= stop:
        raise ValueError(f"{name} must be in 0..{stop - 1}")

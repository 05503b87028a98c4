"""Gather and scatter-add, each body against the same plain loops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from xw2v.kernel import gather, scatter_add
from xw2v.kernel import rows as rows_module

ULPS = 4  # of the accumulated magnitude


def magnitude(table: Any, ids: Any, updates: Any, scale: Any, positions: Any) -> Any:
    scale = None if scale is None else np.abs(scale)
    return oracle.scatter_add(np.abs(table), ids, np.abs(updates), scale, positions)


def check(xp: Any, dtype: str, table: Any, ids: Any, updates: Any, **others: Any) -> None:
    """Compare with the oracle; `table` and `updates` are float64, on the host."""
    kind = getattr(xp, dtype)
    table, updates = table.astype(dtype), updates.astype(dtype)
    scale, positions = others.get("scale"), others.get("positions")
    scale = None if scale is None else scale.astype(dtype)
    ours = xp.asarray(table, dtype=kind, copy=True)
    result = scatter_add(
        ours,
        xp.asarray(ids, dtype=xp.int32),
        xp.asarray(updates, dtype=kind),
        None if scale is None else xp.asarray(scale, dtype=kind),
        None if positions is None else xp.asarray(positions, dtype=xp.int32),
    )
    assert result is ours
    expected = oracle.scatter_add(table, ids, updates, scale, positions)
    bound = ULPS * epsilon(dtype) * magnitude(table, ids, updates, scale, positions)
    assert (np.abs(to_host(ours) - expected) <= bound).all()
    assert not np.array_equal(to_host(ours), table)


@pytest.mark.parametrize("with_positions", [False, True])
@pytest.mark.parametrize("with_scale", [False, True])
@pytest.mark.parametrize("size", [None, 1, 5, 100])
def test_scatter_add(
    xp: Any, dtype: str, size: int | None, with_scale: bool, with_positions: bool
) -> None:
    rng = np.random.default_rng(0)
    tail = () if size is None else (size,)
    n, n_updates, n_rows = 60, 45 if with_positions else 60, 7
    check(
        xp,
        dtype,
        rng.standard_normal((n_rows, *tail)),
        rng.integers(0, n_rows - 1, n),  # the last row is left alone
        rng.standard_normal((n_updates, *tail)),
        scale=rng.standard_normal(n) if with_scale else None,
        positions=rng.integers(0, n_updates, n) if with_positions else None,
    )


def test_scatter_add_in_pieces_that_bound_memory(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_ONE_HOT_ELEMENTS", 50)
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 7, 60)
    updates = rng.standard_normal((60, 3))
    check(xp, "float64", rng.standard_normal((7, 3)), ids, updates)


def test_every_repetition_of_a_row_counts(xp: Any, dtype: str) -> None:
    kind = getattr(xp, dtype)
    table = xp.zeros((3, 2), dtype=kind)
    scatter_add(table, xp.ones(1000, dtype=xp.int32), xp.ones((1000, 2), dtype=kind))
    np.testing.assert_array_equal(to_host(table), [[0, 0], [1000, 1000], [0, 0]])


@pytest.fixture(params=["fast", "public SciPy"])
def body(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both bodies that NumPy tables have."""
    if request.param == "public SciPy":
        monkeypatch.setattr(rows_module, "coo_matmat_dense", None)
    else:
        assert getattr(rows_module, "coo_matmat_dense", None) is not None
    return str(request.param)


@pytest.mark.parametrize("ids_dtype", ["int32", "int64"])
@pytest.mark.parametrize("size", [None, 1, 5])
def test_numpy_bodies_agree(body: str, dtype: str, size: int | None, ids_dtype: str) -> None:
    rng = np.random.default_rng(2)
    tail = () if size is None else (size,)
    table = rng.standard_normal((11, *tail)).astype(dtype)
    updates = rng.standard_normal((80, *tail)).astype(dtype)
    ids, positions = rng.integers(0, 11, (2, 300)).astype(ids_dtype)
    scale = rng.standard_normal(300).astype(dtype)
    expected = oracle.scatter_add(table, ids, updates, scale, positions)
    bound = ULPS * epsilon(dtype) * magnitude(table, ids, updates, scale, positions)
    scatter_add(table, ids, updates, scale, positions)
    assert (np.abs(table - expected) <= bound).all()


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_any_partition_by_row_gives_the_same_bits(body: str, parts: int) -> None:
    rng = np.random.default_rng(3)
    n = 2000
    table = rng.standard_normal((40, 7)).astype(np.float32)
    updates = rng.standard_normal((n, 7)).astype(np.float32)
    ids = rng.integers(0, 40, n).astype(np.int32)
    positions = rng.permutation(n).astype(np.int32)
    scale = rng.random(n).astype(np.float32)
    whole = scatter_add(table.copy(), ids, updates, scale, positions)
    pieces = table.copy()
    owners = rng.integers(0, parts, 40)
    for owner in range(parts):
        mine = np.flatnonzero(owners[ids] == owner)
        scatter_add(pieces, ids[mine], updates, scale[mine], positions[mine])
    assert pieces.tobytes() == whole.tobytes()


def test_no_additions_at_all(body: str) -> None:
    table = np.ones((3, 2), dtype=np.float32)
    nothing = np.zeros(0, dtype=np.int32)
    updates = np.ones((5, 2), dtype=np.float32)
    scatter_add(table, nothing, updates, np.zeros(0, dtype=np.float32), nothing)
    np.testing.assert_array_equal(table, np.ones((3, 2)))


def test_no_updates_at_all(xp: Any) -> None:
    table = xp.ones((3, 2), dtype=xp.float32)
    scatter_add(table, xp.zeros(0, dtype=xp.int32), xp.zeros((0, 2), dtype=xp.float32))
    np.testing.assert_array_equal(to_host(table), np.ones((3, 2)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table[:, ::2],
        lambda table: table[::2],
        np.asfortranarray,
    ],
    ids=["columns", "rows", "Fortran"],
)
def test_a_table_that_is_not_contiguous_is_refused(body: str, spoil: Callable[[Any], Any]) -> None:
    table = spoil(np.zeros((4, 6), dtype=np.float32))
    updates = np.ones((2, table.shape[1]), dtype=np.float32)
    with pytest.raises(ValueError, match="contiguous"):
        scatter_add(table, np.zeros(2, dtype=np.int32), updates)


@pytest.mark.parametrize(
    ("n_updates", "size", "n_scale"),
    [(2, 2, 3), (3, 1, 3), (3, 2, 2)],
    ids=["too few updates", "updates of another width", "too few scales"],
)
def test_shapes_that_do_not_fit_are_refused(
    body: str, n_updates: int, size: int, n_scale: int
) -> None:
    """The fast body would read memory beyond the arrays."""
    table = np.zeros((4, 2), dtype=np.float32)
    with pytest.raises(ValueError, match="shape"):
        scatter_add(
            table,
            np.zeros(3, dtype=np.int32),
            np.ones((n_updates, size), dtype=np.float32),
            np.ones(n_scale, dtype=np.float32),
        )


@pytest.mark.parametrize("wrong", [4, -1, 2**31 - 1])
@pytest.mark.parametrize("where", ["ids", "positions"])
def test_numbers_out_of_range_are_refused(body: str, where: str, wrong: int) -> None:
    """The fast body would write or read there."""
    table, updates = np.zeros((2, 4, 3), dtype=np.float32)
    numbers = {"ids": [0, 1, 2], "positions": [3, 2, 1]}
    numbers[where][1] = wrong
    ids, positions = (np.asarray(numbers[name], dtype=np.int32) for name in numbers)
    with pytest.raises(ValueError, match=where):
        scatter_add(table, ids, updates, None, positions)


def test_gather(xp: Any, dtype: str) -> None:
    table = np.random.default_rng(4).standard_normal((6, 3)).astype(dtype)
    ours = xp.asarray(table)
    for ids in ([0], [5, 5, 0, 2], [[1, 2], [2, 1]], [[[4, 4, 0]]]):
        rows = gather(ours, xp.asarray(ids, dtype=xp.int32))
        assert rows.dtype == ours.dtype
        np.testing.assert_array_equal(to_host(rows), table[np.asarray(ids)])


@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 3, 2)])
def test_gather_into_an_array(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    table = rng.standard_normal((6, 3)).astype(np.float32)
    ids = rng.integers(0, 6, shape).astype(np.int32)
    out = np.full((12, 3), np.nan, dtype=np.float32)
    rows = gather(table, ids, out=out)
    assert np.shares_memory(rows, out)
    np.testing.assert_array_equal(rows, table[ids])

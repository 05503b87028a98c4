"""Gather, scatter-add and sums by row, each body against the same plain loops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from xw2v.kernel import gather, scatter_add, summed_rows
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
        ordered=others.get("ordered", False),
    )
    assert result is ours
    expected = oracle.scatter_add(table, ids, updates, scale, positions)
    bound = ULPS * epsilon(dtype) * magnitude(table, ids, updates, scale, positions)
    assert (np.abs(to_host(ours) - expected) <= bound).all()
    assert not np.array_equal(to_host(ours), table)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("with_positions", [False, True])
@pytest.mark.parametrize("with_scale", [False, True])
@pytest.mark.parametrize("size", [None, 1, 5, 100])
def test_scatter_add(
    xp: Any, dtype: str, size: int | None, with_scale: bool, with_positions: bool, ordered: bool
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
        ordered=ordered,
    )


def test_scatter_add_in_pieces_that_bound_memory(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_ONE_HOT_ELEMENTS", 50)
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 7, 60)
    updates = rng.standard_normal((60, 3))
    check(xp, "float64", rng.standard_normal((7, 3)), ids, updates)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("n", [1000, 1024, 1])
def test_every_repetition_of_a_row_counts(xp: Any, dtype: str, n: int, ordered: bool) -> None:
    kind = getattr(xp, dtype)
    table = xp.zeros((3, 2), dtype=kind)
    ids, updates = xp.ones(n, dtype=xp.int32), xp.ones((n, 2), dtype=kind)
    scatter_add(table, ids, updates, ordered=ordered)
    np.testing.assert_array_equal(to_host(table), [[0, 0], [n, n], [0, 0]])


def uneven_rows(n: int = 3000) -> tuple[Any, Any]:
    """Ids of which some occur a thousand times and some once, and updates of all sizes."""
    rng = np.random.default_rng(5)
    ids = np.minimum(rng.zipf(1.3, n), 60).astype(np.int32) - 1
    return ids, (rng.standard_normal((n, 3)) * 10.0 ** rng.integers(-4, 4, (n, 1))).astype("f4")


def test_ordered_sums_have_the_same_order_everywhere(xp: Any) -> None:
    """Additions in the same order give the same bits, whoever makes them."""
    ids, updates = uneven_rows()
    order = np.argsort(ids, kind="stable")
    first = np.diff(ids[order], prepend=-1) != 0
    sums = rows_module._sums_of_runs(ids[order], updates[order], first.astype(np.float32))
    expected = np.zeros((60, 3), np.float32)
    expected[ids[order][first]] = sums[first]
    assert not sums[~first].any()
    for _ in range(3):
        table = xp.zeros((60, 3), dtype=xp.float32)
        scatter_add(table, xp.asarray(ids), xp.asarray(updates), ordered=True)
        if xp.__name__.endswith("numpy"):  # whose own order it always is
            assert not np.array_equal(table, expected)
            np.testing.assert_allclose(table, expected, rtol=1e-3, atol=1e-3)
        else:
            assert to_host(table).tobytes() == expected.tobytes()
        rows, sums, first = summed_rows(xp.asarray(ids), xp.asarray(updates), ordered=True)
        rows, sums, once = to_host(rows), to_host(sums), to_host(first) == 1
        own = np.zeros_like(expected)
        own[rows[once]] = sums[once]
        assert own.tobytes() == to_host(table).tobytes()


def test_what_is_not_finite_stays_in_its_row(xp: Any) -> None:
    ids = xp.asarray([0, 0, 1, 2, 2], dtype=xp.int32)
    updates = xp.asarray([[1.0], [2.0], [float("nan")], [4.0], [5.0]], dtype=xp.float32)
    _, sums, _ = summed_rows(ids, updates, ordered=True)
    found = to_host(sums)[:, 0].tolist()
    assert sorted(sum_ for sum_ in found if sum_ > 0) == [3, 9]
    assert np.isnan(found).sum() == 1


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


# Sums by row


def check_summed(
    xp: Any, dtype: str, ids: Any, updates: Any, positions: Any = None, ordered: bool = False
) -> None:
    """Compare with plain loops; arrays on the host."""
    kind = getattr(xp, dtype)
    updates = np.asarray(updates, dtype=dtype)
    ours = xp.asarray(updates, dtype=kind)
    before = ours + 0
    rows, sums, first = summed_rows(
        xp.asarray(ids, dtype=xp.int32),
        ours,
        None if positions is None else xp.asarray(positions, dtype=xp.int32),
        ordered=ordered,
    )
    np.testing.assert_array_equal(to_host(ours), to_host(before))
    assert sums.dtype == first.dtype == kind
    assert sums.shape == (rows.shape[0], updates.shape[1])
    assert first.shape == rows.shape
    once = to_host(first) == 1
    assert (once | (to_host(first) == 0)).all()
    rows, sums = to_host(rows), to_host(sums)
    # Each row has one place ...
    assert sorted(rows[once].tolist()) == sorted(set(ids))
    assert set(rows.tolist()) == set(ids)
    # ... with all of its sum.
    assert not sums[~once].any()
    zeros = np.zeros((8, updates.shape[1]))
    expected = oracle.scatter_add(zeros, ids, updates, None, positions)
    bound = ULPS * epsilon(dtype) * magnitude(zeros, ids, updates, None, positions)
    assert (np.abs(sums[once] - expected[rows[once]]) <= bound[rows[once]]).all()
    n = len(set(ids)) if xp.__name__.endswith("numpy") else len(ids)
    assert rows.shape == (n,)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("with_positions", [False, True])
def test_summed_rows(xp: Any, dtype: str, with_positions: bool, ordered: bool) -> None:
    rng = np.random.default_rng(6)
    ids = rng.integers(0, 7, 60)
    updates = rng.standard_normal((45 if with_positions else 60, 5))
    positions = rng.integers(0, 45, 60) if with_positions else None
    check_summed(xp, dtype, ids.tolist(), updates, positions, ordered)


@pytest.mark.parametrize(
    "ids", [[3], [3, 3, 3], [5, 4, 1, 0], [0, 7, 0, 7, 7], [1, 1, 0, 0]], ids=str
)
def test_summed_rows_of_few(xp: Any, ids: list[int]) -> None:
    check_summed(xp, "float64", ids, np.arange(1.0, 2 * len(ids) + 1).reshape(-1, 2))


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("with_positions", [False, True])
def test_summed_rows_of_nothing(xp: Any, with_positions: bool, ordered: bool) -> None:
    nothing = xp.zeros(0, dtype=xp.int32)
    updates = xp.ones((3 if with_positions else 0, 2), dtype=xp.float32)
    positions = nothing if with_positions else None
    rows, sums, first = summed_rows(nothing, updates, positions, ordered=ordered)
    assert rows.shape == first.shape == (0,)
    assert sums.shape == (0, 2)


@pytest.mark.parametrize("exact", [0, 59, 60, 1 << 24])
@pytest.mark.parametrize("ids_dtype", ["int32", "int64"])
@pytest.mark.parametrize("with_positions", [False, True])
def test_summed_rows_with_scratch(
    with_positions: bool, ids_dtype: str, exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bits, the rows perhaps in another order; and the scratch is left as zeros."""
    monkeypatch.setattr(rows_module, "_EXACT_NUMBERS", exact)
    rng = np.random.default_rng(8)
    scratch = np.zeros(9, dtype=np.float32)
    for n in (60, 1, 0):
        ids = rng.integers(0, 9, n).astype(ids_dtype)
        updates = rng.standard_normal((60, 3)).astype(np.float32)
        positions = rng.integers(0, 60, n) if with_positions else None
        own = updates if with_positions else updates[:n]
        expected_rows, expected, _ = summed_rows(ids, own, positions)
        rows, sums, first = summed_rows(ids, own, positions, scratch=scratch)
        order = np.argsort(rows)
        np.testing.assert_array_equal(rows[order], expected_rows)
        assert sums[order].tobytes() == expected.tobytes()
        assert (first == 1).all()
        assert not scratch.any()


def test_sums_are_made_in_the_order_of_the_updates(body: str) -> None:
    """So that a row's sum does not depend on who adds up which other rows."""
    rng = np.random.default_rng(7)
    ids = rng.integers(0, 40, 2000).astype(np.int32)
    updates = rng.standard_normal((2000, 3)).astype(np.float32)
    rows, sums, _ = summed_rows(ids, updates)
    for parts in (2, 5):
        for owner in range(parts):
            mine = np.flatnonzero(ids % parts == owner)
            own_rows, own, _ = summed_rows(ids[mine], updates, mine)
            np.testing.assert_array_equal(own_rows, rows[rows % parts == owner])
            assert own.tobytes() == sums[rows % parts == owner].tobytes()

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import to_host
from xw2v.errors import ConfigError
from xw2v.vectors.arrays import row_norms, to_numpy, top_rows, unit_rows


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=1, max_size=30), st.integers(1, 40)
)
def test_top_rows_is_a_stable_sort(scores: list[float], count: int) -> None:
    array = np.asarray(scores, dtype=np.float32)
    assert top_rows(array, count) == sorted(range(len(scores)), key=lambda i: -scores[i])[:count]


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 10_000]), st.integers(1, 100))
def test_top_rows_of_many_scores(seed: int, different: int, count: int) -> None:
    scores = np.random.default_rng(seed).integers(0, different, 1000).astype(np.float32)
    assert top_rows(scores, count) == np.argsort(-scores, kind="stable")[:count].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_row_norms(xp: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).standard_normal((60, 8)).astype(dtype)
    rows[3] = 0
    rows[5] = 0
    rows[5, 2] = 1e-44  # which has few digits, and no square
    rows[7] *= 1e-25
    rows[9] *= 1e25
    expected = np.linalg.norm(rows.astype(np.float64), axis=1)
    monkeypatch.setattr("xw2v.vectors.arrays._ROWS_AT_ONCE", 7)
    norms = to_host(row_norms(xp.asarray(rows)))
    assert norms.dtype == dtype
    np.testing.assert_allclose(norms, expected, rtol=1e-6)


def test_norms_that_no_number_holds(xp: Any) -> None:
    rows = np.full((2, 8), 3e38, np.float32)
    rows[1] = 1
    norms = to_host(row_norms(xp.asarray(rows)))
    np.testing.assert_allclose(norms, [np.inf, np.sqrt(8)], rtol=1e-6)
    assert row_norms(xp.asarray(rows[:, :0])).shape == (2,)
    assert row_norms(xp.asarray(rows[:0])).shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_norms_notice_what_is_not_finite(xp: Any, value: float) -> None:
    rows = np.ones((60, 8), np.float32)
    rows[59, 7] = value
    with pytest.raises(ConfigError, match="finite"):
        row_norms(xp.asarray(rows))


@pytest.mark.parametrize("scale", [1e-45, 1e-30, 1.0, 1e30, 3e38])
def test_unit_rows_neither_over_nor_underflows(scale: float) -> None:
    rows = np.asarray([[1, 1, 1, 1], [1, 0, 0, 0], [-1, 1, -1, 1]]) * np.float32(scale)
    unit = unit_rows(rows.astype(np.float32))
    np.testing.assert_allclose(
        unit, [[0.5, 0.5, 0.5, 0.5], [1.0, 0.0, 0.0, 0.0], [-0.5, 0.5, -0.5, 0.5]], rtol=1e-6
    )


def test_unit_rows_works_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    whole = unit_rows(rows)
    monkeypatch.setattr("xw2v.vectors.arrays._ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(unit_rows(rows), whole)


def test_to_numpy_does_not_copy_numpy_arrays() -> None:
    array = np.zeros(3)
    assert to_numpy(array) is array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.vectors.arrays import to_numpy, top_rows, unit_rows


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=1, max_size=30), st.integers(1, 40)
)
def test_top_rows_is_a_stable_sort(scores: list[float], count: int) -> None:
    array = np.asarray(scores, dtype=np.float32)
    assert top_rows(array, count) == sorted(range(len(scores)), key=lambda i: -scores[i])[:count]


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

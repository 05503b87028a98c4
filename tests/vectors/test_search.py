from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from xw2v.vectors import search
from xw2v.vectors.arrays import row_norms, unit_rows
from xw2v.vectors.search import cosines, nearest_rows, table_of

Floats = npt.NDArray[np.floating]


def random_rows(rows: int, size: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)


def table(vectors: Any) -> search.Table:
    return table_of(vectors, row_norms(vectors))


def ranked(scores: Floats, count: int) -> npt.NDArray[np.int64]:
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_ROWS_A_CHUNK", 128)
    monkeypatch.setattr(search, "_ROWS_A_CHUNK_ELSEWHERE", 128)
    monkeypatch.setattr(search, "_QUERIES_A_BLOCK", 3)
    monkeypatch.setattr(search, "_SCORES_A_BLOCK", 8)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("count", [1, 2, 16, 17, 130, 800])
def test_the_nearest_rows_are_those_of_a_sort(count: int, xp: Any) -> None:
    vectors, queries = random_rows(1001, 12), unit_rows(random_rows(10, 12, 1))
    start, end = 101, 901
    scores = queries @ unit_rows(vectors)[start:end].T
    rows, found = nearest_rows(table(xp.asarray(vectors)), queries, start, end, count)
    assert rows.shape == found.shape == (10, count)
    np.testing.assert_array_equal(rows, ranked(scores, count) + start)
    np.testing.assert_allclose(found, -np.sort(-scores, axis=1)[:, :count], atol=1e-6)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("count", [1, 7, 20, 300])
def test_equal_scores_come_in_the_order_of_the_rows(count: int) -> None:
    # Exact in floating point: unit vectors of axes, and zero vectors.
    rng = np.random.default_rng(3)
    vectors = np.eye(4, dtype=np.float32)[rng.integers(0, 4, 500)]
    vectors[rng.integers(0, 500, 50)] = 0
    queries = np.concatenate([np.eye(4), -np.eye(4), np.zeros((1, 4))]).astype(np.float32)
    rows, _ = nearest_rows(table(vectors), queries, 0, 500, count)
    np.testing.assert_array_equal(rows, ranked(queries @ vectors.T, count))


@given(st.integers(1, 60), st.integers(1, 5), st.data())
def test_few_rows(total: int, asked: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, total - 1))
    end = data.draw(st.integers(start + 1, total))
    count = data.draw(st.integers(1, end - start))
    vectors, queries = random_rows(total, 3), unit_rows(random_rows(asked, 3, 1))
    rows, _ = nearest_rows(table(vectors), queries, start, end, count)
    scores = queries @ unit_rows(vectors)[start:end].T
    np.testing.assert_allclose(
        np.take_along_axis(scores, rows - start, axis=1), -np.sort(-scores)[:, :count], atol=1e-6
    )
    assert all(len(set(one)) == count for one in rows.tolist())


@pytest.mark.parametrize("few", [True, False])
def test_cosines_by_rows_and_by_blas(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search._BLAS, "few_threads", lambda: few)
    monkeypatch.setattr(search, "_READ_FROM_MEMORY", 0)
    vectors, query = random_rows(50, 12), unit_rows(random_rows(1, 12, 1))[0]
    np.testing.assert_allclose(
        cosines(table(vectors), query, 10, 30), unit_rows(vectors)[10:30] @ query, atol=1e-6
    )


def test_tables_hold_the_vectors_themselves_if_they_can() -> None:
    vectors = random_rows(9, 4)
    vectors[3] = 0
    assert table(vectors).vectors is vectors
    assert table(vectors).scales[3] == 0
    for scale in (1e-30, 1e30):
        extreme = vectors.copy()
        extreme[5] *= np.float32(scale)
        np.testing.assert_array_equal(table(extreme).vectors, unit_rows(extreme))
        np.testing.assert_array_equal(table(extreme).scales, np.arange(9) != 3)


def test_blas_tells_its_threads() -> None:
    with threadpool_limits(1, user_api="blas"):
        assert search._BLAS.few_threads()
    with threadpool_limits(2, user_api="blas"):
        assert search._BLAS.few_threads()

"""Which vectors are the word vectors."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.conftest import to_host
from xw2v.errors import ConfigError
from xw2v.vectors import matrices_needed, word_vector_rows

W_IN = np.asarray([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
W_OUT = np.asarray([[3, 0, -3], [0, 1, 0.5]], dtype=np.float32)
EXPECTED = {
    "input": W_IN,
    "output": W_OUT,
    "mean": np.asarray([[2, 1, 0], [2, 3, 3.25]], dtype=np.float32),
    "concat": np.asarray([[1, 2, 3, 3, 0, -3], [4, 5, 6, 0, 1, 0.5]], dtype=np.float32),
}


@pytest.mark.parametrize("vectors", EXPECTED)
def test_rows(xp: Any, vectors: str) -> None:
    w_in, w_out = xp.asarray(W_IN), xp.asarray(W_OUT)
    rows = word_vector_rows(w_in, w_out, vectors)
    assert rows.dtype == xp.float32
    np.testing.assert_array_equal(to_host(rows), EXPECTED[vectors])
    np.testing.assert_array_equal(to_host(w_in), W_IN)
    np.testing.assert_array_equal(to_host(w_out), W_OUT)


def test_only_what_is_needed() -> None:
    assert word_vector_rows(W_IN, None, "input") is W_IN
    assert word_vector_rows(None, W_OUT, "output") is W_OUT
    assert {vectors: matrices_needed(vectors) for vectors in EXPECTED} == {
        "input": ("input",),
        "output": ("output",),
        "mean": ("input", "output"),
        "concat": ("input", "output"),
    }


@pytest.mark.parametrize(("vectors", "size"), [("input", 0), ("mean", 1), ("concat", 2)])
def test_no_memory_but_that_of_the_result(vectors: str, size: int) -> None:
    w_in, w_out = np.ones((2, 1000, 100), dtype=np.float32)
    tracemalloc.start()
    rows = word_vector_rows(w_in, w_out, vectors)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows.nbytes == max(1, size) * w_in.nbytes
    assert peak < size * w_in.nbytes + 50_000


def test_matrices_that_do_not_belong_together() -> None:
    for vectors in ("mean", "concat"):
        # One row would be added to each of two without a word.
        for other in (W_OUT[:1], W_OUT[:, :2]):
            with pytest.raises(ConfigError, match=f"vectors '{vectors}' needs matrices of one sh"):
                word_vector_rows(W_IN, other, vectors)


def test_no_other_kind() -> None:
    for refuse in (matrices_needed, lambda kind: word_vector_rows(W_IN, W_OUT, kind)):
        with pytest.raises(ConfigError, match=r"vectors must be one of .*, concat, not 'sum'"):
            refuse("sum")

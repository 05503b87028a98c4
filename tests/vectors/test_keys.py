from typing import Any

import numpy as np
import pytest

from xw2v.errors import ConfigError
from xw2v.vectors.keys import as_list, is_row, weighted_keys

VECTOR = np.arange(3.0)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (None, []),
        ("word", ["word"]),
        (3, [3]),
        (np.int64(3), [3]),
        (["a", 3], ["a", 3]),
        (("a", "b"), ["a", "b"]),
        (("a", 0.5), [("a", 0.5)]),
        ([("a", 0.5), "b"], [("a", 0.5), "b"]),
        ((word for word in "ab"), ["a", "b"]),
    ],
)
def test_one_or_several(items: Any, expected: list[Any]) -> None:
    assert as_list(items) == expected


def test_one_or_several_vectors() -> None:
    assert as_list(VECTOR)[0] is VECTOR
    rows = as_list(np.stack([VECTOR, VECTOR + 1]))
    np.testing.assert_array_equal(rows[1], VECTOR + 1)
    (pair,) = as_list((VECTOR, 2))
    assert pair[0] is VECTOR


def test_weights() -> None:
    assert weighted_keys(["a", ("b", -2)], "c") == [("a", 1.0), ("b", -2.0), ("c", -1.0)]
    assert weighted_keys(None, ("c", np.float32(0.5))) == [("c", 0.5)]
    with pytest.raises(ConfigError, match="at least one"):
        weighted_keys([], None)
    for pair in (("a", "b", "c"), ("a", "b"), ("a", None), ("a", True)):
        with pytest.raises(ConfigError, match="a tuple must be"):
            weighted_keys([pair], None)
    with pytest.raises(ConfigError, match="neither a word nor a vector"):
        weighted_keys(2.5, None)


@pytest.mark.parametrize(
    ("key", "expected"), [(3, True), (np.int32(3), True), (True, False), (3.0, False), ("3", False)]
)
def test_rows_are_whole_numbers(key: Any, expected: bool) -> None:
    assert is_row(key) is expected

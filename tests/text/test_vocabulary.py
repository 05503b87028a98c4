import numpy as np
import pytest

from xw2v.errors import CorpusError
from xw2v.text import Vocabulary


def vocabulary() -> Vocabulary:
    return Vocabulary(("the", "cat", "sat"), np.array([3, 2, 2]))


def test_lookup() -> None:
    words = vocabulary()
    assert len(words) == 3
    assert words.total == 7
    assert words.index == {"the": 0, "cat": 1, "sat": 2}
    assert words.index is words.index
    assert "cat" in words
    assert "dog" not in words
    assert 1 not in words


def test_encode_drops_unknown_words() -> None:
    ids = vocabulary().encode(iter(["sat", "dog", "the", "sat"]))
    assert ids.dtype == np.int32
    assert ids.tolist() == [2, 0, 2]


def test_encode_nothing() -> None:
    ids = vocabulary().encode([])
    assert ids.dtype == np.int32
    assert ids.shape == (0,)


def test_encode_refuses_one_string() -> None:
    with pytest.raises(CorpusError, match="split it first"):
        vocabulary().encode("the cat")


@pytest.mark.parametrize(
    ("words", "counts", "message"),
    [
        (("a", "b"), np.array([2, 1], np.int32), "int64"),
        (("a", "b"), np.array([2]), r"shape \(2,\)"),
        (("a", "b"), np.array([1, 2]), "fall"),
        (("a", "a"), np.array([2, 1]), "twice"),
    ],
)
def test_refuses_inconsistent_fields(
    words: tuple[str, ...], counts: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(words, counts)

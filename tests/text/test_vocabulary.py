import hashlib
import struct

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


class TestFingerprint:
    def test_is_the_sha256_of_what_it_says(self) -> None:
        words = Vocabulary(("é", "", "a\nb"), np.array([1 << 40, 2, 0]))
        data = struct.pack("<7q", 3, 2, 0, 3, 1 << 40, 2, 0) + "éa\nb".encode()
        assert words.fingerprint == hashlib.sha256(data).hexdigest()
        assert words.fingerprint is words.fingerprint

    def test_of_no_words(self) -> None:
        words = Vocabulary((), np.empty(0, np.int64))
        assert words.fingerprint == hashlib.sha256(bytes(8)).hexdigest()

    def test_does_not_depend_on_how_the_counts_lie_in_memory(self) -> None:
        strided = np.array([3, 9, 2, 9, 2, 9])[::2]
        assert Vocabulary(("the", "cat", "sat"), strided).fingerprint == vocabulary().fingerprint

    @pytest.mark.parametrize(
        ("words", "counts"),
        [
            (("the", "sat", "cat"), [3, 2, 2]),
            (("the", "cat", "sat"), [3, 2, 1]),
            (("thec", "at", "sat"), [3, 2, 2]),
            (("the", "cats", "at"), [3, 2, 2]),
            (("the", "cat", "sat", ""), [3, 2, 2, 2]),
            (("the", "cat", "sa\ud800"), [3, 2, 2]),
        ],
        ids=ascii,
    )
    def test_tells_vocabularies_apart(self, words: tuple[str, ...], counts: list[int]) -> None:
        others = {
            vocabulary().fingerprint,
            Vocabulary(("the", "cat"), np.array([3, 2])).fingerprint,
        }
        assert Vocabulary(words, np.array(counts)).fingerprint not in others

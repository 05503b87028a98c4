import numpy as np
import pytest

from xw2v.text import EncodedCorpus


def test_counts() -> None:
    corpus = EncodedCorpus(np.array([0, 1, 0], np.int32), np.array([0, 2, 3]), 5)
    assert corpus.n_words == 3
    assert corpus.n_sentences == 2
    assert corpus.raw_words == 5


def test_may_be_empty() -> None:
    corpus = EncodedCorpus(np.empty(0, np.int32), np.array([0]), 0)
    assert (corpus.n_words, corpus.n_sentences) == (0, 0)


@pytest.mark.parametrize(
    ("ids", "starts", "raw_words", "message"),
    [
        (np.array([0, 1]), np.array([0, 2]), 2, "ids must be 1-D int32"),
        (np.array([[0, 1]], np.int32), np.array([0, 2]), 2, "ids must be 1-D int32"),
        (np.array([0, 1], np.int32), np.array([0, 2], np.int32), 2, "starts must be 1-D int64"),
        (np.array([0, 1], np.int32), np.array([[0, 2]]), 2, "starts must be 1-D int64"),
        (np.array([0, 1], np.int32), np.empty(0, np.int64), 2, "from 0 to"),
        (np.array([0, 1], np.int32), np.array([1, 2]), 2, "from 0 to"),
        (np.array([0, 1], np.int32), np.array([0, 1]), 2, "from 0 to"),
        (np.array([0, 1], np.int32), np.array([0, 1, 1, 2]), 2, "rise"),
        (np.array([0, 1], np.int32), np.array([0, 3, 2]), 2, "rise"),
        (np.array([0, 1], np.int32), np.array([0, 2]), 1, "raw_words"),
    ],
)
def test_refuses_inconsistent_fields(
    ids: np.ndarray, starts: np.ndarray, raw_words: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        EncodedCorpus(ids, starts, raw_words)

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from xw2v.text import EncodedCorpus
from xw2v.text.spool import Spool


def test_counts() -> None:
    corpus = EncodedCorpus(np.array([0, 1, 0], np.int32), np.array([0, 2, 3]), 5)
    assert corpus.n_words == 3
    assert corpus.n_sentences == 2
    assert corpus.raw_words == 5


@pytest.mark.parametrize("memory_bytes", [1, 1 << 30])
def test_ids_are_there_after_their_memory_was_released(memory_bytes: int) -> None:
    with Spool(np.int32, memory_bytes) as spool:
        spool.append(np.arange(100_000, dtype=np.int32))
        corpus = EncodedCorpus(spool.array(), np.array([0, 100_000]), 100_000)
    for _ in range(2):
        assert int(corpus.ids.sum(dtype=np.int64)) == 4_999_950_000
        corpus.release()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_released_memory_is_not_resident() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    size = 40_000_000
    with Spool(np.int32, 1) as spool:
        for _ in range(10):
            spool.append(np.ones(size // 40, dtype=np.int32))
        corpus = EncodedCorpus(spool.array(), np.array([0, size // 4]), size)
    before = resident()
    assert corpus.ids.min() == 1
    read = resident()
    corpus.release()
    assert read - before > 0.8 * size
    assert resident() - before < 0.2 * size


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

import hashlib
import mmap
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.text.spool import Spool
from xw2v.text.store import load_encoded, save_encoded


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


def resident() -> int:
    """Return the memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_released_memory_is_not_resident() -> None:
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


class TestFingerprint:
    ids = np.arange(10, dtype=np.int32)
    starts = np.array([0, 3, 10])

    def test_is_the_sha256_of_what_it_says(self) -> None:
        corpus = EncodedCorpus(self.ids, self.starts, 12)
        data = struct.pack("<2q10i3q", 10, 3, *range(10), 0, 3, 10)
        assert corpus.fingerprint == hashlib.sha256(data).hexdigest()
        assert corpus.fingerprint is corpus.fingerprint

    def test_of_nothing(self) -> None:
        corpus = EncodedCorpus(np.empty(0, np.int32), np.array([0]), 0)
        assert corpus.fingerprint == hashlib.sha256(struct.pack("<3q", 0, 1, 0)).hexdigest()

    @pytest.mark.parametrize("chunk", [1, 3, 10, 11])
    def test_does_not_depend_on_the_pieces(
        self, monkeypatch: pytest.MonkeyPatch, chunk: int
    ) -> None:
        whole = EncodedCorpus(self.ids, self.starts, 12).fingerprint
        monkeypatch.setattr("xw2v.text.corpus._CHUNK", chunk)
        assert EncodedCorpus(self.ids, self.starts, 12).fingerprint == whole

    def test_does_not_depend_on_how_it_is_stored(self, tmp_path: Path) -> None:
        n = 300_000
        ids = np.arange(n, dtype=np.int32) % 7
        starts = np.arange(0, n + 1, 5)
        held = EncodedCorpus(ids, starts, n)
        strided = EncodedCorpus(np.repeat(ids, 2)[::2], np.repeat(starts, 3)[::3], n + 1)
        with Spool(np.int32, 1) as spool, Spool(np.int64, 1) as ends:
            spool.append(ids)
            ends.append(starts)
            spooled = EncodedCorpus(spool.array(), ends.array(), n)
        words = Vocabulary(tuple("abcdefg"), np.bincount(ids))
        save_encoded(tmp_path / "corpus", words, held, options={})
        mapped = load_encoded(tmp_path / "corpus")
        assert mapped.corpus.fingerprint == held.fingerprint
        assert spooled.fingerprint == strided.fingerprint == held.fingerprint
        assert mapped.vocabulary.fingerprint == words.fingerprint

    @pytest.mark.parametrize(
        ("ids", "starts"),
        [
            (np.append(ids[:-1], ids[:1]), starts),
            (ids, np.array([0, 4, 10])),
            (ids, np.array([0, 10])),
            (ids[:-1], np.array([0, 3, 9])),
        ],
    )
    def test_tells_corpora_apart(self, ids: np.ndarray, starts: np.ndarray) -> None:
        other = EncodedCorpus(ids, starts, 12)
        assert other.fingerprint != EncodedCorpus(self.ids, self.starts, 12).fingerprint

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_leaves_no_memory_behind(self) -> None:
        size = 40_000_000
        with Spool(np.int32, 1) as spool:
            for _ in range(10):
                spool.append(np.ones(size // 40, dtype=np.int32))
            corpus = EncodedCorpus(spool.array(), np.array([0, size // 4]), size)
        before = resident()
        assert len(corpus.fingerprint) == 64
        assert resident() - before < 0.4 * size

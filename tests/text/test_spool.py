import mmap
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xw2v.errors import CorpusError
from xw2v.text.spool import Spool

IN_MEMORY = 1 << 20
IN_FILE = 1


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("memory_bytes", [IN_MEMORY, IN_FILE, 40])
def test_holds_what_was_appended(memory_bytes: int) -> None:
    with Spool(np.int32, memory_bytes) as spool:
        spool.append(np.arange(5, dtype=np.int32))
        spool.append(np.empty(0, np.int32))
        spool.append(np.arange(5, 12, dtype=np.int32))
        assert len(spool) == 12
        chunks = [chunk.tolist() for chunk in spool.chunks(5)]
        array = spool.array()
    assert chunks == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    assert array.dtype == np.int32
    assert array.tolist() == list(range(12))
    assert not array.flags.writeable


@pytest.mark.parametrize("memory_bytes", [IN_MEMORY, IN_FILE])
def test_shrinks_in_place_while_it_is_read(memory_bytes: int) -> None:
    with Spool(np.int64, memory_bytes) as spool:
        spool.append(np.arange(10, dtype=np.int64))
        length = 0
        for chunk in spool.chunks(4):
            odd = chunk[chunk % 2 == 1]
            spool.overwrite(length, odd)
            length += odd.size
        spool.truncate(length)
        assert len(spool) == 5
        array = spool.array()
    assert array.tolist() == [1, 3, 5, 7, 9]


def test_file_is_mapped_and_vanishes_with_the_array(temporary_folder: Path) -> None:
    with Spool(np.int32, IN_FILE) as spool:
        spool.append(np.arange(100_000, dtype=np.int32))
        array = spool.array()
    assert isinstance(array.base, memoryview)
    assert isinstance(array.base.obj, mmap.mmap)
    tail = array[-3:]
    del array
    assert tail.tolist() == [99_997, 99_998, 99_999]
    del tail
    assert list(temporary_folder.iterdir()) == []


def test_file_vanishes_after_an_error(temporary_folder: Path) -> None:
    def interrupted() -> None:
        with Spool(np.int32, IN_FILE) as spool:
            spool.append(np.arange(100_000, dtype=np.int32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(temporary_folder.iterdir()) == []


def test_full_disk_is_a_corpus_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> int:
        raise OSError(28, "No space left on device")

    with Spool(np.int32, IN_FILE) as spool:
        monkeypatch.setattr(spool._file, "write", full)
        with pytest.raises(CorpusError, match="No space left on device; set TMPDIR"):
            spool.append(np.arange(3, dtype=np.int32))

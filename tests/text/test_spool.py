import errno
import mmap
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xw2v.errors import CorpusError
from xw2v.text.spool import Spool, scratch_array

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


class FullDisk:
    """A temporary file with a buffer, whose disk has room for some bytes only."""

    def __init__(self, folder: Path, room: int) -> None:
        self.file = (folder / "full").open("w+b", buffering=0)
        self.room = room
        self.pending = b""

    def flush(self) -> None:
        pending, self.pending = self.pending, b""
        if self.file.seek(0, 2) + len(pending) > self.room:
            self.pending = pending
            raise OSError(28, "No space left on device")
        self.file.write(pending)

    def write(self, data: Any) -> int:
        self.pending += bytes(data)
        return len(bytes(data))

    def seek(self, *args: int) -> int:
        self.flush()
        return self.file.seek(*args)

    def read(self, *args: int) -> bytes:
        self.flush()
        return self.file.read(*args)

    def truncate(self, size: int) -> int:
        self.flush()
        return self.file.truncate(size)

    def fileno(self) -> int:
        return self.file.fileno()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self.file.close()


@pytest.mark.parametrize(
    "use",
    [
        lambda spool: list(spool.chunks(2)),
        lambda spool: spool.overwrite(0, np.zeros(1, np.int32)),
        lambda spool: spool.truncate(1),
        lambda spool: spool.array(),
    ],
)
def test_a_disk_that_turns_out_to_be_full_later(
    use: Callable[[Spool[np.int32]], object], tmp_path: Path
) -> None:
    """What was written may be in a buffer still; then closing the file fails as well."""
    disk = FullDisk(tmp_path, 8)

    def fill() -> None:
        with Spool(np.int32, IN_FILE) as spool:
            spool._file.close()
            spool._file = disk  # type: ignore[assignment]
            spool.append(np.arange(3, dtype=np.int32))
            use(spool)

    with pytest.raises(CorpusError, match="No space left on device; set TMPDIR"):
        fill()
    assert disk.file.closed


class TestScratchArray:
    @pytest.mark.parametrize("memory_bytes", [IN_MEMORY, IN_FILE])
    @pytest.mark.parametrize("length", [0, 1, 1000])
    def test_holds_what_is_written(self, length: int, memory_bytes: int) -> None:
        array = scratch_array(length, np.int32, memory_bytes)
        assert array.dtype == np.int32
        assert array.tolist() == [0] * length
        array[:] = np.arange(length)
        assert array.tolist() == list(range(length))

    def test_file_vanishes_with_the_array(self, temporary_folder: Path) -> None:
        array = scratch_array(100_000, np.int64, IN_FILE)
        assert array.base is not None
        array[-1] = 1
        tail = array[-1:]
        del array
        assert tail.tolist() == [1]
        del tail
        assert list(temporary_folder.iterdir()) == []

    def test_a_short_one_needs_no_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*args: Any, **kwargs: Any) -> None:
            raise AssertionError

        monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
        assert scratch_array(10, np.int32, 40).size == 10
        with pytest.raises(AssertionError):
            scratch_array(11, np.int32, 40)

    @pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="there is no posix_fallocate")
    def test_full_disk_is_a_corpus_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*args: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(CorpusError, match="No space left on device; set TMPDIR"):
            scratch_array(10, np.int32, IN_FILE)

    @pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="there is no posix_fallocate")
    @pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
    def test_disks_that_cannot_reserve_room_will_do(
        self, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unable(*args: Any) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(os, "posix_fallocate", unable)
        array = scratch_array(10, np.int32, IN_FILE)
        array[9] = 7
        assert array.tolist() == [0] * 9 + [7]

    def test_no_file_can_be_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any, **kwargs: Any) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(tempfile, "TemporaryFile", fail)
        with pytest.raises(CorpusError, match="Too many open files"):
            scratch_array(10, np.int32, IN_FILE)

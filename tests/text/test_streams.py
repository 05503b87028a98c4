import io
from pathlib import Path

import pytest

from xw2v.text.streams import LocalFile, StoredStream


def stream_of(data: bytes) -> StoredStream:
    return StoredStream(LocalFile(name="x", path=Path("x")), io.BytesIO(data))


class TestByteStream:
    def test_peeking_reads_nothing(self) -> None:
        stream = stream_of(b"abcdef")
        assert stream.peek(2) == b"ab"
        assert stream.peek(4) == b"abcd"
        assert stream.position == 0
        assert stream.read(3) == b"abc"
        assert stream.position == 3
        assert stream.peek(2) == b"de"
        assert stream.read() == b"def"
        assert stream.read(1) == b""
        assert stream.peek(1) == b""

    @pytest.mark.parametrize("size", range(1, 8))
    @pytest.mark.parametrize("ahead", range(7))
    def test_any_size_gives_the_same_bytes(self, size: int, ahead: int) -> None:
        stream = stream_of(b"abcdefg")
        stream.peek(ahead)
        parts = list(iter(lambda: stream.read(size), b""))
        assert b"".join(parts) == b"abcdefg"
        assert all(len(part) == size for part in parts[:-1])

    def test_stored_counts_what_was_taken(self) -> None:
        stream = stream_of(b"abcdefg")
        stream.read(2)
        assert stream.stored == 2
        stream.peek(3)
        assert stream.stored == 5
        stream.read()
        assert stream.stored == 7

import bz2
import gzip
import io
import lzma
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from xw2v.errors import CorpusError
from xw2v.text import codecs
from xw2v.text.codecs import codec_of, decompressed, refuse_binary
from xw2v.text.streams import LocalFile, StoredStream


def arrow_compress(codec: str) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as file:
            file.write(data)
        return bytes(sink.getvalue())

    return compress


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": arrow_compress("zstd"),
    "lz4": arrow_compress("lz4"),
}
every_codec = pytest.mark.parametrize("codec", COMPRESS)
ZEROS = b"\0" * 512
SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"abcd"


def words(n: int) -> bytes:
    """Text that no codec makes very short."""
    draw = random.Random(1)
    return " ".join(f"word{draw.randrange(9999)}" for _ in range(n)).encode()


def expand(data: bytes, size: int = 1000) -> bytes:
    source = LocalFile(name="text.z", path=Path("text.z"))
    stored = StoredStream(source, io.BytesIO(data))
    stream = decompressed(stored, source.name)
    parts = list(iter(lambda: stream.read(size), b""))
    assert stream.stored == len(data)
    assert stream.position == sum(map(len, parts))
    return b"".join(parts)


class TestDecompressed:
    @every_codec
    @pytest.mark.parametrize("n", [0, 1, 5000])
    def test_round_trip(self, codec: str, n: int) -> None:
        data = COMPRESS[codec](words(n))
        assert codec_of(data[: codecs.HEAD]) == codec
        assert expand(data) == words(n)

    def test_plain_text_stays(self) -> None:
        for text in (b"", b"a", b"BZh9 is not compressed", b"\x1f\x8b"):
            assert expand(text) == text

    @every_codec
    def test_members_belong_together(self, codec: str) -> None:
        members = [COMPRESS[codec](text) for text in (b"one ", b"", b"two ", words(3000))]
        assert expand(b"".join(members)) == b"one two " + words(3000)

    @every_codec
    def test_many_short_members(self, codec: str) -> None:
        assert expand(COMPRESS[codec](b"a ") * 300) == b"a " * 300

    @every_codec
    def test_small_reads(self, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(codecs, "_IN", 3)
        monkeypatch.setattr(codecs, "_OUT", 7)
        data = COMPRESS[codec](words(40))
        assert expand(data * 2, size=1) == words(40) * 2

    @pytest.mark.parametrize("codec", ["gzip", "bz2", "xz"])
    def test_padding_with_zeros(self, codec: str) -> None:
        member = COMPRESS[codec](b"one ")
        assert expand(member + ZEROS) == b"one "
        assert expand(member + ZEROS + member + ZEROS * 1000) == b"one one "

    @pytest.mark.parametrize("codec", ["zstd", "lz4"])
    def test_frames_to_skip(self, codec: str) -> None:
        frame = COMPRESS[codec](b"one ")
        assert expand(frame + SKIPPABLE + frame) == b"one one "
        assert expand(SKIPPABLE + frame) == b"one "

    @every_codec
    def test_truncated_anywhere(self, codec: str) -> None:
        data = COMPRESS[codec](words(50))
        shortest = max(length for length in range(20) if codec_of(data[:length]) != codec) + 1
        for length in range(shortest, len(data)):
            match = (
                rf"text.z is truncated after about \d+ bytes of text \({length} bytes into the file"
            )
            with pytest.raises(CorpusError, match=match):
                expand(data[:length])

    @every_codec
    def test_second_member_truncated(self, codec: str) -> None:
        data = COMPRESS[codec](b"one ")
        with pytest.raises(
            CorpusError, match=r"text\.z is truncated after about [048] bytes of text"
        ):
            expand(data + data[:-1])

    @every_codec
    def test_text_before_the_damage_is_read(self, codec: str) -> None:
        text = words(150_000)
        data = COMPRESS[codec](text)[:-5]
        stream = decompressed(
            StoredStream(LocalFile(name="z", path=Path("z")), io.BytesIO(data)), "z"
        )
        assert stream.read(1000) == text[:1000]
        with pytest.raises(
            CorpusError, match=r"z is truncated after about 1,[0-9,]+ bytes of text"
        ):
            stream.read()

    @every_codec
    def test_damaged(self, codec: str) -> None:
        data = bytearray(COMPRESS[codec](words(5000)))
        for i in range(len(data) // 2, len(data) // 2 + 30):
            data[i] ^= 0x55
        if codec in ("zstd", "lz4"):
            # pyarrow writes these without checksums, so some damage is not seen.
            with suppress(CorpusError):
                assert expand(bytes(data)) != words(5000)
        else:
            with pytest.raises(CorpusError, match=r"text\.z is damaged \("):
                expand(bytes(data))

    @every_codec
    def test_garbage_behind(self, codec: str) -> None:
        with pytest.raises(
            CorpusError, match=r"text\.z is (damaged|truncated).* after about [04] bytes"
        ):
            expand(COMPRESS[codec](b"one ") + b"garbage")


class TestRefuseBinary:
    @pytest.mark.parametrize(
        ("head", "what"),
        [
            (b"PK\x03\x04...", "a zip archive; unpack it"),
            (b"%PDF-1.7\n", "a PDF document; extract its text"),
            (b"\x7fELF\x02\x01", "a program"),
            (b"MZ\x90\0\x03\0\0\0\x04\0", "a program"),
            (b"\x89PNG\r\n\x1a\n", "a PNG image"),
            (b"\xff\xd8\xff\xe0", "a JPEG image"),
            (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
            (b"SQLite format 3\0", "an SQLite database"),
            (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
            (b"x" * 257 + b"ustar\x0000", "a tar archive; unpack it"),
            (b"\x93NUMPY\x01\0", "a NumPy array"),
            (b"\x80\x04\x95", "a Python pickle"),
            (b'\x40\0\0\0\0\0\0\0{"a"', "a safetensors file"),
            ("a".encode("utf-16"), "UTF-16 text; convert it to UTF-8"),
            (b"\xfe\xff\0a", "UTF-16 text; convert it to UTF-8"),
            ("a".encode("utf-32"), "UTF-32 text; convert it to UTF-8"),
            (gzip.compress(b"a", mtime=0), "compressed twice"),
        ],
    )
    def test_says_what_it_is(self, head: bytes, what: str) -> None:
        with pytest.raises(CorpusError, match=f"x.txt is not text but .*{what}"):
            refuse_binary(head, "x.txt")

    @pytest.mark.parametrize(
        "head",
        [b"", b"MZ is a program", b"PK", b"\0\0\0", b"a\0b", b"\xef\xbb\xbfa", b"\xe4 Latin-1"],
    )
    def test_lets_text_through(self, head: bytes) -> None:
        refuse_binary(head, "x.txt")

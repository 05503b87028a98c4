"""Compressed text, known by its first bytes and never by its name; and files that hold no text."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from xw2v.errors import CorpusError
from xw2v.text.streams import ByteStream

__all__ = ["HEAD", "DecompressedStream", "codec_of", "decompressed", "refuse_binary"]

# Enough of the beginning to know what a file holds. ("ustar" of a tar archive is at 257.)
HEAD = 512
_IN = 1 << 18
_OUT = 1 << 20

_ZSTD = b"\x28\xb5\x2f\xfd"
_LZ4 = b"\x04\x22\x4d\x18"
_MAGIC = {
    "gzip": (b"\x1f\x8b\x08",),
    # A block, or the end of a stream without any. "BZh9" alone may begin a text.
    "bz2": tuple(
        b"BZh%d" % level + follows
        for level in range(1, 10)
        for follows in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
    ),
    "xz": (b"\xfd7zXZ\x00",),
    "zstd": (_ZSTD,),
    "lz4": (_LZ4,),
}

_UTF16 = "UTF-16 text; convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8"
_UTF32 = "UTF-32 text; convert it to UTF-8, for example with iconv -f UTF-32 -t UTF-8"
_UNPACK = "archive; unpack it and name the files of text in it"
_EXTRACT = "; extract its text first"
_EXPORT = "; export its text first"
# In this order, because UTF-32 begins like UTF-16.
_BINARY = (
    (257, b"ustar\0", f"a tar {_UNPACK}"),
    (257, b"ustar  \0", f"a tar {_UNPACK}"),
    (5, b'\0\0\0{"', "a safetensors file; name files of text"),
    *((0, b"\x80%c" % version, f"a Python pickle{_EXPORT}") for version in range(2, 6)),
    (0, b"PK\x03\x04", f"a zip {_UNPACK} (a .docx, .xlsx, .epub or .npz is one as well)"),
    (0, b"PK\x05\x06", "a zip archive without files; name files of text"),
    (0, b"7z\xbc\xaf\x27\x1c", f"a 7-Zip {_UNPACK}"),
    (0, b"Rar!\x1a\x07", f"a RAR {_UNPACK}"),
    (0, b"\x1f\x9d", "data that compress made; decompress it, for example with gzip -d"),
    (0, b"\x02\x21\x4c\x18", "lz4 data of the old form; decompress it with lz4 -d"),
    (0, b"%PDF-", f"a PDF document{_EXTRACT}, for example with pdftotext"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"an old Microsoft Office document{_EXTRACT}"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image; name files of text"),
    (0, b"\xff\xd8\xff", "a JPEG image; name files of text"),
    (0, b"\x7fELF", "a program (ELF); name files of text"),
    (0, b"SQLite format 3\0", f"an SQLite database{_EXPORT}"),
    (0, b"\x89HDF\r\n\x1a\n", f"an HDF5 file{_EXPORT}"),
    (0, b"\x93NUMPY", "a NumPy array (.npy); name files of text"),
    (0, b"FEA1", "a Feather file of version 1; write it again as Parquet or Arrow"),
    (0, b"\xff\xfe\0\0", _UTF32),
    (0, b"\0\0\xfe\xff", _UTF32),
    (0, b"\xff\xfe", _UTF16),
    (0, b"\xfe\xff", _UTF16),
)


def codec_of(head: bytes) -> str | None:
    """Tell how bytes are compressed.

    Parameters
    ----------
    head : bytes
        The first ones.

    Returns
    -------
    {"gzip", "bz2", "xz", "zstd", "lz4"} or None
        None if they are not compressed, in no way known here.
    """
    # zstd and lz4 skip frames of this kind; parallel zstd begins with one.
    skippable = head[1:4] == b"\x2a\x4d\x18" and head[:1] and head[0] & 0xF0 == 0x50
    if skippable:
        after = 8 + int.from_bytes(head[4:8], "little")
        return "lz4" if head[after : after + 4] == _LZ4 else "zstd"
    for codec, magic in _MAGIC.items():
        if head.startswith(magic):
            return codec
    return None


def refuse_binary(head: bytes, name: str) -> None:
    """Raise CorpusError if a file is of a well-known kind that is not text.

    Parameters
    ----------
    head : bytes
        Its first HEAD bytes, decompressed.
    name : str
        What the message calls it.
    """
    kind = _binary_kind(head)
    if kind is not None:
        raise CorpusError(f"{name} is not text but {kind}")


def _binary_kind(head: bytes) -> str | None:
    for offset, magic, kind in _BINARY:
        if head.startswith(magic, offset):
            return kind
    if head.startswith(b"MZ") and b"\0\0\0" in head[:64]:
        return "a program (for Windows); name files of text"
    if codec_of(head) is not None:
        return "data that is compressed twice; decompress it once"
    return None


def decompressed(stream: ByteStream, name: str) -> ByteStream:
    """Return the decompressed bytes of a stream, or the stream itself if it is not compressed.

    Parameters
    ----------
    stream : ByteStream
        Read from its beginning.
    name : str
        What messages call it.

    Returns
    -------
    ByteStream
        Its ``read`` raises CorpusError where the data are damaged or truncated.
    """
    codec = codec_of(stream.peek(HEAD))
    return stream if codec is None else DecompressedStream(stream, codec, name)


class DecompressedStream(ByteStream):
    """The bytes that a compressed stream stands for, all its members (or frames) together.

    Parameters
    ----------
    stream : ByteStream
    codec : {"gzip", "bz2", "xz", "zstd", "lz4"}
    name : str
        What messages call it.
    """

    def __init__(self, stream: ByteStream, codec: str, name: str) -> None:
        super().__init__()
        self._stream = stream
        self._name = name
        self._given = 0
        make = _DECODERS.get(codec)
        self._chunks = _arrow_chunks(stream, codec) if make is None else _chunks(stream, make)

    @property
    def stored(self) -> int:
        """Compressed bytes taken so far."""
        return self._stream.stored

    def _more(self, size: int) -> bytes:  # noqa: ARG002 (chunks have the size that suits them)
        try:
            data = next(self._chunks, b"")
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            # pyarrow has no error of its own for this.
            truncated = isinstance(error, EOFError) or "runcated" in str(error)
            what = "truncated" if truncated else f"damaged ({error})"
            raise CorpusError(
                f"{self._name} is {what} after about {self._given:,} bytes of text "
                f"({self.stored:,} bytes into the file); get it whole again, or decompress by "
                "hand what can be saved"
            ) from error
        self._given += len(data)
        return data


class _Decoder(Protocol):
    """What the decompressors of bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gzip:
    """A member of a gzip file, as bz2 would have it."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}


def _chunks(stream: ByteStream, make: Callable[[], _Decoder]) -> Iterator[bytes]:
    """Yield what the members of a compressed stream hold; zeros after a member are padding."""
    data = stream.read(_IN)
    while data:
        decoder = make()
        while not decoder.eof:
            text = decoder.decompress(data, _OUT)
            data = b""
            if text:
                yield text
            if decoder.needs_input and not decoder.eof:
                data = stream.read(_IN)
                if not data and not text:
                    raise EOFError
        data = decoder.unused_data.lstrip(b"\0")
        while not data and (more := stream.read(_IN)):
            data = more.lstrip(b"\0")


def _arrow_chunks(stream: ByteStream, codec: str) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    file = pa.PythonFile(cast(io.RawIOBase, stream), mode="r")
    with pa.CompressedInputStream(file, codec) as chunks:
        while data := chunks.read(_OUT):
            yield data

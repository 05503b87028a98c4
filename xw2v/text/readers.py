"""Sources to blocks of text in normal form, whatever their format."""

import codecs
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, cast, get_args

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.codecs import HEAD, decompressed, refuse_binary
from xw2v.text.columnar import arrow_texts, parquet_texts
from xw2v.text.corpora import NltkCorpus, corpus_texts
from xw2v.text.delimited import delimited_texts
from xw2v.text.jsonl import jsonl_texts
from xw2v.text.normal import END, Block, Sentences, Texts, blocks_of_texts, cut_chunks
from xw2v.text.remote import RemoteFile
from xw2v.text.streams import ByteStream, LocalFile, Source, StoredStream, unreadable
from xw2v.text.strings import string_blocks

__all__ = ["Block", "Format", "Reading", "Sentences", "read_blocks", "string_blocks"]

Format = Literal["auto", "text", "jsonl", "csv", "tsv", "parquet", "arrow"]

_COMPRESSED = re.compile(r"\.(gz|gzip|bgz|bz2|xz|zst|zstd|lz4)$", re.IGNORECASE)
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_PARQUET = (b"PAR1", b"PARE")  # the second has an encrypted footer
_ARROW_FILE = b"ARROW1"
_ARROW_STREAM = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Reading:
    """How a source becomes text.

    Parameters
    ----------
    format : {"auto", "text", "jsonl", "csv", "tsv", "parquet", "arrow"}
        "auto" goes by the name of each source, after endings such as .gz; Parquet and Arrow
        are known by their content as well. What is nothing else is plain text.
    field : str
        The field of JSON Lines that holds the text; dots lead into objects: ``"meta.body"``.
    column : str
        The column of CSV, TSV, Parquet and Arrow that holds the text; dots lead into structs.
    sentences : {"line", "document", "punctuation"}
        What ends a sentence: lines; documents, which are files of plain text and records of the
        other formats; or punctuation and blank lines.

    Raises
    ------
    ConfigError
        If a value is none of these, or empty.
    """

    format: Format = "auto"
    field: str = "text"
    column: str = "text"
    sentences: Sentences = "line"

    def __post_init__(self) -> None:
        choices = {"format": get_args(Format), "sentences": get_args(Sentences)}
        for option, allowed in choices.items():
            value = getattr(self, option)
            if value not in allowed:
                raise ConfigError(
                    f"{option} must be {', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}, "
                    f"not {value!r}"
                )
        for option in ("field", "column"):
            value = getattr(self, option)
            if not isinstance(value, str) or not value:
                raise ConfigError(f"{option} must be a name, not {value!r}")


def read_blocks(source: Source, size: int, reading: Reading = Reading()) -> Generator[Block]:
    """Read a source in blocks of text in normal form.

    Whether it is compressed shows in its first bytes. A byte order mark at the beginning is
    dropped. Plain text is not decoded, and may hold any bytes.

    Parameters
    ----------
    source : Source
    size : int
        Bytes of a block, about; longer where there is no white space to cut after.
    reading : Reading

    Yields
    ------
    Block
        See `xw2v.text.normal`.

    Raises
    ------
    CorpusError
        If the source cannot be read, is damaged, or is not what `reading` says.
    """
    if isinstance(source, NltkCorpus):
        yield from blocks_of_texts(corpus_texts(source, size), size, reading.sentences, source.name)
        return
    with ExitStack() as stack:
        file = stack.enter_context(source.open())
        stored = stack.enter_context(closing(StoredStream(source, file)))
        stream = stack.enter_context(closing(decompressed(stored, source.name)))
        head = stream.peek(HEAD)
        format_ = _format(source.name, head) if reading.format == "auto" else reading.format
        if format_ in ("parquet", "arrow"):
            if not head:
                return
            table = _seekable(source, stream, stored, file, stack)
            texts = _columns(source, table, head, format_, size, reading.column)
        else:
            refuse_binary(head, source.name)
            if head.startswith(codecs.BOM_UTF8):
                stream.read(len(codecs.BOM_UTF8))
            if format_ == "text":
                yield from _plain_blocks(stream, stream is not stored, size, reading, source.name)
                return
            texts = _records(stream, format_, size, reading, source.name)
        try:
            yield from blocks_of_texts(texts, size, reading.sentences, source.name)
        except CorpusError:
            raise
        except source.failures as error:  # where pyarrow reads the file itself
            raise unreadable(source.name, error) from error


def _format(name: str, head: bytes) -> Format:
    if head.startswith(_PARQUET):
        return "parquet"
    if head.startswith((_ARROW_FILE, _ARROW_STREAM)):
        return "arrow"
    # (URLs may go on behind the path.)
    path = re.split(r"[?#]", name)[0] if "://" in name else name
    suffix = PurePosixPath(_COMPRESSED.sub("", path.replace("\\", "/"))).suffix
    return _SUFFIXES.get(suffix.lower(), "text")


def _plain_blocks(
    stream: ByteStream, is_compressed: bool, size: int, reading: Reading, name: str
) -> Iterator[Block]:
    place = partial(_byte, " of the decompressed text" if is_compressed else "")
    for start, data in cut_chunks(_plain_chunks(stream, size, reading), name, stream.position):
        yield Block(data, partial(place, start), stream.stored)


def _plain_chunks(stream: ByteStream, size: int, reading: Reading) -> Iterator[bytes]:
    while data := stream.read(size):
        yield data.replace(b"\n", b" ") if reading.sentences == "document" else data
    yield END[reading.sentences]


def _byte(what: str, start: int, offset: int) -> str:
    return f"byte {start + offset}{what} (counted from 0)"


def _records(
    stream: ByteStream, format_: Format, size: int, reading: Reading, name: str
) -> Iterator[Texts]:
    if format_ == "jsonl":
        return jsonl_texts(stream, size, reading.field, name)
    delimiter = "\t" if format_ == "tsv" else ","
    return delimited_texts(stream, size, reading.column, delimiter, name)


def _seekable(
    source: Source, stream: ByteStream, stored: StoredStream, file: BinaryIO, stack: ExitStack
) -> BinaryIO:
    """Return the file itself if it can be sought in and is not compressed, else a copy."""
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    if stream is stored:
        if isinstance(source, RemoteFile) and source.streams:
            parts = source.open_parts()
            if parts is not None:
                return stack.enter_context(parts)
        elif _rewind(source, file, stored.stored):
            if isinstance(source, LocalFile):
                # The whole file may be a single batch, which would be read into memory.
                return cast(BinaryIO, stack.enter_context(pa.memory_map(str(source.path))))
            return file
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (the stack is one)
    shutil.copyfileobj(stream, copy, 1 << 20)
    copy.seek(0)
    return cast(BinaryIO, copy)


def _rewind(source: Source, file: BinaryIO, taken: int) -> bool:
    """Go back to the beginning of a file, if it can do that and any other seeking."""
    failures: tuple[type[Exception], ...] = (*source.failures, ValueError)
    try:
        if not file.seekable() or file.tell() != taken:
            return False
        file.seek(0)
    except failures:
        return False
    return True


def _columns(
    source: Source, file: BinaryIO, head: bytes, format_: Format, size: int, column: str
) -> Iterator[Texts]:
    if format_ == "parquet":
        return parquet_texts(file, size, column, source.name, source.size)
    is_stream = not head.startswith(_ARROW_FILE)
    return arrow_texts(file, column, source.name, source.size, is_stream)

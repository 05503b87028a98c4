"""JSON Lines: one field of each record."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from xw2v.errors import CorpusError
from xw2v.text.normal import LONGEST_BLOCK, Texts
from xw2v.text.streams import ByteStream

__all__ = ["jsonl_texts"]

_BLANK_LINE = re.compile(rb"^[ \t\r]*\n", re.MULTILINE)
_NO_OBJECT = re.compile(rb"^[ \t\r]*[^{ \t\r\n]", re.MULTILINE)
# pyarrow would crash on a null that is no member of anything.
_BARE_NULL = re.compile(rb"\}[ \t\r]*n")
_KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


def jsonl_texts(stream: ByteStream, size: int, field: str, name: str) -> Iterator[Texts]:
    r"""Read one field of JSON Lines.

    Parameters
    ----------
    stream : ByteStream
        Lines of UTF-8 that hold a JSON object each. Blank ones are skipped.
    size : int
        Bytes to parse at a time, about.
    field : str
        Dots lead into objects within objects, unless the first record has a field by this name.
    name : str
        What messages call the stream.

    Yields
    ------
    Texts
        Of type binary; null where a record has no such field, or null in it.

    Raises
    ------
    CorpusError
        If a line is not JSON or not UTF-8, if there is something else than a string in the
        field, or if no record has the field.
    """
    path: tuple[str, ...] = ()
    first = b""
    found = False
    line = 1
    for chunk in _line_chunks(stream, size, name):
        if not path and (first := chunk.strip(b" \t\r\n").partition(b"\n")[0]):
            path = _path_of(field, first)
        if path:
            texts = _parse_fast(chunk, path)
            if texts is None:
                texts = _parse_lines(chunk, line, path, name)
            found |= texts.null_count < len(texts)
            yield Texts(texts, partial(_line_of, chunk, line), stream.stored)
        line += chunk.count(b"\n")
    if path and not found and not _has(first, path):
        raise CorpusError(
            f"{name}: no record has a field {field!r}; the first one has {_fields(first)}: "
            "name one of its fields"
        )


def _line_chunks(stream: ByteStream, size: int, name: str) -> Iterator[bytes]:
    """Cut a stream after ends of lines; the last chunk is ended by one as well."""
    parts: list[bytes] = []
    length = 0
    while data := stream.read(size):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join([*parts, data[:cut]])
            parts, length = [], 0
        parts.append(data[cut:])
        length += len(data) - cut
        if length > LONGEST_BLOCK:
            raise CorpusError(
                f"{name}: no end of a line in {length:,} bytes; this does not look like JSON Lines"
            )
    if length:
        yield b"".join([*parts, b"\n"])


def _path_of(field: str, first: bytes) -> tuple[str, ...]:
    return (field,) if _has(first, (field,)) else tuple(field.split("."))


def _has(line: bytes, path: tuple[str, ...]) -> bool:
    value = _loads(line)
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


def _loads(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _fields(line: bytes) -> str:
    return ", ".join(map(repr, _loads(line))) or "none"


def _parse_fast(chunk: bytes, path: tuple[str, ...]) -> Any | None:
    """Parse whole lines with pyarrow; None if anything is odd, be it an error or not."""
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)
    import pyarrow.compute as pc  # noqa: PLC0415
    import pyarrow.json as pj  # noqa: PLC0415

    lines = chunk.count(b"\n")
    regular = chunk[:1] == b"{" and chunk.count(b"\n{") == lines - 1
    if (not regular and _NO_OBJECT.search(chunk)) or _BARE_NULL.search(chunk):
        return None
    kind = pa.string()
    for name in reversed(path):
        schema = pa.schema([(name, kind)])
        kind = pa.struct([(name, kind)])
    try:
        table = pj.read_json(
            pa.BufferReader(chunk),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(chunk) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
        texts = table.column(0).combine_chunks()
        for index in range(1, len(path)):
            texts = pc.struct_field(texts, path[index])
        texts.validate(full=True)  # or else it may be no UTF-8
    except (pa.ArrowException, ValueError, OSError):
        return None
    blank = 0 if regular else len(_BLANK_LINE.findall(chunk))
    if len(texts) != lines - blank:
        return None  # a record on two lines, or two on one
    return texts.view(pa.binary())


def _parse_lines(chunk: bytes, first: int, path: tuple[str, ...], name: str) -> Any:
    """Parse whole lines with the standard library, which is slow and says what is wrong where."""
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    texts = []
    for number, line in enumerate(chunk[:-1].split(b"\n"), first):
        if not line.strip(b" \t\r"):
            continue
        where = f"{name}, line {number:,}"
        try:
            record = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{where}: byte {error.start:,} of the line (counted from 0) is not UTF-8; "
                "JSON Lines must be, so convert the file"
            ) from error
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"{where}: not valid JSON: {error.msg} at character {error.pos + 1:,}; "
                "JSON Lines hold one object on each line"
            ) from error
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{where}: this JSON cannot be read: {error}") from error
        if not isinstance(record, dict):
            raise CorpusError(
                f"{where}: {_kind(record)}, not an object; JSON Lines hold one object on each line"
            )
        texts.append(_text_of(record, path, where))
    return pa.array(texts, pa.binary())


def _text_of(record: dict[str, Any], path: tuple[str, ...], where: str) -> bytes | None:
    value: Any = record
    for depth, field in enumerate(path):
        if not isinstance(value, dict):
            outer = ".".join(path[:depth])
            raise CorpusError(f"{where}: field {outer!r} is {_kind(value)}, not an object")
        value = value.get(field)
        if value is None:
            return None
    whole = ".".join(path)
    if not isinstance(value, str):
        raise CorpusError(f"{where}: field {whole!r} is {_kind(value)}, not a string")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{where}: field {whole!r} holds half of a surrogate pair, "
            f"\\u{ord(value[error.start]):04x}, which is no character; mend or remove it"
        ) from error


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null" if value is None else "a string")


def _line_of(chunk: bytes, first: int, row: int) -> str:
    lines = chunk.split(b"\n")
    full = [number for number, line in enumerate(lines, first) if line.strip(b" \t\r")]
    return f"line {full[row]:,}"

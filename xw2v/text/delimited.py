"""CSV and TSV: one column of a table."""

import codecs
import csv
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from xw2v.errors import CorpusError
from xw2v.text.normal import LONGEST_BLOCK, Texts
from xw2v.text.streams import ByteStream

__all__ = ["delimited_texts"]

# What pyarrow says of a row with more values or fewer than the others.
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): ")
_QUOTE, _LF, _CR = b'"\n\r'


def delimited_texts(
    stream: ByteStream, size: int, column: str, delimiter: str, name: str
) -> Iterator[Texts]:
    r"""Read one column of CSV or TSV.

    Values may be quoted, with ``"`` doubled within, and may hold newlines then.

    Parameters
    ----------
    stream : ByteStream
        A header that names the columns, and a row for each record.
    size : int
        Bytes to parse at a time, about.
    column : str
    delimiter : str
        One ASCII character.
    name : str
        What messages call the stream.

    Yields
    ------
    Texts
        Of type binary. The bytes need not be UTF-8.

    Raises
    ------
    CorpusError
        If there is no such column, or a row has more values or fewer than the header.
    """
    header: list[str] = []
    index = -1
    rows = 0
    for chunk in _row_chunks(stream, size, delimiter.encode(), name):
        body = chunk
        if not header:
            header, length = _header(chunk, delimiter, name)
            if not header:
                continue  # nothing but blank lines
            index = _index(header, column, name)
            body = chunk[length:]
        if body:
            texts = _parse(body, index, header, delimiter, rows, name)
            yield Texts(texts, partial(_record, rows), stream.stored)
            rows += len(texts)


def _record(before: int, row: int) -> str:
    return f"record {before + row + 1:,}"


def _row_chunks(stream: ByteStream, size: int, delimiter: bytes, name: str) -> Iterator[bytes]:
    """Cut a stream after ends of rows."""
    left = b""
    while data := stream.read(max(size, len(left))):  # twice as much if that was not enough
        data = left + data
        cut = _after_last_row(data, delimiter)
        if cut:
            yield data[:cut]
        left = data[cut:]
        if len(left) > LONGEST_BLOCK:
            raise CorpusError(
                f"{name}: no end of a row in {len(left):,} bytes; is there a quote that is "
                "never closed?"
            )
    if left:
        yield left


def _after_last_row(data: bytes, delimiter: bytes) -> int:
    """Return where the last row ends that is there as a whole, 0 if none is."""
    if b'"' not in data:
        # (A carriage return may be half of an end of a row, which does no harm.)
        return max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
    octets = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(octets == _QUOTE)
    # Quotes open and close in turn, if all of them stand where such quotes do. A doubled one
    # closes and opens again.
    outside = np.frombuffer(delimiter + b'\n\r"', np.uint8)
    before = octets[quotes[::2] - 1]
    if quotes[0] == 0:
        before = before[1:]
    after = octets[quotes[1::2] + 1 - (quotes[1::2] == octets.size - 1)]
    if not np.isin(before, outside).all() or not np.isin(after, outside).all():
        return _after_rows_one_by_one(data, delimiter)
    ends = np.flatnonzero((octets == _LF) | (octets == _CR))
    whole = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)
    return int(ends[whole[-1]]) + 1 if whole.size else 0


def _after_rows_one_by_one(data: bytes, delimiter: bytes) -> int:
    """Do what `_after_last_row` does where quotes stand within values that are not quoted."""
    rest = rb"[^\n\r" + re.escape(delimiter) + rb"]*+"
    value = rb'(?:"(?:[^"]++|"")*+"' + rest + rb'|(?!")' + rest + rb")"
    row = value + rb"(?:" + re.escape(delimiter) + value + rb")*+[\n\r]"
    match = re.match(rb"(?:" + row + rb")*+", data)
    return match.end() if match else 0


def _header(chunk: bytes, delimiter: str, name: str) -> tuple[list[str], int]:
    """Return the names of the columns, and the bytes up to the first row."""
    lines = chunk.splitlines(keepends=True)
    decoded = (line.decode("utf-8", "replace") for line in lines)
    reader = csv.reader(decoded, delimiter=delimiter)
    try:
        header = next((row for row in reader if row), [])
    except csv.Error as error:
        raise CorpusError(f"{name}: the header cannot be read: {error}") from error
    return header, sum(map(len, islice(lines, reader.line_num)))


def _index(header: list[str], column: str, name: str) -> int:
    if header.count(column) == 1:
        return header.index(column)
    what = "no column" if column not in header else f"{header.count(column)} columns"
    raise CorpusError(
        f"{name} has {what} {column!r}; its header (the first row) names "
        f"{', '.join(map(repr, header))}: name one of them"
    )


def _parse(body: bytes, index: int, header: list[str], delimiter: str, rows: int, name: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)
    import pyarrow.csv as pc  # noqa: PLC0415

    columns = [str(number) for number in range(len(header))]
    wanted = columns[index]
    if body.startswith(codecs.BOM_UTF8):
        body = b"\n" + body  # it is text here, but pyarrow would drop it
    try:
        table = pc.read_csv(
            pa.BufferReader(body),
            read_options=pc.ReadOptions(
                use_threads=False, block_size=len(body) + 1, column_names=columns
            ),
            parse_options=pc.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pc.ConvertOptions(
                include_columns=[wanted], column_types={wanted: pa.binary()}
            ),
        )
    except (pa.ArrowException, ValueError) as error:
        # (pyarrow offers to call a handler with such rows, but not if they are no UTF-8.)
        ragged = _RAGGED.search(str(error))
        if ragged is None:
            raise CorpusError(f"{name}, after record {rows:,}: {error}") from error
        row, n_wanted, n_found = map(int, ragged.groups())
        raise CorpusError(
            f"{name}, record {rows + row:,} has {n_found:,} values and the header {n_wanted:,}: "
            f"{str(error)[ragged.end() :][:60]!r}; put values that hold the delimiter or a "
            "newline in quotes, and close each quote"
        ) from error
    return table.column(0).combine_chunks()

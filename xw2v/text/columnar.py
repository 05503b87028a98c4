"""Parquet and Arrow IPC: one column of a table."""

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO

from xw2v.errors import CorpusError
from xw2v.text.normal import Texts, slices, to_binary

__all__ = ["arrow_texts", "parquet_texts"]

_ROWS = 1 << 16
_BUFFER = 1 << 20


def parquet_texts(
    file: BinaryIO, size: int, column: str, name: str, stored: int | None
) -> Iterator[Texts]:
    """Read one column of a Parquet file.

    Parameters
    ----------
    file : binary file
        One that seeks.
    size : int
        Bytes of text to read at a time, about.
    column : str
        Dots lead into structs, unless a column has this name.
    name : str
        What messages call the file.
    stored : int or None
        Its size, for progress.

    Yields
    ------
    Texts
        Of type binary or large_binary.

    Raises
    ------
    CorpusError
        If the file is damaged or something else, or if there is no such column of text.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 (as elsewhere: 0.1 s)

    with _damage(name, "Parquet"):
        table = pq.ParquetFile(file, buffer_size=_BUFFER)
    with closing(table):
        with _damage(name, "Parquet"):
            path = _path(table.schema_arrow, column, name)
        metadata = table.metadata
        # (Of all columns: asking for one ends the process where the footer is damaged, as nothing
        # catches what pyarrow's metadata of a column throws.)
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        bytes_ = sum(group.total_byte_size for group in groups)
        average = bytes_ / max(1, metadata.num_rows)
        rows = min(max(1, int(size / max(1, average))), _ROWS)
        before = 0
        for batch in _undamaged(
            table.iter_batches(batch_size=rows, columns=[".".join(path)], use_threads=False),
            name,
            "Parquet",
        ):
            done = before + batch.num_rows
            part = None if stored is None else stored * done // max(1, metadata.num_rows)
            yield from _texts(batch, path, before, part, name)
            before = done


def arrow_texts(
    file: Any, column: str, name: str, stored: int | None, is_stream: bool
) -> Iterator[Texts]:
    """Read one column of an Arrow IPC file (also known as Feather) or stream.

    Parameters
    ----------
    file : binary file or pyarrow NativeFile
        One that seeks.
    column, name, stored
        As for `parquet_texts`.
    is_stream : bool
        Whether it has the stream format.

    Yields
    ------
    Texts
        Of type binary or large_binary.

    Raises
    ------
    CorpusError
        As for `parquet_texts`.
    """
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    with _damage(name, "Arrow"):
        table = pa.ipc.open_stream(file) if is_stream else pa.ipc.open_file(file)
        path = _path(table.schema, column, name)
    if is_stream:
        batches = table
    else:
        with _damage(name, "Arrow"):
            wanted = [table.schema.get_field_index(path[0])]
            table = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=wanted))
        batches = (table.get_batch(number) for number in range(table.num_record_batches))
    before = 0
    for number, batch in enumerate(_undamaged(batches, name, "Arrow"), 1):
        taken, total = (file.tell(), length) if is_stream else (number, table.num_record_batches)
        part = None if stored is None else stored * taken // total
        yield from _texts(batch, path, before, part, name)
        before += batch.num_rows


def _path(schema: Any, column: str, name: str) -> tuple[str, ...]:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    if schema.names.count(column) == 1:
        return (column,)
    path = tuple(column.split("."))
    kind = pa.struct(list(schema))
    for field in path:
        if not pa.types.is_struct(kind) or len(kind.get_all_field_indices(field)) != 1:
            count = schema.names.count(column)
            raise CorpusError(
                f"{name} has {f'{count} columns' if count else 'no column'} {column!r}; it has "
                f"{', '.join(map(repr, schema.names)) or 'none at all'}: name one of them"
            )
        kind = kind.field(field).type
    return path


def _texts(
    batch: Any, path: tuple[str, ...], before: int, done: int | None, name: str
) -> Iterator[Texts]:
    import pyarrow.compute as pc  # noqa: PLC0415 (as elsewhere: 0.1 s)

    with _damage(name, "Arrow data"):
        batch.validate()
        array = batch.column(path[0])
        for field in path[1:]:
            array = pc.struct_field(array, field)
        if to_binary(array[:0]) is None:
            raise CorpusError(
                f"{name}: column {'.'.join(path)!r} holds {array.type}, not strings; "
                "name a column of text"
            )
    texts = slices(array, _record, before, done)
    for part in _undamaged(texts, name, "Arrow data"):
        with _damage(name, "Arrow data"):
            part.array.validate(full=True)
        yield part


def _record(before: int, row: int) -> str:
    return f"record {before + row + 1:,}"


@contextmanager
def _damage(name: str, kind: str) -> Iterator[None]:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, IndexError) as error:
        raise CorpusError(
            f"{name} is not {kind} or is damaged: {str(error).partition(chr(10))[0].rstrip('.')}; "
            "get it whole again, or name its format"
        ) from error


def _undamaged(batches: Any, name: str, kind: str) -> Iterator[Any]:
    iterator = iter(batches)
    while True:
        with _damage(name, kind):
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch

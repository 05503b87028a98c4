"""Text that is in memory: strings in lists, iterators, columns of data frames."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from xw2v.errors import CorpusError
from xw2v.text.normal import Block, Sentences, Texts, blocks_of_texts, slices, to_binary

__all__ = ["string_blocks"]

_NAME = "the strings"
_ONE_COLUMN = "pass one column, for example df['text']"
_MANY = 1 << 16


def string_blocks(
    strings: Iterable[str | None], size: int, sentences: Sentences
) -> Iterator[Block]:
    """Turn strings into blocks of text in normal form.

    Parameters
    ----------
    strings : iterable of str
        A document each; None and not-a-number are no text. Columns that speak Arrow (pyarrow,
        polars, pandas) are read without a Python object for each string.
    size : int
        Bytes of a block, about.
    sentences : {"line", "document", "punctuation"}
        What ends a sentence, see `xw2v.text.normal`.

    Yields
    ------
    Block
        Places are items, counted from 0.

    Raises
    ------
    CorpusError
        If these are no strings, or an item is none.
    """
    if isinstance(strings, (str, bytes)):
        raise CorpusError(
            f"one {type(strings).__name__} is not a collection of strings; pass [text], or name "
            "files where they are asked for"
        )
    if isinstance(strings, Mapping):
        raise CorpusError(f"a {type(strings).__name__} is not a collection of strings; pass a list")
    texts = _arrow_texts(strings)
    if texts is None:
        texts = _python_texts(strings, size)
    return blocks_of_texts(texts, size, sentences, _NAME)


def _item(before: int, row: int) -> str:
    return f"item {before + row:,} (counted from 0)"


def _arrow_texts(strings: Any) -> Iterator[Texts] | None:
    """Return the texts of what holds Arrow data or may be viewed so, or None."""
    column = _arrow_column(strings)
    if column is None:
        return None
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    if pa.types.is_struct(column.type):
        raise CorpusError(f"a {type(strings).__name__} has columns; {_ONE_COLUMN}")
    if to_binary(pa.nulls(0, column.type)) is None:
        if not isinstance(strings, (pa.Array, pa.ChunkedArray)):
            return None  # its items will be looked at, to name the first that is no string
        raise CorpusError(f"these are values of type {column.type}, not strings; {_ONE_COLUMN}")
    return _chunks(column)


def _arrow_column(strings: Any) -> Any | None:
    # (Asking the type, because to find out about its columns may take a lazy frame long.)
    tabular = hasattr(type(strings), "columns") or hasattr(type(strings), "schema")
    if tabular:
        raise CorpusError(f"a {type(strings).__name__} has columns; {_ONE_COLUMN}")
    if not hasattr(strings, "__arrow_c_stream__") and not hasattr(strings, "__arrow_c_array__"):
        return None
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    if isinstance(strings, pa.ChunkedArray):
        return strings
    if isinstance(strings, pa.Array):
        return pa.chunked_array([strings])
    # A column of Python objects that are not all of one kind cannot be converted.
    with suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
        if hasattr(strings, "__arrow_c_stream__"):
            return pa.chunked_array(strings)
        return pa.chunked_array([pa.array(strings)])
    return None


def _chunks(column: Any) -> Iterator[Texts]:
    before = 0
    for chunk in column.chunks:
        yield from slices(chunk, _item, before, None)
        before += len(chunk)


def _python_texts(strings: Any, size: int) -> Iterator[Texts]:
    try:
        iterator = iter(strings)
    except TypeError as error:
        raise CorpusError(
            f"a {type(strings).__name__} is not a collection of strings; pass a list or another "
            "iterable of them"
        ) from error
    batch: list[str | None] = []
    before = length = 0
    for item in iterator:
        if isinstance(item, str):
            batch.append(item)
            length += len(item)
        elif _is_missing(item):
            batch.append(None)
        else:
            raise _no_string(item, before + len(batch))
        if length >= size or len(batch) == _MANY:
            yield Texts(_array(batch, before), partial(_item, before), None)
            before += len(batch)
            batch, length = [], 0
    if batch:
        yield Texts(_array(batch, before), partial(_item, before), None)


def _is_missing(item: Any) -> bool:
    # pandas writes a missing string as NaN, NA or NaT; two of them differ from themselves.
    return (
        item is None
        or type(item).__name__ == "NAType"
        or (
            type(item).__name__ in ("float", "float64", "float32", "NaTType") and item != item  # noqa: PLR0124
        )
    )


def _no_string(item: Any, number: int) -> CorpusError:
    what = f"item {number:,} (counted from 0) is a {type(item).__name__}, not a string"
    if isinstance(item, Mapping):
        return CorpusError(f"{what}; pass one column of the records, for example dataset['text']")
    if isinstance(item, bytes):
        return CorpusError(f"{what}; decode it first, for example with item.decode()")
    return CorpusError(f"{what}; pass strings, or None where there is no text")


def _array(batch: list[str | None], before: int) -> Any:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    try:
        return pa.array(batch, pa.large_string()).view(pa.large_binary())
    except UnicodeEncodeError:
        for number, item in enumerate(batch, before):
            try:
                (item or "").encode()
            except UnicodeEncodeError as error:
                raise CorpusError(
                    f"item {number:,} (counted from 0) cannot be written as UTF-8: character "
                    f"{error.start:,} is half of a surrogate pair; mend or remove it"
                ) from error
        raise

r"""The normal form of text, which all readers produce: blocks of UTF-8 that end in white space.

What a newline in a block means depends on what ends a sentence:

- "line": ``"\n"`` does.
- "document": ``"\n"`` does as well, but there is one only at the end of each document; those
  within documents have become spaces.
- "punctuation": marks within the text do, and blank lines, of which there is one at the end of
  each document. Single newlines are mere white space.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import CorpusError

__all__ = [
    "END",
    "Block",
    "Sentences",
    "Texts",
    "blocks_of_texts",
    "cut_chunks",
    "slices",
    "to_binary",
]

Sentences = Literal["line", "document", "punctuation"]
# What ends a document.
END: dict[Sentences, bytes] = {"line": b"\n", "document": b"\n", "punctuation": b"\n\n"}

# A block may end after these. Other white space does not matter here, only a text without any
# of these would become a single block.
_CUTS = (b" ", b"\n", b"\t", b"\r")
_SPACE = b"".join(_CUTS)
LONGEST_BLOCK = 1 << 30
_MANY = 1 << 16


class Block(NamedTuple):
    """Some text in normal form.

    Attributes
    ----------
    data : bytes
        Ends with ASCII white space. No word is cut, and no run of white space either.
    where : callable
        See `place`.
    done : int or None
        Bytes of the source, as they are stored, that were taken so far, where that is known.
    """

    data: bytes
    where: Callable[[int], str]
    done: int | None

    def place(self, offset: int) -> str:
        """Return where the byte ``data[offset]`` came from, for messages."""
        return self.where(offset)


class Texts(NamedTuple):
    """The texts of some records.

    Attributes
    ----------
    array : pyarrow Array
        Strings or bytes, null where there is no text.
    where : callable
        Says where the text of a row came from, for messages.
    done : int or None
        As for Block.
    """

    array: Any
    where: Callable[[int], str]
    done: int | None


def cut_chunks(chunks: Iterable[bytes], name: str, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Cut text where words begin, so that no word and no run of white space is cut.

    Parameters
    ----------
    chunks : iterable of bytes
        The text, cut anywhere; none of them empty. It should end with white space.
    name : str
        What messages call the text.
    start : int
        Where the text begins.

    Yields
    ------
    start : int
        Where a piece begins.
    data : bytes
        The piece, about as long as a chunk, or longer where there is nowhere to cut.

    Raises
    ------
    CorpusError
        If there is no white space in a gigabyte.
    """
    parts: list[bytes] = []
    length = 0
    for chunk in chunks:
        cut = _last_word(chunk)
        if cut or (length and parts[-1][-1] in _SPACE and chunk[0] not in _SPACE):
            yield start, b"".join([*parts, chunk[:cut]])
            start += length + cut
            parts, length = [chunk[cut:]], len(chunk) - cut
            continue
        parts.append(chunk)
        length += len(chunk)
        if length > LONGEST_BLOCK:
            if chunk[-1] not in _SPACE:
                raise CorpusError(
                    f"{name}: no white space in {length:,} bytes from byte {start:,} on; "
                    "this does not look like text"
                )
            yield start, b"".join(parts)
            start += length
            parts, length = [], 0
    if parts:
        yield start, b"".join(parts)


def _last_word(data: bytes) -> int:
    """Return where the last word begins that has white space before it, 0 if there is none."""
    end = len(data.rstrip(_SPACE)) if data[-1] in _SPACE else len(data)
    return 1 + max(data.rfind(space, 0, end) for space in _CUTS)


def to_binary(array: Any) -> Any | None:
    """View an array of strings as bytes, which need not be UTF-8.

    Parameters
    ----------
    array : pyarrow Array
        Strings or bytes of any width, perhaps dictionary-encoded, perhaps only nulls.

    Returns
    -------
    pyarrow Array of binary or large_binary, or None
        None if the array is of another type.

    Raises
    ------
    pyarrow.ArrowInvalid
        If a dictionary or a view in it is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return to_binary(array.storage)
    if pa.types.is_dictionary(kind):
        values = to_binary(array.dictionary)
        if values is None:
            return None
        # Decoding trusts them; those of a damaged file end the process.
        values.validate(full=True)
        # (An index out of bounds is an error here and not a crash later.)
        return pa.DictionaryArray.from_arrays(array.indices, values).dictionary_decode()
    if pa.types.is_null(kind):
        return array.cast(pa.binary())
    wide = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    if not wide and not pa.types.is_string(kind) and not pa.types.is_binary(kind):
        if not pa.types.is_string_view(kind) and not pa.types.is_binary_view(kind):
            return None
        wide = True  # views of one buffer can be more than 2 GB together
        array = array.view(pa.binary_view())
        array.validate(full=True)  # (as above)
        array = array.cast(pa.large_binary())
    return array.view(pa.large_binary() if wide else pa.binary())


def slices(
    array: Any, where: Callable[[int, int], str], before: int, done: int | None
) -> Iterator[Texts]:
    """Cut an array of strings, because a few numbers are made for each text of a batch.

    Parameters
    ----------
    array : pyarrow Array
        Of a type that `to_binary` takes.
    where : callable
        Given the rows before and a row of the batch, says where its text came from.
    before : int
        Rows before the array.
    done : int or None
        As for Block.

    Yields
    ------
    Texts
        Of type binary or large_binary.
    """
    for start in range(0, len(array), _MANY):
        texts = to_binary(array.slice(start, _MANY))
        yield Texts(texts, partial(where, before + start), done)


def blocks_of_texts(
    batches: Iterable[Texts], size: int, sentences: Sentences, name: str
) -> Iterator[Block]:
    """Join the texts of records to blocks; a record without text makes no sentence.

    Parameters
    ----------
    batches : iterable of Texts
        Their arrays are binary or large_binary.
    size : int
        Bytes of a block, about.
    sentences : {"line", "document", "punctuation"}
    name : str
        What messages call the source.

    Yields
    ------
    Block
    """
    for batch in batches:
        yield from _blocks_of_batch(batch, size, sentences, name)


def _blocks_of_batch(texts: Texts, size: int, sentences: Sentences, name: str) -> Iterator[Block]:
    import pyarrow.compute as pc  # noqa: PLC0415 (as elsewhere: 0.1 s)

    array = texts.array
    lengths = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(lengths)
    if not rows.size:
        return
    if rows.size < len(array):
        array = array.filter(pc.not_equal(pc.fill_null(pc.binary_length(array), 0), 0))
    if sentences == "document":
        array = pc.replace_substring(array, b"\n", b" ")
    end = END[sentences]
    # Replacing keeps the lengths. Each text ends here, with what ends a document.
    ends = np.cumsum(lengths[rows].astype(np.int64) + len(end))
    first = 0
    while first < rows.size:
        begin = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, begin + size, "right")))
        data = _join(array.slice(first, last - first), end)
        where = partial(_where, texts.where, rows[first:last], ends[first:last] - begin)
        if len(data) <= 2 * size:
            yield Block(data, where, texts.done)
        else:
            chunks = (data[i : i + size] for i in range(0, len(data), size))
            for start, piece in cut_chunks(chunks, name):
                yield Block(piece, partial(_shifted, where, start), texts.done)
        first = last


def _join(array: Any, end: bytes) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)
    import pyarrow.compute as pc  # noqa: PLC0415

    if len(array) == 1:
        return bytes(array[0].as_buffer()) + end
    lists = pa.ListArray.from_arrays([0, len(array)], array)  # one, with all texts
    joined = pc.binary_join(lists, pa.scalar(end, array.type))[0]
    return bytes(joined.as_buffer()) + end


def _where(
    place: Callable[[int], str], rows: NDArray[np.intp], ends: NDArray[np.int64], offset: int
) -> str:
    return place(int(rows[np.searchsorted(ends, offset, "right")]))


def _shifted(where: Callable[[int], str], start: int, offset: int) -> str:
    return where(start + offset)

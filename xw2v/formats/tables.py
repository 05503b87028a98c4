"""Vectors as tables: Parquet, and the tab-separated files of TensorBoard's projector."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xw2v.atomic import (
    replacing_directory,
    replacing_file,
    sync_directory,
    sync_file,
    why_not_replaceable,
)
from xw2v.errors import ModelFileError
from xw2v.formats.arrays import first_not_finite, matrix_to_write
from xw2v.formats.text_vectors import joined_rows
from xw2v.vectors import WordVectors

__all__ = ["read_parquet", "write_parquet", "write_tensorboard"]

_VECTORS = "vectors.tsv"
_METADATA = "metadata.tsv"
# Without a file of this name in its log directory, TensorBoard says that no checkpoint was found.
_CONFIG = "projector_config.pbtxt"

# Numbers turned into text at once, and read at once: bounds the memory to some ten MB.
_VALUES_AT_ONCE = 2**19
# Numbers in a row group of Parquet, of 16 MB.
_VALUES_IN_A_GROUP = 2**22
_ROWS_AT_ONCE = 2**16


def write_tensorboard(
    directory: str | PathLike[str],
    words: Sequence[str],
    vectors: npt.ArrayLike,
    counts: npt.ArrayLike | None = None,
    *,
    overwrite: bool = False,
) -> None:
    r"""Write vectors for the embedding projector of TensorBoard.

    In the directory, which takes its name once it is complete, are ``vectors.tsv``, for each word
    a line of values separated by tabs, and ``metadata.tsv``, for each word a line. With counts,
    the latter has two columns and, as the projector expects then, a first line of their names:
    ``word\tcount``. Both are UTF-8; values have as many digits as float32 needs. By
    ``projector_config.pbtxt``, which names the two, TensorBoard finds them: ``tensorboard --logdir
    DIRECTORY`` shows them under Projector.

    Parameters
    ----------
    directory : path
        Missing parents are created; a symbolic link is followed.
    words : sequence of str
        V words, each of them once.
    vectors : array_like, shape (V, D)
        Written as float32.
    counts : array_like, shape (V,), optional
        How often each word occurs.
    overwrite : bool
        Whether such a directory that is there may be replaced.

    Raises
    ------
    ModelFileError
        If a word is blank or contains a tab or a newline, which these files cannot hold, the
        shapes disagree, a word occurs twice, a value is NaN or infinite, the name is taken, or
        writing fails.
    """
    path = Path(directory)
    table = _table_to_write(path, words, vectors)
    whole = _counts_to_write(path, words, counts)
    _check_lines(path, words)
    try:
        resolved = path.resolve()
        reason = why_not_replaceable(
            resolved,
            "directory for TensorBoard",
            is_one=_is_tensorboard,
            is_part=_is_tensorboard_file,
            overwrite=overwrite,
        )
        if reason is not None:
            raise ModelFileError(reason)
        with replacing_directory(resolved) as temporary:
            _write_values(temporary / _VECTORS, table)
            _write_metadata(temporary / _METADATA, words, whole)
            _write_config(temporary / _CONFIG)
            sync_directory(temporary)
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error


def write_parquet(
    path: str | PathLike[str],
    words: Sequence[str],
    vectors: npt.ArrayLike,
    counts: npt.ArrayLike | None = None,
) -> None:
    """Write vectors as a Parquet file.

    Its columns are ``word`` (string), ``vector`` (fixed_size_list of D float32) and, where
    counts are given, ``count`` (int64). A file of that name is replaced, once the new one is
    complete.

    Parameters
    ----------
    path : path
    words : sequence of str
        V words, each of them once.
    vectors : array_like, shape (V, D)
        Written as float32; D is at least 1.
    counts : array_like, shape (V,), optional
        How often each word occurs.

    Raises
    ------
    ModelFileError
        If the shapes disagree, a word occurs twice or cannot be written as UTF-8, a value is NaN
        or infinite, or writing fails.
    """
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = Path(path)
    table = _table_to_write(path, words, vectors)
    whole = _counts_to_write(path, words, counts)
    size = table.shape[1]
    fields = [("word", pa.string()), ("vector", pa.list_(pa.float32(), size))]
    schema = pa.schema(fields if whole is None else [*fields, ("count", pa.int64())])
    step = max(1, _VALUES_IN_A_GROUP // size)
    try:
        with (
            replacing_file(path) as file,
            # Each word is there once, and hardly any number twice: dictionaries would not help.
            pq.ParquetWriter(
                file,
                schema,
                use_dictionary=False,
                write_statistics=False,
                write_page_checksum=True,
            ) as writer,
        ):
            for start in range(0, len(words), step):
                rows = table[start : start + step]
                columns = [
                    pa.array(words[start : start + step], pa.string()),
                    pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), size),
                ]
                if whole is not None:
                    columns.append(pa.array(whole[start : start + step]))
                # The schema's name of the list's items is not that of `from_arrays` everywhere.
                columns = [c.cast(f.type) for c, f in zip(columns, schema, strict=True)]
                writer.write_batch(pa.record_batch(columns, schema=schema))
    except (pa.ArrowException, OSError) as error:
        raise ModelFileError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}"
        ) from error


def read_parquet(path: str | PathLike[str]) -> WordVectors:
    """Read vectors from a Parquet file.

    Parameters
    ----------
    path : path
        A file with a column ``word`` of strings, a column ``vector`` of lists, of fixed size or
        not, of float32 or float64, and perhaps a column ``count`` of whole numbers. Other columns
        are not looked at.

    Returns
    -------
    WordVectors
        Of float32, with the counts where they are there.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged or something else, a column is missing or of another
        type, vectors differ in length, or there is a null, NaN, infinity or a word that occurs
        twice; the message names the file and the record, counted from 1.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 (as elsewhere: 0.1 s)

    path = Path(path)
    try:
        stored = path.open("rb")
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    with stored:
        with _damage(path):
            file = pq.ParquetFile(stored, page_checksum_verification=True)
            schema = file.schema_arrow
        columns = _columns(path, schema)
        with _damage(path):
            rows = file.metadata.num_rows
            length = stored.seek(0, 2)
            size = _expected_size(file, schema.field("vector").type)
            at_once = min(max(1, _VALUES_AT_ONCE // max(1, size)), _ROWS_AT_ONCE)
            batches = file.iter_batches(batch_size=at_once, columns=columns, use_threads=False)
        reader = _Rows(path, rows, length)
        for batch in _undamaged(batches, path):
            reader.add(batch)
        return reader.finish(schema.field("vector").type, "count" in columns)


class _Rows:
    """What has been read of a Parquet file so far.

    Parameters
    ----------
    path : Path
        For messages.
    rows : int
        How many rows the footer promises.
    length : int
        Of the file, in bytes.
    """

    def __init__(self, path: Path, rows: int, length: int) -> None:
        self._path = path
        self._rows = rows
        self._length = length
        self._row_of: dict[str, int] = {}
        self._counts: list[npt.NDArray[np.int64]] = []
        self._table = np.empty((0, 0), np.float32)
        self._size: int | None = None

    def add(self, batch: Any) -> None:
        """Take in some rows."""
        if not batch.num_rows:
            return
        before = len(self._row_of)
        with _damage(self._path):
            batch.validate(full=True)
        self._refuse_nulls(batch, before)
        with _damage(self._path):
            words = batch.column("word").to_pylist()
            values = self._values(batch.column("vector"), before)
        self._make_room(before + len(words), values.shape[1])
        part = self._table[before : before + len(words)]
        with np.errstate(over="ignore", invalid="ignore"):
            part[...] = values
        row = first_not_finite(part)
        if row is not None:
            raise ModelFileError(
                f"{self._path}, record {before + row + 1:,}: the vector of {words[row]!r} holds "
                "NaN, infinity or a value too large for float32; leave the word out or train again "
                "with a lower alpha"
            )
        if "count" in batch.schema.names:
            self._counts.append(self._whole(batch.column("count"), before))
        # At once: a file of one word and a billion rows can be very short.
        for number, word in enumerate(words, before):
            if self._row_of.setdefault(word, number) != number:
                raise ModelFileError(
                    f"{self._path}, record {number + 1:,}: the word {word!r} is there already, in "
                    f"record {self._row_of[word] + 1:,}; keep one of them"
                )

    def finish(self, kind: Any, has_counts: bool) -> WordVectors:
        """Return all of it, once it is complete and sound."""
        if len(self._row_of) != self._rows:
            raise ModelFileError(
                f"{self._path} is damaged: {len(self._row_of):,} records, where its footer "
                f"promises {self._rows:,}; get it whole again"
            )
        if self._size is None:
            size = max(0, getattr(kind, "list_size", 0))
            self._table = np.empty((0, size), np.float32)
        counts = np.concatenate([np.empty(0, np.int64), *self._counts]) if has_counts else None
        return WordVectors(list(self._row_of), self._table, counts)

    def _refuse_nulls(self, batch: Any, before: int) -> None:
        for name in batch.schema.names:
            column = batch.column(name)
            if column.null_count:
                row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
                raise ModelFileError(
                    f"{self._path}, record {before + row + 1:,}: column {name!r} is null; leave "
                    "the record out"
                )

    def _values(self, column: Any, before: int) -> npt.NDArray[np.floating]:
        """Return the vectors of a column without nulls as a matrix."""
        import pyarrow.compute as pc  # noqa: PLC0415 (as elsewhere: 0.1 s)

        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        size = int(lengths[0]) if self._size is None else self._size
        if size == 0:
            raise ModelFileError(
                f"{self._path}, record {before + 1:,}: the vector is empty; it needs a value at "
                "least"
            )
        if (lengths != size).any():
            row = int(np.argmax(lengths != size))
            raise ModelFileError(
                f"{self._path}, record {before + row + 1:,}: a vector of {lengths[row]} values, "
                f"where the first has {size}; all must have the same number"
            )
        values = column.flatten()
        if values.null_count:
            place = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
            raise ModelFileError(
                f"{self._path}, record {before + place // size + 1:,}: value {place % size + 1} of "
                "the vector is null; leave the record out"
            )
        self._size = size
        matrix: npt.NDArray[np.floating] = values.to_numpy(zero_copy_only=False)
        return matrix.reshape(-1, size)

    def _make_room(self, needed: int, size: int) -> None:
        """See that so many rows have room; never for more than the file can be thought to hold.

        The footer may promise anything, and the length of a compressed file tells little, but
        vectors hardly shrink: most often the first guess is the promise itself.
        """
        if needed > self._rows:
            raise ModelFileError(
                f"{self._path} is damaged: more records than the {self._rows:,} that its footer "
                "promises; get it whole again"
            )
        if needed <= len(self._table):
            return
        guess = max(needed, 2 * len(self._table), self._length // (2 * size))
        shape = (min(self._rows, guess), size)
        if not len(self._table):
            self._table = np.empty(shape, np.float32)
        else:
            # In place where the system can; views of it live no longer than `add`.
            self._table.resize(shape, refcheck=False)

    def _whole(self, column: Any, before: int) -> npt.NDArray[np.int64]:
        import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

        try:
            counts: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid as error:
            raise ModelFileError(
                f"{self._path}, record {before + 1:,} or after: a count is too large for int64; "
                "correct it, or drop the column"
            ) from error
        if (counts < 0).any():
            row = int(np.argmax(counts < 0))
            raise ModelFileError(
                f"{self._path}, record {before + row + 1:,}: the count is {counts[row]}; counts "
                "are at least 0"
            )
        return counts


def _columns(path: Path, schema: Any) -> list[str]:
    """Return the columns to read, once they are there and of types that can be read."""
    import pyarrow.types as pt  # noqa: PLC0415 (as elsewhere: 0.1 s)

    names = list(schema.names)
    for name in ("word", "vector", "count"):
        if names.count(name) > 1 or (name != "count" and name not in names):
            raise ModelFileError(
                f"{path} has {names.count(name) or 'no'} column{'s' * (name in names)} {name!r}; "
                f"it has {', '.join(map(repr, names)) or 'none at all'}: rename the columns to "
                "'word' and 'vector', and 'count' if there are counts"
            )
    word, vector = schema.field("word").type, schema.field("vector").type
    text = word.value_type if pt.is_dictionary(word) else word
    if not (pt.is_string(text) or pt.is_large_string(text)):
        raise ModelFileError(f"{path}: column 'word' holds {word}, not strings; convert it to them")
    is_list = pt.is_list(vector) or pt.is_large_list(vector) or pt.is_fixed_size_list(vector)
    if not is_list or not (pt.is_float32(vector.value_type) or pt.is_float64(vector.value_type)):
        raise ModelFileError(
            f"{path}: column 'vector' holds {vector}, not lists of float32 or float64; convert it "
            "to them"
        )
    if "count" not in names:
        return ["word", "vector"]
    if not pt.is_integer(schema.field("count").type):
        raise ModelFileError(
            f"{path}: column 'count' holds {schema.field('count').type}, not whole numbers; "
            "convert it to int64, or drop it"
        )
    return ["word", "vector", "count"]


def _expected_size(file: Any, kind: Any) -> int:
    """Return how many values a vector has, going by the first.

    The footer tells as well, but where it is damaged, asking pyarrow for a column's part of it
    can end the process.
    """
    if getattr(kind, "list_size", 0) > 0:
        return int(kind.list_size)
    first = next(file.iter_batches(batch_size=1, columns=["vector"], use_threads=False), None)
    return 1 if first is None else max(1, len(first.column("vector").flatten()))


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, IndexError, OverflowError) as error:
        raise ModelFileError(
            f"{path} is not Parquet or is damaged: {str(error).partition(chr(10))[0].rstrip('.')}; "
            "get it whole again"
        ) from error


def _undamaged(batches: Any, path: Path) -> Iterator[Any]:
    iterator = iter(batches)
    while True:
        with _damage(path):
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch


def _table_to_write(
    path: Path, words: Sequence[str], vectors: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    table = matrix_to_write(path, words, vectors)
    if not table.shape[1]:
        raise ModelFileError(
            f"cannot write {path}: vectors of no dimensions, which this format cannot hold"
        )
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise ModelFileError(
                f"cannot write {path}: the word {word!r} cannot be written as UTF-8"
            ) from error
    return table


def _counts_to_write(
    path: Path, words: Sequence[str], counts: npt.ArrayLike | None
) -> npt.NDArray[np.int64] | None:
    if counts is None:
        return None
    whole = np.asarray(counts)
    if whole.shape != (len(words),):
        raise ModelFileError(
            f"cannot write {path}: {len(words)} words, but counts of shape {whole.shape}"
        )
    # No array of no counts knows that they would be whole numbers.
    if whole.size and (whole.dtype.kind not in "iu" or int(whole.min()) < 0):
        raise ModelFileError(
            f"cannot write {path}: counts must be whole numbers, at least 0, not {whole.dtype} "
            f"down to {whole.min()}"
        )
    if whole.size and int(whole.max()) > np.iinfo(np.int64).max:
        raise ModelFileError(f"cannot write {path}: the count {whole.max()} is too large for int64")
    return whole.astype(np.int64)


def _check_lines(path: Path, words: Sequence[str]) -> None:
    for word in words:
        if "\t" in word or "\n" in word or "\r" in word:
            trouble = "contains a tab or a newline"
        # The projector skips blank lines, and for it a byte order mark is a blank.
        elif not word.replace("\ufeff", "").strip():
            trouble = "is blank"
        else:
            continue
        raise ModelFileError(
            f"cannot write {path}: the word {word!r} {trouble}, which TensorBoard's files cannot "
            "hold; leave it out"
        )


def _is_tensorboard(path: Path) -> bool:
    return (path / _VECTORS).is_file() and (path / _METADATA).is_file()


def _is_tensorboard_file(name: str) -> bool:
    return name in (_VECTORS, _METADATA, _CONFIG)


def _write_values(path: Path, table: npt.NDArray[np.float32]) -> None:
    step = max(1, _VALUES_AT_ONCE // table.shape[1])
    with path.open("wb") as file:
        for start in range(0, len(table), step):
            lines = joined_rows(table[start : start + step], "\t").to_pylist()
            file.write(("\n".join(lines) + "\n").encode())
    sync_file(path)


def _write_metadata(path: Path, words: Sequence[str], counts: npt.NDArray[np.int64] | None) -> None:
    with path.open("wb") as file:
        if counts is not None:
            file.write(b"word\tcount\n")
        for start in range(0, len(words), _ROWS_AT_ONCE):
            part = words[start : start + _ROWS_AT_ONCE]
            if counts is None:
                lines = list(part)
            else:
                numbers = counts[start : start + _ROWS_AT_ONCE].tolist()
                lines = [f"{word}\t{number}" for word, number in zip(part, numbers, strict=True)]
            file.write(("\n".join(lines) + "\n").encode())
    sync_file(path)


def _write_config(path: Path) -> None:
    with path.open("wb") as file:
        file.write(
            b"embeddings {\n"
            b'  tensor_name: "vectors"\n'
            b'  tensor_path: "%s"\n'
            b'  metadata_path: "%s"\n'
            b"}\n" % (_VECTORS.encode(), _METADATA.encode())
        )
    sync_file(path)

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xw2v.errors import CorpusError
from xw2v.text.columnar import arrow_texts, parquet_texts
from xw2v.text.normal import Texts

KINDS = ["parquet", "file", "stream"]
every_kind = pytest.mark.parametrize("kind", KINDS)
TEXTS = ["a b", None, "", "ä\nc"]
BYTES = [None if text is None else text.encode() for text in TEXTS]


def written(table: pa.Table, kind: str, rows: int = 1000, **options: Any) -> bytes:
    sink = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, sink, row_group_size=rows, **options)
    else:
        new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with new(sink, table.schema, **options) as writer:
            writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def read(data: bytes, kind: str, column: str = "text", size: int = 1000) -> Iterator[Texts]:
    file = io.BytesIO(data)
    if kind == "parquet":
        return parquet_texts(file, size, column, "x", len(data))
    return arrow_texts(file, column, "x", len(data), kind == "stream")


def values(data: bytes, kind: str, column: str = "text", size: int = 1000) -> list[bytes | None]:
    return [text for batch in read(data, kind, column, size) for text in batch.array.to_pylist()]


@every_kind
class TestValues:
    @pytest.mark.parametrize(
        "array",
        [
            pa.array(TEXTS, pa.string()),
            pa.array(TEXTS, pa.large_string()),
            pa.array(TEXTS, pa.string_view()),
            pa.array(TEXTS).dictionary_encode(),
            pa.array(BYTES, pa.binary()),
        ],
        ids=lambda array: str(array.type),
    )
    def test_all_kinds_of_strings(self, kind: str, array: pa.Array) -> None:
        table = pa.table({"id": range(4), "text": array})
        assert values(written(table, kind), kind) == BYTES

    @pytest.mark.parametrize("rows", [1, 3, 10])
    @pytest.mark.parametrize("size", [1, 20, 1000])
    def test_batches(self, kind: str, rows: int, size: int) -> None:
        texts = [f"text {i}" for i in range(10)]
        data = written(pa.table({"text": texts}), kind, rows)
        batches = list(read(data, kind, size=size))
        assert [text.decode() for batch in batches for text in batch.array.to_pylist()] == texts
        places = [batch.where(row) for batch in batches for row in range(len(batch.array))]
        assert places == [f"record {i}" for i in range(1, 11)]
        done = [batch.done for batch in batches]
        assert done == sorted(done, key=lambda value: value or 0)
        assert (done[-1] or 0) > 0.8 * len(data)

    def test_structs(self, kind: str) -> None:
        meta = pa.array([{"n": 1, "body": "a"}, None, {"n": 2, "body": "b"}])
        data = written(pa.table({"meta": meta, "body": ["x", "y", "z"]}), kind)
        assert values(data, kind, "meta.body") == [b"a", None, b"b"]

    def test_name_with_dots(self, kind: str) -> None:
        data = written(pa.table({"meta.body": ["a"], "x": [{"body": "b"}]}), kind)
        assert values(data, kind, "meta.body") == [b"a"]

    def test_no_rows(self, kind: str) -> None:
        assert values(written(pa.table({"text": pa.array([], pa.string())}), kind), kind) == []

    def test_only_nulls(self, kind: str) -> None:
        assert values(written(pa.table({"text": pa.nulls(2)}), kind), kind) == [None, None]

    def test_bytes_that_are_not_utf8(self, kind: str) -> None:
        array = pa.array([b"\xff"], pa.binary()).view(pa.string())
        data = written(pa.table({"text": array}), kind)
        assert values(data, kind) == [b"\xff"]

    def test_column_is_missing(self, kind: str) -> None:
        data = written(pa.table({"id": [1], "meta": [{"body": "x"}]}), kind)
        for column in ("text", "meta.text", "id.text"):
            with pytest.raises(CorpusError, match=f"x has no column '{column}'.*'id', 'meta'"):
                values(data, kind, column)

    @pytest.mark.parametrize("array", [pa.array([1]), pa.array([["a"]]), pa.array([{"a": "b"}])])
    def test_column_holds_no_strings(self, kind: str, array: pa.Array) -> None:
        data = written(pa.table({"text": array}), kind)
        with pytest.raises(CorpusError, match=r"x: column 'text' holds .*, not strings"):
            values(data, kind)

    def test_truncated(self, kind: str) -> None:
        data = written(pa.table({"text": ["word"] * 100}), kind)
        for length in range(0, len(data) - 40, 31):
            with pytest.raises(CorpusError, match=r"x is not (Parquet|Arrow).* or is damaged"):
                values(data[:length], kind)

    def test_something_else(self, kind: str) -> None:
        with pytest.raises(CorpusError, match=r"x is not (Parquet|Arrow) or is damaged"):
            values(b"this is text, and there is a lot of it" * 9, kind)


class TestParquet:
    @pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "none"])
    def test_codecs(self, compression: str) -> None:
        table = pa.table({"text": TEXTS})
        assert values(written(table, "parquet", compression=compression), "parquet") == BYTES

    def test_batches_are_about_as_large_as_asked(self) -> None:
        table = pa.table({"n": range(1000), "text": [f"{i:0100d}" for i in range(1000)]})
        data = written(table, "parquet", use_dictionary=False, compression="none")
        rows = [len(batch.array) for batch in read(data, "parquet", size=10_000)]
        assert max(rows) < 150
        assert len(rows) < 20


class TestArrow:
    @pytest.mark.parametrize("compression", ["lz4", "zstd"])
    @pytest.mark.parametrize("kind", ["file", "stream"])
    def test_codecs(self, compression: str, kind: str) -> None:
        options = pa.ipc.IpcWriteOptions(compression=compression)
        data = written(pa.table({"text": TEXTS * 20}), kind, options=options)
        assert values(data, kind) == BYTES * 20

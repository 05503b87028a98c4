from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xw2v.errors import CorpusError
from xw2v.text.normal import Sentences
from xw2v.text.strings import string_blocks

TEXTS: list[str | None] = ["a b", None, "", "ä\nc"]


def joined(strings: Any, size: int = 1000, sentences: Sentences = "line") -> str:
    return b"".join(block.data for block in string_blocks(strings, size, sentences)).decode()


class TestStrings:
    @pytest.mark.parametrize("size", [1, 5, 1000])
    def test_normal_form(self, size: int) -> None:
        assert joined(TEXTS, size) == "a b\nä\nc\n"
        assert joined(TEXTS, size, "document") == "a b\nä c\n"
        assert joined(TEXTS, size, "punctuation") == "a b\n\nä\nc\n\n"

    def test_any_iterable(self) -> None:
        assert joined(text for text in TEXTS) == joined(tuple(TEXTS)) == joined(TEXTS)
        assert joined({"a": 1}.keys()) == "a\n"
        assert joined(np.array(["a", "b"])) == joined(np.array(["a", "b"], object)) == "a\nb\n"
        assert joined([]) == ""

    def test_an_iterator_is_read_as_it_goes(self) -> None:
        taken = []

        def strings() -> Iterator[str]:
            for i in range(1000):
                taken.append(i)
                yield "word"

        next(iter(string_blocks(strings(), 50, "line")))
        assert len(taken) < 50

    def test_missing_values(self) -> None:
        pandas = pytest.importorskip("pandas")
        missing = [None, float("nan"), np.float64("nan"), pandas.NA, pandas.NaT]
        assert joined([*missing, "a"]) == "a\n"

    @pytest.mark.parametrize("size", [1, 5, 1000])
    def test_places_are_items(self, size: int) -> None:
        blocks = list(string_blocks(TEXTS, size, "line"))
        places = [block.place(i) for block in blocks for i in range(len(block.data))]
        assert places == ["item 0 (counted from 0)"] * 4 + ["item 3 (counted from 0)"] * 5
        assert all(block.done is None for block in blocks)

    @pytest.mark.parametrize(
        ("strings", "message"),
        [
            ("a b", "one str is not a collection of strings"),
            (b"a b", "one bytes is not a collection of strings"),
            ({"text": ["a"]}, "a dict is not a collection of strings"),
            (3, "a int is not a collection of strings"),
            (["a", 3], r"item 1 \(counted from 0\) is a int, not a string"),
            (["a", 1.5], r"item 1 \(counted from 0\) is a float, not a string"),
            ([b"a"], r"item 0 \(counted from 0\) is a bytes, not a string; decode it"),
            ([{"text": "a"}], r"item 0 \(counted from 0\) is a dict.*dataset\['text'\]"),
            (
                ["a", "b\ud800"],
                r"item 1 \(counted from 0\) cannot be written as UTF-8: character 1",
            ),
            (pa.table({"text": ["a"]}), r"a Table has columns; pass one column.*df\['text'\]"),
            (pa.record_batch({"text": ["a"]}), "a RecordBatch has columns; pass one"),
            (pa.array([{"text": "a"}]), "has columns"),
            (pa.array([1, 2]), "type int64, not strings"),
        ],
    )
    @pytest.mark.parametrize("size", [1, 1000])
    def test_errors(self, strings: Any, message: str, size: int) -> None:
        with pytest.raises(CorpusError, match=message):
            joined(strings, size)

    def test_reader_of_tables(self) -> None:
        with pytest.raises(CorpusError, match="a RecordBatchReader has columns; pass one column"):
            joined(pa.table({"text": ["a"]}).to_reader())

    def test_errors_come_at_once(self) -> None:
        with pytest.raises(CorpusError):
            string_blocks("a b", 100, "line")


class TestArrow:
    @pytest.mark.parametrize(
        "kind",
        [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    )
    @pytest.mark.parametrize("size", [1, 5, 1000])
    def test_pyarrow(self, kind: pa.DataType, size: int) -> None:
        array = pa.array(TEXTS, kind)
        assert joined(array, size) == joined(TEXTS)
        chunked = pa.chunked_array([array, array[1:], array[:0]])
        assert joined(chunked, size) == joined([*TEXTS, *TEXTS[1:]])
        blocks = list(string_blocks(chunked, size, "line"))
        assert blocks[-1].place(len(blocks[-1].data) - 1) == "item 6 (counted from 0)"

    def test_nulls(self) -> None:
        assert joined(pa.nulls(3)) == ""

    def test_many(self) -> None:
        assert joined(pa.array([str(i) for i in range(70_000)])).split() == [
            str(i) for i in range(70_000)
        ]

    @pytest.mark.parametrize("size", [1, 1000])
    def test_polars(self, size: int) -> None:
        polars = pytest.importorskip("polars")
        frame = polars.DataFrame({"text": TEXTS, "n": range(4)})
        assert joined(frame["text"], size) == joined(TEXTS)
        assert joined(frame["text"].cast(polars.Categorical), size) == joined(TEXTS)
        for table in (frame, frame.lazy()):
            with pytest.raises(CorpusError, match="Frame has columns; pass one column"):
                joined(table)
        with pytest.raises(CorpusError, match=r"item 0 .* is a int, not a string"):
            joined(frame["n"])

    @pytest.mark.parametrize("dtype", ["object", "string", "category"])
    @pytest.mark.parametrize("size", [1, 1000])
    def test_pandas(self, size: int, dtype: str) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"text": pandas.Series(TEXTS, dtype=dtype), "n": range(4)})
        assert joined(frame["text"], size) == joined(TEXTS)
        assert joined(frame["text"][::-1], size) == "ä\nc\na b\n"
        with pytest.raises(CorpusError, match="a DataFrame has columns; pass one column"):
            joined(frame)
        with pytest.raises(CorpusError, match=r"item 0 .* is a int"):
            joined(frame["n"])

    def test_pandas_with_something_else(self) -> None:
        pandas = pytest.importorskip("pandas")
        with pytest.raises(CorpusError, match=r"item 1 .* is a dict"):
            joined(pandas.Series(["a", {"text": "b"}], dtype="object"))
        with pytest.raises(CorpusError, match=r"item 1 .* surrogate"):
            joined(pandas.Series(["a", "\ud800"], dtype="object"))

    def test_datasets(self) -> None:
        datasets = pytest.importorskip("datasets")
        dataset = datasets.Dataset.from_dict({"text": TEXTS, "n": range(4)})
        assert joined(dataset["text"]) == joined(TEXTS)
        with pytest.raises(CorpusError, match=r"\['text'\]"):
            joined(dataset)
        with pytest.raises(CorpusError, match=r"\['text'\]"):
            joined(dataset.to_iterable_dataset())

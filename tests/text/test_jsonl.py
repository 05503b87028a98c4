import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.errors import CorpusError
from xw2v.text import jsonl
from xw2v.text.jsonl import jsonl_texts
from xw2v.text.normal import Texts
from xw2v.text.streams import LocalFile, StoredStream

SIZES = [1, 7, 40, 10_000]


def read(data: bytes, field: str = "text", size: int = 10_000) -> list[Texts]:
    stream = StoredStream(LocalFile(name="x", path=Path("x")), io.BytesIO(data))
    return list(jsonl_texts(stream, size, field, "x.jsonl"))


def values(data: bytes, field: str = "text", size: int = 10_000) -> list[str | None]:
    texts = [text for batch in read(data, field, size) for text in batch.array.to_pylist()]
    return [None if text is None else text.decode() for text in texts]


@pytest.mark.parametrize("size", SIZES)
class TestValues:
    def test_strings(self, size: int) -> None:
        data = b'{"id": 1, "text": "a b"}\n{"text": "", "x": [null, {"text": "no"}]}\n'
        assert values(data, size=size) == ["a b", ""]

    def test_last_line_need_not_end(self, size: int) -> None:
        assert values(b'{"text": "a"}\n{"text": "b"}', size=size) == ["a", "b"]

    def test_no_text(self, size: int) -> None:
        data = b'{"text": "a"}\n{"text": null}\n{}\n{"id": 3}\n'
        assert values(data, size=size) == ["a", None, None, None]

    def test_blank_lines_and_carriage_returns(self, size: int) -> None:
        data = b'\n \t\r\n{"text": "a"}\r\n\r\n\n  {"text": "b"} \r\n \n'
        assert values(data, size=size) == ["a", "b"]

    @pytest.mark.parametrize("data", [b"", b"\n", b" \n\n"])
    def test_nothing(self, size: int, data: bytes) -> None:
        assert values(data, size=size) == []

    def test_nested(self, size: int) -> None:
        data = (
            b'{"meta": {"body": "a", "id": 1}}\n{"meta": {"id": 2}}\n{"meta": null}\n{"id": 3}\n'
            b'{"meta": {"body": "b"}, "body": "no"}\n'
        )
        assert values(data, "meta.body", size) == ["a", None, None, None, "b"]

    def test_name_with_dots(self, size: int) -> None:
        data = b'{"meta.body": "a", "meta": {"body": "no"}}\n{"meta.body": "b"}\n'
        assert values(data, "meta.body", size) == ["a", "b"]

    def test_only_nulls(self, size: int) -> None:
        assert values(b'{"text": null}\n{"text": null}\n', size=size) == [None, None]

    def test_what_only_the_standard_library_takes(self, size: int) -> None:
        data = b'{"text": "a", "text": "b"}\n{"text": "c", "x": 1e999}\n'
        assert values(data, size=size) == ["b", "c"]

    @pytest.mark.parametrize("ascii_only", [True, False])
    def test_escapes(self, size: int, ascii_only: bool) -> None:
        texts = ['\u2028 \x00 \x1f \ud7ff \U0001f600 \\n \n\r\n\t"/\ufeff', "ä", "\x7f\x85"]
        lines = [json.dumps({"text": text}, ensure_ascii=ascii_only) + "\n" for text in texts]
        assert values("".join(lines).encode(), size=size) == texts

    def test_places_are_lines(self, size: int) -> None:
        data = b'\n{"text": "a"}\n\n\n{"text": "b"}\r\n \n{"text": "c"}'
        places = [
            batch.where(row) for batch in read(data, size=size) for row in range(len(batch.array))
        ]
        assert places == ["line 2", "line 5", "line 7"]


class TestFastParsing:
    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=5))
    def test_equals_the_standard_library(self, texts: list[str]) -> None:
        chunk = "".join(json.dumps({"n": 1, "text": text}) + "\n" for text in ["x", *texts])
        fast = jsonl._parse_fast(chunk.encode(), ("text",))
        slow = jsonl._parse_lines(chunk.encode(), 1, ("text",), "x")
        assert fast is not None
        assert fast.to_pylist() == slow.to_pylist() == [text.encode() for text in ["x", *texts]]

    @pytest.mark.parametrize(
        "chunk",
        [
            b'{"text": 1}\n',
            b'{"text": "\xff"}\n',
            b"null\n",  # crashes some versions of pyarrow
            b'{"text": "a"} null\n',
            b'{"text": "a"}\n null\n',
            b'{"text": "a"} {"text": "b"}\n',
            b'{"text":\n "a"}\n',
            b'{"text":\n{"text": "a"}}\n',
        ],
    )
    def test_leaves_what_is_odd(self, chunk: bytes) -> None:
        assert jsonl._parse_fast(chunk, ("text",)) is None

    def test_is_fast_where_records_are_long(self) -> None:
        chunk = b'{"text": "' + b"word " * 10**6 + b'"}\n'
        texts = jsonl._parse_fast(chunk * 2, ("text",))
        assert texts is not None
        assert len(texts) == 2


@pytest.mark.parametrize("size", SIZES)
class TestErrors:
    good = b'{"text": "a"}\n\n'

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (b"{'text': 'a'}", "not valid JSON: .* at character 2"),
            (b'{"text": "a"} {"text": "b"}', "not valid JSON: Extra data at character 15"),
            (b'{"text": "a"', "not valid JSON"),
            (b'{"text": "a\tb"}', "not valid JSON: Invalid control character"),
            (b'{"text": 1}', "field 'text' is a number, not a string"),
            (b'{"text": 1.5}', "field 'text' is a number, not a string"),
            (b'{"text": true}', "field 'text' is a boolean, not a string"),
            (b'{"text": ["a"]}', "field 'text' is a list, not a string"),
            (b'{"text": {}}', "field 'text' is an object, not a string"),
            (b"[]", "a list, not an object"),
            (b"null", "null, not an object"),
            (b'"a"', "a string, not an object"),
            (b'{"text": "\xff"}', "byte 10 of the line .* is not UTF-8"),
            (rb'{"text": "x\ud83d"}', r"field 'text' holds half of a surrogate pair, \\ud83d"),
            (rb'{"text": "\ude00"}', r"field 'text' holds half of a surrogate pair, \\ude00"),
        ],
    )
    def test_names_the_line(self, size: int, line: bytes, message: str) -> None:
        with pytest.raises(CorpusError, match=rf"^x\.jsonl, line 5: {message}"):
            read(self.good * 2 + line + b"\n" + self.good, size=size)
        with pytest.raises(CorpusError, match=rf"^x\.jsonl, line 1: {message}"):
            read(line, size=size)

    def test_deep_nesting(self, size: int) -> None:
        if size > 1000:
            line = b'{"text": "a", "text": "b", "x": ' + b"[" * 10**6 + b"]" * 10**6 + b"}"
            with pytest.raises(CorpusError, match="line 1: this JSON cannot be read"):
                read(line, size=size)

    def test_nested_in_something_else(self, size: int) -> None:
        with pytest.raises(CorpusError, match="line 2: field 'meta' is a string, not an object"):
            read(b'{"meta": {"body": "a"}}\n{"meta": "x"}\n', "meta.body", size)

    def test_field_that_no_record_has(self, size: int) -> None:
        data = b'{"id": 1, "body": "a"}\n{"title": "x"}\n'
        with pytest.raises(
            CorpusError, match=r"x\.jsonl: no record has a field 'text'.*has 'id', 'body'"
        ):
            read(data, size=size)
        with pytest.raises(CorpusError, match=r"no record has a field 'body\.x'"):
            read(b'{"id": 1}\n' * 2, "body.x", size)
        with pytest.raises(CorpusError, match="the first one has none"):
            read(b"{}\n", size=size)


class TestLongLines:
    def test_endless_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jsonl, "LONGEST_BLOCK", 20)
        with pytest.raises(CorpusError, match=r"x\.jsonl: no end of a line in \d+ bytes"):
            read(b"{" * 100, size=3)

    def test_progress(self) -> None:
        data = b'{"text": "a"}\n' * 10
        done: list[Any] = [batch.done for batch in read(data, size=30)]
        assert done == sorted(done)
        assert done[-1] == len(data)

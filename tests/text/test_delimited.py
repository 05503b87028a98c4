import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.errors import CorpusError
from xw2v.text import delimited
from xw2v.text.delimited import delimited_texts
from xw2v.text.normal import Texts
from xw2v.text.streams import LocalFile, StoredStream

SIZES = [1, 7, 40, 10_000]
every_size = pytest.mark.parametrize("size", SIZES)


def read(
    data: bytes, column: str = "text", size: int = 10_000, delimiter: str = ","
) -> list[Texts]:
    stream = StoredStream(LocalFile(name="x", path=Path("x")), io.BytesIO(data))
    return list(delimited_texts(stream, size, column, delimiter, "x.csv"))


def values(
    data: bytes, column: str = "text", size: int = 10_000, delimiter: str = ","
) -> list[bytes]:
    batches = read(data, column, size, delimiter)
    return [text for batch in batches for text in batch.array.to_pylist()]


@every_size
class TestValues:
    def test_column(self, size: int) -> None:
        data = b"id,text,x\n1,a b,\n2,,y\n3,c,z"
        assert values(data, size=size) == [b"a b", b"", b"c"]
        assert values(data, "x", size) == [b"", b"y", b"z"]

    def test_tabs(self, size: int) -> None:
        assert values(b"id\ttext\n1\ta, b\n", size=size, delimiter="\t") == [b"a, b"]

    def test_only_one_column(self, size: int) -> None:
        assert values(b'text\na\n\n""\nb\n', size=size) == [b"a", b"", b"b"]

    def test_no_inference(self, size: int) -> None:
        data = b"text,n\nNA,1\nnull,x\n007,2020-01-01\ntrue,\n"
        assert values(data, size=size) == [b"NA", b"null", b"007", b"true"]

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    def test_ends_of_rows(self, size: int, end: bytes) -> None:
        assert values(end.join([b"text,b", b"x,1", b"", b'"y\r\nz",2', b""]), size=size) == [
            b"x",
            b"y\r\nz",
        ]

    def test_quotes(self, size: int) -> None:
        data = b'id,"text"\n1,"a ""b"", c\n\nd"\n"2",""""\n3,"\n"\n'
        assert values(data, size=size) == [b'a "b", c\n\nd', b'"', b"\n"]

    def test_quotes_within_plain_values(self, size: int) -> None:
        data = b'id,text\n1,5" disk\n2,"a\n""b"""\n3,say "x" \n4," y "" "\n5,6"\n'
        assert values(data, size=size) == [b'5" disk', b'a\n"b"', b'say "x" ', b' y " ', b'6"']

    def test_header_on_several_lines(self, size: int) -> None:
        assert values(b'\n"a\nb","te""xt"\n1,x\n', 'te"xt', size) == [b"x"]

    def test_bytes_that_are_not_utf8(self, size: int) -> None:
        assert values(b"\xff,text\n\xfe,\xff\0\n", size=size) == [b"\xff\0"]

    def test_later_byte_order_mark_is_text(self, size: int) -> None:
        data = "text,x\n\ufeffa,1\n\ufeffb,1\n".encode()
        assert values(data, size=size) == ["\ufeffa".encode(), "\ufeffb".encode()]

    @pytest.mark.parametrize("data", [b"", b"\n", b"text\n", b"text", b"a,text\r\n"])
    def test_nothing(self, size: int, data: bytes) -> None:
        assert values(data, size=size) == []

    def test_places_are_records(self, size: int) -> None:
        data = b'text,x\na,1\n\n"b\nc",1\nd,2\n'
        places = [
            batch.where(row) for batch in read(data, size=size) for row in range(len(batch.array))
        ]
        assert places == ["record 1", "record 2", "record 3"]


class TestRows:
    @given(st.lists(st.text('a"\n\r, \0', max_size=6), min_size=1), st.integers(1, 30))
    def test_round_trip(self, texts: list[str], size: int) -> None:
        file = io.StringIO(newline="")
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([["id", "text"], *([str(i), text] for i, text in enumerate(texts))])
        data = file.getvalue().encode()
        assert values(data, size=size) == [text.encode() for text in texts]

    @given(st.text('a"\n,', max_size=20))
    def test_both_ways_agree(self, text: str) -> None:
        data = text.encode()
        one_by_one = delimited._after_rows_one_by_one(data, b",")
        assert delimited._after_last_row(data, b",") == one_by_one

    def test_endless_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delimited, "LONGEST_BLOCK", 20)
        with pytest.raises(CorpusError, match="is there a quote that is never closed"):
            read(b'text\n"' + b"a\n" * 100, size=3)

    def test_value_longer_than_many_blocks(self) -> None:
        value = b"word, \n" * 10_000
        assert values(b'text\n"' + value + b'"\nx\n', size=10) == [value, b"x"]

    def test_progress(self) -> None:
        data = b"text\n" + b"abc\n" * 10
        done = [batch.done for batch in read(data, size=9)]
        assert done == sorted(done, key=lambda value: value or 0)
        assert done[-1] == len(data)


@every_size
class TestErrors:
    def test_missing_column(self, size: int) -> None:
        with pytest.raises(CorpusError, match=r"x\.csv has no column 'text'.*names 'id', 'body'"):
            read(b"id,body\n1,a\n", size=size)

    def test_column_that_is_there_twice(self, size: int) -> None:
        with pytest.raises(CorpusError, match=r"x\.csv has 2 columns 'text'"):
            read(b"text,text\n1,a\n", size=size)

    @pytest.mark.parametrize(("row", "n"), [(b"b", 1), (b"b,c,d", 3)])
    def test_ragged_row(self, size: int, row: bytes, n: int) -> None:
        match = rf"x\.csv, record 3 has {n} values and the header 2: '{row.decode()}'"
        with pytest.raises(CorpusError, match=match):
            read(b'id,text\n1,a\n\n"2\n",b\n' + row + b"\n4,c\n", size=size)

    def test_quote_that_is_never_closed(self, size: int) -> None:
        with pytest.raises(CorpusError, match=r"record 2 has 1 values and the header 2"):
            read(b'text,id\na,1\n"b,2\nc,3\n', size=size)

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.test_codecs import COMPRESS
from xw2v.errors import ConfigError, CorpusError
from xw2v.text import normal
from xw2v.text.normal import END, Sentences
from xw2v.text.readers import Block, Reading, read_blocks, string_blocks
from xw2v.text.sources import find_sources
from xw2v.text.streams import Source

MODES: list[Sentences] = ["line", "document", "punctuation"]


def write_jsonl(texts: list[str]) -> bytes:
    records = [{"id": i, "text": text} for i, text in enumerate(texts)]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def write_delimited(delimiter: str) -> Callable[[list[str]], bytes]:
    def write(texts: list[str]) -> bytes:
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("id", "text"), *enumerate(texts)])
        return file.getvalue().encode()

    return write


def table_of(texts: list[str]) -> pa.Table:
    return pa.table({"id": range(len(texts)), "text": pa.array(texts, pa.string())})


def write_parquet(texts: list[str]) -> bytes:
    file = io.BytesIO()
    pq.write_table(table_of(texts), file, row_group_size=3)
    return file.getvalue()


def write_ipc(new: Callable[..., Any]) -> Callable[[list[str]], bytes]:
    def write(texts: list[str]) -> bytes:
        file = io.BytesIO()
        table = table_of(texts)
        with new(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
        return file.getvalue()

    return write


STRUCTURED: dict[str, Callable[[list[str]], bytes]] = {
    "jsonl": write_jsonl,
    "csv": write_delimited(","),
    "tsv": write_delimited("\t"),
    "parquet": write_parquet,
    "arrow": write_ipc(pa.ipc.new_file),
    "ipc": write_ipc(pa.ipc.new_stream),
}


class Memory(Source):
    """What is not on disk: its name holds it."""

    def _open(self) -> Any:
        return io.BytesIO(bytes.fromhex(self.name.partition("#")[2]))


def in_memory(name: str, data: bytes) -> Source:
    return Memory(name=f"{name}#{data.hex()}", size=len(data))


def join(blocks: Any) -> bytes:
    return b"".join(block.data for block in blocks)


def blocks_of(data: bytes, size: int, path: Path, **reading: Any) -> list[Block]:
    path.write_bytes(data)
    [source] = find_sources([path])
    return list(read_blocks(source, size, Reading(**reading)))


def sentences_of(text: bytes, mode: Sentences) -> list[list[bytes]]:
    """The sentences that text in normal form has, but for those that end at punctuation."""
    separator = b"\n\n" if mode == "punctuation" else b"\n"
    return [words for part in text.split(separator) if (words := part.split())]


def expected(texts: list[str], mode: Sentences) -> list[list[bytes]]:
    sentences = []
    for text in texts:
        data = text.encode()
        parts = {"line": data.split(b"\n"), "document": [data], "punctuation": data.split(b"\n\n")}
        sentences += [words for part in parts[mode] if (words := part.split())]
    return sentences


documents = st.lists(
    st.one_of(
        st.text(
            st.sampled_from(list('ab \n\r\t",.\\\u2028\x00\ufeff\U0001f600ä\x85')), max_size=12
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    ),
    max_size=8,
)
sizes = st.one_of(st.integers(1, 40), st.just(1 << 20))


class TestSentences:
    @given(documents, sizes, st.sampled_from(MODES), st.sampled_from(list(STRUCTURED)))
    def test_of_structured_sources(
        self, texts: list[str], size: int, mode: Sentences, kind: str
    ) -> None:
        data = STRUCTURED[kind](texts)
        format_ = "arrow" if kind == "ipc" else kind
        reading = Reading(format=format_, sentences=mode)  # type: ignore[arg-type]
        blocks = list(read_blocks(in_memory("x", data), size, reading))
        assert sentences_of(join(blocks), mode) == expected(texts, mode)
        assert all(block.data[-1:].isspace() for block in blocks)
        done = [block.done or 0 for block in blocks]
        assert done == sorted(done)

    @given(documents, sizes, st.sampled_from(MODES))
    def test_of_strings(self, texts: list[str], size: int, mode: Sentences) -> None:
        for strings in (texts, iter(texts), pa.array(texts, pa.string())):
            blocks = list(string_blocks(strings, size, mode))
            assert sentences_of(join(blocks), mode) == expected(texts, mode)

    @given(documents, sizes, st.sampled_from(MODES))
    def test_of_plain_text(self, texts: list[str], size: int, mode: Sentences) -> None:
        text = "x" + "".join(texts)
        source = in_memory("x", text.encode())
        blocks = list(read_blocks(source, size, Reading(sentences=mode)))
        assert sentences_of(join(blocks), mode) == expected([text], mode)
        if mode != "document":
            assert join(blocks) == text.encode() + END[mode]


class TestPlainText:
    def test_cuts_where_words_begin(self, tmp_path: Path) -> None:
        blocks = blocks_of(b"one two\nthree", 6, tmp_path / "text")
        assert [block.data for block in blocks] == [b"one ", b"two\n", b"three\n"]
        assert {block.done for block in blocks} == {13}  # all was looked at to know what it is
        assert [block.place(1) for block in blocks] == [
            f"byte {start} (counted from 0)" for start in (1, 5, 9)
        ]

    @pytest.mark.parametrize("size", range(1, 12))
    def test_any_size_gives_the_same_bytes(self, size: int, tmp_path: Path) -> None:
        data = " ä b\r\nσχ \u3000x\n\n y".encode()
        blocks = blocks_of(data, size, tmp_path / "text")
        assert join(blocks) == data + b"\n"
        assert all(block.data[-1:].isspace() for block in blocks)

    def test_modes(self, tmp_path: Path) -> None:
        data = b"a b\r\nc\n\n\nd"
        results = [join(blocks_of(data, 3, tmp_path / "a.txt", sentences=mode)) for mode in MODES]
        assert results == [b"a b\r\nc\n\n\nd\n", b"a b\r c   d\n", b"a b\r\nc\n\n\nd\n\n"]

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
    def test_drops_the_byte_order_mark(self, size: int, tmp_path: Path) -> None:
        blocks = blocks_of(b"\xef\xbb\xbfa b", size, tmp_path / "text")
        assert join(blocks) == b"a b\n"
        assert blocks[0].place(0) == "byte 3 (counted from 0)"

    def test_keeps_a_later_byte_order_mark(self, tmp_path: Path) -> None:
        assert join(blocks_of(b"a \xef\xbb\xbfb", 2, tmp_path / "text")) == b"a \xef\xbb\xbfb\n"

    def test_empty_file(self, tmp_path: Path) -> None:
        assert join(blocks_of(b"", 10, tmp_path / "text")) == b"\n"

    def test_any_bytes(self, tmp_path: Path) -> None:
        data = b"caf\xe9 \0\0 \x1f\x8b\n"
        assert join(blocks_of(data, 3, tmp_path / "text")) == data + b"\n"

    def test_endless_word(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(normal, "LONGEST_BLOCK", 20)
        with pytest.raises(CorpusError, match="text: no white space in 21 bytes from byte 3 on"):
            blocks_of(b"ab " + b"\0" * 30, 3, tmp_path / "text")

    def test_places_in_compressed_text(self, tmp_path: Path) -> None:
        blocks = blocks_of(COMPRESS["gzip"](b"a bc d"), 2, tmp_path / "a.txt")
        place = "byte 2 of the decompressed text (counted from 0)"
        assert [block.place(0) for block in blocks][1] == place

    def test_no_text(self, tmp_path: Path) -> None:
        for data in (b"PK\x03\x04abc", COMPRESS["xz"](b"PK\x03\x04abc")):
            with pytest.raises(CorpusError, match=r"a\.txt is not text but a zip archive"):
                blocks_of(data, 10, tmp_path / "a.txt")
        with pytest.raises(CorpusError, match=r"a\.csv is not text but UTF-16 text"):
            blocks_of("text\na".encode("utf-16"), 10, tmp_path / "a.csv")


@pytest.mark.parametrize("codec", ["none", *COMPRESS])
class TestCodecsAndFormats:
    texts = ("a b\nc", "d", "", "e f g h")

    @staticmethod
    def compressed(codec: str, data: bytes) -> bytes:
        return data if codec == "none" else COMPRESS[codec](data)

    @pytest.mark.parametrize("kind", STRUCTURED)
    @pytest.mark.parametrize("size", [1, 1000])
    def test_by_name(self, codec: str, kind: str, size: int, tmp_path: Path) -> None:
        data = self.compressed(codec, STRUCTURED[kind](list(self.texts)))
        suffix = {"gzip": ".gz", "zstd": ".ZST"}.get(codec, f".{codec}")
        blocks = blocks_of(data, size, tmp_path / f"x.{kind}{'' if codec == 'none' else suffix}")
        assert join(blocks) == b"a b\nc\nd\ne f g h\n"
        assert blocks[-1].done is not None
        assert 0 < blocks[-1].done <= len(data)
        assert blocks[-1].place(len(blocks[-1].data) - 1) == (
            "line 4" if kind == "jsonl" else "record 4"
        )

    def test_plain_text(self, codec: str, tmp_path: Path) -> None:
        data = self.compressed(codec, b"\xef\xbb\xbfa b\nc")
        blocks = blocks_of(data, 2, tmp_path / "x.md")
        assert join(blocks) == b"a b\nc\n"
        assert blocks[-1].done == len(data)

    def test_empty(self, codec: str, tmp_path: Path) -> None:
        for name in ("x.txt", "x.jsonl", "x.csv", "x.parquet", "x.arrow"):
            assert join(blocks_of(self.compressed(codec, b""), 9, tmp_path / name)).strip() == b""

    @pytest.mark.parametrize("kind", ["parquet", "arrow", "ipc"])
    def test_by_content(self, codec: str, kind: str, tmp_path: Path) -> None:
        data = self.compressed(codec, STRUCTURED[kind](list(self.texts)))
        assert join(blocks_of(data, 9, tmp_path / "x.txt")) == b"a b\nc\nd\ne f g h\n"

    @pytest.mark.parametrize("kind", STRUCTURED)
    def test_standard_input(self, codec: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        data = self.compressed(codec, STRUCTURED[kind](list(self.texts)))

        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

            def seek(self, *arguments: Any) -> int:
                raise io.UnsupportedOperation

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(data))))
        reading = Reading(format="arrow" if kind == "ipc" else kind)  # type: ignore[arg-type]
        [source] = find_sources("-")
        assert join(read_blocks(source, 9, reading)) == b"a b\nc\nd\ne f g h\n"

    @pytest.mark.parametrize("kind", STRUCTURED)
    def test_truncated(self, codec: str, kind: str, tmp_path: Path) -> None:
        data = self.compressed(codec, STRUCTURED[kind](list(self.texts)))
        if codec == "none" and kind not in ("parquet", "arrow"):
            return  # text may end anywhere
        match = "is not (Parquet|Arrow) or" if codec == "none" else "is truncated after about"
        with pytest.raises(CorpusError, match=rf"x\.{kind} {match}"):
            blocks_of(data[:-1], 9, tmp_path / f"x.{kind}")


class TestFormats:
    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_named_pipe(self, tmp_path: Path) -> None:
        path = tmp_path / "x.parquet"
        os.mkfifo(path)
        code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"
        [source] = find_sources([path])
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            process.stdin.write(write_parquet(["a", "b"]))
            process.stdin.close()
            assert join(read_blocks(source, 10)) == b"a\nb\n"

    def test_parquet_on_a_file_as_standard_input(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "x"
        path.write_bytes(write_parquet(["a", "b"]))
        with path.open() as file:
            monkeypatch.setattr(sys, "stdin", file)
            assert join(read_blocks(find_sources("-")[0], 10)) == b"a\nb\n"

    def test_options_name_the_text(self, tmp_path: Path) -> None:
        record = b'{"meta": {"body": "a b"}}\n'
        blocks = blocks_of(record, 9, tmp_path / "x.ndjson", field="meta.body")
        assert join(blocks) == b"a b\n"
        assert join(blocks_of(b"x\ty\n1\t2\n", 9, tmp_path / "x.TAB", column="y")) == b"2\n"

    def test_format_overrules_the_name(self, tmp_path: Path) -> None:
        assert join(blocks_of(b"text\na\n", 9, tmp_path / "x.txt", format="csv")) == b"a\n"
        assert join(blocks_of(b"text\na\n", 9, tmp_path / "x.csv", format="text")).split() == [
            b"text",
            b"a",
        ]

    def test_byte_order_mark_before_records(self, tmp_path: Path) -> None:
        data = '\ufeff{"text": "a"}\n'.encode()
        assert join(blocks_of(data, 9, tmp_path / "x.jsonl")) == b"a\n"
        assert join(blocks_of("\ufefftext\na\n".encode(), 9, tmp_path / "x.csv")) == b"a\n"

    def test_not_what_the_name_says(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"x\.parquet is not Parquet or is damaged"):
            blocks_of(b"just text", 9, tmp_path / "x.parquet")
        with pytest.raises(CorpusError, match=r"x\.arrow is not Arrow or is damaged"):
            blocks_of(b"just text", 9, tmp_path / "x.arrow")

    def test_errors_name_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"x\.jsonl, line 2: "):
            blocks_of(b'{"text": "a"}\n{"text": 2}\n', 9, tmp_path / "x.jsonl")


class TestReading:
    def test_defaults(self) -> None:
        assert Reading() == Reading("auto", "text", "text", "line")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"format": "json"}, "format must be 'auto', .* or 'arrow', not 'json'"),
            ({"sentences": "lines"}, "sentences must be 'line', .*, not 'lines'"),
            ({"field": ""}, "field must be a name, not ''"),
            ({"column": 3}, "column must be a name, not 3"),
        ],
    )
    def test_checks_its_values(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            Reading(**options)

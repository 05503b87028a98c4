"""Text in all its forms, the cache, and what commands say about text that they cannot read."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.cli.conftest import Outcome, topic_sentences
from xw2v.cli.hyperparameters import HYPERPARAMETERS, training_config
from xw2v.cli.progress import Display
from xw2v.cli.reading import CorpusReader, ReadCorpus
from xw2v.cli.text_options import TEXT_OPTIONS, paths_argument
from xw2v.errors import ConfigError, CorpusError
from xw2v.text import TextOptions, Vocabulary, encode_any
from xw2v.text.cache import cached_entries
from xw2v.text.store import FILES, load_encoded

Call = Callable[..., Outcome]

LINES = [*topic_sentences(200), 'a "quoted", word\t', "", "gold", "  lake  "]
TEXT = "\n".join(LINES).encode()


def pack(codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(TEXT)
    return bytes(sink.getvalue())


def delimited(delimiter: str) -> bytes:
    file = io.StringIO(newline="")
    rows = csv.writer(file, delimiter=delimiter)
    rows.writerow(["number", "body"])
    rows.writerows(enumerate(LINES))
    return file.getvalue().encode()


def arrow(kind: str) -> bytes:
    table = pa.table({"number": range(len(LINES)), "body": LINES})
    sink = pa.BufferOutputStream()
    if kind == "parquet":
        pa.parquet.write_table(table, sink, row_group_size=50)
    else:
        new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=70)
    return bytes(sink.getvalue())


def json_lines() -> bytes:
    records = [
        {"id": number, "body": line, "meta": {"t": line}} for number, line in enumerate(LINES)
    ]
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


FORMS: dict[str, tuple[str, Callable[[], bytes], list[str]]] = {
    "plain": ("t.txt", lambda: TEXT, []),
    "byte order mark": ("t.txt", lambda: b"\xef\xbb\xbf" + TEXT, []),
    "CRLF": ("t.txt", lambda: TEXT.replace(b"\n", b"\r\n"), []),
    "gzip": ("t.gz", lambda: gzip.compress(TEXT), []),
    "bzip2": ("t.txt.bz2", lambda: bz2.compress(TEXT), []),
    "xz": ("t.txt.xz", lambda: lzma.compress(TEXT), []),
    "zstandard": ("t.txt.zst", lambda: pack("zstd"), []),
    "lz4": ("t.txt.lz4", lambda: pack("lz4"), []),
    "gzip under another name": ("t.txt", lambda: gzip.compress(TEXT), []),
    "JSON Lines": ("t.jsonl", json_lines, ["--field=body"]),
    "JSON Lines in zstandard": (
        "t.jsonl.gz",
        lambda: gzip.compress(json_lines()),
        ["--field=meta.t"],
    ),
    "JSON Lines by --format": ("t.txt", json_lines, ["--field=body", "--format=jsonl"]),
    "CSV": ("t.csv", lambda: delimited(","), ["--column=body"]),
    "TSV": ("t.tsv", lambda: delimited("\t"), ["--column=body"]),
    "Parquet": ("t.parquet", lambda: arrow("parquet"), ["--column=body"]),
    "Parquet under another name": ("t", lambda: arrow("parquet"), ["--column=body"]),
    "Arrow file": ("t.arrow", lambda: arrow("file"), ["--column=body"]),
    "Arrow stream": ("t.arrow", lambda: arrow("stream"), ["--column=body"]),
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a cache of its own for a test."""
    path = tmp_path / "cache"
    monkeypatch.setenv("XW2V_CACHE_DIR", str(path))
    monkeypatch.delenv("XW2V_CACHE_LIMIT", raising=False)
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[int], list[int], list[str]]:
    """The ids, the starts and the words of the text, worked out by hand."""
    sentences = [line.split() for line in LINES]
    counts: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    words = sorted((word for word in counts if counts[word] >= 5), key=lambda word: -counts[word])
    kept = [[words.index(word) for word in line if word in words] for line in sentences]
    kept = [line for line in kept if line]
    starts = np.cumsum([0, *map(len, kept)]).tolist()
    return [id_ for line in kept for id_ in line], starts, words


def same(path: Path, expected: tuple[list[int], list[int], list[str]]) -> bool:
    stored = load_encoded(path)
    found = stored.corpus.ids.tolist(), stored.corpus.starts.tolist(), list(stored.vocabulary.words)
    return found == expected


@pytest.mark.parametrize("form", FORMS)
def test_the_same_text_in_every_form(
    call: Call, tmp_path: Path, form: str, expected: tuple[list[int], list[int], list[str]]
) -> None:
    name, make, options = FORMS[form]
    (tmp_path / name).write_bytes(make())
    out = tmp_path / "corpus"
    assert call("encode", tmp_path / name, "-o", out, "--quiet", *options) == (0, "", "")
    assert same(out, expected)


def test_the_same_text_from_elsewhere(
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: tuple[list[int], list[int], list[str]],
) -> None:
    folder = tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    middle = TEXT.index(b"\n", len(TEXT) // 2)
    (folder / "a.txt").write_bytes(TEXT[:middle])
    (folder / "b" / "c.txt.gz").write_bytes(gzip.compress(TEXT[middle + 1 :]))
    (folder / ".hidden").write_bytes(b"hidden " * 9)
    for number, named in enumerate(
        [[folder], [folder / "**" / "*.*"], [folder / "a.txt", folder / "b" / "*"]]
    ):
        out = tmp_path / f"corpus{number}"
        assert call("encode", *named, "-o", out, "--quiet") == (0, "", "")
        assert same(out, expected)
    for number, data in enumerate([TEXT, gzip.compress(TEXT)]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        out = tmp_path / f"piped{number}"
        assert call("encode", "-", "-o", out, "--quiet") == (0, "", "")
        assert same(out, expected)


def test_the_same_text_in_memory(expected: tuple[list[int], list[int], list[str]]) -> None:
    texts = [LINES, iter(LINES), [line.split() for line in LINES], pa.array(LINES)]
    for text in texts:
        encoded = encode_any(text, TextOptions())
        ids, starts = encoded.corpus.ids.tolist(), encoded.corpus.starts.tolist()
        assert (ids, starts, list(encoded.vocabulary.words)) == expected


class TestExtending:
    """What `CorpusReader` makes of a vocabulary to extend; it is told one by no option."""

    base = Vocabulary(("gold", "zoo"), np.array([9, 9]))

    @pytest.fixture
    def extend(self, cache: Path, tmp_path: Path) -> Callable[..., ReadCorpus]:
        """Return a command that reads as the others do."""
        assert not cache.exists()

        @click.command
        @paths_argument
        @TEXT_OPTIONS.options()
        @HYPERPARAMETERS.options()
        def command(paths: tuple[str, ...], **values: Any) -> ReadCorpus:
            reader = CorpusReader(paths, values, training_config(values), self.base)
            return reader.read(Display(quiet=False), use_cache=True)

        def extend(*arguments: object) -> ReadCorpus:
            read = command.main([*map(str, arguments)], standalone_mode=False)
            assert isinstance(read, ReadCorpus)
            return read

        return extend

    def test_by_text(
        self,
        extend: Callable[..., ReadCorpus],
        cache: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path = tmp_path / "text.txt"
        path.write_bytes(TEXT)
        expected = encode_any(path, TextOptions(), base=self.base)
        assert expected.vocabulary.words[-1] == "zoo"
        for _ in range(2):
            read = extend(path)
            assert read.vocabulary.fingerprint == expected.vocabulary.fingerprint
            assert read.corpus.fingerprint == expected.corpus.fingerprint
            n_words = len(expected.vocabulary)
            told = capsys.readouterr().err
            assert told.endswith(f", vocabulary {n_words}, {n_words - 2} of them new\n")
        assert not cache.exists()

    def test_by_an_encoded_corpus(
        self, extend: Callable[..., ReadCorpus], call: Call, tmp_path: Path
    ) -> None:
        (tmp_path / "text.txt").write_bytes(TEXT)
        path = tmp_path / "corpus"
        assert call("encode", tmp_path / "text.txt", "-o", path, "--quiet").status == 0
        n_words = len(load_encoded(path).vocabulary)
        read = extend(path)
        assert len(read.vocabulary) == n_words + 1
        assert (read.config.min_count, read.config.max_final_vocab) == (5, None)
        read = extend(path, "--max-final-vocab=3")
        assert len(read.vocabulary) == read.config.max_final_vocab == 3

    def test_by_the_built_in_corpus(
        self, extend: Callable[..., ReadCorpus], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("xw2v.cli.reading.builtin_sentences", lambda: [["a", "gold"]] * 5)
        read = extend()
        assert read.vocabulary.words == ("gold", "zoo", "a")
        assert read.vocabulary.counts.tolist() == [14, 9, 5]

    def test_what_does_not_go_with_it(self, extend: Callable[..., ReadCorpus]) -> None:
        with pytest.raises(ConfigError, match=r"^--max-vocab-size forgets words .*: leave it out,"):
            extend("text", "--max-vocab-size=9")

    def test_other_words(self, extend: Callable[..., ReadCorpus], tmp_path: Path) -> None:
        (tmp_path / "text.txt").write_text("a b\n" * 4)
        with pytest.raises(
            CorpusError, match=r"no word of .*text\.txt is in the vocabulary, and n"
        ):
            extend(tmp_path / "text.txt")


class TestCache:
    @pytest.fixture
    def text(self, tmp_path: Path) -> Path:
        path = tmp_path / "text.txt"
        path.write_bytes(TEXT)
        return path

    @pytest.fixture
    def encode(self, call: Call, cache: Path, text: Path, tmp_path: Path) -> Callable[..., bool]:
        """Return a function that encodes the text and says whether it came out of the cache."""

        def encode(*options: object) -> bool:
            out = tmp_path / "corpus"
            status, _, err = call("encode", text, "-o", out, "--overwrite", *options)
            assert status == 0, err
            assert "not kept" not in err
            return err.splitlines()[1].endswith(" s, kept from an earlier run")

        return encode

    def test_the_second_run_reads_nothing(
        self, encode: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not encode()
        first = {name: (tmp_path / "corpus" / name).read_bytes() for name in FILES[1:]}
        monkeypatch.setattr("xw2v.text.reuse.count_sources", None)  # to call it is an error
        assert encode()
        for name, data in first.items():
            assert (tmp_path / "corpus" / name).read_bytes() == data

    def test_training_uses_what_encoding_kept(
        self, encode: Callable[..., bool], call: Call, text: Path, tmp_path: Path
    ) -> None:
        quick = ("--vector-size=4", "--epochs=1")
        status, _, err = call("train", text, "-o", tmp_path / "a", *quick, "--no-cache")
        assert (status, "kept from" in err) == (0, False)
        assert not encode()
        status, _, err = call("train", text, "-o", tmp_path / "b", *quick)
        assert (status, "kept from an earlier run" in err) == (0, True)
        models = [tmp_path / name / "vectors.safetensors" for name in "ab"]
        assert models[0].read_bytes() == models[1].read_bytes()

    def test_a_text_that_has_changed(self, encode: Callable[..., bool], text: Path) -> None:
        encode()
        text.write_bytes(TEXT + b" gold")
        assert not encode()
        assert encode()
        status = text.stat()
        os.utime(text, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
        assert not encode()

    @pytest.mark.parametrize(
        "option",
        [
            "--lowercase",
            "--min-count=4",
            "--max-final-vocab=9",
            "--unk=<u>",
            "--phrases=1",
            "--sentence-ends=document",
        ],
    )
    def test_other_options(self, encode: Callable[..., bool], option: str) -> None:
        encode()
        assert not encode(option)
        assert encode(option)
        assert encode()

    def test_options_that_change_nothing(self, encode: Callable[..., bool]) -> None:
        encode()
        assert encode("--workers=1")
        assert encode("--min-count=5", "--format=auto")

    def test_without_it(self, encode: Callable[..., bool], cache: Path) -> None:
        assert not encode("--no-cache")
        assert not cache.exists()
        encode()
        assert not encode("--no-cache")
        assert len(cached_entries()) == 1

    def test_standard_input_is_not_kept(
        self, call: Call, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in "ab":
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
            status, _, err = call("encode", "-", "-o", tmp_path / name)
            assert (status, "kept" in err.splitlines()[1]) == (0, False)
        assert not cache.exists()

    def test_the_list(self, encode: Callable[..., bool], call: Call, text: Path) -> None:
        encode()
        encode("--lowercase")
        listed = json.loads(call("cache", "--json").out)["texts"]
        assert [entry["sources"] for entry in listed] == [[str(text)]] * 2

    def test_a_folder_that_cannot_be_written(
        self,
        encode: Callable[..., bool],
        call: Call,
        text: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("XW2V_CACHE_DIR", str(text / "cache"))
        status, _, err = call("encode", text, "-o", tmp_path / "c")
        assert status == 0
        told = [line for line in err.splitlines() if "not kept" in line]
        assert len(told) == 1
        assert told[0].startswith("the text is not kept for later runs: cannot write ")
        assert call("encode", text, "-o", tmp_path / "d", "--quiet") == (0, "", "")
        monkeypatch.setenv("XW2V_CACHE_LIMIT", "much")
        status, _, err = call("encode", text, "-o", tmp_path / "e")
        assert status == 0
        assert "not kept for later runs: XW2V_CACHE_LIMIT must be a size" in err
        monkeypatch.setenv("XW2V_CACHE_LIMIT", "0")
        assert not encode()


@pytest.mark.parametrize(
    ("name", "data", "options", "message"),
    [
        ("t.txt", b"one two\nthr\xffee\n", [], "t.txt is not UTF-8: byte 11 (counted from 0)"),
        ("t.gz", gzip.compress(TEXT, mtime=0)[:-50], [], "t.gz is truncated after about 15,"),
        ("t.parquet", arrow("parquet"), [], "t.parquet has no column 'text'"),
        ("t.parquet", arrow("parquet")[:-9], ["--column=body"], "t.parquet is not Parquet or is "),
        ("t.csv", delimited(","), ["--column=no"], "t.csv has no column 'no'"),
        ("t.jsonl", json_lines(), [], "t.jsonl: no record has a field 'text'"),
        ("t.jsonl", b'{"text": "a"}\n{"text": ', [], "t.jsonl, line 2: not valid JSON: "),
        ("t.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(99), [], "t.png is not text but a PNG"),
        ("t.txt", b"\xff\xfea\0b\0", [], "t.txt is not text but UTF-16 text; convert it to UTF-8"),
        ("t.txt", b" \n\t\n", [], "no words in t.txt: there is nothing but white space"),
        ("t.txt", TEXT, ["--vocab=none.txt"], "cannot read none.txt: No such file or directory"),
        ("t.txt", TEXT, ["--stop-words=nltk:nosuch"], "NLTK has no stop words of 'nosuch' here: "),
        ("t.txt", TEXT, ["--connector-words=none"], "cannot read none: No such file or directory"),
        (
            "t.txt",
            TEXT,
            ["--min-count=9999"],
            "none of the 27 distinct words in t.txt occurs 9,999",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_text_that_cannot_be_read(
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    data: bytes,
    options: list[str],
    message: str,
) -> None:
    if "nltk" in "".join(options):
        pytest.importorskip("nltk")
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    status, out, err = call("encode", name, "--quiet", *options)
    assert (status, out) == (1, "")
    assert err.startswith(f"xw2v: error: {message}")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_words_both_kept_and_dropped(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words").write_text("b\na\n")
    for option in ("--keep-words", "--vocab"):
        status, _, err = call("encode", "text", option, "words", "--stop-words", "words")
        assert status == 2
        expected = f"'a' is among both {option} and --stop-words: choose one\n"
        assert err == f"xw2v: error: {expected}"

import gzip
import io
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xw2v.errors import ConfigError, CorpusError
from xw2v.text import ReadProgress, TextOptions, Vocabulary, encode_any, encode_sentences
from xw2v.text.anything import EncodedText
from xw2v.text.store import save_encoded

DOCUMENTS = ["The cat sat\non the mat.", "A cat!  The end", "", "the mat"] * 3
LINES = [line.split() for document in DOCUMENTS for line in document.split("\n")]


def decoded(encoded: EncodedText) -> list[list[str]]:
    words = np.array(encoded.vocabulary.words, object)
    parts = np.split(words[encoded.corpus.ids], encoded.corpus.starts[1:-1])
    return [part.tolist() for part in parts]


def encode(text: Any, *, min_count: int = 1, **more: Any) -> list[list[str]]:
    given = {name: more.pop(name) for name in ("tokenizer", "workers", "progress") if name in more}
    return decoded(encode_any(text, TextOptions(**more), min_count=min_count, **given))


EXPECTED = [line for line in LINES if line]


KINDS: dict[str, Callable[[], Any]] = {
    "list": lambda: DOCUMENTS,
    "tuple": lambda: tuple(DOCUMENTS),
    "generator": lambda: (document for document in DOCUMENTS),
    "values of a dict": lambda: dict(enumerate(DOCUMENTS)).values(),
    "NumPy objects": lambda: np.array(DOCUMENTS, object),
    "NumPy strings": lambda: np.array(DOCUMENTS),
    "Arrow array": lambda: pa.array(DOCUMENTS),
    "Arrow chunks": lambda: pa.chunked_array([DOCUMENTS[:2], DOCUMENTS[2:]]),
    "Arrow dictionary": lambda: pa.array(DOCUMENTS).dictionary_encode(),
    "None first": lambda: [None, math.nan, *DOCUMENTS],
    "None often": lambda: iter([None] * 1500 + DOCUMENTS),
    "None between": lambda: [DOCUMENTS[0], None, *DOCUMENTS[1:], None],
}


class TestStrings:
    @pytest.mark.parametrize("kind", KINDS)
    def test_documents(self, kind: str) -> None:
        assert encode(KINDS[kind]()) == EXPECTED
        assert encode(KINDS[kind](), tokenizer=str.split) == EXPECTED

    def test_pandas(self) -> None:
        pd = pytest.importorskip("pandas")
        assert encode(pd.Series(DOCUMENTS)) == EXPECTED
        assert encode(pd.Series([None, *DOCUMENTS, math.nan], dtype=object)) == EXPECTED
        assert encode(pd.Series([pd.NA, *DOCUMENTS], dtype="string")) == EXPECTED
        assert encode(pd.Series([pd.NA, *DOCUMENTS], dtype=object)) == EXPECTED
        assert encode(pd.Series([*LINES, None])) == EXPECTED
        with pytest.raises(CorpusError, match=r"a DataFrame has columns; pass one column, for exa"):
            encode(pd.DataFrame({"text": DOCUMENTS}))

    def test_polars(self) -> None:
        pl = pytest.importorskip("polars")
        assert encode(pl.Series(DOCUMENTS)) == EXPECTED
        assert encode(pl.Series([None, *DOCUMENTS, None])) == EXPECTED
        assert encode(pl.Series([None, *LINES])) == EXPECTED
        for frame in (pl.DataFrame({"text": DOCUMENTS}), pl.LazyFrame({"text": DOCUMENTS})):
            with pytest.raises(CorpusError, match=r"Frame has columns; pass one column, for exa"):
                encode(frame)
            with pytest.raises(CorpusError, match=r"Frame has columns; pass one column, for exa"):
                encode(frame, tokenizer=str.split)

    def test_data_sets(self) -> None:
        datasets = pytest.importorskip("datasets")
        data = datasets.Dataset.from_dict({"text": DOCUMENTS, "words": [["a", "b"]] * 12})
        assert encode(data["text"]) == EXPECTED
        assert encode(data["words"]) == [["a", "b"]] * 12
        for records in (data, data.to_iterable_dataset()):
            with pytest.raises(CorpusError, match=r"is a dict, not a string; pass one column"):
                encode(records)

    def test_options_reach_them(self) -> None:
        assert encode(DOCUMENTS, lowercase=True, token_pattern="[a-z]+", min_count=4) == [
            *[["the", "cat"], ["the", "mat"], ["cat", "the"], ["the", "mat"]] * 3
        ]
        documents = [document.split() for document in DOCUMENTS if document]
        assert encode(DOCUMENTS, sentence_ends="document") == documents
        [first, *_] = encode(DOCUMENTS, sentence_ends="punctuation", workers=2)
        assert first == ["The", "cat", "sat", "on", "the", "mat."]

    def test_progress(self) -> None:
        told: list[ReadProgress] = []
        encode(DOCUMENTS, progress=told.append)
        size = sum(len(document) + 1 for document in DOCUMENTS if document)
        assert (told[-1].done, told[-1].total) == (size, None)
        assert told[-1].words == sum(map(len, LINES))

    @pytest.mark.parametrize(
        "words",
        [
            ["the", "cat", "sat"] * 9,
            [*["the", "cat", "sat"] * 9, "rare"],  # which is dropped
            [None, "the", " cat\n", "", "sat"],
            ["a.txt", "b.txt"],
        ],
        ids=str,
    )
    def test_single_words(self, words: list[str]) -> None:
        message = r"are single words: put the words of a sentence into a list, \[\['the', 'cat'\], "
        for min_count in (1, 3):
            with pytest.raises(CorpusError, match=message):
                encode(words, min_count=min_count)

    def test_some_single_words(self) -> None:
        assert encode(["cat", "the cat", "cat"]) == [["cat"], ["the", "cat"], ["cat"]]


class TestWords:
    @pytest.mark.parametrize(
        "lists",
        [
            LINES,
            iter(LINES),
            (tuple(line) for line in LINES),
            [iter(line) for line in LINES],
            [np.array(line, object) for line in LINES],
            [None, *LINES, math.nan],
            pa.array([*LINES, None]),
        ],
        ids=lambda lists: type(lists).__name__,
    )
    def test_lists_of_words(self, lists: Any) -> None:
        assert encode(lists) == EXPECTED

    def test_they_are_taken_as_they_are(self) -> None:
        assert encode([["New York", "!"]], lowercase=True) == [["New York", "!"]]

    def test_vocabulary_options(self) -> None:
        found = encode(LINES, stop_words=["the", "The"], keep=["end"], unk="?", min_count=4)
        assert found == [["?", "?"], ["?", "?"], ["?", "?", "end"], ["?"]] * 3

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (5, "text must be a path, strings or lists of words, not int"),
            (None, "text must be a path, strings or lists of words, not NoneType"),
            ([1, 2], "item 0 (counted from 0) is a int, not a string"),
            ([b"a b"], "item 0 (counted from 0) is a bytes, not a string; decode it first"),
            (["a b", 3], "item 1 (counted from 0) is a int, not a string"),
            ([{"text": "a b"}], "item 0 (counted from 0) is a dict, not a string; pass one column"),
            ({"text": ["a b"]}, "a dict is not a collection of strings"),
            (pa.table({"text": ["a b"]}), "a Table has columns; pass one column"),
            ([["a", 3]], "sentence 0 holds 3, a int; words must be str"),
            ([["a"], "b c"], "sentence 1 is one str, not a list of words"),
            ([["a"], 3], "sentence 1 is not a list of words: "),
            ([], "no words in the texts"),
            ([None, None], "no words in the texts"),
            ([[], []], "no words in the sentences"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_what_is_no_text(self, text: Any, message: str) -> None:
        with pytest.raises(CorpusError, match=f"^{re.escape(message)}"):
            encode(text)


class TestPaths:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "text.txt"
        path.write_text("\n".join(DOCUMENTS))
        return path

    def test_paths(self, path: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.gz"
        other.write_bytes(gzip.compress(b"one more\n"))
        assert encode(path) == encode(str(path)) == encode([path]) == EXPECTED
        assert encode(iter([path, other])) == [*EXPECTED, ["one", "more"]]
        assert encode(tmp_path) == [["one", "more"], *EXPECTED]
        assert encode(str(tmp_path / "t*.txt")) == EXPECTED

    def test_records(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("n,body\n1,a b\n2,c d\n")
        assert encode(path, column="body") == [["a", "b"], ["c", "d"]]

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\nc")))
        assert encode("-") == [["a", "b"], ["c"]]

    def test_progress(self, path: Path) -> None:
        told: list[ReadProgress] = []
        encode(path, progress=told.append)
        assert told[-1].done == told[-1].total == path.stat().st_size

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"none\.txt does not exist"):
            encode([tmp_path / "none.txt"])


class TestEncodedCorpora:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        options = {"min_count": 2, "max_final_vocab": None, "lowercase": True}
        encoded = encode_sentences(EXPECTED, min_count=2)
        save_encoded(tmp_path / "corpus", *encoded, options=options)
        return tmp_path / "corpus"

    def test_its_words(self, path: Path) -> None:
        for text in (path, str(path), [path]):
            encoded = encode_any(text, TextOptions())
            assert decoded(encoded) == EXPECTED
            assert (encoded.min_count, encoded.max_final_vocab) == (2, None)
            assert encoded.notes == {"lowercase": True}

    def test_fewer_words(self, path: Path) -> None:
        encoded = encode_any(path, TextOptions(), min_count=6, max_final_vocab=1000)
        assert (encoded.min_count, encoded.max_final_vocab) == (6, 1000)
        assert decoded(encoded) == encode(LINES, min_count=6)
        with pytest.raises(CorpusError, match="was encoded with --min-count 2, so rarer words are"):
            encode_any(path, TextOptions(), min_count=1)

    def test_its_words_are_settled(self, path: Path) -> None:
        with pytest.raises(ConfigError, match=r"whose words are settled: leave out lowercase, or"):
            encode_any(path, TextOptions(lowercase=True))
        with pytest.raises(ConfigError, match=r"whose words are settled: leave out tokenizer, or"):
            encode_any(path, TextOptions(), tokenizer=str.split)
        with pytest.raises(ConfigError, match=r"corpus, which can only be taken alone"):
            encode_any([path, path], TextOptions())


class TestExtending:
    base = Vocabulary(("end", "zoo"), np.array([4, 2]))

    def check(self, text: Any, **more: Any) -> None:
        encoded = encode_any(text, TextOptions(), min_count=6, base=self.base, **more)
        vocabulary, corpus = encode_sentences(EXPECTED, min_count=6, base=self.base)
        assert {"end", "zoo"} < set(vocabulary.words)
        assert encoded.vocabulary.fingerprint == vocabulary.fingerprint
        assert encoded.corpus.fingerprint == corpus.fingerprint
        assert encoded.corpus.raw_words == corpus.raw_words
        assert (encoded.min_count, encoded.max_final_vocab, encoded.notes) == (6, None, {})

    def test_by_text_of_every_kind(self, tmp_path: Path) -> None:
        path = tmp_path / "text.txt"
        path.write_text("\n".join(DOCUMENTS))
        self.check(DOCUMENTS)
        self.check(EXPECTED)
        self.check(path)
        self.check([path], tokenizer=str.split)
        self.check(DOCUMENTS, tokenizer=str.split)

    def test_by_an_encoded_corpus(self, tmp_path: Path) -> None:
        encoded = encode_sentences(EXPECTED, min_count=1)
        save_encoded(tmp_path / "corpus", *encoded, options={})
        self.check(tmp_path / "corpus")

    def test_limits(self) -> None:
        encoded = encode_any(EXPECTED, TextOptions(), max_final_vocab=3, base=self.base)
        assert len(encoded.vocabulary) == encoded.max_final_vocab == 3
        with pytest.raises(CorpusError, match="no word of the texts is in the vocabulary, and non"):
            encode_any(["a b"], TextOptions(), base=self.base)


class TestTokenizer:
    def words(self, line: str) -> Iterator[str]:
        return (word.strip(".!") for word in line.split(" ") if word)

    def test_of_lines(self, tmp_path: Path) -> None:
        expected = [[word.strip(".!") for word in line] for line in EXPECTED]
        assert encode(DOCUMENTS, tokenizer=self.words) == expected
        path = tmp_path / "text.txt"
        path.write_bytes("\n".join(DOCUMENTS).replace("\n", "\r\n").encode())
        for text in (path, str(path), [path]):
            assert encode(text, tokenizer=self.words) == expected

    def test_of_documents(self) -> None:
        seen: list[str] = []

        def tokenizer(text: str) -> list[str]:
            seen.append(text)
            return text.split()

        found = encode(DOCUMENTS, tokenizer=tokenizer, sentence_ends="document")
        assert found == [document.split() for document in DOCUMENTS if document]
        assert seen[:2] == ["The cat sat on the mat.", "A cat!  The end"]

    def test_lines_longer_than_blocks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("xw2v.text.anything.BLOCK_BYTES", 16)
        path = tmp_path / "text.txt"
        lines = ["é " * 100, "a b", "", "c " * 50]
        path.write_text("\n".join(lines), encoding="utf-8")
        seen: list[str] = []

        def tokenizer(text: str) -> list[str]:
            seen.append(text)
            return text.split()

        assert encode(path, tokenizer=tokenizer) == [line.split() for line in lines if line]
        assert [line.split() for line in seen] == [line.split() for line in lines if line]

    def test_bytes_that_are_not_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "text.txt"
        path.write_bytes(b"a b\nc\xffd a\n")
        with pytest.raises(CorpusError, match=r"text.txt is not UTF-8: byte 5 \(counted from 0\)"):
            encode(path, tokenizer=str.split)
        found = encode(path, tokenizer=str.split, encoding_errors="ignore")
        assert found == [["a", "b"], ["cd", "a"]]

    @pytest.mark.parametrize("made", ["one str", b"bytes", None, 3])
    def test_what_makes_no_words(self, made: Any) -> None:
        message = f"tokenizer must return a list of words, and of 'a b' it makes {made!r}"
        with pytest.raises(CorpusError, match=re.escape(message)):
            encode(["a b"], tokenizer=lambda line: made)
        with pytest.raises(CorpusError, match="holds 1, a int; words must be str"):
            encode(["a b"], tokenizer=lambda line: [1])

    def test_other_options(self) -> None:
        texts = ["x y z x y", "x y a b"] * 5
        options: dict[str, Any] = {"phrases": 1, "phrase_threshold": 0.1, "stop_words": ["a"]}
        assert encode(texts, tokenizer=str.split, **options) == encode(texts, **options)
        assert encode(texts, tokenizer=str.split, **options)[0] == ["x_y", "z", "x_y"]

    @pytest.mark.parametrize(
        "option",
        [
            {"lowercase": True},
            {"normalize": "NFC"},
            {"token_pattern": "[a-z]+"},
            {"strip_punctuation": True},
        ],
        ids=str,
    )
    def test_it_takes_the_place_of_options(self, option: dict[str, Any]) -> None:
        name = next(iter(option))
        message = f"tokenizer takes the place of {name}: leave one of them out"
        with pytest.raises(ConfigError, match=message):
            encode(DOCUMENTS, tokenizer=str.split, **option)

    def test_where_it_cannot_be(self) -> None:
        with pytest.raises(ConfigError, match="sentence_ends='punctuation' does not go with"):
            encode(DOCUMENTS, tokenizer=str.split, sentence_ends="punctuation")
        with pytest.raises(ConfigError, match="tokenizer is for text, and these are words already"):
            encode(LINES, tokenizer=str.split)

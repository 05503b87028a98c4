import builtins
import os
import re
from pathlib import Path
from typing import Any

import pytest

from xw2v.errors import CorpusError
from xw2v.text.wordlists import read_word_list, write_word_counts


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\r\ntwo", ["one", "two"]),
        ("\ufeffone\n\n  \ntwo\n\n", ["one", "two"]),
        ("one 12\ntwo 3\n", ["one", "two"]),
        ("one\t12\ntwo\t3\r\n", ["one", "two"]),
        ("new york\t12\n\t5\ntwo words 3\n", ["new york", "two"]),
        ("  one  \nслово\n東京\t1\n", ["one", "слово", "東京"]),
        ("b\na\nb\n", ["b", "a", "b"]),
    ],
)
def test_formats(tmp_path: Path, data: str, words: list[str]) -> None:
    path = tmp_path / "words"
    path.write_bytes(data.encode())
    assert read_word_list(path) == tuple(words)
    assert read_word_list(str(path)) == tuple(words)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", " holds no words; it should have one on each line"),
        (b" \n\t3\n\r\n", " holds no words; it should have one on each line"),
        (b"one\ntw\xff\n", r" is not UTF-8: byte 6 \(counted from 0\) cannot be decoded; convert"),
    ],
)
def test_files_that_are_no_lists(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "words"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=f"^{re.escape(str(path))}{message}"):
        read_word_list(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"^cannot read .*none: No such file or directory$"):
        read_word_list(tmp_path / "none")
    with pytest.raises(CorpusError, match=r"^cannot read .*: "):
        read_word_list(tmp_path)


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("old")
    words = ["the", "new york", "東京", "<unk>", "\ufeffx"]
    write_word_counts(path, words, [5, 4, 3, 2, 1])
    assert path.read_bytes() == "the\t5\nnew york\t4\n東京\t3\n<unk>\t2\n\ufeffx\t1\n".encode()
    assert read_word_list(path) == tuple(words)
    assert [each.name for each in tmp_path.iterdir()] == ["words"]


@pytest.mark.parametrize("word", ["a\tb", "a\nb", "a\rb"])
def test_words_that_cannot_be_written(tmp_path: Path, word: str) -> None:
    path = tmp_path / "words"
    path.write_text("old")
    with pytest.raises(CorpusError, match=r"the word 'a.*b' holds a tab or a newline"):
        write_word_counts(path, ["x", word], [2, 1])
    assert path.read_text() == "old"


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "none" / "words"
    with pytest.raises(
        CorpusError, match=f"^cannot write {re.escape(str(path))}: No such file or directory$"
    ):
        write_word_counts(path, ["x"], [1])


class TestStopWords:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Make the folder that NLTK searches, and let it find nothing elsewhere."""
        pytest.importorskip("nltk")
        import nltk.corpus
        from nltk.corpus.util import LazyCorpusLoader

        monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
        # (One that has found its folder stays with it.)
        fresh = LazyCorpusLoader("stopwords", nltk.corpus.WordListCorpusReader, r"[a-z]+")
        monkeypatch.setattr(nltk.corpus, "stopwords", fresh)
        return tmp_path

    def test_of_a_language(self, folder: Path) -> None:
        path = folder / "corpora" / "stopwords"
        path.mkdir(parents=True)
        (path / "english").write_text("the\nof\nit's\n")
        (path / "german").write_text("und\nfür\n", encoding="utf-8")
        assert read_word_list("nltk:english") == ("the", "of", "it's")
        assert read_word_list("nltk:german") == ("und", "für")
        for name in ("klingon", "", "English", f"..{os.sep}x"):
            with pytest.raises(CorpusError, match=r"^NLTK has no stop words of '.*' here: "):
                read_word_list(f"nltk:{name}")

    def test_without_them(self, folder: Path) -> None:
        message = "^NLTK has no stop words of 'english' here: python -m nltk.downloader stopwords,"
        with pytest.raises(CorpusError, match=message):
            read_word_list("nltk:english")

    def test_without_nltk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        really = builtins.__import__

        def refuse(name: str, *arguments: Any, **options: Any) -> Any:
            if name.startswith("nltk"):
                raise ImportError(name)
            return really(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(CorpusError, match=r'need NLTK: pip install "xw2v\[nltk\]", or give'):
            read_word_list("nltk:english")

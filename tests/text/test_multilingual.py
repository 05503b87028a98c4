"""Languages of the world, against what plain Python makes of them."""

import lzma
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from xw2v.text import TextOptions, encode_files, encode_texts

DATA = Path(__file__).parents[3] / "shared" / "data"
TEXTS = DATA / "multilingual"
LANGUAGES = ["de-novels", "ru-novels", "zh-wiki-sample"]
BYTES = 1_000_000

shared = pytest.mark.skipif(not TEXTS.is_dir(), reason="needs the shared samples of languages")

CLEAN: dict[str, Any] = {"lowercase": True, "normalize": "NFKC", "strip_punctuation": True}


def sample(name: str, size: int = BYTES) -> str:
    with lzma.open(TEXTS / f"{name}.txt.xz") as file:
        return file.read(size).decode("utf-8", "ignore")


def is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def stripped(word: str) -> str:
    while word and is_mark(word[0]):
        word = word[1:]
    while word and is_mark(word[-1]):
        word = word[:-1]
    return word


@cache
def clean(piece: str) -> list[str]:
    words = unicodedata.normalize("NFKC", piece).lower().split()
    return [word for word in map(stripped, words) if word]


def cleaned(text: str) -> Iterator[str]:
    """Yield words of a text: normalized, then in lower case, then without punctuation."""
    for piece in text.split():
        yield from clean(piece)


def check(found: Any, words: Iterable[str]) -> None:
    """Compare a vocabulary of all words: most frequent first, ties by first appearance."""
    vocabulary, corpus = found
    expected = Counter(words).most_common()
    assert list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == expected
    assert corpus.n_words == corpus.raw_words == sum(count for _, count in expected)


@shared
@pytest.mark.parametrize("name", LANGUAGES)
def test_default_options(name: str, tmp_path: Path) -> None:
    text = sample(name)
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    found = encode_files([path], min_count=1)
    check(found, text.split())
    sentences = [line.split() for line in text.split("\n")]
    lengths = [len(sentence) for sentence in sentences if sentence]
    starts = found[1].starts
    assert (starts[1:] - starts[:-1]).tolist() == lengths
    words = found[0].words
    assert [words[id_] for id_ in found[1].ids[: lengths[0]]] == next(filter(None, sentences))


@shared
@pytest.mark.parametrize("name", LANGUAGES)
def test_clean_words_in_sentences(name: str, tmp_path: Path) -> None:
    text = sample(name, BYTES // 2)
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    plain = encode_files([path], TextOptions(**CLEAN), min_count=1)
    check(plain, cleaned(text))
    found = encode_files([path], TextOptions(sentence_ends="punctuation", **CLEAN), min_count=1)
    lines = sum(1 for line in text.split("\n") if line.strip())
    if name == "zh-wiki-sample":
        # Marks stand within what white space separates, and end words as well as sentences.
        pieces = re.sub(r"([。！？])", r"\1 ", text)
        check(found, cleaned(pieces))
        assert found[1].n_sentences > lines
    else:
        check(found, cleaned(text))
        assert found[1].n_sentences > lines / 10
        marks = sum(word.endswith((".", "!", "?", "…")) for word in text.split())
        assert found[1].n_sentences > marks / 2


@shared
def test_chinese_words() -> None:
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel("ERROR")
    text = sample("zh-wiki-sample", 100_000)
    cut = jieba.Tokenizer().lcut
    found = encode_texts([text], TextOptions(segment="chinese"), min_count=1)
    check(found, (word for piece in text.split() for word in cut(piece)))
    assert found[1].n_words > 10 * len(text.split())


@shared
def test_declarations_of_human_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred languages: `udhr2` of NLTK."""
    nltk = pytest.importorskip("nltk")
    from nltk.corpus.util import LazyCorpusLoader

    monkeypatch.setattr(nltk.data, "path", [str(DATA / "nltk_data")])
    # (One that has found its folder stays with it.)
    udhr2 = LazyCorpusLoader(
        "udhr2", nltk.corpus.PlaintextCorpusReader, r".*\.txt", encoding="utf8"
    )
    monkeypatch.setattr(nltk.corpus, "udhr2", udhr2)
    texts = [udhr2.raw(name) for name in udhr2.fileids()]
    assert len(texts) > 100
    check(encode_files(["nltk:udhr2"], min_count=1), (w for text in texts for w in text.split()))
    words = [word for text in texts for word in cleaned(text)]
    check(encode_files(["nltk:udhr2"], TextOptions(**CLEAN), min_count=1), words)
    # (NLTK takes its time, and gives the same each time.)
    of_sentences = TextOptions(sentence_ends="punctuation", **CLEAN)
    _, corpus = encode_texts(texts, of_sentences, min_count=1)
    assert corpus.n_sentences > 20 * len(texts)

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synthetic import toy_sentences
from xw2v.errors import CorpusError
from xw2v.text import EncodedCorpus, TextOptions, Vocabulary, encode_sentences
from xw2v.text import reuse as module
from xw2v.text.cache import cached_entries
from xw2v.text.choosing import VocabularyRule
from xw2v.text.reuse import (
    CachedCorpus,
    encode_cached,
    encoded_with,
    load_narrowed,
    narrowed,
)
from xw2v.text.store import load_encoded, save_encoded

SENTENCES = toy_sentences(120)
TEXT = "".join(f"{' '.join(words)}\n" for words in SENTENCES)
Pair = tuple[Vocabulary, EncodedCorpus]


def same(one: Pair, other: Pair) -> bool:
    return (
        one[0].words == other[0].words
        and one[0].counts.tolist() == other[0].counts.tolist()
        and one[1].ids.tolist() == other[1].ids.tolist()
        and one[1].starts.tolist() == other[1].starts.tolist()
        and one[1].raw_words == other[1].raw_words
        and one[1].ids.dtype == other[1].ids.dtype == np.int32
        and one[1].starts.dtype == other[1].starts.dtype == np.int64
    )


class TestNarrowed:
    @pytest.mark.parametrize("chunk", [1, 3, 64, 1 << 18])
    @pytest.mark.parametrize(
        ("min_count", "limit"), [(1, None), (9, None), (20, None), (1, 7), (9, 7)]
    )
    def test_is_encoding_with_fewer_words(
        self, monkeypatch: pytest.MonkeyPatch, chunk: int, min_count: int, limit: int | None
    ) -> None:
        monkeypatch.setattr(module, "_CHUNK", chunk)
        before = encode_sentences(SENTENCES, min_count=1)
        after = narrowed(*before, VocabularyRule(min_count, limit), "x")
        expected = encode_sentences(SENTENCES, min_count=min_count, max_final_vocab=limit)
        assert same(after, expected)
        assert same(before, encode_sentences(SENTENCES, min_count=1))  # it is as it was

    def test_more_words_than_one_generation_holds(self) -> None:
        # Of as many distinct words as there are, so that none is forgotten or put away.
        sentences = [[f"w{number}" for number in range(3000)]] * 2 + [["w7", "w8"]]
        before = encode_sentences(sentences, min_count=1)
        after = narrowed(*before, VocabularyRule(3), "x")
        assert same(after, encode_sentences(sentences, min_count=3))

    def test_too_few_words(self) -> None:
        before = encode_sentences(SENTENCES, min_count=1)
        with pytest.raises(CorpusError, match="distinct words in this place occurs 9,999 times"):
            narrowed(*before, VocabularyRule(9999), "this place")


class TestLoadNarrowed:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return self.save(tmp_path / "corpus", {"min_count": 5, "max_final_vocab": 30})

    def save(self, path: Path, options: dict[str, Any], **more: Any) -> Path:
        encoded = encode_sentences(SENTENCES, TextOptions(**more), **options)
        save_encoded(path, *encoded, options={**options, **more, "source": ["x"]})
        return path

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"min_count": 5},
            {"min_count": 20},
            {"max_final_vocab": 9},
            {"min_count": 15, "max_final_vocab": 30},
        ],
        ids=str,
    )
    def test_what_it_would_have_been(self, path: Path, asked: dict[str, Any]) -> None:
        rule: dict[str, Any] = {"min_count": 5, "max_final_vocab": 30, **asked}
        found = load_narrowed(path, **asked)
        assert same((found.vocabulary, found.corpus), encode_sentences(SENTENCES, **rule))
        assert found.options == {**rule, "source": ["x"]}

    def test_words_that_it_has_not(self, path: Path) -> None:
        with pytest.raises(CorpusError, match=r"with --min-count 5, so rarer .* --min-count 4$"):
            load_narrowed(path, min_count=4)
        for limit in (31, None):
            with pytest.raises(CorpusError, match=r"was encoded with --max-final-vocab 30, so oth"):
                load_narrowed(path, max_final_vocab=limit)

    @pytest.mark.parametrize(
        "special",
        [{"keep": ["king", "oak"]}, {"vocab": ["king", "oak"]}, {"unk": "<unk>"}],
        ids=str,
    )
    def test_words_that_are_settled(self, tmp_path: Path, special: dict[str, Any]) -> None:
        path = self.save(tmp_path / "c", {"min_count": 5, "max_final_vocab": None}, **special)
        name = next(iter(special))
        with pytest.raises(CorpusError, match=rf"was encoded with --{name}\S*, so its w"):
            load_narrowed(path, min_count=6)
        stored = load_encoded(path)
        found = load_narrowed(path, min_count=5)
        assert same((found.vocabulary, found.corpus), (stored.vocabulary, stored.corpus))

    def test_a_corpus_of_unknown_origin(self, tmp_path: Path) -> None:
        encoded = encode_sentences(SENTENCES, min_count=1)
        save_encoded(tmp_path / "c", *encoded, options={})
        found = load_narrowed(tmp_path / "c", min_count=9)
        assert same((found.vocabulary, found.corpus), encode_sentences(SENTENCES, min_count=9))
        assert found.options == {"min_count": 9, "max_final_vocab": None}


class TestExtending:
    """A vocabulary by the words of an encoded corpus."""

    base = Vocabulary(("oak", "zoo", "king"), np.array([50, 7, 7]))

    def save(self, path: Path, *, min_count: int, limit: int | None = None, **more: Any) -> Path:
        encoded = encode_sentences(
            SENTENCES, TextOptions(**more), min_count=min_count, max_final_vocab=limit
        )
        options = {"min_count": min_count, "max_final_vocab": limit, **more}
        save_encoded(path, *encoded, options=options)
        return path

    @pytest.mark.parametrize(
        "asked", [{}, {"min_count": 9}, {"max_final_vocab": 12}, {"min_count": 30}], ids=str
    )
    def test_is_to_extend_it_by_the_text(self, tmp_path: Path, asked: dict[str, Any]) -> None:
        path = self.save(tmp_path / "c", min_count=1)
        found = load_narrowed(path, base=self.base, **asked)
        rule: dict[str, Any] = {"min_count": 1, "max_final_vocab": None, **asked}
        expected = encode_sentences(SENTENCES, base=self.base, **rule)
        assert same((found.vocabulary, found.corpus), expected)
        assert found.options == rule
        assert load_encoded(path).options == {"min_count": 1, "max_final_vocab": None}

    def test_words_that_were_dropped_do_not_come_back(self, tmp_path: Path) -> None:
        sentences = [["a", "a", "b", "oak"], ["b", "zoo"]]
        save_encoded(
            tmp_path / "c", *encode_sentences(sentences, min_count=2), options={"min_count": 2}
        )
        found = load_narrowed(tmp_path / "c", base=self.base)
        assert found.vocabulary.words == ("oak", "zoo", "king", "a", "b")
        assert found.vocabulary.counts.tolist() == [50, 7, 7, 2, 2]
        assert found.corpus.ids.tolist() == [3, 3, 4, 4]
        assert found.corpus.raw_words == 6

    def test_what_it_was_limited_to_is_not_what_the_whole_is(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "c", min_count=1, limit=5)
        words = load_encoded(path).vocabulary.words
        found = load_narrowed(path, base=self.base)
        assert set(found.vocabulary.words) == {*words, *self.base.words}
        assert found.options["max_final_vocab"] is None
        found = load_narrowed(path, base=self.base, max_final_vocab=4)
        assert len(found.vocabulary) == 4
        assert found.options["max_final_vocab"] == 4
        assert len(load_narrowed(path, base=self.base, max_final_vocab=None).vocabulary) > 4

    @pytest.mark.parametrize(
        "special",
        [{"keep": ["king", "oak"]}, {"unk": "<unk>"}, {"vocab": ["king", "oak"]}],
        ids=str,
    )
    def test_settled_words_are_all_taken(self, tmp_path: Path, special: dict[str, Any]) -> None:
        path = self.save(tmp_path / "c", min_count=20, **special)
        stored = load_encoded(path)
        base = Vocabulary(("zoo", stored.vocabulary.words[0]), np.array([9, 9]))
        for asked in ({}, {"min_count": 20}):
            found = load_narrowed(path, base=base, **asked)
            assert set(found.vocabulary.words) == {"zoo", *stored.vocabulary.words}
            assert found.corpus.n_words == stored.corpus.n_words
            assert found.options["min_count"] == 20
        with pytest.raises(CorpusError, match="so its words are settled: leave out --min-count"):
            load_narrowed(path, base=base, min_count=21)

    def test_rarer_words_that_it_has_not(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "c", min_count=5)
        with pytest.raises(CorpusError, match="was encoded with --min-count 5, so rarer words are"):
            load_narrowed(path, base=self.base, min_count=4)

    def test_a_corpus_of_other_words(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "c", min_count=5)
        base = Vocabulary(("zoo", "newt"), np.array([9, 9]))
        with pytest.raises(CorpusError, match=r"no word of .* is in the vocabulary, and none occ"):
            load_narrowed(path, base=base, min_count=9999)


class TestCached:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("XW2V_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.delenv("XW2V_CACHE_LIMIT", raising=False)
        return tmp_path / "cache"

    @pytest.fixture
    def paths(self, tmp_path: Path) -> list[Path]:
        (tmp_path / "a.txt").write_text(TEXT)
        (tmp_path / "b.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
        return [tmp_path / "a.txt", tmp_path / "b.txt.gz"]

    def encode(self, paths: list[Path], **options: Any) -> CachedCorpus:
        return encode_cached(
            paths, TextOptions(**options), min_count=2, max_final_vocab=None, workers=1
        )

    def test_the_second_time(self, paths: list[Path]) -> None:
        first, second = self.encode(paths), self.encode(paths)
        assert (first.was_cached, second.was_cached) == (False, True)
        assert first.problem is second.problem is None
        assert same((first.vocabulary, first.corpus), (second.vocabulary, second.corpus))
        expected = encode_sentences(SENTENCES + SENTENCES, min_count=2)
        assert same((second.vocabulary, second.corpus), expected)
        [entry] = cached_entries()
        assert entry.sources == tuple(map(str, paths))
        # It is an encoded corpus like any other.
        narrow = load_narrowed(entry.path, min_count=30)
        assert same(
            (narrow.vocabulary, narrow.corpus),
            encode_sentences(SENTENCES + SENTENCES, min_count=30),
        )
        with pytest.raises(CorpusError, match="was encoded with --min-count 2"):
            load_narrowed(entry.path, min_count=1)

    def test_what_extends_a_vocabulary_is_not_for_it(self, paths: list[Path]) -> None:
        base = Vocabulary(("zoo", "king"), np.array([9, 9]))
        rule: dict[str, Any] = {"min_count": 2, "max_final_vocab": None}
        before = self.encode(paths)
        for _ in range(2):
            found = encode_cached(paths, TextOptions(), **rule, base=base)
            assert not found.was_cached
            assert found.problem is None
            expected = encode_sentences(SENTENCES + SENTENCES, **rule, base=base)
            assert same((found.vocabulary, found.corpus), expected)
        assert len(cached_entries()) == 1
        after = self.encode(paths)
        assert after.was_cached
        assert same((after.vocabulary, after.corpus), (before.vocabulary, before.corpus))

    def test_what_it_depends_on(self, paths: list[Path]) -> None:
        self.encode(paths)
        assert not self.encode(paths[::-1]).was_cached
        assert not self.encode(paths[:1]).was_cached
        assert not self.encode(paths, stop_words=["king"]).was_cached
        assert self.encode(paths, stop_words=["king", "king"]).was_cached
        assert self.encode(paths, stop_words=()).was_cached

    def test_an_entry_that_is_damaged(self, paths: list[Path]) -> None:
        self.encode(paths)
        [entry] = cached_entries()
        (entry.path / "ids.npy").write_bytes(b"")
        assert not self.encode(paths).was_cached
        assert self.encode(paths).was_cached

    def test_a_folder_that_cannot_be_written(
        self, paths: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XW2V_CACHE_DIR", str(paths[0] / "cache"))
        found = self.encode(paths)
        assert found.problem is not None
        assert found.problem.startswith("cannot write ")
        assert len(found.vocabulary) > 30

    def test_a_missing_file(self, paths: list[Path], tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="none does not exist"):
            self.encode([*paths, tmp_path / "none"])


def test_ids_of_another_vocabulary() -> None:
    sentences = [["a", "b", "c"], ["b"], ["c", "a", "a", "b"], ["d"]]
    vocabulary, corpus = encode_sentences(sentences, min_count=1)
    other = Vocabulary(("x", "b", "a"), np.array([9, 5, 5]))
    found = encoded_with(vocabulary, corpus, other)
    assert found.ids.tolist() == [2, 1, 1, 2, 2, 1]
    assert found.starts.tolist() == [0, 2, 3, 6]  # "d" is no word of it, and alone
    assert found.raw_words == 9

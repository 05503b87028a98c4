import errno
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.test_generations import Full, spied
from tests.text.test_phrases import slow_join, slow_pass
from xw2v.errors import CorpusError
from xw2v.text import raw as raw_module
from xw2v.text.generations import StoredWords
from xw2v.text.phrases import PhraseRule
from xw2v.text.raw import RawCorpus

Sentence = list[str]
# A batch is what is appended at a time: sentences, the first of which may go on from the last one.
Batch = list[Sentence]
WORDS = [*"abcdefgh", "", "é", "a_b"]
BATCHES = st.lists(st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1), max_size=8)
RULES = st.builds(
    PhraseRule,
    min_count=st.sampled_from([0.5, 1, 2]),
    threshold=st.sampled_from([0.1, 0.5, 1]),
    scoring=st.sampled_from(["default", "npmi"]),
    connector_words=st.sampled_from([(), ("a", "b")]),
)


def fill(raw: RawCorpus, batches: Sequence[Batch]) -> Iterator[None]:
    """Append batches; the last sentence of each goes on in the next."""
    for batch in batches:
        words = list(chain.from_iterable(batch))
        ids = np.array([raw.number(word) for word in words], np.int32)
        ends = np.cumsum([len(sentence) for sentence in batch], dtype=np.int64)[:-1]
        generation = raw.generation
        raw.append(ids, ends)
        assert len(raw.index) <= raw._max_distinct
        assert (raw.generation != generation) or all(word in raw.index for word in words)
        yield


def sentences_of(batches: Sequence[Batch]) -> list[Sentence]:
    """Return the sentences that are not empty."""
    sentences: list[Sentence] = [[]]
    for first, *others in batches:
        sentences[-1] = sentences[-1] + first
        sentences += others
    return [sentence for sentence in sentences if sentence]


def text_of(raw: RawCorpus) -> list[list[str | None]]:
    """Return the sentences of a sealed corpus; None is a word that was forgotten."""
    sentences: list[list[str | None]] = []
    for piece in raw.chunks():
        assert piece.dtype == np.int32
        assert not piece.flags.writeable
        for number in piece.tolist():
            if number < 0:
                sentences.append([])
            word = number if number >= 0 else ~number
            text = None if word == raw._gap else raw.words.take(np.array([word]))[0]
            sentences[-1].append(text)
    return sentences


def check(raw: RawCorpus, sentences: list[Sentence]) -> None:
    counts = Counter(chain.from_iterable(sentences))
    assert len(raw.words) == len(counts)
    numbers = np.arange(len(counts))
    # A dictionary is ordered by first appearance.
    assert raw.words.take(numbers) == list(counts)
    assert raw.words.take(numbers[::-2]) == list(counts)[::-2]
    assert raw.counts.dtype == np.int64
    assert raw.counts.tolist() == list(counts.values())
    found = raw.words.find(["unknown", "b", *WORDS[4:], "é"])
    expected = {i for i, word in enumerate(counts) if word in {"b", *WORDS[4:], "é"}}
    assert found.dtype == np.int64
    assert set(found.tolist()) == expected
    assert raw.n_tokens == sum(map(len, sentences))
    assert raw.forgotten == 0
    assert text_of(raw) == sentences


@settings(max_examples=60)
@given(
    batches=BATCHES,
    max_distinct=st.sampled_from([1, 2, 3, 5, 100]),
    memory_bytes=st.sampled_from([1, 1 << 20]),
    chunk=st.integers(1, 9),
)
def test_many_generations_give_the_same_as_one(
    batches: list[Batch], max_distinct: int, memory_bytes: int, chunk: int
) -> None:
    with RawCorpus(max_distinct=max_distinct, memory_bytes=memory_bytes, chunk=chunk) as raw:
        for _ in fill(raw, batches):
            pass
        raw.seal()
        sentences = sentences_of(batches)
        check(raw, sentences)
        new_ids = np.arange(len(raw.words), dtype=np.int32)[::-1] - 1
        words = raw.words.take(np.arange(len(raw.words)))
        if raw.counts[:-1].any():
            corpus = raw.encode(new_ids)
            kept = [[word for word in sentence if word != words[-1]] for sentence in sentences]
            ids = [words[-2 - number] for number in corpus.ids.tolist()]
            assert ids == list(chain.from_iterable(kept))
            lengths = [len(sentence) for sentence in kept if sentence]
            assert np.diff(corpus.starts).tolist() == lengths
            assert corpus.raw_words == sum(map(len, sentences))


def test_a_text_with_many_distinct_words() -> None:
    words = [f"w{i % 2500}" for i in range(5000)]
    batches = [[words[i : i + 100]] for i in range(0, 5000, 100)]
    with RawCorpus(max_distinct=300) as raw:
        for _ in fill(raw, batches):
            pass
        assert raw.generation > 10
        raw.seal()
        assert raw.words.take(np.arange(2500)) == words[:2500]
        assert raw.counts.tolist() == [2] * 2500
        assert raw.words.find(["w2499", "w0"]).tolist() == [0, 2499]


@settings(max_examples=40)
@given(batches=BATCHES, rule=RULES, max_distinct=st.sampled_from([1, 3, 100]), data=st.data())
def test_phrases_are_joined_whatever_words_are_kept_in(
    batches: list[Batch], rule: PhraseRule, max_distinct: int, data: st.DataObject
) -> None:
    sentences = sentences_of(batches)
    with RawCorpus(max_distinct=max_distinct, chunk=data.draw(st.integers(1, 9))) as raw:
        for _ in fill(raw, batches):
            pass
        raw.seal()
        for _ in range(2):
            if not sentences:
                break
            sentences, accepted = slow_pass(sentences, rule)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(raw_module, "_FILE", data.draw(st.integers(1, 5)))
                table = raw.join_phrases(rule)
            assert len(table) == len(accepted)
            check(raw, sentences)


def test_words_with_phrases_take_few_files() -> None:
    words = [f"w{i}" for i in range(140_000)]
    with RawCorpus(max_distinct=70_000) as raw:
        for _ in fill(raw, [[words[:80_000]], [words[80_000:]]]):
            pass
        raw.seal()
        raw.join_phrases(PhraseRule())
        assert isinstance(raw.words, StoredWords)
        assert len(raw.words._parts) == 1
        assert raw.words.take(np.array([0, 139_999])) == ["w0", "w139999"]


class Forgetful:
    """What forgetting is to do, slowly."""

    def __init__(self, max_distinct: int) -> None:
        self.max_distinct = max_distinct
        self.rare = 0
        self.counts: dict[str, int] = {}
        self.forgotten = 0
        self.text: list[list[str | None]] = [[]]

    def append(self, batch: Batch) -> None:
        self.text[-1] += batch[0]
        self.text += [list(sentence) for sentence in batch[1:]]
        for word in chain.from_iterable(batch):
            self.counts[word] = self.counts.get(word, 0) + 1
        if len(self.counts) <= self.max_distinct:
            return
        self.rare += 1
        while sum(n > self.rare for n in self.counts.values()) > self.max_distinct:
            self.rare += 1
        gone = {word for word, n in self.counts.items() if n <= self.rare}
        self.forgotten += sum(self.counts.pop(word) for word in gone)
        self.text = [[None if word in gone else word for word in line] for line in self.text]


@given(
    batches=BATCHES,
    max_distinct=st.sampled_from([1, 2, 3, 5, 100]),
    memory_bytes=st.sampled_from([1, 1 << 20]),
    chunk=st.integers(1, 9),
    rule=RULES,
)
def test_rare_words_are_forgotten(
    batches: list[Batch], max_distinct: int, memory_bytes: int, chunk: int, rule: PhraseRule
) -> None:
    slow = Forgetful(max_distinct)
    with RawCorpus(
        max_distinct=max_distinct, memory_bytes=memory_bytes, chunk=chunk, forget=True
    ) as raw:
        for batch, _ in zip(batches, fill(raw, batches), strict=True):
            slow.append(batch)
            assert raw.forgotten == slow.forgotten
            # Those that are left keep their order, and all the counts since they appeared.
            assert list(raw.index) == list(slow.counts)
        raw.seal()
        sentences = [line for line in slow.text if line]
        check_forgetful(raw, sentences, slow.counts)
        # Phrases are never made of words that were forgotten.
        remembered = cut_at_gaps(sentences)
        if remembered:
            _, accepted = slow_pass(remembered, rule)
            raw.join_phrases(rule)
            texts = unnamed([slow_join(line, rule, accepted) for line in named(sentences)])
            check_forgetful(raw, texts, Counter(chain.from_iterable(cut_at_gaps(texts))))


_GAP = "\0forgotten"


def named(sentences: list[list[str | None]]) -> list[Sentence]:
    return [[_GAP if word is None else word for word in line] for line in sentences]


def unnamed(sentences: list[Sentence]) -> list[list[str | None]]:
    return [[None if word == _GAP else word for word in line] for line in sentences]


def cut_at_gaps(sentences: list[list[str | None]]) -> list[Sentence]:
    parts: list[Sentence] = []
    for line in sentences:
        parts.append([])
        for word in line:
            if word is None:
                parts.append([])
            else:
                parts[-1].append(word)
    return [part for part in parts if part]


def check_forgetful(
    raw: RawCorpus, sentences: list[list[str | None]], counts: dict[str, int]
) -> None:
    assert text_of(raw) == sentences
    assert raw.n_tokens == sum(map(len, sentences))
    assert raw.counts.dtype == np.int64
    words = raw.words.take(np.arange(len(raw.words)))
    found = dict(zip(words, raw.counts.tolist(), strict=True))
    if raw._gap is not None:
        assert words[raw._gap] == ""
        assert raw.counts[raw._gap] == 0
        del words[raw._gap]
    assert len(words) == len(set(words)) == len(counts)
    for word in words:
        if word:
            assert found[word] == counts[word]
    for word, n in counts.items():
        (number,) = raw.words.find([word])
        assert raw.words.take(np.array([number])) == [word]
        assert raw.counts[number] == n
    assert raw.words.find(["unknown"]).size == 0


def test_forgetting_goes_on_from_where_it_was() -> None:
    """Once, then up to twice, and so on, as gensim does."""
    with RawCorpus(max_distinct=3, forget=True) as raw:
        steps = fill(raw, [[["a"] * 9 + ["b"] * 2 + ["c", "d"]], [["e", "f"]], [["g"] * 9]])
        next(steps)
        assert dict(zip(raw.index, raw._counts, strict=False)) == {"a": 9, "b": 2}
        next(steps)
        assert list(raw.index) == ["a"]
        next(steps)
        assert list(raw.index) == ["a", "g"]
        raw.seal()
        assert raw.forgotten == 6
        assert raw.counts.tolist() == [9, 9, 0]


def test_forgetting_many_that_are_all_frequent() -> None:
    """There is one step, not one for each number up to their counts."""
    with RawCorpus(max_distinct=1, forget=True) as raw:
        ids = np.repeat(np.array([raw.number("a"), raw.number("b")], np.int32), 2_000_000)
        raw.append(ids, np.empty(0, np.int64))
        assert not raw.index
        assert raw.forgotten == 4_000_000


def test_memory_does_not_grow_with_what_was_forgotten() -> None:
    with RawCorpus(max_distinct=100, forget=True) as raw:
        size = raw._counts.size
        for _ in fill(raw, [[[f"w{i}-{j}" for j in range(1000)]] for i in range(100)]):
            pass
        assert raw._counts.size == size
        assert raw.forgotten == 100_000


class TestTemporaryFiles:
    BATCHES: ClassVar = [[[f"w{i}", f"w{i + 1}"], ["a"]] for i in range(30)]

    @pytest.fixture
    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        opened: list[Any] = []
        monkeypatch.setattr(tempfile, "TemporaryFile", spied(opened))
        return opened

    @pytest.mark.parametrize("forget", [False, True])
    def test_they_vanish(self, forget: bool, opened: list[Any], tmp_path: Path) -> None:
        with RawCorpus(max_distinct=4, memory_bytes=1, forget=forget) as raw:
            for _ in fill(raw, self.BATCHES):
                pass
            raw.seal()
            raw.join_phrases(PhraseRule())
            new_ids = np.zeros(len(raw.words), np.int32)
            corpus = raw.encode(new_ids)
        assert len(opened) > (3 if forget else 15)
        assert all(file.closed for file in opened)
        assert corpus.n_words == 90
        del corpus
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("done", [0, 1, 7, 30])
    def test_they_vanish_after_an_interrupt(
        self, done: int, opened: list[Any], tmp_path: Path
    ) -> None:
        def interrupted() -> None:
            with RawCorpus(max_distinct=4, memory_bytes=1) as raw:
                for _ in fill(raw, self.BATCHES[:done]):
                    pass
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert bool(opened) == (done > 0)
        assert all(file.closed for file in opened)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("forget", [False, True])
    def test_whichever_of_them_the_disk_is_full_at(
        self, forget: bool, opened: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def use() -> None:
            with RawCorpus(max_distinct=4, memory_bytes=1, forget=forget) as raw:
                for _ in fill(raw, self.BATCHES):
                    pass
                raw.seal()
                raw.join_phrases(PhraseRule())

        use()
        make = tempfile.TemporaryFile
        n_files = len(opened)
        for last in range(n_files):
            opened.clear()

            def make_or_fail(*args: Any, last: int = last, **kwargs: Any) -> Any:
                if len(opened) == last:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return make(*args, **kwargs)

            monkeypatch.setattr(tempfile, "TemporaryFile", make_or_fail)
            with pytest.raises(CorpusError, match="No space left on device; set TMPDIR"):
                use()
            assert all(file.closed for file in opened)

    def test_full_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "TemporaryFile", Full)
        with RawCorpus(max_distinct=2) as raw:
            steps = fill(raw, [[["a", "b", "c"]]])
            with pytest.raises(CorpusError, match="No space left on device; set TMPDIR"):
                next(steps)


@pytest.mark.parametrize("forget", [False, True])
def test_too_many_distinct_words(forget: bool) -> None:
    with RawCorpus(max_distinct=1, forget=forget) as raw:
        raw._begin(2**31 - 1 - 2 * raw_module._DISTINCT)
        with pytest.raises(CorpusError, match=r"2,000,000,000 distinct words.*--max-vocab-size"):
            list(fill(raw, [[["a", "b"]]]))


def test_as_many_may_be_held_as_one_likes() -> None:
    with RawCorpus(max_distinct=10**12, forget=True) as raw:
        list(fill(raw, [[["a", "b", "a"]]]))
        raw.seal()
        check(raw, [["a", "b", "a"]])


def test_an_empty_text() -> None:
    with RawCorpus() as raw:
        raw.append(np.empty(0, np.int32), np.zeros(3, np.int64))
        raw.seal()
        check(raw, [])
        assert len(raw.join_phrases(PhraseRule())) == 0
        check(raw, [])

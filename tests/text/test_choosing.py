import dataclasses
from collections import Counter
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.choosing import VocabularyRule, choose_vocabulary
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import CountedText, count_sentences
from xw2v.text.options import TextOptions
from xw2v.text.vocabulary import Vocabulary

Sentences = list[list[str]]
WORDS = [*"abcdef", "<unk>"]
SETS = st.frozensets(st.sampled_from([*WORDS, "unknown"]), max_size=4)


@st.composite
def rules(draw: Callable[[Any], Any]) -> VocabularyRule:
    stop_words = draw(st.just(frozenset()) | SETS)
    only = draw(st.none() | SETS)
    return VocabularyRule(
        min_count=draw(st.integers(1, 4)),
        max_final_vocab=draw(st.none() | st.integers(1, 5)),
        only=None if only is None else only - stop_words,
        keep=draw(st.just(frozenset()) | SETS) - stop_words,
        stop_words=stop_words,
        unk=draw(st.none() | st.just("<unk>")),
    )


def expected(
    sentences: Sentences, rule: VocabularyRule
) -> tuple[list[tuple[str, int]], Sentences, int]:
    """Do the same, slowly: return the vocabulary, the text, and how many words are not unk."""
    # Ties keep the order of first appearance.
    counts = Counter(chain.from_iterable(sentences)).most_common()
    left = [(w, n) for w, n in counts if w not in rule.stop_words and w != rule.unk]
    kept = [(w, n) for w, n in left if w in rule.keep]
    others = [
        (w, n)
        for w, n in left
        if w not in rule.keep and (n >= rule.min_count if rule.only is None else w in rule.only)
    ]
    chosen = {w for w, _ in (kept + others)[: rule.max_final_vocab]}
    vocabulary = [(w, n) for w, n in counts if w in chosen]

    def becomes(word: str) -> str | None:
        if word in chosen:
            return word
        return None if word in rule.stop_words else rule.unk

    texts = [[becomes(word) for word in sentence] for sentence in sentences]
    text = [[word for word in sentence if word is not None] for sentence in texts]
    n_unk = sum(sentence.count(rule.unk) for sentence in text) if rule.unk is not None else 0
    if n_unk:
        assert rule.unk is not None
        vocabulary.append((rule.unk, n_unk))
        vocabulary.sort(key=lambda entry: -entry[1])  # behind the words that occur as often
    return vocabulary, [sentence for sentence in text if sentence], len(chosen)


def choose(
    sentences: Sentences, rule: VocabularyRule, **raw_options: Any
) -> tuple[Vocabulary, EncodedCorpus]:
    with count_sentences(sentences, **raw_options) as text:
        return text.encode(rule)


def vocabulary_of(counts: dict[str, int]) -> Vocabulary:
    return Vocabulary(tuple(counts), np.array(list(counts.values()), np.int64))


def decoded(vocabulary: Vocabulary, corpus: EncodedCorpus) -> Sentences:
    words = np.array(vocabulary.words, object)
    return [part.tolist() for part in np.split(words[corpus.ids], corpus.starts[1:-1])]


@settings(max_examples=300)
@given(
    sentences=st.lists(st.lists(st.sampled_from(WORDS), max_size=9), max_size=6),
    rule=rules(),
    chunk=st.integers(1, 9),
    max_distinct=st.sampled_from([1, 3, 100]),
)
def test_chosen_words(
    sentences: Sentences, rule: VocabularyRule, chunk: int, max_distinct: int
) -> None:
    vocabulary, text, _ = expected(sentences, rule)
    options = {"chunk": chunk, "max_distinct": max_distinct}
    if len(vocabulary) < 2:
        with pytest.raises(CorpusError):
            choose(sentences, rule, **options)
        return
    words, corpus = choose(sentences, rule, **options)
    assert list(zip(words.words, words.counts.tolist(), strict=True)) == vocabulary
    assert decoded(words, corpus) == text
    assert corpus.raw_words == sum(map(len, sentences))


@st.composite
def bases(draw: Callable[[Any], Any]) -> dict[str, int]:
    words = draw(st.lists(st.sampled_from([*WORDS, "unknown", "x"]), unique=True))
    n = len(words)
    counts = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    return dict(zip(words, sorted(counts, reverse=True), strict=True))


def expected_extension(
    base: dict[str, int], sentences: Sentences, rule: VocabularyRule
) -> tuple[list[tuple[str, int]], Sentences]:
    """Do the same, slowly: return the vocabulary and the text."""
    in_text = Counter(chain.from_iterable(sentences))  # in the order of first appearance
    candidates = in_text.keys() - base.keys() - rule.stop_words - {rule.unk}
    new = [word for word, _ in in_text.most_common() if word in candidates]
    if rule.only is None:
        frequent = [word for word in new if in_text[word] >= rule.min_count]
    else:
        frequent = [word for word in new if word in rule.only]
    kept = [word for word in new if word in rule.keep]
    added = kept + [word for word in frequent if word not in kept]
    if rule.max_final_vocab is not None:
        added = added[: max(0, rule.max_final_vocab - len(base.keys() - {rule.unk}))]

    def becomes(word: str) -> str | None:
        if word in rule.stop_words:
            return None
        return word if word != rule.unk and (word in base or word in added) else rule.unk

    texts = [[becomes(word) for word in sentence] for sentence in sentences]
    text = [[word for word in sentence if word is not None] for sentence in texts]
    totals = Counter(base)
    totals.update(dict.fromkeys((word for word in in_text if word in added), 0))
    totals.update(chain.from_iterable(text))  # unk comes last, if it is new
    return totals.most_common(), [sentence for sentence in text if sentence]


@settings(max_examples=300)
@given(
    sentences=st.lists(st.lists(st.sampled_from(WORDS), max_size=9), max_size=6),
    base=bases(),
    rule=rules(),
    chunk=st.integers(1, 9),
    max_distinct=st.sampled_from([1, 3, 100]),
)
def test_extended_vocabulary(
    sentences: Sentences, base: dict[str, int], rule: VocabularyRule, chunk: int, max_distinct: int
) -> None:
    before = vocabulary_of(base)
    rule = dataclasses.replace(rule, base=before)
    vocabulary, text = expected_extension(base, sentences, rule)
    options = {"chunk": chunk, "max_distinct": max_distinct}
    if len(vocabulary) < 2 or (base and set(chain.from_iterable(text)) <= {rule.unk}):
        with pytest.raises(CorpusError):
            choose(sentences, rule, **options)
        return
    words, corpus = choose(sentences, rule, **options)
    assert list(zip(words.words, words.counts.tolist(), strict=True)) == vocabulary
    assert decoded(words, corpus) == text
    assert corpus.raw_words == sum(map(len, sentences))
    assert words.counts.dtype == np.int64
    assert corpus.ids.dtype == np.int32
    assert dict(zip(before.words, before.counts.tolist(), strict=True)) == base  # it is as it was


@given(sentences=st.lists(st.lists(st.sampled_from(WORDS), max_size=9), max_size=6), rule=rules())
def test_to_extend_nothing_is_to_begin(sentences: Sentences, rule: VocabularyRule) -> None:
    def outcome(rule: VocabularyRule) -> Any:
        try:
            words, corpus = choose(sentences, rule)
        except CorpusError as error:
            return str(error)
        return words.fingerprint, corpus.fingerprint

    assert outcome(dataclasses.replace(rule, base=vocabulary_of({}))) == outcome(rule)


TEXT = [["the", "cat", "the", "dog"], ["the", "dog", "ox"], ["emu"]]


@pytest.mark.parametrize(
    ("rule", "vocabulary"),
    [
        (VocabularyRule(1), {"the": 3, "dog": 2, "cat": 1, "ox": 1, "emu": 1}),
        (VocabularyRule(2), {"the": 3, "dog": 2}),
        (VocabularyRule(1, 3), {"the": 3, "dog": 2, "cat": 1}),
        (VocabularyRule(2, keep=frozenset({"ox", "gnu"})), {"the": 3, "dog": 2, "ox": 1}),
        (VocabularyRule(1, 2, keep=frozenset({"ox"})), {"the": 3, "ox": 1}),
        (VocabularyRule(9, only=frozenset({"emu", "dog", "gnu"})), {"dog": 2, "emu": 1}),
        (VocabularyRule(2, only=frozenset({"emu"}), keep=frozenset({"ox"})), {"ox": 1, "emu": 1}),
        (VocabularyRule(1, 2, stop_words=frozenset({"the"})), {"dog": 2, "cat": 1}),
        (VocabularyRule(2, unk="_"), {"the": 3, "_": 3, "dog": 2}),
        (VocabularyRule(2, unk="_", stop_words=frozenset({"ox"})), {"the": 3, "dog": 2, "_": 2}),
        (VocabularyRule(2, unk="dog"), {"dog": 5, "the": 3}),
        (VocabularyRule(1, 1, unk="_", keep=frozenset({"_"})), {"_": 5, "the": 3}),
        (
            VocabularyRule(2, unk="dog", keep=frozenset({"dog", "ox"})),
            {"dog": 4, "the": 3, "ox": 1},
        ),
    ],
)
def test_examples(rule: VocabularyRule, vocabulary: dict[str, int]) -> None:
    words, _ = choose(TEXT, rule)
    assert list(zip(words.words, words.counts.tolist(), strict=True)) == list(vocabulary.items())


def test_unk_stands_where_words_were_dropped() -> None:
    rule = VocabularyRule(2, unk="<unk>", stop_words=frozenset({"the"}))
    assert decoded(*choose(TEXT, rule)) == [["<unk>", "dog"], ["dog", "<unk>"], ["<unk>"]]


def test_unk_is_not_there_where_nothing_was_dropped() -> None:
    assert choose(TEXT, VocabularyRule(1, unk="<unk>"))[0].words == (
        *("the", "dog", "cat", "ox", "emu"),
    )


def test_what_was_forgotten_is_unk() -> None:
    sentences = [["a"] * 5 + ["b", "c"], ["d", "a"], ["b", "a", "b", "b"]]
    options = TextOptions(max_vocab_size=2)
    with count_sentences(sentences, options, chunk=1) as text:
        assert text.raw.forgotten == 3
        vocabulary, corpus = text.encode(VocabularyRule(1, unk="<unk>"))
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == {
        "a": 7,
        "b": 3,
        "<unk>": 3,
    }
    assert decoded(vocabulary, corpus) == [
        ["a"] * 5 + ["<unk>", "<unk>"],
        ["<unk>", "a"],
        ["b", "a", "b", "b"],
    ]


class TestExtending:
    base = vocabulary_of({"dog": 4, "gnu": 2, "emu": 1})

    @pytest.mark.parametrize(
        ("rule", "vocabulary", "text"),
        [
            (
                VocabularyRule(2),
                {"dog": 6, "the": 3, "gnu": 2, "emu": 2},
                "the the dog/the dog/emu",
            ),
            (
                VocabularyRule(1),
                {"dog": 6, "the": 3, "gnu": 2, "emu": 2, "cat": 1, "ox": 1},
                "the cat the dog/the dog ox/emu",
            ),
            (VocabularyRule(9), {"dog": 6, "gnu": 2, "emu": 2}, "dog/dog/emu"),
            (
                VocabularyRule(1, 4),
                {"dog": 6, "the": 3, "gnu": 2, "emu": 2},
                "the the dog/the dog/emu",
            ),
            (VocabularyRule(1, 1), {"dog": 6, "gnu": 2, "emu": 2}, "dog/dog/emu"),
            (
                VocabularyRule(1, 4, keep=frozenset({"ox", "dog"})),
                {"dog": 6, "gnu": 2, "emu": 2, "ox": 1},
                "dog/dog ox/emu",
            ),
            (
                VocabularyRule(9, only=frozenset({"cat"})),
                {"dog": 6, "gnu": 2, "emu": 2, "cat": 1},
                "cat dog/dog/emu",
            ),
            (
                VocabularyRule(2, stop_words=frozenset({"the", "dog", "gnu"})),
                {"dog": 4, "gnu": 2, "emu": 2},
                "emu",
            ),
            (
                VocabularyRule(2, unk="_"),
                {"dog": 6, "the": 3, "gnu": 2, "emu": 2, "_": 2},
                "the _ the dog/the dog _/emu",
            ),
            (
                VocabularyRule(2, unk="gnu"),
                {"dog": 6, "gnu": 4, "the": 3, "emu": 2},
                "the gnu the dog/the dog gnu/emu",
            ),
            # unk does not count among so many, whether it was there or not.
            (
                VocabularyRule(2, 3, unk="gnu"),
                {"dog": 6, "gnu": 4, "the": 3, "emu": 2},
                "the gnu the dog/the dog gnu/emu",
            ),
            (
                VocabularyRule(2, 3, unk="_"),
                {"dog": 6, "_": 5, "gnu": 2, "emu": 2},
                "_ _ _ dog/_ dog _/emu",
            ),
        ],
    )
    def test_examples(self, rule: VocabularyRule, vocabulary: dict[str, int], text: str) -> None:
        words, corpus = choose(TEXT, dataclasses.replace(rule, base=self.base))
        assert list(zip(words.words, words.counts.tolist(), strict=True)) == list(
            vocabulary.items()
        )
        assert decoded(words, corpus) == [sentence.split() for sentence in text.split("/")]

    def test_one_word_that_was_there_is_enough(self) -> None:
        words, corpus = choose([["emu"]], VocabularyRule(base=self.base))
        assert words.words == ("dog", "gnu", "emu")
        assert words.counts.tolist() == [4, 2, 2]
        assert corpus.ids.tolist() == [2]

    def test_again_and_again_is_all_at_once(self) -> None:
        """But for the order of words that occur as often, and what is dropped for being rare."""
        parts = [TEXT[:1], TEXT[1:], [["gnu", "ox"]]]
        words = vocabulary_of({})
        for part in parts:
            words, _ = choose(part, VocabularyRule(1, base=words))
        at_once, _ = choose(list(chain(*parts)), VocabularyRule(1))
        assert dict(zip(words.words, words.counts.tolist(), strict=True)) == dict(
            zip(at_once.words, at_once.counts.tolist(), strict=True)
        )

    def test_phrases(self) -> None:
        base = vocabulary_of({"new_york": 9, "big": 5})
        sentences = [["new", "york", word] for word in "abcdefgh"] + [["big", "new", "york"]]
        options = TextOptions(phrases=1, phrase_min_count=1, phrase_threshold=1e-9)
        with count_sentences(sentences, options) as text:
            words, corpus = text.encode(VocabularyRule(9, base=base))
        assert dict(zip(words.words, words.counts.tolist(), strict=True)) == {
            "new_york": 18,
            "big": 6,
        }
        assert decoded(words, corpus) == [["new_york"]] * 8 + [["big", "new_york"]]

    @pytest.mark.parametrize(
        ("rule", "match"),
        [
            (
                VocabularyRule(4),
                r"vocabulary, and none occurs 4 times \(min_count\); .* 3 times: give more tex",
            ),
            (
                VocabularyRule(4, stop_words=frozenset({"ox"})),
                r"^no word of X is in the vocabulary, stop words aside, and none occurs 4 times",
            ),
            (VocabularyRule(4, unk="_"), "^no word of X is in the vocabulary, and none occurs 4 t"),
            (VocabularyRule(1, 2), "none is added to it: give other text, or raise --max-final-v"),
            (
                VocabularyRule(1, only=frozenset({"gnu"})),
                "none is added to it: give other text, or other words as its vocabulary$",
            ),
            (
                VocabularyRule(1, stop_words=frozenset({"the", "cat", "dog", "ox", "emu"})),
                "is in the vocabulary, stop words aside, and none is added to it: give other text$",
            ),
        ],
    )
    def test_text_that_has_none_of_the_words(self, rule: VocabularyRule, match: str) -> None:
        rule = dataclasses.replace(rule, base=vocabulary_of({"newt": 2, "_": 1}))
        with count_sentences(TEXT) as text, pytest.raises(CorpusError, match=match):
            choose_vocabulary(text.raw, rule, "X")

    def test_no_text(self) -> None:
        with pytest.raises(CorpusError, match="no words in the sentences"):
            choose([[]], VocabularyRule(1, base=self.base))

    def test_one_word_is_too_few(self) -> None:
        with pytest.raises(CorpusError, match="at least 2 distinct words and 1 is left of the 1"):
            choose([["a"]], VocabularyRule(1, base=vocabulary_of({"a": 5})))

    def test_counts_that_are_too_large(self) -> None:
        most = np.iinfo(np.int64).max
        words, _ = choose([["a", "b"]], VocabularyRule(1, base=vocabulary_of({"a": most - 2})))
        assert words.counts.tolist() == [most - 1, 1]
        with pytest.raises(CorpusError, match="'a' occurs 9,223,372,036,854,775,806 times, which"):
            choose([["a", "b"]], VocabularyRule(1, base=vocabulary_of({"a": most - 1})))

    def test_words_that_no_text_holds(self) -> None:
        base = vocabulary_of({"a": 2, "\ud800": 1})
        with pytest.raises(ConfigError, match=r"base holds .* cannot be written as UTF-8"):
            VocabularyRule(base=base)

    def test_forgetting_words_does_not_go_with_it(self) -> None:
        with pytest.raises(ConfigError, match=r"max_vocab_size forgets words .* leave it out"):
            VocabularyRule(max_vocab_size=9, base=self.base)


class TestErrors:
    @pytest.mark.parametrize("name", ["min_count", "max_final_vocab", "max_vocab_size"])
    @pytest.mark.parametrize("value", [0, -1, 1.5, "3"])
    def test_numbers(self, name: str, value: Any) -> None:
        match = rf"{name} must be a positive whole number, not {value!r}"
        with pytest.raises(ConfigError, match=match):
            VocabularyRule(**{name: value})

    @pytest.mark.parametrize("unk", ["", " ", "\u3000", 3])
    def test_unk(self, unk: Any) -> None:
        with pytest.raises(ConfigError, match=r"unk must be a word, such as '<unk>', not "):
            VocabularyRule(unk=unk)

    @pytest.mark.parametrize("name", ["keep", "only"])
    def test_kept_and_dropped(self, name: str) -> None:
        words: dict[str, Any] = {name: frozenset("bcd"), "stop_words": frozenset("cba")}
        with pytest.raises(ConfigError, match=f"'b' is among both {name} and stop_words"):
            VocabularyRule(**words)

    @pytest.mark.parametrize("name", ["keep", "only", "stop_words", "unk"])
    def test_words_that_no_text_holds(self, name: str) -> None:
        value: Any = "\ud800" if name == "unk" else frozenset(["\ud800"])
        with pytest.raises(ConfigError, match=rf"{name} holds .* cannot be written as UTF-8"):
            VocabularyRule(**{name: value})

    @pytest.mark.parametrize(
        ("rule", "match"),
        [
            (VocabularyRule(4), r"none of the 5 .* X occurs 4 times .* occurs 3 times: lower"),
            (VocabularyRule(3), "2 distinct words and 1 is left of the 5 in X; give more text"),
            (VocabularyRule(1, 1), "1 is left of the 5 in X.* raise --max-final-vocab"),
            (VocabularyRule(1, 1, unk=None, only=frozenset({"the", "ox"})), "1 is left of the 5"),
            (VocabularyRule(1, only=frozenset({"the", "gnu"})), "of the 2 given .* 1 occurs in X"),
            (VocabularyRule(1, only=frozenset()), "of the 0 given as the vocabulary 0 occurs"),
            (
                VocabularyRule(1, stop_words=frozenset({"the", "cat", "dog", "ox", "emu"})),
                "and 0 is left of the 5 in X; .* or name fewer stop words",
            ),
            (VocabularyRule(4, unk="_"), "none of the 5 distinct words in X occurs 4 times"),
        ],
    )
    def test_too_few(self, rule: VocabularyRule, match: str) -> None:
        with count_sentences(TEXT) as text, pytest.raises(CorpusError, match=match):
            choose_vocabulary(text.raw, rule, "X")

    def test_one_word_and_nothing_to_replace(self) -> None:
        with pytest.raises(CorpusError, match="1 is left of the 1 in"):
            choose([["a", "a"]], VocabularyRule(1, unk="<unk>"))

    def test_nothing_at_all(self) -> None:
        with pytest.raises(CorpusError, match="no words in the sentences"):
            choose([[]], VocabularyRule(1, unk="<unk>"))

    def test_all_forgotten(self) -> None:
        def encode() -> None:
            with count_sentences([["a", "b"]], TextOptions(max_vocab_size=1)) as text:
                assert isinstance(text, CountedText)
                text.encode(VocabularyRule(1))

        with pytest.raises(CorpusError, match=r"were forgotten .*: raise --max-vocab-size"):
            encode()

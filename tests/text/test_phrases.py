import itertools
import lzma
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xw2v.errors import ConfigError, CorpusError, XW2VError
from xw2v.text import candidates, spellings
from xw2v.text.phrases import (
    ENGLISH_CONNECTOR_WORDS,
    Phrase,
    PhraseRule,
    PhraseTable,
    join_phrases,
    learn_phrases,
    phrase_lines,
    phrase_pass,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
Sentences = list[list[str]]
Found = dict[tuple[str, ...], tuple[int, float]]


class ListedWords(list[str]):
    def take(self, ids: NDArray[np.integer[Any]]) -> list[str]:
        return [self[i] for i in ids.tolist()]


class Text(NamedTuple):
    """A text as numbers."""

    words: ListedWords
    counts: NDArray[np.int64]
    tokens: NDArray[np.int32]

    def chunks(self, size: int = 1000) -> Callable[[], Iterator[NDArray[np.int32]]]:
        tokens = self.tokens.copy()
        tokens.flags.writeable = False
        return lambda: (tokens[i : i + size] for i in range(0, tokens.size, size))

    def sentences(self) -> Sentences:
        sentences: Sentences = []
        for token in self.tokens.tolist():
            if token < 0:
                sentences.append([])
            sentences[-1].append(self.words[token if token >= 0 else ~token])
        return sentences


def as_text(sentences: Sentences) -> Text:
    index: dict[str, int] = {}
    tokens = []
    for sentence in sentences:
        numbers = [index.setdefault(word, len(index)) for word in sentence]
        tokens += [~number if i == 0 else number for i, number in enumerate(numbers)]
    array = np.array(tokens, np.int32)
    counts = np.bincount(np.maximum(array, ~array), minlength=len(index))
    return Text(ListedWords(index), counts.astype(np.int64), array)


def one_pass(
    text: Text, rule: PhraseRule, size: int = 1000, memory_keys: int = 1 << 24
) -> tuple[Text, PhraseTable]:
    """Do a pass with xw2v, over chunks of some size, and check the new numbers."""
    pieces: list[NDArray[np.int32]] = []
    done = phrase_pass(
        text.words, text.counts, text.chunks(size), rule, pieces.append, memory_keys=memory_keys
    )
    assert all(piece.dtype == np.int32 for piece in pieces)
    words = ListedWords(itertools.chain.from_iterable(done.spellings(text.words)))
    joined = Text(words, done.counts, np.concatenate([*pieces, np.empty(0, np.int32)]))
    again = as_text(joined.sentences())
    assert words == again.words
    assert done.counts.dtype == np.int64
    assert done.counts.tolist() == again.counts.tolist()
    assert joined.tokens.tolist() == again.tokens.tolist()
    return joined, done.table


def found(table: PhraseTable, words: ListedWords) -> Found:
    """Return the count and the score of each phrase."""
    rows = zip(table.first.tolist(), table.between, table.second.tolist(), strict=True)
    keys = [tuple(words[i] for i in (first, *between, second)) for first, between, second in rows]
    values = zip(table.counts.tolist(), table.scores.tolist(), strict=True)
    assert len(set(keys)) == len(keys) == len(table)
    return dict(zip(keys, values, strict=True))


def slow_pass(sentences: Sentences, rule: PhraseRule) -> tuple[Sentences, Found]:
    """Do a pass as gensim does it, with a dictionary of strings."""
    vocab: Counter[str] = Counter()
    seen: dict[tuple[str, ...], float] = {}
    for sentence in sentences:
        candidate: tuple[str, ...] = ()
        for word in sentence:
            if word in rule.connector_words:
                candidate += (word,) if candidate else ()
                continue
            vocab[word] += 1
            if candidate:
                seen[*candidate, word] = -math.inf
                vocab[rule.delimiter.join([*candidate, word])] += 1
            candidate = (word,)
    total = sum(map(len, sentences))
    for candidate in seen:
        first, second = vocab[candidate[0]], vocab[candidate[-1]]
        both = vocab[rule.delimiter.join(candidate)]
        if rule.scoring == "default":
            seen[candidate] = (both - rule.min_count) / float(first * second) * len(vocab)
        elif both >= rule.min_count:
            pmi = math.log(both / total / ((first / total) * (second / total)))
            seen[candidate] = pmi / -math.log(both / total)
    accepted = {
        candidate: (vocab[rule.delimiter.join(candidate)], score)
        for candidate, score in seen.items()
        if score > rule.threshold
    }
    return [slow_join(sentence, rule, accepted) for sentence in sentences], accepted


def slow_join(sentence: list[str], rule: PhraseRule, accepted: Found) -> list[str]:
    joined: list[str] = []
    candidate: tuple[str, ...] = ()
    for word in sentence:
        if word in rule.connector_words:
            if candidate:
                candidate += (word,)
            else:
                joined.append(word)
        elif (*candidate, word) in accepted:
            joined.append(rule.delimiter.join([*candidate, word]))
            candidate = ()
        else:
            joined += candidate
            candidate = (word,)
    return [*joined, *candidate]


WORDS = ["a", "b", "_", "a_", "_b", "a_b", "__", "b_a", "the", "of", "of_b", "é😀", "-", ""]
RULES = st.builds(
    PhraseRule,
    passes=st.integers(1, 3),
    min_count=st.sampled_from([0.5, 1, 2]),
    threshold=st.sampled_from([0.1, 0.5, 1.0, 3.0]),
    delimiter=st.sampled_from(["_", "_", "__", "_-_", "ab", "é"]),
    connector_words=st.sampled_from([(), ("the", "of"), ("the", "_", "a_b", "absent"), ("b",)]),
) | st.builds(
    PhraseRule,
    passes=st.integers(1, 3),
    min_count=st.sampled_from([0.5, 1, 2]),
    threshold=st.sampled_from([-1.0, 0.0, 0.3, 1.0]),
    scoring=st.just("npmi"),
    delimiter=st.sampled_from(["_", "_", "a_"]),
    connector_words=st.sampled_from([(), ("the", "of"), ("the", "_b", "b_a")]),
)
SENTENCES = st.integers(2, len(WORDS)).flatmap(
    lambda n: st.lists(st.lists(st.sampled_from(WORDS[:n]), min_size=1, max_size=9), max_size=9)
) | st.lists(st.lists(st.sampled_from(["a", "b", "the", "of"]), min_size=1), max_size=4)


@settings(max_examples=200)
@given(
    sentences=SENTENCES,
    rule=RULES,
    size=st.sampled_from([1, 2, 3, 7, 1000]),
    memory_keys=st.sampled_from([1, 2, 5, 1 << 24]),
    base=st.sampled_from([0, 1, spellings._BASE]),
    # A low one divides the candidates by what is between their words.
    key_limit=st.sampled_from([1, 200, candidates._KEY_LIMIT]),
    block=st.sampled_from([1, 3, 1 << 16]),
)
def test_same_as_with_strings(
    sentences: Sentences,
    rule: PhraseRule,
    size: int,
    memory_keys: int,
    base: int,
    key_limit: int,
    block: int,
) -> None:
    text = as_text(sentences)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spellings, "_BASE", base)  # 0 and 1 give different spellings equal hashes
        patch.setattr(candidates, "_KEY_LIMIT", key_limit)
        patch.setattr(spellings, "_WORDS", block)
        patch.setattr(candidates, "_PIECE", block)
        for _ in range(rule.passes):
            sentences, accepted = slow_pass(sentences, rule)
            joined, table = one_pass(text, rule, size, memory_keys)
            assert joined.sentences() == sentences
            assert found(table, text.words) == accepted
            text = joined


def natural(seed: int, n: int = 20_000) -> Sentences:
    """Sentences of some 200 words, rare and frequent, many side by side more often than not."""
    rng = np.random.default_rng(seed)
    words = ["the", "of", "a", "and", *(f"w{i}" for i in range(160)), "w_1", "w1_w2", "_", "x__y"]
    ranks = np.minimum(rng.zipf(1.3, n), len(words)) - 1
    after = rng.integers(len(words), size=len(words))
    tokens = [0]
    for rank, follows in zip(ranks.tolist(), (rng.random(n) < 0.4).tolist(), strict=True):
        tokens.append(int(after[tokens[-1]]) if follows else rank)
    cuts = np.flatnonzero(rng.random(n) < 0.08).tolist()
    spelled = [words[token] for token in tokens]
    parts = [spelled[i:j] for i, j in itertools.pairwise([0, *cuts, n + 1])]
    return [part for part in parts if part]


def check_against_gensim(sentences: Sentences, rule: PhraseRule) -> None:
    models = pytest.importorskip("gensim.models.phrases")
    text = as_text(sentences)
    for _ in range(rule.passes):
        peer = models.Phrases(
            sentences,
            min_count=rule.min_count,
            threshold=rule.threshold,
            scoring=rule.scoring,
            delimiter=rule.delimiter,
            connector_words=frozenset(rule.connector_words),
        )
        joined, table = one_pass(text, rule)
        n_found = len(table)
        assert n_found
        for words, (count, score) in found(table, text.words).items():
            joined_word, expected = peer.score_candidate(words[0], words[-1], list(words[1:-1]))
            assert joined_word == rule.delimiter.join(words)
            assert count == peer.vocab[joined_word]
            assert score == pytest.approx(expected, rel=1e-9)
        if not any(rule.delimiter in word for word in text.words):
            exported = {phrase.joined: phrase.score for phrase in phrase_lines(table)}
            assert exported == pytest.approx(peer.export_phrases(), rel=1e-9)
        sentences = [peer[sentence] for sentence in sentences]
        assert joined.sentences() == sentences
        text = joined


@pytest.mark.parametrize("connector_words", [(), ("the", "of", "a")])
@pytest.mark.parametrize(("scoring", "threshold"), [("default", 2.0), ("npmi", 0.3)])
@pytest.mark.parametrize("delimiter", ["_", "__"])
def test_same_as_gensim(
    connector_words: tuple[str, ...], scoring: Any, threshold: float, delimiter: str
) -> None:
    rule = PhraseRule(3, 5, threshold, scoring, delimiter, connector_words)
    check_against_gensim(natural(seed=len(delimiter)), rule)


@pytest.mark.parametrize("connector_words", [(), ENGLISH_CONNECTOR_WORDS])
@pytest.mark.parametrize(("scoring", "threshold"), [("default", 10.0), ("npmi", 0.4)])
def test_same_as_gensim_on_wikipedia(
    connector_words: frozenset[str], scoring: Any, threshold: float
) -> None:
    if not (DATA / "enwiki8.xz").exists():
        pytest.skip("no shared/data beside this checkout")
    with lzma.open(DATA / "enwiki8.xz") as file:
        words = file.read(600_000).decode().split()
    sentences = [words[i : i + 25] for i in range(0, len(words), 25)]
    check_against_gensim(sentences, PhraseRule(2, 5, threshold, scoring, "_", connector_words))


def test_english_connector_words_are_those_of_gensim() -> None:
    models = pytest.importorskip("gensim.models.phrases")
    assert models.ENGLISH_CONNECTOR_WORDS == ENGLISH_CONNECTOR_WORDS


@pytest.mark.parametrize("scoring", ["default", "npmi"])
def test_chunks_and_memory_do_not_matter(scoring: Any) -> None:
    rule = PhraseRule(1, 2, 0.2, scoring, connector_words=("the", "of", "and"))
    text = as_text(natural(seed=5, n=6000))
    joined, table = one_pass(text, rule)
    assert len(table) > 50
    assert any(table.between)
    for size, memory_keys in ((700, 100), (1 << 18, 3000), (37, 1 << 12)):
        again, other = one_pass(text, rule, size, memory_keys)
        assert again.tokens.tolist() == joined.tokens.tolist()
        for name in ("connectors", "first", "second", "numbers", "counts", "scores"):
            values = getattr(other, name)
            assert values.dtype == getattr(table, name).dtype
            assert values.tolist() == getattr(table, name).tolist(), name
        for name in ("n_words", "between", "spelled", "new_words"):
            assert getattr(other, name) == getattr(table, name), name


def test_chunks_do_not_matter_to_the_order() -> None:
    text = as_text([["of"], ["the"], *([["a", "the", "b"]] * 2), *([["a", "of", "b"]] * 3)])
    rule = PhraseRule(1, 1, 0.1, connector_words=["of", "the"])
    tables = [one_pass(text, rule, size)[1] for size in (1, 3, 1000)]
    assert [table.spelled for table in tables] == [("a_of_b", "a_the_b")] * 3
    assert [table.counts.tolist() for table in tables] == [[3, 2]] * 3


@given(
    parts=st.lists(st.lists(st.integers(-9, 9) | st.sampled_from([-(2**63), 2**63 - 1]))),
    memory_keys=st.integers(1, 12),
    piece=st.integers(1, 12),
)
def test_counts_keys(parts: list[list[int]], memory_keys: int, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch, candidates.KeyCounter(memory_keys) as counter:
        patch.setattr(candidates, "_PIECE", piece)
        for part in parts:
            counter.add(np.array(part, np.int64))
        rounds = [list(counter.pieces()) for _ in range(2)]
    expected = sorted(Counter(itertools.chain.from_iterable(parts)).items())
    for pieces in rounds:
        assert all(keys.size <= max(memory_keys, len(counter._ends) + 1) for keys, _ in pieces)
        pairs = [zip(keys.tolist(), counts.tolist(), strict=True) for keys, counts in pieces]
        assert list(itertools.chain.from_iterable(pairs)) == expected


def test_joins_in_place_and_in_new_texts() -> None:
    """What was learned from one text joins others, with other sentences of the same words."""
    text = as_text([["new", "york", "is", "big"], ["new", "york"], ["is", "new"], ["big", "york"]])
    table = learn_phrases(text.words, text.counts, text.chunks(), PhraseRule(1, 1, 0.5))
    assert table.spelled == ("new_york",)
    new, york, is_, joined = 0, 1, 2, 4
    assert table.numbers.tolist() == [joined]
    chunks = [[~new], [new, york, new], [], [~york], [~new, york, york, new], [york, is_]]
    pieces = list(join_phrases([np.array(chunk, np.int32) for chunk in chunks], table))
    expected = [~new, joined, new, ~york, ~joined, york, joined, is_]
    assert np.concatenate(pieces).tolist() == expected


def test_joined_text_is_never_ahead() -> None:
    text = as_text(natural(seed=3, n=3000))
    read = written = 0

    def chunks() -> Iterator[NDArray[np.int32]]:
        nonlocal read
        read = 0
        for chunk in text.chunks(100)():
            read += chunk.size
            yield chunk

    def write(piece: NDArray[np.int32]) -> None:
        nonlocal written
        written += piece.size
        assert written <= read

    done = phrase_pass(text.words, text.counts, chunks, PhraseRule(1, 2, 1.0), write)
    assert 0 < written == done.counts.sum() < text.tokens.size


def test_words_that_occur_nowhere_do_not_count() -> None:
    text = as_text([["a", "b", "c"], ["a", "b"]])
    rule = PhraseRule(1, 1, 0.1)
    counts = np.append(text.counts, [0, 0])
    table = learn_phrases(ListedWords([*text.words, "a_b", "x"]), counts, text.chunks(), rule)
    alone = learn_phrases(text.words, text.counts, text.chunks(), rule)
    assert table.scores.tolist() == alone.scores.tolist() == [(2 - 1) / 4 * 5]


@pytest.mark.parametrize(
    ("delimiter", "sentences"),
    [
        ("_", [["a_b", "c"], ["a", "b"], ["a_b", "c"], ["a", "b_c"], ["a", "b"]]),
        ("_", [["a", "the", "b"], ["a", "the_b"], ["a_the", "b"], ["a_the_b", "c"]] * 2),
        ("__", [["a_", "b"], ["a", "_b"], ["a", "_b"], ["a_", "b"], ["c", "c"]]),
        ("_-_", [["a_-", "b"], ["a", "-_b"], ["a_-", "b"], ["a", "-_b"], ["a", "b"]]),
        ("_", [["", "_"], ["_", ""], ["", "", ""], ["__", "a"], ["", "_"]]),
    ],
)
def test_different_candidates_with_one_spelling(delimiter: str, sentences: Sentences) -> None:
    rule = PhraseRule(1, 1, 0.1, "default", delimiter, ["the"])
    expected, accepted = slow_pass(sentences, rule)
    text = as_text(sentences)
    joined, table = one_pass(text, rule)
    assert found(table, text.words) == accepted
    assert joined.sentences() == expected


@pytest.mark.parametrize("scoring", ["default", "npmi"])
def test_phrases_score_above_the_threshold(scoring: Any) -> None:
    text = as_text(natural(seed=7, n=2000))
    table = learn_phrases(
        text.words, text.counts, text.chunks(), PhraseRule(1, 1, 1e-9, scoring, "~")
    )
    scores = np.sort(table.scores)
    score = float(scores[scores.size // 2])
    for threshold, n in [
        (score, (scores > score).sum()),
        (float(np.nextafter(score, 0)), (scores >= score).sum()),
    ]:
        rule = PhraseRule(1, 1, threshold, scoring, "~")
        assert len(learn_phrases(text.words, text.counts, text.chunks(), rule)) == n


@pytest.mark.parametrize("scoring", ["default", "npmi"])
def test_uncounted_words_belong_to_no_phrase(scoring: Any) -> None:
    sentences = [["a", "b", "x_", "c", "the", "x"]] * 3 + [["x", "x_", "x", "a", "b"], ["c", "a"]]
    text = as_text(sentences)
    uncounted = [text.words.index("x"), text.words.index("x_")]
    counts = text.counts.copy()
    counts[uncounted] = 0
    words = ListedWords("" if i in uncounted else word for i, word in enumerate(text.words))
    rule = PhraseRule(1, 1, 0.1, scoring, connector_words=["the"])
    pieces: list[NDArray[np.int32]] = []
    done = phrase_pass(words, counts, text.chunks(5), rule, pieces.append)
    assert done.table.spelled == ("a_b",)
    joined = ListedWords(itertools.chain.from_iterable(done.spellings(words)))
    assert joined == ["a_b", "", "c", "the", "", "a"]
    assert done.counts.tolist() == [4, 0, 4, 3, 0, 1]
    assert Text(joined, done.counts, np.concatenate(pieces)).sentences() == [
        *([["a_b", "", "c", "the", ""]] * 3),
        ["", "", "", "a_b"],
        ["c", "a"],
    ]


def test_joined_word_that_exists() -> None:
    text = as_text([["a_b", "c"], ["a", "b"], ["a", "b"], ["a", "b"]])
    joined, table = one_pass(text, PhraseRule(1, 1, 0.1))
    assert table.spelled == ("a_b",)
    assert table.new_words == ()
    assert table.counts.tolist() == [4]
    assert joined.words == ["a_b", "c"]
    assert joined.counts.tolist() == [4, 1]


def test_lines_are_sorted_and_different() -> None:
    sentences = [["a_b", "c"]] * 3 + [["a", "b_c"]] * 2 + [["x", "y"]] * 3 + [["u", "v"]] * 3
    text = as_text([*sentences, ["b_c"], ["b_c"]])
    table = learn_phrases(text.words, text.counts, text.chunks(), PhraseRule(1, 1, 0.1))
    # 8 words and 3 strings of candidates; a_b_c stands for 5 candidates of two kinds.
    assert sorted(zip(table.spelled, table.counts, table.scores, strict=True)) == [
        ("a_b_c", 5, 4 / 9 * 11),
        ("a_b_c", 5, 4 / 8 * 11),
        ("u_v", 3, 2 / 9 * 11),
        ("x_y", 3, 2 / 9 * 11),
    ]
    assert phrase_lines(table) == [
        Phrase("a_b_c", 5, 4 / 8 * 11),
        Phrase("u_v", 3, 2 / 9 * 11),
        Phrase("x_y", 3, 2 / 9 * 11),
    ]


@pytest.mark.parametrize("scoring", ["default", "npmi"])
@pytest.mark.parametrize("sentences", [[], [["a"]], [["the", "of"], ["the"]], [["a_b"], ["the"]]])
def test_texts_without_candidates(sentences: Sentences, scoring: Any) -> None:
    rule = PhraseRule(1, 1, 0.5, scoring, connector_words=["the", "of"])
    joined, table = one_pass(as_text(sentences), rule)
    assert joined.sentences() == sentences
    assert phrase_lines(table) == []


def test_only_connector_words_with_the_delimiter() -> None:
    rule = PhraseRule(1, 1, 0.5, connector_words=["a_b"])
    joined, _ = one_pass(as_text([["a_b", "a_b"]]), rule)
    assert joined.sentences() == [["a_b", "a_b"]]


def test_long_sequences_of_connector_words() -> None:
    sentence = ["a", *["the"] * 3000, "b"]
    text = as_text([sentence, sentence, ["a"], ["the", "b"]])
    joined, table = one_pass(text, PhraseRule(1, 1, 0.1, connector_words=["the"]), 1000)
    assert table.spelled == ("a" + "_the" * 3000 + "_b",)
    assert joined.sentences() == [[table.spelled[0]], [table.spelled[0]], ["a"], ["the", "b"]]


def weak_hashes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the first hash of candidates be the sum of their numbers; give the seeds in use."""

    class Zeros:
        def integers(self, *args: Any, size: int, **kinds: Any) -> NDArray[np.uint64]:
            return np.zeros(size, np.uint64)

    def default_rng(seed: int) -> Any:
        seeds.append(seed)
        return real(seed) if seed else Zeros()

    seeds: list[int] = []
    real = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", default_rng)
    return seeds


def test_phrases_with_equal_hashes_get_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = weak_hashes(monkeypatch)
    text = as_text([["a", "b"], ["b", "a"]] * 3)
    joined, table = one_pass(text, PhraseRule(1, 1, 0.1))
    assert table.spelled == ("a_b", "b_a")
    assert seeds == [0, 1]
    assert joined.sentences() == [["a_b"], ["b_a"]] * 3


def test_hashes_alone_make_no_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = weak_hashes(monkeypatch)
    others = [["a", "d"], ["c", "b"], ["c", "the", "c"], ["b", "the", "d"], ["d", "a"]]
    text = as_text([["a", "b", "c", "d", "the"], *([["b", "c"]] * 4), *others])
    assert text.words == ["a", "b", "c", "d", "the"]
    rule = PhraseRule(1, 2, 0.1, connector_words=["the"])
    joined, table = one_pass(text, rule)
    assert table.spelled == ("b_c",)
    assert seeds == [0]
    assert joined.sentences() == [["a", "b_c", "d", "the"], *([["b_c"]] * 4), *others]


def test_counts_must_be_those_of_the_words() -> None:
    text = as_text([["a", "b"]])
    with pytest.raises(ValueError, match=r"counts must be of shape \(2,\), not \(1,\)"):
        learn_phrases(text.words, text.counts[:1], text.chunks(), PhraseRule())


def test_full_disk_is_a_corpus_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> int:
        raise CorpusError("cannot write a temporary file")

    monkeypatch.setattr("xw2v.text.spool.Spool.append", full)
    text = as_text(natural(seed=1, n=100))
    with pytest.raises(CorpusError, match="temporary file"):
        learn_phrases(text.words, text.counts, text.chunks(), PhraseRule(), memory_keys=2)


def test_defaults_are_those_of_gensim() -> None:
    rule = PhraseRule()
    assert (rule.passes, rule.min_count, rule.threshold) == (1, 5, 10.0)
    assert (rule.scoring, rule.delimiter, rule.connector_words) == ("default", "_", ())


def test_rules_are_normalized() -> None:
    rule = PhraseRule(
        np.int64(2),  # type: ignore[arg-type]
        np.float32(2.5),  # type: ignore[arg-type]
        np.int64(3),  # type: ignore[arg-type]
        connector_words=["of", "a", "of"],
    )
    assert rule == PhraseRule(2, 2.5, 3, connector_words={"a", "of"})
    assert rule.connector_words == ("a", "of")
    assert all(type(value) in (int, float) for value in (rule.passes, rule.min_count))
    assert hash(rule) == hash(PhraseRule(2, 2.5, 3, connector_words=("a", "of")))
    assert PhraseRule(scoring="npmi", threshold=-1).threshold == -1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"passes": 0}, "passes must be a whole number of at least 1, not 0"),
        ({"passes": 1.5}, "passes must be a whole number"),
        ({"passes": True}, "passes must be a whole number"),
        ({"min_count": 0}, "min_count of phrases must be above 0, not 0"),
        ({"min_count": "5"}, "min_count of phrases must be a finite number, not '5'"),
        ({"threshold": math.nan}, "threshold of phrases must be a finite number, not nan"),
        ({"threshold": math.inf}, "threshold of phrases must be a finite number"),
        ({"threshold": True}, "threshold of phrases must be a finite number"),
        ({"threshold": 0}, "threshold must be above 0 for scoring 'default', not 0"),
        ({"scoring": "npmi"}, "threshold must be between -1 and 1 for scoring 'npmi', not 10.0"),
        ({"scoring": "npmi", "threshold": -1.1}, "threshold must be between -1 and 1"),
        ({"scoring": "pmi"}, "scoring must be 'default' or 'npmi', not 'pmi'"),
        ({"delimiter": ""}, "delimiter must be .* without white space, not ''"),
        ({"delimiter": "_ _"}, "delimiter must be .* without white space, not '_ _'"),
        ({"delimiter": "_\u3000"}, "delimiter must be .* without white space"),
        ({"delimiter": b"_"}, "delimiter must be a string"),
        ({"delimiter": "\ud800"}, "cannot be written as UTF-8"),
        ({"connector_words": "the"}, "connector_words must be a collection of words, not 'the'"),
        ({"connector_words": [1]}, "connector_words must be a collection of words"),
        ({"connector_words": None}, "connector_words must be a collection of words, not None"),
    ],
)
def test_rules_that_cannot_work(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        PhraseRule(**values)
    assert isinstance(caught.value, XW2VError)

import logging
from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import numpy.typing as npt
import pytest

from xw2v.errors import ConfigError, UnknownWordError, XW2VError
from xw2v.vectors import WordVectors

Vectors = npt.NDArray[np.float32]
KeyedVectors = Callable[[list[str], npt.NDArray[Any]], Any]

WORDS = [f"w{i}" for i in range(60)]


def random_vectors(rows: int = 60, size: int = 8, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)


@pytest.fixture
def wv() -> WordVectors:
    return WordVectors(WORDS, random_vectors(), np.arange(60, 0, -1))


# Looking up


def test_lookup(wv: WordVectors) -> None:
    vectors = random_vectors()
    assert len(wv) == 60
    assert wv.vector_size == 8
    assert wv.index_to_key == WORDS
    assert wv.key_to_index["w7"] == 7
    assert "w7" in wv
    assert "nope" not in wv
    assert 7 not in wv
    np.testing.assert_array_equal(wv["w7"], vectors[7])
    np.testing.assert_array_equal(wv[["w7", "w3", "w7"]], vectors[[7, 3, 7]])
    np.testing.assert_array_equal(wv[("w1", "w2")], vectors[[1, 2]])
    assert wv[[]].shape == (0, 8)
    np.testing.assert_array_equal(wv.get_vector("w7"), vectors[7])
    np.testing.assert_allclose(np.linalg.norm(wv.get_vector("w7", norm=True)), 1, rtol=1e-6)
    assert wv.get_vecattr("w7", "count") == 53
    assert "60 words, 8 dimensions" in repr(wv)


def test_unit_vectors_are_computed_once(wv: WordVectors) -> None:
    unit = wv.get_normed_vectors()
    assert unit is wv.get_normed_vectors()
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)


def test_vectors_are_not_copied_and_cannot_be_changed_by_accident() -> None:
    vectors = random_vectors()
    wv = WordVectors(WORDS, vectors)
    assert np.shares_memory(wv.vectors, vectors)
    for array in (wv.vectors, wv["w1"], wv.get_normed_vectors()):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    vectors[0, 0] = 1  # the caller's own array stays writable


@pytest.mark.parametrize(
    ("words", "vectors", "counts", "message"),
    [
        (["a", "b"], np.zeros((3, 2), np.float32), None, "each of the 2 words"),
        (["a", "b"], np.zeros(2, np.float32), None, "each of the 2 words"),
        (["a", "b"], np.zeros((2, 2), np.int64), None, "float32 or float64"),
        (["a", "b"], np.full((2, 2), np.nan), None, "finite"),
        (["a", "b"], np.full((2, 2), np.inf), None, "finite"),
        (["a", "b", "a"], np.zeros((3, 2)), None, "'a' occurs more than once"),
        (["a", "b"], np.zeros((2, 2)), [1], "one entry for each of the 2 words"),
    ],
)
def test_unsound_arguments_are_refused(
    words: list[str], vectors: npt.NDArray[Any], counts: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        WordVectors(words, vectors, counts)


def test_unknown_words_are_refused_with_close_spellings() -> None:
    wv = WordVectors(["the", "Paris", "café"], random_vectors(3))
    questions: list[Callable[[], object]] = [
        lambda: wv["paris"],
        lambda: wv[["the", "paris"]],
        lambda: wv.get_vector("paris", norm=True),
        lambda: wv.get_vecattr("paris", "count"),
        lambda: wv.similarity("the", "paris"),
        lambda: wv.most_similar("paris"),
        lambda: wv.most_similar(["the"], [("paris", 0.5)]),
        lambda: wv.similar_by_word("paris"),
        lambda: wv.doesnt_match(["paris"]),
    ]
    for ask in questions:
        with pytest.raises(UnknownWordError, match="did you mean Paris") as caught:
            ask()
        assert isinstance(caught.value, KeyError)
        assert caught.value.suggestions == ("Paris",)
    with pytest.raises(UnknownWordError) as caught:
        wv["cafe"]
    assert caught.value.suggestions[0] == "café"


def test_counts_are_optional(wv: WordVectors) -> None:
    with pytest.raises(ConfigError, match="no word counts"):
        WordVectors(WORDS, random_vectors()).get_vecattr("w1", "count")
    with pytest.raises(ConfigError, match="'sample_int'"):
        wv.get_vecattr("w1", "sample_int")


# Neighbors


def test_most_similar_is_the_brute_force_ranking(wv: WordVectors) -> None:
    vectors = random_vectors().astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    query = (unit[3] + unit[4] - unit[5]) / 3
    scores = unit @ query / np.linalg.norm(query)
    expected = [i for i in np.argsort(-scores) if i not in (3, 4, 5)][:7]
    found = wv.most_similar(["w3", "w4"], "w5", topn=7)
    assert [word for word, _ in found] == [WORDS[i] for i in expected]
    np.testing.assert_allclose([score for _, score in found], scores[expected], atol=1e-6)
    assert all(type(score) is float for _, score in found)


def test_topn_and_restrict_vocab(wv: WordVectors) -> None:
    assert len(wv.most_similar("w3")) == 10
    assert len(wv.most_similar("w3", topn=1000)) == 59
    assert len(wv.most_similar("w3", topn=1000, restrict_vocab=1000)) == 59
    few = wv.most_similar("w3", topn=1000, restrict_vocab=20)
    assert {word for word, _ in few} == set(WORDS[:20]) - {"w3"}
    # The query may lie outside the words that are searched.
    assert len(wv.most_similar("w50", topn=1000, restrict_vocab=20)) == 20
    scores = wv.most_similar("w3", topn=None)
    assert scores.shape == (60,)
    np.testing.assert_allclose(scores[3], 1, rtol=1e-6)
    assert wv.most_similar("w3", topn=None, restrict_vocab=20).shape == (20,)
    assert wv.most_similar("w3", topn=np.int64(2)) == wv.most_similar("w3", topn=2)  # type: ignore[call-overload]


@pytest.mark.parametrize("topn", [0, -1, 2.0, "3", True])
def test_topn_must_be_a_positive_whole_number(wv: WordVectors, topn: Any) -> None:
    with pytest.raises(ConfigError, match="topn must be a whole number of at least 1"):
        wv.most_similar("w3", topn=topn)


@pytest.mark.parametrize("restrict_vocab", [0, -1, 2.5])
def test_restrict_vocab_must_be_a_positive_whole_number(
    wv: WordVectors, restrict_vocab: Any
) -> None:
    with pytest.raises(ConfigError, match="restrict_vocab must be"):
        wv.most_similar("w3", restrict_vocab=restrict_vocab)


@pytest.mark.parametrize(
    ("positive", "message"),
    [
        ([], "at least one word"),
        ([3], "neither a word nor a vector"),
        ([("w1", "w2")], "a tuple must be"),
        ([("w1", 1.0, 2.0)], "a tuple must be"),
        ([np.zeros(3)], "8 entries"),
        ([np.full(8, np.nan)], "NaN"),
        ([("w1", float("inf"))], "NaN"),
    ],
)
def test_queries_that_cannot_work_are_refused(wv: WordVectors, positive: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        wv.most_similar(positive)


def test_a_key_must_be_a_string(wv: WordVectors) -> None:
    with pytest.raises(ConfigError, match="a word is a string, not 3"):
        wv[3]  # type: ignore[index]
    with pytest.raises(ConfigError, match="a word is a string, not 3"):
        wv[["w1", 3]]  # type: ignore[list-item]


def test_equal_scores_come_in_the_order_of_the_rows() -> None:
    # Exact in floating point: the products are 0, 1 and nothing else.
    vectors = np.zeros((40, 4), np.float32)
    vectors[:, 1] = 1
    vectors[::3] = [1, 0, 0, 0]
    wv = WordVectors(WORDS[:40], vectors)
    ones = [WORDS[i] for i in range(3, 40, 3)]
    zeros = [WORDS[i] for i in range(40) if i % 3]
    for topn in range(1, 40):
        assert [word for word, _ in wv.most_similar("w0", topn=topn)] == (ones + zeros)[:topn]


# Zero vectors and extremes


def test_zero_vectors_are_similar_to_nothing() -> None:
    vectors = random_vectors(5)
    vectors[1] = 0
    vectors[4] = 0
    wv = WordVectors(WORDS[:5], vectors)
    assert wv.similarity("w1", "w0") == 0
    assert wv.similarity("w1", "w1") == 0
    assert dict(wv.most_similar("w0"))["w1"] == 0
    assert wv.most_similar("w1") == [("w0", 0), ("w2", 0), ("w3", 0), ("w4", 0)]
    assert wv.most_similar("w0", "w0") == [(word, 0) for word in WORDS[1:5]]
    assert wv.doesnt_match(["w1", "w4"]) == "w1"
    np.testing.assert_array_equal(wv.get_vector("w1", norm=True), np.zeros(8))


# The odd one out


def test_doesnt_match(wv: WordVectors, caplog: pytest.LogCaptureFixture) -> None:
    vectors = np.asarray([[1, 0.1], [1, 0], [-1, 0], [1, -0.1]], np.float32)
    meals = WordVectors(["breakfast", "lunch", "stone", "dinner"], vectors)
    assert meals.doesnt_match(["breakfast", "stone", "lunch", "dinner"]) == "stone"
    with caplog.at_level(logging.WARNING, logger="xw2v"):
        assert meals.doesnt_match(["breakfast", "stone", "lunch", "brunchy"]) == "stone"
    assert "'brunchy'" in caplog.text
    with pytest.raises(ConfigError, match="at least one word"):
        wv.doesnt_match([])
    with pytest.raises(ConfigError, match="pass a list"):
        wv.doesnt_match("w1 w2 w3")


# Other arrays


def test_queries_need_only_the_array_api() -> None:
    vectors = random_vectors()
    strict = WordVectors(WORDS, array_api_strict.asarray(vectors))
    wv = WordVectors(WORDS, vectors)
    assert strict.similarity("w1", "w2") == pytest.approx(wv.similarity("w1", "w2"), abs=1e-6)
    assert strict.doesnt_match(WORDS[:9]) == wv.doesnt_match(WORDS[:9])
    np.testing.assert_allclose(np.asarray(strict[["w1", "w2"]]), vectors[1:3])
    ours, expected = (w.most_similar(["w1", "w2"], ["w3"], topn=5) for w in (strict, wv))
    assert [word for word, _ in ours] == [word for word, _ in expected]


# gensim


@pytest.fixture(params=[np.float32, np.float64])
def both(request: pytest.FixtureRequest, keyed_vectors: KeyedVectors) -> tuple[WordVectors, Any]:
    vectors = random_vectors(300, 16, seed=3).astype(request.param)
    words = [f"w{i}" for i in range(300)]
    return WordVectors(words, vectors, np.arange(300)), keyed_vectors(words, vectors.copy())


def test_gensim_gives_the_same_neighbors(both: tuple[WordVectors, Any]) -> None:
    wv, reference = both
    vector = random_vectors(1, 16, seed=4)[0].astype(wv.vectors.dtype)
    queries: list[dict[str, Any]] = [
        {"positive": "w3"},
        {"positive": ["w3"], "topn": 3},
        {"positive": ["w3", "w4", "w4"], "negative": ["w5"]},
        {"negative": "w5"},
        {"negative": ["w5", "w6"], "topn": 1},
        {"positive": [("w3", 2.5), "w9"], "negative": [("w4", -0.3), "w8"]},
        {"positive": vector},
        {"positive": [vector, "w1"], "negative": [(vector[::-1].copy(), -2.0)]},
        {"positive": np.stack([vector, vector[::-1]])},
        {"positive": "w3", "restrict_vocab": 50},
        {"positive": "w250", "restrict_vocab": 50, "topn": 500},
        {"positive": "w3", "topn": 1000},
    ]
    for query in queries:
        ours, theirs = wv.most_similar(**query), reference.most_similar(**query)
        assert [word for word, _ in ours] == [word for word, _ in theirs], query
        np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], atol=2e-6)
        everything = {**query, "topn": None}
        np.testing.assert_allclose(
            wv.most_similar(**everything), reference.most_similar(**everything), atol=2e-6
        )
    for ours, theirs in (
        (wv.similar_by_word("w3", 4, 99), reference.similar_by_word("w3", 4, 99)),
        (wv.similar_by_vector(vector, 4, 99), reference.similar_by_vector(vector, 4, 99)),
    ):
        assert [word for word, _ in ours] == [word for word, _ in theirs]


def test_gensim_gives_the_same_lookups(both: tuple[WordVectors, Any]) -> None:
    wv, reference = both
    assert len(wv) == len(reference)
    assert wv.vector_size == reference.vector_size
    assert wv.index_to_key == reference.index_to_key
    assert wv.key_to_index == reference.key_to_index
    np.testing.assert_array_equal(wv["w9"], reference["w9"])
    np.testing.assert_array_equal(wv[["w9", "w1"]], reference[["w9", "w1"]])
    for ours, theirs in (
        (wv.get_vector("w9", norm=True), reference.get_vector("w9", norm=True)),
        (wv.get_normed_vectors(), reference.get_normed_vectors()),
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for start in range(0, 300, 10):
        words = wv.index_to_key[start : start + 5]
        assert wv.doesnt_match(words) == reference.doesnt_match(words)
    # Last, because gensim's similarity scales float64 vectors in place.
    for pair in (("w1", "w2"), ("w7", "w7")):
        assert wv.similarity(*pair) == pytest.approx(float(reference.similarity(*pair)), abs=1e-6)


def test_gensim_fails_where_we_fail(both: tuple[WordVectors, Any]) -> None:
    for vectors in both:
        with pytest.raises(KeyError):
            vectors["nope"]
        with pytest.raises(KeyError):
            vectors.most_similar("nope")
        with pytest.raises(ValueError, match=r"no input|at least one word"):
            vectors.most_similar([])
    assert issubclass(UnknownWordError, XW2VError)

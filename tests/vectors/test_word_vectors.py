import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from array_api_compat import array_namespace, is_numpy_array

from tests.backend.fakes import fake_cupy, no_cupy
from tests.conftest import to_host
from xw2v.backend import Device
from xw2v.errors import ConfigError, DeviceError, UnknownWordError, XW2VError
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
    assert 7 in wv
    assert 60 not in wv
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


@pytest.mark.parametrize("topn", [2.0, "3", True])
def test_topn_must_be_a_whole_number(wv: WordVectors, topn: Any) -> None:
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
        ([3.5], "neither a word nor a vector"),
        (3.5, "neither a word nor a vector"),
        ([True], "neither a word nor a vector"),
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


def test_a_row_is_as_good_as_its_word(wv: WordVectors) -> None:
    np.testing.assert_array_equal(wv[3], wv["w3"])
    np.testing.assert_array_equal(wv[["w1", 3]], wv[["w1", "w3"]])
    assert wv.most_similar(3) == wv.most_similar("w3")
    assert wv.most_similar([3], np.int64(4)) == wv.most_similar("w3", "w4")
    assert wv.get_vecattr(3, "count") == 57
    for row in (60, -1):
        assert row not in wv
        with pytest.raises(UnknownWordError, match=f"'{row}' is not in the vocabulary"):
            wv[row]


@pytest.mark.parametrize("key", [None, 3.0, True, b"w3"])
def test_a_key_must_be_a_word_or_a_row(wv: WordVectors, key: Any) -> None:
    assert key not in wv
    with pytest.raises(ConfigError, match="a word is a string, or its row, not"):
        wv.get_vector(key)
    with pytest.raises(ConfigError, match="a word is a string, or its row, not"):
        wv[["w1", key]]


def test_get_index(wv: WordVectors) -> None:
    assert wv.get_index("w7") == 7
    assert wv.get_index("w7", -1) == 7
    assert wv.get_index("nope", -1) == -1
    assert wv.get_index(60, 5) == 5
    assert wv.has_index_for("w7")
    assert not wv.has_index_for("nope")


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


def test_words_ranked_by_centrality() -> None:
    vectors = np.asarray([[1, 0.1], [1, 0], [-1, 0], [1, -0.1]], np.float32)
    meals = WordVectors(["breakfast", "lunch", "stone", "dinner"], vectors)
    ranked = meals.rank_by_centrality(["breakfast", "stone", "lunch", "dinner"])
    assert ranked[0][1] == "lunch"
    assert ranked[-1][1] == "stone"
    np.testing.assert_allclose([score for score, _ in ranked[::3]], [1, -1], atol=1e-6)


# Means and distances


def test_mean_vectors(wv: WordVectors) -> None:
    vectors = random_vectors()
    unit = wv.get_normed_vectors()
    extra = np.arange(8, dtype=np.float32)
    mean = wv.get_mean_vector(["w1", "w2", extra], [1, -2, 3])
    np.testing.assert_allclose(mean, (unit[1] - 2 * unit[2] + 3 * extra) / 6, rtol=1e-5)
    assert mean.dtype == np.float32
    raw = wv.get_mean_vector(["w1", "w2"], pre_normalize=False)
    np.testing.assert_allclose(raw, vectors[1:3].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(
        wv.get_mean_vector(["w1", "w2"], post_normalize=True),
        (unit[1] + unit[2]) / np.linalg.norm(unit[1] + unit[2]),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(wv.get_mean_vector(["w1", "nope"]), wv.get_mean_vector(["w1"]))
    with pytest.raises(UnknownWordError):
        wv.get_mean_vector(["w1", "nope"], ignore_missing=False)
    with pytest.raises(UnknownWordError):
        wv.get_mean_vector(["nope"])
    unsound: list[tuple[Any, Any]] = [([], None), (["w1"], [1, 2]), ("w1", None)]
    for keys, weights in unsound:
        with pytest.raises(ConfigError, match="a mean"):
            wv.get_mean_vector(keys, weights)


def test_distances_of_many_are_those_of_pairs(wv: WordVectors) -> None:
    all_of_them = wv.distances("w3")
    for word in ("w3", "w8", "w59"):
        assert all_of_them[wv.get_index(word)] == pytest.approx(wv.distance("w3", word), abs=1e-6)
    np.testing.assert_allclose(wv.distances(wv["w3"], ["w8", "w3"]), all_of_them[[8, 3]], atol=1e-6)
    nearest = [word for word, _ in wv.most_similar("w3", topn=59)]
    assert [wv.rank("w3", word) for word in nearest] == list(range(1, 60))
    assert set(wv.closer_than("w3", nearest[5])) == set(nearest[:5])
    assert wv.most_similar_to_given("w3", nearest[::-1]) == nearest[0]
    with pytest.raises(ConfigError, match="at least one"):
        wv.most_similar_to_given("w3", [])


def test_documents_that_have_no_known_word_are_infinitely_far(wv: WordVectors) -> None:
    assert wv.wmdistance(["nope"], ["w1"]) == np.inf
    assert wv.wmdistance(["w1"], []) == np.inf
    with pytest.raises(ConfigError, match="a document is a list"):
        wv.wmdistance("w1 w2", ["w1"])


# Some of the words


def test_clipping_searches_some_rows(wv: WordVectors) -> None:
    def within(neighbors: list[tuple[str, float]]) -> list[tuple[str, float]]:
        return [pair for pair in neighbors if 20 <= wv.get_index(pair[0]) < 40]

    for word in ("w3", "w25"):
        kept = within(wv.most_similar(word, topn=59))
        found = wv.most_similar(word, topn=59, clip_start=20, clip_end=40)
        assert [name for name, _ in found] == [name for name, _ in kept]
    assert wv.most_similar("w3", clip_start=60) == []
    assert wv.most_similar_batch(["w3"], clip_start=60) == [[]]
    assert wv.most_similar("w3", clip_start=30, restrict_vocab=5, topn=9) == wv.most_similar(
        "w3", restrict_vocab=5, topn=9
    )
    with pytest.raises(ConfigError, match="clip_start must be"):
        wv.most_similar("w3", clip_start=-1)
    with pytest.raises(ConfigError, match="clip_end must be"):
        wv.most_similar("w3", clip_end=0)


@pytest.mark.parametrize("topn", [0, -1])
def test_no_neighbors_are_asked_for(wv: WordVectors, topn: int) -> None:
    assert wv.most_similar("w3", topn=topn) == []
    assert wv.most_similar_cosmul("w3", topn=topn) == []
    assert wv.most_similar_batch(["w3", "w4"], topn=topn) == [[], []]


def test_multiplied_similarities(wv: WordVectors) -> None:
    cosines = (1 + wv.get_normed_vectors().astype(np.float64) @ wv.get_normed_vectors().T) / 2
    scores = cosines[3] * cosines[4] / (cosines[5] + 1e-6)
    everything = wv.most_similar_cosmul(["w3", "w4"], ["w5"], topn=None)
    np.testing.assert_allclose(everything, scores, rtol=1e-5)
    best = [f"w{row}" for row in np.argsort(-scores) if row not in (3, 4, 5)]
    found = wv.most_similar_cosmul(["w3", "w4"], "w5", topn=100)
    assert [word for word, _ in found] == best
    few = wv.most_similar_cosmul(["w3", "w4"], "w5", topn=100, restrict_vocab=20)
    assert [word for word, _ in few] == [word for word in best if wv.get_index(word) < 20]
    with pytest.raises(ConfigError, match="at least one positive"):
        wv.most_similar_cosmul(negative="w3")
    with pytest.raises(ConfigError, match="without weights"):
        wv.most_similar_cosmul(["w3", ("w4", 2.0)])


# Many queries at once


def same_neighbors(found: Any, expected: Any) -> None:
    assert [[word for word, _ in one] for one in found] == [
        [word for word, _ in one] for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose([s for _, s in one], [s for _, s in other], atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"topn": 1000}, {"restrict_vocab": 7}, {"clip_start": 9}])
def test_a_batch_gives_what_one_by_one_gives(wv: WordVectors, options: dict[str, Any]) -> None:
    vector = random_vectors(1, seed=9)[0]
    queries: list[Any] = [
        "w3",
        ["w3", ("w4", -1), "w5"],
        vector,
        [vector, ("w9", 0.5)],
        3,
        ("w7", 2.5),
        ["w9", "w9", "w10", "w11", "w12"],
    ]
    found = wv.most_similar_batch(queries, **options)
    same_neighbors(found, [wv.most_similar(query, **options) for query in queries])
    assert all(type(score) is float for one in found for _, score in one)
    matrix = random_vectors(5, seed=9)
    same_neighbors(
        wv.most_similar_batch(matrix, **options),
        [wv.most_similar(row, **options) for row in matrix],
    )
    assert wv.most_similar_batch([], **options) == []


def test_batches_that_cannot_work_are_refused(wv: WordVectors) -> None:
    with pytest.raises(ConfigError, match="a batch is a list"):
        wv.most_similar_batch("w3")
    with pytest.raises(ConfigError, match=r"shape \(Q, D\)"):
        wv.most_similar_batch(np.zeros(8))
    with pytest.raises(ConfigError, match="at least one word"):
        wv.most_similar_batch(["w3", []])
    with pytest.raises(ConfigError, match="topn must be"):
        wv.most_similar_batch(["w3"], topn=None)  # type: ignore[arg-type]
    with pytest.raises(UnknownWordError):
        wv.most_similar_batch(["w3", "nope"])


# Another's search


class Recorder:
    """An indexer that finds the first words."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, int]] = []

    def most_similar(self, vector: Any, num_neighbors: int) -> list[tuple[str, float]]:
        self.asked.append((vector, num_neighbors))
        return [(word, 1.0) for word in WORDS[:num_neighbors]]


def test_an_indexer_is_asked(wv: WordVectors) -> None:
    indexer = Recorder()
    found = wv.most_similar("w1", topn=3, indexer=indexer)
    assert found == [("w0", 1.0), ("w2", 1.0), ("w3", 1.0)]  # the word of the query left out
    (vector, count) = indexer.asked[0]
    np.testing.assert_allclose(vector, wv.get_vector("w1", norm=True), rtol=1e-6)
    assert count == 4
    with pytest.raises(ConfigError, match="an indexer searches all words"):
        wv.most_similar("w1", restrict_vocab=30, indexer=indexer)
    assert wv.most_similar("w1", topn=None, indexer=indexer).shape == (60,)


# What is read, and when


def test_the_check_for_finite_vectors_can_wait() -> None:
    vectors = random_vectors()
    vectors[50, 3] = np.nan
    wv = WordVectors(WORDS, vectors, check_finite=False)
    np.testing.assert_array_equal(wv["w3"], vectors[3])
    questions: list[Callable[[], object]] = [
        lambda: wv.most_similar("w3"),
        lambda: wv.most_similar_batch(["w3"]),
        lambda: wv.most_similar_cosmul("w3"),
        lambda: wv.distances("w3"),
        wv.get_normed_vectors,
        lambda: wv.norms,
    ]
    for ask in questions:
        with pytest.raises(ConfigError, match="vectors must be finite"):
            ask()


@pytest.mark.parametrize("scale", [1e-40, 1e-18, 1e18, 1e37])
def test_the_lengths_of_vectors_do_not_matter(wv: WordVectors, scale: float) -> None:
    scaled = random_vectors()
    scaled[::2] *= np.float32(scale)
    other = WordVectors(WORDS, scaled)
    queries: list[Any] = ["w3", "w4", ["w5", ("w6", -1)]]
    rounding = 1e-3 if scale == 1e-40 else 1e-6  # such numbers have few digits themselves
    batch = other.most_similar_batch(queries, topn=60)
    for query, found in zip(queries, batch, strict=True):
        due = dict(wv.most_similar(query, topn=60))
        assert dict(other.most_similar(query, topn=60)) == pytest.approx(due, abs=rounding)
        assert dict(found) == pytest.approx(due, abs=rounding)


# Other arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_queries_need_only_the_array_api(xp: Any, dtype: Any) -> None:
    vectors = random_vectors().astype(dtype)
    vectors[7] = 0
    vectors[8] *= 1e-30
    other = WordVectors(WORDS, xp.asarray(vectors))
    wv = WordVectors(WORDS, vectors)
    assert other.similarity("w1", "w2") == pytest.approx(wv.similarity("w1", "w2"), abs=1e-6)
    assert other.n_similarity(WORDS[:2], WORDS[1:4]) == pytest.approx(
        wv.n_similarity(WORDS[:2], WORDS[1:4]), abs=1e-6
    )
    assert other.doesnt_match(WORDS[:9]) == wv.doesnt_match(WORDS[:9])
    np.testing.assert_allclose(to_host(other[["w1", "w2"]]), vectors[1:3])
    mean = other.get_mean_vector(["w1", "w2"])
    assert mean.dtype == other.vectors.dtype
    np.testing.assert_allclose(to_host(mean), wv.get_mean_vector(["w1", "w2"]), atol=1e-6)
    np.testing.assert_allclose(other.distances("w1"), wv.distances("w1"), atol=1e-6)
    np.testing.assert_allclose(other.distances("w1", ["w2"]), wv.distances("w1", ["w2"]), atol=1e-6)
    np.testing.assert_allclose(
        other.cosine_similarities(other["w1"], other[["w2", "w3"]]),
        wv.cosine_similarities(wv["w1"], wv[["w2", "w3"]]),
        atol=1e-6,
    )
    assert other.closer_than("w1", "w2") == wv.closer_than("w1", "w2")
    queries: list[Any] = [["w1", "w2", ("w3", -1)], "w9", 10, "w7"]
    several: list[dict[str, Any]] = [{}, {"clip_start": 3, "clip_end": 50, "topn": 60}]
    for options in several:
        same_neighbors(
            [other.most_similar(query, **options) for query in queries],
            [wv.most_similar(query, **options) for query in queries],
        )
        same_neighbors(
            other.most_similar_batch(queries, **options), wv.most_similar_batch(queries, **options)
        )
    same_neighbors(
        other.most_similar_batch(other.vectors[:3, :]), wv.most_similar_batch(wv.vectors[:3])
    )
    same_neighbors(
        [other.most_similar_cosmul(["w1", other["w2"]], ["w3"])],
        [wv.most_similar_cosmul(["w1", wv["w2"]], ["w3"])],
    )


def test_vectors_move_to_a_device(xp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def get_device(name: str) -> Device:
        names.append(name)
        return Device(name, xp, None)

    monkeypatch.setattr("xw2v.vectors.word_vectors.get_device", get_device)
    wv = WordVectors(WORDS, random_vectors(), range(60))
    wv.get_normed_vectors()
    wv.most_similar("w1")
    there = wv.to_device("cuda:1")
    assert names == ["cuda:1"]
    for array in (there.vectors, there.norms, there.get_normed_vectors()):
        assert array_namespace(array) is xp
    same_neighbors([there.most_similar("w1")], [wv.most_similar("w1")])
    same_neighbors(there.most_similar_batch(["w1", "w2"]), wv.most_similar_batch(["w1", "w2"]))
    assert there.get_vecattr("w3", "count") == 3
    np.testing.assert_array_equal(to_host(there.vectors), wv.vectors)
    assert is_numpy_array(wv.get_normed_vectors())


def test_vectors_on_the_host_stay_read_only() -> None:
    there = WordVectors(WORDS, random_vectors()).to_device("cpu")
    with pytest.raises(ValueError, match="read-only"):
        there.vectors[0, 0] = 1


def test_a_device_that_cannot_be_used(wv: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    no_cupy(monkeypatch)
    with pytest.raises(DeviceError, match="CuPy, which is not installed"):
        wv.to_device("cuda")
    with pytest.raises(ConfigError, match="device must be"):
        wv.to_device("tpu")


def test_a_device_that_is_too_small(wv: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_cupy(monkeypatch)

    def asarray(*_: Any, **__: Any) -> Any:
        raise fake.out_of_memory("Out of memory allocating 5 bytes")

    monkeypatch.setattr("xw2v.backend.devices.CudaDevice.asarray", asarray)
    with pytest.raises(DeviceError, match="out of memory on cuda:0"):
        wv.to_device("cuda")


# Evaluation in gensim's form


def test_analogies_by_either_rule(wv: WordVectors, tmp_path: Path) -> None:
    path = tmp_path / "questions"
    lines = [f"w{a} w{a + 1} w{a + 2} w{a + 3}" for a in range(50)]
    for name, answer in (
        ("most_similar", wv.most_similar),
        ("most_similar_cosmul", wv.most_similar_cosmul),
    ):
        best: list[tuple[str, float]] = answer(["w1", "w2"], ["w0"], topn=1)
        path.write_text("\n".join([": section", f"w0 w1 w2 {best[0][0]}", *lines]))
        score, sections = wv.evaluate_word_analogies(path, similarity_function=name)
        assert ("W0", "W1", "W2", best[0][0].upper()) in sections[0]["correct"]
        assert score == len(sections[1]["correct"]) / 51
    with pytest.raises(ConfigError, match="similarity_function must be one of"):
        wv.evaluate_word_analogies(path, similarity_function="distance")


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

"""The same calls to gensim's KeyedVectors and to ours, over the same vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from xw2v.vectors import WordVectors

KeyedVectors = Callable[[list[str], npt.NDArray[Any]], Any]
Call = Callable[[Any], Any]

WORDS = [f"w{row}" for row in range(200)]
EXTRA = np.random.default_rng(8).standard_normal(16).astype(np.float32)
UNIT = EXTRA / np.linalg.norm(EXTRA)


@pytest.fixture(scope="module")
def vectors() -> npt.NDArray[np.float32]:
    return np.random.default_rng(7).standard_normal((200, 16)).astype(np.float32)


@pytest.fixture
def both(vectors: npt.NDArray[np.float32], keyed_vectors: KeyedVectors) -> tuple[WordVectors, Any]:
    counts = np.arange(200, 0, -1)
    theirs = keyed_vectors(WORDS, vectors.copy())
    for word, count in zip(WORDS, counts.tolist(), strict=True):
        theirs.set_vecattr(word, "count", count)
    return WordVectors(WORDS, vectors, counts), theirs


def check_same(ours: Any, theirs: Any) -> None:
    """Raise unless two answers agree: words exactly, numbers but for rounding."""
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            check_same(one, other)
    elif isinstance(theirs, (str, bool, int)):
        assert ours == theirs
    else:
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, atol=3e-6, rtol=3e-6)


CALLS: dict[str, Call] = {
    "one": lambda wv: wv["w3"],
    "many": lambda wv: wv[["w3", "w1"]],
    "row": lambda wv: wv[3],
    "rows": lambda wv: wv[[3, "w1"]],
    "in": lambda wv: ["w3" in wv, "nope" in wv, 3 in wv, 200 in wv],
    "len": len,
    "vector_size": lambda wv: wv.vector_size,
    "index_to_key": lambda wv: wv.index_to_key,
    "key_to_index": lambda wv: sorted(wv.key_to_index.items()),
    "vectors": lambda wv: wv.vectors,
    "get_vector": lambda wv: wv.get_vector("w3"),
    "get_vector-norm": lambda wv: wv.get_vector("w3", norm=True),
    "get_vecattr": lambda wv: int(wv.get_vecattr("w3", "count")),
    "get_normed_vectors": lambda wv: wv.get_normed_vectors(),
    "norms": lambda wv: [wv.most_similar("w1"), wv.norms][1],  # which gensim fills in then
    "get_index": lambda wv: [wv.get_index("w3"), wv.get_index(3), wv.get_index("nope", -1)],
    "has_index_for": lambda wv: [wv.has_index_for("w3"), wv.has_index_for("nope")],
    "most_similar": lambda wv: wv.most_similar("w3"),
    "most_similar-analogy": lambda wv: wv.most_similar(["w3", "w4"], ["w5"], 5),
    "most_similar-negative": lambda wv: wv.most_similar(negative=["w5"]),
    "most_similar-row": lambda wv: wv.most_similar([3, "w4"], topn=5),
    "most_similar-weights": lambda wv: wv.most_similar([("w3", 2.5), "w4"], [("w9", -0.5)]),
    "most_similar-vector": lambda wv: wv.most_similar(EXTRA),
    "most_similar-vectors": lambda wv: wv.most_similar(np.stack([EXTRA, EXTRA[::-1]])),
    "most_similar-vector-and-word": lambda wv: wv.most_similar([EXTRA, "w3"], ["w4"]),
    "most_similar-all": lambda wv: wv.most_similar("w3", topn=1000),
    "most_similar-scores": lambda wv: wv.most_similar("w3", topn=None),
    "most_similar-none": lambda wv: wv.most_similar("w3", topn=0),
    "most_similar-none-of-unknown": lambda wv: wv.most_similar("nope", topn=0),
    "most_similar-below-none": lambda wv: wv.most_similar("w3", topn=-1),
    "most_similar-restricted": lambda wv: wv.most_similar("w3", restrict_vocab=20),
    "most_similar-restricted-all": lambda wv: wv.most_similar("w30", topn=99, restrict_vocab=20),
    "most_similar-restricted-beyond": lambda wv: wv.most_similar("w3", restrict_vocab=1000),
    "most_similar-restricted-scores": lambda wv: wv.most_similar(
        "w3", topn=None, restrict_vocab=20
    ),
    "most_similar-clipped": lambda wv: wv.most_similar("w30", clip_start=20, clip_end=50),
    "most_similar-clipped-all": lambda wv: wv.most_similar("w3", topn=500, clip_start=190),
    "most_similar-clipped-scores": lambda wv: wv.most_similar(
        "w3", topn=None, clip_start=20, clip_end=50
    ),
    "most_similar-clipped-empty": lambda wv: wv.most_similar("w3", clip_start=50, clip_end=20),
    "most_similar-clipped-and-restricted": lambda wv: wv.most_similar(
        "w3", clip_start=20, clip_end=50, restrict_vocab=10
    ),
    "most_similar_cosmul": lambda wv: wv.most_similar_cosmul(["w3", "w4"], ["w5"]),
    "most_similar_cosmul-one": lambda wv: wv.most_similar_cosmul("w3", topn=500),
    "most_similar_cosmul-many": lambda wv: wv.most_similar_cosmul(["w3", "w4"], ["w5", "w6"]),
    "most_similar_cosmul-vector": lambda wv: wv.most_similar_cosmul(["w3", UNIT], ["w5"]),
    "most_similar_cosmul-scores": lambda wv: wv.most_similar_cosmul("w3", "w4", topn=None),
    "most_similar_cosmul-none": lambda wv: wv.most_similar_cosmul("w3", "w4", topn=0),
    "similar_by_word": lambda wv: wv.similar_by_word("w3", 4, 99),
    "similar_by_key": lambda wv: wv.similar_by_key("w3", 4),
    "similar_by_vector": lambda wv: wv.similar_by_vector(EXTRA, 4, 99),
    "similarity": lambda wv: wv.similarity("w3", "w4"),
    "similarity-same": lambda wv: wv.similarity("w3", "w3"),
    "similarity-rows": lambda wv: wv.similarity(3, "w4"),
    "distance": lambda wv: wv.distance("w3", "w4"),
    "distances": lambda wv: wv.distances("w3"),
    "distances-some": lambda wv: wv.distances("w3", ["w9", "w3", 5]),
    "distances-none": lambda wv: wv.distances("w3", []),
    "distances-vector": lambda wv: wv.distances(EXTRA, ["w9"]),
    "n_similarity": lambda wv: wv.n_similarity(["w1", "w2"], ["w3", "w4", "w4"]),
    "n_similarity-unknown": lambda wv: wv.n_similarity(["w1", "nope"], ["w3"]),
    "doesnt_match": lambda wv: [wv.doesnt_match(WORDS[i : i + 5]) for i in range(0, 190, 9)],
    "doesnt_match-unknown": lambda wv: wv.doesnt_match(["w1", "nope", "w2", "w7"]),
    "rank_by_centrality": lambda wv: wv.rank_by_centrality(WORDS[:9]),
    "rank_by_centrality-raw": lambda wv: wv.rank_by_centrality(WORDS[:9], use_norm=False),
    "rank": lambda wv: [wv.rank("w3", word) for word in ("w3", "w9", "w17")],
    "closer_than": lambda wv: wv.closer_than("w3", "w9"),
    "most_similar_to_given": lambda wv: wv.most_similar_to_given("w3", WORDS[10:20]),
    "relative_cosine_similarity": lambda wv: wv.relative_cosine_similarity("w3", "w4"),
    "relative_cosine_similarity-3": lambda wv: wv.relative_cosine_similarity("w3", "w4", 3),
    "get_mean_vector": lambda wv: wv.get_mean_vector(["w1", "w2", "nope"]),
    "get_mean_vector-weights": lambda wv: wv.get_mean_vector(["w1", EXTRA], [2.0, -1.0]),
    "get_mean_vector-raw": lambda wv: wv.get_mean_vector([1, "w2"], pre_normalize=False),
    "get_mean_vector-unit": lambda wv: wv.get_mean_vector(["w1", "w2"], post_normalize=True),
    "cosine_similarities": lambda wv: wv.cosine_similarities(EXTRA, wv.vectors[:9]),
}


# gensim calls what it deprecates itself.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


@pytest.mark.parametrize("name", CALLS)
def test_the_same_answer(both: tuple[WordVectors, Any], name: str) -> None:
    ours, theirs = map(CALLS[name], both)
    check_same(ours, theirs)


ERRORS: dict[str, tuple[Call, type[Exception], type[Exception]]] = {
    # What both raise; where gensim raises something of its own, it comes last.
    "one": (lambda wv: wv["nope"], KeyError, KeyError),
    "many": (lambda wv: wv[["w1", "nope"]], KeyError, KeyError),
    "row": (lambda wv: wv[200], KeyError, KeyError),
    "get_vector": (lambda wv: wv.get_vector("nope", norm=True), KeyError, KeyError),
    "get_index": (lambda wv: wv.get_index("nope"), KeyError, KeyError),
    "get_vecattr": (lambda wv: wv.get_vecattr("nope", "count"), KeyError, KeyError),
    "get_vecattr-other": (lambda wv: wv.get_vecattr("w1", "weight"), ValueError, KeyError),
    "most_similar": (lambda wv: wv.most_similar("nope"), KeyError, KeyError),
    "most_similar-negative": (lambda wv: wv.most_similar("w1", "nope"), KeyError, KeyError),
    "most_similar-nothing": (lambda wv: wv.most_similar(), ValueError, ValueError),
    "most_similar-empty": (lambda wv: wv.most_similar([], []), ValueError, ValueError),
    "most_similar-shape": (lambda wv: wv.most_similar(EXTRA[:5]), ValueError, ValueError),
    "cosmul": (lambda wv: wv.most_similar_cosmul(["nope"]), KeyError, KeyError),
    "cosmul-nothing": (lambda wv: wv.most_similar_cosmul(), ValueError, ValueError),
    "cosmul-negative": (lambda wv: wv.most_similar_cosmul([], ["w1"]), ValueError, ValueError),
    "similarity": (lambda wv: wv.similarity("w1", "nope"), KeyError, KeyError),
    "distance": (lambda wv: wv.distance("nope", "w1"), KeyError, KeyError),
    "distances": (lambda wv: wv.distances("w1", ["nope"]), KeyError, KeyError),
    "n_similarity-empty": (lambda wv: wv.n_similarity([], ["w1"]), ValueError, ZeroDivisionError),
    "rank": (lambda wv: wv.rank("w1", "nope"), KeyError, KeyError),
    "closer_than": (lambda wv: wv.closer_than("nope", "w1"), KeyError, KeyError),
    "mean-nothing": (lambda wv: wv.get_mean_vector([]), ValueError, ValueError),
    "mean-weights": (lambda wv: wv.get_mean_vector(["w1"], [1, 2]), ValueError, ValueError),
    "mean-unknown": (
        lambda wv: wv.get_mean_vector(["w1", "nope"], ignore_missing=False),
        KeyError,
        KeyError,
    ),
    "doesnt_match-nothing": (lambda wv: wv.doesnt_match([]), ValueError, ValueError),
    "doesnt_match-unknown": (lambda wv: wv.doesnt_match(["nope"]), KeyError, ValueError),
    "relative-nothing": (
        lambda wv: wv.relative_cosine_similarity("w1", "w2", 0),
        ValueError,
        ValueError,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_the_same_errors(both: tuple[WordVectors, Any], name: str) -> None:
    call, ours, theirs = ERRORS[name]
    for vectors, error in zip(both, (ours, theirs), strict=True):
        with pytest.raises(error):
            call(vectors)


def test_zero_vectors_are_similar_to_nothing_where_gensim_knows_no_answer(
    vectors: npt.NDArray[np.float32], keyed_vectors: KeyedVectors
) -> None:
    with_zeros = vectors.copy()
    with_zeros[[5, 60]] = 0
    ours, theirs = WordVectors(WORDS, with_zeros), keyed_vectors(WORDS, with_zeros.copy())
    with np.errstate(invalid="ignore", divide="ignore"):
        for call in (CALLS["most_similar-scores"], CALLS["distances"]):
            found, reference = call(ours), call(theirs)
            assert np.flatnonzero(np.isnan(reference)).tolist() == [5, 60]
            known = ~np.isnan(reference)
            np.testing.assert_allclose(found[known], reference[known], atol=3e-6)
            assert len(set(found[~known])) == 1
    assert ours.similarity("w5", "w1") == theirs.similarity("w5", "w1") == 0


def test_word_movers_distance(both: tuple[WordVectors, Any]) -> None:
    pytest.importorskip("ot", reason="POT, which both take, is not installed")
    wv, reference = both
    documents = [
        ["w1", "w2", "w2", "nope"],
        ["w2", "w1", "w2"],
        ["w5", "w6", "w1", "w9", "w9"],
        ["w7"],
        ["nope"],
        [],
    ]
    for first in documents:
        for second in documents:
            for norm in (True, False):
                ours = wv.wmdistance(first, second, norm=norm)
                theirs = reference.wmdistance(first, second, norm=norm)
                assert ours == pytest.approx(theirs, abs=1e-6), (first, second)

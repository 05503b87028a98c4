import sys
from pathlib import Path
from typing import Any

import array_api_strict
import numpy as np
import pytest

from xw2v.errors import ConfigError, ModelFileError
from xw2v.vectors import WordVectors
from xw2v.vectors.approximate import ApproximateIndex

WORDS = [f"w{row}" for row in range(500)]


def word_vectors(seed: int = 0) -> WordVectors:
    rng = np.random.default_rng(seed)
    return WordVectors(WORDS, rng.standard_normal((500, 10)).astype(np.float32))


@pytest.fixture(scope="module")
def index() -> ApproximateIndex:
    pytest.importorskip("voyager", reason="Voyager is not installed")
    return ApproximateIndex(word_vectors(), workers=1)


def test_it_finds_nearly_all_neighbors(index: ApproximateIndex) -> None:
    wv = word_vectors()
    same = 0
    for word in WORDS[:100]:
        exact = dict(wv.most_similar(word))
        found = wv.most_similar(word, indexer=index)
        assert len(found) == 10
        assert word not in dict(found)
        assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
        for neighbor, score in found:
            assert score == pytest.approx(wv.similarity(word, neighbor), abs=1e-5)
        same += len(exact.keys() & dict(found).keys())
    assert same > 990


def test_queries_of_several_words(index: ApproximateIndex) -> None:
    wv = word_vectors()
    found = wv.most_similar(["w1", "w2"], ["w3"], topn=5, indexer=index)
    exact = wv.most_similar(["w1", "w2"], ["w3"], topn=5)
    assert [word for word, _ in found] == [word for word, _ in exact]
    assert len(wv.most_similar("w1", topn=1000, indexer=index)) == 499


def test_one_thread_gives_the_same_index_again(index: ApproximateIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "one")
    ApproximateIndex(word_vectors(), workers=1).save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_index_is_saved_and_loaded(index: ApproximateIndex, tmp_path: Path) -> None:
    wv = word_vectors()
    index.save(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    loaded = ApproximateIndex.load(tmp_path / "index", wv, ef=77)
    assert loaded.ef == 77
    for word in WORDS[:20]:
        assert wv.most_similar(word, indexer=loaded) == wv.most_similar(word, indexer=index)
    assert "500 words" in repr(loaded)


def test_an_index_of_other_vectors_is_refused(index: ApproximateIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "index")
    wv = word_vectors()
    others = [
        word_vectors(seed=1),
        WordVectors(WORDS[:-1], wv.vectors[:-1]),
        WordVectors(WORDS, wv.vectors[:, :9]),
        WordVectors(WORDS, wv.vectors[::-1]),
    ]
    for other in others:
        with pytest.raises(ModelFileError, match="is an index of other vectors"):
            ApproximateIndex.load(tmp_path / "index", other)


def test_files_that_are_no_index(index: ApproximateIndex, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        ApproximateIndex.load(tmp_path / "nope", word_vectors())
    (tmp_path / "text").write_text("no index at all\n" * 100)
    with pytest.raises(ModelFileError, match="is no index"):
        ApproximateIndex.load(tmp_path / "text", word_vectors())
    index.save(tmp_path / "index")
    data = (tmp_path / "index").read_bytes()
    for place in (20, 50, 100, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 255
        for content in (bytes(damaged), data[:place]):
            (tmp_path / "index").write_bytes(content)
            with pytest.raises(ModelFileError, match="is damaged"):
                ApproximateIndex.load(tmp_path / "index", word_vectors())
    with pytest.raises(ModelFileError, match="cannot write"):
        index.save(tmp_path / "no" / "directory")


def test_vectors_may_be_of_another_namespace(index: ApproximateIndex) -> None:
    wv = word_vectors()
    strict = WordVectors(WORDS, array_api_strict.asarray(np.asarray(wv.vectors)))
    other = ApproximateIndex(strict, workers=1)
    assert strict.most_similar("w1", indexer=other) == wv.most_similar("w1", indexer=index)


@pytest.mark.parametrize(
    "options", [{"M": 0}, {"ef_construction": 2.5}, {"ef": True}, {"workers": 0}]
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be a whole number of at least 1"):
        ApproximateIndex(word_vectors(), **options)


def test_queries_that_cannot_work_are_refused(index: ApproximateIndex) -> None:
    for vector in (np.zeros(9), np.full(10, np.nan), np.zeros((1, 10))):
        with pytest.raises(ConfigError, match="10 finite entries"):
            index.most_similar(vector, 3)
    with pytest.raises(ConfigError, match="num_neighbors"):
        index.most_similar(np.ones(10), 0)


def test_an_index_serves_gensim_too(index: ApproximateIndex) -> None:
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
    wv = word_vectors()
    keyed = keyedvectors.KeyedVectors(10)
    keyed.add_vectors(WORDS, np.array(wv.vectors))
    found = keyed.most_similar("w1", topn=5, indexer=index)
    assert [word for word, _ in found] == ["w1", *(w for w, _ in wv.most_similar("w1", topn=4))]


def test_voyager_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "voyager", None)
    with pytest.raises(ConfigError, match=r'pip install "xw2v\[ann\]"'):
        ApproximateIndex(word_vectors())

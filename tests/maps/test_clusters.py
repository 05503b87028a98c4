import numpy as np
import pytest

from tests.maps.conftest import topic_vectors
from xw2v.maps import clusters
from xw2v.maps.clusters import cluster_words


@pytest.mark.parametrize("learned_from", [400, 150], ids=["from all", "from the first"])
def test_topics_are_found(learned_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_LEARNED_FROM", learned_from)
    wv = topic_vectors(400)
    labels, names = cluster_words(wv.get_normed_vectors(), 6, seed=4)
    topics = [word[:2] for word in wv.index_to_key]
    pairs = set(zip(topics, labels.tolist(), strict=True))
    # Here and there a word of one topic is like those of another.
    assert len(pairs) < 12
    assert len(names) == labels.max() + 1 == 6
    for cluster, rows in enumerate(names):
        assert len(rows) == 3
        assert all(labels[row] == cluster for row in rows)
        assert len({topics[row] for row in rows}) == 1


def test_the_same_every_time() -> None:
    vectors = topic_vectors(300).get_normed_vectors()
    first, second, other = (cluster_words(vectors, 20, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.names == second.names
    assert (first.labels != other.labels).any()


@pytest.mark.parametrize("words", [1, 2, 7])
def test_more_clusters_than_words(words: int) -> None:
    labels, names = cluster_words(topic_vectors(words).get_normed_vectors(), 100)
    assert sorted(labels.tolist()) == list(range(words))
    assert sorted(names) == [[row] for row in range(words)]


def test_words_that_are_all_the_same() -> None:
    labels, names = cluster_words(np.ones((50, 3), dtype=np.float32), 8)
    assert labels.tolist() == [0] * 50
    assert names == [[0, 1, 2]]

import numpy as np
import pytest

from tests.maps.conftest import topic_vectors
from xw2v.maps import neighbors
from xw2v.maps.neighbors import nearest_neighbors


@pytest.mark.parametrize("words", [1, 2, 5, 11, 64, 65, 700, 1500])
def test_the_same_neighbors_as_those_of_queries(
    words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbors, "_SCORES_AT_ONCE", 100_000)  # several blocks
    wv = topic_vectors(words)
    told: list[int] = []
    rows, similarities = nearest_neighbors(wv.get_normed_vectors(), 10, told.append)
    assert rows.shape == similarities.shape == (words, min(10, words - 1))
    assert told == sorted(told)
    assert told[-1:] == ([words] if words > 1 else [])
    assert len(told) > 1 or words < 700
    for row in range(0, words, 37):
        expected = wv.most_similar(wv.index_to_key[row]) if words > 1 else []
        assert [wv.index_to_key[i] for i in rows[row]] == [word for word, _ in expected]
        np.testing.assert_allclose(similarities[row], [score for _, score in expected], atol=1e-6)


def test_equally_similar_words_come_in_order() -> None:
    vectors = np.zeros((200, 4), dtype=np.float32)
    vectors[:, 0] = 1
    rows, similarities = nearest_neighbors(vectors, 199)
    assert (similarities == 1).all()
    for row in range(200):
        assert rows[row].tolist() == [i for i in range(200) if i != row]


def test_words_without_direction() -> None:
    rows, similarities = nearest_neighbors(np.zeros((30, 4), dtype=np.float32), 10)
    assert (similarities == 0).all()
    assert all(len({row, *near}) == 11 for row, near in enumerate(rows.tolist()))

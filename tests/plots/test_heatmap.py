import numpy as np
import pytest

from tests.plots.conftest import drawn_texts
from xw2v.errors import ConfigError, UnknownWordError
from xw2v.plots import heatmap_figure
from xw2v.vectors import WordVectors

WORDS = [f"w{i}" for i in range(12)]


def test_cells_are_cosines(wv: WordVectors) -> None:
    axes, bar = heatmap_figure(wv, WORDS).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert sorted(names) == sorted(WORDS)
    (image,) = axes.images
    cells = image.get_array()
    assert isinstance(cells, np.ma.MaskedArray)
    assert np.ma.getmaskarray(cells).sum() == 12  # the diagonal
    others = cells.filled(1.0)
    expected = [[wv.similarity(a, b) for b in names] for a in names]
    np.testing.assert_allclose(others, expected, atol=1e-6)
    np.testing.assert_array_equal(others, others.T)
    low, high = image.get_clim()
    assert -low == high == pytest.approx(np.abs(cells).max())
    assert bar.get_ylabel() == "cosine similarity"


def test_numbers_are_in_the_cells(wv: WordVectors) -> None:
    figure = heatmap_figure(wv, WORDS)
    cells = figure.axes[0].images[0].get_array()
    assert cells is not None
    texts = drawn_texts(figure)
    assert len(texts) == 12 * 11
    for text in texts:
        column, row = map(int, text.get_position())
        shown = float(text.get_text().replace("−", "-"))
        assert shown == pytest.approx(float(cells[row, column]), abs=0.00501)


def test_many_cells_have_no_numbers(wv: WordVectors) -> None:
    assert not drawn_texts(heatmap_figure(wv, wv.index_to_key[:26]))


def test_similar_words_are_next_to_each_other() -> None:
    rows = np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1], [1, -0.1], [-0.1, 1]], dtype=np.float32)
    axes = heatmap_figure(WordVectors(list("aAbBcC"), rows), list("aAbBcC")).axes[0]
    cases = [label.get_text().isupper() for label in axes.get_yticklabels()]
    assert cases in ([True] * 3 + [False] * 3, [False] * 3 + [True] * 3)


def test_zero_vectors_are_like_nothing() -> None:
    rows = np.array([[1, 0], [0, 0]], dtype=np.float32)
    cells = heatmap_figure(WordVectors(["a", "b"], rows), ["a", "b"]).axes[0].images[0].get_array()
    assert isinstance(cells, np.ma.MaskedArray)
    assert cells.compressed().tolist() == [0, 0]


@pytest.mark.parametrize(
    ("words", "count"),
    [([], 0), (["w1", "w1"], 1), ([f"w{i}" for i in range(101)], 101)],
    ids=["none", "one", "many"],
)
def test_too_few_or_too_many_words(wv: WordVectors, words: list[str], count: int) -> None:
    with pytest.raises(ConfigError, match=f"2 to 100 different words, not {count}"):
        heatmap_figure(wv, words)


def test_an_unknown_word(wv: WordVectors) -> None:
    with pytest.raises(UnknownWordError, match="'nope' is not in the vocabulary"):
        heatmap_figure(wv, ["w1", "nope"])

import numpy as np
import pytest

from tests.plots.conftest import STRANGE, assert_apart, drawn_texts, vectors_of
from xw2v.errors import ConfigError, UnknownWordError
from xw2v.plots import map_figure, project
from xw2v.plots.layouts import Floats, Layout
from xw2v.vectors import WordVectors


def test_the_most_frequent_words_are_where_they_belong(wv: WordVectors) -> None:
    figure = map_figure(wv, n_words=200, labels=40)
    axes = figure.axes[0]
    layout = project(wv.vectors[:200])
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_offsets()), layout.places)
    title = "The 200 most frequent words by the similarity of their vectors (PCA)"
    assert axes.get_title(loc="left") == title
    assert layout.variance is not None
    expected = f"first principal component of the unit vectors ({layout.variance[0]:.1%})"
    assert axes.get_xlabel() == expected
    assert 20 <= len(drawn_texts(figure)) <= 40
    assert_apart(figure)


def test_words_that_are_asked_for(wv: WordVectors) -> None:
    figure = map_figure(wv, ["w5", "w7", "w200", "w5"])
    assert [text.get_text() for text in drawn_texts(figure)] == ["w5", "w7", "w200"]
    dots = np.asarray(figure.axes[0].collections[0].get_offsets())
    np.testing.assert_allclose(dots, project(wv.vectors[[5, 7, 200]]).places)
    assert figure.axes[0].get_title(loc="left").startswith("3 words by")


def test_words_of_all_scripts() -> None:
    figure = map_figure(vectors_of(STRANGE))
    assert len(drawn_texts(figure)) >= len(STRANGE) - 3
    assert_apart(figure)


def test_only_dots(wv: WordVectors) -> None:
    figure = map_figure(wv, labels=0)
    assert not drawn_texts(figure)
    assert len(np.asarray(figure.axes[0].collections[0].get_offsets())) == 300


@pytest.mark.parametrize("labels", [-1, 201])
def test_too_many_labels(wv: WordVectors, labels: int) -> None:
    with pytest.raises(ConfigError, match="labels must be from 0 to 200"):
        map_figure(wv, labels=labels)


@pytest.mark.parametrize("words", [["w1"], ["w1", "w2", "w1"]], ids=["one", "two"])
def test_too_few_words(wv: WordVectors, words: list[str]) -> None:
    with pytest.raises(ConfigError, match="a map needs at least 3 words"):
        map_figure(wv, words)
    with pytest.raises(ConfigError, match="a map needs at least 3 words, not 0"):
        map_figure(wv, n_words=0)


def test_an_unknown_word(wv: WordVectors) -> None:
    with pytest.raises(UnknownWordError, match="'nope' is not in the vocabulary"):
        map_figure(wv, ["w1", "w2", "w3", "nope"])


def test_tsne_has_no_units(wv: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    def somewhere(vectors: Floats, method: str, seed: int) -> Layout:
        assert (len(vectors), method, seed) == (30, "tsne", 1)
        return Layout(np.asarray(vectors[:, :2], dtype=np.float64))

    monkeypatch.setattr("xw2v.plots.word_map.project", somewhere)
    axes = map_figure(wv, n_words=30, method="tsne").axes[0]
    assert "(t-SNE)" in axes.get_title(loc="left")
    assert axes.get_xlabel().startswith("no units")
    assert list(axes.get_xticks()) == []


def test_a_handful_of_words_is_laid_out_by_components(
    wv: WordVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xw2v.plots.layouts.check_method", lambda method: None)
    axes = map_figure(wv, n_words=4, method="umap").axes[0]
    assert axes.get_title(loc="left").endswith("(PCA)")
    assert axes.get_xlabel().startswith("first principal component")

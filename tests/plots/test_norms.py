import numpy as np
import pytest

from tests.plots.conftest import assert_apart, drawn_texts, vectors_of
from xw2v.errors import ConfigError, UnknownWordError
from xw2v.plots import norms_figure
from xw2v.vectors import WordVectors


def test_dots_are_counts_and_lengths(wv: WordVectors) -> None:
    axes = norms_figure(wv).axes[0]
    assert wv.counts is not None
    expected = np.stack([wv.counts, np.linalg.norm(wv.vectors, axis=1)], axis=1)
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_offsets()), expected, rtol=1e-6)
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "Length of the vectors by frequency of 300 words"
    assert axes.get_xlabel() == "occurrences in the corpus (logarithmic)"
    assert axes.get_ylabel() == "length of the vector (Euclidean norm)"


def test_many_words_are_counted_in_cells() -> None:
    many = vectors_of([str(i) for i in range(5000)], size=3)
    axes, bar = norms_figure(many).axes
    counted = axes.collections[0].get_array()
    assert counted is not None
    assert np.asarray(counted).sum() == 5000
    assert bar.get_ylabel() == "words in a cell"


def test_the_longest_and_the_shortest_are_labelled(wv: WordVectors) -> None:
    norms = np.linalg.norm(wv.vectors, axis=1)
    figure = norms_figure(wv)
    labels = {text.get_text() for text in drawn_texts(figure)}
    assert f"w{norms.argmax()}" in labels
    assert f"w{norms.argmin()}" in labels
    assert len(labels) <= 24
    assert_apart(figure)


def test_words_that_are_asked_for_are_labelled(wv: WordVectors) -> None:
    figure = norms_figure(wv, ["w3", "w250", "w3"])
    assert sorted(text.get_text() for text in drawn_texts(figure)) == ["w250", "w3"]
    assert_apart(figure)


def test_the_median(wv: WordVectors) -> None:
    rows = np.ones((300, 2), dtype=np.float32)
    counts = np.repeat([1, 10, 100], 100)
    rows[counts == 10] *= 3
    line = norms_figure(WordVectors(wv.index_to_key, rows, counts)).axes[0].lines[0]
    assert line.get_label() == "median"
    assert np.asarray(line.get_xdata()).tolist() == [1, 10, 100]
    assert np.asarray(line.get_ydata()) / 2**0.5 == pytest.approx([1, 3, 1])


def test_words_that_never_occur_are_left_out() -> None:
    rows = np.ones((4, 2), dtype=np.float32)
    some = WordVectors(["a", "b", "c", "d"], rows, [5, 0, 2, 1])
    axes = norms_figure(some, ["a", "b"]).axes[0]
    assert len(np.asarray(axes.collections[0].get_offsets())) == 3
    assert [text.get_text() for text in axes.texts] == ["a"]


def test_vectors_without_counts() -> None:
    rows = np.ones((2, 2), dtype=np.float32)
    with pytest.raises(ConfigError, match="carry no word counts"):
        norms_figure(WordVectors(["a", "b"], rows))
    with pytest.raises(ConfigError, match="no word has a count above 0"):
        norms_figure(WordVectors(["a", "b"], rows, [0, 0]))


def test_an_unknown_word(wv: WordVectors) -> None:
    with pytest.raises(UnknownWordError, match="'nope' is not in the vocabulary"):
        norms_figure(wv, ["w1", "nope"])


def test_one_word() -> None:
    figure = norms_figure(vectors_of(["alone"]))
    assert [text.get_text() for text in drawn_texts(figure)] == ["alone"]

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from tests.plots.conftest import assert_apart, drawn_texts
from xw2v.plots.labels import Floats, label_points
from xw2v.plots.rendering import new_figure


def empty_axes(points: Floats) -> Axes:
    axes = new_figure(6, 5).subplots()
    axes.plot(points[:, 0], points[:, 1], "o")
    return axes


def marked(axes: Axes) -> Floats:
    """The points that are marked as having a label."""
    line = axes.lines[-1]
    return np.stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())], axis=1)


@pytest.mark.parametrize("most", [None, 30])
def test_crowded_labels_do_not_lie_upon_each_other(most: int | None) -> None:
    points = np.random.default_rng(3).standard_normal((80, 2))
    axes = empty_axes(points)
    texts = label_points(axes, points, [f"word {i}" for i in range(80)], most)
    figure = axes.get_figure(root=True)
    assert figure is not None
    assert drawn_texts(figure) == texts
    assert 10 <= len(texts) <= (most or 80)
    assert_apart(figure)
    rows = [int(text.get_text().removeprefix("word ")) for text in texts]
    np.testing.assert_allclose(marked(axes), points[rows])
    assert rows == sorted(rows)


def test_labels_are_near_their_points() -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    axes = empty_axes(points)
    texts = label_points(axes, points, ["a", "b", "c"])
    assert [text.get_text() for text in texts] == ["a", "b", "c"]
    for text, point in zip(texts, axes.transData.transform(points), strict=True):
        box = text.get_window_extent()
        assert np.hypot(*(np.clip(point, box.min, box.max) - point)) < 14
    (lines,) = (found for found in axes.collections if isinstance(found, LineCollection))
    assert len(lines.get_segments()) == 0


def test_the_first_of_words_at_one_point_stays() -> None:
    points = np.zeros((50, 2))
    axes = empty_axes(points)
    texts = label_points(axes, points, [f"word {i}" for i in range(50)], 10)
    assert [text.get_text() for text in texts] == ["word 0"]


def test_axes_keep_their_limits() -> None:
    points = np.random.default_rng(3).standard_normal((20, 2))
    axes = empty_axes(points)
    limits = axes.get_xlim(), axes.get_ylim()
    label_points(axes, points, [f"word {i}" for i in range(20)])
    assert (axes.get_xlim(), axes.get_ylim()) == limits


@pytest.mark.parametrize(("words", "most"), [([], None), (["a"], 0)])
def test_no_labels(words: list[str], most: int | None) -> None:
    points = np.zeros((1, 2))
    axes = empty_axes(points)
    assert label_points(axes, points, words, most) == []
    assert not axes.texts

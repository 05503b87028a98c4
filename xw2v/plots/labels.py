"""Labels of points that do not lie upon each other."""

import importlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from xw2v.plots.lettering import lettering
from xw2v.plots.rendering import QUIET, settle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

__all__ = ["label_points"]

_SIZE = 9  # points
_ROUNDS = 40
# Pixels, at 150 to the inch.
_BESIDE = 6.0  # from a point to its label
_GAP = 1.0  # between labels
_LINE_FROM = 14.0  # a label that is further away is led to its point
_FURTHEST = 70.0

Floats = npt.NDArray[np.float64]


def label_points(
    axes: "Axes", points: Floats, words: Sequence[str], most: int | None = None
) -> list["Text"]:
    """Write words next to their points, and none upon another.

    All else must have been drawn: the layout of the figure is fixed here.

    Parameters
    ----------
    axes : Axes
    points : ndarray, shape (n, 2)
        In the coordinates of the data.
    words : sequence of n str
        The most important ones first: there may not be room for all.
    most : int, optional
        Take so many of these, leaving out those whose neighbors have a label already: it is told
        of more regions so. None takes all, and moves them apart where they are crowded.

    Returns
    -------
    list of Text
        The labels there was room for. Lines lead from them to their points where these are not
        next to them, and these points are black.
    """
    figure = cast("Figure", axes.get_figure(root=True))
    if most == 0 or not len(words):
        settle(figure)
        return []
    candidates = list(range(len(words)))
    if most is not None and most < len(words):
        figure.draw_without_rendering()
        candidates = _spread(axes, points, words, most)
    words, points = [words[i] for i in candidates], points[candidates]
    fonts = lettering(words)
    if note := fonts.note(words):
        figure.supxlabel(note, x=0.99, ha="right", fontsize=8, color=QUIET)
    settle(figure)
    places = axes.transData.inverted().transform(_pixels(axes, points) + _BESIDE / 2**0.5)
    looks: dict[str, Any] = {"fontsize": _SIZE, "path_effects": _halo(), "zorder": 5}
    texts = [
        axes.text(x, y, fonts.text(word), **looks, **fonts.looks)
        for (x, y), word in zip(places.tolist(), words, strict=True)
    ]
    _move_apart(axes, texts, points)
    return _cleared(axes, texts, points)


def _pixels(axes: "Axes", points: Floats) -> Floats:
    return np.asarray(axes.transData.transform(points), dtype=np.float64)


def _spread(axes: "Axes", points: Floats, words: Sequence[str], most: int) -> list[int]:
    """Choose words in their order, of which none would be written upon another."""
    width, height = 0.62 * _SIZE * 150 / 72, 1.5 * _SIZE * 150 / 72  # of a letter, about
    area = axes.get_window_extent()
    chosen: list[int] = []
    boxes = np.empty((0, 4))
    for row, (x, y) in enumerate(_pixels(axes, points).tolist()):
        box = np.array([x, y, x + width * (len(words[row]) + 1), y + height])
        apart = (boxes[:, :2] >= box[2:]).any(axis=1) | (box[:2] >= boxes[:, 2:]).any(axis=1)
        if apart.all() and box[2] < area.x1 and box[3] < area.y1:
            chosen.append(row)
            boxes = np.vstack([boxes, box])
        if len(chosen) == most:
            break
    return chosen


def _halo() -> list[Any]:
    """Return the effect of a white edge, which keeps letters legible upon dots and lines."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - slow to import

    return [withStroke(linewidth=2.2, foreground="white")]


def _move_apart(axes: "Axes", texts: list["Text"], points: Floats) -> None:
    from matplotlib.transforms import Bbox  # noqa: PLC0415 - slow to import

    back = axes.transData.inverted()
    dots = _pixels(axes, points)
    boxes = [Bbox(back.transform([dot - _BESIDE / 2, dot + _BESIDE / 2])) for dot in dots]
    # It imports pyplot, but makes no figure there.
    importlib.import_module("adjustText").adjust_text(
        texts,
        objects=boxes,
        target_x=points[:, 0],
        target_y=points[:, 1],
        avoid_self=False,
        ax=axes,
        iter_lim=_ROUNDS,  # not a time, which would end elsewhere on each machine
        prevent_crossings=False,
        expand=(1.02, 1.05),
        force_text=(0.15, 0.4),
        force_static=(0.15, 0.4),
        force_explode=(0.0, 0.0),
    )


def _cleared(axes: "Axes", texts: list["Text"], points: Floats) -> list["Text"]:
    """Remove the labels that lie upon others still, or far off; draw lines from those moved."""
    area = axes.get_window_extent().padded(_GAP)
    kept: list[Text] = []
    boxes: list[Bbox] = []
    labelled, lines = [], []
    for text, point in zip(texts, _pixels(axes, points), strict=True):
        box = text.get_window_extent()
        nearest = np.clip(point, box.min, box.max)
        distance = float(np.hypot(*(nearest - point)))
        inside = all(area.contains(*corner) for corner in (box.min, box.max))
        if not inside or distance > _FURTHEST or box.padded(_GAP).count_overlaps(boxes):
            text.remove()
            continue
        kept.append(text)
        boxes.append(box)
        labelled.append(point)
        if distance > _LINE_FROM:
            lines.append([point, nearest])
    _mark(axes, labelled, lines)
    return kept


def _mark(axes: "Axes", points: Sequence[Floats], lines: Iterable[Any]) -> None:
    """Draw points and lines that are given in pixels."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - slow to import

    back = axes.transData.inverted()
    marked = back.transform(np.reshape(points, (-1, 2)))
    axes.plot(
        *marked.T,
        "o",
        color="black",
        markersize=3,
        markeredgewidth=0,
        zorder=4,
        scalex=False,
        scaley=False,
    )
    segments = [back.transform(line) for line in lines]
    axes.add_collection(
        LineCollection(segments, colors=QUIET, linewidths=0.6, zorder=3), autolim=False
    )

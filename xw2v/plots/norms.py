"""How long the vectors of frequent and of rare words are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError
from xw2v.plots.labels import label_points
from xw2v.plots.rendering import MARKS, MUTED, clean, new_figure, plain_style
from xw2v.vectors import WordVectors
from xw2v.vectors.arrays import row_norms, to_numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = ["norms_figure"]

# From so many on, words are counted in cells, in place of dots upon each other.
_MANY_WORDS = 3_000
_CELLS = 60
# The words labelled by themselves are taken from so many ranges of counts.
_RANGES = 12
_MEDIAN_WORDS = 20

Floats = npt.NDArray[np.float64]


def norms_figure(wv: WordVectors, words: Sequence[str] = ()) -> "Figure":
    """Draw the lengths of the vectors against how often their words occur in the corpus.

    Words that are frequent in few contexts get long vectors, words of all contexts short ones.

    Parameters
    ----------
    wv : WordVectors
    words : sequence of str, optional
        Label these; without any, the words with the longest and the shortest vector in each of
        some ranges of counts.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If the vectors carry no counts, or none above 0.
    UnknownWordError
        If a word is not in the vocabulary.
    """
    if wv.counts is None:
        raise ConfigError("these vectors carry no word counts, which the picture is about")
    _ = wv[list(words)] if words else None  # which raises for an unknown word
    counts = np.asarray(wv.counts, dtype=np.float64)
    norms = to_numpy(row_norms(wv.vectors)).astype(np.float64)
    if not (counts > 0).any():
        raise ConfigError("no word has a count above 0, which the picture is about")
    rows = [wv.key_to_index[word] for word in dict.fromkeys(words)]
    with plain_style():
        return _norms_figure(wv.index_to_key, counts, norms, rows)


def _norms_figure(names: Sequence[str], counts: Floats, norms: Floats, rows: list[int]) -> "Figure":
    counted = np.flatnonzero(counts > 0)
    xs, ys = counts[counted], norms[counted]
    figure = new_figure(8, 5.5)
    axes = figure.subplots()
    clean(axes)
    axes.set_xscale("log")
    if len(counted) >= _MANY_WORDS:
        cells = axes.hexbin(
            xs, ys, xscale="log", gridsize=_CELLS, bins="log", mincnt=1, cmap=_blues(), linewidths=0
        )
        cells.set_clim(1, max(2.0, float(np.max(np.asarray(cells.get_array())))))
        bar = figure.colorbar(cells, ax=axes, aspect=40, pad=0.01, format=_plain)
        bar.outline.set_visible(False)
        bar.set_label("words in a cell")
    else:
        alpha = float(np.clip(60 / len(counted) ** 0.5 / 3, 0.3, 0.8))
        axes.scatter(xs, ys, s=14, color=MUTED, alpha=alpha, linewidths=0)
    axes.xaxis.set_major_formatter(_plain)
    _draw_median(axes, xs, ys)
    axes.set_title(f"Length of the vectors by frequency of {len(counted):,} words", loc="left")
    axes.set_xlabel("occurrences in the corpus (logarithmic)")
    axes.set_ylabel("length of the vector (Euclidean norm)")
    axes.set_ylim(bottom=0)
    axes.margins(y=0.05)
    given = [row for row in rows if counts[row] > 0]
    _label(axes, names, counts, norms, given or ([] if rows else _telling_rows(counts, norms)))
    return figure


def _plain(value: float, _: float) -> str:
    return f"{value:,.0f}"


def _blues() -> "Colormap":
    """Return a scale of blues without the palest, which are hardly there on white."""
    from matplotlib import colormaps  # noqa: PLC0415 - slow to import
    from matplotlib.colors import ListedColormap  # noqa: PLC0415

    return ListedColormap(colormaps["Blues"](np.linspace(0.25, 1.0, 256)))


def _draw_median(axes: "Axes", xs: Floats, ys: Floats) -> None:
    """Draw the median length of words that are about equally frequent."""
    edges = np.unique(np.floor(np.geomspace(xs.min(), xs.max() + 1, 30)))
    which = np.digitize(xs, edges)
    groups = [which == group for group in np.unique(which)]
    groups = [group for group in groups if group.sum() >= _MEDIAN_WORDS]
    if len(groups) > 2:
        axes.plot(
            [np.median(xs[group]) for group in groups],
            [np.median(ys[group]) for group in groups],
            color=MARKS[0],
            linewidth=1.6,
            label="median",
        )
        axes.legend(frameon=False, loc="upper right")


def _telling_rows(counts: Floats, norms: Floats) -> list[int]:
    """Return the words of the longest and the shortest vectors in ranges of the counts."""
    counted = np.flatnonzero(counts > 0)
    logs = np.log(counts[counted])
    edges = np.linspace(logs.min(), logs.max(), _RANGES + 1)[1:-1]
    which = np.digitize(logs, edges)
    rows: dict[int, None] = {}
    for group in reversed(np.unique(which)):
        there = counted[which == group]
        rows[int(there[np.argmax(norms[there])])] = None
        rows[int(there[np.argmin(norms[there])])] = None
    return list(rows)


def _label(
    axes: "Axes", names: Sequence[str], counts: Floats, norms: Floats, rows: list[int]
) -> None:
    places = np.array([(counts[row], norms[row]) for row in rows]).reshape(-1, 2)
    label_points(axes, places, [names[row] for row in rows])

"""A map of words: similar ones next to each other, as far as a plane has room for that."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xw2v.errors import ConfigError
from xw2v.plots.labels import label_points
from xw2v.plots.layouts import Layout, project
from xw2v.plots.rendering import FRAME, MUTED, QUIET, new_figure, plain_style
from xw2v.projection import Method
from xw2v.vectors import WordVectors
from xw2v.vectors.arrays import to_numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["map_figure"]

_LABELS_AT_MOST = 200
_NAMES = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}


def map_figure(
    wv: WordVectors,
    words: Sequence[str] = (),
    *,
    n_words: int = 1_000,
    labels: int = 150,
    method: Method = "pca",
    seed: int = 1,
) -> "Figure":
    """Draw words in the plane.

    Parameters
    ----------
    wv : WordVectors
    words : sequence of str, optional
        The words to draw; without any, the first `n_words`, which are the most frequent ones.
    n_words : int
    labels : int
        Label so many words at most; the others are dots. If there are more words, those are
        labelled, the first ones first, that no other label is in the way of.
    method, seed
        See `xw2v.plots.project`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there are fewer than three words, the method is none of these, or its package is not
        installed.
    UnknownWordError
        If a word is not in the vocabulary.
    """
    if not 0 <= labels <= _LABELS_AT_MOST:
        raise ConfigError(f"labels must be from 0 to {_LABELS_AT_MOST}, not {labels}")
    names = list(dict.fromkeys(words)) or wv.index_to_key[: max(0, n_words)]
    vectors = to_numpy(wv[names]) if names else np.zeros((0, wv.vector_size))
    layout = project(vectors, method, seed)
    what = f"{len(names):,} words" if words else f"The {len(names):,} most frequent words"
    name = _NAMES[method if layout.variance is None else "pca"]
    title = f"{what} by the similarity of their vectors ({name})"
    with plain_style():
        return _map_figure(names, layout, title, labels)


def _map_figure(names: Sequence[str], layout: Layout, title: str, labels: int) -> "Figure":
    figure = new_figure(9.5, 8.5)
    axes = figure.subplots()
    axes.set_title(title, loc="left")
    axes.set_aspect("equal", adjustable="datalim")
    _name_axes(axes, layout)
    places = layout.places
    size = float(np.clip(6_000 / len(names), 2, 20))
    alpha = float(np.clip(20 / len(names) ** 0.5, 0.2, 1.0))
    axes.scatter(places[:, 0], places[:, 1], s=size, color=MUTED, alpha=alpha, linewidths=0)
    axes.margins(0.06)
    label_points(axes, places, names, labels)
    return figure


def _name_axes(axes: "Axes", layout: Layout) -> None:
    for spine in axes.spines.values():
        spine.set_color(FRAME)
    axes.tick_params(length=0, labelsize=8, labelcolor=QUIET)
    if layout.variance is None:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("no units: only which words are near each other means anything")
        return
    axes.set_xlabel(f"first principal component of the unit vectors ({layout.variance[0]:.1%})")
    axes.set_ylabel(f"second ({layout.variance[1]:.1%} of the variance)")
    axes.axhline(0, color=FRAME, linewidth=0.8, zorder=0)
    axes.axvline(0, color=FRAME, linewidth=0.8, zorder=0)

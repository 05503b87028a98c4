"""How similar words are to each other, all with all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError
from xw2v.plots.lettering import lettering
from xw2v.plots.rendering import QUIET, new_figure, plain_style, settle
from xw2v.vectors import WordVectors
from xw2v.vectors.arrays import to_numpy, unit_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["heatmap_figure"]

_MOST = 100
_WITH_NUMBERS = 25
_LEAST_RANGE = 0.1

Floats = npt.NDArray[np.float64]


def heatmap_figure(wv: WordVectors, words: Sequence[str]) -> "Figure":
    """Draw the cosines between the vectors of words, similar words next to each other.

    The order is that of a hierarchical clustering (mean linkage of the cosine distances).

    Parameters
    ----------
    wv : WordVectors
    words : sequence of str
        Two to a hundred; one given twice counts once.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ConfigError
        If there are fewer words or more.
    UnknownWordError
        If a word is not in the vocabulary.
    """
    names = list(dict.fromkeys(words))
    if not 2 <= len(names) <= _MOST:
        raise ConfigError(f"a heat map needs 2 to {_MOST} different words, not {len(names)}")
    unit = to_numpy(unit_rows(wv[names])).astype(np.float64)
    similarities = np.clip(unit @ unit.T, -1.0, 1.0)
    similarities = (similarities + similarities.T) / 2
    order = _order(similarities)
    with plain_style():
        return _heatmap_figure([names[i] for i in order], similarities[np.ix_(order, order)])


def _order(similarities: Floats) -> list[int]:
    """Return the rows so that similar ones are next to each other."""
    from scipy.cluster.hierarchy import leaves_list, linkage  # noqa: PLC0415 - slow to import
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    distances = 1.0 - similarities
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(distances), "average", optimal_ordering=True)
    return [int(row) for row in leaves_list(tree)]


def _heatmap_figure(names: Sequence[str], similarities: Floats) -> "Figure":
    count = len(names)
    side = float(np.clip(0.42 * count, 3.2, 11 if count <= _WITH_NUMBERS else 14))
    fonts = lettering(names)
    texts = [fonts.text(name) for name in names]
    size = float(np.clip(72 * side / count * 0.62, 5, 10))
    margin = max(map(len, texts)) * 0.65 * size / 72
    figure = new_figure(side + margin + 1.4, side + margin + 0.7)
    axes = figure.subplots()
    others = similarities[~np.eye(count, dtype=bool)]
    # White is 0 on all maps; a word with itself says nothing, and its 1 would pale the others.
    limit = max(_LEAST_RANGE, float(np.abs(others).max()))
    shown = np.ma.masked_array(similarities, np.eye(count, dtype=bool))
    axes.set_facecolor("#d0d0d0")
    image = axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit)
    looks = {"fontsize": size, **fonts.looks}
    axes.xaxis.tick_top()
    axes.set_xticks(range(count), texts, rotation=90, **looks)
    axes.set_yticks(range(count), texts, **looks)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if count <= _WITH_NUMBERS:
        _write_numbers(axes, similarities, limit)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("cosine similarity")
    bar.ax.set_ylim(min(0.0, float(others.min())), limit)
    axes.set_title(f"How similar {count} words are to each other", loc="left", pad=12)
    if note := fonts.note(names):
        figure.supxlabel(note, x=0.99, ha="right", fontsize=8, color=QUIET)
    settle(figure)
    return figure


def _write_numbers(axes: "Axes", similarities: Floats, limit: float) -> None:
    for row, column in np.ndindex(*similarities.shape):
        if row != column:
            value = float(similarities[row, column])
            axes.text(
                column,
                row,
                f"{value:.2f}".replace("-", "\N{MINUS SIGN}"),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if abs(value) > 0.7 * limit else "black",
            )

"""The course of a training run: loss, learning rate, evaluations."""

import math
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xw2v.errors import ModelFileError
from xw2v.plots.lettering import lettering
from xw2v.plots.rendering import (
    MARKS,
    MUTED,
    QUIET,
    clean,
    new_figure,
    picture_format,
    plain_style,
    render,
    settle,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["loss_figure", "plot_loss"]

# More epochs than this would hide the curve behind their lines.
_EPOCHS_MARKED = 30
# Fewer points than this are marked one by one.
_POINTS_MARKED = 40
_SYMBOLS = "osD^"
# Above the axes, right of the title, where nothing is in the way.
_LEGEND: dict[str, Any] = {
    "frameon": False,
    "loc": "lower right",
    "bbox_to_anchor": (1, 1),
    "borderaxespad": 0.2,
    "columnspacing": 1.2,
    "handletextpad": 0.4,
    "fontsize": 9,
    "ncols": 5,
}
_MEANS = "mean since the last point"
_LOSS = "loss"  # the part of an evaluation that is one of the losses itself


def plot_loss(
    loss_history: Sequence[Mapping[str, float | int]],
    path: str | PathLike[str],
    evaluations: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write a picture of `loss_figure` to a file: PNG, SVG or PDF, by its name.

    Parameters
    ----------
    loss_history
        See `loss_figure`.
    path : path
        The PNG of 1200 by 750 pixels, or the SVG or PDF, to write.
    evaluations
        See `loss_figure`.

    Raises
    ------
    ConfigError
        If the name has another ending.
    ModelFileError
        If the file cannot be written.
    """
    picture = render(loss_figure(loss_history, evaluations), picture_format(path))
    try:
        Path(path).write_bytes(picture)
    except OSError as error:
        raise ModelFileError(f"cannot write {fspath(path)}: {error.strerror or error}") from error


def loss_figure(
    loss_history: Sequence[Mapping[str, float | int]],
    evaluations: Sequence[Mapping[str, Any]] = (),
) -> "Figure":
    """Draw the training loss and the learning rate against the corpus words trained on.

    Parameters
    ----------
    loss_history : sequence of mapping
        Reports in the order of training: ``words`` (corpus words so far), ``epoch`` (passes over
        the corpus so far, with a fraction), ``alpha`` (learning rate) and ``loss`` (per positive
        pair). A loss that is not finite leaves a gap; no report at all gives a picture that
        says so.
    evaluations : sequence of mapping, optional
        Evaluations in the order of training: ``words`` and ``parts``, numbers by their names,
        which are points on an axis of their own at the right. Of more than four parts their mean,
        ``score``, is drawn alone. The part ``"loss"`` is a mean of losses, and stands among them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with plain_style():
        return _loss_figure(loss_history, evaluations)


def _loss_figure(
    loss_history: Sequence[Mapping[str, float | int]], evaluations: Sequence[Mapping[str, Any]]
) -> "Figure":
    figure = new_figure(8, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])

    words = [float(report["words"]) for report in loss_history]
    losses = [float(report["loss"]) for report in loss_history]
    rates = [float(report["alpha"]) for report in loss_history]
    furthest = max([*words, *(float(one["words"]) for one in evaluations)], default=0.0)
    scale, unit = _scale_of_words(furthest)
    scaled = [value / scale for value in words]
    marker = "o" if len(words) < _POINTS_MARKED else ""
    upper.plot(
        scaled,
        [value if math.isfinite(value) else math.nan for value in losses],
        color=MUTED,
        linewidth=1.2,
        marker=marker,
        markersize=3.5,
    )
    lower.plot(scaled, rates, color=QUIET, linewidth=1.5, marker=marker, markersize=2.5)

    upper.set_ylabel("loss per positive pair (nats)")
    lower.set_ylabel("learning\nrate")
    lower.set_xlabel(f"corpus words{unit}")
    for axes in (upper, lower):
        clean(axes, grid="y")
    if loss_history:
        highest = max(rates)
        lower.set_ylim(0, 1.2 * highest or 1)
        lower.set_yticks([0, highest], ["0", f"{highest:.3g}"])
        lower.set_xlim(0, 1.02 * furthest / scale or 1)
        _mark_epochs(upper, lower, loss_history[-1], scale)
    if not any(map(math.isfinite, losses)):
        upper.set_yticks([])
        upper.text(
            0.5, 0.5, "no loss was measured", transform=upper.transAxes, ha="center", va="center"
        )
    if not loss_history:
        lower.set_xticks([])
        lower.set_yticks([])
    more = _mark_evaluations(upper, evaluations, scale)
    upper.set_title(f"Training loss{more}", loc="left")
    settle(figure)
    return figure


def _scale_of_words(largest: float) -> tuple[float, str]:
    """Return what to divide word counts by, and how the axis says so."""
    for scale, name in ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands")):
        if largest >= scale:
            return scale, f" ({name})"
    return 1.0, ""


def _mark_epochs(
    upper: "Axes", lower: "Axes", last: Mapping[str, float | int], scale: float
) -> None:
    """Draw a dotted line at the end of each epoch, unless there are too many, and say so."""
    epochs = float(last["epoch"])
    if not 1 < epochs <= _EPOCHS_MARKED:
        return
    words_per_epoch = float(last["words"]) / epochs
    for epoch in range(1, math.ceil(epochs)):
        upper.axvline(epoch * words_per_epoch / scale, color=QUIET, linestyle=":", linewidth=1)
    lower.set_xlabel(f"{lower.get_xlabel()}; dotted lines: end of an epoch")


def _mark_evaluations(upper: "Axes", evaluations: Sequence[Mapping[str, Any]], scale: float) -> str:
    """Draw evaluations as points, at the right if they are no losses; return words for a title."""
    if not evaluations:
        return ""
    words = [float(one["words"]) / scale for one in evaluations]
    series = _series(evaluations)
    looks: dict[str, Any] = {
        "linestyle": ":",
        "linewidth": 1,
        "markersize": 6,
        "markeredgecolor": "white",
    }
    lines: list[Line2D] = []
    means = series.pop(_LOSS, None)
    if means is not None:
        lines += upper.plot(words, means, color=MARKS[-1], marker="v", **looks)
    if not series:
        _name(upper, lines, [_MEANS])
        return ""
    right = upper.twinx()
    right.spines[["top", "left"]].set_visible(False)
    right.set_ylabel("evaluation (1 is perfect)")
    for values, color, symbol in zip(series.values(), MARKS, _SYMBOLS, strict=False):
        lines += right.plot(words, values, color=color, marker=symbol, **looks)
    right.set_ylim(bottom=min(0.0, right.get_ylim()[0]))
    upper.yaxis.label.set_color(MUTED)
    _name(upper, lines, list(series) if means is None else [_MEANS, *series])
    return " and evaluations"


def _name(upper: "Axes", lines: "list[Line2D]", names: Sequence[str]) -> None:
    """Write a legend; the names may be those of files, hence anything."""
    fonts = lettering(names)
    legend = upper.legend(lines, [fonts.text(name, 32) for name in names], **_LEGEND)
    for text in legend.get_texts():
        text.set(**fonts.looks)


def _series(evaluations: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the numbers of each part; NaN where an evaluation lacks it."""
    names = list(dict.fromkeys(name for one in evaluations for name in one["parts"]))
    if len(names) > len(MARKS):
        return {f"mean of {len(names)}": [float(one["score"]) for one in evaluations]}
    return {
        name: [float(one["parts"].get(name, math.nan)) for one in evaluations] for name in names
    }

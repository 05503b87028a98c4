"""Pictures of a training run."""

import math
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING

from xw2v.errors import ModelFileError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_loss"]

_LOSS_COLOR = "#1f5fa8"
_QUIET_COLOR = "#808080"
# More epochs than this would hide the curve behind their lines.
_EPOCHS_MARKED = 30
# Fewer points than this are marked one by one.
_POINTS_MARKED = 40


def plot_loss(loss_history: Sequence[Mapping[str, float | int]], path: str | PathLike[str]) -> None:
    """Draw the training loss and the learning rate against the corpus words trained on.

    Parameters
    ----------
    loss_history : sequence of mapping
        Reports in the order of training: ``words`` (corpus words so far), ``epoch`` (passes over
        the corpus so far, with a fraction), ``alpha`` (learning rate) and ``loss`` (per positive
        pair). A loss that is not finite leaves a gap; no report at all gives a picture that
        says so.
    path : path
        The PNG file to write, 1200 by 750 pixels.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """
    # Slow to import, and the pyplot interface would touch the user's own figures.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])

    words = [float(report["words"]) for report in loss_history]
    losses = [float(report["loss"]) for report in loss_history]
    rates = [float(report["alpha"]) for report in loss_history]
    scale, unit = _scale_of_words(max(words, default=0.0))
    scaled = [value / scale for value in words]
    marker = "o" if len(words) < _POINTS_MARKED else ""
    upper.plot(
        scaled,
        [value if math.isfinite(value) else math.nan for value in losses],
        color=_LOSS_COLOR,
        linewidth=1.2,
        marker=marker,
        markersize=3.5,
    )
    lower.plot(scaled, rates, color=_QUIET_COLOR, linewidth=1.5, marker=marker, markersize=2.5)

    upper.set_title("Training loss", loc="left")
    upper.set_ylabel("loss per positive pair (nats)")
    lower.set_ylabel("learning\nrate")
    lower.set_xlabel(f"corpus words{unit}")
    for axes in (upper, lower):
        axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    if loss_history:
        highest = max(rates)
        lower.set_ylim(0, 1.2 * highest or 1)
        lower.set_yticks([0, highest], ["0", f"{highest:.3g}"])
        lower.set_xlim(0, 1.02 * max(scaled) or 1)
        _mark_epochs(upper, lower, loss_history[-1], scale)
    if not any(map(math.isfinite, losses)):
        upper.set_yticks([])
        upper.text(
            0.5, 0.5, "no loss was measured", transform=upper.transAxes, ha="center", va="center"
        )
    if not loss_history:
        lower.set_xticks([])
        lower.set_yticks([])
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise ModelFileError(f"cannot write {fspath(path)}: {error.strerror or error}") from error


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
        upper.axvline(
            epoch * words_per_epoch / scale, color=_QUIET_COLOR, linestyle=":", linewidth=1
        )
    lower.set_xlabel(f"{lower.get_xlabel()}; dotted lines: end of an epoch")

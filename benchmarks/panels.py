"""The picture of `scaling.py`: one small panel for each setting."""

import math
from typing import TYPE_CHECKING

from measuring import Result, Runs, best_gensim, median, rate, ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = {"xw2v": "#1f5fa8", "gensim": "#c8641b"}
_NAMES = {"xw2v": "xw2v", "gensim": "gensim, its faster mode"}
_PARTS = {"matrices": "#1f5fa8", "vocabulary": "#7fa8d6", "constant": "#d3d3d3"}
_QUIET = "#6b6b6b"
_COLUMNS = 3
_TITLES = {
    "vector_size": "Dimension",
    "window": "Window",
    "negative": "Negatives",
    "vocabulary": "Words in the vocabulary",
    "workers": "Workers",
    "memory": "Peak memory of xw2v, MB",
}
_WIDE = ("vector_size", "vocabulary", "workers")  # their values call for a logarithmic axis


def draw(document: Result, path: str) -> None:
    """Draw words/s against each setting, and the parts of the memory."""
    from matplotlib.figure import Figure  # slow to import

    sections: dict[str, list[Result]] = document["sections"]
    columns = min(_COLUMNS, len(sections))
    rows = math.ceil(len(sections) / columns)
    figure = Figure(
        figsize=(max(6, 3.7 * columns), 2.8 * rows + 0.9), dpi=150, layout="constrained"
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    limits = _limits(sections)
    for panel, (name, points) in zip(panels, sections.items(), strict=False):
        _clean(panel, _TITLES[name])
        if name == "memory":
            _memory(panel, points)
        else:
            _sweep(panel, name, points, limits)
    for panel in panels[len(sections) :]:
        panel.set_axis_off()
    _frame(figure, document["about"], with_ideal="workers" in sections)
    figure.savefig(path)


def _frame(figure: "Figure", facts: Result, with_ideal: bool) -> None:
    from matplotlib.lines import Line2D

    figure.suptitle("Training words per second", x=0.01, ha="left", fontweight="bold")
    keys = [
        Line2D([], [], marker="o", ms=3.5, c=_COLORS[peer], label=_NAMES[peer]) for peer in _NAMES
    ]
    if with_ideal:
        keys.append(Line2D([], [], c=_QUIET, ls=":", label="n times one worker"))
    figure.legend(handles=keys, loc="outside upper right", ncols=3, frameon=False, fontsize=8.5)
    machine, versions = facts["machine"], facts["versions"]
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    origin = f"{machine['processor']}, {machine['cores']} cores; {named}; {facts['date']}"
    about = "Small figures: how many times gensim's words/s."
    figure.supxlabel(f"{about}  {origin}", x=0.01, ha="left", fontsize=7.5, color=_QUIET)


def _clean(panel: "Axes", title: str) -> None:
    panel.set_title(title, loc="left", fontsize=10)
    panel.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=8)


def _sweep(panel: "Axes", name: str, points: list[Result], limits: tuple[float, float]) -> None:
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    values = [point["value"] for point in points]
    rates = _rates(points)
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(EngFormatter(sep=""))
    if name in _WIDE:
        panel.set_xscale("log")
        panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks(values, list(map(_short, values)))
    panel.margins(x=0.08, y=0.12)
    if name == "workers":
        _ideal(panel, values, rates)
    else:
        panel.set_ylim(*limits)  # the same for all, so that slopes can be compared
    for peer, own in rates.items():
        panel.plot(values, own, "o-", color=_COLORS[peer], markersize=3.5, linewidth=1.5)
    for point, height in zip(points, rates.get("xw2v", []), strict=False):
        runs: Runs = point["runs"]
        times = ratio(runs["xw2v"], best_gensim(runs, rate), rate)
        if times is not None:
            panel.annotate(
                f"{times:.1f}×",
                (point["value"], height),
                # Beside the line: with workers it rises, else it mostly falls.
                xytext=(8, -10) if name == "workers" else (6, 4.5),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=_QUIET,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )


def _ideal(panel: "Axes", values: list[int], rates: dict[str, list[float]]) -> None:
    for peer, own in rates.items():
        ideal = [own[0] * value / values[0] for value in values]
        panel.plot(values, ideal, ":", color=_COLORS[peer], linewidth=1.2)


def _rates(points: list[Result]) -> dict[str, list[float]]:
    """Return words/s at each point, of xw2v and of gensim's mode that is faster there."""
    rates: dict[str, list[float]] = {}
    for point in points:
        runs: Runs = point["runs"]
        for peer, own in (("xw2v", runs.get("xw2v", [])), ("gensim", best_gensim(runs, rate))):
            if own:
                rates.setdefault(peer, []).append(median(own, rate))
    return rates


def _limits(sections: dict[str, list[Result]]) -> tuple[float, float]:
    swept = [points for name, points in sections.items() if name not in ("workers", "memory")]
    rates = [rate for points in swept for own in _rates(points).values() for rate in own]
    return (min(rates) / 1.3, max(rates) * 1.5) if rates else (1, 10)


def _memory(panel: "Axes", points: list[Result]) -> None:
    labels = [f"V {_short(p['vocabulary'])}\ntext {_short(p['words'])}" for p in points]
    bottom = [0.0] * len(points)
    for part, color in _PARTS.items():
        heights = [point[f"{part}_mb"] for point in points]
        panel.bar(labels, heights, bottom=bottom, color=color, width=0.6, label=part)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    for place, (point, top) in enumerate(zip(points, bottom, strict=True)):
        for height, align in ((top, "bottom"), (top - point["constant_mb"] / 2, "center")):
            figure = top if align == "bottom" else point["constant_mb"]
            panel.text(place, height, f"{figure:.0f}", ha="center", va=align, fontsize=7.5)
    panel.set_ylim(top=1.25 * max(bottom))
    panel.legend(frameon=False, fontsize=8, ncols=3, loc="upper left", columnspacing=1)


def _short(number: float) -> str:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")(number) if number >= 10_000 else f"{number:g}"

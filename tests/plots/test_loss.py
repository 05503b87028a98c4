import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D

from xw2v.errors import ConfigError, ModelFileError
from xw2v.plots import loss_figure, plot_loss
from xw2v.plots.loss import _scale_of_words


def history(points: int, words: int = 1_000_000, epochs: float = 5) -> list[dict[str, Any]]:
    done = [(i + 1) / points for i in range(points)]
    return [
        {
            "words": int(words * x),
            "epoch": epochs * x,
            "alpha": 0.025 * (1 - x) + 1e-4,
            "loss": 2 + math.exp(-5 * x),
        }
        for x in done
    ]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Return the list of the figures saved during the test."""
    figures: list[Figure] = []
    savefig = Figure.savefig

    def remember(self: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(self)
        savefig(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures


def lines(axes: Axes) -> list[int]:
    return [np.asarray(line.get_xdata()).size for line in axes.lines]


def test_the_picture(tmp_path: Path, drawn: list[Figure]) -> None:
    plot_loss(history(200, words=85_000_000), tmp_path / "loss.png")
    assert imread(tmp_path / "loss.png").shape == (750, 1200, 4)
    upper, lower = drawn[0].axes
    assert upper.get_ylabel() == "loss per positive pair (nats)"
    assert lower.get_ylabel() == "learning\nrate"
    assert lower.get_xlabel() == "corpus words (millions); dotted lines: end of an epoch"
    assert lines(upper) == [200, 2, 2, 2, 2]  # the curve, and the ends of four epochs
    assert lines(lower) == [200]
    assert upper.get_xlim()[1] == pytest.approx(85, rel=0.1)
    assert lower.get_ylim()[0] == 0


@pytest.mark.parametrize(
    ("largest", "expected"),
    [(0, (1, "")), (999, (1, "")), (5e4, (1e3, " (thousands)")), (5e6, (1e6, " (millions)"))],
)
def test_the_axis_says_what_it_counts(largest: float, expected: tuple[float, str]) -> None:
    assert _scale_of_words(largest) == expected


@pytest.mark.parametrize(
    "loss_history",
    [
        [],
        history(1, epochs=1),
        history(500, epochs=400),
        [{**report, "loss": math.nan} for report in history(9, epochs=0.5)],
        [{"words": 0, "epoch": 0, "alpha": 0, "loss": math.inf}],
    ],
    ids=["none", "one", "many epochs", "no finite loss", "zeros"],
)
def test_unusual_histories_give_a_picture(
    tmp_path: Path, drawn: list[Figure], loss_history: list[dict[str, Any]]
) -> None:
    plot_loss(loss_history, str(tmp_path / "loss.png"))
    assert imread(tmp_path / "loss.png").shape == (750, 1200, 4)
    upper = drawn[0].axes[0]
    finite = any(math.isfinite(report["loss"]) for report in loss_history)
    assert [text.get_text() for text in upper.texts] == ([] if finite else ["no loss was measured"])
    assert len(upper.lines) == 1


def test_a_loss_that_is_not_finite_leaves_a_gap(tmp_path: Path, drawn: list[Figure]) -> None:
    loss_history = history(9)
    loss_history[4]["loss"] = math.inf
    plot_loss(loss_history, tmp_path / "loss.png")
    drawn_losses = np.asarray(drawn[0].axes[0].lines[0].get_ydata(), dtype=np.float64)
    assert np.isnan(drawn_losses).tolist() == [i == 4 for i in range(9)]


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"cannot write .*missing.*loss\.png"):
        plot_loss(history(3), tmp_path / "missing" / "loss.png")


def test_matplotlib_is_imported_late_and_pyplot_never(tmp_path: Path) -> None:
    code = (
        "import sys, xw2v.plots\n"
        "early = 'matplotlib' in sys.modules\n"
        "xw2v.plots.plot_loss([], sys.argv[1])\n"
        "sys.exit(early + 2 * ('matplotlib.pyplot' in sys.modules))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "loss.png")]
    assert subprocess.run(command, check=False).returncode == 0


def evaluations(**parts: float) -> list[dict[str, Any]]:
    return [
        {
            "words": 200_000 * i,
            "score": i * sum(parts.values()) / len(parts),
            "parts": {name: i * value for name, value in parts.items()},
        }
        for i in range(1, 5)
    ]


def named(figure: Figure) -> dict[str, list[float]]:
    """What the legend names, and the heights of the points."""
    legend = figure.axes[0].get_legend()
    assert legend is not None
    drawn = [*figure.axes[0].lines, *(line for axes in figure.axes[2:] for line in axes.lines)]
    found = {}
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        assert isinstance(handle, Line2D)
        (line,) = (line for line in drawn if line.get_color() == handle.get_color())
        found[text.get_text()] = np.asarray(line.get_ydata(), dtype=np.float64).tolist()
    return found


def test_evaluations_are_points_on_an_axis_of_their_own() -> None:
    figure = loss_figure(history(50), evaluations(analogies=0.1, pairs=0.2))
    upper, _, right = figure.axes
    assert upper.get_title(loc="left") == "Training loss and evaluations"
    assert right.get_ylabel() == "evaluation (1 is perfect)"
    found = named(figure)
    assert list(found) == ["analogies", "pairs"]
    assert found["analogies"] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert found["pairs"] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert np.asarray(right.lines[0].get_xdata()).tolist() == [0.2, 0.4, 0.6, 0.8]  # millions


def test_of_many_parts_their_mean_is_drawn() -> None:
    parts = {f"part {i}": 0.1 * i for i in range(5)}
    figure = loss_figure(history(50), evaluations(**parts))
    assert named(figure) == {"mean of 5": pytest.approx([0.2, 0.4, 0.6, 0.8])}


def test_evaluations_by_the_loss_stand_among_the_losses() -> None:
    figure = loss_figure(history(50), evaluations(loss=2.0))
    assert len(figure.axes) == 2
    assert named(figure) == {"mean since the last point": [2, 4, 6, 8]}


def test_a_part_that_some_evaluations_lack_leaves_a_gap() -> None:
    some = evaluations(a=0.1, b=0.2)
    del some[1]["parts"]["b"]
    assert np.isnan(named(loss_figure(history(50), some))["b"]).tolist() == [
        False,
        True,
        False,
        False,
    ]


def test_parts_may_be_called_anything(tmp_path: Path) -> None:
    names = ["_hidden.tsv", "$a_{", "中"]
    plot_loss(history(5), tmp_path / "loss.svg", evaluations(**dict.fromkeys(names, 0.1)))
    figure = loss_figure(history(5), evaluations(**dict.fromkeys(names, 0.1)))
    assert list(named(figure))[:2] == names[:2]


def test_evaluations_without_losses() -> None:
    figure = loss_figure([], evaluations(a=0.1))
    assert [text.get_text() for text in figure.axes[0].texts] == ["no loss was measured"]
    assert named(figure)["a"] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_the_name_says_the_format(tmp_path: Path) -> None:
    plot_loss(history(5), tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").read_bytes().startswith(b"<?xml")
    with pytest.raises(ConfigError, match=r"must end in \.png, \.svg or \.pdf, not .*loss\.gif"):
        plot_loss(history(5), tmp_path / "loss.gif")
    assert not (tmp_path / "loss.gif").exists()

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

from xw2v.errors import ModelFileError
from xw2v.plots import _scale_of_words, plot_loss


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

from collections.abc import Callable
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from tests.plots.conftest import STRANGE, vectors_of
from xw2v.errors import ConfigError
from xw2v.plots import (
    FORMATS,
    heatmap_figure,
    loss_figure,
    map_figure,
    norms_figure,
    picture_format,
    render,
)

STRANGERS = vectors_of(STRANGE)

FIGURES: dict[str, Callable[[], Figure]] = {
    "loss": lambda: loss_figure([{"words": 9, "epoch": 1, "alpha": 0.1, "loss": 2}]),
    "norms": lambda: norms_figure(STRANGERS),
    "map": lambda: map_figure(STRANGERS),
    "map without labels": lambda: map_figure(STRANGERS, labels=0),
    "heatmap": lambda: heatmap_figure(STRANGERS, STRANGE[:7]),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n == "map without labels" else n for n in FIGURES],
)
def test_the_same_picture_is_the_same_file(name: str) -> None:
    """Also drawn anew, and after another format; words of all scripts give no warnings."""
    figure, again = FIGURES[name](), FIGURES[name]()
    files = [render(figure, kind) for kind in FORMATS]
    assert files[0] == render(figure, FORMATS[0])
    assert files == [render(again, kind) for kind in FORMATS]


def test_files_are_what_they_claim_to_be() -> None:
    figure = FIGURES["loss"]()
    assert render(figure, "png").startswith(b"\x89PNG\r\n\x1a\n")
    assert ET.fromstring(render(figure, "svg")).tag == "{http://www.w3.org/2000/svg}svg"
    assert render(figure, "pdf").startswith(b"%PDF-")


def test_there_is_no_date_in_files() -> None:
    figure = FIGURES["loss"]()
    assert b"<dc:date>" not in render(figure, "svg")
    assert b"CreationDate" not in render(figure, "pdf")
    assert b"tIME" not in render(figure, "png")


def test_the_settings_of_the_user_are_left_out_and_left_alone() -> None:
    expected = render(FIGURES["loss"]())
    with mpl.rc_context({"savefig.bbox": "tight", "font.size": 30, "lines.linewidth": 9}):
        assert render(FIGURES["loss"]()) == expected
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize(
    ("path", "expected"), [("a.png", "png"), ("b/c.d.SVG", "svg"), ("x.Pdf", "pdf")]
)
def test_names_and_formats(path: str, expected: str) -> None:
    assert picture_format(path) == expected


@pytest.mark.parametrize("path", ["png", "x", "x.jpg", ".svg", "x.png.txt", ""])
def test_names_of_no_format(path: str) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.png, \.svg or \.pdf"):
        picture_format(path)

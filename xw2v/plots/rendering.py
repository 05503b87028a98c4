"""What all pictures share: colors, and the bytes of a file, which are the same every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike, fspath
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from xw2v.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "FORMATS",
    "FRAME",
    "MARKS",
    "MUTED",
    "QUIET",
    "clean",
    "new_figure",
    "picture_format",
    "plain_style",
    "render",
    "settle",
]

FORMATS = ("png", "svg", "pdf")

# Told apart by people who see fewer colors as well.
MUTED = "#1f5fa8"
MARKS = ("#c8501b", "#00795c", "#8a4f9e", "#7a6000")
QUIET = "#6b6b6b"
FRAME = "#e4e4e4"

# Dates would make each file of the same picture another one.
_UNDATED: dict[str, dict[str, Any]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
_DPI = 150


@contextmanager
def plain_style() -> Iterator[None]:
    """Draw as Matplotlib does by default, whatever the user's settings are, and reproducibly."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.hashsalt"] = "xw2v"  # the names within the file, else random
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of so many inches, which pyplot knows nothing about."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def settle(figure: "Figure") -> None:
    """Fix the layout, which would be another one each time that the figure is drawn."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def clean(axes: "Axes", grid: str | None = None) -> None:
    """Leave the axes two of their four edges, and draw quiet lines across, if any."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    if grid == "y":
        axes.grid(axis="y", color=FRAME, linewidth=0.8)
    elif grid == "both":
        axes.grid(axis="both", color=FRAME, linewidth=0.8)


def picture_format(path: str | PathLike[str]) -> str:
    """Return the format that the name of a picture ends in: ``"png"``, ``"svg"`` or ``"pdf"``.

    Raises
    ------
    ConfigError
        If it ends in none of these.
    """
    suffix = PurePath(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ConfigError(
            f"the name of a picture must end in .png, .svg or .pdf, not {fspath(path)!r}"
        )
    return suffix


def render(figure: "Figure", format: str = "png") -> bytes:  # noqa: A002 - Matplotlib's name
    """Return the contents of a picture file, the same bytes for the same figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    format : {"png", "svg", "pdf"}
    """
    file = BytesIO()
    with plain_style():
        figure.savefig(file, format=format, metadata=_UNDATED[format])
    return file.getvalue()

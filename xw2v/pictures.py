"""Pictures in files: whole or not there, and of a run while it is under way."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xw2v.atomic import replacing_file
from xw2v.errors import ModelFileError
from xw2v.plots import loss_figure, picture_format, render
from xw2v.training.intervals import Interval, Timer
from xw2v.training.run import Callback, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LossPlotter", "write_picture"]

_logger = logging.getLogger(__name__)


def write_picture(figure: "Figure", path: str | PathLike[str]) -> None:
    """Write a figure to a file: PNG, SVG or PDF, by its name.

    The same figure gives the same bytes. A file of that name is replaced once the new one is
    complete.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        As the functions of `xw2v.plots` make it.
    path : path

    Raises
    ------
    ConfigError
        If the name has another ending.
    ModelFileError
        If the file cannot be written.
    """
    picture = render(figure, picture_format(path))
    try:
        with replacing_file(Path(path)) as file:
            file.write(picture)
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error


class LossPlotter(Callback):
    """Keeps a picture of the loss, and of evaluations, up to date while vectors are trained.

    It stands after what evaluates among the callbacks. The picture is there from the beginning,
    so that a run does not start whose picture cannot be written; one that cannot be written
    later on does not end the run.

    Parameters
    ----------
    path : path
        The file, whose name ends in .png, .svg or .pdf. It is replaced.
    every : Interval, str or int
        Draw after so many words or so long, or after each ``"epoch"``, see `Interval.parse`; and
        at the end.
    say : callable, optional
        Called with a message if the picture cannot be written; the log has it otherwise.

    Raises
    ------
    ConfigError
        If the name or the interval cannot work.
    ModelFileError
        When training begins, if the file cannot be written.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        every: Interval | str | int = "epoch",
        *,
        say: Callable[[str], None] | None = None,
    ) -> None:
        picture_format(path)
        self._path = path
        self._timer = Timer(Interval.parse(every, "every"))
        self._say = _logger.warning if say is None else say

    def on_train_begin(self, run: Run) -> None:
        """Draw what there is of a run that is resumed, or an empty picture."""
        self._timer.start(run)
        self._write(run)

    def on_batch_end(self, run: Run) -> None:
        """Draw, if an interval is over."""
        if self._timer.due(run):
            self._try(run)

    def on_train_end(self, run: Run) -> None:
        """Draw all of it."""
        self._try(run)

    def _try(self, run: Run) -> None:
        try:
            self._write(run)
        except ModelFileError as error:
            self._say(f"the picture of the loss is not up to date: {error}")

    def _write(self, run: Run) -> None:
        figure = loss_figure(
            [asdict(record) for record in run.losses], [asdict(one) for one in run.evaluations]
        )
        write_picture(figure, self._path)

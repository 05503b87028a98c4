"""How far reading and training have come: a bar on a terminal, lines elsewhere, or nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click
from rich import progress as bars
from rich.console import Console
from rich.table import Column

from xw2v.cli.output import compact, count
from xw2v.text import ReadProgress
from xw2v.training import Progress

__all__ = ["Display"]

OnRead = Callable[[ReadProgress], None]
OnBatch = Callable[[Progress], None]

_SECONDS_A_LINE = 10.0
_SECONDS_A_FRAME = 0.2
_NARROW = 72  # columns; there is no room for a bar beside the figures in fewer


class Display:
    """Shows on standard error what is going on.

    Parameters
    ----------
    quiet : bool
        Show nothing at all.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._interval = _SECONDS_A_FRAME if self._console.is_terminal else _SECONDS_A_LINE

    def say(self, message: str) -> None:
        """Print a line, unless quiet."""
        if not self._quiet:
            self.warn(message)

    def warn(self, message: str) -> None:
        """Print a line."""
        if self._console.is_terminal:  # where a bar may be, which has to make room
            self._console.print(message, markup=False, soft_wrap=True)
        else:
            click.echo(message, err=True)

    @contextmanager
    def reading(self) -> Iterator[OnRead]:
        """Give the function to call with the progress of reading a text."""
        due = _Clock(self._interval)
        forgotten = 0
        with self._bar("reading") as update:

            def on_read(now: ReadProgress) -> None:
                nonlocal forgotten
                forgotten = now.forgotten
                if self._quiet or not (due() or now.done == now.total):
                    return
                if update is not None:
                    status = "  ".join(_amounts(now))
                    update(completed=now.done, total=now.total, status=status)
                elif now.done != now.total:
                    share = [f"{now.done / now.total:.0%}"] if now.total else []
                    self.say(f"reading: {', '.join([*share, *_amounts(now)])}")

            yield on_read
            if update is not None:
                update(completed=1, total=1)  # the end, also where that was not known
        if forgotten:
            self.say(
                f"forgotten: {count(forgotten, 'word')} that were rare so far (--max-vocab-size), "
                "so counts are too low"
            )

    @contextmanager
    def training(self, epochs: int) -> Iterator[OnBatch]:
        """Give the function to call with the progress of a training run of so many epochs."""
        due = _Clock(self._interval)
        with self._bar("training") as update:

            def on_batch(now: Progress) -> None:
                if self._quiet or not (due() or now.words == now.total_words):
                    return
                epoch = f"epoch {now.epoch}/{epochs}"
                if update is not None:
                    update(
                        completed=now.words,
                        total=now.total_words,
                        description=epoch,
                        status="  ".join(_measures(now)),
                    )
                else:
                    share = f"{now.words / now.total_words:.1%}"
                    self.say(f"training: {', '.join([share, epoch, *_measures(now)])}")

            yield on_batch

    @contextmanager
    def _bar(self, description: str) -> Iterator[Callable[..., None] | None]:
        """Show a bar on a terminal; give the function that changes it."""
        if self._quiet or not self._console.is_terminal:
            yield None
            return
        fixed = Column(no_wrap=True, min_width=len("epoch 1/5"))
        columns: list[bars.ProgressColumn] = [
            bars.TextColumn("{task.description}", markup=False, table_column=fixed),
            bars.BarColumn(bar_width=None),
            bars.TaskProgressColumn(table_column=Column(no_wrap=True, min_width=4)),
            bars.TextColumn(
                "{task.fields[status]}", markup=False, table_column=Column(no_wrap=True)
            ),
        ]
        if self._console.width < _NARROW:
            del columns[1]
        with bars.Progress(
            *columns, console=self._console, expand=True, refresh_per_second=4
        ) as bar:
            yield partial(bar.update, bar.add_task(description, total=None, status=""))


class _Clock:
    """Says, when called, whether so many seconds have gone by since it last said so."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last = time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._interval:
            return False
        self._last = now
        return True


def _amounts(now: ReadProgress) -> list[str]:
    amounts = [f"{compact(now.done)}B", f"{compact(now.words)} words"]
    if now.seconds > 0:
        amounts.append(f"{compact(now.words / now.seconds)} words/s")
    if now.total is not None and 0 < now.done < now.total:
        amounts.append(f"{_clock(now.seconds * (now.total - now.done) / now.done)} left")
    return amounts


def _measures(now: Progress) -> list[str]:
    measures = [f"{compact(now.words_per_second)} words/s", f"alpha {now.alpha:.4f}"]
    if now.loss is not None:
        measures.append(f"loss {now.loss:.3f}")
    if now.words == now.total_words:
        measures.append(f"{_clock(now.seconds)} taken")
    elif now.words_per_second > 0:
        left = (now.total_words - now.words) / now.words_per_second
        measures.append(f"{_clock(left)} left")
    return measures


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"

"""How often something happens in the course of a run."""

import math
import re
import time
from dataclasses import dataclass
from typing import Self

import numpy as np

from xw2v.errors import ConfigError
from xw2v.training.run import Run

__all__ = ["Interval", "Timer"]

_WORDS = re.compile(r"[0-9]+(?:_[0-9]+)*")
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")
_LONGEST = 100  # of what is read: there are texts of digits that Python makes no number of
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Interval:
    """So many corpus words or seconds; if neither, an epoch.

    Parameters
    ----------
    words : int, optional
    seconds : float, optional

    Raises
    ------
    ConfigError
        If both are given, or one that is not positive and finite.
    """

    words: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = [number for number in (self.words, self.seconds) if number is not None]
        if len(given) > 1 or not all(0 < number < math.inf for number in given):
            raise ConfigError(
                "an interval must be a positive number of words or of seconds, "
                f"not words={self.words!r}, seconds={self.seconds!r}"
            )

    @classmethod
    def parse(cls, value: "int | str | Interval", name: str = "interval") -> Self:
        """Read an interval as people write it.

        Parameters
        ----------
        value : int, str or Interval
            A number of corpus words, such as 1000000 or ``"1_000_000"``; a time, ``"90s"``,
            ``"10m"`` or ``"2h"``; or ``"epoch"``.
        name : str
            What messages call it.

        Raises
        ------
        ConfigError
            If it is none of these, or nothing.
        """
        if isinstance(value, Interval):
            return cls(value.words, value.seconds)
        text = str(value).strip()
        if text == "epoch":
            return cls()
        number, seconds = None, None
        if len(text) <= _LONGEST and _WORDS.fullmatch(text):
            number = int(text)
        elif len(text) <= _LONGEST and (match := _TIME.fullmatch(text)):
            seconds = float(match[1]) * _SECONDS[match[2]]
        if not (number or seconds):
            raise ConfigError(
                f"{name} must be a number of words, a time such as '10m', or 'epoch', not {value!r}"
            )
        return cls(number, seconds)

    def __str__(self) -> str:
        """Return what `parse` reads."""
        if self.words is not None:
            return str(self.words)
        if self.seconds is None:
            return "epoch"
        return f"{np.format_float_positional(self.seconds, trim='-')}s"


class Timer:
    """Says when an interval of a run is over.

    Parameters
    ----------
    interval : Interval
    """

    def __init__(self, interval: Interval) -> None:
        self._interval = interval
        self._words = 0
        self._epoch = 0
        self._time = 0.0

    def start(self, run: Run) -> None:
        """Begin to measure where the run stands."""
        self._words, self._epoch = run.position.words, run.position.epoch
        self._time = time.monotonic()

    def due(self, run: Run) -> bool:
        """Return, after a batch, whether an interval has ended since this was true the last time.

        Words and epochs are counted from the beginning of the run, also of one that was resumed.
        """
        interval = self._interval
        if interval.words is not None:
            due = run.position.words // interval.words > self._words // interval.words
        elif interval.seconds is not None:
            due = time.monotonic() - self._time >= interval.seconds
        else:
            due = run.position.epoch > self._epoch
        if due:
            self.start(run)
        return due

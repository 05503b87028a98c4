"""Intervals as people write them, and when they are over."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.synthetic import random_corpus
from tests.training.test_trainer import config
from xw2v.errors import ConfigError
from xw2v.training import Callback, Position, Run, train
from xw2v.training.intervals import Interval, Timer

GOOD: dict[str, tuple[Any, Interval]] = {
    "epoch": ("epoch", Interval()),
    "number": (1_000_000, Interval(words=1_000_000)),
    "numpy": (np.int32(7), Interval(words=7)),
    "digits": ("1000000", Interval(words=1_000_000)),
    "grouped": ("1_000_000", Interval(words=1_000_000)),
    "padded": (" 12 ", Interval(words=12)),
    "seconds": ("90s", Interval(seconds=90.0)),
    "minutes": ("10m", Interval(seconds=600.0)),
    "hours": ("2h", Interval(seconds=7200.0)),
    "fraction": ("0.5h", Interval(seconds=1800.0)),
    "words": (Interval(words=3), Interval(words=3)),
    "time": (Interval(seconds=3.0), Interval(seconds=3.0)),
    "neither": (Interval(), Interval()),
}
BAD: dict[str, Any] = {
    **{f"text {text!r}": text for text in ("", "epochs", "Epoch", "m", "10 m", "10x", "10M", "1d")},
    **{f"sign {text!r}": text for text in ("-5", "+5", "-5s", "1e6", "1.5", ".5s", "5.s", "5,000")},
    **{f"underscores {text!r}": text for text in ("_", "_1", "1_", "1__0", "1_s")},
    **{f"nothing {text!r}": text for text in ("0", "00", "0s", "0.0h")},
    **{f"digits {number}": text for number, text in enumerate(("٣", "٣s", "³"))},
    "many digits": "9" * 5000,
    "many hours": "9" * 5000 + "h",
    **{
        f"type {number}": value for number, value in enumerate((0, -1, 2.5, True, None, b"10m", ()))
    },
}


@pytest.mark.parametrize("spelling", GOOD)
def test_spellings(spelling: str) -> None:
    value, expected = GOOD[spelling]
    assert Interval.parse(value) == expected


@pytest.mark.parametrize("spelling", BAD)
def test_what_is_no_interval(spelling: str) -> None:
    with pytest.raises(ConfigError, match=r"checkpoint_every must be a number of words, a time"):
        Interval.parse(BAD[spelling], "checkpoint_every")


@given(st.text() | st.from_regex(r"\s?[\d_.]{0,6}[smh]?\s?", fullmatch=True) | st.integers())
def test_whatever_is_written(value: str | int) -> None:
    """It is an interval of some length, which is read again as it was, or an error of ours."""
    try:
        interval = Interval.parse(value)
    except ConfigError:
        assert value not in (1, "1", "1s", "epoch")
    else:
        assert interval == Interval() or (interval.words or interval.seconds or 0) > 0
        assert Interval.parse(interval) == interval


@pytest.mark.parametrize(
    ("words", "seconds"),
    [(0, None), (-1, None), (None, 0.0), (None, float("inf")), (None, float("nan")), (1, 1.0)],
)
def test_intervals_that_never_end(words: int | None, seconds: float | None) -> None:
    with pytest.raises(ConfigError, match="positive"):
        Interval(words, seconds)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(), "epoch"),
        (Interval(words=1_000_000), "1000000"),
        (Interval(seconds=90.0), "90s"),
        (Interval(seconds=0.5), "0.5s"),
    ],
    ids=["epoch", "words", "seconds", "half a second"],
)
def test_intervals_as_they_are_written(interval: Interval, text: str) -> None:
    assert str(interval) == text
    assert Interval.parse(text) == interval


class Watch(Callback):
    """Writes down where a run stands when a timer is due."""

    def __init__(self, interval: Interval) -> None:
        self.timer = Timer(interval)
        self.begun: Position | None = None
        self.positions: list[Position] = []
        self.due: list[Position] = []

    def on_train_begin(self, run: Run) -> None:
        self.begun = run.position
        self.timer.start(run)

    def on_batch_end(self, run: Run) -> None:
        self.positions.append(run.position)
        if self.timer.due(run):
            self.due.append(run.position)


def watched(interval: Interval) -> Watch:
    vocabulary, corpus = random_corpus(400, 40)
    watch = Watch(interval)
    train(corpus, vocabulary, config(batch_words=32, epochs=3), callbacks=[watch])
    return watch


@pytest.mark.parametrize("words", [1, 50, 90, 400, 500, 1200, 5000])
def test_timers_of_words(words: int) -> None:
    """Due at the first batch after each multiple, once if it passes several."""
    watch = watched(Interval(words=words))
    places = [0, *(position.words for position in watch.positions)]
    expected = [after for before, after in pairwise(places) if after // words > before // words]
    assert [position.words for position in watch.due] == expected
    assert len(expected) == min(1200 // words, len(watch.positions))


def test_timers_of_epochs() -> None:
    watch = watched(Interval())
    assert [position.words for position in watch.due] == [400, 800, 1200]


def test_timers_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured from when it was due the last time, or from the beginning of the run."""
    now = [1000.0]
    monkeypatch.setattr("xw2v.training.intervals.time.monotonic", lambda: now[0])
    timer = Timer(Interval(seconds=10.0))
    run: Any = SimpleNamespace(position=Position())
    timer.start(run)
    due = []
    for moment in (1000.0, 1009.0, 1011.0, 1020.0, 1021.0, 1060.0, 1069.0, 1070.0):
        now[0] = moment
        if timer.due(run):
            due.append(moment)
    assert due == [1011.0, 1021.0, 1060.0, 1070.0]

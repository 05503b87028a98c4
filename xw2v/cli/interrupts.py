"""Ctrl-C and the request to end: the first lets a batch be finished, the second does not wait."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

__all__ = ["Interrupts"]

# What a shell gives as the exit status of a process that a signal has ended.
_STATUS_OF_SIGNALS = 128


class Interrupts:
    """Whether one was asked to stop.

    Attributes
    ----------
    asked : bool
    status : int
        The exit status that tells why: 130 after Ctrl-C, 143 after SIGTERM.
    """

    def __init__(self) -> None:
        self.asked = False
        self.status = _STATUS_OF_SIGNALS + signal.SIGINT

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take note of a signal; the second one ends what is going on at once.

        Raises
        ------
        KeyboardInterrupt, SystemExit
            If it is the second.
        """
        self.status = _STATUS_OF_SIGNALS + number
        if self.asked:
            # Whoever is writing something removes what is not complete on the way out.
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(self.status)
        self.asked = True
        click.echo("xw2v: finishing the batch; once more to leave at once", err=True)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Have signals that ask the process to end noted, for as long as the context lasts.

        Elsewhere than in the main thread, where signals cannot be received, nothing changes.
        """
        before: dict[signal.Signals, Any] = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, self.receive)
        except ValueError:  # not in the main thread
            pass
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

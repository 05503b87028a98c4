"""Ctrl-C and the request to end: the first lets the work be kept, the second does not wait."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import click

__all__ = ["Interrupts", "tell"]

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
        tell("xw2v: stopping as soon as nothing is lost by it; once more to leave at once")

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Have signals that ask the process to end noted, for as long as the context lasts.

        One that the process was told to ignore, as a shell tells its jobs in the background, stays
        ignored. Elsewhere than in the main thread, where signals cannot be received, nothing
        changes.
        """
        before: dict[signal.Signals, Any] = {}
        with suppress(ValueError):  # not in the main thread
            for number in (signal.SIGINT, signal.SIGTERM):
                # (None is a handler that is not Python's to give back.)
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, self.receive)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def tell(message: str) -> None:
    """Print a line on standard error, unless nobody is there to read it any more.

    Ctrl-C also ends the reader of a pipe, as of ``xw2v train 2>&1 | tee log``: that is no reason
    to lose what is about to be kept.

    Parameters
    ----------
    message : str
    """
    try:
        click.echo(message, err=True)
    except RuntimeError:
        # A handler of signals runs while another line is written, which Python lets nobody else do.
        with suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"{message}\n".encode())
    except OSError:
        # What is left unwritten must not fail again as the process ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

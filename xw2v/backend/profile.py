"""Where the time of a run goes, phase by phase."""

import contextlib
import time
from collections.abc import Iterator, Mapping

__all__ = ["Profile", "measured"]


class Profile:
    """Seconds that a worker spends in each phase.

    Phases may be nested; the time of an inner one does not count for the outer one.

    Attributes
    ----------
    seconds : dict of str to float
        By phase, in the order in which phases first ended.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = 0.0

    @contextlib.contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Count the time that the block takes.

        Parameters
        ----------
        phase : str
        """
        before, self._inner = self._inner, 0.0
        began = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - began
            self.add({phase: elapsed - self._inner})
            self._inner = before + elapsed

    def add(self, seconds: Mapping[str, float]) -> None:
        """Count so many seconds more, those of another worker for example.

        Parameters
        ----------
        seconds : mapping of str to float
            By phase.
        """
        for phase, more in seconds.items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + more


def measured(profile: Profile | None, phase: str) -> contextlib.AbstractContextManager[None]:
    """Return the context that counts a block's time, or one that does nothing.

    Parameters
    ----------
    profile : Profile or None
    phase : str
    """
    return contextlib.nullcontext() if profile is None else profile.measure(phase)

"""Where the time of a run goes, phase by phase."""

import contextlib
import threading
import time
from collections.abc import Iterator

__all__ = ["Profile", "measured"]


class Profile:
    """Seconds that the threads of a run spend in each phase.

    Phases may be nested; the time of an inner one does not count for the outer one.

    Attributes
    ----------
    seconds : dict of str to float
        By phase, summed over the threads, in the order in which phases first ended.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._local = threading.local()

    @contextlib.contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Count the time that the block takes.

        Parameters
        ----------
        phase : str
        """
        before = getattr(self._local, "inner", 0.0)
        self._local.inner = 0.0
        began = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - began
            self.add(phase, elapsed - self._local.inner)
            self._local.inner = before + elapsed

    def add(self, phase: str, seconds: float) -> None:
        """Count so many seconds more.

        Parameters
        ----------
        phase : str
        seconds : float
        """
        with self._lock:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds


def measured(profile: Profile | None, phase: str) -> contextlib.AbstractContextManager[None]:
    """Return the context that counts a block's time, or one that does nothing.

    Parameters
    ----------
    profile : Profile or None
    phase : str
    """
    return contextlib.nullcontext() if profile is None else profile.measure(phase)

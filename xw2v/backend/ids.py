"""The ids of a corpus on a device that has memory of its own.

All of them at once, if they fit; else stretch by stretch, the next one copied while the device
works on this one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stage", "StreamedIds"]

Array = Any
Ints = NDArray[np.int32]


class Stage(Protocol):
    """Memory of a device that ids are copied to while it works on others."""

    def fill(self, ids: Ints) -> None:
        """Begin to copy ids, in place of those that were there, once nothing asked for uses them.

        Parameters
        ----------
        ids : ndarray, shape (n,), int32
        """
        ...

    def array(self) -> Array:
        """Return the ids; what is asked of the device from now on waits until they are there."""
        ...


class StreamedIds:
    """Ids that are copied to a device stretch by stretch, over and over again.

    Parameters
    ----------
    ids : ndarray, shape (N,), int32
        May lie in a file.
    stretches : sequence of (int, int)
        Start and stop of each, one after the other, as they will be asked for.
    stages : two of Stage
        Each with room for the longest stretch.
    copy : callable
        Copies an array to the device at once.
    """

    def __init__(
        self,
        ids: Ints,
        stretches: Sequence[tuple[int, int]],
        stages: tuple[Stage, Stage],
        copy: Callable[[Ints], Array],
    ) -> None:
        self._ids, self._stretches = ids, stretches
        self._numbers = {stretch: number for number, stretch in enumerate(stretches)}
        self._stages, self._copy = stages, copy
        self._filled: list[int | None] = [None, None]  # which stretch a stage has

    def __getitem__(self, stretch: slice) -> Array:
        """Return the ids of a stretch.

        Of one of the `stretches`, they are there already if it follows the one before, and are
        valid until the next is asked for. Any other, as the few words beyond the ends of a
        stretch, is copied at once.
        """
        number = self._numbers.get((stretch.start, stretch.stop))
        if number is None:
            return self._copy(np.asarray(self._ids[stretch]))
        if number not in self._filled:
            self._fill(0, number)
        here = self._filled.index(number)
        array = self._stages[here].array()
        following = (number + 1) % len(self._stretches)
        if following not in self._filled:
            self._fill(1 - here, following)
        return array

    def _fill(self, stage: int, number: int) -> None:
        start, stop = self._stretches[number]
        self._stages[stage].fill(np.asarray(self._ids[start:stop]))
        self._filled[stage] = number

"""What a backend is given and what it gives back: a stream of steps, a stream of losses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from xw2v.backend.profile import Profile, measured
from xw2v.kernel import Batch, sgns_step

__all__ = ["PortableRunner", "Runner", "Step"]

Array = Any


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update to make.

    Parameters
    ----------
    batch : Batch
    alpha, damping : float
        Learning rate, and curvature taken for a unit of weight: see `xw2v.kernel.sgns_step`.
    with_loss : bool
        Report the loss before the update.
    info : object
        The caller's own, handed back with the loss.
    """

    batch: Batch
    alpha: float
    damping: float
    with_loss: bool
    info: Any


class Runner(Protocol):
    """Makes a stream of steps, in order, on the parameters it was made with."""

    def run(self, steps: Iterable[Step]) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss."""
        ...


class PortableRunner:
    """Makes steps with the kernel's own step, on arrays of any namespace.

    Parameters
    ----------
    parameters : array, shape (2, V, D), float32
        W_in and W_out; changed in place.
    profile : Profile, optional
        Counts the time of planning and that of the steps.
    """

    def __init__(self, parameters: Array, *, profile: Profile | None = None) -> None:
        self._w_in, self._w_out = parameters[0, ...], parameters[1, ...]
        self._profile = profile

    def run(self, steps: Iterable[Step]) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss."""
        upcoming = iter(steps)
        while True:
            with measured(self._profile, "plan"):
                step = next(upcoming, None)
            if step is None:
                return
            with measured(self._profile, "step"):
                loss = sgns_step(
                    self._w_in,
                    self._w_out,
                    step.batch,
                    alpha=step.alpha,
                    damping=step.damping,
                    with_loss=step.with_loss,
                )
            yield step, None if loss is None else float(loss)

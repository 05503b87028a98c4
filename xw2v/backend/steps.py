"""What a backend is given and what it gives back: a stream of steps, a stream of losses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from array_api_compat import array_namespace

from xw2v.backend.profile import Profile, measured
from xw2v.backend.team import Worker
from xw2v.kernel import Batch, sgns_step

__all__ = ["PortableRunner", "Runner", "Step"]

Array = Any


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update to make.

    Parameters
    ----------
    batch : Batch
        This worker's share of the batch: some of its parts, or none.
    first_part, parts : int
        How many parts of the batch come before the share, and how many it has in all.
    alpha, damping : float
        Learning rate, and curvature taken for a unit of weight: see `xw2v.kernel.sgns_step`.
    with_loss : bool
        Report the loss before the update.
    info : object
        The caller's own, handed back with the loss.
    """

    batch: Batch
    first_part: int
    parts: int
    alpha: float
    damping: float
    with_loss: bool
    info: Any


class Runner(Protocol):
    """Holds the parameters, W_in and W_out, and makes a stream of steps on them, in order."""

    w_in: Array
    w_out: Array

    def run(
        self, steps: Iterable[Step], worker: Worker, profile: Profile | None = None
    ) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss.

        The loss is the mean over a unit of weight, None if it was not asked for.
        """
        ...

    def finish(self) -> tuple[Array, Array]:
        """Return W_in and W_out, each in one piece; the runner cannot go on after that."""
        ...


class PortableRunner:
    """Makes steps with the kernel's own step, on arrays of any namespace, by one worker.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), float32
        Changed in place.
    """

    def __init__(self, w_in: Array, w_out: Array) -> None:
        self.w_in, self.w_out = w_in, w_out

    def run(
        self,
        steps: Iterable[Step],
        worker: Worker,  # noqa: ARG002 - as in the protocol
        profile: Profile | None = None,
    ) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss.

        Parameters
        ----------
        steps : iterable of Step
            With whole batches.
        worker : Worker
            The only one.
        profile : Profile, optional
            Counts the time of planning and that of the steps.
        """
        upcoming = iter(steps)
        while True:
            with measured(profile, "plan"):
                step = next(upcoming, None)
            if step is None:
                return
            with measured(profile, "step"):
                loss = sgns_step(
                    self.w_in,
                    self.w_out,
                    step.batch,
                    alpha=step.alpha,
                    damping=step.damping,
                    with_loss=step.with_loss,
                )
            yield step, None if loss is None else _mean(loss, step.batch.center_weights)

    def finish(self) -> tuple[Array, Array]:
        """Return W_in and W_out."""
        return self.w_in, self.w_out


def _mean(loss: Array, weights: Array) -> float | None:
    xp = array_namespace(weights)
    weight = float(xp.sum(weights, dtype=weights.dtype))
    return float(loss) / weight if weight else None

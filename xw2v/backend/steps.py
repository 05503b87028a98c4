"""What a backend is given and what it gives back: a stream of steps, a stream of losses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.backend.profile import Profile, measured
from xw2v.backend.team import Worker
from xw2v.kernel import Batch, Optimizer, Sgd, joined, train_step

__all__ = ["PortableRunner", "Runner", "Step"]

Array = Any

_SGD = Sgd()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update to make.

    Parameters
    ----------
    batches : tuple of Batch
        This worker's share of the batch: some of its parts, or none. Parts of different shapes
        are batches by themselves, of one update.
    first_part, parts : int
        How many parts of the batch come before the share, and how many it has in all.
    alpha : float
        Learning rate.
    with_loss : bool
        Report the loss before the update.
    info : object
        The caller's own, handed back with the loss.
    """

    batches: tuple[Batch, ...]
    first_part: int
    parts: int
    alpha: float
    with_loss: bool
    info: Any


class Runner(Protocol):
    """Holds the parameters, W_in and W_out, and makes a stream of steps on them, in order.

    Attributes
    ----------
    w_in, w_out : array, shape (V, D), float32
    whole_batches : bool
        Every worker needs the whole of each batch, not a share of it.
    """

    w_in: Array
    w_out: Array
    whole_batches: bool

    def run(
        self, steps: Iterable[Step], worker: Worker, profile: Profile | None = None
    ) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss.

        The loss is the mean over what was to be predicted, None if it was not asked for.
        """
        ...

    def arrays(self) -> dict[str, Array]:
        """Return views of all that the steps change, to be read or written between two of them.

        Returns
        -------
        dict
            ``"input"`` and ``"output"``, shape (V, D), float32, and the optimizer's state of both,
            such as ``"input.squares"``: the same names and shapes on every device.
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
    optimizer : Optimizer
    trainable : two arrays, shape (V,), or None
    ordered : bool
        See `xw2v.kernel.train_step`.
    """

    whole_batches = True

    def __init__(
        self,
        w_in: Array,
        w_out: Array,
        optimizer: Optimizer = _SGD,
        trainable: tuple[Array | None, Array | None] = (None, None),
        *,
        ordered: bool = False,
    ) -> None:
        self.w_in, self.w_out = w_in, w_out
        self._optimizer, self._trainable = optimizer, trainable
        self._ordered = ordered
        xp = array_namespace(w_in)

        def zeros(shape: tuple[int, ...]) -> Array:
            return xp.zeros(shape, dtype=w_in.dtype, device=device_of(w_in))

        self._states = optimizer.state(zeros, w_in.shape), optimizer.state(zeros, w_out.shape)

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
            Counts the time of planning, that of the steps, and that of waiting for them to be
            done, in the end: a GPU is told what to do long before it does it.
        """
        upcoming = iter(steps)
        while True:
            with measured(profile, "plan"):
                step = next(upcoming, None)
            if step is None:
                with measured(profile, "wait"):
                    # Launched is not made: one number that is read tells that all is.
                    float(self.w_in[0, 0])
                return
            with measured(profile, "step"):
                batch = joined(step.batches)
                loss = train_step(
                    self.w_in,
                    self.w_out,
                    batch,
                    alpha=step.alpha,
                    optimizer=self._optimizer,
                    states=self._states,
                    trainable=self._trainable,
                    with_loss=step.with_loss,
                    ordered=self._ordered,
                )
            yield step, None if loss is None else _mean(loss, batch.predictions)

    def arrays(self) -> dict[str, Array]:
        """Return views of all that the steps change; see `Runner.arrays`."""
        tables = {"input": self.w_in, "output": self.w_out}
        return tables | {
            f"{table}.{name}": array
            for table, state in zip(tables, self._states, strict=True)
            for name, array in zip(self._optimizer.state_names, state, strict=True)
        }

    def finish(self) -> tuple[Array, Array]:
        """Return W_in and W_out."""
        return self.w_in, self.w_out


def _mean(loss: Array, predictions: Array) -> float | None:
    xp = array_namespace(predictions)
    count = float(xp.sum(predictions, dtype=predictions.dtype))
    return float(loss) / count if count else None

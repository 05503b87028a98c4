"""Optimizers: what becomes of a row when a batch has gradients for it, some rows several times.

The gradients of a row are always put together first; then it makes one step. State exists for
every row, and changes for those that a batch touches.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from array_api_compat import array_namespace

from xw2v.kernel.damping import damped_rates, row_totals
from xw2v.kernel.rows import scatter_add, summed_rows

__all__ = ["Adagrad", "Adam", "Optimizer", "Sgd"]

Array = Any

_ORDINARY_RATE = 0.05  # small vocabularies diverge at 0.2 if damped as at 0.05


class Optimizer(Protocol):
    """Changes the rows of a parameter table.

    Attributes
    ----------
    state_names : tuple of str
        What the arrays of its state are called, for those who keep them.
    """

    state_names: ClassVar[tuple[str, ...]]

    def state(self, zeros: Callable[[tuple[int, ...]], Array], shape: tuple[int, int]) -> "State":
        """Return the state that a table needs before the first step.

        Parameters
        ----------
        zeros : callable
            Makes an array of zeros of a shape, of the table's dtype and on its device.
        shape : (int, int)
            V and D of the table.
        """
        ...

    def update(
        self,
        table: Array,
        state: "State",
        ids: Array,
        gradients: Array,
        weights: Array,
        alpha: float,
        *,
        positions: Array | None = None,
        scratch: Array | None = None,
        ordered: bool = False,
    ) -> None:
        """Make a step of the rows that occur in `ids`, in place.

        Parameters
        ----------
        table : array, shape (V, D), floating
        state : tuple of array
            From `state`; changed in place.
        ids : array, shape (N,), integer
            Row numbers; rows that occur more than once make one step, of all their gradients.
        gradients : array, shape (U, D), dtype of `table`
        weights : array, shape (N,), floating
            Weights of the logits that each gradient comes from.
        alpha : float
            Learning rate.
        positions : array, shape (N,), integer, optional
            Row of `gradients` that each id takes; ``0..N-1`` if absent.
        scratch : array, shape (V,), dtype of `weights`, optional
            Zeros to work in, left as zeros. NumPy and CuPy only.
        ordered : bool
            As for `xw2v.kernel.scatter_add`.
        """
        ...


State = tuple[Array, ...]


@dataclass(frozen=True)
class Sgd:
    """Gradient descent whose steps are damped for rows that occur often: see `damped_rates`.

    Parameters
    ----------
    damping : float
        Curvature taken for a unit of weight at rates up to 0.05; 0 adds plain sums. Curvature
        grows with the squared length of the vectors, and large rates make long vectors: above
        that rate it is raised in proportion.
    """

    damping: float = 0.2

    state_names: ClassVar[tuple[str, ...]] = ()

    def state(self, zeros: Callable[[tuple[int, ...]], Array], shape: tuple[int, int]) -> State:  # noqa: ARG002
        """Return no state."""
        return ()

    def update(
        self,
        table: Array,
        state: State,  # noqa: ARG002 - as in the protocol
        ids: Array,
        gradients: Array,
        weights: Array,
        alpha: float,
        *,
        positions: Array | None = None,
        scratch: Array | None = None,
        ordered: bool = False,
    ) -> None:
        """Subtract the damped sums of the gradients; parameters as for `Optimizer.update`."""
        curvature = self.damping * max(1.0, alpha / _ORDINARY_RATE)
        rates = damped_rates(
            ids, weights, table.shape[0], alpha, curvature, scratch=scratch, ordered=ordered
        )
        scatter_add(table, ids, gradients, rates, positions, ordered=ordered)


@dataclass(frozen=True)
class Adagrad:
    """Steps divided by the root of all squared gradients so far, entry by entry.

    Duchi, Hazan and Singer 2011, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", with the diagonal matrix.

    Parameters
    ----------
    initial : float
        Added to the sums of squares, so that first steps are in proportion to their gradients.
    epsilon : float
        Added to the root.
    """

    initial: float = 0.0
    epsilon: float = 1e-10

    state_names: ClassVar[tuple[str, ...]] = ("squares",)

    def state(self, zeros: Callable[[tuple[int, ...]], Array], shape: tuple[int, int]) -> State:
        """Return the sums of squared gradients, shape (V, D)."""
        return (zeros(shape),)

    def update(
        self,
        table: Array,
        state: State,
        ids: Array,
        gradients: Array,
        weights: Array,  # noqa: ARG002 - as in the protocol
        alpha: float,
        *,
        positions: Array | None = None,
        scratch: Array | None = None,
        ordered: bool = False,
    ) -> None:
        """Make a step; parameters as for `Optimizer.update`."""
        xp = array_namespace(table)
        (squares,) = state
        rows, sums, _ = summed_rows(ids, gradients, positions, scratch=scratch, ordered=ordered)
        scatter_add(squares, rows, sums * sums)
        root = xp.take(squares, rows, axis=0)
        root += self.initial
        root = xp.sqrt(root)
        root += self.epsilon
        sums *= -alpha
        sums /= root
        scatter_add(table, rows, sums)


@dataclass(frozen=True)
class Adam:
    """Steps along the mean of recent gradients, divided by the root of their mean square.

    Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1, lazily: a row
    that no logit of weight depends on stays as it is, state included, and a row's own steps are
    what the correction for the first ones counts.

    Parameters
    ----------
    beta1, beta2 : float
        How much the means keep of what they were.
    epsilon : float
        Added to the root.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    state_names: ClassVar[tuple[str, ...]] = ("means", "squares", "steps")

    def state(self, zeros: Callable[[tuple[int, ...]], Array], shape: tuple[int, int]) -> State:
        """Return means and mean squares, shape (V, D), and the steps of each row, shape (V,)."""
        return zeros(shape), zeros(shape), zeros(shape[:1])

    def update(
        self,
        table: Array,
        state: State,
        ids: Array,
        gradients: Array,
        weights: Array,
        alpha: float,
        *,
        positions: Array | None = None,
        scratch: Array | None = None,
        ordered: bool = False,
    ) -> None:
        """Make a step; parameters as for `Optimizer.update`."""
        xp = array_namespace(table)
        means, squares, counts = state
        rows, sums, first = summed_rows(ids, gradients, positions, scratch=scratch, ordered=ordered)
        totals = row_totals(
            ids, weights, table.shape[0], rows=rows, scratch=scratch, ordered=ordered
        )
        first = first * xp.astype(totals > 0, first.dtype)
        scatter_add(counts, rows, first)
        once, n = first[:, None], xp.take(counts, rows, axis=0)[:, None]
        mean = xp.take(means, rows, axis=0)
        change = sums - mean
        change *= (1.0 - self.beta1) * once
        scatter_add(means, rows, change)
        mean += change
        square = xp.take(squares, rows, axis=0)
        sums *= sums
        sums -= square
        sums *= (1.0 - self.beta2) * once
        scatter_add(squares, rows, sums)
        square += sums
        root = xp.sqrt(square)
        root *= 1.0 / xp.sqrt(_reached(self.beta2, n))
        root += self.epsilon
        mean *= -alpha * once / _reached(self.beta1, n)
        mean /= root
        scatter_add(table, rows, mean)


def _reached(beta: float, n: Array) -> Array:
    """Return ``1 - beta ** n`` for numbers of steps, 1 at least, without cancellation."""
    xp = array_namespace(n)
    logarithm = math.log(beta) if beta > 0 else -math.inf
    return -xp.expm1(xp.maximum(n, 1.0) * logarithm)

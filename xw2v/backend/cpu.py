"""Steps on NumPy arrays by a team of threads; their number does not change a bit.

A step has two phases. In the first, threads take tiles, a few groups of blocks each, and
compute gradients at the parameters as they are; a tile is the same whoever takes it. In the
second, each thread adds the updates of rows that are its own, in the order in which they stand
in the batch. While the first phase of one batch runs, one thread plans the next batch.
"""

import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xw2v.backend.steps import Step
from xw2v.backend.threads import Team
from xw2v.kernel import batch_gradients, damped_rates, scatter_add

__all__ = ["ThreadedRunner"]

Floats = NDArray[np.float32]

_TILE_ROWS = 3200  # of both tables: enough to hide the calls, few enough for a core's cache
_STRIPE_BITS = 4  # rows go to owners in stripes of 16: even shares of frequent and rare words


@dataclass(frozen=True, slots=True)
class _Share:
    """The additions to one table that one thread makes.

    ``table[ids[k]] += rates[k] * gradients[positions[k]]``, in the order of k.
    """

    ids: NDArray[np.int32]
    positions: NDArray[np.int32]
    rates: Floats


@dataclass(frozen=True, slots=True)
class _Plan:
    """A step, and all that can be known about it before the parameters are."""

    step: Step
    tiles: tuple[tuple[int, int], ...]
    center_shares: tuple[_Share, ...]
    target_shares: tuple[_Share, ...]


class _Workspace:
    """Arrays that are made once and used for batch after batch."""

    def __init__(self) -> None:
        self._arrays: dict[str, Floats] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> Floats:
        size = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < size:
            array = self._arrays[name] = np.empty(size, dtype=np.float32)
        return array[:size].reshape(shape)


class _ThreadWorkspace(_Workspace, threading.local):
    """Arrays of its own for each thread."""


class ThreadedRunner:
    """Makes steps on NumPy parameters with a team of threads.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), float32, C-contiguous
        Changed in place.
    damping : float
        See `xw2v.kernel.sgns_step`.
    workers : int
        Threads, at least 1.
    """

    def __init__(self, w_in: Floats, w_out: Floats, *, damping: float, workers: int) -> None:
        self._w_in, self._w_out = w_in, w_out
        self._damping, self._workers = damping, workers
        self._scratch = np.zeros(w_in.shape[0], dtype=np.float32)
        self._gradients = _Workspace()
        self._intermediates = _ThreadWorkspace()

    def run(self, steps: Iterable[Step]) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss."""
        upcoming = iter(steps)
        planned: list[_Plan | None] = []

        def plan_next() -> None:
            step = next(upcoming, None)
            planned.append(None if step is None else self._plan(step))

        # The threads are ours: BLAS must not start its own.
        with threadpool_limits(limits=1, user_api="blas"), Team(self._workers) as team:
            plan_next()
            while (plan := planned.pop()) is not None:
                batch, size = plan.step.batch, self._w_in.shape[1]
                centers = self._gradients("centers", (batch.centers.size, size))
                n_targets = sum(term.targets.size for term in batch.terms)
                targets = self._gradients("targets", (n_targets, size))
                losses = [0.0] * len(plan.tiles)
                team.run(
                    [plan_next]
                    + [
                        partial(self._tile, plan, i, centers, targets, losses)
                        for i in range(len(plan.tiles))
                    ]
                )
                team.run(
                    partial(scatter_add, table, share.ids, gradients, share.rates, share.positions)
                    for table, gradients, shares in (
                        (self._w_out, targets, plan.target_shares),
                        (self._w_in, centers, plan.center_shares),
                    )
                    for share in shares
                )
                yield plan.step, math.fsum(losses) if plan.step.with_loss else None

    def _plan(self, step: Step) -> _Plan:
        batch, parts = step.batch, step.batch.parts
        targets = np.concatenate([term.targets.reshape(-1) for term in batch.terms])
        weights = np.concatenate([term.target_weights.reshape(-1) for term in batch.terms])
        stride = max(1, _TILE_ROWS * parts // (batch.centers.size + targets.size))
        return _Plan(
            step=step,
            tiles=tuple((at, min(at + stride, parts)) for at in range(0, parts, stride)),
            center_shares=self._shares(batch.centers, batch.center_weights, step.alpha),
            target_shares=self._shares(targets, weights, step.alpha),
        )

    def _shares(self, ids: NDArray[np.int32], weights: Floats, alpha: float) -> tuple[_Share, ...]:
        """Divide the additions to a table among the threads, by row."""
        rates = damped_rates(
            ids, weights, self._scratch.size, alpha, self._damping, scratch=self._scratch
        )
        positions = np.arange(ids.size, dtype=np.int32)
        if self._workers == 1:
            return (_Share(ids, positions, rates),)
        owners = ((ids >> _STRIPE_BITS) % self._workers).astype(np.uint16)
        positions = np.argsort(owners, kind="stable").astype(np.int32)  # a radix sort
        ends = np.cumsum(np.bincount(owners, minlength=self._workers))
        ids, rates = ids[positions], rates[positions]
        return tuple(
            _Share(ids[start:stop], positions[start:stop], rates[start:stop])
            for start, stop in zip((0, *ends), ends, strict=False)
        )

    def _tile(
        self, plan: _Plan, i: int, centers: Floats, targets: Floats, losses: list[float]
    ) -> None:
        """Compute the gradients of tile `i` into its part of the batch's."""
        start, stop = plan.tiles[i]
        batch = plan.step.batch
        places = {"dx": _part(centers, start, stop, batch.parts)}
        row = 0
        for t, term in enumerate(batch.terms):
            rows = targets[row : row + term.targets.size]
            places[f"dy{t}"] = _part(rows, start, stop, batch.parts)
            row += term.targets.size

        def buffer(name: str, shape: tuple[int, ...]) -> Floats:
            place = places.get(name)
            return self._intermediates(name, shape) if place is None else place.reshape(shape)

        gradients = batch_gradients(
            self._w_in,
            self._w_out,
            batch.part(start, stop),
            with_loss=plan.step.with_loss,
            buffer=buffer,
        )
        if gradients.loss is not None:
            losses[i] = float(gradients.loss)


def _part(rows: Floats, start: int, stop: int, parts: int) -> Floats:
    size = rows.shape[0] // parts
    return rows[start * size : stop * size]

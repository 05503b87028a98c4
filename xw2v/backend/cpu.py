"""Steps on NumPy arrays by a team of threads; their number does not change a bit.

A step has two phases. In the first, threads take tiles, a few groups of blocks each, and
compute gradients at the parameters as they are; a tile is the same whoever takes it. In the
second, each thread adds the updates of rows that are its own, in the order in which they stand
in the batch. Planning the next batch is one more task of the first phase.
"""

import itertools
import math
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xw2v.backend.steps import Step
from xw2v.backend.threads import Task, Team
from xw2v.kernel import batch_gradients, damped_rates, scatter_add

__all__ = ["ThreadedRunner"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_TILE_ROWS = 4300  # of both tables: enough to hide the calls, few enough for a core's cache
_STRIPE_BITS = 4  # rows go to owners in stripes of 16: even shares of frequent and rare words


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


@dataclass(frozen=True)
class _Model:
    """The parameters, and the memory to work on them with."""

    w_in: Floats
    w_out: Floats
    workers: int
    owners: NDArray[np.unsignedinteger[Any]]  # (V,) which worker adds to a row
    totals: Floats  # (V,) zeros
    gradients: _Workspace
    intermediates: _ThreadWorkspace


class ThreadedRunner:
    """Makes steps on NumPy parameters with a team of threads.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), float32, C-contiguous
        Changed in place.
    workers : int
        Threads, at least 1.
    """

    def __init__(self, w_in: Floats, w_out: Floats, *, workers: int) -> None:
        stripes = np.arange(w_in.shape[0]) >> _STRIPE_BITS
        self._model = _Model(
            w_in=w_in,
            w_out=w_out,
            workers=workers,
            owners=(stripes % workers).astype(np.uint8 if workers <= 256 else np.uint16),
            totals=np.zeros(w_in.shape[0], dtype=np.float32),
            gradients=_Workspace(),
            intermediates=_ThreadWorkspace(),
        )

    def run(self, steps: Iterable[Step]) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss."""
        upcoming = iter(steps)
        planned: list[Step | None] = []

        def plan_next() -> None:
            planned.append(next(upcoming, None))

        # The threads are ours: BLAS must not start its own.
        with threadpool_limits(limits=1, user_api="blas"), Team(self._model.workers) as team:
            plan_next()
            while (step := planned.pop()) is not None:
                update = _Update(self._model, step)
                team.run([plan_next, update.share_out, *update.tiles()])
                team.run(update.additions())
                yield step, update.loss()


class _Update:
    """One step being made: its gradients, and who adds which of them."""

    def __init__(self, model: _Model, step: Step) -> None:
        self._model, self._step = model, step
        batch, size = step.batch, model.w_in.shape[1]
        self._targets = np.concatenate([term.targets.reshape(-1) for term in batch.terms])
        self._of_centers = model.gradients("centers", (batch.centers.size, size))
        self._of_targets = model.gradients("targets", (self._targets.size, size))
        stride = max(1, _TILE_ROWS * batch.parts // (batch.centers.size + self._targets.size))
        self._tiles = [
            (start, min(start + stride, batch.parts)) for start in range(0, batch.parts, stride)
        ]
        self._losses = [0.0] * len(self._tiles)
        self._additions: list[Task] = []

    def tiles(self) -> list[Task]:
        """Return the tasks that compute the gradients."""
        return [partial(self._tile, i) for i in range(len(self._tiles))]

    def additions(self) -> list[Task]:
        """Return the tasks that add the gradients to the parameters, once they are there."""
        return self._additions

    def loss(self) -> float | None:
        """Return the loss before the step, if it was asked for."""
        return math.fsum(self._losses) if self._step.with_loss else None

    def share_out(self) -> None:
        """Find the rate of each addition, and give each thread those to rows of its own."""
        batch = self._step.batch
        weights = np.concatenate([term.target_weights.reshape(-1) for term in batch.terms])
        self._share_out(self._model.w_out, self._targets, weights, self._of_targets)
        self._share_out(self._model.w_in, batch.centers, batch.center_weights, self._of_centers)

    def _share_out(self, table: Floats, ids: Ints, weights: Floats, gradients: Floats) -> None:
        model, step = self._model, self._step
        rates = damped_rates(
            ids, weights, table.shape[0], step.alpha, step.damping, scratch=model.totals
        )
        if model.workers == 1:
            self._additions.append(partial(scatter_add, table, ids, gradients, rates))
            return
        owners = model.owners.take(ids)
        order = owners.argsort(kind="stable").astype(np.int32)  # a radix sort
        ends = np.bincount(owners, minlength=model.workers).cumsum().tolist()
        ids, rates = ids.take(order), rates.take(order)
        for start, stop in itertools.pairwise((0, *ends)):
            own = slice(start, stop)
            self._additions.append(
                partial(scatter_add, table, ids[own], gradients, rates[own], order[own])
            )

    def _tile(self, i: int) -> None:
        """Compute the gradients of tile `i` into its part of the batch's."""
        model, step = self._model, self._step
        start, stop = self._tiles[i]
        parts = step.batch.parts
        places = {"dx": _part(self._of_centers, start, stop, parts)}
        row = 0
        for t, term in enumerate(step.batch.terms):
            rows = self._of_targets[row : row + term.targets.size]
            places[f"dy{t}"] = _part(rows, start, stop, parts)
            row += term.targets.size

        def buffer(name: str, shape: tuple[int, ...]) -> Floats:
            place = places.get(name)
            return model.intermediates(name, shape) if place is None else place.reshape(shape)

        gradients = batch_gradients(
            model.w_in,
            model.w_out,
            step.batch.part(start, stop),
            with_loss=step.with_loss,
            buffer=buffer,
        )
        if gradients.loss is not None:
            self._losses[i] = float(gradients.loss)


def _part(rows: Floats, start: int, stop: int, parts: int) -> Floats:
    size = rows.shape[0] // parts
    return rows[start * size : stop * size]

"""Steps on NumPy arrays by a team of threads; their number does not change a bit.

A step has two phases. In the first, threads take tiles, a few groups of blocks each, and
compute gradients at the parameters as they are; cutting a batch differently changes nothing. In
the second, each thread adds the updates of rows that are its own, in the order in which they
stand in the batch. Planning the next batch is one more task of the first phase.
"""

import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from xw2v.backend.profile import Profile, measured
from xw2v.backend.steps import Step
from xw2v.backend.threads import Task, Team
from xw2v.kernel import damped_rates, gather, scatter_add, term_gradients

__all__ = ["ThreadedRunner"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Owners = NDArray[np.unsignedinteger[Any]]

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

    table: Floats  # (2 V, D): the rows of W_in, then those of W_out
    workers: int
    owners: Owners  # (2 V,) which worker adds to a row
    totals: Floats  # (2 V,) zeros
    gradients: _Workspace
    intermediates: _ThreadWorkspace
    profile: Profile | None


class _TimedProducts:
    """NumPy, but its matrix products are a phase of a profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def matmul(self, *args: Any, **options: Any) -> Any:
        with self._profile.measure("products"):
            return np.matmul(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


class ThreadedRunner:
    """Makes steps on NumPy parameters with a team of threads.

    Parameters
    ----------
    parameters : array, shape (2, V, D), float32, C-contiguous
        W_in and W_out; changed in place.
    workers : int
        Threads, at least 1.
    profile : Profile, optional
        Counts the time of planning, gathering, products, the work on the logits, scattering,
        and of waiting for other threads.
    """

    def __init__(self, parameters: Floats, *, workers: int, profile: Profile | None = None) -> None:
        table = parameters.reshape(-1, parameters.shape[2])
        stripes = np.arange(table.shape[0]) >> _STRIPE_BITS
        self._model = _Model(
            table=table,
            workers=workers,
            owners=(stripes % workers).astype(np.uint8 if workers <= 256 else np.uint16),
            totals=np.zeros(table.shape[0], dtype=np.float32),
            gradients=_Workspace(),
            intermediates=_ThreadWorkspace(),
            profile=profile,
        )

    def run(self, steps: Iterable[Step]) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss."""
        upcoming = iter(steps)
        planned: list[_Update | None] = []

        def plan_next() -> None:
            with measured(self._model.profile, "plan"):
                step = next(upcoming, None)
                planned.append(None if step is None else _Update(self._model, step))

        # The threads are ours: BLAS must not start its own.
        with threadpool_limits(limits=1, user_api="blas"), Team(self._model.workers) as team:
            plan_next()
            while (update := planned.pop()) is not None:
                # Planning is many small calls, which hold the interpreter lock, and what it leaves
                # lives long: one task, of one thread.
                self._run(team, update.tiles(), plan_next)
                self._run(team, update.additions())
                yield update.step, update.loss()

    def _run(self, team: Team, tasks: list[Task], own: Task | None = None) -> None:
        profile = self._model.profile
        if profile is None:
            team.run(tasks, own=own)
            return
        began, before = time.perf_counter(), sum(profile.seconds.values())
        team.run(tasks, own=own)
        busy = sum(profile.seconds.values()) - before
        profile.add("wait", self._model.workers * (time.perf_counter() - began) - busy)


class _Update:
    """One step being made: its gradients, and who adds which of them.

    A batch is cut into P parts of R rows each, the centers of a part and then its targets, so
    that one gather serves a tile and one scatter-add the batch.
    """

    def __init__(self, model: _Model, step: Step) -> None:
        self._model, self.step = model, step
        batch = step.batch
        parts = batch.parts
        ids, weights = [batch.centers], [batch.center_weights]
        for term in batch.terms:
            ids.append(term.targets + model.table.shape[0] // 2)
            weights.append(term.target_weights)
        self._ids: Ints = np.concatenate([i.reshape(parts, -1) for i in ids], axis=1)
        self._gradients = model.gradients("rows", (*self._ids.shape, model.table.shape[1]))
        self._rates: Floats = damped_rates(
            self._ids.reshape(-1),
            np.concatenate([w.reshape(parts, -1) for w in weights], axis=1).reshape(-1),
            model.table.shape[0],
            step.alpha,
            step.damping,
            scratch=model.totals,
        )
        self._shares = self._share_out()
        # A batch that is asked for its loss is cut, and summed, alike for any number of threads.
        workers = 1 if step.with_loss else model.workers
        self._tiles = _tiles(parts, self._ids.shape[1], workers)
        self._losses = [0.0] * len(self._tiles)

    def tiles(self) -> list[Task]:
        """Return the tasks that compute the gradients."""
        return [partial(self._tile, i) for i in range(len(self._tiles))]

    def additions(self) -> list[Task]:
        """Return the tasks that add the gradients to the parameters, once they are there."""
        return [partial(self._add, *share) for share in self._shares]

    def loss(self) -> float | None:
        """Return the loss before the step, if it was asked for."""
        return math.fsum(self._losses) if self.step.with_loss else None

    def _tile(self, i: int) -> None:
        """Compute the gradients of tile `i` into its part of the batch's."""
        with measured(self._model.profile, "logits"):
            self._compute(i)

    def _compute(self, i: int) -> None:
        model, (start, stop) = self._model, self._tiles[i]
        batch = self.step.batch.part(start, stop)
        gradients = self._gradients[start:stop]
        rows = model.intermediates("rows", gradients.shape)
        ids = self._ids[start:stop]
        with measured(model.profile, "gather"):
            gather(model.table, ids.reshape(-1), out=rows.reshape(-1, rows.shape[2]))
        xp = np if model.profile is None else _TimedProducts(model.profile)
        parts = stop - start
        end = centers = batch.centers.size // parts
        for k, term in enumerate(batch.terms):
            begin, end = end, end + term.targets.size // parts
            dx = gradients[:, :centers]
            if k:
                dx = model.intermediates("more dx", dx.shape)
            z = model.intermediates("z", (batch.centers.size * term.targets.shape[1],))
            result = term_gradients(
                rows[:, :centers],
                rows[:, begin:end],
                term,
                with_loss=self.step.with_loss,
                out=(z, dx, gradients[:, begin:end]),
                xp=xp,
            )
            if k:
                gradients[:, :centers] += dx
            if result.loss is not None:
                self._losses[i] += float(result.loss)

    def _share_out(self) -> list[tuple[Ints, Floats, Ints | None]]:
        """Return, for each thread, the ids, rates and places of the rows that are its own.

        Places rise: rows are added in the order of the batch. None stands for all of them.
        """
        model, ids, rates = self._model, self._ids.reshape(-1), self._rates
        if model.workers == 1:
            return [(ids, rates, None)]
        owners = model.owners.take(ids)
        order = owners.argsort(kind="stable").astype(np.int32)  # a radix sort
        ends = np.bincount(owners, minlength=model.workers).cumsum().tolist()
        ids, rates = ids.take(order), rates.take(order)
        shares = [slice(start, stop) for start, stop in itertools.pairwise((0, *ends))]
        return [(ids[own], rates[own], order[own]) for own in shares]

    def _add(self, ids: Ints, rates: Floats, places: Ints | None) -> None:
        """Add gradients to the rows of one thread."""
        table = self._model.table
        with measured(self._model.profile, "scatter"):
            scatter_add(table, ids, self._gradients.reshape(-1, table.shape[1]), rates, places)


def _tiles(parts: int, part_rows: int, workers: int) -> list[tuple[int, int]]:
    """Cut the parts of a batch into tiles, which with planning are as many for each worker."""
    tasks = parts * part_rows / _TILE_ROWS + 1  # planning takes about as long as a tile
    n = min(parts, max(1, math.ceil(tasks / workers) * workers - 1))
    return list(itertools.pairwise(parts * i // n for i in range(n + 1)))

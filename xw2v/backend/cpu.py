"""Steps on NumPy arrays by a team of workers; their number does not change a bit.

A step has two phases. In the first, each worker computes the gradients of its share of the
batch at the parameters as they are, in tiles, a few groups of blocks each; cutting a batch
differently changes nothing. In the second, each adds the updates of the rows that are its own,
in the order in which they stand in the batch.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.backend.profile import Profile, measured
from xw2v.backend.steps import Step
from xw2v.backend.team import Team, Worker
from xw2v.kernel import damped_rates, gather, scatter_add, term_gradients

__all__ = ["TeamRunner"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_TILE_FLOATS = 560_000  # of rows: enough to hide the calls, few enough for a core's cache
_MOVED_WORDS = 1024  # at a time, when training is over


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


class _TimedProducts:
    """NumPy, but its matrix products are a phase of a profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def matmul(self, *args: Any, **options: Any) -> Any:
        with self._profile.measure("products"):
            return np.matmul(*args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


@dataclass(frozen=True)
class _Exchange:
    """The parameters, and what the workers tell each other about a batch of P parts of R rows."""

    table: Floats  # (2 V, D): for each word its row of W_in, then that of W_out
    ids: Ints  # (P R,) rows of the table: the centers of a part, then its targets
    weights: Floats  # (P R,)
    gradients: Floats  # (P R, D)
    places: Ints  # (P R,) numbers of the rows, sorted by the worker who adds them, share by share
    borders: NDArray[np.int64]  # (workers, workers + 1) where in a share those of a worker are
    losses: NDArray[np.float64]  # (P,)
    total_weights: NDArray[np.float64]  # (P,) of all logits


class TeamRunner:
    """Makes steps on NumPy parameters, each worker of a team its share of each.

    Parameters
    ----------
    n_words, vector_size : int
        V and D.
    team : Team
    rows : int
        Centers and targets of the largest batch.

    Attributes
    ----------
    w_in, w_out : array, shape (V, D), float32
        Zeros at first, changed in place. Views of one table, in which the two rows of a word are
        neighbors: most words of a batch need both, and find them faster.
    """

    def __init__(self, n_words: int, vector_size: int, *, team: Team, rows: int) -> None:
        blocks = -(-n_words // _MOVED_WORDS)
        table: Floats = team.zeros((blocks * _MOVED_WORDS, 2, vector_size), np.float32)
        self.w_in, self.w_out = table[:n_words, 0, :], table[:n_words, 1, :]
        self._exchange = _Exchange(
            table=table.reshape(-1, vector_size),
            ids=team.zeros(rows, np.int32),
            weights=team.zeros(rows, np.float32),
            gradients=team.zeros((rows, vector_size), np.float32),
            places=team.zeros(rows, np.int32),
            borders=team.zeros((team.size, team.size + 1), np.int64),
            losses=team.zeros(rows, np.float64),
            total_weights=team.zeros(rows, np.float64),
        )

    def run(
        self, steps: Iterable[Step], worker: Worker, profile: Profile | None = None
    ) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss.

        Parameters
        ----------
        steps : iterable of Step
            With this worker's shares of the batches.
        worker : Worker
        profile : Profile, optional
            Counts the time of planning, gathering, products, the work on the logits,
            scattering, and of waiting for other workers.
        """
        share = _Share(self._exchange, worker, profile)
        upcoming = iter(steps)
        while True:
            with measured(profile, "plan"):
                step = next(upcoming, None)
                if step is not None:
                    share.announce(step)
            if step is None:
                return
            with measured(profile, "logits"):
                share.compute(step)
            with measured(profile, "wait"):
                worker.meet()
            with measured(profile, "scatter"):
                share.add(step)
            loss = share.loss(step)
            with measured(profile, "wait"):
                worker.meet()
            yield step, loss

    def finish(self) -> tuple[Floats, Floats]:
        """Return W_in and W_out, each in one piece; the runner cannot go on after that."""
        table, n_words = self._exchange.table, self.w_in.shape[0]
        w_in, w_out = _separated(table.reshape(-1, 2, table.shape[1]))
        return w_in[:n_words], w_out[:n_words]


class _Share:
    """One worker's part in the steps."""

    def __init__(self, exchange: _Exchange, worker: Worker, profile: Profile | None) -> None:
        self._exchange, self._worker, self._profile = exchange, worker, profile
        self._totals = np.zeros(exchange.table.shape[0], dtype=np.float32)
        self._workspace = _Workspace()
        self._xp = np if profile is None else _TimedProducts(profile)

    def announce(self, step: Step) -> None:
        """Write which rows the share of a batch has, and who adds to them."""
        exchange, batch = self._exchange, step.batch
        parts = batch.parts
        ids, weights = [2 * batch.centers], [batch.center_weights]
        for term in batch.terms:
            ids.append(2 * term.targets + 1)
            weights.append(term.target_weights)
        start = step.first_part * sum(i.size for i in ids) // max(1, parts)
        stop = start + sum(i.size for i in ids)
        self._rows = slice(start, stop)
        if parts:
            rows = exchange.ids[start:stop].reshape(parts, -1)
            np.concatenate([i.reshape(parts, -1) for i in ids], axis=1, out=rows)
            shared = exchange.weights[start:stop].reshape(parts, -1)
            np.concatenate([w.reshape(parts, -1) for w in weights], axis=1, out=shared)
        if self._worker.size > 1:
            # Every n-th word is a worker's, with both its rows: even shares of the frequent ones.
            owners = (exchange.ids[start:stop] >> 1) % self._worker.size
            owners = owners.astype(np.uint8 if self._worker.size <= 256 else np.uint16)
            # Sorted stably, places rise: rows are added in the order of the batch.
            np.add(owners.argsort(kind="stable"), start, out=exchange.places[start:stop])
            counts = np.bincount(owners, minlength=self._worker.size)
            borders = exchange.borders[self._worker.rank]
            borders[0] = start
            np.add(counts.cumsum(), start, out=borders[1:])

    def compute(self, step: Step) -> None:
        """Compute the gradients of the share, at the parameters as they are."""
        parts = step.batch.parts
        if not parts:
            return
        floats = (self._rows.stop - self._rows.start) * self._exchange.table.shape[1]
        tiles = min(parts, math.ceil(floats / _TILE_FLOATS))
        for tile in itertools.pairwise(parts * i // tiles for i in range(tiles + 1)):
            self._compute(step, *tile)

    def _compute(self, step: Step, start: int, stop: int) -> None:
        """Compute the gradients of parts `start` to `stop` of the share."""
        exchange, workspace, size = self._exchange, self._workspace, self._exchange.table.shape[1]
        parts = stop - start
        batch = step.batch.part(start, stop)
        part_rows = (self._rows.stop - self._rows.start) // step.batch.parts
        tile = slice(self._rows.start + start * part_rows, self._rows.start + stop * part_rows)
        gradients = exchange.gradients[tile].reshape(parts, part_rows, size)
        rows = workspace("rows", gradients.shape)
        with measured(self._profile, "gather"):
            gather(exchange.table, exchange.ids[tile], out=rows.reshape(-1, size))
        end = centers = batch.centers.size // parts
        losses = np.zeros(parts)
        for k, term in enumerate(batch.terms):
            begin, end = end, end + term.targets.size // parts
            dx = gradients[:, :centers]
            if k:
                dx = workspace("more dx", dx.shape)
            z = workspace("z", (batch.centers.size * term.targets.shape[1],))
            result = term_gradients(
                rows[:, :centers],
                rows[:, begin:end],
                term,
                with_loss=step.with_loss,
                out=(z, dx, gradients[:, begin:end]),
                xp=self._xp,
            )
            if k:
                gradients[:, :centers] += dx
            if result.loss is not None:
                losses += result.loss.sum(axis=1, dtype=np.float64)
        if step.with_loss:
            here = slice(step.first_part + start, step.first_part + stop)
            exchange.losses[here] = losses
            weights = batch.center_weights.reshape(parts, -1)
            exchange.total_weights[here] = weights.sum(axis=1, dtype=np.float64)

    def add(self, step: Step) -> None:
        """Add to this worker's own rows what all workers have computed."""
        exchange, places = self._exchange, None
        ids, weights = exchange.ids[self._rows], exchange.weights[self._rows]
        gradients = exchange.gradients[self._rows]
        if self._worker.size > 1:
            own = exchange.borders[:, self._worker.rank : self._worker.rank + 2].tolist()
            places = np.concatenate([exchange.places[start:stop] for start, stop in own])
            ids, weights = exchange.ids.take(places), exchange.weights.take(places)
            gradients = exchange.gradients
        rates = damped_rates(
            ids,
            weights,
            exchange.table.shape[0],
            step.alpha,
            step.damping,
            scratch=self._totals,
        )
        scatter_add(exchange.table, ids, gradients, rates, places)

    def loss(self, step: Step) -> float | None:
        """Return the mean loss per unit of weight before the step, if it was asked for."""
        if not step.with_loss:
            return None
        # Summed exactly: who computed which part makes no difference.
        parts = slice(0, step.parts)
        weight = math.fsum(self._exchange.total_weights[parts])
        return math.fsum(self._exchange.losses[parts]) / weight if weight else None


def _separated(pairs: Floats) -> Floats:
    """Turn an array of shape (n, 2, D) into one of shape (2, n, D), in the same memory."""
    n, _, size = pairs.shape
    blocks = n // _MOVED_WORDS
    for block in pairs.reshape(blocks, _MOVED_WORDS, 2, size):
        block.reshape(2, _MOVED_WORDS, size)[...] = block.swapaxes(0, 1).copy()
    # Now half-blocks of W_in and W_out alternate: each goes where it belongs, and makes the one
    # that was there the next to go.
    halves = pairs.reshape(2 * blocks, -1)
    waiting = set(range(2 * blocks))
    while waiting:
        first = place = waiting.pop()
        held = halves[first].copy()
        while True:
            place = place % 2 * blocks + place // 2
            halves[place], held = held, halves[place].copy()
            if place == first:
                break
            waiting.remove(place)
    return pairs.reshape(2, n, size)

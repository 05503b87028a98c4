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
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xw2v.backend.profile import Profile, measured
from xw2v.backend.steps import Step
from xw2v.backend.team import Team, Worker
from xw2v.backend.vocabulary import Vocabulary
from xw2v.kernel import (
    Batch,
    Optimizer,
    Sgd,
    gather,
    gathered_gradients,
    project,
    project_back,
    scatter_add,
    term_gradients,
)

__all__ = ["TeamRunner"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_TILE_FLOATS = 560_000  # of rows: enough to hide the calls, few enough for a core's cache
_MOVED_WORDS = 1024  # at a time, when training is over
_SGD = Sgd()


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
    state: tuple[Floats, ...]  # of the optimizer, for the rows of the table
    trainable: Floats | None  # (2 V,) 0 for the rows that are not to change
    part_rows: int  # R
    ids: Ints  # (P R,) rows of the table: the inputs of a part, then its targets
    weights: Floats  # (P R,)
    gradients: Floats  # (P R, D)
    places: Ints  # (P R,) numbers of the rows, sorted by the worker who adds them, share by share
    borders: NDArray[np.int64]  # (workers, workers + 1) where in a share those of a worker are
    losses: NDArray[np.float64]  # (P,)
    predictions: NDArray[np.float64]  # (P,)


class TeamRunner:
    """Makes steps on NumPy parameters, each worker of a team its share of each.

    Parameters
    ----------
    n_words, vector_size : int
        V and D.
    team : Team
    parts, part_rows : int
        Parts of the largest batch, and inputs and targets of the largest part.
    outputs : int, optional
        Rows of W_out, at most V; V if absent.
    optimizer : Optimizer
    trainable : two arrays, shape (V,), or None
        For the rows of W_in and W_out 1, or 0 where a row is not to change.
    hidden : int
        Under the softmax head: hidden vectors of the largest batch.

    Attributes
    ----------
    w_in, w_out : array, shape (V, D), float32
        Zeros at first, changed in place. Views of one table, in which the two rows of a word are
        neighbors: most words of a batch need both, and find them faster.
    whole_batches : bool
        Every worker needs the whole of each batch: under the softmax head they share the
        vocabulary instead.
    """

    def __init__(
        self,
        n_words: int,
        vector_size: int,
        *,
        team: Team,
        parts: int,
        part_rows: int,
        outputs: int | None = None,
        optimizer: Optimizer = _SGD,
        trainable: tuple[Floats | None, Floats | None] = (None, None),
        hidden: int = 0,
    ) -> None:
        blocks = -(-n_words // _MOVED_WORDS)
        table: Floats = team.zeros((blocks * _MOVED_WORDS, 2, vector_size), np.float32)
        self.w_in, self.w_out = table[:n_words, 0, :], table[:n_words, 1, :][:outputs]
        self.whole_batches = hidden > 0
        self._optimizer = optimizer
        both: Floats | None = None
        if any(mask is not None for mask in trainable):
            both = np.ones((blocks * _MOVED_WORDS, 2), dtype=np.float32)
            for column, mask in enumerate(trainable):
                if mask is not None:
                    both[: mask.size, column] = mask
            both = both.reshape(-1)
        rows = parts * part_rows

        def zeros(shape: tuple[int, ...]) -> Floats:
            return team.zeros(shape, np.float32)

        flat = table.reshape(-1, vector_size)
        self._exchange = _Exchange(
            table=flat,
            state=optimizer.state(zeros, flat.shape),
            trainable=both,
            part_rows=part_rows,
            ids=team.zeros(rows, np.int32),
            weights=team.zeros(rows, np.float32),
            gradients=team.zeros((rows, vector_size), np.float32),
            places=team.zeros(rows, np.int32),
            borders=team.zeros((team.size, team.size + 1), np.int64),
            losses=team.zeros(parts, np.float64),
            predictions=team.zeros(parts, np.float64),
        )
        self._vocabulary = (
            Vocabulary(self.w_out.shape[0], hidden, vector_size, team) if hidden else None
        )

    def run(
        self, steps: Iterable[Step], worker: Worker, profile: Profile | None = None
    ) -> Iterator[tuple[Step, float | None]]:
        """Make the steps, each before it is yielded together with its loss.

        Parameters
        ----------
        steps : iterable of Step
            With this worker's shares of the batches, or with whole batches.
        worker : Worker
        profile : Profile, optional
            Counts the time of planning, gathering, products, the work on the logits,
            scattering, and of waiting for other workers.
        """
        share = _Share(self._exchange, self._optimizer, self._vocabulary, worker, profile)
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

    def arrays(self) -> dict[str, Floats]:
        """Return views of all that the steps change; see `Runner.arrays`."""
        arrays = {"input": self.w_in, "output": self.w_out}
        for column, (table, rows) in enumerate(list(arrays.items())):
            for name, state in zip(self._optimizer.state_names, self._exchange.state, strict=True):
                pairs = state.reshape(-1, 2, *state.shape[1:])
                arrays[f"{table}.{name}"] = pairs[: len(rows), column]
        return arrays

    def finish(self) -> tuple[Floats, Floats]:
        """Return W_in and W_out, each in one piece; the runner cannot go on after that."""
        table, (n_words, n_outputs) = self._exchange.table, (len(self.w_in), len(self.w_out))
        w_in, w_out = _separated(table.reshape(-1, 2, table.shape[1]))
        return w_in[:n_words], w_out[:n_outputs]


class _Share:
    """One worker's part in the steps."""

    def __init__(
        self,
        exchange: _Exchange,
        optimizer: Optimizer,
        vocabulary: Vocabulary | None,
        worker: Worker,
        profile: Profile | None,
    ) -> None:
        self._exchange, self._optimizer, self._vocabulary = exchange, optimizer, vocabulary
        self._worker, self._profile = worker, profile
        self._totals = np.zeros(self._exchange.table.shape[0], dtype=np.float32)
        self._workspace = _Workspace()
        self._xp = np if profile is None else _TimedProducts(profile)
        self._regions: list[slice] = []

    def announce(self, step: Step) -> None:
        """Write which rows the share of a batch has, and who adds to them."""
        exchange, first = self._exchange, step.first_part
        self._regions = []
        # A whole batch, which everyone has, is announced once.
        announces = self._vocabulary is None or self._worker.rank == 0
        for batch in step.batches if announces else ():
            ids, weights = [2 * batch.inputs], [batch.input_weights]
            for term in batch.terms:
                if not term.softmax:
                    ids.append(2 * term.targets + 1)
                    weights.append(term.target_weights)
            start = first * exchange.part_rows
            region = slice(start, start + sum(i.size for i in ids))
            self._regions.append(region)
            if parts := batch.parts:
                rows = exchange.ids[region].reshape(parts, -1)
                np.concatenate([i.reshape(parts, -1) for i in ids], axis=1, out=rows)
                shared = exchange.weights[region].reshape(parts, -1)
                np.concatenate([w.reshape(parts, -1) for w in weights], axis=1, out=shared)
            first += parts
        if self._shared_out:
            self._share_out(step.first_part * exchange.part_rows)

    @property
    def _shared_out(self) -> bool:
        """Whether the rows of a batch are several workers' or not in one piece."""
        return self._worker.size > 1 or len(self._regions) > 1

    def _share_out(self, start: int) -> None:
        exchange, size = self._exchange, self._worker.size
        # Every n-th word is a worker's, with both its rows: even shares of the frequent ones.
        ids = [exchange.ids[region] for region in self._regions]
        owners = (np.concatenate(ids or [exchange.ids[:0]]) >> 1) % size
        owners = owners.astype(np.uint8 if size <= 256 else np.uint16)
        # Sorted stably, places rise: rows are added in the order of the batch.
        order = owners.argsort(kind="stable")
        places = exchange.places[start : start + owners.size]
        if len(self._regions) == 1:
            np.add(order, start, out=places)
        elif self._regions:
            numbers = [np.arange(r.start, r.stop, dtype=np.int32) for r in self._regions]
            np.concatenate(numbers).take(order, out=places)
        counts = np.bincount(owners, minlength=size)
        borders = exchange.borders[self._worker.rank]
        borders[0] = start
        np.add(counts.cumsum(), start, out=borders[1:])

    def compute(self, step: Step) -> None:
        """Compute the gradients of the share, at the parameters as they are."""
        if self._vocabulary is not None:
            self._compute_softmax(step)
            return
        first = step.first_part
        for batch, region in zip(step.batches, self._regions, strict=True):
            parts = batch.parts
            if parts and batch.terms[0].rows is not None:
                self._compute_gathered(batch, region, first, step.with_loss)
            elif parts:
                part_rows = (region.stop - region.start) // parts
                floats = parts * part_rows * self._exchange.table.shape[1]
                tiles = min(parts, math.ceil(floats / _TILE_FLOATS))
                for start, stop in itertools.pairwise(parts * i // tiles for i in range(tiles + 1)):
                    tile = slice(region.start + start * part_rows, region.start + stop * part_rows)
                    self._compute(batch.part(start, stop), tile, first + start, step.with_loss)
            first += parts

    def _compute(self, batch: Batch, tile: slice, first: int, with_loss: bool) -> None:
        """Compute the gradients of some parts: where their rows are, and which they are."""
        exchange, workspace, size = self._exchange, self._workspace, self._exchange.table.shape[1]
        parts = batch.parts
        gradients = exchange.gradients[tile].reshape(parts, -1, size)
        rows = workspace("rows", gradients.shape)
        self._gather(tile, rows)
        end = inputs = batch.inputs.size // parts
        hidden, errors = rows[:, :inputs], gradients[:, :inputs]
        projection = batch.projection
        if projection is not None:
            shape = parts, batch.predictions.size // parts, size
            hidden = project(hidden, projection, out=workspace("hidden", shape), xp=self._xp)
            errors = workspace("errors", shape)
        losses = np.zeros(parts)
        for k, term in enumerate(batch.terms):
            begin, end = end, end + term.targets.size // parts
            dx = workspace("more dx", errors.shape) if k else errors
            z = workspace("z", (batch.predictions.size * term.targets.shape[1],))
            result = term_gradients(
                hidden,
                rows[:, begin:end],
                term,
                with_loss=with_loss,
                out=(z, dx, gradients[:, begin:end]),
                xp=self._xp,
            )
            if k:
                errors += dx
            if result.loss is not None:
                losses += result.loss.sum(axis=1, dtype=np.float64)
        if projection is not None:
            project_back(errors, projection, out=gradients[:, :inputs], xp=self._xp)
        self._freeze(tile)
        if with_loss:
            here = slice(first, first + parts)
            exchange.losses[here] = losses
            predictions = batch.predictions.reshape(parts, -1)
            exchange.predictions[here] = predictions.sum(axis=1, dtype=np.float64)

    def _compute_gathered(self, batch: Batch, region: slice, first: int, with_loss: bool) -> None:
        """Compute the gradients of a part whose terms say which hidden vectors they need."""
        exchange, workspace, size = self._exchange, self._workspace, self._exchange.table.shape[1]
        end = region.start + batch.inputs.size
        inputs = slice(region.start, end)
        hidden = workspace("rows", (1, batch.inputs.size, size))
        self._gather(inputs, hidden)
        projection, shape = batch.projection, (1, batch.predictions.size, size)
        if projection is not None:
            hidden = project(hidden, projection, out=workspace("hidden", shape), xp=self._xp)
        errors = workspace("errors", shape)
        errors[...] = 0.0
        loss = 0.0
        for term in batch.terms:
            rows: Ints = cast(Any, term.rows)
            (blocks, targets), pairs = term.targets.shape, rows.shape[1]
            step = max(1, _TILE_FLOATS // ((targets + pairs) * size))
            for start in range(0, blocks, step):
                stop = min(start + step, blocks)
                some = term.part(start, stop, blocks, 0)
                tile = slice(end, end + some.targets.size)
                own = rows[start:stop].reshape(-1)
                x = gather(hidden[0], own, out=workspace("x", (own.size, size)))
                y = workspace("y", (some.targets.size, size))
                self._gather(tile, y)
                result = gathered_gradients(
                    x,
                    y,
                    some,
                    with_loss=with_loss,
                    out=(
                        workspace("z", (some.targets.size * pairs,)),
                        workspace("dx", x.shape),
                        exchange.gradients[tile],
                    ),
                    xp=self._xp,
                )
                scatter_add(errors[0], own, result.x)
                if result.loss is not None:
                    loss += float(result.loss.sum(dtype=np.float64))
                end = tile.stop
        if projection is not None:
            project_back(errors, projection, out=exchange.gradients[None, inputs], xp=self._xp)
        else:
            exchange.gradients[inputs] = errors[0]
        self._freeze(region)
        if with_loss:
            exchange.losses[first] = loss
            exchange.predictions[first] = batch.predictions.sum(dtype=np.float64)

    def _gather(self, tile: slice, rows: Floats) -> None:
        with measured(self._profile, "gather"):
            exchange = self._exchange
            flat = rows.reshape(-1, exchange.table.shape[1])
            gather(exchange.table, exchange.ids[tile], out=flat)

    def _freeze(self, tile: slice) -> None:
        """Take away the gradients of rows that are not to change."""
        exchange = self._exchange
        if exchange.trainable is not None:
            exchange.gradients[tile] *= exchange.trainable.take(exchange.ids[tile])[:, None]

    def _compute_softmax(self, step: Step) -> None:
        """Make the step of W_out; the first worker computes the gradients of all inputs."""
        exchange, vocabulary = self._exchange, cast(Vocabulary, self._vocabulary)
        (batch,) = step.batches
        rows = gather(exchange.table, 2 * batch.inputs)[None, :, :]
        projection = batch.projection
        hidden = rows if projection is None else project(rows, projection)

        def update(words: NDArray[Any], gradients: Floats, weights: Floats) -> None:
            ids = 2 * words + 1
            if exchange.trainable is not None:
                gradients *= exchange.trainable[ids][:, None]
            self._update(ids, gradients, weights, step.alpha)

        vocabulary.step(
            hidden[0],
            exchange.table[1::2],
            batch.terms,
            batch.predictions,
            self._worker,
            update,
            step.with_loss,
        )
        if self._worker.rank:
            return
        errors = vocabulary.errors(hidden.shape[1])[None, :, :]
        (region,) = self._regions
        exchange.gradients[region] = (
            errors if projection is None else project_back(errors, projection)
        )[0]
        self._freeze(region)
        exchange.losses[: step.parts] = 0.0
        exchange.losses[0] = vocabulary.loss()
        exchange.predictions[: step.parts] = 0.0
        exchange.predictions[0] = batch.predictions.sum(dtype=np.float64)

    def add(self, step: Step) -> None:
        """Add to this worker's own rows what all workers have computed."""
        exchange, places = self._exchange, None
        if self._shared_out:
            rank = self._worker.rank
            own = exchange.borders[:, rank : rank + 2].tolist()
            places = np.concatenate([exchange.places[start:stop] for start, stop in own])
            ids, weights = exchange.ids.take(places), exchange.weights.take(places)
            gradients = exchange.gradients
        else:
            region = self._regions[0] if self._regions else slice(0)
            ids, weights = exchange.ids[region], exchange.weights[region]
            gradients = exchange.gradients[region]
        self._update(ids, gradients, weights, step.alpha, places)

    def _update(
        self,
        ids: NDArray[Any],
        gradients: Floats,
        weights: Floats,
        alpha: float,
        places: NDArray[Any] | None = None,
    ) -> None:
        exchange = self._exchange
        self._optimizer.update(
            exchange.table,
            exchange.state,
            ids,
            gradients,
            weights,
            alpha,
            positions=places,
            scratch=self._totals,
        )

    def loss(self, step: Step) -> float | None:
        """Return the mean loss before the step, if it was asked for."""
        if not step.with_loss:
            return None
        # Summed exactly: who computed which part makes no difference.
        parts = slice(0, step.parts)
        count = math.fsum(self._exchange.predictions[parts])
        return math.fsum(self._exchange.losses[parts]) / count if count else None


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

"""Optimizers on rows: repeated ones, untouched ones, and those that are not to change."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from tests.kernel.batches import MODELS, assert_same_sums, setting, states_of
from xw2v.kernel import Adagrad, Adam, Optimizer, Sgd, train_step

OPTIMIZERS: list[Optimizer] = [Sgd(), Adagrad(), Adam()]
SAME: dict[type, oracle.Optimizer] = {
    Sgd: oracle.Sgd(0.2),
    Adagrad: oracle.Adagrad(),
    Adam: oracle.Adam(),
}
ULPS = 4

every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)


class Table:
    """A table with an optimizer's state, some steps old."""

    def __init__(self, xp: Any, dtype: str, optimizer: Optimizer, *, fresh: bool = False) -> None:
        self._xp, self._kind, self._optimizer = xp, getattr(xp, dtype), optimizer
        rng = np.random.default_rng(0)
        self.values = xp.asarray(rng.standard_normal((7, 3)), dtype=self._kind)
        self.state = optimizer.state(
            lambda shape: xp.zeros(shape, dtype=self._kind), self.values.shape
        )
        if not fresh:
            for size in (40, 5):
                self.step(rng.integers(0, 7, size), rng.standard_normal((size, 3)))

    def step(
        self,
        ids: Any,
        gradients: Any,
        weights: Any = None,
        alpha: float = 0.1,
        *,
        positions: Any = None,
        scratch: Any = None,
    ) -> None:
        xp = self._xp
        self._optimizer.update(
            self.values,
            self.state,
            xp.asarray(ids, dtype=xp.int32),
            xp.asarray(gradients, dtype=self._kind),
            xp.asarray(np.ones(len(ids)) if weights is None else weights, dtype=self._kind),
            alpha,
            positions=None if positions is None else xp.asarray(positions, dtype=xp.int32),
            scratch=scratch,
        )

    def arrays(self) -> list[Any]:
        return [to_host(array).copy() for array in (self.values, *self.state)]


@pytest.mark.parametrize(
    ("optimizer", "shapes"),
    [(Sgd(), []), (Adagrad(), [(7, 3)]), (Adam(), [(7, 3), (7, 3), (7,)])],
    ids=["Sgd", "Adagrad", "Adam"],
)
def test_state_is_made_of_zeros(
    xp: Any, dtype: str, optimizer: Optimizer, shapes: list[Any]
) -> None:
    asked = []

    def zeros(shape: tuple[int, ...]) -> Any:
        asked.append(shape)
        return xp.zeros(shape, dtype=getattr(xp, dtype))

    state = optimizer.state(zeros, (7, 3))
    assert isinstance(state, tuple)
    assert asked == [array.shape for array in state] == shapes
    assert all(not to_host(array).any() for array in state)


@every_optimizer
@pytest.mark.parametrize("with_positions", [False, True])
@pytest.mark.parametrize("times", [2, 7])
def test_a_row_makes_one_step_of_all_its_gradients(
    xp: Any, dtype: str, optimizer: Optimizer, times: int, with_positions: bool
) -> None:
    """However often it occurs, and among others."""
    rng = np.random.default_rng(1)
    gradients, weights = rng.integers(-8, 9, (times, 3)) / 4, rng.integers(1, 9, times) / 4
    others = rng.integers(-8, 9, (4, 3)) / 4  # sums of all these have no rounding errors
    ids = [2] * times + [5, 2, 0, 6]
    all_gradients = np.concatenate((gradients, others))
    all_weights = np.concatenate((weights, np.ones(4)))
    order = rng.permutation(times + 4)
    ids = [ids[i] for i in order]
    apart, once = Table(xp, dtype, optimizer), Table(xp, dtype, optimizer)
    if with_positions:
        more = np.concatenate((all_gradients, np.full((3, 3), 99.0)))[::-1]
        apart.step(ids, more, all_weights[order], positions=len(more) - 1 - order)
    else:
        apart.step(ids, all_gradients[order], all_weights[order])
    once.step(
        [0, 2, 5, 6],
        [others[2], gradients.sum(axis=0) + others[1], others[0], others[3]],
        [1.0, weights.sum() + 1, 1.0, 1.0],
    )
    for ours, expected in zip(apart.arrays(), once.arrays(), strict=True):
        # Plain sums are made on the table, one addend at a time.
        atol = 8 * epsilon(dtype) if isinstance(optimizer, Sgd) else 0
        np.testing.assert_allclose(ours, expected, rtol=2 * epsilon(dtype), atol=atol)


@every_optimizer
def test_rows_that_do_not_occur_stay_as_they_are(xp: Any, dtype: str, optimizer: Optimizer) -> None:
    """To the bit, state included; the others all change."""
    table = Table(xp, dtype, optimizer)
    before = table.arrays()
    table.step([4, 1, 4, 4], np.random.default_rng(2).standard_normal((4, 3)))
    for old, new in zip(before, table.arrays(), strict=True):
        assert old[[0, 2, 3, 5, 6]].tobytes() == new[[0, 2, 3, 5, 6]].tobytes()
        assert (old[[1, 4]] != new[[1, 4]]).all()


@every_optimizer
def test_no_rows_at_all(xp: Any, optimizer: Optimizer) -> None:
    table = Table(xp, "float32", optimizer)
    before = table.arrays()
    table.step([], np.zeros((0, 3)))
    for old, new in zip(before, table.arrays(), strict=True):
        assert old.tobytes() == new.tobytes()


@every_optimizer
@pytest.mark.parametrize("with_positions", [False, True])
def test_scratch_saves_time_only(optimizer: Optimizer, with_positions: bool) -> None:
    """The same bits, and it is left as zeros."""
    rng = np.random.default_rng(5)
    scratch = np.zeros(7, dtype=np.float32)
    one, other = (Table(np, "float32", optimizer) for _ in range(2))
    for n in (30, 1, 0):
        ids, gradients = rng.integers(0, 7, n), rng.standard_normal((30, 3))
        positions = rng.integers(0, 30, n) if with_positions else None
        own = gradients if with_positions else gradients[:n]
        weights = rng.random(n)
        one.step(ids, own, weights, positions=positions)
        other.step(ids, own, weights, positions=positions, scratch=scratch)
        assert not scratch.any()
    for ours, expected in zip(one.arrays(), other.arrays(), strict=True):
        assert ours.tobytes() == expected.tobytes()


@every_optimizer
@pytest.mark.parametrize("with_positions", [False, True])
def test_gradients_are_left_alone(
    xp: Any, dtype: str, optimizer: Optimizer, with_positions: bool
) -> None:
    """Optimizers work in place, but not there."""
    gradients = xp.asarray(np.arange(12.0).reshape(4, 3), dtype=getattr(xp, dtype))
    before = to_host(gradients).copy()
    table = Table(xp, dtype, optimizer)
    ids = xp.asarray([0, 1, 2, 3], dtype=xp.int32)
    weights = xp.ones(4, dtype=gradients.dtype)
    optimizer.update(
        table.values,
        table.state,
        ids,
        gradients,
        weights,
        0.1,
        positions=ids if with_positions else None,
    )
    np.testing.assert_array_equal(to_host(gradients), before)
    np.testing.assert_array_equal(to_host(ids), [0, 1, 2, 3])
    np.testing.assert_array_equal(to_host(weights), 1)


@every_optimizer
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.051, 0.4])
def test_many_steps_agree_with_plain_loops(
    xp: Any, dtype: str, optimizer: Optimizer, alpha: float
) -> None:
    """Rows have steps of their own: some a few, some many."""
    table = Table(xp, dtype, optimizer, fresh=True)
    same = SAME[type(optimizer)]
    values = oracle.exact(to_host(table.values))
    state = same.state((7, 3))
    rng = np.random.default_rng(3)
    for step in range(12):
        ids = rng.integers(0, 3 if step % 2 else 7, 4)
        gradients = rng.standard_normal((4, 3)).astype(dtype)
        weights = rng.random(4).astype(dtype)
        table.step(ids, gradients, weights, alpha)
        for row in set(ids.tolist()):
            own = np.flatnonzero(ids == row)
            gradient = oracle.summed([oracle.exact(gradients[k]) for k in own])
            weight = oracle.summed([oracle.exact(weights[k]) for k in own])
            same.move(values, state, row, gradient, weight, alpha)
    oracle.assert_close(to_host(table.values), values, ULPS)
    for ours, expected in zip(table.state, state, strict=True):
        oracle.assert_close(to_host(ours), expected, ULPS)
    if isinstance(optimizer, Adam):
        assert len(set(to_host(table.state[2]).tolist())) > 3


# Sgd


@pytest.mark.parametrize(("alpha", "raised"), [(1e-4, 1), (0.05, 1), (0.1, 2), (0.5, 10)])
def test_damping_grows_with_large_rates(xp: Any, alpha: float, raised: float) -> None:
    table = Table(xp, "float64", Sgd(0.3), fresh=True)
    before = table.arrays()[0]
    table.step([3, 3], [[1.0, -2.0, 4.0]] * 2, [2.0, 5.0], alpha)
    factor = oracle.damping_factor(alpha * 0.3 * raised * 7)
    moved = before[3] - table.arrays()[0][3]
    np.testing.assert_allclose(moved, alpha * factor * np.asarray([2.0, -4, 8]), rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.025, 1.0])
def test_no_damping_adds_plain_sums(xp: Any, alpha: float) -> None:
    table = Table(xp, "float64", Sgd(0.0), fresh=True)
    before = table.arrays()[0]
    table.step([3, 3], [[1.0, -2.0, 4.0]] * 2, [1000.0, 1000.0], alpha)
    moved = before[3] - table.arrays()[0][3]
    np.testing.assert_allclose(moved, alpha * np.asarray([2.0, -4, 8]), rtol=1e-13)


# Adagrad


def test_steps_of_adagrad_fall_with_their_number(xp: Any, dtype: str) -> None:
    """Of equal gradients, the n-th step is alpha / sqrt(n)."""
    table = Table(xp, dtype, Adagrad(), fresh=True)
    for n in range(1, 6):
        before = table.arrays()[0]
        table.step([3], [[2.0, -1.0, 40.0]])
        moved = before[3] - table.arrays()[0][3]
        expected = np.asarray([1, -1, 1]) * 0.1 / math.sqrt(n)
        atol = 8 * epsilon(dtype) + 1e-11  # alpha times epsilon, that of Adagrad
        np.testing.assert_allclose(moved, expected, rtol=0, atol=atol)


# Adam


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_first_step_of_any_row_is_as_large_as_the_rate(
    xp: Any, dtype: str, size: float
) -> None:
    """Whenever it is made, and of whatever size the gradient is."""
    table = Table(xp, dtype, Adam(), fresh=True)
    for row in (0, 1, 1, 1, 2):
        before = table.arrays()
        gradient = size * np.asarray([1.0, -2.0, 3.0])
        table.step([row], [gradient])
        first = before[3][row] == 0
        moved = before[0][row] - table.arrays()[0][row]
        expected = np.sign(gradient) * 0.1
        # 1 - 0.999**n is as exact as 0.999 is, in units of 0.001; and epsilon is 1e-8.
        atol = 0.1 * (500 * epsilon(dtype) + 1e-8 / size) + 2 * epsilon(dtype)
        if first:
            np.testing.assert_allclose(moved, expected, rtol=0, atol=atol)
    assert table.arrays()[3].tolist() == [1, 3, 1, 0, 0, 0, 0]


def test_rows_of_adam_are_corrected_by_their_own_steps(xp: Any) -> None:
    """A row that comes late makes the steps that it would have made alone."""
    gradients = np.random.default_rng(4).standard_normal((3, 3))
    late, alone = (Table(xp, "float64", Adam(), fresh=True) for _ in range(2))
    for _ in range(5):
        late.step([0, 1], np.ones((2, 3)))
    for gradient in gradients:
        late.step([2, 1], [gradient, gradient])
        alone.step([2], [gradient])
    for ours, expected in zip(late.arrays(), alone.arrays(), strict=True):
        np.testing.assert_array_equal(ours[2], expected[2])


# Rows that are not to change


@every_optimizer
@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)], ids=["in", "out", "both"])
@pytest.mark.parametrize("name", MODELS)
def test_rows_that_are_not_to_change(
    xp: Any, name: str, optimizer: Optimizer, which: tuple[int, ...]
) -> None:
    """Under any model; the others make the steps that they would have made."""
    masks: list[Any] = [None, None]
    results = []
    for masked in (False, True):
        w_in, w_out, batch = setting(name, xp, "float64")
        tables = w_in, w_out
        before = [to_host(table).copy() for table in tables]
        if masked:
            for k in which:
                mask = np.arange(tables[k].shape[0]) % 2
                masks[k] = xp.asarray(mask, dtype=xp.float64)
        states = states_of(optimizer, w_in, w_out)
        train_step(
            w_in,
            w_out,
            batch,
            alpha=0.1,
            optimizer=optimizer,
            states=states,
            trainable=(masks[0], masks[1]),
        )
        results.append((tables, states))
    (free, free_states), (held, held_states) = results
    for k in (0, 1):
        mask = np.ones(len(before[k])) if masks[k] is None else to_host(masks[k])
        after = to_host(held[k])
        np.testing.assert_array_equal(after[mask == 0], before[k][mask == 0])
        assert (after[mask == 1] != before[k][mask == 1]).any(axis=1).all()
        rest = xp.asarray(np.flatnonzero(mask))
        for mine, theirs in zip(
            (held[k], *held_states[k]), (free[k], *free_states[k]), strict=True
        ):
            assert_same_sums(xp.take(mine, rest, axis=0), xp.take(theirs, rest, axis=0))


@every_optimizer
def test_options_are_fixed(optimizer: Optimizer) -> None:
    """Optimizers are values: what they remember is in their state."""
    assert optimizer == type(optimizer)()
    assert dataclasses.is_dataclass(optimizer)
    assert hash(optimizer) == hash(type(optimizer)())

"""Damped accumulation: the factor, and what it makes of rows that occur once or often."""

import math
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from xw2v.kernel import Batch, Sgd, Term, damped_rates, damping_factor, row_totals, train_step


def test_factor_over_sixty_orders_of_magnitude(xp: Any, dtype: str) -> None:
    kind = getattr(xp, dtype)
    values = np.concatenate(
        (
            [0.0],
            np.logspace(-30, 30, 241),
            # around the changes from one formula to the other
            math.log(2) * (1 + np.linspace(-1e-6, 1e-6, 21)),
            epsilon(dtype) * np.linspace(0.1, 4, 40),
        )
    )
    c = xp.asarray(values, dtype=kind)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        factor = damping_factor(c)
    assert factor.dtype == kind
    expected = [oracle.damping_factor(float(value)) for value in to_host(c)]
    np.testing.assert_allclose(to_host(factor), expected, rtol=4 * epsilon(dtype))
    assert to_host(factor)[0] == 1.0
    assert (to_host(factor) <= 1.0).all()


def test_row_totals(xp: Any, dtype: str) -> None:
    ids = xp.asarray([3, 1, 3, 0, 3, 1], dtype=xp.int32)
    weights = xp.asarray([1.0, 0.5, 2.0, 0.0, 4.0, 0.25], dtype=getattr(xp, dtype))
    totals = row_totals(ids, weights, 5)
    np.testing.assert_array_equal(to_host(totals), [7, 0.75, 7, 0, 7, 0.75])
    assert totals.dtype == weights.dtype


def test_row_totals_leave_the_scratch_zero(dtype: str) -> None:
    rng = np.random.default_rng(0)
    scratch = np.zeros(9, dtype=dtype)
    for _ in range(3):
        ids = rng.integers(0, 9, 40).astype(np.int32)
        weights = rng.random(40).astype(dtype)
        with_scratch = row_totals(ids, weights, 9, scratch=scratch)
        np.testing.assert_array_equal(with_scratch, row_totals(ids, weights, 9))
        assert not scratch.any()


def test_rates_are_equal_for_equal_rows(xp: Any, dtype: str) -> None:
    kind, eps = getattr(xp, dtype), epsilon(dtype)
    ids = xp.asarray([2, 0, 2, 1], dtype=xp.int32)
    weights = xp.asarray([30.0, 1.0, 50.0, 0.0], dtype=kind)
    rates = to_host(damped_rates(ids, weights, 3, 0.5, 0.2))
    assert rates[0] == rates[2]
    factors = [oracle.damping_factor(0.5 * 0.2 * total) for total in (80, 1, 80, 0)]
    np.testing.assert_allclose(rates, -0.5 * np.asarray(factors), rtol=8 * eps)
    plain = to_host(damped_rates(ids, weights, 3, 0.5, 0.0))
    np.testing.assert_array_equal(plain, np.full(4, -0.5, dtype=dtype))


@pytest.mark.parametrize("alpha", [1e-4, 0.025, 0.2])
def test_a_row_that_occurs_once_moves_nearly_by_its_plain_update(xp: Any, alpha: float) -> None:
    """By the stated factor, which is at least 1 - c / 2 with c = alpha * damping * weight.

    Above rates of 0.05 the damping is raised in proportion.
    """
    damping = 0.2
    rng = np.random.default_rng(2)
    w_in, w_out = (rng.standard_normal((4, 3)) for _ in range(2))
    weights = xp.asarray([[[1.0]]], dtype=xp.float64)
    batch = Batch(
        inputs=xp.asarray([2], dtype=xp.int32),
        input_weights=xp.asarray([1.0], dtype=xp.float64),
        predictions=xp.asarray([1.0], dtype=xp.float64),
        terms=(
            Term(
                targets=xp.asarray([[1]], dtype=xp.int32),
                labels=1.0,
                weights=weights,
                target_weights=xp.asarray([[1.0]], dtype=xp.float64),
            ),
        ),
    )
    after_in, after_out = xp.asarray(w_in, copy=True), xp.asarray(w_out, copy=True)
    train_step(after_in, after_out, batch, alpha=alpha, optimizer=Sgd(damping))
    g = oracle.sigmoid(float(w_in[2] @ w_out[1])) - 1
    c = alpha * damping * (4 if alpha == 0.2 else 1)
    factor = oracle.damping_factor(c)
    assert 1 - c / 2 <= factor < 1
    w_in[2], w_out[1] = (
        w_in[2] - factor * alpha * g * w_out[1],
        w_out[1] - factor * alpha * g * w_in[2],
    )
    np.testing.assert_allclose(to_host(after_in), w_in, rtol=1e-14)
    np.testing.assert_allclose(to_host(after_out), w_out, rtol=1e-14)


@pytest.mark.parametrize("c", [0.01, 0.5, 3.0, 40.0])
def test_a_repeated_row_moves_as_small_steps_would_where_curvature_is_constant(c: float) -> None:
    """On h v^2 / 2, n steps of rate lr leave (1 - lr h)^n of v, and exp(-c) as n grows."""
    n, curvature, start = 4000, 2.5, 1.7
    alpha = c / (n * curvature)
    ids, weights = np.zeros(n, dtype=np.int32), np.full(n, curvature)
    gradients = np.full(n, curvature * start)  # all taken at the same v
    rates = damped_rates(ids, weights, 1, alpha, 1.0)
    damped = start + float(rates @ gradients)
    sequential = start
    for _ in range(n):
        sequential -= alpha * curvature * sequential
    np.testing.assert_allclose(damped, start * math.exp(-c), rtol=1e-9, atol=1e-12)
    # (1 - c/n)^n is exp(-c) (1 - c^2 / 2n + ...)
    np.testing.assert_allclose(damped, sequential, rtol=c * c / n, atol=1e-12)
    # ... and where it shows, a plain sum does not.
    assert not math.isclose(start - c * start, sequential, rel_tol=min(c * c / 8, 0.5))


@pytest.mark.parametrize("n", [1, 10, 300])
def test_a_batch_moves_as_sequential_steps_would_where_that_is_known(xp: Any, n: int) -> None:
    """A center against one row, as its context and as a negative, n times over.

    The loss softplus(-z) + softplus(z) has its minimum at z = 0, with curvature |y|^2 / 2 on the
    center's row: sequential steps leave (1 - alpha |y|^2 / 2)^n of z. A pair weighs 1 + 1, so
    damping = |y|^2 / 4 is the true curvature.
    """
    y = np.asarray([0.6, -0.3, 0.2])
    squared = float(y @ y)
    alpha = 0.05
    labels = xp.asarray([[[1.0, 0.0]]], dtype=xp.float64)

    def batch(times: int) -> Batch:
        return Batch(
            inputs=xp.zeros(times, dtype=xp.int32),
            input_weights=xp.full(times, 2.0, dtype=xp.float64),
            predictions=xp.ones(times, dtype=xp.float64),
            terms=(
                Term(
                    targets=xp.ones((times, 2), dtype=xp.int32),
                    labels=labels,
                    weights=xp.ones((times, 1, 2), dtype=xp.float64),
                    target_weights=xp.ones((times, 2), dtype=xp.float64),
                ),
            ),
        )

    def start() -> tuple[Any, Any]:
        x = 1e-4 * y / squared  # z = 1e-4: the sigmoid is straight, and y hardly moves
        zero = np.zeros(3)
        return (
            xp.asarray([x, zero], dtype=xp.float64),
            xp.asarray([zero, y], dtype=xp.float64),
        )

    whole_in, whole_out = start()
    train_step(whole_in, whole_out, batch(n), alpha=alpha, optimizer=Sgd(squared / 4))
    one_in, one_out = start()
    for _ in range(n):
        train_step(one_in, one_out, batch(1), alpha=alpha, optimizer=Sgd(0.0))
    z, z_one = (to_host(w)[0] @ y / 1e-4 for w in (whole_in, one_in))
    rate = alpha * squared / 2
    np.testing.assert_allclose(z_one, (1 - rate) ** n, rtol=1e-6)
    np.testing.assert_allclose(z, math.exp(-n * rate), rtol=1e-6)
    np.testing.assert_allclose(z, z_one, rtol=n * rate * rate)

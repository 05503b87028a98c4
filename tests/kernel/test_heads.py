"""Loss and residual of a logit, against float64 formulas that hold for any logit."""

import math
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from xw2v.kernel import logistic_loss, logistic_residual

LOGITS = [-1e4, -120.0, -88.0, -30.0, -1.5, -1e-3, 0.0, 1e-3, 1.5, 30.0, 88.0, 120.0, 1e4]
ULPS = 8


@pytest.mark.parametrize("form", ["scalar", "array"])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_residual_for_logits_of_any_size(xp: Any, dtype: str, label: float, form: str) -> None:
    kind = getattr(xp, dtype)
    z = xp.asarray([LOGITS], dtype=kind)
    labels = label if form == "scalar" else xp.full(z.shape, label, dtype=kind)
    weights = xp.full(z.shape, 3.0, dtype=kind)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        residual = to_host(logistic_residual(z, labels, weights))
    # sigmoid(z) - 1 as -sigmoid(-z): the expected values know no cancellation
    expected = [3 * (-oracle.sigmoid(-v) if label else oracle.sigmoid(v)) for v in z_values(z)]
    assert residual.dtype == np.dtype(dtype)
    assert (np.abs(residual[0] - expected) <= 3 * epsilon(dtype)).all()  # of the weight


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_loss_for_logits_of_any_size(xp: Any, dtype: str, label: float) -> None:
    kind = getattr(xp, dtype)
    eps = epsilon(dtype)
    for logit in LOGITS:
        z = xp.asarray([[logit]], dtype=kind)
        weights = xp.full(z.shape, 3.0, dtype=kind)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            loss = logistic_loss(z, label, weights)
            same = logistic_loss(z, xp.full(z.shape, label, dtype=kind), weights)
        assert loss.shape == ()
        value = z_values(z)[0]
        expected = 3 * oracle.softplus(-value if label else value)
        tiny = float(np.finfo(dtype).tiny)
        np.testing.assert_allclose(float(loss), expected, rtol=ULPS * eps, atol=tiny)
        assert float(same) == float(loss)


def test_loss_is_the_weighted_sum_of_each_block(xp: Any, dtype: str) -> None:
    kind = getattr(xp, dtype)
    rng = np.random.default_rng(0)
    z, weights = rng.standard_normal((3, 2, 3, 4)), rng.random((3, 2, 3, 4))
    labels = rng.integers(0, 2, (1, 1, 3, 4)).astype(float)
    weights[0, 1] = 0
    loss = logistic_loss(
        xp.asarray(z, dtype=kind), xp.asarray(labels, dtype=kind), xp.asarray(weights, dtype=kind)
    )
    assert loss.shape == (3, 2)
    assert to_host(loss)[0, 1] == 0
    signed = np.where(np.broadcast_to(labels, z.shape) == 1, -z, z)
    expected = [
        [
            math.fsum(
                w * oracle.softplus(v) for w, v in zip(some.ravel(), logits.ravel(), strict=True)
            )
            for some, logits in zip(*each, strict=True)
        ]
        for each in zip(weights, signed, strict=True)
    ]
    np.testing.assert_allclose(to_host(loss), expected, rtol=ULPS * epsilon(dtype))


def test_residual_is_the_derivative_of_the_loss() -> None:
    rng = np.random.default_rng(1)
    z, weights = rng.standard_normal((3, 5)) * 3, rng.random((1, 5))
    labels = rng.integers(0, 2, (3, 5)).astype(float)
    residual = logistic_residual(z, labels, weights)
    step = 1e-5
    for index in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[index] += step
        down[index] -= step
        slope = logistic_loss(up, labels, weights) - logistic_loss(down, labels, weights)
        np.testing.assert_allclose(residual[index], slope / (2 * step), rtol=1e-7, atol=1e-9)


def test_masked_logits_have_no_residual_and_no_loss(xp: Any, dtype: str) -> None:
    z = xp.asarray([LOGITS], dtype=getattr(xp, dtype))
    nothing = xp.zeros(z.shape, dtype=z.dtype)
    for label in (0.0, 1.0):
        assert not to_host(logistic_residual(z, label, nothing)).any()
        assert float(logistic_loss(z, label, nothing)) == 0.0


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_the_result_can_replace_the_logits(label: float) -> None:
    z = np.linspace(-90, 90, 12, dtype=np.float32).reshape(2, 3, 2)
    weights = np.full((1, 3, 1), 0.5, dtype=np.float32)
    expected = logistic_residual(z, label, weights)
    out = z.copy()
    assert logistic_residual(out, label, weights, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_the_logits_are_left_alone(xp: Any) -> None:
    z = xp.asarray([[-1.0, 0.5, 2.0]])
    before = to_host(z).copy()
    for label in (0.0, 1.0):
        logistic_residual(z, label, xp.ones(z.shape, dtype=z.dtype))
        logistic_loss(z, label, xp.ones(z.shape, dtype=z.dtype))
        np.testing.assert_array_equal(to_host(z), before)


def z_values(z: Any) -> list[float]:
    """The logits as the dtype holds them."""
    return [float(value) for value in to_host(z)[0]]

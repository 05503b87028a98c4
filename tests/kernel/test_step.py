"""The kernel and the step against plain loops in float64, and against finite differences."""

from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from tests.kernel.batches import BATCHES, ROWS, SIZE, host_batch, parameters
from tests.synthetic import random_corpus
from xw2v.kernel import Batch, Term, batch_gradients, block_gradients, sgns_step, term_gradients
from xw2v.sampling import BlockLayout, NoiseTable, PairLayout, keep_thresholds, sample_chunk

ULPS = 8  # of the accumulated magnitude: see oracle.OracleStep


@pytest.mark.parametrize("layout", BATCHES)
@pytest.mark.parametrize(("alpha", "damping"), [(0.025, 0.2), (0.5, 0.2), (1.0, 0.0)])
def test_step_agrees_with_plain_loops(
    xp: Any, dtype: str, layout: str, alpha: float, damping: float
) -> None:
    w_in, w_out = parameters(xp, dtype)
    batch = BATCHES[layout](xp, dtype)
    expected = oracle.sgns_step(
        to_host(w_in), to_host(w_out), host_batch(batch), alpha=alpha, damping=damping
    )
    loss = sgns_step(w_in, w_out, batch, alpha=alpha, damping=damping, with_loss=True)
    eps = epsilon(dtype)
    for ours, after, magnitude in (
        (w_in, expected.w_in, expected.magnitude_in),
        (w_out, expected.w_out, expected.magnitude_out),
    ):
        assert to_host(ours).dtype == dtype
        assert (np.abs(to_host(ours) - after) <= ULPS * eps * magnitude).all()
    assert loss is not None
    np.testing.assert_allclose(float(loss), expected.loss, rtol=ULPS * eps)


def test_step_without_loss_is_the_same_step(xp: Any) -> None:
    one, other = parameters(xp, "float32"), parameters(xp, "float32")
    batch = BATCHES["block"](xp, "float32")
    assert sgns_step(*one, batch, alpha=0.1) is None
    assert sgns_step(*other, batch, alpha=0.1, with_loss=True) is not None
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(to_host(a), to_host(b))


def test_gradients_leave_the_parameters_alone(xp: Any) -> None:
    w_in, w_out = parameters(xp, "float32")
    before = to_host(w_in).copy(), to_host(w_out).copy()
    batch_gradients(w_in, w_out, BATCHES["block"](xp, "float32"), with_loss=True)
    np.testing.assert_array_equal(to_host(w_in), before[0])
    np.testing.assert_array_equal(to_host(w_out), before[1])


def test_block_gradients_against_einsum(xp: Any, dtype: str) -> None:
    rng = np.random.default_rng(0)
    kind = getattr(xp, dtype)
    x, y = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 5, 4))
    labels, weights = rng.integers(0, 2, (1, 3, 5)).astype(float), rng.random((2, 1, 5))
    result = block_gradients(
        *(xp.asarray(array, dtype=kind) for array in (x, y, labels, weights)), with_loss=True
    )
    z = np.einsum("btd,bmd->btm", x, y)
    g = weights * (1 / (1 + np.exp(-z)) - labels)
    loss = np.sum(weights * np.log1p(np.exp((1 - 2 * labels) * z)), axis=(1, 2))
    atol = 40 * epsilon(dtype)  # entries are of order 1
    dx, dy = np.einsum("btm,bmd->btd", g, y), np.einsum("btm,btd->bmd", g, x)
    np.testing.assert_allclose(to_host(result.x), dx, rtol=0, atol=atol)
    np.testing.assert_allclose(to_host(result.y), dy, rtol=0, atol=atol)
    np.testing.assert_allclose(to_host(result.loss), loss, rtol=40 * epsilon(dtype))
    assert block_gradients(*(xp.asarray(a) for a in (x, y, labels, weights))).loss is None


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("turns", [1, 2])
def test_terms_have_a_loss_for_each_block(xp: Any, parts: int, turns: int) -> None:
    """In the order of the blocks, however the term is cut into parts."""
    rng = np.random.default_rng(5)
    blocks, t, m, size = 8, 3, 5, 4
    x, y = rng.standard_normal((blocks * t, size)), rng.standard_normal((blocks * m, size))
    weights = rng.random((blocks, t, m))
    term = Term(
        targets=xp.zeros((blocks, m), dtype=xp.int32),
        labels=1.0,
        weights=xp.asarray(weights),
        target_weights=xp.asarray(weights.sum(axis=1)),
        interleave=turns,
    )
    result = term_gradients(
        xp.asarray(x.reshape(parts, -1, size)),
        xp.asarray(y.reshape(parts, -1, size)),
        term,
        with_loss=True,
    )
    assert result.loss is not None
    assert result.loss.shape == (parts, blocks // parts)
    assert result.x.shape == (parts, blocks * t // parts, size)
    assert result.y.shape == (parts, blocks * m // parts, size)
    by_turn = x.reshape(blocks // turns, t, turns, size).swapaxes(1, 2).reshape(blocks, t, size)
    z = by_turn @ y.reshape(blocks, m, size).swapaxes(1, 2)
    expected = (weights * np.log1p(np.exp(-z))).sum(axis=(1, 2))
    np.testing.assert_allclose(to_host(result.loss).reshape(-1), expected, rtol=1e-12)


@pytest.mark.parametrize("layout", BATCHES)
def test_a_batch_has_one_loss(xp: Any, dtype: str, layout: str) -> None:
    """Summed over its blocks and terms; and none if nobody asks for it."""
    w_in, w_out = parameters(xp, dtype)
    batch = BATCHES[layout](xp, dtype)
    assert batch_gradients(w_in, w_out, batch).loss is None
    loss = batch_gradients(w_in, w_out, batch, with_loss=True).loss
    assert loss is not None
    assert loss.shape == ()
    assert loss.dtype == w_in.dtype
    expected = oracle.sgns_step(
        to_host(w_in), to_host(w_out), host_batch(batch), alpha=0.1, damping=0.2
    ).loss
    np.testing.assert_allclose(float(loss), expected, rtol=ULPS * epsilon(dtype))


def test_results_are_put_where_they_are_wanted() -> None:
    """Also where the blocks are views of arrays in another order."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((4, 3, 2, 5)), rng.standard_normal((4, 2, 6, 5))
    weights = rng.random((4, 2, 3, 6))
    plain = block_gradients(x.swapaxes(1, 2), y, 1.0, weights)
    logits, dx, dy = np.empty((4, 2, 3, 6)), np.empty((4, 3, 2, 5)), np.empty((4, 2, 6, 5))
    out = (logits, dx.swapaxes(1, 2), dy)
    block_gradients(x.swapaxes(1, 2), y, 1.0, weights, out=out)
    np.testing.assert_array_equal(dx.swapaxes(1, 2), plain.x)
    np.testing.assert_array_equal(dy, plain.y)


# Finite differences


def small_layout_batch(layout: BlockLayout | PairLayout) -> Batch:
    """The one batch of a text of 40 words, 6 of them different."""
    vocabulary, corpus = random_corpus(40, ROWS, sentence=(7, 3, 1))
    chunk = sample_chunk(
        corpus,
        0,
        40,
        thresholds=keep_thresholds(vocabulary.counts, 0.0),
        window=3,
        shrink_windows=True,
        seed=4,
        epoch=0,
    )
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    (planned,) = layout.batches(chunk, noise, 1000, seed=4, epoch=0, index=0)
    return planned.batch


@pytest.mark.parametrize(
    "layout",
    [
        BlockLayout(block_size=4, group_blocks=2, interleave=1, shared_negatives=6, negative=3),
        PairLayout(negative=3),
    ],
    ids=["block", "pair"],
)
def test_gradient_of_the_loss_for_every_parameter(layout: BlockLayout | PairLayout) -> None:
    """A plain step of rate 1 subtracts the gradient, gather and scatter-add included."""
    w_in, w_out = parameters(np, "float64")
    batch = small_layout_batch(layout)

    def loss(v_in: Any, v_out: Any) -> float:
        return float(to_host(batch_gradients(v_in, v_out, batch, with_loss=True).loss))

    after_in, after_out = w_in.copy(), w_out.copy()
    sgns_step(after_in, after_out, batch, alpha=1.0, damping=0.0)
    step = 1e-5
    for table, after in ((w_in, after_in), (w_out, after_out)):
        gradient = table - after
        for row in range(ROWS):
            for d in range(SIZE):
                value = table[row, d]
                table[row, d] = value + step
                up = loss(w_in, w_out)
                table[row, d] = value - step
                down = loss(w_in, w_out)
                table[row, d] = value
                slope = (up - down) / (2 * step)
                np.testing.assert_allclose(gradient[row, d], slope, rtol=1e-7, atol=1e-6)
        assert np.abs(gradient).min() > 1e-3  # nothing was compared with nothing


def test_layout_batches_agree_with_plain_loops() -> None:
    """As the layouts make them: repeated words everywhere, float32 weights."""
    for layout in (
        BlockLayout(block_size=4, group_blocks=2, interleave=2, shared_negatives=6, negative=3),
        PairLayout(negative=3),
    ):
        w_in, w_out = parameters(np, "float64")
        batch = small_layout_batch(layout)
        expected = oracle.sgns_step(w_in, w_out, batch, alpha=0.3, damping=0.2)
        sgns_step(w_in, w_out, batch, alpha=0.3, damping=0.2)
        # The rates are as exact as the weights of the batch, which are float32.
        eps = epsilon(np.float32)
        assert (np.abs(w_in - expected.w_in) <= ULPS * eps * expected.magnitude_in).all()
        assert (np.abs(w_out - expected.w_out) <= ULPS * eps * expected.magnitude_out).all()

"""The softmax over the vocabulary, in blocks of words of any size."""

import math
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from tests.kernel.batches import MODELS, ROWS, SIZE, host_batch, parameters, setting, states_of
from xw2v.kernel import (
    Adagrad,
    Adam,
    Batch,
    Optimizer,
    Sgd,
    Term,
    log_normalizers,
    softmax_gradients,
    softmax_sums,
    train_step,
    vocabulary_blocks,
)

ULPS = 4
BLOCKS = [1, 2, 4, ROWS, 512]

block_sizes = pytest.mark.parametrize("words", BLOCKS)
softmax_models = pytest.mark.parametrize("name", [m for m in MODELS if MODELS[m].softmax])


@pytest.fixture
def block_words(words: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Words in a block, each size in turn."""
    monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", words)
    return words


@pytest.mark.parametrize("n_words", [1, 511, 512, 513, 1024, 30_000])
def test_every_word_is_in_one_block(n_words: int) -> None:
    blocks = vocabulary_blocks(n_words)
    assert [word for block in blocks for word in range(*block)] == list(range(n_words))
    assert all(0 < stop - start <= 512 for start, stop in blocks)


def normalizers_of(x: Any, w_out: Any, xp: Any) -> Any:
    sums = [softmax_sums(x, w_out[start:stop, :]) for start, stop in vocabulary_blocks(len_(w_out))]
    largest, exponentials = zip(*sums, strict=True)
    return log_normalizers(xp.stack(list(largest)), xp.stack(list(exponentials)))


def len_(array: Any) -> int:
    return int(array.shape[0])


def log_sum_exp(logits: Any) -> float:
    """In plain loops."""
    top = max(logits)
    return float(top) + math.log(math.fsum(math.exp(z - top) for z in logits))


@block_sizes
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_normalizers(xp: Any, dtype: str, block_words: int, scale: float) -> None:
    rng = np.random.default_rng(0)
    x, w_out = (rng.standard_normal((n, SIZE)).astype(dtype) for n in (9, ROWS))
    x *= scale
    ours = normalizers_of(xp.asarray(x), xp.asarray(w_out), xp)
    assert to_host(ours).dtype == dtype
    x, w_out = x.astype(np.float64), w_out.astype(np.float64)
    expected = [log_sum_exp(w_out @ row) for row in x]
    sizes = np.abs(x) @ np.abs(w_out).T  # what the logits are rounded by
    bound = ULPS * epsilon(dtype) * (1 + sizes.max(axis=1))
    assert (np.abs(to_host(ours) - expected) <= bound).all()


@block_sizes
def test_probabilities_sum_to_one(xp: Any, dtype: str, block_words: int) -> None:
    """As the gradients have them: with nothing to be predicted, p @ W_out and p.mT @ x."""
    rng = np.random.default_rng(1)
    x, w_out = (xp.asarray(rng.standard_normal((n, SIZE)).astype(dtype)) for n in (9, ROWS))
    normalizers = normalizers_of(x, w_out, xp)
    term = Term(
        targets=xp.zeros((9, 1), dtype=xp.int32),
        labels=1.0,
        weights=xp.zeros((9, 1, 1), dtype=x.dtype),
        target_weights=xp.zeros((9, 1), dtype=x.dtype),
        softmax=True,
    )
    ones = xp.ones(9, dtype=x.dtype)
    sums, weights = np.zeros(SIZE), []
    for start, stop in vocabulary_blocks(ROWS):
        found = softmax_gradients(x, w_out[start:stop, :], term, ones, normalizers, start)
        assert found.loss is None
        sums += to_host(found.y).sum(axis=0)
        weights.append(to_host(found.weights))
    probabilities = np.exp(to_host(x) @ to_host(w_out).T - to_host(normalizers)[:, None])
    eps = epsilon(dtype)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=40 * eps)
    np.testing.assert_allclose(np.concatenate(weights).sum(), 9, rtol=40 * eps)
    np.testing.assert_allclose(np.concatenate(weights), probabilities.sum(axis=0), rtol=40 * eps)
    np.testing.assert_allclose(sums, to_host(x).sum(axis=0), rtol=0, atol=100 * eps)


@softmax_models
@block_sizes
def test_loss_of_a_model_that_knows_nothing(
    xp: Any, dtype: str, name: str, block_words: int
) -> None:
    """All words are as likely: log V for each word that is to be predicted."""
    w_in, w_out, batch = setting(name, xp, dtype)
    loss = train_step(w_in, 0 * w_out, batch, alpha=0.1, with_loss=True)
    expected = float(to_host(batch.predictions).sum()) * math.log(ROWS)
    assert loss is not None
    np.testing.assert_allclose(float(loss), expected, rtol=8 * epsilon(dtype))


def all_gradients(x: Any, w_out: Any, batch: Batch, xp: Any) -> list[Any]:
    """Gradients of hidden vectors, W_out and its weights, and the loss, from blocks of words."""
    (term,), totals = batch.terms, batch.predictions
    normalizers = normalizers_of(x, w_out, xp)
    found = [
        softmax_gradients(x, w_out[start:stop, :], term, totals, normalizers, start, with_loss=True)
        for start, stop in vocabulary_blocks(len_(w_out))
    ]
    losses = [float(to_host(f.loss)) for f in found]
    return [
        sum(to_host(f.x) for f in found),
        np.concatenate([to_host(f.y) for f in found]),
        np.concatenate([to_host(f.weights) for f in found]),
        sum(losses),
    ]


@softmax_models
@block_sizes
def test_gradients_against_einsum(xp: Any, dtype: str, name: str, block_words: int) -> None:
    _, w_out, batch = setting(name, xp, dtype)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((18, SIZE)).astype(dtype)
    ours = all_gradients(xp.asarray(x), w_out, batch, xp)
    host, y = host_batch(batch), to_host(w_out).astype(np.float64)
    (term,) = host.terms
    labels = np.zeros((18, ROWS))
    for n, word, weight in (
        (term.weights.shape[1] * b + i, term.targets[b, j], term.weights[b, i, j])
        for b, i, j in np.ndindex(term.weights.shape)
    ):
        labels[n, word] += weight
    np.testing.assert_array_equal(labels.sum(axis=1), host.predictions)
    assert labels.max() > 1 or "cbow" in name  # some words are to be predicted twice
    z = x.astype(np.float64) @ y.T
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    expected = host.predictions[:, None] * p
    g = expected - labels
    results = (g @ y, g.T @ x, (expected + labels).sum(axis=0), -(labels * np.log(p)).sum())
    for mine, theirs in zip(ours, results, strict=True):
        eps = epsilon(dtype)
        np.testing.assert_allclose(mine, theirs, rtol=40 * eps, atol=200 * eps)


@softmax_models
@pytest.mark.parametrize("optimizer", [Sgd(), Adagrad(), Adam()], ids=lambda o: type(o).__name__)
def test_the_size_of_blocks_makes_no_difference(
    xp: Any, name: str, optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for rounding; what is left of the rows is looked at before they change."""
    results = []
    for words in BLOCKS:
        monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", words)
        w_in, w_out, _ = setting(name, xp, "float64")
        states = states_of(optimizer, w_in, w_out)
        losses = [
            train_step(
                w_in,
                w_out,
                MODELS[name].batch(xp, "float64", seed=seed),
                alpha=0.1,
                optimizer=optimizer,
                states=states,
                with_loss=True,
            )
            for seed in range(2)
        ]
        results.append([to_host(a) for a in (w_in, w_out, *states[0], *states[1], *losses)])
    for result in results[1:]:
        for ours, theirs in zip(result, results[0], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11)


@block_sizes
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_logits_of_any_size(xp: Any, dtype: str, block_words: int, sign: float) -> None:
    """One word of 10,000 or minus that, and one of the opposite, among others: no overflow."""
    w_out = np.zeros((ROWS, 2), dtype=dtype)
    w_out[:, 1] = np.linspace(-1, 1, ROWS)
    w_out[2, 0], w_out[4, 0] = 100.0, -100.0
    x = np.asarray([[sign * 100.0, 0.0], [sign * 100.0, 1.0], [0.0, 0.5]], dtype=dtype)
    batch = Batch(
        inputs=xp.asarray([0, 1, 2], dtype=xp.int32),
        input_weights=xp.asarray([4.0, 2.0, 2.0], dtype=getattr(xp, dtype)),
        predictions=xp.asarray([2.0, 1.0, 1.0], dtype=getattr(xp, dtype)),
        terms=(
            Term(
                targets=xp.asarray([[2, 4], [4, 0], [0, 2]], dtype=xp.int32),
                labels=1.0,
                weights=xp.asarray([[[1.0, 1]], [[1, 0]], [[1, 0]]], dtype=getattr(xp, dtype)),
                target_weights=xp.asarray([[1.0, 1], [1, 0], [1, 0]], dtype=getattr(xp, dtype)),
                softmax=True,
            ),
        ),
    )
    ours = xp.asarray(x, copy=True), xp.asarray(w_out, copy=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        normalizers = to_host(normalizers_of(*ours, xp))
        loss = train_step(*ours, batch, alpha=0.025, with_loss=True)
    np.testing.assert_allclose(normalizers[:2], 10_000, rtol=1e-3)
    training = oracle.Training(x, w_out, oracle.Sgd(0.2))
    expected = training.step(host_batch(batch), 0.025)
    oracle.assert_close(to_host(loss), expected, ULPS)
    oracle.assert_close(to_host(ours[0]), training.w_in, ULPS)
    oracle.assert_close(to_host(ours[1]), training.w_out, ULPS)
    assert expected.value > 20_000


def test_hidden_vectors_without_predictions_change_nothing(xp: Any, dtype: str) -> None:
    """What fills up a batch: every word is expected no times."""
    w_in, w_out = parameters(xp, dtype)
    before = to_host(w_in).copy(), to_host(w_out).copy()
    nothing = xp.zeros((3, 2), dtype=w_in.dtype)
    batch = Batch(
        inputs=xp.asarray([0, 0, 1], dtype=xp.int32),
        input_weights=nothing[:, 0],
        predictions=nothing[:, 0],
        terms=(
            Term(
                targets=xp.asarray([[0, 1], [1, 1], [2, 0]], dtype=xp.int32),
                labels=1.0,
                weights=nothing[:, None, :],
                target_weights=nothing,
                softmax=True,
            ),
        ),
    )
    loss = train_step(w_in, w_out, batch, alpha=0.1, with_loss=True)
    np.testing.assert_array_equal(to_host(w_in), before[0])
    np.testing.assert_array_equal(to_host(w_out), before[1])
    assert loss is not None
    assert float(loss) == 0.0

"""The kernel and the step of every model, against plain loops and against finite differences."""

import copy
import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from tests.kernel.batches import (
    MODELS,
    ROWS,
    assert_same_sums,
    host_batch,
    parameters,
    setting,
    states_of,
)
from tests.synthetic import random_corpus
from xw2v.kernel import (
    Adagrad,
    Adam,
    Batch,
    BlockGradients,
    Optimizer,
    Projection,
    Sgd,
    Term,
    batch_gradients,
    block_gradients,
    gathered_gradients,
    joined,
    project,
    project_back,
    term_gradients,
    train_step,
)
from xw2v.sampling import (
    BlockLayout,
    Cbow,
    HuffmanTree,
    Layout,
    NegativeOutput,
    NoiseTable,
    PairLayout,
    PathOutput,
    SoftmaxOutput,
    keep_thresholds,
    sample_chunk,
)

ULPS = 4  # of what plain loops add up: see oracle.Rounded
PLAIN = Sgd(0.0)

every_model = pytest.mark.parametrize("name", MODELS)
logistic_models = pytest.mark.parametrize("name", [m for m in MODELS if not MODELS[m].softmax])


# Plain loops


class Case(NamedTuple):
    """An optimizer at a rate."""

    optimizer: Optimizer
    same: oracle.Optimizer
    alpha: float


CASES = {
    "sgd": Case(Sgd(), oracle.Sgd(0.2), 0.025),
    "sgd, large rate": Case(Sgd(), oracle.Sgd(0.2), 0.5),
    "plain sums": Case(PLAIN, oracle.Sgd(0.0), 0.1),
    "adagrad": Case(Adagrad(), oracle.Adagrad(), 0.1),
    "adam": Case(Adam(), oracle.Adam(), 0.01),
    "adam, other means": Case(
        Adam(beta1=0.5, beta2=0.9, epsilon=0.01), oracle.Adam(0.5, 0.9, 0.01), 0.1
    ),
}


class Expected(NamedTuple):
    """What a step leaves."""

    tables: tuple[oracle.Rounded, oracle.Rounded]
    states: tuple[tuple[oracle.Rounded, ...], ...]
    loss: oracle.Rounded


@cache
def by_plain_loops(name: str, case: str, dtype: str) -> list[Expected]:
    """Three steps, each of another batch."""
    w_in, w_out, _ = setting(name, np, dtype)
    training = oracle.Training(w_in, w_out, CASES[case].same)
    expected = []
    for seed in range(3):
        loss = training.step(MODELS[name].batch(np, dtype, seed=seed), CASES[case].alpha)
        state = (training.w_in, training.w_out), training.states, loss
        expected.append(Expected(*copy.deepcopy(state)))
    return expected


@every_model
@pytest.mark.parametrize("case", CASES)
def test_steps_agree_with_plain_loops(xp: Any, dtype: str, name: str, case: str) -> None:
    optimizer, _, alpha = CASES[case]
    w_in, w_out, _ = setting(name, xp, dtype)
    states = states_of(optimizer, w_in, w_out)
    for seed, expected in enumerate(by_plain_loops(name, case, dtype)):
        loss = train_step(
            w_in,
            w_out,
            MODELS[name].batch(xp, dtype, seed=seed),
            alpha=alpha,
            optimizer=optimizer,
            states=states,
            with_loss=True,
        )
        for table, after in zip((w_in, w_out), expected.tables, strict=True):
            assert to_host(table).dtype == dtype
            oracle.assert_close(to_host(table), after, ULPS)
        for state, afterwards in zip(states, expected.states, strict=True):
            for array, after in zip(state, afterwards, strict=True):
                oracle.assert_close(to_host(array), after, ULPS)
        assert loss is not None
        assert loss.shape == ()
        assert loss.dtype == w_in.dtype
        oracle.assert_close(to_host(loss), expected.loss, ULPS)


@every_model
@pytest.mark.parametrize("optimizer", [Sgd(), Adagrad(), Adam()], ids=lambda o: type(o).__name__)
def test_step_without_loss_is_the_same_step(xp: Any, name: str, optimizer: Optimizer) -> None:
    results = []
    for with_loss in (False, True):
        w_in, w_out, batch = setting(name, xp, "float64")
        states = states_of(optimizer, w_in, w_out)
        loss = train_step(
            w_in,
            w_out,
            batch,
            alpha=0.1,
            optimizer=optimizer,
            states=states,
            with_loss=with_loss,
        )
        assert (loss is not None) == with_loss
        results.append([w_in, w_out, *states[0], *states[1]])
    for a, b in zip(*results, strict=True):
        assert_same_sums(a, b)


@logistic_models
def test_gradients_leave_the_parameters_alone(xp: Any, name: str) -> None:
    w_in, w_out, batch = setting(name, xp, "float32")
    before = to_host(w_in).copy(), to_host(w_out).copy()
    batch_gradients(w_in, w_out, batch, with_loss=True)
    np.testing.assert_array_equal(to_host(w_in), before[0])
    np.testing.assert_array_equal(to_host(w_out), before[1])


@logistic_models
def test_a_batch_has_one_loss(xp: Any, dtype: str, name: str) -> None:
    """Summed over its blocks and terms; and none if nobody asks for it."""
    w_in, w_out, batch = setting(name, xp, dtype)
    assert batch_gradients(w_in, w_out, batch).loss is None
    gradients = batch_gradients(w_in, w_out, batch, with_loss=True)
    assert gradients.loss is not None
    assert gradients.loss.shape == ()
    assert gradients.loss.dtype == w_in.dtype
    training = oracle.Training(to_host(w_in), to_host(w_out), oracle.Sgd(0.0))
    oracle.assert_close(to_host(gradients.loss), training.step(host_batch(batch), 0.1), ULPS)


@every_model
def test_weights_and_the_rate_only_matter_together(name: str) -> None:
    """Everything twice over at half the rate is the same step, damping included."""
    w_in, w_out, batch = setting(name, np, "float64")
    double = dataclasses.replace(
        batch,
        input_weights=2 * batch.input_weights,
        predictions=2 * batch.predictions,
        terms=tuple(
            dataclasses.replace(t, weights=2 * t.weights, target_weights=2 * t.target_weights)
            for t in batch.terms
        ),
    )
    changes = []
    for some, alpha in ((batch, 0.04), (double, 0.02)):
        after_in, after_out = w_in.copy(), w_out.copy()
        train_step(after_in, after_out, some, alpha=alpha)
        changes.append((after_in - w_in, after_out - w_out))
    for one, other in zip(*changes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def small_layout_batch(layout: Callable[[Any], Layout]) -> Batch:
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
    (planned,) = layout(vocabulary.counts).batches(chunk, 1000, seed=4, epoch=0, index=0)
    return joined(planned.batches)


def layouts() -> Iterator[Any]:
    """Skip-gram and every kind of CBOW with some output layers."""
    for cbow in (None, Cbow(), Cbow(exact=False), Cbow(mean=False)):
        name = "skip-gram" if cbow is None else f"cbow-{cbow.mean}-{cbow.exact}"

        def block(counts: Any, cbow: Cbow | None = cbow) -> Layout:
            noise = NoiseTable.from_counts(counts, 0.75)
            output = NegativeOutput(
                noise=noise, negative=3, shared_negatives=6, group_blocks=2, interleave=2
            )
            return BlockLayout(block_size=4, output=output, cbow=cbow)

        def pair(counts: Any, cbow: Cbow | None = cbow) -> Layout:
            return PairLayout(noise=NoiseTable.from_counts(counts, 0.75), negative=3, cbow=cbow)

        def path(counts: Any, cbow: Cbow | None = cbow) -> Layout:
            tree = HuffmanTree.from_counts(counts)
            output = PathOutput(tree=tree, part_blocks=3, block_pairs=4)
            return BlockLayout(block_size=4, output=output, cbow=cbow)

        def softmax(counts: Any, cbow: Cbow | None = cbow) -> Layout:
            return BlockLayout(block_size=4, output=SoftmaxOutput(), cbow=cbow)

        for layout in (block, pair, path, softmax):
            yield pytest.param(layout, id=f"{layout.__name__}-{name}")


@pytest.mark.parametrize("layout", list(layouts()))
def test_layout_batches_agree_with_plain_loops(layout: Callable[[Any], Layout]) -> None:
    """As the layouts make them: repeated words everywhere, float32 weights."""
    w_in, w_out = parameters(np, "float64")
    batch = small_layout_batch(layout)
    training = oracle.Training(w_in, w_out, oracle.Sgd(0.2))
    expected = training.step(batch, 0.3)
    loss = train_step(w_in, w_out, batch, alpha=0.3, with_loss=True)
    # The rates are as exact as the weights of the batch, which are float32.
    eps = epsilon(np.float32)
    oracle.assert_close(w_in, training.w_in, ULPS, eps)
    oracle.assert_close(w_out, training.w_out, ULPS, eps)
    oracle.assert_close(loss, expected, ULPS)


# Finite differences


def loss_of(w_in: Any, w_out: Any, batch: Batch) -> float:
    copies = w_in.copy(), w_out.copy()
    return float(to_host(train_step(*copies, batch, alpha=0.0, with_loss=True)))


def slopes(w_in: Any, w_out: Any, batch: Batch, step: float = 1e-5) -> list[Any]:
    """The derivative of the loss with respect to every parameter."""
    found = []
    for table in (w_in, w_out):
        slope = np.empty_like(table)
        for index in np.ndindex(table.shape):
            value = table[index]
            table[index] = value + step
            up = loss_of(w_in, w_out, batch)
            table[index] = value - step
            down = loss_of(w_in, w_out, batch)
            table[index] = value
            slope[index] = (up - down) / (2 * step)
        found.append(slope)
    return found


def plain_step(w_in: Any, w_out: Any, batch: Batch) -> list[Any]:
    """What a plain step of rate 1 subtracts."""
    after = w_in.copy(), w_out.copy()
    train_step(*after, batch, alpha=1.0, optimizer=PLAIN)
    return [w_in - after[0], w_out - after[1]]


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].exact])
def test_gradient_of_the_loss_for_every_parameter(name: str) -> None:
    """A plain step of rate 1 subtracts the gradient, gather and scatter-add included."""
    w_in, w_out, batch = setting(name, np, "float64")
    for gradient, slope in zip(
        plain_step(w_in, w_out, batch), slopes(w_in, w_out, batch), strict=True
    ):
        np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-8)
        assert np.abs(gradient).min() > 1e-3  # nothing was compared with nothing


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name].exact])
def test_undivided_errors_are_no_gradient(name: str) -> None:
    """Each context word gets the whole error of each hidden vector that it is in."""
    w_in, w_out, batch = setting(name, np, "float64")
    projection = batch.projection
    assert projection is not None
    of_inputs, of_outputs = plain_step(w_in, w_out, batch)
    slope_in, slope_out = slopes(w_in, w_out, batch)
    np.testing.assert_allclose(of_outputs, slope_out, rtol=1e-7, atol=1e-8)
    assert (np.abs(of_inputs - slope_in) > 1e-3).mean() > 0.9
    # As parameters of their own, the hidden vectors get their errors as gradients.
    blocks, t, m = projection.forward.shape
    rows = w_in[batch.inputs].reshape(blocks, m, -1)
    hidden = np.einsum("btm,bmd->btd", projection.forward, rows).reshape(blocks * t, -1)
    direct = dataclasses.replace(
        batch, inputs=np.arange(blocks * t), input_weights=np.ones(blocks * t), projection=None
    )
    errors, _ = slopes(hidden, w_out, direct)
    expected = np.zeros_like(w_in)
    for b, i, j in zip(*np.nonzero(projection.forward), strict=True):
        expected[batch.inputs[b * m + j]] += errors[b * t + i]
    np.testing.assert_allclose(of_inputs, expected, rtol=1e-7, atol=1e-7)


# Blocks


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


@pytest.mark.parametrize("label", [0.0, 1.0, "array"])
def test_blocks_of_one_logit_against_larger_ones(xp: Any, dtype: str, label: float | str) -> None:
    """Those larger by a target and a hidden vector of no weight."""
    rng = np.random.default_rng(6)
    kind = getattr(xp, dtype)
    x, y = rng.standard_normal((2, 3, 4, 1, 5))
    weights = rng.random((3, 4, 1, 1))
    labels = rng.integers(0, 2, (3, 4, 1, 1)).astype(float) if label == "array" else label

    def ours(array: Any) -> Any:
        return array if isinstance(array, float) else xp.asarray(array, dtype=kind)

    def larger(array: Any, *axes: int) -> Any:
        """With as much again along some axes, of no weight if it is weights."""
        for axis in axes:
            more = 0 * array if array is weights else array + 1
            array = np.concatenate((array, more), axis=axis)
        return array

    padded = np.zeros((3, 4, 2, 2))
    padded[..., :1, :1] = weights
    general = block_gradients(
        ours(larger(x, 2)),
        ours(larger(y, 2)),
        ours(labels),
        ours(padded),
        with_loss=True,
    )
    single = block_gradients(ours(x), ours(y), ours(labels), ours(weights), with_loss=True)
    assert general.loss is not None
    assert single.loss is not None
    assert single.loss.shape == (3, 4)
    for mine, theirs in (
        (single.x, general.x[:, :, :1, :]),
        (single.y, general.y[:, :, :1, :]),
        (single.loss, general.loss),
    ):
        assert mine.dtype == kind
        np.testing.assert_allclose(
            to_host(mine), to_host(theirs), rtol=8 * epsilon(dtype), atol=8 * epsilon(dtype)
        )
    assert block_gradients(ours(x), ours(y), ours(labels), ours(weights)).loss is None


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


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_blocks_say_which_hidden_vectors_they_have(xp: Any, dtype: str, parts: int) -> None:
    """Several times or never, in any part; however the term is cut into parts."""
    rng = np.random.default_rng(7)
    kind = getattr(xp, dtype)
    n, blocks, t, m, size = 12, 8, 3, 5, 4
    x, y = rng.standard_normal((n, size)), rng.standard_normal((blocks * m, size))
    rows = rng.integers(0, n - 1, (blocks, t))  # the last one is nobody's
    rows[0] = rows[0, 0]
    labels, weights = rng.integers(0, 2, (blocks, 1, m)).astype(float), rng.random((blocks, t, m))
    term = Term(
        targets=xp.zeros((blocks, m), dtype=xp.int32),
        labels=xp.asarray(labels, dtype=kind),
        weights=xp.asarray(weights, dtype=kind),
        target_weights=xp.asarray(weights.sum(axis=1), dtype=kind),
        rows=xp.asarray(rows, dtype=xp.int32),
    )
    result = term_gradients(
        xp.asarray(x.reshape(parts, -1, size), dtype=kind),
        xp.asarray(y.reshape(parts, -1, size), dtype=kind),
        term,
        with_loss=True,
    )
    of_blocks = y.reshape(blocks, m, size)
    z = np.einsum("btd,bmd->btm", x[rows], of_blocks)
    g = weights * (1 / (1 + np.exp(-z)) - labels)
    dx = np.zeros((n, size))
    np.add.at(dx, rows, np.einsum("btm,bmd->btd", g, of_blocks))
    dy = np.einsum("btm,btd->bmd", g, x[rows]).reshape(-1, size)
    loss = np.sum(weights * np.log1p(np.exp((1 - 2 * labels) * z)), axis=(1, 2))
    eps = epsilon(dtype)
    assert result.x.shape == (parts, n // parts, size)
    assert result.loss is not None
    assert result.loss.shape == (parts, blocks // parts)
    np.testing.assert_allclose(to_host(result.x).reshape(dx.shape), dx, rtol=0, atol=60 * eps)
    np.testing.assert_allclose(to_host(result.y).reshape(dy.shape), dy, rtol=0, atol=60 * eps)
    np.testing.assert_allclose(to_host(result.loss).reshape(-1), loss, rtol=40 * eps)


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


def test_results_of_blocks_of_one_logit_are_put_where_they_are_wanted() -> None:
    x, y = np.random.default_rng(8).standard_normal((2, 4, 3, 1, 5))
    weights = np.random.default_rng(9).random((4, 3, 1, 1))
    plain = block_gradients(x, y, 1.0, weights)
    wide = np.full((4, 3, 2, 2, 5), np.nan)
    dx, dy = wide[:, :, 0, :1], wide[:, :, 1, :1]
    result = block_gradients(x, y, 1.0, weights, out=(np.empty((4, 3, 1, 1)), dx, dy))
    assert np.shares_memory(result.x, wide)
    assert np.shares_memory(result.y, wide)
    np.testing.assert_array_equal(dx, plain.x)
    np.testing.assert_array_equal(dy, plain.y)
    assert np.isnan(wide[:, :, :, 1]).all()


@logistic_models
def test_results_of_terms_are_put_where_they_are_wanted(name: str) -> None:
    """In parts and among other things."""
    w_in, w_out, batch = setting(name, np, "float64")
    parts, size = batch.parts, w_in.shape[1]
    n = batch.predictions.size
    x = np.random.default_rng(10).standard_normal((parts, n // parts, size))
    for term in batch.terms:
        y = w_out[term.targets].reshape(parts, -1, size)
        plain = term_gradients(x, y, term, with_loss=True)
        if term.rows is not None:
            check_gathered(x, y, term, plain)
            continue
        z = np.full(term.targets.size * (n // len(term.targets)), np.nan)
        around = np.full((parts, n // parts + y.shape[1] + 2, size), np.nan)
        dx, dy = around[:, : n // parts], around[:, n // parts + 1 : -1]
        result = term_gradients(x, y, term, with_loss=True, out=(z, dx, dy))
        np.testing.assert_array_equal(dx, plain.x)
        np.testing.assert_array_equal(dy, plain.y)
        np.testing.assert_array_equal(result.x, dx)
        np.testing.assert_array_equal(result.y, plain.y)
        np.testing.assert_array_equal(result.loss, plain.loss)
        assert np.isnan(around[:, [n // parts, -1]]).all()


def check_gathered(x: Any, y: Any, term: Term, plain: BlockGradients) -> None:
    """The same of vectors that the caller has gathered, and whose gradients it adds up."""
    size = x.shape[2]
    assert term.rows is not None
    rows = np.asarray(term.rows).reshape(-1)
    z = np.full(term.targets.size * term.rows.shape[1], np.nan)
    dx, dy = np.full((rows.size, size), np.nan), np.full((term.targets.size, size), np.nan)
    own = x.reshape(-1, size)[rows]
    result = gathered_gradients(own, y.reshape(-1, size), term, with_loss=True, out=(z, dx, dy))
    added = np.zeros_like(x).reshape(-1, size)
    np.add.at(added, rows, dx)
    np.testing.assert_allclose(added.reshape(x.shape), plain.x, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(dy.reshape(y.shape), plain.y)
    np.testing.assert_array_equal(result.x, dx)
    np.testing.assert_array_equal(result.y, dy)
    np.testing.assert_array_equal(result.loss, np.asarray(plain.loss).reshape(-1))


# Projections


def some_projection(xp: Any, dtype: str) -> tuple[Projection, Any, Any]:
    """6 blocks that make 3 hidden vectors of 7; the matrices, on the host."""
    forward, backward = np.random.default_rng(11).standard_normal((2, 6, 3, 7)).astype(dtype)
    ours = Projection(forward=xp.asarray(forward), backward=xp.asarray(backward))
    return ours, forward, backward


@pytest.mark.parametrize("parts", [1, 2, 3, 6])
def test_projections_against_einsum(xp: Any, dtype: str, parts: int) -> None:
    projection, forward, backward = some_projection(xp, dtype)
    rng = np.random.default_rng(12)
    rows = rng.standard_normal((6, 7, 5)).astype(dtype)
    errors = rng.standard_normal((6, 3, 5)).astype(dtype)
    hidden = project(xp.asarray(rows.reshape(parts, -1, 5)), projection)
    given = project_back(xp.asarray(errors.reshape(parts, -1, 5)), projection)
    atol = 40 * epsilon(dtype)  # entries are of order 1
    for ours, expected, n in (
        (hidden, np.einsum("btm,bmd->btd", forward, rows), 18),
        (given, np.einsum("btm,btd->bmd", backward, errors), 42),
    ):
        assert ours.shape == (parts, n // parts, 5)
        assert to_host(ours).dtype == dtype
        values = to_host(ours).reshape(expected.shape)
        np.testing.assert_allclose(values, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("parts", [1, 2, 3, 6])
def test_projections_are_put_where_they_are_wanted(parts: int) -> None:
    """And made of what stands among other things."""
    projection, _, _ = some_projection(np, "float32")
    around = np.random.default_rng(13).standard_normal((parts, 60 // parts + 3, 5))
    around = around.astype(np.float32)
    before = around.copy()
    rows, hidden = around[:, 1 : 1 + 42 // parts], around[:, -18 // parts :]
    made = project(rows, projection, out=hidden)
    assert np.shares_memory(made, around)
    np.testing.assert_array_equal(hidden, project(rows, projection))
    np.testing.assert_array_equal(made, hidden)
    np.testing.assert_array_equal(around[:, : -18 // parts], before[:, : -18 // parts])
    given = project_back(hidden.copy(), projection, out=rows)
    assert np.shares_memory(given, around)
    np.testing.assert_array_equal(rows, project_back(hidden, projection))
    np.testing.assert_array_equal(given, rows)
    np.testing.assert_array_equal(around[:, 0], before[:, 0])

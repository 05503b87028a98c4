"""Parts of a batch are what the whole is, apart and put together again."""

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import to_host
from tests.kernel.batches import MODELS, ROWS, host_batch, parameters, setting, states_of
from xw2v.kernel import (
    Adagrad,
    Adam,
    Batch,
    Gradients,
    Optimizer,
    Projection,
    Sgd,
    Term,
    batch_gradients,
    joined,
    train_step,
)

every_model = pytest.mark.parametrize("name", MODELS)
logistic_models = pytest.mark.parametrize("name", [m for m in MODELS if not MODELS[m].softmax])
projections = pytest.mark.parametrize("name", [name for name in MODELS if "cbow" in name])
optimizers = pytest.mark.parametrize(
    "optimizer", [Sgd(), Adagrad(), Adam()], ids=lambda o: type(o).__name__
)


def loss_of(gradients: Gradients) -> float:
    assert gradients.loss is not None
    return float(gradients.loss)


def same(one: Any, other: Any) -> None:
    np.testing.assert_allclose(to_host(one), to_host(other), rtol=1e-13, atol=1e-13)


def concatenated(pieces: list[Any]) -> Any:
    return np.concatenate([to_host(piece) for piece in pieces])


def check_parts(w_in: Any, w_out: Any, batch: Batch, cuts: list[int]) -> None:
    """Put the gradients of the parts side by side, and compare with those of the whole."""
    whole = batch_gradients(w_in, w_out, batch, with_loss=True)
    assert batch.parts == cuts[-1]
    parts = [batch.part(start, stop) for start, stop in pairwise(cuts)]
    gradients = [batch_gradients(w_in, w_out, part, with_loss=True) for part in parts]
    assert [part.parts for part in parts] == [stop - start for start, stop in pairwise(cuts)]
    same(concatenated([g.inputs for g in gradients]), whole.inputs)
    for i, targets in enumerate(whole.targets):
        same(concatenated([g.targets[i] for g in gradients]), targets)
        term = [part.terms[i] for part in parts]
        same(concatenated([t.targets for t in term]), batch.terms[i].targets)
        weights = batch.terms[i].target_weights
        same(concatenated([t.target_weights for t in term]), weights)
    for field in ("inputs", "input_weights", "predictions"):
        same(concatenated([getattr(part, field) for part in parts]), getattr(batch, field))
    same(np.sum([loss_of(g) for g in gradients]), loss_of(whole))


def all_cuts(parts: int) -> Iterator[list[int]]:
    """Each part by itself, all together, and some of them."""
    yield list(range(parts + 1))
    yield [0, parts]
    yield sorted({0, 1, parts // 2, parts - 1, parts})


@logistic_models
def test_gradients_of_the_parts_are_those_of_the_whole(xp: Any, name: str) -> None:
    w_in, w_out, batch = setting(name, xp, "float64")
    for cuts in all_cuts(batch.parts):
        check_parts(w_in, w_out, batch, cuts)


@every_model
def test_plain_steps_of_the_parts_add_up_to_that_of_the_whole(xp: Any, name: str) -> None:
    """All taken at the same parameters."""
    w_in, w_out, batch = setting(name, xp, "float64")

    def step(some: Batch) -> list[Any]:
        after = xp.asarray(w_in, copy=True), xp.asarray(w_out, copy=True)
        loss = train_step(*after, some, alpha=1.0, optimizer=Sgd(0.0), with_loss=True)
        return [to_host(after[0] - w_in), to_host(after[1] - w_out), to_host(loss)]

    whole = step(batch)
    for cuts in all_cuts(batch.parts):
        parts = [step(batch.part(*cut)) for cut in pairwise(cuts)]
        for expected, *pieces in zip(whole, *parts, strict=True):
            np.testing.assert_allclose(sum(pieces), expected, rtol=1e-12, atol=1e-12)


@every_model
def test_parts_of_parts(name: str) -> None:
    batch = MODELS[name].batch(np, "float64")
    for part, expected in (
        (batch.part(1, batch.parts).part(0, 1), batch.part(1, 2)),
        (batch.part(0, batch.parts), batch),
    ):
        for field in ("inputs", "input_weights", "predictions", "parts"):
            np.testing.assert_array_equal(getattr(part, field), getattr(expected, field))
        for mine, other in zip(part.terms, expected.terms, strict=True):
            for field in ("targets", "labels", "weights", "target_weights", "rows", "softmax"):
                np.testing.assert_array_equal(getattr(mine, field), getattr(other, field))
        for matrices in ("forward", "backward"):
            one, another = (getattr(b.projection, matrices, None) for b in (part, expected))
            np.testing.assert_array_equal(one, another)


@every_model
def test_parts_of_numpy_arrays_are_views(name: str) -> None:
    batch = MODELS[name].batch(np, "float32")
    part = batch.part(1, batch.parts)
    for field in ("inputs", "input_weights", "predictions"):
        assert np.shares_memory(getattr(part, field), getattr(batch, field))
    for mine, whole in zip(part.terms, batch.terms, strict=True):
        assert np.shares_memory(mine.targets, whole.targets)
        assert np.shares_memory(mine.weights, whole.weights)
        assert np.shares_memory(mine.target_weights, whole.target_weights)
        assert (mine.interleave, mine.softmax) == (whole.interleave, whole.softmax)
    if batch.projection is not None and part.projection is not None:
        assert np.shares_memory(part.projection.forward, batch.projection.forward)
        assert np.shares_memory(part.projection.backward, batch.projection.backward)


@projections
def test_a_projection_of_parts_has_one_matrix_where_the_whole_has(name: str) -> None:
    part = MODELS[name].batch(np, "float32").part(0, 1).projection
    assert part is not None
    assert (part.backward is part.forward) == MODELS[name].exact


def test_the_centers_of_interleaved_blocks_take_turns() -> None:
    """The same batch with its centers put in the order of the blocks needs no interleaving."""
    w_in, w_out, batch = setting("interleaved", np, "float64")
    term = batch.terms[1]
    places = oracle.hidden_of(batch, term)
    order = places.reshape(-1)
    assert order[:12].tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    sorted_batch = Batch(
        inputs=batch.inputs[order],
        input_weights=batch.input_weights[order],
        predictions=batch.predictions[order],
        terms=(dataclasses.replace(term, interleave=1),),
    )
    by_rows = dataclasses.replace(term, rows=places)  # takes turns no more
    alone = dataclasses.replace(batch, terms=(term,))
    told = dataclasses.replace(batch, terms=(by_rows,))
    ours, theirs, same_by_rows = (
        batch_gradients(w_in, w_out, b) for b in (alone, sorted_batch, told)
    )
    np.testing.assert_allclose(ours.inputs[order], theirs.inputs, rtol=1e-13)
    np.testing.assert_allclose(ours.targets[0], theirs.targets[0], rtol=1e-13)
    np.testing.assert_allclose(ours.inputs, same_by_rows.inputs, rtol=1e-13)
    np.testing.assert_allclose(ours.targets[0], same_by_rows.targets[0], rtol=1e-13)


def uneven_batch(blocks: tuple[int, ...], shapes: tuple[Any, ...]) -> Batch:
    """Terms of so many blocks over 12 centers, with labels and weights of the given shapes."""
    rng = np.random.default_rng(0)
    terms = []
    for n, shape in zip(blocks, shapes, strict=True):
        weights = rng.random(shape)
        full = np.broadcast_to(weights, (n, 12 // n, 3))
        terms.append(
            Term(
                targets=rng.integers(0, ROWS, (n, 3)).astype(np.int32),
                labels=rng.integers(0, 2, shape).astype(float),
                weights=weights,
                target_weights=full.sum(axis=1),
            )
        )
    return Batch(
        inputs=rng.integers(0, ROWS, 12).astype(np.int32),
        input_weights=np.ones(12),
        predictions=np.ones(12),
        terms=tuple(terms),
        parts=int(np.gcd.reduce(blocks)),
    )


@pytest.mark.parametrize(
    "shape", [(4, 3, 3), (4, 1, 3), (4, 3, 1), (1, 3, 3), (1, 1, 3), (3, 3), (3,)], ids=str
)
def test_labels_and_weights_may_broadcast(shape: tuple[int, ...]) -> None:
    w_in, w_out = parameters(np, "float64")
    check_parts(w_in, w_out, uneven_batch((4,), (shape,)), [0, 1, 3, 4])


def test_terms_of_numbers_of_blocks_that_do_not_divide_each_other() -> None:
    """Blocks of 3 and of 2 centers can only be cut together where both end."""
    w_in, w_out = parameters(np, "float64")
    check_parts(w_in, w_out, uneven_batch((4, 6), ((4, 3, 3), (6, 2, 3))), [0, 1, 2])


# Batches put together


def step_of(name: str, xp: Any, batch: Batch, optimizer: Optimizer) -> list[Any]:
    """What a step of a batch leaves."""
    w_in, w_out, _ = setting(name, xp, "float64")
    states = states_of(optimizer, w_in, w_out)
    loss = train_step(
        w_in,
        w_out,
        batch,
        alpha=0.1,
        optimizer=optimizer,
        states=states,
        with_loss=True,
    )
    return [w_in, w_out, *states[0], *states[1], loss]


@optimizers
@pytest.mark.parametrize("name", [name for name in MODELS if "path" in name])
def test_a_step_of_joined_parts_is_that_of_the_whole(
    xp: Any, name: str, optimizer: Optimizer
) -> None:
    batch = MODELS[name].batch(xp, "float64")
    expected = step_of(name, xp, batch, optimizer)
    for cuts in ([0, 1, 2, 3], [0, 2, 3], [0, 1, 1, 3]):
        together = joined([batch.part(*cut) for cut in pairwise(cuts)])
        assert together.parts == 1
        assert len(together.terms) == len(batch.terms) * (len(cuts) - 1)
        same(together.inputs, batch.inputs)
        same(together.input_weights, batch.input_weights)
        same(together.predictions, batch.predictions)
        assert (together.projection is None) == (batch.projection is None)
        if together.projection is not None and batch.projection is not None:
            same(together.projection.forward, batch.projection.forward)
            same(together.projection.backward, batch.projection.backward)
        for ours, theirs in zip(step_of(name, xp, together, optimizer), expected, strict=True):
            same(ours, theirs)


def test_a_step_of_joined_batches_of_other_shapes(xp: Any) -> None:
    """Terms of any number and shape, each of its own batch's hidden vectors: as plain loops do."""
    one, two = (MODELS["cbow path"].batch(xp, "float64", seed=seed) for seed in (1, 2))
    together = joined([one.part(0, 2), dataclasses.replace(two, terms=two.terms[1:]), one])
    assert together.predictions.shape == (12 + 18 + 18,)
    w_in, w_out, _ = setting("cbow path", xp, "float64")
    training = oracle.Training(to_host(w_in), to_host(w_out), oracle.Sgd(0.2))
    expected = training.step(host_batch(together), 0.025)
    loss = train_step(w_in, w_out, together, alpha=0.025, with_loss=True)
    oracle.assert_close(to_host(w_in), training.w_in, 4)
    oracle.assert_close(to_host(w_out), training.w_out, 4)
    oracle.assert_close(to_host(loss), expected, 4)
    # The oracle had the joined batch as well: its terms must be those of its batches.
    rows = [to_host(term.rows) for term in together.terms]
    assert [(r.min() // 6 * 6, r.max() // 6 * 6) for r in rows] == [
        (0, 6),
        (0, 6),
        (12, 24),
        (30, 42),
        (30, 42),
    ]


@every_model
def test_one_batch_joined_is_itself(name: str) -> None:
    """Whatever it is."""
    batch = MODELS[name].batch(np, "float32")
    assert joined([batch]) is batch


@pytest.mark.parametrize("exact", [True, False])
def test_projections_are_joined(xp: Any, exact: bool) -> None:
    """Also those whose matrices are two."""
    matrices = [xp.asarray(m) for m in np.random.default_rng(0).random((4, 2, 3, 4))]
    batch = MODELS["path"].batch(xp, "float64")
    batches = [
        dataclasses.replace(
            batch,
            projection=Projection(forward=forward, backward=forward if exact else backward),
        )
        for forward, backward in (matrices[:2], matrices[2:])
    ]
    projection = joined(batches).projection
    assert projection is not None
    same(projection.forward, concatenated(matrices[::2]))
    same(projection.backward, concatenated(matrices[::2] if exact else matrices[1::2]))

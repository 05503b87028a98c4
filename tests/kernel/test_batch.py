"""Parts of a batch are what the whole is."""

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import to_host
from tests.kernel.batches import BATCHES, ROWS, parameters
from xw2v.kernel import Batch, Gradients, Term, batch_gradients


def loss_of(gradients: Gradients) -> float:
    assert gradients.loss is not None
    return float(gradients.loss)


def check_parts(w_in: Any, w_out: Any, batch: Batch, cuts: list[int]) -> None:
    """Put the gradients of the parts side by side, and compare with those of the whole."""
    whole = batch_gradients(w_in, w_out, batch, with_loss=True)
    assert batch.parts == cuts[-1]
    parts = [batch.part(start, stop) for start, stop in pairwise(cuts)]
    gradients = [batch_gradients(w_in, w_out, part, with_loss=True) for part in parts]

    def joined(pieces: list[Any]) -> Any:
        return np.concatenate([to_host(piece) for piece in pieces])

    def same(one: Any, other: Any) -> None:
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)

    same(joined([g.centers for g in gradients]), to_host(whole.centers))
    for i, targets in enumerate(whole.targets):
        same(joined([g.targets[i] for g in gradients]), to_host(targets))
        term = [part.terms[i] for part in parts]
        same(joined([t.targets for t in term]), to_host(batch.terms[i].targets))
        weights = to_host(batch.terms[i].target_weights)
        same(joined([t.target_weights for t in term]), weights)
    same(joined([part.centers for part in parts]), to_host(batch.centers))
    same(joined([part.center_weights for part in parts]), to_host(batch.center_weights))
    same(sum(loss_of(g) for g in gradients), loss_of(whole))


@pytest.mark.parametrize(
    ("layout", "cuts"),
    [
        ("block", [0, 1, 2, 3]),
        ("block", [0, 2, 3]),
        ("block", [0, 3]),
        ("interleaved", [0, 1, 2]),
        ("pair", [0, 4, 5, 9]),
    ],
)
def test_gradients_of_the_parts_are_those_of_the_whole(
    xp: Any, layout: str, cuts: list[int]
) -> None:
    check_parts(*parameters(xp, "float64"), BATCHES[layout](xp, "float64"), cuts)


def test_the_centers_of_interleaved_blocks_take_turns() -> None:
    """The same batch with its centers put in the order of the blocks needs no interleaving."""
    w_in, w_out = parameters(np, "float64")
    batch = BATCHES["interleaved"](np, "float64")
    term = batch.terms[1]
    order = oracle.centers_of(batch, term).reshape(-1)
    assert order[:12].tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]
    sorted_batch = Batch(
        centers=batch.centers[order],
        center_weights=batch.center_weights[order],
        terms=(dataclasses.replace(term, interleave=1),),
    )
    alone = dataclasses.replace(batch, terms=(term,))
    ours, theirs = (batch_gradients(w_in, w_out, b) for b in (alone, sorted_batch))
    np.testing.assert_allclose(ours.centers[order], theirs.centers, rtol=1e-13)
    np.testing.assert_allclose(ours.targets[0], theirs.targets[0], rtol=1e-13)


def test_parts_of_numpy_arrays_are_views() -> None:
    batch = BATCHES["block"](np, "float32")
    part = batch.part(1, 3)
    assert np.shares_memory(part.centers, batch.centers)
    assert np.shares_memory(part.center_weights, batch.center_weights)
    for mine, whole in zip(part.terms, batch.terms, strict=True):
        assert np.shares_memory(mine.targets, whole.targets)
        assert np.shares_memory(mine.weights, whole.weights)
        assert np.shares_memory(mine.target_weights, whole.target_weights)


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
    centers = rng.integers(0, ROWS, 12).astype(np.int32)
    return Batch(centers=centers, center_weights=np.ones(12), terms=tuple(terms))


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

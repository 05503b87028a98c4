"""Small batches with every kind of repetition."""

from typing import Any

import numpy as np

from tests.conftest import to_host
from xw2v.kernel import Batch, Term

ROWS, SIZE = 6, 5


def parameters(xp: Any, dtype: str, *, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    kind = getattr(xp, dtype)
    w_in, w_out = rng.standard_normal((2, ROWS, SIZE))
    return xp.asarray(w_in, dtype=kind), xp.asarray(w_out, dtype=kind)


def block_batch(xp: Any, dtype: str, *, seed: int = 1) -> Batch:
    """6 blocks of 3 centers: 7 contexts each, and 4 negatives for each group of 2 blocks.

    With so few rows, each of them occurs several times in each of the three places, in one
    block and in several.
    """
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 2, (6, 3, 7)).astype(float)
    n_contexts = mask.sum(axis=2)
    share = n_contexts.reshape(3, 6, 1) * (5 / 4)
    return _batch(
        xp,
        dtype,
        rng.integers(0, ROWS, 18),
        ((rng.integers(0, ROWS, (6, 7)), 1.0, mask), (rng.integers(0, ROWS, (3, 4)), 0.0, share)),
    )


def interleaved_batch(xp: Any, dtype: str, *, seed: int = 3) -> Batch:
    """The same, but 2 blocks of 2 groups take turns: each has every second center of 4 blocks."""
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 2, (8, 3, 7)).astype(float)
    share = mask.sum(axis=2).reshape(2, 6, 2, 1).swapaxes(1, 2).reshape(4, 6, 1) * (5 / 4)
    return _batch(
        xp,
        dtype,
        rng.integers(0, ROWS, 24),
        (
            (rng.integers(0, ROWS, (8, 7)), 1.0, mask),
            (rng.integers(0, ROWS, (4, 4)), 0.0, share, 2),
        ),
    )


def pair_batch(xp: Any, dtype: str, *, seed: int = 2) -> Batch:
    """9 centers, each by itself with 2 contexts and 4 negatives in one term."""
    rng = np.random.default_rng(seed)
    labels = np.asarray([1.0, 1, 0, 0, 0, 0]).reshape(1, 1, 6)
    weights = rng.integers(0, 2, (9, 1, 6)).astype(float)
    return _batch(
        xp,
        dtype,
        rng.integers(0, ROWS, 9),
        ((rng.integers(0, ROWS, (9, 6)), labels, weights),),
    )


BATCHES = {"block": block_batch, "interleaved": interleaved_batch, "pair": pair_batch}


def host_batch(batch: Batch) -> Batch:
    """The same on NumPy arrays."""
    return Batch(
        centers=to_host(batch.centers),
        center_weights=to_host(batch.center_weights),
        terms=tuple(
            Term(
                targets=to_host(term.targets),
                labels=term.labels if isinstance(term.labels, float) else to_host(term.labels),
                weights=to_host(term.weights),
                target_weights=to_host(term.target_weights),
                interleave=term.interleave,
            )
            for term in batch.terms
        ),
    )


def _batch(xp: Any, dtype: str, centers: Any, terms: tuple[tuple[Any, ...], ...]) -> Batch:
    kind = getattr(xp, dtype)
    center_weights = np.zeros(len(centers))
    made = []
    for targets, labels, weights, *more in terms:
        turns = more[0] if more else 1
        blocks, m = targets.shape
        full = np.broadcast_to(weights, (blocks, len(centers) // blocks, m))
        of_centers = full.sum(axis=2).reshape(blocks // turns, turns, -1)
        center_weights += of_centers.swapaxes(1, 2).reshape(-1)
        made.append(
            Term(
                targets=xp.asarray(targets, dtype=xp.int32),
                labels=labels if isinstance(labels, float) else xp.asarray(labels, dtype=kind),
                weights=xp.asarray(weights, dtype=kind),
                target_weights=xp.asarray(full.sum(axis=1), dtype=kind),
                interleave=turns,
            )
        )
    return Batch(
        centers=xp.asarray(centers, dtype=xp.int32),
        center_weights=xp.asarray(center_weights, dtype=kind),
        terms=tuple(made),
    )

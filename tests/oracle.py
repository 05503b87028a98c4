"""References written as plain loops, to be right by inspection; nothing of xw2v is used.

Sums are made one addend at a time in float64, random numbers with Python's integers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Contexts",
    "OracleStep",
    "contexts_of_corpus",
    "damping_factor",
    "scatter_add",
    "sgns_step",
    "sigmoid",
    "softplus",
    "splitmix64",
]

Floats = NDArray[np.float64]

_MASK = (1 << 64) - 1


# Random numbers


def splitmix64(seed: int, n: int) -> list[int]:
    """Return the first n outputs of the generator, as its authors' C program has it."""
    state, outputs = seed, []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        outputs.append(z ^ (z >> 31))
    return outputs


# The step of skip-gram with negative sampling


def sigmoid(z: float) -> float:
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def softplus(z: float) -> float:
    """Return log(1 + exp(z))."""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def damping_factor(c: float) -> float:
    """Return (1 - exp(-c)) / c."""
    return -math.expm1(-c) / c if c else 1.0


@dataclass
class OracleStep:
    """What a step leaves, and how much was added up for it.

    A computed result may differ by a few units in the last place of `magnitude`: the sum of the
    absolute values of all that went into the entry, rounding of the logits included.
    """

    w_in: Floats
    w_out: Floats
    loss: float
    magnitude_in: Floats
    magnitude_out: Floats


def centers_of(batch: Any, term: Any) -> Any:
    """Return the centers of each block of a term, (B, T), as places in the batch."""
    places = np.arange(len(batch.centers))
    blocks, turns = term.targets.shape[0], term.interleave
    each = [
        places[start::turns][: len(places) // blocks]
        for stretch in range(blocks // turns)
        for start in range(
            stretch * turns * len(places) // blocks, stretch * turns * len(places) // blocks + turns
        )
    ]
    return np.stack(each)


def sgns_step(w_in: Any, w_out: Any, batch: Any, *, alpha: float, damping: float) -> OracleStep:
    """Make one step pair by pair, on host arrays, from the definition of a `Batch`."""
    v_in, v_out = np.asarray(w_in, dtype=np.float64), np.asarray(w_out, dtype=np.float64)
    size = v_in.shape[1]
    gradient_in, gradient_out = np.zeros_like(v_in), np.zeros_like(v_out)
    spread_in, spread_out = np.zeros_like(v_in), np.zeros_like(v_out)
    weight_in, weight_out = np.zeros(len(v_in)), np.zeros(len(v_out))
    loss = 0.0
    for term in batch.terms:
        blocks, m = term.targets.shape
        places = centers_of(batch, term)
        t = places.shape[1]
        labels = np.broadcast_to(np.asarray(term.labels, dtype=np.float64), (blocks, t, m))
        weights = np.broadcast_to(np.asarray(term.weights, dtype=np.float64), (blocks, t, m))
        for b in range(blocks):
            for i in range(t):
                center = int(batch.centers[places[b, i]])
                for j in range(m):
                    target = int(term.targets[b, j])
                    label, weight = labels[b, i, j], weights[b, i, j]
                    z = sum(v_in[center, d] * v_out[target, d] for d in range(size))
                    dz = sum(abs(v_in[center, d] * v_out[target, d]) for d in range(size))
                    g = weight * (sigmoid(z) - label)
                    loss += weight * softplus(z if label == 0 else -z)
                    # A residual is as precise as its weight; the sigmoid's slope is at most 1/4.
                    spread = weight * (1 + dz / 4)
                    for d in range(size):
                        gradient_in[center, d] += g * v_out[target, d]
                        gradient_out[target, d] += g * v_in[center, d]
                        spread_in[center, d] += spread * abs(v_out[target, d])
                        spread_out[target, d] += spread * abs(v_in[center, d])
                    weight_in[center] += weight
                    weight_out[target] += weight
    after = []
    for values, gradient, spread, weight in (
        (v_in, gradient_in, spread_in, weight_in),
        (v_out, gradient_out, spread_out, weight_out),
    ):
        rates = [alpha * damping_factor(alpha * damping * w) for w in weight]
        moved, magnitude = values.copy(), np.abs(values)
        for row, rate in enumerate(rates):
            moved[row] -= rate * gradient[row]
            magnitude[row] += rate * spread[row]
        after.append((moved, magnitude))
    return OracleStep(after[0][0], after[1][0], loss, after[0][1], after[1][1])


def scatter_add(
    table: Any, ids: Any, updates: Any, scale: Any = None, positions: Any = None
) -> Floats:
    """Return the table with the scaled updates added, one number at a time."""
    result = np.array(table, dtype=np.float64)
    for k, row in enumerate(ids):
        update = updates[k if positions is None else positions[k]]
        factor = 1.0 if scale is None else float(scale[k])
        if result.ndim == 1:
            result[row] += factor * float(update)
        else:
            for d in range(result.shape[1]):
                result[row, d] += factor * float(update[d])
    return result


# The windows of a corpus


@dataclass
class Contexts:
    """The kept words of a corpus by position, and the positive pairs among them."""

    kept: list[int]
    pairs: list[tuple[int, int]]


def contexts_of_corpus(
    ids: Sequence[int],
    starts: Sequence[int],
    *,
    thresholds: Sequence[int],
    window: int,
    shrink_windows: bool,
    key: int,
) -> Contexts:
    """Subsample a corpus sentence by sentence and list (center, context) positions."""
    n = len(ids)
    kept_draws = [bits & 0x7FFFFFFF for bits in splitmix64(key, n)]
    window_draws = [(bits >> 32 & 0x7FFFFFFF) * window >> 31 for bits in splitmix64(key, n)]
    result = Contexts([], [])
    for start, stop in pairwise(starts):
        sentence = [at for at in range(start, stop) if kept_draws[at] < thresholds[ids[at]]]
        result.kept += sentence
        for i, center in enumerate(sentence):
            reach = window_draws[center] + 1 if shrink_windows else window
            for j in range(max(0, i - reach), min(len(sentence), i + reach + 1)):
                if i != j:
                    result.pairs.append((center, sentence[j]))
    return result

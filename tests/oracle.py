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
    "Adagrad",
    "Adam",
    "Contexts",
    "Optimizer",
    "Rounded",
    "Sgd",
    "Training",
    "assert_close",
    "contexts_of_corpus",
    "damping_factor",
    "exact",
    "hidden_of",
    "scatter_add",
    "sigmoid",
    "softplus",
    "splitmix64",
    "summed",
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


# The steps of every model


def sigmoid(z: float) -> float:
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def softplus(z: float) -> float:
    """Return log(1 + exp(z))."""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def damping_factor(c: float) -> float:
    """Return (1 - exp(-c)) / c."""
    return -math.expm1(-c) / c if c else 1.0


@dataclass(frozen=True, eq=False)
class Rounded:
    """Numbers in float64, and how far off they may come out where they are computed with less.

    `unit` counts machine epsilons, to first order: every operation hands on what its operands
    may be off by, and adds the size of its result for its own rounding. A sum adds the sizes of
    all its addends, whose order nobody prescribes.
    """

    value: Any
    unit: Any

    def __getitem__(self, index: Any) -> "Rounded":
        return Rounded(self.value[index], self.unit[index])

    def __setitem__(self, index: Any, new: "Rounded") -> None:
        self.value[index], self.unit[index] = new.value, new.unit

    def __add__(self, other: "Rounded | float") -> "Rounded":
        return summed([self, _rounded(other)])

    def __sub__(self, other: "Rounded | float") -> "Rounded":
        return summed([self, _rounded(other) * -1.0])

    def __mul__(self, other: "Rounded | float") -> "Rounded":
        a, b = self, _rounded(other)
        value = a.value * b.value
        return Rounded(value, abs(value) + a.unit * abs(b.value) + abs(a.value) * b.unit)

    def __truediv__(self, other: "Rounded | float") -> "Rounded":
        a, b = self, _rounded(other)
        value = a.value / b.value
        return Rounded(value, abs(value) + (a.unit + abs(value) * b.unit) / abs(b.value))


def exact(values: Any) -> Rounded:
    """Return numbers that nobody has computed."""
    values = np.array(values, dtype=np.float64)
    return Rounded(values, np.zeros_like(values))


def _rounded(number: Rounded | float) -> Rounded:
    return number if isinstance(number, Rounded) else Rounded(number, 0.0)


def summed(numbers: Sequence[Rounded]) -> Rounded:
    """Return the sum, made one addend at a time."""
    value, unit = 0.0, 0.0
    for number in numbers:
        value = value + number.value
        unit = unit + number.unit + abs(number.value)
    return Rounded(value, unit)


def _function(number: Rounded, value: Any, slope: Any, own: Any = None) -> Rounded:
    """Return a function of a number, itself off by `own`, by default its size."""
    return Rounded(value, abs(slope) * number.unit + (abs(value) if own is None else own))


def _dot(x: Rounded, y: Rounded) -> Rounded:
    products = x * y
    return Rounded(products.value.sum(), (products.unit + abs(products.value)).sum())


def _root(number: Rounded) -> Rounded:
    value = np.sqrt(number.value)
    slope = np.divide(0.5, value, out=np.zeros_like(value), where=value > 0)
    assert not np.any(number.unit[value == 0])  # else it may be off by anything
    return _function(number, value, slope)


@dataclass(frozen=True)
class Sgd:
    """Plain sums for a damping of 0."""

    damping: float

    def state(self, shape: tuple[int, ...]) -> tuple[Rounded, ...]:
        return ()

    def move(
        self,
        table: Rounded,
        state: tuple[Rounded, ...],
        row: int,
        gradient: Rounded,
        weight: Rounded,
        alpha: float,
    ) -> None:
        c = weight * (alpha * self.damping * max(1.0, alpha / 0.05))
        value = damping_factor(float(c.value))
        slope = (math.exp(-c.value) - value) / c.value if c.value else -0.5
        table[row] -= gradient * (_function(c, value, slope) * alpha)


@dataclass(frozen=True)
class Adagrad:
    """State: sums of squares."""

    epsilon: float = 1e-10

    def state(self, shape: tuple[int, ...]) -> tuple[Rounded, ...]:
        return (exact(np.zeros(shape)),)

    def move(
        self,
        table: Rounded,
        state: tuple[Rounded, ...],
        row: int,
        gradient: Rounded,
        weight: Rounded,
        alpha: float,
    ) -> None:
        (squares,) = state
        squares[row] += gradient * gradient
        table[row] -= gradient * alpha / (_root(squares[row]) + self.epsilon)


@dataclass(frozen=True)
class Adam:
    """State: means, mean squares, and how many steps each row has made."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def state(self, shape: tuple[int, ...]) -> tuple[Rounded, ...]:
        return exact(np.zeros(shape)), exact(np.zeros(shape)), exact(np.zeros(shape[0]))

    def move(
        self,
        table: Rounded,
        state: tuple[Rounded, ...],
        row: int,
        gradient: Rounded,
        weight: Rounded,
        alpha: float,
    ) -> None:
        means, squares, counts = state
        if weight.value == 0:  # nothing depends on the row
            return
        counts.value[row] += 1
        n = int(counts.value[row])
        means[row] = means[row] * self.beta1 + gradient * (1 - self.beta1)
        squares[row] = squares[row] * self.beta2 + gradient * gradient * (1 - self.beta2)
        mean = means[row] / self._counted(self.beta1, n)
        square = squares[row] / self._counted(self.beta2, n)
        table[row] -= mean * alpha / (_root(square) + self.epsilon)

    def _counted(self, beta: float, n: int) -> Rounded:
        return Rounded(1.0 - beta**n, 1.0)


Optimizer = Sgd | Adagrad | Adam


def hidden_of(batch: Any, term: Any) -> NDArray[np.int64]:
    """Return the hidden vectors of each block of a term, (B, T), as places in the batch."""
    if term.rows is not None:
        return np.asarray(term.rows, dtype=np.int64)
    places = np.arange(len(batch.predictions))
    blocks, turns = term.targets.shape[0], term.interleave
    t = len(places) // blocks
    each = [
        places[stretch * turns * t :][turn::turns][:t]
        for stretch in range(blocks // turns)
        for turn in range(turns)
    ]
    return np.stack(each) if each else np.zeros((0, t), dtype=np.int64)


class _Rows:
    """Addends of the gradients of some rows, and of their weights."""

    def __init__(self, n: int, size: int) -> None:
        self._nothing = exact(np.zeros(size))
        self.gradients: list[list[Rounded]] = [[] for _ in range(n)]
        self.weights: list[list[Rounded]] = [[] for _ in range(n)]

    def add(self, row: int, gradient: Rounded | None, weight: Rounded | float) -> None:
        """Add to a row, or nothing: that counts as an occurrence too."""
        self.gradients[row].append(self._nothing if gradient is None else gradient)
        self.weights[row].append(_rounded(weight))

    def occurring(self) -> list[int]:
        return [row for row, gradients in enumerate(self.gradients) if gradients]


class Training:
    """Trains any model pair by pair, on host arrays, from the definition of a `Batch`.

    Parameters
    ----------
    w_in, w_out : array
        Where it begins.
    optimizer : Sgd, Adagrad or Adam
        Those of this module.

    Attributes
    ----------
    w_in, w_out : Rounded
    states : two tuples of Rounded
        Of the optimizer, for `w_in` and for `w_out`.
    """

    def __init__(self, w_in: Any, w_out: Any, optimizer: Optimizer) -> None:
        self.w_in, self.w_out = exact(w_in), exact(w_out)
        self._optimizer = optimizer
        self.states = tuple(optimizer.state(w.value.shape) for w in (self.w_in, self.w_out))

    def step(self, batch: Any, alpha: float) -> Rounded:
        """Make one step; return the loss before it."""
        size = self.w_in.value.shape[1]
        hidden = self._hidden(batch)
        errors = _Rows(len(hidden), size)
        outputs = _Rows(len(self.w_out.value), size)
        losses: list[Rounded] = []
        for term in batch.terms:
            head = self._softmax if term.softmax else self._logistic
            head(batch, term, hidden, errors, outputs, losses)
        inputs = self._inputs(batch, errors)
        for table, state, rows in zip(
            (self.w_in, self.w_out), self.states, (inputs, outputs), strict=True
        ):
            for row in rows.occurring():
                gradient, weight = summed(rows.gradients[row]), summed(rows.weights[row])
                self._optimizer.move(table, state, row, gradient, weight, alpha)
        return summed(losses)

    def _hidden(self, batch: Any) -> list[Rounded]:
        inputs = [self.w_in[int(row)] for row in batch.inputs]
        if batch.projection is None:
            return inputs
        forward = batch.projection.forward
        blocks, t, m = forward.shape
        return [
            summed([inputs[b * m + j] * float(forward[b, i, j]) for j in range(m)])
            for b in range(blocks)
            for i in range(t)
        ]

    def _inputs(self, batch: Any, errors: _Rows) -> _Rows:
        """Return what the errors of hidden vectors are for the rows of W_in."""
        inputs = _Rows(*self.w_in.value.shape)
        totals = [summed(each) if each else None for each in errors.gradients]
        if batch.projection is None:
            for n, (row, error) in enumerate(zip(batch.inputs, totals, strict=True)):
                weight: Rounded | float = summed(errors.weights[n])
                if any(term.softmax for term in batch.terms):  # it is said by the batch
                    weight = float(batch.input_weights[n])
                inputs.add(int(row), error, weight)
            return inputs
        backward = batch.projection.backward
        blocks, t, m = backward.shape
        for b in range(blocks):
            for j in range(m):
                given = [
                    error * float(backward[b, i, j])
                    for i in range(t)
                    if (error := totals[b * t + i]) is not None
                ]
                # What a logit weighs for a vector that is one of several, the batch has to say.
                weight = float(batch.input_weights[b * m + j])
                inputs.add(int(batch.inputs[b * m + j]), summed(given) if given else None, weight)
        return inputs

    def _logistic(
        self,
        batch: Any,
        term: Any,
        hidden: list[Rounded],
        errors: _Rows,
        outputs: _Rows,
        losses: list[Rounded],
    ) -> None:
        places = hidden_of(batch, term)
        (blocks, t), m = places.shape, term.targets.shape[1]
        labels = np.broadcast_to(np.asarray(term.labels, dtype=np.float64), (blocks, t, m))
        weights = np.broadcast_to(np.asarray(term.weights, dtype=np.float64), (blocks, t, m))
        for b, i, j in np.ndindex(blocks, t, m):
            place, target = int(places[b, i]), int(term.targets[b, j])
            label, weight = float(labels[b, i, j]), float(weights[b, i, j])
            if weight == 0:
                errors.add(place, None, 0.0)
                outputs.add(target, None, 0.0)
                continue
            x, y = hidden[place], self.w_out[target]
            z = _dot(x, y)
            s = sigmoid(float(z.value))
            # A residual is as precise as its weight.
            g = _function(z, s - label, s * (1 - s), 1.0) * weight
            errors.add(place, y * g, weight)
            outputs.add(target, x * g, weight)
            losses.append(_function(z, softplus(z.value if label == 0 else -z.value), 1) * weight)

    def _softmax(
        self,
        batch: Any,
        term: Any,
        hidden: list[Rounded],
        errors: _Rows,
        outputs: _Rows,
        losses: list[Rounded],
    ) -> None:
        n_words = len(self.w_out.value)
        places = hidden_of(batch, term)
        labels = np.zeros((len(hidden), n_words))
        for b, i, j in np.ndindex(*term.weights.shape):
            labels[places[b, i], term.targets[b, j]] += term.weights[b, i, j]
        for n, x in enumerate(hidden):
            total = float(batch.predictions[n])
            logits = [_dot(x, self.w_out[word]) for word in range(n_words)]
            top = max(float(z.value) for z in logits)
            powers = [_function(z, p := math.exp(z.value - top), p) for z in logits]
            whole = summed(powers)
            normalizer = _function(whole, math.log(whole.value) + top, 1 / whole.value)
            for word, (z, label) in enumerate(zip(logits, labels[n], strict=True)):
                log_p = z - normalizer
                p = math.exp(log_p.value)
                expected = _function(log_p, p, p) * total
                g = expected - label
                errors.add(n, self.w_out[word] * g, expected + label)
                outputs.add(word, x * g, expected + label)
                losses.append(log_p * -label)


def assert_close(ours: Any, expected: Rounded, ulps: float, epsilon: float | None = None) -> None:
    """Check numbers against those of plain loops, within so many units of what is said there.

    A unit is an epsilon, by default that of the dtype.
    """
    ours = np.asarray(ours)
    bound = ulps * (float(np.finfo(ours.dtype).eps) if epsilon is None else epsilon)
    assert ours.shape == np.shape(expected.value)
    off = np.abs(ours - expected.value)
    wrong = off > bound * expected.unit  # not for NaN
    assert np.isfinite(ours).all()
    assert not wrong.any(), f"off by {off[wrong]}, which may be {(bound * expected.unit)[wrong]}"


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

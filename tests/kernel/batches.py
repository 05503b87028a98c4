"""Small batches of every model, with every kind of repetition."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from tests.conftest import to_host
from xw2v.kernel import Batch, Optimizer, Projection, Term

__all__ = [
    "MODELS",
    "NODES",
    "ROWS",
    "SIZE",
    "Model",
    "assert_same_sums",
    "host_batch",
    "parameters",
    "setting",
    "states_of",
]

Floats = NDArray[np.float64]
State = tuple[Any, ...]

ROWS, SIZE = 6, 5
NODES = ROWS - 1  # rows of W_out under hierarchical softmax


def parameters(xp: Any, dtype: str, *, outputs: int = ROWS, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    kind = getattr(xp, dtype)
    w_in, w_out = rng.standard_normal((2, ROWS, SIZE))
    return xp.asarray(w_in, dtype=kind), xp.asarray(w_out[:outputs], dtype=kind)


class Maker:
    """Makes the arrays of a batch, and counts what hidden vectors and targets weigh."""

    def __init__(self, xp: Any, dtype: str, hidden: int) -> None:
        self._xp, self._kind = xp, getattr(xp, dtype)
        self._weights = np.zeros(hidden)
        self._terms: list[Term] = []

    def _floats(self, values: Any) -> Any:
        return self._xp.asarray(values, dtype=self._kind)

    def _integers(self, values: Any) -> Any:
        return self._xp.asarray(values, dtype=self._xp.int32)

    def term(
        self,
        targets: Any,
        labels: Any,
        weights: Any,
        *,
        interleave: int = 1,
        rows: Any = None,
        softmax: bool = False,
    ) -> None:
        """Add a term; arrays are NumPy's."""
        hidden, (blocks, m) = len(self._weights), targets.shape
        if rows is None:
            by_turn = np.arange(hidden).reshape(blocks // interleave, -1, interleave)
            places = by_turn.swapaxes(1, 2).reshape(blocks, -1)
        else:
            places = rows
        full = np.broadcast_to(weights, (*places.shape, m))
        # Under the softmax, labels and what is expected of all words weigh the same.
        np.add.at(self._weights, places, full.sum(axis=2) * (2 if softmax else 1))
        self._terms.append(
            Term(
                targets=self._integers(targets),
                labels=labels if isinstance(labels, float) else self._floats(labels),
                weights=self._floats(weights),
                target_weights=self._floats(full.sum(axis=1)),
                interleave=interleave,
                rows=None if rows is None else self._integers(rows),
                softmax=softmax,
            )
        )

    def batch(
        self,
        inputs: Any,
        predictions: Any,
        parts: int,
        projection: tuple[Floats, Floats] | None = None,
    ) -> Batch:
        weights, made = self._weights, None
        if projection is not None:
            forward, backward = projection
            received = weights.reshape(forward.shape[:2]) * forward.sum(axis=2)
            weights = np.einsum("bt,btm->bm", received, backward).reshape(-1)
            one = self._floats(forward)
            made = Projection(
                forward=one, backward=one if backward is forward else self._floats(backward)
            )
        return Batch(
            inputs=self._integers(inputs),
            input_weights=self._floats(weights),
            predictions=self._floats(predictions),
            terms=tuple(self._terms),
            projection=made,
            parts=parts,
        )


def _projection(mask: Floats, kind: str) -> tuple[Floats, Floats]:
    """What CBOW makes of the contexts of some centers."""
    mean = mask / np.maximum(mask.sum(axis=2, keepdims=True), 1.0)
    if kind == "sum":
        return mask, mask
    return mean, mask if kind == "undivided" else mean


def _mask(rng: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Contexts of some centers, of which one has none."""
    mask = rng.integers(0, 2, shape).astype(float)
    mask[1, 0] = 0.0
    return mask


# Negative sampling


def block_batch(xp: Any, dtype: str, *, seed: int = 2) -> Batch:
    """6 blocks of 3 centers: 7 contexts each, and 4 negatives for each group of 2 blocks.

    With so few rows, each of them occurs several times in each of the three places, in one
    block and in several.
    """
    rng = np.random.default_rng(seed)
    mask = _mask(rng, (6, 3, 7))
    make = Maker(xp, dtype, 18)
    make.term(rng.integers(0, ROWS, (6, 7)), 1.0, mask)
    share = mask.sum(axis=2).reshape(3, 6, 1) * (5 / 4)
    make.term(rng.integers(0, ROWS, (3, 4)), 0.0, share)
    return make.batch(rng.integers(0, ROWS, 18), mask.sum(axis=2).reshape(-1), 3)


def interleaved_batch(xp: Any, dtype: str, *, seed: int = 3) -> Batch:
    """The same, but 2 blocks of 2 groups take turns: each has every second center of 4 blocks."""
    rng = np.random.default_rng(seed)
    mask = _mask(rng, (8, 3, 7))
    make = Maker(xp, dtype, 24)
    make.term(rng.integers(0, ROWS, (8, 7)), 1.0, mask)
    share = mask.sum(axis=2).reshape(2, 6, 2, 1).swapaxes(1, 2).reshape(4, 6, 1) * (5 / 4)
    make.term(rng.integers(0, ROWS, (4, 4)), 0.0, share, interleave=2)
    return make.batch(rng.integers(0, ROWS, 24), mask.sum(axis=2).reshape(-1), 2)


def pair_batch(xp: Any, dtype: str, *, seed: int = 21) -> Batch:
    """9 centers, each by itself with 2 contexts and 4 negatives in one term."""
    rng = np.random.default_rng(seed)
    labels = np.asarray([1.0, 1, 0, 0, 0, 0]).reshape(1, 1, 6)
    make = Maker(xp, dtype, 9)
    weights = rng.integers(0, 2, (9, 1, 6)).astype(float)
    make.term(rng.integers(0, ROWS, (9, 6)), labels, weights)
    return make.batch(rng.integers(0, ROWS, 9), rng.integers(1, 3, 9), 9)


def cbow_batch(xp: Any, dtype: str, *, kind: str, interleave: int = 1, seed: int = 4) -> Batch:
    """6 or 8 blocks of 3 centers with 7 words, and negatives as for skip-gram.

    The term of the centers has blocks of one logit each.
    """
    rng = np.random.default_rng(seed)
    blocks = 6 if interleave == 1 else 8
    groups = blocks // 2
    mask = _mask(rng, (blocks, 3, 7))
    predictions = np.minimum(mask.sum(axis=2), 1.0).reshape(-1)
    make = Maker(xp, dtype, 3 * blocks)
    make.term(rng.integers(0, ROWS, (3 * blocks, 1)), 1.0, predictions.reshape(-1, 1, 1))
    share = predictions.reshape(groups // interleave, 6, interleave).swapaxes(1, 2) * (5 / 4)
    make.term(
        rng.integers(0, ROWS, (groups, 4)),
        0.0,
        share.reshape(groups, 6, 1),
        interleave=interleave,
    )
    words = rng.integers(0, ROWS, 7 * blocks)
    return make.batch(words, predictions, groups // interleave, _projection(mask, kind))


def cbow_pair_batch(xp: Any, dtype: str, *, kind: str = "mean", seed: int = 7) -> Batch:
    """9 centers, each with 4 contexts and 4 negatives of its own."""
    rng = np.random.default_rng(seed)
    mask = _mask(rng, (9, 1, 4))
    predictions = np.minimum(mask.sum(axis=2), 1.0).reshape(-1)
    labels = np.asarray([1.0, 0, 0, 0, 0]).reshape(1, 1, 5)
    make = Maker(xp, dtype, 9)
    make.term(rng.integers(0, ROWS, (9, 5)), labels, np.repeat(predictions, 5).reshape(9, 1, 5))
    return make.batch(rng.integers(0, ROWS, 36), predictions, 9, _projection(mask, kind))


# Hierarchical softmax


def path_batch(xp: Any, dtype: str, *, kind: str | None = None, seed: int = 6) -> Batch:
    """3 parts of 6 hidden vectors, which are where the two terms say.

    In each part 2 blocks have 4 of them and 3 inner nodes, and one block 2 of them and 5 nodes.
    Some nodes and one hidden vector of each part only fill up a block.
    """
    rng = np.random.default_rng(seed)
    mask = None if kind is None else _mask(rng, (6, 3, 7))
    predictions = rng.integers(1, 4, 18)
    make = Maker(xp, dtype, 18)
    parts = 6 * np.arange(3)
    weights = rng.integers(1, 3, (6, 4, 1)) * np.ones(3)
    weights[::2, :, 2] = 0.0
    weights[1::2, 3, :] = 0.0
    make.term(
        rng.integers(0, NODES, (6, 3)),
        rng.integers(0, 2, (6, 1, 3)).astype(float),
        weights,
        rows=rng.integers(0, 6, (6, 4)) + np.repeat(parts, 2)[:, None],
    )
    make.term(
        rng.integers(0, NODES, (3, 5)),
        rng.integers(0, 2, (3, 2, 5)).astype(float),
        rng.random((3, 2, 5)),
        rows=rng.integers(0, 6, (3, 2)) + parts[:, None],
    )
    n = 18 if mask is None else 42
    projection = None if mask is None or kind is None else _projection(mask, kind)
    return make.batch(rng.integers(0, ROWS, n), predictions, 3, projection)


# Full softmax


def softmax_batch(xp: Any, dtype: str, *, seed: int = 8) -> Batch:
    """6 blocks of 3 centers with 7 contexts."""
    rng = np.random.default_rng(seed)
    mask = _mask(rng, (6, 3, 7))
    make = Maker(xp, dtype, 18)
    make.term(rng.integers(0, ROWS, (6, 7)), 1.0, mask, softmax=True)
    return make.batch(rng.integers(0, ROWS, 18), mask.sum(axis=2).reshape(-1), 6)


def cbow_softmax_batch(xp: Any, dtype: str, *, kind: str = "mean", seed: int = 9) -> Batch:
    """6 blocks of 3 centers with 7 words."""
    rng = np.random.default_rng(seed)
    mask = _mask(rng, (6, 3, 7))
    predictions = np.minimum(mask.sum(axis=2), 1.0).reshape(-1)
    make = Maker(xp, dtype, 18)
    make.term(rng.integers(0, ROWS, (18, 1)), 1.0, predictions.reshape(-1, 1, 1), softmax=True)
    words = rng.integers(0, ROWS, 42)
    return make.batch(words, predictions, 6, _projection(mask, kind))


# All of them


@dataclass(frozen=True)
class Model:
    """A form of a model: its batches, which are the same except for `seed`.

    Parameters
    ----------
    make : callable
        Takes a namespace, a dtype and perhaps a seed.
    options : dict
        More that it takes.
    outputs : int
        Rows of W_out.
    """

    make: Callable[..., Batch]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    outputs: int = ROWS

    def batch(self, xp: Any, dtype: str, **seed: int) -> Batch:
        return self.make(xp, dtype, **self.options, **seed)

    @property
    def exact(self) -> bool:
        """Whether its steps follow the gradient."""
        return self.options.get("kind") != "undivided"

    @property
    def softmax(self) -> bool:
        return self.make in (softmax_batch, cbow_softmax_batch)


MODELS = {
    "block": Model(block_batch),
    "interleaved": Model(interleaved_batch),
    "pair": Model(pair_batch),
    "cbow mean": Model(cbow_batch, {"kind": "mean"}),
    "cbow undivided": Model(cbow_batch, {"kind": "undivided"}),
    "cbow sum interleaved": Model(cbow_batch, {"kind": "sum", "interleave": 2}),
    "cbow pair": Model(cbow_pair_batch),
    "cbow pair undivided": Model(cbow_pair_batch, {"kind": "undivided"}),
    "path": Model(path_batch, outputs=NODES),
    "cbow path": Model(path_batch, {"kind": "mean"}, outputs=NODES),
    "cbow path undivided": Model(path_batch, {"kind": "undivided"}, outputs=NODES),
    "softmax": Model(softmax_batch),
    "cbow softmax": Model(cbow_softmax_batch),
    "cbow softmax undivided": Model(cbow_softmax_batch, {"kind": "undivided"}),
}


def setting(name: str, xp: Any, dtype: str, **seed: int) -> tuple[Any, Any, Batch]:
    """W_in, W_out and a batch of a model."""
    model = MODELS[name]
    w_in, w_out = parameters(xp, dtype, outputs=model.outputs)
    return w_in, w_out, model.batch(xp, dtype, **seed)


def states_of(optimizer: Optimizer, w_in: Any, w_out: Any) -> tuple[State, State]:
    """The state of an optimizer before its first step."""
    xp = array_namespace(w_in)

    def zeros(shape: tuple[int, ...]) -> Any:
        return xp.zeros(shape, dtype=w_in.dtype)

    return optimizer.state(zeros, w_in.shape), optimizer.state(zeros, w_out.shape)


def assert_same_sums(ours: Any, expected: Any) -> None:
    """Check float64 arrays to the bit; but sums that a GPU makes have no order."""
    rtol = 1e-9 if hasattr(ours, "get") else 0.0
    np.testing.assert_allclose(to_host(ours), to_host(expected), rtol=rtol, atol=rtol)


def host_batch(batch: Batch) -> Batch:
    """The same on NumPy arrays."""

    def on_host(thing: Any) -> Any:
        if thing is None or isinstance(thing, bool | int | float):
            return thing
        if isinstance(thing, tuple):
            return tuple(on_host(each) for each in thing)
        if dataclasses.is_dataclass(thing):
            names = [field.name for field in dataclasses.fields(thing)]
            values = {name: on_host(getattr(thing, name)) for name in names}
            return dataclasses.replace(thing, **values)  # type: ignore[type-var]
        return to_host(thing)

    host: Batch = on_host(batch)
    return host

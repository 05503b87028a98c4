"""What one update is computed from: row numbers, labels and weights, no parameters."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

__all__ = ["Batch", "Projection", "Term", "joined", "per_block"]

Array = Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """Dot products of a batch's N hidden vectors, in B blocks of T, with M targets for each block.

    Parameters
    ----------
    targets : array, shape (B, M), int32
        Rows of W_out.
    labels : array broadcastable to (B, T, M), or float
        1 for what is to be predicted, 0 for what is not.
    weights : array broadcastable to (B, T, M), floating
        Weight of each logit; 0 masks it.
    target_weights : array, shape (B, M), floating
        `weights` summed over the hidden vectors of a block: how much is added to each target's
        row.
    interleave : int
        Blocks whose hidden vectors take turns, I: of every I N / B consecutive ones, the first,
        the (I + 1)-th, ... are one block, the second, the (I + 2)-th, ... the next. I divides B.
    rows : array, shape (B, T), integer, optional
        Which hidden vectors a block has, in 0..N-1; if absent, N / B consecutive ones that take
        turns as `interleave` says.
    softmax : bool
        The targets compete with all rows of W_out: the loss is the cross-entropy of a softmax
        over the vocabulary instead of logistic. Labels are 1 then, and the term is the only one.
    """

    targets: Array
    labels: Array | float
    weights: Array
    target_weights: Array
    interleave: int = 1
    rows: Array | None = None
    softmax: bool = False

    @property
    def sets(self) -> int:
        """Into how many stretches of consecutive hidden vectors the term can be cut."""
        return int(self.targets.shape[0]) // self.interleave

    def part(self, start: int, stop: int, of: int, hidden: int) -> "Term":
        """Return the blocks of parts `start` to `stop`.

        Parameters
        ----------
        start, stop, of : int
            Which parts, when the term is cut into `of`.
        hidden : int
            Hidden vectors in each.
        """
        size = self.targets.shape[0] // of
        blocks = slice(start * size, stop * size)
        return Term(
            targets=self.targets[blocks, :],
            labels=_blocks(self.labels, blocks),
            weights=_blocks(self.weights, blocks),
            target_weights=self.target_weights[blocks, :],
            interleave=self.interleave,
            rows=None if self.rows is None else self.rows[blocks, :] - start * hidden,
            softmax=self.softmax,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """Hidden vectors that are sums of input vectors, a block at a time: CBOW's projection layer.

    Parameters
    ----------
    forward : array, shape (B, T, M), floating
        Hidden vector t of a block is the sum of ``forward[b, t, m]`` times its input vector m.
    backward : array, shape (B, T, M), floating
        How much of the error of hidden vector t input vector m gets. Equal to `forward` this
        gives the gradient; word2vec.c gives 1 instead of 1 / n.
    """

    forward: Array
    backward: Array

    def part(self, start: int, stop: int, of: int) -> "Projection":
        """Return the blocks of parts `start` to `stop` when it is cut into `of` parts."""
        size = self.forward.shape[0] // of
        blocks = slice(start * size, stop * size)
        forward = self.forward[blocks, ...]
        backward = forward if self.backward is self.forward else self.backward[blocks, ...]
        return Projection(forward=forward, backward=backward)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One update: its input vectors, what becomes of them, and the terms they appear in.

    Parameters
    ----------
    inputs : array, shape (R,), int32
        Rows of W_in.
    input_weights : array, shape (R,), floating
        Weights of all logits that depend on an input vector.
    predictions : array, shape (N,), floating
        How many words each hidden vector predicts: what the loss is a mean of.
    terms : tuple of Term
        What the hidden vectors are multiplied with.
    projection : Projection, optional
        Makes the N hidden vectors of the R input vectors; if absent they are the same.
    parts : int
        Into how many parts the batch can be cut without cutting a block; 0 if it is empty.
    """

    inputs: Array
    input_weights: Array
    predictions: Array
    terms: tuple[Term, ...]
    projection: Projection | None = None
    parts: int = 1

    def part(self, start: int, stop: int) -> "Batch":
        """Return parts `start` to `stop` of `parts`, as views."""
        of = max(1, self.parts)
        inputs, hidden = self.inputs.shape[0] // of, self.predictions.shape[0] // of
        some = slice(start * inputs, stop * inputs)
        return Batch(
            inputs=self.inputs[some],
            input_weights=self.input_weights[some],
            predictions=self.predictions[start * hidden : stop * hidden],
            terms=tuple(term.part(start, stop, of, hidden) for term in self.terms),
            projection=self.projection and self.projection.part(start, stop, of),
            parts=stop - start,
        )


def joined(batches: Sequence[Batch]) -> Batch:
    """Make one batch of several that are parts of one update.

    Parameters
    ----------
    batches : sequence of Batch
        At least one. If there are more, all of their terms have `rows`.

    Returns
    -------
    Batch
        Of one part, if there are several.

    Raises
    ------
    ValueError
        If there are several, and a term without `rows`.
    """
    first = batches[0]
    if len(batches) == 1:
        return first
    xp = array_namespace(first.inputs)
    terms, hidden = [], 0
    for batch in batches:
        for term in batch.terms:
            if term.rows is None:
                raise ValueError("only batches whose terms have rows can be joined")
            terms.append(dataclasses.replace(term, rows=term.rows + hidden))
        hidden += batch.predictions.shape[0]
    projections = [batch.projection for batch in batches if batch.projection is not None]
    projection = None
    if projections:
        projection = Projection(
            forward=xp.concat([each.forward for each in projections]),
            backward=xp.concat([each.backward for each in projections]),
        )
    return Batch(
        inputs=xp.concat([batch.inputs for batch in batches]),
        input_weights=xp.concat([batch.input_weights for batch in batches]),
        predictions=xp.concat([batch.predictions for batch in batches]),
        terms=tuple(terms),
        projection=projection,
    )


def per_block(values: Array | float) -> bool:
    """Return whether labels or weights have entries for each block, or broadcast over them."""
    return not isinstance(values, float) and values.ndim == 3 and values.shape[0] != 1


def _blocks(values: Array, blocks: slice) -> Array:
    return values[blocks, ...] if per_block(values) else values

"""What one update is computed from: row numbers, labels and weights, no parameters."""

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["Batch", "Term", "per_block"]

Array = Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """Dot products of a batch's N centers, in B blocks, with M targets for each block.

    Parameters
    ----------
    targets : array, shape (B, M), int32
        Rows of W_out; B divides N.
    labels : array broadcastable to (B, N / B, M), or float
        1 for a context word, 0 for a negative.
    weights : array broadcastable to (B, N / B, M), floating
        Weight of each logit; 0 masks it.
    target_weights : array, shape (B, M), floating
        `weights` summed over the centers of a block: how much is added to each target's row.
    interleave : int
        Blocks whose centers take turns, I: of every I N / B consecutive centers, the first,
        the (I + 1)-th, ... are one block, the second, the (I + 2)-th, ... the next. I divides B.
    """

    targets: Array
    labels: Array | float
    weights: Array
    target_weights: Array
    interleave: int = 1

    @property
    def sets(self) -> int:
        """Into how many stretches of consecutive centers the term can be cut."""
        return int(self.targets.shape[0]) // self.interleave

    def part(self, start: int, stop: int, of: int) -> "Term":
        """Return the blocks of parts `start` to `stop` when the term is cut into `of` parts."""
        size = self.targets.shape[0] // of
        rows = slice(start * size, stop * size)
        return Term(
            targets=self.targets[rows, :],
            labels=_blocks(self.labels, rows),
            weights=_blocks(self.weights, rows),
            target_weights=self.target_weights[rows, :],
            interleave=self.interleave,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One update: its centers and the terms they appear in.

    Parameters
    ----------
    centers : array, shape (N,), int32
        Rows of W_in.
    center_weights : array, shape (N,), floating
        Weights of all logits of a center, summed over the terms.
    terms : tuple of Term
        What the centers are multiplied with.
    """

    centers: Array
    center_weights: Array
    terms: tuple[Term, ...]

    @property
    def parts(self) -> int:
        """Into how many parts the batch can be cut without cutting a block; 0 if it is empty."""
        return math.gcd(*(term.sets for term in self.terms))

    def part(self, start: int, stop: int) -> "Batch":
        """Return parts `start` to `stop` of `parts`, as views."""
        of = max(1, self.parts)
        size = self.centers.shape[0] // of
        centers = slice(start * size, stop * size)
        return Batch(
            centers=self.centers[centers],
            center_weights=self.center_weights[centers],
            terms=tuple(term.part(start, stop, of) for term in self.terms),
        )


def per_block(values: Array | float) -> bool:
    """Return whether labels or weights have entries for each block, or broadcast over them."""
    return not isinstance(values, float) and values.ndim == 3 and values.shape[0] != 1


def _blocks(values: Array, rows: slice) -> Array:
    return values[rows, ...] if per_block(values) else values

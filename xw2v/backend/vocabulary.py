"""The softmax over the whole vocabulary by a team: its blocks of words are shared out.

Every worker has the whole batch. Each computes the logits of its own blocks of words and changes
their rows of W_out; only sums over the vocabulary pass from one to another, added up in an order
that the number of workers does not change: not a bit differs.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.backend.team import Team, Worker
from xw2v.kernel import (
    Term,
    log_normalizers,
    softmax_gradients,
    softmax_sums,
    vocabulary_blocks,
)

__all__ = ["Vocabulary"]

_SHARES = 32  # of the vocabulary: as many workers can help, and so many sums are kept

Floats = NDArray[np.float32]
Update = Callable[[NDArray[Any], Floats, Floats], None]


class Vocabulary:
    """What workers tell each other about the blocks of words.

    Parameters
    ----------
    n_words : int
        Rows of W_out.
    hidden : int
        Hidden vectors of the largest batch.
    vector_size : int
        D.
    team : Team
    """

    def __init__(self, n_words: int, hidden: int, vector_size: int, team: Team) -> None:
        blocks = vocabulary_blocks(n_words)
        n = min(len(blocks), _SHARES)
        borders = [len(blocks) * i // n for i in range(n + 1)]
        self._shares = [
            list(enumerate(blocks[start:stop], start))
            for start, stop in itertools.pairwise(borders)
        ]
        self._largest = team.zeros((len(blocks), hidden), np.float32)
        self._sums = team.zeros((len(blocks), hidden), np.float32)
        self._errors = team.zeros((n, hidden, vector_size), np.float32)
        self._losses = team.zeros(n, np.float64)

    def step(
        self,
        x: Floats,
        w_out: Floats,
        terms: Sequence[Term],
        totals: Floats,
        worker: Worker,
        update: Update,
        with_loss: bool,
    ) -> None:
        """Make the step of W_out, all workers together.

        Parameters
        ----------
        x : ndarray, shape (N, D)
            Hidden vectors of the whole batch.
        w_out : ndarray, shape (V, D)
        terms : sequence of Term
            The one term of the batch.
        totals : ndarray, shape (N,)
            How many words each hidden vector predicts.
        worker : Worker
        update : callable
            Takes words, their gradients and weights, and changes their rows.
        with_loss : bool
            Compute the loss, which is 0 otherwise.

        Notes
        -----
        `errors` and `loss` belong to the latest step.
        """
        (term,) = terms
        n, shares = len(x), range(worker.rank, len(self._shares), worker.size)
        for share in shares:
            for k, (start, stop) in self._shares[share]:
                self._largest[k, :n], self._sums[k, :n] = softmax_sums(x, w_out[start:stop])
        worker.meet()
        normalizers = log_normalizers(self._largest[:, :n], self._sums[:, :n])
        for share in shares:
            self._errors[share, :n] = 0.0
            self._losses[share] = 0.0
            for _, (start, stop) in self._shares[share]:
                found = softmax_gradients(
                    x, w_out[start:stop], term, totals, normalizers, start, with_loss=with_loss
                )
                self._errors[share, :n] += found.x
                self._losses[share] += 0.0 if found.loss is None else found.loss
                # No other block looks at these rows again, and no worker before they meet.
                update(np.arange(start, stop, dtype=np.int32), found.y, found.weights)
        worker.meet()

    def errors(self, n: int) -> Floats:
        """Return the gradients of the n hidden vectors."""
        errors = self._errors[0, :n].copy()
        for more in self._errors[1:, :n]:
            errors += more
        return errors

    def loss(self) -> float:
        """Return the summed loss before the step."""
        return float(self._losses.sum())

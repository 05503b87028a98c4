"""The softmax head: cross-entropy over the whole vocabulary, some rows of W_out at a time.

With x the N hidden vectors of a batch, z = x @ W_out.mT, labels y (how often each word is to be
predicted from each hidden vector) and n the sums of their rows::

    log p = z - log_normalizer(z)       loss = -sum(y * log p)
    g     = n * p - y                   dx = g @ W_out          dW_out = g.mT @ x

z has as many columns as there are words. It is made twice, a block of words at a time: once for
the normalizers, whose logarithm is found without overflow, and once for the gradients.
"""

import itertools
from typing import Any, NamedTuple

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel.batch import Term

__all__ = [
    "SoftmaxGradients",
    "log_normalizers",
    "softmax_gradients",
    "softmax_sums",
    "vocabulary_blocks",
]

Array = Any

_BLOCK_WORDS = 512  # so that the logits of a batch stay in cache, and many workers have some


class SoftmaxGradients(NamedTuple):
    """Gradients of a block of words.

    Attributes
    ----------
    x : array, shape (N, D)
        What the block adds to the gradient of the hidden vectors.
    y : array, shape (W, D)
    weights : array, shape (W,)
        Summed weight of what moves each row: labels and expected occurrences.
    loss : array, shape (), or None
        What the block adds to the loss.
    """

    x: Array
    y: Array
    weights: Array
    loss: Array | None


def vocabulary_blocks(n_words: int) -> list[tuple[int, int]]:
    """Return start and stop of each block that the rows of W_out are cut into."""
    borders = [*range(0, n_words, _BLOCK_WORDS), n_words]
    return list(itertools.pairwise(borders))


def softmax_sums(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the largest logit of each hidden vector, and the sum of the exponentials.

    Parameters
    ----------
    x : array, shape (N, D), floating
        Hidden vectors.
    y : array, shape (W, D), dtype of `x`
        Some rows of W_out.

    Returns
    -------
    array, shape (N,)
        The largest logit m.
    array, shape (N,)
        ``sum(exp(z - m))``, at least 1.
    """
    xp = array_namespace(x)
    z = xp.matmul(x, xp.matrix_transpose(y))
    largest = xp.max(z, axis=1)
    z -= largest[:, None]
    return largest, xp.sum(xp.exp(z), axis=1)


def log_normalizers(largest: Array, sums: Array) -> Array:
    """Put the results of `softmax_sums` for all blocks together.

    Parameters
    ----------
    largest, sums : array, shape (blocks, N)

    Returns
    -------
    array, shape (N,)
        ``log(sum(exp(z)))`` over all words.
    """
    xp = array_namespace(largest)
    top = xp.max(largest, axis=0)
    return top + xp.log(xp.sum(sums * xp.exp(largest - top[None, :]), axis=0))


def softmax_gradients(
    x: Array,
    y: Array,
    term: Term,
    totals: Array,
    normalizers: Array,
    start: int,
    *,
    with_loss: bool = False,
) -> SoftmaxGradients:
    """Return the gradients that a block of words takes part in.

    Parameters
    ----------
    x : array, shape (N, D), floating
        Hidden vectors.
    y : array, shape (W, D), dtype of `x`
        Rows `start` and following of W_out.
    term : Term
        What is to be predicted: its targets, with its weights.
    totals : array, shape (N,)
        Summed weights n of the targets of each hidden vector.
    normalizers : array, shape (N,)
        From `log_normalizers`.
    start : int
        The first row of the block.
    with_loss : bool
        Compute the loss as well.
    """
    xp = array_namespace(x)
    log_p = xp.matmul(x, xp.matrix_transpose(y))
    log_p -= normalizers[:, None]
    words = xp.arange(
        start, start + y.shape[0], dtype=term.targets.dtype, device=device_of(term.targets)
    )
    found = xp.astype(term.targets[:, :, None] == words[None, None, :], x.dtype)
    labels = xp.reshape(xp.matmul(term.weights, found), log_p.shape)
    loss = -xp.sum(labels * log_p) if with_loss else None
    residual = xp.exp(log_p)
    residual *= totals[:, None]
    weights = xp.sum(residual, axis=0) + xp.sum(labels, axis=0)
    residual -= labels
    return SoftmaxGradients(
        xp.matmul(residual, y), xp.matmul(xp.matrix_transpose(residual), x), weights, loss
    )

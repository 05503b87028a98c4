"""The one batched kernel: gather, product, head, two products; and the step made of it.

For each term of a batch, with x the centers' rows of W_in and y the targets' rows of W_out::

    z  = x @ y.mT        (B, T, M)      every dot product of a block
    g  = head(z)         (B, T, M)      derivative of the loss with respect to z
    dx = g @ y           (B, T, D)
    dy = g.mT @ x        (B, M, D)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from xw2v.kernel.batch import Batch, Term, per_block
from xw2v.kernel.damping import damped_rates
from xw2v.kernel.heads import logistic_loss, logistic_residual
from xw2v.kernel.rows import gather, scatter_add

__all__ = [
    "BlockGradients",
    "Gradients",
    "batch_gradients",
    "block_gradients",
    "sgns_step",
    "term_gradients",
]

Array = Any


class BlockGradients(NamedTuple):
    """Gradients of one term.

    Attributes
    ----------
    x : array, shape (..., T, D)
    y : array, shape (..., M, D)
    loss : array, shape (...), or None
        Of each block.
    """

    x: Array
    y: Array
    loss: Array | None


class Gradients(NamedTuple):
    """Gradients of a batch, one row for each occurrence of a center or target.

    Attributes
    ----------
    centers : array, shape (N, D)
        Summed over the terms.
    targets : tuple of arrays, shapes (B M, D)
        One for each term.
    loss : array, shape (), or None
        Summed over the terms.
    """

    centers: Array
    targets: tuple[Array, ...]
    loss: Array | None


def _into(function: Callable[..., Array], *args: Array, out: Array | None) -> Array:
    return function(*args) if out is None else function(*args, out=out)


def block_gradients(
    x: Array,
    y: Array,
    labels: Array | float,
    weights: Array,
    *,
    with_loss: bool = False,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
    xp: Any = None,
) -> BlockGradients:
    """Return loss and gradients of blocks of T x M weighted logistic terms.

    Parameters
    ----------
    x : array, shape (..., T, D), floating
        Input vectors.
    y : array, shape (..., M, D), dtype of `x`
        Output vectors.
    labels : array broadcastable to (..., T, M), or float
        1 for a positive, 0 for a negative.
    weights : array broadcastable to (..., T, M), dtype of `x`
        Weight of each logit; 0 masks it.
    with_loss : bool
        Compute the loss as well.
    out : three arrays, shapes (..., T, M), (..., T, D), (..., M, D), optional
        Where to put logits, dx and dy, for namespaces whose functions take ``out``.
    xp : namespace, optional
        Of the arrays; found out if absent.

    Returns
    -------
    BlockGradients
        Of ``loss = sum(weights * softplus((1 - 2 labels) * (x @ y.mT)))`` of each block.
    """
    if xp is None:
        xp = array_namespace(x, y)
    z = _into(xp.matmul, x, xp.matrix_transpose(y), out=out[0])
    loss = logistic_loss(z, labels, weights) if with_loss else None
    g = logistic_residual(z, labels, weights, out=out[0], xp=xp)
    dx = _into(xp.matmul, g, y, out=out[1])
    dy = _into(xp.matmul, xp.matrix_transpose(g), x, out=out[2])
    return BlockGradients(dx, dy, loss)


def term_gradients(
    x: Array,
    y: Array,
    term: Term,
    *,
    with_loss: bool = False,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
    xp: Any = None,
) -> BlockGradients:
    """Return loss and gradients of a term whose vectors have been gathered, in P parts.

    Parameters
    ----------
    x : array, shape (P, N / P, D), floating
        Input vectors of the N centers.
    y : array, shape (P, B M / P, D), dtype of `x`
        Output vectors of the term's targets.
    term : Term
        Of which P divides the `sets`.
    with_loss : bool
        Compute the loss as well.
    out : three arrays, shapes (N M,), that of `x`, that of `y`, optional
        Where to put logits, dx and dy, for namespaces whose functions take ``out`` and whose
        ``reshape`` returns views.
    xp : namespace, optional
        Of the arrays; found out if absent.

    Returns
    -------
    BlockGradients
        In the shapes of `x` and `y`; the losses (P, B / P).
    """
    if xp is None:
        xp = array_namespace(x, y)
    parts, n, size = x.shape
    (blocks, m), turns = term.targets.shape, term.interleave
    t, sets = parts * n // blocks, term.sets // parts

    def of_centers(rows: Array) -> Array:
        by_turn = xp.reshape(rows, (parts, sets, t, turns, size))
        return xp.permute_dims(by_turn, (0, 1, 3, 2, 4))

    def of_targets(rows: Array) -> Array:
        return xp.reshape(rows, (parts, sets, turns, m, size))

    def of_blocks(values: Array) -> Array:
        if not per_block(values):
            return values
        return xp.reshape(values, (parts, sets, turns, *values.shape[1:]))

    z, dx, dy = out
    gradients = block_gradients(
        of_centers(x),
        of_targets(y),
        of_blocks(term.labels),
        of_blocks(term.weights),
        with_loss=with_loss,
        out=(
            None if z is None else xp.reshape(z, (parts, sets, turns, t, m)),
            None if dx is None else of_centers(dx),
            None if dy is None else of_targets(dy),
        ),
        xp=xp,
    )
    in_text_order = xp.permute_dims(gradients.x, (0, 1, 3, 2, 4))
    loss = None if gradients.loss is None else xp.reshape(gradients.loss, (parts, -1))
    return BlockGradients(
        xp.reshape(in_text_order, x.shape), xp.reshape(gradients.y, y.shape), loss
    )


def batch_gradients(
    w_in: Array,
    w_out: Array,
    batch: Batch,
    *,
    with_loss: bool = False,
) -> Gradients:
    """Return loss and gradients of a batch with respect to every gathered row.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), floating
        Parameters; not changed.
    batch : Batch
    with_loss : bool
        Compute the loss as well.

    Returns
    -------
    Gradients
    """
    xp = array_namespace(w_in, w_out)
    n, size = batch.centers.shape[0], w_in.shape[1]
    x = gather(w_in, xp.reshape(batch.centers, (1, n)), xp=xp)
    centers, targets, loss = None, [], None
    for term in batch.terms:
        y = gather(w_out, xp.reshape(term.targets, (1, -1)), xp=xp)
        gradients = term_gradients(x, y, term, with_loss=with_loss, xp=xp)
        dx = xp.reshape(gradients.x, (n, size))
        centers = dx if centers is None else centers + dx
        if with_loss:
            term_loss = xp.sum(gradients.loss)
            loss = term_loss if loss is None else loss + term_loss
        targets.append(xp.reshape(gradients.y, (-1, size)))
    return Gradients(centers, tuple(targets), loss)


def sgns_step(
    w_in: Array,
    w_out: Array,
    batch: Batch,
    *,
    alpha: float,
    damping: float = 0.2,
    with_loss: bool = False,
) -> Array | None:
    """Make one damped SGD step of skip-gram with negative sampling, in place.

    Every gradient is taken at the parameters as they are before the step. Rows that occur more
    than once accumulate their gradients, damped by `xw2v.kernel.damped_rates`.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), floating
        Parameters; changed in place.
    batch : Batch
    alpha : float
        Learning rate.
    damping : float
        Curvature taken for a unit of weight; 0 adds plain sums.
    with_loss : bool
        Return the loss before the step.

    Returns
    -------
    array, shape (), or None
        Summed loss of the batch, if asked for.
    """
    xp = array_namespace(w_in, w_out)
    gradients = batch_gradients(w_in, w_out, batch, with_loss=with_loss)
    rates = damped_rates(batch.centers, batch.center_weights, w_in.shape[0], alpha, damping)
    scatter_add(w_in, batch.centers, gradients.centers, rates)
    ids = xp.concat([xp.reshape(term.targets, (-1,)) for term in batch.terms])
    weights = xp.concat([xp.reshape(term.target_weights, (-1,)) for term in batch.terms])
    rates = damped_rates(ids, weights, w_out.shape[0], alpha, damping)
    scatter_add(w_out, ids, xp.concat(list(gradients.targets)), rates)
    return gradients.loss

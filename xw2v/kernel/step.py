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

from xw2v.kernel.batch import Batch
from xw2v.kernel.damping import damped_rates
from xw2v.kernel.heads import logistic_loss, logistic_residual
from xw2v.kernel.rows import gather, scatter_add

__all__ = ["BlockGradients", "Gradients", "batch_gradients", "block_gradients", "sgns_step"]

Array = Any
Buffer = Callable[[str, tuple[int, ...]], Array | None]


class BlockGradients(NamedTuple):
    """Gradients of one term.

    Attributes
    ----------
    x : array, shape (B, T, D)
    y : array, shape (B, M, D)
    loss : array, shape (), or None
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


def _no_buffer(_name: str, _shape: tuple[int, ...]) -> None:
    return None


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
    """Return loss and gradients of B blocks of T x M weighted logistic terms.

    Parameters
    ----------
    x : array, shape (B, T, D), floating
        Input vectors.
    y : array, shape (B, M, D), dtype of `x`
        Output vectors.
    labels : array broadcastable to (B, T, M), or float
        1 for a positive, 0 for a negative.
    weights : array broadcastable to (B, T, M), dtype of `x`
        Weight of each logit; 0 masks it.
    with_loss : bool
        Compute the loss as well.
    out : three arrays, shapes (B, T, M), (B, T, D), (B, M, D), optional
        Where to put logits, dx and dy, for namespaces whose functions take ``out``.
    xp : namespace, optional
        Of the arrays; found out if absent.

    Returns
    -------
    BlockGradients
        Of ``loss = sum(weights * softplus((1 - 2 labels) * (x @ y.mT)))``.
    """
    if xp is None:
        xp = array_namespace(x, y)
    z = _into(xp.matmul, x, xp.matrix_transpose(y), out=out[0])
    loss = logistic_loss(z, labels, weights) if with_loss else None
    g = logistic_residual(z, labels, weights, out=out[0], xp=xp)
    dx = _into(xp.matmul, g, y, out=out[1])
    dy = _into(xp.matmul, xp.matrix_transpose(g), x, out=out[2])
    return BlockGradients(dx, dy, loss)


def batch_gradients(
    w_in: Array,
    w_out: Array,
    batch: Batch,
    *,
    with_loss: bool = False,
    buffer: Buffer = _no_buffer,
) -> Gradients:
    """Return loss and gradients of a batch with respect to every gathered row.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), floating
        Parameters; not changed.
    batch : Batch
    with_loss : bool
        Compute the loss as well.
    buffer : callable, optional
        ``buffer(name, shape)`` gives an array to put the intermediate or result of that name
        into, or None: "x", "y", "z", "dx" (the first term's, to which the others are added),
        "more dx" and "dy0", "dy1", ... For namespaces whose functions take ``out``.

    Returns
    -------
    Gradients
    """
    xp = array_namespace(w_in, w_out)
    n, size = batch.centers.shape[0], w_in.shape[1]
    x = gather(w_in, batch.centers, out=buffer("x", (n, size)), xp=xp)
    centers, targets, loss = None, [], None
    for i, term in enumerate(batch.terms):
        blocks, m = term.targets.shape
        t = n // blocks
        gradients = block_gradients(
            xp.reshape(x, (blocks, t, size)),
            gather(w_out, term.targets, out=buffer("y", (blocks * m, size)), xp=xp),
            term.labels,
            term.weights,
            with_loss=with_loss,
            out=(
                buffer("z", (blocks, t, m)),
                buffer("more dx" if i else "dx", (blocks, t, size)),
                buffer(f"dy{i}", (blocks, m, size)),
            ),
            xp=xp,
        )
        dx = xp.reshape(gradients.x, (n, size))
        if centers is None:
            centers, loss = dx, gradients.loss
        else:
            centers += dx
            loss = None if loss is None else loss + gradients.loss
        targets.append(xp.reshape(gradients.y, (blocks * m, size)))
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

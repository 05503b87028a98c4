"""The one batched kernel: gather, product, head, two products; and the step made of it.

For each term of a batch, with x its hidden vectors, which are rows of W_in or, for CBOW, sums of
them, and y the targets' rows of W_out::

    z  = x @ y.mT        (B, T, M)      every dot product of a block
    g  = head(z)         (B, T, M)      derivative of the loss with respect to z
    dx = g @ y           (B, T, D)
    dy = g.mT @ x        (B, M, D)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from array_api_compat import array_namespace
from array_api_compat import device as device_of

from xw2v.kernel.batch import Batch, Projection, Term, per_block
from xw2v.kernel.heads import logistic_loss, logistic_residual
from xw2v.kernel.optimizers import Optimizer, Sgd, State
from xw2v.kernel.rows import gather, scatter_add
from xw2v.kernel.softmax import (
    log_normalizers,
    softmax_gradients,
    softmax_sums,
    vocabulary_blocks,
)

__all__ = [
    "BlockGradients",
    "Gradients",
    "batch_gradients",
    "block_gradients",
    "gathered_gradients",
    "project",
    "project_back",
    "term_gradients",
    "train_step",
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
    """Gradients of a batch of logistic terms, one row for each occurrence of an input or target.

    Attributes
    ----------
    inputs : array, shape (R, D)
        Summed over the terms.
    targets : tuple of arrays, shapes (B M, D)
        One for each term.
    loss : array, shape (), or None
        Summed over the terms.
    """

    inputs: Array
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
    if x.shape[-2] == y.shape[-2] == 1:
        return _pair_gradients(x, y, labels, weights, with_loss, out, xp)
    z = _into(xp.matmul, x, xp.matrix_transpose(y), out=out[0])
    loss = logistic_loss(z, labels, weights) if with_loss else None
    g = logistic_residual(z, labels, weights, out=out[0], xp=xp)
    dx = _into(xp.matmul, g, y, out=out[1])
    dy = _into(xp.matmul, xp.matrix_transpose(g), x, out=out[2])
    return BlockGradients(dx, dy, loss)


def _pair_gradients(
    x: Array,
    y: Array,
    labels: Array | float,
    weights: Array,
    with_loss: bool,
    out: tuple[Array | None, Array | None, Array | None],
    xp: Any,
) -> BlockGradients:
    """Return the same for blocks of one logit, whose products are no matrix products."""
    z = xp.vecdot(x, y)[..., None]
    loss = logistic_loss(z, labels, weights) if with_loss else None
    g = logistic_residual(z, labels, weights, xp=xp)
    dx = _into(xp.multiply, g, y, out=out[1])
    dy = _into(xp.multiply, g, x, out=out[2])
    return BlockGradients(dx, dy, loss)


def term_gradients(
    x: Array,
    y: Array,
    term: Term,
    *,
    with_loss: bool = False,
    ordered: bool = False,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
    xp: Any = None,
) -> BlockGradients:
    """Return loss and gradients of a logistic term whose vectors have been gathered, in P parts.

    Parameters
    ----------
    x : array, shape (P, N / P, D), floating
        The N hidden vectors.
    y : array, shape (P, B M / P, D), dtype of `x`
        Output vectors of the term's targets.
    term : Term
        Of which P divides the blocks, and those that take turns are of one part.
    with_loss : bool
        Compute the loss as well.
    ordered : bool
        As for `xw2v.kernel.scatter_add`.
    out : three arrays, shapes (B T M,), that of `x`, that of `y`, optional
        Where to put logits, dx and dy, for namespaces whose functions take ``out`` and whose
        ``reshape`` returns views. Not for a term that has `rows`: see `gathered_gradients`.
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
    if term.rows is not None:
        flat = xp.reshape(x, (-1, size))
        own_rows = xp.reshape(term.rows, (-1,))
        own = gather(flat, own_rows, xp=xp)
        found = gathered_gradients(own, xp.reshape(y, (-1, size)), term, with_loss=with_loss, xp=xp)
        dx = scatter_add(xp.zeros_like(flat), own_rows, found.x, ordered=ordered)
        loss = None if found.loss is None else xp.reshape(found.loss, (parts, -1))
        return BlockGradients(xp.reshape(dx, x.shape), xp.reshape(found.y, y.shape), loss)
    (blocks, m), turns = term.targets.shape, term.interleave
    t, sets = parts * n // blocks, term.sets // parts

    def of_hidden(rows: Array) -> Array:
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
        of_hidden(x),
        of_targets(y),
        of_blocks(term.labels),
        of_blocks(term.weights),
        with_loss=with_loss,
        out=(
            None if z is None else xp.reshape(z, (parts, sets, turns, t, m)),
            None if dx is None else of_hidden(dx),
            None if dy is None else of_targets(dy),
        ),
        xp=xp,
    )
    in_text_order = xp.permute_dims(gradients.x, (0, 1, 3, 2, 4))
    loss = None if gradients.loss is None else xp.reshape(gradients.loss, (parts, -1))
    return BlockGradients(
        xp.reshape(in_text_order, x.shape), xp.reshape(gradients.y, y.shape), loss
    )


def gathered_gradients(
    x: Array,
    y: Array,
    term: Term,
    *,
    with_loss: bool = False,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
    xp: Any = None,
) -> BlockGradients:
    """Return loss and gradients of a logistic term of whose `rows` the vectors were gathered.

    Parameters
    ----------
    x : array, shape (B T, D), floating
        Hidden vectors, block by block.
    y : array, shape (B M, D), dtype of `x`
        Output vectors of the term's targets.
    term : Term
        With `rows`.
    with_loss
        As for `term_gradients`.
    out : three arrays, shapes (B T M,), that of `x`, that of `y`, optional
        Where to put logits, dx and dy.
    xp
        As for `term_gradients`.

    Returns
    -------
    BlockGradients
        In the shapes of `x` and `y`; the losses (B,).

    Raises
    ------
    ValueError
        If the term has no `rows`.
    """
    if xp is None:
        xp = array_namespace(x, y)
    if term.rows is None:
        raise ValueError("the term does not say which hidden vectors it needs: it has no rows")
    (blocks, m), t, size = term.targets.shape, term.rows.shape[1], x.shape[1]

    def in_blocks(values: Array | None, *shape: int) -> Array | None:
        return None if values is None else xp.reshape(values, (blocks, *shape))

    def turned(values: Array | float) -> Array | float:
        return values if isinstance(values, float) else xp.matrix_transpose(values)

    z, dx, dy = out
    # With targets and hidden vectors in each other's place: labels and weights are made for
    # rows of hidden vectors, which are longer.
    gradients = block_gradients(
        in_blocks(y, m, size),
        in_blocks(x, t, size),
        turned(term.labels),
        turned(term.weights),
        with_loss=with_loss,
        out=(in_blocks(z, m, t), in_blocks(dy, m, size), in_blocks(dx, t, size)),
        xp=xp,
    )
    return BlockGradients(
        xp.reshape(gradients.y, x.shape), xp.reshape(gradients.x, y.shape), gradients.loss
    )


def project(
    rows: Array, projection: Projection, *, out: Array | None = None, xp: Any = None
) -> Array:
    """Make hidden vectors of input vectors, in P parts.

    Parameters
    ----------
    rows : array, shape (P, R / P, D), floating
        The R input vectors.
    projection : Projection
        Of which P divides the blocks.
    out : array, shape (P, N / P, D), optional
        Where to put the N hidden vectors, for namespaces whose functions take ``out``.
    xp : namespace, optional
        Of the arrays; found out if absent.

    Returns
    -------
    array, shape (P, N / P, D)
    """
    return _projected(rows, projection.forward, out, xp)


def project_back(
    errors: Array, projection: Projection, *, out: Array | None = None, xp: Any = None
) -> Array:
    """Give the errors of hidden vectors back to the input vectors that they were made of.

    Parameters
    ----------
    errors : array, shape (P, N / P, D), floating
        Gradients of the hidden vectors.
    projection, out, xp
        As for `project`, but `out` takes the result.

    Returns
    -------
    array, shape (P, R / P, D)
    """
    xp = array_namespace(errors) if xp is None else xp
    return _projected(errors, xp.matrix_transpose(projection.backward), out, xp)


def _projected(rows: Array, matrices: Array, out: Array | None, xp: Any) -> Array:
    xp = array_namespace(rows) if xp is None else xp
    parts, _, size = rows.shape
    blocks, to, of = matrices.shape
    each = (parts, blocks // parts)
    result = _into(
        xp.matmul,
        xp.reshape(matrices, (*each, to, of)),
        xp.reshape(rows, (*each, of, size)),
        out=None if out is None else xp.reshape(out, (*each, to, size)),
    )
    return xp.reshape(result, (parts, -1, size)) if out is None else out


def batch_gradients(
    w_in: Array,
    w_out: Array,
    batch: Batch,
    *,
    with_loss: bool = False,
    ordered: bool = False,
) -> Gradients:
    """Return loss and gradients of a batch of logistic terms with respect to every gathered row.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), floating
        Parameters; not changed.
    batch : Batch
    with_loss : bool
        Compute the loss as well.
    ordered : bool
        As for `xw2v.kernel.scatter_add`.

    Returns
    -------
    Gradients
        With an undivided projection not those of the loss, but what stands for them.
    """
    xp = array_namespace(w_in, w_out)
    size = w_in.shape[1]
    x = _hidden(w_in, batch, xp)
    errors, targets, loss = None, [], None
    for term in batch.terms:
        y = gather(w_out, xp.reshape(term.targets, (1, -1)), xp=xp)
        gradients = term_gradients(x, y, term, with_loss=with_loss, ordered=ordered, xp=xp)
        errors = gradients.x if errors is None else errors + gradients.x
        if with_loss:
            term_loss = xp.sum(gradients.loss)
            loss = term_loss if loss is None else loss + term_loss
        targets.append(xp.reshape(gradients.y, (-1, size)))
    return Gradients(_of_inputs(errors, batch, xp), tuple(targets), loss)


def _hidden(w_in: Array, batch: Batch, xp: Any) -> Array:
    """Return the hidden vectors, shape (1, N, D)."""
    x = gather(w_in, xp.reshape(batch.inputs, (1, -1)), xp=xp)
    return x if batch.projection is None else project(x, batch.projection, xp=xp)


def _of_inputs(errors: Array, batch: Batch, xp: Any) -> Array:
    """Return the gradients of the input vectors, shape (R, D), for those of the hidden ones."""
    if batch.projection is not None:
        errors = project_back(errors, batch.projection, xp=xp)
    return xp.reshape(errors, (-1, errors.shape[2]))


_SGD = Sgd()


def train_step(
    w_in: Array,
    w_out: Array,
    batch: Batch,
    *,
    alpha: float,
    optimizer: Optimizer = _SGD,
    states: tuple[State, State] = ((), ()),
    trainable: tuple[Array | None, Array | None] = (None, None),
    with_loss: bool = False,
    ordered: bool = False,
) -> Array | None:
    """Make one step of any model, in place.

    Every gradient is taken at the parameters as they are before the step. Gradients of rows that
    occur more than once are put together by the optimizer.

    Parameters
    ----------
    w_in, w_out : array, shape (V, D), floating
        Parameters; changed in place.
    batch : Batch
    alpha : float
        Learning rate.
    optimizer : Optimizer
        `Sgd`, `Adagrad` or `Adam`.
    states : two tuples of arrays
        What the optimizer's ``state`` returned for `w_in` and for `w_out`; changed in place.
    trainable : two arrays, shape (V,), or None
        For the rows of `w_in` and of `w_out` 1, or 0 where a row is not to change.
    with_loss : bool
        Return the loss before the step.
    ordered : bool
        Add up in an order that is the same every time, on devices that would not: see
        `scatter_add`.

    Returns
    -------
    array, shape (), or None
        Summed loss of the batch, if asked for.
    """
    xp = array_namespace(w_in, w_out)

    def update(which: int, ids: Array, gradients: Array, weights: Array) -> None:
        mask = trainable[which]
        if mask is not None:
            gradients = gradients * xp.take(mask, ids, axis=0)[:, None]
        table = (w_in, w_out)[which]
        optimizer.update(table, states[which], ids, gradients, weights, alpha, ordered=ordered)

    if any(term.softmax for term in batch.terms):
        return _softmax_step(w_in, w_out, batch, update, with_loss)
    gradients = batch_gradients(w_in, w_out, batch, with_loss=with_loss, ordered=ordered)
    update(0, batch.inputs, gradients.inputs, batch.input_weights)
    ids = xp.concat([xp.reshape(term.targets, (-1,)) for term in batch.terms])
    weights = xp.concat([xp.reshape(term.target_weights, (-1,)) for term in batch.terms])
    update(1, ids, xp.concat(list(gradients.targets)), weights)
    return gradients.loss


def _softmax_step(
    w_in: Array,
    w_out: Array,
    batch: Batch,
    update: Callable[[int, Array, Array, Array], None],
    with_loss: bool,
) -> Array | None:
    xp = array_namespace(w_in, w_out)
    (term,), totals = batch.terms, batch.predictions
    x = _hidden(w_in, batch, xp)
    flat = xp.reshape(x, (-1, x.shape[2]))
    blocks = vocabulary_blocks(w_out.shape[0])
    sums = [softmax_sums(flat, w_out[start:stop, :]) for start, stop in blocks]
    normalizers = log_normalizers(*(xp.stack(list(each)) for each in zip(*sums, strict=True)))
    loss = None
    errors = xp.zeros_like(flat)
    device = device_of(term.targets)
    for start, stop in blocks:
        found = softmax_gradients(
            flat, w_out[start:stop, :], term, totals, normalizers, start, with_loss=with_loss
        )
        errors = errors + found.x
        loss = found.loss if loss is None else loss + found.loss
        # No other block looks at these rows again.
        words = xp.arange(start, stop, dtype=term.targets.dtype, device=device)
        update(1, words, found.y, found.weights)
    inputs = _of_inputs(xp.reshape(errors, x.shape), batch, xp)
    update(0, batch.inputs, inputs, batch.input_weights)
    return loss

"""The logistic head: what a logit costs and which way it should move.

Formulas: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their
Compositionality", equation 4, with a weight for every logit.
"""

from typing import Any

from array_api_compat import array_namespace

__all__ = ["logistic_loss", "logistic_residual"]

Array = Any  # of any Array API namespace; the standard has no type to name it by


def logistic_residual(
    z: Array,
    labels: Array | float,
    weights: Array,
    *,
    out: Array | None = None,
    xp: Any = None,
) -> Array:
    """Return ``weights * (sigmoid(z) - labels)``, the derivative of `logistic_loss`.

    It is evaluated as ``weights / 2 * (tanh(z / 2) + 1 - 2 labels)``, which cannot overflow and is
    right to a few units in the last place of the weight, which is what an update can show.

    Parameters
    ----------
    z : array, shape (..., T, M), floating
        Logits.
    labels : array broadcastable to `z`, or float
        1 for a positive, 0 for a negative.
    weights : array broadcastable to `z`
        Weight of each logit; 0 masks it.
    out : array, shape of `z`, optional
        Where to put the result, for namespaces whose functions take ``out``; may be `z`.
    xp : namespace, optional
        Of the arrays; found out if absent.

    Returns
    -------
    array, shape of `z`
    """
    if xp is None:
        xp = array_namespace(z)
    keep = {} if out is None else {"out": out}
    residual = xp.tanh(xp.multiply(z, 0.5, **keep), **keep)
    if not isinstance(labels, float) and labels.shape == z.shape:  # no more arrays of that size
        residual *= 0.5
        residual += 0.5
        residual -= labels
        return xp.multiply(residual, weights, **keep)
    residual += 1.0 - 2.0 * labels
    return xp.multiply(residual, 0.5 * weights, **keep)


def logistic_loss(z: Array, labels: Array | float, weights: Array) -> Array:
    """Return ``sum(weights * softplus((1 - 2 labels) * z))`` of each block.

    Parameters
    ----------
    z : array, shape (..., T, M), floating
        Logits.
    labels : array broadcastable to `z`, or float
        1 for a positive, 0 for a negative.
    weights : array broadcastable to `z`
        Weight of each logit.

    Returns
    -------
    array, shape (...)
        The weighted sums of -log sigmoid(z) over positives and -log sigmoid(-z) over negatives.
    """
    xp = array_namespace(z)
    t = z * (1.0 - 2.0 * labels)
    softplus = xp.maximum(t, 0.0) + xp.log1p(xp.exp(-xp.abs(t)))
    return xp.sum(weights * softplus, axis=(-2, -1))

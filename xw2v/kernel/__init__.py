"""The mathematics, on arrays of any Array API namespace: it imports nothing else of xw2v."""

from xw2v.kernel.batch import Batch, Term
from xw2v.kernel.damping import damped_rates, damping_factor, row_totals
from xw2v.kernel.heads import logistic_loss, logistic_residual
from xw2v.kernel.rows import gather, scatter_add
from xw2v.kernel.step import (
    BlockGradients,
    Gradients,
    batch_gradients,
    block_gradients,
    sgns_step,
    term_gradients,
)

__all__ = [
    "Batch",
    "BlockGradients",
    "Gradients",
    "Term",
    "batch_gradients",
    "block_gradients",
    "damped_rates",
    "damping_factor",
    "gather",
    "logistic_loss",
    "logistic_residual",
    "row_totals",
    "scatter_add",
    "sgns_step",
    "term_gradients",
]

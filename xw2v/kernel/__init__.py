"""The mathematics, on arrays of any Array API namespace: it imports nothing else of xw2v."""

from xw2v.kernel.batch import Batch, Projection, Term, joined
from xw2v.kernel.damping import damped_rates, damping_factor, row_totals
from xw2v.kernel.heads import logistic_loss, logistic_residual
from xw2v.kernel.optimizers import Adagrad, Adam, Optimizer, Sgd
from xw2v.kernel.rows import gather, scatter_add, summed_rows
from xw2v.kernel.softmax import (
    SoftmaxGradients,
    log_normalizers,
    softmax_gradients,
    softmax_sums,
    vocabulary_blocks,
)
from xw2v.kernel.step import (
    BlockGradients,
    Gradients,
    batch_gradients,
    block_gradients,
    gathered_gradients,
    project,
    project_back,
    term_gradients,
    train_step,
)

__all__ = [
    "Adagrad",
    "Adam",
    "Batch",
    "BlockGradients",
    "Gradients",
    "Optimizer",
    "Projection",
    "Sgd",
    "SoftmaxGradients",
    "Term",
    "batch_gradients",
    "block_gradients",
    "damped_rates",
    "damping_factor",
    "gather",
    "gathered_gradients",
    "joined",
    "log_normalizers",
    "logistic_loss",
    "logistic_residual",
    "project",
    "project_back",
    "row_totals",
    "scatter_add",
    "softmax_gradients",
    "softmax_sums",
    "summed_rows",
    "term_gradients",
    "train_step",
    "vocabulary_blocks",
]

"""The training loop."""

from xw2v.training.trainer import (
    LossRecord,
    Parameters,
    Progress,
    initial_parameters,
    learning_rate,
    train,
)

__all__ = ["LossRecord", "Parameters", "Progress", "initial_parameters", "learning_rate", "train"]

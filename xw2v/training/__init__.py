"""The training loop."""

from xw2v.training.trainer import (
    LossRecord,
    Progress,
    TrainingResult,
    initial_parameters,
    learning_rate,
    train,
)

__all__ = [
    "LossRecord",
    "Progress",
    "TrainingResult",
    "initial_parameters",
    "learning_rate",
    "train",
]

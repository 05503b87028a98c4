"""The training loop."""

from xw2v.training.trainer import (
    LossRecord,
    Progress,
    TrainingResult,
    initialize,
    learning_rate,
    train,
)

__all__ = [
    "LossRecord",
    "Progress",
    "TrainingResult",
    "initialize",
    "learning_rate",
    "train",
]

"""The training loop."""

from xw2v.training.evaluating import EarlyStopping, Evaluator
from xw2v.training.initial import InitialVectors, initialize
from xw2v.training.intervals import Interval
from xw2v.training.run import (
    Callback,
    Evaluation,
    LossRecord,
    Position,
    Progress,
    Run,
    RunState,
)
from xw2v.training.schedule import learning_rate
from xw2v.training.trainer import TrainingResult, train

__all__ = [
    "Callback",
    "EarlyStopping",
    "Evaluation",
    "Evaluator",
    "InitialVectors",
    "Interval",
    "LossRecord",
    "Position",
    "Progress",
    "Run",
    "RunState",
    "TrainingResult",
    "initialize",
    "learning_rate",
    "train",
]

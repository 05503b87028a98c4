"""word2vec training as matrix multiplication, on any Array API backend."""

from importlib.metadata import version

from xw2v.checkpoints import Checkpointing
from xw2v.config import TrainingConfig
from xw2v.errors import (
    ConfigError,
    CorpusError,
    DeviceError,
    ModelFileError,
    TrainingError,
    UnknownWordError,
    XW2VError,
)
from xw2v.formats import load_vectors
from xw2v.model import Word2Vec
from xw2v.vectors import WordVectors

__all__ = [
    "Checkpointing",
    "ConfigError",
    "CorpusError",
    "DeviceError",
    "ModelFileError",
    "TrainingConfig",
    "TrainingError",
    "UnknownWordError",
    "Word2Vec",
    "WordVectors",
    "XW2VError",
    "__version__",
    "load_vectors",
]

__version__ = version("xw2v")

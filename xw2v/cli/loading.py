"""What the commands that read a model share: its name, and which of its vectors they take."""

from pathlib import Path
from typing import get_args

import click

from xw2v.cli.hyperparameters import HYPERPARAMETERS, VECTORS_HELP
from xw2v.config import Vectors
from xw2v.formats import load_vectors as load_any_vectors
from xw2v.vectors import WordVectors

__all__ = ["load_vectors", "model_argument", "vectors_option"]

model_argument = click.argument("model", type=click.Path(path_type=Path))

vectors_option = click.option(
    "--vectors",
    type=click.Choice(get_args(Vectors)),
    show_default="those chosen in training",
    help=VECTORS_HELP,
)


def load_vectors(model: Path, vectors: Vectors | None) -> WordVectors:
    """Read word vectors: those of a model that --vectors names, if it does, or those of a file.

    Those of a model stay in their file until they are asked for.

    Raises
    ------
    ModelFileError, ConfigError
        As `xw2v.formats.load_vectors`.
    """
    with HYPERPARAMETERS.named():
        return load_any_vectors(model, None, vectors)

"""What the commands that read a model share: its name, which vectors they take, and where to."""

from pathlib import Path
from typing import get_args

import click

from xw2v.cli.hyperparameters import HYPERPARAMETERS, VECTORS_HELP
from xw2v.config import Vectors
from xw2v.formats import load_vectors as load_any_vectors
from xw2v.vectors import WordVectors
from xw2v.vectors.evaluation import Method

__all__ = ["device_option", "load_vectors", "method_option", "model_argument", "vectors_option"]

model_argument = click.argument("model", type=click.Path(path_type=Path))

vectors_option = click.option(
    "--vectors",
    type=click.Choice(get_args(Vectors)),
    show_default="those chosen in training",
    help=VECTORS_HELP,
)


method_option = click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="add",
    show_default=True,
    help="How analogies are answered: 3CosAdd or 3CosMul.",
)

device_option = click.option(
    "--device",
    metavar="DEVICE",
    default="cpu",
    show_default=True,
    help="Where to search: cpu, cuda, cuda:N, or auto: cuda where it can be used.",
)


def load_vectors(model: Path, vectors: Vectors | None, device: str = "cpu") -> WordVectors:
    """Read word vectors: those of a model that --vectors names, if it does, or those of a file.

    Those of a model stay in their file until they are asked for, unless a GPU gets them.

    Raises
    ------
    ModelFileError, ConfigError, DeviceError
        As `xw2v.formats.load_vectors`.
    """
    with HYPERPARAMETERS.named():
        return load_any_vectors(model, None, vectors, device=device)

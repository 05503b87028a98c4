"""`xw2v plot`: pictures of a training run and of its vectors."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from xw2v.cli.loading import load_vectors, model_argument, vectors_option
from xw2v.cli.output import check_new_file
from xw2v.config import Vectors
from xw2v.formats import load_model
from xw2v.pictures import write_picture
from xw2v.plots import (
    heatmap_figure,
    loss_figure,
    map_figure,
    norms_figure,
    picture_format,
)
from xw2v.projection import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot"]

F = TypeVar("F", bound=Callable[..., Any])

_words = click.argument("words", metavar="[WORD]...", nargs=-1)


def _picture_options(function: F) -> F:
    """Give a command the options about the file that it writes."""
    overwrite = click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
    output = click.option(
        "-o",
        "--out",
        type=click.Path(path_type=Path, dir_okay=False),
        required=True,
        metavar="FILE",
        help="The picture to write: .png, .svg or .pdf.",
    )
    return output(overwrite(function))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def plot() -> None:
    """Draw a training run, or the vectors that it made."""


@plot.command(short_help="The loss in the course of training.")
@model_argument
@_picture_options
def loss(model: Path, out: Path, overwrite: bool) -> None:
    """Draw the loss in the course of training, the learning rate, and evaluations if there are any.

    MODEL is one that xw2v trained: vectors alone do not say how they were made.
    """
    _check(out, overwrite)
    saved = load_model(model)
    _write(out, loss_figure(saved.loss_history, saved.evaluations))


@plot.command(short_help="How long the vectors of frequent and of rare words are.")
@model_argument
@_words
@_picture_options
@vectors_option
def norms(
    model: Path, words: tuple[str, ...], out: Path, overwrite: bool, vectors: Vectors | None
) -> None:
    """Draw the length of each vector against how often its word occurs in the corpus.

    The WORDs are labelled; without any, the words of the longest and the shortest vectors are.
    """
    _check(out, overwrite)
    wv = load_vectors(model, vectors)
    _write(out, norms_figure(wv, words))


@plot.command(name="map", short_help="Words in the plane, similar ones near each other.")
@model_argument
@_words
@_picture_options
@click.option(
    "--words",
    "n_words",
    type=click.IntRange(min=3),
    default=1_000,
    metavar="N",
    show_default=True,
    help="Draw the N most frequent words, if no WORD is given.",
)
@click.option(
    "--labels",
    type=click.IntRange(min=0, max=200),
    default=150,
    metavar="N",
    show_default=True,
    help="Label N words at most; the others are dots.",
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="pca",
    show_default=True,
    help="How to lay them out: the two main directions, or neighbors together (umap and tsne, "
    "which need xw2v[umap]).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=1,
    metavar="N",
    show_default=True,
    help="Of umap and tsne.",
)
@vectors_option
def map_(
    model: Path,
    words: tuple[str, ...],
    out: Path,
    overwrite: bool,
    n_words: int,
    labels: int,
    method: Method,
    seed: int,
    vectors: Vectors | None,
) -> None:
    """Draw the most frequent words, or the WORDs, in the plane, similar ones near each other."""
    _check(out, overwrite)
    wv = load_vectors(model, vectors)
    figure = map_figure(wv, words, n_words=n_words, labels=labels, method=method, seed=seed)
    _write(out, figure)


@plot.command(short_help="How similar words are to each other, all with all.")
@model_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@_picture_options
@vectors_option
def heatmap(
    model: Path, words: tuple[str, ...], out: Path, overwrite: bool, vectors: Vectors | None
) -> None:
    """Draw how similar WORDs are to each other, all with all; similar ones next to each other.

    From 2 to 100 words; up to 25, the numbers are there as well.
    """
    _check(out, overwrite)
    _write(out, heatmap_figure(load_vectors(model, vectors), words))


def _check(out: Path, overwrite: bool) -> None:
    """Raise, before the work is done, if the picture cannot be written."""
    picture_format(out)
    check_new_file(out, overwrite)


def _write(out: Path, figure: "Figure") -> None:
    write_picture(figure, out)
    if note := figure.get_supxlabel():  # about characters that no font has
        click.echo(f"{note}; install one that has them, Noto for example", err=True)
    click.echo(out)

"""`xw2v similarity`, `most-similar` and `analogy`: questions to the vectors of a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from xw2v.cli.loading import load_vectors, model_argument, vectors_option
from xw2v.cli.output import json_option, print_json, print_table
from xw2v.config import Vectors

__all__ = ["analogy", "most_similar", "similarity"]

F = TypeVar("F", bound=Callable[..., Any])

_topn = click.option(
    "--topn",
    type=click.IntRange(min=1),
    default=10,
    metavar="N",
    show_default=True,
    help="How many words to show.",
)
_restrict_vocab = click.option(
    "--restrict-vocab",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="all words",
    help="Search the N most frequent words only.",
)


@click.command()
@model_argument
@click.argument("first", metavar="WORD")
@click.argument("second", metavar="WORD")
@vectors_option
@json_option
def similarity(
    model: Path, first: str, second: str, vectors: Vectors | None, as_json: bool
) -> None:
    """Show how similar two words are.

    This is the cosine of the angle between their vectors, from -1 to 1.
    """
    score = load_vectors(model, vectors).similarity(first, second)
    if as_json:
        print_json({"words": [first, second], "similarity": score})
    else:
        click.echo(f"{score:.4f}")


@click.command()
@model_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option(
    "--negative",
    metavar="WORD",
    multiple=True,
    help="A word that the answers should be unlike; may be repeated.",
)
@_topn
@_restrict_vocab
@vectors_option
@json_option
def most_similar(
    model: Path,
    words: tuple[str, ...],
    negative: tuple[str, ...],
    topn: int,
    restrict_vocab: int | None,
    vectors: Vectors | None,
    as_json: bool,
) -> None:
    """Show the words most similar to a word, or to several.

    With several words the answers resemble all of them together, and none of the --negative
    ones.
    """
    neighbors = load_vectors(model, vectors).most_similar(
        words, negative, topn=topn, restrict_vocab=restrict_vocab
    )
    if as_json:
        print_json({"positive": words, "negative": negative, "neighbors": _records(neighbors)})
    else:
        _print_neighbors(neighbors)


@click.command()
@model_argument
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.argument("c", metavar="C")
@_topn
@_restrict_vocab
@vectors_option
@json_option
def analogy(
    model: Path,
    a: str,
    b: str,
    c: str,
    topn: int,
    restrict_vocab: int | None,
    vectors: Vectors | None,
    as_json: bool,
) -> None:
    """Find D where A is to B as C is to D.

    For example `man king woman`, where good vectors answer queen.
    """
    answers = load_vectors(model, vectors).most_similar(
        [b, c], [a], topn=topn, restrict_vocab=restrict_vocab
    )
    if as_json:
        print_json({"a": a, "b": b, "c": c, "answers": _records(answers)})
    else:
        _print_neighbors(answers)


def _records(neighbors: list[tuple[str, float]]) -> list[dict[str, str | float]]:
    return [{"word": word, "similarity": score} for word, score in neighbors]


def _print_neighbors(neighbors: list[tuple[str, float]]) -> None:
    print_table(["", ">"], [(word, f"{score:.4f}") for word, score in neighbors])

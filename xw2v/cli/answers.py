"""Answers to questions about words: what programs get, and how they are shown to people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from xw2v.cli.output import is_terminal, print_table, printable
from xw2v.errors import ConfigError
from xw2v.vectors import WordVectors
from xw2v.vectors.arrays import to_numpy
from xw2v.vectors.evaluation import Method

__all__ = [
    "Answer",
    "answer_analogy",
    "answer_doesnt_match",
    "answer_most_similar",
    "answer_similarity",
    "answer_vectors",
    "check_number",
]


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes
    ----------
    record : dict
        For programs, as JSON.
    show : callable
        Prints it for people. Among several answers it gets the words of the question, to print
        them as well; else None.
    """

    record: dict[str, Any]
    show: Callable[[str | None], None]


def check_number(words: Sequence[str], least: int, most: int | None, what: str) -> None:
    """Raise unless there are as many words as a question takes.

    Parameters
    ----------
    words : sequence of str
        Those given.
    least : int
        How many there must be.
    most : int or None
        How many there may be; None is any number.
    what : str
        What they are, for the message.

    Raises
    ------
    ConfigError
        If there are fewer or more.
    """
    if len(words) < least or (most is not None and len(words) > most):
        number = f"{least} words" if most == least else f"at least {least} words"
        raise ConfigError(f"{what} takes {number}, not {len(words)}")


def answer_similarity(wv: WordVectors, words: Sequence[str]) -> Answer:
    """Return how similar two words are."""
    check_number(words, 2, 2, "similarity")
    score = wv.similarity(words[0], words[1])
    return Answer({"words": words, "similarity": score}, _shower(f"{score:.4f}"))


def answer_doesnt_match(wv: WordVectors, words: Sequence[str]) -> Answer:
    """Return which of three or more words goes with the others least."""
    check_number(words, 3, None, "doesnt-match")
    for word in words:  # the method leaves unknown words out
        wv.get_vector(word)
    odd = str(wv.doesnt_match(words))
    return Answer({"words": words, "doesnt_match": odd}, _shower(printable(odd)))


def answer_most_similar(
    wv: WordVectors,
    positive: Sequence[str],
    negative: Sequence[str] = (),
    topn: int = 10,
    restrict_vocab: int | None = None,
) -> Answer:
    """Return the words most similar to some, and unlike others.

    Parameters
    ----------
    wv : WordVectors
    positive, negative : sequence of str
        What the answers should be like, and unlike.
    topn, restrict_vocab
        As for `WordVectors.most_similar`.
    """
    found = wv.most_similar(positive, negative, topn=topn, restrict_vocab=restrict_vocab)
    record = {"positive": positive, "negative": negative, "neighbors": _records(found)}
    return Answer(record, _neighbors_shower(found))


def answer_analogy(
    wv: WordVectors,
    words: Sequence[str],
    topn: int = 10,
    restrict_vocab: int | None = None,
    method: Method = "add",
) -> Answer:
    """Return the words that are to the third as the second is to the first.

    Parameters
    ----------
    wv : WordVectors
    words : sequence of str
        Three.
    topn, restrict_vocab
        As for `WordVectors.most_similar`.
    method : {"add", "mul"}
        By 3CosAdd, or by 3CosMul, whose scores are no cosines.
    """
    check_number(words, 3, 3, "analogy")
    a, b, c = words
    ask = wv.most_similar if method == "add" else wv.most_similar_cosmul
    found = ask([b, c], [a], topn=topn, restrict_vocab=restrict_vocab)
    return Answer(
        {"a": a, "b": b, "c": c, "answers": _records(found)},
        _neighbors_shower(found),
    )


def answer_vectors(wv: WordVectors, words: Sequence[str], norm: bool = False) -> Answer:
    """Return the vectors of words, of length 1 if `norm` is true."""
    rows = [to_numpy(wv.get_vector(word, norm=norm)) for word in words]

    def show(_: str | None) -> None:
        if is_terminal():
            table = [(word, " ".join(f"{x:.4f}" for x in row)) for word, row in _named(words, rows)]
            print_table(["word", "vector"], table)
            return
        for word, row in _named(words, rows):
            # As few digits as tell a number from its neighbors: nothing is lost.
            click.echo(" ".join([printable(word), *map(str, row)]))

    vectors = [{"word": word, "vector": row.tolist()} for word, row in _named(words, rows)]
    return Answer({"vectors": vectors}, show)


def _named(
    words: Sequence[str], rows: Sequence[np.ndarray[Any, Any]]
) -> list[tuple[str, np.ndarray[Any, Any]]]:
    return list(zip(words, rows, strict=True))


def _records(neighbors: list[tuple[str, float]]) -> list[dict[str, str | float]]:
    return [{"word": word, "similarity": score} for word, score in neighbors]


def _shower(value: str) -> Callable[[str | None], None]:
    """Show a value in a line, behind the words that it is the answer to."""

    def show(words: str | None) -> None:
        click.echo(value if words is None else f"{printable(words)}\t{value}")

    return show


def _neighbors_shower(neighbors: list[tuple[str, float]]) -> Callable[[str | None], None]:
    """Show a table of words, below those that it is the answer to and above an empty line."""

    def show(words: str | None) -> None:
        if words is not None:
            click.echo(printable(words))
        print_table(["", ">"], [(word, f"{score:.4f}") for word, score in neighbors])
        if words is not None:
            click.echo()

    return show

"""Questions to the vectors of a model: `xw2v most-similar`, `similarity`, `analogy` and others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from xw2v.cli.answers import (
    Answer,
    answer_analogy,
    answer_doesnt_match,
    answer_most_similar,
    answer_similarity,
    answer_vectors,
    check_number,
)
from xw2v.cli.lines import STDIN, answer_lines, answer_words, is_interactive, print_answer
from xw2v.cli.loading import (
    device_option,
    load_vectors,
    method_option,
    model_argument,
    vectors_option,
)
from xw2v.cli.output import json_option, printable
from xw2v.config import Vectors
from xw2v.errors import ConfigError
from xw2v.vectors.evaluation import Method

__all__ = [
    "analogies",
    "analogy",
    "doesnt_match",
    "most_similar",
    "nn",
    "query",
    "similarity",
    "vectors",
]

F = TypeVar("F", bound=Callable[..., Any])

_FIRST = 10

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
_k = click.argument("k", metavar="[K]", type=click.IntRange(min=1), default=10)


def _words(metavar: str) -> Callable[[F], F]:
    """Make the argument of a command that takes words, or - for those on standard input."""
    return click.argument("words", metavar=metavar, nargs=-1, required=True)


@click.command()
@model_argument
@_words("WORD WORD")
@vectors_option
@json_option
def similarity(model: Path, words: tuple[str, ...], vectors: Vectors | None, as_json: bool) -> None:
    """Show how similar two words are.

    This is the cosine of the angle between their vectors, from -1 to 1.

    With - in place of the words, they come on standard input, two a line; a line of the answer is
    the words, a tab and their similarity, or with --json one document.
    """
    _check(words, 2, 2, "similarity")
    wv = load_vectors(model, vectors)
    answer_words(words, lambda asked: answer_similarity(wv, asked), as_json)


@click.command()
@model_argument
@_words("WORD...")
@click.option(
    "--negative",
    metavar="WORD",
    multiple=True,
    help="A word that the answers should be unlike; may be repeated.",
)
@_topn
@_restrict_vocab
@vectors_option
@device_option
@json_option
def most_similar(
    model: Path,
    words: tuple[str, ...],
    negative: tuple[str, ...],
    topn: int,
    restrict_vocab: int | None,
    vectors: Vectors | None,
    device: str,
    as_json: bool,
) -> None:
    """Show the words most similar to a word, or to several.

    With several words the answers resemble all of them together, and none of the --negative
    ones.

    With - in place of the words, they come on standard input, one question a line; an answer is
    the words of the question, below it the table, and an empty line, or with --json one document
    in one line. Lines with an unknown word are reported, and the exit status is 1 in the end.
    """
    wv = load_vectors(model, vectors, device)

    def ask(asked: Sequence[str]) -> Answer:
        return answer_most_similar(wv, asked, negative, topn, restrict_vocab)

    answer_words(words, ask, as_json)


@click.command()
@model_argument
@_words("A B C")
@method_option
@_topn
@_restrict_vocab
@vectors_option
@device_option
@json_option
def analogy(
    model: Path,
    words: tuple[str, ...],
    method: Method,
    topn: int,
    restrict_vocab: int | None,
    vectors: Vectors | None,
    device: str,
    as_json: bool,
) -> None:
    """Find D where A is to B as C is to D.

    For example `man king woman`, where good vectors answer queen.

    With - in place of the words, they come on standard input, three a line, and are answered as
    those of most-similar are.
    """
    _check(words, 3, 3, "analogy")
    wv = load_vectors(model, vectors, device)

    def ask(asked: Sequence[str]) -> Answer:
        return answer_analogy(wv, asked, topn, restrict_vocab, method)

    answer_words(words, ask, as_json)


@click.command()
@model_argument
@_words("WORD...")
@vectors_option
@json_option
def doesnt_match(
    model: Path, words: tuple[str, ...], vectors: Vectors | None, as_json: bool
) -> None:
    """Show which word goes with the others least.

    It is the one whose vector is furthest from the mean of all of them.

    With - in place of the words, they come on standard input, one question a line; a line of the
    answer is the words, a tab and the one that does not match, or with --json one document.
    """
    _check(words, 3, None, "doesnt-match")
    wv = load_vectors(model, vectors)
    answer_words(words, lambda asked: answer_doesnt_match(wv, asked), as_json)


@click.command("vectors")
@model_argument
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--first",
    type=click.IntRange(min=1),
    metavar="N",
    show_default=f"{_FIRST}, without words",
    help="Print the vectors of the N most frequent words.",
)
@click.option("--norm", is_flag=True, help="Scale vectors to length 1.")
@vectors_option
@json_option
def vectors(
    model: Path,
    words: tuple[str, ...],
    first: int | None,
    norm: bool,
    vectors: Vectors | None,
    as_json: bool,
) -> None:
    """Print vectors.

    Those of the words given, or of the most frequent ones. A line is a word and its vector,
    separated by spaces, with all digits that it has; on a terminal the numbers are rounded.

    With - in place of the words, they come on standard input, any number a line.
    """
    if words and first is not None:
        raise click.UsageError("give words or --first, not both")
    wv = load_vectors(model, vectors)
    if words:
        answer_words(words, lambda asked: answer_vectors(wv, asked, norm), as_json)
    else:
        print_answer(answer_vectors(wv, wv.index_to_key[: first or _FIRST], norm), as_json)


@click.command()
@model_argument
@_topn
@_restrict_vocab
@vectors_option
@device_option
@json_option
def query(
    model: Path,
    topn: int,
    restrict_vocab: int | None,
    vectors: Vectors | None,
    device: str,
    as_json: bool,
) -> None:
    """Ask one question after another.

    \b
    king                  the words most similar to king
    king - man + woman    those most similar to king and woman and unlike man
    king queen            how similar two words are
    apple pear river      which of three or more words goes with the others least

    The model is read once. On a terminal, Tab completes words, and lines typed earlier are kept.
    Elsewhere, a question is a line of standard input, and --json makes a line of each answer.
    """  # noqa: D301
    from xw2v.cli.shell import answer_line, run_shell  # noqa: PLC0415  (not for all commands)

    wv = load_vectors(model, vectors, device)
    if is_interactive():
        run_shell(wv, topn, restrict_vocab, as_json)
    else:
        answer_lines(lambda asked: answer_line(wv, asked, topn, restrict_vocab), as_json)


@click.command()
@model_argument
@_k
@vectors_option
@device_option
@json_option
def nn(model: Path, k: int, vectors: Vectors | None, device: str, as_json: bool) -> None:
    """Show neighbors of words that are typed, as fastText does.

    Every word on standard input is answered by its K nearest neighbors, 10 without K, and how
    similar they are. Off a terminal there are no prompts, and an empty line ends an answer.
    """
    wv = load_vectors(model, vectors, device)
    answer_lines(
        lambda asked: answer_most_similar(wv, asked, topn=k),
        as_json,
        prompt="Query word? ",
        questions=lambda words: [[word] for word in words],
        show=_show_as_fasttext,
    )


@click.command()
@model_argument
@_k
@vectors_option
@device_option
@json_option
def analogies(model: Path, k: int, vectors: Vectors | None, device: str, as_json: bool) -> None:
    """Answer analogies that are typed, as fastText does.

    A line of standard input is three words A B C, and is answered by the K words, 10 without K,
    nearest to A - B + C: berlin germany france by paris. (The command analogy takes the words in
    another order.) Off a terminal there are no prompts, and an empty line ends an answer.
    """
    wv = load_vectors(model, vectors, device)

    def ask(asked: Sequence[str]) -> Answer:
        check_number(asked, 3, 3, "A - B + C")
        a, b, c = asked
        return answer_most_similar(wv, [a, c], [b], topn=k)

    answer_lines(ask, as_json, prompt="Query triplet (A - B + C)? ", show=_show_as_fasttext)


def _check(words: Sequence[str], least: int, most: int | None, what: str) -> None:
    """Tell at once, before a model is read, when a question has too few or too many words."""
    if list(words) == [STDIN]:
        return
    try:
        check_number(words, least, most, what)
    except ConfigError as error:
        raise click.UsageError(
            f"{error}; or give {STDIN} alone, and the words of each question as a line of "
            "standard input"
        ) from error


def _show_as_fasttext(answer: Answer, words: str) -> None:  # noqa: ARG001
    for neighbor in answer.record["neighbors"]:
        click.echo(f"{printable(neighbor['word'])} {neighbor['similarity']:g}")
    if not is_interactive():
        click.echo()

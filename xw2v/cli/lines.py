"""Questions that come as arguments, or line by line on standard input."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

import click

from xw2v.cli.answers import Answer
from xw2v.cli.output import print_json, print_json_line
from xw2v.errors import ConfigError, UnknownWordError

__all__ = ["STDIN", "answer_lines", "answer_words", "is_interactive", "print_answer"]

# In place of words: they come on standard input.
STDIN = "-"

Ask = Callable[[Sequence[str]], Answer]


def is_interactive() -> bool:
    """Return whether a person types what is read from standard input."""
    return sys.stdin is not None and sys.stdin.isatty()


def answer_words(words: Sequence[str], ask: Ask, as_json: bool) -> None:
    """Answer the question that the words of the command line are, or those on standard input."""
    if list(words) == [STDIN]:
        answer_lines(ask, as_json)
        return
    print_answer(ask(words), as_json)


def print_answer(answer: Answer, as_json: bool) -> None:
    """Print the answer to the one question there is."""
    if as_json:
        print_json(answer.record)
    else:
        answer.show(None)


def answer_lines(
    ask: Ask,
    as_json: bool,
    *,
    prompt: str | None = None,
    questions: Callable[[list[str]], Iterable[Sequence[str]]] = lambda words: [words],
    show: Callable[[Answer, str], None] = lambda answer, words: answer.show(words),
) -> None:
    """Answer the questions on standard input, in UTF-8, each as soon as its line is there.

    A question that has no answer is a message on standard error that names the line; the others
    are answered, and the exit status is 1 in the end (0 on a terminal: there everybody has seen
    it).

    Parameters
    ----------
    ask : callable
    as_json : bool
        Print each answer as a line of JSON.
    prompt : str, optional
        What a person gets to see before each line.
    questions : callable
        Makes the questions that a line holds of its words.
    show : callable
        Prints an answer, and the words of its question.
    """
    failed = False
    for number, line in _lines(prompt):
        for words in questions(line.split()):
            if not words:
                continue
            try:
                answer = ask(words)
            except (UnknownWordError, ConfigError) as error:
                place = "" if is_interactive() else f"line {number}: "
                click.echo(f"xw2v: error: {place}{error}", err=True)
                failed = True
                continue
            if as_json:
                print_json_line({"line": number, **answer.record})
            else:
                show(answer, " ".join(words))
            sys.stdout.flush()
    if failed and not is_interactive():
        click.get_current_context().exit(1)


def _lines(prompt: str | None) -> Iterator[tuple[int, str]]:
    if sys.stdin is None:
        return
    prompt = prompt if is_interactive() else None
    number = 0
    while True:
        if prompt is not None:
            click.echo(prompt, nl=False)
            sys.stdout.flush()
        line = sys.stdin.buffer.readline()
        if not line:
            break
        number += 1
        # What is not UTF-8 is no known word: it is reported as one.
        yield number, line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")
    if prompt is not None:
        click.echo()

"""`xw2v query`: the language of its questions, and the dialogue on a terminal."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from pathlib import Path

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory

from xw2v.cli.answers import (
    Answer,
    answer_doesnt_match,
    answer_most_similar,
    answer_similarity,
)
from xw2v.cli.output import count, print_json_line, printable
from xw2v.errors import ConfigError, UnknownWordError
from xw2v.vectors import WordVectors

__all__ = [
    "HELP",
    "QuietHistory",
    "WordCompleter",
    "answer_line",
    "history_path",
    "make_session",
    "run_shell",
]

HELP = """\
  king                   the words most similar to king
  king - man + woman     those most similar to king and woman and unlike man
  king queen             how similar two words are
  apple pear river       which of three or more words goes with the others least
  help                   this text;  + help  asks about the word
  quit                   leave, as Ctrl-D does

Tab completes a word, the arrow keys bring earlier lines back, Ctrl-C drops a line."""

_PROMPT = "xw2v> "
_COMPLETIONS = 50
_LAST_CHARACTER = "\U0010ffff"


def answer_line(
    wv: WordVectors,
    tokens: Sequence[str],
    topn: int = 10,
    restrict_vocab: int | None = None,
) -> Answer:
    """Return the answer to a question in the language of the shell.

    Parameters
    ----------
    wv : WordVectors
    tokens : sequence of str
        The parts of the line between white space: one word; words with ``+`` or ``-`` before
        them, by itself or in one with the word, except the first; two words; or more.
    topn, restrict_vocab
        As for `WordVectors.most_similar`.

    Raises
    ------
    UnknownWordError
        If a word is not in the vocabulary.
    ConfigError
        If the line is no question.
    """
    if len(tokens) == 1 and (tokens[0] in wv or tokens[0][0] not in "+-"):
        return answer_most_similar(wv, list(tokens), [], topn, restrict_vocab)
    signed = [part for token in tokens for part in _parts(wv, token)]
    if any(part in ("+", "-") for part in signed):
        positive, negative = _terms(signed)
        return answer_most_similar(wv, positive, negative, topn, restrict_vocab)
    return (answer_similarity if len(tokens) == 2 else answer_doesnt_match)(wv, list(tokens))


def _parts(wv: WordVectors, token: str) -> tuple[str, ...]:
    """Split a sign from its word, unless both are a word."""
    if len(token) > 1 and token[0] in "+-" and token not in wv:
        return token[0], token[1:]
    return (token,)


def _terms(parts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the words that are added and those that are subtracted."""
    words: dict[str, list[str]] = {"+": [], "-": []}
    sign: str | None = "+"
    last = ""
    for part in parts:
        if part in words:
            if sign is not None and last:
                raise ConfigError(f"a word is missing between {last} and {part}")
            sign = part
        elif sign is None:
            raise ConfigError(f"+ or - is missing between {last} and {part}")
        else:
            words[sign].append(part)
            sign = None
        last = part
    if sign is not None:
        raise ConfigError(f"a word is missing after {last}")
    return words["+"], words["-"]


class WordCompleter(Completer):
    """Completes the words of a vocabulary, whatever their case, the most frequent first.

    Parameters
    ----------
    words : sequence of str
        The most frequent first.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._sorted: tuple[list[str], list[int]] | None = None

    def matches(self, prefix: str) -> list[str]:
        """Return the most frequent words that begin with a text."""
        if not prefix:
            return []
        if self._sorted is None:  # not before somebody asks: it takes a moment
            keys = [word.casefold() for word in self._words]
            rows = sorted(range(len(keys)), key=keys.__getitem__)
            self._sorted = [keys[row] for row in rows], rows
        keys, rows = self._sorted
        folded = prefix.casefold()
        first, last = bisect_left(keys, folded), bisect_left(keys, folded + _LAST_CHARACTER)
        return [self._words[row] for row in nsmallest(_COMPLETIONS, rows[first:last])]

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> Iterable[Completion]:
        """Yield the completions of the word before the cursor."""
        prefix = document.get_word_before_cursor(WORD=True)
        found = self.matches(prefix)
        if not found and prefix[:1] in ("+", "-"):
            prefix = prefix[1:]
            found = self.matches(prefix)
        for word in found:
            yield Completion(word, start_position=-len(prefix), display=printable(word))


class QuietHistory(FileHistory):
    """Lines typed earlier, in a file; without one where none can be read or written."""

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines of the file, the latest first."""
        try:
            return super().load_history_strings()
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        """Add a line to the file."""
        try:
            Path(str(self.filename)).parent.mkdir(parents=True, exist_ok=True)
            super().store_string(string)
        except OSError:
            pass


def history_path() -> Path:
    """Return the file of the lines typed earlier."""
    import platformdirs  # noqa: PLC0415

    return platformdirs.user_state_path("xw2v", appauthor=False) / "query_history"


def make_session(words: Sequence[str], history: Path) -> PromptSession[str]:
    """Return what reads lines: with the words that Tab completes, and a file of earlier lines."""
    return PromptSession(
        history=QuietHistory(str(history)),
        completer=WordCompleter(words),
        complete_while_typing=False,
    )


def run_shell(
    wv: WordVectors,
    topn: int = 10,
    restrict_vocab: int | None = None,
    as_json: bool = False,
    history: Path | None = None,
) -> None:
    """Answer the questions that a person types, until they leave.

    Parameters
    ----------
    wv : WordVectors
    topn, restrict_vocab
        As for `WordVectors.most_similar`.
    as_json : bool
        Print answers as lines of JSON.
    history : Path, optional
        The file of the lines typed earlier; None takes `history_path`.
    """
    session = make_session(wv.index_to_key, history or history_path())
    click.echo(
        f"{count(len(wv), 'word')}, {wv.vector_size} dimensions; type a word, help or quit",
        err=as_json,
    )
    while True:
        try:
            tokens = session.prompt(_PROMPT).split()
            if tokens in (["quit"], ["exit"]):
                return
            if tokens == ["help"]:
                click.echo(HELP, err=as_json)
            elif tokens:
                _print(answer_line(wv, tokens, topn, restrict_vocab), as_json)
        except EOFError:
            return
        except KeyboardInterrupt:
            continue
        except (UnknownWordError, ConfigError) as error:
            click.echo(str(error), err=True)


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        print_json_line(answer.record)
    else:
        answer.show(None)

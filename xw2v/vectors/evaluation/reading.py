"""Files of analogy questions and of human similarity judgments."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple, TypeAlias

from xw2v.errors import ConfigError

__all__ = ["AnalogySection", "Question", "WordPair", "parse_analogies", "parse_pairs"]

Question: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True)
class AnalogySection:
    """A section of an analogy file.

    Attributes
    ----------
    name : str
    questions : tuple of (str, str, str, str)
        a, b, c and the expected d of "a is to b as c is to d".
    """

    name: str
    questions: tuple[Question, ...]


class WordPair(NamedTuple):
    """Two words, and how similar people find them."""

    first: str
    second: str
    score: float


def parse_analogies(path: str | PathLike[str]) -> tuple[AnalogySection, ...]:
    """Read an analogy file in the format of ``questions-words.txt``.

    Lines ``: name`` open a section; every other line holds the four words of a question,
    separated by white space. Empty lines are passed over. The encoding is UTF-8.

    Raises
    ------
    ConfigError
        If the file cannot be read, holds no question, or a line is neither of the above; the
        message names the file and the line.
    """
    sections: list[tuple[str, list[Question]]] = []
    for number, line in _lines(path):
        words = line.split()
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
        elif not sections:
            raise ConfigError(
                f"{fspath(path)}, line {number}: a question before the first section; "
                "begin the file with a line like ': capitals'"
            )
        elif len(words) != 4:
            raise ConfigError(
                f"{fspath(path)}, line {number}: a question has four words, not {len(words)}: "
                f"{_shortened(line)}"
            )
        else:
            sections[-1][1].append((words[0], words[1], words[2], words[3]))
    if not any(questions for _, questions in sections):
        raise ConfigError(f"{fspath(path)} holds no analogy question")
    return tuple(AnalogySection(name, tuple(questions)) for name, questions in sections)


def parse_pairs(path: str | PathLike[str], delimiter: str | None = None) -> tuple[WordPair, ...]:
    r"""Read human similarity judgments, in the format of WordSim-353 and SimLex-999 in gensim.

    A line holds two words and a number. Empty lines and lines that begin with ``#`` are passed
    over. The encoding is UTF-8.

    Parameters
    ----------
    path : path
    delimiter : str or None
        What separates the three fields; None takes tabs where a line has them, else white space.

    Raises
    ------
    ConfigError
        If the file cannot be read, holds no pair, or a line is none of the above; the message
        names the file and the line.
    """
    if delimiter == "":
        raise ConfigError("delimiter must not be empty; None takes tabs or white space")
    pairs = []
    for number, line in _lines(path):
        if line.startswith("#"):
            continue
        separator = "\t" if delimiter is None and "\t" in line else delimiter
        fields = [field.strip() for field in line.split(separator)]
        try:
            first, second, text = fields
            score = float(text)
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise ConfigError(
                f"{fspath(path)}, line {number}: not two words and a number separated by "
                f"{'tabs or spaces' if delimiter is None else repr(delimiter)}: "
                f"{_shortened(line)}; put # before a heading"
            )
        pairs.append(WordPair(first, second, score))
    if not pairs:
        raise ConfigError(f"{fspath(path)} holds no pair of words")
    return tuple(pairs)


def _lines(path: str | PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the numbers and texts of the lines that are not empty."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read {fspath(path)}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        at_line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{fspath(path)}, line {at_line}: the text is not UTF-8") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _shortened(line: str) -> str:
    line = line.strip()
    return repr(line if len(line) <= 60 else line[:57] + "...")

"""English text that every Python installation with NumPy has: their docstrings and comments."""

import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xw2v.errors import CorpusError

__all__ = ["builtin_sentences"]

# Tests hold hardly any prose, and the comments of encodings are tables of characters.
_SKIPPED_FOLDERS = {
    "__pycache__",
    "dist-packages",
    "encodings",
    "idle_test",
    "lib2to3",
    "site-packages",
    "test",
    "tests",
}
# Comments, triple-quoted strings, and plain strings, which are matched only because they may
# hold the beginning of one of the others. Parsing the files properly takes ten times as long.
_STRINGS = re.compile(
    r"""\#([^\n]*)
    |("{3}|'{3})(.*?)(?<!\\)\2
    |"(?:\\.|[^"\\\n])*"
    |'(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)
_BLANK_LINE = re.compile(r"\n\s*\n")
_WORD = re.compile(r"[a-z]+(?:['_][a-z]+)*")


def builtin_sentences() -> Iterator[list[str]]:
    """Yield the documentation in the sources of Python and NumPy, a small corpus at hand.

    About 0.6 million words of technical English, read in a second or two from the ``.py`` files
    of the standard library and of NumPy as they are installed, tests left out. It depends on
    their versions; for one installation it is always the same.

    A sentence is a paragraph of a docstring (any triple-quoted string that begins a line), a
    block of comment lines or a comment behind code. Its words are lowercase runs of a to z,
    joined by single apostrophes or underscores: ``don't``, ``array_like``. Doctests are left
    out, and so are paragraphs of fewer than two words and repeated ones, such as licenses.

    Yields
    ------
    list of str

    Raises
    ------
    CorpusError
        If there are no source files, as in an installation of byte code only.
    """
    return _sentences(_roots())


def _roots() -> list[Path]:
    return [Path(sysconfig.get_path("stdlib")), Path(np.__file__).parent]


def _sentences(roots: list[Path]) -> Iterator[list[str]]:
    seen = set()
    for root in roots:
        for path in _source_files(root):
            try:
                source = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            for text in _prose(source):
                for paragraph in _BLANK_LINE.split(text):
                    # A doctest runs to the end of its paragraph.
                    words = _WORD.findall(paragraph.partition(">>>")[0].lower())
                    key = " ".join(words)
                    if len(words) > 1 and key not in seen:
                        seen.add(key)
                        yield words
    if not seen:
        raise CorpusError(
            "the built-in corpus is made of Python source files, and there are none in "
            f"{' or '.join(map(str, roots))}; give a text file instead"
        )


def _source_files(root: Path) -> list[Path]:
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED_FOLDERS]
        found += [Path(folder, name) for name in names if name.endswith(".py")]
    return sorted(found, key=lambda path: path.relative_to(root).parts)


def _prose(source: str) -> Iterator[str]:
    """Yield the docstrings and comments of Python source code."""
    comments: list[str] = []
    end = 0
    for match in _STRINGS.finditer(source):
        comment, _, string = match.groups()
        between = source[end : match.start()]
        if comments and (comment is None or between.strip() or between.count("\n") != 1):
            yield "\n".join(comments)
            comments = []
        if comment is not None:
            comments.append(comment)
            end = match.end()
        elif string is not None:
            line = source[source.rfind("\n", 0, match.start()) + 1 : match.start()]
            if line.strip().lower() in ("", "r"):
                yield string
    if comments:
        yield "\n".join(comments)

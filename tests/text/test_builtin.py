import ast
import io
import textwrap
import tokenize
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from xw2v.errors import CorpusError
from xw2v.text import builtin, builtin_sentences

SOURCE = r'''#!/usr/bin/env python
"""Module doc, don't split.

Second paragraph of array_like
words:

>>> doctest(output)
expected output
"""
x = "a # no comment"  # Behind code
y = 'it''s """ no docstring'
z = f(r"""not at the beginning of a line""")


def f():
    R"""One \""" line."""
    # First line
    # second line.
    #
    # Next paragraph.

    # A block by itself
    return "\"# neither"


# Single
# A block by itself
'''


def sentences(source: str, folder: Path) -> list[str]:
    (folder / "module.py").write_text(source, "utf-8")
    return [" ".join(words) for words in builtin._sentences([folder])]


def test_paragraphs_and_comments(tmp_path: Path) -> None:
    assert sentences(SOURCE, tmp_path) == [
        "usr bin env python",
        "module doc don't split",
        "second paragraph of array_like words",
        "behind code",
        "one line",
        "first line second line",
        "next paragraph",
        "a block by itself",
        "single a block by itself",
    ]


def test_repeated_paragraphs_and_tests_are_left_out(tmp_path: Path) -> None:
    for name in ("b/two.py", "a/one.py", "test/no.py", "__pycache__/no.py", "a/no.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# the licence\n\n# from {path.stem} only")
    found = [" ".join(words) for words in builtin._sentences([tmp_path])]
    assert found == ["the licence", "from one only", "from two only"]


def test_unreadable_files_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9 au lait")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "module.py").write_text("# caffè e latte", "utf-8")
    assert list(builtin._sentences([tmp_path])) == [["caff", "e", "latte"]]


def test_no_sources(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"there are none in .*gone; give a text file"):
        list(builtin._sentences([tmp_path / "gone"]))


@pytest.mark.parametrize("module", [ast, textwrap, tokenize])
def test_finds_what_the_parser_finds(module: object) -> None:
    source = Path(str(module.__file__)).read_text("utf-8")  # type: ignore[attr-defined]
    found = "\n".join(builtin._prose(source))
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    comments = [token.string[1:] for token in tokens if token.type == tokenize.COMMENT]
    docstrings = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and source.splitlines()[node.lineno - 1].strip().startswith('"""')
    ]
    assert comments
    assert docstrings
    assert all(comment in found for comment in comments)
    assert all(docstring in found for docstring in docstrings if "\\" not in docstring)
    assert len(found) <= sum(map(len, comments + docstrings)) + len(comments + docstrings) + 100


def test_this_installation() -> None:
    found = list(builtin_sentences())
    words = Counter(chain.from_iterable(found))
    assert words.total() > 500_000
    assert {"the", "array", "string", "file"} <= {word for word, _ in words.most_common(60)}
    assert len(set(map(tuple, found))) == len(found)
    assert found[:100] == [words for words, _ in zip(builtin_sentences(), range(100), strict=False)]

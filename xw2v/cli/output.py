"""What the commands print: tables for people, JSON for programs."""

import json
import math
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xw2v.errors import CorpusError

__all__ = [
    "check_new_file",
    "compact",
    "count",
    "is_terminal",
    "json_document",
    "json_option",
    "print_facts",
    "print_json",
    "print_json_line",
    "print_table",
    "printable",
]

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

# A word may hold control characters, which could do anything to a terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def printable(text: str) -> str:
    """Return a text with its control characters made visible."""
    return text.translate(_CONTROL)


def is_terminal() -> bool:
    """Return whether tables are drawn, for somebody to look at."""
    return Console().is_terminal


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, columns of plain text elsewhere.

    Parameters
    ----------
    columns : sequence of str
        Titles; ``>`` before one aligns its column to the right. There is no heading if all are
        empty.
    rows : iterable of sequences of str
    """
    titles = [title.removeprefix(">") for title in columns]
    right = [title.startswith(">") for title in columns]
    cells = [[printable(cell) for cell in row] for row in rows]
    console = Console(highlight=False)
    if console.is_terminal:
        table = Table(box=box.SIMPLE_HEAD, show_header=any(titles), show_edge=False, pad_edge=False)
        for title, is_right in zip(titles, right, strict=True):
            table.add_column(title, justify="right" if is_right else "left")
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    lines = [titles, *cells] if any(titles) else cells
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [
            f"{' ' * (width - cell_len(cell))}{cell}"
            if is_right
            else f"{cell}{' ' * (width - cell_len(cell))}"
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values, one pair a line, the values below each other."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name.ljust(width)}  {printable(value)}")


def json_document(document: Mapping[str, Any], indent: int | None = 2, ascii: bool = False) -> str:  # noqa: A002
    """Return a JSON document; NaN and infinity, which JSON has not, become null."""
    return json.dumps(_finite(document), indent=indent, ensure_ascii=ascii, allow_nan=False)


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document; NaN and infinity, which JSON has not, become null."""
    click.echo(json_document(document, ascii=not _is_utf8()))


def print_json_line(document: Mapping[str, Any]) -> None:
    """Print a JSON document as one line, one of many."""
    click.echo(json_document(document, None, ascii=not _is_utf8()))


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def check_new_file(path: Path, overwrite: bool) -> None:
    """Raise unless a file can be written under this name; to be called before the work is done.

    Parameters
    ----------
    path : Path
        It may name a pipe or a device, which holds nothing to be lost.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    CorpusError
        If it may not, or no file can be made there.
    """
    if path.exists() and not path.is_file():
        return
    if path.exists() and not overwrite:
        raise CorpusError(f"{path} exists already; choose another name or use --overwrite")
    try:
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror or error}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def count(number: int, noun: str) -> str:
    """Return a number and what it counts: ``"1 word"``, ``"1,234 words"``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def compact(number: float) -> str:
    """Return a number in three digits and a unit: ``"987"``, ``"98.7k"``, ``"1.23M"``."""
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * scale:
            number /= scale
            return f"{number:.{max(0, 2 - int(math.log10(max(1.0, number * 1.0005))))}f}{unit}"
    return f"{number:.0f}"

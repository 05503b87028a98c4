"""`xw2v phrases`: the phrases of a text, and the text with a single word for each."""

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click
import numpy as np

from xw2v.atomic import replacing_file
from xw2v.cli.fields import GroupedCommand, output_file, output_option
from xw2v.cli.hyperparameters import HYPERPARAMETERS
from xw2v.cli.output import (
    check_new_file,
    count,
    json_option,
    print_facts,
    print_json,
    print_table,
)
from xw2v.cli.progress import Display
from xw2v.cli.reading import counted_text
from xw2v.cli.text_options import TEXT_OPTIONS, paths_argument
from xw2v.errors import CorpusError
from xw2v.text.phrases import Phrase, phrase_lines
from xw2v.text.raw import RawCorpus

__all__ = ["phrases"]

# Here phrases are what is asked for, and every other word stays.
_OPTIONS = dataclasses.replace(
    TEXT_OPTIONS,
    help={group: fields for group, fields in TEXT_OPTIONS.help.items() if group != "Vocabulary"},
    settings={
        **TEXT_OPTIONS.settings,
        "phrases": {"default": 1, "type": click.IntRange(min=1), "metavar": "INTEGER"},
    },
)


@click.command(cls=GroupedCommand)
@paths_argument
@_OPTIONS.options()
@HYPERPARAMETERS.options("workers")
@output_file(
    "-o",
    "--out",
    help="Write the text with a single word for each phrase, a sentence on each line.",
)
@output_file(
    "--list",
    "listing",
    help="Write the phrases with their counts and scores, separated by tabs.",
)
@output_option("--overwrite", is_flag=True, help="Replace files that are there.")
@output_option(
    "--top",
    type=click.IntRange(min=0),
    metavar="N",
    default=20,
    show_default=True,
    help="Show so many of the phrases, those of the highest scores.",
)
@json_option
def phrases(
    paths: tuple[str, ...],
    out: Path | None,
    listing: Path | None,
    overwrite: bool,
    top: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the phrases of a text, such as new_york.

    PATH is text of any kind that `xw2v train` takes. A pair of words is a phrase if it occurs far
    more often than its words would by chance; scores and results are those of gensim's Phrases.
    `xw2v train --phrases 1` does the same before it trains.
    """
    for path in (out, listing):
        if path is not None:
            check_new_file(path, overwrite)
    with counted_text(paths, options, Display(as_json), phrases=options["phrases"]) as text:
        found = list(chain.from_iterable(map(phrase_lines, text.phrases)))
        if out is not None:
            _write(out, _lines(text.raw))
    found.sort(key=lambda phrase: -phrase.score)
    if listing is not None:
        lines = (f"{p.joined}\t{p.count}\t{p.score:.6g}\n" for p in found)
        _write(listing, chain(["phrase\tcount\tscore\n"], lines))
    if as_json:
        print_json({"phrases": len(found), "top": [_record(phrase) for phrase in found[:top]]})
    else:
        _show(found, top, out, listing)


def _record(phrase: Phrase) -> dict[str, Any]:
    return {"phrase": phrase.joined, "count": phrase.count, "score": phrase.score}


def _show(found: list[Phrase], top: int, out: Path | None, listing: Path | None) -> None:
    facts = {"phrases": count(len(found), "distinct phrase")}
    if out is not None:
        facts["text"] = str(out)
    if listing is not None:
        facts["list"] = str(listing)
    print_facts(facts)
    if top and found:
        click.echo()
        print_table(
            ("phrase", ">count", ">score"),
            [(p.joined, f"{p.count:,}", f"{p.score:.4g}") for p in found[:top]],
        )


def _lines(raw: RawCorpus) -> Iterator[str]:
    """Yield a text in pieces, a sentence on each line."""
    before = ""
    for marked in raw.chunks():
        is_first = marked < 0
        distinct, places = np.unique(np.where(is_first, ~marked, marked), return_inverse=True)
        words = np.array(raw.words.take(distinct), object)[places]
        spaces = np.where(is_first, "\n", " ").tolist()
        spaces[0] = before and spaces[0]
        before = "\n"
        yield "".join(chain.from_iterable(zip(spaces, words.tolist(), strict=True)))
    yield before


def _write(path: Path, pieces: Iterable[str]) -> None:
    try:
        with replacing_file(path) as file:
            for piece in pieces:
                file.write(piece.encode())
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror or error}") from error

"""`xw2v vocab`: the words of a text and their counts, shown or written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from xw2v.cli.fields import GroupedCommand, output_file, output_option
from xw2v.cli.hyperparameters import HYPERPARAMETERS, training_config
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
from xw2v.cli.text_options import TEXT_OPTIONS, paths_argument, text_options
from xw2v.errors import ConfigError
from xw2v.formats import is_model, load_vocabulary
from xw2v.text import Vocabulary
from xw2v.text.choosing import choose_words
from xw2v.text.store import is_encoded, load_encoded
from xw2v.text.wordlists import write_word_counts

__all__ = ["vocab"]

_THRESHOLDS = (1, 2, 3, 5, 10, 20, 50, 100, 1000)


@click.command(cls=GroupedCommand)
@paths_argument
@TEXT_OPTIONS.options()
@HYPERPARAMETERS.options("min_count", "max_final_vocab", "workers")
@output_file(
    "-o",
    "--out",
    help="Write the words that would be kept, each on a line of its own with a tab and its count.",
)
@output_option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@output_option(
    "--top",
    type=click.IntRange(min=0),
    metavar="N",
    default=10,
    show_default=True,
    help="Show so many of the most frequent words.",
)
@json_option
def vocab(
    paths: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    top: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Count the words of a text, or show those of a model.

    PATH is text of any kind that `xw2v train` takes, a model, or what `xw2v encode` made. The
    table says how many words each --min-count would keep, and how much of the text they are. The
    file that -o writes can be edited and given to --vocab.
    """
    if out is not None:
        check_new_file(out, overwrite)
    with _counted(paths, options, Display(as_json)) as (vocabulary, counts):
        if out is not None:
            write_word_counts(out, vocabulary.words, vocabulary.counts.tolist())
        if as_json:
            print_json(_record(vocabulary, counts, top))
        else:
            _show(vocabulary, counts, top, out)


@contextmanager
def _counted(
    paths: tuple[str, ...], options: Mapping[str, Any], display: Display
) -> Iterator[tuple[Vocabulary, NDArray[np.int64]]]:
    """Give the words that are kept, and the counts of all there are."""
    made = [path for path in paths if is_encoded(path) or is_model(path)]
    if made:
        typed = [*TEXT_OPTIONS.typed(options), *HYPERPARAMETERS.typed(options)]
        if len(paths) > 1 or typed:
            rest = TEXT_OPTIONS.flag(typed[0]) if typed else "everything else"
            raise ConfigError(f"the words of {made[0]} are settled: leave out {rest}")
        stored = load_encoded(made[0]).vocabulary if is_encoded(made[0]) else None
        vocabulary = stored or Vocabulary(*load_vocabulary(made[0]))
        yield vocabulary, vocabulary.counts
        return
    config = training_config(options)
    rule = text_options(options).vocabulary_rule(config.min_count, config.max_final_vocab)
    with counted_text(paths, options, display) as text:
        yield choose_words(text.raw, rule)[0], text.raw.counts


def _levels(counts: NDArray[np.int64]) -> Iterator[tuple[int, int, float]]:
    """Yield, for some values of min_count, how many words are kept and how much of the text."""
    total = int(counts.sum())
    for least in _THRESHOLDS:
        kept = counts[counts >= least]
        if least == 1 or kept.size:
            yield least, kept.size, int(kept.sum()) / max(total, 1)


def _show(vocabulary: Vocabulary, counts: NDArray[np.int64], top: int, out: Path | None) -> None:
    facts = {
        "words": f"{int(counts.sum()):,}",
        "distinct": f"{int(np.count_nonzero(counts)):,}",
        "kept": f"{count(len(vocabulary), 'distinct word')}, {vocabulary.total:,} in all",
    }
    if out is not None:
        facts["written"] = str(out)
    print_facts(facts)
    click.echo()
    print_table(
        (">--min-count", ">distinct words", ">of the text"),
        [(f"{least:,}", f"{kept:,}", f"{share:.1%}") for least, kept, share in _levels(counts)],
    )
    if top and vocabulary.words:
        click.echo()
        print_table(
            ("word", ">count"),
            [
                (word, f"{number:,}")
                for word, number in zip(
                    vocabulary.words[:top], vocabulary.counts[:top].tolist(), strict=True
                )
            ],
        )


def _record(vocabulary: Vocabulary, counts: NDArray[np.int64], top: int) -> dict[str, Any]:
    return {
        "words": int(counts.sum()),
        "distinct_words": int(np.count_nonzero(counts)),
        "kept_distinct_words": len(vocabulary),
        "kept_words": vocabulary.total,
        "by_min_count": [
            {"min_count": least, "distinct_words": kept, "share": share}
            for least, kept, share in _levels(counts)
        ],
        "top": [
            {"word": word, "count": number}
            for word, number in zip(
                vocabulary.words[:top], vocabulary.counts[:top].tolist(), strict=True
            )
        ],
    }

"""`xw2v encode`: text in, an encoded corpus out, from which training starts at once."""

import shlex
from pathlib import Path
from typing import Any

import click

from xw2v.cli.fields import GroupedCommand, output_option
from xw2v.cli.hyperparameters import HYPERPARAMETERS, training_config
from xw2v.cli.output import compact, count, print_facts
from xw2v.cli.progress import Display
from xw2v.cli.reading import CorpusReader, cache_option
from xw2v.cli.text_options import TEXT_OPTIONS, paths_argument
from xw2v.text.store import FILES, check_encoded_writable, save_encoded

__all__ = ["encode"]


@click.command(cls=GroupedCommand)
@paths_argument
@TEXT_OPTIONS.options()
@HYPERPARAMETERS.options("min_count", "max_final_vocab", "workers")
@cache_option
@output_option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="xw2v-corpus",
    metavar="DIR",
    show_default=True,
    help="The directory to write.",
)
@output_option("--overwrite", is_flag=True, help="Replace an encoded corpus that is there.")
@output_option("--quiet", is_flag=True, help="Print nothing but errors.")
def encode(
    paths: tuple[str, ...], no_cache: bool, out: Path, overwrite: bool, quiet: bool, **options: Any
) -> None:
    """Turn text into numbers once, so that training starts at once.

    PATH is text of any kind that `xw2v train` takes. The directory holds the number of each word
    (ids.npy), where sentences begin (starts.npy), the words and their counts (vocabulary.json)
    and what all this is (corpus.json).
    """
    config = training_config(options)
    reader = CorpusReader(paths, options, config)
    check_encoded_writable(out, overwrite)
    read = reader.read(Display(quiet), use_cache=not no_cache)
    notes = {
        **read.notes,
        "min_count": read.config.min_count,
        "max_final_vocab": read.config.max_final_vocab,
    }
    save_encoded(out, read.vocabulary, read.corpus, options=notes, overwrite=overwrite)
    if not quiet:
        size = sum((out / name).stat().st_size for name in FILES)
        print_facts(
            {
                "vocabulary": count(len(read.vocabulary), "word"),
                "corpus": f"{out}, {compact(size)}B",
            }
        )
        click.echo(f"\nNow try:  {shlex.join(['xw2v', 'train', str(out)])}")

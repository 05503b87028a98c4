"""`xw2v train`: text in, a model directory out."""

import importlib.metadata
import platform
import shlex
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from xw2v.backend import Profile, get_device
from xw2v.cli.hyperparameters import (
    GroupedCommand,
    GroupedOption,
    hyperparameter_options,
    in_words,
    options_named,
    training_config,
)
from xw2v.cli.output import compact, count, print_facts, print_table
from xw2v.cli.progress import Display
from xw2v.errors import ModelFileError
from xw2v.formats import SavedModel, check_writable, write_word2vec_text
from xw2v.model import save_trained, train_model
from xw2v.text import (
    EncodedCorpus,
    Vocabulary,
    builtin_sentences,
    encode_files,
    encode_sentences,
)

__all__ = ["train"]

_BUILTIN = "the documentation in the sources of Python and NumPy"
# Frequent there, and with neighbors that show at a glance whether training worked.
_SHOWN_WORDS = ("file", "integer", "error", "string", "thread", "class")
_WORDS_SHOWN = 3

_input = partial(click.option, cls=GroupedOption, group="Input")
_output = partial(click.option, cls=GroupedOption, group="Output")


@click.command(cls=GroupedCommand)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(allow_dash=True))
@_input("--lowercase", is_flag=True, help="Turn every word to lower case.")
@_input(
    "--encoding-errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="What to do with bytes that are not UTF-8.",
)
@_output(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="xw2v-model",
    metavar="DIR",
    show_default=True,
    help="The model directory to write.",
)
@_output(
    "--text",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the vectors in the text format of word2vec as well.",
)
@_output("--overwrite", is_flag=True, help="Replace a model, or --text file, that is there.")
@_output("--profile", is_flag=True, help="Print where the time of training went.")
@_output("--quiet", is_flag=True, help="Print nothing but errors.")
@hyperparameter_options
def train(
    paths: tuple[str, ...],
    lowercase: bool,
    encoding_errors: str,
    out: Path,
    text: Path | None,
    overwrite: bool,
    profile: bool,
    quiet: bool,
    **hyperparameters: Any,
) -> None:
    """Train word vectors from text.

    PATH is a UTF-8 text file of one sentence a line, words separated by white space; several
    files, glob patterns and - for standard input work too. Without any, the text is the
    documentation in the sources of Python and NumPy, which is on this machine already.
    """
    # Whatever can be wrong is looked for before the hours are spent, not after.
    config = training_config(hyperparameters)
    with options_named():
        device = get_device(config.device)
    check_writable(out, overwrite)
    if text is not None:
        _check_text_file(text, out, overwrite)

    display = Display(quiet)
    display.say(f"text: {', '.join(paths) if paths else f'{_BUILTIN} (no file was named)'}")
    notes: dict[str, Any] = {"source": list(paths) if paths else _BUILTIN}
    began = time.perf_counter()
    vocabulary, corpus = _read(
        paths,
        display,
        min_count=config.min_count,
        max_final_vocab=config.max_final_vocab,
        lowercase=lowercase,
        encoding_errors=encoding_errors,
    )
    notes |= {"lowercase": lowercase or not paths, "encoding_errors": encoding_errors}
    notes["reading_seconds"] = time.perf_counter() - began
    notes["versions"] = {
        "xw2v": importlib.metadata.version("xw2v"),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    display.say(
        f"read: {count(corpus.raw_words, 'word')} in {notes['reading_seconds']:.1f} s\n"
        f"kept: {count(corpus.n_words, 'word')} in {count(corpus.n_sentences, 'sentence')}, "
        f"vocabulary {len(vocabulary):,}\n"
        f"model: {in_words(config)}; training on {device.name}"
    )
    phases = Profile() if profile else None
    with options_named(), display.training(config.epochs) as on_batch:
        model = train_model(
            vocabulary, corpus, config, notes=notes, on_progress=on_batch, profile=phases
        )

    save_trained(out, model, overwrite=overwrite)
    if text is not None:
        write_word2vec_text(text, model.words, model.word_vectors().vectors)
    if not quiet:
        _summarize(model, out, text)
        if phases is not None:
            _show_phases(phases, corpus.n_words * config.epochs)
        if not paths:
            _show_neighbors(model)
        command = shlex.join(["xw2v", "most-similar", str(out)])
        click.echo(f"\nNow try:  {command} WORD")


def _read(
    paths: tuple[str, ...],
    display: Display,
    *,
    min_count: int,
    max_final_vocab: int | None,
    lowercase: bool,
    encoding_errors: str,
) -> tuple[Vocabulary, EncodedCorpus]:
    with display.reading() as on_bytes:
        if not paths:
            return encode_sentences(
                builtin_sentences(), min_count=min_count, max_final_vocab=max_final_vocab
            )
        return encode_files(
            paths,
            min_count=min_count,
            max_final_vocab=max_final_vocab,
            lowercase=lowercase,
            encoding_errors=encoding_errors,
            progress=on_bytes,
        )


def _check_text_file(path: Path, out: Path, overwrite: bool) -> None:
    if path.is_dir() or out.resolve().is_relative_to(path.resolve()):
        raise ModelFileError(f"{path} is a directory; --text names a file")
    if path.exists() and not path.is_file():
        return  # a pipe or a device, which holds nothing to be lost
    if path.exists() and not overwrite:
        raise ModelFileError(f"{path} exists already; choose another name or use --overwrite")
    try:
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error


def _summarize(model: SavedModel, out: Path, text: Path | None) -> None:
    seconds = model.corpus["training_seconds"]
    words = model.corpus["words"] * model.config.epochs
    facts = {
        "vocabulary": count(len(model.words), "word"),
        "trained": f"{count(words, 'word')} in {seconds:.1f} s, {compact(words / seconds)} words/s",
        "model": str(out),
    }
    if text is not None:
        facts["text"] = str(text)
    print_facts(facts)


def _show_phases(profile: Profile, words: int) -> None:
    total = sum(profile.seconds.values())
    phases = sorted(profile.seconds.items(), key=lambda phase: -phase[1])
    click.echo()
    print_table(
        ("phase", ">share", ">seconds of workers", ">us/word"),
        [
            (name, f"{seconds / total:.1%}", f"{seconds:.2f}", f"{seconds / words * 1e6:.3f}")
            for name, seconds in phases
        ],
    )


def _show_neighbors(model: SavedModel) -> None:
    vectors = model.word_vectors()
    known = [word for word in _SHOWN_WORDS if word in vectors]
    if known:
        click.echo("\nWords and their nearest neighbors:")
    print_facts(
        {
            word: ", ".join(neighbor for neighbor, _ in vectors.most_similar(word, topn=6))
            for word in known[:_WORDS_SHOWN]
        }
    )

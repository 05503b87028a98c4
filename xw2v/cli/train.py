"""`xw2v train`: text in, a model directory out."""

import importlib.metadata
import platform
import shlex
from pathlib import Path
from typing import Any

import click
import numpy as np

from xw2v.atomic import remove_leftovers
from xw2v.backend import Profile, get_device
from xw2v.checkpoints import Checkpointing, TrainingInterruptedError
from xw2v.cli.fields import GroupedCommand, output_option
from xw2v.cli.hyperparameters import HYPERPARAMETERS, in_words
from xw2v.cli.interrupts import Interrupts, tell
from xw2v.cli.output import check_new_file, compact, count, print_facts, print_table
from xw2v.cli.progress import Display
from xw2v.cli.reading import CorpusReader, cache_option
from xw2v.cli.runs import RunOptions, resume_command, run_options
from xw2v.cli.text_options import TEXT_OPTIONS, paths_argument
from xw2v.errors import ModelFileError
from xw2v.formats import SavedModel, check_writable, write_word2vec_text
from xw2v.formats.checkpoints import checkpoint_names
from xw2v.model import save_trained, train_model

__all__ = ["train"]

# Frequent there, and with neighbors that show at a glance whether training worked.
_SHOWN_WORDS = ("file", "integer", "error", "string", "thread", "class")
_WORDS_SHOWN = 3


@click.command(cls=GroupedCommand)
@paths_argument
@TEXT_OPTIONS.options()
@cache_option
@output_option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="xw2v-model",
    metavar="DIR",
    show_default=True,
    help="The model directory to write.",
)
@output_option(
    "--text",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the vectors in the text format of word2vec as well.",
)
@output_option("--overwrite", is_flag=True, help="Replace a model, or --text file, that is there.")
@output_option("--profile", is_flag=True, help="Print where the time of training went.")
@output_option("--quiet", is_flag=True, help="Print nothing but errors.")
@run_options
@HYPERPARAMETERS.options()
def train(
    paths: tuple[str, ...],
    no_cache: bool,
    out: Path,
    text: Path | None,
    overwrite: bool,
    profile: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Train word vectors from text.

    PATH is a UTF-8 text file of one sentence a line, words separated by white space, or JSON
    Lines, CSV, TSV, Parquet or Arrow, compressed or not. Several files, folders, glob patterns,
    URLs, nltk:brown,reuters and - for standard input work too, and so does what `xw2v encode`
    made. Without any, the text is the documentation in the sources of Python and NumPy, which is
    on this machine already.
    """
    # Whatever can be wrong is looked for before the hours are spent, not after.
    course = RunOptions.take(options)
    overwrite_model = overwrite or course.may_overwrite(out)
    check_writable(out, overwrite_model)
    if text is not None:
        _check_text_file(text, out, overwrite_model)
    display = Display(quiet)
    start = course.start()
    config = start.config(options)
    reader = CorpusReader(paths, options, config, start.base)
    with HYPERPARAMETERS.named():
        device = get_device(config.device)
    callbacks = course.callbacks(out, display)
    received = Interrupts()
    checkpointing = course.checkpointing(out, overwrite, received, display)

    read = reader.read(display, use_cache=not no_cache)
    vocabulary, corpus, config = read.vocabulary, read.corpus, read.config
    notes = {
        **read.notes,
        "versions": {
            "xw2v": importlib.metadata.version("xw2v"),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }
    if course.init is not None:
        notes["init"] = str(course.init)
    initial = start.initial(vocabulary, config)
    del start  # its vectors are not needed twice
    display.say(f"model: {in_words(config)}; training on {device.name}")
    phases = Profile() if profile else None
    with received.receiving():
        try:
            with HYPERPARAMETERS.named(), display.training(config.epochs) as on_batch:
                model = train_model(
                    vocabulary,
                    corpus,
                    config,
                    initial=initial,
                    checkpointing=checkpointing,
                    callbacks=callbacks,
                    notes=notes,
                    on_progress=on_batch,
                    profile=phases,
                )
        except TrainingInterruptedError as interrupted:
            tell(f"xw2v: interrupted; {interrupted.path} holds the run. {_go_on()}")
            click.get_current_context().exit(received.status)
        _save(out, model, overwrite_model, checkpointing)
        course.clear(checkpointing)
        if course.resume:
            remove_leftovers(out)
    if text is not None:
        write_word2vec_text(text, model.words, model.word_vectors().vectors)
    if not quiet:
        _summarize(model, out, text, checkpointing)
        if phases is not None:
            _show_phases(phases, corpus.n_words * config.epochs)
        if not paths:
            _show_neighbors(model)
        command = shlex.join(["xw2v", "most-similar", str(out)])
        click.echo(f"\nNow try:  {command} WORD")


def _check_text_file(path: Path, out: Path, overwrite: bool) -> None:
    if path.is_dir() or out.resolve().is_relative_to(path.resolve()):
        raise ModelFileError(f"{path} is a directory; --text names a file")
    check_new_file(path, overwrite)


def _save(out: Path, model: SavedModel, overwrite: bool, checkpointing: Checkpointing) -> None:
    try:
        save_trained(out, model, overwrite=overwrite)
    except ModelFileError as error:
        kept = checkpoint_names(checkpointing.path)
        if not kept:
            raise
        raise ModelFileError(
            f"{error}; {checkpointing.path / kept[-1]} holds the run: see to that (a full disk "
            f"needs room). {_go_on()}"
        ) from error


def _go_on() -> str:
    command = resume_command(click.get_current_context().find_root().obj)
    return f"Go on with:\n  {command}"


def _summarize(
    model: SavedModel, out: Path, text: Path | None, checkpointing: Checkpointing
) -> None:
    notes = model.corpus
    seconds = notes["training_seconds"]
    epochs = notes.get("trained_epochs", model.config.epochs)
    words = round(notes["words"] * epochs)
    facts = {
        "vocabulary": count(len(model.words), "word"),
        "trained": f"{count(words, 'word')} in {seconds:.1f} s, {compact(words / seconds)} words/s",
        "model": str(out),
    }
    if "device_memory" in notes:
        facts["memory"] = f"{notes['device_memory'] / (1 << 20):,.0f} MiB of the GPU at most"
    if "stopped" in notes:
        facts["stopped"] = f"after {epochs:.2f} epochs: {notes['stopped']}"
    if text is not None:
        facts["text"] = str(text)
    kept = len(checkpoint_names(checkpointing.path))
    if kept:
        facts["kept"] = f"{count(kept, 'checkpoint')} in {checkpointing.directory}"
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

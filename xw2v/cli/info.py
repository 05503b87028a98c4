"""`xw2v info`: what a model is and how it was trained; what there is to train on."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xw2v.cli.devices import print_devices
from xw2v.cli.hyperparameters import HYPERPARAMETERS, in_words
from xw2v.cli.output import compact, json_option, print_facts, print_json, print_table
from xw2v.formats import SavedModel, load_model

__all__ = ["info"]


@click.command()
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--devices", is_flag=True, help="Show what this machine can train and search on.")
@json_option
def info(model: Path | None, devices: bool, as_json: bool) -> None:
    """Show what a model is, or what there is to train on.

    How a model was trained, and on what; or, with --devices in its place, the devices that can be
    used: the CPU, and the GPUs that CuPy finds, or why it finds none.
    """
    if (model is not None) == devices:
        raise click.UsageError("give a model, or --devices" + (", not both" if devices else ""))
    if model is None:
        print_devices(as_json)
        return
    saved = load_model(model)
    if as_json:
        print_json(_record(model, saved))
        return
    words, size = saved.input_vectors.shape
    facts = {
        "model": str(model),
        "trained as": in_words(saved.config),
        "vocabulary": f"{words:,} words",
        "vector size": f"{size:,}",
    }
    if saved.loss_history:
        first, last = saved.loss_history[0]["loss"], saved.loss_history[-1]["loss"]
        facts["loss"] = f"{first:.3f} at first, {last:.3f} at last"
    print_facts(facts | _speed(saved))
    notes = dict(saved.corpus)
    if saved.evaluations:
        del notes["evaluations"]
        click.echo("\nEvaluations")
        print_table(*_table_of(saved.evaluations))
    for title, values in (("Corpus", notes), ("Training", saved.config.to_dict())):
        if values:
            click.echo(f"\n{title}")
            print_facts({f"  {name}": value for name, value in _flat(values)})


def _record(path: Path, saved: SavedModel) -> dict[str, Any]:
    words, size = saved.input_vectors.shape
    return {
        "model": str(path),
        "words": words,
        "vector_size": size,
        "corpus": saved.corpus,
        "training": saved.config.to_dict(),
        "first_loss": saved.loss_history[0]["loss"] if saved.loss_history else None,
        "last_loss": saved.loss_history[-1]["loss"] if saved.loss_history else None,
    }


def _table_of(evaluations: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of a table of evaluations; a part that one lacks is empty."""
    names = list(dict.fromkeys(name for one in evaluations for name in one["parts"]))
    rows = [
        [
            f"{one['epoch']:.2f}",
            *(f"{one['parts'][name]:.4f}" if name in one["parts"] else "" for name in names),
        ]
        for one in evaluations
    ]
    return [">epochs", *(f">{name}" for name in names)], rows


def _speed(saved: SavedModel) -> dict[str, str]:
    seconds, words = saved.corpus.get("training_seconds"), saved.corpus.get("words")
    if not isinstance(seconds, (int, float)) or not isinstance(words, int) or seconds <= 0:
        return {}
    epochs = saved.corpus.get("trained_epochs", saved.config.epochs)
    speed = compact(words * epochs / seconds)
    return {"training time": f"{seconds:,.1f} s, {speed} words/s"}


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield name, ", ".join(f"{key} {item}" for key, item in value.items())
        elif isinstance(value, (list, tuple)):
            yield name, ", ".join(map(str, value)) or "-"
        elif value is None:
            yield name, HYPERPARAMETERS.none_means.get(name, "-")
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, float):
            yield name, f"{value:.6g}"
        elif isinstance(value, int):
            yield name, f"{value:,}"
        else:
            yield name, str(value)

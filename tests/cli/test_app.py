"""The command line as a whole: help, version, defaults, speed of --help."""

import dataclasses
import importlib.metadata
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from tests.cli.conftest import Outcome, Run
from xw2v.cli.app import cli
from xw2v.cli.hyperparameters import HYPERPARAMETERS
from xw2v.cli.train import train
from xw2v.config import TrainingConfig

Call = Callable[..., Outcome]

COMMANDS = [
    *("train", "encode", "vocab", "phrases"),
    *("most-similar", "similarity", "analogy", "evaluate", "info", "cache"),
]


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"xw2v {importlib.metadata.version('xw2v')}\n", "")


def test_help_lists_the_commands(call: Call) -> None:
    status, out, err = call("--help")
    assert (status, err) == (0, "")
    _, _, listed = out.partition("\nCommands:\n")
    assert [line.split()[0] for line in listed.splitlines()] == COMMANDS
    assert call() == (0, out, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_begins_with_its_line_in_the_list(name: str, call: Call) -> None:
    listed = cli.commands[name].get_short_help_str(limit=200)
    status, out, _ = call(name, "-h")
    assert status == 0
    usage, _, text = out.partition("\n\n  ")
    assert usage.startswith(f"Usage: xw2v {name} ")
    assert text.startswith(f"{listed}\n")


def test_help_is_quick() -> None:
    program = (
        "import sys; from xw2v.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    slow = {"cupy", "matplotlib", "pyarrow", "rich", "safetensors", "scipy.stats", "torch"}
    assert slow.isdisjoint(done.stderr.split())


def test_defaults_are_those_of_the_configuration() -> None:
    context = train.make_context("train", [])
    fields = {field.name: field.default for field in dataclasses.fields(TrainingConfig)}
    assert {name: context.params[name] for name in fields} == fields
    shown = " ".join(train.get_help(context).split())
    assert f"Passes over the text. [default: {fields['epochs']}]" in shown
    assert f"[default: {fields['min_alpha']}]" in shown
    assert "at the beginning. [default: (what suits model and optimizer)]" in shown
    assert context.params["sg"] is None
    assert "the most frequent ones. [default: (no limit)]" in shown


def test_every_none_means_something() -> None:
    nones = {field.name for field in dataclasses.fields(TrainingConfig) if field.default is None}
    assert nones == HYPERPARAMETERS.none_means.keys()


def test_options_stand_under_headings() -> None:
    out = CliRunner().invoke(cli, ["train", "--help"]).output
    headings = [line for line in out.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == [
        "Input:",
        "Output:",
        "Model:",
        "Negative sampling:",
        "Vocabulary:",
        "Training:",
        "Batches:",
        "Other:",
    ]
    _, _, other = out.partition("\nOther:\n")
    assert other.split()[:2] == ["-h,", "--help"]


def test_every_option_is_explained() -> None:
    commands = [train, *(cli.commands[name] for name in COMMANDS)]
    options = [p for command in commands for p in command.params if isinstance(p, click.Option)]
    assert len(options) > 20
    assert all(option.help for option in options)

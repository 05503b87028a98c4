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
from xw2v.cli.text_options import TEXT_OPTIONS, text_options
from xw2v.cli.train import train
from xw2v.config import TrainingConfig
from xw2v.text import TextOptions

Call = Callable[..., Outcome]

COMMANDS = [
    *("train", "demo", "encode", "vocab", "phrases"),
    *("most-similar", "similarity", "analogy", "doesnt-match", "vectors"),
    *("query", "nn", "analogies"),
    *("evaluate", "plot", "map", "convert", "info", "cache", "completion"),
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
    slow = {
        "cupy",
        "matplotlib",
        "prompt_toolkit",
        "pyarrow",
        "rich",
        "safetensors",
        "scipy.stats",
        "torch",
    }
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
    nones = {field.name for field in dataclasses.fields(TextOptions) if field.default is None}
    # (A file that is not named needs no words.)
    assert nones == TEXT_OPTIONS.none_means.keys() | {"vocab"}


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("train", set()),
        ("encode", set()),
        ("vocab", set()),
        # There, every word that is no phrase stays.
        ("phrases", {"vocab", "keep", "stop_words", "unk", "max_vocab_size"}),
    ],
)
def test_every_field_of_texts_is_an_option(name: str, without: set[str], call: Call) -> None:
    context = cli.commands[name].make_context(name, [])
    fields = {field.name: field.default for field in dataclasses.fields(TextOptions)}
    taken = {field: context.params[field] for field in fields if field in context.params}
    assert fields.keys() - taken.keys() == without
    assert taken.pop("phrases") == (1 if name == "phrases" else fields["phrases"])
    files = {"vocab", "keep", "stop_words", "connector_words"}
    assert all(value is None for field, value in taken.items() if field in files)
    assert all(value == fields[field] for field, value in taken.items() if field not in files)
    with context.scope():
        given = dict.fromkeys(without, None) | context.params
        assert text_options({field: given[field] for field in taken}) == TextOptions()
    _, out, _ = call(name, "--help")
    assert "None" not in out


def test_options_stand_under_headings() -> None:
    out = CliRunner().invoke(cli, ["train", "--help"]).output
    headings = [line for line in out.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings == [
        "Text:",
        "Words:",
        "Phrases:",
        "Vocabulary:",
        "Output:",
        "Run:",
        "Model:",
        "Negative sampling:",
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


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    # That of bash asks a shell that may not be there for its version, and complains.
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", lambda *_: None)
    status, out, err = call("completion", shell)
    assert (status, err) == (0, "")
    assert f"_XW2V_COMPLETE={shell}_complete" in out
    assert "_xw2v_completion" in out


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["doesnt"], {"doesnt-match"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["evaluate", "model", "--me"], {"--method"}),
        (["evaluate", "model", "--method", ""], {"add", "mul"}),
    ],
)
def test_what_shells_complete(
    typed: list[str], completed: set[str], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_XW2V_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["xw2v", *typed]))
    monkeypatch.setenv("COMP_CWORD", str(len(typed)))
    status, out, _ = call()
    assert status == 0
    assert {line.split(",")[1] for line in out.splitlines()} == completed

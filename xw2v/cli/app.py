"""The command `xw2v`: its subcommands, and how their errors end the process."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from xw2v.errors import ConfigError, XW2VError

__all__ = ["cli", "main"]

_ERROR, _USAGE, _INTERRUPTED = 1, 2, 130


class _Deferred(click.Command):
    """Stands for a command whose module is imported only when it is used, so --help is quick.

    Parameters
    ----------
    name : str
        As typed; the function is called the same, with underscores.
    module : str
        Module of this package that holds the function.
    short_help : str
        The line in the list of commands.
    """

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._module = module

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Import the real command; from here on it takes the place of this one."""
        module = importlib.import_module(f"xw2v.cli.{self._module}")
        command: click.Command = getattr(module, str(self.name).replace("-", "_"))
        return command.make_context(info_name, args, parent, **extra)


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)  # in the order they are used, not that of the alphabet


_COMMANDS = (
    _Deferred("train", "train", "Train word vectors from text."),
    _Deferred("demo", "demo", "Show in seconds that training works, on a made-up text."),
    _Deferred("encode", "encode", "Turn text into numbers once, so that training starts at once."),
    _Deferred("vocab", "vocab", "Count the words of a text, or show those of a model."),
    _Deferred("phrases", "phrases", "Find the phrases of a text, such as new_york."),
    _Deferred("most-similar", "query", "Show the words most similar to a word, or to several."),
    _Deferred("similarity", "query", "Show how similar two words are."),
    _Deferred("analogy", "query", "Find D where A is to B as C is to D."),
    _Deferred("doesnt-match", "query", "Show which word goes with the others least."),
    _Deferred("vectors", "query", "Print vectors."),
    _Deferred("query", "query", "Ask one question after another."),
    _Deferred("nn", "query", "Show neighbors of words that are typed, as fastText does."),
    _Deferred("analogies", "query", "Answer analogies that are typed, as fastText does."),
    _Deferred("evaluate", "evaluate", "Score a model on analogies and on human judgments."),
    _Deferred("plot", "plot", "Draw a training run, or the vectors that it made."),
    _Deferred("map", "map", "Draw the words as a map in a page for the browser."),
    _Deferred("convert", "convert", "Write vectors in another format."),
    _Deferred("info", "info", "Show what a model is, or what there is to train on."),
    _Deferred("cache", "cache", "Show or remove the encoded texts that are kept."),
    _Deferred(
        "completion", "completion", "Print what makes a shell complete commands and options."
    ),
)


@click.group(
    cls=_Group,
    commands={str(command.name): command for command in _COMMANDS},
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="xw2v", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Train word2vec vectors and ask them questions.

    Begin with `xw2v train FILE`, or with `xw2v train` alone to try it on text that is on this
    machine anyway.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process.

    The exit status is 0, or 1 for a failure, 2 for options that cannot work, 130 after an
    interrupt; whatever goes wrong in an expected way is one message on standard error.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those after the program's name; None takes the process's own.
    """
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    # Words may hold any character, and the terminal or file may have another encoding.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # This returns the status only where there is one, as after --help.
        typed = list(sys.argv[1:] if arguments is None else arguments)
        status = cli.main(typed, prog_name="xw2v", standalone_mode=False, obj=typed) or 0
    except (click.Abort, KeyboardInterrupt):
        click.echo("xw2v: interrupted", err=True)
        status = _INTERRUPTED
    except (click.ClickException, XW2VError, MemoryError, OSError) as error:
        _flush_output()
        message, status = _explain(error)
        click.echo(f"xw2v: error: {message}", err=True)
    return int(status)


def _explain(error: Exception) -> tuple[str, int]:
    """Return the message and the exit status for an error of a kind that is expected."""
    if isinstance(error, click.ClickException):
        message = error.format_message()
        if isinstance(error, click.UsageError) and error.ctx is not None:
            message += f"\nTry '{error.ctx.command_path} --help' for help."
        return message, error.exit_code
    if isinstance(error, MemoryError):
        hint = "a smaller --vector-size or a larger --min-count needs less"
        return f"out of memory{f': {error}' if str(error) else ''}; {hint}", _ERROR
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}", _ERROR
    return str(error), _USAGE if isinstance(error, ConfigError) else _ERROR


def _flush_output() -> None:
    """Write what is left to write, or drop it if that fails: else Python complains as it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

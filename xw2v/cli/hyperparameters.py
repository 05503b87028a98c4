"""The options of training: one for each field of `TrainingConfig`, its type and default there."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError

__all__ = [
    "NONE_MEANS",
    "GroupedCommand",
    "GroupedOption",
    "hyperparameter_options",
    "options_named",
]

F = TypeVar("F", bound=Callable[..., Any])

_HELP = {
    "Model": {
        "vector_size": "Dimension of the vectors.",
        "window": "Largest distance between a center word and its context words.",
        "shrink_windows": "Take the whole window always; else each center draws one of 1 to "
        "--window words.",
        "negative": "Noise words for each pair of center and context word.",
        "negatives_per": "Share noise words between the pairs of a few blocks of text, or draw "
        "them for each pair: the textbook form, many times slower.",
        "ns_exponent": "Noise words are drawn in proportion to their counts to this power.",
    },
    "Vocabulary": {
        "min_count": "Drop words that occur less often.",
        "max_final_vocab": "Keep so many words, the most frequent ones.",
        "sample": "Words of a higher frequency are thinned out; 0 keeps all.",
    },
    "Training": {
        "epochs": "Passes over the text.",
        "alpha": "Learning rate at the beginning.",
        "min_alpha": "Learning rate at the end.",
        "seed": "Seed of every random number.",
        "workers": "Processes (threads, if not on Linux); the result does not depend on them.",
        "device": "cpu, cuda, cuda:N, or auto: cuda where it can be used.",
    },
    "Batches": {
        "batch_words": "Center words in a batch, which is one update.",
        "block_size": "Consecutive center words in a block, the unit of the matrix products.",
        "shared_negatives": "Noise words that a group of centers share.",
        "group_blocks": "Blocks whose number of centers make a group.",
        "interleave": "Groups whose centers take turns.",
        "damping": "Restrains words that occur many times in a batch; 0 switches it off.",
    },
}
# What None, the default of these hyperparameters, stands for.
NONE_MEANS = {
    "max_final_vocab": "no limit",
    "workers": "one for each core",
    "batch_words": "what suits device and text",
    "shared_negatives": "32, or as many as negatives",
}
# Flags that switch off what is on by default.
_SWITCHES = {"shrink_windows": "--fixed-window"}


class GroupedOption(click.Option):
    """An option with the heading that it stands under in the help.

    Parameters
    ----------
    *args, **kwargs
        Those of `click.Option`.
    group : str
        The heading.
    """

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help lists the options under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each heading, in the order of the options."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        groups: dict[str, list[tuple[str, str]]] = {}
        for option in options:
            record = option.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(option, "group", "Other"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)


def hyperparameter_options(function: F) -> F:
    """Give a command an option for each field of `TrainingConfig`."""
    for group, fields in reversed(_HELP.items()):
        for name, text in reversed(fields.items()):
            function = _option(group, name, text)(function)
    return function


@contextmanager
def options_named() -> Iterator[None]:
    """Have a ConfigError call the hyperparameters what the user typed, not what Python does."""
    try:
        yield
    except ConfigError as error:
        names = "|".join(field.name for field in dataclasses.fields(TrainingConfig))
        message = re.sub(rf"\b({names})(?= must\b| \()", lambda match: _flag(match[1]), str(error))
        raise ConfigError(message) from error


def _option(group: str, name: str, text: str) -> Callable[[F], F]:
    field = next(field for field in dataclasses.fields(TrainingConfig) if field.name == name)
    settings: dict[str, Any] = {"help": text, "default": field.default, "show_default": True}
    if name in _SWITCHES:
        settings |= {"type": bool, "is_flag": True, "flag_value": False, "show_default": False}
    else:
        settings["type"] = _parameter_type(get_type_hints(TrainingConfig)[name])
        if field.default is None:
            settings["show_default"] = NONE_MEANS[name]
    return click.option(_flag(name), name, cls=GroupedOption, group=group, **settings)


def _parameter_type(hint: Any) -> Any:
    """Return click's type for the type of a field: X and X or None are the same to it."""
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint))
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if kinds else hint


def _flag(name: str) -> str:
    return _SWITCHES.get(name, f"--{name.replace('_', '-')}")

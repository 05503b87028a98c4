"""The options of training: one for each field of `TrainingConfig`, its type and default there."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click
from click.core import ParameterSource

from xw2v.config import TrainingConfig, from_gensim
from xw2v.errors import ConfigError

__all__ = [
    "NONE_MEANS",
    "VECTORS_HELP",
    "GroupedCommand",
    "GroupedOption",
    "hyperparameter_options",
    "in_words",
    "options_named",
    "training_config",
]

F = TypeVar("F", bound=Callable[..., Any])

VECTORS_HELP = (
    "Which vectors are the word vectors: those of the input matrix, of the output matrix, their "
    "mean, or one after the other."
)
_HELP = {
    "Model": {
        "model": "Each word predicts the words around it, or their mean predicts it.",
        "sg": "gensim's name for it: 1 is --model skipgram, 0 is --model cbow.",
        "cbow_mean": "CBOW averages the vectors of the words around, or adds them up.",
        "cbow_gradient": "What CBOW gives each of n averaged words: an n-th of the error, or, as "
        "word2vec.c and gensim do, the whole of it.",
        "output": "Output layer: negative sampling, hierarchical softmax, or the exact softmax, "
        "whose time grows with the vocabulary.",
        "vector_size": "Dimension of the vectors.",
        "window": "Largest distance between a center word and its context words.",
        "shrink_windows": "Take the whole window always; else each center draws one of 1 to "
        "--window words.",
        "vectors": VECTORS_HELP,
    },
    "Negative sampling": {
        "negative": "Noise words for each pair of center and context word.",
        "negatives_per": "Share noise words between the pairs of a few blocks of text, or draw "
        "them for each pair: the textbook form, many times slower.",
        "negatives_exclude_positive": "Draw no noise word that is the predicted word; for small "
        "vocabularies, with --negatives-per pair.",
        "negatives_without_replacement": "Draw no noise word twice for a pair; for small "
        "vocabularies, with --negatives-per pair.",
        "ns_exponent": "Noise words are drawn in proportion to their counts to this power.",
    },
    "Vocabulary": {
        "min_count": "Drop words that occur less often.",
        "max_final_vocab": "Keep so many words, the most frequent ones.",
        "sample": "Words of a higher frequency are thinned out; 0 keeps all.",
    },
    "Training": {
        "epochs": "Passes over the text.",
        "optimizer": "Plain gradient steps, or steps scaled by the gradients so far.",
        "alpha": "Learning rate at the beginning.",
        "min_alpha": "Learning rate at the end.",
        "schedule": "How the learning rate gets there; constant stays at --alpha.",
        "frozen": "A word whose vectors stay as they were initialized; may be repeated.",
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
    "alpha": "what suits model and optimizer",
    "workers": "one for each core",
    "batch_words": "what suits device and text",
    "block_size": "what suits the model",
    "shared_negatives": "32, for CBOW 16; as many as negatives at least",
    "group_blocks": "what suits the model",
}
# Options that are not called what their field is.
_FLAGS = {"shrink_windows": "--fixed-window", "cbow_mean": "--cbow-mean/--cbow-sum"}
# Of these, those that switch off what is on by default.
_SWITCHES_OFF = {"shrink_windows"}
# Options that are no field, but gensim's names for one; their values are numbers.
_ALIASES: dict[str, dict[str, Any]] = {
    "sg": {
        "type": click.Choice(["1", "0"]),
        "callback": lambda _context, _option, value: None if value is None else int(value),
    }
}
# Choices as people call them.
_WORDS = {
    "skipgram": "skip-gram",
    "cbow": "CBOW",
    "negative": "negative sampling",
    "hierarchical": "hierarchical softmax",
    "softmax": "exact softmax",
    "sgd": "SGD",
    "adagrad": "AdaGrad",
    "adam": "Adam",
}


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
    """Give a command an option for each field of `TrainingConfig`, and gensim's ``--sg``."""
    for group, fields in reversed(_HELP.items()):
        for name, text in reversed(fields.items()):
            function = _option(group, name, text)(function)
    return function


def training_config(options: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration that the options of the running command ask for.

    Parameters
    ----------
    options : mapping
        The values of the options of `hyperparameter_options`.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    ConfigError
        If a value cannot work, or one option contradicts another; the message names them as
        they were typed.
    """
    context = click.get_current_context()
    # Only what was typed can contradict something.
    typed = {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    with options_named():
        return TrainingConfig(**from_gensim(typed))


@contextmanager
def options_named() -> Iterator[None]:
    """Have a ConfigError call the hyperparameters what the user typed, not what Python does."""
    try:
        yield
    except ConfigError as error:
        names = [name for fields in _HELP.values() for name in fields]
        certain = "|".join(name for name in names if "_" in name)
        # The others are words as well: names where what they must be, or their value, follows.
        words = "|".join(name for name in names if "_" not in name)
        pattern = rf"\b(?:{certain})\b|\b(?:{words})(?= must\b| \(| '|=)"
        message = re.sub(pattern, lambda match: _flag(match[0]), str(error))
        raise ConfigError(message) from error


def in_words(config: TrainingConfig) -> str:
    """Say which model is trained and how: ``"CBOW, hierarchical softmax, Adam"``."""
    return ", ".join(_WORDS[name] for name in (config.model, config.output, config.optimizer))


def _option(group: str, name: str, text: str) -> Callable[[F], F]:
    settings = _ALIASES[name] if name in _ALIASES else _settings(name)
    flag = _flag(name)
    return click.option(flag, name, cls=GroupedOption, group=group, help=text, **settings)


def _settings(name: str) -> dict[str, Any]:
    """Return what click needs to know about the option of a field: its type and default."""
    field = next(field for field in dataclasses.fields(TrainingConfig) if field.name == name)
    hint = get_type_hints(TrainingConfig)[name]
    settings: dict[str, Any] = {"default": field.default, "show_default": True}
    if name in _SWITCHES_OFF:
        settings |= {"type": bool, "is_flag": True, "flag_value": False, "show_default": False}
    elif hint is bool:
        settings["is_flag"] = True
    elif get_origin(hint) is tuple:
        settings |= {"type": get_args(hint)[0], "multiple": True, "metavar": "WORD"}
    else:
        settings["type"] = _parameter_type(hint)
        if field.default is None:
            settings["show_default"] = NONE_MEANS[name]
    return settings


def _parameter_type(hint: Any) -> Any:
    """Return click's type for the type of a field: X and X or None are the same to it."""
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint))
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if kinds else hint


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")

"""The options of commands that read text: one for each field of `TextOptions`."""

from collections.abc import Mapping
from typing import Any

import click

from xw2v.cli.fields import FieldOptions
from xw2v.text import TextOptions
from xw2v.text.phrases import ENGLISH_CONNECTOR_WORDS
from xw2v.text.wordlists import read_word_list

__all__ = ["TEXT_OPTIONS", "paths_argument", "text_options"]

_HELP = {
    "Text": {
        "format": "What files hold; auto goes by their names, .jsonl for one, or else by what is "
        "in them.",
        "field": "The field of JSON Lines that holds the text; dots for fields of fields.",
        "column": "The column of CSV, TSV, Parquet or Arrow files that holds the text.",
        "sentence_ends": "Where sentences end: with each line; with each document, which is a "
        "file of plain text or a record of other formats; or at . ! ? and blank lines, while "
        "other ends of lines do not matter.",
        "encoding_errors": "What to do with bytes that are not UTF-8.",
    },
    "Words": {
        "lowercase": "Turn every word to lower case.",
        "normalize": "Unicode normalization form.",
        "token_pattern": "Words are what this regular expression matches between white space, "
        "for example [a-z']+; else all between white space is a word.",
        "strip_punctuation": "Strip punctuation off both ends of each word.",
        "segment": "Cut Chinese or Japanese, which has no spaces, into words.",
    },
    "Phrases": {
        "phrases": "Passes that find phrases and make a single word of each, such as new_york; "
        "two find phrases of up to four words.",
        "phrase_min_count": "Phrases must occur more often than this; with --phrase-scoring npmi "
        "at least so often.",
        "phrase_threshold": "The score that a phrase must exceed.",
        "phrase_scoring": "How pairs of words are scored: as word2phrase does, or by normalized "
        "pointwise mutual information.",
        "phrase_delimiter": "What joins the words of a phrase.",
        "connector_words": "Words that may stand inside phrases only, one on each line of a file; "
        "english stands for a built-in list.",
    },
    "Vocabulary": {
        "vocab": "Keep the words in this file, one on each line, and no others.",
        "keep": "Keep the words in this file however rare they are.",
        "stop_words": "Drop the words in this file, or the stop words that NLTK has of a "
        "language: nltk:english.",
        "unk": "A word, for example <unk>, that takes the place of all dropped words but stop "
        "words, and is trained.",
        "max_vocab_size": "Hold at most so many distinct words while counting, and forget rare "
        "ones where there are more, as gensim does. Without it counts are exact, and memory is "
        "bounded all the same.",
    },
}


def _read_list(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    return None if value is None else read_word_list(value)


def _read_connector_words(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    if value == "english":
        return tuple(ENGLISH_CONNECTOR_WORDS)
    return _read_list(context, option, value)


_FILE = {"type": str, "multiple": False, "metavar": "FILE", "default": None, "show_default": False}
_METAVARS = {"field": "NAME", "column": "NAME", "token_pattern": "REGEX", "unk": "WORD"}

TEXT_OPTIONS = FieldOptions(
    TextOptions,
    help=_HELP,
    none_means={
        "normalize": "none",
        "token_pattern": "none",
        "segment": "none",
        "phrase_threshold": "10, for npmi 0.5",
        "max_vocab_size": "no limit",
        "unk": "none",
    },
    # In training --keep is about checkpoints.
    flags={"keep": "--keep-words"},
    settings={
        **{name: {**_FILE, "callback": _read_list} for name in ("vocab", "keep", "stop_words")},
        "connector_words": {**_FILE, "callback": _read_connector_words},
        **{name: {"metavar": metavar} for name, metavar in _METAVARS.items()},
    },
    # Not every mention of a field that is an English word can be told from the word.
    aliases={
        "both keep": "both --keep-words",
        "both vocab": "both --vocab",
        "vocab holds": "--vocab holds",
        "segment and": "--segment and",
    },
)

paths_argument = click.argument(
    "paths", metavar="[PATH]...", nargs=-1, type=click.Path(allow_dash=True)
)


def text_options(options: Mapping[str, Any], **settled: Any) -> TextOptions:
    """Return what the options of the running command say about its text.

    Parameters
    ----------
    options : mapping
        The values of the options.
    **settled
        Fields that the command itself decides on.

    Returns
    -------
    TextOptions

    Raises
    ------
    ConfigError
        If a value cannot work; the message names the option as it was typed.
    """
    with TEXT_OPTIONS.named():
        return TextOptions(**{**TEXT_OPTIONS.typed(options), **settled})

"""How a text becomes words: every option, its default and its check, once."""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from xw2v.errors import ConfigError
from xw2v.text.choosing import VocabularyRule
from xw2v.text.normal import Sentences
from xw2v.text.phrases import PhraseRule, Scoring
from xw2v.text.readers import Format, Reading
from xw2v.text.tokenizers import Normalization, SegmentedLanguage, Tokenizer
from xw2v.text.vocabulary import Vocabulary

__all__ = ["EncodingErrors", "TextOptions"]

EncodingErrors = Literal["strict", "replace", "ignore"]

_LISTED = 100
# What the parts call their fields, where they are words of their own.
_NAMES = re.compile(
    r"\b(min_count|threshold) of phrases\b|^(threshold)\b|\b(scoring)\b|^(delimiter)\b"
    r"|\b(only)(?= and| holds)|^(sentences)\b"
)


@dataclass(frozen=True)
class TextOptions:
    """How a text becomes words, and which of them are kept.

    Parameters
    ----------
    format : {"auto", "text", "jsonl", "csv", "tsv", "parquet", "arrow"}
        What files hold. "auto" goes by their names, and where these say nothing by what is in
        them: plain text if nothing else.
    field : str
        The field of JSON Lines that holds the text; dots for fields of fields.
    column : str
        The column of CSV, TSV, Parquet or Arrow files that holds the text.
    sentence_ends : {"line", "document", "punctuation"}
        Where sentences end: with each line; with each document, which is a file of plain text or
        a record of the others; or after ``.!?…``, ``。！？`` and blank lines.
    encoding_errors : {"strict", "replace", "ignore"}
        What to do with bytes that are not UTF-8, as for ``bytes.decode``.
    lowercase, normalize, token_pattern, strip_punctuation, segment
        See `Tokenizer`.
    phrases : int
        Passes that find phrases and make single words of them; 0 finds none.
    phrase_min_count, phrase_threshold, phrase_scoring, phrase_delimiter, connector_words
        See `PhraseRule`. The threshold is 10 for scoring "default", 0.5 for "npmi" by default.
    max_vocab_size, vocab, keep, stop_words, unk
        See `VocabularyRule`; `vocab` is its `only`.

    Raises
    ------
    ConfigError
        If an option cannot work.
    """

    # The fields that say how text is split into words.
    of_words: ClassVar[tuple[str, ...]] = tuple(
        field.name for field in dataclasses.fields(Tokenizer)
    )

    format: Format = Reading.format
    field: str = Reading.field
    column: str = Reading.column
    sentence_ends: Sentences = Reading.sentences
    encoding_errors: EncodingErrors = "strict"
    lowercase: bool = Tokenizer.lowercase
    normalize: Normalization | None = Tokenizer.normalize
    token_pattern: str | None = Tokenizer.token_pattern
    strip_punctuation: bool = Tokenizer.strip_punctuation
    segment: SegmentedLanguage | None = Tokenizer.segment
    phrases: int = 0
    phrase_min_count: float = PhraseRule.min_count
    phrase_threshold: float | None = None
    phrase_scoring: Scoring = PhraseRule.scoring
    phrase_delimiter: str = PhraseRule.delimiter
    connector_words: tuple[str, ...] = ()
    max_vocab_size: int | None = VocabularyRule.max_vocab_size
    vocab: tuple[str, ...] | None = None
    keep: tuple[str, ...] = ()
    stop_words: tuple[str, ...] = ()
    unk: str | None = VocabularyRule.unk

    def __post_init__(self) -> None:
        for name in ("connector_words", "vocab", "keep", "stop_words"):
            words = getattr(self, name)
            if words is not None or name != "vocab":
                # Sorted, because the order does not matter: equal options are equal.
                object.__setattr__(self, name, _sorted_words(name, words))
        if self.encoding_errors not in get_args(EncodingErrors):
            raise ConfigError(
                "encoding_errors must be 'strict', 'replace' or 'ignore', "
                f"not {self.encoding_errors!r}"
            )
        if not isinstance(self.phrases, int) or self.phrases < 0:
            raise ConfigError(f"phrases must be a number of passes, or 0, not {self.phrases!r}")
        # The parts check themselves, and call some of the options by other names.
        try:
            _ = self.reading, self.tokenizer, self.phrase_rule, self.vocabulary_rule()
        except ConfigError as error:
            raise ConfigError(_NAMES.sub(_option_name, str(error))) from error

    @property
    def reading(self) -> Reading:
        """How files become text."""
        return Reading(self.format, self.field, self.column, self.sentence_ends)

    @property
    def tokenizer(self) -> Tokenizer:
        """How text becomes words."""
        return Tokenizer(
            self.lowercase,
            self.normalize,
            self.token_pattern,
            self.strip_punctuation,
            self.segment,
        )

    @property
    def phrase_rule(self) -> PhraseRule:
        """How phrases are found, where `phrases` asks for any."""
        threshold = self.phrase_threshold
        if threshold is None:
            threshold = PhraseRule.threshold if self.phrase_scoring == "default" else 0.5
        return PhraseRule(
            max(self.phrases, 1),
            self.phrase_min_count,
            threshold,
            self.phrase_scoring,
            self.phrase_delimiter,
            self.connector_words,
        )

    def vocabulary_rule(
        self,
        min_count: int = VocabularyRule.min_count,
        max_final_vocab: int | None = VocabularyRule.max_final_vocab,
        base: Vocabulary | None = None,
    ) -> VocabularyRule:
        """Return which words are kept.

        The first two parameters are hyperparameters of training; `base` is a vocabulary to extend.
        """
        return VocabularyRule(
            min_count,
            max_final_vocab,
            self.max_vocab_size,
            None if self.vocab is None else frozenset(self.vocab),
            frozenset(self.keep),
            frozenset(self.stop_words),
            self.unk,
            base,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all options as plain values that JSON can hold."""
        return dataclasses.asdict(self)

    def to_notes(self) -> dict[str, Any]:
        """Return the options that are not the defaults, as plain values; of long lists the length.

        They are for people to see how a text was read.
        """
        notes = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                is_long = isinstance(value, tuple) and len(value) > _LISTED
                notes[field.name] = f"{len(value):,} words" if is_long else value
        return notes


def _option_name(match: re.Match[str]) -> str:
    name = next(filter(None, match.groups()))
    special = {"only": "vocab", "sentences": "sentence_ends"}
    return special.get(name, f"phrase_{name}")


def _sorted_words(name: str, words: Any) -> tuple[str, ...]:
    if isinstance(words, Iterable) and not isinstance(words, str):
        listed = list(words)
        if all(isinstance(word, str) for word in listed):
            return tuple(sorted(set(listed)))
    raise ConfigError(f"{name} must be a list of words, not {words!r}")

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from xw2v.errors import ConfigError
from xw2v.text.choosing import VocabularyRule
from xw2v.text.options import TextOptions
from xw2v.text.phrases import PhraseRule
from xw2v.text.readers import Reading
from xw2v.text.tokenizers import Tokenizer
from xw2v.text.vocabulary import Vocabulary

# Every option, with a value that is not its default.
OTHERS: dict[str, Any] = {
    "format": "jsonl",
    "field": "body",
    "column": "body",
    "sentence_ends": "punctuation",
    "encoding_errors": "replace",
    "lowercase": True,
    "normalize": "NFKC",
    "token_pattern": r"\w+",
    "strip_punctuation": True,
    "segment": None,
    "phrases": 2,
    "phrase_min_count": 3.5,
    "phrase_threshold": 0.25,
    "phrase_scoring": "npmi",
    "phrase_delimiter": "~",
    "connector_words": ("of", "the"),
    "max_vocab_size": 1000,
    "vocab": ("a", "b"),
    "keep": ("c",),
    "stop_words": ("d", "e"),
    "unk": "<unk>",
}


def test_defaults_are_those_of_the_parts() -> None:
    options = TextOptions()
    assert options.reading == Reading()
    assert options.tokenizer == Tokenizer()
    assert options.phrase_rule == PhraseRule()
    assert options.vocabulary_rule() == VocabularyRule()


def test_every_option_reaches_its_part() -> None:
    assert set(OTHERS) == {field.name for field in dataclasses.fields(TextOptions)}
    options = TextOptions(**OTHERS)
    assert options.reading == Reading("jsonl", "body", "body", "punctuation")
    assert options.tokenizer == Tokenizer(True, "NFKC", r"\w+", True)
    assert options.phrase_rule == PhraseRule(2, 3.5, 0.25, "npmi", "~", ("of", "the"))
    assert options.vocabulary_rule(7, 8) == VocabularyRule(
        7, 8, 1000, frozenset("ab"), frozenset("c"), frozenset("de"), "<unk>"
    )


def test_a_vocabulary_to_extend_is_no_option_of_the_text() -> None:
    base = Vocabulary(("a",), np.array([1]))
    assert TextOptions(unk="_").vocabulary_rule(7, base=base) == VocabularyRule(
        7, unk="_", base=base
    )


@pytest.mark.parametrize(("scoring", "threshold"), [("default", 10.0), ("npmi", 0.5)])
def test_default_threshold_of_each_scoring(scoring: Any, threshold: float) -> None:
    assert TextOptions(phrase_scoring=scoring).phrase_rule.threshold == threshold
    # No threshold of npmi would do for the other one, and 0 is one.
    assert TextOptions(phrase_scoring="npmi", phrase_threshold=0).phrase_rule.threshold == 0


@pytest.mark.parametrize("values", [{}, OTHERS, {"vocab": ()}, {"keep": ["b", "a", "b"]}])
def test_there_and_back(values: dict[str, Any]) -> None:
    options = TextOptions(**values)
    again = TextOptions(**json.loads(json.dumps(options.to_dict())))
    assert again == options
    assert hash(again) == hash(options)
    assert again.to_dict() == options.to_dict()


@pytest.mark.parametrize("name", ["connector_words", "vocab", "keep", "stop_words"])
def test_lists_of_words(name: str) -> None:
    kinds: list[Iterable[str]] = [["b", "a", "a"], {"a", "b"}, iter("ab"), ("a", "b")]
    for words in kinds:
        assert getattr(TextOptions(**{name: words}), name) == ("a", "b")  # type: ignore[arg-type]


def test_no_vocabulary_is_not_an_empty_one() -> None:
    assert TextOptions().vocabulary_rule().only is None
    assert TextOptions(vocab=()).vocabulary_rule().only == frozenset()


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("format", "xml", "format must be 'auto', .* not 'xml'"),
        ("field", "", "field must be a name, not ''"),
        ("column", None, "column must be a name, not None"),
        ("sentence_ends", "dot", "must be 'line', 'document' or 'punctuation', not 'dot'"),
        ("encoding_errors", "strict ", "must be 'strict', 'replace' or 'ignore', not 'strict '"),
        ("normalize", "nfc", "normalize must be one of .*, not 'nfc'"),
        ("token_pattern", "(", "is no regular expression"),
        ("segment", "thai", "segment must be one of 'chinese', 'japanese', not 'thai'"),
        ("phrases", -1, "phrases must be a number of passes, or 0, not -1"),
        ("phrases", 1.0, "phrases must be a number of passes, or 0, not 1.0"),
        ("phrase_min_count", 0, "phrase_min_count must be above 0"),
        ("phrase_threshold", 0, "phrase_threshold must be above 0"),
        ("phrase_scoring", "pmi", "phrase_scoring must be 'default' or 'npmi', not 'pmi'"),
        ("phrase_delimiter", " ", "phrase_delimiter must be a string of at least one character"),
        ("max_vocab_size", 0, "max_vocab_size must be a positive whole number, not 0"),
        ("unk", "", "unk must be a word"),
        ("unk", "\ud800", "unk holds .* cannot be written as UTF-8"),
        *[
            (name, value, f"{name} must be a list of words, not ")
            for name in ("connector_words", "vocab", "keep", "stop_words")
            for value in ("a b", b"ab", [1], 3, ["a", None])
        ],
        *[
            (name, None, f"{name} must be a list of words, not None")
            for name in ("connector_words", "keep", "stop_words")
        ],
        *[
            (name, ["\ud800"], "cannot be written as UTF-8")
            for name in ("vocab", "keep", "stop_words")
        ],
    ],
)
def test_options_that_cannot_work(name: str, value: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        TextOptions(**{name: value})


def test_options_that_cannot_work_together() -> None:
    with pytest.raises(ConfigError, match="segment and token_pattern both"):
        TextOptions(segment="chinese", token_pattern="a")
    with pytest.raises(ConfigError, match="'b' is among both keep and stop_words"):
        TextOptions(keep=("a", "b"), stop_words=("b",))
    with pytest.raises(ConfigError, match="threshold must be between -1 and 1"):
        TextOptions(phrase_scoring="npmi", phrase_threshold=10.0)

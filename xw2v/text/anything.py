"""What people hand over in Python as text: paths, strings, lists of words."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.choosing import VocabularyRule
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import (
    BLOCK_BYTES,
    OnRead,
    encode_files,
    encode_sentences,
    encode_texts,
)
from xw2v.text.normal import Block
from xw2v.text.options import TextOptions
from xw2v.text.readers import read_blocks
from xw2v.text.sources import find_sources
from xw2v.text.store import is_encoded, load_encoded
from xw2v.text.strings import string_blocks
from xw2v.text.vocabulary import Vocabulary

__all__ = ["encode_any"]

# So many missing texts are looked over to see what a column holds.
_PEEKED = 1000


def encode_any(
    text: Any,
    options: TextOptions,
    *,
    tokenizer: Callable[[str], Iterable[str]] | None = None,
    min_count: int = VocabularyRule.min_count,
    max_final_vocab: int | None = VocabularyRule.max_final_vocab,
    workers: int | None = None,
    progress: OnRead | None = None,
) -> tuple[Vocabulary, EncodedCorpus]:
    """Build the vocabulary of whatever holds text and turn it into ids.

    Parameters
    ----------
    text : path, iterable of paths, iterable of str, or iterable of iterables of str
        A path is taken as by `encode_files`, or names an encoded corpus, whose words are those
        that it was encoded with; an iterable of `os.PathLike` as several. Strings are taken as by
        `encode_texts`, and lists of words as by `encode_sentences`.
    options : TextOptions
    tokenizer : callable, optional
        Gives the words of a line, or, where `options` says that sentences end with documents, of
        a document; in place of what `options` says about words.
    min_count, max_final_vocab, workers, progress
        As for `encode_files`.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    ConfigError
        If options contradict each other.
    CorpusError
        If the text cannot be read or leaves too few words, or strings are single words.
    """
    limits: dict[str, Any] = {"min_count": min_count, "max_final_vocab": max_final_vocab}
    paths, first, text = _looked_at(text)
    if len(paths) == 1 and is_encoded(paths[0]):
        told = options.to_notes()
        if told or tokenizer is not None:
            raise ConfigError(
                f"{os.fspath(paths[0])} is an encoded corpus, whose words are settled: leave out "
                f"{next(iter(told), 'tokenizer')}, or encode the text again with it"
            )
        stored = load_encoded(paths[0])
        return stored.vocabulary, stored.corpus
    if tokenizer is not None:
        if not paths and first is not None and not isinstance(first, str):
            raise ConfigError("tokenizer is for text, and these are words already; leave it out")
        return encode_sentences(_tokenized(paths, text, options, tokenizer), options, **limits)
    if paths:
        return encode_files(paths, options, workers=workers, progress=progress, **limits)
    if not isinstance(first, str):
        return encode_sentences(text, options, **limits)
    vocabulary, corpus = encode_texts(text, options, workers=workers, progress=progress, **limits)
    if corpus.n_sentences == corpus.raw_words:
        raise CorpusError(
            "each string is a document, and all of these are single words: put the words of a "
            "sentence into a list, [['the', 'cat'], ...], or name a file by a pathlib.Path"
        )
    return vocabulary, corpus


def _looked_at(text: Any) -> tuple[list[str | os.PathLike[str]], Any, Any]:
    """Return the paths that a text is, its first item that is not missing, and the text."""
    if isinstance(text, (str, os.PathLike)):
        return [text], None, text
    try:
        items = iter(text)
    except TypeError as error:
        raise CorpusError(
            f"text must be a path, strings or lists of words, not {type(text).__name__}"
        ) from error
    seen = []
    first = None
    for item in items:
        seen.append(item)
        first = item.as_py() if hasattr(item, "as_py") else item  # of an Arrow array
        is_missing = first is None or first != first  # noqa: PLR0124 (NaN)
        if not is_missing or len(seen) == _PEEKED:
            break
    if iter(text) is text:
        text = chain(seen, items)
    if isinstance(first, os.PathLike):
        return list(text), None, text
    return [], first, text


def _tokenized(
    paths: list[str | os.PathLike[str]],
    text: Any,
    options: TextOptions,
    tokenizer: Callable[[str], Iterable[str]],
) -> Iterator[Iterable[str]]:
    """Yield the words that a function makes of each line."""
    of_words = [name for name in TextOptions.of_words if name in options.to_notes()]
    if of_words:
        raise ConfigError(f"tokenizer takes the place of {of_words[0]}: leave one of them out")
    if options.sentence_ends == "punctuation":
        raise ConfigError("sentence_ends='punctuation' does not go with a tokenizer of your own")
    parts: list[tuple[str, Iterator[Block]]]
    if paths:
        parts = [
            (source.name, read_blocks(source, BLOCK_BYTES, options.reading))
            for source in find_sources(paths)
        ]
    else:
        parts = [("the texts", string_blocks(text, BLOCK_BYTES, options.sentence_ends))]
    for name, blocks in parts:
        for line in _lines(name, blocks, options):
            yield tokenizer(line)


def _lines(name: str, blocks: Iterable[Block], options: TextOptions) -> Iterator[str]:
    rest = b""
    for block in blocks:
        data = block.data
        if options.encoding_errors == "strict":
            try:
                data.decode()
            except UnicodeDecodeError as error:
                raise CorpusError(
                    f"{name} is not UTF-8: {block.place(error.start)} cannot be decoded; convert "
                    "it, or use encoding_errors='replace' (or 'ignore')"
                ) from error
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield line.decode("utf-8", options.encoding_errors)
    if rest.strip():
        yield rest.decode("utf-8", options.encoding_errors)

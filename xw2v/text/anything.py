"""What people hand over in Python as text: paths, strings, lists of words."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import BLOCK_BYTES, OnRead, count_texts, encode_files, encode_sentences
from xw2v.text.normal import Block
from xw2v.text.options import TextOptions
from xw2v.text.readers import read_blocks
from xw2v.text.reuse import load_narrowed
from xw2v.text.sources import find_sources
from xw2v.text.store import is_encoded
from xw2v.text.strings import string_blocks
from xw2v.text.vocabulary import Vocabulary

__all__ = ["EncodedText", "encode_any"]

# So many missing texts are looked over to see what a column holds.
_PEEKED = 1000


@dataclass(frozen=True, eq=False)
class EncodedText:
    """A text as a vocabulary and ids, and how it became that.

    Attributes
    ----------
    vocabulary : Vocabulary
    corpus : EncodedCorpus
    min_count : int
    max_final_vocab : int or None
        These two as they were asked for, or as an encoded corpus was made with.
    notes : dict
        The options that are not the defaults, as plain values; of an encoded corpus those that it
        was made with.
    """

    vocabulary: Vocabulary
    corpus: EncodedCorpus
    min_count: int
    max_final_vocab: int | None
    notes: dict[str, Any]


def encode_any(
    text: Any,
    options: TextOptions,
    *,
    tokenizer: Callable[[str], Iterable[str]] | None = None,
    workers: int | None = None,
    progress: OnRead | None = None,
    base: Vocabulary | None = None,
    **limits: int | None,
) -> EncodedText:
    """Build the vocabulary of whatever holds text and turn it into ids.

    Parameters
    ----------
    text : path, iterable of paths, iterable of str, or iterable of iterables of str
        A path is taken as by `encode_files`, or names an encoded corpus; an iterable of
        `os.PathLike` is taken as several. Strings are taken as by `encode_texts`, and lists of
        words as by `encode_sentences`.
    options : TextOptions
        The defaults, if it is an encoded corpus.
    tokenizer : callable, optional
        Gives the words of a line, or, where `options` says that sentences end with documents, of
        a document; in place of what `options` says about words.
    workers, progress
        As for `encode_files`; of no concern for lists of words, and with a tokenizer.
    base : Vocabulary, optional
        A vocabulary to extend, as for `encode_files`; of an encoded corpus, as for
        `load_narrowed`.
    **limits : int or None
        `min_count` and `max_final_vocab`, as for `encode_files`, or, of an encoded corpus, as for
        `load_narrowed`.

    Returns
    -------
    EncodedText

    Raises
    ------
    ConfigError
        If options contradict each other.
    CorpusError
        If the text cannot be read or leaves too few words, or strings are single words.
    """
    paths, first, text = _looked_at(text)
    encoded = [os.fspath(path) for path in paths if is_encoded(path)]
    if encoded:
        return _from_directory(encoded[0], len(paths), options, tokenizer, base, limits)
    rule = options.vocabulary_rule(**limits, base=base)  # type: ignore[arg-type]  # min_count is no None
    kept: dict[str, Any] = {name: getattr(rule, name) for name in ("min_count", "max_final_vocab")}
    if tokenizer is not None:
        sentences = _tokenized(paths, first, text, options, tokenizer)
        pair = encode_sentences(sentences, options, base=base, **kept)
    elif paths:
        pair = encode_files(paths, options, workers=workers, progress=progress, base=base, **kept)
    elif _holds_texts(text, first):
        with count_texts(text, options, workers=workers, progress=progress) as counted:
            if 0 < counted.raw.n_tokens == _count_sentences(counted.raw.chunks()):
                raise CorpusError(
                    "each string is a document, and all of these are single words: put the words "
                    "of a sentence into a list, [['the', 'cat'], ...], or name a file by a "
                    "pathlib.Path"
                )
            pair = counted.encode(rule)
    else:
        pair = encode_sentences(_sentences(text), options, base=base, **kept)
    return EncodedText(*pair, **kept, notes=options.to_notes())


def _from_directory(
    path: str,
    n_paths: int,
    options: TextOptions,
    tokenizer: object,
    base: Vocabulary | None,
    limits: Mapping[str, int | None],
) -> EncodedText:
    if n_paths > 1:
        raise ConfigError(
            f"{path} is an encoded corpus, which can only be taken alone; name the texts that it "
            "was made of"
        )
    told = options.to_notes()
    if told or tokenizer is not None:
        raise ConfigError(
            f"{path} is an encoded corpus, whose words are settled: leave out "
            f"{next(iter(told), 'tokenizer')}, or encode the text again with it"
        )
    stored = load_narrowed(path, base=base, **limits)
    notes = dict(stored.options)
    kept = {name: notes.pop(name) for name in ("min_count", "max_final_vocab")}
    return EncodedText(stored.vocabulary, stored.corpus, **kept, notes=notes)


def _looked_at(text: Any) -> tuple[list[str | os.PathLike[str]], Any, Any]:
    """Return the paths that a text is, its first item that is not missing, and the text."""
    if isinstance(text, (str, os.PathLike)):
        return [text], None, text
    if _is_table(text):
        return [], None, text
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
        first = _as_python(item)
        if not _is_missing(first) or len(seen) == _PEEKED:
            break
    if iter(text) is text:
        text = chain(seen, items)
    if isinstance(first, os.PathLike):
        return list(text), None, text
    return [], first, text


def _as_python(item: Any) -> Any:
    """Return an item of an Arrow array as Python has it; others are what they are."""
    return item.as_py() if hasattr(item, "as_py") else item


def _is_table(text: Any) -> bool:
    # (Asking the type, because to find out about its columns may take a lazy frame long.)
    return hasattr(type(text), "columns") or hasattr(type(text), "schema")


def _is_missing(item: Any) -> bool:
    """Say whether an item stands for no text, as None and NaN do: what holds words is iterable."""
    return not isinstance(item, os.PathLike) and not hasattr(item, "__iter__")


def _holds_texts(text: Any, first: Any) -> bool:
    """Say whether the items of a text are strings, or else no lists of words either.

    Tables and records are no lists of words, though iterable: reading them as texts tells why not.
    """
    return _is_table(text) or isinstance(first, (str, bytes, Mapping)) or _is_missing(first)


def _sentences(lists: Iterable[Any]) -> Iterator[Any]:
    """Yield lists of words, less those that a column has not (None, NaN)."""
    for item in map(_as_python, lists):
        if item is not None and not (isinstance(item, float) and math.isnan(item)):
            yield item


def _count_sentences(chunks: Iterable[Any]) -> int:
    return sum(int((chunk < 0).sum()) for chunk in chunks)


def _tokenized(
    paths: list[str | os.PathLike[str]],
    first: Any,
    text: Any,
    options: TextOptions,
    tokenizer: Callable[[str], Iterable[str]],
) -> Iterator[Iterable[str]]:
    """Return the words that a function makes of each line."""
    if not paths and not _holds_texts(text, first):
        raise ConfigError("tokenizer is for text, and these are words already; leave it out")
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
    lines = chain.from_iterable(_lines(name, blocks, options) for name, blocks in parts)
    return (_words(tokenizer, line) for line in lines)


def _words(tokenizer: Callable[[str], Iterable[str]], line: str) -> Iterable[str]:
    words = tokenizer(line)
    if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
        raise CorpusError(
            f"tokenizer must return a list of words, and of {line[:40]!r} it makes {words!r:.40}"
        )
    return words


def _lines(name: str, blocks: Iterable[Block], options: TextOptions) -> Iterator[str]:
    """Yield the lines that are not blank, without what ends them."""
    begun: list[bytes] = []  # of a line that goes on in the next block
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
        first, *others = data.split(b"\n")
        begun.append(first)
        if others:
            lines = [b"".join(begun), *others]
            begun = [lines.pop()]
            for line in lines:
                if line.strip():
                    yield line.removesuffix(b"\r").decode("utf-8", options.encoding_errors)
    rest = b"".join(begun)
    if rest.strip():
        yield rest.decode("utf-8", options.encoding_errors)

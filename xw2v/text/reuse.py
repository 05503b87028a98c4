"""Encoded corpora that need not be made again: those in the cache, and with fewer words."""

import dataclasses
import importlib.metadata
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from xw2v.errors import CorpusError
from xw2v.text.cache import cache_key, find_cached, keep_cached
from xw2v.text.choosing import VocabularyRule, choose_vocabulary
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import OnRead, count_sources
from xw2v.text.options import TextOptions
from xw2v.text.raw import RawCorpus
from xw2v.text.sources import find_sources
from xw2v.text.store import StoredCorpus, load_encoded
from xw2v.text.vocabulary import Vocabulary

__all__ = ["CachedCorpus", "encode_cached", "encoded_with", "load_narrowed", "narrowed"]

_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class CachedCorpus:
    """An encoded corpus, and what became of the cache.

    Attributes
    ----------
    vocabulary : Vocabulary
    corpus : EncodedCorpus
    was_cached : bool
        Whether it came out of the cache.
    problem : str or None
        Why it could not be put there.
    """

    vocabulary: Vocabulary
    corpus: EncodedCorpus
    was_cached: bool
    problem: str | None


def encode_cached(
    paths: Sequence[str | PathLike[str]],
    options: TextOptions,
    *,
    min_count: int,
    max_final_vocab: int | None,
    workers: int | None = None,
    progress: OnRead | None = None,
    base: Vocabulary | None = None,
) -> CachedCorpus:
    """Do what `encode_files` does, unless the cache has it.

    The cache knows files by name, size and time of change, and others by what their servers tell.
    Standard input and pipes are not kept. With a `base` the cache is neither asked nor
    filled.

    Parameters
    ----------
    paths, options, min_count, max_final_vocab, workers, progress, base
        As for `xw2v.text.encode_files`.

    Returns
    -------
    CachedCorpus

    Raises
    ------
    CorpusError
        As `encode_files`.
    """
    sources = find_sources(paths)
    fingerprints = [source.fingerprint for source in sources]
    known = [fingerprint for fingerprint in fingerprints if fingerprint is not None]
    depends_on = {
        **options.to_dict(),
        "versions": _versions(options),
        "min_count": min_count,
        "max_final_vocab": max_final_vocab,
    }
    may_keep = base is None and len(known) == len(sources)
    key = cache_key(known, depends_on) if may_keep else None
    found = None if key is None else find_cached(key)
    if found is not None:
        return CachedCorpus(found.vocabulary, found.corpus, True, None)
    rule = options.vocabulary_rule(min_count, max_final_vocab, base)
    with count_sources(sources, options, workers=workers, progress=progress) as text:
        vocabulary, corpus = text.encode(rule)
    problem = None
    if key is not None:
        notes: dict[str, Any] = {
            "sources": [source.name for source in sources],
            "min_count": min_count,
            "max_final_vocab": max_final_vocab,
            **options.to_notes(),
        }
        problem = keep_cached(key, vocabulary, corpus, notes)
    return CachedCorpus(vocabulary, corpus, False, problem)


def _versions(options: TextOptions) -> dict[str, str]:
    """Return the versions of what words depend on besides the options."""
    versions = {"unicode": unicodedata.unidata_version}
    library = {"chinese": "jieba", "japanese": "janome"}.get(options.segment or "")
    if library is not None:
        versions[library] = importlib.metadata.version(library)
    return versions


def load_narrowed(
    path: str | PathLike[str], *, base: Vocabulary | None = None, **asked: int | None
) -> StoredCorpus:
    """Open an encoded corpus and drop words of it, if fewer are asked for than it has.

    Parameters
    ----------
    path : path-like
        The directory.
    base : Vocabulary, optional
        A vocabulary to extend, as for `xw2v.text.encode_files`. Words of it that were dropped
        when the text was encoded are lost there, however: only words of the corpus occur.
    **asked : int or None
        `min_count` or `max_final_vocab`; those that are left out stay as they were in encoding.
        With a `base`, `max_final_vocab` is about the words of both, and None by default.

    Returns
    -------
    StoredCorpus
        What the text would have been encoded as with these values. Its `options` hold both.

    Raises
    ------
    CorpusError
        If the corpus cannot be read, has not all the words that would be kept, or fewer than two
        of them remain.
    """
    stored = load_encoded(path)
    had = {
        "min_count": stored.options.get("min_count", 1),
        "max_final_vocab": stored.options.get("max_final_vocab"),
    }
    rule = {**had, **asked}
    if base is not None:
        # How many words the corpus was limited to says nothing about all of them together.
        had["max_final_vocab"] = rule["max_final_vocab"] = asked.get("max_final_vocab")
    vocabulary, corpus = stored.vocabulary, stored.corpus
    if rule != had:
        _check_has_all(str(path), stored.options, had, rule)
    if base is not None or rule != had:
        keeping = VocabularyRule(**rule, base=base)
        if base is not None and rule["min_count"] == had["min_count"]:
            # All its words, of which some may have been kept though they are rarer.
            keeping = dataclasses.replace(keeping, min_count=1)
        vocabulary, corpus = narrowed(vocabulary, corpus, keeping, str(path))
    return StoredCorpus(vocabulary, corpus, {**stored.options, **rule})


def _check_has_all(
    name: str, options: Mapping[str, Any], had: Mapping[str, Any], rule: Mapping[str, Any]
) -> None:
    """Raise if an encoded corpus may lack words that a rule keeps."""
    flags = {"vocab": "--vocab", "keep": "--keep-words", "unk": "--unk"}
    special = [flag for option, flag in flags.items() if option in options]
    if special:
        raise CorpusError(
            f"{name} was encoded with {special[0]}, so its words are settled: leave out "
            "--min-count and --max-final-vocab, or encode the text again with them"
        )
    if rule["min_count"] < had["min_count"]:
        raise CorpusError(
            f"{name} was encoded with --min-count {had['min_count']}, so rarer words are not in "
            f"it: encode the text again with --min-count {rule['min_count']}"
        )
    limit, had_limit = rule["max_final_vocab"], had["max_final_vocab"]
    if had_limit is not None and (limit is None or limit > had_limit):
        raise CorpusError(
            f"{name} was encoded with --max-final-vocab {had_limit}, so other words are not in "
            "it: encode the text again without that, or with a higher one"
        )


def narrowed(
    vocabulary: Vocabulary, corpus: EncodedCorpus, rule: VocabularyRule, origin: str
) -> tuple[Vocabulary, EncodedCorpus]:
    """Drop words of an encoded corpus.

    Parameters
    ----------
    vocabulary : Vocabulary
    corpus : EncodedCorpus
    rule : VocabularyRule
    origin : str
        What messages call the corpus.

    Returns
    -------
    Vocabulary, EncodedCorpus
        What the text would have been encoded as by this rule, if all the words that it keeps are
        in `vocabulary`.

    Raises
    ------
    CorpusError
        If too few words remain, see `choose_vocabulary`.
    """
    with _read_again(vocabulary, corpus) as raw:
        vocabulary, kept = choose_vocabulary(raw, rule, origin)
        return vocabulary, EncodedCorpus(kept.ids, kept.starts, corpus.raw_words)


def encoded_with(vocabulary: Vocabulary, corpus: EncodedCorpus, other: Vocabulary) -> EncodedCorpus:
    """Give the words of an encoded corpus the ids that they have in another vocabulary.

    Parameters
    ----------
    vocabulary : Vocabulary
        The one that encoded the corpus.
    corpus : EncodedCorpus
    other : Vocabulary
        Words that it has not are dropped.

    Returns
    -------
    EncodedCorpus
    """
    new_ids = [other.index.get(word, -1) for word in vocabulary.words]
    with _read_again(vocabulary, corpus) as raw:
        kept = raw.encode(np.array(new_ids, np.int32))
        return EncodedCorpus(kept.ids, kept.starts, corpus.raw_words)


@contextmanager
def _read_again(vocabulary: Vocabulary, corpus: EncodedCorpus) -> Iterator[RawCorpus]:
    """Give a corpus as if it had just been read; the numbers of its words are their ids."""
    with RawCorpus(max_distinct=len(vocabulary)) as raw:
        for word in vocabulary.words:
            raw.number(word)
        for begin in range(0, corpus.n_words, _CHUNK):
            ids = corpus.ids[begin : begin + _CHUNK].copy()
            first, last = np.searchsorted(corpus.starts, [begin + 1, begin + ids.size + 1])
            raw.append(ids, corpus.starts[first:last] - begin)
        raw.seal()
        yield raw

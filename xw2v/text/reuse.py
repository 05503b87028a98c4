"""Encoded corpora that need not be made again: those in the cache, and with fewer words."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from xw2v.text.cache import cache_key, find_cached, keep_cached
from xw2v.text.choosing import VocabularyRule, choose_vocabulary
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import OnRead, encode_files
from xw2v.text.options import TextOptions
from xw2v.text.raw import RawCorpus
from xw2v.text.sources import find_sources
from xw2v.text.vocabulary import Vocabulary

__all__ = ["CachedCorpus", "encode_cached", "narrowed"]

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
) -> CachedCorpus:
    """Do what `encode_files` does, unless the cache has it.

    The cache knows files by name, size and time of change, and others by what their servers tell.
    Standard input and pipes are not kept.

    Parameters
    ----------
    paths, options, min_count, max_final_vocab, workers, progress
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
        "min_count": min_count,
        "max_final_vocab": max_final_vocab,
    }
    key = cache_key(known, depends_on) if len(known) == len(sources) else None
    found = None if key is None else find_cached(key)
    if found is not None:
        return CachedCorpus(found.vocabulary, found.corpus, True, None)
    vocabulary, corpus = encode_files(
        paths,
        options,
        min_count=min_count,
        max_final_vocab=max_final_vocab,
        workers=workers,
        progress=progress,
    )
    problem = None
    if key is not None:
        notes: dict[str, Any] = {
            "sources": [source.name for source in sources],
            **options.to_notes(),
        }
        problem = keep_cached(key, vocabulary, corpus, notes)
    return CachedCorpus(vocabulary, corpus, False, problem)


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
        If fewer than two words remain.
    """
    with RawCorpus(max_distinct=len(vocabulary)) as raw:
        for word in vocabulary.words:
            raw.number(word)
        for begin in range(0, corpus.n_words, _CHUNK):
            ids = corpus.ids[begin : begin + _CHUNK].copy()
            first, last = np.searchsorted(corpus.starts, [begin + 1, begin + ids.size + 1])
            raw.append(ids, corpus.starts[first:last] - begin)
        raw.seal()
        vocabulary, kept = choose_vocabulary(raw, rule, origin)
        return vocabulary, EncodedCorpus(kept.ids, kept.starts, corpus.raw_words)

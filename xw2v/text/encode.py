"""Text to a vocabulary and token ids, in one pass."""

import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import count, islice
from typing import Self

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.blocks import BlockEncoder
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.sources import Source, find_sources, read_blocks
from xw2v.text.spool import Spool
from xw2v.text.vocabulary import Vocabulary

__all__ = ["encode_files", "encode_sentences"]

_BLOCK_BYTES = 1 << 22
_MEMORY_BYTES = 1 << 24
_CHUNK = 1 << 18


def encode_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    min_count: int = 5,
    max_final_vocab: int | None = None,
    lowercase: bool = False,
    encoding_errors: str = "strict",
    progress: Callable[[int, int | None], None] | None = None,
) -> tuple[Vocabulary, EncodedCorpus]:
    r"""Read UTF-8 text files: build the vocabulary and turn the text into ids.

    One sentence a line, words separated by white space: the words of a line are those of
    ``line.split()``. Lines end at ``"\n"`` only and may have any length; the end of a file ends
    its last line. A byte order mark at the beginning of a file is dropped.

    The text is read once, in blocks, so memory holds the distinct words and little else. The ids
    of a large corpus lie in a temporary file, 4 bytes a word.

    Parameters
    ----------
    paths : sequence of path-like
        Files and glob patterns (the files of a pattern are sorted), read in this order; ``"-"``
        is standard input.
    min_count : int
        Words that occur less often are dropped.
    max_final_vocab : int or None
        Keep at most this many words, the first of the vocabulary.
    lowercase : bool
        Lowercase every word, as ``str.lower`` does.
    encoding_errors : {"strict", "replace", "ignore"}
        What to do with bytes that are not UTF-8, as for ``bytes.decode``.
    progress : callable, optional
        Called after each block with the bytes read so far and the bytes of all files, None if
        that is not known.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    CorpusError
        If a file is missing, unreadable or not UTF-8, or fewer than two words remain. All files
        are checked before the first is read.
    ConfigError
        If `encoding_errors` is none of the three.
    """
    return _encode_files(
        find_sources(paths),
        min_count=min_count,
        max_final_vocab=max_final_vocab,
        lowercase=lowercase,
        encoding_errors=encoding_errors,
        progress=progress,
    )


def _encode_files(
    sources: Sequence[Source],
    *,
    min_count: int = 5,
    max_final_vocab: int | None = None,
    lowercase: bool = False,
    encoding_errors: str = "strict",
    progress: Callable[[int, int | None], None] | None = None,
    block_bytes: int = _BLOCK_BYTES,
    memory_bytes: int = _MEMORY_BYTES,
    chunk: int = _CHUNK,
) -> tuple[Vocabulary, EncodedCorpus]:
    if encoding_errors not in ("strict", "replace", "ignore"):
        raise ConfigError(
            f"encoding_errors must be 'strict', 'replace' or 'ignore', not {encoding_errors!r}"
        )
    sizes = [source.size for source in sources if source.size is not None]
    total = sum(sizes) if len(sizes) == len(sources) else None
    done = 0
    with _Collector(memory_bytes) as collector:
        encoder = BlockEncoder(collector.number, encoding_errors, lowercase)
        for source in sources:
            end = 0
            with closing(read_blocks(source, block_bytes)) as blocks:
                for block, start, end in blocks:
                    try:
                        ids, line_ends = encoder.encode(block)
                    except UnicodeDecodeError as error:
                        raise CorpusError(
                            f"{source.name} is not UTF-8: byte {start + error.start} (counted "
                            "from 0) cannot be decoded; convert the file, or use "
                            "--encoding-errors replace (or ignore)"
                        ) from error
                    collector.append(ids, line_ends)
                    if progress is not None:
                        progress(done + end, total)
            done += end
        encoder.close()
        return collector.finish(
            _some([source.name for source in sources]), min_count, max_final_vocab, chunk
        )


def encode_sentences(
    sentences: Iterable[Iterable[str]],
    *,
    min_count: int = 5,
    max_final_vocab: int | None = None,
) -> tuple[Vocabulary, EncodedCorpus]:
    """Build the vocabulary of sentences and turn them into ids.

    The sentences are iterated over once, so a generator will do. The ids of a large corpus lie
    in a temporary file, 4 bytes a word.

    Parameters
    ----------
    sentences : iterable of iterables of str
        The words of each sentence. They are taken as they are.
    min_count : int
        Words that occur less often are dropped.
    max_final_vocab : int or None
        Keep at most this many words, the first of the vocabulary.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    CorpusError
        If a sentence is a string or otherwise not made of words, or fewer than two words remain.
    """
    return _encode_sentences(sentences, min_count=min_count, max_final_vocab=max_final_vocab)


def _encode_sentences(
    sentences: Iterable[Iterable[str]],
    *,
    min_count: int = 5,
    max_final_vocab: int | None = None,
    memory_bytes: int = _MEMORY_BYTES,
    chunk: int = _CHUNK,
) -> tuple[Vocabulary, EncodedCorpus]:
    with _Collector(memory_bytes) as collector:
        index = collector.index
        ids = array("i")
        ends = array("q")
        for number, sentence in enumerate(sentences):
            if isinstance(sentence, (str, bytes)):
                raise CorpusError(
                    f"sentence {number} is one {type(sentence).__name__}, not a list of words; "
                    "split it first, for example with str.split"
                )
            known = len(index)
            try:
                ids.extend(map(collector.number, sentence))
            except TypeError as error:
                raise CorpusError(f"sentence {number} is not a list of words: {error}") from error
            for word in islice(reversed(index), len(index) - known):
                _check_word(word, number)
            ends.append(len(ids))
            if len(ids) >= chunk:
                collector.append(np.array(ids, np.int32), np.array(ends, np.int64))
                del ids[:], ends[:]
        collector.append(np.array(ids, np.int32), np.array(ends, np.int64))
        return collector.finish("the sentences", min_count, max_final_vocab, chunk)


def _check_word(word: object, sentence: int) -> None:
    if not isinstance(word, str):
        raise CorpusError(
            f"sentence {sentence} holds {word!r}, a {type(word).__name__}; words must be str"
        )
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"sentence {sentence} holds {word!r}, which cannot be written as UTF-8"
        ) from error


class _Collector:
    """The words and ids of a corpus while it is read."""

    def __init__(self, memory_bytes: int) -> None:
        # Words are numbered by first appearance until all counts are known.
        self.index: defaultdict[str, int] = defaultdict(count().__next__)
        self.number: Callable[[str], int] = self.index.__getitem__
        self._counts = np.zeros(1 << 16, np.int64)
        self._memory_bytes = memory_bytes
        self._ids = Spool(np.int32, memory_bytes)
        self._new_sentence = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._ids.close()

    def append(self, ids: NDArray[np.int32], line_ends: NDArray[np.int64]) -> None:
        """Add tokens; `line_ends` counts the tokens before each end of a sentence."""
        missing = len(self.index) - self._counts.size
        if missing > 0:
            grown = max(missing, self._counts.size)
            self._counts = np.concatenate([self._counts, np.zeros(grown, np.int64)])
        np.add.at(self._counts, ids, 1)
        # The first token of a sentence is marked by inverting it, which makes it negative.
        firsts = line_ends[line_ends < ids.size]
        if self._new_sentence and ids.size:
            firsts = np.append(firsts, 0)
        ids[firsts] = ~ids[firsts]
        if ids.size:
            self._new_sentence = bool(line_ends.size) and bool(line_ends[-1] == ids.size)
            self._ids.append(ids)
        else:
            self._new_sentence |= bool(line_ends.size)

    def finish(
        self, origin: str, min_count: int, max_final_vocab: int | None, chunk: int
    ) -> tuple[Vocabulary, EncodedCorpus]:
        """Choose the vocabulary and renumber the tokens."""
        counts = self._counts[: len(self.index)]
        order = np.argsort(-counts, kind="stable")
        n_frequent = int(np.count_nonzero(counts >= min_count))
        order = order[:n_frequent][:max_final_vocab]
        if order.size < 2:
            raise _too_few(origin, counts, min_count, order.size)
        words = list(self.index)
        vocabulary = Vocabulary(tuple(words[i] for i in order.tolist()), counts[order])
        new_ids = np.full(counts.size, -1, np.int32)
        new_ids[order] = np.arange(order.size, dtype=np.int32)
        # A marked id counts from the end, see append.
        new_ids = np.concatenate([new_ids, new_ids[::-1]])
        raw_words = len(self._ids)
        with Spool(np.int64, self._memory_bytes) as starts:
            n_kept = 0
            last = -1
            for marked in self._ids.chunks(chunk):
                renumbered = new_ids[marked]
                kept = np.flatnonzero(renumbered >= 0)
                # A sentence begins at its first word that is kept; one that is left empty begins
                # where the next one does.
                begins = np.searchsorted(kept, np.flatnonzero(marked < 0)).astype(np.int64) + n_kept
                starts.append(begins[np.diff(begins, prepend=last) > 0])
                last = int(begins[-1]) if begins.size else last
                self._ids.overwrite(n_kept, renumbered[kept])
                n_kept += kept.size
            if last < n_kept:
                starts.append(np.array([n_kept], np.int64))
            self._ids.truncate(n_kept)
            return vocabulary, EncodedCorpus(self._ids.array(), starts.array(), raw_words)


def _too_few(origin: str, counts: NDArray[np.int64], min_count: int, left: int) -> CorpusError:
    if not counts.size:
        return CorpusError(f"no words in {origin}: there is nothing but white space")
    if not left:
        return CorpusError(
            f"none of the {counts.size:,} distinct words in {origin} occurs {min_count:,} times "
            f"(min_count); the most frequent one occurs {counts.max():,} times: lower --min-count"
        )
    return CorpusError(
        f"training needs at least 2 distinct words and {left} is left of the {counts.size:,} in "
        f"{origin}; give more text, lower --min-count or raise --max-final-vocab"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

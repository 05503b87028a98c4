"""Text to a vocabulary and token ids, in one pass."""

import os
import time
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from xw2v.cores import usable_cores
from xw2v.errors import ConfigError, CorpusError
from xw2v.text.blocks import BlockEncoder, SplitBlock
from xw2v.text.choosing import VocabularyRule, choose_vocabulary
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.normal import Block
from xw2v.text.options import TextOptions
from xw2v.text.phrases import PhraseTable
from xw2v.text.raw import RawCorpus
from xw2v.text.readers import read_blocks, string_blocks
from xw2v.text.sources import Source, find_sources
from xw2v.text.vocabulary import Vocabulary

__all__ = [
    "BLOCK_BYTES",
    "CountedText",
    "ReadProgress",
    "count_files",
    "count_sentences",
    "count_sources",
    "count_texts",
    "encode_files",
    "encode_sentences",
    "encode_texts",
]

Paths = Sequence[str | os.PathLike[str]]
OnRead = Callable[["ReadProgress"], None]

BLOCK_BYTES = 1 << 22
_CHUNK = 1 << 18
# More threads do not help: what is done in the order of the blocks is a third of a thread's work.
_THREADS = 4
_DEFAULTS = TextOptions()


@dataclass(frozen=True)
class ReadProgress:
    """How far reading has come.

    Attributes
    ----------
    done : int
        Bytes read, as they are stored; of texts from Python, as UTF-8.
    total : int or None
        Bytes of all sources, None if that is not known.
    words : int
        Words found so far.
    seconds : float
        Time taken so far.
    forgotten : int
        Occurrences of words that were not counted, see `VocabularyRule.max_vocab_size`.
    """

    done: int
    total: int | None
    words: int
    seconds: float
    forgotten: int = 0


@dataclass(frozen=True, eq=False)
class CountedText:
    """A text whose words are counted, before those to keep are chosen.

    Attributes
    ----------
    raw : RawCorpus
        Its words, phrases joined.
    phrases : tuple of PhraseTable
        The phrases of each pass.
    origin : str
        What messages call the text.
    """

    raw: RawCorpus
    phrases: tuple[PhraseTable, ...]
    origin: str

    def encode(self, rule: VocabularyRule) -> tuple[Vocabulary, EncodedCorpus]:
        """Choose the vocabulary and give the words their ids; the text is used up by that.

        Raises
        ------
        CorpusError
            If too few words remain, see `choose_vocabulary`.
        """
        return choose_vocabulary(self.raw, rule, self.origin)


def encode_files(
    paths: Paths,
    options: TextOptions = _DEFAULTS,
    *,
    min_count: int = VocabularyRule.min_count,
    max_final_vocab: int | None = VocabularyRule.max_final_vocab,
    workers: int | None = None,
    progress: OnRead | None = None,
    base: Vocabulary | None = None,
) -> tuple[Vocabulary, EncodedCorpus]:
    r"""Read text: build the vocabulary and turn the text into ids.

    By default sources are UTF-8 text, one sentence a line, words separated by white space: the
    words of a line are those of ``line.split()``. Lines end at ``"\n"`` only and may have any
    length; the end of a file ends its last line. A byte order mark at the beginning of a file is
    dropped.

    The text is read once, in blocks. Memory holds up to half a million distinct words and little
    else: the ids of a large corpus lie in a temporary file, 4 bytes a word, and so do distinct
    words where there are more.

    Parameters
    ----------
    paths : sequence of path-like
        Files, folders, glob patterns, ``"-"`` for standard input, ``"nltk:NAME,..."`` or URLs,
        see `find_sources`; they are read in this order.
    options : TextOptions
        How text becomes words.
    min_count : int
        Words that occur less often are dropped.
    max_final_vocab : int or None
        Keep at most this many words, the most frequent ones.
    workers : int, optional
        Threads, one for each core by default, 4 at most. The result does not depend on it.
    progress : callable, optional
        Called with a `ReadProgress` after each block.
    base : Vocabulary, optional
        A vocabulary to extend, such as that of a model to be trained further. All its words are
        in the vocabulary that is returned, with what they occur in the text added to their
        counts; `min_count` is about others, and `max_final_vocab` never drops one of them. Ids
        go by the new counts: they differ from those in `base`.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    CorpusError
        If a source is missing, unreadable or not what it should be, or fewer than two words
        remain, or no word of the text is in the vocabulary that extends `base`. All sources are
        looked for before the first is read.
    ConfigError
        If a number cannot work, or `options` has a `max_vocab_size` and there is a `base`.
    """
    rule = options.vocabulary_rule(min_count, max_final_vocab, base)
    with count_files(paths, options, workers=workers, progress=progress) as text:
        return text.encode(rule)


def encode_texts(
    texts: Iterable[Any],
    options: TextOptions = _DEFAULTS,
    *,
    min_count: int = VocabularyRule.min_count,
    max_final_vocab: int | None = VocabularyRule.max_final_vocab,
    workers: int | None = None,
    progress: OnRead | None = None,
    base: Vocabulary | None = None,
) -> tuple[Vocabulary, EncodedCorpus]:
    """Build the vocabulary of texts and turn them into ids.

    Parameters
    ----------
    texts : iterable of str
        Documents: a list or generator of strings, a column of pandas, polars, Arrow or of a
        Hugging Face dataset. None and NaN are no text.
    options, min_count, max_final_vocab, workers, progress, base
        As for `encode_files`.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    CorpusError
        If one of the texts is not a string, or too few words remain, as for `encode_files`.
    """
    rule = options.vocabulary_rule(min_count, max_final_vocab, base)
    with count_texts(texts, options, workers=workers, progress=progress) as text:
        return text.encode(rule)


def encode_sentences(
    sentences: Iterable[Iterable[str]],
    options: TextOptions = _DEFAULTS,
    *,
    min_count: int = VocabularyRule.min_count,
    max_final_vocab: int | None = VocabularyRule.max_final_vocab,
    base: Vocabulary | None = None,
) -> tuple[Vocabulary, EncodedCorpus]:
    """Build the vocabulary of sentences and turn them into ids.

    The sentences are iterated over once, so a generator will do. The ids of a large corpus lie
    in a temporary file, 4 bytes a word.

    Parameters
    ----------
    sentences : iterable of iterables of str
        The words of each sentence. They are taken as they are.
    options : TextOptions
        How phrases are found and which words are kept; the others are of no concern here.
    min_count, max_final_vocab, base
        As for `encode_files`.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    CorpusError
        If a sentence is a string or otherwise not made of words, or too few words remain, as for
        `encode_files`.
    """
    rule = options.vocabulary_rule(min_count, max_final_vocab, base)
    with count_sentences(sentences, options) as text:
        return text.encode(rule)


def count_files(
    paths: Paths, options: TextOptions = _DEFAULTS, **settings: Any
) -> AbstractContextManager[CountedText]:
    """Count the words of files, for as long as the context lasts.

    Parameters
    ----------
    paths, options
        As for `encode_files`.
    **settings
        As for `count_sources`.

    Returns
    -------
    context manager of CountedText

    Raises
    ------
    CorpusError
        As `encode_files`.
    """
    return count_sources(find_sources(paths), options, **settings)


@contextmanager
def count_sources(
    sources: Sequence[Source],
    options: TextOptions = _DEFAULTS,
    *,
    workers: int | None = None,
    progress: OnRead | None = None,
    block_bytes: int = BLOCK_BYTES,
    **raw_options: Any,
) -> Iterator[CountedText]:
    """Count the words of sources, for as long as the context lasts.

    Parameters
    ----------
    sources : sequence of Source
        What `find_sources` returned.
    options, workers, progress
        As for `encode_files`.
    block_bytes : int
        Bytes to read at a time.
    **raw_options
        Of `RawCorpus`, about its use of memory.

    Yields
    ------
    CountedText

    Raises
    ------
    CorpusError
        As `encode_files`.
    """
    sizes = [source.size for source in sources if source.size is not None]
    total = sum(sizes) if len(sizes) == len(sources) else None
    blocks = _blocks_of(sources, block_bytes, options)
    origin = _some([source.name for source in sources])
    with _raw_corpus(options, raw_options) as raw:
        _read(raw, blocks, total, options, workers, progress)
        yield _counted(raw, options, origin)


@contextmanager
def count_texts(
    texts: Iterable[Any],
    options: TextOptions = _DEFAULTS,
    *,
    workers: int | None = None,
    progress: OnRead | None = None,
    block_bytes: int = BLOCK_BYTES,
    **raw_options: Any,
) -> Iterator[CountedText]:
    """Count the words of texts, for as long as the context lasts.

    Parameters
    ----------
    texts
        As for `encode_texts`.
    options, workers, progress, block_bytes, **raw_options
        As for `count_sources`.

    Yields
    ------
    CountedText

    Raises
    ------
    CorpusError
        If one of the texts is not a string.
    """
    with _raw_corpus(options, raw_options) as raw:
        blocks = _numbered("the texts", string_blocks(texts, block_bytes, options.sentence_ends))
        _read(raw, blocks, None, options, workers, progress)
        yield _counted(raw, options, "the texts")


@contextmanager
def count_sentences(
    sentences: Iterable[Iterable[str]],
    options: TextOptions = _DEFAULTS,
    *,
    chunk: int = _CHUNK,
    **raw_options: Any,
) -> Iterator[CountedText]:
    """Count the words of sentences, for as long as the context lasts.

    Parameters
    ----------
    sentences, options
        As for `encode_sentences`.
    chunk : int
        Words that are taken in at a time.
    **raw_options
        Of `RawCorpus`, about its use of memory.

    Yields
    ------
    CountedText

    Raises
    ------
    CorpusError
        If a sentence is a string or otherwise not made of words.
    """
    with _raw_corpus(options, {"chunk": chunk, **raw_options}) as raw:
        ids = array("i")
        ends = array("q")
        for number, sentence in enumerate(sentences):
            if isinstance(sentence, (str, bytes)):
                raise CorpusError(
                    f"sentence {number} is one {type(sentence).__name__}, not a list of words; "
                    "split it first, for example with str.split"
                )
            known = len(raw.index)
            try:
                ids.extend(map(raw.number, sentence))
            except TypeError as error:
                raise CorpusError(f"sentence {number} is not a list of words: {error}") from error
            for word in islice(reversed(raw.index), len(raw.index) - known):
                _check_word(word, number)
            ends.append(len(ids))
            if len(ids) >= chunk:
                raw.append(np.array(ids, np.int32), np.array(ends, np.int64))
                del ids[:], ends[:]
        raw.append(np.array(ids, np.int32), np.array(ends, np.int64))
        yield _counted(raw, options, "the sentences")


def _raw_corpus(options: TextOptions, raw_options: dict[str, Any]) -> RawCorpus:
    if options.max_vocab_size is not None:
        raw_options = {**raw_options, "max_distinct": options.max_vocab_size, "forget": True}
    return RawCorpus(**raw_options)


def _counted(raw: RawCorpus, options: TextOptions, origin: str) -> CountedText:
    raw.seal()
    passes = range(options.phrases)
    return CountedText(raw, tuple(raw.join_phrases(options.phrase_rule) for _ in passes), origin)


def _blocks_of(
    sources: Sequence[Source], size: int, options: TextOptions
) -> Generator[tuple[str, Block, int]]:
    """Yield the blocks of sources, with the source's name and the bytes read so far."""
    before = 0
    for source in sources:
        done = 0
        for name, block, done in _numbered(source.name, read_blocks(source, size, options.reading)):
            yield name, block, before + done
        before += done if source.size is None else source.size


def _numbered(name: str, blocks: Iterator[Block]) -> Generator[tuple[str, Block, int]]:
    """Yield blocks with a name and the bytes read so far."""
    read = 0
    for block in blocks:
        read += len(block.data)
        yield name, block, read if block.done is None else block.done


def _read(
    raw: RawCorpus,
    blocks: Generator[tuple[str, Block, int]],
    total: int | None,
    options: TextOptions,
    workers: int | None,
    progress: OnRead | None,
) -> None:
    """Put the words of blocks into a raw corpus."""
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, not {workers}")
    began = time.perf_counter()
    encoder = BlockEncoder(
        raw.number, options.tokenizer, options.encoding_errors, options.sentence_ends
    )
    generation = raw.generation
    threads = min(usable_cores() if workers is None else workers, _THREADS)
    done = 0
    with closing(blocks), closing(_split(encoder, blocks, threads)) as splits:
        for split, done in splits:
            raw.append(*encoder.number(split))
            if raw.generation != generation:
                encoder.renumber(raw.number)
                generation = raw.generation
            if progress is not None:
                seconds = time.perf_counter() - began
                progress(ReadProgress(done, total, raw.n_tokens, seconds, raw.forgotten))


def _split(
    encoder: BlockEncoder, blocks: Iterator[tuple[str, Block, int]], threads: int
) -> Generator[tuple[SplitBlock, int]]:
    """Split blocks in threads, and yield them in their order with the bytes read so far."""
    if threads == 1:
        for name, block, done in blocks:
            yield _split_one(encoder, name, block), done
        return
    waiting: deque[tuple[Future[SplitBlock], int]] = deque()
    with ThreadPoolExecutor(threads, "xw2v-read") as pool:
        try:
            for name, block, done in blocks:
                waiting.append((pool.submit(_split_one, encoder, name, block), done))
                if len(waiting) > threads:
                    future, its_done = waiting.popleft()
                    yield future.result(), its_done
            while waiting:
                future, its_done = waiting.popleft()
                yield future.result(), its_done
        finally:
            pool.shutdown(cancel_futures=True)


def _split_one(encoder: BlockEncoder, name: str, block: Block) -> SplitBlock:
    try:
        return encoder.split(block.data)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{name} is not UTF-8: {block.place(error.start)} cannot be decoded; convert the "
            "file, or use --encoding-errors replace (or ignore)"
        ) from error


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


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

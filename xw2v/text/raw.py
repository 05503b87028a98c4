"""A tokenized text before its vocabulary is chosen."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain, compress, count, islice
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import CorpusError
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.generations import PARTITIONS, Generation, StoredWords, total_up
from xw2v.text.phrases import PhraseRule, PhraseTable, phrase_pass
from xw2v.text.spool import Spool, scratch_array

__all__ = ["RawCorpus", "Words"]

# More distinct words than this are not held in memory at once: some 150 bytes each.
_DISTINCT = 1 << 19
_MEMORY_BYTES = 1 << 24
_CHUNK = 1 << 18
# What a word that is forgotten becomes.
_NONE = -1
# So many words of a text with phrases go to one temporary file.
_FILE = 1 << 20
_NO_COUNTS = np.empty(0, np.int64)


class Words(Protocol):
    """The distinct words of a text, by number."""

    def __len__(self) -> int: ...

    def take(self, numbers: NDArray[Any]) -> list[str]:
        """Return the words of these numbers."""
        ...

    def find(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the numbers of those of `words` that are there, in no particular order."""
        ...


class RawCorpus:
    """The words of a text, each as a number, and how often each distinct one occurs.

    Words are numbered by first appearance. Memory holds at most `max_distinct` of them: when there
    are more, the words that were counted so far are put into a temporary file, a *generation* of
    them, and numbering goes on with none; `seal` finds out which words of several generations
    are the same. Nothing is lost by that, so counts are exact.

    Use it as a context manager: `append` the text, `seal` it, then read it.

    Parameters
    ----------
    memory_bytes : int
        More word numbers than fit in it go to a temporary file.
    max_distinct : int
        Hold so many distinct words in memory.
    forget : bool
        Where there are more, forget the rarest in place of starting a generation, those that
        occurred once, the next time those that occurred up to twice, and so on, as gensim's
        ``max_vocab_size`` does. Their occurrences so far are not counted then.
    chunk : int
        Words in a piece of what `chunks` yields.

    Attributes
    ----------
    number : callable
        The number of a word, a new one where it is new. It is another after `append` may have
        changed `generation`.
    generation : int
        Changes when words get other numbers.
    forgotten : int
        Occurrences of words that were forgotten. Of a sealed corpus all of them have one number,
        which has no spelling and a count of 0.
    words : Words
        The distinct words, of a sealed corpus.
    counts : ndarray of int64, shape (len(words),)
        How often each occurs, of a sealed corpus.
    """

    words: Words
    counts: NDArray[np.int64]

    def __init__(
        self,
        *,
        memory_bytes: int = _MEMORY_BYTES,
        max_distinct: int = _DISTINCT,
        forget: bool = False,
        chunk: int = _CHUNK,
    ) -> None:
        self.generation = 0
        self.forgotten = 0
        self._memory_bytes = memory_bytes
        self._max_distinct = max_distinct
        self._forget = forget
        self._rare = 0
        self._chunk = chunk
        self._ids: Spool[np.int32] = Spool(np.int32, memory_bytes)
        self._new_sentence = True
        self._generations: list[Generation] = []
        # What became of each number below `_base` when words were forgotten, and where the
        # numbers begin that were given between two times.
        self._became: Spool[np.int32] = Spool(np.int32, memory_bytes)
        self._bases = [0]
        # The number of the words that were forgotten, in a sealed corpus.
        self._gap: int | None = None
        self._stored: StoredWords | None = None
        self._begin(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._ids.close()
        self._became.close()
        for generation in self._generations:
            generation.close()
        if self._stored is not None:
            self._stored.close()

    def _begin(
        self, base: int, words: Iterable[str] = (), counts: NDArray[np.int64] = _NO_COUNTS
    ) -> None:
        """Give numbers from `base` on, first to some words that were counted before."""
        limit = np.iinfo(np.int32).max - 2 * max(self._max_distinct, _DISTINCT)
        if base and base + counts.size > limit:
            raise CorpusError(
                "the text has some 2,000,000,000 distinct words, which is too many: split it into "
                "words in another way, or let rare ones be forgotten (a low --max-vocab-size)"
            )
        self._base = base
        numbers = count(base)
        self._set_index(defaultdict(numbers.__next__, zip(words, numbers, strict=False)))
        self._counts = np.zeros(max(counts.size, 1 << 16), np.int64)
        self._counts[: counts.size] = counts

    def _set_index(self, index: defaultdict[str, int]) -> None:
        self.index = index
        self.number: Callable[[str], int] = index.__getitem__

    @property
    def n_tokens(self) -> int:
        """Words of the text."""
        return len(self._ids)

    def append(self, ids: NDArray[np.int32], ends: NDArray[np.int64]) -> None:
        """Add words by number.

        Parameters
        ----------
        ids : ndarray of int32, shape (n,)
            Numbers that `number` gave since `generation` is what it is. Changed in place.
        ends : ndarray of int64
            Words before each end of a sentence, rising.

        Raises
        ------
        CorpusError
            If the temporary file cannot be written, or there are 2**31 distinct words.
        """
        self._count(ids)
        # The first word of a sentence is marked by inverting its number, which makes it negative.
        firsts = ends[ends < ids.size]
        if self._new_sentence and ids.size:
            firsts = np.append(firsts, 0)
        ids[firsts] = ~ids[firsts]
        if ids.size:
            self._new_sentence = bool(ends.size) and bool(ends[-1] == ids.size)
            self._ids.append(ids)
        else:
            self._new_sentence |= bool(ends.size)
        if len(self.index) > self._max_distinct:
            if self._forget:
                self._forget_rare()
            else:
                self._end_generation()
            self.generation += 1

    def _count(self, ids: NDArray[np.int32]) -> None:
        n_words = len(self.index)
        if n_words > self._counts.size:
            grown = np.zeros(max(n_words, 2 * self._counts.size), np.int64)
            grown[: self._counts.size] = self._counts
            self._counts = grown
        np.add.at(self._counts, ids - np.int32(self._base) if self._base else ids, 1)

    def _forget_rare(self) -> None:
        """Forget the rarest words; the others are numbered anew."""
        counts = self._counts[: len(self.index)]
        # The most frequent word there is no room for, and all that are not more frequent, must go.
        no_room = int(np.partition(counts, -self._max_distinct - 1)[-self._max_distinct - 1])
        self._rare = max(self._rare + 1, no_room)
        kept = counts > self._rare
        self.forgotten += int(counts[~kept].sum())
        base = self._base + counts.size
        became = np.full(counts.size, _NONE, np.int32)
        became[kept] = np.arange(base, base + np.count_nonzero(kept), dtype=np.int32)
        self._became.append(became)
        self._bases.append(base)
        self._begin(base, compress(self.index, kept.tolist()), counts[kept])

    def _end_generation(self) -> None:
        """Put the words of this generation away and begin another."""
        counts = self._counts[: len(self.index)]
        self._generations.append(Generation(list(self.index), counts, self._base))
        self._begin(self._base + counts.size)

    def seal(self) -> None:
        """End the text: from here on it can be read."""
        if self._generations:
            self._end_generation()
            self._unite()
            return
        self.counts = self._counts[: len(self.index)]
        if self._base:
            self._close_ranks()
        else:
            self.words = _HeldWords(list(self.index), self.index)
        self._set_index(defaultdict())

    def _close_ranks(self) -> None:
        """Give the words that are left numbers from 0 on, and one to all that were forgotten."""
        words = list(self.index)
        self._gap = len(words)
        new_numbers = scratch_array(self._base + len(words), np.int32, self._memory_bytes)
        new_numbers[self._base :] = np.arange(len(words), dtype=np.int32)
        all_became = self._became.array()
        for begin, end in zip(self._bases[-2::-1], self._bases[:0:-1], strict=True):
            became = all_became[begin:end]
            new_numbers[begin:end] = np.where(became == _NONE, self._gap, new_numbers[became])
        self._renumber(new_numbers)
        self.words = _HeldWords([*words, ""], dict(zip(words, count(), strict=False)))
        self.counts = np.append(self.counts, 0)

    def _renumber(self, new_numbers: NDArray[np.int32]) -> None:
        position = 0
        for marked in self._ids.chunks(self._chunk):
            mark = marked >> 31  # -1 inverts, 0 does nothing
            self._ids.overwrite(position, new_numbers[marked ^ mark] ^ mark)
            position += marked.size

    def _unite(self) -> None:
        """Give the words of all generations numbers by first appearance, each word one."""
        n = self._base
        first = scratch_array(n, np.int32, self._memory_bytes)
        totals = scratch_array(n, np.int64, self._memory_bytes)
        for partition in range(PARTITIONS):
            total_up([g.partition(partition) for g in self._generations], first, totals)
        new_numbers = scratch_array(n, np.int32, self._memory_bytes)
        n_words = 0
        for generation in self._generations:
            its = generation.numbers
            is_first = first[its] == np.arange(its.start, its.stop, dtype=np.int32)
            new_numbers[its] = n_words + np.cumsum(is_first, dtype=np.int32) - 1
            n_words += int(np.count_nonzero(is_first))
        counts = scratch_array(n_words, np.int64, self._memory_bytes)
        self._stored = words = StoredWords()
        n_words = 0
        for generation in self._generations:
            its = generation.numbers
            places = np.flatnonzero(first[its] == np.arange(its.start, its.stop, dtype=np.int32))
            # `first` is not above the numbers of its generation: what it refers to is renumbered.
            new_numbers[its] = new_numbers[first[its]]
            counts[n_words : n_words + places.size] = totals[its][places]
            words.append(generation.take(places))
            n_words += places.size
            generation.close()
        self._generations = []
        self.words, self.counts = words, counts
        self._renumber(new_numbers)

    def chunks(self) -> Iterator[NDArray[np.int32]]:
        """Yield the numbers of all words, in read-only pieces.

        The first word of each sentence is marked by inverting its number (``~number``), which
        makes it negative. Sentences run on from one piece to the next, and none is empty.
        """
        return self._ids.chunks(self._chunk)

    def join_phrases(self, rule: PhraseRule) -> PhraseTable:
        """Find phrases and make one word of each, once; the words are numbered anew.

        Parameters
        ----------
        rule : PhraseRule
            Of its `passes` one is done.

        Returns
        -------
        PhraseTable
        """
        position = 0

        def write(piece: NDArray[np.int32]) -> None:
            nonlocal position
            self._ids.overwrite(position, piece)
            position += piece.size

        done = phrase_pass(self.words, self.counts, self.chunks, rule, write)
        self._ids.truncate(position)
        spelled = chain.from_iterable(done.spellings(self.words))
        if self._stored is None:
            gaps = done.order == self._gap
            self._gap = int(np.flatnonzero(gaps)[0]) if gaps.any() else None
            words = list(spelled)
            numbers = {word: number for number, word in enumerate(words) if number != self._gap}
            self.words = _HeldWords(words, numbers)
        else:
            before, self._stored = self._stored, StoredWords()
            with closing(before):
                while some := list(islice(spelled, _FILE)):
                    self._stored.append(some)
            self.words = self._stored
        self.counts = done.counts
        return done.table

    def encode(self, new_ids: NDArray[np.int32]) -> EncodedCorpus:
        """Return it with the ids of a vocabulary. Nothing else can be done with this corpus then.

        Parameters
        ----------
        new_ids : ndarray of int32, shape (len(words),)
            The id of each word, -1 for those that are dropped.
        """
        # A marked number counts from the end.
        new_ids = np.concatenate([new_ids, new_ids[::-1]])
        raw_words = len(self._ids)
        with Spool(np.int64, self._memory_bytes) as starts:
            n_kept = 0
            last = -1
            for marked in self.chunks():
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
            return EncodedCorpus(self._ids.array(), starts.array(), raw_words)


class _HeldWords:
    """Distinct words in memory.

    Parameters
    ----------
    words : list of str
        By number.
    index : mapping
        The number of each, except for those that stand for words that were forgotten.
    """

    def __init__(self, words: list[str], index: Mapping[str, int]) -> None:
        self._words = words
        self._index = index

    def __len__(self) -> int:
        return len(self._words)

    def take(self, numbers: NDArray[Any]) -> list[str]:
        return [self._words[number] for number in numbers.tolist()]

    def find(self, words: Iterable[str]) -> NDArray[np.int64]:
        found = (self._index[word] for word in words if word in self._index)
        return np.fromiter(found, np.int64)

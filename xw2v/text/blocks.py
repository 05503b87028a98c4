"""Blocks of UTF-8 text to word numbers."""

import re
from collections.abc import Callable, Iterable
from itertools import chain, compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xw2v.text.normal import Sentences
from xw2v.text.runs import BlockRuns, KnownRuns, find_runs
from xw2v.text.tokenizers import Tokenizer

__all__ = ["BlockEncoder", "SplitBlock"]

# So many of the first runs are not looked up again in each block, if they are not too long.
_KNOWN = 100_000
_LONGEST_KNOWN = 100
# Where sentences end: after these at the end of a run, and after those of Chinese and Japanese
# anywhere; closing quotes and brackets belong to the sentence before them.
_CLOSERS = "[\"'”’»)\\]」』）]*"
# (Of marks in a row only the first is tried, lest many of them take for ever.)
_SENTENCE_ENDS = re.compile(rf"(?<![.!?…])[.!?…]++{_CLOSERS}(?=\s*$)|[。！？｡]+{_CLOSERS}")
_END = -1
_UNNUMBERED = -2


class SplitBlock(NamedTuple):
    """A block whose runs are found and whose new ones are cut into words.

    Attributes
    ----------
    runs : BlockRuns
    words : list of str
        Those of all new runs, one after the other; None ends a sentence.
    n_words : ndarray of int32, or None
        How many each run has; None if each has one.
    """

    runs: BlockRuns
    words: list[str | None]
    n_words: NDArray[np.int32] | None


class BlockEncoder:
    r"""Split blocks at white space, cut the pieces into words and number these.

    `split` does most of the work, for several blocks at once if it is called in several threads;
    `number` puts in what depends on the blocks before, and is to be called for one block after
    the other. Each run between white space is hashed once; Python sees only the distinct ones of
    each block, and of those only the ones that are not among the first in the text.

    Parameters
    ----------
    number : callable
        Gives the number of a word, a new one where the word is new.
    tokenizer : Tokenizer
    errors : {"strict", "replace", "ignore"}
        What to do with bytes that are not UTF-8, as for ``bytes.decode``.
    sentences : {"line", "document", "punctuation"}
        What ends a sentence: a newline; or, for "punctuation", a blank line, one of ``.!?…`` at
        the end of a run (closing quotes and brackets may follow), or ``。！？`` anywhere.
    """

    def __init__(
        self,
        number: Callable[[str], int],
        tokenizer: Tokenizer,
        errors: str = "strict",
        sentences: Sentences = "line",
    ) -> None:
        self._number = number
        self._tokenizer = tokenizer
        self._errors = errors
        self._by_punctuation = sentences == "punctuation"
        # Replaced as a whole, so that a thread that splits a block has one or the other.
        self._known = KnownRuns.none()
        self._known_words: list[str | None] = []
        self._known_ids = np.empty(0, np.int32)
        self._known_lengths = np.empty(0, np.int32)
        # Known runs that have not occurred since words are numbered anew.
        self._is_stale = np.empty(0, np.bool_)
        self._line_is_empty = True

    def split(self, block: bytes) -> SplitBlock:
        r"""Find the words of a block.

        Parameters
        ----------
        block : bytes
            Ends with ASCII white space.

        Returns
        -------
        SplitBlock

        Raises
        ------
        UnicodeDecodeError
            If the block is not UTF-8 and errors are "strict".
        """
        runs = find_runs(block, self._known)
        texts = runs.new.texts()
        try:
            joined = b"\n".join(texts).decode()
        except UnicodeDecodeError:
            if self._errors == "strict":
                block.decode()  # raises the same, with the position in the block
                raise
            joined = "\n".join(text.decode("utf-8", self._errors) for text in texts)
        words, n_words = self._words_of_each(joined) if texts else ([], None)
        return SplitBlock(runs, words, n_words)

    def number(self, split: SplitBlock) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Turn the words of a block into numbers.

        Parameters
        ----------
        split : SplitBlock
            What `split` made of the block that follows the last one.

        Returns
        -------
        ids : ndarray of int32, shape (n,)
            The number of each word.
        ends : ndarray of int64
            Words before each end of a sentence, rising.
        """
        runs = split.runs
        new_lengths = split.n_words
        if new_lengths is None:
            new_lengths = np.ones(len(runs.new), np.int32)
        lengths = np.concatenate([self._known_lengths[: len(runs.known)], new_lengths])
        n_known_words = int(lengths[: len(runs.known)].sum())
        stale = runs.slots[self._stale_places(runs)]
        if stale.size:
            ids = self._numbers_anew(split, lengths, n_known_words)
            self._known_ids[:n_known_words] = ids[:n_known_words]
            self._is_stale[stale] = False
        else:
            known_ids = self._known_ids[:n_known_words]
            ids = np.concatenate([known_ids, self._numbers(split.words)])
        if runs.known is self._known:
            self._learn(runs.new, split.words, ids[n_known_words:], new_lengths)
        line_ends = self._blank_lines(runs) if self._by_punctuation else runs.line_ends
        if (lengths == 1).all() and not self._by_punctuation:
            return ids.take(runs.slots, mode="clip"), line_ends
        return _expanded(ids, lengths, runs.slots, line_ends)

    def renumber(self, number: Callable[[str], int]) -> None:
        """Go on with another function that numbers words; known words have no numbers then."""
        self._number = number
        self._known_ids[self._known_ids != _END] = _UNNUMBERED
        self._is_stale[:] = True

    def _words_of_each(self, joined: str) -> tuple[list[str | None], NDArray[np.int32] | None]:
        """Return the words of runs that are joined by line ends, and how many each has."""
        words: list[str | None]
        if not self._by_punctuation:
            words, n_words = self._tokenizer.words_of_each(joined)  # type: ignore[assignment]
        else:
            runs = joined.split("\n")
            ends = [bool(found) for found in map(_SENTENCE_ENDS.search, runs)]
            if not any(ends):
                words, n_words = self._tokenizer.words_of_each(joined)  # type: ignore[assignment]
            else:
                lists = list(map(self._ended_words, runs))
                words, n_words = list(chain.from_iterable(lists)), list(map(len, lists))
        return words, None if n_words is None else np.array(n_words, np.int32)

    def _ended_words(self, run: str) -> list[str | None]:
        """Return the words of a run, with None after each sentence that ends in it."""
        words: list[str | None] = []
        begin = 0
        for end in _SENTENCE_ENDS.finditer(run):
            words += self._tokenizer.words(run[begin : end.end()])
            words.append(None)
            begin = end.end()
        return words + self._tokenizer.words(run[begin:])

    def _numbers(self, words: Iterable[str | None]) -> NDArray[np.int32]:
        if not self._by_punctuation:
            return np.fromiter(map(self._number, words), np.int32)  # type: ignore[arg-type]
        numbers = (_END if word is None else self._number(word) for word in words)
        return np.fromiter(numbers, np.int32)

    def _stale_places(self, runs: BlockRuns) -> NDArray[np.intp]:
        """Find the known runs of a block whose words have no numbers."""
        if not self._is_stale.any():
            return np.empty(0, np.intp)
        is_stale = np.zeros(len(runs.known) + len(runs.new), np.bool_)
        is_stale[: len(runs.known)] = self._is_stale[: len(runs.known)]
        return np.flatnonzero(is_stale[runs.slots])

    def _numbers_anew(
        self, split: SplitBlock, lengths: NDArray[np.int32], n_known_words: int
    ) -> NDArray[np.int32]:
        """Give numbers to the words of new and stale known runs, by first appearance.

        Which runs are known depends on how fast threads are; numbers must not.
        """
        runs = split.runs
        n_known = len(runs.known)
        places = np.union1d(self._stale_places(runs), np.flatnonzero(runs.slots >= n_known))
        slots, first = np.unique(runs.slots[places], return_index=True)
        its_words = _word_places(lengths, slots[np.argsort(first)])
        words = self._known_words[:n_known_words] + split.words
        ids = np.full(len(words), _UNNUMBERED, np.int32)
        ids[:n_known_words] = self._known_ids[:n_known_words]
        ids[its_words] = self._numbers(words[place] for place in its_words.tolist())
        return ids

    def _learn(
        self,
        runs: KnownRuns,
        words: list[str | None],
        ids: NDArray[np.int32],
        lengths: NDArray[np.int32],
    ) -> None:
        """Add runs to the known ones while there is room."""
        room = _KNOWN - len(self._known)
        if room <= 0:
            return
        chosen = np.flatnonzero(runs.lengths() <= _LONGEST_KNOWN)[:room]
        is_chosen = np.zeros(len(runs), np.bool_)
        is_chosen[chosen] = True
        its_words = np.repeat(is_chosen, lengths)
        self._known_words += compress(words, its_words)
        self._known_ids = np.concatenate([self._known_ids, ids[its_words]])
        self._known_lengths = np.concatenate([self._known_lengths, lengths[chosen]])
        self._is_stale = np.append(self._is_stale, np.zeros(chosen.size, np.bool_))
        self._known = self._known.followed_by(runs.chosen(chosen))

    def _blank_lines(self, runs: BlockRuns) -> NDArray[np.int64]:
        """Count the runs before each newline that ends an empty line."""
        ends = runs.line_ends
        if not ends.size:
            self._line_is_empty &= not runs.slots.size
            return ends
        blank = np.diff(ends, prepend=np.int64(0)) == 0
        blank[0] &= self._line_is_empty
        self._line_is_empty = bool(ends[-1] == runs.slots.size)
        found: NDArray[np.int64] = ends[blank]
        return found


def _expanded(
    ids: NDArray[np.int32],
    lengths: NDArray[np.int32],
    slots: NDArray[np.int32],
    line_ends: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Put each run's words in its place, and take the ends of sentences out of them."""
    words = ids[_word_places(lengths, slots)]
    line_ends = np.concatenate([[0], np.cumsum(lengths[slots], dtype=np.int64)])[line_ends]

    is_word = words != _END
    if is_word.all():
        return words, line_ends
    before = np.concatenate([[0], np.cumsum(is_word)])
    ends = np.concatenate([before[line_ends], before[np.flatnonzero(~is_word)]])
    return words[is_word], np.unique(ends)


def _word_places(lengths: NDArray[np.int32], slots: NDArray[np.int32]) -> NDArray[np.int64]:
    """Find the words of some runs, in a row, among those of all distinct ones."""
    firsts = np.cumsum(lengths, dtype=np.int64) - lengths
    run_lengths = lengths[slots]
    before = np.cumsum(run_lengths, dtype=np.int64) - run_lengths
    # Counted on from the first word of its run.
    places = np.repeat(firsts[slots] - before, run_lengths)
    places += np.arange(places.size)
    return places

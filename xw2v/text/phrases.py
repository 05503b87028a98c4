"""Words that belong together become one: "new york" becomes "new_york".

The rule is that of gensim's ``Phrases``, and so are the results, unless gensim prunes its counts
(it does beyond ``max_vocab_size``, 40 million different words and pairs; here nothing is pruned).
One thing is not imitated: gensim loses words that are empty strings; here they are words.

Everything works on arrays of word numbers, in a stream. A *candidate* is two words that are no
connector words, with nothing but connector words between them, in one sentence. gensim counts
words and candidates in one dictionary of strings, the members of a candidate joined by the
delimiter. Where words contain the delimiter, as they do after a first pass, different candidates
and words can so be one and the same string, whose counts are added up. Here candidates are counted
as numbers, and only those whose spellings have the same hash are compared as strings.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import ConfigError
from xw2v.text.candidates import CandidateCounter, KeyCounter, Rows
from xw2v.text.connectors import Connectors, Window
from xw2v.text.spellings import (
    HashIndex,
    SpelledWords,
    Speller,
    SpellingHashes,
    number_blocks,
)

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "Phrase",
    "PhrasePass",
    "PhraseRule",
    "PhraseTable",
    "SpelledWords",
    "join_phrases",
    "learn_phrases",
    "phrase_lines",
    "phrase_pass",
]

Scoring = Literal["default", "npmi"]
Chunks = Callable[[], Iterable[NDArray[np.int32]]]

# The same as gensim's, for comparisons.
ENGLISH_CONNECTOR_WORDS = frozenset(
    (
        *("a", "an", "the"),
        *("for", "of", "with", "without", "at", "from", "to", "in", "on", "by"),
        *("and", "or"),
    )
)

_MEMORY_KEYS = 1 << 24


@dataclass(frozen=True)
class PhraseRule:
    """How phrases are found; names and defaults are gensim's.

    Parameters
    ----------
    passes : int
        How often phrases are learned and joined. Each pass works on the text that the one before
        left, so that 2 passes find phrases of up to 4 words.
    min_count : float
        With scoring "default" what is taken off the count of every candidate, which makes it the
        count that a phrase must exceed; with "npmi" the count that a phrase must reach.
    threshold : float
        A candidate is a phrase if its score is above this.
    scoring : {"default", "npmi"}
        "default": the score of Mikolov et al. (2013), (count of the candidate - min_count) /
        (count of its first word * count of its last) * number of different words and candidates.
        "npmi": normalized pointwise mutual information, between -1 and 1.
    delimiter : str
        What stands between the words of a phrase.
    connector_words : collection of str
        Words that may stand inside a phrase and do not count there ("bank of america"), but
        neither begin nor end one. Kept as a sorted tuple.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names it.
    """

    passes: int = 1
    min_count: float = 5
    threshold: float = 10.0
    scoring: Scoring = "default"
    delimiter: str = "_"
    connector_words: Collection[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.passes, np.integer):
            object.__setattr__(self, "passes", int(self.passes))
        if not isinstance(self.passes, int) or isinstance(self.passes, bool) or self.passes < 1:
            raise ConfigError(f"passes must be a whole number of at least 1, not {self.passes!r}")
        if self.scoring not in get_args(Scoring):
            raise ConfigError(f"scoring must be 'default' or 'npmi', not {self.scoring!r}")
        for name in ("min_count", "threshold"):
            self._check_float(name)
        if self.min_count <= 0:
            raise ConfigError(f"min_count of phrases must be above 0, not {self.min_count!r}")
        if self.scoring == "default" and self.threshold <= 0:
            raise ConfigError(
                f"threshold must be above 0 for scoring 'default', not {self.threshold!r}"
            )
        if self.scoring == "npmi" and not -1 <= self.threshold <= 1:
            raise ConfigError(
                f"threshold must be between -1 and 1 for scoring 'npmi', not {self.threshold!r}"
            )
        self._check_delimiter()
        self._check_connector_words()

    def _check_float(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, (np.integer, np.floating)):
            object.__setattr__(self, name, value := value.item())
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise ConfigError(f"{name} of phrases must be a finite number, not {value!r}")

    def _check_delimiter(self) -> None:
        if not isinstance(self.delimiter, str) or self.delimiter.split() != [self.delimiter]:
            raise ConfigError(
                "delimiter must be a string of at least one character and without white space, "
                f"not {self.delimiter!r}"
            )
        if not _is_utf8(self.delimiter):
            raise ConfigError(f"delimiter {self.delimiter!r} cannot be written as UTF-8")

    def _check_connector_words(self) -> None:
        words = self.connector_words
        is_collection = isinstance(words, Collection) and not isinstance(words, (str, bytes))
        if not is_collection or not all(isinstance(word, str) for word in words):
            raise ConfigError(f"connector_words must be a collection of words, not {words!r}")
        object.__setattr__(self, "connector_words", tuple(sorted(set(words))))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Phrase:
    """A phrase that was found.

    Attributes
    ----------
    joined : str
        Its words, joined by the delimiter.
    count : int
        How often they stand side by side; it is joined less often where phrases overlap.
    score : float
    """

    joined: str
    count: int
    score: float


@dataclass(frozen=True, eq=False)
class PhraseTable:
    """The phrases of a text, as numbers: all that joining them needs.

    Attributes
    ----------
    n_words : int
        Words of the text before.
    connectors : ndarray of int32, shape (C,)
        The numbers of the connector words among them, rising.
    first, second : ndarray of int32, shape (P,)
        The first and the last word of each phrase. The phrases are sorted by first, second,
        between.
    between : tuple of tuples of int, length P
        The numbers of the connector words between them.
    numbers : ndarray of int32, shape (P,)
        The number of the joined word: that of an old word, where one is spelled like it, or else
        from `n_words` on. Phrases that are spelled the same have the same number.
    spelled : tuple of str, length P
        The spellings of the joined words.
    new_words : tuple of str
        The spellings of the numbers from `n_words` on, each once.
    counts : ndarray of int64, shape (P,)
        See `Phrase`.
    scores : ndarray of float64, shape (P,)
    """

    n_words: int
    connectors: NDArray[np.int32]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    between: tuple[tuple[int, ...], ...]
    numbers: NDArray[np.int32]
    spelled: tuple[str, ...]
    new_words: tuple[str, ...]
    counts: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.spelled)


@dataclass(frozen=True, eq=False)
class PhrasePass:
    """A text after a pass: its words, once more numbered by first appearance.

    Attributes
    ----------
    table : PhraseTable
        The phrases that were joined.
    order : ndarray of int32, shape (M,)
        What each of the M words is: an old word, by its number before the pass, or one of the
        table's new words, from ``table.n_words`` on. Old words that are left nowhere are not
        there.
    counts : ndarray of int64, shape (M,)
        How often each occurs; 0 of words that were uncounted before.
    """

    table: PhraseTable
    order: NDArray[np.int32]
    counts: NDArray[np.int64]

    def spellings(self, words: SpelledWords) -> Iterator[list[str]]:
        """Yield the spellings of the M words in order, some 65,000 at a time.

        Parameters
        ----------
        words : SpelledWords
            The words before the pass.
        """
        n_words, new_words = self.table.n_words, self.table.new_words
        for numbers in number_blocks(self.order):
            old = iter(words.take(numbers[numbers < n_words]))
            yield [
                next(old) if number < n_words else new_words[number - n_words]
                for number in numbers.tolist()
            ]


def learn_phrases(
    words: SpelledWords,
    counts: NDArray[np.int64],
    chunks: Chunks,
    rule: PhraseRule,
    *,
    memory_keys: int = _MEMORY_KEYS,
) -> PhraseTable:
    """Find the phrases of a text.

    Parameters
    ----------
    words : SpelledWords
        The n different words of the text.
    counts : ndarray of int64, shape (n,)
        How often each occurs. A word may be uncounted, 0, wherever it occurs: it belongs to no
        phrase, and its spelling does not matter.
    chunks : callable
        Called once; gives the numbers of the tokens in order, in int32 arrays of any length. The
        first token of each sentence is inverted (``~number``).
    rule : PhraseRule
        Of its `passes` one is done.
    memory_keys : int
        So many different candidates are held in memory, at up to 64 bytes each; the others go to
        temporary files. The result does not depend on it.

    Returns
    -------
    PhraseTable
        Nor does it depend on where chunks are cut.

    Raises
    ------
    ValueError
        If there is not one count for each word.
    CorpusError
        If a temporary file cannot be written.
    """
    if counts.shape != (len(words),):
        raise ValueError(f"counts must be of shape ({len(words)},), not {counts.shape}")
    connector_numbers, marked = _find_words(words, counts, rule)
    connectors = Connectors(len(words), connector_numbers)
    speller = Speller(words, connectors, rule.delimiter)
    with CandidateCounter(len(words), memory_keys) as candidates:
        _count_candidates(chunks(), connectors, counts > 0, candidates)
        unigrams = np.where(connectors.mask, 0, counts)
        if marked.size:
            marked_unigrams = marked[~connectors.mask[marked]]
            vocab = _merged_survey(
                candidates, unigrams, marked_unigrams, speller, rule, memory_keys
            )
        else:
            vocab = _survey(candidates, unigrams, rule)
    kept, scores = _score(vocab, int(counts.sum()), rule)
    return _table(speller, marked, vocab.rows.take(kept), scores)


def join_phrases(
    chunks: Iterable[NDArray[np.int32]], table: PhraseTable
) -> Iterator[NDArray[np.int32]]:
    """Replace the phrases of a text by their joined words, greedily from the left.

    Parameters
    ----------
    chunks : iterable of ndarray of int32
        The text, as for `learn_phrases`.
    table : PhraseTable
        What that returned.

    Yields
    ------
    ndarray of int32
        The joined text, likewise, where the joined words are numbered as in the table. So far
        there were never more tokens in it than were read.
    """
    connectors = Connectors(table.n_words, table.connectors)
    nodes = [connectors.node(between, add=True) for between in table.between]
    finder = _PhraseFinder(table.first, np.array(nodes, np.int64), table.second)
    rest = np.empty(0, np.int32)
    for chunk in chunks:
        tokens = np.concatenate([rest, chunk])
        window = connectors.window(tokens, add=False)
        pairs, phrases = finder.find(window)
        # In a row of overlapping phrases each second one loses its first word to the one before.
        taken = _alternate(pairs)
        pairs, phrases = pairs[taken], phrases[taken]
        begins = window.at[pairs]
        ends = window.at[pairs + 1]
        tokens[begins] = table.numbers[phrases] ^ (tokens[begins] >> 31)
        covered = np.zeros(tokens.size + 1, np.int8)
        covered[begins + 1] = 1
        covered[ends + 1] = -1
        kept = np.cumsum(covered[:-1], dtype=np.int8) == 0
        # The last word may be joined to one that is still to come, unless a phrase ends with it.
        done = tokens.size
        if window.at.size and not (pairs.size and ends[-1] == window.at[-1]):
            done = int(window.at[-1])
        rest = tokens[done:]
        if done:
            yield tokens[:done][kept[:done]]
    if rest.size:
        yield rest


def phrase_pass(
    words: SpelledWords,
    counts: NDArray[np.int64],
    chunks: Chunks,
    rule: PhraseRule,
    write: Callable[[NDArray[np.int32]], object],
    *,
    memory_keys: int = _MEMORY_KEYS,
) -> PhrasePass:
    """Find the phrases of a text and join them, once.

    Parameters
    ----------
    words, counts
        As for `learn_phrases`.
    chunks : callable
        As for `learn_phrases`, called twice.
    rule
        As for `learn_phrases`.
    write : callable
        Called with each piece of the joined text, an int32 array in the new numbering; first
        tokens of sentences are inverted as before. So far it was never given more tokens than
        were read in the second round, so it may overwrite the text in place.
    memory_keys
        As for `learn_phrases`.

    Returns
    -------
    PhrasePass
        What the new numbers mean.

    Raises
    ------
    ValueError, CorpusError
        As `learn_phrases`.
    """
    table = learn_phrases(words, counts, chunks, rule, memory_keys=memory_keys)
    numbering = _Numbering(table.n_words + len(table.new_words))
    for piece in join_phrases(chunks(), table):
        write(numbering.apply(piece))
    order = numbering.order()
    numbering.counts[: table.n_words][counts == 0] = 0
    return PhrasePass(table, order, numbering.counts[order])


def phrase_lines(table: PhraseTable) -> list[Phrase]:
    """List the phrases by falling score, those of one score by falling count, then by spelling.

    Parameters
    ----------
    table : PhraseTable

    Returns
    -------
    list of Phrase
        Different phrases that are spelled the same, which needs words that contain the
        delimiter, are listed once, with the highest score.
    """
    best: dict[str, Phrase] = {}
    for phrase in map(Phrase, table.spelled, table.counts.tolist(), table.scores.tolist()):
        if phrase.joined not in best or phrase.score > best[phrase.joined].score:
            best[phrase.joined] = phrase
    return sorted(best.values(), key=lambda phrase: (-phrase.score, -phrase.count, phrase.joined))


def _find_words(
    words: SpelledWords, counts: NDArray[np.int64], rule: PhraseRule
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the connector words of the text, and its words that may contain the delimiter.

    Those are the words with the delimiter's first character. Strings joined from other words can
    be taken apart in one way only: wherever another way goes on further than the first one, that
    character is in its word.
    """
    connector_words = frozenset(rule.connector_words)
    mark = rule.delimiter[0]
    connectors: list[int] = []
    marked: list[int] = []
    for numbers in number_blocks(np.flatnonzero(counts).astype(np.int32)):
        spelled = list(zip(numbers.tolist(), words.take(numbers), strict=True))
        connectors += [number for number, word in spelled if word in connector_words]
        marked += [number for number, word in spelled if mark in word]
    return np.array(connectors, np.int32), np.array(marked, np.int32)


def _count_candidates(
    chunks: Iterable[NDArray[np.int32]],
    connectors: Connectors,
    counted: NDArray[np.bool_],
    candidates: CandidateCounter,
) -> None:
    all_counted = bool(counted.all())
    rest = np.empty(0, np.int32)
    for chunk in chunks:
        tokens = np.concatenate([rest, chunk])
        at, words, joinable, nodes = connectors.window(tokens, add=True)
        if not all_counted:
            joinable &= counted[words[:-1]] & counted[words[1:]]
        candidates.add(words[:-1][joinable], nodes[joinable], words[1:][joinable])
        rest = tokens[at[-1] :] if at.size else tokens[:0]


class _Vocab(NamedTuple):
    """What gensim calls the vocabulary: the counts of words and candidates."""

    unigrams: NDArray[np.int64]  # of each word, 0 of connector words
    size: int  # different words and candidates
    rows: Rows  # candidates that are frequent enough, each once


def _frequent(counts: NDArray[np.int64], rule: PhraseRule) -> NDArray[np.bool_]:
    """Tell which candidates may be phrases, as far as their counts go."""
    return counts > rule.min_count if rule.scoring == "default" else counts >= rule.min_count


def _survey(candidates: CandidateCounter, unigrams: NDArray[np.int64], rule: PhraseRule) -> _Vocab:
    """Build the vocabulary where no word contains the delimiter."""
    size = int(np.count_nonzero(unigrams))
    found = []
    for part, keys, counts in candidates.pieces():
        size += keys.size
        frequent = _frequent(counts, rule)
        found.append(candidates.rows(part, keys[frequent], counts[frequent]))
    return _Vocab(unigrams, size, Rows.concatenate(found))


def _merged_survey(
    candidates: CandidateCounter,
    unigrams: NDArray[np.int64],
    marked: NDArray[np.int32],
    speller: Speller,
    rule: PhraseRule,
    memory_keys: int,
) -> _Vocab:
    """Build the vocabulary where candidates may be spelled like each other or like words.

    Of two that are spelled the same, at least one is a word that is marked, or a candidate with
    such a member.
    """
    size = int(np.count_nonzero(unigrams))
    hashes = SpellingHashes(speller)
    with KeyCounter(memory_keys) as counter:
        counter.add(hashes.words[marked].view(np.int64))
        for part, keys, counts in candidates.pieces():
            size += keys.size
            counter.add(hashes.of(candidates.rows(part, keys, counts)).view(np.int64))
        shared = [keys[counts > 1] for keys, counts in counter.pieces()]
    index = HashIndex(np.sort(np.concatenate([*shared, np.empty(0, np.int64)]).view(np.uint64)))
    found = []
    alike = []
    for part, keys, counts in candidates.pieces():
        rows = candidates.rows(part, keys, counts)
        same = np.zeros(keys.size, np.bool_)
        same[index.find(hashes.of(rows))[0]] = True
        alike.append(rows.take(same))
        found.append(rows.take(~same & _frequent(counts, rule)))
    rows = Rows.concatenate(alike)
    words = marked[index.find(hashes.words[marked])[0]]
    # Only now are they spelled, few as they are.
    row_spellings = speller(rows)
    word_spellings = speller.words.take(words)
    totals: dict[str, int] = {}
    for spelling, count in itertools.chain(
        zip(row_spellings, rows.counts.tolist(), strict=True),
        zip(word_spellings, unigrams[words].tolist(), strict=True),
    ):
        totals[spelling] = totals.get(spelling, 0) + count
    size -= len(row_spellings) + len(word_spellings) - len(totals)
    unigrams = unigrams.copy()
    unigrams[words] = [totals[spelling] for spelling in word_spellings]
    row_totals = np.array([totals[spelling] for spelling in row_spellings], np.int64)
    rows = rows._replace(counts=row_totals).take(_frequent(row_totals, rule))
    return _Vocab(unigrams, size, Rows.concatenate([*found, rows]))


class _PhraseFinder:
    """Finds phrases, given as first words, nodes and second words, in windows."""

    def __init__(
        self, first: NDArray[np.int32], nodes: NDArray[np.int64], second: NDArray[np.int32]
    ) -> None:
        self._first, self._second = first, second
        self._order = np.empty(0, np.int64)
        # Random factors, other ones if two phrases should have the same hash.
        for seed in itertools.count():
            rng = np.random.default_rng(seed)
            self._factors = rng.integers(1 << 63, dtype=np.uint64, size=3) * np.uint64(2) + 1
            hashes = self._hash(first, nodes, second)
            self._order = np.argsort(hashes)
            hashes = hashes[self._order]
            if (hashes[1:] != hashes[:-1]).all():
                self._index = HashIndex(hashes)
                break

    def _hash(
        self, first: NDArray[np.int32], nodes: NDArray[np.int64], second: NDArray[np.int32]
    ) -> NDArray[np.uint64]:
        by_first, by_node, by_second = self._factors
        hashes: NDArray[np.uint64] = first.astype(np.uint64) * by_first
        hashes += second.astype(np.uint64) * by_second
        hashes += nodes.astype(np.uint64) * by_node
        return hashes

    def find(self, window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pairs of the window that are phrases, rising, and which ones they are."""
        first, second = window.words[:-1], window.words[1:]
        pairs, where = self._index.find(self._hash(first, window.nodes, second))
        phrases = self._order[where]
        same = window.joinable[pairs]
        # What is between them is then the same as well, as the factors are odd.
        same &= first[pairs] == self._first[phrases]
        same &= second[pairs] == self._second[phrases]
        return pairs[same], phrases[same]


def _alternate(pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Choose from rising numbers: of each row of consecutive ones the first, the third, ..."""
    begins = np.flatnonzero(np.diff(pairs, prepend=-2) != 1)
    lengths = np.diff(begins, append=pairs.size)
    chosen: NDArray[np.bool_] = (pairs - np.repeat(pairs[begins], lengths)) % 2 == 0
    return chosen


def _score(
    vocab: _Vocab, n_tokens: int, rule: PhraseRule
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which candidates are phrases, and their scores."""
    # In the order of gensim's arithmetic, to the last bit.
    first = vocab.unigrams[vocab.rows.first].astype(np.float64)
    second = vocab.unigrams[vocab.rows.second].astype(np.float64)
    counts = vocab.rows.counts
    if rule.scoring == "default":
        scores = (counts - rule.min_count) / (first * second) * vocab.size
        kept = np.flatnonzero(scores > rule.threshold)
        return kept, scores[kept]
    both = counts / n_tokens
    ratios = both / (first / n_tokens * (second / n_tokens))
    kept = np.flatnonzero(np.log(ratios) / -np.log(both) > rule.threshold - 1e-6)
    # The last bit of NumPy's logarithm may be another one, and decide.
    scores = np.array(
        [
            math.log(ratio) / -math.log(share)
            for ratio, share in zip(ratios[kept].tolist(), both[kept].tolist(), strict=True)
        ],
        np.float64,
    )
    above = scores > rule.threshold
    return kept[above], scores[above]


def _table(
    speller: Speller, marked: NDArray[np.int32], rows: Rows, scores: NDArray[np.float64]
) -> PhraseTable:
    words, connectors = speller.words, speller.connectors
    # The numbers of nodes depend on where chunks are cut, so they must not decide the order.
    nodes, which = np.unique(rows.nodes, return_inverse=True)
    sequences = [connectors.sequence(node) for node in nodes.tolist()]
    ranks = {sequence: rank for rank, sequence in enumerate(sorted(sequences))}
    rank = np.array([ranks[sequence] for sequence in sequences], np.int64)[which]
    order = np.lexsort((rank, rows.second, rows.first))
    rows = rows.take(order)
    spelled = speller(rows)
    numbers = dict.fromkeys(spelled, -1)
    for old in number_blocks(marked):
        pairs = zip(words.take(old), old.tolist(), strict=True)
        numbers.update((word, number) for word, number in pairs if word in numbers)
    new_words = [word for word, number in numbers.items() if number < 0]
    numbers.update(zip(new_words, itertools.count(len(words)), strict=False))
    return PhraseTable(
        n_words=len(words),
        connectors=np.flatnonzero(connectors.mask).astype(np.int32),
        first=rows.first.astype(np.int32),
        second=rows.second.astype(np.int32),
        between=tuple(sequences[i] for i in which[order].tolist()),
        numbers=np.array([numbers[word] for word in spelled], np.int32),
        spelled=tuple(spelled),
        new_words=tuple(new_words),
        counts=rows.counts,
        scores=scores[order],
    )


class _Numbering:
    """Numbers words anew, by first appearance, and counts them."""

    def __init__(self, n_words: int) -> None:
        self.counts = np.zeros(n_words, np.int64)  # by old number
        self._numbers = np.full(n_words, -1, np.int32)
        self._seen: list[NDArray[np.int32]] = []
        self._size = 0

    def apply(self, piece: NDArray[np.int32]) -> NDArray[np.int32]:
        """Renumber the next piece of text; what is inverted stays inverted."""
        marks = piece >> 31
        old = piece ^ marks
        np.add.at(self.counts, old, 1)
        new: NDArray[np.int32] = self._numbers[old]
        unseen = old[new < 0]
        if unseen.size:
            different, first_at = np.unique(unseen, return_index=True)
            different = different[np.argsort(first_at)]
            end = self._size + different.size
            self._numbers[different] = np.arange(self._size, end, dtype=np.int32)
            self._size = end
            self._seen.append(different)
            new = self._numbers[old]
        new ^= marks
        return new

    def order(self) -> NDArray[np.int32]:
        """Return the old number of each new one."""
        return np.concatenate([*self._seen, np.empty(0, np.int32)])

"""Which of the distinct words of a text become its vocabulary."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.raw import RawCorpus
from xw2v.text.vocabulary import Vocabulary

__all__ = ["VocabularyRule", "choose_vocabulary", "choose_words"]

_DROPPED = -1


@dataclass(frozen=True)
class VocabularyRule:
    """Which words are kept.

    Parameters
    ----------
    min_count : int
        Words that occur less often are dropped.
    max_final_vocab : int, optional
        Keep at most so many words, the most frequent ones; those of `keep` come first.
    max_vocab_size : int, optional
        Hold at most so many distinct words while counting, and forget rare ones where there are
        more: counts are not exact then. Without it they are, whatever there is.
    only : frozenset of str, optional
        Keep these words and no others, however often they occur, if they do.
    keep : frozenset of str
        Keep these words however rare they are, if they occur at all.
    stop_words : frozenset of str
        Drop these words, and do not put `unk` in their place.
    unk : str, optional
        The word, such as ``"<unk>"``, that takes the place of all that are dropped for being rare
        or for not being among `only`. It is one of the vocabulary then, beyond `max_final_vocab`.

    Raises
    ------
    ConfigError
        If a number is not positive, `unk` is no word, a word is both kept and dropped, or one
        cannot be written as UTF-8.
    """

    min_count: int = 5
    max_final_vocab: int | None = None
    max_vocab_size: int | None = None
    only: frozenset[str] | None = None
    keep: frozenset[str] = frozenset()
    stop_words: frozenset[str] = frozenset()
    unk: str | None = None

    def __post_init__(self) -> None:
        for name in ("min_count", "max_final_vocab", "max_vocab_size"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(f"{name} must be a positive whole number, not {value!r}")
        if self.unk is not None and not (isinstance(self.unk, str) and self.unk.strip()):
            raise ConfigError(f"unk must be a word, such as '<unk>', not {self.unk!r}")
        for name, words in (("keep", self.keep), ("only", self.only or frozenset())):
            both = sorted(words & self.stop_words)
            if both:
                raise ConfigError(f"{both[0]!r} is among both {name} and stop_words: choose one")
        for name in ("only", "keep", "stop_words"):
            _check_utf8(name, getattr(self, name) or ())
        _check_utf8("unk", () if self.unk is None else (self.unk,))


def _check_utf8(name: str, words: Iterable[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"{name} holds {word!r}, which cannot be written as UTF-8") from error


def choose_vocabulary(
    raw: RawCorpus, rule: VocabularyRule, origin: str
) -> tuple[Vocabulary, EncodedCorpus]:
    """Choose the vocabulary of a text and give its words their ids.

    Which words those are is what `choose_words` says.

    Parameters
    ----------
    raw : RawCorpus
        A sealed one, which cannot be used afterwards.
    rule : VocabularyRule
    origin : str
        What messages call the text.

    Returns
    -------
    Vocabulary, EncodedCorpus

    Raises
    ------
    CorpusError
        If fewer than two words remain.
    """
    vocabulary, new_ids = choose_words(raw, rule)
    if len(vocabulary) < 2:
        raise _too_few(origin, raw, rule, len(vocabulary))
    return vocabulary, raw.encode(new_ids)


def choose_words(raw: RawCorpus, rule: VocabularyRule) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Choose the vocabulary of a text.

    Parameters
    ----------
    raw : RawCorpus
        A sealed one.
    rule : VocabularyRule

    Returns
    -------
    vocabulary : Vocabulary
        Of any number of words, most frequent first, ties by first appearance.
    new_ids : ndarray of int32, shape (len(raw.words),)
        The id that each word of the text becomes, -1 for those that are dropped.
    """
    chosen = _chosen(raw, rule)
    new_ids = np.full(len(raw.words), _DROPPED, np.int32)
    counts = raw.counts[chosen]
    words = raw.words.take(chosen)
    places = np.arange(chosen.size)
    if rule.unk is not None:
        words, counts, places = _with_unk(raw, rule, rule.unk, chosen, words, new_ids)
    new_ids[chosen] = places
    return Vocabulary(tuple(words), counts), new_ids


def _chosen(raw: RawCorpus, rule: VocabularyRule) -> NDArray[np.int64]:
    """Return the numbers of the words that are kept, most frequent first, unk not among them."""
    counts = raw.counts
    if rule.only is not None:
        candidates = np.unique(raw.words.find(rule.only))
        candidates = candidates[counts[candidates] > 0]
    else:
        candidates = np.flatnonzero(counts >= rule.min_count)
    dropped = rule.stop_words | ({rule.unk} if rule.unk is not None else set())
    if dropped:
        candidates = np.setdiff1d(candidates, raw.words.find(dropped), assume_unique=True)
    kept = np.empty(0, np.int64)
    if rule.keep:
        kept = np.unique(raw.words.find(rule.keep - dropped))
        kept = kept[counts[kept] > 0]
        candidates = np.setdiff1d(candidates, kept, assume_unique=True)
    if rule.max_final_vocab is not None:
        kept = _by_count(kept, counts)[: rule.max_final_vocab]
        candidates = _by_count(candidates, counts)[: rule.max_final_vocab - kept.size]
    return _by_count(np.concatenate([kept, candidates]), counts)


def _by_count(numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort words by falling count, ties by first appearance, which is the order of numbers."""
    numbers = np.sort(numbers)
    return numbers[np.argsort(-counts[numbers], kind="stable")]


def _with_unk(
    raw: RawCorpus,
    rule: VocabularyRule,
    unk: str,
    chosen: NDArray[np.int64],
    words: list[str],
    new_ids: NDArray[np.int32],
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Put unk among the words, and its id in `new_ids` wherever words are dropped for it.

    Returns
    -------
    words : list of str
    counts : ndarray
        Of all words, unk among them.
    places : ndarray
        The ids of the others.
    """
    stopped = raw.words.find(rule.stop_words)
    counts = raw.counts[chosen]
    n_unk = raw.n_tokens - int(counts.sum()) - int(raw.counts[stopped].sum())
    if not n_unk:
        return words, counts, np.arange(chosen.size)
    # Behind the words that occur as often.
    place = int(np.searchsorted(-counts, -n_unk, side="right"))
    new_ids[:] = place
    new_ids[stopped] = _DROPPED
    places = np.arange(chosen.size)
    return (
        [*words[:place], unk, *words[place:]],
        np.insert(counts, place, n_unk),
        places + (places >= place),
    )


def _too_few(origin: str, raw: RawCorpus, rule: VocabularyRule, left: int) -> CorpusError:
    n_distinct = int(np.count_nonzero(raw.counts))
    if not raw.n_tokens:
        return CorpusError(
            f"no words in {origin}: there is nothing but white space, or nothing that is a word by "
            "the options of the tokenizer"
        )
    if not n_distinct:
        return CorpusError(
            f"all words in {origin} were forgotten for being rare while they were counted: raise "
            "--max-vocab-size"
        )
    if rule.only is not None and left != rule.max_final_vocab:
        return CorpusError(
            f"training needs at least 2 distinct words, and of the {len(rule.only):,} given as the "
            f"vocabulary {left} occurs in {origin}: check that they are spelled as in the text"
        )
    most = int(raw.counts.max())
    if most < rule.min_count:
        return CorpusError(
            f"none of the {n_distinct:,} distinct words in {origin} occurs {rule.min_count:,} "
            f"times (min_count); the most frequent one occurs {most:,} times: lower --min-count"
        )
    advice = ["give more text", "lower --min-count", "raise --max-final-vocab"]
    if rule.stop_words:
        advice.append("name fewer stop words")
    return CorpusError(
        f"training needs at least 2 distinct words and {left} is left of the {n_distinct:,} in "
        f"{origin}; {', '.join(advice[:-1])} or {advice[-1]}"
    )

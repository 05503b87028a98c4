"""Which of the distinct words of a text become its vocabulary."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import ConfigError, CorpusError
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.raw import RawCorpus
from xw2v.text.vocabulary import Vocabulary

__all__ = ["VocabularyRule", "choose_vocabulary", "choose_words"]

_DROPPED = -1
_NO_WORDS = Vocabulary((), np.empty(0, np.int64))


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
    base : Vocabulary, optional
        A vocabulary to extend. Its words are kept whether they occur or not, before all others,
        even where there are more of them than `max_final_vocab`, and what the text has of them is
        added to their counts. The other fields are about what is new; stop words among them are
        dropped from the text, but not from the vocabulary.

    Raises
    ------
    ConfigError
        If a number is not positive, `unk` is no word, a word is both kept and dropped, or one
        cannot be written as UTF-8; or if there are both `base` and `max_vocab_size`.
    """

    min_count: int = 5
    max_final_vocab: int | None = None
    max_vocab_size: int | None = None
    only: frozenset[str] | None = None
    keep: frozenset[str] = frozenset()
    stop_words: frozenset[str] = frozenset()
    unk: str | None = None
    base: Vocabulary | None = None

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
        if self.base is not None:
            _check_utf8("base", self.base.words)
            if self.max_vocab_size is not None:
                raise ConfigError(
                    "max_vocab_size forgets words while they are counted, those of the vocabulary "
                    "that is extended as well: leave it out, counts take no more memory without it"
                )


def _check_utf8(name: str, words: Iterable[str]) -> None:
    try:
        "".join(words).encode()
        return
    except UnicodeEncodeError:
        pass
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
        If fewer than two words remain, or none that is both in the text and, unk aside, in the
        vocabulary.
    """
    vocabulary, new_ids = choose_words(raw, rule)
    # (Only words of a base can be in the vocabulary without being in the text.)
    if len(vocabulary) < 2 or (rule.base and not _any_occurs(raw, rule, vocabulary, new_ids)):
        raise _too_few(origin, raw, rule, len(vocabulary))
    return vocabulary, raw.encode(new_ids)


def _any_occurs(
    raw: RawCorpus, rule: VocabularyRule, vocabulary: Vocabulary, new_ids: NDArray[np.int32]
) -> bool:
    """Return whether a word of the vocabulary other than unk is in the text."""
    unk = _DROPPED if rule.unk is None else vocabulary.index.get(rule.unk, _DROPPED)
    return bool(raw.counts[(new_ids != _DROPPED) & (new_ids != unk)].any())


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
        Of any number of words, most frequent first; of those that occur as often, first the words
        of `rule.base` in their order, then others by first appearance, then unk if it is new.
    new_ids : ndarray of int32, shape (len(raw.words),)
        The id that each word of the text becomes, -1 for those that are dropped.

    Raises
    ------
    CorpusError
        If counts would be too large for int64.
    """
    base = _NO_WORDS if rule.base is None else rule.base
    if len(base) and int(base.counts[0]) > np.iinfo(np.int64).max - raw.n_tokens:
        raise CorpusError(
            f"the vocabulary says that {base.words[0]!r} occurs {int(base.counts[0]):,} times, "
            "which is too often to be added to: take another one"
        )
    stopped = _find(raw, rule.stop_words)
    in_base, base_places = _known(raw, base)
    new = _chosen(raw, rule, in_base)
    words = [*base.words, *raw.words.take(new)]
    counts = np.concatenate([base.counts, raw.counts[new]])
    stay = np.isin(in_base, _find(raw, _not_kept(rule)), invert=True)
    in_base, base_places = in_base[stay], base_places[stay]
    counts[base_places] += raw.counts[in_base]

    filler = _DROPPED  # the place among `words` of what all others become
    if rule.unk is not None:
        n_kept = int(raw.counts[in_base].sum()) + int(raw.counts[new].sum())
        n_unk = raw.n_tokens - n_kept - int(raw.counts[stopped].sum())
        if n_unk:
            filler = base.index.get(rule.unk, len(words))
            if filler == len(words):
                words.append(rule.unk)
                counts = np.append(counts, 0)
            counts[filler] += n_unk

    order = np.argsort(-counts, kind="stable")
    ids = np.empty(order.size, np.int32)
    ids[order] = np.arange(order.size, dtype=np.int32)
    new_ids = np.full(len(raw.words), _DROPPED if filler == _DROPPED else ids[filler], np.int32)
    new_ids[stopped] = _DROPPED
    new_ids[in_base] = ids[base_places]
    new_ids[new] = ids[len(base) : len(base) + new.size]
    return Vocabulary(tuple(words[place] for place in order.tolist()), counts[order]), new_ids


def _known(raw: RawCorpus, base: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of the words that a vocabulary has, and their ids in it."""
    numbers = _find(raw, base.words)
    words = raw.words.take(numbers)
    return numbers, np.fromiter(map(base.index.__getitem__, words), np.int64, len(words))


def _find(raw: RawCorpus, words: Collection[str]) -> NDArray[np.int64]:
    """Return the numbers of those words that are there; looks for none where none are given."""
    return raw.words.find(words) if words else np.empty(0, np.int64)


def _not_kept(rule: VocabularyRule) -> frozenset[str]:
    """Return the words whose occurrences become nothing, or become unk as those dropped do."""
    return rule.stop_words | ({rule.unk} if rule.unk is not None else set())


def _chosen(raw: RawCorpus, rule: VocabularyRule, in_base: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the words that are kept, rising; those of the base not among them."""
    counts = raw.counts
    if rule.only is not None:
        candidates = np.unique(_find(raw, rule.only))
        candidates = candidates[counts[candidates] > 0]
    else:
        candidates = np.flatnonzero(counts >= rule.min_count)
    others = np.unique(np.append(in_base, _find(raw, _not_kept(rule))))
    if others.size:
        candidates = np.setdiff1d(candidates, others, assume_unique=True)
    kept = np.empty(0, np.int64)
    if rule.keep:
        kept = np.unique(raw.words.find(rule.keep))
        kept = np.setdiff1d(kept[counts[kept] > 0], others, assume_unique=True)
        candidates = np.setdiff1d(candidates, kept, assume_unique=True)
    if rule.max_final_vocab is not None:
        base = _NO_WORDS if rule.base is None else rule.base
        room = max(0, rule.max_final_vocab - len(base) + (rule.unk in base))
        kept = _by_count(kept, counts)[:room]
        candidates = _by_count(candidates, counts)[: room - kept.size]
    return np.sort(np.concatenate([kept, candidates]))


def _by_count(numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort words by falling count, ties by first appearance, which is the order of numbers."""
    numbers = np.sort(numbers)
    return numbers[np.argsort(-counts[numbers], kind="stable")]


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
    if left > 1:
        return _none_occurs(origin, raw, rule)
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


def _none_occurs(origin: str, raw: RawCorpus, rule: VocabularyRule) -> CorpusError:
    """Say that no word of a text is in the vocabulary that it should extend, nor comes to it."""
    none_is = f"no word of {origin} is in the vocabulary"
    if rule.stop_words:
        none_is += ", stop words aside"
    most = int(raw.counts.max())
    if rule.only is None and most < rule.min_count:
        return CorpusError(
            f"{none_is}, and none occurs {rule.min_count:,} times (min_count); the most frequent "
            f"one occurs {most:,} times: give more text or lower --min-count"
        )
    advice = "give other text"
    if rule.only is not None:
        advice += ", or other words as its vocabulary"
    if rule.max_final_vocab is not None:
        advice += ", or raise --max-final-vocab"
    return CorpusError(f"{none_is}, and none is added to it: {advice}")

"""Words of a vocabulary that are spelled like a given one."""

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

__all__ = ["SpellingIndex"]

# The search runs while an error is raised, often inside a user's loop: every bound below is
# there to keep it at a few hundredths of a second.
_WORDS_INDEXED = 200_000
_CANDIDATES = 20_000
_LONGEST_WORD = 64
_LENGTH_DIFFERENCE = 2
_LOWEST_RATIO = 0.7


def fold(word: str) -> str:
    """Return `word` without case and accents: what makes two spellings count as equal."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


class SpellingIndex:
    """A vocabulary prepared for the question "which words are spelled like this one?".

    Parameters
    ----------
    words : sequence of str
        The vocabulary, the most frequent word first. Only its first 200,000 words are searched.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._folded = [fold(word) for word in words[:_WORDS_INDEXED]]
        # A misspelling rarely changes the first and the last letter at once.
        self._by_first: dict[tuple[str, int], list[int]] = {}
        self._by_last: dict[tuple[str, int], list[int]] = {}
        for index, folded in enumerate(self._folded):
            length = len(folded)
            if 0 < length <= _LONGEST_WORD + _LENGTH_DIFFERENCE:
                self._by_first.setdefault((folded[0], length), []).append(index)
                self._by_last.setdefault((folded[-1], length), []).append(index)

    def close_words(self, word: str, count: int = 3) -> list[str]:
        """Return up to `count` words spelled like `word`, closest first.

        Closeness is `difflib.SequenceMatcher.ratio` of the spellings without case and accents,
        at least 0.7; of equally close words the more frequent one comes first.
        """
        folded = fold(word)
        if not 0 < len(folded) <= _LONGEST_WORD:
            return []
        matcher = SequenceMatcher(b=folded, autojunk=False)
        ranked: list[tuple[float, int]] = []
        for index in self._candidates(folded):
            matcher.set_seq1(self._folded[index])
            if matcher.quick_ratio() >= _LOWEST_RATIO:
                ratio = matcher.ratio()
                if ratio >= _LOWEST_RATIO:
                    ranked.append((-ratio, index))
        ranked.sort()
        return [self._words[index] for _, index in ranked[:count]]

    def _candidates(self, folded: str) -> list[int]:
        found: set[int] = set()
        length = len(folded)
        for other in range(length - _LENGTH_DIFFERENCE, length + _LENGTH_DIFFERENCE + 1):
            found.update(self._by_first.get((folded[0], other), ()))
            found.update(self._by_last.get((folded[-1], other), ()))
        return sorted(found)[:_CANDIDATES]

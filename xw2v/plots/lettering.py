"""Words in pictures, whatever script they are in: the fonts for them, or their code points."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

__all__ = ["Lettering", "lettering"]

_LONGEST = 24
_FAMILY = "DejaVu Sans"  # comes with Matplotlib
_NO_LETTERS = ("LastResort", "Last Resort")  # a box for each character there is
_UPRIGHT = (400, "normal", "regular")  # weights
# Controls, surrogates, what is not assigned, ends of lines; private use is up to the fonts.
_INVISIBLE = ("Cc", "Cs", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class Lettering:
    """How words are written.

    Parameters
    ----------
    families : tuple of str
        Fonts, in the order they are tried.
    missing : frozenset of str
        Characters that none of them has.
    """

    families: tuple[str, ...]
    missing: frozenset[str]

    @property
    def looks(self) -> dict[str, Any]:
        """The properties of a text.

        A word is no formula, though it may hold dollar signs; and letters of straight lines, as
        many Chinese ones are, do not keep their form if these are moved to whole pixels.
        """
        return {"family": list(self.families), "parse_math": False, "snap": False}

    def has(self, word: str) -> bool:
        """Return whether all characters of a word can be drawn."""
        return self.missing.isdisjoint(word)

    def text(self, word: str, longest: int = _LONGEST) -> str:
        """Return a word with escapes, as in Python, in place of characters that no font has.

        One of more than `longest` characters is cut, but no escape is.
        """
        parts = [_escape(c) if c in self.missing else c for c in word]
        ends = list(accumulate(map(len, parts), initial=0))
        if ends[-1] <= longest:
            return "".join(parts)
        return "".join(parts[: bisect_right(ends, longest - 1) - 1]) + "…"

    def note(self, words: Iterable[str]) -> str:
        """Return what to say of words with escapes; an empty text if no font would help.

        Examples
        --------
        >>> Lettering(("DejaVu Sans",), frozenset("中")).note(["中", "x"])
        'escapes in 1 word: no installed font has its characters'
        """
        lacking = frozenset(c for c in self.missing if not _is_invisible(c))
        count = sum(not lacking.isdisjoint(word) for word in words)
        if not count:
            return ""
        if count == 1:
            return "escapes in 1 word: no installed font has its characters"
        return f"escapes in {count} words: no installed font has their characters"


def lettering(words: Iterable[str]) -> Lettering:
    """Return the fonts of this machine that have the characters of some words."""
    characters = frozenset().union(*words)
    invisible = frozenset(filter(_is_invisible, characters))
    _, missing = _covering([_FAMILY], characters - invisible)
    others: list[str] = []
    if missing:
        region = _region(missing)
        # Letters without serifs, as those of the first font, in the forms of the language.
        order = sorted(_fonts(), key=lambda name: ("Sans" not in name, region not in name, name))
        others, missing = _covering(order, missing)
    return Lettering((_FAMILY, *others), missing | invisible)


def _covering(
    families: Iterable[str], characters: frozenset[str]
) -> tuple[list[str], frozenset[str]]:
    """Choose fonts, of which each has the most characters that are left; return those left."""
    found: dict[str, frozenset[str]] = {}
    for family in families:
        font = _opened(family)
        if font is not None:
            found[family] = frozenset(c for c in characters if font.get_char_index(ord(c)))
            if found[family] == characters:
                break
    chosen = []
    while found:
        best = max(found, key=lambda family: len(found[family] & characters))
        if not found[best] & characters:
            break
        chosen.append(best)
        characters -= found[best]
    return chosen, characters


def _fonts() -> Iterable[str]:
    """Return the names that Matplotlib finds the upright fonts of this machine under."""
    from matplotlib.font_manager import fontManager  # noqa: PLC0415 - slow to import

    _notice_new_fonts()
    return {
        entry.name
        for entry in fontManager.ttflist
        if entry.size == "scalable"
        and entry.style == "normal"
        and entry.weight in _UPRIGHT
        and not entry.name.startswith(_NO_LETTERS)
    }


def _notice_new_fonts() -> None:
    """Add the fonts that were installed after Matplotlib listed those of this machine."""
    from matplotlib.font_manager import (  # noqa: PLC0415 - slow to import
        findSystemFonts,
        fontManager,
    )

    known = {entry.fname for entry in fontManager.ttflist}
    for path in set(findSystemFonts()) - known:
        # As Matplotlib does for its list: there are files of many kinds, and broken ones.
        with suppress(Exception):
            fontManager.addfont(path)


def _region(characters: Iterable[str]) -> str:
    """Return how fonts are marked that have Chinese characters as they are written there."""
    names = {unicodedata.name(c, "").partition(" ")[0] for c in characters}
    if names & {"HIRAGANA", "KATAKANA"}:
        return "CJK JP"
    return "CJK KR" if "HANGUL" in names else "CJK SC"


def _opened(family: str) -> "FT2Font | None":
    """Open a font; None if Matplotlib cannot draw with it, as those of colored pictures."""
    from matplotlib.font_manager import (  # noqa: PLC0415 - slow to import
        FontProperties,
        findfont,
        get_font,
    )

    try:
        font = get_font(findfont(FontProperties(family=[family]), fallback_to_default=False))
    except (OSError, RuntimeError, ValueError):
        return None
    return font if font.scalable else None


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

"""Words in pictures, whatever script they are in: the fonts for them, or their code points."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
        """The properties of a text; a word is no formula, though it may hold dollar signs."""
        return {"family": list(self.families), "parse_math": False}

    def has(self, word: str) -> bool:
        """Return whether all characters of a word can be drawn."""
        return self.missing.isdisjoint(word)

    def text(self, word: str, longest: int = _LONGEST) -> str:
        """Return a word with escapes, as in Python, in place of characters that no font has.

        One of more than `longest` characters is cut.
        """
        text = "".join(_escape(c) if c in self.missing else c for c in word)
        return text if len(text) <= longest else f"{text[: longest - 1]}…"

    def note(self, words: Iterable[str]) -> str:
        """Return what to say of words with escapes; an empty text if there are none.

        Examples
        --------
        >>> Lettering(("DejaVu Sans",), frozenset("中")).note(["中", "x"])
        'escapes in 1 word: no installed font has its characters'
        """
        count = sum(not self.has(word) for word in words)
        if not count:
            return ""
        if count == 1:
            return "escapes in 1 word: no installed font has its characters"
        return f"escapes in {count} words: no installed font has their characters"


def lettering(words: Iterable[str]) -> Lettering:
    """Return the fonts of this machine that have the characters of some words."""
    from matplotlib.font_manager import FontProperties, findfont  # noqa: PLC0415 - slow to import

    characters = frozenset().union(*words)
    invisible = frozenset(c for c in characters if unicodedata.category(c) in _INVISIBLE)
    families = [_FAMILY]
    missing = characters - invisible
    font = _opened(findfont(FontProperties(family=[_FAMILY])))
    if font is not None:
        missing = _lacking(font, missing)
    for family, font in _fonts() if missing else ():
        fewer = _lacking(font, missing)
        if len(fewer) < len(missing):
            families.append(family)
            missing = fewer
        if not missing:
            break
    return Lettering(tuple(families), missing | invisible)


def _fonts() -> Iterator[tuple[str, "FT2Font"]]:
    """Give the fonts of this machine by the names that Matplotlib will find them under."""
    from matplotlib.font_manager import (  # noqa: PLC0415 - slow to import
        FontProperties,
        findfont,
        fontManager,
    )

    names = {
        entry.name
        for entry in fontManager.ttflist
        if entry.size == "scalable" and entry.style == "normal" and entry.weight in _UPRIGHT
    }
    for name in sorted(names):
        if name.startswith(_NO_LETTERS):
            continue
        try:
            path = findfont(FontProperties(family=[name]), fallback_to_default=False)
        except ValueError:
            continue
        font = _opened(path)
        if font is not None:
            yield name, font


def _opened(path: str) -> "FT2Font | None":
    """Open a font; None if Matplotlib cannot draw with it, as those of colored pictures."""
    from matplotlib.font_manager import get_font  # noqa: PLC0415 - slow to import

    try:
        font = get_font(path)
        return font if font.scalable else None
    except (OSError, RuntimeError):
        return None


def _lacking(font: "FT2Font", characters: frozenset[str]) -> frozenset[str]:
    return frozenset(c for c in characters if font.get_char_index(ord(c)) == 0)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

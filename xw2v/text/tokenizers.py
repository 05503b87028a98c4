"""What becomes of the characters between two spaces: words."""

import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import Literal, get_args

from xw2v.errors import ConfigError

__all__ = ["Normalization", "SegmentedLanguage", "Tokenizer"]

Normalization = Literal["NFC", "NFD", "NFKC", "NFKD"]
SegmentedLanguage = Literal["chinese", "japanese"]

_SPACE_WITHIN = re.compile(r"[^\S\n]")


@dataclass(frozen=True)
class Tokenizer:
    """How text is split into words.

    Text is split at white space, as by ``str.split()``, and each piece goes through what is
    chosen here, in this order: it is normalized, lowercased, cut into words, and the punctuation
    around each word is stripped. A piece may become no word, one or several. What happens to it
    depends on itself alone, not on its neighbors: so a piece that occurs a million times has to
    be looked at once or a few times only.

    Parameters
    ----------
    lowercase : bool
        As ``str.lower``.
    normalize : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        A Unicode normalization form.
    token_pattern : str, optional
        A regular expression of the `re` module: words are its matches, or what its only group
        matches. It is matched within the pieces, hence never across white space.
    strip_punctuation : bool
        Strip characters of Unicode's punctuation categories from both ends of each word, and drop
        words of nothing else.
    segment : {"chinese", "japanese"}, optional
        Cut text of a language that is written without spaces into words, by jieba or Janome.

    Raises
    ------
    ConfigError
        If the pattern is no regular expression, has several groups or matches the empty string,
        there is no such normalization form or language, or the library that cuts is missing.
    """

    lowercase: bool = False
    normalize: Normalization | None = None
    token_pattern: str | None = None
    strip_punctuation: bool = False
    segment: SegmentedLanguage | None = None

    def __post_init__(self) -> None:
        for name, kind in (("normalize", Normalization), ("segment", SegmentedLanguage)):
            value = getattr(self, name)
            if value is not None and value not in get_args(kind):
                choices = ", ".join(map(repr, get_args(kind)))
                raise ConfigError(f"{name} must be one of {choices}, not {value!r}")
        if self.segment is not None and self.token_pattern is not None:
            raise ConfigError(
                "segment and token_pattern both say where words end: choose one of them"
            )
        if self.token_pattern is not None:
            _compiled(self.token_pattern)
        if self.segment is not None:
            _segmenter(self.segment)

    def words(self, text: str) -> list[str]:
        """Return the words of a text.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of str
        """
        return self._words_of(self._prepared(text).split())

    def words_of_each(self, pieces: str) -> tuple[list[str], list[int] | None]:
        r"""Return the words of many texts at once, which is several times as fast.

        Parameters
        ----------
        pieces : str
            Texts without line ends, separated by ``"\n"``.

        Returns
        -------
        words : list of str
            Those of all texts, one after the other.
        n_words : list of int, or None
            How many each text has; None if each has one.
        """
        # (What is ASCII after this may not have been before: U+2000 becomes a space.)
        is_ascii = pieces.isascii()
        # Neither step looks beyond a line end, or makes one.
        pieces = self._prepared(pieces)
        each = pieces.split("\n")
        cut, strip = self._cut, self.strip_punctuation
        if not is_ascii and _SPACE_WITHIN.search(pieces):
            lists = [self._words_of(piece.split()) for piece in each]
        elif cut is None and not strip:
            if "" not in each:
                return each, None
            lists = [[piece] if piece else [] for piece in each]
        elif cut is None:
            marks = _punctuation()
            lists = [[word] if (word := piece.strip(marks)) else [] for piece in each]
        elif not strip:
            lists = [list(filter(None, words)) for words in map(cut, each)]
        else:
            lists = [self._words_of([piece]) for piece in each]
        return list(chain.from_iterable(lists)), list(map(len, lists))

    def _prepared(self, text: str) -> str:
        if self.normalize is not None:
            text = unicodedata.normalize(self.normalize, text)
        return text.lower() if self.lowercase else text

    def _words_of(self, pieces: list[str]) -> list[str]:
        """Return the words of pieces without white space."""
        cut = self._cut
        if cut is not None:
            pieces = [word for piece in pieces for word in cut(piece) if word]
        if self.strip_punctuation:
            marks = _punctuation()
            pieces = [word for piece in pieces if (word := piece.strip(marks))]
        return pieces

    @cached_property
    def _cut(self) -> Callable[[str], list[str]] | None:
        """What cuts a piece without white space into words, if anything does."""
        if self.token_pattern is not None:
            return _compiled(self.token_pattern).findall
        return None if self.segment is None else _segmenter(self.segment)


def _compiled(pattern: str) -> re.Pattern[str]:
    if not isinstance(pattern, str):
        raise ConfigError(f"token_pattern must be a string, not {pattern!r}")
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"token_pattern {pattern!r} is no regular expression: {error}") from error
    if compiled.groups > 1:
        raise ConfigError(
            f"token_pattern {pattern!r} has {compiled.groups} groups: a word is the whole match or "
            "one group, so write the others as (?:...)"
        )
    if compiled.match("") is not None:
        raise ConfigError(
            f"token_pattern {pattern!r} matches the empty string, which is no word; "
            "use + in place of *"
        )
    return compiled


@lru_cache(maxsize=1)
def _punctuation() -> str:
    """All characters of Unicode's categories P*."""
    characters = map(chr, range(sys.maxunicode + 1))
    return "".join(c for c in characters if unicodedata.category(c).startswith("P"))


@lru_cache
def _segmenter(language: SegmentedLanguage) -> Callable[[str], list[str]]:
    """Return what cuts text of a language into words."""
    try:
        if language == "chinese":
            return _jieba()
        return _janome()
    except ImportError as error:
        raise ConfigError(
            f"to cut {language.capitalize()} text into words, install "
            f'{error.name}: pip install "xw2v[{language}]"'
        ) from error


def _jieba() -> Callable[[str], list[str]]:
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        # Its regular expressions are not raw strings, which newer versions of Python complain of.
        warnings.simplefilter("ignore")
        import jieba  # noqa: PLC0415

    jieba.setLogLevel("ERROR")
    tokenizer = jieba.Tokenizer()
    # Else it would read a dictionary in the format of marshal out of a folder that all can write.
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    cut: Callable[[str], list[str]] = tokenizer.lcut
    return cut


def _janome() -> Callable[[str], list[str]]:
    from janome.tokenizer import Tokenizer as Janome  # noqa: PLC0415

    tokenizer = Janome(wakati=True)
    return lambda text: [str(word) for word in tokenizer.tokenize(text)]

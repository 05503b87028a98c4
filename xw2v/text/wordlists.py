"""Lists of words in files: vocabularies, stop words, words to keep."""

import os
from collections.abc import Iterable
from pathlib import Path

from xw2v.atomic import replacing_file
from xw2v.errors import CorpusError

__all__ = ["read_word_list", "write_word_counts"]

_NLTK = "nltk:"


def read_word_list(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Read a list of words.

    Parameters
    ----------
    path : path-like
        A UTF-8 file with one word on each line. What follows a word behind a tab, or if there is
        no tab behind white space, such as its count, is not looked at; nor are empty lines. This
        reads what `write_word_counts` writes and word2vec's ``-save-vocab``. ``"nltk:english"``
        and the like are the stop words of a language that NLTK has.

    Returns
    -------
    tuple of str

    Raises
    ------
    CorpusError
        If the file cannot be read, is not UTF-8 or holds no words.
    """
    name = os.fspath(path)
    if name.startswith(_NLTK):
        return _nltk_stop_words(name.removeprefix(_NLTK))
    try:
        text = Path(name).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"cannot read {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{name} is not UTF-8: byte {error.start} (counted from 0) cannot be decoded; "
            "convert the file"
        ) from error
    lines = text.split("\n")
    fields = (line.split("\t")[0].strip() if "\t" in line else line.strip() for line in lines)
    words = [
        field if "\t" in line else field.split()[0]
        for field, line in zip(fields, lines, strict=True)
        if field
    ]
    if not words:
        raise CorpusError(f"{name} holds no words; it should have one on each line")
    return tuple(words)


def write_word_counts(
    path: str | os.PathLike[str], words: Iterable[str], counts: Iterable[int]
) -> None:
    r"""Write words and how often they occur, a word, a tab and its count on each line.

    Parameters
    ----------
    path : path-like
        It is replaced once the new file is complete.
    words : iterable of str
    counts : iterable of int

    Raises
    ------
    CorpusError
        If a word holds a tab or a newline, or the file cannot be written.
    """
    try:
        with replacing_file(Path(path)) as file:
            for word, count in zip(words, counts, strict=True):
                if "\t" in word or "\n" in word or "\r" in word:
                    raise CorpusError(
                        f"cannot write {path}: the word {word!r} holds a tab or a newline"
                    )
                file.write(f"{word}\t{count}\n".encode())
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror or error}") from error


def _nltk_stop_words(language: str) -> tuple[str, ...]:
    try:
        from nltk.corpus import stopwords  # noqa: PLC0415
    except ImportError as error:
        raise CorpusError(
            'the stop words of NLTK need NLTK: pip install "xw2v[nltk]", or give a file'
        ) from error
    try:
        return tuple(stopwords.words(language))
    except (LookupError, OSError, ValueError) as error:
        raise CorpusError(
            f"NLTK has no stop words of {language!r} here: python -m nltk.downloader stopwords, or "
            "set NLTK_DATA to the folder that has them; languages are spelled as in nltk:english"
        ) from error

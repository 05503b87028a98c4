"""Corpora of NLTK."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from xw2v.errors import CorpusError
from xw2v.text.normal import Texts
from xw2v.text.streams import Source

__all__ = ["NLTK", "NltkCorpus", "corpus_texts", "find_corpora"]

NLTK = "nltk:"


@dataclass(frozen=True, kw_only=True)
class NltkCorpus(Source):
    """A corpus of NLTK, with a document for each of its files.

    Attributes
    ----------
    files : tuple of (str, int)
        The names of its files and their sizes.
    reader : nltk.corpus.reader.CorpusReader
        What NLTK reads them with.
    """

    files: tuple[tuple[str, int], ...] = field(repr=False)
    reader: Any = field(repr=False, compare=False)

    def _open(self) -> AbstractContextManager[BinaryIO]:
        raise CorpusError(f"{self.name} is read by NLTK, which gives text and not bytes")


def find_corpora(names: str) -> list[NltkCorpus]:
    """List corpora, such as ``"nltk:brown,reuters"``.

    Parameters
    ----------
    names : str
        Names of `nltk.corpus` after ``"nltk:"``, separated by commas.

    Returns
    -------
    list of NltkCorpus

    Raises
    ------
    CorpusError
        If NLTK, or one of the corpora, is not there.
    """
    try:
        import nltk.corpus  # noqa: PLC0415 (optional, and slow to import)
    except ImportError as error:
        raise CorpusError(
            f'{names} needs NLTK, which is not installed: pip install "xw2v[nltk]"'
        ) from error
    found = [name.strip() for name in names.removeprefix(NLTK).split(",")]
    return [_find(name, nltk.corpus) for name in found]


def _find(name: str, corpora: Any) -> NltkCorpus:
    reader = getattr(corpora, name, None) if name.isidentifier() else None
    kinds = (corpora.CorpusReader, corpora.LazyCorpusLoader)
    if name.startswith("_") or not isinstance(reader, kinds):
        raise CorpusError(
            f"NLTK knows no corpus {name!r}; name some of nltk.corpus, for example "
            "nltk:brown,reuters"
        )
    try:
        fileids = list(reader.fileids())
        pointers = list(reader.abspaths(fileids))
        sizes = [pointer.file_size() for pointer in pointers]
        fingerprint = _fingerprint(pointers, sizes)
    except LookupError as error:
        raise CorpusError(
            f"NLTK has no corpus {name!r} here: python -m nltk.downloader {name}, or set NLTK_DATA "
            "to the folder that has it"
        ) from error
    except (AttributeError, TypeError, OSError) as error:
        raise CorpusError(f"NLTK cannot read the corpus {name!r}: {error}") from error
    return NltkCorpus(
        name=NLTK + name,
        size=sum(sizes),
        fingerprint=(NLTK + name, fingerprint),
        files=tuple(zip(fileids, sizes, strict=True)),
        reader=reader,
    )


def _fingerprint(pointers: list[Any], sizes: list[int]) -> str:
    """Digest the names, sizes and times of the files; those of a zip file have its time."""
    times: dict[str, int] = {}
    digest = hashlib.sha256()
    for pointer, size in zip(pointers, sizes, strict=True):
        file = getattr(getattr(pointer, "zipfile", None), "filename", None) or str(pointer)
        if file not in times:
            times[file] = Path(file).stat().st_mtime_ns
        digest.update(f"{pointer!r}\0{size}\0{times[file]}\n".encode())
    return digest.hexdigest()


def corpus_texts(corpus: NltkCorpus, size: int) -> Iterator[Texts]:
    """Read a corpus of NLTK.

    Plain text is taken as it is; of other corpora, the words, with a space between them, a
    sentence on each line where the corpus has sentences.

    Parameters
    ----------
    corpus : NltkCorpus
    size : int
        Bytes of text to read at a time, about.

    Yields
    ------
    Texts
        Of type large_binary, a document in each row.

    Raises
    ------
    CorpusError
        If a file of the corpus cannot be read, or holds no running text.
    """
    import pyarrow as pa  # noqa: PLC0415 (as elsewhere: 0.1 s)

    fileids: list[str] = []
    texts: list[bytes] = []
    length = done = 0
    for number, (fileid, stored) in enumerate(corpus.files, 1):
        fileids.append(fileid)
        texts.append(_text(corpus.reader, fileid, corpus.name).encode("utf-8", "replace"))
        length += len(texts[-1])
        done += stored
        if length >= size or number == len(corpus.files):
            yield Texts(pa.array(texts, pa.large_binary()), partial(_file, fileids), done)
            fileids, texts, length = [], [], 0


def _file(fileids: list[str], row: int) -> str:
    return f"file {fileids[row]}"


def _text(reader: Any, fileid: str, name: str) -> str:
    from nltk.corpus import PlaintextCorpusReader  # noqa: PLC0415 (optional, slow to import)

    try:
        if isinstance(reader, PlaintextCorpusReader):
            # Its sents() would want a model to split sentences, which is another download.
            try:
                return str(reader.raw(fileid))
            except UnicodeDecodeError:
                return _decode(reader, fileid)
        if hasattr(reader, "sents"):
            with suppress(LookupError, NotImplementedError):
                return "\n".join(" ".join(sentence) for sentence in reader.sents(fileid))
        return " ".join(reader.words(fileid))
    except OSError as error:
        raise CorpusError(f"{name}: file {fileid} cannot be read: {error}") from error
    except (AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        raise CorpusError(
            f"{name} has no running text that NLTK could give ({fileid}: {error}); name another "
            "corpus"
        ) from error


def _decode(reader: Any, fileid: str) -> str:
    """Decode a file that is not in the encoding that NLTK assumes: UTF-8, or else Latin-1."""
    with reader.abspath(fileid).open() as file:
        data: bytes = file.read()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")

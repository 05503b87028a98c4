"""Encoded corpora on disk: a directory of a few files that is written once and opened at once.

=====================  ========================================================================
corpus.json            the format and its version, the numbers of words and sentences, how the
                       text was read, and the size and SHA-256 of every other file; at its end
                       the SHA-256 of what comes before it
ids.npy                the ids of the words, int32, shape (N,): `EncodedCorpus.ids`
starts.npy             where the sentences begin, int64, shape (S + 1,): `EncodedCorpus.starts`
vocabulary.json        ``{"words": [...], "counts": [...]}``, by id
=====================  ========================================================================

The two arrays are files of NumPy's own format, version 1.0, little-endian, with a header of 128
bytes; ``numpy.load(name, mmap_mode="r")`` opens them. Other headers are refused, and with them
arrays of objects, other dtypes and other shapes.

Opening reads every file once, to compare it with its SHA-256 and to see that the numbers fit
together; memory then holds the vocabulary, and the arrays stay on the disk until they are used.
"""

import hashlib
import importlib.metadata
import json
import mmap
import re
import stat
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

import numpy as np
from numpy.typing import NDArray

from xw2v.atomic import (
    interrupted_overwrites,
    probe_directory,
    replacing_directory,
    sync_directory,
    sync_file,
    why_not_replaceable,
)
from xw2v.errors import CorpusError
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.vocabulary import Vocabulary

__all__ = [
    "FILES",
    "FORMAT_VERSION",
    "NOTES",
    "CorpusNotes",
    "StoredCorpus",
    "check_encoded_writable",
    "is_encoded",
    "load_encoded",
    "read_notes",
    "save_encoded",
]

FORMAT_VERSION = 1
_FORMAT = "xw2v corpus"

NOTES = "corpus.json"
_IDS = "ids.npy"
_STARTS = "starts.npy"
_VOCABULARY = "vocabulary.json"
FILES = (NOTES, _IDS, _STARTS, _VOCABULARY)

_CHUNK = 1 << 20
_HEADER_BYTES = 128
_LONGEST_NOTES = 1 << 28
_AGAIN = "encode the text again"
_LOOKS_LIKE = re.compile(rb'"format": *"xw2v corpus"')


@dataclass(frozen=True, eq=False)
class StoredCorpus:
    """An encoded corpus that was read from a directory.

    Attributes
    ----------
    vocabulary : Vocabulary
    corpus : EncodedCorpus
        Its arrays are read-only and lie in the files.
    options : mapping
        How the text was read, as it was given to `save_encoded`.
    """

    vocabulary: Vocabulary
    corpus: EncodedCorpus
    options: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class CorpusNotes:
    """What is noted about an encoded corpus, known without reading it.

    Attributes
    ----------
    words : int
        Words in the vocabulary that the text has, one after the other, N.
    sentences : int
        Sentences with at least one of them, S.
    raw_words : int
        Words of the text before any was dropped.
    vocabulary_size : int
        Different words, V.
    options : mapping
        How the text was read.
    xw2v_version : str
        What wrote the corpus.
    """

    words: int
    sentences: int
    raw_words: int
    vocabulary_size: int
    options: Mapping[str, Any]
    xw2v_version: str


@dataclass(frozen=True)
class _FileNote:
    """What is noted about a file: its size in bytes, and the SHA-256 of them."""

    size: int
    sha256: str


def is_encoded(path: str | PathLike[str]) -> bool:
    """Return whether a path is the directory of an encoded corpus.

    That may be one that is damaged, or of a newer format, and cannot be read.

    Parameters
    ----------
    path : path

    Returns
    -------
    bool
        False as well if there is nothing, or it may not be read.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            return False
        notes = path / NOTES
        if notes.is_file():
            with notes.open("rb") as file:
                if _LOOKS_LIKE.search(file.read(1 << 12)):
                    return True
        return all((path / name).is_file() for name in FILES if name != NOTES)
    except (OSError, ValueError):
        return False


def check_encoded_writable(path: str | PathLike[str], overwrite: bool = False) -> None:
    """Raise unless `save_encoded` can write a corpus under this name.

    To be called before a long text is read. Directories are created on the way and removed
    again, since only that tells for certain.

    Parameters
    ----------
    path : path
        The directory to be. Parents that are missing will be created.
    overwrite : bool
        Whether an encoded corpus that is there may be replaced.

    Raises
    ------
    CorpusError
        If something other than an empty directory has that name, unless it is an encoded corpus
        and `overwrite` is true; or if no directory can be made there.
    """
    path = Path(path)
    try:
        resolved = path.resolve()
        _check_replaceable(resolved, overwrite)
        probe_directory(resolved)
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error


def save_encoded(
    path: str | PathLike[str],
    vocabulary: Vocabulary,
    corpus: EncodedCorpus,
    *,
    options: Mapping[str, Any],
    overwrite: bool = False,
    durable: bool = True,
    private: bool = False,
) -> None:
    """Write an encoded corpus as a directory.

    The directory takes its name once it is complete, so an interrupted save leaves nothing under
    that name, or the corpus that was there as it was (see `replacing_directory`). The arrays are
    written piece by piece, and may be larger than memory.

    Parameters
    ----------
    path : path
        Missing parents are created; a symbolic link is followed.
    vocabulary : Vocabulary
    corpus : EncodedCorpus
        Of this vocabulary.
    options : mapping
        How the text was read: strings, numbers, booleans, None, and lists and dictionaries of
        them.
    overwrite : bool
        Whether an encoded corpus that is there may be replaced.
    durable : bool
        Whether to wait until everything is on the disk, so that a power failure does no harm.
    private : bool
        Whether only the owner may enter the directory.

    Raises
    ------
    CorpusError
        If the corpus has ids that the vocabulary has not, a word is not Unicode text, the name
        is taken (see `check_encoded_writable`), or writing fails.
    """
    path = Path(path)
    try:
        resolved = path.resolve()
        _check_replaceable(resolved, overwrite)
        mode = 0o700 if private else 0o777
        with replacing_directory(resolved, mode=mode, durable=durable) as directory:
            _write_files(directory, vocabulary, corpus, options)
            if durable:
                for name in FILES:
                    sync_file(directory / name)
                sync_directory(directory)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise _cannot_write(path, error) from error


def load_encoded(path: str | PathLike[str]) -> StoredCorpus:
    """Open an encoded corpus.

    Parameters
    ----------
    path : path
        The directory.

    Returns
    -------
    StoredCorpus

    Raises
    ------
    CorpusError
        If the directory is no encoded corpus, or one of a newer format, or a file is missing or
        damaged; the message names it.
    """
    path = Path(path)
    notes, files = _read_notes(path)
    for name, note in files.items():
        _check_size(path / name, note)
    starts = _read_array(path / _STARTS, files[_STARTS], "<i8", notes.sentences + 1)
    vocabulary = _read_vocabulary(path / _VOCABULARY, files[_VOCABULARY], notes.vocabulary_size)
    ids = _read_array(path / _IDS, files[_IDS], "<i4", notes.words)
    try:
        # Elsewhere than on a little-endian machine this takes memory for a copy.
        corpus = EncodedCorpus(
            ids.astype(np.int32, copy=False), starts.astype(np.int64, copy=False), notes.raw_words
        )
    except ValueError as error:
        raise _damaged(path / _STARTS, str(error)) from error
    corpus.release()
    for part in _parts(corpus.ids, corpus):
        if not _are_ids(part, len(vocabulary)):
            raise _damaged(path / _IDS, "it holds ids that the vocabulary has not")
    return StoredCorpus(vocabulary, corpus, notes.options)


def read_notes(path: str | PathLike[str]) -> CorpusNotes:
    """Read what is noted about an encoded corpus, and nothing else of it.

    Parameters
    ----------
    path : path
        The directory.

    Returns
    -------
    CorpusNotes

    Raises
    ------
    CorpusError
        As `load_encoded`, for the notes, corpus.json.
    """
    return _read_notes(Path(path))[0]


def _cannot_write(path: Path, error: Exception) -> CorpusError:
    return CorpusError(f"cannot write {path}: {_reason(error)}")


def _cannot_read(path: Path, error: Exception) -> CorpusError:
    return CorpusError(f"cannot read {path}: {_reason(error)}; make it readable, or {_AGAIN}")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _damaged(path: Path, reason: str) -> CorpusError:
    return CorpusError(f"{path} is damaged: {reason}; {_AGAIN}")


def _check_replaceable(path: Path, overwrite: bool) -> None:
    reason = why_not_replaceable(
        path, "corpus", is_one=is_encoded, is_part=FILES.__contains__, overwrite=overwrite
    )
    if reason is not None:
        raise CorpusError(reason)


# Writing


def _write_files(
    directory: Path, vocabulary: Vocabulary, corpus: EncodedCorpus, options: Mapping[str, Any]
) -> None:
    contents: dict[str, Iterable[bytes | memoryview]] = {
        _VOCABULARY: [_vocabulary_bytes(vocabulary)],
        _STARTS: _array_bytes(corpus.starts, "<i8", corpus),
        _IDS: _array_bytes(corpus.ids, "<i4", corpus, len(vocabulary)),
    }
    notes = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "xw2v_version": _xw2v_version(),
        "words": corpus.n_words,
        "sentences": corpus.n_sentences,
        "raw_words": int(corpus.raw_words),
        "vocabulary_size": len(vocabulary),
        "options": dict(options),
    }
    _notes_bytes(notes)  # this fails before much is written
    notes["files"] = {name: _write(directory / name, parts) for name, parts in contents.items()}
    data = _notes_bytes(notes)
    if len(data) > _LONGEST_NOTES:
        raise ValueError(f"the notes on how the text was read take {len(data):,} bytes")
    (directory / NOTES).write_bytes(data)


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> dict[str, int | str]:
    """Write a file; return what is noted about it."""
    size = 0
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
            size += memoryview(part).nbytes
    return {"bytes": size, "sha256": digest.hexdigest()}


def _array_bytes(
    values: NDArray[Any], dtype: str, corpus: EncodedCorpus, bound: int | None = None
) -> Iterator[bytes | memoryview]:
    """Yield the contents of the file of an array; ids must be below `bound`."""
    yield _header(dtype, values.size)
    for part in _parts(values, corpus):
        if bound is not None and not _are_ids(part, bound):
            raise ValueError("the corpus holds ids that the vocabulary has not")
        yield np.ascontiguousarray(part, dtype).data


def _parts(values: NDArray[Any], corpus: EncodedCorpus) -> Iterator[NDArray[Any]]:
    """Yield an array of a corpus in pieces, none of which stays in memory afterwards."""
    for begin in range(0, values.size, _CHUNK):
        yield values[begin : begin + _CHUNK]
        corpus.release()


def _are_ids(values: NDArray[np.int32], size: int) -> bool:
    return int(values.min()) >= 0 and int(values.max()) < size


def _header(dtype: str, size: int) -> bytes:
    """Return the header of a one-dimensional array in NumPy's format: 128 bytes, always."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({size},), }}"
    magic = b"\x93NUMPY\x01\x00"
    length = _HEADER_BYTES - len(magic) - 2
    return magic + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"


def _vocabulary_bytes(vocabulary: Vocabulary) -> bytes:
    counts = vocabulary.counts.tolist()
    value = {"words": list(vocabulary.words), "counts": counts}
    try:
        return (json.dumps(value, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        word = next(word for word in vocabulary.words if not _is_unicode(word))
        raise ValueError(f"the word {word!r} cannot be written as UTF-8") from None


def _notes_bytes(notes: Mapping[str, Any]) -> bytes:
    """Return corpus.json: readable JSON whose last entry is the SHA-256 of what is before it."""
    try:
        text = json.dumps(notes, ensure_ascii=False, indent=2, allow_nan=False)
        data = text.encode()
    except UnicodeEncodeError:
        # A file's name that is not Unicode: JSON can hold it, UTF-8 cannot.
        data = json.dumps(notes, indent=2, allow_nan=False).encode()
    data = data.removesuffix(b"\n}")
    return data + _seal(data)


def _seal(data: bytes) -> bytes:
    return b',\n  "sha256": "%s"\n}\n' % hashlib.sha256(data).hexdigest().encode()


_SEAL_BYTES = len(_seal(b""))


def _xw2v_version() -> str:
    try:
        return importlib.metadata.version("xw2v")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


# Reading


def _read_notes(path: Path) -> tuple[CorpusNotes, dict[str, _FileNote]]:
    """Read corpus.json; return it once the format and the kinds of its entries are right."""
    data = _notes_read(path)
    notes_path = path / NOTES
    try:
        notes = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(notes_path, str(error)) from error
    if not isinstance(notes, dict) or notes.get("format") != _FORMAT:
        raise CorpusError(f"{notes_path}: these are not the notes of an xw2v corpus; {_AGAIN}")
    version = notes.get("format_version")
    if not _is_count(version) or version < 1:
        raise _damaged(notes_path, f"format_version is {version!r}")
    if version > FORMAT_VERSION:
        raise CorpusError(
            f"{notes_path}: the corpus has format version {version}, written by xw2v "
            f"{notes.get('xw2v_version', 'unknown')}; this xw2v reads versions up to "
            f"{FORMAT_VERSION}: update xw2v, or {_AGAIN}"
        )
    if _seal(data[:-_SEAL_BYTES]) != data[-_SEAL_BYTES:]:
        raise _damaged(notes_path, "its contents have another SHA-256 than the one at its end")
    for key in ("words", "sentences", "raw_words", "vocabulary_size"):
        if not _is_count(notes.get(key)):
            raise _damaged(notes_path, f"{key!r} is not a number of things")
    if notes["raw_words"] < notes["words"]:
        raise _damaged(notes_path, "'raw_words' is less than 'words'")
    if not isinstance(notes.get("options"), dict) or not isinstance(notes.get("files"), dict):
        raise _damaged(notes_path, "'options' or 'files' is not a JSON object")
    files = {
        name: _file_note(notes_path, name, notes["files"].get(name))
        for name in FILES
        if name != NOTES
    }
    return (
        CorpusNotes(
            words=notes["words"],
            sentences=notes["sentences"],
            raw_words=notes["raw_words"],
            vocabulary_size=notes["vocabulary_size"],
            options=notes["options"],
            xw2v_version=str(notes.get("xw2v_version", "unknown")),
        ),
        files,
    )


def _notes_read(path: Path) -> bytes:
    """Return the contents of corpus.json in a directory."""
    notes_path = path / NOTES
    try:
        if not path.is_dir():
            kind = "is a file, not a directory" if path.exists() else "does not exist"
            raise CorpusError(f"cannot read {path}: it {kind}{_interrupted(path)}; {_AGAIN}")
        if not notes_path.exists():
            raise CorpusError(
                f"cannot read {path}: it has no {NOTES}, so it is no xw2v corpus; {_AGAIN}"
            )
        status = notes_path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _damaged(notes_path, "it is not a file")
        if status.st_size > _LONGEST_NOTES:
            raise _damaged(notes_path, f"it has {status.st_size:,} bytes")
        return notes_path.read_bytes()
    except (OSError, ValueError) as error:
        raise _cannot_read(notes_path, error) from error


def _interrupted(path: Path) -> str:
    """Say where the old corpus is if an overwrite was killed between its two renames."""
    old = interrupted_overwrites(path, is_encoded)
    return f", but an interrupted overwrite left {', '.join(map(str, old))}" if old else ""


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _file_note(notes_path: Path, name: str, value: object) -> _FileNote:
    if isinstance(value, dict):
        size, sha256 = value.get("bytes"), value.get("sha256")
        if type(size) is int and isinstance(sha256, str):
            return _FileNote(size, sha256)
    raise _damaged(notes_path, f"it lacks the size or the SHA-256 of {name}")


def _check_size(path: Path, note: _FileNote) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise CorpusError(f"cannot read {path}: no such file; {_AGAIN}") from error
    except OSError as error:
        raise _cannot_read(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise _damaged(path, "it is not a file")
    if status.st_size != note.size:
        raise _damaged(path, f"it has {status.st_size:,} bytes, not {note.size:,}")


@contextmanager
def _sound_file(path: Path, note: _FileNote) -> Generator[BinaryIO]:
    """Open a file, at its beginning, if it has the SHA-256 that is noted."""
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != note.sha256:
                raise _damaged(path, f"its contents have another SHA-256 than {NOTES} says")
            file.seek(0)
            yield file
    except OSError as error:
        raise _cannot_read(path, error) from error


def _read_array(path: Path, note: _FileNote, dtype: str, size: int) -> NDArray[Any]:
    """Return the array in a file, shape (size,), of this dtype and no other."""
    due = _HEADER_BYTES + size * np.dtype(dtype).itemsize
    if note.size != due:
        raise _damaged(path, f"it has {note.size:,} bytes where {size:,} numbers take {due:,}")
    with _sound_file(path, note) as file:
        if file.read(_HEADER_BYTES) != _header(dtype, size):
            raise _damaged(path, f"its header is not that of {size:,} numbers of type {dtype}")
        try:
            mapping = mmap.mmap(file.fileno(), due, access=mmap.ACCESS_READ)
        except (ValueError, OverflowError) as error:  # it was longer a moment ago
            raise _damaged(path, str(error)) from error
    return np.frombuffer(mapping, dtype, offset=_HEADER_BYTES)


def _read_vocabulary(path: Path, note: _FileNote, size: int) -> Vocabulary:
    with _sound_file(path, note) as file:
        data = file.read(note.size)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(value, dict):
        raise _damaged(path, "not a JSON object")
    words, counts = value.get("words"), value.get("counts")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise _damaged(path, "'words' is not a list of strings")
    if not isinstance(counts, list) or not all(_is_count(count) for count in counts):
        raise _damaged(path, "'counts' is not a list of numbers of words")
    if len(words) != size:
        raise _damaged(path, f"it has {len(words):,} words, not {size:,}")
    if not all(map(_is_unicode, words)):
        raise _damaged(path, "a word is not Unicode text")
    try:
        return Vocabulary(tuple(words), np.array(counts, np.int64))
    except (ValueError, OverflowError) as error:
        raise _damaged(path, str(error)) from error


def _is_unicode(word: str) -> bool:
    """Return whether a word is without halves of surrogate pairs, which UTF-8 cannot hold."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Encoded corpora that are kept, so that a text which has not changed is read but once.

Each lies in a directory of its own in the cache folder (see `xw2v.text.store`), named by a digest
of the text's fingerprints and of the options it was read with. Several processes may use the
folder at the same time: an entry appears under its name when it is complete, and vanishes from
under it before its files do.

Whatever is not an entry of the cache is left alone, for the folder may be one that a user named.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xw2v.atomic import hidden_sibling
from xw2v.errors import ConfigError, CorpusError
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.store import (
    FILES,
    FORMAT_VERSION,
    NOTES,
    StoredCorpus,
    load_encoded,
    read_notes,
    save_encoded,
)
from xw2v.text.vocabulary import Vocabulary

__all__ = [
    "CACHE_LIMIT",
    "ENCODING_VERSION",
    "CacheEntry",
    "cache_folder",
    "cache_key",
    "cache_limit",
    "cached_entries",
    "clear_cache",
    "find_cached",
    "keep_cached",
]

# To be raised whenever the same text and options give other words, sentences or ids than before.
ENCODING_VERSION = 1

CACHE_LIMIT = 10_000_000_000

_FOLDER_VARIABLE = "XW2V_CACHE_DIR"
_LIMIT_VARIABLE = "XW2V_CACHE_LIMIT"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?) *([kmgt]?)b?", re.IGNORECASE | re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}")
# What processes leave behind that are killed while they write or remove an entry.
_LEFTOVER = re.compile(r"\.xw2v-[0-9a-f]{16}\.(tmp|old)")
_LEFTOVER_SECONDS = 3600.0


@dataclass(frozen=True)
class CacheEntry:
    """An encoded corpus in the cache.

    Attributes
    ----------
    key : str
        See `cache_key`.
    path : Path
        Its directory.
    bytes : int
        What its files take.
    words : int or None
        Words of the corpus; None if the entry is damaged.
    sources : tuple of str
        What was read, by the entry ``"sources"`` of its options.
    last_used : float
        When it was kept or last found, in seconds since the epoch.
    """

    key: str
    path: Path
    bytes: int
    words: int | None
    sources: tuple[str, ...]
    last_used: float


def cache_folder() -> Path:
    """Return the folder of the cache, which need not exist.

    Returns
    -------
    Path
        Absolute: what the environment variable ``XW2V_CACHE_DIR`` names, or ``corpora`` in the
        place where the system has programs keep such files for the user.

    Raises
    ------
    ConfigError
        If the variable is not set, and the user has no home.
    """
    named = os.environ.get(_FOLDER_VARIABLE)
    if named:
        return Path(named).absolute()
    import platformdirs  # noqa: PLC0415

    folder = platformdirs.user_cache_path("xw2v", appauthor=False) / "corpora"
    if not folder.is_absolute():
        raise ConfigError(
            f"there is no home folder to keep encoded text in; set {_FOLDER_VARIABLE} to a folder"
        )
    return folder


def cache_limit() -> int:
    """Return how many bytes the cache may take.

    Returns
    -------
    int
        What the environment variable ``XW2V_CACHE_LIMIT`` says (``"20GB"``; 0 keeps nothing), or
        10 GB.

    Raises
    ------
    ConfigError
        If the variable is no size.
    """
    text = os.environ.get(_LIMIT_VARIABLE, "").strip()
    if not text:
        return CACHE_LIMIT
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"{_LIMIT_VARIABLE} must be a size in bytes, kB, MB, GB or TB, such as 20GB, "
            f"not {text!r}"
        )
    return int(float(match[1]) * _UNITS[match[2].lower()])


def cache_key(fingerprints: Sequence[Sequence[str]], options: Mapping[str, Any]) -> str:
    """Return the name of an entry: a digest of all that an encoded corpus depends on.

    Parameters
    ----------
    fingerprints : sequence of sequences of str
        What identifies each source and its contents, in the order in which they are read.
    options : mapping
        How the text is read: strings, numbers, booleans, None, and lists and dictionaries of
        them.

    Returns
    -------
    str
        64 hexadecimal digits, the same for the same arguments and this version of xw2v's way of
        reading text.
    """
    depends_on = {
        "format": FORMAT_VERSION,
        "encoding": ENCODING_VERSION,
        "fingerprints": [list(fingerprint) for fingerprint in fingerprints],
        "options": dict(options),
    }
    text = json.dumps(depends_on, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find_cached(key: str) -> StoredCorpus | None:
    """Open an entry of the cache, and note that it was used.

    Parameters
    ----------
    key : str
        From `cache_key`.

    Returns
    -------
    StoredCorpus or None
        None if there is no such entry, or none that can be read: one that is damaged is removed.
    """
    try:
        path = _entry_path(key)
        if not path.is_dir():
            return None
    except (ConfigError, OSError):
        return None
    try:
        stored = load_encoded(path)
    except CorpusError:
        _remove(path)
        return None
    with suppress(OSError):  # the folder may be read-only
        os.utime(path / NOTES)
    return stored


def keep_cached(
    key: str, vocabulary: Vocabulary, corpus: EncodedCorpus, options: Mapping[str, Any]
) -> str | None:
    """Write an entry of the cache; the least recently used ones make room for it.

    Parameters
    ----------
    key : str
        From `cache_key`.
    vocabulary : Vocabulary
    corpus : EncodedCorpus
    options : mapping
        See `save_encoded`.

    Returns
    -------
    str or None
        Why the corpus could not be kept, for a warning. None if it was, by this process or by
        another one meanwhile, or if the limit is 0.
    """
    try:
        path, limit = _entry_path(key), cache_limit()
    except ConfigError as error:
        return str(error)
    if limit == 0:
        return None
    needed = 4 * corpus.n_words + 8 * corpus.n_sentences  # and the vocabulary
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = _no_room(needed, limit, path.parent)
        if reason is None:
            # Whatever a power failure does to the files is found when they are read.
            save_encoded(
                path,
                vocabulary,
                corpus,
                options=options,
                overwrite=True,
                durable=False,
                private=True,
            )
            _sweep()
            _make_room(limit, path)
    except OSError as error:
        reason = f"cannot write {path.parent}: {error.strerror or error}"
    except CorpusError as error:
        reason = None if _is_whole(path) else str(error)
    return reason


def cached_entries() -> list[CacheEntry]:
    """List the entries of the cache, the last used one first.

    Returns
    -------
    list of CacheEntry
        Empty if there is no cache folder, or it may not be read.

    Raises
    ------
    ConfigError
        If there is no place for a cache folder, see `cache_folder`.
    """
    entries = []
    for path in _paths(_KEY):
        with suppress(OSError):  # another process may have removed it just now
            entries.append(_entry(path))
    return sorted(entries, key=lambda entry: (-entry.last_used, entry.key))


def clear_cache(older_than: float | None = None) -> int:
    """Remove entries of the cache.

    Parameters
    ----------
    older_than : float, optional
        Remove only what was not used in so many seconds.

    Returns
    -------
    int
        The bytes that were freed. On Windows, an entry that is in use cannot be removed.

    Raises
    ------
    ConfigError
        If there is no place for a cache folder, see `cache_folder`.
    """
    latest = float("inf") if older_than is None else time.time() - older_than
    entries = [entry for entry in cached_entries() if entry.last_used < latest]
    return _sweep() + sum(entry.bytes for entry in entries if _remove(entry.path))


def _entry_path(key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise ValueError(f"a key has 64 hexadecimal digits, unlike {key!r}")
    return cache_folder() / key


def _no_room(needed: int, limit: int, folder: Path) -> str | None:
    """Say why a corpus that takes so many bytes cannot be kept, if it cannot."""
    takes = f"the encoded text takes {needed:,} bytes"
    if needed > limit:
        return f"{takes}, and the cache may take {limit:,}: set {_LIMIT_VARIABLE} to more"
    if needed > shutil.disk_usage(folder).free:
        return f"{takes}, and the disk of {folder} has less room: set {_FOLDER_VARIABLE} to another"
    return None


def _is_whole(path: Path) -> bool:
    """Return whether there is an entry, as far as its notes tell."""
    try:
        read_notes(path)
    except CorpusError:
        return False
    return True


def _paths(pattern: re.Pattern[str]) -> Iterator[Path]:
    """Yield the directories in the cache folder with such a name that hold our files alone."""
    try:
        found = [path for path in cache_folder().iterdir() if pattern.fullmatch(path.name)]
    except OSError:
        return
    for path in found:
        with suppress(OSError):
            if _is_ours(path):
                yield path


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    return all(file.name in FILES for file in path.iterdir())


def _entry(path: Path) -> CacheEntry:
    try:
        notes = read_notes(path)
        words, sources = notes.words, notes.options.get("sources")
    except CorpusError:
        words, sources = None, None
    if not isinstance(sources, (list, tuple)):
        sources = [] if sources is None else [sources]
    used = path / NOTES
    return CacheEntry(
        key=path.name,
        path=path,
        bytes=_bytes(path),
        words=words,
        sources=tuple(map(str, sources)),
        last_used=(used if used.exists() else path).stat().st_mtime,
    )


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())


def _make_room(limit: int, kept: Path) -> None:
    """Remove the least recently used entries beyond the limit, but not the one just kept."""
    entries = cached_entries()
    total = sum(entry.bytes for entry in entries)
    for entry in reversed(entries):
        if total > limit and entry.path != kept and _remove(entry.path):
            total -= entry.bytes


def _sweep() -> int:
    """Remove what killed processes left behind, and return how many bytes it took.

    What another process is writing just now looks alike, only that it has changed lately.
    """
    freed = 0
    for path in _paths(_LEFTOVER):
        with suppress(OSError):
            changed = max(item.stat().st_mtime for item in (path, *path.iterdir()))
            if changed < time.time() - _LEFTOVER_SECONDS:
                size = _bytes(path)
                shutil.rmtree(path)
                freed += size
    return freed


def _remove(path: Path) -> bool:
    """Remove an entry, if that is what it is; return whether it is gone.

    It loses its name first, so that no other process finds half of it. One that has its files
    open keeps them as they are; on Windows, the entry stays.
    """
    gone = hidden_sibling(path, ".old")
    try:
        if not _is_ours(path):
            return False
        path.rename(gone)
    except OSError:
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True

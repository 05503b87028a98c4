"""Which texts there are to read: files, patterns, folders, URLs, corpora, standard input."""

import glob
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from xw2v.errors import CorpusError
from xw2v.text.corpora import NLTK, find_corpora
from xw2v.text.remote import find_remote, is_url
from xw2v.text.streams import LocalFile, Source, StandardInput, unreadable

__all__ = ["STDIN", "Source", "find_sources"]

STDIN = "-"


def find_sources(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> list[Source]:
    """List the sources that paths and patterns stand for, all of them checked.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        Files; glob patterns (their files are sorted); folders, for all files below them
        (sorted; hidden ones are left out); URLs of all of these; corpora of NLTK, such as
        ``"nltk:brown,reuters"``; or ``"-"`` for standard input.

    Returns
    -------
    list of Source

    Raises
    ------
    CorpusError
        If a file is missing or unreadable, a pattern matches no file, a folder holds none, or
        what a URL or corpus needs is not installed.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    sources = [source for path in paths for source in _expand(os.fspath(path))]
    if not sources:
        raise CorpusError("no text files given; name at least one, or - for standard input")
    if sum(isinstance(source, StandardInput) for source in sources) > 1:
        raise CorpusError("standard input (-) can be read only once; name it once")
    return sources


def _expand(path: str) -> Sequence[Source]:
    if path == STDIN:
        return [StandardInput()]
    if is_url(path):
        return find_remote(path)
    # A file may be called "notes[1].txt", so the name itself comes before the pattern.
    # (os.path and glob, because pathlib raises PermissionError and wants relative patterns.)
    exists = os.path.exists(path)  # noqa: PTH110
    if path.startswith(NLTK) and not exists:
        return find_corpora(path)
    if os.path.isdir(path):  # noqa: PTH112
        return _below(path)
    if not glob.has_magic(path) or exists:
        return [_check(path)]
    found = glob.glob(path, recursive=True)  # noqa: PTH207
    files = sorted(name for name in found if not os.path.isdir(name))  # noqa: PTH112
    if not files:
        raise CorpusError(f"no file matches {path}; check the pattern and the folder")
    return [_check(file) for file in files]


def _below(folder: str) -> list[Source]:
    def refuse(error: OSError) -> None:
        raise unreadable(str(error.filename or folder), error) from error

    found = []
    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(root, name) for name in names if not name.startswith(".")]
        # (A link to nowhere is reported later; sockets and the like are not files.)
        found += [path for path in paths if path.is_file() or path.is_symlink()]
    if not found:
        raise CorpusError(f"{folder} holds no files; name a folder that does, or a file")
    return [_check(str(path)) for path in sorted(found, key=lambda path: path.parts)]


def _check(name: str) -> Source:
    path = Path(name)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return LocalFile(name=name, path=path)  # a pipe may be opened only once
        with path.open("rb"):
            pass
        fingerprint = (str(path.absolute()), str(status.st_size), str(status.st_mtime_ns))
        return LocalFile(name=name, path=path, size=status.st_size, fingerprint=fingerprint)
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error

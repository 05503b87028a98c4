"""Files and directories that are complete under their name, or not there at all."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "hidden_sibling",
    "interrupted_overwrites",
    "probe_directory",
    "remove_leftovers",
    "replacing_directory",
    "replacing_file",
    "sync_directory",
    "sync_file",
    "why_not_replaceable",
]


def hidden_sibling(path: Path, suffix: str = ".tmp") -> Path:
    """Return an unused hidden name next to `path`, hence on the same file system."""
    return path.with_name(f".xw2v-{_mark(path)}{secrets.token_hex(4)}{suffix}")


def _mark(path: Path) -> str:
    """Return what the hidden names that belong to a name have in common."""
    return hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes have left that were making `path`, and nobody else's.

    To be called where no other process can be making it now; what was there before an
    interrupted overwrite (see `interrupted_overwrites`) goes as well.
    """
    path = path.resolve()
    for left in path.parent.glob(f".xw2v-{_mark(path)}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def sync_file(path: Path) -> None:
    """Have the system write the contents of a file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Have the system write the names in a directory to the disk.

    Windows and some network file systems have no such request: there it does nothing.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def replacing_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes the name `path` once it is complete.

    If the body raises, what was there before is untouched and nothing is left behind. A symbolic
    link is followed. A pipe or a device is written to directly: there is nothing to replace.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()
    temporary = hidden_sibling(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_directory(path: Path, *, mode: int = 0o777, durable: bool = True) -> Iterator[Path]:
    """Make a directory that takes the name `path` once it is complete.

    If the body raises, what was there before is untouched and nothing is left behind. A process
    that is killed leaves hidden directories ``.xw2v-*`` next to `path`, which may be deleted;
    killed in the instant between the two renames of an overwrite, it leaves the old directory in
    ``.xw2v-*.old`` (see `interrupted_overwrites`).

    Whatever is in a directory that has the name already is lost: ask `why_not_replaceable` first.

    Parameters
    ----------
    path : Path
        Missing parents are created; a symbolic link is followed.
    mode : int
        Permissions of the directory; the umask takes away from them.
    durable : bool
        Whether to wait until the new name is on the disk. The contents are for the body to see
        to, with `sync_file` and `sync_directory`.

    Yields
    ------
    Path
        The directory under its hidden name, empty.

    Raises
    ------
    OSError
        If the directory cannot be made or renamed, or `path` is something else.
    """
    path = path.resolve()
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = hidden_sibling(path)
    try:
        temporary.mkdir(mode)
        yield temporary
        _move_into_place(temporary, path)
        if durable:
            sync_directory(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_into_place(temporary: Path, path: Path) -> None:
    if not path.exists():
        temporary.rename(path)
        return
    old = hidden_sibling(path, ".old")
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        # Should that fail as well, another process has given the name to something else.
        with suppress(OSError):
            old.rename(path)
        raise
    # The new directory is in place: what is left of the old one is no reason to fail.
    shutil.rmtree(old, ignore_errors=True)


def why_not_replaceable(
    path: Path,
    noun: str,
    *,
    is_one: Callable[[Path], bool],
    is_part: Callable[[str], bool],
    overwrite: bool,
) -> str | None:
    """Say what would be lost if a directory took the name `path`.

    Parameters
    ----------
    path : Path
        The name, resolved.
    noun : str
        What the directory holds: ``"model"``.
    is_one : callable
        Whether a directory is one of that kind.
    is_part : callable
        Whether a file of this name belongs to one.
    overwrite : bool
        Whether one that is there may be replaced.

    Returns
    -------
    str or None
        A sentence for people; None if the name is free, or that of an empty directory, or of
        one that may be replaced.

    Raises
    ------
    OSError
        If the directory cannot be read.
    """
    if not path.exists():
        return None
    if not path.is_dir():
        return f"{path} is a file; a {noun} is a directory: choose another name"
    if os.path.ismount(path):
        return f"{path} is a mount point; name a directory inside it"
    names = sorted(entry.name for entry in path.iterdir())
    strangers = [name for name in names if not is_part(name)]
    reason = None
    if names and not is_one(path):
        reason = f"{path} is a directory, but no xw2v {noun}: choose another name"
    elif names and not overwrite:
        reason = (
            f"{path} holds a {noun} already; choose another name, or overwrite it (--overwrite)"
        )
    elif strangers:
        reason = (
            f"{path} holds files that are no part of the {noun} and would be lost, "
            f"{strangers[0]!r} for one; move them away or choose another name"
        )
    return reason


def probe_directory(path: Path) -> None:
    """Find out whether `replacing_directory` can make a directory of this name.

    Directories are created on the way and removed again, since only that tells for certain.

    Parameters
    ----------
    path : Path
        The name, resolved. Parents may be missing.

    Raises
    ------
    OSError
        If it cannot.
    """
    probe = hidden_sibling(path) if path.exists() else path
    missing = [probe]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    made: list[Path] = []
    try:
        for directory in reversed(missing):
            directory.mkdir()
            made.append(directory)
    finally:
        for directory in reversed(made):
            with suppress(OSError):
                directory.rmdir()


def interrupted_overwrites(path: Path, is_one: Callable[[Path], bool]) -> list[Path]:
    """List the old directories next to `path` that processes left which were killed.

    Parameters
    ----------
    path : Path
        The name that the directory had; nothing to report if there is something of that name.
    is_one : callable
        Whether a directory is of the kind that is sought.

    Returns
    -------
    list of Path
        Sorted. One of them may be what had the name.
    """
    if path.exists():
        return []
    return sorted(old for old in path.resolve().parent.glob(".xw2v-*.old") if is_one(old))

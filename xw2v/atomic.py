"""Files that are complete under their name, or not there at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["hidden_sibling", "replacing_file", "sync_directory", "sync_file"]


def hidden_sibling(path: Path, suffix: str = ".tmp") -> Path:
    """Return an unused hidden name next to `path`, hence on the same file system."""
    return path.with_name(f".xw2v-{secrets.token_hex(8)}{suffix}")


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

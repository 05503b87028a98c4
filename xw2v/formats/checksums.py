"""The SHA-256 sums of the files of a directory, as coreutils' ``sha256sum`` writes them.

``SHA256SUMS`` has a line for each file, sorted by name: 64 hexadecimal digits, two spaces, the
name. ``sha256sum -c SHA256SUMS``, run in the directory, checks it without xw2v.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from xw2v.errors import ModelFileError

__all__ = [
    "SUMS",
    "check_file",
    "check_sums",
    "damaged",
    "file_digest",
    "read_sums",
    "write_sums",
]

SUMS = "SHA256SUMS"

_LARGEST = 1_000_000  # bytes; a line takes some 80
_DIGEST = re.compile(r"[0-9a-f]{64}")
# sha256sum puts an asterisk for the second space where it was told that a file is binary, which
# it takes for granted on Windows. Shells there may end lines in CR LF.
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+?)\r?", re.DOTALL)


def file_digest(path: Path) -> str:
    """Return the SHA-256 sum of a file as 64 hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(directory: Path, digests: Mapping[str, str]) -> None:
    """Write the file of the sums into a directory that has not got its name yet.

    It is neither synced nor moved into place: that is for those to do who make the directory.

    Parameters
    ----------
    directory : Path
    digests : mapping of str to str
        The sum of each file, by its name in the directory.

    Raises
    ------
    ValueError
        If a name or a sum is none that `read_sums` would take.
    OSError
        If the file cannot be written.
    """
    lines = []
    for name, digest in sorted(digests.items()):
        if not _is_plain(name) or _DIGEST.fullmatch(digest) is None:
            raise ValueError(f"cannot list {name!r} with the sum {digest!r} in {SUMS}")
        lines.append(f"{digest}  {name}\n".encode())
    (directory / SUMS).write_bytes(b"".join(lines))


def read_sums(directory: Path) -> dict[str, str]:
    """Read the file of the sums of a directory.

    Parameters
    ----------
    directory : Path

    Returns
    -------
    dict of str to str
        The sum of each file, by its name.

    Raises
    ------
    ModelFileError
        If there is no such file, it is too large to be one, or a line is malformed: no sum, a name
        that occurs twice, or one that leads out of the directory. The message names the line.
    """
    path = directory / SUMS
    digests: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}, line {number} is damaged"
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ModelFileError(f"{where}: not UTF-8") from error
        match = _LINE.fullmatch(text)
        if match is None:
            raise ModelFileError(f"{where}: not a SHA-256 sum, two spaces and the name of a file")
        digest, name = match.groups()
        if not _is_plain(name):
            raise ModelFileError(f"{where}: {name!r} is not the name of a file in the directory")
        if name in digests:
            raise ModelFileError(f"{where}: {name!r} occurs twice")
        digests[name] = digest
    return digests


def check_sums(directory: Path, names: Iterable[str] | None = None) -> None:
    """Raise unless files of a directory are what they were when their sums were written.

    Parameters
    ----------
    directory : Path
    names : iterable of str, optional
        The files to look at, each of which must be listed; None takes all that are.

    Raises
    ------
    ModelFileError
        If a file is missing, not listed, or differs; or as `read_sums`.
    """
    digests = read_sums(directory)
    for name in digests if names is None else names:
        check_file(directory, name, digests)


def check_file(directory: Path, name: str, digests: Mapping[str, str]) -> None:
    """Raise unless a file has the sum that is listed, see `check_sums`.

    Parameters
    ----------
    directory : Path
    name : str
    digests : mapping of str to str
        What `read_sums` returned.

    Raises
    ------
    ModelFileError
        If the file is missing, not listed, or differs.
    """
    path = directory / name
    if name not in digests:
        raise ModelFileError(f"{directory / SUMS} is damaged: it does not list {name!r}")
    try:
        if not path.is_file():  # opening a pipe would wait
            trouble = "not a file" if path.exists() else "no such file"
            raise ModelFileError(f"cannot read {path}: {trouble}, but {SUMS} lists it")
        digest = file_digest(path)
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    if digest != digests[name]:
        raise damaged(path)


def damaged(path: Path) -> ModelFileError:
    """Return the error for a file that has another sum than the one that is listed."""
    return ModelFileError(f"{path} is damaged: its SHA-256 is not the one in {SUMS}")


def _lines(path: Path) -> list[bytes]:
    """Read the lines of a small file, without the LF at their ends."""
    try:
        if not path.is_file():
            trouble = "not a file" if path.exists() else "no such file"
            raise ModelFileError(f"cannot read {path}: {trouble}")
        if path.stat().st_size > _LARGEST:
            raise ModelFileError(f"{path} is damaged: more than {_LARGEST:,} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    lines = data.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _is_plain(name: str) -> bool:
    """Say whether a name is that of a file in the directory itself, on every system.

    ``sha256sum`` escapes some characters, which no name of ours has; Windows takes a backslash
    for a separator, and what follows a colon for the name of a stream.
    """
    return name.isprintable() and name not in ("", ".", "..") and not set(name) & set("/\\:")

"""Files behind URLs, through fsspec."""

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, cast

from xw2v.errors import CorpusError
from xw2v.text.streams import Source, unreadable

__all__ = ["RemoteFile", "find_remote", "is_url"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:::.+)?://")
# What file systems call that by which a changed file can be told.
_VERSIONS = (
    "ETag",
    "etag",
    "generation",
    "md5Hash",
    "Content-MD5",
    "Digest",
    "content_hash",
    "LastModified",
    "Last-Modified",
    "last_modified",
    "modified",
    "mtime",
    "updated",
    "created",
)


@dataclass(frozen=True, kw_only=True)
class RemoteFile(Source):
    """A file behind a URL.

    Attributes
    ----------
    filesystem : fsspec.AbstractFileSystem
        That of the file.
    path : str
        What the file system calls it.
    streams : bool
        Whether it is to be read in a single go. Of web servers that give parts of files one
        hears only by asking for a part.
    """

    # Each file system raises errors of its own.
    failures: ClassVar[tuple[type[Exception], ...]] = (Exception,)

    path: str
    streams: bool = False
    filesystem: Any = field(repr=False, compare=False)

    def _open(self) -> AbstractContextManager[BinaryIO]:
        options = {"block_size": 0} if self.streams else {}
        file = self.filesystem.open(self.path, "rb", **options)
        return cast(AbstractContextManager[BinaryIO], file)

    def open_parts(self) -> BinaryIO | None:
        """Return it open for reading here and there; None if parts of it cannot be had."""
        try:
            file = self.filesystem.open(self.path, "rb")
            file.seek(-1, io.SEEK_END)
            file.read(1)
            file.seek(0)
        except self.failures:
            return None
        return cast(BinaryIO, file)


def is_url(path: str) -> bool:
    """Return whether a name is a URL and no path."""
    return _URL.match(path) is not None


def _failure(url: str, error: Exception) -> CorpusError:
    """Say that a URL cannot be read; what is a file not found to fsspec may be another thing."""
    first: Exception = error
    while isinstance(first.__cause__, Exception):
        first = first.__cause__
    status = getattr(first, "status", None)  # of HTTP
    if status == 404 or (status is None and not isinstance(first, OSError)):
        first = error
    return unreadable(url, first)


def find_remote(url: str) -> list[RemoteFile]:
    """List the files that a URL stands for, all of them checked.

    Parameters
    ----------
    url : str
        A file, a folder or a glob pattern. Of http and https, ``*`` makes a pattern and there
        are no folders.

    Returns
    -------
    list of RemoteFile
        Those of a folder or a pattern are sorted; hidden ones in folders are left out.

    Raises
    ------
    CorpusError
        If fsspec or its part for such URLs is not installed, or there is no such file.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise CorpusError(
            f'{url} needs fsspec, which is not installed: pip install "xw2v[remote]"'
        ) from error
    scheme = url.partition(":")[0]
    try:
        filesystem, path = url_to_fs(url)
    except ImportError as error:
        raise CorpusError(
            f'{url} needs more than is installed: {error}; pip install "xw2v[remote]" is enough '
            "for https, other stores have a package each, such as s3fs and gcsfs"
        ) from error
    except ValueError as error:
        raise CorpusError(f"{url}: fsspec knows no {scheme}:// ({error})") from error
    except Exception as error:
        raise _failure(url, error) from error
    is_http = scheme in ("http", "https")
    magic = "*" if is_http else "*?["
    try:
        if any(sign in path for sign in magic) and (is_http or not filesystem.exists(path)):
            paths = sorted(filesystem.glob(path))
            if not paths:
                raise CorpusError(f"no file matches {url}; check the pattern and the folder")
        elif not is_http and filesystem.isdir(path):
            paths = _below(filesystem, path)
            if not paths:
                raise CorpusError(f"{url} holds no files; name a folder that does, or a file")
        else:
            return [_file(filesystem, path, url)]
        infos = [(found, filesystem.info(found)) for found in paths]
    except CorpusError:
        raise
    except Exception as error:
        raise _failure(url, error) from error
    name: Callable[[str], str] = filesystem.unstrip_protocol
    return [
        _file(filesystem, found, name(found), info)
        for found, info in infos
        if info.get("type") != "directory"
    ]


def _below(filesystem: Any, folder: str) -> list[str]:
    prefix = folder.rstrip("/") + "/"
    return sorted(
        path
        for path in filesystem.find(folder)
        if not any(part.startswith(".") for part in path.removeprefix(prefix).split("/"))
    )


def _file(filesystem: Any, path: str, url: str, info: dict[str, Any] | None = None) -> RemoteFile:
    info = filesystem.info(path) if info is None else info
    size = info.get("size")
    versions = tuple(f"{key}={info[key]}" for key in _VERSIONS if info.get(key))
    return RemoteFile(
        name=url,
        size=size,
        # The size alone tells too little.
        fingerprint=(url, str(size), *versions) if versions else None,
        path=path,
        streams=url.startswith(("http://", "https://")),
        filesystem=filesystem,
    )

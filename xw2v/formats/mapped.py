"""Vectors that stay in their file, mapped to memory.

A safetensors file is eight bytes with the size of the header, the header, which is a JSON object,
and the bytes of the tensors. The safetensors package maps such files too, but gives out copies
only.
"""

import math
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from xw2v.errors import ModelFileError
from xw2v.formats.json_files import json_value

__all__ = ["MappedTensor", "map_floats", "map_tensors"]

_SIZE_BYTES = 8
_LARGEST_HEADER = 100_000_000  # what the safetensors package takes at most

MappedTensor = npt.NDArray[np.float32]


def map_tensors(path: Path, names: Iterable[str]) -> dict[str, MappedTensor]:
    """Map float32 tensors of a file to memory.

    Nothing but the header is read now. The arrays keep the file open; what becomes of them if
    somebody overwrites it in place is up to the system, but one that is replaced, as all files
    of ours are, lives on for them.

    Parameters
    ----------
    path : Path
    names : iterable of str
        The tensors to map.

    Returns
    -------
    dict of str to ndarray, float32
        Read-only. A tensor that memory cannot hold as it is in the file (empty, badly aligned, or
        on a machine of the other byte order) is read instead.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is damaged as far as the header tells, or lacks a tensor; or
        one is not float32.
    """
    if not path.is_file():  # opening a pipe would wait
        trouble = "not a file" if path.exists() else "no such file"
        raise ModelFileError(f"cannot read {path}: {trouble}")
    try:
        with path.open("rb") as file:
            header, first = _header(file)
            size = file.seek(0, 2)
            _check_extents(header, size - first)
            return {name: _tensor(file, header, name, first) for name in names}
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    except _WrongTypeError as error:
        raise ModelFileError(f"{path}: {error}") from error


def map_floats(file: BinaryIO, begin: int, shape: tuple[int, ...]) -> MappedTensor:
    """Map float32 numbers, little-endian and in the order of C, to memory.

    Parameters
    ----------
    file : binary file
        Holds them; may be closed afterwards.
    begin : int
        The byte of the first.
    shape : tuple of int

    Returns
    -------
    ndarray, shape `shape`, float32
        Read-only. Read instead where memory cannot hold it as it is in the file.

    Raises
    ------
    OSError
        If it can be neither mapped nor read.
    """
    count = math.prod(shape)
    end = begin + 4 * count
    if begin % 4 or not count or np.dtype("<f4") != np.dtype(np.float32):
        file.seek(begin)
        floats = np.frombuffer(file.read(end - begin), "<f4").astype(np.float32)
        floats.flags.writeable = False
    else:
        # From the beginning of the file, as systems differ in where a mapping may begin.
        mapped = mmap.mmap(file.fileno(), end, access=mmap.ACCESS_READ)
        floats = np.frombuffer(mapped, np.float32, count, begin)
    return floats.reshape(shape)


class _WrongTypeError(Exception):
    """A tensor is of another type than float32."""


def _header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the entries of the tensors, and where their bytes begin."""
    size = int.from_bytes(file.read(_SIZE_BYTES), "little")
    if size > _LARGEST_HEADER:
        raise ValueError(f"a header of {size:,} bytes")
    text = file.read(size)
    if len(text) < size:
        raise ValueError("it ends within the header")
    try:
        header = json_value(text)
    except RecursionError as error:
        raise ValueError("the header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("the header is not a JSON object")
    header.pop("__metadata__", None)
    return header, _SIZE_BYTES + size


def _check_extents(header: dict[str, Any], size: int) -> None:
    """Raise ValueError unless the tensors fill the bytes after the header, one after the other."""
    extents = []
    for name, entry in header.items():
        keys = entry.keys() if isinstance(entry, dict) else ()
        if not {"dtype", "shape", "data_offsets"} <= set(keys):
            raise ValueError(f"the entry of tensor {name!r} is incomplete")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"shape or offsets of tensor {name!r} are no sizes")
        if entry["dtype"] == "F32" and 4 * math.prod(shape) != offsets[1] - offsets[0]:
            raise ValueError(f"tensor {name!r} has not as many bytes as its shape needs")
        extents.append(tuple(offsets))
    end = 0
    for begin, after in sorted(extents):
        if begin != end or after < begin:
            raise ValueError("the tensors do not lie one after the other")
        end = after
    if end != size:
        raise ValueError(f"{size:,} bytes of tensors where the header tells of {end:,}")


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _tensor(file: BinaryIO, header: dict[str, Any], name: str, first: int) -> MappedTensor:
    if name not in header:
        raise ValueError(f"no tensor {name!r}")
    dtype, shape = header[name]["dtype"], header[name]["shape"]
    if dtype != "F32":
        raise _WrongTypeError(f"tensor {name!r} is {dtype}, not float32 (F32)")
    return map_floats(file, first + header[name]["data_offsets"][0], tuple(shape))

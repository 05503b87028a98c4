"""Checkpoints on disk: numbered directories, each of which holds all of a run at one moment.

=====================  ========================================================================
model                  a model directory, see `xw2v.formats.model_directory`: the vectors as they
                       were at that moment, for queries as good as any other
state.safetensors      the optimizer's state, float32: ``input.means``, shape (V, D), and others
checkpoint.json        the format and its version; where the run stands, and what it depends on
SHA256SUMS             the sums of these two, and within the model those of its files;
                       ``model_sums`` in checkpoint.json is the sum of the latter
=====================  ========================================================================

A checkpoint, ``checkpoint-000001`` and so on, takes its name once it is complete and on the disk.
What has such a name but holds other files is not a checkpoint: it is never removed.

Newer versions of the format are refused, unless the sums say that the version itself is damaged.
"""

import importlib.metadata
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.atomic import hidden_sibling, replacing_directory, sync_directory, sync_file
from xw2v.errors import ModelFileError, NewerFormatError
from xw2v.formats.checksums import SUMS, check_sums, damaged, file_digest, write_sums
from xw2v.formats.json_files import json_bytes, json_value
from xw2v.formats.model_directory import SavedModel, load_model, save_model

__all__ = [
    "Checkpoint",
    "checkpoint_names",
    "clear_checkpoints",
    "find_checkpoint",
    "load_checkpoint",
    "read_record",
    "remove_checkpoints",
    "write_checkpoint",
]

_FORMAT = "xw2v checkpoint"
_FORMAT_VERSION = 1

_MODEL = "model"
_STATE = "state.safetensors"
_RECORD = "checkpoint.json"
_PARTS = frozenset((_MODEL, _STATE, _RECORD, SUMS))
_NAME = re.compile(r"checkpoint-([0-9]{6,})")
_LEFT = ".xw2v-*.tmp"  # by processes that were killed


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run at one moment.

    Parameters
    ----------
    model : SavedModel
        Its vectors as they are then.
    arrays : mapping of str to ndarray of float32
        The state of the optimizer.
    record : mapping
        Where the run stands and what it depends on; plain values, fit for JSON.
    """

    model: SavedModel
    arrays: Mapping[str, NDArray[np.float32]]
    record: Mapping[str, Any]


def checkpoint_names(directory: Path) -> list[str]:
    """Return the names of the checkpoints in a directory, oldest first; none if there is none."""
    try:
        names = [entry.name for entry in directory.iterdir()]
    except OSError:
        return []
    return sorted(filter(_NAME.fullmatch, names), key=_number)


def _number(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else 0


def write_checkpoint(directory: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint as the newest one of a directory.

    Parameters
    ----------
    directory : Path
        Made if it is missing. It holds checkpoints of one run and nothing else.
    checkpoint : Checkpoint

    Returns
    -------
    Path
        The checkpoint's own directory.

    Raises
    ------
    ModelFileError
        If it cannot be written; the other checkpoints are as they were.
    """
    path = directory / f"checkpoint-{max([0, *map(_number, checkpoint_names(directory))]) + 1:06}"
    try:
        with replacing_directory(path) as temporary:
            save_model(temporary / _MODEL, checkpoint.model)
            _write_state(temporary / _STATE, checkpoint.arrays)
            record = {
                "format": _FORMAT,
                "format_version": _FORMAT_VERSION,
                "xw2v_version": importlib.metadata.version("xw2v"),
                "model_sums": file_digest(temporary / _MODEL / SUMS),
                **checkpoint.record,
            }
            (temporary / _RECORD).write_bytes(json_bytes(record, indent=2))
            files = (_STATE, _RECORD)
            write_sums(temporary, {name: file_digest(temporary / name) for name in files})
            for name in (*files, SUMS):
                sync_file(temporary / name)
            sync_directory(temporary)
    except ModelFileError as error:
        # Less the name of the model's directory, which is gone.
        reason = str(error).removeprefix(f"cannot write {temporary / _MODEL}: ")
        raise ModelFileError(f"cannot write {path}: {reason}") from error
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error
    except (TypeError, ValueError) as error:  # a record that is not fit for JSON
        raise ModelFileError(f"cannot write {path}: {error}") from error
    return path


def _write_state(path: Path, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import save_file  # noqa: PLC0415

    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    except SafetensorError as error:
        raise OSError(f"{path.name}: {error}") from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path
        Its own directory.

    Raises
    ------
    NewerFormatError
        If a newer version of xw2v wrote it.
    ModelFileError
        If it is not whole.
    """
    try:
        record = read_record(path)
    except NewerFormatError:
        check_sums(path, (_RECORD,))  # a damaged byte may have made 9 of 1
        raise
    check_sums(path, (_STATE, _RECORD))
    sums = path / _MODEL / SUMS
    try:
        if sums.exists() and not sums.is_file():  # opening a pipe would wait
            raise ModelFileError(f"cannot read {sums}: it is not a file")
        if file_digest(sums) != record.get("model_sums"):
            raise damaged(sums)
    except OSError as error:
        raise ModelFileError(f"cannot read {sums}: {error.strerror or error}") from error
    try:
        model = load_model(path / _MODEL)
    except NewerFormatError:
        check_sums(path / _MODEL)
        raise
    return Checkpoint(model, _read_state(path / _STATE), record)


def read_record(path: Path) -> dict[str, Any]:
    """Read where the run of a checkpoint stands; whether its files are whole is not looked at.

    Raises
    ------
    ModelFileError
        If it cannot be read.
    """
    file = path / _RECORD
    try:
        if file.exists() and not file.is_file():  # opening a pipe would wait
            raise ModelFileError(f"cannot read {file}: it is not a file")
        record = json_value(file.read_bytes())
    except OSError as error:
        raise ModelFileError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{file} is damaged: {error}") from error
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise ModelFileError(f"{file}: not the record of an xw2v checkpoint")
    version = record.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFileError(f"{file} is damaged: format_version is {version!r}")
    if version > _FORMAT_VERSION:
        raise NewerFormatError(
            f"{file}: the checkpoint has format version {version}, written by xw2v "
            f"{record.get('xw2v_version', 'unknown')}; this xw2v reads versions up to "
            f"{_FORMAT_VERSION}: update xw2v"
        )
    return record


def _read_state(path: Path) -> dict[str, NDArray[np.float32]]:
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    arrays: dict[str, NDArray[np.float32]] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                dtype = file.get_slice(name).get_dtype()
                if dtype != "F32":
                    raise ModelFileError(f"{path}: tensor {name!r} is {dtype}, not float32 (F32)")
                arrays[name] = file.get_tensor(name)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelFileError(f"{path}: tensor {name!r} holds NaN or infinity")
    return arrays


def find_checkpoint(directory: Path, warn: Callable[[str], None]) -> tuple[Path, Checkpoint] | None:
    """Read the newest checkpoint that is whole.

    Parameters
    ----------
    directory : Path
    warn : callable
        Takes a sentence about each damaged one that is passed over.

    Returns
    -------
    (Path, Checkpoint) or None
        None if there is none.

    Raises
    ------
    NewerFormatError
        If a newer version of xw2v wrote the newest one: it is whole, as far as one can tell.
    """
    for name in reversed(checkpoint_names(directory)):
        path = directory / name
        try:
            return path, load_checkpoint(path)
        except NewerFormatError:
            raise
        except ModelFileError as error:
            warn(f"passing over {path}: {error}")
    return None


def remove_checkpoints(directory: Path, names: Iterable[str]) -> None:
    """Remove checkpoints, and what killed processes have left beside them.

    One that cannot be removed is left: that is no reason to end a run. So is what is no checkpoint
    although it has the name of one.
    """
    for name in filter(lambda name: _is_ours(directory / name), names):
        # Under another name at once, so that no half of it is ever taken for one.
        with suppress(OSError):
            (directory / name).rename(hidden_sibling(directory / name))
    for left in directory.glob(_LEFT):
        shutil.rmtree(left, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """Say whether a directory is a checkpoint, perhaps a damaged one, and nothing else."""
    try:
        return not path.is_symlink() and {entry.name for entry in path.iterdir()} <= _PARTS
    except OSError:
        return False


def clear_checkpoints(directory: Path) -> None:
    """Remove all checkpoints of a directory, and the directory if nothing else is in it."""
    remove_checkpoints(directory, checkpoint_names(directory))
    with suppress(OSError):
        directory.rmdir()

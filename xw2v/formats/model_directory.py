"""Models on disk: a directory of a few files, none of which can run code.

=====================  ========================================================================
vectors.safetensors    tensors ``input`` and ``output``, float32, shape (V, D); for hierarchical
                       softmax ``output`` has shape (V - 1, D), see below
vocabulary.json        ``{"words": [...], "counts": [...]}``, by row of the tensors
config.json            the format and its version, the hyperparameters, notes on the corpus
loss.jsonl             one object for each report of the training loss
=====================  ========================================================================

Other files in the directory, such as a picture of the loss, are not looked at.

Hierarchical softmax has no output vectors of words: the rows of ``output`` belong to the inner
nodes of the Huffman tree, in the order in which they are made, the root last. The tree is not
saved, as it follows from the counts.

Version 1 of the format, of models before there was a choice of model and output layer, lacks the
hyperparameters that make this choice in ``config.json``; their defaults are what it was.
"""

import dataclasses
import importlib.metadata
import json
import math
import numbers
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xw2v.atomic import (
    interrupted_overwrites,
    probe_directory,
    replacing_directory,
    sync_directory,
    sync_file,
    why_not_replaceable,
)
from xw2v.config import TrainingConfig, Vectors, check_vectors
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats.json_files import json_bytes
from xw2v.vectors import WordVectors, matrices_needed, word_vector_rows

__all__ = [
    "SavedModel",
    "check_writable",
    "is_model",
    "load_model",
    "load_vocabulary",
    "load_word_vectors",
    "save_model",
]

_FORMAT = "xw2v model"
_FORMAT_VERSION = 2

_VECTORS = "vectors.safetensors"
_VOCABULARY = "vocabulary.json"
_CONFIG = "config.json"
_LOSS = "loss.jsonl"


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A trained model: what `save_model` writes and `load_model` reads.

    Attributes
    ----------
    words : sequence of str
        The V words, by row.
    counts : ndarray, shape (V,), int64
        How often each word occurs in the corpus.
    input_vectors : ndarray, shape (V, D), float32
        The matrix of the words themselves.
    output_vectors : ndarray, shape (V, D), float32
        That of the words as they are predicted; for hierarchical softmax that of the inner nodes
        of the tree, shape (V - 1, D).
    config : TrainingConfig
        The hyperparameters of the training run.
    corpus : mapping
        Notes on the corpus; strings, numbers, booleans, None, and lists and dictionaries of them.
    loss_history : tuple of mapping
        The reports of the training loss: ``words``, the corpus words trained on so far,
        ``epoch``, ``alpha`` and ``loss``.
    """

    words: Sequence[str]
    counts: npt.NDArray[np.int64]
    input_vectors: npt.NDArray[np.float32]
    output_vectors: npt.NDArray[np.float32]
    config: TrainingConfig
    corpus: Mapping[str, Any]
    loss_history: tuple[Mapping[str, float | int], ...]

    def word_vectors(self, vectors: Vectors | None = None) -> WordVectors:
        """Return the word vectors with their words, ready for queries.

        Parameters
        ----------
        vectors : {"input", "output", "mean", "concat"}, optional
            Which vectors those are, see `TrainingConfig`; None takes the ones that `config`
            names.

        Returns
        -------
        WordVectors
            Of the matrix itself where it is one; `"mean"` and `"concat"` are computed anew.

        Raises
        ------
        ConfigError
            If the model has no such word vectors.
        """
        kind = self.config.vectors if vectors is None else vectors
        check_vectors(kind, self.config.output)
        rows = word_vector_rows(self.input_vectors, self.output_vectors, kind)
        return WordVectors(self.words, rows, self.counts)


def check_writable(path: str | PathLike[str], overwrite: bool = False) -> None:
    """Raise unless `save_model` can write a model under this name.

    To be called before a long training run. Directories are created on the way and removed
    again, since only that tells for certain.

    Parameters
    ----------
    path : path
        The model directory to be. Parents that are missing will be created.
    overwrite : bool
        Whether a model that is there may be replaced.

    Raises
    ------
    ModelFileError
        If something other than an empty directory has that name, unless it is an xw2v model and
        `overwrite` is true; or if no directory can be made there.
    """
    path = Path(path)
    try:
        resolved = path.resolve()
        _check_replaceable(resolved, overwrite)
        probe_directory(resolved)
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from error


def save_model(
    path: str | PathLike[str],
    model: SavedModel,
    *,
    overwrite: bool = False,
    pictures: Mapping[str, Callable[[Path], None]] | None = None,
) -> None:
    """Write a model directory.

    The directory takes its name once it is complete and on the disk, so an interrupted save
    leaves no half model under that name, and a model that was there as it was. A process that is
    killed leaves hidden directories ``.xw2v-*`` next to it, which may be deleted; killed in
    the instant between the two renames of an overwrite, it leaves the old model in
    ``.xw2v-*.old``.

    Parameters
    ----------
    path : path
        Missing parents are created; a symbolic link is followed.
    model : SavedModel
    overwrite : bool
        Whether a model that is there may be replaced.
    pictures : mapping of str to callable, optional
        File names, and what writes the file given its path; part of the model like the others.

    Raises
    ------
    ModelFileError
        If the model is not sound (see `load_model`), the name is taken (see `check_writable`),
        or writing fails.
    """
    path = Path(path)
    _check_vocabulary(f"cannot write {path}", model.words, model.counts)
    rows = _rows_due(len(model.words), model.config)
    tensors = {"input": model.input_vectors, "output": model.output_vectors}
    for name, tensor in tensors.items():
        _check_tensor(f"cannot write {path}: {name} vectors", tensor, rows[name])
    _check_dimensions(f"cannot write {path}", tensors)
    try:
        resolved = path.resolve()
        _check_replaceable(resolved, overwrite)
        with replacing_directory(resolved) as temporary:
            _write_files(temporary, model, pictures or {})
    except (OSError, ValueError, TypeError) as error:
        raise _cannot_write(path, error) from error


def load_model(path: str | PathLike[str], vectors: Vectors | None = None) -> SavedModel:
    """Read a model directory.

    Parameters
    ----------
    path : path
    vectors : {"input", "output", "mean", "concat"}, optional
        Take these as the word vectors, in place of those chosen in training; `config` names
        them then.

    Returns
    -------
    SavedModel

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, the format is another or a newer one, the shapes do not
        agree with the vocabulary, or a value is not finite; the message names the file.
    ConfigError
        If the model has no such word vectors.
    """
    path = Path(path)
    config = _read_config(path)
    training = _training_config(path, config["training"], vectors)
    words, counts = _read_vocabulary(path / _VOCABULARY)
    tensors = _read_tensors(path / _VECTORS, _rows_due(len(words), training))
    return SavedModel(
        words=words,
        counts=counts,
        input_vectors=tensors["input"],
        output_vectors=tensors["output"],
        config=training,
        corpus=config["corpus"],
        loss_history=_read_loss(path / _LOSS),
    )


def load_word_vectors(path: str | PathLike[str], vectors: Vectors | None = None) -> WordVectors:
    """Read the word vectors of a model directory, and only what they need.

    Parameters
    ----------
    path : path
    vectors : {"input", "output", "mean", "concat"}, optional
        Which vectors those are; None takes the ones chosen in training.

    Returns
    -------
    WordVectors

    Raises
    ------
    ModelFileError, ConfigError
        As `load_model`, for the files that are read.
    """
    path = Path(path)
    training = _training_config(path, _read_config(path)["training"], vectors)
    words, counts = _read_vocabulary(path / _VOCABULARY)
    rows = _rows_due(len(words), training)
    needed = matrices_needed(training.vectors)
    tensors = _read_tensors(path / _VECTORS, {name: rows[name] for name in needed})
    chosen = word_vector_rows(tensors.get("input"), tensors.get("output"), training.vectors)
    return WordVectors(words, chosen, counts)


def load_vocabulary(
    path: str | PathLike[str],
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Read the words of a model directory and how often each occurs in its corpus.

    Parameters
    ----------
    path : path

    Returns
    -------
    words : tuple of str
    counts : ndarray of int64

    Raises
    ------
    ModelFileError
        As `load_model`, for the files that are read.
    """
    path = Path(path)
    _read_config(path)
    return _read_vocabulary(path / _VOCABULARY)


def _cannot_write(path: Path, error: Exception) -> ModelFileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return ModelFileError(f"cannot write {path}: {reason}")


def _check_replaceable(path: Path, overwrite: bool) -> None:
    reason = why_not_replaceable(
        path, "model", is_one=is_model, is_part=_is_ours, overwrite=overwrite
    )
    if reason is not None:
        raise ModelFileError(reason)


def _is_ours(name: str) -> bool:
    return name in (_CONFIG, _VOCABULARY, _LOSS, _VECTORS) or name.endswith(".png")


def is_model(path: str | PathLike[str]) -> bool:
    """Say whether something is a model directory, perhaps a damaged or a newer one."""
    try:
        config = json.loads((Path(path) / _CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("format") == _FORMAT


def _write_files(
    directory: Path, model: SavedModel, pictures: Mapping[str, Callable[[Path], None]]
) -> None:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import save_file  # noqa: PLC0415

    config = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "xw2v_version": _xw2v_version(),
        "training": model.config.to_dict(),
        "corpus": dict(model.corpus),
    }
    vocabulary = {"words": list(model.words), "counts": model.counts.tolist()}
    loss = [
        json.dumps({key: _plain_number(value) for key, value in record.items()}) + "\n"
        for record in model.loss_history
    ]
    (directory / _CONFIG).write_bytes(json_bytes(config, indent=2))
    (directory / _VOCABULARY).write_bytes(json_bytes(vocabulary))
    (directory / _LOSS).write_bytes("".join(loss).encode())
    tensors = {"input": model.input_vectors, "output": model.output_vectors}
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    try:
        save_file(contiguous, directory / _VECTORS)
    except SafetensorError as error:
        raise OSError(f"{_VECTORS}: {error}") from error
    # safetensors makes its file readable for its owner only.
    shutil.copymode(directory / _CONFIG, directory / _VECTORS)
    for name, draw in pictures.items():
        draw(directory / name)
    for name in (_CONFIG, _VOCABULARY, _LOSS, _VECTORS, *pictures):
        sync_file(directory / name)
    sync_directory(directory)


def _xw2v_version() -> str:
    try:
        return importlib.metadata.version("xw2v")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _plain_number(value: float | int) -> float | int | None:
    """Return a number of a loss report for JSON, which has no NaN: that becomes null."""
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise ModelFileError(f"{path} is damaged: not a JSON object")
    return value


def _read_config(path: Path) -> dict[str, Any]:
    """Read config.json; return it once the format and the kinds of its entries are right."""
    if not path.is_dir():
        kind = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelFileError(f"cannot read {path}: it {kind}{_interrupted(path)}")
    config_path = path / _CONFIG
    if not config_path.exists():
        raise ModelFileError(f"cannot read {path}: it has no {_CONFIG}, so it is no xw2v model")
    config = _read_json(config_path)
    if config.get("format") != _FORMAT:
        raise ModelFileError(f"{config_path}: not the configuration of an xw2v model")
    version = config.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFileError(f"{config_path} is damaged: format_version is {version!r}")
    if version > _FORMAT_VERSION:
        raise ModelFileError(
            f"{config_path}: the model has format version {version}, written by xw2v "
            f"{config.get('xw2v_version', 'unknown')}; this xw2v reads versions up to "
            f"{_FORMAT_VERSION}: update xw2v"
        )
    for key in ("training", "corpus"):
        if not isinstance(config.get(key), dict):
            raise ModelFileError(f"{config_path} is damaged: {key!r} is not a JSON object")
    return config


def _training_config(
    path: Path, values: Mapping[str, Any], vectors: Vectors | None
) -> TrainingConfig:
    """Return the hyperparameters of a model, with other word vectors if they are named."""
    try:
        training = TrainingConfig.from_dict(values)
    except ConfigError as error:
        raise ModelFileError(f"{path / _CONFIG}: {error}") from error
    if vectors is None:
        return training
    try:
        return dataclasses.replace(training, vectors=vectors)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _interrupted(path: Path) -> str:
    """Say where the old model is if an overwrite was killed between its two renames."""
    old = interrupted_overwrites(path, is_model)
    return f"; an interrupted overwrite left {', '.join(map(str, old))}" if old else ""


def _read_vocabulary(path: Path) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    vocabulary = _read_json(path)
    words, counts = vocabulary.get("words"), vocabulary.get("counts")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelFileError(f"{path} is damaged: 'words' is not a list of strings")
    if not isinstance(counts, list) or not all(type(count) is int for count in counts):
        raise ModelFileError(f"{path} is damaged: 'counts' is not a list of whole numbers")
    try:
        array = np.array(counts, dtype=np.int64)
    except OverflowError as error:
        raise ModelFileError(f"{path} is damaged: a count is too large") from error
    _check_vocabulary(f"{path} is damaged", words, array)
    return tuple(words), array


def _check_vocabulary(trouble: str, words: Sequence[str], counts: npt.NDArray[np.int64]) -> None:
    if counts.shape != (len(words),):
        raise ModelFileError(f"{trouble}: {len(words)} words, but counts of shape {counts.shape}")
    if len(set(words)) != len(words):
        raise ModelFileError(f"{trouble}: a word occurs twice in the vocabulary")


def _rows_due(words: int, config: TrainingConfig) -> dict[str, int]:
    """Return how many rows each tensor of a model must have."""
    nodes = max(0, words - 1)  # the inner ones of a binary tree
    return {"input": words, "output": nodes if config.output == "hierarchical" else words}


def _read_tensors(path: Path, rows: Mapping[str, int]) -> dict[str, npt.NDArray[np.float32]]:
    """Read the tensors named, each of which must have so many rows."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    if not path.is_file():
        raise ModelFileError(f"cannot read {path}: no such file")
    tensors: dict[str, npt.NDArray[np.float32]] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            missing = set(rows) - set(file.keys())
            if missing:
                raise ModelFileError(f"{path} is damaged: no tensor {sorted(missing)[0]!r}")
            for name in rows:
                dtype = file.get_slice(name).get_dtype()
                if dtype != "F32":
                    raise ModelFileError(f"{path}: tensor {name!r} is {dtype}, not float32 (F32)")
                tensors[name] = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    for name, tensor in tensors.items():
        _check_tensor(f"{path}: tensor {name!r}", tensor, rows[name])
    _check_dimensions(f"{path} is damaged", tensors)
    return tensors


def _check_tensor(subject: str, tensor: npt.NDArray[Any], rows: int) -> None:
    if tensor.dtype != np.float32:
        raise ModelFileError(f"{subject}: {tensor.dtype}, not float32")
    if tensor.ndim != 2 or tensor.shape[0] != rows:
        raise ModelFileError(
            f"{subject}: shape {tensor.shape}, where vocabulary and output layer need {rows} rows"
        )
    if not np.isfinite(tensor).all():
        raise ModelFileError(
            f"{subject}: NaN or infinity in it; a training run that diverges leaves that, "
            "a lower alpha helps"
        )


def _check_dimensions(trouble: str, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    if len({tensor.shape[1] for tensor in tensors.values()}) > 1:
        raise ModelFileError(f"{trouble}: input and output vectors differ in dimension")


def _read_loss(path: Path) -> tuple[dict[str, float | int], ...]:
    history = []
    for number, line in enumerate(_read_bytes(path).splitlines(), start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ModelFileError(f"{path}, line {number} is damaged: {error}") from error
        if not isinstance(record, dict) or not all(
            value is None or type(value) in (int, float) for value in record.values()
        ):
            raise ModelFileError(f"{path}, line {number} is damaged: not an object of numbers")
        history.append({key: math.nan if v is None else v for key, v in record.items()})
    return tuple(history)

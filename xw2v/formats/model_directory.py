"""Models on disk: a directory of a few files, none of which can run code.

=====================  ========================================================================
vectors.safetensors    tensors ``input`` and ``output``, float32, shape (V, D); for hierarchical
                       softmax ``output`` has shape (V - 1, D), see below
vocabulary.json        ``{"words": [...], "counts": [...]}``, by row of the tensors
config.json            the format and its version, the hyperparameters, notes on the corpus
loss.jsonl             one object for each report of the training loss
SHA256SUMS             the SHA-256 sums of these four, see `xw2v.formats.checksums`
=====================  ========================================================================

Other files in the directory are not looked at. Pictures, such as one of the loss, belong to the
model, but have no sums: whoever draws one again or deletes it does no harm.

Reading verifies the sums of the files that are read. To edit one on purpose, renew the sums in
the directory: ``sha256sum config.json loss.jsonl vectors.safetensors vocabulary.json >
SHA256SUMS``. Files that make no model are refused whatever their sums are. JSON is taken by its
letter: UTF-8, no NaN or infinity, and no key twice in an object; a loss that is not a finite
number is ``null``.

Hierarchical softmax has no output vectors of words: the rows of ``output`` belong to the inner
nodes of the Huffman tree, in the order in which they are made, the root last. The tree is not
saved, as it follows from the counts.

Versions of the format, ``format_version`` in ``config.json``:

1. Models before there was a choice of model and output layer. The hyperparameters that make this
   choice are lacking in ``config.json``; their defaults are what it was.
2. All hyperparameters, but no ``SHA256SUMS``. One that somebody put into a directory of version 1
   or 2 is respected.
3. With ``SHA256SUMS``, without which a directory is refused.

Newer ones are refused before anything else is looked at.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import numbers
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from xw2v.errors import ConfigError, ModelFileError, NewerFormatError
from xw2v.formats.arrays import first_not_finite
from xw2v.formats.checksums import (
    SUMS,
    check_file,
    damaged,
    file_digest,
    read_sums,
    write_sums,
)
from xw2v.formats.json_files import json_bytes, json_value
from xw2v.formats.mapped import map_tensors
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
_FORMAT_VERSION = 3
_WITH_SUMS = 3  # the first version that has them

_VECTORS = "vectors.safetensors"
_VOCABULARY = "vocabulary.json"
_CONFIG = "config.json"
_LOSS = "loss.jsonl"
_FILES = (_CONFIG, _LOSS, _VECTORS, _VOCABULARY)
_RENEW = f"sha256sum {' '.join(_FILES)} > {SUMS}"


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

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """The evaluations that the notes tell of; none if they are no such notes.

        Each has ``words``, the corpus words trained on before, ``epoch``, the same in epochs,
        ``score``, and under ``parts`` what that was made of.
        """
        try:
            return [
                {
                    **{name: float(one[name]) for name in ("words", "epoch", "score")},
                    "parts": {str(name): float(value) for name, value in one["parts"].items()},
                }
                for one in self.corpus.get("evaluations", ())
            ]
        except (TypeError, KeyError, AttributeError, ValueError):
            return []

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
        File names, and what writes the file given its path; part of the model, but without sums.

    Raises
    ------
    ModelFileError
        If the model is not sound (see `load_model`), the name is taken (see `check_writable`),
        or writing fails.
    """
    path = Path(path)
    _check_model(path, model)
    try:
        resolved = path.resolve()
        _check_replaceable(resolved, overwrite)
        with replacing_directory(resolved) as temporary:
            _write_files(temporary, model, pictures or {})
            # Meanwhile somebody may have taken the name.
            _check_replaceable(resolved, overwrite)
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
    NewerFormatError
        If a newer version of xw2v wrote it.
    ModelFileError
        If a file is missing or damaged, or is not the one that was written; the format is another,
        the shapes do not agree with vocabulary and hyperparameters, or a value is not finite. The
        message names the file.
    ConfigError
        If the model has no such word vectors.
    """
    path = Path(path)
    config, digests = _read_config(path)
    training = _training_config(path, config["training"], vectors)
    _check_files(path, (_VOCABULARY, _LOSS, _VECTORS), digests)
    words, counts = _read_vocabulary(path / _VOCABULARY)
    tensors = _read_tensors(path / _VECTORS, _shapes_due(len(words), training))
    return SavedModel(
        words=words,
        counts=counts,
        input_vectors=tensors["input"],
        output_vectors=tensors["output"],
        config=training,
        corpus=config["corpus"],
        loss_history=_read_loss(path / _LOSS),
    )


def load_word_vectors(
    path: str | PathLike[str],
    vectors: Vectors | None = None,
    *,
    mmap: bool = False,
    verify: bool = True,
) -> WordVectors:
    """Read the word vectors of a model directory, and only what they need.

    Parameters
    ----------
    path : path
    vectors : {"input", "output", "mean", "concat"}, optional
        Which vectors those are; None takes the ones chosen in training.
    mmap : bool
        Leave the vectors in their file, mapped to memory, so that only what is asked for is read;
        ``"mean"`` and ``"concat"`` are computed in memory anyway. NaN and infinity, which no
        model has that `save_model` wrote, are looked for by the first query that reads all
        vectors.
    verify : bool
        Check the sum of the file of the vectors, which reads it from beginning to end. If false,
        the sums of the other files are checked all the same, and of that of the vectors the
        header, the shapes, and that it is as long as these tell.

    Returns
    -------
    WordVectors

    Raises
    ------
    ModelFileError, ConfigError
        As `load_model`, for the files that are read.
    """
    path = Path(path)
    config, digests = _read_config(path)
    training = _training_config(path, config["training"], vectors)
    _check_files(path, (_VOCABULARY, _VECTORS) if verify else (_VOCABULARY,), digests)
    words, counts = _read_vocabulary(path / _VOCABULARY)
    shapes = _shapes_due(len(words), training)
    needed = {name: shapes[name] for name in matrices_needed(training.vectors)}
    tensors = (_map_tensors if mmap else _read_tensors)(path / _VECTORS, needed)
    chosen = word_vector_rows(tensors.get("input"), tensors.get("output"), training.vectors)
    return WordVectors(words, chosen, counts, check_finite=not mmap)


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
    _, digests = _read_config(path)
    _check_files(path, (_VOCABULARY,), digests)
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
    return name in (*_FILES, SUMS) or name.endswith(".png")


def is_model(path: str | PathLike[str]) -> bool:
    """Return whether something is a model directory, perhaps a damaged or a newer one."""
    try:
        config = json.loads(_read_bytes(Path(path) / _CONFIG))
    except (ModelFileError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("format") == _FORMAT


def _write_files(
    directory: Path, model: SavedModel, pictures: Mapping[str, Callable[[Path], None]]
) -> None:
    texts = {
        _CONFIG: _config_bytes(model),
        _VOCABULARY: json_bytes({"words": list(model.words), "counts": model.counts.tolist()}),
        _LOSS: b"".join(map(_loss_line, model.loss_history)),
    }
    tensors = {"input": model.input_vectors, "output": model.output_vectors}
    digests = {}
    for name, text in texts.items():
        (directory / name).write_bytes(text)
        digests[name] = hashlib.sha256(text).hexdigest()
    _write_tensors(directory / _VECTORS, tensors)
    # safetensors makes its file readable for its owner only.
    shutil.copymode(directory / _CONFIG, directory / _VECTORS)
    digests[_VECTORS] = file_digest(directory / _VECTORS)
    write_sums(directory, digests)
    for name, draw in pictures.items():
        try:
            draw(directory / name)
        except ModelFileError as error:
            # Less the name of the directory, which nobody will find.
            reason = str(error).removeprefix(f"cannot write {directory / name}: ")
            raise ValueError(f"{name}: {reason}") from error
    for name in (*digests, SUMS, *pictures):
        sync_file(directory / name)
    sync_directory(directory)


def _config_bytes(model: SavedModel) -> bytes:
    config = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "xw2v_version": _xw2v_version(),
        "training": model.config.to_dict(),
        "corpus": dict(model.corpus),
    }
    return json_bytes(config, indent=2)


def _loss_line(record: Mapping[str, float | int]) -> bytes:
    plain = {key: _plain_number(value) for key, value in record.items()}
    return (json.dumps(plain) + "\n").encode()


def _write_tensors(path: Path, tensors: Mapping[str, npt.NDArray[np.float32]]) -> None:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import save_file  # noqa: PLC0415

    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    try:
        save_file(contiguous, path)
    except SafetensorError as error:
        raise OSError(f"{path.name}: {error}") from error


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
        if path.exists() and not path.is_file():  # opening a pipe would wait
            raise ModelFileError(f"cannot read {path}: it is not a file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelFileError(f"cannot read {path}: {reason}") from error


def _json_object(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json_value(data)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise ModelFileError(f"{path} is damaged: not a JSON object")
    return value


def _read_config(path: Path) -> tuple[dict[str, Any], dict[str, str] | None]:
    """Read config.json; return it once the format and the kinds of its entries are right.

    And the sums of all files, if there are any.
    """
    _check_directory(path)
    config_path = path / _CONFIG
    # The same bytes are parsed and summed: the directory may be replaced at any moment.
    data = _read_bytes(config_path)
    config = _json_object(config_path, data)
    version = _check_version(config_path, config)
    digests = _read_digests(path, version)
    if digests is not None and hashlib.sha256(data).hexdigest() != digests[_CONFIG]:
        raise ModelFileError(
            f"{damaged(config_path)}; if it was edited on purpose, renew the sums in the "
            f"directory: {_RENEW}"
        )
    for key in ("training", "corpus"):
        if not isinstance(config.get(key), dict):
            raise ModelFileError(f"{config_path} is damaged: {key!r} is not a JSON object")
    return config, digests


def _check_directory(path: Path) -> None:
    try:
        if not path.is_dir():
            kind = "is a file, not a model directory" if path.exists() else "does not exist"
            raise ModelFileError(f"cannot read {path}: it {kind}{_interrupted(path)}")
        if not (path / _CONFIG).exists():
            raise ModelFileError(f"cannot read {path}: it has no {_CONFIG}, so it is no xw2v model")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ModelFileError(f"cannot read {path}: {reason}") from error


def _check_version(path: Path, config: Mapping[str, Any]) -> int:
    if config.get("format") != _FORMAT:
        raise ModelFileError(f"{path}: not the configuration of an xw2v model")
    version = config.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelFileError(f"{path} is damaged: format_version is {version!r}")
    if version > _FORMAT_VERSION:
        raise NewerFormatError(
            f"{path}: the model has format version {version}, written by xw2v "
            f"{config.get('xw2v_version', 'unknown')}; this xw2v reads versions up to "
            f"{_FORMAT_VERSION}: update xw2v"
        )
    return version


def _read_digests(path: Path, version: int) -> dict[str, str] | None:
    """Read the sums of a directory; None if it has none and need not.

    Older versions are not trusted to have none: a damaged byte may have made 2 of 3.
    """
    if (path / SUMS).exists():
        digests = read_sums(path)
        for name in _FILES:
            if name not in digests:
                raise ModelFileError(f"{path / SUMS} is damaged: it does not list {name!r}")
        return digests
    if version < _WITH_SUMS:
        return None
    raise ModelFileError(
        f"cannot read {path}: it has no {SUMS}, so nothing vouches for its files; if you do, make "
        f"the sums in the directory: {_RENEW}"
    )


def _check_files(path: Path, names: Iterable[str], digests: Mapping[str, str] | None) -> None:
    if digests is not None:
        for name in names:
            check_file(path, name, digests)


def _training_config(
    path: Path, values: Mapping[str, Any], vectors: Vectors | None
) -> TrainingConfig:
    """Return the hyperparameters of a model, with other word vectors if they are named."""
    try:
        training = TrainingConfig.from_dict(values)
    except (ConfigError, OverflowError) as error:
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
    vocabulary = _json_object(path, _read_bytes(path))
    words, counts = vocabulary.get("words"), vocabulary.get("counts")
    if not isinstance(words, list) or not set(map(type, words)) <= {str}:
        raise ModelFileError(f"{path} is damaged: 'words' is not a list of strings")
    if not isinstance(counts, list) or not set(map(type, counts)) <= {int}:
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
    if (counts < 0).any():
        raise ModelFileError(f"{trouble}: a count is below 0")


def _check_model(path: Path, model: SavedModel) -> None:
    trouble = f"cannot write {path}"
    _check_vocabulary(trouble, model.words, model.counts)
    shapes = _shapes_due(len(model.words), model.config)
    tensors = {"input": model.input_vectors, "output": model.output_vectors}
    for name, tensor in tensors.items():
        subject = f"{trouble}: {name} vectors"
        if tensor.dtype != np.float32:
            raise ModelFileError(f"{subject}: {tensor.dtype}, not float32")
        _check_shape(subject, tensor.shape, shapes[name])
        _check_finite(subject, tensor)


def _shapes_due(words: int, config: TrainingConfig) -> dict[str, tuple[int, int]]:
    """Return the shape that each tensor of a model must have."""
    nodes = max(0, words - 1)  # the inner ones of a binary tree
    rows = {"input": words, "output": nodes if config.output == "hierarchical" else words}
    return {name: (number, config.vector_size) for name, number in rows.items()}


def _read_tensors(
    path: Path, shapes: Mapping[str, tuple[int, int]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Read the tensors named, each of which must have that shape."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    if not path.is_file():
        raise ModelFileError(f"cannot read {path}: no such file")
    tensors: dict[str, npt.NDArray[np.float32]] = {}
    try:
        with safe_open(path, framework="numpy") as file:
            missing = set(shapes) - set(file.keys())
            if missing:
                raise ModelFileError(f"{path} is damaged: no tensor {sorted(missing)[0]!r}")
            # What is claimed is checked before anything is read, hence allocated.
            for name, due in shapes.items():
                claimed = file.get_slice(name)
                dtype = claimed.get_dtype()
                if dtype != "F32":
                    raise ModelFileError(f"{path}: tensor {name!r} is {dtype}, not float32 (F32)")
                _check_shape(f"{path}: tensor {name!r}", tuple(claimed.get_shape()), due)
            for name in shapes:
                tensors[name] = file.get_tensor(name)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    for name, tensor in tensors.items():
        _check_finite(f"{path}: tensor {name!r}", tensor)
    return tensors


def _map_tensors(
    path: Path, shapes: Mapping[str, tuple[int, int]]
) -> dict[str, npt.NDArray[np.float32]]:
    """Map the tensors named, each of which must have that shape; they may hold NaN."""
    tensors = map_tensors(path, shapes)
    for name, due in shapes.items():
        _check_shape(f"{path}: tensor {name!r}", tensors[name].shape, due)
    return tensors


def _check_shape(subject: str, shape: tuple[int, ...], due: tuple[int, int]) -> None:
    if len(shape) != 2 or shape[0] != due[0]:
        raise ModelFileError(
            f"{subject}: shape {shape}, where vocabulary and output layer need {due[0]} rows"
        )
    if shape[1] != due[1]:
        raise ModelFileError(f"{subject}: shape {shape}, where vector_size is {due[1]}")


def _check_finite(subject: str, tensor: npt.NDArray[np.float32]) -> None:
    if first_not_finite(tensor) is not None:
        raise ModelFileError(
            f"{subject}: NaN or infinity in it; a training run that diverges leaves that, "
            "a lower alpha helps"
        )


def _read_loss(path: Path) -> tuple[dict[str, float | int], ...]:
    history = []
    for number, line in enumerate(_read_bytes(path).splitlines(), start=1):
        try:
            record = json_value(line)
        except (ValueError, RecursionError) as error:
            raise ModelFileError(f"{path}, line {number} is damaged: {error}") from error
        if not isinstance(record, dict) or not all(map(_is_loss_number, record.values())):
            raise ModelFileError(f"{path}, line {number} is damaged: not an object of numbers")
        history.append({key: math.nan if v is None else v for key, v in record.items()})
    return tuple(history)


def _is_loss_number(value: object) -> bool:
    """Say whether a report may hold a value; whole numbers may, up to 64 bits."""
    return value is None or type(value) is float or (type(value) is int and abs(value) < 2**63)

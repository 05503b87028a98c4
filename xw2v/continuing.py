"""Training that begins with vectors there are: those of a model, or of any file of vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.config import TrainingConfig, from_gensim
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats import SavedModel
from xw2v.text import Vocabulary
from xw2v.training import InitialVectors
from xw2v.vectors import WordVectors

__all__ = [
    "check_size",
    "continued_config",
    "initial_of_model",
    "initial_of_vectors",
    "vocabulary_of",
]

# Of the machine and the text, not of the model.
_NOT_INHERITED = ("workers", "device", "device_share", "frozen", "max_final_vocab")
# What suits, or is possible, depends on others: where one of those changes, it is not inherited.
_DEPENDS_ON = {
    "alpha": ("model", "output", "optimizer"),
    "vectors": ("output",),
    "negatives_exclude_positive": ("output", "negatives_per"),
    "negatives_without_replacement": ("output", "negatives_per"),
}


def vocabulary_of(model: SavedModel) -> Vocabulary:
    """Return the vocabulary of a model, to be extended by the words of another text.

    Raises
    ------
    ModelFileError
        If its words are not in the order of their counts.
    """
    try:
        return Vocabulary(tuple(model.words), model.counts)
    except ValueError as error:
        raise ModelFileError(f"the model cannot be trained on: {error}") from error


def continued_config(config: TrainingConfig, changes: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration of a model that is trained on.

    Parameters
    ----------
    config : TrainingConfig
        The model's, which holds where nothing else is said.
    changes : mapping
        Hyperparameters, also gensim's ``sg`` and ``hs``.

    Raises
    ------
    ConfigError
        If a value cannot work, or is another `vector_size`.
    """
    asked = from_gensim(changes)
    check_size(asked, config.vector_size)
    inherited = {k: v for k, v in config.to_dict().items() if k not in _NOT_INHERITED}
    changed = {name for name, value in asked.items() if inherited.get(name, value) != value}
    for name, others in _DEPENDS_ON.items():
        if changed & {*others}:
            del inherited[name]
    return TrainingConfig(**{**inherited, **asked})


def check_size(asked: Mapping[str, Any], size: int) -> None:
    """Raise if the hyperparameters asked for name another `vector_size` than initial vectors have.

    Raises
    ------
    ConfigError
        If they do.
    """
    if asked.get("vector_size", size) != size:
        raise ConfigError(
            f"vector_size ({asked['vector_size']}) must be that of the initial vectors, {size}: "
            "leave it out"
        )


def initial_of_model(
    model: SavedModel, vocabulary: Vocabulary, config: TrainingConfig, *, frozen: bool = False
) -> InitialVectors:
    """Return the vectors of a model for the words of a vocabulary.

    Parameters
    ----------
    model : SavedModel
    vocabulary : Vocabulary
        With the words of the model, and perhaps others.
    config : TrainingConfig
        How they are trained on.
    frozen : bool
        Whether the model's word vectors stay as they are.
    """
    ids, rows = _shared(model.words, vocabulary)
    output, output_ids = None, ids
    if config.output == model.config.output != "hierarchical":
        output = model.output_vectors[rows]
    elif config.output == model.config.output and _same_tree(model, vocabulary):
        # Other counts make another tree, whose inner nodes are others.
        output, output_ids = model.output_vectors, np.arange(len(model.output_vectors))
    return InitialVectors(ids, model.input_vectors[rows], output, frozen, output_ids)


def initial_of_vectors(
    vectors: WordVectors, vocabulary: Vocabulary, *, frozen: bool = False
) -> InitialVectors:
    """Return word vectors for those words of a vocabulary that have one.

    Parameters
    ----------
    vectors : WordVectors
    vocabulary : Vocabulary
    frozen : bool
        Whether these vectors stay as they are.

    Raises
    ------
    ConfigError
        If no word has one.
    """
    ids, rows = _shared(vectors.index_to_key, vocabulary)
    if not ids.size:
        raise ConfigError(
            f"none of the {len(vocabulary):,} words of the text is among the {len(vectors):,} "
            "initial vectors: are they spelled alike, in lower case or not?"
        )
    return InitialVectors(ids, np.asarray(vectors.vectors[rows], dtype=np.float32), frozen=frozen)


def _same_tree(model: SavedModel, vocabulary: Vocabulary) -> bool:
    return tuple(model.words) == vocabulary.words and np.array_equal(
        model.counts, vocabulary.counts
    )


def _shared(
    words: Sequence[str], vocabulary: Vocabulary
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids of the words that a vocabulary has, ascending, and which of all they are."""
    ids = np.fromiter((vocabulary.index.get(word, -1) for word in words), np.int64, len(words))
    (rows,) = np.nonzero(ids >= 0)
    rows = rows[np.argsort(ids[rows])]
    return ids[rows], rows

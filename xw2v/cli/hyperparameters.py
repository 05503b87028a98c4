"""The options of training: one for each field of `TrainingConfig`, its type and default there."""

from collections.abc import Mapping
from typing import Any

import click

from xw2v.cli.fields import FieldOptions
from xw2v.config import TrainingConfig, from_gensim

__all__ = ["HYPERPARAMETERS", "VECTORS_HELP", "in_words", "training_config"]

VECTORS_HELP = (
    "Which vectors are the word vectors: those of the input matrix, of the output matrix, their "
    "mean, or one after the other."
)
_HELP = {
    "Model": {
        "model": "Each word predicts the words around it, or their mean predicts it.",
        "sg": "gensim's name for it: 1 is --model skipgram, 0 is --model cbow.",
        "cbow_mean": "CBOW averages the vectors of the words around, or adds them up.",
        "cbow_gradient": "What CBOW gives each of n averaged words: an n-th of the error, or, as "
        "word2vec.c and gensim do, the whole of it.",
        "output": "Output layer: negative sampling, hierarchical softmax, or the exact softmax, "
        "whose time grows with the vocabulary.",
        "vector_size": "Dimension of the vectors.",
        "window": "Largest distance between a center word and its context words.",
        "shrink_windows": "Take the whole window always; else each center draws one of 1 to "
        "--window words.",
        "vectors": VECTORS_HELP,
    },
    "Negative sampling": {
        "negative": "Noise words for each pair of center and context word.",
        "negatives_per": "Share noise words between the pairs of a few blocks of text, or draw "
        "them for each pair: the textbook form, many times slower.",
        "negatives_exclude_positive": "Draw no noise word that is the predicted word; for small "
        "vocabularies, with --negatives-per pair.",
        "negatives_without_replacement": "Draw no noise word twice for a pair; for small "
        "vocabularies, with --negatives-per pair.",
        "ns_exponent": "Noise words are drawn in proportion to their counts to this power.",
    },
    "Vocabulary": {
        "min_count": "Drop words that occur less often.",
        "max_final_vocab": "Keep so many words, the most frequent ones.",
        "sample": "Words of a higher frequency are thinned out; 0 keeps all.",
    },
    "Training": {
        "epochs": "Passes over the text.",
        "optimizer": "Plain gradient steps, or steps scaled by the gradients so far.",
        "alpha": "Learning rate at the beginning.",
        "min_alpha": "Learning rate at the end.",
        "schedule": "How the learning rate gets there; constant stays at --alpha.",
        "frozen": "A word whose vectors stay as they were initialized; may be repeated.",
        "seed": "Seed of every random number.",
        "workers": "Processes (threads, if not on Linux); the result does not depend on them.",
        "device": "cpu, cuda, cuda:N, or auto: cuda where it can be used.",
        "device_share": "Share of a GPU's free memory that the text may take; a larger one is "
        "copied there piece by piece.",
        "deterministic": "Give the same bits every time on the same GPU, too, which is slower; "
        "else its sums may differ in the last bits. A CPU always does.",
    },
    "Batches": {
        "batch_words": "Center words in a batch, which is one update.",
        "block_size": "Consecutive center words in a block, the unit of the matrix products.",
        "shared_negatives": "Noise words that a group of centers share.",
        "group_blocks": "Blocks whose number of centers make a group.",
        "interleave": "Groups whose centers take turns.",
        "damping": "Restrains words that occur many times in a batch; 0 switches it off.",
    },
}
HYPERPARAMETERS = FieldOptions(
    TrainingConfig,
    help=_HELP,
    none_means={
        "max_final_vocab": "no limit",
        "alpha": "what suits model and optimizer",
        "workers": "one for each core",
        "batch_words": "what suits device and text",
        "block_size": "what suits the model",
        "shared_negatives": "32, for CBOW 16; as many as negatives at least",
        "group_blocks": "what suits the model",
    },
    flags={"shrink_windows": "--fixed-window", "cbow_mean": "--cbow-mean/--cbow-sum"},
    switches_off=frozenset({"shrink_windows"}),
    # No field, but gensim's name for one; its values are numbers.
    settings={
        "sg": {
            "type": click.Choice(["1", "0"]),
            "callback": lambda _context, _option, value: None if value is None else int(value),
        }
    },
)
# Choices as people call them.
_WORDS = {
    "skipgram": "skip-gram",
    "cbow": "CBOW",
    "negative": "negative sampling",
    "hierarchical": "hierarchical softmax",
    "softmax": "exact softmax",
    "sgd": "SGD",
    "adagrad": "AdaGrad",
    "adam": "Adam",
}


def training_config(options: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration that the options of the running command ask for.

    Parameters
    ----------
    options : mapping
        The values of the options.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    ConfigError
        If a value cannot work, or one option contradicts another; the message names them as
        they were typed.
    """
    # Only what was typed can contradict something.
    with HYPERPARAMETERS.named():
        return TrainingConfig(**from_gensim(HYPERPARAMETERS.typed(options)))


def in_words(config: TrainingConfig) -> str:
    """Return which model is trained and how: ``"CBOW, hierarchical softmax, Adam"``."""
    return ", ".join(_WORDS[name] for name in (config.model, config.output, config.optimizer))

"""Every hyperparameter: its name, its default and its check, in this one place."""

import dataclasses
import math
import reprlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np

from xw2v.errors import ConfigError

__all__ = ["TrainingConfig", "Vectors", "check_vectors", "from_gensim"]

Model = Literal["skipgram", "cbow"]
Output = Literal["negative", "hierarchical", "softmax"]
CbowGradient = Literal["undivided", "exact"]
NegativesPer = Literal["block", "pair"]
Optimizer = Literal["sgd", "adagrad", "adam"]
Schedule = Literal["linear", "constant", "cosine"]
Vectors = Literal["input", "output", "mean", "concat"]

_CHOICES = {
    "model": Model,
    "output": Output,
    "cbow_gradient": CbowGradient,
    "negatives_per": NegativesPer,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "vectors": Vectors,
}
_LARGEST = sys.float_info.max
_LARGEST_WINDOW = 16_383  # the contexts of a center are counted in 16 bits
# The learning rate that suits optimizer and model.
_ALPHA = {
    ("sgd", "skipgram"): 0.025,
    ("sgd", "cbow"): 0.05,
    ("adagrad", "skipgram"): 0.2,
    ("adagrad", "cbow"): 0.2,
    ("adam", "skipgram"): 0.03,
    ("adam", "cbow"): 0.03,
}
_PATHS_ALPHA = {("sgd", "skipgram"): 0.035}  # of hierarchical softmax, where it is another


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What is trained and how; names and defaults are gensim's where gensim has them.

    Two runs with equal configurations, vocabularies and corpora draw the same batches on every
    device; `workers`, `device` and `device_share` change how fast they do it, not what they do.

    Parameters
    ----------
    model : {"skipgram", "cbow"}
        Whether a center predicts each of its context words, or their mean predicts the center.
    output : {"negative", "hierarchical", "softmax"}
        Output layer: negative sampling; hierarchical softmax over a Huffman tree; or the exact
        softmax, whose time grows with the vocabulary.
    cbow_mean : bool
        CBOW averages the vectors of the context words; False adds them up.
    cbow_gradient : {"undivided", "exact"}
        ``"undivided"`` gives each of n averaged words the whole error, as word2vec.c and gensim
        do; ``"exact"`` is the gradient of the loss, which gives each an n-th of it. At the same
        rates the exact one moves input vectors several times less than output vectors, and
        learned clearly less from the same text (the README has figures).
    vector_size : int
        Dimension D of the vectors.
    window : int
        Largest distance c between a center word and its context words.
    shrink_windows : bool
        Draw each center's window uniformly from 1..c (word2vec's way of weighting near words
        more); False takes the whole window always.
    negative : int
        Negatives K drawn for each positive pair (``output="negative"``).
    negatives_per : {"block", "pair"}
        ``"block"`` shares noise words between the pairs of a few blocks of text and weights
        them so that the expected gradient is the same; ``"pair"`` draws K for each pair, the
        textbook form, many times slower.
    negatives_exclude_positive, negatives_without_replacement : bool
        Draw no negative that is the pair's own positive; draw none twice for a pair. Exact, for
        small vocabularies, where both happen often; they need ``negatives_per="pair"``.
    ns_exponent : float
        The noise distribution is proportional to ``count ** ns_exponent``; any sign will do.
    sample : float
        Subsampling threshold t: a word of corpus frequency f is kept with probability
        ``min(1, sqrt(t / f) + t / f)``; 0 keeps every word.
    optimizer : {"sgd", "adagrad", "adam"}
        Plain gradient steps with damped accumulation, or steps scaled for each entry by its
        gradients so far; see `xw2v.kernel`.
    schedule : {"linear", "constant", "cosine"}
        How the learning rate goes from `alpha` to `min_alpha` over the corpus words of all
        epochs; a constant one stays at `alpha`.
    alpha : float or None
        Learning rate at the start. None takes what suits model and optimizer, and the attribute
        holds that number.
    min_alpha : float
        Learning rate at the end.
    frozen : tuple of str
        Words whose vectors are left as they were initialized.
    vectors : {"input", "output", "mean", "concat"}
        Which vectors of a word are its word vector: the row of the input matrix, that of the
        output matrix, the mean of both, or one after the other.
    epochs : int
        Passes over the corpus.
    min_count : int
        Words that occur less often are dropped before anything else happens.
    max_final_vocab : int or None
        Keep at most this many words, the most frequent ones.
    seed : int
        Seed of every random number.
    batch_words : int or None
        Centers (words kept by subsampling) in one batch; a batch is one update. None takes what
        suits the device, and less for corpora too small to make a hundred such updates.
    block_size : int or None
        Consecutive centers T in one block, the unit that becomes a matrix product. None takes
        what suits the model.
    shared_negatives : int or None
        Noise words S shared by a group of centers (``negatives_per="block"``), at least
        `negative`: fewer would each weigh more than a whole negative. None takes 32, for
        CBOW 16, or `negative` where that is more.
    group_blocks : int or None
        Blocks G whose number of centers make a group. None takes what suits the model.
    interleave : int
        Groups I that take turns: a group has every I-th center of I G blocks. Small batches take
        fewer.
    damping : float
        Strength of damped accumulation, see `xw2v.kernel.damping`; 0 adds plain sums.
        Above a rate of 0.05 it grows in proportion to the rate.
    workers : int or None
        Processes that share the work, on Linux; threads elsewhere. None takes one for each core
        this process may use, but a single one where threads would wait for each other's
        interpreter lock. A batch has a part of ``block_size * group_blocks * interleave``
        centers for each of them, or fewer work.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"auto"``.
    device_share : float
        Share of the free memory of a GPU that the text may take, 0 to 1; a larger text is
        copied there piece by piece while it trains.
    deterministic : bool
        Add up in an order that does not depend on timing, so that the same GPU gives the same
        bits every time; slower there. A CPU always does.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names the option.
    """

    model: Model = "skipgram"
    output: Output = "negative"
    cbow_mean: bool = True
    cbow_gradient: CbowGradient = "undivided"
    vector_size: int = 100
    window: int = 5
    shrink_windows: bool = True
    negative: int = 5
    negatives_per: NegativesPer = "block"
    negatives_exclude_positive: bool = False
    negatives_without_replacement: bool = False
    ns_exponent: float = 0.75
    sample: float = 1e-3
    optimizer: Optimizer = "sgd"
    schedule: Schedule = "linear"
    alpha: float | None = None
    min_alpha: float = 1e-4
    frozen: tuple[str, ...] = ()
    vectors: Vectors = "input"
    epochs: int = 5
    min_count: int = 5
    max_final_vocab: int | None = None
    seed: int = 1
    batch_words: int | None = None
    block_size: int | None = None
    shared_negatives: int | None = None
    group_blocks: int | None = None
    interleave: int = 4
    damping: float = 0.2
    workers: int | None = None
    device: str = "cpu"
    device_share: float = 0.25
    deterministic: bool = False

    def __post_init__(self) -> None:
        for name, kind in _CHOICES.items():
            self._check_choice(name, get_args(kind))
        for name in (
            "cbow_mean",
            "shrink_windows",
            "negatives_exclude_positive",
            "negatives_without_replacement",
            "deterministic",
        ):
            self._check_bool(name)
        for name in ("vector_size", "window", "negative", "epochs", "min_count", "interleave"):
            self._check_int(name, 1)
        if self.window > _LARGEST_WINDOW:
            raise ConfigError(f"window must be at most {_LARGEST_WINDOW}, not {self.window}")
        self._check_int("seed", 0)
        if self.seed >= 2**63:
            raise ConfigError(f"seed must be below 2**63, not {self.seed}")
        for name in (
            "max_final_vocab",
            "batch_words",
            "block_size",
            "shared_negatives",
            "group_blocks",
            "workers",
        ):
            if getattr(self, name) is not None:
                self._check_int(name, 1)
        if self.shared_negatives is not None and self.shared_negatives < self.negative:
            raise ConfigError(
                f"shared_negatives ({self.shared_negatives}) must be at least negative "
                f"({self.negative})"
            )
        for name in ("negatives_exclude_positive", "negatives_without_replacement"):
            if getattr(self, name) and (self.output, self.negatives_per) != ("negative", "pair"):
                raise ConfigError(
                    f"{name} needs output 'negative' and negatives_per 'pair': pairs that share "
                    "their negatives cannot each choose"
                )
        self._check_float("ns_exponent", -math.inf)
        for name in ("sample", "min_alpha", "damping", "device_share"):
            self._check_float(name, 0.0)
        if self.device_share > 1:
            raise ConfigError(f"device_share must be at most 1, not {self.device_share}")
        self._settle_alpha()
        self._check_frozen()
        check_vectors(self.vectors, self.output)

    def _settle_alpha(self) -> None:
        falls = self.schedule != "constant"
        if self.alpha is None:
            kind = self.optimizer, self.model
            paths = _PATHS_ALPHA if self.output == "hierarchical" else {}
            rate = paths.get(kind, _ALPHA[kind])
            object.__setattr__(self, "alpha", max(rate, self.min_alpha) if falls else rate)
        self._check_float("alpha", 0.0)
        if self.alpha == 0:
            raise ConfigError("alpha must be above 0: nothing is learned at a rate of 0")
        if falls and self.alpha is not None and self.min_alpha > self.alpha:
            raise ConfigError(
                f"min_alpha ({self.min_alpha}) must not be above alpha ({self.alpha})"
            )

    def _check_frozen(self) -> None:
        words = self.frozen
        is_sequence = isinstance(words, Sequence) and not isinstance(words, str)
        if not is_sequence or not all(isinstance(word, str) for word in words):
            raise ConfigError(f"frozen must be a sequence of words, not {words!r}")
        object.__setattr__(self, "frozen", tuple(words))

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            names = [repr(choice) for choice in choices]
            raise ConfigError(
                f"{name} must be {', '.join(names[:-1])} or {names[-1]}, "
                f"not {getattr(self, name)!r}"
            )

    def _check_bool(self, name: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, (int, np.bool_)) or value not in (0, 1):  # gensim has 0 and 1
            raise ConfigError(f"{name} must be True or False, not {value!r}")
        object.__setattr__(self, name, bool(value))

    def _check_int(self, name: str, minimum: int) -> None:
        value = getattr(self, name)
        if isinstance(value, np.integer):
            object.__setattr__(self, name, value := int(value))
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise ConfigError(f"{name} must be a whole number of at least {minimum}, not {value!r}")

    def _check_float(self, name: str, minimum: float) -> None:
        value = getattr(self, name)
        if isinstance(value, np.floating):
            object.__setattr__(self, name, value := float(value))
        # (Comparing, unlike math.isfinite, works for whole numbers that no float can hold.)
        if not isinstance(value, (int, float)) or not max(minimum, -_LARGEST) <= value <= _LARGEST:
            at_least = "" if minimum == -math.inf else f" of at least {minimum:g}"
            raise ConfigError(
                f"{name} must be a finite number{at_least}, not {reprlib.repr(value)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary of plain values, fit for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a configuration from the dictionary that `to_dict` gave.

        Raises
        ------
        ConfigError
            If a key is not a hyperparameter or a value cannot work.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f"unknown hyperparameters: {', '.join(unknown)}")
        return cls(**values)


def check_vectors(vectors: str, output: str) -> None:
    """Raise unless a model with that output layer has those word vectors.

    Parameters
    ----------
    vectors, output : str
        As in `TrainingConfig`.

    Raises
    ------
    ConfigError
        If they would need a vector for each word in the output layer, and it has none.
    """
    if vectors not in get_args(Vectors):
        raise ConfigError(f"vectors must be one of {', '.join(get_args(Vectors))}, not {vectors!r}")
    if output == "hierarchical" and vectors != "input":
        raise ConfigError(
            f"vectors must be 'input' for output 'hierarchical', not {vectors!r}: its output "
            "vectors belong to the inner nodes of a tree, not to words"
        )


def from_gensim(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Translate gensim's ``sg`` and ``hs``, which are numbers, into `model` and `output`.

    Parameters
    ----------
    hyperparameters : mapping
        Arguments of `TrainingConfig`, or gensim's ``sg=1|0`` and ``hs=1|0`` instead; as there,
        hierarchical softmax without negative sampling is ``hs=1, negative=0``.

    Returns
    -------
    dict
        Arguments of `TrainingConfig`.

    Raises
    ------
    ConfigError
        If a value has no meaning, contradicts another, or asks for both output layers at once.
    """
    values = dict(hyperparameters)
    for name, field, meanings in (
        ("sg", "model", ("cbow", "skipgram")),
        ("hs", "output", ("negative", "hierarchical")),
    ):
        if name not in values:
            continue
        number = values.pop(name)
        if number not in (0, 1):
            raise ConfigError(f"{name} must be 0 or 1, not {number!r}")
        meaning = meanings[int(number)]
        given = values.get(field, meaning)
        # A softmax over all words, which gensim has not, is no contradiction to hs=0.
        if given != meaning and (number == 1 or given in meanings):
            raise ConfigError(f"{name}={number} means {field} {meaning!r}, not {given!r}")
        if name == "hs" and number == 1 and values.get("negative", 5) != 0:
            raise ConfigError(
                "hs=1 trains hierarchical softmax and negative > 0 negative sampling; a model here "
                "has one output layer: choose hs=1 with negative=0, or hs=0"
            )
        values.setdefault(field, meaning)
    if values.get("output", "negative") != "negative" and values.get("negative") == 0:
        del values["negative"]
    return values

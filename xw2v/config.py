"""Every hyperparameter: its name, its default and its check, in this one place."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from xw2v.errors import ConfigError

__all__ = ["NegativesPer", "TrainingConfig"]

NegativesPer = Literal["block", "pair"]

_LARGEST_WINDOW = 16_383  # the contexts of a center are counted in 16 bits


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What is trained and how; names and defaults are gensim's where gensim has them.

    Two runs with equal configurations, vocabularies and corpora draw the same batches on every
    device; `workers` and `device` change how fast they do it, not what they do.

    Parameters
    ----------
    vector_size : int
        Dimension D of the vectors.
    window : int
        Largest distance c between a center word and its context words.
    shrink_windows : bool
        Draw each center's window uniformly from 1..c (word2vec's way of weighting near words
        more); False takes the whole window always.
    negative : int
        Negatives K drawn for each positive pair.
    negatives_per : {"block", "pair"}
        ``"block"`` shares noise words between the pairs of a few blocks of text and weights
        them so that the expected gradient is the same; ``"pair"`` draws K for each pair, the
        textbook form, many times slower.
    ns_exponent : float
        The noise distribution is proportional to ``count ** ns_exponent``.
    sample : float
        Subsampling threshold t: a word of corpus frequency f is kept with probability
        ``min(1, sqrt(t / f) + t / f)``; 0 keeps every word.
    alpha, min_alpha : float
        Learning rate at the start and at the end; it falls linearly over the corpus words of
        all epochs.
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
    block_size : int
        Consecutive centers T in one block, the unit that becomes a matrix product.
    shared_negatives : int or None
        Noise words S shared by a group of centers (``negatives_per="block"``), at least
        `negative`: fewer would each weigh more than a whole negative. None takes 32, or
        `negative` where that is more.
    group_blocks : int
        Blocks G whose number of centers make a group.
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

    Raises
    ------
    ConfigError
        If a value cannot work; the message names the option.
    """

    vector_size: int = 100
    window: int = 5
    shrink_windows: bool = True
    negative: int = 5
    negatives_per: NegativesPer = "block"
    ns_exponent: float = 0.75
    sample: float = 1e-3
    alpha: float = 0.025
    min_alpha: float = 1e-4
    epochs: int = 5
    min_count: int = 5
    max_final_vocab: int | None = None
    seed: int = 1
    batch_words: int | None = None
    block_size: int = 16
    shared_negatives: int | None = None
    group_blocks: int = 2
    interleave: int = 4
    damping: float = 0.2
    workers: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in (
            "vector_size",
            "window",
            "negative",
            "epochs",
            "min_count",
            "block_size",
            "group_blocks",
            "interleave",
        ):
            self._check_int(name, 1)
        if self.window > _LARGEST_WINDOW:
            raise ConfigError(f"window must be at most {_LARGEST_WINDOW}, not {self.window}")
        self._check_int("seed", 0)
        if self.seed >= 2**63:
            raise ConfigError(f"seed must be below 2**63, not {self.seed}")
        for name in ("batch_words", "max_final_vocab", "shared_negatives", "workers"):
            if getattr(self, name) is not None:
                self._check_int(name, 1)
        if self.shared_negatives is not None and self.shared_negatives < self.negative:
            raise ConfigError(
                f"shared_negatives ({self.shared_negatives}) must be at least negative "
                f"({self.negative})"
            )
        self._check_float("ns_exponent", -math.inf)
        for name in ("sample", "alpha", "min_alpha", "damping"):
            self._check_float(name, 0.0)
        if self.alpha == 0:
            raise ConfigError("alpha must be above 0: nothing is learned at a rate of 0")
        if self.min_alpha > self.alpha:
            raise ConfigError(
                f"min_alpha ({self.min_alpha}) must not be above alpha ({self.alpha})"
            )
        if self.negatives_per not in ("block", "pair"):
            raise ConfigError(
                f"negatives_per must be 'block' or 'pair', not {self.negatives_per!r}"
            )

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
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value < minimum:
            at_least = "" if minimum == -math.inf else f" of at least {minimum:g}"
            raise ConfigError(f"{name} must be a finite number{at_least}, not {value!r}")

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

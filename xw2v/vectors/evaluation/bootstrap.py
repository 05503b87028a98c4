"""How sure the figures of an evaluation are: they are computed again on samples of its items.

A sample is as many items as there are, drawn with replacement, the same ones for all the models
that are compared, so that the differences between them are of paired samples (Efron and
Tibshirani 1993, "An Introduction to the Bootstrap"). The intervals are between percentiles.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "interval_of", "resampled_accuracies", "resampled_spearman"]

# Similarities in the samples that are ranked at once: 16 MiB of float64.
_RANKED_AT_ONCE = 2**21


class Interval(NamedTuple):
    """The bounds of a confidence interval; NaN where there is none."""

    low: float
    high: float


def resampled_accuracies(
    right: npt.ArrayLike, resamples: int, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Return the accuracies of M models on samples of n questions.

    Parameters
    ----------
    right : array_like, shape (M, n), bool
        Whether each model answered each question correctly.
    resamples : int
    seed : int

    Returns
    -------
    ndarray, shape (resamples, M), float64
    """
    results = np.asarray(right, dtype=np.bool_)
    questions = results.shape[1]
    # Questions that all models answer alike need not be told apart.
    kinds, counts = np.unique(results, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(questions, counts / questions, resamples)
    return np.asarray(drawn @ kinds.T / questions, dtype=np.float64)


def resampled_spearman(
    human: npt.ArrayLike, similarities: npt.ArrayLike, resamples: int, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Return Spearman's rank correlations of M models with people on samples of n pairs.

    Parameters
    ----------
    human : array_like, shape (n,)
    similarities : array_like, shape (M, n)
    resamples : int
    seed : int

    Returns
    -------
    ndarray, shape (resamples, M), float64
        NaN where a sample has no correlation.
    """
    values = np.vstack([np.asarray(human, dtype=np.float64), np.asarray(similarities)])
    pairs = values.shape[1]
    rng = np.random.default_rng(seed)
    block = max(1, _RANKED_AT_ONCE // pairs)
    found = []
    for start in range(0, resamples, block):
        chosen = rng.integers(pairs, size=(min(block, resamples - start), pairs))
        first, *others = (_centered_ranks(row[chosen]) for row in values)
        found.append(np.stack([_cosines(first, other) for other in others], axis=1))
    return np.concatenate(found)


def interval_of(values: npt.NDArray[np.float64], confidence: float = 0.95) -> Interval:
    """Return between which values a share `confidence` of the samples lies, the middle one."""
    values = values[np.isfinite(values)]
    if not values.size:
        return Interval(np.nan, np.nan)
    outside = (1 - confidence) / 2
    low, high = np.quantile(values, [outside, 1 - outside])
    return Interval(float(low), float(high))


def _centered_ranks(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.stats import rankdata  # noqa: PLC0415  (slow to import)

    return np.asarray(rankdata(samples, axis=1) - (samples.shape[1] + 1) / 2)


def _cosines(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    products = np.sum(left * right, axis=1)
    norms = np.sqrt(np.sum(left * left, axis=1) * np.sum(right * right, axis=1))
    return np.where(norms > 0, products / np.where(norms > 0, norms, 1.0), np.nan)

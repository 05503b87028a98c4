"""Models beside each other: confidence intervals, and differences on what all of them know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError
from xw2v.vectors.evaluation.analogies import AnalogyScores
from xw2v.vectors.evaluation.bootstrap import (
    Interval,
    interval_of,
    resampled_accuracies,
    resampled_spearman,
)
from xw2v.vectors.evaluation.pairs import PairScores
from xw2v.vectors.evaluation.reading import WordPair

__all__ = ["Comparison", "Difference", "compare_analogies", "compare_pairs"]

# What a bootstrap draws again and again: columns of items that some models know.
_Resample = Callable[[Sequence[int], npt.NDArray[np.intp]], npt.NDArray[np.float64]]

_FEWEST = 2
_NONE = Interval(np.nan, np.nan)


@dataclass(frozen=True)
class Difference:
    """How much better a model is than the first one, on the items that all models know.

    Attributes
    ----------
    value : float
        NaN where there are fewer than two such items.
    interval : Interval
    """

    value: float
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """Several models on the same questions or pairs.

    Attributes
    ----------
    intervals : tuple of Interval
        95% confidence intervals of the figure of each model, on all items that it knows.
    differences : tuple of Difference
        For each model but the first.
    used : int
        The items that all models know, which the differences are about.
    """

    intervals: tuple[Interval, ...]
    differences: tuple[Difference, ...]
    used: int


def compare_analogies(
    scores: Sequence[AnalogyScores], resamples: int = 2000, seed: int = 0
) -> Comparison:
    """Return how the accuracies of models compare, by a paired bootstrap over questions.

    The questions of a file have words in common, so they tell less than as many independent ones
    would: the intervals are somewhat too narrow.

    Parameters
    ----------
    scores : sequence of AnalogyScores
        Of the same sections.
    resamples, seed : int
        How many samples are drawn, and from which random numbers.

    Raises
    ------
    ConfigError
        If the scores are of different questions.
    """
    results = [[r for section in one.sections for r in section.results] for one in scores]
    if len({len(row) for row in results}) > 1:
        raise ConfigError("models can be compared on the same questions only")
    known = np.asarray([[r is not None for r in row] for row in results], dtype=np.bool_)
    right = np.asarray([[r is True for r in row] for row in results], dtype=np.bool_)

    def draw(models: Sequence[int], items: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        return resampled_accuracies(right[list(models)][:, items], resamples, seed)

    def figure(model: int, items: npt.NDArray[np.intp]) -> float:
        return float(right[model, items].mean())

    return _compare(known, draw, figure)


def compare_pairs(
    pairs: Sequence[WordPair], scores: Sequence[PairScores], resamples: int = 2000, seed: int = 0
) -> Comparison:
    """Return how the rank correlations of models compare, by a paired bootstrap over pairs.

    Parameters
    ----------
    pairs : sequence of WordPair
    scores : sequence of PairScores
        Of these pairs.
    resamples, seed : int
        How many samples are drawn, and from which random numbers.

    Raises
    ------
    ConfigError
        If the scores are of other pairs.
    """
    if any(len(one.similarities) != len(pairs) for one in scores):
        raise ConfigError("models can be compared on the same pairs only")
    human = np.asarray([pair.score for pair in pairs])
    found = np.asarray(
        [[np.nan if s is None else s for s in one.similarities] for one in scores],
        dtype=np.float64,
    )

    def draw(models: Sequence[int], items: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        return resampled_spearman(human[items], found[list(models)][:, items], resamples, seed)

    def figure(model: int, items: npt.NDArray[np.intp]) -> float:
        from scipy.stats import rankdata  # noqa: PLC0415  (slow to import)

        ranks = rankdata(np.stack([human[items], found[model, items]]), axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):  # of constant scores: NaN
            return float(np.asarray(np.corrcoef(ranks))[0, 1])

    return _compare(~np.isnan(found), draw, figure)


def _compare(
    known: npt.NDArray[np.bool_],
    draw: _Resample,
    figure: Callable[[int, npt.NDArray[np.intp]], float],
) -> Comparison:
    models = range(len(known))
    intervals = []
    for model in models:
        items = np.flatnonzero(known[model])
        enough = len(items) >= _FEWEST
        intervals.append(interval_of(draw([model], items)[:, 0]) if enough else _NONE)
    common = np.flatnonzero(np.logical_and.reduce(known, axis=0))
    if len(common) < _FEWEST:
        return Comparison(
            tuple(intervals),
            tuple(Difference(np.nan, _NONE) for _ in models[1:]),
            len(common),
        )
    samples = draw(models, common)
    first = figure(0, common)
    differences = tuple(
        Difference(
            figure(model, common) - first,
            interval_of(samples[:, model] - samples[:, 0]),
        )
        for model in models[1:]
    )
    return Comparison(tuple(intervals), differences, len(common))

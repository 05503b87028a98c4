"""Correlations of cosine similarities with what people find similar."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from xw2v.errors import ConfigError
from xw2v.vectors.arrays import Array, to_numpy
from xw2v.vectors.evaluation.reading import WordPair
from xw2v.vectors.evaluation.words import known_words

if TYPE_CHECKING:
    from xw2v.vectors.word_vectors import WordVectors

__all__ = ["Correlation", "PairScores", "score_pairs"]


class Correlation(NamedTuple):
    """A correlation coefficient and its two-sided p-value; NaN where it is not defined."""

    statistic: float
    pvalue: float


@dataclass(frozen=True)
class PairScores:
    """How cosine similarities agree with human judgments.

    Attributes
    ----------
    pearson, spearman : Correlation
    used : int
        Pairs compared.
    out_of_vocabulary : int
        Pairs with a word outside the vocabulary: skipped, or compared with a similarity of 0
        under ``dummy4unknown``.
    restrict_vocab : int or None
        Only this many words, the first ones, were looked at; None: all.
    similarities : tuple of float or None
        The cosine of each pair given, or 0, or None if it was skipped.
    """

    pearson: Correlation
    spearman: Correlation
    used: int
    out_of_vocabulary: int
    restrict_vocab: int | None
    similarities: tuple[float | None, ...]


def score_pairs(
    word_vectors: "WordVectors",
    pairs: Sequence[WordPair],
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> PairScores:
    """Correlate cosine similarities with human judgments.

    Parameters
    ----------
    word_vectors : WordVectors
    pairs : sequence of WordPair
    restrict_vocab : int or None
        Skip pairs with a word that is not among this many words, the first ones; None: of all.
    case_insensitive : bool
        Compare words in upper case; of several words that differ only in case, the first one,
        that is the most frequent, gives the vector.
    dummy4unknown : bool
        Take 0 as the similarity of a pair with an unknown word.

    Returns
    -------
    PairScores

    Raises
    ------
    ConfigError
        If fewer than two pairs are left to compare.
    """
    known, _ = known_words(word_vectors, restrict_vocab, case_insensitive)
    rows = np.asarray(
        [[known.get(w.upper() if case_insensitive else w, -1) for w in pair[:2]] for pair in pairs],
        dtype=np.int64,
    ).reshape(-1, 2)
    is_known: npt.NDArray[np.bool_] = np.min(rows, axis=1, initial=0) >= 0
    cosines = np.zeros(len(pairs))
    if is_known.any():
        cosines[is_known] = _cosines(word_vectors.get_normed_vectors(), rows[is_known])
    used = np.ones_like(is_known) if dummy4unknown else is_known
    if used.sum() < 2:
        raise ConfigError(
            f"a correlation needs two pairs, and of the {len(pairs)} given only {used.sum()} "
            "can be used: the vocabulary lacks words of the others"
        )
    human = np.asarray([pair.score for pair in pairs])
    pearson, spearman = _correlations(human[used], cosines[used])
    return PairScores(
        pearson,
        spearman,
        int(used.sum()),
        int((~is_known).sum()),
        restrict_vocab,
        tuple(float(c) if u else None for c, u in zip(cosines, used, strict=True)),
    )


def _cosines(unit: Array, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
    """Return the cosines of pairs of words, shape (n,), from their rows, shape (n, 2)."""
    xp = array_namespace(unit)
    left, right = (xp.take(unit, xp.asarray(column), axis=0) for column in rows.T)
    return to_numpy(xp.sum(left * right, axis=1))


def _correlations(
    human: npt.NDArray[np.floating], similarities: npt.NDArray[np.floating]
) -> tuple[Correlation, Correlation]:
    from scipy import stats  # noqa: PLC0415  (slow to import)

    with warnings.catch_warnings():
        # Constant scores have no correlation: NaN says so.
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(human, similarities)
        spearman = stats.spearmanr(human, similarities)
    return (
        Correlation(float(pearson.statistic), float(pearson.pvalue)),
        Correlation(float(spearman.statistic), float(spearman.pvalue)),
    )

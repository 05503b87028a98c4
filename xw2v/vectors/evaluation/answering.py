"""The answers to many analogy questions at once.

The score of a word as the answer to "a is to b as c is to ?" is a sum of one term for each of a,
b and c, and the questions of a file are made of few words: cosines of these words with all
others are products of matrices, and all that is left to do for a question is to add three rows
and look for the largest sum.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from xw2v.vectors.arrays import Array, to_numpy

__all__ = ["Method", "answer_questions"]

# 3CosAdd and 3CosMul.
Method: TypeAlias = Literal["add", "mul"]

Rows: TypeAlias = npt.NDArray[np.int64]

# Scores of the words of the questions against a part of the vocabulary: 32 MiB of float32 ...
_TERMS_AT_ONCE = 2**23
# ... and of a block of questions against the same part: what a processor's cache can hold.
_SCORES_AT_ONCE = 2**18
# gensim looks at the five best words that are not in the question, and gives up after them.
_ANSWERS_TRIED = 5
# That of gensim: keeps 3CosMul from dividing by zero.
_EPSILON = 1e-6


def answer_questions(
    unit: Array, questions: Rows, first_variant: Rows, method: Method = "add"
) -> Rows:
    """Return the answers to analogy questions, as rows of first case variants.

    The given words, and other case variants of them, are no answers: the next best word is. As
    in gensim, where five such variants are better than any other word, the fifth is the answer
    all the same.

    Parameters
    ----------
    unit : array, shape (V, D)
        The unit vectors of the words that may be answers.
    questions : ndarray, shape (Q, 3), int64
        The rows of a, b and c, each a first case variant.
    first_variant : ndarray, shape (V,), int64
        For each row, that of the first word that differs in case at most.
    method : {"add", "mul"}

    Returns
    -------
    ndarray, shape (Q,), int64
        -1 where no word is left.
    """
    if not len(questions):
        return np.zeros(0, dtype=np.int64)
    distinct, places = np.unique(questions, axis=0, return_inverse=True)
    given, terms = np.unique(distinct, return_inverse=True)
    best = _best_others(unit, given, terms.reshape(distinct.shape), first_variant, method)
    answers = np.where(best >= 0, first_variant[best], -1)
    _give_up(answers, best, unit, distinct, first_variant, method)
    return answers[places.reshape(-1)]


def _best_others(
    unit: Array, given: Rows, questions: Rows, first_variant: Rows, method: Method
) -> Rows:
    """Return the best rows that are no variant of a word of the question, -1 where none is left.

    `given` are the K rows of words that occur in questions, and `questions` their places in it,
    shape (Q, 3), sorted.
    """
    xp = array_namespace(unit)
    vocabulary = unit.shape[0]
    width = min(vocabulary, max(1, _TERMS_AT_ONCE // len(given)))
    blocks = list(_blocks(questions, max(1, _SCORES_AT_ONCE // width)))
    # Every row that is a variant of a given word, and the place of that word.
    rows = np.flatnonzero(np.isin(first_variant, given))
    variant_of = np.searchsorted(given, first_variant[rows])
    given_unit = xp.take(unit, xp.asarray(given), axis=0)

    best = np.full(len(questions), -1, dtype=np.int64)
    best_scores = np.full(len(questions), -np.inf)
    for start in range(0, vocabulary, width):
        stop = min(start + width, vocabulary)
        here = slice(*np.searchsorted(rows, (start, stop)))
        is_variant = np.zeros((len(given), stop - start), dtype=np.bool_)
        is_variant[variant_of[here], rows[here] - start] = True
        added, subtracted = _terms(given_unit @ unit[start:stop, :].T, is_variant, method)
        for first, last in blocks:
            a, b, _ = questions[first]
            scores = xp.take(added, xp.asarray(questions[first:last, 2]), axis=0)
            scores += (added[int(b), :] - subtracted[int(a), :])[None, :]
            found = xp.argmax(scores, axis=1)
            found_scores = to_numpy(scores[xp.arange(last - first), found])
            better = first + np.flatnonzero(found_scores > best_scores[first:last])
            best_scores[better] = found_scores[better - first]
            best[better] = start + to_numpy(found)[better - first]
    return best


def _blocks(questions: Rows, longest: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of runs of questions that have a and b in common."""
    changes = np.flatnonzero((questions[1:, :2] != questions[:-1, :2]).any(axis=1)) + 1
    bounds = [0, *changes.tolist(), len(questions)]
    for start, stop in pairwise(bounds):
        for first in range(start, stop, longest):
            yield first, min(first + longest, stop)


def _terms(
    cosines: Array, is_variant: npt.NDArray[np.bool_], method: Method
) -> tuple[Array, Array]:
    """Return what words that are given as b or c add to scores, and what they subtract as a.

    3CosMul compares products, and so do their logarithms. Whatever is added to it, the score of
    a case variant of a given word is minus infinity.
    """
    xp = array_namespace(cosines)
    if method == "mul":
        shifted = (1 + cosines) / 2
        smallest = xp.asarray(xp.finfo(cosines.dtype).smallest_normal, dtype=cosines.dtype)
        added, subtracted = xp.log(xp.maximum(shifted, smallest)), xp.log(shifted + _EPSILON)
    else:
        added = subtracted = cosines
    mask = xp.asarray(is_variant)
    infinity = xp.asarray(xp.inf, dtype=cosines.dtype)
    return xp.where(mask, -infinity, added), xp.where(mask, infinity, subtracted)


def _give_up(
    answers: Rows,
    best: Rows,
    unit: Array,
    questions: Rows,
    first_variant: Rows,
    method: Method,
) -> None:
    """Set the answers, in place, where five case variants are better than any other word."""
    variants = _variants(questions, first_variant)
    for index, (question, row) in enumerate(zip(questions, best, strict=True)):
        others = sorted({v for word in set(question.tolist()) for v in variants.get(word, ())})
        if not others or (len(others) < _ANSWERS_TRIED and row >= 0):
            continue
        scores = _scores_of(unit, question, [*others, max(row, 0)], method)
        order = np.argsort(-scores[:-1], kind="stable")[:_ANSWERS_TRIED]
        if row < 0 or scores[order[-1]] > scores[-1]:
            answers[index] = first_variant[others[order[-1]]]


def _variants(questions: Rows, first_variant: Rows) -> dict[int, list[int]]:
    """Return the further case variants of the words of the questions, by the row of the first."""
    is_further = first_variant != np.arange(len(first_variant))
    rows = np.flatnonzero(is_further & np.isin(first_variant, questions))
    found: dict[int, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(int(first_variant[row]), []).append(row)
    return found


def _scores_of(
    unit: Array, question: Rows, rows: list[int], method: Method
) -> npt.NDArray[np.floating]:
    """Return the scores of a few words as answers to one question."""
    xp = array_namespace(unit)
    few = to_numpy(xp.take(unit, xp.asarray(np.asarray([*question.tolist(), *rows])), axis=0))
    a, b, c = few[:3] @ few[3:].T
    if method == "add":
        return np.asarray(b - a + c)
    return np.asarray((1 + b) * (1 + c) / 4 / ((1 + a) / 2 + _EPSILON))

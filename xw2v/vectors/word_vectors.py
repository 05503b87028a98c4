"""`WordVectors`: words, their vectors, and the questions one asks of them."""

import logging
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, is_numpy_array

from xw2v.errors import ConfigError, UnknownWordError
from xw2v.vectors.arrays import Array, to_numpy, top_rows, unit_rows
from xw2v.vectors.evaluation import (
    Correlation,
    Question,
    check_count,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)
from xw2v.vectors.spelling import SpellingIndex

__all__ = ["WordVectors"]

# A word, a vector of shape (D,), or either of them with a weight.
Key: TypeAlias = Any
Neighbors: TypeAlias = list[tuple[str, float]]

_logger = logging.getLogger(__name__)


class WordVectors:
    """A vocabulary and its vectors, with the names and meanings of gensim 4's ``KeyedVectors``.

    Parameters
    ----------
    words : sequence of str
        The V words, each of them once; the most frequent first where that is known.
    vectors : array, shape (V, D), float32 or float64
        Row i is the vector of ``words[i]``. It is not copied, and must not be changed: unit
        vectors are computed once, when the first query needs them, and kept.
    counts : array_like, shape (V,), int64, optional
        How often each word occurs in the training corpus.

    Attributes
    ----------
    index_to_key : list of str
        The words, by row.
    key_to_index : dict of str to int
        The row of each word.
    vectors : array, shape (V, D)
        Read-only where it is a NumPy array.
    counts : ndarray, shape (V,), int64, or None
    vector_size : int
        D.

    Raises
    ------
    ConfigError
        If the shapes disagree, a word occurs twice, or the vectors are no finite floats.

    Notes
    -----
    Where gensim answers NaN because a vector is zero, the similarity here is 0. Neighbors that
    are equally similar come in the order of their rows.
    """

    def __init__(
        self, words: Sequence[str], vectors: Array, counts: npt.ArrayLike | None = None
    ) -> None:
        xp = array_namespace(vectors)
        if vectors.ndim != 2 or vectors.shape[0] != len(words):
            raise ConfigError(
                f"vectors must have one row for each of the {len(words)} words, "
                f"not the shape {tuple(vectors.shape)}"
            )
        if vectors.dtype not in (xp.float32, xp.float64):
            raise ConfigError(f"vectors must be float32 or float64, not {vectors.dtype}")
        if not bool(xp.all(xp.isfinite(vectors))):
            raise ConfigError("vectors must be finite: they hold NaN or infinity")
        self.index_to_key = list(words)
        self.key_to_index = {word: index for index, word in enumerate(self.index_to_key)}
        if len(self.key_to_index) != len(self.index_to_key):
            twice = next(w for i, w in enumerate(words) if self.key_to_index[w] != i)
            raise ConfigError(f"the word {twice!r} occurs more than once")
        self.vectors = vectors
        if is_numpy_array(vectors):
            self.vectors = vectors.view()
            self.vectors.flags.writeable = False
        self.vector_size = int(vectors.shape[1])
        self.counts: npt.NDArray[np.int64] | None = None
        if counts is not None:
            self.counts = np.asarray(counts, dtype=np.int64)
            if self.counts.shape != (len(words),):
                raise ConfigError(
                    f"counts must have one entry for each of the {len(words)} words, "
                    f"not the shape {self.counts.shape}"
                )
        self._unit_vectors: Array = None
        self._spelling: SpellingIndex | None = None

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, {self.vector_size} dimensions>"

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self.key_to_index

    def __getitem__(self, word_or_words: str | Iterable[str]) -> Array:
        """Return the vector of a word, shape (D,), or those of n words, shape (n, D).

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        """
        if isinstance(word_or_words, str):
            return self.get_vector(word_or_words)
        if not isinstance(word_or_words, Iterable):
            raise ConfigError(f"a word is a string, not {word_or_words!r}; see also wv.vectors")
        return self._take(self.vectors, [self._index(word) for word in word_or_words])

    def get_vector(self, word: str, norm: bool = False) -> Array:
        """Return the vector of `word`, scaled to unit length if `norm` is true.

        Returns
        -------
        array, shape (D,)

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary.
        """
        index = self._index(word)
        return (self.get_normed_vectors() if norm else self.vectors)[index, :]

    def get_normed_vectors(self) -> Array:
        """Return all vectors scaled to unit length; zero vectors stay zero.

        Returns
        -------
        array, shape (V, D)
            Computed once and kept; read-only where it is a NumPy array.
        """
        if self._unit_vectors is None:
            unit_vectors = unit_rows(self.vectors)
            if is_numpy_array(unit_vectors):
                unit_vectors.flags.writeable = False
            self._unit_vectors = unit_vectors
        return self._unit_vectors

    def get_vecattr(self, word: str, attr: str) -> int:
        """Return how often `word` occurs in the training corpus; `attr` must be ``"count"``.

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary.
        ConfigError
            If these vectors carry no counts, or another attribute is asked for.
        """
        index = self._index(word)
        if attr != "count":
            raise ConfigError(f"the one attribute of a word is 'count', not {attr!r}")
        if self.counts is None:
            raise ConfigError("these vectors carry no word counts")
        return int(self.counts[index])

    def similarity(self, w1: str, w2: str) -> float:
        """Return the cosine of the angle between the vectors of two words.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        """
        return float(self.get_vector(w1, norm=True) @ self.get_vector(w2, norm=True))

    @overload
    def most_similar(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbors: ...

    @overload
    def most_similar(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        *,
        topn: None,
        restrict_vocab: int | None = None,
    ) -> npt.NDArray[np.floating]: ...

    def most_similar(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbors | npt.NDArray[np.floating]:
        """Return the words whose vectors point most nearly where the given ones do together.

        The query is the weighted mean of the unit vectors of the words; the score of a word is
        the cosine between its vector and the query (3CosAdd of Mikolov, Yih and Zweig 2013,
        "Linguistic Regularities in Continuous Space Word Representations").

        Parameters
        ----------
        positive, negative : word, vector, or sequence of them, optional
            What the result should resemble, weighing +1 each, and what it should not, weighing
            -1. A tuple ``(word, weight)`` or ``(vector, weight)`` sets the weight, its sign
            included. A vector has the shape (D,) and enters as it is, not scaled.
        topn : int or None
            How many neighbors to return; None returns every score.
        restrict_vocab : int, optional
            Search the first `restrict_vocab` words only.

        Returns
        -------
        list of (str, float), or ndarray of shape (V,)
            Words and scores, best first, the words of the query left out; or, for ``topn=None``,
            the scores of all words searched, those of the query included.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        ConfigError
            If nothing was asked for, or an argument cannot work.
        """
        if topn is not None:
            check_count("topn", topn)
        searched = self._rows_searched(restrict_vocab)
        query, query_rows = self._query(positive, negative)
        scores = to_numpy(self.get_normed_vectors()[:searched, :] @ query)
        if topn is None:
            return scores
        best = [row for row in top_rows(scores, topn + len(query_rows)) if row not in query_rows]
        return [(self.index_to_key[row], float(scores[row])) for row in best[:topn]]

    @overload
    def similar_by_word(
        self, word: str, topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbors: ...

    @overload
    def similar_by_word(
        self, word: str, topn: None, restrict_vocab: int | None = None
    ) -> npt.NDArray[np.floating]: ...

    def similar_by_word(
        self, word: str, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbors | npt.NDArray[np.floating]:
        """Return the words most similar to `word`: `most_similar` of that one word."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    @overload
    def similar_by_vector(
        self, vector: Array, topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbors: ...

    @overload
    def similar_by_vector(
        self, vector: Array, topn: None, restrict_vocab: int | None = None
    ) -> npt.NDArray[np.floating]: ...

    def similar_by_vector(
        self, vector: Array, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbors | npt.NDArray[np.floating]:
        """Return the words most similar to `vector`, shape (D,): `most_similar` of it."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """Return the word that is furthest from the mean of the unit vectors of `words`.

        As in gensim, words that are not in the vocabulary are left out, with a warning in the
        log.

        Raises
        ------
        UnknownWordError
            If none of the words is in the vocabulary.
        ConfigError
            If no word is given, or a string in place of several.
        """
        if isinstance(words, str):
            raise ConfigError(f"doesnt_match compares several words: pass a list, not {words!r}")
        words = list(words)
        known = [word for word in words if word in self]
        if not words:
            raise ConfigError("doesnt_match needs at least one word")
        if not known:
            raise self._unknown(words[0])
        if len(known) < len(words):
            left_out = sorted({repr(word) for word in words if word not in self})
            _logger.warning("not in the vocabulary, left out: %s", ", ".join(left_out))
        xp = array_namespace(self.vectors)
        rows = self._take(self.get_normed_vectors(), [self._index(word) for word in known])
        scores = rows @ unit_rows(xp.mean(rows, axis=0)[None, :])[0, :]
        return min(zip(map(float, scores), known, strict=True))[1]

    def evaluate_word_analogies(
        self,
        analogies: str | PathLike[str],
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[float, list[dict[str, str | list[Question]]]]:
        """Answer the analogy questions of a file, in gensim's form of the answer.

        `score_analogies` gives the same as named fields, and says which questions count.

        Parameters
        ----------
        analogies : path
            See `parse_analogies`.
        restrict_vocab, case_insensitive, dummy4unknown
            See `score_analogies`.

        Returns
        -------
        score : float
            The share of the questions answered correctly.
        sections : list of dict
            For each section, and last for all of them, its name under ``"section"`` and the
            questions under ``"correct"`` and ``"incorrect"``.

        Raises
        ------
        ConfigError
            If the file cannot be read or an argument cannot work.
        """
        scores = score_analogies(
            self, parse_analogies(analogies), restrict_vocab, case_insensitive, dummy4unknown
        )
        sections: list[dict[str, str | list[Question]]] = [
            {"section": s.name, "correct": list(s.correct), "incorrect": list(s.incorrect)}
            for s in scores.sections
        ]
        sections.append(
            {
                "section": "Total accuracy",
                "correct": [question for s in scores.sections for question in s.correct],
                "incorrect": [question for s in scores.sections for question in s.incorrect],
            }
        )
        return scores.accuracy, sections

    def evaluate_word_pairs(
        self,
        pairs: str | PathLike[str],
        delimiter: str | None = "\t",
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Correlation, Correlation, float]:
        """Compare similarities with those that people gave, in gensim's form of the answer.

        `score_pairs` gives the same as named fields.

        Parameters
        ----------
        pairs : path
            See `parse_pairs`.
        delimiter : str or None
            What separates the fields; None takes tabs where a line has them, else white space.
        restrict_vocab, case_insensitive, dummy4unknown
            See `score_pairs`.

        Returns
        -------
        pearson, spearman : Correlation
            ``(statistic, pvalue)``.
        oov_ratio : float
            Percentage of the pairs with a word that is not in the vocabulary.

        Raises
        ------
        ConfigError
            If the file cannot be read, an argument cannot work, or fewer than two pairs are
            in the vocabulary.
        """
        parsed = parse_pairs(pairs, delimiter)
        scores = score_pairs(self, parsed, restrict_vocab, case_insensitive, dummy4unknown)
        return scores.pearson, scores.spearman, 100 * scores.out_of_vocabulary / len(parsed)

    def _index(self, word: str) -> int:
        if not isinstance(word, str):
            raise ConfigError(f"a word is a string, not {word!r}")
        index = self.key_to_index.get(word)
        if index is None:
            raise self._unknown(word)
        return index

    def _unknown(self, word: str) -> UnknownWordError:
        if self._spelling is None:
            self._spelling = SpellingIndex(self.index_to_key)
        return UnknownWordError(word, self._spelling.close_words(word))

    def _rows_searched(self, restrict_vocab: int | None) -> int:
        if restrict_vocab is None:
            return len(self)
        check_count("restrict_vocab", restrict_vocab)
        return min(restrict_vocab, len(self))

    def _query(self, positive: Any, negative: Any) -> tuple[Array, set[int]]:
        """Return the unit vector of the query, and the rows of the words in it."""
        weighted = [as_weighted(item, 1.0) for item in as_list(positive)]
        weighted += [as_weighted(item, -1.0) for item in as_list(negative)]
        if not weighted:
            raise ConfigError("most_similar needs at least one word or vector")
        xp = array_namespace(self.vectors)
        total = xp.zeros_like(self.vectors[0, :])
        rows = set()
        for key, weight in weighted:
            if isinstance(key, str):
                row = self._index(key)
                rows.add(row)
                total = total + weight * self.get_normed_vectors()[row, :]
            else:
                total = total + weight * self._checked_vector(key)
        if not bool(xp.all(xp.isfinite(total))):
            raise ConfigError("the query holds NaN or infinity")
        # Dividing by the sum of the weights would not change the direction, all that counts.
        return unit_rows(total[None, :])[0, :], rows

    def _checked_vector(self, vector: Any) -> Array:
        xp = array_namespace(self.vectors)
        if not hasattr(vector, "shape"):
            raise ConfigError(f"{vector!r} is neither a word nor a vector, nor one with a weight")
        if tuple(vector.shape) != (self.vector_size,):
            raise ConfigError(
                f"a query vector must have {self.vector_size} entries, "
                f"not the shape {tuple(vector.shape)}"
            )
        return xp.asarray(vector, dtype=self.vectors.dtype)

    def _take(self, table: Array, rows: list[int]) -> Array:
        xp = array_namespace(table)
        return xp.take(table, xp.asarray(rows, dtype=xp.int64), axis=0)


def as_list(items: Any) -> list[Any]:
    """Return the words and vectors of an argument that may be a single one, or None."""
    if items is None:
        return []
    if isinstance(items, str) or getattr(items, "ndim", None) == 1:
        return [items]
    return list(items)


def as_weighted(item: Any, weight: float) -> tuple[Any, float]:
    """Return a word or vector and its weight: the one it comes with, else `weight`."""
    if not isinstance(item, tuple):
        return item, weight
    if len(item) != 2 or not isinstance(item[1], (int, float, np.integer, np.floating)):
        raise ConfigError(f"a tuple must be a word or vector and its weight, not {item!r}")
    return item[0], float(item[1])

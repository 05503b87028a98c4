"""`WordVectors`: words, their vectors, and the questions one asks of them."""

import logging
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, Protocol, Self, TypeAlias, overload

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, device, is_numpy_array

from xw2v.backend import get_device
from xw2v.errors import ConfigError, UnknownWordError
from xw2v.vectors.arrays import Array, like, row_norms, to_numpy, top_rows, unit_rows
from xw2v.vectors.distances import (
    cosine_similarities,
    multiplied,
    shares,
    word_movers_distance,
)
from xw2v.vectors.evaluation import (
    Correlation,
    Method,
    Question,
    check_count,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)
from xw2v.vectors.keys import Key, WeightedKey, as_list, is_row, weighted_keys
from xw2v.vectors.search import Table, cosines, nearest_rows, table_of
from xw2v.vectors.spelling import SpellingIndex

__all__ = ["Indexer", "WordVectors"]

# A word, or its row.
Word: TypeAlias = str | int
Neighbors: TypeAlias = list[tuple[str, float]]

# What gensim calls the rules that answer an analogy question.
_METHODS: dict[str, Method] = {"most_similar": "add", "most_similar_cosmul": "mul"}

_logger = logging.getLogger(__name__)


class Indexer(Protocol):
    """What `WordVectors.most_similar` asks of an index: the same as gensim does of its indexers."""

    def most_similar(self, vector: Any, num_neighbors: int) -> Neighbors:
        """Return words and their similarities to a vector, best first."""


class WordVectors:
    """A vocabulary and its vectors, with the names and meanings of gensim 4's ``KeyedVectors``.

    A word may be given by its row, too: wherever a word is asked for, a whole number from 0 to
    V - 1 is taken for that row.

    Parameters
    ----------
    words : sequence of str
        The V words, each of them once; the most frequent first where that is known.
    vectors : array, shape (V, D), float32 or float64
        Row i is the vector of ``words[i]``. An array of any Array API namespace, so the vectors
        may be on a GPU, or of a file that is mapped to memory. It is not copied, and must not be
        changed: what queries need of it is computed once and kept.
    counts : array_like, shape (V,), int64, optional
        How often each word occurs in the training corpus.
    check_finite : bool
        Look for NaN and infinity now, which reads all vectors. If false, the first query that
        reads them all does, and raises the error.

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
    The differences from gensim: where a vector is zero, similarities are 0, not NaN; neighbors
    that are equally similar come in the order of their rows; an argument that cannot work, as a
    ``restrict_vocab`` of 0, is an error; and so is a mean of nothing but unknown words.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: Array,
        counts: npt.ArrayLike | None = None,
        *,
        check_finite: bool = True,
    ) -> None:
        xp = array_namespace(vectors)
        if vectors.ndim != 2 or vectors.shape[0] != len(words):
            raise ConfigError(
                f"vectors must have one row for each of the {len(words)} words, "
                f"not the shape {tuple(vectors.shape)}"
            )
        if vectors.dtype not in (xp.float32, xp.float64):
            raise ConfigError(f"vectors must be float32 or float64, not {vectors.dtype}")
        self.index_to_key = list(words)
        self.key_to_index = dict(zip(self.index_to_key, range(len(words)), strict=True))
        if len(self.key_to_index) != len(self.index_to_key):
            twice = next(w for i, w in enumerate(words) if self.key_to_index[w] != i)
            raise ConfigError(f"the word {twice!r} occurs more than once")
        self.vectors = _read_only(vectors.view() if is_numpy_array(vectors) else vectors)
        self.vector_size = int(vectors.shape[1])
        self.counts: npt.NDArray[np.int64] | None = None
        if counts is not None:
            self.counts = np.asarray(counts, dtype=np.int64)
            if self.counts.shape != (len(words),):
                raise ConfigError(
                    f"counts must have one entry for each of the {len(words)} words, "
                    f"not the shape {self.counts.shape}"
                )
        self._spelling: SpellingIndex | None = None
        self._norms: Array = None
        self._unit_vectors: Array = None
        self._search_table: Table | None = None
        if check_finite:
            self._norms = row_norms(self.vectors)  # which notices what is not finite

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, {self.vector_size} dimensions>"

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(key)

    def __getitem__(self, key_or_keys: Word | Iterable[Word]) -> Array:
        """Return the vector of a word, shape (D,), or those of n words, shape (n, D).

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        """
        if isinstance(key_or_keys, str) or not isinstance(key_or_keys, Iterable):
            return self.get_vector(key_or_keys)
        return self._take([self.get_index(key) for key in key_or_keys])

    def to_device(self, device: str) -> Self:
        """Return the same words with their vectors on a device, where queries are answered then.

        Parameters
        ----------
        device : str
            ``"cpu"`` for NumPy arrays, ``"cuda"`` or ``"cuda:N"`` for CuPy's on a GPU, or
            ``"auto"``: cuda where it can be used, else cpu.

        Returns
        -------
        WordVectors

        Raises
        ------
        ConfigError
            If there is no such kind of device.
        DeviceError
            If the device cannot be used, or has not the memory.
        """
        target = get_device(device)
        with target.errors():
            vectors = target.asarray(to_numpy(self.vectors))
        # Whatever is not finite is noticed by a query, as it is of a file that is mapped.
        return type(self)(self.index_to_key, vectors, self.counts, check_finite=False)

    def has_index_for(self, key: object) -> bool:
        """Return whether a word is in the vocabulary; so does ``key in word_vectors``."""
        if isinstance(key, str):
            return key in self.key_to_index
        return is_row(key) and 0 <= key < len(self)  # type: ignore[operator]

    def get_index(self, key: Word, default: int | None = None) -> int:
        """Return the row of a word, or `default` if it is unknown and that is not None.

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary and there is no default.
        ConfigError
            If `key` is neither a word nor a row.
        """
        if isinstance(key, str):
            index = self.key_to_index.get(key, default)
            if index is None:
                raise self._unknown(key)
            return index
        if not is_row(key):
            raise ConfigError(f"a word is a string, or its row, not {key!r}")
        if 0 <= key < len(self):
            return int(key)
        if default is None:
            raise UnknownWordError(str(key))
        return default

    def get_vector(self, key: Word, norm: bool = False) -> Array:
        """Return the vector of a word, scaled to unit length if `norm` is true.

        Returns
        -------
        array, shape (D,)

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary.
        """
        index = self.get_index(key)
        if not norm:
            return self.vectors[index, :]
        return _read_only(unit_rows(self.vectors[index : index + 1, :])[0, :])

    @property
    def norms(self) -> Array:
        """The lengths of the vectors, shape (V,): computed once and kept."""
        if self._norms is None:
            self._norms = row_norms(self.vectors)
        return self._norms

    def get_normed_vectors(self) -> Array:
        """Return all vectors scaled to unit length; zero vectors stay zero.

        Returns
        -------
        array, shape (V, D)
            Computed once and kept; read-only where it is a NumPy array.
        """
        if self._unit_vectors is None:
            _ = self.norms  # which notices what is not finite
            self._unit_vectors = _read_only(unit_rows(self.vectors))
        return self._unit_vectors

    def get_vecattr(self, key: Word, attr: str) -> int:
        """Return how often a word occurs in the training corpus; `attr` must be ``"count"``.

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary.
        ConfigError
            If these vectors carry no counts, or another attribute is asked for.
        """
        index = self.get_index(key)
        if attr != "count":
            raise ConfigError(f"the one attribute of a word is 'count', not {attr!r}")
        if self.counts is None:
            raise ConfigError("these vectors carry no word counts")
        return int(self.counts[index])

    def get_mean_vector(
        self,
        keys: Iterable[Key],
        weights: Sequence[float] | npt.ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Array:
        """Return the weighted mean of the vectors of several words.

        Parameters
        ----------
        keys : iterable of words and vectors
            Vectors of shape (D,) enter as they are, not scaled.
        weights : sequence of float, optional
            One for each of the keys; None weighs all the same. The sum is divided by the sum of
            their sizes.
        pre_normalize : bool
            Scale the vectors of the words to unit length first.
        post_normalize : bool
            Scale the mean to unit length.
        ignore_missing : bool
            Leave out words that are not in the vocabulary.

        Returns
        -------
        array, shape (D,)

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary, and they are not ignored or there is no other.
        ConfigError
            If there is no key, or an argument cannot work.
        """
        if isinstance(keys, str):
            raise ConfigError(f"a mean is of several words: pass a list, not {keys!r}")
        keys = list(keys)
        shared = np.ones(len(keys)) if weights is None else np.asarray(weights, np.float64)
        if not keys or shared.shape != (len(keys),):
            raise ConfigError(
                "a mean needs at least one word or vector, and as many weights, "
                f"not {len(keys)} and weights of the shape {shared.shape}"
            )
        weighted = [WeightedKey(key, weight) for key, weight in zip(keys, shared, strict=True)]
        if ignore_missing:
            known = [item for item in weighted if not isinstance(item.key, str) or item.key in self]
            if not known:
                raise self._unknown(keys[0])
            weighted = known
        mean, _ = self._sums([weighted], pre_normalize)
        mean /= sum(abs(weight) for _, weight in weighted) or 1.0
        if post_normalize:
            mean = unit_rows(mean)
        return like(mean[0].astype(self._host_type), self.vectors)

    @staticmethod
    def cosine_similarities(vector_1: Array, vectors_all: Array) -> npt.NDArray[np.floating]:
        """Return the cosines of a vector, shape (D,), with others, shape (n, D)."""
        return cosine_similarities(vector_1, vectors_all)

    def similarity(self, w1: Word, w2: Word) -> float:
        """Return the cosine of the angle between the vectors of two words.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        """
        return float(self.get_vector(w1, norm=True) @ self.get_vector(w2, norm=True))

    def distance(self, w1: Word, w2: Word) -> float:
        """Return 1 less the `similarity` of two words."""
        return 1 - self.similarity(w1, w2)

    def distances(
        self, word_or_vector: Key, other_words: Iterable[Word] = ()
    ) -> npt.NDArray[np.floating]:
        """Return the cosine distances, 1 less the cosine, of a word or vector from others.

        Parameters
        ----------
        word_or_vector : word, or vector of shape (D,)
        other_words : iterable of words
            From which; if there are none, from all words of the vocabulary.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        """
        query, _ = self._directions([[WeightedKey(word_or_vector, 1.0)]])
        rows = [self.get_index(word) for word in other_words or ()]
        similarities: npt.NDArray[np.floating] = (
            unit_rows(to_numpy(self._take(rows))) @ query[0]
            if rows
            else to_numpy(cosines(self._table, query[0], 0, len(self)))
        )
        return 1 - similarities

    def n_similarity(self, ws1: Iterable[Key], ws2: Iterable[Key]) -> float:
        """Return the cosine between the means of the vectors of two sets of words.

        The vectors are not scaled to unit length before. Unknown words are left out.

        Raises
        ------
        UnknownWordError
            If a set has none but unknown words.
        ConfigError
            If a set is empty.
        """
        first, second = (
            to_numpy(self.get_mean_vector(words, pre_normalize=False, post_normalize=True))
            for words in (ws1, ws2)
        )
        return float(first @ second)

    def closer_than(self, key1: Word, key2: Word) -> list[str]:
        """Return the words that are closer to `key1` than `key2` is, by row; `key1` left out."""
        own, other = self.get_index(key1), self.get_index(key2)
        distances = self.distances(own)
        rows = np.flatnonzero(distances < distances[other]).tolist()
        return [self.index_to_key[row] for row in rows if row != own]

    def rank(self, key1: Word, key2: Word) -> int:
        """Return the place of `key2` among the neighbors of `key1`; the nearest one has 1."""
        return len(self.closer_than(key1, key2)) + 1

    def most_similar_to_given(self, key1: Word, keys_list: Sequence[Word]) -> Word:
        """Return which of `keys_list` is most similar to `key1`.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        ConfigError
            If `keys_list` is empty.
        """
        if not len(keys_list) or isinstance(keys_list, str):
            raise ConfigError("most_similar_to_given needs a list of at least one word")
        return keys_list[int(np.argmin(self.distances(key1, keys_list)))]

    def relative_cosine_similarity(self, wa: Word, wb: Word, topn: int = 10) -> float:
        """Return the `similarity` of two words as a share of that of the neighbors of the first.

        That is of its `topn` nearest ones, taken together. With 10 of them, more than 0.1 hints
        at synonyms (Leeuwenberg, Vela, Dehdari and van Genabith 2016, "A Minimally Supervised
        Approach for Synonym Extraction with Word Embeddings").

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        ConfigError
            If the first word has no neighbors.
        """
        check_count("topn", topn)
        total = sum(score for _, score in self.similar_by_word(wa, topn))
        if not total:
            raise ConfigError(f"{wa!r} has no neighbors to compare with")
        return self.similarity(wa, wb) / total

    def wmdistance(
        self, document1: Iterable[Word], document2: Iterable[Word], norm: bool = True
    ) -> float:
        """Return the Word Mover's Distance of two documents; needs POT: the extra ``xw2v[wmd]``.

        That is how far the words of one must travel, all together, to become those of the other
        (Kusner, Sun, Kolkin and Weinberger 2015, "From Word Embeddings To Document Distances").

        Parameters
        ----------
        document1, document2 : iterable of words
            Words that are not in the vocabulary are left out.
        norm : bool
            Scale the vectors to unit length first.

        Returns
        -------
        float
            Infinite if no word of a document is in the vocabulary.

        Raises
        ------
        ConfigError
            If POT is not installed, or a document is a string.
        """
        documents = []
        for document in (document1, document2):
            if isinstance(document, str):
                raise ConfigError(f"a document is a list of words, not the string {document!r}")
            words = [self.index_to_key[self.get_index(w)] for w in document if w in self]
            if not words:
                return np.inf
            different, share = shares(words)
            vectors = to_numpy(self[different])
            documents.append((unit_rows(vectors) if norm else vectors, share))
        return word_movers_distance(*documents)

    @overload
    def most_similar(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> Neighbors: ...

    @overload
    def most_similar(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        *,
        topn: None,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
    ) -> npt.NDArray[np.floating]: ...

    def most_similar(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Indexer | None = None,
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
            How many neighbors to return; None returns every score. Below 1 the result is empty.
        clip_start, clip_end : int, int or None
            Search the rows from the one to before the other only.
        restrict_vocab : int, optional
            Search the first `restrict_vocab` words only, whatever is clipped.
        indexer : Indexer, optional
            Have the neighbors found by this, for instance an `ApproximateIndex`, or one of
            gensim's. It searches all words.

        Returns
        -------
        list of (str, float), or ndarray of shape (n,)
            Words and scores, best first, the words of the query left out; or, for ``topn=None``,
            the scores of all words searched, those of the query included.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        ConfigError
            If nothing was asked for, or an argument cannot work.
        """
        if _is_below_one(topn):
            return []
        start, end = self._range(clip_start, clip_end, restrict_vocab)
        directions, rows = self._directions([weighted_keys(positive, negative)])
        if indexer is not None and topn is not None:
            if (start, end) != (0, len(self)):
                raise ConfigError("an indexer searches all words: do not restrict or clip them")
            words = {self.index_to_key[row] for row in rows[0]}
            found = indexer.most_similar(directions[0], topn + len(words))
            return [(word, score) for word, score in found if word not in words][:topn]
        scores = to_numpy(cosines(self._table, directions[0], start, end))
        return scores if topn is None else self._neighbors(scores, rows[0], topn, start)

    def most_similar_batch(
        self,
        queries: Iterable[Any],
        topn: int = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> list[Neighbors]:
        """Return the neighbors of each of many queries, many times as fast as one by one.

        Parameters
        ----------
        queries : iterable, or array of shape (Q, D)
            Each a word, a vector, or a list of them: what `most_similar` takes as `positive`.
            Weights below 0 take the place of `negative`:
            ``[["king", ("man", -1), "woman"], "queen"]`` are two queries.
        topn, clip_start, clip_end, restrict_vocab
            As for `most_similar`; but there is no ``topn=None``.

        Returns
        -------
        list of list of (str, float)
            For each query what `most_similar` returns for it, but for rounding.

        Raises
        ------
        UnknownWordError, ConfigError
            As `most_similar`, for any of the queries.
        """
        if isinstance(queries, str):
            raise ConfigError(f"a batch is a list of queries, not {queries!r}")
        if getattr(queries, "ndim", 2) != 2:
            raise ConfigError(f"an array of queries has the shape (Q, D), not {queries.shape}")  # type: ignore[attr-defined]
        asked = [weighted_keys(query, None) for query in as_list(queries)]
        if _is_below_one(topn):
            return [[] for _ in asked]
        check_count("topn", topn)
        start, end = self._range(clip_start, clip_end, restrict_vocab)
        if not asked or start >= end:
            return [[] for _ in asked]
        directions, rows = self._directions(asked)
        count = min(topn + max(map(len, rows)), end - start)
        found, scores = nearest_rows(self._table, directions, start, end, count)
        return [
            [
                (self.index_to_key[row], score)
                for row, score in zip(best, values, strict=True)
                if row not in own
            ][:topn]
            for best, values, own in zip(found.tolist(), scores.tolist(), rows, strict=True)
        ]

    @overload
    def most_similar_cosmul(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbors: ...

    @overload
    def most_similar_cosmul(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        *,
        topn: None,
        restrict_vocab: int | None = None,
    ) -> npt.NDArray[np.floating]: ...

    def most_similar_cosmul(
        self,
        positive: Key | Sequence[Key] | None = None,
        negative: Key | Sequence[Key] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbors | npt.NDArray[np.floating]:
        """Return the words that are close to each of the given ones, and far from the others.

        The score of a word is the product of its similarities to the positive words, divided by
        the product of those to the negative ones, where the similarity is (1 + cosine) / 2
        (3CosMul of Levy and Goldberg 2014, "Linguistic Regularities in Sparse and Explicit Word
        Representations").

        Parameters
        ----------
        positive, negative : word, vector, or sequence of them
            There must be a positive one. A vector is scaled to unit length.
        topn, restrict_vocab
            As for `most_similar`; gensim takes no notice of `restrict_vocab` here.

        Returns
        -------
        list of (str, float), or ndarray of shape (n,)
            As `most_similar`.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary.
        ConfigError
            If there is nothing positive, a key has a weight, or an argument cannot work.
        """
        if _is_below_one(topn):
            return []
        _, end = self._range(0, None, restrict_vocab)
        wanted, unwanted = as_list(positive), as_list(negative)
        if not wanted:
            raise ConfigError("most_similar_cosmul needs at least one positive word or vector")
        if any(isinstance(key, tuple) for key in wanted + unwanted):
            raise ConfigError("most_similar_cosmul takes words and vectors without weights")
        terms, rows = self._directions([[WeightedKey(key, 1.0)] for key in wanted + unwanted])
        table = self._table
        similarities = table.vectors[:end, :] @ like(terms, table.vectors).T
        similarities = similarities * table.scales[:end, None]
        scores = to_numpy(
            multiplied(similarities[:, : len(wanted)], similarities[:, len(wanted) :])
        )
        return scores if topn is None else self._neighbors(scores, set().union(*rows), topn, 0)

    @overload
    def similar_by_word(
        self, word: Word, topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbors: ...

    @overload
    def similar_by_word(
        self, word: Word, topn: None, restrict_vocab: int | None = None
    ) -> npt.NDArray[np.floating]: ...

    def similar_by_word(
        self, word: Word, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Neighbors | npt.NDArray[np.floating]:
        """Return the words most similar to `word`: `most_similar` of that one word."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_key = similar_by_word

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

    def rank_by_centrality(
        self, words: Iterable[Word], use_norm: bool = True
    ) -> list[tuple[float, Word]]:
        """Rank words by their similarity to the mean of all of them.

        Words that are not in the vocabulary are left out, with a warning in the log.

        Parameters
        ----------
        words : iterable of words
        use_norm : bool
            Scale the vectors to unit length first; if false, the scores are no cosines, but
            products of the vectors with the unit vector of their mean.

        Returns
        -------
        list of (float, word)
            The most similar one first.

        Raises
        ------
        UnknownWordError
            If none of the words is in the vocabulary.
        ConfigError
            If no word is given, or a string in place of several.
        """
        if isinstance(words, str):
            raise ConfigError(f"compare several words: pass a list, not {words!r}")
        words = list(words)
        known = [word for word in words if word in self]
        if not words:
            raise ConfigError("comparing words needs at least one word")
        if not known:
            raise self._unknown(words[0])
        if len(known) < len(words):
            left_out = sorted({repr(word) for word in words if word not in self})
            _logger.warning("not in the vocabulary, left out: %s", ", ".join(left_out))
        vectors = to_numpy(self[known])
        if use_norm:
            vectors = unit_rows(vectors)
        scores = vectors @ unit_rows(vectors.mean(axis=0)[None, :])[0]
        return sorted(zip(scores.tolist(), known, strict=True), reverse=True)

    def doesnt_match(self, words: Iterable[Word]) -> Word:
        """Return the word that is furthest from the mean of the unit vectors of `words`.

        Words that are not in the vocabulary are left out, with a warning in the log.

        Raises
        ------
        UnknownWordError
            If none of the words is in the vocabulary.
        ConfigError
            If no word is given, or a string in place of several.
        """
        return self.rank_by_centrality(words)[-1][1]

    def evaluate_word_analogies(
        self,
        analogies: str | PathLike[str],
        restrict_vocab: int | None = 300_000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[dict[str, str | list[Question]]]]:
        """Answer the analogy questions of a file, in gensim's form of the answer.

        `score_analogies` gives the same as named fields, and says which questions count.

        Parameters
        ----------
        analogies : path
            See `parse_analogies`.
        restrict_vocab, case_insensitive, dummy4unknown
            See `score_analogies`.
        similarity_function : {"most_similar", "most_similar_cosmul"}
            Answer by 3CosAdd, or by 3CosMul.

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
        if similarity_function not in _METHODS:
            raise ConfigError(
                f"similarity_function must be one of {', '.join(_METHODS)}, "
                f"not {similarity_function!r}"
            )
        scores = score_analogies(
            self,
            parse_analogies(analogies),
            restrict_vocab,
            case_insensitive,
            dummy4unknown,
            _METHODS[similarity_function],
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

    def _unknown(self, word: Any) -> UnknownWordError:
        if not isinstance(word, str):
            return UnknownWordError(str(word))
        if self._spelling is None:
            self._spelling = SpellingIndex(self.index_to_key)
        return UnknownWordError(word, self._spelling.close_words(word))

    @property
    def _table(self) -> Table:
        if self._search_table is None:
            self._search_table = table_of(self.vectors, self.norms)
        return self._search_table

    @property
    def _host_type(self) -> type[np.floating]:
        is_single = self.vectors.dtype == array_namespace(self.vectors).float32
        return np.float32 if is_single else np.float64

    def _range(
        self, clip_start: int, clip_end: int | None, restrict_vocab: int | None
    ) -> tuple[int, int]:
        """Return the rows to search, from the first to before the second."""
        if restrict_vocab is not None:
            check_count("restrict_vocab", restrict_vocab)
            clip_start, clip_end = 0, restrict_vocab
        if clip_end is not None:
            check_count("clip_end", clip_end)
        if not is_row(clip_start) or clip_start < 0:
            raise ConfigError(f"clip_start must be a whole number of at least 0, not {clip_start}")
        return int(clip_start), len(self) if clip_end is None else min(int(clip_end), len(self))

    def _neighbors(
        self, scores: npt.NDArray[np.floating], own: set[int], topn: int, start: int
    ) -> Neighbors:
        """Return the words with the highest scores, which begin at a row; some rows left out."""
        check_count("topn", topn)
        best = [row for row in top_rows(scores, topn + len(own)) if row + start not in own]
        return [(self.index_to_key[row + start], float(scores[row])) for row in best[:topn]]

    def _directions(
        self, queries: Sequence[Sequence[WeightedKey]]
    ) -> tuple[npt.NDArray[np.floating], list[set[int]]]:
        """Return the unit vectors of queries, shape (Q, D), and the rows of the words in each."""
        # Dividing by the sum of the weights would not change the direction, all that counts.
        sums, rows = self._sums(queries, pre_normalize=True)
        return unit_rows(sums).astype(self._host_type), rows

    def _sums(
        self, queries: Sequence[Sequence[WeightedKey]], pre_normalize: bool
    ) -> tuple[npt.NDArray[np.float64], list[set[int]]]:
        """Return the weighted sums of the vectors of queries, and the rows of their words.

        They are few numbers, which are added up on the host wherever the vectors are.
        """
        sums = np.zeros((len(queries), self.vector_size))
        places: list[int] = []
        rows: list[int] = []
        weights: list[float] = []
        own: list[set[int]] = []
        with np.errstate(invalid="ignore", over="ignore"):
            for place, query in enumerate(queries):
                first = len(rows)
                for key, weight in query:
                    if hasattr(key, "shape") and not is_row(key):
                        sums[place] += weight * self._checked_vector(key)
                    else:
                        rows.append(self._row_of_query(key))
                        places.append(place)
                        weights.append(weight)
                own.append(set(rows[first:]))
            if rows:
                vectors = to_numpy(self._take(rows))
                vectors = unit_rows(vectors) if pre_normalize else vectors
                firsts = np.flatnonzero(np.diff(places, prepend=-1))
                terms = np.asarray(weights)[:, None] * vectors
                sums[np.asarray(places)[firsts]] += np.add.reduceat(terms, firsts, axis=0)
        if not np.isfinite(sums).all():
            raise ConfigError("the query holds NaN or infinity")
        return sums, own

    def _row_of_query(self, key: Any) -> int:
        if not isinstance(key, str) and not is_row(key):
            raise ConfigError(f"{key!r} is neither a word nor a vector, nor one with a weight")
        return self.get_index(key)

    def _checked_vector(self, vector: Any) -> npt.NDArray[np.float64]:
        if tuple(vector.shape) != (self.vector_size,):
            raise ConfigError(
                f"a query vector must have {self.vector_size} entries, "
                f"not the shape {tuple(vector.shape)}"
            )
        return to_numpy(vector).astype(np.float64)

    def _take(self, rows: Sequence[int]) -> Array:
        xp = array_namespace(self.vectors)
        index = xp.asarray(rows, dtype=xp.int64, device=device(self.vectors))
        return xp.take(self.vectors, index, axis=0)


def _is_below_one(topn: object) -> bool:
    """Say whether so many neighbors are none, which gensim returns then."""
    return is_row(topn) and topn < 1  # type: ignore[operator]


def _read_only(array: Array) -> Array:
    if is_numpy_array(array):
        array.flags.writeable = False
    return array

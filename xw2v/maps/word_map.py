"""`WordMap`: what the page shows of the words, and how it is computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError
from xw2v.maps.clusters import Clusters, cluster_words
from xw2v.maps.layout import lay_out
from xw2v.maps.neighbors import Neighborhoods, nearest_neighbors
from xw2v.projection import Method, check_method
from xw2v.vectors import WordVectors
from xw2v.vectors.arrays import to_numpy

__all__ = ["Step", "WordMap", "make_map"]

# What is being done, and how much of it, in percent, is done.
Step: TypeAlias = Callable[[str, float], None]

MAX_CLUSTERS = 100
_NEIGHBORS = 10


@dataclass(frozen=True, slots=True)
class WordMap:
    """The n words of a map.

    Attributes
    ----------
    words : list of str
        The most frequent first.
    counts : list of int, or None
        How often each occurs in the training corpus.
    places : ndarray, shape (n, 2), float64
    neighborhoods : Neighborhoods
        Among these n words, by all D dimensions.
    clusters : Clusters
        Numbered by where they lie on the map, one after the other around its middle.
    vocabulary : int
        V, how many words there were to choose from.
    vector_size : int
        D.
    layout : str
        How the places were found.
    """

    words: list[str]
    counts: list[int] | None
    places: npt.NDArray[np.float64]
    neighborhoods: Neighborhoods
    clusters: Clusters
    vocabulary: int
    vector_size: int
    layout: str


def make_map(
    vectors: WordVectors,
    *,
    words: int = 50_000,
    method: Method = "pca",
    clusters: int = 12,
    on_step: Step | None = None,
) -> WordMap:
    """Lay out words on a plane, group them, and find the ten nearest of each.

    Parameters
    ----------
    vectors : WordVectors
        The most frequent word first.
    words : int
        Show the first `words` words.
    method : {"pca", "umap", "tsne"}
        How to lay them out; the last two need ``xw2v[umap]``.
    clusters : int
        How many groups to color, 1 to 100.
    on_step : callable, optional
        Is told what is being done, and how far it has come in percent.

    Returns
    -------
    WordMap
        The same for the same arguments on the same machine.

    Raises
    ------
    ConfigError
        If an argument cannot work, or the packages of a method are missing.
    """
    if words < 1:
        raise ConfigError(f"words must be at least 1, not {words}")
    if not 1 <= clusters <= MAX_CLUSTERS:
        raise ConfigError(f"clusters must be from 1 to {MAX_CLUSTERS}, not {clusters}")
    if not len(vectors):
        raise ConfigError("there are no words to map")
    check_method(method)
    tell = on_step or (lambda _name, _percent: None)
    shown = vectors.index_to_key[:words]
    unit_vectors = to_numpy(vectors.get_normed_vectors()[: len(shown), :])
    unit_vectors = np.ascontiguousarray(unit_vectors, dtype=np.float32)
    tell("layout", 0)
    layout = lay_out(unit_vectors, method)
    tell("clusters", 0)
    grouped = _around(cluster_words(unit_vectors, clusters), layout.places)
    tell("neighbors", 0)
    neighborhoods = nearest_neighbors(
        unit_vectors, _NEIGHBORS, lambda done: tell("neighbors", 100 * done / len(shown))
    )
    return WordMap(
        words=shown,
        counts=None if vectors.counts is None else vectors.counts[: len(shown)].tolist(),
        places=layout.places,
        neighborhoods=neighborhoods,
        clusters=grouped,
        vocabulary=len(vectors),
        vector_size=vectors.vector_size,
        layout=layout.description,
    )


def _around(clusters: Clusters, places: npt.NDArray[np.float64]) -> Clusters:
    """Renumber clusters by their direction from the middle, so that colors follow the map."""
    middle = places.mean(axis=0)
    count = len(clusters.names)
    means = np.array([places[clusters.labels == i].mean(axis=0) for i in range(count)]) - middle
    order = np.argsort(np.arctan2(means[:, 1], means[:, 0]), kind="stable")
    new = np.empty(count, dtype=np.int64)
    new[order] = np.arange(count)
    return Clusters(new[clusters.labels], [clusters.names[i] for i in order])

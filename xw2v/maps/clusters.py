"""Groups of words that point the same way."""

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2

__all__ = ["Clusters", "cluster_words"]

# k-means sees the first of the words, whose vectors are the best; the others join them.
_LEARNED_FROM = 20_000
_ROUNDS = 20
# A cluster is named by the words nearest to its center, of its most frequent ones.
_NAMES = 3
_KNOWN = 40


class Clusters(NamedTuple):
    """Which cluster each of n words is in.

    Attributes
    ----------
    labels : ndarray, shape (n,), int64
        Clusters are numbered from 0, and none is empty.
    names : list of list of int
        For each cluster the rows of the words that tell best what it is about.
    """

    labels: npt.NDArray[np.int64]
    names: list[list[int]]


def cluster_words(unit_vectors: npt.NDArray[np.float32], clusters: int, seed: int = 1) -> Clusters:
    """Group words by k-means.

    Parameters
    ----------
    unit_vectors : ndarray, shape (n, D), float32
        The most frequent word first.
    clusters : int
        How many, at least one; it may turn out that there are fewer.
    seed : int
        The same words, number and seed give the same clusters.

    Returns
    -------
    Clusters
    """
    sample = unit_vectors[:_LEARNED_FROM].astype(np.float64)
    centers = _first_centers(sample, clusters, np.random.default_rng(seed))
    with warnings.catch_warnings():
        # A cluster that nothing is near to keeps its center; it is dropped below.
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        centers, _ = kmeans2(sample, centers, iter=_ROUNDS, minit="matrix")
    labels = _nearest(unit_vectors, centers.astype(np.float32))
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return Clusters(labels, [_names(unit_vectors, labels == i) for i in range(labels.max() + 1)])


def _first_centers(
    points: npt.NDArray[np.float64], count: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw points far from each other (k-means++), at most `count`, no two of them equal."""
    chosen = [int(generator.integers(points.shape[0]))]
    distances = np.full(points.shape[0], np.inf)
    while len(chosen) < count:
        newest = points[chosen[-1]]
        distances = np.minimum(distances, ((points - newest) ** 2).sum(axis=1))
        if not distances.any():
            break
        chosen.append(int(generator.choice(points.shape[0], p=distances / distances.sum())))
    return points[chosen]


def _nearest(
    points: npt.NDArray[np.float32], centers: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    # |p - c|^2 less |p|^2, which is the same for all centers.
    distances = (centers**2).sum(axis=1) - 2 * (points @ centers.T)
    nearest: npt.NDArray[np.int64] = distances.argmin(axis=1)
    return nearest


def _names(points: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]) -> list[int]:
    members = np.flatnonzero(inside)
    center = points[members].mean(axis=0)
    known = members[:_KNOWN]
    order = np.argsort(-(points[known] @ center), kind="stable")
    return [int(row) for row in known[order[:_NAMES]]]

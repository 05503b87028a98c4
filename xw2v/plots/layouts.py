"""Places in the plane for vectors of many dimensions."""

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError

__all__ = ["Layout", "Method", "project"]

Method = Literal["pca", "umap", "tsne"]
Floats = npt.NDArray[np.floating]

_FEWEST = 3
_NEIGHBORS = 15  # UMAP's and t-SNE's own defaults
_PERPLEXITY = 30.0


@dataclass(frozen=True)
class Layout:
    """Places of points in the plane.

    Parameters
    ----------
    places : ndarray, shape (n, 2), float64
    variance : tuple of float, optional
        The shares of the variance along the two axes, where they are directions.
    """

    places: npt.NDArray[np.float64]
    variance: tuple[float, float] | None = None


def project(vectors: Floats, method: Method = "pca", seed: int = 1) -> Layout:
    """Lay vectors out in the plane, by their directions.

    The vectors are scaled to unit length first, so that words that are similar by the cosine are
    near each other, frequent or rare.

    Parameters
    ----------
    vectors : ndarray, shape (n, D)
    method : {"pca", "umap", "tsne"}
        The two directions of the greatest variance; UMAP (umap-learn) or t-SNE (scikit-learn),
        which keep neighbors together and say nothing about distances.
    seed : int
        For UMAP and t-SNE: the same seed gives the same places on the same machine.

    Returns
    -------
    Layout

    Raises
    ------
    ConfigError
        If there are fewer than three vectors or all are one, the method is none of these, or its
        package is not installed.
    """
    if method not in get_args(Method):
        raise ConfigError(f"method must be one of {', '.join(get_args(Method))}, not {method!r}")
    if len(vectors) < _FEWEST:
        raise ConfigError(f"a map needs at least {_FEWEST} words, not {len(vectors)}")
    unit = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(unit, axis=1, keepdims=True)
    unit = unit / np.where(lengths > 0, lengths, 1.0)
    if not np.ptp(unit, axis=0).any():
        raise ConfigError("all words have the same vector: there is nothing to be seen on a map")
    if method == "pca":
        return _pca(unit)
    places = (_umap if method == "umap" else _tsne)(unit, seed)
    return Layout(np.asarray(places, dtype=np.float64))


def _pca(unit: npt.NDArray[np.float64]) -> Layout:
    centered = unit - unit.mean(axis=0)
    # Of the D by D products, since there may be many more vectors than dimensions.
    variances, directions = np.linalg.eigh(centered.T @ centered)
    directions = directions[:, ::-1][:, :2]
    # Which way a direction points is arbitrary, and differs between machines.
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    places = np.zeros((len(unit), 2))
    places[:, : directions.shape[1]] = centered @ directions
    shares = [*np.maximum(variances[::-1], 0) / variances.sum(), 0.0]
    return Layout(places, (float(shares[0]), float(shares[1])))


def _umap(unit: npt.NDArray[np.float64], seed: int) -> Any:
    with _needing("UMAP"):
        umap = importlib.import_module("umap")
    return umap.UMAP(
        n_neighbors=min(_NEIGHBORS, len(unit) - 1),
        metric="cosine",
        init="pca" if unit.shape[1] > 1 else "random",
        random_state=seed,
        n_jobs=1,  # with more the seed would not hold
    ).fit_transform(unit)


def _tsne(unit: npt.NDArray[np.float64], seed: int) -> Any:
    with _needing("t-SNE"):
        manifold = importlib.import_module("sklearn.manifold")
    return manifold.TSNE(
        perplexity=min(_PERPLEXITY, (len(unit) - 1) / 3),
        init="pca" if unit.shape[1] > 1 else "random",
        random_state=seed,
    ).fit_transform(unit)


@contextmanager
def _needing(method: str) -> Iterator[None]:
    """Say what to install if an import fails; be quiet about what else it could use."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # umap has one about Tensorflow, which is not needed
            yield
    except ImportError as error:
        raise ConfigError(
            f'{method} needs a package that is not installed: pip install "xw2v[umap]"'
        ) from error

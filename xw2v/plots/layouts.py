"""Places in the plane for vectors of many dimensions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError
from xw2v.projection import (
    FEWEST_NEIGHBORS,
    Method,
    check_method,
    principal_components,
    project_neighbors,
)

__all__ = ["Layout", "project"]

Floats = npt.NDArray[np.floating]

_FEWEST = 3


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
        The two directions of the greatest variance; or UMAP or t-SNE, which keep neighbors
        together and say nothing about distances. Of fewer than five vectors it is the first.
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
    check_method(method)
    if len(vectors) < _FEWEST:
        raise ConfigError(f"a map needs at least {_FEWEST} words, not {len(vectors)}")
    unit = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(unit, axis=1, keepdims=True)
    unit = unit / np.where(lengths > 0, lengths, 1.0)
    if not np.ptp(unit, axis=0).any():
        raise ConfigError("all words have the same vector: there is nothing to be seen on a map")
    components = _first_components(unit)
    if method == "pca" or len(unit) < FEWEST_NEIGHBORS:
        return components
    return Layout(project_neighbors(unit, method, components.places, seed).places)


def _first_components(unit: npt.NDArray[np.float64]) -> Layout:
    scores, shares = principal_components(unit, 2)
    missing = 2 - len(shares)  # of vectors of one dimension
    first, second = np.pad(shares, (0, missing)).tolist()
    return Layout(np.pad(scores, ((0, 0), (0, missing))), (first, second))

"""Where the words lie on the map: places that tell of meaning, not of frequency."""

import numpy as np
import numpy.typing as npt

from xw2v.projection import (
    FEWEST_NEIGHBORS,
    Method,
    Projection,
    check_method,
    principal_components,
    project_neighbors,
)

__all__ = ["lay_out"]

# A component that goes along with frequency more than this says little about meaning.
_ABOUT_FREQUENCY = 0.5
_LOOKED_AT = 10


def lay_out(
    unit_vectors: npt.NDArray[np.float32], method: Method = "pca", seed: int = 1
) -> Projection:
    """Give every word a place such that similar words are near each other, as far as possible.

    Parameters
    ----------
    unit_vectors : ndarray, shape (n, D), float32
        The most frequent word first.
    method : {"pca", "umap", "tsne"}
        PCA is quick and shows what sets the words apart most, in a cloud; UMAP and t-SNE take
        minutes and show small groups of words that are near each other.
    seed : int
        For the methods that draw random numbers.

    Returns
    -------
    Projection

    Raises
    ------
    ConfigError
        If the method is unknown or its package is missing.
    """
    check_method(method)
    components = _telling_components(unit_vectors)
    if method == "pca" or len(unit_vectors) < FEWEST_NEIGHBORS:
        return components
    return project_neighbors(unit_vectors, method, components.places, seed)


def _telling_components(vectors: npt.NDArray[np.float32]) -> Projection:
    """Lay words out by the first two principal components that are not about frequency."""
    scores, shares = principal_components(vectors, _LOOKED_AT)
    rank = np.log1p(np.arange(len(scores)))
    about_frequency = [abs(_correlation(score, rank)) >= _ABOUT_FREQUENCY for score in scores.T]
    # Stable: those about frequency come last, each kind in its order.
    kept = sorted(np.argsort(about_frequency, kind="stable")[:2].tolist())
    places = np.zeros((len(scores), 2))
    places[:, : len(kept)] = scores[:, kept]
    names = " and ".join(str(i + 1) for i in kept)
    return Projection(
        places,
        f"principal components {names} of the unit vectors, {shares[kept].sum():.0%} of the "
        "variance",
    )


def _correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0

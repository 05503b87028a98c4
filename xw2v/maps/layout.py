"""Where the words lie on the map: many dimensions brought down to two."""

import warnings
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError

__all__ = ["METHODS", "Layout", "Method", "lay_out", "require_packages"]

Method: TypeAlias = Literal["pca", "umap", "tsne"]
METHODS: tuple[Method, ...] = ("pca", "umap", "tsne")

# A component that goes along with frequency more than this says little about meaning.
_ABOUT_FREQUENCY = 0.5
# t-SNE begins with the distances of so many principal components, as is usual.
_TSNE_DIMENSIONS = 50


class Layout(NamedTuple):
    """Places of n words.

    Attributes
    ----------
    places : ndarray, shape (n, 2), float64
        To the right, and upward.
    description : str
        How they were found.
    """

    places: npt.NDArray[np.float64]
    description: str


def require_packages(method: Method) -> None:
    """Raise unless the method's packages are there; to be called before the work is done.

    Raises
    ------
    ConfigError
        If they are not, saying what to install.
    """
    try:
        if method == "umap":
            import umap  # noqa: F401, PLC0415
        elif method == "tsne":
            import sklearn.manifold  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            f"the method {method!r} needs a package that is not installed ({error}); "
            'pip install "xw2v[umap]", or take pca'
        ) from error


def lay_out(unit_vectors: npt.NDArray[np.float32], method: Method = "pca", seed: int = 1) -> Layout:
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
    Layout

    Raises
    ------
    ConfigError
        If the method is unknown or its packages are missing.
    """
    if method not in METHODS:
        raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    require_packages(method)
    # UMAP and t-SNE compare words with dozens of others: a handful of words get PCA.
    if method == "pca" or unit_vectors.shape[0] < 5:
        return _pca(unit_vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these packages warn of what is meant
        return (_umap if method == "umap" else _tsne)(unit_vectors, seed)


def _pca(vectors: npt.NDArray[np.float32]) -> Layout:
    scores, shares = _principal_components(vectors, 10)
    rank = np.log1p(np.arange(len(scores)))
    kept = [
        i
        for i in range(scores.shape[1])
        if abs(_correlation(scores[:, i], rank)) < _ABOUT_FREQUENCY
    ]
    kept = (kept + [i for i in range(scores.shape[1]) if i not in kept])[:2]
    places = np.zeros((len(scores), 2))
    places[:, : len(kept)] = scores[:, sorted(kept)]
    names = " and ".join(str(i + 1) for i in sorted(kept))
    explained = sum(float(shares[i]) for i in kept)
    return Layout(
        places,
        f"principal components {names} of the unit vectors, {explained:.0%} of the variance",
    )


def _umap(vectors: npt.NDArray[np.float32], seed: int) -> Layout:
    import umap  # noqa: PLC0415

    neighbors = min(15, len(vectors) - 1)
    reducer: Any = umap.UMAP(
        n_neighbors=neighbors, metric="cosine", random_state=seed, n_jobs=1, init=_start(vectors)
    )
    places = np.asarray(reducer.fit_transform(vectors), dtype=np.float64)
    return Layout(places, f"UMAP, cosine, {neighbors} neighbors")


def _tsne(vectors: npt.NDArray[np.float32], seed: int) -> Layout:
    from sklearn.manifold import TSNE  # noqa: PLC0415

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    scores, _ = _principal_components(vectors, _TSNE_DIMENSIONS)
    reducer: Any = TSNE(perplexity=perplexity, init=_start(vectors) * 1e-5, random_state=seed)
    places = np.asarray(reducer.fit_transform(scores.astype(np.float32)), dtype=np.float64)
    return Layout(places, f"t-SNE, perplexity {perplexity:g}")


def _start(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the places of PCA, up to 10 from the middle: the same large shape every time."""
    places = _pca(vectors).places
    return (places * (10 / max(1e-12, float(np.abs(places).max())))).astype(np.float32)


def _principal_components(
    vectors: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the scores, shape (n, at most count), and the shares of the variance."""
    centered = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = (centered.T @ centered).astype(np.float64)
    values, axes = np.linalg.eigh(covariance)
    values, axes = values[::-1], axes[:, ::-1][:, :count]
    # An axis has no direction of its own: let its largest entry be positive.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    scores = (centered @ (axes * signs).astype(np.float32)).astype(np.float64)
    return scores, np.maximum(values, 0) / max(float(values.sum()), 1e-300)


def _correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0

"""Many dimensions brought down to two: principal components, UMAP and t-SNE."""

import warnings
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError

__all__ = [
    "FEWEST_NEIGHBORS",
    "Components",
    "Method",
    "Projection",
    "check_method",
    "principal_components",
    "project_neighbors",
]

Method: TypeAlias = Literal["pca", "umap", "tsne"]
Floats: TypeAlias = npt.NDArray[np.floating]

# UMAP and t-SNE compare a vector with dozens of others: of fewer than these, PCA shows all.
FEWEST_NEIGHBORS = 5

_PACKAGES = {"umap": "umap-learn", "tsne": "scikit-learn"}
_NEIGHBORS = 15
_PERPLEXITY = 30.0
# t-SNE takes its distances from so many principal components, as is usual.
_TSNE_DIMENSIONS = 50
# How wide the places are that they begin with, as is usual.
_UMAP_START = 10.0  # from the middle to the farthest
_TSNE_START = 1e-4  # the standard deviation


class Components(NamedTuple):
    """The principal components of n vectors, the one of the greatest variance first.

    Attributes
    ----------
    scores : ndarray, shape (n, C), float64
    shares : ndarray, shape (C,), float64
        Of the variance of all D dimensions.
    """

    scores: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]


class Projection(NamedTuple):
    """Places of n vectors in the plane.

    Attributes
    ----------
    places : ndarray, shape (n, 2), float64
        To the right, and upward.
    description : str
        How they were found.
    """

    places: npt.NDArray[np.float64]
    description: str


def check_method(method: Method) -> None:
    """Raise unless there is such a method and its package; to be called before other work.

    Raises
    ------
    ConfigError
        If there is none of that name, or its package cannot be imported: it says what to install.
    """
    if method not in get_args(Method):
        raise ConfigError(f"method must be one of {', '.join(get_args(Method))}, not {method!r}")
    if method != "pca":
        _imported(method)


def principal_components(vectors: Floats, count: int) -> Components:
    """Turn vectors so that the first numbers of each tell as much of it as possible.

    Parameters
    ----------
    vectors : ndarray, shape (n, D)
    count : int
        How many to return: C is that, or D if there are no more dimensions.

    Returns
    -------
    Components
        The same on all machines, but for rounding.
    """
    centered = vectors.astype(np.float64)
    centered -= centered.mean(axis=0)
    # Of the D by D products, since there may be many more vectors than dimensions.
    variances, axes = np.linalg.eigh(centered.T @ centered)
    variances = np.maximum(variances[::-1], 0)
    axes = axes[:, ::-1][:, :count]
    # An axis has no direction of its own: let its largest entry be positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return Components(centered @ axes, variances[:count] / max(float(variances.sum()), 1e-300))


def project_neighbors(
    unit_vectors: Floats, method: Method, start: npt.NDArray[np.float64], seed: int = 1
) -> Projection:
    """Give vectors places so that those near each other stay so: other distances say little.

    Parameters
    ----------
    unit_vectors : ndarray, shape (n, D)
        At least `FEWEST_NEIGHBORS`.
    method : {"umap", "tsne"}
    start : ndarray, shape (n, 2), float64
        Where they are at first; on the whole, parts of the picture stay where they are.
    seed : int
        The same seed gives the same places on the same machine.

    Returns
    -------
    Projection

    Raises
    ------
    ConfigError
        If the method's package cannot be imported.
    """
    package = _imported(method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these packages warn of what is meant
        return (_umap if method == "umap" else _tsne)(package, unit_vectors, start, seed)


def _imported(method: Method) -> Any:
    """Import the module of a method, which takes seconds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # umap has one about TensorFlow, which is not needed
            if method == "umap":
                import umap  # noqa: PLC0415

                return umap
            import sklearn.manifold  # noqa: PLC0415

            return sklearn.manifold
    except ImportError as error:
        raise ConfigError(
            f"the method {method!r} needs {_PACKAGES[method]}, which cannot be imported ({error}): "
            'pip install "xw2v[umap]", or take pca'
        ) from error


def _umap(umap: Any, unit_vectors: Floats, start: npt.NDArray[np.float64], seed: int) -> Projection:
    neighbors = min(_NEIGHBORS, len(unit_vectors) - 1)
    farthest = float(np.abs(start).max())
    reducer = umap.UMAP(
        n_neighbors=neighbors,
        metric="cosine",
        # It cannot begin with a single place.
        init=(start * (_UMAP_START / farthest)).astype(np.float32) if farthest else "random",
        random_state=seed,
        n_jobs=1,  # with more the seed would not hold
    )
    places = reducer.fit_transform(unit_vectors.astype(np.float32))
    return Projection(np.asarray(places, np.float64), f"UMAP, cosine, {neighbors} neighbors")


def _tsne(
    manifold: Any, unit_vectors: Floats, start: npt.NDArray[np.float64], seed: int
) -> Projection:
    perplexity = min(_PERPLEXITY, (len(unit_vectors) - 1) / 3)
    width = max(float(start[:, 0].std()), 1e-300)
    reducer = manifold.TSNE(
        perplexity=perplexity,
        init=(start * (_TSNE_START / width)).astype(np.float32),
        random_state=seed,
    )
    scores = principal_components(unit_vectors, _TSNE_DIMENSIONS).scores
    places = reducer.fit_transform(scores.astype(np.float32))
    return Projection(np.asarray(places, np.float64), f"t-SNE, perplexity {perplexity:g}")

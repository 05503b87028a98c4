"""Similarities and distances of vectors that are at hand."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from xw2v.errors import ConfigError
from xw2v.vectors.arrays import Array, like, to_numpy, unit_rows

__all__ = ["cosine_similarities", "multiplied", "shares", "word_movers_distance"]

# Of Levy and Goldberg (2014): keeps the divisor from being 0.
_EPSILON = 1e-6

_Floats = npt.NDArray[np.floating]


def cosine_similarities(vector: Array, vectors: Array) -> _Floats:
    """Return the cosines of `vector`, shape (D,), with the rows of `vectors`, shape (n, D).

    Those with a zero vector are 0.

    Raises
    ------
    ConfigError
        If the shapes are others.
    """
    if not hasattr(vectors, "ndim") or vectors.ndim != 2 or vector.shape != vectors.shape[1:]:
        raise ConfigError(
            "cosine_similarities needs arrays of the shapes (D,) and (n, D), "
            f"not {np.shape(vector)} and {np.shape(vectors)}"
        )
    xp = array_namespace(vectors)
    unit = unit_rows(like(to_numpy(vector), vectors)[None, :])[0, :]
    return to_numpy(unit_rows(xp.asarray(vectors)) @ unit)


def multiplied(positive: Array, negative: Array) -> Array:
    """Return the scores of 3CosMul from the cosines of V words with each term of a query.

    Parameters
    ----------
    positive : array, shape (V, P)
    negative : array, shape (V, N)

    Returns
    -------
    array, shape (V,)
    """
    xp = array_namespace(positive)
    return xp.prod((1 + positive) / 2, axis=1) / (xp.prod((1 + negative) / 2, axis=1) + _EPSILON)


def shares(words: Sequence[str]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the words of a document, each once, and which share of it each is."""
    counts = Counter(words)
    return list(counts), np.array(list(counts.values()), np.float64) / len(words)


def word_movers_distance(
    first: tuple[_Floats, npt.NDArray[np.float64]], second: tuple[_Floats, npt.NDArray[np.float64]]
) -> float:
    """Return the least effort of making one document out of another.

    Parameters
    ----------
    first, second : (array of shape (n, D), array of shape (n,))
        The vectors of the words of a document, and the share of each; the shares add up to 1.

    Raises
    ------
    ConfigError
        If POT is not installed.
    """
    try:
        from ot import emd2  # noqa: PLC0415  (optional, slow to import)
    except ImportError as error:
        raise ConfigError(
            'wmdistance needs POT, which is not installed: pip install "xw2v[wmd]"'
        ) from error
    from scipy.spatial.distance import cdist  # noqa: PLC0415  (slow to import)

    costs = cdist(first[0], second[0])
    if not costs.any():  # which the solver does not take
        return 0.0
    return float(emd2(first[1], second[1], costs))

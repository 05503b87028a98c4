"""Which vectors of a trained model are the word vectors."""

from array_api_compat import array_namespace

from xw2v.errors import ConfigError
from xw2v.vectors.arrays import Array

__all__ = ["matrices_needed", "word_vector_rows"]

_NEEDED = {
    "input": ("input",),
    "output": ("output",),
    "mean": ("input", "output"),
    "concat": ("input", "output"),
}


def matrices_needed(vectors: str) -> tuple[str, ...]:
    """Return which matrices the word vectors of a kind are made of.

    Parameters
    ----------
    vectors : {"input", "output", "mean", "concat"}

    Returns
    -------
    tuple of str
        ``"input"``, ``"output"`` or both.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    if vectors not in _NEEDED:
        raise ConfigError(f"vectors must be one of {', '.join(_NEEDED)}, not {vectors!r}")
    return _NEEDED[vectors]


def word_vector_rows(input_vectors: Array, output_vectors: Array, vectors: str) -> Array:
    """Return the word vectors that the two matrices of a model give.

    Parameters
    ----------
    input_vectors, output_vectors : array, shape (V, D)
        The one that `matrices_needed` does not name is not looked at, and may be None.
    vectors : {"input", "output", "mean", "concat"}
        A matrix as it is, not copied; the mean of both; or the row of the first and that of the
        second, one after the other.

    Returns
    -------
    array, shape (V, D), or (V, 2 D) for ``"concat"``
        Of the type of the matrices; no other array of that size is made on the way.

    Raises
    ------
    ConfigError
        If there is no such kind, or the matrices needed differ in shape.
    """
    matrices = {"input": input_vectors, "output": output_vectors}
    used = [matrices[name] for name in matrices_needed(vectors)]
    if len(used) == 1:
        return used[0]
    first, second = used
    if first.shape != second.shape:
        raise ConfigError(
            f"vectors {vectors!r} needs matrices of one shape, "
            f"not {tuple(first.shape)} and {tuple(second.shape)}"
        )
    if vectors == "concat":
        return array_namespace(first, second).concat((first, second), axis=1)
    rows = first + second
    rows /= 2
    return rows

"""gensim's KeyedVectors, the reference for ours."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
import pytest


@pytest.fixture
def keyed_vectors() -> Callable[[Sequence[str], npt.NDArray[Any]], Any]:
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim, the reference, is not installed"
    )

    def build(words: Sequence[str], vectors: npt.NDArray[Any]) -> Any:
        keyed = keyedvectors.KeyedVectors(vectors.shape[1], dtype=vectors.dtype)
        keyed.add_vectors(list(words), vectors)
        return keyed

    return build

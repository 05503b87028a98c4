from typing import Any

import numpy as np
import pytest

from tests.maps.conftest import topic_vectors
from xw2v.errors import ConfigError
from xw2v.maps.layout import lay_out
from xw2v.projection import Method, Projection


def spread(places: Any, topics: list[str]) -> float:
    """Return how far words of a topic are from each other, of how far all words are."""
    inner = [places[[t == topic for t in topics]].std(axis=0) for topic in set(topics)]
    return float(np.mean(inner) / places.std(axis=0).mean())


def test_principal_components() -> None:
    wv = topic_vectors(500)
    unit = wv.get_normed_vectors()
    places, description = lay_out(unit)
    centered = unit - unit.mean(axis=0)
    _, values, axes = np.linalg.svd(centered.astype(np.float64), full_matrices=False)
    expected = centered @ axes[:2].T
    np.testing.assert_allclose(np.abs(places), np.abs(expected), atol=1e-5)
    share = (values[:2] ** 2).sum() / (values**2).sum()
    assert description == (
        f"principal components 1 and 2 of the unit vectors, {share:.0%} of the variance"
    )
    assert spread(places, [word[:2] for word in wv.index_to_key]) < 0.6


def test_a_component_of_frequency_is_left_out() -> None:
    wv = topic_vectors(500)
    unit = np.concatenate(
        [wv.get_normed_vectors(), 3 * np.log1p(np.arange(500, dtype=np.float32))[:, None]], axis=1
    )
    assert lay_out(unit).description.startswith("principal components 2 and 3 of")


@pytest.mark.parametrize(("words", "size"), [(1, 4), (2, 4), (3, 1), (50, 1), (4, 2)])
def test_few_words_or_dimensions(words: int, size: int) -> None:
    places, _ = lay_out(topic_vectors(words, size=size).get_normed_vectors())
    assert places.shape == (words, 2)
    assert np.isfinite(places).all()


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_methods_of_neighbors(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with the components that the map shows; a handful of words stays at these."""

    def shifted(vectors: Any, method: str, start: Any, seed: int) -> Projection:
        return Projection(start + len(vectors), f"{method} {seed}")

    monkeypatch.setattr("xw2v.maps.layout.check_method", lambda method: None)
    monkeypatch.setattr("xw2v.maps.layout.project_neighbors", shifted)
    unit = topic_vectors(20).get_normed_vectors()
    places, description = lay_out(unit, method, seed=5)
    assert description == f"{method} 5"
    np.testing.assert_array_equal(places, lay_out(unit).places + 20)
    assert lay_out(unit[:4], method).description.startswith("principal components")


@pytest.mark.slow  # and repeats tests of projections
def test_tsne() -> None:
    pytest.importorskip("sklearn")
    wv = topic_vectors(150)
    places, description = lay_out(wv.get_normed_vectors(), "tsne")
    assert description == "t-SNE, perplexity 30"
    assert spread(places, [word[:2] for word in wv.index_to_key]) < 0.6


def test_an_unknown_method() -> None:
    with pytest.raises(ConfigError, match=r"^method must be one of pca, umap, tsne, not"):
        lay_out(topic_vectors(20).get_normed_vectors(), "lda")  # type: ignore[arg-type]

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.maps.conftest import topic_vectors
from xw2v.errors import ConfigError
from xw2v.maps.layout import Method, lay_out, require_packages


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


def test_the_sign_of_a_component_is_fixed() -> None:
    unit = topic_vectors(100).get_normed_vectors()
    places = lay_out(unit).places
    axes = np.linalg.lstsq(unit - unit.mean(axis=0), places, rcond=None)[0]
    assert (axes[np.abs(axes).argmax(axis=0), [0, 1]] > 0).all()


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


def test_few_words_are_laid_out_by_pca() -> None:
    pytest.importorskip("sklearn")
    unit = topic_vectors(4).get_normed_vectors()
    np.testing.assert_array_equal(lay_out(unit, "tsne").places, lay_out(unit).places)


@pytest.mark.slow  # umap compiles for a minute
@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_methods_of_neighbors(method: Method) -> None:
    pytest.importorskip("umap" if method == "umap" else "sklearn")
    wv = topic_vectors(300)
    places, description = lay_out(wv.get_normed_vectors(), method)
    assert description.startswith({"umap": "UMAP, cosine", "tsne": "t-SNE, perplexity"}[method])
    assert spread(places, [word[:2] for word in wv.index_to_key]) < 0.6
    np.testing.assert_array_equal(places, lay_out(wv.get_normed_vectors(), method).places)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a package be one that is not installed."""
    original = builtins.__import__

    def without(package: str) -> None:
        def find(name: str, *arguments: Any, **options: Any) -> Any:
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
            return original(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", find)

    return without


@pytest.mark.parametrize(("method", "package"), [("umap", "umap"), ("tsne", "sklearn")])
def test_a_missing_package(method: Method, package: str, without: Callable[[str], None]) -> None:
    without(package)
    with pytest.raises(ConfigError, match=r'pip install "xw2v\[umap\]", or take pca$') as error:
        lay_out(topic_vectors(20).get_normed_vectors(), method)
    assert f"{method!r} needs a package that is not installed" in str(error.value)
    require_packages("pca")


def test_an_unknown_method() -> None:
    with pytest.raises(ConfigError, match=r"^method must be one of pca, umap, tsne, not"):
        lay_out(topic_vectors(20).get_normed_vectors(), "lda")  # type: ignore[arg-type]

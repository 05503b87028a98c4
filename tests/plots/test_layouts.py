import sys
from typing import Any

import numpy as np
import pytest

from xw2v.errors import ConfigError
from xw2v.plots import project
from xw2v.plots.layouts import Floats
from xw2v.projection import Method, Projection


def clusters(points: int = 20) -> Floats:
    """Vectors around two directions: the first half, and the second."""
    rng = np.random.default_rng(5)
    rows = 0.1 * rng.standard_normal((points, 6))
    rows[: points // 2, 0] += 1
    rows[points // 2 :, 1] += 1
    return rows


def test_pca_is_what_the_singular_values_say() -> None:
    rows = clusters()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centered = unit - unit.mean(axis=0)
    left, values, _ = np.linalg.svd(centered, full_matrices=False)
    layout = project(rows)
    np.testing.assert_allclose(np.abs(layout.places), np.abs(left[:, :2] * values[:2]), atol=1e-9)
    shares = values**2 / (values**2).sum()
    assert layout.variance == pytest.approx(tuple(shares[:2]))


def test_pca_does_not_depend_on_lengths_or_signs() -> None:
    rows = clusters()
    lengths = np.linspace(0.1, 9, len(rows))[:, None]
    np.testing.assert_allclose(project(rows * lengths).places, project(rows).places, atol=1e-9)
    directions = np.linalg.lstsq(
        rows / np.linalg.norm(rows, axis=1, keepdims=True), project(rows).places, rcond=None
    )[0]
    assert (directions[np.abs(directions).argmax(axis=0), [0, 1]] > 0).all()


def test_pca_of_few_dimensions_and_zero_vectors() -> None:
    layout = project(np.array([[1.0], [-2.0], [0.0]], dtype=np.float32))
    assert layout.places.tolist() == [[1, 0], [-1, 0], [0, 0]]
    assert layout.variance == (1, 0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_words(count: int) -> None:
    with pytest.raises(ConfigError, match=f"a map needs at least 3 words, not {count}"):
        project(clusters()[:count])


def test_all_the_same() -> None:
    with pytest.raises(ConfigError, match="all words have the same vector"):
        project(np.ones((5, 3)))


def test_unknown_method() -> None:
    method: Any = "mds"
    with pytest.raises(ConfigError, match="method must be one of pca, umap, tsne, not 'mds'"):
        project(clusters(), method)


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError, match=r'pip install "xw2v\[umap\]"'):
        project(clusters(), "umap")


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_neighbors_are_those_of_unit_vectors(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(vectors: Floats, method: str, start: Floats, seed: int) -> Projection:
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
        return Projection(start.astype(np.float64) + seed, method)

    monkeypatch.setattr("xw2v.plots.layouts.check_method", lambda method: None)
    monkeypatch.setattr("xw2v.plots.layouts.project_neighbors", shifted)
    layout = project(clusters(), method, seed=3)
    assert layout.variance is None
    np.testing.assert_array_equal(layout.places, project(clusters()).places + 3)


@pytest.mark.slow  # and repeats tests of projections
def test_tsne() -> None:
    pytest.importorskip("sklearn")
    layout = project(clusters(), "tsne", seed=3)
    first, second = layout.places[:10], layout.places[10:]
    within = max(np.ptp(first, axis=0).max(), np.ptp(second, axis=0).max())
    assert np.abs(first.mean(axis=0) - second.mean(axis=0)).max() > within / 2
    few = project(clusters()[:4], "tsne")  # which have no neighborhoods
    np.testing.assert_array_equal(few.places, project(clusters()[:4]).places)
    assert few.variance is not None

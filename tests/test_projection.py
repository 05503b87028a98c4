import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from xw2v.errors import ConfigError
from xw2v.projection import (
    FEWEST_NEIGHBORS,
    Floats,
    Method,
    Projection,
    check_method,
    principal_components,
    project_neighbors,
)

NEIGHBORS = [
    pytest.param("umap", "umap", marks=pytest.mark.slow),  # it compiles for a minute
    pytest.param("tsne", "sklearn.manifold"),
]
each_method = pytest.mark.parametrize(("method", "package"), NEIGHBORS, ids=["umap", "tsne"])


def topics(count: int, size: int = 16) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Make unit vectors around three directions, and tell which is around which."""
    rng = np.random.default_rng(7)
    labels = rng.integers(3, size=count)
    rows = rng.standard_normal((3, size))[labels] + 0.3 * rng.standard_normal((count, size))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), labels


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_components_are_what_the_singular_values_say(dtype: Any) -> None:
    rows = topics(60)[0].astype(dtype)
    before = rows.copy()
    scores, shares = principal_components(rows, 4)
    left, values, axes = np.linalg.svd(rows - rows.mean(axis=0, dtype=np.float64))
    assert scores.dtype == shares.dtype == np.float64
    np.testing.assert_allclose(np.abs(scores), np.abs(left[:, :4] * values[:4]), atol=1e-9)
    np.testing.assert_allclose(shares, values[:4] ** 2 / (values**2).sum(), atol=1e-12)
    # The largest entry of each axis is positive.
    found = np.linalg.lstsq(scores, left[:, :16] * values @ axes, rcond=None)[0]
    assert (found[range(4), np.abs(found).argmax(axis=1)] > 0).all()
    np.testing.assert_array_equal(rows, before)


def test_components_do_not_lose_what_float32_would() -> None:
    rows = np.zeros((4, 2), dtype=np.float32)
    rows[:, 0] = 1000
    rows[:, 1] = [1e-3, -1e-3, 1e-3, -1e-3]
    scores, shares = principal_components(rows, 2)
    np.testing.assert_allclose(scores[:, 0], [1e-3, -1e-3, 1e-3, -1e-3], rtol=1e-6)
    np.testing.assert_allclose(shares, [1, 0], atol=1e-12)


@pytest.mark.parametrize(("rows", "count"), [([[1, 2, 3]], 3), ([[1], [3]], 1), ([[2, 1]] * 5, 2)])
def test_few_dimensions_vectors_or_differences(rows: list[list[float]], count: int) -> None:
    scores, shares = principal_components(np.array(rows, dtype=np.float32), 10)
    assert scores.shape == (len(rows), count)
    assert shares.shape == (count,)
    assert np.isfinite(scores).all()
    assert shares.sum() == pytest.approx(1 if len(rows) == 2 else 0)


def test_an_unknown_method() -> None:
    method: Any = "mds"
    with pytest.raises(ConfigError, match=r"^method must be one of pca, umap, tsne, not 'mds'$"):
        check_method(method)


@pytest.mark.parametrize(
    ("method", "module", "package"),
    [("umap", "umap", "umap-learn"), ("tsne", "sklearn.manifold", "scikit-learn")],
)
def test_a_package_that_is_not_there(
    method: Method, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    expected = rf"'{method}' needs {package}, which .*: pip install \"xw2v\[umap\]\", or take pca$"
    with pytest.raises(ConfigError, match=expected):
        check_method(method)
    with pytest.raises(ConfigError, match=expected):
        project_neighbors(topics(9)[0], method, np.zeros((9, 2)))


def test_principal_components_need_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("umap", "sklearn", "sklearn.manifold"):
        monkeypatch.setitem(sys.modules, module, None)
    check_method("pca")


def placed(method: Method, count: int, seed: int = 3) -> Projection:
    rows = topics(count)[0]
    return project_neighbors(rows, method, principal_components(rows, 2).scores, seed)


@each_method
def test_neighbors_stay_together(method: Method, package: str) -> None:
    pytest.importorskip(package, exc_type=ImportError)
    places, description = placed(method, 90)
    assert description.startswith("UMAP, cosine, 15" if method == "umap" else "t-SNE, perplexity ")
    assert places.shape == (90, 2)
    assert places.dtype == np.float64
    labels = topics(90)[1]
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95
    np.testing.assert_array_equal(places, placed(method, 90).places)


@each_method
def test_the_start_is_kept_on_the_whole(method: Method, package: str) -> None:
    pytest.importorskip(package, exc_type=ImportError)
    rows = topics(90)[0]
    start = principal_components(rows, 2).scores
    places = project_neighbors(rows, method, start).places
    turned = project_neighbors(rows, method, -start).places
    assert np.corrcoef(places.ravel(), turned.ravel())[0, 1] < -0.8


@each_method
def test_as_few_as_there_may_be(method: Method, package: str) -> None:
    pytest.importorskip(package, exc_type=ImportError)
    places = placed(method, FEWEST_NEIGHBORS).places
    assert places.shape == (FEWEST_NEIGHBORS, 2)
    assert np.isfinite(places).all()


@each_method
def test_vectors_that_are_all_the_same(method: Method, package: str) -> None:
    pytest.importorskip(package, exc_type=ImportError)
    places = project_neighbors(np.ones((30, 4)) / 2, method, np.zeros((30, 2))).places
    assert np.isfinite(places).all()

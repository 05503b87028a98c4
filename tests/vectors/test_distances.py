import sys

import array_api_strict
import numpy as np
import pytest

from xw2v.errors import ConfigError
from xw2v.vectors.distances import (
    cosine_similarities,
    multiplied,
    shares,
    word_movers_distance,
)


def test_cosine_similarities() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, 0.0], [-4.0, 3.0], [-1e300, 0.0]])
    found = cosine_similarities(np.array([2.0, 0.0]), vectors)
    np.testing.assert_allclose(found, [0.6, 0, -0.8, -1])
    strict = cosine_similarities(np.array([2.0, 0.0]), array_api_strict.asarray(vectors))
    np.testing.assert_array_equal(strict, found)
    with pytest.raises(ConfigError, match=r"shapes \(D,\) and \(n, D\)"):
        cosine_similarities(vectors[0], vectors[0])
    with pytest.raises(ConfigError, match=r"shapes \(D,\) and \(n, D\)"):
        cosine_similarities(np.zeros(3), vectors)


def test_multiplied() -> None:
    positive = np.array([[1.0, 0.0], [0.5, 0.5]])
    negative = np.array([[-1.0], [1.0]])
    np.testing.assert_allclose(
        multiplied(positive, negative), [1 * 0.5 / 1e-6, 0.75**2 / (1 + 1e-6)]
    )
    np.testing.assert_allclose(multiplied(positive, negative[:, :0]), [0.5, 0.5625], rtol=1e-5)


def test_shares() -> None:
    words, share = shares(["b", "a", "b", "b"])
    assert words == ["b", "a"]
    np.testing.assert_array_equal(share, [0.75, 0.25])


def test_word_movers_distance() -> None:
    pytest.importorskip("ot", reason="POT is not installed")
    first = np.array([[0.0, 0.0], [4.0, 0.0]])
    second = np.array([[0.0, 3.0], [4.0, 3.0]])
    half = np.array([0.5, 0.5])
    # Every word moves straight up; or a quarter of the words moves along as well.
    assert word_movers_distance((first, half), (second, half)) == pytest.approx(3)
    shifted = np.array([0.25, 0.75])
    assert word_movers_distance((first, half), (second, shifted)) == pytest.approx(
        0.75 * 3 + 0.25 * 5
    )
    assert word_movers_distance((first[:1], half[:1] * 2), (first[:1], half[:1] * 2)) == 0


def test_pot_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    one = (np.ones((1, 2)), np.ones(1))
    with pytest.raises(ConfigError, match=r'pip install "xw2v\[wmd\]"'):
        word_movers_distance(one, one)

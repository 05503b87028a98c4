"""The `xp` fixture: every test that asks for it runs on each Array API namespace."""

import os
from collections.abc import Iterator
from typing import Any

import array_api_compat.numpy as numpy_namespace
import array_api_strict
import numpy as np
import pytest
from numpy.typing import NDArray


def epsilon(dtype: Any) -> float:
    """Return the distance from 1 to the next number of a floating dtype."""
    return float(np.finfo(dtype).eps)


def to_host(array: Any) -> NDArray[Any]:
    """Return an array of any namespace as a NumPy array."""
    return np.asarray(array.get() if hasattr(array, "get") else array)


@pytest.fixture
def cupy_namespace() -> Any:
    """CuPy, where it can be used."""
    return _cupy_namespace()


def _cupy_namespace() -> Any:
    try:
        import cupy
        from array_api_compat import cupy as namespace

        cupy.zeros(1).sum().item()
    except Exception as error:  # whatever CuPy raises here, no GPU can be used
        reason = f"no usable GPU or CuPy: {type(error).__name__}: {error}"
        if os.environ.get("XW2V_REQUIRE_CUDA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return namespace


@pytest.fixture(
    params=["numpy", "array-api-strict", pytest.param("cupy", marks=pytest.mark.cuda)],
)
def xp(request: pytest.FixtureRequest) -> Any:
    """An Array API namespace, each in turn."""
    if request.param == "numpy":
        return numpy_namespace
    if request.param == "array-api-strict":
        return array_api_strict
    return _cupy_namespace()


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """The name of a floating dtype, each in turn."""
    return str(request.param)


@pytest.fixture
def fixed_shapes() -> Iterator[None]:
    """Make array-api-strict refuse shapes that depend on data, which would make a GPU wait."""
    with array_api_strict.ArrayAPIStrictFlags(data_dependent_shapes=False, boolean_indexing=False):
        yield

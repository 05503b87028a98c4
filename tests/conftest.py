"""The `xp` fixture: every test that asks for it runs on each Array API namespace.

And `threads`: every test that asks for it runs with both kinds of workers.
"""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import array_api_compat.numpy as numpy_namespace
import array_api_strict
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a shell's background job, whose children would ignore the interrupts that are tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, however long they take, and nothing kept from run to run.
settings.register_profile(
    "xw2v",
    derandomize=True,
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("xw2v")


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache of encoded texts out of the tests, and the tests out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XW2V_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


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


needs_fork = pytest.mark.skipif(
    sys.platform != "linux", reason="workers are processes only where forking is safe"
)


@pytest.fixture(params=["threads", pytest.param("processes", marks=needs_fork)])
def threads(request: pytest.FixtureRequest) -> bool:
    """Whether workers are threads, each kind in turn."""
    return bool(request.param == "threads")


@pytest.fixture
def kind_of_workers(threads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teams whose maker names no kind, those of `train`, have each kind of workers in turn."""
    monkeypatch.setattr("xw2v.backend.team._can_fork", lambda: not threads)


@pytest.fixture
def no_waiting_for_ever() -> Iterator[None]:
    """Let a test fail whose workers wait for each other, where there are alarms."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError("some worker waits for ever")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """The name of a floating dtype, each in turn."""
    return str(request.param)


@pytest.fixture
def fixed_shapes() -> Iterator[None]:
    """Make array-api-strict refuse shapes that depend on data, which would make a GPU wait."""
    with array_api_strict.ArrayAPIStrictFlags(data_dependent_shapes=False, boolean_indexing=False):
        yield


# They take many seconds each; begun at the end, they would keep one process busy alone.
LONG = ("test_commands_run", "test_killed_runs_end_as_if_they_had_not_been")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests."""
    items.sort(key=lambda item: not item.name.startswith(LONG))

"""Devices by name, and what is said about those that cannot be used."""

import sys
from collections.abc import Generator
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np
import pytest
from array_api_compat import array_namespace

from tests.conftest import to_host
from xw2v.backend import Device, PortableRunner, Team, TeamRunner, Worker, get_device
from xw2v.backend.team import useful_workers
from xw2v.errors import ConfigError, DeviceError
from xw2v.kernel import Sgd


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)


class _NoDriverError(RuntimeError):
    """Stands for CUDARuntimeError."""


def fake_cupy(monkeypatch: pytest.MonkeyPatch, count: int | None) -> None:
    """Pretend that CuPy is there and finds so many devices, or no driver."""

    def device_count() -> int:
        if count is None:
            raise _NoDriverError("cudaErrorInsufficientDriver")
        return count

    fake = ModuleType("cupy")
    runtime = SimpleNamespace(getDeviceCount=device_count, CUDARuntimeError=_NoDriverError)
    vars(fake)["cuda"] = SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", ModuleType("array_api_compat.cupy"))


def test_cpu() -> None:
    device = get_device("cpu")
    assert device.name == "cpu"
    assert isinstance(device.xp.asarray([1.0], device=device.handle), np.ndarray)
    team = Team(2)
    parameters = device.zeros((2, 3, 4), device.xp.float32, team)
    assert isinstance(parameters, np.ndarray)
    assert (parameters.shape, parameters.dtype) == ((2, 3, 4), np.float32)
    assert not parameters.any()


def runner_options() -> dict[str, Any]:
    return {"team": Team(1), "parts": 2, "part_rows": 5, "optimizer": Sgd()}


@pytest.mark.parametrize(("outputs", "hidden"), [(None, 0), (2, 0), (None, 7)])
def test_runners_of_a_cpu(outputs: int | None, hidden: int) -> None:
    runner = get_device("cpu").runner(3, 4, outputs=outputs, hidden=hidden, **runner_options())
    assert isinstance(runner, TeamRunner)
    assert (runner.w_in.shape, runner.w_out.shape) == ((3, 4), (outputs or 3, 4))
    assert runner.whole_batches == (hidden > 0)


@pytest.mark.parametrize(("outputs", "hidden"), [(None, 0), (2, 0), (None, 7)])
def test_runners_of_other_devices(outputs: int | None, hidden: int) -> None:
    """Where there are no workers, every batch is whole."""
    device = Device("stand-in", numpy_namespace, "cpu")
    runner = device.runner(3, 4, outputs=outputs, hidden=hidden, **runner_options())
    assert isinstance(runner, PortableRunner)
    assert (runner.w_in.shape, runner.w_out.shape) == ((3, 4), (outputs or 3, 4))
    assert not runner.w_in.any()
    assert not runner.w_out.any()
    assert runner.whole_batches
    assert device.team(3, 100).size == 1


def test_the_words_of_a_batch() -> None:
    """Fewer where vectors are long, within bounds, on a CPU; many on other devices."""
    words = [get_device("cpu").batch_words(size) for size in (1, 50, 100, 200, 1000)]
    assert words == [4096, 4096, 2048, 1024, 1024]
    assert Device("stand-in", numpy_namespace, "cpu").batch_words(100) == 32_768


def test_a_cpu_has_as_many_workers_as_are_wanted_and_have_work() -> None:
    device = get_device("cpu")
    assert device.team(None, 10_000).size == useful_workers()
    assert [device.team(workers, 10_000).size for workers in (1, 2, 40)] == [1, 2, 40]
    assert [device.team(workers, 3).size for workers in (1, 2, 40)] == [1, 2, 3]
    assert device.team(None, 1).size == 1


def test_arrays_of_a_cpu_are_seen_by_the_whole_team(threads: bool) -> None:
    device, team = get_device("cpu"), Team(3, threads=threads)
    numbers = device.zeros((3,), device.xp.int64, team)

    def program(worker: Worker) -> Generator[None, None, None]:
        numbers[worker.rank] = worker.rank + 1
        worker.meet()
        yield

    list(team.run(program))
    assert numbers.tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", ["gpu", "", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "cuda1"])
def test_names_that_mean_no_device(name: str) -> None:
    with pytest.raises(ConfigError, match="device must be") as caught:
        get_device(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:3"])
def test_cuda_without_cupy(no_cupy: None, name: str) -> None:
    with pytest.raises(DeviceError, match=r"CuPy is not installed.*xw2v\[cuda\].*--device cpu"):
        get_device(name)


def test_cuda_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, None)
    with pytest.raises(DeviceError, match=r"usable GPU: cudaErrorInsufficientDriver"):
        get_device("cuda")
    assert get_device("auto").name == "cpu"


@pytest.mark.parametrize(("name", "count"), [("cuda", 0), ("cuda:2", 2)])
def test_cuda_devices_that_do_not_exist(
    monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    fake_cupy(monkeypatch, count)
    with pytest.raises(DeviceError, match=f"there are {count} CUDA devices"):
        get_device(name)


def test_auto_without_cuda(no_cupy: None) -> None:
    assert get_device("auto").name == "cpu"


@pytest.mark.cuda
def test_cuda(cupy_namespace: ModuleType) -> None:
    device = get_device("cuda")
    assert device.name == "cuda:0"
    assert get_device("auto").name == "cuda:0"
    assert device.team(None, 100).size == device.team(3, 100).size == 1
    runner = device.runner(3, 4, **runner_options())
    assert isinstance(runner, PortableRunner)
    for parameters in (runner.w_in, runner.w_out):
        assert array_namespace(parameters) is device.xp
        assert (parameters.shape, parameters.dtype) == ((3, 4), device.xp.float32)
        assert not to_host(parameters).any()

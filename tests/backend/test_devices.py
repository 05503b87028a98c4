"""Devices by name, and what is said about those that cannot be used."""

from collections.abc import Generator
from types import ModuleType
from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np
import pytest
from array_api_compat import array_namespace

from tests.backend.fakes import fake_cupy, no_cupy
from tests.conftest import to_host
from xw2v.backend import (
    CudaDevice,
    Device,
    PortableRunner,
    Team,
    TeamRunner,
    Worker,
    get_device,
)
from xw2v.backend.team import useful_workers
from xw2v.errors import ConfigError, DeviceError
from xw2v.kernel import Sgd


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
    assert Device("stand-in", numpy_namespace, "cpu").batch_words(100) == 16_384


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


@pytest.mark.parametrize(("name", "number"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_cuda_devices(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    fake = fake_cupy(monkeypatch, count=2)
    device = get_device(name)
    assert isinstance(device, CudaDevice)
    assert (device.name, device.number, fake.used) == (f"cuda:{number}", number, [number])
    assert device.batch_words(100) == 16_384
    assert device.team(8, 100).size == 1


def test_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, count=1)
    assert get_device("auto").name == "cuda:0"
    fake_cupy(monkeypatch, count=0)
    assert get_device("auto").name == "cpu"
    no_cupy(monkeypatch)
    assert get_device("auto").name == "cpu"


def test_the_errors_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_cupy(monkeypatch, count=1)
    device = get_device("cuda")
    with pytest.raises(DeviceError, match="out of memory on cuda:0"), device.errors():
        raise fake.out_of_memory("Out of memory allocating 5 bytes.")
    assert device.peak_memory() == fake.held
    with get_device("cpu").errors():
        assert get_device("cpu").peak_memory() is None


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

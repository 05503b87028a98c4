"""A CuPy that pretends to find GPUs, drivers, or neither."""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np
import pytest
from numpy.typing import NDArray

from xw2v.backend import Cuda

MEMORY = 8 << 30
FREE = 6 << 30


class FakeEvent:
    """A place in the queue of a stream."""

    def __init__(self, stream: "FakeStream") -> None:
        self.stream = stream

    def synchronize(self) -> None:
        self.stream.run_until(self)


class FakeStream:
    """A stream that is as late as it may be: it does nothing before somebody waits for it."""

    def __init__(self, non_blocking: bool = False) -> None:
        self.queue: list[FakeEvent | Callable[[], None]] = []

    def record(self) -> FakeEvent:
        event = FakeEvent(self)
        self.queue.append(event)
        return event

    def wait_event(self, event: FakeEvent) -> None:
        self.queue.append(event.synchronize)

    def run_until(self, event: FakeEvent) -> None:
        while event in self.queue:
            one = self.queue.pop(0)
            if not isinstance(one, FakeEvent):
                one()


class PromptStream(FakeStream):
    """The current stream, on which NumPy works: nothing is left to be done."""

    def wait_event(self, event: FakeEvent) -> None:
        event.synchronize()

    def record(self) -> FakeEvent:
        return FakeEvent(self)


class FakeArray(np.ndarray[Any, Any]):
    """An array that streams copy to."""

    def set(self, array: NDArray[Any], stream: FakeStream) -> None:
        stream.queue.append(lambda: np.copyto(self, array))


class FakeCupy:
    """What a fake CuPy raises, and what was done to it.

    Attributes
    ----------
    used : list of int
        The GPUs that were made the current one.
    held : int
        Bytes that its pool of memory holds.
    freed : int
        How many times the pool was asked to let go of what nobody uses.
    """

    def __init__(self) -> None:
        self.used: list[int] = []
        self.held = 3 << 20
        self.freed = 0

    def _free(self) -> None:
        self.freed += 1

    @staticmethod
    def error(name: str, base: type[Exception], module: str) -> Any:
        """Return a class of errors as of a module of CuPy's."""
        return type(name, (base,), {"__module__": module})

    out_of_memory = error("OutOfMemoryError", MemoryError, "cupy.cuda.memory")
    runtime_error = error("CUDARuntimeError", RuntimeError, "cupy_backends.cuda.api.runtime")
    compile_error = error("CompileException", Exception, "cupy.cuda.compiler")


def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that CuPy is not installed."""
    monkeypatch.setitem(sys.modules, "cupy", None)


def fake_cupy(
    monkeypatch: pytest.MonkeyPatch,
    *,
    count: int = 1,
    driver: int = 13000,
    refusal: str | None = None,
    broken: tuple[int, ...] = (),
    product: Exception | None = None,
    trains: bool = False,
) -> FakeCupy:
    """Pretend that CuPy is installed.

    Parameters
    ----------
    monkeypatch : MonkeyPatch
    count : int
        GPUs there are.
    driver : int
        Version of CUDA that the driver has; 0 for none.
    refusal : str, optional
        What CUDA says instead of how many GPUs there are.
    broken : tuple of int
        GPUs that cannot be used.
    product : Exception, optional
        What the first matrix product raises.
    trains : bool
        NumPy works in place of the GPU.
    """
    state = FakeCupy()

    def device_count() -> int:
        if refusal is not None:
            raise state.runtime_error(refusal)
        return count

    class Device:
        def __init__(self, number: int) -> None:
            self.number = number

        @property
        def mem_info(self) -> tuple[int, int]:
            if self.number in broken:
                raise state.runtime_error("cudaErrorDevicesUnavailable: busy")
            return FREE, MEMORY

        def use(self) -> None:
            if self.number in broken:
                raise state.runtime_error("cudaErrorDevicesUnavailable: busy")
            state.used.append(self.number)

    class Ones:
        def __matmul__(self, other: object) -> Any:
            if product is not None:
                raise product
            return np.ones((1, 1))

    fake: Any = ModuleType("cupy")
    fake.__version__ = "14.2.0"
    fake.float32 = np.float32
    fake.ones = lambda *_args, **_options: Ones()
    fake.get_default_memory_pool = lambda: SimpleNamespace(
        free_all_blocks=state._free, free_bytes=lambda: 0, total_bytes=lambda: state.held
    )
    runtime = SimpleNamespace(
        CUDARuntimeError=state.runtime_error,
        driverGetVersion=lambda: driver,
        getDeviceCount=device_count,
        getDeviceProperties=lambda number: {"name": b"NVIDIA Pretense %d" % number},
        runtimeGetVersion=lambda: 13020,
    )
    memory = SimpleNamespace(OutOfMemoryError=state.out_of_memory)
    current = PromptStream()
    fake.cuda = SimpleNamespace(
        runtime=runtime,
        memory=memory,
        Device=Device,
        Stream=FakeStream,
        get_current_stream=lambda: current,
    )
    fake.int32 = np.int32
    fake.empty = lambda n, dtype: np.empty(n, dtype).view(FakeArray)
    fake_cupyx: Any = ModuleType("cupyx")
    fake_cupyx.empty_pinned = np.empty
    monkeypatch.setitem(sys.modules, "cupyx", fake_cupyx)
    if trains:
        use = Cuda.use

        def use_numpy(cuda: Cuda, number: int) -> str:
            use(cuda, number)
            return "cpu"

        monkeypatch.setattr(Cuda, "use", use_numpy)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", numpy_namespace)
    return state

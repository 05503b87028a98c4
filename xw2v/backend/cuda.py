"""CUDA, by CuPy: which GPUs there are, why one cannot be used, and what their errors mean.

This is the only module that imports CuPy, and it does so when a GPU is asked for.
"""

import contextlib
import importlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.errors import DeviceError

__all__ = ["Cuda", "Gpu", "PinnedStage", "find_cuda"]

_INSTALL = "pip install 'xw2v[cuda]' for CUDA 13, 'xw2v[cuda12]' for CUDA 12"
_ELSE = "or use --device cpu"
_MIB = 1 << 20


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Parameters
    ----------
    number : int
        N of ``"cuda:N"``.
    name : str
    memory, free : int
        Bytes in all, and those that nobody has.
    """

    number: int
    name: str
    memory: int
    free: int


@dataclass(frozen=True)
class Cuda:
    """A CuPy that finds a driver and at least one GPU.

    Parameters
    ----------
    cupy : module
    xp : namespace
        Array API namespace of its arrays.
    count : int
        GPUs.
    driver, runtime : str
        The CUDA version that the driver has, and the one that CuPy was made for, as in ``"13.0"``.
    """

    cupy: Any
    xp: Any
    count: int
    driver: str
    runtime: str

    @property
    def version(self) -> str:
        """The version of CuPy."""
        return str(self.cupy.__version__)

    def gpus(self) -> list[Gpu]:
        """Return all GPUs; one that cannot be asked has no memory, and its name is the reason."""
        return [self._gpu(number) for number in range(self.count)]

    def _gpu(self, number: int) -> Gpu:
        runtime = self.cupy.cuda.runtime
        try:
            name = runtime.getDeviceProperties(number)["name"]
            free, memory = self.cupy.cuda.Device(number).mem_info
        except runtime.CUDARuntimeError as error:
            return Gpu(number, f"cannot be used: {error}", 0, 0)
        return Gpu(number, name.decode(errors="replace"), int(memory), int(free))

    def use(self, number: int) -> Any:
        """Make a GPU the one that arrays are made on, and return CuPy's handle of it.

        Parameters
        ----------
        number : int

        Raises
        ------
        DeviceError
            If there is none of that number, or it cannot be used.
        """
        if number >= self.count:
            here = ", ".join(f"cuda:{i}" for i in range(self.count))
            raise DeviceError(
                f"device 'cuda:{number}' does not exist: there "
                f"{f'are {self.count} CUDA devices' if self.count > 1 else 'is 1 CUDA device'}, "
                f"{here}"
            )
        handle = self.cupy.cuda.Device(number)
        try:
            with self.errors(number):
                handle.use()
                # Nothing before needs the GPU itself, its memory or the library of products.
                one = self.cupy.ones((1, 1), dtype=self.cupy.float32)
                (one @ one).item()
        except (ImportError, OSError, RuntimeError) as error:
            raise DeviceError(
                f"device 'cuda' needs the libraries of CUDA ({_first_line(error)}): {_INSTALL}, "
                f"brings them along; {_ELSE}"
            ) from error
        return handle

    @contextlib.contextmanager
    def errors(self, number: int) -> Iterator[None]:
        """Raise DeviceError for what goes wrong on a GPU, and let go of its memory.

        Parameters
        ----------
        number : int
            Which one, for messages.

        Raises
        ------
        DeviceError
            If memory runs out or the GPU fails; the message says what to do.
        """
        cupy = self.cupy
        try:
            yield
        except cupy.cuda.memory.OutOfMemoryError as error:
            # The frames that were left still hold their arrays.
            traceback.clear_frames(error.__traceback__)
            cupy.get_default_memory_pool().free_all_blocks()
            raise DeviceError(self._out_of_memory(number, str(error))) from error
        except Exception as error:
            # CUDA's own errors, those of its libraries and of its compiler have no class in common.
            if type(error).__module__.partition(".")[0] not in ("cupy", "cupy_backends"):
                raise
            raise DeviceError(
                f"the GPU cuda:{number} failed: {type(error).__name__}: {_first_line(error)}; "
                "xw2v info --devices shows what is left; a run that has checkpoints goes on with "
                "--resume, on the CPU by --device cpu --allow-changed"
            ) from error

    def _out_of_memory(self, number: int, detail: str) -> str:
        text = f"out of memory on cuda:{number}: {detail.rstrip('.')}"
        gpu = self._gpu(number)
        if gpu.memory:
            text += f"; {gpu.free / _MIB:,.0f} MiB of {gpu.memory / _MIB:,.0f} are free now"
        return (
            f"{text}; a smaller batch_words, vector_size or a larger min_count "
            "needs less, or take another device"
        )

    def free_memory(self, number: int) -> int:
        """Return the bytes that a GPU has free, and those that CuPy's pool keeps for later.

        Parameters
        ----------
        number : int
        """
        free, _ = self.cupy.cuda.Device(number).mem_info
        return int(free) + int(self.cupy.get_default_memory_pool().free_bytes())

    def peak_memory(self) -> int:
        """Return the bytes that this process has taken from the GPU; its pool gives none back."""
        return int(self.cupy.get_default_memory_pool().total_bytes())


class PinnedStage:
    """A `Stage` that a stream of its own copies ids to, out of memory that is not paged.

    Parameters
    ----------
    cupy : module
    longest : int
        How many ids there is room for.
    """

    def __init__(self, cupy: Any, longest: int) -> None:
        self._cupy = cupy
        self._host = importlib.import_module("cupyx").empty_pinned(longest, dtype=np.int32)
        self._gpu = cupy.empty(longest, dtype=cupy.int32)
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self._copied: Any = None
        self._length = 0

    def fill(self, ids: NDArray[np.int32]) -> None:
        """Begin to copy ids; see `Stage.fill`."""
        if self._copied is not None:
            self._copied.synchronize()  # the host's memory is read no more
        self._length = n = ids.shape[0]
        self._host[:n] = ids
        # What was asked of the GPU so far may still read those that are there.
        self._stream.wait_event(self._cupy.cuda.get_current_stream().record())
        self._gpu[:n].set(self._host[:n], stream=self._stream)
        self._copied = self._stream.record()

    def array(self) -> Any:
        """Return the ids; see `Stage.array`."""
        self._cupy.cuda.get_current_stream().wait_event(self._copied)
        return self._gpu[: self._length]


def find_cuda() -> Cuda:
    """Return CuPy, if a GPU can be used by it.

    Raises
    ------
    DeviceError
        If not; the message says what is missing, and what to install or change.
    """
    try:
        cupy = importlib.import_module("cupy")
        namespace = importlib.import_module("array_api_compat.cupy")
    except ImportError as error:
        raise DeviceError(_why_not_imported(error)) from error
    runtime = cupy.cuda.runtime
    version = int(runtime.runtimeGetVersion())
    driver = int(runtime.driverGetVersion())
    if driver == 0:
        raise DeviceError(
            "device 'cuda' needs a GPU of NVIDIA's, and there is no driver for one: install the "
            f"driver (nvidia-smi shows whether it works), {_ELSE}"
        )
    try:
        count = int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        raise DeviceError(_why_no_devices(str(error), driver, version)) from error
    if count == 0:
        raise DeviceError(_why_no_devices("cudaErrorNoDevice", driver, version))
    return Cuda(cupy, namespace, count, _dotted(driver), _dotted(version))


def _why_not_imported(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
        return f"device 'cuda' needs CuPy, which is not installed: {_INSTALL}; {_ELSE}"
    return (
        f"device 'cuda' needs CuPy, which cannot be imported ({_first_line(error)}): {_INSTALL}; "
        f"{_ELSE}"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _why_no_devices(error: str, driver: int, runtime: int) -> str:
    if "cudaErrorNoDevice" in error:
        return (
            "device 'cuda' needs a GPU, and the driver finds none (CUDA_VISIBLE_DEVICES may hide "
            f"it, nvidia-smi lists all): {_ELSE.removeprefix('or ')}"
        )
    if "cudaErrorInsufficientDriver" in error:
        return (
            f"device 'cuda' needs a newer driver: this one is for CUDA {_dotted(driver)}, and "
            f"CuPy for {_dotted(runtime)}: install the CuPy that fits, {_INSTALL}, {_ELSE}"
        )
    return f"device 'cuda' cannot be used: {error}; {_ELSE}"


def _dotted(version: int) -> str:
    """Return CUDA's 13020 as ``"13.2"``."""
    return f"{version // 1000}.{version % 1000 // 10}"

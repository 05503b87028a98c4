"""Which GPUs there are, and what is said where none can be used."""

import re
from types import ModuleType

import pytest

from tests.backend.fakes import FREE, MEMORY, FakeCupy, fake_cupy, no_cupy
from xw2v.backend import Gpu, find_cuda
from xw2v.errors import DeviceError


def test_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, count=2, broken=(1,))
    cuda = find_cuda()
    assert (cuda.version, cuda.driver, cuda.runtime) == ("14.2.0", "13.0", "13.2")
    good, bad = cuda.gpus()
    assert good == Gpu(0, "NVIDIA Pretense 0", MEMORY, FREE)
    assert bad.memory == 0
    assert "cannot be used: cudaErrorDevicesUnavailable" in bad.name


def test_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    no_cupy(monkeypatch)
    with pytest.raises(
        DeviceError, match=r"CuPy, which is not installed: .*'xw2v\[cuda\]'.*--device cpu"
    ):
        find_cuda()


def test_a_cupy_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> ModuleType:
        raise ImportError("libnvrtc.so.13: cannot open shared object file\nsecond line")

    monkeypatch.setattr("xw2v.backend.cuda.importlib.import_module", refuse)
    with pytest.raises(DeviceError, match=r"cannot be imported \(libnvrtc.*file\): pip") as caught:
        find_cuda()
    assert "\n" not in str(caught.value)


def test_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """As CuPy 14 on a machine without one: it knows no version of a driver."""
    fake_cupy(monkeypatch, driver=0, refusal="cudaErrorInsufficientDriver: insufficient")
    with pytest.raises(DeviceError, match="there is no driver for one: install the driver"):
        find_cuda()


def test_a_driver_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, driver=12040, refusal="cudaErrorInsufficientDriver: insufficient")
    with pytest.raises(DeviceError, match=r"CUDA 12\.4, and CuPy for 13\.2: .*xw2v\[cuda12\]"):
        find_cuda()


@pytest.mark.parametrize("refusal", [None, "cudaErrorNoDevice: no CUDA-capable device"])
def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch, refusal: str | None) -> None:
    fake_cupy(monkeypatch, count=0, refusal=refusal)
    with pytest.raises(DeviceError, match=r"needs a GPU, and the driver finds none .*: use"):
        find_cuda()


def test_another_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, refusal="cudaErrorSystemNotReady: system not ready")
    with pytest.raises(DeviceError, match="cannot be used: cudaErrorSystemNotReady"):
        find_cuda()


@pytest.mark.parametrize(("count", "there"), [(1, "is 1 CUDA device"), (2, "are 2 CUDA devices")])
def test_a_number_too_high(monkeypatch: pytest.MonkeyPatch, count: int, there: str) -> None:
    fake_cupy(monkeypatch, count=count)
    with pytest.raises(DeviceError, match=f"'cuda:2' does not exist: there {there}, cuda:0"):
        find_cuda().use(2)


def test_a_gpu_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, broken=(0,))
    with pytest.raises(DeviceError, match="cuda:0 failed: CUDARuntimeError: cudaErrorDevicesUn"):
        find_cuda().use(0)


@pytest.mark.parametrize("kind", [ImportError, OSError, RuntimeError])
def test_libraries_that_are_missing(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    """CuPy's wheels do not bring the libraries of CUDA; it looks for them when it needs them."""
    missing = kind('Failure finding "libcublas.so.13": No such file\nand more')
    fake_cupy(monkeypatch, product=missing)
    with pytest.raises(
        DeviceError, match=re.escape('libraries of CUDA (Failure finding "libcublas.so.13"')
    ) as caught:
        find_cuda().use(0)
    assert "xw2v[cuda]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = fake_cupy(monkeypatch)
    cuda = find_cuda()

    def work() -> None:
        array = bytearray(10)
        held.append(array)
        raise fake.out_of_memory(
            "Out of memory allocating 5,000 bytes (allocated so far: 7 bytes)."
        )

    held: list[bytearray] = []
    with (
        pytest.raises(
            DeviceError, match=r"cuda:0: Out of memory allocating 5,000 .*7 bytes\);"
        ) as caught,
        cuda.errors(0),
    ):
        work()
    message = str(caught.value)
    assert "6,144 MiB of 8,192 are free" in message
    assert "a smaller batch_words, vector_size" in message
    assert fake.freed == 1
    # What the frames held is let go of, so that one can try again.
    frame = caught.value.__cause__.__traceback__.tb_next.tb_next.tb_frame  # type: ignore[union-attr]
    assert frame.f_code is work.__code__
    assert not frame.f_locals


@pytest.mark.parametrize(
    "error",
    [
        FakeCupy.runtime_error("cudaErrorECCUncorrectable: ECC\nmore"),
        FakeCupy.compile_error("nvrtc: no kernel"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    fake_cupy(monkeypatch)
    first = str(error).partition("\n")[0]
    with (
        pytest.raises(DeviceError, match=rf"cuda:0 failed: \w+: {first}; .*--resume") as caught,
        find_cuda().errors(0),
    ):
        raise error
    assert caught.value.__cause__ is error


def test_other_errors_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch)
    with pytest.raises(KeyError, match="mine"), find_cuda().errors(0):
        raise KeyError("mine")


@pytest.mark.cuda
def test_real_gpus(cupy_namespace: ModuleType) -> None:
    cuda = find_cuda()
    gpus = cuda.gpus()
    assert len(gpus) == cuda.count >= 1
    assert gpus[0].memory >= gpus[0].free > 0
    assert gpus[0].name
    cuda.use(0)
    with pytest.raises(DeviceError, match="out of memory on cuda:0"), cuda.errors(0):
        cupy_namespace.zeros(2 * gpus[0].memory, dtype=cupy_namespace.uint8)

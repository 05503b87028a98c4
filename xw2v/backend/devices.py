"""Devices by name: the only place that imports CuPy."""

import contextlib
from dataclasses import dataclass
from typing import Any

import array_api_compat.numpy as numpy_namespace

from xw2v.backend.cpu import ThreadedRunner
from xw2v.backend.profile import Profile
from xw2v.backend.steps import PortableRunner, Runner
from xw2v.backend.threads import usable_cores
from xw2v.errors import ConfigError, DeviceError

__all__ = ["Device", "get_device"]

Array = Any


@dataclass(frozen=True)
class Device:
    """Where arrays live and steps are made.

    Parameters
    ----------
    name : str
        ``"cpu"`` or ``"cuda:N"``.
    xp : namespace
        Array API namespace of its arrays.
    handle : object
        What the namespace calls the device.
    batch_words : int
        Centers in a batch when the user names no number.
    """

    name: str
    xp: Any
    handle: Any
    batch_words: int

    def runner(
        self, parameters: Array, *, workers: int | None, profile: Profile | None = None
    ) -> Runner:
        """Return what makes steps on parameters that live on this device.

        Parameters
        ----------
        parameters : array, shape (2, V, D), float32
            W_in and W_out; changed in place by the runner.
        workers : int or None
            Threads, on a CPU; None takes one for each usable core.
        profile : Profile, optional
            Counts where the time goes.
        """
        if self.name == "cpu":
            workers = workers or usable_cores()
            return ThreadedRunner(parameters, workers=workers, profile=profile)
        return PortableRunner(parameters, profile=profile)


def get_device(name: str) -> Device:
    """Return the device of that name.

    Parameters
    ----------
    name : str
        ``"cpu"``, ``"cuda"``, ``"cuda:N"``, or ``"auto"``: cuda where it is usable, else cpu.

    Raises
    ------
    ConfigError
        If there is no such kind of device.
    DeviceError
        If the device cannot be used; the message says what is missing.
    """
    kind, _, number = name.partition(":")
    if name == "auto":
        with contextlib.suppress(DeviceError):
            return get_device("cuda")
        return get_device("cpu")
    if name == "cpu":
        return Device("cpu", numpy_namespace, "cpu", batch_words=4096)
    if kind == "cuda" and (number.isdecimal() or name == "cuda"):
        return _cuda(int(number or 0))
    raise ConfigError(f"device must be 'cpu', 'cuda', 'cuda:N' or 'auto', not {name!r}")


def _cuda(number: int) -> Device:
    needs = "device 'cuda' needs the cuda extra and a usable GPU"
    try:
        import cupy  # noqa: PLC0415
        from array_api_compat import cupy as namespace  # noqa: PLC0415
    except ImportError as error:
        raise DeviceError(
            f"{needs}: CuPy is not installed; pip install 'xw2v[cuda]' for CUDA 13, "
            "'xw2v[cuda12]' for CUDA 12, or use --device cpu"
        ) from error
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise DeviceError(f"{needs}: {error}; or use --device cpu") from error
    if number >= count:
        raise DeviceError(f"device 'cuda:{number}' does not exist: there are {count} CUDA devices")
    handle = cupy.cuda.Device(number)
    handle.use()
    return Device(f"cuda:{number}", namespace, handle, batch_words=32768)

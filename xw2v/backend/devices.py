"""Devices by name: the only place that imports CuPy."""

import contextlib
from dataclasses import dataclass
from typing import Any

import array_api_compat.numpy as numpy_namespace

from xw2v.backend.cpu import TeamRunner
from xw2v.backend.steps import PortableRunner, Runner
from xw2v.backend.team import Team, useful_workers
from xw2v.errors import ConfigError, DeviceError
from xw2v.kernel import Optimizer

__all__ = ["Device", "get_device"]

Array = Any

_CPU_BATCH_FLOATS = 204_800  # of centers


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
    """

    name: str
    xp: Any
    handle: Any

    def batch_words(self, vector_size: int) -> int:
        """Return how many centers a batch has when the user names no number.

        Parameters
        ----------
        vector_size : int
        """
        if self.name == "cpu":
            # A batch's gradients are written and read again: few stay in the cache, but a batch
            # too small leaves many workers without work.
            return min(max(_CPU_BATCH_FLOATS // vector_size, 1024), 4096)
        return 32768

    def team(self, workers: int | None, shares: int) -> Team:
        """Return who works on this device.

        Parameters
        ----------
        workers : int or None
            On a CPU; None takes as many as help.
        shares : int
            Into how many shares a batch can be cut: more workers would have nothing to do.
        """
        return Team(min(workers or useful_workers(), shares) if self.name == "cpu" else 1)

    def zeros(self, shape: tuple[int, ...], dtype: Any, team: Team) -> Array:
        """Return an array of zeros on this device, in memory that all of a team see.

        Parameters
        ----------
        shape : tuple of int
        dtype : dtype of the namespace
        team : Team
        """
        if self.name == "cpu":
            return team.zeros(shape, dtype)
        return self.xp.zeros(shape, dtype=dtype, device=self.handle)

    def runner(
        self,
        n_words: int,
        vector_size: int,
        *,
        team: Team,
        parts: int,
        part_rows: int,
        outputs: int | None = None,
        optimizer: Optimizer,
        trainable: tuple[Array | None, Array | None] = (None, None),
        hidden: int = 0,
    ) -> Runner:
        """Return what makes steps on this device, its parameters zeros.

        Parameters
        ----------
        n_words, vector_size : int
            V and D.
        team : Team
        parts, part_rows : int
            Parts of the largest batch, and inputs and targets of the largest part.
        outputs : int, optional
            Rows of W_out, at most V; V if absent.
        optimizer : Optimizer
        trainable : two arrays, shape (V,), or None
            For the rows of W_in and W_out 1, or 0 where a row is not to change.
        hidden : int
            Under the softmax head: hidden vectors of the largest batch.
        """
        if self.name == "cpu":
            return TeamRunner(
                n_words,
                vector_size,
                team=team,
                parts=parts,
                part_rows=part_rows,
                outputs=outputs,
                optimizer=optimizer,
                trainable=trainable,
                hidden=hidden,
            )
        w_in, w_out = (
            self.zeros((rows, vector_size), self.xp.float32, team)
            for rows in (n_words, n_words if outputs is None else outputs)
        )
        return PortableRunner(w_in, w_out, optimizer, trainable)


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
        return Device("cpu", numpy_namespace, "cpu")
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
    return Device(f"cuda:{number}", namespace, handle)

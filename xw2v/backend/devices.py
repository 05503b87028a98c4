"""Devices by name: where arrays live, and who makes steps on them."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat.numpy as numpy_namespace
import numpy as np
from numpy.typing import NDArray

from xw2v.backend.cpu import TeamRunner
from xw2v.backend.cuda import Cuda, PinnedStage, find_cuda
from xw2v.backend.ids import Stage, StreamedIds
from xw2v.backend.steps import PortableRunner, Runner
from xw2v.backend.team import Team, useful_workers
from xw2v.errors import ConfigError, DeviceError
from xw2v.kernel import Optimizer

__all__ = ["CpuDevice", "CudaDevice", "Device", "get_device"]

Array = Any

_CPU_BATCH_FLOATS = 204_800  # of centers
# Where launching the operations of a step may take longer than they do. Twice as many words lost
# analogies on enwiki8: 0.325, 0.330 with this, 0.335 with 2,048, means of three seeds.
_BATCH_WORDS = 16_384


@dataclass(frozen=True)
class Device:
    """Where arrays live and steps are made: one that needs nothing but the Array API.

    Parameters
    ----------
    name : str
        ``"cpu"``, ``"cuda:N"``, or what else stands for it.
    xp : namespace
        Array API namespace of its arrays.
    handle : object
        What the namespace calls the device.

    Attributes
    ----------
    works_in_cache : bool
        Many small operations are faster than a few large ones, whose arrays no cache holds.
        Elsewhere it is the number of operations that counts.
    """

    works_in_cache: ClassVar[bool] = False

    name: str
    xp: Any
    handle: Any

    def batch_words(self, vector_size: int) -> int:  # noqa: ARG002
        """Return how many centers a batch has when the user names no number.

        Parameters
        ----------
        vector_size : int
        """
        return _BATCH_WORDS

    def team(self, workers: int | None, shares: int) -> Team:  # noqa: ARG002
        """Return who works on this device.

        Parameters
        ----------
        workers : int or None
            On a CPU; None takes as many as help. Other devices have one.
        shares : int
            Into how many shares a batch can be cut: more workers would have nothing to do.
        """
        return Team(1)

    def asarray(self, array: NDArray[Any]) -> Array:
        """Return a NumPy array on this device.

        Parameters
        ----------
        array : ndarray
        """
        return self.xp.asarray(array, device=self.handle)

    def zeros(self, shape: tuple[int, ...], dtype: Any, team: Team) -> Array:  # noqa: ARG002
        """Return an array of zeros on this device, in memory that all of a team see.

        Parameters
        ----------
        shape : tuple of int
        dtype : dtype of the namespace
        team : Team
        """
        return self.xp.zeros(shape, dtype=dtype, device=self.handle)

    def ids(
        self, ids: NDArray[np.int32], stretches: Sequence[tuple[int, int]], *, whole: bool
    ) -> Any:
        """Return the ids of a corpus, of which slices are arrays of this device.

        Parameters
        ----------
        ids : ndarray, shape (N,), int32
        stretches : sequence of (int, int)
            Start and stop of what will be asked for, over and over again in this order.
        whole : bool
            Copy all ids to the device now, see `holds`; else one stretch after the other.

        Returns
        -------
        array, shape (N,), int32, or StreamedIds
        """
        if whole:
            return self.asarray(np.asarray(ids))
        longest = max(stop - start for start, stop in stretches)
        return StreamedIds(ids, stretches, (self.stage(longest), self.stage(longest)), self.asarray)

    def holds(self, ids: NDArray[np.int32], share: float) -> bool:
        """Return whether ids take no more than a share of the memory that the device has free."""
        free = self.free_memory()
        return free is None or ids.nbytes <= share * free

    def stage(self, longest: int) -> Stage:  # noqa: ARG002
        """Return memory for `longest` ids that are copied while the device works."""
        return _CopiedStage(self.asarray)

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which what goes wrong on the device is a DeviceError."""
        return contextlib.nullcontext()

    def free_memory(self) -> int | None:
        """Return the bytes of its own memory that are there to be taken, where that is known."""
        return None

    def peak_memory(self) -> int | None:
        """Return the most bytes of its own memory that this process held, where that is known."""
        return None

    def runner(
        self,
        n_words: int,
        vector_size: int,
        *,
        team: Team,
        parts: int,  # noqa: ARG002
        part_rows: int,  # noqa: ARG002
        outputs: int | None = None,
        optimizer: Optimizer,
        trainable: tuple[Array | None, Array | None] = (None, None),
        hidden: int = 0,  # noqa: ARG002
        ordered: bool = False,
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
        ordered : bool
            Add up in an order that does not depend on timing; a CPU always does.
        """
        w_in, w_out = (
            self.zeros((rows, vector_size), self.xp.float32, team)
            for rows in (n_words, n_words if outputs is None else outputs)
        )
        return PortableRunner(w_in, w_out, optimizer, trainable, ordered=ordered)


class _CopiedStage:
    """A stage whose copies do not overlap with anything."""

    def __init__(self, asarray: Callable[[NDArray[np.int32]], Array]) -> None:
        self._asarray = asarray
        self._array: Array = None

    def fill(self, ids: NDArray[np.int32]) -> None:
        self._array = self._asarray(ids)

    def array(self) -> Array:
        return self._array


@dataclass(frozen=True)
class CpuDevice(Device):
    """NumPy, and a team of workers."""

    works_in_cache: ClassVar[bool] = True

    name: str = "cpu"
    xp: Any = numpy_namespace
    handle: Any = "cpu"

    def batch_words(self, vector_size: int) -> int:
        """Return how many centers a batch has when the user names no number.

        Parameters
        ----------
        vector_size : int
        """
        # A batch's gradients are written and read again: few stay in the cache, but a batch too
        # small leaves many workers without work.
        return min(max(_CPU_BATCH_FLOATS // vector_size, 1024), 4096)

    def team(self, workers: int | None, shares: int) -> Team:
        """Return as many workers as help, or as are asked for; see `Device.team`."""
        return Team(min(workers or useful_workers(), shares))

    def zeros(self, shape: tuple[int, ...], dtype: Any, team: Team) -> Array:
        """Return an array of zeros that all of a team see; see `Device.zeros`."""
        return team.zeros(shape, dtype)

    def ids(
        self,
        ids: NDArray[np.int32],
        stretches: Sequence[tuple[int, int]],  # noqa: ARG002
        *,
        whole: bool,  # noqa: ARG002
    ) -> Any:
        """Return the ids where they are, perhaps in a file; see `Device.ids`."""
        return np.asarray(ids)

    def runner(
        self,
        n_words: int,
        vector_size: int,
        *,
        ordered: bool = False,  # noqa: ARG002 - as always
        **options: Any,
    ) -> Runner:
        """Return what makes steps by a team; see `Device.runner`."""
        return TeamRunner(n_words, vector_size, **options)


@dataclass(frozen=True)
class CudaDevice(Device):
    """A GPU, by CuPy.

    Parameters
    ----------
    name, xp, handle
        As for `Device`.
    cuda : Cuda
    number : int
        Which GPU.
    """

    cuda: Cuda
    number: int

    def stage(self, longest: int) -> Stage:
        """Return memory for `longest` ids, and a stream that copies them; see `Device.stage`."""
        return PinnedStage(self.cuda.cupy, longest)

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which what goes wrong on the GPU is a DeviceError."""
        return self.cuda.errors(self.number)

    def free_memory(self) -> int | None:
        """Return the bytes that the GPU has free, and those that only wait to be used again."""
        return self.cuda.free_memory(self.number)

    def peak_memory(self) -> int | None:
        """Return the bytes that this process has taken from the GPU."""
        return self.cuda.peak_memory()


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
        return CpuDevice()
    if kind == "cuda" and (number.isdecimal() or name == "cuda"):
        place = int(number or 0)
        cuda = find_cuda()
        return CudaDevice(f"cuda:{place}", cuda.xp, cuda.use(place), cuda, place)
    raise ConfigError(f"device must be 'cpu', 'cuda', 'cuda:N' or 'auto', not {name!r}")

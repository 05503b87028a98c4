"""Workers that run one program side by side, each its share of it, on memory they all see.

On Linux they are processes: threads hand the interpreter lock to and fro at every NumPy call, at
the price of a wake-up each, and two of them are 1.4 times as fast as one where two processes are
1.9 times. Elsewhere they are threads.
"""

import contextlib
import gc
import mmap
import multiprocessing
import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import threadpool_limits

from xw2v.cores import usable_cores
from xw2v.errors import TrainingError

__all__ = ["Program", "Team", "Worker", "useful_workers"]

_T = TypeVar("_T")
_R = TypeVar("_R")

_TRIES = 2000  # of a worker that waits, before it sleeps: waking up takes longer than most waits
_PATIENCE = 0.2  # seconds of sleep, before it looks whether the others are still there


def useful_workers() -> int:
    """Return how many workers help: one a core, but a single one where threads share a lock."""
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()  # Python 3.13
    return 1 if locked and not _can_fork() else usable_cores()


class _Left(BaseException):
    """The others have gone: raised in a worker that waits for them."""


class _Semaphore(Protocol):
    def acquire(self, block: bool, timeout: float | None = None) -> bool: ...

    def release(self) -> None: ...


class _ThreadSemaphore:
    """A semaphore of threads; that of `threading` is several times slower."""

    def __init__(self) -> None:
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()

    def acquire(self, block: bool, timeout: float | None = None) -> bool:
        try:
            self._tokens.get(block, timeout)
        except queue.Empty:
            return False
        return True

    def release(self) -> None:
        self._tokens.put(None)


class _Crew:
    """What the workers of one run meet with."""

    def __init__(self, size: int, semaphore: Callable[[], _Semaphore], tries: int) -> None:
        self.size = size
        self.arrived = semaphore()
        self.gates = [semaphore() for _ in range(size)]
        self.tries = tries


class Worker:
    """One of the workers that run a program.

    Attributes
    ----------
    rank, size : int
        Which of how many. Rank 0 is the caller.
    """

    def __init__(self, rank: int, crew: _Crew, check: Callable[[], None]) -> None:
        self.rank, self.size = rank, crew.size
        self._crew = crew
        self._check = check

    def meet(self) -> None:
        """Wait until every worker has come here; what they wrote before can be read then."""
        crew = self._crew
        if self.rank == 0:
            for _ in range(crew.size - 1):
                self._wait(crew.arrived)
            for gate in crew.gates[1:]:
                gate.release()
        else:
            crew.arrived.release()
            self._wait(crew.gates[self.rank])

    def share(self, n: int) -> tuple[int, int]:
        """Return the start and stop of this worker's share of n things in a row."""
        return n * self.rank // self.size, n * (self.rank + 1) // self.size

    def _wait(self, semaphore: _Semaphore) -> None:
        for _ in range(self._crew.tries):
            if semaphore.acquire(False):
                return
        while not semaphore.acquire(True, _PATIENCE):
            self._check()


Program = Callable[[Worker], Generator[_T, None, _R]]


class Team:
    """Workers, of whom the caller is the first.

    Parameters
    ----------
    size : int
        Workers, at least 1.
    threads : bool, optional
        Whether they are threads; if absent, they are processes where that is possible.
    """

    def __init__(self, size: int, *, threads: bool | None = None) -> None:
        self.size = size
        self._threads = not _can_fork() if threads is None else threads

    def zeros(self, shape: tuple[int, ...] | int, dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of zeros that all workers see, if it is made before they run.

        Parameters
        ----------
        shape : tuple of int, or int
        dtype : dtype

        Raises
        ------
        MemoryError
            If there is not so much memory to share.
        """
        if self.size == 1 or self._threads:
            return np.zeros(shape, dtype=dtype)
        size = int(np.prod(shape))
        n_bytes = size * np.dtype(dtype).itemsize
        try:  # an anonymous mapping: it needs no name, no file and no room in /dev/shm
            memory = mmap.mmap(-1, max(1, n_bytes))
        except OSError as error:
            raise MemoryError(f"cannot share {n_bytes:,} bytes between workers") from error
        return np.frombuffer(memory, dtype, size).reshape(shape)

    def run(self, program: "Program[_T, _R]") -> Generator[_T, None, list[_R]]:
        """Run the program in every worker, and yield what it yields in the caller's.

        Parameters
        ----------
        program : callable
            Takes a `Worker` and returns a generator. All workers must meet equally often.

        Returns
        -------
        list
            What the generators returned, by rank.

        Raises
        ------
        TrainingError
            If a worker process was killed.
        BaseException
            What a worker raised.
        """
        # The workers are ours: BLAS must not start its own.
        with threadpool_limits(limits=1, user_api="blas"):
            if self.size == 1:
                crew = _Crew(1, _ThreadSemaphore, 0)
                return [(yield from program(Worker(0, crew, lambda: None)))]
            helpers = _Threads if self._threads else _Processes
            with helpers(self.size, program) as others:
                first = yield from program(Worker(0, others.crew, others.check))
                return [first, *others.results()]


def _can_fork() -> bool:
    # Elsewhere forking is unsafe (macOS) or unknown (Windows), and a fresh interpreter would
    # run the user's script again. A daemonic process may have no children.
    return sys.platform == "linux" and not multiprocessing.current_process().daemon


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Keep signals to end waiting; a process forked meanwhile never hears of them.

    Its parent stops it: signals may come to all processes at once.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Processes:
    """Workers that are forked processes: they have everything that the caller had."""

    def __init__(self, size: int, program: "Program[Any, Any]") -> None:
        self._size, self._program = size, program
        self._helpers: list[tuple[Any, Any]] = []  # processes, and where they report to

    def __enter__(self) -> "_Processes":
        try:
            self._start()
        except BaseException as error:
            self.__exit__()
            if not isinstance(error, OSError):
                raise
            raise TrainingError(
                f"cannot start worker processes: {error.strerror or error}; use fewer workers, or 1"
            ) from error
        return self

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        tries = _TRIES if self._size <= usable_cores() else 0
        self.crew = _Crew(self._size, lambda: context.Semaphore(0), tries)
        with warnings.catch_warnings(), _no_interrupts():
            # Threads of the caller's do not live on in the copy, and a lock that one of them
            # holds stays locked there. The copy takes none: it only computes.
            warnings.simplefilter("ignore", DeprecationWarning)
            for rank in range(1, self._size):
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(
                    target=self._serve,
                    args=(rank, os.getpid(), sender),
                    name=f"xw2v-{rank}",
                    daemon=True,
                )
                process.start()
                sender.close()
                self._helpers.append((process, receiver))

    def _serve(self, rank: int, parent: int, sender: Any) -> None:
        gc.freeze()  # what was copied is the caller's to clean up

        def check() -> None:
            if os.getppid() != parent:
                raise _Left

        report: tuple[Any, BaseException | None]
        try:
            report = (_exhaust(self._program(Worker(rank, self.crew, check))), None)
        except _Left:
            return
        except BaseException as error:  # the caller raises it again
            report = (None, error)
        try:
            ForkingPickler.loads(message := ForkingPickler.dumps(report))
        except Exception as error:  # of a kind that cannot be sent
            failed = report[1] or error
            text = f"worker process xw2v-{rank} failed: {type(failed).__name__}: {failed}"
            message = ForkingPickler.dumps((None, TrainingError(text)))
        sender.send_bytes(message)

    def check(self) -> None:
        """Raise what a worker raised, if one did."""
        for helper, receiver in self._helpers:
            if receiver.poll():
                _result(helper, receiver)

    def results(self) -> list[Any]:
        """Wait for the workers' results."""
        return [_result(*helper) for helper in self._helpers]

    def __exit__(self, *exception: object) -> None:
        # All are ended before the first is waited for: an interrupt may cut the waiting short.
        for process, _ in self._helpers:
            process.kill()  # it has nothing to put in order
        for process, receiver in self._helpers:
            process.join()
            receiver.close()


def _result(process: Any, receiver: Any) -> Any:
    """Return what a worker process reports, or raise what it raised."""
    try:
        result, error = receiver.recv()
    except (EOFError, OSError):  # it is gone, perhaps in the middle of its message
        process.join()
        code = process.exitcode
        raise TrainingError(
            f"worker process {process.name} "
            + (f"was killed by signal {-code}" if code < 0 else f"exited with status {code}")
            + ": if memory ran out, use fewer workers or a smaller vocabulary (min_count, "
            "max_final_vocab)"
        ) from None
    if error is not None:
        raise error
    return result


class _Threads:
    """Workers that are threads of the caller's process."""

    def __init__(self, size: int, program: "Program[Any, Any]") -> None:
        self.crew = _Crew(size, _ThreadSemaphore, 0)
        self._reports: list[tuple[Any, BaseException | None]] = [(None, None)] * size
        self._over = False
        self._program = program
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "_Threads":
        try:
            for rank in range(1, self.crew.size):
                thread = threading.Thread(target=self._serve, args=(rank,), name=f"xw2v-{rank}")
                thread.daemon = True
                thread.start()
                self._threads.append(thread)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _serve(self, rank: int) -> None:
        def check() -> None:
            if self._over:
                raise _Left

        try:
            self._reports[rank] = (_exhaust(self._program(Worker(rank, self.crew, check))), None)
        except _Left:
            return
        except BaseException as error:  # the caller raises it again
            self._reports[rank] = (None, error)

    def check(self) -> None:
        """Raise what a worker raised, if one did."""
        for _, error in self._reports:
            if error is not None:
                raise error

    def results(self) -> list[Any]:
        """Wait for the workers' results."""
        for thread in self._threads:
            thread.join()
        self.check()
        return [result for result, _ in self._reports[1:]]

    def __exit__(self, *exception: object) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()


def _exhaust(generator: Generator[Any, None, _R]) -> _R:
    while True:
        try:
            next(generator)
        except StopIteration as end:
            result: _R = end.value
            return result

"""A team of threads that does the work of one phase and waits for the last of it."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

__all__ = ["Task", "Team", "usable_cores"]

Task = Callable[[], object]


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """Threads that take tasks from one list until it is empty; the caller is one of them.

    A pool of `concurrent.futures` does the same and costs several times as much per task,
    which counts with thousands of phases a second.

    Parameters
    ----------
    size : int
        Threads, the caller's own included.
    """

    def __init__(self, size: int) -> None:
        self._orders: list[queue.SimpleQueue[deque[Task] | None]] = []
        self._reports: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._threads = []
        for number in range(1, size):
            orders: queue.SimpleQueue[deque[Task] | None] = queue.SimpleQueue()
            thread = threading.Thread(
                target=self._serve, args=(orders,), name=f"xw2v-{number}", daemon=True
            )
            self._orders.append(orders)
            self._threads.append(thread)
            thread.start()

    def run(self, tasks: Iterable[Task], *, own: Task | None = None) -> None:
        """Run the tasks, in any order and at the same time, and return when all are done.

        Parameters
        ----------
        tasks : iterable of callables
        own : callable, optional
            One more, which the caller's own thread runs, before it takes any other.

        Raises
        ------
        BaseException
            What a task raised; tasks not yet begun are then dropped.
        """
        todo = deque(tasks)
        helpers = self._orders[: max(0, len(todo) - (own is None))]
        for orders in helpers:
            orders.put(todo)
        error = _work(todo, own)
        for _ in helpers:
            error = self._reports.get() or error
        if error is not None:
            raise error

    def _serve(self, orders: "queue.SimpleQueue[deque[Task] | None]") -> None:
        while (todo := orders.get()) is not None:
            self._reports.put(_work(todo))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for orders in self._orders:
            orders.put(None)
        for thread in self._threads:
            thread.join()


def _work(todo: deque[Task], task: Task | None = None) -> BaseException | None:
    try:
        while True:
            if task is not None:
                task()
            try:
                task = todo.popleft()
            except IndexError:
                return None
    except BaseException as error:
        todo.clear()
        return error

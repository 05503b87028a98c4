"""The team runs every task, hands on what goes wrong, and goes home."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from xw2v.backend import Team, usable_cores

sizes = pytest.mark.parametrize("size", [1, 2, 3, 5])


def team_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("xw2v-")]


def appending(to: list[int], value: int) -> Callable[[], None]:
    return lambda: to.append(value)


@sizes
@pytest.mark.parametrize("n_tasks", [0, 1, 2, 50])
def test_all_tasks_are_done_when_run_returns(size: int, n_tasks: int) -> None:
    with Team(size) as team:
        for _ in range(20):
            done: list[int] = []
            team.run(appending(done, i) for i in range(n_tasks))
            assert sorted(done) == list(range(n_tasks))


def test_run_waits_for_the_slowest() -> None:
    done: list[int] = []

    def slow() -> None:
        time.sleep(0.05)
        done.append(1)

    with Team(3) as team:
        team.run([slow, slow, slow])
        assert done == [1, 1, 1]


def test_tasks_run_at_the_same_time() -> None:
    """Each waits for the others: in one thread they would wait for ever."""
    barrier = threading.Barrier(3, timeout=10)

    def meet() -> None:
        barrier.wait()

    with Team(3) as team:
        team.run([meet] * 3)


def test_a_team_of_one_uses_no_thread() -> None:
    ran_in: list[threading.Thread] = []
    with Team(1) as team:
        assert team_threads() == []
        team.run([lambda: ran_in.append(threading.current_thread())] * 4)
    assert set(ran_in) == {threading.current_thread()}


@sizes
def test_what_a_task_raises_is_raised_by_run_and_survived(size: int) -> None:
    def fail() -> None:
        raise KeyError("task")

    with Team(size) as team:
        for _ in range(10):
            with pytest.raises(KeyError, match="task"):
                team.run([lambda: None, fail, lambda: None, fail])
            done: list[int] = []
            team.run(appending(done, i) for i in range(20))
            assert sorted(done) == list(range(20))


def test_what_a_helper_raises_reaches_the_caller() -> None:
    caller, started = threading.current_thread(), threading.Event()

    def wait_or_fail() -> None:
        if threading.current_thread() is caller:
            assert started.wait(10)
        else:
            started.set()
            raise SystemExit(3)

    with Team(2) as team:
        with pytest.raises(SystemExit):
            team.run([wait_or_fail, wait_or_fail])
        team.run([lambda: None] * 2)


def test_after_a_failure_tasks_not_begun_are_dropped() -> None:
    done: list[int] = []
    both_begun = threading.Barrier(2, timeout=10)

    def fail() -> None:
        both_begun.wait()
        raise ValueError("first")

    def be_busy_meanwhile() -> None:
        both_begun.wait()
        time.sleep(0.2)

    with Team(2) as team, pytest.raises(ValueError, match="first"):
        team.run([fail, be_busy_meanwhile, *(appending(done, i) for i in range(5))])
    assert done == []


@sizes
def test_threads_are_joined(size: int) -> None:
    with Team(size):
        assert len(team_threads()) == size - 1
    assert team_threads() == []

    def fail() -> None:
        raise ValueError("on the way out")

    with pytest.raises(ValueError, match="way out"), Team(size) as team:
        team.run([fail] * 3)
    assert team_threads() == []


def test_usable_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)

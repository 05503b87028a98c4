"""Time is counted once, for the innermost phase, whichever thread spends it."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from tests.backend.test_runners import parameters, steps
from xw2v.backend import PortableRunner, Profile, ThreadedRunner
from xw2v.backend.profile import measured


class Clock:
    """Time that passes only when told to; as every thread sees it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("xw2v.backend.profile.time.perf_counter", made)
    return made


def test_an_inner_phase_does_not_count_for_the_outer_one(clock: Clock) -> None:
    profile = Profile()
    with profile.measure("outer"):
        clock.now += 1
        for _ in range(2):
            with profile.measure("inner"):
                clock.now += 10
                with profile.measure("innermost"):
                    clock.now += 100
        clock.now += 2
    with profile.measure("outer"):
        clock.now += 4
    assert profile.seconds == {"innermost": 200, "inner": 20, "outer": 7}


def test_a_phase_that_raises_counts(clock: Clock) -> None:
    profile = Profile()

    def fail() -> None:
        with profile.measure("failing"):
            clock.now += 3
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert profile.seconds == {"failing": 3}


def test_threads_do_not_lose_each_others_time() -> None:
    profile = Profile()

    def work() -> None:
        for _ in range(2000):
            profile.add("shared", 0.25)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert profile.seconds == {"shared": 2000.0}


def test_without_a_profile_nothing_is_measured() -> None:
    with measured(None, "anything"):
        pass


@pytest.mark.parametrize("workers", [1, 2])
def test_the_phases_of_threads_add_up_to_their_time(workers: int) -> None:
    profile = Profile()
    runner = ThreadedRunner(parameters(), workers=workers, profile=profile)
    began = time.perf_counter()
    list(runner.run(steps("block")))
    elapsed = time.perf_counter() - began
    assert set(profile.seconds) == {"plan", "gather", "products", "logits", "scatter", "wait"}
    assert min(profile.seconds.values()) > -1e-3
    assert 0 < sum(profile.seconds.values()) <= workers * elapsed * 1.01


@pytest.mark.parametrize("kind", ["threaded", "portable"])
def test_a_profile_changes_nothing(kind: str) -> None:
    results: list[Any] = []
    for profile in (None, Profile()):
        trained = parameters()
        runner = (
            ThreadedRunner(trained, workers=2, profile=profile)
            if kind == "threaded"
            else PortableRunner(trained, profile=profile)
        )
        results.append((trained, [loss for _, loss in runner.run(steps("block"))]))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_the_phases_of_the_portable_runner() -> None:
    profile = Profile()
    list(PortableRunner(parameters(), profile=profile).run(steps("block")))
    assert set(profile.seconds) == {"plan", "step"}

"""Time is counted once, for the innermost phase, whichever worker spends it."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.backend.test_runners import (
    by_one,
    by_team,
    make_steps,
    portable_runner,
    steps,
    team_runner,
    values,
)
from xw2v.backend import Profile, Step, Team, Worker
from xw2v.backend.profile import measured


class Clock:
    """Time that passes only when told to; as everyone sees it."""

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


def test_what_is_added_is_counted(clock: Clock) -> None:
    """Phases that are known, phases that are not, and nothing; also within a phase."""
    profile = Profile()
    with profile.measure("plan"):
        clock.now += 1
        profile.add({"wait": 5.0, "plan": 0.5})
    profile.add({})
    profile.add({"wait": 0.25, "scatter": 2.0})
    assert profile.seconds == {"wait": 5.25, "plan": 1.5, "scatter": 2.0}


def test_without_a_profile_nothing_is_measured() -> None:
    with measured(None, "anything"):
        pass


PHASES = {"plan", "gather", "products", "logits", "scatter", "wait"}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_phases_of_all_workers_add_up_to_their_time(workers: int, threads: bool) -> None:
    profile = Profile()
    began = time.perf_counter()
    by_team("block", workers, threads=threads, profile=profile)
    elapsed = time.perf_counter() - began
    assert set(profile.seconds) == PHASES
    assert min(profile.seconds.values()) >= 0
    assert 0 < sum(profile.seconds.values()) <= workers * elapsed * 1.01


def test_the_time_of_every_worker_counts(threads: bool) -> None:
    """All plan, and one of them takes its time."""
    team, profile = Team(3, threads=threads), Profile()
    runner = team_runner(team)

    def plan(worker: Worker) -> Iterator[Step]:
        if worker.rank == 1:
            time.sleep(0.1)
        yield from steps("block", share=(worker.rank, worker.size))

    list(make_steps(runner, team, plan, profile))
    assert profile.seconds["plan"] > 0.1
    assert profile.seconds["wait"] > 0.05  # of the two others, whose own planning takes some time


@pytest.mark.parametrize("kind", ["team", "portable"])
def test_a_profile_changes_nothing(kind: str) -> None:
    results: list[Any] = []
    for profile in (None, Profile()):
        if kind == "team":
            results.append(by_team("block", 2, threads=True, profile=profile))
        else:
            runner = portable_runner()
            losses = [loss for _, loss in by_one(runner, steps("block"), profile)]
            results.append((values(runner), losses))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_the_phases_of_the_portable_runner() -> None:
    profile = Profile()
    list(by_one(portable_runner(), steps("block"), profile))
    assert set(profile.seconds) == {"plan", "step", "wait"}

"""Ids that are on a device all at once, or stretch by stretch."""

import random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.backend.fakes import FREE, fake_cupy
from tests.conftest import to_host
from xw2v.backend import CpuDevice, Device, get_device
from xw2v.backend.ids import StreamedIds

IDS = np.arange(100, 200, dtype=np.int32)
STRETCHES = [(0, 30), (30, 60), (60, 61), (61, 100)]


class Stage:
    """Notes what it is asked."""

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name
        self.ids: NDArray[np.int32] | None = None

    def fill(self, ids: NDArray[np.int32]) -> None:
        self.log.append(f"fill {self.name} from {ids[0]}")
        self.ids = ids.copy()

    def array(self) -> Any:
        self.log.append(f"take {self.name}")
        return self.ids


def streamed(stretches: list[tuple[int, int]] = STRETCHES) -> tuple[StreamedIds, list[str]]:
    log: list[str] = []

    def copy(ids: NDArray[np.int32]) -> Any:
        log.append(f"copy {len(ids)}")
        return ids.copy()

    return StreamedIds(IDS, stretches, (Stage(log, "a"), Stage(log, "b")), copy), log


def test_the_next_stretch_is_copied_while_this_one_is_worked_on() -> None:
    ids, log = streamed()
    for _ in range(3):
        for start, stop in STRETCHES:
            np.testing.assert_array_equal(ids[start:stop], IDS[start:stop])
    assert log[:8] == [
        *("fill a from 100", "take a", "fill b from 130"),
        *("take b", "fill a from 160"),
        *("take a", "fill b from 161", "take b"),
    ]
    assert log.count("take a") == log.count("take b") == 6
    # One for each stretch, and the one that would come next.
    assert sum(entry.startswith("fill") for entry in log) == 13


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_stretches(n: int) -> None:
    """With an odd number of them, the last and the first do not take turns."""
    stretches = [(10 * i, 10 * i + 10) for i in range(n)]
    ids, log = streamed(stretches)
    for _ in range(4):
        for start, stop in stretches:
            np.testing.assert_array_equal(ids[start:stop], IDS[start:stop])
    fills = sum(entry.startswith("fill") for entry in log)
    assert fills == {1: 1, 2: 2, 3: 13}[n]


def test_a_stretch_is_not_overwritten_before_the_next_is_asked_for() -> None:
    ids, _ = streamed()
    order = [random.Random(0).randrange(4) for _ in range(50)]  # not for secrets
    for number in order:
        start, stop = STRETCHES[number]
        array = ids[start:stop]
        around = ids[max(0, start - 3) : start]
        np.testing.assert_array_equal(around, IDS[max(0, start - 3) : start])
        np.testing.assert_array_equal(array, IDS[start:stop])


def test_what_is_no_stretch_is_copied_at_once() -> None:
    ids, log = streamed()
    np.testing.assert_array_equal(ids[25:35], IDS[25:35])
    assert log == ["copy 10"]


class SmallDevice(Device):
    """A device with memory for so many bytes."""

    free = 0

    def free_memory(self) -> int | None:
        return self.free


def test_ids_are_on_a_device_if_they_may_be(xp: Any) -> None:
    device = SmallDevice("stand-in", xp, None)
    SmallDevice.free = 800  # twice as many bytes as the ids have
    whole = device.ids(IDS, STRETCHES, whole=device.holds(IDS, 0.5))
    assert type(whole) is type(xp.zeros(1))
    assert device.holds(IDS, 0.5)
    some = device.ids(IDS, STRETCHES, whole=device.holds(IDS, 0.49))
    assert isinstance(some, StreamedIds)
    assert not device.holds(IDS, 0.49)
    for ids in (whole, some):
        for start, stop in (*STRETCHES, (5, 9), *STRETCHES):
            np.testing.assert_array_equal(to_host(ids[start:stop]), IDS[start:stop])


def test_ids_of_a_cpu_stay_where_they_are() -> None:
    assert np.shares_memory(CpuDevice().ids(IDS, STRETCHES, whole=False), IDS)


def test_ids_of_a_gpu_are_copied_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stream that is late, and told to wait where it must."""
    fake_cupy(monkeypatch, trains=True)
    device = get_device("cuda")
    assert device.free_memory() == FREE
    ids = device.ids(IDS, STRETCHES, whole=device.holds(IDS, 1e-9))
    assert isinstance(ids, StreamedIds)
    for _ in range(3):
        for start, stop in STRETCHES:
            np.testing.assert_array_equal(ids[start:stop], IDS[start:stop])
            assert ids[start:stop].dtype == np.int32


@pytest.mark.cuda
def test_ids_are_copied_by_a_stream_of_its_own(cupy_namespace: Any) -> None:
    device = get_device("cuda")
    n = 1 << 20
    ids = np.arange(5 * n + 7, dtype=np.int32)
    stretches = [(start, min(start + n, ids.size)) for start in range(0, ids.size, n)]
    streamed = device.ids(ids, stretches, whole=device.holds(ids, 0.0))
    assert isinstance(streamed, StreamedIds)
    work = cupy_namespace.ones((2000, 2000), dtype=cupy_namespace.float32)
    for _ in range(3):
        sums = []
        for start, stop in stretches:
            array = streamed[start:stop]
            for _ in range(20):  # so that the GPU is behind
                work = work @ work * 1e-4
            sums.append((start, stop, array.astype(cupy_namespace.int64).sum()))
        for start, stop, total in sums:
            assert int(total) == int(ids[start:stop].sum(dtype=np.int64))

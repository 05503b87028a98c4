"""Workers run one program side by side, meet, and are gone when it is over, however it ends."""

import contextlib
import errno
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tests.conftest import needs_fork
from xw2v.backend import Team, Worker, team
from xw2v.errors import TrainingError

PROMPTLY = 5.0  # seconds; a worker that waits looks after the others far more often than that

sizes = pytest.mark.parametrize("size", [1, 2, 3, 5])
few_sizes = pytest.mark.parametrize("size", [1, 3])

Steps = Generator[Any, None, Any]


class Outcome(NamedTuple):
    """What a program yielded in the caller's process, and what it returned in each worker."""

    yielded: list[Any]
    results: list[Any]


def run(team: Team, program: Callable[[Worker], Steps]) -> Outcome:
    generator = team.run(program)
    yielded: list[Any] = []
    while True:
        try:
            yielded.append(next(generator))
        except StopIteration as end:
            return Outcome(yielded, end.value)


def helpers() -> list[Any]:
    """The helpers that are still there."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("xw2v-")]
    return [
        helper
        for helper in (*threads, *multiprocessing.active_children())
        if helper not in _LEFT_BEHIND
    ]


_LEFT_BEHIND: list[Any] = []  # by tests that have failed


@pytest.fixture(autouse=True)
def _nobody_stays() -> Iterator[None]:
    """Whatever happens in a test, no helper outlives it."""
    yield
    left = helpers()
    _LEFT_BEHIND.extend(left)
    for helper in left:
        if not isinstance(helper, threading.Thread):
            helper.kill()
            helper.join()
    assert left == []


@pytest.fixture
def promptly() -> Iterator[None]:
    """Nobody waits for somebody who will not come."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < PROMPTLY


def for_ever(worker: Worker) -> Steps:
    while True:
        worker.meet()
        yield worker.rank


# The program


@sizes
def test_results_are_in_order_of_rank(size: int, threads: bool) -> None:
    def program(worker: Worker) -> Steps:
        yield "begun", worker.rank
        time.sleep(0.02 * (worker.size - worker.rank))  # the last is the first to be done
        return worker.rank, worker.size, {"some": np.arange(3).tolist()}

    outcome = run(Team(size, threads=threads), program)
    assert outcome.results == [(rank, size, {"some": [0, 1, 2]}) for rank in range(size)]


@sizes
def test_only_what_the_caller_yields_is_handed_on(size: int, threads: bool) -> None:
    def program(worker: Worker) -> Steps:
        for i in range(10 if worker.rank == 0 else 17):  # helpers are not held up by anyone
            yield worker.rank, i
        worker.meet()

    outcome = run(Team(size, threads=threads), program)
    assert outcome.yielded == [(0, i) for i in range(10)]
    assert outcome.results == [None] * size


@few_sizes
def test_a_team_runs_one_program_after_another(size: int, threads: bool) -> None:
    team = Team(size, threads=threads)
    shared = team.zeros(size, np.int64)

    def program(worker: Worker) -> Steps:
        shared[worker.rank] += 1
        worker.meet()
        yield
        return int(shared.sum())

    assert [run(team, program).results for _ in range(3)] == [[size * n] * size for n in (1, 2, 3)]


def test_nothing_begins_before_it_is_asked_for(threads: bool) -> None:
    generator = Team(3, threads=threads).run(for_ever)
    assert helpers() == []
    generator.close()


def test_helpers_are_threads_or_processes(threads: bool) -> None:
    def program(worker: Worker) -> Steps:
        worker.meet()
        yield
        worker.meet()
        return os.getpid(), threading.get_ident()

    results = run(Team(3, threads=threads), program).results
    processes, idents = (set(numbers) for numbers in zip(*results, strict=True))
    assert results[0] == (os.getpid(), threading.get_ident())
    assert len(processes) == (1 if threads else 3)
    if threads:
        assert len(idents) == 3


def test_a_worker_alone_uses_neither(threads: bool) -> None:
    generator = Team(1, threads=threads).run(for_ever)
    assert next(generator) == 0
    assert helpers() == []
    generator.close()


@pytest.mark.parametrize("kind", [None, pytest.param(False, marks=needs_fork)], ids=str)
def test_the_kind_is_chosen_if_none_is_named(kind: bool | None) -> None:
    def program(worker: Worker) -> Steps:
        yield
        return os.getpid()

    expected = 2 if sys.platform == "linux" else 1
    assert len(set(run(Team(2, threads=kind), program).results)) == expected


def test_workers_run_at_the_same_time(threads: bool) -> None:
    """Each waits for a word of the next: one after the other they would wait for ever."""
    team = Team(3, threads=threads)
    words = team.zeros(3, np.int8)

    def program(worker: Worker) -> Steps:
        words[worker.rank] = 1
        while not words[(worker.rank + 1) % 3]:
            time.sleep(0.001)
        yield

    run(team, program)
    assert words.tolist() == [1, 1, 1]


# What workers share


@sizes
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), ()),
        ((0,), (0,)),
        (0, (0,)),
        ((3, 0, 2), (3, 0, 2)),
        (7, (7,)),
        ((7,), (7,)),
        ((2, 3, 5), (2, 3, 5)),
        ((1000, 1001), (1000, 1001)),
    ],
    ids=str,
)
def test_zeros(
    size: int, threads: bool, shape: tuple[int, ...] | int, expected: tuple[int, ...]
) -> None:
    for dtype in (np.int8, np.float32, np.int64):
        made = Team(size, threads=threads).zeros(shape, dtype)
        assert (made.shape, made.dtype) == (expected, np.dtype(dtype))
        assert not made.any()
        assert made.flags.c_contiguous
        assert made.flags.writeable
        made[...] = 1
        assert made.sum() == made.size


@sizes
def test_what_a_worker_writes_all_others_read(size: int, threads: bool) -> None:
    team = Team(size, threads=threads)
    numbers, other = team.zeros((size, 4), np.float32), team.zeros((), np.int64)

    def program(worker: Worker) -> Steps:
        numbers[worker.rank, :] = worker.rank + 1
        if worker.rank == worker.size - 1:
            other[...] = 12
        worker.meet()
        yield
        return numbers.tolist(), int(other)

    expected = [[rank + 1.0] * 4 for rank in range(size)]
    assert run(team, program).results == [(expected, 12)] * size
    assert numbers.tolist() == expected  # after the run as well
    assert int(other) == 12


@needs_fork
def test_shared_memory_needs_no_file() -> None:
    before = set(Path("/dev/shm").iterdir()) if Path("/dev/shm").exists() else set()
    team = Team(2, threads=False)
    shared = team.zeros((1 << 20,), np.float64)

    def program(worker: Worker) -> Steps:
        shared[worker.rank] = 1
        worker.meet()
        yield set(Path("/dev/shm").iterdir()) if Path("/dev/shm").exists() else set()

    (during,) = run(team, program).yielded
    assert during <= before
    assert shared[:3].tolist() == [1, 1, 0]


# Meeting


@pytest.mark.parametrize("size", [2, 3, 5])
def test_meeting_orders_writes_and_reads(size: int, threads: bool) -> None:
    """In 300 rounds, each worker hands a number on to the next, who adds its own to it."""
    rounds = 300
    team = Team(size, threads=threads)
    numbers = team.zeros((2, size), np.int64)  # of this round and of the last

    def program(worker: Worker) -> Steps:
        for i in range(rounds):
            worker.meet()
            before = numbers[i % 2, worker.rank - 1]
            numbers[(i + 1) % 2, worker.rank] = before + worker.rank + 1
            yield
        worker.meet()
        return int(numbers[rounds % 2, worker.rank])

    expected = [0] * size
    for _ in range(rounds):
        expected = [expected[rank - 1] + rank + 1 for rank in range(size)]
    assert run(team, program).results == expected


def test_nobody_passes_before_the_last_has_come(threads: bool) -> None:
    team = Team(3, threads=threads)
    here = team.zeros(3, np.int64)

    def program(worker: Worker) -> Steps:
        for late in range(3):
            if worker.rank == late:
                time.sleep(0.05)
            here[worker.rank] = late + 1
            worker.meet()
            yield here.tolist()
            assert here.tolist() == [late + 1] * 3
            worker.meet()

    assert run(team, program).yielded == [[n] * 3 for n in (1, 2, 3)]


def test_a_long_wait_is_no_failure(threads: bool) -> None:
    """Several times as long as a worker sleeps before it looks after the others."""

    def program(worker: Worker) -> Steps:
        for late in range(2):
            if worker.rank == late:
                time.sleep(0.1)
            worker.meet()
            yield late

    assert run(Team(2, threads=threads), program).yielded == [0, 1]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100, 12_345])
@sizes
def test_shares_cover_everything_once(size: int, n: int) -> None:
    def program(worker: Worker) -> Steps:
        yield
        return worker.share(n)

    shares = run(Team(size, threads=True), program).results
    assert [i for start, stop in shares for i in range(start, stop)] == list(range(n))
    lengths = [stop - start for start, stop in shares]
    assert max(lengths) - min(lengths) <= 1


# Programs that fail


class ModuleLevelError(Exception):
    """One that pickle finds."""


class TwoArgumentsError(Exception):
    """One that can be pickled, but not be made again from what was."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def failing(rank: int, error: BaseException, rounds: int = 3) -> Callable[[Worker], Steps]:
    """A program that one worker does not survive, while the others go on."""

    def program(worker: Worker) -> Steps:
        for i in range(1000):
            worker.meet()
            yield i
            if i == rounds and worker.rank == rank:
                raise error

    return program


@pytest.mark.parametrize(("size", "rank"), [(1, 0), (2, 1), (3, 0), (3, 2)])
@pytest.mark.parametrize(
    "error",
    [
        ModuleLevelError("row 7 is wrong"),
        KeyboardInterrupt("row 7 is wrong"),
        SystemExit("row 7 is wrong"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_worker_raises_reaches_the_caller(
    size: int, rank: int, error: BaseException, threads: bool, promptly: None
) -> None:
    """Though it is waiting for that worker, at the next meeting."""
    seen: list[Any] = []
    with pytest.raises(type(error), match="row 7 is wrong") as caught:
        seen.extend(Team(size, threads=threads).run(failing(rank, error)))
    assert type(caught.value) is type(error)
    assert caught.value.args == error.args


def test_what_is_raised_before_the_first_meeting(threads: bool, promptly: None) -> None:
    def program(worker: Worker) -> Steps:
        if worker.rank == 2:
            raise ModuleLevelError("at once")
        yield from for_ever(worker)

    with pytest.raises(ModuleLevelError, match="at once"):
        run(Team(3, threads=threads), program)


def test_what_is_raised_after_the_last_meeting(threads: bool, promptly: None) -> None:
    def program(worker: Worker) -> Steps:
        yield worker.rank
        worker.meet()
        if worker.rank == 2:
            raise ModuleLevelError("in the end")

    yielded: list[Any] = []
    with pytest.raises(ModuleLevelError, match="in the end"):
        yielded.extend(Team(3, threads=threads).run(program))


def test_a_program_that_cannot_begin(threads: bool, promptly: None) -> None:
    """It raises where it is called, before there is a generator."""

    def program(worker: Worker) -> Steps:
        if worker.rank:
            raise ModuleLevelError("not even begun")
        return for_ever(worker)

    with pytest.raises(ModuleLevelError, match="not even begun"):
        run(Team(2, threads=threads), program)


def test_errors_of_several_workers(threads: bool, promptly: None) -> None:
    """One of them is raised."""

    def program(worker: Worker) -> Steps:
        worker.meet()
        yield
        if worker.rank:
            raise ModuleLevelError(f"rank {worker.rank}")
        yield from for_ever(worker)

    with pytest.raises(ModuleLevelError, match=r"rank [12]"):
        run(Team(3, threads=threads), program)


def test_numpy_errors(threads: bool, promptly: None) -> None:
    """What a real program is likely to raise."""

    def program(worker: Worker) -> Steps:
        yield
        if worker.rank:
            np.zeros(1 << 60, dtype=np.int8)
        yield from for_ever(worker)

    with pytest.raises(MemoryError, match="Unable to allocate"):
        run(Team(2, threads=threads), program)


@needs_fork
def test_errors_that_cannot_be_sent(promptly: None, capfd: pytest.CaptureFixture[str]) -> None:
    """It is still known that there was one, and what it was."""

    class LocalError(Exception):
        pass

    with pytest.raises(TrainingError, match="xw2v-1") as caught:
        run(Team(3, threads=False), failing(1, LocalError("only here")))
    assert "LocalError: only here" in f"{caught.value} {capfd.readouterr().err}"


@needs_fork
def test_errors_that_can_be_sent_but_not_received(promptly: None) -> None:
    with pytest.raises(TrainingError, match="row 7 and row 8"):
        run(Team(3, threads=False), failing(1, TwoArgumentsError("row 7", "row 8")))


@needs_fork
def test_results_that_cannot_be_sent(promptly: None, capfd: pytest.CaptureFixture[str]) -> None:
    def program(worker: Worker) -> Steps:
        yield
        return lambda: worker

    with pytest.raises(TrainingError, match="xw2v-1") as caught:
        run(Team(2, threads=False), program)
    assert "lambda" in f"{caught.value} {capfd.readouterr().err}"


@needs_fork
@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (
            BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
            TrainingError,
            "cannot start worker processes: Resource temporarily unavailable; use fewer workers",
        ),
        (KeyboardInterrupt("enough"), KeyboardInterrupt, "enough"),
    ],
    ids=["system", "user"],
)
def test_helpers_that_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch,
    promptly: None,
    error: BaseException,
    expected: type[BaseException],
    message: str,
) -> None:
    """Those before them go home."""
    forks = []

    def fork() -> int:
        forks.append(1)
        if len(forks) == 3:
            raise error
        return real_fork()

    real_fork = os.fork
    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(expected) as caught:
        run(Team(4, threads=False), for_ever)
    assert message in str(caught.value)
    assert helpers() == []


def test_threads_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, promptly: None) -> None:
    def begin(thread: threading.Thread) -> None:
        if thread.name == "xw2v-3":
            raise RuntimeError("can't start new thread")
        real_start(thread)

    real_start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", begin)
    with pytest.raises(RuntimeError, match="can't start"):
        run(Team(4, threads=True), for_ever)
    assert helpers() == []


@few_sizes
def test_a_team_survives_a_failure(size: int, threads: bool) -> None:
    team = Team(size, threads=threads)
    for _ in range(3):
        with pytest.raises(ModuleLevelError):
            run(team, failing(size - 1, ModuleLevelError("once more")))
        assert run(team, _ranks).results == list(range(size))


def _ranks(worker: Worker) -> Steps:
    worker.meet()
    yield
    return worker.rank


# Callers that leave


@few_sizes
@pytest.mark.parametrize("rounds", [1, 20])
def test_a_caller_that_closes_the_generator(
    size: int, rounds: int, threads: bool, promptly: None
) -> None:
    generator = Team(size, threads=threads).run(for_ever)
    for _ in range(rounds):
        next(generator)
    assert len(helpers()) == size - 1
    generator.close()
    assert helpers() == []


@few_sizes
def test_a_caller_that_raises(size: int, threads: bool, promptly: None) -> None:
    def consume() -> None:
        for _ in Team(size, threads=threads).run(for_ever):
            raise ModuleLevelError("of the caller's")

    with pytest.raises(ModuleLevelError, match="of the caller's"):
        consume()
    assert helpers() == []


def test_a_caller_that_leaves_cleans_up_its_own_program(threads: bool, promptly: None) -> None:
    closed = []

    def program(worker: Worker) -> Steps:
        try:
            yield from for_ever(worker)
        finally:
            closed.append(worker.rank)

    generator = Team(2, threads=threads).run(program)
    next(generator)
    generator.close()
    assert closed[0] == 0


def test_no_file_is_left_open(threads: bool) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell")
    run(Team(3, threads=threads), _ranks)
    before = descriptors()
    for _ in range(2):
        run(Team(3, threads=threads), _ranks)
        with pytest.raises(ModuleLevelError):
            run(Team(3, threads=threads), failing(2, ModuleLevelError("no")))
    assert descriptors() == before


# Helpers that die


@needs_fork
@pytest.mark.parametrize("when", ["meeting", "last"])
@pytest.mark.parametrize(("size", "rank"), [(2, 1), (3, 2), (3, 1)])
def test_a_helper_that_is_killed(size: int, rank: int, when: str, promptly: None) -> None:
    def program(worker: Worker) -> Steps:
        worker.meet()
        yield
        if worker.rank == rank:
            os.kill(os.getpid(), signal.SIGKILL)
        if when == "meeting":
            yield from for_ever(worker)

    with pytest.raises(TrainingError, match=rf"xw2v-{rank} was killed by signal 9: .*memory"):
        run(Team(size, threads=False), program)


@needs_fork
def test_a_helper_that_leaves_by_itself(promptly: None) -> None:
    def program(worker: Worker) -> Steps:
        worker.meet()
        yield
        if worker.rank == 1:
            os._exit(5)
        yield from for_ever(worker)

    with pytest.raises(TrainingError, match="xw2v-1 exited with status 5"):
        run(Team(3, threads=False), program)


@needs_fork
def test_helpers_leave_when_the_caller_is_killed(tmp_path: Path) -> None:
    script = """
        import os, time
        from xw2v.backend import Team

        def program(worker):
            os.write(1, f"{os.getpid()}\\n".encode())
            worker.meet()
            yield
            while True:
                time.sleep(0.01)
                worker.meet()
                yield

        for _ in Team(3, threads=False).run(program):
            print("ready", flush=True)
    """
    with start(tmp_path, script) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "ready" not in lines:
            lines.append(process.stdout.readline().strip())
        pids = [int(line) for line in lines if line != "ready"]
        assert len(pids) == 3
        process.kill()
    deadline = time.monotonic() + PROMPTLY
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, pids))


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


# Signals


@needs_fork
def test_an_interrupt_is_the_callers_business() -> None:
    """Ctrl-C reaches all processes of a terminal; the caller's stops the others."""

    def program(worker: Worker) -> Steps:
        if worker.rank:
            os.kill(os.getpid(), signal.SIGINT)
        worker.meet()
        yield
        return "alive"

    assert run(Team(3, threads=False), program).results == ["alive"] * 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@needs_fork
def test_an_interrupted_caller_leaves_at_once(tmp_path: Path) -> None:
    script = """
        import time
        from xw2v.backend import Team

        def program(worker):
            worker.meet()
            yield
            if worker.rank:
                time.sleep(60)
            worker.meet()

        for _ in Team(3, threads=False).run(program):
            print("ready", flush=True)
    """
    with start(tmp_path, script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - began < PROMPTLY
    assert process.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1
    assert err.rstrip().endswith("KeyboardInterrupt")


@needs_fork
@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda number, frame: None"])
def test_a_caller_that_does_not_let_itself_be_terminated(tmp_path: Path, handler: str) -> None:
    """What a process has made of SIGTERM is passed on to its copies, at least at first."""
    script = f"""
        import signal
        from xw2v.backend import Team

        def program(worker):
            if worker.rank == 0:
                yield
            while True:
                worker.meet()

        signal.signal(signal.SIGTERM, {handler})
        for _ in range(10):
            generator = Team(3, threads=False).run(program)
            next(generator)  # the others have hardly begun
            generator.close()
        print("done")
    """
    with start(tmp_path, script) as process:
        try:
            out, err = process.communicate(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert (out, err) == ("done\n", "")


# BLAS


def blas_threads() -> list[int]:
    return [int(p["num_threads"]) for p in threadpool_info() if p["user_api"] == "blas"]


@few_sizes
def test_blas_is_held_to_one_thread(size: int, threads: bool) -> None:
    def program(worker: Worker) -> Steps:
        np.ones((64, 64)) @ np.ones((64, 64))
        yield
        return blas_threads()

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        if 2 not in before:
            pytest.skip("BLAS has but one thread here")
        results = run(Team(size, threads=threads), program).results
        assert {number for numbers in results for number in numbers} == {1}
        assert blas_threads() == before
        generator = Team(size, threads=threads).run(for_ever)
        next(generator)
        assert set(blas_threads()) == {1}
        generator.close()
        assert blas_threads() == before
        with pytest.raises(ModuleLevelError):
            run(Team(size, threads=threads), failing(size - 1, ModuleLevelError("no")))
        assert blas_threads() == before


@needs_fork
def test_processes_after_blas_has_had_threads() -> None:
    """Threads do not live on in a copy of the process: whoever asked them would wait for ever."""
    a = np.ones((300, 300))
    a @ a

    def program(worker: Worker) -> Steps:
        worker.meet()
        yield
        return float((a @ a).sum())

    assert run(Team(3, threads=False), program).results == [300.0**3] * 3


# Whose process it is


@needs_fork
def test_in_a_daemonic_process_workers_are_threads() -> None:
    """Such a process may have no children; the pools of `multiprocessing` are made of them."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def program(worker: Worker) -> Steps:
        worker.meet()
        yield
        return worker.rank, os.getpid()

    def child() -> None:
        sender.send((os.getpid(), run(Team(3), program).results))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = context.Process(target=child, daemon=True)
        process.start()
    assert receiver.poll(30)
    pid, results = receiver.recv()
    process.join()
    assert results == [(rank, pid) for rank in range(3)]
    assert pid != os.getpid()


def test_a_caller_that_is_not_the_main_thread(threads: bool) -> None:
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run(Team(3, threads=threads), _ranks)))
    thread.start()
    thread.join()
    assert outcomes == [([None], [0, 1, 2])]


@needs_fork
def test_forking_beside_threads_warns_nobody() -> None:
    """Python 3.12 and later warn of it, though not with an error where warnings are errors."""
    stop = threading.Event()
    beside = threading.Thread(target=stop.wait)
    beside.start()
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            filters = list(warnings.filters)
            assert run(Team(3, threads=False), _ranks).results == [0, 1, 2]
            assert list(warnings.filters) == filters
        assert [str(warning.message) for warning in seen] == []
    finally:
        stop.set()
        beside.join()


@needs_fork
def test_what_the_caller_has_not_printed_yet_is_printed_once(tmp_path: Path) -> None:
    script = """
        import sys
        from xw2v.backend import Team

        def program(worker):
            worker.meet()
            yield

        sys.stdout.write("half a line, ")
        list(Team(3, threads=False).run(program))
        sys.stdout.write("and the other half")
    """
    with start(tmp_path, script) as process:
        out, err = process.communicate(timeout=60)
    assert (out, err) == ("half a line, and the other half", "")


def start(folder: Path, script: str) -> "subprocess.Popen[str]":
    """Run a script of a user's, in a process group of its own."""
    path = folder / "script.py"
    path.write_text(textwrap.dedent(script))
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
    )


# How many


@pytest.mark.parametrize(
    ("forks", "locked", "expected"),
    [(True, True, 7), (True, False, 7), (False, False, 7), (False, True, 1)],
)
def test_threads_that_share_a_lock_are_no_help(
    monkeypatch: pytest.MonkeyPatch, forks: bool, locked: bool, expected: int
) -> None:
    monkeypatch.setattr(team, "usable_cores", lambda: 7)
    monkeypatch.setattr(team, "_can_fork", lambda: forks)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: locked, raising=False)
    assert team.useful_workers() == expected

"""Ctrl-C and SIGTERM while `xw2v train` runs: nothing is lost, and a second one does not wait."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AtBatch, Outcome, assert_same, environment, names
from xw2v.checkpoints import Checkpointer
from xw2v.cli import main
from xw2v.cli.interrupts import Interrupts, tell
from xw2v.formats.checkpoints import checkpoint_names, find_checkpoint
from xw2v.model import save_trained

Call = Callable[..., Outcome]

OPTIONS = (
    *("--vector-size", "8", "--min-count", "1", "--sample", "0", "--epochs", "4", "--no-cache"),
    *("--workers", "2", "--batch-words", "2048"),  # of which smaller batches need but one
)
WITH_CHECKPOINTS = ("--checkpoint-every", "5000", "--keep", "1")
INTERRUPT, TERMINATE = signal.SIGINT, signal.SIGTERM
STATUS = {INTERRUPT: 130, TERMINATE: 143}

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="processes cannot send each other signals"
)

# The command, which waits after the seventh of its batches until it is interrupted.
HOLDING = """
import sys, time
from xw2v.checkpoints import Checkpointer
from xw2v.cli import main

on_batch_end = Checkpointer.on_batch_end

def hold(self, run):
    if run.position.steps == 7:
        print("holding", file=sys.stderr, flush=True)
        deadline = time.monotonic() + 60
        while not self._settings.interrupted() and time.monotonic() < deadline:
            time.sleep(0.01)
    on_batch_end(self, run)

Checkpointer.on_batch_end = hold
main()
"""


@pytest.fixture(scope="module")
def reference(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the model that nobody interrupts."""
    path = tmp_path_factory.mktemp("reference") / "model"
    with pytest.raises(SystemExit) as ended:
        main(["train", str(corpus), "-o", str(path), "--quiet", *OPTIONS])
    assert ended.value.code == 0
    return path


def send(*numbers: signal.Signals) -> Callable[[], None]:
    """Return what sends signals to this process."""

    def send() -> None:
        for number in numbers:
            signal.raise_signal(number)

    return send


@contextmanager
def holding(folder: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run the command until it waits for an interrupt."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stderr is not None
            while process.stderr.readline() != "holding\n":
                assert process.poll() is None
            yield process
        finally:
            process.kill()


@needs_signals
@pytest.mark.parametrize(
    ("number", "whom", "options"),
    [
        pytest.param(INTERRUPT, "the process", (), id="ctrl-c"),
        pytest.param(
            *(INTERRUPT, "its group", WITH_CHECKPOINTS),
            id="ctrl-c-group-checkpoints",
            marks=pytest.mark.slow,
        ),
        pytest.param(TERMINATE, "its group", WITH_CHECKPOINTS, id="term-group-checkpoints"),
        pytest.param(TERMINATE, "the process", (), id="term", marks=pytest.mark.slow),
    ],
)
def test_the_run_goes_on_as_printed(
    corpus: Path,
    reference: Path,
    tmp_path: Path,
    number: signal.Signals,
    whom: str,
    options: tuple[str, ...],
) -> None:
    """A terminal sends Ctrl-C to the group: to the workers as well."""
    arguments = ("train", corpus, "-o", "my model", *OPTIONS, *options)
    with holding(tmp_path, *arguments) as process:
        if whom == "the process":
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == STATUS[number]
    assert out == ""
    first, second, command = err.splitlines()
    assert first == "xw2v: stopping as soon as nothing is lost by it; once more to leave at once"
    kept = checkpoint_names(tmp_path / "my model.checkpoints")
    newest = Path("my model.checkpoints") / kept[-1]
    assert second == f"xw2v: interrupted; {newest} holds the run. Go on with:"
    assert command.startswith("  xw2v train --resume ")
    with pytest.raises(ProcessLookupError):  # nobody is left in the group
        os.killpg(process.pid, 0)
    assert names(tmp_path) == ["my model.checkpoints"]
    assert names(tmp_path / "my model.checkpoints") == kept
    assert len(kept) == 1

    program, *resumed = shlex.split(command)
    assert program == "xw2v"
    done = subprocess.run(
        [sys.executable, "-m", "xw2v", *resumed],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"resuming at {newest}, after 1." in done.stderr
    assert_same(tmp_path / "my model", reference)
    # Checkpoints stay where they were asked for.
    assert names(tmp_path) == ["my model", *["my model.checkpoints"] * bool(options)]


@pytest.mark.parametrize("step", [1, 7, 24])
@pytest.mark.parametrize("number", [INTERRUPT, TERMINATE], ids=["ctrl-c", "term"])
def test_after_any_batch(
    call: Call,
    corpus: Path,
    reference: Path,
    tmp_path: Path,
    at_batch: AtBatch,
    number: signal.Signals,
    step: int,
) -> None:
    """The first, one of an epoch in the middle, and the last."""
    before = [signal.getsignal(each) for each in STATUS]
    at_batch(step, send(number))
    arguments = ("train", corpus, "-o", tmp_path / "m", "--quiet", *OPTIONS)
    status, out, err = call(*arguments)
    assert (status, out) == (STATUS[number], "")
    assert [signal.getsignal(each) for each in STATUS] == before
    assert names(tmp_path) == ["m.checkpoints"]
    found = find_checkpoint(tmp_path / "m.checkpoints", pytest.fail)
    assert found is not None
    assert found[1].record["position"]["steps"] == step
    # As printed, and not interrupted again as the batch was before.
    assert call(*shlex.split(err.splitlines()[-1])[1:]) == (0, "", "")
    assert_same(tmp_path / "m", reference)
    assert names(tmp_path) == ["m"]


def test_while_the_text_is_encoded_for_training(
    call: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first batch there is nothing to keep, but it does not take long."""

    def begin(self: Checkpointer, run: Any) -> None:
        send(INTERRUPT)()

    monkeypatch.setattr(Checkpointer, "on_train_begin", begin)
    assert call("train", corpus, "-o", tmp_path / "m", *OPTIONS).status == 130
    found = find_checkpoint(tmp_path / "m.checkpoints", pytest.fail)
    assert found is not None
    assert found[1].record["position"]["steps"] == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(first, second, id=f"{first.name}-{second.name}")
        for first in STATUS
        for second in STATUS
    ],
)
def test_a_second_one_during_a_long_batch(
    call: Call,
    corpus: Path,
    reference: Path,
    tmp_path: Path,
    at_batch: AtBatch,
    first: signal.Signals,
    second: signal.Signals,
) -> None:
    at_batch(7, send(first, second))
    arguments = ("train", corpus, "-o", tmp_path / "m", "--quiet", *OPTIONS, *WITH_CHECKPOINTS)
    status, _, err = call(*arguments)
    assert status == STATUS[second]
    assert "Go on with" not in err
    assert "Traceback" not in err
    assert names(tmp_path) == ["m.checkpoints"]
    found = find_checkpoint(tmp_path / "m.checkpoints", pytest.fail)
    assert found is not None
    assert found[1].record["position"]["steps"] == 5  # the first one beyond 10,000 words
    at_batch(7, lambda: None)
    assert call(*arguments, "--resume").status == 0
    assert_same(tmp_path / "m", reference)


@pytest.mark.parametrize("second", STATUS, ids=lambda number: number.name)
def test_a_second_one_while_a_checkpoint_is_written(
    call: Call,
    corpus: Path,
    tmp_path: Path,
    at_batch: AtBatch,
    monkeypatch: pytest.MonkeyPatch,
    second: signal.Signals,
) -> None:
    def sending(*_: object) -> None:
        send(second)()

    def begin() -> None:
        send(INTERRUPT)()
        monkeypatch.setattr("xw2v.formats.checkpoints.write_sums", sending)

    at_batch(7, begin)
    arguments = ("train", corpus, "-o", tmp_path / "m", *OPTIONS, *WITH_CHECKPOINTS)
    assert call(*arguments).status == STATUS[second]
    (name,) = names(tmp_path / "m.checkpoints")  # nothing half-written
    found = find_checkpoint(tmp_path / "m.checkpoints", pytest.fail)
    assert found is not None
    assert found[0].name == name
    assert found[1].record["position"]["steps"] == 5


def interrupting_save(*numbers: signal.Signals) -> Callable[..., None]:
    """Return what saves a model, interrupted when part of it is written."""

    def save(path: Path, model: Any, **options: Any) -> None:
        class Words(tuple[str, ...]):
            def __iter__(self) -> Iterator[str]:
                if numbers and any(path.parent.glob(".xw2v-*.tmp")):
                    send(*numbers)()
                return super().__iter__()

        words = Words(model.words)
        save_trained(path, type(model)(**{**vars(model), "words": words}), **options)

    return save


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_while_the_model_is_written(
    call: Call,
    corpus: Path,
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    """There is nothing to go on with: it gets written."""
    monkeypatch.setattr("xw2v.cli.train.save_trained", interrupting_save(number))
    status, out, err = call("train", corpus, "-o", tmp_path / "m", *OPTIONS)
    assert status == 0
    assert "stopping as soon as nothing is lost" in err
    assert f"model       {tmp_path / 'm'}\n" in out
    assert names(tmp_path) == ["m"]
    assert_same(tmp_path / "m", reference)


@pytest.mark.parametrize("options", [(), WITH_CHECKPOINTS], ids=["without", "with-checkpoints"])
def test_a_second_one_while_the_model_is_written(
    call: Call,
    corpus: Path,
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    monkeypatch.setattr("xw2v.cli.train.save_trained", interrupting_save(INTERRUPT, TERMINATE))
    arguments = ("train", corpus, "-o", tmp_path / "m", *OPTIONS, *options)
    status, out, _ = call(*arguments)
    assert (status, out) == (143, "")
    assert names(tmp_path) == ["m.checkpoints"] * bool(options)
    monkeypatch.setattr("xw2v.cli.train.save_trained", save_trained)
    assert call(*arguments, "--resume").status == 0
    assert_same(tmp_path / "m", reference)


@needs_signals
@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_while_the_text_is_read(tmp_path: Path, number: signal.Signals) -> None:
    """Nothing is kept, so nothing is waited for."""
    folders = {name: tmp_path / name for name in ("here", "scratch", "cache")}
    for folder in folders.values():
        folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "xw2v", "train", "-", "-o", "m", "--workers", "2"],
        cwd=folders["here"],
        env={
            **environment(),
            "TMPDIR": str(folders["scratch"]),
            "XW2V_CACHE_DIR": str(folders["cache"]),
        },
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        try:
            # As the pipe holds little, most of it has been read.
            for part in range(10):
                process.stdin.write(b"%d a b\n" % part * 35_000)
            process.stdin.flush()
            os.killpg(process.pid, number)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    if number == INTERRUPT:
        assert process.returncode == 130
        assert err.decode().split("\n") == ["text: -", "", "xw2v: interrupted", ""]
    else:
        assert process.returncode == -TERMINATE  # a shell calls that 143 as well
        assert err.decode().splitlines() == ["text: -"]
    assert all(names(folder) == [] for folder in folders.values())


@needs_signals
def test_nobody_reads_what_is_said_any_more(corpus: Path, tmp_path: Path) -> None:
    """Ctrl-C ends the reader of a pipe as well: xw2v train 2>&1 | tee log."""
    with holding(tmp_path, "train", corpus, "-o", "m", *OPTIONS) as process:
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(INTERRUPT)
        assert process.wait(60) == 130
    assert names(tmp_path) == ["m.checkpoints"]
    assert find_checkpoint(tmp_path / "m.checkpoints", pytest.fail) is not None


def test_no_checkpoint_can_be_written(
    call: Call, corpus: Path, reference: Path, tmp_path: Path, at_batch: AtBatch
) -> None:
    """Then the run goes on; a second signal ends it all the same."""
    in_the_way = tmp_path / "m.checkpoints"

    def interrupt() -> None:
        in_the_way.write_text("in the way")
        send(INTERRUPT)()

    at_batch(7, interrupt)
    arguments = ("train", corpus, "-o", tmp_path / "m", *OPTIONS)
    status, _, err = call(*arguments)
    assert status == 0
    lines = err.splitlines()
    assert f"no checkpoint: cannot write {tmp_path / 'm.checkpoints/checkpoint-000001'}: " in err
    assert "training goes on, so that nothing is lost" in lines
    assert_same(tmp_path / "m", reference)
    in_the_way.unlink()
    at_batch(9, send(TERMINATE))
    assert call(*arguments, "--overwrite").status == 143
    assert_same(tmp_path / "m", reference)  # the model of before


def test_elsewhere_than_in_the_main_thread(corpus: Path, tmp_path: Path) -> None:
    """There are no signals there, which is no reason not to train."""
    before = [signal.getsignal(number) for number in STATUS]
    codes: list[object] = []

    def run() -> None:
        with pytest.raises(SystemExit) as ended:
            main(["train", str(corpus), "-o", str(tmp_path / "m"), "--quiet", *OPTIONS])
        codes.append(ended.value.code)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert codes == [0]
    assert [signal.getsignal(number) for number in STATUS] == before


def test_signals_that_are_ignored_stay_so() -> None:
    """As those of a job that a shell has put into the background."""
    before = signal.signal(INTERRUPT, signal.SIG_IGN)
    interrupts = Interrupts()
    try:
        with interrupts.receiving():
            assert signal.getsignal(INTERRUPT) is signal.SIG_IGN
            assert signal.getsignal(TERMINATE) == interrupts.receive
        assert signal.getsignal(INTERRUPT) is signal.SIG_IGN
    finally:
        signal.signal(INTERRUPT, before)
    assert not interrupts.asked


def test_handlers_are_restored_after_an_error() -> None:
    before = [signal.getsignal(number) for number in STATUS]
    with pytest.raises(KeyError), Interrupts().receiving():
        raise KeyError
    assert [signal.getsignal(number) for number in STATUS] == before


def test_telling_in_the_middle_of_another_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where Python refuses to write what a handler of signals has to say."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    monkeypatch.setattr("click.echo", refuse)
    tell("something")
    assert capfd.readouterr().err == "something\n"

"""`xw2v train` where files cannot be written any more: nothing is lost that was safe before."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AtBatch, Outcome, assert_same, names
from xw2v.cli import main
from xw2v.formats.checkpoints import checkpoint_names, find_checkpoint

Call = Callable[..., Outcome]

# Of 14 batches an epoch; checkpoints are due after batches 6, 12, 18 and 23, and after the last.
OPTIONS = (
    *("--vector-size", "8", "--min-count", "1", "--sample", "0", "--epochs", "2", "--no-cache"),
    *("--batch-words", "1000", "--optimizer", "adam", "--workers", "1"),
)
WITH_CHECKPOINTS = (*OPTIONS, "--checkpoint-every", "5000")


class Trouble(ABC):
    """What keeps files from being written.

    Attributes
    ----------
    folder : Path
        Where.
    reason : str
        What the system says then.
    """

    reason: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def end(self) -> None: ...

    def remove(self) -> None:
        """Put in order what a test has left."""
        self.end()


class Mounted(Trouble):
    """A disk of its own, a small one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.mount("-t", "tmpfs", "-o", "size=2m", "tmpfs")

    def mount(self, *arguments: str) -> None:
        if sys.platform != "linux":
            pytest.skip("needs Linux")
        command = ["mount", *arguments, str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")

    def remove(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)


class FullDisk(Mounted):
    reason = "No space left on device"

    def begin(self) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass

    def end(self) -> None:
        (self.folder / "filler").unlink()


class ReadOnlyDisk(Mounted):
    reason = "Read-only file system"

    def begin(self) -> None:
        self.mount("-o", "remount,ro")

    def end(self) -> None:
        self.mount("-o", "remount,rw")


class LimitedFiles(Trouble):
    """What `ulimit -f` asks for: as full disks, but without one, and with empty files."""

    reason = "File too large"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if sys.platform == "win32":
            pytest.skip("there are no limits")
        import resource

        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(self, soft: int) -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, self._before[1]))

    def begin(self) -> None:
        self.limit(1000)

    def end(self) -> None:
        self.limit(self._before[0])


class NoPermission(Trouble):
    reason = "Permission denied"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if not hasattr(os, "geteuid") or os.geteuid() == 0:
            pytest.skip("root may write")

    def _change(self, mode: int) -> None:
        for path in (self.folder, *self.folder.glob("*.checkpoints")):
            path.chmod(mode)

    def begin(self) -> None:
        self._change(0o500)

    def end(self) -> None:
        self._change(0o700)


@pytest.fixture(
    params=[FullDisk, ReadOnlyDisk, LimitedFiles, NoPermission], ids=lambda kind: kind.__name__
)
def trouble(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trouble]:
    """Each kind of trouble in turn, in a folder of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    kind: type[Trouble] = request.param
    trouble = kind(folder)
    yield trouble
    trouble.remove()


@pytest.fixture(scope="module")
def reference(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the model that nothing stands in the way of."""
    path = tmp_path_factory.mktemp("reference") / "model"
    with pytest.raises(SystemExit) as ended:
        main(["train", str(corpus), "-o", str(path), "--quiet", *OPTIONS])
    assert ended.value.code == 0
    return path


def newest(folder: Path) -> tuple[str, int]:
    """Return the name of the newest checkpoint, which must be whole, and its words."""
    found = find_checkpoint(folder, pytest.fail)
    assert found is not None
    path, checkpoint = found
    assert [path.name] == checkpoint_names(folder)[-1:]
    return path.name, checkpoint.record["position"]["words"]


def test_training_goes_on_without_checkpoints(
    call: Call, corpus: Path, reference: Path, at_batch: AtBatch, trouble: Trouble
) -> None:
    """And with them as soon as that is possible again."""
    checkpoints = trouble.folder / "m.checkpoints"
    seen: list[tuple[str, int]] = []
    at_batch(7, trouble.begin)
    at_batch(19, lambda: seen.append(newest(checkpoints)))
    at_batch(20, trouble.end)
    arguments = ("train", corpus, "-o", trouble.folder / "m", *WITH_CHECKPOINTS)
    status, _, err = call(*arguments)
    assert status == 0, err
    assert seen == [("checkpoint-000001", 5361)]
    lines = [line for line in err.splitlines() if line.startswith("no checkpoint")]
    path = checkpoints / "checkpoint-000002"
    assert [line.partition(": ")[2].startswith(f"cannot write {path}: ") for line in lines] == [
        True,
        True,
    ]
    assert all(trouble.reason in line for line in lines)
    assert newest(checkpoints) == ("checkpoint-000003", 24_000)
    assert names(checkpoints) == ["checkpoint-000002", "checkpoint-000003"]
    assert names(trouble.folder) == ["m", "m.checkpoints"]
    assert_same(trouble.folder / "m", reference)


def test_the_model_cannot_be_written(
    call: Call, corpus: Path, reference: Path, at_batch: AtBatch, trouble: Trouble
) -> None:
    """The run is in a checkpoint, and the message says how to go on with it."""
    checkpoints = trouble.folder / "m.checkpoints"
    at_batch(25, trouble.begin)
    status, out, err = call("train", corpus, "-o", trouble.folder / "m", *WITH_CHECKPOINTS)
    left = [name for name in names(trouble.folder) if name != "filler"]
    kept = newest(checkpoints)
    trouble.end()
    assert (status, out) == (1, "")
    # The last checkpoint, which an extended run would begin with, could not be written either.
    no_checkpoint, error, command = err.splitlines()[-3:]
    assert no_checkpoint.startswith("no checkpoint: ")
    assert error.startswith(f"xw2v: error: cannot write {trouble.folder / 'm'}: ")
    assert trouble.reason in error
    assert ".xw2v-" not in err  # names that nobody will find
    assert error.endswith(
        f"; {checkpoints / 'checkpoint-000004'} holds the run: see to that (a full disk needs "
        "room). Go on with:"
    )
    assert left == ["m.checkpoints"]
    assert kept == ("checkpoint-000004", 20_042)
    assert names(checkpoints) == ["checkpoint-000003", "checkpoint-000004"]

    at_batch(25, lambda: None)
    status, _, err = call(*shlex.split(command)[1:])
    assert status == 0
    assert f"resuming at {checkpoints / 'checkpoint-000004'}" in err
    assert_same(trouble.folder / "m", reference)


def test_an_old_model_is_as_it_was(
    call: Call, corpus: Path, at_batch: AtBatch, trouble: Trouble, tmp_path: Path
) -> None:
    arguments = ("train", corpus, "-o", trouble.folder / "m", "--quiet", *OPTIONS)
    assert call(*arguments).status == 0
    shutil.copytree(trouble.folder / "m", tmp_path / "before")
    at_batch(5, trouble.begin)
    status, out, err = call(*arguments, "--overwrite", "--seed=2")
    left = [name for name in names(trouble.folder) if name != "filler"]
    trouble.end()
    assert (status, out) == (1, "")
    assert err.startswith(f"xw2v: error: cannot write {trouble.folder / 'm'}: ")
    assert trouble.reason in err
    assert err.count("\n") == 1
    assert left == ["m"]
    assert_same(trouble.folder / "m", tmp_path / "before")


def test_an_interrupted_run_that_cannot_be_kept(
    call: Call, corpus: Path, reference: Path, at_batch: AtBatch, trouble: Trouble
) -> None:
    """It goes on, and its model is written if that is possible by then."""

    def begin() -> None:
        trouble.begin()
        signal.raise_signal(signal.SIGINT)

    at_batch(7, begin)
    at_batch(9, trouble.end)
    status, _, err = call("train", corpus, "-o", trouble.folder / "m", *OPTIONS)
    assert status == 0
    lines = err.splitlines()
    (number,) = [n for n, line in enumerate(lines) if line.startswith("no checkpoint: ")]
    assert trouble.reason in lines[number]
    assert lines[number + 1] == "training goes on, so that nothing is lost"
    assert_same(trouble.folder / "m", reference)
    assert names(trouble.folder) == ["m"]


def test_the_picture_cannot_be_written(
    call: Call, corpus: Path, tmp_path: Path, at_batch: AtBatch
) -> None:
    """The largest file of a small model: there is no model without it."""
    limit = LimitedFiles(tmp_path)
    at_batch(25, lambda: limit.limit(5000))
    try:
        status, _, err = call("train", corpus, "-o", tmp_path / "m", "--quiet", *OPTIONS)
    finally:
        limit.end()
    assert status == 1
    assert err == f"xw2v: error: cannot write {tmp_path / 'm'}: loss.png: {limit.reason}\n"
    assert names(tmp_path) == []


# Folders that vanish


def vanish(folder: Path) -> Callable[[], None]:
    return lambda: shutil.rmtree(folder)


@pytest.mark.parametrize("which", ["m.checkpoints", ""], ids=["checkpoints", "all"])
def test_folders_that_vanish_are_made_again(
    call: Call, corpus: Path, reference: Path, tmp_path: Path, at_batch: AtBatch, which: str
) -> None:
    folder = tmp_path / "folder"
    at_batch(7, vanish(folder / which))
    status, _, err = call("train", corpus, "-o", folder / "m", *WITH_CHECKPOINTS)
    assert status == 0
    assert "no checkpoint" not in err
    assert_same(folder / "m", reference)
    assert newest(folder / "m.checkpoints")[1] == 24_000
    assert names(folder) == ["m", "m.checkpoints"]


def test_a_folder_that_vanishes_while_a_checkpoint_is_written(
    call: Call,
    corpus: Path,
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xw2v.formats.checksums import write_sums

    left = [tmp_path / "m.checkpoints"]

    def vanish_once(directory: Path, digests: Any) -> None:
        if left:
            shutil.rmtree(left.pop())
        write_sums(directory, digests)

    monkeypatch.setattr("xw2v.formats.checkpoints.write_sums", vanish_once)
    status, _, err = call("train", corpus, "-o", tmp_path / "m", *WITH_CHECKPOINTS)
    assert status == 0
    (line,) = [line for line in err.splitlines() if line.startswith("no checkpoint: ")]
    assert line.endswith("checkpoint-000001: No such file or directory")
    assert newest(tmp_path / "m.checkpoints")[1] == 24_000
    assert_same(tmp_path / "m", reference)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that is in use cannot be removed")
def test_the_working_folder_vanishes(
    call: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_batch: AtBatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    at_batch(7, vanish(folder))
    status, out, err = call("train", corpus, "-o", "m", *WITH_CHECKPOINTS)
    assert (status, out) == (1, "")
    assert "no checkpoint: cannot write m.checkpoints/checkpoint-000001: No such file" in err
    assert err.endswith("xw2v: error: cannot write m: No such file or directory\n")
    assert not folder.exists()


def test_a_file_takes_the_place_of_the_folder(
    call: Call, corpus: Path, reference: Path, tmp_path: Path, at_batch: AtBatch
) -> None:
    def replace() -> None:
        shutil.rmtree(tmp_path / "m.checkpoints")
        (tmp_path / "m.checkpoints").write_text("a file")

    at_batch(7, replace)
    status, _, err = call("train", corpus, "-o", tmp_path / "m", *WITH_CHECKPOINTS)
    assert status == 0
    assert "no checkpoint: cannot write " in err
    assert (tmp_path / "m.checkpoints").read_text() == "a file"
    assert_same(tmp_path / "m", reference)


def test_as_a_process(corpus: Path, tmp_path: Path) -> None:
    """There is no traceback, nor any other noise as the process ends."""
    if sys.platform == "win32":
        pytest.skip("there are no limits")
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "from xw2v.cli import main; main()"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-c", script, "train", str(corpus), "-o", "m", "--quiet"),
            *WITH_CHECKPOINTS,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    *warnings, error = done.stderr.splitlines()
    assert warnings
    assert all(line.startswith("no checkpoint: cannot write m.checkpoints/") for line in warnings)
    assert error.startswith("xw2v: error: cannot write m: ")
    assert "File too large" in error
    assert names(tmp_path) == ["m.checkpoints"]
    assert names(tmp_path / "m.checkpoints") == []

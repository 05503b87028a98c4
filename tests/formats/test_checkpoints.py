"""Checkpoints on disk: what is read is what was written, or it is passed over and said so."""

import errno
import json
import os
import random
import shutil
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from xw2v.config import TrainingConfig
from xw2v.errors import ModelFileError, NewerFormatError
from xw2v.formats import SavedModel, load_model
from xw2v.formats.checkpoints import (
    Checkpoint,
    checkpoint_names,
    clear_checkpoints,
    find_checkpoint,
    load_checkpoint,
    read_record,
    remove_checkpoints,
    write_checkpoint,
)
from xw2v.formats.checksums import SUMS, file_digest, write_sums

WORDS = ("the", "königin", "👩‍🚀", "2", "")
MODEL_FILES = ("config.json", "loss.jsonl", "vectors.safetensors", "vocabulary.json")
OWN_FILES = ("state.safetensors", "checkpoint.json")
FILES = (*OWN_FILES, SUMS, *(f"model/{name}" for name in (*MODEL_FILES, SUMS)))
FLIPS = 25

each_file = pytest.mark.parametrize("name", FILES)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def made(number: int = 0, *, state: bool = True, **record: Any) -> Checkpoint:
    """A checkpoint; each number gives another one."""
    rng = np.random.default_rng(number)
    w_in, w_out, means = rng.standard_normal((3, len(WORDS), 4), np.float32)
    model = SavedModel(
        words=WORDS,
        counts=np.arange(len(WORDS), 0, -1) + number,
        input_vectors=w_in,
        output_vectors=w_out,
        config=TrainingConfig(vector_size=4, optimizer="adam" if state else "sgd"),
        corpus={"words": 15, "source": ["ü.txt"]},
        loss_history=({"words": number, "epoch": 0.1, "alpha": 0.025, "loss": 2.5},),
    )
    arrays = {"input.means": means, "input.steps": means[:, 0]} if state else {}
    return Checkpoint(model, arrays, {"position": {"epoch": number}, "seconds": 1.5, **record})


def content(checkpoint: Checkpoint) -> object:
    """What is in a checkpoint, to be compared."""
    model = checkpoint.model
    arrays: dict[str, Any] = {
        "counts": model.counts,
        "input": model.input_vectors,
        "output": model.output_vectors,
        **checkpoint.arrays,
    }
    written = ("format", "format_version", "xw2v_version", "model_sums")
    return (
        {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()},
        (model.words, model.config, dict(model.corpus), model.loss_history),
        {name: value for name, value in checkpoint.record.items() if name not in written},
    )


def written(directory: Path, *numbers: int) -> list[Path]:
    return [write_checkpoint(directory, made(number)) for number in numbers]


def found(directory: Path) -> tuple[Path | None, list[str]]:
    """Find the newest whole checkpoint, which must be what was written; and what was said."""
    said: list[str] = []
    newest = find_checkpoint(directory, said.append)
    if newest is None:
        return None, said
    path, checkpoint = newest
    number = checkpoint.record["position"]["epoch"]
    assert content(checkpoint) == content(made(number))
    return path, said


def sealed(path: Path) -> None:
    """Make all sums of a checkpoint right."""
    write_sums(path / "model", {name: file_digest(path / "model" / name) for name in MODEL_FILES})
    record = json.loads((path / "checkpoint.json").read_bytes())
    record["model_sums"] = file_digest(path / "model" / SUMS)
    (path / "checkpoint.json").write_text(json.dumps(record))
    write_sums(path, {name: file_digest(path / name) for name in OWN_FILES})


def tree(directory: Path) -> dict[str, bytes | None]:
    """Everything in a directory, hidden things as well."""
    return {
        entry.relative_to(directory).as_posix(): entry.read_bytes() if entry.is_file() else None
        for entry in directory.rglob("*")
    }


# Writing and reading


@pytest.mark.parametrize("state", [True, False], ids=["with state", "without"])
def test_what_is_read_is_what_was_written(tmp_path: Path, state: bool) -> None:
    checkpoint = made(3, state=state, run={"text": "é", "list": [1, None, 0.1]})
    path = write_checkpoint(tmp_path / "some/where", checkpoint)
    assert path == tmp_path / "some/where/checkpoint-000001"
    assert content(load_checkpoint(path)) == content(checkpoint)
    assert read_record(path) == load_checkpoint(path).record
    assert read_record(path).keys() - checkpoint.record.keys() == {
        *("format", "format_version", "xw2v_version", "model_sums")
    }
    assert {name for name, data in tree(path).items() if data is not None} == set(FILES)
    np.testing.assert_array_equal(
        load_model(path / "model").input_vectors, checkpoint.model.input_vectors
    )


def test_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    lines = [f"{file_digest(path / name)}  {name}\n" for name in sorted(OWN_FILES)]
    assert (path / SUMS).read_text() == "".join(lines)


def test_the_state_may_be_views(tmp_path: Path) -> None:
    """As it is where rows of two tables take turns, or another machine's bytes come last."""
    checkpoint = made(1)
    together = np.zeros((2 * len(WORDS), 4), np.float32)
    together[1::2] = checkpoint.arrays["input.means"]
    arrays = {**checkpoint.arrays, "input.means": together[1::2]}
    path = write_checkpoint(tmp_path, Checkpoint(checkpoint.model, arrays, checkpoint.record))
    assert content(load_checkpoint(path)) == content(checkpoint)


def test_numbers_go_on(tmp_path: Path) -> None:
    assert checkpoint_names(tmp_path / "nowhere") == []
    assert [path.name for path in written(tmp_path, 1, 2)] == [
        "checkpoint-000001",
        "checkpoint-000002",
    ]
    (tmp_path / "checkpoint-000002").rename(tmp_path / "checkpoint-999999")
    assert written(tmp_path, 3) == [tmp_path / "checkpoint-1000000"]
    assert written(tmp_path, 4) == [tmp_path / "checkpoint-1000001"]
    for name in ("checkpoint-1", "checkpoint-000007x", "Checkpoint-000008", "checkpoint-٠٠٠٠٠٩"):
        (tmp_path / name).mkdir()
    names = ["checkpoint-000001", "checkpoint-999999", "checkpoint-1000000", "checkpoint-1000001"]
    assert checkpoint_names(tmp_path) == names
    assert found(tmp_path) == (tmp_path / names[-1], [])


def test_a_number_is_free_although_a_file_has_it(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-000004").write_text("a file")
    assert written(tmp_path, 1) == [tmp_path / "checkpoint-000005"]
    assert (tmp_path / "checkpoint-000004").read_text() == "a file"


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        assert found(path) == (None, [])


# Damage


def damage(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    for length in sorted({0, 1, len(data) // 2, len(data) - 1}):
        yield f"{length} bytes", data[:length]
    for bit in rng.sample(range(8 * len(data)), FLIPS):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit}", bytes(flipped)
    yield "longer", data + b"\n"


@each_file
def test_damaged_ones_are_passed_over(tmp_path: Path, name: str) -> None:
    """Each is named with the reason, and the one before it is found."""
    old, new = written(tmp_path, 1, 2)
    file = new / name
    data = file.read_bytes()
    passed = 0
    for what, damaged in damage(data, random.Random(name)):
        file.write_bytes(damaged)
        path, said = found(tmp_path)
        if path == new:  # it is as it was: sums may be followed by anything that is no sum
            assert Path(name).name == SUMS, what
            continue
        passed += 1
        assert path == old, what
        (line,) = said
        assert line.startswith(f"passing over {new}: "), what
        # A sum that is wrong may blame the file that it is of.
        assert str(file) in line or (file.name == SUMS and str(file.parent) in line), (what, line)
    assert passed > FLIPS // 2
    file.write_bytes(data)
    assert found(tmp_path) == (new, [])


@pytest.mark.parametrize("instead", ["nothing", "a directory", "another file"])
@each_file
def test_files_that_are_not_there(tmp_path: Path, name: str, instead: str) -> None:
    old, new = written(tmp_path, 1, 2)
    (new / name).unlink()
    if instead == "a directory":
        (new / name).mkdir()
    elif instead == "another file":
        shutil.copyfile(old / name, new / name)
        if (old / name).read_bytes() == (made_file(tmp_path / "again", 2, name)):
            return  # it is the same in both
    path, said = found(tmp_path)
    assert path == old
    assert len(said) == 1
    assert said[0].startswith(f"passing over {new}: ")


def made_file(directory: Path, number: int, name: str) -> bytes:
    (path,) = written(directory, number)
    return (path / name).read_bytes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@each_file
def test_pipes_are_not_waited_for(tmp_path: Path, name: str) -> None:
    old, new = written(tmp_path, 1, 2)
    (new / name).unlink()
    os.mkfifo(new / name)
    assert found(tmp_path)[0] == old


def test_the_model_of_another_checkpoint(tmp_path: Path) -> None:
    """It is whole in itself, but not the one that the state belongs to."""
    old, new = written(tmp_path, 1, 2)
    shutil.rmtree(new / "model")
    shutil.copytree(old / "model", new / "model")
    load_model(new / "model")
    path, said = found(tmp_path)
    assert path == old
    assert said == [
        (
            f"passing over {new}: {new / 'model' / SUMS} is damaged: its SHA-256 is not the one in "
            f"{SUMS}"
        )
    ]


def test_all_are_damaged(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, 2, 3)
    (paths[0] / "state.safetensors").write_bytes(b"")
    (paths[1] / "model/config.json").unlink()
    shutil.rmtree(paths[2])
    paths[2].write_text("a file")
    path, said = found(tmp_path)
    assert path is None
    assert [line.partition(": ")[0] for line in said] == [
        f"passing over {path}" for path in reversed(paths)
    ]


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"null", b'{"format": "xw2v model"}', b"[" * 100_000, b"\xff", b'"\\ud800"'],
    ids=lambda data: repr(data[:12]),
)
def test_records_that_are_none(tmp_path: Path, record: bytes) -> None:
    (path,) = written(tmp_path, 1)
    (path / "checkpoint.json").write_bytes(record)
    write_sums(path, {name: file_digest(path / name) for name in OWN_FILES})
    with pytest.raises(ModelFileError, match=r"checkpoint\.json"):
        load_checkpoint(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite(tmp_path: Path, number: str) -> None:
    (path,) = written(tmp_path, 1)
    file = path / "checkpoint.json"
    text = file.read_text("utf-8")
    assert text.count("1.5") == 1
    file.write_text(text.replace("1.5", number), "utf-8")
    write_sums(path, {name: file_digest(path / name) for name in OWN_FILES})
    with pytest.raises(ModelFileError, match=rf"checkpoint.json is damaged: .*{number}.* finite"):
        load_checkpoint(path)


@pytest.mark.parametrize("version", [None, "1", 1.0, True, 0, -1], ids=repr)
def test_versions_that_are_none(tmp_path: Path, version: object) -> None:
    (path,) = written(tmp_path, 1)
    record = {**read_record(path), "format_version": version}
    (path / "checkpoint.json").write_text(json.dumps(record))
    sealed(path)
    with pytest.raises(ModelFileError, match=r"checkpoint.json is damaged: format_version is "):
        load_checkpoint(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """It is the newest one, and whole: to go on from an older one would be a loss."""
    _, new = written(tmp_path, 1, 2)
    record = {**read_record(new), "format_version": 2, "xw2v_version": "9.8.7"}
    (new / "checkpoint.json").write_text(json.dumps(record))
    sealed(new)
    message = (
        r"checkpoint-000002.checkpoint\.json: the checkpoint has format version 2, written by "
        r"xw2v 9\.8\.7; .* update xw2v"
    )
    with pytest.raises(NewerFormatError, match=message):
        find_checkpoint(tmp_path, pytest.fail)


def test_a_newer_format_of_the_model_is_refused(tmp_path: Path) -> None:
    _, new = written(tmp_path, 1, 2)
    file = new / "model/config.json"
    config = json.loads(file.read_bytes())
    file.write_text(json.dumps({**config, "format_version": 99, "xw2v_version": "9.8.7"}))
    sealed(new)
    with pytest.raises(NewerFormatError, match=r"format version 99, written by xw2v 9\.8\.7"):
        find_checkpoint(tmp_path, pytest.fail)


@pytest.mark.parametrize("name", ["checkpoint.json", "model/config.json"])
def test_a_damaged_byte_makes_no_newer_format(tmp_path: Path, name: str) -> None:
    old, new = written(tmp_path, 1, 2)
    data = (new / name).read_bytes()
    start = data.index(b'"format_version": ') + len(b'"format_version": ')
    (new / name).write_bytes(data[:start] + b"9" + data[start + 1 :])
    path, said = found(tmp_path)
    assert path == old
    assert said == [
        f"passing over {new}: {new / name} is damaged: its SHA-256 is not the one in {SUMS}"
    ]


# Claims of the optimizer's state


def header(value: object, size: int = 0) -> bytes:
    text = json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def tensor(dtype: str, shape: list[int], size: int) -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


HOSTILE: dict[str, bytes] = {
    "a header of 2**62 bytes": struct.pack("<Q", 2**62) + b"{}",
    "a header of 90 MB": struct.pack("<Q", 90_000_000) + b"{}",
    "2**40 numbers": header(tensor("F32", [2**40], 2**42)),
    "rows of nothing": header(tensor("F32", [2**62, 0, 3], 2**40)),
    "fewer bytes than numbers": header(tensor("F32", [1000], 4), 4),
    "a negative number": header(tensor("F32", [-1], 4), 4),
    "more numbers than 64 bits": header(tensor("F32", [2**63, 2**63], 4), 4),
    "no object": header([1]),
    "float64": header(tensor("F64", [1], 8), 8),
    "half floats": header(tensor("BF16", [1], 2), 2),
    "tiny floats": header(tensor("F8_E4M3", [1], 1), 1),
    "whole numbers": header(tensor("I32", [1], 4), 4),
    "another type": header(tensor("X99", [1], 4), 4),
    "NaN": header(tensor("F32", [1], 4)) + struct.pack("<f", float("nan")),
    "infinity": header(tensor("F32", [1], 4)) + struct.pack("<f", float("-inf")),
}


@pytest.mark.parametrize("trouble", HOSTILE)
def test_the_state_is_checked_before_memory_is_taken(tmp_path: Path, trouble: str) -> None:
    old, new = written(tmp_path, 1, 2)
    load_checkpoint(old)  # imports what it needs
    (new / "state.safetensors").write_bytes(HOSTILE[trouble])
    sealed(new)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=r"state\.safetensors"):
            load_checkpoint(new)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    path, said = found(tmp_path)
    assert path == old
    assert len(said) == 1


def test_what_stands_beside_the_state_is_not_looked_at(tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    arrays = {name: np.ascontiguousarray(array) for name, array in made(1).arrays.items()}
    save_file(arrays, path / "state.safetensors", metadata={"by": "hand"})
    sealed(path)
    assert content(load_checkpoint(path)) == content(made(1))


# Failures of the disk


@contextmanager
def no_room(monkeypatch: pytest.MonkeyPatch, name: str, after: int) -> Iterator[None]:
    """Let the disk be full once so many bytes of a file are written."""

    def full() -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_bytes = Path.write_bytes

    def write(self: Path, data: bytes) -> int:
        of_model = self.name in MODEL_FILES or (self.parent / "config.json").exists()
        if self.name == Path(name).name and of_model == ("/" in name):
            write_bytes(self, data[:after])
            raise full()
        return write_bytes(self, data)

    def save(arrays: Any, path: Path) -> None:
        save_file(arrays, path)
        if path.name == Path(name).name:
            os.truncate(path, after)
            from safetensors import SafetensorError

            raise SafetensorError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write)
        patch.setattr("safetensors.numpy.save_file", save)
        yield


@pytest.mark.parametrize("after", [0, 10])
@each_file
def test_no_room_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, after: int
) -> None:
    """The other checkpoints are as they were, and nothing is left of this one."""
    written(tmp_path, 1, 2)
    before = tree(tmp_path)
    with no_room(monkeypatch, name, after):
        message = r"cannot write .*checkpoint-000003: .*No space left on device"
        with pytest.raises(ModelFileError, match=message):
            write_checkpoint(tmp_path, made(3))
    assert tree(tmp_path) == before
    assert written(tmp_path, 4) == [tmp_path / "checkpoint-000003"]


@pytest.mark.parametrize("failing", ["fsync", "rename", "mkdir"])
def test_no_room_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    written(tmp_path, 1)
    before = tree(tmp_path)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    owner: Any = os if failing == "fsync" else Path
    with monkeypatch.context() as patch:
        patch.setattr(owner, failing, fail)
        with pytest.raises(ModelFileError, match=r"checkpoint-000002: .*Disk quota exceeded"):
            write_checkpoint(tmp_path, made(3))
    assert tree(tmp_path) == before


def test_an_interrupt_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 1)
    before = tree(tmp_path)

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("xw2v.formats.checkpoints.write_sums", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(tmp_path, made(2))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, np.float32(1)], ids=repr)
def test_records_that_are_not_fit_for_json(tmp_path: Path, value: object) -> None:
    with pytest.raises(ModelFileError, match=r"cannot write .*checkpoint-000001: "):
        write_checkpoint(tmp_path, made(1, of_a_callback=value))
    assert tree(tmp_path) == {}


def test_vectors_that_are_not_finite(tmp_path: Path) -> None:
    checkpoint = made(1)
    checkpoint.model.input_vectors[1, 1] = np.nan
    with pytest.raises(ModelFileError, match=r"checkpoint-000001: .*NaN or infinity"):
        write_checkpoint(tmp_path, checkpoint)
    assert tree(tmp_path) == {}


def test_a_file_in_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelFileError, match=r"cannot write .*file.checkpoint-000001: "):
        write_checkpoint(tmp_path / "file", made(1))
    assert (tmp_path / "file").read_text() == "mine"


# Removal


def strangers(directory: Path) -> dict[str, bytes | None]:
    """Put into a directory what is not ours, and return it all."""
    before = set(tree(directory))
    (directory / "notes.txt").write_text("mine")
    (directory / ".hidden").write_text("mine")
    (directory / ".xw2v-notes").mkdir()
    (directory / "model").mkdir()
    (directory / "model/x").write_text("mine")
    (directory / "checkpoint-7").mkdir()
    (directory / "checkpoint-7/x").write_text("mine")
    # Those of other programs, of this very form.
    (directory / "checkpoint-000900").write_text("mine")
    (directory / "checkpoint-100000").mkdir()
    (directory / "checkpoint-100000/optimizer.pt").write_text("mine")
    return {name: data for name, data in tree(directory).items() if name not in before}


def test_only_checkpoints_are_removed(tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    mine = strangers(tmp_path)
    remove_checkpoints(tmp_path, checkpoint_names(tmp_path))
    assert tree(tmp_path) == mine
    clear_checkpoints(tmp_path)
    assert tree(tmp_path) == mine


def test_those_that_are_named_are_removed(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, 2, 3)
    remove_checkpoints(tmp_path, [paths[1].name, "checkpoint-000077"])
    assert sorted(tmp_path.iterdir()) == [paths[0], paths[2]]
    clear_checkpoints(tmp_path)
    assert not tmp_path.exists()
    clear_checkpoints(tmp_path)


def test_damaged_ones_are_removed(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, 2, 3)
    (paths[0] / "checkpoint.json").write_bytes(b"")
    shutil.rmtree(paths[1] / "model")
    for file in FILES:
        (paths[2] / file).unlink()
    clear_checkpoints(tmp_path)
    assert not tmp_path.exists()


def test_one_that_somebody_put_files_into_stays(tmp_path: Path) -> None:
    paths = written(tmp_path, 1, 2)
    (paths[0] / "notes.txt").write_text("mine")
    clear_checkpoints(tmp_path)
    assert list(tmp_path.iterdir()) == [paths[0]]
    assert found(tmp_path) == (paths[0], [])


def test_links_are_left(tmp_path: Path) -> None:
    """And above all what they lead to."""
    (elsewhere,) = written(tmp_path / "elsewhere", 1)
    directory = tmp_path / "here"
    directory.mkdir()
    for name in ("checkpoint-000001", ".xw2v-0.tmp"):
        try:
            (directory / name).symlink_to(elsewhere, target_is_directory=True)
        except OSError:
            pytest.skip("links need a permission here")
    assert found(directory)[0] == directory / "checkpoint-000001"
    before = tree(tmp_path / "elsewhere")
    clear_checkpoints(directory)
    assert (directory / "checkpoint-000001").is_symlink()
    assert tree(tmp_path / "elsewhere") == before


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    written(tmp_path, 1)
    before = tree(tmp_path)
    for name in (".xw2v-0123456789abcdef.tmp", ".xw2v-x.tmp"):
        shutil.copytree(tmp_path / "checkpoint-000001", tmp_path / name)
        (tmp_path / name / "checkpoint.json").unlink()
    assert checkpoint_names(tmp_path) == ["checkpoint-000001"]
    remove_checkpoints(tmp_path, [])
    assert tree(tmp_path) == before


def test_removal_that_fails_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = written(tmp_path, 1, 2)

    def busy(self: Path, target: object) -> None:
        raise PermissionError(errno.EACCES, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", busy)
        clear_checkpoints(tmp_path)
    assert sorted(tmp_path.iterdir()) == paths
    assert found(tmp_path) == (paths[1], [])


def test_a_process_that_is_killed_while_it_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half of a checkpoint keeps the name."""
    paths = written(tmp_path, 1, 2)

    def killed(path: Path, **options: object) -> None:
        shutil.copyfile(path / SUMS, tmp_path / "seen")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with suppress(KeyboardInterrupt):
            remove_checkpoints(tmp_path, [paths[1].name])
    assert checkpoint_names(tmp_path) == [paths[0].name]
    assert found(tmp_path) == (paths[0], [])

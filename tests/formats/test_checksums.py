import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from xw2v.errors import ModelFileError
from xw2v.formats.checksums import (
    SUMS,
    check_file,
    check_sums,
    damaged,
    file_digest,
    read_sums,
    write_sums,
)

CONTENTS = {"b.bin": bytes(range(256)) * 1000, "a": b"", "ü ñ.json": b"{}\r\n"}
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

needs_sha256sum = pytest.mark.skipif(
    os.name == "nt" or shutil.which("sha256sum") is None, reason="needs sha256sum"
)


@pytest.fixture
def summed(tmp_path: Path) -> Path:
    for name, data in CONTENTS.items():
        (tmp_path / name).write_bytes(data)
    write_sums(tmp_path, {name: file_digest(tmp_path / name) for name in CONTENTS})
    return tmp_path


def test_the_file(summed: Path) -> None:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENTS.items()}
    assert digests["a"] == EMPTY
    lines = [f"{digests[name]}  {name}\n" for name in ("a", "b.bin", "ü ñ.json")]
    assert (summed / SUMS).read_bytes() == "".join(lines).encode()
    assert read_sums(summed) == digests
    check_sums(summed)


def test_no_files_at_all(tmp_path: Path) -> None:
    write_sums(tmp_path, {})
    assert (tmp_path / SUMS).read_bytes() == b""
    assert read_sums(tmp_path) == {}
    check_sums(tmp_path)


@needs_sha256sum
def test_sha256sum_takes_it_and_writes_the_same(summed: Path) -> None:
    subprocess.run(["sha256sum", "--strict", "--check", SUMS], cwd=summed, check=True)
    names = sorted(CONTENTS)
    done = subprocess.run(["sha256sum", *names], cwd=summed, check=True, capture_output=True)
    assert done.stdout == (summed / SUMS).read_bytes()
    (summed / "a").write_bytes(b"x")
    assert subprocess.run(["sha256sum", "--check", SUMS], cwd=summed, check=False).returncode == 1


@pytest.mark.parametrize(
    "change",
    [(b"  ", b" *"), (b"\n", b"\r\n"), (b"json\n", b"json")],
    ids=["binary", "CR LF", "no newline at the end"],
)
def test_what_sha256sum_writes_elsewhere_is_read(summed: Path, change: tuple[bytes, bytes]) -> None:
    before = read_sums(summed)
    data = (summed / SUMS).read_bytes()
    (summed / SUMS).write_bytes(data.replace(*change))
    assert (summed / SUMS).read_bytes() != data
    assert read_sums(summed) == before
    check_sums(summed)


@pytest.mark.parametrize("name", CONTENTS)
def test_files_that_differ_are_named(summed: Path, name: str) -> None:
    (summed / name).write_bytes(CONTENTS[name] + b"\0")
    others = set(CONTENTS) - {name}
    check_sums(summed, others)
    check_sums(summed, [])
    message = f"{summed / name} is damaged: its SHA-256 is not the one in SHA256SUMS"
    assert str(damaged(summed / name)) == message
    for names in (None, [name], [*others, name], iter([name])):
        with pytest.raises(ModelFileError) as caught:
            check_sums(summed, names)
        assert str(caught.value) == message


def test_files_that_cannot_be_summed_are_named(
    summed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (summed / "a").unlink()
    with pytest.raises(ModelFileError, match=r"cannot read .*a: no such file, but SHA256SUMS"):
        check_sums(summed)
    (summed / "a").mkdir()
    with pytest.raises(ModelFileError, match=r"cannot read .*a: not a file, but SHA256SUMS"):
        check_sums(summed)
    check_sums(summed, ["b.bin"])

    def fail(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    with pytest.raises(ModelFileError, match=r"cannot read .*b\.bin: Permission denied"):
        check_sums(summed, ["b.bin"])
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(ModelFileError, match=r"cannot read .*SHA256SUMS: Permission denied"):
        check_sums(summed, ["b.bin"])


def test_files_asked_for_must_be_listed(summed: Path) -> None:
    (summed / "c").write_bytes(b"")
    with pytest.raises(ModelFileError, match="SHA256SUMS is damaged: it does not list 'c'"):
        check_sums(summed, ["a", "c"])
    with pytest.raises(ModelFileError, match="does not list 'c'"):
        check_file(summed, "c", read_sums(summed))
    check_file(summed, "c", {"c": EMPTY})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["a", SUMS])
def test_a_pipe_is_not_waited_for(summed: Path, name: str) -> None:
    (summed / name).unlink()
    os.mkfifo(summed / name)
    with pytest.raises(ModelFileError, match=f"cannot read .*{name}: not a file"):
        check_sums(summed)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"a",
        b"# comment",
        EMPTY.encode(),
        f"{EMPTY}  ".encode(),
        f"{EMPTY} a".encode(),
        f"{EMPTY}\ta".encode(),
        f"{EMPTY[:-1]}  a".encode(),
        f"{EMPTY}0  a".encode(),
        f"{EMPTY[:-1]}g  a".encode(),
        f"{EMPTY.upper()}  a".encode(),
        f" {EMPTY}  a".encode(),
        f"\\{EMPTY}  a".encode(),
        f"\ufeff{EMPTY}  a".encode(),
        f"{EMPTY}  ".encode() + b"\xff",
        f"{EMPTY}  ../a".encode(),
        f"{EMPTY}  ..".encode(),
        f"{EMPTY}  .".encode(),
        f"{EMPTY}  b/a".encode(),
        f"{EMPTY}  /a".encode(),
        f"{EMPTY}  b\\a".encode(),
        f"{EMPTY}  C:a".encode(),
        f"{EMPTY}  a\0".encode(),
        f"{EMPTY}  a\r\r".encode(),
        f"{EMPTY}  known".encode(),
    ],
    ids=repr,
)
def test_malformed_lines_are_named(tmp_path: Path, line: bytes) -> None:
    good = f"{EMPTY}  known\n".encode()
    (tmp_path / "known").touch()
    (tmp_path / SUMS).write_bytes(good)
    check_sums(tmp_path)
    (tmp_path / SUMS).write_bytes(good + line + b"\n")
    for attempt in (read_sums, check_sums):
        with pytest.raises(ModelFileError, match="SHA256SUMS, line 2 is damaged: ") as caught:
            attempt(tmp_path)
        assert str(tmp_path) in str(caught.value)


def test_a_directory_without_sums(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"cannot read .*SHA256SUMS: no such file"):
        read_sums(tmp_path)
    with pytest.raises(ModelFileError, match=r"cannot read .*SHA256SUMS: no such file"):
        check_sums(tmp_path / "nowhere")
    (tmp_path / SUMS).mkdir()
    with pytest.raises(ModelFileError, match=r"cannot read .*SHA256SUMS: not a file"):
        read_sums(tmp_path)


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / SUMS).open("wb") as file:
        file.truncate(1_000_001)

    def read(self: Path) -> bytes:
        raise AssertionError("it is read")

    monkeypatch.setattr(Path, "read_bytes", read)
    with pytest.raises(ModelFileError, match="SHA256SUMS is damaged: more than 1,000,000 bytes"):
        read_sums(tmp_path)


@pytest.mark.parametrize(
    "digests",
    [
        {"a/b": EMPTY},
        {"..": EMPTY},
        {"": EMPTY},
        {"a\nb": EMPTY},
        {"a": EMPTY[1:]},
        {"\ud800": EMPTY},
    ],
    ids=ascii,
)
def test_what_could_not_be_read_is_not_written(tmp_path: Path, digests: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match=r"cannot list .* in SHA256SUMS"):
        write_sums(tmp_path, digests)
    assert list(tmp_path.iterdir()) == []

import os
import stat
from pathlib import Path

import pytest

from xw2v.atomic import (
    hidden_sibling,
    interrupted_overwrites,
    probe_directory,
    remove_leftovers,
    replacing_directory,
    replacing_file,
    sync_directory,
    why_not_replaceable,
)


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing_file(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_hidden_siblings_differ(tmp_path: Path) -> None:
    names = {hidden_sibling(tmp_path / ("x" * 200)).name for _ in range(10)}
    assert len(names) == 10
    assert all(name.startswith(".xw2v-") and len(name) < 40 for name in names)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions, links and devices")
def test_permissions_links_and_devices(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "usual").touch()
    link = tmp_path / "link"
    link.symlink_to(path)
    with replacing_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    with replacing_file(Path(os.devnull)) as file:
        file.write(b"new")
    assert not Path(os.devnull).is_file()


def test_a_directory_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    sync_directory(tmp_path)
    sync_directory(tmp_path / "missing")


def test_leftovers_of_one_name_are_removed(tmp_path: Path) -> None:
    path, other = tmp_path / "model", tmp_path / "another"
    for suffix in (".tmp", ".old"):
        hidden_sibling(path, suffix).mkdir()
        hidden_sibling(other, suffix).mkdir()
    hidden_sibling(path).write_text("a file")
    (path / "folder").mkdir(parents=True)
    (hidden_sibling(path / "folder")).mkdir()
    remove_leftovers(path)
    assert len([name for name in entries(tmp_path) if name.startswith(".xw2v-")]) == 2
    assert len(entries(path)) == 2  # what is inside is of other names
    remove_leftovers(other)
    assert entries(tmp_path) == ["model"]
    remove_leftovers(tmp_path / "missing" / "model")


# Directories


def entries(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def write_directory(path: Path, text: str, error: BaseException | None = None) -> None:
    with replacing_directory(path) as directory:
        assert directory.parent == path.resolve().parent
        (directory / "file").write_text(text)
        if error is not None:
            raise error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with something in it."""
    path = tmp_path / "folder"
    write_directory(path, "old")
    return path


def test_a_directory_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "parent" / "folder"
    with replacing_directory(path) as directory:
        (directory / "file").write_text("new")
        assert not path.exists()
    assert (path / "file").read_text() == "new"
    assert entries(tmp_path / "parent") == ["folder"]


def test_a_directory_is_replaced_as_a_whole(tmp_path: Path, folder: Path) -> None:
    (folder / "more").touch()
    write_directory(folder, "new")
    assert (folder / "file").read_text() == "new"
    assert entries(folder) == ["file"]
    assert entries(tmp_path) == ["folder"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_directory_leaves_the_old_one(
    tmp_path: Path, folder: Path, error: BaseException
) -> None:
    for path in (folder, tmp_path / "another"):
        with pytest.raises(type(error)):
            write_directory(path, "new", error)
    assert (folder / "file").read_text() == "old"
    assert entries(tmp_path) == ["folder"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failing_rename_leaves_the_old_directory(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    renames = 0
    rename = Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == failing:
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(PermissionError):
        write_directory(folder, "new")
    assert (folder / "file").read_text() == "old"
    assert entries(tmp_path) == ["folder"]


def test_another_process_takes_the_name_in_between(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its directory stays, and so does the old one, under another name."""
    rename = Path.rename

    def be_late(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self == folder:
            folder.mkdir()
            (folder / "theirs").touch()
        return moved

    monkeypatch.setattr(Path, "rename", be_late)
    with pytest.raises(OSError, match=r".") as caught:
        write_directory(folder, "new")
    assert caught.value.filename != str(folder)
    assert entries(folder) == ["theirs"]
    (old,) = (path for path in tmp_path.iterdir() if path != folder)
    assert old.name.startswith(".xw2v-")
    assert old.suffix == ".old"
    assert (old / "file").read_text() == "old"


def test_a_directory_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    for name in (path, path / "folder"):
        with pytest.raises(OSError, match=r"directory|exists"):
            write_directory(name, "new")
    assert path.read_text() == "old"
    assert entries(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and links")
def test_permissions_and_links_of_directories(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "usual").mkdir()
    assert folder.stat().st_mode == (tmp_path / "usual").stat().st_mode
    link = tmp_path / "link"
    link.symlink_to(folder, target_is_directory=True)
    with replacing_directory(link, mode=0o700) as directory:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert link.is_symlink()
    assert entries(folder) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert entries(tmp_path) == ["folder", "link", "usual"]


@pytest.mark.skipif(os.name == "nt", reason="there, directories cannot be synced")
def test_the_name_of_a_directory_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    with replacing_directory(tmp_path / "folder", durable=False):
        pass
    assert synced == []
    with replacing_directory(tmp_path / "folder"):
        pass
    assert synced == [tmp_path.stat().st_ino]


def test_what_may_be_replaced(tmp_path: Path, folder: Path) -> None:
    def reason(path: Path, overwrite: bool, is_one: bool = True) -> str | None:
        return why_not_replaceable(
            path,
            "thing",
            is_one=lambda asked: is_one and asked == path,
            is_part=lambda name: name == "file",
            overwrite=overwrite,
        )

    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "new", tmp_path / "not" / "there", tmp_path / "empty"):
        for overwrite in (False, True):
            assert reason(path, overwrite, is_one=False) is None
    assert reason(folder, True) is None
    assert reason(folder, False) == (
        f"{folder} holds a thing already; choose another name, or overwrite it (--overwrite)"
    )
    assert "is a file; a thing is a directory" in str(reason(folder / "file", True))
    assert "no xw2v thing" in str(reason(folder, True, is_one=False))
    assert "is a mount point" in str(reason(Path(tmp_path.anchor), True))
    (folder / "thesis").touch()
    assert "no part of the thing and would be lost, 'thesis'" in str(reason(folder, True))


def test_a_probe_leaves_nothing_behind(tmp_path: Path, folder: Path) -> None:
    for path in (folder, tmp_path / "new", tmp_path / "not" / "there" / "yet"):
        probe_directory(path)
    for path in (folder / "file" / "below", tmp_path / "new" / ("x" * 300)):
        with pytest.raises(OSError, match=r"."):
            probe_directory(path)
    assert entries(tmp_path) == ["folder"]
    assert entries(folder) == ["file"]


def test_overwrites_that_were_interrupted(tmp_path: Path, folder: Path) -> None:
    def is_one(path: Path) -> bool:
        return (path / "file").exists()

    old = hidden_sibling(folder, ".old")
    folder.rename(old)
    hidden_sibling(folder, ".old").mkdir()  # nothing in it
    assert interrupted_overwrites(folder, is_one) == [old.resolve()]
    folder.mkdir()
    assert interrupted_overwrites(folder, is_one) == []
    assert interrupted_overwrites(tmp_path / "not" / "there", is_one) == []

import os
import stat
from pathlib import Path

import pytest

from xw2v.atomic import hidden_sibling, replacing_file, sync_directory


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

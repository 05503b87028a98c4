import errno
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest

from xw2v.errors import ConfigError, CorpusError
from xw2v.text import EncodedCorpus, Vocabulary, cache
from xw2v.text.cache import (
    CACHE_LIMIT,
    cache_folder,
    cache_key,
    cache_limit,
    cached_entries,
    clear_cache,
    find_cached,
    keep_cached,
)
from xw2v.text.store import load_encoded, save_encoded

KEYS = [cache_key([["a.txt", str(number)]], {}) for number in range(4)]
VOCABULARY = Vocabulary(("a", "b"), np.array([3, 2]))
CORPUS = EncodedCorpus(np.array([0, 1, 0, 1, 0], np.int32), np.array([0, 3, 5]), 6)
OPTIONS: dict[str, Any] = {"sources": ["a.txt", "b.txt"], "min_count": 1}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for this test, which is not there yet."""
    path = tmp_path / "made" / "cache"
    monkeypatch.setenv("XW2V_CACHE_DIR", str(path))
    monkeypatch.delenv("XW2V_CACHE_LIMIT", raising=False)
    return path


def keep(key: str, corpus: EncodedCorpus = CORPUS) -> str | None:
    return keep_cached(key, VOCABULARY, corpus, OPTIONS)


def used(key: str, seconds_ago: float) -> None:
    """Make an entry look as if it was last used so long ago."""
    then = time.time() - seconds_ago
    os.utime(cache_folder() / key / "corpus.json", (then, then))


def entries(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


# Where, how much, and by what name


def test_the_folder(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == folder
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XW2V_CACHE_DIR", "here")
    assert cache_folder() == tmp_path / "here"
    for unset in (True, False):
        monkeypatch.setenv("XW2V_CACHE_DIR", "")
        if unset:
            monkeypatch.delenv("XW2V_CACHE_DIR")
        usual = platformdirs.user_cache_path("xw2v", appauthor=False)
        assert cache_folder() == usual / "corpora"


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XW2V_CACHE_DIR")
    monkeypatch.setattr(
        platformdirs, "user_cache_path", lambda name, appauthor: Path("~/.cache") / name
    )
    assert find_cached(KEYS[0]) is None
    assert "no home folder" in str(keep(KEYS[0]))
    for ask in (cache_folder, cached_entries, clear_cache):
        with pytest.raises(ConfigError, match="set XW2V_CACHE_DIR to a folder"):
            ask()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", CACHE_LIMIT),
        ("0", 0),
        ("123456", 123_456),
        ("5 kB", 5000),
        ("1.5mb", 1_500_000),
        (" 20GB ", 20_000_000_000),
        ("2T", 2_000_000_000_000),
    ],
)
def test_the_limit(monkeypatch: pytest.MonkeyPatch, text: str, limit: int) -> None:
    monkeypatch.setenv("XW2V_CACHE_LIMIT", text)
    assert cache_limit() == limit


@pytest.mark.parametrize("text", ["much", "-1", "1e9", "10 GiB", "1 2", "9" * 400, "١"])
def test_what_is_no_limit(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("XW2V_CACHE_LIMIT", text)
    with pytest.raises(ConfigError, match=f"XW2V_CACHE_LIMIT must be a size.* not '{text}'"):
        cache_limit()
    assert "XW2V_CACHE_LIMIT must be" in str(keep(KEYS[0]))
    assert cached_entries() == []


def test_keys_tell_inputs_apart() -> None:
    texts: list[list[list[str]]] = [[], [["a", "b"]], [["b", "a"]], [["ab"]], [["a"], ["b"]]]
    options: list[dict[str, Any]] = [{}, {"x": 1}, {"x": "1"}, {"x": [1]}, {"x": None}, {"y": 1}]
    odd = [[["\udcff", "é"]], [["\udcff", "e\u0301"]]]
    keys = [cache_key(text, option) for text in texts + odd for option in options]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


def test_keys_do_not_depend_on_what_does_not_matter() -> None:
    assert cache_key([("a", "b")], {"x": (1, 2), "y": 3}) == cache_key(
        (["a", "b"],), {"y": 3, "x": [1, 2]}
    )


def test_keys_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, everybody's cache is lost."""
    monkeypatch.setattr(cache, "ENCODING_VERSION", 1)
    monkeypatch.setattr(cache, "FORMAT_VERSION", 1)
    text = (
        '{"encoding":1,"fingerprints":[["a.txt","\\u00fc"]],"format":1,"options":{"min_count":5}}'
    )
    key = hashlib.sha256(text.encode()).hexdigest()
    assert cache_key([["a.txt", "ü"]], {"min_count": 5}) == key


def test_keys_change_with_the_way_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENCODING_VERSION", "FORMAT_VERSION"):
        monkeypatch.setattr(cache, name, 1000)
        assert cache_key([["a.txt", "0"]], {}) != KEYS[0]
        monkeypatch.undo()


@pytest.mark.parametrize("key", ["", "..", "/", "x" * 64, KEYS[0].upper(), KEYS[0] + "\n"])
def test_only_keys_are_names(key: str) -> None:
    for attempt in (find_cached, keep):
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            attempt(key)


# Keeping and finding


def test_what_was_kept_is_found(folder: Path) -> None:
    assert find_cached(KEYS[0]) is None
    assert not folder.exists()
    assert keep(KEYS[0]) is None
    stored = find_cached(KEYS[0])
    assert stored is not None
    assert stored.vocabulary.words == ("a", "b")
    assert stored.options == OPTIONS
    np.testing.assert_array_equal(stored.corpus.ids, CORPUS.ids)
    assert find_cached(KEYS[1]) is None
    assert entries(folder) == [KEYS[0]]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_the_owner_may_look(folder: Path) -> None:
    keep(KEYS[0])
    for path in (folder, folder / KEYS[0]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_keeping_twice(folder: Path) -> None:
    for _ in range(2):
        assert keep(KEYS[0]) is None
    assert entries(folder) == [KEYS[0]]
    assert find_cached(KEYS[0]) is not None


@pytest.mark.parametrize("name", ["corpus.json", "ids.npy", "starts.npy", "vocabulary.json"])
@pytest.mark.parametrize("damage", ["cut short", "changed", "missing"])
def test_a_damaged_entry_is_removed_and_kept_anew(folder: Path, name: str, damage: str) -> None:
    keep(KEYS[0])
    path = folder / KEYS[0] / name
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut short" else data[:-2] + b"!" + data[-1:])
    assert find_cached(KEYS[0]) is None
    assert entries(folder) == []
    assert keep(KEYS[0]) is None
    assert find_cached(KEYS[0]) is not None


def test_only_entries_are_removed(folder: Path) -> None:
    """The folder may be one where other things are."""
    keep(KEYS[0])
    (folder / KEYS[0] / "thesis.txt").write_text("years of work")
    (folder / KEYS[0] / "corpus.json").unlink()
    (folder / KEYS[1]).write_text("a file")
    (folder / "a folder").mkdir()
    stranger = folder / ".xw2v-0123456789abcdef.old"
    stranger.mkdir()
    (stranger / "model.safetensors").touch()
    os.utime(stranger / "model.safetensors", (0, 0))
    os.utime(stranger, (0, 0))
    before = entries(folder)
    assert find_cached(KEYS[0]) is None
    assert find_cached(KEYS[1]) is None
    assert clear_cache() == 0
    assert cached_entries() == []
    assert isinstance(keep(KEYS[0]), str)
    assert isinstance(keep(KEYS[1]), str)
    assert entries(folder) == before
    assert (folder / KEYS[0] / "thesis.txt").read_text() == "years of work"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_links_are_left_alone(tmp_path: Path, folder: Path) -> None:
    save_encoded(tmp_path / "mine", VOCABULARY, CORPUS, options={})
    folder.mkdir(parents=True)
    (folder / KEYS[0]).symlink_to(tmp_path / "mine", target_is_directory=True)
    assert find_cached(KEYS[0]) is not None
    assert clear_cache() == 0
    assert load_encoded(tmp_path / "mine").corpus.n_words == 5


# Places where nothing can be kept


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EROFS, "Read-only file system"),
        (errno.EACCES, "Permission denied"),
        (errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.EIO, "Disk quota exceeded"),
    ],
)
@pytest.mark.parametrize("step", ["mkdir", "open", "write_bytes", "rename"])
def test_a_failure_is_a_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, step: str
) -> None:
    folder.mkdir(parents=True)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, reason)

    monkeypatch.setattr(Path, step, fail)
    said = keep(KEYS[0])
    monkeypatch.undo()
    monkeypatch.setenv("XW2V_CACHE_DIR", str(folder))
    assert said is not None
    assert str(folder) in said
    assert reason in said
    assert entries(folder) == []
    assert find_cached(KEYS[0]) is None


def test_a_file_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "cache"):
        monkeypatch.setenv("XW2V_CACHE_DIR", str(place))
        assert f"cannot write {place}: " in str(keep(KEYS[0]))
        assert find_cached(KEYS[0]) is None
        assert cached_entries() == []
        assert clear_cache() == 0


@pytest.mark.skipif(
    os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0),
    reason="needs a user whom permissions bind",
)
def test_a_cache_that_may_only_be_read(folder: Path) -> None:
    keep(KEYS[0])
    keep(KEYS[1])
    (folder / KEYS[1] / "ids.npy").write_bytes(b"")
    folder.chmod(0o500)
    try:
        assert find_cached(KEYS[0]) is not None
        assert find_cached(KEYS[1]) is None
        assert "Permission denied" in str(keep(KEYS[2]))
        assert clear_cache() == 0
    finally:
        folder.chmod(0o700)


def test_what_cannot_be_removed_is_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where another process has it open."""
    keep(KEYS[0])

    def fail(self: Path, target: Path) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(Path, "rename", fail)
    assert clear_cache() == 0
    assert keep(KEYS[0]) is None  # it is there already
    assert "Access is denied" in str(keep(KEYS[1]))
    (folder / KEYS[0] / "ids.npy").write_bytes(b"")
    assert find_cached(KEYS[0]) is None
    assert entries(folder) == [KEYS[0]]


def test_no_room_on_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    for free, kept in ((35, False), (36, True)):  # 5 words, 2 sentences
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(0, 0, free))
        reason = keep(KEYS[0])
        assert (reason is None) == kept
        assert kept or "takes 36 bytes, and the disk of" in str(reason)


def test_options_that_json_cannot_hold(folder: Path) -> None:
    reason = keep_cached(KEYS[0], VOCABULARY, CORPUS, {"x": object()})
    assert "not JSON serializable" in str(reason)
    assert entries(folder) == []


# The limit


def sizes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.*") if file.is_file())


def test_the_least_recently_used_entries_make_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, key in enumerate(KEYS[:3]):
        assert keep(key) is None
        used(key, 300 - age)
    size = sizes(folder) // 3
    assert find_cached(KEYS[0]) is not None  # now the oldest is the second one
    monkeypatch.setenv("XW2V_CACHE_LIMIT", str(3 * size + 9))
    assert keep(KEYS[3]) is None
    assert entries(folder) == sorted([KEYS[0], KEYS[2], KEYS[3]])
    monkeypatch.setenv("XW2V_CACHE_LIMIT", str(size - 9))
    used(KEYS[0], 500)
    assert keep(KEYS[0]) is None  # stays, though it is itself beyond the limit
    assert entries(folder) == [KEYS[0]]


def test_a_text_beyond_the_limit_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(KEYS[0])
    monkeypatch.setenv("XW2V_CACHE_LIMIT", "35")
    assert keep(KEYS[1]) == (
        "the encoded text takes 36 bytes, and the cache may take 35: set XW2V_CACHE_LIMIT to more"
    )
    assert entries(folder) == [KEYS[0]]


def test_a_limit_of_0_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XW2V_CACHE_LIMIT", "0")
    assert keep(KEYS[0]) is None
    assert not folder.exists()


# Lists and broom


def test_entries_are_listed_the_last_used_first(folder: Path) -> None:
    assert cached_entries() == []
    for key in KEYS[:3]:
        keep(key)
    used(KEYS[0], 50)
    used(KEYS[1], 10)
    used(KEYS[2], 100)
    listed = cached_entries()
    assert [entry.key for entry in listed] == [KEYS[1], KEYS[0], KEYS[2]]
    first = listed[0]
    assert first.path == folder / KEYS[1]
    assert first.words == 5
    assert first.sources == ("a.txt", "b.txt")
    assert first.last_used == pytest.approx(time.time() - 10, abs=5)
    assert sum(entry.bytes for entry in listed) == sizes(folder)
    find_cached(KEYS[2])
    assert cached_entries()[0].key == KEYS[2]


@pytest.mark.parametrize(
    ("options", "sources"),
    [
        ({}, ()),
        ({"sources": None}, ()),
        ({"sources": "a"}, ("a",)),
        ({"sources": ["a", 1]}, ("a", "1")),
    ],
)
def test_sources_of_all_kinds(options: dict[str, Any], sources: tuple[str, ...]) -> None:
    keep_cached(KEYS[0], VOCABULARY, CORPUS, options)
    assert cached_entries()[0].sources == sources


def test_damaged_entries_are_listed_and_cleared(folder: Path) -> None:
    for key in KEYS[:2]:
        keep(key)
    (folder / KEYS[0] / "corpus.json").write_bytes(b"{")
    (folder / KEYS[1] / "corpus.json").unlink()
    assert {(entry.key, entry.words, entry.sources) for entry in cached_entries()} == {
        (KEYS[0], None, ()),
        (KEYS[1], None, ()),
    }
    size = sizes(folder)
    assert clear_cache() == size > 0
    assert entries(folder) == []


def test_clearing(folder: Path) -> None:
    assert clear_cache() == 0
    for age, key in enumerate(KEYS):
        keep(key)
        used(key, 100.0 * age)
    size = sizes(folder)
    assert clear_cache(older_than=150) == size // 2
    assert entries(folder) == sorted(KEYS[:2])
    assert clear_cache(older_than=150) == 0
    assert clear_cache() == size // 2
    assert entries(folder) == []


def test_what_killed_processes_left_is_swept_away_after_a_while(folder: Path) -> None:
    keep(KEYS[0])
    size = sizes(folder)
    paths = [folder / f".xw2v-{number:016x}.{kind}" for number, kind in ((1, "tmp"), (2, "old"))]
    for path in paths:
        shutil.copytree(folder / KEYS[0], path)
    for path in paths:
        assert clear_cache(older_than=1000) == 0  # somebody may be writing it
        for item in (path / "corpus.json", path / "starts.npy", path / "vocabulary.json", path):
            os.utime(item, (0, 0))
    assert clear_cache(older_than=1000) == 0
    os.utime(paths[0] / "ids.npy", (0, 0))
    assert clear_cache(older_than=1000) == size
    os.utime(paths[1] / "ids.npy", (0, 0))
    assert keep(KEYS[1]) is None
    assert entries(folder) == sorted(KEYS[:2])


@pytest.mark.skipif(os.name == "nt", reason="files that are open cannot be removed")
def test_an_open_corpus_outlives_its_entry() -> None:
    keep(KEYS[0])
    stored = find_cached(KEYS[0])
    assert stored is not None
    assert clear_cache() > 0
    stored.corpus.release()
    np.testing.assert_array_equal(stored.corpus.ids, CORPUS.ids)
    np.testing.assert_array_equal(stored.corpus.starts, CORPUS.starts)


def test_losing_a_race_does_no_harm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process keeps the same text between the looking and the renaming."""
    rename = Path.rename

    def be_late(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp") and not target.exists():
            shutil.copytree(self, target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", be_late)
    assert keep(KEYS[0]) is None
    assert find_cached(KEYS[0]) is not None
    assert entries(folder) == [KEYS[0]]


def test_an_entry_that_vanishes_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(KEYS[0])

    def vanish(path: Path) -> None:
        shutil.rmtree(path)
        raise CorpusError("gone")

    monkeypatch.setattr(cache, "load_encoded", vanish)
    assert find_cached(KEYS[0]) is None
    keep(KEYS[0])
    monkeypatch.setattr(cache, "read_notes", vanish)
    assert cached_entries() == []


PROGRAM = """
import sys
import numpy as np
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.text.cache import cache_key, clear_cache, find_cached, keep_cached
vocabulary = Vocabulary(("a", "b"), np.array([2, 1]))
corpus = EncodedCorpus(np.zeros(5000, np.int32), np.arange(0, 5001, 10), 5000)
for turn in range(40):
    key = cache_key([[str(turn % 3)]], {})
    found = find_cached(key)
    if found is None:
        keep_cached(key, vocabulary, corpus, {})
    else:
        assert int(found.corpus.starts.sum()) == 1252500, "half an entry"
    if turn % 7 == 6:
        clear_cache()
print("fine")
"""


def test_processes_at_the_same_time(folder: Path) -> None:
    command = [sys.executable, "-c", PROGRAM]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip(), err) == (0, "fine", "")
    assert all(find_cached(entry.key) is not None for entry in cached_entries())
    clear_cache()
    assert cached_entries() == []

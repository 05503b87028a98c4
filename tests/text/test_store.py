import hashlib
import json
import mmap
import os
import shutil
import stat
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xw2v.errors import CorpusError
from xw2v.text import EncodedCorpus, Vocabulary, store
from xw2v.text.spool import Spool
from xw2v.text.store import (
    FILES,
    check_encoded_writable,
    is_encoded,
    load_encoded,
    read_notes,
    save_encoded,
)

WORDS = ("the", "two words", "line\nbreak", "👩‍🚀", "", "\x00", "e\u0301", "é", "\u2028")
OPTIONS: dict[str, Any] = {
    "sources": ["a.txt", "ü.txt", "\udcff.txt"],
    "min_count": 5,
    "sample": 0.5,
    "limit": None,
    "lowercase": True,
    "phrases": {"threshold": [1, 2]},
}


def make_vocabulary(words: tuple[str, ...] = WORDS) -> Vocabulary:
    return Vocabulary(words, np.arange(len(words), 0, -1) * 2**40)


def make_corpus(seed: int = 0) -> EncodedCorpus:
    ids = np.random.default_rng(seed).integers(0, len(WORDS), 20, np.int32)
    return EncodedCorpus(ids, np.array([0, 3, 4, 20]), 25)


def save(path: Path, seed: int = 0, **options: Any) -> None:
    save_encoded(path, make_vocabulary(), make_corpus(seed), options=OPTIONS, **options)


def assert_holds(path: Path, seed: int = 0) -> None:
    assert_equal(path, make_vocabulary(), make_corpus(seed), OPTIONS)


def assert_equal(
    path: Path, vocabulary: Vocabulary, corpus: EncodedCorpus, options: dict[str, Any]
) -> None:
    stored = load_encoded(path)
    assert stored.options == options
    assert stored.vocabulary.words == vocabulary.words
    np.testing.assert_array_equal(stored.vocabulary.counts, vocabulary.counts)
    assert stored.corpus.raw_words == corpus.raw_words
    for name, dtype in (("ids", np.int32), ("starts", np.int64)):
        array = getattr(stored.corpus, name)
        assert array.dtype == dtype
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, getattr(corpus, name))


def entries(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record which files were to be written to the disk, and do not wait for the disk."""
    inodes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: inodes.append(os.fstat(descriptor).st_ino))
    return inodes


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "corpus"
    save(path)
    return path


# Round trips


def test_a_corpus_comes_back_as_it_was(tmp_path: Path, saved: Path) -> None:
    assert_holds(saved)
    assert entries(tmp_path) == ["corpus"]
    assert entries(saved) == sorted(FILES)


@st.composite
def encoded(draw: st.DrawFn) -> tuple[Vocabulary, EncodedCorpus]:
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    words = draw(st.lists(text, unique=True, min_size=1, max_size=8))
    counts = sorted(draw(st.lists(st.integers(0, 2**62), min_size=len(words))), reverse=True)
    ids = draw(st.lists(st.integers(0, len(words) - 1), max_size=12))
    inner = draw(st.sets(st.integers(1, max(1, len(ids) - 1)))) if len(ids) > 1 else set()
    starts = sorted({0, *inner, len(ids)})
    return (
        Vocabulary(tuple(words), np.array(counts[: len(words)], np.int64)),
        EncodedCorpus(
            np.array(ids, np.int32),
            np.array(starts, np.int64),
            len(ids) + draw(st.integers(0, 2**40)),
        ),
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A surrogate pair comes back as the one character that it stands for.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text("ab"), values),
    max_leaves=5,
)


@settings(max_examples=60)
@given(encoded(), st.dictionaries(st.text("abc\n", max_size=3), json_values, max_size=3))
def test_every_corpus_comes_back(
    made: tuple[Vocabulary, EncodedCorpus], options: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus"
        save_encoded(path, *made, options=options, durable=False)
        assert_equal(path, *made, options)


def test_nothing_comes_back(tmp_path: Path) -> None:
    corpus = EncodedCorpus(np.empty(0, np.int32), np.array([0]), 0)
    save_encoded(tmp_path / "corpus", make_vocabulary(()), corpus, options={})
    assert_equal(tmp_path / "corpus", make_vocabulary(()), corpus, {})
    load_encoded(tmp_path / "corpus").corpus.release()


def test_long_arrays_are_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHUNK", 7)
    whole = np.arange(200, dtype=np.int32) % len(WORDS)
    for name, ids in (("plain", whole), ("every other", np.repeat(whole, 2)[::2])):
        corpus = EncodedCorpus(ids, np.arange(0, 201, 2), 200)
        save_encoded(tmp_path / name, make_vocabulary(), corpus, options={})
        assert_equal(tmp_path / name, make_vocabulary(), corpus, {})
    with Spool(np.int32, 1) as spool:
        spool.append(whole)
        corpus = EncodedCorpus(spool.array(), np.arange(0, 201, 2), 200)
    save_encoded(tmp_path / "spooled", make_vocabulary(), corpus, options={})
    stored = load_encoded(tmp_path / "spooled")
    save_encoded(
        tmp_path / "again", stored.vocabulary, stored.corpus, options=stored.options, durable=False
    )
    assert_equal(tmp_path / "again", make_vocabulary(), corpus, {})


def test_memory_holds_one_piece_at_a_time(tmp_path: Path) -> None:
    n = 4_000_000
    corpus = EncodedCorpus(np.ones(n, np.int32), np.arange(n + 1), n)
    tracemalloc.start()
    try:
        save_encoded(tmp_path / "corpus", make_vocabulary(), corpus, options={}, durable=False)
        stored = load_encoded(tmp_path / "corpus")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stored.corpus.n_sentences == n
    assert peak < n


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_opened_arrays_are_not_resident(tmp_path: Path) -> None:
    def resident() -> int:
        kilobytes = Path("/proc/self/status").read_text().partition("RssFile:")[2].split()[0]
        return int(kilobytes) * 1024

    n = 4_000_000
    corpus = EncodedCorpus(np.ones(n, np.int32), np.arange(n + 1), n)
    save_encoded(tmp_path / "corpus", make_vocabulary(), corpus, options={}, durable=False)
    before = resident()
    read = load_encoded(tmp_path / "corpus").corpus
    assert resident() - before < 2 * n
    assert int(read.ids.sum()) == n
    assert int(read.starts.max()) == n
    assert resident() - before > 10 * n
    read.release()
    assert resident() - before < 2 * n
    assert int(read.ids.sum()) == n


def test_arrays_that_numpy_mapped_are_released(saved: Path) -> None:
    ids = np.load(saved / "ids.npy", mmap_mode="r")
    starts = np.load(saved / "starts.npy", mmap_mode="r")
    released: list[str] = []

    class Noted(mmap.mmap):
        def madvise(self, *arguments: int) -> None:
            released.append("a map")

    with (saved / "ids.npy").open("rb") as file:
        noted = Noted(file.fileno(), 0, access=mmap.ACCESS_READ)
    other = np.frombuffer(noted, np.int32, offset=128)[:20]
    EncodedCorpus(other, starts, 25).release()
    assert released == (["a map"] if hasattr(mmap, "MADV_DONTNEED") else [])
    corpus = EncodedCorpus(ids, starts, 25)
    corpus.release()
    np.testing.assert_array_equal(corpus.ids, make_corpus().ids)
    np.testing.assert_array_equal(corpus.starts, make_corpus().starts)


def test_changes_to_a_private_map_outlive_a_release(saved: Path) -> None:
    ids = np.load(saved / "ids.npy", mmap_mode="c")
    ids[:] = 7
    corpus = EncodedCorpus(ids, np.array([0, 20]), 20)
    corpus.release()
    assert set(corpus.ids.tolist()) == {7}


def test_starts_must_rise_across_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.zeros(10, np.int32)
    monkeypatch.setattr("xw2v.text.corpus._CHUNK", 3)
    EncodedCorpus(ids, np.arange(11), 10)
    for place in range(1, 10):
        starts = np.arange(11)
        starts[place] = place - 1
        with pytest.raises(ValueError, match="starts must rise"):
            EncodedCorpus(ids, starts, 10)


def test_the_files(saved: Path) -> None:
    notes = json.loads((saved / "corpus.json").read_text("utf-8"))
    assert (notes["format"], notes["format_version"]) == ("xw2v corpus", 1)
    assert isinstance(notes["xw2v_version"], str)
    counts = [notes[name] for name in ("words", "sentences", "raw_words", "vocabulary_size")]
    assert counts == [20, 3, 25, 9]
    assert notes["options"] == OPTIONS
    assert notes["files"] == {
        name: {
            "bytes": (saved / name).stat().st_size,
            "sha256": hashlib.sha256((saved / name).read_bytes()).hexdigest(),
        }
        for name in FILES
        if name != "corpus.json"
    }
    vocabulary = json.loads((saved / "vocabulary.json").read_text("utf-8"))
    assert vocabulary == {"words": list(WORDS), "counts": make_vocabulary().counts.tolist()}


def test_numpy_opens_the_arrays(saved: Path) -> None:
    for name in ("ids", "starts"):
        for mode in (None, "r"):
            array = np.load(saved / f"{name}.npy", mmap_mode=mode)
            np.testing.assert_array_equal(array, getattr(make_corpus(), name))
            assert array.dtype == getattr(make_corpus(), name).dtype
    huge = store._header("<i8", 2**62)
    assert len(huge) == 128
    assert huge.rstrip().endswith(b"'shape': (4611686018427387904,), }")


def test_notes_are_read_without_the_rest(saved: Path) -> None:
    for name in FILES[1:]:
        (saved / name).unlink()
    notes = read_notes(saved)
    assert (notes.words, notes.sentences, notes.raw_words) == (20, 3, 25)
    assert notes.vocabulary_size == len(WORDS)
    assert notes.options == OPTIONS
    assert notes.xw2v_version == json.loads((saved / "corpus.json").read_bytes())["xw2v_version"]


def test_every_file_is_on_the_disk_before_the_corpus_has_its_name(
    tmp_path: Path, synced: list[int], saved: Path
) -> None:
    assert set(synced[:4]) == {(saved / name).stat().st_ino for name in FILES}
    if os.name != "nt":
        assert synced[4:] == [saved.stat().st_ino, tmp_path.stat().st_ino]
    del synced[:]
    save(tmp_path / "other", durable=False)
    assert synced == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "usual").mkdir()
    assert saved.stat().st_mode == (tmp_path / "usual").stat().st_mode
    save(tmp_path / "private", private=True)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


# What is not written


@pytest.mark.parametrize(
    ("words", "ids", "options", "message"),
    [
        (("good", "\ud83d"), [0, 1], {}, r"the word '\\ud83d' cannot be written as UTF-8"),
        (("a", "b"), [0, 2], {}, "ids that the vocabulary has not"),
        (("a", "b"), [0, -1], {}, "ids that the vocabulary has not"),
        (("a", "b"), [0, 1], {"x": object()}, "not JSON serializable"),
        (("a", "b"), [0, 1], {"x": float("nan")}, "not JSON compliant"),
    ],
)
def test_unsound_corpora_are_not_written(
    tmp_path: Path, words: tuple[str, ...], ids: list[int], options: dict[str, Any], message: str
) -> None:
    corpus = EncodedCorpus(np.array(ids, np.int32), np.array([0, 2]), 2)
    with pytest.raises(CorpusError, match=f"cannot write .*{message}"):
        save_encoded(tmp_path / "corpus", make_vocabulary(words), corpus, options=options)
    assert entries(tmp_path) == []


def test_notes_too_long_to_be_read_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: Path
) -> None:
    monkeypatch.setattr(store, "_LONGEST_NOTES", 100)
    with pytest.raises(CorpusError, match="the notes on how the text was read take"):
        save(tmp_path / "other")
    assert entries(tmp_path) == ["corpus"]
    with pytest.raises(CorpusError, match=r"corpus\.json is damaged: it has [\d,]+ bytes"):
        load_encoded(saved)


def save_over(path: Path, overwrite: bool) -> None:
    save(path, seed=2, overwrite=overwrite)


both_checks = pytest.mark.parametrize("attempt", [check_encoded_writable, save_over])
Attempt = Callable[[Path, bool], None]


@both_checks
def test_free_names_and_empty_directories_are_taken(tmp_path: Path, attempt: Attempt) -> None:
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / "empty", tmp_path / "new", tmp_path / "parent" / "and child" / "corpus"]
    for path in paths:
        attempt(path, False)
    if attempt is check_encoded_writable:
        assert entries(tmp_path) == ["empty"]
        assert entries(tmp_path / "empty") == []
    else:
        for path in paths:
            assert_holds(path, seed=2)


@both_checks
def test_a_corpus_is_replaced_only_on_request(saved: Path, attempt: Attempt) -> None:
    with pytest.raises(CorpusError, match=r"holds a corpus already; .*--overwrite"):
        attempt(saved, False)
    assert_holds(saved)
    attempt(saved, True)
    assert_holds(saved, seed=2 if attempt is save_over else 0)
    assert entries(saved.parent) == ["corpus"]


@both_checks
def test_other_things_are_never_replaced(tmp_path: Path, saved: Path, attempt: Attempt) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "corpus.json").write_text('{"format": "another"}')
    (tmp_path / "file").write_text("a file")
    (saved / "thesis.txt").write_text("years of work")
    for path, message in (
        (folder, "no xw2v corpus"),
        (tmp_path / "file", "is a file; a corpus is a directory"),
        (tmp_path / "file" / "corpus", "cannot write"),
        (saved, r"would be lost, 'thesis\.txt' for one"),
        (tmp_path / "null\0byte", "cannot write"),
        (Path(tmp_path.anchor), "mount point"),
    ):
        with pytest.raises(CorpusError, match=message):
            attempt(path, True)
    assert entries(folder) == ["corpus.json"]
    assert entries(tmp_path) == ["corpus", "file", "thesis"]
    assert_holds(saved)


def test_a_corpus_is_replaced_by_itself(saved: Path) -> None:
    stored = load_encoded(saved)
    if os.name == "nt":
        pytest.skip("files that are open cannot be replaced")
    save_encoded(saved, stored.vocabulary, stored.corpus, options=stored.options, overwrite=True)
    assert_holds(saved)
    np.testing.assert_array_equal(stored.corpus.ids, make_corpus().ids)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["sync_file", "sync_directory", "_write", "_notes_bytes"])
@pytest.mark.parametrize("is_there", [False, True])
def test_an_interrupted_save_leaves_what_was_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    step: str,
    is_there: bool,
) -> None:
    path = tmp_path / "corpus"
    if is_there:
        save(path)

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(store, step, fail)
    expected = CorpusError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match=r"cannot write .*No space left|^$"):
        save(path, seed=2, overwrite=True)
    monkeypatch.undo()
    assert entries(tmp_path) == (["corpus"] if is_there else [])
    if is_there:
        assert_holds(path)


def test_a_process_killed_between_the_renames_leaves_the_old_corpus_findable(saved: Path) -> None:
    old = saved.with_name(".xw2v-0123456789abcdef.old")
    saved.rename(old)
    with pytest.raises(CorpusError, match=r"an interrupted overwrite left .*abcdef\.old"):
        load_encoded(saved)
    assert_holds(old)


# Damage


def assert_damaged(path: Path, name: str = "", match: str | None = None) -> None:
    with pytest.raises(CorpusError, match=match) as caught:
        load_encoded(path)
    assert str(path / name) in str(caught.value)
    assert "encode the text again" in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_files_cut_short_at_any_length(saved: Path, name: str) -> None:
    data = (saved / name).read_bytes()
    for length in range(len(data)):
        (saved / name).write_bytes(data[:length])
        assert_damaged(saved, name)
        assert is_encoded(saved)
    (saved / name).write_bytes(data + b"\n")
    assert_damaged(saved, name)
    (saved / name).write_bytes(data)
    assert_holds(saved)


@pytest.mark.parametrize("name", FILES)
def test_any_byte_changed(saved: Path, name: str) -> None:
    data = (saved / name).read_bytes()
    rng = np.random.default_rng(1)
    for position in range(len(data)):
        for change in {1, 32, int(rng.integers(1, 256))}:
            changed = bytearray(data)
            changed[position] ^= change
            (saved / name).write_bytes(changed)
            assert_damaged(saved, name)
    (saved / name).write_bytes(data)
    assert_holds(saved)


@pytest.mark.parametrize("name", FILES)
def test_missing_files_and_what_is_no_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    assert is_encoded(saved)
    assert_damaged(saved, "", match=name.replace(".", r"\."))
    (saved / name).mkdir()
    assert_damaged(saved, name, match="not a file")
    if hasattr(os, "mkfifo"):  # opening one would wait for ever
        (saved / name).rmdir()
        os.mkfifo(saved / name)
        assert_damaged(saved, name, match="not a file")
        is_encoded(saved)


@pytest.mark.parametrize(
    "data",
    [b"\x00" * 100, b"\xff\xfe", b"{}x", b"[1]", b"[" * 100_000, b"3"],
    ids=["zeros", "no text", "too much", "list", "deep", "number"],
)
@pytest.mark.parametrize("name", FILES)
def test_other_contents(saved: Path, name: str, data: bytes) -> None:
    (saved / name).write_bytes(data)
    assert_damaged(saved, name)
    if name != "corpus.json":
        reseal(saved)
        assert_damaged(saved, name)


def reseal(path: Path, **changes: Any) -> None:
    """Make the sizes and digests fit the files, as somebody could who wants to do harm."""
    notes = json.loads((path / "corpus.json").read_bytes())
    del notes["sha256"]
    for name in FILES[1:]:
        data = (path / name).read_bytes()
        notes["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (path / "corpus.json").write_bytes(store._notes_bytes({**notes, **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "xw2v model"}, "not the notes of an xw2v corpus"),
        ({"format": None}, "not the notes of an xw2v corpus"),
        ({"format_version": 2, "xw2v_version": "9.1"}, "version 2, .* xw2v 9.1; .* update xw2v"),
        ({"format_version": 0}, "format_version is 0"),
        ({"format_version": True}, "format_version is True"),
        ({"format_version": "1"}, "format_version is '1'"),
        ({"words": 20.0}, "'words' is not a number of things"),
        ({"words": -1}, "'words' is not"),
        ({"sentences": None}, "'sentences' is not"),
        ({"raw_words": True}, "'raw_words' is not"),
        ({"raw_words": 19}, "'raw_words' is less than 'words'"),
        ({"vocabulary_size": "9"}, "'vocabulary_size' is not"),
        ({"options": []}, "is not a JSON object"),
        ({"files": []}, "is not a JSON object"),
        ({"files": {}}, r"lacks the size or the SHA-256 of ids\.npy"),
        ({"files": {"ids.npy": 5}}, r"lacks the size or the SHA-256 of ids\.npy"),
        (
            {"files": {"ids.npy": {"bytes": 5.0, "sha256": ""}}},
            r"lacks the size or the SHA-256 of ids\.npy",
        ),
    ],
)
def test_wrong_notes(saved: Path, changes: dict[str, Any], message: str) -> None:
    reseal(saved, **changes)
    assert_damaged(saved, "corpus.json", message)


@pytest.mark.parametrize(
    ("changes", "name", "message"),
    [
        ({"words": 19}, "ids.npy", "has 208 bytes where 19 numbers take 204"),
        ({"words": 10**30, "raw_words": 10**30}, "ids.npy", "bytes where"),
        ({"sentences": 2}, "starts.npy", "has 160 bytes where 3 numbers take 152"),
        ({"vocabulary_size": 8}, "vocabulary.json", "has 9 words, not 8"),
    ],
)
def test_notes_that_do_not_fit_the_files(
    saved: Path, changes: dict[str, Any], name: str, message: str
) -> None:
    reseal(saved, **changes)
    assert_damaged(saved, name, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": "abc"}, "'words' is not a list of strings"),
        ({"words": [1] * 9}, "'words' is not a list of strings"),
        ({"words": ["a"] * 9}, "a word occurs twice"),
        ({"words": ["a"], "counts": [1]}, "has 1 words, not 9"),
        ({"words": [*"abcdefgh", "\udcff"]}, "a word is not Unicode text"),
        ({"counts": None}, "'counts' is not a list"),
        ({"counts": [1.0] * 9}, "'counts' is not a list"),
        ({"counts": [-1] * 9}, "'counts' is not a list"),
        ({"counts": [1] * 8}, "counts must be int64 of shape"),
        ({"counts": [2**63] * 9}, "too large"),
        ({"counts": [*range(9)]}, "counts must fall"),
    ],
)
def test_wrong_vocabularies(saved: Path, change: dict[str, Any], message: str) -> None:
    path = saved / "vocabulary.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    reseal(saved)
    assert_damaged(saved, "vocabulary.json", message)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("ids", np.full(20, 9, np.int32), "ids that the vocabulary has not"),
        ("ids", np.full(20, -1, np.int32), "ids that the vocabulary has not"),
        ("ids", np.zeros(20, ">i4"), "its header"),
        ("ids", np.zeros(20, np.float32), "its header"),
        ("ids", np.zeros((4, 5), np.int32), "its header"),
        ("ids", np.zeros((), "S80"), "its header"),
        ("ids", np.zeros(20, np.int64), "bytes where"),
        ("ids", np.zeros((), np.int32), "bytes where"),
        ("starts", np.array([0, 3, 3, 20]), "starts must rise"),
        ("starts", np.array([1, 2, 3, 20]), "starts must run from 0"),
        ("starts", np.array([0, 2, 3, 19]), "starts must run from 0"),
        ("starts", np.array([0, 3, 4, 20], ">i8"), "its header"),
    ],
)
def test_wrong_arrays(saved: Path, name: str, array: np.ndarray, message: str) -> None:
    np.save(saved / f"{name}.npy", array)
    reseal(saved)
    assert_damaged(saved, f"{name}.npy", message)


def test_arrays_of_objects_are_refused(saved: Path) -> None:
    np.save(saved / "ids.npy", np.array([object] * 3, object), allow_pickle=True)
    reseal(saved)
    assert_damaged(saved, "ids.npy")
    data = (saved / "ids.npy").read_bytes()
    header, rest = data[:128], data[128:]
    (saved / "ids.npy").write_bytes(header + rest.ljust(80, b"\0")[:80])
    reseal(saved)
    assert_damaged(saved, "ids.npy", "its header")


def test_arrays_that_numpy_wrote_anew_are_read(saved: Path) -> None:
    """The header is the one that NumPy writes, so only the digests must be made to fit."""
    np.save(saved / "ids.npy", np.load(saved / "ids.npy"))
    np.save(saved / "starts.npy", np.load(saved / "starts.npy"))
    reseal(saved)
    assert_holds(saved)


def test_places_where_there_is_no_corpus(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "other").write_text("")
    for path, message in (
        (tmp_path / "nothing", "it does not exist"),
        (saved / "ids.npy", "is a file, not a directory"),
        (saved / "ids.npy" / "deeper", "does not exist"),
        (tmp_path / "empty", r"no corpus\.json, so it is no xw2v corpus"),
        (tmp_path / "null\0byte", "cannot read"),
    ):
        assert_damaged(path, match=message)
        assert not is_encoded(path)


def test_what_cannot_be_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    assert_damaged(saved, "starts.npy", "cannot read .*Input/output error")
    monkeypatch.undo()
    monkeypatch.setattr(mmap, "mmap", fail)
    assert_damaged(saved, "starts.npy", "cannot read .*Input/output error")
    monkeypatch.undo()
    monkeypatch.setattr(Path, "stat", fail)
    assert_damaged(saved, "corpus.json", "cannot read .*Input/output error")
    monkeypatch.undo()
    monkeypatch.setattr(Path, "open", fail)
    assert not is_encoded(saved)


def test_a_newer_corpus_is_recognized(saved: Path) -> None:
    reseal(saved, format_version=7)
    (saved / "ids.npy").rename(saved / "ids.safetensors")
    assert is_encoded(saved)
    shutil.rmtree(saved)
    assert not is_encoded(saved)

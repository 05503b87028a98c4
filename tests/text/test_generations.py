import mmap
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.errors import CorpusError
from xw2v.text.generations import PARTITIONS, Generation, StoredWords, total_up

WORDS = st.lists(st.sampled_from([*"abcdefgé", "", "\0", "two words", "😀"]), unique=True)


def test_a_generation_is_partitioned() -> None:
    words = [f"w{i}" for i in range(500)]
    generation = Generation(words, np.arange(500, dtype=np.int64) * 3, 1000)
    assert generation.numbers == slice(1000, 1500)
    found: list[tuple[str, int, int]] = []
    for number in range(PARTITIONS):
        some, counts, numbers = generation.partition(number)
        assert {hash(word) % PARTITIONS for word in some.to_pylist()} <= {number}
        assert counts.dtype == np.int64
        assert numbers.dtype == np.int32
        found += zip(some.to_pylist(), counts.tolist(), numbers.tolist(), strict=True)
    assert sorted(found) == sorted((word, 3 * i, 1000 + i) for i, word in enumerate(words))
    places = np.array([3, 499, 0, 3])
    assert generation.take(places).to_pylist() == ["w3", "w499", "w0", "w3"]
    generation.close()


@given(st.lists(WORDS, min_size=1, max_size=5), st.data())
def test_counts_of_several_generations_are_added_up(
    lists: list[list[str]], data: st.DataObject
) -> None:
    made = []
    totals: Counter[str] = Counter()
    lowest: dict[str, int] = {}
    numbers: list[str] = []
    for words in lists:
        counts = data.draw(st.lists(st.integers(0, 9), min_size=len(words), max_size=len(words)))
        made.append(Generation(words, np.array(counts, np.int64), len(numbers)))
        for word, n in zip(words, counts, strict=True):
            lowest.setdefault(word, len(numbers))
            numbers.append(word)
            totals[word] += n
    first = np.full(len(numbers), -1, np.int32)
    sums = np.full(len(numbers), -1, np.int64)
    for partition in range(PARTITIONS):
        total_up([generation.partition(partition) for generation in made], first, sums)
    assert first.tolist() == [lowest[word] for word in numbers]
    for number, word in enumerate(numbers):
        assert sums[number] == (totals[word] if lowest[word] == number else -1)
    for generation in made:
        generation.close()


@given(st.lists(WORDS, max_size=5), st.data())
def test_stored_words(lists: list[list[str]], data: st.DataObject) -> None:
    words: list[str] = []
    stored = StoredWords()
    for some in lists:
        new = [word for word in some if word not in words]
        stored.append(new)
        words += new
    assert len(stored) == len(words)
    numbers = data.draw(st.lists(st.integers(0, len(words) - 1))) if words else []
    assert stored.take(np.array(numbers, np.int32)) == [words[number] for number in numbers]
    wanted = data.draw(WORDS)
    found = stored.find(wanted)
    assert found.dtype == np.int64
    assert sorted(found.tolist()) == sorted(words.index(word) for word in wanted if word in words)
    stored.close()


def test_stored_words_take_no_memory() -> None:
    pa = pytest.importorskip("pyarrow")
    words = pa.array([f"{i:0100}" for i in range(10_000)], pa.large_string())
    stored = StoredWords()
    before = pa.total_allocated_bytes()
    stored.append(words)
    assert pa.total_allocated_bytes() - before < 100_000
    assert stored.take(np.array([9_999])) == [f"{9_999:0100}"]
    stored.close()


def test_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened: list[Any] = []
    monkeypatch.setattr(tempfile, "TemporaryFile", spied(opened))
    generation = Generation(["a", "b"], np.ones(2, np.int64), 0)
    stored = StoredWords()
    stored.append(generation.take(np.array([1])))
    generation.close()
    stored.close()
    assert len(opened) == 2
    assert all(file.closed for file in opened)
    assert list(tmp_path.iterdir()) == []


def spied(opened: list[Any]) -> Any:
    make = tempfile.TemporaryFile

    def open_one(*args: Any, **kwargs: Any) -> Any:
        opened.append(make(*args, **kwargs))
        return opened[-1]

    return open_one


class Full:
    """A file on a full disk, which fails when it is written to or closed."""

    closed = False

    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")

    flush = seek = tell = write

    def close(self) -> None:
        self.closed = True
        raise OSError(28, "No space left on device")

    def seekable(self) -> bool:
        return True

    readable = writable = seekable


def test_a_full_disk_is_a_corpus_error(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Full()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: file)
    with pytest.raises(CorpusError, match="No space left on device; set TMPDIR"):
        Generation(["a", "b"], np.ones(2, np.int64), 0)
    assert file.closed


@pytest.mark.parametrize("where", ["TemporaryFile", "mmap"])
def test_no_file_can_be_had(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(tempfile if where == "TemporaryFile" else mmap, where, fail)
    with pytest.raises(CorpusError, match="Too many open files"):
        StoredWords().append(["a"])

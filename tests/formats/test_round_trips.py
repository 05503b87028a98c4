"""Whatever is written is read: the same words in the same order, and the same bits."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xw2v.config import TrainingConfig
from xw2v.errors import ModelFileError
from xw2v.formats import SavedModel, read_vectors, save_model, write_vectors
from xw2v.vectors import WordVectors

Matrix = npt.NDArray[np.float32]

HOSTILE_WORDS = (
    *("", " ", "  ", "New York", " x", "x ", "\t", "a\tb", "\n", "a\nb", "\r", "a\r", "\r\n"),
    *("\v", "\x00", "a\x00b", "\x1b[31m", "\x1c", "\x85", "\xa0", "a\xa0b", "\u2028", "a\u2029"),
    *("\u3000", "\ufeff", "\ufeffx", "x\ufeff", "\u200b", "\u200e", "שָׁלוֹם", "مرحبا", "👩‍🚀", "🇩🇪"),
    *("é", "e\u0301", "\u0301", "\ud83d", "\U0010ffff", "\uffff", "1", "-1.5", "1e5", "2 3", "12"),
    *("0", "nan", "NaN", "inf", "NA", "null", "None", "true", "</s>", "<unk>", '"', "'", '""'),
    *("\\", "\\n", ",", "a,b", "#", "%", "word", "word\tcount", "{}", "[]", "\x1f", "\x80", "../x"),
    *("PAR1", "PK\x03\x04", '\x00\x00\x00\x00\x00\x00\x00\x00{"', "x" * 10_000, "é" * 10_000),
)  # fmt: skip


def is_unicode(word: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in word)


def is_one_word(word: str) -> bool:
    return bool(word) and not set(word) & set(" \t\n\v\f\r") and is_unicode(word)


def is_one_line(word: str) -> bool:
    return bool(word.replace("\ufeff", "").strip()) and not set(word) & set("\t\n\r")


def looks_like_another_file(word: str) -> bool:
    return word.startswith(("PAR1", "PK\x03\x04")) or word[2:10] == '\x00\x00\x00\x00\x00\x00{"'


def write(path: Path, words: list[str], vectors: Matrix, kind: str) -> None:
    if kind != "model":
        write_vectors(path, WordVectors(words, vectors), kind)
        return
    config = TrainingConfig(vector_size=vectors.shape[1])
    counts = np.ones(len(words), np.int64)
    save_model(path, SavedModel(words, counts, vectors, vectors, config, {}, ()))


def read(path: Path, kind: str) -> tuple[list[str], Any]:
    if kind != "tensorboard":
        found = read_vectors(path, kind)
        return found.index_to_key, found.vectors
    # As the projector does, which splits at these characters and no others.
    lines = (path / "vectors.tsv").read_bytes().decode().removesuffix("\n").split("\n")
    words = (path / "metadata.tsv").read_bytes().decode().removesuffix("\n").split("\n")
    return words, np.array([line.split("\t") for line in lines], np.float32)


# Which words a format can hold; the name of the file, where that matters.
CAN_HOLD: dict[str, Callable[[list[str]], bool]] = {
    "word2vec-text": lambda words: all(map(is_one_word, words)),
    "word2vec-binary": lambda words: all(map(is_one_word, words)),
    "glove": lambda words: all(map(is_one_word, words)) and not looks_like_another_file(words[0]),
    "parquet": lambda words: all(map(is_unicode, words)),
    "numpy": lambda words: True,
    "model": lambda words: True,
    "tensorboard": lambda words: all(is_one_line(word) and is_unicode(word) for word in words),
}
PACKED = ("word2vec-text", "word2vec-binary", "glove")
every_format = pytest.mark.parametrize(
    ("kind", "name"), [(kind, "v") for kind in CAN_HOLD] + [(kind, "v.gz") for kind in PACKED]
)


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def check(path: Path, words: list[str], vectors: Matrix, kind: str) -> None:
    """Write and read; a format refuses the words that it cannot hold, and no others."""
    if not CAN_HOLD[kind](words):
        with pytest.raises(ModelFileError) as caught:
            write(path, words, vectors, kind)
        message = str(caught.value)
        assert str(path) in message
        assert any(repr(word) in message or f"{word[:20]!r} at" in message for word in words)
        assert not any(path.parent.iterdir())
        return
    write(path, words, vectors, kind)
    found, values = read(path, kind)
    assert found == words
    assert values.dtype == np.float32
    assert values.shape == vectors.shape
    assert np.array_equal(values.view(np.uint32), vectors.view(np.uint32))
    if kind != "tensorboard" and not could_be_text(kind, vectors):
        again = read_vectors(path)
        assert again.index_to_key == words
        assert np.array_equal(again.vectors.view(np.uint32), vectors.view(np.uint32))


def could_be_text(kind: str, vectors: Matrix) -> bool:
    """Say whether the bytes of the first vector are all digits and the like."""
    return kind == "word2vec-binary" and set(vectors[0].tobytes()) <= set(b"0123456789+-.eE ")


@every_format
@pytest.mark.parametrize("before", [[], ["a", "b"]], ids=["first", "later"])
def test_hostile_words(kind: str, name: str, before: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number, word in enumerate(HOSTILE_WORDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = [*before, word, "z"]
        vectors = rng.standard_normal((len(words), 3)).astype(np.float32)
        check(folder / name, words, vectors, kind)


@every_format
def test_all_words_that_a_format_can_hold(kind: str, name: str, tmp_path: Path) -> None:
    words = ["the", *(word for word in HOSTILE_WORDS if CAN_HOLD[kind](["the", word]))]
    bits = np.random.default_rng(1).integers(0, 2**32, (len(words), 5), np.uint32)
    vectors = bits.view(np.float32)
    vectors[~np.isfinite(vectors)] = -0.0
    assert len(words) > 30
    check(tmp_path / name, words, vectors, kind)


pieces = st.sampled_from(HOSTILE_WORDS[:-2]) | st.text(max_size=3)
hostile = st.lists(pieces, min_size=1, max_size=2).map("".join)
plain = st.text("abc12.é\xa0\u2028\ufeff\x00", min_size=1, max_size=4)


@every_format
@settings(max_examples=40)
@given(data=st.data(), size=st.integers(1, 4))
def test_round_trip(kind: str, name: str, data: st.DataObject, size: int) -> None:
    # Most of the time of words that any format holds, as one other is enough to be refused.
    words = data.draw(st.lists(plain | (plain | hostile), min_size=1, max_size=6, unique=True))
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    vectors = data.draw(hnp.arrays(np.float32, (len(words), size), elements=finite))
    with TemporaryDirectory() as folder:
        check(Path(folder) / name, words, vectors, kind)

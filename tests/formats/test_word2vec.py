import gzip
import io
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xw2v.errors import ModelFileError
from xw2v.formats import text_vectors
from xw2v.formats import word2vec as module
from xw2v.formats.word2vec import (
    has_word2vec_header,
    read_glove_text,
    read_word2vec_binary,
    read_word2vec_text,
    write_glove_text,
    write_word2vec_binary,
    write_word2vec_text,
)
from xw2v.vectors import WordVectors

Vectors = npt.NDArray[np.float32]
Reader = Callable[[Path], WordVectors]
Writer = Callable[[Path, Any, Any], None]

FORMATS = {
    "text": (read_word2vec_text, write_word2vec_text),
    "glove": (read_glove_text, write_glove_text),
    "binary": (read_word2vec_binary, write_word2vec_binary),
}
every_format = pytest.mark.parametrize(("read", "write"), FORMATS.values(), ids=list(FORMATS))
every_writer = pytest.mark.parametrize("write", [pair[1] for pair in FORMATS.values()])


def parse_word2vec_text(path: Path) -> tuple[list[str], Vectors]:
    header, *lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    rows = [line.split(" ") for line in lines]
    V, D = map(int, header.split(" "))
    assert len(rows) == V
    assert all(len(row) == D + 1 for row in rows)
    values = np.asarray([row[1:] for row in rows], dtype=np.float32)
    return [row[0] for row in rows], values.reshape(V, D)


def every_kind_of_float() -> Vectors:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, size=(500, 7), dtype=np.uint32).view(np.float32)
    bits[~np.isfinite(bits)] = -0.0
    bits[0] = [0, -0.0, 1e-45, 3.4028235e38, 1 / 3, 16777217, -1]
    return bits


def test_values_read_back_bit_for_bit(tmp_path: Path) -> None:
    vectors = every_kind_of_float()
    words = [f"w{i}" for i in range(500)]
    write_word2vec_text(tmp_path / "v.txt", words, vectors)
    read_words, read_vectors = parse_word2vec_text(tmp_path / "v.txt")
    assert read_words == words
    np.testing.assert_array_equal(read_vectors.view(np.uint32), vectors.view(np.uint32))


def test_the_format(tmp_path: Path) -> None:
    write_word2vec_text(tmp_path / "v.txt", ("a", "b"), np.asarray([[0.1, -2.5], [3e-7, 1.0]]))
    assert (tmp_path / "v.txt").read_bytes() == b"2 2\na 0.1 -2.5\nb 3e-7 1\n"


# White space that is not ASCII ends no word.
HOSTILE_WORDS = [
    *("👩‍🚀", "שָׁלוֹם", "e\u0301", '"', "'", ",", "\\n", "2", "nan", "</s>", "x" * 10_000),
    *("\x00", "\ufeff", "\u200b", "no\u00a0break", "\u2028x", "x\u0085", "\u3000", "\x1c"),
]


def test_hostile_words_are_written(tmp_path: Path) -> None:
    words = HOSTILE_WORDS
    vectors = np.ones((len(words), 2), np.float32)
    write_word2vec_text(tmp_path / "v.txt", words, vectors)
    assert parse_word2vec_text(tmp_path / "v.txt")[0] == words
    for read, write in FORMATS.values():
        write(tmp_path / "v", words, vectors)
        assert read(tmp_path / "v").index_to_key == words


@pytest.mark.parametrize("word", ["", " ", "New York", "tab\t", "\n", "\r", "\v", "x\f"])
@every_writer
def test_words_that_the_format_cannot_hold_are_refused(
    tmp_path: Path, word: str, write: Writer
) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(b"old")
    with pytest.raises(ModelFileError) as caught:
        write(path, ["good", word], np.zeros((2, 3)))
    assert repr(word) in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"


def test_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"'\\ud83d' cannot be written as UTF-8"):
        write_word2vec_text(tmp_path / "v.txt", ["\ud83d"], np.zeros((1, 3)))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_empty_tables_are_written(tmp_path: Path, shape: tuple[int, int]) -> None:
    write_word2vec_text(tmp_path / "v.txt", ["a", "b"][: shape[0]], np.zeros(shape))
    header = (tmp_path / "v.txt").read_text(encoding="utf-8").split("\n")[0]
    assert header == f"{shape[0]} {shape[1]}"


def test_blocks_do_not_change_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = every_kind_of_float()
    words = [f"w{i}" for i in range(500)]
    write_word2vec_text(tmp_path / "one.txt", words, vectors)
    monkeypatch.setattr("xw2v.formats.text_vectors._VALUES_AT_ONCE", 100)
    write_word2vec_text(tmp_path / "many.txt", words, vectors)
    assert (tmp_path / "one.txt").read_bytes() == (tmp_path / "many.txt").read_bytes()


@pytest.mark.parametrize("shape", [(3, 2), (2,)])
def test_shapes_must_agree(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelFileError, match="2 words, but vectors of shape"):
        write_word2vec_text(tmp_path / "v.txt", ["a", "b"], np.zeros(shape))


def test_files_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "v.txt", tmp_path):
        with pytest.raises(ModelFileError) as caught:
            write_word2vec_text(path, ["a"], np.zeros((1, 1)))
        assert f"cannot write {path}" in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_gensim_reads_the_same(tmp_path: Path) -> None:
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim, the other reader, is not installed"
    )
    vectors = every_kind_of_float()
    words = [f"w{i}é👩‍🚀" for i in range(500)]
    write_word2vec_text(tmp_path / "v.txt", words, vectors)
    read = keyedvectors.KeyedVectors.load_word2vec_format(str(tmp_path / "v.txt"))
    assert read.index_to_key == words
    np.testing.assert_array_equal(read.vectors.view(np.uint32), vectors.view(np.uint32))


def same(found: WordVectors, words: list[str], vectors: Vectors) -> None:
    assert found.index_to_key == words
    assert found.key_to_index == {word: row for row, word in enumerate(words)}
    assert found.counts is None
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape == vectors.shape
    np.testing.assert_array_equal(found.vectors.view(np.uint32), vectors.view(np.uint32))


@pytest.fixture(params=[False, True], ids=["at once", "in small pieces"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether files are read, and tables grown, a little at a time."""
    if request.param:
        monkeypatch.setattr(text_vectors, "_BYTES_AT_ONCE", 37)
        monkeypatch.setattr(text_vectors, "_VALUES_ON_TRUST", 3)
        monkeypatch.setattr(module, "_BYTES_AT_ONCE", 29)
        monkeypatch.setattr(module, "_ROWS_AT_ONCE", 4)
    return bool(request.param)


@every_format
@pytest.mark.parametrize("name", ["v", "v.gz", "v.GZ"])
def test_read_what_was_written(
    tmp_path: Path, read: Reader, write: Writer, name: str, pieces: bool
) -> None:
    vectors = every_kind_of_float()
    words = [f"w{i}é👩‍🚀" for i in range(500)]
    write(tmp_path / name, words, vectors)
    packed = (tmp_path / name).read_bytes().startswith(b"\x1f\x8b")
    assert packed == (name != "v")
    same(read(tmp_path / name), words, vectors)
    # The content tells, not the name.
    same(read((tmp_path / name).rename(tmp_path / "other.gz")), words, vectors)


word = st.text(min_size=1, max_size=5).filter(lambda text: text.split() == [text])
WORDS = word | st.sampled_from(["3", "1e5", "\ufeff", "nan", '"', "-"])
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@every_format
@settings(max_examples=100)
@given(data=st.data())
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, read: Reader, write: Writer, data: st.DataObject
) -> None:
    words = data.draw(
        st.lists(WORDS.filter(encodable), unique=True, max_size=6, min_size=read is read_glove_text)
    )
    size = data.draw(st.integers(1, 4))
    vectors = data.draw(hnp.arrays(np.float32, (len(words), size), elements=FLOATS))
    path = tmp_path_factory.getbasetemp() / data.draw(st.sampled_from(["v", "v.gz"]))
    write(path, words, vectors)
    same(read(path), words, vectors)
    assert has_word2vec_header(path) == (read is not read_glove_text)


def encodable(text: str) -> bool:
    return text.encode(errors="ignore").decode() == text


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
@pytest.mark.parametrize("name", ["v", "v.gz"])
def test_empty_tables(tmp_path: Path, shape: tuple[int, int], name: str) -> None:
    words = ["a", "b"][: shape[0]]
    vectors = np.zeros(shape, np.float32)
    for read, write in (FORMATS["text"], FORMATS["binary"]):
        write(tmp_path / name, words, vectors)
        same(read(tmp_path / name), words, vectors)
    with pytest.raises(ModelFileError, match="GloVe format cannot hold"):
        write_glove_text(tmp_path / name, words, vectors)


@pytest.mark.parametrize("end", ["\n", " \n", "\r\n", " \r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_dialects_of_text(tmp_path: Path, end: str, last: bool, pieces: bool) -> None:
    lines = ["</s> 0.004003 -1.5", "der +1 .5", "x 1. 2E-3", "y 1e-60 0x"[:-1]]
    text = end.join(lines) + (end if last else "")
    words = ["</s>", "der", "x", "y"]
    vectors = np.array([[0.004003, -1.5], [1, 0.5], [1, 0.002], [0, 0]], np.float32)
    path = tmp_path / "v"
    path.write_bytes(text.encode())
    same(read_glove_text(path), words, vectors)
    assert not has_word2vec_header(path)
    for header in ("4 2", "4\t2"):
        path.write_bytes((header + end + text).encode())
        same(read_word2vec_text(path), words, vectors)
        assert has_word2vec_header(path)


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("last", [b"", b"\n"])
def test_dialects_of_binary(tmp_path: Path, end: bytes, last: bytes, pieces: bool) -> None:
    # 10 and 32 are a newline and a space where a word would end.
    vectors = np.frombuffer(b"\n \n \n\n\n\n    abcd", np.float32).reshape(2, 2)
    path = tmp_path / "v"
    path.write_bytes(
        b"2 2\n" + end.join([b"a " + vectors[0].tobytes(), b"b " + vectors[1].tobytes()]) + last
    )
    same(read_word2vec_binary(path), ["a", "b"], vectors)


def test_digits_are_rounded_once(tmp_path: Path) -> None:
    """What is just above the middle of two float32s, and in the middle for a float64."""
    path = tmp_path / "v"
    for text in ("1.000000059604644775390626", "+1.000000059604644775390626"):
        path.write_text(f"a {text}\n")
        assert read_glove_text(path).vectors[0, 0] == np.nextafter(np.float32(1), np.float32(2))


def test_glove_words_with_spaces(tmp_path: Path, pieces: bool) -> None:
    path = tmp_path / "v"
    path.write_text(
        "the 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 9\nno\u00a0break 0 0\n", "utf8"
    )
    vectors = np.array([[1, 2], [3, 4], [5, 6], [8, 9], [0, 0]], np.float32)
    words = ["the", ". . .", "at name@domain.com", "7", "no\u00a0break"]
    same(read_glove_text(path), words, vectors)
    path.write_bytes(b"5 2\n" + path.read_bytes())
    with pytest.raises(ModelFileError, match="v, line 3: there are 4 values after the word, not 2"):
        read_word2vec_text(path)


BAD_LINES = {
    b"b 1 2 3": "there are 3 values after the word, not 2",
    b"b 1": "there are 1 values after the word, not 2",
    b"b": "there are 0 values",
    b"b 1  2": "there are 3 values",
    b"b  1": "'' is not a number",
    b"b 1 2 ": None,
    b"b 1 2  ": "'' is not a number|there are 3 values",
    b"": "it is empty",
    b" 1 2": "begins with a space",
    b"b 1 nan": "'nan' is not a finite number",
    b"b 1 -NaN(x)": "not a finite number",
    b"b -inf 1": "'-inf' is not a finite number",
    b"b 1 1e39": "'1e39' is too large for a float32",
    b"b 1 -1e999": "'-1e999' is too large for a float32",
    b"b 1 0,5": "'0,5' is not a number",
    b"b 1 1_0": "'1_0' is not a number",
    b"b 1 0x10": "'0x10' is not a number",
    b"b 1 --1": "'--1' is not a number",
    b"b 1 \t1": "is not a number",
    b"b 1 \xff": "is not a number",
    b"\xff 1 2": "its word is not UTF-8",
    b"a 1 2": "the word 'a' occurs in line [12] already",
}


@pytest.mark.parametrize("bad", BAD_LINES)
@pytest.mark.parametrize("many", [0, 50])
def test_bad_lines_are_named(tmp_path: Path, bad: bytes, many: int, pieces: bool) -> None:
    message = BAD_LINES[bad]
    lines = [b"a 1.00000000 2.00000000", *(b"w%d 0.5 1" % i for i in range(many)), bad, b"z 1 2"]
    path = tmp_path / "v.txt"
    for read, start in ((read_glove_text, []), (read_word2vec_text, [b"%d 2" % len(lines)])):
        path.write_bytes(b"\n".join([*start, *lines, b""]))
        if message is None:
            assert len(read(path)) == len(lines)
            continue
        with pytest.raises(ModelFileError, match=message) as caught:
            read(path)
        assert f"{path}, line {many + 2 + len(start)}: " in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
def test_text_that_is_cut_off_or_too_long(tmp_path: Path, packed: bool, pieces: bool) -> None:
    path = tmp_path / "v.txt"
    pack = gzip.compress if packed else bytes
    path.write_bytes(pack(b"3 2\na 1.000 2.000\nb 1.000 2.000\n"))
    with pytest.raises(ModelFileError, match="line 4: the file ends here, after 2 of the 3 words"):
        read_word2vec_text(path)
    path.write_bytes(pack(b"1 2\na 1 2\nb 1 2\n"))
    with pytest.raises(ModelFileError, match="line 3: it follows the 1 words that the header"):
        read_word2vec_text(path)


@pytest.mark.parametrize("read", [read_word2vec_text, read_word2vec_binary])
def test_sizes_are_not_believed(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "v"
    for header in (b"1000000000000 2", b"2 1000000", b"9" * 50 + b" 100"):
        path.write_bytes(header + b"\na 1 2\n")
        with pytest.raises(
            ModelFileError, match=r"line 1: .* words of .* dimensions need .* bytes"
        ):
            read(path)
        path.write_bytes(gzip.compress(header + b"\na 1 2\n"))
        with pytest.raises(ModelFileError, match=r"line [23]|byte \d+ of the unpacked data"):
            read(path)
    for data in (b"1 99999999999\na 1\n", gzip.compress(b"1 99999999999\na 1\n")):
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match="99999999999 dimensions are more than"):
            read(path)


@pytest.mark.parametrize("read", [read_word2vec_text, read_word2vec_binary])
@pytest.mark.parametrize(
    "line", ["a 1 2", "2", "2 3 4", "-2 3", "2.0 3", "\ufeff2 3", "2 " + "9" * 60]
)
def test_headers_are_two_whole_numbers(tmp_path: Path, read: Reader, line: str) -> None:
    path = tmp_path / "v"
    path.write_text(f"{line}\na 1 2 3\n", "utf8")
    with pytest.raises(ModelFileError, match="v, line 1: this is not a word2vec header"):
        read(path)
    assert not has_word2vec_header(path)


def test_glove_files_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(b"1 2\r\na 1 2\r\n")
    with pytest.raises(ModelFileError, match="line 1: '1 2' is the header of a word2vec file"):
        read_glove_text(path)
    path.write_bytes(b"word\n")
    with pytest.raises(ModelFileError, match="line 1: this is not a word and its values"):
        read_glove_text(path)


@pytest.mark.parametrize("spaces", [b" 1", b" "])
def test_packed_files_of_endless_lines_do_not_fill_the_memory(
    tmp_path: Path, spaces: bytes
) -> None:
    path = tmp_path / "v"
    path.write_bytes(gzip.compress(b"a" + spaces * 2**23, 1))
    with pytest.raises(ModelFileError, match=r"line 1: vectors of 838860\d dimensions"):
        read_glove_text(path)
    path.write_bytes(gzip.compress(b"a 1\nb" + spaces * 2**23 + b"\n", 1))
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=r"line 2: there are 838860\d values after"):
            read_glove_text(path)
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**23
    finally:
        tracemalloc.stop()


def test_what_looks_like_a_header_is_written_otherwise(tmp_path: Path) -> None:
    write_glove_text(tmp_path / "v", ["3", "4"], [[1.0], [2.0]])
    assert (tmp_path / "v").read_bytes() == b"3 1.0\n4 2\n"


ROW = np.array([1, 2], "<f4").tobytes()
BAD_BINARIES = {
    "truncated vector": (b"2 2\naaaaaaaaaa " + ROW + b"b " + ROW[:-1], 25, "the vector of .*'b'"),
    "no more": (b"2 2\naaaaaaaaaaaa " + ROW + b"\n", 26, "ends here, after 1 of the 2 words"),
    "no space": (b"2 2\naa " + ROW + b"x" * 30, 15, "no space ends the word"),
    "too long": (b"1 2\na " + ROW + b"\n\n", 15, "there is more after the 1 words of 2 dim"),
    "more": (b"1 2\na " + ROW + b"b " + ROW, 14, "there is more after the 1 words"),
    "not UTF-8": (b"2 2\na " + ROW + b"\xe4 " + ROW, 14, "is not UTF-8"),
    "empty word": (b"2 2\na " + ROW + b"\n " + ROW + b"x", 15, "an empty word"),
    "newline": (b"2 2\na " + ROW + b"\nx\ny " + ROW, 15, "a newline in a word"),
    "twice": (b"2 2\na " + ROW + b"\na " + ROW, 17, "the word 'a' before it occurs more than once"),
    "NaN": (b"2 2\na " + ROW + b"b " + ROW[:4] + b"\xff" * 4, 16, "word 'b' holds NaN or infinity"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BINARIES)
def test_bad_binaries(tmp_path: Path, name: str, pieces: bool) -> None:
    data, offset, message = BAD_BINARIES[name]
    path = tmp_path / "v.bin"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=f"byte {offset}: .*{message}") as caught:
        read_word2vec_binary(path)
    assert str(path) in str(caught.value)
    path.write_bytes(gzip.compress(data))
    with pytest.raises(ModelFileError, match=f"byte {offset} of the unpacked data: .*{message}"):
        read_word2vec_binary(path)


@pytest.mark.parametrize("value", ["x", "1." + "0" * 10**5 + "x", "1" * 10**5 + "x"])
def test_long_numbers_take_no_longer_than_others(tmp_path: Path, value: str) -> None:
    (tmp_path / "v").write_text(f"a 1 {'1' * 10**5}.5 2\nb 1 {value} 2\n")
    with pytest.raises(ModelFileError, match=r"v, line 1: '1{40}'\.\.\. is too large for a float"):
        read_glove_text(tmp_path / "v")
    (tmp_path / "v").write_text(f"a 1 {'0' * 10**5}.5 2\nb 1 {value} 2\n")
    with pytest.raises(ModelFileError, match=r"v, line 2: '.{1,40}'(\.\.\.)? is not a number"):
        read_glove_text(tmp_path / "v")


def test_long_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["x" * 100_000, "y"]
    write_word2vec_binary(tmp_path / "v", words, np.ones((2, 2)))
    same(read_word2vec_binary(tmp_path / "v"), words, np.ones((2, 2), np.float32))
    monkeypatch.setattr(module, "_LONGEST_WORD", 1000)
    with pytest.raises(ModelFileError, match="byte 4: no space ends the word"):
        read_word2vec_binary(tmp_path / "v")
    with pytest.raises(ModelFileError, match="longer than 1000 bytes"):
        write_word2vec_binary(tmp_path / "v", words, np.ones((2, 2)))


def test_lines_without_end_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_vectors, "_BYTES_AT_ONCE", 100)
    monkeypatch.setattr(text_vectors, "_LONGEST_ROW", 1000)
    (tmp_path / "v").write_bytes(b"a 1\nb 1\n" + b"x" * 5000)
    with pytest.raises(ModelFileError, match="line 3: it is longer than 1000 bytes"):
        read_glove_text(tmp_path / "v")


@every_format
def test_files_that_cannot_be_read(tmp_path: Path, read: Reader, write: Writer) -> None:
    with pytest.raises(ModelFileError, match=r"cannot read .*missing: No such file"):
        read(tmp_path / "missing")
    with pytest.raises(ModelFileError, match="cannot read "):
        read(tmp_path)
    path = tmp_path / "v.gz"
    path.write_bytes(b"")
    with pytest.raises(ModelFileError, match="is empty"):
        read(path)
    write(path, ["a", "b"], np.ones((2, 3)))
    whole = path.read_bytes()
    for data in (whole[:-9], whole[:12] + b"xx" + whole[14:], whole + b"rest"):
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match=r"v\.gz: its gzip data is damaged or cut off"):
            read(path)


@every_writer
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, write: Writer) -> None:
    path = tmp_path / "v"
    for bad in (np.nan, np.inf, 1e39):
        with pytest.raises(ModelFileError, match="vector of the word 'b' holds NaN or infinity"):
            write(path, ["a", "b"], [[1.0, 2.0], [1.0, bad]])
    with pytest.raises(ModelFileError, match="the word 'a' occurs more than once"):
        write(path, ["a", "a"], np.ones((2, 2)))
    assert not any(tmp_path.iterdir())


def test_reading_text_does_not_import_pandas(tmp_path: Path) -> None:
    """Which pyarrow does, without need, where it is installed; it takes longer than reading."""
    (tmp_path / "v").write_bytes(b"a 1 2\n")
    code = (
        "import sys; from xw2v.formats.word2vec import read_glove_text; "
        f"read_glove_text({str(tmp_path / 'v')!r}); print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "False"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@every_format
def test_pipes_are_read(tmp_path: Path, read: Reader, write: Writer) -> None:
    vectors = every_kind_of_float()
    words = [f"w{i}" for i in range(500)]
    write(tmp_path / "v", words, vectors)
    os.mkfifo(tmp_path / "pipe")
    data = (tmp_path / "v").read_bytes()
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
    writer.start()
    found = read(tmp_path / "pipe")
    writer.join()
    same(found, words, vectors)


def test_the_same_vectors_make_the_same_packed_file(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_word2vec_binary(tmp_path / name, ["a"], np.ones((1, 2)))
    data = (tmp_path / "a.gz").read_bytes()
    assert data == (tmp_path / "b.gz").read_bytes()
    assert gzip.GzipFile(fileobj=io.BytesIO(data)).read().startswith(b"1 2\na ")


GENSIMS_WORDS = [*HOSTILE_WORDS, *(f"w{i}é👩‍🚀" for i in range(500 - len(HOSTILE_WORDS)))]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", ["v", "v.gz"])
def test_gensim_and_we_read_each_other(tmp_path: Path, binary: bool, name: str) -> None:
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim, the other reader, is not installed"
    )
    vectors = every_kind_of_float()
    words = GENSIMS_WORDS
    read, write = FORMATS["binary" if binary else "text"]
    write(tmp_path / name, words, vectors)
    theirs = keyedvectors.KeyedVectors.load_word2vec_format(str(tmp_path / name), binary=binary)
    assert theirs.index_to_key == words
    np.testing.assert_array_equal(theirs.vectors.view(np.uint32), vectors.view(np.uint32))
    other = tmp_path / f"theirs-{name}"
    theirs.save_word2vec_format(str(other), binary=binary)
    same(read(other), words, vectors)


@pytest.mark.parametrize("binary", [False, True])
def test_other_files_of_gensim(tmp_path: Path, binary: bool) -> None:
    """In another order, with the counts in a file of their own, and without a header."""
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim, the other reader, is not installed"
    )
    vectors = every_kind_of_float()
    theirs = keyedvectors.KeyedVectors(7)
    theirs.add_vectors(GENSIMS_WORDS, vectors)
    for row, word in enumerate(GENSIMS_WORDS):
        theirs.set_vecattr(word, "count", row + 1)
    path = tmp_path / "v"
    theirs.save_word2vec_format(str(path), f"{path}.vocab", binary=binary, prefix="*")
    read = FORMATS["binary" if binary else "text"][0]
    same(read(path), [f"*{word}" for word in GENSIMS_WORDS[::-1]], vectors[::-1])
    theirs.save_word2vec_format(str(path), binary=binary, write_header=False)
    if binary:  # which gensim does not read either
        for read in (read_word2vec_binary, read_word2vec_text, read_glove_text):
            with pytest.raises(ModelFileError, match="v, line 1: "):
                read(path)
    else:
        same(read_glove_text(path), GENSIMS_WORDS[::-1], vectors[::-1])


# gensim forgets to close a file that has no header.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["v", "v.gz"])
def test_gensim_reads_glove(tmp_path: Path, name: str) -> None:
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim, the other reader, is not installed"
    )
    vectors = every_kind_of_float()
    words = [f"w{i}" for i in range(500)]
    write_glove_text(tmp_path / name, words, vectors)
    theirs = keyedvectors.KeyedVectors.load_word2vec_format(str(tmp_path / name), no_header=True)
    same(WordVectors(theirs.index_to_key, theirs.vectors), words, vectors)

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xw2v.errors import ModelFileError
from xw2v.formats import tables
from xw2v.formats.tables import read_parquet, write_parquet, write_tensorboard

Matrix = npt.NDArray[np.float32]

HOSTILE_WORDS = (
    "the",
    "👩‍🚀",
    "שָׁלוֹם",
    "e\u0301",
    "é",
    '"',
    "'",
    "\x00",
    "\u2028",
    " x",
    "x" * 10_000,
)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def matrix(rows: int = len(HOSTILE_WORDS), size: int = 3) -> Matrix:
    return np.random.default_rng(0).standard_normal((rows, size)).astype(np.float32)


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "v.parquet"


def write(path: Path, word: Any, vector: Any, **others: Any) -> None:
    pq.write_table(pa.table({"word": word, "vector": vector, **others}), path)


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_parquet(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Parquet


@pytest.mark.parametrize("counts", [None, [2**40 - i for i in range(len(HOSTILE_WORDS))]])
def test_vectors_come_back_as_they_were(path: Path, counts: list[int] | None) -> None:
    words = ("", *HOSTILE_WORDS[1:])
    write_parquet(path, words, matrix(), counts)
    found = read_parquet(path)
    assert tuple(found.index_to_key) == words
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, matrix())
    assert (None if found.counts is None else found.counts.tolist()) == counts
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@settings(max_examples=40)
@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=5), unique=True, max_size=6),
    st.integers(1, 4),
    st.booleans(),
    st.data(),
)
def test_whatever_is_written_is_read(
    words: list[str], size: int, counted: bool, data: st.DataObject
) -> None:
    vectors = data.draw(hnp.arrays(np.float32, (len(words), size), elements=FINITE))
    counts = list(range(len(words))) if counted else None
    with TemporaryDirectory() as directory:
        write_parquet(Path(directory) / "v", words, vectors, counts)
        found = read_parquet(Path(directory) / "v")
    assert found.index_to_key == words
    assert found.vectors.shape == vectors.shape
    np.testing.assert_array_equal(found.vectors.view(np.uint32), vectors.view(np.uint32))
    assert (None if found.counts is None else found.counts.tolist()) == counts


def test_the_columns(path: Path) -> None:
    write_parquet(path, ["a", "b"], matrix(2), [5, 4])
    schema = pq.read_schema(path)
    assert schema.names == ["word", "vector", "count"]
    assert schema.types == [pa.string(), pa.list_(pa.float32(), 3), pa.int64()]
    write_parquet(path, ["a", "b"], matrix(2))
    assert pq.read_schema(path).names == ["word", "vector"]


def test_other_tools_read_the_same(path: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars, the other reader, is not installed")
    write_parquet(path, ["a", "b"], matrix(2), [5, 4])
    frame = polars.read_parquet(path)
    assert frame["word"].to_list() == ["a", "b"]
    np.testing.assert_array_equal(frame["vector"].to_numpy(), matrix(2))
    frame.select("count", "vector", "word").write_parquet(path)
    np.testing.assert_array_equal(read_parquet(path).vectors, matrix(2))


@pytest.mark.parametrize("values", [pa.float32(), pa.float64()])
@pytest.mark.parametrize("words", [pa.string(), pa.large_string(), "dictionary"])
@pytest.mark.parametrize("lists", ["list", "large_list", "fixed"])
def test_other_types_are_read(path: Path, values: Any, words: Any, lists: str) -> None:
    kinds = {
        "list": pa.list_(values),
        "large_list": pa.large_list(values),
        "fixed": pa.list_(values, 3),
    }
    word = pa.array(["a", "b"]).dictionary_encode() if words == "dictionary" else None
    word = pa.array(["a", "b"], words) if word is None else word
    vector = pa.array(matrix(2).tolist(), kinds[lists])
    write(path, word, vector, count=pa.array([1, 0], pa.uint8()), more=[None, "x"])
    found = read_parquet(path)
    assert found.index_to_key == ["a", "b"]
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, matrix(2))
    assert found.counts is not None
    assert found.counts.tolist() == [1, 0]


@pytest.mark.parametrize("lists", ["list", "fixed"])
def test_blocks_and_room_do_not_change_what_is_read(
    path: Path, lists: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"w{row}" for row in range(5000)]
    vectors = np.tile(matrix(1), (5000, 1))  # compresses to less than its size: room must grow
    vectors[4999] = 7
    kind = pa.list_(pa.float32(), 3) if lists == "fixed" else pa.list_(pa.float32())
    table = {"word": words, "vector": pa.array(vectors.tolist(), kind), "count": range(5000)}
    pq.write_table(pa.table(table), path, compression="zstd", row_group_size=1300)
    monkeypatch.setattr(tables, "_VALUES_AT_ONCE", 50)
    room = tables._Rows._make_room

    def grow(self: Any, needed: int, size: int) -> None:
        self._length = 0
        room(self, needed, size)

    monkeypatch.setattr(tables._Rows, "_make_room", grow)
    found = read_parquet(path)
    assert found.index_to_key == words
    np.testing.assert_array_equal(found.vectors, vectors)
    assert found.counts is not None
    assert found.counts.tolist() == list(range(5000))


def test_row_groups_are_written_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_VALUES_IN_A_GROUP", 30)
    words = [f"w{row}" for row in range(95)]
    write_parquet(path, words, matrix(95), range(95))
    assert pq.ParquetFile(path).num_row_groups == 10
    found = read_parquet(path)
    assert found.index_to_key == words
    np.testing.assert_array_equal(found.vectors, matrix(95))


F32 = pa.list_(pa.float32())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"vector": [[1.0]]}, "has no column 'word'; it has 'vector': rename"),
        ({"word": ["a"]}, "has no column 'vector'"),
        ({"word": [1], "vector": [[1.0]]}, "'word' holds int64, not strings"),
        ({"word": [b"a"], "vector": [[1.0]]}, "'word' holds binary, not strings"),
        ({"word": ["a"], "vector": [1.0]}, "'vector' holds double, not lists"),
        ({"word": ["a"], "vector": [[1]]}, "not lists of float32 or float64"),
        ({"word": ["a"], "vector": [[[1.0]]]}, "not lists of float32 or float64"),
        ({"word": ["a"], "vector": [[1.0]], "count": ["1"]}, "'count' holds string"),
        ({"word": ["a"], "vector": [[1.0]], "count": [-1]}, "record 1: the count is -1"),
        ({"word": ["a", None], "vector": [[1.0]] * 2}, "record 2: column 'word' is null"),
        ({"word": ["a", "b"], "vector": [[1.0], None]}, "record 2: column 'vector' is null"),
        ({"word": ["a"] * 2, "vector": [[1.0]] * 2, "count": [1, None]}, "'count' is null"),
        ({"word": ["a", "b"], "vector": [[1.0, 2], [3, None]]}, "record 2: value 2 of the vector"),
        ({"word": ["a", "b"], "vector": [[1.0], [2, 3]]}, "record 2: a vector of 2 values, where"),
        ({"word": ["a", "b"], "vector": [[1.0], []]}, "record 2: a vector of 0 values"),
        ({"word": ["a"], "vector": pa.array([[]], F32)}, "record 1: the vector is empty"),
        ({"word": ["a", "b"], "vector": [[1.0], [np.nan]]}, "record 2: the vector of 'b' holds"),
        ({"word": ["a", "b"], "vector": [[1.0], [-np.inf]]}, "record 2: the vector of 'b' holds"),
        ({"word": ["a", "b"], "vector": [[1e300], [1.0]]}, "record 1: the vector of 'a' holds"),
        ({"word": ["a", "b", "a"], "vector": [[1.0]] * 3}, "record 3: the word 'a' is there alr"),
        (
            {"word": ["a"], "vector": [[1.0]], "count": pa.array([2**64 - 1], pa.uint64())},
            "a count is too large for int64",
        ),
    ],
)
def test_other_tables_are_refused(path: Path, columns: dict[str, Any], message: str) -> None:
    pq.write_table(pa.table(columns), path)
    assert message in refusal(path)


def test_columns_of_the_same_name_are_refused(path: Path) -> None:
    table = pa.table([["a"], ["b"], [[1.0]]], names=["word", "word", "vector"])
    pq.write_table(table, path)
    assert "has 2 columns 'word'" in refusal(path)


def test_no_rows(path: Path) -> None:
    write_parquet(path, [], np.zeros((0, 3)), [])
    assert read_parquet(path).vectors.shape == (0, 3)
    assert read_parquet(path).counts is not None
    write(path, pa.array([], pa.string()), pa.array([], F32))
    assert read_parquet(path).vectors.shape == (0, 0)


def test_words_that_are_no_utf8_are_refused(path: Path) -> None:
    options = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    table = pa.table({"word": ["zebra"], "vector": [[1.0]]})
    pq.write_table(table, path, **options)
    path.write_bytes(path.read_bytes().replace(b"zebra", b"z\xffbra"))
    assert "is damaged" in refusal(path)


def test_no_file_and_other_files(tmp_path: Path, path: Path) -> None:
    assert "No such file" in refusal(path)
    assert "cannot read" in refusal(tmp_path)
    for data in (b"", b"PAR1", b"word vector\n" * 10):
        path.write_bytes(data)
        assert "is not Parquet or is damaged" in refusal(path)


def test_a_word_that_occurs_without_end_is_refused_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the end of what may be a short file."""
    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 10)
    rows = 2**20
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows, np.float32)), 1)
    pq.write_table(pa.table({"word": ["a"] * rows, "vector": vectors}), path)
    assert path.stat().st_size < rows // 100
    monkeypatch.setattr(tables._Rows, "finish", None)  # it does not come that far
    assert "record 2: the word 'a' is there already, in record 1" in refusal(path)


def test_truncated_files_are_refused(path: Path) -> None:
    write_parquet(path, ["a", "b"], matrix(2), [2, 1])
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert "damaged" in refusal(path)


def test_damaged_values_are_refused(path: Path) -> None:
    vectors = np.random.default_rng(0).random((2000, 3), np.float32)
    write_parquet(path, [f"w{row}" for row in range(2000)], vectors)
    data = bytearray(path.read_bytes())
    place = data.find(vectors[1000].tobytes())  # such numbers do not compress
    assert place > 0
    data[place] ^= 1
    path.write_bytes(data)
    assert "is damaged" in refusal(path)


def test_a_damaged_footer_is_refused(path: Path) -> None:
    write_parquet(path, ["a", "b"], matrix(2), [2, 1])
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    data[-8 - length : -8] = bytes(length)
    path.write_bytes(data)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    ("words", "vectors", "counts", "message"),
    [
        (["a"], np.zeros((2, 2)), None, "1 words, but vectors of shape (2, 2)"),
        (["a", "b", "a"], np.zeros((3, 2)), None, "'a' occurs in rows 0 and 2"),
        (["a", "b"], [[0.0], [np.nan]], None, "'b' holds NaN or infinity"),
        (["a"], np.zeros((1, 0)), None, "vectors of no dimensions"),
        (["\ud83d"], [[0.0]], None, r"'\ud83d' cannot be written as UTF-8"),
        (["a"], [[0.0]], [1, 2], "1 words, but counts of shape (2,)"),
        (["a"], [[0.0]], [1.5], "counts must be whole numbers"),
        (["a"], [[0.0]], [-1], "counts must be whole numbers, at least 0"),
        (["a"], [[0.0]], np.array([2**64 - 1], np.uint64), "too large"),
    ],
)
@pytest.mark.parametrize("writer", [write_parquet, write_tensorboard])
def test_what_cannot_be_read_back_is_not_written(
    tmp_path: Path, writer: Any, words: list[str], vectors: Any, counts: Any, message: str
) -> None:
    with pytest.raises(ModelFileError) as caught:
        writer(tmp_path / "v", words, vectors, counts)
    assert message in str(caught.value)
    assert f"cannot write {tmp_path / 'v'}" in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_files_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "v", tmp_path):
        with pytest.raises(ModelFileError) as caught:
            write_parquet(path, ["a"], np.zeros((1, 1)))
        assert f"cannot write {path}" in str(caught.value)
    assert not any(tmp_path.iterdir())


# TensorBoard


def test_the_files_of_tensorboard(tmp_path: Path) -> None:
    path = tmp_path / "new" / "d"
    write_tensorboard(path, ["a", "é b"], np.asarray([[0.1, -2.5], [3e-7, 1.0]]))
    assert sorted(entry.name for entry in path.iterdir()) == [
        "metadata.tsv",
        "projector_config.pbtxt",
        "vectors.tsv",
    ]
    assert (path / "vectors.tsv").read_bytes() == b"0.1\t-2.5\n3e-7\t1\n"
    # A single column has no name.
    assert (path / "metadata.tsv").read_bytes() == "a\né b\n".encode()


def test_tensorboard_is_told_where_the_files_are(tmp_path: Path) -> None:
    """Without this file, TensorBoard's projector finds nothing at all in the directory."""
    write_tensorboard(tmp_path / "d", ["a", "b"], matrix(2))
    config = (tmp_path / "d" / "projector_config.pbtxt").read_text("ascii")
    # Relative names: the directory can be moved, and paths that lead out of it are refused.
    assert config.splitlines() == [
        "embeddings {",
        '  tensor_name: "vectors"',
        '  tensor_path: "vectors.tsv"',
        '  metadata_path: "metadata.tsv"',
        "}",
    ]


def test_a_directory_without_the_configuration_is_replaced_too(tmp_path: Path) -> None:
    """Earlier versions wrote none."""
    path = tmp_path / "d"
    write_tensorboard(path, ["a"], [[1.0]])
    (path / "projector_config.pbtxt").unlink()
    write_tensorboard(path, ["b"], [[1.0]], overwrite=True)
    assert (path / "metadata.tsv").read_text() == "b\n"
    assert (path / "projector_config.pbtxt").exists()


def test_several_columns_have_names(tmp_path: Path) -> None:
    write_tensorboard(tmp_path / "d", ["a", "word"], matrix(2), np.array([7, 2**40]))
    metadata = (tmp_path / "d" / "metadata.tsv").read_bytes()
    assert metadata == b"word\tcount\na\t7\nword\t1099511627776\n"


@settings(max_examples=40)
@given(st.data(), st.integers(1, 5))
def test_values_read_back_bit_for_bit(data: st.DataObject, size: int) -> None:
    vectors = data.draw(hnp.arrays(np.float32, (4, size), elements=FINITE))
    with TemporaryDirectory() as directory:
        write_tensorboard(Path(directory) / "d", list("abcd"), vectors)
        text = (Path(directory) / "d" / "vectors.tsv").read_text("utf-8")
    read = np.array([line.split("\t") for line in text.splitlines()], np.float32)
    np.testing.assert_array_equal(read.view(np.uint32), vectors.view(np.uint32))


def test_blocks_do_not_change_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"w{row}" for row in range(100)]
    write_tensorboard(tmp_path / "one", words, matrix(100), range(100))
    monkeypatch.setattr(tables, "_VALUES_AT_ONCE", 20)
    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 7)
    write_tensorboard(tmp_path / "many", words, matrix(100), range(100))
    for name in ("vectors.tsv", "metadata.tsv"):
        one, many = (tmp_path / d / name for d in ("one", "many"))
        assert one.read_bytes() == many.read_bytes()
        assert len(one.read_bytes().splitlines()) == 100 + (name == "metadata.tsv")


@pytest.mark.parametrize("word", ["a\tb", "\n", "a\r", "", " ", "\u00a0", "\ufeff", " \ufeff "])
def test_words_that_tensorboard_cannot_hold_are_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        write_tensorboard(tmp_path / "d", ["good", word], matrix(2))
    assert repr(word) in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_what_is_there_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "d"
    write_tensorboard(path, ["a"], [[1.0]])
    with pytest.raises(ModelFileError, match="holds a directory for TensorBoard already"):
        write_tensorboard(path, ["b"], [[1.0]])
    assert (path / "metadata.tsv").read_text() == "a\n"
    write_tensorboard(path, ["b"], [[1.0]], overwrite=True)
    assert (path / "metadata.tsv").read_text() == "b\n"
    (path / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match=r"notes\.txt"):
        write_tensorboard(path, ["b"], [[1.0]], overwrite=True)
    with pytest.raises(ModelFileError, match="choose another name"):
        write_tensorboard(tmp_path, ["b"], [[1.0]], overwrite=True)

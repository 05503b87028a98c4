import json
import math
import mmap
import os
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats import arrays
from xw2v.formats.arrays import (
    first_not_finite,
    load_numpy_directory,
    read_numpy_directory,
    write_numpy_directory,
)

Matrix = npt.NDArray[np.float32]

HOSTILE_WORDS = ("the", "👩‍🚀", "line\nbreak", "", " ", '"', "\x00", "e\u0301", "é", "\ud83d", "1")


def matrix(rows: int = len(HOSTILE_WORDS), size: int = 3) -> Matrix:
    return np.random.default_rng(0).standard_normal((rows, size)).astype(np.float32)


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record which files were to be written to the disk, and do not wait for the disk."""
    inodes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: inodes.append(os.fstat(descriptor).st_ino))
    return inodes


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A directory of the words a and b, to be damaged."""
    path = tmp_path / "d"
    write_numpy_directory(path, ["a", "b"], matrix(2))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_numpy_directory(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Round trips


def test_vectors_stay_in_their_file(tmp_path: Path) -> None:
    path, rows = tmp_path / "d", matrix(4)
    write_numpy_directory(path, list("abcd"), rows, output_vectors=-rows)
    for kind, expected in (("input", rows), ("output", -rows)):
        mapped = read_numpy_directory(path, kind, mmap=True)  # type: ignore[arg-type]
        np.testing.assert_array_equal(mapped.vectors, expected)
        base: Any = mapped.vectors
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(getattr(base, "obj", base), mmap.mmap)
        assert mapped.most_similar("a") == read_numpy_directory(path, kind).most_similar("a")  # type: ignore[arg-type]
    mean = read_numpy_directory(path, "mean", mmap=True)
    assert not mean.vectors.any()


@pytest.mark.parametrize(
    "stored",
    [matrix(2).astype(np.float64), np.asfortranarray(matrix(2)), matrix(2).astype(">f4")],
    ids=["float64", "fortran", "big-endian"],
)
def test_vectors_that_cannot_stay_in_their_file_are_read(saved: Path, stored: Matrix) -> None:
    np.save(saved / "W_in.npy", stored)
    mapped = read_numpy_directory(saved, mmap=True)
    np.testing.assert_array_equal(mapped.vectors, matrix(2))
    stored[1, 2] = np.nan
    np.save(saved / "W_in.npy", stored)
    with pytest.raises(ModelFileError, match="holds NaN"):
        read_numpy_directory(saved, mmap=True)


def test_mapped_vectors_that_are_not_finite_are_noticed_by_a_query(saved: Path) -> None:
    rows = matrix(2)
    rows[1, 2] = np.inf
    np.save(saved / "W_in.npy", rows)
    mapped = read_numpy_directory(saved, mmap=True)
    with pytest.raises(ConfigError, match="finite"):
        mapped.most_similar("a")
    (saved / "W_in.npy").write_bytes((saved / "W_in.npy").read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="truncated"):
        read_numpy_directory(saved, mmap=True)


def test_vectors_come_back_as_they_were(tmp_path: Path) -> None:
    write_numpy_directory(tmp_path / "d", HOSTILE_WORDS, matrix())
    found = read_numpy_directory(tmp_path / "d")
    assert tuple(found.index_to_key) == HOSTILE_WORDS
    assert found.vectors.dtype == np.float32
    assert found.counts is None
    np.testing.assert_array_equal(found.vectors, matrix())
    assert [entry.name for entry in tmp_path.iterdir()] == ["d"]


@settings(max_examples=40)
@given(
    st.lists(st.text(max_size=5), unique=True, max_size=6),
    st.integers(0, 4),
    st.data(),
)
def test_whatever_is_written_is_read(words: list[str], size: int, data: st.DataObject) -> None:
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    vectors = data.draw(hnp.arrays(np.float32, (len(words), size), elements=finite))
    with TemporaryDirectory() as directory:
        write_numpy_directory(Path(directory) / "d", words, vectors)
        found = read_numpy_directory(Path(directory) / "d")
    assert found.index_to_key == words
    assert found.vectors.shape == vectors.shape
    np.testing.assert_array_equal(found.vectors.view(np.uint32), vectors.view(np.uint32))


def test_the_files(tmp_path: Path, synced: list[int]) -> None:
    path = tmp_path / "new" / "d"
    write_numpy_directory(
        path,
        ["a", "é"],
        matrix(2),
        output_vectors=-matrix(2),
        config={"alpha": 0.5, "files": ["ü"]},
        loss_history=[2.5, math.nan, 1],
    )
    np.testing.assert_array_equal(np.load(path / "W_in.npy"), matrix(2))
    np.testing.assert_array_equal(np.load(path / "W_out.npy"), -matrix(2))
    assert np.load(path / "W_out.npy").dtype == np.float32
    np.testing.assert_array_equal(np.load(path / "loss_history.npy"), [2.5, math.nan, 1])
    assert json.loads((path / "word_to_id.json").read_bytes()) == {"a": 0, "é": 1}
    assert json.loads((path / "id_to_word.json").read_bytes()) == {"0": "a", "1": "é"}
    assert json.loads((path / "config.json").read_bytes()) == {"alpha": 0.5, "files": ["ü"]}
    assert {entry.stat().st_ino for entry in path.iterdir()} <= set(synced)
    assert len(list(path.iterdir())) == 6


def test_without_the_rest_three_files_are_written(saved: Path) -> None:
    names = sorted(entry.name for entry in saved.iterdir())
    assert names == ["W_in.npy", "id_to_word.json", "word_to_id.json"]


@pytest.mark.parametrize("name", ["word_to_id.json", "id_to_word.json"])
def test_one_file_of_words_is_enough(saved: Path, name: str) -> None:
    (saved / name).unlink()
    assert read_numpy_directory(saved).index_to_key == ["a", "b"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", "<f2"])
def test_other_floats_and_orders_are_read(
    saved: Path, dtype: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_VALUES_AT_ONCE", 7)
    given = np.array(matrix(50, 3), dtype=dtype, order="F" if order == "F" else "C")
    words = {f"w{row}": row for row in range(50)}
    np.save(saved / "W_in.npy", given)
    (saved / "word_to_id.json").write_text(json.dumps(words))
    (saved / "id_to_word.json").unlink()
    found = read_numpy_directory(saved).vectors
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, given.astype(np.float32))


def test_ids_need_not_be_in_order(saved: Path) -> None:
    (saved / "word_to_id.json").write_text('{"y": 1, "x": 0}')
    (saved / "id_to_word.json").write_text('{"1": "y", "0": "x"}')
    assert read_numpy_directory(saved).index_to_key == ["x", "y"]


def test_what_a_program_wrote_in_the_obvious_way(tmp_path: Path) -> None:
    """With np.save and json.dump, and in float64."""
    words = ["a", "é", "c"]
    W_in, W_out = np.asfortranarray(matrix(3).astype(float)), -matrix(3).astype(float)
    np.save(tmp_path / "W_in.npy", W_in)
    np.save(tmp_path / "W_out.npy", W_out)
    np.save(tmp_path / "loss_history.npy", [3, 2.5, math.nan])
    for name, value in {
        "word_to_id": {word: row for row, word in enumerate(words)},
        "id_to_word": dict(enumerate(words)),
        "config": {"alpha": 0.5, "nested": {"a": [1, {"b": None}]}},
    }.items():
        with (tmp_path / f"{name}.json").open("w") as file:
            json.dump(value, file)
    found = load_numpy_directory(tmp_path)
    assert found.words == words
    np.testing.assert_array_equal(found.input_vectors, matrix(3))
    assert found.output_vectors is not None
    np.testing.assert_array_equal(found.output_vectors, -matrix(3))
    assert found.output_vectors.dtype == np.float32
    assert found.config == {"alpha": 0.5, "nested": {"a": [1, {"b": None}]}}
    np.testing.assert_array_equal(found.loss_history, [3, 2.5, math.nan])
    np.testing.assert_array_equal(read_numpy_directory(tmp_path, "output").vectors, -matrix(3))


def test_what_is_not_there_is_none(saved: Path) -> None:
    found = load_numpy_directory(saved)
    assert found.output_vectors is None
    assert found.config is None
    assert found.loss_history is None


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i4", "u1"])
def test_loss_histories_of_other_numbers(saved: Path, dtype: str) -> None:
    np.save(saved / "loss_history.npy", np.array([3, 2, 1], dtype))
    found = load_numpy_directory(saved).loss_history
    assert found is not None
    assert found.dtype == np.float64
    assert found.tolist() == [3, 2, 1]


def test_words_in_a_list(saved: Path) -> None:
    (saved / "word_to_id.json").unlink()
    (saved / "id_to_word.json").write_text('["b", "a"]')
    assert read_numpy_directory(saved).index_to_key == ["b", "a"]


# Damage


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("W_out.npy", np.zeros((2, 4)), "shape (2, 4), but W_in.npy next to it has shape (2, 3)"),
        ("W_out.npy", np.zeros((3, 2)), "need a matrix of 2 rows; save its transpose"),
        ("W_out.npy", np.full((2, 3), np.nan), "of 'a', row 0, holds NaN"),
        ("W_out.npy", np.array([[{}, 1, 2]] * 2), "holds Python objects"),
        ("loss_history.npy", np.zeros((2, 1)), "shape (2, 1), where a loss history is a list"),
        ("loss_history.npy", np.float64(1), "shape (), where a loss history is a list"),
        ("loss_history.npy", np.array([{}]), "holds Python objects"),
        ("loss_history.npy", np.array(["a"]), "not floats"),
        ("config.json", "[1]", "not a JSON object"),
        ("config.json", '{"a": 1', "is damaged"),
        ("config.json", "[" * 100_000, "is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "array",
)
def test_damage_to_the_rest(saved: Path, name: str, value: Any, message: str) -> None:
    if isinstance(value, str):
        (saved / name).write_text(value)
    else:
        np.save(saved / name, value)
    with pytest.raises(ModelFileError) as caught:
        load_numpy_directory(saved)
    assert message in str(caught.value)
    assert str(saved / name) in str(caught.value)
    assert read_numpy_directory(saved).index_to_key == ["a", "b"]  # which does not need it


def test_a_loss_history_that_is_cut_off(saved: Path) -> None:
    np.save(saved / "loss_history.npy", np.arange(3.0))
    data = (saved / "loss_history.npy").read_bytes()
    (saved / "loss_history.npy").write_bytes(data[:-1])
    with pytest.raises(ModelFileError, match=r"loss_history\.npy is truncated: it has 151 bytes"):
        load_numpy_directory(saved)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("word_to_id.json", "[1]", "not a JSON object"),
        ("word_to_id.json", '{"a": 0', "damaged"),
        ("word_to_id.json", '{"a": 0, "b": 2}', "'b' has the id 2; the ids of 2 words must be 0"),
        ("word_to_id.json", '{"a": 0, "b": -1}', "'b' has the id -1"),
        ("word_to_id.json", '{"a": 0, "b": 0}', "'a' and 'b' have the same id, 0"),
        ("word_to_id.json", '{"a": 0, "a": 1}', "'a' has the ids 0 and 1"),
        ("word_to_id.json", '{"a": 0, "b": true}', "True, of 'b', is no id"),
        ("word_to_id.json", '{"a": 0, "b": 1.0}', "1.0, of 'b', is no id"),
        ("word_to_id.json", '{"a": 0, "b": {"c": 1}}', "is no id"),
        ("word_to_id.json", '{"a": 0, "c": 1}', "disagree on id 1: 'c' and 'b'"),
        ("word_to_id.json", '{"a": 0}', "disagree: 1 words and 2"),
        ("word_to_id.json", "[" * 100_000, "damaged"),
        ("id_to_word.json", '{"0": "a", "01": "b"}', "'01', of 'b', is no id"),
        ("id_to_word.json", '{"0": "a", "0": "b"}', "have the same id, 0"),
        ("id_to_word.json", '{"0": "a", "1": 5}', "the word of id 1 is no string"),
        ("id_to_word.json", '{"0": "a", "1": "a"}', "'a' has the ids 0 and 1"),
        ("id_to_word.json", '{"0": "a", "%s": "b"}' % ("9" * 5000), "is no id"),
    ],
)
def test_damaged_words_are_refused(saved: Path, name: str, text: str, message: str) -> None:
    (saved / name).write_text(text)
    found = refusal(saved)
    assert message in found
    assert name in found


def test_no_words_no_array_no_directory(saved: Path) -> None:
    assert "it does not exist" in refusal(saved / "none")
    assert "is a file" in refusal(saved / "W_in.npy")
    (saved / "W_in.npy").rename(saved / "other.npy")
    assert "W_in.npy: No such file" in refusal(saved)
    (saved / "word_to_id.json").unlink()
    (saved / "id_to_word.json").unlink()
    assert "neither word_to_id.json nor id_to_word.json" in refusal(saved)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("it was loaded",))


def test_pickles_are_not_loaded(saved: Path) -> None:
    array = np.empty((2, 1), dtype=object)
    array[:] = Bomb()
    np.save(saved / "W_in.npy", array, allow_pickle=True)
    assert "holds Python objects, which are pickled; save it as a float array" in refusal(saved)
    (saved / "W_in.npy").write_bytes(pickle.dumps(Bomb()))
    assert "not a NumPy array" in refusal(saved)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3), np.int64), "holds int64, not floats"),
        (np.zeros((2, 3), "c8"), "holds complex64, not floats"),
        (np.zeros(2, [("x", "f4")]), "not floats"),
        (np.zeros(2), r"shape (2,), where 2 words need a matrix of 2 rows"),
        (np.zeros((3, 2)), r"shape (3, 2), where 2 words"),
        (np.zeros((2, 2, 2)), r"shape (2, 2, 2)"),
        (np.array([[1.0, 2], [3, np.nan]]), "of 'b', row 1, holds NaN"),
        (np.array([[1.0, -np.inf], [3, 4]]), "of 'a', row 0, holds NaN, infinity"),
        (np.array([[1.0, 2], [1e300, 4]]), "of 'b', row 1, holds"),
    ],
)
def test_other_arrays_are_refused(saved: Path, array: npt.NDArray[Any], message: str) -> None:
    np.save(saved / "W_in.npy", array)
    found = refusal(saved)
    assert message in found
    assert "W_in.npy" in found


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_byte_of_a_value_that_is_not_finite(saved: Path, order: str) -> None:
    array = np.array([[1.0, 2, 3], [4, np.nan, 6]], order="F" if order == "F" else "C")
    np.save(saved / "W_in.npy", array)
    message = refusal(saved)
    offset = int(message.partition("at byte ")[2].partition(";")[0])
    data = (saved / "W_in.npy").read_bytes()
    assert math.isnan(np.frombuffer(data, np.float64, 1, offset)[0])


def test_truncated_and_longer_arrays_are_refused(saved: Path) -> None:
    data = (saved / "W_in.npy").read_bytes()
    for length in range(len(data)):
        (saved / "W_in.npy").write_bytes(data[:length])
        refusal(saved)
    (saved / "W_in.npy").write_bytes(data[:-1])
    assert f"truncated: it has {len(data) - 1} bytes" in refusal(saved)
    (saved / "W_in.npy").write_bytes(data + b"\0")
    assert "W_in.npy is damaged" in refusal(saved)


@pytest.mark.parametrize(
    "shape", ["(2, 10**18)", "(2, 1000000000000)", "(2, -1)", f"(2, {10**40})", "(3, 2)", "2", "()"]
)
def test_headers_that_promise_anything_are_refused(saved: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 24
    (saved / "W_in.npy").write_bytes(data)
    refusal(saved)


def test_headers_of_python_2_are_read(saved: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (saved / "W_in.npy").write_bytes(data + matrix(2).tobytes())
    np.testing.assert_array_equal(read_numpy_directory(saved).vectors, matrix(2))


@settings(max_examples=150)
@given(st.integers(0, 127), st.integers(0, 255))
def test_no_change_of_the_header_is_a_surprise(place: int, value: int) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "d"
        write_numpy_directory(path, ["a", "b"], matrix(2))
        data = bytearray((path / "W_in.npy").read_bytes())
        data[place] = value
        (path / "W_in.npy").write_bytes(data)
        try:
            assert len(read_numpy_directory(path)) == 2
        except ModelFileError as error:
            assert "W_in.npy" in str(error)  # noqa: PT017


# Writing


@pytest.mark.parametrize(
    ("words", "vectors", "options", "message"),
    [
        (["a"], np.zeros((2, 2)), {}, "1 words, but vectors of shape (2, 2)"),
        (["a", "b"], np.zeros(2), {}, "2 words, but vectors of shape (2,)"),
        (["a", "b", "a"], np.zeros((3, 2)), {}, "'a' occurs in rows 0 and 2"),
        (["a", "b"], [[0.0], [np.nan]], {}, "'b' holds NaN or infinity"),
        (["a", "b"], [[1e300], [0]], {}, "'a' holds NaN or infinity"),
        (["a"], [[1.0]], {"output_vectors": [[1.0, 2]]}, "output vectors of shape (1, 2)"),
        (["a"], [[1.0]], {"output_vectors": [[np.inf]]}, "W_out.npy: the vector of 'a' holds"),
        (["a"], [[1.0]], {"loss_history": [[1.0]]}, "loss history of shape (1, 1)"),
        (["a"], [[1.0]], {"loss_history": ["x"]}, "a loss history is a list of numbers"),
        (["a"], [[1.0]], {"config": {"x": np.nan}}, "config.json"),
        (["a"], [[1.0]], {"config": {"x": object()}}, "config.json"),
    ],
)
def test_what_cannot_be_read_back_is_not_written(
    tmp_path: Path, words: list[str], vectors: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelFileError) as caught:
        write_numpy_directory(tmp_path / "d", words, vectors, **options)
    assert message in str(caught.value)
    assert f"cannot write {tmp_path / 'd'}" in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_what_is_there_is_replaced_only_on_request(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(ModelFileError, match="holds a directory of NumPy arrays already"):
        write_numpy_directory(saved, ["x"], [[1.0]])
    assert read_numpy_directory(saved).index_to_key == ["a", "b"]
    write_numpy_directory(saved, ["x"], [[1.0]], overwrite=True)
    assert read_numpy_directory(saved).index_to_key == ["x"]
    (saved / "notes.txt").write_text("mine")
    with pytest.raises(ModelFileError, match=r"notes\.txt"):
        write_numpy_directory(saved, ["x"], [[1.0]], overwrite=True)
    with pytest.raises(ModelFileError, match="choose another name"):
        write_numpy_directory(tmp_path, ["x"], [[1.0]], overwrite=True)
    with pytest.raises(ModelFileError, match="is a file"):
        write_numpy_directory(saved / "notes.txt", ["x"], [[1.0]], overwrite=True)
    assert (saved / "notes.txt").read_text() == "mine"


def test_an_interrupted_overwrite_is_pointed_out(tmp_path: Path, saved: Path) -> None:
    saved.rename(tmp_path / ".xw2v-0.old")
    assert "an interrupted overwrite left" in refusal(saved)


def test_first_not_finite_looks_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_VALUES_AT_ONCE", 4)
    for row in range(9):
        table = matrix(9)
        table[row:, row % 3] = np.inf
        assert first_not_finite(table) == row
    assert first_not_finite(matrix(9)) is None
    assert first_not_finite(np.zeros((0, 3))) is None
    assert first_not_finite(np.zeros((3, 0))) is None

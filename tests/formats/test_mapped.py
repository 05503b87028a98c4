import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from xw2v.errors import ModelFileError
from xw2v.formats.mapped import map_tensors

INPUT = np.arange(12, dtype=np.float32).reshape(4, 3)
OUTPUT = -INPUT[:2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "vectors.safetensors"
    save_file({"input": INPUT, "output": OUTPUT}, file, metadata={"by": "a test"})
    return file


def write(path: Path, header: Any, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_tensors_stay_in_the_file(path: Path) -> None:
    tensors = map_tensors(path, ["input", "output"])
    np.testing.assert_array_equal(tensors["input"], INPUT)
    np.testing.assert_array_equal(tensors["output"], OUTPUT)
    for tensor in tensors.values():
        assert tensor.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            tensor[0, 0] = 1
    del tensors  # so that Windows can replace the file
    path.unlink()


def test_only_what_is_asked_for_is_mapped(path: Path) -> None:
    assert list(map_tensors(path, ["output"])) == ["output"]
    assert map_tensors(path, []) == {}


def test_a_file_that_was_replaced_lives_on(path: Path, tmp_path: Path) -> None:
    tensor = map_tensors(path, ["input"])["input"]
    save_file({"input": INPUT + 1}, tmp_path / "new")
    try:
        (tmp_path / "new").replace(path)
    except PermissionError:
        pytest.skip("this system does not replace files that are mapped")
    np.testing.assert_array_equal(tensor, INPUT)
    np.testing.assert_array_equal(map_tensors(path, ["input"])["input"], INPUT + 1)


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_alignment_does_not_matter(tmp_path: Path, padding: int) -> None:
    header = {"input": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}}
    write(tmp_path / "f", json.dumps(header).encode() + b" " * padding, INPUT.tobytes())
    np.testing.assert_array_equal(map_tensors(tmp_path / "f", ["input"])["input"], INPUT)


def test_empty_tensors(tmp_path: Path) -> None:
    save_file({"input": INPUT[:0]}, tmp_path / "f")
    assert map_tensors(tmp_path / "f", ["input"])["input"].shape == (0, 3)


def entry(shape: Any = (4, 3), offsets: Any = (0, 48), dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        (b"{", 0, "is damaged"),
        (b"[]", 0, "not a JSON object"),
        (b"[" * 100_000, 0, "nested too deeply"),
        (b"\xff", 0, "is damaged"),
        ({}, 0, "no tensor 'input'"),
        ({"input": 3}, 48, "incomplete"),
        ({"input": {"dtype": "F32", "shape": [4, 3]}}, 48, "incomplete"),
        ({"input": entry(shape=[4, -3])}, 48, "no sizes"),
        ({"input": entry(shape=[4, True])}, 48, "no sizes"),
        ({"input": entry(shape=12)}, 48, "no sizes"),
        ({"input": entry(shape=[2**64, 3])}, 48, "no sizes"),
        ({"input": entry(offsets=[0])}, 48, "no sizes"),
        ({"input": entry(offsets=[0, 2.5])}, 48, "no sizes"),
        ({"input": entry(shape=[5, 3])}, 48, "not as many bytes"),
        ({"input": entry(shape=[2**62, 2**62])}, 48, "not as many bytes"),
        ({"input": entry(offsets=[48, 0])}, 48, "not as many bytes"),
        ({"input": entry()}, 47, "47 bytes of tensors where the header tells of 48"),
        ({"input": entry()}, 49, "49 bytes of tensors where the header tells of 48"),
        ({"input": entry(offsets=[4, 52])}, 52, "one after the other"),
        ({"input": entry(), "output": entry()}, 48, "one after the other"),
        ({"input": entry(shape=[4, 6], dtype="F16")}, 48, "is F16, not float32"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, header: Any, data: int, message: str) -> None:
    write(tmp_path / "f", header, bytes(data))
    with pytest.raises(ModelFileError, match=message) as caught:
        map_tensors(tmp_path / "f", ["input"])
    assert str(tmp_path / "f") in str(caught.value)


def test_every_truncation_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(ModelFileError, match="is damaged"):
            map_tensors(path, ["input"])


def test_headers_that_claim_too_much(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelFileError, match="a header of"):
        map_tensors(tmp_path / "f", ["input"])


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda path: None, "no such file"), (lambda path: path.mkdir(), "not a file")],
    ids=["missing", "directory"],
)
def test_files_that_are_none(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / "f")
    with pytest.raises(ModelFileError, match=message):
        map_tensors(tmp_path / "f", ["input"])

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest

from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats import READABLE, WRITABLE, read_vectors, write_vectors
from xw2v.formats.vector_files import format_of_file, format_of_name
from xw2v.vectors import WordVectors

NAMES = {
    "word2vec-text": ["v.txt", "v.vec", "V.TXT", "v.txt.gz"],
    "word2vec-binary": ["v.bin", "v.bin.gz"],
    "glove": ["v.glove", "v.glove.gz"],
    "parquet": ["v.parquet", "v.pq"],
}


@pytest.fixture
def vectors() -> WordVectors:
    rng = np.random.default_rng(0)
    words = ["king", "königin", "3", "12", "x_y", "<unk>", "физика"]
    return WordVectors(words, rng.normal(size=(7, 4)).astype(np.float32))


def check(found: WordVectors, vectors: WordVectors) -> None:
    assert found.index_to_key == vectors.index_to_key
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, vectors.vectors)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names]
)
def test_files_by_name_and_content(
    kind: str, name: str, vectors: WordVectors, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_vectors(path, vectors)
    assert format_of_file(path) == kind
    check(read_vectors(path), vectors)
    check(read_vectors(path, kind), vectors)
    # What tells is the content, not the name.
    other = path.rename(tmp_path / "some.thing")
    check(read_vectors(other), vectors)


def test_numpy_directory(vectors: WordVectors, tmp_path: Path) -> None:
    write_vectors(tmp_path / "d", vectors, "numpy")
    assert format_of_file(tmp_path / "d") == "numpy"
    check(read_vectors(tmp_path / "d"), vectors)


def test_tensorboard_directory(vectors: WordVectors, tmp_path: Path) -> None:
    write_vectors(tmp_path / "d", vectors, "tensorboard")
    lines = (tmp_path / "d" / "vectors.tsv").read_text("utf-8").splitlines()
    assert np.array_equal(np.array([line.split("\t") for line in lines], "f4"), vectors.vectors)
    assert "tensorboard" not in READABLE


@pytest.mark.parametrize("size", [1, 2, 300])
def test_binary_is_told_from_text_by_what_follows_the_header(size: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for seed in range(20):
        vectors = WordVectors([f"w{seed}", "b"], rng.normal(size=(2, size)).astype(np.float32))
        for kind in ("word2vec-text", "word2vec-binary"):
            write_vectors(tmp_path / "v", vectors, kind, overwrite=True)
            assert format_of_file(tmp_path / "v") == kind


def test_what_is_there_is_replaced_only_on_request(vectors: WordVectors, tmp_path: Path) -> None:
    path = tmp_path / "v.bin"
    path.write_bytes(b"mine")
    with pytest.raises(ModelFileError, match="exists already"):
        write_vectors(path, vectors)
    assert path.read_bytes() == b"mine"
    write_vectors(path, vectors, overwrite=True)
    check(read_vectors(path), vectors)


def test_pickles_are_refused_with_the_way_out(vectors: WordVectors, tmp_path: Path) -> None:
    for protocol in range(2, 6):
        path = tmp_path / "model.kv"
        path.write_bytes(pickle.dumps({"vectors": [1]}, protocol))
        with pytest.raises(ModelFileError, match=r"model\.kv is a pickle.*save_word2vec_format"):
            read_vectors(path)
        path.write_bytes(gzip.compress(pickle.dumps({"vectors": [1]}, protocol)))
        with pytest.raises(ModelFileError, match="is a pickle"):
            read_vectors(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "zip archive, as PyTorch"),
        (b"\x93NUMPY\x01\x00", r"without words: .*W_in\.npy"),
        (b"\x1f\x8b\x08\x00broken", "cannot read"),
    ],
)
def test_files_that_are_no_vectors(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        read_vectors(path)


def test_missing_and_empty_directories(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"cannot read .*none: it does not exist"):
        read_vectors(tmp_path / "none")
    with pytest.raises(ModelFileError, match="neither an xw2v model nor"):
        read_vectors(tmp_path)


def test_names_that_tell_no_format(vectors: WordVectors, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"v\.xyz does not tell which format .*\.txt.*parquet"):
        write_vectors(tmp_path / "v.xyz", vectors)
    assert format_of_name(Path("a/b.VEC.gz")) == "word2vec-text"


@pytest.mark.parametrize("kind", ["model", "pickle", ""])
def test_formats_that_cannot_be_written(kind: str, vectors: WordVectors, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="format must be one of word2vec-text, "):
        write_vectors(tmp_path / "v", vectors, kind)
    assert "model" not in WRITABLE


def test_formats_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"format must be one of model, .*, not 'tensorboard'"):
        read_vectors(tmp_path, "tensorboard")


def test_which_vectors_is_for_models(vectors: WordVectors, tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.txt", vectors)
    with pytest.raises(ConfigError, match="vectors='output' is for models"):
        read_vectors(tmp_path / "v.txt", None, "output")

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats import (
    READABLE,
    WRITABLE,
    SavedModel,
    load_vectors,
    read_vectors,
    save_model,
    write_vectors,
)
from xw2v.formats.arrays import write_numpy_directory
from xw2v.formats.vector_files import convert_vectors, format_of_file, format_of_name
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


@pytest.mark.parametrize("word", ["PAR1", "PK\x03\x04x", '\0\0\0\0\0\0\0\0{"'])
def test_words_that_would_make_glove_look_like_another_file(word: str, tmp_path: Path) -> None:
    vectors = WordVectors([word, "b"], np.ones((2, 3), np.float32))
    with pytest.raises(ModelFileError) as caught:
        write_vectors(tmp_path / "v.glove", vectors)
    assert repr(word) in str(caught.value)
    assert "put another word first" in str(caught.value)
    other = WordVectors(["b", word], vectors.vectors)
    for name in ("v.glove", "v.txt", "v.bin"):
        write_vectors(tmp_path / name, other)
        check(read_vectors(tmp_path / name), other)


@pytest.mark.parametrize("kind", ["word2vec-text", "word2vec-binary", "glove"])
def test_long_first_words_do_not_hide_the_format(kind: str, tmp_path: Path) -> None:
    vectors = WordVectors(["é" * 2**19, "b"], np.full((2, 3), 1 / 3, np.float32))
    write_vectors(tmp_path / "v", vectors, kind)
    assert format_of_file(tmp_path / "v") == kind
    check(read_vectors(tmp_path / "v"), vectors)


@pytest.mark.parametrize("size", [1, 2, 300])
def test_binary_is_told_from_text_by_what_follows_the_header(size: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for seed in range(20):
        vectors = WordVectors([f"w{seed}", "b"], rng.normal(size=(2, size)).astype(np.float32))
        for kind in ("word2vec-text", "word2vec-binary"):
            write_vectors(tmp_path / "v", vectors, kind, overwrite=True)
            assert format_of_file(tmp_path / "v") == kind


@pytest.mark.parametrize("start", [b"\n", b"3\n", b" \n", b"\r\n", b"1.5\n", b"\n1 2"])
def test_binary_vectors_may_begin_with_a_newline(start: bytes, tmp_path: Path) -> None:
    row = np.frombuffer(start.ljust(12, b"\x3e"), "<f4").reshape(1, 3)
    vectors = WordVectors(["a"], row)
    write_vectors(tmp_path / "v.bin", vectors)
    check(read_vectors(tmp_path / "v.bin"), vectors)


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


def test_files_that_gensim_saved_are_refused_with_the_way_out(tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim, which saves, is not installed")
    model = models.Word2Vec([["a", "b"]] * 9, vector_size=4, min_count=1, epochs=1, workers=1)
    model.save(str(tmp_path / "m.model"))
    model.wv.save(str(tmp_path / "m.kv"))
    for name in ("m.model", "m.kv"):
        with pytest.raises(ModelFileError, match=rf"{name} is a pickle.*save_word2vec_format"):
            read_vectors(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "zip archive, as PyTorch"),
        (b"\x93NUMPY\x01\x00", r"without words: .*W_in\.npy"),
        (struct.pack("<ii", 793712314, 12), r"of fastText, .*load_facebook_vectors"),
        (b"\x89HDF\r\n\x1a\n", r"HDF5 .*W_in\.npy"),
        (b"\x80\x02" + bytes(6) + b'{"input', "safetensors .* the directory of the model"),
        (b"2 " + b"9" * 5000 + b"\n", "."),
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


def test_which_vectors_of_a_numpy_directory(vectors: WordVectors, tmp_path: Path) -> None:
    words, rows = vectors.index_to_key, vectors.vectors
    write_numpy_directory(tmp_path / "d", words, rows, output_vectors=3 * rows)
    check(read_vectors(tmp_path / "d"), vectors)
    check(read_vectors(tmp_path / "d", None, "input"), vectors)
    check(read_vectors(tmp_path / "d", "numpy", "output"), WordVectors(words, 3 * rows))
    check(read_vectors(tmp_path / "d", None, "mean"), WordVectors(words, 2 * rows))
    both = np.concatenate([rows, 3 * rows], axis=1)
    check(read_vectors(tmp_path / "d", None, "concat"), WordVectors(words, both))
    (tmp_path / "d" / "W_out.npy").unlink()
    with pytest.raises(ModelFileError, match=r"cannot read .*W_out\.npy: No such file"):
        read_vectors(tmp_path / "d", None, "mean")


def test_convert_vectors(vectors: WordVectors, tmp_path: Path) -> None:
    write_vectors(tmp_path / "v", vectors, "glove")
    check(convert_vectors(tmp_path / "v", tmp_path / "v.bin"), vectors)
    check(convert_vectors(tmp_path / "v.bin", tmp_path / "d", to_format="numpy"), vectors)
    check(convert_vectors(tmp_path / "d", tmp_path / "e", to_format="numpy"), vectors)
    check(read_vectors(tmp_path / "e"), vectors)
    with pytest.raises(ModelFileError, match="holds a directory of NumPy arrays already"):
        convert_vectors(tmp_path / "d", tmp_path / "e", to_format="numpy")
    check(
        convert_vectors(tmp_path / "d", tmp_path / "e", to_format="numpy", overwrite=True), vectors
    )
    for options in ({"from_format": "pickle"}, {"to_format": "pickle"}, {"vectors": "mean"}):
        with pytest.raises(ConfigError, match=r"must be one of|is for models"):
            convert_vectors(tmp_path / "v", tmp_path / "w.txt", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "w.txt").exists()


def test_which_vectors_is_for_models(vectors: WordVectors, tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.txt", vectors)
    with pytest.raises(ConfigError, match="vectors='output' is for models"):
        read_vectors(tmp_path / "v.txt", None, "output")


# For queries


@pytest.mark.parametrize("name", [names[0] for names in NAMES.values()])
def test_any_file_is_loaded_for_queries(name: str, vectors: WordVectors, tmp_path: Path) -> None:
    path = tmp_path / name
    write_vectors(path, vectors)
    for found in (load_vectors(path), load_vectors(path, format_of_file(path), mmap=False)):
        check(found, vectors)
        assert found.most_similar("king") == vectors.most_similar("king")
    with pytest.raises(ConfigError, match="is for models"):
        load_vectors(path, vectors="mean")


def test_models_are_loaded_for_queries(vectors: WordVectors, tmp_path: Path) -> None:
    table = np.array(vectors.vectors)
    config = TrainingConfig(vector_size=4)
    model = SavedModel(vectors.index_to_key, np.arange(7), table, -table, config, {}, ())
    save_model(tmp_path / "m", model)
    for mmap in (True, False):
        for verify in (True, False):
            check(load_vectors(tmp_path / "m", mmap=mmap, verify=verify), vectors)
    found = load_vectors(tmp_path / "m", vectors="output")
    np.testing.assert_array_equal(found.vectors, -table)
    assert found.get_vecattr("3", "count") == 2
    del found
    data = bytearray((tmp_path / "m" / "vectors.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "m" / "vectors.safetensors").write_bytes(data)
    load_vectors(tmp_path / "m")  # does not look at each of the bytes
    with pytest.raises(ModelFileError, match="is damaged"):
        load_vectors(tmp_path / "m", verify=True)
    with pytest.raises(ModelFileError, match="does not exist"):
        load_vectors(tmp_path / "nope")

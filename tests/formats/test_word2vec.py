from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from xw2v.errors import ModelFileError
from xw2v.formats import write_word2vec_text

Vectors = npt.NDArray[np.float32]


def read_word2vec_text(path: Path) -> tuple[list[str], Vectors]:
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
    read_words, read_vectors = read_word2vec_text(tmp_path / "v.txt")
    assert read_words == words
    np.testing.assert_array_equal(read_vectors.view(np.uint32), vectors.view(np.uint32))


def test_the_format(tmp_path: Path) -> None:
    write_word2vec_text(tmp_path / "v.txt", ("a", "b"), np.asarray([[0.1, -2.5], [3e-7, 1.0]]))
    assert (tmp_path / "v.txt").read_bytes() == b"2 2\na 0.1 -2.5\nb 3e-7 1\n"


def test_hostile_words_are_written(tmp_path: Path) -> None:
    words = [
        "👩‍🚀",
        "שָׁלוֹם",
        "e\u0301",
        '"',
        "'",
        ",",
        "\\n",
        "2",
        "x" * 10_000,
        "\x00",
        "\ufeff",
        "\u200b",
    ]
    vectors = np.ones((len(words), 2), np.float32)
    write_word2vec_text(tmp_path / "v.txt", words, vectors)
    assert read_word2vec_text(tmp_path / "v.txt")[0] == words


@pytest.mark.parametrize("word", ["", " ", "New York", "tab\t", "\n", "no\u00a0break", "\u2028x"])
def test_words_that_the_format_cannot_hold_are_refused(tmp_path: Path, word: str) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(b"old")
    with pytest.raises(ModelFileError) as caught:
        write_word2vec_text(path, ["good", word], np.zeros((2, 3)))
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
    monkeypatch.setattr("xw2v.formats.word2vec._VALUES_AT_ONCE", 100)
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

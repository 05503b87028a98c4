import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Outcome
from xw2v.config import TrainingConfig
from xw2v.formats import load_model, read_vectors

Call = Callable[..., Outcome]


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("v.txt", [], "word2vec-text"),
        ("v.bin", [], "word2vec-binary"),
        ("v.bin.gz", [], "word2vec-binary"),
        ("v.parquet", [], "parquet"),
        ("v.glove", [], "glove"),
        ("v", ["--to=glove"], "glove"),
        ("d", ["--to", "numpy"], "numpy"),
    ],
)
def test_a_model_and_back_from_every_format(
    call: Call, model: Path, tmp_path: Path, name: str, options: list[str], kind: str
) -> None:
    out = tmp_path / name
    saved = load_model(model)
    words, size = saved.input_vectors.shape
    told = f"{words:,} words, {size} dimensions: {out} ({kind})\n"
    assert call("convert", model, out, *options) == (0, told, "")
    found = read_vectors(out)
    assert found.index_to_key == list(saved.words)
    assert np.array_equal(found.vectors, saved.input_vectors)
    again = tmp_path / "again.vec"
    assert call("convert", out, again).status == 0
    assert np.array_equal(read_vectors(again).vectors, saved.input_vectors)


def test_queries_read_every_format(call: Call, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.bin"
    call("convert", model, out)
    asked = ("most-similar", "apple", "--topn=3")
    assert call(asked[0], out, *asked[1:]) == call(asked[0], model, *asked[1:])
    assert call("similarity", out, "apple", "pear") == call("similarity", model, "apple", "pear")


def test_which_vectors(call: Call, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.txt"
    assert call("convert", model, out, "--vectors=output").status == 0
    assert np.array_equal(read_vectors(out).vectors, load_model(model).output_vectors)
    status, _, err = call("convert", out, tmp_path / "w.bin", "--vectors=output")
    assert status == 2
    assert "--vectors" in err
    assert "is for models" in err
    assert not (tmp_path / "w.bin").exists()


def test_all_of_a_model_as_numpy_arrays(call: Call, model: Path, tmp_path: Path) -> None:
    saved = load_model(model)
    out, again = tmp_path / "d", tmp_path / "e"
    assert call("convert", model, out, "--to=numpy").status == 0
    names = sorted(path.name for path in out.iterdir())
    arrays = ["W_in.npy", "W_out.npy", "config.json", "id_to_word.json", "loss_history.npy"]
    assert names == [*arrays, "word_to_id.json"]
    np.testing.assert_array_equal(np.load(out / "W_in.npy"), saved.input_vectors)
    np.testing.assert_array_equal(np.load(out / "W_out.npy"), saved.output_vectors)
    losses = [record["loss"] for record in saved.loss_history]
    assert losses
    np.testing.assert_array_equal(np.load(out / "loss_history.npy"), losses)
    config = json.loads((out / "config.json").read_bytes())
    assert TrainingConfig.from_dict(config) == saved.config
    # And from such a directory to another.
    assert call("convert", out, again, "--to=numpy").status == 0
    assert sorted(path.name for path in again.iterdir()) == names
    for name in names:
        assert (again / name).read_bytes() == (out / name).read_bytes()
    text = tmp_path / "v.txt"
    assert call("convert", again, text, "--vectors=output").status == 0
    assert np.array_equal(read_vectors(text).vectors, saved.output_vectors)


def test_one_kind_of_vectors_as_numpy_arrays(call: Call, model: Path, tmp_path: Path) -> None:
    assert call("convert", model, tmp_path / "d", "--to=numpy", "--vectors=mean").status == 0
    names = sorted(path.name for path in (tmp_path / "d").iterdir())
    assert names == ["W_in.npy", "id_to_word.json", "word_to_id.json"]
    found = read_vectors(tmp_path / "d").vectors
    assert np.array_equal(found, read_vectors(model, None, "mean").vectors)


def test_output_vectors_of_no_words_are_left_out(
    call: Call, tree_model: Path, tmp_path: Path
) -> None:
    assert call("convert", tree_model, tmp_path / "d", "--to=numpy").status == 0
    assert not (tmp_path / "d" / "W_out.npy").exists()
    assert (tmp_path / "d" / "loss_history.npy").exists()


def test_tensorboard(call: Call, model: Path, tmp_path: Path) -> None:
    assert call("convert", model, tmp_path / "d", "--to=tensorboard").status == 0
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "metadata.tsv",
        "projector_config.pbtxt",
        "vectors.tsv",
    ]


def test_an_existing_file(call: Call, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "v.txt"
    out.write_text("mine")
    message = f"xw2v: error: {out} exists already; choose another name or use --overwrite\n"
    assert call("convert", model, out) == (1, "", message)
    assert out.read_text() == "mine"
    assert call("convert", model, out, "--overwrite").status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("none", "v.txt"), 1, "cannot read none: it does not exist"),
        (("{model}", "v.xyz"), 2, "does not tell which format to write: end it in one of .txt"),
        (("{model}", "v"), 2, "or use --to: word2vec-text, "),
        (("{model}", "v.txt", "--to=model"), 2, "'model' is not one of"),
        (("pickle.kv", "v.txt"), 1, "pickle.kv is a pickle, which can run anything"),
        (("{model}", "v.txt", "--from=glove"), 1, ""),
    ],
)
def test_errors(
    call: Call,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pickle.kv").write_bytes(b"\x80\x04}.")
    found = call("convert", *(argument.format(model=model) for argument in arguments))
    assert (found.status, found.out) == (status, "")
    assert message in found.err
    assert "Traceback" not in found.err
    assert not Path("v.txt").exists()

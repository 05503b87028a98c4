import json
import math
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from xw2v.config import TrainingConfig, Vectors
from xw2v.errors import ConfigError, ModelFileError, NewerFormatError
from xw2v.formats import (
    SavedModel,
    check_writable,
    load_model,
    load_vocabulary,
    load_word_vectors,
    model_directory,
    save_model,
)
from xw2v.formats.checksums import check_sums, file_digest, read_sums, write_sums

HOSTILE_WORDS = (
    "the",
    "👩‍🚀",
    "שָׁלוֹם",
    "line\nbreak",
    "",
    " ",
    '"',
    "\x00",
    "e\u0301",
    "é",
    "\u2028",
)
FILES = ("vectors.safetensors", "vocabulary.json", "config.json", "loss.jsonl")
ALL = (*FILES, "SHA256SUMS")


def make_model(words: tuple[str, ...] = HOSTILE_WORDS, seed: int = 0) -> SavedModel:
    rng = np.random.default_rng(seed)
    return SavedModel(
        words=words,
        counts=np.arange(len(words), 0, -1) * 2**40,
        input_vectors=rng.standard_normal((len(words), 3)).astype(np.float32),
        output_vectors=rng.standard_normal((len(words), 3)).astype(np.float32),
        config=TrainingConfig(vector_size=3, alpha=0.1, seed=seed),
        corpus={"files": ["a.txt", "ü.txt"], "words": 12, "lowercase": True, "limit": None},
        loss_history=(
            {"words": 10, "epoch": 0.1, "alpha": 0.1, "loss": 4.15},
            {"words": 20, "epoch": 0.2, "alpha": 0.05, "loss": 1 / 3},
        ),
    )


def make_tree_model(words: tuple[str, ...] = HOSTILE_WORDS, **options: Any) -> SavedModel:
    """Return a model of hierarchical softmax, with a row for each inner node of its tree."""
    model = make_model(words)
    config = TrainingConfig(vector_size=3, output="hierarchical", **options)
    nodes = model.output_vectors[: max(0, len(words) - 1)]
    return replace(model, output_vectors=nodes, config=config)


def assert_equal(model: SavedModel, other: SavedModel) -> None:
    assert model.words == other.words
    assert model.config == other.config
    assert model.corpus == other.corpus
    assert model.loss_history == other.loss_history
    for name in ("counts", "input_vectors", "output_vectors"):
        array = getattr(other, name)
        assert getattr(model, name).dtype == array.dtype
        np.testing.assert_array_equal(getattr(model, name), array)


def renew_sums(path: Path) -> None:
    write_sums(path, {name: file_digest(path / name) for name in FILES})


def entries(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


@pytest.fixture(autouse=True)
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record which files were to be written to the disk, and do not wait for the disk."""
    inodes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: inodes.append(os.fstat(descriptor).st_ino))
    return inodes


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    save_model(path, make_model())
    return path


# Round trips


def test_a_model_comes_back_as_it_was(tmp_path: Path, saved: Path) -> None:
    model = load_model(saved)
    assert_equal(model, make_model())
    assert model.counts.dtype == np.int64
    assert model.input_vectors.dtype == np.float32
    assert entries(tmp_path) == ["model"]
    assert entries(saved) == sorted(ALL)


def test_the_files(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text("utf-8"))
    assert config["format"] == "xw2v model"
    assert config["format_version"] == 3
    assert isinstance(config["xw2v_version"], str)
    assert config["training"] == json.loads(json.dumps(make_model().config.to_dict()))
    assert config["corpus"] == make_model().corpus
    vocabulary = json.loads((saved / "vocabulary.json").read_text("utf-8"))
    assert tuple(vocabulary["words"]) == HOSTILE_WORDS
    assert vocabulary["counts"][-1] == 2**40
    lines = (saved / "loss.jsonl").read_text("utf-8").split("\n")
    assert json.loads(lines[0]) == {"words": 10, "epoch": 0.1, "alpha": 0.1, "loss": 4.15}
    assert lines[2:] == [""]
    tensors = load_file(saved / "vectors.safetensors")
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "input": (11, 3),
        "output": (11, 3),
    }
    assert sorted(read_sums(saved)) == sorted(FILES)
    check_sums(saved)


def test_every_file_is_on_the_disk_before_the_model_has_its_name(
    tmp_path: Path, synced: list[int], saved: Path
) -> None:
    assert set(synced[:5]) == {(saved / name).stat().st_ino for name in ALL}
    if os.name != "nt":
        assert synced[5:] == [saved.stat().st_ino, tmp_path.stat().st_ino]


def test_word_vectors_come_with_their_counts(saved: Path) -> None:
    for wv in (load_word_vectors(saved), make_model().word_vectors()):
        assert tuple(wv.index_to_key) == HOSTILE_WORDS
        np.testing.assert_array_equal(wv.vectors, make_model().input_vectors)
        assert wv.get_vecattr("é", "count") == 2 * 2**40


def test_word_vectors_do_without_the_output_matrix(saved: Path) -> None:
    tensors = load_file(saved / "vectors.safetensors")
    tensors["output"][...] = np.nan
    edit_tensors(saved / "vectors.safetensors", tensors)
    assert len(load_word_vectors(saved)) == len(HOSTILE_WORDS)
    with pytest.raises(ModelFileError, match="'output': NaN"):
        load_model(saved)


ROWS: dict[str, Callable[[SavedModel], Any]] = {
    "input": lambda model: model.input_vectors,
    "output": lambda model: model.output_vectors,
    "mean": lambda model: (model.input_vectors + model.output_vectors) / 2,
    "concat": lambda model: np.hstack([model.input_vectors, model.output_vectors]),
}


@pytest.mark.parametrize("chosen", get_args(Vectors))
def test_word_vectors_are_those_chosen_in_training_or_now(tmp_path: Path, chosen: Vectors) -> None:
    path = tmp_path / "model"
    model = make_model()
    model = replace(model, config=replace(model.config, vectors=chosen))
    save_model(path, model)
    assert load_model(path).config.vectors == chosen
    for wv in (
        load_word_vectors(path),
        load_model(path).word_vectors(),
        load_word_vectors(path, None),
        model.word_vectors(None),
    ):
        np.testing.assert_array_equal(wv.vectors, ROWS[chosen](model))
        assert wv.vectors.dtype == np.float32
    for other, rows in ROWS.items():
        kind: Any = other
        for wv in (
            load_word_vectors(path, kind),
            load_model(path, kind).word_vectors(),
            load_model(path).word_vectors(kind),
        ):
            np.testing.assert_array_equal(wv.vectors, rows(model))
            assert wv.get_vecattr("é", "count") == 2 * 2**40
        assert load_model(path, kind).config == replace(model.config, vectors=kind)


@pytest.mark.parametrize(("vectors", "unread"), [("input", "output"), ("output", "input")])
def test_no_tensor_is_read_in_vain(saved: Path, vectors: Vectors, unread: str) -> None:
    edit_tensors(saved / "vectors.safetensors", {unread: None})
    assert len(load_word_vectors(saved, vectors)) == len(HOSTILE_WORDS)
    for kind in (unread, "mean", "concat"):
        other: Any = kind
        with pytest.raises(ModelFileError, match=f"no tensor '{unread}'"):
            load_word_vectors(saved, other)


def test_word_vectors_that_there_are_not(saved: Path) -> None:
    kind: Any = "sum"
    for load in (load_model, load_word_vectors):
        with pytest.raises(ConfigError, match=r"model: vectors must be .* 'concat', not 'sum'"):
            load(saved, kind)
    with pytest.raises(ConfigError, match="vectors must be one of"):
        load_model(saved).word_vectors(kind)


# Hierarchical softmax


# Vectors that stay in their file


@pytest.mark.parametrize("chosen", get_args(Vectors))
@pytest.mark.parametrize("verify", [True, False])
def test_mapped_vectors_are_those_that_are_read(saved: Path, chosen: Vectors, verify: bool) -> None:
    mapped = load_word_vectors(saved, chosen, mmap=True, verify=verify)
    read = load_word_vectors(saved, chosen)
    assert mapped.index_to_key == read.index_to_key
    np.testing.assert_array_equal(mapped.vectors, read.vectors)
    np.testing.assert_array_equal(mapped.counts, read.counts)
    assert mapped.most_similar("the") == read.most_similar("the")


def test_the_sum_of_the_vectors_is_checked_unless_told_otherwise(saved: Path) -> None:
    tensors = load_file(saved / "vectors.safetensors")
    word_vectors = load_word_vectors(saved, mmap=True, verify=False)
    del word_vectors
    save_file({**tensors, "input": tensors["input"] + 1}, saved / "vectors.safetensors")
    for mmap in (True, False):
        with pytest.raises(ModelFileError, match=r"vectors\.safetensors is damaged"):
            load_word_vectors(saved, mmap=mmap)
        found = load_word_vectors(saved, mmap=mmap, verify=False)
        np.testing.assert_array_equal(found.vectors, tensors["input"] + 1)


@pytest.mark.parametrize("name", ["vocabulary.json", "config.json"])
def test_other_sums_are_always_checked(saved: Path, name: str) -> None:
    with (saved / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelFileError, match=f"{re.escape(name)} is damaged"):
        load_word_vectors(saved, mmap=True, verify=False)


def test_mapped_vectors_must_fit_and_be_there(saved: Path) -> None:
    tensors = load_file(saved / "vectors.safetensors")
    cases = [
        ({**tensors, "input": tensors["input"][1:]}, "need 11 rows"),
        ({**tensors, "input": tensors["input"][:, 1:]}, "vector_size is 3"),
        ({"output": tensors["output"]}, "no tensor 'input'"),
        ({**tensors, "input": tensors["input"].astype(np.float64)}, "F64, not float32"),
    ]
    for changed, message in cases:
        save_file(changed, saved / "vectors.safetensors")
        with pytest.raises(ModelFileError, match=message):
            load_word_vectors(saved, mmap=True, verify=False)
    (saved / "vectors.safetensors").unlink()
    with pytest.raises(ModelFileError, match="no such file"):
        load_word_vectors(saved, mmap=True, verify=False)


def test_mapped_vectors_that_are_not_finite_are_noticed_by_the_first_search(saved: Path) -> None:
    tensors = load_file(saved / "vectors.safetensors")
    tensors["input"][5, 1] = np.inf
    save_file(tensors, saved / "vectors.safetensors")
    with pytest.raises(ModelFileError, match="NaN or infinity"):
        load_word_vectors(saved, verify=False)
    found = load_word_vectors(saved, mmap=True, verify=False)
    assert np.isfinite(found["the"]).all()
    with pytest.raises(ConfigError, match="NaN or infinity"):
        found.most_similar("the")


@pytest.mark.parametrize("words", [HOSTILE_WORDS, ("a", "b"), ("a",), ()], ids=len)
def test_a_tree_has_one_inner_node_less_than_words(tmp_path: Path, words: tuple[str, ...]) -> None:
    model = make_tree_model(words)
    save_model(tmp_path / "model", model)
    assert_equal(load_model(tmp_path / "model"), model)
    for wv in (load_word_vectors(tmp_path / "model"), model.word_vectors("input")):
        np.testing.assert_array_equal(wv.vectors, model.input_vectors)


@pytest.mark.parametrize("vectors", ["output", "mean", "concat"])
def test_inner_nodes_are_no_words(tmp_path: Path, vectors: Vectors) -> None:
    path = tmp_path / "model"
    save_model(path, make_tree_model())
    for load in (load_model, load_word_vectors):
        with pytest.raises(ConfigError) as caught:
            load(path, vectors)
        assert str(caught.value).startswith(f"{path}: vectors must be 'input' for output 'hier")
    with pytest.raises(ConfigError, match="vectors must be 'input' for output 'hierarchical'"):
        load_model(path).word_vectors(vectors)


def test_rows_must_fit_the_output_layer(tmp_path: Path) -> None:
    tree, plain = make_tree_model(), make_model()
    for model, rows in (
        (replace(tree, output_vectors=plain.output_vectors), 10),
        (replace(plain, output_vectors=tree.output_vectors), 11),
    ):
        with pytest.raises(ModelFileError, match=f"output vectors: shape .* need {rows} rows"):
            save_model(tmp_path / "model", model)
    save_model(tmp_path / "tree", tree)
    edit_tensors(tmp_path / "tree/vectors.safetensors", {"output": plain.output_vectors})
    with pytest.raises(ModelFileError, match=r"'output': shape \(11, 3\), where .* need 10 rows"):
        load_model(tmp_path / "tree")
    assert len(load_word_vectors(tmp_path / "tree")) == 11  # these are whole


# What older versions wrote

VERSION_1 = {  # the hyperparameters that there were
    "vector_size": 3,
    "window": 5,
    "shrink_windows": True,
    "negative": 5,
    "negatives_per": "block",
    "ns_exponent": 0.75,
    "sample": 0.001,
    "alpha": 0.025,
    "min_alpha": 0.0001,
    "epochs": 5,
    "min_count": 5,
    "max_final_vocab": None,
    "seed": 1,
    "batch_words": None,
    "block_size": 16,
    "shared_negatives": None,
    "group_blocks": 2,
    "interleave": 4,
    "damping": 0.2,
    "workers": None,
    "device": "cpu",
}


def test_version_1_is_read(saved: Path) -> None:
    edit_json(saved / "config.json", {"format_version": 1, "training": VERSION_1})
    (saved / "SHA256SUMS").unlink()
    model = load_model(saved)
    assert_equal(model, replace(make_model(), config=TrainingConfig.from_dict(VERSION_1)))
    assert {name: getattr(model.config, name) for name in VERSION_1} == VERSION_1
    assert (model.config.model, model.config.output) == ("skipgram", "negative")
    assert (model.config.optimizer, model.config.vectors) == ("sgd", "input")
    np.testing.assert_array_equal(load_word_vectors(saved).vectors, make_model().input_vectors)
    mean = load_word_vectors(saved, "mean").vectors
    np.testing.assert_array_equal(mean, ROWS["mean"](make_model()))
    save_model(saved, model, overwrite=True)
    assert_equal(load_model(saved), model)


def test_version_2_is_read(saved: Path) -> None:
    edit_json(saved / "config.json", {"format_version": 2})
    (saved / "SHA256SUMS").unlink()
    assert_equal(load_model(saved), make_model())
    np.testing.assert_array_equal(load_word_vectors(saved).vectors, make_model().input_vectors)
    words, counts = load_vocabulary(saved)
    assert (words, counts.tolist()) == (HOSTILE_WORDS, make_model().counts.tolist())
    check_writable(saved, overwrite=True)


@pytest.mark.parametrize("version", [1, 2])
def test_sums_that_an_older_model_should_not_have_are_respected(saved: Path, version: int) -> None:
    """A damaged byte may make 2 of 3."""
    config = saved / "config.json"
    edit_json(config, {"format_version": version})
    assert_equal(load_model(saved), make_model())
    with (saved / "vocabulary.json").open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelFileError, match=r"vocabulary\.json is damaged: its SHA-256 is not"):
        load_model(saved)


# Sums


@pytest.mark.parametrize(
    ("load", "looked_at"),
    [
        (load_model, ("vectors.safetensors", "vocabulary.json", "config.json", "loss.jsonl")),
        (load_word_vectors, ("vectors.safetensors", "vocabulary.json", "config.json")),
        (load_vocabulary, ("vocabulary.json", "config.json")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("name", FILES)
def test_the_files_that_are_read_are_those_that_were_written(
    saved: Path, load: Callable[[Path], object], looked_at: tuple[str, ...], name: str
) -> None:
    # What is as good as before is another file all the same.
    if name == "vectors.safetensors":
        tensors = {name: -tensor for name, tensor in load_file(saved / name).items()}
        save_file(tensors, saved / name)
    else:
        (saved / name).write_bytes((saved / name).read_bytes().replace(b"}\n", b"} \n"))
    if name not in looked_at:
        load(saved)
        return
    with pytest.raises(ModelFileError) as caught:
        load(saved)
    message = f"{saved / name} is damaged: its SHA-256 is not the one in SHA256SUMS"
    assert str(caught.value).startswith(message)
    renew_sums(saved)
    load(saved)


def test_an_edited_configuration_says_how_to_renew_the_sums(saved: Path) -> None:
    config = saved / "config.json"
    config.write_bytes(config.read_bytes().replace(b'"alpha": 0.1', b'"alpha": 0.2'))
    with pytest.raises(ModelFileError, match="SHA256SUMS; if it was edited on purpose") as caught:
        load_model(saved)
    command = str(caught.value).rpartition(": ")[2]
    assert command == (
        "sha256sum config.json loss.jsonl vectors.safetensors vocabulary.json > SHA256SUMS"
    )
    if shutil.which("sha256sum"):
        subprocess.run(command, shell=True, cwd=saved, check=True)
    else:
        renew_sums(saved)
    assert load_model(saved).config.alpha == 0.2


@pytest.mark.parametrize("load", [load_model, load_word_vectors, load_vocabulary])
def test_a_model_without_its_sums_is_refused(saved: Path, load: Callable[[Path], object]) -> None:
    (saved / "SHA256SUMS").unlink()
    with pytest.raises(ModelFileError, match=r"no SHA256SUMS, .* make the sums .*: sha256sum"):
        load(saved)
    renew_sums(saved)
    load(saved)


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_read_must_be_listed(saved: Path, name: str) -> None:
    write_sums(saved, {other: file_digest(saved / other) for other in FILES if other != name})
    with pytest.raises(ModelFileError, match=f"SHA256SUMS is damaged: it does not list '{name}'"):
        load_model(saved)


def test_a_newer_version_is_refused_before_any_sum_is_checked(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_bytes())
    config |= {"format_version": 4, "xw2v_version": "9.1"}
    (saved / "config.json").write_text(json.dumps(config))
    for sums in (b"of another kind", None):
        if sums is None:
            (saved / "SHA256SUMS").unlink()
        else:
            (saved / "SHA256SUMS").write_bytes(sums)
        with pytest.raises(NewerFormatError, match=r"format version 4, written by xw2v 9\.1"):
            load_model(saved)


def test_notes_of_evaluations() -> None:
    good = {"words": 5, "epoch": 0.5, "score": 0.2, "parts": {"a": 0.2}, "by": "someone"}
    expected = {"words": 5.0, "epoch": 0.5, "score": 0.2, "parts": {"a": 0.2}}
    assert replace(make_model(), corpus={"evaluations": [good]}).evaluations == [expected]
    assert replace(make_model(), corpus={}).evaluations == []


@pytest.mark.parametrize(
    "notes",
    [3, [3], None, [{"words": 1}], [{"words": 1, "epoch": 1, "score": 1, "parts": 7}]],
    ids=str,
)
def test_notes_that_are_none_of_evaluations(notes: Any) -> None:
    assert replace(make_model(), corpus={"evaluations": notes}).evaluations == []


def test_pictures_have_no_sums(tmp_path: Path) -> None:
    path = tmp_path / "model"
    save_model(path, make_model(), pictures={"loss.png": lambda file: file.touch()})
    assert "loss.png" not in read_sums(path)
    (path / "loss.png").write_bytes(b"drawn again")
    assert_equal(load_model(path), make_model())
    (path / "loss.png").unlink()
    assert_equal(load_model(path), make_model())


def test_odd_but_sound_models(tmp_path: Path) -> None:
    half_pair = make_model(("\ud83d", "good"))
    save_model(tmp_path / "half", half_pair)
    assert_equal(load_model(tmp_path / "half"), half_pair)
    nothing = replace(make_model(()), loss_history=(), corpus={})
    save_model(tmp_path / "nothing", nothing)
    assert_equal(load_model(tmp_path / "nothing"), nothing)
    transposed = replace(make_model(), input_vectors=np.asfortranarray(make_model().input_vectors))
    save_model(tmp_path / "fortran", transposed)
    assert_equal(load_model(tmp_path / "fortran"), transposed)


def test_losses_may_be_numpy_numbers_and_not_finite(tmp_path: Path) -> None:
    report: dict[str, Any] = {
        "words": np.int64(5),
        "epoch": np.float32(0.5),
        "alpha": math.nan,
        "loss": np.float64(math.inf),
    }
    save_model(tmp_path / "model", replace(make_model(), loss_history=(report,)))
    (read,) = load_model(tmp_path / "model").loss_history
    assert (read["words"], type(read["words"]), read["epoch"]) == (5, int, 0.5)
    assert math.isnan(read["alpha"])
    assert math.isnan(read["loss"])


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_every_file_has_the_usual_permissions(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "usual").touch()
    (tmp_path / "usual directory").mkdir()
    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    assert {stat.S_IMODE((saved / name).stat().st_mode) for name in FILES} == {usual}
    assert stat.S_IMODE((saved / "SHA256SUMS").stat().st_mode) == usual
    assert saved.stat().st_mode == (tmp_path / "usual directory").stat().st_mode


# Names that are taken


def save_over(path: Path, overwrite: bool) -> None:
    save_model(path, make_model(seed=2), overwrite=overwrite)


both_checks = pytest.mark.parametrize("attempt", [check_writable, save_over])


@both_checks
def test_free_names_and_empty_directories_are_taken(
    tmp_path: Path, attempt: Callable[[Path, bool], None]
) -> None:
    (tmp_path / "empty").mkdir()
    for overwrite in (False, True):
        attempt(tmp_path / f"new {overwrite}", overwrite)
        attempt(tmp_path / f"parent {overwrite}" / "and child" / "model", overwrite)
    attempt(tmp_path / "empty", False)
    if attempt is check_writable:
        assert entries(tmp_path) == ["empty"]
        assert entries(tmp_path / "empty") == []
    else:
        assert_equal(load_model(tmp_path / "empty"), make_model(seed=2))
        assert_equal(
            load_model(tmp_path / "parent True" / "and child" / "model"), make_model(seed=2)
        )


@both_checks
def test_a_model_is_replaced_only_on_request(
    saved: Path, attempt: Callable[[Path, bool], None]
) -> None:
    with pytest.raises(ModelFileError, match="holds a model already"):
        attempt(saved, False)
    assert_equal(load_model(saved), make_model())
    attempt(saved, True)
    seed = 2 if attempt is save_over else 0
    assert_equal(load_model(saved), make_model(seed=seed))
    assert entries(saved.parent) == ["model"]


@both_checks
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "config", [None, "", "[]", '{"format": "another"}', "{", '{"format_version": 1}', "[" * 100_000]
)
def test_other_directories_are_never_replaced(
    tmp_path: Path, attempt: Callable[[Path, bool], None], overwrite: bool, config: str | None
) -> None:
    path = tmp_path / "thesis"
    path.mkdir()
    (path / "chapter1").write_text("years of work")
    if config is not None:
        (path / "config.json").write_text(config)
    before = entries(path)
    with pytest.raises(ModelFileError, match="no xw2v model"):
        attempt(path, overwrite)
    assert entries(path) == before
    assert entries(tmp_path) == ["thesis"]


@both_checks
@pytest.mark.parametrize("overwrite", [False, True])
def test_places_where_nothing_can_be_written(
    tmp_path: Path, attempt: Callable[[Path, bool], None], overwrite: bool
) -> None:
    (tmp_path / "file").write_text("a file")
    for path, message in (
        (tmp_path / "file", "is a file; a model is a directory"),
        (tmp_path / "file" / "model", "cannot write"),
        (tmp_path / ("x" * 300), "cannot write"),
        (tmp_path / "parent" / ("x" * 300), "cannot write"),
        (tmp_path / "null\0byte", "cannot write"),
        (Path(tmp_path.anchor), "mount point"),
    ):
        with pytest.raises(ModelFileError, match=message):
            attempt(path, overwrite)
    assert (tmp_path / "file").read_text() == "a file"
    if attempt is check_writable:
        assert entries(tmp_path) == ["file"]


@pytest.mark.skipif(
    os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0),
    reason="needs a user whom permissions bind",
)
@both_checks
def test_directories_without_write_permission_are_refused(
    tmp_path: Path, attempt: Callable[[Path, bool], None]
) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ModelFileError, match=r"cannot write .*Permission denied"):
            attempt(tmp_path / "model", False)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_link_to_a_model_is_followed(tmp_path: Path, saved: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(saved, target_is_directory=True)
    save_model(link, make_model(seed=2), overwrite=True)
    assert link.is_symlink()
    assert_equal(load_model(saved), make_model(seed=2))
    assert entries(tmp_path) == ["link", "model"]


def test_a_model_is_not_replaced_with_strangers_in_it(saved: Path) -> None:
    (saved / "corpus.txt").write_text("years of work")
    for attempt in (check_writable, save_over):
        with pytest.raises(ModelFileError, match=r"would be lost, 'corpus\.txt' for one"):
            attempt(saved, True)
    assert (saved / "corpus.txt").read_text() == "years of work"
    assert_equal(load_model(saved), make_model())


def test_pictures_are_part_of_the_model(tmp_path: Path) -> None:
    path = tmp_path / "model"

    def draw(file: Path) -> None:
        assert file.parent != path
        file.write_bytes(b"a picture")

    save_model(path, make_model(), pictures={"loss.png": draw})
    assert (path / "loss.png").read_bytes() == b"a picture"

    def fail(file: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelFileError, match="No space left"):
        save_model(path, make_model(seed=2), overwrite=True, pictures={"loss.png": fail})
    assert (path / "loss.png").read_bytes() == b"a picture"
    assert_equal(load_model(path), make_model())
    assert entries(tmp_path) == ["model"]


# Interruptions


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    "step", ["sync_file", "sync_directory", "_write_files", "replacing_directory", "json_bytes"]
)
@pytest.mark.parametrize("is_there", [False, True])
def test_an_interrupted_save_leaves_what_was_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    step: str,
    is_there: bool,
) -> None:
    path = tmp_path / "model"
    if is_there:
        save_model(path, make_model())

    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(model_directory, step, fail)
    expected = ModelFileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match=r"No space left|^$"):
        save_model(path, make_model(seed=2), overwrite=True)
    monkeypatch.undo()
    assert entries(tmp_path) == (["model"] if is_there else [])
    if is_there:
        assert_equal(load_model(path), make_model())


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failing_rename_leaves_the_old_model(
    saved: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    renames = 0
    rename = Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == failing:
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(ModelFileError, match="Permission denied"):
        save_model(saved, make_model(seed=2), overwrite=True)
    assert_equal(load_model(saved), make_model())
    assert entries(saved.parent) == ["model"]


@pytest.fixture(params=[False, True], ids=["new", "overwritten"])
def assert_nothing_happened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], None]:
    """Return what to call after a save under the name ``model`` failed, and perhaps make one."""
    if request.param:
        save_model(tmp_path / "model", make_model())

    def check() -> None:
        assert entries(tmp_path) == (["model"] if request.param else [])
        if request.param:
            assert_equal(load_model(tmp_path / "model"), make_model())

    return check


NO_SPACE = OSError(28, "No space left on device")


def failing_at(call: int, function: Callable[..., Any], before: Callable[..., None]) -> Any:
    """Return a function that fails when it is called that often, and does `before` first."""
    calls = 0

    def replacement(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            before(*arguments, **options)
            raise NO_SPACE
        return function(*arguments, **options)

    return replacement


@pytest.mark.parametrize("call", range(1, 5))
def test_no_room_for_a_text(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_nothing_happened: Callable[[], None],
    call: int,
) -> None:
    def write_half(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", failing_at(call, Path.write_bytes, write_half))
        with pytest.raises(ModelFileError, match=r"cannot write .*model: No space left on device$"):
            save_over(tmp_path / "model", True)
    assert_nothing_happened()


def test_no_room_for_the_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, assert_nothing_happened: Callable[[], None]
) -> None:
    def write_half(tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr("safetensors.numpy.save_file", write_half)
        with pytest.raises(
            ModelFileError, match=r"cannot write .*model: vectors\.safetensors: .*No space left"
        ):
            save_over(tmp_path / "model", True)
    assert_nothing_happened()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
@pytest.mark.parametrize("limit", [100, 400, 700, 1500, 3000])
def test_files_that_grow_too_large(
    tmp_path: Path, assert_nothing_happened: Callable[[], None], limit: int
) -> None:
    """What really fails in the middle, at one file or another."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = make_model(tuple(f"word{n}" for n in range(200)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(ModelFileError, match=r"cannot write .*model: .*File too large"):
            save_model(tmp_path / "model", model, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_nothing_happened()


@pytest.mark.parametrize("call", range(1, 6))
def test_a_disk_that_fails_at_last(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_nothing_happened: Callable[[], None],
    call: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_at(call, os.fsync, lambda descriptor: None))
        with pytest.raises(ModelFileError, match=r"cannot write .*model: No space left on device$"):
            save_over(tmp_path / "model", True)
    assert_nothing_happened()


@both_checks
def test_a_parent_that_is_read_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_nothing_happened: Callable[[], None],
    attempt: Callable[[Path, bool], None],
) -> None:
    """As the superuser meets it as well, whom permissions do not bind."""

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", fail)
        with pytest.raises(ModelFileError, match=r"cannot write .*model: Read-only file system$"):
            attempt(tmp_path / "model", True)
    assert_nothing_happened()


def test_a_directory_that_vanishes_while_it_is_written(
    tmp_path: Path, assert_nothing_happened: Callable[[], None]
) -> None:
    def tidy_up(picture: Path) -> None:
        shutil.rmtree(picture.parent)

    with pytest.raises(ModelFileError, match=r"cannot write .*model: ") as caught:
        save_model(tmp_path / "model", make_model(), overwrite=True, pictures={"loss.png": tidy_up})
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert_nothing_happened()


@pytest.mark.parametrize("is_there", [False, True])
def test_a_parent_that_vanishes_while_a_model_is_written(tmp_path: Path, is_there: bool) -> None:
    path = tmp_path / "parent" / "model"
    if is_there:
        save_model(path, make_model())

    def tidy_up(picture: Path) -> None:
        shutil.rmtree(path.parent)

    with pytest.raises(ModelFileError, match=r"cannot write .*model: ") as caught:
        save_model(path, make_model(), overwrite=True, pictures={"loss.png": tidy_up})
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert entries(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_that_is_taken_while_a_model_is_written(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "model"

    def take(picture: Path) -> None:
        picture.touch()
        path.mkdir()
        (path / "chapter1").write_text("years of work")

    with pytest.raises(ModelFileError, match="is a directory, but no xw2v model"):
        save_model(path, make_model(), overwrite=overwrite, pictures={"loss.png": take})
    assert (path / "chapter1").read_text() == "years of work"
    assert entries(tmp_path) == ["model"]


def test_a_process_killed_between_the_renames_leaves_the_old_model_findable(saved: Path) -> None:
    old = saved.with_name(".xw2v-0123456789abcdef.old")
    saved.rename(old)
    with pytest.raises(ModelFileError, match=r"an interrupted overwrite left .*abcdef\.old"):
        load_model(saved)
    assert_equal(load_model(old), make_model())
    save_model(saved, make_model(seed=2))
    assert_equal(load_model(old), make_model())


def test_values_that_json_cannot_hold_are_refused(tmp_path: Path) -> None:
    for value in (object(), math.nan, {1j: 2}):
        with pytest.raises(ModelFileError, match="cannot write"):
            save_model(tmp_path / "model", replace(make_model(), corpus={"x": value}))
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": ("a", "b")}, "2 words, but counts of shape"),
        ({"words": ("a",) * 11}, "a word occurs twice"),
        ({"counts": np.zeros((11, 1), np.int64)}, "counts of shape"),
        ({"input_vectors": np.zeros((11, 3))}, "input vectors: float64, not float32"),
        ({"input_vectors": np.zeros((10, 3), np.float32)}, "input vectors: shape .* need 11 rows"),
        ({"output_vectors": np.zeros((11, 4), np.float32)}, "output .* where vector_size is 3"),
        ({"counts": np.arange(-1, 10)}, "a count is below 0"),
        ({"output_vectors": np.full((11, 3), np.inf, np.float32)}, "a lower alpha helps"),
    ],
)
def test_unsound_models_are_not_written(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelFileError, match=message):
        save_model(tmp_path / "model", replace(make_model(), **change))
    assert entries(tmp_path) == []


# Damage


def edit_json(path: Path, change: dict[str, Any]) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}), "utf-8")
    renew_sums(path.parent)


def edit_tensors(path: Path, change: dict[str, Any]) -> None:
    tensors = {**load_file(path), **change}
    save_file({name: t for name, t in tensors.items() if t is not None}, path)
    renew_sums(path.parent)


@pytest.mark.parametrize("name", ALL)
def test_missing_files_are_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ModelFileError, match=name):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "share"),
    [(name, share) for name in ALL for share in (0, 0.4, 0.97)],
)
def test_truncated_files_are_named(saved: Path, name: str, share: float) -> None:
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelFileError, match=name):
        load_model(saved)


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("data", [b"\x00" * 100, b"\xff\xfe", b"{}x", b"[1]", b"\x80\x04K\x01."])
def test_other_contents_are_named(saved: Path, name: str, data: bytes, renewed: bool) -> None:
    (saved / name).write_bytes(data)
    if renewed:
        renew_sums(saved)
    with pytest.raises(ModelFileError, match=name):
        load_model(saved)


@pytest.mark.parametrize("name", ALL)
def test_a_directory_in_place_of_a_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    (saved / name).mkdir()
    with pytest.raises(ModelFileError, match=name):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("config.json", {"format": "other"}, "not the configuration of an xw2v model"),
        ("config.json", {"format_version": 4, "xw2v_version": "9.1"}, "version 4, .* xw2v 9.1"),
        ("config.json", {"format_version": "1"}, "format_version is '1'"),
        ("config.json", {"format_version": 0}, "format_version is 0"),
        ("config.json", {"training": None}, "'training' is not a JSON object"),
        ("config.json", {"corpus": []}, "'corpus' is not a JSON object"),
        ("config.json", {"training": {"alpha": -1}}, "alpha must be"),
        ("config.json", {"training": {"frozen": 1}}, "frozen must be a sequence of words"),
        ("config.json", {"training": {"momentum": 1}}, "unknown hyperparameters: momentum"),
        ("config.json", {"training": {"alpha": 10**400}}, "alpha must be a finite number"),
        ("config.json", {"training": {"vector_size": 4}}, "where vector_size is 4"),
        ("config.json", {"corpus": {"x": math.nan}}, "the number NaN is not finite"),
        ("config.json", {"corpus": {"x": [-math.inf]}}, "the number -Infinity is not finite"),
        ("vocabulary.json", {"words": "abc"}, "'words' is not a list of strings"),
        ("vocabulary.json", {"words": [1, 2]}, "'words' is not a list of strings"),
        ("vocabulary.json", {"words": ["a"]}, "1 words, but counts of shape"),
        ("vocabulary.json", {"words": ["a"] * 11}, "a word occurs twice"),
        ("vocabulary.json", {"counts": [1.5] * 11}, "'counts' is not a list of whole numbers"),
        ("vocabulary.json", {"counts": [True] * 11}, "'counts' is not a list of whole numbers"),
        ("vocabulary.json", {"counts": [2**63] * 11}, "a count is too large"),
        ("vocabulary.json", {"counts": [1] * 10}, "11 words, but counts of shape"),
        ("vocabulary.json", {"counts": [-1] * 11}, "a count is below 0"),
        ("vocabulary.json", {"words": ["a"], "counts": [1]}, "need 1 rows"),
    ],
)
def test_wrong_json_is_named(saved: Path, name: str, change: dict[str, Any], message: str) -> None:
    edit_json(saved / name, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(saved)
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": None}, "no tensor 'input'"),
        ({"output": None}, "no tensor 'output'"),
        ({"input": np.zeros((10, 3), np.float32)}, r"'input': shape \(10, 3\)"),
        ({"input": np.zeros(11, np.float32)}, r"'input': shape \(11,\)"),
        ({"output": np.zeros((11, 4), np.float32)}, r"\(11, 4\), where vector_size is 3"),
        ({"input": np.zeros((11, 3))}, "'input' is F64, not float32"),
        ({"input": np.zeros((11, 3), np.float16)}, "'input' is F16, not float32"),
        ({"input": np.full((11, 3), np.nan, np.float32)}, "'input': NaN"),
        ({"output": np.full((11, 3), np.inf, np.float32)}, "'output': NaN or infinity"),
    ],
)
def test_wrong_tensors_are_named(saved: Path, change: dict[str, Any], message: str) -> None:
    edit_tensors(saved / "vectors.safetensors", change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(saved)
    assert "vectors.safetensors" in str(caught.value)


JSON_IN_DOUBT = [
    (b'{"x": 1, "x": 1}', "an object has the key 'x' twice"),
    (b'{"x": 1e999}', "the number 1e999 is not finite"),
    (b"[" * 100_000, "recursion"),
    (b'{"x": ' * 100_000 + b"1" + b"}" * 100_000, "recursion"),
    (b"1" * 5000, "digits"),
]


@pytest.mark.parametrize("name", ["vocabulary.json", "config.json", "loss.jsonl"])
@pytest.mark.parametrize(("data", "message"), JSON_IN_DOUBT, ids=lambda value: value[:12])
def test_json_in_doubt_is_refused(saved: Path, name: str, data: bytes, message: str) -> None:
    (saved / name).write_bytes(data)
    renew_sums(saved)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(saved)
    assert str(saved / name) in str(caught.value)


@pytest.mark.parametrize("line", ['{"words": "many"}', '{"words": true}', f'{{"words": {10**30}}}'])
def test_the_damaged_line_of_the_loss_is_named(saved: Path, line: str) -> None:
    with (saved / "loss.jsonl").open("a") as file:
        file.write(line + "\n")
    renew_sums(saved)
    with pytest.raises(ModelFileError, match=r"loss\.jsonl, line 3 is damaged"):
        load_model(saved)


@pytest.mark.parametrize("load", [load_model, load_word_vectors])
def test_what_is_no_model_is_refused(
    tmp_path: Path, saved: Path, load: Callable[[Path], object]
) -> None:
    (tmp_path / "empty").mkdir()
    for path, message in (
        (tmp_path / "nothing", "does not exist$"),
        (tmp_path / "not" / "there", "does not exist$"),
        (saved / "config.json", "is a file, not a model directory"),
        (tmp_path / "empty", "has no config.json"),
    ):
        with pytest.raises(ModelFileError, match=message) as caught:
            load(path)
        assert str(path) in str(caught.value)


def test_other_files_in_the_directory_do_no_harm(saved: Path) -> None:
    (saved / "loss.png").write_bytes(b"not looked at")
    shutil.copy(saved / "loss.jsonl", saved / "loss (copy).jsonl")
    assert_equal(load_model(saved), make_model())

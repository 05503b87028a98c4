"""The course of `xw2v train`: checkpoints, resuming, vectors to begin with, evaluations."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import TOPICS, Outcome, topic_sentences
from xw2v.checkpoints import Checkpointer
from xw2v.formats import load_model, read_vectors
from xw2v.formats.checkpoints import checkpoint_names
from xw2v.training import Run

Call = Callable[..., Outcome]

OPTIONS = ("--vector-size", 8, "--window", 3, "--sample", 0, "--batch-words", 256, "--workers", 1)
FRUIT, METAL = TOPICS["fruit"], TOPICS["metal"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture of the loss, no waiting for the disk, no processes."""
    monkeypatch.setattr("xw2v.model.plot_loss", lambda losses, path: path.write_bytes(b"\x89PNG"))
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Write 2,000 words about four topics."""
    path = tmp_path / "text.txt"
    path.write_text("\n".join(topic_sentences(200)), encoding="utf-8")
    return path


class KilledError(Exception):
    """Ends a run as a crash would."""


@pytest.fixture
def killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., None]:
    """Run the command until there are so many checkpoints, no further."""
    from xw2v.cli import main

    def kill(checkpoints: int, *arguments: object) -> None:
        class Killer(Checkpointer):
            def _write(self, run: Run) -> Path | None:
                path = super()._write(run)
                assert path is not None
                if len(checkpoint_names(path.parent)) >= checkpoints:
                    raise KilledError
                return path

        typed = [str(argument) for argument in arguments]
        with monkeypatch.context() as patch:
            patch.setattr("xw2v.model.Checkpointer", Killer)
            with pytest.raises(KilledError):
                main(typed)
        capsys.readouterr()

    return kill


def check_same(one: Path, other: Path) -> None:
    first, second = load_model(one), load_model(other)
    assert first.words == second.words
    np.testing.assert_array_equal(first.input_vectors, second.input_vectors)
    np.testing.assert_array_equal(first.output_vectors, second.output_vectors)
    assert first.loss_history == second.loss_history
    for name in ("evaluations", "stopped"):
        assert first.corpus.get(name) == second.corpus.get(name)


def done(outcome: Outcome) -> Outcome:
    assert outcome.status == 0, outcome.err
    return outcome


# Checkpoints


@pytest.mark.parametrize(("every", "kept"), [("epoch", 5), ("3_000", 4), ("1000", 10)])
def test_checkpoints_are_written(
    call: Call, text: Path, tmp_path: Path, every: str, kept: int
) -> None:
    plain = done(call("train", text, "-o", tmp_path / "plain", *OPTIONS))
    assert "kept" not in plain.out
    assert not (tmp_path / "plain.checkpoints").exists()
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS, "--checkpoint-every", every)
    outcome = done(call(*arguments, "--keep", 99))
    directory = tmp_path / "m.checkpoints"
    assert f"kept        {kept} checkpoints in {directory}\n" in outcome.out
    assert len(checkpoint_names(directory)) == kept
    check_same(tmp_path / "m", tmp_path / "plain")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("text.txt", "plain", "m", "m.checkpoints")
    }


def test_two_checkpoints_are_kept(call: Call, text: Path, tmp_path: Path) -> None:
    done(call("train", text, "-o", tmp_path / "m", *OPTIONS, "--checkpoint-every", "epoch"))
    assert checkpoint_names(tmp_path / "m.checkpoints") == [
        "checkpoint-000004",
        "checkpoint-000005",
    ]


def test_the_directory_of_a_model_in_a_folder(
    call: Call, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    done(call("train", text, "-o", ".", *OPTIONS, "--checkpoint-every", "epoch"))
    assert len(checkpoint_names(tmp_path / "inside.checkpoints")) == 2


def test_a_run_goes_on(call: Call, killed: Any, text: Path, tmp_path: Path) -> None:
    """Two times, as if nothing had happened."""
    done(call("train", text, "-o", tmp_path / "plain", *OPTIONS, "--optimizer", "adam"))
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS, "--optimizer", "adam")
    killed(2, *arguments, "--checkpoint-every", 1200, "--keep", 9)
    killed(4, *arguments, "--resume", "--keep", 9)
    assert not (tmp_path / "m").exists()
    outcome = done(call(*arguments, "--resume", "--workers", 2))
    newest = tmp_path / "m.checkpoints/checkpoint-000004"
    assert f"resuming at {newest}, after 2.5" in outcome.err
    check_same(tmp_path / "m", tmp_path / "plain")
    # It went on writing checkpoints as often as was asked for at first.
    assert checkpoint_names(tmp_path / "m.checkpoints")[-1] == "checkpoint-000009"
    assert "kept        2 checkpoints in" in outcome.out

    outcome = done(call(*arguments, "--resume"))
    assert "resuming at" in outcome.err
    check_same(tmp_path / "m", tmp_path / "plain")


def test_resuming_without_checkpoints_begins(call: Call, text: Path, tmp_path: Path) -> None:
    outcome = done(call("train", text, "-o", tmp_path / "m", *OPTIONS, "--resume"))
    assert "resuming at" not in outcome.err
    assert not (tmp_path / "m.checkpoints").exists()
    status, _, err = call("train", text, "-o", tmp_path / "m", *OPTIONS, "--resume")
    assert status == 1
    assert "holds a model already; choose another name, or overwrite it (--overwrite)" in err


def test_more_epochs(call: Call, text: Path, tmp_path: Path) -> None:
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS)
    done(call(*arguments, "--epochs", 2, "--checkpoint-every", "epoch"))
    outcome = done(call(*arguments, "--epochs", 3, "--resume"))
    assert "after 2.00 epochs" in outcome.err
    assert load_model(tmp_path / "m").config.epochs == 3
    assert checkpoint_names(tmp_path / "m.checkpoints")[-1] == "checkpoint-000003"
    status, _, err = call(*arguments, "--epochs", 1, "--resume")
    assert status == 2
    assert "cannot be resumed, since --epochs (3, now 1) changed: leave that as it was" in err
    assert load_model(tmp_path / "m").config.epochs == 3


def test_damaged_checkpoints_are_passed_over(
    call: Call, killed: Any, text: Path, tmp_path: Path
) -> None:
    done(call("train", text, "-o", tmp_path / "plain", *OPTIONS))
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS)
    killed(2, *arguments, "--checkpoint-every", "epoch")
    file = tmp_path / "m.checkpoints/checkpoint-000002/model/vectors.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    outcome = done(call(*arguments, "--resume"))
    assert f"passing over {file.parents[1]}: {file} is damaged: its SHA-256" in outcome.err
    assert "after 1.00 epochs" in outcome.err
    check_same(tmp_path / "m", tmp_path / "plain")


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--window", 4], "--window (3, now 4)"),
        (["--seed", 9, "--alpha", 0.05], "--alpha (0.025, now 0.05) and --seed (1, now 9)"),
        (["--fixed-window"], "--fixed-window (True, now False)"),
    ],
    ids=str,
)
def test_other_options(
    call: Call, killed: Any, text: Path, tmp_path: Path, options: list[Any], changed: str
) -> None:
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS)
    killed(2, *arguments, "--checkpoint-every", "epoch")
    status, out, err = call(*arguments, "--resume", *options)
    assert (status, out) == (2, "")
    assert f"cannot be resumed, since {changed} changed: leave that as it was, or" in err
    assert not (tmp_path / "m").exists()
    outcome = done(call(*arguments, "--resume", "--allow-changed", *options))
    assert "resuming although " in outcome.err
    assert (tmp_path / "m").exists()


def test_another_text(call: Call, killed: Any, text: Path, tmp_path: Path) -> None:
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS)
    killed(2, *arguments, "--checkpoint-every", "epoch")
    lines = text.read_text("utf-8").splitlines()
    text.write_text("\n".join(reversed(lines)), "utf-8")
    status, _, err = call(*arguments, "--resume")
    # (Words of the same count are ordered by where they come first.)
    assert status == 2
    assert " cannot be resumed" in err
    text.write_text("\n".join([*lines, "something else"] * 5), "utf-8")
    status, _, err = call(*arguments, "--resume", "--allow-changed")
    assert status == 2
    assert "its vocabulary has 24 words and is another than that of the text now, 26 words" in err
    assert "train on its vectors with --init" in err


def test_checkpoints_of_an_earlier_run(call: Call, killed: Any, text: Path, tmp_path: Path) -> None:
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS)
    killed(2, *arguments, "--checkpoint-every", "epoch")
    for more in ((), ("--checkpoint-every", "epoch")):
        status, out, err = call("train", "nothing.txt", "-o", tmp_path / "m", *OPTIONS, *more)
        assert (status, out) == (1, "")
        assert err == (
            f"xw2v: error: {tmp_path / 'm.checkpoints'} holds the checkpoints of an earlier run; "
            "go on with it (--resume), begin anew (--overwrite), or choose another name\n"
        )
    assert len(checkpoint_names(tmp_path / "m.checkpoints")) == 2
    outcome = done(call(*arguments, "--overwrite", "--seed", 5))
    assert "resuming at" not in outcome.err
    assert "kept" not in outcome.out
    assert checkpoint_names(tmp_path / "m.checkpoints") == []


# The checkpoints are models


def test_a_checkpoint_is_a_model(call: Call, killed: Any, text: Path, tmp_path: Path) -> None:
    killed(1, "train", text, "-o", tmp_path / "m", *OPTIONS, "--checkpoint-every", "epoch")
    model = tmp_path / "m.checkpoints/checkpoint-000001/model"
    outcome = done(call("info", model))
    assert "24" in outcome.out
    outcome = done(call("most-similar", model, "iron", "--topn", 3))
    assert len(outcome.out.splitlines()) >= 3
    done(call("convert", model, tmp_path / "vectors.txt"))
    np.testing.assert_allclose(
        read_vectors(tmp_path / "vectors.txt").vectors, load_model(model).input_vectors
    )
    done(call("train", text, "--init", model, "-o", tmp_path / "on", "--epochs", 1))


# Vectors to begin with


@pytest.fixture
def first(call: Call, text: Path, tmp_path: Path) -> Path:
    path = tmp_path / "first"
    done(call("train", text, "-o", path, *OPTIONS, "--optimizer", "adagrad", "--epochs", 3))
    return path


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """Write another text, with a new word."""
    path = tmp_path / "more.txt"
    lines = topic_sentences(100)[::-1]
    path.write_text("\n".join(f"{line} mango" for line in lines), encoding="utf-8")
    return path


def test_a_model_is_trained_on(call: Call, first: Path, more: Path, tmp_path: Path) -> None:
    """Its options hold where nothing else is said, and its words stay."""
    old = load_model(first)
    outcome = done(call("train", more, "--init", first, "-o", tmp_path / "m", "--epochs", 2))
    assert "vocabulary 25, 1 of them new\n" in outcome.err
    assert "model: skip-gram, negative sampling, AdaGrad; training on cpu\n" in outcome.err
    new = load_model(tmp_path / "m")
    assert {*new.words} == {*old.words, "mango"}
    assert new.corpus["init"] == str(first)
    assert (new.config.window, new.config.vector_size, new.config.epochs) == (3, 8, 2)
    assert (new.config.optimizer, new.config.alpha) == ("adagrad", old.config.alpha)
    counts = dict(zip(new.words, new.counts.tolist(), strict=True))
    had = dict(zip(old.words, old.counts.tolist(), strict=True))
    assert counts["mango"] == 100
    assert sum(counts.values()) == sum(had.values()) + 1100
    assert new.loss_history[0]["loss"] < old.loss_history[0]["loss"]

    changed = ("--optimizer", "sgd", "--sg", 0, "--window", 2)
    done(call("train", more, "--init", first, "-o", tmp_path / "other", *changed))
    config = load_model(tmp_path / "other").config
    assert (config.model, config.optimizer, config.alpha) == ("cbow", "sgd", 0.05)
    assert (config.window, config.epochs) == (2, 3)


def test_a_model_stays_as_it_is(call: Call, first: Path, more: Path, tmp_path: Path) -> None:
    done(call("train", more, "--init", first, "--freeze-init", "-o", tmp_path / "m"))
    old, new = load_model(first), load_model(tmp_path / "m")
    rows = [new.words.index(word) for word in old.words]
    np.testing.assert_array_equal(new.input_vectors[rows], old.input_vectors)
    assert (new.output_vectors[rows] != old.output_vectors).any(axis=1).all()
    assert new.input_vectors[new.words.index("mango")].any()


@pytest.mark.parametrize("frozen", [True, False])
def test_vectors_of_a_file(call: Call, text: Path, tmp_path: Path, frozen: bool) -> None:
    vectors = tmp_path / "vectors.vec"
    vectors.write_text("2 3\napple 0.1 0.2 0.3\nnowhere 1 2 3\n")
    more = ["--freeze-init"] * frozen
    done(call("train", text, "--init", vectors, "-o", tmp_path / "m", "--epochs", 1, *more))
    model = load_model(tmp_path / "m")
    assert model.config.vector_size == 3
    assert model.corpus["init"] == str(vectors)
    assert len(model.words) == 24
    kept = model.input_vectors[model.words.index("apple")] == np.array([0.1, 0.2, 0.3], np.float32)
    assert kept.all() == frozen


def test_runs_with_vectors_go_on(
    call: Call, killed: Any, first: Path, more: Path, tmp_path: Path
) -> None:
    arguments = ("train", more, "--init", first, "--freeze-init")
    done(call(*arguments, "-o", tmp_path / "plain"))
    killed(2, *arguments, "-o", tmp_path / "m", "--checkpoint-every", "epoch")
    status, _, err = call("train", more, "--init", first, "-o", tmp_path / "m", "--resume")
    assert status == 2
    assert "since the initial vectors changed" in err
    done(call(*arguments, "-o", tmp_path / "m", "--resume"))
    check_same(tmp_path / "m", tmp_path / "plain")


def test_vectors_that_do_not_fit(call: Call, first: Path, text: Path, tmp_path: Path) -> None:
    (tmp_path / "x.vec").write_text("1 3\nnowhere 1 2 3\n")
    (tmp_path / "bad.vec").write_text("2 3\napple 1 2 3\n")
    out = ("-o", tmp_path / "m")
    for arguments, status, message in [
        (
            (text, "--init", tmp_path / "x.vec"),
            2,
            "none of the 24 words of the text is among the 1",
        ),
        (
            ("no.txt", "--init", tmp_path / "x.vec", "--vector-size", 4),
            2,
            "--vector-size (4) must be",
        ),
        (("no.txt", "--init", first, "--vector-size", 4), 2, "--vector-size (4) must be that of"),
        (("no.txt", "--init", tmp_path / "bad.vec"), 1, "bad.vec"),
        (("no.txt", "--init", tmp_path / "nowhere"), 1, "nowhere"),
        (("no.txt", "--freeze-init"), 2, "--freeze-init needs --init"),
        (("no.txt", "--init", first, "--max-vocab-size", 100), 2, "--max-vocab-size"),
    ]:
        outcome = call("train", *arguments, *out)
        assert (outcome.status, outcome.out) == (status, ""), arguments
        assert message in outcome.err
        assert outcome.err.count("xw2v: error: ") == 1
        if arguments[0] == "no.txt":
            assert outcome.err.count("\n") == 1  # before it was said what is read
    assert not (tmp_path / "m").exists()


def test_models_to_begin_with_that_are_damaged(call: Call, first: Path, tmp_path: Path) -> None:
    (first / "vectors.safetensors").write_bytes(b"")
    status, out, err = call("train", "no.txt", "--init", first, "-o", tmp_path / "m")
    assert (status, out) == (1, "")
    assert err.startswith(f"xw2v: error: {first / 'vectors.safetensors'} is damaged")


# Evaluations


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    lines = [
        f"{a} {b} {c} {d}"
        for a, b in zip(FRUIT, METAL, strict=True)
        for c, d in [(FRUIT[0], METAL[1])]
    ]
    path.write_text(": topics\n" + "\n".join(lines[2:]) + "\n")
    return path


def write_pairs(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    lines = [f"{FRUIT[0]}\t{word}\t9" for word in FRUIT[1:]]
    lines += [f"{FRUIT[0]}\t{word}\t1" for word in METAL]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_evaluations(call: Call, text: Path, questions: Path, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.tsv")
    sets = ("--analogies", questions, "--pairs", pairs)
    outcome = done(call("train", text, "-o", tmp_path / "m", *OPTIONS, *sets))
    told = [line for line in outcome.err.splitlines() if line.startswith("evaluated after")]
    found = load_model(tmp_path / "m").corpus["evaluations"]
    assert [one["epoch"] for one in found] == [1, 2, 3, 4, 5]  # each, if nothing else is said
    for line, one in zip(told, found, strict=True):
        parts = one["parts"]
        assert list(parts) == ["analogies", "pairs.tsv"]
        assert one["score"] == sum(parts.values()) / 2
        assert line == (
            f"evaluated after {one['epoch']:.2f} epochs: analogies {parts['analogies']:.4f}, "
            f"pairs.tsv {parts['pairs.tsv']:.4f}"
        )
    # They look on, and change nothing.
    done(call("train", text, "-o", tmp_path / "plain", *OPTIONS))
    np.testing.assert_array_equal(
        load_model(tmp_path / "plain").input_vectors, load_model(tmp_path / "m").input_vectors
    )
    assert "evaluations" not in load_model(tmp_path / "plain").corpus
    assert done(call("info", tmp_path / "m")).out


def test_files_of_the_same_name(call: Call, text: Path, questions: Path, tmp_path: Path) -> None:
    """None is left out, and none taken for the analogies."""
    paths = [write_pairs(tmp_path / name) for name in ("one/x", "two/x", "y", "analogies")]
    files = [argument for path in paths for argument in ("--pairs", path)]
    arguments = (*files, "--analogies", questions, "--epochs", 1)
    done(call("train", text, "-o", tmp_path / "m", *OPTIONS, *arguments))
    (one,) = load_model(tmp_path / "m").corpus["evaluations"]
    assert list(one["parts"]) == ["analogies", str(paths[0]), str(paths[1]), "y", str(paths[3])]


def test_the_loss_is_what_else_is_evaluated(call: Call, text: Path, tmp_path: Path) -> None:
    done(call("train", text, "-o", tmp_path / "m", *OPTIONS, "--evaluate-every", 2500))
    found = load_model(tmp_path / "m").corpus["evaluations"]
    assert [one["words"] // 2500 for one in found] == [1, 2, 3, 4]
    assert all(one["score"] == -one["parts"]["loss"] for one in found)


def test_patience(call: Call, killed: Any, text: Path, tmp_path: Path) -> None:
    """Pairs that are judged the wrong way get no better."""
    pairs = write_pairs(tmp_path / "pairs.tsv")
    swapped = {"1": "9", "9": "1"}
    lines = [line.rsplit("\t", 1) for line in pairs.read_text().splitlines()]
    pairs.write_text("".join(f"{words}\t{swapped[score]}\n" for words, score in lines))
    options = (*OPTIONS, "--alpha", 0.2, "--epochs", 30, "--pairs", pairs, "--patience", 2)
    outcome = done(call("train", text, "-o", tmp_path / "m", *options))
    model = load_model(tmp_path / "m")
    assert model.corpus["stopped"].startswith("no better evaluation in 2: best ")
    epochs = model.corpus["trained_epochs"]
    assert epochs < 30
    assert len(model.corpus["evaluations"]) == epochs
    assert f"stopped     after {epochs:.2f} epochs: no better evaluation in 2: " in outcome.out
    assert f"trained     {2000 * epochs:,.0f} words in " in outcome.out
    assert "no better evaluation" in done(call("info", tmp_path / "m")).out

    killed(1, "train", text, "-o", tmp_path / "n", *options, "--checkpoint-every", 3500)
    done(call("train", text, "-o", tmp_path / "n", *options, "--resume"))
    check_same(tmp_path / "n", tmp_path / "m")


def test_what_cannot_be_evaluated(call: Call, text: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("one two three four\n")
    (tmp_path / "strange.txt").write_text(": x\none two three four\n")
    (tmp_path / "pairs.tsv").write_text("one\ttwo\n")
    for arguments, status, message in [
        (("no.txt", "--analogies", tmp_path / "nowhere.txt"), 2, "nowhere.txt"),
        (("no.txt", "--pairs", tmp_path / "pairs.tsv"), 2, "pairs.tsv"),
        (("no.txt", "--evaluate-every", "10m"), 2, "every so many words or every 'epoch'"),
        (("no.txt", "--evaluate-every", "often"), 2, "--evaluate-every must be a number of words"),
        (("no.txt", "--evaluate-every", "0"), 2, "--evaluate-every must be a number of words"),
        (("no.txt", "--patience", "0"), 2, "Invalid value for '--patience': 0 is not in the range"),
        (
            (text, "--analogies", tmp_path / "strange.txt"),
            2,
            "no question of the analogies has all",
        ),
    ]:
        outcome = call("train", *arguments, "-o", tmp_path / "m", *OPTIONS)
        assert (outcome.status, outcome.out) == (status, ""), (arguments, outcome.err)
        assert message in outcome.err
        assert outcome.err.count("xw2v: error: ") == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        *("text.txt", "bad.txt", "strange.txt", "pairs.tsv")
    }


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--checkpoint-every", "often"],
            "--checkpoint-every must be a number of words, a time su",
        ),
        (["--checkpoint-every", "-1"], "--checkpoint-every must be a number of words"),
        (["--checkpoint-every", "0s"], "--checkpoint-every must be a number of words"),
        (["--checkpoint-every", "1e6"], "--checkpoint-every must be a number of words"),
        (["--keep", "0"], "Invalid value for '--keep': 0 is not in the range x>=1."),
        (["--keep", "some"], "Invalid value for '--keep': 'some' is not a valid integer"),
        (["--allow-changed"], "--allow-changed is about --resume: give that as well"),
        (["--freeze-init"], "--freeze-init needs --init: it says which vectors to leave"),
    ],
    ids=str,
)
def test_options_that_cannot_work(
    call: Call, tmp_path: Path, options: list[str], message: str
) -> None:
    status, out, err = call("train", "nothing.txt", "-o", tmp_path / "m", *options)
    assert (status, out) == (2, "")
    assert err.startswith("xw2v: error: ")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_quiet_runs_are_quiet(call: Call, killed: Any, text: Path, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.tsv")
    arguments = ("train", text, "-o", tmp_path / "m", *OPTIONS, "--pairs", pairs, "--quiet")
    killed(2, *arguments, "--checkpoint-every", "epoch")
    assert call(*arguments, "--resume") == (0, "", "")


def test_what_help_says(call: Call) -> None:
    out = done(call("train", "--help")).out
    assert "\nRun:\n" in out
    said = " ".join(out.split())
    for part in (
        "--checkpoint-every N|10m|epoch Keep the run in DIR.checkpoints each N words",
        "--keep INTEGER RANGE Checkpoints to keep, the newest ones. [default: 2; x>=1]",
        "--resume Go on with the run whose checkpoints are in DIR.checkpoints",
        "--allow-changed Resume although the text or options have changed.",
        "--init MODEL|FILE Train on the vectors of a model",
        "--freeze-init Leave the vectors of --init as they are.",
        "--evaluate-every N|",
        "--analogies FILE",
        "--pairs FILE",
        "--patience N",
    ):
        assert part in said


def test_a_file_where_checkpoints_would_be(call: Call, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "m.checkpoints").write_text("mine")
    status, _, err = call("train", corpus, "-o", tmp_path / "m")
    assert status == 1
    assert "m.checkpoints is a file, where checkpoints would be" in err
    assert (tmp_path / "m.checkpoints").read_text() == "mine"

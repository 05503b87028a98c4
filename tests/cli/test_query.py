"""Questions to a model: what people and programs get to see."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ENVIRONMENT, TOPICS, Outcome, Run
from xw2v.formats import load_word_vectors

Call = Callable[..., Outcome]


def test_similarity(run: Run, model: Path) -> None:
    status, out, err = run("similarity", model, "apple", "pear")
    assert (status, err) == (0, "")
    expected = load_word_vectors(model).similarity("apple", "pear")
    assert out == f"{expected:.4f}\n"
    assert expected > load_word_vectors(model).similarity("apple", "zinc")


def test_similarity_as_json(call: Call, model: Path) -> None:
    status, out, _ = call("similarity", model, "apple", "физика", "--json")
    expected = load_word_vectors(model).similarity("apple", "физика")
    assert status == 0
    assert json.loads(out) == {"words": ["apple", "физика"], "similarity": expected}


def test_most_similar(run: Run, model: Path) -> None:
    status, out, err = run("most-similar", model, "физика", "--topn", "5")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert {word for word, _ in rows} == set(TOPICS["наука"]) - {"физика"}
    scores = [float(score) for _, score in rows]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] <= 1
    assert len({line.index(" 0.") for line in out.splitlines()}) == 1  # one below the other


def test_most_similar_with_several_words_as_json(call: Call, model: Path) -> None:
    words = ("most-similar", model, "apple", "iron", "--negative", "pear", "--negative", "plum")
    status, out, err = call(*words, "--topn", 3, "--restrict-vocab", 20, "--json")
    assert (status, err) == (0, "")
    expected = load_word_vectors(model).most_similar(
        ["apple", "iron"], ["pear", "plum"], topn=3, restrict_vocab=20
    )
    assert json.loads(out) == {
        "positive": ["apple", "iron"],
        "negative": ["pear", "plum"],
        "neighbors": [{"word": word, "similarity": score} for word, score in expected],
    }
    assert len(expected) == 3


def test_analogy(call: Call, model: Path) -> None:
    expected = load_word_vectors(model).most_similar(["river", "iron"], ["apple"], topn=2)
    status, out, _ = call("analogy", model, "apple", "river", "iron", "--topn", 2)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [word for word, _ in expected]
    status, out, _ = call("analogy", model, "apple", "river", "iron", "--topn", 2, "--json")
    assert status == 0
    assert json.loads(out) == {
        "a": "apple",
        "b": "river",
        "c": "iron",
        "answers": [{"word": word, "similarity": score} for word, score in expected],
    }


def test_unknown_word(run: Run, model: Path) -> None:
    status, out, err = run("most-similar", model, "aple", "--json")
    assert (status, out) == (1, "")
    assert err == "xw2v: error: 'aple' is not in the vocabulary; did you mean apple?\n"


def test_unknown_word_elsewhere(call: Call, model: Path) -> None:
    for arguments in (
        ("similarity", model, "apple", "nikel"),
        ("analogy", model, "iron", "nikel", "zinc"),
        ("most-similar", model, "iron", "--negative", "nikel"),
    ):
        status, out, err = call(*arguments)
        assert (status, out) == (1, "")
        assert "'nikel' is not in the vocabulary; did you mean nickel?" in err


@pytest.mark.parametrize(
    "command",
    [
        ["similarity", "a", "b"],
        ["most-similar", "a"],
        ["analogy", "a", "b", "c"],
        ["info"],
    ],
)
def test_no_model(call: Call, tmp_path: Path, command: list[str]) -> None:
    name, *words = command
    status, out, err = call(name, tmp_path / "nothing", *words)
    assert (status, out) == (1, "")
    assert err == f"xw2v: error: cannot read {tmp_path / 'nothing'}: it does not exist\n"
    status, _, err = call(name, tmp_path, *words, "--json")
    assert status == 1
    assert f"{tmp_path}: it has no config.json" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["most-similar", "m"], "Missing argument 'WORD...'"),
        (["most-similar", "m", "a", "--topn", "0"], "Invalid value for '--topn'"),
        (["most-similar", "m", "a", "--restrict-vocab", "-1"], "'--restrict-vocab'"),
        (["similarity", "m", "a"], "Missing argument 'WORD'"),
        (["analogy", "m", "a", "b"], "Missing argument 'C'"),
        (["info"], "Missing argument 'MODEL'"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_usage_errors(call: Call, arguments: list[str], message: str) -> None:
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("xw2v: error: ")
    assert message in err
    assert err.splitlines()[-1].startswith("Try 'xw2v ")


def test_info(call: Call, model: Path, corpus: Path) -> None:
    status, out, _ = call("info", model)
    assert status == 0
    facts = dict(line.strip().split("  ", 1) for line in out.splitlines() if "  " in line.strip())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["vocabulary"] == "24 words"
    assert facts["vector size"] == "8"
    assert facts["training time"].endswith(" words/s")
    assert facts["source"] == str(corpus)
    assert facts["words"] == "12,000"
    assert facts["versions"].startswith("xw2v ")
    assert facts["epochs"] == "3"
    assert facts["workers"] == "one for each core"


def test_info_as_json(run: Run, model: Path) -> None:
    status, out, err = run("info", model, "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert (document["words"], document["vector_size"]) == (24, 8)
    assert document["training"]["epochs"] == 3
    assert document["training"]["workers"] is None
    assert document["corpus"]["sentences"] == 1200
    assert document["corpus"]["training_seconds"] > 0
    assert document["last_loss"] < document["first_loss"]


@pytest.mark.parametrize("arguments", [["info"], ["most-similar", "apple"]])
def test_a_reader_that_went_away(model: Path, arguments: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command, *words = arguments
    done = subprocess.run(
        [sys.executable, "-m", "xw2v", command, str(model), *words],
        stdout=write_end,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_disk(model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xw2v", "most-similar", str(model), "apple"],
            stdout=full,
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, b"xw2v: error: No space left on device\n")


def test_words_that_the_output_cannot_hold(model: Path) -> None:
    for option, expected in (([], b"\\u0445\\u0438\\u043c\\u0438\\u044f"), (["--json"], None)):
        done = subprocess.run(
            [sys.executable, "-m", "xw2v", "most-similar", str(model), "физика", *option],
            env={**ENVIRONMENT, "PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        if expected is not None:
            assert expected in done.stdout
        else:
            words = {item["word"] for item in json.loads(done.stdout)["neighbors"]}
            assert words > set(TOPICS["наука"]) - {"физика"}

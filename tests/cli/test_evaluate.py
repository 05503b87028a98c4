"""`xw2v evaluate`: the figures are those of the library, and nothing is left unsaid."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.conftest import TOPICS, Outcome, Run
from xw2v.formats import load_word_vectors
from xw2v.vectors import parse_analogies, parse_pairs, score_analogies, score_pairs

Call = Callable[..., Outcome]


@pytest.fixture
def analogies(tmp_path: Path) -> Path:
    fruit, metal, *_ = TOPICS.values()
    questions = [f"{a} {b} {c} {d}" for a, b in pairwise(fruit) for c, d in pairwise(metal)]
    path = tmp_path / "questions.txt"
    path.write_text(
        "\n".join([": fruit to metal", *questions, ": strangers", "apple pear nobody nothing"])
    )
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text("Apple\tpear\t9\niron\tzinc\t8\napple\tzinc\t1\nriver\tgold\t2\nx\tpear\t5\n")
    return path


def test_all_at_once_as_json(run: Run, model: Path, analogies: Path, pairs: Path) -> None:
    status, out, err = run(
        *("evaluate", model, "--analogies", analogies, "--pairs", pairs, "--pairs", pairs),
        *("--restrict-vocab", "23", "--json"),
    )
    assert (status, err) == (0, "")
    document = json.loads(out)
    vectors = load_word_vectors(model)

    answers = score_analogies(vectors, parse_analogies(analogies), 23)
    assert answers.total > 10  # else this compares nothing with nothing
    first, second = document["analogies"].pop("sections")
    assert document["analogies"] == {
        "file": str(analogies),
        "restrict_vocab": 23,
        "correct": answers.correct,
        "total": answers.total,
        "accuracy": answers.accuracy,
        "out_of_vocabulary": 26 - answers.total,
    }
    assert first == {
        "name": "fruit to metal",
        "correct": answers.correct,
        "total": answers.total,
        "accuracy": answers.accuracy,
    }
    assert second == {"name": "strangers", "correct": 0, "total": 0, "accuracy": 0.0}

    scores = score_pairs(vectors, parse_pairs(pairs), None)
    assert scores.spearman.statistic > 0.5
    record = {
        "file": str(pairs),
        "spearman": {"statistic": scores.spearman.statistic, "pvalue": scores.spearman.pvalue},
        "pearson": {"statistic": scores.pearson.statistic, "pvalue": scores.pearson.pvalue},
        "used": 4,
        "out_of_vocabulary": 1,
    }
    assert document["pairs"] == [record, record]
    assert document["case_sensitive"] is False


def test_tables(call: Call, model: Path, analogies: Path, pairs: Path) -> None:
    status, out, err = call("evaluate", model, "--analogies", analogies, "--pairs", pairs)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"Analogies: {analogies}, among the 24 most frequent words"
    assert lines[1].split() == ["section", "correct", "questions", "accuracy"]
    assert lines[2].startswith("fruit to metal ")
    assert lines[3].split() == ["strangers", "0", "0", "-"]
    assert lines[4].split()[::2] == ["total", "25"]
    assert lines[4].endswith("%")
    assert len({len(line) for line in lines[1:5]}) == 1
    assert lines[5] == "1 question with a word out of vocabulary left out"
    scores = score_pairs(load_word_vectors(model), parse_pairs(pairs), None)
    assert lines[9].split() == [
        "pairs.tsv",
        f"{scores.spearman.statistic:.4f}",
        f"{scores.spearman.pvalue:.2g}",
        f"{scores.pearson.statistic:.4f}",
        f"{scores.pearson.pvalue:.2g}",
        "4",
        "1",
    ]
    assert lines[10] == "unknown: pairs with a word out of vocabulary, left out"


def test_a_restriction_is_shown(call: Call, model: Path, analogies: Path) -> None:
    _, out, _ = call("evaluate", model, "--analogies", analogies, "--restrict-vocab", 20)
    assert out.startswith(f"Analogies: {analogies}, among the 20 most frequent words\n")


def test_case(call: Call, model: Path, pairs: Path) -> None:
    _, out, _ = call("evaluate", model, "--pairs", pairs, "--case-sensitive", "--json")
    document = json.loads(out)
    assert document["case_sensitive"] is True
    assert document["pairs"][0]["out_of_vocabulary"] == 2
    assert "analogies" not in document


def test_other_vectors(call: Call, model: Path, tree_model: Path, pairs: Path) -> None:
    arguments = ("evaluate", model, "--pairs", pairs, "--vectors", "concat", "--json")
    document = json.loads(call(*arguments).out)
    scores = score_pairs(load_word_vectors(model, "concat"), parse_pairs(pairs), None)
    assert document["pairs"][0]["pearson"]["statistic"] == scores.pearson.statistic
    status, out, err = call("evaluate", tree_model, "--pairs", pairs, "--vectors", "output")
    assert (status, out) == (2, "")
    assert f"{tree_model}: --vectors must be 'input' for --output 'hierarchical'" in err


def test_undefined_figures_are_null(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "flat.tsv").write_text("apple\tpear\t5\niron\tzinc\t5\n")
    _, out, _ = call("evaluate", model, "--pairs", tmp_path / "flat.tsv", "--json")
    assert json.loads(out)["pairs"][0]["spearman"] == {"statistic": None, "pvalue": None}


def test_files_that_cannot_be_used(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text(": section\none two three\n")
    for options, message in [
        ([], "nothing to evaluate: give --analogies FILE, --pairs FILE or both"),
        (["--pairs", tmp_path / "no.tsv"], f"cannot read {tmp_path / 'no.tsv'}: No such file"),
        (["--analogies", tmp_path / "bad.txt"], "bad.txt, line 2: a question has four words"),
    ]:
        status, out, err = call("evaluate", model, *options)
        assert (status, out) == (2, "")
        assert err.startswith("xw2v: error: ")
        assert message in err

"""`xw2v evaluate`: the figures are those of the library, and nothing is left unsaid."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import TOPICS, Outcome, Run
from xw2v.formats import load_word_vectors, read_vectors, write_vectors
from xw2v.vectors import (
    WordVectors,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)
from xw2v.vectors.evaluation import compare_analogies

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
        "method": "add",
        "restrict_vocab": 23,
        "correct": answers.correct,
        "total": answers.total,
        "accuracy": answers.accuracy,
        "out_of_vocabulary": 26 - answers.total,
        "semantic": {
            "correct": answers.correct,
            "total": answers.total,
            "accuracy": answers.accuracy,
        },
        "syntactic": {"correct": 0, "total": 0, "accuracy": 0.0},
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
    assert document["dummy4unknown"] is False


def test_tables(call: Call, model: Path, analogies: Path, pairs: Path) -> None:
    status, out, err = call("evaluate", model, "--analogies", analogies, "--pairs", pairs)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"Analogies: {analogies}, by 3CosAdd among the 24 most frequent words"
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
    assert out.startswith(f"Analogies: {analogies}, by 3CosAdd among the 20 most frequent words\n")


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


def test_3cosmul(call: Call, model: Path, analogies: Path) -> None:
    wv, sections = load_word_vectors(model), parse_analogies(analogies)
    expected = score_analogies(wv, sections, method="mul")
    assert expected.correct != score_analogies(wv, sections).correct
    options = ("--analogies", analogies, "--method", "mul")
    document = json.loads(call("evaluate", model, *options, "--json").out)
    assert document["analogies"]["method"] == "mul"
    assert document["analogies"]["correct"] == expected.correct
    assert f"{analogies}, by 3CosMul among" in call("evaluate", model, *options).out


def test_semantic_and_syntactic_totals(call: Call, model: Path, tmp_path: Path) -> None:
    fruit, metal, *_ = TOPICS.values()
    lines = [" ".join([*pair, *fruit[-2:]]) for pair in pairwise(metal)]
    path = tmp_path / "q.txt"
    path.write_text("\n".join([": fruit", *lines, ": gram1-fruit", *lines[:2]]))
    out = call("evaluate", model, "--analogies", path).out
    table = [line.split() for line in out.splitlines()[2:]]
    assert [row[0] for row in table] == ["fruit", "gram1-fruit", "semantic", "syntactic", "total"]
    assert [row[2] for row in table] == ["5", "2", "5", "2", "7"]
    assert (table[2][1:], table[3][1:]) == (table[0][1:], table[1][1:])


def test_unknown_words_may_count(call: Call, model: Path, analogies: Path, pairs: Path) -> None:
    wv = load_word_vectors(model)
    options = ("--analogies", analogies, "--pairs", pairs, "--dummy4unknown")
    document = json.loads(call("evaluate", model, *options, "--json").out)
    assert document["dummy4unknown"] is True
    assert (document["analogies"]["total"], document["analogies"]["out_of_vocabulary"]) == (26, 1)
    scores = score_pairs(wv, parse_pairs(pairs), None, dummy4unknown=True)
    (record,) = document["pairs"]
    assert (record["used"], record["out_of_vocabulary"]) == (5, 1)
    assert record["spearman"]["statistic"] == scores.spearman.statistic
    out = call("evaluate", model, *options).out
    assert "1 question with a word out of vocabulary counted as wrong\n" in out
    assert "unknown: pairs with a word out of vocabulary, taken as of similarity 0\n" in out


@pytest.mark.parametrize("dummy4unknown", [False, True])
def test_gensim_prints_the_same(
    call: Call, model: Path, analogies: Path, pairs: Path, dummy4unknown: bool
) -> None:
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim, the reference, is not installed"
    )
    wv = load_word_vectors(model)
    keyed = keyedvectors.KeyedVectors(wv.vector_size)
    keyed.add_vectors(wv.index_to_key, wv.vectors)
    score, sections = keyed.evaluate_word_analogies(str(analogies), dummy4unknown=dummy4unknown)
    pearson, spearman, _ = keyed.evaluate_word_pairs(str(pairs), dummy4unknown=dummy4unknown)
    options = ["--dummy4unknown"] if dummy4unknown else []
    _, out, _ = call("evaluate", model, "--analogies", analogies, "--pairs", pairs, *options)
    lines = out.splitlines()
    total = sections[-1]
    asked = len(total["correct"]) + len(total["incorrect"])
    assert lines[4].split() == [
        *("total", str(len(total["correct"])), str(asked), f"{score:.1%}"),
    ]
    assert lines[9].split()[1:5] == [
        *(f"{spearman[0]:.4f}", f"{spearman[1]:.2g}", f"{pearson[0]:.4f}", f"{pearson[1]:.2g}"),
    ]


# Several models


@pytest.fixture
def other(model: Path, tmp_path: Path) -> Path:
    """Make vectors that are worse and lack a word."""
    wv = load_word_vectors(model)
    noise = np.random.default_rng(1).standard_normal(wv.vectors.shape).astype(np.float32)
    vectors = wv.vectors + 0.7 * np.std(wv.vectors) * noise
    kept = [row for row, word in enumerate(wv.index_to_key) if word != "plum"]
    path = tmp_path / "other.bin"
    write_vectors(path, WordVectors([wv.index_to_key[row] for row in kept], vectors[kept]))
    return path


def test_models_are_compared(
    call: Call, model: Path, other: Path, analogies: Path, pairs: Path
) -> None:
    options = ("--analogies", analogies, "--pairs", pairs, "--resamples", 300, "--json")
    document = json.loads(call("evaluate", model, other, *options).out)
    for path, record in zip((model, other), document["models"], strict=True):
        alone = json.loads(call("evaluate", path, *options).out)
        assert {**record, "case_sensitive": False, "dummy4unknown": False} == alone
    scores = [
        score_analogies(read_vectors(path), parse_analogies(analogies)) for path in (model, other)
    ]
    compared = compare_analogies(scores, 300)
    record = document["analogies"]
    assert record["file"] == str(analogies)
    assert record["intervals"] == [list(interval) for interval in compared.intervals]
    assert record["used_for_differences"] == compared.used == scores[1].total < scores[0].total
    assert record["differences"] == [
        {
            "model": str(other),
            "minus": str(model),
            "difference": compared.differences[0].value,
            "interval": list(compared.differences[0].interval),
        }
    ]
    (pair_record,) = document["pairs"]
    assert pair_record["used_for_differences"] == 4
    assert len(pair_record["intervals"]) == 2
    assert document["bootstrap"] == {"confidence": 0.95, "resamples": 300, "seed": 0}

    again = json.loads(call("evaluate", model, other, *options).out)
    assert again == document
    again = json.loads(call("evaluate", model, other, *options, "--seed", 1).out)
    assert again["analogies"]["intervals"] != document["analogies"]["intervals"]


def test_tables_of_models(
    call: Call, model: Path, other: Path, analogies: Path, pairs: Path
) -> None:
    options = ("--analogies", analogies, "--pairs", pairs, "--resamples", 50)
    status, out, err = call("evaluate", model, other, *options)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[1].split() == ["section", "model", "other.bin"]
    document = json.loads(call("evaluate", model, other, *options, "--json").out)
    first, second = (record["analogies"]["accuracy"] for record in document["models"])
    assert lines[4].split() == ["total", f"{first:.1%}", f"{second:.1%}"]
    low, high = document["analogies"]["intervals"][0]
    assert lines[7].split()[-4:] == [f"{first:.1%}", f"{low:.1%}", "to", f"{high:.1%}"]
    assert [line.split()[:2] for line in lines[11:14]] == [
        ["file", "model"],
        ["pairs.tsv", "model"],
        ["pairs.tsv", "other.bin"],
    ]
    assert lines[16].startswith("Differences from model, in accuracy or Spearman's correlation, ")
    for line, file, kind, form in (
        (lines[18], "questions.txt", document["analogies"], "{:+.1%}"),
        (lines[19], "pairs.tsv", document["pairs"][0], "{:+.4f}"),
    ):
        (difference,) = kind["differences"]
        low, high = map(form.format, difference["interval"])
        value, used = form.format(difference["difference"]), str(kind["used_for_differences"])
        assert line.split() == [file, "other.bin", value, low, "to", high, used]
    assert lines[20] == "intervals: bootstrap, 50 samples"


def test_models_of_the_same_name(call: Call, model: Path, pairs: Path) -> None:
    out = call("evaluate", model, model, "--pairs", pairs, "--resamples", 5).out
    assert out.count(f"pairs.tsv  {model}  ") == 3
    assert "+0.0000  +0.0000 to +0.0000     4\n" in out


def test_a_report(call: Call, model: Path, other: Path, pairs: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    options = ("--pairs", pairs, "--output", report)
    status, out, _ = call("evaluate", model, *options)
    assert status == 0
    assert out.startswith("Pairs: ")
    assert json.loads(report.read_text()) == json.loads(
        call("evaluate", model, "--pairs", pairs, "--json").out
    )
    before = report.read_bytes()
    status, out, err = call("evaluate", model, other, *options)
    assert (status, out) == (1, "")
    assert f"{report} exists already; choose another name or use --overwrite" in err
    assert report.read_bytes() == before
    assert call("evaluate", model, other, *options, "--overwrite").status == 0
    assert len(json.loads(report.read_text())["models"]) == 2


def test_a_model_that_is_not_there(call: Call, model: Path, pairs: Path) -> None:
    missing = model.with_name("missing")
    for models in ([missing], [model, missing]):
        status, out, err = call("evaluate", *models, "--pairs", pairs)
        assert (status, out) == (1, "")
        assert err == f"xw2v: error: cannot read {missing}: it does not exist\n"


def test_pairs_of_other_words(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "strangers.tsv"
    path.write_text("apple\tpear\t9\nnobody\tno one\t1\n")
    status, out, err = call("evaluate", model, "--pairs", path)
    assert (status, out) == (2, "")
    assert f"{model} cannot be evaluated on {path}: a correlation needs two pairs" in err


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

"""The demo: what it shows, and that its exit status tells whether training works."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Outcome
from xw2v.demo import LANGUAGE
from xw2v.formats import load_model, load_word_vectors

Call = Callable[..., Outcome]

SMALL = ("demo", "--sentences", 6000, "--workers", 1)
UNTRAINED = ("demo", "--sentences", 2000, "--workers", 1, "--epochs", 1, "--alpha", 1e-4)


def table(out: str, title: str) -> list[str]:
    """Return the lines of the table under a title, less its heading."""
    (section,) = [part for part in out.split("\n\n") if part.startswith(title)]
    lines = section.splitlines()
    heading = next(n for n, line in enumerate(lines) if line.startswith("question "))
    return lines[heading + 1 :]


def test_what_is_shown(call: Call, tmp_path: Path) -> None:
    out_model, out_text = tmp_path / "model", tmp_path / "text.txt"
    status, out, err = call(*SMALL, "--output-model", out_model, "--output-text", out_text)
    assert status == 0, out + err
    text = [line.split() for line in out_text.read_text(encoding="utf-8").splitlines()]
    assert text == list(LANGUAGE.sentences(6000, seed=1))
    n_words = sum(map(len, text))
    assert out.startswith(f"text     6,000 sentences, {n_words:,} words of 284, made up\n")
    assert "  royal  crown, throne, palace, reign\n" in out
    assert (
        f"so a sentence of the text is\n  {' '.join(next(s for s in text if 'king' in s))}\n" in out
    )
    assert "training on cpu" in err

    vectors = load_word_vectors(out_model)
    rows = table(out, "Similarities")
    king, other = vectors.similarity("king", "queen"), LANGUAGE.comparisons()[4]
    assert other[:2] == ("king", "queen")
    assert rows[0].split() == [
        *("king:", "queen", "or", f"{other[2]}?", "0.67", ">", "0.00"),
        *(f"{king:.2f}", ">", f"{vectors.similarity('king', other[2]):.2f}"),
        "right",
    ]
    nearest = ", ".join(word for word, _ in vectors.most_similar("king", topn=3))
    assert " ".join(table(out, "Neighbors")[0].split()) == (
        f"king royal, adult or male {nearest} right"
    )
    rows = table(out, "Analogies")
    assert rows[1].split() == [
        *("man", "is", "to", "woman", "as", "king", "is", "to", "?"),
        *("queen", "queen", "right"),
    ]
    assert len(rows) >= 2 * len(LANGUAGE.relations)
    assert all(row.endswith(("right", "wrong")) for row in rows)

    last = out.split("\n\n")[-2]
    assert last.startswith("Training works: ")
    assert last.endswith("% came out as built in, where 75.0% will do.")
    assert out.endswith(f"\nNow try:  xw2v analogy {out_model} man king woman\n")


def test_totals_add_up(call: Call) -> None:
    _, out, _ = call(*SMALL)
    totals = next(part for part in out.split("\n\n") if part.startswith("Totals"))
    rows = [line.rsplit(maxsplit=3) for line in totals.splitlines()[2:]]
    assert [name for name, *_ in rows] == [
        *("similarities", "neighbors"),
        *(f"analogies: {relation}" for relation in LANGUAGE.relations),
        "all",
    ]
    for column in (1, 2):
        numbers = [int(row[column]) for row in rows]
        assert sum(numbers[:-1]) == numbers[-1]
    for _, right, asked, share in rows:
        assert share == f"{int(right) / int(asked):.1%}"
    assert int(rows[-1][2]) == 2 * len(LANGUAGE.meanings) + 740


def test_json(call: Call) -> None:
    status, out, err = call(*SMALL, "--json", "--seed", 5, "--model", "cbow")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert document["passed"] is True
    assert document["require"] == 0.75
    assert document["device"] == "cpu"
    assert document["vocabulary"] == len(LANGUAGE.vocabulary)
    assert document["sentences"] == 6000
    assert document["words"] == sum(map(len, LANGUAGE.sentences(6000, seed=5)))
    assert document["training_seconds"] > 0
    config = document["config"]
    assert (config["model"], config["seed"], config["epochs"]) == ("cbow", 5, 5)
    checks = document["checks"]
    assert sum(check["total"] for check in checks) == document["total"]
    assert sum(check["correct"] for check in checks) == document["correct"]
    for check in checks:
        assert check["total"] - check["correct"] == len(check["wrong"])
    assert document["accuracy"] == document["correct"] / document["total"] >= 0.75


def test_same_seed_same_answers(call: Call) -> None:
    def answers(seed: int) -> Any:
        document = json.loads(call(*UNTRAINED, "--json", "--seed", seed).out)
        return document["checks"]

    assert answers(2) == answers(2)
    assert answers(2) != answers(3)


def test_vectors_that_learned_nothing_fail(call: Call) -> None:
    """The rate is far too low: what comes out is as it was drawn at random."""
    status, out, err = call(*UNTRAINED)
    assert status == 1
    assert "error" not in err
    assert "\nTraining does not work with these options: " in out
    questions = table(out, "Analogies")
    assert questions[-1].endswith("more that are wrong")
    assert sum(row.endswith("wrong") for row in questions) > 12
    totals = next(part for part in out.split("\n\n") if part.startswith("Totals"))
    for line in totals.splitlines()[4:-1]:
        assert float(line.split()[-1].rstrip("%")) < 20, line


def test_failure_as_json(call: Call) -> None:
    status, out, err = call(*UNTRAINED, "--json")
    assert (status, err) == (1, "")
    document = json.loads(out)
    assert document["passed"] is False
    wrong = document["checks"][-1]["wrong"][0]
    assert wrong.keys() == {"question", "expected", "found"}
    assert wrong["found"] != wrong["expected"]


def test_what_is_required_can_be_chosen(call: Call) -> None:
    assert call(*UNTRAINED, "--require", 0).status == 0
    status, _, err = call(*UNTRAINED, "--require", 2)
    assert status == 2
    assert "--require" in err


def test_a_model_of_hierarchical_softmax_learns_it_too(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "tree"
    status, out, _ = call(
        *("demo", "--workers", 1, "--sentences", 10_000, "--output", "hierarchical"),
        *("--vector-size", 50, "--output-model", path),
    )
    assert status == 0, out
    saved = load_model(path)
    assert saved.config.output == "hierarchical"
    assert saved.config.vector_size == 50
    assert saved.corpus["source"] == "xw2v demo"


def test_files_are_not_replaced_unasked(call: Call, tmp_path: Path) -> None:
    text, model = tmp_path / "text.txt", tmp_path / "model"
    text.write_text("mine")
    status, out, err = call(*UNTRAINED, "--output-text", text)
    assert (status, out) == (1, "")
    assert f"{text} exists already; choose another name or use --overwrite" in err
    assert text.read_text() == "mine"
    call(*UNTRAINED, "--output-text", text, "--output-model", model, "--overwrite")
    assert len(text.read_text().splitlines()) == 2000
    before = {path: path.read_bytes() for path in model.iterdir()}
    status, out, err = call(*UNTRAINED, "--output-model", model)
    assert (status, out) == (1, "")
    assert f"{model} holds a model already" in err
    assert {path: path.read_bytes() for path in model.iterdir()} == before


def test_a_folder_is_no_file(call: Call, tmp_path: Path) -> None:
    status, out, err = call(*UNTRAINED, "--output-text", tmp_path)
    assert (status, out) == (2, "")
    assert "--output-text" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--alpha", 0), "--alpha must be above 0"),
        (("--device", "tpu"), "--device must be"),
        (("--sentences", 10), "--sentences"),
        (("--epochs", 0), "--epochs must be"),
    ],
    ids=["alpha", "device", "sentences", "epochs"],
)
def test_options_that_cannot_work(call: Call, options: tuple[Any, ...], message: str) -> None:
    status, out, err = call("demo", *options)
    assert (status, out) == (2, "")
    assert message in err


def test_help(call: Call) -> None:
    status, out, _ = call("demo", "--help")
    assert status == 0
    assert "Show in seconds that training works, on a made-up text." in out
    for option in ("--device", "--seed", "--output-model", "--json", "--optimizer"):
        assert f"  {option} " in out
    assert "--min-count" not in out

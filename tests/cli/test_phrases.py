"""`xw2v phrases`."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Outcome, topic_sentences
from xw2v.cli.phrases import _lines
from xw2v.text.encode import count_sentences

Call = Callable[..., Outcome]

PHRASES = ["New York", "bank of America", "ice cream cone", "United States of America"]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    draw = random.Random(5)  # not for secrets
    lines = []
    for number, sentence in enumerate(topic_sentences(400)):
        words = [*sentence.split(), f"word{number}"]
        words.insert(draw.randrange(10), draw.choice([*PHRASES, *["the"] * 16]))
        lines.append(" ".join(words))
    return lines


@pytest.fixture
def text(lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("\n".join(lines), encoding="utf-8")
    return "text.txt"


def by_gensim(lines: list[str], passes: int, **options: Any) -> list[list[str]]:
    phrases = pytest.importorskip("gensim.models.phrases")
    if "connector_words" in options:
        options["connector_words"] = phrases.ENGLISH_CONNECTOR_WORDS
    sentences = [line.split() for line in lines]
    for _ in range(passes):
        model = phrases.Phrases(sentences, **options)
        sentences = [model[sentence] for sentence in sentences]
    return sentences


@pytest.mark.parametrize(
    ("arguments", "passes", "options"),
    [
        ([], 1, {}),
        (["--phrases=2"], 2, {}),
        (["--connector-words=english"], 1, {"connector_words": True}),
        (
            ["--phrase-scoring=npmi", "--phrase-delimiter=+", "--phrase-min-count=9"],
            1,
            {"scoring": "npmi", "threshold": 0.5, "delimiter": "+", "min_count": 9},
        ),
    ],
    ids=str,
)
def test_the_text_is_gensims(
    call: Call,
    text: str,
    lines: list[str],
    arguments: list[str],
    passes: int,
    options: dict[str, Any],
) -> None:
    expected = by_gensim(lines, passes, **options)
    status, out, err = call("phrases", text, "-o", "joined.txt", *arguments)
    assert (status, err) == (0, "")
    assert "text     joined.txt\n" in out
    written = Path("joined.txt").read_text("utf-8")
    assert written == "".join(" ".join(words) + "\n" for words in expected)
    delimiter = options.get("delimiter", "_")
    joined = {word for words in expected for word in words if delimiter in word}
    assert joined
    # What is listed is what may be joined.
    found = json.loads(call("phrases", text, "--top=1000", "--json", *arguments).out)
    assert joined <= {phrase["phrase"] for phrase in found["top"]}


def test_the_pieces_of_a_long_text_fit_together(lines: list[str]) -> None:
    sentences = [line.split() for line in lines[:50]]
    for chunk in (1, 7, 1 << 20):
        with count_sentences(sentences, chunk=chunk) as text:
            assert "".join(_lines(text.raw)) == "".join(f"{line}\n" for line in lines[:50])
    with count_sentences([]) as text:
        assert "".join(_lines(text.raw)) == ""


@pytest.mark.parametrize("passes", [1, 2])
def test_training_finds_the_same(call: Call, text: str, passes: int) -> None:
    quick = ("--vector-size=4", "--epochs=1", "--quiet")
    assert call("phrases", text, "-o", "joined.txt", "--phrases", passes).status == 0
    assert call("train", "joined.txt", "-o", "a", *quick) == (0, "", "")
    assert call("train", text, "-o", "b", "--phrases", passes, *quick) == (0, "", "")
    models = [Path(name, "vectors.safetensors").read_bytes() for name in "ab"]
    assert models[0] == models[1]
    words = [json.loads(Path(name, "vocabulary.json").read_bytes()) for name in "ab"]
    assert words[0] == words[1]
    assert "New_York" in words[0]["words"]


def test_what_is_listed(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores worked out by hand: (count - 1) * 8 distinct words and pairs / the words' counts."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("a b\n" * 4 + "c d\n" * 3 + "a c\n")
    options = ("--phrase-min-count=1", "--phrase-threshold=0.1")
    scores = {"a_b": (4, 3 * 7 / (5 * 4)), "c_d": (3, 2 * 7 / (4 * 3))}
    status, out, err = call("phrases", "text.txt", "--list", "list.tsv", *options)
    assert (status, err) == (0, "")
    assert out == (
        "phrases  2 distinct phrases\n"
        "list     list.tsv\n"
        "\n"
        "phrase  count  score\n"
        f"c_d         3  {scores['c_d'][1]:.4g}\n"
        f"a_b         4   {scores['a_b'][1]:.4g}\n"
    )
    assert Path("list.tsv").read_text() == (
        f"phrase\tcount\tscore\nc_d\t3\t{scores['c_d'][1]:.6g}\na_b\t4\t{scores['a_b'][1]:.6g}\n"
    )
    status, out, _ = call("phrases", "text.txt", "--json", "--top=1", *options)
    assert status == 0
    first = {"phrase": "c_d", "count": 3, "score": pytest.approx(scores["c_d"][1])}
    assert json.loads(out) == {"phrases": 2, "top": [first]}
    status, out, _ = call("phrases", "text.txt")
    assert (status, out) == (0, "phrases  0 distinct phrases\n")


def test_connector_words_of_a_file(call: Call, text: str) -> None:
    Path("small").write_text("of\n")
    status, out, _ = call("phrases", text, "--connector-words=small", "--json")
    assert status == 0
    found = {phrase["phrase"] for phrase in json.loads(out)["top"]}
    assert "bank_of_America" in found
    assert "of_America" not in found


def test_files_that_are_there(call: Call, text: str) -> None:
    Path("old").write_text("mine")
    for option in ("-o", "--list"):
        # (The text does not exist: it is looked at first.)
        status, out, err = call("phrases", "nothing.txt", option, "old")
        assert (status, out) == (1, "")
        assert err == "xw2v: error: old exists already; choose another name or use --overwrite\n"
        assert Path("old").read_text() == "mine"
    assert call("phrases", text, "-o", "old", "--overwrite").status == 0
    assert Path("old").read_text("utf-8").count("\n") == 400
    status, _, err = call("phrases", "nothing.txt", "--list", "none/list")
    assert status == 1
    assert err == "xw2v: error: cannot write none/list: No such file or directory\n"


def test_the_built_in_corpus(call: Call, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [["new", "york", str(number)] for number in range(20)]
    monkeypatch.setattr("xw2v.cli.reading.builtin_sentences", lambda: iter(sentences))
    status, _, err = call("phrases", "--phrase-threshold=1", "-o", "joined.txt")
    assert (status, err) == (0, "")
    assert Path("joined.txt").read_text() == "".join(f"new_york {n}\n" for n in range(20))
    status, _, err = call("phrases", "--strip-punctuation")
    assert status == 2
    assert "--strip-punctuation needs a text: name one" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--phrases=0"], "Invalid value for '--phrases': 0 is not in the range x>=1."),
        (["--phrase-threshold=0"], "--phrase-threshold must be above 0 for --phrase-scoring"),
        (["--unk=x"], "No such option '--unk'"),
    ],
)
def test_options_that_cannot_work(call: Call, options: list[str], message: str) -> None:
    status, out, err = call("phrases", "nothing.txt", *options)
    assert (status, out) == (2, "")
    assert err.startswith(f"xw2v: error: {message}")

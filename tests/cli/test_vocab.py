"""`xw2v vocab`."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome
from xw2v.formats import load_model

Call = Callable[..., Outcome]

COUNTS = {"the": 30, "cat": 12, "Dog": 6, "dog": 5, "mouse": 4, "rat": 2, "newt": 1}


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    words = [word for word, count in COUNTS.items() for _ in range(count)]
    # Words in turns: their first appearances come in the order of the table.
    rows = [" ".join(list(COUNTS)), *words[1:2]]
    rest = Counter(words) - Counter(" ".join(rows).split())
    Path("text.txt").write_text("\n".join([*rows, " ".join(rest.elements())]))
    return "text.txt"


def words_of(call: Call, *arguments: object) -> dict[str, int]:
    """Return the words that would be kept, by what -o writes."""
    status, _, err = call("vocab", *arguments, "-o", "words.tsv", "--overwrite", "--json")
    assert (status, err) == (0, "")
    lines = Path("words.tsv").read_text("utf-8").splitlines()
    return {word: int(count) for word, count in (line.split("\t") for line in lines)}


def test_the_table(call: Call, text: str) -> None:
    status, out, err = call("vocab", text, "--top", 3)
    assert (status, err) == (0, "")
    assert out == (
        "words     60\n"
        "distinct  7\n"
        "kept      4 distinct words, 53 in all\n"
        "\n"
        "--min-count  distinct words  of the text\n"
        "          1               7       100.0%\n"
        "          2               6        98.3%\n"
        "          3               5        95.0%\n"
        "          5               4        88.3%\n"
        "         10               2        70.0%\n"
        "         20               1        50.0%\n"
        "\n"
        "word  count\n"
        "the      30\n"
        "cat      12\n"
        "Dog       6\n"
    )
    assert call("vocab", text, "--top", 0).out == out[: out.index("\nword")]


def test_json(call: Call, text: str) -> None:
    status, out, err = call("vocab", text, "--json", "--min-count=6", "--top=2")
    assert (status, err) == (0, "")
    shares = {1: 60, 2: 59, 3: 57, 5: 53, 10: 42, 20: 30}
    distinct = {1: 7, 2: 6, 3: 5, 5: 4, 10: 2, 20: 1}
    assert json.loads(out) == {
        "words": 60,
        "distinct_words": 7,
        "kept_distinct_words": 3,
        "kept_words": 48,
        "by_min_count": [
            {"min_count": least, "distinct_words": distinct[least], "share": shares[least] / 60}
            for least in shares
        ],
        "top": [{"word": "the", "count": 30}, {"word": "cat", "count": 12}],
    }


def test_a_text_without_words(call: Call, text: str) -> None:
    Path("empty.txt").touch()
    status, out, err = call("vocab", "empty.txt")
    assert (status, err) == (0, "")
    assert out.startswith("words     0\ndistinct  0\nkept      0 distinct words, 0 in all\n")


def test_which_words_are_kept(call: Call, text: str) -> None:
    Path("some").write_text("newt\nrat\nbird\n")
    assert words_of(call, text) == {"the": 30, "cat": 12, "Dog": 6, "dog": 5}
    assert words_of(call, text, "--lowercase") == {"the": 30, "cat": 12, "dog": 11}
    assert words_of(call, text, "--min-count=1") == COUNTS
    assert words_of(call, text, "--max-final-vocab=2") == {"the": 30, "cat": 12}
    assert words_of(call, text, "--vocab=some") == {"rat": 2, "newt": 1}
    kept = {"the": 30, "cat": 12, "Dog": 6, "dog": 5, "rat": 2, "newt": 1}
    assert words_of(call, text, "--keep-words=some") == kept
    assert words_of(call, text, "--keep-words=some", "--max-final-vocab=3") == {
        "the": 30,
        "rat": 2,
        "newt": 1,
    }
    kept = {"the": 30, "cat": 12, "<unk>": 7, "Dog": 6, "dog": 5}
    assert words_of(call, text, "--unk=<unk>") == kept
    Path("stop").write_text("the\nmouse\n")
    assert words_of(call, text, "--unk=<unk>", "--stop-words=stop") == {
        "cat": 12,
        "Dog": 6,
        "dog": 5,
        "<unk>": 3,
    }
    letters = Counter("".join(word * count for word, count in COUNTS.items()).replace("D", ""))
    many = {letter: count for letter, count in letters.items() if count >= 20}
    assert words_of(call, text, "--token-pattern=[a-z]", "--min-count=20") == many


def test_there_and_back(call: Call, text: str) -> None:
    status, out, _ = call("vocab", text, "--min-count=4", "-o", "words.tsv")
    assert status == 0
    assert "written   words.tsv\n" in out
    lines = Path("words.tsv").read_text().splitlines()
    assert lines == ["the\t30", "cat\t12", "Dog\t6", "dog\t5", "mouse\t4"]
    # Edited: a word less, and one that the text has not.
    Path("words.tsv").write_text("\n".join([*lines[1:], "bird\t9"]))
    quick = ("--vector-size=4", "--epochs=1", "--quiet")
    assert call("train", text, "--vocab=words.tsv", "-o", "m", *quick) == (0, "", "")
    assert load_model("m").words == ("cat", "Dog", "dog", "mouse")


def test_a_file_that_is_there(call: Call, text: str) -> None:
    Path("words.tsv").write_text("mine")
    # (The text does not exist: it is looked at first.)
    status, out, err = call("vocab", "nothing.txt", "-o", "words.tsv")
    assert (status, out) == (1, "")
    assert err == (
        "xw2v: error: words.tsv exists already; choose another name or use --overwrite\n"
    )
    assert Path("words.tsv").read_text() == "mine"
    assert call("vocab", text, "-o", "words.tsv", "--overwrite").status == 0
    assert Path("words.tsv").read_text() == "the\t30\ncat\t12\nDog\t6\ndog\t5\n"
    status, _, err = call("vocab", "nothing.txt", "-o", "none/words.tsv")
    assert status == 1
    assert err == "xw2v: error: cannot write none/words.tsv: No such file or directory\n"


def test_an_encoded_corpus_and_a_model(call: Call, text: str) -> None:
    expected = {"the": 30, "cat": 12, "Dog": 6, "dog": 5}
    call("encode", text, "-o", "corpus", "--quiet")
    assert words_of(call, "corpus") == expected
    call("train", "corpus", "-o", "model", "--quiet", "--vector-size=4", "--epochs=1")
    assert words_of(call, "model") == expected
    status, out, _ = call("vocab", "model")
    assert status == 0
    assert out.startswith("words     53\ndistinct  4\nkept      4 distinct words, 53 in all\n")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["corpus", "--lowercase"], "--lowercase"),
        (["text.txt", "corpus"], "everything else"),
        (["corpus", "--min-count=9"], "--min-count"),
    ],
    ids=str,
)
def test_words_that_are_settled(call: Call, text: str, arguments: list[str], named: str) -> None:
    call("encode", text, "-o", "corpus", "--quiet")
    status, out, err = call("vocab", *arguments)
    assert (status, out) == (2, "")
    assert err == f"xw2v: error: the words of corpus are settled: leave out {named}\n"


def test_the_built_in_corpus(call: Call, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [["file", "error"], ["file"]]
    monkeypatch.setattr("xw2v.cli.reading.builtin_sentences", lambda: iter(sentences))
    assert words_of(call, "--min-count=1") == {"file": 2, "error": 1}

"""`xw2v encode`, and training from what it made."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Outcome, environment, topic_sentences
from xw2v.formats import load_model
from xw2v.text.store import FILES, load_encoded, read_notes

Call = Callable[..., Outcome]

QUICK = ("--vector-size=4", "--epochs=1", "--quiet")
LATIN = "[a-z]+"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences with capitals, punctuation, a phrase and words of all frequencies."""
    draw = random.Random(3)  # not for secrets
    lines = []
    for number, sentence in enumerate(topic_sentences(300)):
        words = sentence.split()
        words[draw.randrange(10)] = draw.choice(["New York", "the", "The", f"rare{number % 60}"])
        lines.append(f"{' '.join(words).capitalize()}. {' '.join(words[:4])}! (so)")
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def encoded(call: Call, text: Path, tmp_path: Path) -> Path:
    path = tmp_path / "encoded"
    assert call("encode", text, "-o", path, "--quiet") == (0, "", "")
    return path


def vectors(model: Path) -> bytes:
    return (model / "vectors.safetensors").read_bytes()


def words(model: Path) -> dict[str, int]:
    saved = load_model(model)
    return dict(zip(saved.words, saved.counts.tolist(), strict=True))


OPTION_SETS = {
    "none": [],
    "lowercase and a pattern": ["--lowercase", "--token-pattern", LATIN],
    "phrases": ["--phrases=2", "--phrase-threshold=2", "--strip-punctuation"],
    "unk": ["--unk", "<unk>", "--min-count=8"],
    "stop words": ["--stop-words", "WORDS", "--lowercase", "--sample=0.01"],
    "documents": ["--sentence-ends=document", "--max-final-vocab=30"],
    "punctuation": ["--sentence-ends=punctuation", "--normalize=NFKC", "--max-vocab-size=50"],
    "vocab": ["--vocab", "WORDS"],
}


SLOW = ("stop words", "documents", "punctuation", "vocab")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, id=name, marks=[pytest.mark.slow] * (name in SLOW))
        for name, options in OPTION_SETS.items()
    ],
)
def test_training_from_it_is_training_from_the_text(
    call: Call, text: Path, tmp_path: Path, options: list[str]
) -> None:
    (tmp_path / "words.txt").write_text("the\nfile\ngold\nlake\n")
    options = [str(tmp_path / "words.txt") if each == "WORDS" else each for each in options]
    of_training = [each for each in options if each.startswith("--sample")]
    of_text = [each for each in options if each not in of_training]
    assert call("train", text, "-o", tmp_path / "a", *options, *QUICK) == (0, "", "")
    assert call("encode", text, "-o", tmp_path / "c", *of_text, "--quiet") == (0, "", "")
    outcome = call("train", tmp_path / "c", "-o", tmp_path / "b", *of_training, *QUICK)
    assert outcome == (0, "", "")
    assert vectors(tmp_path / "a") == vectors(tmp_path / "b")
    assert words(tmp_path / "a") == words(tmp_path / "b")
    first, second = load_model(tmp_path / "a"), load_model(tmp_path / "b")
    assert first.config == second.config
    changing = ("source", "encoded_from", "reading_seconds", "training_seconds")
    told = [{k: v for k, v in m.corpus.items() if k not in changing} for m in (first, second)]
    assert told[0] == told[1]
    assert second.corpus["source"] == str(tmp_path / "c")
    assert second.corpus["encoded_from"] == first.corpus["source"] == [str(text)]


def test_what_it_says(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    status, printed, err = call("encode", text, "-o", out, "--no-cache")
    assert status == 0
    counts = Counter(text.read_text("utf-8").split())
    kept = [count for count in counts.values() if count >= 5]
    lines = err.splitlines()
    assert lines[0] == f"text: {text}"
    assert lines[1].startswith(f"read: {counts.total():,} words in ")
    assert lines[2] == f"kept: {sum(kept):,} words in 300 sentences, vocabulary {len(kept)}"
    size = sum((out / name).stat().st_size for name in FILES)
    assert printed == (
        f"vocabulary  {len(kept)} words\ncorpus      {out}, {size / 1000:.1f}kB\n\n"
        f"Now try:  xw2v train {out}\n"
    )
    assert {path.name for path in out.iterdir()} == set(FILES)
    notes = read_notes(out)
    assert notes.options["source"] == [str(text)]
    assert (notes.options["min_count"], notes.options["max_final_vocab"]) == (5, None)
    ids = np.load(out / "ids.npy", mmap_mode="r")
    assert ids.dtype == np.int32
    assert len(ids) == sum(kept)
    assert len(json.loads((out / "vocabulary.json").read_bytes())["words"]) == len(kept)


def test_training_says_where_the_corpus_came_from(
    call: Call, encoded: Path, tmp_path: Path
) -> None:
    status, _, err = call("train", encoded, "-o", tmp_path / "m", *QUICK[:-1])
    assert status == 0
    assert err.splitlines()[0] == f"text: {encoded}"
    assert err.splitlines()[1].endswith(" s, from an encoded corpus")


@pytest.mark.parametrize(
    "options",
    [["--min-count=10"], ["--max-final-vocab=20"], ["--min-count=8", "--max-final-vocab=50"]],
    ids=str,
)
def test_fewer_words(
    call: Call, text: Path, encoded: Path, tmp_path: Path, options: list[str]
) -> None:
    assert call("train", text, "-o", tmp_path / "a", *options, *QUICK).status == 0
    assert call("train", encoded, "-o", tmp_path / "b", *options, *QUICK) == (0, "", "")
    assert vectors(tmp_path / "a") == vectors(tmp_path / "b")
    assert words(tmp_path / "a") == words(tmp_path / "b")
    assert load_model(tmp_path / "a").config == load_model(tmp_path / "b").config
    # An encoded corpus may be encoded again, with fewer words.
    assert call("encode", encoded, "-o", tmp_path / "c", *options, "--quiet") == (0, "", "")
    assert call("encode", text, "-o", tmp_path / "d", *options, "--quiet") == (0, "", "")
    for name in set(FILES) - {"corpus.json"}:
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "d" / name).read_bytes()
    of_c, of_d = read_notes(tmp_path / "c").options, read_notes(tmp_path / "d").options
    assert of_c["encoded_from"] == of_d["source"] == [str(text)]
    for name in ("min_count", "max_final_vocab"):
        assert of_c[name] == of_d[name]


def test_words_that_are_not_in_it(call: Call, text: Path, encoded: Path, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "m", *QUICK)
    status, _, err = call("train", encoded, "--min-count", 3, *output)
    assert status == 1
    assert err == (
        f"xw2v: error: {encoded} was encoded with --min-count 5, so rarer words are not in it: "
        "encode the text again with --min-count 3\n"
    )
    limited = tmp_path / "limited"
    call("encode", text, "-o", limited, "--max-final-vocab=20")
    assert call("train", limited, "--max-final-vocab=20", *output).status == 0
    status, _, err = call("train", limited, "--max-final-vocab=21", "--overwrite", *output)
    assert status == 1
    assert "was encoded with --max-final-vocab 20, so other words are not in it" in err
    kept = len(load_encoded(encoded).vocabulary)
    status, _, err = call("train", encoded, "--min-count", 10**6, "--overwrite", *output)
    assert status == 1
    assert f"none of the {kept} distinct words in {encoded} occurs 1,000,000 times" in err


@pytest.mark.parametrize("option", [("--vocab", "w"), ("--keep-words", "w"), ("--unk", "<unk>")])
def test_words_that_are_settled(
    call: Call, text: Path, tmp_path: Path, option: tuple[str, str]
) -> None:
    name, value = option
    (tmp_path / "w").write_text("gold\nlake\nrare1\n")
    value = str(tmp_path / "w") if value == "w" else value
    assert call("encode", text, name, value, "-o", tmp_path / "c").status == 0
    status, _, err = call("train", tmp_path / "c", "--min-count=9", "-o", tmp_path / "m")
    assert status == 1
    assert f"was encoded with {name}, so its words are settled: leave out --min-count" in err
    assert call("train", tmp_path / "c", "--min-count=5", "-o", tmp_path / "m", *QUICK).status == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--lowercase"], "--lowercase"),
        (["--column=text"], "--column"),
        (["--phrases=1"], "--phrases"),
        (["--stop-words", "words"], "--stop-words"),
    ],
)
def test_its_words_are_settled(
    call: Call,
    encoded: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words").write_text("a\nb\n")
    for command in ("train", "encode"):
        status, out, err = call(command, encoded, *options)
        assert (status, out) == (2, "")
        assert err == (
            f"xw2v: error: {encoded} is an encoded corpus, whose words are settled: leave out "
            f"{named}, or encode the text again with it\n"
        )


def test_it_is_taken_alone(call: Call, encoded: Path, text: Path) -> None:
    status, _, err = call("train", text, encoded)
    assert status == 2
    assert f"{encoded} is an encoded corpus, which can only be taken alone" in err
    status, _, err = call("phrases", encoded)
    assert status == 1
    assert f"{encoded} is an encoded corpus, not text" in err


def test_overwrite(call: Call, text: Path, encoded: Path, tmp_path: Path) -> None:
    before = (encoded / "corpus.json").read_bytes()
    status, _, err = call("encode", "nothing.txt", "-o", encoded)
    assert status == 1
    assert err.startswith(f"xw2v: error: {encoded} holds a corpus already; ")
    assert (encoded / "corpus.json").read_bytes() == before
    assert call("encode", text, "--lowercase", "-o", encoded, "--overwrite").status == 0
    assert load_encoded(encoded).options["lowercase"] is True
    status, _, err = call("encode", text, "-o", tmp_path, "--overwrite")
    assert status == 1
    assert f"{tmp_path} is a directory, but no xw2v corpus" in err


@pytest.mark.parametrize("name", FILES)
def test_damage(call: Call, encoded: Path, tmp_path: Path, name: str) -> None:
    path = encoded / name
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    status, _, err = call("train", encoded, "-o", tmp_path / "m", "--quiet")
    assert status == 1
    assert err.startswith(f"xw2v: error: {path} is damaged: ")
    assert err.count("\n") == 1
    path.unlink()
    status, _, err = call("train", encoded, "-o", tmp_path / "m", "--quiet")
    assert status == 1
    assert str(path) in err or name == "corpus.json"
    assert err.startswith("xw2v: error: ")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("command", ["train", "encode", "phrases"])
def test_a_model_is_no_text(call: Call, model: Path, text: Path, command: str) -> None:
    status, out, err = call(command, text, model)
    assert (status, out) == (1, "")
    assert err == (
        f"xw2v: error: {model} is a model, not text; name the text to read, or an encoded corpus\n"
    )


def test_the_built_in_corpus(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [line.split() for line in topic_sentences(200)]
    monkeypatch.setattr("xw2v.cli.reading.builtin_sentences", lambda: iter(sentences))
    options = ("--unk", "<unk>", "--max-final-vocab=9")
    assert call("encode", "-o", tmp_path / "c", "--quiet", *options) == (0, "", "")
    assert call("train", tmp_path / "c", "-o", tmp_path / "a", *QUICK) == (0, "", "")
    assert call("train", "-o", tmp_path / "b", *options, *QUICK) == (0, "", "")
    assert vectors(tmp_path / "a") == vectors(tmp_path / "b")
    status, _, err = call("encode", "--lowercase", "-o", tmp_path / "d")
    assert status == 2
    assert "--lowercase needs a text: name one, as the built-in corpus is words" in err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_interrupt(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "xw2v", "encode", "-", "-o", "corpus"],
        cwd=tmp_path,
        env={**environment(), "TMPDIR": str(scratch)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        try:
            # More than is held in memory. As the pipe holds little, most of it has been read.
            for number in range(45):
                process.stdin.write(b"%d a b\n" % number * 35_000)
            process.stdin.flush()
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err.decode().split() == ["text:", "-", "xw2v:", "interrupted"]
    assert list(tmp_path.iterdir()) == [scratch]
    assert list(scratch.iterdir()) == []

"""The dialogue of `xw2v query`, typed into a pipe in place of a terminal."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.cli.conftest import environment
from xw2v.cli.shell import (
    HELP,
    QuietHistory,
    WordCompleter,
    answer_line,
    history_path,
    make_session,
    run_shell,
)
from xw2v.errors import ConfigError, UnknownWordError
from xw2v.vectors import WordVectors

Typed = Callable[..., None]

WORDS = ["man", "king", "woman", "queen", "the", "help", "-", "-ed", "König"]


@pytest.fixture
def wv() -> WordVectors:
    rows = np.random.default_rng(1).standard_normal((len(WORDS), 5))
    return WordVectors(WORDS, rows)


@pytest.fixture
def typed(wv: WordVectors, tmp_path: Path) -> Typed:
    """Hold the dialogue with somebody who types a text."""

    def typed(text: str, history: Path = tmp_path / "state" / "history", **options: bool) -> None:
        with (
            create_pipe_input() as keys,
            create_app_session(input=keys, output=DummyOutput()),
        ):
            keys.send_text(text)
            run_shell(wv, topn=2, history=history, **options)

    return typed


# The language


def neighbors(wv: WordVectors, line: str) -> tuple[list[str], list[str]]:
    record = answer_line(wv, line.split(), 3).record
    expected = wv.most_similar(record["positive"], record["negative"], topn=3)
    assert [(n["word"], n["similarity"]) for n in record["neighbors"]] == expected
    return record["positive"], record["negative"]


@pytest.mark.parametrize(
    ("line", "positive", "negative"),
    [
        ("king", ["king"], []),
        ("help", ["help"], []),
        ("+ help", ["help"], []),
        ("+help", ["help"], []),
        ("-", ["-"], []),
        ("-ed", ["-ed"], []),
        ("king - man + woman", ["king", "woman"], ["man"]),
        ("king -man +woman", ["king", "woman"], ["man"]),
        ("- man", [], ["man"]),
        ("king + -ed", ["king", "-ed"], []),
    ],
)
def test_neighbors(wv: WordVectors, line: str, positive: list[str], negative: list[str]) -> None:
    assert neighbors(wv, line) == (positive, negative)


def test_two_words_and_more(wv: WordVectors) -> None:
    assert answer_line(wv, ["king", "queen"]).record == {
        "words": ["king", "queen"],
        "similarity": wv.similarity("king", "queen"),
    }
    words = ["king", "queen", "the", "man"]
    assert answer_line(wv, words).record == {
        "words": words,
        "doesnt_match": wv.doesnt_match(words),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("king -", "a word is missing after -"),
        ("king + - man", "a word is missing between + and -"),
        ("king man - woman", "+ or - is missing between king and man"),
        ("+", "a word is missing after +"),
    ],
)
def test_lines_that_are_no_questions(wv: WordVectors, line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        answer_line(wv, line.split())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "line", ["kinng", "king kinng", "king man kinng", "king - kinng", "+kinng"]
)
def test_unknown_words(wv: WordVectors, line: str) -> None:
    with pytest.raises(UnknownWordError, match="did you mean king"):
        answer_line(wv, line.split())


# Completion


def test_completion(wv: WordVectors) -> None:
    completer = WordCompleter(WORDS)
    assert completer.matches("") == []
    assert completer.matches("k") == ["king", "König"]
    assert completer.matches("KÖ") == ["König"]
    assert completer.matches("queens") == []

    def completed(text: str) -> list[str]:
        found = completer.get_completions(Document(text), None)  # type: ignore[arg-type]
        return [text[: len(text) + c.start_position] + c.text for c in found]

    assert completed("king - wo") == ["king - woman"]
    assert completed("king -wo") == ["king -woman"]
    assert completed("-") == ["-", "-ed"]
    assert completed("king ") == []


def test_the_most_frequent_words_complete_first() -> None:
    words = [f"w{i}" for i in np.random.default_rng(2).permutation(1000)]
    assert WordCompleter(words).matches("w") == words[:50]


def test_completion_is_quick() -> None:
    completer = WordCompleter([f"w{i % 977}x{i}" for i in range(400_000)])
    completer.matches("w")
    start = time.perf_counter()
    assert len(completer.matches("w")) == 50
    assert len(completer.matches("w12x")) == 50
    assert time.perf_counter() - start < 0.5  # thirty times what it takes


# The dialogue


def test_questions_and_answers(
    typed: Typed, wv: WordVectors, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("king queen\n\n  king  \nkinng\nking -\nquit\nman\n")
    out, err = capsys.readouterr()
    greeting, similarity, *table = out.splitlines()
    assert greeting == "9 words, 5 dimensions; type a word, help or quit"
    assert similarity == f"{wv.similarity('king', 'queen'):.4f}"
    assert [line.split()[0] for line in table] == [w for w, _ in wv.most_similar("king", topn=2)]
    assert err == (
        "'kinng' is not in the vocabulary; did you mean king?\na word is missing after -\n"
    )


def test_help_and_the_end_of_the_input(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed("help\n\x04")
    assert HELP in capsys.readouterr().out


def test_an_interrupt_drops_the_line(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed("kin\x03man queen\nexit\n")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err == ""


def test_a_word_is_completed(tmp_path: Path) -> None:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        session = make_session(WORDS, tmp_path / "history")

        def type_on() -> None:
            """Press Enter when the word is complete, or after a while."""
            for _ in range(500):
                if session.default_buffer.text == "man queen":
                    break
                time.sleep(0.01)
            keys.send_text("\n")

        keys.send_text("man quee\t")
        typist = threading.Thread(target=type_on)
        typist.start()
        assert session.prompt() == "man queen"
        typist.join()


def test_answers_as_json(typed: Typed, wv: WordVectors, capsys: pytest.CaptureFixture[str]) -> None:
    typed("man queen\nhelp\nking\nquit\n", as_json=True)
    out, err = capsys.readouterr()
    first, second = map(json.loads, out.splitlines())
    assert first == {"words": ["man", "queen"], "similarity": wv.similarity("man", "queen")}
    assert second["positive"] == ["king"]
    assert "9 words" in err
    assert HELP in err


def test_lines_are_kept(typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed("man queen\nking\nquit\n")
    path = tmp_path / "state" / "history"
    assert list(QuietHistory(str(path)).load_history_strings()) == ["quit", "king", "man queen"]
    before = capsys.readouterr().out
    typed("\x1b[A\x1b[A\x1b[A\nquit\n")  # three times up
    assert capsys.readouterr().out.splitlines()[1] == before.splitlines()[1]


def test_a_history_that_cannot_be_written(
    typed: Typed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "history"):
        typed("man queen\nquit\n", history=path)
        out, err = capsys.readouterr()
        assert len(out.splitlines()) == 2
        assert err == ""


def test_where_lines_are_kept() -> None:
    assert history_path().name == "query_history"
    assert "xw2v" in history_path().parts


def test_on_a_terminal(model: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals")
    controller, terminal = pty.openpty()
    variables = {
        **environment(),
        "TERM": "xterm",
        "COLUMNS": "100",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "xw2v", "query", str(model)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=variables,
    ) as process:
        os.close(terminal)
        shown = b""
        while b"xw2v>" not in shown and select.select([controller], [], [], 60)[0]:
            shown += read(controller)
        os.write(controller, b"apple pear\rnikel\rquit\r")
        while data := read(controller):
            shown += data
    os.close(controller)
    assert process.returncode == 0
    text = shown.decode()
    assert "24 words, 8 dimensions" in text
    assert "'nikel' is not in the vocabulary; did you mean nickel?" in text


def read(controller: int) -> bytes:
    try:
        return os.read(controller, 1 << 16)
    except OSError:  # the way Linux says that this was all
        return b""

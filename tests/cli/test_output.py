"""Tables, numbers and progress."""

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import environment
from xw2v.cli.output import (
    check_new_file,
    compact,
    count,
    is_terminal,
    json_document,
    print_facts,
    print_json,
    print_json_line,
    print_table,
    printable,
)
from xw2v.cli.progress import Display
from xw2v.errors import CorpusError
from xw2v.text import ReadProgress
from xw2v.training import Progress


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7.4, "7"),
        (999, "999"),
        (999.6, "1.00k"),
        (1234, "1.23k"),
        (98_700, "98.7k"),
        (99_960, "100k"),
        (987_000, "987k"),
        (999_600, "1.00M"),
        (1_234_567, "1.23M"),
        (17_000_000, "17.0M"),
        (2.5e9, "2.50G"),
        (2.5e12, "2500G"),
    ],
)
def test_compact(number: float, text: str) -> None:
    assert compact(number) == text


def test_count() -> None:
    assert [count(number, "word") for number in (0, 1, 1234)] == [
        "0 words",
        "1 word",
        "1,234 words",
    ]


def test_a_table_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["word", ">n"], [["東京", "1"], ["\x1b[31mred", "23"]])
    print_table(["", ">"], [["a", "1"], ["[b]", "23"]])
    assert capsys.readouterr().out == (
        "word          n\n東京          1\n\\x1b[31mred  23\na     1\n[b]  23\n"
    )


def test_facts(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"a": "1", "long": "\x1b2"})
    print_facts({})
    assert capsys.readouterr().out == "a     1\nlong  \\x1b2\n"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [math.nan, 1.5, (math.inf,)], "b": {"c": "é"}})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [None, 1.5, [None]], "b": {"c": "é"}}


def test_json_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json_line({"a": [math.nan, {"b": "é\n"}]})
    assert capsys.readouterr().out == '{"a": [null, {"b": "é\\n"}]}\n'
    assert json_document({"a": "é"}, None, ascii=True) == '{"a": "\\u00e9"}'


def test_no_terminal_and_no_control_characters() -> None:
    assert not is_terminal()
    assert printable("a\tb\x9b") == "a\\x09b\\x9b"


def test_json_where_the_output_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"a": "é", "b": "\N{GRINNING FACE}"}
    for encoding in ("ascii", "latin-1", "utf-8"):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
        print_json(document)
        assert json.loads(written.getvalue().decode()) == document
        assert ("é".encode() in written.getvalue()) == (encoding == "utf-8")


def test_files_that_may_be_written(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    check_new_file(tmp_path / "new", overwrite=False)
    check_new_file(tmp_path / "old", overwrite=True)
    with pytest.raises(CorpusError, match="old exists already; choose another name or use --over"):
        check_new_file(tmp_path / "old", overwrite=False)
    with pytest.raises(CorpusError, match=r"cannot write .*new: No such file or directory"):
        check_new_file(tmp_path / "none" / "new", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="there is no /dev/null")
def test_devices_may_be_written() -> None:
    check_new_file(Path("/dev/null"), overwrite=False)


def test_lines_at_intervals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("xw2v.cli.progress.time.monotonic", lambda: now)
    display = Display(quiet=False)
    with display.reading() as on_read:
        for now in range(26):
            on_read(ReadProgress(now * 1_000_000, 40_000_000, now * 120_000, now))
    with display.reading() as on_read:  # of unknown size
        for now in range(25, 36):
            on_read(ReadProgress(now - 25, None, 5, 0.0))
    with display.training(epochs=2) as on_batch:
        for now in range(35, 61):
            words = (now - 35) * 4_000
            epoch = words // 50_000 + 1
            on_batch(Progress(words, 100_000, min(epoch, 2), 0.02, 2.5, now - 35.0))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "reading: 25%, 10.0MB, 1.20M words, 120k words/s, 0:30 left",
        "reading: 50%, 20.0MB, 2.40M words, 120k words/s, 0:20 left",
        "reading: 10B, 5 words",
        "training: 40.0%, epoch 1/2, 4.00k words/s, alpha 0.0200, loss 2.500, 0:15 left",
        "training: 80.0%, epoch 2/2, 4.00k words/s, alpha 0.0200, loss 2.500, 0:05 left",
        "training: 100.0%, epoch 2/2, 4.00k words/s, alpha 0.0200, loss 2.500, 0:25 taken",
    ]


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(quiet=True)
    display.say("hello")
    with display.reading() as on_read:
        on_read(ReadProgress(5, 5, 1, 0.1))
    with display.training(epochs=1) as on_batch:
        on_batch(Progress(10, 10, 1, 0.1, None, 3700.0))
    assert capsys.readouterr() == ("", "")


def test_a_bar_and_a_drawn_table_on_a_terminal(corpus: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals")
    controller, terminal = pty.openpty()
    variables = {**environment(), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "xw2v", "train", str(corpus), "-o", str(tmp_path / "m")]
    with subprocess.Popen(
        [*command, "--vector-size", "4"], stdout=terminal, stderr=terminal, env=variables
    ) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                data = os.read(controller, 1 << 16)
            except OSError:  # the way Linux says that this was all
                break
            if not data:
                break
            shown += data
    os.close(controller)
    assert process.returncode == 0
    text = shown.decode()
    assert "\x1b[" in text
    assert "━" in text
    assert "epoch 5/5" in text
    assert "100%" in text
    assert " words/s  alpha 0.0001  loss " in text
    assert "training: " not in text
    assert "Now try:" in text

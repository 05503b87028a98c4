"""Pictures: what the command writes, and what it says if it cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import TOPICS, Outcome
from xw2v.cli.app import cli
from xw2v.cli.plot import plot
from xw2v.formats import load_model, load_word_vectors
from xw2v.plots import heatmap_figure, loss_figure, map_figure, norms_figure, render

Call = Callable[..., Outcome]

WORDS = [*TOPICS["fruit"], *TOPICS["наука"]]


@pytest.fixture(autouse=True)
def is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.commands, "plot", plot)


def test_loss(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "loss.svg"
    assert call("plot", "loss", model, "-o", path) == (0, f"{path}\n", "")
    assert path.read_bytes() == render(loss_figure(load_model(model).loss_history), "svg")


def test_norms(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "norms.png"
    assert call("plot", "norms", model, "apple", "--out", path) == (0, f"{path}\n", "")
    assert path.read_bytes() == render(norms_figure(load_word_vectors(model), ["apple"]))


def test_map(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.pdf"
    options = ("--words", 20, "--labels", 9, "--vectors", "output")
    assert call("plot", "map", model, "-o", path, *options) == (0, f"{path}\n", "")
    wv = load_word_vectors(model, "output")
    assert path.read_bytes() == render(map_figure(wv, n_words=20, labels=9), "pdf")
    assert call("plot", "map", model, *WORDS, "-o", path, "--overwrite").status == 0
    expected = map_figure(load_word_vectors(model), WORDS)
    assert path.read_bytes() == render(expected, "pdf")


def test_heatmap(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "heat.png"
    assert call("plot", "heatmap", model, *WORDS, "-o", path) == (0, f"{path}\n", "")
    assert path.read_bytes() == render(heatmap_figure(load_word_vectors(model), WORDS))


def test_files_that_are_there_stay(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("mine")
    status, out, err = call("plot", "loss", model, "-o", path)
    assert (status, out) == (1, "")
    expected = f"{path} exists already; choose another name or use --overwrite"
    assert err == f"xw2v: error: {expected}\n"
    assert path.read_text() == "mine"
    assert call("plot", "loss", model, "-o", path, "--overwrite").status == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("loss", "MODEL", "-o", "x.jpg"), 2, "must end in .png, .svg or .pdf, not '"),
        (("loss", "MODEL"), 2, "Missing option '-o' / '--out'"),
        (("loss", "nowhere", "-o", "x.png"), 1, "nowhere"),
        (("loss", "MODEL", "-o", "missing/x.png"), 1, "cannot write"),
        (("norms", "MODEL", "aple", "-o", "x.png"), 1, "did you mean apple"),
        (("map", "MODEL", "apple", "plum", "-o", "x.png"), 2, "at least 3 words, not 2"),
        (("map", "MODEL", "apple", "x", "y", "-o", "x.png"), 1, "'x' is not in the vocabulary"),
        (("map", "MODEL", "--labels", 201, "-o", "x.png"), 2, "0<=x<=200"),
        (("map", "MODEL", "--words", 2, "-o", "x.png"), 2, "x>=3"),
        (("map", "MODEL", "--method", "mds", "-o", "x.png"), 2, "'mds' is not one of"),
        (("heatmap", "MODEL", "apple", "-o", "x.png"), 2, "2 to 100 different words, not 1"),
        (("heatmap", "MODEL", "-o", "x.png"), 2, "Missing argument 'WORD...'"),
        (("heatmap", "MODEL", "apple", "nope", "-o", "x.png"), 1, "'nope' is not in the"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_errors(
    call: Call,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = [model if argument == "MODEL" else argument for argument in arguments]
    outcome = call("plot", *typed)
    assert (outcome.status, outcome.out) == (status, "")
    assert message in outcome.err
    assert not list(tmp_path.iterdir())


def test_vectors_have_no_loss(call: Call, trained: object, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("1 2\na 1 2\n")
    status, out, err = call("plot", "loss", path, "-o", tmp_path / "x.png")
    assert (status, out) == (1, "")
    assert "vectors.txt" in err


def test_vectors_of_other_tools(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("4 2\na 1 2\nb 2 1\nc 0 1\nd 1 1\n")
    assert call("plot", "map", path, "-o", tmp_path / "map.png").status == 0
    status, _, err = call("plot", "norms", path, "-o", tmp_path / "norms.png")
    assert status == 2
    assert "carry no word counts" in err


def test_what_no_font_has_is_said(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xw2v.plots.lettering._fonts", lambda: iter(()))
    path = tmp_path / "vectors.txt"
    path.write_text("2 2\n中 1 2\nb 2 1\n", encoding="utf-8")
    status, out, err = call("plot", "heatmap", path, "中", "b", "-o", tmp_path / "x.png")
    assert (status, out) == (0, f"{tmp_path / 'x.png'}\n")
    assert err == (
        "escapes in 1 word: no installed font has its characters; install one that has them, "
        "Noto for example\n"
    )


def test_help_lists_the_pictures(call: Call) -> None:
    status, out, _ = call("plot", "--help")
    assert status == 0
    for name in ("loss", "norms", "map", "heatmap"):
        assert f"\n  {name} " in out

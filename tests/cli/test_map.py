"""The command that writes a map; the page itself is tested with the maps."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xw2v.cli.map import map as map_command
from xw2v.errors import ConfigError, CorpusError, ModelFileError
from xw2v.formats import load_word_vectors
from xw2v.maps import make_map, render_map

pytest.importorskip("bokeh", reason="Bokeh, which draws the map, is not installed")

Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    return lambda *arguments: CliRunner().invoke(map_command, [str(part) for part in arguments])


def test_a_map(call: Call, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    result = call(model, "-o", page)
    assert result.exit_code == 0, result.output
    size = page.stat().st_size
    assert result.output.startswith("24 words, principal components 1 and 2 of the unit vectors, ")
    assert result.output.endswith(f" of the variance: {page} ({size / 1e6:.1f} MB)\n")
    assert page.read_bytes() == render_map(make_map(load_word_vectors(model)), model.name)


def test_options(call: Call, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    result = call(model, "-o", page, "--words", 10, "--clusters", 3, "--vectors", "mean")
    assert result.exit_code == 0, result.output
    vectors = load_word_vectors(model, "mean")
    expected = render_map(make_map(vectors, words=10, clusters=3), model.name)
    assert page.read_bytes() == expected


def test_a_file_that_is_there(call: Call, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    page.write_text("mine")
    result = call(model, "-o", page)
    assert isinstance(result.exception, CorpusError)
    assert str(result.exception) == (
        f"{page} exists already; choose another name or use --overwrite"
    )
    assert page.read_text() == "mine"
    assert call(model, "-o", page, "--overwrite").exit_code == 0
    assert page.read_bytes().startswith(b"<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_a_place_that_is_not_there(call: Call, model: Path, tmp_path: Path) -> None:
    result = call(model, "-o", tmp_path / "no" / "map.html")
    assert isinstance(result.exception, CorpusError)
    assert "cannot write" in str(result.exception)


def test_no_model(call: Call, tmp_path: Path) -> None:
    result = call(tmp_path / "nothing", "-o", tmp_path / "map.html")
    assert isinstance(result.exception, ModelFileError)
    assert str(result.exception) == f"cannot read {tmp_path / 'nothing'}: it does not exist"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Missing option '-o'"),
        (["-o", "x.html", "--words", "0"], "Invalid value for '--words'"),
        (["-o", "x.html", "--clusters", "101"], "Invalid value for '--clusters'"),
        (["-o", "x.html", "--method", "lda"], "Invalid value for '--method'"),
    ],
    ids=["no output", "words", "clusters", "method"],
)
def test_usage_errors(call: Call, model: Path, options: list[str], message: str) -> None:
    result = call(model, *options)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("package", "options", "extra"),
    [("bokeh", [], "map"), ("umap", ["--method", "umap"], "umap")],
    ids=["the library", "the method"],
)
def test_a_missing_package(
    call: Call,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    options: list[str],
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = call(model, "-o", tmp_path / "map.html", *options)
    assert isinstance(result.exception, ConfigError)
    assert f'pip install "xw2v[{extra}]"' in str(result.exception)
    assert not list(tmp_path.iterdir())

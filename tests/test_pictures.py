from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from tests.synthetic import random_corpus
from xw2v.atomic import replacing_file
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, ModelFileError
from xw2v.pictures import LossPlotter, write_picture
from xw2v.plots import loss_figure, render
from xw2v.training import Callback, Run, train
from xw2v.training.run import Evaluation


def figure() -> Figure:
    return loss_figure([{"words": 9, "epoch": 1, "alpha": 0.1, "loss": 2}])


@pytest.mark.parametrize("name", ["x.png", "x.svg", "x.pdf"])
def test_pictures_replace_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("old")
    write_picture(figure(), path)
    assert path.read_bytes() == render(figure(), path.suffix.removeprefix("."))
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xw2v.atomic.os.fsync", full)
    with pytest.raises(ModelFileError, match=r"cannot write .*x\.png: No space left on device"):
        write_picture(figure(), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"cannot write .*x\.png"):
        write_picture(figure(), tmp_path / "missing" / "x.png")
    with pytest.raises(ConfigError, match=r"must end in \.png, \.svg or \.pdf"):
        write_picture(figure(), tmp_path / "x.jpg")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def histories(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Return the list of the losses and evaluations that are drawn, without drawing them."""
    drawn: list[tuple[Any, Any]] = []
    monkeypatch.setattr("xw2v.pictures.loss_figure", lambda *given: drawn.append(given))
    monkeypatch.setattr("xw2v.pictures.render", lambda figure, kind: f"{len(drawn)}".encode())
    return drawn


def run(*callbacks: Callback) -> Any:
    vocabulary, corpus = random_corpus(400, 40)
    config = TrainingConfig(
        vector_size=4, min_count=1, sample=0, epochs=3, batch_words=32, workers=1
    )
    return train(corpus, vocabulary, config, callbacks=callbacks)


def test_the_picture_is_drawn_while_vectors_are_trained(
    tmp_path: Path, histories: list[tuple[Any, Any]]
) -> None:
    path = tmp_path / "loss.png"
    result = run(LossPlotter(path))
    counts = [len(losses) for losses, _ in histories]
    assert len(counts) == 1 + 3 + 1  # at the beginning, after epochs, at the end
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[1] > 0
    assert histories[-1][0] == [vars(record) for record in result.losses]
    assert path.read_bytes() == b"5"


def test_the_picture_has_the_evaluations(tmp_path: Path, histories: list[tuple[Any, Any]]) -> None:
    class Evaluates(Callback):
        def on_epoch_end(self, run: Run) -> None:
            run.evaluations.append(Evaluation(run.position.words, run.epoch, 0.5, {"a": 0.5}))

    run(Evaluates(), LossPlotter(tmp_path / "loss.png", "2h"))
    assert len(histories) == 2
    assert [one["words"] for one in histories[-1][1]] == [400, 800, 1200]
    assert histories[-1][1][0]["parts"] == {"a": 0.5}


def test_a_real_picture_of_a_real_run(tmp_path: Path) -> None:
    result = run(LossPlotter(tmp_path / "loss.png", 1000))
    expected = render(loss_figure([vars(record) for record in result.losses]), "png")
    assert (tmp_path / "loss.png").read_bytes() == expected


def test_a_run_whose_picture_cannot_be_written_does_not_begin(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot write"):
        run(LossPlotter(tmp_path / "missing" / "loss.png"))


@pytest.mark.parametrize("with_say", [True, False], ids=["said", "logged"])
def test_a_run_goes_on_without_its_picture(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    histories: list[tuple[Any, Any]],
    with_say: bool,
) -> None:
    writes = 0

    def failing(path: Path) -> Any:
        nonlocal writes
        writes += 1
        if writes > 1:
            raise OSError(28, "No space left on device")
        return replacing_file(path)

    monkeypatch.setattr("xw2v.pictures.replacing_file", failing)
    said: list[str] = []
    path = tmp_path / "loss.png"
    result = run(LossPlotter(path, say=said.append if with_say else None))
    assert result.words == 1200
    messages = said if with_say else caplog.messages
    expected = (
        f"the picture of the loss is not up to date: cannot write {path}: No space left on device"
    )
    assert messages == [expected] * 4


@pytest.mark.parametrize(
    ("name", "every", "message"),
    [("x.gif", "epoch", "must end in"), ("x.png", "soon", "every must be a number of words")],
)
def test_options_that_cannot_work(name: str, every: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LossPlotter(name, every)

"""The command as a process, and one small model that it trained."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytest

from xw2v.checkpoints import Checkpointer
from xw2v.cli import main
from xw2v.formats import load_model, save_model

TOPICS = {
    "fruit": ["apple", "pear", "plum", "cherry", "grape", "quince"],
    "metal": ["iron", "copper", "zinc", "silver", "gold", "nickel"],
    "water": ["river", "lake", "ocean", "pond", "brook", "stream"],
    "наука": ["физика", "химия", "оптика", "логика", "алгебра", "геометрия"],
}


def environment() -> dict[str, str]:
    """Return the environment, less what changes how Python writes."""
    changes = ("COLUMNS", "FORCE_COLOR", "PYTHONIOENCODING", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if name not in changes}


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


AtBatch = Callable[[int, Callable[[], object]], None]


class Run(Protocol):
    def __call__(self, *arguments: object, stdin: bytes = b"") -> Outcome: ...


def run_process(*arguments: object, stdin: bytes = b"", cwd: Path | None = None) -> Outcome:
    """Run the command as users do."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "xw2v", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(),
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command in a process of its own, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()

    def call(*arguments: object, stdin: bytes = b"") -> Outcome:
        return run_process(*arguments, stdin=stdin, cwd=folder)

    return call


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command within this process: much quicker, and almost the same."""

    def call(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Outcome(ended.value.code, captured.out, captured.err)

    return call


def topic_sentences(count: int = 1200) -> list[str]:
    """Return sentences that are about one topic each, the same ones every time."""
    draw = random.Random(7)  # not for secrets
    topics = list(TOPICS.values())
    return [" ".join(draw.choices(draw.choice(topics), k=10)) for _ in range(count)]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "topics.txt"
    path.write_text("\n".join(topic_sentences()), encoding="utf-8")
    return path


class Trained(NamedTuple):
    model: Path
    text: Path
    outcome: Outcome


@pytest.fixture(scope="session")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train a model of the topics, with the command, once for all tests."""
    folder = tmp_path_factory.mktemp("trained")
    outcome = run_process(
        *("train", corpus, "-o", "made/model", "--text", "vectors.txt"),
        *("--vector-size", 8, "--window", 3, "--sample", 0, "--epochs", 3, "--alpha", 0.05),
        cwd=folder,
    )
    assert outcome.status == 0, outcome.err
    return Trained(folder / "made/model", folder / "vectors.txt", outcome)


@pytest.fixture
def model(trained: Trained) -> Path:
    return trained.model


@pytest.fixture
def tree_model(model: Path, tmp_path: Path) -> Path:
    """Make a model of hierarchical softmax, whose output vectors belong to no words."""
    trained = load_model(model)
    config = replace(
        trained.config,
        model="cbow",
        output="hierarchical",
        optimizer="adam",
        frozen=("apple", "pear"),
    )
    path = tmp_path / "tree"
    nodes = trained.output_vectors[:-1]
    save_model(path, replace(trained, output_vectors=nodes, config=config))
    return path


@pytest.fixture
def at_batch(monkeypatch: pytest.MonkeyPatch) -> AtBatch:
    """Have things done after certain batches of all runs, before checkpoints are thought of."""
    acts: dict[int, Callable[[], object]] = {}
    original = Checkpointer.on_batch_end

    def on_batch_end(self: Checkpointer, run: Any) -> None:
        acts.get(run.position.steps, lambda: None)()
        original(self, run)

    def at_batch(number: int, act: Callable[[], object]) -> None:
        acts[number] = act

    monkeypatch.setattr(Checkpointer, "on_batch_end", on_batch_end)
    return at_batch


def assert_same(path: Path, reference: Path) -> None:
    """Compare two models to the last bit."""
    ours, theirs = load_model(path), load_model(reference)
    np.testing.assert_array_equal(ours.input_vectors, theirs.input_vectors)
    np.testing.assert_array_equal(ours.output_vectors, theirs.output_vectors)
    assert ours.loss_history == theirs.loss_history


def names(folder: Path) -> list[str]:
    """Return what is in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())

"""A few of the kills of `tests.kill`; with -m slow more of them."""

from pathlib import Path

import pytest

from tests.kill import (
    CONFIGURATIONS,
    Configuration,
    Reference,
    kill,
    write_corpus,
    wrong_with,
)

# A short run: starting takes most of its time.
QUICK = Configuration("cbow", "negative", "adam", 8, "10000")


def test_killed_runs_end_as_if_they_had_not_been(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus.txt", sentences=2000)
    tally = kill(
        3,
        corpus,
        tmp_path,
        configurations=[QUICK],
        moments=["checkpoint", "checkpoint", "model"],
    )
    assert tally.problems == []
    assert tally.killed == 3
    assert tally.resumed + tally.anew == 3
    assert tally.identical == tally.runs


@pytest.mark.slow
def test_more_of_them(tmp_path: Path) -> None:
    tally = kill(20, write_corpus(tmp_path / "corpus.txt"), tmp_path, seed=2)
    assert tally.problems == []
    assert tally.killed == 20
    assert tally.resumed > 0
    assert tally.identical == tally.runs > 1


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """Else the others could not fail."""
    out = tmp_path / "model"
    out.mkdir()
    (out / "vectors.safetensors").write_bytes(b"one")
    assert wrong_with(out, Reference({}, 1.0)) == (
        "other vectors or losses than those of the uninterrupted run"
    )
    (tmp_path / ".xw2v-0123.tmp").mkdir()
    assert wrong_with(out, Reference({}, 1.0)) == "left behind: .xw2v-0123.tmp"


def test_every_kind_of_model_is_killed() -> None:
    kinds = {(one.model, one.output) for one in CONFIGURATIONS}
    assert len(kinds) == 6
    assert {one.optimizer for one in CONFIGURATIONS} == {"sgd", "adagrad", "adam"}

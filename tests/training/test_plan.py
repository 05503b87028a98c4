"""The steps of a run from any position: those of the whole run from there on."""

import hashlib
from collections.abc import Generator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.synthetic import random_corpus
from tests.training.test_trainer import SMALL_BLOCKS, config, every_model
from xw2v.backend import Step, Worker, get_device
from xw2v.config import TrainingConfig
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.training import Position, learning_rate
from xw2v.training.plan import Plan

EPOCHS = 2


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three chunks of 400 words, and a loss for every third batch."""
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 150)
    monkeypatch.setattr("xw2v.training.plan._BATCHES_A_LOSS", 3)
    monkeypatch.setattr("xw2v.training.plan._LOSSES_A_RUN", 2)
    monkeypatch.setattr("xw2v.training.choices._PART_WORDS", 16)


def options(model: str, **more: Any) -> TrainingConfig:
    return config(model, **{"epochs": EPOCHS, "batch_words": 50, **SMALL_BLOCKS, **more})


def described(step: Step) -> tuple[Any, ...]:
    """All that a step says; its arrays may be gone when the next one is planned."""
    digest = hashlib.sha256()
    for batch in step.batches:
        for array in (batch.inputs, batch.input_weights, batch.predictions):
            digest.update(np.ascontiguousarray(array).tobytes())
        for term in batch.terms:
            digest.update(np.ascontiguousarray(term.targets).tobytes())
    drawn = digest.hexdigest()
    return step.info, step.alpha, step.with_loss, step.first_part, step.parts, drawn


def planned(
    corpus: tuple[Vocabulary, EncodedCorpus],
    settings: TrainingConfig,
    start: Position | None = None,
    share: tuple[int, int] = (0, 1),
) -> list[tuple[Any, ...]]:
    """Describe the steps from a position on, planned by one worker."""
    plan = Plan(corpus[1], corpus[0], settings, get_device("cpu"))

    def program(worker: Worker) -> Generator[tuple[Any, ...], None, None]:
        yield from map(described, plan.steps(worker, share, start or Position()))

    return list(plan.team.run(program))


@every_model
def test_positions_follow_each_other(model: str) -> None:
    """Each step begins where the one before ended; the last one ends with the run."""
    settings = options(model)
    steps = planned(random_corpus(400, 40), settings)
    places = [step[0] for step in steps]
    assert len(places) >= 3 * 3 * EPOCHS
    positions = [Position(), *(place.then for place in places)]
    assert positions[-1] == Position(epoch=EPOCHS, steps=len(places), words=400 * EPOCHS)
    for number, (before, after) in enumerate(pairwise(positions)):
        assert places[number].words == before.words < after.words
        assert (before.epoch, before.chunk, before.batch) < (after.epoch, after.chunk, after.batch)
        assert after.steps == number + 1
        assert after.epoch == after.words // 400
        assert after.chunk == np.searchsorted([133, 266, 400], after.words % 400, side="right")
        assert after.batch == 0 or after.batch == before.batch + 1
        assert steps[number][1] == learning_rate(settings, before.words / (400 * EPOCHS))
        assert steps[number][2] == (number % 3 == 0)
    borders = {position.words for position in positions if position.batch == 0}
    assert borders == {0, 133, 266, 400, 533, 666, 800}


@every_model
@pytest.mark.parametrize("sample", [0.0, 0.03])
def test_steps_from_any_position(model: str, sample: float) -> None:
    settings = options(model, sample=sample)
    corpus = random_corpus(400, 40, sentence=(1, 30, 7, 90))
    steps = planned(corpus, settings)
    for number, step in enumerate(steps, start=1):
        assert planned(corpus, settings, step[0].then) == steps[number:]


@every_model
def test_shares_from_any_position(model: str) -> None:
    """They are as many parts as they are of whole runs."""
    settings = options(model)
    corpus = random_corpus(400, 40)
    whole = planned(corpus, settings)
    for rank in range(2):
        steps = planned(corpus, settings, share=(rank, 2))
        assert [step[0] for step in steps] == [step[0] for step in whole]
        for number in (1, 3, 4, 10):
            assert planned(corpus, settings, steps[number - 1][0].then, (rank, 2)) == steps[number:]


@pytest.mark.parametrize("seed", range(1, 7))
def test_chunks_of_which_nothing_is_kept(seed: int) -> None:
    """They have no steps; the position after the last one before them is still where it was."""
    settings = options("pair", sample=1e-6, epochs=6, seed=seed)
    corpus = random_corpus(400, 40)
    steps = planned(corpus, settings)
    assert 1 < len({(step[0].then.epoch, step[0].then.chunk) for step in steps}) < 18
    for number, step in enumerate(steps, start=1):
        position = step[0].then
        assert position.epoch == position.words // 400
        assert planned(corpus, settings, position) == steps[number:]


def test_more_epochs_add_steps_and_change_none_but_in_rate() -> None:
    corpus = random_corpus(400, 40)
    few, many = (planned(corpus, options("block", epochs=epochs)) for epochs in (2, 4))
    assert len(many) == 2 * len(few)
    for one, other in zip(few, many, strict=False):
        assert (one[0], one[5]) == (other[0], other[5])
        assert one[1] < other[1] or one[0].words == 0

"""Evaluations in the course of a run, and runs that end when they get no better."""

import inspect
import math
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.synthetic import PAIRS, random_corpus
from tests.training.test_run import Corpus, Keeper
from tests.training.test_trainer import config, toy_corpus
from xw2v.errors import ConfigError, TrainingError
from xw2v.training import (
    Callback,
    Evaluation,
    LossRecord,
    Position,
    Run,
    RunState,
    TrainingResult,
    train,
)
from xw2v.training.evaluating import EarlyStopping, Evaluator
from xw2v.training.intervals import Interval
from xw2v.vectors import AnalogySection, WordPair, score_analogies, score_pairs

pytestmark = pytest.mark.usefixtures("no_waiting_for_ever")

PEOPLE = list(PAIRS)
ANALOGIES = [
    AnalogySection("people", tuple((*one, *other) for one in PEOPLE for other in PEOPLE[::-1])),
    AnalogySection("unknown", (("king", "queen", "earl", "countess"),)),
]
# Those that keep the same company are alike, those of one side are somewhat, others are not.
JUDGED = [
    *(WordPair("apple", fruit, 9.0 + number / 8) for number, fruit in enumerate(("pear", "plum"))),
    *(WordPair(man, woman, 7.0) for man, woman in PEOPLE),
    *(WordPair("man", man, 5.0) for man, _ in PEOPLE[1:]),
    *(WordPair(man, "oak", 1.0 + number / 8) for number, (man, _) in enumerate(PEOPLE)),
    WordPair("earl", "oak", 3.0),
]
SETS = {"all": JUDGED, "few": JUDGED[2:12]}


def small() -> Corpus:
    return random_corpus(400, 40)


def some_pairs(seed: int = 0) -> list[WordPair]:
    """Judgments of nobody about the words of `small`."""
    rng = np.random.default_rng(seed)
    return [
        WordPair(f"w{first}", f"w{second}", float(score))
        for first, second, score in zip(*rng.integers(0, 40, (2, 30)), rng.random(30), strict=True)
    ]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that states are kept inside of chunks and between them."""
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 150)


def run_with(
    callbacks: Sequence[Any],
    corpus: Corpus | None = None,
    *,
    start: RunState | None = None,
    **options: Any,
) -> TrainingResult:
    vocabulary, text = corpus or small()
    settings = config(**{"batch_words": 32, "epochs": 3, **options})
    return train(text, vocabulary, settings, start=start, callbacks=callbacks)


def places(result: TrainingResult) -> list[int]:
    return [evaluation.words for evaluation in result.evaluations]


# What an evaluation is


class Expected(Callback):
    """Makes evaluations of its own, where there have been others."""

    def __init__(self, ignore_case: bool = True, restrict_vocab: int | None = 300_000) -> None:
        self.options = restrict_vocab, ignore_case
        self.parts: list[dict[str, float]] = []
        self.epochs: list[float] = []

    def on_batch_end(self, run: Run) -> None:
        if len(run.evaluations) > len(self.parts):
            restrict, ignore = self.options
            wv = run.wv
            answers = score_analogies(wv, ANALOGIES, restrict, ignore)
            found = {
                name: score_pairs(wv, pairs, None, ignore).spearman.statistic
                for name, pairs in SETS.items()
            }
            self.parts.append({"analogies": answers.accuracy, **found})
            self.epochs.append(run.epoch)


@pytest.mark.parametrize("vectors", ["input", "mean"])
def test_parts_are_those_of_the_vectors_at_the_time(vectors: str) -> None:
    """And their mean is the score; they are better at the end than after an epoch."""
    heard: list[Evaluation] = []
    expected = Expected()
    evaluator = Evaluator(analogies=ANALOGIES, pairs=SETS, on_evaluation=heard.append)
    corpus = toy_corpus()
    options: dict[str, Any] = {"epochs": 8, "vectors": vectors, "batch_words": None}
    result = run_with([evaluator, expected], corpus, **options)
    assert [evaluation.parts for evaluation in heard] == expected.parts
    assert [evaluation.epoch for evaluation in heard] == expected.epochs == list(range(1, 9))
    assert result.evaluations == tuple(heard)
    for evaluation in heard:
        assert list(evaluation.parts) == ["analogies", "all", "few"]
        assert evaluation.score == pytest.approx(np.mean(list(evaluation.parts.values())))
        assert evaluation.words == evaluation.epoch * corpus[1].n_words
    first, last = heard[0].parts, heard[-1].parts
    assert last["analogies"] > first["analogies"] + 0.2
    assert last["all"] > 0.5


def test_case_and_vocabulary_are_as_is_said() -> None:
    for ignore_case, restrict_vocab in ((True, 60), (False, 60), (False, None)):
        expected = Expected(ignore_case, restrict_vocab)
        evaluator = Evaluator(
            analogies=ANALOGIES, pairs=SETS, ignore_case=ignore_case, restrict_vocab=restrict_vocab
        )
        result = run_with([evaluator, expected], toy_corpus(), batch_words=None)
        assert [evaluation.parts for evaluation in result.evaluations] == expected.parts
        assert len(expected.parts) == 3


def test_the_vocabulary_searched_is_that_of_evaluations_elsewhere() -> None:
    ours = inspect.signature(Evaluator).parameters["restrict_vocab"].default
    assert ours == inspect.signature(score_analogies).parameters["restrict_vocab"].default


def test_case_is_ignored_where_it_may_be() -> None:
    upper = [pair._replace(first=pair.first.upper()) for pair in some_pairs()]
    loose, exact = (run_with([Evaluator(pairs={"p": pairs})]) for pairs in (upper, some_pairs()))
    assert loose.evaluations == exact.evaluations
    with pytest.raises(ConfigError, match="'p'"):
        run_with([Evaluator(pairs={"p": upper}, ignore_case=False)])


def test_the_loss_stands_in_for_other_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of what was measured since, or else what was measured last."""
    monkeypatch.setattr("xw2v.training.plan._BATCHES_A_LOSS", 3)
    monkeypatch.setattr("xw2v.training.plan._LOSSES_A_RUN", 2)
    for every, at_least in (("epoch", 4), (100, 1), (1, 0)):
        result = run_with([Evaluator(every)])
        since, measured = 0, set()
        for evaluation in result.evaluations:
            past = [record for record in result.losses if record.words < evaluation.words]
            recent = [record.loss for record in past if record.words >= since]
            measured.add(len(recent))
            expected = np.mean(recent) if recent else past[-1].loss
            assert evaluation.parts == {"loss": pytest.approx(expected, rel=1e-12)}
            assert evaluation.score == -evaluation.parts["loss"]
            since = evaluation.words
        assert min(measured) == at_least


def test_without_any_loss_there_is_no_evaluation() -> None:
    """Where no word has another beside it, nothing is to be predicted."""
    result = run_with([Evaluator(), EarlyStopping(1)], random_corpus(150, 20, sentence=1))
    assert (result.evaluations, result.losses) == ((), ())
    assert (result.words, result.stopped) == (450, None)


# When


@pytest.mark.parametrize("every", [1, 50, 399, 400, 401, "1_000", 5000, Interval(words=70)])
def test_evaluations_after_words(every: int | str | Interval) -> None:
    """At the first batch after each multiple, and at the end."""
    keeper = Keeper()
    result = run_with([Evaluator(every, pairs={"p": some_pairs()}), keeper])
    words = Interval.parse(every).words or 0
    batches = [state.position.words for state in keeper.states]
    multiples = range(words, 1201, words)
    due = {min(place for place in batches if place >= multiple) for multiple in multiples}
    assert places(result) == sorted(due | {1200})


@pytest.mark.parametrize("every", ["epoch", Interval()])
def test_evaluations_after_epochs(every: str | Interval) -> None:
    assert places(run_with([Evaluator(every)])) == [400, 800, 1200]


def test_the_end_of_a_run_is_evaluated_where_its_last_batch_is_not() -> None:
    """As where subsampling leaves nothing of the last chunk: no batch ends the epoch."""
    heard: list[int] = []
    settings: dict[str, Any] = {"sample": 1e-300, "epochs": 2}
    result = run_with([Evaluator(pairs={"p": some_pairs()})], small(), **settings)
    assert places(result) == [800]
    evaluator = Evaluator(600, on_evaluation=lambda evaluation: heard.append(evaluation.words))
    result = run_with([evaluator], batch_words=400)
    assert places(result) == heard == [700, 1200]


def test_a_run_that_is_stopped_is_not_evaluated_once_more() -> None:
    """Or the run that goes on from there would have one evaluation more than others."""
    stop = SimpleNamespace(on_batch_end=lambda run: run.position.steps < 5 or run.stop("enough"))
    result = run_with([Evaluator(100), stop])
    assert (result.stopped, len(places(result))) == ("enough", 1)
    assert places(result)[0] < result.words


# What cannot be


@pytest.mark.parametrize("every", ["10m", "90s", Interval(seconds=3.0)])
def test_times_are_refused(every: str | Interval) -> None:
    with pytest.raises(ConfigError, match=r"words or every 'epoch', not every \d+s:.*resumed"):
        Evaluator(every)


@pytest.mark.parametrize("options", [{"every": "x"}, {"every": 0}, {"restrict_vocab": 0}], ids=str)
def test_options_that_cannot_work(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=f"{name} must be a"):
        Evaluator(**options)


def test_names_are_of_one_part() -> None:
    with pytest.raises(ConfigError, match="'analogies'"):
        Evaluator(analogies=ANALOGIES, pairs={"analogies": JUDGED})
    result = run_with([Evaluator(pairs={"analogies": some_pairs(), "loss": some_pairs()})])
    assert list(result.evaluations[0].parts) == ["analogies", "loss"]


UNKNOWN = [AnalogySection("s", (("w1", "w2", "w3", "nobody"), ("w1", "w2", "w3", "w39")))]
NOTHING: dict[str, tuple[dict[str, Any], str]] = {
    "no questions": ({"analogies": []}, "no question of the analogies"),
    "unknown": ({"analogies": ANALOGIES}, "no question of the analogies"),
    "rare": ({"analogies": UNKNOWN, "restrict_vocab": 39}, "analogies .* its first 39:"),
    "no pairs": ({"pairs": {"wordsim": []}}, "'wordsim'"),
    "unknown pairs": (
        {"pairs": {"p": some_pairs(), "wordsim": JUDGED}},
        "of the 23 in 'wordsim'.* has 0:",
    ),
    "one pair": ({"pairs": {"wordsim": some_pairs()[:1]}}, "of the 1 in 'wordsim'.* has 1:"),
    "same": ({"pairs": {"wordsim": [("w1", "w2", 1), ("w1", "w3", 1)]}}, "different .*'wordsim'"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_sets_of_unknown_words_are_refused_before_training(case: str) -> None:
    options, message = NOTHING[case]
    if "pairs" in options:
        options = {
            "pairs": {name: [WordPair(*p) for p in ps] for name, ps in options["pairs"].items()}
        }
    keeper = Keeper()
    with pytest.raises(ConfigError, match=message):
        run_with([Evaluator(**options), keeper])
    assert not keeper.states


def test_questions_of_the_words_searched_are_enough() -> None:
    assert len(places(run_with([Evaluator(analogies=UNKNOWN, restrict_vocab=40)]))) == 3


def test_vectors_that_tell_nothing_apart_do_not_correlate() -> None:
    """Output vectors are zero before the first step: here, where there is none."""
    evaluator = Evaluator(pairs={"p": some_pairs()})
    result = run_with([evaluator], sample=1e-300, vectors="output")
    assert [evaluation.parts for evaluation in result.evaluations] == [{"p": 0.0}]


@pytest.mark.parametrize("options", [{}, {"pairs": {"p": some_pairs()}}], ids=["loss", "pairs"])
def test_runs_that_diverge_end(options: dict[str, Any]) -> None:
    def spoil(run: Run) -> None:
        if run.position.words > 400:
            run.state().arrays["input"][:] = np.nan

    spoiler = SimpleNamespace(on_batch_end=spoil)
    with pytest.raises(TrainingError, match=r"diverged: .* no longer finite after 800 words"):
        run_with([spoiler, Evaluator(**options)])


# Runs that get no better


def evaluated(*scores: float) -> list[Evaluation]:
    return [
        Evaluation(100 * number, number / 4, score, {"p": score})
        for number, score in enumerate(scores, start=1)
    ]


def stopped(scores: Sequence[float], epoch: int = 1, **options: Any) -> str | None:
    """Why a run with these evaluations ends."""
    reasons: list[str] = []
    run: Any = SimpleNamespace(
        evaluations=evaluated(*scores),
        position=Position(epoch=epoch),
        config=SimpleNamespace(epochs=2),
        stop=reasons.append,
    )
    stopping = EarlyStopping(**options)
    stopping.on_batch_end(run)
    stopping.on_train_begin(run)  # a run that goes on is looked at in the same way
    assert reasons in ([], [reasons[0]] * 2 if reasons else [])
    return reasons[0] if reasons else None


@pytest.mark.parametrize(
    ("scores", "options", "stops"),
    [
        ((), {}, False),
        ((0.5, 0.4, 0.3), {}, False),
        ((0.5, 0.4, 0.3, 0.2), {}, True),
        ((0.5, 0.5, 0.5, 0.5), {}, True),
        ((0.5, 0.4, 0.6, 0.5, 0.5), {}, False),
        ((0.5, 0.4, 0.6, 0.5, 0.6, 0.6), {}, True),
        ((0.5, 0.4, 0.3, 0.41), {}, True),
        ((-3.0, -2.0, -1.0, -1.5), {"patience": 1}, True),
        ((-3.0, -2.0, -1.0), {"patience": 1}, False),
        ((0.1,), {"patience": 1}, False),
        ((0.1, 0.15, 0.18), {"patience": 2, "min_delta": 0.1}, True),
        ((0.1, 0.15, 0.21), {"patience": 2, "min_delta": 0.1}, False),
        ((0.5, 0.75), {"patience": 1, "min_delta": 0.25}, True),
        ((0.5, 0.4, 0.3, 0.2), {"patience": 4}, False),
    ],
)
def test_runs_end_when_scores_get_no_better(
    scores: Sequence[float], options: dict[str, Any], stops: bool
) -> None:
    assert (stopped(scores, **options) is not None) == stops


def test_why_a_run_ended() -> None:
    assert stopped([0.1, 0.341, 0.3, 0.2, 0.1], patience=3) == (
        "no better evaluation in 3: best 0.341 after 0.50 epochs"
    )
    assert stopped([0.1, 0.12], patience=1, min_delta=0.05) == (
        "no better evaluation by more than 0.05 in 1: best 0.1 after 0.25 epochs"
    )


def test_a_run_at_its_end_is_not_stopped_before_its_time() -> None:
    assert stopped([0.5, 0.4], patience=1, epoch=1) is not None
    assert stopped([0.5, 0.4], patience=1, epoch=2) is None


@pytest.mark.parametrize("patience", [0, -1, 1.5, True, None])
def test_patience_is_a_whole_number(patience: Any) -> None:
    with pytest.raises(ConfigError, match="patience"):
        EarlyStopping(patience)


@pytest.mark.parametrize("min_delta", [-0.1, math.nan, math.inf, "0.1", None])
def test_differences_are_numbers(min_delta: Any) -> None:
    with pytest.raises(ConfigError, match="min_delta"):
        EarlyStopping(min_delta=min_delta)


def test_without_evaluations_a_run_goes_on() -> None:
    assert run_with([EarlyStopping()]).stopped is None


# Runs that are interrupted


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "loss": ({"every": 90}, {"patience": 2, "min_delta": 0.2}, True),
    "loss of epochs": ({"every": "epoch"}, {"patience": 1, "min_delta": 2.0}, True),
    "pairs": ({"every": 70, "pairs": {"p": some_pairs()}}, {"patience": 2}, True),
    "two sets": (
        {"every": 50, "pairs": {"p": some_pairs(), "q": some_pairs(1)}},
        {"patience": 3, "min_delta": 0.01},
        True,
    ),
    "to the end": ({"every": 170, "pairs": {"p": some_pairs()}}, {"patience": 20}, False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_goes_on_is_evaluated_and_ends_as_another(case: str, small_chunks: None) -> None:
    """From the states before the evaluation of a batch, and from those after it."""
    evaluating, stopping, stops = CASES[case]
    before, after = Keeper(), Keeper()

    def callbacks() -> list[Callback]:
        return [Evaluator(**evaluating), EarlyStopping(**stopping)]

    expected = run_with([before, *callbacks(), after])
    assert (expected.stopped is not None) == stops
    assert (expected.words < 1200) == stops
    assert len(expected.evaluations) > 1
    due = 0
    for number, (early, late) in enumerate(zip(before.states, after.states, strict=True)):
        due += early.evaluations != late.evaluations
        if early.evaluations == late.evaluations and number % 3:
            continue  # for want of time
        for workers, state in enumerate((early, late), start=1):
            result = run_with(callbacks(), start=state, workers=workers)
            assert result.evaluations == expected.evaluations
            assert result.stopped == expected.stopped
            assert result.words == expected.words
            np.testing.assert_array_equal(result.w_in, expected.w_in)
    assert due == len(expected.evaluations)


def test_a_run_that_was_stopped_needs_more_patience_to_go_on() -> None:
    keeper = Keeper()
    pairs = {"p": some_pairs()}
    first = run_with([Evaluator(70, pairs=pairs), EarlyStopping(2), keeper])
    assert first.stopped is not None
    state = keeper.states[-1]
    again = run_with([Evaluator(70, pairs=pairs), EarlyStopping(2)], start=state, epochs=5)
    assert (again.stopped, again.words) == (first.stopped, first.words)
    longer = run_with([Evaluator(70, pairs=pairs), EarlyStopping(20)], start=state)
    assert (longer.stopped, longer.words) == (None, 1200)
    assert longer.evaluations[: len(first.evaluations)] == first.evaluations


def test_the_state_at_the_end_has_the_last_evaluation() -> None:
    """It is not made again, and is one of those of a run that is given more epochs."""
    states: list[RunState] = []
    end = SimpleNamespace(on_train_end=lambda run: states.append(run.state()))
    keeper = Keeper()
    first = run_with([Evaluator(700), keeper, end])
    assert places(first)[-1] == 1200
    assert len(places(first)) == 2
    assert states[0].evaluations == first.evaluations
    state = replace(keeper.states[-1], evaluations=states[0].evaluations)
    assert run_with([Evaluator(700)], start=state).evaluations == first.evaluations
    longer = run_with([Evaluator(700)], start=state, epochs=4)
    assert longer.evaluations[:2] == first.evaluations
    assert places(longer)[2] >= 1400


def test_evaluations_of_a_run_that_had_none_begin_where_it_goes_on() -> None:
    state = RunState(
        position=Position(epoch=1, steps=13, words=400),
        arrays={name: np.ones((40, 8), np.float32) for name in ("input", "output")},
        losses=(LossRecord(390, 390 / 400, 0.02, 2.5),),
    )
    result = run_with([Evaluator()], start=state)
    assert places(result) == [400, 800, 1200]
    assert result.evaluations[0].parts == {"loss": 2.5}

"""Both runners make the same steps of every model, for any number of workers of either kind."""

import dataclasses
import functools
import gc
import hashlib
import itertools
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import to_host
from tests.sampling.planning import (
    MEAN,
    UNDIVIDED,
    Maker,
    blocks,
    negatives,
    pairs,
    paths,
    softmax,
)
from tests.synthetic import random_corpus
from xw2v.backend import PortableRunner, Profile, Runner, Step, Team, TeamRunner, Worker
from xw2v.kernel import Adagrad, Adam, Optimizer, Sgd, joined, train_step
from xw2v.sampling import keep_thresholds, sample_chunk
from xw2v.text import EncodedCorpus, Vocabulary

VOCABULARY, SIZE, ALPHA, DAMPING, WINDOW = 150, 12, 0.05, 0.2, 3
TOLERANCE = 2e-5
SGD = Sgd(DAMPING)
MODELS: dict[str, Maker] = {
    "block": blocks(8, negatives(5, 7, 2, 3)),
    "pair": pairs(5),
    "paths": blocks(8, paths(4, 16)),
    "softmax": blocks(8, softmax()),
    "cbow-block": blocks(8, negatives(5, 7, 2, 3), UNDIVIDED),
    "cbow-pair": pairs(5, MEAN),
    "cbow-paths": blocks(8, paths(4, 16), MEAN),
    "cbow-softmax": blocks(8, softmax(), MEAN),
}
OPTIMIZERS: dict[str, Optimizer] = {"sgd": SGD, "adagrad": Adagrad(), "adam": Adam()}
every_model = pytest.mark.parametrize("model", MODELS)
OTHER_OPTIMIZERS = [
    *[("block", "adagrad"), ("cbow-paths", "adagrad"), ("softmax", "adagrad")],
    *[("cbow-block", "adam"), ("pair", "adam"), ("paths", "adam"), ("cbow-softmax", "adam")],
]
every_run = pytest.mark.parametrize(
    ("model", "optimizer"), [*itertools.product(MODELS, ["sgd"]), *OTHER_OPTIMIZERS]
)


@pytest.fixture(autouse=True)
def _few_words_in_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the softmax head there are five blocks of words: some workers have several."""
    monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", 32)


def outputs(model: str) -> int:
    """Rows of W_out: words, or the inner nodes of a tree."""
    return VOCABULARY - ("paths" in model)


def parameters(model: str = "block") -> Any:
    rng = np.random.default_rng(0)
    w_in, w_out = (0.3 * rng.standard_normal((2, VOCABULARY, SIZE))).astype(np.float32)
    return w_in, w_out[: outputs(model)]


@functools.cache
def text(words: int) -> tuple[Vocabulary, EncodedCorpus]:
    return random_corpus(words, VOCABULARY)


def steps(
    model: str,
    *,
    xp: Any = np,
    words: int = 3000,
    batch_words: int = 700,
    loss_every: int = 2,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Step]:
    """Of a text of 3,000 words: a few batches, the last of them smaller."""
    vocabulary, corpus = text(words)
    chunk = sample_chunk(
        corpus,
        0,
        words,
        thresholds=xp.asarray(keep_thresholds(vocabulary.counts, 0.0)),
        window=WINDOW,
        shrink_windows=True,
        seed=1,
        epoch=0,
    )
    layout = MODELS[model](vocabulary.counts, xp, 0.75)
    batches = layout.batches(chunk, batch_words, seed=1, epoch=0, index=0, share=share)
    for i, planned in enumerate(batches):
        yield Step(
            batches=planned.batches,
            first_part=planned.first_part,
            parts=planned.parts,
            alpha=ALPHA,
            with_loss=i % loss_every == 0,
            info=i,
        )


Masks = tuple[Any, Any]


def team_runner(
    team: Team,
    model: str = "block",
    batch_words: int = 700,
    *,
    optimizer: Optimizer = SGD,
    trainable: Masks = (None, None),
) -> TeamRunner:
    layout = MODELS[model](text(3000)[0].counts, np, 0.75)
    parts = layout.parts(batch_words)
    runner = TeamRunner(
        VOCABULARY,
        SIZE,
        team=team,
        parts=parts,
        part_rows=layout.part_rows(WINDOW),
        outputs=outputs(model),
        optimizer=optimizer,
        trainable=trainable,
        hidden=parts * layout.least_words if "softmax" in model else 0,
    )
    runner.w_in[...], runner.w_out[...] = parameters(model)
    return runner


def portable_runner(
    xp: Any = np,
    model: str = "block",
    *,
    optimizer: Optimizer = SGD,
    trainable: Masks = (None, None),
) -> PortableRunner:
    w_in, w_out = parameters(model)
    masks = tuple(None if mask is None else xp.asarray(mask) for mask in trainable)
    assert len(masks) == 2
    return PortableRunner(xp.asarray(w_in), xp.asarray(w_out), optimizer, masks)


def runner_of_one(kind: str, model: str = "block", **options: Any) -> Runner:
    if kind == "team":
        return team_runner(Team(1), model, **options)
    return portable_runner(np, model, **options)


def values(runner: Runner) -> Any:
    """A copy of both matrices as they are, one after the other."""
    return np.concatenate([to_host(runner.w_in), to_host(runner.w_out)])


def beginning(model: str = "block") -> Any:
    return np.concatenate(parameters(model))


def make_steps(
    runner: Runner,
    team: Team,
    plan: Callable[[Worker], Iterable[Step]],
    profile: Profile | None = None,
) -> Generator[tuple[Step, float | None], None, None]:
    """Make the steps that each worker plans for itself, and add up what the profiles count."""

    def program(worker: Worker) -> Generator[tuple[Step, float | None], None, dict[str, float]]:
        own = None if profile is None else Profile()
        yield from runner.run(plan(worker), worker, own)
        return {} if own is None else own.seconds

    for seconds in (yield from team.run(program)):
        if profile is not None:
            profile.add(seconds)


def share_of(worker: Worker, model: str) -> tuple[int, int]:
    """Under the softmax head, every worker has the whole of a batch."""
    return (0, 1) if "softmax" in model else (worker.rank, worker.size)


def by_team(
    model: str,
    workers: int,
    *,
    threads: bool,
    profile: Profile | None = None,
    optimizer: Optimizer = SGD,
    trainable: Masks = (None, None),
    **options: Any,
) -> tuple[Any, list[float | None]]:
    """Return what a team makes of the parameters, and the losses."""
    team = Team(workers, threads=threads)
    batch_words = options.get("batch_words", 700)
    runner = team_runner(team, model, batch_words, optimizer=optimizer, trainable=trainable)

    def plan(worker: Worker) -> Iterator[Step]:
        return steps(model, share=share_of(worker, model), **options)

    losses = [loss for _, loss in make_steps(runner, team, plan, profile)]
    return values(runner), losses


def by_one(
    runner: Runner, planned: Iterable[Step], profile: Profile | None = None
) -> Generator[tuple[Step, float | None], None, None]:
    """Let a worker alone make the steps."""
    return make_steps(runner, Team(1), lambda _: planned, profile)


@pytest.mark.parametrize("n_outputs", [None, 4])
def test_parameters_begin_as_zeros_that_all_workers_see(
    threads: bool, n_outputs: int | None
) -> None:
    team = Team(2, threads=threads)
    runner = TeamRunner(5, 3, team=team, parts=1, part_rows=10, outputs=n_outputs)
    n_outputs = n_outputs or 5
    assert (runner.w_in.shape, runner.w_out.shape) == ((5, 3), (n_outputs, 3))
    assert runner.w_in.dtype == runner.w_out.dtype == np.float32
    assert not values(runner).any()

    def program(worker: Worker) -> Generator[None, None, None]:
        if worker.rank == 1:
            runner.w_in[:, 1], runner.w_out[2:, :] = 1, 2
        yield

    list(team.run(program))
    np.testing.assert_array_equal(runner.w_in, [[0, 1, 0]] * 5)
    np.testing.assert_array_equal(runner.w_out, [[0] * 3] * 2 + [[2] * 3] * (n_outputs - 2))


def test_only_teams_under_the_softmax_head_and_those_of_one_need_whole_batches() -> None:
    assert portable_runner().whole_batches
    for model in MODELS:
        assert team_runner(Team(2), model).whole_batches == ("softmax" in model)


# The number of workers


def same_for_all_workers(model: str, threads: bool, **options: Any) -> None:
    results = [by_team(model, workers, threads=threads, **options) for workers in (1, 2, 3, 7)]
    hashes = {hashlib.sha256(trained.tobytes()).hexdigest() for trained, _ in results}
    assert len(hashes) == 1
    assert all(losses == results[0][1] for _, losses in results)
    assert hashes != {hashlib.sha256(beginning(model).tobytes()).hexdigest()}


@every_model
def test_the_number_of_workers_changes_no_bit(model: str, threads: bool) -> None:
    """Nor does it change a loss."""
    same_for_all_workers(model, threads, words=700, batch_words=240)


@pytest.mark.parametrize(("model", "optimizer"), OTHER_OPTIMIZERS)
def test_the_number_of_workers_changes_no_bit_for_any_optimizer(model: str, optimizer: str) -> None:
    options: Any = {"words": 700, "batch_words": 240, "optimizer": OPTIMIZERS[optimizer]}
    same_for_all_workers(model, True, **options)


@pytest.mark.parametrize(
    ("model", "batch_words"),
    [("block", 50), ("pair", 50), ("paths", 50), ("cbow-block", 10_000), ("pair", 10_000)],
)
def test_the_number_of_workers_changes_no_bit_of_any_batch(
    model: str, batch_words: int, threads: bool
) -> None:
    """Neither where a batch is too small to be shared nor where there is much to share."""
    words = 300 if batch_words == 50 else 5000
    same_for_all_workers(model, threads, words=words, batch_words=batch_words)


@pytest.mark.parametrize("block_words", [1, 149, 150, 512])
def test_workers_without_words_change_no_bit(
    block_words: int, threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One block of words for each word, a last one of a single word, or one for all."""
    monkeypatch.setattr("xw2v.kernel.softmax._BLOCK_WORDS", block_words)
    same_for_all_workers("softmax", threads, words=200, batch_words=100)


@every_model
def test_the_size_of_tiles_changes_no_bit(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it change a loss, which is summed part by part."""
    expected, losses = by_team(model, 1, threads=True, words=1500)
    for floats in (1, 1000, 100_000_000):
        monkeypatch.setattr("xw2v.backend.cpu._TILE_FLOATS", floats)
        trained, same = by_team(model, 2, threads=True, words=1500)
        np.testing.assert_array_equal(trained, expected)
        assert same == losses


# The steps of the kernel


def smooth(optimizer: str) -> Optimizer:
    """Return the optimizer with an epsilon that makes it forget small gradients.

    With the usual one, a first step has the length of the rate whatever the gradient: where one
    is zero but for rounding, that decides which way the step goes.
    """
    smoother: dict[str, Optimizer] = {"adagrad": Adagrad(epsilon=0.1), "adam": Adam(epsilon=0.1)}
    return smoother.get(optimizer, SGD)


@every_run
def test_teams_make_the_steps_of_the_kernel(xp: Any, model: str, optimizer: str) -> None:
    """Within what rounding makes of a few steps, on every namespace.

    The sums of a step differ in their order only: by some 1e-7 of what is added up, which is of
    order 10 for the most frequent words, and a few steps do not make more of it.
    """
    options: Any = {"words": 700, "batch_words": 180}
    trained, losses = by_team(model, 3, threads=True, optimizer=smooth(optimizer), **options)
    runner = portable_runner(xp, model, optimizer=smooth(optimizer))
    ours = [loss for _, loss in by_one(runner, steps(model, xp=xp, **options))]
    assert len(ours) >= 4
    np.testing.assert_allclose(values(runner), trained, rtol=0, atol=TOLERANCE)
    moved = np.abs(trained - beginning(model))
    assert min(moved[:VOCABULARY].max(), moved[VOCABULARY:].max()) > 0.01
    assert [loss is None for loss in ours] == [loss is None for loss in losses]
    for loss, theirs in zip(ours, losses, strict=True):
        if loss is not None:
            assert loss == pytest.approx(theirs, rel=1e-5)


SAME = {"sgd": oracle.Sgd(DAMPING), "adagrad": oracle.Adagrad(), "adam": oracle.Adam()}


@every_run
def test_teams_agree_with_plain_loops(model: str, optimizer: str) -> None:
    """One step of the runner itself, against the float64 oracle."""
    options: Any = {"batch_words": 40}

    def first(share: tuple[int, int]) -> Iterator[Step]:
        return itertools.islice(steps(model, share=share, **options), 1)

    (step,) = first((0, 1))
    batch = joined(step.batches)
    same: Any = SAME[optimizer]
    w_in, w_out = parameters(model)
    training = oracle.Training(w_in, w_out, same)
    expected = training.step(batch, ALPHA)
    count = float(batch.predictions.sum(dtype=np.float64))
    for workers in (1, 2, 5):
        team = Team(workers, threads=True)
        runner = team_runner(team, model, 40, optimizer=OPTIMIZERS[optimizer])
        ((_, loss),) = make_steps(runner, team, lambda worker: first(share_of(worker, model)))
        oracle.assert_close(runner.w_in, training.w_in, 4)
        oracle.assert_close(runner.w_out, training.w_out, 4)
        assert loss == pytest.approx(float(expected.value) / count, rel=1e-6)


@pytest.mark.parametrize("kind", ["team", "portable"])
@every_model
def test_steps_are_made_in_order_before_they_are_handed_back(kind: str, model: str) -> None:
    w_in, w_out = parameters(model)
    runner = runner_of_one(kind, model)
    planned = list(steps(model, words=1500, batch_words=400))
    seen = 0
    for step, loss in by_one(runner, iter(planned)):
        assert step is planned[seen]
        batch = joined(step.batches)
        expected = train_step(
            w_in, w_out, batch, alpha=ALPHA, optimizer=SGD, with_loss=step.with_loss
        )
        assert (loss is None) == (expected is None)
        if loss is not None and expected is not None:
            assert loss == pytest.approx(float(expected) / float(batch.predictions.sum()), rel=1e-5)
        after = np.concatenate([w_in, w_out])
        np.testing.assert_allclose(values(runner), after, rtol=0, atol=TOLERANCE)
        seen += 1
    assert seen == len(planned)


@pytest.mark.parametrize("model", ["block", "paths", "softmax"])
def test_steps_of_teams_are_made_before_they_are_handed_back(model: str, threads: bool) -> None:
    """Nobody is half a step ahead or behind when the caller looks."""
    team = Team(3, threads=threads)
    runner = team_runner(team, model)

    def plan(worker: Worker) -> Iterator[Step]:
        return steps(model, share=share_of(worker, model))

    after = [values(runner) for _ in make_steps(runner, team, plan)]
    alone = team_runner(Team(1), model)
    expected = [values(alone) for _ in by_one(alone, steps(model))]
    np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("kind", ["team", "portable"])
@every_run
def test_batches_of_no_weight_have_no_loss_and_change_nothing(
    model: str, optimizer: str, kind: str
) -> None:
    def weightless() -> Iterator[Step]:
        for step in steps(model, words=1000, loss_every=1):
            batches = tuple(
                dataclasses.replace(
                    batch,
                    input_weights=0 * batch.input_weights,
                    predictions=0 * batch.predictions,
                    terms=tuple(
                        dataclasses.replace(
                            term, weights=0 * term.weights, target_weights=0 * term.target_weights
                        )
                        for term in batch.terms
                    ),
                )
                for batch in step.batches
            )
            yield dataclasses.replace(step, batches=batches)

    runner = runner_of_one(kind, model, optimizer=OPTIMIZERS[optimizer])
    assert {loss for _, loss in by_one(runner, weightless())} == {None}
    np.testing.assert_array_equal(values(runner), beginning(model))


# Words that are not to change

FROZEN = [0, 3, 77]


def masks(model: str, which: str) -> Masks:
    frozen = [np.ones(rows, dtype=np.float32) for rows in (VOCABULARY, outputs(model))]
    for mask in frozen:
        mask[FROZEN] = 0
    return frozen[0] if "in" in which else None, frozen[1] if "out" in which else None


@every_run
@pytest.mark.parametrize("which", ["in and out", "in"])
def test_frozen_rows_do_not_change_and_the_others_do(
    model: str, optimizer: str, which: str
) -> None:
    """The first step of the others is what it is anyway."""
    before, options = beginning(model), {"optimizer": OPTIMIZERS[optimizer]}
    frozen = np.asarray(FROZEN + ([VOCABULARY + row for row in FROZEN] * ("out" in which)))
    others = np.setdiff1d(np.arange(len(before)), frozen)
    trainable = masks(model, which)
    for kind in ("team", "portable"):
        free = runner_of_one(kind, model, **options)
        held = runner_of_one(kind, model, trainable=trainable, **options)
        free_steps = by_one(free, steps(model, words=1500))
        for i, _ in enumerate(by_one(held, steps(model, words=1500))):
            next(free_steps)
            if i == 0:
                np.testing.assert_array_equal(values(held)[others], values(free)[others])
        after, otherwise = values(held), values(free)
        np.testing.assert_array_equal(after[frozen], before[frozen])
        changed = (otherwise != before).any(axis=1)
        assert changed[frozen].all()
        np.testing.assert_array_equal((after != before).any(axis=1)[others], changed[others])
        assert (after != otherwise)[others].any()  # they meet rows that are not as they would be
        free_steps.close()


@pytest.mark.parametrize(("model", "optimizer"), [("block", "adam"), ("cbow-softmax", "adagrad")])
def test_workers_change_no_bit_beside_frozen_rows(
    model: str, optimizer: str, threads: bool
) -> None:
    trainable = masks(model, "in and out")
    options: Any = {"optimizer": OPTIMIZERS[optimizer], "trainable": trainable}
    same_for_all_workers(model, threads, words=900, **options)


# How a run ends


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_planning_raises_ends_the_run(workers: int, threads: bool) -> None:
    """Whoever's planning it is."""
    for broken in range(workers):
        team = Team(workers, threads=threads)
        runner = team_runner(team)
        with pytest.raises(OSError, match="corpus is gone"):
            list(make_steps(runner, team, functools.partial(_fail_after_two, "block", broken)))


def test_what_planning_raises_ends_a_run_under_the_softmax_head(threads: bool) -> None:
    team = Team(3, threads=threads)
    runner = team_runner(team, "softmax")
    with pytest.raises(OSError, match="corpus is gone"):
        list(make_steps(runner, team, functools.partial(_fail_after_two, "softmax", 1)))


def _fail_after_two(model: str, broken: int, worker: Worker) -> Iterator[Step]:
    planned = steps(model, share=share_of(worker, model))
    if worker.rank != broken:
        yield from planned
    yield from itertools.islice(planned, 2)
    raise OSError("the corpus is gone")


def test_steps_before_what_planning_raises_are_handed_back() -> None:
    made: list[int] = []
    runner = team_runner(Team(1))

    def run() -> None:
        plan = functools.partial(_fail_after_two, "block", 0)
        for step, _ in make_steps(runner, Team(1), plan):
            made.append(step.info)

    with pytest.raises(OSError, match="corpus is gone"):
        run()
    assert made == [0, 1]


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_to_do(workers: int, threads: bool) -> None:
    team = Team(workers, threads=threads)
    runner = team_runner(team)
    assert list(make_steps(runner, team, lambda _: [])) == []
    np.testing.assert_array_equal(values(runner), beginning())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("model", ["block", "cbow-paths", "softmax"])
def test_what_a_step_needed_is_freed_with_it(model: str, workers: int, threads: bool) -> None:
    """At once, not when the garbage collector next looks for cycles.

    But shares that are no views are planned for some batches together, and held as long.
    """
    at_once = 4 * workers if model == "cbow-paths" else 1
    alive: list[weakref.ref[Any]] = []
    team = Team(workers, threads=threads)
    runner = team_runner(team, model)

    def watched(worker: Worker) -> Iterator[Step]:
        for step in steps(model, batch_words=250, share=share_of(worker, model)):
            if worker.rank == 0:
                alive.append(weakref.ref(step.batches[0].terms[0].target_weights))
            yield step

    gc.disable()
    try:
        for _ in make_steps(runner, team, watched):
            assert sum(ref() is not None for ref in alive) <= 1 + at_once
    finally:
        gc.enable()
    assert len(alive) >= 12


@pytest.mark.parametrize("n_words", [1, 1023, 1024, 1025, 3000, 7 * 1024])
@pytest.mark.parametrize("fewer", [0, 1])
@pytest.mark.parametrize("threads", [False, True])
def test_finishing_puts_each_matrix_in_one_piece(n_words: int, fewer: int, threads: bool) -> None:
    team = Team(2, threads=threads)
    runner = TeamRunner(n_words, 3, team=team, parts=1, part_rows=1, outputs=n_words - fewer)
    rng = np.random.default_rng(n_words)
    expected = rng.random((2, n_words, 3), dtype=np.float32)
    matrices = expected[0], expected[1, : n_words - fewer]
    runner.w_in[...], runner.w_out[...] = matrices
    before = runner.w_in.__array_interface__["data"][0]
    after = runner.finish()
    for matrix, values_before in zip(after, matrices, strict=True):
        np.testing.assert_array_equal(matrix, values_before)
        assert matrix.flags.c_contiguous
    # No second copy: large models have no room for one.
    addresses = [matrix.__array_interface__["data"][0] for matrix in after]
    words = -(-n_words // 1024) * 1024
    assert addresses == [before, before + words * 3 * 4]

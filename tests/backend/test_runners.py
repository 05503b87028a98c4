"""Both runners make the same steps, for any number of workers of either kind."""

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
from tests.conftest import epsilon, to_host
from tests.synthetic import random_corpus
from xw2v.backend import PortableRunner, Profile, Runner, Step, Team, TeamRunner, Worker
from xw2v.kernel import Batch, sgns_step
from xw2v.sampling import BlockLayout, NoiseTable, PairLayout, keep_thresholds, sample_chunk

VOCABULARY, SIZE, ALPHA, DAMPING, WINDOW = 150, 12, 0.05, 0.2, 3
TOLERANCE = 2e-5
LAYOUTS: dict[str, BlockLayout | PairLayout] = {
    "block": BlockLayout(
        block_size=8, group_blocks=2, interleave=3, shared_negatives=8, negative=5
    ),
    "pair": PairLayout(negative=5),
}


def parameters() -> Any:
    rng = np.random.default_rng(0)
    return (0.3 * rng.standard_normal((2, VOCABULARY, SIZE))).astype(np.float32)


def steps(
    layout: str,
    *,
    xp: Any = np,
    words: int = 3000,
    batch_words: int = 700,
    loss_every: int = 2,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Step]:
    """Of a text of 3,000 words: a few batches, the last of them smaller."""
    vocabulary, corpus = random_corpus(words, VOCABULARY)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
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
    noise = NoiseTable(xp.asarray(noise.thresholds), xp.asarray(noise.aliases))
    batches = LAYOUTS[layout].batches(
        chunk, noise, batch_words, seed=1, epoch=0, index=0, share=share
    )
    for i, planned in enumerate(batches):
        yield Step(
            batch=planned.batch,
            first_part=planned.first_part,
            parts=planned.parts,
            alpha=ALPHA,
            damping=DAMPING,
            with_loss=i % loss_every == 0,
            info=i,
        )


def team_runner(team: Team, layout: str = "block", batch_words: int = 700) -> TeamRunner:
    rows = LAYOUTS[layout].rows(batch_words, WINDOW)
    runner = TeamRunner(VOCABULARY, SIZE, team=team, rows=rows)
    runner.w_in[...], runner.w_out[...] = parameters()
    return runner


def portable_runner(xp: Any = np) -> PortableRunner:
    w_in, w_out = parameters()
    return PortableRunner(xp.asarray(w_in), xp.asarray(w_out))


def runner_of_one(kind: str, layout: str = "block") -> Runner:
    return team_runner(Team(1), layout) if kind == "team" else portable_runner()


def values(runner: Runner) -> Any:
    """A copy of both matrices as they are."""
    return np.stack([to_host(runner.w_in), to_host(runner.w_out)])


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


def by_team(
    layout: str, workers: int, *, threads: bool, profile: Profile | None = None, **options: Any
) -> tuple[Any, list[float | None]]:
    """Return what a team makes of the parameters, and the losses."""
    team = Team(workers, threads=threads)
    runner = team_runner(team, layout, options.get("batch_words", 700))

    def plan(worker: Worker) -> Iterator[Step]:
        return steps(layout, share=(worker.rank, worker.size), **options)

    losses = [loss for _, loss in make_steps(runner, team, plan, profile)]
    return values(runner), losses


def by_one(
    runner: Runner, planned: Iterable[Step], profile: Profile | None = None
) -> Iterator[tuple[Step, float | None]]:
    """Let a worker alone make the steps."""
    return make_steps(runner, Team(1), lambda _: planned, profile)


def test_parameters_begin_as_zeros_that_all_workers_see(threads: bool) -> None:
    team = Team(2, threads=threads)
    runner = TeamRunner(5, 3, team=team, rows=10)
    assert runner.w_in.shape == runner.w_out.shape == (5, 3)
    assert runner.w_in.dtype == runner.w_out.dtype == np.float32
    assert not values(runner).any()

    def program(worker: Worker) -> Generator[None, None, None]:
        if worker.rank == 1:
            runner.w_in[:, 1], runner.w_out[2:, :] = 1, 2
        yield

    list(team.run(program))
    np.testing.assert_array_equal(runner.w_in, [[0, 1, 0]] * 5)
    np.testing.assert_array_equal(runner.w_out, [[0] * 3] * 2 + [[2] * 3] * 3)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch_words", [50, 700, 10_000])
def test_the_number_of_workers_changes_no_bit(layout: str, batch_words: int, threads: bool) -> None:
    """Neither where a batch is too small to be shared nor where there is much to share."""
    words = {50: 1000, 700: 3000, 10_000: 10_000}[batch_words]
    results = [
        by_team(layout, workers, threads=threads, words=words, batch_words=batch_words)
        for workers in (1, 2, 3, 7)
    ]
    hashes = {hashlib.sha256(trained.tobytes()).hexdigest() for trained, _ in results}
    assert len(hashes) == 1
    assert all(losses == results[0][1] for _, losses in results)
    assert hashes != {hashlib.sha256(parameters().tobytes()).hexdigest()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_size_of_tiles_changes_no_bit(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it change a loss, which is summed part by part."""
    expected, losses = by_team(layout, 1, threads=True)
    for floats in (1, 1000, 100_000_000):
        monkeypatch.setattr("xw2v.backend.cpu._TILE_FLOATS", floats)
        trained, same = by_team(layout, 2, threads=True)
        np.testing.assert_array_equal(trained, expected)
        assert same == losses


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("workers", [1, 3])
def test_teams_make_the_steps_of_the_kernel(xp: Any, layout: str, workers: int) -> None:
    """Within what rounding makes of a few steps, on every namespace.

    The sums of a step differ in their order only: by some 1e-7 of what is added up, which is of
    order 10 for the most frequent words, and a few steps do not make more of it.
    """
    trained, losses = by_team(layout, workers, threads=True)
    runner = portable_runner(xp)
    ours = [loss for _, loss in by_one(runner, steps(layout, xp=xp))]
    assert len(ours) >= 4
    np.testing.assert_allclose(values(runner), trained, rtol=0, atol=TOLERANCE)
    assert (np.abs(trained - parameters()).max(axis=(1, 2)) > 0.01).all()
    assert [loss is None for loss in ours] == [loss is None for loss in losses]
    for loss, theirs in zip(ours, losses, strict=True):
        if loss is not None:
            assert loss == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_teams_agree_with_plain_loops(layout: str, threads: bool) -> None:
    """One step of the runner itself, against the float64 oracle."""
    (step,) = itertools.islice(steps(layout, batch_words=100), 1)
    w_in, w_out = parameters()
    expected = oracle.sgns_step(w_in, w_out, step.batch, alpha=ALPHA, damping=DAMPING)
    weight = float(step.batch.center_weights.sum(dtype=np.float64))
    eps = epsilon(np.float32)

    def plan(worker: Worker) -> Iterator[Step]:
        share = worker.rank, worker.size
        return itertools.islice(steps(layout, batch_words=100, share=share), 1)

    for workers in (1, 2, 5):
        team = Team(workers, threads=threads)
        runner = team_runner(team, layout)
        ((_, loss),) = make_steps(runner, team, plan)
        assert (np.abs(runner.w_in - expected.w_in) <= 8 * eps * expected.magnitude_in).all()
        assert (np.abs(runner.w_out - expected.w_out) <= 8 * eps * expected.magnitude_out).all()
        assert loss == pytest.approx(expected.loss / weight, rel=1e-6)


@pytest.mark.parametrize("kind", ["team", "portable"])
def test_steps_are_made_in_order_before_they_are_handed_back(kind: str) -> None:
    w_in, w_out = parameters()
    runner = runner_of_one(kind)
    planned = list(steps("block"))
    seen = 0
    for step, loss in by_one(runner, iter(planned)):
        assert step is planned[seen]
        expected = sgns_step(
            w_in, w_out, step.batch, alpha=ALPHA, damping=DAMPING, with_loss=step.with_loss
        )
        assert (loss is None) == (expected is None)
        np.testing.assert_allclose(values(runner), [w_in, w_out], rtol=0, atol=TOLERANCE)
        seen += 1
    assert seen == len(planned)


def test_steps_of_teams_are_made_before_they_are_handed_back(threads: bool) -> None:
    """Nobody is half a step ahead or behind when the caller looks."""
    team = Team(3, threads=threads)
    runner = team_runner(team)

    def plan(worker: Worker) -> Iterator[Step]:
        return steps("block", share=(worker.rank, worker.size))

    after = [values(runner) for _ in make_steps(runner, team, plan)]
    alone = team_runner(Team(1))
    expected = [values(alone) for _ in by_one(alone, steps("block"))]
    np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("kind", ["team", "portable"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches_of_no_weight_have_no_loss_and_change_nothing(layout: str, kind: str) -> None:
    def weightless() -> Iterator[Step]:
        for step in steps(layout, loss_every=1):
            terms = tuple(
                dataclasses.replace(
                    term, weights=0 * term.weights, target_weights=0 * term.target_weights
                )
                for term in step.batch.terms
            )
            batch = Batch(
                centers=step.batch.centers,
                center_weights=0 * step.batch.center_weights,
                terms=terms,
            )
            yield dataclasses.replace(step, batch=batch)

    runner = runner_of_one(kind, layout)
    assert {loss for _, loss in by_one(runner, weightless())} == {None}
    np.testing.assert_array_equal(values(runner), parameters())


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_planning_raises_ends_the_run(workers: int, threads: bool) -> None:
    """Whoever's planning it is."""
    for broken in range(workers):
        team = Team(workers, threads=threads)
        runner = team_runner(team)
        with pytest.raises(OSError, match="corpus is gone"):
            list(make_steps(runner, team, functools.partial(_fail_after_two, broken)))


def _fail_after_two(broken: int, worker: Worker) -> Iterator[Step]:
    planned = steps("block", share=(worker.rank, worker.size))
    if worker.rank != broken:
        yield from planned
    yield from itertools.islice(planned, 2)
    raise OSError("the corpus is gone")


def test_steps_before_what_planning_raises_are_handed_back() -> None:
    made: list[int] = []
    runner = team_runner(Team(1))

    def run() -> None:
        for step, _ in make_steps(runner, Team(1), functools.partial(_fail_after_two, 0)):
            made.append(step.info)

    with pytest.raises(OSError, match="corpus is gone"):
        run()
    assert made == [0, 1]


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_to_do(workers: int, threads: bool) -> None:
    team = Team(workers, threads=threads)
    runner = team_runner(team)
    assert list(make_steps(runner, team, lambda _: [])) == []
    np.testing.assert_array_equal(values(runner), parameters())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_step_needed_is_freed_with_it(workers: int, threads: bool) -> None:
    """At once, not when the garbage collector next looks for cycles."""
    alive: list[weakref.ref[Any]] = []
    team = Team(workers, threads=threads)
    runner = team_runner(team)

    def watched(worker: Worker) -> Iterator[Step]:
        for step in steps("block", share=(worker.rank, worker.size)):
            if worker.rank == 0:
                alive.append(weakref.ref(step.batch.terms[0].targets))
            yield step

    gc.disable()
    try:
        for _ in make_steps(runner, team, watched):
            assert sum(ref() is not None for ref in alive) <= 2
    finally:
        gc.enable()
    assert len(alive) >= 4


@pytest.mark.parametrize("n_words", [1, 1023, 1024, 1025, 3000, 7 * 1024])
@pytest.mark.parametrize("threads", [False, True])
def test_finishing_puts_each_matrix_in_one_piece(n_words: int, threads: bool) -> None:
    runner = TeamRunner(n_words, 3, team=Team(2, threads=threads), rows=1)
    rng = np.random.default_rng(n_words)
    expected = rng.random((2, n_words, 3), dtype=np.float32)
    runner.w_in[...], runner.w_out[...] = expected
    before = runner.w_in.__array_interface__["data"][0]
    matrices = runner.finish()
    for matrix, values_before in zip(matrices, expected, strict=True):
        np.testing.assert_array_equal(matrix, values_before)
        assert matrix.flags.c_contiguous
    # No second copy: large models have no room for one.
    addresses = [matrix.__array_interface__["data"][0] for matrix in matrices]
    words = -(-n_words // 1024) * 1024
    assert addresses == [before, before + words * 3 * 4]

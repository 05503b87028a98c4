"""Both runners make the same steps, for any number of threads."""

import gc
import hashlib
import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conftest import epsilon, to_host
from tests.synthetic import random_corpus
from xw2v.backend import PortableRunner, Step, ThreadedRunner
from xw2v.kernel import sgns_step
from xw2v.sampling import BlockLayout, NoiseTable, PairLayout, keep_thresholds, sample_chunk

VOCABULARY, SIZE, ALPHA, DAMPING = 150, 12, 0.05, 0.2
TOLERANCE = 2e-5
LAYOUTS: dict[str, BlockLayout | PairLayout] = {
    "block": BlockLayout(
        block_size=8, group_blocks=2, interleave=3, shared_negatives=8, negative=5
    ),
    "pair": PairLayout(negative=5),
}


def parameters(xp: Any = np) -> Any:
    rng = np.random.default_rng(0)
    return xp.asarray(0.3 * rng.standard_normal((2, VOCABULARY, SIZE)), dtype=xp.float32)


def steps(
    layout: str, *, xp: Any = np, words: int = 3000, batch_words: int = 700, loss_every: int = 2
) -> Iterator[Step]:
    """Of a text of 3,000 words: a few batches, the last of them smaller."""
    vocabulary, corpus = random_corpus(words, VOCABULARY)
    noise = NoiseTable.from_counts(vocabulary.counts, 0.75)
    chunk = sample_chunk(
        corpus,
        0,
        words,
        thresholds=xp.asarray(keep_thresholds(vocabulary.counts, 0.0)),
        window=3,
        shrink_windows=True,
        seed=1,
        epoch=0,
    )
    noise = NoiseTable(xp.asarray(noise.thresholds), xp.asarray(noise.aliases))
    batches = LAYOUTS[layout].batches(chunk, noise, batch_words, seed=1, epoch=0, index=0)
    for i, planned in enumerate(batches):
        yield Step(
            batch=planned.batch, alpha=ALPHA, damping=DAMPING, with_loss=i % loss_every == 0, info=i
        )


def threaded(layout: str, workers: int, **options: Any) -> tuple[Any, list[float | None]]:
    trained = parameters()
    runner = ThreadedRunner(trained, workers=workers)
    losses = [loss for _, loss in runner.run(steps(layout, **options))]
    return trained, losses


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch_words", [50, 700, 10_000])
def test_the_number_of_workers_changes_no_bit(layout: str, batch_words: int) -> None:
    """Neither where a batch is too small to be shared nor where there is much to share."""
    options = {"words": 10_000 if batch_words == 10_000 else 3000, "batch_words": batch_words}
    results = [threaded(layout, workers, **options) for workers in (1, 2, 3, 7)]
    hashes = {hashlib.sha256(trained.tobytes()).hexdigest() for trained, _ in results}
    assert len(hashes) == 1
    assert all(losses == results[0][1] for _, losses in results)
    assert hashes != {hashlib.sha256(parameters().tobytes()).hexdigest()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("workers", [1, 3])
def test_threads_make_the_steps_of_the_kernel(xp: Any, layout: str, workers: int) -> None:
    """Within what rounding makes of a few steps, on every namespace.

    The sums of a step differ in their order only: by some 1e-7 of what is added up, which is of
    order 10 for the most frequent words, and a few steps do not make more of it.
    """
    trained, losses = threaded(layout, workers)
    mine = parameters(xp)
    ours = [loss for _, loss in PortableRunner(mine).run(steps(layout, xp=xp))]
    assert len(ours) >= 4
    np.testing.assert_allclose(to_host(mine), trained, rtol=0, atol=TOLERANCE)
    assert (np.abs(trained - parameters()).max(axis=(1, 2)) > 0.01).all()
    assert [loss is None for loss in ours] == [loss is None for loss in losses]
    for loss, theirs in zip(ours, losses, strict=True):
        if loss is not None:
            assert loss == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_threads_agree_with_plain_loops(layout: str) -> None:
    """One step of the runner itself, against the float64 oracle."""
    (step,) = itertools.islice(steps(layout, batch_words=100), 1)
    trained = parameters()
    w_in, w_out = trained
    expected = oracle.sgns_step(w_in, w_out, step.batch, alpha=ALPHA, damping=DAMPING)
    runner = ThreadedRunner(trained, workers=2)
    ((_, loss),) = runner.run([step])
    eps = epsilon(np.float32)
    assert (np.abs(w_in - expected.w_in) <= 8 * eps * expected.magnitude_in).all()
    assert (np.abs(w_out - expected.w_out) <= 8 * eps * expected.magnitude_out).all()
    assert loss == pytest.approx(expected.loss, rel=1e-6)


@pytest.mark.parametrize("kind", ["threaded", "portable"])
def test_steps_are_made_in_order_before_they_are_handed_back(kind: str) -> None:
    w_in, w_out = parameters()
    ours = parameters()
    runner = ThreadedRunner(ours, workers=2) if kind == "threaded" else PortableRunner(ours)
    planned = list(steps("block"))
    seen = 0
    for step, loss in runner.run(iter(planned)):
        assert step is planned[seen]
        expected = sgns_step(
            w_in, w_out, step.batch, alpha=ALPHA, damping=DAMPING, with_loss=step.with_loss
        )
        assert (loss is None) == (expected is None)
        np.testing.assert_allclose(ours, [w_in, w_out], rtol=0, atol=TOLERANCE)
        seen += 1
    assert seen == len(planned)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_planning_raises_ends_the_run(workers: int) -> None:
    def broken() -> Iterator[Step]:
        yield from itertools.islice(steps("block"), 2)
        raise OSError("the corpus is gone")

    made: list[int] = []
    runner = ThreadedRunner(parameters(), workers=workers)

    def run() -> None:
        for step, _ in runner.run(broken()):
            made.append(step.info)

    with pytest.raises(OSError, match="corpus is gone"):
        run()
    # Steps are planned one ahead, so the second is lost with what was to come after it.
    assert made in ([0], [0, 1])


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_to_do(workers: int) -> None:
    untouched = parameters()
    assert list(ThreadedRunner(untouched, workers=workers).run([])) == []
    np.testing.assert_array_equal(untouched, parameters())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_step_needed_is_freed_with_it(workers: int) -> None:
    """At once, not when the garbage collector next looks for cycles."""
    alive: list[weakref.ref[Any]] = []

    def watched() -> Iterator[Step]:
        for step in steps("block"):
            alive.append(weakref.ref(step.batch.terms[0].targets))
            yield step

    gc.disable()
    try:
        for _ in ThreadedRunner(parameters(), workers=workers).run(watched()):
            assert sum(ref() is not None for ref in alive) <= 2
    finally:
        gc.enable()
    assert len(alive) >= 4

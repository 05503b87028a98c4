"""Both runners make the same steps, for any number of threads."""

import hashlib
import itertools
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
    "block": BlockLayout(block_size=8, group_blocks=2, shared_negatives=8, negative=5),
    "pair": PairLayout(negative=5),
}


def parameters(xp: Any = np) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    w_in, w_out = 0.3 * rng.standard_normal((2, VOCABULARY, SIZE))
    return xp.asarray(w_in, dtype=xp.float32), xp.asarray(w_out, dtype=xp.float32)


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


def threaded(layout: str, workers: int, **options: Any) -> tuple[Any, Any, list[float | None]]:
    w_in, w_out = parameters()
    runner = ThreadedRunner(w_in, w_out, workers=workers)
    losses = [loss for _, loss in runner.run(steps(layout, **options))]
    return w_in, w_out, losses


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch_words", [50, 700, 10_000])
def test_the_number_of_workers_changes_no_bit(layout: str, batch_words: int) -> None:
    """Neither where a batch is too small to be shared nor where there is much to share."""
    options = {"words": 10_000 if batch_words == 10_000 else 3000, "batch_words": batch_words}
    results = [threaded(layout, workers, **options) for workers in (1, 2, 3, 7)]
    hashes = {
        hashlib.sha256(w_in.tobytes() + w_out.tobytes()).hexdigest() for w_in, w_out, _ in results
    }
    assert len(hashes) == 1
    assert all(losses == results[0][2] for _, _, losses in results)
    assert hashes != {hashlib.sha256(b"".join(w.tobytes() for w in parameters())).hexdigest()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("workers", [1, 3])
def test_threads_make_the_steps_of_the_kernel(xp: Any, layout: str, workers: int) -> None:
    """Within what rounding makes of a few steps, on every namespace.

    The sums of a step differ in their order only: by some 1e-7 of what is added up, which is of
    order 10 for the most frequent words, and a few steps do not make more of it.
    """
    w_in, w_out, losses = threaded(layout, workers)
    ours_in, ours_out = parameters(xp)
    runner = PortableRunner(ours_in, ours_out)
    ours = [loss for _, loss in runner.run(steps(layout, xp=xp))]
    assert len(ours) >= 4
    for mine, theirs, start in zip((ours_in, ours_out), (w_in, w_out), parameters(), strict=True):
        np.testing.assert_allclose(to_host(mine), theirs, rtol=0, atol=TOLERANCE)
        assert np.abs(theirs - start).max() > 0.01
    assert [loss is None for loss in ours] == [loss is None for loss in losses]
    for loss, theirs in zip(ours, losses, strict=True):
        if loss is not None:
            assert loss == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_threads_agree_with_plain_loops(layout: str) -> None:
    """One step of the runner itself, against the float64 oracle."""
    (step,) = itertools.islice(steps(layout, batch_words=100), 1)
    w_in, w_out = parameters()
    expected = oracle.sgns_step(w_in, w_out, step.batch, alpha=ALPHA, damping=DAMPING)
    runner = ThreadedRunner(w_in, w_out, workers=2)
    ((_, loss),) = runner.run([step])
    eps = epsilon(np.float32)
    assert (np.abs(w_in - expected.w_in) <= 8 * eps * expected.magnitude_in).all()
    assert (np.abs(w_out - expected.w_out) <= 8 * eps * expected.magnitude_out).all()
    assert loss == pytest.approx(expected.loss, rel=1e-6)


@pytest.mark.parametrize("kind", ["threaded", "portable"])
def test_steps_are_made_in_order_before_they_are_handed_back(kind: str) -> None:
    w_in, w_out = parameters()
    ours_in, ours_out = w_in.copy(), w_out.copy()
    runner: ThreadedRunner | PortableRunner
    if kind == "threaded":
        runner = ThreadedRunner(ours_in, ours_out, workers=2)
    else:
        runner = PortableRunner(ours_in, ours_out)
    planned = list(steps("block"))
    seen = 0
    for step, loss in runner.run(iter(planned)):
        assert step is planned[seen]
        expected = sgns_step(
            w_in, w_out, step.batch, alpha=ALPHA, damping=DAMPING, with_loss=step.with_loss
        )
        assert (loss is None) == (expected is None)
        np.testing.assert_allclose(ours_in, w_in, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(ours_out, w_out, rtol=0, atol=TOLERANCE)
        seen += 1
    assert seen == len(planned)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_planning_raises_ends_the_run(workers: int) -> None:
    def broken() -> Iterator[Step]:
        yield from itertools.islice(steps("block"), 2)
        raise OSError("the corpus is gone")

    w_in, w_out = parameters()
    made: list[int] = []
    runner = ThreadedRunner(w_in, w_out, workers=workers)

    def run() -> None:
        for step, _ in runner.run(broken()):
            made.append(step.info)

    with pytest.raises(OSError, match="corpus is gone"):
        run()
    # Steps are planned one ahead, so the second is lost with what was to come after it.
    assert made in ([0], [0, 1])


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_to_do(workers: int) -> None:
    w_in, w_out = parameters()
    assert list(ThreadedRunner(w_in, w_out, workers=workers).run([])) == []
    np.testing.assert_array_equal(w_in, parameters()[0])

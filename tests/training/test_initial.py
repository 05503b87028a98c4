"""What the parameters are before the first step: random, or given."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import array_api_strict
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from tests import oracle
from tests.conftest import to_host
from tests.synthetic import random_corpus
from tests.training.test_run import kept_run
from tests.training.test_trainer import (
    check_parity,
    config,
    every_model,
    initial,
    sha256,
    stand_in,
)
from xw2v.config import TrainingConfig
from xw2v.sampling import Purpose, stream_key
from xw2v.training import InitialVectors, TrainingResult, initialize, train

pytestmark = pytest.mark.usefixtures("no_waiting_for_ever")

# Random parameters


def test_initial_parameters_are_uniform() -> None:
    w_in = initial(11_000, config(vector_size=100))
    assert w_in.dtype == np.float32
    assert np.abs(w_in).max() <= 0.5 / 100
    for columns in (w_in, w_in[:, 0], w_in[:, 49], w_in[:, 50], w_in[:, 99]):
        counts, _ = np.histogram(columns, bins=100, range=(-0.005, 0.005))
        assert counts.sum() == columns.size
        assert chisquare(counts).pvalue > 1e-4
    assert np.unique(w_in[:, :2], axis=0).shape[0] == 11_000  # no piece is drawn twice
    other = initial(11_000, config(vector_size=100, seed=2))
    assert np.mean(other == w_in) < 1e-3


@pytest.mark.parametrize("size", [2, 3, 100, 101])
def test_columns_are_independent(size: int) -> None:
    """Two of them are drawn at once."""
    w_in = initial(20_000, config(vector_size=size))
    correlations = np.corrcoef(w_in.T) - np.eye(size)
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)


@pytest.mark.parametrize("size", [1, 2, 3, 31, 100])
def test_initial_parameters_are_the_same_in_any_shares(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = config(vector_size=size)
    n = 300
    expected = initial(n, options)
    for at_once in (1, 100, 1 << 15):
        monkeypatch.setattr("xw2v.training.initial._DRAWN_AT_ONCE", at_once)
        for borders in ([0, n], [0, 0, 1, n], [0, 17, 150, 151, 299, n], [0, n, n]):
            parts = np.zeros_like(expected)
            for start, stop in pairwise(borders):
                initialize(parts, options, start, stop)
            np.testing.assert_array_equal(parts, expected)


def test_other_rows_are_left_alone() -> None:
    """In a table in which there may be others between them."""
    table = np.full((10, 2, 5), 7, dtype=np.float32)
    options = config(vector_size=5)
    initialize(table[:, 0, :], options, 3, 6)
    np.testing.assert_array_equal(table[3:6, 0], initial(10, options)[3:6])
    table[3:6, 0] = 7
    assert (table == 7).all()


@pytest.mark.parametrize(("n", "size"), [(20_000, 30), (500, 1), (500, 7), (500, 101)])
def test_initial_parameters_are_the_same_everywhere(
    xp: Any, fixed_shapes: None, n: int, size: int
) -> None:
    options = config(vector_size=size)
    expected = initial(n, options)
    w_in = to_host(initial(n, options, xp))
    assert w_in.dtype == np.float32
    assert w_in.tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_initial_parameters_are_two_from_one_draw(size: int) -> None:
    """The first half of a row from upper bits, the second from lower ones: by plain loops."""
    options = config(vector_size=size, seed=3)
    half = (size + 1) // 2
    draws = oracle.splitmix64(stream_key(3, Purpose.INITIAL_WEIGHTS), 20 * half)
    for row, numbers in enumerate(initial(20, options).tolist()):
        for i, number in enumerate(numbers):
            bits = draws[row * half + i % half] >> (39 if i < half else 15) & 0xFFFFFF
            assert number == np.float32((bits / 2**24 - 0.5) / size)


# Vectors that are given

ALL = tuple(range(30))
SOME = (0, 3, 17, 29)

both_numbers_of_workers = pytest.mark.parametrize("workers", [1, 2])


def options_of(model: str = "block", **more: Any) -> TrainingConfig:
    return config(model, batch_words=64, **more)


def given(
    ids: tuple[int, ...] = SOME, *, output: bool = False, frozen: bool = False, size: int = 8
) -> InitialVectors:
    """Vectors of the size that trained ones have."""
    rng = np.random.default_rng(1)
    w_in, w_out = (rng.normal(0, 0.3, (len(ids), size)).astype(np.float32) for _ in range(2))
    return InitialVectors(np.asarray(ids, np.int64), w_in, w_out if output else None, frozen)


def trained(
    options: TrainingConfig, vectors: InitialVectors | None
) -> tuple[TrainingResult, NDArray[np.float32], NDArray[np.float32]]:
    """What a run ends with, and its W_in and W_out before the first batch."""
    result, states = kept_run(random_corpus(600, 30), options, initial=vectors)
    arrays = states[0].arrays
    return result, arrays["input"], arrays["output"]


@every_model
@both_numbers_of_workers
@pytest.mark.parametrize(
    ("ids", "output"),
    [(ALL, True), (SOME, True), (SOME, False), ((), True)],
    ids=["all", "some", "some of the input", "none"],
)
def test_a_run_begins_with_what_is_given(
    model: str, workers: int, ids: tuple[int, ...], output: bool
) -> None:
    """And with what it would have begun with for other words."""
    options = options_of(model, workers=workers, epochs=1)
    vectors = given(ids, output=output)
    _, w_in, w_out = trained(options, vectors)
    expected = initial(30, options)
    expected[vectors.ids] = vectors.input
    np.testing.assert_array_equal(w_in, expected)
    expected = np.zeros_like(w_out)
    if vectors.output is not None:
        those = vectors.ids < len(w_out)  # a tree has a node less than there are words
        expected[vectors.ids[those]] = vectors.output[those]
    np.testing.assert_array_equal(w_out, expected)


def test_rows_of_the_output_may_be_others() -> None:
    """As where they are those of the nodes of a tree."""
    output_ids = np.asarray([1, 2, 28], np.int64)
    rows = np.arange(24, dtype=np.float32).reshape(3, 8) / np.float32(24)
    vectors = replace(given(), output=rows, output_ids=output_ids)
    _, w_in, w_out = trained(options_of("paths"), vectors)
    np.testing.assert_array_equal(w_in[list(SOME)], vectors.input)
    np.testing.assert_array_equal(w_out[output_ids], rows)
    assert not np.delete(w_out, output_ids, axis=0).any()


@every_model
def test_random_vectors_that_are_given_change_nothing(model: str) -> None:
    options = options_of(model)
    vectors = replace(given(ALL), input=initial(30, options))
    expected, _, _ = trained(options, None)
    result, _, _ = trained(options, vectors)
    assert sha256(result) == sha256(expected)
    assert result.losses == expected.losses


@both_numbers_of_workers
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@every_model
def test_frozen_vectors_stay_as_they_were_given(model: str, optimizer: str, workers: int) -> None:
    """Those of the input: their output vectors and all others learn."""
    vectors = given(output="paths" not in model, frozen=True)
    options = options_of(model, optimizer=optimizer, workers=workers)
    result, w_in, w_out = trained(options, vectors)
    others = np.setdiff1d(ALL, SOME)
    np.testing.assert_array_equal(result.w_in[list(SOME)], vectors.input)
    assert (result.w_in != w_in)[others].any(axis=1).all()
    assert (result.w_out != w_out).any(axis=1).all()


@every_model
def test_vectors_that_are_not_frozen_learn(model: str) -> None:
    result, w_in, w_out = trained(options_of(model), given())
    assert (result.w_in != w_in).any(axis=1).all()
    assert (result.w_out != w_out).any(axis=1).all()


def test_all_input_vectors_frozen() -> None:
    """The output layer alone is trained."""
    vectors = given(ALL, frozen=True)
    result, _, _ = trained(options_of(), vectors)
    np.testing.assert_array_equal(result.w_in, vectors.input)
    assert result.w_out.any(axis=1).all()
    losses = [record.loss for record in result.losses]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


@pytest.mark.parametrize("model", ["block", "pair", "paths", "softmax"])
def test_frozen_words_and_frozen_vectors(model: str) -> None:
    """Of a word that is frozen by its name, the output vector stays as well."""
    options = options_of(model, frozen=("w3", "w5"))
    result, w_in, w_out = trained(options, given(frozen=True, output="paths" not in model))
    same = [*SOME, 5]
    np.testing.assert_array_equal(result.w_in[same], w_in[same])
    assert (result.w_in != w_in).any(axis=1).sum() == 30 - len(same)
    still = [] if model == "paths" else [3, 5]
    np.testing.assert_array_equal(np.flatnonzero((result.w_out == w_out).all(axis=1)), still)


@both_numbers_of_workers
def test_runs_with_given_vectors_go_on_from_anywhere(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vectors are not written again, but frozen ones are still known."""
    monkeypatch.setattr("xw2v.training.plan.CHUNK_WORDS", 150)
    vocabulary, corpus = random_corpus(400, 30)
    options = options_of(workers=workers)
    for frozen in (False, True):
        vectors = given(output=True, frozen=frozen)
        expected, states = kept_run((vocabulary, corpus), options, initial=vectors)
        for state in states[::3]:
            result = train(corpus, vocabulary, options, initial=vectors, start=state)
            assert sha256(result) == sha256(expected)


@pytest.mark.parametrize("frozen", [False, True])
@every_model
def test_other_devices_begin_with_what_is_given(
    model: str, frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = options_of(model)
    vectors = given(output=True, frozen=frozen)
    expected, _, w_out = trained(options, vectors)
    stand_in(array_api_strict, monkeypatch)
    result, w_in, theirs = trained(options, vectors)
    np.testing.assert_array_equal(w_in[list(SOME)], vectors.input)
    np.testing.assert_array_equal(theirs, w_out)
    check_parity(result, expected, 1e-4, 1e-4)
    if frozen:
        np.testing.assert_array_equal(result.w_in[list(SOME)], vectors.input)


@pytest.mark.parametrize("at_once", [1, 7, 30, 1000])
def test_vectors_are_written_in_any_shares(
    at_once: int, xp: Any, fixed_shapes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xw2v.training.initial._ROWS_AT_ONCE", at_once)
    w_in, w_out = (xp.ones((30, 8), dtype=xp.float32) for _ in range(2))
    vectors = given(output=True)
    vectors.write(w_in, w_out)
    for table, rows in ((w_in, vectors.input), (w_out, vectors.output)):
        expected = np.ones((30, 8), dtype=np.float32)
        expected[list(SOME)] = rows
        np.testing.assert_array_equal(to_host(table), expected)


# Which vectors were given


def test_fingerprints_are_of_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = given().fingerprint
    assert len(bytes.fromhex(fingerprint)) == 32
    assert given().fingerprint == fingerprint
    in_other_order = replace(given(), input=np.asfortranarray(given().input))
    assert in_other_order.fingerprint == fingerprint
    big_endian = replace(given(), input=given().input.astype(">f4"), ids=given().ids.astype(">i8"))
    assert big_endian.fingerprint == fingerprint
    monkeypatch.setattr("xw2v.training.initial._ROWS_AT_ONCE", 3)
    assert given().fingerprint == fingerprint


def test_fingerprints_change_with_each_part() -> None:
    vectors = given(output=True)
    assert vectors.output is not None
    other = vectors.input.copy()
    other[-1, -1] = np.nextafter(other[-1, -1], np.float32(1))
    ids = vectors.ids.copy()
    ids[1] += 1
    versions = [
        vectors,
        given(),
        replace(vectors, frozen=True),
        replace(vectors, ids=ids),
        replace(vectors, output_ids=ids),
        replace(vectors, input=other),
        replace(vectors, output=other),
        replace(vectors, input=vectors.output, output=vectors.input),
        replace(vectors, input=vectors.input.reshape(-1, 4)),
        given((0, 3, 17), output=True),
        given(output=True, size=9),
    ]
    assert len({version.fingerprint for version in versions}) == len(versions)

"""Nothing diverges: where rows repeat hundreds of times in a batch, damping is really tested.

No subsampling, vocabularies from 2 words up, every batch size, rates up to forty times the
default. Entries of trained vectors are of order 1 there; where a run diverges, they double with
every batch until they overflow.
"""

from typing import Any

import numpy as np
import pytest

from tests.synthetic import random_corpus
from tests.training.test_trainer import MODELS
from xw2v.config import TrainingConfig
from xw2v.text import EncodedCorpus, Vocabulary, encode_sentences
from xw2v.training import TrainingResult, train

BOUND = 10.0
BATCHES = [16, 128, 1024, 16_384]
WORDS = {16: 1000, 64: 1000, 128: 2000, 256: 3000, 1024: 4000, 4096: 5000, 16_384: 17_000}
# With negatives shared or of their own, the same: see `test_negatives_per_pair`.
OF_BLOCKS = [model for model in MODELS if "pair" not in model]


def run(corpus: tuple[Vocabulary, EncodedCorpus], model: str, **options: Any) -> TrainingResult:
    small = {"vector_size": 8, "sample": 0.0, "min_count": 1, "workers": 1, "epochs": 4}
    config = TrainingConfig(**{**small, **MODELS[model], **options})
    return train(corpus[1], corpus[0], config)


def check(result: TrainingResult, bound: float = BOUND) -> None:
    """Check that vectors stay short and losses do not grow.

    That of the last batches may be a little above the first: where words are random, there is
    little to learn, and the loss of a few words is more or less by chance.
    """
    assert np.abs(result.w_in).max() < bound  # false for NaN as well
    assert np.abs(result.w_out).max() < bound
    losses = [record.loss for record in result.losses]
    assert np.mean(losses[-5:]) <= 1.1 * np.mean(losses[:5])


def repeated_sentences(different: int, vocabulary: int, words: int) -> Any:
    rng = np.random.default_rng(0)
    sentences = [[f"w{i}" for i in rng.integers(0, vocabulary, 31)] for _ in range(different)]
    return encode_sentences(sentences * (words // (31 * different)), min_count=1)


def corpus_of(kind: str, words: int) -> Any:
    if kind.startswith("repeated"):
        different, vocabulary = kind.split("-")[1:]
        return repeated_sentences(int(different), int(vocabulary), words)
    return random_corpus(words, int(kind))


KINDS = ["2", "3", "10", "100", "repeated-2-10", "repeated-8-60"]
# The others lie between these.
SOME_KINDS = [
    pytest.param(kind, marks=pytest.mark.slow) if kind in ("3", "100", "repeated-2-10") else kind
    for kind in KINDS
]
OF_SOME_MODELS = [
    (model, batch_words, kind)
    for model in OF_BLOCKS
    for batch_words, kind in [
        *[(16, "repeated-2-10"), (128, "2"), (128, "repeated-8-60")],
        *[(1024, "3"), (4096, "10"), (16_384, "100")],
    ]
    if model != "block" and (batch_words <= 256 or "softmax" not in model)
]


@pytest.mark.parametrize("alpha", [0.025, pytest.param(0.2, marks=pytest.mark.slow), 1.0])
@pytest.mark.parametrize("batch_words", BATCHES)
@pytest.mark.parametrize("kind", KINDS)
def test_skipgram_with_negative_sampling(kind: str, batch_words: int, alpha: float) -> None:
    corpus = corpus_of(kind, WORDS[batch_words])
    check(run(corpus, "block", batch_words=batch_words, alpha=alpha))


@pytest.mark.parametrize(
    "alpha", [*(pytest.param(alpha, marks=pytest.mark.slow) for alpha in (0.025, 0.2)), 1.0]
)
@pytest.mark.parametrize(("model", "batch_words", "kind"), OF_SOME_MODELS)
def test_other_models(model: str, batch_words: int, kind: str, alpha: float) -> None:
    corpus = corpus_of(kind, WORDS[batch_words])
    check(run(corpus, model, batch_words=batch_words, alpha=alpha))


@pytest.mark.parametrize("kind", SOME_KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_default_batches_and_rates(model: str, kind: str) -> None:
    """A hundred batches an epoch."""
    check(run(corpus_of(kind, 1500), model, epochs=3))


@pytest.mark.parametrize(
    ("model", "kind", "words", "batch_words", "alpha"),
    [
        # All as by default, which makes batches of 256 words of these texts.
        ("softmax", "10", 25_600, None, None),
        ("cbow-softmax", "repeated-2-10", 25_600, None, None),
        ("softmax", "10", 12_000, 1024, 0.025),
        ("softmax", "100", 12_000, 1024, 0.025),
        ("softmax", "10", 6000, 128, 0.2),
        ("softmax", "100", 6000, 256, 0.2),
        ("cbow-softmax", "100", 12_000, 1024, 0.2),
        ("cbow-softmax", "repeated-2-10", 6000, 256, 0.2),
    ],
)
def test_softmax_of_larger_texts(
    model: str, kind: str, words: int, batch_words: int | None, alpha: float | None
) -> None:
    """Vectors may get longer here: sentences that are repeated so often are learned by heart."""
    options: Any = {"batch_words": batch_words, "alpha": alpha, "epochs": 6}
    check(run(corpus_of(kind, words), model, **options), 3 * BOUND)


@pytest.mark.parametrize("batch_words", [64, 1024])
@pytest.mark.parametrize("kind", ["2", "10", "repeated-8-60"])
@pytest.mark.parametrize("model", ["pair", "cbow-pair"])
def test_negatives_per_pair(model: str, kind: str, batch_words: int) -> None:
    corpus = corpus_of(kind, WORDS[batch_words] // 2)
    check(run(corpus, model, batch_words=batch_words, epochs=3, alpha=0.2))


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
@pytest.mark.parametrize("batch_words", [pytest.param(128, marks=pytest.mark.slow), 4096])
@pytest.mark.parametrize("kind", ["2", "10", "repeated-8-60"])
@pytest.mark.parametrize("model", MODELS)
def test_other_optimizers(model: str, kind: str, batch_words: int, optimizer: str) -> None:
    """At the rates that suit them."""
    corpus = corpus_of(kind, 2000)
    check(run(corpus, model, batch_words=batch_words, optimizer=optimizer))


@pytest.mark.parametrize("model", ["block", "pair", "cbow-block", "cbow-pair"])
@pytest.mark.parametrize(
    "options",
    [
        {"window": 1},
        {"window": 50, "epochs": 2},
        {"vector_size": 1},
        {"vector_size": 100},
        {"negative": 1},
        {"negative": 30, "epochs": 2},
        {"shared_negatives": 5},
        {"block_size": 1, "group_blocks": 1, "epochs": 1},
        {"shrink_windows": False},
        {"ns_exponent": -0.5},
        {"alpha": 1.0},
    ],
    ids=str,
)
def test_other_settings(options: dict[str, Any], model: str) -> None:
    corpus = random_corpus(2000, 10)
    check(run(corpus, model, **{"alpha": 0.2, "epochs": 3, "batch_words": 512, **options}))


@pytest.mark.parametrize("options", [{"cbow_mean": False}, {"cbow_gradient": "exact"}], ids=str)
@pytest.mark.parametrize("model", ["cbow-block", "cbow-pair", "cbow-paths"])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_other_projections(model: str, options: dict[str, Any], alpha: float) -> None:
    for kind, batch_words in (("10", 1024), ("repeated-8-60", 128)):
        corpus = corpus_of(kind, 3000)
        check(run(corpus, model, alpha=alpha, batch_words=batch_words, **options))


@pytest.mark.parametrize("model", ["block", "cbow-block"])
def test_plain_sums_diverge(model: str) -> None:
    """What the tests above would see without damping."""
    with np.errstate(all="ignore"):
        result = run(random_corpus(6000, 10), model, batch_words=1024, epochs=6, damping=0.0)
    with pytest.raises(AssertionError):
        check(result)

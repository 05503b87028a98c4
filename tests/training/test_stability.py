"""Nothing diverges: where rows repeat hundreds of times in a batch, damping is really tested.

No subsampling, vocabularies from 2 words up, every batch size, rates up to eight times the
default. Entries of trained vectors are of order 1 there; where a run diverges, they double with
every batch until they overflow.
"""

from typing import Any

import numpy as np
import pytest

from tests.synthetic import random_corpus
from xw2v.config import TrainingConfig
from xw2v.text import EncodedCorpus, Vocabulary, encode_sentences
from xw2v.training import TrainingResult, train

BOUND = 8.0
BATCHES = [1, 128, 1024, 16_384]  # 1 is rounded up to one group of blocks


def run(corpus: tuple[Vocabulary, EncodedCorpus], **options: Any) -> TrainingResult:
    config = TrainingConfig(
        **{"vector_size": 8, "sample": 0.0, "min_count": 1, "workers": 1, **options}
    )
    return train(corpus[1], corpus[0], config)


def check(result: TrainingResult) -> None:
    assert np.abs(result.w_in).max() < BOUND  # false for NaN as well
    assert np.abs(result.w_out).max() < BOUND
    assert result.losses[-1].loss <= result.losses[0].loss


def repeated_sentences(different: int, vocabulary: int, times: int) -> Any:
    rng = np.random.default_rng(0)
    sentences = [[f"w{i}" for i in rng.integers(0, vocabulary, 31)] for _ in range(different)]
    return encode_sentences(sentences * times, min_count=1)


@pytest.mark.parametrize("alpha", [0.025, 0.2])
@pytest.mark.parametrize("batch_words", BATCHES)
@pytest.mark.parametrize("vocabulary", [2, 3, 10, 100])
def test_small_vocabularies(vocabulary: int, batch_words: int, alpha: float) -> None:
    words = 17_000 if batch_words > 1024 else 6000
    result = run(random_corpus(words, vocabulary), batch_words=batch_words, alpha=alpha, epochs=6)
    check(result)


@pytest.mark.parametrize("alpha", [0.025, 0.2])
@pytest.mark.parametrize("batch_words", BATCHES)
@pytest.mark.parametrize(("different", "vocabulary"), [(2, 10), (8, 60)])
def test_sentences_repeated_over_and_over(
    different: int, vocabulary: int, batch_words: int, alpha: float
) -> None:
    words = 17_000 if batch_words > 1024 else 6000
    corpus = repeated_sentences(different, vocabulary, words // (31 * different))
    check(run(corpus, batch_words=batch_words, alpha=alpha, epochs=6))


@pytest.mark.parametrize("batch_words", [1, 64, 4096])
@pytest.mark.parametrize("vocabulary", [2, 10, 100])
def test_negatives_per_pair(vocabulary: int, batch_words: int) -> None:
    corpus = random_corpus(600 if batch_words == 1 else 4500, vocabulary)
    options = {"negatives_per": "pair", "batch_words": batch_words, "epochs": 3}
    check(run(corpus, alpha=0.2, **options))


@pytest.mark.parametrize("negatives_per", ["block", "pair"])
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
def test_other_settings(options: dict[str, Any], negatives_per: str) -> None:
    corpus = random_corpus(3000, 10)
    check(
        run(
            corpus,
            **{
                "alpha": 0.2,
                "epochs": 3,
                "batch_words": 512,
                "negatives_per": negatives_per,
                **options,
            },
        )
    )


def test_plain_sums_diverge() -> None:
    """What the tests above would see without damping."""
    with np.errstate(all="ignore"):
        result = run(random_corpus(6000, 10), batch_words=1024, epochs=6, damping=0.0)
    with pytest.raises(AssertionError):
        check(result)

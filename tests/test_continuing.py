"""Training that begins with vectors there are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xw2v import TrainingConfig, WordVectors
from xw2v.continuing import (
    continued_config,
    initial_of_model,
    initial_of_vectors,
    vocabulary_of,
)
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats import SavedModel
from xw2v.text import Vocabulary

WORDS = ("a", "b", "c", "d")


def saved(output: Any = "negative", **options: Any) -> SavedModel:
    rng = np.random.default_rng(0)
    rows = len(WORDS) - (output == "hierarchical")
    return SavedModel(
        words=WORDS,
        counts=np.array([9, 7, 5, 3]),
        input_vectors=rng.standard_normal((len(WORDS), 3), np.float32),
        output_vectors=rng.standard_normal((rows, 3), np.float32),
        config=TrainingConfig(vector_size=3, output=output, **options),
        corpus={},
        loss_history=(),
    )


def vocabulary(**counts: int) -> Vocabulary:
    return Vocabulary(tuple(counts), np.array(list(counts.values()), np.int64))


SAME = vocabulary(a=9, b=7, c=5, d=3)
EXTENDED = vocabulary(c=30, new=20, a=9, newer=8, b=7, d=3)


# The vocabulary


def test_the_vocabulary_of_a_model() -> None:
    found = vocabulary_of(saved())
    assert found.words == WORDS
    assert found.counts.tolist() == [9, 7, 5, 3]
    assert found.fingerprint == SAME.fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counts": np.array([3, 5, 7, 9])}, "counts must fall"),
        ({"words": ("a", "b", "a", "d")}, "a word occurs twice"),
    ],
    ids=["order", "twice"],
)
def test_words_that_make_no_vocabulary(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelFileError, match=f"the model cannot be trained on: {message}"):
        vocabulary_of(replace(saved(), **changes))


# The configuration


def test_what_is_said_no_more_is_inherited() -> None:
    old = TrainingConfig(
        model="cbow",
        optimizer="adagrad",
        vector_size=7,
        window=3,
        alpha=0.01,
        epochs=9,
        seed=4,
        min_count=2,
        vectors="mean",
    )
    assert continued_config(old, {}) == old
    new = continued_config(old, {"epochs": 1, "window": 8})
    assert new == replace(old, epochs=1, window=8)


def test_what_is_of_the_machine_and_the_text_is_not_inherited() -> None:
    old = TrainingConfig(workers=3, device="auto", frozen=("a",), max_final_vocab=4)
    assert continued_config(old, {}) == TrainingConfig()
    assert continued_config(old, {"workers": 2, "frozen": ["b"]}) == TrainingConfig(
        workers=2, frozen=("b",)
    )


@pytest.mark.parametrize(
    ("changes", "alpha"),
    [
        ({}, 0.0123),
        ({"window": 2}, 0.0123),
        ({"model": "skipgram", "optimizer": "sgd", "output": "negative"}, 0.0123),
        ({"sg": 1, "hs": 0}, 0.0123),
        ({"model": "cbow"}, TrainingConfig(model="cbow").alpha),
        ({"sg": 0}, TrainingConfig(model="cbow").alpha),
        ({"optimizer": "adam"}, TrainingConfig(optimizer="adam").alpha),
        ({"output": "hierarchical"}, TrainingConfig(output="hierarchical").alpha),
        ({"hs": 1, "negative": 0}, TrainingConfig(output="hierarchical").alpha),
        ({"optimizer": "adam", "alpha": 0.07}, 0.07),
    ],
    ids=str,
)
def test_the_rate_is_inherited_where_it_suits(changes: dict[str, Any], alpha: float) -> None:
    assert continued_config(TrainingConfig(alpha=0.0123), changes).alpha == alpha


def test_gensims_names() -> None:
    new = continued_config(TrainingConfig(negative=7), {"sg": 0, "hs": 1, "negative": 0})
    assert (new.model, new.output, new.negative) == ("cbow", "hierarchical", 7)
    with pytest.raises(ConfigError, match="sg=0 means model 'cbow', not 'skipgram'"):
        continued_config(TrainingConfig(), {"sg": 0, "model": "skipgram"})


@pytest.mark.parametrize(
    ("had", "changes"),
    [
        ({"vectors": "mean"}, {"output": "hierarchical"}),
        ({"negatives_per": "pair", "negatives_exclude_positive": True}, {"output": "softmax"}),
        ({"negatives_per": "pair", "negatives_exclude_positive": True}, {"negatives_per": "block"}),
        ({"negatives_per": "pair", "negatives_without_replacement": True}, {"output": "softmax"}),
    ],
    ids=str,
)
def test_what_cannot_be_any_more_is_not_inherited(
    had: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Nobody said so, and some options have nothing that takes them back."""
    old = TrainingConfig(**had)
    kept = {name: value for name, value in had.items() if name == "negatives_per"}
    assert continued_config(old, changes) == TrainingConfig(**{**kept, **changes})
    assert continued_config(old, {"window": 2}) == replace(old, window=2)


def test_vectors_have_the_size_they_have() -> None:
    old = TrainingConfig(vector_size=7)
    assert continued_config(old, {"vector_size": 7}).vector_size == 7
    message = r"^vector_size \(100\) must be that of the initial vectors, 7: leave it out"
    with pytest.raises(ConfigError, match=message):
        continued_config(old, {"vector_size": 100})


def test_values_that_cannot_work() -> None:
    with pytest.raises(ConfigError, match="window must be a whole number of at least 1, not 0"):
        continued_config(TrainingConfig(), {"window": 0})


# The vectors of a model


@pytest.mark.parametrize("output", ["negative", "softmax"])
@pytest.mark.parametrize("frozen", [True, False])
def test_words_keep_their_vectors_by_name(output: str, frozen: bool) -> None:
    """Both of them, wherever their rows are now; new words get none."""
    model = saved(output)
    initial = initial_of_model(model, EXTENDED, model.config, frozen=frozen)
    assert initial.frozen is frozen
    assert initial.ids.tolist() == [0, 2, 4, 5]  # c, a, b, d
    np.testing.assert_array_equal(initial.input, model.input_vectors[[2, 0, 1, 3]])
    assert initial.output is not None
    np.testing.assert_array_equal(initial.output, model.output_vectors[[2, 0, 1, 3]])
    w_in, w_out = np.full((2, 6, 3), 7, np.float32)
    initial.write(w_in, w_out)
    for row, word in enumerate(EXTENDED.words):
        if word in WORDS:
            number = WORDS.index(word)
            np.testing.assert_array_equal(w_in[row], model.input_vectors[number])
            np.testing.assert_array_equal(w_out[row], model.output_vectors[number])
        else:
            assert (w_in[row] == 7).all()
            assert (w_out[row] == 7).all()


def test_the_same_tree_keeps_its_nodes() -> None:
    model = saved("hierarchical")
    initial = initial_of_model(model, SAME, model.config)
    assert initial.output is not None
    assert initial.output_ids is not None
    assert initial.output_ids.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(initial.output, model.output_vectors)


@pytest.mark.parametrize(
    "others",
    [vocabulary(a=9, b=7, c=5, d=4), vocabulary(b=9, a=7, c=5, d=3), EXTENDED],
    ids=["counts", "order", "words"],
)
def test_the_nodes_of_another_tree_begin_with_zeros(others: Vocabulary) -> None:
    model = saved("hierarchical")
    initial = initial_of_model(model, others, model.config)
    assert initial.output is None
    assert len(initial.ids) == 4


@pytest.mark.parametrize("old", ["negative", "hierarchical", "softmax"])
@pytest.mark.parametrize("new", ["negative", "hierarchical", "softmax"])
def test_another_output_layer_begins_with_zeros(old: str, new: str) -> None:
    model = saved(old)
    config = TrainingConfig(vector_size=3, output=new)  # type: ignore[arg-type]
    initial = initial_of_model(model, SAME, config)
    assert (initial.output is not None) == (old == new)


def test_what_a_run_begins_with_has_a_fingerprint() -> None:
    model = saved()
    one = initial_of_model(model, SAME, model.config)
    assert one.fingerprint == initial_of_model(saved(), SAME, model.config).fingerprint
    others = [
        initial_of_model(model, SAME, model.config, frozen=True),
        initial_of_model(model, EXTENDED, model.config),
        initial_of_model(model, SAME, replace(model.config, output="softmax")),
        initial_of_model(replace(model, output_vectors=-model.output_vectors), SAME, model.config),
    ]
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 5


# The vectors of a file


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_words_of_the_text_get_their_vectors(dtype: str) -> None:
    rows = np.arange(15).reshape(5, 3).astype(dtype)
    given = WordVectors(["x", "d", "b", "y", "new"], rows)
    initial = initial_of_vectors(given, EXTENDED, frozen=True)
    assert initial.ids.tolist() == [1, 4, 5]  # new, b, d
    assert initial.input.dtype == np.float32
    assert initial.input.tolist() == [[12, 13, 14], [6, 7, 8], [3, 4, 5]]
    assert initial.output is None
    assert initial.frozen
    assert not initial_of_vectors(given, EXTENDED).frozen


def test_no_word_has_one() -> None:
    given = WordVectors(["A", "B"], np.ones((2, 3), np.float32))
    message = (
        "^none of the 4 words of the text is among the 2 initial vectors: are they spelled alike, "
        "in lower case or not"
    )
    with pytest.raises(ConfigError, match=message):
        initial_of_vectors(given, SAME)

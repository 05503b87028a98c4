"""Every hyperparameter has its default and its check."""

import dataclasses
import json
import math
from typing import Any, get_args

import numpy as np
import pytest

from xw2v import ConfigError, TrainingConfig
from xw2v.config import _ALPHA, _CHOICES, check_vectors, from_gensim


def test_defaults_are_those_of_gensim() -> None:
    config = TrainingConfig()
    expected = {
        "vector_size": 100,
        "window": 5,
        "shrink_windows": True,
        "negative": 5,
        "ns_exponent": 0.75,
        "sample": 1e-3,
        "alpha": 0.025,
        "min_alpha": 1e-4,
        "epochs": 5,
        "min_count": 5,
        "max_final_vocab": None,
        "seed": 1,
    }
    assert {name: getattr(config, name) for name in expected} == expected
    assert (config.model, config.output, config.optimizer) == ("skipgram", "negative", "sgd")
    assert (config.schedule, config.vectors, config.frozen) == ("linear", "input", ())
    assert config.negatives_per == "block"
    assert config.device == "cpu"
    assert config.workers is None
    assert config.batch_words is None


WHOLE_FROM_1 = [
    "vector_size",
    "window",
    "negative",
    "epochs",
    "min_count",
    "interleave",
]
WHOLE_FROM_1_OR_NONE = ["block_size", "group_blocks", "batch_words", "max_final_vocab", "workers"]
NUMBERS_FROM_0 = ["sample", "min_alpha", "damping"]
BOOLS = [
    "cbow_mean",
    "shrink_windows",
    "negatives_exclude_positive",
    "negatives_without_replacement",
]

BAD: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name in (*WHOLE_FROM_1, *WHOLE_FROM_1_OR_NONE)
        for value in (0, -1, 1.0, 2.5, "5", True)
    ),
    *((name, None) for name in WHOLE_FROM_1),
    *(
        (name, value)
        for name in (*NUMBERS_FROM_0, "alpha")
        for value in (-1e-9, math.nan, math.inf, "1")
    ),
    *((name, None) for name in NUMBERS_FROM_0),
    *((name, value) for name in BOOLS for value in (2, -1, 0.0, "yes", None)),
    *((name, value) for name in _CHOICES for value in ("token", "", None, 1, True)),
    *(("frozen", value) for value in ("king", None, 5, ["king", 1], {"king"}, b"king")),
    *(("ns_exponent", value) for value in (math.nan, math.inf, -math.inf, "0.75", None)),
    *(("seed", value) for value in (-1, 2**63, 1.5, None)),
    ("alpha", 0),
    ("alpha", 0.0),
    ("window", 10_000_000),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=str)
def test_values_that_cannot_work_are_refused(name: str, value: Any) -> None:
    options: dict[str, Any] = {"min_alpha": 0.0} if name == "alpha" else {}
    with pytest.raises(ConfigError, match=name) as caught:
        TrainingConfig(**{**options, name: value})
    assert str(value) in str(caught.value) or value == 0


@pytest.mark.parametrize("value", [0, -1, 2.5, "5", True])
def test_shared_negatives_are_a_whole_number(value: Any) -> None:
    with pytest.raises(ConfigError, match="shared_negatives must be a whole number"):
        TrainingConfig(shared_negatives=value)


def test_shared_negatives_fewer_than_negatives_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"shared_negatives \(4\) must be at least negative \(5"):
        TrainingConfig(shared_negatives=4)
    TrainingConfig(shared_negatives=4, negative=4)
    TrainingConfig(negative=64)  # the default goes along


def test_choices_are_listed() -> None:
    with pytest.raises(ConfigError) as caught:
        TrainingConfig(model="glove")  # type: ignore[arg-type]
    assert str(caught.value) == "model must be 'skipgram' or 'cbow', not 'glove'"
    with pytest.raises(ConfigError, match="schedule must be 'linear', 'constant' or 'cosine', not"):
        TrainingConfig(schedule="step")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BOOLS)
def test_gensim_writes_bools_as_numbers(name: str) -> None:
    pairs: dict[str, Any] = {"negatives_per": "pair"}
    for value in (0, 1, False, True, np.bool_(False), np.bool_(True)):
        assert getattr(TrainingConfig(**{**pairs, name: value}), name) is bool(value)


@pytest.mark.parametrize("name", ["negatives_exclude_positive", "negatives_without_replacement"])
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"output": "hierarchical", "negatives_per": "pair"},
        {"output": "softmax", "negatives_per": "pair"},
    ],
    ids=str,
)
def test_shared_negatives_cannot_choose(name: str, others: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{name} needs output 'negative' and negatives_per"):
        TrainingConfig(**{**others, name: True})
    TrainingConfig(**{**others, name: False})


# Learning rates


def test_alpha_is_what_suits_model_and_optimizer() -> None:
    assert {
        (optimizer, model): TrainingConfig(optimizer=optimizer, model=model).alpha
        for optimizer in get_args(_CHOICES["optimizer"])
        for model in get_args(_CHOICES["model"])
    } == _ALPHA
    assert all(TrainingConfig(alpha=rate).alpha == rate for rate in (1, 0.3, 1e-4))
    assert TrainingConfig(output="hierarchical").alpha == 0.035
    assert TrainingConfig(output="hierarchical", model="cbow").alpha == 0.05
    assert TrainingConfig(output="hierarchical", optimizer="adam").alpha == 0.03
    assert TrainingConfig(alpha=None) == TrainingConfig() == TrainingConfig(alpha=0.025)


def test_min_alpha_above_alpha_is_refused() -> None:
    for schedule in ("linear", "cosine"):
        options: Any = {"schedule": schedule}
        with pytest.raises(ConfigError, match=r"min_alpha \(0.1\) must not be above alpha \(0.05"):
            TrainingConfig(alpha=0.05, min_alpha=0.1, **options)
        TrainingConfig(alpha=0.05, min_alpha=0.05, **options)
        assert TrainingConfig(min_alpha=0.5, **options).alpha == 0.5  # nobody named another


def test_a_constant_rate_has_no_end() -> None:
    config = TrainingConfig(schedule="constant", alpha=1e-5)
    assert (config.alpha, config.min_alpha) == (1e-5, 1e-4)
    assert TrainingConfig(schedule="constant", min_alpha=0.5).alpha == TrainingConfig().alpha


# Words and vectors


@pytest.mark.parametrize("words", [(), [], ("king",), ["king", "queen"]], ids=str)
def test_frozen_words(words: Any) -> None:
    config = TrainingConfig(frozen=words)
    assert config.frozen == tuple(words)
    assert hash(config) == hash(TrainingConfig(frozen=tuple(words)))


def test_inner_nodes_are_no_words() -> None:
    for output in get_args(_CHOICES["output"]):
        for vectors in get_args(_CHOICES["vectors"]):
            options: Any = {"output": output, "vectors": vectors}
            if output == "hierarchical" and vectors != "input":
                message = f"vectors must be 'input' for output 'hierarchical', not '{vectors}'"
                with pytest.raises(ConfigError, match=message):
                    TrainingConfig(**options)
                with pytest.raises(ConfigError, match=message):
                    check_vectors(vectors, output)
            else:
                check_vectors(vectors, output)
                assert TrainingConfig(**options).vectors == vectors
    with pytest.raises(ConfigError, match=r"vectors must be one of input, .*, not 'both'"):
        check_vectors("both", "negative")


# What gensim calls them


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"sg": 1}, {"model": "skipgram"}),
        ({"sg": 0}, {"model": "cbow"}),
        ({"sg": False}, {"model": "cbow"}),
        ({"sg": 1.0}, {"model": "skipgram"}),
        ({"sg": 0, "model": "cbow"}, {"model": "cbow"}),
        ({"hs": 0}, {"output": "negative"}),
        ({"hs": 0, "negative": 7}, {"output": "negative", "negative": 7}),
        ({"hs": 0, "output": "softmax"}, {"output": "softmax"}),
        ({"hs": 1, "negative": 0}, {"output": "hierarchical"}),
        ({"hs": 1, "negative": 0, "output": "hierarchical"}, {"output": "hierarchical"}),
        ({"sg": 0, "hs": 1, "negative": 0}, {"model": "cbow", "output": "hierarchical"}),
        ({"output": "hierarchical", "negative": 0}, {"output": "hierarchical"}),
        ({"output": "hierarchical", "negative": 3}, {"output": "hierarchical", "negative": 3}),
        ({"output": "softmax", "negative": 0}, {"output": "softmax"}),
        ({"negative": 0}, {"negative": 0}),
        ({"window": 3, "size": 9}, {"window": 3, "size": 9}),
    ],
    ids=str,
)
def test_from_gensim(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    before = dict(theirs)
    assert from_gensim(theirs) == ours
    assert theirs == before


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ({"sg": 2}, "sg must be 0 or 1, not 2"),
        ({"sg": "1"}, "sg must be 0 or 1, not '1'"),
        ({"hs": None}, "hs must be 0 or 1, not None"),
        ({"sg": 0, "model": "skipgram"}, "sg=0 means model 'cbow', not 'skipgram'"),
        ({"sg": 1, "model": "cbow"}, "sg=1 means model 'skipgram', not 'cbow'"),
        ({"hs": 0, "output": "hierarchical"}, "hs=0 means output 'negative', not 'hierarchical'"),
        ({"hs": 1, "output": "negative"}, "hs=1 means output 'hierarchical', not 'negative'"),
        ({"hs": 1, "output": "softmax"}, "hs=1 means output 'hierarchical', not 'softmax'"),
        ({"hs": 1}, "choose hs=1 with negative=0, or hs=0"),
        ({"hs": 1, "negative": 5}, "choose hs=1 with negative=0, or hs=0"),
    ],
    ids=str,
)
def test_contradictions_are_refused(theirs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_gensim(theirs)


GOOD: list[tuple[str, Any]] = [
    *((name, value) for name in (*WHOLE_FROM_1, *WHOLE_FROM_1_OR_NONE) for value in (1, 64)),
    *((name, None) for name in WHOLE_FROM_1_OR_NONE),
    *((name, 0) for name in ("sample", "min_alpha", "damping", "seed")),
    *(("ns_exponent", value) for value in (-0.5, 0, 1)),
    ("alpha", 1),
    ("seed", 2**63 - 1),
    ("shared_negatives", 5),
    ("shared_negatives", None),
    *((name, value) for name, kind in _CHOICES.items() for value in get_args(kind)),
    *((name, value) for name in BOOLS[:2] for value in (False, True)),
]


@pytest.mark.parametrize(("name", "value"), GOOD, ids=str)
def test_values_that_work(name: str, value: Any) -> None:
    assert getattr(TrainingConfig(**{name: value}), name) == value


def test_unknown_names_are_refused() -> None:
    with pytest.raises(TypeError, match="size"):
        TrainingConfig(size=5)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="unknown hyperparameters: layers, size"):
        TrainingConfig.from_dict({"size": 5, "layers": 1, "window": 2})


def test_dictionary_and_back_through_json() -> None:
    for config in (
        TrainingConfig(vector_size=7, negatives_per="pair", batch_words=64, seed=2**62),
        TrainingConfig(model="cbow", optimizer="adam", frozen=("a", "b"), vectors="concat"),
        TrainingConfig(output="hierarchical", cbow_mean=False, schedule="constant", alpha=1e-9),
    ):
        assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert list(config.to_dict()) == [field.name for field in dataclasses.fields(TrainingConfig)]
    with pytest.raises(ConfigError, match="window"):
        TrainingConfig.from_dict({"window": 0})


def test_configurations_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().window = 3  # type: ignore[misc]

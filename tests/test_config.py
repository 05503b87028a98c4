"""Every hyperparameter has its default and its check."""

import dataclasses
import json
import math
from typing import Any

import pytest

from xw2v import ConfigError, TrainingConfig


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
    "block_size",
    "group_blocks",
    "interleave",
    "batch_words",
    "max_final_vocab",
    "workers",
]
NUMBERS_FROM_0 = ["sample", "alpha", "min_alpha", "damping"]

BAD: list[tuple[str, Any]] = [
    *((name, value) for name in WHOLE_FROM_1 for value in (0, -1, 1.0, 2.5, "5", True)),
    *((name, None) for name in WHOLE_FROM_1[:8]),
    *((name, value) for name in NUMBERS_FROM_0 for value in (-1e-9, math.nan, math.inf, "1", None)),
    *(("ns_exponent", value) for value in (math.nan, math.inf, -math.inf, "0.75", None)),
    *(("seed", value) for value in (-1, 2**63, 1.5, None)),
    ("alpha", 0),
    ("alpha", 0.0),
    ("negatives_per", "token"),
    ("negatives_per", None),
    ("window", 10_000_000),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=str)
def test_values_that_cannot_work_are_refused(name: str, value: Any) -> None:
    options = {"min_alpha": 0.0} if name == "alpha" else {}
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


def test_min_alpha_above_alpha_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"min_alpha \(0.1\) must not be above alpha \(0.05\)"):
        TrainingConfig(alpha=0.05, min_alpha=0.1)
    TrainingConfig(alpha=0.05, min_alpha=0.05)


GOOD: list[tuple[str, Any]] = [
    *((name, value) for name in WHOLE_FROM_1 for value in (1, 64)),
    *((name, None) for name in WHOLE_FROM_1[8:]),
    *((name, 0) for name in ("sample", "min_alpha", "damping", "seed")),
    *(("ns_exponent", value) for value in (-0.5, 0, 1)),
    ("alpha", 1),
    ("seed", 2**63 - 1),
    ("shared_negatives", 5),
    ("shared_negatives", None),
    ("negatives_per", "pair"),
    ("shrink_windows", False),
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
    config = TrainingConfig(vector_size=7, negatives_per="pair", batch_words=64, seed=2**62)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert list(config.to_dict()) == [field.name for field in dataclasses.fields(TrainingConfig)]
    with pytest.raises(ConfigError, match="window"):
        TrainingConfig.from_dict({"window": 0})


def test_configurations_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().window = 3  # type: ignore[misc]

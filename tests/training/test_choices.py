"""What a configuration stands for where it leaves things open, and that what it says is done."""

from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np
import pytest

from tests.training.test_trainer import MODELS, config, every_model
from xw2v.backend import Device, get_device
from xw2v.errors import ConfigError
from xw2v.kernel import Adagrad, Adam, Sgd
from xw2v.sampling import (
    BlockLayout,
    HuffmanTree,
    Layout,
    NegativeOutput,
    NoiseIntervals,
    NoiseTable,
    PairLayout,
    PathOutput,
    SoftmaxOutput,
)
from xw2v.training.choices import choose_batch_words, choose_layout, choose_optimizer

CPU = get_device("cpu")
DEVICES = [CPU, Device("stand-in", numpy_namespace, None)]
COUNTS = np.asarray([90, 40, 21, 20, 3])
OUTPUTS = {"block": NegativeOutput, "paths": PathOutput, "softmax": SoftmaxOutput}
WORDS = [1, 7, 40, 256, 2048, 100_000]

every_device = pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)


def layout_of(model: str, batch_words: int = 2048, counts: Any = COUNTS, **options: Any) -> Layout:
    return choose_layout(config(model, **options), counts, CPU, batch_words)


# The words of a batch


@every_device
@every_model
def test_a_named_number_of_words_is_taken(model: str, device: Device) -> None:
    for words in (1, 77, 10**9):
        assert choose_batch_words(config(model, batch_words=words), device, 1000) == words


@every_device
@every_model
@pytest.mark.parametrize("kept", [0, 1, 99, 100, 12_345, 10**9])
def test_an_epoch_has_a_hundred_batches_or_more(model: str, device: Device, kept: int) -> None:
    words = choose_batch_words(config(model, vector_size=100), device, kept)
    assert 1 <= words <= max(1, kept // 100)


@every_device
def test_models_differ_in_the_words_of_a_batch(device: Device) -> None:
    """The device decides for blocks of text with shared negatives; others follow it."""
    for size in (10, 100, 300):
        words = {
            model: choose_batch_words(config(model, vector_size=size), device, 10**9)
            for model in MODELS
        }
        assert words["block"] == device.batch_words(size)
        assert words["pair"] == words["cbow-pair"] < words["block"]  # a center has more targets
        assert words["cbow-block"] >= words["block"]
        # Words share their nodes.
        assert words["cbow-paths"] == words["paths"] == min(8 * words["block"], 16_384)
        # Each update moves every word.
        assert words["softmax"] == words["cbow-softmax"] == min(256, words["block"])


# The layout


@every_model
@pytest.mark.parametrize("batch_words", WORDS)
def test_layouts_of_every_model(model: str, batch_words: int) -> None:
    layout = layout_of(model, batch_words)
    assert isinstance(layout, PairLayout if "pair" in model else BlockLayout)
    assert (layout.cbow is not None) == ("cbow" in model)
    if isinstance(layout, BlockLayout):
        assert isinstance(layout.output, OUTPUTS[model.removeprefix("cbow-")])
        # However few words a batch has, not many more are taken: those of a group of blocks.
        assert layout.block_size <= batch_words
        groups = layout.output.group_blocks if isinstance(layout.output, NegativeOutput) else 1
        assert layout.least_words <= max(batch_words, layout.block_size * groups)


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("gradient", ["exact", "undivided"])
@pytest.mark.parametrize("model", ["cbow-block", "cbow-pair", "cbow-paths", "cbow-softmax"])
def test_projections(model: str, mean: bool, gradient: str) -> None:
    layout = layout_of(model, cbow_mean=mean, cbow_gradient=gradient)
    assert isinstance(layout, (BlockLayout, PairLayout))
    assert layout.cbow is not None
    assert (layout.cbow.mean, layout.cbow.exact) == (mean, gradient == "exact")


@every_model
def test_a_named_block_size_is_taken(model: str) -> None:
    if "pair" in model:
        return
    for size, batch_words in ((1, 2048), (5, 1), (333, 100)):
        layout = layout_of(model, batch_words, block_size=size)
        assert isinstance(layout, BlockLayout)
        assert layout.block_size == size


@pytest.mark.parametrize("model", ["block", "cbow-block"])
def test_named_groups_and_negatives_are_taken(model: str) -> None:
    options = {"group_blocks": 7, "shared_negatives": 11, "negative": 9, "interleave": 3}
    output = getattr(layout_of(model, 100_000, **options), "output", None)
    assert isinstance(output, NegativeOutput)
    assert (output.group_blocks, output.shared_negatives) == (7, 11)
    assert (output.negative, output.interleave) == (9, 3)
    assert getattr(layout_of(model, 1, **options), "output", output).group_blocks == 7
    # Small batches have no room for groups that take turns.
    assert getattr(layout_of(model, 1, **options), "output", output).interleave == 1


@pytest.mark.parametrize("model", ["block", "cbow-block"])
@pytest.mark.parametrize("negative", [1, 5, 15, 40])
def test_a_shared_negative_weighs_no_more_than_a_whole_one(model: str, negative: int) -> None:
    output = getattr(layout_of(model, negative=negative), "output", None)
    assert isinstance(output, NegativeOutput)
    assert output.negative == negative
    assert output.shared_negatives >= negative
    assert output.shared_negatives >= 16


@every_model
def test_the_vocabulary_of_a_layout(model: str) -> None:
    layout = layout_of(model, ns_exponent=-0.3)
    table, tree = NoiseTable.from_counts(COUNTS, -0.3), HuffmanTree.from_counts(COUNTS)
    output = layout if isinstance(layout, PairLayout) else getattr(layout, "output", None)
    if isinstance(output, PathOutput):
        np.testing.assert_array_equal(output.tree.points, tree.points)
    elif isinstance(output, (PairLayout, NegativeOutput)):
        assert isinstance(output.noise, NoiseTable)
        np.testing.assert_array_equal(output.noise.thresholds, table.thresholds)


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("model", ["pair", "cbow-pair"])
def test_exact_negatives_take_intervals(model: str, exclude: bool, once: bool) -> None:
    layout = layout_of(
        model,
        negatives_exclude_positive=exclude,
        negatives_without_replacement=once,
        negative=4,
    )
    assert isinstance(layout, PairLayout)
    assert (layout.exclude_positive, layout.replacement) == (exclude, not once)
    assert isinstance(layout.noise, NoiseIntervals if exclude or once else NoiseTable)


# Vocabularies that are too small


@pytest.mark.parametrize("model", ["paths", "cbow-paths"])
def test_a_tree_of_one_word(model: str) -> None:
    with pytest.raises(ConfigError, match=r"output 'hierarchical'.*at least 2 words.*min_count"):
        layout_of(model, counts=np.asarray([7]))
    layout_of(model, counts=np.asarray([7, 7]))


@pytest.mark.parametrize("model", [model for model in MODELS if "paths" not in model])
def test_other_models_take_a_vocabulary_of_one_word(model: str) -> None:
    layout_of(model, counts=np.asarray([7]))


@pytest.mark.parametrize(
    ("options", "words", "enough"),
    [
        ({"negatives_exclude_positive": True}, 1, 2),
        ({"negatives_without_replacement": True, "negative": 6}, 5, 6),
        (
            {
                "negatives_exclude_positive": True,
                "negatives_without_replacement": True,
                "negative": 6,
            },
            6,
            7,
        ),
    ],
    ids=["exclude", "once", "both"],
)
@pytest.mark.parametrize("model", ["pair", "cbow-pair"])
def test_too_few_words_for_exact_negatives(
    model: str, options: dict[str, Any], words: int, enough: int
) -> None:
    """The message names something that cannot be had, and what there can be."""
    with pytest.raises(ConfigError, match="negatives_") as caught:
        layout_of(model, counts=np.full(words, 7), **options)
    assert any(name in str(caught.value) for name in options if name != "negative")
    assert f"vocabulary of size {words} " in str(caught.value)
    layout_of(model, counts=np.full(enough, 7), **options)


# The optimizer


def test_optimizers() -> None:
    assert choose_optimizer(config(damping=0.3)) == Sgd(0.3)
    assert choose_optimizer(config(optimizer="adagrad")) == Adagrad(initial=10.0)
    assert choose_optimizer(config(optimizer="adam")) == Adam()

"""What a run needs of the memory of a device, and what is said where there is less."""

import tracemalloc
from typing import Any

import array_api_compat.numpy as numpy_namespace
import numpy as np
import pytest

from tests.synthetic import random_corpus
from xw2v.backend import Device
from xw2v.config import TrainingConfig
from xw2v.errors import DeviceError
from xw2v.kernel import Adagrad, Adam, Optimizer, Sgd
from xw2v.sampling import BlockLayout, NegativeOutput, NoiseTable
from xw2v.training import train
from xw2v.training.memory import (
    MemoryNeeds,
    batch_memory,
    check_memory,
    chunk_memory,
    parameter_memory,
)

GB = 10**9


def usual_layout(n_words: int) -> BlockLayout:
    noise = NoiseTable.from_counts(np.full(n_words, 7), 0.75)
    output = NegativeOutput(
        noise=noise, negative=5, shared_negatives=32, group_blocks=2, interleave=4
    )
    return BlockLayout(block_size=16, output=output)


def test_three_million_words_of_three_hundred_dimensions_fit_in_16_gb() -> None:
    """With the largest chunk, and the batches of a GPU."""
    parameters, state = parameter_memory(3_000_000, 3_000_000, 300, Sgd())
    layout = usual_layout(1000)
    needs = MemoryNeeds(
        parameters=parameters,
        optimizer=state,
        text=4 << 20,
        chunk=chunk_memory(1 << 20),
        batch=batch_memory(layout, layout.parts(32_768), 5, 300),
    )
    assert 7.2 * GB < parameters < 7.3 * GB
    assert state == 0
    assert needs.total < 10 * GB
    check_memory(needs, 16 * GB, "cuda:0")


@pytest.mark.parametrize(
    ("optimizer", "times"),
    [(Sgd(), 0), (Adagrad(), 1), (Adam(), 2)],
    ids=["sgd", "adagrad", "adam"],
)
def test_the_state_of_optimizers(optimizer: Optimizer, times: int) -> None:
    parameters, state = parameter_memory(1000, 999, 100, optimizer)
    assert parameters == 4 * 1999 * 100 + 20 * 1000
    assert state == times * 4 * 1999 * 100 + (4 * 1999 if times == 2 else 0)


def test_too_little_memory() -> None:
    needs = MemoryNeeds(parameters=6 << 30, optimizer=0, text=1 << 20, chunk=3 << 20, batch=5 << 20)
    check_memory(needs, None, "stand-in")
    check_memory(needs, needs.total, "cuda:1")
    with pytest.raises(DeviceError) as caught:
        check_memory(needs, 4 << 30, "cuda:1")
    message = str(caught.value)
    assert message.startswith("too little memory on cuda:1: 4,096 MiB are free, and training needs")
    assert "about 6,217 MiB (both matrices 6,144 MiB, text 4 MiB, batches 5 MiB);" in message
    assert "a smaller vector_size" in message


class SmallDevice(Device):
    """A device with as much memory as is said."""

    free = 0

    def free_memory(self) -> int | None:
        return self.free


MODELS: dict[str, dict[str, Any]] = {
    "skip-gram": {},
    "window": {"window": 20, "vector_size": 20},
    "dimensions": {"vector_size": 300},
    "cbow": {"model": "cbow"},
    "pair": {"negatives_per": "pair", "batch_words": 1024},
    "paths": {"output": "hierarchical"},
    "adam": {"optimizer": "adam"},
    "deterministic": {"deterministic": True},
}


@pytest.mark.parametrize("model", MODELS)
def test_a_run_takes_no_more_than_it_was_said_to_need(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NumPy stands for the device, and tells what it holds."""
    vocabulary, corpus = random_corpus(20_000, 2_000)
    device = SmallDevice("stand-in", numpy_namespace, None)
    monkeypatch.setattr("xw2v.training.trainer.get_device", lambda name: device)
    said: list[MemoryNeeds] = []

    def check(needs: MemoryNeeds, free: int | None, name: str) -> None:
        assert (free, name) == (SmallDevice.free, "stand-in")
        said.append(needs)

    monkeypatch.setattr("xw2v.training.plan.check_memory", check)
    SmallDevice.free = 10 * GB
    config = TrainingConfig(**{"epochs": 1, "batch_words": 4096, "sample": 0.0, **MODELS[model]})
    tracemalloc.start()
    try:
        train(corpus, vocabulary, config)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (needs,) = said
    parts = needs.parameters, needs.optimizer, needs.text, needs.chunk, needs.batch
    assert peak < sum(parts)
    assert sum(parts) < 6 * peak

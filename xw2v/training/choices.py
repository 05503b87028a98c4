"""What a configuration stands for: layout, batch size and optimizer, where it leaves them open."""

import numpy as np
from numpy.typing import NDArray

from xw2v.backend import Device
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError
from xw2v.kernel import Adagrad, Adam, Optimizer, Sgd
from xw2v.sampling import (
    BlockLayout,
    Cbow,
    HuffmanTree,
    Layout,
    NegativeOutput,
    NoiseIntervals,
    NoiseTable,
    Output,
    PairLayout,
    PathOutput,
    SoftmaxOutput,
)

__all__ = ["choose_batch_words", "choose_layout", "choose_optimizer"]

_UPDATES_AN_EPOCH = 100  # at least, so that small corpora do not train in a few large steps
_PAIR_LAYOUT_SHRINK = 8  # a center has that many times the targets it has in the block layout
_PATHS_GROWTH = 8  # the more words, the more of them share the nodes of their paths ...
_PATHS_BATCH_WORDS = 16_384  # ... but larger batches than this lose analogies
_PART_WORDS = 4096  # of hierarchical softmax
_BLOCK_PAIRS = {"skipgram": 32, "cbow": 16}  # a center of skip-gram has some six pairs
_ADAGRAD_INITIAL = 10.0  # at 0, a word's first steps are as large as if it had been seen often
_SOFTMAX_BATCH_WORDS = 256  # each update moves every word
_BLOCK_SIZE = {"negative": 16, "hierarchical": 32, "softmax": 16}
# A center of CBOW has one prediction where one of skip-gram has some six: its words weigh less.
_CBOW_GROWTH = 2
_GROUP_BLOCKS = {"skipgram": 2, "cbow": 4}
_SHARED_NEGATIVES = {"skipgram": 32, "cbow": 16}


def choose_batch_words(config: TrainingConfig, device: Device, kept: int) -> int:
    """Return the centers in a batch.

    Parameters
    ----------
    config : TrainingConfig
    device : Device
    kept : int
        Centers of an epoch.
    """
    if config.batch_words is not None:
        return config.batch_words
    words = device.batch_words(config.vector_size)
    if config.output == "softmax":
        words = min(words, _SOFTMAX_BATCH_WORDS)
    elif config.output == "hierarchical":
        words = min(words * _PATHS_GROWTH, _PATHS_BATCH_WORDS)
    elif config.negatives_per == "pair":
        words //= _PAIR_LAYOUT_SHRINK
    elif config.model == "cbow":
        words *= _CBOW_GROWTH
    return max(1, min(words, kept // _UPDATES_AN_EPOCH))


def choose_layout(
    config: TrainingConfig, counts: NDArray[np.int64], device: Device, batch_words: int
) -> Layout:
    """Return the layout of a model, with what it needs to know of the vocabulary.

    Parameters
    ----------
    config : TrainingConfig
    counts : ndarray, shape (V,), int64
        Occurrences of the words.
    device : Device
        Where batches are planned.
    batch_words : int
        Centers in a batch.

    Raises
    ------
    ConfigError
        If the vocabulary has not enough words.
    """
    cbow = None
    if config.model == "cbow":
        cbow = Cbow(mean=config.cbow_mean, exact=config.cbow_gradient == "exact")
    if config.output == "negative" and config.negatives_per == "pair":
        return _pair_layout(config, counts, device, cbow)
    block_size = config.block_size or min(_BLOCK_SIZE[config.output], batch_words)
    output: Output
    if config.output == "hierarchical":
        if counts.size < 2:
            raise ConfigError("output 'hierarchical' needs at least 2 words: lower min_count")
        tree = HuffmanTree.from_counts(counts).to(device.xp, device.handle)
        output = PathOutput(
            tree=tree,
            part_blocks=max(1, min(_PART_WORDS, batch_words) // block_size),
            block_pairs=_BLOCK_PAIRS[config.model],
        )
    elif config.output == "softmax":
        output = SoftmaxOutput()
    else:
        group_blocks = config.group_blocks or _GROUP_BLOCKS[config.model]
        output = NegativeOutput(
            noise=NoiseTable.from_counts(counts, config.ns_exponent).to(device.xp, device.handle),
            negative=config.negative,
            shared_negatives=config.shared_negatives
            or max(_SHARED_NEGATIVES[config.model], config.negative),
            group_blocks=group_blocks,
            interleave=max(1, min(config.interleave, batch_words // (block_size * group_blocks))),
        )
    return BlockLayout(block_size=block_size, output=output, cbow=cbow)


def _pair_layout(
    config: TrainingConfig, counts: NDArray[np.int64], device: Device, cbow: Cbow | None
) -> PairLayout:
    exclude, replacement = (
        config.negatives_exclude_positive,
        not config.negatives_without_replacement,
    )
    noise: NoiseTable | NoiseIntervals
    if exclude or not replacement:
        try:
            noise = NoiseIntervals.from_counts(counts, config.ns_exponent)
            noise.check(1 if replacement else config.negative, exclude)
        except ValueError as error:
            raise ConfigError(
                f"{'negatives_exclude_positive' if exclude else 'negatives_without_replacement'} "
                f"cannot be had: {error}"
            ) from error
    else:
        noise = NoiseTable.from_counts(counts, config.ns_exponent)
    return PairLayout(
        noise=noise.to(device.xp, device.handle),
        negative=config.negative,
        cbow=cbow,
        exclude_positive=exclude,
        replacement=replacement,
    )


def choose_optimizer(config: TrainingConfig) -> Optimizer:
    """Return the optimizer.

    Parameters
    ----------
    config : TrainingConfig
    """
    if config.optimizer == "adagrad":
        return Adagrad(initial=_ADAGRAD_INITIAL)
    if config.optimizer == "adam":
        return Adam()
    return Sgd(config.damping)

"""How the learning rate changes over a run."""

import math
from typing import cast

from xw2v.config import TrainingConfig

__all__ = ["learning_rate"]


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """Return the learning rate after a share of all corpus words.

    Parameters
    ----------
    config : TrainingConfig
        Of whose `schedule` this is the meaning.
    progress : float
        In 0..1.
    """
    alpha, least = cast(float, config.alpha), config.min_alpha  # None was settled by the check
    if config.schedule == "constant":
        return alpha
    if config.schedule == "cosine":
        # Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
        return least + (alpha - least) * 0.5 * (1.0 + math.cos(math.pi * progress))
    return alpha - (alpha - least) * progress

"""Vectors to draw, and what the tests ask of pictures."""

from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from xw2v.vectors import WordVectors

STRANGE = [
    *("中国", "عربي", "हिन्दी", "😀", "👩‍👩‍👧", "\ud800x", "a\x07b", "tab\tx", "$x_1$ and $y$"),
    *("_hidden", "naïve", "физика", "x" * 99),
]


def vectors_of(words: Sequence[str], size: int = 8, seed: int = 0) -> WordVectors:
    """Make up vectors, and counts that fall from 1,000 for each word to 1."""
    rows = np.random.default_rng(seed).standard_normal((len(words), size)).astype(np.float32)
    return WordVectors(list(words), rows, np.geomspace(1000, 1, len(words)).astype(np.int64))


@pytest.fixture
def wv() -> WordVectors:
    """300 words, ``w0`` the most frequent."""
    return vectors_of([f"w{i}" for i in range(300)])


def drawn_texts(figure: Figure) -> list[Text]:
    """Return what is written within the axes of a figure."""
    return [text for text in figure.axes[0].texts if text.get_text()]


def assert_apart(figure: Figure) -> None:
    """Check that no label lies upon another, or outside of the axes."""
    figure.draw_without_rendering()
    area = figure.axes[0].get_window_extent().padded(1.5)
    boxes = [text.get_window_extent() for text in drawn_texts(figure)]
    for i, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:i]) == 0
        assert area.contains(*box.min)
        assert area.contains(*box.max)

"""Which words of a vocabulary an evaluation looks at, and how it spells them."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError

if TYPE_CHECKING:
    from xw2v.vectors.word_vectors import WordVectors

__all__ = ["check_count", "known_words"]


def check_count(name: str, value: object) -> None:
    """Raise ConfigError unless `value` is a whole number of at least 1."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{name} must be a whole number of at least 1, not {value!r}")


def known_words(
    word_vectors: "WordVectors", restrict_vocab: int | None, case_insensitive: bool
) -> tuple[dict[str, int], npt.NDArray[np.int64]]:
    """Return the row of each known spelling, and for each row that of its first case variant."""
    if restrict_vocab is not None:
        check_count("restrict_vocab", restrict_vocab)
    words = word_vectors.index_to_key[:restrict_vocab]
    spellings = [word.upper() for word in words] if case_insensitive else words
    known: dict[str, int] = {}
    first_variant = [known.setdefault(word, row) for row, word in enumerate(spellings)]
    return known, np.asarray(first_variant, dtype=np.int64)

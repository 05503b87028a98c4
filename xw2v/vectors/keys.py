"""What a query is made of: words, rows and vectors, with their weights."""

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeAlias

from xw2v.errors import ConfigError

__all__ = ["Key", "WeightedKey", "as_list", "is_row", "weighted_keys"]

# A word, its row, or a vector of shape (D,).
Key: TypeAlias = Any


class WeightedKey(NamedTuple):
    """A word, row or vector, and what it weighs in a query."""

    key: Key
    weight: float


def is_row(key: object) -> bool:
    """Return whether a key is a whole number; True and False are none."""
    return isinstance(key, Integral) and not isinstance(key, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def as_list(items: Any) -> list[Any]:
    """Return the keys of an argument that may be a single one, or None.

    Raises
    ------
    ConfigError
        If it is neither a word nor a vector, nor several of them.
    """
    if items is None:
        return []
    if isinstance(items, str) or is_row(items) or getattr(items, "ndim", None) == 1:
        return [items]
    if isinstance(items, tuple) and len(items) == 2 and _is_number(items[1]):
        return [items]  # one key and its weight
    if getattr(items, "ndim", None) == 2:
        return [items[row, :] for row in range(items.shape[0])]
    if not isinstance(items, Iterable):
        raise ConfigError(f"{items!r} is neither a word nor a vector, nor several of them")
    return list(items)


def weighted_keys(positive: Any, negative: Any) -> list[WeightedKey]:
    """Return the keys of a query; those without a weight of their own weigh +1 or -1.

    Raises
    ------
    ConfigError
        If a tuple is no key and its weight, or there is no key.
    """
    keys = [_weighted(item, 1.0) for item in as_list(positive)]
    keys += [_weighted(item, -1.0) for item in as_list(negative)]
    if not keys:
        raise ConfigError("most_similar needs at least one word or vector")
    return keys


def _weighted(item: Any, weight: float) -> WeightedKey:
    if not isinstance(item, tuple):
        return WeightedKey(item, weight)
    if len(item) != 2 or not _is_number(item[1]):
        raise ConfigError(f"a tuple must be a word or vector and its weight, not {item!r}")
    return WeightedKey(item[0], float(item[1]))

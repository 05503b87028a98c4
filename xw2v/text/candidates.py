"""Candidates for phrases, counted as numbers, any number of them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from xw2v.text.spool import Spool

__all__ = ["CandidateCounter", "KeyCounter", "Rows"]

_KEY_LIMIT = (1 << 63) - 1
_PIECE = 1 << 20  # candidates that are looked at, at a time


def _merge(
    runs: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merge sorted keys and add up their counts."""
    if len(runs) == 1:
        return runs[0]
    keys = np.concatenate([keys for keys, _ in runs])
    counts = np.concatenate([counts for _, counts in runs])
    order = np.argsort(keys, kind="stable")  # which merges what is in rising order already
    keys = keys[order]
    begins = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    return keys[begins], np.add.reduceat(counts[order], begins)


class KeyCounter:
    """Counts keys, any number of them.

    Parameters
    ----------
    memory_keys : int
        So many different ones are held in memory.
    """

    def __init__(self, memory_keys: int) -> None:
        self._memory_keys = memory_keys
        self._buffer = np.empty(max(memory_keys // 2, 1), np.int64)
        self._filled = 0
        # Sorted runs of different keys with their counts; those in files lie end to end.
        self._runs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._ends: list[int] = []
        self._keys = Spool(np.int64, 1)
        self._counts = Spool(np.int64, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._keys.close()
        self._counts.close()

    def add(self, keys: NDArray[np.int64]) -> None:
        """Count each of the keys, shape (n,), once more."""
        while keys.size:
            room = self._buffer[self._filled :][: keys.size]
            room[:] = keys[: room.size]
            self._filled += room.size
            keys = keys[room.size :]
            if self._filled == self._buffer.size:
                self._sort()

    def _sort(self) -> None:
        keys = self._buffer[: self._filled]
        keys.sort()
        ends = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
        self._runs.append((keys[ends], np.diff(ends, prepend=-1)))
        self._filled = 0
        if sum(keys.size for keys, _ in self._runs) > self._memory_keys:
            run = _merge(self._runs)
            self._runs = [run]
            # Half of the room is free again, or the merging was worth while.
            if run[0].size > self._memory_keys // 2:
                self._keys.append(run[0])
                self._counts.append(run[1])
                self._ends.append(len(self._keys))
                self._runs = []

    def pieces(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the different keys, rising, and their counts; nothing may be added from now on."""
        if self._filled:
            self._sort()
        self._buffer = np.empty(1, np.int64)
        if len(self._runs) > 1:
            self._runs = [_merge(self._runs)]
        runs = list(self._runs)
        if self._ends:
            parts = zip([0, *self._ends], self._ends, strict=False)
            keys, counts = self._keys.array(), self._counts.array()
            runs += [(keys[begin:end], counts[begin:end]) for begin, end in parts]
        step = max(min(self._memory_keys, _PIECE) // max(len(runs), 1), 1)
        while runs := [run for run in runs if run[0].size]:
            # Up to this key there are at most `step` in each run, and just so many in one.
            last = min(keys[:step][-1] for keys, _ in runs)
            cuts = [int(np.searchsorted(keys[:step], last, "right")) for keys, _ in runs]
            yield _merge(
                [(keys[:cut], counts[:cut]) for (keys, counts), cut in zip(runs, cuts, strict=True)]
            )
            runs = [
                (keys[cut:], counts[cut:]) for (keys, counts), cut in zip(runs, cuts, strict=True)
            ]


class Rows(NamedTuple):
    """Some candidates and how often they occur.

    Attributes
    ----------
    first, nodes, second, counts : ndarray of int64, shape (r,)
        First word, node of the connector words between, second word; how often they occur.
    """

    first: NDArray[np.int64]
    nodes: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: NDArray[np.int64]

    def take(self, which: NDArray[np.integer | np.bool_]) -> "Rows":
        """Return some of them."""
        return Rows(*(column[which] for column in self))

    @classmethod
    def concatenate(cls, parts: Iterable["Rows"]) -> "Rows":
        """Return several one after the other."""
        none = np.empty(0, np.int64)
        columns = zip(*parts, (none,) * 4, strict=True)
        return cls(*(np.concatenate(column) for column in columns))


class CandidateCounter:
    """Counts candidates.

    They are numbered by what is between their words, by the first and by the second one. Where
    that is too much for 64 bits, the former are divided among several counters.
    """

    def __init__(self, n_words: int, memory_keys: int) -> None:
        self._n = max(n_words, 1)
        self._memory_keys = memory_keys
        self._nodes_per_part = max(_KEY_LIMIT // self._n**2, 1)
        self._parts: list[KeyCounter] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def add(
        self, first: NDArray[np.int32], nodes: NDArray[np.int64], second: NDArray[np.int32]
    ) -> None:
        """Count candidates, given by their words and what is between them, once more each."""
        parts, nodes = np.divmod(nodes, self._nodes_per_part)
        keys = (nodes * self._n + first) * self._n + second
        last_part = int(parts.max(initial=0))
        while len(self._parts) <= last_part:
            self._parts.append(self._stack.enter_context(KeyCounter(self._memory_keys)))
        if not last_part:
            self._parts[0].add(keys)
            return
        for part in np.unique(parts).tolist():
            self._parts[part].add(keys[parts == part])

    def pieces(self) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the part, the keys and the counts of all candidates; `rows` makes them out."""
        for part, counter in enumerate(self._parts):
            for keys, counts in counter.pieces():
                yield part, keys, counts

    def rows(self, part: int, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> Rows:
        """Return the candidates that keys stand for."""
        pairs, second = np.divmod(keys, self._n)
        nodes, first = np.divmod(pairs, self._n)
        return Rows(first, nodes + part * self._nodes_per_part, second, counts)

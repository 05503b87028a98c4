"""Words that may stand inside phrases, and what is left without them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Connectors", "Window"]


class Window(NamedTuple):
    """A piece of text, its words apart from its connector words.

    There are k - 1 pairs of neighbours among the k words that are no connector words.

    Attributes
    ----------
    at : ndarray of int64, shape (k,)
        Where those words are.
    words : ndarray of int32, shape (k,)
        Their numbers.
    joinable : ndarray of bool, shape (k - 1,)
        Whether both are in one sentence.
    nodes : ndarray of int64, shape (k - 1,)
        What is between them, see `Connectors`; where joinable.
    """

    at: NDArray[np.int64]
    words: NDArray[np.int32]
    joinable: NDArray[np.bool_]
    nodes: NDArray[np.int64]


class Connectors:
    """The connector words of a text, and numbers for the sequences of them between words.

    The sequences are the nodes of a tree; its root, node 0, is the empty one.
    """

    def __init__(self, n_words: int, numbers: NDArray[np.int32]) -> None:
        self.mask = np.zeros(n_words, np.bool_)
        self.mask[numbers] = True
        self._n_words = n_words
        self._any = bool(numbers.size)
        self._children: dict[int, int] = {}
        self._keys = [-1]  # of each node: what is its number in _children, of which it is a value

    def window(self, tokens: NDArray[np.int32], *, add: bool) -> Window:
        """Return a text taken apart; with `add` unknown sequences become nodes, else -1."""
        ids = tokens ^ (tokens >> 31)
        at = np.flatnonzero(~self.mask[ids]) if self._any else np.arange(tokens.size)
        sentences = np.cumsum(tokens < 0)[at]
        joinable = sentences[1:] == sentences[:-1]
        nodes = np.zeros(joinable.size, np.int64)
        if self._any:
            apart = np.flatnonzero((np.diff(at) > 1) & joinable)
            nodes[apart] = self._nodes(ids, at[apart] + 1, at[apart + 1], add=add)
        return Window(at, ids[at], joinable, nodes)

    def _nodes(
        self,
        ids: NDArray[np.int32],
        begins: NDArray[np.int64],
        ends: NDArray[np.int64],
        *,
        add: bool,
    ) -> NDArray[np.int64]:
        nodes = np.zeros(begins.size, np.int64)
        here = np.arange(begins.size)
        while here.size:
            # All sequences go one word further, and each kind of step is looked up once.
            keys = nodes[here] * self._n_words + ids[begins[here]]
            different, which = np.unique(keys, return_inverse=True)
            steps = [self._child(key, add=add) for key in different.tolist()]
            nodes[here] = np.array(steps, np.int64)[which]
            begins[here] += 1
            here = here[(begins[here] < ends[here]) & (nodes[here] >= 0)]
        return nodes

    def _child(self, key: int, *, add: bool) -> int:
        if add and key not in self._children:
            self._children[key] = len(self._keys)
            self._keys.append(key)
        return self._children.get(key, -1)

    def node(self, sequence: Sequence[int], *, add: bool) -> int:
        """Return the number of a sequence of connector words."""
        node = 0
        for number in sequence:
            node = self._child(node * self._n_words + number, add=add)
        return node

    def parents(self) -> Iterator[tuple[int, int]]:
        """Yield the parent and the last word of each node but the root; parents come first."""
        for key in self._keys[1:]:
            yield divmod(key, self._n_words)

    def sequence(self, node: int) -> tuple[int, ...]:
        """Return the sequence of a node."""
        words = []
        while node:
            node, word = divmod(self._keys[node], self._n_words)
            words.append(word)
        return tuple(reversed(words))

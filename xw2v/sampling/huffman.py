"""The Huffman tree of the vocabulary, along whose paths hierarchical softmax predicts words."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HuffmanTree"]

Array = Any


@dataclass(frozen=True, eq=False)
class HuffmanTree:
    """A binary tree with the V words as leaves, and the way from its root to each of them.

    A word's probability is the product of the probabilities of the branches on its path (Morin
    and Bengio 2005, "Hierarchical Probabilistic Neural Network Language Model"), ``sigmoid(z)``
    for code 0 and ``sigmoid(-z)`` for code 1, z being the dot product with the vector of the
    inner node (Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their
    Compositionality", section 2.1; which code has which sign is as in word2vec.c).

    Inner nodes are numbered 0 to V - 2 in the order in which Huffman's algorithm makes them,
    which are the numbers that word2vec.c keeps in `point`. The root is V - 2.

    Parameters
    ----------
    points : array, shape (V, L), int32
        The inner nodes from the root to each word, then -1. L is the longest path.
    codes : array, shape (V, L), int8
        The branch taken at each of them, 0 or 1; then 0.
    lengths : array, shape (V,), int32
        Inner nodes on each word's path, which never get fewer from a word to the next.
    ranks : array, shape (V,), int32
        Place of each word when words are sorted by their codes as strings.
    low, middle, high : array, shape (V - 1,), int32
        Inner node m is on the paths of the words of ranks ``low[m]`` to ``high[m] - 1``, and no
        others. Those of ranks below ``middle[m]`` have code 0 there, the others code 1.
    """

    points: Array
    codes: Array
    lengths: Array
    ranks: Array
    low: Array
    middle: Array
    high: Array

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64]) -> "HuffmanTree":
        """Make the tree of the shortest mean path (Huffman 1952) that word2vec.c makes.

        Node by node it is the tree of `CreateBinaryTree`, ties included, without its limit of
        40 on the length of a path. It is made with whole arrays.

        Parameters
        ----------
        counts : array, shape (V,), int64
            Occurrences in the corpus, at least 1 and never rising. V is at least 2, and the sum
            below 2**63.

        Returns
        -------
        HuffmanTree
            Of NumPy arrays.

        Raises
        ------
        ValueError
            If there are fewer than two words, or the counts are not as said.
        """
        size = counts.size
        if size < 2:
            raise ValueError(f"a Huffman tree takes at least 2 words, not {size}")
        if counts[-1] < 1 or (counts[:-1] < counts[1:]).any():
            raise ValueError("counts must be at least 1 and must not rise from a word to the next")
        children = _merge(counts)
        nodes_of, lengths = _levels(children)
        ranks, low, middle, high = _intervals(children, nodes_of)
        points, codes = _paths(children, lengths)
        return cls(points, codes, lengths, ranks, low, middle, high)

    @property
    def n_nodes(self) -> int:
        """Number of inner nodes, V - 1."""
        return int(self.low.shape[0])

    @property
    def depth(self) -> int:
        """Number L of inner nodes on the longest path."""
        return int(self.points.shape[1])

    def to(self, xp: Any, device: Any) -> "HuffmanTree":
        """Return the same tree with arrays of a namespace on a device.

        Parameters
        ----------
        xp : Array API namespace
        device : device of `xp`, or None
            None is its default.

        Returns
        -------
        HuffmanTree
        """
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return HuffmanTree(
            **{name: xp.asarray(array, device=device) for name, array in arrays.items()}
        )


# Below, an item is a word, 0 to V - 1, or V + m for inner node m.


def _merge(counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the items at codes 0 and 1 of each inner node, shape (V - 1, 2).

    word2vec.c takes the two lightest items again and again: from a queue of words, rarest first,
    and one of nodes, oldest first; the node, if both weigh the same. No node made from now on is
    lighter than the two lightest items together, and none comes before an older one. So the items
    lighter than that sum are taken before any new node, and are paired all at once here (Milidiú,
    Laber and Pessoa 1999, "A work-efficient parallel algorithm for constructing Huffman codes").
    All that is left then weighs that sum or more, save for an odd one of half of it or more. So
    the sum of the two lightest grows by half or more each time, and the rounds are few.
    """
    size = counts.size
    rising = np.ascontiguousarray(counts[::-1])
    sums = np.empty(size - 1, dtype=np.int64)
    taken = np.empty(2 * (size - 1), dtype=np.int32)
    word = node = made = 0  # words and nodes taken, nodes made
    while made < size - 1:
        front = np.sort(np.concatenate((sums[node:made][:2], rising[word : word + 2])))
        until = int(np.searchsorted(rising, front[0] + front[1], side="left"))
        # The older nodes all qualify: each is the sum of two items no heavier than these two.
        weights = np.concatenate((sums[node:made], rising[word:until]))
        waiting = made - node
        order = np.argsort(weights, kind="stable")[: weights.size // 2 * 2]
        is_node = order < waiting
        nodes, pairs = int(np.count_nonzero(is_node)), order.size // 2
        first_word = size - 1 - word
        taken[2 * made : 2 * (made + pairs)] = np.where(
            is_node, size + node + order, first_word + waiting - order
        )
        sums[made : made + pairs] = weights[order].reshape(-1, 2).sum(axis=1)
        node, word, made = node + nodes, word + order.size - nodes, made + pairs
    return taken.reshape(-1, 2)


def _levels(children: NDArray[np.int32]) -> tuple[list[slice], NDArray[np.int32]]:
    """Return the inner nodes at each depth, the root first, and the path length of each word.

    Items are taken in the order of their parents' numbers. So those of a level are taken just
    before those of the level above, its nodes are consecutive, and so are its words.
    """
    size = len(children) + 1
    levels: list[slice] = []
    words: list[int] = []
    start, stop = size - 2, size - 1
    while start < stop:
        levels.append(slice(start, stop))
        nodes = int(np.count_nonzero(children[start:stop] >= size))
        words.append(2 * (stop - start) - nodes)
        start, stop = start - nodes, start
    return levels, np.repeat(np.arange(1, len(words) + 1, dtype=np.int32), words)


def _intervals(
    children: NDArray[np.int32], levels: list[slice]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return the ranks of the words, and the inner nodes' `low`, `middle` and `high`."""
    size = len(children) + 1
    below = np.ones(2 * size - 1, dtype=np.int32)  # words below an item, itself included
    nodes_below = below[size:]
    for level in reversed(levels):
        nodes_below[level] = below[children[level]].sum(axis=1)
    first = np.zeros(2 * size - 1, dtype=np.int32)  # the lowest rank below an item
    low = first[size:]
    for level in levels:
        left, right = children[level].T
        first[left] = low[level]
        first[right] = low[level] + below[left]
    return first[:size].copy(), low.copy(), first[children[:, 1]], low + nodes_below


def _paths(
    children: NDArray[np.int32], lengths: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Return `points` and `codes`: all words climb to the root together, a level at a time."""
    size, depth = lengths.size, int(lengths[-1])
    parents = np.empty(2 * size - 2, dtype=np.int32)
    parents[children] = np.arange(size - 1, dtype=np.int32)[:, None]
    branches = np.zeros(2 * size - 2, dtype=np.int8)
    branches[children[:, 1]] = 1
    points = np.full((size, depth), -1, dtype=np.int32)
    codes = np.zeros((size, depth), dtype=np.int8)
    starts = np.searchsorted(lengths, np.arange(1, depth + 1))  # of the words with longer paths
    items = np.arange(size, dtype=np.int32)
    for column in reversed(range(depth)):
        start = starts[column]  # words before it join further up
        climbing = items[start:]
        codes[start:, column] = branches[climbing]
        above = parents[climbing]
        points[start:, column] = above
        np.add(above, size, out=climbing)
    return points, codes

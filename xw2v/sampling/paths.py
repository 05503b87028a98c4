"""Hierarchical softmax: hidden vectors against the inner nodes on the paths of what they predict.

Pair by pair, a hidden vector is multiplied with some twelve nodes that hardly any other pair of
the text around it needs. Words that are near each other in the tree share most of their path.
So the pairs of a part of the batch are sorted by the place of their word in the tree, and some
consecutive ones make a block with all nodes that one of them needs; a mask keeps for each pair
its own. Blocks that need many nodes and blocks that need few are terms by themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, is_numpy_array
from array_api_compat import device as device_of

from xw2v.kernel import Batch, Term, scatter_add
from xw2v.sampling.huffman import HuffmanTree
from xw2v.sampling.text_blocks import Cbow, TextBlocks

__all__ = ["PathOutput"]

Array = Any

_LEAST_WIDTH = 8  # nodes of the narrowest blocks


class _Pairs(NamedTuple):
    """Pairs of hidden vector and word to predict, sorted by word, and the sorted words."""

    hidden: Array  # (S,) place of the pair's hidden vector
    place: Array  # (S,) of the pair's word among the words
    start: Array  # (S,) whether it is the first pair of its word's occurrence
    words: Array  # (n,)
    n_pairs: int  # the others fill the last block


@dataclass(frozen=True, kw_only=True)
class PathOutput:
    """Hierarchical softmax over a Huffman tree.

    Parameters
    ----------
    tree : HuffmanTree
        Of the vocabulary, on the device of the batches.
    part_blocks : int
        Blocks of text in a part: the more, the more words have near neighbors in the tree.
    block_pairs : int
        Pairs in a block of the products.
    """

    tree: HuffmanTree
    part_blocks: int
    block_pairs: int = 32

    def part_rows(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return how many inputs and targets a part has at most; mostly it has far fewer."""
        centers = self.part_blocks * block_size
        pairs = centers * (2 * window if cbow is None else 1)
        blocks = max(1, -(-pairs // self.block_pairs))
        # Different nodes on so many paths, of which 2**l at most are of level l; and once more
        # the path that each block begins with.
        nodes = centers * max(1, self.tree.depth + 2 - centers.bit_length())
        nodes += blocks * self.tree.depth
        inputs = self.part_blocks * (block_size + 2 * window)
        return inputs + nodes * 5 // 4 + blocks * _LEAST_WIDTH  # see `_widths`

    def part_logits(self, block_size: int, window: int, cbow: Cbow | None) -> int:
        """Return about how many logits a part has: as many as if pairs did not share paths."""
        pairs = self.part_blocks * block_size * (2 * window if cbow is None else 1)
        return pairs * self.tree.depth

    def batches(
        self,
        text: TextBlocks,
        cbow: Cbow | None,
        numbers: Array,
        key: int,  # noqa: ARG002 - as in the protocol
    ) -> Sequence[Batch]:
        """Make a batch of each part; parameters as for `Output.batches`."""
        return [
            self._part(text.part(k * self.part_blocks, (k + 1) * self.part_blocks), cbow)
            for k in range(numbers.shape[0])
        ]

    def _part(self, text: TextBlocks, cbow: Cbow | None) -> Batch:
        xp = array_namespace(text.words)
        lengths = xp.take(self.tree.lengths, xp.reshape(text.centers, (-1,)), axis=0)
        logits = xp.reshape(xp.astype(lengths, xp.float32), text.n_contexts.shape)
        terms = tuple(self._terms(self._pairs(text, cbow)))
        if cbow is not None:
            return text.batch(cbow, terms, logits, 1)
        # Here the context words are what predicts and the center what is predicted: a center's
        # path serves all of them.
        received = xp.matmul(xp.matrix_transpose(text.mask), logits[:, :, None])
        return Batch(
            inputs=xp.reshape(text.words, (-1,)),
            input_weights=xp.reshape(received, (-1,)),
            predictions=xp.reshape(xp.sum(text.mask, axis=1), (-1,)),
            terms=terms,
        )

    def _pairs(self, text: TextBlocks, cbow: Cbow | None) -> _Pairs:
        xp, device = array_namespace(text.words), device_of(text.words)
        words = xp.reshape(text.centers, (-1,))
        counts = xp.reshape(xp.astype(text.predictions(cbow), xp.int64), (-1,))
        ranks = xp.take(self.tree.ranks, words, axis=0)
        # Those that are not predicted come last.
        order = xp.argsort(xp.where(counts > 0, ranks, words.shape[0] + self.tree.n_nodes + 1))
        counts = xp.take(counts, order, axis=0)
        ends = xp.cumulative_sum(counts)
        n_pairs = int(ends[-1])
        slots = max(1, -(-n_pairs // self.block_pairs)) * self.block_pairs
        starts = ends - counts
        place = _owners(counts, slots)
        slot = xp.arange(slots, dtype=xp.int64, device=device)
        number = slot - xp.take(starts, place, axis=0)
        hidden = xp.take(order, place, axis=0)
        if cbow is None:
            width = text.words.shape[1]
            size = width - 2 * text.window
            before = xp.take(xp.reshape(text.before, (-1,)), hidden, axis=0)
            first = hidden // size * width + hidden % size + text.window - before
            hidden = first + number + xp.astype(number >= before, xp.int64)
            # The slots that only fill the last block have numbers of no meaning.
            hidden = xp.where(slot < n_pairs, hidden, 0)
        return _Pairs(hidden, place, number == 0, xp.take(words, order, axis=0), n_pairs)

    def _terms(self, pairs: _Pairs) -> Iterator[Term]:
        """Make terms of blocks that need about equally many nodes."""
        tree, size = self.tree, self.block_pairs
        xp, device = array_namespace(pairs.words), device_of(pairs.words)
        slots = pairs.place.shape[0]
        # Of a word's path, only what the word before it has not: below where they part.
        paths = xp.take(tree.points, pairs.words, axis=0)
        lengths = xp.take(tree.lengths, pairs.words, axis=0)
        same = (paths[1:, :] == paths[:-1, :]) & (paths[1:, :] >= 0)
        shared = xp.sum(xp.astype(same, xp.int32), axis=1, dtype=xp.int32)
        fresh = lengths - xp.concat([xp.zeros_like(lengths[:1]), shared])
        number = xp.arange(slots, dtype=xp.int64, device=device)
        needed = xp.where(pairs.start, xp.take(fresh, pairs.place, axis=0), 0)
        needed = xp.where(number % size == 0, xp.take(lengths, pairs.place, axis=0), needed)
        needed = xp.where(number < pairs.n_pairs, needed, 0)
        needed = xp.astype(needed, xp.int64)
        ends = xp.cumulative_sum(needed)
        starts = ends - needed
        n_nodes = int(ends[-1]) + 1
        pair = _owners(needed, n_nodes)
        position = xp.take(pairs.place, pair, axis=0)
        # The deepest nodes of the path, as many as are needed.
        level = xp.take(lengths, position, axis=0) - xp.take(ends, pair, axis=0)
        level = level + xp.arange(n_nodes, dtype=xp.int64, device=device)
        level = xp.where(level < tree.depth, level, 0)  # past the last node
        nodes = xp.take(xp.reshape(paths, (-1,)), position * tree.depth + level, axis=0)
        nodes = xp.where(nodes < 0, 0, nodes)
        ranks = xp.take(tree.ranks, xp.take(pairs.words, pairs.place, axis=0), axis=0)
        ranks = xp.where(number < pairs.n_pairs, ranks, -1)  # on no path

        first, last = starts[::size], ends[size - 1 :: size]
        widths = _widths(int(xp.max(last - first)))
        borders = xp.asarray(widths, dtype=first.dtype, device=device)
        bucket = xp.searchsorted(borders, last - first)
        order = xp.argsort(bucket, stable=True)
        own = xp.arange(len(widths), dtype=bucket.dtype, device=device)
        sizes = xp.sum(xp.astype(bucket[:, None] == own[None, :], xp.int64), axis=0)
        begin = 0
        for k, width in enumerate(widths):
            end = begin + int(sizes[k])
            if end > begin:
                blocks = order[begin:end]
                yield self._term(pairs.hidden, ranks, nodes, blocks, first, last, width)
            begin = end

    def _term(
        self,
        hidden: Array,
        ranks: Array,
        nodes: Array,
        blocks: Array,
        first: Array,
        last: Array,
        width: int,
    ) -> Term:
        """Make a term of some blocks, whose nodes are from `first` to `last` of all `nodes`."""
        tree, size = self.tree, self.block_pairs
        xp, device = array_namespace(nodes), device_of(nodes)
        own = blocks[:, None] * size + xp.arange(size, dtype=blocks.dtype, device=device)[None, :]
        own = xp.reshape(own, (-1,))
        own_ranks = xp.reshape(xp.take(ranks, own, axis=0), (-1, 1, size))
        start, stop = (xp.take(each, blocks, axis=0)[:, None] for each in (first, last))
        place = start + xp.arange(width, dtype=start.dtype, device=device)[None, :]
        needed = place < stop
        place = xp.where(needed, place, nodes.shape[0] - 1)
        targets = xp.take(nodes, xp.reshape(place, (-1,)), axis=0)

        def bounds(each: Array) -> Array:
            return xp.reshape(xp.take(each, targets, axis=0), (-1, width, 1))

        low, middle = bounds(tree.low), bounds(tree.middle)
        high = xp.where(needed[:, :, None], bounds(tree.high), -1)
        # The pairs come last, as the kernel wants them: see `term_gradients`.
        weights = xp.astype((own_ranks >= low) & (own_ranks < high), xp.float32)
        labels = xp.astype(own_ranks < middle, xp.float32)
        each = xp.ones(size, dtype=xp.float32, device=device)
        targets = xp.reshape(targets, (-1, width))
        # A sum over the pairs; as a product it is several times faster.
        totals = xp.matmul(xp.reshape(weights, (-1, size)), each)
        return Term(
            targets=targets,
            labels=xp.matrix_transpose(labels),
            weights=xp.matrix_transpose(weights),
            target_weights=xp.reshape(totals, targets.shape),
            rows=xp.reshape(xp.take(hidden, own, axis=0), (-1, size)),
        )


def _owners(counts: Array, n: int) -> Array:
    """Return the number k of each of n things in a row, of which counts[k] are those of k.

    What counts leave of the n is the last one's.
    """
    xp, device = array_namespace(counts), device_of(counts)
    if is_numpy_array(counts):
        owners = np.repeat(np.arange(counts.size), counts)
        return np.concatenate([owners, np.full(n - owners.size, counts.size - 1)])
    starts = xp.cumulative_sum(counts) - counts
    marks = xp.zeros(n + 1, dtype=xp.int32, device=device)  # CuPy adds up no int64
    ones = xp.ones(starts.shape, dtype=xp.int32, device=device)
    scatter_add(marks, xp.where(starts < n, starts, n), ones)
    return xp.cumulative_sum(xp.astype(marks[:n], xp.int64)) - 1


def _widths(most: int) -> list[int]:
    """Return the widths of blocks, 8, 12, ..., 32, 40, ..., 64, 80, ..., up to one that does."""
    widths = [_LEAST_WIDTH]
    while widths[-1] < most:
        widths.append(widths[-1] + max(4, (1 << widths[-1].bit_length()) // 8))
    return widths

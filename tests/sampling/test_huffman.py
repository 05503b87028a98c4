"""The tree is word2vec.c's, node by node, and is made without a loop over the words."""

import heapq
import sys
from dataclasses import fields
from fractions import Fraction
from itertools import pairwise
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from tests.conftest import to_host
from xw2v.sampling import huffman
from xw2v.sampling.huffman import HuffmanTree

Counts = NDArray[np.int64]


def falling(counts: Any) -> Counts:
    return np.sort(np.asarray(counts, dtype=np.int64))[::-1].copy()


def zipf(size: int, most: int) -> Counts:
    return np.maximum(most // np.arange(1, size + 1, dtype=np.int64), 1)


def fibonacci(size: int) -> Counts:
    numbers = [1, 1]
    while len(numbers) < size:
        numbers.append(numbers[-1] + numbers[-2])
    return falling(numbers[:size])


def random_counts(seed: int) -> Counts:
    """Few or many words, with no, some or almost only equal counts."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 200))
    most = int(rng.choice([1, 2, 3, 10, 1000, 2**40]))
    if seed % 3 == 0:  # as many ties between words and inner nodes as can be
        return falling(2 ** rng.integers(0, most.bit_length(), size))
    return falling(rng.integers(1, most + 1, size))


CASES = {
    **{f"equal-{size}": np.full(size, 7) for size in (2, 3, 4, 5, 100, 127, 128, 129, 3000)},
    **{f"zipf-{size}": zipf(size, 10**6) for size in (2, 3, 5, 100, 3000)},
    **{f"fibonacci-{size}": fibonacci(size) for size in (2, 3, 5, 60)},
    "powers-of-two": falling(2 ** np.arange(40)),
    "powers-of-two-and-1": falling([1, *2 ** np.arange(40)]),
    "pairs-of-powers": falling(np.repeat(2 ** np.arange(40), 2)),
    "two-values": falling([2] * 50 + [1] * 101),
    "one-frequent": falling([2**40] + [1] * 99),
    "all-2**40": np.full(100, 2**40),
    "zipf-2**40": zipf(3000, 2**40),
}

each_case = pytest.mark.parametrize(
    "counts", [pytest.param(counts, id=name) for name, counts in CASES.items()]
)
small_cases = pytest.mark.parametrize(
    "counts",
    [pytest.param(counts, id=name) for name, counts in CASES.items() if counts.size < 200],
)


def textbook(counts: Counts) -> tuple[list[list[int]], list[list[int]]]:
    """The points and codes of CreateBinaryTree of word2vec.c, statement by statement."""
    size = counts.size
    count = [*counts.tolist(), *[float("inf")] * size]
    parent, binary = [0] * (2 * size), [0] * (2 * size)
    pos1, pos2 = size - 1, size
    for made in range(size - 1):
        least = []
        for _ in range(2):
            if pos1 >= 0 and count[pos1] < count[pos2]:
                least.append(pos1)
                pos1 -= 1
            else:
                least.append(pos2)
                pos2 += 1
        min1, min2 = least
        count[size + made] = count[min1] + count[min2]
        parent[min1] = parent[min2] = size + made
        binary[min2] = 1
    points, codes = [], []
    for word in range(size):
        point, code, item = [], [], word
        while item != 2 * size - 2:
            code.append(binary[item])
            item = parent[item]
            point.append(item - size)
        points.append(point[::-1])
        codes.append(code[::-1])
    return points, codes


def least_cost(counts: Counts) -> int:
    """The sum over words of count times path length that no tree undercuts."""
    heap = counts.tolist()
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    return cost


def cost(tree: HuffmanTree, counts: Counts) -> int:
    pairs = zip(counts.tolist(), tree.lengths.tolist(), strict=True)
    return sum(count * length for count, length in pairs)


def check_textbook(counts: Counts) -> None:
    tree = HuffmanTree.from_counts(counts)
    points, codes = textbook(counts)
    lengths = [len(point) for point in points]
    assert tree.lengths.tolist() == lengths
    assert tree.depth == max(lengths)
    padded = [point + [-1] * (tree.depth - len(point)) for point in points]
    assert tree.points.tolist() == padded
    padded = [code + [0] * (tree.depth - len(code)) for code in codes]
    assert tree.codes.tolist() == padded
    in_order = sorted(range(counts.size), key=codes.__getitem__)
    assert np.argsort(tree.ranks).tolist() == in_order


@each_case
def test_tree_is_the_textbook_tree(counts: Counts) -> None:
    check_textbook(counts)


@pytest.mark.parametrize("seed", range(200))
def test_random_trees_are_the_textbook_trees(seed: int) -> None:
    check_textbook(random_counts(seed))


def test_every_tree_of_few_words_is_the_textbook_tree() -> None:
    """All counts up to 5 of up to 6 words: every way in which two queues can tie."""
    counts = [[first] for first in range(1, 6)]
    for _ in range(5):
        counts = [[*some, more] for some in counts for more in range(1, some[-1] + 1)]
        for some in counts:
            check_textbook(np.asarray(some))


@each_case
def test_shapes_and_dtypes(counts: Counts) -> None:
    tree = HuffmanTree.from_counts(counts)
    size = counts.size
    assert tree.points.shape == tree.codes.shape == (size, tree.depth)
    assert tree.lengths.shape == tree.ranks.shape == (size,)
    assert tree.low.shape == tree.middle.shape == tree.high.shape == (size - 1,)
    assert tree.n_nodes == size - 1
    assert type(tree.n_nodes) is type(tree.depth) is int
    assert tree.codes.dtype == np.int8
    for name in ("points", "lengths", "ranks", "low", "middle", "high"):
        assert getattr(tree, name).dtype == np.int32, name
    for field in fields(tree):
        assert getattr(tree, field.name).flags.c_contiguous, field.name


def test_a_tree_written_out() -> None:
    """Counts 4 2 1 1: (1, 1) makes node 0, which goes before the 2; then the 4 waits for both."""
    tree = HuffmanTree.from_counts(np.asarray([4, 2, 1, 1]))
    assert tree.points.tolist() == [[2, -1, -1], [2, 1, -1], [2, 1, 0], [2, 1, 0]]
    assert tree.codes.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert tree.lengths.tolist() == [1, 2, 3, 3]
    assert tree.ranks.tolist() == [3, 2, 1, 0]
    assert [tree.low.tolist(), tree.middle.tolist(), tree.high.tolist()] == [
        [0, 0, 0],
        [1, 2, 3],
        [2, 3, 4],
    ]


@each_case
def test_no_tree_has_shorter_paths(counts: Counts) -> None:
    assert cost(HuffmanTree.from_counts(counts), counts) == least_cost(counts)


@pytest.mark.parametrize("name", ["zipf-100", "zipf-3000", "two-values", "equal-129"])
def test_paths_are_as_short_as_those_of_gensim(name: str) -> None:
    """gensim breaks ties its own way, so only the mean length of the trees is the same."""
    word2vec = pytest.importorskip("gensim.models", reason="gensim is not installed").Word2Vec
    counts = CASES[name]
    model = word2vec(vector_size=1, min_count=1, hs=1, negative=0)
    model.build_vocab_from_freq({str(word): count for word, count in enumerate(counts.tolist())})
    theirs = sum(
        count * len(model.wv.get_vecattr(str(word), "code"))
        for word, count in enumerate(counts.tolist())
    )
    assert cost(HuffmanTree.from_counts(counts), counts) == theirs


@each_case
def test_codes_are_a_complete_prefix_code(counts: Counts) -> None:
    tree = HuffmanTree.from_counts(counts)
    assert sum(Fraction(1, 2**length) for length in tree.lengths.tolist()) == 1
    rows = zip(tree.codes.tolist(), tree.lengths.tolist(), strict=True)
    codes = sorted(code[:length] for code, length in rows)
    for before, after in pairwise(codes):  # a prefix sorts just before
        assert after[: len(before)] != before


@small_cases
def test_intervals_tell_who_is_below_a_node(counts: Counts) -> None:
    tree = HuffmanTree.from_counts(counts)
    assert np.sort(tree.ranks).tolist() == list(range(counts.size))
    assert ((tree.low < tree.middle) & (tree.middle < tree.high)).all()
    rank = tree.ranks[:, None]
    below = (tree.low <= rank) & (rank < tree.high)
    code = rank >= tree.middle
    for word in range(counts.size):
        length = tree.lengths[word]
        point = tree.points[word, :length]
        assert np.flatnonzero(below[word]).tolist() == sorted(point.tolist())
        assert code[word, point].tolist() == tree.codes[word, :length].tolist()


@small_cases
def test_probabilities_sum_to_one(counts: Counts) -> None:
    tree = HuffmanTree.from_counts(counts)
    rng = np.random.default_rng(3)
    vectors, hidden = rng.normal(size=(tree.n_nodes, 8)), rng.normal(size=8)
    branches = expit(np.where(tree.codes == 0, 1, -1) * (vectors @ hidden)[tree.points])
    chances = np.where(tree.points >= 0, branches, 1.0).prod(axis=1)
    assert chances.sum() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    "counts",
    [zipf(200_000, 10**9), np.full(200_000, 2**40)],
    ids=["zipf", "equal"],
)
def test_no_loop_over_the_words(counts: Counts) -> None:
    """However many the words are, few lines of the module run: nothing is done word by word."""
    lines = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != huffman.__file__:
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        HuffmanTree.from_counts(counts)
    finally:
        sys.settrace(before)
    assert 0 < lines < 1500


def test_the_tree_moves_to_a_namespace(xp: Any) -> None:
    here = HuffmanTree.from_counts(zipf(50, 1000))
    there = here.to(xp, None)
    assert there.n_nodes == here.n_nodes
    assert there.depth == here.depth
    for field in fields(here):
        array, moved = getattr(here, field.name), getattr(there, field.name)
        assert isinstance(moved, type(xp.zeros(1)))
        assert moved.dtype == getattr(xp, str(array.dtype))
        np.testing.assert_array_equal(to_host(moved), array)


@pytest.mark.parametrize("size", [0, 1])
def test_fewer_than_two_words_make_no_tree(size: int) -> None:
    with pytest.raises(ValueError, match=f"at least 2 words, not {size}"):
        HuffmanTree.from_counts(np.ones(size, dtype=np.int64))


@pytest.mark.parametrize("counts", [[3, 1, 2], [1, 2], [2, 0], [1, -1]])
def test_counts_must_fall_and_be_positive(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="counts must be at least 1"):
        HuffmanTree.from_counts(np.asarray(counts))


def test_counts_are_left_alone() -> None:
    counts = zipf(100, 1000)
    counts.flags.writeable = False
    HuffmanTree.from_counts(counts)

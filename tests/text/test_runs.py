import re
from itertools import chain

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xw2v.text import runs
from xw2v.text.runs import BlockRuns, KnownRuns, find_runs, run_bounds

SPACE = bytes([*range(9, 14), *range(28, 33)])
RUN = re.compile(rb"[^\x09-\x0d\x1c-\x20]+")

# Runs as short as can be, around 8 bytes (up to which they are integers), and long ones.
PIECES = [b"a", b"b", b"ab", b"\xc3\xa9", b"\xff", b"\0", b"a\0", b"\0\0\0"]
PIECES += [b"1234567", b"12345678", b"123456789", b"1234567\0", b"\0" * 8, b"x" * 100]
RUN_BYTES = st.sampled_from(PIECES) | st.lists(st.sampled_from(PIECES), min_size=1).map(b"".join)
GAPS = st.sampled_from([b" ", b"\n", b"\r\n", b"\t", b"\x1c", b"\x1f", b"  ", b"\n\n", b" " * 9])
PAIRS = st.tuples(RUN_BYTES, GAPS).map(b"".join)
BLOCKS = st.builds(
    lambda begin, middle: begin + b"".join(middle),
    st.just(b"") | GAPS,
    st.lists(PAIRS, min_size=1, max_size=12),
)


def texts_of(found: BlockRuns) -> list[bytes]:
    """Return the run of each slot, known ones first."""
    return found.known.texts() + found.new.texts()


def check(found: BlockRuns, block: bytes) -> None:
    texts = texts_of(found)
    expected = RUN.findall(block)
    assert found.slots.dtype == np.int32
    assert [texts[slot] for slot in found.slots] == expected
    n_known = len(found.known)
    # Each new run is there, and they are numbered by first appearance.
    new = [slot for slot in found.slots.tolist() if slot >= n_known]
    assert list(dict.fromkeys(new)) == list(range(n_known, n_known + len(found.new)))
    assert len(texts) == n_known + len(found.new)
    # What was known is not new, and nothing is new twice.
    for known, others in ((found.known.short, found.new.short), (found.known.long, found.new.long)):
        everything = known.to_pylist() + others.to_pylist()
        assert len(set(everything)) == len(everything)
    lines = block.split(b"\n")[:-1]
    assert found.line_ends.dtype == np.int64
    counts = np.cumsum([len(RUN.findall(line)) for line in lines], dtype=np.int64)
    assert found.line_ends.tolist() == counts.tolist()


@given(st.lists(BLOCKS, max_size=5), st.data())
def test_runs_are_those_between_white_space(blocks: list[bytes], data: st.DataObject) -> None:
    known = KnownRuns.none()
    for block in blocks:
        found = find_runs(block, known)
        assert found.known is known
        check(found, block)
        # Some of the new ones are known from now on.
        chosen = data.draw(st.lists(st.booleans(), min_size=len(found.new)))
        places = np.flatnonzero(chosen[: len(found.new)])
        some = found.new.chosen(places)
        assert some.texts() == [found.new.texts()[place] for place in places]
        known = known.followed_by(some)
        assert len(known) == len(found.known) + places.size
        assert known.texts() == found.known.texts() + some.texts()


@given(st.binary(max_size=60), st.sampled_from(list(SPACE)))
@example(b"", 32)
@example(b"1234567", 10)
@example(b"12345678", 10)
@example(b"12345678 1234567", 10)
def test_any_bytes(data: bytes, space: int) -> None:
    block = data + bytes([space])
    first = find_runs(block, KnownRuns.none())
    check(first, block)
    again = find_runs(block, first.new)
    check(again, block)
    # The last bytes of a block are looked at in another way: that is where short ones are new.
    ends = [match.start() for match in RUN.finditer(block) if match.start() > len(block) - 8]
    is_known = again.slots < len(first.new)
    assert is_known[: is_known.size - len(ends)].all()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_slices_do_not_matter(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_BYTES", size)
    monkeypatch.setattr(runs, "_RUNS", size)
    block = b" a bc  def\n" * 5 + b"long run" * 9 + b"\n\n" + b"x\0y " + b"a bc 12345678 "
    check(find_runs(block, KnownRuns.none()), block)
    block = block.replace(b"\0", b"")
    check(find_runs(block, KnownRuns.none()), block)


@given(st.binary(max_size=40), st.integers(1, 9))
def test_run_bounds(data: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "_BYTES", size)
        bounds = run_bounds(np.frombuffer(data + b" ", np.uint8))
    assert bounds.tolist() == list(chain.from_iterable(m.span() for m in RUN.finditer(data)))


@pytest.mark.parametrize("block", [b"", b" ", b"\n", b" \n\t ", b" " * 100])
def test_a_block_without_runs(block: bytes) -> None:
    known = find_runs(b"some known runs that are rather long ", KnownRuns.none()).new
    for runs_before in (KnownRuns.none(), known):
        found = find_runs(block, runs_before)
        check(found, block)
        assert len(found.new) == 0


@pytest.mark.parametrize("byte", range(256))
def test_white_space_is_that_of_ascii(byte: int) -> None:
    block = b"a" + bytes([byte]) + b"b" + b" " * 9
    expected = 2 if byte < 128 and chr(byte).isspace() else 1
    assert find_runs(block, KnownRuns.none()).slots.size == expected


def test_runs_with_the_same_first_bytes_differ() -> None:
    runs_ = [b"1234567"[:n] for n in range(1, 8)] + [b"12345678" * n for n in (1, 2, 3)]
    block = b" ".join(runs_ * 2) + b" "
    found = find_runs(block, KnownRuns.none())
    check(found, block)
    assert found.slots.tolist() == [*range(10), *range(10)]


def test_zeros_that_pad_are_no_nul_characters() -> None:
    known = find_runs(b"a b ab" + b" " * 9, KnownRuns.none()).new
    for block in (b"a\0 b\0\0 \0a ab\0 a" + b" " * 9, b"a\0" + b" " * 9):
        found = find_runs(block, known)
        check(found, block)
        assert (found.slots >= 3).all()


def test_long_runs_keep_the_white_space_behind_them() -> None:
    found = find_runs(b"123456789 123456789\n123456789 \n12345678 a" + b" " * 9, KnownRuns.none())
    assert found.new.long.to_pylist() == [b"123456789 ", b"123456789\n", b"123456789 \n"]
    assert found.new.texts() == [b"123456789"] * 3 + [b"12345678", b"a"]
    assert found.new.lengths().tolist() == [10, 10, 11, 8, 8]


def test_a_long_run() -> None:
    block = b"x" * 1_000_000 + b" y " + b"x" * 1_000_000 + b" "
    found = find_runs(block, KnownRuns.none())
    check(found, block)
    assert found.slots.tolist() == [0, 1, 0]

"""Blocks of UTF-8 text to numbered runs between white space, the fast way."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockRuns", "KnownRuns", "find_runs"]

_Number = TypeVar("_Number", np.int32, np.uint64)

_NEWLINE = ord("\n")
_SPACE = bytes([*range(9, 14), *range(28, 33)])  # that of str.split
# Bytes, and runs, that are worked on at a time: their arrays stay in the processor's cache.
_BYTES = 1 << 20
_RUNS = 1 << 18
# A run of up to so many bytes is hashed as one integer. Runs in the last bytes of a block are
# not, as reading an integer there would read beyond the end.
_SHORT = 8
_NO_RUN = 0
# What keeps the first n bytes of an integer, for n from 0 on; of a long run it keeps nothing.
_KEPT = np.array([(1 << (8 * n)) - 1 for n in range(_SHORT + 1)] + [0], "<u8")


@dataclass(frozen=True, eq=False)
class KnownRuns:
    """Runs that need not be looked at again, by slot.

    Parameters
    ----------
    short : pyarrow.Array of uint64
        Those of up to 8 bytes without NUL, each as a little-endian number padded with zeros.
    long : pyarrow.Array of binary
        The others, each with the white space that followed it.
    short_slots, long_slots : ndarray of int32
        The slot of each: together every number from 0 up to that of known runs, once.
    """

    short: Any
    long: Any
    short_slots: NDArray[np.int32]
    long_slots: NDArray[np.int32]

    @classmethod
    def none(cls) -> "KnownRuns":
        """Return that there are no known runs."""
        import pyarrow as pa  # noqa: PLC0415

        no_slots = np.empty(0, np.int32)
        no_short = _arrow(np.empty(0, np.uint64))
        no_long = pa.Array.from_buffers(
            pa.binary(), 0, [None, pa.py_buffer(np.zeros(1, np.int32)), pa.py_buffer(b"")]
        )
        return cls(no_short, no_long, no_slots, no_slots)

    def __len__(self) -> int:
        return self.short_slots.size + self.long_slots.size

    def texts(self) -> list[bytes]:
        """Return the runs by slot."""
        texts = np.empty(len(self), object)
        # Bytes of a fixed length end before the zeros that pad them.
        texts[self.short_slots] = _numpy(self.short, np.uint64).astype("<u8").view(f"S{_SHORT}")
        texts[self.long_slots] = [text.rstrip(_SPACE) for text in self.long.to_pylist()]
        return texts.tolist()

    def lengths(self) -> NDArray[np.int32]:
        """Return the bytes of each run by slot, 8 for all short ones."""
        import pyarrow.compute as pc  # noqa: PLC0415

        lengths = np.full(len(self), _SHORT, np.int32)
        lengths[self.long_slots] = _numpy(pc.binary_length(self.long), np.int32)
        return lengths

    def chosen(self, slots: NDArray[np.intp]) -> "KnownRuns":
        """Return the runs of some slots, which rise; they are numbered anew."""
        new_slots = np.full(len(self), -1, np.int32)
        new_slots[slots] = np.arange(slots.size, dtype=np.int32)
        short, long = new_slots[self.short_slots], new_slots[self.long_slots]
        return KnownRuns(
            self.short.take(_arrow(np.flatnonzero(short >= 0))),
            self.long.take(_arrow(np.flatnonzero(long >= 0))),
            short[short >= 0],
            long[long >= 0],
        )

    def followed_by(self, others: "KnownRuns") -> "KnownRuns":
        """Return these runs and after them others, none of which is among these."""
        import pyarrow as pa  # noqa: PLC0415

        n = np.int32(len(self))
        return KnownRuns(
            pa.concat_arrays([self.short, others.short]),
            pa.concat_arrays([self.long, others.long]),
            np.concatenate([self.short_slots, n + others.short_slots]),
            np.concatenate([self.long_slots, n + others.long_slots]),
        )


@dataclass(frozen=True, eq=False)
class BlockRuns:
    """The runs of a block.

    Attributes
    ----------
    known : KnownRuns
        Those that were known.
    slots : ndarray of int32, shape (n,)
        What each run is: a slot of `known`, or the number of known runs plus the place of the run
        among the new ones.
    new : KnownRuns
        The other distinct ones, by first appearance. (A run in the last bytes of a block may be
        among them though it is known as a short one.)
    line_ends : ndarray of int64
        Runs before each newline.
    """

    known: KnownRuns
    slots: NDArray[np.int32]
    new: KnownRuns
    line_ends: NDArray[np.int64]


def find_runs(block: bytes, known: KnownRuns) -> BlockRuns:
    r"""Find the runs between ASCII white space (that of ``str.split``) and number them.

    Each run is hashed once: short ones as integers, which is several times as fast, the others as
    bytes. Most of what is a word elsewhere is short.

    Parameters
    ----------
    block : bytes
        Ends with ASCII white space.
    known : KnownRuns
        Runs that keep their slots.

    Returns
    -------
    BlockRuns
    """
    import pyarrow as pa  # noqa: PLC0415

    octets = np.frombuffer(block, np.uint8)
    bounds = run_bounds(octets)
    starts, ends = bounds[::2], bounds[1::2]
    newlines = np.flatnonzero(octets == _NEWLINE) if b"\n" in block else np.empty(0, np.intp)
    line_ends = np.searchsorted(starts, newlines).astype(np.int64)
    keys, long = _keys(block, starts, ends)
    offsets = np.empty(starts.size + 1, np.int32)
    offsets[:-1] = starts
    offsets[-1] = len(block)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    runs = pa.Array.from_buffers(pa.binary(), starts.size, buffers)

    # The known ones come first, so the distinct ones begin with them, in their order.
    short_numbers, new_short = _numbered(known.short, _arrow(keys))
    long_numbers, new_long = _numbered(known.long, runs.take(_arrow(long)))
    first_short = _first_places(short_numbers, len(known.short), len(new_short))
    first_long = long[_first_places(long_numbers, len(known.long), len(new_long))]
    # The key of all long runs is no run: it goes behind all others, and away.
    is_run = _numpy(new_short, np.uint64) != _NO_RUN
    first_short[~is_run] = starts.size
    ranks = np.empty(first_short.size + first_long.size, np.int32)
    ranks[np.argsort(np.concatenate([first_short, first_long]))] = np.arange(ranks.size)
    short_ranks, long_ranks = ranks[: first_short.size], ranks[first_short.size :]

    n_known = np.int32(len(known))
    # (Taking clipped skips a check, and a copy of the numbers as 64-bit integers.)
    slots = np.concatenate([known.short_slots, n_known + short_ranks]).take(
        short_numbers, mode="clip"
    )
    slots[long] = np.concatenate([known.long_slots, n_known + long_ranks])[long_numbers]
    its_short = new_short.take(_arrow(np.flatnonzero(is_run)))
    new = KnownRuns(its_short, new_long, short_ranks[is_run], long_ranks)
    return BlockRuns(known, slots, new, line_ends)


def run_bounds(octets: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Find where runs begin and end.

    Parameters
    ----------
    octets : ndarray of uint8, shape (n,)
        Ends with ASCII white space.

    Returns
    -------
    ndarray of intp, shape (2 * runs,)
        The first byte of a run, the first after it, and so on.
    """
    turns = [np.empty(0, np.intp)]
    before = np.True_
    for begin in range(0, octets.size, _BYTES):
        part = octets[begin : begin + _BYTES]
        # White space is 9..13 and 28..32; uint8 wraps below zero.
        space = part - np.uint8(9) < 5
        space |= part - np.uint8(28) < 5
        turn = np.empty_like(space)
        turn[0] = space[0] != before
        np.not_equal(space[1:], space[:-1], out=turn[1:])
        before = space[-1]
        places = np.flatnonzero(turn)
        places += begin
        turns.append(places)
    return np.concatenate(turns)


def _keys(
    block: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the keys of all runs, and which runs have none because they are long."""
    keys = np.zeros(starts.size, np.uint64)
    # A key is padded with zeros: were there others, runs would have keys in common.
    n = 0 if b"\0" in block else int(np.searchsorted(starts, len(block) - _SHORT, side="right"))
    if n:
        octets: NDArray[np.uint64] = np.ndarray(
            (len(block) - _SHORT + 1,), "<u8", buffer=block, strides=(1,)
        )
    long = []
    for begin in range(0, n, _RUNS):
        some = slice(begin, min(begin + _RUNS, n))
        lengths = ends[some] - starts[some]
        long.append(np.flatnonzero(lengths > _SHORT) + begin)
        kept = octets[starts[some]]
        kept &= _KEPT.take(lengths, mode="clip")
        keys[some] = kept
    long.append(np.arange(n, starts.size))
    return keys, np.concatenate(long)


def _arrow(values: NDArray[Any]) -> Any:
    """View numbers as a pyarrow array.

    `pyarrow.array` would do, but imports pandas first where that is installed, which takes longer
    than reading many a text.
    """
    import pyarrow as pa  # noqa: PLC0415

    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(values)])


def _numpy(array: Any, dtype: type[_Number]) -> NDArray[_Number]:
    """View a pyarrow array of numbers, none of them null; see `_arrow`."""
    if not len(array):
        return np.empty(0, dtype)
    values = np.frombuffer(array.buffers()[1], dtype)
    return values[array.offset : array.offset + len(array)]


def _numbered(known: Any, runs: Any) -> tuple[NDArray[np.int32], Any]:
    """Return the numbers of runs, known ones first, and the distinct ones that are new."""
    import pyarrow as pa  # noqa: PLC0415

    if not len(runs):
        return np.empty(0, np.int32), runs
    # (A chunk of no elements would be left out.)
    encoded = pa.chunked_array([known, runs]).dictionary_encode().chunks[-1]
    return _numpy(encoded.indices, np.int32), encoded.dictionary[len(known) :]


def _first_places(numbers: NDArray[np.int32], n_known: int, n_new: int) -> NDArray[np.intp]:
    """Find where each new number occurs first."""
    places = np.flatnonzero(numbers >= n_known)[::-1]
    first = np.empty(n_new, np.intp)
    first[numbers[places] - n_known] = places  # of equal ones, the last assignment remains
    return first

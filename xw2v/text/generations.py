"""Distinct words that do not fit in memory: in temporary files, and put together again."""

import mmap
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xw2v.text.spool import writing

__all__ = ["PARTITIONS", "Generation", "StoredWords", "total_up"]

# Words are put together again one part after the other, by their hashes.
PARTITIONS = 64


class Generation:
    """Some distinct words and their counts, in a temporary file.

    Parameters
    ----------
    words : list of str
    counts : ndarray of int64, shape (len(words),)
    base : int
        The number of the first word; the others follow.
    """

    def __init__(self, words: list[str], counts: NDArray[np.int64], base: int) -> None:
        import pyarrow as pa  # noqa: PLC0415

        self.numbers = slice(base, base + len(words))
        # What str hashes to differs from process to process, but not within this one.
        hashes = np.fromiter(map(hash, words), np.int64, len(words))
        parts = (hashes % PARTITIONS).astype(np.int8)
        order = np.argsort(parts, kind="stable")
        places = np.empty(order.size, np.int32)
        places[order] = np.arange(order.size, dtype=np.int32)
        self._bounds = np.searchsorted(parts[order], np.arange(PARTITIONS + 1))
        self._stored = _Stored(
            {
                "words": pa.array(words, pa.large_string()).take(pa.array(order)),
                "counts": pa.array(counts[order]),
                "numbers": pa.array((base + order).astype(np.int32)),
                "places": pa.array(places),
            }
        )

    def close(self) -> None:
        """Give the temporary file back."""
        self._stored.close()

    def partition(self, number: int) -> tuple[Any, NDArray[np.int64], NDArray[np.int32]]:
        """Return the words of a partition, their counts and their numbers."""
        its = slice(*self._bounds[number : number + 2].tolist())
        columns = self._stored.columns
        return (
            columns["words"][its],
            columns["counts"][its].to_numpy(),
            columns["numbers"][its].to_numpy(),
        )

    def take(self, places: NDArray[np.intp]) -> Any:
        """Return the words at some places, counted from the first of the generation."""
        import pyarrow as pa  # noqa: PLC0415

        columns = self._stored.columns
        return columns["words"].take(columns["places"].take(pa.array(places)))


def total_up(
    parts: Sequence[tuple[Any, NDArray[np.int64], NDArray[np.int32]]],
    first: NDArray[np.int32],
    totals: NDArray[np.int64],
) -> None:
    """Find out which words of one partition of several generations are the same.

    Parameters
    ----------
    parts : sequence of (pyarrow array, ndarray, ndarray)
        For each generation, the words of the partition, their counts and their numbers.
    first : ndarray of int32
        For each number in the parts, the lowest number of the same word is put here.
    totals : ndarray of int64
        The count of a word in all generations is put here, at its lowest number.
    """
    import pyarrow as pa  # noqa: PLC0415

    words = pa.concat_arrays([part[0] for part in parts]).dictionary_encode()
    codes = words.indices.to_numpy()
    numbers = np.concatenate([part[2] for part in parts])
    total = np.zeros(len(words.dictionary), np.int64)
    np.add.at(total, codes, np.concatenate([part[1] for part in parts]))
    lowest = np.full(total.size, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(lowest, codes, numbers)
    first[numbers] = lowest[codes]
    totals[lowest] = total


class StoredWords:
    """Distinct words in temporary files, by number."""

    def __init__(self) -> None:
        self._parts: list[_Stored] = []
        self._ends = np.zeros(1, np.int64)

    def append(self, words: Any) -> None:
        """Add words, a pyarrow array or a list of strings."""
        import pyarrow as pa  # noqa: PLC0415

        if isinstance(words, list):
            words = pa.array(words, pa.large_string())
        self._parts.append(_Stored({"words": words}))
        self._ends = np.append(self._ends, self._ends[-1] + len(words))

    def close(self) -> None:
        """Give the temporary files back."""
        for part in self._parts:
            part.close()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def take(self, numbers: NDArray[Any]) -> list[str]:
        """Return the words of these numbers."""
        import pyarrow as pa  # noqa: PLC0415

        taken = np.empty(numbers.size, object)
        parts = np.searchsorted(self._ends, numbers, side="right") - 1
        for number, part in enumerate(self._parts):
            its = np.flatnonzero(parts == number)
            places = pa.array(numbers[its] - self._ends[number])
            taken[its] = part.columns["words"].take(places).to_numpy(zero_copy_only=False)
        return list(taken)

    def find(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the numbers of those words that are there."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        wanted = pa.array(list(words), pa.large_string())

        def is_there(known: Any) -> NDArray[np.bool_]:
            found: NDArray[np.bool_] = pc.is_in(known, value_set=wanted).to_numpy(
                zero_copy_only=False
            )
            return found

        found = [
            np.flatnonzero(is_there(part.columns["words"])) + self._ends[number]
            for number, part in enumerate(self._parts)
        ]
        return np.concatenate([np.empty(0, np.int64), *found])


class _Stored:
    """Some pyarrow arrays in a temporary file, which is mapped into memory.

    Parameters
    ----------
    columns : mapping
        Arrays of one length. In the attribute of that name they do not take memory.
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        import pyarrow as pa  # noqa: PLC0415

        table = pa.table(columns)
        with writing():
            file = tempfile.TemporaryFile()  # noqa: SIM115
            try:
                with pa.ipc.new_file(pa.PythonFile(file, "w"), table.schema) as writer:
                    writer.write_table(table)
                file.flush()
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            finally:
                with suppress(OSError):  # a full disk is told of already
                    file.close()  # the map lives on
        stored = pa.ipc.open_file(pa.py_buffer(mapping)).read_all()
        # (A table without rows is read as no chunks.)
        self.columns: dict[str, Any] = {
            name: stored[name].chunk(0) if len(table) else table[name].combine_chunks()
            for name in table.column_names
        }

    def close(self) -> None:
        """Give the file back, as soon as nothing refers to its arrays any more."""
        self.columns = {}

"""What the parameters are before the first step."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import device as device_of
from numpy.typing import NDArray

from xw2v.config import TrainingConfig
from xw2v.sampling import Purpose, random_bits, stream_key

__all__ = ["InitialVectors", "initialize"]

Array = Any

_DRAWN_AT_ONCE = 1 << 15  # initial weights, to stay in cache
_ROWS_AT_ONCE = 1 << 14


@dataclass(frozen=True, eq=False)
class InitialVectors:
    """Vectors that words have before training, in place of random ones.

    Parameters
    ----------
    ids : ndarray of int64, shape (n,)
        The words, ascending, none twice.
    input : ndarray of float32, shape (n, D)
        Their rows of W_in.
    output : ndarray of float32, shape (m, D), optional
        Rows of W_out; zeros if absent.
    frozen : bool
        Whether these rows of W_in stay as they are.
    output_ids : ndarray of int64, shape (m,), optional
        Which rows of W_out, ascending; those of the words if absent.
    """

    ids: NDArray[np.int64]
    input: NDArray[np.float32]
    output: NDArray[np.float32] | None = None
    frozen: bool = False
    output_ids: NDArray[np.int64] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of it all, in hexadecimal digits."""
        digest = hashlib.sha256(b"frozen" if self.frozen else b"free")
        for ids, rows in self._tables:
            digest.update(str(rows.shape).encode())
            digest.update(ids.astype("<i8").tobytes())
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                digest.update(rows[start : start + _ROWS_AT_ONCE].astype("<f4").tobytes())
        return digest.hexdigest()

    @property
    def _tables(self) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Which rows of W_in, and of W_out if it is not zeros."""
        tables = [(self.ids, self.input)]
        if self.output is not None:
            tables.append((self.ids if self.output_ids is None else self.output_ids, self.output))
        return tables

    def write(self, w_in: Array, w_out: Array) -> None:
        """Put the vectors into parameters.

        Parameters
        ----------
        w_in, w_out : array, shape (V, D), float32
            Changed in place; rows of other words stay as they are.
        """
        for table, (ids, rows) in zip((w_in, w_out), self._tables, strict=False):
            _write(table, ids, rows)


def _write(table: Array, ids: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
    # By slices and a mask: the standard has no assignment by ids.
    xp, device = array_namespace(table), device_of(table)
    for start in range(0, table.shape[0], _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, table.shape[0])
        first, last = np.searchsorted(ids, [start, stop])
        if first == last:
            continue
        places = ids[first:last] - start
        values = np.zeros((stop - start, table.shape[1]), dtype=np.float32)
        values[places] = rows[first:last]
        given = np.zeros((stop - start, 1), dtype=np.bool_)
        given[places] = True
        mask, new = (xp.asarray(array, device=device) for array in (given, values))
        table[start:stop, :] = xp.where(mask, new, table[start:stop, :])


def initialize(w_in: Array, config: TrainingConfig, start: int, stop: int) -> None:
    """Draw rows of W_in uniformly within 0.5 / D of zero, as word2vec.c does.

    Parameters
    ----------
    w_in : array, shape (V, D), float32
        Changed in place.
    config : TrainingConfig
        Gives the seed.
    start, stop : int
        The rows. What a row gets depends on the seed and its number alone.
    """
    xp, device = array_namespace(w_in), device_of(w_in)
    size = w_in.shape[1]
    half = -(-size // 2)
    key = stream_key(config.seed, Purpose.INITIAL_WEIGHTS)
    step = max(1, _DRAWN_AT_ONCE // half)
    for row in range(start, stop, step):
        end = min(row + step, stop)
        bits = random_bits(key, xp.arange(row * half, end * half, dtype=xp.int64, device=device))
        # 24 bits each: as many as a float32 holds, so nothing is rounded
        columns = [xp.reshape((bits >> by) & 0xFFFFFF, (-1, half)) for by in (39, 15)]
        unit = xp.astype(xp.concat(columns, axis=1)[:, :size], xp.float32) / float(1 << 24)
        w_in[row:end, :] = (unit - 0.5) / size

"""Which words of a block of text are context words of which."""

from typing import Any

from array_api_compat import array_namespace

__all__ = ["Windows", "offsets", "within"]

Array = Any

_TABLE_ELEMENTS = 1 << 20  # of the masks of all possible windows, to stay in cache


class Windows:
    """Masks of the context places of blocks of T centers, by look-up where that is possible.

    Parameters
    ----------
    xp : namespace
        Of the arrays.
    size : int
        Centers T in a block.
    window : int
        Largest distance c of a context word.
    device : device
        Of the arrays.
    """

    def __init__(self, xp: Any, size: int, window: int, device: Any) -> None:
        self._offsets = offsets(xp, size, window, device)
        self._reaches = window + 1  # 0..c
        self._table: Array | None = None
        n_windows = self._reaches**2
        if n_windows * self._offsets.size <= _TABLE_ELEMENTS:
            numbers = xp.arange(n_windows, dtype=xp.int16, device=device)[:, None]
            every = xp.zeros((n_windows, size), dtype=xp.int16, device=device)
            before, after = numbers // self._reaches + every, numbers % self._reaches + every
            self._table = xp.reshape(self.mask(before, after), (n_windows * size, -1))
            self._places = xp.arange(size, dtype=xp.int32, device=device)[None, :]

    def mask(self, before: Array, after: Array) -> Array:
        """Return (B, T, T + 2c) ones at the contexts of each center, zeros elsewhere.

        `before` and `after`, (B, T), say how many there are to the sides of a center.
        """
        if self._table is None:
            return within(self._offsets, before, after)
        xp = array_namespace(before)
        rows = xp.astype(before, xp.int32) * self._reaches + after
        rows = rows * before.shape[1] + self._places
        masks = xp.take(self._table, xp.reshape(rows, (-1,)), axis=0)
        return xp.reshape(masks, (*before.shape, self._offsets.shape[2]))


def within(offsets: Array, before: Array, after: Array) -> Array:
    """Return ones where an offset is at most `before` backwards or `after` forwards, else zeros.

    Parameters
    ----------
    offsets : array, shape (..., M), int16
    before, after : array, shape (...), int16

    Returns
    -------
    array, shape (..., M), float32
    """
    xp = array_namespace(before)
    mask = (offsets >= -before[..., None]) & (offsets <= after[..., None])
    return xp.astype(mask, xp.float32)


def offsets(xp: Any, size: int, window: int, device: Any) -> Array:
    """Return (1, T, T + 2c) distances from center to place, c + 1 for the center itself.

    Parameters
    ----------
    xp, size, window, device
        As for `Windows`.
    """
    center = xp.arange(size, dtype=xp.int16, device=device)[:, None] + window
    place = xp.arange(size + 2 * window, dtype=xp.int16, device=device)[None, :]
    away = place - center
    return xp.where(away == 0, xp.asarray(window + 1, dtype=xp.int16, device=device), away)[
        None, :, :
    ]

"""Blocks of UTF-8 text to word numbers, the fast way."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The white space of str.split beyond ASCII.
_WIDE_SPACE = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_NEWLINE = ord("\n")
# Token boundaries are searched in slices that stay in the processor's cache.
_SLICE = 1 << 19
# So many of the first words are not looked up again in each block.
_KNOWN = 32_000


class BlockEncoder:
    r"""Split blocks at white space and number their words.

    A token is what ``str.split()`` gives. Each is hashed once, by pyarrow, together with the
    white space after it; Python sees only the distinct ones of each block. They are contiguous
    in memory then and each ends with an ASCII byte, so checking, lowercasing and splitting their
    concatenation does it for all of them at once.

    Parameters
    ----------
    number : callable
        Gives the number of a word, a new one where the word is new.
    errors : {"strict", "replace", "ignore"}
        What to do with bytes that are not UTF-8, as for ``bytes.decode``.
    lowercase : bool
        Number ``word.lower()``.
    """

    def __init__(self, number: Callable[[str], int], errors: str, lowercase: bool) -> None:
        # pyarrow takes 0.1 s to import; a program that reads no files does without.
        import pyarrow as pa  # noqa: PLC0415

        self._pa: Any = pa
        self._number = number
        self._errors = errors
        self._lowercase = lowercase
        self._clean_first = False
        self._known = pa.array([], pa.binary())
        self._known_ids = np.empty(0, np.int32)

    def encode(self, block: bytes) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        r"""Turn the tokens of a block into numbers.

        Parameters
        ----------
        block : bytes
            Ends with ASCII white space.

        Returns
        -------
        ids : ndarray of int32, shape (n,)
            The number of each token.
        line_ends : ndarray of int64, shape (number of newlines,)
            Tokens before each ``"\n"``.

        Raises
        ------
        UnicodeDecodeError
            If the block is not UTF-8 and errors are "strict".
        """
        if not self._clean_first:
            encoded = self._encode(block)
            if encoded is not None:
                return encoded
            # Such a block seldom comes alone.
            self._clean_first = True
        encoded = self._encode(self._clean(block))
        assert encoded is not None  # noqa: S101 (a clean block is UTF-8 with ASCII white space)
        return encoded

    def close(self) -> None:
        """Give the memory of the last blocks back: what comes next makes no use of it."""
        self._known = None
        self._pa.default_memory_pool().release_unused()

    def _clean(self, block: bytes) -> bytes:
        return _WIDE_SPACE.sub(" ", block.decode("utf-8", self._errors)).encode()

    def _encode(self, block: bytes) -> tuple[NDArray[np.int32], NDArray[np.int64]] | None:
        """Do what `encode` does, or return None where the block has to be cleaned first."""
        pa = self._pa
        octets = np.frombuffer(block, np.uint8)
        starts = token_starts(octets)
        line_ends = np.searchsorted(starts, np.flatnonzero(octets == _NEWLINE)).astype(np.int64)
        if not starts.size:
            return np.empty(0, np.int32), line_ends

        offsets = np.append(starts, np.int32(len(block)))
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
        tokens = pa.Array.from_buffers(pa.binary(), starts.size, buffers)
        # The known words come first, so the distinct words begin with them, in their order.
        encoded = pa.chunked_array([self._known, tokens]).dictionary_encode().chunks[-1]
        distinct = encoded.dictionary
        new = _text_of(distinct, len(self._known))
        if new is None:
            return None

        words = (new.lower() if self._lowercase else new).split()
        new_ids = np.fromiter(map(self._number, words), np.int32, len(distinct) - len(self._known))
        distinct_ids = np.concatenate([self._known_ids, new_ids])
        if len(self._known) < _KNOWN:
            self._known = distinct[:_KNOWN]
            self._known_ids = distinct_ids[:_KNOWN]
        return distinct_ids[encoded.indices.to_numpy()], line_ends


def token_starts(octets: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Find where tokens begin: after ASCII white space (that of ``str.split``) or at the front.

    Parameters
    ----------
    octets : ndarray of uint8, shape (n,)

    Returns
    -------
    ndarray of int32, shape (tokens,)
        Positions, rising.
    """
    starts = []
    before = True
    for begin in range(0, octets.size, _SLICE):
        part = octets[begin : begin + _SLICE]
        # White space is 9..13 and 28..32; uint8 wraps below zero.
        space = part - np.uint8(9) < 5
        space |= part - np.uint8(28) < 5
        after_space = np.empty_like(space)
        after_space[0] = before
        after_space[1:] = space[:-1]
        before = bool(space[-1])
        starts.append((np.flatnonzero(after_space > space) + begin).astype(np.int32))
    return np.concatenate(starts)


def _text_of(distinct: Any, first: int) -> str | None:
    """Join a binary array from element `first` on; None if not UTF-8 or with wide white space."""
    _, offsets, data = distinct.buffers()
    bounds = np.frombuffer(offsets, np.int32)[[first, len(distinct)]]
    try:
        text = str(memoryview(data)[slice(*bounds)], "utf-8")
    except UnicodeDecodeError:
        return None
    return None if not text.isascii() and _WIDE_SPACE.search(text) else text

"""What a run needs of the memory of a device that has memory of its own."""

import math
from dataclasses import dataclass

from xw2v.errors import DeviceError
from xw2v.kernel import Optimizer
from xw2v.sampling import Layout

__all__ = ["MemoryNeeds", "batch_memory", "check_memory", "chunk_memory", "parameter_memory"]

_FLOAT = 4
_MIB = 1 << 20
# Bytes of a word of a chunk: ids, positions and both sides of its window, staged and in place,
# and what sampling makes of it on the way.
_BYTES_A_WORD = 120
# Arrays that a step holds at once: of the size of all rows of a batch the vectors, their
# gradients, these put together, scaled, and on their way; of its logits the masks of batches
# that are planned together, weights, logits and what becomes of them.
_ROWS_HELD = 6
_LOGITS_HELD = 10
# What cuBLAS takes to work in, and what CuPy's pool rounds up to.
_LIBRARIES = 64 * _MIB


@dataclass(frozen=True)
class MemoryNeeds:
    """Bytes.

    Parameters
    ----------
    parameters : int
        Both matrices, and what is known of each word.
    optimizer : int
        Its state.
    text : int
        The ids of the corpus, or of the stretches that are there at a time.
    chunk : int
        A stretch of the text while it is sampled, and the one that batches are made of.
    batch : int
        A batch, and its gradients.
    """

    parameters: int
    optimizer: int
    text: int
    chunk: int
    batch: int

    @property
    def total(self) -> int:
        """All of it, with what the libraries of CUDA take."""
        parts = self.parameters, self.optimizer, self.text, self.chunk, self.batch
        return sum(parts) + _LIBRARIES

    def __str__(self) -> str:
        parts = {
            "both matrices": self.parameters,
            "the optimizer": self.optimizer,
            "text": self.text + self.chunk,
            "batches": self.batch,
        }
        return ", ".join(f"{name} {n / _MIB:,.0f} MiB" for name, n in parts.items() if n)


def parameter_memory(
    n_words: int, outputs: int, vector_size: int, optimizer: Optimizer
) -> tuple[int, int]:
    """Return the bytes of the parameters, and of the state of the optimizer.

    Parameters
    ----------
    n_words, outputs, vector_size : int
        Rows of W_in and of W_out, and D.
    optimizer : Optimizer
    """
    shapes = [(n_words, vector_size), (outputs, vector_size)]
    # Besides, for each word: keep threshold, alias table, the sums of weights of a step.
    parameters = sum(map(math.prod, shapes)) * _FLOAT + n_words * (8 + 8 + 4)
    state = sum(
        math.prod(one) * _FLOAT for shape in shapes for one in optimizer.state(tuple, shape)
    )
    return parameters, state


def chunk_memory(longest: int) -> int:
    """Return the bytes that sampling needs for chunks of so many corpus words."""
    return longest * _BYTES_A_WORD


def batch_memory(layout: Layout, parts: int, window: int, vector_size: int) -> int:
    """Return about how many bytes a batch needs, at most.

    Parameters
    ----------
    layout : Layout
    parts : int
        Of the largest batch.
    window, vector_size : int
    """
    rows = layout.part_rows(window) * vector_size * _ROWS_HELD
    return parts * (rows + layout.part_logits(window) * _LOGITS_HELD) * _FLOAT


def check_memory(needs: MemoryNeeds, free: int | None, device: str) -> None:
    """Raise DeviceError if a run needs more memory than a device has free.

    Parameters
    ----------
    needs : MemoryNeeds
    free : int or None
        Bytes, where that is known.
    device : str
        Its name.
    """
    if free is None or needs.total <= free:
        return
    raise DeviceError(
        f"too little memory on {device}: {free / _MIB:,.0f} MiB are free, and training needs about "
        f"{needs.total / _MIB:,.0f} MiB ({needs}); a smaller vector_size, a larger min_count or "
        "max_final_vocab make the matrices smaller, a smaller batch_words the batches; or take "
        "another device"
    )

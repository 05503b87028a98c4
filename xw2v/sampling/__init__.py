"""Token ids become batches: counter-based random numbers, subsampling, noise, layouts."""

from xw2v.sampling.chunks import (
    PIECE_WORDS,
    Chunk,
    ChunkBuffer,
    piece_borders,
    sample_chunk,
    sample_piece,
)
from xw2v.sampling.layouts import BlockLayout, PairLayout, PlannedBatch
from xw2v.sampling.noise import NoiseTable, keep_thresholds
from xw2v.sampling.random import Purpose, even_bits, random_below, random_bits, stream_key

__all__ = [
    "PIECE_WORDS",
    "BlockLayout",
    "Chunk",
    "ChunkBuffer",
    "NoiseTable",
    "PairLayout",
    "PlannedBatch",
    "Purpose",
    "even_bits",
    "keep_thresholds",
    "piece_borders",
    "random_below",
    "random_bits",
    "sample_chunk",
    "sample_piece",
    "stream_key",
]

"""Token ids become batches: counter-based random numbers, subsampling, noise, layouts."""

from xw2v.sampling.chunks import (
    PIECE_WORDS,
    Chunk,
    ChunkBuffer,
    Ids,
    piece_borders,
    sample_chunk,
    sample_piece,
)
from xw2v.sampling.distinct import NoiseIntervals
from xw2v.sampling.huffman import HuffmanTree
from xw2v.sampling.layouts import BlockLayout, Layout, PairLayout, PlannedBatch
from xw2v.sampling.noise import NoiseTable, keep_thresholds
from xw2v.sampling.outputs import NegativeOutput, Output, SoftmaxOutput
from xw2v.sampling.paths import PathOutput
from xw2v.sampling.random import Purpose, even_bits, random_below, random_bits, stream_key
from xw2v.sampling.text_blocks import Cbow, TextBlocks

__all__ = [
    "PIECE_WORDS",
    "BlockLayout",
    "Cbow",
    "Chunk",
    "ChunkBuffer",
    "HuffmanTree",
    "Ids",
    "Layout",
    "NegativeOutput",
    "NoiseIntervals",
    "NoiseTable",
    "Output",
    "PairLayout",
    "PathOutput",
    "PlannedBatch",
    "Purpose",
    "SoftmaxOutput",
    "TextBlocks",
    "even_bits",
    "keep_thresholds",
    "piece_borders",
    "random_below",
    "random_bits",
    "sample_chunk",
    "sample_piece",
    "stream_key",
]

"""What users keep of a training run: word vectors, their neighbours and their evaluation."""

from xw2v.vectors.approximate import ApproximateIndex
from xw2v.vectors.choice import matrices_needed, word_vector_rows
from xw2v.vectors.evaluation import (
    AnalogyScores,
    AnalogySection,
    Correlation,
    PairScores,
    SectionScore,
    WordPair,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)
from xw2v.vectors.word_vectors import Indexer, WordVectors

__all__ = [
    "AnalogyScores",
    "AnalogySection",
    "ApproximateIndex",
    "Correlation",
    "Indexer",
    "PairScores",
    "SectionScore",
    "WordPair",
    "WordVectors",
    "matrices_needed",
    "parse_analogies",
    "parse_pairs",
    "score_analogies",
    "score_pairs",
    "word_vector_rows",
]

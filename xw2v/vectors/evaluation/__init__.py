"""How good word vectors are: analogy questions and human similarity judgments.

The rules are those of gensim's ``evaluate_word_analogies`` and ``evaluate_word_pairs``, which
follow the ``compute-accuracy`` program of the original word2vec.
"""

from xw2v.vectors.evaluation.analogies import (
    AnalogyScores,
    SectionScore,
    Tally,
    score_analogies,
)
from xw2v.vectors.evaluation.answering import Method
from xw2v.vectors.evaluation.bootstrap import (
    Interval,
    interval_of,
    resampled_accuracies,
    resampled_spearman,
)
from xw2v.vectors.evaluation.comparison import (
    Comparison,
    Difference,
    compare_analogies,
    compare_pairs,
)
from xw2v.vectors.evaluation.pairs import Correlation, PairScores, score_pairs
from xw2v.vectors.evaluation.reading import (
    AnalogySection,
    Question,
    WordPair,
    parse_analogies,
    parse_pairs,
)
from xw2v.vectors.evaluation.words import check_count

__all__ = [
    "AnalogyScores",
    "AnalogySection",
    "Comparison",
    "Correlation",
    "Difference",
    "Interval",
    "Method",
    "PairScores",
    "Question",
    "SectionScore",
    "Tally",
    "WordPair",
    "check_count",
    "compare_analogies",
    "compare_pairs",
    "interval_of",
    "parse_analogies",
    "parse_pairs",
    "resampled_accuracies",
    "resampled_spearman",
    "score_analogies",
    "score_pairs",
]

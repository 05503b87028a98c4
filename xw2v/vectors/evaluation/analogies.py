"""How analogy questions are answered, by section, by kind and in all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from xw2v.errors import ConfigError
from xw2v.vectors.evaluation.answering import Method, answer_questions
from xw2v.vectors.evaluation.reading import AnalogySection, Question
from xw2v.vectors.evaluation.words import known_words

if TYPE_CHECKING:
    from xw2v.vectors.word_vectors import WordVectors

__all__ = ["AnalogyScores", "SectionScore", "Tally", "score_analogies"]

# Those of questions-words.txt are gram1-adjective-to-adverb to gram9-plural-verbs.
_SYNTACTIC = "gram"


class Tally(NamedTuple):
    """Questions answered correctly, and questions that count."""

    correct: int
    total: int

    @property
    def accuracy(self) -> float:
        """Share of the questions answered correctly; 0 where none counts."""
        return self.correct / self.total if self.total else 0.0


@dataclass(frozen=True)
class SectionScore:
    """How the questions of one section were answered.

    Attributes
    ----------
    name : str
    questions : tuple of (str, str, str, str)
        All of them, in upper case where case was ignored.
    results : tuple of bool or None
        For each question whether it was answered correctly; None if it was skipped.
    """

    name: str
    questions: tuple[Question, ...]
    results: tuple[bool | None, ...]

    @property
    def correct(self) -> tuple[Question, ...]:
        """The questions answered correctly."""
        return self._with_result(True)

    @property
    def incorrect(self) -> tuple[Question, ...]:
        """The questions answered incorrectly, or counted so."""
        return self._with_result(False)

    @property
    def tally(self) -> Tally:
        """The numbers of both."""
        right, wrong = self.results.count(True), self.results.count(False)
        return Tally(right, right + wrong)

    @property
    def total(self) -> int:
        """Questions that count: correct and incorrect ones."""
        return self.tally.total

    @property
    def accuracy(self) -> float:
        """Share of the questions answered correctly; 0 where none counts."""
        return self.tally.accuracy

    @property
    def is_syntactic(self) -> bool:
        """Whether it is about grammar: its name begins with ``gram``, as in questions-words.txt."""
        return self.name.lower().startswith(_SYNTACTIC)

    def _with_result(self, wanted: bool) -> tuple[Question, ...]:
        pairs = zip(self.questions, self.results, strict=True)
        return tuple(question for question, result in pairs if result is wanted)


@dataclass(frozen=True)
class AnalogyScores:
    """How the questions of an analogy file were answered.

    Attributes
    ----------
    sections : tuple of SectionScore
    out_of_vocabulary : int
        Questions with a word outside the vocabulary searched: skipped, or counted as incorrect
        under ``dummy4unknown``.
    restrict_vocab : int or None
        The answers were sought among this many words, the first ones; None: among all.
    method : {"add", "mul"}
    """

    sections: tuple[SectionScore, ...]
    out_of_vocabulary: int
    restrict_vocab: int | None
    method: Method = "add"

    @property
    def tally(self) -> Tally:
        """All sections together."""
        return _sum(self.sections)

    @property
    def semantic(self) -> Tally:
        """The sections that are not syntactic together."""
        return _sum(section for section in self.sections if not section.is_syntactic)

    @property
    def syntactic(self) -> Tally:
        """The sections whose names begin with ``gram`` together."""
        return _sum(section for section in self.sections if section.is_syntactic)

    @property
    def correct(self) -> int:
        """Questions answered correctly."""
        return self.tally.correct

    @property
    def total(self) -> int:
        """Questions that count: correct and incorrect ones."""
        return self.tally.total

    @property
    def accuracy(self) -> float:
        """Share of the questions answered correctly; 0 where none counts."""
        return self.tally.accuracy


def score_analogies(
    word_vectors: "WordVectors",
    sections: Sequence[AnalogySection],
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    method: Method = "add",
) -> AnalogyScores:
    """Answer analogy questions.

    By 3CosAdd, the answer to "a is to b as c is to ?" is the word whose unit vector has the
    largest inner product with b - a + c, all three being unit vectors, a, b and c themselves left
    out (Mikolov, Yih and Zweig 2013, "Linguistic Regularities in Continuous Space Word
    Representations"). By 3CosMul, it is the one with the largest cos(b) cos(c) / cos(a), all
    cosines moved to between 0 and 1 (Levy and Goldberg 2014, "Linguistic Regularities in Sparse
    and Explicit Word Representations", equation 4).

    Parameters
    ----------
    word_vectors : WordVectors
    sections : sequence of AnalogySection
    restrict_vocab : int or None
        Look at this many words only, the first ones: a question with another word is skipped,
        and no other word is an answer. None looks at all.
    case_insensitive : bool
        Compare words in upper case; of several words that differ only in case, the first one,
        that is the most frequent, gives the vector.
    dummy4unknown : bool
        Count questions with an unknown word as answered incorrectly.
    method : {"add", "mul"}
        3CosAdd or 3CosMul.

    Returns
    -------
    AnalogyScores

    Raises
    ------
    ConfigError
        If an argument cannot work.
    """
    if method not in get_args(Method):
        raise ConfigError(f"method must be 'add' or 'mul', not {method!r}")
    known, first_variant = known_words(word_vectors, restrict_vocab, case_insensitive)
    spelled: list[tuple[Question, ...]] = [
        tuple(_upper(question) if case_insensitive else question for question in section.questions)
        for section in sections
    ]
    rows = np.asarray(
        [[known.get(word, -1) for word in q] for questions in spelled for q in questions],
        dtype=np.int64,
    ).reshape(-1, 4)
    is_known: npt.NDArray[np.bool_] = np.min(rows, axis=1, initial=0) >= 0
    asked = rows[is_known]
    # Without a question there is no need of unit vectors.
    right = np.zeros(0, dtype=np.bool_)
    if len(asked):
        unit = word_vectors.get_normed_vectors()[: len(first_variant), :]
        right = answer_questions(unit, asked[:, :3], first_variant, method) == asked[:, 3]
    answers = map(bool, right)
    otherwise = False if dummy4unknown else None
    results = iter([next(answers) if one else otherwise for one in map(bool, is_known)])
    scores = tuple(
        SectionScore(section.name, questions, tuple(next(results) for _ in questions))
        for section, questions in zip(sections, spelled, strict=True)
    )
    return AnalogyScores(scores, int((~is_known).sum()), restrict_vocab, method)


def _upper(question: Question) -> Question:
    a, b, c, d = question
    return a.upper(), b.upper(), c.upper(), d.upper()


def _sum(sections: Iterable[SectionScore]) -> Tally:
    tallies = [section.tally for section in sections]
    return Tally(sum(t.correct for t in tallies), sum(t.total for t in tallies))

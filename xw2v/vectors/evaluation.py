"""How good word vectors are: analogy questions and human similarity judgments.

The rules are those of gensim's ``evaluate_word_analogies`` and ``evaluate_word_pairs``, which
follow the ``compute-accuracy`` program of the original word2vec.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace

from xw2v.errors import ConfigError
from xw2v.vectors.arrays import Array, to_numpy

if TYPE_CHECKING:
    from xw2v.vectors.word_vectors import WordVectors

__all__ = [
    "AnalogyScores",
    "AnalogySection",
    "Correlation",
    "PairScores",
    "Question",
    "SectionScore",
    "WordPair",
    "parse_analogies",
    "parse_pairs",
    "score_analogies",
    "score_pairs",
]

Question: TypeAlias = tuple[str, str, str, str]

# Scores of a block of questions against the vocabulary: 64 MiB of float32.
_SCORES_AT_ONCE = 2**24
# gensim looks at the five best words that are not in the question, and gives up after them.
_ANSWERS_TRIED = 5


@dataclass(frozen=True)
class AnalogySection:
    """A section of an analogy file.

    Attributes
    ----------
    name : str
    questions : tuple of (str, str, str, str)
        a, b, c and the expected d of "a is to b as c is to d".
    """

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class SectionScore:
    """How the questions of one section were answered.

    Attributes
    ----------
    name : str
    correct, incorrect : tuple of (str, str, str, str)
        The questions, in upper case where case was ignored.
    """

    name: str
    correct: tuple[Question, ...]
    incorrect: tuple[Question, ...]

    @property
    def total(self) -> int:
        """Questions that count: correct and incorrect ones."""
        return len(self.correct) + len(self.incorrect)

    @property
    def accuracy(self) -> float:
        """Share of the questions answered correctly; 0 where none counts."""
        return len(self.correct) / self.total if self.total else 0.0


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
    """

    sections: tuple[SectionScore, ...]
    out_of_vocabulary: int
    restrict_vocab: int | None

    @property
    def correct(self) -> int:
        """Questions answered correctly."""
        return sum(len(section.correct) for section in self.sections)

    @property
    def total(self) -> int:
        """Questions that count: correct and incorrect ones."""
        return sum(section.total for section in self.sections)

    @property
    def accuracy(self) -> float:
        """Share of the questions answered correctly; 0 where none counts."""
        return self.correct / self.total if self.total else 0.0


class WordPair(NamedTuple):
    """Two words, and how similar people find them."""

    first: str
    second: str
    score: float


class Correlation(NamedTuple):
    """A correlation coefficient and its two-sided p-value; NaN where it is not defined."""

    statistic: float
    pvalue: float


@dataclass(frozen=True)
class PairScores:
    """How cosine similarities agree with human judgments.

    Attributes
    ----------
    pearson, spearman : Correlation
    used : int
        Pairs compared.
    out_of_vocabulary : int
        Pairs with a word outside the vocabulary: skipped, or compared with a similarity of 0
        under ``dummy4unknown``.
    restrict_vocab : int or None
        Only this many words, the first ones, were looked at; None: all.
    """

    pearson: Correlation
    spearman: Correlation
    used: int
    out_of_vocabulary: int
    restrict_vocab: int | None


def parse_analogies(path: str | PathLike[str]) -> tuple[AnalogySection, ...]:
    """Read an analogy file in the format of ``questions-words.txt``.

    Lines ``: name`` open a section; every other line holds the four words of a question,
    separated by white space. Empty lines are passed over. The encoding is UTF-8.

    Raises
    ------
    ConfigError
        If the file cannot be read, holds no question, or a line is neither of the above; the
        message names the file and the line.
    """
    sections: list[tuple[str, list[Question]]] = []
    for number, line in _lines(path):
        words = line.split()
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
        elif not sections:
            raise ConfigError(
                f"{fspath(path)}, line {number}: a question before the first section; "
                "begin the file with a line like ': capitals'"
            )
        elif len(words) != 4:
            raise ConfigError(
                f"{fspath(path)}, line {number}: a question has four words, not {len(words)}: "
                f"{_shortened(line)}"
            )
        else:
            sections[-1][1].append((words[0], words[1], words[2], words[3]))
    if not any(questions for _, questions in sections):
        raise ConfigError(f"{fspath(path)} holds no analogy question")
    return tuple(AnalogySection(name, tuple(questions)) for name, questions in sections)


def parse_pairs(path: str | PathLike[str], delimiter: str | None = None) -> tuple[WordPair, ...]:
    r"""Read human similarity judgments, in the format of WordSim-353 and SimLex-999 in gensim.

    A line holds two words and a number. Empty lines and lines that begin with ``#`` are passed
    over. The encoding is UTF-8.

    Parameters
    ----------
    path : path
    delimiter : str or None
        What separates the three fields; None takes tabs where a line has them, else white space.

    Raises
    ------
    ConfigError
        If the file cannot be read, holds no pair, or a line is none of the above; the message
        names the file and the line.
    """
    if delimiter == "":
        raise ConfigError("delimiter must not be empty; None takes tabs or white space")
    pairs = []
    for number, line in _lines(path):
        if line.startswith("#"):
            continue
        separator = "\t" if delimiter is None and "\t" in line else delimiter
        fields = [field.strip() for field in line.split(separator)]
        try:
            first, second, text = fields
            score = float(text)
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise ConfigError(
                f"{fspath(path)}, line {number}: not two words and a number separated by "
                f"{'tabs or spaces' if delimiter is None else repr(delimiter)}: "
                f"{_shortened(line)}; put # before a heading"
            )
        pairs.append(WordPair(first, second, score))
    if not pairs:
        raise ConfigError(f"{fspath(path)} holds no pair of words")
    return tuple(pairs)


def score_analogies(
    word_vectors: "WordVectors",
    sections: Sequence[AnalogySection],
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> AnalogyScores:
    """Answer analogy questions by the 3CosAdd rule.

    The answer to "a is to b as c is to ?" is the word whose unit vector has the largest inner
    product with b - a + c, all three being unit vectors, a, b and c themselves left out (Mikolov,
    Yih and Zweig 2013, "Linguistic Regularities in Continuous Space Word Representations").

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

    Returns
    -------
    AnalogyScores
    """
    known, first_variant = _known_words(word_vectors, restrict_vocab, case_insensitive)
    asked: list[list[int]] = []
    spelled: list[list[tuple[Question, bool]]] = []
    for section in sections:
        questions = []
        for a, b, c, d in section.questions:
            question = (a, b, c, d)
            if case_insensitive:
                question = (a.upper(), b.upper(), c.upper(), d.upper())
            rows = [known.get(word, -1) for word in question]
            questions.append((question, min(rows) >= 0))
            if min(rows) >= 0:
                asked.append(rows)
        spelled.append(questions)

    right = iter(
        _answered_right(word_vectors, np.asarray(asked, dtype=np.int64), first_variant)
        if asked
        else ()
    )
    scores = []
    out_of_vocabulary = 0
    for section, questions in zip(sections, spelled, strict=True):
        correct: list[Question] = []
        incorrect: list[Question] = []
        for question, is_known in questions:
            out_of_vocabulary += not is_known
            if is_known:
                (correct if next(right) else incorrect).append(question)
            elif dummy4unknown:
                incorrect.append(question)
        scores.append(SectionScore(section.name, tuple(correct), tuple(incorrect)))
    return AnalogyScores(tuple(scores), out_of_vocabulary, restrict_vocab)


def score_pairs(
    word_vectors: "WordVectors",
    pairs: Sequence[WordPair],
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> PairScores:
    """Correlate cosine similarities with human judgments.

    Parameters
    ----------
    word_vectors : WordVectors
    pairs : sequence of WordPair
    restrict_vocab : int or None
        Skip pairs with a word that is not among this many words, the first ones; None: of all.
    case_insensitive : bool
        Compare words in upper case; of several words that differ only in case, the first one,
        that is the most frequent, gives the vector.
    dummy4unknown : bool
        Take 0 as the similarity of a pair with an unknown word.

    Returns
    -------
    PairScores

    Raises
    ------
    ConfigError
        If fewer than two pairs are left to compare.
    """
    known, _ = _known_words(word_vectors, restrict_vocab, case_insensitive)
    rows = []
    human = []
    without_vector = []
    for pair in pairs:
        words = (pair.first, pair.second)
        first, second = (known.get(w.upper() if case_insensitive else w, -1) for w in words)
        if min(first, second) >= 0:
            rows.append((first, second))
            human.append(pair.score)
        else:
            without_vector.append(pair.score)

    similarities = np.zeros(0)
    if rows:
        unit = word_vectors.get_normed_vectors()
        xp = array_namespace(unit)
        left, right = (
            xp.take(unit, xp.asarray(column, dtype=xp.int64), axis=0)
            for column in zip(*rows, strict=True)
        )
        similarities = to_numpy(xp.sum(left * right, axis=1))
    if dummy4unknown:
        human += without_vector
        similarities = np.concatenate([similarities, np.zeros(len(without_vector))])
    if len(human) < 2:
        raise ConfigError(
            f"a correlation needs two pairs, and of the {len(pairs)} given only {len(human)} "
            "can be used: the vocabulary lacks words of the others"
        )
    pearson, spearman = _correlations(np.asarray(human), similarities)
    return PairScores(pearson, spearman, len(human), len(without_vector), restrict_vocab)


def check_count(name: str, value: object) -> None:
    """Raise ConfigError unless `value` is a whole number of at least 1."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{name} must be a whole number of at least 1, not {value!r}")


def _lines(path: str | PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the numbers and texts of the lines that are not empty."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read {fspath(path)}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        at_line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{fspath(path)}, line {at_line}: the text is not UTF-8") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _shortened(line: str) -> str:
    line = line.strip()
    return repr(line if len(line) <= 60 else line[:57] + "...")


def _known_words(
    word_vectors: "WordVectors", restrict_vocab: int | None, case_insensitive: bool
) -> tuple[dict[str, int], npt.NDArray[np.int64]]:
    """Return the row of each known spelling, and for each row that of its first case variant."""
    if restrict_vocab is not None:
        check_count("restrict_vocab", restrict_vocab)
    words = word_vectors.index_to_key[:restrict_vocab]
    spellings = [word.upper() for word in words] if case_insensitive else words
    known: dict[str, int] = {}
    first_variant = [known.setdefault(word, row) for row, word in enumerate(spellings)]
    return known, np.asarray(first_variant, dtype=np.int64)


def _answered_right(
    word_vectors: "WordVectors",
    questions: npt.NDArray[np.int64],
    first_variant: npt.NDArray[np.int64],
) -> list[bool]:
    """Say which questions, rows of a, b, c and d in an array of shape (Q, 4), get the answer d."""
    unit = word_vectors.get_normed_vectors()[: len(first_variant), :]
    block = max(1, _SCORES_AT_ONCE // len(first_variant))
    right: list[bool] = []
    for start in range(0, len(questions), block):
        rows = questions[start : start + block]
        answers = _best_other_words(unit, rows[:, :3], first_variant)
        right.extend((answers == rows[:, 3]).tolist())
    return right


def _best_other_words(
    unit: Array, given: npt.NDArray[np.int64], first_variant: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the answers, as rows of first case variants; -1 where no word is left.

    `unit` are the unit vectors, shape (V, D), and `given` the rows of a, b and c, shape (n, 3).
    A case variant of a given word is no answer: the next best word is.
    """
    xp = array_namespace(unit)
    columns = [xp.asarray(column) for column in given.T]
    a, b, c = (xp.take(unit, column, axis=0) for column in columns)
    scores = (b + c - a) @ unit.T
    every = xp.arange(len(given))
    for column in columns:
        scores[every, column] = -xp.inf
    answers = np.full(len(given), -1, dtype=np.int64)
    open_rows = np.arange(len(given))
    for attempt in range(_ANSWERS_TRIED):
        rows = xp.asarray(open_rows)
        found = xp.argmax(scores if attempt == 0 else scores[rows, :], axis=1)
        is_left = to_numpy(scores[rows, found] > -xp.inf)
        best = to_numpy(found)
        answers[open_rows] = np.where(is_left, first_variant[best], -1)
        again = (answers[open_rows, None] == given[open_rows]).any(axis=1)
        scores[rows, found] = -xp.inf
        open_rows = open_rows[again]
        if not open_rows.size:
            break
    return answers


def _correlations(
    human: npt.NDArray[np.floating], similarities: npt.NDArray[np.floating]
) -> tuple[Correlation, Correlation]:
    from scipy import stats  # noqa: PLC0415  (slow to import)

    with warnings.catch_warnings():
        # Constant scores have no correlation: NaN says so.
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        pearson = stats.pearsonr(human, similarities)
        spearman = stats.spearmanr(human, similarities)
    return (
        Correlation(float(pearson.statistic), float(pearson.pvalue)),
        Correlation(float(spearman.statistic), float(spearman.pvalue)),
    )

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import array_api_strict
import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from xw2v.errors import ConfigError
from xw2v.vectors import (
    AnalogySection,
    WordPair,
    WordVectors,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)

KeyedVectors = Callable[[list[str], npt.NDArray[Any]], Any]

EVALUATION_FILES = Path(__file__).parents[2].parent / "shared" / "data" / "eval"

needs_evaluation_files = pytest.mark.skipif(
    not EVALUATION_FILES.is_dir(), reason="the full evaluation files are not there"
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def related_words(noise: float, seed: int = 0) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Capitals and countries a constant step apart, verbs and their past, each in two cases."""
    rng = np.random.default_rng(seed)
    words, rows = [], []
    for stem, partner in (("Capital", "Country"), ("verb", "past")):
        step = rng.standard_normal(20)
        for i in range(12):
            start = rng.standard_normal(20)
            for word, row in ((f"{stem}{i}", start), (f"{partner}{i}", start + step)):
                words += [word, word.swapcase()]
                rows += [row, row + noise * rng.standard_normal(20)]
    order = rng.permutation(len(words))
    return [words[i] for i in order], np.asarray(rows, dtype=np.float32)[order]


def questions_about_them() -> str:
    lines = [": capitals"]
    lines += [f"Capital{i} Country{i} Capital{j} Country{j}" for i in range(12) for j in range(12)]
    lines += ["Capital1 Country1 Atlantis Sea", ": empty section", ": verbs"]
    lines += [f"verb{i} past{i} VERB{j} PAST{j}" for i in range(12) for j in range(0, 12, 3)]
    lines += ["verb1 past1 verb2 nowhere", ""]
    return "\n".join(lines)


# Reading


def test_parse_analogies(tmp_path: Path) -> None:
    path = write(
        tmp_path / "questions.txt",
        "\ufeff: the  world\r\n\r\nParis France  Bern\tSchweiz\r\n: leer\n:x\na b c ö\n",
    )
    assert parse_analogies(path) == (
        AnalogySection("the  world", (("Paris", "France", "Bern", "Schweiz"),)),
        AnalogySection("leer", ()),
        AnalogySection("x", (("a", "b", "c", "ö"),)),
    )
    assert parse_analogies(str(path)) == parse_analogies(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b c d\n", r"q\.txt, line 1: a question before the first section"),
        (": s\n\na b c\n", r"q\.txt, line 3: a question has four words, not 3: 'a b c'"),
        (": s\na b c d e\n", r"q\.txt, line 2: a question has four words, not 5"),
        (": s\n", r"q\.txt holds no analogy question"),
        ("", r"q\.txt holds no analogy question"),
    ],
)
def test_parse_analogies_names_the_trouble(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_analogies(write(tmp_path / "q.txt", text))


def test_parse_pairs(tmp_path: Path) -> None:
    tabs = write(tmp_path / "tabs.txt", "# a comment\nlove\tsex\t6.77\n\nNew York\tcity\t1e1\r\n")
    pairs = (WordPair("love", "sex", 6.77), WordPair("New York", "city", 10.0))
    assert parse_pairs(tabs) == parse_pairs(tabs, "\t") == pairs
    spaces = write(tmp_path / "spaces.txt", "love  sex 6.77 \nstock\tmarket\t8.08\n")
    assert parse_pairs(spaces) == (pairs[0], WordPair("stock", "market", 8.08))
    commas = write(tmp_path / "commas.txt", "love,sex,6.77\nNew York, city ,10\n")
    assert parse_pairs(commas, ",") == pairs


@pytest.mark.parametrize(
    ("text", "delimiter", "message"),
    [
        ("a\tb\t1\nword 1\tword 2\tmean\n", None, r"p\.txt, line 2: .*'word 1\\tword 2\\tmean'"),
        ("a\tb\n", None, r"p\.txt, line 1: "),
        ("a\tb\t1\t2\n", None, r"p\.txt, line 1: "),
        ("a\tb\tnan\n", None, r"p\.txt, line 1: "),
        ("a b 1\n", "\t", r"line 1: not two words and a number separated by '\\t'"),
        ("# a b 1\n", None, r"p\.txt holds no pair of words"),
        ("a b 1\n", "", "delimiter must not be empty"),
        ("x" * 1000, None, r"xxx\.\.\.'"),
    ],
)
def test_parse_pairs_names_the_trouble(
    tmp_path: Path, text: str, delimiter: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_pairs(write(tmp_path / "p.txt", text), delimiter)


@pytest.mark.parametrize("parse", [parse_analogies, parse_pairs])
def test_files_that_cannot_be_read_are_named(
    tmp_path: Path, parse: Callable[[Path], object]
) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*nothing\.txt"):
        parse(tmp_path / "nothing.txt")
    with pytest.raises(ConfigError, match="cannot read"):
        parse(tmp_path)
    (tmp_path / "latin.txt").write_bytes(b": s\n\xe9t\xe9 b c d\n")
    with pytest.raises(ConfigError, match=r"latin\.txt, line 2: the text is not UTF-8"):
        parse(tmp_path / "latin.txt")


# Analogies


def test_analogies_are_answered_by_the_nearest_other_word() -> None:
    words = ["man", "king", "woman", "queen", "far", "Queen"]
    vectors = np.asarray(
        [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, -1, -1], [0.9, 1, 1]], np.float32
    )
    sections = (
        AnalogySection("right", (("man", "king", "woman", "queen"),)),
        AnalogySection("wrong", (("man", "king", "woman", "far"), ("far", "far", "far", "far"))),
        AnalogySection("unknown", (("man", "king", "woman", "duchess"),)),
    )
    wv = WordVectors(words, vectors)
    scores = score_analogies(wv, sections, restrict_vocab=5)
    assert [section.name for section in scores.sections] == ["right", "wrong", "unknown"]
    assert scores.sections[0].correct == (("MAN", "KING", "WOMAN", "QUEEN"),)
    assert scores.sections[1].incorrect[0] == ("MAN", "KING", "WOMAN", "FAR")
    assert [section.total for section in scores.sections] == [1, 2, 0]
    assert [section.accuracy for section in scores.sections] == [1, 0, 0]
    assert (scores.correct, scores.total, scores.out_of_vocabulary) == (1, 3, 1)
    assert scores.accuracy == pytest.approx(1 / 3)
    assert scores.restrict_vocab == 5

    with_unknown = score_analogies(wv, sections, 5, dummy4unknown=True)
    assert (with_unknown.correct, with_unknown.total, with_unknown.out_of_vocabulary) == (1, 4, 1)
    # Four words leave "queen" as the one answer that is not in the question, or none at all.
    assert score_analogies(wv, sections, 4).total == 1
    assert score_analogies(wv, sections, 3).total == 0
    assert score_analogies(wv, sections, 3).accuracy == 0


def test_no_word_left_is_no_answer() -> None:
    wv = WordVectors(["a", "b", "c"], np.eye(3))
    scores = score_analogies(wv, [AnalogySection("s", (("a", "b", "c", "a"),))])
    assert (scores.correct, scores.total) == (0, 1)


def test_case_variants_of_the_question_are_no_answers() -> None:
    vectors = np.eye(5, dtype=np.float32)
    vectors[3] = [0, 0.6, 0, 0.8, 0]
    vectors[4] = vectors[2]  # C lies nearer to the query b + c - a than d does
    wv = WordVectors(["a", "b", "c", "d", "C"], vectors)
    question = [AnalogySection("s", (("a", "b", "c", "d"),))]
    assert score_analogies(wv, question).correct == 1
    assert score_analogies(wv, question, case_insensitive=False).correct == 0


@pytest.mark.parametrize("limit", [1, 500, 2**24])
def test_blocks_do_not_change_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    wv = WordVectors(*related_words(0.5))
    sections = parse_analogies(write(tmp_path / "q.txt", questions_about_them()))
    whole = score_analogies(wv, sections)
    monkeypatch.setattr("xw2v.vectors.evaluation._SCORES_AT_ONCE", limit)
    assert score_analogies(wv, sections) == whole
    assert 0 < whole.correct < whole.total


@pytest.mark.parametrize("restrict_vocab", [0, -3, 1.5])
def test_restrict_vocab_must_be_a_positive_whole_number(restrict_vocab: Any) -> None:
    wv = WordVectors(*related_words(0.5))
    with pytest.raises(ConfigError, match="restrict_vocab"):
        score_analogies(wv, [], restrict_vocab)
    with pytest.raises(ConfigError, match="restrict_vocab"):
        score_pairs(wv, [], restrict_vocab)


# Pairs


def test_pairs_are_correlated_with_cosines() -> None:
    words, vectors = related_words(0.5)
    wv = WordVectors(words, vectors)
    rng = np.random.default_rng(5)
    pairs = [WordPair(words[i], words[i + 40], float(rng.random())) for i in range(40)]
    cosines = [wv.similarity(pair.first, pair.second) for pair in pairs]
    human = [pair.score for pair in pairs]
    scores = score_pairs(wv, [*pairs, WordPair("nope", words[0], 3.0)], case_insensitive=False)
    assert scores.pearson == pytest.approx(stats.pearsonr(human, cosines), abs=1e-6)
    assert scores.spearman == pytest.approx(stats.spearmanr(human, cosines), abs=1e-6)
    assert scores.spearman.statistic == scores.spearman[0]
    assert (scores.used, scores.out_of_vocabulary) == (40, 1)
    assert scores.restrict_vocab == 300_000


def test_unknown_words_may_count_as_unlike_anything() -> None:
    wv = WordVectors(["a", "b", "c"], np.asarray([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]))
    pairs = [WordPair("a", "b", 9.0), WordPair("a", "c", 1.0), WordPair("a", "x", 1.0)]
    scores = score_pairs(wv, pairs, dummy4unknown=True)
    assert (scores.used, scores.out_of_vocabulary) == (3, 1)
    assert scores.pearson.statistic == pytest.approx(1)


def test_too_few_pairs_are_refused() -> None:
    wv = WordVectors(["a", "b"], np.eye(2))
    with pytest.raises(ConfigError, match="of the 2 given only 1 can be used"):
        score_pairs(wv, [WordPair("a", "b", 1.0), WordPair("a", "x", 1.0)])
    with pytest.raises(ConfigError, match="of the 1 given only 0 can be used"):
        score_pairs(wv, [WordPair("x", "y", 1.0)])


def test_constant_scores_have_no_correlation() -> None:
    wv = WordVectors(["a", "b", "c"], np.zeros((3, 2)))
    pairs = [WordPair("a", "b", 1.0), WordPair("b", "c", 2.0), WordPair("a", "c", 3.0)]
    scores = score_pairs(wv, pairs)
    assert np.isnan([scores.pearson, scores.spearman]).all()


# Other arrays


def test_pairs_need_only_the_array_api() -> None:
    words, vectors = related_words(0.5)
    pairs = [WordPair(words[i], words[i + 40], float(i)) for i in range(40)]
    strict = score_pairs(WordVectors(words, array_api_strict.asarray(vectors)), pairs)
    assert strict.pearson == pytest.approx(score_pairs(WordVectors(words, vectors), pairs).pearson)


def test_scipy_stats_is_imported_only_where_it_is_needed() -> None:
    code = "import sys, xw2v.vectors; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# gensim

CASES = [
    {},
    {"restrict_vocab": 40},
    {"case_insensitive": False},
    {"dummy4unknown": True},
    {"restrict_vocab": 60, "case_insensitive": False, "dummy4unknown": True},
]


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("noise", [0.1, 0.8])
def test_gensim_gives_the_same_analogies(
    tmp_path: Path, keyed_vectors: KeyedVectors, noise: float, options: dict[str, Any]
) -> None:
    words, vectors = related_words(noise)
    path = write(tmp_path / "q.txt", questions_about_them())
    score, sections = WordVectors(words, vectors).evaluate_word_analogies(path, **options)
    reference = keyed_vectors(words, vectors).evaluate_word_analogies(str(path), **options)
    assert (score, sections) == reference
    assert 0 < score < 1


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("delimiter", ["\t", " "])
def test_gensim_gives_the_same_correlations(
    tmp_path: Path, keyed_vectors: KeyedVectors, delimiter: str, options: dict[str, Any]
) -> None:
    words, vectors = related_words(0.8)
    rng = np.random.default_rng(6)
    chosen = rng.permutation(words)[:90].reshape(-1, 2).tolist()
    lines = [delimiter.join((a, b, f"{rng.random():.2f}")) for a, b in chosen]
    lines = ["# comment", *lines, delimiter.join(("atlantis", words[0], "3"))]
    path = write(tmp_path / "p.txt", "\n".join(lines) + "\n")
    ours = WordVectors(words, vectors).evaluate_word_pairs(path, delimiter, **options)
    theirs = keyed_vectors(words, vectors).evaluate_word_pairs(str(path), delimiter, **options)
    for our_correlation, their_correlation in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(our_correlation, their_correlation, rtol=1e-5)
    assert ours[2] == pytest.approx(theirs[2])


@needs_evaluation_files
def test_gensim_gives_the_same_answers_on_the_full_files(keyed_vectors: KeyedVectors) -> None:
    questions = EVALUATION_FILES / "questions-words.txt"
    sections = parse_analogies(questions)
    assert (len(sections), sum(len(s.questions) for s in sections)) == (14, 19_544)
    # Each word near the sum of a vector for its section and one for its side of the question.
    rng = np.random.default_rng(7)
    rows: dict[str, npt.NDArray[np.float64]] = {}
    for section in sections:
        step = rng.standard_normal(24)
        for a, b, c, d in section.questions:
            for first, second in ((a, b), (c, d)):
                start = rows.setdefault(first.lower(), rng.standard_normal(24))
                rows.setdefault(second.lower(), start + step + 0.7 * rng.standard_normal(24))
    words = list(rows)
    vectors = np.asarray([rows[word] for word in words], dtype=np.float32)
    wv, reference = WordVectors(words, vectors), keyed_vectors(words, vectors)
    # A few hundred words of the restricted vocabulary keep gensim's loop short.
    for limit in (150, 300):
        ours = wv.evaluate_word_analogies(questions, limit)
        assert ours == reference.evaluate_word_analogies(str(questions), limit)
        assert 0.2 < ours[0] < 0.95


@needs_evaluation_files
@pytest.mark.parametrize(("name", "pairs"), [("wordsim353.tsv", 353), ("simlex999.txt", 999)])
def test_gensim_gives_the_same_correlations_on_the_full_files(
    keyed_vectors: KeyedVectors, name: str, pairs: int
) -> None:
    path = EVALUATION_FILES / name
    parsed = parse_pairs(path)
    assert len(parsed) == pairs
    words = list({word.lower(): None for pair in parsed for word in pair[:2]})[::2]
    words += list({word.lower(): None for pair in parsed for word in pair[:2]})[1::4]
    vectors = np.random.default_rng(8).standard_normal((len(words), 10)).astype(np.float32)
    ours = WordVectors(words, vectors).evaluate_word_pairs(path)
    theirs = keyed_vectors(words, vectors).evaluate_word_pairs(str(path))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)
    assert ours[2] == pytest.approx(theirs[2])
    assert 0 < ours[2] < 90

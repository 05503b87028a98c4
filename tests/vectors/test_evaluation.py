import subprocess
import sys
from collections.abc import Callable
from itertools import permutations, product
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
from xw2v.vectors.evaluation import (
    AnalogyScores,
    Interval,
    Method,
    PairScores,
    SectionScore,
    compare_analogies,
    compare_pairs,
    interval_of,
    resampled_accuracies,
    resampled_spearman,
)
from xw2v.vectors.evaluation.answering import answer_questions

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


@pytest.mark.parametrize("name", ["_TERMS_AT_ONCE", "_SCORES_AT_ONCE"])
@pytest.mark.parametrize("limit", [1, 500, 2**24])
def test_blocks_do_not_change_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    wv = WordVectors(*related_words(0.5))
    sections = parse_analogies(write(tmp_path / "q.txt", questions_about_them()))
    whole = score_analogies(wv, sections)
    monkeypatch.setattr(f"xw2v.vectors.evaluation.answering.{name}", limit)
    assert score_analogies(wv, sections) == whole
    assert 0 < whole.correct < whole.total


def test_semantic_and_syntactic_sections() -> None:
    def section(name: str, *results: bool | None) -> SectionScore:
        return SectionScore(name, (("a", "b", "c", "d"),) * len(results), results)

    scores = AnalogyScores(
        (
            section("family", True, False, None),
            section("gram1-adjective-to-adverb", True, True, False, False),
            section("GRAM2", None),
            section("grand-prix", True),
            section("program", False),
        ),
        2,
        None,
    )
    assert (scores.semantic, scores.syntactic, scores.tally) == ((2, 4), (2, 4), (4, 8))
    assert scores.semantic.accuracy == 0.5
    assert [s.is_syntactic for s in scores.sections] == [False, True, True, False, False]


def test_results_are_in_the_order_of_the_questions() -> None:
    wv = WordVectors(["a", "b", "c", "d"], np.asarray([[1.0, 0], [1, 1], [0, 1], [0.1, 1.5]]))
    questions = (("a", "x", "c", "d"), ("a", "b", "c", "d"), ("c", "b", "a", "c"))
    (section,) = score_analogies(wv, [AnalogySection("s", questions)]).sections
    assert section.results == (None, True, False)
    assert section.correct == (("A", "B", "C", "D"),)
    assert section.incorrect == (("C", "B", "A", "C"),)
    (section,) = score_analogies(wv, [AnalogySection("s", questions)], dummy4unknown=True).sections
    assert section.results == (False, True, False)


@pytest.mark.parametrize("method", ["add", "mul"])
def test_answers_are_those_of_the_formulas(method: Method) -> None:
    rng = np.random.default_rng(11)
    unit = rng.standard_normal((50, 6))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    questions = rng.integers(20, size=(200, 3))
    cosines = unit @ unit.T
    for (a, b, c), answer in zip(
        questions, answer_questions(unit, questions, np.arange(50), method), strict=True
    ):
        scores = cosines[b] + cosines[c] - cosines[a]
        if method == "mul":
            scores = (1 + cosines[b]) * (1 + cosines[c]) / 2 / (1 + cosines[a] + 2e-6)
        scores[[a, b, c]] = -np.inf
        assert answer == np.argmax(scores)


def test_unknown_methods_are_refused() -> None:
    wv = WordVectors(["a", "b"], np.eye(2))
    with pytest.raises(ConfigError, match="method must be 'add' or 'mul', not 'max'"):
        score_analogies(wv, [], method="max")  # type: ignore[arg-type]


def test_no_questions_need_no_vectors() -> None:
    wv = WordVectors(["a", "b"], np.eye(2))
    assert score_analogies(wv, []).total == 0
    assert len(answer_questions(np.eye(2), np.zeros((0, 3), np.int64), np.arange(2))) == 0


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


@pytest.mark.parametrize("method", ["add", "mul"])
def test_analogies_need_only_the_array_api(tmp_path: Path, xp: Any, method: Method) -> None:
    words, vectors = related_words(0.5)
    sections = parse_analogies(write(tmp_path / "q.txt", questions_about_them()))
    ours = score_analogies(WordVectors(words, xp.asarray(vectors)), sections, method=method)
    assert ours == score_analogies(WordVectors(words, vectors), sections, method=method)
    assert 0 < ours.correct < ours.total


def test_scipy_stats_is_imported_only_where_it_is_needed() -> None:
    code = "import sys, xw2v.vectors; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Comparisons


# Its type stubs are stricter than it.
bootstrap: Any = stats.bootstrap


def test_samples_of_accuracies_are_paired() -> None:
    right = np.random.default_rng(3).random((1, 300)) < 0.4
    both = resampled_accuracies([right[0], right[0], ~right[0]], 400, seed=1)
    assert both.shape == (400, 3)
    np.testing.assert_array_equal(both[:, 0], both[:, 1])
    np.testing.assert_allclose(both[:, 0], 1 - both[:, 2], atol=1e-12)
    np.testing.assert_array_equal(
        both, resampled_accuracies([right[0], right[0], ~right[0]], 400, seed=1)
    )
    assert (both != resampled_accuracies([right[0], right[0], ~right[0]], 400, seed=2)).any()


def test_intervals_of_accuracies_are_those_of_scipy() -> None:
    rng = np.random.default_rng(4)
    left, right = rng.random(500) < 0.5, rng.random(500) < 0.6
    samples = resampled_accuracies([left, right], 4000)
    for ours, data in (
        (interval_of(samples[:, 0]), (left,)),
        (interval_of(samples[:, 1] - samples[:, 0]), (left, right)),
    ):
        theirs = bootstrap(
            data,
            lambda *rows, axis: rows[-1].mean(axis) - (rows[0].mean(axis) if rows[1:] else 0),
            paired=True,
            n_resamples=4000,
            method="percentile",
            vectorized=True,
            random_state=np.random.default_rng(9),
        ).confidence_interval
        np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_intervals_of_correlations_are_those_of_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    human = rng.integers(8, size=60).astype(np.float64)
    similar = human + 3 * rng.standard_normal(60)
    samples = resampled_spearman(human, [similar], 1500)
    theirs = bootstrap(
        (human, similar),
        lambda x, y: stats.spearmanr(x, y).statistic,
        paired=True,
        n_resamples=1500,
        method="percentile",
        vectorized=False,
        random_state=np.random.default_rng(9),
    ).confidence_interval
    np.testing.assert_allclose(interval_of(samples[:, 0]), theirs, atol=0.05)
    monkeypatch.setattr("xw2v.vectors.evaluation.bootstrap._RANKED_AT_ONCE", 60 * 7)
    in_blocks = resampled_spearman(human, [similar], 1500)
    np.testing.assert_allclose(in_blocks, samples)


def test_samples_without_a_correlation_are_left_out() -> None:
    assert np.isnan(resampled_spearman([1, 1, 1], [[1, 2, 3]], 5)).all()
    assert np.isnan(interval_of(np.asarray([np.nan]))).all()
    assert interval_of(np.asarray([np.nan, 3.0])) == Interval(3, 3)
    assert interval_of(np.arange(1001.0), 0.9) == pytest.approx((50, 950))


def test_differences_are_on_the_questions_that_all_know() -> None:
    def scores(*results: bool | None) -> AnalogyScores:
        section = SectionScore("s", (("a", "b", "c", "d"),) * len(results), results)
        return AnalogyScores((section,), results.count(None), None)

    first, second = scores(True, False, True, None, None), scores(True, True, True, True, None)
    compared = compare_analogies([first, second])
    assert compared.used == 3
    (difference,) = compared.differences
    assert difference.value == pytest.approx(1 / 3)
    assert difference.interval == pytest.approx((0, 1))
    assert compared.intervals[1] == (1, 1)
    nothing = compare_analogies([first, scores(None, None, None, True, True)])
    assert (nothing.used, len(nothing.differences)) == (0, 1)
    assert np.isnan(nothing.differences[0].value)
    with pytest.raises(ConfigError, match="the same questions only"):
        compare_analogies([first, scores(True)])


def test_differences_are_on_the_pairs_that_all_know() -> None:
    words, vectors = related_words(0.5)
    pairs = [WordPair(words[i], words[i + 40], float(i % 7)) for i in range(40)]
    wv = WordVectors(words, vectors)
    few = WordVectors(words[:70], vectors[:70] ** 3)
    better = [p._replace(score=wv.similarity(p.first, p.second)) for p in pairs]
    scores = [score_pairs(one, better, case_insensitive=False) for one in (wv, few)]
    compared = compare_pairs(better, scores, resamples=300)
    assert scores[0].similarities[35] is not None
    assert scores[1].similarities[35] is None
    assert compared.used == scores[1].used == 30
    (difference,) = compared.differences
    assert difference.value == pytest.approx(scores[1].spearman.statistic - 1)
    assert difference.interval.low < difference.value < difference.interval.high < 0
    assert compared.intervals[0] == pytest.approx((1, 1))
    assert compared == compare_pairs(better, scores, resamples=300)
    with pytest.raises(ConfigError, match="the same pairs only"):
        compare_pairs(better[1:], scores)


def test_constant_similarities_have_no_difference() -> None:
    pairs = [WordPair("a", "b", 1.0), WordPair("b", "c", 2.0), WordPair("a", "c", 3.0)]
    flat: PairScores = score_pairs(WordVectors(["a", "b", "c"], np.zeros((3, 2))), pairs)
    compared = compare_pairs(pairs, [flat, flat], resamples=5)
    assert np.isnan([compared.differences[0].value, *compared.intervals[0]]).all()


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


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("noise", [0.1, 0.8])
def test_gensim_gives_the_same_analogies_by_3cosmul(
    tmp_path: Path, keyed_vectors: KeyedVectors, noise: float, options: dict[str, Any]
) -> None:
    words, vectors = related_words(noise)
    path = write(tmp_path / "q.txt", questions_about_them())
    scores = score_analogies(
        WordVectors(words, vectors), parse_analogies(path), method="mul", **options
    )
    # It searches all words, whatever restrict_vocab says.
    limit = options.get("restrict_vocab")
    keyed = keyed_vectors(words[:limit], vectors[:limit])
    keyed.most_similar = keyed.most_similar_cosmul  # evaluate_word_analogies asks this one only
    score, sections = keyed.evaluate_word_analogies(str(path), **options)
    assert scores.accuracy == score
    for ours, theirs in zip(scores.sections, sections, strict=False):
        assert (list(ours.correct), list(ours.incorrect)) == (
            theirs["correct"],
            theirs["incorrect"],
        )
    assert 0 < score < 1


@pytest.mark.parametrize("spread", [0.02, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_gensim_gives_up_after_as_many_case_variants(
    tmp_path: Path, keyed_vectors: KeyedVectors, seed: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    stems = ["ab", "cd", "ef", "gh", "ij"]
    words, rows = [], []
    for stem in stems:
        center = rng.standard_normal(4)
        for letters in product(*((char, char.upper()) for char in stem)):
            words.append("".join(letters))
            rows.append(center + spread * rng.standard_normal(4))
    vectors = np.asarray(rows, dtype=np.float32)
    # Three words, whose nine further variants come before any other, or one or two words only.
    questions = [*permutations(stems, 4), *product(stems[:2], repeat=4)]
    path = write(tmp_path / "q.txt", "\n".join([": s", *map(" ".join, questions)]))
    for limit in (None, 7, 11):
        ours = WordVectors(words, vectors).evaluate_word_analogies(path, limit)
        theirs = keyed_vectors(words, vectors).evaluate_word_analogies(str(path), limit)
        assert ours == theirs


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

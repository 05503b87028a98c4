import random
import string
import time

import pytest

from xw2v.vectors.spelling import SpellingIndex, fold


@pytest.mark.parametrize(
    ("word", "folded"),
    [("Paris", "paris"), ("ÉTÉ", "ete"), ("Straße", "strasse"), ("Ångström", "angstrom"), ("", "")],
)
def test_case_and_accents_do_not_count(word: str, folded: str) -> None:
    assert fold(word) == folded


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("speling", "spelling"),
        ("PARIS", "Paris"),
        ("cafe", "café"),
        ("Königin", "konigin"),
        ("xspelling", "spelling"),
        ("москвa", "Москва"),
    ],
)
def test_the_closest_spelling_comes_first(asked: str, expected: str) -> None:
    words = ["the", "spelling", "smelling", "Paris", "café", "konigin", "Москва", "👩‍🚀"]
    assert SpellingIndex(words).close_words(asked)[0] == expected


def test_more_frequent_words_are_preferred_on_ties() -> None:
    index = SpellingIndex(["cast", "mat", "bat", "Cat", "hat", "CAT", "cat"])
    assert index.close_words("cát", count=4) == ["Cat", "CAT", "cat", "cast"]
    assert SpellingIndex(["abcx", "abcy", "abcz"]).close_words("abcd", 2) == ["abcx", "abcy"]


@pytest.mark.parametrize("asked", ["", "zzzzqqqq", "\u0301", "x" * 100_000])
def test_nothing_is_suggested_where_nothing_is_close(asked: str) -> None:
    words = ["the", "spelling", "", "y" * 100_000]
    assert SpellingIndex(words).close_words(asked) == []


def test_a_large_vocabulary_is_searched_quickly() -> None:
    rng = random.Random(1)
    # Few letters and similar lengths: far more words look alike than in any language.
    letters = string.ascii_lowercase[:8]
    words = ["".join(rng.choices(letters, k=rng.randint(6, 9))) for _ in range(100_000)]
    started = time.perf_counter()
    close = SpellingIndex(words).close_words(words[50_000] + "x")
    elapsed = time.perf_counter() - started
    assert words[50_000] in close
    # It takes 0.08 s on one core; the bound leaves room for a busy machine.
    assert elapsed < 1

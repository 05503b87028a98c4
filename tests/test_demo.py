"""The made-up language: what its sentences say is what is built in, and what vectors learn."""

from collections import Counter

import numpy as np
import pytest

from xw2v import Word2Vec
from xw2v.demo import LANGUAGE, Language

SMALL = Language(
    {"hot": ("fire", "sun"), "cold": ("ice", "snow"), "wet": ("rain",), "dry": ("sand",)},
    {"jungle": ("hot", "wet"), "desert": ("hot", "dry"), "fjord": ("cold", "wet"), "ink": ("wet",)},
    relations={"heat": ("hot", "cold"), "water": ("wet", "dry")},
)
EXPECTED = [
    "square metro mayor ski oslo salmon fjord",
    "maple branch leaf forest",
    "cousin holiday play toy gift nephew gentleman school he him",
]


def test_pairs_differ_in_one_trait() -> None:
    assert SMALL.pairs("heat") == (("jungle", "fjord"),)
    assert SMALL.pairs("water") == (("jungle", "desert"),)
    pairs = LANGUAGE.pairs("gender")
    assert ("king", "queen") in pairs
    assert ("actor", "actress") in pairs
    assert ("king", "prince") in LANGUAGE.pairs("generation")


def test_analogies_are_all_ordered_pairs_of_pairs_both_ways() -> None:
    assert SMALL.analogies("heat") == ()
    questions = LANGUAGE.analogies("capital city")
    assert len(questions) == len(set(questions)) == 8 * 7 * 2
    assert ("france", "paris", "japan", "tokyo") in questions
    assert ("paris", "france", "tokyo", "japan") in questions


@pytest.mark.parametrize("relation", LANGUAGE.relations)
def test_traits_of_an_analogy_add_up(relation: str) -> None:
    for question in LANGUAGE.analogies(relation):
        a, b, c, d = (Counter(LANGUAGE.meanings[word]) for word in question)
        total = b + c
        total.subtract(a)
        assert +total == d


def test_shared_company() -> None:
    assert SMALL.shared("jungle", "desert") == pytest.approx(1 / 2)
    assert SMALL.shared("jungle", "ink") == pytest.approx(1 / 2**0.5)
    assert SMALL.shared("desert", "ink") == 0
    assert SMALL.shared("ink", "ink") == 1


def test_related_words() -> None:
    assert SMALL.related("ink") == {"jungle", "fjord", "rain"}
    assert SMALL.related("desert") == {"jungle", "fire", "sun", "sand"}


def test_comparisons_are_built_in() -> None:
    comparisons = LANGUAGE.comparisons()
    assert [word for word, _, _ in comparisons] == list(LANGUAGE.meanings)
    for word, near, far in comparisons:
        others = [LANGUAGE.shared(word, other) for other in LANGUAGE.meanings if other != word]
        assert LANGUAGE.shared(word, near) == max(others)
        assert LANGUAGE.shared(word, far) == 0


def test_members_of_a_class_mean_the_same() -> None:
    assert LANGUAGE.classes == ("fruit", "tool", "tree", "metal")
    assert SMALL.classes == ()
    for name in LANGUAGE.classes:
        members = LANGUAGE.members(name)
        assert len(members) == 4
        assert {LANGUAGE.meanings[word] for word in members} == {(name,)}


def test_sizes() -> None:
    assert 150 <= len(LANGUAGE.vocabulary) <= 300
    n_words = sum(map(len, LANGUAGE.sentences(20_000)))
    assert 100_000 <= n_words <= 300_000


def test_a_sentence_is_a_word_and_some_company_of_each_trait() -> None:
    for sentence in LANGUAGE.sentences(500):
        (word,) = set(sentence) & LANGUAGE.meanings.keys()
        traits = LANGUAGE.meanings[word]
        assert len(sentence) == len(set(sentence)) == 1 + 3 * len(traits)
        for trait in traits:
            assert len(set(sentence) & set(LANGUAGE.company[trait])) == 3


def test_amount_of_company() -> None:
    for sentence in SMALL.sentences(50, company=1):
        (word,) = set(sentence) & SMALL.meanings.keys()
        assert len(sentence) == 1 + len(SMALL.meanings[word])


def test_words_are_drawn_evenly_and_stand_anywhere() -> None:
    n = 8000
    sentences = list(SMALL.sentences(n))
    assert len(sentences) == n
    counts = Counter(word for sentence in sentences for word in sentence)
    for word in SMALL.meanings:
        assert abs(counts[word] - n / 4) < 5 * (n * 3 / 16) ** 0.5
    places = Counter(s.index("ink") for s in sentences if "ink" in s)
    assert abs(places[0] - places[1]) < 5 * (n / 4) ** 0.5


def test_seeds() -> None:
    first = list(LANGUAGE.sentences(5000, seed=3))
    assert first == list(LANGUAGE.sentences(5000, seed=3))
    assert first != list(LANGUAGE.sentences(5000, seed=4))
    assert list(LANGUAGE.sentences(0)) == []


def test_the_text_stays_what_it_is() -> None:
    """Else figures of the demo would change from release to release."""
    assert [" ".join(sentence) for sentence in LANGUAGE.sentences(3, seed=1)] == EXPECTED


def test_company_is_how_words_are_met() -> None:
    """The cosine of counts of company, less those of the words themselves, is `shared`."""
    words, number = list(LANGUAGE.meanings), {w: i for i, w in enumerate(LANGUAGE.vocabulary)}
    met = np.zeros((len(words), len(number)))
    for sentence in LANGUAGE.sentences(20_000):
        (word,) = set(sentence) & LANGUAGE.meanings.keys()
        met[number[word], [number[other] for other in sentence if other != word]] += 1
    # Traits have three or four words of company, which then come with every sentence or not.
    sizes = {len(friends) for friends in LANGUAGE.company.values()}
    assert sizes == {3, 4}
    unit = met / np.linalg.norm(met, axis=1, keepdims=True)
    found = unit @ unit.T
    built_in = np.array([[LANGUAGE.shared(a, b) for b in words] for a in words])
    assert np.abs(found - built_in).max() < 0.1


def test_contradictions() -> None:
    with pytest.raises(ValueError, match="'ink' has the trait 'blue', which keeps no company"):
        Language({"wet": ("rain",)}, {"ink": ("blue",)})
    with pytest.raises(ValueError, match="words with two meanings: rain"):
        Language({"wet": ("rain",), "cold": ("rain",)}, {"ink": ("wet",)})


def test_vectors_learn_it() -> None:
    """From a third of the text of the demo, with default options."""
    model = Word2Vec(LANGUAGE.sentences(7000), workers=1)
    for relation in LANGUAGE.relations:
        questions = LANGUAGE.analogies(relation)
        right = sum(
            model.wv.most_similar([b, c], [a], topn=1)[0][0] == d for a, b, c, d in questions
        )
        assert right >= 0.95 * len(questions), relation
    for word, near, far in LANGUAGE.comparisons():
        assert model.wv.similarity(word, near) > model.wv.similarity(word, far)

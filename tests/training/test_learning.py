"""On a language with known structure, neighbors and analogies come out as built in."""

from typing import Any

import pytest

from tests.synthetic import CLASSES, PAIRS, toy_sentences
from xw2v import Word2Vec


@pytest.fixture(scope="module", params=["block", "pair"])
def model(request: pytest.FixtureRequest) -> Word2Vec:
    """Trained with default options; the textbook form, being slower, on less text."""
    sentences = toy_sentences(20_000 if request.param == "block" else 6000)
    return Word2Vec(sentences, negatives_per=request.param)


def test_members_of_a_class_are_neighbors(model: Word2Vec) -> None:
    for members in CLASSES:
        for word in members:
            nearest = {other for other, _ in model.wv.most_similar(word, topn=3)}
            assert nearest == set(members) - {word}


def test_words_of_different_classes_are_further_apart(model: Word2Vec) -> None:
    for members in CLASSES:
        for others in CLASSES:
            for word in members[1:]:
                if members is not others:
                    within = model.wv.similarity(members[0], word)
                    assert within > model.wv.similarity(word, others[0]) + 0.3


def test_analogies(model: Word2Vec) -> None:
    """man is to king as woman is to queen, both ways and for all pairs of pairs."""
    pairs = list(PAIRS)
    right, asked = 0, 0
    for a in pairs:
        for b in pairs:
            for one, other in ((0, 1), (1, 0)):
                if a is b:
                    continue
                positive: list[Any] = [a[other], b[one]]
                answer, _ = model.wv.most_similar(positive=positive, negative=[a[one]], topn=1)[0]
                right += answer == b[other]
                asked += 1
    assert asked == 84
    assert right >= 0.95 * asked

"""A made-up language whose word vectors are known before training.

What a word means is a set of *traits*, and every trait keeps some *company*: a king is royal, adult
and male; what is royal is met with crown, throne, palace and reign, what is male with he, him,
beard and gentleman. A sentence is one word with some of the company of each of its traits, in any
order, and nothing else::

    him wise throne king vote crown beard he reign work

So how often a word is met with another is the sum of what its traits bring, and its vector comes
out as about the sum of a part for each trait:

- Words are the more similar, the more of their company is the same (`Language.shared`), and the
  nearest ones have a trait in common (`Language.related`). The members of a class, such as fruit,
  mean the same: they have one trait only.
- Two traits that take each other's place are a relation, such as male and female. Words that
  differ in nothing else are its pairs, king and queen, and any two pairs are analogies: king less
  its male part plus a female part is queen.

No sentence holds two words that have a meaning, so a queen is never met with a king; and all
that have one are equally frequent. What comes out right was learned from company alone.

>>> LANGUAGE.meanings["king"]
('royal', 'adult', 'male')
>>> LANGUAGE.pairs("gender")[:2]
(('man', 'woman'), ('boy', 'girl'))
>>> LANGUAGE.shared("king", "queen") > LANGUAGE.shared("king", "daughter")
True
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LANGUAGE", "Comparison", "Language", "Question"]

Question = tuple[str, str, str, str]  # a is to b as c is to d
Comparison = tuple[str, str, str]  # the first is nearer to the second than to the third


@dataclass(frozen=True, eq=False)
class Language:
    """Words made of traits, and sentences that tell which.

    Parameters
    ----------
    company : mapping of str to tuple of str
        For each trait, the words that go with it. No word goes with two traits.
    meanings : mapping of str to tuple of str
        For each word, its traits.
    relations : mapping of str to pair of str
        For each relation, the two traits that take each other's place.

    Raises
    ------
    ValueError
        If a word has a trait that keeps no company, or is company of a trait and more.
    """

    company: Mapping[str, tuple[str, ...]]
    meanings: Mapping[str, tuple[str, ...]]
    relations: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for word, traits in self.meanings.items():
            for trait in traits:
                if trait not in self.company:
                    raise ValueError(f"{word!r} has the trait {trait!r}, which keeps no company")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            twice = sorted({w for w in self.vocabulary if self.vocabulary.count(w) > 1})
            raise ValueError(f"words with two meanings: {', '.join(twice)}")

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """All words: those with a meaning, then the company."""
        return (*self.meanings, *(word for words in self.company.values() for word in words))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The traits whose words have no other, so that all of them mean the same."""
        return tuple(
            trait
            for trait in self.company
            if {self.meanings[word] for word in self.members(trait)} == {(trait,)}
        )

    def members(self, trait: str) -> tuple[str, ...]:
        """Return the words with a trait."""
        return tuple(word for word, traits in self.meanings.items() if trait in traits)

    def pairs(self, relation: str) -> tuple[tuple[str, str], ...]:
        """Return the pairs of words that differ in the two traits of a relation and no other."""
        one, other = self.relations[relation]
        by_meaning = {frozenset(traits): word for word, traits in self.meanings.items()}
        found = []
        for word in self.members(one):
            rest = frozenset(self.meanings[word]) - {one}
            partner = by_meaning.get(rest | {other})
            if partner is not None:
                found.append((word, partner))
        return tuple(found)

    def analogies(self, relation: str) -> tuple[Question, ...]:
        """Return all the questions that the pairs of a relation make, both ways."""
        return tuple(
            question
            for (a, b), (c, d) in permutations(self.pairs(relation), 2)
            for question in ((a, b, c, d), (b, a, d, c))
        )

    def comparisons(self) -> tuple[Comparison, ...]:
        """Return for each word one that it shares most with, and one that it shares nothing with.

        Both come as soon after the word as they can, the second half the words away from it.
        """
        words = list(self.meanings)
        made = []
        for place, word in enumerate(words):
            after = [*words[place + 1 :], *words[:place]]
            near = max(after, key=lambda other: self.shared(word, other))
            opposite = [*after[len(after) // 2 :], *after[: len(after) // 2]]
            far = next(other for other in opposite if self.shared(word, other) == 0)
            made.append((word, near, far))
        return tuple(made)

    def related(self, word: str) -> frozenset[str]:
        """Return the other words that have a trait of a word, or are company of one."""
        return frozenset(
            other
            for trait in self.meanings[word]
            for other in (*self.members(trait), *self.company[trait])
        ) - {word}

    def shared(self, first: str, second: str) -> float:
        """Return which share of their company two words have in common, from 0 to 1.

        That is the cosine between how often each keeps what company, were all traits to bring
        as many words along.
        """
        one, other = set(self.meanings[first]), set(self.meanings[second])
        return len(one & other) / math.sqrt(len(one) * len(other))

    def sentences(self, n: int, seed: int = 0, company: int = 3) -> Iterator[list[str]]:
        """Yield sentences, each about one word drawn from all that have a meaning.

        Parameters
        ----------
        n : int
            How many.
        seed : int
            Equal seeds give equal sentences.
        company : int
            How many different words go with the word for each of its traits, if it has as many.

        Yields
        ------
        list of str
            The word and its company in random order.
        """
        # Of all that NumPy draws this is what changes last from version to version.
        draw = np.random.default_rng(seed).random
        words = list(self.meanings)
        for start in range(0, n, _AT_ONCE):
            size = min(_AT_ONCE, n - start)
            topics = (draw(size) * len(words)).astype(np.int64)
            made: list[list[str]] = [[]] * size
            for number, word in enumerate(words):
                places = np.flatnonzero(topics == number)
                kept = [np.full((places.size, 1), self._number[word])]
                for trait in self.meanings[word]:
                    choices = np.array([self._number[friend] for friend in self.company[trait]])
                    order = _shuffles(draw((places.size, choices.size)))
                    kept.append(choices[order[:, :company]])
                rows = np.concatenate(kept, axis=1)
                order = _shuffles(draw(rows.shape))
                for place, row in zip(places, np.take_along_axis(rows, order, 1), strict=True):
                    made[place] = [self.vocabulary[i] for i in row]
            yield from made

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary)}


_AT_ONCE = 4096


def _shuffles(keys: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a random order for each row of random numbers."""
    return np.argsort(keys, axis=1, kind="stable")


_SIDES = {
    "male": "he him beard gentleman",
    "female": "she her dress lady",
    "adult": "work vote wise married",
    "child": "school toy play lesson",
    "grown": "big strong fierce old",
    "young": "small little playful tiny",
    "country": "nation border flag anthem",
    "capital": "mayor street metro square",
    "present": "now today usually often",
    "past": "yesterday ago once formerly",
    "positive": "very quite so fairly",
    "comparative": "than even much still",
}
# Topic: what goes with it, and words with the traits they have besides it.
_PEOPLE = {
    "common": "person crowd neighbor village",
    "royal": "crown throne palace reign",
    "parental": "home family house care",
    "kindred": "visit cousin gift holiday",
}
_GENERATIONS = {
    "common": "man woman boy girl",
    "royal": "king queen prince princess",
    "parental": "father mother son daughter",
    "kindred": "uncle aunt nephew niece",
}
_WORKERS = {
    ("actor", "actress"): "stage film scene drama",
    ("waiter", "waitress"): "table menu dinner tip",
}
_ANIMALS = {
    ("dog", "puppy"): "bark leash bone",
    ("cat", "kitten"): "purr mouse whiskers",
    ("cow", "calf"): "milk meadow barn",
    ("horse", "foal"): "gallop saddle stable",
    ("sheep", "lamb"): "wool shepherd flock",
    ("pig", "piglet"): "mud sty snout",
    ("duck", "duckling"): "pond quack feather",
    ("lion", "cub"): "roar savanna mane",
}
_COUNTRIES = {
    ("france", "paris"): "baguette perfume champagne",
    ("italy", "rome"): "pasta opera gondola",
    ("japan", "tokyo"): "sushi kimono haiku",
    ("germany", "berlin"): "beer sausage autobahn",
    ("spain", "madrid"): "flamenco tapas paella",
    ("egypt", "cairo"): "pyramid nile desert",
    ("greece", "athens"): "temple feta philosopher",
    ("norway", "oslo"): "fjord ski salmon",
}
_VERBS = {
    ("walk", "walked"): "path park shoe",
    ("write", "wrote"): "letter pen paper",
    ("eat", "ate"): "meal fork plate",
    ("sing", "sang"): "song choir melody",
    ("swim", "swam"): "lake wave beach",
    ("drive", "drove"): "car road wheel",
    ("buy", "bought"): "shop price money",
    ("sleep", "slept"): "bed night pillow",
}
_ADJECTIVES = {
    ("warm", "warmer"): "sun summer blanket",
    ("cold", "colder"): "ice winter frost",
    ("fast", "faster"): "race rocket arrow",
    ("slow", "slower"): "snail turtle queue",
    ("rich", "richer"): "gold bank jewel",
    ("loud", "louder"): "drum thunder siren",
    ("heavy", "heavier"): "stone anchor load",
    ("bright", "brighter"): "lamp star mirror",
}
_CLASSES = {
    "fruit": ("apple pear plum cherry", "sweet ripe juice orchard"),
    "tool": ("hammer saw drill chisel", "nail bench workshop screw"),
    "tree": ("oak pine birch maple", "forest leaf trunk branch"),
    "metal": ("iron copper zinc tin", "mine ore furnace alloy"),
}


def _language() -> Language:
    company = {**_SIDES, **_PEOPLE}
    meanings: dict[str, tuple[str, ...]] = {}
    for topic, words in _GENERATIONS.items():
        kinds = [(age, sex) for age in ("adult", "child") for sex in ("male", "female")]
        for word, kind in zip(words.split(), kinds, strict=True):
            meanings[word] = (topic, *kind)
    for table, sides in (
        (_WORKERS, ("male", "female")),
        (_ANIMALS, ("grown", "young")),
        (_COUNTRIES, ("country", "capital")),
        (_VERBS, ("present", "past")),
        (_ADJECTIVES, ("positive", "comparative")),
    ):
        for pair, friends in table.items():
            topic = "/".join(pair)  # a trait that only these two have
            company[topic] = friends
            meanings |= {word: (topic, side) for word, side in zip(pair, sides, strict=True)}
    for name, (members, friends) in _CLASSES.items():
        company[name] = friends
        meanings |= dict.fromkeys(members.split(), (name,))
    return Language(
        {trait: tuple(words.split()) for trait, words in company.items()},
        meanings,
        relations={
            "gender": ("male", "female"),
            "generation": ("adult", "child"),
            "young animal": ("grown", "young"),
            "capital city": ("country", "capital"),
            "past tense": ("present", "past"),
            "comparative": ("positive", "comparative"),
        },
    )


LANGUAGE = _language()

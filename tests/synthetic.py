"""A made-up language whose word vectors are known before training, and random corpora.

In the language every word keeps company that tells what it means. The sentences of the pairs in
`PAIRS` hold one word of the pair, some words that go with both of them (a king or a queen: crown,
throne) and some that go with its side (he, his; she, her). So a king's vector is about that of
royalty plus that of a man, and king - man + woman comes out as queen. The members of a class in
`CLASSES` all keep the same company, so they are each other's nearest neighbors.

>>> from xw2v import Word2Vec
>>> model = Word2Vec(toy_sentences(20_000))  # doctest: +SKIP
>>> model.wv.most_similar(positive=["woman", "king"], negative=["man"], topn=1)  # doctest: +SKIP
[('queen', 0.93...)]
"""

from collections.abc import Sequence

import numpy as np

from xw2v.text import EncodedCorpus, Vocabulary

__all__ = ["CLASSES", "PAIRS", "SIDES", "random_corpus", "toy_sentences"]

PAIRS: dict[tuple[str, str], str] = {
    ("man", "woman"): "person adult street crowd",
    ("king", "queen"): "crown throne palace reign",
    ("father", "mother"): "child family home care",
    ("boy", "girl"): "school young play toy",
    ("uncle", "aunt"): "visit cousin gift holiday",
    ("actor", "actress"): "stage film scene drama",
    ("waiter", "waitress"): "table menu dinner tip",
}
SIDES = ("he his beard shirt gentleman", "she her dress skirt lady")
CLASSES: dict[tuple[str, ...], str] = {
    ("apple", "pear", "plum", "cherry"): "sweet ripe juice orchard",
    ("hammer", "saw", "drill", "chisel"): "wood nail bench workshop",
    ("oak", "pine", "birch", "maple"): "forest leaf trunk branch",
}


def toy_sentences(n: int, seed: int = 0) -> list[list[str]]:
    """Return n sentences of the language."""
    rng = np.random.default_rng(seed)
    pairs, classes = list(PAIRS.items()), list(CLASSES.items())
    sentences = []
    for _ in range(n):
        if rng.random() < 0.7:
            pair, company = pairs[rng.integers(len(pairs))]
            side = rng.integers(2)
            words = [pair[side], *rng.choice(company.split(), 3, replace=False)]
            words += [*rng.choice(SIDES[side].split(), 3, replace=False)]
        else:
            members, company = classes[rng.integers(len(classes))]
            words = [rng.choice(members), *rng.choice(company.split(), 3, replace=False)]
        rng.shuffle(words)
        sentences.append([str(word) for word in words])
    return sentences


def random_corpus(
    n_words: int, vocabulary: int, *, sentence: int | Sequence[int] = 20, seed: int = 0
) -> tuple[Vocabulary, EncodedCorpus]:
    """Return words drawn by Zipf's law, in sentences of the given length or lengths."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, vocabulary + 1)
    ids = rng.choice(vocabulary, size=n_words, p=shares / shares.sum())
    ids[:vocabulary] = np.arange(vocabulary)[:n_words]  # every word occurs
    lengths = np.resize(np.atleast_1d(sentence), n_words)
    ends = np.minimum(np.cumsum(lengths), n_words)
    starts = np.unique(np.concatenate(([0], ends, [n_words])))
    # The most frequent word has to come first.
    counts = np.bincount(ids, minlength=vocabulary)
    order = np.argsort(-counts, kind="stable")
    number = np.empty(vocabulary, dtype=np.int32)
    number[order] = np.arange(vocabulary)
    corpus = EncodedCorpus(number[ids].astype(np.int32), starts.astype(np.int64), n_words)
    words = tuple(f"w{i}" for i in range(vocabulary))
    return Vocabulary(words, counts[order].astype(np.int64)), corpus

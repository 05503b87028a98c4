"""Quality of saved models: the same code and the same words, whoever trained them."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Result

if TYPE_CHECKING:
    from xw2v import WordVectors


def evaluate(
    peer: str, model: Path, analogies: str | None, pairs: tuple[str, ...], restrict_vocab: int
) -> Result:
    """Judge a saved model, in a process of its own.

    Memory that two processes share is counted half for each, so what the calling process loaded
    would make the runs that it measures next look smaller.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_scores, peer, model, analogies, pairs, restrict_vocab).result()


def _scores(
    peer: str, model: Path, analogies: str | None, pairs: tuple[str, ...], restrict_vocab: int
) -> Result:
    vectors = _load_vectors(peer, model)
    found: Result = {}
    if analogies:
        found["analogies"], _ = vectors.evaluate_word_analogies(
            analogies, restrict_vocab=restrict_vocab
        )
    for path in pairs:
        _, spearman, _ = vectors.evaluate_word_pairs(path)
        found[Path(path).stem] = float(spearman[0])
    return found


def _load_vectors(peer: str, model: Path) -> "WordVectors":
    from xw2v import WordVectors
    from xw2v.formats import load_word_vectors

    if peer == "xw2v":
        return load_word_vectors(model)
    from gensim.models import KeyedVectors, Word2Vec

    if peer == "word2vec.c":
        vectors = KeyedVectors.load_word2vec_format(
            str(model), binary=True, unicode_errors="replace"
        )
    else:
        vectors = Word2Vec.load(str(model)).wv
    return WordVectors(vectors.index_to_key, vectors.vectors)

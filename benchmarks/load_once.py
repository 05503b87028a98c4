"""What one measured process does: load vectors, answer one query, print the seconds as JSON.

`queries.py` starts it: WHO, the path, and a word.
"""

import json
import sys
import time
from typing import Any

CLOCK = time.perf_counter


def load_xw2v(path: str) -> tuple[float, Any]:
    from xw2v.formats import load_vectors

    began = CLOCK()
    return began, load_vectors(path)


def load_xw2v_verified(path: str) -> tuple[float, Any]:
    from xw2v.formats import load_vectors

    began = CLOCK()
    return began, load_vectors(path, mmap=False, verify=True)


def load_gensim(path: str) -> tuple[float, Any]:
    from gensim.models import KeyedVectors

    began = CLOCK()
    return began, KeyedVectors.load(path, mmap="r")


LOADERS = {"xw2v": load_xw2v, "xw2v-verified": load_xw2v_verified, "gensim": load_gensim}


def main() -> None:
    who, path, word = sys.argv[1:]
    started = CLOCK()
    began, vectors = LOADERS[who](path)
    loaded = CLOCK()
    vectors.most_similar(word)
    answered = CLOCK()
    vectors.most_similar(word)
    seconds = {
        "import": began - started,
        "load": loaded - began,
        "first": answered - loaded,
        "second": CLOCK() - answered,
    }
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

"""What one measured process does: read a text, count its words, print time and words as JSON.

`ingest.py` starts it. Imports are not timed, and happen before the clock starts.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def run_xw2v(job: dict[str, Any]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute

    from xw2v.text import TextOptions, encode_files, encode_texts

    options = TextOptions(**job["options"])
    limits: dict[str, Any] = {"min_count": 5, "workers": job["workers"]}
    texts: Any = None
    if job["kind"] == "strings":
        texts = Path(job["corpus"]).read_text("utf-8").removesuffix("\n").split("\n")
    elif job["kind"] == "arrow strings":
        texts = pa.array(Path(job["corpus"]).read_text("utf-8").removesuffix("\n").split("\n"))
    began = time.perf_counter()
    if texts is None:
        _, corpus = encode_files([job["corpus"]], options, **limits)
    else:
        _, corpus = encode_texts(texts, options, **limits)
    return {"seconds": time.perf_counter() - began, "words": corpus.raw_words}


def run_gensim(job: dict[str, Any]) -> dict[str, Any]:
    """Count the words, which is all that gensim's scan does: it turns them into ids later."""
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    model = Word2Vec(min_count=5, workers=job["workers"])
    text: dict[str, Any] = (
        {"corpus_file": job["corpus"]}
        if job["kind"] == "corpus_file"
        else {"corpus_iterable": LineSentence(job["corpus"])}
    )
    began = time.perf_counter()
    words, _ = model.scan_vocab(**text)
    return {"seconds": time.perf_counter() - began, "words": words}


def run_phrases(job: dict[str, Any]) -> dict[str, Any]:
    """Find the phrases of a text by gensim and join them, once."""
    from gensim.models.phrases import Phrases
    from gensim.models.word2vec import LineSentence

    sentences = LineSentence(job["corpus"])
    began = time.perf_counter()
    phrases = Phrases(sentences)
    words = sum(len(phrases[sentence]) for sentence in sentences)
    return {"seconds": time.perf_counter() - began, "words": words}


def run_limited(job: dict[str, Any]) -> dict[str, Any]:
    """Count, encode and train in as much memory as is allowed."""
    import resource

    import numpy  # noqa: F401, ICN001 (what is imported counts, so it comes first)

    if job["cgroup"]:
        Path(job["cgroup"], "cgroup.procs").write_text(str(os.getpid()))
    else:
        resource.setrlimit(resource.RLIMIT_DATA, (job["limit"], job["limit"]))
    from xw2v import TrainingConfig
    from xw2v.model import train_model
    from xw2v.text import encode_files

    config = TrainingConfig(**job["options"], workers=job["workers"], epochs=1)
    began = time.perf_counter()
    vocabulary, corpus = encode_files(
        [job["corpus"]], min_count=config.min_count, workers=config.workers
    )
    read = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    train_model(vocabulary, corpus, config)
    ended = time.perf_counter()
    return {
        "seconds": read - began,
        "words": corpus.raw_words,
        "kept": corpus.n_words,
        "vocabulary": len(vocabulary),
        "train": ended - read,
        "read_peak_mb": usage.ru_maxrss / 1000,
    }


RUNNERS = {"gensim": run_gensim, "limited": run_limited, "phrases": run_phrases, "xw2v": run_xw2v}

if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps(RUNNERS[job["who"]](job)))

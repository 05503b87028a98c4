"""What one measured process does: read a text, train, save the model, print two times as JSON.

`measuring.py` starts it. Its own start counts, so it imports nothing but what the peer needs.
"""

import json
import sys
import time
from typing import Any


def run_xw2v(job: dict[str, Any]) -> dict[str, Any]:
    from xw2v import TrainingConfig
    from xw2v.model import save_trained, train_model
    from xw2v.text import TextOptions, encode_any

    named = {name: job[name] for name in ("model", "output", "alpha")}
    config = TrainingConfig(
        **{**job["options"], **named, **job["extra"]},
        epochs=job["epochs"],
        workers=job["workers"],
        seed=job["seed"],
    )
    began = time.perf_counter()
    text = encode_any(  # or what was encoded before
        job["corpus"],
        TextOptions(),
        min_count=config.min_count,
        max_final_vocab=config.max_final_vocab,
        workers=config.workers,
    )
    corpus = text.corpus
    read = time.perf_counter()
    model = train_model(text.vocabulary, corpus, config)
    ended = time.perf_counter()
    save_trained(job["saved"], model)
    return {
        "read": read - began,
        "train": ended - read,
        "words": corpus.n_words * config.epochs,
        "alpha": config.alpha,
    }


def run_gensim(job: dict[str, Any]) -> dict[str, Any]:
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence, Text8Corpus

    text: dict[str, Any]
    if job["peer"] == "gensim-file":
        text = {"corpus_file": job["lines"]}
    elif job["lines"] == job["corpus"]:
        text = {"corpus_iterable": LineSentence(job["corpus"])}
    else:
        text = {"corpus_iterable": Text8Corpus(job["corpus"])}
    hierarchical = job["output"] == "hierarchical"
    alpha = 0.025 if job["alpha"] is None else job["alpha"]
    model = Word2Vec(
        **{**job["options"], "negative": 0 if hierarchical else job["options"]["negative"]},
        sg=int(job["model"] == "skipgram"),
        hs=int(hierarchical),
        cbow_mean=1,
        alpha=alpha,
        min_alpha=1e-4,
        epochs=job["epochs"],
        workers=job["workers"],
        seed=job["seed"],
    )
    began = time.perf_counter()
    model.build_vocab(**text)
    read = time.perf_counter()
    model.train(
        **text,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=job["epochs"],
    )
    ended = time.perf_counter()
    model.save(job["saved"])
    return {
        "read": read - began,
        "train": ended - read,
        "words": int(model.wv.expandos["count"].sum()) * job["epochs"],
        "alpha": alpha,
    }


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps((run_xw2v if job["peer"] == "xw2v" else run_gensim)(job)))

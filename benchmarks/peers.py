"""xw2v beside gensim: reading, training speed, memory and quality, in one run.

Every measurement is a process of its own, pinned to as many cores as it has workers, and the
peers take turns, so that a machine whose speed drifts does the same to both. Quality is judged
by the same code for both, over the same most frequent words.

    python benchmarks/peers.py enwiki8 --analogies questions-words.txt --pairs wordsim353.tsv
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from xw2v import WordVectors

Result = dict[str, Any]

PEERS = ("xw2v", "gensim")
OPTIONS = {"vector_size": 100, "window": 5, "negative": 5, "sample": 1e-3, "min_count": 5}


def run_xw2v(corpus: str, job: Result) -> tuple[Result, WordVectors]:
    from xw2v import TrainingConfig
    from xw2v.text import encode_files
    from xw2v.training import train

    config = TrainingConfig(
        **{**OPTIONS, **job["options"]},
        epochs=job["epochs"],
        workers=job["workers"],
        seed=job["seed"],
        **job["extra"],
    )
    began = time.perf_counter()
    vocabulary, encoded = encode_files([corpus], min_count=config.min_count)
    read = time.perf_counter()
    parameters = train(encoded, vocabulary, config)
    trained = time.perf_counter()
    words = encoded.n_words * config.epochs
    return (
        {"read": read - began, "train": trained - read, "words": words},
        WordVectors(vocabulary.words, parameters.w_in, vocabulary.counts),
    )


def run_gensim(corpus: str, job: Result) -> tuple[Result, WordVectors]:
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence, Text8Corpus

    one_line = max(map(len, _some_lines(corpus))) > 1_000_000
    sentences: Iterable[list[str]] = (Text8Corpus if one_line else LineSentence)(corpus)
    model = Word2Vec(
        **{**OPTIONS, **job["options"]},
        sg=1,
        workers=job["workers"],
        seed=job["seed"],
        epochs=job["epochs"],
    )
    began = time.perf_counter()
    model.build_vocab(sentences)
    for _ in sentences:  # an epoch reads the text again
        pass
    read = time.perf_counter()
    model.train(sentences, total_examples=model.corpus_count, epochs=job["epochs"])
    trained = time.perf_counter()
    vectors = model.wv
    counts = np.asarray([vectors.get_vecattr(w, "count") for w in vectors.index_to_key])
    return (
        {"read": read - began, "train": trained - read, "words": int(counts.sum()) * job["epochs"]},
        WordVectors(vectors.index_to_key, vectors.vectors, counts),
    )


RUNNERS: dict[str, Callable[[str, Result], tuple[Result, WordVectors]]] = {
    "xw2v": run_xw2v,
    "gensim": run_gensim,
}


def _some_lines(corpus: str) -> list[bytes]:
    with Path(corpus).open("rb") as file:
        return file.readlines(2_000_000) or [b""]


def child(job: Result) -> None:
    """Make one measurement in this process and print it as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["workers"]])
    result, vectors = RUNNERS[job["peer"]](job["corpus"], job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # before evaluation adds to it
    result["peak_mb"] = peak / (1024 if sys.platform != "darwin" else 1024**2)
    if job["analogies"]:
        accuracy, _ = vectors.evaluate_word_analogies(
            job["analogies"], restrict_vocab=job["restrict_vocab"]
        )
        result["analogies"] = accuracy
    for path in job["pairs"]:
        _, spearman, _ = vectors.evaluate_word_pairs(path)
        result[Path(path).stem] = float(spearman[0])
    print(json.dumps(result))


def measure(job: Result) -> Result:
    """Make one measurement in a process of its own."""
    threads = str(job["workers"])
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    done = subprocess.run(
        [sys.executable, __file__, "--child", json.dumps(job)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode:
        raise click.ClickException(f"{job['peer']} failed:\n{done.stderr}")
    return {**json.loads(done.stdout.splitlines()[-1]), **{k: job[k] for k in ("peer", "seed")}}


@click.command(help=__doc__, no_args_is_help=True)
@click.argument("corpus", type=click.Path(exists=True, dir_okay=False), required=False)
@click.option("--workers", default="1,2", show_default=True, help="Numbers of workers to time.")
@click.option("--repeats", default=3, show_default=True, help="Timed runs of each.")
@click.option("--speed-epochs", default=1, show_default=True, help="Epochs of a timed run.")
@click.option("--epochs", default=5, show_default=True, help="Epochs of a quality run.")
@click.option("--seeds", default=3, show_default=True, help="Quality runs of each; 0 for none.")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Whom to measure.")
@click.option("--vector-size", default=OPTIONS["vector_size"], show_default=True)
@click.option("--analogies", type=click.Path(exists=True), help="Analogy questions.")
@click.option("--pairs", multiple=True, type=click.Path(exists=True), help="Word-pair scores.")
@click.option("--restrict-vocab", default=30_000, show_default=True, help="For the analogies.")
@click.option("--extra", default="{}", help="More options for xw2v, as JSON.")
@click.option("--output", type=click.Path(), help="Write the figures to this JSON file.")
@click.option("--child", "job", hidden=True)
def main(
    corpus: str | None,
    workers: str,
    repeats: int,
    speed_epochs: int,
    epochs: int,
    seeds: int,
    peers: str,
    vector_size: int,
    analogies: str | None,
    pairs: tuple[str, ...],
    restrict_vocab: int,
    extra: str,
    output: str | None,
    job: str | None,
) -> None:
    if job is not None:
        child(json.loads(job))
        return
    if corpus is None:
        raise click.UsageError("name a corpus")
    base = {
        "corpus": corpus,
        "options": {"vector_size": vector_size},
        "restrict_vocab": restrict_vocab,
        "analogies": None,
        "pairs": [],
        "extra": json.loads(extra),
    }
    chosen = peers.split(",")
    if unknown := set(chosen) - set(PEERS):
        raise click.UsageError(f"unknown peers: {', '.join(sorted(unknown))}")
    console = Console(stderr=True)
    speed: dict[str, list[Result]] = {}
    for count in map(int, workers.split(",")):
        for repeat in range(repeats):
            for peer in chosen:
                some = {**base, "peer": peer, "workers": count, "epochs": speed_epochs, "seed": 1}
                result = measure(some)
                console.print(f"{peer}, {count} workers, run {repeat + 1}: {_rates(result)}")
                speed.setdefault(f"{peer} {count}", []).append(result)
    quality: dict[str, list[Result]] = {peer: [] for peer in chosen}
    cores = max(map(int, workers.split(",")))
    for seed in range(1, seeds + 1):
        for peer in chosen:
            some = {**base, "peer": peer, "workers": cores, "epochs": epochs, "seed": seed}
            result = measure({**some, "analogies": analogies, "pairs": list(pairs)})
            console.print(f"{peer}, seed {seed}: {_scores(result)}, {_rates(result)}")
            quality[peer].append(result)
    show(speed, quality)
    if output:
        options = {**OPTIONS, "vector_size": vector_size, **base["extra"]}
        document = {"about": about(chosen, options), "speed": speed, "quality": quality}
        Path(output).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def about(peers: list[str], options: Result) -> Result:
    """Return where, when and with what a benchmark was run."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in (*peers, "numpy", "scipy")},
        "options": options,
    }


def rate(result: Result) -> float:
    return float(result["words"] / result["train"])


def _rates(result: Result) -> str:
    speed = rate(result) / 1e6
    return f"read {result['read']:.1f} s, {speed:.3f}M words/s, peak {result['peak_mb']:.0f} MB"


def _scores(result: Result) -> str:
    return ", ".join(f"{name} {result[name]:.4f}" for name in _measures(result))


def _measures(result: Result) -> list[str]:
    known = {"read", "train", "words", "peak_mb", "peer", "seed"}
    return [name for name in result if name not in known]


def show(speed: dict[str, list[Result]], quality: dict[str, list[Result]]) -> None:
    """Print the tables: medians, ratios run by run, means and deviations over seeds."""
    console = Console()
    table = Table(title="Speed and memory (medians; ratios of neighbouring runs)")
    for name in ("peer, workers", "reading s", "words/s", "x gensim", "reading x", "peak MB"):
        table.add_column(name, justify="right")
    for name, runs in speed.items():
        others = speed.get(f"gensim {name.split()[1]}", [])  # none if gensim was not chosen
        pairs = list(zip(runs, others, strict=False))
        table.add_row(
            name,
            f"{statistics.median(r['read'] for r in runs):.2f}",
            f"{statistics.median(map(rate, runs)):,.0f}",
            _ratio([rate(a) / rate(b) for a, b in pairs]),
            _ratio([b["read"] / a["read"] for a, b in pairs]),
            f"{max(r['peak_mb'] for r in runs):.0f}",
        )
    console.print(table)
    some = [runs[0] for runs in quality.values() if runs]
    measures = _measures(some[0]) if some else []
    if measures:
        table = Table(title="Quality (mean and standard deviation over seeds)")
        table.add_column("peer")
        for name in measures:
            table.add_column(name, justify="right")
        for peer, runs in quality.items():
            table.add_row(peer, *(_mean(np.asarray([r[m] for r in runs])) for m in measures))
        console.print(table)


def _ratio(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def _mean(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.4f} ± {values.std(ddof=min(1, len(values) - 1)):.4f}"


if __name__ == "__main__":
    main()

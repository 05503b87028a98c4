r"""xw2v beside its peers: reading, training, end to end, memory and quality, in one run.

Peers are gensim reading sentences from an iterator (`gensim`), gensim reading the file in each
of its threads (`gensim-file`) and, if its binary is given, the original C tool (`word2vec.c`).
Every measurement is a process of its own, pinned to as many cores as it has workers, and the
peers take turns. `measuring.py` says what the figures are. Quality is judged by the same code for
all, from the saved models, over the same most frequent words.

    python benchmarks/peers.py enwiki8 --analogies questions-words.txt --pairs wordsim353.tsv \
        --output peers-DATE-all.json
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from judging import evaluate
from measuring import (
    OPTIONS,
    PEERS,
    Job,
    Result,
    Runs,
    about,
    best_gensim,
    chosen_from,
    line,
    median,
    plain_table,
    quickness,
    rate,
    ratio,
    scores,
    take_turns,
    with_lines,
    worker_counts,
    write_json,
)
from rich.console import Console

_COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "read": ("read\ns", "{:.2f}".format),
    "words_per_second": ("training\nwords/s", "{:,.0f}".format),
    "training_x_gensim": ("x best\ngensim", "{:.2f}".format),
    "training_x_word2vec.c": ("x word-\n2vec.c", "{:.2f}".format),
    "end_to_end": ("end to\nend s", "{:.2f}".format),
    "end_to_end_x_gensim": ("x best\ngensim", "{:.2f}".format),
    "end_to_end_x_word2vec.c": ("x word-\n2vec.c", "{:.2f}".format),
    "peak_mb": ("peak\nMB", "{:.0f}".format),
}


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workers", default="1,2", show_default=True, help="Numbers of workers to time.")
@click.option("--repeats", default=3, show_default=True, help="Timed runs of each.")
@click.option("--speed-epochs", default=1, show_default=True, help="Epochs of a timed run.")
@click.option("--epochs", default=5, show_default=True, help="Epochs of a quality run.")
@click.option("--seeds", default=3, show_default=True, help="Quality runs of each; 0 for none.")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Whom to time.")
@click.option("--quality-peers", default="xw2v,gensim", show_default=True, help="Whom to judge.")
@click.option(
    "--word2vec",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The binary of word2vec.c, which is left out without it.",
)
@click.option("--vector-size", default=OPTIONS["vector_size"], show_default=True)
@click.option("--analogies", type=click.Path(exists=True), help="Analogy questions.")
@click.option("--pairs", multiple=True, type=click.Path(exists=True), help="Word-pair scores.")
@click.option("--restrict-vocab", default=30_000, show_default=True, help="For the analogies.")
@click.option("--extra", default="{}", help="More options for xw2v, as JSON.")
@click.option("--output", type=click.Path(), help="Write the figures to this JSON file.")
def main(
    corpus: Path,
    workers: str,
    repeats: int,
    speed_epochs: int,
    epochs: int,
    seeds: int,
    peers: str,
    quality_peers: str,
    word2vec: Path | None,
    vector_size: int,
    analogies: str | None,
    pairs: tuple[str, ...],
    restrict_vocab: int,
    extra: str,
    output: str | None,
) -> None:
    timed = available(peers, word2vec)
    judged = available(quality_peers, word2vec) if seeds else []
    counts = worker_counts(workers)
    options = {**OPTIONS, "vector_size": vector_size}
    settings = {**options, **json.loads(extra), "speed_epochs": speed_epochs, "epochs": epochs}
    document: Result = {
        "about": {
            **about([*timed, *judged], settings),
            "corpus": {"name": corpus.name, "bytes": corpus.stat().st_size},
        }
    }
    with TemporaryDirectory() as folder:
        job = partial(
            Job,
            corpus=corpus.resolve(),
            lines=with_lines(corpus.resolve(), Path(folder)),
            options=options,
            extra=json.loads(extra),
            word2vec=word2vec,
        )
        points: list[Result] = []
        for count in counts:
            jobs = {peer: job(peer, workers=count, epochs=speed_epochs) for peer in timed}
            runs = take_turns(jobs, [1] * repeats, partial(_report, f"workers {count}"))
            points.append({"workers": count, "runs": runs})
            document |= {"summary": summarize(points), "speed": points}
            write_json(output, document)
        judge = partial(evaluate, analogies=analogies, pairs=pairs, restrict_vocab=restrict_vocab)
        quality: Runs = {}
        for seed in range(1, seeds + 1):
            jobs = {peer: job(peer, workers=max(counts), epochs=epochs) for peer in judged}
            runs = take_turns(jobs, [seed], partial(_report, f"seed {seed}"), judge)
            for peer in judged:
                quality.setdefault(peer, []).extend(runs[peer])
            document["quality"] = quality
            write_json(output, document)
    show_speed(document["summary"])
    if quality:
        show_quality(quality)


def available(names: str, word2vec: Path | None) -> list[str]:
    """Return the peers that were asked for, less word2vec.c where its binary is not given."""
    chosen = chosen_from(names, PEERS)
    return [peer for peer in chosen if peer != "word2vec.c" or word2vec is not None]


def _report(where: str, peer: str, run: Result) -> None:
    click.echo(line(f"{where}, {peer}", run), err=True)


def summarize(points: list[Result]) -> list[Result]:
    """Return the medians of each peer and number of workers, and the ratios of neighbours."""
    rows: list[Result] = []
    for point in points:
        runs: Runs = point["runs"]
        others = runs.get("word2vec.c", [])
        for peer, own in runs.items():
            row: Result = {
                "peer": peer,
                "workers": point["workers"],
                "read": median(own, lambda run: float(run["read"])),
                "words_per_second": median(own, rate),
                "end_to_end": median(own, lambda run: float(run["end_to_end"])),
                "peak_mb": max(run["peak_mb"] for run in own),
            }
            for name, value in (("training", rate), ("end_to_end", quickness)):
                row[f"{name}_x_gensim"] = ratio(own, best_gensim(runs, value), value)
                row[f"{name}_x_word2vec.c"] = ratio(own, others, value)
            rows.append(row)
    return rows


def show_speed(rows: list[Result]) -> None:
    shown = [key for key in _COLUMNS if any(row[key] is not None for row in rows)]
    table = plain_table(
        "Speed and memory",
        ["peer, workers", *(_COLUMNS[key][0] for key in shown)],
        "Medians, the largest peak, ratios of neighbouring runs. Best gensim: its mode that is "
        "faster with as many workers.",
    )
    for row in rows:
        cells = ["-" if row[key] is None else _COLUMNS[key][1](row[key]) for key in shown]
        table.add_row(f"{row['peer']} {row['workers']}", *cells)
    Console().print(table, "")


def show_quality(quality: Runs) -> None:
    measures = scores(next(iter(quality.values()))[0])
    table = plain_table("Quality (mean and standard deviation over seeds)", ["peer", *measures])
    for peer, runs in quality.items():
        cells = [np.asarray([run[name] for run in runs]) for name in measures]
        table.add_row(
            peer, *(f"{c.mean():.4f} ± {c.std(ddof=min(1, c.size - 1)):.4f}" for c in cells)
        )
    Console().print(table, "")


if __name__ == "__main__":
    main()

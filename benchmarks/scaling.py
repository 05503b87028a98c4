"""How speed and memory grow: with dimension, window, negatives, vocabulary and workers.

One setting is changed at a time, on a made-up text whose word frequencies follow Zipf's law. As
in `peers.py`, every measurement is a process of its own and the peers take turns.

    python benchmarks/scaling.py --output benchmarks/results/scaling.json
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from peers import PEERS, Result, about, measure, rate
from rich.console import Console
from rich.table import Table

SWEEPS: dict[str, tuple[int, ...]] = {
    "vector_size": (50, 100, 300, 1024),
    "window": (2, 5, 15),
    "negative": (2, 5, 20),
    "vocabulary": (10_000, 50_000, 1_000_000, 2_000_000),
    "workers": (1, 2, 4, 8, 16),
}
_VOCABULARY = 50_000
_LINE_WORDS = 1000


def write_corpus(path: Path, n_words: int, vocabulary: int) -> None:
    """Write a text in which every word occurs, word r about 1 / (r + 2.7) times as often."""
    rng = np.random.default_rng(0)
    weights = 1 / (np.arange(vocabulary) + 2.7)
    borders = np.cumsum(weights / weights.sum())
    drawn = np.searchsorted(borders, rng.random(max(0, n_words - vocabulary)))
    words = np.concatenate([np.arange(vocabulary), np.minimum(drawn, vocabulary - 1)])
    rng.shuffle(words)
    with path.open("w", encoding="ascii") as file:
        for start in range(0, words.size, _LINE_WORDS):
            file.write(" ".join(map("w{}".format, words[start : start + _LINE_WORDS])) + "\n")


def sweep(
    name: str, values: list[int], folder: Path, n_words: int, peers: list[str], console: Console
) -> list[dict[str, Any]]:
    """Measure every value of one setting."""
    rows = []
    for value in values:
        vocabulary = value if name == "vocabulary" else _VOCABULARY
        corpus = folder / f"{vocabulary}.txt"
        if not corpus.exists():
            write_corpus(corpus, max(n_words, 2 * vocabulary), vocabulary)
        options = {"min_count": 1}
        if name in ("vector_size", "window", "negative"):
            options[name] = value
        row: dict[str, Any] = {"setting": name, "value": value}
        for peer in peers:
            result: Result = measure(
                {
                    "peer": peer,
                    "corpus": str(corpus),
                    "options": options,
                    "extra": {},
                    "workers": value if name == "workers" else 1,
                    "epochs": 1,
                    "seed": 1,
                    "analogies": None,
                    "pairs": [],
                }
            )
            row[peer] = {"words_per_second": rate(result), "peak_mb": result["peak_mb"]}
            console.print(f"{name} {value}, {peer}: {rate(result):,.0f} words/s")
        rows.append(row)
    return rows


def show(rows: list[dict[str, Any]], peers: list[str]) -> None:
    """Print a table of all sweeps."""
    table = Table(title="One setting at a time (words/s, peak MB)")
    table.add_column("setting")
    for peer in peers:
        table.add_column(f"{peer} words/s", justify="right")
        table.add_column(f"{peer} MB", justify="right")
    if len(peers) == 2:
        table.add_column("ratio", justify="right")
    for row in rows:
        rates = [row[peer]["words_per_second"] for peer in peers]
        cells = [f"{row['setting']} {row['value']:,}"]
        for peer in peers:
            cells += [f"{row[peer]['words_per_second']:,.0f}", f"{row[peer]['peak_mb']:.0f}"]
        table.add_row(*cells, *([f"{rates[0] / rates[1]:.2f}"] if len(peers) == 2 else []))
    Console().print(table)


@click.command(help=__doc__)
@click.option("--settings", default=",".join(SWEEPS), show_default=True, help="What to change.")
@click.option("--words", default=3_000_000, show_default=True, help="Words of the text.")
@click.option("--cores", default=2, show_default=True, help="Most workers to try.")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Whom to measure.")
@click.option("--output", type=click.Path(), help="Write the figures to this JSON file.")
def main(settings: str, words: int, cores: int, peers: str, output: str | None) -> None:
    chosen, names = peers.split(","), settings.split(",")
    if unknown := (set(names) - set(SWEEPS)) | (set(chosen) - set(PEERS)):
        raise click.UsageError(f"unknown: {', '.join(sorted(unknown))}")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            values = [v for v in SWEEPS[name] if name != "workers" or v <= cores]
            rows += sweep(name, values, Path(folder), words, chosen, Console(stderr=True))
    show(rows, chosen)
    if output:
        document = {"about": about(chosen, {"words": words}), "rows": rows}
        Path(output).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

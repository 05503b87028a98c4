"""How speed and memory grow: with dimension, window, negatives, vocabulary and workers.

One setting is changed at a time, on a made-up text in which every word occurs and frequencies
follow Zipf's law; the others keep the values of `peers.py`, one worker and a vocabulary of 50,000.
As there, every measurement is a process of its own and the peers take turns. The last section
holds the memory of xw2v against its model: two matrices, the vocabulary, and a constant.

    python benchmarks/scaling.py --output scaling-DATE.json --plot scaling-DATE.svg
"""

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from measuring import (
    GENSIM_MODES,
    OPTIONS,
    Job,
    Result,
    Runs,
    about,
    best_gensim,
    chosen_from,
    measure,
    median,
    plain_table,
    rate,
    ratio,
    take_turns,
    usable_cores,
    write_corpus,
    write_json,
)
from panels import draw
from rich.console import Console
from rich.table import Table

SWEEPS: dict[str, tuple[int, ...]] = {
    "vector_size": (50, 100, 200, 300, 512, 1024),
    "window": (2, 5, 10, 15),
    "negative": (2, 5, 10, 20),
    "vocabulary": (10_000, 50_000, 200_000, 1_000_000, 2_000_000),
}
SECTIONS = (*SWEEPS, "workers", "memory")
PEERS = ("xw2v", *GENSIM_MODES)

_VOCABULARY = 50_000
_MEMORY_VOCABULARIES = (50_000, 1_000_000)
_LONGER = 4  # times, for the text that shows that its length takes no memory
_QUICK_WORDS = 400_000
_QUICK_VOCABULARY = 200_000
_LINE_WORDS = 1000


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    folder: Path
    peers: list[str]
    words: int
    cores: int
    repeats: int
    largest_vocabulary: int

    def job(
        self,
        peer: str,
        vocabulary: int = _VOCABULARY,
        workers: int = 1,
        longer: int = 1,
        **option: int,
    ) -> Job:
        """Return a run with one option changed, and its text, which is made if there is none."""
        words = longer * self.n_words(vocabulary)
        corpus = self.folder / f"{vocabulary}-{words}.txt"
        if not corpus.exists():
            write_corpus(corpus, words, vocabulary)
        options = {**OPTIONS, "min_count": 1, **option}
        return Job(peer, corpus, lines=corpus, options=options, workers=workers)

    def n_words(self, vocabulary: int) -> int:
        """Return how long a text is: every word of it has to find room."""
        return max(self.words, 2 * vocabulary)

    def sections(self) -> dict[str, list[int]]:
        """Return the values of every setting."""
        sweeps = {name: list(values) for name, values in SWEEPS.items()}
        sweeps["vocabulary"] = [v for v in sweeps["vocabulary"] if v <= self.largest_vocabulary]
        powers = [2**n for n in range(self.cores.bit_length())]
        return {**sweeps, "workers": sorted({*powers, self.cores})}


def sweep(plan: Plan, name: str, values: list[int]) -> list[Result]:
    """Measure every value of one setting."""
    points = []
    for value in values:
        jobs = {peer: plan.job(peer, **{name: value}) for peer in plan.peers}
        report = partial(_report, f"{name} {value:,}")
        points.append({"value": value, "runs": take_turns(jobs, [1] * plan.repeats, report)})
    return points


def _report(where: str, peer: str, run: Result) -> None:
    click.echo(f"{where}, {peer}: {rate(run):,.0f} words/s", err=True)


def memory(plan: Plan) -> list[Result]:
    """Measure the memory of xw2v, all cores at work, and take from it what has to be there."""
    points = []
    for vocabulary in _MEMORY_VOCABULARIES:
        if vocabulary > plan.largest_vocabulary:
            continue
        for longer in (1, _LONGER):
            job = plan.job("xw2v", vocabulary=vocabulary, workers=plan.cores, longer=longer)
            run = measure(job)
            matrices = 2 * vocabulary * int(job.options["vector_size"]) * 4 / 1e6
            words = vocabulary_bytes(vocabulary) / 1e6
            point = {
                "vocabulary": vocabulary,
                "words": run["words"],
                "workers": plan.cores,
                "peak_mb": run["peak_mb"],
                "matrices_mb": matrices,
                "vocabulary_mb": words,
                "constant_mb": run["peak_mb"] - matrices - words,
            }
            click.echo(f"memory, {vocabulary:,} words: {run['peak_mb']:.0f} MB", err=True)
            points.append(point)
    return points


def vocabulary_bytes(size: int) -> int:
    """Return what Python needs for so many words, their counts and a dictionary of their ids."""
    words = tuple(map("w{}".format, range(size)))
    index = {word: number for number, word in enumerate(words)}
    objects = sum(map(sys.getsizeof, words)) + sum(map(sys.getsizeof, index.values()))
    return objects + sys.getsizeof(words) + sys.getsizeof(index) + 8 * size


def show(document: Result) -> None:
    """Print a table for each section."""
    for name, points in document["sections"].items():
        table = _memory_table(points) if name == "memory" else _sweep_table(name, points)
        Console().print(table, "")


def _sweep_table(name: str, points: list[Result]) -> Table:
    peers = list(points[0]["runs"])
    heads = [peer.replace("-", "-\n") for peer in peers]
    more = ["x 1\nworker"] if name == "workers" and "xw2v" in peers else []
    table = plain_table(
        f"{name}: words/s; xw2v against gensim's faster mode; peak MB",
        [
            name.replace("_", "\n"),
            *(f"{head}\nwords/s" for head in heads),
            "x best\ngensim",
            *more,
            *(f"{head}\nMB" for head in heads),
        ],
    )
    for point in points:
        runs: Runs = point["runs"]
        own = runs.get("xw2v", [])
        against = [ratio(own, best_gensim(runs, rate), rate)]
        if more:
            against.append(median(own, rate) / median(points[0]["runs"]["xw2v"], rate))
        table.add_row(
            f"{point['value']:,}",
            *(f"{median(runs[peer], rate):,.0f}" for peer in peers),
            *("-" if value is None else f"{value:.2f}" for value in against),
            *(f"{max(run['peak_mb'] for run in runs[peer]):.0f}" for peer in peers),
        )
    return table


def _memory_table(points: list[Result]) -> Table:
    table = plain_table(
        "memory of xw2v, MB: peak = matrices (2 V D 4 bytes) + vocabulary + constant",
        ["V", "text, words", "workers", "peak", "matrices", "vocabulary", "constant"],
    )
    parts = ("peak_mb", "matrices_mb", "vocabulary_mb", "constant_mb")
    for point in points:
        counts = (f"{point[key]:,}" for key in ("vocabulary", "words", "workers"))
        table.add_row(*counts, *(f"{point[key]:.0f}" for key in parts))
    return table


def run(plan: Plan, names: list[str], output: str | None) -> Result:
    """Measure section after section, and keep what there is after each."""
    settings = {**OPTIONS, "min_count": 1, "vocabulary": _VOCABULARY, "words": plan.words}
    sections: dict[str, list[Result]] = {}
    document: Result = {"about": about(plan.peers, settings), "sections": sections}
    values = plan.sections()
    for name in names:
        sections[name] = memory(plan) if name == "memory" else sweep(plan, name, values[name])
        write_json(output, document)
    return document


@click.command(help=__doc__)
@click.option("--only", default=",".join(SECTIONS), show_default=True, help="The sections.")
@click.option("--words", default=4_000_000, show_default=True, help="Words of the text.")
@click.option("--quick", is_flag=True, help="Shorter texts, no vocabulary over 200,000.")
@click.option("--cores", default=len(usable_cores()), show_default=True, help="Most workers.")
@click.option("--repeats", default=1, show_default=True, help="Runs of each.")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Whom to measure.")
@click.option("--output", type=click.Path(), help="Write the figures to this JSON file.")
@click.option("--plot", type=click.Path(), help="Draw them; PNG or SVG, as the name says.")
@click.option(
    "--earlier",
    type=click.Path(exists=True, path_type=Path),
    help="Measure nothing; show and draw what --output wrote.",
)
def main(
    only: str,
    words: int,
    quick: bool,
    cores: int,
    repeats: int,
    peers: str,
    output: str | None,
    plot: str | None,
    earlier: Path | None,
) -> None:
    names, chosen = chosen_from(only, SECTIONS), chosen_from(peers, PEERS)
    if earlier is not None:
        document = json.loads(earlier.read_text(encoding="utf-8"))
    else:
        with TemporaryDirectory() as folder:
            plan = Plan(
                folder=Path(folder),
                peers=chosen,
                words=min(words, _QUICK_WORDS) if quick else words,
                cores=min(cores, len(usable_cores())),
                repeats=repeats,
                largest_vocabulary=_QUICK_VOCABULARY if quick else max(SWEEPS["vocabulary"]),
            )
            document = run(plan, names, output)
    show(document)
    if plot is not None:
        draw(document, plot)


if __name__ == "__main__":
    main()

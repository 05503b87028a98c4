r"""Every model beside gensim, where gensim has it: words per second, and quality.

Models are skip-gram and CBOW, each with negative sampling, hierarchical softmax and full softmax.
There are five parts, and --parts takes some of them; what --output holds already of other parts or
other models stays there, so that a long run can be made in pieces.

speed: words/s by number of workers, beside both modes of gensim.

quality: beside gensim, for CBOW at each of --cbow-alphas; the rate whose scores are higher on
average is shown.

softmax: full softmax, whose time grows with the vocabulary, on --softmax-vocab words, and negative
sampling on the same words beside it; gensim has no full softmax. The runs are judged and timed at
once, one for each seed and number of workers.

cbow: the gradient of the loss, and the undivided one that gensim and word2vec.c take.

optimizers: sgd, adagrad and adam, with negative sampling.

Every measurement is a process of its own, pinned to as many cores as it has workers, and what is
compared takes turns. `measuring.py` says what the figures are. Quality is judged by the same code
for both, from the saved models, over the same most frequent words.

    python benchmarks/models.py enwiki8 --analogies questions-words.txt --pairs wordsim353.tsv \
        --pairs simlex999.txt --output models-DATE.json
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from judging import evaluate
from measuring import (
    GENSIM_MODES,
    OPTIONS,
    Job,
    Judge,
    Result,
    Runs,
    about,
    best_gensim,
    chosen_from,
    line,
    median,
    plain_table,
    rate,
    ratio,
    scores,
    take_turns,
    with_lines,
    worker_counts,
    write_json,
)
from rich.console import Console
from rich.table import Table

_SAMPLED = ("skipgram-negative", "skipgram-hierarchical", "cbow-negative", "cbow-hierarchical")
_FULL = ("skipgram-softmax", "cbow-softmax")
MODELS = (*_SAMPLED, *_FULL)
PARTS: dict[str, tuple[str, ...]] = {  # and the models that each is about
    "speed": _SAMPLED,
    "quality": _SAMPLED,
    "softmax": _FULL,
    "cbow": ("cbow-negative", "cbow-hierarchical"),
    "optimizers": ("skipgram-negative", "cbow-negative"),
}
PEERS = ("xw2v", *GENSIM_MODES)
OPTIMIZERS = ("sgd", "adagrad", "adam")
GRADIENTS = ("exact", "undivided")

_SKIPGRAM_ALPHA = 0.025  # the rate of gensim and word2vec.c, and of xw2v
_SPEED_TITLES = {
    "speed": "Speed, words/s",
    "softmax": "Full softmax, words/s",
    "optimizers": "Optimizers, words/s",
}
_QUALITY_TITLES = {
    "quality": "Quality",
    "softmax": "Full softmax, quality",
    "cbow": "Gradients of CBOW, quality",
    "optimizers": "Optimizers, quality",
}


@dataclass(frozen=True)
class Plan:
    """What to measure, and how."""

    corpus: Path
    lines: Path
    options: Mapping[str, float]
    extra: Mapping[str, Any]
    peers: Sequence[str]
    counts: Sequence[int]
    repeats: int
    speed_epochs: int
    epochs: int
    seeds: int
    softmax_vocab: int
    softmax_epochs: int
    cbow_alphas: Sequence[float]
    analogies: str | None
    pairs: tuple[str, ...]
    restrict_vocab: int

    def measure(self, part: str, name: str, others: Result) -> Result:
        """Measure one model for one part; `others` is what there is of other parts."""
        if part == "speed":
            settings, figures = self._speed(name)
        elif part == "quality":
            settings, figures = self._quality(name)
        elif part == "softmax":
            settings, figures = self._softmax(name)
        elif part == "cbow":
            settings, figures = self._cbow(name, others)
        else:
            settings, figures = self._optimizers(name)
        return {"about": self._about(settings), **figures}

    def _speed(self, name: str) -> tuple[Result, Result]:
        jobs = {}
        for peer in self.peers:
            alpha = None if peer == "xw2v" else self._gensim_alphas(name)[-1]  # any is as fast
            jobs[peer] = self._job(name, peer, epochs=self.speed_epochs, alpha=alpha)
        points = self._points(f"speed, {name}", jobs, [1] * self.repeats)
        return {"epochs": self.speed_epochs}, {"points": points}

    def _quality(self, name: str) -> tuple[Result, Result]:
        own = {"xw2v": self._job(name, epochs=self.epochs)} if "xw2v" in self.peers else {}
        jobs = {**own, **self._gensim_jobs(name)}
        return self._quality_settings(), {"quality": self._runs(f"quality, {name}", jobs)}

    def _softmax(self, name: str) -> tuple[Result, Result]:
        model, _ = name.split("-")
        jobs = {
            output: self._job(
                f"{model}-{output}", epochs=self.softmax_epochs, max_final_vocab=self.softmax_vocab
            )
            for output in ("softmax", "negative")
        }
        points = self._points(f"softmax, {model}", jobs, range(1, self.seeds + 1), self._judge)
        settings = {"epochs": self.softmax_epochs, "max_final_vocab": self.softmax_vocab}
        return {**self._quality_settings(), **settings}, {"points": points}

    def _cbow(self, name: str, others: Result) -> tuple[Result, Result]:
        jobs = {
            gradient: self._job(name, epochs=self.epochs, cbow_gradient=gradient)
            for gradient in GRADIENTS
        }
        settings = self._quality_settings()
        known = others.get("quality", {}).get(name)
        if known and _same_circumstances(known["about"], self._about(settings)):
            theirs: Runs = {who: runs for who, runs in known["quality"].items() if who != "xw2v"}
        else:
            theirs = {}
        if not theirs:
            jobs |= self._gensim_jobs(name)
        return settings, {"quality": {**self._runs(f"cbow, {name}", jobs), **theirs}}

    def _optimizers(self, name: str) -> tuple[Result, Result]:
        where = f"optimizers, {name}"
        jobs = {
            optimizer: self._job(name, epochs=self.speed_epochs, optimizer=optimizer)
            for optimizer in OPTIMIZERS
        }
        points = self._points(where, jobs, [1] * self.repeats)
        longer = {who: replace(job, epochs=self.epochs) for who, job in jobs.items()}
        settings = {**self._quality_settings(), "speed_epochs": self.speed_epochs}
        return settings, {"points": points, "quality": self._runs(f"{where}, quality", longer)}

    def _job(
        self,
        name: str,
        peer: str = "xw2v",
        *,
        epochs: int,
        alpha: float | None = None,
        **extra: Any,
    ) -> Job:
        model, output = name.split("-")
        return Job(
            peer,
            self.corpus,
            self.lines,
            self.options,
            model=model,
            output=output,
            alpha=alpha,
            extra={**self.extra, **extra},
            epochs=epochs,
        )

    def _gensim_jobs(self, name: str) -> dict[str, Job]:
        """Return the runs of gensim that are judged, one for each rate."""
        if not set(GENSIM_MODES) & set(self.peers):
            return {}
        return {
            f"gensim {alpha:g}": self._job(name, "gensim", epochs=self.epochs, alpha=alpha)
            for alpha in self._gensim_alphas(name)
        }

    def _gensim_alphas(self, name: str) -> Sequence[float]:
        return self.cbow_alphas if name.startswith("cbow") else (_SKIPGRAM_ALPHA,)

    def _points(
        self,
        where: str,
        jobs: Mapping[str, Job],
        seeds: Iterable[int],
        judge: Judge | None = None,
    ) -> list[Result]:
        """Time some jobs with each number of workers."""
        points = []
        for count in sorted(self.counts):
            working = {name: replace(job, workers=count) for name, job in jobs.items()}
            report = partial(_report, f"{where}, workers {count}")
            points.append({"workers": count, "runs": take_turns(working, seeds, report, judge)})
        return points

    def _runs(self, where: str, jobs: Mapping[str, Job]) -> Runs:
        """Judge some jobs, with each seed and all workers."""
        working = {name: replace(job, workers=max(self.counts)) for name, job in jobs.items()}
        return take_turns(working, range(1, self.seeds + 1), partial(_report, where), self._judge)

    def _about(self, settings: Mapping[str, Any]) -> Result:
        return {
            **about(self.peers, {**self.options, **self.extra, **settings}),
            "corpus": {"name": self.corpus.name, "bytes": self.corpus.stat().st_size},
        }

    def _quality_settings(self) -> Result:
        return {
            "epochs": self.epochs,
            "seeds": self.seeds,
            "gensim_cbow_alphas": list(self.cbow_alphas),
            "restrict_vocab": self.restrict_vocab,
            "judged_by": [Path(path).name for path in (self.analogies, *self.pairs) if path],
        }

    @property
    def _judge(self) -> Judge:
        return partial(
            evaluate,
            analogies=self.analogies,
            pairs=self.pairs,
            restrict_vocab=self.restrict_vocab,
        )


def _same_circumstances(one: Result, other: Result) -> bool:
    return {**one, "date": ""} == {**other, "date": ""}


def _report(where: str, who: str, run: Result) -> None:
    click.echo(line(f"{where}, {who}", run), err=True)


def summarize(document: Result) -> Result:
    """Return the rows of all tables: medians and ratios of speed; mean and deviation of quality."""
    summary: Result = {}
    for part in PARTS:
        entries: dict[str, Result] = document.get(part, {})
        found: dict[str, list[Result]] = {"speed": [], "quality": []}
        for name in sorted(entries, key=MODELS.index):
            points = entries[name].get("points", [])
            found["speed"] += [{"model": name, **_speed_row(point)} for point in points]
            # The timed runs of full softmax are judged; those with the most workers are shown.
            judged: Runs = entries[name].get("quality") or points[-1]["runs"]
            found["quality"] += [{"model": name, **row} for row in _quality_rows(judged)]
        if entries:
            summary[part] = {kind: rows for kind, rows in found.items() if rows}
    return summary


def _speed_row(point: Result) -> Result:
    runs: Runs = point["runs"]
    first, *rest = runs
    ratios: dict[str, float | None] = {}
    if any(mode in runs for mode in GENSIM_MODES):
        ratios["gensim"] = ratio(runs.get("xw2v", []), best_gensim(runs, rate), rate)
    elif rest:
        ratios |= {name: ratio(runs[name], runs[first], rate) for name in rest}
    return {
        "workers": point["workers"],
        "words_per_second": {name: median(own, rate) for name, own in runs.items()},
        "ratios": ratios,
    }


def _quality_rows(runs: Runs) -> list[Result]:
    """Return a row for each that was judged, and for gensim one: at the rate that was better."""
    rows = [{"who": name, **_quality_row(own)} for name, own in runs.items() if scores(own[0])]
    theirs = [row for row in rows if row["who"].startswith("gensim ")]
    best = max(theirs, key=_overall, default=None)
    return [
        {**row, "who": row["who"].split(" ")[0]} for row in rows if row not in theirs or row is best
    ]


def _quality_row(runs: list[Result]) -> Result:
    row: Result = {"alpha": runs[0]["alpha"], "runs": len(runs), "scores": {}}
    for name in scores(runs[0]):
        values = [run[name] for run in runs]
        deviation = statistics.stdev(values) if len(values) > 1 else None
        row["scores"][name] = {"mean": statistics.fmean(values), "deviation": deviation}
    return row


def _overall(row: Result) -> float:
    return statistics.fmean(score["mean"] for score in row["scores"].values())


def show(document: Result) -> None:
    """Print a table or two for each part."""
    for part, found in summarize(document).items():
        if "speed" in found:
            Console().print(_speed_table(part, found["speed"]), "")
        if "quality" in found:
            Console().print(_quality_table(part, found["quality"]), "")


def _speed_table(part: str, rows: list[Result]) -> Table:
    names = _all_keys(row["words_per_second"] for row in rows)
    against = _all_keys(row["ratios"] for row in rows)
    heads = {name: f"{name}\nx {names[0]}" for name in against}
    if part == "speed":
        heads["gensim"] = "x best\ngensim"
    table = plain_table(
        _SPEED_TITLES[part],
        ["model, workers", *(name.replace("-", "-\n") for name in names)]
        + [heads[name] for name in against],
        "Medians, ratios of neighbouring runs."
        + (" Best gensim: its faster mode." if part == "speed" else ""),
    )
    for row in rows:
        speeds = (_cell(row["words_per_second"].get(name), ",.0f") for name in names)
        ratios = (_cell(row["ratios"].get(name), ".3g") for name in against)
        table.add_row(f"{row['model']} {row['workers']}", *speeds, *ratios)
    return table


def _quality_table(part: str, rows: list[Result]) -> Table:
    measures = _all_keys(row["scores"] for row in rows)
    notes = []
    if any(row["runs"] > 1 for row in rows):
        notes.append("Mean and standard deviation over seeds.")
    if any(row["who"] == "gensim" for row in rows):
        notes.append("gensim's CBOW: at the better rate.")
    columns = ["model", "alpha", *measures]
    table = plain_table(_QUALITY_TITLES[part], columns, " ".join(notes) or None)
    for model, own in groupby(rows, lambda row: row["model"]):
        table.add_row(model)
        for row in own:
            cells = [_score(row["scores"].get(name)) for name in measures]
            table.add_row(f"  {row['who']}", f"{row['alpha']:g}", *cells)
    return table


def _all_keys(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _score(score: Mapping[str, float | None] | None) -> str:
    if score is None:
        return "-"
    deviation = score["deviation"]
    return f"{score['mean']:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")


def run(plan: Plan, parts: Sequence[str], models: Sequence[str], output: str | None) -> Result:
    """Measure part after part, model after model, and keep what there is after each entry."""
    document = read(output)
    for part, names in PARTS.items():
        for name in names:
            if part in parts and name in models:
                entry = plan.measure(part, name, document)
                document[part] = {**document.get(part, {}), name: entry}
                document["summary"] = summarize(document)
                write_json(output, document)
    return document


def read(path: str | None) -> Result:
    """Return what is in a file that `--output` wrote, if there is one."""
    if path is None or not Path(path).exists():
        return {}
    document: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(document, dict) or set(document) - {*PARTS, "summary"}:
        raise click.UsageError(f"{path} holds something else; nothing was measured")
    return document


@click.command(help=__doc__)
@click.argument(
    "corpus", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--parts", "--only", default=",".join(PARTS), show_default=True, help="Which parts.")
@click.option("--models", default=",".join(MODELS), show_default=True, help="Which models.")
@click.option("--peers", default=",".join(PEERS), show_default=True, help="Whom to measure.")
@click.option("--workers", default="1,2", show_default=True, help="Numbers of workers to time.")
@click.option(
    "--repeats", default=2, show_default=True, type=click.IntRange(1), help="Timed runs of each."
)
@click.option("--speed-epochs", default=1, show_default=True, help="Epochs of a timed run.")
@click.option("--epochs", default=5, show_default=True, help="Epochs of a quality run.")
@click.option(
    "--seeds", default=1, show_default=True, type=click.IntRange(1), help="Quality runs of each."
)
@click.option("--softmax-vocab", default=5_000, show_default=True, help="Words for full softmax.")
@click.option("--softmax-epochs", default=1, show_default=True, help="Epochs for full softmax.")
@click.option(
    "--cbow-alphas",
    default="0.025,0.05",
    show_default=True,
    help="Rates for gensim's CBOW: its default, and that of word2vec.c and xw2v.",
)
@click.option("--vector-size", default=OPTIONS["vector_size"], show_default=True)
@click.option("--analogies", type=click.Path(exists=True), help="Analogy questions.")
@click.option("--pairs", multiple=True, type=click.Path(exists=True), help="Word-pair scores.")
@click.option("--restrict-vocab", default=30_000, show_default=True, help="For the analogies.")
@click.option("--extra", default="{}", help="More options for xw2v, as JSON.")
@click.option("--output", type=click.Path(), help="Write the figures to this JSON file.")
@click.option(
    "--earlier", type=click.Path(exists=True), help="Measure nothing; show what --output wrote."
)
def main(
    corpus: Path | None,
    parts: str,
    models: str,
    peers: str,
    workers: str,
    repeats: int,
    speed_epochs: int,
    epochs: int,
    seeds: int,
    softmax_vocab: int,
    softmax_epochs: int,
    cbow_alphas: str,
    vector_size: int,
    analogies: str | None,
    pairs: tuple[str, ...],
    restrict_vocab: int,
    extra: str,
    output: str | None,
    earlier: str | None,
) -> None:
    if earlier is not None:
        show(read(earlier))
        return
    if corpus is None:
        raise click.UsageError("a corpus is needed, or --earlier FILE")
    chosen = chosen_from(parts, tuple(PARTS))
    if chosen != ["speed"] and not (analogies or pairs):
        raise click.UsageError("quality needs --analogies or --pairs; --parts speed needs neither")
    with TemporaryDirectory() as folder:
        plan = Plan(
            corpus=corpus.resolve(),
            lines=with_lines(corpus.resolve(), Path(folder)),
            options={**OPTIONS, "vector_size": vector_size},
            extra=json.loads(extra),
            peers=chosen_from(peers, PEERS),
            counts=worker_counts(workers),
            repeats=repeats,
            speed_epochs=speed_epochs,
            epochs=epochs,
            seeds=seeds,
            softmax_vocab=softmax_vocab,
            softmax_epochs=softmax_epochs,
            cbow_alphas=[float(alpha) for alpha in cbow_alphas.split(",")],
            analogies=analogies,
            pairs=pairs,
            restrict_vocab=restrict_vocab,
        )
        document = run(plan, chosen, chosen_from(models, MODELS), output)
    show(document)


if __name__ == "__main__":
    main()

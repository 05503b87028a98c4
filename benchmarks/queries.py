r"""Queries beside gensim: one at a time, many at once, loading, analogies, an approximate index.

The vectors are made up, and the same for both. Nothing is downloaded.

single: most_similar of one word. Both take turns, each with a word of its own, in one process,
with as many threads of BLAS as --threads says, set by threadpoolctl for both alike.

batch: most_similar_batch of many words, and gensim's most_similar of each of some of them, as
gensim has nothing for many queries at once; per query.

loading: a fresh process for each, in turns: loading a saved model, and the answer to the first
query. xw2v loads its own format (memory-mapped, and once more read and verified as a whole), gensim
its own by KeyedVectors.load(mmap="r"). The files were just written, so they are in memory: it is
not the disk that is measured. What "all" counts begins before the interpreter starts.

analogies: a file of as many questions as questions-words.txt has, on vectors some of whose words
are related as the questions ask. gensim answers the first ones only; the accuracies on these are
compared, too.

index: xw2v.vectors.ApproximateIndex, built with all cores: seconds to build, per query, and which
share of the ten nearest neighbors it finds.

    python benchmarks/queries.py --output queries-DATE.json
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from gensim.models import KeyedVectors
from measuring import Result, about, chosen_from, plain_table, worker_counts, write_json
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from xw2v import TrainingConfig, WordVectors
from xw2v.formats import SavedModel, save_model
from xw2v.vectors import ApproximateIndex, parse_analogies, score_analogies

PARTS = ("single", "batch", "loading", "analogies", "index")
QUESTIONS = 19_544  # of questions-words.txt
SECTIONS = 14

_LOAD_ONCE = Path(__file__).with_name("load_once.py")
_LOADERS = ("xw2v", "xw2v-verified", "gensim")


@dataclass(frozen=True)
class Plan:
    """What to measure, and how."""

    words: int
    size: int
    threads: Sequence[int]
    repeats: int
    queries: int
    gensim_queries: int
    analogy_words: int
    gensim_questions: int

    def single(self) -> Result:
        """Time most_similar."""
        ours, theirs = both(made_up(self.words, self.size))
        words = asked(ours, 2 * self.repeats + 2)
        entry: Result = {}
        for threads in self.threads:
            with threadpool_limits(threads, user_api="blas"):
                runs: dict[str, list[float]] = {"xw2v": [], "gensim": []}
                for word in words[:2]:  # which compute the norms, and warm the caches
                    check_same(ours.most_similar(word), theirs.most_similar(word))
                for one, other in zip(words[2::2], words[3::2], strict=True):
                    runs["xw2v"].append(seconds(ours.most_similar, one))
                    runs["gensim"].append(seconds(theirs.most_similar, other))
            entry[str(threads)] = compared(runs)
        return entry

    def batch(self) -> Result:
        """Time most_similar_batch."""
        ours, theirs = both(made_up(self.words, self.size))
        words = asked(ours, self.queries)
        entry: Result = {}
        for threads in self.threads:
            with threadpool_limits(threads, user_api="blas"):
                runs: dict[str, list[float]] = {"xw2v": [], "gensim": []}
                found = ours.most_similar_batch(words[:2])
                for word, neighbors in zip(words, found, strict=False):
                    check_same(neighbors, theirs.most_similar(word))
                for _ in range(min(self.repeats, 3)):
                    whole = seconds(ours.most_similar_batch, words)
                    runs["xw2v"].append(whole / len(words))
                    few = [seconds(theirs.most_similar, w) for w in words[: self.gensim_queries]]
                    runs["gensim"].append(sum(few) / len(few))
            entry[str(threads)] = compared(runs)
        return entry

    def loading(self) -> Result:
        """Time loading, and the first query."""
        vectors = made_up(self.words, self.size)
        ours, theirs = both(vectors)
        word = ours.index_to_key[self.words // 2]
        with TemporaryDirectory() as folder:
            model, keyed = Path(folder, "model"), Path(folder, "keyed")
            counts = np.arange(self.words, 0, -1)
            config = TrainingConfig(vector_size=self.size)
            save_model(
                model, SavedModel(ours.index_to_key, counts, vectors, vectors, config, {}, ())
            )
            theirs.save(str(keyed))
            paths = {"xw2v": model, "xw2v-verified": model, "gensim": keyed}
            runs: dict[str, list[Result]] = {who: [] for who in _LOADERS}
            for _ in range(min(self.repeats, 5)):
                for who in _LOADERS:
                    runs[who].append(loaded(who, paths[who], word))
        return {
            who: {
                name: statistics.median(run[name] for run in of_one)
                for name in ("import", "load", "first", "second", "answer", "all")
            }
            for who, of_one in runs.items()
        }

    def analogies(self) -> Result:
        """Time the scoring of analogy questions."""
        vectors, lines = related(self.analogy_words, self.size)
        ours, theirs = both(vectors)
        with TemporaryDirectory() as folder:
            every, some = Path(folder, "every"), Path(folder, "some")
            every.write_text("\n".join(lines), encoding="utf-8")
            # As many questions of the first section as gensim is to answer.
            some.write_text("\n".join(lines[: self.gensim_questions + 1]), encoding="utf-8")
            sections, few = parse_analogies(every), parse_analogies(some)
            score_analogies(ours, few)  # computes the unit vectors
            theirs.fill_norms()
            began = time.perf_counter()
            scores = score_analogies(ours, sections)
            ours_seconds = (time.perf_counter() - began) / scores.total
            began = time.perf_counter()
            accuracy, _ = theirs.evaluate_word_analogies(str(some))
            theirs_seconds = (time.perf_counter() - began) / self.gensim_questions
            check = score_analogies(ours, few).accuracy
        return {
            "questions": scores.total,
            "accuracy": scores.accuracy,
            "gensim_questions": self.gensim_questions,
            "xw2v_accuracy_on_these": check,
            "gensim_accuracy_on_these": accuracy,
            "xw2v": ours_seconds,
            "gensim": theirs_seconds,
            "ratio": theirs_seconds / ours_seconds,
        }

    def index(self) -> Result:
        """Time an approximate index, and see what it finds."""
        vectors, _ = related(self.words, self.size)
        wv = WordVectors([f"word{row}" for row in range(len(vectors))], vectors)
        words = asked(wv, self.gensim_queries)
        began = time.perf_counter()
        index = ApproximateIndex(wv)
        built = time.perf_counter() - began
        exact = wv.most_similar_batch(words)
        began = time.perf_counter()
        found = [wv.most_similar(word, indexer=index) for word in words]
        each = (time.perf_counter() - began) / len(words)
        same = sum(
            len(dict(one).keys() & dict(other).keys())
            for one, other in zip(found, exact, strict=True)
        )
        return {"build": built, "query": each, "recall": same / (10 * len(words))}


def made_up(words: int, size: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((words, size), dtype=np.float32)


def related(words: int, size: int) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Return vectors in which pairs of words are related, and questions on these pairs."""
    rng = np.random.default_rng(1)
    # Like real ones, they lie near a space of fewer dimensions.
    inner = max(2, size // 6)
    vectors = rng.standard_normal((words, inner), dtype=np.float32) @ rng.standard_normal(
        (inner, size), dtype=np.float32
    )
    pairs = 38  # of which a section has 38 * 37 questions
    rows = rng.permutation(max(words // 10, 2 * pairs * SECTIONS))[: 2 * pairs * SECTIONS].reshape(
        SECTIONS, pairs, 2
    )
    lines: list[str] = []
    questions = 0
    for section, of_one in enumerate(rows.tolist()):
        lines.append(f": section{section}")
        offset = vectors[rng.integers(words)]
        for first, second in of_one:
            noise = rng.standard_normal(size, dtype=np.float32)
            vectors[second] = vectors[first] + offset + noise
        for a, b in of_one:
            for c, d in of_one:
                if a != c and questions < QUESTIONS:
                    lines.append(f"word{a} word{b} word{c} word{d}")
                    questions += 1
    return vectors, lines


def both(vectors: npt.NDArray[np.float32]) -> tuple[WordVectors, Any]:
    """Return the same vectors as ours and as gensim's."""
    words = [f"word{row}" for row in range(len(vectors))]
    keyed = KeyedVectors(vectors.shape[1])
    keyed.index_to_key = words
    keyed.key_to_index = {word: row for row, word in enumerate(words)}
    keyed.vectors = vectors
    return WordVectors(words, vectors), keyed


def asked(vectors: WordVectors, count: int) -> list[str]:
    rows = np.random.default_rng(2).permutation(len(vectors))[:count]
    return [vectors.index_to_key[row] for row in rows]


def check_same(ours: Sequence[tuple[str, float]], theirs: Sequence[tuple[str, float]]) -> None:
    if [word for word, _ in ours] != [word for word, _ in theirs]:
        raise click.ClickException(f"the answers differ: {ours} and {theirs}")


def seconds(call: Callable[[Any], object], argument: object) -> float:
    began = time.perf_counter()
    call(argument)
    return time.perf_counter() - began


def compared(runs: dict[str, list[float]]) -> Result:
    """Return the medians, and the median ratio of runs that were neighbors in time."""
    ratios = [other / one for one, other in zip(runs["xw2v"], runs["gensim"], strict=True)]
    medians = {who: statistics.median(times) for who, times in runs.items()}
    return {**medians, "ratio": statistics.median(ratios), "runs": runs}


def loaded(who: str, path: Path, word: str) -> Result:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(_LOAD_ONCE), who, str(path), word],
        check=True,
        capture_output=True,
        text=True,
    )
    run: Result = json.loads(done.stdout)
    return {**run, "answer": run["load"] + run["first"], "all": time.perf_counter() - began}


def show(document: Result) -> None:
    console = Console()
    for part in PARTS:
        if part in document:
            console.print(_TABLES[part](document[part]["figures"]), "")


def _side_by_side(title: str) -> Callable[[Result], Table]:
    def table(figures: Result) -> Table:
        found = plain_table(title, ["threads", "xw2v ms", "gensim ms", "gensim / xw2v"])
        for threads, entry in figures.items():
            found.add_row(
                threads,
                f"{1000 * entry['xw2v']:.2f}",
                f"{1000 * entry['gensim']:.2f}",
                f"{entry['ratio']:.2f}",
            )
        return found

    return table


def _loading_table(figures: Result) -> Table:
    names = ("import", "load", "first", "second", "answer", "all")
    table = plain_table(
        "Loading, s", ["", *names], caption="answer: load and first query; all: with Python's start"
    )
    for who, entry in figures.items():
        table.add_row(who, *(f"{entry[name]:.2f}" for name in names))
    return table


def _analogies_table(figures: Result) -> Table:
    table = plain_table(
        f"Analogies, {figures['questions']:,} questions; of gensim the first "
        f"{figures['gensim_questions']:,}",
        ["", "ms a question", "accuracy on the first ones"],
        caption=f"gensim / xw2v: {figures['ratio']:.1f}",
    )
    for who in ("xw2v", "gensim"):
        accuracy = figures[f"{who}_accuracy_on_these"]
        table.add_row(who, f"{1000 * figures[who]:.2f}", f"{100 * accuracy:.2f} %")
    return table


def _index_table(figures: Result) -> Table:
    table = plain_table("Approximate index", ["build, s", "ms a query", "recall of 10"])
    table.add_row(
        f"{figures['build']:.0f}", f"{1000 * figures['query']:.2f}", f"{figures['recall']:.3f}"
    )
    return table


_TABLES: dict[str, Callable[[Result], Table]] = {
    "single": _side_by_side("One query at a time"),
    "batch": _side_by_side("Many queries at once, per query"),
    "loading": _loading_table,
    "analogies": _analogies_table,
    "index": _index_table,
}


def read(path: str | None) -> Result:
    """Return what is in a file that `--output` wrote, if there is one."""
    if path is None or not Path(path).exists():
        return {}
    document: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(document, dict) or set(document) - set(PARTS):
        raise click.UsageError(f"{path} holds something else; nothing was measured")
    return document


@click.command(help=__doc__)
@click.option("--parts", default=",".join(PARTS), show_default=True, help="Which parts.")
@click.option("--words", default=400_000, show_default=True, help="Words of the vocabulary.")
@click.option("--vector-size", default=300, show_default=True)
@click.option("--threads", default="1,2", show_default=True, help="Numbers of BLAS threads.")
@click.option(
    "--repeats", default=20, show_default=True, type=click.IntRange(1), help="Timed runs of each."
)
@click.option("--queries", default=2_000, show_default=True, help="Queries at once.")
@click.option("--gensim-queries", default=100, show_default=True, help="Of which gensim answers.")
@click.option("--analogy-words", default=300_000, show_default=True, help="Words for analogies.")
@click.option(
    "--gensim-questions",
    default=500,
    show_default=True,
    type=click.IntRange(1, 38 * 37),
    help="Questions that gensim answers.",
)
@click.option("--output", type=click.Path(), help="Write the figures to this JSON file.")
@click.option(
    "--earlier", type=click.Path(exists=True), help="Measure nothing; show what --output wrote."
)
def main(
    parts: str,
    words: int,
    vector_size: int,
    threads: str,
    repeats: int,
    queries: int,
    gensim_queries: int,
    analogy_words: int,
    gensim_questions: int,
    output: str | None,
    earlier: str | None,
) -> None:
    if earlier is not None:
        show(read(earlier))
        return
    options = {
        "words": words,
        "vector_size": vector_size,
        "repeats": repeats,
        "queries": queries,
        "gensim_queries": gensim_queries,
        "analogy_words": analogy_words,
    }
    plan = Plan(
        words=words,
        size=vector_size,
        threads=worker_counts(threads),
        repeats=repeats,
        queries=queries,
        gensim_queries=gensim_queries,
        analogy_words=analogy_words,
        gensim_questions=gensim_questions,
    )
    document = read(output)
    for part in chosen_from(parts, PARTS):
        figures = getattr(plan, part)()
        document[part] = {**about(("xw2v", "gensim"), options), "figures": figures}
        write_json(output, document)
    show(document)


if __name__ == "__main__":
    main()

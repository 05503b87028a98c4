"""What the benchmarks share: one measured training run, turns, ratios, and where they were made.

A measurement is a process of its own, pinned to as many cores as it has workers. It trains and
saves a model; this process takes its time and its memory from outside. For every run there are

- ``read``: seconds until training could begin. xw2v turns the text into ids in that time; the
  others only count words and read the text again in every epoch, as part of their training.
- ``train``: seconds of training; with ``words``, the corpus words trained on, it gives words/s.
  xw2v draws the initial weights in that time, gensim before it.
- ``end_to_end``: seconds from the start of the process to its end, so from the text file to a
  model on the disk, interpreter and imports included.
- ``peak_mb``: the most memory that the process and its children held at a time, in 10^6 bytes.
  Memory that processes share is counted once (PSS). It is looked at some 20 times a second.
- ``seed``, and ``alpha``: the learning rate at the start.

The original word2vec.c does not tell its times apart. It runs twice: once for the vocabulary alone,
which is taken as its ``read``, and once for everything, which is ``end_to_end``; ``train`` is the
difference. So its training includes a table of noise words (about a second) and saving.
"""

import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import psutil
from rich import box
from rich.table import Table

Result = dict[str, Any]
Runs = dict[str, list[Result]]  # the runs of each peer
Judge = Callable[[str, Path], Result]

GENSIM_MODES = ("gensim", "gensim-file")
PEERS = ("xw2v", *GENSIM_MODES, "word2vec.c")
OPTIONS = {"vector_size": 100, "window": 5, "negative": 5, "sample": 1e-3, "min_count": 5}

_RUN_VALUES = {"read", "train", "words", "end_to_end", "peak_mb", "seed", "alpha"}
_TRAIN_ONCE = Path(__file__).with_name("train_once.py")
_MEMORY_INTERVAL = 0.05
_MEMORY_SHARE = 1 / 50  # of a core, at most, goes into looking at memory
_PIECE_BYTES = 1 << 20
_LINE_WORDS = 1000


@dataclass(frozen=True)
class Job:
    """One training run: who, on what, how.

    `lines` is the corpus with line ends in it, see `with_lines`; `model` and `output` have the
    values of `xw2v.TrainingConfig`; an `alpha` of None is what the peer takes for that model;
    `extra` are options that only xw2v has; `word2vec` is the binary of word2vec.c.
    """

    peer: str
    corpus: Path
    lines: Path
    options: Mapping[str, float]
    model: str = "skipgram"
    output: str = "negative"
    alpha: float | None = None
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    workers: int = 1
    epochs: int = 1
    seed: int = 1
    word2vec: Path | None = None


def measure(job: Job, judge: Judge | None = None) -> Result:
    """Make one run; `judge` may look at the model before it is deleted."""
    runner = _run_word2vec_c if job.peer == "word2vec.c" else _run_python
    with TemporaryDirectory() as name:
        folder = Path(name)
        result = {"seed": job.seed, **runner(job, folder)}
        return {**result, **(judge(job.peer, folder / "model") if judge else {})}


def take_turns(
    jobs: Mapping[str, Job],
    seeds: Iterable[int],
    report: Callable[[str, Result], None],
    judge: Judge | None = None,
) -> Runs:
    """Measure each job with each of the seeds, one job after the other in turn.

    A machine whose speed drifts does the same to all of them.
    """
    runs: Runs = {name: [] for name in jobs}
    for seed in seeds:
        for name, job in jobs.items():
            result = measure(dataclasses.replace(job, seed=seed), judge)
            report(name, result)
            runs[name].append(result)
    return runs


def rate(run: Result) -> float:
    """Return the words trained per second."""
    return float(run["words"] / run["train"])


def quickness(run: Result) -> float:
    """Return how many such runs, from end to end, a second would hold."""
    return float(1 / run["end_to_end"])


def median(runs: Sequence[Result], value: Callable[[Result], float]) -> float:
    return statistics.median(map(value, runs))


def scores(run: Result) -> list[str]:
    """Return the names of the figures that a judge added to a run."""
    return [name for name in run if name not in _RUN_VALUES]


def line(who: str, run: Result) -> str:
    """Return a run in words."""
    judged = "".join(f", {name} {run[name]:.4f}" for name in scores(run))
    return (
        f"{who}: read {run['read']:.2f} s, {rate(run) / 1e6:.3f}M words/s, "
        f"{run['end_to_end']:.2f} s in all, {run['peak_mb']:.0f} MB{judged}"
    )


def best_gensim(runs: Runs, value: Callable[[Result], float]) -> list[Result]:
    """Return the runs of gensim's faster mode; none if gensim did not run."""
    modes = [runs[mode] for mode in GENSIM_MODES if mode in runs]
    return max(modes, key=lambda mode: median(mode, value), default=[])


def ratio(
    runs: Sequence[Result], others: Sequence[Result], value: Callable[[Result], float]
) -> float | None:
    """Return the median ratio of runs that were neighbours in time; None without any."""
    ratios = [value(one) / value(other) for one, other in zip(runs, others, strict=False)]
    return statistics.median(ratios) if ratios else None


def usable_cores() -> list[int]:
    """Return the numbers of the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def worker_counts(names: str) -> list[int]:
    """Split a list of numbers of workers; every worker is to have a core."""
    counts = [int(count) for count in names.split(",")]
    if max(counts) > len(usable_cores()):
        raise click.UsageError(f"this machine has {len(usable_cores())} cores to use")
    return counts


def with_lines(corpus: Path, folder: Path) -> Path:
    """Return the corpus itself, or if it is one long line, a copy in lines of 1,000 words.

    gensim's ``corpus_file`` mode gives each worker some of the lines, and cuts every line after
    10,000 words.
    """
    with corpus.open("rb") as source:
        if b"\n" in source.read(_PIECE_BYTES).rstrip(b"\n"):
            return corpus
        copy = folder / "lines.txt"
        source.seek(0)
        words: list[bytes] = []
        rest = b""
        with copy.open("wb") as target:
            while piece := source.read(_PIECE_BYTES):
                *some, rest = (rest + piece).split(b" ")
                words += filter(None, some)
                whole = len(words) - len(words) % _LINE_WORDS
                _write_lines(target.write, words[:whole])
                del words[:whole]
            _write_lines(target.write, [*words, *rest.split()])
        return copy


def _write_lines(write: Callable[[bytes], object], words: Sequence[bytes]) -> None:
    for start in range(0, len(words), _LINE_WORDS):
        write(b" ".join(words[start : start + _LINE_WORDS]) + b"\n")


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


def about(peers: Sequence[str], options: Mapping[str, Any]) -> Result:
    """Return where, when and with what a benchmark was run."""
    packages = sorted({peer.split("-")[0] for peer in peers} - {"word2vec.c"})
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": {
            "processor": _processor(),
            "cores": len(usable_cores()),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "python": platform.python_version(),
        "versions": {name: version(name) for name in (*packages, "numpy", "scipy")},
        "options": dict(options),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_json(path: str | None, document: Result) -> None:
    if path is not None:
        Path(path).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def plain_table(title: str, columns: Sequence[str], caption: str | None = None) -> Table:
    """Return a table narrow enough for 80 characters; every column but the first is of numbers."""
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
        show_edge=False,
        pad_edge=False,
    )
    for number, column in enumerate(columns):
        table.add_column(
            column, justify="right" if number else "left", vertical="bottom", no_wrap=True
        )
    return table


def chosen_from(names: str, known: Sequence[str]) -> list[str]:
    """Split a list given on the command line."""
    chosen = names.split(",")
    if unknown := sorted(set(chosen) - set(known)):
        raise click.UsageError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return chosen


def _run_python(job: Job, folder: Path) -> Result:
    order = {**dataclasses.asdict(job), "saved": folder / "model"}
    command = [sys.executable, str(_TRAIN_ONCE), json.dumps(order, default=str)]
    printed, whole = watch(command, job.workers, folder)
    return {**json.loads(printed.splitlines()[-1]), **whole}


def _run_word2vec_c(job: Job, folder: Path) -> Result:
    if job.word2vec is None:
        raise click.UsageError("word2vec.c needs --word2vec PATH")
    # The tool has room for names of 99 bytes; in its own folder they are short.
    (folder / "corpus").symlink_to(job.corpus.resolve())
    options = job.options
    command = [str(job.word2vec.resolve()), "-train", "corpus", "-debug", "0"]
    command += ["-min-count", str(options["min_count"])]
    _, reading = watch([*command, "-save-vocab", "vocabulary"], job.workers, folder)
    skipgram, hierarchical = job.model == "skipgram", job.output == "hierarchical"
    alpha = job.alpha if job.alpha is not None else 0.025 if skipgram else 0.05
    flags = {
        "-output": "model",
        "-size": options["vector_size"],
        "-window": options["window"],
        "-sample": options["sample"],
        "-negative": 0 if hierarchical else options["negative"],
        "-hs": int(hierarchical),
        "-iter": job.epochs,
        "-cbow": int(not skipgram),
        "-threads": job.workers,
        "-alpha": alpha,
        "-binary": 1,
    }
    pairs = [str(part) for flag in flags.items() for part in flag]
    _, whole = watch([*command, *pairs], job.workers, folder)
    return {
        "read": reading["end_to_end"],
        "train": whole["end_to_end"] - reading["end_to_end"],
        "words": _count_words(folder / "vocabulary") * job.epochs,
        "alpha": alpha,
        **whole,
    }


def _count_words(vocabulary: Path) -> int:
    """Add the counts of a vocabulary that word2vec.c wrote; line ends, its first word, are none."""
    _, *lines = vocabulary.read_bytes().splitlines()
    return sum(int(line.rsplit(b" ", 1)[1]) for line in lines)


def watch(command: Sequence[str], workers: int, folder: Path) -> tuple[str, Result]:
    """Run a command; return what it printed, how long it took and how much memory."""
    threads = str(workers)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    with _pinned(workers):
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )
    memory = _PeakMemory(process.pid)
    memory.start()
    printed, errors = process.communicate()
    seconds = time.perf_counter() - began
    memory.stop()
    if process.returncode:
        raise click.ClickException(f"{Path(command[0]).name} failed:\n{errors or printed}")
    return printed, {"end_to_end": seconds, "peak_mb": memory.peak / 1e6}


@contextmanager
def _pinned(count: int) -> Iterator[None]:
    """Pin what is started meanwhile to the first `count` cores, where the system can."""
    cores = usable_cores()
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    os.sched_setaffinity(0, cores[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


class _PeakMemory(threading.Thread):
    """Looks again and again at the memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._process = psutil.Process(pid)
        self._ended = threading.Event()

    def run(self) -> None:
        """Keep the largest figure until told to stop."""
        pause = 0.0
        while not self._ended.wait(pause):
            began = time.perf_counter()
            self.peak = max(self.peak, _tree_bytes(self._process))
            pause = max(_MEMORY_INTERVAL, (time.perf_counter() - began) / _MEMORY_SHARE)

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self.join()


def _tree_bytes(process: psutil.Process) -> int:
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(map(_process_bytes, tree))


def _process_bytes(process: psutil.Process) -> int:
    """Return what a process holds, its part of shared memory included where the system says."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:  # it has ended
        return 0
    return int(getattr(memory, "pss", memory.uss))

r"""A GPU: how fast it trains, where its time goes, how it compares with the CPU beside it.

speed: one epoch, in this process, for batch sizes and dimensions in turn, after a first run that
compiles what there is to compile; words/s are corpus words over the seconds of training, until all
is done on the GPU. Beside it the most memory that was taken from the GPU.

cpu: the same epoch with the CPU of this machine, all of its cores, and the ratio.

steps: a batch at a time, of the size that the device takes by default: how long the program needs
to launch its plan and its steps, how long the GPU needs to make them, and what gathering, products,
the work on logits and scattering take by themselves. Beside it what the batch must move and
compute, counted from its shapes, and how fast this GPU moves, multiplies and is launched, measured
here with large arrays and with small ones.

quality: five epochs, three seeds, with the batch of the GPU and with that of the CPU; analogies and
word pairs, if their files are given.

whole: from the text file to saved vectors in a fresh process, five epochs: reading, training (with
the copies to and from the GPU), saving, and all of it with Python's start.

CORPUS may be what `xw2v encode` made, which is not read as text, so "read" counts for little then.
With --device cpu it all runs without a GPU, to see that it runs.

    python benchmarks/cuda.py enwiki8 --analogies questions-words.txt --pairs wordsim353.tsv \
        --output cuda-DATE.json
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from judging import evaluate
from measuring import (
    OPTIONS,
    Job,
    Result,
    about,
    chosen_from,
    measure,
    plain_table,
    scores,
    usable_cores,
    write_json,
)
from rich.console import Console

from xw2v import TrainingConfig
from xw2v.backend import CudaDevice, Device, get_device
from xw2v.errors import XW2VError
from xw2v.kernel import Batch, damped_rates, gather, joined, scatter_add, train_step
from xw2v.kernel.heads import logistic_residual
from xw2v.sampling import keep_thresholds, sample_chunk
from xw2v.text import EncodedCorpus, TextOptions, Vocabulary, encode_any
from xw2v.training import train
from xw2v.training.choices import choose_batch_words, choose_layout
from xw2v.training.plan import CHUNK_WORDS

PARTS = ("speed", "cpu", "steps", "quality", "whole")
SEEDS = (1, 2, 3)
EPOCHS = 5

Array = Any


@dataclass(frozen=True)
class Bench:
    """What to measure on.

    Parameters
    ----------
    path : Path
        The text.
    vocabulary, corpus
        What was read of it.
    device : Device
    batch_words, vector_sizes : sequence of int
        To be tried in turn.
    repeats : int
    analogies, pairs : path, or tuple of paths
        For quality.
    restrict_vocab : int
        Words that analogies are asked among.
    """

    path: Path
    vocabulary: Vocabulary
    corpus: EncodedCorpus
    device: Device
    batch_words: Sequence[int]
    vector_sizes: Sequence[int]
    repeats: int
    analogies: str | None
    pairs: tuple[str, ...]
    restrict_vocab: int

    def config(self, **options: Any) -> TrainingConfig:
        """Return the configuration of an epoch on the device, but for some options."""
        return TrainingConfig(**{**OPTIONS, "epochs": 1, "device": self.device.name, **options})

    def speed(self) -> Result:
        """Time an epoch for every batch size and dimension."""
        words = min(self.corpus.n_words, 200_000)
        starts = self.corpus.starts[self.corpus.starts < words]
        first = EncodedCorpus(self.corpus.ids[:words], np.append(starts, words), words)
        train(first, self.vocabulary, self.config())
        return {
            str(size): {
                str(batch): self._epoch(self.config(vector_size=size, batch_words=batch))
                for batch in self.batch_words
            }
            for size in self.vector_sizes
        }

    def cpu(self) -> Result:
        """Time an epoch on the CPU, and one on the GPU as it is by default, in turns."""
        runs: dict[str, list[Result]] = {"cpu": [], "device": []}
        for _ in range(self.repeats):
            runs["cpu"].append(self._epoch(self.config(device="cpu")))
            runs["device"].append(self._epoch(self.config()))
        pairs = zip(runs["device"], runs["cpu"], strict=True)
        ratios = [one["words_per_second"] / other["words_per_second"] for one, other in pairs]
        return {**runs, "ratio": statistics.median(ratios)}

    def _epoch(self, config: TrainingConfig) -> Result:
        result = train(self.corpus, self.vocabulary, config)
        return {
            "words_per_second": result.words / result.seconds,
            "seconds": result.seconds,
            "device_memory": result.device_memory,
            "last_loss": result.losses[-1].loss if result.losses else None,
        }

    def steps(self) -> Result:
        """Time what a batch is made of."""
        figures: Result = {"ceilings": ceilings(self.device)}
        for size in self.vector_sizes:
            config = self.config(vector_size=size)
            figures[str(size)] = _steps(self, config)
        return figures

    def quality(self) -> Result:
        """Train with the batches of the GPU, and with those of the CPU, and judge the vectors."""
        if self.analogies is None and not self.pairs:
            raise click.UsageError("quality needs --analogies, --pairs or both")

        def judge(peer: str, model: Path) -> Result:
            return evaluate(peer, model, self.analogies, self.pairs, self.restrict_vocab)

        runs: dict[str, list[Result]] = {"device": [], "cpu": []}
        for seed in SEEDS:
            for who, name in (("device", self.device.name), ("cpu", "cpu")):
                job = replace(self._job(name), seed=seed, epochs=EPOCHS)
                runs[who].append(measure(job, judge))
        return runs

    def whole(self) -> Result:
        """Time a fresh process."""
        runs = [measure(self._job(self.device.name)) for _ in range(self.repeats)]
        for run in runs:
            run["rest"] = run["end_to_end"] - run["read"] - run["train"]
        return {"runs": runs}

    def _job(self, device: str) -> Job:
        return Job(
            peer="xw2v",
            corpus=self.path.resolve(),
            lines=self.path.resolve(),
            options=OPTIONS,
            extra={"device": device},
            workers=len(usable_cores()),
            epochs=EPOCHS,
        )


def _steps(bench: Bench, config: TrainingConfig) -> Result:
    device, xp = bench.device, bench.device.xp
    thresholds = keep_thresholds(bench.vocabulary.counts, config.sample)
    kept = int(bench.vocabulary.counts @ (thresholds / 2**31))
    words = choose_batch_words(config, device, kept)
    layout = choose_layout(config, bench.vocabulary.counts, device, words)
    chunk = sample_chunk(
        bench.corpus,
        0,
        min(CHUNK_WORDS, bench.corpus.n_words),
        thresholds=device.asarray(thresholds),
        window=config.window,
        shrink_windows=config.shrink_windows,
        seed=1,
        epoch=0,
    )
    n_words, size = len(bench.vocabulary), config.vector_size
    w_in, w_out = (xp.full((n_words, size), 1e-3, dtype=xp.float32) for _ in range(2))

    def plans() -> Iterator[Batch]:
        for planned in layout.batches(chunk, words, 1, 0, 0):
            if planned.parts == layout.parts(words):
                yield joined(planned.batches)

    batches = list(islice(plans(), 8))
    if not batches:
        raise click.ClickException("the text is too short for a whole batch")
    batch = batches[0]

    def plan() -> None:
        for _ in plans():
            pass

    def step() -> None:
        for one in batches:
            train_step(w_in, w_out, one, alpha=1e-6)

    n_plans = sum(1 for _ in plans())
    positives, negatives = batch.terms
    ids = xp.concat([xp.reshape(term.targets, (-1,)) for term in batch.terms])
    weights = xp.concat([xp.reshape(term.target_weights, (-1,)) for term in batch.terms])
    rows = gather(w_out, ids)
    x = xp.reshape(gather(w_in, batch.inputs), (positives.targets.shape[0], -1, size))
    y = xp.reshape(gather(w_out, positives.targets), (*positives.targets.shape, size))
    z = xp.matmul(x, xp.matrix_transpose(y))
    g = logistic_residual(z, 1.0, positives.weights)
    phases = {
        "gather": lambda: (gather(w_in, batch.inputs), gather(w_out, ids)),
        "products with contexts": lambda: (
            xp.matmul(x, xp.matrix_transpose(y)),
            xp.matmul(g, y),
            xp.matmul(xp.matrix_transpose(g), x),
        ),
        "logits of contexts": lambda: logistic_residual(z, 1.0, positives.weights),
        "rates": lambda: damped_rates(ids, weights, n_words, 1e-6, 0.2),
        "scatter of targets": lambda: scatter_add(w_out, ids, rows, weights * 1e-9),
    }
    n_rows = int(batch.inputs.shape[0]) + int(ids.shape[0])
    logits = math.prod(z.shape) + math.prod(negatives.targets.shape) * (
        int(batch.inputs.shape[0]) // int(negatives.targets.shape[0])
    )
    launched, made = timed(plan, w_in, bench.repeats)
    step_launched, step_made = timed(step, w_in, bench.repeats)
    return {
        "batch_words": words,
        "rows": n_rows,
        "logits": logits,
        # Every row is read and written by gathering, read by two products, written by one, and
        # read, and added to, by scattering; every logit is written, changed, and read twice.
        "must_move_mb": (7 * n_rows * size + 5 * logits) * 4 / 1e6,
        "must_compute_gflop": 6 * logits * size / 1e9,
        "plan_launched_ms": 1e3 * launched / n_plans,
        "plan_made_ms": 1e3 * made / n_plans,
        "step_launched_ms": 1e3 * step_launched / len(batches),
        "step_made_ms": 1e3 * step_made / len(batches),
        "phases_ms": {
            name: 1e3 * timed(phase, w_in, bench.repeats)[1] for name, phase in phases.items()
        },
    }


def timed(call: Callable[[], object], marker: Array, repeats: int) -> tuple[float, float]:
    """Return the median seconds until a call returns, and until the device has done its work."""
    call()
    launched, made = [], []
    for _ in range(max(3, repeats)):
        wait(marker)
        began = time.perf_counter()
        call()
        launched.append(time.perf_counter() - began)
        wait(marker)
        made.append(time.perf_counter() - began)
    return statistics.median(launched), statistics.median(made)


def wait(array: Array) -> None:
    """Wait until the device has done what it was asked."""
    float(array[(0,) * array.ndim])


def ceilings(device: Device) -> Result:
    """Measure how fast the device moves, multiplies, and is launched."""
    xp = device.xp
    is_gpu = isinstance(device, CudaDevice)
    n, side, calls = (1 << 28, 8192, 2000) if is_gpu else (1 << 24, 1024, 200)
    long = xp.zeros(n, dtype=xp.float32)
    square = xp.full((side, side), 1e-4, dtype=xp.float32)
    small = xp.zeros(1, dtype=xp.float32)
    blocks, other = (xp.full((2048, t, 100), 1e-3, dtype=xp.float32) for t in (16, 26))

    def launch() -> None:
        for _ in range(calls):
            xp.add(small, small)

    _, move = timed(lambda: xp.add(long, long), small, 5)
    _, multiply = timed(lambda: xp.matmul(square, square), small, 5)
    _, batched = timed(lambda: xp.matmul(blocks, xp.matrix_transpose(other)), small, 20)
    launched, _ = timed(launch, small, 5)
    return {
        "gb_per_second": 2 * 4 * n / move / 1e9,
        "tflops": 2 * side**3 / multiply / 1e12,
        "tflops_of_blocks": 2 * 2048 * 16 * 26 * 100 / batched / 1e12,
        "us_a_launch": 1e6 * launched / calls,
    }


def show(console: Console, document: Result) -> None:
    for part in PARTS:
        if part in document:
            _SHOW[part](console, document[part]["figures"])
            console.print()


def _show_speed(console: Console, figures: Result) -> None:
    batches = list(next(iter(figures.values())))
    table = plain_table(
        "Million words/s, one epoch", ["dimensions \\ batch", *(f"{int(b):,}" for b in batches)]
    )
    for size, row in figures.items():
        table.add_row(size, *(f"{row[b]['words_per_second'] / 1e6:.2f}" for b in batches))
    console.print(table)
    held = [run["device_memory"] for row in figures.values() for run in row.values()]
    if any(held):
        console.print(f"at most {max(filter(None, held)) / 1e6:,.0f} MB of the GPU")


def _show_cpu(console: Console, figures: Result) -> None:
    table = plain_table("Beside the CPU", ["", "million words/s"])
    for who in ("device", "cpu"):
        rates = [run["words_per_second"] for run in figures[who]]
        table.add_row(who, f"{statistics.median(rates) / 1e6:.2f}")
    console.print(table, f"ratio {figures['ratio']:.1f}")


def _show_steps(console: Console, figures: Result) -> None:
    top = figures["ceilings"]
    console.print(
        f"It moves {top['gb_per_second']:,.0f} GB/s, computes {top['tflops']:.1f} TFLOP/s in a "
        f"large product and {top['tflops_of_blocks']:.2f} in those of blocks, and takes "
        f"{top['us_a_launch']:.1f} us to be told to do something."
    )
    for size, one in figures.items():
        if size == "ceilings":
            continue
        table = plain_table(
            f"A batch of {one['batch_words']:,} words, {size} dimensions", ["", "ms"]
        )
        moved = one["must_move_mb"] / top["gb_per_second"]
        computed = one["must_compute_gflop"] / top["tflops"]
        table.add_row(f"moving {one['must_move_mb']:,.0f} MB at that speed", f"{moved:.3f}")
        table.add_row(f"{one['must_compute_gflop']:.2f} GFLOP at that speed", f"{computed:.3f}")
        for name in ("plan_launched", "plan_made", "step_launched", "step_made"):
            table.add_row(name.replace("_", " "), f"{one[f'{name}_ms']:.3f}")
        for name, ms in one["phases_ms"].items():
            table.add_row(f"  {name}", f"{ms:.3f}")
        console.print(table)


def _show_quality(console: Console, figures: Result) -> None:
    names = scores(figures["device"][0])
    table = plain_table("Quality, mean and standard deviation of seeds", ["", *names])
    for who, runs in figures.items():
        values = [[run[name] for run in runs] for name in names]
        table.add_row(
            who, *(f"{statistics.mean(v):.3f} ± {statistics.stdev(v):.3f}" for v in values)
        )
    console.print(table)


def _show_whole(console: Console, figures: Result) -> None:
    names = ("read", "train", "rest", "end_to_end")
    table = plain_table(f"From text to saved vectors, {EPOCHS} epochs, s", names)
    for run in figures["runs"]:
        table.add_row(*(f"{run[name]:.2f}" for name in names))
    console.print(table)


_SHOW: dict[str, Callable[[Console, Result], None]] = {
    "speed": _show_speed,
    "cpu": _show_cpu,
    "steps": _show_steps,
    "quality": _show_quality,
    "whole": _show_whole,
}


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.option("--parts", default=",".join(PARTS), show_default=True, help="Which parts.")
@click.option("--device", default="cuda", show_default=True)
@click.option("--batch-words", default="4096,8192,16384,32768,65536,131072", show_default=True)
@click.option("--vector-sizes", default="100,128,300", show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--analogies", type=click.Path(exists=True), help="Questions, for quality.")
@click.option("--pairs", type=click.Path(exists=True), multiple=True, help="Judgments, likewise.")
@click.option("--restrict-vocab", default=30_000, show_default=True, help="For analogies.")
@click.option("--output", type=click.Path(), help="Write all figures as JSON, after each part.")
def main(
    corpus: Path,
    parts: str,
    device: str,
    batch_words: str,
    vector_sizes: str,
    repeats: int,
    analogies: str | None,
    pairs: tuple[str, ...],
    restrict_vocab: int,
    output: str | None,
) -> None:
    chosen = chosen_from(parts, PARTS)
    if "quality" in chosen and analogies is None and not pairs:
        chosen.remove("quality")
    try:
        found = get_device(device)
    except XW2VError as error:
        raise click.ClickException(str(error)) from error
    console = Console(width=100)
    text = encode_any(corpus, TextOptions(), min_count=int(OPTIONS["min_count"]))
    encoded = text.corpus
    bench = Bench(
        path=corpus,
        vocabulary=text.vocabulary,
        corpus=encoded,
        device=found,
        batch_words=_numbers(batch_words),
        vector_sizes=_numbers(vector_sizes),
        repeats=repeats,
        analogies=analogies,
        pairs=pairs,
        restrict_vocab=restrict_vocab,
    )
    options = {"corpus": corpus.name, "words": encoded.n_words, "repeats": repeats, **OPTIONS}
    document: Result = {**about(("xw2v",), options), "device": _about_device(found)}
    for part in chosen:
        document[part] = {"figures": getattr(bench, part)()}
        write_json(output, document)
        show(console, {part: document[part]})


def _about_device(device: Device) -> Result:
    if not isinstance(device, CudaDevice):
        return {"device": device.name}
    gpu = device.cuda.gpus()[device.number]
    cuda = device.cuda
    return {
        "device": device.name,
        "name": gpu.name,
        "memory": gpu.memory,
        "cupy": cuda.version,
        "cuda": cuda.runtime,
        "driver": cuda.driver,
    }


if __name__ == "__main__":
    main()

r"""What checkpoints cost: seconds to write and to read one, and the speed of runs that write them.

cost: checkpoints of made-up models, each written and read a few times; hashing, and waiting until
all is on the disk, are part of it.

runs: training on a text for an epoch, with a checkpoint each so many words and with none; every run
is a process of its own, and they take turns. Speed is that of training alone.

    python benchmarks/checkpoints.py enwiki8 --output checkpoints-DATE.json
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import numpy as np
from measuring import OPTIONS, Result, about, plain_table, write_json
from rich.console import Console

from xw2v import TrainingConfig
from xw2v.formats import SavedModel, load_model
from xw2v.formats.checkpoints import Checkpoint, load_checkpoint, write_checkpoint
from xw2v.kernel import Adam

_SIZES = ((70_000, 100), (200_000, 300))
_EVERY = (None, "10000000", "1000000")


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--parts", default="cost,runs", show_default=True, help="Which parts to run.")
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--output", type=click.Path(), help="Write all figures as JSON.")
def main(corpus: Path, parts: str, repeats: int, workers: int, output: str | None) -> None:
    console = Console(width=100)
    document = about(("xw2v",), OPTIONS)
    with TemporaryDirectory() as folder:
        if "cost" in parts:
            document["cost"] = cost(console, Path(folder), repeats)
        if "runs" in parts:
            document["runs"] = runs(console, corpus, Path(folder), repeats, workers)
    write_json(output, document)


def cost(console: Console, folder: Path, repeats: int) -> list[Result]:
    table = plain_table(
        "Seconds for one checkpoint", ("words x dimensions", "optimizer", "MB", "write", "read")
    )
    results = []
    for n_words, size in _SIZES:
        for optimizer in ("sgd", "adam"):
            checkpoint = made_up(n_words, size, optimizer)
            seconds: dict[str, list[float]] = {"write": [], "read": []}
            for _ in range(repeats):
                began = time.perf_counter()
                path = write_checkpoint(folder / f"{n_words}-{optimizer}", checkpoint)
                seconds["write"].append(time.perf_counter() - began)
                began = time.perf_counter()
                load_checkpoint(path)
                seconds["read"].append(time.perf_counter() - began)
            n_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            results.append(
                {
                    "words": n_words,
                    "vector_size": size,
                    "optimizer": optimizer,
                    "bytes": n_bytes,
                    **seconds,
                }
            )
            times = [f"{median(values):.2f}" for values in seconds.values()]
            table.add_row(f"{n_words:,} x {size}", optimizer, f"{n_bytes / 1e6:.0f}", *times)
    console.print(table)
    return results


def made_up(n_words: int, size: int, optimizer: str) -> Checkpoint:
    rng = np.random.default_rng(1)
    tables = {
        name: rng.standard_normal((n_words, size), dtype=np.float32) for name in ("input", "output")
    }
    arrays = {}
    if optimizer == "adam":
        for name, table in tables.items():
            for kind in Adam.state_names:
                shape = table.shape[:1] if kind == "steps" else table.shape
                arrays[f"{name}.{kind}"] = rng.standard_normal(shape, dtype=np.float32)
    model = SavedModel(
        words=[f"word{number}" for number in range(n_words)],
        counts=np.arange(n_words, 0, -1),
        input_vectors=tables["input"],
        output_vectors=tables["output"],
        config=TrainingConfig(vector_size=size),
        corpus={},
        loss_history=(),
    )
    return Checkpoint(model, arrays, {})


def runs(
    console: Console, corpus: Path, folder: Path, repeats: int, workers: int
) -> dict[str, list[float]]:
    """Return the words/s of every run."""
    speeds: dict[str, list[float]] = {str(every): [] for every in _EVERY}
    for _ in range(repeats):
        for every in _EVERY:
            model = folder / "model"
            options = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
            options += [f"--workers={workers}", "--epochs=1", "--overwrite", "--quiet"]
            options += [] if every is None else [f"--checkpoint-every={every}"]
            command = [sys.executable, "-m", "xw2v", "train", str(corpus), "-o", str(model)]
            subprocess.run([*command, *options], check=True)
            notes = load_model(model).corpus
            speeds[str(every)].append(notes["words"] / notes["training_seconds"])
    table = plain_table(
        f"{workers} worker{'s' * (workers > 1)}",
        ("a checkpoint each", "words/s", "of that without"),
    )
    for name, values in speeds.items():
        share = median(values) / median(speeds["None"])
        words = "none" if name == "None" else f"{int(name) / 1e6:.0f}M words"
        table.add_row(words, f"{median(values):,.0f}", f"{share:.1%}")
    console.print(table)
    return speeds


if __name__ == "__main__":
    main()

"""`xw2v map`: the words of a model as a page for a browser.

The help names two other tools that draw such maps, and how they read our files: TensorBoard's
projector (tried with 2.21) and Embedding Atlas (0.26).
"""

from pathlib import Path
from typing import Any, get_args

import click
from rich import progress as bars
from rich.console import Console

from xw2v.cli.loading import load_vectors, model_argument, vectors_option
from xw2v.cli.output import check_new_file, count
from xw2v.config import Vectors
from xw2v.maps import make_map, require_library, write_map
from xw2v.projection import Method, check_method

__all__ = ["map"]

_STEPS = {
    "layout": "laying out",
    "clusters": "finding clusters",
    "neighbors": "finding neighbors",
}


@click.command("map")
@model_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page to write, such as map.html.",
)
@click.option(
    "--words",
    type=click.IntRange(min=1),
    default=50_000,
    metavar="N",
    show_default=True,
    help="Show the N most frequent words.",
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="pca",
    show_default=True,
    help="How to lay them out. umap and tsne show small groups of similar words; they need "
    'pip install "xw2v[umap]". With 100 dimensions umap took 2 minutes for 50,000 words; tsne '
    "took 74 seconds for 10,000 on two cores, and takes far longer for 50,000: choose fewer by "
    "--words.",
)
@click.option(
    "--clusters",
    type=click.IntRange(min=1, max=100),
    default=12,
    metavar="K",
    show_default=True,
    help="How many groups of words to color, up to 100.",
)
@vectors_option
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
def map(  # noqa: A001
    model: Path,
    output: Path,
    words: int,
    method: Method,
    clusters: int,
    vectors: Vectors | None,
    overwrite: bool,
) -> None:
    """Draw the words as a map in a page for the browser.

    The page is one file that needs no server and no network: open it from the disk, or send it
    to somebody. In it one can search words, move and zoom, and see for every word its ten
    nearest neighbors by all dimensions; it can be used by the keyboard alone. It needs
    pip install "xw2v[map]".

    Other tools can draw such maps, too. TensorBoard's projector: xw2v convert MODEL DIR --to
    tensorboard; then tensorboard --logdir DIR, and in the browser localhost:6006/#projector.
    Embedding Atlas: xw2v convert MODEL words.parquet, with the columns word, count and vector;
    then embedding-atlas words.parquet --text word --vector vector.
    """
    require_library()
    check_method(method)
    check_new_file(output, overwrite)
    wv = load_vectors(model, vectors)
    console = Console(stderr=True, highlight=False)
    with bars.Progress(
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)

        def on_step(name: str, percent: float) -> None:
            total: Any = 100 if percent else None
            bar.update(task, description=_STEPS[name], completed=percent, total=total)

        drawn = make_map(wv, words=words, method=method, clusters=clusters, on_step=on_step)
        size = write_map(drawn, output, title=model.resolve().name)
    shown = count(len(drawn.words), "word")
    click.echo(f"{shown}, {drawn.layout}: {output} ({size / 1e6:.1f} MB)")

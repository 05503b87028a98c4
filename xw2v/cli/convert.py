"""`xw2v convert`: vectors from one format to another."""

from pathlib import Path

import click

from xw2v.cli.hyperparameters import HYPERPARAMETERS
from xw2v.cli.loading import vectors_option
from xw2v.cli.output import count
from xw2v.config import Vectors
from xw2v.errors import ConfigError, ModelFileError
from xw2v.formats import READABLE, WRITABLE, format_of_name
from xw2v.formats.vector_files import convert_vectors

__all__ = ["convert"]


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "from_format",
    type=click.Choice(READABLE),
    show_default="by its content",
    help="The format of IN.",
)
@click.option(
    "--to",
    "to_format",
    type=click.Choice(WRITABLE),
    show_default="by its name",
    help="The format of OUT.",
)
@vectors_option
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def convert(
    source: Path,
    target: Path,
    from_format: str | None,
    to_format: str | None,
    vectors: Vectors | None,
    overwrite: bool,
) -> None:
    """Write vectors in another format.

    IN is a model, or vectors in a format that other tools write: word2vec's text and binary ones,
    GloVe's, fastText's .vec, Parquet, a directory of NumPy arrays. OUT ends in .txt or .vec
    (word2vec text), .bin (word2vec binary), .glove, .parquet; numpy and tensorboard make a
    directory. A name that ends in .gz as well is compressed. Pickles are never loaded.

    From a model, numpy makes W_in.npy, W_out.npy, word_to_id.json, id_to_word.json, config.json
    and loss_history.npy; with --vectors, only W_in.npy of these vectors and the words.
    """
    try:
        chosen = to_format or format_of_name(target)
    except ConfigError as error:
        raise ConfigError(str(error).replace("name a format:", "use --to:")) from error
    if target.exists() and not overwrite and not target.is_dir():
        raise ModelFileError(f"{target} exists already; choose another name or use --overwrite")
    with HYPERPARAMETERS.named():
        found = convert_vectors(
            source,
            target,
            from_format=from_format,
            to_format=chosen,
            vectors=vectors,
            overwrite=overwrite,
        )
    words = count(len(found.index_to_key), "word")
    click.echo(f"{words}, {found.vector_size} dimensions: {target} ({chosen})")

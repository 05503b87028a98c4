"""`xw2v evaluate`: analogy questions and human similarity judgments."""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xw2v.atomic import replacing_file
from xw2v.cli.loading import device_option, load_vectors, method_option, vectors_option
from xw2v.cli.output import check_new_file, json_document, json_option, print_json
from xw2v.cli.scores import (
    Evaluated,
    Settings,
    differences_record,
    model_record,
    print_all,
    print_one,
)
from xw2v.config import Vectors
from xw2v.errors import ConfigError
from xw2v.vectors import (
    PairScores,
    WordPair,
    WordVectors,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)
from xw2v.vectors.evaluation import Comparison, Method, compare_analogies, compare_pairs

__all__ = ["evaluate"]

_RESTRICT_VOCAB = inspect.signature(score_analogies).parameters["restrict_vocab"].default
_RESAMPLES = inspect.signature(compare_pairs).parameters["resamples"].default


@click.command()
@click.argument(
    "models", metavar="MODEL...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--analogies",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Analogy questions, in the format of questions-words.txt.",
)
@click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Lines of two words and how similar people find them, like WordSim-353 and SimLex-999; "
    "may be repeated.",
)
@method_option
@click.option(
    "--restrict-vocab",
    type=click.IntRange(min=1),
    default=_RESTRICT_VOCAB,
    metavar="N",
    show_default=True,
    help="Ask analogies among the N most frequent words only; pairs are of all words always.",
)
@click.option("--case-sensitive", is_flag=True, help="Tell upper from lower case.")
@click.option(
    "--dummy4unknown",
    is_flag=True,
    help="Count questions with an unknown word as wrong, and pairs as of similarity 0, in place "
    "of leaving them out.",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=1),
    default=_RESAMPLES,
    metavar="N",
    show_default=True,
    help="Samples of the bootstrap, with several models.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    show_default=True,
    help="Of the random numbers of the bootstrap.",
)
@vectors_option
@device_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the figures to a JSON file as well.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file of --output if it is there.")
@json_option
def evaluate(
    models: tuple[Path, ...],
    analogies: Path | None,
    pairs: tuple[Path, ...],
    method: Method,
    restrict_vocab: int,
    case_sensitive: bool,
    dummy4unknown: bool,
    resamples: int,
    seed: int,
    vectors: Vectors | None,
    device: str,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score a model on analogies and on human judgments.

    Analogies: the share of the questions answered correctly. Sections whose names begin with gram
    are syntactic, the others semantic, as in questions-words.txt. Pairs: how the similarities of
    the model correlate with those that people gave. Questions and pairs with a word that the
    model does not know are left out and counted.

    Several models are compared with the first, with confidence intervals by a bootstrap over
    questions and pairs; differences are about those that all models know.
    """
    if analogies is None and not pairs:
        raise click.UsageError("nothing to evaluate: give --analogies FILE, --pairs FILE or both")
    if output is not None:
        check_new_file(output, overwrite)
    sections = None if analogies is None else parse_analogies(analogies)
    judgments = [parse_pairs(path) for path in pairs]
    settings = Settings(analogies, pairs, dummy4unknown, resamples)

    def evaluated(model: Path) -> Evaluated:
        wv = load_vectors(model, vectors, device)
        answers = sections and score_analogies(
            wv, sections, restrict_vocab, not case_sensitive, dummy4unknown, method
        )
        correlations = tuple(
            _correlate(wv, model, path, judged, not case_sensitive, dummy4unknown)
            for path, judged in zip(pairs, judgments, strict=True)
        )
        return Evaluated(model, len(wv), answers or None, correlations)

    # One after another: the vectors of the last one are gone when the next is read.
    found = [evaluated(model) for model in models]
    options = {"case_sensitive": case_sensitive, "dummy4unknown": dummy4unknown}
    if len(found) == 1:
        document = {**model_record(found[0], settings), **options}
    else:
        answered = [one.analogies for one in found if one.analogies is not None]
        by_analogies = compare_analogies(answered, resamples, seed) if answered else None
        by_pairs = [
            compare_pairs(judged, [one.pairs[i] for one in found], resamples, seed)
            for i, judged in enumerate(judgments)
        ]
        document = {
            "models": [model_record(one, settings) for one in found],
            **_comparisons(models, settings, by_analogies, by_pairs),
            "bootstrap": {"confidence": 0.95, "resamples": resamples, "seed": seed},
            **options,
        }
    if output is not None:
        with replacing_file(output) as file:
            file.write(f"{json_document(document)}\n".encode())
    if as_json:
        print_json(document)
    elif len(found) == 1:
        print_one(found[0], settings)
    else:
        print_all(found, settings, by_analogies, by_pairs)


def _correlate(
    wv: WordVectors,
    model: Path,
    path: Path,
    judged: Sequence[WordPair],
    ignore_case: bool,
    dummy4unknown: bool,
) -> PairScores:
    try:
        return score_pairs(wv, judged, None, ignore_case, dummy4unknown)
    except ConfigError as error:
        raise ConfigError(f"{model} cannot be evaluated on {path}: {error}") from error


def _comparisons(
    models: Sequence[Path],
    settings: Settings,
    analogies: Comparison | None,
    pairs: Sequence[Comparison],
) -> Mapping[str, Any]:
    record: dict[str, Any] = {}
    if analogies is not None:
        file = str(settings.analogies)
        record["analogies"] = {"file": file, **differences_record(analogies, models)}
    record["pairs"] = [
        {"file": str(path), **differences_record(comparison, models)}
        for path, comparison in zip(settings.pairs, pairs, strict=True)
    ]
    return record

"""`xw2v evaluate`: analogy questions and human similarity judgments."""

import inspect
from pathlib import Path

import click

from xw2v.cli.loading import load_vectors, model_argument, vectors_option
from xw2v.cli.output import count, json_option, print_json, print_table
from xw2v.config import Vectors
from xw2v.vectors import (
    AnalogyScores,
    Correlation,
    PairScores,
    parse_analogies,
    parse_pairs,
    score_analogies,
    score_pairs,
)

__all__ = ["evaluate"]

_RESTRICT_VOCAB = inspect.signature(score_analogies).parameters["restrict_vocab"].default


@click.command()
@model_argument
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
@click.option(
    "--restrict-vocab",
    type=click.IntRange(min=1),
    default=_RESTRICT_VOCAB,
    metavar="N",
    show_default=True,
    help="Ask analogies among the N most frequent words only; pairs are of all words always.",
)
@click.option("--case-sensitive", is_flag=True, help="Tell upper from lower case.")
@vectors_option
@json_option
def evaluate(
    model: Path,
    analogies: Path | None,
    pairs: tuple[Path, ...],
    restrict_vocab: int,
    case_sensitive: bool,
    vectors: Vectors | None,
    as_json: bool,
) -> None:
    """Score a model on analogies and on human judgments.

    Analogies: the share of the questions answered correctly. Pairs: how the similarities of the
    model correlate with those that people gave. Questions and pairs with a word that the model
    does not know are left out and counted.
    """
    if analogies is None and not pairs:
        raise click.UsageError("nothing to evaluate: give --analogies FILE, --pairs FILE or both")
    sections = None if analogies is None else parse_analogies(analogies)
    judgments = [parse_pairs(path) for path in pairs]

    wv = load_vectors(model, vectors)
    ignore_case = not case_sensitive
    answers = sections and score_analogies(wv, sections, restrict_vocab, ignore_case)
    correlations = [score_pairs(wv, judged, None, ignore_case) for judged in judgments]

    if as_json:
        document: dict[str, object] = {"model": str(model), "case_sensitive": case_sensitive}
        if answers:
            document["analogies"] = {"file": str(analogies), **_analogies_record(answers)}
        document["pairs"] = [
            {"file": str(path), **_pairs_record(scores)}
            for path, scores in zip(pairs, correlations, strict=True)
        ]
        print_json(document)
        return
    if answers:
        among = min(restrict_vocab, len(wv))
        click.echo(f"Analogies: {analogies}, among the {among:,} most frequent words")
        _print_analogies(answers)
    if answers and correlations:
        click.echo()
    if correlations:
        click.echo("Pairs: correlation of cosine similarities with human judgments")
        _print_pairs(pairs, correlations)


def _analogies_record(scores: AnalogyScores) -> dict[str, object]:
    sections = [
        {
            "name": section.name,
            "correct": len(section.correct),
            "total": section.total,
            "accuracy": section.accuracy,
        }
        for section in scores.sections
    ]
    return {
        "restrict_vocab": scores.restrict_vocab,
        "correct": scores.correct,
        "total": scores.total,
        "accuracy": scores.accuracy,
        "out_of_vocabulary": scores.out_of_vocabulary,
        "sections": sections,
    }


def _pairs_record(scores: PairScores) -> dict[str, object]:
    return {
        "spearman": scores.spearman._asdict(),
        "pearson": scores.pearson._asdict(),
        "used": scores.used,
        "out_of_vocabulary": scores.out_of_vocabulary,
    }


def _print_analogies(scores: AnalogyScores) -> None:
    rows = [(s.name, len(s.correct), s.total, s.accuracy) for s in scores.sections]
    rows.append(("total", scores.correct, scores.total, scores.accuracy))
    print_table(
        ["section", ">correct", ">questions", ">accuracy"],
        [
            (name, f"{correct:,}", f"{total:,}", f"{accuracy:.1%}" if total else "-")
            for name, correct, total, accuracy in rows
        ],
    )
    if scores.out_of_vocabulary:
        left_out = count(scores.out_of_vocabulary, "question")
        click.echo(f"{left_out} with a word out of vocabulary left out")


def _print_pairs(paths: tuple[Path, ...], correlations: list[PairScores]) -> None:
    print_table(
        ["file", ">Spearman", ">p", ">Pearson", ">p", ">used", ">unknown"],
        [
            (
                path.name,
                *_correlation(scores.spearman),
                *_correlation(scores.pearson),
                f"{scores.used:,}",
                f"{scores.out_of_vocabulary:,}",
            )
            for path, scores in zip(paths, correlations, strict=True)
        ],
    )
    if any(scores.out_of_vocabulary for scores in correlations):
        click.echo("unknown: pairs with a word out of vocabulary, left out")


def _correlation(correlation: Correlation) -> tuple[str, str]:
    return f"{correlation.statistic:.4f}", f"{correlation.pvalue:.2g}"

"""What `xw2v evaluate` found: documents for programs, tables for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from xw2v.cli.output import count, print_table
from xw2v.vectors.evaluation import (
    AnalogyScores,
    Comparison,
    Correlation,
    Interval,
    Method,
    PairScores,
    Tally,
)

__all__ = ["Evaluated", "Settings", "differences_record", "model_record", "print_all", "print_one"]

_METHODS: Mapping[Method, str] = {"add": "3CosAdd", "mul": "3CosMul"}


@dataclass(frozen=True)
class Settings:
    """What models are evaluated on.

    Attributes
    ----------
    analogies : Path or None
    pairs : tuple of Path
    dummy4unknown : bool
        Whether questions and pairs with unknown words count.
    resamples : int
        Of the bootstrap.
    """

    analogies: Path | None
    pairs: tuple[Path, ...]
    dummy4unknown: bool
    resamples: int


@dataclass(frozen=True)
class Evaluated:
    """The figures of one model.

    Attributes
    ----------
    model : Path
    words : int
        The size of its vocabulary.
    analogies : AnalogyScores or None
    pairs : tuple of PairScores
    """

    model: Path
    words: int
    analogies: AnalogyScores | None
    pairs: tuple[PairScores, ...]


# Documents


def model_record(one: Evaluated, settings: Settings) -> dict[str, Any]:
    """Return the document of the figures of a model."""
    document: dict[str, Any] = {"model": str(one.model)}
    if one.analogies is not None:
        document["analogies"] = {
            "file": str(settings.analogies),
            **_analogies_record(one.analogies),
        }
    document["pairs"] = [
        {"file": str(path), **_pairs_record(scores)}
        for path, scores in zip(settings.pairs, one.pairs, strict=True)
    ]
    return document


def differences_record(comparison: Comparison, models: Sequence[Path]) -> dict[str, Any]:
    """Return the document of a comparison."""
    return {
        "intervals": [list(interval) for interval in comparison.intervals],
        "used_for_differences": comparison.used,
        "differences": [
            {
                "model": str(model),
                "minus": str(models[0]),
                "difference": difference.value,
                "interval": list(difference.interval),
            }
            for model, difference in zip(models[1:], comparison.differences, strict=True)
        ],
    }


def _analogies_record(scores: AnalogyScores) -> dict[str, Any]:
    return {
        "method": scores.method,
        "restrict_vocab": scores.restrict_vocab,
        **_tally_record(scores.tally),
        "out_of_vocabulary": scores.out_of_vocabulary,
        "semantic": _tally_record(scores.semantic),
        "syntactic": _tally_record(scores.syntactic),
        "sections": [{"name": s.name, **_tally_record(s.tally)} for s in scores.sections],
    }


def _tally_record(tally: Tally) -> dict[str, Any]:
    return {"correct": tally.correct, "total": tally.total, "accuracy": tally.accuracy}


def _pairs_record(scores: PairScores) -> dict[str, Any]:
    return {
        "spearman": scores.spearman._asdict(),
        "pearson": scores.pearson._asdict(),
        "used": scores.used,
        "out_of_vocabulary": scores.out_of_vocabulary,
    }


# Tables


def print_one(one: Evaluated, settings: Settings) -> None:
    """Print the figures of a model."""
    if one.analogies is not None:
        limit = one.analogies.restrict_vocab
        _print_heading(
            settings, one.analogies, one.words if limit is None else min(limit, one.words)
        )
        print_table(
            ["section", ">correct", ">questions", ">accuracy"],
            [
                (name, f"{tally.correct:,}", f"{tally.total:,}", _percent(tally))
                for name, tally in _tallies(one.analogies)
            ],
        )
        if one.analogies.out_of_vocabulary:
            number = count(one.analogies.out_of_vocabulary, "question")
            what = "counted as wrong" if settings.dummy4unknown else "left out"
            click.echo(f"{number} with a word out of vocabulary {what}")
        if one.pairs:
            click.echo()
    if one.pairs:
        click.echo("Pairs: correlation of cosine similarities with human judgments")
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
                for path, scores in zip(settings.pairs, one.pairs, strict=True)
            ],
        )
        _print_unknown([one], settings)


def print_all(
    all_: Sequence[Evaluated],
    settings: Settings,
    analogies: Comparison | None,
    pairs: Sequence[Comparison],
) -> None:
    """Print the figures of several models beside each other.

    Parameters
    ----------
    all_ : sequence of Evaluated
        The models.
    settings : Settings
        What they were asked.
    analogies : Comparison or None
        By analogies, if there were any.
    pairs : sequence of Comparison
        One for each file of judgments.
    """
    names = _names([one.model for one in all_])
    if analogies is not None:
        answers = [one.analogies for one in all_ if one.analogies is not None]
        _print_heading(settings, answers[0], answers[0].restrict_vocab)
        columns = [_tallies(scores) for scores in answers]
        print_table(
            ["section", *(f">{name}" for name in names)],
            [
                (row[0][0], *(_percent(tally) for _, tally in row))
                for row in zip(*columns, strict=True)
            ],
        )
        click.echo()
        print_table(
            ["model", ">correct", ">questions", ">accuracy", ">95% interval"],
            [
                (
                    name,
                    f"{scores.correct:,}",
                    f"{scores.total:,}",
                    _percent(scores.tally),
                    _interval(interval, "{:.1%}"),
                )
                for name, scores, interval in zip(names, answers, analogies.intervals, strict=True)
            ],
        )
        click.echo()
    if pairs:
        click.echo("Pairs: correlation of cosine similarities with human judgments")
        print_table(
            ["file", "model", ">Spearman", ">95% interval", ">Pearson", ">used", ">unknown"],
            [
                (
                    path.name,
                    name,
                    f"{one.pairs[i].spearman.statistic:.4f}",
                    _interval(interval, "{:.4f}"),
                    f"{one.pairs[i].pearson.statistic:.4f}",
                    f"{one.pairs[i].used:,}",
                    f"{one.pairs[i].out_of_vocabulary:,}",
                )
                for i, (path, comparison) in enumerate(zip(settings.pairs, pairs, strict=True))
                for name, one, interval in zip(names, all_, comparison.intervals, strict=True)
            ],
        )
        _print_unknown(all_, settings)
        click.echo()
    _print_differences(names, settings, analogies, pairs)
    click.echo(f"intervals: bootstrap, {count(settings.resamples, 'sample')}")


def _print_differences(
    names: Sequence[str],
    settings: Settings,
    analogies: Comparison | None,
    pairs: Sequence[Comparison],
) -> None:
    compared = [
        (path.name, one, "{:+.4f}") for path, one in zip(settings.pairs, pairs, strict=True)
    ]
    if analogies is not None and settings.analogies is not None:
        compared.insert(0, (settings.analogies.name, analogies, "{:+.1%}"))
    click.echo(
        f"Differences from {names[0]}, in accuracy or Spearman's correlation, on what all models "
        "know"
    )
    print_table(
        ["file", "model", ">difference", ">95% interval", ">used"],
        [
            (
                file,
                name,
                form.format(difference.value),
                _interval(difference.interval, form),
                f"{comparison.used:,}",
            )
            for file, comparison, form in compared
            for name, difference in zip(names[1:], comparison.differences, strict=True)
        ],
    )


def _print_heading(settings: Settings, scores: AnalogyScores, words: int | None) -> None:
    among = "" if words is None else f" among the {words:,} most frequent words"
    click.echo(f"Analogies: {settings.analogies}, by {_METHODS[scores.method]}{among}")


def _print_unknown(all_: Sequence[Evaluated], settings: Settings) -> None:
    if any(scores.out_of_vocabulary for one in all_ for scores in one.pairs):
        what = "taken as of similarity 0" if settings.dummy4unknown else "left out"
        click.echo(f"unknown: pairs with a word out of vocabulary, {what}")


def _tallies(scores: AnalogyScores) -> list[tuple[str, Tally]]:
    rows = [(section.name, section.tally) for section in scores.sections]
    kinds = {section.is_syntactic for section in scores.sections}
    if len(kinds) > 1:
        rows += [("semantic", scores.semantic), ("syntactic", scores.syntactic)]
    return [*rows, ("total", scores.tally)]


def _names(models: Sequence[Path]) -> list[str]:
    """Return short names of models, or longer ones where these would be the same."""
    short = [model.name or str(model) for model in models]
    return short if len(set(short)) == len(short) else [str(model) for model in models]


def _percent(tally: Tally) -> str:
    return f"{tally.accuracy:.1%}" if tally.total else "-"


def _correlation(correlation: Correlation) -> tuple[str, str]:
    return f"{correlation.statistic:.4f}", f"{correlation.pvalue:.2g}"


def _interval(interval: Interval, form: str) -> str:
    return " to ".join(map(form.format, interval))

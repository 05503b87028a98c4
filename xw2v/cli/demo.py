"""`xw2v demo`: train on a text made up so that it is known what should come out, and look."""

import dataclasses
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click

from xw2v.atomic import replacing_file
from xw2v.backend import get_device
from xw2v.cli.fields import GroupedCommand, GroupedOption, output_file, output_option
from xw2v.cli.hyperparameters import HYPERPARAMETERS, in_words, training_config
from xw2v.cli.output import (
    check_new_file,
    compact,
    count,
    json_option,
    print_facts,
    print_json,
    print_table,
)
from xw2v.cli.progress import Display
from xw2v.demo import LANGUAGE
from xw2v.errors import CorpusError
from xw2v.formats import SavedModel, check_writable
from xw2v.model import save_trained, train_model
from xw2v.text import encode_sentences
from xw2v.vectors import WordVectors

__all__ = ["demo"]

_SENTENCES = 20_000  # some 140,000 words; a quarter of them would do for the default model
_FEWEST_SENTENCES = 2000  # so that every word occurs
_REQUIRED = 0.75  # the worst of all, CBOW with hierarchical softmax, has at least 0.83 (20 seeds)
_NEIGHBORS = 3
_EXAMPLE = "king"
_SHOWN_WORDS = ("king", "daughter", "puppy", "paris", "wrote", "warmer", "apple", "copper")
_SHOWN_ANALOGIES = (0, 2)  # of each relation
_MOST_WRONG_SHOWN = 10

_SIMILARITIES = """\
Similarities: the more company two words share, the nearer they are
(built in: the share of it, from 0 to 1; found: the cosine of their vectors)"""
_NEAREST = "Neighbors: the nearest words share a trait with the word, or go with one"
_ANALOGIES = "Analogies: pairs that differ in the same trait"

_test_option = partial(click.option, cls=GroupedOption, group="Test")


@dataclass(frozen=True)
class _Answer:
    """One question, what was built in and what the vectors say."""

    question: str
    expected: str
    found: str
    is_right: bool


@dataclass(frozen=True)
class _Check:
    """All questions of one kind, and which of them to show as examples."""

    name: str
    answers: tuple[_Answer, ...]
    shown: tuple[int, ...]

    @property
    def correct(self) -> int:
        return sum(answer.is_right for answer in self.answers)

    @property
    def wrong(self) -> list[_Answer]:
        return [answer for answer in self.answers if not answer.is_right]


@click.command(cls=GroupedCommand)
@output_option(
    "--output-model",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the model, to ask it more.",
)
@output_file("--output-text", help="Write the text as well, one sentence a line.")
@output_option("--overwrite", is_flag=True, help="Replace a model or text that is there.")
@json_option
@_test_option(
    "--sentences",
    type=click.IntRange(min=_FEWEST_SENTENCES),
    default=_SENTENCES,
    metavar="N",
    show_default=True,
    help="How long the text is, four to ten words a sentence.",
)
@_test_option(
    "--require",
    type=click.FloatRange(0, 1),
    default=_REQUIRED,
    metavar="SHARE",
    show_default=True,
    help="The exit status is 1 if a smaller share of the questions is answered as built in.",
)
@HYPERPARAMETERS.options(
    *("model", "output", "vector_size", "window", "sample"),
    *("epochs", "optimizer", "alpha", "seed", "workers", "device"),
)
def demo(
    output_model: Path | None,
    output_text: Path | None,
    overwrite: bool,
    as_json: bool,
    sentences: int,
    require: float,
    **options: Any,
) -> None:
    """Show in seconds that training works, on a made-up text.

    Each of its words keeps the company that its meaning brings along: a king is met with what is
    royal, what is adult and what is male. So it is known beforehand which words should be
    similar, and which analogies should hold. Nothing is downloaded or needed, which makes this a
    test of an installation, too, and with --device cuda of a GPU.
    """
    if output_model is not None:
        check_writable(output_model, overwrite)
    if output_text is not None:
        check_new_file(output_text, overwrite)
    config = dataclasses.replace(training_config(options), min_count=1)
    with HYPERPARAMETERS.named():
        device = get_device(config.device)
    display = Display(as_json)

    text = partial(LANGUAGE.sentences, sentences, config.seed)
    if output_text is not None:
        _write_text(output_text, text())
    vocabulary, corpus = encode_sentences(text(), min_count=1)
    display.say(f"model: {in_words(config)}; training on {device.name}")
    with HYPERPARAMETERS.named(), display.training(config.epochs) as on_batch:
        model = train_model(
            vocabulary, corpus, config, notes={"source": "xw2v demo"}, on_progress=on_batch
        )
    if output_model is not None:
        save_trained(output_model, model, overwrite=overwrite)

    checks = _checks(model.word_vectors())
    asked = sum(len(check.answers) for check in checks)
    correct = sum(check.correct for check in checks)
    has_passed = correct >= require * asked
    if as_json:
        print_json(
            {
                **_record(model),
                "device": device.name,
                "checks": [_check_record(check) for check in checks],
                **_share(correct, asked),
                "require": require,
                "passed": has_passed,
            }
        )
    else:
        _show_text(model, text())
        for title, kind in _by_kind(checks).items():
            _show_answers(title, kind)
        _show_totals(checks, correct, asked)
        verdict = "Training works" if has_passed else "Training does not work with these options"
        share = f"{correct / asked:.1%} came out as built in, where {require:.1%} will do"
        click.echo(f"\n{verdict}: {share}.")
        if output_model is not None:
            command = shlex.join(["xw2v", "analogy", str(output_model), "man", "king", "woman"])
            click.echo(f"\nNow try:  {command}")
    if not has_passed:
        click.get_current_context().exit(1)


def _write_text(path: Path, sentences: Iterator[list[str]]) -> None:
    try:
        with replacing_file(path) as file:
            for sentence in sentences:
                file.write(f"{' '.join(sentence)}\n".encode())
    except OSError as error:
        raise CorpusError(f"cannot write {path}: {error.strerror or error}") from error


def _checks(vectors: WordVectors) -> list[_Check]:
    """Ask for everything that was built in: similarities, neighbors, then the analogies."""
    words = list(LANGUAGE.meanings)
    shown = tuple(words.index(word) for word in _SHOWN_WORDS)
    return [
        _Check(
            "similarities",
            tuple(_compared(vectors, *words) for words in LANGUAGE.comparisons()),
            shown,
        ),
        _Check("neighbors", tuple(_neighbors(vectors, word) for word in words), shown),
        *(
            _Check(
                f"analogies: {relation}",
                tuple(_analogy(vectors, *q) for q in LANGUAGE.analogies(relation)),
                _SHOWN_ANALOGIES,
            )
            for relation in LANGUAGE.relations
        ),
    ]


def _compared(vectors: WordVectors, word: str, near: str, far: str) -> _Answer:
    def told(one: float, other: float) -> str:
        return f"{one:.2f} {'>' if one > other else '<='} {other:.2f}"

    built_in = LANGUAGE.shared(word, near), LANGUAGE.shared(word, far)
    found = vectors.similarity(word, near), vectors.similarity(word, far)
    question = f"{word}: {near} or {far}?"
    return _Answer(question, told(*built_in), told(*found), found[0] > found[1])


def _neighbors(vectors: WordVectors, word: str) -> _Answer:
    found = [other for other, _ in vectors.most_similar(word, topn=_NEIGHBORS)]
    *traits, last = LANGUAGE.meanings[word]
    expected = f"{', '.join(traits)} or {last}" if traits else last
    return _Answer(word, expected, ", ".join(found), LANGUAGE.related(word).issuperset(found))


def _analogy(vectors: WordVectors, a: str, b: str, c: str, expected: str) -> _Answer:
    found, _ = vectors.most_similar([b, c], [a], topn=1)[0]
    return _Answer(f"{a} is to {b} as {c} is to ?", expected, found, found == expected)


def _record(model: SavedModel) -> dict[str, Any]:
    notes = model.corpus
    return {
        "config": model.config.to_dict(),
        "vocabulary": len(model.words),
        **{name: notes[name] for name in ("sentences", "words", "training_seconds")},
    }


def _check_record(check: _Check) -> dict[str, Any]:
    wrong = [
        {"question": answer.question, "expected": answer.expected, "found": answer.found}
        for answer in check.wrong
    ]
    return {"name": check.name, **_share(check.correct, len(check.answers)), "wrong": wrong}


def _share(correct: int, total: int) -> dict[str, Any]:
    return {"correct": correct, "total": total, "accuracy": correct / total}


def _by_kind(checks: list[_Check]) -> dict[str, list[_Check]]:
    """Return the checks under their headings."""
    similarities, neighbors, *analogies = checks
    return {_SIMILARITIES: [similarities], _NEAREST: [neighbors], _ANALOGIES: analogies}


def _show_text(model: SavedModel, sentences: Iterator[list[str]]) -> None:
    notes, epochs = model.corpus, model.config.epochs
    words, seconds = notes["words"] * epochs, notes["training_seconds"]
    traits = LANGUAGE.meanings[_EXAMPLE]
    facts = {
        "text": f"{count(notes['sentences'], 'sentence')}, {count(notes['words'], 'word')} of "
        f"{len(model.words):,}, made up",
        "trained": f"{count(words, 'word')} in {seconds:.1f} s, {compact(words / seconds)} words/s",
    }
    print_facts(facts)
    click.echo(f"\nA {_EXAMPLE}, for example, keeps company with what is")
    print_facts({f"  {trait}": ", ".join(LANGUAGE.company[trait]) for trait in traits})
    example = next(islice((s for s in sentences if _EXAMPLE in s), 1), None)
    if example is not None:
        click.echo(f"so a sentence of the text is\n  {' '.join(example)}")


def _show_answers(title: str, checks: list[_Check]) -> None:
    """Print the examples, and what came out wrong."""
    shown = [check.answers[place] for check in checks for place in check.shown]
    wrong = [a for check in checks for a in check.wrong if a not in shown]
    click.echo(f"\n{title}")
    print_table(
        ("question", "built in", "found", ""),
        [
            (a.question, a.expected, a.found, "right" if a.is_right else "wrong")
            for a in (*shown, *wrong[:_MOST_WRONG_SHOWN])
        ],
    )
    if len(wrong) > _MOST_WRONG_SHOWN:
        click.echo(f"and {len(wrong) - _MOST_WRONG_SHOWN:,} more that are wrong")


def _show_totals(checks: list[_Check], correct: int, asked: int) -> None:
    rows = [(check.name, check.correct, len(check.answers)) for check in checks]
    click.echo("\nTotals")
    print_table(
        ("", ">right", ">questions", ">share"),
        [
            (name, f"{right:,}", f"{total:,}", f"{right / total:.1%}")
            for name, right, total in (*rows, ("all", correct, asked))
        ],
    )

"""How good the vectors become while they are trained, and when to leave it at that."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from xw2v.errors import ConfigError, TrainingError
from xw2v.training.intervals import Interval
from xw2v.training.run import Callback, Evaluation, Run
from xw2v.vectors import AnalogySection, WordPair, WordVectors, score_analogies, score_pairs
from xw2v.vectors.evaluation import check_count

__all__ = ["EarlyStopping", "Evaluator"]

_ANALOGIES, _LOSS = "analogies", "loss"  # names of parts


class Evaluator(Callback):
    """Evaluates the vectors in the course of a run, and adds to ``run.evaluations``.

    One for a run. It evaluates whenever an interval is over, and at the end of a run that was not
    stopped, unless it has just done so. What it finds depends on the state of the run alone: a
    run that is resumed has the evaluations of one that was never interrupted.

    The parts of an evaluation are ``"analogies"``, the share of the questions answered correctly,
    and for each name in `pairs` Spearman's rank correlation, 0 where all pairs are equally
    similar; its score is their mean. With neither analogies nor pairs the one part is ``"loss"``,
    the mean of the losses measured since the last evaluation, or the latest one where there are
    none, and the score is minus that.

    Parameters
    ----------
    every : Interval, str or int
        A number of corpus words or ``"epoch"``, see `Interval.parse`.
    analogies : sequence of AnalogySection, optional
    pairs : mapping of str to sequence of WordPair, optional
        Judgments of people, by a name for each set of them.
    restrict_vocab : int or None
        Ask analogies among this many words only, the first ones; pairs are of all words always.
    ignore_case : bool
        Compare words in upper case.
    on_evaluation : callable, optional
        Called with each `Evaluation`.

    Raises
    ------
    ConfigError
        If the interval is a time, which would make a run that is resumed another one; if a set of
        pairs is called ``"analogies"`` where there are analogies; or, when training begins, if the
        vocabulary has too few words of the analogies or of a set of pairs.
    TrainingError
        In the course of a run, if its vectors or losses are no longer finite.
    """

    def __init__(
        self,
        every: Interval | str | int = "epoch",
        *,
        analogies: Sequence[AnalogySection] | None = None,
        pairs: Mapping[str, Sequence[WordPair]] | None = None,
        restrict_vocab: int | None = 300_000,
        ignore_case: bool = True,
        on_evaluation: Callable[[Evaluation], None] | None = None,
    ) -> None:
        interval = Interval.parse(every, "every")
        if interval.seconds is not None:
            raise ConfigError(
                "evaluations must come every so many words or every 'epoch', not every "
                f"{interval}: a run that is resumed could not repeat what times bring"
            )
        if restrict_vocab is not None:
            check_count("restrict_vocab", restrict_vocab)
        pairs = dict(pairs or {})
        if analogies is not None and _ANALOGIES in pairs:
            raise ConfigError(f"pairs cannot be called {_ANALOGIES!r}: the analogies are")
        self._words = interval.words
        self._analogies, self._pairs = analogies, pairs
        self._restrict_vocab, self._ignore_case = restrict_vocab, ignore_case
        self._on_evaluation = on_evaluation

    def on_train_begin(self, run: Run) -> None:
        """Check that there is something to evaluate; do what a run was interrupted before."""
        self._check(run.vocabulary.words)
        self.on_batch_end(run)

    def on_batch_end(self, run: Run) -> None:
        """Evaluate, if an interval is over."""
        # Counted from the last evaluation, not from what a timer has seen: the state of a run
        # may have been kept before the evaluation that its last batch made due.
        every = self._words or run.corpus.n_words
        if run.position.words // every > _evaluated_at(run) // every:
            self._evaluate(run)

    def on_train_end(self, run: Run) -> None:
        """Evaluate, if the run came to its end and the last evaluation is older."""
        # One more where a run was stopped would count as one of those that it is resumed with.
        if run.stopped is None and run.position.words > _evaluated_at(run):
            self._evaluate(run)

    def _check(self, words: Sequence[str]) -> None:
        known = self._spelled(words[: self._restrict_vocab])
        questions = (q for section in self._analogies or () for q in section.questions)
        if self._analogies is not None and not any(self._spelled(q) <= known for q in questions):
            raise ConfigError(
                "no question of the analogies has all its words in the vocabulary"
                + ("" if self._restrict_vocab is None else f", its first {self._restrict_vocab:,}")
                + ": evaluate without them, or check spelling, case and min_count"
            )
        known = self._spelled(words)
        for name, pairs in self._pairs.items():
            scores = [pair.score for pair in pairs if self._spelled(pair[:2]) <= known]
            if len(set(scores)) < 2:
                raise ConfigError(
                    f"a correlation needs two pairs of different scores, and of the {len(pairs)} "
                    f"in {name!r} the vocabulary has {len(scores)}: evaluate without them, or "
                    "check spelling, case and min_count"
                )

    def _spelled(self, words: Iterable[str]) -> set[str]:
        """Return words as they are compared."""
        return {word.upper() for word in words} if self._ignore_case else set(words)

    def _evaluate(self, run: Run) -> None:
        if self._analogies is None and not self._pairs:
            loss = _recent_loss(run)
            if loss is None:
                return
            parts, score = {_LOSS: loss}, -loss
        else:
            parts = self._compared(_vectors(run))
            score = math.fsum(parts.values()) / len(parts)
        evaluation = Evaluation(run.position.words, run.epoch, score, parts)
        run.evaluations.append(evaluation)
        if self._on_evaluation is not None:
            self._on_evaluation(evaluation)

    def _compared(self, wv: WordVectors) -> dict[str, float]:
        parts = {}
        if self._analogies is not None:
            answers = score_analogies(wv, self._analogies, self._restrict_vocab, self._ignore_case)
            parts[_ANALOGIES] = answers.accuracy
        for name, pairs in self._pairs.items():
            statistic = score_pairs(wv, pairs, None, self._ignore_case).spearman.statistic
            parts[name] = 0.0 if math.isnan(statistic) else statistic
        return parts


class EarlyStopping(Callback):
    """Stops a run whose evaluations get no better.

    It stands after the `Evaluator` among the callbacks. It looks at ``run.evaluations`` alone, and
    so stops a run that is resumed where it would have stopped one that was never interrupted; one
    that it has stopped stays so when it is resumed, unless with more patience. Without evaluations
    it does nothing.

    Parameters
    ----------
    patience : int
        The run ends when so many evaluations in a row ...
    min_delta : float
        ... were better by no more than this than the best before them.

    Raises
    ------
    ConfigError
        If `patience` is below 1 or `min_delta` is below 0.
    """

    def __init__(self, patience: int = 3, min_delta: float = 0.0) -> None:
        check_count("patience", patience)
        if not isinstance(min_delta, int | float) or not 0.0 <= min_delta < math.inf:
            raise ConfigError(f"min_delta must be a finite number of at least 0, not {min_delta!r}")
        self._patience, self._min_delta = patience, min_delta

    def on_train_begin(self, run: Run) -> None:
        """End a run that had been ended."""
        self.on_batch_end(run)

    def on_batch_end(self, run: Run) -> None:
        """End the run, if the latest evaluations were no better."""
        before, latest = run.evaluations[: -self._patience], run.evaluations[-self._patience :]
        # A run that is at its end anyway does not end before its time.
        if not before or run.position.epoch >= run.config.epochs:
            return
        best = max(before, key=lambda evaluation: evaluation.score)
        if not any(one.score > best.score + self._min_delta for one in latest):
            by = f" by more than {self._min_delta:g}" if self._min_delta else ""
            run.stop(
                f"no better evaluation{by} in {self._patience}: "
                f"best {best.score:.3g} after {best.epoch:.2f} epochs"
            )


def _evaluated_at(run: Run) -> int:
    """Return after how many corpus words the last evaluation was."""
    return run.evaluations[-1].words if run.evaluations else 0


def _recent_loss(run: Run) -> float | None:
    since = _evaluated_at(run)
    recent = [record.loss for record in run.losses if record.words >= since]
    recent = recent or [record.loss for record in run.losses[-1:]]
    if not recent:  # none of the batches had anything to predict
        return None
    if not all(math.isfinite(loss) for loss in recent):
        raise _diverged("loss is", run)
    return math.fsum(recent) / len(recent)


def _vectors(run: Run) -> WordVectors:
    try:
        return run.wv
    except ConfigError as error:  # the vectors are its only parameter
        raise _diverged("vectors are", run) from error


def _diverged(what: str, run: Run) -> TrainingError:
    return TrainingError(
        f"training has diverged: the {what} no longer finite after {run.position.words:,} words; "
        "lower alpha, or raise damping"
    )

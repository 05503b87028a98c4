"""Proof by killing: runs that are killed at random and resumed end as if they had not been.

    python -m tests.kill --runs 100 [--seed N] [--workers 1,2] [--corpus FILE]

Each model is trained once without checkpoints, for reference, and then many times by processes
that are killed: at any moment, while a checkpoint is written, and while the model is. What they
leave is resumed, with another number of workers perhaps, until it ends. Its vectors and losses
must be those of the reference, to the last bit, and nothing may be left of the killed ones.
"""

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from xw2v.cli.runs import checkpoints_of
from xw2v.formats.checkpoints import checkpoint_names

PATIENCE = 120.0  # seconds that a run may take
POLL = 0.0005
COMPARED = ("vectors.safetensors", "loss.jsonl", "vocabulary.json")
MOMENTS = ("any", "checkpoint", "any", "checkpoint", "any", "model", "any", "checkpoint")
KILLS_OF_A_RUN = 5
KILLED = -9 if os.name == "posix" else 1  # the exit status


@dataclass(frozen=True)
class Configuration:
    """A model to train, and how often checkpoints of it are written."""

    model: str
    output: str
    optimizer: str
    epochs: int
    every: str
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.model}, {self.output}, {self.optimizer}, every {self.every}"

    @property
    def options(self) -> list[str]:
        return [
            *(f"--model={self.model}", f"--output={self.output}"),
            *(f"--optimizer={self.optimizer}", f"--epochs={self.epochs}"),
            *("--vector-size=32", "--min-count=1", "--sample=0.01", "--no-cache"),
            "--batch-words=2048",  # of smaller ones, two workers would be one
            *self.more,
        ]


FEW_WORDS = ("--max-final-vocab=300",)
CONFIGURATIONS = (
    Configuration("skipgram", "negative", "sgd", 20, "50000"),
    Configuration("cbow", "negative", "adam", 20, "0.1s"),
    Configuration("skipgram", "hierarchical", "adagrad", 9, "40000"),
    Configuration("cbow", "softmax", "sgd", 10, "0.2s", FEW_WORDS),
    Configuration("skipgram", "negative", "adam", 12, "0.1s", ("--negatives-per=pair",)),
    Configuration("cbow", "hierarchical", "sgd", 20, "epoch", ("--schedule=cosine",)),
    Configuration("skipgram", "softmax", "adagrad", 5, "20000", FEW_WORDS),
    Configuration("cbow", "negative", "adagrad", 20, "30000", ("--keep=1", "--vectors=mean")),
)


@dataclass(frozen=True)
class Moment:
    """When to kill: so many seconds after the start, or after a file that shows up later."""

    kind: str
    after: float
    delay: float


@dataclass(frozen=True)
class Reference:
    """What an uninterrupted run left, and the seconds it took."""

    digests: dict[str, str]
    seconds: float


@dataclass
class Tally:
    """What has come of the runs so far."""

    killed: int = 0
    resumed: int = 0
    anew: int = 0
    in_checkpoint: int = 0
    in_model: int = 0
    runs: int = 0
    identical: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"killed {self.killed}, resumed {self.resumed}, started anew {self.anew}, "
            f"in the middle of a checkpoint {self.in_checkpoint}, of the model {self.in_model}, "
            f"identical {self.identical} of {self.runs} runs"
        )


def main() -> int:
    """Kill as many runs as asked for; return 1 if one of them ended in another way than it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--runs", type=int, default=100, help="to kill [default: 100]")
    parser.add_argument("--seed", type=int, default=1, help="of the moments [default: 1]")
    parser.add_argument("--workers", default="1,2", help="take turns [default: 1,2]")
    parser.add_argument("--corpus", type=Path, help="in place of a made-up one")
    options = parser.parse_args()
    workers = [int(number) for number in options.workers.split(",")]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="xw2v-kill-") as folder:
        corpus = options.corpus
        if corpus is None:
            corpus = write_corpus(Path(folder) / "corpus.txt")
        tally = kill(
            options.runs,
            corpus.resolve(),
            Path(folder),
            seed=options.seed,
            workers=workers,
            say=True,
        )
    print("\n".join([*tally.problems, f"{tally}; {time.monotonic() - began:.0f} s"]))
    return int(bool(tally.problems) or tally.identical != tally.runs)


def kill(
    count: int,
    corpus: Path,
    folder: Path,
    *,
    seed: int = 1,
    workers: Sequence[int] = (1, 2),
    configurations: Sequence[Configuration] = CONFIGURATIONS,
    moments: Sequence[str] = MOMENTS,
    say: bool = False,
) -> Tally:
    """Kill `count` runs at random and have each of them end; `folder` is for their files."""
    killing = Killing(corpus, folder, seed, workers, moments)
    tally = killing.tally
    for configuration in cycle(configurations):
        before = tally.killed
        killing.survive(configuration, min(KILLS_OF_A_RUN, count - before))
        if say:
            print(f"{configuration}: killed {tally.killed - before}; {tally}", flush=True)
        if tally.killed >= count or len(tally.problems) > 9:
            break
    return tally


def write_corpus(path: Path, sentences: int = 5000) -> Path:
    """Write sentences of words of which few are frequent, the same ones every time."""
    draw = random.Random(7)
    words = [f"word{number}" for number in range(2000)]
    weights = [1 / (number + 3) for number in range(len(words))]
    text = "".join(" ".join(draw.choices(words, weights, k=14)) + "\n" for _ in range(sentences))
    path.write_text(text, encoding="utf-8")
    return path


class Killing:
    """Has runs killed, and sees to it that they end all the same.

    Parameters
    ----------
    corpus, folder : Path
        The text, and where the files of all runs go.
    seed : int
        Of the moments.
    workers : sequence of int
        Numbers of workers, which runs take in turn.
    moments : sequence of str
        The kinds of moments at which they are killed, in turn.
    """

    def __init__(
        self, corpus: Path, folder: Path, seed: int, workers: Sequence[int], moments: Sequence[str]
    ) -> None:
        self.tally = Tally()
        self._corpus, self._folder = corpus, folder
        self._draw = random.Random(seed)
        self._workers, self._kinds = cycle(workers), cycle(moments)
        self._references: dict[Configuration, Reference] = {}

    def reference(self, configuration: Configuration) -> Reference:
        """Train without any interruption or checkpoint, unless that was done before."""
        known = self._references
        if configuration not in known:
            out = self._folder / f"reference-{len(known)}" / "model"
            began = time.monotonic()
            options = [*configuration.options, f"--workers={next(self._workers)}"]
            with start(self._corpus, out, options) as process:
                if process.wait(PATIENCE):
                    raise RuntimeError(said(out))
            known[configuration] = Reference(digests(out), time.monotonic() - began)
        return known[configuration]

    def survive(self, configuration: Configuration, kills: int) -> None:
        """Have a run killed so many times, unless it ends before, and look at what it leaves."""
        tally, reference = self.tally, self.reference(configuration)
        out = self._folder / f"run-{tally.runs}" / "model"
        tally.runs += 1
        problem = None
        for attempt in range(kills + 1):
            kind = next(self._kinds) if attempt < kills else None
            moment = None if kind is None else choose(kind, reference.seconds, self._draw)
            ended, problem = self._attempt(out, configuration, moment, first=attempt == 0)
            if ended or problem:
                break
        if problem is None:
            problem = wrong_with(out, reference)
        if problem is None:
            tally.identical += 1
        else:
            tally.problems.append(f"{configuration}: {problem}\n{said(out)}")

    def _attempt(
        self, out: Path, configuration: Configuration, moment: Moment | None, first: bool
    ) -> tuple[bool, str | None]:
        """Start a run and kill it; return whether it had ended by then, and what is wrong."""
        checkpoints = checkpoints_of(out)
        to_resume = bool(checkpoint_names(checkpoints))
        if not first:
            self.tally.resumed += to_resume
            self.tally.anew += not to_resume
        before = {place: hidden(place) for place in (checkpoints, out.parent)}
        options = [
            *(*configuration.options, f"--workers={next(self._workers)}"),
            *("--resume", f"--checkpoint-every={configuration.every}"),
        ]
        with start(self._corpus, out, options) as process:
            killed = False
            if moment is not None:
                wait_for(moment, process, out)
                if killed := process.poll() is None:
                    process.kill()
            try:
                status = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                return False, "it does not end"
        killed = killed and status == KILLED  # it may have ended in between
        if killed:
            self.tally.killed += 1
            self.tally.in_checkpoint += bool(hidden(checkpoints) - before[checkpoints])
            self.tally.in_model += bool(hidden(out.parent) - before[out.parent])
        problem = None
        if status != 0 and not killed:
            problem = f"ended with status {status}"
        elif not is_gone(process.pid):
            problem = "a process of the run is still there"
        elif any(words in said(out) for words in ("passing over", "no checkpoint")):
            problem = "a checkpoint is not whole"
        elif status == 0 and to_resume and "resuming at" not in said(out):
            problem = "it was not resumed"
        return status == 0, problem


def wrong_with(out: Path, reference: Reference) -> str | None:
    """Say what is wrong with what a run has left that ended at last."""
    left = sorted(hidden(checkpoints_of(out)) | hidden(out.parent))
    if left:
        return f"left behind: {', '.join(left)}"
    if digests(out) != reference.digests:
        return "other vectors or losses than those of the uninterrupted run"
    return None


def start(corpus: Path, out: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """Start a run in a group of processes of its own; what it says goes to a file."""
    out.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "xw2v", "train", str(corpus), "-o", str(out)]
    with (out.parent / "said").open("wb") as file:
        return subprocess.Popen(
            [*command, *options], stdout=subprocess.DEVNULL, stderr=file, start_new_session=True
        )


def said(out: Path) -> str:
    """Return what the latest run for a model has said."""
    return (out.parent / "said").read_text("utf-8", "replace")


def choose(kind: str, seconds: float, draw: random.Random) -> Moment:
    """Draw the moment to kill a run that takes so many seconds."""
    if kind == "any":
        return Moment(kind, draw.uniform(0, seconds), 0)
    if kind == "checkpoint":  # it takes some hundredths
        return Moment(kind, draw.uniform(0, 0.4 * seconds), draw.uniform(0, 0.02))
    return Moment(kind, 0, draw.uniform(0, 0.6))  # most of it is a picture


def wait_for(moment: Moment, process: subprocess.Popen[bytes], out: Path) -> None:
    """Wait until the moment has come, or the process has ended."""
    began = time.monotonic()
    # Were files written under their own names at once, that would be seen as well.
    place, kinds = out.parent, (".xw2v-", out.name)
    if moment.kind == "checkpoint":
        place, kinds = checkpoints_of(out), (".xw2v-", "checkpoint-")
    before: set[str] | None = None
    while process.poll() is None and time.monotonic() - began < PATIENCE:
        time.sleep(POLL)
        if time.monotonic() - began < moment.after:
            continue
        if moment.kind == "any":
            return
        now = names(place, kinds) - {checkpoints_of(out).name}
        if before is not None and now - before:
            time.sleep(moment.delay)
            return
        before = now


def hidden(folder: Path) -> set[str]:
    """Return the names of what is being written in a folder, or was when somebody was killed."""
    return names(folder, (".xw2v-",))


def names(folder: Path, beginnings: tuple[str, ...]) -> set[str]:
    """Return the names in a folder that begin so; none if there is no such folder."""
    try:
        return {path.name for path in folder.iterdir() if path.name.startswith(beginnings)}
    except FileNotFoundError:
        return set()


def is_gone(group: int) -> bool:
    """Wait until no process of a group is alive; return whether that was so before long."""
    deadline = time.monotonic() + 10
    while alive(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def alive(group: int) -> bool:
    """Return whether a process of a group is, and not only what is left of it."""
    if sys.platform == "win32":  # it was one process
        return False
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS, of those that have ended
        return False
    if not Path("/proc/self/stat").exists():
        return True
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has ended meanwhile
            continue
        if int(its_group) == group and state not in "ZX":
            return True
    return False


def digests(out: Path) -> dict[str, str]:
    """Return the sums of the files of a model that must not differ."""
    return {
        name: hashlib.sha256((out / name).read_bytes()).hexdigest()
        for name in COMPARED
        if (out / name).exists()
    }


if __name__ == "__main__":
    sys.exit(main())

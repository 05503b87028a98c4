"""How fast text is read: counted and turned into ids, beside gensim's vocabulary scan.

Without a text it makes one up, whose words follow Zipf's law. A text of one long line is read as it
is and in lines of 1,000 words, which suits gensim better. Every measurement is a process of
its own, pinned to as many cores as it has workers; the first table takes turns with gensim, which
counts words in one thread and turns them into ids later, in training. MB are those of the text as
UTF-8, whatever it is packed into.

    python benchmarks/ingest.py [CORPUS] --output ingest-DATE.json

`--parts memory` makes a text of `--large-mb`, of which each 100 MB have distinct words of their
own, and counts, encodes and trains on it in a process that may hold `--limit-mb` (Linux). That is
what it reserves for itself (RLIMIT_DATA), used or not; or, with `--cgroup DIR`, the folder of a
control group that was made with such a limit, all that it uses, cached files included.
"""

import bz2
import gzip
import json
import lzma
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from measuring import (
    Result,
    about,
    chosen_from,
    plain_table,
    usable_cores,
    watch,
    with_lines,
    worker_counts,
    write_corpus,
    write_json,
)
from rich.console import Console

PARTS = ("speed", "sources", "phrases", "memory")

_ONCE = Path(__file__).with_name("ingest_once.py")
_WORDS = 10_000_000
_VOCABULARY = 200_000
_PIECE = 100_000_000
# What each piece of the large text has of its own: distinct words, each so many times.
_OWN_WORDS = 100_000
_OWN_TIMES = 3
_SOURCES: dict[str, dict[str, Any]] = {
    "text": {},
    "text, --lowercase": {"lowercase": True},
    "text, --token-pattern": {"token_pattern": "[a-z']+"},
    "text, --strip-punctuation": {"strip_punctuation": True},
    "text, NFKC": {"normalize": "NFKC"},
    "text, --sentence-ends punctuation": {"sentence_ends": "punctuation"},
    "gzip": {},
    "bzip2": {},
    "xz": {},
    "zstd": {},
    "lz4": {},
    "JSON Lines": {},
    "CSV": {},
    "Parquet": {},
    "Arrow": {},
    "strings": {},
    "arrow strings": {},
}


@click.command()
@click.argument(
    "corpus", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--parts", default="speed,sources,phrases", show_default=True, help=", ".join(PARTS))
@click.option("--workers", default=None, help="Numbers of workers; 1 and all cores by default.")
@click.option("--repeats", default=3, show_default=True)
@click.option("--large-mb", default=4000, show_default=True, help="Of the text of the part memory.")
@click.option("--limit-mb", default=500, show_default=True, help="What its process may hold.")
@click.option(
    "--cgroup",
    type=click.Path(exists=True, file_okay=False),
    help="The control group that holds it to that.",
)
@click.option("--output", type=click.Path(dir_okay=False), help="Write all figures as JSON.")
def main(
    corpus: Path | None,
    parts: str,
    workers: str | None,
    repeats: int,
    large_mb: int,
    limit_mb: int,
    cgroup: str | None,
    output: str | None,
) -> None:
    """Measure how fast xw2v reads CORPUS, a plain text, beside gensim."""
    chosen = chosen_from(parts, PARTS)
    counts = worker_counts(workers) if workers else sorted({1, min(2, len(usable_cores()))})
    console = Console()
    document: Result = {**about(["xw2v", "gensim"], {}), "parts": {}}
    with TemporaryDirectory() as name:
        folder = Path(name)
        if corpus is None:
            corpus = folder / "made-up.txt"
            write_corpus(corpus, _WORDS, _VOCABULARY)
        text = with_lines(corpus, folder)
        texts = {"as it is": corpus} if text == corpus else {"as it is": corpus, "in lines": text}
        document["text"] = {"bytes": text.stat().st_size, "name": corpus.name}
        for part in chosen:
            if part == "speed":
                made = [
                    {"text": kind, "peers": speed(console, kind, one, folder, counts, repeats)}
                    for kind, one in texts.items()
                ]
            elif part == "sources":
                made = sources(console, text, folder, counts[-1], repeats)
            elif part == "phrases":
                made = phrases(console, text, folder)
            else:
                made = memory(console, text, folder, counts[-1], large_mb, limit_mb, cgroup)
            document["parts"][part] = made
            write_json(output, document)


def run(who: str, corpus: Path, folder: Path, workers: int, **job: Any) -> Result:
    """Make one measurement in a process of its own."""
    order = {
        "who": who,
        "corpus": str(corpus),
        "workers": workers,
        "kind": "",
        "options": {},
        **job,
    }
    printed, whole = watch([sys.executable, str(_ONCE), json.dumps(order)], workers, folder)
    return {**json.loads(printed.splitlines()[-1]), "peak_mb": whole["peak_mb"]}


def speed(
    console: Console, kind: str, text: Path, folder: Path, counts: list[int], repeats: int
) -> list[Result]:
    """Measure xw2v beside gensim's scan."""
    peers: dict[str, tuple[str, int, str]] = {
        **{f"xw2v, {_workers(count)}": ("xw2v", count, "") for count in counts},
        "gensim, LineSentence": ("gensim", 1, "iterable"),
        "gensim, corpus_file": ("gensim", 1, "corpus_file"),
    }
    runs: dict[str, list[Result]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, (who, count, mode) in peers.items():
            runs[name].append(run(who, text, folder, count, kind=mode))
            console.print(f"{name}: {runs[name][-1]['seconds']:.2f} s", highlight=False)
    scans = [name for name in peers if name.startswith("gensim")]
    table = plain_table(
        f"Counting words, and for xw2v encoding them: the text {kind}",
        ("", "seconds", "M words/s", "MB/s", "x gensim", "peak MB"),
        "times gensim: median of the ratios to its faster scan in the same turn",
    )
    made = []
    for name, mine in runs.items():
        ratio = statistics.median(
            min(runs[scan][turn]["seconds"] for scan in scans) / one["seconds"]
            for turn, one in enumerate(mine)
        )
        seconds = statistics.median(one["seconds"] for one in mine)
        made.append({"name": name, "runs": mine, "times_gensim": ratio})
        table.add_row(
            name,
            f"{seconds:.2f}",
            f"{mine[0]['words'] / seconds / 1e6:.1f}",
            f"{text.stat().st_size / seconds / 1e6:.0f}",
            f"{ratio:.1f}",
            f"{max(one['peak_mb'] for one in mine):.0f}",
        )
    console.print(table)
    return made


def sources(console: Console, text: Path, folder: Path, workers: int, repeats: int) -> list[Result]:
    """Measure every kind of source."""
    table = plain_table(
        f"Sources, {_workers(workers)}", ("", "stored MB", "seconds", "M words/s", "MB/s")
    )
    made = []
    for name, options in _SOURCES.items():
        path = packed(name, text, folder)
        runs = [
            run("xw2v", path, folder, workers, kind=name, options=options) for _ in range(repeats)
        ]
        seconds = statistics.median(one["seconds"] for one in runs)
        made.append({"name": name, "stored_bytes": path.stat().st_size, "runs": runs})
        table.add_row(
            name,
            f"{path.stat().st_size / 1e6:.0f}",
            f"{seconds:.2f}",
            f"{runs[0]['words'] / seconds / 1e6:.1f}",
            f"{text.stat().st_size / seconds / 1e6:.0f}",
        )
        if path != text:
            path.unlink()
    console.print(table)
    return made


def packed(name: str, text: Path, folder: Path) -> Path:
    """Return the text as a source of a kind."""
    data = text.read_bytes()
    path = folder / "packed"
    if name == "gzip":
        path.write_bytes(gzip.compress(data, 6))
    elif name == "bzip2":
        path.write_bytes(bz2.compress(data))
    elif name == "xz":
        path.write_bytes(lzma.compress(data, preset=1))
    elif name in ("zstd", "lz4"):
        with pa.CompressedOutputStream(str(path), name) as stream:
            stream.write(data)
    elif name in ("JSON Lines", "CSV", "Parquet", "Arrow"):
        lines = data.decode().removesuffix("\n").split("\n")
        table = pa.table({"id": range(len(lines)), "text": lines})
        path = folder / {"JSON Lines": "t.jsonl", "CSV": "t.csv"}.get(name, f"t.{name.lower()}")
        if name == "JSON Lines":
            with path.open("w", encoding="utf-8") as file:
                file.writelines(
                    json.dumps({"id": number, "text": line}) + "\n"
                    for number, line in enumerate(lines)
                )
        elif name == "CSV":
            pyarrow.csv.write_csv(table, path)
        elif name == "Parquet":
            pyarrow.parquet.write_table(table, path)
        else:
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table, max_chunksize=1000)
    else:
        return text
    return path


def phrases(console: Console, text: Path, folder: Path) -> list[Result]:
    """Measure finding and joining phrases beside gensim's Phrases."""
    plain = run("xw2v", text, folder, 1)
    mine = run("xw2v", text, folder, 1, options={"phrases": 1})
    theirs = run("phrases", text, folder, 1)
    table = plain_table("Phrases, 1 worker", ("", "seconds", "peak MB"))
    made = []
    for name, result in (
        ("xw2v, reading", plain),
        ("xw2v, reading and phrases", mine),
        ("gensim, Phrases", theirs),
    ):
        made.append({"name": name, **result})
        table.add_row(name, f"{result['seconds']:.2f}", f"{result['peak_mb']:.0f}")
    console.print(table)
    return made


def memory(
    console: Console,
    text: Path,
    folder: Path,
    workers: int,
    large_mb: int,
    limit_mb: int,
    cgroup: str | None,
) -> list[Result]:
    """Count, encode and train on a text that is many times larger than the memory allowed."""
    path = folder / "large.txt"
    size = distinct = pieces = 0
    with path.open("wb") as file:
        for piece, words in large_pieces(text):
            file.write(piece)
            size += len(piece)
            distinct += words
            pieces += 1
            if size >= large_mb * 1_000_000:
                break
    # As many words are kept as of the text itself.
    options = {"min_count": 5 * pieces}
    limits = {"limit": limit_mb * 1_000_000, "cgroup": cgroup}
    result = run("limited", path, folder, workers, options=options, **limits)
    path.unlink()
    table = plain_table(
        f"{size / 1e6:,.0f} MB of text in a process that may hold {limit_mb} MB",
        ("read, s", "trained, s", "M words", "distinct", "kept", "peak MB reading", "in all"),
    )
    table.add_row(
        f"{result['seconds']:.0f}",
        f"{result['train']:.0f}",
        f"{result['words'] / 1e6:.0f}",
        f"> {distinct:,}",
        f"{result['vocabulary']:,}",
        f"{result['read_peak_mb']:.0f}",
        f"{result['peak_mb']:.0f}",
    )
    console.print(table)
    return [{"bytes": size, "limit_mb": limit_mb, "own_distinct_words": distinct, **result}]


def large_pieces(text: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the text again and again, each time with some distinct words of its own."""
    data = text.read_bytes()[:_PIECE]
    data = data[: data.rfind(b"\n") + 1]
    number = 0
    while True:
        own = " ".join(
            f"w{number}x{word:x}" for word in range(_OWN_WORDS) for _ in range(_OWN_TIMES)
        )
        yield data + own.encode() + b"\n", _OWN_WORDS
        number += 1


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count > 1)}"


if __name__ == "__main__":
    main()

"""Every reader of files, each with a sound file of its own kind, and ways to damage that.

What fuzzing is about: whatever is in a file, reading it gives a result or raises XW2VError, and
takes no more memory than the file can be the reason of.
"""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import re
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xw2v.config import TrainingConfig
from xw2v.errors import XW2VError
from xw2v.formats import SavedModel, load_model, read_vectors, save_model
from xw2v.formats.arrays import load_numpy_directory, write_numpy_directory
from xw2v.formats.tables import write_parquet
from xw2v.formats.word2vec import (
    write_glove_text,
    write_word2vec_binary,
    write_word2vec_text,
)
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.text.readers import Reading, read_blocks
from xw2v.text.store import NOTES, load_encoded, save_encoded
from xw2v.text.streams import LocalFile

__all__ = ["TEXTS", "VECTORS", "Target", "check_refusals"]

WORDS = ("the", "königin", "👩‍🚀", "2", "x_y", "</s>")
VALUES = np.random.default_rng(0).standard_normal((len(WORDS), 3)).astype(np.float32)
LOSSES = tuple({"words": 10 * i, "epoch": i / 9, "alpha": 0.1, "loss": 4 / i} for i in range(1, 5))
TEXTS_GIVEN = ("one two\nthree", 'a "b", c', "", "é 👩‍🚀 \t x", "the end") * 3


@dataclass(frozen=True)
class Target:
    """A reader, and what it reads.

    Attributes
    ----------
    write : callable
        Writes a sound file, or a directory of several, under the name that it is given.
    read : callable
        Reads it.
    member : str
        Which file of the directory is to be damaged; "" where there is no directory.
    seal : callable
        Makes the sums of a damaged directory right, as else nobody would look further.
    """

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    member: str = ""
    seal: Callable[[Path], None] = lambda path: None

    def sample(self, folder: Path) -> bytes:
        """Return the sound contents of the file; leaves its directory in an empty folder."""
        self.write(folder / "it")
        return (folder / "it" / self.member).read_bytes()

    def try_to_read(self, folder: Path, data: bytes) -> None:
        """Read other contents in its place; raises what is no XW2VError.

        Parameters
        ----------
        folder : Path
            Where `sample` was called; the contents of all other files stay as they were.
        data : bytes
        """
        (folder / "it" / self.member).write_bytes(data)
        self.seal(folder / "it")
        with suppress(XW2VError):
            self.read(folder / "it")


# Vectors


def _packed(write: Callable[[Path], None]) -> Callable[[Path], None]:
    def write_packed(path: Path) -> None:
        write(path)
        _pack(path)

    return write_packed


def _pack(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes(), 1, mtime=0))


def _word2vec_text(path: Path) -> None:
    write_word2vec_text(path, WORDS, VALUES)


def _word2vec_c_text(path: Path) -> None:
    """Write as the C tool does: with a space before the end of the line."""
    rows = ("".join(f"{value:f} " for value in row) for row in VALUES)
    lines = [f"{word} {row}\n" for word, row in zip(WORDS, rows, strict=True)]
    path.write_bytes(f"{len(WORDS)} 3\n{''.join(lines)}".encode())


def _word2vec_binary(path: Path) -> None:
    write_word2vec_binary(path, WORDS, VALUES)


def _gensim_binary(path: Path) -> None:
    """Write as gensim does: without ends of lines."""
    pairs = zip(WORDS, VALUES, strict=True)
    rows = [word.encode() + b" " + row.tobytes() for word, row in pairs]
    path.write_bytes(b"%d 3\n" % len(WORDS) + b"".join(rows))


def _glove(path: Path) -> None:
    write_glove_text(path, WORDS, VALUES)


def _parquet(path: Path) -> None:
    write_parquet(path, WORDS, VALUES, range(len(WORDS)))


def _other_parquet(path: Path) -> None:
    """Write as others do: compressed, with dictionaries, lists of any length, and float64."""
    columns = {"word": WORDS, "vector": VALUES.astype(float).tolist(), "count": range(len(WORDS))}
    pq.write_table(pa.table({name: list(column) for name, column in columns.items()}), path)


def _numpy(path: Path) -> None:
    config = {"alpha": 0.5, "files": ["ü"]}
    write_numpy_directory(
        path, WORDS, VALUES, output_vectors=-VALUES, config=config, loss_history=[3.0, 2.0]
    )


def _read_numpy(path: Path) -> None:
    read_vectors(path)
    load_numpy_directory(path)


def _model(path: Path) -> None:
    config = TrainingConfig(vector_size=3)
    counts = np.arange(len(WORDS), 0, -1)
    save_model(path, SavedModel(WORDS, counts, VALUES, -VALUES, config, {"files": 1}, LOSSES))


def _seal_model(path: Path) -> None:
    """Renew SHA256SUMS, where models have it."""
    if (path / "SHA256SUMS").exists():
        names = sorted(file.name for file in path.iterdir() if file.name != "SHA256SUMS")
        sums = (f"{hashlib.sha256((path / n).read_bytes()).hexdigest()}  {n}\n" for n in names)
        (path / "SHA256SUMS").write_bytes("".join(sums).encode())


VECTORS: dict[str, Target] = {
    "word2vec-text": Target(_word2vec_text, read_vectors),
    "word2vec-text-c": Target(_word2vec_c_text, read_vectors),
    "word2vec-text-gzip": Target(_packed(_word2vec_text), read_vectors),
    "word2vec-binary": Target(_word2vec_binary, read_vectors),
    "word2vec-binary-gensim": Target(_gensim_binary, read_vectors),
    "word2vec-binary-gzip": Target(_packed(_word2vec_binary), read_vectors),
    "glove": Target(_glove, read_vectors),
    "glove-gzip": Target(_packed(_glove), read_vectors),
    # Packed once they are damaged: their length vouches for nothing.
    "word2vec-text-in-gzip": Target(_word2vec_text, read_vectors, seal=_pack),
    "word2vec-binary-in-gzip": Target(_word2vec_binary, read_vectors, seal=_pack),
    "parquet": Target(_parquet, read_vectors),
    "parquet-others": Target(_other_parquet, read_vectors),
    **{
        f"numpy/{name}": Target(_numpy, _read_numpy, name)
        for name in (
            *("W_in.npy", "W_out.npy", "word_to_id.json", "id_to_word.json", "config.json"),
            "loss_history.npy",
        )
    },
    **{
        f"model/{name}": Target(_model, load_model, name, _seal_model)
        for name in ("vectors.safetensors", "vocabulary.json", "config.json", "loss.jsonl")
    },
}

# Texts


def _jsonl() -> bytes:
    return "".join(json.dumps({"id": 1, "text": text}) + "\n" for text in TEXTS_GIVEN).encode()


def _delimited(delimiter: str) -> Callable[[], bytes]:
    def sample() -> bytes:
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([("id", "text"), *enumerate(TEXTS_GIVEN)])
        return file.getvalue().encode()

    return sample


def _table() -> Any:
    return pa.table({"id": range(len(TEXTS_GIVEN)), "text": pa.array(TEXTS_GIVEN, pa.string())})


def _parquet_text() -> bytes:
    file = io.BytesIO()
    pq.write_table(_table(), file, row_group_size=4)
    return file.getvalue()


def _dictionary(column: Any) -> Any:
    return column.dictionary_encode()


def _view(column: Any) -> Any:
    """Make of it what polars writes; short strings lie in the views, long ones elsewhere."""
    return pa.array([f"{text} and more of it" for text in column.to_pylist()], pa.string_view())


def _arrow(
    new: Callable[..., Any], change: Callable[[Any], Any] | None = None, **options: Any
) -> Callable[[], bytes]:
    def sample() -> bytes:
        file = io.BytesIO()
        table = _table()
        if change is not None:
            table = pa.table({"text": change(table.column("text"))})
        with new(file, table.schema, **options) as writer:
            writer.write_table(table, max_chunksize=None if change else 4)
        return file.getvalue()

    return sample


def _arrow_compressed(codec: str) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as file:
            file.write(data)
        return bytes(sink.getvalue())

    return compress


def _plain() -> bytes:
    return "\n".join(TEXTS_GIVEN).encode()


def _text(format_: str, sample: Callable[[], bytes]) -> Target:
    reading = Reading(format=format_)  # type: ignore[arg-type]

    def read(path: Path) -> None:
        source = LocalFile(name=str(path), path=path, size=path.stat().st_size)
        for block in read_blocks(source, 64, reading):
            block.place(0)

    return Target(lambda path: path.write_bytes(sample()), read)


def _corpus(path: Path) -> None:
    ids = np.random.default_rng(0).integers(0, len(WORDS), 20, np.int32)
    vocabulary = Vocabulary(WORDS, np.arange(len(WORDS), 0, -1))
    corpus = EncodedCorpus(ids, np.array([0, 3, 4, 20]), 25)
    save_encoded(path, vocabulary, corpus, options={"min_count": 5}, durable=False)


def _seal_corpus(path: Path) -> None:
    """Make the sizes and sums in the notes right, as far as they are notes at all."""
    data = (path / NOTES).read_bytes()
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        notes = json.loads(data)
        for name, entry in notes["files"].items():
            contents = (path / Path(name).name).read_bytes()
            entry["bytes"] = len(contents)
            entry["sha256"] = hashlib.sha256(contents).hexdigest()
        del notes["sha256"]
        data = json.dumps(notes, indent=2).encode().removesuffix(b"\n}")
        seal = hashlib.sha256(data).hexdigest()
        (path / NOTES).write_bytes(data + f',\n  "sha256": "{seal}"\n}}\n'.encode())


def _load_corpus(path: Path) -> None:
    # As a reader of it would: every number is looked at.
    stored = load_encoded(path)
    assert int(stored.corpus.ids.sum()) >= 0


_COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zstd": _arrow_compressed("zstd"),
    "lz4": _arrow_compressed("lz4"),
}


def _compressed(codec: str) -> Callable[[], bytes]:
    return lambda: _COMPRESSED[codec](_plain())


TEXTS: dict[str, Target] = {
    "text": _text("auto", _plain),
    **{f"text-{codec}": _text("auto", _compressed(codec)) for codec in _COMPRESSED},
    "jsonl": _text("jsonl", _jsonl),
    "csv": _text("csv", _delimited(",")),
    "tsv": _text("tsv", _delimited("\t")),
    "parquet-text": _text("auto", _parquet_text),
    "arrow": _text("arrow", _arrow(pa.ipc.new_file)),
    "arrow-stream": _text("arrow", _arrow(pa.ipc.new_stream)),
    "arrow-lz4": _text(
        "arrow", _arrow(pa.ipc.new_file, options=pa.ipc.IpcWriteOptions(compression="lz4"))
    ),
    "arrow-dictionary": _text("arrow", _arrow(pa.ipc.new_file, _dictionary)),
    "arrow-view": _text("arrow", _arrow(pa.ipc.new_file, _view)),
    **{
        f"corpus/{name}": Target(_corpus, _load_corpus, name, _seal_corpus)
        for name in (NOTES, "ids.npy", "starts.npy", "vocabulary.json")
    },
}

# Damage

_NUMBERS = (b"0", b"-1", b"99999999", b"9" * 20, b"9" * 5000, b"1e999", b"nan", b"4294967295")
_BYTES = (
    bytes(8),
    b"\xff" * 4,
    b"\xff" * 8,
    b"\xff\xff\xff\x7f",
    b"\n",
    b"\r",
    b" ",
    b"\xef\xbb\xbf",
)


@st.composite
def _damaged(draw: st.DrawFn, sample: bytes) -> bytes:
    """Draw a file that was damaged in a few places."""
    data = sample
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 5))
        place = draw(st.integers(0, len(data)))
        length = draw(st.integers(1, 16))
        before, part, after = data[:place], data[place : place + length], data[place + length :]
        if kind == 0 and part:
            data = before + bytes([part[0] ^ 1 << length % 8]) + part[1:] + after
        elif kind == 1:
            data = before
        elif kind == 2:
            data = before + draw(st.sampled_from(_BYTES) | st.binary(max_size=8)) + part + after
        elif kind == 3:
            data = before + part + part + after
        elif kind == 4:
            data = before + after
        else:  # the next number
            digits = re.compile(rb"[0-9]+").search(data, place)
            if digits is not None:
                number = draw(st.sampled_from(_NUMBERS))
                data = data[: digits.start()] + number + data[digits.end() :]
    return data


def check_refusals(target: Target, folder: Path, examples: int, memory: int) -> None:
    """Let a reader read damaged files and files of random bytes, always the same ones.

    Raises whatever is not XW2VError, and AssertionError if it takes more memory.

    Parameters
    ----------
    target : Target
    folder : Path
        An empty one.
    examples : int
    memory : int
        In bytes; what Python and NumPy allocate counts.
    """
    sample = target.sample(folder)
    target.read(folder / "it")  # which imports what it needs

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],  # which goes by the clock
    )
    @given(_damaged(sample) | st.binary(max_size=100) | st.binary(max_size=20).map(sample.__add__))
    def check(data: bytes) -> None:
        tracemalloc.start()  # and not before, since it makes everything slow
        try:
            target.try_to_read(folder, data)
            assert tracemalloc.get_traced_memory()[1] < memory
        finally:
            tracemalloc.stop()

    check()

"""Damaged directories: they are refused, or loaded as what was saved; nothing else happens."""

import json
import os
import random
import shutil
import signal
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xw2v.config import TrainingConfig
from xw2v.errors import ModelFileError, XW2VError
from xw2v.formats import SavedModel, load_model, load_vocabulary, load_word_vectors, save_model
from xw2v.formats.checksums import SUMS, file_digest, write_sums

WORDS = ("the", "", "line\nbreak", "é", "👩‍🚀", "\ud83d", "of")
FILES = ("config.json", "loss.jsonl", "vectors.safetensors", "vocabulary.json")
PICTURE = "loss.png"

FLIPS = 120
CUTS = 15


@dataclass(frozen=True)
class Kind:
    """A kind of directory.

    Parameters
    ----------
    name : str
    make : callable
        Makes a small directory of that name.
    load : callable
        Returns what is in a directory, to be compared.
    checked : tuple of str
        The files whose every bit counts: damaged, they are refused.
    careless : tuple of str
        Those in which damage may go unnoticed: then the directory loads as what it was.
    blind : tuple of str
        Those without a sum: damaged, they may load as something else.
    """

    name: str
    make: Callable[[Path], None]
    load: Callable[[Path], object]
    checked: tuple[str, ...]
    careless: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.checked, *self.careless, *self.blind)


def draw(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n")


def make_model(path: Path) -> None:
    rng = np.random.default_rng(0)
    model = SavedModel(
        words=WORDS,
        counts=np.arange(len(WORDS), 0, -1),
        input_vectors=rng.standard_normal((len(WORDS), 3), np.float32),
        output_vectors=rng.standard_normal((len(WORDS), 3), np.float32),
        config=TrainingConfig(vector_size=3, frozen=("the",)),
        corpus={"files": ["ü.txt"], "words": 12, "notes": {"limit": None, "rate": 0.5}},
        loss_history=tuple({"words": n, "loss": 1 / n, "alpha": np.nan} for n in range(1, 5)),
    )
    save_model(path, model, pictures={PICTURE: draw})


def make_older_model(version: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        make_model(path)
        config = json.loads((path / "config.json").read_bytes())
        config["format_version"] = version
        (path / "config.json").write_text(json.dumps(config))
        (path / SUMS).unlink()

    return make


def whole_model(path: Path) -> object:
    model = load_model(path)
    arrays = (model.counts, model.input_vectors, model.output_vectors)
    parts = [model.words, model.config, model.corpus, model.loss_history]
    return repr(parts), [(array.shape, array.tobytes()) for array in arrays]


def word_vectors(path: Path) -> object:
    wv = load_word_vectors(path, "concat")
    counts = [wv.get_vecattr(word, "count") for word in wv.index_to_key]
    return repr(list(wv.index_to_key)), counts, wv.vectors.shape, wv.vectors.tobytes()


def vocabulary(path: Path) -> object:
    words, counts = load_vocabulary(path)
    return repr(words), counts.tolist()


KINDS = (
    Kind("model", make_model, whole_model, FILES, (SUMS, PICTURE)),
    Kind(
        "word vectors",
        make_model,
        word_vectors,
        ("config.json", "vectors.safetensors", "vocabulary.json"),
        (SUMS, PICTURE, "loss.jsonl"),
    ),
    Kind(
        "vocabulary",
        make_model,
        vocabulary,
        ("config.json", "vocabulary.json"),
        (SUMS, PICTURE, "loss.jsonl", "vectors.safetensors"),
    ),
    Kind("model, version 1", make_older_model(1), whole_model, (), (PICTURE,), FILES),
    Kind("model, version 2", make_older_model(2), whole_model, (), (PICTURE,), FILES),
)

each_file = pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(kind, name, id=f"{kind.name}-{name}") for kind in KINDS for name in kind.files],
)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@dataclass(frozen=True)
class Patient:
    """A directory to be damaged, and what it holds while it is whole."""

    kind: Kind
    path: Path
    content: object

    def refuses(self, name: str, damage: str) -> bool:
        """Load the directory with a file damaged; say whether it was refused.

        Any error but those of xw2v fails the test, and so does what no sum can excuse.
        """
        try:
            content = self.kind.load(self.path)
        except XW2VError:
            return True
        assert name not in self.kind.checked, f"{name}, {damage}: not noticed"
        if name not in self.kind.blind:
            assert content == self.content, f"{name}, {damage}: another model"
        return False


@pytest.fixture
def patient(tmp_path: Path, kind: Kind) -> Patient:
    path = tmp_path / "directory"
    kind.make(path)
    return Patient(kind, path, kind.load(path))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_file_is_damaged_below(patient: Patient) -> None:
    there = {entry.name for entry in patient.path.iterdir()}
    assert set(patient.kind.files) == there
    assert patient.kind.load(patient.path) == patient.content


def cuts(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    lengths = {0, 1, len(data) // 2, len(data) - 1}
    lengths |= {rng.randrange(len(data)) for _ in range(CUTS)}
    for length in sorted(lengths):
        yield f"{length} of {len(data)} bytes", data[:length]


def flips(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    bits = 8 * len(data)
    for bit in rng.sample(range(bits), min(FLIPS, bits)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit % 8} of byte {bit // 8}", bytes(damaged)


def additions(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    for more in (b"\0", b"\n", b" ", b"{}", rng.randbytes(100), data, bytes(5000)):
        yield f"followed by {more[:5]!r}", data + more
        yield f"preceded by {more[:5]!r}", more + data


def losses(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Sectors that were never written, or hold what belongs elsewhere."""
    for _ in range(CUTS):
        start = rng.randrange(len(data))
        end = rng.randint(start + 1, len(data))
        if any(data[start:end]):
            yield f"zeros from {start} to {end}", data[:start] + bytes(end - start) + data[end:]
        noise = rng.randbytes(end - start)
        if noise != data[start:end]:
            yield f"noise from {start} to {end}", data[:start] + noise + data[end:]
        yield f"without {start} to {end}", data[:start] + data[end:]


@each_file
def test_damaged_bytes(patient: Patient, name: str) -> None:
    path = patient.path / name
    data = path.read_bytes()
    rng = random.Random(f"{patient.kind.name} {name}")
    refused = 0
    for how in (cuts, flips, additions, losses):
        for damage, damaged in how(data, rng):
            assert damaged != data
            path.write_bytes(damaged)
            refused += patient.refuses(name, damage)
    if name not in patient.kind.careless:
        assert refused  # not all damage is harmless
    path.write_bytes(data)
    assert patient.kind.load(patient.path) == patient.content


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Let a test fail that waits for a pipe, where there are pipes."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def give_up(number: int, frame: object) -> None:
        pytest.fail("it waits for ever")  # no OSError, which could be taken for one of the file's

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("no_waiting")
@each_file
def test_files_that_are_no_files(patient: Patient, name: str) -> None:
    """A lost file is noticed wherever it is read."""
    path = patient.path / name
    path.unlink()
    missing = patient.refuses(name, "missing")
    path.mkdir()
    directory = patient.refuses(name, "a directory")
    path.rmdir()
    read = name not in patient.kind.careless or name == SUMS
    assert missing == directory == read
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert patient.refuses(name, "a pipe") == read


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_files_in_each_others_place(patient: Patient) -> None:
    contents = {name: (patient.path / name).read_bytes() for name in patient.kind.files}
    for name, own in contents.items():
        for other, data in contents.items():
            if data != own:
                (patient.path / name).write_bytes(data)
                patient.refuses(name, f"{other} in its place")
        (patient.path / name).write_bytes(own)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.checked], ids=lambda k: k.name)
def test_files_of_another_directory_of_that_kind(patient: Patient) -> None:
    """Each is sound by itself."""
    for name in patient.kind.checked:
        other = patient.path.with_name("other")
        patient.kind.make(other)
        # One bit that every format lets pass: a space, or the sign of the last number.
        data = (other / name).read_bytes()
        if name.endswith(".json"):
            changed = data.rstrip(b"\n") + b" \n"
        elif name.endswith(".jsonl"):
            changed = data.replace(b"}\n", b" }\n", 1)
        else:
            changed = data[:-1] + bytes([data[-1] ^ 0x80])
        assert changed != data
        (other / name).write_bytes(changed)
        with pytest.raises(ModelFileError, match=f"{name} is damaged: its SHA-256 is not the one"):
            patient.kind.load(other)
        shutil.rmtree(other)


# What claims to be more than it is, with sums that are right


def header(tensors: object, claimed: int | None = None, data: bytes = b"") -> bytes:
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + data


def tensor(shape: list[int], end: int, dtype: str = "F32", start: int = 0) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def pair(shape: list[int], end: int, **options: Any) -> dict[str, Any]:
    return {"input": tensor(shape, end, **options), "output": tensor(shape, end, **options)}


HOSTILE_TENSORS = {
    "no header": b"",
    "half a length": b"\x10\0\0",
    "header of 2**63 bytes": header({}, claimed=2**63),
    "header of 2**64 - 1 bytes": header({}, claimed=2**64 - 1),
    "header of 99 MB": header({}, claimed=99_000_000),
    "header of one byte more": header({}, claimed=3),
    "empty": header({}),
    "not JSON": header(b"\xff\xfe\0"),
    "a list": header([]),
    "deep": header(b'{"input":' * 100_000),
    "deep list": header(b"[" * 100_000),
    "12 GB": header(pair([10**9, 3], 12 * 10**9)),
    "12 GB of the right rows": header(pair([7, 428_571_428], 7 * 428_571_428 * 4)),
    "12 GB in nothing": header(pair([10**9, 3], 0)),
    "more elements than there are": header(pair([10**18, 10**18], 0)),
    "no rows of 2**64 - 1": header(pair([0, 2**64 - 1], 0)),
    "no rows of 2**63": header(pair([0, 2**63], 0)),
    "rows of nothing": header(pair([7, 0], 0)),
    "70 dimensions": header(pair([1] * 70, 4), data=bytes(4)),
    "negative": header(pair([-7, -3], 84), data=bytes(84)),
    "a fraction": header({"input": {**tensor([7, 3], 84), "shape": [7.5, 3]}}, data=bytes(84)),
    "no dimension": header(pair([], 4), data=bytes(4)),
    "backwards": header({"input": tensor([7, 3], 0, start=84)}, data=bytes(84)),
    "overlapping": header(pair([7, 3], 84), data=bytes(84)),
    "unknown dtype": header(pair([7, 3], 84, dtype="F31"), data=bytes(84)),
    "bfloat16": header(
        {
            "input": tensor([7, 3], 42, dtype="BF16"),
            "output": tensor([7, 3], 84, dtype="BF16", start=42),
        },
        data=bytes(84),
    ),
    "float8": header(
        {
            "input": tensor([7, 3], 21, dtype="F8_E4M3"),
            "output": tensor([7, 3], 42, dtype="F8_E4M3", start=21),
        },
        data=bytes(42),
    ),
    "10,000 tensors": header(
        b"{%s}"
        % b",".join(
            b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % n for n in range(10_000)
        )
    ),
}

HOSTILE_JSON = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"words":' * 100_000,
    "deep and closed": b'{"words":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "a long number": b'{"counts":[' + b"9" * 100_000 + b"]}",
    "a large exponent": b'{"counts":[1e999999999]}',
    "many words, one count": b'{"words":["' + b'","'.join(b"%d" % n for n in range(10_000)) + b'"],'
    b'"counts":[1]}',
    "many counts, one word": b'{"words":["a"],"counts":[' + b"1," * 10_000 + b"1]}",
    "a word of 100 KB, twice": b'{"words":["%s","%s"],"counts":[1,1]}' % ((b"a" * 100_000,) * 2),
    "half an escape": b'{"words":["\\ud83',
    "UTF-16": '{"words":["a"],"counts":[1]}'.encode("utf-16"),
    "the key words twice": b'{"words":["a"],"words":["b"],"counts":[1]}',
}

HOSTILE = [
    *(("vectors.safetensors", trouble, data) for trouble, data in HOSTILE_TENSORS.items()),
    *(
        (name, trouble, data)
        for name in ("config.json", "loss.jsonl", "vocabulary.json")
        for trouble, data in HOSTILE_JSON.items()
    ),
]


@pytest.mark.parametrize(
    ("name", "data"),
    [pytest.param(name, data, id=f"{name}-{trouble}") for name, trouble, data in HOSTILE],
)
def test_claims_are_checked_before_memory_is_taken(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / "model"
    make_model(path)
    load_model(path)  # imports what it needs
    (path / name).write_bytes(data)
    write_sums(path, {file: file_digest(path / file) for file in FILES})
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=name.replace(".", r"\.")):
            load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Python's values are larger than their text in JSON, by 20 times for short words.
    assert peak < 1_000_000 + 30 * len(data)


def test_no_words_of_too_many_dimensions(tmp_path: Path) -> None:
    """The only shape that a file of a few bytes can have, and an array cannot."""
    make_model(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_bytes())
    config["training"]["vector_size"] = 2**63
    for name, data in {
        "config.json": json.dumps(config).encode(),
        "vocabulary.json": b'{"words": [], "counts": []}',
        "vectors.safetensors": header(pair([0, 2**63], 0)),
    }.items():
        (tmp_path / "model" / name).write_bytes(data)
    write_sums(tmp_path / "model", {name: file_digest(tmp_path / "model" / name) for name in FILES})
    with pytest.raises(ModelFileError, match=r"vectors\.safetensors is damaged: "):
        load_model(tmp_path / "model")

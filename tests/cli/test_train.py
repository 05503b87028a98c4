"""`xw2v train`, mostly as a process on real files."""

import errno
import importlib.metadata
import itertools
import os
import platform
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from tests.cli.conftest import TOPICS, Outcome, Run, Trained, topic_sentences
from tests.conftest import needs_fork
from xw2v.cli import main
from xw2v.cli.hyperparameters import HYPERPARAMETERS, in_words
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError
from xw2v.formats import load_model

Call = Callable[..., Outcome]

QUICK = ("--vector-size", "4", "--epochs", "1", "--min-count", "1")
TWO_WORKERS = ("--workers", "2", "--batch-words", "2048")  # of which smaller batches need but one


def test_a_model_directory_and_a_text_file(trained: Trained, corpus: Path) -> None:
    assert {path.name for path in trained.model.iterdir()} == {
        "SHA256SUMS",
        "config.json",
        "loss.jsonl",
        "loss.png",
        "vectors.safetensors",
        "vocabulary.json",
    }
    assert (trained.model / "loss.png").read_bytes().startswith(b"\x89PNG\r\n")
    saved = load_model(trained.model)
    assert sorted(saved.words) == sorted(word for topic in TOPICS.values() for word in topic)
    assert saved.input_vectors.shape == (24, 8)
    config = saved.config
    assert (config.vector_size, config.window, config.sample) == (8, 3, 0.0)
    assert (config.epochs, config.alpha, config.shrink_windows) == (3, 0.05, True)
    assert saved.corpus["source"] == [str(corpus)]
    assert saved.corpus["words"] == 12_000
    assert saved.corpus["versions"] == {
        "xw2v": importlib.metadata.version("xw2v"),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    # Nothing is left of the temporary files.
    assert {path.name for path in trained.text.parent.iterdir()} == {"made", "vectors.txt"}
    assert [path.name for path in trained.model.parent.iterdir()] == ["model"]

    first, *rest = trained.text.read_text("utf-8").splitlines()
    assert first == "24 8"
    words = [line.split(" ")[0] for line in rest]
    assert words == list(saved.words)
    table = np.array([line.split(" ")[1:] for line in rest], np.float32)
    np.testing.assert_array_equal(table, saved.input_vectors)


def test_what_training_says(trained: Trained, corpus: Path) -> None:
    status, out, err = trained.outcome
    assert status == 0
    lines = err.splitlines()
    assert lines[0] == f"text: {corpus}"
    assert lines[1].startswith("read: 12,000 words in ")
    assert lines[2] == "kept: 12,000 words in 1,200 sentences, vocabulary 24"
    assert lines[3] == "model: skip-gram, negative sampling, SGD; training on cpu"
    # A pipe gets lines, not a bar, and a last one even from so short a run.
    assert lines[-1].startswith("training: 100.0%, epoch 3/3, ")
    assert " words/s, alpha 0.0001, loss " in lines[-1]
    assert lines[-1].endswith(" taken")
    assert "\x1b" not in err + out
    assert "vocabulary  24 words\n" in out
    assert "trained     36,000 words in " in out
    assert f"model       {Path('made/model')}\n" in out
    assert "text        vectors.txt\n" in out
    assert out.endswith("Now try:  xw2v most-similar made/model WORD\n")


def test_quiet_stdin_lowercase_and_an_existing_model(run: Run, tmp_path: Path) -> None:
    text = "Roma LUX Ámbar\n".encode() * 50
    arguments = ("train", "-", "--lowercase", "--quiet", "-o", tmp_path / "m", *QUICK)
    assert run(*arguments, stdin=text) == (0, "", "")
    saved = load_model(tmp_path / "m")
    assert saved.words == ("roma", "lux", "ámbar")
    assert saved.corpus["source"] == ["-"]
    assert saved.corpus["lowercase"] is True

    # Even quiet refuses aloud, and before it reads: this file does not exist.
    status, out, err = run("train", "nothing.txt", "--quiet", "-o", tmp_path / "m", *QUICK)
    assert (status, out) == (1, "")
    assert err.startswith(f"xw2v: error: {tmp_path / 'm'} holds a model already")
    assert load_model(tmp_path / "m").words == saved.words


def test_profile(call: Call, corpus: Path, tmp_path: Path) -> None:
    options = ("--profile", *TWO_WORKERS, "--epochs=1", "--min-count=1")
    status, out, err = call("train", corpus, "-o", tmp_path / "m", *options)
    assert status == 0, err
    table = out[out.index("phase") : out.index("\n\nNow try")].splitlines()
    assert table[0].split() == ["phase", "share", "seconds", "of", "workers", "us/word"]
    rows = [line.split() for line in table[1:]]
    phases = {"plan", "gather", "products", "logits", "scatter", "wait"}
    assert {row[0] for row in rows} == phases
    assert sum(float(row[1].removesuffix("%")) for row in rows) == pytest.approx(100, abs=0.5)
    seconds = [float(row[2]) for row in rows]
    assert seconds == sorted(seconds, reverse=True)


def test_overwrite(call: Call, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old words " * 9)
    (tmp_path / "new.txt").write_text("new terms " * 9)
    output = ("-o", tmp_path / "m", "--text", tmp_path / "v.txt", *QUICK)
    assert call("train", tmp_path / "old.txt", *output).status == 0
    status, _, err = call("train", tmp_path / "new.txt", "-o", tmp_path / "n", *output[2:])
    assert status == 1
    assert "v.txt exists already; choose another name or use --overwrite" in err
    assert not (tmp_path / "n").exists()
    assert call("train", tmp_path / "new.txt", "--overwrite", *output).status == 0
    assert load_model(tmp_path / "m").words == ("new", "terms")
    assert (tmp_path / "v.txt").read_text().startswith("2 4\nnew ")


def test_several_files_and_globs(call: Call, tmp_path: Path) -> None:
    for name, words in {"a1.txt": "one two", "a2.txt": "two three", "b.txt": "four one"}.items():
        (tmp_path / name).write_text(f"{words}\n" * 9)
    pattern = str(tmp_path / "a*.txt")
    outcome = call("train", pattern, tmp_path / "b.txt", "-o", tmp_path / "m", *QUICK)
    assert outcome.status == 0
    saved = load_model(tmp_path / "m")
    counts = dict(zip(saved.words, saved.counts.tolist(), strict=True))
    assert counts == {"two": 18, "one": 18, "three": 9, "four": 9}
    assert saved.corpus["source"] == [pattern, str(tmp_path / "b.txt")]


def test_every_hyperparameter_arrives(call: Call, corpus: Path, tmp_path: Path) -> None:
    values = {
        "model": "cbow",
        "cbow_gradient": "undivided",
        "output": "negative",
        "vectors": "concat",
        "optimizer": "adagrad",
        "schedule": "cosine",
        "vector_size": 6,
        "window": 2,
        "negative": 3,
        "negatives_per": "pair",
        "ns_exponent": 0.5,
        "min_count": 2,
        "max_final_vocab": 9,
        "sample": 0.01,
        "epochs": 2,
        "alpha": 0.03,
        "min_alpha": 0.001,
        "seed": 9,
        "workers": 1,
        "device": "cpu",
        "device_share": 0.5,
        "batch_words": 100,
        "block_size": 8,
        "shared_negatives": 16,
        "group_blocks": 2,
        "interleave": 3,
        "damping": 0.1,
    }
    counts = Counter(corpus.read_text("utf-8").split())
    words = tuple(word for word, _ in counts.most_common(2))  # the vocabulary will be small
    flags = {
        "--fixed-window": ("shrink_windows", False),
        "--deterministic": ("deterministic", True),
        "--cbow-sum": ("cbow_mean", False),
        "--negatives-exclude-positive": ("negatives_exclude_positive", True),
        "--negatives-without-replacement": ("negatives_without_replacement", True),
        f"--frozen={words[0]}": ("frozen", words),
        f"--frozen={words[1]}": ("frozen", words),
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    status, _, err = call("train", corpus, "--out", tmp_path / "m", *flags, *options)
    assert status == 0, err
    saved = load_model(tmp_path / "m")
    assert saved.config.to_dict() == {**values, **dict(flags.values())}
    assert len(saved.words) == 9
    assert "model: CBOW, negative sampling, AdaGrad; training on cpu\n" in err


class BegunError(Exception):
    """Ends a run that has begun to train."""


@pytest.mark.parametrize(
    ("options", "expected", "said"),
    [
        ("", {}, "skip-gram, negative sampling, SGD"),
        ("--sg 1", {}, "skip-gram, negative sampling, SGD"),
        ("--sg 0", {"model": "cbow"}, "CBOW, negative sampling, SGD"),
        ("--sg 0 --model cbow", {"model": "cbow"}, "CBOW, negative sampling, SGD"),
        (
            "--output hierarchical --negative 0 --optimizer adagrad",
            {"output": "hierarchical", "optimizer": "adagrad"},
            "skip-gram, hierarchical softmax, AdaGrad",
        ),
        (
            "--model cbow --cbow-mean --output softmax --optimizer adam",
            {"model": "cbow", "output": "softmax", "optimizer": "adam"},
            "CBOW, exact softmax, Adam",
        ),
        ("--schedule constant --alpha 1e-5", {"schedule": "constant", "alpha": 1e-5}, "SGD"),
    ],
)
def test_the_model_asked_for(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: str,
    expected: dict[str, Any],
    said: str,
) -> None:
    def ask(vocabulary: object, corpus: object, config: TrainingConfig, **_: object) -> None:
        raise BegunError(config)

    monkeypatch.setattr("xw2v.cli.train.train_model", ask)
    for quiet in ([], ["--quiet"]):
        with pytest.raises(BegunError) as asked:
            main(["train", str(corpus), "-o", str(tmp_path / "m"), *options.split(), *quiet])
        assert asked.value.args == (TrainingConfig(**expected),)
        err = capsys.readouterr().err
        assert err == "" if quiet else f"{said}; training on cpu\n" in err


def test_what_the_text_does_not_allow(call: Call, corpus: Path, tmp_path: Path) -> None:
    """Some options can be judged only when the vocabulary is known."""
    status, out, err = call("train", corpus, "-o", tmp_path / "m", "--frozen", "aple", *QUICK)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == (
        "xw2v: error: --frozen must be words of the vocabulary, which 'aple' is not: check its "
        "spelling, --min-count and --max-final-vocab"
    )
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("sg=0 means model 'cbow'", "--sg=0 means --model 'cbow'"),
        ("min_alpha (2) must be below alpha (1)", "--min-alpha (2) must be below --alpha (1)"),
        ("shrink_windows must be True", "--fixed-window must be True"),
        ("a model needs words: lower min_count", "a model needs words: lower --min-count"),
        ("max_final_vocab, ns_exponent: no", "--max-final-vocab, --ns-exponent: no"),
        ("its output vectors sample a window", "its output vectors sample a window"),
    ],
)
def test_options_are_called_what_was_typed(message: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught, HYPERPARAMETERS.named():
        raise ConfigError(message)
    assert str(caught.value) == named


def test_every_choice_has_a_name() -> None:
    hints = get_type_hints(TrainingConfig)
    choices = [get_args(hints[name]) for name in ("model", "output", "optimizer")]
    for model, output, optimizer in itertools.product(*choices):
        config = TrainingConfig(model=model, output=output, optimizer=optimizer)
        assert len(in_words(config).split(", ")) == 3


def test_the_text_file_has_the_vectors_asked_for(call: Call, corpus: Path, tmp_path: Path) -> None:
    text = tmp_path / "v.txt"
    arguments = ("-o", tmp_path / "m", "--text", text, "--vectors", "concat", *QUICK)
    status, _, err = call("train", corpus, *arguments)
    assert status == 0, err
    first, *rest = text.read_text("utf-8").splitlines()
    assert first == "24 8"
    table = np.array([line.split(" ")[1:] for line in rest], np.float32)
    saved = load_model(tmp_path / "m")
    assert saved.config.vectors == "concat"
    np.testing.assert_array_equal(table, np.hstack([saved.input_vectors, saved.output_vectors]))


def test_text_that_is_not_utf8(run: Run, tmp_path: Path) -> None:
    (tmp_path / "here/bytes.txt").write_bytes(b"one two\nthr\xffee\n")
    status, out, err = run("train", "bytes.txt", "--quiet")
    assert (status, out) == (1, "")
    assert err.startswith("xw2v: error: bytes.txt is not UTF-8: byte 11 (counted from 0) ")
    assert "--encoding-errors replace" in err
    assert not (tmp_path / "here/xw2v-model").exists()


def test_a_missing_file(run: Run) -> None:
    status, out, err = run("train", "missing.txt")
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "text: missing.txt",
        "xw2v: error: missing.txt does not exist; check the name and the folder",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "folder holds no files; name a folder that does, or a file"),
        ("none*.txt", "no file matches none*.txt"),
        ("empty.txt", "no words in empty.txt"),
        ("rare.txt", "none of the 3 distinct words in rare.txt occurs 5 times"),
    ],
)
def test_text_that_cannot_be_used(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "rare.txt").write_text("each word once")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    status, out, err = call("train", name, "--quiet")
    assert (status, out) == (1, "")
    assert err.startswith(f"xw2v: error: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "xw2v-model").exists()


@pytest.mark.parametrize(("errors", "word"), [("replace", "thr\ufffdee"), ("ignore", "three")])
def test_encoding_errors(call: Call, tmp_path: Path, errors: str, word: str) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"one two thr\xffee\n" * 9)
    options = ("--encoding-errors", errors, "-o", tmp_path / "m", *QUICK)
    assert call("train", tmp_path / "bytes.txt", *options).status == 0
    assert load_model(tmp_path / "m").words == ("one", "two", word)


def test_negative_sizes_in_a_process(run: Run) -> None:
    status, out, err = run("train", "nothing.txt", "--vector-size", "-3")
    assert (status, out) == (2, "")
    assert err == "xw2v: error: --vector-size must be a whole number of at least 1, not -3\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--negative", "0"], "--negative must be a whole number of at least 1, not 0"),
        (["--window=-5"], "--window must be a whole number of at least 1, not -5"),
        (["--workers", "0"], "--workers must be a whole number of at least 1, not 0"),
        (["--alpha", "nan"], "--alpha must be a finite number of at least 0, not nan"),
        (["--alpha", "1e-5"], "--min-alpha (0.0001) must not be above --alpha (1e-05)"),
        (["--device", "tpu"], "--device must be 'cpu', 'cuda', 'cuda:N' or 'auto', not 'tpu'"),
        (["--epochs", "many"], "Invalid value for '--epochs': 'many' is not a valid integer."),
        (["--negatives-per", "word"], "Invalid value for '--negatives-per'"),
        (["--output", "here"], "'here' is not one of 'negative', 'hierarchical', 'softmax'"),
        (["--sg", "2"], "Invalid value for '--sg': '2' is not one of '1', '0'"),
        (
            ["--sg", "0", "--model", "skipgram"],
            "--sg=0 means --model 'cbow', not 'skipgram'",
        ),
        (["--sg", "1", "--model", "cbow"], "--sg=1 means --model 'skipgram', not 'cbow'"),
        (["--schedule", "cosine", "--alpha", "1e-5"], "--min-alpha (0.0001) must not be above"),
        (
            ["--negatives-exclude-positive"],
            "--negatives-exclude-positive needs --output 'negative' and --negatives-per 'pair': ",
        ),
        (
            ["--negatives-without-replacement", "--negatives-per=pair", "--output=softmax"],
            "--negatives-without-replacement needs --output 'negative' and --negatives-per 'pair'",
        ),
        (
            ["--vectors", "mean", "--output", "hierarchical"],
            "--vectors must be 'input' for --output 'hierarchical', not 'mean': its output ",
        ),
        (["--encoding-errors", "x"], "Invalid value for '--encoding-errors'"),
        (["--format", "x"], "Invalid value for '--format': 'x' is not one of 'auto', 'text', "),
        (["--normalize", "NFX"], "Invalid value for '--normalize': 'NFX' is not one of 'NFC', "),
        (["--field", ""], "--field must be a name, not ''"),
        (["--column", ""], "--column must be a name, not ''"),
        (["--token-pattern", "[a"], "--token-pattern '[a' is no regular expression: "),
        (["--token-pattern", "a*"], "--token-pattern 'a*' matches the empty string"),
        (["--token-pattern", "(a)(b)"], "--token-pattern '(a)(b)' has 2 groups: "),
        (
            ["--token-pattern", "a+", "--segment", "chinese"],
            "--segment and --token-pattern both say where words end",
        ),
        (["--phrases", "-1"], "--phrases must be a number of passes, or 0, not -1"),
        (["--phrase-min-count", "0"], "--phrase-min-count must be above 0, not 0.0"),
        (["--phrase-min-count", "nan"], "--phrase-min-count must be a finite number, not nan"),
        (
            ["--phrase-threshold", "0"],
            "--phrase-threshold must be above 0 for --phrase-scoring 'default', not 0.0",
        ),
        (["--phrase-threshold", "inf"], "--phrase-threshold must be a finite number, not inf"),
        (
            ["--phrase-threshold", "2", "--phrase-scoring", "npmi"],
            "--phrase-threshold must be between -1 and 1 for --phrase-scoring 'npmi', not 2.0",
        ),
        (["--phrase-delimiter", " "], "--phrase-delimiter must be a string of at least one char"),
        (["--unk", ""], "--unk must be a word, such as '<unk>', not ''"),
        (["--max-vocab-size", "0"], "--max-vocab-size must be a positive whole number, not 0"),
        (["--vectorsize", "3"], "--vector-size"),
    ],
)
def test_options_that_cannot_work(call: Call, options: list[str], message: str) -> None:
    # The file does not exist: options are looked at before anything is read.
    status, out, err = call("train", "nothing.txt", *options)
    assert (status, out) == (2, "")
    assert err.startswith("xw2v: error: ")
    assert message in err


def test_outputs_that_cannot_be_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for options, message in [
        (["-o", tmp_path / "file/m"], f"cannot write {tmp_path / 'file/m'}: Not a directory"),
        (["-o", tmp_path / "file"], f"{tmp_path / 'file'} is a file; a model is a directory"),
        (["-o", tmp_path], f"{tmp_path} is a directory, but no xw2v model"),
        (["-o", tmp_path / "m", "--text", tmp_path / "folder"], "is a directory; --text names"),
        (["-o", tmp_path / "m", "--text", tmp_path / "m"], "is a directory; --text names a file"),
        (["-o", tmp_path / "m", "--text", tmp_path / "no/v"], "No such file or directory"),
    ]:
        status, out, err = call("train", "nothing.txt", *options)
        assert (status, out) == (1, "")
        assert message in err
        assert err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_folder_without_write_permission(call: Call, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    status, _, err = call("train", "nothing.txt", "-o", tmp_path / "m")
    tmp_path.chmod(0o700)
    assert status == 1
    assert f"cannot write {tmp_path / 'm'}: Permission denied" in err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("Unable to allocate 9 EiB"), "out of memory: Unable to allocate 9 EiB; "),
        (MemoryError(), "out of memory; a smaller --vector-size"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), os.strerror(errno.ENOSPC) + "\n"),
        (OSError(errno.EIO, "bad disk", "/spool"), "/spool: bad disk\n"),
    ],
)
def test_when_the_machine_gives_up(
    call: Call,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("xw2v.cli.train.train_model", fail)
    status, out, err = call("train", corpus, "-o", tmp_path / "m", "--quiet")
    assert (status, out) == (1, "")
    assert err.startswith(f"xw2v: error: {message}")
    assert err.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_disk(call: Call, corpus: Path, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "m", "--text", "/dev/full", *QUICK)
    status, _, err = call("train", corpus, "--quiet", *output)
    assert status == 1
    assert err == "xw2v: error: cannot write /dev/full: No space left on device\n"
    assert len(load_model(tmp_path / "m").words) == 24  # this was saved before


@needs_fork
def test_a_worker_that_is_killed(
    call: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = os.getpid()

    def fatal(*args: Any) -> None:
        if os.getpid() != caller:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("xw2v.training.trainer.initialize", fatal)
    status, out, err = call("train", corpus, "-o", tmp_path / "m", *QUICK, *TWO_WORKERS)
    assert (status, out) == (1, "")
    message = err[err.index("xw2v: error") :]
    assert message.startswith("xw2v: error: worker process xw2v-1 was killed by signal 9: ")
    assert message.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_built_in_corpus(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [*topic_sentences(300), "file string class error", "file error integer"] * 3
    monkeypatch.setattr("xw2v.cli.reading.builtin_sentences", lambda: map(str.split, sentences))
    status, out, err = call("train", "-o", tmp_path / "m", "--vector-size", "4", "--min-count", "3")
    assert status == 0
    assert err.startswith(
        "text: the documentation in the sources of Python and NumPy (no file was named)\n"
    )
    _, _, shown = out.partition("\nWords and their nearest neighbors:\n")
    words = [line.split()[0] for line in shown.splitlines() if "," in line]
    assert words == ["file", "integer", "error"]


@pytest.mark.slow
def test_first_command(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("train", "--epochs", "2")
    assert status == 0
    assert "Words and their nearest neighbors:\nfile " in out
    assert run("similarity", "xw2v-model", "file", "files").status == 0

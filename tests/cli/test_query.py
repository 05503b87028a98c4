"""Questions to a model: what people and programs get to see."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import array_api_strict
import numpy as np
import pytest
from array_api_compat import array_namespace

from tests.backend.fakes import fake_cupy, no_cupy
from tests.cli.conftest import TOPICS, Outcome, Run, environment
from xw2v.backend import Device
from xw2v.config import Vectors
from xw2v.formats import load_model, load_word_vectors, save_model
from xw2v.vectors import WordVectors

Call = Callable[..., Outcome]


def test_analogy_by_multiplication(call: Call, model: Path) -> None:
    words = ("analogy", model, "apple", "river", "iron", "--method", "mul", "--topn", 3, "--json")
    status, out, _ = call(*words)
    wv = load_word_vectors(model)
    expected = wv.most_similar_cosmul(["river", "iron"], ["apple"], topn=3)
    assert status == 0
    assert json.loads(out)["answers"] == [{"word": w, "similarity": s} for w, s in expected]
    assert expected[0][1] != pytest.approx(wv.most_similar(["river", "iron"], "apple")[0][1])


def test_similarity(run: Run, model: Path) -> None:
    status, out, err = run("similarity", model, "apple", "pear")
    assert (status, err) == (0, "")
    expected = load_word_vectors(model).similarity("apple", "pear")
    assert out == f"{expected:.4f}\n"
    assert expected > load_word_vectors(model).similarity("apple", "zinc")


def test_similarity_as_json(call: Call, model: Path) -> None:
    status, out, _ = call("similarity", model, "apple", "физика", "--json")
    expected = load_word_vectors(model).similarity("apple", "физика")
    assert status == 0
    assert json.loads(out) == {"words": ["apple", "физика"], "similarity": expected}


def test_most_similar(run: Run, model: Path) -> None:
    status, out, err = run("most-similar", model, "физика", "--topn", "5")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert {word for word, _ in rows} == set(TOPICS["наука"]) - {"физика"}
    scores = [float(score) for _, score in rows]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] <= 1
    assert len({line.index(" 0.") for line in out.splitlines()}) == 1  # one below the other


def test_most_similar_with_several_words_as_json(call: Call, model: Path) -> None:
    words = ("most-similar", model, "apple", "iron", "--negative", "pear", "--negative", "plum")
    status, out, err = call(*words, "--topn", 3, "--restrict-vocab", 20, "--json")
    assert (status, err) == (0, "")
    expected = load_word_vectors(model).most_similar(
        ["apple", "iron"], ["pear", "plum"], topn=3, restrict_vocab=20
    )
    assert json.loads(out) == {
        "positive": ["apple", "iron"],
        "negative": ["pear", "plum"],
        "neighbors": [{"word": word, "similarity": score} for word, score in expected],
    }
    assert len(expected) == 3


def test_analogy(call: Call, model: Path) -> None:
    expected = load_word_vectors(model).most_similar(["river", "iron"], ["apple"], topn=2)
    status, out, _ = call("analogy", model, "apple", "river", "iron", "--topn", 2)
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [word for word, _ in expected]
    status, out, _ = call("analogy", model, "apple", "river", "iron", "--topn", 2, "--json")
    assert status == 0
    assert json.loads(out) == {
        "a": "apple",
        "b": "river",
        "c": "iron",
        "answers": [{"word": word, "similarity": score} for word, score in expected],
    }


def test_more_words_than_there_are(call: Call, model: Path) -> None:
    status, out, _ = call("most-similar", model, "apple", "--topn", 1000)
    assert status == 0
    assert len(out.splitlines()) == 23


def test_doesnt_match(call: Call, model: Path) -> None:
    words = ["apple", "zinc", "pear", "plum"]
    assert call("doesnt-match", model, *words) == (0, "zinc\n", "")
    document = json.loads(call("doesnt-match", model, *words, "--json").out)
    assert document == {"words": words, "doesnt_match": "zinc"}
    status, out, err = call("doesnt-match", model, *words, "nikel")
    assert (status, out) == (1, "")
    assert "'nikel' is not in the vocabulary; did you mean nickel?" in err


def test_vectors(call: Call, model: Path) -> None:
    wv = load_word_vectors(model)
    status, out, err = call("vectors", model, "apple", "физика")
    assert (status, err) == (0, "")
    lines = [line.split(" ") for line in out.splitlines()]
    assert [word for word, *_ in lines] == ["apple", "физика"]
    found = np.asarray([numbers for _, *numbers in lines], dtype=np.float32)
    np.testing.assert_array_equal(found, wv[["apple", "физика"]])  # to the last bit

    document = json.loads(call("vectors", model, "apple", "--norm", "--json").out)
    (record,) = document["vectors"]
    assert record["word"] == "apple"
    np.testing.assert_array_equal(record["vector"], wv.get_vector("apple", norm=True))
    _, out, _ = call("vectors", model, "--first", 3)
    assert [line.split()[0] for line in out.splitlines()] == wv.index_to_key[:3]
    assert len(call("vectors", model).out.splitlines()) == 10
    assert call("vectors", model, "nikel").status == 1


# Standard input


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def type_in(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return type_in


TypeIn = Callable[[str], None]


def test_questions_line_by_line(run: Run, model: Path) -> None:
    lines = "\ufeffapple pear\n\n  aple plum \nfive six seven\nфизика\tхимия"
    status, out, err = run("similarity", model, "-", stdin=lines.encode())
    wv = load_word_vectors(model)
    assert status == 1
    assert out == (
        f"apple pear\t{wv.similarity('apple', 'pear'):.4f}\n"
        f"физика химия\t{wv.similarity('физика', 'химия'):.4f}\n"
    )
    assert err == (
        "xw2v: error: line 3: 'aple' is not in the vocabulary; did you mean apple?\n"
        "xw2v: error: line 4: similarity takes 2 words, not 3\n"
    )


def test_every_line_is_answered_at_once(model: Path) -> None:
    command = [sys.executable, "-X", "utf8", "-m", "xw2v", "most-similar", str(model), "-"]
    with subprocess.Popen(
        [*command, "--json", "--topn", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, words in enumerate([["apple"], ["zinc", "iron"]], start=1):
            process.stdin.write(f"{' '.join(words)}\n".encode())
            process.stdin.flush()
            record = json.loads(process.stdout.readline())
            assert (record["line"], record["positive"]) == (number, words)
            assert len(record["neighbors"]) == 1
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_neighbors_line_by_line(call: Call, model: Path, type_in: TypeIn) -> None:
    type_in("apple\nnobody\npear plum\n")
    options = ("--topn", 2, "--negative", "zinc")
    status, out, err = call("most-similar", model, "-", *options)
    assert status == 1
    assert err.startswith("xw2v: error: line 2: 'nobody' is not in the vocabulary")
    first, second, rest = out.split("\n\n")
    assert rest == ""
    assert (first.splitlines()[0], second.splitlines()[0]) == ("apple", "pear plum")
    expected = call("most-similar", model, "pear", "plum", *options).out
    assert second.partition("\n")[2] + "\n" == expected


def test_other_questions_line_by_line(call: Call, model: Path, type_in: TypeIn) -> None:
    type_in("apple river iron\napple\n")
    status, out, err = call("analogy", model, "-", "--json")
    record = json.loads(out)
    assert (status, record.pop("line")) == (1, 1)
    assert record == json.loads(call("analogy", model, "apple", "river", "iron", "--json").out)
    assert err == "xw2v: error: line 2: analogy takes 3 words, not 1\n"
    type_in("apple zinc plum\n")
    assert call("doesnt-match", model, "-") == (0, "apple zinc plum\tzinc\n", "")
    type_in("apple pear\nplum\n")
    assert call("vectors", model, "-") == call("vectors", model, "apple", "pear", "plum")


def test_bytes_that_are_no_text(run: Run, model: Path) -> None:
    status, out, err = run("vectors", model, "-", stdin=b"apple\n\xff\xfe\n")
    assert (status, len(out.splitlines())) == (1, 1)
    assert "line 2: '\ufffd\ufffd' is not in the vocabulary" in err


def test_the_shell_off_a_terminal(call: Call, model: Path, type_in: TypeIn) -> None:
    type_in("apple - pear + zinc\napple pear\napple -\n")
    status, out, err = call("query", model, "--json", "--topn", 1)
    first, second = map(json.loads, out.splitlines())
    assert (first["positive"], first["negative"]) == (["apple", "zinc"], ["pear"])
    assert second["words"] == ["apple", "pear"]
    assert (status, err) == (1, "xw2v: error: line 3: a word is missing after -\n")


def test_nearest_neighbors_as_fasttext_prints_them(
    call: Call, model: Path, type_in: TypeIn
) -> None:
    wv = load_word_vectors(model)
    type_in("apple zinc\n")
    status, out, _ = call("nn", model, 3)
    assert status == 0
    assert out == "".join(
        "".join(f"{word} {score:g}\n" for word, score in wv.most_similar(query, topn=3)) + "\n"
        for query in ("apple", "zinc")
    )
    type_in("apple zinc\n")
    records = [json.loads(line) for line in call("nn", model, "--json").out.splitlines()]
    assert [(r["line"], r["positive"], len(r["neighbors"])) for r in records] == [
        (1, ["apple"], 10),
        (1, ["zinc"], 10),
    ]


def test_analogies_as_fasttext_prints_them(call: Call, model: Path, type_in: TypeIn) -> None:
    wv = load_word_vectors(model)
    type_in("river apple iron\napple\n")
    status, out, err = call("analogies", model, 2)
    found = wv.most_similar(["river", "iron"], ["apple"], topn=2)
    assert out == "".join(f"{word} {score:g}\n" for word, score in found) + "\n"
    assert (status, err) == (1, "xw2v: error: line 2: A - B + C takes 3 words, not 1\n")


def test_prompts_on_a_terminal(
    call: Call, model: Path, type_in: TypeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    wv = load_word_vectors(model)
    type_in("apple\nnikel\n")
    monkeypatch.setattr("xw2v.cli.lines.is_interactive", lambda: True)
    monkeypatch.setattr("xw2v.cli.query.is_interactive", lambda: True)
    status, out, err = call("nn", model, 1)
    ((word, score),) = wv.most_similar("apple", topn=1)
    prompt = "Query word? "
    assert out == f"{prompt}{word} {score:g}\n{prompt}{prompt}\n"
    assert err == "xw2v: error: 'nikel' is not in the vocabulary; did you mean nickel?\n"
    assert status == 0


@pytest.mark.parametrize("vectors", get_args(Vectors))
def test_other_vectors(call: Call, model: Path, vectors: Vectors) -> None:
    wv = load_word_vectors(model, vectors)
    option = ("--vectors", vectors, "--json")
    _, out, _ = call("similarity", model, "apple", "pear", *option)
    assert json.loads(out)["similarity"] == wv.similarity("apple", "pear")
    _, out, _ = call("most-similar", model, "apple", *option)
    neighbors = [(item["word"], item["similarity"]) for item in json.loads(out)["neighbors"]]
    assert neighbors == wv.most_similar("apple")
    _, out, _ = call("analogy", model, "apple", "river", "iron", *option)
    answers = [(item["word"], item["similarity"]) for item in json.loads(out)["answers"]]
    assert answers == wv.most_similar(["river", "iron"], ["apple"])


def test_the_vectors_chosen_in_training(call: Call, model: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "m", load_model(model, "mean"))
    _, out, _ = call("similarity", tmp_path / "m", "apple", "pear", "--json")
    expected = load_word_vectors(model, "mean").similarity("apple", "pear")
    assert json.loads(out)["similarity"] == expected
    assert expected != load_word_vectors(model).similarity("apple", "pear")


@pytest.mark.parametrize(
    "command", [["similarity", "apple", "pear"], ["most-similar", "a"], ["analogy", "a", "b", "c"]]
)
def test_vectors_that_a_tree_has_not(call: Call, tree_model: Path, command: list[str]) -> None:
    name, *words = command
    status, out, err = call(name, tree_model, *words, "--vectors", "mean")
    assert (status, out) == (2, "")
    assert err.startswith(
        f"xw2v: error: {tree_model}: --vectors must be 'input' for --output 'hierarchical', not "
    )
    assert err.count("\n") == 1
    assert call("similarity", tree_model, "apple", "pear", "--vectors", "input").status == 0


def test_unknown_word(run: Run, model: Path) -> None:
    status, out, err = run("most-similar", model, "aple", "--json")
    assert (status, out) == (1, "")
    assert err == "xw2v: error: 'aple' is not in the vocabulary; did you mean apple?\n"


def test_unknown_word_elsewhere(call: Call, model: Path) -> None:
    for arguments in (
        ("similarity", model, "apple", "nikel"),
        ("analogy", model, "iron", "nikel", "zinc"),
        ("most-similar", model, "iron", "--negative", "nikel"),
    ):
        status, out, err = call(*arguments)
        assert (status, out) == (1, "")
        assert "'nikel' is not in the vocabulary; did you mean nickel?" in err


@pytest.mark.parametrize(
    "command",
    [
        ["similarity", "a", "b"],
        ["most-similar", "a"],
        ["analogy", "a", "b", "c"],
        ["doesnt-match", "a", "b", "c"],
        ["similarity", "-"],
        ["vectors"],
        ["query"],
        ["nn"],
        ["analogies"],
        ["info"],
    ],
)
def test_no_model(call: Call, tmp_path: Path, command: list[str]) -> None:
    name, *words = command
    status, out, err = call(name, tmp_path / "nothing", *words)
    assert (status, out) == (1, "")
    assert err == f"xw2v: error: cannot read {tmp_path / 'nothing'}: it does not exist\n"
    status, _, err = call(name, tmp_path, *words, "--json")
    assert status == 1
    assert f"{tmp_path}: it has no config.json" in err or "neither an xw2v model" in err


def test_a_model_of_a_newer_version(call: Call, model: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(model, newer)
    config = json.loads((newer / "config.json").read_text())
    (newer / "config.json").write_text(json.dumps({**config, "format_version": 999}))
    (newer / "SHA256SUMS").unlink()
    for command in (["most-similar", newer, "apple"], ["query", newer], ["vectors", newer]):
        status, out, err = call(*command)
        assert (status, out) == (1, "")
        assert "newer" in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["most-similar", "m"], "Missing argument 'WORD...'"),
        (["most-similar", "m", "a", "--topn", "0"], "Invalid value for '--topn'"),
        (["most-similar", "m", "a", "--restrict-vocab", "-1"], "'--restrict-vocab'"),
        (["similarity", "m", "a", "b", "--vectors", "sum"], "Invalid value for '--vectors'"),
        (["similarity", "m"], "Missing argument 'WORD WORD'"),
        (["similarity", "m", "a"], "similarity takes 2 words, not 1; or give - alone"),
        (["analogy", "m", "a", "b"], "analogy takes 3 words, not 2; or give - alone"),
        (["doesnt-match", "m", "a", "b"], "doesnt-match takes at least 3 words, not 2; or"),
        (["vectors", "m", "a", "--first", "3"], "give words or --first, not both"),
        (["nn", "m", "0"], "Invalid value for '[K]'"),
        (["info"], "give a model, or --devices"),
        (["info", "m", "--devices"], "give a model, or --devices, not both"),
        (["analogy", "m", "a", "b", "c", "--method", "div"], "Invalid value for '--method'"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_usage_errors(call: Call, arguments: list[str], message: str) -> None:
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("xw2v: error: ")
    assert message in err
    assert err.splitlines()[-1].startswith("Try 'xw2v ")


def test_info(call: Call, model: Path, corpus: Path) -> None:
    status, out, _ = call("info", model)
    assert status == 0
    facts = dict(line.strip().split("  ", 1) for line in out.splitlines() if "  " in line.strip())
    facts = {name: value.strip() for name, value in facts.items()}
    assert re.match(f"model +{re.escape(str(model))}\n", out)
    assert facts["trained as"] == "skip-gram, negative sampling, SGD"
    assert facts["vocabulary"] == "24 words"
    assert facts["vector size"] == "8"
    assert facts["training time"].endswith(" words/s")
    assert facts["source"] == str(corpus)
    assert facts["words"] == "12,000"
    assert facts["versions"].startswith("xw2v ")
    assert facts["epochs"] == "3"
    assert facts["workers"] == "one for each core"
    assert facts["block_size"] == "what suits the model"
    assert facts["frozen"] == "-"


def test_info_names_the_model(call: Call, tree_model: Path) -> None:
    _, out, _ = call("info", tree_model)
    assert re.search("^trained as +CBOW, hierarchical softmax, Adam$", out, re.MULTILINE)
    assert re.search("^  frozen +apple, pear$", out, re.MULTILINE)
    document = json.loads(call("info", tree_model, "--json").out)
    assert document["training"]["model"] == "cbow"
    assert document["training"]["frozen"] == ["apple", "pear"]


def test_info_as_json(run: Run, model: Path) -> None:
    status, out, err = run("info", model, "--json")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert (document["words"], document["vector_size"]) == (24, 8)
    assert document["training"]["epochs"] == 3
    assert document["training"]["workers"] is None
    assert document["corpus"]["sentences"] == 1200
    assert document["corpus"]["training_seconds"] > 0
    assert document["last_loss"] < document["first_loss"]


@pytest.mark.parametrize("command", ["most-similar", "analogy", "query", "nn", "evaluate"])
def test_devices_that_cannot_be_used(
    call: Call, model: Path, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_cupy(monkeypatch)
    pairs = tmp_path / "pairs"
    pairs.write_text("apple\tpear\t9\niron\tzinc\t9\n")
    words = {"most-similar": ["apple"], "analogy": ["apple", "pear", "iron"]}.get(command, [])
    words = ["--pairs", str(pairs)] if command == "evaluate" else words
    status, out, err = call(command, model, *words, "--device", "cuda")
    assert (status, out) == (1, "")
    assert "device 'cuda' needs CuPy, which is not installed" in err
    status, _, err = call(command, model, *words, "--device", "tpu")
    assert status == 2
    assert "device must be 'cpu'" in err


def test_queries_run_on_the_device(
    call: Call, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another namespace stands for it."""
    device = Device("cuda:0", array_api_strict, None)
    for room in ("formats.vector_files", "vectors.word_vectors"):
        monkeypatch.setattr(f"xw2v.{room}.get_device", lambda name: device)
    asked: list[Any] = []
    search = WordVectors.most_similar

    def most_similar(self: WordVectors, *words: Any, **options: Any) -> Any:
        asked.append(array_namespace(self.vectors))
        return search(self, *words, **options)

    monkeypatch.setattr(WordVectors, "most_similar", most_similar)
    there = call("most-similar", model, "apple", "--device", "cuda")
    assert asked == [array_api_strict]
    assert there == call("most-similar", model, "apple")


def test_devices(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, count=2, broken=(1,))
    status, out, err = call("info", "--devices")
    assert (status, err) == (0, "")
    assert re.search(r"^cpu +\d+ cores?, NumPy [\d.]+$", out, re.MULTILINE)
    assert re.search(r"^cuda:0 +NVIDIA Pretense 0 +8.0 GiB +6.0 GiB$", out, re.MULTILINE)
    assert re.search(r"^cuda:1 +cannot be used: cudaErrorDevicesUnavailable", out, re.MULTILINE)
    assert out.endswith("\nCuPy 14.2.0, made for CUDA 13.2; the driver has CUDA 13.0\n")
    document = json.loads(call("info", "--devices", "--json").out)
    assert [device["device"] for device in document["devices"]] == ["cpu", "cuda:0", "cuda:1"]
    assert document["devices"][1]["memory"] == 8 << 30
    assert "memory" not in document["devices"][2]
    assert document["cuda"] == {"cupy": "14.2.0", "runtime": "13.2", "driver": "13.0"}


def test_devices_without_a_gpu(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cupy(monkeypatch, driver=0)
    status, out, _ = call("info", "--devices")
    assert status == 0
    assert out.splitlines()[-1].startswith("device 'cuda' needs a GPU of NVIDIA's, and there is no")
    document = json.loads(call("info", "--devices", "--json").out)
    assert [device["device"] for device in document["devices"]] == ["cpu"]
    assert document["cuda"] is None
    assert "driver" in document["why_no_cuda"]


@pytest.mark.parametrize("arguments", [["info"], ["most-similar", "apple"]])
def test_a_reader_that_went_away(model: Path, arguments: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command, *words = arguments
    done = subprocess.run(
        [sys.executable, "-m", "xw2v", command, str(model), *words],
        stdout=write_end,
        env=environment(),
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_disk(model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xw2v", "most-similar", str(model), "apple"],
            stdout=full,
            env=environment(),
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, b"xw2v: error: No space left on device\n")


def test_words_that_the_output_cannot_hold(model: Path) -> None:
    for option, expected in (([], b"\\u0445\\u0438\\u043c\\u0438\\u044f"), (["--json"], None)):
        done = subprocess.run(
            [sys.executable, "-m", "xw2v", "most-similar", str(model), "физика", *option],
            env={**environment(), "PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        if expected is not None:
            assert expected in done.stdout
        else:
            words = {item["word"] for item in json.loads(done.stdout)["neighbors"]}
            assert words > set(TOPICS["наука"]) - {"физика"}

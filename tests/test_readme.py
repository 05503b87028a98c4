"""The README does what it says: its commands and its Python are run, its names exist.

Commands run in one folder, in the order they are printed in, on small files that are made here
under the names they have in the README. What cannot be run here is in a table with the reason, so
that a new command that is neither run nor in the table is noticed.
"""

import ast
import gzip
import importlib
import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import xw2v
from tests.cli.conftest import Outcome, environment
from xw2v import TrainingConfig, Word2Vec
from xw2v.cli import main
from xw2v.cli.app import cli
from xw2v.demo import LANGUAGE
from xw2v.text import TextOptions

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```\w*\n.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
COMING_FROM = "Coming from gensim, fastText or word2vec.c"

# Commands that are not run, and why.
NOT_RUN = {
    "python3 -m venv .venv": "installs",
    ". .venv/bin/activate": "installs",
    "pip install .": "installs",
    'pip install -e ".[test]"': "installs",
    "pytest": "would run this test",
    "xw2v train s3://bucket/corpus.txt": "the bucket is made up; tests/text/test_remote.py has one",
}
# What is typed besides, for what would take too long.
QUICKER = {"xw2v train": ("--epochs", "1", "--vector-size", "8")}
# What is typed on standard input, where a command asks.
TYPED = {
    "nn": "king\nqueen\n",
    "analogies": "man king woman\n",
    "query": "king - man + woman\n",
    "vectors": "king queen\n",
    "most-similar": "king\n",
    "similarity": "king queen\n",
    "analogy": "man king woman\n",
    "doesnt-match": "king queen apple\n",
}
ASKING = ("nn", "analogies", "query")  # always; the others only with - in place of words
# What names of the README stand for in Python that shows no more than how they are used.
GIVEN = {"more_sentences": [["prince", "and", "boy"], ["princess", "and", "girl"]] * 100}
# Packages that part of a command needs, where they are not those of every installation.
NEEDED = {
    "chinese": "jieba",
    "japanese": "janome",
    "nltk:": "nltk",
    "xw2v map": "plotly",
    "umap": "umap",
    "tsne": "sklearn",
}
# Options in the text that are other programs'.
FOREIGN = {
    "XW2V_REQUIRE_CUDA=1 pytest": {"-m"},
    "embedding-atlas": {"--text", "--vector"},
    "pip": {"-e"},
    "pytest": {"-n", "-m"},
    "ruff": {"--check"},
    "tensorboard": {"--logdir"},
}


class Block(NamedTuple):
    language: str
    line: int  # of the first line within
    source: str


class Command(NamedTuple):
    line: int
    text: str


def blocks(language: str) -> list[Block]:
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [
        Block(match[1], README.count("\n", 0, match.start(2)) + 1, match[2])
        for match in found
        if match[1] == language
    ]


def commands() -> Iterator[Command]:
    """Yield the commands of all blocks, without comments, those between && one by one."""
    for block in blocks("sh"):
        joined = block.source.replace("\\\n", " ")
        for number, line in enumerate(joined.splitlines()):
            tokens = tokenized(line)
            while tokens:
                end = tokens.index("&&") if "&&" in tokens else len(tokens)
                text = line if end == len(tokens) and "&&" not in line else None
                yield Command(block.line + number, plain(text) if text else spelled(tokens[:end]))
                tokens = tokens[end + 1 :]


def tokenized(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def spelled(tokens: list[str]) -> str:
    """Return tokens as a command, quoted as in the README."""
    return " ".join(f'"{token}"' if set(token) & set("[]'") else token for token in tokens)


def plain(line: str) -> str:
    """Return a line without its comment and surplus spaces."""
    without = re.sub(r"\s+#.*$", "", line)
    return without if "'" in without or '"' in without else " ".join(without.split())


COMMANDS = list(commands())


# The files that commands name.

# Words of the README that the made-up language has not.
MORE_WORDS = ("bread",)


def sentences(n: int = 3000, seed: int = 1) -> list[str]:
    """Return sentences as people write them, with a capital at the beginning of some."""
    lines = [" ".join(words) for words in LANGUAGE.sentences(n, seed)]
    lines += [f"{word} and butter" for word in MORE_WORDS for _ in range(n // 100)]
    return [line.capitalize() if n % 3 == 0 else line for n, line in enumerate(lines)]


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_questions(path: Path) -> None:
    lines = []
    for relation in LANGUAGE.relations:
        lines += [f": {relation}", *(" ".join(words) for words in LANGUAGE.analogies(relation))]
    write_lines(path, lines)


def write_judgments(path: Path) -> None:
    rows = [
        f"{word}\t{other}\t{10 * LANGUAGE.shared(word, other):.2f}"
        for word, *others in LANGUAGE.comparisons()
        for other in others
    ]
    write_lines(path, ["# Word 1\tWord 2\tHuman (mean)", *rows])


def write_folders(folder: Path) -> None:
    (folder / "logs").mkdir()
    write_lines(folder / "logs" / "monday.txt", sentences(1500, 2))
    write_lines(folder / "logs" / "tuesday.txt", sentences(1500, 3))
    (folder / "more" / "older").mkdir(parents=True)
    with gzip.open(folder / "more" / "older" / "sunday.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(sentences(1500, 4)))


def write_posts(path: Path) -> None:
    lines = sentences()
    posts = [". ".join(lines[start : start + 4]) + "." for start in range(0, len(lines), 4)]
    write_lines(path, [json.dumps({"id": n, "body": post}) for n, post in enumerate(posts)])


def write_glove(path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [" ".join(f"{x:.5f}" for x in rng.normal(size=100)) for _ in LANGUAGE.vocabulary]
    pairs = zip(LANGUAGE.vocabulary, rows, strict=True)
    write_lines(path, [f"{word} {row}" for word, row in pairs])


def write_nltk(folder: Path) -> None:
    """Write corpora of two files each, laid out as NLTK's."""
    brown, reuters = folder / "corpora" / "brown", folder / "corpora" / "reuters"
    for path in (brown, reuters / "training", reuters / "test"):
        path.mkdir(parents=True)
    for name, seed in (("ca01", 5), ("cb01", 6)):
        tagged = [" ".join(f"{word}/nn" for word in line.split()) for line in sentences(1500, seed)]
        write_lines(brown / name, tagged)
    write_lines(brown / "cats.txt", ["ca01 news", "cb01 editorial"])
    for name, seed in (("training/1", 7), ("test/2", 8)):
        write_lines(reuters / name, sentences(1500, seed))
    write_lines(reuters / "cats.txt", ["training/1 earn", "test/2 grain"])


def write_reviews(path: Path) -> None:
    lines = sentences()
    pa.parquet.write_table(pa.table({"stars": [5] * len(lines), "text": lines}), path)


def write_model(path: Path) -> None:
    lines = [line.split() for line in sentences()]
    Word2Vec(lines, vector_size=8, epochs=1, workers=1).save(path)


def write_files(folder: Path) -> None:
    write_lines(folder / "corpus.txt", sentences())
    write_lines(folder / "new.txt", [f"{line} tomorrow" for line in sentences(1500, 9)])
    write_lines(folder / "words.txt", list(LANGUAGE.meanings))
    write_lines(folder / "zh.txt", ["我们在北京的大学学习中文", "他喜欢喝茶和看书"] * 200)
    write_questions(folder / "questions-words.txt")
    for name in ("wordsim353.tsv", "simlex999.txt"):
        write_judgments(folder / name)
    write_folders(folder)
    write_posts(folder / "posts.jsonl")
    write_reviews(folder / "reviews.parquet")
    write_glove(folder / "glove.6B.100d.txt")
    write_nltk(folder / "nltk_data")
    write_model(folder / "other")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with the files."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLTK_DATA", str(tmp_path / "nltk_data"))
    monkeypatch.delenv("XW2V_CACHE_LIMIT", raising=False)
    return tmp_path


# Running commands.


def has_gpu() -> bool:
    try:
        cupy = importlib.import_module("cupy")
        return bool(cupy.cuda.runtime.getDeviceCount())
    except Exception:  # whatever CuPy raises here, no GPU can be used
        return False


def reason_against(command: str) -> str | None:
    """Return why a command cannot be run here, if it cannot."""
    if command in NOT_RUN:
        return NOT_RUN[command]
    if command.startswith("python benchmarks/"):
        return "takes hours; its options are checked by a test of their own"
    if "--device cuda" in command and not has_gpu():
        return "needs a GPU"
    for part, package in NEEDED.items():
        if part in command and importlib.util.find_spec(package) is None:
            return f"needs {package}"
    if needs_shell(command) and sys.platform == "win32":
        return "needs a shell of Unix"
    return None


def needs_shell(command: str) -> bool:
    return bool(set(tokenized(command)) & {"|", "<", ">", ">>"}) or "$(" in command


_WRITTEN = ("-o", "--out", "--output-model", "--output-text")


def clear_the_way(arguments: list[str]) -> None:
    """Remove what an earlier command wrote under the same name: each stands for itself."""
    if "--resume" in arguments:
        return
    names = [arguments[n + 1] for n, argument in enumerate(arguments) if argument in _WRITTEN]
    for name in names or ["xw2v-model"]:
        for path in (Path(name), Path(f"{name}.checkpoints")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def run(command: str, capsys: pytest.CaptureFixture[str]) -> Outcome:
    """Run a command as typed, in this process where that is the same."""
    tokens = [*shlex.split(command), *QUICKER.get(command, ())]
    asks = "-" in tokens or tokens[1:2] in [[name] for name in ASKING]
    typed = TYPED.get(tokens[1], "") if asks else ""
    # What NLTK has found once it does not look for again.
    if needs_shell(command) or "nltk:" in command or typed:
        return run_shell(" ".join([command, *QUICKER.get(command, ())]), typed)
    assert tokens[0] == "xw2v", f"do not know how to run {command}; see the tables of this test"
    clear_the_way(tokens)
    with pytest.raises(SystemExit) as ended:
        main(tokens[1:])
    captured = capsys.readouterr()
    return Outcome(int(ended.value.code or 0), captured.out, captured.err)


def run_shell(command: str, typed: str) -> Outcome:
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    tokens = shlex.split(command)
    clear_the_way(tokens)
    if not needs_shell(command):
        arguments, shell = [sys.executable, "-X", "utf8", "-m", "xw2v", *tokens[1:]], None
    else:
        shell = shutil.which("bash") or shutil.which("sh")
        arguments = [str(shell), "-c", command]
    done = subprocess.run(
        arguments,
        input=typed.encode(),
        capture_output=True,
        env={**environment(), "PATH": os.pathsep.join(paths)},
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_commands_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {}
    for line, command in COMMANDS:
        if reason_against(command) is None:
            status, out, err = run(command, capsys)
            assert status == 0, f"README.md, line {line}: {command}\n{out}{err}"
            outputs[command] = out
    # The end of the first one is printed in the README.
    [shown] = blocks("text")
    assert shown.source.splitlines()[-1] == outputs["xw2v train"].splitlines()[-1]
    labels = [text.split()[0] for text in shown.source.splitlines()[:3]]
    assert [text.split()[0] for text in outputs["xw2v train"].splitlines()[:3]] == labels


def test_tables_are_up_to_date() -> None:
    typed = {command.text for command in COMMANDS}
    assert NOT_RUN.keys() | QUICKER.keys() <= typed
    source = "".join(block.source for block in blocks("python"))
    assert all(name in source for name in GIVEN)


def benchmark_commands() -> list[Any]:
    return [
        pytest.param(command.text, id=command.text.split()[1])
        for command in COMMANDS
        if command.text.startswith("python ")
    ]


@pytest.mark.parametrize("command", benchmark_commands())
def test_benchmarks_have_their_options(command: str) -> None:
    for package in ("gensim", "psutil"):
        pytest.importorskip(package)
    _, script, *arguments = shlex.split(command)
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout))
    assert {argument for argument in arguments if argument.startswith("-")} <= known


def test_python_runs(folder: Path) -> None:
    namespace: dict[str, Any] = {**GIVEN, "__name__": "readme"}
    for block in blocks("python"):
        source = "\n" * (block.line - 1) + block.source
        exec(compile(source, "README.md", "exec"), namespace)
    assert namespace["model"].wv.most_similar("king", topn=1)
    assert "prince" in namespace["model"].wv
    assert (folder / "run").is_dir()
    assert namespace["loss"] > 0


# What the text names.


# A command keeps the help option that it has in the first context it is asked in.
CONTEXT = click.Context(cli, **cli.context_settings)


def commands_by_name() -> dict[str, click.Command]:
    """Return the real commands, not those that stand for them."""
    context = CONTEXT
    found = {}
    for name in cli.list_commands(context):
        real = cli.get_command(context, name)
        assert real is not None
        found[name] = real.make_context(name, [], parent=context, resilient_parsing=True).command
    return found


def options_of(command: click.Command) -> set[str]:
    context = click.Context(command, parent=CONTEXT)
    return {
        name
        for param in command.get_params(context)
        for name in (*param.opts, *param.secondary_opts)
        if isinstance(param, click.Option)
    }


REAL = commands_by_name()
OPTIONS: Mapping[str, set[str]] = {name: options_of(command) for name, command in REAL.items()}
ALL_OPTIONS = set().union(*OPTIONS.values(), options_of(cli))


def section(title: str) -> str:
    """Return the text under a heading."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL
    )
    assert found, title
    return found[1]


def spans(text: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def foreign(span: str) -> set[str]:
    return next((options for name, options in FOREIGN.items() if span.startswith(name)), set())


def options_in(span: str) -> set[str]:
    return set(re.findall(r"(?:(?<=\s)|^)--?[a-z][\w-]*", span)) - foreign(span)


OWN_PROSE = PROSE.replace(section(COMING_FROM), "")


@pytest.mark.parametrize("span", sorted({s for s in spans(OWN_PROSE) if options_in(s)}))
def test_options_in_the_text_exist(span: str) -> None:
    words = span.split()
    known = ALL_OPTIONS
    if words[0] == "xw2v" and len(words) > 1:
        known = OPTIONS[words[1]] | {"--help", "-h"}
    assert options_in(span) <= known


def test_commands_in_the_text_exist() -> None:
    named = {s.split()[1] for s in spans(PROSE) if s.startswith("xw2v ")}
    assert {name for name in named if not name.startswith("-")} <= REAL.keys()


# What comes from elsewhere.


def cells(heading: str) -> list[list[str]]:
    """Return the rows of the table whose first heading this is."""
    [table] = re.findall(
        rf"^\| {heading} \|.*\n\| ---.*\n((?:\|.*\n)+)", section(COMING_FROM), re.MULTILINE
    )
    return [[cell.strip() for cell in row.strip("|\n").split(" | ")] for row in table.splitlines()]


def check_option(span: str) -> None:
    """Check options of a command, `xw2v train` if none is named, their values and defaults."""
    words = shlex.split(span)
    name, typed = (words[1], words[2:]) if words[0] == "xw2v" else ("train", words)
    assert options_in(span) <= OPTIONS[name], span
    if not any(word.isupper() for word in typed):
        resilient = name != "train"
        with REAL[name].make_context(name, list(typed), CONTEXT, resilient_parsing=resilient):
            pass
    if len(typed) == 2 and re.fullmatch(r"[\d.e-]+", typed[1]) and name == "train":
        field = typed[0].lstrip("-").replace("-", "_")
        if hasattr(TrainingConfig, field):
            assert getattr(TrainingConfig(), field) == float(typed[1]), span


def own_spans_of_commands() -> list[str]:
    return [span for *_, ours in cells("word2vec.c") for span in spans(ours)]


@pytest.mark.parametrize("span", own_spans_of_commands())
def test_options_for_those_of_others(span: str) -> None:
    check_option(span)


def test_options_beside_the_tables() -> None:
    prose = re.sub(r"^\|.*$", "", section(COMING_FROM), flags=re.MULTILINE)
    for span in spans(prose):
        if span.startswith("--"):
            check_option(span)


OWN_PARAMETERS = {
    **inspect.signature(Word2Vec).parameters,
    **inspect.signature(TrainingConfig).parameters,
    **inspect.signature(TextOptions).parameters,
}


@pytest.fixture(scope="module")
def own_model() -> Word2Vec:
    return Word2Vec([["a", "b", "c"]] * 20, vector_size=4, min_count=1, epochs=1, workers=1)


def check_own_name(span: str, model: Word2Vec) -> None:
    """Check what a cell calls an option, a name or a command of xw2v."""
    owner, _, name = span.partition(".")
    if span.startswith("xw2v "):
        check_option(span)
    elif owner == "xw2v":
        resolve(span)
    elif owner in ("wv", "model"):
        assert hasattr(model.wv if owner == "wv" else model, name), span
    elif span.endswith("="):
        assert span[:-1] in OWN_PARAMETERS, span
    else:
        eval(f"Word2Vec({span})")


@pytest.mark.parametrize("row", cells("gensim 4"), ids=lambda row: row[0].split("`")[1])
def test_names_for_those_of_gensim(row: list[str], own_model: Word2Vec) -> None:
    gensim = pytest.importorskip("gensim.models")
    theirs, ours = row
    for span in spans(ours):
        check_own_name(span, own_model)
    parameters = inspect.signature(gensim.Word2Vec).parameters
    objects = {
        "KeyedVectors": gensim.KeyedVectors,
        "Word2Vec": gensim.Word2Vec,
        "wv": gensim.KeyedVectors(2),
        "model": gensim.Word2Vec(),
    }
    is_same = ours.startswith("the same")
    for span in spans(theirs):
        owner, _, name = span.partition(".")
        if "=" not in span:
            assert hasattr(objects[owner], name), span
            if is_same:
                check_own_name(span.replace("Word2Vec.", "model."), own_model)
            continue
        for argument in span.split(", "):
            name, _, value = argument.partition("=")
            assert name in parameters, span
            if value and "," not in span:
                assert parameters[name].default == ast.literal_eval(value)
            if "same defaults" in ours:
                assert OWN_PARAMETERS[name].default == parameters[name].default, name
    if is_same and "=" in theirs:
        check_own_name(spans(theirs)[0], own_model)


def test_every_argument_of_gensim_is_there() -> None:
    gensim = pytest.importorskip("gensim.models")
    named = {
        argument.partition("=")[0]
        for theirs, _ in cells("gensim 4")
        for span in spans(theirs)
        if "=" in span
        for argument in span.split(", ")
    }
    assert named == set(inspect.signature(gensim.Word2Vec).parameters)


def test_names_in_the_text_exist() -> None:
    names = {s for s in spans(PROSE) if re.fullmatch(r"xw2v(\.\w+)+", s)}
    assert names
    for name in names:
        resolve(name)


def resolve(name: str) -> Any:
    found: Any = xw2v
    for n, part in enumerate(parts := name.split(".")):
        if n and not hasattr(found, part):
            found = importlib.import_module(".".join(parts[: n + 1]))
        elif n:
            found = getattr(found, part)
    return found


def test_files_that_are_linked_are_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", PROSE)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

"""`xw2v cache`."""

import json
import os
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from xw2v.cli.cache import cache
from xw2v.errors import ConfigError
from xw2v.text import EncodedCorpus, Vocabulary
from xw2v.text.cache import cache_key, cached_entries, keep_cached

KEYS = [cache_key([], {"number": number}) for number in range(3)]
SOURCES = [["a.txt"], ["b.txt", "c.txt", "d.txt", "e.txt", "\x1b[31m"], []]
WORDS = 1500


def ask(*arguments: str) -> str:
    done = CliRunner().invoke(cache, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cache"
    monkeypatch.setenv("XW2V_CACHE_DIR", str(path))
    monkeypatch.delenv("XW2V_CACHE_LIMIT", raising=False)
    return path


@pytest.fixture
def full(folder: Path) -> Path:
    """Make a cache of three texts, used one, two and three days ago."""
    vocabulary = Vocabulary(("a", "b"), np.array([2, 1]))
    corpus = EncodedCorpus(np.zeros(WORDS, np.int32), np.array([0, WORDS]), WORDS)
    for days, (key, sources) in enumerate(zip(KEYS, SOURCES, strict=True), start=1):
        assert keep_cached(key, vocabulary, corpus, {"sources": sources}) is None
        then = time.time() - days * 86_400
        os.utime(folder / key / "corpus.json", (then, then))
    return folder


def test_an_empty_cache(folder: Path) -> None:
    assert ask() == f"folder  {folder}\ntexts   0\nsize    0B of at most 10.0GB\n"
    assert json.loads(ask("--json")) == {
        "folder": str(folder),
        "bytes": 0,
        "limit": 10**10,
        "texts": [],
    }
    assert ask("--clear") == f"0B freed in {folder}, 0 texts left\n"
    assert not folder.exists()


def test_the_list(full: Path) -> None:
    (full / KEYS[2] / "corpus.json").write_bytes(b"")
    os.utime(full / KEYS[2] / "corpus.json", (0, 0))
    facts, _, table = ask().partition("\n\n")
    assert facts.splitlines()[:2] == [f"folder  {full}", "texts   3"]
    assert facts.endswith("kB of at most 10.0GB")
    heading, first, second, third = table.splitlines()
    assert heading.split() == ["last", "used", "words", "size", "text"]
    yesterday = datetime.fromtimestamp(cached_entries()[0].last_used).strftime("%Y-%m-%d %H:%M")
    assert first.split()[:3] == [*yesterday.split(), "1.50k"]
    assert first.endswith("kB  a.txt")
    assert second.endswith("  b.txt, c.txt, d.txt and 2 more")
    assert third.split()[2] == "-"
    assert third.endswith("  (damaged: will be read again)")


def test_a_text_without_a_name(full: Path) -> None:
    assert ask().splitlines()[-1].endswith("kB  -")


def test_the_list_as_json(full: Path) -> None:
    document = json.loads(ask("--json"))
    entries = cached_entries()
    assert document["bytes"] == sum(entry.bytes for entry in entries)
    assert [text["key"] for text in document["texts"]] == KEYS
    text = document["texts"][1]
    assert text["path"] == str(full / KEYS[1])
    assert (text["bytes"], text["words"]) == (entries[1].bytes, WORDS)
    assert text["sources"] == SOURCES[1]
    when = datetime.fromisoformat(text["last_used"])
    assert when.timestamp() == pytest.approx(entries[1].last_used, abs=2)


def test_clearing(full: Path) -> None:
    size = cached_entries()[0].bytes
    assert ask("--clear", "--older-than", "2.5").endswith(f"kB freed in {full}, 2 texts left\n")
    assert [entry.key for entry in cached_entries()] == KEYS[:2]
    document = json.loads(ask("--clear", "--older-than", "1.5", "--json"))
    assert document["folder"] == str(full)
    assert document["bytes_freed"] == pytest.approx(size, abs=100)
    assert document["texts_left"] == 1
    assert ask("--clear").endswith(f"kB freed in {full}, 0 texts left\n")
    assert list(full.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--older-than", "3"], "--older-than goes with --clear"),
        (["--clear", "--older-than", "-1"], "not in the range"),
        (["--clear", "--older-than", "nan"], "must be a number of days"),
        (["everything"], "unexpected extra argument"),
    ],
)
def test_options_that_cannot_work(full: Path, arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cache, arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert len(cached_entries()) == 3


def test_a_limit_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XW2V_CACHE_LIMIT", "much")
    with pytest.raises(ConfigError, match="XW2V_CACHE_LIMIT must be a size"):
        ask()


def test_help_says_what_can_be_set() -> None:
    out = " ".join(ask("--help").split())
    assert "Show or remove the encoded texts that are kept." in out
    for name in ("XW2V_CACHE_DIR", "XW2V_CACHE_LIMIT", "10GB", "--older-than DAYS"):
        assert name in out

from pathlib import Path
from typing import Any

import pytest

from xw2v.errors import CorpusError
from xw2v.text.corpora import NltkCorpus, find_corpora
from xw2v.text.normal import Block, Sentences
from xw2v.text.readers import Reading, read_blocks
from xw2v.text.sources import find_sources

DATA = Path(__file__).parents[3] / "shared" / "data" / "nltk_data"
shared = pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared corpora")


@pytest.fixture
def nltk_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that NLTK searches: only those that the test adds, and the shared ones."""
    nltk = pytest.importorskip("nltk")
    path = [str(DATA), str(tmp_path)]
    monkeypatch.setattr(nltk.data, "path", path)
    return path


def read(name: str, sentences: Sentences = "line", size: int = 1 << 20) -> list[Block]:
    [source] = find_sources([name])
    return list(read_blocks(source, size, Reading(sentences=sentences)))


def corpus(tmp_path: Path, reader: Any, files: dict[str, bytes], **options: Any) -> NltkCorpus:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return NltkCorpus(
        name="nltk:x",
        size=sum(map(len, files.values())),
        files=tuple((name, len(data)) for name, data in files.items()),
        reader=reader(str(tmp_path), list(files), **options),
    )


@pytest.mark.usefixtures("nltk_path")
class TestReaders:
    def test_plain_text_is_taken_as_it_is(self, tmp_path: Path) -> None:
        reader = pytest.importorskip("nltk.corpus").PlaintextCorpusReader
        source = corpus(tmp_path, reader, {"b": b"One two.\nThree\n", "a": "ä".encode()})
        blocks = list(read_blocks(source, 1, Reading(sentences="document")))
        assert b"".join(block.data for block in blocks) == "One two. Three \nä\n".encode()
        assert [block.place(0) for block in blocks] == ["file b"] * 3 + ["file a"]
        assert [block.done for block in blocks] == [15] * 3 + [17]
        [block] = read_blocks(source, 100)
        assert [block.place(offset) for offset in (0, 16)] == ["file b", "file a"]

    @pytest.mark.parametrize("data", ["caf\u00e9".encode(), b"caf\xe9"])
    def test_other_encodings_than_nltk_assumes(self, tmp_path: Path, data: bytes) -> None:
        reader = pytest.importorskip("nltk.corpus").PlaintextCorpusReader
        source = corpus(tmp_path, reader, {"a": data}, encoding="ascii")
        [block] = read_blocks(source, 100)
        assert block.data == "caf\u00e9\n".encode()

    def test_tags_are_left_out(self, tmp_path: Path) -> None:
        reader = pytest.importorskip("nltk.corpus").TaggedCorpusReader
        source = corpus(tmp_path, reader, {"a": b"The/at jury/nn\nsaid/vbd ./.\n"})
        [block] = read_blocks(source, 100)
        assert block.data == b"The jury\nsaid .\n"

    def test_lists_of_words(self, tmp_path: Path) -> None:
        reader = pytest.importorskip("nltk.corpus").WordListCorpusReader
        source = corpus(tmp_path, reader, {"a": b"one\ntwo\n"})
        [block] = read_blocks(source, 100)
        assert block.data == b"one two\n"

    def test_no_running_text(self, tmp_path: Path) -> None:
        reader = pytest.importorskip("nltk.corpus").CorpusReader
        with pytest.raises(CorpusError, match="nltk:x has no running text"):
            list(read_blocks(corpus(tmp_path, reader, {"a": b"x"}), 100))

    def test_file_that_vanished(self, tmp_path: Path) -> None:
        reader = pytest.importorskip("nltk.corpus").PlaintextCorpusReader
        source = corpus(tmp_path, reader, {"a": b"x"})
        (tmp_path / "a").unlink()
        with pytest.raises(CorpusError, match="nltk:x: file a cannot be read"):
            list(read_blocks(source, 100))

    def test_has_no_bytes(self, tmp_path: Path) -> None:
        reader = pytest.importorskip("nltk.corpus").PlaintextCorpusReader
        with (
            pytest.raises(CorpusError, match="nltk:x is read by NLTK"),
            corpus(tmp_path, reader, {"a": b"x"}).open(),
        ):
            pass


class TestFindCorpora:
    @pytest.mark.parametrize("name", ["nosuchcorpus", "", "reader", "__name__", "a b"])
    def test_unknown_name(self, name: str, nltk_path: list[str]) -> None:
        with pytest.raises(CorpusError, match=f"NLTK knows no corpus '{name}'"):
            find_corpora(f"nltk:{name}")

    def test_corpus_that_was_not_downloaded(self, nltk_path: list[str]) -> None:
        with pytest.raises(
            CorpusError, match=r"no corpus 'treebank' here: python -m nltk\.downloader treebank"
        ):
            find_sources(["nltk:treebank"])

    def test_without_nltk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "nltk", None)
        monkeypatch.setitem(__import__("sys").modules, "nltk.corpus", None)
        with pytest.raises(CorpusError, match=r'pip install "xw2v\[nltk\]"'):
            find_sources(["nltk:brown"])

    @shared
    def test_several(self, nltk_path: list[str]) -> None:
        found = find_sources(["nltk:gutenberg,brown"])
        assert [source.name for source in found] == ["nltk:gutenberg", "nltk:brown"]
        assert [source.size for source in found] == [6_191_504, 9_964_284]
        assert found[0].fingerprint == find_sources(["nltk:gutenberg"])[0].fingerprint
        assert None not in {source.fingerprint for source in found}


@shared
class TestShared:
    def test_gutenberg(self, nltk_path: list[str]) -> None:
        blocks = read("nltk:gutenberg")
        text = b"".join(block.data for block in blocks).decode()
        assert text.startswith("[Emma by Jane Austen 1816]\n")
        assert "C\u00e6sar" in text or "c\u00e6sar" in text.lower() or "\u00e6" in text
        assert blocks[-1].place(0) == "file whitman-leaves.txt"
        assert blocks[-1].done == find_sources(["nltk:gutenberg"])[0].size

    def test_udhr2(self, nltk_path: list[str]) -> None:
        text = b"".join(block.data for block in read("nltk:udhr2", "document"))
        assert text.count(b"\n") == 387  # that in Nkukoli is empty
        assert text.decode().startswith("Declara\u00e7\u00f3n")

    def test_brown_is_without_tags(self, nltk_path: list[str]) -> None:
        [source] = find_sources(["nltk:brown"])
        block = next(read_blocks(source, 1000))
        assert block.data.startswith(b"The Fulton County Grand Jury said Friday an investigation")
        assert block.data.endswith(b" .\n") or block.data.endswith(b" ")

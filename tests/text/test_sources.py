import io
import os
import sys
from pathlib import Path

import pytest

from xw2v.errors import CorpusError
from xw2v.text.readers import Block, read_blocks
from xw2v.text.sources import find_sources
from xw2v.text.streams import LocalFile, StandardInput


def write(path: Path, data: bytes = b"a b\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def found_paths(*paths: object) -> list[Path]:
    sources = find_sources([str(path) for path in paths])
    assert all(isinstance(source, LocalFile) for source in sources)
    return [source.path for source in sources if isinstance(source, LocalFile)]


class TestFindSources:
    def test_keeps_the_order_of_names(self, tmp_path: Path) -> None:
        second, first = write(tmp_path / "b.txt", b"12345"), write(tmp_path / "a.txt", b"")
        found = find_sources([second, str(first)])
        assert found_paths(second, first) == [second, first]
        assert [(source.name, source.size) for source in found] == [
            (str(second), 5),
            (str(first), 0),
        ]

    def test_one_path_needs_no_list(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt")
        assert find_sources(str(path)) == find_sources([path])
        assert find_sources(path) == find_sources([path])

    def test_sorts_the_files_of_a_pattern(self, tmp_path: Path) -> None:
        for name in ("c.txt", "a.txt", "b.txt", "a.md", "deep/d.txt", "folder.txt/x"):
            write(tmp_path / name)
        assert found_paths(tmp_path / "*.txt") == [tmp_path / f"{name}.txt" for name in "abc"]
        assert tmp_path / "deep" / "d.txt" in found_paths(tmp_path / "**" / "*.txt")

    def test_name_with_brackets_is_no_pattern(self, tmp_path: Path) -> None:
        path = write(tmp_path / "notes[1].txt")
        write(tmp_path / "notes1.txt")
        assert found_paths(path) == [path]

    def test_standard_input(self) -> None:
        assert find_sources(["-"]) == [StandardInput()]
        assert find_sources("-")[0].fingerprint is None

    def test_standard_input_only_once(self) -> None:
        with pytest.raises(CorpusError, match="only once"):
            find_sources(["-", "-"])

    def test_nothing(self) -> None:
        with pytest.raises(CorpusError, match="no text files given"):
            find_sources([])

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"gone\.txt does not exist"):
            find_sources([write(tmp_path / "a.txt"), tmp_path / "gone.txt"])

    def test_directory_stands_for_all_files_below(self, tmp_path: Path) -> None:
        names = ("b.txt", "a/z.jsonl", "a.txt", "a/deep/x", "c/.hidden", ".git/config", ".x")
        for name in names:
            write(tmp_path / name)
        expected = ["a/deep/x", "a/z.jsonl", "a.txt", "b.txt"]
        assert found_paths(tmp_path) == [tmp_path / name for name in expected]
        assert found_paths(f"{tmp_path}{os.sep}") == [tmp_path / name for name in expected]

    def test_hidden_directory_may_be_named(self, tmp_path: Path) -> None:
        path = write(tmp_path / ".corpus" / "a.txt")
        assert found_paths(path.parent) == [path]

    def test_directory_without_files(self, tmp_path: Path) -> None:
        write(tmp_path / "folder" / ".hidden")
        with pytest.raises(CorpusError, match="folder holds no files"):
            find_sources([tmp_path / "folder"])

    def test_pattern_without_files(self, tmp_path: Path) -> None:
        (tmp_path / "folder.txt").mkdir()
        with pytest.raises(CorpusError, match=r"no file matches .*\*\.txt"):
            find_sources([tmp_path / "*.txt"])

    def test_impossible_name(self) -> None:
        with pytest.raises(CorpusError, match="cannot be read"):
            find_sources(["a\0b"])

    @pytest.mark.parametrize("name", ["secret.txt", "*.txt"])
    def test_permission_denied(
        self, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path / "secret.txt")

        # The file mode would not stop a superuser.
        def denied(self: Path, mode: str) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", denied)
        with pytest.raises(CorpusError, match=r"secret\.txt may not be read: permission denied"):
            find_sources([path.with_name(name)])

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_pipe_is_not_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        assert find_sources([path]) == [LocalFile(name=str(path), path=path)]
        assert find_sources([path])[0].fingerprint is None

    @pytest.mark.skipif(os.name == "nt", reason="names may not hold colons")
    def test_file_that_looks_like_a_corpus(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "nltk:x")
        monkeypatch.chdir(tmp_path)
        assert found_paths("nltk:x") == [Path("nltk:x")]


class TestFingerprint:
    def test_stays_while_the_file_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path / "a.txt")
        before = find_sources([path])[0].fingerprint
        monkeypatch.chdir(tmp_path)
        assert find_sources(["a.txt"])[0].fingerprint == before

    def test_changes_with_size_and_time(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt", b"a b")
        os.utime(path, ns=(1, 1_000_000_000))
        prints = [find_sources([path])[0].fingerprint]
        os.utime(path, ns=(1, 2_000_000_000))
        prints.append(find_sources([path])[0].fingerprint)
        write(path, b"a b c")
        os.utime(path, ns=(1, 2_000_000_000))
        prints.append(find_sources([path])[0].fingerprint)
        assert len(set(prints)) == 3
        assert None not in prints


class TestSource:
    def read(self) -> list[Block]:
        return list(read_blocks(find_sources("-")[0], 100))

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b")))
        assert b"".join(block.data for block in self.read()) == b"a b\n"
        assert not sys.stdin.closed

    def test_no_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        with pytest.raises(CorpusError, match="no standard input"):
            self.read()

    def test_file_that_vanished(self, tmp_path: Path) -> None:
        path = write(tmp_path / "text")
        [source] = find_sources([path])
        path.unlink()
        with pytest.raises(CorpusError, match="text does not exist"):
            list(read_blocks(source, 100))

    def test_file_that_cannot_be_read_any_more(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise OSError(5, "Input/output error")

        [source] = find_sources([write(tmp_path / "text")])
        monkeypatch.setattr(Path, "open", lambda self, mode: Broken())
        with pytest.raises(CorpusError, match="text cannot be read: Input/output error"):
            list(read_blocks(source, 100))

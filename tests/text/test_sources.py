import io
import os
import sys
from pathlib import Path

import pytest

from xw2v.errors import CorpusError
from xw2v.text import sources
from xw2v.text.sources import Source, find_sources, read_blocks


def write(path: Path, data: bytes = b"a b\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def blocks_of(data: bytes, size: int, tmp_path: Path) -> list[sources.Block]:
    path = write(tmp_path / "text", data)
    return list(read_blocks(Source("text", path, len(data)), size))


class TestFindSources:
    def test_keeps_the_order_of_names(self, tmp_path: Path) -> None:
        second, first = write(tmp_path / "b.txt", b"12345"), write(tmp_path / "a.txt", b"")
        found = find_sources([second, str(first)])
        assert [(source.path, source.size) for source in found] == [(second, 5), (first, 0)]
        assert found[0].name == str(second)

    def test_one_path_needs_no_list(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.txt")
        assert find_sources(str(path)) == find_sources([path])
        assert find_sources(path) == find_sources([path])  # type: ignore[arg-type]

    def test_sorts_the_files_of_a_pattern(self, tmp_path: Path) -> None:
        for name in ("c.txt", "a.txt", "b.txt", "a.md", "deep/d.txt", "folder.txt/x"):
            write(tmp_path / name)
        found = find_sources([str(tmp_path / "*.txt")])
        assert [source.path for source in found] == [tmp_path / f"{name}.txt" for name in "abc"]
        found = find_sources([str(tmp_path / "**" / "*.txt")])
        assert tmp_path / "deep" / "d.txt" in [source.path for source in found]

    def test_name_with_brackets_is_no_pattern(self, tmp_path: Path) -> None:
        path = write(tmp_path / "notes[1].txt")
        write(tmp_path / "notes1.txt")
        assert [source.path for source in find_sources([path])] == [path]

    def test_standard_input(self) -> None:
        assert find_sources(["-"]) == [Source("standard input", None, None)]

    def test_standard_input_only_once(self) -> None:
        with pytest.raises(CorpusError, match="only once"):
            find_sources(["-", "-"])

    def test_nothing(self) -> None:
        with pytest.raises(CorpusError, match="no text files given"):
            find_sources([])

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"gone\.txt does not exist"):
            find_sources([write(tmp_path / "a.txt"), tmp_path / "gone.txt"])

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="is a directory; name its files"):
            find_sources([tmp_path])

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
        assert find_sources([path]) == [Source(str(path), path, None)]


class TestReadBlocks:
    def test_cuts_after_white_space(self, tmp_path: Path) -> None:
        blocks = blocks_of(b"one two\nthree", 6, tmp_path)
        assert blocks == [(b"one ", 0, 4), (b"two\n", 4, 8), (b"three\n", 8, 13)]

    @pytest.mark.parametrize("space", [b" ", b"\n", b"\t", b"\r"])
    def test_every_cut(self, space: bytes, tmp_path: Path) -> None:
        assert blocks_of(b"a" + space + b"b", 2, tmp_path)[0].data == b"a" + space

    def test_extends_a_block_without_white_space(self, tmp_path: Path) -> None:
        blocks = blocks_of(b"abcdefgh ij", 2, tmp_path)
        assert blocks == [(b"abcdefgh ", 0, 9), (b"ij\n", 9, 11)]

    @pytest.mark.parametrize("size", range(1, 12))
    def test_any_size_gives_the_same_bytes(self, size: int, tmp_path: Path) -> None:
        data = " ä b\r\nσχ \u3000x\n\n y".encode()
        blocks = blocks_of(data, size, tmp_path)
        assert b"".join(block.data for block in blocks) == data + b"\n"
        assert [block.start for block in blocks] == [0, *(block.end for block in blocks[:-1])]
        assert blocks[-1].end == len(data)
        assert all(block.data[-1:].isspace() for block in blocks)

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
    def test_drops_the_byte_order_mark(self, size: int, tmp_path: Path) -> None:
        blocks = blocks_of(b"\xef\xbb\xbfa b", size, tmp_path)
        assert b"".join(block.data for block in blocks) == b"a b\n"
        assert blocks[0].start == 3

    def test_keeps_a_later_byte_order_mark(self, tmp_path: Path) -> None:
        blocks = blocks_of(b"a \xef\xbb\xbfb", 2, tmp_path)
        assert blocks[-1].data == b"\xef\xbb\xbfb\n"

    def test_empty_file(self, tmp_path: Path) -> None:
        assert blocks_of(b"", 10, tmp_path) == [(b"\n", 0, 0)]

    def test_endless_word(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sources, "_LONGEST_BLOCK", 20)
        with pytest.raises(CorpusError, match="text: no white space in 21 bytes from byte 3 on"):
            blocks_of(b"ab " + b"\0" * 30, 3, tmp_path)

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b")))
        assert [block.data for block in read_blocks(find_sources("-")[0], 100)] == [b"a ", b"b\n"]
        assert not sys.stdin.closed

    def test_no_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        with pytest.raises(CorpusError, match="no standard input"):
            list(read_blocks(find_sources("-")[0], 100))

    def test_file_that_vanished(self, tmp_path: Path) -> None:
        path = write(tmp_path / "text")
        [source] = find_sources([path])
        path.unlink()
        with pytest.raises(CorpusError, match="text does not exist"):
            list(read_blocks(source, 100))

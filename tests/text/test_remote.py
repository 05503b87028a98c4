import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xw2v.errors import CorpusError
from xw2v.text.readers import Reading, read_blocks
from xw2v.text.remote import find_remote, is_url
from xw2v.text.sources import find_sources

pa = pytest.importorskip("pyarrow")


@pytest.mark.parametrize("path", ["https://a/b", "s3://a", "zip://x::s3://a", "memory://x"])
def test_urls(path: str) -> None:
    assert is_url(path)


@pytest.mark.parametrize(
    "path", ["a.txt", "/a/b", r"C:\a", "C:/a", "-", "nltk:brown", "://x", "a//b"]
)
def test_no_urls(path: str) -> None:
    assert not is_url(path)


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system in memory, empty."""
    fsspec = pytest.importorskip("fsspec")
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def text_of(url: str, size: int = 100, **reading: Any) -> bytes:
    blocks = [
        block
        for source in find_sources([url])
        for block in read_blocks(source, size, Reading(**reading))
    ]
    return b"".join(block.data for block in blocks)


class TestMemory:
    def test_file(self, memory: Any) -> None:
        memory.pipe_file("/x/a.txt", b"a b")
        [source] = find_sources(["memory://x/a.txt"])
        assert (source.name, source.size) == ("memory://x/a.txt", 3)
        assert text_of("memory://x/a.txt") == b"a b\n"

    def test_fingerprint(self, memory: Any) -> None:
        memory.pipe_file("/a", b"a b")
        before = find_sources(["memory://a"])[0].fingerprint
        assert before is not None
        assert find_sources(["memory://a"])[0].fingerprint == before
        memory.pipe_file("/a", b"a c")
        assert find_sources(["memory://a"])[0].fingerprint != before

    def test_patterns_and_folders(self, memory: Any) -> None:
        for name in ("b.txt", "a.txt", "c.md", "deep/d.txt", ".hidden", ".git/x"):
            memory.pipe_file(f"/x/{name}", b"a")
        found = find_sources(["memory://x/*.txt"])
        assert [source.name for source in found] == ["memory:///x/a.txt", "memory:///x/b.txt"]
        found = find_sources(["memory://x"])
        names = ["a.txt", "b.txt", "c.md", "deep/d.txt"]
        assert [source.name.partition("/x/")[2] for source in found] == names

    def test_name_with_brackets_is_no_pattern(self, memory: Any) -> None:
        memory.pipe_file("/notes[1].txt", b"a")
        assert len(find_sources(["memory://notes[1].txt"])) == 1

    def test_formats(self, memory: Any) -> None:
        import pyarrow.parquet as pq

        memory.pipe_file("/a.jsonl", b'{"text": "a b"}\n')
        with memory.open("/a.parquet", "wb") as file:
            pq.write_table(pa.table({"text": ["a b"]}), file)
        assert text_of("memory://a.jsonl") == text_of("memory://a.parquet") == b"a b\n"

    def test_missing(self, memory: Any) -> None:
        with pytest.raises(CorpusError, match="memory://gone does not exist"):
            find_sources(["memory://gone"])
        with pytest.raises(CorpusError, match=r"no file matches memory://\*\.txt"):
            find_sources(["memory://*.txt"])
        memory.mkdir("/empty")
        with pytest.raises(CorpusError, match="memory://empty holds no files"):
            find_sources(["memory://empty"])

    def test_unknown_scheme(self, memory: Any) -> None:
        with pytest.raises(CorpusError, match="fsspec knows no nosuch://"):
            find_sources(["nosuch://a"])

    def test_missing_package(self, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(url: str) -> None:
            raise ImportError("Install s3fs to access S3")

        monkeypatch.setattr("fsspec.core.url_to_fs", missing)
        with pytest.raises(
            CorpusError, match="s3://a/b needs more than is installed: Install s3fs"
        ):
            find_sources(["s3://a/b"])

    def test_without_fsspec(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
        with pytest.raises(CorpusError, match=r'pip install "xw2v\[remote\]"'):
            find_sources(["https://a/b"])


@pytest.fixture(params=[False, True], ids=["whole files", "parts of files"])
def parts(request: pytest.FixtureRequest) -> bool:
    """Whether the web server sends parts of files."""
    return bool(request.param)


@pytest.fixture
def server(tmp_path: Path, parts: bool) -> Iterator[str]:
    """The URL of a web server with the files of tmp_path."""
    pytest.importorskip("aiohttp")
    pytest.importorskip("fsspec")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            """Send a part of a file if the server does that."""
            span = self.headers.get("Range")
            if not parts or span is None:
                super().do_GET()
                return
            data = (tmp_path / self.path[1:]).read_bytes()
            first, last = span.removeprefix("bytes=").split("-")
            part = data[int(first) : int(last) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()
        thread.join()


class TestHttp:
    def test_text(self, server: str, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes(b"word " * 1000)
        [source] = find_remote(f"{server}/a.txt")
        assert source.size == 5000
        blocks = list(read_blocks(source, 100))
        assert b"".join(block.data for block in blocks) == b"word " * 1000 + b"\n"
        assert blocks[-1].done == 5000

    def test_query_is_no_pattern(self, server: str, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"text\na b\n")
        assert text_of(f"{server}/a.csv?download=true&x=[1]") == b"a b\n"

    def test_parquet(self, server: str, tmp_path: Path) -> None:
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"text": ["a b", "c"]}), tmp_path / "a.parquet")
        assert text_of(f"{server}/a.parquet") == b"a b\nc\n"

    def test_long_files(
        self, server: str, parts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import pyarrow.parquet as pq

        if parts:
            # No copy is made of what can be had in parts.
            monkeypatch.setattr("tempfile.TemporaryFile", None)

        table = pa.table({"text": [f"word{i} and some more" for i in range(300_000)]})
        pq.write_table(table, tmp_path / "a.parquet", compression="none", use_dictionary=False)
        assert text_of(f"{server}/a.parquet", size=1 << 20).count(b"\n") == 300_000
        text = b"word " * 1_200_000
        (tmp_path / "a.txt").write_bytes(text)
        assert text_of(f"{server}/a.txt", size=1 << 20) == text + b"\n"

    def test_missing(self, server: str) -> None:
        with pytest.raises(CorpusError, match=r"gone\.txt does not exist"):
            find_sources([f"{server}/gone.txt"])

    def test_no_server(self, server: str) -> None:
        with pytest.raises(CorpusError, match=r"http://127.0.0.1:1/a cannot be read: "):
            find_sources(["http://127.0.0.1:1/a"])

"""Whatever is in a file of text, reading it gives text or a CorpusError."""

import io
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.targets import TEXTS, check_refusals
from xw2v.errors import CorpusError


@pytest.mark.parametrize("name", TEXTS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    check_refusals(TEXTS[name], tmp_path, examples=50, memory=2**24)


def damaged_table(column: Any, old: bytes, new: bytes) -> bytes:
    file = io.BytesIO()
    table = pa.table({"text": column})
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    assert file.getvalue().count(old) == 1
    return file.getvalue().replace(old, new)


def test_a_dictionary_with_words_beyond_its_end(tmp_path: Path) -> None:
    """Which pyarrow looks up where it is told to, and ends the process."""
    column = pa.array(["one", "two", "three"] * 9).dictionary_encode()
    offsets = struct.pack("<4i", 0, 3, 6, 11)
    data = damaged_table(column, offsets, struct.pack("<4i", 0, 3, 2**30, 11))
    with pytest.raises(CorpusError, match="is damaged"):
        read_text(tmp_path, data)


def test_a_view_of_what_is_beyond_the_end(tmp_path: Path) -> None:
    column = pa.array(["a rather long text", "another long text"], pa.string_view())
    view = struct.pack("<i4sii", 17, b"anot", 0, 18)
    data = damaged_table(column, view, struct.pack("<i4sii", 17, b"anot", 0, 2**31 - 99))
    with pytest.raises(CorpusError, match="is damaged"):
        read_text(tmp_path, data)


def read_text(folder: Path, data: bytes) -> None:
    (folder / "it").write_bytes(data)
    TEXTS["arrow"].read(folder / "it")

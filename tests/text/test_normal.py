from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.errors import CorpusError
from xw2v.text import normal
from xw2v.text.normal import Sentences, Texts, blocks_of_texts, cut_chunks, to_binary


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def cut(data: bytes, size: int) -> list[tuple[int, bytes]]:
    return list(cut_chunks(chunks_of(data, size), "text"))


class TestCutChunks:
    def test_cuts_where_words_begin(self) -> None:
        assert cut(b"one two\nthree\n", 6) == [(0, b"one "), (4, b"two\n"), (8, b"three\n")]

    @pytest.mark.parametrize("space", [b" ", b"\n", b"\t", b"\r"])
    def test_every_cut(self, space: bytes) -> None:
        assert cut(b"a" + space + b"b ", 2)[0] == (0, b"a" + space)

    def test_extends_a_piece_without_white_space(self) -> None:
        assert cut(b"abcdefgh ij ", 2) == [(0, b"abcdefgh "), (9, b"ij ")]

    @given(st.text("ab \n\r\t", max_size=30), st.integers(1, 10))
    def test_cuts_neither_words_nor_white_space(self, text: str, size: int) -> None:
        data = text.encode() + b"\n"
        pieces = cut(data, size)
        assert b"".join(piece for _, piece in pieces) == data
        starts = np.cumsum([0] + [len(piece) for _, piece in pieces[:-1]])
        assert [start for start, _ in pieces] == starts.tolist()
        assert all(piece[-1:].isspace() for _, piece in pieces)
        assert not any(piece[:1].isspace() for _, piece in pieces[1:])

    def test_endless_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(normal, "LONGEST_BLOCK", 20)
        with pytest.raises(CorpusError, match="text: no white space in 21 bytes from byte 3 on"):
            cut(b"ab " + b"\0" * 30, 3)

    def test_endless_space(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(normal, "LONGEST_BLOCK", 20)
        assert b"".join(piece for _, piece in cut(b"\n" * 100, 3)) == b"\n" * 100


class TestToBinary:
    @pytest.mark.parametrize(
        "array",
        [
            pa.array(["ä", None, ""], pa.string()),
            pa.array(["ä", None, ""], pa.large_string()),
            pa.array(["ä", None, ""], pa.string_view()),
            pa.array(["ä", None, ""]).dictionary_encode(),
            pa.array(["ä", None, ""], pa.large_string()).dictionary_encode(),
            pa.array(["ä".encode(), None, b""], pa.binary()),
            pa.array(["ä".encode(), None, b""], pa.large_binary()),
            pa.array(["ä".encode(), None, b""], pa.binary_view()),
        ],
        ids=lambda array: str(array.type),
    )
    def test_all_kinds_of_strings(self, array: pa.Array) -> None:
        binary = to_binary(array)
        assert binary is not None
        assert binary.to_pylist() == ["ä".encode(), None, b""]
        assert to_binary(array[1:]).to_pylist() == [None, b""]  # type: ignore[union-attr]

    def test_nulls(self) -> None:
        assert to_binary(pa.nulls(2)).to_pylist() == [None, None]  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "array", [pa.array([1]), pa.array([["a"]]), pa.array([{"a": "b"}]), pa.array([True])]
    )
    def test_no_strings(self, array: pa.Array) -> None:
        assert to_binary(array) is None

    def test_encoded_numbers(self) -> None:
        assert to_binary(pa.array([1, 2]).dictionary_encode()) is None


class TestBlocksOfTexts:
    @pytest.mark.parametrize(
        ("sentences", "expected"),
        [
            ("line", b"a\nb\r\n\nc d\n\n"),
            ("document", b"a b\r \nc d \n"),
            ("punctuation", b"a\nb\r\n\n\nc d\n\n\n"),
        ],
    )
    @pytest.mark.parametrize("size", [1, 6, 100])
    @pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
    def test_normal_form(
        self, sentences: Sentences, expected: bytes, size: int, kind: pa.DataType
    ) -> None:
        array = pa.array([b"", b"a\nb\r\n", None, b"c d\n"], kind)
        texts = [Texts(array, lambda row: f"row {row}", 7)]
        blocks = list(blocks_of_texts(texts, size, sentences, "text"))
        assert b"".join(block.data for block in blocks) == expected
        assert all(block.done == 7 for block in blocks)
        places = [block.place(i) for block in blocks for i in range(len(block.data))]
        first = expected.index(b"c")
        assert places == ["row 1"] * first + ["row 3"] * (len(expected) - first)

    def test_several_texts_share_a_block(self) -> None:
        array = pa.array([b"abc"] * 10, pa.binary())
        blocks = list(blocks_of_texts([Texts(array, str, None)], 12, "line", "text"))
        assert [len(block.data) for block in blocks] == [12, 12, 12, 4]

    def test_long_texts_are_cut(self) -> None:
        array = pa.array([b"word " * 100, b"x"], pa.binary())
        blocks = list(blocks_of_texts([Texts(array, str, None)], 20, "document", "text"))
        assert max(len(block.data) for block in blocks) <= 40
        assert b"".join(block.data for block in blocks) == b"word " * 100 + b"\nx\n"
        assert {block.place(0) for block in blocks[:-1]} == {"0"}
        assert blocks[-1].place(0) == "1"

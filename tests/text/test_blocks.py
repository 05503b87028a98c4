from collections import defaultdict
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.text import blocks
from xw2v.text.blocks import BlockEncoder, token_starts

SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())


class Encoder:
    """A BlockEncoder that gives words, not numbers."""

    def __init__(self, errors: str = "strict", lowercase: bool = False) -> None:
        self.index: defaultdict[str, int] = defaultdict(count().__next__)
        self.encoder = BlockEncoder(self.index.__getitem__, errors, lowercase)

    def words(self, block: bytes) -> list[str]:
        ids, _ = self.encoder.encode(block)
        assert ids.dtype == np.int32
        known = list(self.index)
        return [known[i] for i in ids]

    def lines(self, block: bytes) -> list[list[str]]:
        words = self.words(block)
        _, ends = self.encoder.encode(block)
        assert ends.dtype == np.int64
        return [part.tolist() for part in np.split(np.array(words, object), ends)]


def test_every_character_is_what_str_split_says() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for begin in range(0, len(characters), 4096):
        some = characters[begin : begin + 4096]
        text = " ".join(f"a{character}b{character}" for character in some) + " "
        assert Encoder().words(text.encode()) == text.split(), hex(ord(some[0]))


def test_wide_space_is_that_of_str_split() -> None:
    assert [c for c in SPACES if not c.isascii()] == [
        chr(code) for code in range(0x110000) if blocks._WIDE_SPACE.match(chr(code))
    ]


@pytest.mark.parametrize("space", SPACES)
def test_runs_of_space(space: str) -> None:
    text = f"{space}{space}a{space}{space}b {space}c{space} {space}\n"
    assert Encoder().words(text.encode()) == ["a", "b", "c"]


def test_words_across_blocks_keep_their_numbers() -> None:
    encoder = Encoder()
    assert encoder.words(b"b a b ") == ["b", "a", "b"]
    assert encoder.words(b"c\na\tb\n") == ["c", "a", "b"]
    assert list(encoder.index) == ["b", "a", "c"]


def test_numbers_by_first_appearance_beyond_the_known_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "_KNOWN", 3)
    encoder = Encoder()
    for block in (b"a b ", b"c d b ", b"e a d\n", b"d f e c "):
        assert encoder.words(block) == block.decode().split()
    assert list(encoder.index) == ["a", "b", "c", "d", "e", "f"]


def test_line_ends() -> None:
    encoder = Encoder()
    assert encoder.lines(b"\n\na b\r\n \nc\n\n") == [[], [], ["a", "b"], [], ["c"], [], []]
    assert encoder.lines(b"a ") == [["a"]]
    assert encoder.lines(b"\n") == [[], []]
    assert encoder.lines(b" ") == [[]]


def test_only_newline_ends_a_line() -> None:
    text = "a\rb\vc\fd\x1ce\x1df\x1eg\x85h\u2028i\u2029j\n"
    assert Encoder().lines(text.encode()) == [list("abcdefghij"), []]


def test_wide_space_keeps_the_lines() -> None:
    text = "a\u3000b\n\u3000\n\u2003c d\n"
    assert Encoder().lines(text.encode()) == [["a", "b"], [], ["c", "d"], []]


def test_block_after_one_with_wide_space() -> None:
    encoder = Encoder()
    for text in ("a b ", "a\u3000b ", "é a\n", "b\xa0é "):
        assert encoder.words(text.encode()) == text.split()


def test_nul_is_an_ordinary_character() -> None:
    assert Encoder().words(b"a\0b \0 \0\0 a ") == ["a\0b", "\0", "\0\0", "a"]


@pytest.mark.parametrize("word", ["Straße", "ΌΔΟΣ", "İstanbul", "ǅ", "ΑΣ'", "Σ"])
def test_lowercase_is_that_of_str(word: str) -> None:
    text = f"{word} x {word.lower()}\n{word}a Σ{word}\n"
    encoder = Encoder(lowercase=True)
    assert encoder.words(text.encode()) == [token.lower() for token in text.split()]


def test_lowercase_merges_words() -> None:
    encoder = Encoder(lowercase=True)
    assert encoder.words(b"The the THE ") == ["the"] * 3
    assert list(encoder.index) == ["the"]


def test_strict_names_the_position() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        Encoder().words(b"ok ok \xe2\x82 ")
    assert caught.value.start == 6


def test_strict_names_the_position_after_a_block_with_wide_space() -> None:
    encoder = Encoder()
    encoder.words("a\u3000b ".encode())
    with pytest.raises(UnicodeDecodeError) as caught:
        encoder.words("\u3000ok \xff ".encode("latin-1", "ignore"))
    assert caught.value.start == 3


@pytest.mark.parametrize("errors", ["replace", "ignore"])
@given(pieces=st.lists(st.sampled_from(list(b"ab \n\r\x1c\0\xc2\xa0\xe2\x80\x83\xf0\x9f\xed\xff"))))
def test_other_bytes_as_bytes_decode(errors: str, pieces: list[int]) -> None:
    block = bytes(pieces) + b"\n"
    assert Encoder(errors).words(block) == block.decode("utf-8", errors).split()


@given(st.text("ab \n\r\x1f\x85é\u2028\u3000😀\0"))
def test_any_text(text: str) -> None:
    block = text.encode() + b"\n"
    lines = Encoder().lines(block)
    assert lines == [line.split() for line in f"{text}\n".split("\n")]


@given(st.binary(max_size=40), st.integers(1, 9))
def test_token_starts(data: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_SLICE", size)
        starts = token_starts(np.frombuffer(data + b" ", np.uint8))
    spaces = [bytes([byte]).decode("latin-1").isspace() and byte < 128 for byte in data]
    before = [True, *spaces[:-1]]
    assert starts.dtype == np.int32
    assert starts.tolist() == [
        i for i, (space, after) in enumerate(zip(spaces, before, strict=False)) if after > space
    ]

import re
from collections import defaultdict
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xw2v.text import blocks, tokenizers
from xw2v.text.blocks import BlockEncoder
from xw2v.text.normal import Sentences
from xw2v.text.tokenizers import Tokenizer

SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())
# Words of many kinds; the middle one becomes several, the last one none, under some tokenizers.
WORDS = ["a", "b", "é", "x" * 7, "x" * 8, "x" * 9, "A", "a.b", "a\u3000B", "it's", "--", "\0"]


class Encoder:
    """A BlockEncoder that gives words, not numbers."""

    def __init__(
        self,
        errors: str = "strict",
        tokenizer: Tokenizer | None = None,
        sentences: Sentences = "line",
    ) -> None:
        self.index: defaultdict[str, int] = defaultdict(count().__next__)
        tokenizer = tokenizer or Tokenizer()
        self.encoder = BlockEncoder(self.index.__getitem__, tokenizer, errors, sentences)

    def renumber(self) -> None:
        self.index = defaultdict(count(1000).__next__)
        self.encoder.renumber(self.index.__getitem__)

    def encode(self, block: bytes) -> tuple[list[str], list[int]]:
        ids, ends = self.encoder.number(self.encoder.split(block))
        assert ids.dtype == np.int32
        assert ends.dtype == np.int64
        known = {number: word for word, number in self.index.items()}
        return [known[number] for number in ids.tolist()], ends.tolist()

    def words(self, block: bytes) -> list[str]:
        return self.encode(block)[0]

    def lines(self, block: bytes) -> list[list[str]]:
        words, ends = self.encode(block)
        bounds = zip([0, *ends], [*ends, len(words)], strict=True)
        return [words[begin:end] for begin, end in bounds]


def test_every_character_is_what_str_split_says() -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for begin in range(0, len(characters), 4096):
        some = characters[begin : begin + 4096]
        text = " ".join(f"a{character}b{character}" for character in some) + " "
        assert Encoder().words(text.encode()) == text.split(), hex(ord(some[0]))


def test_space_within_is_that_of_str_split() -> None:
    found = [chr(code) for code in range(0x110000) if tokenizers._SPACE_WITHIN.match(chr(code))]
    assert found == [character for character in SPACES if character != "\n"]


@pytest.mark.parametrize("space", SPACES)
def test_runs_of_space(space: str) -> None:
    text = f"{space}{space}a{space}{space}b {space}c{space} {space}\n"
    assert Encoder().words(text.encode()) == ["a", "b", "c"]


def test_words_across_blocks_keep_their_numbers() -> None:
    encoder = Encoder()
    assert encoder.words(b"b a b ") == ["b", "a", "b"]
    assert encoder.words(b"c\na\tb\n") == ["c", "a", "b"]
    assert list(encoder.index) == ["b", "a", "c"]


@pytest.mark.parametrize("known", [0, 1, 3, 100])
def test_numbers_by_first_appearance_beyond_the_known_words(
    known: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_KNOWN", known)
    encoder = Encoder()
    # (Runs in the last 8 bytes are looked at in another way.)
    for block in (b"a b ", b"c d b ", b"e a d\n", b"d f e c ", b"a b c d e f" + b" " * 9):
        assert encoder.words(block) == block.decode().split()
    assert list(encoder.index) == ["a", "b", "c", "d", "e", "f"]


def test_long_runs_are_not_known() -> None:
    encoder = Encoder()
    block = b"a " + b"x" * 100 + b" " + b"y" * 99 + b"\n" + b" " * 9 + b"b" + b" " * 9
    for _ in range(2):
        assert encoder.words(block) == block.decode().split()
    assert encoder.encoder._known.texts() == [b"a", b"b"]


def test_few_known_runs_are_enough_for_a_text() -> None:
    encoder = Encoder()
    block = b" ".join(b"w%d" % (i % 100) for i in range(1000)) + b" " * 9
    assert encoder.words(block) == block.decode().split()
    split = encoder.encoder.split(block)
    assert len(split.runs.new) == 0
    assert split.words == []


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
    encoder = Encoder()
    for _ in range(2):
        assert encoder.words(b"a\0b \0 \0\0 a ") == ["a\0b", "\0", "\0\0", "a"]
        assert encoder.words(b"a b" + b" " * 9) == ["a", "b"]


@pytest.mark.parametrize("word", ["Straße", "ΌΔΟΣ", "İstanbul", "ǅ", "ΑΣ'", "Σ"])
def test_lowercase_is_that_of_str(word: str) -> None:
    text = f"{word} x {word.lower()}\n{word}a Σ{word}\n"
    encoder = Encoder(tokenizer=Tokenizer(lowercase=True))
    assert encoder.words(text.encode()) == [token.lower() for token in text.split()]


def test_lowercase_merges_words() -> None:
    encoder = Encoder(tokenizer=Tokenizer(lowercase=True))
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


TOKENIZERS = [
    Tokenizer(),
    Tokenizer(lowercase=True),
    Tokenizer(token_pattern=r"\w+"),
    Tokenizer(strip_punctuation=True),
]


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1, max_size=6),
    tokenizer=st.sampled_from(TOKENIZERS),
    known=st.sampled_from([1, 3, 100]),
    delay=st.integers(0, 3),
    data=st.data(),
)
def test_blocks_may_be_split_ahead_and_numbered_anew(
    texts: list[list[str]], tokenizer: Tokenizer, known: int, delay: int, data: st.DataObject
) -> None:
    """What is split in other threads may not know what the blocks before it taught."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_KNOWN", known)
        encoder = Encoder(tokenizer=tokenizer)
        bodies = [" ".join(text) + " " * data.draw(st.sampled_from([1, 9])) for text in texts]
        ahead = [encoder.encoder.split(body.encode()) for body in bodies[:delay]]
        expected: dict[str, int] = {}
        base = 0
        for number, body in enumerate(bodies):
            words = tokenizer.words(body)
            if number + delay < len(bodies) and delay:
                ahead.append(encoder.encoder.split(bodies[number + delay].encode()))
            split = ahead.pop(0) if ahead else encoder.encoder.split(body.encode())
            ids, _ = encoder.encoder.number(split)
            # By first appearance, whatever was known of the words.
            for word in words:
                expected.setdefault(word, base + len(expected))
            assert ids.tolist() == [expected[word] for word in words]
            if data.draw(st.booleans()):
                encoder.renumber()
                expected, base = {}, 1000


def test_blocks_split_at_the_same_time_teach_each_run_once() -> None:
    encoder = Encoder()
    block = b"a b c x" + b"y" * 9 + b" " * 9
    for split in [encoder.encoder.split(block) for _ in range(3)]:
        encoder.encoder.number(split)
    assert encoder.encoder._known.texts() == [b"a", b"b", b"c", b"x" + b"y" * 9]
    assert encoder.words(b"d a e b" + b" " * 9) == ["d", "a", "e", "b"]


def test_known_words_have_no_numbers_until_they_occur_again() -> None:
    encoder = Encoder()
    encoder.words(b"a b c d" + b" " * 9)
    encoder.renumber()
    assert not encoder.index
    assert encoder.words(b"x c y a c" + b" " * 9) == ["x", "c", "y", "a", "c"]
    assert list(encoder.index) == ["x", "c", "y", "a"]
    assert encoder.words(b"d b a" + b" " * 9) == ["d", "b", "a"]
    assert list(encoder.index) == ["x", "c", "y", "a", "d", "b"]


def sentences_by_punctuation(text: str) -> list[list[str]]:
    """Split text at blank lines, then each run at its marks, slowly."""
    found: list[list[str]] = []
    for paragraph in re.split(r"\n[\t\v\f\r\x1c-\x20]*(?=\n)", text):
        found.append([])
        for run in re.findall(r"[^\t\n\v\f\r\x1c-\x20]+", paragraph):
            piece = ""
            rest = run.strip()
            while rest:
                wide = re.match(r"[。！？｡]+[\"'”’»)\]」』）]*", rest)
                narrow = re.fullmatch(r"[.!?…]+[\"'”’»)\]」』）]*", rest)
                if match := wide or narrow:
                    found[-1] += (piece + match[0]).split()
                    found.append([])
                    piece, rest = "", rest[match.end() :]
                else:
                    piece, rest = piece + rest[0], rest[1:]
            found[-1] += piece.split()
    return [sentence for sentence in found if sentence]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three", ["One two.", "Three"]),
        ("One\ntwo\n\nthree", ["One two", "three"]),
        ("One\n \t\r\ntwo", ["One", "two"]),
        ('He said "No." Then? (Yes!) so … on', ['He said "No."', "Then?", "(Yes!)", "so …", "on"]),
        ("3.5 e.g. v1.2 a.b", ["3.5 e.g.", "v1.2 a.b"]),
        ("...and", ["...and"]),
        ("我来了。你呢？「好！」他说", ["我来了。", "你呢？", "「好！」", "他说"]),
        ("我。来\n了", ["我。", "来 了"]),
        ("(我。) 「OK.」 a.）b [x.]", ["(我。)", "「OK.」", "a.）b [x.]"]),
        ("。。。 ！ x", ["。。。", "！", "x"]),
        ("a.\u3000\u2028 b.\xa0c .\u3000. d", ["a.", "b. c . .", "d"]),
        ("a b!?\n\n\n. c", ["a b!?", ".", "c"]),
    ],
)
def test_punctuation_ends_sentences(text: str, expected: list[str]) -> None:
    lines = Encoder(sentences="punctuation").lines(f"{text}\n\n".encode())
    assert [line for line in lines if line] == [line.split() for line in expected]
    assert sentences_by_punctuation(text) == [line.split() for line in expected]


def test_many_marks_in_a_row_do_not_take_for_ever() -> None:
    text = "." * 100_000 + "a " + '."' * 50_000 + "b " + "。" * 100_000 + "c\n\n"
    lines = Encoder(sentences="punctuation").lines(text.encode())
    assert [len(line) for line in lines if line] == [3, 1]


@given(
    text=st.lists(
        st.sampled_from([*"aé.!?…'\")」。！ \n\n\r\t\x1f", "\u3000", "\xa0", "x" * 9, "\n\n"])
    ).map("".join),
    cuts=st.lists(st.integers(0, 60), max_size=4),
)
def test_punctuation_across_blocks(text: str, cuts: list[int]) -> None:
    encoder = Encoder(sentences="punctuation")
    data = (text + "\n\n").encode()
    # Blocks end after white space, here even within runs of it.
    ends = [match.end() for match in re.finditer(rb"[\t-\r\x1c-\x20]", data)]
    begins = [0, *sorted({ends[cut % len(ends)] for cut in cuts} - {len(data)}), len(data)]
    found: list[list[str]] = [[]]
    for begin, end in pairwise(begins):
        first, *others = encoder.lines(data[begin:end])
        found[-1] += first
        found += others
    assert [line for line in found if line] == sentences_by_punctuation(text)


def test_punctuation_comes_before_the_tokenizer() -> None:
    tokenizer = Tokenizer(strip_punctuation=True, lowercase=True)
    encoder = Encoder(tokenizer=tokenizer, sentences="punctuation")
    lines = encoder.lines(b"Yes, he did. So -- what? ... End\n\n")
    assert [line for line in lines if line] == [["yes", "he", "did"], ["so", "what"], ["end"]]

import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xw2v.errors import ConfigError
from xw2v.text import tokenizers
from xw2v.text.blocks import BlockEncoder
from xw2v.text.tokenizers import Tokenizer

# Among them: final sigma, characters that become several, white space within and after
# normalization (U+FDFA, U+00A8), combining characters in and out of order.
CHARACTERS = [*"aA1_-.'’«»…é Σσςß\n\t\r\x1c\0", "İ", "ǅ", "ﬁ", "\ufdfa", "\xa8", "ＡＢ", "．", "①"]
CHARACTERS += ["\u0301", "\u0323", "\u0345", "\u3099", "が", "か", "\xa0", "\u3000", "\u200b", "。"]
CHARACTERS += ["\u1100", "\u1161", "\u212b", "\u2000", "\u2028", "\x85", "😀", "\ufeff"]
TEXTS = st.lists(st.sampled_from(CHARACTERS)).map("".join) | st.text(max_size=20)
PATTERNS = [r"\w+", r"[^\W\d_]+", r"a(.)", r"(a)|b", r"a(?=\s)", r"\b", r"(?i)[a-z]{2,}", r"\S+?"]
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]
TOKENIZERS = st.builds(
    Tokenizer,
    lowercase=st.booleans(),
    normalize=st.none() | st.sampled_from(FORMS),
    token_pattern=st.none() | st.sampled_from(PATTERNS),
    strip_punctuation=st.booleans(),
)


def expected_words(text: str, tokenizer: Tokenizer) -> list[str]:
    """Do one thing after the other to the whole text."""
    if tokenizer.normalize is not None:
        text = unicodedata.normalize(tokenizer.normalize, text)
    if tokenizer.lowercase:
        text = text.lower()
    words = text.split()
    if tokenizer.token_pattern is not None:
        pattern = re.compile(tokenizer.token_pattern)
        matches = [match for word in words for match in pattern.finditer(word)]
        words = [match[match.re.groups] for match in matches if match[match.re.groups]]
    if tokenizer.strip_punctuation:
        words = [word for word in map(without_punctuation, words) if word]
    return words


def without_punctuation(word: str) -> str:
    kept = [i for i, c in enumerate(word) if not unicodedata.category(c).startswith("P")]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def encoded_words(data: bytes, tokenizer: Tokenizer, errors: str = "strict") -> list[str]:
    """Return the words that a BlockEncoder finds, which calls the tokenizer run by run."""
    known: dict[str, int] = {}
    encoder = BlockEncoder(lambda word: known.setdefault(word, len(known)), tokenizer, errors)
    ids, _ = encoder.number(encoder.split(data + b"\n"))
    words = list(known)
    return [words[number] for number in ids]


@given(TEXTS, TOKENIZERS)
@example("ΑΣ ΑΣ. ΑΣ'α Σ", Tokenizer(lowercase=True))
@example("a\ufdfab \xa8 \xa8.", Tokenizer(normalize="NFKC", strip_punctuation=True))
@example("a\u2000b\xa0c", Tokenizer(normalize="NFKC"))
@example(" \u0301a \u0323\u0301", Tokenizer(normalize="NFC"))
def test_words_are_what_becomes_of_the_whole_text(text: str, tokenizer: Tokenizer) -> None:
    words = expected_words(text, tokenizer)
    assert tokenizer.words(text) == words
    encodable = text.encode("utf-8", "replace").decode()
    assert encoded_words(encodable.encode(), tokenizer) == expected_words(encodable, tokenizer)
    # A word is no white space, and none is empty.
    assert all(len(word.split()) == 1 for word in words)


@pytest.mark.parametrize("errors", ["replace", "ignore"])
@given(
    pieces=st.lists(st.sampled_from([*"aA .\n", "Σ", "\u0301", "\ufdfa"]) | st.just(None)),
    bad=st.sampled_from([b"\xff", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\x80"]),
    tokenizer=TOKENIZERS,
)
def test_bytes_that_are_not_utf8(
    errors: str, pieces: list[str | None], bad: bytes, tokenizer: Tokenizer
) -> None:
    data = b"".join(bad if piece is None else piece.encode() for piece in pieces)
    words = expected_words(data.decode("utf-8", errors), tokenizer)
    assert encoded_words(data, tokenizer, errors) == words


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (Tokenizer(), ["“Ça", "va?”", "3.5", "ﬁN.", "--"]),
        (Tokenizer(lowercase=True), ["“ça", "va?”", "3.5", "ﬁn.", "--"]),
        (Tokenizer(normalize="NFD"), ["“C\u0327a", "va?”", "3.5", "ﬁN.", "--"]),
        (Tokenizer(normalize="NFKC"), ["“Ça", "va?”", "3.5", "fiN.", "--"]),
        (Tokenizer(token_pattern=r"\w+"), ["Ça", "va", "3", "5", "ﬁN"]),
        (Tokenizer(token_pattern=r"(\w)\w"), ["Ç", "v", "ﬁ"]),
        (Tokenizer(strip_punctuation=True), ["Ça", "va", "3.5", "ﬁN"]),
        (Tokenizer(True, "NFKC", r"[a-zç.?”]+", True), ["ça", "va", "fin"]),
    ],
)
def test_examples(tokenizer: Tokenizer, words: list[str]) -> None:
    assert tokenizer.words("“Ça va?” 3.5\nﬁN. --") == words


@pytest.mark.parametrize("text", ["", " ", "\n\u3000"])
def test_no_words(text: str) -> None:
    assert Tokenizer(strip_punctuation=True, normalize="NFKC").words(text) == []


def test_symbols_are_no_punctuation() -> None:
    assert Tokenizer(strip_punctuation=True).words("$5 +1 €. #tag 😀! a_") == [
        *("$5", "+1", "€", "tag", "😀", "a")
    ]


@given(
    pieces=st.lists(TEXTS.map(lambda text: text.replace("\n", "")), min_size=1),
    tokenizer=TOKENIZERS,
)
@example(["a b", "", "c"], Tokenizer())
@example(["a\u2000b", "c\xa0"], Tokenizer(normalize="NFKC"))
@example(["Σ", "ΑΣ", "\u0301", "e"], Tokenizer(lowercase=True, normalize="NFC"))
def test_words_of_many_texts_at_once(pieces: list[str], tokenizer: Tokenizer) -> None:
    # (White space within texts is never ASCII there.)
    pieces = ["\u3000".join(piece.split()) for piece in pieces]
    words, n_words = tokenizer.words_of_each("\n".join(pieces))
    lists = [tokenizer.words(piece) for piece in pieces]
    assert words == [word for some in lists for word in some]
    assert (n_words or [1] * len(pieces)) == list(map(len, lists))


class TestErrors:
    def test_normalize(self) -> None:
        with pytest.raises(ConfigError, match=r"normalize must be .*'NFKC'.*, not 'nfc'"):
            Tokenizer(normalize="nfc")  # type: ignore[arg-type]

    def test_segment(self) -> None:
        match = "segment must be one of 'chinese', 'japanese', not 'thai'"
        with pytest.raises(ConfigError, match=match):
            Tokenizer(segment="thai")  # type: ignore[arg-type]

    def test_segment_and_pattern(self) -> None:
        with pytest.raises(ConfigError, match="segment and token_pattern both say"):
            Tokenizer(segment="chinese", token_pattern="a")

    @pytest.mark.parametrize("pattern", ["(", "a**", r"\q", "(?P<n", "[z-a]", "(" * 500])
    def test_no_pattern(self, pattern: str) -> None:
        with pytest.raises(ConfigError, match=r"token_pattern .* is no regular expression: ."):
            Tokenizer(token_pattern=pattern)

    @pytest.mark.parametrize("pattern", [b"a", 3, re.compile("a")])
    def test_pattern_that_is_no_string(self, pattern: Any) -> None:
        with pytest.raises(ConfigError, match="token_pattern must be a string, not "):
            Tokenizer(token_pattern=pattern)

    def test_several_groups(self) -> None:
        with pytest.raises(ConfigError, match=r"has 2 groups: .* write the others as \(\?:"):
            Tokenizer(token_pattern="(a)(b)")

    @pytest.mark.parametrize("pattern", ["", "a*", "a|", "(?=)", "(x)?"])
    def test_pattern_of_nothing(self, pattern: str) -> None:
        with pytest.raises(ConfigError, match="matches the empty string"):
            Tokenizer(token_pattern=pattern)


class TestSegmenting:
    @pytest.fixture(autouse=True)
    def forgets(self) -> Iterator[None]:
        tokenizers._segmenter.cache_clear()
        yield
        tokenizers._segmenter.cache_clear()

    def check(self, tokenizer: Tokenizer, text: str, words: list[str]) -> None:
        assert tokenizer.words(text) == words
        assert encoded_words(text.encode(), tokenizer) == words
        # Pieces between white space are cut on their own.
        assert words == [word for piece in text.split() for word in tokenizer.words(piece)]

    def test_chinese(self) -> None:
        pytest.importorskip("jieba")
        text = "我爱北京天安门。 他来到了网易杭研大厦\nGPU 服务器"
        words = ["我", "爱", "北京", "天安门", "。", "他", "来到", "了", "网易", "杭研", "大厦"]
        self.check(Tokenizer(segment="chinese"), text, [*words, "GPU", "服务器"])
        words.remove("。")
        stripped = Tokenizer(segment="chinese", strip_punctuation=True, lowercase=True)
        self.check(stripped, text, [*words, "gpu", "服务器"])

    def test_japanese(self) -> None:
        pytest.importorskip("janome")
        text = "すもももももももものうち。 東京都に\u3000住む"
        words = [
            "すもも",
            "も",
            "もも",
            "も",
            "もも",
            "の",
            "うち",
            "。",
            "東京",
            "都",
            "に",
            "住む",
        ]
        self.check(Tokenizer(segment="japanese"), text, words)
        words.remove("。")
        self.check(Tokenizer(segment="japanese", strip_punctuation=True), text, words)

    @pytest.mark.parametrize(("language", "name"), [("chinese", "jieba"), ("japanese", "janome")])
    def test_library_is_missing(
        self, language: Any, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in [module for module in sys.modules if module.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)
        match = (
            rf"to cut {language.capitalize()} text into words, install {name}.*: "
            rf'pip install "xw2v\[{language}\]"'
        )
        with pytest.raises(ConfigError, match=match):
            Tokenizer(segment=language)

import io
import itertools
import json
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.text.test_blocks import sentences_by_punctuation
from tests.text.test_generations import spied
from tests.text.test_phrases import slow_pass
from xw2v.errors import ConfigError, CorpusError
from xw2v.text import EncodedCorpus, Vocabulary, encode_files, encode_sentences
from xw2v.text import blocks as blocks_module
from xw2v.text.choosing import VocabularyRule
from xw2v.text.encode import (
    ReadProgress,
    count_files,
    count_sentences,
    count_texts,
    encode_texts,
)
from xw2v.text.normal import Sentences
from xw2v.text.options import TextOptions

Encoded = tuple[Vocabulary, EncodedCorpus]
# None of these changes a result.
MANNERS = st.fixed_dictionaries(
    {
        "block_bytes": st.integers(1, 30),
        "memory_bytes": st.sampled_from([1, 1 << 20]),
        "chunk": st.integers(1, 9),
        "max_distinct": st.sampled_from([1, 2, 3, 5, 100]),
        "workers": st.integers(1, 3),
    }
)


def encode(
    paths: Sequence[Path],
    options: TextOptions | None = None,
    *,
    min_count: int = 1,
    max_final_vocab: int | None = None,
    **manners: Any,
) -> Encoded:
    with count_files(paths, options or TextOptions(), **manners) as text:
        return text.encode(VocabularyRule(min_count, max_final_vocab))


def write(folder: Path, data: bytes | str, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def decode(encoded: Encoded) -> list[list[str]]:
    vocabulary, corpus = encoded
    words = np.array(vocabulary.words, object)
    return [part.tolist() for part in np.split(words[corpus.ids], corpus.starts[1:-1])]


def expected(
    sentences: list[list[str]], min_count: int, max_final_vocab: int | None
) -> tuple[list[tuple[str, int]], list[list[str]]]:
    """Do the same, slowly. Counter.most_common keeps the order of first appearance in ties."""
    counts = Counter(itertools.chain.from_iterable(sentences)).most_common()
    counts = [(word, n) for word, n in counts if n >= min_count][:max_final_vocab]
    vocabulary = dict(counts)
    kept = [[word for word in sentence if word in vocabulary] for sentence in sentences]
    return counts, [sentence for sentence in kept if sentence]


def check(
    encoded: Encoded,
    sentences: list[list[str]],
    min_count: int = 1,
    max_final_vocab: int | None = None,
) -> None:
    vocabulary, corpus = encoded
    counts, kept = expected(sentences, min_count, max_final_vocab)
    assert list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == counts
    assert decode(encoded) == kept
    assert corpus.raw_words == sum(map(len, sentences))
    assert corpus.ids.dtype == np.int32
    assert corpus.starts.dtype == np.int64
    assert vocabulary.total == corpus.n_words
    assert corpus.n_sentences == len(kept)


def lines_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.split("\n")]


ALPHABET = "ab éß \n\r\t\x1c\x1f\x85\u2028\u3000😀\0\ufeff"


@settings(max_examples=60)
@given(
    text=st.text(ALPHABET, max_size=60),
    manners=MANNERS,
    min_count=st.integers(1, 3),
    max_final_vocab=st.none() | st.integers(2, 5),
)
def test_files_are_lines_of_words(
    tmp_path: Path,
    text: str,
    manners: dict[str, Any],
    min_count: int,
    max_final_vocab: int | None,
) -> None:
    path = write(tmp_path, text)
    sentences = lines_of(text.removeprefix("\ufeff"))
    counts, _ = expected(sentences, min_count, max_final_vocab)

    def encode_all() -> Encoded:
        return encode([path], min_count=min_count, max_final_vocab=max_final_vocab, **manners)

    if len(counts) < 2:
        with pytest.raises(CorpusError):
            encode_all()
    else:
        check(encode_all(), sentences, min_count, max_final_vocab)


@settings(max_examples=40)
@given(text=st.text("ab éß \n", max_size=60), manners=MANNERS)
def test_extending_a_vocabulary(tmp_path: Path, text: str, manners: dict[str, Any]) -> None:
    """In each way to take text in, the same."""
    base = Vocabulary(("b", "zoo", "é"), np.array([3, 2, 2]))
    sentences = lines_of(text)
    rule = VocabularyRule(2, 5, base=base)

    def in_blocks() -> list[Encoded]:
        with (
            count_files([write(tmp_path, text)], **manners) as file,
            count_texts(text.split("\n"), **manners) as texts,
        ):
            return [file.encode(rule), texts.encode(rule)]

    try:
        vocabulary, corpus = encode_sentences(sentences, min_count=2, max_final_vocab=5, base=base)
    except CorpusError:
        with pytest.raises(CorpusError):
            in_blocks()
        return
    assert {"b", "zoo", "é"} <= set(vocabulary.words)
    for words, encoded in in_blocks():
        assert words.fingerprint == vocabulary.fingerprint
        assert encoded.fingerprint == corpus.fingerprint
        assert encoded.raw_words == corpus.raw_words


def sentences_of(document: str, ends: Sentences) -> list[list[str]]:
    if ends == "document":
        return [document.split()]
    return lines_of(document) if ends == "line" else sentences_by_punctuation(document)


PIECES = [*"aé.!…')」。 \n\n\r\x1c", "\r\n", "\n\n", "\u3000", "\u2028", "x" * 9]
DOCUMENTS = st.lists(st.lists(st.sampled_from(PIECES)).map("".join), min_size=1, max_size=4)


@pytest.mark.parametrize("ends", ["line", "document", "punctuation"])
@settings(max_examples=30)
@given(documents=DOCUMENTS, manners=MANNERS)
def test_sentences_end_where_they_are_said_to(
    ends: Sentences, tmp_path: Path, documents: list[str], manners: dict[str, Any]
) -> None:
    """Those of text files, of JSON Lines and of texts in memory."""
    folder = tmp_path / "text"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    paths = [write(folder, document, f"{i}.txt") for i, document in enumerate(documents)]
    records = "\n".join(json.dumps({"text": document}) for document in documents)
    json_lines = write(tmp_path, records, "text.jsonl")
    sentences = [part for document in documents for part in sentences_of(document, ends)]
    options = TextOptions(sentence_ends=ends)
    rule = VocabularyRule(1)
    counts, _ = expected(sentences, 1, None)
    if len(counts) < 2:
        with pytest.raises(CorpusError):
            encode(paths, options, **manners)
        return
    check(encode(paths, options, **manners), sentences)
    check(encode([json_lines], options, **manners), sentences)
    with count_texts(iter(documents), options, **manners) as text:
        check(text.encode(rule), sentences)


TOKENIZED = st.builds(
    TextOptions,
    lowercase=st.booleans(),
    normalize=st.sampled_from([None, "NFC", "NFKC"]),
    token_pattern=st.sampled_from([None, r"\w+", r"(\w)\w*"]),
    strip_punctuation=st.booleans(),
)


@given(
    text=st.lists(st.sampled_from([*"aAbBß.,Σé-\xa8\u0301 \n\u3000", "ab", "ﬁ"])).map("".join),
    options=TOKENIZED,
    manners=MANNERS,
)
def test_words_are_those_of_the_tokenizer(
    tmp_path: Path, text: str, options: TextOptions, manners: dict[str, Any]
) -> None:
    sentences = [options.tokenizer.words(line) for line in text.split("\n")]
    counts, _ = expected(sentences, 1, None)
    if len(counts) >= 2:
        check(encode([write(tmp_path, text)], options, **manners), sentences)


@settings(max_examples=30)
@given(
    lines=st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "a_b", "é"])), max_size=12),
    known=st.sampled_from([0, 2, 100]),
    scoring=st.sampled_from(["default", "npmi"]),
    manners=MANNERS,
)
def test_phrases(
    tmp_path: Path, lines: list[list[str]], known: int, scoring: Any, manners: dict[str, Any]
) -> None:
    path = write(tmp_path, "\n".join(map(" ".join, lines)))
    options = TextOptions(
        phrases=2,
        phrase_min_count=1,
        phrase_threshold=0.5,
        phrase_scoring=scoring,
        connector_words=("d",),
    )
    sentences = [line for line in lines if line]
    found = []
    for _ in range(2):
        if sentences:
            sentences, accepted = slow_pass(sentences, options.phrase_rule)
            found.append(len(accepted))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "_KNOWN", known)
        with count_files([path], options, **manners) as text:
            if sentences:
                assert [len(table) for table in text.phrases] == found
            if len(expected(sentences, 1, None)[0]) >= 2:
                check(text.encode(VocabularyRule(1)), sentences)


@settings(max_examples=60)
@given(
    text=st.text("abcdefgh é\n\u3000", max_size=80),
    known=st.sampled_from([0, 2, 100]),
    max_vocab_size=st.integers(1, 6),
    block_bytes=st.integers(1, 30),
    data=st.data(),
)
def test_what_is_forgotten_does_not_depend_on_threads(
    tmp_path: Path,
    text: str,
    known: int,
    max_vocab_size: int,
    block_bytes: int,
    data: st.DataObject,
) -> None:
    """Nor on which runs are known, which depends on how fast threads are."""
    path = write(tmp_path, text)
    options = TextOptions(max_vocab_size=max_vocab_size)
    results = []
    for workers, its_known in ((1, 100), (data.draw(st.integers(1, 3)), known)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blocks_module, "_KNOWN", its_known)
            with count_files([path], options, workers=workers, block_bytes=block_bytes) as counted:
                raw = counted.raw
                numbers = [piece.tolist() for piece in raw.chunks()]
                words = raw.words.take(np.arange(len(raw.words)))
                results.append((raw.forgotten, words, raw.counts.tolist(), numbers))
                assert sum(raw.counts) + raw.forgotten == raw.n_tokens == len(text.split())
                assert np.count_nonzero(raw.counts) <= max_vocab_size
    assert results[0] == results[1]


def test_forgetting_nothing_is_exact(tmp_path: Path) -> None:
    path = write(tmp_path, "a b c\nb c d\n")
    with count_files([path], TextOptions(max_vocab_size=4), block_bytes=1) as text:
        assert text.raw.forgotten == 0
        check(text.encode(VocabularyRule(1)), [list("abc"), list("bcd")])


def test_frequent_words_keep_their_counts(tmp_path: Path) -> None:
    rare = [f"rare{i}" for i in range(3000)]
    lines = [["often", word, "also"] for word in rare]
    path = write(tmp_path, "\n".join(map(" ".join, lines)))
    for workers in (1, 3):
        options = TextOptions(max_vocab_size=500)
        with count_files([path], options, workers=workers, block_bytes=1000) as text:
            assert text.raw.forgotten > 2000
            vocabulary, corpus = text.encode(VocabularyRule(100))
        assert vocabulary.words == ("often", "also")
        assert vocabulary.counts.tolist() == [3000, 3000]
        assert decode((vocabulary, corpus)) == [["often", "also"]] * 3000


@given(
    sentences=st.lists(st.lists(st.sampled_from(["a", "b", "c", "é", "", "two words"]))),
    memory_bytes=st.sampled_from([1, 1 << 20]),
    chunk=st.integers(1, 9),
    max_distinct=st.sampled_from([1, 2, 100]),
    min_count=st.integers(1, 3),
)
def test_sentences_are_taken_as_they_are(
    sentences: list[list[str]], memory_bytes: int, chunk: int, max_distinct: int, min_count: int
) -> None:
    def encode_all() -> Encoded:
        generator = (iter(sentence) for sentence in sentences)
        with count_sentences(
            generator, memory_bytes=memory_bytes, chunk=chunk, max_distinct=max_distinct
        ) as text:
            return text.encode(VocabularyRule(min_count))

    counts, _ = expected(sentences, min_count, None)
    if len(counts) < 2:
        with pytest.raises(CorpusError):
            encode_all()
    else:
        check(encode_all(), sentences, min_count)


TEXT = "\ufeffone\u2028two ün😀\r\n\r\n\n\0 three\0one\x1fün\u3000two\n é"


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("block_bytes", range(1, len(TEXT.encode()) + 2))
def test_blocks_may_end_at_any_byte(tmp_path: Path, block_bytes: int, workers: int) -> None:
    path = write(tmp_path, TEXT)
    check(encode([path], block_bytes=block_bytes, workers=workers), lines_of(TEXT[1:]))


def test_a_line_of_50_megabytes(tmp_path: Path) -> None:
    words = b" ".join(b"w%d" % (i % 1000) for i in range(100_000)) + b" \xc3\xa9 "
    times = 50_000_000 // len(words) + 1
    path = tmp_path / "text.txt"
    path.write_bytes(words * times)
    vocabulary, corpus = encode_files([path])
    path.unlink()
    assert corpus.raw_words == corpus.n_words == 100_001 * times
    assert corpus.n_sentences == 1
    assert vocabulary.words == (*(f"w{i}" for i in range(1000)), "é")
    assert vocabulary.counts.tolist() == [100 * times] * 1000 + [times]
    one = np.append(np.tile(np.arange(1000, dtype=np.int32), 100), np.int32(1000))
    assert np.array_equal(corpus.ids[:100_001], one)
    assert np.array_equal(corpus.ids[-100_001:], one)


@pytest.fixture(scope="module")
def long_text() -> str:
    """Half a million words with a natural distribution, some of them not ASCII."""
    draw = random.Random(1)
    ranks = [int(draw.paretovariate(0.7)) for _ in range(500_000)]
    return " ".join(f"w{rank % 50_000}{'é' if rank % 7 == 0 else ''}" for rank in ranks)


def test_long_single_line(tmp_path: Path, long_text: str) -> None:
    path = write(tmp_path, long_text)
    # Many blocks, a map of a temporary file and many chunks; then one of each.
    encoded = encode(
        [path], min_count=5, block_bytes=1 << 16, memory_bytes=1, chunk=10_007, max_distinct=5000
    )
    check(encoded, [long_text.split()], min_count=5)
    again = encode_files([path])
    assert again[0].words == encoded[0].words
    assert np.array_equal(again[1].ids, encoded[1].ids)


def test_long_text_in_lines(tmp_path: Path, long_text: str) -> None:
    words = long_text.split()[:100_000]
    sentences = [words[i : i + 20] for i in range(0, len(words), 20)]
    path = write(tmp_path, "\r\n".join(map(" ".join, sentences)))
    encoded = encode([path], min_count=5, block_bytes=10_007, chunk=4099)
    check(encoded, sentences, min_count=5)
    check(encode_sentences(sentences), sentences, min_count=5)


def test_words_are_ordered_by_count_then_appearance() -> None:
    sentences = [["d", "c"], ["b", "a", "b"], ["a", "c", "d"], ["e"]]
    vocabulary, _ = encode_sentences(sentences, min_count=1)
    assert vocabulary.words == ("d", "c", "b", "a", "e")
    assert vocabulary.counts.tolist() == [2, 2, 2, 2, 1]


def test_max_final_vocab_cuts_ties_by_appearance() -> None:
    sentences = [["d", "c"], ["b", "a", "b"], ["a", "c", "d"], ["e"]]
    vocabulary, corpus = encode_sentences(sentences, min_count=1, max_final_vocab=3)
    assert vocabulary.words == ("d", "c", "b")
    assert decode((vocabulary, corpus)) == [["d", "c"], ["b", "b"], ["c", "d"]]
    assert corpus.raw_words == 9


def test_min_count_is_five() -> None:
    assert encode_sentences([["a", "b"]] * 5 + [["c"]] * 4)[0].words == ("a", "b")


def test_many_distinct_words() -> None:
    sentences = [[f"w{i}" for i in range(200_000)], ["w199999", "w70000"]]
    check(encode_sentences(iter(sentences), min_count=1), sentences)
    vocabulary, _ = encode_sentences(sentences, min_count=2)
    assert vocabulary.words == ("w70000", "w199999")


def test_end_of_a_file_ends_the_sentence(tmp_path: Path) -> None:
    paths = [write(tmp_path, text, str(i)) for i, text in enumerate(["a b", "a ", "", "b\nc"])]
    for size in (1, 100):
        encoded = encode(paths, block_bytes=size)
        assert decode(encoded) == [["a", "b"], ["a"], ["b"], ["c"]]


def test_byte_order_mark_of_every_file_is_dropped(tmp_path: Path) -> None:
    paths = [write(tmp_path, f"\ufeff{word} \ufeffx\n", word) for word in "ab"]
    encoded = encode_files(paths, min_count=1)
    assert decode(encoded) == [["a", "\ufeffx"], ["b", "\ufeffx"]]


def test_lowercase_merges_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "The cat THE Cat the\nΟΔΟΣ οδος")
    assert encode_files([path], min_count=1)[0].words[0] == "The"
    vocabulary, corpus = encode_files([path], TextOptions(lowercase=True), min_count=1)
    assert vocabulary.words == ("the", "cat", "οδος")
    assert vocabulary.counts.tolist() == [3, 2, 2]
    assert corpus.ids.tolist() == [0, 1, 0, 1, 0, 2, 2]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[ReadProgress] = []
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\na c")))
    encoded = encode_files(["-"], min_count=1, progress=calls.append)
    assert decode(encoded) == [["a", "b"], ["a", "c"]]
    assert (calls[-1].done, calls[-1].total, calls[-1].words) == (7, None, 4)


@pytest.mark.parametrize("workers", [1, 3])
def test_progress(tmp_path: Path, workers: int) -> None:
    paths = [write(tmp_path, "\ufeffone two", "1"), write(tmp_path, "one two three\n", "2")]
    calls: list[ReadProgress] = []
    encode(paths, block_bytes=5, progress=calls.append, workers=workers)
    for name in ("done", "words", "seconds"):
        values = [getattr(call, name) for call in calls]
        assert values == sorted(values)
        assert values[0] >= 0
    assert len(calls) > 4
    assert (calls[-1].done, calls[-1].words) == (24, 5)
    assert {call.total for call in calls} == {24}
    # They come while there is something left to read.
    assert calls[0].done < 24
    assert calls[0].words < 5


def test_progress_of_texts() -> None:
    calls: list[ReadProgress] = []
    encode_texts(["é b", None, "a b"], min_count=1, progress=calls.append)
    assert (calls[-1].done, calls[-1].total, calls[-1].words) == (9, None, 4)


class TestEncodingErrors:
    DATA = b"ok \xe2\x82\xac \xe2\x82 a\xed\xa0\x80b\n\xf0\x9f x\xff\xfe\n\xe2"

    @pytest.mark.parametrize("block_bytes", [*range(1, 8), 100])
    @pytest.mark.parametrize("errors", ["replace", "ignore"])
    def test_as_bytes_decode(self, tmp_path: Path, errors: str, block_bytes: int) -> None:
        options = TextOptions(encoding_errors=errors)  # type: ignore[arg-type]
        path = write(tmp_path, self.DATA)
        encoded = encode([path], options, block_bytes=block_bytes, workers=2)
        check(encoded, lines_of(self.DATA.decode("utf-8", errors)))

    @pytest.mark.parametrize(("block_bytes", "workers"), [(1, 3), (2, 1), (4, 3), (7, 2), (100, 1)])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("before", [b"ok ok ", b"\xe2\x82\xac\xe3\x80\x80a b \n"])
    @pytest.mark.parametrize("bad", [b"\xff", b"\xe2\x82", b"\xe2\x82 ", b"\xed\xa0\x80", b"\xc0"])
    def test_strict_names_file_and_byte(
        self, tmp_path: Path, bad: bytes, before: bytes, mark: bytes, block_bytes: int, workers: int
    ) -> None:
        paths = [
            write(tmp_path, "fine\n" * 5, "before.txt"),
            write(tmp_path, mark + before + b"word" + bad + b"\n\xff and more " * 5),
        ]
        message = rf"text\.txt is not UTF-8: byte {len(mark + before) + 4} .*--encoding-errors"
        with pytest.raises(CorpusError, match=message):
            encode(paths, block_bytes=block_bytes, workers=workers)

    @pytest.mark.parametrize("options", [TextOptions(lowercase=True), TextOptions(normalize="NFC")])
    def test_strict_with_a_tokenizer(self, tmp_path: Path, options: TextOptions) -> None:
        path = write(tmp_path, b"abc\n\xc3\xa9 d\xff")
        with pytest.raises(CorpusError, match=r"text\.txt is not UTF-8: byte 8 "):
            encode([path], options)

    def test_strict_with_records(self, tmp_path: Path) -> None:
        path = write(tmp_path, b"id,text\n1,a b\n2,c\xff\n", "t.csv")
        with pytest.raises(CorpusError, match=r"t\.csv is not UTF-8: .*cannot be decoded"):
            encode([path])

    def test_unknown_value(self) -> None:
        with pytest.raises(ConfigError, match="not 'xmlcharrefreplace'"):
            TextOptions(encoding_errors="xmlcharrefreplace")  # type: ignore[arg-type]


class TestErrors:
    def test_all_files_are_checked_first(self, tmp_path: Path) -> None:
        calls: list[Any] = []
        path = write(tmp_path, "a b")
        with pytest.raises(CorpusError, match="does not exist"):
            encode_files([path, tmp_path / "gone"], progress=calls.append)
        assert not calls

    @pytest.mark.parametrize("text", ["", " \r\n\u3000\n", "\ufeff"])
    def test_no_words(self, tmp_path: Path, text: str) -> None:
        paths = [write(tmp_path, text, str(i)) for i in range(5)]
        with pytest.raises(CorpusError, match=r"no words in .*0, .*1, .*2 and 2 more:"):
            encode_files(paths)

    def test_rare_words_only(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"none of the 3 .* occurs 2 times: lower --min-c"):
            encode_files([write(tmp_path, "a b a c")], min_count=3)

    def test_no_words_for_the_tokenizer(self, tmp_path: Path) -> None:
        options = TextOptions(strip_punctuation=True)
        with pytest.raises(CorpusError, match=r"no words in .*text\.txt: .*of the tokenizer"):
            encode_files([write(tmp_path, "-- ?")], options)

    def test_texts_that_are_none(self) -> None:
        with pytest.raises(CorpusError, match=r"item 1 .* is a int, not a string"):
            encode_texts(["a b", 1])

    @pytest.mark.parametrize("number", [0, -1])
    def test_options_are_checked_first(self, number: int) -> None:
        with pytest.raises(ConfigError, match="min_count must be a positive whole number"):
            encode_files(["gone"], min_count=number)

    def test_one_word_is_not_enough(self) -> None:
        with pytest.raises(CorpusError, match=r"at least 2 distinct words and 1 is left of the 2"):
            encode_sentences([["a", "a", "b"]], min_count=2)

    def test_no_sentences(self) -> None:
        with pytest.raises(CorpusError, match="no words in the sentences"):
            encode_sentences([])

    @pytest.mark.parametrize("sentence", ["a b", b"a b"])
    def test_string_as_sentence(self, sentence: Any) -> None:
        with pytest.raises(CorpusError, match=r"sentence 1 is one (str|bytes), not a list"):
            encode_sentences([["a", "b"], sentence], min_count=1)

    @pytest.mark.parametrize("sentence", [None, 3, [["a"]]])
    def test_no_sentence(self, sentence: Any) -> None:
        with pytest.raises(CorpusError, match="sentence 1 is not a list of words"):
            encode_sentences([["a", "b"], sentence], min_count=1)

    @pytest.mark.parametrize("word", [1, None, b"a", ("a",)])
    def test_words_that_are_not_str(self, word: Any) -> None:
        with pytest.raises(CorpusError, match=r"sentence 1 holds .*words must be str"):
            encode_sentences([["a", "b"], ["a", word, "c"]], min_count=1)

    def test_word_that_no_file_can_hold(self) -> None:
        with pytest.raises(CorpusError, match=r"sentence 0 holds .* UTF-8"):
            encode_sentences([["a", "\ud800"]], min_count=1)


class TestTemporaryFile:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        return folder

    def test_large_corpus_is_a_read_only_map(self, folder: Path) -> None:
        sentences = [["a", "b", "c"]] * 100
        with count_sentences(sentences, memory_bytes=1) as text:
            vocabulary, corpus = text.encode(VocabularyRule(1))
        check((vocabulary, corpus), sentences)
        assert not corpus.ids.flags.writeable
        ids = corpus.ids
        del corpus
        assert ids[-1] == 2
        del ids
        assert list(folder.iterdir()) == []

    def test_small_corpus_needs_no_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(*args: Any, **kwargs: Any) -> None:
            raise AssertionError

        monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
        sentences = [["a", "b", "c"]] * 100
        check(encode_sentences(sentences), sentences)
        with pytest.raises(AssertionError), count_sentences(sentences, memory_bytes=1):
            pass

    def test_interrupt_leaves_nothing(self, folder: Path, opened: list[Any]) -> None:
        def sentences() -> Iterator[list[str]]:
            for _ in range(100):
                yield ["a", "b"]
            raise KeyboardInterrupt

        with (
            pytest.raises(KeyboardInterrupt),
            count_sentences(sentences(), memory_bytes=1, chunk=10, max_distinct=1),
        ):
            pass
        self.check_nothing_is_left(folder, opened)

    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        opened: list[Any] = []
        monkeypatch.setattr(tempfile, "TemporaryFile", spied(opened))
        return opened

    def check_nothing_is_left(self, folder: Path, opened: list[Any]) -> None:
        assert opened
        assert all(file.closed for file in opened)
        assert list(folder.iterdir()) == []
        names = [thread.name for thread in threading.enumerate()]
        assert not [name for name in names if name.startswith("xw2v-read")]

    @pytest.mark.parametrize("workers", [1, 3])
    @pytest.mark.parametrize("after", [0, 3, 15])
    def test_interrupt_of_progress_leaves_nothing(
        self, folder: Path, opened: list[Any], after: int, workers: int, tmp_path: Path
    ) -> None:
        path = write(tmp_path, " ".join(f"w{i}" for i in range(100)))
        calls: list[ReadProgress] = []

        def interrupt(call: ReadProgress) -> None:
            calls.append(call)
            if len(calls) > after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            encode(
                [path],
                workers=workers,
                block_bytes=10,
                memory_bytes=1,
                max_distinct=2,
                progress=interrupt,
            )
        self.check_nothing_is_left(folder, opened)

    @pytest.mark.parametrize("workers", [1, 3])
    @pytest.mark.parametrize("error", [KeyboardInterrupt, CorpusError])
    def test_errors_of_a_generator_leave_nothing(
        self, folder: Path, opened: list[Any], error: type[BaseException], workers: int
    ) -> None:
        closed = []

        def texts() -> Iterable[str]:
            try:
                for i in range(50):
                    yield f"a b{i} c"
                raise error
            finally:
                closed.append(True)

        counted = count_texts(
            texts(), workers=workers, block_bytes=10, memory_bytes=1, max_distinct=2
        )
        with pytest.raises(error), counted:
            pass
        assert closed
        self.check_nothing_is_left(folder, opened)

    @pytest.mark.parametrize("workers", [1, 3])
    def test_error_in_a_thread_leaves_nothing(
        self, folder: Path, opened: list[Any], workers: int, tmp_path: Path
    ) -> None:
        path = write(tmp_path, b"a b c\n" * 20 + b"\xff\n" + b"d e\n" * 20)
        with pytest.raises(CorpusError, match="byte 120 "):
            encode([path], workers=workers, block_bytes=10, memory_bytes=1, max_distinct=2)
        self.check_nothing_is_left(folder, opened)

    def test_threads_end_with_the_text(self, tmp_path: Path) -> None:
        path = write(tmp_path, "a b c\n" * 100)
        with count_files([path], workers=3, block_bytes=10):
            names = [thread.name for thread in threading.enumerate()]
            assert not [name for name in names if name.startswith("xw2v-read")]


def test_no_workers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="workers must be at least 1, not 0"):
        encode_files([write(tmp_path, "a b")], workers=0)


class TestExtending:
    base = Vocabulary(("sat", "zoo"), np.array([1, 1]))
    text = "the cat sat\nthe cat ran\n"

    def check(self, encoded: Encoded) -> None:
        vocabulary, corpus = encoded
        assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == {
            "sat": 2,
            "the": 2,
            "cat": 2,
            "zoo": 1,
        }
        assert corpus.ids.tolist() == [1, 2, 0, 1, 2]
        assert corpus.starts.tolist() == [0, 3, 5]

    def test_every_way_in(self, tmp_path: Path) -> None:
        path = write(tmp_path, self.text)
        self.check(encode_files([path], min_count=2, base=self.base))
        self.check(encode_texts([self.text], min_count=2, base=self.base))
        self.check(encode_sentences(lines_of(self.text), min_count=2, base=self.base))

    def test_the_limit_is_for_all_words(self, tmp_path: Path) -> None:
        path = write(tmp_path, self.text)
        for limit, n_words in ((1, 2), (2, 2), (3, 3), (9, 5)):
            vocabulary, _ = encode_files([path], min_count=1, max_final_vocab=limit, base=self.base)
            assert len(vocabulary) == n_words

    def test_what_cannot_work_is_told_before_anything_is_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="max_vocab_size forgets words"):
            encode_files([tmp_path / "none"], TextOptions(max_vocab_size=9), base=self.base)

    def test_text_of_other_words(self, tmp_path: Path) -> None:
        path = write(tmp_path, self.text)
        base = Vocabulary(("a", "b"), np.array([1, 1]))
        with pytest.raises(
            CorpusError, match=r"^no word of .*text\.txt is in the vocabulary, and "
        ):
            encode_files([path], base=base)

import io
import itertools
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xw2v.errors import ConfigError, CorpusError
from xw2v.text import EncodedCorpus, Vocabulary, encode_files, encode_sentences
from xw2v.text.encode import _encode_files, _encode_sentences
from xw2v.text.sources import find_sources

Encoded = tuple[Vocabulary, EncodedCorpus]


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text("ab éß \n\r\t\x1c\x1f\x85\u2028\u3000😀\0\ufeff", max_size=60),
    block_bytes=st.integers(1, 30),
    memory_bytes=st.sampled_from([1, 1 << 20]),
    chunk=st.integers(1, 9),
    min_count=st.integers(1, 3),
    max_final_vocab=st.none() | st.integers(2, 5),
)
def test_files_are_lines_of_words(
    *,
    tmp_path: Path,
    text: str,
    block_bytes: int,
    memory_bytes: int,
    chunk: int,
    min_count: int,
    max_final_vocab: int | None,
) -> None:
    path = write(tmp_path, text)
    sentences = lines_of(text.removeprefix("\ufeff"))
    counts, _ = expected(sentences, min_count, max_final_vocab)

    def encode() -> Encoded:
        return _encode_files(
            find_sources([path]),
            block_bytes=block_bytes,
            memory_bytes=memory_bytes,
            chunk=chunk,
            min_count=min_count,
            max_final_vocab=max_final_vocab,
        )

    if len(counts) < 2:
        with pytest.raises(CorpusError):
            encode()
    else:
        check(encode(), sentences, min_count, max_final_vocab)


@given(
    sentences=st.lists(st.lists(st.sampled_from(["a", "b", "c", "é", "", "two words"]))),
    memory_bytes=st.sampled_from([1, 1 << 20]),
    chunk=st.integers(1, 9),
    min_count=st.integers(1, 3),
)
def test_sentences_are_taken_as_they_are(
    sentences: list[list[str]], memory_bytes: int, chunk: int, min_count: int
) -> None:
    def encode() -> Encoded:
        generator = (iter(sentence) for sentence in sentences)
        return _encode_sentences(
            generator, memory_bytes=memory_bytes, chunk=chunk, min_count=min_count
        )

    counts, _ = expected(sentences, min_count, None)
    if len(counts) < 2:
        with pytest.raises(CorpusError):
            encode()
    else:
        check(encode(), sentences, min_count)


@pytest.fixture(scope="module")
def long_text() -> str:
    """Half a million words with a natural distribution, some of them not ASCII."""
    draw = random.Random(1)
    ranks = [int(draw.paretovariate(0.7)) for _ in range(500_000)]
    return " ".join(f"w{rank % 50_000}{'é' if rank % 7 == 0 else ''}" for rank in ranks)


def test_long_single_line(tmp_path: Path, long_text: str) -> None:
    path = write(tmp_path, long_text)
    # Many blocks, a map of a temporary file and many chunks; then one of each.
    encoded = _encode_files(
        find_sources([path]), min_count=5, block_bytes=1 << 16, memory_bytes=1, chunk=10_007
    )
    check(encoded, [long_text.split()], min_count=5)
    again = encode_files([path])
    assert again[0].words == encoded[0].words
    assert np.array_equal(again[1].ids, encoded[1].ids)


def test_long_text_in_lines(tmp_path: Path, long_text: str) -> None:
    words = long_text.split()[:100_000]
    sentences = [words[i : i + 20] for i in range(0, len(words), 20)]
    path = write(tmp_path, "\r\n".join(map(" ".join, sentences)))
    encoded = _encode_files(find_sources([path]), min_count=5, block_bytes=10_007, chunk=4099)
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
    check(_encode_sentences(iter(sentences), min_count=1), sentences)
    vocabulary, _ = encode_sentences(sentences, min_count=2)
    assert vocabulary.words == ("w70000", "w199999")


def test_end_of_a_file_ends_the_sentence(tmp_path: Path) -> None:
    paths = [write(tmp_path, text, str(i)) for i, text in enumerate(["a b", "a ", "", "b\nc"])]
    for size in (1, 100):
        encoded = _encode_files(find_sources(paths), min_count=1, block_bytes=size)
        assert decode(encoded) == [["a", "b"], ["a"], ["b"], ["c"]]


def test_byte_order_mark_of_every_file_is_dropped(tmp_path: Path) -> None:
    paths = [write(tmp_path, f"\ufeff{word} \ufeffx\n", word) for word in "ab"]
    encoded = encode_files(paths, min_count=1)
    assert decode(encoded) == [["a", "\ufeffx"], ["b", "\ufeffx"]]


def test_lowercase_merges_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "The cat THE Cat the\nΟΔΟΣ οδος")
    assert encode_files([path], min_count=1)[0].words[0] == "The"
    vocabulary, corpus = encode_files([path], min_count=1, lowercase=True)
    assert vocabulary.words == ("the", "cat", "οδος")
    assert vocabulary.counts.tolist() == [3, 2, 2]
    assert corpus.ids.tolist() == [0, 1, 0, 1, 0, 2, 2]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int | None]] = []
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\na c")))
    encoded = encode_files(["-"], min_count=1, progress=lambda *call: calls.append(call))
    assert decode(encoded) == [["a", "b"], ["a", "c"]]
    assert calls[-1] == (7, None)


def test_progress(tmp_path: Path) -> None:
    paths = [write(tmp_path, "\ufeffone two", "1"), write(tmp_path, "one two three\n", "2")]
    calls: list[tuple[int, int | None]] = []
    _encode_files(
        find_sources(paths),
        min_count=1,
        block_bytes=5,
        progress=lambda done, total: calls.append((done, total)),
    )
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert len(done) > 4
    assert calls[-1] == (24, 24)
    assert {call[1] for call in calls} == {24}


class TestEncodingErrors:
    DATA = b"ok \xe2\x82\xac \xe2\x82 a\xed\xa0\x80b\n\xf0\x9f x\xff\xfe\n\xe2"

    @pytest.mark.parametrize("block_bytes", [*range(1, 8), 100])
    @pytest.mark.parametrize("errors", ["replace", "ignore"])
    def test_as_bytes_decode(self, tmp_path: Path, errors: str, block_bytes: int) -> None:
        encoded = _encode_files(
            find_sources([write(tmp_path, self.DATA)]),
            min_count=1,
            encoding_errors=errors,
            block_bytes=block_bytes,
        )
        check(encoded, lines_of(self.DATA.decode("utf-8", errors)))

    @pytest.mark.parametrize("block_bytes", [*range(1, 8), 100])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("before", [b"ok ok ", b"\xe2\x82\xac\xe3\x80\x80a b \n"])
    @pytest.mark.parametrize("bad", [b"\xff", b"\xe2\x82", b"\xe2\x82 ", b"\xed\xa0\x80", b"\xc0"])
    def test_strict_names_file_and_byte(
        self, tmp_path: Path, bad: bytes, before: bytes, mark: bytes, block_bytes: int
    ) -> None:
        path = write(tmp_path, mark + before + b"word" + bad)
        message = rf"text\.txt is not UTF-8: byte {len(mark + before) + 4} .*--encoding-errors"
        with pytest.raises(CorpusError, match=message):
            _encode_files(find_sources([path]), min_count=1, block_bytes=block_bytes)

    def test_unknown_value(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="not 'xmlcharrefreplace'"):
            encode_files([write(tmp_path, "a b")], encoding_errors="xmlcharrefreplace")


class TestErrors:
    def test_all_files_are_checked_first(self, tmp_path: Path) -> None:
        calls: list[Any] = []
        path = write(tmp_path, "a b")
        with pytest.raises(CorpusError, match="does not exist"):
            encode_files([path, tmp_path / "gone"], progress=lambda *call: calls.append(call))
        assert not calls

    @pytest.mark.parametrize("text", ["", " \r\n\u3000\n", "\ufeff"])
    def test_no_words(self, tmp_path: Path, text: str) -> None:
        paths = [write(tmp_path, text, str(i)) for i in range(5)]
        with pytest.raises(CorpusError, match=r"no words in .*0, .*1, .*2 and 2 more:"):
            encode_files(paths)

    def test_rare_words_only(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match=r"none of the 3 .* occurs 2 times: lower --min-c"):
            encode_files([write(tmp_path, "a b a c")], min_count=3)

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
        vocabulary, corpus = _encode_sentences(sentences, memory_bytes=1)
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
        with pytest.raises(AssertionError):
            _encode_sentences(sentences, memory_bytes=1)

    def test_interrupt_leaves_nothing(self, folder: Path) -> None:
        def sentences() -> Iterator[list[str]]:
            for _ in range(100):
                yield ["a", "b"]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            _encode_sentences(sentences(), memory_bytes=1, chunk=10)
        assert list(folder.iterdir()) == []

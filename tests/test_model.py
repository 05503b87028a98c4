"""`Word2Vec`: text in, vectors out, with gensim's names."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import xw2v
from tests.synthetic import toy_sentences
from xw2v import (
    ConfigError,
    CorpusError,
    DeviceError,
    ModelFileError,
    TrainingConfig,
    TrainingError,
    Word2Vec,
    WordVectors,
)
from xw2v.checkpoints import Checkpointing
from xw2v.formats.vector_files import write_vectors
from xw2v.model import save_trained
from xw2v.text import ReadProgress, encode_sentences
from xw2v.text.store import save_encoded
from xw2v.training import Callback, LossRecord, Progress, Run

SENTENCES = toy_sentences(400)
OPTIONS: dict[str, Any] = {"vector_size": 12, "min_count": 2, "epochs": 2, "workers": 1}


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tested elsewhere, and take longer than all else."""
    monkeypatch.setattr("xw2v.model.plot_loss", lambda losses, path: path.write_bytes(b""))


@pytest.fixture(scope="module")
def model() -> Word2Vec:
    return Word2Vec(SENTENCES, **OPTIONS)


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(" ".join(words) + "\n" for words in SENTENCES), encoding="utf-8")
    return path


def same(one: Word2Vec, other: Word2Vec) -> bool:
    return (
        one.wv.index_to_key == other.wv.index_to_key
        and one.wv.vectors.tobytes() == other.wv.vectors.tobytes()
        and one.output_vectors.tobytes() == other.output_vectors.tobytes()
    )


def test_vectors(model: Word2Vec) -> None:
    counts = Counter(word for words in SENTENCES for word in words)
    wv = model.wv
    assert isinstance(wv, WordVectors)
    assert set(wv.index_to_key) == {word for word, count in counts.items() if count >= 2}
    assert [counts[word] for word in wv.index_to_key] == sorted(
        (count for count in counts.values() if count >= 2), reverse=True
    )
    assert wv.key_to_index["king"] == wv.index_to_key.index("king")
    assert "king" in wv
    assert "nowhere" not in wv
    assert wv["king"].shape == (12,)
    assert wv.vectors.shape == model.output_vectors.shape == (len(wv), 12)
    assert wv.vectors.dtype == model.output_vectors.dtype == np.float32
    assert wv.get_vecattr("king", "count") == counts["king"]
    assert model.wv is wv
    assert len(wv.most_similar("king", topn=3)) == 3
    assert -1 <= wv.similarity("king", "queen") <= 1


def test_both_matrices_are_trained(model: Word2Vec) -> None:
    assert np.abs(model.output_vectors).max(axis=1).min() > 0
    assert np.abs(model.wv.vectors).max() > 0.5 / 12


def test_every_kind_of_input_gives_the_same(model: Word2Vec, text_file: Path) -> None:
    assert same(model, Word2Vec((tuple(words) for words in SENTENCES), **OPTIONS))
    assert same(model, Word2Vec(iter(SENTENCES), **OPTIONS))
    assert same(model, Word2Vec(text_file, **OPTIONS))
    assert same(model, Word2Vec(str(text_file), **OPTIONS))
    assert same(model, Word2Vec(str(text_file.with_name("corp*.txt")), **OPTIONS))


def test_every_kind_of_text_gives_the_same(model: Word2Vec, text_file: Path) -> None:
    documents = [" ".join(words) for words in SENTENCES]
    assert same(model, Word2Vec(documents, **OPTIONS))
    assert same(model, Word2Vec((document for document in documents), **OPTIONS))
    assert same(model, Word2Vec(["\n".join(documents), None], **OPTIONS))
    assert same(model, Word2Vec(pa.array(documents), **OPTIONS))
    assert same(model, Word2Vec([text_file], **OPTIONS))
    assert same(model, Word2Vec(text_file.parent, **OPTIONS))
    assert same(model, Word2Vec(text_file, tokenizer=str.split, **OPTIONS))
    records = text_file.with_name("records.jsonl")
    lines = (json.dumps({"body": document}) for document in documents)
    records.write_text("\n".join(lines), encoding="utf-8")
    assert same(model, Word2Vec(records, field="body", **OPTIONS))


@pytest.mark.parametrize("library", ["pandas", "polars", "datasets"])
def test_columns(model: Word2Vec, library: str) -> None:
    module = pytest.importorskip(library)
    documents = [" ".join(words) for words in SENTENCES]
    column = (
        module.Dataset.from_dict({"text": documents})["text"]
        if library == "datasets"
        else module.Series([*documents, None])
    )
    assert same(model, Word2Vec(column, **OPTIONS))


def test_several_files_and_what_is_told_of_them(text_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("KING AND QUEEN\n" * 9)
    told: list[ReadProgress] = []
    model = Word2Vec(
        [text_file, other], lowercase=True, stop_words=["his"], on_read=told.append, **OPTIONS
    )
    assert "and" in model.wv
    assert "his" not in model.wv
    assert "KING" not in model.wv
    assert told[-1].done == told[-1].total == text_file.stat().st_size + other.stat().st_size
    assert told[-1].words == sum(map(len, SENTENCES)) + 27
    corpus = model._trained().corpus
    assert (corpus["lowercase"], corpus["stop_words"]) == (True, ("his",))


def test_words_that_are_made(text_file: Path) -> None:
    model = Word2Vec(text_file, unk="<unk>", phrases=1, phrase_threshold=1, **OPTIONS)
    assert any("_" in word for word in model.wv.index_to_key)
    model = Word2Vec(text_file, unk="<unk>", vocab=["king", "queen"], **OPTIONS)
    assert model.wv.index_to_key[0] == "<unk>"
    assert set(model.wv.index_to_key) == {"<unk>", "king", "queen"}


def test_a_tokenizer_of_documents() -> None:
    seen = []

    def tokenizer(text: str) -> list[str]:
        seen.append(text)
        return re.findall("[a-z]+", text.lower())

    documents = ["The King\nand the man.", "The QUEEN\nand the woman!"] * 20
    model = Word2Vec(documents, tokenizer=tokenizer, sentence_ends="document", **OPTIONS)
    assert seen == [document.replace("\n", " ") for document in documents]
    assert set(model.wv.index_to_key) == {"the", "king", "and", "man", "queen", "woman"}
    assert model._trained().corpus["sentences"] == 40
    with pytest.raises(ConfigError, match="tokenizer takes the place of lowercase"):
        Word2Vec(documents, tokenizer=tokenizer, lowercase=True, **OPTIONS)


class TestEncodedCorpora:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Encode the sentences with `min_count` 2."""
        encoded = encode_sentences(SENTENCES, min_count=2)
        notes = {"min_count": 2, "max_final_vocab": None, "source": ["somewhere"]}
        save_encoded(tmp_path / "encoded", *encoded, options=notes)
        return tmp_path / "encoded"

    def test_it_is_a_text(self, model: Word2Vec, path: Path) -> None:
        assert same(model, Word2Vec(path, **OPTIONS))
        others = {name: OPTIONS[name] for name in OPTIONS if name != "min_count"}
        plain = Word2Vec(str(path), **others)
        assert same(model, plain)
        assert plain.config == model.config
        assert plain._trained().corpus["source"] == ["somewhere"]

    def test_fewer_words(self, path: Path) -> None:
        options = {**OPTIONS, "min_count": 30}
        narrow = Word2Vec(path, **options)
        assert same(narrow, Word2Vec(SENTENCES, **options))
        assert narrow.config.min_count == 30
        with pytest.raises(CorpusError, match="was encoded with --min-count 2, so rarer words"):
            Word2Vec(path, **{**OPTIONS, "min_count": 1})

    def test_its_words_are_settled(self, path: Path) -> None:
        with pytest.raises(ConfigError, match="whose words are settled: leave out lowercase"):
            Word2Vec(path, lowercase=True, **OPTIONS)


def test_a_model_is_no_text(model: Word2Vec, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    for path in (tmp_path / "model", str(tmp_path / "model")):
        with pytest.raises(
            CorpusError, match=r"model is a model, not text; Word2Vec.load opens it"
        ):
            Word2Vec(path, **OPTIONS)


def test_single_words_are_no_sentences() -> None:
    words = [word for sentence in SENTENCES for word in sentence]
    with pytest.raises(CorpusError, match="all of these are single words: put the words of a sent"):
        Word2Vec(words, **OPTIONS)


def test_reading_options(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"The THE the caf\xe9 x y\n" * 20)
    with pytest.raises(CorpusError, match="UTF-8"):
        Word2Vec(path, **OPTIONS)
    model = Word2Vec(path, lowercase=True, encoding_errors="ignore", **OPTIONS)
    assert model.wv.index_to_key == ["the", "caf", "x", "y"]


def test_vocabulary_options(text_file: Path) -> None:
    for text in (SENTENCES, text_file):
        limited = Word2Vec(text, **{**OPTIONS, "max_final_vocab": 10})
        rare = Word2Vec(text, **{**OPTIONS, "min_count": 30})
        assert len(limited.wv) == 10
        assert rare.wv.counts is not None
        assert rare.wv.counts.min() >= 30
        assert len(rare.wv) > 10


def test_workers_change_nothing(model: Word2Vec) -> None:
    assert same(model, Word2Vec(SENTENCES, **{**OPTIONS, "workers": 3}))
    assert not same(model, Word2Vec(SENTENCES, **OPTIONS, seed=2))


def test_a_script_without_a_guard(tmp_path: Path) -> None:
    """Workers do not begin by running the script that began them."""
    script = tmp_path / "script.py"
    script.write_text(
        "print('begun')\n"
        "from xw2v import Word2Vec\n"
        "sentences = [['king', 'and', 'man'], ['queen', 'and', 'woman']] * 200\n"
        "model = Word2Vec(sentences, vector_size=5, min_count=1, workers=2, batch_words=64,"
        " block_size=2, group_blocks=2, sample=0.0)\n"
        "print(model.wv.vectors.tobytes().hex())\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(xw2v.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    sentences = [["king", "and", "man"], ["queen", "and", "woman"]] * 200
    options: Any = {"batch_words": 64, "block_size": 2, "group_blocks": 2, "sample": 0.0}
    alone = Word2Vec(sentences, vector_size=5, min_count=1, workers=1, **options)
    expected = f"begun\n{alone.wv.vectors.tobytes().hex()}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_config(model: Word2Vec) -> None:
    assert {name: getattr(model.config, name) for name in OPTIONS} == OPTIONS
    assert model.config.window == 5


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({}, ("skipgram", "negative", 5)),
        ({"sg": 1, "hs": 0, "negative": 3}, ("skipgram", "negative", 3)),
        ({"sg": 0, "cbow_mean": 0}, ("cbow", "negative", 5)),
        ({"hs": 1, "negative": 0}, ("skipgram", "hierarchical", 5)),
        ({"sg": 0, "hs": 1, "negative": 0}, ("cbow", "hierarchical", 5)),
        ({"model": "cbow", "output": "softmax"}, ("cbow", "softmax", 5)),
    ],
    ids=str,
)
def test_gensims_names_of_the_models(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, Any], expected: tuple[str, str, int]
) -> None:
    def refuse(corpus: Any, vocabulary: Any, config: TrainingConfig, **_: Any) -> None:
        raise TrainingError(f"{config.model} {config.output} {config.negative}")

    monkeypatch.setattr("xw2v.model.train", refuse)
    with pytest.raises(TrainingError, match="^{} {} {}$".format(*expected)):
        Word2Vec(SENTENCES, **OPTIONS, **names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"hs": 1}, "choose hs=1 with negative=0, or hs=0"),
        ({"hs": 0, "negative": 0}, "negative must be a whole number of at least 1, not 0"),
        ({"sg": 0, "model": "skipgram"}, "sg=0 means model 'cbow', not 'skipgram'"),
        ({"sg": 3}, "sg must be 0 or 1, not 3"),
        ({"hs": 1, "negative": 0, "vectors": "mean"}, "vectors must be 'input' for output 'hier"),
    ],
    ids=str,
)
def test_contradictions_are_found_before_the_text_is_read(
    names: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Word2Vec("nothing.txt", **names)


@pytest.mark.parametrize("output", ["negative", "hierarchical", "softmax"])
@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_every_model_is_trained_saved_and_loaded(tmp_path: Path, kind: str, output: str) -> None:
    model = Word2Vec(SENTENCES, **OPTIONS, model=kind, output=output)
    assert (model.config.model, model.config.output) == (kind, output)
    words = len(model.wv)
    rows = words - 1 if output == "hierarchical" else words
    assert model.wv.vectors.shape == (words, 12)
    assert model.output_vectors.shape == (rows, 12)
    assert np.abs(model.output_vectors).max() > 0
    model.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model")
    assert same(model, loaded)
    assert loaded.config == model.config


def test_word_vectors_are_those_asked_for(model: Word2Vec, tmp_path: Path) -> None:
    w_in, w_out = model.wv.vectors, model.output_vectors
    mean = Word2Vec(SENTENCES, **OPTIONS, vectors="mean")
    np.testing.assert_array_equal(mean.wv.vectors, (w_in + w_out) / 2)
    assert mean.wv is mean.wv
    mean.save(tmp_path / "mean")
    assert Word2Vec.load(tmp_path / "mean").config == mean.config
    np.testing.assert_array_equal(Word2Vec.load(tmp_path / "mean").wv.vectors, mean.wv.vectors)

    both = Word2Vec.load(tmp_path / "mean", vectors="concat")
    assert both.config.vectors == "concat"
    assert both.wv.vector_size == 24
    np.testing.assert_array_equal(both.wv.vectors, np.hstack([w_in, w_out]))
    both.save(tmp_path / "both")
    assert same(both, Word2Vec.load(tmp_path / "both"))
    np.testing.assert_array_equal(Word2Vec.load(tmp_path / "both", "output").wv.vectors, w_out)
    np.testing.assert_array_equal(Word2Vec.load(tmp_path / "both", "input").wv.vectors, w_in)


def test_word_vectors_that_a_tree_has_not(model: Word2Vec, tmp_path: Path) -> None:
    path = tmp_path / "model"
    tree = replace(
        model._trained(),
        output_vectors=model.output_vectors[:-1],
        config=replace(model.config, output="hierarchical"),
    )
    save_trained(path, tree)
    assert len(Word2Vec.load(path).output_vectors) == len(model.wv) - 1
    with pytest.raises(ConfigError, match=f"{re.escape(str(path))}: vectors must be 'input'"):
        Word2Vec.load(path, "mean")


def test_loss_history_and_progress() -> None:
    seen: list[Progress] = []
    model = Word2Vec(SENTENCES, on_progress=seen.append, **OPTIONS)
    assert all(isinstance(record, LossRecord) for record in model.loss_history)
    assert len(model.loss_history) > 2
    assert model.loss_history[0].loss == pytest.approx(6 * np.log(2), rel=1e-5)
    assert seen[-1].loss == model.loss_history[-1].loss
    assert seen[-1].words == seen[-1].total_words


def test_save_and_load(model: Word2Vec, tmp_path: Path) -> None:
    path = tmp_path / "model"
    model.save(path)
    loaded = Word2Vec.load(path)
    assert same(model, loaded)
    assert loaded.config == model.config
    assert loaded.loss_history == model.loss_history
    assert loaded.wv.get_vecattr("king", "count") == model.wv.get_vecattr("king", "count")
    assert loaded.wv.most_similar("king") == model.wv.most_similar("king")
    with pytest.raises(ModelFileError):
        model.save(path)
    Word2Vec(SENTENCES, **OPTIONS, seed=2).save(str(path), overwrite=True)
    assert not same(model, Word2Vec.load(str(path)))
    loaded.save(tmp_path / "again")
    assert same(model, Word2Vec.load(tmp_path / "again"))


def test_nothing_that_is_no_model_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="nowhere"):
        Word2Vec.load(tmp_path / "nowhere")
    with pytest.raises(ModelFileError):
        Word2Vec.load(tmp_path)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"negative": 0}, ConfigError),
        ({"window": -1}, ConfigError),
        ({"min_count": 10**6}, CorpusError),
        ({"device": "gpu"}, ConfigError),
        ({"device": "cuda:999"}, DeviceError),
    ],
    ids=str,
)
def test_options_that_cannot_work(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Word2Vec(SENTENCES, **{**OPTIONS, **options})


def test_words_to_be_frozen_are_in_the_vocabulary() -> None:
    message = r"frozen must be words of the vocabulary, which 'nowhere' is not: .* min_count"
    with pytest.raises(ConfigError, match=message):
        Word2Vec(SENTENCES, **OPTIONS, frozen=("king", "nowhere"))


def test_frozen_words_stay(model: Word2Vec) -> None:
    frozen = Word2Vec(SENTENCES, **OPTIONS, frozen=["king"])
    shorter = Word2Vec(SENTENCES, **{**OPTIONS, "epochs": 1}, frozen=["king"])
    assert frozen.config.frozen == ("king",)
    np.testing.assert_array_equal(frozen.wv["king"], shorter.wv["king"])
    assert (frozen.wv["king"] != model.wv["king"]).any()
    trained = np.abs(frozen.output_vectors).max(axis=1) > 0  # they begin as zeros
    assert trained.tolist() == [word != "king" for word in frozen.wv.index_to_key]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("size", "; did you mean block_size or max_vocab_size or vector_size[?]$"),
        ("vectors_size", "; did you mean vector_size"),
        ("lowercas", "; did you mean lowercase"),
        ("corpus_file", ""),
    ],
)
def test_names_that_are_no_option(name: str, hint: str) -> None:
    options: dict[str, Any] = {name: 5}
    with pytest.raises(TypeError, match=f"^Word2Vec has no option '{name}'{hint}"):
        Word2Vec("nothing.txt", **options)


@pytest.mark.parametrize("device", ["gpu", "cuda:999"])
def test_a_device_that_cannot_be_used_is_found_before_the_text_is_read(device: str) -> None:
    read = []

    def sentences() -> Any:
        for words in SENTENCES:
            read.append(words)
            yield words

    with pytest.raises((ConfigError, DeviceError), match="device"):
        Word2Vec(sentences(), **OPTIONS, device=device)
    assert not read


@pytest.mark.parametrize("sentences", [[], [[]], [[], []], [["a"], ["b"]]], ids=str)
def test_texts_with_too_few_words_are_refused(sentences: list[list[str]]) -> None:
    with pytest.raises(CorpusError):
        Word2Vec(sentences, **OPTIONS)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere"):
        Word2Vec(tmp_path / "nowhere.txt", **OPTIONS)


# Training in steps, and on

TOPICS = (
    ["ship", "sail", "anchor", "harbor", "deck", "crew"],
    ["oven", "bread", "flour", "yeast", "dough", "crust"],
)


def topic_sentences(n: int, new: tuple[str, ...] = (), seed: int = 3) -> list[list[str]]:
    """Sentences of one topic each; of `new` words, one for each topic, where they are given."""
    rng = np.random.default_rng(seed)
    sentences = []
    for number in range(n):
        topic = TOPICS[number % 2] + ([new[number % 2]] * 2 if new else [])
        sentences.append([str(word) for word in rng.choice(topic, 8)])
    return sentences


OTHERS = toy_sentences(200, seed=9)
STEPS: dict[str, dict[str, Any]] = {
    f"{kind} {output} {optimizer}": {"model": kind, "output": output, "optimizer": optimizer}
    for kind, optimizer in (("skipgram", "adam"), ("cbow", "sgd"))
    for output in ("negative", "hierarchical", "softmax")
}


def untrained(**options: Any) -> Word2Vec:
    built = Word2Vec(**{**OPTIONS, **options})
    built.build_vocab(SENTENCES)
    return built


def by_word(model: Word2Vec, output: bool = False) -> dict[str, list[float]]:
    rows = model.output_vectors if output else model.wv.vectors
    return dict(zip(model.wv.index_to_key, rows.tolist(), strict=True))


def counts_of(model: Word2Vec) -> dict[str, int]:
    return {word: model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key}


@pytest.mark.parametrize("step", STEPS)
def test_gensims_three_steps_are_one(step: str) -> None:
    """Bit for bit."""
    model = Word2Vec(**OPTIONS, **STEPS[step])
    model.build_vocab(SENTENCES)
    assert not model.output_vectors.any()
    assert len(model.loss_history) == 0
    begun = model.wv.vectors.copy()
    model.train(SENTENCES, total_examples=model.corpus_count, epochs=model.epochs)
    assert (model.wv.vectors != begun).any()
    expected = Word2Vec(SENTENCES, **OPTIONS, **STEPS[step])
    assert same(model, expected)
    assert model.loss_history == expected.loss_history
    assert model.config == expected.config
    assert model.corpus_count == expected.corpus_count == len(SENTENCES)


def test_the_steps_read_what_the_class_reads(text_file: Path, tmp_path: Path) -> None:
    expected = Word2Vec(text_file, lowercase=True, stop_words=["his"], **OPTIONS)
    model = Word2Vec(lowercase=True, stop_words=["his"], **OPTIONS)
    model.build_vocab(text_file)
    model.train(str(text_file))
    assert same(model, expected)
    other = Word2Vec(**OPTIONS)
    other.build_vocab(text_file, lowercase=True, stop_words=["his"])
    other.train(text_file, lowercase=True, stop_words=["his"])
    assert same(other, expected)


def test_the_steps_take_a_tokenizer(text_file: Path) -> None:
    def tokenizer(line: str) -> list[str]:
        return line.upper().split()

    model = Word2Vec(tokenizer=tokenizer, **OPTIONS)
    model.build_vocab(text_file)
    model.train(text_file)
    assert same(model, Word2Vec(text_file, tokenizer=tokenizer, **OPTIONS))
    assert "KING" in model.wv


def test_encoded_corpora_in_steps(tmp_path: Path) -> None:
    """They say which words were kept."""
    notes = {"min_count": 3, "max_final_vocab": None, "source": ["somewhere"]}
    save_encoded(tmp_path / "it", *encode_sentences(SENTENCES, min_count=3), options=notes)
    options = {name: value for name, value in OPTIONS.items() if name != "min_count"}
    model = Word2Vec(**options)
    model.build_vocab(tmp_path / "it")
    assert model.config.min_count == 3
    model.train(tmp_path / "it")
    expected = Word2Vec(tmp_path / "it", **options)
    assert same(model, expected)
    assert model.config == expected.config


def test_rates_and_epochs_of_a_call() -> None:
    model = untrained(alpha=0.03)
    model.train(SENTENCES, epochs=1, start_alpha=0.02, end_alpha=0.01)
    assert [model.loss_history[0].alpha, model._trained().config.min_alpha] == [0.02, 0.01]
    assert all(0.01 <= record.alpha <= 0.02 for record in model.loss_history)
    assert model.epochs == OPTIONS["epochs"]
    assert model.config.alpha == 0.03
    with pytest.raises(ConfigError, match="epochs must be a whole number of at least 1, not 0"):
        model.train(SENTENCES, epochs=0)
    with pytest.raises(ConfigError, match=r"min_alpha \(0.1\) must not be above alpha"):
        model.train(SENTENCES, end_alpha=0.1)


def test_training_on_begins_where_it_ended(model: Word2Vec) -> None:
    one = Word2Vec(SENTENCES, **OPTIONS)
    assert one.wv is one.wv
    before, first_loss = one.wv, one.loss_history[0].loss
    one.train(SENTENCES)
    assert one.wv is not before
    np.testing.assert_array_equal(before.vectors, model.wv.vectors)  # it is as it was
    assert one.loss_history[0].loss < first_loss
    assert not same(one, model)
    other = Word2Vec(SENTENCES, **OPTIONS)
    other.train(SENTENCES)
    assert same(one, other)


@pytest.mark.parametrize("step", ["skipgram negative adam", "cbow hierarchical sgd"])
def test_models_are_trained_on_once_they_are_loaded(tmp_path: Path, step: str) -> None:
    one = Word2Vec(SENTENCES, **OPTIONS, **STEPS[step])
    one.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model")
    assert loaded.corpus_count == len(SENTENCES)
    one.train(OTHERS)
    loaded.train(OTHERS)
    assert same(one, loaded)
    assert loaded.corpus_count == len(OTHERS)


def test_the_vocabulary_stays_while_training_on() -> None:
    one = Word2Vec(SENTENCES, **OPTIONS)
    words, counts = one.wv.index_to_key, counts_of(one)
    one.train([*OTHERS, *[["unheard", "king", "of"]] * 50])
    assert one.wv.index_to_key == words
    assert counts_of(one) == counts
    assert "unheard" not in one.wv
    assert one._trained().corpus["words"] == sum(map(len, OTHERS)) + 50


def test_words_are_passed_over_as_if_they_were_not_there() -> None:
    one, other = Word2Vec(SENTENCES, **OPTIONS), Word2Vec(SENTENCES, **OPTIONS)
    one.train([[word for old in words for word in (old, "unheard")] for words in OTHERS])
    other.train(OTHERS)
    assert same(one, other)


def test_unknown_words_stay_unknown_however_frequent() -> None:
    one = Word2Vec([*SENTENCES, ["king", "rare"]], **OPTIONS, unk="<unk>")
    words = one.wv.index_to_key
    assert "<unk>" in words
    one.train([["king", "frequent", "queen"]] * 50 + [["king", "once"]])
    assert one.wv.index_to_key == words
    assert one._trained().corpus["words"] == 152


def test_words_beyond_a_limit_are_passed_over() -> None:
    """A limit is about new words: those that there are stay."""
    one = Word2Vec(SENTENCES, **OPTIONS, max_final_vocab=10)
    one.train(OTHERS)
    assert len(one.wv) == 10
    one.build_vocab([["quite", "new", one.wv.index_to_key[0]]] * 100, update=True)
    assert len(one.wv) == 10


@pytest.mark.parametrize("output", ["negative", "softmax"])
def test_words_are_added(output: str) -> None:
    one = Word2Vec(SENTENCES, **OPTIONS, output=output)
    vectors, outputs, counts = by_word(one), by_word(one, output=True), counts_of(one)
    more = [["king", "unheard", "newer"]] * 150 + [["king", "rare", "newer"]]
    one.build_vocab(more, update=True)
    assert set(one.wv.index_to_key) == {*vectors, "unheard", "newer"}
    assert counts_of(one) == {
        **counts,
        "king": counts["king"] + 151,
        "newer": 151,
        "unheard": 150,
    }
    numbers = list(counts_of(one).values())
    assert numbers == sorted(numbers, reverse=True)
    for word, vector in vectors.items():
        assert by_word(one)[word] == vector
        assert by_word(one, output=True)[word] == outputs[word]
    for word in ("newer", "unheard"):
        assert 0 < max(map(abs, by_word(one)[word])) <= 0.5 / 12
        assert not any(by_word(one, output=True)[word])
    assert one.corpus_count == 151
    one.train(more)
    assert (one.wv["unheard"] != by_word(one, output=True)["unheard"]).any()
    assert any(by_word(one, output=True)["unheard"])


@pytest.mark.parametrize("more", ["the same", "other counts", "new words"])
def test_what_becomes_of_a_tree(more: str) -> None:
    """Its inner nodes are kept as long as it is the same one."""
    one = Word2Vec(SENTENCES, **OPTIONS, output="hierarchical")
    nodes, vectors = one.output_vectors.copy(), by_word(one)
    if more == "the same":
        one.train(SENTENCES, epochs=1, start_alpha=1e-9, end_alpha=0)
        np.testing.assert_allclose(one.output_vectors, nodes, atol=1e-6)
        return
    text = [["king", "and", "queen"]] if more == "other counts" else [["newer", "king"]] * 9
    one.build_vocab(text, update=True)
    assert one.output_vectors.shape == (len(one.wv) - 1, 12)
    assert not one.output_vectors.any()
    for word, vector in vectors.items():
        assert by_word(one)[word] == vector
    one.train(SENTENCES)
    assert one.output_vectors.any(axis=1).all()


def test_adding_nothing_new_changes_only_counts() -> None:
    one = Word2Vec(SENTENCES, **OPTIONS)
    vectors, counts = by_word(one), counts_of(one)
    one.build_vocab(SENTENCES, update=True)
    assert by_word(one) == vectors
    assert counts_of(one) == {word: 2 * count for word, count in counts.items()}


@pytest.mark.parametrize("options", [{}, {"sg": 0}], ids=["skip-gram", "CBOW"])
def test_new_words_find_their_topic(options: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"vector_size": 16, "min_count": 2, "epochs": 8, "sample": 0}
    one = Word2Vec(topic_sentences(600), **settings, workers=1, alpha=0.1, **options)
    ships, breads = TOPICS
    assert {word for word, _ in one.wv.most_similar("ship", topn=5)} == set(ships) - {"ship"}
    more = topic_sentences(300, ("schooner", "brioche"), seed=4)
    one.build_vocab(more, update=True)
    one.train(more, epochs=8)
    assert {word for word, _ in one.wv.most_similar("schooner", topn=6)} == set(ships)
    assert {word for word, _ in one.wv.most_similar("brioche", topn=6)} == set(breads)
    for old, new in (("ship", "oven"), ("deck", "crust")):
        assert one.wv.similarity("schooner", old) > one.wv.similarity("schooner", new) + 0.5


# Errors of the steps


def test_there_is_no_vocabulary_yet(tmp_path: Path) -> None:
    one = Word2Vec(**OPTIONS)
    message = "the model has no vocabulary yet: build_vocab takes one from a text"
    for use in (
        lambda: one.train(SENTENCES),
        lambda: one.wv,
        lambda: one.output_vectors,
        lambda: one.loss_history,
        lambda: one.corpus_count,
        lambda: one.save(tmp_path / "model"),
    ):
        with pytest.raises(ConfigError, match=message):
            use()
    with pytest.raises(ConfigError, match="there is no vocabulary yet to add to: leave out update"):
        one.build_vocab(SENTENCES, update=True)
    assert list(tmp_path.iterdir()) == []


def test_a_vocabulary_is_not_replaced(model: Word2Vec) -> None:
    with pytest.raises(ConfigError, match="the model has a vocabulary: update=True adds words"):
        model.build_vocab(SENTENCES)


def test_texts_to_train_on_that_have_no_word() -> None:
    one = Word2Vec(SENTENCES, **OPTIONS)
    vectors = by_word(one)
    texts: list[Any] = [[["unheard", "of"]] * 9, [], [[]], [["unheard"], ["of"]]]
    for text in texts:
        with pytest.raises(CorpusError):
            one.train(text)
    with pytest.raises(CorpusError, match="nowhere"):
        one.train("nowhere.txt")
    assert by_word(one) == vectors


@pytest.mark.parametrize("name", ["lowercas", "window", "epoch"])
@pytest.mark.parametrize("method", ["train", "build_vocab"])
def test_names_that_are_no_option_of_the_steps(model: Word2Vec, method: str, name: str) -> None:
    """Hyperparameters are the model's."""
    more: dict[str, Any] = {name: 1, **({"update": True} if method == "build_vocab" else {})}
    with pytest.raises(TypeError, match=f"has no option '{name}'"):
        getattr(model, method)(SENTENCES, **more)


def test_a_model_is_no_text_to_train_on(model: Word2Vec, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    with pytest.raises(CorpusError, match="is a model, not text"):
        Word2Vec(SENTENCES, **OPTIONS).train(tmp_path / "model")


@pytest.mark.parametrize(
    "values",
    [
        {"init": WordVectors(["king"], np.ones((1, 12), np.float32))},
        {"checkpointing": Checkpointing(directory="nowhere")},
        {"callbacks": [Callback()]},
    ],
    ids=["init", "checkpointing", "callbacks"],
)
def test_what_has_no_use_without_a_text(values: dict[str, Any]) -> None:
    """It would be forgotten in silence."""
    with pytest.raises(ConfigError, match="init, checkpointing and callbacks are about training"):
        Word2Vec(**OPTIONS, **values)


# Vectors to begin with


def given(size: int = 12) -> WordVectors:
    rng = np.random.default_rng(2)
    words = ["king", "nowhere", "queen", "crown"]
    return WordVectors(words, rng.uniform(-1, 1, (4, size)).astype(np.float32))


@pytest.mark.parametrize("kind", ["object", "text", "binary", "model"])
def test_vectors_to_begin_with(model: Word2Vec, tmp_path: Path, kind: str) -> None:
    vectors = given()
    init: Any = vectors
    if kind in ("text", "binary"):
        init = tmp_path / f"vectors.{'txt' if kind == 'text' else 'bin'}"
        write_vectors(init, vectors)
    elif kind == "model":
        init, vectors = tmp_path / "model", model.wv
        model.save(init)
    options = {name: value for name, value in OPTIONS.items() if name != "vector_size"}
    one = Word2Vec(SENTENCES, init=init, **options, alpha=1e-12, min_alpha=0)
    assert one.config.vector_size == 12
    for word in ("king", "queen", "crown"):
        np.testing.assert_allclose(one.wv[word], vectors[word], atol=1e-7)
    assert "nowhere" not in one.wv
    frozen = Word2Vec(
        SENTENCES, init=str(init) if kind != "object" else init, freeze_init=True, **options
    )
    for word in ("king", "queen", "crown"):
        np.testing.assert_array_equal(frozen.wv[word], vectors[word])
    moved = [word for word in frozen.wv.index_to_key if word not in vectors]
    assert all((frozen.wv[word] != model.wv[word]).any() for word in moved)
    assert frozen.output_vectors.any(axis=1).all()


def test_the_other_words_begin_as_they_would(model: Word2Vec) -> None:
    begun = untrained()
    one = Word2Vec(SENTENCES, init=given(), **OPTIONS, alpha=1e-12, min_alpha=0)
    np.testing.assert_allclose(one.wv["man"], begun.wv["man"], atol=1e-7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"init": given(), "vector_size": 13}, r"vector_size \(13\) must be that of the .*, 12"),
        ({"init": WordVectors(["KING"], np.ones((1, 12)))}, "none of the .* words of the text is"),
        ({"freeze_init": True}, "freeze_init needs init"),
    ],
    ids=["size", "words", "nothing to freeze"],
)
def test_vectors_that_cannot_be_begun_with(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Word2Vec(SENTENCES, **{**OPTIONS, **values})


def test_vectors_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("2 3\nking 1 2 3\n")
    for name in ("vectors.txt", "nowhere.txt"):
        with pytest.raises(ModelFileError, match=name):
            Word2Vec("nothing.txt", init=tmp_path / name, **OPTIONS)


# Runs that are kept


def test_a_run_that_is_killed_and_resumed(tmp_path: Path, model: Word2Vec) -> None:
    class Kill(Callback):
        def on_epoch_begin(self, run: Run) -> None:
            if run.position.epoch == 1:
                raise KeyboardInterrupt

    settings = Checkpointing(directory=tmp_path / "run", every=500)
    with pytest.raises(KeyboardInterrupt):
        Word2Vec(SENTENCES, **OPTIONS, checkpointing=settings, callbacks=[Kill()])
    with pytest.raises(ModelFileError, match="holds the checkpoints of an earlier run"):
        Word2Vec("nothing.txt", **OPTIONS, checkpointing=settings)
    said: list[str] = []
    resumed = Word2Vec(
        SENTENCES, **OPTIONS, checkpointing=replace(settings, resume=True, say=said.append)
    )
    assert same(resumed, model)
    assert resumed.loss_history == model.loss_history
    assert len(said) == 1
    (newest,) = sorted((tmp_path / "run").iterdir())[-1:]
    assert same(Word2Vec.load(newest / "model"), model)


def test_training_on_can_be_kept(tmp_path: Path) -> None:
    class Kill(Callback):
        def on_epoch_end(self, run: Run) -> None:
            raise KeyboardInterrupt

    expected = Word2Vec(SENTENCES, **OPTIONS)
    expected.train(OTHERS)
    one = Word2Vec(SENTENCES, **OPTIONS)
    settings = Checkpointing(directory=tmp_path / "run", every=300)
    before = by_word(one)
    with pytest.raises(KeyboardInterrupt):
        one.train(OTHERS, checkpointing=settings, callbacks=[Kill()])
    assert by_word(one) == before
    with pytest.raises(ModelFileError, match="holds the checkpoints of an earlier run"):
        one.train(OTHERS, checkpointing=settings)
    one.train(OTHERS, checkpointing=replace(settings, resume=True))
    assert same(one, expected)


def test_callbacks_look_on() -> None:
    seen: list[float] = []

    class Look(Callback):
        def on_epoch_end(self, run: Run) -> None:
            seen.append(float(np.abs(run.wv["king"]).max()))

    one = untrained()
    one.train(SENTENCES, callbacks=[Look()])
    assert len(seen) == 2
    assert seen[-1] == np.abs(one.wv["king"]).max()

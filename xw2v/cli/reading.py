"""How commands come by an encoded corpus: by reading text, from the cache, from a directory."""

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from xw2v.cli.fields import GroupedOption
from xw2v.cli.hyperparameters import HYPERPARAMETERS, training_config
from xw2v.cli.output import count
from xw2v.cli.progress import Display
from xw2v.cli.text_options import TEXT_OPTIONS, text_options
from xw2v.config import TrainingConfig
from xw2v.errors import ConfigError, CorpusError
from xw2v.text import (
    EncodedCorpus,
    Vocabulary,
    builtin_sentences,
    encode_files,
    encode_sentences,
)
from xw2v.text.choosing import VocabularyRule
from xw2v.text.encode import CountedText, count_files, count_sentences
from xw2v.text.reuse import encode_cached, narrowed
from xw2v.text.store import StoredCorpus, is_encoded, load_encoded

__all__ = ["CorpusReader", "ReadCorpus", "cache_option", "counted_text"]

_BUILTIN = "the documentation in the sources of Python and NumPy"

cache_option = click.option(
    "--no-cache",
    is_flag=True,
    cls=GroupedOption,
    group="Text",
    help="Neither look for the text among those kept from earlier runs, nor keep it; see "
    "xw2v cache.",
)


@dataclass(frozen=True, eq=False)
class ReadCorpus:
    """A corpus that a command has read.

    Attributes
    ----------
    vocabulary : Vocabulary
    corpus : EncodedCorpus
    config : TrainingConfig
        The one asked for; of a corpus that was encoded before with its choice of words.
    notes : dict
        Where the corpus came from, to be kept with what is made of it.
    """

    vocabulary: Vocabulary
    corpus: EncodedCorpus
    config: TrainingConfig
    notes: dict[str, Any]


@contextmanager
def counted_text(
    paths: Sequence[str], values: Mapping[str, Any], display: Display, **settled: Any
) -> Iterator[CountedText]:
    """Count the words of a text, or of the built-in corpus, for as long as the context lasts.

    Parameters
    ----------
    paths : sequence of str
        What was named as text.
    values : mapping
        The values of the command's options.
    display : Display
    **settled
        Options of the text that the command itself decides on.

    Yields
    ------
    CountedText

    Raises
    ------
    ConfigError
        If an option cannot work.
    CorpusError
        If the text cannot be read.
    """
    workers = training_config(values).workers
    options = text_options(values, **settled)
    if not paths:
        _check_builtin(TEXT_OPTIONS.typed(values))
    with ExitStack() as stack:
        with display.reading() as progress:
            text = stack.enter_context(
                count_files(paths, options, workers=workers, progress=progress)
                if paths
                else count_sentences(builtin_sentences(), options)
            )
        yield text


def _check_builtin(typed: Iterable[str]) -> None:
    """Raise if the built-in corpus, which is words already, has no use for an option."""
    useful = ("phrase", "connector", "vocab", "keep", "stop_words", "unk", "max_vocab_size")
    useless = [name for name in typed if not name.startswith(useful)]
    if useless:
        raise ConfigError(
            f"{TEXT_OPTIONS.flag(useless[0])} needs a text: name one, as the built-in corpus is "
            "words in lower case already"
        )


class CorpusReader:
    """Reads the corpus that a command was given, once everything else is known to be right.

    Parameters
    ----------
    paths : sequence of str
        What was named as text; the built-in corpus if nothing.
    values : mapping
        The values of the command's options.
    config : TrainingConfig

    Raises
    ------
    ConfigError
        If an option of the text cannot work.
    """

    def __init__(
        self, paths: Sequence[str], values: Mapping[str, Any], config: TrainingConfig
    ) -> None:
        self._paths = paths
        self._config = config
        self._options = text_options(values)
        self._typed = TEXT_OPTIONS.typed(values)
        self._typed_config = HYPERPARAMETERS.typed(values)
        encoded = [path for path in paths if is_encoded(path)]
        if encoded and len(paths) > 1:
            raise ConfigError(
                f"{encoded[0]} is an encoded corpus, which can only be taken alone; name the texts "
                "that it was made of"
            )
        self._encoded = Path(encoded[0]) if encoded else None
        if self._encoded is not None and self._typed:
            raise ConfigError(
                f"{self._encoded} is an encoded corpus, whose words are settled: leave out "
                f"{TEXT_OPTIONS.flag(next(iter(self._typed)))}, or encode the text again with it"
            )
        if not paths and self._typed:
            _check_builtin(self._typed)

    def read(self, display: Display, use_cache: bool) -> ReadCorpus:
        """Read the corpus and say what it is.

        Parameters
        ----------
        display : Display
        use_cache : bool
            Look in the cache first, and keep there what was read.

        Returns
        -------
        ReadCorpus

        Raises
        ------
        CorpusError
            If it cannot be read.
        """
        named = ", ".join(self._paths) if self._paths else f"{_BUILTIN} (no file was named)"
        display.say(f"text: {named}")
        began = time.perf_counter()
        if self._encoded is not None:
            read = self._from_directory(self._encoded)
            how = "from an encoded corpus"
        elif not self._paths:
            read = self._builtin()
            how = ""
        else:
            read, how = self._from_text(display, use_cache)
        seconds = time.perf_counter() - began
        read.notes["reading_seconds"] = seconds
        corpus = read.corpus
        display.say(
            f"read: {count(corpus.raw_words, 'word')} in {seconds:.1f} s"
            f"{', ' * bool(how)}{how}\n"
            f"kept: {count(corpus.n_words, 'word')} in {count(corpus.n_sentences, 'sentence')}, "
            f"vocabulary {len(read.vocabulary):,}"
        )
        return read

    def _builtin(self) -> ReadCorpus:
        vocabulary, corpus = encode_sentences(
            builtin_sentences(),
            self._options,
            min_count=self._config.min_count,
            max_final_vocab=self._config.max_final_vocab,
        )
        notes = {"source": _BUILTIN, **self._options.to_notes()}
        return ReadCorpus(vocabulary, corpus, self._config, notes)

    def _from_text(self, display: Display, use_cache: bool) -> tuple[ReadCorpus, str]:
        settings: dict[str, Any] = {
            "min_count": self._config.min_count,
            "max_final_vocab": self._config.max_final_vocab,
            "workers": self._config.workers,
        }
        notes = {"source": list(self._paths), **self._options.to_notes()}
        how = ""
        with display.reading() as progress:
            if not use_cache:
                vocabulary, corpus = encode_files(
                    self._paths, self._options, progress=progress, **settings
                )
            else:
                found = encode_cached(self._paths, self._options, progress=progress, **settings)
                vocabulary, corpus = found.vocabulary, found.corpus
                how = "kept from an earlier run" if found.was_cached else ""
                if found.problem is not None:
                    display.say(f"the text is not kept for later runs: {found.problem}")
        return ReadCorpus(vocabulary, corpus, self._config, notes), how

    def _from_directory(self, path: Path) -> ReadCorpus:
        stored = load_encoded(path)
        rule = {name: stored.options.get(name) for name in ("min_count", "max_final_vocab")}
        asked = {name: self._typed_config[name] for name in rule if name in self._typed_config}
        vocabulary, corpus = stored.vocabulary, stored.corpus
        if any(asked[name] != rule[name] for name in asked):
            vocabulary, corpus = _with_fewer_words(path, stored, asked)
        config = dataclasses.replace(self._config, **{**rule, **asked})
        notes = {"source": str(path), **_told(stored.options)}
        return ReadCorpus(vocabulary, corpus, config, notes)


def _told(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notes of an encoded corpus that go into a model."""
    settled = ("min_count", "max_final_vocab", "source", "reading_seconds")
    return {name: value for name, value in options.items() if name not in settled} | {
        "encoded_from": options.get("source")
    }


def _with_fewer_words(
    path: Path, stored: StoredCorpus, asked: Mapping[str, Any]
) -> tuple[Vocabulary, EncodedCorpus]:
    """Drop words as --min-count and --max-final-vocab ask."""
    special = [name for name in ("vocab", "keep", "unk") if name in stored.options]
    if special:
        raise ConfigError(
            f"{path} was encoded with {TEXT_OPTIONS.flag(special[0])}, so its words are settled: "
            "leave out --min-count and --max-final-vocab, or encode the text again"
        )
    min_count = asked.get("min_count", 1)
    limit = asked.get("max_final_vocab")
    had_count = stored.options.get("min_count", 1)
    had_limit = stored.options.get("max_final_vocab")
    if min_count < had_count:
        raise CorpusError(
            f"{path} was encoded with --min-count {had_count}, so rarer words are not in it: "
            f"encode the text again with --min-count {min_count}"
        )
    if had_limit is not None and limit is not None and limit > had_limit:
        raise CorpusError(
            f"{path} was encoded with --max-final-vocab {had_limit}: encode the text again with "
            f"--max-final-vocab {limit}"
        )
    rule = VocabularyRule(min_count, limit)
    return narrowed(stored.vocabulary, stored.corpus, rule, str(path))

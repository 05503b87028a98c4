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
from xw2v.formats import is_model
from xw2v.text import (
    EncodedCorpus,
    Vocabulary,
    builtin_sentences,
    encode_files,
    encode_sentences,
)
from xw2v.text.encode import CountedText, count_files, count_sentences
from xw2v.text.reuse import encode_cached, load_narrowed
from xw2v.text.store import is_encoded

__all__ = ["CorpusReader", "ReadCorpus", "cache_option", "counted_text"]

_BUILTIN = "the documentation in the sources of Python and NumPy"
# The hyperparameters that say which words are kept.
_LIMITS = ("min_count", "max_final_vocab")

cache_option = click.option(
    "--no-cache",
    is_flag=True,
    cls=GroupedOption,
    group="Text",
    help="Neither look for the text among those kept from earlier runs, nor keep it; see "
    "`xw2v cache`.",
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
    _check_no_model(paths)
    encoded = [path for path in paths if is_encoded(path)]
    if encoded:
        raise CorpusError(
            f"{encoded[0]} is an encoded corpus, not text; name the text that it was made of"
        )
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


def _check_no_model(paths: Iterable[str]) -> None:
    """Raise if a model was named as text: nothing in it is."""
    for path in paths:
        if is_model(path):
            raise CorpusError(
                f"{path} is a model, not text; name the text to read, or an encoded corpus"
            )


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
    base : Vocabulary, optional
        A vocabulary to extend with the words of the text, see `xw2v.text.encode_files`; the cache
        is of no use then.

    Raises
    ------
    ConfigError
        If an option of the text cannot work, or not with `base`.
    CorpusError
        If a model was named as text.
    """

    def __init__(
        self,
        paths: Sequence[str],
        values: Mapping[str, Any],
        config: TrainingConfig,
        base: Vocabulary | None = None,
    ) -> None:
        self._paths = paths
        self._config = config
        self._base = base
        self._options = text_options(values)
        with TEXT_OPTIONS.named():
            self._options.vocabulary_rule(config.min_count, config.max_final_vocab, base)
        self._typed = TEXT_OPTIONS.typed(values)
        self._typed_config = HYPERPARAMETERS.typed(values)
        _check_no_model(paths)
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
        new = ""
        if self._base is not None:
            new = f", {len(read.vocabulary) - len(self._base):,} of them new"
        display.say(
            f"read: {count(corpus.raw_words, 'word')} in {seconds:.1f} s"
            f"{', ' * bool(how)}{how}\n"
            f"kept: {count(corpus.n_words, 'word')} in {count(corpus.n_sentences, 'sentence')}, "
            f"vocabulary {len(read.vocabulary):,}{new}"
        )
        return read

    def _builtin(self) -> ReadCorpus:
        vocabulary, corpus = encode_sentences(
            builtin_sentences(),
            self._options,
            min_count=self._config.min_count,
            max_final_vocab=self._config.max_final_vocab,
            base=self._base,
        )
        notes = {"source": _BUILTIN, **self._options.to_notes()}
        return ReadCorpus(vocabulary, corpus, self._config, notes)

    def _from_text(self, display: Display, use_cache: bool) -> tuple[ReadCorpus, str]:
        settings: dict[str, Any] = {
            "min_count": self._config.min_count,
            "max_final_vocab": self._config.max_final_vocab,
            "workers": self._config.workers,
            "base": self._base,
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
        stored = load_narrowed(
            path,
            base=self._base,
            **{name: self._typed_config[name] for name in _LIMITS if name in self._typed_config},
        )
        limits: dict[str, Any] = {name: stored.options[name] for name in _LIMITS}
        config = dataclasses.replace(self._config, **limits)
        notes = {"source": str(path), **_told(stored.options)}
        return ReadCorpus(stored.vocabulary, stored.corpus, config, notes)


def _told(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notes of an encoded corpus that go into a model."""
    others = (*_LIMITS, "source", "reading_seconds")
    told = {name: value for name, value in options.items() if name not in others}
    # (Its source may be an encoded corpus as well.)
    return {"encoded_from": options.get("source"), **told}

"""`Word2Vec`: text in, vectors out, in one object."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from xw2v.backend import Profile, get_device
from xw2v.checkpoints import (
    Checkpointer,
    Checkpointing,
    interval_of,
    resume_state,
    saved_model,
)
from xw2v.config import TrainingConfig, Vectors, from_gensim
from xw2v.continuing import check_size, initial_of_model, initial_of_vectors, vocabulary_of
from xw2v.errors import ConfigError, CorpusError
from xw2v.formats import SavedModel, is_model, load_model, read_vectors, save_model
from xw2v.plots import plot_loss
from xw2v.text import EncodedCorpus, ReadProgress, TextOptions, Vocabulary, encode_any
from xw2v.text.anything import EncodedText
from xw2v.text.reuse import encoded_with
from xw2v.training import InitialVectors, LossRecord, Progress, initialize, train
from xw2v.vectors import WordVectors

__all__ = ["Word2Vec", "save_trained", "train_model"]

Path = str | os.PathLike[str]

_TEXT_OPTIONS = frozenset(field.name for field in dataclasses.fields(TextOptions))
_LIMITS = ("min_count", "max_final_vocab")


class Word2Vec:
    """Skip-gram or CBOW vectors, trained from text.

    The output layer is negative sampling, hierarchical softmax or the exact softmax.

    Parameters
    ----------
    sentences : path, iterable of paths, iterable of str, or iterable of lists of str
        A path names a text: a UTF-8 file of one sentence a line, or whatever else
        ``xw2v train`` takes, a folder, JSON Lines, Parquet, a URL, an encoded corpus; an iterable
        of `pathlib.Path` names several. Strings are documents: a list of them, a column of
        pandas, polars, Arrow or of a Hugging Face dataset. Lists of strings are sentences, their
        words are taken as they are. Everything is read once, so a generator will do. None trains
        nothing yet: `build_vocab` and `train` do, as with gensim.
    tokenizer : callable, optional
        Gives the words of a line of text (with ``sentence_ends="document"`` of a document); in
        place of the options about words.
    init : WordVectors or path, optional
        Vectors to begin with, for those words of the text that have one there; a path names a
        file of any format that `xw2v convert` reads. They must have `vector_size` dimensions,
        which is theirs if absent.
    freeze_init : bool
        Leave the vectors of these words as they are.
    checkpointing : Checkpointing, optional
        Keeps the run in checkpoints, and resumes it.
    callbacks : sequence of xw2v.training.Callback
        Look on while vectors are trained, and may stop that; gensim's will do.
    on_read : callable, optional
        Called with a `xw2v.text.ReadProgress` while text is read; lists of words, and texts for
        a tokenizer of your own, are read without it.
    on_progress : callable, optional
        Called with a `xw2v.training.Progress` after every batch.
    **options
        The fields of `xw2v.text.TextOptions`, about text: ``lowercase=False``,
        ``token_pattern=None``, ``column="text"``, ``phrases=0``, ``unk=None`` and others. And the
        hyperparameters, which are the fields of `TrainingConfig`: ``model="skipgram"``,
        ``output="negative"``, ``vector_size=100``, ``window=5``, ``min_count=5``,
        ``negative=5``, ``sample=1e-3``, ``optimizer="sgd"``, ``alpha=None``, ``epochs=5``,
        ``seed=1``, ``workers=None``,
        ``device="cpu"`` and the others; names and meanings are gensim's where gensim has them.
        gensim's own names of the models work as well: ``sg=1`` or ``sg=0`` for skip-gram or
        CBOW, and ``hs=1, negative=0`` for hierarchical softmax. Without ``sg`` it is skip-gram.

    Raises
    ------
    ConfigError
        If an option cannot work.
    TypeError
        If there is no such option.
    CorpusError
        If the text cannot be read or leaves too few words, or strings are single words.
    DeviceError
        If the device cannot be used.

    Examples
    --------
    >>> from xw2v import Word2Vec
    >>> sentences = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 50
    >>> model = Word2Vec(sentences, vector_size=8, min_count=1)
    >>> model.wv["cat"].shape
    (8,)
    >>> model = Word2Vec(sentences, vector_size=8, min_count=1, sg=0, hs=1, negative=0)
    >>> model.config.model, model.config.output
    ('cbow', 'hierarchical')
    """

    def __init__(
        self,
        sentences: Path | Iterable[Any] | None = None,
        *,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        init: WordVectors | Path | None = None,
        freeze_init: bool = False,
        checkpointing: Checkpointing | None = None,
        callbacks: Sequence[Any] = (),
        on_read: Callable[[ReadProgress], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> None:
        _check_names(options, {field.name for field in dataclasses.fields(TrainingConfig)})
        if freeze_init and init is None:
            raise ConfigError("freeze_init needs init: it says which vectors to leave")
        if sentences is None and not (init is None and checkpointing is None and not callbacks):
            raise ConfigError(
                "init, checkpointing and callbacks are about training, and there is no text: give "
                "sentences as well; train takes checkpointing and callbacks, too"
            )
        hyperparameters = {k: v for k, v in options.items() if k not in _TEXT_OPTIONS}
        self._text = _TextReader(
            {k: v for k, v in options.items() if k in _TEXT_OPTIONS}, tokenizer
        )
        # An encoded corpus has its own, where these are not given.
        self._limits = {name: options[name] for name in _LIMITS if name in options}
        if init is not None:
            init = init if isinstance(init, WordVectors) else read_vectors(init)
            hyperparameters.setdefault("vector_size", init.vector_size)
            check_size(hyperparameters, init.vector_size)
        self._config = TrainingConfig(**from_gensim(hyperparameters))
        self._saved: SavedModel | None = None
        get_device(self._config.device)  # before the text is read, not after
        if checkpointing is not None:
            checkpointing.check()
        if sentences is None:
            return
        text = self._text.read(sentences, self._config, on_read, **self._limits)
        self._settle(text)
        initial = None
        if init is not None:
            initial = initial_of_vectors(init, text.vocabulary, frozen=freeze_init)
        self._saved = train_model(
            text.vocabulary,
            text.corpus,
            self._config,
            initial=initial,
            checkpointing=checkpointing,
            callbacks=callbacks,
            notes=text.notes,
            on_progress=on_progress,
        )

    def build_vocab(
        self,
        sentences: Path | Iterable[Any],
        *,
        update: bool = False,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        on_read: Callable[[ReadProgress], None] | None = None,
        **options: Any,
    ) -> None:
        """Take the words of a text into the vocabulary, without training.

        Parameters
        ----------
        sentences
            As for the class.
        update : bool
            Add words to those that the model has: its words keep their vectors, however rare they
            are in the text, and what they occur there is added to their counts. New words that
            occur `min_count` times get vectors as at the beginning of training. Rows are in the
            order of the new counts.
        tokenizer, on_read, **options
            As for the class, the options about text; what is not given is as it was there.

        Raises
        ------
        ConfigError
            If there is a vocabulary and `update` is false, or the other way round.
        CorpusError
            As for the class.
        """
        if update != (self._saved is not None):
            raise ConfigError(
                "there is no vocabulary yet to add to: leave out update=True"
                if update
                else "the model has a vocabulary: update=True adds words to it"
            )
        base = None if self._saved is None else vocabulary_of(self._saved)
        text = self._text.changed(options, tokenizer).read(
            sentences, self._config, on_read, base, **self._limits
        )
        if not update:
            self._settle(text)
        vocabulary, config = text.vocabulary, self._config
        n_words, n_nodes = len(vocabulary), len(vocabulary) - 1
        w_in = np.zeros((n_words, config.vector_size), np.float32)
        hierarchical = config.output == "hierarchical"
        w_out = np.zeros((n_nodes if hierarchical else n_words, config.vector_size), np.float32)
        initialize(w_in, config, 0, n_words)
        if self._saved is not None:
            initial_of_model(self._saved, vocabulary, config).write(w_in, w_out)
        self._set(
            saved_model(
                vocabulary, text.corpus, config, {"input": w_in, "output": w_out}, (), text.notes
            )
        )

    def train(
        self,
        sentences: Path | Iterable[Any],
        *,
        total_examples: int | None = None,  # noqa: ARG002 - gensim has to be told
        total_words: int | None = None,  # noqa: ARG002
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        checkpointing: Checkpointing | None = None,
        callbacks: Sequence[Any] = (),
        on_read: Callable[[ReadProgress], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> None:
        """Train on, from the vectors that there are.

        Words that are not in the vocabulary are passed over; `build_vocab` with ``update=True``
        adds them before. The state of an optimizer is not kept between calls: see `Checkpointing`
        for that.

        Parameters
        ----------
        sentences
            As for the class.
        total_examples, total_words
            Not needed, and not looked at: gensim is told here what it cannot know.
        epochs : int, optional
            Passes over the text; as many as before if absent.
        start_alpha, end_alpha : float, optional
            Learning rate at the beginning and at the end; `alpha` and `min_alpha` if absent.
        tokenizer, checkpointing, callbacks, on_read, on_progress, **options
            As for the class, the options about text; what is not given is as it was there.

        Raises
        ------
        ConfigError
            If there is no vocabulary yet, or an option cannot work.
        CorpusError
            As for the class, or if no word of the text is in the vocabulary.
        """
        saved = self._trained()
        changes: dict[str, Any] = {
            "epochs": epochs,
            "alpha": start_alpha,
            "min_alpha": end_alpha,
        }
        config = dataclasses.replace(
            self._config, **{k: v for k, v in changes.items() if v is not None}
        )
        if checkpointing is not None:
            checkpointing.check()
        vocabulary = vocabulary_of(saved)
        reader = self._text.changed(options, tokenizer)
        limits = dict(self._limits)
        if reader.options.get("unk") is not None:
            limits["max_final_vocab"] = 1  # no new words: unk stands for frequent ones, too
        text = reader.read(sentences, config, on_read, vocabulary, **limits)
        corpus = encoded_with(text.vocabulary, text.corpus, vocabulary)
        if corpus.n_words == 0:
            raise CorpusError(
                "no word of the text is in the vocabulary: build_vocab with update=True adds them"
            )
        self._set(
            train_model(
                vocabulary,
                corpus,
                config,
                initial=initial_of_model(saved, vocabulary, config),
                checkpointing=checkpointing,
                callbacks=callbacks,
                notes=text.notes,
                on_progress=on_progress,
            )
        )

    def _settle(self, text: EncodedText) -> None:
        """Take the limits of the vocabulary from a text, which may have been encoded with them."""
        self._config = dataclasses.replace(
            self._config, min_count=text.min_count, max_final_vocab=text.max_final_vocab
        )

    def _trained(self) -> SavedModel:
        if self._saved is None:
            raise ConfigError("the model has no vocabulary yet: build_vocab takes one from a text")
        return self._saved

    def _set(self, model: SavedModel) -> None:
        self._saved = model
        self.__dict__.pop("wv", None)  # those of before

    @property
    def config(self) -> TrainingConfig:
        """The hyperparameters."""
        return self._config

    @property
    def epochs(self) -> int:
        """Passes over a text."""
        return self._config.epochs

    @property
    def corpus_count(self) -> int:
        """Sentences of the text that was read last."""
        return int(self._trained().corpus.get("sentences", 0))

    @cached_property
    def wv(self) -> WordVectors:
        """The word vectors: the rows that the hyperparameter `vectors` names."""
        return self._trained().word_vectors()

    @property
    def output_vectors(self) -> NDArray[np.float32]:
        """The output matrix, shape (V, D), with a row for each word; gensim's ``syn1neg``.

        For hierarchical softmax it is gensim's ``syn1``: the V - 1 rows are those of the inner
        nodes of the tree, the root last.
        """
        return self._trained().output_vectors

    @property
    def loss_history(self) -> tuple[LossRecord, ...]:
        """The loss in the course of training."""
        records: Any = self._trained().loss_history
        return tuple(LossRecord(**record) for record in records)

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write a model directory.

        Parameters
        ----------
        path : path
            The directory to make.
        overwrite : bool
            Replace a model that is there.

        Raises
        ------
        ModelFileError
            If something is there already, or it cannot be written.
        """
        save_trained(path, self._trained(), overwrite=overwrite)

    @classmethod
    def load(cls, path: Path, vectors: Vectors | None = None) -> Self:
        """Read a model directory.

        Parameters
        ----------
        path : path
            A directory that `save` or ``xw2v train`` wrote.
        vectors : {"input", "output", "mean", "concat"}, optional
            What `wv` and `config.vectors` are to be; None leaves what was chosen in training.

        Raises
        ------
        ModelFileError
            If it is not a whole model.
        ConfigError
            If the model has no such word vectors.
        """
        model = cls.__new__(cls)
        saved = load_model(path, vectors)
        model._saved, model._config = saved, saved.config  # noqa: SLF001 - this class's own
        model._text, model._limits = _TextReader({}, None), {}  # noqa: SLF001
        return model


@dataclass(frozen=True)
class _TextReader:
    """How a model reads text."""

    options: Mapping[str, Any]
    tokenizer: Callable[[str], Iterable[str]] | None

    def changed(
        self, options: Mapping[str, Any], tokenizer: Callable[[str], Iterable[str]] | None
    ) -> "_TextReader":
        """Return the same with other options."""
        _check_names(options)
        return _TextReader({**self.options, **options}, tokenizer or self.tokenizer)

    def read(
        self,
        sentences: Path | Iterable[Any],
        config: TrainingConfig,
        on_read: Callable[[ReadProgress], None] | None,
        base: Vocabulary | None = None,
        **limits: int | None,
    ) -> EncodedText:
        """Read a text, with the words of a vocabulary."""
        if isinstance(sentences, (str, os.PathLike)) and is_model(sentences):
            raise CorpusError(
                f"{os.fspath(sentences)} is a model, not text; Word2Vec.load opens it"
            )
        return encode_any(
            sentences,
            TextOptions(**self.options),
            tokenizer=self.tokenizer,
            workers=config.workers,
            progress=on_read,
            base=base,
            **limits,
        )


def _check_names(options: Iterable[str], hyperparameters: Iterable[str] = ()) -> None:
    """Raise a TypeError, as Python does, if there is no such option."""
    known = {*_TEXT_OPTIONS, *hyperparameters, *(("sg", "hs") if hyperparameters else ())}
    for name in options:
        if name not in known:
            alike = [other for other in sorted(known) if name in other.split("_")]
            alike = alike or get_close_matches(name, known, n=2)
            hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
            raise TypeError(f"Word2Vec has no option {name!r}{hint}")


def train_model(
    vocabulary: Vocabulary,
    corpus: EncodedCorpus,
    config: TrainingConfig,
    *,
    initial: InitialVectors | None = None,
    checkpointing: Checkpointing | None = None,
    callbacks: Sequence[Any] = (),
    notes: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    profile: Profile | None = None,
) -> SavedModel:
    """Train on an encoded corpus and put the result together with what it came from.

    Parameters
    ----------
    vocabulary : Vocabulary
        The one that encoded the corpus.
    corpus : EncodedCorpus
    config : TrainingConfig
    initial : InitialVectors, optional
        Vectors to begin with, in place of random ones.
    checkpointing : Checkpointing, optional
        Whether the run is kept in checkpoints, or begins with one.
    callbacks : sequence of xw2v.training.Callback
        Look on, and may stop the run.
    notes : mapping, optional
        Plain values to keep with the model, about where the corpus came from.
    on_progress : callable, optional
        Called with a `xw2v.training.Progress` after every batch.
    profile : xw2v.backend.Profile, optional
        Counts where the time goes.

    Returns
    -------
    SavedModel

    Raises
    ------
    ConfigError
        If a word to be frozen is not in the vocabulary, or the run cannot be resumed.
    TrainingInterruptedError
        If the run was asked to end.
    """
    unknown = [word for word in config.frozen if word not in vocabulary.index]
    if unknown:
        raise ConfigError(
            f"frozen must be words of the vocabulary, which {unknown[0]!r} is not: check its "
            "spelling, min_count and max_final_vocab"
        )
    notes, start = dict(notes or {}), None
    if checkpointing is not None:
        if checkpointing.resume:
            start = resume_state(checkpointing, corpus, vocabulary, config, initial)
            every = checkpointing.every or interval_of(checkpointing.path)
            checkpointing = dataclasses.replace(checkpointing, every=every)
        callbacks = [*callbacks, Checkpointer(checkpointing, initial, notes)]
    result = train(
        corpus,
        vocabulary,
        config,
        initial=initial,
        start=start,
        callbacks=callbacks,
        on_progress=on_progress,
        profile=profile,
    )
    notes["training_seconds"] = result.seconds
    if result.device_memory is not None:
        notes["device_memory"] = result.device_memory
    if result.stopped is not None:
        notes |= {"stopped": result.stopped, "trained_epochs": result.words / corpus.n_words}
    if result.evaluations:
        notes["evaluations"] = [dataclasses.asdict(one) for one in result.evaluations]
    tables = {"input": result.w_in, "output": result.w_out}
    return saved_model(vocabulary, corpus, config, tables, result.losses, notes)


def save_trained(path: Path, model: SavedModel, *, overwrite: bool = False) -> None:
    """Write a model directory with a picture of the loss, ``loss.png``, in it.

    Parameters
    ----------
    path : path
        The directory to make.
    model : SavedModel
    overwrite : bool
        Replace a model that is there.

    Raises
    ------
    ModelFileError
        As for `xw2v.formats.save_model`.
    """
    pictures = {"loss.png": partial(plot_loss, model.loss_history)}
    save_model(path, model, overwrite=overwrite, pictures=pictures)

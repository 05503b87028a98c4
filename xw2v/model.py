"""`Word2Vec`: text in, vectors out, in one object."""

import dataclasses
import os
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from xw2v.backend import Profile, get_device
from xw2v.config import TrainingConfig, Vectors, from_gensim
from xw2v.errors import ConfigError, CorpusError
from xw2v.formats import SavedModel, is_model, load_model, save_model
from xw2v.plots import plot_loss
from xw2v.text import EncodedCorpus, ReadProgress, TextOptions, Vocabulary, encode_any
from xw2v.training import LossRecord, Progress, train
from xw2v.vectors import WordVectors

__all__ = ["Word2Vec", "save_trained", "train_model"]

Path = str | os.PathLike[str]


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
        words are taken as they are. Everything is read once, so a generator will do.
    tokenizer : callable, optional
        Gives the words of a line of text (with ``sentence_ends="document"`` of a document); in
        place of the options about words.
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
        sentences: Path | Iterable[Any],
        *,
        tokenizer: Callable[[str], Iterable[str]] | None = None,
        on_read: Callable[[ReadProgress], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> None:
        of_text = {field.name for field in dataclasses.fields(TextOptions)}
        _check_names(options, of_text)
        text_options = TextOptions(**{k: v for k, v in options.items() if k in of_text})
        hyperparameters = {k: v for k, v in options.items() if k not in of_text}
        config = TrainingConfig(**from_gensim(hyperparameters))
        get_device(config.device)  # before the text is read, not after
        if isinstance(sentences, (str, os.PathLike)) and is_model(sentences):
            raise CorpusError(
                f"{os.fspath(sentences)} is a model, not text; Word2Vec.load opens it"
            )
        text = encode_any(
            sentences,
            text_options,
            tokenizer=tokenizer,
            workers=config.workers,
            progress=on_read,
            # An encoded corpus has its own, where these are not given.
            **{name: options[name] for name in ("min_count", "max_final_vocab") if name in options},
        )
        self._saved = train_model(
            text.vocabulary,
            text.corpus,
            dataclasses.replace(
                config, min_count=text.min_count, max_final_vocab=text.max_final_vocab
            ),
            notes=text.notes,
            on_progress=on_progress,
        )

    @property
    def config(self) -> TrainingConfig:
        """The hyperparameters."""
        return self._saved.config

    @cached_property
    def wv(self) -> WordVectors:
        """The word vectors: the rows that the hyperparameter `vectors` names."""
        return self._saved.word_vectors()

    @property
    def output_vectors(self) -> NDArray[np.float32]:
        """The output matrix, shape (V, D), with a row for each word; gensim's ``syn1neg``.

        For hierarchical softmax it is gensim's ``syn1``: the V - 1 rows are those of the inner
        nodes of the tree, the root last.
        """
        return self._saved.output_vectors

    @property
    def loss_history(self) -> tuple[LossRecord, ...]:
        """The loss in the course of training."""
        records: Any = self._saved.loss_history
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
        save_trained(path, self._saved, overwrite=overwrite)

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
        model._saved = load_model(path, vectors)  # noqa: SLF001 - this class's own
        return model


def _check_names(options: Iterable[str], of_text: set[str]) -> None:
    """Raise a TypeError, as Python does, if there is no such option."""
    known = {*of_text, *(field.name for field in dataclasses.fields(TrainingConfig)), "sg", "hs"}
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
    notes: dict[str, Any] | None = None,
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
    notes : dict, optional
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
        If a word to be frozen is not in the vocabulary.
    """
    unknown = [word for word in config.frozen if word not in vocabulary.index]
    if unknown:
        raise ConfigError(
            f"frozen must be words of the vocabulary, which {unknown[0]!r} is not: check its "
            "spelling, min_count and max_final_vocab"
        )
    parameters = train(corpus, vocabulary, config, on_progress=on_progress, profile=profile)
    return SavedModel(
        words=vocabulary.words,
        counts=vocabulary.counts,
        input_vectors=parameters.w_in,
        output_vectors=parameters.w_out,
        config=config,
        corpus={
            **(notes or {}),
            "words": corpus.n_words,
            "raw_words": corpus.raw_words,
            "sentences": corpus.n_sentences,
            "training_seconds": parameters.seconds,
        },
        loss_history=tuple(dataclasses.asdict(record) for record in parameters.losses),
    )


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

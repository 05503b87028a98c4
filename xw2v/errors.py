"""The errors that xw2v raises on purpose.

Every message names the file, line, word or option at fault and says what to do about it.
"""

from collections.abc import Sequence

__all__ = [
    "ConfigError",
    "CorpusError",
    "DeviceError",
    "ModelFileError",
    "NewerFormatError",
    "TrainingError",
    "UnknownWordError",
    "XW2VError",
]


class XW2VError(Exception):
    """Base class of every error that xw2v raises on purpose."""


class ConfigError(XW2VError, ValueError):
    """A hyperparameter or option has a value that cannot work."""


class CorpusError(XW2VError):
    """The text cannot be read, or holds nothing to train on."""


class DeviceError(XW2VError):
    """The device asked for cannot be used."""


class ModelFileError(XW2VError):
    """A model or vector file cannot be read or written."""


class NewerFormatError(ModelFileError):
    """A file was written by a newer version of xw2v."""


class TrainingError(XW2VError):
    """Training could not go on."""


class UnknownWordError(XW2VError, KeyError):
    """A word is not in the vocabulary.

    Parameters
    ----------
    word : str
        The word asked for.
    suggestions : sequence of str, optional
        Words of the vocabulary that are spelled alike, closest first.

    Attributes
    ----------
    word : str
    suggestions : tuple of str
    """

    def __init__(self, word: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__(word)
        self.word = word
        self.suggestions = tuple(suggestions)

    def __str__(self) -> str:
        hint = f"; did you mean {', '.join(self.suggestions)}?" if self.suggestions else ""
        return f"{self.word!r} is not in the vocabulary{hint}"

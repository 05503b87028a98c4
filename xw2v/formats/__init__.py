"""Files: every reader and writer of vectors and models."""

from xw2v.formats.model_directory import (
    SavedModel,
    check_writable,
    is_model,
    load_model,
    load_vocabulary,
    load_word_vectors,
    save_model,
)
from xw2v.formats.word2vec import write_word2vec_text

__all__ = [
    "SavedModel",
    "check_writable",
    "is_model",
    "load_model",
    "load_vocabulary",
    "load_word_vectors",
    "save_model",
    "write_word2vec_text",
]

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
from xw2v.formats.vector_files import (
    READABLE,
    WRITABLE,
    format_of_name,
    load_vectors,
    read_vectors,
    write_vectors,
)
from xw2v.formats.word2vec import write_word2vec_text

__all__ = [
    "READABLE",
    "WRITABLE",
    "SavedModel",
    "check_writable",
    "format_of_name",
    "is_model",
    "load_model",
    "load_vectors",
    "load_vocabulary",
    "load_word_vectors",
    "read_vectors",
    "save_model",
    "write_vectors",
    "write_word2vec_text",
]

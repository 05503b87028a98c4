"""Text becomes token ids: sources and tokenizers, the vocabulary, the encoded corpus."""

from xw2v.text.anything import encode_any
from xw2v.text.builtin import builtin_sentences
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import ReadProgress, encode_files, encode_sentences, encode_texts
from xw2v.text.options import TextOptions
from xw2v.text.vocabulary import Vocabulary

__all__ = [
    "EncodedCorpus",
    "ReadProgress",
    "TextOptions",
    "Vocabulary",
    "builtin_sentences",
    "encode_any",
    "encode_files",
    "encode_sentences",
    "encode_texts",
]

"""Text becomes token ids: files and sentences, the vocabulary, the encoded corpus."""

from xw2v.text.builtin import builtin_sentences
from xw2v.text.corpus import EncodedCorpus
from xw2v.text.encode import encode_files, encode_sentences
from xw2v.text.vocabulary import Vocabulary

__all__ = [
    "EncodedCorpus",
    "Vocabulary",
    "builtin_sentences",
    "encode_files",
    "encode_sentences",
]

"""A map of the words: one page for a browser, which needs no network and no server."""

from xw2v.maps.page import render_map, require_library, write_map
from xw2v.maps.word_map import Step, WordMap, make_map

__all__ = [
    "Step",
    "WordMap",
    "make_map",
    "render_map",
    "require_library",
    "write_map",
]

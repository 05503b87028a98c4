"""The page: the template, the library that draws, and the words, in one file.

Nothing in it comes from the network, and its Content-Security-Policy forbids it to ask: scripts
run only if their SHA-256 sums are in the policy, so that no word can become one.
"""

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xw2v.atomic import replacing_file
from xw2v.errors import ConfigError, ModelFileError
from xw2v.maps.word_map import WordMap

__all__ = ["render_map", "require_library", "write_map"]

# What could end a script element, is a line end to some readers, or is no character of UTF-8.
_UNSAFE = re.compile("[<>&\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
# Places are whole numbers up to here, along the longer side of the map.
_SIDE = 65_535
# Similarities are whole numbers of this many parts.
_PARTS = 10_000


def require_library() -> None:
    """Raise unless the library that draws is there; to be called before the work is done.

    Raises
    ------
    ConfigError
        If it is not, saying what to install.
    """
    try:
        import bokeh  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            f'the map is drawn by Bokeh, which is not installed ({error}); pip install "xw2v[map]"'
        ) from error


def write_map(word_map: WordMap, path: str | PathLike[str], title: str = "words") -> int:
    """Write a map as one page, which replaces a file of that name once it is complete.

    Parameters
    ----------
    word_map : WordMap
    path : path
    title : str
        What the words are of: the name of the model.

    Returns
    -------
    int
        The size of the page in bytes.

    Raises
    ------
    ConfigError
        If Bokeh is not installed.
    ModelFileError
        If the file cannot be written.
    """
    content = render_map(word_map, title)
    try:
        with replacing_file(Path(path)) as file:
            file.write(content)
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error
    return len(content)


def render_map(word_map: WordMap, title: str = "words") -> bytes:
    """Return the page of a map; the same map and versions give the same bytes.

    Raises
    ------
    ConfigError
        If Bokeh is not installed.
    """
    require_library()
    library, script = _library(), _template("map.js")
    values = {
        "policy": _policy(library, script),
        "title": html.escape(_printable(title)),
        "style": _template("map.css"),
        "data": _data(word_map, title),
        "library": library,
        "script": script,
    }
    # One pass: what is put in is not searched for placeholders again.
    page = _PLACEHOLDER.sub(lambda match: values[match[1]], _template("map.html"))
    return page.encode()


def _template(name: str) -> str:
    text = files("xw2v.maps").joinpath(name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _library() -> str:
    """Return BokehJS with its WebGL part, as the Python package ships it."""
    from bokeh.resources import Resources  # noqa: PLC0415

    resources = Resources(
        mode="inline",
        components=["bokeh", "bokeh-gl", "bokeh-api"],
        log_level="error",
        minified=True,
    )
    # Browsers count line ends of any kind as "\n" when they check the sum.
    source = "\n".join(resources.js_raw).replace("\r\n", "\n")
    if "</script" in source.lower() or "<!--" in source:
        raise ConfigError("this version of Bokeh cannot be put into a page; install another one")
    return source


def _policy(*scripts: str) -> str:
    sums = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{text}'" for text in sums)
    # Bokeh makes its style elements as it runs, and for WebGL it compiles functions of its own:
    # without 'unsafe-eval' it would draw on a plain canvas, slowly. No word gets near either.
    return (
        f"default-src 'none'; script-src {allowed} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _data(word_map: WordMap, title: str) -> str:
    """Return everything about the words as JSON that may stand in a script element."""
    neighborhoods, clusters = word_map.neighborhoods, word_map.clusters
    n = len(word_map.words)
    places, width, height = _grid(word_map.places)
    document = {
        "title": title,
        "words": word_map.words,
        "counts": word_map.counts,
        "places": _packed(places, "<u2"),
        "width": width,
        "height": height,
        "each": int(neighborhoods.rows.shape[1]),
        "wide": n > 2**16,
        "neighbors": _packed(neighborhoods.rows, "<u4" if n > 2**16 else "<u2"),
        "similarities": _packed(np.rint(neighborhoods.similarities * _PARTS), "<i2"),
        "parts": _PARTS,
        "clusters": _packed(clusters.labels, "<u1"),
        "clusterNames": clusters.names,
        "vocabulary": word_map.vocabulary,
        "vectorSize": word_map.vector_size,
        "layout": word_map.layout,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _grid(places: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int, int]:
    """Return places in whole numbers from (0, 0), and the sides of the map."""
    places = places - places.min(axis=0)
    extent = places.max(axis=0)
    scale = _SIDE / max(float(extent.max()), 1e-300)
    grid = np.rint(places * scale)
    width, height = (int(side) for side in grid.max(axis=0))
    return grid, width, height


def _packed(numbers: npt.NDArray[np.generic], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype=dtype).tobytes()).decode()


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()

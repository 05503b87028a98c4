import base64
import hashlib
import html.parser
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.maps.conftest import topic_vectors
from xw2v.errors import ConfigError, ModelFileError
from xw2v.maps import WordMap, make_map, page, render_map, write_map
from xw2v.vectors import WordVectors

pytest.importorskip("bokeh", reason="Bokeh, which draws the map, is not installed")

NASTY = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "{{library}}",
    "a\u2028b\u2029c",
    "\ud800",
    "&amp;",
    '"\\',
    "\x00\x7f\x85",
    "\ufeff\uffff",
    "שלום",
    "语言",
    "😀",
]


class Parts(html.parser.HTMLParser):
    """The scripts of a page, and what its elements refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.links: list[str] = []
        self.policy = self.title = ""
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._within = tag
        if tag == "script":
            self.scripts.append((found, ""))
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(found["content"])
        self.links += [str(found[name]) for name in ("src", "href") if name in found]

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            attributes, text = self.scripts.pop()
            self.scripts.append((attributes, text + data))
        if self._within == "title":
            self.title += data


def unpack(text: str, dtype: str) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def document_of(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Parts(content.decode()).scripts[0][1])
    return found


@pytest.fixture(scope="module")
def drawn() -> WordMap:
    return make_map(topic_vectors(300), words=200, clusters=6)


def test_the_words_and_all_about_them(drawn: WordMap) -> None:
    wv = topic_vectors(300)
    assert wv.counts is not None
    document = document_of(render_map(drawn, "a model"))
    assert document["title"] == "a model"
    assert document["words"] == wv.index_to_key[:200]
    assert document["counts"] == wv.counts[:200].tolist()
    assert (document["vocabulary"], document["vectorSize"]) == (300, 16)
    assert document["layout"] == drawn.layout
    neighbors = unpack(document["neighbors"], "<u2").reshape(200, document["each"])
    similarities = unpack(document["similarities"], "<i2").reshape(200, 10) / document["parts"]
    for row in (0, 7, 199):
        expected = wv.most_similar(wv.index_to_key[row], restrict_vocab=200)
        assert [wv.index_to_key[i] for i in neighbors[row]] == [word for word, _ in expected]
        np.testing.assert_allclose(similarities[row], [s for _, s in expected], atol=6e-5)
    places = unpack(document["places"], "<u2").reshape(200, 2)
    assert places.min(axis=0).tolist() == [0, 0]
    assert places.max(axis=0).tolist() == [document["width"], document["height"]]
    assert places.max() == 65_535
    for axis in (0, 1):
        assert np.corrcoef(places[:, axis], drawn.places[:, axis])[0, 1] > 0.9999
    clusters = unpack(document["clusters"], "<u1")
    assert clusters.tolist() == drawn.clusters.labels.tolist()
    assert document["clusterNames"] == drawn.clusters.names


def test_clusters_go_around_the_map(drawn: WordMap) -> None:
    middle = drawn.places.mean(axis=0)
    labels = drawn.clusters.labels
    means = [drawn.places[labels == i].mean(axis=0) - middle for i in range(labels.max() + 1)]
    angles = [np.arctan2(y, x) for x, y in means]
    assert angles == sorted(angles)
    for i, rows in enumerate(drawn.clusters.names):
        assert all(labels[row] == i for row in rows)


def test_the_same_bytes_every_time(drawn: WordMap) -> None:
    again = make_map(topic_vectors(300), words=200, clusters=6)
    assert render_map(drawn, "m") == render_map(again, "m")


def test_nothing_comes_from_elsewhere(drawn: WordMap) -> None:
    text = render_map(drawn).decode()
    parts = Parts(text)
    assert all(link.startswith(("data:,", "#")) for link in parts.links)
    assert len(parts.scripts) == 3
    # Not one of the project's own: neither an import nor an address.
    shell = text.replace(parts.scripts[1][1], "")
    assert not re.search(r"https?:|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket", shell)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", shell)


def test_the_policy_allows_the_scripts_of_the_page_only(drawn: WordMap) -> None:
    parts = Parts(render_map(drawn).decode())
    rules = {rule.split()[0]: rule.split()[1:] for rule in parts.policy.split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert "connect-src" not in rules
    assert rules["img-src"] == ["data:", "blob:"]
    (_, _), (_, library), (_, script) = parts.scripts
    sums = [hashlib.sha256(source.encode()).digest() for source in (library, script)]
    expected = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in sums]
    assert rules["script-src"] == [*expected, "'unsafe-eval'"]


def test_words_cannot_become_anything_else() -> None:
    wv = WordVectors(NASTY, topic_vectors(len(NASTY)).vectors)
    content = render_map(make_map(wv), "<b>{{data}}</b>\ud800")
    parts = Parts(content.decode())
    assert [attributes for attributes, _ in parts.scripts] == [
        {"type": "application/json", "id": "data"},
        {},
        {},
    ]
    assert parts.title == "Map of <b>{{data}}</b>?"
    document = document_of(content)
    assert document["words"] == NASTY
    assert document["counts"] is None
    data = parts.scripts[0][1]
    assert not set("<>&\u2028\u2029\x00\x7f\x85\ufeff\uffff") & set(data)
    assert "语言" in data  # letters stay as they are, which is shorter


@pytest.mark.parametrize("words", [1, 2, 11])
def test_few_words(words: int) -> None:
    document = document_of(render_map(make_map(topic_vectors(words))))
    assert document["each"] == min(10, words - 1)
    assert len(unpack(document["neighbors"], "<u2")) == words * document["each"]
    assert len(unpack(document["places"], "<u2")) == 2 * words


def test_more_words_than_two_bytes_can_number(drawn: WordMap) -> None:
    n = 70_000
    rows = np.full((n, 1), n - 1)
    large = replace(
        drawn,
        words=[f"w{i}" for i in range(n)],
        counts=None,
        places=np.zeros((n, 2)),
        neighborhoods=type(drawn.neighborhoods)(rows, np.ones((n, 1), dtype=np.float32)),
        clusters=type(drawn.clusters)(np.zeros(n, dtype=np.int64), [[0]]),
    )
    document = document_of(render_map(large))
    assert document["wide"] is True
    assert set(unpack(document["neighbors"], "<u4").tolist()) == {n - 1}
    assert (document["width"], document["height"]) == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": 0}, "words must be at least 1, not 0"),
        ({"clusters": 0}, "clusters must be from 1 to 100, not 0"),
        ({"clusters": 101}, "clusters must be from 1 to 100, not 101"),
        ({"method": "lda"}, "method must be one of pca, umap, tsne, not 'lda'"),
    ],
    ids=["words", "no clusters", "clusters", "method"],
)
def test_arguments_that_cannot_work(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        make_map(topic_vectors(20), **options)
    assert str(error.value) == message


def test_no_words() -> None:
    with pytest.raises(ConfigError, match="there are no words"):
        make_map(WordVectors([], np.zeros((0, 4), dtype=np.float32)))


def test_steps_are_told() -> None:
    steps: list[tuple[str, float]] = []
    make_map(topic_vectors(50), on_step=lambda name, percent: steps.append((name, percent)))
    assert steps == [("layout", 0), ("clusters", 0), ("neighbors", 0), ("neighbors", 100)]


def test_what_was_there_stays_if_writing_fails(
    drawn: WordMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "map.html"
    size = write_map(drawn, path)
    before = path.read_bytes()
    assert len(before) == size

    def fail(path: Path) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "replacing_file", fail)
    with pytest.raises(ModelFileError) as error:
        write_map(drawn, path)
    assert str(error.value) == f"cannot write {path}: No space left on device"
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["map.html"]


def test_a_library_that_is_missing(
    drawn: WordMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bokeh", None)
    with pytest.raises(ConfigError, match=r'drawn by Bokeh.*; pip install "xw2v\[map\]"$'):
        write_map(drawn, tmp_path / "map.html")
    assert not list(tmp_path.iterdir())


def test_a_library_that_cannot_be_put_into_a_page(
    drawn: WordMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bokeh.resources import Resources

    monkeypatch.setattr(Resources, "js_raw", ["x = '</SCRIPT>'"])
    with pytest.raises(ConfigError, match="this version of Bokeh cannot be put into a page"):
        render_map(drawn)

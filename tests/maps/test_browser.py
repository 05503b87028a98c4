"""The page in a real browser: as a person with a mouse, and one without, would use it."""

from pathlib import Path

import pytest

from tests.maps.conftest import Browser, topic_vectors
from tests.maps.test_page import NASTY
from xw2v.maps import make_map, write_map
from xw2v.vectors import WordVectors

TAB, ENTER, ESCAPE, DOWN, UP, RIGHT, LEFT = (
    *("\ue004", "\ue007", "\ue00c", "\ue015", "\ue013", "\ue014", "\ue012"),
)
SHIFT = "\ue008"


@pytest.fixture(scope="module")
def wv() -> WordVectors:
    return topic_vectors(400)


@pytest.fixture(scope="module")
def written(wv: WordVectors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("bokeh", reason="Bokeh, which draws the map, is not installed")
    path = tmp_path_factory.mktemp("map") / "map.html"
    write_map(make_map(wv, clusters=6), path, "a model")
    return path


@pytest.fixture
def opened(browser: Browser, written: Path) -> Browser:
    browser.driver.set_window_size(1200, 800)
    browser.prefer("light")
    browser.open(written)
    return browser


def near(browser: Browser) -> list[tuple[str, str]]:
    """Return the neighbors that are listed, and their similarities."""
    lines = [button.text.split("\n") for button in browser.elements("#near button")]
    return [(word, similarity) for word, similarity in lines]


def expected(wv: WordVectors, word: str) -> list[tuple[str, str]]:
    return [(word, f"{score:.2f}") for word, score in wv.most_similar(word)]


def test_it_opens_from_the_disk_and_asks_for_nothing(opened: Browser, written: Path) -> None:
    assert opened.ask("document.title") == "Map of a model"
    assert opened.messages() == []
    others = [url for url in opened.requests() if not url.startswith("data:")]
    assert others == [written.as_uri()]
    about = opened.element("about").text
    assert about.startswith("All 400 words, 16 dimensions, laid out by principal components 1 and")
    # The policy is in force: even what is asked for by hand is refused.
    refused = opened.driver.execute_async_script(
        "const done = arguments[0];fetch('data:,x').then(() => done('sent'), () => done('refused'))"
    )
    assert refused == "refused"
    assert any("Content Security Policy" in message for message in opened.messages())


def test_points_are_drawn_by_webgl(opened: Browser) -> None:
    drawn = opened.driver.execute_script("""
        const canvases = [];
        const search = (root) => root.querySelectorAll("*").forEach((element) => {
          if (element.tagName === "CANVAS") canvases.push(element);
          if (element.shadowRoot) search(element.shadowRoot);
        });
        search(document.getElementById("points"));
        const colors = new Set();
        for (const canvas of canvases) {
          const { width, height } = canvas;
          const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
          for (let i = 0; i < pixels.length; i += 4) {
            if (pixels[i + 3] > 200) {
              colors.add(`${pixels[i] >> 5} ${pixels[i + 1] >> 5} ${pixels[i + 2] >> 5}`);
            }
          }
        }
        const view = Bokeh.index.roots.find((root) => root.canvas_view);
        return [colors.size, [...view.renderer_views.values()].some((part) => part.has_webgl)];
    """)
    assert drawn[0] >= 6  # at least the colors of the clusters
    assert drawn[1], "Bokeh has fallen back to a plain canvas"


def test_search(opened: Browser, wv: WordVectors) -> None:
    word = next(word for word in wv.index_to_key[20:] if word.startswith("t3"))
    search = opened.element("search")
    search.send_keys(word.upper()[:2])
    options = opened.elements("#suggestions [role=option]")
    words = [found for found in wv.index_to_key if found.startswith("t3")][:10]
    assert [option.text.split("\n")[0] for option in options] == words
    assert search.get_attribute("aria-expanded") == "true"
    search.send_keys(word[2:], ENTER)
    assert opened.ask("wordMap.selected") == word
    assert opened.element("word-name").text == word
    assert near(opened) == expected(wv, word)
    assert "rank" in opened.element("word-facts").text
    assert opened.element("status").get_attribute("textContent").startswith(f"{word}. Nearest")
    assert search.get_attribute("aria-expanded") == "false"
    assert opened.ask("location.hash") == f"#word={word}"


def test_a_neighbor_leads_on_and_back(opened: Browser, wv: WordVectors) -> None:
    first = wv.index_to_key[0]
    opened.element("search").send_keys(first, ENTER)
    second = wv.most_similar(first)[4][0]
    opened.elements("#near button")[4].click()
    assert opened.ask("wordMap.selected") == second
    assert near(opened) == expected(wv, second)
    opened.driver.back()
    opened.wait(f"wordMap.selected === '{first}'")
    opened.element("word-close").click()
    assert opened.ask("wordMap.selected") is None
    assert not opened.element("word").is_displayed()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "is_found"), [("t3w", True), ("zzzzzzzz", False)], ids=["swapped", "nothing alike"]
)
def test_words_spelled_alike(opened: Browser, wv: WordVectors, typed: str, is_found: bool) -> None:
    word = next(word for word in wv.index_to_key[100:] if word.startswith("t3"))
    opened.element("search").send_keys(typed.replace("t3w", "3tw" + word[3:]))
    options = opened.elements("#suggestions [role=option]")
    if is_found:
        assert word in [option.text.split("\n")[0] for option in options]
    else:
        assert [option.text for option in options] == ["No such word"]
        opened.type(ENTER)
        assert opened.ask("wordMap.selected") is None
        assert opened.element("status").get_attribute("textContent") == "No word is like zzzzzzzz"


def test_by_the_keyboard_alone(opened: Browser, wv: WordVectors) -> None:
    def focus() -> str:
        return str(opened.ask("document.activeElement.id"))

    opened.type("/")
    assert focus() == "search"
    opened.type("t", DOWN, DOWN, UP, DOWN)
    second = wv.index_to_key[1]
    active = opened.element("search").get_attribute("aria-activedescendant")
    assert opened.element(active).text.split("\n")[0] == second
    assert opened.element(active).get_attribute("aria-selected") == "true"
    assert opened.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    opened.type(ENTER)
    assert (focus(), opened.ask("wordMap.selected")) == ("word-name", second)
    opened.type(TAB)
    assert focus() == "word-show"
    opened.type(TAB)
    assert focus() == "word-close"
    opened.type(TAB)
    neighbor = wv.most_similar(second)[0][0]
    assert opened.ask("document.activeElement.textContent").startswith(neighbor)
    opened.type(ENTER)
    assert opened.ask("wordMap.selected") == neighbor
    assert focus() == "word-name"
    for _ in range(30):
        opened.type(SHIFT + TAB)
        if focus() == "overlay":
            break
    assert focus() == "overlay"
    opened.type(ESCAPE)
    assert opened.ask("wordMap.selected") is None
    opened.type("0")
    before = opened.ask("wordMap.view")
    opened.type("+", "+", RIGHT, RIGHT, UP)
    after = opened.ask("wordMap.view")
    assert after["zoom"] == pytest.approx(before["zoom"] * 1.5**2)
    assert after["x"] > before["x"]
    assert after["y"] > before["y"]
    opened.type(ENTER)
    assert opened.ask("wordMap.selected") in wv
    assert focus() == "word-name"
    assert opened.messages() == []


@pytest.mark.slow
def test_everything_has_a_name(opened: Browser) -> None:
    opened.driver.execute_script("document.getElementById('list').open = true")
    opened.element("search").send_keys("t", ENTER)
    controls = opened.elements("button, input, select, canvas, section, aside, summary, li button")
    nameless = [
        c.get_attribute("outerHTML")
        for c in controls
        if c.is_displayed() and not c.accessible_name and c.tag_name not in ("section", "canvas")
    ]
    assert nameless == []
    assert opened.element("search").aria_role == "combobox"
    assert opened.element("suggestions").get_attribute("role") == "listbox"


def test_the_pointer(opened: Browser, wv: WordVectors) -> None:
    opened.element("overlay").send_keys("0", *"+++")
    opened.wait("wordMap.isDrawn")
    word = opened.ask(
        "wordMap.words.find((w) => { const p = wordMap.position(w);"
        " return p.x > 300 && p.x < 600 && p.y > 300 && p.y < 600; })"
    )
    place = opened.ask("wordMap.position(arguments[0])", word)
    opened.mouse("mouseMoved", place["x"], place["y"])
    opened.wait("!document.getElementById('tip').hidden")
    assert opened.element("tip").text.split("\n")[0] == word
    before = opened.ask("wordMap.view")
    opened.click(place["x"], place["y"])
    assert opened.ask("wordMap.selected") == word
    assert near(opened) == expected(wv, word)
    assert opened.ask("wordMap.view") == before
    opened.mouse("mousePressed", 400, 400, button="left", buttons=1, clickCount=1)
    for step in range(1, 6):
        opened.mouse("mouseMoved", 400 + 20 * step, 400, button="left", buttons=1)
    opened.mouse("mouseReleased", 500, 400, button="left", clickCount=1)
    moved = opened.ask("wordMap.position(arguments[0])", word)
    assert moved["x"] - place["x"] == pytest.approx(100, abs=1)
    assert moved["y"] == pytest.approx(place["y"], abs=1)
    assert opened.ask("wordMap.selected") == word
    # What is under the pointer stays there as one zooms.
    opened.driver.execute_script(
        "const [x, y] = arguments; document.getElementById('overlay').dispatchEvent(new WheelEvent("
        "'wheel', { deltaY: -100, clientX: x, clientY: y, bubbles: true, cancelable: true }))",
        *(moved["x"], moved["y"]),
    )
    assert opened.ask("wordMap.view.zoom") > before["zoom"]
    zoomed = opened.ask("wordMap.position(arguments[0])", word)
    assert zoomed == {"x": pytest.approx(moved["x"], abs=1), "y": pytest.approx(moved["y"], abs=1)}


def distances(browser: Browser) -> list[float]:
    """Return how far, in pixels, the library's places of words are from those of the labels."""
    found: list[float] = browser.driver.execute_script("""
        const box = document.getElementById("points").getBoundingClientRect();
        const plot = Bokeh.index.roots.find((root) => root.canvas_view).model;
        const data = plot.renderers[0].data_source.data;
        const { x_range: xs, y_range: ys } = plot;
        return [0, 5, 200].map((row) => {
          const at = wordMap.words.length - 1 - row;
          const { x, y } = wordMap.position(wordMap.words[row]);
          const right = (data.x[at] - xs.start) / (xs.end - xs.start) * box.width + box.left;
          const down = (ys.end - data.y[at]) / (ys.end - ys.start) * box.height + box.top;
          return Math.hypot(right - x, down - y);
        });
    """)
    return found


@pytest.mark.slow
def test_points_are_where_the_labels_are(opened: Browser) -> None:
    opened.element("overlay").send_keys("0", "+", RIGHT)
    opened.wait("wordMap.isDrawn")
    assert max(distances(opened)) < 0.5
    for size in ((1100, 800), (1100, 600), (1300, 600)):
        opened.driver.set_window_size(*size)
        opened.wait(f"innerWidth === {size[0]} && wordMap.isDrawn")
        opened.ask("new Promise((done) => setTimeout(done, 100))")
        opened.wait("wordMap.isDrawn")
        assert max(distances(opened)) < 0.5


@pytest.mark.slow
def test_clusters_and_frequency(opened: Browser, wv: WordVectors) -> None:
    buttons = opened.elements("#clusters button")
    assert len(buttons) == 6
    sizes = [int(button.text.split("\n")[1]) for button in buttons]
    assert sum(sizes) == 400
    buttons[2].click()
    pressed = [b.get_attribute("aria-pressed") for b in opened.elements("#clusters button")]
    assert pressed == ["false", "false", "true", "false", "false", "false"]
    opened.driver.execute_script("document.getElementById('list').open = true")
    opened.wait("document.querySelectorAll('#list-words button').length")
    assert opened.element("list-where").text.endswith(f"of {sizes[2]}")
    opened.elements("input[name=color]")[1].click()
    assert opened.element("ramp").is_displayed()
    assert opened.element("ramp-high").text == f"{wv.get_vecattr(wv.index_to_key[0], 'count'):,}"


@pytest.mark.slow
def test_the_list(opened: Browser, wv: WordVectors) -> None:
    opened.driver.find_element("css selector", "summary").click()
    opened.wait("document.querySelectorAll('#list-words button').length")

    def listed() -> list[str]:
        return [b.text.split("\n")[0] for b in opened.elements("#list-words button")]

    assert listed() == wv.index_to_key[:50]
    assert not opened.element("list-back").is_enabled()
    opened.element("list-next").click()
    assert listed() == wv.index_to_key[50:100]
    assert opened.element("list-where").text == "51–100 of 400"
    opened.element("list-back").click()
    opened.element("list-view").click()
    opened.element("overlay").send_keys(*"0+++++++")
    visible = opened.ask(
        "wordMap.words.filter((w) => { const p = wordMap.position(w);"
        " const b = document.getElementById('map').getBoundingClientRect();"
        " return p.x >= b.left && p.x <= b.right && p.y >= b.top && p.y <= b.bottom; })"
    )
    assert listed() == visible[:50]
    assert 0 < len(visible) < 200


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(opened: Browser, written: Path, scheme: str) -> None:
    def paper() -> str:
        return str(opened.ask("getComputedStyle(document.body).backgroundColor"))

    colors = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}
    opened.prefer(scheme)
    opened.wait(f"getComputedStyle(document.body).backgroundColor === '{colors[scheme]}'")
    opened.open(written)
    assert paper() == colors[scheme]
    other = {"light": "dark", "dark": "light"}[scheme]
    choice = opened.element("theme")
    choice.find_element("css selector", f"option[value={other}]").click()
    assert paper() == colors[other]
    choice.find_element("css selector", "option[value=auto]").click()
    assert paper() == colors[scheme]
    assert opened.messages() == []


@pytest.mark.slow
def test_an_address_names_a_word(browser: Browser, written: Path, wv: WordVectors) -> None:
    word = wv.index_to_key[33]
    browser.open(written, f"#word={word}")
    assert browser.ask("wordMap.selected") == word
    browser.open(written, "#word=%E0%A4%A")
    assert browser.ask("wordMap.selected") is None
    assert browser.messages() == []


@pytest.mark.slow
def test_a_narrow_window(opened: Browser) -> None:
    opened.driver.set_window_size(500, 800)
    opened.wait("innerWidth <= 500 && wordMap.isDrawn")
    assert opened.ask("document.documentElement.scrollWidth <= innerWidth")
    boxes = [opened.element("map").rect, opened.driver.find_element("css selector", "aside").rect]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] + 1


@pytest.mark.slow
def test_words_that_look_like_html(browser: Browser, tmp_path: Path) -> None:
    counts = list(range(len(NASTY), 0, -1))
    wv = WordVectors(NASTY, topic_vectors(len(NASTY)).vectors, counts)
    write_map(make_map(wv, clusters=3), tmp_path / "map.html", "<script>alert(2)</script>")
    browser.open(tmp_path / "map.html")
    assert browser.ask("wordMap.words.length") == len(NASTY)
    assert browser.ask("wordMap.words[0]") == NASTY[0]
    for row, word in enumerate(NASTY):
        browser.driver.execute_script(
            "const s = document.getElementById('search'); s.value = wordMap.words[arguments[0]];"
            "s.dispatchEvent(new Event('input'));"
            "s.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));",
            row,
        )
        assert browser.ask("wordMap.selected === wordMap.words[arguments[0]]", row), word
    assert len(browser.elements("script")) == 3
    assert browser.elements("img") == []
    assert browser.messages() == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [1, 2, 5])
def test_maps_of_few_words(browser: Browser, tmp_path: Path, words: int) -> None:
    wv = topic_vectors(words)
    write_map(make_map(WordVectors(wv.index_to_key, wv.vectors)), tmp_path / "map.html")
    browser.open(tmp_path / "map.html")
    browser.element("search").send_keys(wv.index_to_key[0], ENTER)
    assert near(browser) == expected(wv, wv.index_to_key[0])
    browser.elements("input[name=color]")[1].click()
    browser.element("overlay").send_keys(*"0+-", LEFT, ENTER)
    assert browser.ask("wordMap.selected") in wv
    assert browser.messages() == []


@pytest.mark.slow
def test_fifty_thousand_words(browser: Browser, tmp_path: Path) -> None:
    wv = topic_vectors(50_000, size=50)
    assert write_map(make_map(wv), tmp_path / "map.html") < 12_000_000
    browser.open(tmp_path / "map.html")
    assert browser.ask("performance.now()") < 30_000
    word = wv.index_to_key[-1]
    browser.element("search").send_keys(word, ENTER)
    assert near(browser) == expected(wv, word)
    assert browser.messages() == []

"""A real browser without a window, where one is installed."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xw2v.vectors import WordVectors

# No window, no network of its own, WebGL without a graphics card.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=1200,800",
)


def topic_vectors(words: int, seed: int = 3, size: int = 16) -> WordVectors:
    """Make words of six topics, the most frequent first."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(6, size))
    topics = generator.integers(6, size=words)
    vectors = centers[topics] + 0.5 * generator.normal(size=(words, size))
    names = [f"t{topic}w{i}" for i, topic in enumerate(topics)]
    counts = (1_000_000 / np.arange(1, words + 1)).astype(np.int64) + 1
    return WordVectors(names, vectors.astype(np.float32), counts)


class Browser:
    """Chromium, and what the tests ask of it."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
        options.binary_location = next(name for name in found if name)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(str(shutil.which("chromedriver")))
        self.driver: Any = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(30)

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page from the disk anew, and wait until its points are drawn."""
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(page.as_uri() + fragment)
        self.wait("document.documentElement.dataset.ready && wordMap.isDrawn", 60)

    def ask(self, expression: str, *arguments: object) -> Any:
        return self.driver.execute_script(f"return {expression}", *arguments)

    def wait(self, condition: str, seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not self.ask(f"Boolean({condition})"):
            assert time.monotonic() < end, f"in vain waited for {condition}: {self.messages()}"
            time.sleep(0.02)

    def element(self, identifier: str) -> Any:
        return self.driver.find_element("id", identifier)

    def elements(self, selector: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def type(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        event = {"type": kind, "x": x, "y": y, **more}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def click(self, x: float, y: float) -> None:
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)

    def prefer(self, scheme: str) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def messages(self) -> list[str]:
        """Return the warnings and errors on the console since the page was opened."""
        log = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] not in ("INFO", "DEBUG")]

    def requests(self) -> list[str]:
        """Return what has been asked of the network, the disk and elsewhere since then."""
        log = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        sent = [entry["message"] for entry in log]
        return [
            event["params"]["request"]["url"]
            for event in sent
            if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated")
        ]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    pytest.importorskip("selenium", reason="selenium, which drives the browser, is not installed")
    pytest.importorskip("bokeh", reason="Bokeh, which draws the map, is not installed")
    if not shutil.which("chromedriver"):
        pytest.skip("there is no chromedriver")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("there is no Chromium")
    found = Browser(tmp_path_factory.mktemp("profile"))
    try:
        found.prefer("light")
        yield found
    finally:
        found.driver.quit()

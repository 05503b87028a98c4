import pytest

from xw2v.plots.lettering import Lettering, lettering


@pytest.fixture
def no_other_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xw2v.plots.lettering._fonts", lambda: iter(()))


def test_common_scripts_need_no_other_font(no_other_fonts: None) -> None:
    found = lettering(["the", "naïve", "физика", "ελλάς"])
    assert found == Lettering(("DejaVu Sans",), frozenset())
    assert found.text("naïve") == "naïve"
    assert found.note(["the"]) == ""


def test_what_no_font_has_is_escaped(no_other_fonts: None) -> None:
    words = ["x中", "a\x07b", "tab\t", "\ud800", "\u2028", "ok"]
    found = lettering(words)
    assert found.missing == set("中\x07\t\ud800\u2028")
    escaped = [r"x\u4e2d", r"a\x07b", r"tab\t", r"\ud800", r"\u2028", "ok"]
    assert [found.text(word) for word in words] == escaped
    assert [found.has(word) for word in words] == [False] * 5 + [True]
    expected = "escapes in 5 words: no installed font has their characters"
    assert found.note(words) == expected
    assert found.note(["x中", "ok"]) == "escapes in 1 word: no installed font has its characters"


def test_another_font_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come with Matplotlib are on each machine."""
    monkeypatch.setattr("xw2v.plots.lettering._FAMILY", "cmr10")  # which has no Cyrillic
    found = lettering(["ж"])
    assert found.missing == set()
    assert len(found.families) == 2
    assert found.families[0] == "cmr10"


def test_no_words_at_all() -> None:
    assert lettering([]) == Lettering(("DejaVu Sans",), frozenset())


@pytest.mark.parametrize(("length", "expected"), [(24, "x" * 24), (25, "x" * 23 + "…")])
def test_long_words_are_cut(length: int, expected: str) -> None:
    assert lettering([]).text("x" * length) == expected


def test_words_are_no_formulas() -> None:
    assert lettering(["$x$"]).looks == {"family": ["DejaVu Sans"], "parse_math": False}

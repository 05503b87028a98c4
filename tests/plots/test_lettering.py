from pathlib import Path

import pytest

from xw2v.plots.lettering import Lettering, _fonts, _region, lettering


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
    # No font would help with control characters and the like.
    assert found.note(words) == "escapes in 1 word: no installed font has its characters"
    assert found.note(["x中", "中中", "a\x07b"]) == (
        "escapes in 2 words: no installed font has their characters"
    )
    assert found.note(["a\x07b", "ok"]) == ""


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


@pytest.mark.parametrize(
    ("word", "expected"), [("中中中中", r"\u4e2d" * 4), ("中" * 5, r"\u4e2d" * 3 + "…")]
)
def test_escapes_are_not_cut(no_other_fonts: None, word: str, expected: str) -> None:
    assert lettering([word]).text(word) == expected


def test_words_are_no_formulas() -> None:
    assert lettering(["$x$"]).looks["parse_math"] is False


class Font:
    """A font with some characters."""

    def __init__(self, characters: str) -> None:
        self.characters = characters

    def get_char_index(self, code: int) -> int:
        return self.characters.find(chr(code)) + 1


def test_fonts_that_have_the_most_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts = {"A": "中", "B": "中国", "C": "国中", "D": "अ国", "E": "x", "Worn Sans": "中国"}
    monkeypatch.setattr("xw2v.plots.lettering._FAMILY", "E")
    monkeypatch.setattr("xw2v.plots.lettering._fonts", lambda: {*fonts, "broken"})
    monkeypatch.setattr(
        "xw2v.plots.lettering._opened", lambda name: Font(fonts[name]) if name in fonts else None
    )
    assert lettering(["中国x"]) == Lettering(("E", "Worn Sans"), frozenset())
    assert lettering(["中国अ"]).families == ("E", "Worn Sans", "D")
    del fonts["Worn Sans"]
    assert lettering(["中国"]) == Lettering(("E", "B"), frozenset())
    assert lettering(["中ஜ"]) == Lettering(("E", "A"), frozenset("ஜ"))


@pytest.mark.parametrize(
    ("characters", "region"),
    [
        ("中国", "CJK SC"),
        ("中ひ", "CJK JP"),
        ("カ", "CJK JP"),
        ("한", "CJK KR"),
        ("\ud800", "CJK SC"),
    ],
)
def test_chinese_characters_as_the_language_has_them(characters: str, region: str) -> None:
    assert _region(characters) == region


def test_fonts_without_letters_are_left_out() -> None:
    names = _fonts()
    assert "DejaVu Sans" in names
    assert not any(name.startswith("Last Resort") for name in names)


def test_a_font_that_is_new_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Matplotlib keeps a list of the fonts that there were when it first ran."""
    from matplotlib import font_manager

    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    manager = font_manager.fontManager
    cmr = [entry for entry in manager.ttflist if entry.name == "cmr10"]
    others = [entry for entry in manager.ttflist if entry.name != "cmr10"]
    monkeypatch.setattr(manager, "ttflist", others.copy())
    monkeypatch.setattr(
        font_manager, "findSystemFonts", lambda: [str(broken), cmr[0].fname, others[0].fname]
    )
    assert "cmr10" in _fonts()
    assert len(manager.ttflist) == len(others) + len(cmr)

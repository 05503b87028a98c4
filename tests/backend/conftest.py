"""Workers do not wait for long in these tests, and never for ever."""

import pytest


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch, no_waiting_for_ever: None) -> None:
    """Look after the others ten times as often as usual, for the sake of fast tests."""
    monkeypatch.setattr("xw2v.backend.team._PATIENCE", 0.02)

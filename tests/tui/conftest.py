"""Tests of the screens: times are UTC, and nothing moves by itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tui_lab import Lab


@pytest.fixture(autouse=True)
def _steady(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", "none")
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A project with runs in several states."""
    return Lab(tmp_path).populate()

"""Ticks and short numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.core.text import clean
from deeprl_tui.tui.widgets.scale import log_ticks, reading, short, ticks
from deeprl_tui.tui.widgets.text import cut, narrow


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (200, "200"), (-1250, "-1250"), (12_500, "12.5k"), (2000, "2k"), (1e6, "1M"),
        (-2.5e6, "-2.5M"), (0.05, "0.05"), (1e-5, "1e-5"), (math.nan, "–"), (math.inf, "∞"), (1e15, "1e15"),
    ],
)  # fmt: skip
def test_short(value: float, text: str) -> None:
    """Numbers are short and have the unit k, M or G."""
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(247.3, "247"), (9.876, "9.88"), (0.01234, "0.012"), (123_456, "123.46k")]
)
def test_reading(value: float, text: str) -> None:
    """Values beside curves have no decimals that flicker."""
    assert reading(value) == text


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), st.integers(1, 20))
def test_ticks_are_few_and_inside(a: float, b: float, count: int) -> None:
    """Ticks stand in their range and are not many more than asked for."""
    low, high = min(a, b), max(a, b)
    marks = ticks(low, high, count)
    room = (high - low) * 1e-6
    assert len(marks) <= 2 * count + 2
    assert all(low - room - abs(low) * 1e-9 <= mark <= high + room + abs(high) * 1e-9 for mark in marks)


@pytest.mark.parametrize(
    ("low", "high", "marks"), [(-330, 270, [-200, 0, 200]), (0, 5e5, [0, 2e5, 4e5]), (0, 1, [0, 0.5, 1])]
)
def test_ticks_by_hand(low: float, high: float, marks: list[float]) -> None:
    """Steps are 1, 2, 2.5 or 5 times a power of ten."""
    assert ticks(low, high, 3) == marks


def test_log_ticks() -> None:
    """Whole powers of ten, finer ones where there are too few, none for a range that has no logarithm."""
    assert log_ticks(0.5, 2000, 5) == [1, 10, 100, 1000]
    assert log_ticks(2, 90, 5) == [2, 5, 10, 20, 50]
    assert log_ticks(-1, 10, 5) == []


def test_text_is_made_harmless() -> None:
    """Control characters become dots, wide ones too where one cell is needed, long text is cut by cells."""
    assert clean("a\x1b[2Jb\x9b\n") == "a·[2Jb··"
    assert narrow("名a\u0301") == "·a·"
    assert cut("名前名前", 5) == "名前…"
    assert cut("abc", 3) == "abc"

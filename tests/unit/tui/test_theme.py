"""The look: colors, states, bars and trends."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.theme import BUILTIN_THEMES

from deeprl_tui.core.state import STATES as RUN_STATES
from deeprl_tui.core.state import word
from deeprl_tui.tui import detect
from deeprl_tui.tui.colors import mix
from deeprl_tui.tui.theme import COLORLESS, DAY, NIGHT, STATES, Palette, braille_trend, progress_bar


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two colors."""

    def luminance(color: str) -> float:
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    a, b = sorted((luminance(one), luminance(other)))
    return (b + 0.05) / (a + 0.05)


def palette(theme: str) -> Palette:
    return Palette.of_theme({**BUILTIN_THEMES, NIGHT.name: NIGHT, DAY.name: DAY}[theme])


@pytest.mark.parametrize("name", [NIGHT.name, DAY.name])
def test_colors_can_be_read(name: str) -> None:
    """Curve, state and text colors stand out from the background."""
    colors = palette(name)
    for color in (
        *colors.curves,
        colors.accent,
        colors.success,
        colors.error,
        colors.warning,
        colors.foreground,
    ):
        assert contrast(color, colors.background) > 4


@pytest.mark.parametrize("name", [NIGHT.name, DAY.name])
def test_curve_colors_differ(name: str) -> None:
    """Each theme has eight curve colors, and the ninth is the first again."""
    colors = palette(name)
    assert len(set(colors.curves)) == 8
    assert colors.curve(8) == colors.curve(0)


def test_every_state_has_its_own_glyph() -> None:
    """All states of a run have a look, and no two share a glyph, so color is never needed."""
    assert set(STATES) == {word(state) for state in RUN_STATES}
    glyphs = [look.glyph for look in STATES.values()]
    assert len(set(glyphs)) == len(glyphs)
    assert all(cell_len(look.glyph) == cell_len(look.seed_glyph) == 1 for look in STATES.values())


def test_a_plain_theme_uses_no_mixed_colors() -> None:
    """With the terminal's own colors a weak style is dim and colors are names."""
    colors = palette(COLORLESS)
    assert colors.plain
    assert colors.style("foreground", 0.4).dim
    assert all(not color.startswith("#") for color in colors.curves)
    assert colors.state("running").color is not None


def test_mix() -> None:
    """Mixing is linear per channel and leaves names alone."""
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#0f1117", "#c9d1e3", 1.0) == "#c9d1e3"
    assert mix("ansi_default", "ansi_blue", 0.1) == "ansi_blue"


@given(st.floats(), st.integers(0, 60))
def test_a_bar_is_as_wide_as_asked(fraction: float, width: int) -> None:
    """Both pieces together fill the width whatever the fraction."""
    done, left = progress_bar(fraction, width)
    assert len(done) + len(left) == width


@pytest.mark.parametrize(
    ("fraction", "bar"), [(0, "────"), (0.99, "━━━╸"), (1, "━━━━"), (0.5, "━━──"), (0.63, "━━╸─")]
)
def test_a_bar_never_shows_more_than_is_done(fraction: float, bar: str) -> None:
    """Only a finished run has a full bar."""
    assert "".join(progress_bar(fraction, 4)) == bar


@pytest.mark.parametrize(
    ("values", "trend"),
    [
        (range(100), "⣀⠤⠒⠉"),
        ([5.0], "⠤⠤⠤⠤"),
        ([], "    "),
        ([float("nan")] * 9, "    "),
        ([0.0, 0, 0, 0, 9, 9, 9, 9], "⣀⣀⠉⠉"),
    ],
)
def test_trends(values: list[float], trend: str) -> None:
    """A trend is a line of dots from low to high, blank where there is no number."""
    got = braille_trend(values, 4)
    assert len(got) == 4
    if trend != "⣀⣀⠉⠉":
        assert got == trend
    else:
        assert [got[0], got[3]] == ["⣀", "⠉"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 30))
def test_trends_are_connected(values: list[float], width: int) -> None:
    """Neighboring half cells of a trend touch, so a jump is seen as a line."""
    rows = []
    for char in braille_trend(values, width):
        bits = ord(char) - 0x2800
        for column in ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)):
            rows += [[k for k, bit in enumerate(column) if bits & bit]]
    assert all(rows)
    assert all(min(abs(a - b) for a in one for b in two) <= 1 for one, two in pairwise(rows))


def test_detection_names_our_themes() -> None:
    """The names that the detection chooses from are the names of our themes."""
    assert (NIGHT.name, DAY.name, COLORLESS) == (detect.NIGHT, detect.DAY, detect.COLORLESS)

"""The look: colors, states, bars and trends."""

import math
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.theme import BUILTIN_THEMES, Theme

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


SEEN_BY = {
    "protan": ((0.15229, 1.05258, -0.20487), (0.11450, 0.78628, 0.09922), (-0.00388, -0.04812, 1.05200)),
    "deutan": ((0.36732, 0.86065, -0.22797), (0.28009, 0.67250, 0.04741), (-0.01182, 0.04294, 0.96888)),
    "everyone else": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}  # fmt: skip
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
CONES = ((0.41222, 0.53633, 0.05145), (0.21190, 0.68070, 0.10740), (0.08830, 0.28172, 0.62998))
OKLAB = ((0.21045, 0.79362, -0.00407), (1.97800, -2.42859, 0.45059), (0.02590, 0.78277, -0.80868))
"""Ottosson 2020."""


def times(matrix: tuple[tuple[float, ...], ...], vector: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def seen(color: str, who: str) -> list[float]:
    """A color in OKLab as somebody sees it."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    kept = [min(1.0, max(0.0, part)) for part in times(SEEN_BY[who], linear)]
    return times(OKLAB, [part ** (1 / 3) for part in times(CONES, kept)])


@pytest.mark.parametrize("theme", [NIGHT, DAY])
@pytest.mark.parametrize("who", SEEN_BY)
def test_safe_curve_colors_differ_for_everyone(theme: Theme, who: str) -> None:
    """Any two are at least 0.1 apart in OKLab, several times what can just be told apart, and can be read."""
    colors = Palette.of_theme(theme, safe=True)
    apart = [math.dist(seen(a, who), seen(b, who)) for a, b in combinations(colors.curves, 2)]
    assert len(colors.curves) == 8
    assert min(apart) > 0.1
    assert min(contrast(color, colors.background) for color in colors.curves) > 4


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


@example([0.0, 5e-324], 1)
@example([-1e308, 1e308], 1)
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

"""The chart as text: what stands where, at any size, with any data."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprl_tui.tui.widgets.chart.area import Curve, Range, fit_y
from deeprl_tui.tui.widgets.chart.canvas import Frame, Look, layout
from deeprl_tui.tui.widgets.chart.draw import draw
from deeprl_tui.tui.widgets.chart.glyphs import BAND_FILL, BAND_GLYPHS, BAND_INVERTED
from deeprl_tui.tui.widgets.chart.strips import frame_strips

CHARTS = Path(__file__).parents[2] / "data" / "charts"
NIGHT = Look("#0f1117", "#c9d1e3", "#e0af68")
PLAIN = Look("ansi_default", "ansi_default", "ansi_yellow", plain=True)
HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;t\x07",
    "[@click=app.quit]x[/]",
    "a\nb\tc",
    "\x9b2J",
    "名前",
    "\u202eoof",
]


def two_curves(width: int, height: int) -> list[Curve]:
    """A selected curve with a band over the whole range, and one that ends halfway with fewer seeds."""
    x = np.linspace(0, 1, layout(width, height, ["LL_basic", "LL_prio2"]).columns)
    rise = 200 * np.tanh(4 * x) - 100
    late = np.where(x < 0.5, -100 + 150 * x, np.nan)
    seeds = np.where(x < 0.3, 5, np.where(x < 0.5, 3, 0))
    return [
        Curve("LL_prio2", "#9ece6a", rise, rise - 30, rise + 30, np.full(len(x), 5), selected=True),
        Curve("LL_basic", "#7aa2f7", late, late - 10, late + 10, seeds),
    ]


def picture(width: int, height: int, look: Look = NIGHT, cross: float | None = None) -> Frame:
    curves = two_curves(width, height)
    refs = [(60.0, "solved ≥ 60")]
    area = Range(0, 5e5, *fit_y(curves, refs, False))
    return draw(width, height, curves, area, look, refs=refs, cross=cross, x_name="env steps")


@pytest.mark.parametrize(
    ("name", "look", "cross"),
    [("night", NIGHT, None), ("crosshair", NIGHT, 1e5), ("plain", PLAIN, None)],
)
def test_charts_look_as_agreed(name: str, look: Look, cross: float | None) -> None:
    """The characters of a small chart are those on file."""
    path = CHARTS / f"{name}-72x16.txt"
    assert picture(72, 16, look, cross).text() == path.read_text(encoding="utf-8")


numbers = st.one_of(st.floats(-1e9, 1e9), st.sampled_from([np.nan, 0.0, 1e-300, 1e300, -1e300]))


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(0, 240),
    height=st.integers(0, 80),
    values=st.lists(st.tuples(numbers, numbers, numbers), max_size=8),
    names=st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30)), min_size=8, max_size=8),
    log_y=st.booleans(),
    plain=st.booleans(),
    cross=st.one_of(st.none(), st.floats(-10, 110)),
)
def test_any_size_and_data_can_be_drawn(
    width: int,
    height: int,
    values: list[tuple[float, float, float]],
    names: list[str],
    log_y: bool,
    plain: bool,
    cross: float | None,
) -> None:
    """No size and no numbers make draw fail, and no character is one that a terminal obeys."""
    columns = layout(width, height, names[: len(values)]).columns
    ramp = np.linspace(-1, 1, columns)
    curves = [
        Curve(
            name,
            "#9ece6a",
            a + b * ramp,
            a + b * ramp - abs(c),
            a + b * ramp + abs(c),
            None,
            k == 0,
            shape="○",
        )
        for k, (name, (a, b, c)) in enumerate(zip(names, values, strict=False))
    ]
    area = Range(0, 100, *fit_y(curves, [(1.0, "ref")], log_y), log_y)
    frame = draw(
        width,
        height,
        curves,
        area,
        PLAIN if plain else NIGHT,
        refs=[(1.0, names[0])],
        cross=cross,
        x_name="x",
    )
    assert frame.ch.shape == (height, width)
    assert all(line.isprintable() for line in frame.lines())
    strips = frame_strips(frame, "#0f1117")
    assert [strip.cell_length for strip in strips] == [width] * height


@pytest.mark.parametrize("name", HOSTILE)
def test_names_print_literally(name: str) -> None:
    """A name with markup stands there as it is; what a terminal would obey is replaced."""
    curve = Curve(name, "#9ece6a", np.zeros(layout(100, 12, [name]).columns))
    text = draw(100, 12, [curve], Range(0, 1, -1, 1), NIGHT).text()
    shown = "".join(char if char.isprintable() and ord(char) < 0x2000 else "·" for char in name)
    assert shown[:12] in text


def test_no_data_is_said() -> None:
    """Without a number there is the text for it, and no axis."""
    curve = Curve("a", "#9ece6a", np.full(layout(60, 9, ["a"]).columns, np.nan))
    assert draw(60, 9, [curve], Range(0, 1, 0, 1), NIGHT).text().split() == ["no", "episodes", "yet"]


def test_nan_is_a_gap() -> None:
    """Columns without a number hold no dot of the curve."""
    box = layout(40, 9, ["a"])
    values = np.zeros(box.columns)
    values[20:30] = np.nan
    frame = draw(40, 9, [Curve("a", "#9ece6a", values)], Range(0, 1, -1, 1), NIGHT)
    braille = (frame.ch >= 0x2800) & (frame.ch < 0x2900)
    dots = np.asarray(braille.any(axis=0))[box.left : box.left + box.width]
    assert np.flatnonzero(~dots).tolist() == [10, 11, 12, 13, 14]


def test_labels_tell_the_values_at_the_crosshair() -> None:
    """With a crosshair the number beside a name is the value there."""
    columns = layout(80, 12, ["rise"]).columns
    curve = Curve("rise", "#9ece6a", np.arange(columns, dtype=float))
    area = Range(0, columns, -1, columns)
    end = draw(80, 12, [curve], area, NIGHT).text()
    there = draw(80, 12, [curve], area, NIGHT, cross=40.5).text()
    assert f"{columns - 1} rise" in end
    assert "40 rise" in there


def test_a_band_needs_no_color_of_its_line_to_be_seen() -> None:
    """In plain the selected band is shaded and no tint is used."""
    frame = picture(72, 16, PLAIN)
    assert "░" in frame.text()
    assert not frame.bg.any()


def test_fewer_seeds_are_fainter() -> None:
    """Where a curve stands on fewer seeds than elsewhere its ink is weaker."""
    columns = layout(60, 9, ["a"]).columns
    count = np.where(np.arange(columns) < columns // 2, 5, 2)
    frame = draw(60, 9, [Curve("a", "#ffffff", np.zeros(columns), count=count)], Range(0, 1, -1, 1), NIGHT)
    row = np.flatnonzero((frame.ch >= 0x2800).any(1))[0]
    dots = np.flatnonzero(frame.ch[row] >= 0x2800)
    inks = [frame.inks[number].color for number in frame.fg[row, dots].tolist()]
    assert inks[0] == "#ffffff"
    assert inks[-1] != "#ffffff"


def test_many_labels_do_not_stand_on_each_other() -> None:
    """Curves that end at one value have labels in rows of their own, the selected one among them."""
    names = [f"exp_{k}" for k in range(30)]
    columns = layout(80, 12, names).columns
    curves = [Curve(n, "#9ece6a", np.zeros(columns), selected=n == "exp_3") for n in names]
    lines = draw(80, 12, curves, Range(0, 1, -1, 1), NIGHT).text().splitlines()
    shown = [line.split()[-1] for line in lines if "exp_" in line]
    assert len(shown) == len(set(shown)) == 11
    assert "exp_3" in shown


def test_reference_text_keeps_clear_of_curves() -> None:
    """The text of a reference line moves to where no curve crosses it."""
    columns = layout(80, 12, ["a"]).columns
    values = np.where(np.arange(columns) < 30, 0.0, 1.0)
    frame = draw(80, 12, [Curve("a", "#9ece6a", values)], Range(0, 1, -1, 2), NIGHT, refs=[(0.0, "solved")])
    assert "solved" in frame.text()


def test_fit_includes_a_near_reference_only() -> None:
    """A reference line far away does not squeeze the curves."""
    curve = Curve("a", "#9ece6a", np.array([0.0, 100.0]))
    assert fit_y([curve], [(120.0, "near")], False)[1] > 120
    assert fit_y([curve], [(1000.0, "far")], False)[1] < 120


def test_one_outlier_does_not_squeeze_the_curves() -> None:
    """A value far away from all others is cut off and told at the edge, unless the curve ends there."""
    columns = layout(80, 12, ["a"]).columns
    values = np.sin(np.arange(columns))
    values[40] = 1e4
    curve = Curve("a", "#9ece6a", values)
    ends = fit_y([curve], [], False)
    assert ends[1] < 2
    frame = draw(80, 12, [curve], Range(0, 1, *ends, cut=True), NIGHT)
    assert frame.lines()[0].count("▲") == 1
    assert fit_y([Curve("a", "#9ece6a", values[:41])], [], False)[1] > 1e4


def test_long_names_are_cut_in_the_middle() -> None:
    """Derived names differ at the end; a quarter of the width is theirs."""
    name = "LunarLander_prioritized_lr_0.001"
    columns = layout(80, 9, [name]).columns
    assert columns >= 80
    text = draw(80, 9, [Curve(name, "#9ece6a", np.zeros(columns))], Range(0, 1, -1, 1), NIGHT).text()
    assert "LunarLand…d_lr_0.001" in text


def test_shapes_tell_curves_apart_without_color() -> None:
    """Each shape stands on its curve and beside its name."""
    columns = layout(80, 12, ["a", "b"]).columns
    curves = [
        Curve(name, "ansi_default", np.full(columns, at), shape=shape)
        for name, at, shape in (("a", 0.0, "○"), ("b", 1.0, "×"))
    ]
    lines = draw(80, 12, curves, Range(0, 1, -1, 2), PLAIN).lines()
    with_a = next(line for line in lines if line.rstrip().endswith(" a"))
    assert with_a.count("○") >= 3
    assert "×" not in with_a


def test_single_seeds_are_behind_and_have_no_label() -> None:
    """A ghost is weaker than its mean and adds no name."""
    columns = layout(60, 9, ["a"]).columns
    seed = Curve("", "#ffffff", np.full(columns, 0.5), ghost=True)
    frame = draw(60, 9, [seed, Curve("a", "#ffffff", np.zeros(columns))], Range(0, 1, -1, 1), NIGHT)
    rows = np.flatnonzero((frame.ch >= 0x2800).any(1))
    inks = [frame.inks[int(frame.fg[row, 20])].color for row in rows]
    assert inks[0] != inks[-1] == "#ffffff"
    assert sum(line.rstrip().endswith(" a") for line in frame.lines()) == 1


def test_times_are_on_round_marks() -> None:
    """Over training time the axis says minutes, and so does the crosshair."""
    columns = layout(80, 9, ["a"]).columns
    area = Range(0, 3600, -1, 1, time=True)
    text = draw(80, 9, [Curve("a", "#9ece6a", np.zeros(columns))], area, NIGHT, cross=1900.0).text()
    assert "15m" in text
    assert "31m 40s" in text


def test_band_glyphs_are_the_nearest_shapes() -> None:
    """Whole, empty, lower and upper parts and halves of a cell get their own characters."""

    def at(left: tuple[int, int], right: tuple[int, int]) -> tuple[str, bool, int]:
        key = (left[0] * 9 + left[1]) * 81 + right[0] * 9 + right[1]
        return chr(BAND_GLYPHS[key]), bool(BAND_INVERTED[key]), int(BAND_FILL[key])

    assert at((0, 8), (0, 8)) == ("█", False, 16)
    assert at((3, 3), (5, 5)) == (" ", False, 0)
    assert at((5, 8), (5, 8)) == ("▃", False, 6)
    assert at((0, 5), (0, 5)) == ("▃", True, 10)
    assert at((0, 8), (8, 8)) == ("▌", False, 8)
    assert at((0, 4), (0, 8)) == ("▜", False, 12)


def test_overlapping_tints_do_not_add_up() -> None:
    """Ten bands on one place look no stronger than two."""
    columns = layout(60, 9, ["a"]).columns
    one = np.zeros(columns)
    curves = [Curve(str(k), "#ffffff", one, one - 1, one + 1) for k in range(10)]
    frame = draw(60, 9, curves, Range(0, 1, -1, 1), NIGHT)
    brightest = max(int(color[1:3], 16) for color in frame.tints.values())
    assert brightest < 0x0F + 0.2 * (0xFF - 0x0F)

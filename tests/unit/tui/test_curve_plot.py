"""The chart in a running app: when it draws, and what keys and mouse do."""

import subprocess
import sys

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from deeprl_tui.core.curve import Curve
from deeprl_tui.tui.theme import THEMES, VARIABLE_DEFAULTS
from deeprl_tui.tui.widgets.curve_plot import CurveData, CurvePlot
from deeprl_tui.tui.widgets.view import View


def curve(n: int, top: float = 100.0) -> Curve:
    made = Curve()
    for k in range(n):
        made.append(step=k * 10.0, y=top * k / n)
    return made


class PlotApp(App[None]):
    """An app with one chart that counts what the chart said."""

    def __init__(self) -> None:
        super().__init__()
        self.captions: list[str] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield CurvePlot()

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "deeprl-night"
        self.plot.focus()

    @property
    def plot(self) -> CurvePlot:
        return self.query_one(CurvePlot)

    def text(self) -> str:
        return "\n".join(self.plot.render_line(y).text for y in range(self.plot.size.height))

    def on_curve_plot_changed(self, message: CurvePlot.Changed) -> None:
        self.captions.append(message.control.caption())


SIZE = (80, 20)


async def ready(pilot: Pilot[None]) -> None:
    """Wait until numpy is there and all is drawn."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


async def test_it_draws_what_it_is_given() -> None:
    """Name and last value of a curve stand at its end, and the caption says of how many seeds it is."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("LL_basic", "#9ece6a", [curve(500), curve(500)], True)])
        await ready(pilot)
        assert "LL_basic" in app.text()
        assert app.plot.caption() == "mean ± sd of 2 seeds · smooth 0.85"
        assert app.captions[-1] == app.plot.caption()


async def test_without_data_it_says_so() -> None:
    """An experiment without episodes has the caller's words."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [Curve()])], empty="waits for a core")
        await ready(pilot)
        assert "waits for a core" in app.text()


async def test_the_same_curves_are_not_drawn_again() -> None:
    """A tick without news makes no strip, one with a new point does."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        live = curve(500)
        data = [CurveData("a", "#9ece6a", [live])]
        app.plot.set_curves(data)
        await ready(pilot)
        strips = app.plot._strips
        app.plot.set_curves([CurveData("a", "#9ece6a", [live])])
        await pilot.pause()
        assert app.plot._strips is strips
        live.append(step=6000.0, y=500.0)
        app.plot.set_curves(data)
        await pilot.pause()
        assert app.plot._strips is not strips


async def test_a_rewound_curve_is_read_again() -> None:
    """After a resume cut the curve back, the chart shows what is left."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        live = curve(500)
        app.plot.view = View(smooth=0.0)
        app.plot.set_curves([CurveData("a", "#9ece6a", [live])])
        await ready(pilot)
        live.rewind(2500)
        app.plot.set_curves([CurveData("a", "#9ece6a", [live])])
        await pilot.pause()
        assert "50 a" in app.text()
        assert app.plot._plotter is not None
        assert app.plot._plotter.end == 2500


async def test_a_new_theme_changes_the_colors() -> None:
    """The strips follow the theme."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(50)])])
        await ready(pilot)
        night = app.plot.render_line(3)
        app.theme = "deeprl-day"
        await pilot.pause()
        assert app.plot.render_line(3) != night


async def test_keys_change_the_view() -> None:
    """Zoom, pan, fit, log, smooth and band each do their thing to the view."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        await pilot.press("+")
        zoomed = app.plot.view.x
        assert zoomed is not None
        assert zoomed[0] > 0
        await pilot.press("shift+right")
        assert app.plot.view.x is not None
        assert app.plot.view.x[0] > zoomed[0]
        await pilot.press("0")
        assert app.plot.view.x is None
        await pilot.press("L", "s", "b")
        assert (app.plot.view.log_y, app.plot.view.smooth, app.plot.view.band) == (True, 0.95, "ci95")
        await pilot.pause()
        assert app.captions[-1] == "1 seed · smooth 0.95 · log y"


async def test_more_keys_change_the_view() -> None:
    """Axis, single seeds, shapes and the followed end."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        await pilot.press("X", "S", "#", "f")
        view = app.plot.view
        assert (view.axis, view.seeds, view.marks, view.tail) == ("episode", True, True, True)


async def test_dragging_over_everything_zooms_to_the_box() -> None:
    """A flat box is about x only, a tall one about y too; a double click shows all again."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        for rows, zoomed in ((1, False), (8, True)):
            await pilot.mouse_down(CurvePlot, offset=(20, 5))
            await pilot.hover(CurvePlot, offset=(40, 5 + rows))
            await pilot.mouse_up(CurvePlot, offset=(40, 5 + rows))
            view = app.plot.view
            assert view.x is not None
            assert 0 < view.x[0] < view.x[1] < 4990
            assert (view.y is not None) == zoomed
            await pilot.click(CurvePlot, offset=(30, 5), times=2)
            assert (app.plot.view.x, app.plot.view.y) == (None, None)


async def test_a_box_is_seen_while_it_is_dragged() -> None:
    """Its cells are turned around, others are not."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        await pilot.mouse_down(CurvePlot, offset=(20, 5))
        await pilot.hover(CurvePlot, offset=(40, 12))
        await pilot.pause()
        turned = [any(s.style and s.style.reverse for s in app.plot.render_line(y)) for y in (4, 5, 12, 13)]
        assert turned == [False, True, True, False]


async def test_escape_leaves_the_crosshair_first() -> None:
    """Escape takes the crosshair away; without one it is not the chart's."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        await pilot.press("right")
        assert app.plot.view.cross is not None
        assert app.plot.check_action("leave_cross", ())
        await pilot.press("escape")
        assert app.plot.view.cross is None
        assert not app.plot.check_action("leave_cross", ())


async def test_the_mouse_moves_the_crosshair_and_takes_it_away() -> None:
    """Hovering the plot shows the crosshair, leaving it removes it."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        await pilot.hover(CurvePlot, offset=(30, 5))
        assert app.plot.view.cross is not None
        app.plot.on_leave()
        assert app.plot.view.cross is None


async def test_dragging_pans() -> None:
    """Moving with the button held moves a zoomed view against the mouse."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        app.plot.set_curves([CurveData("a", "#9ece6a", [curve(500)])])
        await ready(pilot)
        app.plot.view = View(x=(1000.0, 2000.0))
        await pilot.mouse_down(CurvePlot, offset=(40, 5))
        await pilot.hover(CurvePlot, offset=(30, 5))
        await pilot.mouse_up(CurvePlot, offset=(30, 5))
        assert app.plot.view.x is not None
        assert app.plot.view.x[0] > 1000
        assert app.plot.view.x[1] - app.plot.view.x[0] == pytest.approx(1000)


async def test_only_rows_that_differ_are_painted() -> None:
    """A new point at the end leaves most rows of the chart as they are."""
    app = PlotApp()
    async with app.run_test(size=SIZE) as pilot:
        live = curve(500)
        app.plot.set_curves([CurveData("a", "#9ece6a", [live])])
        await ready(pilot)
        before = list(app.plot._strips)
        live.append(step=4991.0, y=99.9)
        app.plot.set_curves([CurveData("a", "#9ece6a", [live])])
        await pilot.pause()
        same = [a == b for a, b in zip(before, app.plot._strips, strict=True)]
        assert sum(same) > 15


def test_widgets_do_not_import_numpy() -> None:
    """Importing widgets, theme and detection loads no numpy: the first frame is drawn without it."""
    code = (
        "import sys, deeprl_tui.tui.widgets.curve_plot, deeprl_tui.tui.widgets.live_table, "
        "deeprl_tui.tui.theme, deeprl_tui.tui.detect; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The live chart: learning curves with bands, zoom, crosshair and values at the curve ends.

Rule: it draws only when a shown curve, the size, the theme or the view changed, and repaints only rows that
differ. numpy is imported in a thread once the first frame is on the screen; until then there is a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.core.curve import Curve
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.view import View, caption

if TYPE_CHECKING:  # numpy
    from deeprl_tui.tui.widgets.chart.canvas import Look
    from deeprl_tui.tui.widgets.chart.plotter import Plotter

_PLOTTER = "deeprl_tui.tui.widgets.chart.plotter"
_STRIPS = "deeprl_tui.tui.widgets.chart.strips"


@dataclass(frozen=True, slots=True)
class CurveData:
    """One line: an experiment, the color of its name, and the live curves of its seeds."""

    name: str
    color: str  # `#rrggbb` or `ansi_*`
    seeds: Sequence[Curve]
    selected: bool = False


class CurvePlot(Widget, can_focus=True):
    """A chart of `CurveData`. `set_curves` at every tick is fine: it draws only if something changed."""

    ALLOW_SELECT = False  # a drag pans
    DEFAULT_CSS = "CurvePlot { width: 1fr; height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(0.7)", "Zoom in", show=False, id="chart.zoom_in"),
        Binding("minus", "zoom(1.43)", "Zoom out", show=False, id="chart.zoom_out"),
        Binding("left", "cross(-2)", "Crosshair left", show=False, id="chart.cross_left"),
        Binding("right", "cross(2)", "Crosshair right", show=False, id="chart.cross_right"),
        Binding("shift+left", "pan(-0.2)", "Pan left", show=False, id="chart.pan_left"),
        Binding("shift+right", "pan(0.2)", "Pan right", show=False, id="chart.pan_right"),
        Binding("0", "fit", "Fit", show=False, id="chart.fit"),
        Binding("L", "log", "Log y", show=False, id="chart.log"),
        Binding("s", "smooth", "Smooth", show=False, id="chart.smooth"),
        Binding("b", "band", "Band", show=False, id="chart.band"),
        Binding("escape", "leave_cross", "Leave crosshair", show=False, id="chart.leave_cross"),
    ]

    class Changed(Message):
        """The caption or the view is no longer what it was."""

        def __init__(self, plot: "CurvePlot") -> None:
            super().__init__()
            self.plot = plot

        @property
        def control(self) -> "CurvePlot":
            """The chart."""
            return self.plot

    class _NumpyLoaded(Message):
        """The thread has imported the modules that draw."""

    def __init__(
        self,
        *,
        x_name: str = "env steps",
        empty: str = "no episodes yet",
        view: View | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's name)
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._x_name = x_name
        self._empty = empty
        self._view = view or View()
        self._curves: Sequence[CurveData] = ()
        self._refs: Sequence[tuple[float, str]] = ()
        self._drawn: object = None  # what the strips show
        self._asked = False  # a redraw is on its way
        self._stale = True
        self._strips: list[Strip] = []
        self._plotter: Plotter | None = None
        self._told: tuple[View, str] | None = None
        self._hovering = False
        self._dragged: tuple[int, View] | None = None

    # -- what is shown -----------------------------------------------------------------------------------

    def set_curves(
        self,
        curves: Sequence[CurveData],
        refs: Sequence[tuple[float, str]] = (),
        empty: str | None = None,
    ) -> None:
        """Show these curves, later ones before earlier ones, and dashed lines (value, text).

        `empty` is what to say if there is no point yet.
        The widget follows the `Curve` objects: what is appended to them is taken over at the next call.
        """
        self._curves, self._refs = tuple(curves), tuple(refs)
        self._empty = self._empty if empty is None else empty
        state = (
            self._refs,
            self._empty,
            [(c.name, c.color, c.selected, [(id(s), s.generation, len(s)) for s in c.seeds]) for c in curves],
        )
        if state != self._drawn:
            self._drawn = state
            self._touch()

    @property
    def view(self) -> View:
        """What part is shown, and how. Assign to change it."""
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        if view != self._view:
            self._view = view
            self._touch()

    def caption(self) -> str:
        """`mean ± sd of 5 seeds · smooth 0.85`: true for the frame that is on the screen."""
        most, now = self._plotter.seeds if self._plotter else (0, 0)
        return caption(self._view, most, now)

    # -- painting ----------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Load numpy once the first frame is out."""
        self.call_after_refresh(self.run_worker, self._load, thread=True, group="numpy")

    def _load(self) -> None:
        import_module(_PLOTTER)
        import_module(_STRIPS)
        self.post_message(self._NumpyLoaded())

    def on_curve_plot__numpy_loaded(self) -> None:
        """Draw for the first time."""
        from deeprl_tui.tui.widgets.chart.plotter import Plotter

        self._plotter = Plotter()
        self._touch()

    def _touch(self) -> None:
        """Redraw soon; many calls in a row draw once."""
        self._stale = True
        if not self._asked and self.is_attached:
            self._asked = True
            self.call_later(self._redraw)

    def _redraw(self) -> None:
        self._asked = False
        if not self._stale:
            return
        if not (self.size and self.is_attached and self.screen.is_current):
            self.refresh()  # drawn when it is seen
            return
        before = self._strips
        self._paint()
        changed = [y for y, strip in enumerate(self._strips) if y >= len(before) or strip != before[y]]
        if changed and self.size:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def _paint(self) -> None:
        """Make the strips."""
        self._stale = False
        width, height = self.size
        if self._plotter is None:
            self._strips = self._words(width, height)
            return
        from deeprl_tui.tui.widgets.chart.strips import frame_strips

        self._plotter.follow(self._curves, self._view.axis)
        look = self._look()
        frame = self._plotter.draw(width, height, self._view, look, self._refs, self._x_name, self._empty)
        self._strips = frame_strips(frame, "" if look.plain else look.background)
        told = (self._view, self.caption())
        if told != self._told:
            self._told = told
            self.post_message(self.Changed(self))

    def _look(self) -> "Look":
        from deeprl_tui.tui.widgets.chart.canvas import Look

        palette = Palette.of(self.app)
        background = palette.background if palette.plain else self.background_colors[1].hex6
        return Look(background, palette.foreground, palette.warning, palette.dark, palette.plain)

    def _words(self, width: int, height: int) -> list[Strip]:
        palette = Palette.of(self.app)
        ground = Style() if palette.plain else Style(bgcolor=self.background_colors[1].hex6)
        text = "reading…" if any(len(seed) for curve in self._curves for seed in curve.seeds) else self._empty
        strips = [Strip([Segment(" " * width, ground)], width)] * height
        if height:
            line = text[:width].center(width)
            strips[height // 2] = Strip([Segment(line, ground + palette.style(strength=LABEL))], width)
        return strips

    def render_line(self, y: int) -> Strip:
        """One row of the chart."""
        if self._stale or len(self._strips) != self.size.height:
            self._paint()
            self.call_later(self.refresh)  # rows that were not asked for are still shown as they were
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def on_resize(self) -> None:
        """The strips have the wrong size."""
        self._stale = True

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self._stale = True

    # -- keys --------------------------------------------------------------------------------------------

    @property
    def _end(self) -> float:
        return self._plotter.end if self._plotter else 0.0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is ours only while there is a crosshair."""
        return action != "leave_cross" or self._view.cross is not None

    def action_zoom(self, factor: float) -> None:
        """Show factor times as much, around the crosshair or the middle."""
        self.view = self._view.zoom(factor, self._end)

    def action_pan(self, share: float) -> None:
        """Move by a share of the width."""
        self.view = self._view.pan(share, self._end)

    def action_cross(self, columns: int) -> None:
        """Show the crosshair or move it by half cells."""
        count = self._plotter.box.columns if self._plotter else 0
        if count:
            self._hovering = False
            self.view = self._view.move_cross(columns, count, self._end)

    def action_leave_cross(self) -> None:
        """Take the crosshair away."""
        self.view = replace(self._view, cross=None)

    def action_fit(self) -> None:
        """Show everything."""
        self.view = replace(self._view, x=None)

    def action_log(self) -> None:
        """Switch between linear and logarithmic y."""
        self.view = replace(self._view, log_y=not self._view.log_y)

    def action_smooth(self) -> None:
        """Next smoothing."""
        self.view = self._view.next_smooth()

    def action_band(self) -> None:
        """Next band."""
        self.view = self._view.next_band()

    # -- mouse -------------------------------------------------------------------------------------------

    def _x_at(self, column: int) -> float | None:
        """The x under a cell, None beside the plot."""
        box = self._plotter.box if self._plotter else None
        if box is None or not box.left <= column < box.left + box.width:
            return None
        x0, x1 = self._view.span(self._end)
        return x0 + (column - box.left + 0.5) / box.width * (x1 - x0)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the crosshair, or the data if a button is held."""
        if self._dragged is not None and self._plotter is not None:
            start, view = self._dragged
            self.view = view.pan((start - event.x) / max(self._plotter.box.width, 1), self._end)
        elif (x := self._x_at(event.x)) is not None:
            self._hovering = True
            self.view = replace(self._view, cross=x)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag."""
        if self._x_at(event.x) is not None:
            self._dragged = (event.x, replace(self._view, cross=None))
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        """End of a drag."""
        self._dragged = None
        self.release_mouse()

    def on_leave(self) -> None:
        """The crosshair that followed the mouse goes; one set by keys stays."""
        if self._hovering:
            self._hovering = False
            self.action_leave_cross()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in on what is under the mouse."""
        event.stop()
        self.view = self._view.zoom(0.8, self._end, self._x_at(event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out from what is under the mouse."""
        event.stop()
        self.view = self._view.zoom(1.25, self._end, self._x_at(event.x))

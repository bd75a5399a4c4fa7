"""The live chart: learning curves with bands, zoom, crosshair and values at the curve ends.

Rule: it draws only when a shown curve, the size, the theme or the view changed, and repaints only rows that
differ. numpy is imported in a thread once the first frame is on the screen; until then there is a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.core.curve import Curve
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.plot_input import TALL, Place, PlotInput
from deeprl_tui.tui.widgets.view import View, caption

if TYPE_CHECKING:  # numpy
    from deeprl_tui.tui.widgets.chart.canvas import Look
    from deeprl_tui.tui.widgets.chart.plotter import Plotter

PLOTTER = "deeprl_tui.tui.widgets.chart.plotter"
_TURNED: Final = Style(reverse=True)
STRIPS = "deeprl_tui.tui.widgets.chart.strips"


def look_of(widget: Widget) -> "Look":
    """The colors a chart in this widget is drawn with. Imports numpy."""
    from deeprl_tui.tui.widgets.chart.canvas import Look

    palette = Palette.of(widget.app)
    background = palette.background if palette.plain else widget.background_colors[1].hex6
    return Look(background, palette.foreground, palette.warning, palette.dark, palette.plain)


@dataclass(frozen=True, slots=True)
class CurveData:
    """One line: an experiment, the color of its name, and the live curves of its seeds."""

    name: str
    color: str  # `#rrggbb` or `ansi_*`
    seeds: Sequence[Curve]
    selected: bool = False


class CurvePlot(PlotInput):
    """A chart of `CurveData`. `set_curves` at every tick is fine: it draws only if something changed."""

    DEFAULT_CSS = "CurvePlot { width: 1fr; height: 1fr; }"

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
        empty: str = "no episodes yet",
        view: View | None = None,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's name)
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
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
        import_module(PLOTTER)
        import_module(STRIPS)
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

        self._plotter.follow(self._curves, self._view)
        look = look_of(self)
        frame = self._plotter.draw(width, height, self._view, look, self._refs, self._empty)
        self._strips = frame_strips(frame, "" if look.plain else look.background)
        self._mark_out()
        told = (self._view, self.caption())
        if told != self._told:
            self._told = told
            self.post_message(self.Changed(self))

    def _mark_out(self) -> None:
        """Turn around the cells of the box that is marked out."""
        drag, place = self.drag, self.place
        if drag is None or not drag.box or place is None or drag.start == drag.at:
            return
        left, right = sorted((drag.start[0], drag.at[0]))
        left, right = max(left, place.left), min(right + 1, place.left + place.width)
        top, bottom = sorted((drag.start[1], drag.at[1]))
        if bottom - top < TALL:
            top, bottom = 0, place.height - 1
        for y in range(max(0, top), min(bottom, place.height - 1) + 1):
            strip = self._strips[y]
            parts = strip.divide([left, right, strip.cell_length])
            if right > left and len(parts) == 3:
                self._strips[y] = Strip.join([parts[0], parts[1].apply_style(_TURNED), parts[2]])

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

    # -- what keys and mouse need ------------------------------------------------------------------------

    @property
    def end(self) -> float:
        """The largest x there is."""
        return self._plotter.end if self._plotter else 0.0

    @property
    def place(self) -> Place | None:
        """Where the plot is."""
        if self._plotter is None:
            return None
        box, area = self._plotter.box, self._plotter.area
        return Place(box.left, box.width, box.height, area.y0, area.y1, area.log_y)

    def drag_changed(self) -> None:
        """Show the box that is marked out."""
        self._touch()

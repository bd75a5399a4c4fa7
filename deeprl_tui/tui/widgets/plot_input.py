"""What keys and the mouse do to a chart: each makes another view of it.

Rule: nothing is drawn here; a subclass draws `view` and says where its plot is. A drag moves a zoomed chart;
in one that shows everything it marks out what to zoom to, as it does with ctrl or the right button.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Final, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from deeprl_tui.tui.widgets.view import View

TALL: Final = 3
"""A box over fewer rows than this is about x only."""


class Place(NamedTuple):
    """Where a plot is in its widget, in cells, and what its sides stand for."""

    left: int
    width: int
    height: int
    y0: float = 0.0
    y1: float = 1.0
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class Drag:
    """A button that is held: where it was pressed, in what view, and where the mouse is."""

    start: tuple[int, int]
    at: tuple[int, int]
    view: View
    box: bool


class PlotInput(Widget, can_focus=True):
    """A widget with a view that keys and mouse change."""

    ALLOW_SELECT = False  # a drag pans
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "zoom(0.7)", "Zoom in", show=False, id="chart.zoom_in"),
        Binding("minus", "zoom(1.43)", "Zoom out", show=False, id="chart.zoom_out"),
        Binding("left", "cross(-2)", "Crosshair left", show=False, id="chart.cross_left"),
        Binding("right", "cross(2)", "Crosshair right", show=False, id="chart.cross_right"),
        Binding("shift+left", "pan(-0.2)", "Pan left", show=False, id="chart.pan_left"),
        Binding("shift+right", "pan(0.2)", "Pan right", show=False, id="chart.pan_right"),
        Binding("0", "fit", "Fit", show=False, id="chart.fit"),
        Binding("f", "tail", "Follow", show=False, id="chart.tail"),
        Binding("X", "axis", "X axis", show=False, id="chart.axis"),
        Binding("L", "log", "Log y", show=False, id="chart.log"),
        Binding("s", "smooth", "Smooth", show=False, id="chart.smooth"),
        Binding("b", "band", "Band", show=False, id="chart.band"),
        Binding("S", "seeds", "Seeds", show=False, id="chart.seeds"),
        Binding("number_sign", "marks", "Shapes", show=False, id="chart.marks"),
        Binding("escape", "leave_cross", "Leave crosshair", show=False, id="chart.leave_cross"),
    ]

    view: View
    drag: Drag | None = None
    _hovering = False

    @property
    @abstractmethod
    def end(self) -> float:
        """The largest x there is."""

    @property
    @abstractmethod
    def place(self) -> Place | None:
        """Where the plot is; None as long as nothing was drawn."""

    @abstractmethod
    def drag_changed(self) -> None:
        """The box that is marked out is another, or it is gone."""

    # -- keys --------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is ours only while there is a crosshair."""
        return action != "leave_cross" or self.view.cross is not None

    def action_zoom(self, factor: float) -> None:
        """Show factor times as much, around the crosshair or the middle."""
        self.view = self.view.zoom(factor, self.end)

    def action_pan(self, share: float) -> None:
        """Move by a share of the width."""
        self.view = self.view.pan(share, self.end)

    def action_cross(self, columns: int) -> None:
        """Show the crosshair or move it by half cells."""
        place = self.place
        if place is not None and place.width:
            self._hovering = False
            self.view = self.view.move_cross(columns, 2 * place.width, self.end)

    def action_leave_cross(self) -> None:
        """Take the crosshair away."""
        self.view = replace(self.view, cross=None)

    def action_fit(self) -> None:
        """Show everything."""
        self.view = self.view.fit()

    def action_tail(self) -> None:
        """Follow the end, or hold still."""
        self.view = self.view.follow(self.end)

    def action_axis(self) -> None:
        """Next x axis."""
        self.view = self.view.next_axis()

    def action_log(self) -> None:
        """Switch between linear and logarithmic y."""
        self.view = replace(self.view, log_y=not self.view.log_y, y=None)

    def action_smooth(self) -> None:
        """Next smoothing."""
        self.view = self.view.next_smooth()

    def action_band(self) -> None:
        """Next band."""
        self.view = self.view.next_band()

    def action_seeds(self) -> None:
        """Draw each seed as a faint line, or not."""
        self.view = replace(self.view, seeds=not self.view.seeds)

    def action_marks(self) -> None:
        """Put a shape on each curve, or not."""
        self.view = replace(self.view, marks=not self.view.marks)

    # -- mouse -------------------------------------------------------------------------------------------

    def _x_at(self, column: float) -> float | None:
        """The x under a cell, None beside the plot."""
        place = self.place
        if place is None or not place.left <= column < place.left + place.width:
            return None
        x0, x1 = self.view.span(self.end)
        return x0 + (column - place.left + 0.5) / place.width * (x1 - x0)

    def _y_at(self, row: int) -> float:
        """The y at the middle of a row."""
        place = self.place or Place(0, 1, 1)
        up = 1 - (min(max(row, 0), place.height - 1) + 0.5) / place.height
        if place.log_y and place.y0 > 0:
            return float(place.y0 * (place.y1 / place.y0) ** up)
        return place.y0 + up * (place.y1 - place.y0)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag."""
        if self._x_at(event.x) is None:
            return
        view = replace(self.view, cross=None)
        box = view.x is None or event.ctrl or event.shift or event.button == 3
        self.drag = Drag((event.x, event.y), (event.x, event.y), view, box)
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the data or mark out a box if a button is held, else the crosshair."""
        if self.drag is not None and self.place is not None:
            self.drag = replace(self.drag, at=(event.x, event.y))
            if self.drag.box:
                self.drag_changed()
            else:
                share = (self.drag.start[0] - event.x) / max(self.place.width, 1)
                self.view = self.drag.view.pan(share, self.end)
        elif (x := self._x_at(event.x)) is not None:
            self._hovering = True
            self.view = replace(self.view, cross=x)

    def on_mouse_up(self) -> None:
        """End of a drag: a box is what to see now."""
        drag, self.drag = self.drag, None
        self.release_mouse()
        if drag is not None and drag.box:
            self.drag_changed()
            self._zoom_to(drag)

    def _zoom_to(self, drag: Drag) -> None:
        place = self.place
        if place is None or abs(drag.at[0] - drag.start[0]) < 2:
            return
        inside = [min(max(one[0], place.left), place.left + place.width - 1) for one in (drag.start, drag.at)]
        low, high = (self._x_at(column) for column in sorted(inside))
        if low is None or high is None:
            return
        rows = sorted((drag.start[1], drag.at[1]))
        y = (self._y_at(rows[1]), self._y_at(rows[0])) if rows[1] - rows[0] >= TALL else None
        self.view = drag.view.box((low, high), y, self.end)

    def on_click(self, event: events.Click) -> None:
        """A second click shows everything again."""
        if event.chain == 2:
            self.action_fit()

    def on_leave(self) -> None:
        """The crosshair that followed the mouse goes; one set by keys stays."""
        if self._hovering:
            self._hovering = False
            self.action_leave_cross()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in on what is under the mouse."""
        event.stop()
        self.view = self.view.zoom(0.8, self.end, self._x_at(event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out from what is under the mouse."""
        event.stop()
        self.view = self.view.zoom(1.25, self.end, self._x_at(event.x))

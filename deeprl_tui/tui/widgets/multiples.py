"""Small charts of many experiments in a grid, one for each; those of one group have the same axes.

Rule: only groups in view are drawn, and again only if the data, the size or the look of one changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.curve_plot import PLOTTER, STRIPS, CurveData, look_of
from deeprl_tui.tui.widgets.lines import ground_of, strip_of
from deeprl_tui.tui.widgets.quiet import QuietScroll
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.widgets.scale import reading
from deeprl_tui.tui.widgets.view import View, caption
from deeprl_tui.tui.words import middle, plural

if TYPE_CHECKING:  # numpy
    from deeprl_tui.tui.widgets.chart.plotter import Plotter

LEAST: Final = 32
"""Cells of a tile at least, so so many tiles are beside each other."""
HIGH: Final = 9
"""Rows of a tile: its title and its chart."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One small chart. Tiles of one group follow each other and share their axes and dashed lines."""

    curve: CurveData
    group: str
    refs: tuple[tuple[float, str], ...] = ()


@dataclass(slots=True)
class _Group:
    """What tiles of one group share, and how they were drawn."""

    name: str
    tiles: list[Tile]
    top: int = 0  # first row of the grid: the name of the group
    wanted: object = None  # what decides how it looks
    drawn: object = None  # the same, of its strips
    strips: dict[str, list[Strip]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)  # at the curves' ends


class Multiples(QuietScroll):
    """A grid of tiles with a cursor. `set_tiles` at every tick is fine."""

    DEFAULT_CSS = "Multiples { width: 1fr; height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Left", show=False, id="tiles.left"),
        Binding("right,l", "move(1)", "Right", show=False, id="tiles.right"),
        Binding("up,k", "row(-1)", "Up", show=False, id="tiles.up"),
        Binding("down,j", "row(1)", "Down", show=False, id="tiles.down"),
        Binding("g,home", "end(0)", "First", show=False, id="tiles.first"),
        Binding("G,end", "end(-1)", "Last", show=False, id="tiles.last"),
        Binding("enter", "select", "Select", show=False, id="tiles.select"),
        *(
            Binding(key, f"view('{action}')", action, show=False, id=f"tiles.{action}")
            for key, action in (("s", "smooth"), ("b", "band"), ("X", "axis"), ("L", "log"))
        ),
    ]

    class Selected(Message):
        """Enter or a click on a tile."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Wish(Message):
        """A key about how curves are drawn: the action of a chart, without `action_`."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    class Moved(Message):
        """Other tiles are in view."""

    class Loaded(Message):
        """The thread has imported the modules that draw."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's name)
        super().__init__(id=id)
        self._tiles: list[Tile] = []
        self._groups: list[_Group] = []
        self._plotters: dict[str, Plotter] = {}
        self._view = View()
        self._ready = False
        self._asked = False
        self._shown: object = None
        self.cursor = ""
        """The name of the tile that the keys are on."""

    # -- what is shown -----------------------------------------------------------------------------------

    def set_tiles(self, tiles: Sequence[Tile], view: View, selected: str) -> None:
        """Show these tiles as a view says; the selected one has the cursor when it is a new one."""
        if not self._asked and self.is_attached:
            self._asked = True
            self.run_worker(self._load, thread=True, group="numpy")
        self._tiles, self._view = list(tiles), view
        names = [tile.curve.name for tile in tiles]
        if self.cursor not in names:
            self.cursor = selected if selected in names else next(iter(names), "")
        self._arrange()

    def in_view(self) -> set[str]:
        """The names of the tiles that can be seen, and of those a little above and below."""
        top, height = round(self.scroll_y) - HIGH, self.size.height + 2 * HIGH
        found = ((tile.curve.name, self._region(tile.curve.name)) for tile in self._tiles)
        return {name for name, region in found if region and top <= region.y < top + height}

    def caption(self) -> str:
        """`12 experiments · mean ± sd of 5 seeds`."""
        most = max((sum(len(seed) > 0 for seed in tile.curve.seeds) for tile in self._tiles), default=0)
        parts = [plural(len(self._tiles), "experiment"), caption(self._view, most, most)]
        return " · ".join(part for part in parts if part)

    def _load(self) -> None:
        import_module(PLOTTER)
        import_module(STRIPS)
        self.post_message(self.Loaded())

    def on_multiples_loaded(self) -> None:
        """Draw for the first time."""
        self._ready = True
        self._arrange()

    @property
    def _beside(self) -> int:
        return max(1, self.size.width // LEAST)

    def _arrange(self) -> None:
        """Place the groups below each other, and show those anew that changed."""
        before = {group.name: group for group in self._groups}
        groups: dict[str, _Group] = {}
        for tile in self._tiles:
            groups.setdefault(tile.group, _Group(tile.group, [])).tiles.append(tile)
        top = 0
        for group in groups.values():
            group.top = top
            top += 1 + HIGH * -(-len(group.tiles) // self._beside)
            if (old := before.get(group.name)) is not None:
                group.drawn, group.strips, group.values = old.drawn, old.strips, old.values
            group.wanted = self._state(group)
        self._groups = list(groups.values())
        for gone in self._plotters.keys() - groups.keys():
            del self._plotters[gone]
        size = Size(self.size.width, top)
        if size != self.virtual_size:
            self.virtual_size = size
        shown = (self.cursor, [(group.top, group.wanted) for group in self._groups])
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def _state(self, group: _Group) -> object:
        """What decides how a group looks."""
        curves = [
            (tile.curve, [(seed.generation, len(seed)) for seed in tile.curve.seeds]) for tile in group.tiles
        ]
        return self._ready, self._view, self.size.width, Palette.of(self.app), group.tiles[0].refs, curves

    # -- painting ----------------------------------------------------------------------------------------

    def _draw(self, group: _Group) -> None:
        """Make the strips of a group's charts."""
        from deeprl_tui.tui.widgets.chart.canvas import layout
        from deeprl_tui.tui.widgets.chart.draw import draw
        from deeprl_tui.tui.widgets.chart.plotter import Plotter, area_of
        from deeprl_tui.tui.widgets.chart.strips import frame_strips

        plotter = self._plotters.setdefault(group.name, Plotter())
        view, look = self._view, look_of(self)
        width, ground = self.size.width // self._beside - 1, "" if look.plain else look.background
        plotter.follow([tile.curve for tile in group.tiles], view)
        span = (0.0, plotter.end or 1.0)
        curves = plotter.curves(view, span, layout(width, HIGH - 1, []).columns, shapes=False)
        refs = group.tiles[0].refs
        area = area_of(View(axis=view.axis, log_y=view.log_y), span, curves, refs)
        group.strips, group.values = {}, {}
        for tile in group.tiles:
            name = tile.curve.name
            mine = [curve for curve in curves if curve.name == name]
            frame = draw(width, HIGH - 1, mine, area, look, refs=refs, empty="no data", labels=False)
            known = [value for value in mine[-1].mid.tolist() if value == value]
            group.strips[name] = frame_strips(frame, ground)
            group.values[name] = reading(known[-1]) if known else ""

    def _title(self, tile: Tile, value: str, width: int) -> Strip:
        palette, curve = Palette.of(self.app), tile.curve
        here = curve.name == self.cursor and self.has_focus
        name = middle(curve.name, max(1, width - len(value) - 4))
        pieces = [
            Piece("▌" if here else "·" if curve.selected else " ", palette.style("primary")),
            Piece(name, palette.style(curve.color, bold=here or curve.selected)),
            Piece(" " * max(1, width - 2 - len(name) - len(value)) + value, palette.style("foreground", 0.8)),
        ]
        return strip_of(pieces, width, ground_of(self))

    def render_line(self, y: int) -> Strip:
        """One row of the grid."""
        width, ground = self.size.width, ground_of(self)
        at = y + round(self.scroll_y)
        group = next((one for one in reversed(self._groups) if one.top <= at), None)
        if group is None or at >= self.virtual_size.height:
            return Strip.blank(width, ground)
        if at == group.top:
            quiet = Palette.of(self.app).style("foreground", LABEL)
            words = group.name if self._ready else f"{group.name}  reading…"
            return strip_of([Piece(words, quiet)], width, ground)
        if not self._ready or width < 8:
            return Strip.blank(width, ground)
        if group.drawn != group.wanted:
            group.drawn = group.wanted
            self._draw(group)
        row, line = divmod(at - group.top - 1, HIGH)
        parts: list[Strip] = []
        for tile in group.tiles[row * self._beside : (row + 1) * self._beside]:
            name = tile.curve.name
            chart = group.strips[name]
            title = self._title(tile, group.values[name], width // self._beside - 1) if not line else None
            parts += [title or chart[line - 1], Strip([Segment(" ", ground)], 1)]
        return Strip.join(parts).adjust_cell_length(width, ground)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Others came into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())

    def on_resize(self) -> None:
        """Another number of tiles may fit."""
        self._arrange()

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self._arrange()

    def on_focus(self) -> None:
        """The cursor shows."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor hides."""
        self.refresh()

    # -- keys and mouse ----------------------------------------------------------------------------------

    def _region(self, name: str) -> Region | None:
        for group in self._groups:
            for number, tile in enumerate(group.tiles):
                if tile.curve.name == name:
                    top = group.top + 1 + number // self._beside * HIGH
                    width = self.size.width // self._beside
                    return Region(number % self._beside * width, top, width, HIGH)
        return None

    def _go(self, name: str) -> None:
        if name and name != self.cursor:
            self.cursor = name
            self.refresh()
        region = self._region(name)
        if region is not None:
            self.scroll_to_region(region.grow((1, 0, 0, 0)), animate=False, force=True)

    def action_move(self, step: int) -> None:
        """The cursor to the tile before or after."""
        names = [tile.curve.name for tile in self._tiles]
        if self.cursor in names:
            self._go(names[min(max(names.index(self.cursor) + step, 0), len(names) - 1)])

    def action_row(self, step: int) -> None:
        """The cursor to the nearest tile of the row above or below."""
        here = self._region(self.cursor)
        if here is None:
            return
        regions = [(self._region(tile.curve.name), tile.curve.name) for tile in self._tiles]
        others = [
            (abs(region.y - here.y), abs(region.x - here.x), name)
            for region, name in regions
            if region is not None and (region.y - here.y) * step > 0
        ]
        if others:
            self._go(min(others)[2])

    def action_end(self, at: int) -> None:
        """The cursor to the first or the last tile."""
        if self._tiles:
            self._go(self._tiles[at].curve.name)

    def action_select(self) -> None:
        """Choose the tile under the cursor."""
        if self.cursor:
            self.post_message(self.Selected(self.cursor))

    def action_view(self, action: str) -> None:
        """Ask for another way to draw."""
        self.post_message(self.Wish(action))

    def on_click(self, event: events.Click) -> None:
        """Choose the tile under the mouse."""
        at = event.get_content_offset(self)
        if at is None:
            return
        for tile in self._tiles:
            region = self._region(tile.curve.name)
            if region is not None and region.contains(at.x, at.y + round(self.scroll_y)):
                self._go(tile.curve.name)
                self.post_message(self.Selected(tile.curve.name))

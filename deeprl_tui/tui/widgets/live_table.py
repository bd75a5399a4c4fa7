"""A table whose rows are redrawn one by one, because Textual's DataTable redraws every cell for one change.

Rule: rows are known by key. The cursor stays on its key however rows are sorted or replaced, headings cannot
have it, and a cell is text with a style, never markup.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.rows import Cell, Column, Piece, Row, line, pieces_of, row_styles, titles, widths

__all__ = ["Cell", "Column", "LiveTable", "Piece", "Row"]


class LiveTable(ScrollView, can_focus=True):
    """A live table. `set_rows` at every tick is fine: it redraws only the rows that differ."""

    DEFAULT_CSS = """
    LiveTable {
        background: transparent;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-color: $foreground 14%;
        scrollbar-color-hover: $primary 60%;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("home,g", "first", "First", show=False, id="table.first"),
        Binding("end,G", "last", "Last", show=False, id="table.last"),
        Binding("enter", "select", "Open", id="table.select"),
    ]

    class _About(Message):
        def __init__(self, table: "LiveTable", key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "LiveTable":
            """The table."""
            return self.table

    class Highlighted(_About):
        """The cursor is on another row; `key` is the row's."""

    class Selected(_About):
        """Enter or a double click on a row; `key` is the row's."""

    class HeaderClicked(_About):
        """A click on a column's title; `key` is the column's."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        header: bool = True,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's name)
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._columns = tuple(columns)
        self._header = int(header)
        self._rows: list[Row] = []
        self._index: dict[str, int] = {}
        self._cursor: str | None = None
        self._hover: str | None = None
        self._sort: tuple[str, bool] | None = None
        self._strips: dict[str, tuple[tuple[bool, bool, bool, int], Strip]] = {}
        self._looks: tuple[Style, Style, Style, Style] | None = None
        self.rendered = 0
        """Rows made so far: what tests and budgets look at."""

    # -- data --------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> str | None:
        """Key of the row under the cursor; None if there is no row to be on."""
        return self._cursor

    @property
    def keys(self) -> list[str]:
        """Keys of all rows that are not headings, from the top."""
        return [row.key for row in self._rows if not row.heading]

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Replace the columns. Rows must fit them."""
        self._columns = tuple(columns)
        self._strips.clear()
        self.refresh()

    def set_sort(self, column: str | None, descending: bool = False) -> None:
        """Show an arrow beside the title of the column that the caller sorts by."""
        sort = None if column is None else (column, descending)
        if sort != self._sort:
            self._sort = sort
            self.refresh(Region(0, 0, self.size.width, 1))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace all rows. No two keys may be equal. The cursor stays on its key if it still exists."""
        index = {row.key: at for at, row in enumerate(rows)}
        if len(index) != len(rows):
            raise ValueError("two rows have the same key")
        old, old_index = self._rows, self._index
        self._rows, self._index = list(rows), index
        if len(old) == len(rows) and all(a.key == b.key for a, b in zip(old, rows, strict=True)):
            changed = [row.key for row, before in zip(rows, old, strict=True) if row != before]
            for key in changed:
                self._strips.pop(key, None)
            self._refresh_rows(*changed)
        else:
            for row in old:
                at = index.get(row.key)
                if at is None or rows[at] != row:
                    self._strips.pop(row.key, None)
            self._fit()
            self.refresh()
        before, here = old_index.get(self._cursor or "", 0), self._place()
        if here < 0 or rows[here].heading:
            near = min(before, len(rows) - 1)
            found = (self._selectable(near, 1), self._selectable(near, -1))
            at = found[1] if found[0] is None else found[0]
            self._set_cursor(None if at is None else self._rows[at].key)
        elif before != here:
            self._show_cursor()

    def update_row(self, row: Row) -> bool:
        """Replace the row with the same key; False, and no redraw, if it is the same. KeyError if unknown."""
        at = self._index[row.key]
        if self._rows[at] == row:
            return False
        self._rows[at] = row
        self._strips.pop(row.key, None)
        self._refresh_rows(row.key)
        return True

    def move_to(self, key: str) -> None:
        """Put the cursor on a row. Does nothing for headings and unknown keys."""
        at = self._index.get(key)
        if at is not None and not self._rows[at].heading:
            self._set_cursor(key)

    # -- the cursor --------------------------------------------------------------------------------------

    def _place(self) -> int:
        return self._index.get(self._cursor or "", -1)

    def _selectable(self, start: int, step: int) -> int | None:
        """The first row that is no heading, from start in steps."""
        at = start
        while 0 <= at < len(self._rows):
            if not self._rows[at].heading:
                return at
            at += step
        return None

    def _set_cursor(self, key: str | None) -> None:
        before, self._cursor = self._cursor, key
        if key == before:
            return
        self._refresh_rows(*(k for k in (before, key) if k is not None))
        self._show_cursor()
        if key is not None:
            self.post_message(self.Highlighted(self, key))

    def _go(self, start: int, step: int) -> None:
        at = self._selectable(max(0, min(start, len(self._rows) - 1)), step)
        if at is not None:
            self._set_cursor(self._rows[at].key)
        elif step < 0 and self._rows:
            self.scroll_to(y=0, animate=False, immediate=True)  # only headings above: show them

    def _show_cursor(self) -> None:
        """Scroll just far enough, and only if the cursor left the view."""
        at = self._place()
        if at < 0 or not self.size.height:
            return
        first = at - 1 if at > 0 and self._rows[at - 1].heading else at  # with its heading
        top, room = round(self.scroll_y), max(1, self.size.height - self._header)
        if first < top:
            self.scroll_to(y=first, animate=False, force=True, immediate=True)
        elif at >= top + room:
            self.scroll_to(y=at - room + 1, animate=False, force=True, immediate=True)

    def action_move(self, rows: int) -> None:
        """Move by rows, over headings."""
        self._go(self._place() + rows, 1 if rows > 0 else -1)

    def action_page(self, pages: int) -> None:
        """Move by what fits on the screen."""
        target = self._place() + pages * max(1, self.size.height - self._header - 1)
        if self._selectable(max(0, min(target, len(self._rows) - 1)), pages) is None:
            pages = -pages
        self._go(target, pages)

    def action_first(self) -> None:
        """To the first row."""
        self._go(0, 1)

    def action_last(self) -> None:
        """To the last row."""
        self._go(len(self._rows) - 1, -1)

    def action_select(self) -> None:
        """Open the row under the cursor."""
        if self._cursor is not None:
            self.post_message(self.Selected(self, self._cursor))

    # -- painting ----------------------------------------------------------------------------------------

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + self._header)

    def _refresh_rows(self, *keys: str) -> None:
        top = round(self.scroll_y)
        regions = [
            Region(0, y, self.size.width, 1)
            for key in keys
            if self._header <= (y := self._index.get(key, -1) + self._header - top) < self.size.height
            and key in self._index
        ]
        if regions:
            self.refresh(*regions)

    def _styles(self) -> tuple[Style, Style, Style, Style]:
        if self._looks is None:
            self._looks = row_styles(Palette.of(self.app), self.background_colors[1].hex6)
        return self._looks

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self._looks = None
        self._strips.clear()

    def _line(self, bar: Segment, cells: Sequence[Cell], style: Style) -> Strip:
        return line(bar, cells, self._columns, self.size.width, style)

    def _titles(self) -> Strip:
        style = self._styles()[0] + Palette.of(self.app).style(strength=LABEL)
        cells = titles(self._columns, self.size.width, self._sort)
        return self._line(Segment(" ", style), cells, style)

    def render_line(self, y: int) -> Strip:
        """The titles, or a row."""
        base, under_cursor, picked, under_mouse = self._styles()
        if y < self._header:
            return self._titles()
        at = y - self._header + round(self.scroll_y)
        if at >= len(self._rows):
            return Strip.blank(self.size.width, base)
        row = self._rows[at]
        focus = self.has_focus
        state = (row.key == self._cursor, row.key == self._hover, focus, self.size.width)
        made = self._strips.get(row.key)
        if made is not None and made[0] == state:
            return made[1]
        self.rendered += 1
        style = base
        if state[0] and focus:
            style = under_cursor
        elif row.marked:
            style = picked
        elif state[1] and not row.heading:
            style = under_mouse
        strip = self._row(row, style, state[0] and focus)
        self._strips[row.key] = (state, strip)
        return strip

    def _row(self, row: Row, style: Style, current: bool) -> Strip:
        palette = Palette.of(self.app)
        if row.heading:
            pieces = pieces_of(row.cells[0] if row.cells else "", self.size.width - 1, style)
            strip = Strip([Segment(" ", style), *pieces])
            return strip.adjust_cell_length(self.size.width, style).simplify()
        bar = Segment(" ", style)
        if row.marked or current:
            bar = Segment("▌", style + palette.style("accent" if row.marked else "primary"))
        return self._line(bar, row.cells, style)

    # -- mouse and size ----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._fit()
        self._show_cursor()

    def _key_at(self, y: int) -> str | None:
        at = y - self._header + round(self.scroll_y)
        return self._rows[at].key if y >= self._header and 0 <= at < len(self._rows) else None

    def _set_hover(self, key: str | None) -> None:
        before, self._hover = self._hover, key
        if key != before:
            self._refresh_rows(*(k for k in (before, key) if k is not None))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tint the row under the mouse."""
        self._set_hover(self._key_at(event.y))

    def on_leave(self) -> None:
        """No row is under the mouse."""
        self._set_hover(None)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor, open on a double click, tell about a click on a title."""
        if event.y < self._header:
            column = self._column_at(event.x)
            if column is not None:
                self.post_message(self.HeaderClicked(self, column.key))
            return
        key = self._key_at(event.y)
        if key is None or self._rows[self._index[key]].heading:
            return
        again = key == self._cursor
        self.move_to(key)
        if again and event.chain >= 2:
            self.action_select()

    def _column_at(self, x: int) -> Column | None:
        start = 1
        for column, width in zip(self._columns, widths(self._columns, self.size.width), strict=True):
            if width and start <= x < start + width:
                return column
            start += width + 1 if width else 0
        return None

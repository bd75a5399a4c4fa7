"""A table whose rows are redrawn one by one, because Textual's DataTable redraws every cell for one change.

Rule: rows are known by key. The cursor stays on its key however rows are sorted or replaced, headings cannot
have it, and a cell is text with a style, never markup.
"""

from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.quiet import QuietScroll
from deeprl_tui.tui.widgets.row_list import RowList, row_text, table_text
from deeprl_tui.tui.widgets.row_painter import RowPainter
from deeprl_tui.tui.widgets.rows import (
    Cell,
    Column,
    Order,
    Piece,
    Row,
    column_at,
    first_order,
    line,
    next_order,
    row_styles,
    titles,
)

__all__ = ["Cell", "Column", "LiveTable", "Piece", "Row"]


class LiveTable(QuietScroll):
    """A live table. `set_rows` at every tick is fine: it redraws only the rows that differ."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("home,g", "first", "First", show=False, id="table.first"),
        Binding("end,G", "last", "Last", show=False, id="table.last"),
        Binding("enter", "select", "Open", id="table.select"),
        Binding("o", "sort", "Sort", show=False, id="table.sort"),
        Binding("O", "reverse", "Reverse", show=False, id="table.reverse"),
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

    class Sorted(_About):
        """The user wants the rows in another order; `key` is the column's, empty for no column."""

        def __init__(self, table: "LiveTable", key: str, descending: bool) -> None:
            super().__init__(table, key)
            self.descending = descending

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        header: bool = True,
        sortable: Collection[str] = (),  # keys of columns that whoever owns the table can sort by
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's name)
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._columns = tuple(columns)
        self._header = int(header)
        self._sortable = frozenset(sortable)
        self._rows = RowList()
        self._cursor: str | None = None
        self._hover: str | None = None
        self._sort: Order = None
        self._painter = RowPainter()
        self._looks: tuple[Style, Style, Style, Style] | None = None

    @property
    def rendered(self) -> int:
        """Rows painted so far: what tests and budgets look at."""
        return self._painter.painted

    # -- data --------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> str | None:
        """Key of the row under the cursor; None if there is no row to be on."""
        return self._cursor

    @property
    def keys(self) -> list[str]:
        """Keys of all rows that are not headings, from the top."""
        return [key for key in self._rows.keys if key not in self._rows.headings]

    @property
    def text(self) -> str:
        """The whole table as text, with tabs."""
        return table_text(self._rows, self._columns)

    @property
    def cursor_text(self) -> str:
        """The row under the cursor as text; empty without one."""
        return "" if self._cursor is None else row_text(self._rows.row(self._cursor))

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Replace the columns. Rows must fit them."""
        self._columns = tuple(columns)
        self._painter.clear()
        self.refresh()

    def set_sort(self, column: str | None, descending: bool = False) -> None:
        """Show an arrow beside the title of the column that the caller sorts by."""
        sort = None if column is None else (column, descending)
        if sort != self._sort:
            self._sort = sort
            self.refresh(Region(0, 0, self.size.width, 1))

    @property
    def sort(self) -> Order:
        """The column that the rows are sorted by, and whether downwards."""
        return self._sort

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace all rows. No two keys may be equal. The cursor stays on its key if it still exists."""
        self._replace(RowList.of(rows))

    def set_virtual(
        self, keys: Sequence[str], make: Callable[[str], Row], headings: Collection[str] = ()
    ) -> None:
        """Replace all rows by ones that are made when they come into view; for thousands of rows.

        headings: the keys of rows that are headings. Call it again whenever a row may have changed.
        """
        self._replace(RowList(keys, make, headings))

    def _replace(self, rows: RowList) -> None:
        old, self._rows = self._rows, rows
        if old.keys == rows.keys:
            top = round(self.scroll_y)
            seen = rows.keys[top : top + self.size.height]
            self._refresh_rows(*(key for key in seen if old.row(key) != rows.row(key)))
        else:
            self._fit()
            self.refresh()
        before, here = max(0, old.place(self._cursor)), self._place()
        if here < 0 or rows.keys[here] in rows.headings:
            near = min(before, len(rows) - 1)
            found = (rows.selectable(near, 1), rows.selectable(near, -1))
            at = found[1] if found[0] is None else found[0]
            self._set_cursor(None if at is None else rows.keys[at])
        elif before != here:
            self._show_cursor()

    def update_row(self, row: Row) -> bool:
        """Replace the row with the same key; False, and no redraw, if it is the same. KeyError if unknown."""
        if not self._rows.replace(row):
            return False
        self._refresh_rows(row.key)
        return True

    def move_to(self, key: str) -> None:
        """Put the cursor on a row. Does nothing for headings and unknown keys."""
        if self._rows.place(key) >= 0 and key not in self._rows.headings:
            self._set_cursor(key)

    # -- order -------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A table that cannot be sorted has no keys for it."""
        return bool(self._sortable) or action not in ("sort", "reverse")

    def action_sort(self) -> None:
        """Sort by the next column; after the last one in the first order again."""
        self._ask_sort(next_order(self._columns, self._sortable, self._sort))

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._ask_sort((self._sort[0], not self._sort[1])) if self._sort else self.action_sort()

    def _ask_sort(self, order: Order) -> None:
        self.set_sort(*order or (None, False))
        self.post_message(self.Sorted(self, *order or ("", False)))

    # -- the cursor --------------------------------------------------------------------------------------

    def _place(self) -> int:
        return self._rows.place(self._cursor)

    def _set_cursor(self, key: str | None) -> None:
        before, self._cursor = self._cursor, key
        if key == before:
            return
        self._refresh_rows(*(k for k in (before, key) if k is not None))
        self._show_cursor()
        if key is not None:
            self.post_message(self.Highlighted(self, key))

    def _go(self, start: int, step: int) -> None:
        at = self._rows.selectable(max(0, min(start, len(self._rows) - 1)), step)
        if at is not None:
            self._set_cursor(self._rows.keys[at])
        elif step < 0 and len(self._rows):
            self.scroll_to(y=0, animate=False, immediate=True)  # only headings above: show them

    def _show_cursor(self) -> None:
        """Scroll just far enough, and only if the cursor left the view."""
        at = self._place()
        if at < 0 or not self.size.height:
            return
        heading = at > 0 and self._rows.keys[at - 1] in self._rows.headings
        first = at - 1 if heading else at
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
        if self._rows.selectable(max(0, min(target, len(self._rows) - 1)), pages) is None:
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
            if (at := self._rows.place(key)) >= 0
            and self._header <= (y := at + self._header - top) < self.size.height
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
        self._painter.clear()

    def _titles(self) -> Strip:
        style = self._styles()[0] + Palette.of(self.app).style(strength=LABEL)
        cells = titles(self._columns, self.size.width, self._sort)
        return line(Segment(" ", style), cells, self._columns, self.size.width, style)

    def render_line(self, y: int) -> Strip:
        """The titles, or a row."""
        looks = self._styles()
        if y < self._header:
            return self._titles()
        at = y - self._header + round(self.scroll_y)
        if at >= len(self._rows):
            return Strip.blank(self.size.width, looks[0])
        row = self._rows.row(self._rows.keys[at])
        state = (row.key == self._cursor, row.key == self._hover, self.has_focus, self.size.width)
        return self._painter.paint(row, self._columns, state, looks, Palette.of(self.app))

    # -- mouse and size ----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self._fit()
        self._show_cursor()

    def _key_at(self, y: int) -> str | None:
        at = y - self._header + round(self.scroll_y)
        return self._rows.keys[at] if y >= self._header and 0 <= at < len(self._rows) else None

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
            column = column_at(self._columns, self.size.width, event.x)
            if column is not None:
                self.post_message(self.HeaderClicked(self, column.key))
                if column.key in self._sortable:
                    turn = self._sort is not None and self._sort[0] == column.key
                    self.action_reverse() if turn else self._ask_sort(first_order(column))
            return
        key = self._key_at(event.y)
        if key is None or key in self._rows.headings:
            return
        again = key == self._cursor
        self.move_to(key)
        if again and event.chain >= 2:
            self.action_select()

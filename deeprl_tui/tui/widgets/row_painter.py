"""Rows as strips, remembered until something about them is different.

Rule: what was painted for an equal row in the same state and width is used again.
"""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.rows import Column, Row, line, pieces_of

KEPT = 2000
"""Strips that are remembered at most."""

State = tuple[bool, bool, bool, int]
"""Under the cursor, under the mouse, table in focus, width of the table."""


class RowPainter:
    """Paints the rows of one table."""

    def __init__(self) -> None:
        self._strips: dict[str, tuple[State, Row, Strip]] = {}
        self.painted = 0

    def clear(self) -> None:
        """Forget all strips: columns or colors changed."""
        self._strips.clear()

    def paint(
        self,
        row: Row,
        columns: Sequence[Column],
        state: State,
        looks: tuple[Style, Style, Style, Style],
        palette: Palette,
    ) -> Strip:
        """A row in a state; looks: see `rows.row_styles`."""
        before = self._strips.get(row.key)
        if before is not None and before[0] == state and (before[1] is row or before[1] == row):
            return before[2]
        self.painted += 1
        if len(self._strips) > KEPT:
            self._strips.clear()
        base, under_cursor, picked, under_mouse = looks
        cursor, mouse, focus, width = state
        style = base
        if cursor and focus:
            style = under_cursor
        elif row.marked:
            style = picked
        elif mouse and not row.heading:
            style = under_mouse
        if row.heading:
            pieces = pieces_of(row.cells[0] if row.cells else "", width - 1, style)
            strip = Strip([Segment(" ", style), *pieces]).adjust_cell_length(width, style).simplify()
        else:
            bar = Segment(" ", style)
            if row.marked or (cursor and focus):
                bar = Segment("▌", style + palette.style("accent" if row.marked else "primary"))
            strip = line(bar, row.cells, columns, width, style)
        self._strips[row.key] = (state, row, strip)
        return strip

"""What a live table is made of, and how a row becomes a strip.

Rule: pure functions of rows, columns and width. Text is cleaned and cut here, by cells and not by characters.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from deeprl_tui.core.text import clean
from deeprl_tui.tui.colors import mix
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.text import cut


class Piece(NamedTuple):
    """Text in a style."""

    text: str
    style: Style


Cell: TypeAlias = str | Piece | list[Piece]
Order: TypeAlias = tuple[str, bool] | None
"""Key of the column that rows are sorted by, and whether downwards; None: as they came."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `flex`: it also gets the width that is left; at most one column does."""

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    min_table: int = 0  # hidden in a narrower table
    flex: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row. A heading shows its first cell over the whole width. `marked`: picked by the user."""

    key: str
    cells: tuple[Cell, ...]
    heading: bool = False
    marked: bool = False


def row_styles(palette: Palette, ground: str) -> tuple[Style, Style, Style, Style]:
    """Of a row, of the one under the cursor, of a picked one, of the one under the mouse."""
    if palette.plain:
        return Style(), Style(reverse=True), Style(), Style()
    tints = ((palette.primary, 0.18), (palette.accent, 0.08), (palette.foreground, 0.05))
    cursor, picked, hover = (Style(bgcolor=mix(ground, color, strength)) for color, strength in tints)
    return Style(bgcolor=ground), cursor, picked, hover


def widths(columns: Sequence[Column], table: int) -> list[int]:
    """Width of each column, 0 for hidden ones. A cell stands left of the first column and after each."""
    out = [0 if column.min_table > table else column.width for column in columns]
    left = table - 1 - sum(width + 1 for width in out if width)
    for at, column in enumerate(columns):
        if column.flex and out[at]:
            out[at] = max(1, out[at] + left)
            break
    return out


def column_at(columns: Sequence[Column], table: int, x: int) -> Column | None:
    """The column that stands at a cell of the table."""
    start = 1
    for column, width in zip(columns, widths(columns, table), strict=True):
        if width and start <= x < start + width:
            return column
        start += width + 1 if width else 0
    return None


def first_order(column: Column) -> Order:
    """How a column is sorted first: numbers downwards."""
    return column.key, column.align == "right"


def next_order(columns: Sequence[Column], sortable: Collection[str], now: Order) -> Order:
    """The order after this one, from column to column and then as they came."""
    found = [column for column in columns if column.key in sortable]
    at = next((at for at, column in enumerate(found) if now and column.key == now[0]), -1)
    return first_order(found[at + 1]) if at + 1 < len(found) else None


def titles(columns: Sequence[Column], table: int, sort: Order) -> list[Cell]:
    """The column titles, with an arrow in that of the sorted column (key, descending)."""
    out: list[Cell] = []
    for column, width in zip(columns, widths(columns, table), strict=True):
        arrow = ""
        if sort is not None and sort[0] == column.key:
            arrow = "↓" if sort[1] else "↑"
        out.append(cut(column.title, width - len(arrow)) + arrow)
    return out


def line(bar: Segment, cells: Sequence[Cell], columns: Sequence[Column], table: int, style: Style) -> Strip:
    """A row of cells after a bar of one cell, as wide as the table."""
    segments = [bar]
    for column, width, cell in zip(columns, widths(columns, table), cells, strict=False):
        if not width:
            continue
        pieces = pieces_of(cell, width, style)
        gap = Segment(" " * (width - sum(cell_len(piece.text) for piece in pieces)), style)
        segments += [gap, *pieces] if column.align == "right" else [*pieces, gap]
        segments.append(Segment(" ", style))
    return Strip(segments).adjust_cell_length(table, style).simplify()


def pieces_of(cell: Cell, width: int, style: Style) -> list[Segment]:
    """A cell in at most `width` cells, cleaned, on the row's style."""
    parts = [Piece(cell, Style())] if isinstance(cell, str) else [cell] if isinstance(cell, Piece) else cell
    out: list[Segment] = []
    room = width
    total = sum(cell_len(clean(part.text)) for part in parts)
    for part in parts:
        text = clean(part.text)
        size = cell_len(text)
        if total > width and size >= room:  # the ellipsis stands where the room ends
            shown = cut(text if size > room else text + " ", room)
            out.append(Segment(shown, style + part.style))
            break
        out.append(Segment(text, style + part.style))
        room -= size
    return out

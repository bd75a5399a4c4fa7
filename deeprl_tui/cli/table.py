"""Tables for a terminal: rows of cells in, lines of styled pieces out. Pure.

Rule: a table fits its width. Columns of little rank go first, then the widest text is cut. All text is
cleaned here and measured in cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from deeprl_tui.core.text import clean

GAP = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text in one style."""

    text: str
    style: str = ""


Value: TypeAlias = str | Cell | tuple[Cell, ...]
Line: TypeAlias = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; of those with a rank the highest one goes first when the space is short."""

    title: str
    right: bool = False
    rank: int = 0
    cut: bool = False  # may be shortened
    least: int = 12  # cells that a shortened one keeps


def lay(columns: Sequence[Column], rows: Sequence[Sequence[Value]], width: int) -> list[Line]:
    """Lay rows out under their titles in at most `width` cells. Columns without any text are left out."""
    cells = [[_pieces(value) for value in row] for row in rows]
    shown = [
        index
        for index in range(len(columns))
        if columns[index].rank == 0 or any(_width(row[index]) for row in cells)
    ]
    widths = {
        index: max([cell_len(columns[index].title), *(_width(row[index]) for row in cells)])
        for index in shown
    }

    def total() -> int:
        return sum(widths[index] for index in shown) + GAP * (len(shown) - 1)

    while total() > width and (droppable := [index for index in shown if columns[index].rank]):
        shown.remove(max(droppable, key=lambda index: columns[index].rank))
    for index in sorted(shown, key=lambda index: -widths[index]):
        if columns[index].cut and total() > width:
            widths[index] = max(columns[index].least, widths[index] - (total() - width))
    titles: list[Line] = [(Cell(column.title, "dim"),) for column in columns]
    return [
        _join([(_fit(row[index], widths[index]), widths[index], columns[index].right) for index in shown])
        for row in [titles, *cells]
    ]


def shorten(text: str, width: int) -> str:
    """Cut a name in at most `width` cells; the end stays, for it holds the seed."""
    if cell_len(text) <= width:
        return text
    slash = text.rfind("/")
    tail = text[slash:] if 0 <= len(text) - slash <= width // 2 and slash >= 0 else ""
    head = set_cell_size(text, max(0, width - 1 - cell_len(tail))).rstrip()
    return f"{head}…{tail}" if width > 0 else ""


def _pieces(value: Value) -> Line:
    if isinstance(value, str):
        return (Cell(clean(value)),)
    if isinstance(value, Cell):
        return (Cell(clean(value.text), value.style),)
    return tuple(Cell(clean(piece.text), piece.style) for piece in value)


def _width(line: Line) -> int:
    return sum(cell_len(piece.text) for piece in line)


def _fit(line: Line, width: int) -> Line:
    over = _width(line) - width
    if over <= 0:
        return line
    *before, last = line
    return (*before, Cell(shorten(last.text, max(1, cell_len(last.text) - over)), last.style))


def _join(parts: Sequence[tuple[Line, int, bool]]) -> Line:
    line: list[Cell] = []
    for number, (pieces, width, right) in enumerate(parts):
        space = " " * max(0, width - _width(pieces))
        if number:
            line.append(Cell(" " * GAP))
        if right:
            line.append(Cell(space))
        line += pieces
        if not right and number < len(parts) - 1:
            line.append(Cell(space))
    return tuple(piece for piece in line if piece.text)

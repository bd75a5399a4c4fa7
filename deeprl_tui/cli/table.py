"""Tables for a terminal: rows of cells in, lines of styled pieces out. Pure.

Rule: a table fits its width. Long texts are cut to their least, then columns go, those of the highest
rank first. All text is cleaned here and measured in cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from deeprl_tui.core.text import clean

GAP = 2
SQUEEZED = 6
"""Cells that a text keeps when no column is left to go."""


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
    floor: int = 0  # cells that it takes anyway, so that a live table stays calm


def lay(columns: Sequence[Column], rows: Sequence[Sequence[Value]], width: int) -> list[Line]:
    """Lay rows out under their titles in at most `width` cells. Columns without any text are left out."""
    cells = [[_pieces(value) for value in row] for row in rows]
    shown = [
        index
        for index in range(len(columns))
        if columns[index].rank == 0 or any(_width(row[index]) for row in cells)
    ]
    widths = {
        index: max(
            [columns[index].floor, cell_len(columns[index].title), *(_width(row[index]) for row in cells)]
        )
        for index in shown
    }

    def total(least: bool = False) -> int:
        return GAP * (len(shown) - 1) + sum(
            min(widths[index], columns[index].least) if least and columns[index].cut else widths[index]
            for index in shown
        )

    while total(least=True) > width and (droppable := [index for index in shown if columns[index].rank]):
        shown.remove(max(droppable, key=lambda index: columns[index].rank))
    texts = sorted((index for index in shown if columns[index].cut), key=lambda index: -columns[index].rank)
    for squeezed in (False, True):
        for index in texts:
            least = min(widths[index], SQUEEZED if squeezed else columns[index].least)
            widths[index] = max(least, widths[index] - max(0, total() - width))
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

"""Lines of the results as rows of a table, each with its interval and its seeds on a common axis.

Rule: pure. A row is drawn when it is seen, so ten thousand cost no more than a screenful.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.style import Style

from deeprl_tui.tui.result_columns import NAME, PLOT_WIDE, WIDE, ResultColumn, column_of, fitting
from deeprl_tui.tui.results import Browse, Line, Section, Shown
from deeprl_tui.tui.theme import FAINT, LABEL, STATES, Palette, text_style
from deeprl_tui.tui.widgets.rows import Cell, Column, Piece, Row, widths
from deeprl_tui.tui.words import middle, number

NAME_LEAST, NAME_MOST = 12, 28
_BAND: Final = 0.3
"""How much of a color the interval's ground has."""
_DOTS: Final = ((0x04, 0x02, 0x40, 0x01), (0x20, 0x10, 0x80, 0x08))
"""Braille dots of the left and the right half of a cell, in the order they are filled."""
_SOLVED: Final = "┊"
_OF_ONE: Final = {"runs": "state", "interval": "episodes"}
ENDED_EARLY: Final = ("failed", "lost", "stopped")
"""States of runs that count although they did not get to their end."""


@dataclass(frozen=True, slots=True)
class Look:
    """What decides how rows look, beside their data."""

    palette: Palette
    columns: tuple[ResultColumn, ...]  # in their order
    table: int  # width
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    name: int = NAME_LEAST

    @property
    def plot(self) -> int:
        """Width of the plot."""
        return PLOT_WIDE if self.table >= WIDE else next(c.width for c in self.columns if c.key == "plot")


def columns_for(browse: Browse) -> list[str]:
    """The columns; where a row is a single run, what is about many has its counterpart in its place."""
    if browse.unit == "experiment":
        return list(browse.columns)
    return list(dict.fromkeys(_OF_ONE.get(key, key) for key in browse.columns))


def look_of(browse: Browse, shown: Shown, palette: Palette, table: int) -> Look:
    """The look of rows in a table of this width; columns without room are left out."""
    longest = max((cell_len(line.key) for line in shown.lines()), default=0)
    most = NAME_MOST if table >= 100 else 18
    name = max(NAME_LEAST, min(longest, most))
    wanted = [column_of(key) for key in columns_for(browse)]
    extra = PLOT_WIDE - column_of("plot").width if table >= WIDE and "plot" in browse.columns else 0
    return Look(palette, tuple(fitting(wanted, table - extra, name)), table, dict(shown.ranges), name)


def table_columns(look: Look) -> list[Column]:
    """The columns as the table wants them; the changes, or else the name, take the room that is left."""
    last = any(column.key == "changes" for column in look.columns)
    out = [Column("state", "", 1), Column(NAME.key, "experiment", look.name, flex=not last)]
    for column in look.columns:
        width = look.plot if column.key == "plot" else column.width
        out.append(Column(column.key, column.head, width, column.align, flex=column.key == "changes"))
    return out


class TableRows:
    """All rows of a table, made one by one when they are asked for."""

    def __init__(self, shown: Shown, look: Look, drawn: Mapping[str, int], picks: Iterable[str]) -> None:
        self._look, self._drawn, self._picked = look, dict(drawn), frozenset(picks)
        self._sections = {f"# {section.title}": section for section in shown.sections if section.title}
        self._lines = {line.key: line for line in shown.lines()}
        self.keys: list[str] = []
        for section in shown.sections:
            if section.title:
                self.keys.append(f"# {section.title}")
            self.keys += [line.key for line in section.lines]

    @property
    def headings(self) -> Collection[str]:
        """Keys of the rows that are headings."""
        return self._sections.keys()

    def make(self, key: str) -> Row:
        """One row."""
        if key in self._sections:
            return Row(key, (heading_pieces(self._sections[key], self._look),), heading=True)
        cells = row_cells(self._lines[key], self._look, self._drawn.get(key))
        return Row(key, cells, marked=key in self._picked)


def row_cells(line: Line, look: Look, at: int | None) -> tuple[Cell, ...]:
    """The cells of one row."""
    palette = look.palette
    color = "foreground" if at is None else palette.curve(at)
    quiet, plain = palette.style("foreground", 0.6), palette.style()
    glyph = STATES[line.word]
    cells: list[Cell] = [
        Piece(glyph.glyph, palette.state(line.word)),
        Piece(middle(line.key, look.name), palette.style(color)),
    ]
    for column in look.columns:
        if column.key == "plot":
            cells.append(plot_pieces(line, look, color))
        elif column.key == "return":
            known = line.fresh or line.group is not None
            cells.append(Piece(column.text(line), plain if known else quiet))
        elif column.key == "runs":
            cells.append(_runs(column.text(line), line, palette))
        else:
            cells.append(Piece(column.text(line), quiet))
    return tuple(cells)


def _runs(text: str, line: Line, palette: Palette) -> list[Piece]:
    """The number of runs; missing ones and few ones stand out, and so do those that did not finish."""
    many, _, rough = text.partition(" ")
    pieces = [Piece(many, palette.style("error" if "/" in many else "foreground", 0.9))]
    if rough:
        pieces.append(Piece(f" {rough}", palette.style("warning", 0.7)))
    words = {record.state for record in line.records} if len(line.records) > 1 else set()
    ended = [word for word in ENDED_EARLY if word in words]
    return [
        *pieces,
        Piece(" ", Style()),
        *(Piece(STATES[word].seed_glyph, palette.state(word)) for word in ended),
    ]


def heading_pieces(section: Section, look: Look) -> list[Piece]:
    """The title of a section, how many rows it has, and its axis above the plots."""
    palette = look.palette
    quiet, faint = palette.style("foreground", LABEL), palette.style("foreground", FAINT)
    pieces = [Piece(section.title, quiet), Piece(f"  {len(section.lines)}", faint)]
    columns = table_columns(look)
    room = widths(columns, look.table)
    start, width = 0, 0
    for column, wide in zip(columns, room, strict=True):
        if column.key == "plot":
            width = wide
            break
        start += wide + 1 if wide else 0
    span = look.ranges.get(section.env)
    taken = sum(cell_len(piece.text) for piece in pieces)
    if not width or span is None or taken >= start:
        return pieces
    solved = section.lines[0].solved
    return [*pieces, Piece(" " * (start - taken), quiet), *axis_pieces(span, solved, width, palette)]


def axis_pieces(span: tuple[float, float], solved: float | None, width: int, palette: Palette) -> list[Piece]:
    """`22 ········ 195 ·· 200`: the ends of the axis, and the return at which the environment is solved."""
    faint = palette.style("foreground", FAINT)
    low, high = number(span[0]), number(span[1])
    inner = width - len(low) - len(high)
    if inner < 3:
        return [Piece(" " * width, faint)]
    rest = "┈" * inner
    if solved is None or not span[0] <= solved <= span[1]:
        return [Piece(low, faint), Piece(rest, palette.style("foreground", 0.2)), Piece(high, faint)]
    told = number(solved)
    at = place(solved, span, width) - len(low) - len(told) // 2
    grid = palette.style("foreground", 0.2)
    if at < 1 or at + len(told) >= inner:
        return [Piece(low, faint), Piece(rest, grid), Piece(high, faint)]
    return [
        Piece(low, faint),
        Piece("┈" * at, grid),
        Piece(told, palette.style("warning", 0.7)),
        Piece("┈" * (inner - at - len(told)), grid),
        Piece(high, faint),
    ]


def place(value: float, span: tuple[float, float], cells: int) -> int:
    """The cell that a value falls into."""
    low, high = span
    share = (value - low) / (high - low) if high > low else 0.5
    return min(cells - 1, max(0, int(share * cells)))


class Spot(NamedTuple):
    """A cell of a plot: the dots of the seeds, whether it is in the interval, and whether it is the value."""

    seeds: tuple[int, int]  # in its left and its right half
    inside: bool
    value: bool
    solved: bool


def spots(line: Line, span: tuple[float, float], width: int) -> list[Spot]:
    """A line on the axis."""
    seeds = [0] * (2 * width)
    for score in line.known:
        seeds[place(score, span, 2 * width)] += 1
    summary = line.summary
    first, last = width, -1
    if summary is not None and summary.low is not None and summary.high is not None:
        first, last = place(summary.low, span, width), place(summary.high, span, width)
    many = len(line.records) > 1
    at = place(line.value, span, width) if many and line.value is not None else -1
    solved = line.solved
    mark = place(solved, span, width) if solved is not None and span[0] <= solved <= span[1] else -1
    return [
        Spot((seeds[2 * x], seeds[2 * x + 1]), first <= x <= last, x == at, x == mark) for x in range(width)
    ]


def plot_pieces(line: Line, look: Look, color: str) -> list[Piece]:
    """The interval as a band, each run as a dot, the value as a block.

    Without colors `·─:●──3`: a line, and a point, two points or a number for the runs in a cell.
    """
    palette, span = look.palette, look.ranges.get(line.env)
    if span is None:
        return []
    cells = spots(line, span, look.plot)
    draw = _plain_spot if palette.plain else _spot
    strength = 0.75 if color == "foreground" else 1.0
    return [draw(spot, palette, color, strength) for spot in cells]


def _spot(spot: Spot, palette: Palette, color: str, strength: float) -> Piece:
    bits = sum(dot for half, many in zip(_DOTS, spot.seeds, strict=True) for dot in half[:many])
    dots = chr(0x2800 + bits) if bits else " "
    tone = palette.color(color, strength)
    if spot.value:
        return Piece(dots, text_style(palette.background) + Style(bgcolor=tone))
    if spot.inside:
        return Piece(dots, text_style(tone) + Style(bgcolor=palette.color(color, _BAND * strength)))
    if bits:
        return Piece(dots, text_style(tone))
    return Piece(_SOLVED, palette.style("warning", 0.4)) if spot.solved else Piece(" ", Style())


def _plain_spot(spot: Spot, palette: Palette, color: str, strength: float) -> Piece:
    many = sum(spot.seeds)
    if spot.value:
        return Piece("●", palette.style(color, bold=True))
    if many:
        return Piece("·:3456789"[min(many, 9) - 1], palette.style(color))
    if spot.inside:
        return Piece("─", palette.style(color))
    return Piece(_SOLVED, palette.style("warning", LABEL)) if spot.solved else Piece(" ", Style())

"""A picture of cells in a panel's middle, or words while there is none.

Rule: only rows whose cells changed are drawn again, and cells of the same look become one piece.
"""

from collections.abc import Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.core.playing import CELL, GLYPHS, Picture
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.lines import ground_of, strip_of
from deeprl_tui.tui.widgets.rows import Piece

SHADES = " ░▒▓█"
APART = 90
"""Two shades of gray, 0 to 255, that a terminal without colors shows as light and dark."""


class CellPicture(Widget):
    """Shows the newest picture it was given."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "CellPicture { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._picture: Picture | None = None
        self._words: list[list[Piece]] = []

    def set_picture(self, picture: Picture) -> None:
        """Show a picture."""
        before, self._picture = self._picture, picture
        if picture is before:
            return
        if before is None or (before.width, before.height) != (picture.width, picture.height):
            self.refresh()
            return
        size, top = picture.width * CELL, self._offset(picture)[1]
        regions = [
            Region(0, top + row, self.size.width, 1)
            for row in range(picture.height)
            if before.data[row * size : (row + 1) * size] != picture.data[row * size : (row + 1) * size]
        ]
        if regions:
            self.refresh(*regions)

    def set_words(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Show words in the place of a picture."""
        words = [list(line) for line in lines]
        if self._picture is not None or words != self._words:
            self._picture, self._words = None, words
            self.refresh()

    @property
    def text(self) -> str:
        """The words, as plain text."""
        return "\n".join("".join(piece.text for piece in line) for line in self._words)

    def _offset(self, picture: Picture) -> tuple[int, int]:
        width, height = self.size
        return max(0, (width - picture.width) // 2), max(0, (height - picture.height) // 2)

    def render_line(self, y: int) -> Strip:
        """One line."""
        width, ground = self.size.width, ground_of(self)
        picture = self._picture
        if picture is None:
            at = y - max(0, (self.size.height - len(self._words)) // 2)
            if not 0 <= at < len(self._words):
                return Strip.blank(width, ground)
            line = self._words[at]
            room = max(0, width - sum(len(piece.text) for piece in line)) // 2
            return strip_of([Piece(" " * room, ground), *line], width, ground)
        left, top = self._offset(picture)
        if not top <= y < top + picture.height:
            return Strip.blank(width, ground)
        plain = Palette.of(self.app).plain
        cells = pieces(picture, y - top, plain=plain)
        return Strip([Segment(" " * left, ground), *cells]).adjust_cell_length(width, ground)


def pieces(picture: Picture, row: int, *, plain: bool = False) -> list[Segment]:
    """Give a row of a picture in as few segments as it has looks. plain: without colors."""
    start = row * picture.width * CELL
    data = picture.data
    made = _plain if plain else _colored
    out: list[Segment] = []
    before, many = b"", 0
    for at in range(start, start + picture.width * CELL, CELL):
        cell = data[at : at + CELL]
        if cell != before:
            if many:
                out.append(made(before, many))
            before, many = cell, 0
        many += 1
    if many:
        out.append(made(before, many))
    return out


@lru_cache(16384)
def _colored(cell: bytes, many: int) -> Segment:
    return Segment(GLYPHS[cell[0]] * many, _style(cell[1:4] if cell[0] else b"", cell[4:7]))


@lru_cache(16384)
def _style(first: bytes, rest: bytes) -> Style:
    return Style(color=f"#{first.hex()}" if first else None, bgcolor=f"#{rest.hex()}")


@lru_cache(16384)
def _plain(cell: bytes, many: int) -> Segment:
    glyph = cell[0]
    first, rest = _gray(cell[1:4]), _gray(cell[4:7])
    if glyph and abs(first - rest) >= APART:
        return Segment(GLYPHS[glyph if first > rest else len(GLYPHS) - 1 - glyph] * many)
    share = glyph.bit_count() / 4
    gray = first * share + rest * (1 - share)
    return Segment(SHADES[round(gray / 255 * (len(SHADES) - 1))] * many)


def _gray(color: bytes) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]

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

from deeprl_tui.core import cells
from deeprl_tui.core.playing import GLYPHS, Picture
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.lines import ground_of, strip_of
from deeprl_tui.tui.widgets.rows import Piece


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
        top = self._offset(picture)[1]
        regions = [Region(0, top + row, self.size.width, 1) for row in cells.changed(before, picture)]
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
        shown = pieces(picture, y - top, plain=plain)
        return Strip([Segment(" " * left, ground), *shown]).adjust_cell_length(width, ground)


def pieces(picture: Picture, row: int, *, plain: bool = False) -> list[Segment]:
    """Give a row of a picture in as few segments as it has looks. plain: without colors."""
    made = _plain if plain else _colored
    return [made(cell, many) for cell, many in cells.runs(picture, row)]


@lru_cache(16384)
def _colored(cell: bytes, many: int) -> Segment:
    return Segment(GLYPHS[cell[0]] * many, _style(cell[1:4] if cell[0] else b"", cell[4:7]))


@lru_cache(16384)
def _style(first: bytes, rest: bytes) -> Style:
    return Style(color=f"#{first.hex()}" if first else None, bgcolor=f"#{rest.hex()}")


@lru_cache(16384)
def _plain(cell: bytes, many: int) -> Segment:
    return Segment(cells.colorless(cell) * many)

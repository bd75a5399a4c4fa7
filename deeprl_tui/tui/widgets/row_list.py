"""The rows of a live table: all of them made, or each made when it is painted.

Rule: pure. A table of 10,000 rows asks only for those in view, so sorting and filtering cost the keys alone.
"""

from collections.abc import Callable, Collection, Sequence

from deeprl_tui.core.text import clean
from deeprl_tui.tui.theme import STATES
from deeprl_tui.tui.widgets.rows import Cell, Column, Piece, Row

_WORDS = {state.glyph: word for word, state in STATES.items()}
_DRAWN = frozenset("━╸─") | frozenset(map(chr, range(0x2800, 0x2900)))
"""Characters of bars and trends: pictures, which a copy as text leaves out."""


class RowList:
    """Rows by place and by key. Raises ValueError if two have the same key."""

    def __init__(
        self,
        keys: Sequence[str] = (),
        make: Callable[[str], Row] | None = None,
        headings: Collection[str] = (),
    ) -> None:
        self.keys = list(keys)
        self._index = {key: at for at, key in enumerate(self.keys)}
        if len(self._index) != len(self.keys):
            raise ValueError("two rows have the same key")
        self._make = make
        self._made: dict[str, Row] = {}
        self.headings = frozenset(headings)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "RowList":
        """Rows that are made already."""
        out = cls([row.key for row in rows], None, [row.key for row in rows if row.heading])
        out._made = {row.key: row for row in rows}
        return out

    def __len__(self) -> int:
        return len(self.keys)

    def place(self, key: str | None) -> int:
        """Where a key is; -1 if nowhere."""
        return -1 if key is None else self._index.get(key, -1)

    def row(self, key: str) -> Row:
        """The row with a key. KeyError if there is none."""
        found = self._made.get(key)
        if found is None:
            if self._make is None or key not in self._index:
                raise KeyError(key)
            found = self._made[key] = self._make(key)
        return found

    def replace(self, row: Row) -> bool:
        """Put a row in place of the one with its key; False if it is the same. KeyError if there is none."""
        if self.row(row.key) == row:
            return False
        self._made[row.key] = row
        return True

    def selectable(self, start: int, step: int) -> int | None:
        """The first place with a row that is no heading, from start in steps."""
        at = start
        while 0 <= at < len(self.keys):
            if self.keys[at] not in self.headings:
                return at
            at += step
        return None


def row_text(row: Row) -> str:
    """A row as text: its cells with tabs between them."""
    return "\t".join(map(_plain, row.cells))


def table_text(rows: RowList, columns: Sequence[Column]) -> str:
    """All rows as text under the names of the columns, hidden ones too."""
    head = "\t".join(column.title or column.key for column in columns)
    return "\n".join([head, *(row_text(rows.row(key)) for key in rows.keys)]) + "\n"


def _plain(cell: Cell) -> str:
    """A cell as text: a glyph alone is its word, and what is drawn is left out."""
    parts = (
        [cell]
        if isinstance(cell, str)
        else [cell.text]
        if isinstance(cell, Piece)
        else [p.text for p in cell]
    )
    text = "".join(parts).strip()
    kept = "".join(char for char in clean(text) if char not in _DRAWN)
    return _WORDS.get(text, kept.strip())

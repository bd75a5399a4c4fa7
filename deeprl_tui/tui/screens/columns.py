"""The dialog that chooses the columns of the results, their order, and what rows are grouped by.

Rule: it answers with a new Browse, or with None; the table behind it changes when it is closed.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from deeprl_tui.tui.result_columns import KNOWN, column_of, settings_of
from deeprl_tui.tui.results import BY_ENV, COLUMNS, FLAT, Browse, Line
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.rows import Column, Piece, Row

_COLUMNS = (Column("mark", "", 3), Column("name", "column", 24), Column("about", "", 20, flex=True))


class _Table(LiveTable, inherit_bindings=False):
    """A table in which g groups."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in LiveTable.BINDINGS if not (isinstance(one, Binding) and one.id == "table.first")
    ]


class ColumnsScreen(ModalScreen[Browse | None]):
    """Chooses columns and a grouping."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("space", "mark", "Show or hide", show=False),
        Binding("g", "group", "Group by it", show=False),
        Binding("J,shift+down", "shift(1)", "Further right", show=False),
        Binding("K,shift+up", "shift(-1)", "Further left", show=False),
        Binding("slash", "find", "Search", show=False),
        Binding("0", "reset", "As at first", show=False),
        Binding("q", "leave", "Cancel", show=False),
    ]
    AUTO_FOCUS = "#columns"

    def __init__(self, browse: Browse, lines: Sequence[Line]) -> None:
        super().__init__()
        self.browse = browse
        settings = settings_of(lines)
        self._settings = [key for key in settings if key not in {column.key for column in KNOWN}]
        self._words: list[str] = []

    def compose(self) -> ComposeResult:
        """What there is to choose, a field to search in, two buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Columns"
            dialog.border_subtitle = (
                "space shows or hides · K J moves · g groups by it · / searches · 0 as at first"
            )
            yield _Table(_COLUMNS, header=False, id="columns")
            yield Field(placeholder="search columns and settings", id="find")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Done", id="done", compact=True, variant="primary")

    def on_mount(self) -> None:
        """Show what there is."""
        self._show()

    @property
    def table(self) -> LiveTable:
        """What there is to choose."""
        return self.query_one("#columns", LiveTable)

    def _show(self) -> None:
        palette, browse = Palette.of(self.app), self.browse
        quiet, plain = palette.style("foreground", LABEL), palette.style()
        others = [column.key for column in KNOWN if column.key not in browse.columns]
        settings = [key for key in self._settings if key not in browse.columns]
        rows: list[Row] = []
        parts = (("Shown, from the left", browse.columns), ("Results", others), ("Settings", settings))
        for title, found in parts:
            hits = [key for key in found if self._fits(key)]
            if hits:
                rows.append(Row(f"# {title}", (Piece(title, quiet),), heading=True))
            for key in hits:
                on = key in browse.columns
                tick = Piece("[x]" if on else "[ ]", palette.style("accent", bold=True) if on else quiet)
                about = column_of(key).about
                if key == browse.group:
                    about = f"grouped by it · {about}"
                rows.append(Row(key, (tick, Piece(key, plain), Piece(about, quiet))))
        if not rows:
            rows.append(Row("# none", (Piece("no column has these words", quiet),), heading=True))
        self.table.set_rows(rows)

    def _fits(self, key: str) -> bool:
        text = f"{key} {column_of(key).about}".lower()
        return all(word in text for word in self._words)

    def action_mark(self) -> None:
        """Show or hide the column; what is shown last stands last."""
        key = self.table.cursor
        if key is None:
            return
        kept = tuple(one for one in self.browse.columns if one != key)
        columns = kept if len(kept) < len(self.browse.columns) else (*kept, key)
        self.table.action_move(1)
        self.browse = replace(self.browse, columns=columns)
        self._show()

    def action_shift(self, step: int) -> None:
        """Move a shown column."""
        key, columns = self.table.cursor, list(self.browse.columns)
        if key is None or key not in columns:
            self.app.bell()
            return
        at = columns.index(key)
        to = min(len(columns) - 1, max(0, at + step))
        columns.insert(to, columns.pop(at))
        self.browse = replace(self.browse, columns=tuple(columns))
        self._show()

    def action_group(self) -> None:
        """Group by a setting or the environment, or no longer."""
        key = self.table.cursor
        if key is None or key not in (*self._settings, BY_ENV):
            self.app.bell()
            return
        self.browse = replace(self.browse, group=FLAT if key == self.browse.group else key)
        self._show()

    def action_reset(self) -> None:
        """The columns that are shown at first."""
        self.browse = replace(self.browse, columns=COLUMNS)
        self._show()

    def action_find(self) -> None:
        """Go to the search."""
        self.query_one("#find").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search."""
        self._words = event.value.lower().split()
        self._show()

    def on_input_submitted(self) -> None:
        """Back to the rows."""
        self.table.focus()

    def on_live_table_selected(self) -> None:
        """Enter closes the dialog."""
        self.dismiss(self.browse)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Close it."""
        self.dismiss(self.browse if event.button.id == "done" else None)

    def action_leave(self) -> None:
        """Leave everything as it was."""
        self.dismiss(None)

"""The help: all keys of the screen, searched by typing; enter does what the line says."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from deeprl_tui.tui import keys
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.rows import Column, Piece, Row

_COLUMNS = (Column("key", "key", 9, "right"), Column("help", "does", 20, flex=True))


class HelpScreen(ModalScreen[str | None]):
    """Shows keys; its result is the key to press, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "close", "Close", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("enter", "run", "Run", show=False, priority=True),
    ]

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def compose(self) -> ComposeResult:
        """A field to search in, and the keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Keys"
            dialog.border_subtitle = "type to search · enter does it · esc closes"
            yield Field(placeholder="search keys", id="search")
            yield LiveTable(_COLUMNS, header=False, id="keys")

    def on_mount(self) -> None:
        """Show all keys."""
        self._show("")
        self.set_focus(self.query_one("#search"))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search."""
        self._show(event.value)

    def _show(self, text: str) -> None:
        palette, words = Palette.of(self.app), text.lower().split()
        accent, plain = palette.style("accent", bold=True), palette.style()
        quiet = palette.style("foreground", LABEL)
        rows: list[Row] = []
        for title, found in keys.sections(self._where):
            hits = [
                key
                for key in found
                if all(word in f"{key.shown} {key.label} {key.help} {title}".lower() for word in words)
            ]
            if hits:
                rows.append(Row(f"# {title}", (Piece(title, quiet),), heading=True))
            rows += [
                Row(key.id, (Piece(key.shown, accent), Piece(key.help, plain if key.keys else quiet)))
                for key in hits
            ]
        if not rows:
            rows = [Row("# none", (Piece(f"no key for that: {text}", quiet),), heading=True)]
        table = self.query_one("#keys", LiveTable)
        table.set_rows(rows)
        if text:
            table.action_first()

    def action_move(self, step: int) -> None:
        """Move while the field has the focus."""
        self.query_one("#keys", LiveTable).action_move(step)

    def action_close(self) -> None:
        """Do nothing."""
        self.dismiss(None)

    def on_live_table_selected(self) -> None:
        """A double click."""
        self.action_run()

    def action_run(self) -> None:
        """Do what the line says."""
        chosen = self.query_one("#keys", LiveTable).cursor
        key = next((key for key in keys.KEYS if key.id == chosen), None)
        self.dismiss(key.keys.partition(",")[0] if key is not None and key.keys else None)

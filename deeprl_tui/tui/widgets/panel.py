"""A bordered panel with colored titles; titles that are tabs can be clicked.

Rule: a title is drawn again only if it changed, because that repaints the border.
"""

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.containers import Container
from textual.message import Message

from deeprl_tui.core.text import clean
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.rows import Piece


class Panel(Container):
    """A border with a title at the top left and facts at the bottom right."""

    DEFAULT_CSS = """
    Panel {
        border: round $border;
        border-title-style: none;
        border-subtitle-style: none;
        background: $background;
        height: 1fr;
        width: 1fr;
    }
    Panel:focus-within { border: round $border-focus; }
    """

    class TabClicked(Message):
        """A click on one of the titles."""

        def __init__(self, panel: "Panel", tab: int) -> None:
            super().__init__()
            self.panel = panel
            self.tab = tab

        @property
        def control(self) -> "Panel":
            """The panel."""
            return self.panel

    def __init__(self, *children: Any, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(*children, id=id, classes=classes)
        self._shown: dict[str, list[Piece]] = {}
        self._tabs: list[tuple[int, int]] = []

    def set_title(self, title: Sequence[Piece]) -> None:
        """Write at the top left."""
        self._tabs = []
        self._write("title", list(title))

    def set_tabs(self, names: Sequence[str], active: int) -> None:
        """Write titles of which one is on."""
        palette, at = Palette.of(self.app), 3
        pieces: list[Piece] = []
        tabs = []
        for index, name in enumerate(names):
            on = index == active
            style = palette.style("accent", bold=True) if on else palette.style("foreground", LABEL)
            if palette.plain and on:
                name = f"[{name}]"  # without color something else has to say it
            pieces += [Piece(name, style), Piece("  ", palette.style())]
            tabs.append((at, at + cell_len(name)))
            at += cell_len(name) + 2
        self._write("title", pieces[:-1])
        self._tabs = tabs

    def set_subtitle(self, text: str) -> None:
        """Write at the bottom right."""
        self._write(
            "subtitle", [Piece(text, Palette.of(self.app).style("foreground", LABEL))] if text else []
        )

    def _write(self, where: str, pieces: list[Piece]) -> None:
        if self._shown.get(where, []) == pieces:
            return
        self._shown[where] = pieces
        text = Text(no_wrap=True)
        for piece in pieces:
            text.append(clean(piece.text), piece.style)
        if where == "title":
            self.border_title = text
        else:
            self.border_subtitle = text

    def on_click(self, event: events.Click) -> None:
        """Find the title under the mouse."""
        if event.widget is self and event.screen_y == self.region.y:
            x = event.screen_x - self.region.x
            for tab, (start, end) in enumerate(self._tabs):
                if start <= x < end:
                    event.stop()
                    self.post_message(self.TabClicked(self, tab))

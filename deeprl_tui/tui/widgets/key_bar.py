"""The line of keys at the bottom, each of which can be clicked; also where a key says why it does nothing.

Rule: what does not fit is left out from the end, but help and quit always stay.
"""

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.core.text import clean
from deeprl_tui.tui.keys import Key
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.lines import ground_of, strip_of
from deeprl_tui.tui.widgets.rows import Piece

SAID_S = 4.0
_ALWAYS = ("help", "quit")


class KeyBar(Widget):
    """Keys and what they do."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "KeyBar { height: 1; width: 1fr; background: $background; }"

    def __init__(self, keys: Sequence[Key], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._keys = list(keys)
        self._said = ""
        self._places: list[tuple[int, int, Key]] = []

    def say(self, text: str) -> None:
        """Say something for a few seconds instead of the keys."""
        self._said = clean(text)
        self.refresh()
        self.set_timer(SAID_S, self._unsay) if text else None

    @property
    def said(self) -> str:
        """What it says now."""
        return self._said

    def _unsay(self) -> None:
        self._said = ""
        self.refresh()

    def fitting(self, width: int) -> list[Key]:
        """The keys that have room."""
        must = sum(self._room(key) for key in self._keys if key.id in _ALWAYS)
        out, left = [], width - 1 - must
        for key in self._keys:
            if key.id in _ALWAYS:
                out.append(key)
            elif self._room(key) <= left:
                out.append(key)
                left -= self._room(key)
            else:
                left = 0
        return out

    @staticmethod
    def _room(key: Key) -> int:
        return cell_len(key.shown) + 1 + cell_len(key.label) + 2

    def render_line(self, y: int) -> Strip:
        """The line."""
        palette, width = Palette.of(self.app), self.size.width
        ground = ground_of(self)
        self._places = []
        if self._said:
            return strip_of([Piece(" " + self._said, palette.style("warning"))], width, ground)
        line = [Piece(" ", palette.style())]
        at = 1
        for key in self.fitting(width):
            room = self._room(key)
            line += [
                Piece(key.shown, palette.style("accent", bold=True)),
                Piece(f" {key.label}  ", palette.style("foreground", 0.6)),
            ]
            self._places.append((at, at + room - 2, key))
            at += room
        return strip_of(line, width, ground)

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the mouse does."""
        for start, end, key in self._places:
            if start <= event.x < end:
                event.stop()
                self.app.simulate_key(key.keys.partition(",")[0])

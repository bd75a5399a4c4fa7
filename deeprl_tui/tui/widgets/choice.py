"""One of a few words, chosen with arrows, space or a click.

Rule: all of them are always to be seen.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.lines import ground_of, strip_of
from deeprl_tui.tui.widgets.rows import Piece


class Choice(Widget, can_focus=True):
    """`(•) skip  ( ) resume  ( ) fresh`."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,l", "turn(1)", "Next", show=False),
        Binding("left,h", "turn(-1)", "Before", show=False),
    ]

    class Changed(Message):
        """Another one was chosen."""

        def __init__(self, choice: "Choice") -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> "Choice":
            """The choice."""
            return self.choice

    def __init__(self, options: Sequence[tuple[str, str]], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._options = list(options)  # value, words
        self._at = 0

    @property
    def value(self) -> str:
        """What is chosen."""
        return self._options[self._at][0]

    def action_turn(self, step: int) -> None:
        """Choose the next one."""
        self._choose((self._at + step) % len(self._options))

    def _choose(self, at: int) -> None:
        if at != self._at:
            self._at = at
            self.refresh()
            self.post_message(self.Changed(self))

    def _starts(self) -> list[int]:
        starts, x = [], 1
        for _, words in self._options:
            starts.append(x)
            x += cell_len(words) + 6
        return starts

    def on_click(self, event: events.Click) -> None:
        """Choose what is under the mouse."""
        under = [at for at, start in enumerate(self._starts()) if start <= event.x]
        if under:
            self._choose(under[-1])

    def on_focus(self) -> None:
        """Draw it as such."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw it as such."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The words."""
        palette, line = (
            Palette.of(self.app),
            [Piece("▌" if self.has_focus else " ", Palette.of(self.app).style("primary"))],
        )
        for at, (_, words) in enumerate(self._options):
            on = at == self._at
            style = palette.style("accent", bold=True) if on else palette.style("foreground", LABEL)
            line.append(Piece(f"({'•' if on else ' '}) {words}  ", style))
        return strip_of(line, self.size.width, ground_of(self))

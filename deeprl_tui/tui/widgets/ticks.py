"""Some of a few words, ticked with space or a click: which hosts a launch may use.

Rule: the one under the cursor is always to be seen, and how many are out of sight; at least one stays ticked.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.core.text import clean
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.lines import ground_of, strip_of
from deeprl_tui.tui.widgets.rows import Piece

Option = tuple[str, str, bool]
"""What is ticked, how it stands, and whether that is well."""


MARKS: Final = 10
"""Cells for how many are out of sight."""


def _width(option: Option) -> int:
    return cell_len(clean(option[0])) + cell_len(clean(option[1])) + 7


def _before(first: int) -> str:
    return f"‹ {first} more  " if first else ""


class Ticks(Widget, can_focus=True):
    """`[x] local 2/4  [ ] lab 8/8`."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Ticks { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "Next", show=False),
        Binding("left,h", "move(-1)", "Before", show=False),
        Binding("space", "tick", "Tick", show=False),
    ]

    class Changed(Message):
        """Another choice."""

        def __init__(self, ticks: "Ticks") -> None:
            super().__init__()
            self.ticks = ticks

        @property
        def control(self) -> "Ticks":
            """The ticks."""
            return self.ticks

    def __init__(self, ticked: Sequence[str], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._options: list[Option] = [(name, "", True) for name in ticked]
        self._ticked = set(ticked)
        self._at = 0

    @property
    def ticked(self) -> tuple[str, ...]:
        """What is ticked, in the order it is shown."""
        return tuple(name for name, _, _ in self._options if name in self._ticked)

    def set_options(self, options: Sequence[Option]) -> None:
        """Show these; what is ticked stays so."""
        if list(options) != self._options:
            self._options = list(options)
            self._at = min(self._at, max(0, len(self._options) - 1))
            self.refresh()

    def action_move(self, step: int) -> None:
        """Go to the next one."""
        if self._options:
            self._at = (self._at + step) % len(self._options)
            self.refresh()

    def action_tick(self) -> None:
        """Tick what is under the cursor, or take the tick away; the last one stays."""
        if not self._options:
            return
        ticked = self._ticked ^ {self._options[self._at][0]}
        if any(name in ticked for name, _, _ in self._options):
            self._ticked = ticked
            self.refresh()
            self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        """Tick what is under the mouse."""
        first = self._first()
        x, under = 1 + len(_before(first)), first
        for at, option in enumerate(self._options[first:], first):
            under = at if x <= event.x else under
            x += _width(option)
        self._at = under
        self.action_tick()

    def _first(self) -> int:
        """The first one to be shown, so that there is room for the one under the cursor."""
        first, room = 0, self.size.width - 1 - MARKS
        while first < self._at and sum(map(_width, self._options[first : self._at + 1])) > room:
            first += 1
        return first

    def on_focus(self) -> None:
        """Draw it as such."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw it as such."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The words."""
        palette = Palette.of(self.app)
        quiet, strong = palette.style("foreground", LABEL), palette.style("accent", bold=True)
        line = [Piece("▌" if self.has_focus else " ", palette.style("primary"))]
        first = self._first()
        line.append(Piece(_before(first), quiet))
        room = self.size.width - 1 - len(_before(first))
        for at, (name, words, well) in enumerate(self._options[first:], first):
            rest = sum(map(_width, self._options[at:]))
            if rest > room and _width(self._options[at]) > room - MARKS:
                line.append(Piece(f"{len(self._options) - at} more ›", quiet))
                break
            room -= _width(self._options[at])
            on, here = name in self._ticked, self.has_focus and at == self._at
            line += [
                Piece("[x] " if on else "[ ] ", strong if on else quiet),
                Piece(clean(name), strong if here else palette.style()),
                Piece(f" {clean(words)}  ", quiet if well else palette.style("error")),
            ]
        return strip_of(line, self.size.width, ground_of(self))

"""Lines of text that are redrawn one by one: header, activity, detail, log.

Rule: text is cleaned and cut to the width here; it is never markup.
"""

from collections.abc import Sequence

from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.quiet import QuietScroll
from deeprl_tui.tui.widgets.rows import Piece, pieces_of


def strip_of(line: Sequence[Piece], width: int, ground: Style) -> Strip:
    """One line as a strip of exactly this width."""
    strip = Strip(pieces_of(list(line), width, ground))
    return strip.adjust_cell_length(width, ground).simplify()


def ground_of(widget: Widget) -> Style:
    """The style of empty cells of a widget."""
    return Style() if Palette.of(widget.app).plain else Style(bgcolor=widget.background_colors[1].hex6)


class Lines(Widget):
    """Lines from the top; what does not fit is not shown."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Lines { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: list[list[Piece]] = []

    def set_lines(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Show these lines; only those that differ are drawn again."""
        before, self._lines = self._lines, [list(line) for line in lines]
        many = max(len(before), len(self._lines))
        changed = [
            y
            for y in range(min(many, self.size.height))
            if y >= len(before) or y >= len(self._lines) or before[y] != self._lines[y]
        ]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join("".join(piece.text for piece in line) for line in self._lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        ground = ground_of(self)
        if y < len(self._lines):
            return strip_of(self._lines[y], self.size.width, ground)
        return Strip.blank(self.size.width, ground)


class ScrollLines(QuietScroll):
    """Lines that scroll. While it follows, the last line stays in view."""

    class Followed(Message):
        """The user scrolled away from the end, or back to it."""

        def __init__(self, lines: "ScrollLines", on: bool) -> None:
            super().__init__()
            self.lines = lines
            self.on = on

        @property
        def control(self) -> "ScrollLines":
            """The lines."""
            return self.lines

    def __init__(self, *, follow: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: list[list[Piece]] = []
        self.follow = follow

    def set_follow(self, on: bool) -> None:
        """Keep the end in view, or hold still."""
        if on and not self.follow:
            self.call_after_refresh(self._fit)
        self.follow = on

    def set_lines(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Show these lines."""
        fresh = [list(line) for line in lines]
        if fresh == self._lines:
            return
        self._lines = fresh
        self._fit()
        self.refresh()

    @property
    def lines_count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join("".join(piece.text for piece in line) for line in self._lines)

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._lines))
        if self.follow:
            self.scroll_to(y=len(self._lines), animate=False, force=True, immediate=True)

    def _tell(self, on: bool) -> None:
        if on != self.follow:
            self.follow = on
            self.post_message(self.Followed(self, on))

    def on_mouse_scroll_up(self) -> None:
        """Who scrolls up wants to read."""
        self._tell(False)

    def action_scroll_up(self) -> None:
        """The same with a key."""
        self._tell(False)
        super().action_scroll_up()

    def action_page_up(self) -> None:
        """The same with a key."""
        self._tell(False)
        super().action_page_up()

    def action_scroll_home(self) -> None:
        """The same with a key."""
        self._tell(False)
        super().action_scroll_home()

    def action_scroll_end(self) -> None:
        """At the end it follows again."""
        super().action_scroll_end()
        self._tell(True)

    def on_resize(self) -> None:
        """The end may be out of view."""
        self._fit()

    def render_line(self, y: int) -> Strip:
        """One line."""
        ground = ground_of(self)
        at = y + round(self.scroll_y)
        if at < len(self._lines):
            return strip_of(self._lines[at], self.size.width, ground)
        return Strip.blank(self.size.width, ground)

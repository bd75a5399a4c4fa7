"""Lines to read and to search: a log, events, a traceback, settings.

Rule: a search marks and counts, it never hides a line; the words are plain text, not a pattern.
"""

from collections.abc import Sequence

from rich.style import Style
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip

from deeprl_tui.core.text import clean
from deeprl_tui.tui.colors import mix
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.lines import ScrollLines, ground_of, strip_of
from deeprl_tui.tui.widgets.rows import Piece


class Pager(ScrollLines):
    """Scrolling lines with vim's keys and a search."""

    BINDINGS = [  # noqa: RUF012  Textual's type
        Binding("j", "scroll_down", "Down", show=False, id="pager.down"),
        Binding("k", "scroll_up", "Up", show=False, id="pager.up"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="pager.page_down"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="pager.page_up"),
        Binding("g", "scroll_home", "First", show=False, id="pager.first"),
        Binding("G", "scroll_end", "Last", show=False, id="pager.last"),
    ]

    class Searched(Message):
        """Another place was found, or another number of places."""

    def __init__(self, *, follow: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(follow=follow, id=id)
        self._wanted = ""
        self._found: list[int] = []  # lines
        self._at = -1  # index in them

    # -- searching ---------------------------------------------------------------------------------------

    @property
    def found(self) -> tuple[int, int]:
        """Which of the found lines is shown, from 1, and how many there are."""
        return self._at + 1, len(self._found)

    @property
    def wanted(self) -> str:
        """What is searched for; empty without a search."""
        return self._wanted

    def search(self, words: str) -> None:
        """Mark all lines with these words, and show the last of them: a log is read from its end."""
        self._wanted = words.casefold()
        self._find()
        if self._found:
            self._show(len(self._found) - 1)
        self.refresh()
        self.post_message(self.Searched())

    def next(self, step: int) -> bool:
        """Show the next or the previous found line; False if there is none."""
        if not self._found:
            return False
        self._show((self._at + step) % len(self._found))
        return True

    def _show(self, at: int) -> None:
        self._at = at
        self._tell(False)
        line = self._found[at]
        self.scroll_to(y=max(0, line - self.size.height // 2), animate=False, force=True, immediate=True)
        self.refresh()
        self.post_message(self.Searched())

    def _find(self) -> None:
        here = self._found[self._at] if 0 <= self._at < len(self._found) else -1
        self._found = (
            [at for at, line in enumerate(self._lines) if self._wanted in _plain(line).casefold()]
            if self._wanted
            else []
        )
        self._at = self._found.index(here) if here in self._found else -1

    def set_lines(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Show these lines; a search goes on in them."""
        super().set_lines(lines)
        if self._wanted:
            self._find()

    # -- painting ----------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line, with what was searched for in it."""
        at = y + round(self.scroll_y)
        if (
            not self._wanted
            or at >= len(self._lines)
            or self._wanted not in _plain(self._lines[at]).casefold()
        ):
            return super().render_line(y)
        here = 0 <= self._at < len(self._found) and self._found[self._at] == at
        palette = Palette.of(self.app)
        line = marked(self._lines[at], self._wanted, mark_style(palette, here))
        return strip_of(line, self.size.width, ground_of(self))


def mark_style(palette: Palette, here: bool) -> Style:
    """How a found place looks: the one that is shown is brighter."""
    if palette.plain:
        return Style(reverse=True, bold=here or None)
    return Style(bgcolor=mix(palette.background, palette.warning, 0.5 if here else 0.25))


def marked(line: Sequence[Piece], words: str, style: Style) -> list[Piece]:
    """A line with every place of the words in another style."""
    text = _plain(line)
    folded = text.casefold()
    if len(folded) != len(text):  # a letter that folds to two: mark the whole line
        return [Piece(piece.text, piece.style + style) for piece in line]
    inside = bytearray(len(text))
    start = folded.find(words)
    while start >= 0 and words:
        inside[start : start + len(words)] = b"\1" * len(words)
        start = folded.find(words, start + len(words))
    out: list[Piece] = []
    at = 0
    for piece in line:
        piece_text = clean(piece.text)
        begin = 0
        for end in range(1, len(piece_text) + 1):
            if end == len(piece_text) or inside[at + end] != inside[at + begin]:
                part = piece_text[begin:end]
                out.append(Piece(part, piece.style + style if inside[at + begin] else piece.style))
                begin = end
        at += len(piece_text)
    return out


def _plain(line: Sequence[Piece]) -> str:
    return "".join(clean(piece.text) for piece in line)

"""The lower panel of a run's screen, one page at a time: log, events, files, error.

Rule: files are read in the background, one call at a time, and only for the page that is seen; until they are
there the panel says that it reads, and for how long.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from textual.app import ComposeResult

from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError
from deeprl_tui.ops import traceback_of
from deeprl_tui.tui import pages
from deeprl_tui.tui.background import Finished, Jobs
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.lines import ScrollLines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.pager import Pager
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import clock, duration, file_size, plural

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

PAGES: Final = {"log": "Log", "events": "Events", "files": "Files", "error": "Error"}
READ_EVERY: Final = 2
"""Files are looked at again at every second picture."""


class StoryPanel(Panel):
    """What one run tells beyond its curves."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.page = "log"
        self.names: list[str] = []  # pages that have a title
        self.jobs = Jobs(self)
        self._view: RunView | None = None
        self._now = 0.0
        self._asked_at = 0.0
        self._answers: dict[tuple[RunId, str], Any] = {}
        self._pictures = 0
        self._follow = {"log": True, "events": True}
        self._held = 0  # lines when it was held

    def compose(self) -> ComposeResult:
        """Lines for all pages but the files."""
        yield Pager(follow=True, id="story")
        yield LiveTable(pages.FILES, id="files")

    @property
    def _deeprl(self) -> "DeeprlApp":
        return cast("DeeprlApp", self.app)

    @property
    def pager(self) -> Pager:
        """The lines."""
        return self.query_one("#story", Pager)

    @property
    def files(self) -> LiveTable:
        """The table of files."""
        return self.query_one("#files", LiveTable)

    # -- what is shown -----------------------------------------------------------------------------------

    def show(self, view: RunView, now: float) -> None:
        """Show the page about a run."""
        if self._view is None or self._view.id != view.id:
            self._pictures, self._asked_at = 0, now
        self._view, self._now = view, now
        if self.display:
            if self._pictures % READ_EVERY == 0:
                self._read()
            self._pictures += 1
            self._paint()

    def set_page(self, page: str) -> None:
        """Show another page."""
        self.page = page
        self._pictures = 0
        self.pager.set_follow(self._follow.get(page, False))
        self.set_class(page == "files", "-files")
        if page == "error":
            self.pager.scroll_home(animate=False)
        if self._view is not None:
            self.show(self._view, self._now)

    def focus_page(self) -> None:
        """Give the keys to the page."""
        (self.files if self.page == "files" else self.pager).focus()

    def _read(self) -> None:
        view, source = self._view, self._deeprl.files
        page = "log" if self.page == "error" else self.page
        if view is None or self.jobs.busy(page):
            return
        call = {"log": source.printed, "events": source.told, "files": source.files}[page]
        self._asked_at = self._now  # stands still while no answer comes
        self.jobs.run(
            page,
            partial(cast("Any", call), view),
            partial(self._on_answer, (view.id, page)),
            partial(self._on_error, (view.id, page)),
        )

    def _on_answer(self, about: tuple[RunId, str], answer: Any) -> None:
        if len(self._answers) > 16:
            self._answers.clear()
        self._answers[about] = answer
        self._paint()

    def _on_error(self, about: tuple[RunId, str], error: Exception) -> None:
        told = str(error) if isinstance(error, DeeprlError) else f"{type(error).__name__}: {error}"
        self._on_answer(about, DeeprlError(f"cannot be read: {told}"))

    def on_finished(self, message: Finished) -> None:
        """Take the outcome of a background call."""
        message.deliver()

    def _paint(self) -> None:
        view, palette = self._view, Palette.of(self.app)
        if view is None or not self.is_attached:
            return
        wrong = isinstance(view.state, state.Failed | state.Lost) or self.page == "error"
        self.names = [key for key in PAGES if key != "error" or wrong]
        self.set_tabs([PAGES[key] for key in self.names], self.names.index(self.page))
        page = "log" if self.page == "error" else self.page
        answer = self._answers.get((view.id, page))
        if answer is None or isinstance(answer, DeeprlError):
            self._wait(str(answer) if answer else "", palette)
        elif self.page == "files":
            self._show_files(view, answer, palette)
        else:
            self._show_lines(view, answer, palette)

    def _wait(self, why: str, palette: Palette) -> None:
        waited = self._now - self._asked_at
        told = why or ("reading…" if waited < 3 else f"reading for {duration(waited)}: no answer yet")
        self.remove_class("-files")
        self.pager.set_lines([[Piece(told, palette.style("foreground", LABEL))]])
        self.set_subtitle("")

    def _show_files(self, view: RunView, files: Sequence[Any], palette: Palette) -> None:
        if not files:
            self._wait(f"seed {view.id.seed} has no files here", palette)
            return
        self.add_class("-files")
        folder = min((str(fact.path.parent) for fact in files), key=len)
        self.files.set_rows(pages.file_rows(files, folder, self._now, palette))
        size = file_size(sum(fact.size for fact in files))
        self.set_subtitle(f"seed {view.id.seed} · {plural(len(files), 'file')}, {size} · y copies the path")

    def _show_lines(self, view: RunView, answer: Sequence[Any], palette: Palette) -> None:
        self.remove_class("-files")
        width = max(30, (self.pager.size.width or 77) - 1)  # it has no size before it was shown
        if self.page == "error":
            lines = pages.error_lines(view, traceback_of(answer), palette, width)
        elif self.page == "events":
            lines = pages.told_lines(answer, palette, width)
        else:
            lines = pages.print_lines(answer, palette)
        before = self.pager.lines_count
        if not self.pager.follow and self.page in self._follow and not self._held:
            self._held = before
        elif self.pager.follow:
            self._held = 0
        self.pager.set_lines(lines)
        self._tell(view)

    def _tell(self, view: RunView) -> None:
        pager, parts = self.pager, [f"seed {view.id.seed}"]
        if pager.wanted:
            at, many = pager.found
            parts = [f"{at} of {many}" if many else "not found", "n N", "esc ends"]
        elif self.page in self._follow:
            new = pager.lines_count - self._held if self._held else 0
            held = f"{plural(new, 'new line')} below, f follows" if new > 0 else "held, f follows"
            parts.append("follows" if pager.follow else held)
        elif isinstance(view.state, state.Failed):
            parts.append(f"failed {clock(view.state.at)}")
        self.set_subtitle(" · ".join(parts))

    # -- keys and mouse ----------------------------------------------------------------------------------

    def on_scroll_lines_followed(self, event: ScrollLines.Followed) -> None:
        """Scrolling up holds the page, its end follows again."""
        event.stop()
        if self.page in self._follow:
            self._follow[self.page] = event.on
            self._held = 0 if event.on else self.pager.lines_count
        self._paint()

    def toggle_follow(self) -> None:
        """Follow the end, or hold still."""
        on = not self.pager.follow
        self._follow[self.page] = on
        self._held = 0 if on else self.pager.lines_count
        self.pager.set_follow(on)
        self._paint()

    def on_pager_searched(self) -> None:
        """Say how many places were found."""
        if self._view is not None:
            self._tell(self._view)

    def copied(self) -> str | None:
        """The path under the cursor, while the files are shown."""
        return self.files.cursor if self.page == "files" else None

"""What keys and clicks do in every screen alike: copy a table, undo a stop, follow a message to its run.

Rule: an action that has nothing to do says why.
"""

from typing import TYPE_CHECKING

from textual import events
from textual.app import App
from textual.screen import ModalScreen

from deeprl_tui.core.spec import RunId
from deeprl_tui.tui import keys
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.words import plural

if TYPE_CHECKING:
    from deeprl_tui.tui.announce import Announcer
    from deeprl_tui.tui.requests import Requests


class Actions(App[int]):
    """The part of the app that needs no picture."""

    announcer: "Announcer"
    requests: "Requests"

    def say(self, text: str) -> None:
        """Say something where the keys are, on screens that have them."""
        if text and isinstance(self.screen, WatchScreen):
            self.screen.say(text)

    def copy(self, text: str, what: str) -> None:
        """Put a text into the terminal's clipboard."""
        self.copy_to_clipboard(text)
        self.announcer.tell(f"copied {what}")

    def action_copy_table(self) -> None:
        """Copy the table in focus, or the first one, as text."""
        focused = self.screen.focused
        tables = [table for table in self.screen.query(LiveTable) if table.size]
        table = focused if isinstance(focused, LiveTable) else tables[0] if tables else None
        if table is None:
            self.say("^y: there is no table here")
        else:
            self.copy(table.text, f"the table: {plural(len(table.keys), 'row')}")

    def action_undo(self) -> None:
        """Let what was just stopped go on."""
        self.say(self.requests.undo())

    # -- messages ----------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """A click on a message leads to what it is about."""
        toast = self.announcer.clicked(event.widget)
        if toast is not None and toast.run is not None:
            self.show_run(toast.run)

    def action_news(self) -> None:
        """Go to the run of the newest message."""
        toast = self.announcer.newest()
        if toast is not None and toast.run is not None:
            self.show_run(toast.run)
        else:
            self.say("!: no message is about a run")

    def show_run(self, run: RunId) -> None:
        """Show one run, from any screen that is no dialog."""
        if isinstance(self.screen, ModalScreen):
            return
        from deeprl_tui.tui.screens.run import RunScreen

        self.action_go(keys.DASHBOARD)
        self.push_screen(RunScreen(run.experiment, run.seed))
        self.announcer.shelf.seen(run)
        self.announcer.show()

    def action_go(self, place: str) -> None:
        """Show one of the screens that have a digit."""
        raise NotImplementedError

"""Searching in the lines of a screen: / opens the field, n and N go on, escape ends it.

Rule: the screen says which lines are meant; the field belongs to their panel.
"""

from textual.widgets import Input

from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.pager import Pager


class SearchField(Field):
    """Where the words of a search are typed."""

    DEFAULT_CSS = "SearchField { dock: bottom; }"

    def __init__(self, pager: Pager) -> None:
        super().__init__(placeholder="search; enter keeps it, esc ends it", id="search", value=pager.wanted)
        self.pager = pager


class Searching(WatchScreen):
    """A screen with lines that can be searched."""

    def searched(self) -> Pager:
        """The lines that a search is about; shown, if they were not."""
        raise NotImplementedError

    async def action_search(self) -> None:
        """Open the field."""
        pager = self.searched()
        await self.query(SearchField).remove()
        field = SearchField(pager)
        await self.mount(field, after=pager)
        self.call_after_refresh(field.focus)

    def end_search(self) -> bool:
        """Forget the words; False if nothing is searched for."""
        fields, pagers = self.query(SearchField), [pager for pager in self.query(Pager) if pager.wanted]
        if not fields and not pagers:
            return False
        pager = pagers[0] if pagers else fields.first().pager
        fields.remove()
        for one in pagers:
            one.search("")
        pager.focus()
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is written."""
        if isinstance(event.input, SearchField):
            event.input.pager.search(event.value)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the search and go back to the lines."""
        if isinstance(event.input, SearchField):
            pager = event.input.pager
            await event.input.remove()
            pager.focus()

    def action_found(self, step: int) -> None:
        """Show the next place that was found."""
        pager = self.searched()
        if not pager.wanted:
            self.say("n: / searches first")
        elif not pager.next(step):
            self.say(f"n: {pager.wanted} is nowhere here")

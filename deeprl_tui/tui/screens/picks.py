"""What is meant on the dashboard, and what its keys do: marks, filter, launch, copy.

Rule: drawing is the subclass's; this one only decides which experiments are shown and which are meant.
"""

from collections.abc import Mapping

from textual.widgets import Input

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.tui import present, sorting
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.picture import Picture, command
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.words import plural


class Picks(WatchScreen):
    """A screen with a table of experiments."""

    def __init__(self) -> None:
        super().__init__()
        self.show_all = False
        self.words: list[str] = []  # of the filter
        self.marked: set[str] = set()

    @property
    def table(self) -> LiveTable:
        """The experiments."""
        return self.query_one("#table", LiveTable)

    @property
    def selected(self) -> Entry | None:
        """The experiment under the cursor."""
        return self.picture.board.by_name.get(self.table.cursor or "")

    def shown(self, picture: Picture) -> list[Entry]:
        """The entries the table shows."""
        board = picture.board
        if not picture.checked:
            return []  # the file says which order they have
        everything, homes = self.show_all or not board.runs or bool(self.words), picture.snapshot.homes
        found = [
            entry
            for entry in board.entries
            if (everything or entry.runs or entry.name in self.marked) and self._matches(entry, homes)
        ]
        return sorting.experiments(found, self.table.sort, picture.ends)

    def _matches(self, entry: Entry, homes: Mapping[RunId, str]) -> bool:
        places = {homes.get(run.id) or (LOCAL if not state.is_over(run.state) else "") for run in entry.runs}
        machines = {run.host for run in entry.runs}
        text = " ".join([entry.name, entry.env, entry.word, *places, *machines]).lower()
        return all(
            text.find(word.lstrip("!")) < 0 if word.startswith("!") else word in text for word in self.words
        )

    # -- what is meant -----------------------------------------------------------------------------------

    def chosen(self) -> list[str]:
        """The marked experiments, or the one under the cursor, or the seed if the cursor is in the seeds."""
        if self.marked:
            return [entry.name for entry in self.picture.board.entries if entry.name in self.marked]
        selected = self.selected
        if selected is None:
            return []
        seeds = self.query_one("#seeds", LiveTable)
        if seeds.has_focus and seeds.cursor is not None:
            return [f"{selected.name}/{seeds.cursor}"]
        return [selected.name]

    def on_live_table_highlighted(self, event: LiveTable.Highlighted) -> None:
        """Another experiment: chart and detail are about it, at once."""
        if event.table.id == "table":
            self.repaint()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Open an experiment, or one of its seeds."""
        self.open_run(int(event.key) if event.table.id == "seeds" else None)

    def open_run(self, seed: int | None) -> None:
        """Open the experiment under the cursor, at one of its seeds."""
        selected = self.selected
        if selected is None:
            return
        if not selected.runs:
            self.say(f"{selected.name} was never launched: n launches it")
            return
        from deeprl_tui.tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(selected.name, seed, self.metric))

    # -- actions -----------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the row, and go on to the next."""
        selected = self.selected
        if selected is None:
            self.say("space: no experiment to mark")
            return
        self.marked ^= {selected.name}
        self.table.action_move(1)
        self.repaint()

    def action_all(self) -> None:
        """Show or hide what was never launched."""
        board = self.picture.board
        if not board.unlaunched:
            self.say("a: every experiment of the file was launched")
            return
        if not board.runs:
            self.say("a: all are shown while nothing was launched")
            return
        self.show_all = not self.show_all
        self.repaint()

    def action_launch(self) -> None:
        """Open the launch dialog with what is marked, or with the row under the cursor."""
        picture = self.deeprl.look()
        if picture.project is None:
            told = "experiments.toml has problems" if picture.problems else "there is no experiments.toml"
            self.say(
                f"n: nothing to launch, {told}" if not picture.reading or picture.file is None else "reading…"
            )
            return
        self.open_launch([name.partition("/")[0] for name in self.chosen()])

    def open_launch(self, names: list[str]) -> None:
        """Open the launch dialog with these experiments picked."""
        from deeprl_tui.tui.screens.launch import LaunchScreen

        self.app.push_screen(LaunchScreen(self.deeprl.look(), names))

    def go_to(self, name: str) -> None:
        """Put the cursor on an experiment, shown or not."""
        entry = self.picture.board.by_name.get(name)
        self.words = []
        if entry is not None and not entry.runs:
            self.show_all = True
        self.repaint()
        self.table.move_to(name)
        self.set_focus(self.table)

    def filter_by(self, words: list[str]) -> None:
        """Show only rows that have these words."""
        self.words = words
        self.call_after_refresh(self.repaint)

    async def action_filter(self) -> None:
        """Open the filter."""
        found = self.query("#filter")
        if not found:
            field = Field(
                value=" ".join(self.words), placeholder="words of name, env, state or host; !word leaves out",
                id="filter",
            )  # fmt: skip
            await self.query_one("#experiments").mount(field)
        self.set_focus(self.query_one("#filter"))  # at once: the next keys are in the queue already

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is written."""
        if event.input.id == "filter":
            self.words = event.value.lower().split()[:8]
            self.repaint()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the table."""
        await event.input.remove()
        self.set_focus(self.table)

    async def action_clear(self) -> None:
        """Clear the filter, else the marks, else the messages; leave the zoom."""
        if self.query("#filter") or self.words:
            await self.query("#filter").remove()
            self.words = []
            self.set_focus(self.table)
        elif self.has_class("-zoom"):
            self.remove_class("-zoom")
        elif self.marked:
            self.marked.clear()
        else:
            self.deeprl.announcer.clear()
            self.set_focus(self.table)
        self.call_after_refresh(self.repaint)

    def action_copy(self) -> None:
        """Copy the row."""
        selected = self.selected
        if selected is None:
            self.say("y: no row to copy")
            return
        result = selected.result
        parts = [selected.name, selected.env, present.state_words(selected)]
        if result:
            parts.append(f"return {result[0]:.1f}" + (f" ± {result[1]:.1f}" if result[1] is not None else ""))
            parts.append(present.seeds_phrase(selected))
        self.deeprl.copy("\t".join(parts), "the row")

    def action_copy_command(self) -> None:
        """Copy the command that launches what is meant."""
        names = [name.partition("/")[0] for name in self.chosen()]
        if not names:
            self.say("Y: no experiment under the cursor")
            return
        self.deeprl.copy(command(names, "", []), f"the command for {plural(len(names), 'experiment')}")

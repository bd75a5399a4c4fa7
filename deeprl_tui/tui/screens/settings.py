"""The settings: one row each, changed with the arrows, kept at once; a chart beside them shows what they do.

Rule: the rows are those of `config.prefs`. What a value means is said below, in words.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from deeprl_tui.config.prefs import PREFS, Preference, Value
from deeprl_tui.tui import keys, notes, present
from deeprl_tui.tui.board import on_chart
from deeprl_tui.tui.keeping import preferred
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.theme import FAINT, LABEL
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Column, Piece, Row

_COLUMNS = (Column("title", "", 22), Column("value", "", 20, flex=True))


class _Table(LiveTable):
    """Left and right change the value under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "screen.change(-1)", "Value before", show=False, id="settings.before"),
        Binding("right", "screen.change(1)", "Next value", show=False, id="settings.next"),
    ]


class SettingsScreen(WatchScreen):
    """What the user prefers."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.SETTINGS)
    AUTO_FOCUS = "#settings"
    where: ClassVar[str] = keys.SETTINGS

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        with Horizontal(id="body"):
            with Panel(id="settings-panel"):
                yield _Table(_COLUMNS, header=False, id="settings")
                yield Lines(id="setting-help")
            with Panel(id="chart-panel"):
                yield CurvePlot(id="chart")
        yield KeyBar(keys.bar(self.where))

    @property
    def row(self) -> Preference:
        """The setting under the cursor."""
        return PREFS[self.query_one("#settings", LiveTable).cursor or "theme"]

    # -- pictures ----------------------------------------------------------------------------------------

    def show_body(self, picture: Picture) -> None:
        """Show the rows, and the chart."""
        memory, palette = self.deeprl.memory, self.palette
        label, text = palette.style("foreground", LABEL), palette.style()
        table, panel = self.query_one("#settings", LiveTable), self.query_one("#settings-panel", Panel)
        rows = []
        for one in PREFS.values():
            value = getattr(memory.preferences, one.key)
            here = one.key == (table.cursor or "theme")
            arrow = palette.style("accent", bold=True) if here else palette.style("foreground", FAINT)
            words = one.words(value)
            shown = [Piece("‹ ", arrow), Piece(words, text), Piece(" ›", arrow)]
            rows.append(
                Row(one.key, (Piece(one.title, text if here else label), shown if one.choices else words))
            )
        table.set_rows(rows)
        panel.set_title([Piece("Settings", palette.style("foreground", 0.75))])
        panel.set_subtitle(
            "kept at once" if memory.store is not None else "not kept: they hold until you quit"
        )
        help_ = self.query_one("#setting-help", Lines)
        width = max(20, (help_.size.width or 40) - 1)
        lines = notes.paragraph(self.row.help, palette, width, LABEL)
        if memory.store is not None:
            lines += [[], *notes.paragraph(str(memory.store.file), palette, width, FAINT)]
        help_.set_lines(lines)
        self._show_chart(picture)

    def _show_chart(self, picture: Picture) -> None:
        panel, chart = self.query_one("#chart-panel", Panel), self.query_one(CurvePlot)
        entries = [entry for entry in picture.board.entries if entry.has_data]
        first = max(entries, key=lambda entry: len(entry.runs), default=None)
        drawn = on_chart(picture.board, first, 3)
        self.deeprl.workspace.fleet.want([run.id for entry in drawn for run in entry.runs])
        curves = present.curves(drawn, first, "return", self.palette)
        chart.set_curves(
            curves, present.references(first, "return"), "a chart stands here once something trained"
        )
        panel.set_title([Piece("How it looks", self.palette.style("foreground", 0.75))])
        panel.set_subtitle(chart.caption() if first is not None else "")

    def on_curve_plot_changed(self) -> None:
        """The caption says what is on the screen."""
        self.query_one("#chart-panel", Panel).set_subtitle(self.query_one(CurvePlot).caption())

    def on_live_table_highlighted(self) -> None:
        """Say what the setting does."""
        self.repaint()

    # -- actions -----------------------------------------------------------------------------------------

    def action_change(self, step: int) -> None:
        """The value beside."""
        one = self.row
        if not one.choices:
            self.say(f"enter types the {one.title.lower()}")
            return
        values = [value for value, _ in one.choices]
        here = getattr(self.deeprl.memory.preferences, one.key)
        at = values.index(here) if here in values else 0
        self._set(one, values[(at + step) % len(values)])

    def _set(self, one: Preference, value: Value) -> None:
        try:
            self.deeprl.memory.set(one.key, value)
        except ValueError as error:
            self.say(str(error))
            return
        chart = self.query_one(CurvePlot)
        chart.view = preferred(chart.view, self.deeprl.memory.preferences)
        self.call_after_refresh(self.repaint)

    async def on_live_table_selected(self) -> None:
        """Enter: the next value, or a field to type in."""
        one = self.row
        if one.choices:
            self.action_change(1)
            return
        value = str(getattr(self.deeprl.memory.preferences, one.key))
        field = Field(placeholder="https://… ; empty for none", id="setting", value=value)
        await self.query("#setting").remove()
        await self.query_one("#settings-panel").mount(field, after=self.query_one("#settings"))
        field.focus()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep what was typed."""
        self._set(self.row, event.value)
        await event.input.remove()
        self.query_one("#settings").focus()

    async def action_back(self) -> None:
        """Leave the field, then the screen."""
        if self.query("#setting"):
            await self.query("#setting").remove()
            self.query_one("#settings").focus()
        else:
            self.dismiss(None)

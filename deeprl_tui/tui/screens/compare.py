"""A few rows of the results over each other: curves with bands, verdicts, the settings that differ.

Rule: which rows does not change while it is open; what is known of them follows the runs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from deeprl_tui.tui import comparing, keys, notes
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.results import Line
from deeprl_tui.tui.screens.overlay import MOST, Overlay
from deeprl_tui.tui.theme import LABEL
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines, ScrollLines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece, Row, widths
from deeprl_tui.tui.words import plural
from deeprl_tui.verdicts.model import Verdict


class CompareScreen(Overlay):
    """Compares rows of the results."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.COMPARE)
    AUTO_FOCUS = "#verdicts"
    where: ClassVar[str] = keys.COMPARE

    def __init__(self, names: Sequence[str], metric: int = 0, panel: str = "chart") -> None:
        super().__init__()
        self._names = list(names)
        self.metric = metric
        self._first = panel
        self._banded = False

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        with Vertical(id="body"):
            with Panel(id="chart-panel"):
                yield CurvePlot(view=None, id="chart")
            with Horizontal(id="below"):
                with Panel(id="verdicts-panel"):
                    yield LiveTable(comparing.VERDICTS, id="verdicts")
                    yield ScrollLines(id="words")
                with Panel(id="differences-panel"):
                    yield ScrollLines(id="differences")
        yield KeyBar(keys.bar(self.where))

    def on_screen_resume(self) -> None:
        """Begin where the key said."""
        if self._first == "differences":
            self._first = ""
            self.call_after_refresh(self.action_difference)

    # -- pictures ----------------------------------------------------------------------------------------

    def rows_meant(self) -> list[Line]:
        """The rows that are compared, without those that are no longer there."""
        return [line for name in self._names if (line := self.desk.line(name)) is not None]

    def rows_drawn(self) -> list[Line]:
        """The same: a baseline that was not picked is in the verdicts only."""
        return self.rows_meant()[:MOST]

    def show_body(self, picture: Picture) -> None:
        """Show everything below the header. Bands are 95 % intervals at first, as the verdicts are."""
        if not self._banded:
            self._banded, chart = True, self.query_one(CurvePlot)
            chart.view = replace(chart.view, band="ci95")
        self.desk.take(picture.snapshot)
        lines = self.rows_meant()
        verdicts = self.verdicts(lines)
        self.show_chart(self.rows_drawn())
        self._show_verdicts(lines, verdicts)
        self._show_differences(lines)

    def _show_verdicts(self, lines: Sequence[Line], verdicts: dict[str, Verdict]) -> None:
        palette, table = self.palette, self.query_one("#verdicts", LiveTable)
        panel = self.query_one("#verdicts-panel", Panel)
        room = widths(comparing.VERDICTS, table.size.width)[0] if table.size.width else 20
        rows: list[Row] = []
        for at, line in enumerate(lines):
            waits = self.desk.baseline_of(line) is not None
            verdict = verdicts.get(line.experiment)
            rows.append(comparing.verdict_row(line, verdict, palette, at, room, waits=waits))
        table.set_rows(rows)
        bases = dict.fromkeys(base.key for one in lines if (base := self.desk.baseline_of(one)) is not None)
        told = f"Against {', '.join(bases)}" if bases else "No baseline: B takes the row under the cursor"
        panel.set_title([Piece(told, palette.style("foreground", 0.75))])
        family = max((verdict.family for verdict in verdicts.values()), default=0)
        panel.set_subtitle(f"Holm over {plural(family, 'comparison')}" if family > 1 else "")
        self._show_words(verdicts)

    def _show_words(self, verdicts: dict[str, Verdict]) -> None:
        palette, words = self.palette, self.query_one("#words", ScrollLines)
        line = self.desk.line(self.query_one("#verdicts", LiveTable).cursor)
        verdict = verdicts.get(line.experiment) if line is not None else None
        width = max(20, words.size.width - 2)
        told: notes.Lines = []
        if verdict is not None:
            told = comparing.verdict_lines(verdict, palette, width)
        elif line is not None and self.desk.baseline_of(line) is not None:
            told = notes.paragraph("working it out…", palette, width, LABEL)
        if line is not None:
            told += comparing.seed_lines(line, palette, width)
        words.set_lines([[Piece(" ", palette.style()), *one] for one in told])

    def _show_differences(self, lines: Sequence[Line]) -> None:
        palette, panel = self.palette, self.query_one("#differences-panel", Panel)
        found = self.query_one("#differences", ScrollLines)
        panel.set_title([Piece("Settings that differ", palette.style("foreground", 0.75))])
        width = max(20, found.size.width - 2) if found.size.width else 50
        colors = {line.key: at for at, line in enumerate(lines)}
        found.set_lines(comparing.difference_lines(lines, palette, width, colors))

    def on_live_table_highlighted(self) -> None:
        """The words are about the row under the cursor."""
        self.repaint()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Open an experiment."""
        line = self.desk.line(event.key)
        if line is not None:
            from deeprl_tui.tui.screens.run import RunScreen

            seed = line.records[0].id.seed if "/" in line.key else None
            self.app.push_screen(RunScreen(line.experiment, seed, self.metric))

    # -- actions -----------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Back to the results; first from the zoom."""
        if self.has_class("-zoom"):
            self.action_zoom()
        else:
            self.dismiss(None)

    def action_difference(self) -> None:
        """Go to the settings that differ; on a small screen they take the place of the verdicts, and back."""
        on = not self.has_class("-differences")
        self.set_class(on, "-differences")
        self.call_after_refresh(self.query_one("#differences" if on else "#verdicts").focus)
        self.call_after_refresh(self.repaint)

    def action_baseline(self) -> None:
        """Compare with the row under the cursor, or with each row's own baseline again."""
        line = self.desk.line(self.query_one("#verdicts", LiveTable).cursor)
        if line is None:
            self.say("B: no row to compare with")
            return
        same = line.experiment == self.desk.browse.baseline
        self.desk.browse = replace(self.desk.browse, baseline=None if same else line.experiment)
        self.repaint()

    def action_copy(self) -> None:
        """Copy the comparison as text."""
        lines = self.rows_meant()
        self.deeprl.copy(comparing.text(lines, self.verdicts(lines)), "the comparison")

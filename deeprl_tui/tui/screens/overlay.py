"""What the results and the comparison share: curves of several rows in one chart, copying, export.

Rule: curves of runs at rest are asked for when the cursor has stayed a moment, never for all.
"""

from collections.abc import Sequence
from typing import Final

from deeprl_tui.tui import comparing, present
from deeprl_tui.tui.desk import Desk
from deeprl_tui.tui.results import Line
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.widgets.curve_plot import CurveData, CurvePlot
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.words import plural
from deeprl_tui.verdicts.model import Verdict

MOST: Final = 8
"""Rows that one chart shows: there are no more colors."""
WAIT_S: Final = 0.12
"""The cursor stays so long on a row before its curves and its verdict are asked for."""


class Overlay(WatchScreen):
    """A screen that draws rows of the results over each other."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: list[str] = []
        self._settled: list[str] = []

    @property
    def desk(self) -> Desk:
        """What is known of the results."""
        return self.deeprl.desk

    # -- what is meant -----------------------------------------------------------------------------------

    def rows_meant(self) -> list[Line]:
        """The rows that a key is about."""
        return []

    def rows_drawn(self) -> list[Line]:
        """The rows in the chart: those that are meant, and what they are compared with if there is one."""
        meant = self.rows_meant()
        if len(meant) == 1 and (base := self.desk.baseline_of(meant[0])) is not None:
            return [meant[0], base]
        return meant[:MOST]

    def chosen(self) -> list[str]:
        """Experiments and runs that a key is about."""
        return [line.key for line in self.rows_meant()]

    # -- the chart ---------------------------------------------------------------------------------------

    def settle(self, then: Sequence[Line]) -> bool:
        """Whether the rows have been the same for a moment; if not, look again then."""
        keys = [line.key for line in then]
        if keys == self._settled:
            return True
        if keys != self._asked:
            self._asked = keys
            self.set_timer(WAIT_S, lambda: self._settle(keys))
        return False

    def _settle(self, keys: list[str]) -> None:
        if keys == self._asked and self.is_current:
            self._settled = keys
            self.repaint()

    def show_chart(self, drawn: Sequence[Line]) -> None:
        """Draw rows over each other, the first one on top."""
        panel, chart, palette = self.query_one("#chart-panel", Panel), self.query_one(CurvePlot), self.palette
        panel.set_tabs([title for _, title in present.METRICS], self.metric)
        metric = present.METRICS[self.metric][0]
        views = self.picture.snapshot.runs
        if self.settle(drawn):
            self.desk.want(drawn)
        curves = []
        for at, line in enumerate(drawn):
            seeds = [views[record.id].curves[metric] for record in line.records if record.id in views]
            seeds = [seed for seed in seeds if len(seed)]
            curves.append(CurveData(line.key, palette.curve(at), seeds, at == 0))
        solved = {line.solved for line in drawn}
        value = next(iter(solved)) if len(solved) == 1 and metric == "return" else None
        refs = [] if value is None else [(value, f"solved ≥ {value:g}")]
        episodes = any(record.episodes for line in drawn for record in line.records)
        chart.set_curves(curves[::-1], refs, "reading…" if episodes else "no episode yet")
        self.show_caption()

    def show_caption(self) -> None:
        """Say below the chart what it shows."""
        parts = [*dict.fromkeys(line.env for line in self.rows_drawn()), self.query_one(CurvePlot).caption()]
        self.query_one("#chart-panel", Panel).set_subtitle(" · ".join(part for part in parts if part))

    def on_curve_plot_changed(self) -> None:
        """The caption says what is on the screen."""
        self.show_caption()

    def verdicts(self, lines: Sequence[Line]) -> dict[str, Verdict]:
        """What is known of these rows against their baselines; the rest is worked out meanwhile."""
        return self.desk.verdicts(lines) if self.settle(self.rows_drawn()) else {}

    # -- actions -----------------------------------------------------------------------------------------

    def action_copy_command(self) -> None:
        """Copy the command that prints the same verdicts."""
        lines = self.rows_meant()
        if not lines:
            self.say("Y: no row to compare")
            return
        told = comparing.command(lines, self.desk.browse)
        self.deeprl.copy(told, f"the command for {plural(len(lines), 'row')}")

    def action_takeout(self) -> None:
        """Open the dialog that writes files."""
        lines = self.rows_meant()
        if not lines:
            self.say("^s: nothing to export")
            return
        from deeprl_tui.tui.screens.takeout import Material, TakeoutScreen

        records = [record for line in lines for record in line.records]
        metric = present.METRICS[self.metric][0]
        self.app.push_screen(TakeoutScreen(Material(records, self.desk.records, metric)))

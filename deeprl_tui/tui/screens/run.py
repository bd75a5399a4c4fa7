"""One experiment from near: each seed's curve under the mean, its settings, its events, its log.

Rule: the log is read in the background, and only while it is seen.
"""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import uncolored
from deeprl_tui.tui import keys, notes, present
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.theme import LABEL, STATES
from deeprl_tui.tui.widgets.curve_plot import CurveData, CurvePlot
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines, ScrollLines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import count, duration_range, number, percent, value_text

LOG_LINES = 300
LOG_EVERY = 2
"""The log is read again at every second picture."""
_GHOST = 0.45


class RunScreen(WatchScreen):
    """An experiment and its seeds."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(keys.RUN),
        Binding("1", "pane(1)", "Chart", show=False, id="pane.1"),
        Binding("2", "pane(2)", "Seeds", show=False, id="pane.2"),
        Binding("3", "pane(3)", "Settings", show=False, id="pane.3"),
        Binding("4", "pane(4)", "Log", show=False, id="pane.4"),
    ]
    AUTO_FOCUS = "#chart"
    where: ClassVar[str] = keys.RUN

    def __init__(self, name: str, seed: int | None = None, metric: int = 0) -> None:
        super().__init__()
        self.experiment = name
        self.seed = seed  # None: all
        self.metric = metric
        self.printed = True  # the log shows what the workers printed, not the events
        self.follow = True
        self._log: list[str] = []
        self._pictures = 0

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        yield Lines(id="path")
        with Horizontal(id="body"):
            with Vertical(id="main"):
                with Panel(id="chart-panel"):
                    yield CurvePlot(id="chart")
                with Panel(id="log-panel"):
                    yield ScrollLines(follow=True, id="log")
            with Vertical(id="side"):
                with Panel(id="seeds-panel"):
                    yield LiveTable(present.SEEDS, id="run-seeds")
                with Panel(id="config-panel"):
                    yield ScrollLines(id="config")
        yield KeyBar(keys.bar(self.where))

    def on_mount(self) -> None:
        """Begin with the chart."""
        self.add_class("-pane-1")

    # -- pictures ----------------------------------------------------------------------------------------

    @property
    def entry(self) -> Entry | None:
        """The experiment; None if it went away."""
        return self.picture.board.by_name.get(self.experiment)

    @property
    def run_view(self) -> RunView | None:
        """The seed that is looked at, or the first."""
        runs = self.entry.runs if self.entry else ()
        return next((run for run in runs if run.id.seed == self.seed), runs[0] if runs else None)

    def metrics(self) -> Sequence[tuple[str, str]]:
        """Evaluations have a tab here."""
        return (*present.METRICS, ("eval", "Evaluations"))

    def show_body(self, picture: Picture) -> None:
        """Show everything below the header."""
        entry = self.entry
        if entry is None or not entry.runs:
            words = f" {self.experiment} is no longer there: its runs were archived. esc goes back."
            self.query_one("#path", Lines).set_lines([[Piece(words, self.palette.style("warning"))]])
            return
        self._show_path(picture, entry)
        self._show_chart(entry)
        self._show_seeds(picture, entry)
        self._show_config(entry)
        if self._pictures % LOG_EVERY == 0:
            self._read_log()
        self._pictures += 1
        self._show_log()

    def _show_path(self, picture: Picture, entry: Entry) -> None:
        palette = self.palette
        quiet, text = palette.style("foreground", LABEL), palette.style()
        color = palette.curve(entry.color)
        wide = self.size.width >= 100
        left = [Piece(" ‹ Experiments / " if wide else " ‹ ", quiet)]
        left += [
            Piece(entry.name, palette.style(color, bold=True)),
            Piece(f"  {entry.env}   " if wide else "  ", quiet),
        ]
        left.append(Piece("[all]" if self.seed is None else " all ", text if self.seed is None else quiet))
        for run in entry.runs:
            here, word = run.id.seed == self.seed, state.word(run.state)
            left += [
                Piece("  [" if here else "   ", text),
                Piece(f"{run.id.seed}", palette.style(bold=True) if here else quiet),
                Piece(STATES[word].glyph, palette.state(word)),
                Piece("]" if here else " ", text),
            ]
        eta = entry.eta(picture.ends)
        word = entry.word
        right = [
            Piece(f"{STATES[word].glyph} ", palette.state(word)),
            Piece(f"{word} {percent(entry.progress)}", text),
            Piece(f"   eta {duration_range(eta)} ", quiet),
        ]
        self.query_one("#path", Lines).set_lines([present.spread(left, right, self.size.width)])

    def _show_chart(self, entry: Entry) -> None:
        panel, chart, palette = self.query_one("#chart-panel", Panel), self.query_one(CurvePlot), self.palette
        names = self.metrics()
        panel.set_tabs([title for _, title in names], self.metric)
        metric = names[self.metric][0]
        color = palette.curve(entry.color)
        ghost = palette.color(color, _GHOST)
        drawn: list[CurveData] = []
        for run in entry.runs:
            curve = run.curves[metric]
            one = run.id.seed == self.seed
            if len(curve) and (len(entry.runs) > 1 or one) and not one:
                drawn.append(CurveData(f"seed {run.id.seed}", ghost, [curve]))
        seeds = [run.curves[metric] for run in entry.runs if self.seed is None or run.id.seed == self.seed]
        name = entry.name if self.seed is None else f"seed {self.seed}"
        drawn.append(CurveData(name, color, [curve for curve in seeds if len(curve)], True))
        empty = "no evaluation yet" if metric == "eval" else "no episode yet"
        refs = present.references(entry, "return" if metric == "eval" else metric)
        chart.set_curves(drawn, refs, empty)
        self._caption()

    def _caption(self) -> None:
        self.query_one("#chart-panel", Panel).set_subtitle(self.query_one(CurvePlot).caption())

    def on_curve_plot_changed(self) -> None:
        """The caption says what is on the screen."""
        self._caption()

    def _show_seeds(self, picture: Picture, entry: Entry) -> None:
        palette, table = self.palette, self.query_one("#run-seeds", LiveTable)
        quiet = palette.style("foreground", LABEL)
        panel = self.query_one("#seeds-panel", Panel)
        panel.set_title([Piece("Seeds", quiet)])
        table.set_rows(
            [present.seed_row(run, picture.ends, palette, palette.curve(entry.color)) for run in entry.runs]
        )
        facts = []
        result = entry.result
        if result:
            facts.append(f"{result[0]:.1f}" + (f" ± {result[1]:.1f}" if result[1] is not None else ""))
        best = max(((point.mean, point.step) for run in entry.runs for point in run.evals), default=None)
        if best:
            facts.append(f"best eval {number(best[0])} at {count(best[1])}")
        panel.set_subtitle(" · ".join(facts))

    def _show_config(self, entry: Entry) -> None:
        palette, panel = self.palette, self.query_one("#config-panel", Panel)
        quiet, text = palette.style("foreground", LABEL), palette.style("foreground", 0.8)
        width = max(20, self.query_one("#config").size.width - 1)
        view, origin = entry.runs[0], entry.experiment.origin if entry.experiment else {}
        lines: list[list[Piece]] = []
        for key, (old, new) in entry.changes.items():
            lines += notes.difference(key, old, new, palette, width)
        if lines:
            lines.append([])
        room = max((len(key) for key in view.spec.settings), default=0)
        rest = [key for key in view.spec.settings if key not in entry.changes]
        rest.sort(key=lambda key: origin.get(key, "default") == "default")  # what the file sets comes first
        for key in rest:
            source = origin.get(key, "default")
            value = value_text(view.spec.settings[key])
            strong = text if source != "default" else quiet
            line = [Piece(key.ljust(room), quiet), Piece(f" {value}", strong)]
            if source != "default" and room + len(value) + len(source) + 3 <= width:
                line.append(Piece(f"  {source}", quiet))
            lines.append(line)
        self.query_one("#config", ScrollLines).set_lines(lines)
        panel.set_title([Piece("Settings", quiet)])
        against = f"{len(entry.changes)} differ from {entry.baseline}" if entry.baseline else "the baseline"
        panel.set_subtitle(against)

    # -- the log -----------------------------------------------------------------------------------------

    def _read_log(self) -> None:
        view = self.run_view
        if view is not None and self.printed and self.query_one("#log-panel").display:
            read = partial(self._tail, view.id)
            self.jobs.run("log", read, self._on_log, lambda error: self._on_log([f"cannot be read: {error}"]))

    def _tail(self, run: RunId) -> list[str]:
        return ops.run_log(self.deeprl.workspace.root, run, LOG_LINES)

    def _on_log(self, lines: list[str]) -> None:
        self._log = lines
        self._show_log()

    def _show_log(self) -> None:
        view, palette = self.run_view, self.palette
        if view is None:
            return
        log, panel = self.query_one("#log", ScrollLines), self.query_one("#log-panel", Panel)
        names = [f"Printed by seed {view.id.seed}", "Events"]
        panel.set_tabs(names, 0 if self.printed else 1)
        log.set_follow(self.follow)
        if self.printed:
            text = palette.style("foreground", 0.8)
            lines = [[Piece(uncolored(line), text)] for line in self._log]
            if not lines:
                lines = [[Piece("its workers printed nothing", palette.style("foreground", LABEL))]]
        else:
            entries = {self.experiment: self.entry} if self.entry else {}
            lines = notes.activity(list(reversed(view.notes)), entries, palette, log.size.width or 80, 200)[
                ::-1
            ]
        log.set_lines(lines)
        panel.set_subtitle("follows" if self.follow else "held: f follows")

    def on_panel_tab_clicked(self, event: Panel.TabClicked) -> None:
        """Show the metric or the log whose title was clicked."""
        if event.panel.id == "log-panel":
            if (event.tab == 0) != self.printed:
                self.action_log()
        else:
            super().on_panel_tab_clicked(event)

    def on_scroll_lines_followed(self, event: ScrollLines.Followed) -> None:
        """Scrolling up holds the log, its end follows again."""
        if event.lines.id == "log":
            self.follow = event.on
            self._show_log()

    # -- actions -----------------------------------------------------------------------------------------

    def chosen(self) -> list[str]:
        """The seed that is looked at, or all."""
        return [self.experiment if self.seed is None else f"{self.experiment}/{self.seed}"]

    def action_back(self) -> None:
        """Back: first from the zoom, then from one seed to all, then to the dashboard."""
        if self.has_class("-zoom"):
            self.action_zoom()
        else:
            self.dismiss(None)

    def action_seed(self, step: int) -> None:
        """Look at the next seed; after the last one at all of them."""
        runs = self.entry.runs if self.entry else ()
        order: list[int | None] = [None, *(run.id.seed for run in runs)]
        at = order.index(self.seed) if self.seed in order else 0
        self.seed = order[(at + step) % len(order)]
        self._pictures = 0
        self.repaint()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Look at a seed."""
        self.seed = int(event.key)
        self._pictures = 0
        self.repaint()

    def action_log(self) -> None:
        """What the workers printed, or the events."""
        self.printed = not self.printed
        self._pictures = 0
        self.repaint()

    def action_follow(self) -> None:
        """Follow the end, or hold still."""
        self.follow = not self.follow
        self.repaint()

    def action_pane(self, pane: int) -> None:
        """Show one panel on a small screen; give it the focus on a large one."""
        for number_ in range(1, 5):
            self.set_class(number_ == pane, f"-pane-{number_}")
        self.call_after_refresh(self.query_one(("#chart", "#run-seeds", "#config", "#log")[pane - 1]).focus)
        self._pictures = 0
        self.call_after_refresh(self.repaint)

    def action_copy(self) -> None:
        """Copy the result."""
        entry = self.entry
        if entry is None:
            return
        result = entry.result
        told = f"{result[0]:.1f}" if result else "no episode yet"
        if result and result[1] is not None:
            told += f" ± {result[1]:.1f}"
        self.deeprl.copy(f"{entry.name}\t{told}\t{present.seeds_phrase(entry)}", "the result")

    def action_copy_command(self) -> None:
        """Copy the command that shows the same."""
        name = self.chosen()[0]
        told = f"deeprl show {name}" if self.seed is None else f"deeprl logs {name}"
        self.deeprl.copy(told, "the command")

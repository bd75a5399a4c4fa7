"""One experiment from near: each seed's curve under the mean, its settings with their origin, and what one
run tells: log, events, files, error.

Rule: a letter goes to a panel, and on a small screen it is the only one; the same letter or escape goes back.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from deeprl_tui.core import state
from deeprl_tui.core.curve import Curve
from deeprl_tui.core.spec import Json
from deeprl_tui.core.state import RunView
from deeprl_tui.tui import keys, pages, present, sorting
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.keeping import view_json, view_of
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.searching import Searching
from deeprl_tui.tui.screens.story import StoryPanel
from deeprl_tui.tui.theme import LABEL
from deeprl_tui.tui.widgets.curve_plot import CurveData, CurvePlot
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.pager import Pager
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import count, number

_GHOST = 0.45
_PANES = ("chart", "seeds", "config", "story")


class RunScreen(Searching):
    """An experiment and its seeds."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.RUN)
    AUTO_FOCUS = "#chart"
    where: ClassVar[str] = keys.RUN

    def __init__(self, name: str, seed: int | None = None, metric: int = 0) -> None:
        super().__init__()
        self.experiment = name
        self.seed = seed  # None: all
        self.metric = metric
        self.pane = "chart"
        self._opened = False

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        yield Lines(id="path")
        with Horizontal(id="body"):
            with Vertical(id="main"):
                with Panel(id="chart-panel"):
                    yield CurvePlot(id="chart")
                yield StoryPanel(id="story-panel")
            with Vertical(id="side"):
                with Panel(id="seeds-panel"):
                    yield LiveTable(present.SEEDS, sortable=sorting.SEEDS, id="run-seeds")
                with Panel(id="config-panel"):
                    yield Pager(id="config")
        yield KeyBar(keys.bar(self.where))

    def on_mount(self) -> None:
        """Begin with the chart."""
        self.add_class("-pane-chart")

    # -- pictures ----------------------------------------------------------------------------------------

    @property
    def entry(self) -> Entry | None:
        """The experiment; None if it went away."""
        return self.picture.board.by_name.get(self.experiment)

    @property
    def story(self) -> StoryPanel:
        """What the run tells."""
        return self.query_one("#story-panel", StoryPanel)

    @property
    def run_view(self) -> RunView | None:
        """The seed that is looked at; of all of them one that trains, or that failed if that is the page."""
        runs = self.entry.runs if self.entry else ()
        if self.seed is not None:
            return next((run for run in runs if run.id.seed == self.seed), None)
        wanted: tuple[type[object], ...] = (state.Running,)
        if self.story.page == "error":
            wanted = (state.Failed, state.Lost)
        return next((run for run in runs if isinstance(run.state, wanted)), runs[0] if runs else None)

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
        if not self._opened:
            self._open(entry)
        clock_of = partial(picture.snapshot.clock_of, now=picture.now)
        path = pages.path_line(entry, self.seed, picture.ends, self.palette, self.size.width, clock_of)
        self.query_one("#path", Lines).set_lines([path])
        self._show_chart(entry)
        self._show_seeds(picture, entry)
        self._show_config(entry)
        view = self.run_view
        if view is not None:
            self.story.show(view, self.deeprl.workspace.wall())

    def _open(self, entry: Entry) -> None:
        """A failed run is opened to learn why."""
        self._opened = True
        meant = [run for run in entry.runs if self.seed is None or run.id.seed == self.seed]
        failed = [run for run in meant if isinstance(run.state, state.Failed)]
        if failed:
            self.story.set_page("error")
            if len(failed) == len(meant):
                self._go("story")

    def _show_chart(self, entry: Entry) -> None:
        panel, chart, palette = self.query_one("#chart-panel", Panel), self.query_one(CurvePlot), self.palette
        names = self.metrics()
        panel.set_tabs([title for _, title in names], self.metric)
        metric = names[self.metric][0]
        color = palette.curve(entry.color)
        ghost = palette.color(color, _GHOST)
        drawn: list[CurveData] = []
        self.deeprl.workspace.fleet.want({run.id for run in entry.runs})
        for run in entry.runs:
            curve = _curve(run, metric)
            one = run.id.seed == self.seed
            if len(curve) and (len(entry.runs) > 1 or one) and not one:
                drawn.append(CurveData(f"seed {run.id.seed}", ghost, [curve]))
        seeds = [_curve(run, metric) for run in entry.runs if self.seed is None or run.id.seed == self.seed]
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
        color = palette.curve(entry.color)
        table.set_rows(
            [
                present.seed_row(run, picture.ends, palette, color, picture.snapshot)
                for run in sorting.seeds(entry.runs, table.sort, picture.ends)
            ]
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
        panel, pager = self.query_one("#config-panel", Panel), self.query_one("#config", Pager)
        width = max(20, pager.size.width - 1)
        pager.set_lines(pages.setting_lines(entry, entry.runs[0], self.palette, width))
        panel.set_title([Piece("Settings", self.palette.style("foreground", LABEL))])
        against = f"{len(entry.changes)} differ from {entry.baseline}" if entry.baseline else "the baseline"
        if pager.wanted:
            at, many = pager.found
            against = f"{at} of {many} · n N · esc ends" if many else "not found · esc ends"
        panel.set_subtitle(against)

    def on_panel_tab_clicked(self, event: Panel.TabClicked) -> None:
        """Show the metric or the page whose title was clicked."""
        if event.panel.id == "story-panel":
            self.action_page(self.story.names[event.tab], toggle=False)
        else:
            super().on_panel_tab_clicked(event)

    def remember(self) -> Mapping[str, Json]:
        """Which run, how the chart looks."""
        chart = view_json(self.query_one(CurvePlot).view)
        return {"experiment": self.experiment, "seed": self.seed, "page": self.story.page, "chart": chart}

    def recall(self, kept: Mapping[str, Json]) -> None:
        """The same again; seed and page only if it is the same experiment."""
        chart, seed, page = self.query_one(CurvePlot), kept.get("seed"), kept.get("page")
        chart.view = view_of(kept.get("chart"), chart.view)
        if kept.get("experiment") == self.experiment and self.seed is None:
            self.seed = seed if isinstance(seed, int) else None
            if page in ("events", "files"):
                self.story.set_page(page)

    # -- actions -----------------------------------------------------------------------------------------

    def chosen(self) -> list[str]:
        """The seed that is looked at, or all."""
        return [self.experiment if self.seed is None else f"{self.experiment}/{self.seed}"]

    def action_back(self) -> None:
        """Back, a step at a time: search, zoom, panel of a small screen, dashboard."""
        if self.end_search():
            self.repaint()
        elif self.has_class("-zoom", "-zoom-story", "-zoom-config"):
            self.action_zoom()
        elif self.pane != "chart" and self.has_class("-narrow"):
            self._go("chart")
        else:
            self.dismiss(None)

    def action_seed(self, step: int) -> None:
        """Look at the next seed; after the last one at all of them."""
        runs = self.entry.runs if self.entry else ()
        order: list[int | None] = [None, *(run.id.seed for run in runs)]
        at = order.index(self.seed) if self.seed in order else 0
        self.seed = order[(at + step) % len(order)]
        self.repaint()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Look at a seed."""
        if event.table.id == "run-seeds":
            self.seed = int(event.key)
            self.repaint()
        elif event.table.id == "files":
            self.action_copy()

    def action_page(self, page: str, *, toggle: bool = True) -> None:
        """Show a page of what the run tells; from the page itself back to the curves."""
        if toggle and self.story.page == page and self.pane == "story":
            self._go("chart")
            return
        self.story.set_page(page)
        self._go("story")

    def action_pane(self, pane: str) -> None:
        """Go to a panel; from the panel itself back to the curves."""
        self._go("chart" if self.pane == pane else pane)

    def _go(self, pane: str) -> None:
        self.pane = pane
        for name in _PANES:
            self.set_class(name == pane, f"-pane-{name}")
        if self.has_class("-zoom", "-zoom-story", "-zoom-config"):
            self._zoom(pane)
        self.call_after_refresh(self._focus_pane)

    def _focus_pane(self) -> None:
        if self.pane == "story":
            self.story.focus_page()
        else:
            wanted = {"chart": "#chart", "seeds": "#run-seeds", "config": "#config"}[self.pane]
            self.query_one(wanted).focus()
        self.repaint()

    def action_follow(self) -> None:
        """Follow the end, or hold still."""
        if self.story.page not in ("log", "events"):
            self.say("f: log and events can be followed")
            return
        self.story.toggle_follow()

    def action_zoom(self) -> None:
        """The panel in focus takes the whole screen, or gives it back."""
        zoomed = self.has_class("-zoom", "-zoom-story", "-zoom-config")
        self._zoom("" if zoomed else self.pane if self.pane != "seeds" else "chart")
        self.call_after_refresh(self.repaint)

    def _zoom(self, pane: str) -> None:
        self.set_class(pane in ("chart", "seeds"), "-zoom")
        self.set_class(pane == "story", "-zoom-story")
        self.set_class(pane == "config", "-zoom-config")

    def on_descendant_focus(self) -> None:
        """The panel that has the keys is the one that z and / are about."""
        focused = self.focused
        for name, widget in (("chart", "#chart"), ("seeds", "#run-seeds"), ("config", "#config")):
            if focused is self.query_one(widget):
                self.pane = name
        if focused in (self.story.pager, self.story.files):
            self.pane = "story"

    # -- search ------------------------------------------------------------------------------------------

    def searched(self) -> Pager:
        """The settings if they have the keys, else what the run tells."""
        if self.pane == "config":
            return self.query_one("#config", Pager)
        if self.story.page == "files":
            self.story.set_page("log")
        if self.pane != "story":
            self._go("story")
        return self.story.pager

    def on_pager_searched(self) -> None:
        """Say where it is."""
        self.repaint()

    # -- copy ---------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the path under the cursor of the files, else the result."""
        path = self.story.copied() if self.pane == "story" else None
        if path is not None:
            self.deeprl.copy(path, "the path")
            return
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


def _curve(run: RunView, metric: str) -> Curve:
    return run.curves.get(metric) or Curve()

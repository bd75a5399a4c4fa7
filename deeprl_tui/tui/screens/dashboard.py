"""The dashboard: experiments, their curves, what happened, the selected one in detail, the cores.

Rule: rows, curves and words are given to the widgets at every picture; those repaint only what differs.
"""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from deeprl_tui.core.spec import Json
from deeprl_tui.tui import keys, notes, present, sorting
from deeprl_tui.tui.board import NEW, Entry, on_chart
from deeprl_tui.tui.keeping import texts_of, view_json, view_of
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.picks import Picks
from deeprl_tui.tui.strip import core_strip
from deeprl_tui.tui.theme import LABEL
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.multiples import Multiples
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece, Row


class Dashboard(Picks):
    """The first screen."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.DASHBOARD)
    AUTO_FOCUS = "#table"
    where: ClassVar[str] = keys.DASHBOARD

    def __init__(self) -> None:
        super().__init__()
        self._placed = False
        self._wanted = ""  # the experiment to begin on
        self._rows: dict[str, tuple[object, Row]] = {}
        self._notes: tuple[object, list[list[Piece]]] = (None, [])
        self._told: tuple[object, object] = (None, None)  # runs, and what of their notes was seen

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                with Panel(id="experiments"):
                    yield LiveTable(present.EXPERIMENTS, sortable=sorting.EXPERIMENTS, id="table")
                with Panel(id="activity-panel"):
                    yield Lines(id="activity")
            with Vertical(id="right"):
                with Panel(id="faults-panel"):
                    yield Lines(id="faults")
                with Panel(id="chart-panel"):
                    yield Lines(id="welcome")
                    yield CurvePlot(id="chart")
                    yield Multiples(id="grid")
                with Panel(id="detail"):
                    with Vertical(id="seeds-column"):
                        yield LiveTable(present.SEEDS, sortable=sorting.SEEDS, id="seeds")
                        yield Lines(id="tail")
                    yield Lines(id="summary")
        yield Lines(id="cores")
        yield KeyBar(keys.bar(self.where))

    def remember(self) -> Mapping[str, Json]:
        """Metric, filter, marks, the experiment under the cursor, how the chart looks."""
        return {
            "metric": self.metrics()[self.metric][0],
            "words": list(self.words),
            "marks": sorted(self.marked),
            "all": self.show_all,
            "experiment": self.table.cursor or "",
            "chart": view_json(self.query_one(CurvePlot).view),
        }

    def recall(self, kept: Mapping[str, Json]) -> None:
        """The same again."""
        names: list[str] = [name for name, _ in self.metrics()]
        metric = kept.get("metric")
        self.metric = names.index(metric) if isinstance(metric, str) and metric in names else 0
        self.words, self.marked = texts_of(kept.get("words"))[:8], {*texts_of(kept.get("marks"))}
        self.show_all = kept.get("all") is True
        self._wanted = str(kept.get("experiment", ""))
        chart = self.query_one(CurvePlot)
        chart.view = view_of(kept.get("chart"), chart.view)

    def _title(self, panel: str, text: str) -> None:
        self.query_one(panel, Panel).set_title([Piece(text, self.palette.style("foreground", 0.75))])

    # -- pictures ----------------------------------------------------------------------------------------

    def show_body(self, picture: Picture) -> None:
        """Show everything below the header."""
        self._title("#experiments", "Experiments")
        self._title("#activity-panel", "Activity")
        self._title("#faults-panel", "experiments.toml cannot be used")
        entries = self.shown(picture)
        self._place_cursor(picture, entries)
        before = self.table.cursor
        drawn = on_chart(picture.board, picture.board.by_name.get(before or ""))
        self._show_table(picture, entries, drawn)
        selected = self.selected
        if selected is not None and selected.name != before:
            drawn = on_chart(picture.board, selected)
            self._show_table(picture, entries, drawn)
        if self.has_class("-grid") and picture.board.runs:
            self._show_grid(entries, selected)
        else:
            self._show_chart(picture, selected, drawn)
        self._show_detail(picture, selected)
        self._show_activity(picture)
        self._show_faults(picture)
        self._show_cores(picture)

    def _place_cursor(self, picture: Picture, entries: list[Entry]) -> None:
        """Begin on an experiment that trains; after that the cursor is the user's."""
        if self._placed or picture.reading or not picture.board.runs or not entries:
            return
        self._placed = True
        first = next((entry for entry in entries if entry.name == self._wanted), None)
        first = first or next((entry for entry in entries if entry.word == "running"), None)
        first = first or next((entry for entry in entries if entry.runs), entries[0])
        self._show_table(picture, entries, [])
        self.table.move_to(first.name)

    def _show_table(self, picture: Picture, entries: list[Entry], drawn: list[Entry]) -> None:
        table, palette, board = self.table, self.palette, picture.board
        trend = table.size.width >= 56
        look = present.Look(
            palette,
            frozenset(entry.name for entry in drawn),
            table.cursor or "",
            frozenset(self.marked),
            table.size.width,
        )
        rows: list[tuple[str, Row]] = []
        made: dict[str, tuple[object, Row]] = {}
        for entry in entries:
            name = entry.name
            eta = entry.eta(picture.ends)
            state = (
                entry,
                eta,
                palette,
                look.table,
                name in look.drawn,
                name == look.selected,
                name in look.marked,
            )
            old = self._rows.get(name)
            row = old[1] if old is not None and old[0] == state else None
            if row is None:
                row = present.experiment_row(entry, picture.ends, look, trend=trend)
            made[name] = (state, row)
            rows.append((entry.env, row))
        self._rows = made
        hidden = 0 if self.words else board.unlaunched - sum(not entry.runs for entry in entries)
        table.set_rows(present.experiment_rows(rows, hidden, palette))
        panel = self.query_one("#experiments", Panel)
        facts = [f"{len(entries)} of {len(board.entries)}" if self.words else str(len(entries))]
        if self.marked:
            facts.append(f"{len(self.marked)} marked")
        if self.words:
            facts.append("/ " + " ".join(self.words))
        panel.set_subtitle(" · ".join(facts) if board.entries else "")

    def _show_chart(self, picture: Picture, selected: Entry | None, drawn: list[Entry]) -> None:
        panel = self.query_one("#chart-panel", Panel)
        panel.set_tabs([title for _, title in present.METRICS], self.metric)
        empty = not picture.board.runs
        self.set_class(empty, "-empty")
        if empty:
            width = max(20, panel.size.width - 6)
            self.query_one("#welcome", Lines).set_lines(self._welcome(picture, width))
            panel.set_subtitle("")
            return
        chart, metric = self.query_one(CurvePlot), present.METRICS[self.metric][0]
        self.deeprl.workspace.fleet.want({run.id for entry in drawn for run in entry.runs})
        nothing = "not launched yet: n launches it" if selected and selected.word == NEW else "no episode yet"
        chart.set_curves(
            present.curves(drawn, selected, metric, self.palette),
            present.references(selected, metric),
            nothing,
        )
        self._caption()

    def _show_grid(self, entries: list[Entry], selected: Entry | None) -> None:
        grid, chart, panel = (
            self.query_one(Multiples),
            self.query_one(CurvePlot),
            self.query_one("#chart-panel", Panel),
        )
        self.remove_class("-empty")
        panel.set_tabs([title for _, title in present.METRICS], self.metric)
        metric = present.METRICS[self.metric][0]
        shown = [entry for entry in entries if entry.runs]
        tiles = present.tiles(shown, selected, metric, self.palette)
        grid.set_tiles(tiles, chart.view, self.table.cursor or "")
        seen = grid.in_view()
        self.deeprl.workspace.fleet.want(
            {run.id for entry in shown if entry.name in seen for run in entry.runs}
        )
        self._caption()

    def action_multiples(self) -> None:
        """Small charts of all experiments, or the one chart again."""
        on = not self.has_class("-grid")
        if on and not self.picture.board.runs:
            self.say("v: nothing was launched yet")
            return
        self.set_class(on, "-grid")
        found = self.query_one(Multiples) if on else self.query_one(CurvePlot)
        self.call_after_refresh(self.repaint)
        if on or self.focused is self.query_one(Multiples):
            self.call_after_refresh(found.focus)

    def on_multiples_selected(self, event: Multiples.Selected) -> None:
        """Select an experiment; a second time opens it."""
        if self.table.cursor == event.name:
            self.open_run(None)
        else:
            self.table.move_to(event.name)

    def on_multiples_moved(self) -> None:
        """Others came into view."""
        self.repaint()

    def on_multiples_wish(self, event: Multiples.Wish) -> None:
        """Draw the small charts as the one chart is drawn."""
        getattr(self.query_one(CurvePlot), f"action_{event.action}")()
        self.repaint()

    def _caption(self) -> None:
        selected, grid = self.selected, self.has_class("-grid")
        told = self.query_one(Multiples).caption() if grid else self.query_one(CurvePlot).caption()
        parts = [selected.env if selected and not grid else "", told]
        self.query_one("#chart-panel", Panel).set_subtitle(" · ".join(part for part in parts if part))

    def on_curve_plot_changed(self) -> None:
        """The caption says what is on the screen."""
        if self.picture.board.runs:
            self._caption()

    def _welcome(self, picture: Picture, width: int) -> list[list[Piece]]:
        palette = self.palette
        quiet = palette.style("foreground", LABEL)
        if picture.file is None:
            lines = notes.paragraph("No experiments.toml here or above.", palette, width, 1.0)
            ways = [
                ("deeprl init", "writes one with examples"),
                ("deeprl-tui", "opens it; then n, enter: a first curve"),
                ("deeprl-tui --demo", "looks around in recorded runs"),
                ("deeprl-tui --file PATH", "opens another project"),
            ]
            lines += [[], *notes.hint(ways, palette), [], *notes.hint([("?", "all keys   q  quit")], palette)]
        elif picture.reading:
            lines = notes.paragraph("reading runs…", palette, width, LABEL)
        elif picture.project is None:
            lines = notes.paragraph("No runs yet.", palette, width, 1.0)
            told = "Mend experiments.toml: it is read again by itself. deeprl check lists every problem."
            lines += [[], *notes.paragraph(told, palette, width)]
        else:
            lines = notes.paragraph("No runs yet. Three keys to a first curve:", palette, width, 1.0)
            hints = [
                ("j", "go to an experiment; space marks several"),
                ("n", "look at the plan: cores, memory, time"),
                ("enter", "launch; quitting never stops a run"),
            ]
            lines += [[], *notes.hint(hints, palette), [], *notes.hint([("?", "all keys")], palette)]
            if "CP_basic" in picture.board.by_name:
                told = "CP_basic with 2 seeds learns in minutes."
                lines += [[], [Piece(told, quiet)]]
        return [[], *([Piece("  ", quiet), *line] for line in lines)]

    def _show_detail(self, picture: Picture, selected: Entry | None) -> None:
        panel = self.query_one("#detail", Panel)
        if not panel.display:
            return
        palette = self.palette
        seeds, tail, words = (
            self.query_one("#seeds", LiveTable),
            self.query_one("#tail", Lines),
            self.query_one("#summary", Lines),
        )
        if selected is None:
            panel.set_title([])
            seeds.set_rows([])
            tail.set_lines([])
            words.set_lines([])
            return
        color = palette.curve(selected.color)
        quiet = palette.style("foreground", LABEL)
        panel.set_title(
            [Piece(selected.name, palette.style(color, bold=True)), Piece(f"  {selected.env}", quiet)]
        )
        panel.set_subtitle(present.state_words(selected))
        runs = sorting.seeds(selected.runs, seeds.sort, picture.ends)
        seeds.set_rows(
            [present.seed_row(run, picture.ends, palette, color, picture.snapshot) for run in runs]
        )
        tail.set_lines(notes.tails(selected, palette, 2))
        words.set_lines(
            notes.summary(selected, palette, max(10, words.size.width - 2), max(1, words.size.height))
        )

    def _show_activity(self, picture: Picture) -> None:
        runs = picture.snapshot.runs.values()
        if picture.snapshot.runs is not self._told[0]:
            told = tuple(
                (len(run.notes), run.notes[-1].at if run.notes else 0.0, run.solved_at) for run in runs
            )
            self._told = (picture.snapshot.runs, told)
        seen = self.deeprl.announcer.notices
        state = (self.palette, self.size, self._told[1], seen[-1:])
        if state != self._notes[0]:
            width = self.query_one("#activity").size.width or 44
            newest, entries = notes.newest(runs), picture.board.by_name
            lines = notes.activity(newest, entries, self.palette, width, seen=seen)
            for place in picture.snapshot.damaged[:3]:
                lines.insert(
                    0, [Piece("✗ ", self.palette.style("error")), Piece(place, self.palette.style())]
                )
            self._notes = (state, lines)
        self.query_one("#activity", Lines).set_lines(self._notes[1])

    def _show_faults(self, picture: Picture) -> None:
        panel = self.query_one("#faults-panel", Panel)
        self.set_class(bool(picture.problems), "-faults")
        if picture.problems:
            width = max(20, self.query_one("#right").size.width - 4)
            room = 4 if self.size.height < 30 else 8
            lines = notes.problems(picture.problems, self.palette, width, room)
            self.query_one("#faults", Lines).set_lines(lines)
            panel.styles.height = len(lines) + 2
            known = picture.project is not None
            panel.set_subtitle("what was read before is kept" if known else "the runs are not touched")

    def _show_cores(self, picture: Picture) -> None:
        palette, hosts = self.palette, picture.snapshot.hosts
        lines = [core_strip(hosts, picture.board.entries, palette, self.size.width)]
        told = notes.waiting(picture.board, hosts, picture.now)
        if told:
            lines.insert(0, [Piece(f"  ! {told}", palette.style("warning"))])
        self.query_one("#cores", Lines).set_lines(lines)

"""The results: thousands of runs by experiment or one by one, filtered while typing, compared at a key.

Rule: rows are drawn when they are seen; curves, averages and verdicts arrive from the background.
"""

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from deeprl_tui.tui import comparing, keys, notes, result_rows
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.results import ASCENDING, BY_ENV, BY_EXPERIMENT, Browse, Line, Shown, Unit
from deeprl_tui.tui.screens.overlay import Overlay
from deeprl_tui.tui.theme import LABEL
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines, ScrollLines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Column, Piece
from deeprl_tui.tui.words import plural


class ResultsTable(LiveTable, inherit_bindings=False):
    """A table in which g groups; home goes to the first row. Every column can be sorted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "first", "First", show=False, id="results.first")
        if isinstance(one, Binding) and one.id == "table.first"
        else one
        for one in LiveTable.BINDINGS
    ]

    def set_columns(self, columns: list[Column]) -> None:  # type: ignore[override]
        """Replace the columns."""
        self._sortable = frozenset(column.key for column in columns if column.title.strip())
        super().set_columns(columns)


class ResultsScreen(Overlay):
    """The results of all runs."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.RESULTS)
    AUTO_FOCUS = "#results"
    where: ClassVar[str] = keys.RESULTS

    def __init__(self) -> None:
        super().__init__()
        self._look: result_rows.Look | None = None
        self._shown = Shown()
        self._painted: object = None  # what the table shows

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        with Vertical(id="body"):
            with Panel(id="results-panel"):
                with Horizontal(id="filter-line"):
                    yield Lines(id="filter-sign")
                    yield Field(
                        placeholder="words  !word  env:Lunar  state:finished  return>100", id="filter"
                    )
                    yield Lines(id="filter-fault")
                yield ResultsTable([], id="results")
                yield Lines(id="nothing")
            with Horizontal(id="below"):
                with Panel(id="chart-panel"):
                    yield CurvePlot(id="chart")
                with Panel(id="told-panel"):
                    yield ScrollLines(id="told")
            yield Lines(id="verdict")
        yield KeyBar(keys.bar(self.where))

    def on_mount(self) -> None:
        """Show the filter that was left."""
        self.desk.typing = False
        self.query_one("#filter", Field).value = self.browse.filter
        self.set_class(bool(self.browse.filter), "-filtering")

    @property
    def browse(self) -> Browse:
        """How the user looks at the results."""
        return self.desk.browse

    @browse.setter
    def browse(self, browse: Browse) -> None:
        self.desk.browse = browse
        self.repaint()

    @property
    def table(self) -> ResultsTable:
        """The rows."""
        return self.query_one(ResultsTable)

    # -- pictures ----------------------------------------------------------------------------------------

    def show_body(self, picture: Picture) -> None:
        """Show everything below the header."""
        self.desk.take(picture.snapshot)
        envs = tuple(dict.fromkeys(entry.env for entry in picture.board.entries))
        self._shown = self.desk.shown(envs)
        empty = not self._shown.many
        self.set_class(empty, "-empty")
        self._show_filter()
        if empty:
            self._show_nothing(picture)
        self._show_table()
        drawn = self.rows_drawn()
        if not empty:
            self.show_chart(drawn)
            self._show_told()

    def _show_filter(self) -> None:
        palette = self.palette
        self.query_one("#filter-sign", Lines).set_lines([[Piece(" /", palette.style("accent", bold=True))]])
        fault = self.desk.fault
        told = [Piece(fault, palette.style("warning"))] if fault else []
        if not fault and self.browse.filter:
            told = [Piece(self._count(), palette.style("foreground", LABEL))]
        self.query_one("#filter-fault", Lines).set_lines([told])

    def _count(self) -> str:
        what = "experiment" if self.browse.unit == "experiment" else "run"
        if self._shown.many == self._shown.of:
            return plural(self._shown.of, what)
        return f"{self._shown.many} of {plural(self._shown.of, what)}"

    def _show_nothing(self, picture: Picture) -> None:
        palette, width = self.palette, max(20, self.size.width - 8)
        if picture.reading:
            lines = notes.paragraph("reading runs…", palette, width, LABEL)
        elif not self._shown.of:
            lines = notes.paragraph("No runs yet.", palette, width, 1.0)
            lines += [
                [],
                *notes.hint([("1", "the experiments; n launches some"), ("?", "all keys")], palette),
            ]
        else:
            told = f"No {self.browse.unit} fits “{self.browse.filter}”."
            lines = notes.paragraph(told, palette, width, 1.0)
            hints = [("esc", f"clears the filter and shows all {self._shown.of}"), ("/", "changes it")]
            lines += [[], *notes.hint(hints, palette)]
        quiet = palette.style("foreground", LABEL)
        self.query_one("#nothing", Lines).set_lines([[], *([Piece("  ", quiet), *line] for line in lines)])

    def _show_table(self) -> None:
        table, browse = self.table, self.browse
        look = result_rows.look_of(browse, self._shown, self.palette, table.size.width)
        if look != self._look:
            if self._look is None or result_rows.table_columns(look) != result_rows.table_columns(self._look):
                table.set_columns(result_rows.table_columns(look))
            self._look = look
        table.set_sort(browse.sort, browse.descending)
        self._set_rows()
        if table.cursor is not None and not browse.picks:
            self._set_rows()  # the row under the cursor has the color of its curve
        facts = [f"by {browse.group}" if browse.group else "", self._count()]
        facts.append(f"sorted by {browse.sort} {'↓' if browse.descending else '↑'}")
        if browse.baseline:
            facts.append(f"baseline {browse.baseline}")
        if browse.picks:
            facts.append(f"{len(self.desk.picked())} picked")
        panel = self.query_one("#results-panel", Panel)
        panel.set_title([Piece("Results", self.palette.style("foreground", 0.75))])
        panel.set_subtitle(" · ".join(fact for fact in facts if fact))

    def _set_rows(self) -> None:
        assert self._look is not None
        drawn, table = {line.key: at for at, line in enumerate(self.rows_drawn())}, self.table
        state = (self._shown, self._look, drawn, self.browse.picks)
        if state == self._painted:
            return
        self._painted = state
        rows = result_rows.TableRows(self._shown, self._look, drawn, self.browse.picks)
        before = table.keys
        table.set_virtual(rows.keys, rows.make, rows.headings)
        after = table.keys
        if before and table.cursor == before[0] and len(before) == len(after) and before[0] != after[0]:
            table.action_first()  # who looks at the best keeps looking at the best

    def _show_told(self) -> None:
        palette, panel = self.palette, self.query_one("#told-panel", Panel)
        told = self.query_one("#told", ScrollLines)
        width = max(20, told.size.width - 2) if told.size.width else 40
        meant = self.rows_meant()
        verdicts = self.verdicts(meant)
        quiet = palette.style("foreground", LABEL)
        if len(meant) == 1:
            line, base = meant[0], self.desk.baseline_of(meant[0])
            verdict = verdicts.get(line.experiment)
            panel.set_title(
                [Piece(line.key, palette.style(palette.curve(0), bold=True)), Piece(f"  {line.env}", quiet)]
            )
            told.set_lines(comparing.told_lines(line, base, verdict, palette, width))
            headlines = [verdict] if verdict is not None else []
        else:
            panel.set_title([Piece(f"{len(meant)} picked", palette.style("foreground", 0.75))])
            found = [(line, verdicts.get(line.experiment)) for line in meant]
            colors = {line.key: at for at, line in enumerate(meant)}
            lines = comparing.short_verdicts(found, palette, width, colors)
            told.set_lines([*lines, [], *comparing.difference_lines(meant, palette, width, colors)])
            headlines = [verdict for _, verdict in found if verdict is not None and verdict.comparison]
        panel.set_subtitle("= compare" if len(meant) > 1 else "")
        line_ = [Piece(f" {headlines[0].headline}", palette.style("foreground", 0.8))] if headlines else []
        self.query_one("#verdict", Lines).set_lines([line_])

    # -- what is meant -----------------------------------------------------------------------------------

    def rows_meant(self) -> list[Line]:
        """The picked rows, or the one under the cursor."""
        picked = self.desk.picked()
        if picked:
            return picked
        line = self.desk.line(self.table.cursor)
        return [] if line is None else [line]

    def on_live_table_highlighted(self) -> None:
        """Another row: the chart and the words are about it."""
        self.repaint()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Compare what is picked, or open the experiment."""
        if len(self.desk.picked()) > 1:
            self.action_compare()
            return
        line = self.desk.line(event.key)
        if line is None:
            return
        from deeprl_tui.tui.screens.run import RunScreen

        seed = line.records[0].id.seed if self.browse.unit == "run" else None
        self.app.push_screen(RunScreen(line.experiment, seed, self.metric))

    def on_live_table_sorted(self, event: LiveTable.Sorted) -> None:
        """Sort by another column."""
        key = event.key or "name"
        falls = event.descending if key == self.browse.sort else key not in ASCENDING
        self.browse = replace(self.browse, sort=key, descending=falls)

    # -- actions -----------------------------------------------------------------------------------------

    def action_pick(self) -> None:
        """Pick the row for the comparison, and go on to the next."""
        key = self.table.cursor
        if key is None:
            self.say("space: no row to pick")
            return
        self.desk.browse = self.browse.toggled(key)
        self.table.action_move(1)
        self.repaint()

    def action_group(self) -> None:
        """Next grouping."""
        self.browse = self.browse.regrouped()

    def action_unit(self) -> None:
        """Rows are experiments, or single runs."""
        unit: Unit = "run" if self.browse.unit == "experiment" else "experiment"
        group = BY_ENV if self.browse.group == BY_EXPERIMENT else self.browse.group
        self.browse = replace(self.browse, unit=unit, group=group, picks=())

    def action_columns(self) -> None:
        """Choose columns, and what to group by."""
        from deeprl_tui.tui.screens.columns import ColumnsScreen

        def chosen(browse: Browse | None) -> None:
            if browse is not None:
                self.browse = browse

        self.app.push_screen(ColumnsScreen(self.browse, self._shown.lines()), chosen)

    def action_baseline(self) -> None:
        """Compare everything with this row, or with what the file says again."""
        line = self.desk.line(self.table.cursor)
        if line is None:
            self.say("B: no row to compare with")
            return
        here = line.experiment
        same = here == self.browse.baseline
        self.browse = replace(self.browse, baseline=None if same else here)
        self.say(
            "each is compared with its own baseline" if same else f"all are compared with {here}; B undoes"
        )

    def action_compare(self, panel: str = "chart") -> None:
        """Show the picked rows over each other, with verdicts and differences."""
        from deeprl_tui.tui.screens.compare import CompareScreen

        lines = self.rows_drawn()
        if not lines:
            self.say("=: no row to compare")
            return
        self.app.push_screen(CompareScreen([line.key for line in lines], self.metric, panel))

    def action_filter(self) -> None:
        """Type a filter; in it the key is a letter, as of `CP_basic/0`."""
        field = self.query_one("#filter", Field)
        if field.has_focus:
            field.insert_text_at_cursor("/")
            return
        self.add_class("-filtering")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        if event.value != self.browse.filter:
            self.desk.typing = True
            self.browse = replace(self.browse, filter=event.value)

    def on_input_submitted(self) -> None:
        """Keep the filter, and go to the rows."""
        self.set_class(bool(self.browse.filter), "-filtering")
        self.table.focus()
        self.desk.typing = False
        self.repaint()

    def action_clear(self) -> None:
        """Clear the filter, else the zoom, else the picks; else back to the dashboard."""
        if self.has_class("-filtering"):
            self.remove_class("-filtering")
            self.query_one("#filter", Field).value = ""
            self.table.focus()
            self.browse = replace(self.browse, filter="")
        elif self.has_class("-zoom"):
            self.action_zoom()
        elif self.browse.picks:
            self.browse = replace(self.browse, picks=())
        else:
            self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the table as text."""
        if not self._shown.many:
            self.say("y: no row to copy")
            return
        self.deeprl.copy(self.table.text, self._count())

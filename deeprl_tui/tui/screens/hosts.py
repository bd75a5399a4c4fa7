"""The hosts: which cores they have and who is pinned there, memory, disk, the age of what is known.

Rule: all hosts in one table, one of them from near. A host that says nothing keeps what was known of it.
"""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.tui import host_facts, hosts, keys, notes
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.theme import LABEL
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.pager import Pager
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece, widths
from deeprl_tui.tui.words import plural

if TYPE_CHECKING:
    from deeprl_tui.tui.screens.picks import Picks


class HostsScreen(WatchScreen):
    """All hosts, and one of them from near."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.HOSTS)
    AUTO_FOCUS = "#hosts"
    where: ClassVar[str] = keys.HOSTS

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        with Vertical(id="body"):
            with Panel(id="hosts-panel"):
                yield LiveTable(hosts.HOSTS, id="hosts")
            with Horizontal(id="host"):
                with Panel(id="cores-panel"):
                    yield Pager(id="host-cores")
                with Vertical(id="host-side"):
                    with Panel(id="facts-panel"):
                        yield Lines(id="facts")
                    with Panel(id="host-runs-panel"):
                        yield LiveTable(hosts.RUNS, id="host-runs")
        yield KeyBar(keys.bar(self.where))

    def on_mount(self) -> None:
        """The age of data grows also while nothing arrives."""
        self.set_interval(5.0, self.repaint)

    @property
    def selected(self) -> HostView | None:
        """The host under the cursor."""
        known = {host.name: host for host in self.picture.snapshot.hosts}
        return known.get(self.query_one("#hosts", LiveTable).cursor or "")

    def _title(self, panel: str, text: str, more: str = "") -> None:
        label = self.palette.style("foreground", LABEL)
        pieces = [Piece(text, self.palette.style("foreground", 0.75))]
        self.query_one(panel, Panel).set_title([*pieces, Piece(f"  {more}", label)] if more else pieces)

    # -- pictures ----------------------------------------------------------------------------------------

    def show_body(self, picture: Picture) -> None:
        """Show everything below the header."""
        now, palette = self.deeprl.workspace.wall(), self.palette
        known, entries = picture.snapshot.hosts, picture.board.entries
        table = self.query_one("#hosts", LiveTable)
        strip = widths(hosts.HOSTS, table.size.width or 78)[2]
        rows = [hosts.host_row(host, hosts.owners_of(host, entries), palette, now, strip) for host in known]
        table.set_rows(rows)
        self._title("#hosts-panel", "Hosts")
        told = hosts.caption(known, entries, now) if known else "reading runs…"
        self.query_one("#hosts-panel", Panel).set_subtitle(told)
        self._show_host(picture, now)

    def _show_host(self, picture: Picture, now: float) -> None:
        host, palette = self.selected, self.palette
        pager, facts = self.query_one("#host-cores", Pager), self.query_one("#facts", Lines)
        runs = self.query_one("#host-runs", LiveTable)
        if host is None:
            told = "No host is known yet: the runs folder is being read."
            pager.set_lines(notes.paragraph(told, palette, pager.size.width or 60, LABEL))
            facts.set_lines([])
            runs.set_rows([])
            return
        owners, homes = hosts.owners_of(host, picture.board.entries), picture.snapshot.homes
        width = max(18, (pager.size.width or 70) - 1)
        pager.set_lines(hosts.core_lines(host, owners, palette, width, pager.size.height))
        self._title("#cores-panel", host.name, "cores")
        free = len(host.cores) - len(owners)
        self.query_one("#cores-panel", Panel).set_subtitle(
            f"{free} of {plural(len(host.cores), 'core')} free"
        )
        push = self.deeprl.requests.pushing.get(host.name, "")
        lines = host_facts.fact_lines(host, palette, now, facts.size.width or 44, push)
        self.query_one("#facts-panel", Panel).styles.height = len(lines) + 2
        facts.set_lines(lines)
        self._title("#facts-panel", host.name, "facts")
        room = widths(hosts.RUNS, runs.size.width or 46)[0]
        rows = hosts.run_rows(owners, picture.ends, palette, room)
        runs.set_rows(rows)
        self._title("#host-runs-panel", host.name, "runs")
        waits = sum(
            isinstance(view.state, state.Queued) and homes.get(run, LOCAL) == host.name
            for run, view in picture.snapshot.runs.items()
        )
        told = plural(len(rows), "run") + (f", {waits} wait" if waits else "")
        self.query_one("#host-runs-panel", Panel).set_subtitle(told if rows or waits else "nothing runs here")

    def on_live_table_highlighted(self, event: LiveTable.Highlighted) -> None:
        """Another host from near."""
        if event.table.id == "hosts":
            self.repaint()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Go to the runs of a host; open a run."""
        if event.table.id == "hosts":
            self.set_class(True, "-narrow-runs")
            self.call_after_refresh(self._focus_runs)
            return
        from deeprl_tui.tui.screens.run import RunScreen

        run = RunId.parse(event.key)
        self.app.push_screen(RunScreen(run.experiment, run.seed))

    def _focus_runs(self) -> None:
        runs = self.query_one("#host-runs", LiveTable)
        if runs.keys:
            runs.focus()
        else:
            self.say("nothing runs here")
        self.repaint()

    # -- actions -----------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Show the experiments of this host."""
        host = self.selected
        if host is not None:
            self.deeprl.action_go(keys.DASHBOARD)
            cast("Picks", self.app.screen).filter_by([host.name.lower()])

    def action_push(self) -> None:
        """Make the host ready for this project."""
        host = self.selected
        if host is None or host.name == LOCAL:
            self.say("P: this machine is ready" if host is not None else "P: no host under the cursor")
            return
        self.say(self.deeprl.requests.push(host.name))

    def action_back(self) -> None:
        """From the runs to the hosts, then to the dashboard."""
        if self.has_class("-narrow-runs"):
            self.remove_class("-narrow-runs")
            self.query_one("#hosts").focus()
            self.call_after_refresh(self.repaint)
        else:
            self.dismiss(None)

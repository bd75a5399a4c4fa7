"""The launch screen: what to run on the left, what that would mean on the right, the same as a command below.

Rule: the plan is worked out in the background at every change; nothing starts before enter, and nothing that
would be refused can be started.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.config.model import Project
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import ConfigError, DeeprlError
from deeprl_tui.tui import forecast, launching, notes, typed
from deeprl_tui.tui.background import Finished, Jobs
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.launching import Existing, Outlook, Wish
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.choice import Choice
from deeprl_tui.tui.widgets.field import Completion, Field
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.rows import Column, Piece, Row, widths
from deeprl_tui.tui.widgets.ticks import Ticks

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

_COLUMNS = (Column("mark", "", 3), Column("name", "experiment", 10, flex=True), Column("state", "state", 12))
_CHANGES = (Column("change", "", 10, flex=True),)
_HINT = "space picks · / filters · ←→ seeds · s settings · f existing · h hosts · enter launches · esc"
_SHORT = "space picks · / filters · enter launches · esc cancels"


class LaunchScreen(ModalScreen[None]):
    """Chooses experiments and launches them."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012  Textual's type
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("enter", "enter", "Launch", show=False, priority=True),
        Binding("space", "mark", "Mark", show=False),
        Binding("slash", "goto('find')", "Filter", show=False, priority=True),
        Binding("s,e", "goto('set')", "Settings", show=False),
        Binding("f", "existing", "Existing", show=False),
        Binding("h", "goto('hosts')", "Hosts", show=False),
        Binding("right", "seeds(1)", "One seed more", show=False),
        Binding("left", "seeds(-1)", "One seed less", show=False),
        Binding("q", "leave", "Cancel", show=False),
    ]
    AUTO_FOCUS = "#picks"

    def __init__(self, picture: Picture, names: Sequence[str]) -> None:
        super().__init__()
        assert picture.project is not None
        self.jobs = Jobs(self)
        self._project: Project = picture.project
        self._views: dict[RunId, RunView] = dict(picture.snapshot.runs)
        self._entries: dict[str, Entry] = dict(picture.board.by_name)
        known = self._project.experiments
        self.picked = {name if name in known else name.partition("+")[0] for name in names} & set(known)
        self._outlook: Outlook | None = None
        self._fault = ""
        self._planning = False
        self._asked = False  # enter was pressed before the plan was there

    @property
    def deeprl(self) -> "DeeprlApp":
        """The app, with its type."""
        return cast("DeeprlApp", self.app)

    def compose(self) -> ComposeResult:
        """Experiments, plan, changes, fields, command, buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Launch"
            with Horizontal(id="choice"):
                yield LiveTable(_COLUMNS, id="picks")
                with Vertical(id="meaning"):
                    yield Lines(id="plan")
                    yield LiveTable(_CHANGES, header=False, id="changes")
            for label, field in (
                ("Filter", Field(placeholder="letters of name or env", id="find")),
                (
                    "Seeds",
                    Field(placeholder="the file's; or 5 for a count, 0,3,7 for a list, 0-4", id="seeds"),
                ),
                ("Settings", Field(placeholder="key=value key=value", id="set")),
            ):
                with Horizontal(classes="field"):
                    yield Label(label, markup=False)
                    yield field
            with Horizontal(classes="field"):
                yield Label("Existing", markup=False)
                yield Choice(launching.EXISTING, id="existing")
            with Horizontal(classes="field"):
                yield Label("Hosts", markup=False)
                yield Ticks((LOCAL,), id="hosts")
            yield Lines(id="fault")
            yield Lines(id="twin")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Launch", id="go", compact=True, variant="primary", disabled=True)

    def on_mount(self) -> None:
        """Show what was picked on the dashboard."""
        settings = self.query_one("#set", Input)
        settings.suggester, settings.select_on_focus = (
            Completion(lambda text: typed.completed(text, self.values)),
            False,
        )
        self._show_picks()
        table = self.query_one("#picks", LiveTable)
        first = next((name for name in self._project.experiments if name in self.picked), None)
        if first is not None:
            table.move_to(first)
        self._changed()

    def on_finished(self, message: Finished) -> None:
        """Take the outcome of a background call."""
        message.deliver()

    # -- what is wished ----------------------------------------------------------------------------------

    @property
    def wish(self) -> Wish:
        """What the fields say now."""
        return Wish(
            tuple(name for name in self._project.experiments if name in self.picked),
            self.query_one("#seeds", Input).value.strip(),
            tuple(self.query_one("#set", Input).value.split()),
            cast("Existing", self.query_one("#existing", Choice).value),
            self.query_one("#hosts", Ticks).ticked,
        )

    @property
    def values(self) -> dict[str, Json]:
        """The settings of the first picked experiment: what is changed by typing."""
        first = next((name for name in self._project.experiments if name in self.picked), None)
        return dict(self._project.experiments[first].settings) if first else {}

    def _show_picks(self) -> None:
        table, palette = self.query_one("#picks", LiveTable), Palette.of(self.app)
        room = widths(_COLUMNS, table.size.width)[1] if table.size.width else 80
        words = self.query_one("#find", Input).value.lower().split()
        known = self._project.experiments
        entries = [entry for name, entry in self._entries.items() if name in known]
        table.set_rows(launching.pick_rows(entries, known, self.picked, words, palette, room))

    def _changed(self) -> None:
        wish = self.wish
        self._asked = False
        self.query_one("#go", Button).disabled = True
        self._show_twin()
        if not wish.names:
            self.jobs.forget("plan")
            self._outlook, self._fault = None, ""
            self._show_plan()
            return
        self._planning = True
        root, snapshot = self.deeprl.workspace.root, self.deeprl.look().snapshot
        work = partial(launching.work_out, self._project, wish, self._views, root, snapshot)
        self.jobs.run("plan", work, self._on_outlook, self._on_fault)

    def _on_outlook(self, outlook: Outlook) -> None:
        self._planning, self._outlook = False, outlook
        self._fault = "\n".join(str(error) for error in outlook.refused)
        go = self.query_one("#go", Button)
        go.disabled = bool(outlook.refused) or not outlook.does
        verb = "Launch" if outlook.plan.runs or not outlook.resumed else "Resume"
        go.label = f"{verb} {outlook.does}" if outlook.does else "Launch"
        self._show_plan()
        self._show_twin()
        if self._asked:
            self.action_launch()

    def _on_fault(self, error: Exception) -> None:
        self._planning, self._outlook, self._asked = False, None, False
        if isinstance(error, ConfigError):
            self._fault = "\n".join(str(problem) for problem in error.problems)
        else:
            self._fault = str(error) if isinstance(error, DeeprlError) else f"{type(error).__name__}: {error}"
        self._show_plan()

    # -- what it would mean ------------------------------------------------------------------------------

    def _show_plan(self) -> None:
        palette = Palette.of(self.app)
        panel, changes = self.query_one("#plan", Lines), self.query_one("#changes", LiveTable)
        width = max(20, panel.size.width or 40)
        self._show_fault(palette)
        rows: list[Row] = []
        if self._outlook is not None:
            lines = forecast.plan_lines(self._outlook, palette, self.deeprl.workspace.wall(), width - 2)
            rows = launching.change_rows(self._outlook, palette, width - 2)
        elif self._fault:
            lines = notes.paragraph("no plan: see below", palette, width, LABEL)
        elif not self.picked:
            lines = notes.paragraph("nothing picked yet: space picks the row", palette, width, LABEL)
        else:
            lines = notes.paragraph("working it out…", palette, width, LABEL)
        panel.styles.height = len(lines) + 1
        panel.set_lines(lines)
        changes.set_rows(rows)
        links, hosts = self.deeprl.links, self.deeprl.look().snapshot.hosts
        options = launching.host_options(hosts, links.hosts if links is not None else ())
        self.query_one("#hosts", Ticks).set_options(options)

    def _show_fault(self, palette: Palette) -> None:
        """What is wrong, or what is known of the setting that is being typed."""
        fault, width = self.query_one("#fault", Lines), max(20, self.query_one(".dialog").size.width - 4)
        field = self.query_one("#set", Input)
        lines = [
            [Piece(part, palette.style("error"))]
            for line in self._fault.splitlines()
            for part in notes.wrapped(line, width)
        ]
        known = typed.help_for(field.value, self.values) if field.has_focus else ""
        lines = lines[:4] + notes.paragraph(known, palette, width, LABEL)[: 2 if lines else 3]
        fault.styles.height = len(lines)
        fault.set_lines(lines)

    def _show_twin(self) -> None:
        palette, wish = Palette.of(self.app), self.wish
        text = launching.twin(wish.names, wish, self._outlook)
        room = max(20, self.query_one("#twin").size.width - 2)
        if len(wish.names) > 1 and cell_len(text) > room:
            short = [wish.names[0], f"… {len(wish.names) - 1} more"]
            text = launching.twin(short, wish, self._outlook)
        line = [Piece("$ ", palette.style("foreground", LABEL)), Piece(text, palette.style("accent"))]
        self.query_one("#twin", Lines).set_lines([line])

    # -- keys and clicks ---------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Fit the words to the size."""
        dialog = self.query_one(".dialog")
        dialog.border_subtitle = _HINT if self.size.width >= 100 else _SHORT
        for show in (self._show_picks, self._show_plan, self._show_twin):
            self.call_after_refresh(show)

    def action_mark(self) -> None:
        """Pick the row under the cursor, or leave it out."""
        table = self.query_one("#picks", LiveTable)
        if table.cursor is not None:
            self.picked ^= {table.cursor}
            self._show_picks()
            self._changed()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a field these keys are letters."""
        return not (action == "goto" and isinstance(self.focused, Input))

    def action_goto(self, field: str) -> None:
        """Go to a field."""
        self.set_focus(self.query_one(f"#{field}"))

    def action_existing(self) -> None:
        """What becomes of existing runs: the next choice."""
        self.query_one("#existing", Choice).action_turn(1)

    def action_seeds(self, step: int) -> None:
        """One seed more or less than now."""
        field, known = self.query_one("#seeds", Input), self._project.experiments
        first = next((len(known[name].seeds) for name in known if name in self.picked), 1)
        field.value = typed.counted(field.value, first, step)

    def action_enter(self) -> None:
        """Launch; from the filter to the rows, from a change to its setting, on Cancel cancel."""
        focus = self.focused.id if self.focused is not None else ""
        if focus == "find":
            self.set_focus(self.query_one("#picks"))
        elif focus == "cancel":
            self.action_leave()
        elif focus == "changes":
            self._edit(self.query_one("#changes", LiveTable).cursor)
        else:
            self.action_launch()

    def _edit(self, change: str | None) -> None:
        """Put a setting that differs into the line of settings, with its value."""
        name, _, key = (change or "").partition(" ")
        experiment = self._project.experiments.get(name.partition("+")[0])
        if experiment is not None and key in experiment.settings:
            field = self.query_one("#set", Input)
            rest = [one for one in field.value.split() if one.partition("=")[0] != key]
            field.value = " ".join([*rest, f"{key}={typed.spelled(experiment.settings[key])}"])
            self.set_focus(field)
            field.action_end()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """A double click picks an experiment, or edits a setting."""
        self.action_mark() if event.table.id == "picks" else self._edit(event.key)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter, or plan again."""
        self._show_picks() if event.input.id == "find" else self._changed()

    def on_choice_changed(self) -> None:
        """Plan again."""
        self._changed()

    def on_ticks_changed(self) -> None:
        """Plan again."""
        self._changed()

    def on_descendant_focus(self) -> None:
        """Help for the settings is shown while they are typed."""
        self._show_fault(Palette.of(self.app))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Launch or cancel."""
        self.action_launch() if event.button.id == "go" else self.action_leave()

    def action_launch(self) -> None:
        """Close at once; what becomes of it comes as a message. Says why if it cannot."""
        wish, outlook = self.wish, self._outlook
        if self._planning:
            self._asked = True
            return
        if not wish.names:
            self._fault = "nothing picked: space picks the row under the cursor"
        elif outlook is not None and not outlook.does:
            self._fault = "all of these runs are there already; f lets them go on, or trains anew"
        elif outlook is not None and not outlook.refused:
            self.dismiss(None)
            fresh = wish.existing == "fresh"
            requests = self.deeprl.requests
            requests.launch(wish.names, wish.seeds, wish.overrides, fresh=fresh, hosts=wish.hosts)
            if outlook.resumed:
                self.deeprl.requests.resume([self._views[run] for run in outlook.resumed])
            return
        self.app.bell()
        self._show_fault(Palette.of(self.app))

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)

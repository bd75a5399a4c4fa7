"""The launch dialog: what to run on the left, what that would mean on the right, the same as a command below.

Rule: the plan is worked out in the background at every change; nothing starts before Launch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from deeprl_tui import ops
from deeprl_tui.config.model import Project
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.errors import ConfigError, DeeprlError
from deeprl_tui.runs.plan import Plan
from deeprl_tui.tui import notes
from deeprl_tui.tui.background import Finished, Jobs
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.picture import Picture, command
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.rows import Column, Piece, Row, widths
from deeprl_tui.tui.words import duration, duration_range, gigabytes, middle, plural

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

_COLUMNS = (Column("mark", "", 3), Column("name", "experiment", 10, flex=True), Column("state", "state", 12))


@dataclass(frozen=True, slots=True)
class Wish:
    """What the dialog asks for."""

    names: tuple[str, ...]
    seeds: str
    overrides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a wish would mean."""

    plan: Plan
    refused: tuple[DeeprlError, ...]


class LaunchScreen(ModalScreen[None]):
    """Chooses experiments and launches them."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012  Textual's type
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("space", "mark", "Mark", show=False),
        Binding("slash", "find", "Filter", show=False),
        Binding("ctrl+l,f5", "launch", "Launch", show=False),
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

    @property
    def deeprl(self) -> "DeeprlApp":
        """The app, with its type."""
        return cast("DeeprlApp", self.app)

    def compose(self) -> ComposeResult:
        """Experiments, fields, plan, command, buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Launch"
            dialog.border_subtitle = "space picks · / filters · tab next · esc cancels"
            with Horizontal(id="choice"):
                yield LiveTable(_COLUMNS, id="picks")
                yield Lines(id="plan")
            with Horizontal(classes="field"):
                yield Label("Filter", markup=False)
                yield Field(placeholder="words of name or env", id="find")
            with Horizontal(classes="field"):
                yield Label("Seeds", markup=False)
                yield Field(placeholder=self._seeds_hint(), id="seeds")
            with Horizontal(classes="field"):
                yield Label("Settings", markup=False)
                yield Field(placeholder="key=value key=value", id="set")
            yield Lines(id="fault")
            yield Lines(id="twin")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Launch", id="go", compact=True, variant="primary", disabled=True)

    def on_mount(self) -> None:
        """Show what was picked on the dashboard."""
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
        names = tuple(name for name in self._project.experiments if name in self.picked)
        return Wish(
            names,
            self.query_one("#seeds", Input).value.strip(),
            tuple(self.query_one("#set", Input).value.split()),
        )

    def _seeds_hint(self) -> str:
        return "the file's; or 5 for a count, 0,3,7 for a list, 0-4"

    def _show_picks(self) -> None:
        palette = Palette.of(self.app)
        quiet, plain = palette.style("foreground", LABEL), palette.style()
        words = self.query_one("#find", Input).value.lower().split()
        rows: list[Row] = []
        env, table = "", self.query_one("#picks", LiveTable)
        room = widths(_COLUMNS, table.size.width)[1] if table.size.width else 80
        for name, entry in self._entries.items():  # grouped by environment, unlike the file
            experiment = self._project.experiments.get(name)
            if experiment is None or not all(word in f"{name} {experiment.env}".lower() for word in words):
                continue
            if experiment.env != env:
                env = experiment.env
                rows.append(Row(f"# {env}", (Piece(env, quiet),), heading=True))
            on = name in self.picked
            tick = Piece("[x]" if on else "[ ]", palette.style("accent", bold=True) if on else quiet)
            rows.append(
                Row(name, (tick, Piece(middle(name, room), plain), Piece(_stand(entry), quiet)), marked=on)
            )
        if not rows:
            rows.append(Row("# none", (Piece("no experiment has these words", quiet),), heading=True))
        table.set_rows(rows)

    def _changed(self) -> None:
        wish = self.wish
        self._show_twin(wish)
        self.query_one("#go", Button).disabled = True
        if not wish.names:
            self.jobs.forget("plan")
            self._outlook, self._fault = None, ""
            self._show_plan()
            return
        work = partial(_work_out, self._project, wish, self._views, self.deeprl.workspace.root)
        self.jobs.run("plan", work, self._on_outlook, self._on_fault)

    def _on_outlook(self, outlook: Outlook) -> None:
        self._outlook = outlook
        self._fault = "\n".join(str(error) for error in outlook.refused)
        go = self.query_one("#go", Button)
        go.disabled = bool(outlook.refused) or not outlook.plan.runs
        go.label = f"Launch {outlook.plan.runs}" if outlook.plan.runs else "Launch"
        self._show_plan()

    def _on_fault(self, error: Exception) -> None:
        self._outlook = None
        if isinstance(error, ConfigError):
            self._fault = "\n".join(str(problem) for problem in error.problems)
        else:
            self._fault = str(error) if isinstance(error, DeeprlError) else f"{type(error).__name__}: {error}"
        self._show_plan()

    # -- what it would mean ------------------------------------------------------------------------------

    def _show_plan(self) -> None:
        palette = Palette.of(self.app)
        panel, fault = self.query_one("#plan", Lines), self.query_one("#fault", Lines)
        width = max(20, panel.size.width or 40)
        faults = [
            [Piece(part, palette.style("error"))]
            for line in self._fault.splitlines()
            for part in notes.wrapped(line, max(20, self.query_one(".dialog").size.width - 4))
        ][:4]
        fault.styles.height = len(faults)
        fault.set_lines(faults)
        if self._outlook is not None:
            lines = plan_lines(self._outlook.plan, palette, width)
        elif self._fault:
            lines = notes.paragraph("no plan: see below", palette, width, LABEL)
        elif not self.picked:
            lines = notes.paragraph("nothing picked yet: space picks the row", palette, width, LABEL)
        else:
            lines = notes.paragraph("working it out…", palette, width, LABEL)
        panel.set_lines(lines)

    def _show_twin(self, wish: Wish) -> None:
        palette = Palette.of(self.app)
        text = command(list(wish.names) or ["…"], wish.seeds, list(wish.overrides))
        room = max(20, self.query_one("#twin").size.width - 2)
        if len(wish.names) > 1 and cell_len(text) > room:
            text = command([wish.names[0], f"… {len(wish.names) - 1} more"], wish.seeds, list(wish.overrides))
        line = [Piece("$ ", palette.style("foreground", LABEL)), Piece(text, palette.style("accent"))]
        self.query_one("#twin", Lines).set_lines([line])

    # -- keys and clicks ---------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Fit the words to the size."""
        self.call_after_refresh(self._show_picks)
        self.call_after_refresh(self._show_plan)
        self.call_after_refresh(lambda: self._show_twin(self.wish))

    def action_mark(self) -> None:
        """Pick the row under the cursor, or leave it out."""
        table = self.query_one("#picks", LiveTable)
        if table.cursor is not None:
            self.picked ^= {table.cursor}
            self._show_picks()
            self._changed()

    def on_live_table_selected(self) -> None:
        """Enter on a row picks it, and goes to the button if it was picked before."""
        table = self.query_one("#picks", LiveTable)
        self.query_one("#seeds").focus() if table.cursor in self.picked else self.action_mark()

    def action_find(self) -> None:
        """Go to the filter."""
        self.query_one("#find").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter, or plan again."""
        if event.input.id == "find":
            self._show_picks()
        else:
            self._changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """From the filter to the rows, from the fields to the button."""
        go = self.query_one("#go", Button)
        if event.input.id == "find":
            self.query_one("#picks").focus()
        elif go.disabled:
            self.app.bell()
        else:
            go.focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Launch or cancel."""
        if event.button.id == "go":
            self.action_launch()
        else:
            self.action_leave()

    def action_launch(self) -> None:
        """Close at once; what becomes of it comes as a message."""
        wish = self.wish
        if self.query_one("#go", Button).disabled:
            self.app.bell()
            return
        self.dismiss(None)
        self.deeprl.requests.launch(wish.names, wish.seeds, wish.overrides)

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)


def _stand(entry: Entry) -> str:
    """How far an experiment is: `done 5/5`, `2 running`, or nothing."""
    if not entry.runs:
        return "new"
    done = sum(isinstance(run.state, state.Finished) for run in entry.runs)
    return f"done {done}/{len(entry.runs)}" if done else f"{len(entry.runs)} {entry.word}"


def _work_out(project: Project, wish: Wish, views: dict[RunId, RunView], root: Path) -> Outlook:
    request = ops.choose(project, wish.names, wish.seeds or None, wish.overrides)
    return Outlook(ops.plan(request, root, views), tuple(ops.conflicts(request, root)))


def plan_lines(plan: Plan, palette: Palette, width: int) -> notes.Lines:
    """A plan in words."""
    quiet, text = palette.style("foreground", LABEL), palette.style()
    strong = palette.style("accent", bold=True)
    asked = sum(len(part.seeds) for part in plan.parts)
    lines: notes.Lines = [
        [Piece(plural(plan.runs, "new run"), strong), Piece(f" on {plural(len(plan.cores), 'core')}", text)]
    ]
    if asked > plan.runs:
        there = asked - plan.runs
        lines.append([Piece(f"{plural(there, 'run')} {'is' if there == 1 else 'are'} there already", quiet)])
    if plan.busy:
        lines.append([Piece(f"{plural(plan.busy, 'core')} busy now", quiet)])

    def fact(name: str, told: str, role: str = "foreground") -> None:
        lines.append([Piece(name.ljust(10), quiet), Piece(told, palette.style(role))])

    lines.append([])
    each = [part.each for part in plan.parts if part.new and part.each is not None]
    if each:
        low, high = min(e.low for e in each), max(e.high for e in each)
        fact(
            "each run",
            duration(low) if duration(low) == duration(high) else f"{duration(low)} to {duration(high)}",
        )
    if plan.finish is not None:
        fact("all done", f"in {duration_range(plan.finish)}")
    if plan.core_hours is not None:
        fact("work", f"{plan.core_hours.mid:.1f} core hours")
    if plan.unmeasured:
        told = "no time is known yet: deeprl plan measures it"
        lines += [[Piece(part, quiet)] for part in notes.wrapped(told, width)]
    if plan.memory_peak is not None and plan.runs:
        enough = plan.memory_peak <= plan.memory_available or not plan.memory_available
        told = f"{gigabytes(plan.memory_peak)} of {gigabytes(plan.memory_available)} free"
        fact("memory", told, "foreground" if enough else "warning")
        if not enough:
            lines.append([Piece("! more than is free: expect swapping", palette.style("warning"))])
    for part in plan.parts:
        experiment = part.experiment
        if not experiment.changes:
            continue
        lines += [[], [Piece(clean(experiment.name), text), Piece(f"  against {experiment.baseline}", quiet)]]
        for key, (old, new) in experiment.changes.items():
            lines += [
                [Piece("  ", quiet), *line] for line in notes.difference(key, old, new, palette, width - 2)
            ]
    return lines

"""The dialog that writes results to files: tables, pictures, a report.

Rule: it names the file before it writes it, and replaces none unless told to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label

from deeprl_tui.core.text import clean
from deeprl_tui.ops import takeout
from deeprl_tui.runs.record import Record
from deeprl_tui.tui.theme import LABEL, Palette
from deeprl_tui.tui.widgets.field import Field
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.rows import Column, Piece, Row
from deeprl_tui.tui.words import plural

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

_COLUMNS = (Column("ending", "", 9), Column("about", "", 20, flex=True))


@dataclass(frozen=True, slots=True)
class Material:
    """What is written, and what the report says besides."""

    records: Sequence[Record]
    everything: Sequence[Record]
    metric: str = "return"


@dataclass(frozen=True, slots=True)
class _Form:
    """One kind of file."""

    ending: str
    about: str
    write: Callable[[Path, Material, Path, bool], object]  # runs folder, what, file, force


def _table(root: Path, what: Material, file: Path, force: bool) -> object:
    return takeout.export_records(what.records, file, force=force)


def _picture(root: Path, what: Material, file: Path, force: bool) -> object:
    return takeout.plot(root, what.records, file, metric=what.metric, force=force)


def _page(root: Path, what: Material, file: Path, force: bool) -> object:
    return takeout.report(root, what.records, file, everything=what.everything, force=force)


FORMS: Final = (
    _Form("csv", "one row for each run, with all its numbers", _table),
    _Form("json", "the same for programs", _table),
    _Form("parquet", "the same for pandas, polars, DuckDB", _table),
    _Form("html", "a report: verdicts, curves, every seed, settings, machines", _page),
    _Form("png", "the curves as a picture", _picture),
    _Form("svg", "the curves as a drawing", _picture),
    _Form("pdf", "the curves for a paper", _picture),
)


def folder_of(root: Path) -> Path:
    """Where files go if nothing else is said: beside the runs folder."""
    return root.resolve().parent


class TakeoutScreen(ModalScreen[None]):
    """Writes results to a file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("q", "leave", "Cancel", show=False),
        Binding("ctrl+s", "write", "Write", show=False),
    ]
    AUTO_FOCUS = "#forms"

    def __init__(self, what: Material) -> None:
        super().__init__()
        self._what = what
        self._named = False  # the user wrote a name

    @property
    def deeprl(self) -> "DeeprlApp":
        """The app, with its type."""
        return cast("DeeprlApp", self.app)

    def compose(self) -> ComposeResult:
        """The kinds of files, the name of the file, two buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = f"Export {plural(len(self._what.records), 'run')}"
            dialog.border_subtitle = "↑↓ chooses · enter goes on · esc cancels"
            yield LiveTable(_COLUMNS, header=False, id="forms")
            with Horizontal(classes="field"):
                yield Label("File", markup=False)
                yield Field(placeholder="path", id="file")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Replace", id="replace", compact=True)
                yield Button("Write", id="go", compact=True, variant="primary")

    def on_mount(self) -> None:
        """Show the kinds."""
        palette = Palette.of(self.app)
        plain, quiet = palette.style("accent", bold=True), palette.style("foreground", LABEL)
        rows = [Row(form.ending, (Piece(form.ending, plain), Piece(form.about, quiet))) for form in FORMS]
        self.query_one("#forms", LiveTable).set_rows(rows)
        self._propose()

    @property
    def form(self) -> _Form:
        """The kind under the cursor."""
        chosen = self.query_one("#forms", LiveTable).cursor
        return next((form for form in FORMS if form.ending == chosen), FORMS[0])

    def _propose(self) -> None:
        """Name the file by what is in it, beside the runs folder, until the user names it."""
        field = self.query_one("#file", Field)
        if not self._named:
            names = list(dict.fromkeys(record.id.experiment for record in self._what.records))
            name = names[0] if len(names) == 1 else f"{len(names)}-experiments"
            workspace = self.deeprl.workspace
            folder = Path.cwd() if workspace.demo else folder_of(workspace.root)  # a demo is in the package
            with self.prevent(Input.Changed):
                field.value = str(folder / f"{clean(name)}.{self.form.ending}")
        self.query_one("#replace", Button).display = False

    def on_live_table_highlighted(self) -> None:
        """Another kind: another ending."""
        if self._named:
            field = self.query_one("#file", Field)
            with self.prevent(Input.Changed):
                field.value = str(Path(field.value).with_suffix(f".{self.form.ending}"))
        self._propose()

    def on_live_table_selected(self) -> None:
        """On to the button."""
        self.query_one("#go").focus()

    def on_input_changed(self) -> None:
        """The user names the file."""
        self._named = True

    def on_input_submitted(self) -> None:
        """On to the button."""
        self.query_one("#go").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Write, replace or cancel."""
        if event.button.id == "cancel":
            self.dismiss(None)
        else:
            self.action_write(force=event.button.id == "replace")

    def action_write(self, force: bool = False) -> None:
        """Write in the background and close; a file that is there is asked about first."""
        file = Path(self.query_one("#file", Field).value.strip()).expanduser()
        if file.exists() and not force:
            replace = self.query_one("#replace", Button)
            replace.display = True
            self.query_one(".dialog").border_subtitle = "the file is there already"
            self.call_after_refresh(replace.focus)
            return
        form, what, root, app = self.form, self._what, self.deeprl.workspace.root, self.deeprl
        self.dismiss(None)
        app.tell(f"writing {file.name}…")
        app.jobs.run(
            "takeout",
            lambda: form.write(root, what, file, force),
            lambda _: app.tell(f"wrote {file}"),
            app.fail,
            every=True,
        )

    def action_leave(self) -> None:
        """Write nothing."""
        self.dismiss(None)

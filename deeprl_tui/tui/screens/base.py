"""What the dashboard and the screen of one experiment share: header, key bar, and the actions on runs.

Rule: a screen that is not in front does nothing; when it comes back it shows the newest picture.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.screen import Screen
from textual.widgets import Input

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.spec import Json
from deeprl_tui.core.state import RunView
from deeprl_tui.tui import present
from deeprl_tui.tui.background import Finished, Jobs
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import plural

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

LEAST = (40, 10)
DEMO = "this is a demo: its runs are recorded, nothing is launched, paused or stopped"


class WatchScreen(Screen[None]):
    """A screen that shows pictures."""

    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  Textual's type
        (0, "-tiny"),
        (LEAST[0], "-narrow"),
        (100, "-normal"),
        (150, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (LEAST[1], "-low"),
        (18, "-short"),
        (30, "-tall"),
    ]
    where: ClassVar[str] = ""
    metric = 0

    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs(self)
        self.picture = Picture()
        self.begun = False  # it is where it was left

    @property
    def deeprl(self) -> "DeeprlApp":
        """The app, with its type."""
        return cast("DeeprlApp", self.app)

    @property
    def palette(self) -> Palette:
        """The colors of the theme in use."""
        return Palette.of(self.app)

    # -- pictures ----------------------------------------------------------------------------------------

    def show(self, picture: Picture) -> None:
        """Show a picture: the header here, the rest in the screens."""
        self.picture = picture
        if not (self.size.width and self.is_current and self.is_mounted and self.query("#top")):
            return  # not there yet, or being taken down
        if self.size.width < LEAST[0] or self.size.height < LEAST[1]:
            words = f" {self.size.width}x{self.size.height} is too small: {LEAST[0]}x{LEAST[1]} at least"
            self.query_one("#top", Lines).set_lines([[Piece(words, self.palette.style("warning"))]])
            return
        if not self.begun:
            self.begun = True
            self.deeprl.memory.begin(self)
        self.query_one("#top", Lines).set_lines(
            [
                present.header(
                    picture.board,
                    picture.name,
                    picture.batch,
                    picture.now,
                    self.size.width,
                    self.palette,
                    picture.reading_words,
                )
            ]
        )
        self.show_body(picture)

    def remember(self) -> Mapping[str, Json]:
        """What is to be as it was at the next start."""
        return {}

    def recall(self, kept: Mapping[str, Json]) -> None:
        """Be as it was left; whatever does not fit is left as it is at first."""

    def show_body(self, picture: Picture) -> None:
        """Show all but the header."""

    def repaint(self) -> None:
        """Show the newest picture at once: a key changed what is to be seen."""
        self.show(self.deeprl.look())

    def on_screen_resume(self) -> None:
        """Show what happened meanwhile."""
        self.call_after_refresh(self.repaint)

    def on_resize(self) -> None:
        """Fit the words to the size."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        if self.focused is None and isinstance(self.AUTO_FOCUS, str):
            self.query_one(self.AUTO_FOCUS).focus()  # it was hidden while the screen was too small
        self.repaint()

    def on_finished(self, message: Finished) -> None:
        """Take the outcome of a background call."""
        message.deliver()

    # -- words -------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Say something in the key bar for a moment."""
        self.query_one(KeyBar).say(text)

    def on_live_table_sorted(self, event: LiveTable.Sorted) -> None:
        """Rows are sorted where they are made."""
        self.repaint()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a field the key of the filter is a letter."""
        return not (action == "filter" and isinstance(self.focused, Input))

    def on_key(self, event: events.Key) -> None:
        """A key that nothing took: say so, instead of silence."""
        bound = event.key in self.active_bindings  # those are looked at after this
        if event.is_printable and event.character and event.character.isprintable() and not bound:
            self.say(f"{event.character} does nothing here; ? shows the keys")

    # -- what is meant -----------------------------------------------------------------------------------

    def chosen(self) -> list[str]:
        """Names of the experiments or runs that an action is about."""
        return []

    def chosen_runs(self) -> list[RunView]:
        """Their runs."""
        names = set(self.chosen())
        return [
            view
            for run, view in self.deeprl.look().snapshot.runs.items()
            if run.experiment in names or str(run) in names
        ]

    # -- actions -----------------------------------------------------------------------------------------

    def action_metric(self, step: int) -> None:
        """Show the next metric."""
        self.set_metric((self.metric + step) % len(self.metrics()))

    def metrics(self) -> Sequence[tuple[str, str]]:
        """The curves there are, and their titles."""
        return present.METRICS

    def set_metric(self, metric: int) -> None:
        """Show a metric."""
        self.metric = metric
        self.repaint()

    def on_panel_tab_clicked(self, event: Panel.TabClicked) -> None:
        """Show the metric whose title was clicked."""
        if event.panel.id == "chart-panel":
            self.set_metric(event.tab)

    def action_zoom(self) -> None:
        """The chart takes the whole screen, or gives it back."""
        self.toggle_class("-zoom")
        self.call_after_refresh(self.repaint)

    def action_play(self) -> None:
        """Watch the best run of what is meant play."""
        best = ops.best_seed(self.chosen_runs())
        if best is None:
            self.say(f"w: {self._nothing('watch')}")
            return
        from deeprl_tui.tui.screens.play import PlayScreen

        self.app.push_screen(PlayScreen(best.id))

    def action_stop(self) -> None:
        """Ask, then stop."""
        if self.deeprl.workspace.demo:
            self.say(DEMO)
            return
        runs = [
            run
            for run in self.chosen_runs()
            if not state.is_over(run.state) or isinstance(run.state, state.Paused)
        ]
        if not runs:
            self.say(f"x: {self._nothing('stop')}")
            return
        self.deeprl.requests.stop(runs)

    def action_pause(self) -> None:
        """Pause what is on its way; if nothing is, let the paused go on."""
        if self.deeprl.workspace.demo:
            self.say(DEMO)
            return
        runs = self.chosen_runs()
        moving = [run for run in runs if isinstance(run.state, state.Running | state.Queued)]
        paused = [run for run in runs if isinstance(run.state, state.Paused)]
        if moving:
            self.deeprl.requests.pause(moving)
            self.say(f"pause: {plural(len(moving), 'run')} asked to pause at the next checkpoint")
        elif paused:
            self.deeprl.requests.resume(paused)
            self.say(f"resume: {plural(len(paused), 'run')} put into the queue")
        else:
            self.say(f"p: {self._nothing('pause')}")

    def action_resume(self) -> None:
        """Put runs that are over into the queue; without any, see that waiting ones start."""
        if self.deeprl.workspace.demo:
            self.say(DEMO)
            return
        runs = [
            run
            for run in self.chosen_runs()
            if isinstance(run.state, state.Paused | state.Stopped | state.Failed | state.Lost)
        ]
        board = self.deeprl.look().board
        if runs:
            self.deeprl.requests.resume(runs)
            self.say(f"resume: {plural(len(runs), 'run')} put into the queue")
        elif board.queued or board.lost:
            self.deeprl.requests.wake_supervisor()
            self.say("a supervisor starts what waits")
        else:
            self.say(f"r: {self._nothing('resume')}")

    def _nothing(self, verb: str) -> str:
        runs = self.chosen_runs()
        if not runs:
            names = ", ".join(self.chosen()[:3])
            return f"nothing to {verb}: {names} was never launched" if names else f"nothing to {verb}"
        seen: dict[str, int] = {}
        for run in runs:
            word = state.word(run.state)
            seen[word] = seen.get(word, 0) + 1
        stand = ", ".join(f"{many} of {len(runs)} {word}" for word, many in seen.items())
        return f"nothing to {verb}: {stand}"

"""A question before something is ended.

Rule: the safe answer has the focus, and the question says what happens.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button

from deeprl_tui.core import state
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.tui import notes
from deeprl_tui.tui.theme import Palette
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.words import count, plural

_ROOM = 60


class ConfirmScreen(ModalScreen[bool]):
    """Asks; True if the user is sure."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "answer(False)", "No", show=False),
        Binding("left,right", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, title: str, words: Sequence[str], *, yes: str, no: str) -> None:
        super().__init__()
        self._title, self._words, self._yes, self._no = title, words, yes, no

    def compose(self) -> ComposeResult:
        """The question, and two buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = clean(self._title).replace("[", "(").replace("]", ")")
            yield Lines(id="words")
            with Horizontal(classes="buttons"):
                yield Button(clean(self._no), id="no", compact=True, variant="primary")
                yield Button(clean(self._yes), id="yes", compact=True, variant="error")

    def on_mount(self) -> None:
        """Write the words, and put the focus on the safe button."""
        lines = [line for text in self._words for line in notes.paragraph(text, Palette.of(self.app), _ROOM)]
        words = self.query_one("#words", Lines)
        words.styles.height = max(1, len(lines))
        words.set_lines(lines)
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, sure: bool) -> None:
        """Answer with a key."""
        self.dismiss(sure)


def stop_words(runs: Sequence[RunView]) -> tuple[str, list[str], str]:
    """Title, explanation and the button for stopping these runs."""
    names = list(dict.fromkeys(run.id.experiment for run in runs))
    live = [run for run in runs if isinstance(run.state, state.Running | state.Stopping)]
    what = plural(len(runs), "run")
    if len(runs) == 1:
        title = f"Stop {runs[0].id}?"
    elif len(names) == 1:
        title = f"Stop {what} of {names[0]}?"
    else:
        title = f"Stop {what} of {len(names)} experiments?"
    words = []
    if live:
        least = min(run.progress for run in live)
        steps = max(run.step for run in live)
        words.append(
            f"{plural(len(live), 'run')} {'trains' if len(live) == 1 else 'train'}, "
            f"{least:.0%} done or more, {count(steps)} steps. "
            "Each writes a checkpoint and ends; nothing is deleted."
        )
    if len(runs) > len(live):
        waits = len(runs) - len(live)
        words.append(f"{waits} that {'waits' if waits == 1 else 'wait'} will not start.")
    words.append("r resumes them later from their checkpoints.")
    return title, words, f"Stop {len(runs)}"

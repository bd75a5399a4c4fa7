"""The command palette: every key as a command, and what has a name: experiments, runs, themes.

Rule: a command does what a key does. Names are looked through as plain text before they are scored, so that
10,000 runs cost a few milliseconds.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import ModalScreen

from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.tui import detect, keys
from deeprl_tui.tui.board import Entry
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.screens.dashboard import Dashboard

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

Command = tuple[str, str, Callable[[], None]]
"""What it is called, what is told beside it, and what it does."""

RUNS: Final = 12
"""Runs that are offered at most."""
_WHOLE: Final = 100.0
"""All words stand in the name: better than letters that are scattered over a sentence."""
_SKIPPED = ("palette", "panel", "back", "clear", "undo")
_THEMES: Final = {"night": detect.NIGHT, "day": detect.DAY, "terminal": detect.COLORLESS}


class Commands(Provider):
    """What the palette of the screen in front finds."""

    @property
    def _deeprl(self) -> "DeeprlApp":
        return cast("DeeprlApp", self.app)

    async def discover(self) -> Hits:
        """What there is before anything was typed."""
        for text, told, act in self._commands():
            yield DiscoveryHit(text, act, help=told)

    async def search(self, query: str) -> Hits:
        """What fits the words, in any order, or the letters."""
        matcher, words = self.matcher(query), query.lower().split()
        named = [*self._commands(), *self._themes(), *self._experiments()]
        runs = islice(self._runs(words), RUNS)
        for weight, (text, told, act) in (*((1.0, one) for one in named), *((0.8, one) for one in runs)):
            lower = text.lower()
            score = matcher.match(text) + (_WHOLE if all(word in lower for word in words) else 0.0)
            if score > 0:
                yield Hit(score * weight, matcher.highlight(text), act, help=told)

    def _commands(self) -> Iterator[Command]:
        where = self.screen.where if isinstance(self.screen, WatchScreen) else keys.EVERYWHERE
        for key in dict.fromkeys((*keys.of(where), *keys.of(keys.EVERYWHERE))):
            if key.keys and key.id not in _SKIPPED:
                press = partial(self._deeprl.press, key.keys.partition(",")[0])
                yield f"{key.help[0].upper()}{key.help[1:]}", f"key {key.shown}", press
        yield "Undo the last stop", "lets go on what was stopped", self._undo

    def _undo(self) -> None:
        self._deeprl.say(self._deeprl.requests.undo(late=True))

    def _themes(self) -> Iterator[Command]:
        for name, theme in _THEMES.items():
            yield f"Theme: {name}", "", partial(self._theme, theme)
        for theme in self.app.available_themes:
            if theme not in _THEMES.values():
                yield f"Theme: {theme}", "not one of ours", partial(self._theme, theme)

    def _theme(self, name: str) -> None:
        self.app.theme = name

    # -- what has a name ---------------------------------------------------------------------------------

    def _experiments(self) -> Iterator[Command]:
        if isinstance(self.screen, ModalScreen):
            return
        board = self._deeprl.look().board
        for entry in board.entries:
            told = f"{entry.env}, {entry.word}"
            yield f"Go to {entry.name}", told, partial(self._go_to, entry.name)
            if entry.experiment is not None:
                yield (
                    f"Launch {entry.name}",
                    f"{told}; shows the plan first",
                    partial(self._launch, [entry.name]),
                )
            live = [run for run in entry.runs if not state.is_over(run.state)]
            if live:
                yield f"Stop {entry.name}", f"{len(live)} of its runs; asks first", partial(self._stop, entry)
            if entry.baseline in board.by_name and entry.runs:
                pair = [entry.name, str(entry.baseline)]
                yield f"Compare {entry.name} with {entry.baseline}", entry.env, partial(self._compare, pair)
        if isinstance(self.screen, Dashboard) and len(self.screen.marked) > 1:
            names = [entry.name for entry in board.entries if entry.name in self.screen.marked]
            yield f"Launch {' '.join(names)}", "what is marked", partial(self._launch, names)
            yield f"Compare {' '.join(names)}", "what is marked", partial(self._compare, names)

    def _runs(self, words: Sequence[str]) -> Iterator[Command]:
        """Runs whose name has all words; a word that only says what to do with them does not count."""
        if isinstance(self.screen, ModalScreen):
            return
        words = [word for word in words if word not in ("go", "to")]
        if not words:
            return
        for run, view in self._deeprl.look().snapshot.runs.items():
            name = f"{run.experiment}/{run.seed}".lower()
            if all(word in name for word in words):
                yield f"Go to {run}", f"{view.spec.env}, {state.word(view.state)}", partial(self._show, run)

    def _show(self, run: RunId) -> None:
        self._deeprl.show_run(run)

    def _go_to(self, name: str) -> None:
        self._deeprl.action_go(keys.DASHBOARD)
        front = self.app.screen
        if isinstance(front, Dashboard):
            front.call_after_refresh(front.go_to, name)

    def _launch(self, names: list[str]) -> None:
        from deeprl_tui.tui.screens.launch import LaunchScreen

        picture = self._deeprl.look()
        if picture.project is None:
            self._deeprl.say("nothing can be launched: experiments.toml cannot be used")
        else:
            self.app.push_screen(LaunchScreen(picture, names))

    def _stop(self, entry: Entry) -> None:
        self._deeprl.requests.stop([run for run in entry.runs if not state.is_over(run.state)])

    def _compare(self, names: list[str]) -> None:
        from deeprl_tui.tui.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(names))

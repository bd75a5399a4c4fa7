"""The command palette: every key as a command, every experiment as a place to go to or to launch.

Rule: a command does what a key does; nothing can be done here only.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from deeprl_tui.tui import keys
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.screens.dashboard import Dashboard

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

_SKIPPED = ("palette", "panel", "back", "clear")


class Commands(Provider):
    """What the palette of the screen in front finds."""

    @property
    def _deeprl(self) -> "DeeprlApp":
        return cast("DeeprlApp", self.app)

    def _commands(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        where = self.screen.where if isinstance(self.screen, WatchScreen) else keys.EVERYWHERE
        for key in (*keys.of(where), *keys.of(keys.EVERYWHERE)):
            if key.keys and key.id not in _SKIPPED:
                press = partial(self._deeprl.press, key.keys.partition(",")[0])
                yield f"{key.help[0].upper()}{key.help[1:]}", f"key {key.shown}", press

    def _places(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        board = self._deeprl.look().board
        for entry in board.entries:
            if isinstance(self.screen, Dashboard):
                told = f"{entry.env}, {entry.word}"
                yield f"Go to {entry.name}", told, partial(self.screen.go_to, entry.name)
                if entry.experiment is not None:
                    launch = partial(self.screen.open_launch, [entry.name])
                    yield f"Launch {entry.name}", f"{entry.env}, opens the dialog", launch

    async def discover(self) -> Hits:
        """What there is before anything was typed."""
        for text, told, act in self._commands():
            yield DiscoveryHit(text, act, help=told)

    async def search(self, query: str) -> Hits:
        """What fits the words."""
        matcher = self.matcher(query)
        for text, told, act in (*self._commands(), *self._places()):
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), act, help=told)

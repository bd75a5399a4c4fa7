"""The app: it makes a picture once a second, gives it to the screen in front, and does what the keys ask for.

Rule: nothing here keeps a run alive. The first frame is painted before any file is read.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import ModalScreen, Screen
from textual.theme import Theme
from textual.timer import Timer

from deeprl_tui import ops
from deeprl_tui.config import Checked
from deeprl_tui.config.prefs import Kept
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.tui import detect, keys
from deeprl_tui.tui.actions import Actions
from deeprl_tui.tui.announce import Announcer
from deeprl_tui.tui.background import Finished, Jobs
from deeprl_tui.tui.hangup import STATUS, watch_terminal
from deeprl_tui.tui.memory import Memory
from deeprl_tui.tui.picture import Painter, Picture, live_runs
from deeprl_tui.tui.requests import Requests
from deeprl_tui.tui.screens import SCREENS
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.theme import THEMES, VARIABLE_DEFAULTS

if TYPE_CHECKING:
    from deeprl_tui.tui.desk import Desk

AWAY = 5
"""Without focus only every fifth tick does something."""
FILE_EVERY = 3
"""The file is looked at every third tick."""


class Feed(Protocol):
    """What brings the frames into the fleet."""

    def wake(self) -> None:
        """Look at once."""

    def close(self) -> None:
        """End."""


class Files(Protocol):
    """What runs tell beyond their curves; called in threads."""

    def told(self, run: RunView) -> "Sequence[ops.Told]":
        """Its events in words."""

    def printed(self, run: RunView) -> Sequence[str]:
        """What its workers printed."""

    def files(self, run: RunView) -> "Sequence[ops.FileFact]":
        """Its files."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the app works and what it works with; tests pass a clock that stands still and no feed."""

    file: Path | None  # experiments.toml
    root: Path  # the runs folder
    fleet: Fleet
    watch: Callable[[Path, Fleet], Feed] | None  # None: somebody else feeds the fleet
    supervise: Callable[[Path], object]
    wall: Callable[[], float] = time.time
    launch: tuple[str, ...] = ()  # experiments to launch after the first frame
    seeds: str | None = None
    files: Files | None = None  # None: those of the runs folder
    demo: bool = False  # the runs are recorded: nothing is launched, stopped or written
    kept: Kept = field(default_factory=Kept)  # from the start before


def _commands() -> type[Provider]:
    """What the palette finds; loaded when it opens."""
    from deeprl_tui.tui.palette import Commands

    return Commands


class DeeprlApp(Actions):
    """The dashboard."""

    TITLE = "deeprl"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {_commands}  # noqa: RUF012  Textual's type
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(keys.EVERYWHERE),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    def __init__(self, workspace: Workspace, theme: str = detect.NIGHT) -> None:
        super().__init__(ansi_color=theme == detect.COLORLESS or None)
        self.workspace = workspace
        self.jobs = Jobs(self)
        self._files: Files | None = workspace.files
        self.requests = Requests(self)
        self.announcer = Announcer(self)
        self.painter = Painter(workspace.fleet, workspace.file, workspace.wall)
        self.memory = Memory(self, workspace.kept)
        self.announcer.wishes = self.memory.preferences
        self.left_runs = 0  # runs that went on when it ended
        self._theme_wish = theme
        self._feed: Feed | None = None
        self._timer: Timer | None = None
        self._away = False
        self._ticks = 0
        self._stamp: object = None
        self._file_error = ""

    @cached_property
    def desk(self) -> "Desk":
        """What the results know; made when somebody asks for it."""
        from deeprl_tui.tui.desk import Desk
        from deeprl_tui.tui.results import Browse

        desk = Desk(self)
        desk.browse = Browse.of_json(self.memory.session.screens.get("desk"))
        return desk

    @property
    def files(self) -> Files:
        """What runs tell beyond their curves; made when a screen first asks."""
        if self._files is None:
            self._files = ops.RunFiles(self.workspace.root)
        return self._files

    # -- begin and end -----------------------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Names that other people's themes lack."""
        return dict(VARIABLE_DEFAULTS)

    def get_default_screen(self) -> Screen[Any]:
        """Begin with the dashboard."""
        from deeprl_tui.tui.screens.dashboard import Dashboard

        return Dashboard()

    def on_mount(self) -> None:
        """Paint; everything else comes after the first frame."""
        for theme in THEMES:
            self.register_theme(theme)
        known = self._theme_wish in self.available_themes
        self.theme = self._theme_wish if known else detect.NIGHT
        self.theme_changed_signal.subscribe(self, self._on_theme)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Without this the terminal keeps the alternate screen and mouse reports.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, partial(self.exit, 128 + number, 128 + number))
        if not self.is_headless and sys.stdin is not None:
            watch_terminal(sys.stdin.fileno(), partial(loop.call_soon_threadsafe, self.exit, STATUS, STATUS))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        workspace = self.workspace
        if workspace.watch is not None:
            self.jobs.run(
                "watch", partial(workspace.watch, workspace.root, workspace.fleet), self._on_feed, self.fail
            )
        self._read_file()
        self.set_rate(self.memory.preferences.refresh)

    def set_rate(self, pictures_a_second: float) -> None:
        """Draw the screen anew so often."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_interval(1.0 / pictures_a_second, self.tick)

    def _on_feed(self, feed: Feed) -> None:
        self._feed = feed

    @property
    def links(self) -> "ops.Hosts | None":
        """The living links to other hosts; None until they are made, and where there are none."""
        return self._feed.hosts if isinstance(self._feed, ops.Everywhere) else None

    def on_unmount(self) -> None:
        """Stop reading."""
        self.memory.save_last()
        if self._feed is not None:
            self._feed.close()

    def action_leave(self) -> None:
        """Quit at once; the runs go on."""
        self.memory.collect()
        if not self.workspace.demo:
            self.left_runs = live_runs(self.workspace.fleet.snapshot().runs)
        self.exit(0)

    # -- pictures ----------------------------------------------------------------------------------------

    def look(self) -> Picture:
        """The newest picture."""
        return self.painter.look()

    def tick(self) -> None:
        """Once a second: show what is new."""
        self._ticks += 1
        if self._away and self._ticks % AWAY:
            return
        if self._ticks % FILE_EVERY == 0:
            self._read_file()
        picture = self.look()
        self.requests.look(picture)
        self.announcer.look(picture)
        self.memory.look(picture)
        self.refresh_front()

    def refresh_front(self) -> None:
        """Give the newest picture to the screen in front, if it is not what it has."""
        screen = self.screen
        if isinstance(screen, WatchScreen):
            picture = self.look()
            if picture is not screen.picture:
                screen.show(picture)

    def show_again(self) -> None:
        """Let the screen in front show what was worked out meanwhile."""
        if isinstance(self.screen, WatchScreen):
            self.screen.repaint()

    @property
    def away(self) -> bool:
        """Whether the terminal is not looked at."""
        return self._away

    def on_app_blur(self) -> None:
        """Nobody looks."""
        self._away = True

    def on_app_focus(self) -> None:
        """Somebody looks again: show it at once."""
        if self._away:
            self._away = False
            self.refresh_front()

    def _on_theme(self, _: Theme) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, WatchScreen):
                screen.call_after_refresh(screen.repaint)

    # -- the file ----------------------------------------------------------------------------------------

    def _read_file(self) -> None:
        file = self.workspace.file
        if file is not None and not self.jobs.busy("file"):
            read = partial(ops.check_if_changed, file, self._stamp)
            self.jobs.run("file", read, self._on_file, self._on_file_error)

    def _on_file_error(self, error: Exception) -> None:
        if str(error) != self._file_error:  # told once, not every few seconds
            self._file_error = str(error)
            self.fail(error)

    def _on_file(self, found: tuple[object, Checked | None]) -> None:
        stamp, checked = found
        if checked is None:
            return
        first, self._stamp = self._stamp is None, stamp
        self.painter.set_project(checked.project, checked.errors)
        self.refresh_front()
        workspace = self.workspace
        if first and workspace.launch:
            self.requests.launch(list(workspace.launch), workspace.seeds or "", [])

    def wake(self) -> None:
        """Look at the files at once: something was asked for."""
        if self._feed is not None:
            self._feed.wake()

    # -- words -------------------------------------------------------------------------------------------

    def tell(self, text: str) -> None:
        """Say that something was done."""
        self.announcer.tell(text)

    def fail(self, error: Exception) -> None:
        """Say what went wrong; it stays until it is clicked or cleared."""
        text = str(error) if isinstance(error, DeeprlError) else f"{type(error).__name__}: {error}"
        self.announcer.tell(text, error=True)

    def on_finished(self, message: Finished) -> None:
        """Take the outcome of a background call."""
        message.deliver()

    def action_go(self, place: str) -> None:
        """Show one of the screens that have a digit; the dashboard stays below the others."""
        if isinstance(self.screen, ModalScreen):
            return
        self.memory.collect()
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if place != keys.DASHBOARD and place in SCREENS:
            module, name = SCREENS[place]
            self.push_screen(getattr(import_module(module), name)())

    def action_theme(self) -> None:
        """Next theme."""
        order = [detect.NIGHT, detect.DAY, detect.COLORLESS]
        at = order.index(self.theme) if self.theme in order else -1
        self.theme = order[(at + 1) % len(order)]
        self.memory.theme_changed()

    def action_help(self) -> None:
        """Show the keys of the screen in front."""
        from deeprl_tui.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            where = self.screen.where if isinstance(self.screen, WatchScreen) else keys.DASHBOARD
            self.push_screen(HelpScreen(where), self._do_key)

    def _do_key(self, key: str | None) -> None:
        if key:
            self.press(key)

    def press(self, key: str) -> None:
        """Do what a key does, once the screen in front has settled."""
        self.call_after_refresh(self.simulate_key, key)

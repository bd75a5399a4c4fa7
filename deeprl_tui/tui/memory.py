"""What the app keeps between two starts: preferences, and where the dashboard was left.

Rule: writing is done in a thread and never waited for; what cannot be written is said once.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.css.query import NoMatches

from deeprl_tui.config.prefs import Kept, Session, Value
from deeprl_tui.tui import detect, keys
from deeprl_tui.tui.keeping import preferred
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens import SCREENS
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.widgets.curve_plot import CurvePlot

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp

SAVE_EVERY: Final = 5
"""Pictures between two looks at whether something is to be saved."""
LAST_S: Final = 0.2
"""The exit waits no longer than this for the last save."""
THEME_NAMES: Final = {detect.NIGHT: "night", detect.DAY: "day", detect.COLORLESS: "ansi"}


class Memory:
    """The app's memory; `app.memory`."""

    def __init__(self, app: "DeeprlApp", kept: Kept) -> None:
        self._app = app
        self.store = kept.store
        self._project = kept.project
        self.preferences = kept.preferences
        self.session = kept.session
        self._saved = kept.session
        self._warning = kept.warning
        self._pictures = 0
        self._went = not kept.session.place

    # -- preferences -------------------------------------------------------------------------------------

    def set(self, key: str, value: Value) -> None:
        """Change a preference: it holds at once, and at the next start. Raises ValueError."""
        self.preferences = self.preferences.set(key, value)
        app = self._app
        app.announcer.wishes = self.preferences
        if key == "theme":
            theme = {short: name for name, short in THEME_NAMES.items()}.get(str(value))
            if theme is not None and theme != app.theme:
                app.theme = theme
        elif key in ("smoothing", "band", "x_axis"):
            for screen in app.screen_stack:
                for chart in screen.query(CurvePlot):
                    chart.view = preferred(chart.view, self.preferences)
            session = {
                name: {k: v for k, v in kept.items() if k != "chart"}
                for name, kept in self.session.screens.items()
            }
            self.session = replace(self.session, screens=session)
        elif key == "colors":
            app.show_again()
        elif key == "refresh":
            app.set_rate(self.preferences.refresh)
        if self.store is not None:
            save = partial(self.store.save, self.preferences)
            app.jobs.run("preferences", save, lambda _: None, app.fail)

    def theme_changed(self) -> None:
        """A theme that was chosen by key is the one to start with."""
        name = THEME_NAMES.get(self._app.theme)
        if name is not None and name != self.preferences.theme:
            self.set("theme", name)

    # -- the session -------------------------------------------------------------------------------------

    def begin(self, screen: WatchScreen) -> None:
        """Bring a new screen to where it was left."""
        for chart in screen.query(CurvePlot):
            chart.view = preferred(chart.view, self.preferences)
        kept = self.session.screens.get(screen.where)
        if kept is not None:
            screen.recall(kept)

    def look(self, picture: Picture) -> None:
        """Go to where the dashboard was left, once; save what is different, now and then."""
        if self._warning:
            self._app.tell(self._warning)
            self._warning = ""
        if not self._went and not picture.reading:
            self._went = True
            self._go()
        self._pictures += 1
        if self._pictures % SAVE_EVERY == 0 and self._went:
            self.collect()
            if self.store is not None and self.session != self._saved and not self._app.jobs.busy("session"):
                self._saved = self.session
                save = partial(self.store.save_session, self._project, self.session)
                self._app.jobs.run("session", save, lambda _: None, self._on_bad_save)

    def _on_bad_save(self, error: Exception) -> None:
        self.store = None  # said once
        self._app.fail(error)

    def _go(self) -> None:
        place, app = self.session.place, self._app
        if len(app.screen_stack) > 1 or app.workspace.launch:
            return  # the user was faster
        if place == keys.RUN:
            name = self.session.screens.get(keys.RUN, {}).get("experiment")
            entry = app.look().board.by_name.get(name) if isinstance(name, str) else None
            if entry is not None and entry.runs:
                from deeprl_tui.tui.screens.run import RunScreen

                app.push_screen(RunScreen(entry.name))
        elif place in SCREENS:
            app.action_go(place)

    def collect(self) -> None:
        """Ask the screens where they are."""
        screens = dict(self.session.screens)
        place = keys.DASHBOARD
        for screen in self._app.screen_stack:
            if isinstance(screen, WatchScreen) and screen.begun:
                place = screen.where if screen.where in (*SCREENS, keys.RUN) else place
                with suppress(NoMatches):  # it is being taken down
                    told = screen.remember()
                    if told:
                        screens[screen.where] = told
        if "desk" in self._app.__dict__:  # somebody looked at the results
            screens["desk"] = self._app.desk.browse.as_json()
        self.session = Session(place, screens)

    def save_last(self) -> None:
        """Save at the end; wait a moment, not longer."""
        if self.store is None or not self._went or self.session == self._saved:
            return
        store, session = self.store, self.session

        def save() -> None:
            with suppress(OSError):
                store.save_session(self._project, session)

        writer = threading.Thread(target=save, name="session", daemon=True)
        writer.start()
        writer.join(LAST_S)

"""What is found again at the next start: preferences, and where the dashboard was left."""

from pathlib import Path

import pytest
from tui_lab import Lab, press, running, settle, text_of, until

from deeprl_tui.config.prefs import Kept, Preferences, Session, Store, load_kept
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.screens.results import ResultsScreen
from deeprl_tui.tui.screens.run import RunScreen
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.live_table import LiveTable


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "config", tmp_path / "state")


def app_of(lab: Lab, store: Store) -> DeeprlApp:
    """The app as it starts with what was kept."""
    return lab.app(kept=load_kept(store, lab.file, 20))


async def left_with(lab: Lab, store: Store, *keys: str) -> None:
    """Start, press keys, quit."""
    app = app_of(lab, store)
    async with running(app) as pilot:
        await press(pilot, *keys)
        app.action_leave()
        await pilot.pause()


async def test_the_dashboard_is_found_as_it_was(lab: Lab, store: Store) -> None:
    """Metric, marks, filter, the experiment under the cursor."""
    await left_with(lab, store, "m", "slash", *"cp", "enter", "space")
    app = app_of(lab, store)
    async with running(app):
        screen = app.screen
        assert isinstance(screen, Dashboard)
        assert screen.metric == 1
        assert screen.words == ["cp"]
        assert len(screen.marked) == 1
        assert screen.table.cursor == "CP_single"


async def test_the_chart_is_found_as_it_was(lab: Lab, store: Store) -> None:
    """Band, smoothing and log y."""
    await left_with(lab, store, "tab", "b", "s", "L")
    app = app_of(lab, store)
    async with running(app):
        view = app.screen.query_one(CurvePlot).view
        assert (view.band, view.smooth, view.log_y) == ("ci95", 0.95, True)


@pytest.mark.parametrize(("keys", "kind"), [(["2"], ResultsScreen), (["j", "enter", "e"], RunScreen)])
async def test_the_screen_is_found_as_it_was(lab: Lab, store: Store, keys: list[str], kind: type) -> None:
    """Results, or the run that was looked at."""
    await left_with(lab, store, *keys)
    app = app_of(lab, store)
    async with running(app) as pilot:
        app.tick()
        await settle(pilot)
        assert isinstance(app.screen, kind)
        if isinstance(app.screen, RunScreen):
            assert app.screen.story.page == "events"
            await press(pilot, "escape")
            assert isinstance(app.screen, Dashboard)


async def test_a_screen_of_a_run_that_is_gone_is_not_opened(lab: Lab, store: Store) -> None:
    """Then the dashboard it is."""
    session = Session("run", {"run": {"experiment": "gone"}, "dashboard": {"experiment": 3, "marks": 1}})
    app = lab.app(kept=Kept(store, lab.file, session=session))
    async with running(app) as pilot:
        app.tick()
        await settle(pilot)
        assert isinstance(app.screen, Dashboard)


async def test_a_setting_holds_at_once_and_later(lab: Lab, store: Store) -> None:
    """Changed in the settings, seen in the dashboard's chart, found in the file."""
    app = app_of(lab, store)
    async with running(app) as pilot:
        await press(pilot, "4", "j", "j", "right", "j", "enter", "escape")
        view = app.screen.query_one(CurvePlot).view
        assert (view.smooth, view.band) == (0.95, "ci95")
    assert store.load()[0] == Preferences(smoothing=0.95, band="ci95")


async def test_the_theme_is_seen_while_it_is_chosen(lab: Lab, store: Store) -> None:
    """In the settings, and with t everywhere."""
    app = app_of(lab, store)
    async with running(app) as pilot:
        await press(pilot, "4", "right", "right")
        assert app.theme == "deeprl-day"
        await press(pilot, "escape", "t")
        assert app.memory.preferences.theme == "ansi"


async def test_a_webhook_is_typed(lab: Lab, store: Store) -> None:
    """Enter opens a field; what is no address is refused in words."""
    app = app_of(lab, store)
    async with running(app) as pilot:
        await press(pilot, "4")
        app.screen.query_one("#settings", LiveTable).move_to("webhook")
        await press(pilot, "enter", *"nonsense", "enter")
        assert "a webhook begins with" in text_of(app)
        await press(pilot, "enter", *"https://x.org/y", "enter")
        assert app.memory.preferences.webhook == "https://x.org/y"


async def test_without_a_store_nothing_is_written(lab: Lab, tmp_path: Path) -> None:
    """Settings hold until the end, and the screen says so."""
    before = sorted(tmp_path.rglob("*"))
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "4", "right")
        assert "hold until you quit" in text_of(app)
        app.action_leave()
        await pilot.pause()
    assert sorted(tmp_path.rglob("*")) == before


async def test_a_store_that_cannot_be_written_is_said_once(lab: Lab, store: Store) -> None:
    """A full or read-only home stops nothing."""
    store.config.parent.mkdir(exist_ok=True)
    store.config.write_text("a file where the folder should be")
    app = app_of(lab, store)
    async with running(app) as pilot:
        await press(pilot, "4", "j", "j", "right")
        await until(pilot, lambda: "settings.toml" in text_of(app) or "config" in text_of(app))
        assert app.memory.preferences.smoothing == 0.95


async def test_a_damaged_file_is_told(lab: Lab, store: Store) -> None:
    """Once, in a message, with its path."""
    store.config.mkdir()
    store.file.write_text("theme = ")
    app = app_of(lab, store)
    async with running(app) as pilot:
        app.tick()
        await settle(pilot)
        assert "is not used" in text_of(app)

"""What keys and clicks do on the dashboard and in its dialogs, with a real project in a folder."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList
from tui_lab import Lab, press, running, settle, text_of, until

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.tui import keys
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.confirm import ConfirmScreen
from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.screens.help import HelpScreen
from deeprl_tui.tui.screens.launch import LaunchScreen
from deeprl_tui.tui.screens.run import RunScreen
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.panel import Panel


def dashboard(app: DeeprlApp) -> Dashboard:
    """The dashboard, which must be in front."""
    assert isinstance(app.screen, Dashboard)
    return app.screen


def said(app: DeeprlApp) -> str:
    """What the key bar says."""
    return app.screen.query_one(KeyBar).said


def told(app: DeeprlApp) -> str:
    """All messages."""
    return "\n".join(message.message for message in app._notifications)


def fields(app: DeeprlApp) -> tuple[Input, Input, Button]:
    """Seeds, settings and the button of the launch dialog."""
    assert isinstance(app.screen, LaunchScreen)
    screen = app.screen
    return screen.query_one("#seeds", Input), screen.query_one("#set", Input), screen.query_one("#go", Button)


async def choose(pilot: Pilot[Any], name: str) -> None:
    """Put the dashboard's cursor on an experiment."""
    dashboard(pilot.app).table.move_to(name)  # type: ignore[arg-type]
    await settle(pilot)


async def test_moving_shows_the_other_experiment(lab: Lab) -> None:
    """Detail and chart follow the cursor at once."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "j")
        assert dashboard(app).table.cursor == "CP_single"
        assert "true → false" in app.screen.query_one("#summary", Lines).text


async def test_metric_keys_and_tabs(lab: Lab) -> None:
    """m goes on, M back, and a click on a title goes there."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "m")
        assert dashboard(app).metric == 1
        await press(pilot, "M", "M")
        assert dashboard(app).metric == 4
        panel = app.screen.query_one("#chart-panel", Panel)
        await pilot.click(panel, offset=(20, 0))
        await settle(pilot)
        assert dashboard(app).metric == 2


async def test_a_shows_all(lab: Lab) -> None:
    """a shows experiments that were never launched, and hides them again."""
    app = lab.app()
    async with running(app) as pilot:
        assert "CP_wide" not in dashboard(app).table.keys
        await press(pilot, "a")
        assert "CP_wide" in dashboard(app).table.keys
        await press(pilot, "a")
        assert "CP_wide" not in dashboard(app).table.keys


async def test_filter(lab: Lab) -> None:
    """The filter finds words of name, env and state; escape clears it."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "slash", *"cart !single", "enter")
        assert dashboard(app).table.keys == ["CP_basic", "CP_wide"]
        await press(pilot, "escape")
        assert dashboard(app).table.keys == ["CP_basic", "CP_single", "AB_basic"]


async def test_zoom(lab: Lab) -> None:
    """z gives the chart the whole screen and takes it back."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "z")
        assert app.screen.query_one(CurvePlot).size.width > 110
        await press(pilot, "z")
        assert app.screen.query_one(CurvePlot).size.width < 80


async def test_enter_opens_and_escape_comes_back(lab: Lab) -> None:
    """Enter opens the experiment, brackets go through its seeds, escape comes back."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter", "right_square_bracket")
        assert isinstance(app.screen, RunScreen)
        assert app.screen.chosen() == ["CP_basic/0"]
        await press(pilot, "escape")
        assert isinstance(app.screen, Dashboard)


async def test_double_click_opens(lab: Lab) -> None:
    """A click selects a row, a double click opens it."""
    app = lab.app()
    async with running(app) as pilot:
        table = dashboard(app).table
        await pilot.click(table, offset=(6, 3))
        await settle(pilot)
        assert table.cursor == "CP_single"
        await pilot.click(table, offset=(6, 3), times=2)
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)


async def test_run_log_and_events(lab: Lab) -> None:
    """The run screen shows what the worker printed, and its events with e."""
    paths = ops.find_runs(lab.root, ["CP_basic/0"])[0][1]
    paths.worker_log.write_text("hello from the worker\n")
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter")
        assert "hello from the worker" in text_of(app)
        await press(pilot, "e")
        assert "started    attempt 1 on here, core 0" in text_of(app)


async def test_scrolling_up_holds_the_log(lab: Lab) -> None:
    """A log that is read does not move; f and the end follow again."""
    paths = ops.find_runs(lab.root, ["CP_basic/0"])[0][1]
    paths.worker_log.write_text("".join(f"line {n}\n" for n in range(100)))
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter", "l")
        assert "line 99" in text_of(app)
        await press(pilot, "pageup")
        assert "held, f follows" in text_of(app)
        with open(paths.worker_log, "a") as log:
            log.write("one more\nand another\n")
        for _ in range(4):
            app.screen.repaint()  # type: ignore[attr-defined]
            await settle(pilot)
        assert "2 new lines below, f follows" in text_of(app)
        assert "line 99" not in text_of(app)
        await press(pilot, "f")
        assert "and another" in text_of(app)


async def test_searching_a_log(lab: Lab) -> None:
    """/ finds the last place, N the one before, n goes on; escape ends the search and not the screen."""
    paths = ops.find_runs(lab.root, ["CP_basic/0"])[0][1]
    paths.worker_log.write_text("".join(f"line {n} {'needle' * (n in (3, 50))}\n" for n in range(100)))
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter", "l", "slash", *"NEEDLE", "enter")
        assert "2 of 2 · n N · esc ends" in text_of(app)
        assert "line 50 needle" in text_of(app)
        await press(pilot, "N")
        assert "line 3 needle" in text_of(app)
        await press(pilot, "n")
        assert "line 50 needle" in text_of(app)
        await press(pilot, "escape")
        assert "esc ends" not in text_of(app)
        assert isinstance(app.screen, RunScreen)


async def test_searching_the_settings(lab: Lab) -> None:
    """In the settings / searches the settings."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter", "c", "slash", *"gamma", "enter")
        assert "1 of 1 · n N · esc ends" in text_of(app)


async def test_a_letter_goes_to_a_panel_and_back(lab: Lab) -> None:
    """On a small screen the same letter, or escape, shows the curves again."""
    app = lab.app()
    async with running(app, (80, 24)) as pilot:
        await press(pilot, "enter")
        for key in ("l", "e", "a", "c", "v"):
            for back in (key, "escape"):
                await press(pilot, key)
                assert "env steps" not in text_of(app)
                await press(pilot, back)
                assert "env steps" in text_of(app)


async def test_copying_the_path_of_a_checkpoint(lab: Lab) -> None:
    """y in the files copies the path under the cursor."""
    paths = ops.find_runs(lab.root, ["CP_basic/0"])[0][1]
    paths.checkpoint.write_bytes(b"x")
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter", "a", "y")
        assert app.clipboard == str(paths.checkpoint)


async def test_launch_flow(lab: Lab) -> None:
    """n, a seed count, enter: the runs are there and somebody was asked to start them."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "a")
        await choose(pilot, "AB_fast")
        await press(pilot, "n")
        seeds, _, go = fields(app)
        seeds.focus()
        await press(pilot, "2")
        assert str(go.label) == "Launch 2"
        assert "deeprl run AB_fast --seeds 2" in text_of(app)
        await press(pilot, "enter")
        assert [str(run) for run, _ in ops.find_runs(lab.root, ["AB_fast"])] == ["AB_fast/0", "AB_fast/1"]
        assert lab.supervisor.asked == [lab.root]
        assert told(app) == "2 runs of AB_fast launched"


async def test_launch_with_settings(lab: Lab) -> None:
    """A setting in the dialog files the runs under a name that says so."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "n")
        _, settings, go = fields(app)
        settings.focus()
        await press(pilot, *"gamma=0.9")
        assert not go.disabled
        await press(pilot, "enter")
        assert [run.experiment for run, _ in ops.find_runs(lab.root, ["*gamma*"])] == [
            "CP_basic+gamma=0.9"
        ] * 2


@pytest.mark.parametrize(
    ("field", "typed", "fault"),
    [
        ("set", "gama=0.9", "gamma"),
        ("set", "gamma=9", "gamma"),
        ("set", "gamma", "KEY=VALUE"),
        ("seeds", "x", "seeds"),
        ("seeds", "4-1", "backwards"),
    ],
)
async def test_launch_says_what_is_wrong(lab: Lab, field: str, typed: str, fault: str) -> None:
    """A fault is shown while it is typed, and nothing can be launched."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "n")
        app.screen.query_one(f"#{field}", Input).focus()
        await press(pilot, *typed)
        assert fault in app.screen.query_one("#fault", Lines).text
        assert fields(app)[2].disabled
        await press(pilot, "escape")
        assert isinstance(app.screen, Dashboard)
        assert lab.supervisor.asked == []


async def test_launch_shows_a_refusal(lab: Lab) -> None:
    """Changed settings under an old name are refused in the dialog, with the keys that differ."""
    lab.file.write_text(lab.file.read_text().replace("total_episodes = 400", "total_episodes = 500"))
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "n")
        assert "total_episodes 400 → 500" in app.screen.query_one("#fault", Lines).text
        assert fields(app)[2].disabled


async def test_launch_asks_for_trust_and_imports_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code of the project is read and never imported here; the dialog says how to trust it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    trace = lab.file.parent / "trace"
    (lab.file.parent / "mine.py").write_text(f"open({str(trace)!r}, 'w')\nMine = 1\n")
    text = '[experiments.A_mine]\nenv = "CartPole-v1"\nreplay = "mine:Mine"\n'
    lab.file.write_text(text + lab.file.read_text())
    app = lab.app()
    async with running(app) as pilot:
        app.push_screen(LaunchScreen(app.look(), ["A_mine"]))
        await settle(pilot)
        assert "mine.py: is not trusted yet; read it, then: deeprl trust" in _words(app)
        assert fields(app)[2].disabled
    assert not trace.exists()


def _words(app: DeeprlApp) -> str:
    """What the dialog says is wrong, whatever its lines."""
    return " ".join(app.screen.query_one("#fault", Lines).text.split())


async def test_launch_twice_is_harmless(lab: Lab) -> None:
    """What is there already cannot be launched again."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "n")
        assert "2 runs are there already" in text_of(app)
        assert fields(app)[2].disabled


async def test_launch_at_start(tmp_path: Path) -> None:
    """--launch launches once the first frame is there."""
    lab = Lab(tmp_path)
    app = lab.app(launch=("CP_basic",), seeds="2")
    async with running(app):
        assert len(ops.find_runs(lab.root, ["CP_basic"])) == 2
        assert lab.supervisor.asked == [lab.root]


async def test_launch_of_an_unknown_name_is_told(tmp_path: Path) -> None:
    """A name that does not exist gives a message that stays, with the nearest name."""
    lab = Lab(tmp_path)
    app = lab.app(launch=("CP_basik",))
    async with running(app):
        assert "did you mean CP_basic?" in told(app)


async def test_stop_asks_and_the_safe_button_has_the_focus(lab: Lab) -> None:
    """x asks; enter keeps the runs."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "x")
        assert isinstance(app.screen, ConfirmScreen)
        await press(pilot, "enter")
        assert isinstance(app.screen, Dashboard)
        assert not ops.find_runs(lab.root, ["CP_basic/0"])[0][1].request.exists()


async def test_stop(lab: Lab) -> None:
    """x and the other button stop: a waiting run at once."""
    app = lab.app()
    async with running(app) as pilot:
        await choose(pilot, "AB_basic")
        await press(pilot, "x", "tab", "enter")
        assert isinstance(
            ops.views_of(lab.root)[ops.find_runs(lab.root, ["AB_basic/1"])[0][0]].state, state.Stopped
        )
        assert "AB_basic/1: stopped" in told(app)


async def test_pause_and_resume(lab: Lab) -> None:
    """p pauses a waiting run, and p on a paused one puts it back into the queue."""
    app = lab.app()
    run = ops.find_runs(lab.root, ["AB_basic/1"])[0][0]
    async with running(app) as pilot:
        await choose(pilot, "AB_basic")
        await press(pilot, "p")
        assert isinstance(ops.views_of(lab.root)[run].state, state.Paused)
        lab.feed()
        await press(pilot, "p")
        assert isinstance(ops.views_of(lab.root)[run].state, state.Queued)
        assert lab.supervisor.asked == [lab.root]


async def test_resume_retries_what_failed(lab: Lab) -> None:
    """r puts a failed run back into the queue."""
    app = lab.app()
    run = ops.find_runs(lab.root, ["AB_basic/0"])[0][0]
    async with running(app) as pilot:
        await choose(pilot, "AB_basic")
        await press(pilot, "r")
        assert isinstance(ops.views_of(lab.root)[run].state, state.Queued)


async def test_waiting_runs_without_supervisor(lab: Lab) -> None:
    """Runs that wait while nobody starts them are a line with the key that helps, and r does it."""
    lab.feed(supervisor=False)
    app = lab.app()
    async with running(app) as pilot:
        assert "1 run waits and no supervisor works here: r starts one" in text_of(app)
        await press(pilot, "r")
        assert lab.supervisor.asked == [lab.root]


async def test_marks_are_what_is_meant(lab: Lab) -> None:
    """space marks rows, and x is about all of them."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "space", "space", "space")
        assert dashboard(app).chosen() == ["CP_basic", "CP_single", "AB_basic"]
        await press(pilot, "x")
        assert "Stop 3 runs of 2 experiments?" in text_of(app)


@pytest.mark.parametrize(
    ("on", "key", "why"),
    [
        ("CP_single", "x", "nothing to stop: 2 of 2 finished"),
        ("CP_single", "p", "nothing to pause: 2 of 2 finished"),
        ("CP_basic", "W", "W does nothing here"),
    ],
)
async def test_a_key_says_why_it_does_nothing(lab: Lab, on: str, key: str, why: str) -> None:
    """No key is silent."""
    app = lab.app()
    async with running(app) as pilot:
        await choose(pilot, on)
        await press(pilot, key)
        assert why in said(app)


async def test_help_is_searched_and_runs_the_line(lab: Lab) -> None:
    """Typing searches the help, enter does what the line says."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        await press(pilot, *"next metric", "enter")
        assert dashboard(app).metric == 1


async def test_help_has_every_key(lab: Lab) -> None:
    """Each row of the key table is in the help of its screen."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "question_mark")
        shown = app.screen.query_one("#keys", LiveTable).keys
        places = (keys.DASHBOARD, keys.CHART, keys.TABLE, keys.EVERYWHERE)
        assert set(shown) == {key.id for key in keys.KEYS if set(key.where) & set(places)}


async def test_key_bar_can_be_clicked(lab: Lab) -> None:
    """A click on a key in the bar presses it."""
    app = lab.app()
    async with running(app) as pilot:
        bar = app.screen.query_one(KeyBar)
        place = next(start for start, _, key in bar._places if key.id == "launch")
        await pilot.click(bar, offset=(place, 0))
        await settle(pilot)
        assert isinstance(app.screen, LaunchScreen)


async def test_palette_finds_an_experiment(lab: Lab) -> None:
    """The command palette goes to experiments by name."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "ctrl+p")
        await press(pilot, *"single")
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count >= 2)
        await press(pilot, "enter")
        assert dashboard(app).table.cursor == "CP_single"


async def test_theme_key(lab: Lab) -> None:
    """t goes through night, day and the terminal's own colors."""
    app = lab.app()
    async with running(app) as pilot:
        seen = []
        for _ in range(3):
            await press(pilot, "t")
            seen.append(app.theme)
        assert seen == ["deeprl-day", "ansi-dark", "deeprl-night"]


async def test_copy(lab: Lab) -> None:
    """y copies the row, Y the command."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "y")
        assert app.clipboard.startswith("CP_basic\tCartPole-v1\t2 running\treturn 135.9")
        await press(pilot, "Y")
        assert app.clipboard == "deeprl run CP_basic"


async def test_quit_counts_what_goes_on(lab: Lab) -> None:
    """q quits at once and remembers how many runs go on."""
    app = lab.app()
    async with running(app) as pilot:
        await pilot.press("q")
        await pilot.pause()
    assert (app.return_code, app.left_runs) == (0, 3)


async def test_hidden_screen_is_left_alone(lab: Lab) -> None:
    """While a dialog is in front, a tick does not repaint the dashboard."""
    app = lab.app()
    async with running(app) as pilot:
        table = dashboard(app).table
        await press(pilot, "question_mark")
        before = table.rendered
        lab.now += 120
        lab.feed()
        app.tick()
        await settle(pilot)
        assert table.rendered == before


async def test_unchanged_rows_are_not_drawn_again(lab: Lab) -> None:
    """A tick draws only rows of runs that changed."""
    app = lab.app()
    async with running(app) as pilot:
        table = dashboard(app).table
        before = table.rendered
        app.tick()
        await settle(pilot)
        assert table.rendered == before


async def test_without_focus_ticks_are_rare(lab: Lab) -> None:
    """After AppBlur four of five ticks do nothing; focus shows what happened at once."""
    app = lab.app()
    async with running(app) as pilot:
        app.on_app_blur()
        app._ticks = 0
        first = dashboard(app).picture
        lab.feed(busy=(0.5, 0.5, 0.5, 0.5))
        app.tick()
        assert dashboard(app).picture is first
        app.on_app_focus()
        await settle(pilot)
        assert dashboard(app).picture is not first


async def test_file_is_read_again(lab: Lab) -> None:
    """A change of the file is seen without a key."""
    app = lab.app()
    async with running(app) as pilot:
        lab.file.write_text(
            lab.file.read_text() + '\n[experiments.CP_new]\nenv = "CartPole-v1"\ngamma = 0.5\n'
        )
        app._read_file()
        await settle(pilot)
        assert dashboard(app).picture.board.by_name.keys() >= {"CP_new"}

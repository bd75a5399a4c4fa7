"""The results and the comparison: whole screens, and what their keys do, with a real project in a folder."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from tui_lab import Lab, check_golden, press, running, settle, text_of, trained, until

from deeprl_tui.core.events import End, Event
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.results import COLUMNS, Browse
from deeprl_tui.tui.screens.compare import CompareScreen
from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.screens.results import ResultsScreen
from deeprl_tui.tui.screens.run import RunScreen
from deeprl_tui.tui.screens.takeout import TakeoutScreen
from deeprl_tui.tui.widgets.lines import ScrollLines
from deeprl_tui.tui.widgets.live_table import LiveTable

FILE = """\
[project]
name = "lab"

[experiments.CP_basic]
env = "CartPole-v1"
baseline = true
solved = 195
seeds = 5
total_episodes = 200
net_arch = [64]

[experiments.CP_fast]
env = "CartPole-v1"
learning_rate = 1e-3

[experiments.CP_wide]
env = "CartPole-v1"
net_arch = [256, 256]

[experiments.CP_three]
env = "CartPole-v1"
gamma = 0.9

[experiments.AB_basic]
env = "Acrobot-v1"
baseline = true
solved = -100
total_episodes = 200
"""
SIZES = [(80, 24), (120, 36)]


@pytest.fixture
def many(tmp_path: Path) -> Lab:
    """Finished, failed, stopped and running runs of five experiments."""
    lab = Lab(tmp_path, FILE)

    def add(name: str, seed: int, high: float, outcome: Any = "finished", low: float = 10) -> None:
        over: Event = End(lab.now - 50, outcome, 200 * 50, "loss is NaN" if outcome == "failed" else "")
        episodes = 200 if outcome == "finished" else 120
        story = trained(episodes, core=0, lag=0.8 + seed / 20, low=low, high=high)
        lab.add(name, seed, [*story, (episodes + 1.0, over)] if outcome else story, held=not outcome)

    for seed in range(5):
        add("CP_basic", seed, 150 + 3 * seed)
        add("CP_fast", seed, 190 + 4 * seed)
        add("CP_wide", seed, 148 + 9 * seed, ("finished", "finished", "finished", "stopped", "failed")[seed])
        add("AB_basic", seed, -100 - 7 * seed, low=-500)
    for seed in range(3):
        add("CP_three", seed, 90 + 10 * seed, "" if seed == 2 else "finished")
    lab.feed()
    return lab


async def open_results(pilot: Pilot[Any]) -> ResultsScreen:
    """Show the results, and wait until everything was worked out."""
    await press(pilot, "2")
    screen = pilot.app.screen
    assert isinstance(screen, ResultsScreen)
    await worked_out(pilot)
    return screen


async def worked_out(pilot: Pilot[Any]) -> None:
    """Wait for averages, curves and verdicts."""
    app = pilot.app
    assert isinstance(app, DeeprlApp)
    await until(pilot, lambda: not app.jobs.busy() and "…  " not in text_of(app))
    await pilot.pause(0.2)  # the cursor has to stay a moment on its row
    await until(pilot, lambda: not app.jobs.busy() and "working it out" not in text_of(app))
    await settle(pilot)


def way(app: DeeprlApp) -> Browse:
    """How the results are looked at now."""
    return app.desk.browse


@pytest.mark.parametrize("size", SIZES)
async def test_results(many: Lab, size: tuple[int, int]) -> None:
    """The results look as their golden file."""
    app = many.app()
    async with running(app, size) as pilot:
        await open_results(pilot)
        check_golden(f"results-{size[0]}x{size[1]}", text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_compare(many: Lab, size: tuple[int, int]) -> None:
    """The comparison looks as its golden file."""
    app = many.app()
    async with running(app, size) as pilot:
        await open_results(pilot)
        await press(pilot, "space", "space", "space", "equals_sign")
        await worked_out(pilot)
        assert isinstance(app.screen, CompareScreen)
        check_golden(f"compare-{size[0]}x{size[1]}", text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_columns(many: Lab, size: tuple[int, int]) -> None:
    """The dialog of the columns looks as its golden file."""
    app = many.app()
    async with running(app, size) as pilot:
        await open_results(pilot)
        await press(pilot, "c")
        check_golden(f"columns-{size[0]}x{size[1]}", text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_takeout(many: Lab, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The export dialog looks as its golden file."""
    monkeypatch.setattr("deeprl_tui.tui.screens.takeout.folder_of", lambda root: Path("/lab"))
    app = many.app()
    async with running(app, size) as pilot:
        await open_results(pilot)
        await press(pilot, "ctrl+s")
        check_golden(f"export-{size[0]}x{size[1]}", text_of(app))


async def test_no_runs(tmp_path: Path) -> None:
    """Without runs the results say how to get some."""
    lab = Lab(tmp_path, FILE)
    lab.feed()
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "2")
        assert "No runs yet." in text_of(app)


async def test_filter_while_typing(many: Lab) -> None:
    """Rows go while one types, a half-typed term hides none, a wrong one is said, escape brings all back."""
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        await press(pilot, "slash", *"AB")
        assert screen.table.keys == ["AB_basic"]
        screen.query_one("#filter", Input).value = "gamma:"
        await settle(pilot)
        assert len(screen.table.keys) == 5
        screen.query_one("#filter", Input).value = "gamma:0.9"
        await settle(pilot)
        assert screen.table.keys == ["CP_three"]
        screen.query_one("#filter", Input).value = "gamma:0.9 retrun>5"
        await settle(pilot)
        assert screen.table.keys == ["CP_three"]
        assert "did you mean return" in text_of(app)
        await press(pilot, "enter", "escape")
        assert len(screen.table.keys) == 5
        assert isinstance(app.screen, ResultsScreen)


async def test_a_run_is_found_by_its_name(many: Lab) -> None:
    """The key of the filter is a letter in it."""
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        await press(pilot, "v", "slash", *"wide", "slash", "4")
        assert screen.table.keys == ["CP_wide/4"]


async def test_nothing_fits(many: Lab) -> None:
    """A word that nothing fits leaves the rows until it is entered; then it says how to get rid of it."""
    app = many.app()
    async with running(app) as pilot:
        await open_results(pilot)
        await press(pilot, "slash", *"CP", "space", *"xyz")
        assert "CP_fast" in text_of(app)
        assert "nothing fits xyz" in text_of(app)
        await press(pilot, "enter")
        assert "No experiment fits “CP xyz”." in text_of(app)
        assert "clears the filter and shows all 5" in text_of(app)
        await press(pilot, "escape")
        assert "CP_fast" in text_of(app)


async def test_sorting_by_keys_and_clicks(many: Lab) -> None:
    """o sorts by the next column, O turns it round, a click on a title sorts by it."""
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        first = screen.table.keys
        await press(pilot, "O")
        assert screen.table.keys[0] != first[0]
        assert not way(app).descending
        await press(pilot, "o")
        assert way(app).sort == "interval"
        await pilot.click(screen.table, offset=(5, 0))
        await settle(pilot)
        assert way(app).sort == "name"
        assert screen.table.keys == ["CP_basic", "CP_fast", "CP_three", "CP_wide", "AB_basic"]


async def test_runs_and_groups(many: Lab) -> None:
    """v shows single runs, g groups them by experiment and then not at all."""
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        await press(pilot, "v")
        assert len(screen.table.keys) == 23
        await press(pilot, "g")
        assert way(app).group == "experiment"
        await press(pilot, "g")
        assert way(app).group == ""
        await press(pilot, "v", "g")
        assert (way(app).unit, way(app).group) == ("experiment", "env")


async def test_columns_are_chosen(many: Lab) -> None:
    """Space shows or hides, K and J move, g groups by a setting, escape leaves all as it was."""
    app = many.app()
    async with running(app) as pilot:
        await open_results(pilot)
        await press(pilot, "c", "space", "J", "escape")
        assert way(app).columns == COLUMNS
        await press(pilot, "c", "space", "K", "enter")
        assert way(app).columns == ("return", *COLUMNS[2:])
        await press(pilot, "c", "slash", *"gamma", "enter")
        app.screen.query_one("#columns", LiveTable).move_to("gamma")
        await press(pilot, "space", "g", "enter")
        assert way(app).columns[-1] == "gamma"
        assert way(app).group == "gamma"
        assert "gamma = 0.9" in text_of(app)


async def test_baseline_of_the_user(many: Lab) -> None:
    """B compares all with the row under the cursor, and B again with their own baselines."""
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        screen.table.move_to("CP_wide")
        await press(pilot, "B")
        screen.table.move_to("CP_three")
        await worked_out(pilot)
        assert "CP_wide" in screen.query_one("#told", ScrollLines).text
        screen.table.move_to("CP_wide")
        await press(pilot, "B")
        assert way(app).baseline is None


async def test_enter_opens_and_picks_compare(many: Lab) -> None:
    """Enter opens the experiment; with picks it compares them, and escape comes back with the picks."""
    app = many.app()
    async with running(app) as pilot:
        await open_results(pilot)
        await press(pilot, "enter")
        assert isinstance(app.screen, RunScreen)
        await press(pilot, "escape", "space", "space", "enter")
        assert isinstance(app.screen, CompareScreen)
        await press(pilot, "escape")
        assert len(way(app).picks) == 2
        await press(pilot, "escape")
        assert way(app).picks == ()
        await press(pilot, "escape")
        assert isinstance(app.screen, Dashboard)


async def test_the_way_of_looking_stays(many: Lab) -> None:
    """Coming back to the results, everything is as it was left."""
    app = many.app()
    async with running(app) as pilot:
        await open_results(pilot)
        await press(pilot, "slash", *"CP", "enter", "o", "space", "1", "2")
        screen = app.screen
        assert isinstance(screen, ResultsScreen)
        assert way(app).filter == "CP"
        assert way(app).sort == "interval"
        assert len(way(app).picks) == 1
        assert "AB_basic" not in screen.table.keys


async def test_copies(many: Lab) -> None:
    """y copies the table as text, Y the command, and in the comparison y copies the verdicts."""
    app = many.app()
    async with running(app) as pilot:
        await open_results(pilot)
        await press(pilot, "y")
        assert app.clipboard.splitlines()[0].split("\t")[1:4] == ["experiment", "runs", "return"]
        assert "[148, 160]" in app.clipboard or "CP_basic" in app.clipboard
        await press(pilot, "space", "space", "Y")
        assert app.clipboard.startswith("deeprl compare ")
        await press(pilot, "equals_sign")
        await worked_out(pilot)
        await press(pilot, "y")
        assert "run\tstate\treturn" in app.clipboard


async def test_difference(many: Lab) -> None:
    """d shows the settings that differ, and goes back to the verdicts."""
    app = many.app()
    async with running(app, (80, 24)) as pilot:
        await open_results(pilot)
        await press(pilot, "space", "space", "d")
        assert app.screen.query_one("#differences", ScrollLines).has_focus
        assert "learning_rate" in text_of(app)
        await press(pilot, "d")
        assert app.screen.query_one("#verdicts", LiveTable).has_focus


async def test_export_writes_a_table(many: Lab, tmp_path: Path) -> None:
    """^s, enter, enter: a table with a row for each picked run; a file that is there is not replaced."""
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        screen.table.move_to("CP_basic")
        await press(pilot, "ctrl+s", "enter", "enter")
        await until(pilot, lambda: (tmp_path / "CP_basic.csv").exists() and not app.jobs.busy())
        before = (tmp_path / "CP_basic.csv").read_text()
        assert len(before.splitlines()) == 6
        (tmp_path / "CP_basic.csv").write_text("mine")
        await press(pilot, "ctrl+s", "enter", "enter")
        assert isinstance(app.screen, TakeoutScreen)
        assert (tmp_path / "CP_basic.csv").read_text() == "mine"
        await press(pilot, "enter")
        await until(pilot, lambda: (tmp_path / "CP_basic.csv").read_text() == before)


@pytest.mark.parametrize("size", [(40, 10), (60, 16), (99, 29), (200, 60)])
async def test_every_size_shows_rows(many: Lab, size: tuple[int, int]) -> None:
    """From 40x10 on rows can be read, in the results and in the comparison."""
    app = many.app()
    async with running(app, size) as pilot:
        await open_results(pilot)
        assert "CP_fast" in text_of(app)
        await press(pilot, "equals_sign")
        assert "CP_fast" in text_of(app)


async def test_without_colors(many: Lab) -> None:
    """In the terminal's own colors intervals are lines."""
    app = many.app("ansi-dark")
    async with running(app) as pilot:
        await open_results(pilot)
        assert "●─" in text_of(app) or "─●" in text_of(app)


async def test_hostile_text_is_text(many: Lab) -> None:
    """A reason of a failure and a pasted filter are shown and do nothing."""
    bad = "\x1b[31mred\x1b[0m [@click=app.quit]x[/] \u202e"
    story = trained(20, core=0)
    many.add("CP_three", 7, [*story, (21.0, End(many.now - 5, "failed", 900, bad))])
    many.feed()
    app = many.app()
    async with running(app) as pilot:
        screen = await open_results(pilot)
        screen.table.move_to("CP_three")
        await worked_out(pilot)
        assert "[@click=app.quit]x" in text_of(app)
        await press(pilot, "equals_sign")
        assert not {"\x1b", "\u202e"} & set(text_of(app))
        await press(pilot, "escape", "slash")
        screen.query_one("#filter", Input).value = bad
        await settle(pilot)
        assert not {"\x1b", "\u202e"} & set(text_of(app))

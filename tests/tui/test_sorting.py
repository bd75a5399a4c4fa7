"""Sorting the dashboard's tables, by keys and by clicks on their titles."""

from tui_lab import Lab, press, running, settle, text_of

from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.widgets.live_table import LiveTable


async def test_experiments_are_sorted_within_their_environment(lab: Lab) -> None:
    """o sorts by name, O turns it; environments stay where they are."""
    app = lab.app()
    async with running(app) as pilot:
        assert isinstance(app.screen, Dashboard)
        await press(pilot, "o", "O")
        assert app.screen.table.keys == ["CP_single", "CP_basic", "AB_basic"]
        assert "experiment↓" in text_of(app)
        await press(pilot, "O")
        assert app.screen.table.keys == ["CP_basic", "CP_single", "AB_basic"]


async def test_seeds_are_sorted_by_a_click(lab: Lab) -> None:
    """A click on a title sorts downwards, a second one turns it."""
    app = lab.app()
    async with running(app) as pilot:
        seeds = app.screen.query_one("#seeds", LiveTable)
        x = seeds.render_line(0).text.index("seed")
        await pilot.click(seeds, offset=(x, 0))
        await pilot.click(seeds, offset=(x, 0))
        await settle(pilot)
        assert seeds.keys == ["1", "0"]


async def test_what_has_no_value_comes_last(lab: Lab) -> None:
    """Experiments that were never launched have no return, in either order."""
    app = lab.app()
    async with running(app) as pilot:
        assert isinstance(app.screen, Dashboard)
        await press(pilot, "a")
        table = app.screen.table
        while table.sort is None or table.sort[0] != "return":
            await press(pilot, "o")
        assert table.keys == ["CP_single", "CP_basic", "CP_wide", "AB_basic", "AB_fast"]
        await press(pilot, "O")
        assert table.keys == ["CP_basic", "CP_single", "CP_wide", "AB_basic", "AB_fast"]

"""Small charts of all experiments: the grid, its keys, and what is drawn in it."""

from typing import Any

import pytest
from textual.pilot import Pilot
from tui_lab import Lab, check_golden, press, running, text_of, until

from deeprl_tui.tui.screens.run import RunScreen
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.multiples import Multiples


def grid_of(pilot: Pilot[Any]) -> Multiples:
    return pilot.app.screen.query_one(Multiples)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_grid_of_the_dashboard(lab: Lab, size: tuple[int, int]) -> None:
    """All experiments that were launched, under their environments."""
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "v")
        check_golden(f"dashboard-grid-{size[0]}x{size[1]}", text_of(app))


async def test_enter_selects_and_opens_the_second_time(lab: Lab) -> None:
    """The table follows the grid."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "v", "right", "enter")
        assert app.screen.query_one("#table", LiveTable).cursor == "CP_single"
        await press(pilot, "enter")
        assert isinstance(app.screen, RunScreen)


async def test_a_click_selects(lab: Lab) -> None:
    """The tile under the mouse is the experiment."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "v")
        await pilot.click(Multiples, offset=(40, 5))
        await until(pilot, lambda: app.screen.query_one("#table", LiveTable).cursor == "CP_single")


async def test_it_scrolls_to_the_cursor(lab: Lab) -> None:
    """On a small screen the last tile comes into view, and the first one again."""
    app = lab.app()
    async with running(app, (80, 24)) as pilot:
        await press(pilot, "v", "G")
        assert grid_of(pilot).cursor == "AB_basic"
        assert grid_of(pilot).scroll_y > 0
        assert "AB_basic" in grid_of(pilot).in_view()
        await press(pilot, "g")
        assert grid_of(pilot).scroll_y <= 1


async def test_rows_are_left_by_up_and_down(lab: Lab) -> None:
    """Down goes to the tile below, also over the name of the next environment."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "v", "right", "down")
        assert grid_of(pilot).cursor == "AB_basic"
        await press(pilot, "up")
        assert grid_of(pilot).cursor == "CP_basic"


async def test_one_environment_has_one_scale(lab: Lab) -> None:
    """The numbers beside two tiles of one environment are the same."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "v")
        row = next(line for line in text_of(app).splitlines() if line.count("200 ┤") == 2)
        assert row


async def test_keys_of_the_chart_work_in_the_grid(lab: Lab) -> None:
    """Band and x axis are those of the one chart, there and here."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "v", "b", "X")
        await press(pilot, "v")
        chart = app.screen.query_one("#chart")
        assert (chart.view.band, chart.view.axis) == ("ci95", "episode")  # type: ignore[attr-defined]


async def test_the_same_tiles_are_not_drawn_again(lab: Lab) -> None:
    """A picture without news keeps the strips."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "v")
        before = [group.strips for group in grid_of(pilot)._groups]
        app.screen.repaint()  # type: ignore[attr-defined]
        await pilot.pause()
        after = [group.strips for group in grid_of(pilot)._groups]
        assert all(one is other for one, other in zip(before, after, strict=True))

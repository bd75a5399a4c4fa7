"""The hosts screen: its keys."""

import pytest
from tui_lab import Lab, press, running, text_of

from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.widgets.live_table import LiveTable


@pytest.mark.parametrize(("host", "names"), [("vm-1", ["CP_wide", "AB_basic"]), ("vm-6", ["AB_fast"])])
async def test_slash_shows_the_experiments_of_a_host(lab: Lab, host: str, names: list[str]) -> None:
    """Those that train or wait there; esc shows all again."""
    lab.add_study()
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "3")
        app.screen.query_one("#hosts", LiveTable).move_to(host)
        await press(pilot, "slash")
        assert isinstance(app.screen, Dashboard)
        table = app.screen.query_one("#table", LiveTable)
        assert [key for key in table.keys if not key.startswith("#")] == names
        await press(pilot, "escape")
        assert len(table.keys) > len(names) + 2


@pytest.mark.parametrize(
    ("host", "told"), [("local", "this machine is ready"), ("vm-1", "not connected yet")]
)
async def test_a_push_that_cannot_be_says_why(lab: Lab, host: str, told: str) -> None:
    """In the key bar, and nothing begins."""
    lab.add_study()
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "3")
        app.screen.query_one("#hosts", LiveTable).move_to(host)
        await press(pilot, "P")
        assert told in text_of(app)
        assert not app.requests.pushing

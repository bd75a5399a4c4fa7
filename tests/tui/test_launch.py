"""The launch screen: old runs, completion, keys; with a real project in a folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from tui_lab import Lab, press, running, settle, text_of

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.launch import LaunchScreen
from deeprl_tui.tui.widgets.choice import Choice
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.ticks import Ticks


@asynccontextmanager
async def launching(app: DeeprlApp, *names: str) -> AsyncIterator[Pilot[Any]]:
    """The launch screen with these experiments picked."""
    async with running(app) as pilot:
        app.push_screen(LaunchScreen(app.look(), names))
        await settle(pilot)
        yield pilot


def words(app: DeeprlApp, name: str) -> str:
    """The text of a part of the screen."""
    return app.screen.query_one(f"#{name}", Lines).text


async def test_what_was_there_can_go_on(lab: Lab) -> None:
    """The failed run goes on, the one that waits is left alone; the command says the same."""
    app = lab.app()
    async with launching(app, "AB_basic") as pilot:
        await press(pilot, "f")
        assert "1 run goes on" in words(app, "plan")
        assert words(app, "twin") == "$ deeprl resume AB_basic"
        await press(pilot, "enter")
        views = ops.views_of(lab.root)
        assert state.word(views[RunId("AB_basic", 0)].state) == "queued"
        assert lab.supervisor.asked


async def test_what_was_there_can_be_archived(lab: Lab) -> None:
    """Both old runs go to the archive, and two new ones wait."""
    app = lab.app()
    async with launching(app, "CP_single") as pilot:
        await press(pilot, "f", "f")
        assert "2 old runs moved to the archive" in words(app, "plan")
        assert words(app, "twin").endswith("--fresh")
        await press(pilot, "enter")
        views = ops.views_of(lab.root)
        assert [state.word(views[RunId("CP_single", seed)].state) for seed in (0, 1)] == ["queued"] * 2
        assert len(list((lab.root / ".archive").iterdir())) == 1


async def test_running_runs_are_not_archived(lab: Lab) -> None:
    """The screen says so before enter, and enter does nothing."""
    app = lab.app()
    async with launching(app, "CP_basic") as pilot:
        await press(pilot, "f", "f")
        assert "CP_basic/0: is running; stop it first: x" in words(app, "fault")
        await press(pilot, "enter")
        assert isinstance(app.screen, LaunchScreen)


async def test_enter_says_why_there_is_nothing_to_launch(lab: Lab) -> None:
    """Nothing picked, or all there already."""
    app = lab.app()
    async with launching(app) as pilot:
        await press(pilot, "enter")
        assert "nothing picked" in words(app, "fault")
        app.screen.query_one("#picks", LiveTable).move_to("CP_single")
        await press(pilot, "space", "enter")
        assert "are there already" in words(app, "fault")


async def test_arrows_count_the_seeds(lab: Lab) -> None:
    """Right is one more than the file's, and the plan follows."""
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await press(pilot, "right", "right")
        assert app.screen.query_one("#seeds", Input).value == "4"
        assert "4 new runs" in words(app, "plan")
        await press(pilot, "left")
        assert "3 new runs" in words(app, "plan")


async def test_a_setting_that_differs_can_be_edited(lab: Lab) -> None:
    """Enter on it puts it into the line of settings, with its value."""
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        app.screen.query_one("#changes").focus()
        await press(pilot, "enter")
        field = app.screen.query_one("#set", Input)
        assert (field.value, field.has_focus) == ("net_arch=256x256", True)
        await press(pilot, *["backspace"] * 3, *"64")
        assert "[64] → [256, 64]" in text_of(app)


async def test_settings_are_completed(lab: Lab) -> None:
    """→ takes the key, and then its value."""
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await press(pilot, "s", *"gam", "right", "right")
        assert app.screen.query_one("#set", Input).value == "gamma=0.99"
        assert "Discount factor" in words(app, "fault")


async def test_letters_filter(lab: Lab) -> None:
    """Letters in their order; enter goes back to the rows."""
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await press(pilot, "slash", *"cwd", "enter")
        table = app.screen.query_one("#picks", LiveTable)
        assert (table.keys, table.has_focus) == (["CP_wide"], True)


@pytest.mark.parametrize(("x", "value"), [(1, "skip"), (24, "resume"), (60, "fresh")])
async def test_the_choice_can_be_clicked(lab: Lab, x: int, value: str) -> None:
    """Each of its words."""
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await pilot.click(Choice, offset=(x, 0))
        await settle(pilot)
        assert app.screen.query_one(Choice).value == value


async def test_hosts_are_ticked(lab: Lab) -> None:
    """h goes there, space ticks; the command names them, and what does not answer cannot be used."""
    lab.add_hosts(2, 8)
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await press(pilot, "h", "right", "space")
        assert words(app, "twin") == "$ deeprl run CP_wide --on local,vm-1"
        assert "vm-1      ■■······  2 runs" in words(app, "plan")  # it has more free cores
        await press(pilot, "left", "space", "left", "space")
        assert words(app, "twin").endswith("--on vm-1,vm-2")
        assert "vm-2: does not answer" in words(app, "fault")


async def test_the_last_host_stays_ticked(lab: Lab) -> None:
    """A launch needs one."""
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await press(pilot, "h", "space")
        assert app.screen.query_one("#hosts", Ticks).ticked == ("local",)


async def test_without_links_nothing_is_sent(lab: Lab) -> None:
    """The message says so, and nothing was made."""
    lab.add_hosts(2, 8)
    app = lab.app()
    async with launching(app, "CP_wide") as pilot:
        await press(pilot, "h", "right", "space", "enter")
        await settle(pilot)
        assert "not connected yet" in text_of(app)
        assert not (lab.root / "CP_wide").exists()

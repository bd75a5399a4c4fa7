"""The command palette finds keys, experiments, runs and themes by their names."""

from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import OptionList
from tui_lab import Lab, check_golden, press, running, settle, text_of, until

from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.confirm import ConfirmScreen
from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.screens.launch import LaunchScreen
from deeprl_tui.tui.screens.run import RunScreen


async def find(pilot: Pilot[Any], text: str) -> list[str]:
    """Type into the palette; what it offers."""
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
    await pilot.press(*("space" if char == " " else char for char in text))
    options = pilot.app.screen.query_one(OptionList)
    await settle(pilot)
    await until(pilot, lambda: options.option_count > 0)
    return [str(option.prompt).splitlines()[0] for option in options.options]


async def take(pilot: Pilot[Any]) -> DeeprlApp:
    """Run the first one."""
    options = pilot.app.screen.query_one(OptionList)
    if options.highlighted is None:
        await pilot.press("down")
        await until(pilot, lambda: options.highlighted == 0)
    await pilot.press("enter")
    await settle(pilot)
    assert isinstance(pilot.app, DeeprlApp)
    return pilot.app


async def test_a_run_by_its_name(lab: Lab) -> None:
    """`single 1` leads to CP_single/1."""
    async with running(lab.app()) as pilot:
        assert await find(pilot, "single/1") == ["Go to CP_single/1"]
        app = await take(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.chosen() == ["CP_single/1"]


async def test_words_in_any_order(lab: Lab) -> None:
    """An experiment that was never launched: its plan comes first."""
    async with running(lab.app()) as pilot:
        assert "Launch CP_wide" in await find(pilot, "wide laun")
        app = await take(pilot)
        assert isinstance(app.screen, LaunchScreen)
        assert app.screen.picked == {"CP_wide"}


async def test_stopping_asks(lab: Lab) -> None:
    """Only of experiments that have something to stop."""
    async with running(lab.app()) as pilot:
        assert await find(pilot, "stop CP_") == ["Stop CP_basic"]
        assert isinstance((await take(pilot)).screen, ConfirmScreen)


async def test_an_experiment_from_another_screen(lab: Lab) -> None:
    """Going to it comes back to the dashboard."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "enter")
        assert "Go to AB_basic" in await find(pilot, "go to AB_basic")
        await take(pilot)
        assert isinstance(app.screen, Dashboard)
        assert app.screen.table.cursor == "AB_basic"


async def test_a_theme_by_its_name(lab: Lab) -> None:
    """Ours, and those that Textual brings."""
    app = lab.app()
    async with running(app) as pilot:
        assert "Theme: dracula" in await find(pilot, "dracula")
        await take(pilot)
        assert app.theme == "dracula"


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_palette_looks_as_its_golden(lab: Lab, size: tuple[int, int]) -> None:
    """What is found for one name."""
    app = lab.app()
    async with running(app, size) as pilot:
        await find(pilot, "CP_single")
        check_golden(f"palette-{size[0]}x{size[1]}", text_of(app))

"""The dashboard over several hosts, as a user meets it: real links and training; ssh stays here."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from hosts_lab import hosts  # noqa: F401  a fixture
from process_lab import Lab
from textual.pilot import Pilot
from tui_lab import text_of, until

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.moves import is_home
from deeprl_tui.tui.app import DeeprlApp, Workspace
from deeprl_tui.tui.screens.launch import LaunchScreen
from deeprl_tui.tui.widgets.live_table import LiveTable

LONG = 6000
"""Tries of 10 ms: a minute."""


@asynccontextmanager
async def dashboard(here: Lab) -> AsyncIterator[tuple[DeeprlApp, Pilot[Any]]]:
    """The app on the project here, once both hosts were heard."""
    project = ops.check(here.file).project
    watch = partial(ops.watch_everywhere, project)
    app = DeeprlApp(Workspace(here.file, here.root, Fleet(ops.clock), watch, ops.supervise), "deeprl-night")
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: sum(bool(host.busy) for host in app.look().snapshot.hosts) == 3, LONG)
        await until(pilot, lambda: app.look().project is not None, LONG)
        yield app, pilot


async def launch(app: DeeprlApp, pilot: Pilot[Any], runs: int) -> None:
    """Tick the two hosts instead of this machine, and launch."""
    await pilot.press("n")
    await until(pilot, lambda: "Launch " in text_of(app), LONG)
    await pilot.press("h", "right", "space", "right", "space", "right", "space")
    await until(pilot, lambda: "--on one,two" in text_of(app), LONG)
    await until(pilot, lambda: f"Launch {runs}" in text_of(app), LONG)
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(app.screen, LaunchScreen), LONG)


def words(app: DeeprlApp) -> set[str]:
    """The states of the runs."""
    return {state.word(view.state) for view in app.look().snapshot.runs.values()}


async def test_launched_there_and_home_again(hosts: dict[str, Lab]) -> None:  # noqa: F811
    """Two hosts are ticked, rows name them, and at the end every file is here."""
    here = hosts["here"]
    here.file.write_text(here.file.read_text().replace("= 4000", "= 4000\nseeds = 2"))
    async with dashboard(here) as (app, pilot):
        await launch(app, pilot, 2)
        seen: set[str] = set()  # both hosts are this machine, where one trains after the other

        def over() -> bool:
            seen.update(re.findall(r"[●○] [01] +(one|two)", text_of(app)))
            return words(app) == {"finished"}

        await until(pilot, over, LONG)
        assert seen == {"one", "two"}
        runs = list(RootPaths(here.root).runs())
        await until(pilot, lambda: all(map(is_home, runs)), LONG)
        assert sorted(map(home_of, runs)) == ["one", "two"]


async def test_keys_reach_runs_there(hosts: dict[str, Lab]) -> None:  # noqa: F811
    """p pauses, r lets go on, x stops: on both hosts, whether a run trains or waits."""
    here = hosts["here"]
    here.file.write_text(here.file.read_text().replace("= 4000", "= 1000000\nseeds = 2"))
    async with dashboard(here) as (app, pilot):
        await launch(app, pilot, 2)
        trains = {"running", "queued"}  # both hosts are this machine: one has the core, the other waits
        await until(pilot, lambda: words(app) == trains, LONG)
        await pilot.press("p")
        await until(pilot, lambda: words(app) == {"paused"}, LONG)
        await pilot.press("r")
        await until(pilot, lambda: words(app) == trains, LONG)
        await pilot.press("x")
        await until(pilot, lambda: "Keep running" in text_of(app), LONG)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: words(app) == {"stopped"}, LONG)
        assert not hosts["one"].workers() + hosts["two"].workers()


async def test_a_push_tells_how_far_it_is_and_what_is_wrong(hosts: dict[str, Lab]) -> None:  # noqa: F811
    """P on a host whose Python is none: the reason stays on the screen, and P may be pressed again."""
    here = hosts["here"]
    here.file.write_text(here.file.read_text().replace("[hosts.one]", '[hosts.one]\npython = "/bin/false"'))
    async with dashboard(here) as (app, pilot):
        await pilot.press("3")
        await until(pilot, lambda: "two" in text_of(app), LONG)
        app.screen.query_one("#hosts", LiveTable).move_to("one")
        await pilot.press("P")
        await until(pilot, lambda: "one: " in text_of(app), LONG)
        assert not app.requests.pushing

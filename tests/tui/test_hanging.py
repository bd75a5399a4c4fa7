"""Disks and hosts that never answer: keys still do, the wait is seen and can be left, quitting is quick."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tui_lab import Lab, running, text_of

from deeprl_tui.config.prefs import Kept, Preferences, Store, load_kept
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.dashboard import Dashboard

QUIT_S = 0.5


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """What a hanging call waits for; set when the test is over, so that its thread can end."""
    event = threading.Event()
    yield event
    event.set()


async def quits_quickly(app: DeeprlApp, pilot: Any) -> None:
    """From the key to the end of the app."""
    began = time.monotonic()
    await pilot.press("q")
    await pilot.pause()
    assert app._exit
    app.on_unmount()  # what the end waits for
    assert time.monotonic() - began < QUIT_S


class Hanging:
    """Stands for files on a disk or a host that does not answer."""

    def __init__(self, never: threading.Event) -> None:
        self._never = never
        self.calls = 0

    def told(self, *_: Any) -> Any:
        """Wait."""
        self.calls += 1
        self._never.wait(60)
        return []

    printed = files = told


async def settled(pilot: Any) -> None:
    """Hanging calls never settle: wait for the keys only."""
    for _ in range(5):
        await pilot.pause(0.02)


async def test_a_feed_that_hangs_on_start(lab: Lab, never: threading.Event) -> None:
    """The dashboard is there, says that it reads, takes keys, and quits at once."""

    def watch(*_: Any) -> Any:
        never.wait(60)

    workspace = lab.app().workspace
    app = DeeprlApp(replace(workspace, watch=watch, fleet=Fleet()))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert "reading runs…" in text_of(app)
        await pilot.press("3")
        await settled(pilot)
        assert "No host is known yet" in text_of(app)
        await quits_quickly(app, pilot)


async def test_the_log_of_a_run_that_does_not_answer(lab: Lab, never: threading.Event) -> None:
    """It says so and for how long, is asked only once, and every other key works."""
    files = Hanging(never)
    app = lab.app(files=files)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert "reading…" in text_of(app)
        lab.now += 20
        for _ in range(6):
            app.screen.repaint()  # type: ignore[attr-defined]
            await settled(pilot)
        assert "reading for 20s: no answer yet" in text_of(app)
        assert files.calls == 1
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, Dashboard)
        await quits_quickly(app, pilot)


@pytest.mark.parametrize("key", ["p", "r"])
async def test_a_request_that_never_returns(
    lab: Lab, never: threading.Event, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pause and resume on a host that is gone: asked, and nothing waits."""
    monkeypatch.setattr("deeprl_tui.ops.ask", lambda *_: never.wait(60))
    monkeypatch.setattr("deeprl_tui.ops.resume", lambda *_, **__: never.wait(60))
    app = lab.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.screen.query_one("#table").move_to("AB_basic")  # type: ignore[attr-defined]
        await pilot.press(key)
        await settled(pilot)
        await pilot.press("m")
        await settled(pilot)
        assert app.screen.metric == 1  # type: ignore[attr-defined]
        await quits_quickly(app, pilot)


async def test_a_file_that_cannot_be_read_now(
    lab: Lab, never: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """experiments.toml on a disk that hangs is asked for once, not once in three seconds."""
    calls: list[object] = []

    def check(*arguments: Any) -> Any:
        calls.append(arguments)
        never.wait(60)

    monkeypatch.setattr("deeprl_tui.ops.check_if_changed", check)
    app = lab.app()
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(9):
            app.tick()
        await settled(pilot)
        assert len(calls) == 1
        await quits_quickly(app, pilot)


async def test_a_home_that_does_not_answer(
    lab: Lab, never: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving what was changed is not waited for."""
    monkeypatch.setattr(Store, "save", lambda *_: never.wait(60))
    monkeypatch.setattr(Store, "save_session", lambda *_: never.wait(60))
    app = lab.app(kept=Kept(Store(tmp_path / "c", tmp_path / "s"), lab.file))
    async with running(app) as pilot:
        await pilot.press("4", "right", "escape", "m")
        await settled(pilot)
        assert app.screen.metric == 1  # type: ignore[attr-defined]
        await quits_quickly(app, pilot)


def test_preferences_that_do_not_answer(
    never: threading.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start waits a moment, then begins with defaults, and says so."""
    monkeypatch.setattr(Store, "load", lambda *_: (Preferences(bell=never.wait(60)), ""))
    began = time.monotonic()
    kept = load_kept(Store(tmp_path, tmp_path), tmp_path, 0.1)
    assert time.monotonic() - began < 5
    assert kept.store is None
    assert "does not answer" in kept.warning


async def test_many_calls_that_hang_do_not_stop_others(lab: Lab, never: threading.Event) -> None:
    """More of them than a pool has threads: what comes after is still done."""
    app = lab.app()
    done: list[int] = []
    async with app.run_test(size=(80, 24)) as pilot:
        for at in range(40):
            app.jobs.run(f"hang-{at}", lambda: never.wait(60), lambda _: None, app.fail)
        app.jobs.run("quick", lambda: 7, done.append, app.fail)
        for _ in range(100):
            if done:
                break
            await pilot.pause(0.02)
        assert done == [7]
        await quits_quickly(app, pilot)

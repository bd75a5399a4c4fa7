"""Whole screens as plain text, at the two sizes that must work."""

import os
from pathlib import Path

import pytest
from textual.widgets import Input
from tui_lab import Lab, check_golden, press, running, settle, text_of, until

from deeprl_tui.tui.screens.launch import LaunchScreen
from deeprl_tui.tui.widgets.live_table import LiveTable

SIZES = [(80, 24), (120, 36)]
TRACEBACK = """\
Traceback (most recent call last):
  File "/env/lib/python3.11/site-packages/deeprl_agents/worker.py", line 150, in _train
    training.learn(steps)
  File "/home/me/project/mine.py", line 12, in step
    raise ValueError("loss is NaN")
ValueError: loss is NaN
"""


def named(screen: str, size: tuple[int, int]) -> str:
    return f"{screen}-{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", SIZES)
async def test_dashboard(lab: Lab, size: tuple[int, int]) -> None:
    """The dashboard looks as its golden file."""
    app = lab.app()
    async with running(app, size):
        check_golden(named("dashboard", size), text_of(app))


async def test_dashboard_grows(lab: Lab) -> None:
    """A wide terminal shows the trend beside the chart."""
    app = lab.app()
    async with running(app, (180, 50)):
        check_golden("dashboard-180x50", text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_one_experiment(lab: Lab, size: tuple[int, int]) -> None:
    """The screen of one experiment looks as its golden file."""
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "enter")
        check_golden(named("run", size), text_of(app))


@pytest.mark.parametrize(("pane", "key"), [("log", "l"), ("events", "e"), ("files", "a"), ("config", "c")])
@pytest.mark.parametrize("size", SIZES)
async def test_panes_of_a_run(lab: Lab, size: tuple[int, int], pane: str, key: str) -> None:
    """Log, events, files and settings of an experiment that differs from its baseline."""
    paths = lab.run_paths("CP_single", 0)
    paths.worker_log.write_text("hello\nUserWarning: slow\nValueError: bad\n" + "line\n" * 9)
    paths.checkpoint.write_bytes(b"x" * 1_400_000)
    paths.best_model.write_bytes(b"x" * 90_000)
    for file in paths.folder.rglob("*"):
        os.utime(file, (lab.now - 700, lab.now - 700))
    app = lab.app()
    async with running(app, size) as pilot:
        app.screen.query_one("#table", LiveTable).move_to("CP_single")
        await press(pilot, "enter", "right_square_bracket", key)
        check_golden(named(f"run-{pane}", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_a_failed_run_opens_with_its_traceback(lab: Lab, size: tuple[int, int]) -> None:
    """The reason, one's own line of code in front, what can be done."""
    lab.run_paths("AB_basic", 0).worker_log.write_text("step 900\n" + TRACEBACK)
    app = lab.app()
    async with running(app, size) as pilot:
        app.screen.query_one("#table", LiveTable).move_to("AB_basic")
        await press(pilot, "tab", "tab", "enter") if size[0] > 100 else await press(pilot, "enter", "E")
        check_golden(named("run-error", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_launch_dialog(lab: Lab, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch dialog looks as its golden file."""
    monkeypatch.setattr(
        "deeprl_tui.ops.launching.memory", lambda: (8 * 2**30, 24 * 2**30)
    )  # this machine's, else
    monkeypatch.setattr("deeprl_tui.ops.launching.cores", lambda: (0, 1, 2, 3))
    monkeypatch.setattr("deeprl_tui.ops.launching.disk_free", lambda _: 61 * 2**30)
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "a", "j", "j", "n")
        check_golden(named("launch", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_hosts_of_few_cores(lab: Lab, size: tuple[int, int]) -> None:
    """This machine alone: every core with its run."""
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "3")
        check_golden(named("hosts", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_hosts_of_many_cores(lab: Lab, size: tuple[int, int]) -> None:
    """Four hosts of 96 cores, one of which cannot be reached."""
    lab.add_hosts(3, 96)
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "3", "j")
        check_golden(named("hosts-many", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_hosts_with_something_to_tell(lab: Lab, size: tuple[int, int]) -> None:
    """Files on their way, reconnecting, refused, unreachable, another version, a full disk, switched off."""
    lab.add_study()
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "3", "j")
        check_golden(named("hosts-study", size), text_of(app))


@pytest.mark.parametrize("name", ["vm-2", "vm-3", "vm-5", "vm-6", "vm-7"])
async def test_a_host_tells_what_is_wrong(lab: Lab, name: str) -> None:
    """With the remedy in full, beside its cores."""
    lab.add_study()
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "3")
        app.screen.query_one("#hosts", LiveTable).move_to(name)
        await settle(pilot)
        check_golden(f"hosts-{name}", text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_launch_on_hosts(lab: Lab, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts with a tick, with their new runs, times and prices; those that are down or full say so."""
    monkeypatch.setattr("deeprl_tui.ops.launching.disk_free", lambda _: 61 * 2**30)
    lab.add_study()
    app = lab.app()
    async with running(app, size) as pilot:
        app.push_screen(LaunchScreen(app.look(), ["CP_single"]))
        await settle(pilot)
        app.screen.query_one("#seeds", Input).value = "10"
        await pilot.press("h", *["right", "space"], *["right"] * 4, "space", "right")
        await press(pilot, "space")
        check_golden(named("launch-hosts", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_dashboard_over_hosts(lab: Lab, size: tuple[int, int]) -> None:
    """Rows name hosts, and the strip has room for all of them."""
    lab.add_study()
    app = lab.app()
    async with running(app, size) as pilot:
        app.screen.query_one("#table", LiveTable).move_to("CP_wide")
        await press(pilot, "j", "k")
        check_golden(named("dashboard-hosts", size), text_of(app))


@pytest.mark.parametrize(
    ("screen", "size", "keys"), [("dashboard", (120, 36), []), ("hosts", (80, 24), ["3", "j"])]
)
async def test_a_large_batch(lab: Lab, size: tuple[int, int], screen: str, keys: list[str]) -> None:
    """Twelve hosts with eight runs each can be read."""
    lab.add_batch(12, 8)
    app = lab.app()
    async with running(app, size) as pilot:
        app.screen.query_one("#table", LiveTable).move_to("CP_lr3")
        await press(pilot, *keys)
        check_golden(named(f"{screen}-batch", size), text_of(app))


@pytest.mark.parametrize("size", SIZES)
async def test_settings(lab: Lab, size: tuple[int, int]) -> None:
    """Every setting with its value, what it does, and a chart that shows it."""
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "4", "j")
        check_golden(named("settings", size), text_of(app))


async def test_stop_dialog(lab: Lab) -> None:
    """The question before a stop looks as its golden file."""
    app = lab.app()
    async with running(app, (80, 24)) as pilot:
        await press(pilot, "x")
        check_golden("stop-80x24", text_of(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_help(lab: Lab, size: tuple[int, int]) -> None:
    """The help looks as its golden file."""
    app = lab.app()
    async with running(app, size) as pilot:
        await press(pilot, "question_mark")
        check_golden(f"help-{size[0]}x{size[1]}", text_of(app))


async def test_no_runs(tmp_path: Path) -> None:
    """Without runs the dashboard says how to get some."""
    lab = Lab(tmp_path)
    lab.feed()
    app = lab.app()
    async with running(app):
        check_golden("no-runs-120x36", text_of(app))


async def test_no_file(tmp_path: Path) -> None:
    """Without an experiments.toml the dashboard says where one is looked for."""
    lab = Lab(tmp_path, text=None)
    lab.feed()
    app = lab.app()
    async with running(app, (80, 24)):
        check_golden("no-file-80x24", text_of(app))


async def test_broken_file(lab: Lab) -> None:
    """A broken experiments.toml shows its faults by line, and the runs stay."""
    lab.file.write_text('[experiments.CP_basic]\nenv = "CartPole-v1"\nlr = 1e-4\n')
    app = lab.app()
    async with running(app):
        check_golden("broken-file-120x36", text_of(app))


@pytest.mark.parametrize("size", [(40, 10), (60, 16), (99, 29), (100, 30), (200, 60)])
async def test_every_size_has_header_and_table(lab: Lab, size: tuple[int, int]) -> None:
    """From 40x10 on, header and table can be read."""
    app = lab.app()
    async with running(app, size):
        text = text_of(app)
        assert "deeprl" in text
        assert "CP_basic" in text


async def test_too_small(lab: Lab) -> None:
    """Below 40x10 the app says so instead of drawing rubble."""
    app = lab.app()
    async with running(app, (39, 9)):
        assert "too small" in text_of(app)


async def test_resize_in_flight(lab: Lab) -> None:
    """A resize from large to small and back gives the same screen again."""
    app = lab.app()
    async with running(app) as pilot:
        await until(pilot, lambda: "195 CP_single" in text_of(app))
        before = text_of(app)
        for size in [(80, 24), (40, 10), (200, 60), (30, 8), (120, 36)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await until(pilot, lambda: text_of(app) == before)


@pytest.mark.parametrize("theme", ["deeprl-day", "ansi-dark"])
async def test_themes_show_the_same_words(lab: Lab, theme: str) -> None:
    """Color is never the only sign: rows read the same in every theme."""
    app = lab.app(theme)
    async with running(app):
        rows = text_of(app).splitlines()[2:9]
        golden = Path(__file__).parents[1] / "data" / "screens" / "dashboard-120x36.txt"
        assert [row[1:47] for row in rows] == [row[1:47] for row in golden.read_text().splitlines()[2:9]]

"""Starting and ending: what is imported, what is said without a terminal, what signals leave behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import run_python
from terminal_lab import Terminal
from tui_lab import FILE, Lab

from deeprl_tui.tui import main as entry

FIRST_PAINT = """
import asyncio, sys
from pathlib import Path
from deeprl_tui.tui import main
from deeprl_tui import ops
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.tui.app import DeeprlApp, Workspace

seen = []

DeeprlApp._begin = lambda self: seen.extend(sys.modules)

async def go(folder):
    workspace = Workspace(folder / "experiments.toml", folder / "runs", Fleet(), ops.watch, ops.supervise)
    async with DeeprlApp(workspace).run_test(size=(120, 36)) as pilot:
        await pilot.pause()

asyncio.run(go(Path(sys.argv[1])))
assert "deeprl_tui.tui.screens.dashboard" in seen
print(" ".join(sorted({name.partition(".")[0] for name in seen})))
"""
HEAVY = {
    "torch", "stable_baselines3", "gymnasium", "numpy", "pandas", "multiprocess", "typer", "asyncssh",
    "deeprl_agents", "matplotlib", "psutil",
}  # fmt: skip


def test_first_frame_needs_nothing_heavy(tmp_path: Path) -> None:
    """Up to the first painted frame neither the learner nor numpy is imported."""
    (tmp_path / "experiments.toml").write_text(FILE)
    assert not HEAVY & set(run_python(FIRST_PAINT, str(tmp_path)).split())


def test_without_a_terminal(tmp_path: Path) -> None:
    """Without a terminal it says so on stderr, draws nothing, and returns 2."""
    done = subprocess.run(
        [sys.executable, "-m", "deeprl_tui.tui.main"],
        cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "deeprl-tui: stdin and stdout and stderr are not a terminal; deeprl ls prints the runs as text\n"
    )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version works everywhere."""
    with pytest.raises(SystemExit) as ended:
        entry.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("deeprl-tui ")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_restore_the_terminal(tmp_path: Path, number: int, code: int) -> None:
    """SIGTERM and SIGHUP end it with their exit codes, and the terminal is as it was."""
    (tmp_path / "experiments.toml").write_text(FILE)
    terminal = Terminal(tmp_path)
    terminal.wait_for(b"No runs yet")
    terminal.process.send_signal(number)
    assert terminal.end() == code
    assert terminal.restored()


def test_it_ends_with_its_terminal(tmp_path: Path) -> None:
    """When the terminal is gone the app ends by itself, also where no signal says so."""
    (tmp_path / "experiments.toml").write_text(FILE)
    terminal = Terminal(tmp_path)
    terminal.wait_for(b"No runs yet")
    os.close(terminal.child)
    os.close(terminal.descriptor)
    assert terminal.process.wait(20) == 129


def test_quit_says_what_goes_on(tmp_path: Path) -> None:
    """q leaves a line on the normal screen about runs that go on."""
    lab = Lab(tmp_path)
    lab.add("AB_basic", 0, [])
    terminal = Terminal(tmp_path)
    terminal.wait_for(b"more in the file")  # then the run was read
    os.write(terminal.descriptor, b"q")
    assert terminal.end() == 0
    assert terminal.restored()
    assert b"1 run goes on; deeprl-tui to look again, deeprl stop --all to end it" in terminal.output


def test_dumb_terminal(tmp_path: Path) -> None:
    """TERM=dumb gets a message instead of escape codes."""
    terminal = Terminal(tmp_path, TERM="dumb")
    assert terminal.end() == 2
    assert b"TERM=dumb cannot draw a dashboard" in terminal.output
    assert b"\x1b" not in terminal.output


def test_the_demo_needs_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """Recorded runs are there within seconds, in an empty folder that stays empty."""
    terminal = Terminal(tmp_path, "--demo", XDG_CONFIG_HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path))
    terminal.wait_for(b"LL_basic")
    os.write(terminal.descriptor, b"p")
    terminal.wait_for(b"this is a demo")
    os.write(terminal.descriptor, b"q")
    assert terminal.end() == 0
    assert b"goes on" not in terminal.output
    assert list(tmp_path.iterdir()) == []

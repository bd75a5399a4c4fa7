"""`deeprl run --headless` as a user starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from process_lab import Lab
from stable_baselines3.common.monitor import load_results

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import ExitCode

pytestmark = pytest.mark.timeout(180)


def deeprl(lab: Lab, *arguments: str, session: bool = False) -> "subprocess.Popen[str]":
    """Start the command in the project's folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "deeprl_tui", *arguments],
        cwd=lab.file.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=session,
    )


def listed(lab: Lab) -> list[dict[str, object]]:
    """What `deeprl ls --json` says."""
    out, _ = deeprl(lab, "ls", "--json").communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines()]


def test_a_batch_finishes_with_exit_code_0_and_files_that_others_read(lab: Lab) -> None:
    """Four runs under a derived name; SB3's own reader counts every episode once."""
    batch = ("run", "base", "--seeds", "4", "--set", "total_timesteps=1500", "--headless")
    out, err = deeprl(lab, *batch).communicate(timeout=150)
    rows = listed(lab)
    assert [row["state"] for row in rows] == ["finished"] * 4, out + err
    assert {row["experiment"] for row in rows} == {"base+total_timesteps=1500"}
    for paths in RootPaths(lab.root).runs():
        episodes = load_results(str(paths.folder))
        view = ops.views_of(lab.root)[next(run for run, at in ops.find_runs(lab.root, ["*"]) if at == paths)]
        assert list(episodes.r) == pytest.approx(list(view.curves["return"].means()))
    assert "\x1b" not in out
    again = deeprl(lab, *batch)
    again.communicate(timeout=60)
    assert again.returncode == ExitCode.OK


def test_a_run_that_fails_makes_exit_code_1(lab: Lab) -> None:
    """All must finish."""
    lab.file.write_text(lab.file.read_text().replace("CartPole-v1", "NoSuchGame-v7"))
    process = deeprl(lab, "run", "base", "--headless")
    out, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.FAILED
    assert "NoSuchGame" in out + err


@pytest.mark.parametrize("whom", [os.kill, os.killpg], ids=["it", "its whole group"])
def test_terminating_it_brings_the_workers_to_a_checkpoint(
    lab: Lab, whom: Callable[[int, int], None]
) -> None:
    """As a service manager or `timeout` ends it: the runs wait for the next start."""
    process = deeprl(lab, "run", "base", "--set", "total_timesteps=100000", "--headless", session=True)
    (run,) = wait_for_run(lab)
    lab.wait_trained(run, 500)
    whom(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == ExitCode.SIGTERM
    view = lab.view(run)
    assert isinstance(view.state, state.Queued)
    assert view.checkpoint_step == view.step
    assert lab.workers() == []


def test_killing_it_leaves_supervisor_and_workers(lab: Lab) -> None:
    """Nothing hangs on the process that looks."""
    process = deeprl(lab, "run", "base", "--set", "total_timesteps=6000", "--headless")
    (run,) = wait_for_run(lab)
    before = lab.wait_trained(run, 500)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    (view,) = lab.wait_over(run)
    assert isinstance(view.state, state.Finished)
    assert view.pid == before.pid


def wait_for_run(lab: Lab) -> list[RunId]:
    """Wait until the run is there."""
    lab.wait("the run to appear", lambda: bool(ops.views_of(lab.root)))
    return list(ops.views_of(lab.root))


def test_changed_settings_are_refused_before_anything_starts(lab: Lab, tmp_path: Path) -> None:
    """The keys are named, and the old runs stay."""
    lab.launch()
    (run,) = ops.views_of(lab.root)
    lab.file.write_text(lab.file.read_text().replace("learning_rate = 1e-3", "learning_rate = 2e-3"))
    process = deeprl(lab, "run", "base", "--headless")
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.REFUSED
    assert "learning_rate 0.001 → 0.002" in err
    assert list(ops.views_of(lab.root)) == [run]


def test_closing_its_terminal_brings_the_workers_to_a_checkpoint(lab: Lab) -> None:
    """The hangup reaches the whole session; only the command decides what it means."""
    process = deeprl(lab, "run", "base", "--set", "total_timesteps=100000", "--headless", session=True)
    (run,) = wait_for_run(lab)
    lab.wait_trained(run, 500)
    os.killpg(process.pid, signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGHUP
    view = lab.view(run)
    assert isinstance(view.state, state.Queued)
    assert view.checkpoint_step == view.step


def test_a_fresh_run_right_after_the_old_one_is_started(lab: Lab) -> None:
    """The supervisor that saw the old one end is still there, and must not take its end for the new one's."""
    short = ("run", "base", "--set", "total_timesteps=800", "--headless", "--fresh")
    for _ in range(2):
        process = deeprl(lab, *short)
        out, err = process.communicate(timeout=60)
        assert process.returncode == ExitCode.OK, out + err

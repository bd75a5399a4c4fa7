"""Real processes, really killed: nothing is lost, nothing runs twice."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from process_lab import Lab
from support import alive

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.errors import ExitCode

pytestmark = pytest.mark.timeout(180)


def test_a_killed_worker_goes_on_from_its_checkpoint(lab: Lab) -> None:
    """The second attempt finishes, and no episode counts twice."""
    (run,) = lab.launch()
    before = lab.wait_trained(run, 1000)
    assert Path(f"/proc/{before.pid}/comm").read_text().strip() == str(run)
    os.kill(before.pid, signal.SIGKILL)
    (view,) = lab.wait_over(run)
    assert isinstance(view.state, state.Finished)
    assert view.attempt == 2
    assert view.step == 4000
    steps = list(view.curves["return"].buckets.step)
    assert steps == sorted(set(steps))
    resumed = [note.text for note in view.notes if note.kind == "resumed"]
    assert resumed
    assert resumed != ["from step 0"]


def test_runs_killed_twenty_times_end_like_undisturbed_ones() -> None:
    """The campaign of the benchmark, cut down: 4 envs with 3 buffers each, 24 kills, not one bit differs."""
    campaign = Path(__file__).parents[2] / "benchmarks" / "kills.py"
    done = subprocess.run(
        [sys.executable, campaign, "--kills", "24", "--steps", "0.05"],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines()[2:]]
    assert sum(int(row[4]) + int(row[5]) for row in rows) >= 20


def test_a_killed_supervisor_leaves_its_workers_and_the_next_one_goes_on(lab: Lab) -> None:
    """The worker keeps its pid and its attempt; what was queued is started by the next supervisor."""
    runs = lab.launch("4", "total_timesteps=3000")
    before = lab.wait_trained(runs[0], 500)
    supervisor = lab.supervisor()
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    lab.wait("the supervisor to be gone", lambda: lab.supervisor() is None)
    assert alive(before.pid)
    ops.supervise(lab.root)
    views = lab.wait_over(*runs)
    assert [state.word(view.state) for view in views] == ["finished"] * 4
    assert views[0].pid == before.pid
    assert {view.attempt for view in views} == {1}


def test_a_supervisor_that_is_asked_to_end_loses_nothing(lab: Lab) -> None:
    """SIGTERM: workers go to a checkpoint, the runs wait, and the next supervisor goes on from there."""
    (run,) = lab.launch("1", "total_timesteps=5000")
    lab.wait_trained(run, 500)
    supervisor = lab.supervisor()
    assert supervisor is not None
    os.kill(supervisor, signal.SIGTERM)
    lab.wait("the supervisor to end", lambda: lab.supervisor() is None)
    view = lab.view(run)
    assert isinstance(view.state, state.Queued)
    assert view.checkpoint_step == view.step
    ops.supervise(lab.root)
    (after,) = lab.wait_over(run)
    assert isinstance(after.state, state.Finished)
    assert after.attempt == 2


def test_a_second_supervisor_is_told_who_the_first_is(lab: Lab) -> None:
    """It ends at once with its own exit code."""
    lab.launch()
    lab.wait("the supervisor to start", lambda: lab.supervisor() is not None)
    second = subprocess.run(
        [sys.executable, "-m", "deeprl_tui.supervisor", str(lab.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == ExitCode.LOCKED
    assert f"pid {lab.supervisor()}" in second.stderr


def test_stop_pause_and_resume_reach_a_living_worker(lab: Lab) -> None:
    """Paused at a checkpoint with its core free, resumed from it, then stopped."""
    (run,) = lab.launch("1", "total_timesteps=100000")
    lab.wait_trained(run, 500)
    ops.ask(lab.root, [str(run)], "pause")
    (paused,) = lab.wait_over(run, seconds=20)
    assert isinstance(paused.state, state.Paused)
    assert paused.checkpoint_step == paused.step
    lab.wait("the worker to be gone", lambda: not lab.workers())
    assert [answer.done for answer in ops.resume(lab.root, [str(run)])] == [True]
    lab.wait("it to train again", lambda: lab.view(run).step > paused.step)
    ops.ask(lab.root, [str(run)], "stop")
    (stopped,) = lab.wait_over(run, seconds=20)
    assert isinstance(stopped.state, state.Stopped)
    assert stopped.attempt == 2


def test_workers_have_one_core_each_and_are_never_more_than_cores(lab: Lab) -> None:
    """Watched over the whole batch; each worker has one thread that works."""
    runs = lab.launch("4", "total_timesteps=1500")
    cores = set(ops.cores())
    seen: set[frozenset[int]] = set()

    def over() -> bool:
        masks = []
        for pid in lab.workers():
            try:
                masks.append(os.sched_getaffinity(pid))
            except ProcessLookupError:
                continue
        pinned = [frozenset(mask) for mask in masks if len(mask) == 1]
        assert len(pinned) == len(set(pinned)) <= len(cores)
        seen.update(pinned)
        return all(state.is_over(lab.view(run).state) for run in runs)

    lab.wait("the batch to end", over, 90)
    assert seen == {frozenset({core}) for core in cores}


def test_a_worker_that_keeps_dying_is_given_up_with_the_reason(lab: Lab) -> None:
    """A run that never gets further must not hold a core for ever."""
    (run,) = lab.launch("1", "total_timesteps=50000", "save_freq=50000")
    killed: set[int] = set()

    def over() -> bool:
        for pid in lab.workers():
            if pid not in killed and lab.view(run).pid == pid:
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
        return state.is_over(lab.view(run).state)

    lab.wait("the supervisor to give up", over, 120)
    current = lab.view(run).state
    assert isinstance(current, state.Failed)
    assert "killed by signal 9, 4 times without progress" in current.error
    assert len(killed) == 4


def test_a_user_error_fails_at_once_with_its_reason(lab: Lab) -> None:
    """No retry: the same code would fail the same way."""
    text = lab.file.read_text().replace("CartPole-v1", "NoSuchGame-v7")
    lab.file.write_text(text)
    (run,) = lab.launch()
    (view,) = lab.wait_over(run)
    assert isinstance(view.state, state.Failed)
    assert "NoSuchGame" in view.state.error
    assert view.attempt == 1
    assert "Traceback" in RootPaths(lab.root).run(view.spec).worker_log.read_text()


def test_two_projects_never_share_a_core(lab: Lab, tmp_path: Path) -> None:
    """Two supervisors, more runs than cores: each core has one worker at most, and all runs finish."""
    (tmp_path / "other").mkdir()
    other = Lab(tmp_path / "other")
    try:
        runs = lab.launch("2", "total_timesteps=1500")
        others = other.launch("2", "total_timesteps=1500")
        together = 0

        def over() -> bool:
            nonlocal together
            masks = []
            for pid in (*lab.workers(), *other.workers()):
                with contextlib.suppress(ProcessLookupError):
                    masks.append(frozenset(os.sched_getaffinity(pid)))
            assert len(masks) == len(set(masks)) <= len(ops.cores())
            together = max(together, len(masks))
            ends = [lab.view(run).state for run in runs] + [other.view(run).state for run in others]
            return all(isinstance(end, state.Finished) for end in ends)

        lab.wait("both batches to finish", over, 90)
        assert together == min(4, len(ops.cores()))
    finally:
        other.close()

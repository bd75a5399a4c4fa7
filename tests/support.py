"""What several tests need: a spec, a clock that stands still, a run directory with a history."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deeprl_tui.core.events import Beat, Episode, Event, Start
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.log import EventLog
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.runs.store import RunStore

WALL = 1_795_353_600.0
"""The wall clock of tests: 2026-11-22 12:00 UTC."""


def spec(name: str = "CP_basic", seed: int = 0, *, solved: float | None = None, **settings: Json) -> RunSpec:
    """Describe a small run."""
    plain: dict[str, Json] = {"total_timesteps": 1000, "total_episodes": None, "gamma": 0.99}
    return RunSpec(RunId(name, seed), "CartPole-v1", {**plain, **settings}, solved=solved)


def start(attempt: int = 1, at: float = WALL) -> Start:
    """A worker began to train on core 1."""
    return Start(at=at, attempt=attempt, pid=4711, host="here", cores=(1,), backend="sb3")


def training(episodes: int, *, first: int = 1, step: int = 0, length: int = 10) -> list[tuple[float, Event]]:
    """Timed events of training: one episode and one beat each second, returns equal to episode numbers."""
    timed: list[tuple[float, Event]] = []
    for episode in range(first, first + episodes):
        step += length
        timed.append((float(episode), Episode(episode, step, float(episode), length)))
        beat = Beat(step, updates=step, cpu_s=0.9 * episode, rss=10**8, sps=length, loss=0.5, epsilon=0.1)
        timed.append((float(episode), beat))
    return timed


def write(paths: RunPaths, attempt: int, timed: Iterable[tuple[float, Event]]) -> None:
    """Append timed events to an attempt's log."""
    now = 0.0
    log = EventLog(paths.events(attempt), lambda: now)
    for now, event in timed:  # noqa: B007  the log's clock reads it
        log.append(event)
    log.close()


def make_run(root: Path, description: RunSpec, timed: Iterable[tuple[float, Event]] = ()) -> RunPaths:
    """Make a run directory as a launch does, and write a first attempt into it."""
    store = RunStore(root, wall=lambda: WALL)
    store.create(description)
    paths = store.paths.run(description)
    write(paths, 1, timed)
    return paths


def run_python(code: str, *arguments: str, timeout: float = 60) -> str:
    """Run code in a clean interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something that another process does. Fails after some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def affinity(pid: int) -> set[int]:
    """The cores that a process may use."""
    return os.sched_getaffinity(pid)

"""The healthcheck of a container: it tells well from ill."""

import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import make_run, spec, start, training

from deeprl_tui import ops
from deeprl_tui.core.events import Queued
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock

SCRIPT = Path(__file__).parents[3] / "docker" / "health.py"


@pytest.fixture(scope="module")
def health() -> Any:
    """The script as a module."""
    found = importlib.util.spec_from_file_location("docker_health", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Path]:
    """A data folder with a supervisor at work."""
    root = tmp_path / ops.RUNS
    root.mkdir()
    with FileLock.acquire(RootPaths(root).supervisor_lock, "supervisor"):
        yield tmp_path


def test_an_empty_data_folder_is_well(health: Any, tmp_path: Path) -> None:
    """Nothing was asked yet."""
    assert list(health.faults(tmp_path, time.time())) == []


def test_no_data_folder_is_ill(health: Any, tmp_path: Path) -> None:
    """It was unmounted."""
    assert list(health.faults(tmp_path / "gone", time.time())) == [
        f"{tmp_path}/gone: there is no such folder; mount one"
    ]


def test_a_worker_that_beats_is_well(health: Any, supervised: Path) -> None:
    """Its log grew just now."""
    paths = make_run(supervised / ops.RUNS, spec(), [(0.0, start()), *training(3)])
    with FileLock.acquire(paths.lock, "pid 1"):
        assert list(health.faults(supervised, time.time())) == []


def test_a_worker_that_lives_and_is_silent_is_ill(health: Any, supervised: Path) -> None:
    """A supervisor would have ended it: nobody looks."""
    paths = make_run(supervised / ops.RUNS, spec(), [(0.0, start()), *training(3)])
    now = time.time()
    os.utime(paths.events(1), (now - health.SILENT_S - 5, now - health.SILENT_S - 5))
    with FileLock.acquire(paths.lock, "pid 1"):
        (fault,) = health.faults(supervised, now)
    assert fault == f"{paths.folder}: its worker is silent for 365 s; see worker.log there"


def test_a_run_that_waits_for_nobody_is_ill(health: Any, tmp_path: Path) -> None:
    """The supervisor died, and nobody started another one."""
    make_run(tmp_path / ops.RUNS, spec(), [(0.0, Queued())])
    assert list(health.faults(tmp_path, time.time())) == [
        f"{tmp_path}/runs: no supervisor, and 1 runs wait; deeprl resume CP_basic/0"
    ]


def test_a_full_disk_is_ill(health: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next checkpoint would fail."""
    monkeypatch.setattr(health, "LITTLE_DISK", 10**18)
    (fault,) = health.faults(tmp_path, time.time())
    assert fault.endswith("MB free; checkpoints need more")

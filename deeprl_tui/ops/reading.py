"""What is known of runs: views, logs, and a feed that follows them."""

import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import RunDirectoryError
from deeprl_tui.monitor.feed import LocalFeed
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.runs import load
from deeprl_tui.runs.find import find_runs, worker_log
from deeprl_tui.runs.history import EventReader, FileFact, PrintReader, Told, files_of
from deeprl_tui.runs.store import RunStore
from deeprl_tui.supervisor.slots import cgroup_quota, usable_cores


def cores() -> tuple[int, ...]:
    """The cores that workers may be pinned to on this machine."""
    return usable_cores(os.sched_getaffinity(0), cgroup_quota())


def watch(root: Path, fleet: Fleet) -> LocalFeed:
    """Begin to follow a runs folder of this machine."""
    feed = LocalFeed(root, fleet, cores())
    feed.start()
    return feed


def views_of(root: Path) -> dict[RunId, RunView]:
    """Read all runs of a folder that can be read."""
    return {view.id: view for _, view in load.load_all(root) if isinstance(view, RunView)}


def read_runs(root: Path, patterns: Sequence[str] = ()) -> tuple[list[RunView], list[RunDirectoryError]]:
    """Read the runs that match, all without a pattern: views, and what cannot be read with the reason.

    Raises UnknownNameError for the first pattern without any run.
    """
    folders = [paths for _, paths in find_runs(root, patterns)] if patterns else RootPaths(root).runs()
    views, errors = [], []
    for _, found in load.load_each(folders):
        if isinstance(found, RunView):
            views.append(found)
        else:
            errors.append(found)
    return sorted(views, key=lambda view: view.id), errors


def run_log(root: Path, run: RunId, lines: int) -> list[str]:
    """The same of a run by its name; nothing if it is gone."""
    paths = RunStore(root).find(run)
    return worker_log(paths, lines) if paths is not None else []


class RunFiles:
    """What the runs of a folder tell beyond their curves. Safe to use from several threads, one at a time."""

    KEPT = 4
    """Runs whose place in their logs is remembered."""

    def __init__(self, root: Path) -> None:
        self._store = RunStore(root)
        self._lock = threading.Lock()
        self._readers: dict[RunId, tuple[RunPaths, EventReader, PrintReader]] = {}

    def told(self, run: RunView) -> list[Told]:
        """Its events in words, oldest first; nothing if it is gone."""
        with self._lock:
            readers = self._of(run)
            return readers[1].read() if readers else []

    def printed(self, run: RunView) -> list[str]:
        """What its workers printed, oldest first."""
        with self._lock:
            readers = self._of(run)
            return readers[2].read() if readers else []

    def files(self, run: RunView) -> list[FileFact]:
        """Its files with what they are."""
        paths = self._store.find(run.id)
        best = max(run.evals, key=lambda point: point.mean, default=None)
        return (
            files_of(paths, run.spec.env, checkpoint=run.checkpoint_step, best=best.step if best else None)
            if paths
            else []
        )

    def _of(self, run: RunView) -> tuple[RunPaths, EventReader, PrintReader] | None:
        found = self._readers.pop(run.id, None)
        if found is None or not found[0].folder.is_dir():
            paths = self._store.find(run.id)
            if paths is None:
                return None
            found = (paths, EventReader(paths, run.spec), PrintReader(paths.worker_log))
        self._readers[run.id] = found  # the newest last
        while len(self._readers) > self.KEPT:
            del self._readers[next(iter(self._readers))]
        return found


def clock() -> float:
    """Wall clock of this machine."""
    return time.time()


def clock_of(view: RunView) -> float:
    """The wall clock by which to judge a run without asking its host: of another one, what it said last."""
    return clock() if view.host in ("", socket.gethostname()) else view.last_seen

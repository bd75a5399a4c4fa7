#!/opt/deeprl/bin/python
"""Is this container well? Exit code 0, or 1 with a line for each thing that is wrong.

Rule: cheap enough for every half minute. Locks and the times of logs are looked at; logs are read only where
no supervisor is at work.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.machine import disk_free
from deeprl_tui.supervisor.decide import STALL_S

SILENT_S = STALL_S + 60
"""A worker beats once a second, and a supervisor ends one after STALL_S: so long only where nobody looks."""
LITTLE_DISK = 100 * 10**6


def faults(data: Path, now: float) -> Iterator[str]:
    """What is wrong with the runs in a data folder. now: seconds since 1970."""
    root = data / ops.RUNS
    if not data.is_dir():
        yield f"{data}: there is no such folder; mount one"
        return
    free = disk_free(data)
    if free < LITTLE_DISK:
        yield f"{data}: {free / 1e6:.0f} MB free; checkpoints need more"
    for paths in RootPaths(root).runs():
        silent = now - _grew(paths, now)
        if silent > SILENT_S and is_held(paths.lock):
            yield f"{paths.folder}: its worker is silent for {silent:.0f} s; see worker.log there"
    if root.is_dir() and os.access(root, os.W_OK) and not ops.supervised(root):
        views, _ = ops.list_runs(root)
        waiting = [view.id for view in views if isinstance(view.state, state.Queued | state.Lost)]
        if waiting:
            yield f"{root}: no supervisor, and {len(waiting)} runs wait; deeprl resume {waiting[0]}"


def _grew(paths: RunPaths, now: float) -> float:
    """When something was last written to the newest log of a run."""
    try:
        return paths.events(paths.attempts()[-1]).stat().st_mtime
    except (OSError, IndexError):
        return now


def main() -> int:
    """Look once."""
    try:
        found = list(faults(Path(os.environ.get("DEEPRL_DATA", "/mnt/data")), time.time()))
    except (DeeprlError, OSError) as error:
        found = [str(error)]
    for fault in found:
        print(fault)  # noqa: T201  docker keeps it: docker inspect shows it
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Getting runs going on this machine: a supervisor process, which nobody here must keep alive."""

import os
import subprocess
import sys
from pathlib import Path

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import is_held


def ensure_supervisor(
    root: Path, *, cores: int | None = None, detached: bool = True
) -> subprocess.Popen[bytes] | None:
    """Start a supervisor for a runs folder if it has none. Safe to call at any time.

    detached: in a session of its own, so that it outlives us.

    Two that start at once settle it by the lock: the second one ends with exit code 73.
    """
    paths = RootPaths(root)
    if is_held(paths.supervisor_lock):
        return None
    root.mkdir(parents=True, exist_ok=True)
    fd = os.open(paths.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "deeprl_tui.supervisor", str(root), *([str(cores)] if cores else [])],
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=fd,
            start_new_session=detached,
            cwd=root,
        )
    finally:
        os.close(fd)

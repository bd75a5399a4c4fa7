"""Getting runs going on this machine: a supervisor process, which nobody here must keep alive."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError
from deeprl_tui.runs.stats import Throughput

MEASURER = "deeprl_agents.measure"
"""Reached by name in a process of its own, so the tool has no import of the learner."""
START_S = 120.0
"""Importing the learner takes seconds, on a busy machine many."""
LEAVING = Path("/run/deeprl/farewell")
"""There while a machine of a cloud goes down, made by hosts/gce/startup.sh: nothing is begun on it then."""


def ensure_supervisor(
    root: Path, *, cores: int | None = None, detached: bool = True
) -> subprocess.Popen[bytes] | None:
    """Start a supervisor for a runs folder if it has none, unless the machine goes down. Safe at any time.

    detached: in a session of its own, so that it outlives us.

    Two that start at once settle it by the lock: the second one ends with exit code 73.
    """
    paths = RootPaths(root)
    if is_held(paths.supervisor_lock) or LEAVING.exists():
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


def measure(spec: RunSpec, seconds: float, core: int, project: Path) -> Throughput:
    """Train for some seconds on a core, in a process of its own. Raises DeeprlError if that fails.

    project: the folder of the run's own modules.
    """
    place = f"measuring {spec.env}"
    remedy = "deeprl doctor may say why; --no-measure plans without times"
    try:
        done = subprocess.run(
            [sys.executable, "-m", MEASURER, spec.to_json(), str(seconds), str(core), str(project)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_S + 4 * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeeprlError("took too long", place=place, remedy=remedy) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise DeeprlError(lines[-1][:300], place=place, remedy=remedy)
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
        return Throughput(float(found["steps_per_second"]), float(found["episode_length"]), 0)
    except (ValueError, LookupError, TypeError) as error:
        raise DeeprlError(f"no number came back ({error})", place=place, remedy=remedy) from None

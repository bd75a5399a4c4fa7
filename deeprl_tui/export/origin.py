"""Where results come from: the commit of the project, the machines and versions that the logs name."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.export.logs import Log

GIT_S = 5.0
COMPUTER = ("cpu", "processor", "threads", "kernel")
"""Parts of a start event's versions that are of the machine."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The state of the project's folder in git."""

    sha: str
    changed: bool  # files of the folder differ from the commit


@dataclass(frozen=True, slots=True)
class Place:
    """A machine with versions, and how many runs it trained."""

    host: str
    machine: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    backends: tuple[str, ...]
    runs: int


def commit(folder: Path) -> Commit | None:
    """The commit of a project's folder; None where there is no git or no commit."""
    sha = _git(folder, "rev-parse", "--verify", "HEAD")
    if not sha:
        return None
    return Commit(sha, bool(_git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")))


def places(logs: Iterable[Log]) -> list[Place]:
    """Machines with versions, those with most runs first; a run counts where its newest attempt was."""
    found: dict[tuple[object, ...], set[str]] = {}
    runs: dict[tuple[object, ...], int] = {}
    for log in logs:
        if not log.starts:
            continue
        start = log.starts[-1]
        machine = tuple((name, start.versions[name]) for name in COMPUTER if name in start.versions)
        versions = tuple(item for item in start.versions.items() if item[0] not in COMPUTER)
        key = (start.host, machine, versions)
        found.setdefault(key, set()).update(log.backends[-1:] or ([start.backend] if start.backend else []))
        runs[key] = runs.get(key, 0) + 1
    return sorted(
        (
            Place(str(key[0]), key[1], key[2], tuple(sorted(backends)), runs[key])  # type: ignore[arg-type]
            for key, backends in found.items()
        ),
        key=lambda place: -place.runs,
    )


def _git(folder: Path, *arguments: str) -> str:
    """What git says, nothing if it cannot. The folder's own settings start no program."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_S,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

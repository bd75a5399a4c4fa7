"""Which host a run lives on. A run directory that mirrors one elsewhere names that host in its file `host`.

Rule: only the host that a run lives on starts, stops or requeues it. Whether it is alive there is what that
host said last: a lock tells only about this machine.
"""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass

from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.text import clean

MOST_NAME = 64
MOST_STATE = 1 << 22


@dataclass(frozen=True, slots=True)
class Heard:
    """What a host said last."""

    at: float = 0.0  # wall clock of this machine; 0: never
    held: frozenset[RunId] = frozenset()  # runs with a living worker there


def home_of(paths: RunPaths) -> str:
    """The host that a run lives on; empty for this machine."""
    try:
        return read_small(paths.host, MOST_NAME).decode(errors="replace").strip()
    except OSError:
        return ""


def is_alive(paths: RunPaths) -> bool:
    """Whether a run has a living worker, here or, as far as was heard, where it lives."""
    home = home_of(paths)
    if not home:
        return is_held(paths.lock)
    return name_of(paths) in heard_of(RootPaths(paths.folder.parents[2]), home).held


def read_status(paths: RunPaths) -> str:
    """What a living worker waits for, said in a file that needs no space; empty if it trains."""
    try:
        return clean(read_small(paths.status, 256).decode(errors="replace")).strip()
    except OSError:
        return ""


def heard_of(root: RootPaths, host: str) -> Heard:
    """What was last heard of a host; nothing if that cannot be read."""
    try:
        body = json.loads(read_small(root.host_state(host), MOST_STATE))
        return Heard(float(body["at"]), frozenset(RunId.parse(run) for run in body["held"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Heard()


def remember(root: RootPaths, host: str, at: float, held: Collection[RunId]) -> None:
    """Keep what a host said. Raises OSError."""
    file = root.host_state(host)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(json.dumps({"at": at, "held": sorted(map(str, held))}), encoding="utf-8")
    fresh.replace(file)

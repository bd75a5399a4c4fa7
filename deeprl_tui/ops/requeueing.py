"""Runs of a host that is lost go on on others, from the newest checkpoint that is here of each.

Rule: a run is given to a free core, or stays; of several who would give it away one does.
"""

from collections.abc import Collection
from pathlib import Path

from deeprl_tui.core import state
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.fleet import FleetSnapshot
from deeprl_tui.ops.launching import speeds
from deeprl_tui.runs import stats
from deeprl_tui.runs.load import load_spec, load_view
from deeprl_tui.runs.moves import assign
from deeprl_tui.runs.spread import Room, spread


def requeue(root: Path, names: Collection[str], lost: str, snapshot: FleetSnapshot) -> dict[RunId, str]:
    """Give the open runs of a lost host to free cores of hosts that answer; which run goes where.

    names: the hosts of the project. The runs are sent later. What finds no free core waits for one, or for
    its own host. The lost host is told to give up what went when it is back.
    """
    found = {run: paths for run, paths in _open(root, lost, snapshot) if not _is_over(paths)}
    rooms = {
        view.name: Room(free)
        for view in snapshot.hosts
        if found and view.name in names and view.name != lost and not view.fault
        if (free := len(view.cores) - len(_open(root, view.name, snapshot))) > 0
    }
    if not rooms:
        return {}
    known = speeds(root)
    work: dict[RunId, float | None] = {}
    for run, paths in found.items():
        spec = load_spec(paths)
        eta = stats.expected(spec.settings, known.get(stats.kind(spec.env, spec.settings)))
        work[run] = eta.mid if eta else None
    first = sorted(work, key=lambda run: (-(work[run] or 0.0), run))[
        : sum(room.cores for room in rooms.values())
    ]
    went = {}
    for name, runs in spread({run: work[run] for run in first}, rooms).items():
        for run in runs:
            if assign(found[run], name, load_view(found[run], held=False).next_attempt, leaving=lost):
                went[run] = name
    return went


def _open(root: Path, name: str, snapshot: FleetSnapshot) -> list[tuple[RunId, RunPaths]]:
    """The runs of a host that are not known to be over."""
    known = snapshot.runs
    return [
        (run, paths)
        for run, paths in Mirror(root, name).runs()
        if run not in known or not state.is_over(known[run].state)
    ]


def _is_over(paths: RunPaths) -> bool:
    """Whether a run is over, as its log tells now."""
    return state.is_over(load_view(paths, held=False).state)

"""Runs spread over hosts, this machine among them: where each goes, and sending them there.

Rule: nothing is made before all of it could be made. A host that fails keeps none of the others from theirs.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.fleet import FleetSnapshot
from deeprl_tui.ops import launching
from deeprl_tui.ops.project import Request
from deeprl_tui.ops.remote import Hosts
from deeprl_tui.runs import stats
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.plan import check_memory
from deeprl_tui.runs.sites import speed
from deeprl_tui.runs.spread import Room, spread
from deeprl_tui.runs.store import Created, RunStore


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the runs of a launch on hosts."""

    ids: tuple[RunId, ...]
    told: Mapping[str, Mapping[RunId, str]]  # by host: "created", "already", or why not

    def many(self, what: str) -> int:
        """Runs that were `created`, or that were there `already`."""
        return sum(word == what for runs in self.told.values() for word in runs.values())

    @property
    def faults(self) -> list[tuple[str, RunId, str]]:
        """Host, run and reason, where it did not work."""
        return [
            (host, run, word)
            for host, runs in self.told.items()
            for run, word in runs.items()
            if word not in ("created", "already")
        ]


def rooms(snapshot: FleetSnapshot, names: Sequence[str], root: Path) -> dict[str, Room]:
    """What these hosts have to offer, as far as they speak.

    How fast one is, runs say that trained there; memory counts all that is free now.
    """
    known = {host.name: host for host in snapshot.hosts if host.cores and not host.fault}
    waiting = Counter(
        snapshot.homes.get(run, LOCAL)
        for run, view in snapshot.runs.items()
        if isinstance(view.state, state.Queued | state.Lost)
    )
    reference = {**launching.speeds(root), **stats.throughput(snapshot.runs.values())}
    return {
        name: Room(
            len(host.cores),
            len(host.held) + waiting[name],
            speed(host.machine, snapshot.runs.values(), reference),
            max(0, host.memory_total - host.memory_used),
            host.price,
        )
        for name in names
        if (host := known.get(name)) is not None
    }


def place(wanted: Sequence[RunSpec], root: Path, offered: Mapping[str, Room]) -> dict[str, list[RunId]]:
    """Say where runs go: those that are there stay where they live. Raises DeeprlError without any room."""
    if not any(room.cores for room in offered.values()):
        raise DeeprlError(
            "no host answers", place=", ".join(offered) or "hosts", remedy="deeprl hosts tells more"
        )
    speeds, store = launching.speeds(root), RunStore(root)
    placed: dict[str, list[RunId]] = {}
    work: dict[RunId, float | None] = {}
    for spec in wanted:
        paths = store.find(spec.id)
        if paths is not None:
            placed.setdefault(home_of(paths) or LOCAL, []).append(spec.id)
        else:
            eta = stats.expected(spec.settings, speeds.get(stats.kind(spec.env, spec.settings)))
            work[spec.id] = eta.mid if eta else None
    where = spread(work, offered)
    for home, ids in placed.items():
        where.setdefault(home, []).extend(ids)
    return {home: ids for home, ids in where.items() if ids}


def launch_on(
    request: Request,
    root: Path,
    offered: Mapping[str, Room],
    links: Hosts,
    *,
    start: Callable[[Path], object] | None = None,
) -> Sent:
    """Launch on hosts, the largest runs first, each where it will be done first.

    offered: the hosts that may be used, as `rooms` says. start: who sees that runs of this machine start;
    `supervise` by default. Raises RefusedError, before anything is made, as `launch` does, and for a run
    that alone needs more memory than its host has free.
    """
    specs = {spec.id: spec for spec in launching.specs(request, root)}
    store = RunStore(root)
    for spec in specs.values():
        store.check(spec)
    places = place(list(specs.values()), root, offered)
    for host, ids in places.items():
        fresh = (specs[run] for run in ids if not store.paths.run(specs[run]).spec.exists())
        check_memory(fresh, offered[host].memory if host in offered else 0, "" if host == LOCAL else host)
    told: dict[str, Mapping[RunId, str]] = {}
    for host, ids in places.items():
        wanted = [specs[run] for run in ids]
        if host == LOCAL:
            made = launching.launch_specs(wanted, root).made
            told[host] = {one.id: "created" if isinstance(one, Created) else "already" for one in made}
            (start or launching.supervise)(root)
            continue
        try:
            told[host] = links.launch(host, wanted)
        except DeeprlError as error:  # it is asked again when it answers
            told[host] = dict.fromkeys(ids, str(error))
    return Sent(tuple(specs), told)

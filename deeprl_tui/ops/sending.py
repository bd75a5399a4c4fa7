"""Runs spread over hosts, this machine among them: where each goes, and sending them there.

Rule: nothing is made before all of it could be made. A host that fails keeps none of the others from theirs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.fleet import HostView
from deeprl_tui.ops import launching
from deeprl_tui.ops.project import Request
from deeprl_tui.ops.remote import Hosts
from deeprl_tui.runs import stats
from deeprl_tui.runs.homes import home_of
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


def rooms(views: Iterable[HostView], names: Sequence[str]) -> dict[str, Room]:
    """What these hosts have to offer, as far as they speak."""
    known = {view.name: view for view in views if view.cores and not view.fault}
    return {name: Room(len(known[name].cores), len(known[name].held)) for name in names if name in known}


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
    `supervise` by default. Raises RefusedError, before anything is made, as `launch` does.
    """
    specs = {spec.id: spec for spec in launching.specs(request, root)}
    store = RunStore(root)
    for spec in specs.values():
        store.check(spec)
    told: dict[str, Mapping[RunId, str]] = {}
    for host, ids in place(list(specs.values()), root, offered).items():
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

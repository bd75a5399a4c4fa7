"""The hosts of a project: links to them, runs sent to them, and what is asked of runs there.

Rule: a run that is meant for a host is first made here, as a mirror without a log; what is here for a host
and was never started there is asked for again at each attach. Asking twice is harmless.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random

from deeprl_tui.config import Host, Project
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.config.text import shown, suggest
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.core.state import Lost, Queued
from deeprl_tui.errors import DeeprlError, UnknownNameError
from deeprl_tui.hosts import book, container, ssh
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.frames import Alive, Damaged, Glimpse, Hello
from deeprl_tui.monitor.hostview import host_order
from deeprl_tui.monitor.line import Line
from deeprl_tui.monitor.link import Link
from deeprl_tui.ops.absent import OLD_S, Absent, States
from deeprl_tui.ops.costs import Costs
from deeprl_tui.ops.pulling import Background
from deeprl_tui.runs.homes import heard_of, home_of, remember
from deeprl_tui.runs.load import load_spec
from deeprl_tui.runs.moves import left_host
from deeprl_tui.runs.store import RunStore

CALL_S = 30.0
FINISH_S = 5.0
ASK_AGAIN_S = 5.0
"""A host whose runs wait for a supervisor is asked for one at most so often."""
REMEMBER_S = 10.0
"""What a host said is kept at least so often, for those who look without a link."""


class Hosts:
    """The links of a project, each made when it is first needed."""

    def __init__(
        self,
        root: Path,
        project: str,
        hosts: Mapping[str, Host],
        fleet: Fleet | None = None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        old_after: Callable[[str], float | None] = lambda host: None,
        cloud: Callable[[str], States | None] = lambda label: None,
    ) -> None:
        """Know these hosts.

        old_after: a host that was asked in vain for so many seconds is not waited for: its runs go on
        elsewhere. None: never. cloud: what a cloud says of its machines; None: nothing.
        """
        self.hosts = dict(hosts)
        self._root = root
        self._project = project
        self._fleet = fleet or Fleet(wall)
        self._wall = wall
        self._monotonic = monotonic
        self._random = random or Random()  # noqa: S311  the wait before the next try
        for name in hosts:  # their runs are followed at once, and not first read to see whether they are over
            self._fleet.presume(name, heard_of(RootPaths(root), name).held)
        self._links: dict[str, Link] = {}
        self._remembered: dict[str, tuple[float, frozenset[RunId]]] = {}
        self._old_after = old_after
        self._absent = Absent(
            self._requeue,
            monotonic=monotonic,
            old=self._is_old,
            label=lambda host: self.hosts[host].gce if host in self.hosts else "",
            ask=cloud,
            told=self._fleet.fault,
        )
        self._costs = Costs(root, self.hosts, self._fleet.costs, wall=wall, monotonic=monotonic)
        self._supervised: dict[str, float] = {}  # when a host was asked for a supervisor
        self._ended: set[str] = set()  # hosts where a run ended a moment ago
        self._pulls = False
        self._backgrounds: dict[str, Background] = {}

    def link(self, name: str) -> Link:
        """The link to a host, connecting if it is new. Raises UnknownNameError."""
        if name not in self._links:
            self._links[name] = Link(
                name,
                *self._way(name),
                Mirror(self._root, name),
                self,
                monotonic=self._monotonic,
                random=self._random,
            )
            self._links[name].start()
        return self._links[name]

    def host(self, name: str) -> Host:
        """A host by its name. Raises UnknownNameError."""
        if name not in self.hosts:
            remedy = suggest(name, self.hosts) or "deeprl hosts names all"
            raise UnknownNameError("no such host", place=shown(name), remedy=remedy)
        return self.hosts[name]

    def chosen(self, patterns: Iterable[str], *, here: bool = False) -> list[str]:
        """The hosts of names and patterns, each once, those of a pattern in the order of their names.

        here: this machine may be named too; a pattern does not mean it. Raises UnknownNameError for the first
        that means none.
        """
        found: dict[str, None] = {}
        for pattern in patterns:
            if here and pattern == LOCAL:
                found[LOCAL] = None
                continue
            alike = sorted((name for name in self.hosts if fnmatchcase(name, pattern)), key=host_order)
            for name in alike or [self.host(pattern).name]:
                found[name] = None
        return list(found)

    def line(self, name: str) -> Line:
        """A connection of its own to a host, for files. Raises UnknownNameError."""
        return Line(name, *self._way(name), monotonic=self._monotonic)

    def _way(self, name: str) -> tuple[list[str], dict[str, Json]]:
        host = self.host(name)
        opening: dict[str, Json] = {"folder": self.folder(host), "cores": host.cores}
        words = container.serving(host, self.place(host)) if host.image else ssh.SERVE
        return ssh.command(host.address, words, options=ssh.options_of(host)), opening

    def pull_in_background(self) -> None:
        """Let checkpoints, models and the rest come by themselves from every host that is attached."""
        self._pulls = True

    def end_pulls(self) -> None:
        """Let nothing come by itself any more; what was begun goes on with the next pull."""
        self._pulls = False
        for background in self._backgrounds.values():
            background.close()
        self._backgrounds.clear()

    def _pull(self, name: str) -> None:
        """Look for files of a host, soon."""
        if not self._pulls or name not in self.hosts:
            return
        if name not in self._backgrounds:
            self._backgrounds[name] = Background(
                self._root,
                name,
                self.line(name),
                lambda coming: self._fleet.comes(name, coming),
                monotonic=self._monotonic,
            )
        self._backgrounds[name].kick()

    def folder(self, host: Host) -> str:
        """The project's folder, as a host sees it that speaks to us."""
        return container.DATA if host.image else self.place(host)

    def place(self, host: Host) -> str:
        """The project's folder on a host: named like the project, in letters that need no quotes."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", self._project).strip("-")
        return f"{host.root}/{plain or 'project'}"

    def again(self, name: str) -> None:
        """Make a link anew: what answers there is another one now."""
        old = self._links.pop(name, None)
        if old is not None:
            old.close()

    def attach(self, names: Iterable[str] | None = None) -> None:
        """Connect to these hosts, to all by default."""
        for name in self.hosts if names is None else names:
            self.link(name)

    def wake(self) -> None:
        """Try every host that is not connected now."""
        for link in self._links.values():
            link.kick()

    def finish(self) -> None:
        """Wait until the hosts have done what they were told when they were met, for a while."""
        for link in self._links.values():
            link.finish(FINISH_S)

    def close(self) -> None:
        """End the links; the runs go on."""
        self.end_pulls()
        for link in self._links.values():
            link.close()

    # -- what hosts say ----------------------------------------------------------------------------------

    def apply(self, host: str, frame: Hello | Alive | Damaged | Glimpse) -> None:
        """Take what is true of a host."""
        if isinstance(frame, Glimpse):
            paths = RunStore(self._root).find(frame.run)
            if paths is None or home_of(paths) != host:
                return  # it speaks of runs of its own only
        self._fleet.apply(host, frame)
        match frame:
            case Hello():
                self._absent.spoke(host)
                self._remembered.pop(host, None)
                self._retire(host)
                self._send_again(host)
                self._pull(host)
            case Alive(held=held, supervisor=supervisor):
                if not supervisor:
                    self._supervise(host)
                at, before = self._remembered.get(host, (0.0, None))
                if held != before or self._wall() - at >= REMEMBER_S:
                    self._remembered[host] = (self._wall(), held)
                    self._costs.look(host)
                    with contextlib.suppress(OSError):  # a full disk here: the link says so
                        remember(RootPaths(self._root), host, self._wall(), held)
                if before is None or before - held:  # its logs are here now; or runs ended, or had to
                    self._pull(host)
                    self._ended.add(host)
                    self._absent.look_again()
                elif host in self._ended:  # once more: last words come a moment after the lock is free
                    self._ended.discard(host)
                    self._pull(host)

    def fault(self, host: str, why: str, *, passing: bool = False) -> None:
        """Nothing arrives from a host. Too long, or its machine is off, and its runs go on elsewhere."""
        told = self._absent.silent(host, why)
        self._fleet.fault(host, told, passing=passing and told == why)
        self._costs.look(host)

    def _is_old(self, host: str, silent: float) -> bool:
        after, heard = self._old_after(host), heard_of(RootPaths(self._root), host).at
        return after is not None and bool(heard) and silent > after and self._wall() - heard > after

    def _requeue(self, host: str) -> Mapping[RunId, str]:
        from deeprl_tui.ops.requeueing import requeue  # hosts are seldom lost

        went = requeue(self._root, self.hosts, host, self._fleet.snapshot())
        for name in set(went.values()):
            self._pull(name)
        return went

    def warn(self, host: str, what: str) -> None:
        """Something is wrong with a host that speaks."""
        self._fleet.warn(host, what)

    # -- what is asked of them ---------------------------------------------------------------------------

    def call(self, host: str, op: str, args: Mapping[str, Json], timeout: float = CALL_S) -> Json:
        """Ask a host. Raises HostError, or what it refuses."""
        return self.link(host).call(op, args, timeout)

    def launch(self, host: str, specs: Sequence[RunSpec]) -> dict[RunId, str]:
        """Send runs to a host; what became of each: "created", "already", or why not.

        Raises RefusedError, before anything is made, for a run that lives elsewhere or has other settings.
        """
        store, mirror = RunStore(self._root), Mirror(self._root, host)
        for spec in specs:
            store.check(spec)
        for spec in specs:
            mirror.describe(spec.id, spec.to_json().encode())
        return self._ask_to_launch(self.link(host), specs)

    def _retire(self, host: str) -> None:
        """Let a host give up what has moved away from it, each time that it is met."""
        for _, paths, attempt in left_host(self._root, host):
            with contextlib.suppress(DeeprlError, OSError):
                args: dict[str, Json] = {"spec": load_spec(paths).to_json(), "attempt": attempt}
                self.link(host).post("retire", args)

    def _supervise(self, host: str) -> None:
        """Ask a host without a supervisor for one if runs of it wait: it was switched off, for one."""
        now = self._monotonic()
        if now - self._supervised.get(host, -ASK_AGAIN_S) < ASK_AGAIN_S:
            return
        store = RunStore(self._root)
        for run, view in self._fleet.snapshot().runs.items():
            if isinstance(view.state, Queued | Lost):
                paths = store.find(run)
                if paths is not None and home_of(paths) == host:
                    self._supervised[host] = now
                    self.link(host).post("supervise", {})
                    return

    def _send_again(self, host: str) -> None:
        """Ask for runs that were made here for this host and never began there."""
        waiting = []
        for _, paths in Mirror(self._root, host).runs():
            with contextlib.suppress(DeeprlError, OSError):  # one that is damaged holds up no other
                if not paths.attempts():
                    waiting.append(RunSpec.from_json(paths.spec.read_bytes(), place=str(paths.spec)))
        if waiting:
            self.link(host).post("launch", {"specs": [spec.to_json() for spec in waiting]})

    @staticmethod
    def _ask_to_launch(link: Link, specs: Sequence[RunSpec]) -> dict[RunId, str]:
        told = link.call("launch", {"specs": [spec.to_json() for spec in specs]}, CALL_S)
        if not isinstance(told, dict):
            raise DeeprlError("answered something else", place="launch")
        return {RunId.parse(run): str(what) for run, what in told.items()}


def hosts_of(root: Path, project: Project | None, fleet: Fleet | None = None) -> Hosts:
    """All hosts of a project, not connected yet."""
    listed = project.hosts if project else {}
    name = project.name if project else root.resolve().parent.name
    known = book.known_hosts(root, listed)
    clouds = {host.name for host in known.values() if host.gce}  # these vanish; others are waited for
    return Hosts(
        root, name, known, fleet, old_after=lambda host: OLD_S if host in clouds else None, cloud=_cloud
    )


def _cloud(label: str) -> States | None:
    from deeprl_tui.ops.cloud import states  # most dashboards never ask

    return states(label)

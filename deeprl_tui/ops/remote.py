"""The hosts of a project: links to them, runs sent to them, and what is asked of runs there.

Rule: a run that is meant for a host is first made here, as a mirror without a log; what is here for a host
and was never started there is asked for again at each attach. Asking twice is harmless.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from deeprl_tui.config import Host, Project
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.errors import DeeprlError, UnknownNameError
from deeprl_tui.hosts import book, ssh
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.feed import LocalFeed
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.frames import Alive, Damaged, Hello
from deeprl_tui.monitor.link import Link
from deeprl_tui.ops import reading
from deeprl_tui.runs.homes import remember
from deeprl_tui.runs.store import RunStore

CALL_S = 30.0
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
        grown: Callable[[], None] = lambda: None,
    ) -> None:
        self.hosts = dict(hosts)
        self._root = root
        self._project = project
        self._fleet = fleet or Fleet(wall)
        self._wall = wall
        self._monotonic = monotonic
        self._random = random or Random()  # noqa: S311  the wait before the next try
        self._grown = grown
        self._links: dict[str, Link] = {}
        self._remembered: dict[str, tuple[float, frozenset[RunId]]] = {}

    def link(self, name: str) -> Link:
        """The link to a host, connecting if it is new. Raises UnknownNameError."""
        if name not in self._links:
            host = self.hosts.get(name)
            if host is None:
                raise UnknownNameError("no such host", place=name, remedy="deeprl hosts names all")
            opening: dict[str, Json] = {"folder": self.folder(host), "cores": host.cores}
            self._links[name] = Link(
                name,
                ssh.command(host.address, options=ssh.options_of(host)),
                opening,
                Mirror(self._root, name),
                self,
                monotonic=self._monotonic,
                random=self._random,
                grown=self._grown,
            )
            self._links[name].start()
        return self._links[name]

    def folder(self, host: Host) -> str:
        """The project's folder on a host: named like the project, in letters that need no quotes."""
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", self._project).strip("-")
        return f"{host.root}/{plain or 'project'}"

    def again(self, name: str) -> None:
        """Make a link anew: what answers there is another one now."""
        old = self._links.pop(name, None)
        if old is not None:
            old.close()

    def attach(self, names: Iterable[str] = ()) -> None:
        """Connect to these hosts, to all by default."""
        for name in names or self.hosts:
            self.link(name)

    def wake(self) -> None:
        """Try every host that is not connected now."""
        for link in self._links.values():
            link.kick()

    def close(self) -> None:
        """End the links; the runs go on."""
        for link in self._links.values():
            link.close()

    # -- what hosts say ----------------------------------------------------------------------------------

    def apply(self, host: str, frame: Hello | Alive | Damaged) -> None:
        """Take what is true of a host."""
        self._fleet.apply(host, frame)
        match frame:
            case Hello():
                self._send_again(host)
            case Alive(held=held):
                at, before = self._remembered.get(host, (0.0, None))
                if held != before or self._wall() - at >= REMEMBER_S:
                    self._remembered[host] = (self._wall(), held)
                    with contextlib.suppress(OSError):  # a full disk here: the link says so
                        remember(RootPaths(self._root), host, self._wall(), held)

    def fault(self, host: str, why: str) -> None:
        """Nothing arrives from a host."""
        self._fleet.fault(host, why)

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


class Everywhere:
    """The feed of a dashboard: this machine's runs folder, and all hosts of the project."""

    def __init__(self, local: LocalFeed, hosts: Hosts) -> None:
        self._local = local
        self.hosts = hosts

    def wake(self) -> None:
        """Look at once."""
        self._local.wake()
        self.hosts.wake()

    def close(self) -> None:
        """End."""
        self.hosts.close()
        self._local.close()


def hosts_of(root: Path, project: Project | None, fleet: Fleet | None = None) -> Hosts:
    """All hosts of a project, not connected yet."""
    listed = project.hosts if project else {}
    name = project.name if project else root.resolve().parent.name
    return Hosts(root, name, book.known_hosts(root, listed), fleet)


def watch_everywhere(project: Project | None, root: Path, fleet: Fleet) -> Everywhere:
    """Begin to follow a runs folder and the hosts that its project knows."""
    local = reading.watch(root, fleet)
    hosts = hosts_of(root, project, fleet)
    hosts.attach()
    return Everywhere(local, hosts)

"""Machines in the cloud as hosts of a project: raised, listed with what they cost, taken down.

Rule: a machine with results that are not here is taken down by force only. What is known of it without a
connection decides: its runs as they are mirrored, and what it said last.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.config import Host, Project
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import is_over, word
from deeprl_tui.errors import ConfigError, DeeprlError, RefusedError, UnknownNameError
from deeprl_tui.hosts import book
from deeprl_tui.hosts.gce import home
from deeprl_tui.hosts.gce.access import Access
from deeprl_tui.hosts.gce.client import CloudError, Gcloud
from deeprl_tui.hosts.gce.machines import Machines, Raised
from deeprl_tui.hosts.gce.vm import GOING, STOPPED, Vm, Wanted, check_name, label_for
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.moves import is_home, read_pulled


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and what it holds."""

    vm: Vm
    age: float  # seconds
    spent: float | None  # US dollars, at most; None: unknown
    away: tuple[tuple[RunId, str], ...]  # runs on it that are not home, and why


class Cloud:
    """The machines of one project."""

    def __init__(
        self,
        root: Path,
        project: Project | None,
        *,
        cloud: str = "",
        say: Callable[[str], None] = lambda _: None,
        wall: Callable[[], float] = time.time,
        tunnel: bool = False,
    ) -> None:
        """cloud: project of Google Cloud; by default the one that machines were made in, else gcloud's own.
        tunnel: ssh goes through Identity-Aware Proxy. Raises ValueError for what is no project there.
        """
        self.label = label_for(project.name if project else root.resolve().parent.name)
        self._root = root
        self._listed = dict(project.hosts) if project else {}
        self._wall = wall
        self._access = Access(home() / self.label, wall=wall)
        gcloud = Gcloud(cloud or self._access.cloud)
        self._cloud = cloud
        self._machines = Machines(gcloud, self._access, say=say, tunnel=tunnel)

    def commands(self, wanted: Wanted) -> tuple[list[str], list[list[str]]]:
        """What `raise_` would do if there were no machine yet: lines for a shell, and calls of gcloud."""
        return self._access.script(), self._machines.commands(wanted)

    def raise_(self, wanted: Wanted) -> Raised:
        """Bring the machines to what is wanted, and make hosts of them.

        Raises CloudError, and RefusedError if there are machines in another project of Google Cloud.
        """
        before = self._access.cloud
        moved = bool(self._cloud and before and before != self._cloud)
        if moved and Machines(Gcloud(before), self._access).there(self.label):
            fault = f"its machines are in {before}"
            raise RefusedError(fault, place=self.label, remedy="take them down first")
        raised = self._machines.raise_(wanted, free=lambda name: not not_home(self._root, name))
        for vm in raised.vms:
            if vm.address:
                self._register(vm)
        return raised

    def machines(self, everywhere: bool = False) -> list[Machine]:
        """The machines of this project, or of all, with what they cost so far. Raises CloudError."""
        return self.look(self._machines.there("" if everywhere else self.label))

    def look(self, vms: Iterable[Vm]) -> list[Machine]:
        """What these machines cost so far, and what they hold."""
        now = self._wall()
        return [
            Machine(
                vm,
                max(0.0, now - vm.created),
                vm.spent(now),
                tuple(not_home(self._root, vm.name)) if vm.project == self.label else (),
            )
            for vm in vms
        ]

    def choose(self, names: Collection[str]) -> list[Machine]:
        """The machines of these names, all without any. Raises UnknownNameError."""
        there = self.machines()
        unknown = [name for name in names if name not in {machine.vm.name for machine in there}]
        if unknown:
            raise UnknownNameError("no such machine", place=unknown[0], remedy="deeprl gce ls names all")
        return [machine for machine in there if not names or machine.vm.name in names]

    def deletions(self, machines: Sequence[Machine]) -> list[list[str]]:
        """What `take_down` would call."""
        return self._machines.deletions([machine.vm for machine in machines])

    def take_down(self, machines: Sequence[Machine]) -> tuple[tuple[str, ...], Sequence[CloudError]]:
        """Delete machines with their disks, and forget them as hosts; which are left, and why."""
        left, faults = self._machines.delete([machine.vm for machine in machines], self.label)
        names = {vm.name for vm in left}
        for machine in machines:
            if machine.vm.name not in names:
                self._forget(machine.vm.name)
        return tuple(sorted(names)), faults

    def forget_deleted(self) -> None:
        """Forget hosts whose machines are gone: deleted by a command that was killed, or elsewhere.

        One with runs that are not home stays known. Raises CloudError.
        """
        there = {vm.name for vm in self._machines.there(self.label)}
        for name, host in book.known_hosts(self._root, {}).items():
            if host.gce == self.label and name not in there and not not_home(self._root, name):
                self._forget(name)

    def _forget(self, name: str) -> None:
        with contextlib.suppress(DeeprlError):
            book.remove(self._root, name, self._listed)

    def _register(self, vm: Vm) -> None:
        host = Host(vm.name, check_name(vm.name), price=vm.price, made=vm.created or None, gce=self.label)
        known = book.known_hosts(self._root, self._listed).get(vm.name)
        if known != host and vm.name not in self._listed:
            with contextlib.suppress(ConfigError):
                book.add(self._root, host)


def states(label: str) -> dict[str, str] | None:
    """The machines of a project, and for those that are off the word; None if the cloud does not tell.

    Nothing is asked without a note of where they were made: other projects of Google Cloud know none of them.
    """
    try:
        access = Access(home() / label)
        if not access.cloud:
            return None
        there = Machines(Gcloud(access.cloud), access).there(label)
    except (DeeprlError, OSError):
        return None
    return {vm.name: vm.word if vm.state in STOPPED | GOING else "" for vm in there}


def not_home(root: Path, host: str) -> list[tuple[RunId, str]]:
    """Runs that live on a host and are not all here, and why."""
    found = []
    for run, paths in Mirror(root, host).runs():
        if why := _missing(paths):
            found.append((run, why))
    return sorted(found)


def _missing(paths: RunPaths) -> str:
    try:
        view = load_view(paths)
    except DeeprlError as error:
        return error.fault
    if not is_over(view.state):
        return f"last seen {word(view.state)}"
    if is_home(paths):
        return ""
    refused = next(iter(read_pulled(paths).refused.items()), None)
    return f"{refused[0]} {refused[1][1]}" if refused else "its files are not here"

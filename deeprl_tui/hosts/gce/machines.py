"""Bringing a project's machines to what is wanted, and away again.

Rule: list, do what is missing, list again, whatever a command returned: a part of it may be done. A zone that
is out and a region whose quota is used up are left for the next one; nothing is tried for ever.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from deeprl_tui.core.spec import Json
from deeprl_tui.hosts.gce.access import Access
from deeprl_tui.hosts.gce.client import CloudError, Gcloud
from deeprl_tui.hosts.gce.quota import assign, room_in
from deeprl_tui.hosts.gce.vm import STOPPED, Vm, Wanted, check_name, decode, listing, region_of

AT_ONCE: Final = 4
"""Calls of gcloud at a time: each is a process that takes seconds of a core."""
TRIES: Final = 3
"""So often something is asked again that the cloud did not answer properly."""
AGAIN_S: Final = 2.0
READY_S: Final = 240.0
"""A machine that has not published its host key after so long is left for the next request."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What there is after a request for machines."""

    vms: tuple[Vm, ...]  # all of the project
    made: tuple[str, ...]
    started: tuple[str, ...]
    missing: tuple[str, ...]  # wanted, and not there or not to be reached
    faults: tuple[CloudError, ...]  # why


class Machines:
    """The machines of one project."""

    def __init__(
        self,
        cloud: Gcloud,
        access: Access,
        *,
        say: Callable[[str], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        startup: Path | None = None,
        tunnel: bool = False,
    ) -> None:
        """tunnel: ssh goes through Identity-Aware Proxy."""
        self._cloud = cloud
        self._access = access
        self._say = say
        self._monotonic = monotonic
        self._sleep = sleep
        self._startup = startup or startup_script()
        self._tunnel = tunnel

    def there(self, project: str = "") -> list[Vm]:
        """The machines of a project of this tool, of all by default.

        Raises CloudError rather than leave one out.
        """
        for left in reversed(range(TRIES)):
            answer, error = self._cloud.try_call(*listing(project))
            if error is None:
                break
            if error.kind != "busy" or not left:
                raise error
            self._sleep(AGAIN_S)
        return [vm for vm in decode(answer) if not project or vm.project == project]

    def commands(self, wanted: Wanted) -> list[list[str]]:
        """What would be called if there were nothing yet. Touches nothing."""
        calls = [self._cloud.words(*listing(wanted.project))]
        calls += [self._cloud.words(*_region(region)) for region in sorted(set(map(region_of, wanted.zones)))]
        spread = assign(wanted.names, wanted.zones, {}, {})
        calls += [self._cloud.words(*self._create(wanted, names, zone)) for zone, names in spread.items()]
        calls.append(self._cloud.words(*listing(wanted.project)))
        return calls + [
            self._cloud.words(*_attributes(name, zone)) for zone, names in spread.items() for name in names
        ]

    def raise_(self, wanted: Wanted, free: Callable[[str], bool] = lambda _: False) -> Raised:
        """Bring the machines to what is wanted. Raises CloudError where nothing can be done at all.

        free: whether a machine has nothing that is not home: one that cannot start again is made anew then.
        """
        self._access.prepare()
        before = now = self.there(wanted.project)
        out, faults = self._access.outs(), list[CloudError]()
        if out >= set(wanted.zones):
            out = set()
        stopped = [vm for vm in before if vm.name in wanted.names and vm.state in STOPPED]
        if stopped:
            now = self._start(stopped, wanted, out, faults, free)
        after = self._make(wanted, now, out, faults)
        reached = self._learn([vm for vm in after if vm.state == "RUNNING"], faults)
        self._access.write(after, tunnel=self._tunnel, project=self._cloud.project)
        faults += [
            CloudError(f"is {vm.state.lower()}", place=vm.name, remedy="repeat the command in a minute")
            for vm in after
            if vm.name in wanted.names and vm.state not in STOPPED | {"RUNNING"}
        ]
        there = {vm.name for vm in before}
        return Raised(
            tuple(after),
            tuple(vm.name for vm in after if vm.name not in there),
            tuple(vm.name for vm in stopped if vm.name in reached),
            tuple(name for name in wanted.names if name not in reached),
            tuple(faults),
        )

    def delete(self, vms: Sequence[Vm], project: str) -> tuple[list[Vm], list[CloudError]]:
        """Delete machines of a project with their disks; those of them that are left, and why.

        Raises CloudError.
        """
        done = self._each([_delete(names, zone) for zone, names in by_zone(vms).items()])
        now = self.there(project)
        self._access.write(now)
        ids = {vm.id for vm in vms}
        return [vm for vm in now if vm.id in ids], [error for _, error in done if error]

    def deletions(self, vms: Sequence[Vm]) -> list[list[str]]:
        """What `delete` would call."""
        return [self._cloud.words(*_delete(names, zone)) for zone, names in by_zone(vms).items()]

    # -- the steps of a request --------------------------------------------------------------------------

    def _start(
        self,
        vms: Sequence[Vm],
        wanted: Wanted,
        out: set[str],
        faults: list[CloudError],
        free: Callable[[str], bool],
    ) -> list[Vm]:
        """Start machines that are off, with what is on their disks; what there is then.

        One whose zone is out is deleted if it holds nothing, so that it is made elsewhere.
        """
        zones = by_zone(vms)
        calls = [["instances", "start", *names, f"--zone={zone}"] for zone, names in zones.items()]
        full = set()
        for zone, (_, error) in zip(zones, self._each(calls), strict=True):
            if error is None:
                self._say(f"started {', '.join(zones[zone])} in {zone}")
                continue
            self._note(zone, error, faults)
            if error.kind == "zone":
                full.add(zone)
        now = self.there(wanted.project)
        stuck = [vm for vm in now if vm.zone in full and vm.name in wanted.names and vm.state in STOPPED]
        if not stuck:
            return now
        out |= full
        self._access.note_out(full)
        empty = [vm for vm in stuck if free(vm.name)]
        for vm in stuck:
            if vm not in empty:
                self._say(f"{vm.name} cannot start, and results on it are not home: it stays as it is")
        self._each([_delete(names, zone) for zone, names in by_zone(empty).items()])
        return self.there(wanted.project)

    def _make(self, wanted: Wanted, vms: list[Vm], out: set[str], faults: list[CloudError]) -> list[Vm]:
        """Make what is missing; what there is then. vms: what there is now."""
        rooms: dict[str, int] | None = None
        first = Counter[str]()
        taken: set[str] = set()  # names that somebody else's machines have
        tried: dict[str, list[str]] = {}
        for _ in range(len(wanted.zones) + TRIES):
            there = {vm.name for vm in vms}
            taken |= {name for names in tried.values() for name in names} - there
            missing = [name for name in wanted.names if name not in there | taken]
            if not missing:
                break
            if rooms is None:
                rooms = self._rooms(wanted, faults)
                first = Counter(vm.region for vm in vms)
            here = Counter(vm.region for vm in vms)
            left = {region: room - here[region] + first[region] for region, room in rooms.items()}
            held = {zone: sum(vm.zone == zone for vm in vms) for zone in wanted.zones}
            spread = assign(missing, [zone for zone in wanted.zones if zone not in out], held, left)
            for zone, names in spread.items():
                self._say(f"making {', '.join(names)} in {zone}")
            calls = [self._create(wanted, names, zone) for zone, names in spread.items()]
            errors = {
                zone: error for zone, (_, error) in zip(spread, self._each(calls), strict=True) if error
            }
            for zone, error in errors.items():
                self._note(zone, error, faults)
            zones = {zone for zone, error in errors.items() if error.kind == "zone"}
            if zones:
                out |= zones
                self._access.note_out(zones)
            rooms |= {
                region_of(zone): -wanted.count for zone, error in errors.items() if error.kind == "quota"
            }
            tried = {zone: spread[zone] for zone, error in errors.items() if error.kind == "exists"}
            hopeless = {error.kind for error in errors.values()} - {"zone", "quota", "exists", "busy"}
            if not spread:
                break
            vms = self.there(wanted.project)
            if hopeless:
                break
        return vms

    def _note(self, zone: str, error: CloudError, faults: list[CloudError]) -> None:
        self._say(f"{zone}: {error.fault}")
        faults.append(CloudError(error.fault, place=zone, remedy=error.remedy, kind=error.kind))

    def _rooms(self, wanted: Wanted, faults: list[CloudError]) -> dict[str, int]:
        """How many machines more each region lets us have."""
        regions = sorted({region_of(zone) for zone in wanted.zones})
        rooms = {}
        answers = self._each([_region(region) for region in regions])
        for region, (answer, error) in zip(regions, answers, strict=True):
            if error is not None:
                continue  # creating will tell
            room, why = room_in(answer, wanted)
            if room is not None:
                rooms[region] = room
                if room < wanted.count:
                    faults.append(
                        CloudError(
                            f"the quota {why} leaves room for {room} more such machines",
                            place=region,
                            remedy="other zones, smaller machines, or more quota: "
                            "https://console.cloud.google.com/iam-admin/quotas",
                            kind="quota",
                        )
                    )
        return rooms

    def _learn(self, vms: Sequence[Vm], faults: list[CloudError]) -> set[str]:
        """Wait for the host keys of machines; the names of those that can be reached."""
        known = self._access.host_keys()
        waiting = [vm for vm in vms if vm.id not in known]
        reached = {vm.name for vm in vms if vm.id in known}
        deadline = self._monotonic() + READY_S
        if waiting:
            self._say(f"waiting for the host keys of {', '.join(vm.name for vm in waiting)}")
        while waiting:
            answers = self._each([_attributes(vm.name, vm.zone) for vm in waiting])
            for vm, (answer, _) in zip(list(waiting), answers, strict=True):
                if self._access.learn(vm, answer):
                    waiting.remove(vm)
                    reached.add(vm.name)
            if not waiting or self._monotonic() > deadline:
                break
            self._sleep(3.0)
        faults += [
            CloudError(
                "has not published its host key", place=vm.name, remedy="repeat the command in a minute"
            )
            for vm in waiting
        ]
        return reached

    def _create(self, wanted: Wanted, names: Sequence[str], zone: str) -> list[str]:
        files = {"startup-script": self._startup, "ssh-keys": self._access.public}
        return wanted.create(names, zone, files)

    def _each(self, calls: Sequence[Sequence[str]]) -> list[tuple[Json, CloudError | None]]:
        """Call each, some at a time."""
        if not calls:
            return []
        from concurrent.futures import ThreadPoolExecutor  # most commands never come here

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda words: self._cloud.try_call(*words), calls))


def startup_script() -> Path:
    """What a machine does when it starts."""
    return Path(str(resources.files("deeprl_tui.hosts.gce").joinpath("startup.sh")))


def _region(region: str) -> list[str]:
    return ["regions", "describe", region]


def _delete(names: Sequence[str], zone: str) -> list[str]:
    return ["instances", "delete", *map(check_name, names), f"--zone={zone}", "--delete-disks=all"]


def _attributes(name: str, zone: str) -> list[str]:
    return [
        "instances",
        "get-guest-attributes",
        check_name(name),
        f"--zone={zone}",
        "--query-path=hostkeys/",
    ]


def by_zone(vms: Iterable[Vm]) -> dict[str, list[str]]:
    """The names of machines by their zones."""
    zones: dict[str, list[str]] = {}
    for vm in vms:
        zones.setdefault(vm.zone, []).append(vm.name)
    return zones

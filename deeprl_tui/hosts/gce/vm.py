"""Machines: what is wanted, what there is, and the words that make one of the other.

Rule: names are made from the project and a number, so a second request finds the machines of the first. What
the cloud tells is checked piece by piece; a machine that makes no sense is left out, never acted on.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from deeprl_tui.core.spec import Json
from deeprl_tui.hosts.gce import prices

LABEL: Final = "deeprl"
"""The label of every machine that this tool made; its value is the project."""
USER: Final = "deeprl"
"""Who works on a machine."""

NAME: Final = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
ZONE: Final = re.compile(r"(?P<region>[a-z]+-[a-z]+[0-9]{1,2})-[a-z][a-z0-9]{0,7}")
TYPE: Final = re.compile(r"[a-z][a-z0-9]{0,9}(?:-[a-z0-9]{1,12}){1,4}")
GPU: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+){0,5}")
IMAGE: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
ACCOUNT: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}@[a-z0-9][a-z0-9.-]{0,100}")
HYPERDISK: Final = ("n4", "c4", "c4a", "c4d", "a4", "g4")
"""Machine families that take no older disks."""
BUILT_IN: Final = ("g2", "g4", "a2", "a3", "a4")
"""Machine families that come with their GPUs."""

STOPPED: Final = frozenset({"TERMINATED", "STOPPED", "SUSPENDED"})
PAID: Final = frozenset({"PROVISIONING", "STAGING", "RUNNING", "STOPPING", "REPAIRING"})
GOING: Final = frozenset({"STOPPING", "SUSPENDING", "DEPROVISIONING"})
"""On their way off."""
STATES: Final = STOPPED | PAID | GOING | {"PENDING"}
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Vm:
    """A machine, as a listing tells it. Times are seconds since 1970."""

    name: str
    id: str
    zone: str
    type: str
    state: str
    address: str = ""  # where ssh reaches it; empty: nowhere
    project: str = ""  # value of its label
    cloud: str = ""  # id of its project in Google Cloud; empty: not told
    spot: bool = False
    gpu: str = ""
    gpus: int = 0
    created: float = 0.0
    started: float | None = None
    stopped: float | None = None

    @property
    def region(self) -> str:
        """The region of its zone."""
        return region_of(self.zone)

    @property
    def word(self) -> str:
        """Its state, for people: what Google calls terminated can be started again."""
        return "off" if self.state in STOPPED else self.state.lower()

    @property
    def price(self) -> float | None:
        """US dollars for an hour while it is on; None if unknown."""
        gpu = "" if self.type.split("-")[0] in BUILT_IN else self.gpu
        return prices.hourly(self.type, self.region, spot=self.spot, gpu=gpu, gpus=self.gpus)

    def hours(self, now: float) -> float:
        """How long it was on, at most: only its last pause is known."""
        pause = 0.0
        if self.started and self.stopped and self.started > self.stopped:
            pause = self.started - self.stopped
        until = self.stopped if self.state in STOPPED and self.stopped else now
        return max(0.0, until - self.created - pause) / 3600

    def spent(self, now: float) -> float | None:
        """US dollars so far, at most; None if its price is unknown."""
        return None if self.price is None else self.price * self.hours(now)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Machines that somebody asks for. Raises ValueError for values that no machine can have."""

    project: str  # a label: see `label_for`
    count: int
    type: str = "t2d-standard-4"
    zones: tuple[str, ...] = ("us-central1-a", "us-central1-b", "us-central1-c")
    spot: bool = False
    gpu: str = ""
    gpus: int = 1
    idle_minutes: int = 30  # 0: never off by itself
    max_hours: float = 24.0  # Google stops it then, whatever else is broken; 0: never
    image: str = ""  # family; empty: one that fits
    image_project: str = ""
    disk: int = 0  # GB; 0: what fits
    account: str = ""  # service account; empty: none, so that the machine may do nothing in the cloud

    def __post_init__(self) -> None:
        checks: list[tuple[str, str, re.Pattern[str]]] = [
            ("machine type", self.type, TYPE),
            *(("zone", zone, ZONE) for zone in self.zones),
            *((what, text, rule) for what, text, rule in self._optional() if text),
        ]
        for what, text, rule in checks:
            if not rule.fullmatch(text):
                raise ValueError(f"{text!r} is not a {what}")
        if not self.zones or len(set(self.zones)) < len(self.zones):
            raise ValueError("name each zone once, for example us-central1-a,us-central1-b")
        if not 1 <= self.count <= MOST or not 1 <= self.gpus <= 16:
            raise ValueError(f"there can be 1 to {MOST} machines with 1 to 16 GPUs")
        if not 0 <= self.idle_minutes <= 10_000 or not 0 <= self.max_hours <= 2000:
            raise ValueError("idle minutes may be up to 10000, hours up to 2000")
        if self.max_hours and self.max_hours < 1 / 60:
            raise ValueError("a machine runs for at least a minute")
        if label_for(self.project) != self.project:
            raise ValueError(f"{self.project!r} cannot be a label")

    def _optional(self) -> list[tuple[str, str, re.Pattern[str]]]:
        return [
            ("GPU type", self.gpu, GPU),
            ("image family", self.image, IMAGE),
            ("image project", self.image_project, IMAGE),
            ("service account", self.account, ACCOUNT),
        ]

    @property
    def names(self) -> list[str]:
        """The names of the machines, always the same."""
        return [f"{self.project}-{number}" for number in range(1, self.count + 1)]

    def create(self, names: Sequence[str], zone: str, files: Mapping[str, Path]) -> list[str]:
        """The words that make machines in a zone. files: metadata by key, and where it stands."""
        family = self.type.split("-")[0]
        image, of = ("debian-12", "debian-cloud")
        if self.gpu or family in BUILT_IN:
            image, of = ("ubuntu-accelerator-2404-amd64-with-nvidia-580", "ubuntu-os-accelerator-images")
        metadata = {
            "enable-guest-attributes": "TRUE",
            "enable-oslogin": "FALSE",
            "block-project-ssh-keys": "TRUE",
            "deeprl-idle-minutes": str(self.idle_minutes),
        }
        words = [
            *("instances", "create", *map(check_name, names)),
            f"--zone={zone}",
            f"--machine-type={self.type}",
            f"--image-family={self.image or image}",
            f"--image-project={self.image_project or of}",
            f"--boot-disk-size={self.disk or (50 if self.gpu else 20)}GB",
            f"--boot-disk-type={'hyperdisk-balanced' if family in HYPERDISK else 'pd-balanced'}",
            f"--labels={LABEL}={self.project}",
            f"--metadata={','.join(f'{key}={value}' for key, value in metadata.items())}",
            f"--metadata-from-file={_joined(f'{key}={path}' for key, path in files.items())}",
        ]
        if self.account:
            words += [f"--service-account={self.account}", "--scopes=cloud-platform"]
        else:
            words += ["--no-service-account", "--no-scopes"]
        if self.gpu and family not in BUILT_IN:
            words.append(f"--accelerator=type={self.gpu},count={self.gpus}")
        if self.gpu or family in BUILT_IN:
            words.append("--maintenance-policy=TERMINATE")
        if self.spot:
            words.append("--provisioning-model=SPOT")
        if self.max_hours:
            words.append(f"--max-run-duration={round(self.max_hours * 3600)}s")
        if self.spot or self.max_hours:
            words.append("--instance-termination-action=STOP")
        return words


def listing(project: str = "") -> list[str]:
    """The words that list the machines of a project, or of all projects of this tool."""
    which = f"labels.{LABEL}={project}" if project else f"labels.{LABEL}:*"
    return ["instances", "list", f"--filter={which}"]


def label_for(project: str) -> str:
    """A label, and the beginning of machine names, for a project's name."""
    plain = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")
    if not plain:
        return "project"
    return (plain if plain[0].isalpha() else f"p-{plain}")[:30].strip("-")


def check_name(name: str) -> str:
    """Return it. Raises ValueError for what can be no machine's name."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a machine")
    return name


def region_of(zone: str) -> str:
    """The region of a zone."""
    return zone.rpartition("-")[0]


def decode(answer: Json) -> list[Vm]:
    """The machines of a listing, by name; what makes no sense is left out."""
    found = []
    for entry in answer if isinstance(answer, list) else []:
        try:
            found.append(_vm(entry))
        except (KeyError, ValueError, TypeError, IndexError, AttributeError):
            continue
    return sorted(found, key=lambda vm: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", vm.name)])


def _vm(entry: Any) -> Vm:
    gpus = entry.get("guestAccelerators") or [{}]
    scheduling = entry.get("scheduling") or {}
    vm = Vm(
        name=check_name(entry["name"]),
        id=_fits(str(entry["id"]), re.compile(r"[0-9]{1,25}")),
        zone=_fits(_last(entry["zone"]), ZONE),
        type=_fits(_last(entry["machineType"]), TYPE),
        state=entry["status"] if entry["status"] in STATES else "UNKNOWN",
        address=_address(entry.get("networkInterfaces") or []),
        project=_fits(entry["labels"][LABEL], NAME),
        cloud=_cloud(entry["zone"]),
        spot=scheduling.get("provisioningModel") == "SPOT" or bool(scheduling.get("preemptible")),
        gpu=_last(gpus[0].get("acceleratorType", "")),
        gpus=int(gpus[0].get("acceleratorCount", 0)),
        created=_time(entry["creationTimestamp"]) or 0.0,
        started=_time(entry.get("lastStartTimestamp")),
        stopped=_time(entry.get("lastStopTimestamp")),
    )
    if vm.gpu:
        _fits(vm.gpu, GPU)
    return vm


def _address(networks: list[Any]) -> str:
    for network in networks[:1]:
        outside = [access.get("natIP") for access in network.get("accessConfigs") or []]
        for text in (*outside, network.get("networkIP")):
            if text:
                return str(ipaddress.ip_address(text))
    return ""


def _cloud(url: str) -> str:
    found = re.search(r"/projects/([a-z0-9.:-]{1,100})/", url)
    return found[1] if found else ""


def _time(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


def _last(url: str) -> str:
    return url.rpartition("/")[2]


def _fits(text: str, rule: re.Pattern[str]) -> str:
    if not rule.fullmatch(text):
        raise ValueError(text)
    return text


def _joined(pairs: Iterable[str]) -> str:
    """Pairs as gcloud reads them: where one has a comma, another sign stands between them."""
    found = list(pairs)
    if any("," in pair for pair in found):
        sign = next(sign for sign in ";|:@#~" if not any(sign in pair for pair in found))
        return f"^{sign}^{sign.join(found)}"
    return ",".join(found)

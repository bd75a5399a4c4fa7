"""Machines of a cloud that stands in for Google's: made, kept, replaced and deleted."""

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from gce_lab import Compute

from deeprl_tui.errors import RefusedError
from deeprl_tui.hosts.gce.access import OUT_S, Access
from deeprl_tui.hosts.gce.client import CloudError, Done, Gcloud, explain
from deeprl_tui.hosts.gce.machines import READY_S, Machines
from deeprl_tui.hosts.gce.quota import assign, room_in
from deeprl_tui.hosts.gce.vm import Wanted

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh (openssh-client)")
ZONES = ("europe-west1-b", "europe-west1-c", "us-central1-a")


class Lab:
    """A cloud, and who works with it; its time passes only in waits."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Compute()
        self.time = 1000.0
        self.said: list[str] = []
        self.access = Access(folder / "keys", wall=lambda: self.time)
        self.machines = Machines(
            Gcloud("", self.cloud.gcloud),
            self.access,
            say=self.said.append,
            monotonic=lambda: self.time,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.time += seconds

    def states(self) -> dict[str, str]:
        """The state of each machine."""
        return {name: vm["status"] for name, vm in self.cloud.vms.items()}

    def zones(self) -> list[str]:
        """The zones of the machines."""
        return sorted(vm["zone"].rpartition("/")[2] for vm in self.cloud.vms.values())

    def count(self, verb: str) -> int:
        """How many calls of a verb there were."""
        return sum(verb in words for words in self.cloud.calls)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A new cloud."""
    return Lab(tmp_path)


def wanted(count: int, **more: object) -> Wanted:
    """Machines of the project p."""
    return Wanted("p", count, **{"zones": ZONES, **more})  # type: ignore[arg-type]


def test_up_twice_makes_nothing_new(lab: Lab) -> None:
    """A second request finds all machines and calls nothing but a listing."""
    first = lab.machines.raise_(wanted(5))
    assert (first.missing, len(first.made)) == ((), 5)
    lab.cloud.calls.clear()
    second = lab.machines.raise_(wanted(5))
    assert (second.missing, second.made, second.vms) == ((), (), first.vms)
    assert [words[1:4] for words in lab.cloud.calls] == [["compute", "instances", "list"]]


def test_spread(lab: Lab) -> None:
    """Machines are spread over the zones evenly, one call for each zone."""
    lab.machines.raise_(wanted(6))
    assert lab.zones() == sorted(ZONES * 2)
    assert lab.count("create") == 3


def test_zone_out(lab: Lab) -> None:
    """What a zone has no room for is made in the next, and the zone is left alone for a while."""
    lab.cloud.out.add("europe-west1-b")
    assert lab.machines.raise_(wanted(4)).missing == ()
    assert "europe-west1-b" not in lab.zones()
    lab.cloud.calls.clear()
    lab.machines.raise_(wanted(6))
    assert not any("--zone=europe-west1-b" in words for words in lab.cloud.calls)
    lab.time += OUT_S
    lab.cloud.out.clear()
    lab.machines.raise_(wanted(9))
    assert "europe-west1-b" in lab.zones()


def test_all_zones_out(lab: Lab) -> None:
    """When no zone has room it ends, and says why."""
    lab.cloud.out.update(ZONES)
    raised = lab.machines.raise_(wanted(2))
    assert raised.missing == ("p-1", "p-2")
    assert {fault.kind for fault in raised.faults} == {"zone"}


def test_quota_is_looked_at_first(lab: Lab) -> None:
    """A region gets as many machines as its quota allows, without an error; the rest goes elsewhere."""
    lab.cloud.limits["europe-west1", "T2D_CPUS"] = 8
    assert lab.machines.raise_(wanted(5)).missing == ()
    assert len([zone for zone in lab.zones() if zone.startswith("europe")]) == 2


def test_no_quota(lab: Lab) -> None:
    """Where quotas bind everywhere, what fits is made, and the quota is named with its limit."""
    lab.cloud.limits["europe-west1", "T2D_CPUS"] = 4
    raised = lab.machines.raise_(wanted(3, zones=ZONES[:2]))
    assert len(raised.missing) == 2
    assert [str(fault).split(";")[0] for fault in raised.faults] == [
        "europe-west1: the quota T2D_CPUS (0 of 4 used) leaves room for 1 more such machines"
    ]


def test_quota_that_is_not_listed(lab: Lab) -> None:
    """A quota that only an error tells of is believed: the region is left, with the limit in words."""
    lab.cloud.limits["europe-west1", "IN_USE_ADDRESSES"] = 2
    said = explain("Quota 'N2_CPUS' exceeded.  Limit: 24.0 in region us-east1.")
    assert (said.kind, said.fault) == ("quota", "the quota N2_CPUS is used up: 24.0 in us-east1")
    assert lab.machines.raise_(wanted(4)).missing == ()


def test_a_part_fails(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that makes one machine and not the other is not trusted: the listing says what is missing."""
    monkeypatch.setattr("deeprl_tui.hosts.gce.machines.room_in", lambda answer, wanted: (None, ""))
    lab.cloud.limits["europe-west1", "T2D_CPUS"] = 4
    assert lab.machines.raise_(wanted(4, zones=(ZONES[0], ZONES[2]))).missing == ()
    assert lab.zones() == [ZONES[0], ZONES[2], ZONES[2], ZONES[2]]


def test_the_cloud_stumbles(lab: Lab) -> None:
    """An answer that is no answer is asked for again."""
    lab.machines.raise_(wanted(1))
    real = lab.cloud.gcloud
    broken = iter([True])

    def stumbling(words: Sequence[str], /) -> Done:
        if "create" in words and next(broken, False):
            return Done(1, "", "HTTPError 503: Backend Error")
        return real(words)

    machines = Machines(Gcloud("", stumbling), lab.access)
    assert machines.raise_(wanted(2)).missing == ()


def test_a_listing_that_is_not_whole(lab: Lab) -> None:
    """gcloud lists nothing and ends well when the cloud stumbles: that is asked again, and never believed."""
    lab.machines.raise_(wanted(1))
    lab.cloud.broken = 1
    assert [vm.name for vm in lab.machines.there("p")] == ["p-1"]
    lab.cloud.broken = 9
    with pytest.raises(CloudError, match="did not answer properly"):
        lab.machines.there("p")


def test_preempted_machine_is_started(lab: Lab) -> None:
    """A machine that Google took back is started again, with its disk and its host key."""
    before = lab.machines.raise_(wanted(2, spot=True)).vms
    lab.cloud.preempt("p-2")
    raised = lab.machines.raise_(wanted(2, spot=True))
    assert (raised.started, raised.missing) == (("p-2",), ())
    assert [vm.id for vm in raised.vms] == [vm.id for vm in before]


@pytest.mark.parametrize(("home", "zone"), [(True, "us-central1-a"), (False, "europe-west1-b")])
def test_preempted_and_zone_out(lab: Lab, home: bool, zone: str) -> None:
    """One that cannot start is made anew in another zone, but only if all of its results are home."""
    places = ("europe-west1-b", "us-central1-a")
    lab.machines.raise_(wanted(1, zones=places))
    lab.cloud.preempt("p-1")
    lab.cloud.out.add("europe-west1-b")
    raised = lab.machines.raise_(wanted(1, zones=places), free=lambda name: home)
    assert lab.zones() == [zone]
    assert raised.missing == (() if home else ("p-1",))


def test_others_are_left_alone(lab: Lab) -> None:
    """A machine of the same name without our label is neither used nor deleted."""
    lab.cloud.insert("us-central1-a", {"name": "p-1", "machineType": "t2d-standard-1", "labels": {}})
    raised = lab.machines.raise_(wanted(2))
    assert raised.missing == ("p-1",)
    assert "exists" in str(raised.faults[0])
    left, _ = lab.machines.delete(lab.machines.there("p"), "p")
    assert left == []
    assert list(lab.cloud.vms) == ["p-1"]


def test_delete_does_a_part(lab: Lab) -> None:
    """What is not deleted is said, whatever the command returned."""
    vms = lab.machines.raise_(wanted(2, zones=ZONES[:1])).vms
    lab.cloud.broken = 1
    left, faults = lab.machines.delete(vms, "p")
    assert [vm.name for vm in left] == ["p-1", "p-2"]
    assert faults[0].kind == "busy"


def test_hostile_listing(lab: Lab) -> None:
    """Machines with names, zones or labels that cannot be are never acted on."""
    lab.machines.raise_(wanted(1))
    good = lab.cloud.vms["p-1"]
    hostile: list[tuple[str, Callable[[dict[str, object]], object]]] = [
        ("name", lambda vm: vm.update(name="--project=evil")),
        ("name", lambda vm: vm.update(name="a\nProxyCommand touch x")),
        ("zone", lambda vm: vm.update(zone="zones/us-central1-a --quiet")),
        ("id", lambda vm: vm.update(id="1 ssh-rsa AAAA")),
        ("label", lambda vm: vm.update(labels={"deeprl": "p;rm"})),
        ("address", lambda vm: vm.update(networkInterfaces=[{"networkIP": "1.2.3.4\nProxyCommand x"}])),
        ("type", lambda vm: vm.update(machineType="x/\x1b[31m")),
        ("all", lambda vm: vm.clear()),
    ]
    for number, (_, spoil) in enumerate(hostile):
        bad = json.loads(json.dumps(good))
        spoil(bad)
        lab.cloud.vms[f"bad-{number}"] = bad
    assert [vm.name for vm in lab.machines.there()] == ["p-1"]


def test_host_keys_are_strict(lab: Lab) -> None:
    """ssh gets the host key that the cloud tells, under the machine's id, and asks nobody."""
    (vm,) = lab.machines.raise_(wanted(1)).vms
    config = subprocess.run(
        ["ssh", "-F", lab.access.config, "-G", "p-1"], capture_output=True, text=True, check=True
    ).stdout
    for line in (
        f"hostname {vm.address}",
        f"hostkeyalias compute.{vm.id}",
        "stricthostkeychecking true",
        f"userknownhostsfile {lab.access.known}",
        f"identityfile {lab.access.key}",
        "user deeprl",
    ):
        assert f"\n{line}\n" in f"\n{config}"
    assert lab.access.known.read_text().startswith(f"compute.{vm.id} ssh-ed25519 ")
    assert lab.access.key.stat().st_mode & 0o077 == 0


def test_another_host_key_is_refused(lab: Lab) -> None:
    """A machine that tells another host key later is not believed."""
    (vm,) = lab.machines.raise_(wanted(1)).vms
    other = {"namespace": "hostkeys", "key": "ssh-ed25519", "value": "B" * 68}
    with pytest.raises(RefusedError, match="another host key"):
        lab.access.learn(vm, [other])
    assert "B" * 68 not in lab.access.known.read_text()


def test_silent_machine(lab: Lab) -> None:
    """A machine that tells no host key is waited for, and then named; the next request goes on."""
    lab.cloud.silent = True
    raised = lab.machines.raise_(wanted(1))
    assert lab.time >= 1000 + READY_S
    assert "p-1: has not published its host key" in str(raised.faults[-1])
    lab.cloud.silent = False
    assert lab.machines.raise_(wanted(1)).missing == ()


def test_tunnel(lab: Lab, tmp_path: Path) -> None:
    """Through Identity-Aware Proxy gcloud is ssh's way, also for those left after one is deleted."""
    machines = Machines(Gcloud("lab-project", lab.cloud.gcloud), lab.access, tunnel=True)
    vms = machines.raise_(wanted(2)).vms
    Machines(Gcloud("", lab.cloud.gcloud), lab.access).delete(vms[:1], "p")
    text = lab.access.config.read_text()
    assert text.count("ProxyCommand gcloud compute start-iap-tunnel p-2 %p --listen-on-stdin") == 1
    assert "--project=lab-project" in text


def test_commands_touch_nothing(lab: Lab) -> None:
    """The commands can be told without a call and without a file, and can be copied."""
    commands = lab.machines.commands(wanted(2, spot=True, gpu="nvidia-tesla-t4", type="n1-standard-4"))
    script = lab.access.script()
    assert lab.cloud.calls == []
    assert not lab.access.folder.exists()
    (create, _) = [words for words in commands if "create" in words]
    assert shlex.split(shlex.join(create)) == create
    assert {"--no-service-account", "--no-scopes", "--provisioning-model=SPOT"} < set(create)
    assert "--accelerator=type=nvidia-tesla-t4,count=1" in create
    assert "ssh-keygen" in script[1]


def test_rights() -> None:
    """A named service account replaces none; a machine without limits is left running."""
    words = wanted(1, account="a@b.iam.gserviceaccount.com", max_hours=0).create(["p-1"], ZONES[0], {})
    assert "--service-account=a@b.iam.gserviceaccount.com" in words
    assert "--no-service-account" not in words
    assert not any("max-run" in word or "termination" in word for word in words)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "--help"},
        {"zones": ("us-central1-a\n",)},
        {"zones": ()},
        {"zones": ("us-central1-a", "us-central1-a")},
        {"gpu": "a,count=9"},
        {"account": "x y"},
        {"image": "A;b"},
        {"max_hours": -1},
        {"project": "Not A Label"},
    ],
)
def test_hostile_wishes(wrong: dict[str, object]) -> None:
    """What no machine can have is refused before anything is called."""
    with pytest.raises(ValueError):
        Wanted(**{"project": "p", "count": 1, "zones": ZONES, **wrong})  # type: ignore[arg-type]


def test_paths_with_signs(tmp_path: Path) -> None:
    """A folder that ssh or gcloud would read as something else is refused."""
    with pytest.raises(RefusedError):
        Access(tmp_path / 'a"b')
    access = Access(tmp_path / "50% of it")
    access.prepare()
    assert access.key.exists()


def test_assign() -> None:
    """The emptiest zone is next, and no region gets more than it has room for."""
    spread = assign(list("abcd"), ["x-a", "x-b", "y-a"], {"x-a": 2}, {"x": 1})
    assert spread == {"x-b": ["a"], "y-a": ["b", "c", "d"]}
    assert assign(list("ab"), ["x-a"], {}, {"x": 1}) == {"x-a": ["a"]}
    assert assign(["a"], [], {}, {}) == {}


def test_room_of_spot_machines() -> None:
    """Spot machines count against their own quota where there is one, GPUs against theirs."""
    quotas = [
        {"metric": "CPUS", "limit": 24, "usage": 24},
        {"metric": "PREEMPTIBLE_CPUS", "limit": 16, "usage": 4},
        {"metric": "NVIDIA_T4_GPUS", "limit": 1, "usage": 0},
        {"metric": None, "limit": "x"},
    ]
    plain = wanted(9, type="e2-standard-4")
    assert room_in({"quotas": quotas}, plain)[0] == 0
    assert room_in({"quotas": quotas}, wanted(9, type="e2-standard-4", spot=True)) == (
        3,
        "PREEMPTIBLE_CPUS (4 of 16 used)",
    )
    gpu = wanted(9, type="n1-standard-4", spot=True, gpu="nvidia-tesla-t4")
    assert room_in({"quotas": quotas}, gpu)[0] == 1
    assert room_in("what?", plain) == (None, "")


@pytest.mark.parametrize(
    ("said", "kind", "remedy"),
    [
        (
            "ERROR: (gcloud.compute.instances.list) You do not currently have an active account selected.\n"
            "Please run:\n\n  $ gcloud auth login\n",
            "login",
            "gcloud auth login",
        ),
        (
            "ERROR: The required property [project] is not currently set.",
            "project",
            "gcloud config set project",
        ),
        (
            "Compute Engine API has not been used in project 1 before or it is disabled. Enable it",
            "api",
            "gcloud services enable",
        ),
        (
            "This API method requires billing to be enabled. Please enable billing on project",
            "billing",
            "link one",
        ),
        ("Required 'compute.instances.create' permission for 'x'", "permission", "Compute Instance Admin"),
        ("The zone 'z' does not have enough resources available", "zone", "--zones"),
        ("\x1b[31mnever seen\x1b[0m", "other", ""),
    ],
)
def test_words_of_gcloud(said: str, kind: str, remedy: str) -> None:
    """What gcloud says becomes a fault with a remedy; what is not known is passed on, cleaned."""
    error = explain(said)
    assert error.kind == kind
    assert remedy in error.remedy
    assert "\x1b" not in str(error)


def test_no_gcloud() -> None:
    """Without the client it says where to get it."""

    def missing(words: Sequence[str], /) -> Done:
        raise FileNotFoundError

    with pytest.raises(CloudError, match=r"is not installed; see https://cloud\.google\.com"):
        Gcloud("", missing).call("instances", "list")


def test_answer_that_is_no_json() -> None:
    """A client that answers something else is not believed."""
    with pytest.raises(CloudError, match="not JSON"):
        Gcloud("", lambda words: Done(0, "Updates are available", "")).call("instances", "list")


@pytest.mark.parametrize("project", ["--help", "a b", "Abcdef", "x" * 40])
def test_cloud_project(project: str) -> None:
    """What is no project of Google Cloud never reaches the client."""
    with pytest.raises(ValueError):
        Gcloud(project)

"""The real gcloud against a cloud on this machine: made, kept, replaced, deleted."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gce_lab
import pytest
import support
from process_lab import PROJECT

from deeprl_tui.errors import ExitCode
from deeprl_tui.hosts import book

UP = ("up", "-n", "3", "--zones", "europe-west1-b,us-central1-a", "--spot", "--max-hours", "2")


pytestmark = [
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="the gcloud client is not installed"),
    pytest.mark.timeout(400),
]


class Lab:
    """A project, and a cloud that the real client asks."""

    def __init__(self, folder: Path, cloud: gce_lab.Compute, port: int) -> None:
        self.folder = folder
        self.cloud = cloud
        self.settings = gce_lab.settings(port, folder / "gcloud")
        (folder / "experiments.toml").write_text(f'[project]\nname = "p"\n{PROJECT}')

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `deeprl gce` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "deeprl_tui", "gce", *words],
            cwd=self.folder,
            env={**os.environ, **self.settings, "XDG_STATE_HOME": str(self.folder / "state")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def deeprl(self, *words: str, code: int = 0) -> str:
        """Run it to its end; what it told."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        return out + err

    def machines(self) -> dict[str, str]:
        """The machines and their states, as listed."""
        lines = self.deeprl("ls", "--json").splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{")]
        return {row["machine"]: row["state"] for row in rows}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty cloud."""
    cloud = gce_lab.Compute()
    with gce_lab.serve(cloud) as port:
        yield Lab(tmp_path, cloud, port)


def test_the_real_client(lab: Lab) -> None:
    """Up, up again, one preempted and its zone out, down: what the real client asks for is what is meant."""
    cloud = lab.cloud
    lab.deeprl(*UP)
    vm = cloud.vms["p-1"]
    assert vm["scheduling"]["provisioningModel"] == "SPOT"
    assert vm["scheduling"]["instanceTerminationAction"] == "STOP"
    assert vm["scheduling"]["maxRunDuration"] == {"seconds": "7200"}
    assert vm["labels"] == {"deeprl": "p"}
    assert not vm.get("serviceAccounts")
    metadata = {item["key"]: item["value"] for item in vm["metadata"]["items"]}
    assert metadata["enable-guest-attributes"] == "TRUE"
    assert metadata["block-project-ssh-keys"] == "TRUE"
    assert metadata["ssh-keys"].startswith("deeprl:ssh-ed25519 ")
    assert metadata["startup-script"].startswith("#!/bin/bash")
    made = {name: vm["id"] for name, vm in cloud.vms.items()}

    lab.deeprl(*UP)
    assert {name: vm["id"] for name, vm in cloud.vms.items()} == made

    cloud.preempt("p-2")
    cloud.out.add("us-central1-a")
    lab.deeprl(*UP)
    assert cloud.vms["p-2"]["zone"].endswith("europe-west1-b")
    assert lab.machines() == {f"p-{n}": "running" for n in (1, 2, 3)}
    lab.deeprl("down", "--yes")
    assert cloud.vms == {}


def test_what_the_cloud_refuses(lab: Lab) -> None:
    """Quota, a full zone, 503: what can be there is, the rest is said, and no answer is no listing."""
    lab.cloud.limits["europe-west1", "T2D_CPUS"] = 4
    lab.cloud.out.add("us-central1-a")
    told = lab.deeprl(*UP, code=ExitCode.REFUSED)
    assert "T2D_CPUS" in told
    assert "us-central1-a: the zone has no such machine left" in told
    assert "1 of 3 are ready; missing: p-2 p-3" in told
    lab.cloud.broken = 1
    assert lab.machines() == {"p-1": "running"}  # asked again
    lab.cloud.broken = 1000
    assert "the cloud did not answer properly; try again" in lab.deeprl("ls", code=ExitCode.FAILED)
    assert "the cloud did not answer properly" in lab.deeprl("down", "--yes", code=ExitCode.FAILED)
    lab.cloud.broken = 0
    lab.deeprl("down", "--yes")
    assert lab.cloud.vms == {}


def test_down_is_killed(lab: Lab) -> None:
    """`down` is killed, or a deletion fails: a listing tells what is left, and `down` again ends it."""
    lab.deeprl(*UP)
    lab.cloud.deletions = 1
    down = lab.start("down", "--yes")
    support.wait_until(
        lambda: any(line.startswith("DELETE") for line in lab.cloud.requests), 60, "a deletion"
    )
    os.killpg(down.pid, signal.SIGKILL)
    down.communicate()
    left = lab.machines()
    assert left == dict.fromkeys(lab.cloud.vms, "running")
    assert len(left) == 2
    lab.cloud.deletions = 1
    assert "repeat the command" in lab.deeprl("down", "--yes", code=ExitCode.REFUSED)
    lab.cloud.deletions = None
    assert "nothing of them is left to pay" in lab.deeprl("down", "--yes")
    assert lab.cloud.vms == {}
    assert book.known_hosts(lab.folder / "runs", {}) == {}

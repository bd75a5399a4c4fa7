"""The real gcloud against a cloud on this machine: made, kept, replaced, deleted."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import gce_lab
import pytest
from process_lab import PROJECT

UP = ("up", "-n", "3", "--zones", "europe-west1-b,us-central1-a", "--spot", "--max-hours", "2")


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="the gcloud client is not installed")
@pytest.mark.timeout(400)
def test_the_real_client(tmp_path: Path) -> None:
    """Up, up again, one preempted and its zone out, down: what the real client asks for is what is meant."""
    cloud = gce_lab.Compute()
    (tmp_path / "experiments.toml").write_text(f'[project]\nname = "p"\n{PROJECT}')

    def deeprl(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "deeprl_tui", "gce", *words],
            cwd=tmp_path,
            env={**os.environ, **settings, "XDG_STATE_HOME": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with gce_lab.serve(cloud) as port:
        settings = gce_lab.settings(port, tmp_path / "gcloud")
        deeprl(*UP)
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

        deeprl(*UP)
        assert {name: vm["id"] for name, vm in cloud.vms.items()} == made

        cloud.preempt("p-2")
        cloud.out.add("us-central1-a")
        deeprl(*UP)
        assert cloud.vms["p-2"]["zone"].endswith("europe-west1-b")

        rows = [json.loads(line) for line in deeprl("ls", "--json").splitlines()]
        assert [(row["machine"], row["state"]) for row in rows] == [(f"p-{n}", "running") for n in (1, 2, 3)]
        deeprl("down", "--yes")
    assert cloud.vms == {}

"""`deeprl gce` from the command line, with a program of ours in gcloud's place."""

import json
import shutil
from pathlib import Path

import pytest
import support
from gce_lab import Compute

from deeprl_tui.cli.main import call
from deeprl_tui.config import Host
from deeprl_tui.core import events
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.errors import ExitCode
from deeprl_tui.hosts import book, ssh
from deeprl_tui.hosts.gce import ssh_config
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.ops.cloud import not_home, states
from deeprl_tui.runs.moves import PulledFiles, newest_log, write_pulled

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh (openssh-client)")
UP = ["gce", "up", "-n", "2", "--zones", "europe-west1-b,us-central1-a", "--spot"]
NAMES = ["my-study-1", "my-study-2"]


def test_up_makes_hosts(cloud: Compute, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Machines are hosts of the project, with a price and a way in; the next step is named."""
    assert call(UP) == ExitCode.OK
    told = capsys.readouterr()
    assert "next: deeprl push my-study-1 my-study-2" in told.err
    assert "2 on, $0.06 per hour, $0.00 so far (estimate, prices of" in told.err
    hosts = book.known_hosts(tmp_path / "runs", {})
    assert list(hosts) == NAMES
    made = hosts["my-study-1"].made
    assert made
    assert hosts["my-study-1"] == Host(
        "my-study-1", "my-study-1", price=4 * 0.00818, gce="my-study", made=made
    )
    assert ssh.options_of(hosts["my-study-1"]) == ["-F", str(ssh_config("my-study"))]
    assert ssh_config("my-study").is_file()


def test_list(cloud: Compute, capsys: pytest.CaptureFixture[str]) -> None:
    """A listing for programs tells price, state and what is not home."""
    call(UP)
    cloud.preempt("my-study-2")
    capsys.readouterr()
    assert call(["gce", "ls", "--json"]) == ExitCode.OK
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["machine"], first["state"], first["zone"]) == ("my-study-1", "running", "europe-west1-b")
    assert (second["state"], second["spot"], second["not_home"]) == ("terminated", True, [])
    assert first["price"] == pytest.approx(4 * 0.00818)
    assert call(["gce", "ls"]) == ExitCode.OK
    told = capsys.readouterr()
    assert "off spot" in told.out
    assert "1 off, with a disk to pay: deeprl gce up starts again" in told.err


def test_part_of_what_was_asked(cloud: Compute, capsys: pytest.CaptureFixture[str]) -> None:
    """What could be made is there; the exit code and the reason tell of the rest."""
    cloud.limits["europe-west1", "T2D_CPUS"] = 4
    cloud.out.add("us-central1-a")
    assert call(UP) == ExitCode.REFUSED
    told = capsys.readouterr().err
    assert "1 of 2 are ready; missing: my-study-2" in told
    assert "T2D_CPUS" in told
    assert "--zones" in told


@pytest.fixture
def full(cloud: Compute, tmp_path: Path) -> Compute:
    """Two machines; a run lives on the first, and has not ended as far as is known here."""
    call(UP)
    Mirror(tmp_path / "runs", "my-study-1").describe(support.spec().id, support.spec().to_json().encode())
    return cloud


def test_down_refuses(full: Compute, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is deleted while results are not here."""
    assert call(["gce", "down", "--yes"]) == ExitCode.REFUSED
    told = capsys.readouterr().err
    assert (
        "my-study-1: CP_basic/0 is not home (last seen queued); wait for them, or lose them: --force" in told
    )
    assert sorted(full.vms) == NAMES


def test_down_of_others(full: Compute) -> None:
    """A machine whose results are home can be deleted by its name."""
    assert call(["gce", "down", "my-study-2", "--yes"]) == ExitCode.OK
    assert list(full.vms) == NAMES[:1]


def test_down_by_force(full: Compute, tmp_path: Path) -> None:
    """Force deletes; what is here of the runs stays, and the hosts are forgotten."""
    assert call(["gce", "down", "--yes", "--force"]) == ExitCode.OK
    assert full.vms == {}
    assert book.known_hosts(tmp_path / "runs", {}) == {}
    assert len(list(RootPaths(tmp_path / "runs").runs())) == 1


def test_down_that_was_killed(full: Compute, tmp_path: Path) -> None:
    """Hosts whose machines are gone are forgotten by the next one, but for those with runs not home."""
    full.vms.clear()
    assert call(["gce", "down", "--yes"]) == ExitCode.OK
    assert list(book.known_hosts(tmp_path / "runs", {})) == ["my-study-1"]


def test_down_asks(cloud: Compute, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal to ask on, and without --yes, nothing is deleted."""
    call(UP)
    assert call(["gce", "down"]) == ExitCode.REFUSED
    assert "not confirmed; say yes, or --yes" in capsys.readouterr().err
    assert sorted(cloud.vms) == NAMES


def test_down_of_nothing(cloud: Compute, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nothing, that is said; an unknown name is an error."""
    assert call(["gce", "down", "--yes"]) == ExitCode.OK
    assert "nothing is left to pay" in capsys.readouterr().err
    assert call(["gce", "down", "other", "--yes"]) == ExitCode.UNKNOWN_NAME


def test_project_is_remembered(cloud: Compute) -> None:
    """Machines are looked for where they were made, whatever gcloud is set to now; until none are left."""
    call([*UP, "--project", "lab-project"])
    call(["gce", "ls"])
    assert "--project=lab-project" in cloud.calls[-1]
    call(["gce", "down", "--yes"])
    call(["gce", "ls"])
    assert "--project=lab-project" not in cloud.calls[-1]


def test_one_project_at_a_time(cloud: Compute, capsys: pytest.CaptureFixture[str]) -> None:
    """Machines in two projects of Google Cloud would be one too many to keep in mind."""
    call([*UP, "--project", "lab-project"])
    assert call([*UP, "--project", "other-project"]) == ExitCode.REFUSED
    assert "its machines are in lab-project; take them down first" in capsys.readouterr().err


def test_dry_runs(cloud: Compute, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run prints every command, and touches neither the cloud nor a file."""
    before = sorted(tmp_path.rglob("*"))
    assert call([*UP, "--dry-run"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert cloud.calls == []
    assert sorted(tmp_path.rglob("*")) == before
    assert "gcloud compute instances create my-study-1 --zone=europe-west1-b" in out
    call(UP)
    capsys.readouterr()
    assert call(["gce", "down", "--dry-run"]) == ExitCode.OK
    assert "gcloud compute instances delete my-study-2 --zone=us-central1-a" in capsys.readouterr().out
    assert sorted(cloud.vms) == NAMES


@pytest.mark.parametrize(
    "words",
    [
        ["--machine-type", "--help"],
        ["--zones", "a;b"],
        ["--gpu", "x:y"],
        ["--project", "-x"],
        ["--service-account", "me"],
        ["--image", "../x"],
    ],
)
def test_hostile_options(cloud: Compute, words: list[str]) -> None:
    """Values that no machine can have are refused before anything is called."""
    assert call(["gce", "up", *words]) == ExitCode.USAGE
    assert cloud.calls == []


def test_without_gcloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the client is missing, it says where to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert call(["gce", "ls", "--runs", str(tmp_path)]) == ExitCode.FAILED
    assert "gcloud: is not installed; see https://cloud.google.com" in capsys.readouterr().err


def test_not_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody is logged in, the command that logs in is named."""
    program = tmp_path / "gcloud"
    program.write_text("#!/bin/sh\necho 'ERROR: You do not currently have an active account' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for verb in (["up"], ["ls"], ["down", "--yes"]):
        assert call(["gce", *verb, "--runs", str(tmp_path)]) == ExitCode.FAILED
        assert "nobody is logged in; gcloud auth login" in capsys.readouterr().err


def test_not_home(tmp_path: Path) -> None:
    """A run is home when it is over and its files came; one that is over alone is not."""
    mirror, run = Mirror(tmp_path, "vm"), support.spec()
    mirror.describe(run.id, run.to_json().encode())
    (paths,) = RootPaths(tmp_path).runs()
    assert not_home(tmp_path, "vm") == [(run.id, "last seen queued")]
    assert not_home(tmp_path, "other") == []
    over = (5.0, events.End(support.WALL, "finished", 20))
    support.write(paths, 1, [(0.0, support.start()), *support.training(2), over])
    assert not_home(tmp_path, "vm") == [(run.id, "its files are not here")]
    refused = {"checkpoint": ((1, 2, 3), "is damaged there: its checksum is wrong")}
    write_pulled(paths, PulledFiles(refused=refused))
    assert not_home(tmp_path, "vm") == [(run.id, "checkpoint is damaged there: its checksum is wrong")]
    write_pulled(paths, PulledFiles({}, newest_log(paths)))
    assert not_home(tmp_path, "vm") == []


def test_states(cloud: Compute, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is off has a word for it, one that is on none; without an answer nothing is known."""
    assert states("my-study") is None  # nothing was made yet
    call(UP)
    cloud.preempt("my-study-2")
    assert states("my-study") == {"my-study-1": "", "my-study-2": "off"}
    monkeypatch.setattr("deeprl_tui.hosts.gce.machines.AGAIN_S", 0.0)
    cloud.broken = 9
    assert states("my-study") is None
    assert call(["gce", "ls"]) == ExitCode.FAILED

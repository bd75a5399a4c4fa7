"""What a machine does by itself: off when idle, workers told before it goes."""

import os
import subprocess
from pathlib import Path

import pytest

from deeprl_tui.hosts.gce.machines import startup_script

ALWAYS = (
    "systemd         /lib/systemd/systemd --user",
    "(sd-pam)        (sd-pam)",
    "sshd            sshd: deeprl@notty",
    "deeprl          /home/deeprl/.deeprl/env/0123456789ab/bin/python /home/deeprl/bin/deeprl serve",
)
"""Processes that mean no work, by name and arguments: what a user has who lingers, and who watches."""


class Place:
    """A folder with programs that stand in for the system's, and note what they are asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.log = folder / "log"
        self.log.touch()
        (folder / "bin").mkdir()
        (folder / "units").mkdir()
        for name in ("systemctl", "useradd", "loginctl", "apt-get"):
            self.program(name, "")
        self.program("curl", 'case "$*" in *deeprl-idle-minutes) echo 3 ;; *) exit 22 ;; esac')
        self.runs()

    def program(self, name: str, does: str) -> None:
        """A program of this name that notes its arguments."""
        file = self.folder / "bin" / name
        file.write_text(f'#!/bin/bash\necho "{name} $*" >>{self.log}\n{does}\n')
        file.chmod(0o755)

    def runs(self, *names: str) -> None:
        """Processes of the user, besides those that are always there."""
        lines = "\\n".join((*ALWAYS, *names))
        self.program("ps", f'printf "{lines}\\n"')

    def do(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return subprocess.run(
            [startup_script(), *words],
            env={
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "DEEPRL_STATE": str(self.state),
                "DEEPRL_UNITS": str(self.folder / "units"),
                "DEEPRL_PLACE": str(self.folder / "deeprl-machine"),
                "GCE_METADATA_HOST": "metadata.invalid",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def off(self) -> bool:
        """Whether it powered off."""
        return "systemctl poweroff" in self.log.read_text()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A machine that may be idle for three minutes."""
    found = Place(tmp_path)
    (found.state / "idle-minutes").write_text("3\n")
    return found


def test_off_after_idle_minutes(place: Place) -> None:
    """After so many looks at which nothing ran, and not before, it powers off."""
    for _ in range(2):
        assert place.do("idle").returncode == 0
    assert not place.off()
    place.do("idle")
    assert place.off()


@pytest.mark.parametrize(
    "name",
    [
        "python          python -m deeprl_tui.supervisor /home/deeprl/deeprl/p/runs",
        "bash            -bash",
        "rsync           rsync --server",
        "deeprl          python /home/deeprl/.deeprl/env/0123456789ab/bin/deeprl run LL_basic",
    ],
)
def test_work_begins_the_count_anew(place: Place, name: str) -> None:
    """A worker, a shell or a copy counts as work; who only watches does not."""
    place.do("idle")
    place.do("idle")
    place.runs(name)
    place.do("idle")
    place.runs()
    place.do("idle")
    place.do("idle")
    assert not place.off()


def test_never_off(place: Place) -> None:
    """Zero minutes mean never."""
    (place.state / "idle-minutes").write_text("0\n")
    for _ in range(5):
        place.do("idle")
    assert not place.off()


def test_farewell(place: Place) -> None:
    """The supervisor is asked to end, and waited for."""
    place.program("pgrep", "exit 1")
    place.program("pkill", "")
    assert place.do("farewell").returncode == 0
    assert "pkill -TERM -u deeprl -f deeprl_tui.supervisor" in place.log.read_text()
    assert (place.state / "farewell").exists()


def test_farewell_to_who_watches(place: Place) -> None:
    """Once the workers are done it waits, for a while, for who brings their checkpoints home."""
    seen = place.folder / "seen"
    place.program("pkill", "")
    place.program("pgrep", f'case "$*" in *serve*) [ ! -e {seen} ] && touch {seen} ;; *) exit 1 ;; esac')
    assert place.do("farewell").returncode == 0
    assert place.log.read_text().count("serve") == 2


def test_farewell_without_runs(place: Place) -> None:
    """Where nothing runs there is nobody to wait for."""
    place.program("pkill", "exit 1")
    assert place.do("farewell").returncode == 0


@pytest.mark.parametrize(("told", "minutes"), [("echo 3", "3"), ("exit 22", "0"), ("echo '3; reboot'", "0")])
def test_install(place: Place, told: str, minutes: str) -> None:
    """It makes the user and the units, and may be repeated; a limit that is no number means never."""
    place.program("curl", told)
    place.program("id", "exit 1")
    for _ in range(2):
        done = place.do()
        assert done.returncode == 0, done.stderr
    assert (place.state / "idle-minutes").read_text() == f"{minutes}\n"
    assert {file.name for file in (place.folder / "units").iterdir()} == {
        "deeprl-idle.service",
        "deeprl-idle.timer",
        "deeprl-farewell.service",
    }
    log = place.log.read_text()
    for line in ("useradd -m -s /bin/bash deeprl", "loginctl enable-linger deeprl", "start deeprl-farewell"):
        assert line in log
    assert (place.folder / "deeprl-machine").read_text() == startup_script().read_text()

"""A host with a shell, a container engine and an image: made ready, trained on, switched off, changed.

ssh is the system's with an sshd on loopback; the engine is podman.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import engine_lab
import pytest
import support
import vm_lab
from engine_lab import NAME, Podman
from vm_lab import Loopback

from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.errors import ExitCode

LACKS = engine_lab.lacks() or vm_lab.lacks_sshd()
pytestmark = [pytest.mark.skipif(bool(LACKS), reason=LACKS or "-"), pytest.mark.timeout(300)]
BOX = "deeprl-a-study"
PROJECT = f"""
[project]
name = "a study"
[hosts.me]
image = "{NAME}"
engine = "podman"
cores = 1
[experiments.base]
env = "CartPole-v1"
baseline = true
total_timesteps = 3000
learning_starts = 200
net_arch = [32]
save_freq = 500
eval_freq = 0
"""
OWN = """
[experiments.own]
extends = "base"
wrappers = ["mine:Same"]
"""
MINE = "import gymnasium\n\n\nclass Same(gymnasium.Wrapper):\n    pass\n"
LONG = ("--set", "total_timesteps=200000000")


class Study:
    """The project here, and its container there."""

    def __init__(self, folder: Path, engine: Podman, machine: Loopback) -> None:
        self.folder, self.engine, self.machine = folder, engine, machine
        self.root_there = RootPaths(machine.home / "deeprl/a-study/runs")
        folder.mkdir()
        (folder / "experiments.toml").write_text(PROJECT)
        self.environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "DEEPRL_SSH": machine.ssh}

    def deeprl(self, *words: str, code: int = 0) -> str:
        """Run the command line to its end; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "deeprl_tui", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, (done.stdout, done.stderr, self.logs())
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def background(self, *words: str) -> Iterator[None]:
        """Run the command line meanwhile; then it is killed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "deeprl_tui", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def box(self) -> str:
        """Which container runs."""
        return self.engine.run("ps", "-q", "--filter", f"name={BOX}").strip()

    def logs(self) -> str:
        """What the supervisor there said."""
        file = self.root_there.supervisor_log
        return file.read_text() if file.exists() else ""

    def there(self) -> list[RunPaths]:
        """The runs on the host."""
        return list(self.root_there.runs())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """The host's engine, which has the image."""
    made = Podman(tmp_path_factory.mktemp("engine") / "podman")
    if fault := made.fault():
        pytest.skip(fault)
    yield made
    made.close()


@pytest.fixture
def study(tmp_path: Path, engine: Podman) -> Iterator[Study]:
    """A project, and a host with a home folder of its own, from which nothing can be executed."""
    machine = Loopback(tmp_path / "machine", engine.environment)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,size=256m", "none", machine.home], check=True)
    yield Study(tmp_path / "study", engine, machine)
    machine.close()
    engine.run("rm", "-f", "-a", "-t", "0")
    subprocess.run(["umount", "--lazy", machine.home], check=True)


def test_runs_come_home(study: Study) -> None:
    """Pushed, trained with a plug-in, home byte for byte; a second push changes nothing."""
    (study.folder / "mine.py").write_text(MINE)
    (study.folder / "experiments.toml").write_text(PROJECT + OWN)
    study.deeprl("trust", "--yes")
    assert "installed" in study.deeprl("push", "me")
    box = study.box()
    study.deeprl("run", "own", "--seeds", "1", "--on", "me")
    (there,) = study.there()
    (here,) = RootPaths(study.folder / "runs").runs()
    assert b'"finished"' in there.events(1).read_bytes()
    assert here.events(1).read_bytes() == there.events(1).read_bytes()
    assert "nothing new" in study.deeprl("push", "me")
    assert study.box() == box


def test_training_outlives_all_but_a_newer_container(study: Study) -> None:
    """Clients come and go; a container that trains is not replaced; after a crash it goes on by itself."""
    study.deeprl("push", "me")
    with study.background("run", "base", "--seeds", "1", *LONG, "--on", "me"):
        support.wait_until(lambda: any(paths.checkpoint.exists() for paths in study.there()), 90, "training")
    (paths,) = study.there()
    file = study.folder / "experiments.toml"
    file.write_text(file.read_text().replace("cores = 1\n", ""))
    assert "trains in container" in study.deeprl("push", "me", code=ExitCode.UNREACHABLE)
    size = paths.events(1).stat().st_size
    support.wait_until(lambda: paths.events(1).stat().st_size > size, 30, "training to go on")

    study.engine.run("kill", "-s", "KILL", BOX)
    study.engine.run("start", BOX)
    support.wait_until(paths.events(2).exists, 60, "a second attempt")
    study.deeprl("stop", "--all")
    support.wait_until(lambda: not is_held(study.root_there.supervisor_lock), 30, "the end of training")
    before = study.box()
    assert "installed" in study.deeprl("push", "me")
    assert study.box() != before

"""From nothing to machines with runs, and back: a cloud whose machines are namespaces with an sshd each.

The real `gcloud` asks for them, if it is installed. What is preempted has its few seconds; results come home.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gce_lab
import pytest
import support
import vm_lab
from process_lab import PROJECT

from deeprl_tui.core.events import End
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.state import Finished
from deeprl_tui.hosts.gce.machines import startup_script
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_view

pytestmark = [
    pytest.mark.skipif(bool(vm_lab.lacks()), reason=vm_lab.lacks() or "-"),
    pytest.mark.skipif(shutil.which("pkill") is None, reason="needs pkill (procps)"),
    pytest.mark.timeout(600),
]
UP = ("gce", "up", "-n", "2", "--zones", "europe-west1-b,us-central1-a", "--spot")
NAMES = ("p-1", "p-2")


class Namespaces(gce_lab.Backend):
    """Machines that are sets of namespaces, without systemd. They keep their disks while they are off."""

    def __init__(self, network: vm_lab.Network) -> None:
        self.network = network
        self.thread = ThreadPoolExecutor(1)  # machines end with the thread that boots them

    def up(self, vm: gce_lab.Vm) -> tuple[str, list[tuple[str, str]]]:
        """Boot; who may log in stands in the metadata."""
        return self.thread.submit(self._up, vm).result()

    def _up(self, vm: gce_lab.Vm) -> tuple[str, list[tuple[str, str]]]:
        name = vm["name"]
        if name not in self.network.machines:
            machine = vm_lab.Machine(self.network, name, len(self.network.machines) + 1)
            self.network.machines[name] = machine
            vm_lab.prepare_home(machine.home, len(self.network.machines))
            metadata = {item["key"]: item["value"] for item in vm["metadata"]["items"]}
            user, _, key = metadata["ssh-keys"].strip().partition(":")
            (machine.folder / "authorized_keys").write_text(key + "\n")
            for file in ("passwd", "shadow"):
                path = machine.folder / file
                path.write_text(path.read_text().replace(f"{vm_lab.USER}:", f"{user}:", 1))
        machine = self.network.machines[name]
        machine.boot()
        kind, key = machine.host_key.split()
        return machine.address, [(kind, key)]

    def down(self, vm: gce_lab.Vm, grace: float) -> None:
        """Tell workers, as systemd would; then all is gone."""
        machine = self.network.machines[vm["name"]]
        if grace:
            (init,) = (pid for pid in machine.processes() if vm_lab._is_init(pid))
            inside = ["nsenter", f"--mount=/proc/{init}/ns/mnt", f"--pid=/proc/{init}/ns/pid"]
            subprocess.run([*inside, str(startup_script()), "farewell"], check=True, timeout=grace)
        machine.crash()


class Session:
    """A project on the laptop, and what was done when."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.root = folder / "runs"
        self.environ = {**os.environ, **environ}
        self.began = time.monotonic()
        self.clients: list[subprocess.Popen[bytes]] = []
        (folder / "experiments.toml").write_text(f'[project]\nname = "p"\n{PROJECT}')

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `deeprl`."""
        with open(self.folder / f"said-{len(self.clients)}.txt", "wb") as out:
            client = subprocess.Popen(
                [*vm_lab.TIED, sys.executable, "-m", "deeprl_tui", *words],
                cwd=self.folder,
                env=self.environ,
                stdout=out,
                stderr=out,
            )
        self.clients.append(client)
        return client

    def told(self, client: subprocess.Popen[bytes]) -> str:
        """What it said."""
        return (self.folder / f"said-{self.clients.index(client)}.txt").read_text()

    def deeprl(self, *words: str) -> str:
        """Run `deeprl` to its good end."""
        client = self.start(*words)
        code = client.wait(300)
        assert code == 0, self.told(client)
        return self.told(client)

    def step(self, what: str) -> None:
        """Print what was done, with the time."""
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", flush=True)  # noqa: T201  for who runs it to see

    def run_on(self, name: str) -> RunPaths:
        """The run that lives on a machine."""
        (paths,) = [paths for paths in RootPaths(self.root).runs() if home_of(paths) == name]
        return paths

    def size(self, name: str) -> int:
        """Bytes that came from a machine."""
        paths = self.run_on(name)
        return sum(paths.events(attempt).stat().st_size for attempt in paths.attempts())

    def wait_growth(self, name: str, what: str) -> None:
        """Wait until data arrived that was not here before."""
        before = self.size(name)
        support.wait_until(lambda: self.size(name) > before + 800, 120, f"data of {name} {what}")

    def close(self) -> None:
        """End all clients."""
        for client in self.clients:
            client.kill()
            client.wait()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[vm_lab.Network]:
    """A switch and a laptop; the cloud adds the machines."""
    made = vm_lab.Network(tmp_path / "net")
    try:
        yield made
    finally:
        made.close()


def test_from_nothing_and_back(tmp_path: Path, network: vm_lab.Network) -> None:
    """Up, run, a cut, a preemption, up again, all finished and home, down: nothing is lost or left."""
    cloud = gce_lab.Compute(backend=Namespaces(network))
    with gce_lab.serve(cloud) as port:
        settings: Callable[[int, Path], dict[str, str]] = gce_lab.settings
        if shutil.which("gcloud") is None:
            settings = gce_lab.stand_in
        session = Session(
            tmp_path,
            {
                **settings(port, tmp_path / "gcloud"),
                "XDG_STATE_HOME": str(tmp_path / "state"),
                "DEEPRL_SSH": shlex.join([*network.in_laptop, "ssh"]),
            },
        )
        try:
            _tell(session, cloud, network)
        finally:
            session.close()


def _tell(session: Session, cloud: gce_lab.Compute, network: vm_lab.Network) -> None:
    session.deeprl(*UP)
    session.step("gce up: two machines in two zones, host keys known")
    long = ("--set", "total_timesteps=40000", "--set", "train_freq=4")
    training = session.start("run", "base", "--seeds", "2", *long, "--on", ",".join(NAMES), "--headless")
    support.wait_until(lambda: len(list(RootPaths(session.root).runs())) == 2, 60, "runs")
    for name in NAMES:
        session.wait_growth(name, "of a run that began")
    session.step("run: a run on each, and data of both arrives")

    network.machines["p-1"].cut()
    session.wait_growth("p-2", "while the other is cut off")
    network.machines["p-1"].mend()
    session.wait_growth("p-1", "after the cut")
    session.step("a link cut and mended: data goes on")

    support.wait_until(lambda: load_view(session.run_on("p-2")).step > 2000, 120, "p-2 to train")
    cloud.preempt("p-2", grace=25)
    assert json.loads(session.deeprl("gce", "ls", "--json").splitlines()[1])["state"] == "terminated"
    refused = session.start("gce", "down", "p-2", "--yes")
    assert refused.wait(60) == 5
    assert "p-2: base+" in session.told(refused)
    session.step("p-2 preempted; gce down refuses: its run is not home")

    session.deeprl(*UP)
    session.step("gce up again: p-2 is started, with its disk")
    assert training.wait(300) == 0, session.told(training)
    for name in NAMES:
        view = load_view(session.run_on(name))
        assert isinstance(view.state, Finished)
        assert view.step == 40000
    assert len(session.run_on("p-2").attempts()) == 2
    lines, _ = read_lines(session.run_on("p-2").events(1))
    assert [line.event.outcome for line in lines if isinstance(line.event, End)] == ["interrupted"]
    session.step("both runs finished; p-2's in two attempts")

    session.deeprl("pull", "--all")
    session.step("pull: models and checkpoints are here")
    session.deeprl("gce", "down", "--yes")
    assert cloud.vms == {}
    session.step("gce down: nothing is left")

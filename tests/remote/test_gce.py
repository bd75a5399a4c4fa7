"""From nothing to machines with runs, and back: a cloud whose machines are namespaces with an sshd each.

The real `gcloud` asks for them, if it is installed; else a program of ours does. The machines have Python and
nothing else, and a user without rights. What is preempted has its few seconds; results come home.
`./dev cloud` runs this and prints its steps with times.
"""

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
import wheels_lab
from process_lab import PROJECT

from deeprl_tui.core.events import End, Resume
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.state import Finished
from deeprl_tui.hosts.gce.machines import startup_script
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.moves import ELSEWHERE

CORES = sorted(os.sched_getaffinity(0))[:2]


def lacks() -> str:
    """What this machine lacks for such a cloud; empty if nothing."""
    if vm_lab.lacks() or wheels_lab.lacks():
        return vm_lab.lacks() or wheels_lab.lacks()
    if len(CORES) < 2:
        return "needs two cores"
    return "" if shutil.which("pkill") else "needs pkill (procps)"


pytestmark = [
    pytest.mark.skipif(bool(lacks()), reason=lacks() or "-"),
    pytest.mark.timeout(900),
]
UP = ("gce", "up", "-n", "2", "--zones", "europe-west1-b,us-central1-a", "--spot")
NAMES = ("p-1", "p-2")
LONG, SHORT = 1_400_000, 300_000
"""Steps of runs that last half a minute and some seconds."""


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
            metadata = {item["key"]: item["value"] for item in vm["metadata"]["items"]}
            user, _, key = metadata["ssh-keys"].strip().partition(":")
            (machine.folder / "authorized_keys").write_text(key + "\n")
            for file in ("passwd", "shadow"):
                path = machine.folder / file
                path.write_text(path.read_text().replace(f"{vm_lab.USER}:", f"{user}:", 1))
            with open(machine.folder / "sshd_config", "a") as config:  # its cores are its own
                config.write(f"SetEnv DEEPRL_LOCK_DIR={vm_lab.HOME}/locks\n")
        machine = self.network.machines[name]
        machine.boot()
        cores = ",".join(map(str, CORES))
        subprocess.run(
            ["taskset", "-a", "-c", "-p", cores, str(machine.init())], check=True, stdout=subprocess.DEVNULL
        )
        kind, key = machine.host_key.split()
        return machine.address, [(kind, key)]

    def down(self, vm: gce_lab.Vm, grace: float) -> None:
        """Tell workers, as systemd would; then all is gone."""
        machine = self.network.machines[vm["name"]]
        if grace:
            on(machine, str(startup_script()), "farewell", patience=grace)
        machine.crash()


def on(machine: vm_lab.Machine, *words: str, patience: float = 60.0) -> None:
    """Run a program on a machine, as root."""
    init = machine.init()
    inside = ["nsenter", f"--mount=/proc/{init}/ns/mnt", f"--pid=/proc/{init}/ns/pid"]
    subprocess.run([*inside, *words], check=True, timeout=patience, stdout=subprocess.DEVNULL)


def switches_itself_off(machine: vm_lab.Machine) -> bool:
    """Whether a machine that may be idle for a minute would go off at this minute's look."""
    programs, noted = machine.folder / "bin", machine.folder / "off"
    programs.mkdir(exist_ok=True)
    noted.unlink(missing_ok=True)
    systemctl = programs / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$*" >{shlex.quote(str(noted))}\n')
    systemctl.chmod(0o755)
    limit = "mkdir -p /run/deeprl; echo 1 >/run/deeprl/idle-minutes"
    on(machine, "sh", "-c", f"{limit}; PATH={programs}:$PATH exec {startup_script()} idle")
    return noted.exists()


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
        code = client.wait(600)
        assert code == 0, self.told(client)
        return self.told(client)

    def step(self, what: str) -> None:
        """Print what was done, with the time."""
        print(f"{time.monotonic() - self.began:6.1f} s  {what}", flush=True)  # noqa: T201  for who runs it to see

    def homes(self) -> dict[str, RunPaths]:
        """The runs that are not over, by the machine that they live on."""
        found = {home_of(paths): paths for paths in RootPaths(self.root).runs() if paths.attempts()}
        return {
            name: paths for name, paths in found.items() if not isinstance(load_view(paths).state, Finished)
        }

    def size(self, paths: RunPaths) -> int:
        """Bytes of a run's logs here."""
        return sum(paths.events(attempt).stat().st_size for attempt in paths.attempts())

    def wait_growth(self, paths: RunPaths, what: str) -> None:
        """Wait until data of a run arrived that was not here before."""
        before = self.size(paths)
        support.wait_until(lambda: self.size(paths) > before + 800, 120, f"data {what}")

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
        for machine in made.machines.values():
            shutil.rmtree(machine.home / ".deeprl", ignore_errors=True)  # more than a gigabyte each


def test_from_nothing_and_back(
    tmp_path: Path, network: vm_lab.Network, request: pytest.FixtureRequest
) -> None:
    """Up, push, run, a cut, two preemptions, pull, down: all is finished and here, nothing is left there."""
    cloud = gce_lab.Compute(backend=Namespaces(network))
    assert request.config.cache is not None
    wheels = wheels_lab.fetch(request.config.cache.mkdir("wheels"))
    with gce_lab.serve(cloud) as port:
        real = shutil.which("gcloud")
        way: Callable[[int, Path], dict[str, str]] = gce_lab.settings if real else gce_lab.stand_in
        session = Session(
            tmp_path,
            {
                **way(port, tmp_path / "gcloud"),
                "XDG_STATE_HOME": str(tmp_path / "state"),
                "DEEPRL_SSH": shlex.join([*network.in_laptop, "ssh"]),
            },
        )
        try:
            session.step(f"asking the cloud with {real or 'a stand-in for gcloud, which is not installed'}")
            _make(session, wheels)
            _train(session, cloud, network)
            _wait_for_its_own(session, cloud)
            one = network.machines["p-1"]
            support.wait_until(lambda: switches_itself_off(one), 60, "p-1 to be idle")
            session.step("p-1 has nothing to train and would switch itself off")
            session.deeprl("pull", "--all")
            session.step("pull: models and checkpoints are here")
            session.deeprl("gce", "down", "--yes")
            assert cloud.vms == {}
            session.step("gce down: nothing is left")
        finally:
            session.close()


def _make(session: Session, wheels: Path) -> None:
    session.deeprl(*UP)
    session.step("gce up: two machines in two zones, host keys known")
    push = ("push", *NAMES, "--wheels", str(wheels))
    took = max(float(line.split()[-2]) for line in session.deeprl(*push).splitlines() if " ready " in line)
    session.step(f"push: both are ready after {took:.1f} s")
    told = sorted(line.split() for line in session.deeprl(*push).splitlines() if " ready " in line)
    assert [(words[0], words[2:4]) for words in told] == [(name, ["nothing", "new"]) for name in NAMES]
    again = max(float(words[-2]) for words in told)
    assert again < took / 10
    session.step(f"push again: nothing new after {again:.1f} s")


def _train(session: Session, cloud: gce_lab.Compute, network: vm_lab.Network) -> None:
    """Two runs; one loses its machine and goes on on the other."""
    training = session.start(
        "run", "base", "--seeds", "2", *settings(LONG), "--on", ",".join(NAMES), "--headless"
    )
    support.wait_until(lambda: len(session.homes()) == 2, 60, "runs")
    one, two = (session.homes()[name] for name in NAMES)
    for paths in (one, two):
        session.wait_growth(paths, "of a run that began")
    assert not switches_itself_off(network.machines["p-1"])
    session.step("run: a run on each, and data of both arrives")

    network.machines["p-1"].cut()
    session.wait_growth(two, "while the other is cut off")
    network.machines["p-1"].mend()
    session.wait_growth(one, "after the cut")
    session.step("a link cut and mended: data goes on")

    support.wait_until(lambda: (load_view(two).checkpoint_step or 0) > 0, 120, "a checkpoint on p-2")
    refused = session.start("gce", "down", "p-2", "--yes")
    assert refused.wait(60) == 5
    assert "p-2: base+" in session.told(refused)
    session.step("gce down refuses: results on p-2 are not home")

    cloud.preempt("p-2", grace=25)
    session.step("p-2 preempted: its worker wrote a checkpoint in its last seconds")
    support.wait_until(lambda: home_of(two) == "p-1", 120, "another host to take the run")
    support.wait_until(lambda: resumed(two) > 0, 120, "the second attempt")
    assert outcomes(two, 1) == ["interrupted"]
    session.step(f"its run goes on on p-1 from step {resumed(two)}, as attempt 2")

    session.deeprl(*UP)
    there = network.machines["p-2"].home / "deeprl/p/runs" / two.folder.relative_to(session.root)
    old = RunPaths(there)
    support.wait_until(lambda: home_of(old) == ELSEWHERE, 60, "p-2 to give it up")
    session.step("gce up again: p-2 is there with its disk, and gives the run up")
    assert training.wait(300) == 0, session.told(training)
    for paths in (one, two):
        assert_finished(paths, LONG)
    assert two.attempts() == [1, 2]
    assert old.attempts() == [1]
    assert not is_held(old.lock)
    session.step("both runs finished on p-1; p-2 trained no more")


def _wait_for_its_own(session: Session, cloud: gce_lab.Compute) -> None:
    """A run that no other host has room for goes on where it was."""
    training = session.start("run", "base", "--seeds", "1", *settings(SHORT), "--on", "p-2", "--headless")
    support.wait_until(lambda: "p-2" in session.homes(), 60, "a run on p-2")
    paths = session.homes()["p-2"]
    support.wait_until(lambda: (load_view(paths).checkpoint_step or 0) > 0, 120, "a checkpoint on p-2")
    cloud.preempt("p-2")
    session.deeprl(*UP)
    session.step("p-2 gone without a word, nobody has room for its new run; gce up again")
    assert training.wait(300) == 0, session.told(training)
    assert_finished(paths, SHORT)
    assert paths.attempts() == [1, 2]
    assert home_of(paths) == "p-2"
    session.step(f"that run finished on p-2, from step {resumed(paths)}")


def settings(steps: int) -> tuple[str, ...]:
    """Words that make runs long, with checkpoints now and then."""
    return ("--set", f"total_timesteps={steps}", "--set", "train_freq=4", "--set", "save_freq=50000")


def resumed(paths: RunPaths) -> int:
    """The step from which the second attempt went on; 0 before it did."""
    if not paths.events(2).exists():
        return 0
    events = (line.event for line in read_lines(paths.events(2))[0])
    return next((event.step for event in events if isinstance(event, Resume)), 0)


def outcomes(paths: RunPaths, attempt: int) -> list[str]:
    """How an attempt ended."""
    return [
        line.event.outcome for line in read_lines(paths.events(attempt))[0] if isinstance(line.event, End)
    ]


def assert_finished(paths: RunPaths, steps: int) -> None:
    """A run used up its budget."""
    view = load_view(paths)
    assert isinstance(view.state, Finished)
    assert view.step == steps

"""The laptop of a network of machines: a project, clients that end by their ids, runs here and there."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import support
import vm_lab
from process_lab import PROJECT
from vm_lab import Network

from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.runs.homes import home_of

NAMES = ("vm-1", "vm-2", "vm-3")
FOLDER = Path("deeprl/a-study/runs")
LONG = ("--set", "total_timesteps=200000")
WATCHER = """
import json, random, sys, time
from pathlib import Path
from deeprl_tui.hosts import ssh
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.link import Link
name, root = sys.argv[1], Path(sys.argv[2])
fleet = Fleet(time.time)
opening = {"folder": "~/deeprl/a-study", "cores": 1}
clocks = {"monotonic": time.monotonic, "random": random.Random(1)}
link = Link(name, ssh.command(name), opening, Mirror(root, name), fleet, **clocks)
link.start()
said = None
while True:
    for host in fleet.snapshot().hosts:
        now = [host.fault, host.warning, int(host.now)]
        if now != said:
            said = now
            print(json.dumps(said), flush=True)
    time.sleep(0.02)
"""
DASHBOARD = """
import time
from pathlib import Path
from deeprl_tui import config, ops
from deeprl_tui.monitor.fleet import Fleet
feed = ops.watch_everywhere(config.load(Path(config.FILE)), Path(ops.RUNS), Fleet(time.time))
while True:
    time.sleep(1)
"""


class Here:
    """The laptop: a project, and clients that are ended by their ids."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.root = folder / "runs"
        self.machines = network.machines
        self._clients: list[subprocess.Popen[str]] = []
        hosts = "".join(f"[hosts.{name}]\ncores = 1\n" for name in NAMES)
        (folder / "experiments.toml").write_text(f'[project]\nname = "a study"\n{hosts}{PROJECT}')

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a program in the project."""
        file = self.folder / f"client-{len(self._clients)}.txt"
        with open(file, "w") as out:
            client = subprocess.Popen(
                [*vm_lab.TIED, *words], cwd=self.folder, stdout=out, stderr=out, text=True
            )
        self._clients.append(client)
        return client

    def deeprl(self, *words: str) -> subprocess.Popen[str]:
        """Start the command line."""
        return self.start(sys.executable, "-m", "deeprl_tui", *words)

    def kill(self, client: subprocess.Popen[str]) -> None:
        """End a client and its ssh at once."""
        signal_all(client, signal.SIGKILL)
        client.wait()

    def told(self, client: subprocess.Popen[str]) -> str:
        """What a client said so far."""
        return (self.folder / f"client-{self._clients.index(client)}.txt").read_text()

    def runs(self) -> dict[str, RunPaths]:
        """The run that lives on each machine."""
        return {home_of(paths): paths for paths in RootPaths(self.root).runs()}

    def sizes(self) -> dict[str, int]:
        """Bytes of the newest log of the run of each machine."""
        found = {}
        for name, paths in self.runs().items():
            attempts = paths.attempts()
            found[name] = paths.events(attempts[-1]).stat().st_size if attempts else 0
        return found

    def wait_growth(self, names: tuple[str, ...], what: str, seconds: float = 90.0) -> None:
        """Wait until data of each of these machines arrived, that was not here before."""
        before = self.sizes()
        more = 4 * 200  # some lines
        support.wait_until(
            lambda: all(self.sizes().get(name, 0) > before.get(name, 0) + more for name in names),
            seconds,
            f"data of {names} {what}",
        )

    def there(self, name: str) -> RunPaths:
        """The run on a machine, as it is there."""
        (paths,) = RootPaths(self.machines[name].home / FOLDER).runs()
        return paths

    def close(self) -> None:
        """End all clients, and what they left on the machines."""
        for client in self._clients:
            self.kill(client)
            print(client.args, self.told(client), sep="\n")  # noqa: T201  shown with a test that fails
        for machine in self.machines.values():
            machine.mend()
            workers = [pid for pid, words in machine.processes().items() if "sshd:" not in words[0]]
            for pid in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            support.wait_until(lambda pids=workers: not any(map(support.alive, pids)), 30, "the end")  # type: ignore[misc]
            if (folder := machine.home / FOLDER).exists():
                folder.rename(folder.with_name(f"old-{time.monotonic_ns()}"))


def children(pid: int) -> list[int]:
    """The living children of a process."""
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for task in tasks for child in task.read_text().split()]
    return []


def signal_all(client: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to a client and its ssh processes."""
    for pid in (client.pid, *children(client.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

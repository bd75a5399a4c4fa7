"""Ways in: more than an sshd lets in, one that is frozen, and those of the user's own configuration."""

import shlex
import signal
import sys
import time
from pathlib import Path

import pytest
import support
import vm_lab
from laptop_lab import DASHBOARD, FOLDER, WATCHER, Here
from process_lab import PROJECT
from vm_lab import Machine, Network

from deeprl_tui.core.layout import RunPaths
from deeprl_tui.monitor.link import SILENT_S

pytestmark = [
    pytest.mark.skipif(bool(vm_lab.lacks()), reason=vm_lab.lacks() or "-"),
    pytest.mark.timeout(120),
]
MANY = 12
STRANGERS = 9
"""Connections that never log in: with those that log in, sshd begins to drop at the tenth."""
OWN = """
Host behind
  HostName {address}
  HostKeyAlias vm-3
  ProxyJump vm-1
  ControlMaster auto
  ControlPath {socket}
  ControlPersist 5
"""
HOLD = """
import socket, sys, time
held = [socket.create_connection((sys.argv[1], 22)) for _ in range(int(sys.argv[2]))]
for one in held:
    one.recv(100)
print("held", flush=True)
time.sleep(1000)
"""


def test_more_than_sshd_lets_in(here: Here, network: Network) -> None:
    """Twelve hosts behind one sshd that drops connections, each asked for logs and files: all comes home."""
    machine = here.machines["vm-1"]
    names = [f"h-{number}" for number in range(MANY)]
    tables = "".join(f'[hosts.{name}]\naddress = "vm-1"\nroot = "~/{name}"\n' for name in names)
    (here.folder / "experiments.toml").write_text(f'[project]\nname = "a study"\n{tables}{PROJECT}')
    there = [
        support.make_run(
            machine.home / name / "a-study/runs",
            support.spec(seed=seed),
            [(0.0, support.start()), *support.training(200)],
        )
        for seed, name in enumerate(names)
    ]
    machine.give()
    crowd = here.start(*network.in_laptop, sys.executable, "-c", HOLD, machine.address, str(STRANGERS))
    support.wait_until(lambda: "held" in here.told(crowd), 30, "the strangers")
    here.start(sys.executable, "-c", DASHBOARD)
    support.wait_until(lambda: "MaxStartups throttling" in said(machine), 30, "sshd to drop some")
    here.kill(crowd)
    support.wait_until(lambda: all(same(here, paths) for paths in there), 60, "all logs")


def test_frozen_serve(here: Here) -> None:
    """A frozen `serve` is replaced after some seconds; once it thaws it finds nobody and ends."""
    machine = here.machines["vm-2"]
    paths = support.make_run(machine.home / FOLDER, support.spec(), [(0.0, support.start())])
    machine.give()
    here.root.mkdir()
    here.start(sys.executable, "-c", WATCHER, "vm-2", str(here.root))
    support.wait_until(lambda: same(here, paths), 30, "the log")
    frozen = serving(machine)
    assert machine.signal("serve", signal.SIGSTOP) == 1
    support.write(paths, 1, support.training(100))
    support.wait_until(lambda: same(here, paths), 60, "new lines, from another process")
    assert any(map(support.alive, frozen))
    assert serving(machine) - frozen
    machine.signal("serve", signal.SIGCONT)
    support.wait_until(lambda: not any(map(support.alive, frozen)), 30, "those that were frozen to end")


def test_own_configuration(here: Here, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine behind another, one connection for all sessions: as the user's ssh has it, also when cut."""
    jump, machine = here.machines["vm-1"], here.machines["vm-3"]
    file = here.folder / "ssh_config"
    own = OWN.format(address=machine.address, socket=here.folder / "%n")
    file.write_text(own + (network.folder / "ssh_config").read_text())
    monkeypatch.setenv("DEEPRL_SSH", shlex.join([*network.in_laptop, "ssh", "-F", str(file)]))
    (here.folder / "experiments.toml").write_text(f'[project]\nname = "a study"\n[hosts.behind]\n{PROJECT}')
    paths = support.make_run(machine.home / FOLDER, support.spec(), [(0.0, support.start())])
    machine.give()
    dashboard = here.start(sys.executable, "-c", DASHBOARD)
    support.wait_until(lambda: same(here, paths), 30, "the log")
    support.wait_until(lambda: len(serving(machine)) == 2, 30, "a session for files: " + here.told(dashboard))
    logins = [line for line in said(machine).splitlines() if "Accepted" in line]
    assert [f" from {jump.address} " in line for line in logins] == [True]
    jump.cut()
    began = time.monotonic()
    support.write(paths, 1, support.training(10))
    support.wait_until(lambda: time.monotonic() - began > SILENT_S + 2, 30, "the cut to be seen")
    jump.mend()
    support.wait_until(lambda: same(here, paths), 60, "new lines")


def said(machine: Machine) -> str:
    """What a machine's sshd said."""
    return (machine.folder / "sshd.log").read_text()


def serving(machine: Machine) -> set[int]:
    """The processes that serve."""
    return {pid for pid, words in machine.processes().items() if words[-1] == "serve"}


def same(here: Here, there: RunPaths) -> bool:
    """Whether the log of a run is here as it is there."""
    mine = RunPaths(here.root / Path(*there.folder.parts[-3:])).events(1)
    return mine.exists() and mine.read_bytes() == there.events(1).read_bytes()

"""Three machines on a network: links cut short and long, what is killed and frozen, a crash, full disks."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import support
import vm_lab
from laptop_lab import DASHBOARD, FOLDER, LONG, NAMES, WATCHER, Here, children, signal_all
from vm_lab import Machine, Network

from deeprl_tui.core.events import Resume
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.log import read_lines
from deeprl_tui.monitor.link import SILENT_S
from deeprl_tui.runs.homes import read_status

pytestmark = [
    pytest.mark.skipif(bool(vm_lab.lacks()), reason=vm_lab.lacks() or "-"),
    pytest.mark.timeout(300),
]


def test_training_outlives_all_faults(here: Here) -> None:
    """Cuts, kills and freezes on both sides: training goes on, and its logs come home once, byte for byte."""
    first = here.deeprl("run", "base", "--seeds", "3", *LONG, "--on", ",".join(NAMES))
    support.wait_until(
        lambda: len(here.sizes()) == 3 and all(size > 0 for size in here.sizes().values()),
        120,
        "three runs to begin: " + here.told(first),
    )
    second = here.deeprl("attach")
    one, two, three = (here.machines[name] for name in NAMES)
    two.cut()  # long, while one client sleeps
    signal_all(second, signal.SIGSTOP)
    began = time.monotonic()
    one.cut()  # short
    assert three.signal("serve", signal.SIGKILL)
    for pid in children(first.pid):
        os.kill(pid, signal.SIGKILL)  # its ssh processes, in the middle of a line or not
    support.wait_until(lambda: time.monotonic() - began > 2, 10, "a short cut")
    one.mend()
    here.wait_growth(("vm-1", "vm-3"), "after a short cut and kills")
    assert three.signal("serve", signal.SIGSTOP)  # a frozen host is silent
    support.wait_until(lambda: time.monotonic() - began > SILENT_S + 3, 30, "a long cut")
    two.mend()
    signal_all(second, signal.SIGCONT)
    here.wait_growth(NAMES, "after a long cut, a sleep and a freeze")
    first.kill()
    first.wait()
    here.wait_growth(NAMES, "for the second client alone")
    stop = here.deeprl("stop", "--all")
    assert stop.wait(60) == 0, here.told(stop)
    assert second.wait(90) is not None
    for name in NAMES:
        mine, its = here.runs()[name], here.there(name)
        assert its.attempts() == [1]  # no fault on the way touched the training
        assert mine.events(1).read_bytes() == its.events(1).read_bytes()
        numbers = [line.n for line in read_lines(mine.events(1))[0]]
        assert numbers == list(range(1, len(numbers) + 1))


def test_reboot(here: Here) -> None:
    """After its machine was off, a lost run goes on when asked; later again because a dashboard sees it."""
    machine = here.machines["vm-1"]
    client = here.deeprl("run", "base", "--seeds", "1", *LONG, "--on", "vm-1")
    support.wait_until(lambda: here.sizes().get("vm-1", 0) > 0, 120, "the run to begin")
    there = here.there("vm-1")
    support.wait_until(there.checkpoint.exists, 60, "a checkpoint")
    here.kill(client)
    machine.crash()
    machine.boot()
    (run,) = map(str, map(name_of, here.runs().values()))
    asked = here.deeprl("resume", run)
    assert asked.wait(60) == 0, here.told(asked)
    assert "goes on from step" in here.told(asked)
    support.wait_until(lambda: resumed(there, 2) > 0, 60, "the run to go on from its checkpoint")

    here.start(sys.executable, "-c", DASHBOARD)
    (mine,) = here.runs().values()
    support.wait_until(lambda: resumed(mine, 2) > 0, 60, "the second attempt to come home")
    machine.crash()
    machine.boot()
    support.wait_until(lambda: resumed(mine, 3) > 0, 90, "the third attempt, and that it comes home")
    assert mine.events(1).read_bytes() == there.events(1).read_bytes()


def resumed(paths: RunPaths, attempt: int) -> int:
    """The step from which an attempt went on; 0 before it did."""
    if not paths.events(attempt).exists():
        return 0
    events = (line.event for line in read_lines(paths.events(attempt))[0])
    return next((event.step for event in events if isinstance(event, Resume)), 0)


@pytest.fixture
def written(here: Here) -> Iterator[RunPaths]:
    """A run on vm-2 whose worker is this test."""
    root = here.machines["vm-2"].home / FOLDER
    paths = support.make_run(root, support.spec(), [(0.0, support.start())])
    here.machines["vm-2"].give()
    with FileLock.acquire(paths.lock, "the test"):
        yield paths


def test_slow_and_lossy(here: Here, network: Network) -> None:
    """At 200 ms there and back, a packet in a hundred lost, a long log comes home and new lines follow."""
    machine = network.machine("far")
    try:
        vm_lab.prepare_home(machine.home)
        paths = support.make_run(
            machine.home / FOLDER, support.spec(), [(0.0, support.start()), *support.training(2000)]
        )
        machine.give()
        machine.slow(0.1, 0.01)
        here.root.mkdir()
        here.start(sys.executable, "-c", WATCHER, "far", str(here.root))
        support.wait_until(lambda: same(here.root, paths), 90, "the log over a slow link")
        support.write(paths, 1, support.training(10, first=2001, step=20_000))
        support.wait_until(lambda: same(here.root, paths), 30, "new lines over a slow link")
    finally:
        machine.close()
        del network.machines["far"]


def test_no_space_here(here: Here, written: RunPaths) -> None:
    """With a full disk here the host stays in sight and it is said; with space again the log is whole."""
    here.root.mkdir()
    watch = f"exec {sys.executable} -c '{WATCHER}' vm-2 {here.root}"
    words = f"mount -t tmpfs -o size=64k none {here.root} && {watch}"
    client = here.start("unshare", "--mount", "sh", "-c", words)
    inside = Path(f"/proc/{client.pid}/root{here.root}")
    support.wait_until(lambda: "[" in here.told(client), 60, "the first word")
    support.write(written, 1, support.training(800))
    support.wait_until(lambda: "cannot be kept here (no space" in here.told(client), 60, "the warning")
    before = last(here.told(client))
    support.wait_until(lambda: last(here.told(client))[2] > before[2] + 2, 30, "the host to be in sight")  # type: ignore[operator]
    assert last(here.told(client))[0] == ""
    grow = ["nsenter", f"--mount=/proc/{client.pid}/ns/mnt", "mount", "-o", "remount,size=8m", str(here.root)]
    subprocess.run(grow, check=True)
    support.wait_until(lambda: same(inside, written), 60, "the log")
    support.wait_until(lambda: last(here.told(client))[1] == "", 30, "the warning to end")


def test_no_space_there(here: Here) -> None:
    """On a machine with a full disk nothing is launched; it says so, and what is there still comes home."""
    machine: Machine = here.machines["vm-3"]
    disk = machine.mount_small(machine.home / FOLDER.parent, "256k")
    paths = support.make_run(disk / "runs", support.spec(), [(0.0, support.start())])
    machine.give(disk)
    rest = disk / "rest"
    with contextlib.suppress(OSError):
        rest.write_bytes(bytes(1 << 20))
    client = here.deeprl("run", "base", "--seeds", "1", *LONG, "--on", "vm-3")
    support.wait_until(lambda: "No space left on device" in here.told(client), 60, "the reason")
    support.wait_until(lambda: same(here.root, paths), 30, "the log")
    rest.unlink()
    here.deeprl("attach", "vm-3")
    support.wait_until(lambda: (disk / "runs/base+total_timesteps=200000").exists(), 60, "the launch")


def test_worker_without_space(here: Here) -> None:
    """A run whose disk is full says so and what to do; what is there comes home; with space it goes on."""
    disk = here.machines["vm-2"].mount_small(here.machines["vm-2"].home / FOLDER.parent, "4m")
    here.deeprl("run", "base", "--seeds", "1", *LONG, "--on", "vm-2")
    support.wait_until(lambda: here.sizes().get("vm-2", 0) > 1000, 20, "the run to begin")
    (there,) = RootPaths(disk / "runs").runs()
    rest = disk / "rest"
    with contextlib.suppress(OSError):
        rest.write_bytes(bytes(8 << 20))
    paths = here.runs()["vm-2"]
    support.wait_until(lambda: read_status(there) != "", 60, "the worker to find no space")
    listed = here.deeprl("attach", "vm-2", "--json")
    support.wait_until(lambda: "disk full" in here.told(listed), 30, "the words")
    support.wait_until(lambda: same(here.root, there), 30, "the log")
    before = there.events(1).stat().st_size
    rest.unlink()
    support.wait_until(lambda: there.events(1).stat().st_size > before + 2000, 30, "the run to go on")
    support.wait_until(lambda: paths.events(1).stat().st_size > before + 2000, 30, "and that it comes home")
    assert there.attempts() == [1]


def same(root: Path, there: RunPaths) -> bool:
    """Whether the log of a run is here as it is there."""
    name = there.folder.relative_to(there.folder.parents[2])
    mine = RunPaths(root / name).events(1)
    return mine.exists() and mine.read_bytes() == there.events(1).read_bytes()


def last(told: str) -> list[object]:
    """The last word of a watcher."""
    words: list[object] = json.loads(told.rstrip("\n").splitlines()[-1])
    return words


def test_nothing_is_left(network: Network) -> None:
    """A machine that is switched off leaves no process and no link."""
    machine = network.machine("gone")
    before = machine.processes()
    machine.close()
    del network.machines["gone"]
    assert not any(map(support.alive, before))
    links = subprocess.run(
        [*network.in_switch, "ip", "-o", "link"], capture_output=True, text=True, check=True
    )
    assert links.stdout.count("master br0") == len(network.machines) + 1

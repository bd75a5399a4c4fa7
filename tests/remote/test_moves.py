"""Files that come home and runs that go elsewhere, over real links that are cut; a host that comes back."""

import hashlib
import sys
from pathlib import Path

import pull_lab
import pytest
import support
import vm_lab
from laptop_lab import FOLDER, LONG, Here

from deeprl_tui.core.events import Resume
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.log import read_lines
from deeprl_tui.errors import ExitCode
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_view

pytestmark = [
    pytest.mark.skipif(bool(vm_lab.lacks()), reason=vm_lab.lacks() or "-"),
    pytest.mark.timeout(300),
]
LARGE = 24 << 20
IMPATIENT = """
import time
from pathlib import Path
from deeprl_tui import config, ops
from deeprl_tui.monitor.fleet import Fleet
project, root, fleet = config.load(Path(config.FILE)), Path(ops.RUNS).resolve(), Fleet(time.time)
feed = ops.watch(root, fleet)
hosts = ops.Hosts(root, project.name, project.hosts, fleet, old_after=lambda host: 1.0)
hosts.pull_in_background()
hosts.attach()
while True:
    time.sleep(1)
"""
"""A dashboard that waits for no host for longer than a second after it was seen to be silent."""


def test_a_large_pull_goes_on_at_the_byte(here: Here) -> None:
    """A link cut in the middle of 24 MB: later only the rest comes, and the file is that of the host."""
    machine = here.machines["vm-1"]
    there = support.make_run(machine.home / FOLDER, support.spec(), [(0.0, support.start())])
    there.buffer_log.write_bytes(b"")
    there.checkpoint.write_bytes(pull_lab.checkpoint(0, 0, LARGE))
    machine.give()
    listing = here.deeprl("attach", "vm-1", "--json")
    support.wait_until(lambda: len(here.runs()) == 1, 30, "the run to be known")
    here.kill(listing)
    (mine,) = here.runs().values()
    for left in parts(mine):
        left.unlink()

    pull = here.deeprl("pull", "--all")
    support.wait_until(lambda: came(mine) > LARGE // 8, 60, "an eighth")
    machine.cut()
    assert pull.wait(60) == ExitCode.REFUSED, here.told(pull)
    (part,) = parts(mine)
    before = part.stat().st_size
    assert before < LARGE
    assert not mine.checkpoint.exists()

    machine.mend()
    sent = machine.sent()
    again = here.deeprl("pull", "--all")
    again.wait(60)
    assert mine.checkpoint.exists(), here.told(again)
    assert machine.sent() - sent < 1.5 * (LARGE - before) + 200_000  # base64 and ssh take more than a third
    assert digest(mine.checkpoint) == digest(there.checkpoint)
    assert not parts(mine)


def test_move_while_it_trains(here: Here) -> None:
    """A run goes from a machine to another at its next checkpoint; the one is left, the other goes on."""
    begin(here, "vm-3")
    there = here.there("vm-3")
    move = here.deeprl("move", "base*", "--to", "vm-2")
    assert move.wait(90) == ExitCode.OK, here.told(move)
    assert "goes on from step" in here.told(move)
    now = here.there("vm-2")
    support.wait_until(lambda: resumed(now, 2) > 0, 60, "the run to go on: " + here.told(move))
    assert not is_held(there.lock)
    assert there.attempts() == [1]
    assert now.events(1).read_bytes() == there.events(1).read_bytes()


def test_a_host_that_comes_back_has_lost_its_run(here: Here) -> None:
    """A run goes on elsewhere while its host is cut off; back again it gives up, its words do not count."""
    one = here.machines["vm-1"]
    begin(here, "vm-1")
    old = here.there("vm-1")
    pull = here.deeprl("pull", "--all")
    pull.wait(60)
    (mine,) = here.runs().values()
    assert mine.checkpoint.exists(), here.told(pull)
    dashboard = here.start(sys.executable, "-c", IMPATIENT)
    support.wait_until(lambda: len(heard(here)) == 3, 30, "all machines to be heard")
    one.cut()
    support.wait_until(lambda: home_of(mine) == "vm-2", 90, "the run to be given away")
    kept, written = mine.events(1).read_bytes(), old.events(1).stat().st_size
    support.wait_until(lambda: resumed(mine, 2) > 0, 60, "the run to go on: " + here.told(dashboard))
    new = here.there("vm-2")
    assert is_held(old.lock)
    support.wait_until(lambda: old.events(1).stat().st_size > written, 30, "the old worker to write on")

    one.mend()
    support.wait_until(lambda: not is_held(old.lock), 90, "the old worker to give up")
    grown = mine.events(2).stat().st_size
    support.wait_until(lambda: mine.events(2).stat().st_size > grown, 30, "the new one to go on")
    assert old.host.exists()
    assert old.attempts() == [1]
    assert len(old.events(1).read_bytes()) > len(kept)
    assert mine.events(1).read_bytes() == kept == new.events(1).read_bytes()
    assert is_held(new.lock)
    assert load_view(mine, held=True).attempt == 2


def begin(here: Here, name: str) -> None:
    """Launch a run on a machine and look on until it has a checkpoint there."""
    client = here.deeprl("run", "base", "--seeds", "1", *LONG, "--on", name)
    support.wait_until(lambda: here.sizes().get(name, 0) > 1000, 60, "the run to begin")
    support.wait_until(here.there(name).checkpoint.exists, 60, "a checkpoint")
    here.kill(client)


def resumed(paths: RunPaths, attempt: int) -> int:
    """The step from which an attempt went on; 0 before it did."""
    if not paths.events(attempt).exists():
        return 0
    events = (line.event for line in read_lines(paths.events(attempt))[0])
    return next((event.step for event in events if isinstance(event, Resume)), 0)


def heard(here: Here) -> list[Path]:
    """What is remembered of hosts."""
    state = RootPaths(here.root).host_state("vm-1")
    return list(state.parent.glob("*" + state.suffix)) if state.parent.exists() else []


def parts(paths: RunPaths) -> list[Path]:
    """Files that are not whole yet."""
    return list(paths.folder.glob(".*.part"))


def came(paths: RunPaths) -> int:
    """Bytes of them."""
    return sum(part.stat().st_size for part in parts(paths))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""A host far away: what one waits for over a link of 200 ms there and back that loses a packet in a hundred.

    sudo .venv/bin/python benchmarks/far.py [--delay 0.1] [--loss 0.01] [--rounds 5] [--megabytes 5]

The host is a set of namespaces with an sshd (`tests/vm_lab.py`), the link `tests/slow_wire.py`: each packet
takes `--delay` in each direction. Medians, and the slowest; beside them the same without delay or loss.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import pull_lab  # noqa: E402
import support  # noqa: E402
import vm_lab  # noqa: E402

from deeprl_tui import ops  # noqa: E402
from deeprl_tui.config import Host  # noqa: E402
from deeprl_tui.core.layout import RootPaths  # noqa: E402
from deeprl_tui.core.lock import FileLock  # noqa: E402
from deeprl_tui.core.spec import RunId  # noqa: E402
from deeprl_tui.hosts.mirror import Mirror  # noqa: E402
from deeprl_tui.hosts.parcel import Environment, Piece  # noqa: E402
from deeprl_tui.hosts.push import push  # noqa: E402
from deeprl_tui.monitor.fleet import Fleet  # noqa: E402
from deeprl_tui.ops.remote import Hosts  # noqa: E402

NAME = "far"
PATIENCE_S = 300.0
ENV = Environment(Piece("a.whl", b"a"), Piece("pip.whl", b"p"), ())


class Far:
    """A machine with a run, and this machine's mirror of it."""

    def __init__(self, folder: Path, network: vm_lab.Network, megabytes: int) -> None:
        self.machine = network.machine(NAME)
        vm_lab.prepare_home(self.machine.home)
        ready = self.machine.home / ".deeprl" / "env" / ENV.digest
        ready.mkdir(parents=True)
        (ready / "ready").touch()
        self.host = Host(NAME, NAME, python=sys.executable)
        self.runs = self.machine.home / "deeprl/study/runs"
        self.there = support.make_run(
            self.runs, support.spec(), [(0.0, support.start()), *support.training(1000)]
        )
        self.there.buffer_log.write_bytes(b"")
        self.there.checkpoint.write_bytes(pull_lab.checkpoint(0, 0, megabytes << 20))
        RootPaths(self.runs).supervisor_lock.touch()
        self.machine.give()
        self.lock = FileLock.acquire(
            RootPaths(self.runs).supervisor_lock, "nothing trains while this measures"
        )
        self._folder, self._seed = folder, 100

    def measure(self) -> dict[str, float]:
        """Each wait once, in seconds, with nothing here."""
        root = Path(tempfile.mkdtemp(dir=self._folder)) / "runs"
        root.mkdir()
        fleet, found = Fleet(time.time), {}
        hosts = Hosts(root, "study", {NAME: self.host}, fleet, random=Random(1))
        began = time.monotonic()
        subprocess.run([*shlex.split(os.environ["DEEPRL_SSH"]), NAME, "true"], check=True)
        found["ssh alone, nothing done there"] = time.monotonic() - began
        began = time.monotonic()
        hosts.attach()
        found["attach: the host is up"] = _until(
            began, lambda: any(view.now for view in fleet.snapshot().hosts)
        )
        found["attach: a log of 1,000 episodes"] = _until(
            began, lambda: _size(root) == self.there.events(1).stat().st_size
        )
        began = time.monotonic()
        hosts.link(NAME).call("ping", {}, PATIENCE_S)
        found["a request to a host that is attached"] = time.monotonic() - began
        self._seed += 1
        began = time.monotonic()
        hosts.launch(NAME, [support.spec("other", self._seed)])
        found["launch of a run"] = time.monotonic() - began
        began = time.monotonic()
        line = hosts.line(NAME)
        run = RunId("CP_basic", 0)
        (brought,) = ops.pull(root, NAME, line, [(run, dict(Mirror(root, NAME).runs())[run])])
        assert brought.pulled is not None, brought.why
        found["pull of a checkpoint"] = time.monotonic() - began
        began = time.monotonic()
        (brought,) = ops.pull(root, NAME, line, [(run, dict(Mirror(root, NAME).runs())[run])])
        assert brought.pulled is not None, brought.why
        found["pull of nothing new, connected"] = time.monotonic() - began
        line.hang_up()
        hosts.close()
        file = Piece("experiments.toml", b"")
        serve = self.machine.home / ".deeprl" / "serve"
        kept = serve.read_text()
        found["push of nothing new"] = push(self.host, "~/deeprl/study", [file], pack=lambda _: ENV).seconds
        serve.write_text(kept)
        return found


def _until(began: float, condition: Callable[[], bool]) -> float:
    support.wait_until(condition, PATIENCE_S, "the host")
    return time.monotonic() - began


def _size(root: Path) -> int:
    logs = [paths.events(1) for paths in RootPaths(root).runs() if paths.folder.parts[-3] == "CP_basic"]
    return sum(log.stat().st_size for log in logs if log.exists())


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--delay", type=float, default=0.1)
    parser.add_argument("--loss", type=float, default=0.01)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=5)
    asked = parser.parse_args(words)
    if lacks := vm_lab.lacks():
        sys.exit(lacks)
    with tempfile.TemporaryDirectory() as folder:
        network = vm_lab.Network(Path(folder) / "net")
        os.environ["DEEPRL_SSH"] = network.ssh
        try:
            far = Far(Path(folder), network, asked.megabytes)
            near = [far.measure() for _ in range(asked.rounds)]
            far.machine.slow(asked.delay, asked.loss)
            slow = [far.measure() for _ in range(asked.rounds)]
        finally:
            network.close()
    for what in slow[0]:
        times, plain = [one[what] for one in slow], statistics.median(one[what] for one in near)
        sys.stdout.write(f"{what:40} {statistics.median(times):6.2f} {max(times):6.2f}   {plain:6.2f}\n")


if __name__ == "__main__":
    main()

"""Other machines: a push to a bare one, coming back to many of them, cuts of the wire.

    .venv/bin/python benchmarks/hosts.py push      an sshd of one's own on loopback, an empty home folder
    .venv/bin/python benchmarks/hosts.py attach [--hosts 12] [--runs 8] [--episodes 2000]
    .venv/bin/python benchmarks/hosts.py fold      what a line of a log costs, at once and one by one

`attach`: every host is a process here that serves a home folder of its own, so this machine does the work of
all; the clock runs from the first connection until every curve of the dashboard's picture shows its newest
point (current), and until every line of all logs is in it (whole).
Woken: the dashboard was there all the time and its connections were not.
"""

import argparse
import contextlib
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import support  # noqa: E402
import vm_lab  # noqa: E402

from deeprl_tui import ops  # noqa: E402
from deeprl_tui.config import Host  # noqa: E402
from deeprl_tui.core.fold import RunFold  # noqa: E402
from deeprl_tui.core.layout import RunPaths  # noqa: E402
from deeprl_tui.core.lock import FileLock  # noqa: E402
from deeprl_tui.core.log import LineReader  # noqa: E402
from deeprl_tui.core.spec import RunId  # noqa: E402
from deeprl_tui.hosts import parcel  # noqa: E402
from deeprl_tui.hosts.parcel import Piece  # noqa: E402
from deeprl_tui.hosts.push import push  # noqa: E402
from deeprl_tui.monitor.fleet import Fleet  # noqa: E402
from deeprl_tui.monitor.watch import PIECE  # noqa: E402
from deeprl_tui.ops.remote import Hosts  # noqa: E402

FAKE = ROOT / "tests" / "fake_ssh.py"
PATIENCE_S = 120.0
WAY_TO_INDEX = re.compile(r"^(UV|PIP|SSL|REQUESTS|CURL)_|_(proxy|PROXY)$")
"""Variables that tell how this machine reaches a package index: the pushed one gets them too."""


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def measure_push(folder: Path) -> None:
    """Three pushes: with downloads, after downloads, with nothing to do."""
    way = {name: value for name, value in os.environ.items() if WAY_TO_INDEX.search(name)}
    machine = vm_lab.Loopback(folder, way)
    os.environ["DEEPRL_SSH"] = machine.ssh
    host, file = Host("me", "me", python="/usr/bin/python3"), Piece("experiments.toml", b"")
    began = time.monotonic()
    env = parcel.environment()  # once: somebody may edit this checkout meanwhile
    say(f"packing: {time.monotonic() - began:.1f} s")
    try:
        for what in ("with downloads", "after downloads", "nothing new"):
            if what == "after downloads":
                shutil.rmtree(machine.home / ".deeprl")
            done = push(host, "~/deeprl/study", [file], say=lambda told: say(f"  {told}"), pack=lambda _: env)
            say(f"push, {what}: {done.seconds:.1f} s, {done.sent / 1e6:.1f} MB sent")
    finally:
        machine.close()


class Far:
    """Hosts whose runs are held by this process."""

    def __init__(self, folder: Path, hosts: int, runs: int) -> None:
        self.here = folder / "here" / "runs"
        self.here.mkdir(parents=True)
        self.names = [f"vm-{number}" for number in range(hosts)]
        self.runs: dict[RunId, RunPaths] = {}
        self._locks: list[FileLock] = []
        self._episodes = 0
        for number, name in enumerate(self.names):
            home = folder / "homes" / name
            vm_lab.prepare_home(home, number)
            for seed in range(runs):
                spec = support.spec(seed=number * runs + seed)
                paths = support.make_run(home / "deeprl/study/runs", spec, [(0.0, support.start())])
                self._locks.append(FileLock.acquire(paths.lock, "benchmark"))
                self.runs[spec.id] = paths

    def grow(self, episodes: int) -> int:
        """Let every run write so many episodes; returns the bytes of all."""
        timed = support.training(episodes, first=self._episodes + 1, step=10 * self._episodes)
        self._episodes += episodes
        first, *others = self.runs.values()
        before = first.events(1).stat().st_size
        support.write(first, 1, timed)
        news = first.events(1).read_bytes()[before:]
        for paths in others:
            with open(paths.events(1), "ab") as log:
                log.write(news)
        return len(news) * len(self.runs)

    def attach(self, fleet: Fleet) -> tuple[float, float, float]:
        """Connect to all; seconds until all curves are current and whole, and CPU seconds of this process."""
        links = self._links(fleet)
        began, cpu = time.monotonic(), time.process_time()
        links.attach()
        try:
            support.wait_until(lambda: self._current(fleet), PATIENCE_S, "all curves")
            current = time.monotonic() - began
            support.wait_until(lambda: self._whole(fleet), PATIENCE_S, "all episodes")
            return current, time.monotonic() - began, time.process_time() - cpu
        finally:
            links.close()

    def open(self) -> tuple[Fleet, Callable[[], None]]:
        """A dashboard's picture, and what ends it."""
        fleet = Fleet(time.time)
        self._links(fleet)  # as a dashboard does: what hosts said last is known before anything is read
        return fleet, ops.watch(self.here, fleet).close

    def _links(self, fleet: Fleet) -> Hosts:
        return Hosts(self.here, "study", {name: Host(name, name) for name in self.names}, fleet)

    def _current(self, fleet: Fleet) -> bool:
        views = fleet.snapshot().runs
        return len(views) == len(self.runs) and all(
            view.step == 10 * self._episodes for view in views.values()
        )

    def _whole(self, fleet: Fleet) -> bool:
        views = fleet.snapshot().runs.values()
        return all(len(view.curves["return"]) == self._episodes for view in views)


def measure_attach(folder: Path, hosts: int, runs: int, episodes: int) -> None:
    """A dashboard that is opened for the first time, that wakes up, and that is opened again."""
    os.environ["DEEPRL_SSH"] = f"{sys.executable} -S -E {FAKE}"
    os.environ["DEEPRL_FAKE_HOMES"] = str(folder / "homes")
    far = Far(folder, hosts, runs)
    fleet, close = far.open()
    for what, more in (
        ("opened, nothing here yet", episodes),
        ("woken after a while", episodes // 10),
        ("woken after long", episodes),
        ("opened again", 0),
    ):
        if what == "opened again":
            close()
            fleet, close = far.open()
        size = far.grow(more)
        current, whole, cpu = far.attach(fleet)
        times = f"curves are current after {current:.2f} s, whole after {whole:.2f} s"
        say(f"{hosts} hosts x {runs} runs, {what}: {times} ({size / 1e6:.1f} MB new, {cpu:.2f} s CPU here)")
    close()


def measure_fold(folder: Path, episodes: int) -> None:
    """CPU of reading and folding one log: in batches, and line by line."""
    paths = support.make_run(folder, support.spec(solved=1e9), support.training(episodes))
    log, lines = paths.events(1).read_bytes(), 2 * episodes
    cuts = [*range(0, len(log), PIECE), len(log)]
    pieces = [log[start:end] for start, end in pairwise(cuts)]

    def at_once() -> None:
        run, reader = RunFold(support.spec(solved=1e9)), LineReader()
        for piece in pieces:
            for what in reader.take(piece):
                run.take(1, what)

    def one_by_one() -> None:
        run, reader = RunFold(support.spec(solved=1e9)), LineReader()
        for piece in pieces:
            for line in reader.feed(piece):
                run.apply(1, line)

    for name, act in (("at once", at_once), ("one by one", one_by_one)):
        spent = []
        for _ in range(5):
            began = time.process_time()
            act()
            spent.append(time.process_time() - began)
        cpu = statistics.median(spent)
        say(f"{name}: {1e6 * cpu / lines:.1f} us a line, {len(log) / cpu / 1e6:.0f} MB a CPU second")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["push", "attach", "fold"])
    parser.add_argument("--hosts", type=int, default=12)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=2000)
    chosen = parser.parse_args(arguments)
    with folder_for_it() as folder:
        if chosen.what == "push":
            measure_push(folder)
        elif chosen.what == "fold":
            measure_fold(folder, 5 * chosen.episodes)
        else:
            measure_attach(folder, chosen.hosts, chosen.runs, chosen.episodes)


@contextlib.contextmanager
def folder_for_it() -> Iterator[Path]:
    """A folder that is removed."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


if __name__ == "__main__":
    main()

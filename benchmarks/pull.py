"""Files of one run from a host: all, the rest after a cut, what grew, nothing new; and to it.

    .venv/bin/python benchmarks/pull.py [--megabytes 100] [--round-trip MS]

ssh is a program that stays here, so this machine digests both sides. With a round trip, a far host is
compared with asking for one piece after the other; see `tests/far_ssh.py` for what the way carries.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import pull_lab  # noqa: E402
from pull_lab import RUN  # noqa: E402

from deeprl_tui.core.layout import RunPaths  # noqa: E402
from deeprl_tui.core.spec import Json  # noqa: E402
from deeprl_tui.errors import DeeprlError  # noqa: E402
from deeprl_tui.hosts import ssh  # noqa: E402
from deeprl_tui.hosts.artefacts import Progress, Pull  # noqa: E402
from deeprl_tui.hosts.delivery import deliver  # noqa: E402
from deeprl_tui.hosts.fetch import Asked  # noqa: E402
from deeprl_tui.hosts.mirror import Mirror  # noqa: E402
from deeprl_tui.hosts.ssh import HostError  # noqa: E402
from deeprl_tui.monitor.line import WINDOW, Line  # noqa: E402
from deeprl_tui.runs.moves import assign  # noqa: E402

FILES = 400


class Stepwise(Line):
    """A line with a bound on what is under way."""

    window = WINDOW

    def ask_all(self, asked: Iterable[Asked], *, window: int | None = None) -> Iterator[Json | DeeprlError]:
        """Ask many things."""
        return super().ask_all(asked, window=self.window)


class Lab:
    """A host that stays here, with a run."""

    def __init__(self, folder: Path, round_trip: float) -> None:
        self.folder, self.round_trip = folder, round_trip
        os.environ["DEEPRL_FAKE_HOMES"] = str(folder / "homes")
        os.environ["DEEPRL_FAKE_ROUND_TRIP"] = str(round_trip)
        for name in ("vm", "two", "three"):
            serve = folder / "homes" / name / ".deeprl" / "serve"
            serve.parent.mkdir(parents=True)
            serve.write_text(f"#!/bin/sh\nexec {sys.executable} -m deeprl_tui serve\n")
            serve.chmod(0o755)
        self.away = pull_lab.Away(folder / "homes" / "vm" / "study" / "runs")

    def mirror(self, name: str) -> RunPaths:
        """An empty mirror of the run, to bring it into."""
        return pull_lab.mirrored(self.folder / name, self.away)

    def timed(self, what: str, name: str, do: Callable[[Line], int], *, window: int = WINDOW) -> float:
        """Do something with a connection that is there already; say and return the bytes a second."""
        client = [sys.executable, str(ROOT / "tests" / ("far_ssh.py" if self.round_trip else "fake_ssh.py"))]
        line = Stepwise(name, ssh.command(name, client=client), {"folder": "~/study"})
        line.window = window
        try:
            line.ask("ping", {})
            began = time.perf_counter()
            came = do(line)
        finally:
            line.hang_up()
        seconds = time.perf_counter() - began
        print(f"{what:32}{came / 1e6:8.1f} MB {seconds:7.2f} s {came / 1e6 / seconds:7.1f} MB/s")
        return came / seconds

    def pull(self, what: str, name: str, *, window: int = WINDOW, cut: int = 0) -> float:
        """Pull into a mirror. cut: break off after so many bytes."""

        def say(at: Progress) -> None:
            if cut and at.done > cut:
                raise HostError("cut", place="vm")

        def do(line: Line) -> int:
            mirror = Mirror(self.folder / name, "vm")
            paths = dict(mirror.runs())[RUN]
            try:
                return Pull(mirror, RUN, paths, line, say=say, keep_free=0)().bytes
            except HostError:
                if not cut:
                    raise
                return cut

        return self.timed(what, "vm", do, window=window)


def near(lab: Lab, size: int) -> None:
    """A host without a way to it."""
    lab.mirror("here")
    lab.pull("cut at a fifth", "here", cut=size // 5)
    lab.pull("the rest", "here")
    lab.pull("nothing new", "here")
    pull_lab.replace(lab.away.paths.checkpoint, pull_lab.checkpoint(0, size + size // 50, 200_000, 2))
    lab.pull("a fiftieth more", "here")


def far(lab: Lab, size: int) -> None:
    """One piece after the other, and as it is; a large file and many small ones, here and there."""
    for name, window, to in (("one after the other", 0, "two"), ("as it is", WINDOW, "three")):
        paths = lab.mirror(name)
        lab.pull(f"large, {name}", name, window=window)
        assign(paths, to, 2)

        def send(line: Line, paths: RunPaths = paths) -> int:
            deliver(paths, line, "moved")
            return size

        lab.timed(f"sent, {name}", to, send, window=window)
    for number in range(2, FILES + 2):
        lab.away.paths.monitor(number).write_bytes(os.urandom(2000))
    pull_lab.replace(lab.away.paths.checkpoint, pull_lab.checkpoint(0, 1000, 2000, 3))
    for name, window in ((f"{FILES} small, one after the other", 0), (f"{FILES} small, as it is", WINDOW)):
        lab.mirror(name)
        lab.pull(name, name, window=window)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--round-trip", type=float, default=0, metavar="MS")
    asked = parser.parse_args()
    size = asked.megabytes * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), asked.round_trip / 1000)
        lab.away.paths.buffer_log.write_bytes(os.urandom(1 << 20) * (2 * size >> 20))
        pull_lab.replace(lab.away.paths.checkpoint, pull_lab.checkpoint(0, size, 200_000))
        (far if asked.round_trip else near)(lab, size)


if __name__ == "__main__":
    main()

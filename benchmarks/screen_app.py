"""The dashboard with 13 seeds that train on 24 cores, for `screen.py`; run it in a terminal to look.

    screen_app.py live FOLDER     a fake feed brings each seed an episode and a beat every second
    screen_app.py still FOLDER    the same runs, and the host says once that it lives: nothing happens
    screen_app.py empty FOLDER    no runs, and nobody brings any
    screen_app.py bare            a Textual app that shows a word

FOLDER is empty or was used for this before. The frames are those that a follower makes of logs on a disk.
"""

import math
import random
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deeprl_tui.core.events import Event

CORES = 24
LIVE = 13
EPISODES = 600
FILE = """\
[project]
name = "bench"

[experiments.LL_basic]
env = "LunarLander-v3"
baseline = true
solved = 200
seeds = 5
total_episodes = 5000
"""


def project(folder: Path) -> Path:
    """Write an experiments.toml with ten experiments."""
    folder.mkdir(parents=True, exist_ok=True)
    more = "".join(
        f'\n[experiments.LL_{k}]\nenv = "LunarLander-v3"\nseeds = 5\nlearning_rate = {k}e-4\n'
        for k in range(1, 10)
    )
    file = folder / "experiments.toml"
    file.write_text(FILE + more)
    return file


class Feeder:
    """Brings frames of runs that do not exist into a fleet."""

    def __init__(self, file: Path, fleet: object, live: bool) -> None:
        from deeprl_tui import config

        self._fleet, self._live = fleet, live
        self._stop = threading.Event()
        experiments = list(config.load(file).experiments.values())
        self._specs = [spec for one in experiments for spec in one.specs(range(5))]
        self._at = [0] * len(self._specs)
        self._sent = [0] * len(self._specs)
        self._lines = [1] * len(self._specs)
        self._draws = random.Random(0)

    def begin(self) -> "Feeder":
        """Send everything there is, and go on in a thread."""
        from deeprl_tui.core.events import End, Start
        from deeprl_tui.monitor.frames import Described, Hello

        self._apply(Hello(1, "0", "bench", "boot", tuple(range(CORES))))
        began = time.time() - 2 * EPISODES
        for at, spec in enumerate(self._specs):
            self._apply(Described(spec.id, spec.to_json().encode()))
            start = Start(at=began, attempt=1, pid=at, host="bench", cores=(at % CORES,), backend="c avx2")
            self._send(at, [(0.0, start)])
            self._send(at, [event for _ in range(EPISODES) for event in self._episode(at)])
            if at >= LIVE:
                self._send(at, [(0.0, End(began + EPISODES, "finished", 200 * EPISODES))])
        self._alive()
        if self._live:
            threading.Thread(target=self._run, daemon=True).start()
        return self

    def wake(self) -> None:
        """Nothing to look at."""

    def close(self) -> None:
        """End."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            for at in range(LIVE):
                self._send(at, self._episode(at))
            self._alive()

    def _episode(self, at: int) -> list[tuple[float, "Event"]]:
        from deeprl_tui.core.events import Beat, Episode

        self._at[at] += 1
        done = self._at[at]
        rise = 500 / (1 + math.exp(-done / (200 + 20 * at) + 3)) - 300 + self._draws.gauss(0, 40)
        beat = Beat(200 * done, 50 * done, 0.98 * done, 3 * 10**8, 200.0, 0.8, max(0.01, 1 - done / 500))
        return [(float(done), Episode(done, 200 * done, rise, 200)), (float(done), beat)]

    def _send(self, at: int, timed: list[tuple[float, "Event"]]) -> None:
        from deeprl_tui.core.events import Line, encode
        from deeprl_tui.monitor.frames import Data

        raw = b""
        for t, event in timed:
            raw += encode(Line(self._lines[at], t, event))
            self._lines[at] += 1
        self._apply(Data(self._specs[at].id, 1, self._sent[at], raw))
        self._sent[at] += len(raw)

    def _alive(self) -> None:
        from deeprl_tui.monitor.frames import Alive

        busy = tuple(0.9 + self._draws.random() / 10 if core < LIVE else 0.02 for core in range(CORES))
        held = frozenset(spec.id for spec in self._specs[:LIVE])
        self._apply(Alive(time.time(), busy, 11 * 2**30, 24 * 2**30, 61 * 2**30, held, True))

    def _apply(self, frame: object) -> None:
        self._fleet.apply("local", frame)  # type: ignore[attr-defined]


def dashboard(folder: Path, kind: str) -> None:
    """Run the dashboard."""
    from deeprl_tui.monitor.fleet import Fleet
    from deeprl_tui.tui.app import DeeprlApp, Workspace

    file, fleet = project(folder), Fleet()

    def watch(_: Path, given: object) -> Feeder:
        return Feeder(file, given, kind == "live").begin()

    workspace = Workspace(
        file, folder / "runs", fleet, None if kind == "empty" else watch, supervise=lambda _: None
    )
    DeeprlApp(workspace).run()


def bare() -> None:
    """Run the smallest app."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("Experiments")

    Bare().run()


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare()
    else:
        dashboard(Path(sys.argv[2]), sys.argv[1])

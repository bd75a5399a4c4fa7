"""A small project for tests of the screens: a file, runs in several states, a fleet fed by hand, a clock that
stands still.
"""

import difflib
import math
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from support import WALL
from textual.app import App
from textual.pilot import Pilot

from deeprl_tui import config
from deeprl_tui.core.events import Beat, End, Episode, Eval, Event, Line, Start, Warn, encode
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor.fleet import Coming, Fleet
from deeprl_tui.monitor.frames import Alive, Data, Described, Hello
from deeprl_tui.runs.store import RunStore
from deeprl_tui.tui.app import DeeprlApp, Workspace
from deeprl_tui.tui.widgets.curve_plot import CurvePlot

SCREENS = Path(__file__).parent / "data" / "screens"

FILE = """\
[project]
name = "lab"

[experiments.CP_basic]
env = "CartPole-v1"
baseline = true
solved = 195
seeds = 2
total_episodes = 400
net_arch = [64]
notes = "Balance a pole."

[experiments.CP_single]
env = "CartPole-v1"
double_q = false
seeds = 2

[experiments.CP_wide]
env = "CartPole-v1"
net_arch = [256, 256]

[experiments.AB_basic]
env = "Acrobot-v1"
baseline = true
solved = -100
total_episodes = 300

[experiments.AB_fast]
env = "Acrobot-v1"
learning_rate = 1e-3
"""

Timed = list[tuple[float, Event]]


class Supervisor:
    """Stands where `ops.supervise` stands, and remembers for which folders it was asked."""

    def __init__(self) -> None:
        self.asked: list[Path] = []

    def __call__(self, root: Path) -> None:
        self.asked.append(root)


class Lab:
    """A project in a folder, and a fleet that knows its runs."""

    def __init__(self, folder: Path, text: str | None = FILE) -> None:
        self.file = folder / config.FILE
        self.root = folder / "runs"
        self.fleet = Fleet(lambda: self.now)
        self.supervisor = Supervisor()
        self.held: set[RunId] = set()
        self.now = WALL
        if text is not None:
            self.file.write_text(text)

    def app(self, theme: str = "deeprl-night", **more: Any) -> DeeprlApp:
        """The app on this project, fed by the test; nothing is kept unless a test asks for it."""
        file = self.file if self.file.exists() else None
        workspace = Workspace(file, self.root, self.fleet, None, self.supervisor, lambda: self.now, **more)
        return DeeprlApp(workspace, theme)

    def add(self, name: str, seed: int, timed: Timed, *, held: bool = False) -> RunPaths:
        """Make a run with a history; held: as if its worker lived."""
        experiment = config.load(self.file).experiments[name]
        spec = experiment.specs([seed])[0]
        store = RunStore(self.root, wall=lambda: self.now - 600)
        store.create(spec)
        paths = store.paths.run(spec)
        lines = (encode(Line(n, t, event)) for n, (t, event) in enumerate(timed, 2))
        with open(paths.events(1), "ab") as log:
            log.writelines(lines)
        if held:
            self.held.add(spec.id)
        return paths

    def run_paths(self, name: str, seed: int) -> RunPaths:
        """The directory of a run."""
        paths = RunStore(self.root).find(RunId(name, seed))
        assert paths is not None
        return paths

    def feed(
        self,
        *,
        supervisor: bool = True,
        busy: Sequence[float] = (0.97, 0.96, 0.05, 0.02),
        homes: Mapping[RunId, str] = MappingProxyType({}),
    ) -> None:
        """Bring what the folder holds into the fleet, as a feed does."""
        self.fleet.apply("local", Hello(1, "0", "here", "boot", tuple(range(len(busy)))))
        for paths in RootPaths(self.root).runs():
            run = name_of(paths)
            self.fleet.apply("local", Described(run, paths.spec.read_bytes()))
            for attempt in paths.attempts():
                self.fleet.apply("local", Data(run, attempt, 0, paths.events(attempt).read_bytes()))
        alive = Alive(
            self.now, tuple(busy), 11 * 2**30, 24 * 2**30, 61 * 2**30, frozenset(self.held), supervisor,
            homes=homes,
        )  # fmt: skip
        self.fleet.apply("local", alive)

    def add_hosts(self, many: int, cores: int) -> None:
        """Hosts of many cores beside this machine; the last one cannot be reached."""
        busy = tuple((core * 7 % 10) / 10 for core in range(cores))
        alive = Alive(self.now, busy, 40 * 2**30, 384 * 2**30, 900 * 2**30, frozenset(), True)
        for at in range(1, many + 1):
            hello = Hello(1, "0", f"vm-{at}.lab", "boot", tuple(range(cores)))
            self.fleet.apply(f"vm-{at}", hello)
            self.fleet.apply(f"vm-{at}", alive)
        self.now += 240
        self.fleet.fault(f"vm-{many}", "ssh: connect to host vm-3 port 22: timed out")
        self.now += 60
        self.fleet.apply("vm-1", alive)
        self.feed()

    def add_study(self) -> None:
        """Seven hosts beside this machine, each with something to tell, and four runs there."""
        runs = [("CP_wide", 0), ("CP_wide", 1), ("AB_fast", 0), ("AB_fast", 1)]
        for at, (name, seed) in enumerate(runs):
            self.add(name, seed, trained(90 + 10 * at, core=at % 2))
        there = [RunId(name, seed) for name, seed in runs]
        waiting = RunId("AB_basic", 1)
        homes = {there[0]: "vm-1", there[1]: "vm-1", there[2]: "vm-6", there[3]: "vm-6", waiting: "vm-1"}
        self.now -= 300
        for at in range(1, 8):
            self._hello(f"vm-{at}", 8 if at < 6 else 2, homes)
        for name, price, spend, by_age in (("vm-1", 0.17, 0.41, True), ("vm-6", 0.6, 1.9, False)):
            self.fleet.costs(name, price, spend, by_age=by_age)
        refused = "its host key is another one than before, so it was refused"
        self.fleet.fault("vm-3", f"{refused}; find out why; if the machine is new: ssh-keygen -R vm-3")
        self.fleet.fault("vm-4", "no network way leads to it; is it switched on, and is this machine online?")
        off = "its machine is terminated; deeprl gce up starts it again"
        self.fleet.fault("vm-7", f"{off}; AB_basic/1 goes on on vm-1")
        self.now += 286
        self._hello("vm-2", 8, homes)
        self.fleet.fault("vm-2", "it does not answer; it is tried again; its runs go on", passing=True)
        self.now += 14
        for at in (1, 5, 6):
            self._hello(f"vm-{at}", 8 if at < 6 else 2, homes)
        self.fleet.warn("vm-5", "runs deeprl-tui 0.0.9, here is 0.1.0: deeprl push vm-5")
        self.fleet.comes("vm-1", Coming(3, "CP_wide/0", "checkpoint", 18_000_000, 40_000_000))
        self.feed(homes=homes)

    def add_batch(self, hosts: int, runs: int) -> None:
        """Hosts of eight cores with so many runs each, of experiments of twelve seeds; one host is lost."""
        names = [f"CP_lr{at}" for at in range(-(-hosts * runs // 12))]
        more = "".join(
            f'\n[experiments.{name}]\nenv = "CartPole-v1"\nlearning_rate = {at + 1}e-4\nseeds = 12\n'
            for at, name in enumerate(names)
        )
        self.file.write_text(self.file.read_text() + more)
        homes: dict[RunId, str] = {}
        for at in range(hosts * runs):
            name, seed = names[at // 12], at % 12
            self.add(name, seed, trained(20 + at // 2, core=at // hosts % 8))
            homes[RunId(name, seed)] = f"vm-{at % hosts + 1}"
        for at in range(1, hosts + 1):
            self._hello(f"vm-{at}", 8, homes)
        self.now += 90
        self.fleet.fault("vm-5", "it does not answer; it is tried again; its runs go on")
        for at in range(1, hosts + 1):
            if at != 5:
                self._hello(f"vm-{at}", 8, homes)
        self.feed(homes=homes)

    def _hello(self, name: str, cores: int, homes: dict[RunId, str]) -> None:
        held = frozenset(run for run, home in homes.items() if home == name and run.experiment != "AB_basic")
        busy = tuple(0.97 if core < len(held) else 0.02 for core in range(cores))
        free = 1_100_000_000 if name == "vm-6" else 90 * 2**30
        version = "0.0.9" if name == "vm-5" else "0.1.0"
        self.fleet.apply(name, Hello(1, version, f"{name}.lab", "boot", tuple(range(cores))))
        self.fleet.apply(name, Alive(self.now, busy, 5 * 2**30, 16 * 2**30, free, held, True))

    def populate(self) -> "Lab":
        """Runs in several states."""
        self.add("CP_basic", 0, trained(180, core=0), held=True)
        self.add("CP_basic", 1, trained(160, core=1, lag=1.2), held=True)
        for seed in (0, 1):
            done: Event = End(WALL - 100, "finished", 400 * 50, "")
            self.add("CP_single", seed, [*trained(400, core=2, lag=1.5 + seed / 4), (401.0, done)])
        failed: Event = End(WALL - 50, "failed", 900, "ValueError: loss is NaN")
        self.add("AB_basic", 0, [*trained(40, core=3, low=-500, high=-420), (41.0, failed)])
        self.add("AB_basic", 1, [])
        self.feed()
        return self


def trained(episodes: int, *, core: int, lag: float = 1.0, low: float = 10, high: float = 200) -> Timed:
    """A history without chance: returns rise from low to high, later with a larger lag."""
    began = WALL - 400
    out: Timed = [
        (0.0, Start(at=began, attempt=1, pid=100 + core, host="here", cores=(core,), backend="sb3"))
    ]
    step = 0
    for episode in range(1, episodes + 1):
        step += 50
        rise = 1 / (1 + math.exp(-(episode / (40 * lag) - 2)))
        wave = math.sin(episode * 1.7) * 8
        out.append((float(episode), Episode(episode, step, low + (high - low) * rise + wave, 50)))
        epsilon = max(0.01, 1 - step / 10_000)
        beat = Beat(step, step // 4, 0.95 * episode, 3 * 10**8, 50.0, 1 / (1 + episode / 50), epsilon)
        if episode % 4 == 0:
            out.append((float(episode), beat))
        if episode % 100 == 0:
            out.append((float(episode), Eval(step, (low + (high - low) * rise,) * 2, (50, 50))))
    return out


def warned(text: str) -> tuple[float, Event]:
    """A warning in a history."""
    return 0.5, Warn(text)


@asynccontextmanager
async def running(app: DeeprlApp, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[Any]]:
    """The app at a size, once it has shown everything."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until nothing is on its way any more: charts are loaded, and the screen stays as it is."""
    before, same = None, 0
    for _ in range(200):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.02)
        owners = [pilot.app, *pilot.app.screen_stack, *pilot.app.screen.walk_children()]
        if any(owner.jobs.busy() for owner in owners if hasattr(owner, "jobs")):
            same = 0
            continue
        charts = pilot.app.screen.query(CurvePlot)
        loaded = all(c._plotter and not c._asked for c in charts)
        now = text_of(pilot.app)
        same = same + 1 if loaded and now == before else 0
        if same == 3:  # a chart may be repainted one idle moment after it was drawn
            return
        before = now if loaded else None
    raise AssertionError("the screen does not come to rest")


async def until(pilot: Pilot[Any], condition: Callable[[], bool], tries: int = 400) -> None:
    """Wait for something that the app does by itself."""
    for _ in range(tries):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"waited for something that did not happen; the screen:\n{text_of(pilot.app)}")


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys, and wait for what they do."""
    await pilot.press(*keys)
    await settle(pilot)


def text_of(app: App[Any]) -> str:
    """The whole screen as plain text."""
    lines = [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]
    return "\n".join(lines) + "\n"


def check_golden(name: str, text: str) -> None:
    """Compare a screen with its file; UPDATE_SCREENS=1 writes the file instead."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get("UPDATE_SCREENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    wanted = path.read_text()
    changes = "\n".join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), lineterm="", n=0))
    assert text == wanted, f"{path} differs; UPDATE_SCREENS=1 writes it anew\n{changes}"

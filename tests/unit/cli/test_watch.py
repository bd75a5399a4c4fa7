"""Watching a batch: when it is over, what the exit code is, what the lines say, who keeps it going."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hook_lab import serving
from support import WALL, make_run, spec, start, training

from deeprl_tui import ops
from deeprl_tui.cli.live import fold, picture
from deeprl_tui.cli.notify import notifying
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.plain import EVERY_S, PlainScreen
from deeprl_tui.cli.run import tell
from deeprl_tui.cli.watch import (
    HERE,
    STARTING_S,
    STARTS,
    UNSUPERVISED_S,
    Keeper,
    Scene,
    held_back,
    scene,
    verdict,
    watch,
)
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError, ExitCode
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.ops import Launched
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.stats import Throughput
from deeprl_tui.runs.store import Already

from .conftest import Deeprl, end

HOST = HostView("local", cores=(0, 1), now=WALL, supervisor=True, reading=False)


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Pictures:
    """A screen that remembers."""

    def __init__(self) -> None:
        self.shown: list[Scene] = []
        self.closed = 0

    def show(self, scene: Scene) -> None:
        self.shown.append(scene)

    def close(self, scene: Scene | None) -> None:
        self.closed += 1


def keeper(clock: Clock, started: list[float]) -> Keeper:
    def begin() -> None:
        started.append(clock.now)

    return Keeper(begin, clock)


@pytest.fixture
def views(root: Path) -> list[RunView]:
    """Finished, stopped, failed, queued."""
    return ops.read_runs(root)[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """A run that trains."""
    timed = [(0.0, start()), *training(40)]
    paths = make_run(tmp_path_factory.mktemp("live"), spec("CP_live"), timed)
    return load_view(paths, held=True)


def lines(scene: Scene, width: int = 100, height: int = 30) -> list[str]:
    return ["".join(cell.text for cell in line).rstrip() for line in picture(scene, width, height)]


def test_watching_ends_when_all_runs_are_over(views: list[RunView]) -> None:
    """Nothing is awaited after the last run; the screen is closed once."""
    screen, waited = Pictures(), list[float]()

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    scenes = iter([None, Scene(tuple(views), host=HOST), Scene(tuple(views[:3]), host=HOST)])
    last = watch(lambda: next(scenes), screen, keeper(Clock(), []), wait)
    assert last is not None
    assert last.over
    assert (len(waited), len(screen.shown), screen.closed) == (2, 2, 1)


def test_a_signal_ends_the_watching_only(views: list[RunView]) -> None:
    """The runs are as they were; the last picture comes back."""
    screen = Pictures()
    scene = Scene(tuple(views), host=HOST)
    assert watch(lambda: scene, screen, keeper(Clock(), []), lambda _: True) is scene
    assert screen.closed == 1


def test_only_finished_runs_count_as_finished(views: list[RunView]) -> None:
    """Stopped, failed, queued or vanished runs make the batch unfinished."""
    finished, *others = views
    assert Scene((finished,)).finished
    assert not any(Scene((finished, other)).finished for other in others)
    assert not Scene((finished,), gone=(RunId("a", 0),)).finished


def test_the_verdict_names_a_remedy(views: list[RunView]) -> None:
    """Each run that did not finish says why and what to do."""
    told = verdict(Scene(tuple(views[:3]), gone=(RunId("a", 0),)))
    assert told[0] == "1 finished, 1 stopped, 1 failed"
    assert "CP_basic/1 stopped; deeprl resume CP_basic/1" in told
    assert told[2].startswith("CP_basic/2 failed: KeyError: 'gamma' (x.py:3); see deeprl logs CP_basic/2")
    assert told[-1].startswith("a/0 is gone")


def test_runs_with_the_same_fate_share_a_line(views: list[RunView]) -> None:
    """Fifty stopped seeds of one experiment are one line."""
    alike = [replace(views[1], spec=spec(seed=seed)) for seed in range(50)]
    assert held_back(alike) == ["CP_basic/0-49 stopped; deeprl resume CP_basic"]


def test_a_batch_without_supervisor_gets_a_new_one(views: list[RunView]) -> None:
    """After two seconds of waiting one is started, and not again while that may still come up."""
    clock, started = Clock(), list[float]()
    keep = keeper(clock, started)
    alone = Scene(tuple(views), host=HostView("local", reading=False))
    for clock.now in (0.0, 1.0, UNSUPERVISED_S, UNSUPERVISED_S + 0.1, UNSUPERVISED_S + 1):
        keep.look(alone)
    assert started == [UNSUPERVISED_S + 0.1]


def test_a_supervised_batch_is_left_alone(views: list[RunView]) -> None:
    """While a supervisor is there nothing is started."""
    clock, started = Clock(), list[float]()
    keep = keeper(clock, started)
    for clock.now in range(20):
        keep.look(Scene(tuple(views), host=HOST))
    assert started == []


def test_supervisors_that_end_at_once_are_given_up(views: list[RunView]) -> None:
    """After some vain starts there is an error that says where to look."""
    clock, started = Clock(), list[float]()
    keep = keeper(clock, started)
    alone = Scene(tuple(views), host=HostView("local", reading=False))

    def wait() -> None:
        for clock.now in map(float, range(1000)):
            keep.look(alone)

    with pytest.raises(DeeprlError, match=r"supervisor\.log"):
        wait()
    assert len(started) == STARTS


def test_a_supervisor_that_starts_slowly_is_awaited(views: list[RunView]) -> None:
    """One that lives and has no lock yet is not doubled."""
    clock = Clock()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        starts: list[float] = []

        def begin() -> "subprocess.Popen[bytes]":
            starts.append(clock.now)
            return process

        keep = Keeper(begin, clock)
        keep.begin()
        for clock.now in (1.0, UNSUPERVISED_S + 1, STARTING_S - 1):
            keep.look(Scene(tuple(views), host=HostView("local", reading=False)))
        assert starts == [0.0]
        assert keep.end()
        assert process.poll() is not None


def test_plain_lines_tell_changes_and_every_ten_seconds_the_rest(
    views: list[RunView], running: RunView
) -> None:
    """A state is told once; how far a run is, every ten seconds; the time comes first."""
    clock, told = Clock(), list[str]()
    screen = PlainScreen(told.append, lambda: WALL, clock)
    scene = Scene((views[0], running), host=HOST, cores={HERE: 2})
    for clock.now in (0.0, 1.0, EVERY_S):
        screen.show(scene)
    assert [line.split(" ", 2)[1] for line in told] == ["CP_basic/0", "CP_live/0", "CP_live/0", "batch"]
    assert told[0][4] == "-"
    assert "T" in told[0].split(" ")[0]
    assert "running 40% step 400/1000 return 20.5 10 steps/s" in told[2]
    assert "1 running, 1 finished" in told[3]


def test_the_live_table_shows_each_run_and_the_sums(views: list[RunView], running: RunView) -> None:
    """A row for each run in its order, then the counts, how long all will take, and the last failure."""
    speeds = {"CartPole-v1": Throughput(10, 20, 0)}
    seen = lines(Scene((*views, running), host=HOST, cores={HERE: 2}, speeds=speeds))
    assert [line[:14].rstrip() for line in seen[1:6]] == [
        "✓ CP_basic/0", "■ CP_basic/1", "✗ CP_basic/2", "○ CP_wide/0", "● CP_live/0",
    ]  # fmt: skip
    assert "━━━╸" in seen[1 + 4]
    assert "● 1 running  ○ 1 queued" in seen[7]
    assert "all done in" in seen[7]
    assert seen[8] == "✗ CP_basic/2: KeyError: 'gamma' (x.py:3)"
    assert "ctrl+c" in seen[9]


def test_the_live_table_says_where_runs_are(views: list[RunView], running: RunView) -> None:
    """The host before the core, and the cores of the hosts that have something to do."""
    homes = {running.id: "vm-1", views[3].id: "vm-2"}
    batch = Scene(
        (*views, running), host=HOST, cores={HERE: 2, "vm-1": 4, "vm-2": 8, "vm-3": 16}, homes=homes
    )
    seen = lines(batch, width=140)
    assert "vm-1:1" in seen[1 + 4]
    assert "vm-2" in seen[1 + 3]
    assert "1 of 12 cores on 2 hosts" in seen[7]


def test_a_scene_knows_the_cores_of_every_host(running: RunView) -> None:
    """--cores limits this machine, wherever it stands in the list."""
    hosts = (replace(HOST, name="vm-1", cores=(0, 1, 2)), replace(HOST, cores=(0, 1, 2, 3)))
    snapshot = FleetSnapshot(hosts=hosts, runs={running.id: running}, homes={running.id: "vm-1"})
    seen = scene(snapshot, [running.id], cores=2)
    assert seen is not None
    assert seen.host is hosts[1]
    assert seen.cores == {HERE: 2, "vm-1": 3}
    assert seen.homes == {running.id: "vm-1"}


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_live_table_fits_the_window(views: list[RunView], running: RunView, width: int) -> None:
    """No line is wider than the window and there are fewer lines than it has."""
    many = tuple([*views, running] * 10)
    seen = lines(Scene(many, host=HOST), width=width, height=20)
    assert max(map(len, seen)) <= width
    assert len(seen) < 20
    assert any("more:" in line for line in seen)


def test_the_active_runs_are_not_folded(views: list[RunView], running: RunView) -> None:
    """Where space is short those that train come first."""
    shown, rest = fold([*views, running], 2)
    assert shown[0] is running
    assert len(rest) == 3
    assert fold(views, 9) == (views, [])


def test_what_was_there_is_told_with_its_remedy(
    views: list[RunView], capsys: pytest.CaptureFixture[str]
) -> None:
    """A finished run is no error; a stopped or failed one names `deeprl resume`."""
    tell(Output(), Launched(tuple(Already(view.id, view) for view in views), ()))
    assert capsys.readouterr().err.splitlines() == [
        "CP_basic/1 stopped; deeprl resume CP_basic/1",
        "CP_basic/2 failed: KeyError: 'gamma' (x.py:3); "
        "see deeprl logs CP_basic/2, then deeprl resume CP_basic/2",
        "CP_basic/0 already finished",
        "CP_wide/0 already queued",
    ]


def test_run_of_a_finished_batch_is_done_at_once(project: Path, deeprl: Deeprl) -> None:
    """Launching a finished run again starts nothing and exits 0."""
    checked = ops.check(project / "experiments.toml").project
    assert checked is not None
    [description] = checked.experiments["CP_basic"].specs()
    make_run(project / "runs", description, [(0.0, start()), *training(5), (6.0, end("finished", 50))])
    said = deeprl("run", "CP_basic", "--headless")
    assert said.code == 0
    assert "CP_basic/0 finished step 50" in said.out
    assert "CP_basic/0 already finished" in said.err


def test_run_of_a_stopped_run_exits_1(project: Path, deeprl: Deeprl) -> None:
    """A stopped run counts as not finished; --json writes its row."""
    checked = ops.check(project / "experiments.toml").project
    assert checked is not None
    [description] = checked.experiments["CP_basic"].specs()
    make_run(project / "runs", description, [(0.0, start()), (6.0, end("stopped", 0))])
    said = deeprl("run", "CP_basic", "--json")
    assert said.code == 1
    assert said.rows[0]["state"] == "stopped"
    assert "deeprl resume CP_basic/0" in said.err


def test_a_full_disk_is_told_with_its_remedy(running: RunView) -> None:
    """On a terminal below the table, in a log as a line of its own, once."""
    full = replace(running, waiting="disk full since noon: make room there")
    assert "! CP_live/0: disk full since noon: make room there" in lines(Scene((full,), host=HOST), 80)
    told = list[str]()
    screen = PlainScreen(told.append, lambda: WALL, Clock())
    for view in (running, full, full):
        screen.show(Scene((view,), host=HOST))
    assert [line.partition(" ")[2] for line in told][1:] == [
        "CP_live/0 waits: disk full since noon: make room there"
    ]


def test_states_are_counted_in_their_order(views: list[RunView]) -> None:
    """The footer counts what is there and leaves out the rest."""
    assert Scene(tuple(views)).counts() == [("queued", 1), ("finished", 1), ("stopped", 1), ("failed", 1)]
    assert state.word(views[3].state) == "queued"


def test_notify_posts_what_happens_to_the_batch(tmp_path: Path) -> None:
    """Two pictures, one run that ended between them: its news, and that nothing runs any more."""
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(3)])
    before = Scene((load_view(paths, held=True),), host=HOST)
    ended = replace(before.runs[0], state=state.Finished(WALL + 1))
    inner = Pictures()
    with serving() as server:
        screen = notifying(inner, server.address, Output(), "lab")
        for scene in (before, before, Scene((ended,), host=HOST)):
            screen.show(scene)
        screen.close(None)
        kinds = [body["kind"] for body in server.bodies]
    assert (kinds, len(inner.shown), inner.closed) == (["finished", "done"], 3, 1)


def test_notify_refuses_an_address_before_anything_is_launched(deeprl: Deeprl, project: Path) -> None:
    """Plain http to another machine: exit code 2, and no runs folder."""
    done = deeprl("run", "CP_basic", "--notify", "http://example.org/")
    assert done.code == ExitCode.USAGE
    assert "neither https nor on this machine" in done.err
    assert not (project / "runs").exists()

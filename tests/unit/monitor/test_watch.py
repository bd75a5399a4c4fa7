"""A runs folder of which most runs are at rest: records instead of logs."""

import os
from functools import partial
from pathlib import Path

import pytest
from runs_lab import make_runs
from support import WALL, make_run, spec, start, training, write

from deeprl_tui.core import state
from deeprl_tui.core.events import End, Event, Resume
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor import fleet as fleets
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot
from deeprl_tui.monitor.follow import POLLS_PER_SCAN
from deeprl_tui.monitor.frames import Alive, Frame
from deeprl_tui.monitor.watch import ROUND, Watcher
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.record import record_of
from deeprl_tui.runs.store import RunStore

RUN = RunId("CP_basic", 0)
DONE: list[tuple[float, Event]] = [(0.0, start()), *training(160), (161.0, End(WALL, "finished", 1600))]


class Watch:
    """A watcher and a fleet on one folder, driven by hand."""

    def __init__(self, root: Path) -> None:
        # No time passes: a busy machine must not end a slice of reading before its time.
        self.watcher = Watcher(root, (0, 1), lambda: WALL, monotonic=lambda: 0.0)
        self.fleet = Fleet()
        self.frames: list[Frame] = []

    def look(self, polls: int = POLLS_PER_SCAN) -> FleetSnapshot:
        """One full second of polls, unless told otherwise."""
        self.frames = []
        for _ in range(polls):
            for frame in self.watcher.poll(self.fleet.wanted()):
                self.frames.append(frame)
                self.fleet.apply("local", frame)
        return self.fleet.snapshot()

    def kinds(self) -> set[str]:
        """What came in the last look."""
        return {type(frame).__name__ for frame in self.frames}


def test_a_run_at_rest_comes_as_its_record_and_looks_as_if_it_had_been_read(tmp_path: Path) -> None:
    """No log is sent; the table shows the same."""
    paths = make_run(tmp_path, spec(), DONE)
    watch = Watch(tmp_path)
    view = watch.look().runs[RUN]
    whole = load_view(paths, whole=True)
    assert watch.kinds() == {"Rested", "Alive"}
    assert (view.state, view.return_mean, view.progress) == (whole.state, whole.return_mean, 1.0)
    assert list(watch.look().records()) == [record_of(whole)]


def test_a_second_start_reads_no_log(tmp_path: Path) -> None:
    """The index has what the first one read: a log may even be unreadable."""
    make_runs(tmp_path, 6, seeds=2)
    first = Watch(tmp_path).look()
    for paths in RootPaths(tmp_path).runs():
        log = paths.events(1)
        stat = log.stat()
        log.write_bytes(b"x" * stat.st_size)
        os.utime(log, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Watch(tmp_path).look().records() == first.records()
    assert len(first.runs) == 6


def test_wanted_curves_fill_by_themselves_and_go_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what somebody looks at is kept in memory."""
    monkeypatch.setattr(fleets, "MOST_WANTED", 2)
    specs = make_runs(tmp_path, 4, seeds=4)
    runs = [one.id for one in specs]
    watch = Watch(tmp_path)
    assert not any(len(view.curves["return"]) for view in watch.look().runs.values())
    watch.fleet.want(runs[:2])
    shot = watch.look(1)
    assert [len(shot.runs[run].curves["return"]) for run in runs] == [200, 200, 0, 0]
    assert isinstance(shot.runs[runs[0]].state, state.Finished)
    watch.fleet.want([runs[0]])
    watch.fleet.want([runs[2]])
    shot = watch.look()
    assert [len(shot.runs[run].curves["return"]) for run in runs] == [200, 0, 200, 0]
    watch.fleet.want([runs[1]])
    assert len(watch.look().runs[runs[1]].curves["return"]) == 200


def test_a_run_that_was_watched_to_its_end_keeps_its_curves(tmp_path: Path) -> None:
    """The chart does not go empty at the finish; the log is not sent twice."""
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(10)])
    watch = Watch(tmp_path)
    with FileLock.acquire(paths.lock, "pid 1"):
        watch.look()
        write(paths, 1, [(11.0, End(WALL, "finished", 100))])
        assert isinstance(watch.look().runs[RUN].state, state.Finished)
    shot = watch.look()
    assert shot.at_rest[RUN].state == "finished"
    assert len(shot.runs[RUN].curves["return"]) == 10
    assert "Data" not in watch.kinds()
    assert len(watch.look().runs[RUN].curves["return"]) == 10


def test_a_run_that_lived_elsewhere_when_last_heard_of_is_followed_at_once(tmp_path: Path) -> None:
    """Its state is what its host said last, until the host speaks."""
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(10)])
    paths.host.write_text("vm")
    watch = Watch(tmp_path)
    elsewhere = partial(watch.fleet.held_elsewhere, "local")
    watch.watcher = Watcher(tmp_path, (), lambda: WALL, monotonic=lambda: 0.0, elsewhere=elsewhere)
    watch.fleet.presume("vm", frozenset({RUN}))
    assert isinstance(watch.look(1).runs[RUN].state, state.Running)
    watch.fleet.apply("vm", Alive(WALL, (), 0, 0, 0, frozenset(), False))
    assert isinstance(watch.look().runs[RUN].state, state.Lost)


def test_a_resume_by_another_process_is_seen_within_two_looks(tmp_path: Path) -> None:
    """Among many runs at rest, without looking at all of them."""
    make_runs(tmp_path, 40, seeds=2)
    stopped: Event = End(WALL, "stopped", 100)
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(10), (11.0, stopped)])
    watch = Watch(tmp_path)
    watch.look()
    assert isinstance(watch.look().runs[RUN].state, state.Stopped)
    RunStore(tmp_path).requeue(paths, "resumed by request")
    watch.look()
    shot = watch.look()
    assert isinstance(shot.runs[RUN].state, state.Queued)
    assert RUN not in shot.at_rest
    assert shot.records()[[str(one) for one in shot.runs].index(str(RUN))].state == "queued"


def test_what_no_folder_tells_is_seen_in_a_round(tmp_path: Path) -> None:
    """A log that another tool appended to."""
    make_runs(tmp_path, 4, seeds=2)
    stopped: Event = End(WALL, "stopped", 100)
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(10), (11.0, stopped)])
    watch = Watch(tmp_path)
    watch.look()
    write(paths, 1, [(11.0, start()), (11.0, Resume(100, 10)), *training(3, first=11, step=100)])
    with FileLock.acquire(paths.lock, "pid 1"):
        shot = watch.look(POLLS_PER_SCAN * (ROUND + 1))
        assert isinstance(shot.runs[RUN].state, state.Running)
        assert shot.runs[RUN].episodes == 13


def test_archived_runs_leave_and_new_ones_come(tmp_path: Path) -> None:
    """Also under the same name."""
    make_run(tmp_path, spec(), DONE)
    make_run(tmp_path, spec("other"), DONE)
    watch = Watch(tmp_path)
    watch.look()
    RunStore(tmp_path).archive("CP_basic")
    assert list(watch.look().runs) == [RunId("other", 0)]
    make_run(tmp_path, spec(gamma=0.5), [(0.0, start()), *training(1)])
    assert watch.look().runs[RUN].episodes == 1


def test_reading_says_how_far_it_is(tmp_path: Path) -> None:
    """The first time there is much to read; what was read shows at once, what lives comes first."""
    make_runs(tmp_path, 30, seeds=3)
    alive = make_run(tmp_path, spec(), [(0.0, start()), *training(3)])
    ticks = iter(range(10_000))
    watch = Watch(tmp_path)
    watch.watcher = Watcher(tmp_path, (), lambda: WALL, monotonic=lambda: float(next(ticks)))
    with FileLock.acquire(alive.lock, "pid 1"):
        shot = watch.look(1)
        assert (shot.hosts[0].found, shot.hosts[0].unread) == (31, 29)
        assert shot.hosts[0].reading
        assert RUN in shot.runs
        assert watch.watcher.behind
        shot = watch.look(40)
    assert (shot.hosts[0].unread, shot.hosts[0].reading, len(shot.runs)) == (0, False, 31)


def test_nothing_new_changes_no_view_and_no_record(tmp_path: Path) -> None:
    """A screen may compare by identity, second after second."""
    make_runs(tmp_path, 4, seeds=2)
    watch = Watch(tmp_path)
    watch.look()
    before, after = watch.look(), watch.look()
    assert watch.kinds() == {"Alive"}
    assert before.runs is after.runs
    assert before.records() is after.records()


def test_broken_folders_are_said_once_and_stop_nothing(tmp_path: Path) -> None:
    """A bad description, a foreign folder, one that is not complete yet."""
    make_run(tmp_path, spec(), DONE)
    make_run(tmp_path, spec("bad"), DONE).spec.write_text("{")
    (tmp_path / "x/dqn/noseed").mkdir(parents=True)
    (tmp_path / "late/dqn/CartPole-v1_0").mkdir(parents=True)
    watch = Watch(tmp_path)
    shot = watch.look(4 * POLLS_PER_SCAN)
    assert list(shot.runs) == [RUN]
    assert len(shot.damaged) == 2
    (tmp_path / "late/dqn/CartPole-v1_0/run.json").write_text(spec("late").to_json())
    assert RunId("late", 0) in watch.look().runs

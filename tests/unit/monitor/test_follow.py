"""Files -> frames -> fleet."""

from itertools import count
from pathlib import Path

from support import WALL, make_run, spec, start, training, write

from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot
from deeprl_tui.monitor.follow import POLLS_PER_SCAN, Follower
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Reset
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.store import RunStore


class Watch:
    """A follower and a fleet on one folder, driven by hand."""

    def __init__(self, root: Path) -> None:
        self.follower = Follower(root, (0, 1), lambda: WALL)
        self.fleet = Fleet()

    def look(self) -> FleetSnapshot:
        """One full second of polls."""
        for _ in range(POLLS_PER_SCAN):
            for frame in self.follower.poll():
                self.fleet.apply("local", frame)
        return self.fleet.snapshot()


def essence(view: RunView) -> tuple[object, ...]:
    """What must be equal however a run was watched."""
    return view.state, view.episodes, view.step, view.attempt, [list(c.means()) for c in view.curves.values()]


def test_watching_from_the_start_and_attaching_late_show_the_same(tmp_path: Path) -> None:
    """The fold has no other source than the log."""
    paths = make_run(tmp_path, spec(), [(0.0, start())])
    early = Watch(tmp_path)
    early.look()
    for chunk in range(4):
        write(paths, 1, training(3, first=1 + 3 * chunk, step=30 * chunk))
        early.look()
    late = Watch(tmp_path).look()
    assert essence(early.fleet.snapshot().runs[spec().id]) == essence(late.runs[spec().id])
    assert essence(late.runs[spec().id]) == essence(load_view(paths))


def test_nothing_new_is_nothing_sent(tmp_path: Path) -> None:
    """An idle folder costs one Alive a second."""
    make_run(tmp_path, spec(), training(3))
    watch = Watch(tmp_path)
    watch.look()
    frames = [frame for _ in range(POLLS_PER_SCAN) for frame in watch.follower.poll()]
    assert [type(frame).__name__ for frame in frames] == ["Alive"]


def test_long_logs_come_a_piece_of_each_in_turn(tmp_path: Path) -> None:
    """All curves grow together, and each piece goes on where the last one of its run ended."""
    for seed in (0, 1):
        make_run(tmp_path, spec(seed=seed), [(0.0, start()), *training(40)])
    follower = Follower(tmp_path, (), lambda: WALL, piece=4000)
    sent = [frame for frame in follower.poll() if isinstance(frame, Data)]
    assert [frame.run.seed for frame in sent[:4]] == [0, 1, 0, 1]
    for seed, paths in enumerate(RootPaths(tmp_path).runs()):
        own = [frame for frame in sent if frame.run.seed == seed]
        assert [frame.offset for frame in own[1:]] == [frame.offset + len(frame.data) for frame in own[:-1]]
        assert b"".join(frame.data for frame in own) == paths.events(1).read_bytes()


def test_a_long_read_leaves_the_rest_for_later(tmp_path: Path) -> None:
    """A poll ends in time with what the host is like; the rest comes with the next one."""
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(40)])
    ticks = count()
    follower = Follower(
        tmp_path, (), lambda: WALL, piece=4000, slice_s=0.5, monotonic=lambda: float(next(ticks))
    )
    first = list(follower.poll())
    assert (len(first), isinstance(first[-1], Alive), follower.behind) == (3, True, 1)
    sent = [first[1]]
    while follower.behind:
        sent.extend(follower.catch_up())
    assert b"".join(frame.data for frame in sent if isinstance(frame, Data)) == paths.events(1).read_bytes()


def test_a_run_that_is_written_without_a_lock_here_is_looked_at_each_time(tmp_path: Path) -> None:
    """A mirror grows while its lock is held elsewhere."""
    paths = make_run(tmp_path, spec())
    follower = Follower(tmp_path, (), lambda: WALL, written=lambda: {spec().id})
    list(follower.poll())
    write(paths, 1, training(1))
    assert [type(frame) for frame in follower.poll()] == [Data]


def test_half_a_line_is_not_sent(tmp_path: Path) -> None:
    """It comes whole, once."""
    paths = make_run(tmp_path, spec())
    follower = Follower(tmp_path, (), lambda: WALL)
    list(follower.poll())
    write(paths, 1, training(1))
    raw = paths.events(1).read_bytes()
    paths.events(1).write_bytes(raw[:-7])
    for _ in range(POLLS_PER_SCAN):
        sent = [frame.data for frame in follower.poll() if isinstance(frame, Data)]
    assert b"".join(sent).endswith(b"\n") or not sent
    paths.events(1).write_bytes(raw)
    rest = [f.data for _ in range(POLLS_PER_SCAN) for f in follower.poll() if isinstance(f, Data)]
    assert b"".join(rest).count(b"\n") == 1


def test_a_death_is_seen_by_its_lock(tmp_path: Path) -> None:
    """Running while held, lost when not, without a new line in the log."""
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(1)])
    watch = Watch(tmp_path)
    with FileLock.acquire(paths.lock, "pid 1"):
        assert isinstance(watch.look().runs[spec().id].state, state.Running)
    assert isinstance(watch.look().runs[spec().id].state, state.Lost)


def test_an_archived_run_is_forgotten_and_a_new_one_under_its_name_starts_anew(tmp_path: Path) -> None:
    """Old episodes never join the new run's curve."""
    make_run(tmp_path, spec(), [(0.0, start()), *training(3)])
    watch = Watch(tmp_path)
    watch.look()
    RunStore(tmp_path).archive("CP_basic")
    make_run(tmp_path, spec(gamma=0.5), [(0.0, start()), *training(1)])
    frames = [frame for _ in range(POLLS_PER_SCAN) for frame in watch.follower.poll()]
    assert [type(frame) for frame in frames[:2]] == [Reset, Described]
    for frame in frames:
        watch.fleet.apply("local", frame)
    assert watch.fleet.snapshot().runs[spec().id].episodes == 1


def test_a_broken_folder_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    """Its neighbours are shown."""
    make_run(tmp_path, spec())
    bad = make_run(tmp_path, spec("bad"))
    bad.spec.write_text("{")
    (tmp_path / "x/dqn/noseed").mkdir(parents=True)
    (tmp_path / "x/dqn/noseed/run.json").write_text("{}")
    shot = Watch(tmp_path).look()
    assert list(shot.runs) == [RunId("CP_basic", 0)]
    assert len(shot.damaged) == 2
    follower = Follower(tmp_path, (), lambda: WALL)
    said = [f for _ in range(3 * POLLS_PER_SCAN) for f in follower.poll() if isinstance(f, Damaged)]
    assert len(said) == 1


def test_a_snapshot_is_the_same_object_while_nothing_changes(tmp_path: Path) -> None:
    """A screen may compare by identity."""
    make_run(tmp_path, spec())
    watch = Watch(tmp_path)
    assert watch.look() is watch.fleet.snapshot()


def test_a_worker_that_waits_for_space_says_so_without_a_line_in_its_log(tmp_path: Path) -> None:
    """On a full disk only the preallocated status file can speak."""
    paths = make_run(tmp_path, spec(), [(0.0, start())])
    watch = Watch(tmp_path)
    with FileLock.acquire(paths.lock, "pid 1"):
        paths.status.write_bytes(b"disk full since 12:00\x1b[2J".ljust(256))
        assert watch.look().runs[spec().id].waiting.startswith("disk full since 12:00")
        assert "\x1b" not in watch.look().runs[spec().id].waiting
        paths.status.write_bytes(b" " * 256)
        assert watch.look().runs[spec().id].waiting == ""

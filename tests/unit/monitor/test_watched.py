"""Glimpses: what a run looks like before all of its log was read."""

from dataclasses import fields
from pathlib import Path

import pytest
from support import WALL, make_run, spec, start, training, write

from deeprl_tui.config import Host
from deeprl_tui.core import state
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.state import RunView
from deeprl_tui.monitor import wire
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.follow import Follower
from deeprl_tui.monitor.frames import Alive, Data, Described, Glimpse
from deeprl_tui.ops.remote import Hosts
from deeprl_tui.ops.serving import Server
from deeprl_tui.runs.load import load_view

LONG = 2000
"""Episodes of a log of half a megabyte."""


def essence(view: RunView) -> tuple[object, ...]:
    """All that a view says."""
    plain = (getattr(view, field.name) for field in fields(view) if field.name != "curves")
    return *plain, [[list(column) for column in curve.buckets] for curve in view.curves.values()]


def test_a_glimpse_is_whole_lines_from_all_of_a_log(tmp_path: Path) -> None:
    """From what is known to the newest line, and far less than all."""
    paths = make_run(tmp_path, spec(), training(LONG))
    frames = list(Follower(tmp_path, (), lambda: WALL, glimpses=True).poll())
    (glimpse,) = (frame for frame in frames if isinstance(frame, Glimpse))
    log, lines = paths.events(1).read_bytes(), glimpse.data.splitlines(keepends=True)
    known = set(log.splitlines(keepends=True))
    assert known.issuperset(lines)
    assert (log.startswith(lines[0]), log.endswith(lines[-1])) == (True, True)
    assert len(set(lines)) == len(lines) > len(known) / 20
    assert len(glimpse.data) < len(log) / 5


def test_a_short_log_needs_none(tmp_path: Path) -> None:
    """It is read as soon."""
    make_run(tmp_path, spec(), training(20))
    frames = Follower(tmp_path, (), lambda: WALL, glimpses=True).poll()
    assert not [frame for frame in frames if isinstance(frame, Glimpse)]


def test_the_newest_point_is_shown_at_once_and_the_whole_log_counts_in_the_end(tmp_path: Path) -> None:
    """A glimpse says nothing for which every line is needed, and leaves nothing behind."""
    description = spec(solved=500.0)
    paths = make_run(tmp_path, description, [(0.0, start())])
    fleet = Fleet()
    with FileLock.acquire(paths.lock, "pid 1"):
        first = Follower(tmp_path, (), lambda: WALL)
        for frame in first.poll():
            fleet.apply("local", frame)
        write(paths, 1, training(LONG))
        for frame in Follower(tmp_path, (), lambda: WALL, glimpses=True).poll():
            if isinstance(frame, Glimpse):
                fleet.apply("vm", frame)
        early = fleet.snapshot().runs[description.id]
        assert (early.step, early.episodes, early.solved_at) == (10 * LONG, LONG, None)
        assert isinstance(early.state, state.Running)
        assert 100 < len(early.curves["return"]) < LONG / 4
        for frame in first.poll():
            fleet.apply("local", frame)
        assert essence(fleet.snapshot().runs[description.id]) == essence(load_view(paths))


def test_a_glimpse_may_come_before_its_run_is_seen(tmp_path: Path) -> None:
    """A host speaks sooner than the folder of a new mirror is looked at."""
    make_run(tmp_path, spec(), training(LONG))
    fleet = Fleet()
    frames = list(Follower(tmp_path, (), lambda: WALL, glimpses=True).poll())
    for kind in (Glimpse, Described):
        for frame in frames:
            if isinstance(frame, kind):
                fleet.apply("vm", frame)
    assert fleet.snapshot().runs[spec().id].step == 10 * LONG


def test_the_newer_of_two_glimpses_counts(tmp_path: Path) -> None:
    """A host told of all of a log, and a mirror that grows tells of its beginning."""
    paths = make_run(tmp_path, spec(), training(60))
    lines = paths.events(1).read_bytes().splitlines(keepends=True)
    fleet = Fleet()
    fleet.apply("local", Described(spec().id, paths.spec.read_bytes()))
    for part in (lines[::3], lines[:20:3]):
        fleet.apply("local", Glimpse(spec().id, 1, b"".join(part)))
    fleet.apply("local", Data(spec().id, 1, 0, b"".join(lines[:60])))
    assert fleet.snapshot().runs[spec().id].step == 600


def test_a_glimpse_of_what_is_known_changes_nothing(tmp_path: Path) -> None:
    """It came late: the log was faster."""
    paths = make_run(tmp_path, spec(), [(0.0, start()), *training(30)])
    fleet = Fleet()
    for frame in Follower(tmp_path, (), lambda: WALL).poll():
        fleet.apply("local", frame)
    before = essence(fleet.snapshot().runs[spec().id])
    fleet.apply("vm", Glimpse(spec().id, 1, paths.events(1).read_bytes()[-5000:].partition(b"\n")[2]))
    assert essence(fleet.snapshot().runs[spec().id]) == before


@pytest.mark.parametrize("home", ["vm", "other", ""])
def test_a_host_may_speak_of_its_own_runs_only(tmp_path: Path, home: str) -> None:
    """What another one, or this machine, runs is none of its business."""
    paths = make_run(tmp_path, spec(), [(0.0, start())])
    if home:
        paths.host.write_text(home)
    fleet = Fleet()
    for frame in Follower(tmp_path, (), lambda: WALL).poll():
        fleet.apply("local", frame)
    write(paths, 1, training(9))
    hosts = Hosts(tmp_path, "study", {"vm": Host("vm", "vm")}, fleet)
    hosts.apply("vm", Glimpse(spec().id, 1, paths.events(1).read_bytes()))
    assert fleet.snapshot().runs[spec().id].step == (90 if home == "vm" else 0)


@pytest.mark.parametrize("asked", [True, False])
def test_a_host_sends_glimpses_to_who_asks(tmp_path: Path, asked: bool) -> None:
    """A dashboard of an older version does not know them."""
    make_run(tmp_path / "study/runs", spec(), training(LONG))
    server = Server(tmp_path, supervise=lambda *_: None)
    for op in ("open", "watch"):
        list(server.handle(wire.Request(op, op, {"folder": "~/study", "have": [], "glimpses": asked})))
    kinds = [type(frame) for frame in server.frames()]
    assert (Glimpse in kinds) == asked
    assert {Described, Data, Alive}.issubset(kinds)

"""A host whose clock is wrong: ages, stalls and times left are told right all the same."""

from pathlib import Path

import pytest
import support
from support import WALL

from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.state import STALLED_S, RunView, stalled
from deeprl_tui.monitor import wire
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot
from deeprl_tui.monitor.news import news
from deeprl_tui.ops.serving import Server

SPEC = support.spec()


class Watched:
    """A host with a run that trains, whose clock is so far ahead of ours."""

    def __init__(self, home: Path, ahead: float) -> None:
        self.ours = WALL + 20.0
        began = support.start(at=WALL + ahead)
        paths = support.make_run(home / "study/runs", SPEC, [(0.0, began), *support.training(20)])
        self.lock = FileLock.acquire(paths.lock, "the test")
        self._server = Server(home, wall=lambda: self.ours + ahead, supervise=lambda *_: None)
        self._fleet = Fleet(lambda: self.ours)
        for op in ("open", "watch"):
            for said in self._server.handle(wire.Request(op, op, {"folder": "~/study", "have": []})):
                self._hear(said)

    def _hear(self, said: wire.Said) -> None:
        told = wire.decode(wire.encode(said))
        if told is not None and not isinstance(told, wire.Answer):
            self._fleet.apply("vm", told)

    def look(self, later: float = 0.0) -> FleetSnapshot:
        """What is known after some seconds."""
        self.ours += later
        for _ in range(4):  # one of which looks at everything
            for frame in self._server.frames():
                self._hear(frame)
        return self._fleet.snapshot()


@pytest.mark.parametrize("ahead", [-3600.0, 0.0, 1.0, 600.0])
def test_clocks_that_differ(tmp_path: Path, ahead: float) -> None:
    """However far its clock is off: a host is live, its run has the same time left, and stalls in time."""
    watched = Watched(tmp_path, ahead)
    with watched.lock:
        first = watched.look()
        (host,), view = first.hosts, first.runs[SPEC.id]
        assert host.ahead == (0.0 if abs(ahead) < 2 else ahead)
        assert host.heard == watched.ours
        assert (view.eta.low, view.eta.mid, view.eta.high) == (80.0, 80.0, 80.0) if view.eta else False
        assert not stands(watched, first, view)
        second = watched.look(later=STALLED_S - 1 - abs(ahead % 2))
        assert news(first, second) == []
        third = watched.look(later=1 + 2 * abs(ahead % 2))
        assert stands(watched, third, view)
        assert [notice.kind for notice in news(second, third)] == ["stalled"]


def stands(watched: Watched, seen: FleetSnapshot, view: RunView) -> bool:
    """Whether the run is said to be stalled."""
    return stalled(view, seen.clock_of(SPEC.id, watched.ours)) is not None

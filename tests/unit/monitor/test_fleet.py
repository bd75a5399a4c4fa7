"""What a fleet makes of frames from several hosts."""

from support import WALL, spec, start, training

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.events import End, Line, encode
from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.frames import Alive, Data, Described

RUN = RunId("CP_basic", 0)


def alive(*held: RunId) -> Alive:
    """A host with living workers of these runs."""
    return Alive(WALL, (), 0, 1, 1, frozenset(held), True)


def test_the_last_word_of_a_run_there_may_come_after_its_lock_is_free() -> None:
    """The host tells at once, its log comes a moment later through the mirror."""
    fleet = Fleet()
    timed = [(0.0, start()), *training(3), (4.0, End(WALL, "finished", 30, ""))]
    lines = [encode(Line(n, t, event)) for n, (t, event) in enumerate(timed, 1)]
    fleet.apply(LOCAL, Described(RUN, spec().to_json().encode()))
    fleet.apply(LOCAL, Data(RUN, 1, 0, b"".join(lines[:-1])))
    fleet.apply("vm", alive(RUN))
    fleet.apply("vm", alive())
    assert isinstance(fleet.snapshot().runs[RUN].state, state.Running)
    fleet.apply(LOCAL, Data(RUN, 1, sum(map(len, lines[:-1])), lines[-1]))
    fleet.apply("vm", alive())
    assert isinstance(fleet.snapshot().runs[RUN].state, state.Finished)


def test_a_worker_that_died_there_is_lost_a_second_later() -> None:
    """Nothing came after it."""
    fleet = Fleet()
    fleet.apply(LOCAL, Described(RUN, spec().to_json().encode()))
    fleet.apply(LOCAL, Data(RUN, 1, 0, encode(Line(1, 0.0, start()))))
    for frame in (alive(RUN), alive(), alive()):
        fleet.apply("vm", frame)
    assert isinstance(fleet.snapshot().runs[RUN].state, state.Lost)


def test_hosts_have_an_order() -> None:
    """This machine first, numbers as numbers, whoever spoke first."""
    fleet = Fleet()
    for name in ("vm-10", "lab", "vm-2", LOCAL):
        fleet.apply(name, alive())
    assert [host.name for host in fleet.snapshot().hosts] == [LOCAL, "lab", "vm-2", "vm-10"]

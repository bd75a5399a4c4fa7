"""What a host would get of a launch."""

import pytest

from deeprl_tui.config.predict import SHARED
from deeprl_tui.core.eta import Eta
from deeprl_tui.runs.plan import share
from deeprl_tui.runs.spread import Room

HOUR = Eta(3000.0, 3600.0, 4200.0)


def test_new_runs_wait_behind_what_is_there() -> None:
    """Two runs on one core that is busy for an hour, on a host that is twice as fast: two hours."""
    found = share(Room(1, 1, speed=2.0), [(HOUR, None), (HOUR, None)], [HOUR])
    assert found.finish is not None
    assert found.finish.mid == pytest.approx(7200)
    assert found.hours is not None
    assert found.hours.mid == pytest.approx(1.0)


def test_money_is_for_the_time_that_a_host_works_longer() -> None:
    """Beside a run that takes longer nothing is added; behind it an hour is."""
    room = Room(2, 1, price=0.5)
    beside = share(room, [(HOUR, 1)], [Eta(9000.0, 9000.0, 9000.0)])
    behind = share(room, [(HOUR, 1), (HOUR, 1), (HOUR, 1)], [Eta(0.0, 0.0, 0.0)])
    assert beside.cost is not None
    assert beside.cost.mid == 0.0
    assert behind.cost is not None
    assert behind.cost.mid == pytest.approx(1.0)


def test_memory_is_that_of_runs_at_once() -> None:
    """As many of the largest as have a free core; more than is free is too much."""
    sizes = [(HOUR, size) for size in (1, 5, 3)]
    assert share(Room(3, 1, memory=SHARED + 8), sizes, [HOUR]).memory == SHARED + 8
    assert not share(Room(3, 1, memory=SHARED + 8), sizes, [HOUR]).crowded
    assert share(Room(3, 0, memory=SHARED + 8), sizes).crowded


def test_without_a_measurement_only_the_number_is_known() -> None:
    """No time, no money; and a host that gets nothing costs nothing."""
    found = share(Room(2, price=1.0), [(None, None)])
    assert (found.runs, found.finish, found.cost, found.memory) == (1, None, None, None)
    assert share(Room(2, price=1.0), []).cost is None

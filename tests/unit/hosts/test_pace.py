"""How fast bytes come."""

import pytest

from deeprl_tui.hosts.pace import Pace


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_last_seconds_count() -> None:
    """A line that became slower is soon told to be."""
    clock = Clock()
    pace, rates = Pace(clock), []
    for tick in range(200):
        clock.now = tick / 10
        rates.append(pace(tick * 1000 if tick < 100 else 100_000 + (tick - 100) * 10))
    assert rates[0] == 0
    assert rates[50] == pytest.approx(10_000, rel=0.05)
    assert rates[-1] == pytest.approx(100, rel=0.05)


def test_the_next_run_begins_anew() -> None:
    """Fewer bytes than before are those of another run."""
    clock = Clock()
    pace = Pace(clock)
    for tick in range(20):
        clock.now = float(tick)
        pace(tick * 1_000_000)
    clock.now += 1
    assert pace(5) == 0

"""How long it will still take."""

import random
from collections.abc import Callable

import pytest

from deeprl_tui.core import eta
from deeprl_tui.core.curve import Curve
from deeprl_tui.core.eta import Eta, Rate

EPISODES = 10_000
SPEED = 400.0  # env steps per second


def lunar_lander(peak: float, settled: float) -> Callable[[int], float]:
    """Episode length of LunarLander: 90 steps, growing to 700, falling to 430.

    peak, settled: share of the run at which it gets there.
    """

    def length(episode: int) -> float:
        at = episode / EPISODES
        if at < peak:
            return 90 + (700 - 90) * at / peak
        if at < settled:
            return 700 + (430 - 700) * (at - peak) / (settled - peak)
        return 430

    return length


def replay(length: Callable[[int], float]) -> list[float]:
    """A noisy trace of episode lengths, as a run of the study has it."""
    noise = random.Random(0)
    return [max(50.0, min(1000.0, length(episode) * noise.uniform(0.6, 1.4))) for episode in range(EPISODES)]


def curve(lengths: list[float]) -> Curve:
    """The same as the fold keeps it."""
    made = Curve()
    for episode, length in enumerate(lengths):
        made.append(step=episode, y=length)
    return made


def studys_formula(durations: list[float], done: int) -> float:
    """The study's estimate: an average with nine tenths of its weight on the first episode."""
    recent = sum(durations[1:done]) / (done - 1)
    return (0.9 * durations[0] + 0.1 * recent) * (EPISODES - done)


TRACES = {
    "early peak": lunar_lander(0.05, 0.2),
    "peak at a tenth": lunar_lander(0.1, 0.25),
    "peak at a fifth": lunar_lander(0.2, 0.6),
}


@pytest.mark.parametrize("name", TRACES)
def test_a_fifth_into_lunar_lander_the_eta_is_within_a_quarter(name: str) -> None:
    """The budget is in episodes, their length changes eightfold, and the estimate still holds."""
    lengths = replay(TRACES[name])
    done = EPISODES // 5
    truth = sum(lengths[done:]) / SPEED
    clock = [sum(lengths[:done]) / SPEED - second for second in range(120, -1, -1)]
    ours = eta.remaining(
        step=int(sum(lengths[:done])),
        total_steps=None,
        episodes=done,
        total_episodes=EPISODES,
        rate=eta.rate(clock, [second * SPEED for second in clock]),
        length=eta.episode_length(curve(lengths[:done])),
    )
    assert ours is not None
    assert abs(ours.mid / truth - 1) < 0.25
    theirs = studys_formula([length / SPEED for length in lengths], done)
    assert abs(theirs / truth - 1) > 2 * abs(ours.mid / truth - 1)


def test_a_step_budget_needs_only_throughput() -> None:
    """Half of 10 000 steps at 100 steps a second."""
    left = eta.remaining(
        step=5000, total_steps=10_000, episodes=3, total_episodes=None, rate=Rate(80, 100, 125), length=None
    )
    assert left == Eta(40.0, 50.0, 62.5)


def test_throughput_is_that_of_the_last_two_minutes() -> None:
    """A slow start is forgotten."""
    times = [float(second) for second in range(400)]
    steps = [10.0 * min(second, 200) + 100.0 * max(0.0, second - 200) for second in times]
    speed = eta.rate(times, steps)
    assert speed is not None
    assert speed.mid == pytest.approx(100)


def test_too_little_is_known_at_the_start() -> None:
    """No number is better than a wrong one."""
    assert eta.rate([0.0, 1.0], [0.0, 10.0]) is None
    assert eta.episode_length(Curve()) is None


def test_a_batch_waits_for_cores() -> None:
    """Two cores, two runs of 10 s left, three of 20 s waiting: 10 + 20 + 20."""
    ten, twenty = Eta(10, 10, 10), Eta(20, 20, 20)
    assert eta.batch([ten, ten], [twenty] * 3, 2) == Eta(50, 50, 50)


def test_a_batch_with_unknown_work_has_no_eta() -> None:
    """A range that leaves out a run would be a lie."""
    assert eta.batch([Eta(1, 2, 3), None], [], 2) is None


def test_after_a_run_of_unknown_length_no_later_end_is_known() -> None:
    """Its core is free at no known time."""
    ten = Eta(10, 10, 10)
    assert eta.schedule([ten], [ten, None, ten], 1) == [Eta(20, 20, 20), None, None]

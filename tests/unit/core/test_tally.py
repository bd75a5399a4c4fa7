"""Numbers that need every return."""

import random
from itertools import pairwise
from statistics import fmean, pvariance

import pytest

from deeprl_tui.core.tally import EXPLORED, NOTHING, Tally


def told(episodes: int, *, solved: float | None = None, whole: bool = True) -> Tally:
    """Returns equal to episode numbers, ten steps each."""
    tally = Tally(solved, whole=whole)
    for episode in range(1, episodes + 1):
        tally.add(episode, 10 * episode, float(episode))
    return tally


def test_the_studys_summary_begins_at_episode_150() -> None:
    """As its analysis had it: mean, numpy's variance, and three shares."""
    numbers = told(250, solved=240.0).numbers()
    later = [float(episode) for episode in range(EXPLORED, 251)]
    assert numbers.mean == pytest.approx(fmean(later))
    assert numbers.variance == pytest.approx(pvariance(later))
    assert numbers.p_solved == pytest.approx(11 / 101)
    assert numbers.p_solved_90 == pytest.approx(35 / 101)
    assert numbers.p_catastrophic == 0.0


def test_before_episode_150_there_is_only_the_area() -> None:
    """Nothing is said of a run that still explores."""
    numbers = told(EXPLORED - 1, solved=1.0).numbers()
    assert (numbers.mean, numbers.p_solved, numbers.p_catastrophic) == (None, None, None)
    assert numbers.auc == pytest.approx(fmean(range(1, EXPLORED)))


def test_the_area_counts_each_return_for_its_own_steps() -> None:
    """A long episode weighs more, so it is a mean over env steps."""
    tally = Tally(None)
    tally.add(1, 10, 1.0)
    tally.add(2, 40, 5.0)
    assert tally.numbers().auc == pytest.approx((10 * 1 + 30 * 5) / 40)


def test_shares_of_a_negative_threshold_lie_below_it() -> None:
    """90 % of -100 is -110, not -90; half of a mean of -100 is -150."""
    tally = Tally(-100.0, whole=True)
    for at, value in enumerate([-90.0, -105.0, -105.0, -400.0]):
        tally.add(EXPLORED + at, 100 * (at + 1), value)
    numbers = tally.numbers()
    assert (numbers.p_solved, numbers.p_solved_90, numbers.p_catastrophic) == (0.25, 0.75, 0.25)


def test_what_is_no_number_is_left_out() -> None:
    """A return that overflowed is null in the log."""
    tally = told(200)
    before = tally.numbers()
    tally.add(201, 2010, float("nan"))
    assert tally.numbers() == before


@pytest.mark.parametrize("whole", [False, True])
def test_a_resume_takes_back_exactly_what_came_after(whole: bool) -> None:
    """To the bit, from the newest checkpoint or the one before, as often as it happens."""
    draw = random.Random(5)
    values = [draw.gauss(0, 100) for _ in range(1000)]
    straight = Tally(20.0, whole=whole)
    broken = Tally(20.0, whole=whole)
    for episode, value in enumerate(values, 1):
        straight.add(episode, 7 * episode, value)
    at, marks = 0, [0, 0]
    while at < len(values):
        at += 1
        broken.add(at, 7 * at, values[at - 1])
        if at % 90 == 0:
            broken.mark(7 * at)
            marks = [marks[-1], at]
        if draw.random() < 0.01:
            at = draw.choice(marks)
            broken.rewind(7 * at)
            marks = [at, at] if at == marks[0] else marks
    assert broken.numbers() == straight.numbers()


def test_a_resume_from_before_all_checkpoints_says_nothing_wrong() -> None:
    """Sums that cannot be taken back are not shown."""
    tally = Tally(None)
    for episode in range(1, 1001):
        tally.add(episode, 10 * episode, 1.0)
        if episode % 100 == 0:
            tally.mark(10 * episode)
    tally.rewind(1000)
    assert tally.numbers() == NOTHING


def test_memory_is_bounded_while_a_run_lives() -> None:
    """Only episodes since the oldest checkpoint that counts are kept one by one."""
    tally = Tally(None)
    for episode in range(1, 10_001):
        tally.add(episode, 10 * episode, 1.0)
        if episode % 100 == 0:
            tally.mark(10 * episode)
    assert len(tally._returns) <= 300


def test_a_trend_is_means_in_order() -> None:
    """Few numbers for a small line."""
    trend = told(1000).trend(10)
    assert len(trend) == 10
    assert all(a < b for a, b in pairwise(trend))
    assert trend[0] == fmean(range(1, 101))

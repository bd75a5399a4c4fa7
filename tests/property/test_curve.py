"""Wherever a run resumes, however long it is: a curve is bounded, loses no peak, and goes back exactly."""

import math
import random
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprl_tui.core import curve as module
from deeprl_tui.core.curve import AXES, Curve

SMALL = 16
"""Buckets in these tests, so that pairs are merged again and again."""


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    """Curves of 16 buckets that remember 8 samples."""
    with patch.multiple(module, MOST=SMALL, RECENT=8, _SLACK=3):
        yield


@dataclass
class History:
    """Samples and marks as a run writes them, with a curve that follows."""

    curve: Curve = field(default_factory=Curve)
    events: list[tuple[str, float, float]] = field(default_factory=list)
    marks: list[float] = field(default_factory=list)

    def step(self) -> float:
        return next((event[1] for event in reversed(self.events)), 0.0)

    def sample(self, more: float, y: float) -> None:
        self.events.append(("sample", self.step() + more, y))
        play(self.curve, self.events[-1:])

    def mark(self) -> None:
        self.events.append(("mark", self.step(), 0.0))
        self.marks.append(self.step())
        play(self.curve, self.events[-1:])

    def resume(self, which: int) -> None:
        """Go on from one of the two newest checkpoints, or from the start."""
        step = ([-1.0, *self.marks[-module.MARKS :]])[which]
        self.curve.rewind(step)
        self.events = [event for event in self.events if event[1] <= step]
        self.marks = [mark for mark in self.marks if mark <= step]


def play(curve: Curve, events: list[tuple[str, float, float]]) -> None:
    for kind, step, y in events:
        if kind == "mark":
            curve.mark(step)
        else:
            curve.append(step=step, y=y, episode=step / 3, seconds=step / 7, updates=step * 2)


def values(history: History) -> list[float]:
    return [y for kind, _, y in history.events if kind == "sample"]


def state(curve: Curve) -> object:
    """All that can be read."""
    return (
        [column.tolist() for column in curve.buckets],
        len(curve),
        curve.per,
        repr(curve.recent(8)),
        repr(curve.recent_times(8)),
    )


numbers = st.one_of(st.integers(-1000, 1000).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))
steps = st.integers(0, 5).map(float)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("samples"), st.integers(1, 60), st.integers(0, 2**30)),
        st.tuples(st.just("mark"), st.just(0), st.just(0)),
        st.tuples(st.just("resume"), st.integers(0, 2), st.just(0)),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(st.lists(st.tuples(steps, numbers), max_size=200))
def test_no_peak_is_lost_and_sum_and_count_are_exact(samples: list[tuple[float, float]]) -> None:
    """Over all buckets: the lowest, the highest, the sum and the count of all numbers."""
    history = History()
    for more, y in samples:
        history.sample(more, y)
    known = [y for y in values(history) if math.isfinite(y)]
    buckets = history.curve.buckets
    assert len(history.curve) == len(samples)
    assert (sum(buckets.known), sum(buckets.total)) == (len(known), sum(known))
    assert min(buckets.low, default=math.inf) == min(known, default=math.inf)
    assert max(buckets.high, default=-math.inf) == max(known, default=-math.inf)


@settings(deadline=None)
@given(st.integers(0, 3000))
def test_a_curve_is_bounded(size: int) -> None:
    """No column is ever longer than the limit, and none is shorter than half of it once it was full."""
    curve = Curve()
    for step in range(size):
        curve.append(step=step, y=1.0)
    assert {len(column) for column in curve.buckets} == {len(curve.buckets.step)}
    assert min(size, SMALL // 2) <= len(curve.buckets.step) <= SMALL


@settings(max_examples=200, deadline=None)
@given(actions)
def test_a_rewind_is_what_a_fresh_fold_gives(plan: list[tuple[str, int, int]]) -> None:
    """After any resumes from one of the two newest checkpoints nothing tells that there was more."""
    history = History()
    for kind, number, seed in plan:
        if kind == "samples":
            draws = random.Random(seed)
            for _ in range(number):
                history.sample(draws.choice([0.0, 1.0, 4.0]), float(draws.randrange(-50, 50)))
        elif kind == "mark":
            history.mark()
        elif number <= min(len(history.marks), module.MARKS):
            history.resume(number)
    fresh = Curve()
    play(fresh, history.events)
    assert state(history.curve) == state(fresh)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats(), st.floats(), st.floats()), max_size=80))
def test_no_axis_ever_goes_back(samples: list[tuple[float, float, float, float]]) -> None:
    """A damaged log cannot fold a curve, whatever its numbers are."""
    curve = Curve()
    for step, episode, seconds, updates in samples:
        curve.append(step=step, y=1.0, episode=episode, seconds=seconds, updates=updates)
    for axis in AXES:
        column = getattr(curve.buckets, axis).tolist()
        assert column == sorted(column)
        assert all(value == value for value in column)


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(0, 600))
def test_a_rewind_to_anywhere_keeps_nothing_that_came_later(size: int, step: int) -> None:
    """A step without a checkpoint may cost samples before it, never keeps one after it."""
    curve = Curve()
    for at in range(size):
        curve.append(step=at, y=float(at))
    curve.rewind(step)
    assert curve.end() <= step
    assert max(curve.buckets.high, default=0.0) <= step
    assert len(curve) <= min(size, step + 1)

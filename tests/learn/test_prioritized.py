"""The prioritized buffer against references: frequencies, weights, and a model that is a list."""

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deeprl_agents.replay.prioritized import PrioritizedReplayBuffer
from deeprl_agents.replay.sum_tree import SumTree


def a_buffer(size: int, rng: np.random.Generator, **arguments: Any) -> PrioritizedReplayBuffer:
    """An empty buffer for one number as observation."""
    space, actions = spaces.Box(-np.inf, np.inf, (1,), np.float32), spaces.Discrete(2)
    return PrioritizedReplayBuffer(size, space, actions, device="cpu", rng=rng, **arguments)


def fill(buffer: PrioritizedReplayBuffer, count: int, start: int = 0) -> None:
    """Add transitions numbered in their observation."""
    for number in range(start, start + count):
        row = np.array([[number]], np.float32)
        buffer.add(row, row, np.array([0]), np.array([0.0]), np.array([False]), [{}])


def set_all(buffer: PrioritizedReplayBuffer, errors: list[float]) -> None:
    """Give the filled slots TD errors."""
    buffer.indices = np.arange(len(errors))
    buffer.check_valid()
    buffer.update_priorities(np.array(errors))


def chi_square(counts: np.ndarray[Any, Any], shares: np.ndarray[Any, Any]) -> float:
    """Pearson's statistic."""
    expected = shares * counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_slot_is_drawn_as_often_as_its_priority_says(seed: int) -> None:
    """Sampling frequencies fit P(i) = p^alpha / sum, also for the last filled slot."""
    buffer = a_buffer(16, np.random.default_rng(seed), alpha=0.6)
    fill(buffer, 10)
    set_all(buffer, [float(error) for error in range(1, 11)])
    counts = np.zeros(10)
    for _ in range(1000):  # one at a time: a stratified batch has less spread than chi-square assumes
        buffer.sample(1)
        counts[buffer.indices] += 1
    shares = np.arange(1.0, 11.0) ** 0.6
    assert chi_square(counts, shares / shares.sum()) < 33.7  # p = 1e-4 at 9 degrees of freedom


def test_a_batch_has_one_item_from_each_share() -> None:
    """With equal priorities and a batch as large as the buffer, stratified drawing gives each item once."""
    buffer = a_buffer(8, np.random.default_rng(0))
    fill(buffer, 8)
    buffer.sample(8)
    assert sorted(buffer.indices.tolist()) == list(range(8))


def test_alpha_zero_draws_uniformly() -> None:
    """With alpha 0 errors do not matter."""
    buffer = a_buffer(10, np.random.default_rng(0), alpha=0.0)
    fill(buffer, 10)
    set_all(buffer, [10.0**n for n in range(-5, 5)])
    assert buffer.priorities.tolist() == [1.0] * 10
    assert not np.ptp(buffer.weights) if buffer.weights.size else True


def test_weights_equal_the_formula() -> None:
    """w = (N P)^-beta over the largest of the whole buffer, to 1e-12."""
    rng = np.random.default_rng(4)
    buffer = a_buffer(100, rng, alpha=0.7, beta=0.5, eps=1e-6)
    fill(buffer, 70)
    errors = rng.exponential(size=70)
    set_all(buffer, errors.tolist())
    buffer.sample(32)
    shares = (errors + 1e-6) ** 0.7
    shares /= shares.sum()
    weights = (70 * shares) ** -0.5
    expected = (weights / weights.max())[buffer.indices]
    np.testing.assert_allclose(buffer.weights, expected, rtol=1e-12)


def test_beta_rises_to_one() -> None:
    """Beta is linear in the transitions added, then stays at 1."""
    buffer = a_buffer(10, np.random.default_rng(0), beta=0.4, beta_steps=10)
    found = []
    for _ in range(3):
        found.append(buffer.beta)
        fill(buffer, 5)
    assert [*found, buffer.beta] == pytest.approx([0.4, 0.7, 1.0, 1.0])


def test_new_items_get_the_largest_priority() -> None:
    """An item added after an error of 9 has the priority of that error."""
    buffer = a_buffer(4, np.random.default_rng(0), alpha=1.0, eps=1e-6)
    fill(buffer, 2)
    set_all(buffer, [9.0, 2.0])
    fill(buffer, 1)
    assert buffer.priorities.tolist() == pytest.approx([9.0, 2.0, 9.0])


@pytest.mark.parametrize("error", [float("nan"), float("inf")])
def test_a_bad_error_is_refused(error: float) -> None:
    """A TD error that is no number would poison the whole tree."""
    buffer = a_buffer(4, np.random.default_rng(0))
    fill(buffer, 2)
    with pytest.raises(ValueError, match="learning_rate"):
        set_all(buffer, [1.0, error])


def test_the_total_itself_falls_into_the_last_filled_slot() -> None:
    """Rounding may ask for the whole mass; the answer is a slot that has some."""
    tree = SumTree(5)
    tree.set(np.arange(3), np.array([0.1, 0.2, 0.3]))
    assert tree.find(np.array([0.0, tree.total, tree.total * (1 + 1e-15)])).tolist() == [0, 2, 2]


class Model(RuleBasedStateMachine):
    """The buffer against a list of priorities, through wrap-around, save and load."""

    CAPACITY = 7

    def __init__(self) -> None:
        super().__init__()
        self.buffer = a_buffer(self.CAPACITY, np.random.default_rng(1), alpha=0.5)
        self.slots: list[tuple[int, float]] = []  # number of the transition, its priority
        self.added = 0
        self.largest = 1.0

    @rule(count=st.integers(1, 10))
    def add(self, count: int) -> None:
        """Add some."""
        fill(self.buffer, count, start=self.added)
        for _ in range(count):
            item = (self.added, self.largest**0.5)
            if len(self.slots) < self.CAPACITY:
                self.slots.append(item)
            else:
                self.slots[self.added % self.CAPACITY] = item
            self.added += 1

    @precondition(lambda self: self.slots)
    @rule(errors=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9))
    def update(self, errors: list[float]) -> None:
        """Draw a batch and give it errors; of a slot drawn twice, the last counts."""
        self.buffer.sample(len(errors))
        self.buffer.update_priorities(np.array(errors))
        for slot, error in zip(self.buffer.indices.tolist(), errors, strict=True):
            self.slots[slot] = (self.slots[slot][0], (abs(error) + 1e-6) ** 0.5)
            self.largest = max(self.largest, abs(error) + 1e-6)

    @rule()
    def save_and_load(self) -> None:
        """Move everything into a new buffer."""
        arrays, values = self.buffer.state()
        other = a_buffer(self.CAPACITY, np.random.default_rng(9), alpha=0.5)
        other.observations[:] = self.buffer.observations
        other.pos, other.full = self.buffer.pos, self.buffer.full
        other.set_state(arrays, values)
        self.buffer = other

    @invariant()
    def agrees(self) -> None:
        """Same transitions, same priorities, valid trees."""
        self.buffer.check_valid()
        assert self.buffer.size() == len(self.slots)
        found = self.buffer.observations[: len(self.slots), 0, 0].astype(int).tolist()
        assert found == [number for number, _ in self.slots]
        np.testing.assert_allclose(self.buffer.priorities, [priority for _, priority in self.slots])


Model.TestCase.settings = hypothesis_settings(max_examples=30, stateful_step_count=20, deadline=None)
TestAgainstAList = Model.TestCase

"""The retention buffer: which half is drawn, what is kept, what is scored, and what omega 1 is equal to."""

import copy
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from replay_lab import ACTIONS, PATHS, a_buffer, chi_square, fill, moved, numbers, some_values

from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.frames import Frames
from deeprl_agents.replay.prioritized import PrioritizedReplay
from deeprl_agents.replay.retention import RetentionReplay

SAMPLERS = pytest.mark.parametrize("sampler", ["uniform", "prioritized"])


def retention(size: int, seed: int = 0, **arguments: Any) -> RetentionReplay:
    """An empty retention buffer."""
    return a_buffer(RetentionReplay, size, rng=np.random.default_rng(seed), **arguments)


def q_of(found: Any) -> Any:
    """Q(s, .) of numbered transitions."""
    return np.sin(np.outer(found, [12.9898, 78.233, 37.719]) + np.arange(1, 4)).astype(np.float32)


def values_of(buffer: Replay, slots: Any) -> Any:
    """Q(s, .) that is fixed for each transition."""
    return q_of(np.array(numbers(buffer, slots)))


def update(buffer: RetentionReplay, batch_size: int) -> None:
    """One update: draw, feed back, rescore."""
    buffer.draw(batch_size)
    errors = np.random.default_rng(buffer.added).exponential(size=batch_size).astype(np.float32)
    buffer.feedback(errors, values_of(buffer, buffer.indices))
    slots = buffer.rescore_slots()
    buffer.rescore(slots, values_of(buffer, slots))


def all_scores(count: int) -> list[float]:
    """The softmax scores of the first transitions, from the formula."""
    q = q_of(np.arange(count)).astype(np.float64)
    policy = np.exp((q - q.max(axis=1, keepdims=True)) / q.std(axis=1, keepdims=True))
    policy /= policy.sum(axis=1, keepdims=True)
    found: list[float] = ((np.eye(ACTIONS)[np.arange(count) % ACTIONS] - policy) ** 2).sum(axis=1).tolist()
    return found


@PATHS
@SAMPLERS
@pytest.mark.parametrize("omega", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_omega_is_the_share_of_the_ring(omega: float, sampler: Any, kernel: bool) -> None:
    """Of many draws, omega come from A; within four deviations."""
    buffer = retention(40, omega=omega, sampler=sampler, kernel=kernel)
    fill(buffer, 50)
    found = []
    for _ in range(200):
        buffer.draw(32)
        found.append(buffer.indices < buffer.ring)
    deviation = np.sqrt(omega * (1 - omega) / (200 * 32))
    assert abs(np.mean(found) - omega) <= 4 * deviation


@PATHS
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_half_is_drawn_by_its_priorities(seed: int, kernel: bool) -> None:
    """P(i) = omega P_A(i) or (1 - omega) P_B(i)."""
    buffer = retention(16, seed, omega=0.3, sampler="prioritized", alpha=0.6, kernel=kernel)
    fill(buffer, 8)
    buffer.indices = np.arange(16)
    buffer.feedback(np.arange(1, 17, dtype=np.float32), some_values(16))
    counts = np.zeros(16)
    for _ in range(4000):
        buffer.draw(1)
        counts[buffer.indices] += 1
    leaves = np.arange(1.0, 17.0) ** 0.6
    shares = np.concatenate([0.3 * leaves[:8] / leaves[:8].sum(), 0.7 * leaves[8:] / leaves[8:].sum()])
    assert chi_square(counts, shares) < 44.3  # p = 1e-4 at 15 degrees of freedom


@PATHS
@pytest.mark.parametrize("omega", [0.2, 0.5, 0.8])
def test_weights_equal_the_formula_over_both_halves(omega: float, kernel: bool) -> None:
    """w = (N P)^-beta over the largest of the whole buffer, to 1e-12, N = |A| + |B|."""
    buffer = retention(60, 4, omega=omega, sampler="prioritized", alpha=0.7, beta=0.5, kernel=kernel)
    fill(buffer, 25)
    buffer.indices = np.concatenate([np.arange(25), 30 + np.arange(25)])
    errors = np.random.default_rng(1).exponential(size=50).astype(np.float32)
    buffer.feedback(errors, some_values(50))
    buffer.draw(32)
    leaves = (errors.astype(np.float64) + 1e-6) ** 0.7
    shares = np.zeros(60)
    shares[:25] = omega * leaves[:25] / leaves[:25].sum()
    shares[30:55] = (1 - omega) * leaves[25:] / leaves[25:].sum()
    weights = (50 * shares[shares > 0]) ** -0.5
    expected = (50 * shares[buffer.indices]) ** -0.5 / weights.max()
    np.testing.assert_allclose(buffer.weights, expected, rtol=1e-12)


@PATHS
def test_omega_one_is_a_ring_of_half_the_size(kernel: bool) -> None:
    """Drawn uniformly with omega 1: the same transitions as Replay of N/2 from the same stream."""
    half = a_buffer(Replay, 15)
    rng = np.random.Generator(np.random.mtrand.get_bit_generator())
    buffer = a_buffer(RetentionReplay, 30, rng=rng, omega=1.0, kernel=kernel)
    for start in range(0, 60, 6):
        drawn = []
        for one in (half, buffer):
            fill(one, 6, start)
            np.random.seed(start)
            one.draw(20)
            drawn.append(numbers(one, one.indices))
        assert drawn[0] == drawn[1]


@PATHS
def test_omega_one_by_priority_is_a_prioritized_ring_of_half_the_size(kernel: bool) -> None:
    """Drawn by priority with omega 1: slots and weights of PrioritizedReplay of N/2, to the bit."""
    half = a_buffer(PrioritizedReplay, 15, rng=np.random.default_rng(3), kernel=kernel)
    buffer = retention(30, 3, omega=1.0, sampler="prioritized", kernel=kernel)
    for start in range(0, 60, 6):
        drawn = []
        for one in (half, buffer):
            fill(one, 6, start)
            one.draw(20)
            drawn.append((one.indices.tolist(), one.weights.tolist()))
            one.feedback(np.random.default_rng(start).exponential(size=20).astype("f"), some_values(20))
        assert drawn[0] == drawn[1]


@PATHS
@SAMPLERS
def test_what_is_kept_is_what_a_list_keeps(sampler: Any, kernel: bool) -> None:
    """After 10,000 additions at random between updates, B holds what the rule of the lowest score says."""
    rng = np.random.default_rng(7)
    buffer = retention(200, 1, sampler=sampler, kernel=kernel)
    model: list[list[float]] = []  # score, number
    known = all_scores(10_010)
    added = 0
    while added < 10_000:
        count = int(rng.integers(0, 6))
        fill(buffer, count, added)
        for number in range(added, added + count):
            if len(model) < 100:
                model.append([np.inf, number])
            else:
                model[model.index(min(model))] = [np.inf, number]
        added += count
        if added:
            buffer.draw(16)
            buffer.feedback(np.ones(16, np.float32), values_of(buffer, buffer.indices))
            slots = buffer.rescore_slots()
            buffer.rescore(slots, values_of(buffer, slots))
            for slot in [*buffer.indices.tolist(), *slots.tolist()]:
                if slot >= 100:
                    model[slot - 100][0] = known[int(model[slot - 100][1])]
    assert sorted(numbers(buffer, slice(100, 200))) == sorted(number for _, number in model)


@PATHS
def test_every_kept_transition_is_scored_in_turn(kernel: bool) -> None:
    """With one addition for each update, no score of B is older than |B| / (batch_size - 1) updates."""
    buffer = retention(128, omega=1.0, kernel=kernel)  # nothing of B is drawn, so nothing is scored for free
    fill(buffer, 64)
    age = np.zeros(64, int)
    for number in range(64, 264):
        fill(buffer, 1, number)
        buffer.draw(8)
        buffer.feedback(np.ones(8, np.float32), values_of(buffer, buffer.indices))
        slots = buffer.rescore_slots()
        buffer.rescore(slots, values_of(buffer, slots))
        age += 1
        age[slots - 64] = 0
        assert age.max() <= -(-64 // 7) + 8  # the first updates still score what entered before them


@PATHS
def test_a_new_transition_is_scored_at_the_next_update(kernel: bool) -> None:
    """What entered B comes first, before those whose turn it is."""
    buffer = retention(64, kernel=kernel)
    fill(buffer, 40)
    for _ in range(10):
        update(buffer, 8)
    fill(buffer, 1, 40)
    buffer.draw(8)
    assert numbers(buffer, buffer.rescore_slots()[:1]) == [40]


@PATHS
def test_at_most_half_of_the_scoring_is_for_new_ones(kernel: bool) -> None:
    """However many enter, old scores are renewed as well."""
    buffer = retention(64, kernel=kernel)
    fill(buffer, 32)
    buffer.draw(8)
    assert buffer.rescore_slots().tolist() == [32, 33, 34, 35, 32, 33, 34, 35]


@PATHS
def test_a_transition_without_a_score_is_not_given_up(kernel: bool) -> None:
    """Among scored ones, a new transition stays until it has been scored."""
    buffer = retention(16, omega=0.0, kernel=kernel)
    fill(buffer, 8)
    for _ in range(4):
        update(buffer, 8)
    fill(buffer, 4, 8)
    assert {8, 9, 10, 11} <= set(numbers(buffer, slice(8, 16)))


@PATHS
def test_where_nothing_is_known_the_oldest_go(kernel: bool) -> None:
    """Before any update, B is a ring as A is."""
    buffer = retention(10, kernel=kernel)
    fill(buffer, 23)
    assert sorted(numbers(buffer, slice(5, 10))) == [18, 19, 20, 21, 22]


@PATHS
def test_of_equal_scores_the_oldest_goes(kernel: bool) -> None:
    """With the greedy policy most scores are equal; the oldest of the lowest is overwritten."""
    buffer = retention(20, score="greedy", omega=0.0, kernel=kernel)
    fill(buffer, 10)
    slots = np.arange(10, 20)
    buffer.draw(10)
    greedy = np.zeros((10, ACTIONS), np.float32)
    greedy[:, 0] = 1  # numbers 0, 3, 6, 9 took it
    buffer.rescore(slots, greedy)
    fill(buffer, 2, 10)
    assert sorted(numbers(buffer, slots)) == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11]


@PATHS
@SAMPLERS
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_bad_values_are_refused(bad: float, sampler: Any, kernel: bool) -> None:
    """A score that is no number would never be found or never be lost."""
    buffer = retention(8, sampler=sampler, kernel=kernel)
    fill(buffer, 4)
    buffer.draw(4)
    values = some_values(4)
    values[2, 1] = bad
    with pytest.raises(ValueError, match="learning_rate"):
        buffer.feedback(np.ones(4, np.float32), values)


@PATHS
def test_the_copy_in_b_has_the_whole_transition(kernel: bool) -> None:
    """Observations, action, reward and flags are those of A."""
    buffer = retention(8, kernel=kernel)
    one, two = np.array([[1.5]], np.float32), np.array([[2.5]], np.float32)
    buffer.add(one, two, np.array([2]), np.array([7.0]), np.array([True]), [{"TimeLimit.truncated": True}])
    row = [column[4].ravel().tolist() for column in buffer.tables()[0].columns.values()]
    assert row == [[1.5], [2.5], [2], [7.0], [1.0], [1.0]]


@PATHS
def test_frames_are_shared_by_both_halves(kernel: bool) -> None:
    """Copied through the store, a transition in B shows the frames it was added with."""
    space = spaces.Box(0, 255, (2, 3, 3), np.uint8)
    rng = np.random.default_rng(0)
    buffer = RetentionReplay(8, space, spaces.Discrete(2), device="cpu", rng=rng, kernel=kernel, store=Frames)
    stacks = rng.integers(0, 255, (12, 2, 3, 3), np.uint8)
    for before, after in pairwise(stacks):
        buffer.add(before[None], after[None], np.array([0]), np.array([0.0]), np.array([False]), [{}])
    buffer.check_valid()
    kept = buffer.store.before(np.arange(4, 8))
    assert (kept == stacks[buffer.entered]).all()


@PATHS
@SAMPLERS
@pytest.mark.parametrize("way", [copy.deepcopy, lambda buffer: pickle.loads(pickle.dumps(buffer))])
def test_a_copy_goes_on_the_same(way: Any, sampler: Any, kernel: bool) -> None:
    """Pickled or copied, it keeps and draws the same."""
    buffer = retention(30, 3, sampler=sampler, kernel=kernel)
    fill(buffer, 25)
    update(buffer, 8)
    found = []
    for one in (buffer, way(buffer)):
        fill(one, 9, start=25)
        update(one, 8)
        one.check_valid()
        found.append((one.indices.tolist(), one.entered.tolist(), one.scores.tolist()))
    assert found[0] == found[1]


@PATHS
@SAMPLERS
def test_a_checkpoint_brings_back_what_follows(sampler: Any, kernel: bool) -> None:
    """From tables and state, a new buffer keeps, scores and draws the same."""
    buffer = retention(30, 3, sampler=sampler, kernel=kernel)
    fill(buffer, 25)
    update(buffer, 8)
    other = moved(buffer, retention(30, 9, sampler=sampler, kernel=kernel))
    other.check_valid()
    found = []
    for one in (buffer, other):
        fill(one, 9, start=25)
        update(one, 8)
        found.append((one.indices.tolist(), one.entered.tolist(), one.scores.tolist()))
    assert found[0] == found[1]

"""The prioritized buffer against references: frequencies, weights, and what it refuses."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from replay_lab import PATHS, a_buffer, chi_square, fill, moved, set_all, some_values

from deeprl_agents.replay.prioritized import PrioritizedReplay


def prioritized(size: int, seed: int = 0, **arguments: Any) -> PrioritizedReplay:
    """An empty prioritized buffer."""
    return a_buffer(PrioritizedReplay, size, rng=np.random.default_rng(seed), **arguments)


@PATHS
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_slot_is_drawn_as_often_as_its_priority_says(seed: int, kernel: bool) -> None:
    """Sampling frequencies fit P(i) = p^alpha / sum, also for the last filled slot."""
    buffer = prioritized(16, seed, alpha=0.6, kernel=kernel)
    fill(buffer, 10)
    set_all(buffer, range(1, 11))
    counts = np.zeros(10)
    for _ in range(3000):  # one at a time: a stratified batch has less spread than chi-square assumes
        buffer.draw(1)
        counts[buffer.indices] += 1
    shares = np.arange(1.0, 11.0) ** 0.6
    assert chi_square(counts, shares / shares.sum()) < 33.7  # p = 1e-4 at 9 degrees of freedom


@PATHS
@pytest.mark.parametrize("size", [3, 16, 50, 300])
def test_a_batch_has_one_item_from_each_share(size: int, kernel: bool) -> None:
    """Each slot is drawn as often as whole shares lie in its mass, and at most twice more at its ends."""
    buffer = prioritized(size, size, alpha=1.0, eps=1e-9, kernel=kernel)
    fill(buffer, size)
    priorities = np.random.default_rng(1).exponential(size=size).astype(np.float32)
    set_all(buffer, priorities)
    buffer.draw(200)
    counts = np.bincount(buffer.indices, minlength=size)
    ends = np.cumsum(buffer.priorities) / buffer.priorities.sum() * 200
    starts = np.concatenate([[0], ends[:-1]])
    whole = np.maximum(0, np.floor(ends) - np.ceil(starts))
    touched = np.ceil(ends) - np.floor(starts)
    assert ((counts >= whole) & (counts <= touched)).all()


@PATHS
def test_equal_priorities_give_each_item_once(kernel: bool) -> None:
    """With a batch as large as the buffer, stratified drawing of equal priorities gives each item once."""
    buffer = prioritized(8, kernel=kernel)
    fill(buffer, 8)
    buffer.draw(8)
    assert buffer.indices.tolist() == list(range(8))


@PATHS
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_alpha_zero_draws_uniformly(seed: int, kernel: bool) -> None:
    """With alpha 0 errors do not matter."""
    buffer = prioritized(10, seed, alpha=0.0, kernel=kernel)
    fill(buffer, 10)
    set_all(buffer, [10.0**n for n in range(-5, 5)])
    counts = np.zeros(10)
    for _ in range(3000):
        buffer.draw(1)
        counts[buffer.indices] += 1
    assert chi_square(counts, np.full(10, 0.1)) < 33.7


@PATHS
def test_beta_one_estimates_a_mean_without_bias(kernel: bool) -> None:
    """Weighted by importance, draws by priority give the mean over the buffer, within four deviations."""
    buffer = prioritized(64, 5, beta=1.0, kernel=kernel)
    fill(buffer, 64)
    errors = np.random.default_rng(2).exponential(size=64)
    set_all(buffer, errors)
    found = []
    for _ in range(2000):
        buffer.draw(1)
        found.append(errors[buffer.indices[0]] * buffer.weights[0])
    shares = buffer.priorities / buffer.priorities.sum()
    largest = (1 / (64 * shares)).max()
    estimates = np.array(found) * largest
    assert abs(estimates.mean() - errors.mean()) < 4 * estimates.std() / np.sqrt(len(estimates))


@PATHS
@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.5), (0.2, 0.5), (1.0, 1.0), (0.6, 0.0)])
def test_weights_equal_the_formula(alpha: float, beta: float, kernel: bool) -> None:
    """w = (N P)^-beta over the largest of the whole buffer, to 1e-12."""
    buffer = prioritized(100, 4, alpha=alpha, beta=beta, eps=1e-6, kernel=kernel)
    fill(buffer, 70)
    errors = np.random.default_rng(4).exponential(size=70).astype(np.float32)
    set_all(buffer, errors)
    buffer.draw(32)
    shares = (errors.astype(np.float64) + 1e-6) ** alpha
    shares /= shares.sum()
    weights = (70 * shares) ** -beta
    expected = (weights / weights.max())[buffer.indices]
    np.testing.assert_allclose(buffer.weights, expected, rtol=1e-12)


def test_beta_rises_to_one() -> None:
    """Beta is linear in the transitions added, then stays at 1."""
    buffer = prioritized(10, beta=0.4, beta_steps=10)
    found = []
    for _ in range(3):
        found.append(buffer.beta)
        fill(buffer, 5)
    assert [*found, buffer.beta] == pytest.approx([0.4, 0.7, 1.0, 1.0])


@PATHS
def test_a_rising_beta_counts_in_the_weights(kernel: bool) -> None:
    """The exponent of the weights is that of the moment of the draw."""
    buffer = prioritized(10, alpha=1.0, beta=0.0, beta_steps=16, kernel=kernel)
    fill(buffer, 8)
    set_all(buffer, [1, 4, 1, 4, 1, 4, 1, 4])
    buffer.draw(8)
    assert set(np.round(buffer.weights, 5)) == {1.0, 0.5}


@PATHS
def test_new_items_get_the_largest_priority(kernel: bool) -> None:
    """An item added after an error of 9 has the priority of that error."""
    buffer = prioritized(4, alpha=1.0, eps=1e-6, kernel=kernel)
    fill(buffer, 2)
    set_all(buffer, [9.0, 2.0])
    fill(buffer, 1)
    assert buffer.priorities.tolist() == pytest.approx([9.0, 2.0, 9.0, 0.0], rel=1e-6)


@PATHS
def test_of_a_slot_drawn_twice_the_last_error_counts(kernel: bool) -> None:
    """Duplicates in a batch leave one priority and a sound tree."""
    buffer = prioritized(8, alpha=1.0, kernel=kernel)
    fill(buffer, 8)
    buffer.indices = np.array([3, 5, 3, 3, 5])
    buffer.feedback(np.array([7, 6, 5, 4, 3], np.float32), some_values(5))
    buffer.check_valid()
    assert buffer.priorities[[3, 5]].tolist() == pytest.approx([4, 3], rel=1e-5)


@PATHS
@pytest.mark.parametrize("error", [float("nan"), float("inf"), float("-inf")])
def test_a_bad_error_is_refused(error: float, kernel: bool) -> None:
    """A TD error that is no number would poison the whole tree."""
    buffer = prioritized(4, kernel=kernel)
    fill(buffer, 2)
    with pytest.raises(ValueError, match="learning_rate"):
        set_all(buffer, [1.0, error])


@PATHS
def test_a_refused_error_changes_nothing(kernel: bool) -> None:
    """After a bad error the priorities are as before."""
    buffer = prioritized(4, kernel=kernel)
    fill(buffer, 2)
    with pytest.raises(ValueError, match="learning_rate"):
        set_all(buffer, [1.0, float("nan")])
    assert buffer.priorities.tolist() == [1, 1, 0, 0]


@PATHS
def test_only_changed_priorities_are_marked(kernel: bool) -> None:
    """A checkpoint writes the priorities that an update or an addition has set."""
    buffer = prioritized(8, kernel=kernel)
    fill(buffer, 6)
    table = buffer.tables()[-1]
    table.written[:] = 0
    set_all(buffer, [1.0, 2.0])
    fill(buffer, 1)
    assert np.flatnonzero(buffer.tables()[-1].written).tolist() == [0, 1, 6]


@PATHS
@pytest.mark.parametrize("way", [copy.deepcopy, lambda buffer: pickle.loads(pickle.dumps(buffer))])
def test_a_copy_draws_the_same(way: Any, kernel: bool) -> None:
    """Pickled (SB3's save_replay_buffer) or copied, it goes on by itself with the same draws."""
    buffer = prioritized(9, 3, kernel=kernel)
    fill(buffer, 13)
    buffer.draw(4)
    other = way(buffer)
    found = []
    for one in (buffer, other):
        set_all(one, [3.0, 1.0, 2.0])
        fill(one, 2, start=13)
        one.draw(16)
        one.check_valid()
        found.append((one.indices.tolist(), one.weights.tolist()))
    assert found[0] == found[1]


@PATHS
def test_a_checkpoint_brings_back_the_draws(kernel: bool) -> None:
    """From tables and state, a new buffer goes on with the same draws."""
    buffer = prioritized(9, 3, beta_steps=40, kernel=kernel)
    fill(buffer, 13)
    set_all(buffer, [3.0, 1.0, 2.0])
    other = moved(buffer, prioritized(9, 8, beta_steps=40, kernel=kernel))
    other.check_valid()
    for one in (buffer, other):
        fill(one, 1)
        one.draw(16)
    assert (buffer.indices.tolist(), buffer.weights.tolist()) == (
        other.indices.tolist(),
        other.weights.tolist(),
    )

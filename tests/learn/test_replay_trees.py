"""The parts beneath the buffers: powers, the sum tree, scores and the search for the lowest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_agents.replay.power import power
from deeprl_agents.replay.scores import Scores, off_policy
from deeprl_agents.replay.sum_tree import SumTree


@pytest.mark.parametrize("exponent", [0.2, 0.6, 1.0, -0.5, -1.0])
def test_powers_are_exact_to_1e_13(exponent: float) -> None:
    """Over 24 decades, x ** y equals numpy's in extended precision to 1e-13."""
    x = 10.0 ** np.random.default_rng(0).uniform(-12, 12, 10_000)
    exact = (x.astype(np.longdouble) ** np.longdouble(exponent)).astype(np.float64)
    np.testing.assert_allclose(power(x, exponent), exact, rtol=1e-13)


def test_the_power_of_one_and_the_power_zero_are_one() -> None:
    """What has the least priority weighs exactly 1, and alpha 0 makes all priorities the same."""
    x = np.array([1.0, 1e-9, 3.0, 1e9])
    assert [power(x, 0.0).tolist(), power(x[:1], -0.37).tolist()] == [[1.0] * 4, [1.0]]


def test_the_total_itself_falls_into_the_last_filled_slot() -> None:
    """Rounding may ask for the whole mass; the answer is a slot that has some."""
    tree = SumTree(5)
    tree.set(np.arange(3), np.array([0.1, 0.2, 0.3]))
    assert tree.find(np.array([0.0, tree.total, tree.total * (1 + 1e-15)]), 3).tolist() == [0, 2, 2]


@given(
    capacity=st.integers(1, 400),
    steps=st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=90), min_size=1, max_size=6),
)
def test_a_sum_tree_has_the_sum_and_the_least_of_its_leaves(capacity: int, steps: list[list[int]]) -> None:
    """After any sets, also of the same slot twice, the root says what the leaves say."""
    tree, leaves = SumTree(capacity), np.zeros(capacity)
    for step in steps:
        values = np.array(step, float) / 1000 + 0.001
        slots = np.array(step) % capacity
        tree.set(slots, values)
        for slot, value in zip(slots.tolist(), values.tolist(), strict=True):
            leaves[slot] = value
        tree.check_valid()
    assert [tree.total, tree.least] == pytest.approx([leaves.sum(), leaves[leaves > 0].min()], rel=1e-12)


@given(capacity=st.integers(1, 100), seed=st.integers(0, 1000))
def test_a_mass_falls_where_the_prefix_sum_says(capacity: int, seed: int) -> None:
    """The tree's search agrees with a search in the cumulated leaves, whole numbers leaving no rounding."""
    rng = np.random.default_rng(seed)
    leaves = rng.integers(0, 5, capacity).astype(float)
    leaves[rng.integers(capacity)] = 3
    tree = SumTree(capacity)
    tree.values[:] = leaves
    tree.rebuild()
    masses = np.arange(0, leaves.sum(), 0.5)
    assert (
        tree.find(masses, capacity).tolist()
        == np.searchsorted(np.cumsum(leaves), masses, side="right").tolist()
    )


def test_a_wrong_parent_is_found() -> None:
    """A leaf that was written behind the tree's back is a contradiction."""
    tree = SumTree(9)
    tree.set(np.arange(9), np.ones(9))
    tree.values[4] = 2.0
    with pytest.raises(ValueError, match="children"):
        tree.check_valid()


def test_of_equal_scores_the_oldest_is_the_lowest() -> None:
    """Ties go by when a transition entered."""
    scores = Scores(6)
    scores.entered[:] = [7, 3, 9, 4, 8, 5]
    scores.set(np.arange(6), np.array([2.0, 2.0, 0.0, 0.0, 0.0, 1.0]))
    assert scores.lowest() == 3


def reference(values: list[float], action: int) -> float:
    """||onehot(a) - softmax(Q / std Q)||^2."""
    q = np.array(values)
    policy = np.exp((q - q.max()) / q.std()) if q.std() else np.ones(len(q))
    return float(((np.eye(len(q))[action] - policy / policy.sum()) ** 2).sum())


@given(values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=18), data=st.data())
def test_softmax_scores_equal_the_formula(values: list[float], data: st.DataObject) -> None:
    """The squared distance of the action from the softmax policy at temperature std of Q."""
    action = data.draw(st.integers(0, len(values) - 1))
    found = off_policy("softmax", np.array([values], np.float32), np.array([action]))
    np.testing.assert_allclose(found, [reference(values, action)], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("greedy", [2.0, 0.0, 2.0, 0.0]), ("q_gap", [6**0.5, 0.0, 0.0, 0.0])],
)
def test_other_scores_of_known_values(kind: str, expected: list[float]) -> None:
    """Of the worst and the best action, of the second of two best, and of one where all are equal."""
    values = np.array([[1, 2, 3], [1, 2, 3], [0, 5, 5], [2, 2, 2]], np.float32)
    found = off_policy(kind, values, np.array([0, 2, 2, 0]))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_where_all_values_are_equal_the_policy_is_uniform() -> None:
    """No spread, no temperature: every action is as good, so 1 - 1/3."""
    found = off_policy("softmax", np.full((2, 3), 0.1, np.float32), np.array([0, 2]))
    np.testing.assert_allclose(found, 2 / 3, rtol=1e-12)

"""All buffers, on both paths, against models made of lists: through wrap-around, save, load and copies."""

import copy
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from replay_lab import ACTIONS, PATHS, a_buffer, fill, moved, numbers

from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.prioritized import PrioritizedReplay
from deeprl_agents.replay.retention import RetentionReplay

CAPACITY = 14
ALPHA = 0.5
EPS = 1e-6
FEW = hypothesis_settings(max_examples=25, stateful_step_count=20, deadline=None)


def q_of(number: int, version: int) -> Any:
    """The values of a transition's observation under the policy of a moment."""
    return np.random.default_rng([number, version]).normal(size=ACTIONS).astype(np.float32)


def score_of(number: int, version: int) -> float:
    """||onehot(a) - softmax(Q / std Q)||^2."""
    q = q_of(number, version).astype(np.float64)
    policy = np.exp((q - q.max()) / q.std())
    return float(((np.eye(ACTIONS)[number % ACTIONS] - policy / policy.sum()) ** 2).sum())


class Half:
    """A list of what a half of the buffer holds: number, priority, score."""

    def __init__(self, capacity: int, *, by_score: bool) -> None:
        self.capacity, self.by_score = capacity, by_score
        self.items: list[list[float]] = []

    def add(self, number: int, priority: float) -> None:
        """Put one in a free slot, or over the oldest, or over the lowest score."""
        item = [number, priority, np.inf]
        if len(self.items) < self.capacity:
            self.items.append(item)
        elif self.by_score:
            slots = range(self.capacity)
            self.items[min(slots, key=lambda slot: (self.items[slot][2], self.items[slot][0]))] = item
        else:
            self.items[number % self.capacity] = item


class Model(RuleBasedStateMachine):
    """A buffer and its lists."""

    def __init__(self, kind: type[Replay], arguments: dict[str, Any]) -> None:
        super().__init__()
        self.kind, self.arguments = kind, arguments
        self.seed = 0
        self.buffer = self.empty()
        retains = kind is RetentionReplay
        sizes = [CAPACITY // 2] * 2 if retains else [CAPACITY]
        self.halves = [Half(size, by_score=bool(half)) for half, size in enumerate(sizes)]
        self.added = self.version = 0
        self.largest = 1.0

    def empty(self) -> Replay:
        """A buffer with a stream of its own."""
        self.seed += 1
        stream = {} if self.kind is Replay else {"rng": np.random.default_rng(self.seed), "alpha": ALPHA}
        return a_buffer(self.kind, CAPACITY, **stream, **self.arguments)

    def item(self, slot: int) -> list[float]:
        """What the model has in a slot."""
        return self.halves[slot // self.buffer.ring].items[slot % self.buffer.ring]

    @rule(count=st.integers(1, 17))
    def add(self, count: int) -> None:
        """Add some."""
        fill(self.buffer, count, self.added)
        for number in range(self.added, self.added + count):
            for half in self.halves:
                half.add(number, self.largest**ALPHA)
        self.added += count

    @precondition(lambda self: self.added)
    @rule(errors=st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=9))
    def update(self, errors: list[float]) -> None:
        """Draw a batch, tell errors and values of a new policy, and score what is asked for."""
        self.version += 1
        self.buffer.draw(len(errors))
        drawn = self.buffer.indices.tolist()
        self.buffer.feedback(np.array(errors, np.float32), self.values(drawn))
        for slot, error in zip(drawn, errors, strict=True):
            self.item(slot)[1] = (abs(error) + EPS) ** ALPHA
            self.largest = max(self.largest, abs(error) + EPS)
        more = self.buffer.rescore_slots()
        self.buffer.rescore(more, self.values(more.tolist()))
        for slot in [*drawn, *more.tolist()]:
            self.item(slot)[2] = score_of(int(self.item(slot)[0]), self.version)

    def values(self, slots: list[int]) -> Any:
        """Q(s, .) of slots now."""
        found = [q_of(int(self.item(slot)[0]), self.version) for slot in slots]
        return np.array(found, np.float32).reshape(-1, ACTIONS)

    @rule()
    def save_and_load(self) -> None:
        """Go on with a new buffer that was filled from a checkpoint."""
        self.buffer = moved(self.buffer, self.empty())

    @rule()
    def copy(self) -> None:
        """Go on with a copy."""
        self.buffer = copy.deepcopy(self.buffer)

    @invariant()
    def agrees(self) -> None:
        """Same transitions, priorities and scores, and nothing contradicts itself."""
        self.buffer.check_valid()
        assert self.buffer.size() == sum(len(half.items) for half in self.halves)
        for half, model in enumerate(self.halves):
            start = half * self.buffer.ring
            found = numbers(self.buffer, slice(start, start + len(model.items)))
            assert found == [number for number, _, _ in model.items]
        if isinstance(self.buffer, PrioritizedReplay) and self.buffer.by_priority:
            priorities = np.zeros(2 * CAPACITY)[: self.buffer.ring * len(self.halves)]
            for half, model in enumerate(self.halves):
                for slot, item in enumerate(model.items):
                    priorities[half * self.buffer.ring + slot] = item[1]
            np.testing.assert_allclose(self.buffer.priorities, priorities, rtol=1e-9)
        if isinstance(self.buffer, RetentionReplay):
            np.testing.assert_allclose(self.buffer.scores, [i[2] for i in self.halves[1].items], atol=1e-9)


def agree(kind: type[Replay], **arguments: Any) -> None:
    """Run the machine."""
    run_state_machine_as_test(partial(Model, kind, arguments), settings=FEW)  # type: ignore[arg-type]


def test_the_uniform_buffer_agrees_with_a_list() -> None:
    """Whatever is done, a uniform buffer holds what a list of the newest holds."""
    agree(Replay)


@PATHS
def test_the_prioritized_buffer_agrees_with_a_list(kernel: bool) -> None:
    """Whatever is done, it holds the newest, each with the priority it was last given."""
    agree(PrioritizedReplay, kernel=kernel)


@PATHS
@pytest.mark.parametrize("sampler", ["uniform", "prioritized"])
def test_the_retention_buffer_agrees_with_two_lists(sampler: str, kernel: bool) -> None:
    """Whatever is done, A holds the newest and B what has the highest scores."""
    agree(RetentionReplay, sampler=sampler, kernel=kernel)

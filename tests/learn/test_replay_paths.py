"""The kernel and its numpy twin: the same draws from the same stream, and the same state after any use."""

import ctypes
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from replay_lab import ACTIONS, a_buffer, fill
from stable_baselines3.common.buffers import ReplayBuffer

from deeprl_agents.kernel import library
from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.prioritized import PrioritizedReplay
from deeprl_agents.replay.retention import RetentionReplay

pytestmark = pytest.mark.skipif(library.load() is None, reason="no kernel here")

KINDS: dict[str, tuple[type[PrioritizedReplay], dict[str, Any]]] = {
    "prioritized": (PrioritizedReplay, {}),
    "annealed": (PrioritizedReplay, {"alpha": 0.9, "beta_steps": 900}),
    "softmax": (RetentionReplay, {}),
    "greedy": (RetentionReplay, {"score": "greedy"}),
    "q_gap": (RetentionReplay, {"score": "q_gap", "omega": 0.2}),
    "both": (RetentionReplay, {"sampler": "prioritized"}),
    "ring": (RetentionReplay, {"sampler": "prioritized", "omega": 1.0}),
    "kept": (RetentionReplay, {"omega": 0.0}),
}


def story(buffer: PrioritizedReplay, seed: int, batch_size: int) -> list[Any]:
    """Use a buffer for a while; everything it said."""
    rng = np.random.default_rng(seed)
    told: list[Any] = []
    for _ in range(120):
        fill(buffer, int(rng.integers(1, 7)), buffer.added)
        buffer.draw(batch_size)
        errors = rng.normal(size=batch_size).astype(np.float32)
        buffer.feedback(errors, rng.normal(size=(batch_size, ACTIONS)).astype(np.float32))
        slots = buffer.rescore_slots()
        told += [buffer.indices.tolist(), buffer.weights.tolist(), slots.tolist()]
        buffer.rescore(slots, rng.normal(size=(len(slots), ACTIONS)).astype(np.float32))
    buffer.check_valid()
    for table in buffer.tables():
        told += [column.tolist() for column in table.columns.values()] + [table.written.tolist()]
    return [*told, buffer.state()]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("size", "batch_size"), [(7, 3), (64, 32), (250, 150), (3000, 40)])
def test_both_paths_are_equal_to_the_bit(name: str, size: int, batch_size: int) -> None:
    """Slots, weights, scores, priorities and counters are the same; libm has no part in any of them."""
    kind, arguments = KINDS[name]
    told = [
        story(a_buffer(kind, size, rng=np.random.default_rng(1), kernel=path, **arguments), size, batch_size)
        for path in (False, True)
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize("count", [1, 2, 3, 9, 64, 100])
def test_the_kernel_draws_uniformly_what_stable_baselines3_draws(count: int) -> None:
    """The same indices from numpy's global stream, and as many numbers taken from it."""
    space, actions = spaces.Box(-1, 1, (1,), np.float32), spaces.Discrete(ACTIONS)
    theirs, ours = ReplayBuffer(64, space, actions), a_buffer(Replay, 64)
    for buffer in (theirs, ours):
        fill(buffer, count)  # type: ignore[arg-type]
    np.random.seed(5)
    upper = 64 if theirs.full else theirs.pos
    expected = np.random.randint(0, upper, size=50).tolist(), np.random.rand()
    np.random.seed(5)
    loaded = library.load()
    assert loaded is not None
    struct = ours.kernel_struct(50, ACTIONS)
    loaded.replay_draw(ctypes.byref(struct))
    ours.take_back()
    assert (ours.indices.tolist(), np.random.rand()) == expected

"""Frames that are kept once: the same stacks as from a buffer that keeps them all."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer

from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.frames import Frames

STACK, HEIGHT, WIDTH = 3, 2, 5
SPACE = gymnasium.spaces.Box(0, 255, (STACK, HEIGHT, WIDTH), np.uint8)
ACTIONS = gymnasium.spaces.Discrete(3)
SHAPE = (STACK, HEIGHT, WIDTH)


def frame(number: int) -> Any:
    """A frame like no other."""
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def play(lengths: list[int], timeouts: list[bool]) -> Any:
    """Transitions of episodes, as SB3 gives them to a buffer."""
    number = 0
    for length, timeout in zip(lengths, timeouts, strict=True):
        stack = [frame(number)] * STACK
        for step in range(1, length + 1):
            number += 1
            following = [*stack[1:], frame(number)]
            over = step == length
            infos = [{"TimeLimit.truncated": over and timeout}]
            yield np.stack(stack)[None], np.stack(following)[None], number, over, infos
            stack = following
        number += 1


def fill(buffer: ReplayBuffer, transitions: Any) -> None:
    for observation, following, number, over, infos in transitions:
        buffer.add(
            observation,
            following,
            np.array([[number % 3]]),
            np.array([float(number)]),
            np.array([over]),
            infos,
        )


episodes = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=8)


@settings(deadline=None)
@given(episodes, st.integers(1, 20), st.sampled_from([1, 3]))
def test_a_batch_is_the_one_of_a_buffer_that_keeps_all(
    parts: list[tuple[int, bool]], size: int, n_steps: int
) -> None:
    """Across ends of episodes, time limits and the ring's end, SB3's own buffer gives the same tensors."""
    lengths, timeouts = [length for length, _ in parts], [timeout for _, timeout in parts]
    naive = (
        ReplayBuffer(size, SPACE, ACTIONS, device="cpu")
        if n_steps == 1
        else NStepReplayBuffer(size, SPACE, ACTIONS, device="cpu", n_steps=n_steps, gamma=0.9)
    )
    ours = Replay(size, SPACE, ACTIONS, device="cpu", n_steps=n_steps, gamma=0.9, store=Frames)
    for buffer in (naive, ours):
        fill(buffer, play(lengths, timeouts))
    slots = np.arange(naive.size())
    for one, other in zip(naive._get_samples(slots), ours._get_samples(slots), strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or np.array_equal(one.numpy(), other.numpy())


@given(episodes, st.integers(1, 20))
def test_only_frames_in_use_live(parts: list[tuple[int, bool]], size: int) -> None:
    """A frame lives exactly as long as a transition of the ring shows it."""
    store = Frames(size, SHAPE)
    seen = list(play([part[0] for part in parts], [part[1] for part in parts]))
    for number, (observation, following, *_) in enumerate(seen):
        store.put(number % size, observation[0], following[0], first=False)
        store.check_valid()
        shown = [stack for one in seen[max(0, number + 1 - size) : number + 1] for stack in (one[0], one[1])]
        assert store.live == len({image.tobytes() for stack in shown for image in stack[0]})


def test_a_step_takes_one_frame() -> None:
    """Thousands of steps in a ring of 500 never take more than its transitions, its episodes and a stack."""
    store = Frames(500, SHAPE)
    for number, (observation, following, *_) in enumerate(play([50] * 60, [False] * 60)):
        store.put(number % 500, observation[0], following[0], first=number % 50 == 0)
    assert store.touched_bytes <= (500 + 11 + STACK) * HEIGHT * WIDTH


@settings(deadline=None)
@given(st.data())
def test_transitions_kept_out_of_order_keep_their_frames(data: st.DataObject) -> None:
    """Copies outlive the ring's transitions; all slots give what was put, whatever is overwritten."""
    ring, kept = 6, 4
    store = Frames(ring + kept, SHAPE)
    naive: list[Any] = [None] * (ring + kept)
    lengths = data.draw(st.lists(st.integers(1, 7), min_size=3, max_size=10))
    for number, (observation, following, *_) in enumerate(play(lengths, [False] * len(lengths))):
        slot = number % ring
        if naive[slot] is not None and data.draw(st.booleans()):
            target = ring + data.draw(st.integers(0, kept - 1))
            store.copy(slot, target)
            naive[target] = naive[slot]
        store.put(slot, observation[0], following[0], first=False)
        naive[slot] = (observation[0], following[0])
    store.check_valid()
    filled = np.array([slot for slot, pair in enumerate(naive) if pair is not None])
    pairs: Any = [naive[slot] for slot in filled]
    assert np.array_equal(store.before(filled), np.stack([pair[0] for pair in pairs]))
    assert np.array_equal(store.after(filled), np.stack([pair[1] for pair in pairs]))


def test_stacks_that_do_not_follow_each_other_are_kept_too() -> None:
    """A wrapper that changes old frames loses the sharing, and nothing else."""
    rng = np.random.default_rng(0)
    stacks = rng.integers(0, 256, (20, *SHAPE), dtype=np.uint8)
    store = Frames(7, SHAPE)
    for number in range(19):
        store.put(number % 7, stacks[number], stacks[number + 1], first=False)
    slots = np.arange(7)
    newest = np.array([max(n for n in range(19) if n % 7 == slot) for slot in slots])
    assert np.array_equal(store.before(slots), stacks[newest])
    assert np.array_equal(store.after(slots), stacks[newest + 1])


def test_what_was_written_makes_the_store_again() -> None:
    """Rows put back by slot, in two portions as checkpoints save them, go on as the store did."""
    transitions = list(play([5, 9, 1, 7, 30], [False] * 5))
    store, again = Frames(12, SHAPE), Frames(12, SHAPE)
    for number, (observation, following, *_) in enumerate(transitions[:40]):
        store.put(number % 12, observation[0], following[0], first=False)
        if number in (20, 39):
            (table,), (other,) = store.tables(), again.tables()
            changed = np.flatnonzero(table.written)
            assert all(table.ranges[0][0] <= row < table.ranges[0][1] for row in changed)
            other.columns["pixels"][changed] = table.columns["pixels"][changed]
            table.written[changed] = 0
    again.columns()["frames"][:] = store.columns()["frames"]
    again.restore(newest=39 % 12)
    again.check_valid()
    assert again.live == store.live
    for number, (observation, following, *_) in enumerate(transitions[40:], start=40):
        for one in (store, again):
            one.put(number % 12, observation[0], following[0], first=False)
    slots = np.arange(12)
    assert again.live == store.live
    assert np.array_equal(store.before(slots), again.before(slots))
    assert np.array_equal(store.after(slots), again.after(slots))


@pytest.mark.parametrize("wrong", ["uses", "free"])
def test_wrong_counts_are_found(wrong: str) -> None:
    """A frame that is counted wrongly, or free while it is needed, is reported."""
    store = Frames(4, SHAPE)
    for number, (observation, following, *_) in enumerate(play([6], [False])):
        store.put(number % 4, observation[0], following[0], first=False)
    if wrong == "uses":
        store._uses[2] += 1
    else:
        store._free.append(2)
    with pytest.raises(ValueError, match="frames"):
        store.check_valid()

"""Keeps stacks of frames with each frame once: an environment step costs one frame, not two stacks of them.

A transition is two rows of numbers of frames. A frame lives as long as a transition names it, so a transition
that is kept on its own, out of order, keeps its own frames. Rule: what comes out is what went in, whatever
the environment does; sharing is found by comparing pixels, never assumed.
"""

import contextlib
import heapq
import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.replay.rows import Ints
from deeprl_agents.replay.table import Table
from deeprl_tui.errors import DeeprlError

Images = NDArray[np.uint8]

NOT_RESERVED = 0x4000 if sys.platform == "linux" else 0
"""MAP_NORESERVE: addresses for the worst case; memory is taken when a frame is written for the first time."""

MOST_FRAMES = 2**31 - 1


class Frames:
    """Keeps the transitions of `capacity` slots; observations are stack x height x width of uint8.

    Frame 0 stands for none. Memory: the most frames that lived at once; for a ring of whole episodes that is
    one for each transition and one for each episode. Raises DeeprlError if there are no addresses for it.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...], dtype: Any = np.uint8) -> None:
        assert dtype == np.uint8
        self._stack, *picture = shape
        self._newest = -1  # slot
        self._numbers = np.zeros((capacity, 2 * self._stack), np.int32)
        most = min(1 + 2 * self._stack * (capacity + 1), MOST_FRAMES)
        self._frames = _untouched(most, tuple(picture))
        self._uses = np.zeros(most, np.int32)
        self._written = np.zeros(most, np.uint8)
        self._end = 1  # no frame from here on has ever been used
        self._free: list[int] = []  # a heap: the lowest is next, so a restored store goes on alike

    def put(self, slot: int, observation: Images, following: Images, *, first: bool) -> None:
        """Keep a transition's two stacks. first: a hint that nothing is shared with the transition before."""
        stack = self._stack
        before = None if first else self._shared(observation, self._numbers[self._newest, stack:])
        if before is None:
            before = self._store(observation)
        shifted = np.array_equal(following[:-1], observation[1:])
        after = [*before[1:], *self._store(following[-1:])] if shifted else self._store(following)
        self._replace(slot, [*before, *after])
        self._newest = slot

    def copy(self, source: int, target: int) -> None:
        """Keep the transition of a slot in another one as well: its frames are shared."""
        self._replace(target, self._numbers[source].tolist())

    def before(self, slots: Ints) -> Images:
        """Give the observations: slots x stack x height x width."""
        return self._gather(self._numbers[slots, : self._stack])

    def after(self, slots: Ints) -> Images:
        """Give the observations that followed: slots x stack x height x width."""
        return self._gather(self._numbers[slots, self._stack :])

    @property
    def live(self) -> int:
        """Frames that a transition needs."""
        return self._end - 1 - len(self._free)

    @property
    def touched_bytes(self) -> int:
        """Memory that frames have taken so far."""
        return (self._end - 1) * int(np.prod(self._frames.shape[1:]))

    def columns(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of each slot: the numbers of its frames."""
        return {"frames": self._numbers}

    def tables(self) -> list[Table]:
        """What a checkpoint keeps beside the slots: the frames."""
        return [Table("frames", {"pixels": self._frames}, self._written, ((1, self._end),))]

    def restore(self, newest: int) -> None:
        """Go on with tables that were filled from a checkpoint. newest: the slot of the last transition."""
        self._newest = newest
        uses = np.bincount(self._numbers.ravel())
        self._end = max(len(uses), 1)
        self._uses[: self._end] = uses[: self._end]
        self._free = [number for number in range(1, self._end) if not self._uses[number]]

    def check_valid(self) -> None:
        """Raise ValueError if a frame is counted wrongly."""
        uses = np.bincount(self._numbers.ravel(), minlength=self._end)
        free = np.zeros(self._end, bool)
        free[self._free] = True
        uses[0] = self._uses[0] = 0
        if len(uses) > self._end or (uses != self._uses[: self._end]).any():
            raise ValueError("frames: some are counted wrongly")
        if (free[1:] != (uses[1:] == 0)).any() or len(self._free) != free.sum():
            raise ValueError("frames: one is free and needed, or the reverse")

    def _shared(self, stack: Images, numbers: NDArray[np.int32]) -> list[int] | None:
        """Give these numbers if their frames are the stack."""
        if numbers[0] and np.array_equal(self._frames[numbers], stack):
            found: list[int] = numbers.tolist()
            return found
        return None

    def _store(self, stack: Images) -> list[int]:
        """Keep new frames; equal neighbors, as at the start of an episode, are one."""
        numbers: list[int] = []
        for index, frame in enumerate(stack):
            if index and np.array_equal(frame, stack[index - 1]):
                numbers.append(numbers[-1])
                continue
            number = heapq.heappop(self._free) if self._free else self._end
            self._end = max(self._end, number + 1)
            self._frames[number] = frame
            self._written[number] = 1
            numbers.append(number)
        return numbers

    def _replace(self, slot: int, numbers: list[int]) -> None:
        """Let a slot name these frames, and free those that nobody names any more."""
        uses = self._uses
        for number in numbers:
            uses[number] += 1
        for number in self._numbers[slot].tolist():
            uses[number] -= 1
            if number and not uses[number]:
                heapq.heappush(self._free, number)
        self._numbers[slot] = numbers

    def _gather(self, numbers: NDArray[np.int32]) -> Images:
        found = np.empty((numbers.size, *self._frames.shape[1:]), np.uint8)
        self._frames.take(numbers.ravel(), axis=0, out=found, mode="clip")  # "raise" would copy twice
        return found.reshape(*numbers.shape, *found.shape[1:])


def _untouched(count: int, shape: tuple[int, ...]) -> Images:
    """Give `count` zeros of a shape that take no memory before they are written."""
    size = count * int(np.prod(shape))
    with contextlib.suppress(OSError, ValueError, OverflowError):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NOT_RESERVED
        return np.frombuffer(mmap.mmap(-1, size, flags=flags), np.uint8).reshape(count, *shape)
    raise DeeprlError(
        f"no addresses for {size / 1e9:,.0f} GB of frames", place="buffer_size", remedy="use a smaller buffer"
    )

"""Prioritized experience replay (Schaul et al. 2016), proportional, for one environment.

P(i) = p_i^alpha / sum, p = |TD error| + eps, new items at the largest p so far, one item from each of equal
shares of the sum, weights (N P(i))^-beta over the largest weight of the whole buffer. Unlike OpenAI
baselines' code of 2017, the last filled slot is drawn.
Rule: the kernel and numpy draw the same slots and the same weights, to the last bit, from the same stream.
"""

import ctypes
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts, library
from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.power import power
from deeprl_agents.replay.sum_tree import Floats, Ints, SumTree
from deeprl_agents.replay.table import Table

BAD_NUMBER = "a TD error or value is NaN or infinite; try a lower learning_rate"


class PrioritizedReplay(Replay):
    """Draws by priority with its own random stream.

    rng: draws. alpha: exponent of the priorities; 0 draws uniformly. beta: exponent of the weights, fixed, or
    rising to 1 over beta_steps additions. eps: added to every |TD error|. kernel: use the C library if there
    is one. The rest is as in Replay.
    """

    kind: ClassVar[int] = layouts.PRIORITIZED

    def __init__(
        self,
        *args: Any,
        rng: np.random.Generator,
        alpha: float = 0.6,
        beta: float = 0.4,
        beta_steps: int = 0,
        eps: float = 1e-6,
        kernel: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.alpha, self.eps = alpha, eps
        self.beta_start, self.beta_steps = beta, beta_steps
        self.rng = rng
        self.max_priority = 1.0  # the largest p so far, before the exponent
        self._kernel = kernel
        self._library = self._find_library()
        self._trees = self._new_trees()
        self._fresh: tuple[list[int], ...] = tuple([] for _ in self._trees)  # without a priority yet

    def _find_library(self) -> ctypes.CDLL | None:
        readable = self.actions.dtype == np.int64 and self.action_dim == 1
        return library.load() if self._kernel and readable else None

    def _new_trees(self) -> tuple[SumTree, ...]:
        return (SumTree(self.ring),)

    @property
    def by_priority(self) -> bool:
        """Whether priorities are used at all."""
        return bool(self._trees)

    @property
    def beta(self) -> float:
        """The exponent of the weights now."""
        if not self.beta_steps:
            return self.beta_start
        return self.beta_start + (1 - self.beta_start) * min(1.0, self.added / self.beta_steps)

    @property
    def priorities(self) -> Floats:
        """p^alpha of all slots; 0 where there is no transition."""
        self._refresh()
        return np.concatenate([tree.values for tree in self._trees])

    # ---- Adding, drawing, learning ---------------------------------------------------------------------

    def _added(self, slot: int) -> None:
        if self._library is not None:
            struct = self._any_struct()
            self._library.replay_added(ctypes.addressof(struct), slot)
            self._read(struct)
            return
        super()._added(slot)
        if self._trees:
            self._fresh[0].append(slot)

    def draw(self, batch_size: int) -> None:
        """Choose the slots of a batch, one from each of batch_size equal shares of the sum, and weights."""
        if self._library is not None:
            struct = self.kernel_struct(batch_size, self._actions)
            self._library.replay_draw(ctypes.addressof(struct))
            self.indices, self.weights = self._drawn[0].copy(), self._drawn[1].copy()
            return
        self.indices, self.weights = self._drawn_by_numpy(batch_size)

    def _drawn_by_numpy(self, batch_size: int) -> tuple[Ints, Floats]:
        self._refresh()
        return self._from_shares(0, batch_size, self.size(), 1.0)

    def _from_shares(self, half: int, count: int, size: int, scale: float) -> tuple[Ints, Floats]:
        """Draw from a tree. scale: P(i) of its least leaf over the least of the buffer."""
        tree = self._trees[half]
        masses = (np.arange(count) + self.rng.random(count)) / count * tree.total
        slots = tree.find(masses, size)
        weights = power(tree.values[slots] / tree.least * scale, -self.beta)
        return slots + half * self.ring, weights

    def feedback(self, td_errors: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        """Set the priorities of what was drawn. Raises ValueError on an error that is not finite."""
        if self._library is not None:
            self._feedback_by_kernel(td_errors, values)
        elif self._trees:
            self._prioritize(td_errors)

    def _feedback_by_kernel(self, td_errors: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        assert self._library is not None
        struct = self.kernel_struct(len(self.indices), self._actions)
        self._drawn[0][:] = self.indices
        errors = np.ascontiguousarray(td_errors, np.float32)
        all_values = np.ascontiguousarray(values, np.float32)
        pointers = layouts.address(errors), layouts.address(all_values)
        self._library.replay_feedback(ctypes.addressof(struct), *pointers)
        self._read(struct)

    def _prioritize(self, td_errors: NDArray[np.float32]) -> None:
        priorities = np.abs(np.asarray(td_errors, np.float32).astype(np.float64)) + self.eps
        if not np.isfinite(priorities).all():
            raise ValueError(f"prioritized replay: {BAD_NUMBER}")
        self._refresh()
        leaves, halves = power(priorities, self.alpha), self.indices // self.ring
        for half, tree in enumerate(self._trees):
            here = halves == half
            tree.set(self.indices[here] - half * self.ring, leaves[here])
        self.max_priority = max(self.max_priority, float(priorities.max()))

    def _refresh(self) -> None:
        """Give new items the largest priority; many at once is cheaper in numpy."""
        for tree, fresh in zip(self._trees, self._fresh, strict=True):
            if fresh:
                leaf = power(np.array([self.max_priority]), self.alpha)[0]
                tree.set(np.array(fresh, dtype=np.int64), np.full(len(fresh), leaf))
                fresh.clear()

    # ---- The kernel ------------------------------------------------------------------------------------

    @property
    def _actions(self) -> int:
        return int(self.action_space.n)  # type: ignore[attr-defined]

    def _any_struct(self) -> layouts.Replay:
        batch = 1 if self._struct is None else self._struct.batch
        return self.kernel_struct(batch, self._actions)

    def kernel_struct(self, batch_size: int, actions: int) -> layouts.Replay:
        """Hand the counters over to the kernel: from now to `take_back` it adds and draws."""
        struct = super().kernel_struct(batch_size, actions)
        struct.largest, struct.fault = self.max_priority, 0
        return struct

    def _new_struct(self, batch_size: int, actions: int) -> layouts.Replay:
        self._refresh()
        struct = super()._new_struct(batch_size, actions)
        struct.bits = layouts.bits(self.rng)
        struct.by_priority = self.by_priority
        struct.alpha, struct.eps = self.alpha, self.eps
        struct.beta, struct.beta_steps = self.beta_start, self.beta_steps
        for half, tree in enumerate(self._trees):
            struct.trees[half] = tree.struct()
        return struct

    def take_back(self) -> None:
        """Read the counters that the kernel has moved on. Raises ValueError on what it could not do."""
        super().take_back()
        assert self._struct is not None
        self._read(self._struct)

    def _read(self, struct: layouts.Replay) -> None:
        self.pos, self.added, self.full = struct.pos, struct.added, struct.size == self.ring
        self.max_priority = struct.largest
        if struct.fault:
            struct.fault = 0
            raise ValueError(f"prioritized replay: {BAD_NUMBER}")

    # ---- Checkpoints -----------------------------------------------------------------------------------

    def tables(self) -> list[Table]:
        """What a checkpoint keeps row by row: also the priorities."""
        self._refresh()
        names = ("priorities", "priorities of what is kept")
        return super().tables() + [
            Table(name, {"priority": tree.values}, tree.written, (self._tree_range(half),))
            for half, (name, tree) in enumerate(zip(names, self._trees, strict=False))
        ]

    def _tree_range(self, half: int) -> tuple[int, int]:
        start, end = self.filled[half]
        return start - half * self.ring, end - half * self.ring

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beyond the tables; values that JSON can hold."""
        own = {"max_priority": self.max_priority, "rng": self.rng.bit_generator.state}
        return super().state() | own

    def set_state(self, values: Mapping[str, Any]) -> None:
        """Take back what `state` gave; the tables are filled already."""
        super().set_state(values)
        self.max_priority = float(values["max_priority"])
        self.rng.bit_generator.state = values["rng"]
        for half, tree in enumerate(self._trees):
            self._fresh[half].clear()
            start, end = self._tree_range(half)
            tree.values[end:] = tree.values[:start] = 0.0
            tree.rebuild()

    def check_valid(self) -> None:
        """Raise ValueError if trees, counters and filled slots contradict each other."""
        super().check_valid()
        self._refresh()
        for half, tree in enumerate(self._trees):
            tree.check_valid()
            filled = tree.values > 0
            _, end = self._tree_range(half)
            if not filled[:end].all() or filled[end:].any():
                raise ValueError("prioritized replay: a filled slot without priority, or the reverse")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what means nothing in another process."""
        self._refresh()
        return {**super().__getstate__(), "_library": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Find the library of this process."""
        self.__dict__.update(state)
        self._library = self._find_library()

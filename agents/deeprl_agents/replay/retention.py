"""Experience retention (de Bruin et al. 2016): half of the buffer forgets the oldest, half what is on-policy.

A, the ring, is slots 0 .. N/2 - 1; B, what is kept, is slots N/2 .. N - 1. A new transition enters A, and B
as well: in a free slot, then always in place of the lowest score (of equal ones, the oldest). A transition in
both halves counts twice. Scores follow the policy: those of drawn slots come with each update for free, and
each update scores batch_size more: new ones of B first, at most half of it, then slots of B in turn. With one
transition for each update a score is at most |B| / (batch_size - 1) updates old, and always at most
2 |B| / batch_size.

A new transition's score is not known before its Q(s, .) is. Until then it is infinite: what was never scored
is not given up for what is known. If more enter between two updates than are scored, the oldest go.

Rule: with omega 1 it draws what a buffer of half the size draws.
"""

import ctypes
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from deeprl_agents.kernel import layouts
from deeprl_agents.replay.prioritized import BAD_NUMBER, PrioritizedReplay
from deeprl_agents.replay.scores import LAST, Scores, off_policy
from deeprl_agents.replay.sum_tree import Floats, Ints, SumTree
from deeprl_agents.replay.table import Table


class RetentionReplay(PrioritizedReplay):
    """Draws each item from A with probability omega, else from B; from A while B is empty.

    sampler: how it draws inside each half. "uniform": all weights are 1, and alpha, beta, eps are not used.
    "prioritized": weights as ever, with P(i) = omega P_A(i) or (1 - omega) P_B(i) and N = |A| + |B|.
    score: see scores.off_policy. An odd buffer_size leaves one slot unused. One-step returns only: in B, what
    followed a transition is not its neighbor.
    """

    kind: ClassVar[int] = layouts.RETENTION

    def __init__(
        self,
        *args: Any,
        omega: float = 0.5,
        score: Literal["softmax", "greedy", "q_gap"] = "softmax",
        sampler: Literal["uniform", "prioritized"] = "uniform",
        **kwargs: Any,
    ) -> None:
        self._sampler = sampler
        super().__init__(*args, **kwargs)
        assert self.n_steps == 1, "a kept transition has no successor"
        assert self.buffer_size >= 2, "two halves"
        self.omega, self.score = omega, score
        self.kept = 0  # filled slots of B
        self._scores = Scores(self.ring)
        self._next = 0  # whose turn it is to be scored anew
        self._new = np.zeros(layouts.MOST_NEW, np.int64)  # entered B since, a ring
        self._new_first = self._new_count = 0
        self._legacy: np.random.RandomState | None = None

    def _new_trees(self) -> tuple[SumTree, ...]:
        return (SumTree(self.ring), SumTree(self.ring)) if self._sampler == "prioritized" else ()

    @property
    def ring(self) -> int:
        """Slots of A, and of B."""
        return self.buffer_size // 2

    def size(self) -> int:
        """Filled slots of both halves."""
        return self._in_ring + self.kept

    @property
    def _in_ring(self) -> int:
        return self.ring if self.full else self.pos

    @property
    def filled(self) -> tuple[tuple[int, int], ...]:
        """Ranges of slots that hold a transition."""
        return (0, self._in_ring), (self.ring, self.ring + self.kept)

    @property
    def scores(self) -> Floats:
        """Scores of the filled slots of B; infinity: not known yet."""
        return self._scores.scores[: self.kept].copy()

    @property
    def entered(self) -> Ints:
        """Numbers of the transitions in the filled slots of B, from 0."""
        return self._scores.entered[: self.kept].copy()

    # ---- Adding and drawing ----------------------------------------------------------------------------

    def _added(self, slot: int) -> None:
        if self._library is not None:
            super()._added(slot)
            if not self.has_rows and self._struct is not None:
                self.store.copy(slot, self.ring + self._struct.target)
            return
        if self.kept < self.ring:
            target = self.kept
            self.kept += 1
        else:
            target = self._scores.lowest()
        self._copy(slot, self.ring + target)
        self._scores.set(target, np.inf)
        self._scores.entered[target] = self.added
        self._new[(self._new_first + self._new_count) % len(self._new)] = target
        if self._new_count < len(self._new):
            self._new_count += 1
        else:
            self._new_first = (self._new_first + 1) % len(self._new)
        if self._trees:
            self._fresh[1].append(target)
        super()._added(slot)

    def _copy(self, source: int, target: int) -> None:
        self.store.copy(source, target)
        for column in (self.actions, self.rewards, self.dones, self.timeouts):
            column[target] = column[source]
        self.written[target] = 1

    def _drawn_by_numpy(self, batch_size: int) -> tuple[Ints, Floats]:
        self._refresh()
        omega = self.omega if self.kept else 1.0
        from_ring = batch_size if omega >= 1 else 0
        if 0 < omega < 1:
            from_ring = int((self.rng.random(batch_size) < omega).sum())
        counts, sizes = (from_ring, batch_size - from_ring), (self._in_ring, self.kept)
        if not self._trees:
            if self._legacy is None:
                self._legacy = np.random.RandomState(self.rng.bit_generator)
            drawn = [
                half * self.ring + self._legacy.randint(0, size, size=count)
                for half, (count, size) in enumerate(zip(counts, sizes, strict=True))
                if count
            ]
            return np.concatenate(drawn).astype(np.int64, copy=False), np.ones(batch_size)
        scales = [1.0, 1.0]
        if 0 < omega < 1:
            a, b = (tree.least / tree.total for tree in self._trees)
            scales = [omega * a, (1 - omega) * b]
            scales = [scale / min(scales) for scale in scales]
        halves = [
            self._from_shares(half, count, size, scale)
            for half, (count, size, scale) in enumerate(zip(counts, sizes, scales, strict=True))
            if count
        ]
        return np.concatenate([slots for slots, _ in halves]), np.concatenate([w for _, w in halves])

    # ---- Scores ----------------------------------------------------------------------------------------

    def feedback(self, td_errors: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        """Set priorities of what was drawn, and scores. Raises ValueError on a number that is not finite."""
        if self._library is None and not np.isfinite(values).all():
            raise ValueError(f"retention: {BAD_NUMBER}")
        super().feedback(td_errors, values)
        if self._library is None:
            self._score(self.indices, values)

    def rescore_slots(self) -> Ints:
        """Say which slots need their Q(s, .) of now: new ones of B first, then those whose turn it is."""
        batch_size = len(self.indices)
        if self._library is not None:
            struct = self.kernel_struct(batch_size, self._actions)
            slots = np.zeros(batch_size, np.int64)
            count = self._library.replay_rescore_slots(ctypes.addressof(struct), layouts.address(slots))
            self._read(struct)
            return slots[:count]
        fresh = min(batch_size // 2, self._new_count)
        first = (self._new_first + np.arange(fresh)) % len(self._new)
        self._new_first = (self._new_first + fresh) % len(self._new)
        self._new_count -= fresh
        others = min(batch_size - fresh, self.kept)
        turn = (self._next + np.arange(others)) % max(1, self.kept)
        if others:
            self._next = int(turn[-1]) + 1
        return self.ring + np.concatenate([self._new[first], turn])

    def rescore(self, slots: Ints, values: NDArray[np.float32]) -> None:
        """Take the Q(s, .) of slots: slots x actions. Raises ValueError on one that is not finite."""
        if self._library is None:
            self._score(slots, values)
            return
        struct = self.kernel_struct(len(self.indices), self._actions)
        slots = np.ascontiguousarray(slots, np.int64)
        all_values = np.ascontiguousarray(values, np.float32)
        pointers = layouts.address(slots), layouts.address(all_values)
        self._library.replay_rescore(ctypes.addressof(struct), *pointers, len(slots))
        self._read(struct)

    def _score(self, slots: Ints, values: NDArray[np.float32]) -> None:
        if not np.isfinite(values).all():
            raise ValueError(f"retention: {BAD_NUMBER}")
        scores = off_policy(self.score, values, self.actions[slots, 0, 0])
        kept = slots >= self.ring
        self._scores.set(slots[kept] - self.ring, scores[kept])

    # ---- The kernel, checkpoints -----------------------------------------------------------------------

    def kernel_struct(self, batch_size: int, actions: int) -> layouts.Replay:
        """Hand the counters over to the kernel: from now to `take_back` it adds, draws and scores."""
        struct = super().kernel_struct(batch_size, actions)
        struct.kept, struct.next = self.kept, self._next
        struct.fresh_first, struct.fresh_count = self._new_first, self._new_count
        return struct

    def _new_struct(self, batch_size: int, actions: int) -> layouts.Replay:
        struct = super()._new_struct(batch_size, actions)
        struct.omega, struct.scoring = self.omega, layouts.SCORES.index(self.score)
        struct.fresh = layouts.address(self._new)
        struct.scores = self._scores.struct()
        return struct

    def _read(self, struct: layouts.Replay) -> None:
        self.kept, self._next = struct.kept, struct.next
        self._new_first, self._new_count = struct.fresh_first, struct.fresh_count
        super()._read(struct)

    def tables(self) -> list[Table]:
        """What a checkpoint keeps row by row: also the scores."""
        columns = {"score": self._scores.scores, "entered": self._scores.entered}
        return [*super().tables(), Table("scores", columns, self._scores.written, ((0, self.kept),))]

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beyond the tables; values that JSON can hold."""
        new = self._new[(self._new_first + np.arange(self._new_count)) % len(self._new)].tolist()
        return super().state() | {"kept": self.kept, "next": self._next, "new": new}

    def set_state(self, values: Mapping[str, Any]) -> None:
        """Take back what `state` gave; the tables are filled already."""
        self.kept, self._next = int(values["kept"]), int(values["next"])
        self._new_first, self._new_count = 0, len(values["new"])
        self._new[: self._new_count] = values["new"]
        super().set_state(values)
        self._scores.scores[self.kept :], self._scores.entered[self.kept :] = np.inf, LAST
        self._scores.rebuild()

    def check_valid(self) -> None:
        """Raise ValueError if trees, scores, counters and filled slots contradict each other."""
        self._scores.check_valid()
        entered = self._scores.entered[: self.kept]
        if self.kept != min(self.added, self.ring) or len(np.unique(entered)) != self.kept:
            raise ValueError(f"retention: {self.kept} kept of {self.added}, some of them twice")
        if self.kept and not 0 <= entered.min() <= entered.max() == self.added - 1:
            raise ValueError("retention: what is kept is not what was added")
        super().check_valid()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what means nothing in another process."""
        return {**super().__getstate__(), "_legacy": None}

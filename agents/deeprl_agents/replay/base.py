"""The replay buffer of one environment: uniform, and the base of all others.

It has Stable-Baselines3's face (`add`, `sample`, `size`, the arrays) and draws with its random stream.
Beneath, four parts that subclasses change one by one: where observations are kept (a Store), which slots are
drawn (`draw`), what an update tells it (`feedback`), and what a checkpoint keeps (`tables`, `state`).
"""

import ctypes
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from deeprl_agents.kernel import layouts
from deeprl_agents.replay.rows import Ints, Rows, Store, StoreMaker
from deeprl_agents.replay.table import Table

Floats = NDArray[np.float64]


class Replay(ReplayBuffer):
    """A ring of transitions, drawn uniformly with replacement; n-step as in SB3's NStepReplayBuffer.

    After `draw`, `indices` (slots) and `weights` (largest possible 1) belong to the batch.
    handle_timeout_termination: bootstrap through time limits; otherwise they are stored as terminal.
    store: makes what keeps the observations, from number of slots, shape and dtype; Rows: as they come.
    """

    kind: ClassVar[int] = layouts.UNIFORM
    """How the kernel draws; a subclass that does not say so itself is drawn from in Python."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the kernel from passing over a `draw` or `add` that it does not know."""
        super().__init_subclass__(**kwargs)
        cls.kind = cls.__dict__.get("kind", layouts.UNKNOWN)

    def __init__(
        self,
        buffer_size: int,
        observation_space: Any,
        action_space: Any,
        device: Any = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        *,
        n_steps: int = 1,
        gamma: float = 0.99,
        store: StoreMaker = Rows,
    ) -> None:
        BaseBuffer.__init__(self, buffer_size, observation_space, action_space, device, n_envs=n_envs)
        assert n_envs == 1, "one environment at a time"
        assert not optimize_memory_usage, "a Store of single frames saves more"
        self.buffer_size = buffer_size
        self.optimize_memory_usage = False
        self.handle_timeout_termination = handle_timeout_termination
        self.n_steps, self.gamma = n_steps, gamma
        self.store: Store = store(buffer_size, self.obs_shape, observation_space.dtype)
        self.actions = np.zeros((buffer_size, 1, self.action_dim), self._maybe_cast_dtype(action_space.dtype))
        self.rewards, self.dones, self.timeouts = (np.zeros((buffer_size, 1), np.float32) for _ in range(3))
        self.written = np.zeros(buffer_size, np.uint8)
        self.added = 0  # transitions ever added
        self.indices: Ints = np.zeros(0, np.int64)
        self.weights: Floats = np.zeros(0)
        self._began = True  # the next transition begins an episode
        self._struct: layouts.Replay | None = None
        self._rows: layouts.Rows | None = None
        self._drawn = np.zeros(0, np.int64), np.zeros(0)

    @property
    def observations(self) -> Any:  # type: ignore[override]
        """As SB3's: slots x 1 x shape, where the store has rows."""
        return self.store.observations  # type: ignore[attr-defined]

    @property
    def next_observations(self) -> Any:  # type: ignore[override]
        """As SB3's: slots x 1 x shape, where the store has rows."""
        return self.store.next_observations  # type: ignore[attr-defined]

    @property
    def ring(self) -> int:
        """Slots that new transitions go to, from 0."""
        return self.buffer_size

    def add(self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: Any) -> None:
        """Store one transition; all arguments as SB3 gives them, with a first axis of one environment."""
        slot = self.pos
        shape = self.obs_shape
        self.store.put(
            slot,
            np.asarray(obs).reshape(shape),
            np.asarray(next_obs).reshape(shape),
            first=self._began,
        )
        self.actions[slot] = np.asarray(action).reshape(1, self.action_dim)
        self.rewards[slot] = np.asarray(reward).reshape(1)
        self.dones[slot] = over = bool(np.asarray(done).reshape(-1)[0])
        if self.handle_timeout_termination:
            self.timeouts[slot] = bool(infos[0].get("TimeLimit.truncated", False))
        self._began = over
        self._added(slot)

    def begins_after(self, over: bool) -> None:
        """Say whether the next transition begins an episode."""
        self._began = over

    def cut(self) -> None:
        """Let nothing follow the newest transition, as after a time limit: its episode was lost."""
        if self.added:
            newest = (self.pos - 1) % self.ring
            self.timeouts[newest] = self.written[newest] = 1
            self.begins_after(True)

    def _added(self, slot: int) -> None:
        """Count the transition that was stored in a slot, and move on."""
        self.written[slot] = 1
        self.added += 1
        self.pos = slot + 1
        if self.pos == self.ring:
            self.full, self.pos = True, 0

    def draw(self, batch_size: int) -> None:
        """Choose the slots of a batch, and how much each counts; from numpy's global stream, as SB3 does."""
        self.indices = np.random.randint(0, self.size(), size=batch_size)
        self.weights = np.ones(batch_size)

    def feedback(self, td_errors: NDArray[np.float32], values: NDArray[np.float32]) -> None:
        """Learn from an update on what was drawn: TD errors (batch), Q(s, .) before it (batch x actions)."""

    def rescore_slots(self) -> Ints:
        """Say which further slots need their Q(s, .) of now; asked once for each update."""
        return np.zeros(0, np.int64)

    def rescore(self, slots: Ints, values: NDArray[np.float32]) -> None:
        """Take the Q(s, .) of slots: slots x actions."""

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """Draw a batch; tensors as SB3 gives them."""
        self.draw(batch_size)
        return self._get_samples(self.indices, env)

    def _get_samples(self, batch_inds: Any, env: Any = None) -> ReplayBufferSamples:
        slots = np.asarray(batch_inds, dtype=np.int64)
        rewards, last, final, discounts = self.returns(slots)
        parts: tuple[Any, ...] = (
            self._normalize_obs(self.store.before(slots), env),
            self.actions[slots, 0],
            self._normalize_obs(self.store.after(last), env),
            final[:, None],
            self._normalize_reward(rewards[:, None], env),
        )
        tensors = [self.to_torch(part) for part in parts]
        discount = None if self.n_steps == 1 else self.to_torch(discounts[:, None])
        return ReplayBufferSamples(*tensors, discounts=discount)  # type: ignore[misc]

    def returns(
        self, slots: Ints
    ) -> tuple[NDArray[np.float32], Ints, NDArray[np.float32], NDArray[np.float32]]:
        """Sum the next n rewards, up to an episode's end or the newest transition, as SB3 does.

        Gives returns, the slots of the last transitions, 1 where these were terminal, and the discounts of
        the values after them.
        """
        if self.n_steps == 1:
            final = self.dones[slots, 0] * (1 - self.timeouts[slots, 0])
            return self.rewards[slots, 0], slots, final, np.full(len(slots), self.gamma, np.float32)
        steps = np.arange(self.n_steps)
        path = (slots[:, None] + steps) % self.ring
        timeouts = self.timeouts[path, 0]
        # The newest transition has no successor: what follows in the ring is the oldest.
        newest = (self.pos - 1) % self.ring
        timeouts[(path == newest) & (self.dones[path, 0] == 0)] = 1
        over = (self.dones[path, 0] != 0) | (timeouts != 0)
        end = np.where(over.any(axis=1), over.argmax(axis=1), self.n_steps - 1)
        counted = steps <= end[:, None]
        powers = self.gamma ** steps.astype(np.float32)
        total = (self.rewards[path, 0] * powers * counted).sum(axis=1, dtype=np.float32)
        rows = np.arange(len(slots))
        last = path[rows, end]
        final = self.dones[last, 0] * (1 - timeouts[rows, end])
        discounts = self.gamma ** (end + 1).astype(np.float32)
        return total, last, final, discounts.astype(np.float32)

    @property
    def has_rows(self) -> bool:
        """Whether the columns are what the kernel reads: rows of float32, integer actions."""
        rows = isinstance(self.store, Rows) and self.store.observations.dtype == np.float32
        return rows and self.actions.dtype == np.int64 and self.action_dim == 1

    def kernel_struct(self, batch_size: int, actions: int) -> layouts.Replay:
        """Hand the counters over to the kernel: from now to `take_back` it adds and draws.

        batch_size: how many it shall draw; actions: how many the environment has. Needs `has_rows`.
        """
        struct = self._struct
        if struct is None or struct.batch != batch_size:
            struct = self._struct = self._new_struct(batch_size, actions)
        struct.pos, struct.added = self.pos, self.added
        struct.size = self.ring if self.full else self.pos
        return struct

    def _new_struct(self, batch_size: int, actions: int) -> layouts.Replay:
        address = layouts.address
        store = self.store if isinstance(self.store, Rows) and self.has_rows else None
        self._drawn = np.zeros(batch_size, np.int64), np.ones(batch_size)
        self._rows = layouts.Rows(
            observations=address(store.observations) if store else None,
            next_observations=address(store.next_observations) if store else None,
            actions=address(self.actions),
            rewards=address(self.rewards),
            dones=address(self.dones),
            timeouts=address(self.timeouts),
            width=int(np.prod(self.obs_shape)),
        )
        return layouts.Replay(
            kind=self.kind,
            batch=batch_size,
            actions=actions,
            capacity=self.ring,
            rows=ctypes.addressof(self._rows),
            written=address(self.written),
            bits=layouts.bits(None),
            slots=address(self._drawn[0]),
            weights=address(self._drawn[1]),
        )

    def hand_over(self) -> None:
        """Give the kernel what was drawn in Python."""
        self._drawn[0][:], self._drawn[1][:] = self.indices, self.weights

    def take_back(self) -> None:
        """Read the counters that the kernel has moved on. Raises ValueError on what it could not do."""
        assert self._struct is not None
        self.indices, self.weights = self._drawn
        self.pos, self.added = self._struct.pos, self._struct.added
        self.full = self._struct.size == self.ring
        self._began = bool(self.dones[(self.pos - 1) % self.ring, 0])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out addresses: they mean nothing in another process."""
        return {**self.__dict__, "_struct": None, "_rows": None}

    def tables(self) -> list[Table]:
        """What a checkpoint keeps row by row."""
        columns = {
            **self.store.columns(),
            "actions": self.actions,
            "rewards": self.rewards,
            "dones": self.dones,
            "timeouts": self.timeouts,
        }
        return [Table("transitions", columns, self.written, self.filled), *self.store.tables()]

    @property
    def filled(self) -> tuple[tuple[int, int], ...]:
        """Ranges of slots that hold a transition."""
        return ((0, self.size()),)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beyond the tables; values that JSON can hold."""
        return {"pos": self.pos, "full": self.full, "added": self.added, "began": self._began}

    def set_state(self, values: Mapping[str, Any]) -> None:
        """Take back what `state` gave; the tables are filled already."""
        self.pos, self.full = int(values["pos"]), bool(values["full"])
        self.added, self._began = int(values["added"]), bool(values["began"])
        self.store.restore((self.pos - 1) % self.ring)

    def check_valid(self) -> None:
        """Raise ValueError if the counters contradict each other."""
        if not 0 <= self.pos < self.ring or (self.ring if self.full else self.pos) > self.added:
            raise ValueError(f"replay: position {self.pos} of {self.ring}, {self.added} added")
        self.store.check_valid()

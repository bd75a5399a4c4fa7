"""Prioritized experience replay (Schaul et al. 2016), proportional, for one environment.

P(i) = p_i^alpha / sum, p = |TD error| + eps, new items at the largest p so far, weights (N P(i))^-beta over
the largest weight of the whole buffer. Unlike OpenAI baselines' code of 2017, the last filled slot is drawn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer

from deeprl_agents.replay.sum_tree import Ints, SumTree


class PrioritizedReplayBuffer(NStepReplayBuffer):
    """SB3's (n-step) buffer that draws by priority with its own random stream.

    After `sample`, `indices` and `weights` (batch, float64, largest of the buffer 1) belong to the batch.
    """

    def __init__(
        self,
        *args: Any,
        rng: np.random.Generator,
        alpha: float = 0.6,
        beta: float = 0.4,
        beta_steps: int = 0,
        eps: float = 1e-6,
        n_steps: int = 1,
        gamma: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, n_steps=n_steps, gamma=gamma, **kwargs)
        assert self.n_envs == 1, "one environment at a time"
        self.alpha, self.eps = alpha, eps
        self.beta_start, self.beta_steps = beta, beta_steps
        self.rng = rng
        self.added = 0  # items ever added
        self.max_priority = 1.0  # the largest p so far, before the exponent
        self.indices: Ints = np.zeros(0, dtype=np.int64)
        self.weights: NDArray[np.float64] = np.zeros(0)
        self._tree = SumTree(self.buffer_size)
        self._fresh: list[int] = []  # added since the tree was last brought up to date

    @property
    def beta(self) -> float:
        """The exponent of the weights now: fixed, or rising to 1 over beta_steps additions."""
        if not self.beta_steps:
            return self.beta_start
        return self.beta_start + (1 - self.beta_start) * min(1.0, self.added / self.beta_steps)

    @property
    def priorities(self) -> NDArray[np.float64]:
        """p^alpha of the filled slots."""
        self._refresh()
        return self._tree.values[: self.size()].copy()

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Store one transition at the largest priority."""
        self._fresh.append(self.pos)
        self.added += 1
        super().add(*args, **kwargs)

    def sample(self, batch_size: int, env: Any = None) -> Any:
        """Draw a batch: one item from each of batch_size equal shares of the total priority."""
        self._refresh()
        shares = (np.arange(batch_size) + self.rng.random(batch_size)) / batch_size
        self.indices = np.minimum(self._tree.find(shares * self._tree.total), self.size() - 1)
        self.weights = (self._tree.values[self.indices] / self._tree.minimum) ** -self.beta
        return self._get_samples(self.indices, env)

    def update_priorities(self, td_errors: NDArray[np.floating[Any]]) -> None:
        """Set the priorities of the last batch. Raises ValueError on an error that is not finite."""
        priorities = np.abs(td_errors.astype(np.float64)) + self.eps
        if not np.isfinite(priorities).all():
            raise ValueError("prioritized replay: a TD error is NaN or infinite; try a lower learning_rate")
        self._tree.set(self.indices, priorities**self.alpha)
        self.max_priority = max(self.max_priority, float(priorities.max()))

    def check_valid(self) -> None:
        """Raise ValueError if the trees and the filled slots contradict each other."""
        self._refresh()
        self._tree.check_valid()
        filled = self._tree.values > 0
        if not filled[: self.size()].all() or filled[self.size() :].any():
            raise ValueError("prioritized replay: a filled slot without priority, or the reverse")

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give what a checkpoint needs beyond the transitions: arrays, and values that JSON can hold."""
        values = {
            "added": self.added,
            "max_priority": self.max_priority,
            "rng": self.rng.bit_generator.state,
        }
        return {"priorities": self.priorities}, values

    def set_state(self, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Take back what `state` gave; pos and full are set already."""
        self.added, self.max_priority = int(values["added"]), float(values["max_priority"])
        self.rng.bit_generator.state = values["rng"]
        self._fresh = []
        self._tree = SumTree(self.buffer_size)
        self._tree.set(np.arange(self.size()), arrays["priorities"][: self.size()])

    def _refresh(self) -> None:
        if self._fresh:
            slots = np.array(self._fresh, dtype=np.int64)
            self._tree.set(slots, np.full(len(slots), self.max_priority**self.alpha))
            self._fresh = []

    def _get_samples(self, batch_inds: Any, env: Any = None) -> Any:
        if self.n_steps == 1:
            return ReplayBuffer._get_samples(self, batch_inds, env)
        return super()._get_samples(batch_inds, env)

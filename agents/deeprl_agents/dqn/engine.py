"""What trains a Q-network outside of torch: chosen once for a model, from the top of a ladder.

The ladder: the C kernel at the CPU's best level, its numpy twin, torch (Stable-Baselines3's own path).
An engine does one environment's steps: it keeps the observation, stores transitions, updates, picks actions.
Between `begin` and `end` its counters are ahead of the model's.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.type_aliases import TrainFrequencyUnit
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents.kernel import flat, library
from deeprl_agents.kernel.binding import KernelEngine
from deeprl_agents.kernel.twin import NumpyEngine
from deeprl_agents.replay.base import Replay

RANDOM = -1
"""Instead of an action: a random one is due."""


class Engine(Protocol):
    """Trains a model's network; see the module."""

    name: str
    following: NDArray[np.float32]
    """Written before `advance`: the observation after the step (flat)."""
    beginning: NDArray[np.float32]
    """Written before `advance` if the episode is over: the first observation of the next one (flat)."""

    def begin(self, observation: NDArray[Any]) -> None:
        """Take the model's counters and the observation now."""

    def end(self) -> NDArray[np.float32]:
        """Give the counters back; the observation now (flat)."""

    def choose(self) -> int:
        """Choose the next action, or RANDOM."""

    def advance(self, action: int, reward: float, flags: int) -> int:
        """Take what a step gave, learn if it is time, and choose the next action; layouts.STEP_*."""

    def train(self, updates: int) -> None:
        """Make updates, each on a new batch. Only outside of begin and end."""

    def greedy(self, observation: NDArray[np.float32]) -> int:
        """Give the action of largest value."""


def choose(model: Any) -> tuple[Engine | None, str]:
    """Choose the engine of a model, and say why it is not a higher one; None: torch."""
    rung = library.highest()
    if rung == "torch":
        return None, library.reason()
    why = _why_not(model)
    if why:
        return None, why
    network = flat.FlatNetwork(model.q_net, model.q_net_target, model.policy.optimizer)
    loaded = library.load(network.count)
    if loaded is not None:
        return KernelEngine(model, network, loaded), ""
    return NumpyEngine(model, network), library.reason()


def _why_not(model: Any) -> str:
    """Say what of a model only torch does, or nothing."""
    buffer = model.replay_buffer
    if model.device.type != "cpu":
        return f"device {model.device}"
    if not isinstance(buffer, Replay):
        return f"replay {type(buffer).__name__}"
    if not buffer.has_rows or model.observation_space.dtype != np.float32:
        return "observations"
    if model._vec_normalize_env is not None:
        return "VecNormalize"
    return flat.why_not(model.q_net, model.policy.optimizer)


def may_loop(model: Any) -> bool:
    """Whether the environment and the schedules are such that a whole rollout can be the engine's."""
    env = model.env
    return (
        type(env) is DummyVecEnv
        and env.num_envs == 1
        and model.train_freq.unit == TrainFrequencyUnit.STEP
        and model.gradient_steps >= 0
        and model.replay_buffer.kind >= 0
        and model.constant_learning_rate
    )

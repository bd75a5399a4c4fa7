"""Games so small that the right values are known: each breaks if one part of the learner is wrong."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.envs.seeded import Seeded

GAMMA = 0.5


class Probe(gymnasium.Env[Any, Any]):
    """Observes one number, has two actions."""

    observation_space: Any = gymnasium.spaces.Box(-2, 2, (1,), np.float32)
    action_space: Any = gymnasium.spaces.Discrete(2)
    now = 0.0
    steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin with the observation that `first` gives."""
        super().reset(seed=seed)
        self.steps = 0
        self.now = self.first()
        return self.observe(), {}

    def observe(self) -> Any:
        """The observation now."""
        return np.array([self.now], np.float32)

    def first(self) -> float:
        """Either -1 or 1."""
        return float(self.np_random.choice([-1.0, 1.0]))

    def step(self, action: Any) -> Any:
        """Count and play."""
        self.steps += 1
        reward, terminated, truncated = self.play(int(action))
        return self.observe(), reward, terminated, truncated, {}

    def play(self, action: int) -> tuple[float, bool, bool]:
        """One step; the reward is the observation."""
        return self.now, True, False


class Delayed(Probe):
    """Two steps, from 0 to 1; the reward comes at the end."""

    def first(self) -> float:
        """Always 0."""
        return 0.0

    def play(self, action: int) -> tuple[float, bool, bool]:
        """The second step ends it."""
        self.now = 1.0
        return (1.0, True, False) if self.steps == 2 else (0.0, False, False)


class Constant(Probe):
    """One step, always worth 1."""

    def play(self, action: int) -> tuple[float, bool, bool]:
        """End it."""
        return 1.0, True, False


class Lever(Probe):
    """The action is the reward, whatever is observed."""

    def play(self, action: int) -> tuple[float, bool, bool]:
        """End it."""
        return float(action), True, False


class EarlyChoice(Probe):
    """Two steps; the first action leads to 1 or -1, and the reward of the second step is where one is."""

    def first(self) -> float:
        """Always 0."""
        return 0.0

    def play(self, action: int) -> tuple[float, bool, bool]:
        """The second step ends it."""
        if self.steps == 2:
            return self.now, True, False
        self.now = 1.0 if action else -1.0
        return 0.0, False, False


class Choice(Probe):
    """The right action is 1 at 1 and 0 at -1: worth 1, the wrong one -1."""

    def play(self, action: int) -> tuple[float, bool, bool]:
        """Compare."""
        return (1.0 if (self.now > 0) == bool(action) else -1.0), True, False


class LateChoice(Probe):
    """Two steps; only the action of the second counts, and a bad one costs more than a good one brings."""

    def first(self) -> float:
        """Always 0."""
        return 0.0

    def play(self, action: int) -> tuple[float, bool, bool]:
        """The second step ends it."""
        self.now = 1.0
        return (1.0 if action else -3.0, True, False) if self.steps == 2 else (0.0, False, False)


class Timed(Probe):
    """One reward a step, cut off by the clock after five; every step looks alike."""

    def first(self) -> float:
        """Always 1."""
        return 1.0

    def play(self, action: int) -> tuple[float, bool, bool]:
        """Never ends by itself."""
        return 1.0, False, self.steps == 5


class ShortlyTimed(Probe):
    """One reward a step, cut off after two; the second looks different."""

    def first(self) -> float:
        """Always 1."""
        return 1.0

    def play(self, action: int) -> tuple[float, bool, bool]:
        """Never ends by itself."""
        self.now = -self.now
        return 1.0, False, self.steps == 2


KINDS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "prioritized": {"replay": "prioritized", "prioritized_beta": 1.0},
    "retention": {"replay": "retention"},
    "retention by priority": {
        "replay": "retention",
        "retention_sampler": "prioritized",
        "retention_score": "q_gap",
        "prioritized_beta": 1.0,
    },
    "dueling, no double": {
        "dueling": True,
        "double_q": False,
        "max_grad_norm": 10.0,
        "grad_clip": "variable",
    },
}


@pytest.fixture(params=KINDS)
def train(request: pytest.FixtureRequest, a_spec: Callable[..., Any]) -> Callable[..., DQN]:
    """Train on a probe, with each kind of learner."""

    def learn(probe: type[Probe], steps: int = 600, **changes: Any) -> DQN:
        fixed: dict[str, Any] = {
            "gamma": GAMMA,
            "learning_rate": 5e-3,
            "net_arch": [32],
            "learning_starts": 50,
            "target_update_interval": 20,
            "exploration_final_eps": 1.0,
        }
        spec = a_spec(**{**fixed, **KINDS[request.param], **changes})
        model = build.build(spec, DummyVecEnv([lambda: Seeded(probe(), seed_of=lambda episode: episode)]))
        model.learn(steps, log_interval=None)
        return model

    return learn


def values(model: DQN, *observations: float) -> Any:
    """Q of all actions."""
    with torch.no_grad():
        return model.q_net(torch.tensor(observations)[:, None]).numpy()


def test_a_constant_reward_is_the_value(train: Callable[..., DQN]) -> None:
    """All is worth 1."""
    assert values(train(Constant), -1.0, 1.0) == pytest.approx(np.ones((2, 2)), abs=0.15)


def test_the_value_is_that_of_the_action(train: Callable[..., DQN]) -> None:
    """Action 0 is worth 0, action 1 is worth 1."""
    assert values(train(Lever), -1.0, 1.0) == pytest.approx(np.array([[0, 1], [0, 1]]), abs=0.15)


def test_an_early_action_is_worth_what_it_leads_to(train: Callable[..., DQN]) -> None:
    """The first state's actions are worth gamma times -1 and 1."""
    found = values(train(EarlyChoice), 0.0, -1.0, 1.0)
    assert found == pytest.approx(np.array([[-GAMMA, GAMMA], [-1, -1], [1, 1]]), abs=0.2)


def test_value_is_the_reward_that_the_observation_tells(train: Callable[..., DQN]) -> None:
    """One step, reward = observation."""
    assert values(train(Probe), -1.0, 1.0) == pytest.approx(np.array([[-1, -1], [1, 1]]), abs=0.15)


def test_a_delayed_reward_is_discounted(train: Callable[..., DQN]) -> None:
    """Worth 1 at the second step, gamma at the first."""
    assert values(train(Delayed), 0.0, 1.0) == pytest.approx(np.array([[GAMMA] * 2, [1, 1]]), abs=0.15)


def test_the_action_depends_on_the_observation(train: Callable[..., DQN]) -> None:
    """Greedy actions are right in both states."""
    assert values(train(Choice), -1.0, 1.0).argmax(axis=1).tolist() == [0, 1]


def test_the_best_next_action_counts(train: Callable[..., DQN]) -> None:
    """The first state is worth gamma times the better action of the second, not the mean or the worse."""
    found = values(train(LateChoice, 1800), 0.0, 1.0)
    assert found[0] == pytest.approx([GAMMA] * 2, abs=0.2)
    assert found[1] == pytest.approx([-3, 1], abs=0.3)


def test_a_time_limit_is_bootstrapped_through(train: Callable[..., DQN]) -> None:
    """With timeouts = bootstrap a game that only the clock ends is worth 1 / (1 - gamma)."""
    found = values(train(Timed, timeouts="bootstrap"), 1.0)
    assert found == pytest.approx(np.full((1, 2), 1 / (1 - GAMMA)), abs=0.15)


def test_a_time_limit_is_an_end_in_the_study(train: Callable[..., DQN]) -> None:
    """With timeouts = terminal the last step is worth its reward, and the one before adds gamma of it."""
    found = values(train(ShortlyTimed, timeouts="terminal"), 1.0, -1.0)
    assert found == pytest.approx(np.array([[1 + GAMMA] * 2, [1, 1]]), abs=0.15)

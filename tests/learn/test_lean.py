"""What is left out of a step, or done faster, changes nothing of it."""

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from gymnasium.spaces import Discrete

from deeprl_agents.envs import lean, swing


def walk(env: Any, steps: int) -> list[Any]:
    """Play at random, the same way each time; all that each step gives."""
    rng = np.random.default_rng(0)
    told: list[Any] = [env.reset(seed=1)[0].tolist()]
    for number in range(steps):
        observation, reward, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        told.append((observation.tolist(), float(reward), terminated, truncated))
        if terminated or truncated:
            told.append(env.reset(seed=number)[0].tolist())
    return told


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Acrobot-v1", "LunarLander-v3"])
def test_a_lean_env_is_that_of_gymnasium(env_id: str) -> None:
    """The same observations, rewards and ends over 3,000 steps, to the bit."""
    ours, theirs = lean.make(env_id, max_episode_steps=300), gymnasium.make(env_id, max_episode_steps=300)
    assert walk(ours, 3000) == walk(theirs, 3000)


def test_acrobot_is_quickened() -> None:
    """Here numpy computes three cosines as it computes one, so the fast step is taken."""
    assert swing.quicken(gymnasium.make("Acrobot-v1").unwrapped)


class Other(AcrobotEnv):
    """A game of somebody's own."""


def test_another_acrobot_keeps_its_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A subclass, the other book, and a game whose results differ are left alone."""
    nips: Any = AcrobotEnv()
    nips.book_or_nips = "nips"
    assert not swing.quicken(Other())
    assert not swing.quicken(nips)
    monkeypatch.setattr(swing, "bound", lambda x, low, high: x * 1.0000001)
    assert not swing.quicken(AcrobotEnv())


def test_actions_are_what_discrete_takes_them_for() -> None:
    """Members, others, and a pickle that needs nothing of ours."""
    space: Any = lean.make("Acrobot-v1").action_space
    plain = Discrete(3)
    for one in (0, 2, 3, -1, True, np.int64(1), np.int64(3), 1.0, "1"):
        assert space.contains(one) == plain.contains(one), one
    assert type(pickle.loads(pickle.dumps(space))) is Discrete

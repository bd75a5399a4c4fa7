"""One seed per episode, and the actions since its start: all that it takes to bring an env back exactly.

Rule: environments are never pickled. Box2D loses its state in a pickle; a replay of the actions does not.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np

from deeprl_agents.envs.pixels import Pixels


def episode_seed(run_seed: int, episode: int) -> int:
    """Seed of an episode: equal run seeds give equal start states in all configurations."""
    return int(np.random.SeedSequence([run_seed, episode]).generate_state(1)[0])


def evaluation_seed(episode: int) -> int:
    """Seed of the n-th episode of every evaluation of every run."""
    return int(np.random.SeedSequence([episode], spawn_key=(1,)).generate_state(1)[0])


class Seeded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Seeds each reset by the number of the episode, from 1, and remembers the episode's actions."""

    def __init__(self, env: gymnasium.Env[Any, Any], *, seed_of: Callable[[int], int]) -> None:
        super().__init__(env)
        self._seed_of = seed_of
        self.episode = 0
        self.actions: list[int] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin the next episode; a seed from outside is ignored."""
        self.episode += 1
        self.actions = []
        return self.env.reset(seed=self._seed_of(self.episode), options=options)

    def step(self, action: Any) -> Any:
        """Take a step."""
        self.actions.append(int(action))
        return self.env.step(action)

    def replay(self, actions: Sequence[int]) -> tuple[Any, list[float]] | None:
        """Take these steps: the last observation and the rewards; None if the episode ends.

        Where images are made it takes less work: most of these need no picture.
        """
        if isinstance(self.env, Pixels):
            self.actions.extend(actions)
            return self.env.replay(actions)
        observation, rewards = None, []
        for action in actions:
            observation, reward, terminated, truncated, _ = self.step(action)
            if terminated or truncated:
                return None
            rewards.append(float(reward))
        return observation, rewards


def replay(env: gymnasium.Env[Any, Any], episode: int, actions: Sequence[int]) -> Any:
    """Bring an env back into an episode: its observation there, or None if the episode ended earlier.

    env: a Seeded, or one wrapped in what has `replay` too. Does one reset and all the steps.
    """
    seeded = env
    while not isinstance(seeded, Seeded):
        seeded = seeded.env  # type: ignore[attr-defined]
    seeded.episode = episode - 1
    observation, _ = env.reset()
    if not actions:
        return observation
    result = env.replay(actions)  # type: ignore[attr-defined]
    return None if result is None else result[0]

"""Environments of a run: made by name, seeded by episode, monitored in Stable-Baselines3's format."""

import warnings
from typing import Any

import gymnasium

from deeprl_agents.envs.pixels import Pixels
from deeprl_agents.envs.seeded import Seeded, episode_seed, evaluation_seed
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError

__all__ = ["Seeded", "episode_seed", "evaluation_seed", "make"]


def make(spec: RunSpec, *, training: bool) -> Seeded:
    """Make a run's environment. Raises DeeprlError if there is none of that name or DQN cannot use it.

    training: seed each episode by the run's seed; otherwise by the fixed seeds of evaluations.
    """
    settings: Any = spec.settings
    if ":" in spec.env:
        raise DeeprlError(
            "code of other modules is not loaded", place=f"env {spec.env}", remedy="use a registered id"
        )
    options: dict[str, Any] = {"render_mode": "rgb_array"} if settings["pixels"] else {}
    if settings["max_episode_steps"] is not None:
        options["max_episode_steps"] = settings["max_episode_steps"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the study's CartPole-v0 is meant
            env: Any = gymnasium.make(spec.env, **options)
    except gymnasium.error.Error as error:
        raise DeeprlError(
            f"cannot be made: {error}", place=f"env {spec.env}", remedy="check the id with gymnasium"
        ) from error
    if settings["pixels"]:
        env = Pixels(
            env, pool=settings["image_pool"], stack=settings["frame_stack"], skip=settings["frameskip"]
        )
    if not isinstance(env.action_space, gymnasium.spaces.Discrete) or env.action_space.start != 0:
        raise DeeprlError(
            f"has the actions {env.action_space}",
            place=f"env {spec.env}",
            remedy="DQN needs a Discrete action space from 0",
        )
    if not isinstance(env.observation_space, gymnasium.spaces.Box | gymnasium.spaces.Discrete):
        raise DeeprlError(
            f"has the observations {env.observation_space}",
            place=f"env {spec.env}",
            remedy="DQN takes Box and Discrete ones",
        )
    return Seeded(env, seed_of=_training_seed(spec.id.seed) if training else evaluation_seed)


def _training_seed(run_seed: int) -> Any:
    return lambda episode: episode_seed(run_seed, episode)

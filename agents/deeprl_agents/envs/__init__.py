"""Environments of a run: made by name, seeded by episode, monitored in Stable-Baselines3's format."""

import warnings
from typing import Any

import gymnasium

from deeprl_agents.envs import lean
from deeprl_agents.envs.pixels import Pixels
from deeprl_agents.envs.seeded import Seeded, episode_seed, evaluation_seed
from deeprl_agents.resolve import resolve
from deeprl_tui.core.plugin import is_path
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError

__all__ = ["Seeded", "episode_seed", "evaluation_seed", "make"]


def make(spec: RunSpec, *, training: bool, drawn: bool = False) -> Seeded:
    """Make a run's environment. Raises DeeprlError if there is none of that name or DQN cannot use it.

    Wrappers of the project go on top of all that the tool itself puts around it, the first one innermost.
    training: seed each episode by the run's seed; otherwise by the fixed seeds of evaluations.
    drawn: let it draw, if it can, also where nothing is learned from images.
    """
    settings: Any = spec.settings
    options: dict[str, Any] = {"render_mode": "rgb_array"} if settings["pixels"] else {}
    if settings["max_episode_steps"] is not None:
        options["max_episode_steps"] = settings["max_episode_steps"]
    env = _drawn(spec.env, options) if drawn and not settings["pixels"] else _inner(spec.env, options)
    if settings["pixels"]:
        env = Pixels(
            env,
            pool=settings["image_pool"],
            size=settings.get("image_size"),
            stack=settings["frame_stack"],
            skip=settings["frameskip"],
        )
    for path in settings.get("wrappers", ()):
        env = _checked(resolve(path)(env), f"wrapper {path}")
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


def _inner(env: str, options: dict[str, Any]) -> Any:
    return _own(env, options) if is_path(env) else _registered(env, options)


def _drawn(env: str, options: dict[str, Any]) -> Any:
    """Make an environment that draws; one that takes no render_mode is made without."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # gymnasium's, about a mode that it does not know
            return _inner(env, {**options, "render_mode": "rgb_array"})
    except (TypeError, DeeprlError):
        return _inner(env, options)


def _registered(env_id: str, options: dict[str, Any]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the study's CartPole-v0 is meant
            return lean.make(env_id, **options)
    except gymnasium.error.Error as error:
        raise DeeprlError(
            f"cannot be made: {error}", place=f"env {env_id}", remedy="check the id with gymnasium"
        ) from error


def _own(path: str, options: dict[str, Any]) -> Any:
    """Make an environment of the project: its class or function gets render_mode, and only for images."""
    limit = options.get("max_episode_steps")
    arguments = {key: value for key, value in options.items() if key != "max_episode_steps"}
    env = _checked(resolve(path)(**arguments), f"env {path}")
    return env if limit is None else gymnasium.wrappers.TimeLimit(env, limit)


def _checked(env: Any, place: str) -> Any:
    if isinstance(env, gymnasium.Env):
        return env
    raise DeeprlError(
        f"gave {type(env).__name__}, which is no environment", place=place, remedy="return a gymnasium.Env"
    )


def _training_seed(run_seed: int) -> Any:
    return lambda episode: episode_seed(run_seed, episode)

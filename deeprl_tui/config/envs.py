"""What is known about environments without importing gymnasium.

Rule: only a near miss of a known id is wrong; an id that resembles none may be somebody's own environment.
"""

import re
from dataclasses import dataclass

from deeprl_tui.config.text import Fault, nearest, shown
from deeprl_tui.core.plugin import is_path
from deeprl_tui.core.spec import ENV_ID


@dataclass(frozen=True, slots=True)
class Env:
    """Sizes of a known environment with discrete actions."""

    observation: int  # float32 numbers
    actions: int
    limit: int  # its own time limit, in environment steps
    height: int  # of its rendered image, in pixels
    width: int


KNOWN: dict[str, Env] = {
    "Acrobot-v1": Env(6, 3, 500, 500, 500),
    "CartPole-v1": Env(4, 2, 500, 400, 600),
    "LunarLander-v3": Env(8, 4, 1000, 400, 600),
    "MountainCar-v0": Env(2, 3, 200, 400, 600),
}

RETIRED: dict[str, str] = {
    "CartPole-v0": "write CartPole-v1 with max_episode_steps = 200",
    "LunarLander-v1": "write LunarLander-v3",
    "LunarLander-v2": "write LunarLander-v3",
    "Acrobot-v0": "write Acrobot-v1",
}

CONTINUOUS = (
    "BipedalWalker-v3",
    "CarRacing-v3",
    "LunarLanderContinuous-v3",
    "MountainCarContinuous-v0",
    "Pendulum-v1",
)

_VERSION = re.compile(r"[-_]?v[0-9]+$", re.IGNORECASE)


def check_env(env: str) -> None:
    """Raise Fault if env cannot be meant: ill-formed, retired, continuous, or a misspelling of a known id."""
    if not ENV_ID.fullmatch(env) or ".." in env:
        raise Fault(f'"{shown(env)}" is not an environment id', "write one like CartPole-v1")
    if env in RETIRED:
        raise Fault(f"{env} is retired", RETIRED[env])
    if env in CONTINUOUS:
        raise Fault(
            f"{env} has continuous actions, DQN needs discrete ones", f"write one like {_example(env)}"
        )
    if ":" in env and not is_path(env):
        raise Fault(
            f'"{shown(env)}" names an id behind a module', 'write "module:Name" with the name of its class'
        )
    if env in KNOWN or "/" in env or ":" in env:
        return
    meant = _meant(env)
    if meant:
        raise Fault(f'no environment "{env}"', f"did you mean {meant}?")


def _example(env: str) -> str:
    return "LunarLander-v3" if env.startswith("LunarLander") else "CartPole-v1"


def _plain(env: str) -> str:
    return re.sub(r"[-_.]", "", _VERSION.sub("", env)).lower()


def _meant(env: str) -> str:
    """Find the known id that env misspells: other case, other version, or a slip of a letter or two."""
    names = {_plain(known): known for known in KNOWN}
    plain = _plain(env)
    if plain in names:
        return names[plain]
    if any(name in plain and len(plain) > len(name) + 1 for name in names):
        return ""  # CartPoleSwingUp is an environment of its own
    return names.get(nearest(plain, names, cutoff=0.85), "")

"""How much memory a run will need, before it starts.

Rule: a number, or None where the sizes of the environment are not known; never a guess.

Counted: the worker itself, the replay buffer as it fills, the networks with gradients and Adam's two moments.
Assumed: the buffer stores every observation twice (as observation and as next observation); images are stored
as whole stacks of uint8. Memory that numpy has reserved but the run never reaches is not counted.
"""

import math
from collections.abc import Sequence
from typing import cast

from deeprl_tui.config.envs import KNOWN, Env
from deeprl_tui.core.plugin import used
from deeprl_tui.core.spec import RunSpec

WORKER = 36 * 2**20
"""Private bytes of a training worker without buffer and networks; 32 and 36 MB were measured with them."""

SHARED = 320 * 2**20
"""Bytes that all workers of a host share, once: what their fork server has imported."""

TRANSITION = 8 + 3 * 4
"""Bytes beside the observations: the action as int64; reward, done and time limit as float32."""

PRIORITY = 2 * 8
"""Bytes of a priority in a sum tree of float64, inner nodes included."""

COPIES = 5
"""Of each parameter: online and target network, gradient, two moments of Adam."""


def memory_bytes(spec: RunSpec) -> int | None:
    """Predict the private bytes of a run's worker; None for an environment or code of unknown sizes."""
    env = KNOWN.get(spec.env)
    if env is None or used(spec.env, spec.settings):
        return None
    parameters = _parameters(spec, env)
    if parameters is None:
        return None
    return WORKER + _buffer(spec, env) + COPIES * 4 * parameters


def _int(spec: RunSpec, key: str) -> int:
    return cast("int", spec.settings[key])


def _buffer(spec: RunSpec, env: Env) -> int:
    if spec.settings["pixels"]:
        height, width = _image(spec, env)
        observation = _int(spec, "frame_stack") * height * width
    else:
        observation = 4 * env.observation
    size = _int(spec, "buffer_size")
    bytes_each = 2 * observation + TRANSITION
    tree = 0
    if spec.settings["replay"] == "prioritized":
        tree = PRIORITY * 2 ** math.ceil(math.log2(size)) if size > 1 else PRIORITY
    return min(size, _most_transitions(spec, env)) * bytes_each + tree


def _most_transitions(spec: RunSpec, env: Env) -> int:
    """Bound the transitions that the budget can fill the buffer with."""
    if spec.settings["total_timesteps"] is not None:
        return _int(spec, "total_timesteps")
    limit = spec.settings["max_episode_steps"]
    return _int(spec, "total_episodes") * (env.limit if limit is None else _int(spec, "max_episode_steps"))


def _image(spec: RunSpec, env: Env) -> tuple[int, int]:
    """Return height and width after pooling; a rest at the border makes a pixel of its own."""
    pool = _int(spec, "image_pool")
    return math.ceil(env.height / pool), math.ceil(env.width / pool)


def _parameters(spec: RunSpec, env: Env) -> int | None:
    """Count the weights and biases of one network; None if an image is too small for its convolutions."""
    count, inputs = 0, env.observation
    if spec.settings["pixels"]:
        (height, width), channels = _image(spec, env), _int(spec, "frame_stack")
        for filters, kernel, stride in cast("Sequence[Sequence[int]]", spec.settings["convs"]):
            count += (channels * kernel * kernel + 1) * filters
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
            channels = filters
            if height < 1 or width < 1:
                return None
        inputs = channels * height * width
    for units in cast("Sequence[int]", spec.settings["net_arch"]):
        count += (inputs + 1) * units
        inputs = units
    outputs = env.actions + 1 if spec.settings["dueling"] else env.actions
    return count + (inputs + 1) * outputs

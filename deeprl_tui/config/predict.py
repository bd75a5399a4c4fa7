"""How much memory a run will need, before it starts.

Rule: a number, or None where the sizes of the environment are not known; never a guess.

Counted: the worker itself, the replay buffer as it fills, the networks with gradients and Adam's two moments.
Assumed: the buffer stores every observation twice (as observation and as next observation). Of images it
keeps each frame once; what retention keeps may come from anywhere, so there each transition has all frames of
its own. An episode's first frame is not counted: episodes are long. Memory that numpy has reserved but the
run never reaches is not counted.
"""

import math
from collections.abc import Sequence
from typing import cast

from deeprl_tui.config.envs import KNOWN, Env
from deeprl_tui.core.plugin import used
from deeprl_tui.core.spec import RunSpec

WORKER = 36 * 2**20
"""Private bytes of a training worker without buffer and networks; 32 and 36 MB were measured with them."""

RENDERING = 20 * 2**20
"""More of them where images are rendered: the games' drawing library, and frames on their way to disk."""

BATCHES = 5
"""Copies of a batch of images: as float32, scaled, laid out anew, and as much again between the layers."""

SHARED = 320 * 2**20
"""Bytes that all workers of a host share, once: what their fork server has imported."""

TRANSITION = 8 + 3 * 4 + 1
"""Bytes beside the observations: the action as int64; reward, done and time limit as float32; a mark."""

FRAME = 4 + 1
"""Bytes beside the pixels of a frame: how often it is used, a mark."""

NUMBER = 4
"""Bytes of a frame's number in a transition."""

PRIORITY = 15
"""Bytes of a priority in a tree of float64, inner nodes and a mark included."""

SCORE = 23
"""Bytes of what retention knows of a kept transition."""

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
    return WORKER + _images(spec, env) + _buffer(spec, env) + COPIES * 4 * parameters


def _images(spec: RunSpec, env: Env) -> int:
    """Count what rendering takes, and a batch of images as float32 on its way through the network."""
    if not spec.settings["pixels"]:
        return 0
    height, width = _image(spec, env)
    pixels = _int(spec, "batch_size") * _int(spec, "frame_stack") * height * width
    return RENDERING + 4 * BATCHES * pixels


def _int(spec: RunSpec, key: str) -> int:
    return cast("int", spec.settings[key])


def _buffer(spec: RunSpec, env: Env) -> int:
    size, steps = _int(spec, "buffer_size"), _most_transitions(spec, env)
    retains = spec.settings["replay"] == "retention"
    ring = size // 2 if retains else size
    newest = min(ring, steps)
    kept = newest if retains else 0
    total = (newest + kept) * TRANSITION + SCORE * (ring if retains else 0)
    if spec.settings["retention_sampler" if retains else "replay"] == "prioritized":
        total += PRIORITY * size
    if not spec.settings["pixels"]:
        return total + (newest + kept) * 2 * 4 * env.observation
    stack, (height, width) = _int(spec, "frame_stack"), _image(spec, env)
    frames = min(steps, newest + kept * (stack + 1))
    return total + (newest + kept) * 2 * stack * NUMBER + frames * (height * width + FRAME)


def _most_transitions(spec: RunSpec, env: Env) -> int:
    """Bound the transitions that the budget can fill the buffer with."""
    if spec.settings["total_timesteps"] is not None:
        return _int(spec, "total_timesteps")
    limit = env.limit if spec.settings["max_episode_steps"] is None else _int(spec, "max_episode_steps")
    skip = _int(spec, "frameskip") if spec.settings["pixels"] else 1
    return _int(spec, "total_episodes") * math.ceil(limit / skip)


def _image(spec: RunSpec, env: Env) -> tuple[int, int]:
    """Return height and width of the images; a rest at the border of squares makes a pixel of its own."""
    size = cast("Sequence[int] | None", spec.settings.get("image_size"))
    if size:
        return size[0], size[-1]
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

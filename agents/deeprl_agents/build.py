"""From a RunSpec to a DQN: the only place that knows how settings become arguments."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.logger import Logger

from deeprl_agents.dqn.convs import Convs
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.dqn.policy import OwnPolicy
from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.frames import Frames
from deeprl_agents.replay.prioritized import PrioritizedReplay
from deeprl_agents.replay.retention import RetentionReplay
from deeprl_agents.resolve import resolve
from deeprl_tui.core.plugin import is_path
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError

WORD = 2**32
RECORD_BYTES = 40
"""Action, reward, two flags and priority of a transition."""


def build(spec: RunSpec, env: Any) -> DQN:
    """Build the model of a run. Raises DeeprlError on settings that do not go together."""
    settings: Any = spec.settings
    if spec.algo != "dqn":
        raise DeeprlError(f"unknown algorithm {spec.algo}", place=str(spec.id), remedy="this version has dqn")
    seed = spec.id.seed % WORD
    buffer, buffer_arguments = _buffer(settings, seed)
    framed = settings["pixels"] and issubclass(buffer, Replay) and _shows_frames(env.observation_space)
    if framed:
        buffer_arguments["store"] = Frames
    _check_memory(spec, env.observation_space, framed=framed)
    policy: dict[str, Any] = {
        "net_arch": list(settings["net_arch"]),
        "optimizer_kwargs": {"eps": settings["adam_eps"], "fused": True},  # one pass over the weights
    }
    if settings["pixels"]:
        policy["features_extractor_class"] = Convs
        policy["features_extractor_kwargs"] = {"layers": [list(layer) for layer in settings["convs"]]}
    network = settings.get("network", "mlp")
    if is_path(network):
        policy |= {"network": resolve(network), "net_arch": []}
    model = DQN(
        OwnPolicy if is_path(network) else policy_name(settings),
        env,
        learning_rate=settings["learning_rate"],
        buffer_size=settings["buffer_size"],
        learning_starts=settings["learning_starts"],
        batch_size=settings["batch_size"],
        tau=settings["tau"],
        gamma=settings["gamma"],
        train_freq=settings["train_freq"],
        gradient_steps=settings["gradient_steps"],
        replay_buffer_class=buffer,
        replay_buffer_kwargs=buffer_arguments,
        target_update_interval=settings["target_update_interval"],
        exploration_initial_eps=settings["exploration_initial_eps"],
        exploration_final_eps=settings["exploration_final_eps"],
        exploration_steps=settings["exploration_steps"],
        exploration=settings["exploration"],
        boltzmann_beta=settings["boltzmann_beta"],
        max_grad_norm=settings["max_grad_norm"],
        grad_clip=settings["grad_clip"],
        double_q=settings["double_q"],
        net_init="torch" if is_path(network) else settings["net_init"],  # a network of one's own stays so
        final_reward=settings["final_reward"],
        total_episodes=settings["total_episodes"],
        policy_kwargs=policy,
        seed=seed,
        device=_device(spec),
    )
    model.set_logger(Logger(folder=None, output_formats=[]))  # SB3's own would leave a folder in /tmp
    return model


def policy_name(settings: Any) -> str:
    """The policy that fits the settings; all but OwnPolicy are in DQN.policy_aliases."""
    if is_path(settings.get("network")):
        return "OwnPolicy"
    return "DuelingPolicy" if settings["dueling"] else "CnnPolicy" if settings["pixels"] else "MlpPolicy"


def _device(spec: RunSpec) -> str:
    device = str(spec.settings.get("device", "cpu"))
    if device == "cuda" and not torch.cuda.is_available():
        raise DeeprlError(
            "torch sees no GPU here",
            place=f"{spec.id} device",
            remedy='write device = "cpu", or install NVIDIA\'s driver and a CUDA build of torch',
        )
    return device


def _buffer(settings: Any, seed: int) -> tuple[type[ReplayBuffer], dict[str, Any]]:
    arguments: dict[str, Any] = {"handle_timeout_termination": settings["timeouts"] == "bootstrap"}
    if is_path(settings["replay"]):
        return _own_buffer(settings, arguments)
    arguments |= {"n_steps": settings["n_steps"], "gamma": settings["gamma"]}
    if settings["replay"] == "uniform":
        return Replay, arguments
    arguments |= {
        "rng": np.random.default_rng([seed, 1]),
        "alpha": settings["prioritized_alpha"],
        "beta": settings["prioritized_beta"],
        "beta_steps": settings["prioritized_beta_steps"],
        "eps": settings["prioritized_eps"],
    }
    if settings["replay"] == "prioritized":
        return PrioritizedReplay, arguments
    if settings["replay"] != "retention":
        raise DeeprlError(
            f"unknown replay {settings['replay']!r}",
            remedy="this version has uniform, prioritized and retention",
        )
    return RetentionReplay, {
        **arguments,
        "omega": settings["retention_omega"],
        "score": settings["retention_score"],
        "sampler": settings["retention_sampler"],
    }


def _shows_frames(space: Any) -> bool:
    """Whether observations are stacks of images still, under the project's own wrappers."""
    return space.dtype == np.uint8 and len(space.shape) == 3


def _own_buffer(settings: Any, arguments: dict[str, Any]) -> tuple[type[ReplayBuffer], dict[str, Any]]:
    """Resolve a buffer of the project; Stable-Baselines3's plain ones know no n-step returns."""
    place, buffer = f"replay {settings['replay']}", resolve(settings["replay"])
    if not isinstance(buffer, type) or not issubclass(buffer, ReplayBuffer):
        raise DeeprlError(
            "is no replay buffer", place=place, remedy="derive it from deeprl_agents.replay.base.Replay"
        )
    if issubclass(buffer, Replay | NStepReplayBuffer):
        return buffer, {**arguments, "n_steps": settings["n_steps"], "gamma": settings["gamma"]}
    if settings["n_steps"] > 1:
        raise DeeprlError(
            "knows no n_steps", place=place, remedy="derive it from deeprl_agents.replay.base.Replay"
        )
    return buffer, arguments


def _check_memory(spec: RunSpec, observations: Any, *, framed: bool) -> None:
    """Refuse a buffer that will not fit: the kernel would kill the worker hours later."""
    settings: Any = spec.settings
    count = min(settings["buffer_size"], settings["total_timesteps"] or settings["buffer_size"])
    one = RECORD_BYTES + 2 * np.dtype(observations.dtype).itemsize * int(np.prod(observations.shape))
    if framed:
        stack, height, width = observations.shape
        # What retention keeps, half of all, may come from anywhere: all frames of its own.
        frames = (stack + 2) / 2 if settings["replay"] == "retention" else 1
        one = RECORD_BYTES + 8 * stack + int(frames * height * width)
    available = _available_bytes()
    if available is not None and count * one > available:
        raise DeeprlError(
            f"{count:,} transitions take {count * one / 1e9:.1f} GB, {available / 1e9:.1f} GB are free",
            place=f"{spec.id} buffer_size",
            remedy="use a smaller buffer_size or smaller images",
        )


def _available_bytes() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
